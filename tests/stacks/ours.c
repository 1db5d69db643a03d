#include "ours.h"

#include "synscope/core/util.h"

#include <string.h>

#define NEAR 0x100000 /* beyond any window that a stack here offers */

static uint32_t random32(struct ours *o)
{
	/* splitmix64, Steele and others 2014: any seed is as good as another. */
	uint64_t z = o->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

unsigned ours_draw(struct ours *o, unsigned limit)
{
	return (unsigned)((uint64_t)random32(o) * limit >> 32);
}

bool ours_chance(struct ours *o, unsigned percent)
{
	return ours_draw(o, 100) < percent;
}

void ours_begin(struct ours *o, uint64_t seed, unsigned avoid)
{
	memset(o, 0, sizeof *o);
	o->random = seed;
	o->avoid = avoid;
}

void ours_hear(struct ours *o, const struct segment *s)
{
	if (s->flags & TCP_RST) {
		o->dead = true;
		return;
	}
	if ((s->flags & TCP_SYN) && (!o->heard || !seq_eq(o->its_iss, s->seq))) {
		o->heard = true;
		o->its_iss = s->seq;
		o->its_next = o->its_end = seq_add(s->seq, 1);
	}
	if (!o->heard)
		return;
	o->its_window = s->window;
	const seq_t end = segment_end(s);
	if (seq_le(s->seq, o->its_next) && seq_gt(end, o->its_next))
		o->its_next = end;
	if (seq_gt(end, o->its_end))
		o->its_end = end;
}

/* ---- drawing ---- */

static void put_option(struct segment_spec *spec, struct ours *o, const uint8_t *bytes,
		       uint8_t count)
{
	memcpy(o->options + spec->raw_options_bytes, bytes, count);
	spec->raw_options_bytes = (uint8_t)(spec->raw_options_bytes + count);
	spec->raw_options = o->options;
}

static void draw_options(struct ours *o, struct segment_spec *spec)
{
	if ((o->avoid & STACK_MSS_TWICE) == 0 && ours_chance(o, 50)) {
		const uint8_t mss[4] = {2, 4, ours_chance(o, 50) ? 5 : 2, 0xb4};
		put_option(spec, o, mss, sizeof mss);
	}
	if (ours_chance(o, 30)) {
		const uint8_t scale[4] = {1, 3, 3, (uint8_t)ours_draw(o, 8)};
		put_option(spec, o, scale, sizeof scale);
	}
}

static uint16_t draw_window(struct ours *o)
{
	const unsigned kind = ours_draw(o, 100);
	const unsigned least = (o->avoid & STACK_WINDOW_GROWS) ? 3000 : 0;
	if (kind < 75)
		return 65535;
	if (kind < 83)
		return 0;
	if (kind < 92 && least == 0)
		return (uint16_t)(1 + ours_draw(o, 20));
	return (uint16_t)(least + ours_draw(o, 65536 - least));
}

static size_t draw_text(struct ours *o)
{
	const unsigned kind = ours_draw(o, 100);
	if (kind < 80)
		return 1 + ours_draw(o, 20);
	return 1 + ours_draw(o, OURS_TEXT_MAX);
}

static void set_text(struct segment_spec *spec, size_t count)
{
	static const uint8_t text[OURS_TEXT_MAX];
	spec->payload = text;
	spec->payload_bytes = count;
}

static seq_t end_of(const struct segment_spec *spec)
{
	return seq_add(spec->seq, (uint32_t)spec->payload_bytes + ((spec->flags & TCP_SYN) != 0) +
					  ((spec->flags & TCP_FIN) != 0));
}

/* One FIN, and nothing behind it. What lies far away is out of any window. */
static void stay_before_fin(const struct ours *o, struct segment_spec *spec)
{
	const int32_t beyond = seq_diff(end_of(spec), o->closed ? o->fin_end : o->next);
	const bool fin = (spec->flags & TCP_FIN) != 0;
	if ((!fin && spec->payload_bytes == 0) || beyond > NEAR || beyond < -NEAR)
		return;
	if (o->closed && (fin || seq_diff(end_of(spec), seq_sub(o->fin_end, 1)) > 0))
		spec->seq = seq_sub(o->fin_end, (uint32_t)spec->payload_bytes + 1);
	else if (!o->closed && fin)
		spec->seq = o->next;
}

static void keep_clear_of_ack(struct ours *o, struct segment_spec *spec)
{
	const bool ahead = !o->heard || seq_gt(spec->ack, o->its_end);
	const bool good = !ahead && seq_gt(spec->ack, o->its_iss);
	if (good && spec->window > o->offered)
		o->offered = spec->window;
	else if (!good && (o->avoid & STACK_ANY_WINDOW) && spec->window > o->offered)
		spec->window = o->offered; /* or none */
	if (ahead && (o->avoid & STACK_ANY_TEXT)) {
		spec->payload_bytes = 0;
		spec->flags &= (uint16_t)~TCP_FIN;
	}
}

static void keep_clear(struct ours *o, struct segment_spec *spec)
{
	const uint16_t both = TCP_SYN | TCP_FIN;
	if ((o->avoid & STACK_SYN_FIN) && (spec->flags & both) == both)
		spec->flags &= (uint16_t)~TCP_FIN;
	if ((o->avoid & STACK_BARE_FIN) && (spec->flags & (TCP_FIN | TCP_ACK)) == TCP_FIN) {
		spec->flags |= TCP_ACK;
		spec->ack = o->its_next;
	}
	if ((o->avoid & STACK_BEYOND_FIN) && o->open && (spec->flags & TCP_SYN) && o->closed)
		spec->payload_bytes = 0;
	else if ((o->avoid & STACK_BEYOND_FIN) && o->open && (spec->flags & TCP_RST) == 0)
		stay_before_fin(o, spec);
	if ((o->avoid & STACK_ACK_OF_ISS) && o->heard && seq_eq(spec->ack, o->its_iss))
		spec->ack = o->its_next;
	if ((o->avoid & STACK_SYN_AS_TEXT) && o->open &&
	    (spec->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		spec->seq = o->iss;
	if (spec->flags & TCP_ACK)
		keep_clear_of_ack(o, spec);
}

/* Addresses in; and remember. */
static void finish(struct ours *o, struct segment_spec *spec)
{
	spec->src = o->us;
	spec->dst = o->them;
	if (spec->flags & TCP_SYN)
		draw_options(o, spec);
	keep_clear(o, spec);
	const seq_t end = end_of(spec);
	/* What lies far away is not ours to go on from. */
	if (o->open && seq_gt(end, o->next) && seq_diff(end, o->next) < 65536)
		o->next = end;
	if (o->open && (spec->flags & TCP_FIN) && seq_eq(end, o->next)) {
		o->closed = true;
		o->fin_end = end;
	}
	o->sent[o->sent_count++ % OURS_SENT_MAX] = (struct ours_sent){
		spec->seq, spec->ack, spec->flags, (uint16_t)spec->payload_bytes};
}

static void open_anew(struct ours *o, struct segment_spec *spec)
{
	o->iss = seq_of(random32(o));
	o->next = seq_add(o->iss, 1);
	o->open = true;
	o->closed = o->dead = false;
	if (o->avoid & STACK_BEYOND_FIN)
		o->sent_count = 0; /* where the FIN of the former life was is forgotten with it */
	spec->seq = o->iss;
	spec->flags = TCP_SYN;
}

static const struct ours_sent *draw_sent(struct ours *o)
{
	const unsigned count = o->sent_count < OURS_SENT_MAX ? o->sent_count : OURS_SENT_MAX;
	return count == 0 ? NULL : &o->sent[ours_draw(o, count)];
}

static void draw_polite_text(struct ours *o, struct segment_spec *spec)
{
	const unsigned kind = ours_draw(o, 100);
	spec->seq = o->next;
	spec->flags = TCP_ACK;
	spec->ack = o->its_next;
	if (o->closed || kind < 35)
		return;
	if (kind < 85)
		set_text(spec, draw_text(o));
	if (kind >= 75)
		spec->flags |= TCP_FIN;
}

bool ours_polite(struct ours *o, struct segment_spec *spec)
{
	*spec = (struct segment_spec){.window = draw_window(o)};
	const struct ours_sent *again = draw_sent(o);
	if (o->dead && ours_chance(o, 40)) {
		o->open = o->heard = false;
		open_anew(o, spec);
	} else if (!o->open && !o->heard && !ours_chance(o, 60)) {
		return false;
	} else if (!o->open) {
		open_anew(o, spec);
		if (o->heard && ours_chance(o, 85)) {
			spec->flags |= TCP_ACK;
			spec->ack = o->its_next;
		}
	} else if (!o->heard || (again != NULL && ours_chance(o, 15))) {
		if (again == NULL || (o->heard && (again->flags & (TCP_SYN | TCP_RST))))
			return false;
		spec->seq = again->seq;
		spec->flags = again->flags;
		if (o->heard)
			spec->ack = o->its_next;
		set_text(spec, again->text_bytes);
	} else {
		draw_polite_text(o, spec);
	}
	finish(o, spec);
	return true;
}

/* ---- and what nobody should send ---- */

static seq_t draw_seq(struct ours *o)
{
	const struct ours_sent *again = draw_sent(o);
	if (!o->open || again == NULL)
		return seq_of(random32(o));
	switch (ours_draw(o, 14)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return o->next;
	case 4:
		return seq_sub(o->next, 1);
	case 5:
		return seq_add(o->next, 1 + ours_draw(o, 10));
	case 6:
		return o->iss;
	case 7:
		return seq_add(o->iss, 1);
	case 8:
		return again->seq;
	case 9:
		return seq_add(again->seq, again->text_bytes);
	case 10:
		return seq_add(o->next, 65534 + ours_draw(o, 4)); /* the edge of its window */
	case 11:
		return seq_add(o->iss, 65535 + ours_draw(o, 4));
	case 12:
		return seq_sub(o->next, ours_draw(o, 200));
	default:
		return seq_of(random32(o));
	}
}

static seq_t draw_ack(struct ours *o)
{
	const struct ours_sent *again = draw_sent(o);
	if (!o->heard)
		return seq_of(random32(o));
	switch (ours_draw(o, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		return o->its_next;
	case 4:
		return o->its_end;
	case 5:
		return seq_add(o->its_end, 1 + ours_draw(o, 3));
	case 6:
		return o->its_iss;
	case 7:
		return seq_add(o->its_iss, 1);
	case 8:
		return seq_sub(o->its_next, ours_draw(o, 10));
	case 9:
		return again != NULL && (again->flags & TCP_ACK) ? again->ack : o->its_next;
	case 10:
		return seq_sub(o->its_next, 70000);
	default:
		return seq_of(random32(o));
	}
}

static uint16_t draw_flags(struct ours *o)
{
	static const struct {
		uint16_t flags, weight;
	} table[] = {
		{TCP_SYN, 10},
		{TCP_SYN | TCP_ACK, 8},
		{TCP_ACK, 40},
		{TCP_FIN | TCP_ACK, 16},
		{TCP_RST, 7},
		{TCP_RST | TCP_ACK, 5},
		{0, 3},
		{TCP_FIN, 3},
		{TCP_SYN | TCP_FIN, 1},
		{TCP_SYN | TCP_FIN | TCP_ACK, 1},
		{TCP_SYN | TCP_RST, 1},
		{TCP_RST | TCP_FIN | TCP_ACK, 1},
	};
	unsigned total = 0;
	for (size_t i = 0; i < ARRAY_COUNT(table); i++)
		total += table[i].weight;
	unsigned at = ours_draw(o, total);
	size_t i = 0;
	while (at >= table[i].weight)
		at -= table[i++].weight;
	return table[i].flags;
}

void ours_hostile(struct ours *o, struct segment_spec *spec)
{
	*spec = (struct segment_spec){.window = draw_window(o), .flags = draw_flags(o)};
	if ((spec->flags & TCP_SYN) && (!o->open || ours_chance(o, 40))) {
		const uint16_t flags = spec->flags;
		open_anew(o, spec);
		spec->flags = flags;
	} else {
		spec->seq = draw_seq(o);
	}
	if (spec->flags & TCP_ACK)
		spec->ack = draw_ack(o);
	if (ours_chance(o, (spec->flags & (TCP_SYN | TCP_RST)) ? 10 : 45))
		set_text(spec, draw_text(o));
	o->dead = o->dead || (spec->flags & TCP_RST);
	finish(o, spec);
}

/*
 * Our segments, as a set: each may arrive late, twice or never, at any time after it was sent.
 * The list is bounded. Plain text that follows on is joined into one stretch, and of plain
 * ACKs the latest stands for all; what that forgets is found again when it is asked for, by
 * own_split(), since any part of a stretch may arrive before the rest.
 */
#include "belief_internal.h"

#include <string.h>

#define FLAGS_KEPT (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)

seq_t own_end(const struct own *s)
{
	const uint32_t marks = ((s->flags & TCP_SYN) ? 1u : 0u) + ((s->flags & TCP_FIN) ? 1u : 0u);
	return seq_add(s->seq, s->text_bytes + marks);
}

/* It acknowledges something of the known incarnation, and cannot acknowledge a FIN. */
bool own_is_plain(const struct belief *b, const struct own *o)
{
	return o->flags == TCP_ACK && o->window != 0 && b->iss_known && seq_gt(o->ack, b->iss) &&
	       seq_le(o->ack, b->seen) && !(b->fin_seen && seq_eq(o->ack, b->seen));
}

seq_t own_next(const struct belief *b, seq_t otherwise)
{
	bool known = b->irs_known;
	seq_t next = known ? b->acked : otherwise;
	for (uint8_t i = 0; i < b->owns; i++) {
		const seq_t end = own_end(&b->own[i]);
		if ((b->own[i].flags & TCP_SYN) && b->own[i].text_bytes == 0)
			continue;
		next = known ? seq_max(next, end) : end;
		known = true;
	}
	return next;
}

static void forget_ack(struct belief *b, seq_t ack)
{
	if (!b->ack_range) {
		b->ack_range = true;
		b->ack_low = ack;
		b->ack_high = ack;
	}
	b->ack_low = seq_min(b->ack_low, ack);
	b->ack_high = seq_max(b->ack_high, ack);
	if (seq_diff(b->ack_high, b->ack_low) > FAR_BACK)
		b->ack_low = seq_sub(b->ack_high, FAR_BACK / 2);
}

void own_remove(struct belief *b, uint8_t at)
{
	b->owns--;
	memmove(&b->own[at], &b->own[at + 1], (size_t)(b->owns - at) * sizeof b->own[0]);
}

/* Fold @p other into @p into. */
static void join(struct belief *b, struct own *into, const struct own *other)
{
	const seq_t end = seq_max(own_end(into), own_end(other));
	if (!seq_eq(into->ack, other->ack))
		forget_ack(b, seq_min(into->ack, other->ack));
	into->ack = seq_max(into->ack, other->ack);
	into->seq = seq_min(into->seq, other->seq);
	if (seq_diff(end, into->seq) > FAR_BACK)
		into->seq = seq_sub(end, FAR_BACK / 2);
	into->text_bytes = (uint32_t)seq_diff(end, into->seq);
	into->joined = into->text_bytes > 0;
	if (other->first < into->first) {
		into->first = other->first;
		into->n_first = other->n_first;
	}
	if (other->last > into->last) {
		into->last = other->last;
		into->n = other->n;
	}
}

struct stretch {
	const struct belief *b;
	seq_t begin, end;
};

/* Reached again from the beginning of a stretch when it is needed: text, and nothing but text, led
 * there. */
static bool is_inside(const struct node *n, const void *context)
{
	const struct stretch *s = context;
	switch (n->ctl) {
	case CTL_ESTABLISHED:
	case CTL_FIN_WAIT_1:
	case CTL_FIN_WAIT_1_QUEUED:
	case CTL_FIN_WAIT_2:
		break;
	default:
		return false;
	}
	if (n->inc == INC_KNOWN && seq_eq(n->rcv_nxt, s->b->acked))
		return false;
	const struct own *syn = own_syn(s->b, n->rcv_nxt);
	if (syn != NULL &&
	    (seq_eq(seq_add(syn->seq, 1), n->rcv_nxt) || seq_eq(own_end(syn), n->rcv_nxt)))
		return false;
	return seq_gt(n->rcv_nxt, s->begin) && seq_lt(n->rcv_nxt, s->end);
}

static bool can_join(const struct belief *b, const struct own *a, const struct own *c)
{
	if (!own_is_plain(b, a) || !own_is_plain(b, c))
		return false;
	if (a->text_bytes == 0 || c->text_bytes == 0)
		return a->text_bytes == c->text_bytes && a->in_order && c->in_order;
	return seq_le(a->seq, own_end(c)) && seq_le(c->seq, own_end(a)) &&
	       (uint32_t)seq_diff(own_end(a), c->seq) < 0x40000000u;
}

/* Fold @p other into the segment at @p at. What could only be reached within is dropped. */
static void join_into(struct belief *b, uint8_t at, const struct own *other)
{
	struct own *into = &b->own[at];
	const seq_t seq = other->last > into->last ? other->seq : into->seq;
	const bool text = into->text_bytes > 0;
	join(b, into, other);
	if (!text) {
		into->seq = seq; /* of two ACKs, the one sent last */
		into->text_bytes = 0;
		return;
	}
	const struct stretch inside = {b, into->seq, own_end(into)};
	node_set_drop(&b->b, is_inside, &inside);
	node_set_drop(&b->u, is_inside, &inside);
}

/* Join what can be joined. */
static void compact(struct belief *b)
{
	for (uint8_t i = 0; i < b->owns; i++)
		for (uint8_t j = (uint8_t)(i + 1); j < b->owns; j++) {
			if (!can_join(b, &b->own[i], &b->own[j]))
				continue;
			const struct own other = b->own[j];
			own_remove(b, j--);
			join_into(b, i, &other);
		}
}

/* That which may do least: all of it is known to have arrived. Else the first. */
static uint8_t least_missed(const struct belief *b)
{
	for (uint8_t i = 0; i < b->owns; i++)
		if (b->irs_known && seq_le(own_end(&b->own[i]), b->acked) &&
		    (b->own[i].flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0)
			return i;
	return 0;
}

static struct own *append(struct belief *b, const struct own *o)
{
	if (b->owns >= OWNS_MAX)
		compact(b);
	if (b->owns >= OWNS_MAX) {
		lives_lose(b);
		own_remove(b, least_missed(b));
	}
	b->own[b->owns] = *o;
	return &b->own[b->owns++];
}

static void note_offer(struct belief *b, const struct segment *s)
{
	const bool syn = (s->flags & TCP_SYN) != 0;
	if (syn && s->option.has_wscale) {
		b->own_wscale_offered = true;
		b->own_wscale = s->option.wscale > 14 ? 14 : s->option.wscale;
	}
	if (syn && s->window > b->own_syn_window)
		b->own_syn_window = s->window;
	b->own_syn_closed = b->own_syn_closed || (syn && s->window == 0);
	if (s->flags & TCP_RST)
		return;
	if (s->window == 0 && (s->flags & TCP_ACK))
		b->own_window_closed = true;
	if (s->window > b->own_widest)
		b->own_widest = s->window;
	/* What acknowledges the unsent is dropped there, with its window. */
	if (!b->iss_known || (s->flags & TCP_ACK) == 0 || seq_le(s->ack, b->iss) ||
	    seq_gt(s->ack, b->offer_known ? seq_max(b->offer, b->seen) : b->seen))
		return;
	const bool syn_seen = b->own_syn_window > 0 || b->own_syn_closed;
	const unsigned shift = syn ? 0 : b->wscale_agreed || syn_seen ? b->own_wscale : 14;
	const seq_t offer = seq_add(s->ack, (uint32_t)s->window << shift);
	if (b->offer_known && seq_lt(offer, b->offer) && s->window < b->own_widest) {
		b->shrunk_to = b->shrunk ? seq_min(b->shrunk_to, offer) : offer;
		b->shrunk = true;
	}
	b->offer = b->offer_known ? seq_max(b->offer, offer) : offer;
	b->offer_known = true;
}

static struct own own_of(const struct belief *b, const struct segment *s, uint32_t n)
{
	return (struct own){
		.seq = s->seq,
		.ack = (s->flags & TCP_ACK) ? s->ack : seq_of(0),
		.text_bytes = s->payload_bytes,
		.flags = s->flags & FLAGS_KEPT,
		.window = s->window,
		.first = b->now,
		.last = b->now,
		.n = n,
		.n_first = n,
		.has_ts = s->option.has_timestamps,
		.fast_open = s->option.has_fastopen,
		.in_order = seq_eq(s->seq, own_next(b, seq_sub(s->seq, 1))),
		.copies = 1,
	};
}

static bool has_numbers(const struct own *o)
{
	return (o->flags & (TCP_SYN | TCP_RST)) == 0 && !o->held && !seq_eq(own_end(o), o->seq);
}

/* Of one that stands behind a FIN of ours, against all sense, and the FIN: both as one. */
static void hold(struct belief *b, const struct own *fin, const struct own *behind)
{
	struct own run = *behind;
	run.seq = fin->seq;
	run.text_bytes = (uint32_t)seq_diff(own_end(behind), fin->seq) - 1;
	run.flags = TCP_FIN | (fin->flags & behind->flags & TCP_ACK);
	run.held = true;
	if (b->owns < OWNS_MAX)
		b->own[b->owns++] = run;
	else
		lives_lose(b);
}

/* Linux joins what waits behind a gap, and a FIN among it then counts at the end. */
static void hold_all(struct belief *b, const struct own *o)
{
	const uint8_t owns = b->owns;
	for (uint8_t i = 0; i < owns && has_numbers(o); i++) {
		const struct own other = b->own[i];
		if ((other.flags & TCP_FIN) && seq_eq(own_end(&other), o->seq))
			hold(b, &other, o);
		else if (has_numbers(&other) && (o->flags & TCP_FIN) &&
			 seq_eq(own_end(o), other.seq))
			hold(b, o, &other);
	}
}

bool own_add(struct belief *b, const struct segment *s, uint32_t n)
{
	const struct own o = own_of(b, s, n);
	note_offer(b, s);
	for (uint8_t i = 0; i < b->owns; i++) {
		struct own *have = &b->own[i];
		if (have->held || have->flags != o.flags || !seq_eq(have->seq, o.seq) ||
		    !seq_eq(have->ack, o.ack) || have->text_bytes != o.text_bytes ||
		    (have->window == 0) != (o.window == 0))
			continue;
		have->last = b->now;
		have->n = n;
		if (have->copies < COPIES_MOST)
			have->copies++;
		b->latest_own = i;
		return false;
	}
	b->joins = b->joins || b->owns >= OWNS_MERGE;
	if (b->joins) {
		compact(b);
		for (uint8_t i = 0; i < b->owns; i++)
			if (can_join(b, &b->own[i], &o)) {
				hold_all(b, &o);
				join_into(b, i, &o);
				b->latest_own = i;
				return true;
			}
	}
	b->latest_own = (uint8_t)(append(b, &o) - b->own);
	hold_all(b, &o);
	return true;
}

/* Of a way of which nothing at all was seen, it is our SYN,ACK that is missing. */
static bool add_unseen_syn_ack(struct belief *b, const struct got *r)
{
	if (b->owns > 0 || !b->iss_known || (r->flags & TCP_SYN))
		return false;
	b->own[b->owns++] = (struct own){.seq = seq_sub(r->ack, 1),
					 .ack = r->seq,
					 .flags = TCP_SYN | TCP_ACK,
					 .window = UINT16_MAX,
					 .first = b->now,
					 .last = b->now,
					 .copies = 1};
	return true;
}

unsigned own_add_unseen(struct belief *b, seq_t next, const struct got *r)
{
	if (add_unseen_syn_ack(b, r))
		return 1;
	const seq_t begin = seq_max(next, b->irs_known ? b->acked : next);
	const int32_t beyond = seq_diff(r->ack, begin);
	struct own o = {.seq = beyond > 0 ? r->ack : begin,
			.ack = r->seq,
			.flags = TCP_ACK,
			.window = 1,
			.first = b->now,
			.last = b->now,
			.copies = 1};
	if (b->owns + 3 > OWNS_MAX || beyond > 0x3fffffff)
		return 0;
	b->own[b->owns++] = o;
	if (beyond <= 0)
		return 1;
	o.seq = begin;
	o.text_bytes = (uint32_t)beyond;
	b->own[b->owns++] = o;
	o.text_bytes--; /* or a FIN at the end of it */
	o.flags |= TCP_FIN;
	b->own[b->owns++] = o;
	return 3;
}

/* Whether it may arrive up to @p at and no further, in part. */
static bool is_cut_by(const struct own *o, seq_t at)
{
	if (o->text_bytes == 0 || o->held || (o->flags & (TCP_SYN | TCP_RST)))
		return false;
	const seq_t text_end = seq_add(o->seq, o->text_bytes);
	return seq_gt(at, o->seq) &&
	       ((o->flags & TCP_FIN) ? seq_le(at, text_end) : seq_lt(at, text_end));
}

/* Whether one in the list is as good as the part of @p whole up to @p at. */
static bool has_part(const struct belief *b, const struct own *whole, seq_t at)
{
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (o->flags == (whole->flags & ~TCP_FIN) && seq_eq(own_end(o), at) &&
		    seq_le(o->seq, whole->seq) && seq_eq(o->ack, whole->ack) &&
		    o->first <= whole->first)
			return true;
	}
	return false;
}

void own_drop(struct belief *b, uint8_t at, uint8_t count)
{
	while (count-- > 0)
		own_remove(b, at);
}

uint8_t own_split(struct belief *b, seq_t at)
{
	const uint8_t before = b->owns;
	for (uint8_t i = 0; i < before; i++) {
		const struct own *whole = &b->own[i];
		if (!is_cut_by(whole, at) || has_part(b, whole, at))
			continue;
		if (b->owns >= OWNS_MAX) {
			lives_lose(b);
			break;
		}
		struct own part = *whole;
		part.flags &= (uint16_t)~TCP_FIN;
		part.text_bytes = (uint32_t)seq_diff(at, whole->seq);
		part.last = part.first;
		b->own[b->owns++] = part;
	}
	return (uint8_t)(b->owns - before);
}

bool own_acks(const struct belief *b, seq_t ack, uint32_t until)
{
	if (b->ack_range && seq_ge(ack, b->ack_low) && seq_le(ack, b->ack_high))
		return true;
	for (uint8_t i = 0; i < b->owns; i++)
		if ((b->own[i].flags & TCP_ACK) && b->own[i].first <= until &&
		    seq_eq(b->own[i].ack, ack))
			return true;
	return false;
}

const struct own *own_syn(const struct belief *b, seq_t rcv_nxt)
{
	const struct own *best = NULL;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if ((o->flags & TCP_SYN) == 0)
			continue;
		if (seq_eq(seq_add(o->seq, 1), rcv_nxt) || seq_eq(own_end(o), rcv_nxt))
			return o;
		if (seq_lt(o->seq, rcv_nxt) && (best == NULL || seq_gt(o->seq, best->seq)))
			best = o;
	}
	return best;
}

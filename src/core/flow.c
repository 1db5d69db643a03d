/*
 * A flow remembers, for each side, the highest number it has used (seq_next) and up to
 * FLOW_GAPS_MAX holes below it. Everything else is judged from those two: a segment is new
 * beyond seq_next, fills a hole, or is a copy of what was seen. Numbers that cannot belong
 * (more than SEQ_PLAUSIBLE away from what was seen) move nothing: one hostile segment must
 * not drag the record along.
 */
#include "synscope/core/flow.h"

#include <string.h>

#define SEQ_PLAUSIBLE (1 << 30) /* the largest window that RFC 7323 allows */

void flow_init(struct flow *f, uint32_t id, const struct endpoint *client,
	       const struct endpoint *server, bool client_certain, int64_t time_ns)
{
	memset(f, 0, sizeof *f);
	f->id = id;
	f->side[SIDE_CLIENT].endpoint = *client;
	f->side[SIDE_SERVER].endpoint = *server;
	f->client_certain = client_certain;
	f->begin_ns = time_ns;
	f->last_ns = time_ns;
}

enum side flow_side_of(const struct flow *f, const struct endpoint *src, const struct endpoint *dst)
{
	(void)dst;
	return endpoint_equal(&f->side[SIDE_CLIENT].endpoint, src) ? SIDE_CLIENT : SIDE_SERVER;
}

static bool plausible(seq_t s, seq_t near)
{
	const int32_t d = seq_diff(s, near);
	return d < SEQ_PLAUSIBLE && d > -SEQ_PLAUSIBLE;
}

/* How the numbers that the segment uses lie against those seen from its side. */
static void compare_numbers(const struct flow_side *me, const struct segment *s,
			    struct flow_delta *d)
{
	const uint32_t count = segment_seq_count(s);
	const seq_t end = segment_end(s);
	if (!me->started) {
		d->is_new = count > 0;
		return;
	}
	if (!plausible(s->seq, me->seq_next))
		return;
	if (seq_gt(s->seq, me->seq_next)) {
		d->gap_before = true;
		d->gap_count = (uint32_t)seq_diff(s->seq, me->seq_next);
	}
	if (count == 0)
		return;
	d->is_new = seq_gt(end, me->seq_next);
	d->overlap = d->is_new && seq_lt(s->seq, me->seq_next);
	for (unsigned i = 0; i < me->gap_count; i++)
		if (seq_lt(s->seq, me->gap[i].right) && seq_gt(end, me->gap[i].left))
			d->fills_gap = true;
	d->retransmission = !d->is_new && !d->fills_gap;
	d->out_of_order = !d->is_new && d->fills_gap;
}

static void compare_ack(const struct flow *f, enum side from, const struct segment *s,
			struct flow_delta *d)
{
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	if ((s->flags & TCP_ACK) == 0)
		return;
	d->ack_future = other->started && plausible(s->ack, other->seq_next) &&
			seq_gt(s->ack, other->seq_next);
	if (other->syn_seen && seq_eq(s->ack, seq_add(other->isn, 1)))
		d->acks_syn = !me->acked || seq_lt(me->ack_last, s->ack);
	if (!me->acked) {
		d->ack_advances = true;
		d->ack_count = other->isn_known ? seq_rel(s->ack, other->isn) : 0;
	} else if (seq_gt(s->ack, me->ack_last) && plausible(s->ack, me->ack_last)) {
		d->ack_advances = true;
		d->ack_count = (uint32_t)seq_diff(s->ack, me->ack_last);
	}
	if (other->fin_seen && d->ack_advances && seq_gt(s->ack, other->fin_seq))
		d->acks_fin = !me->acked || seq_le(me->ack_last, other->fin_seq);
	d->ack_duplicate = me->acked && seq_eq(s->ack, me->ack_last) && segment_seq_count(s) == 0 &&
			   s->window == me->window_last && (s->flags & TCP_RST) == 0 &&
			   me->started && seq_eq(s->seq, me->seq_next);
}

void flow_compare(const struct flow *f, enum side from, const struct segment *s,
		  struct flow_delta *delta)
{
	const struct flow_side *me = &f->side[from];
	memset(delta, 0, sizeof *delta);
	compare_numbers(me, s, delta);
	compare_ack(f, from, s, delta);
	delta->window_changed = me->segments > 0 && s->window != me->window_last;
	if ((s->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 && s->payload_bytes <= 1 &&
	    me->started && seq_eq(seq_add(s->seq, 1), me->seq_next) && (s->flags & TCP_ACK) != 0) {
		delta->keep_alive = true;
		delta->retransmission = false;
	}
	if ((s->flags & TCP_SYN) != 0 && me->syn_seen && !seq_eq(s->seq, me->isn) &&
	    (s->flags & TCP_ACK) == 0)
		delta->new_incarnation = true;
}

static void remove_gap(struct flow_side *me, unsigned i)
{
	me->gap_count--;
	memmove(&me->gap[i], &me->gap[i + 1], (me->gap_count - i) * sizeof me->gap[0]);
}

/* Cut [left, right) out of the remembered holes. */
static void fill_gaps(struct flow_side *me, seq_t left, seq_t right)
{
	for (unsigned i = 0; i < me->gap_count;) {
		seq_t *gl = &me->gap[i].left;
		seq_t *gr = &me->gap[i].right;
		if (seq_le(right, *gl) || seq_ge(left, *gr)) {
			i++;
		} else if (seq_le(left, *gl) && seq_ge(right, *gr)) {
			remove_gap(me, i);
		} else if (seq_le(left, *gl)) {
			*gl = right;
			i++;
		} else if (seq_ge(right, *gr)) {
			*gr = left;
			i++;
		} else { /* the middle: keep the later part if there is room for both */
			const seq_t tail = *gr;
			*gr = left;
			if (me->gap_count < FLOW_GAPS_MAX) {
				me->gap[me->gap_count].left = right;
				me->gap[me->gap_count].right = tail;
				me->gap_count++;
			}
			i++;
		}
	}
}

static void add_gap(struct flow_side *me, seq_t left, seq_t right)
{
	if (me->gap_count == FLOW_GAPS_MAX)
		remove_gap(me, 0);
	me->gap[me->gap_count].left = left;
	me->gap[me->gap_count].right = right;
	me->gap_count++;
}

static uint32_t uncounted_bytes(const struct flow_side *me, const struct segment *s,
				const struct flow_delta *d)
{
	if (d->retransmission || d->keep_alive)
		return 0;
	if (!d->overlap)
		return s->payload_bytes;
	const uint32_t known = (uint32_t)seq_diff(me->seq_next, s->seq);
	return known < s->payload_bytes ? s->payload_bytes - known : 0;
}

static void take_numbers(struct flow_side *me, const struct segment *s, const struct flow_delta *d)
{
	const seq_t end = segment_end(s);
	if (!me->started) {
		me->started = true;
		me->seq_first = s->seq;
		me->seq_next = end;
		return;
	}
	if (!plausible(s->seq, me->seq_next))
		return;
	if (seq_lt(s->seq, me->seq_first) && !d->keep_alive)
		me->seq_first = s->seq;
	if (segment_seq_count(s) > 0)
		fill_gaps(me, s->seq, end);
	if (d->gap_before)
		add_gap(me, me->seq_next, s->seq);
	if (seq_gt(end, me->seq_next))
		me->seq_next = end;
}

static void take_syn(struct flow *f, enum side from, const struct segment *s, int64_t time_ns)
{
	struct flow_side *me = &f->side[from];
	struct flow_side *other = &f->side[side_other(from)];
	const bool again = me->syn_seen && seq_eq(me->isn, s->seq);
	me->syn_seen = true;
	me->isn_known = true;
	me->isn = s->seq;
	me->option = s->option;
	me->option_seen = true;
	if ((s->flags & TCP_ACK) == 0) {
		if (from == SIDE_CLIENT && !f->has_synack_ns) {
			f->syn_ambiguous = f->has_syn_ns && again;
			f->syn_ns = time_ns;
			f->has_syn_ns = true;
		}
	} else if (from == SIDE_SERVER && !f->has_synack_ns && other->syn_seen &&
		   seq_gt(s->ack, other->isn) && seq_le(s->ack, other->seq_next)) {
		f->synack_ns = time_ns;
		f->has_synack_ns = true;
	} else if (!other->isn_known) {
		/* The SYN was missed, but this says what its number was. */
		other->isn_known = true;
		other->isn = seq_sub(s->ack, 1);
	}
	if (me->option_seen && other->option_seen) {
		const bool both = me->option.has_wscale && other->option.has_wscale;
		me->window_scale_known = other->window_scale_known = true;
		me->window_shift = both ? (me->option.wscale > 14 ? 14 : me->option.wscale) : 0;
		other->window_shift =
			both ? (other->option.wscale > 14 ? 14 : other->option.wscale) : 0;
	}
}

static void begin_close(struct flow *f, enum side from, enum close_kind kind, int64_t time_ns)
{
	if (f->close_begun)
		return;
	f->close_begun = true;
	f->close_begin_ns = time_ns;
	f->close = kind;
	f->has_closer = true;
	f->closer = from;
}

static void take_phases(struct flow *f, enum side from, const struct segment *s,
			const struct flow_delta *d, int64_t time_ns)
{
	const struct flow_side *other = &f->side[side_other(from)];
	if (!f->handshake_complete && f->side[SIDE_CLIENT].syn_seen &&
	    f->side[SIDE_SERVER].syn_seen &&
	    (s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK && other->syn_seen &&
	    seq_gt(s->ack, other->isn) && seq_le(s->ack, other->seq_next)) {
		f->handshake_complete = true;
		f->established_ns = time_ns;
	}
	if (s->payload_bytes > 0 && !d->keep_alive) {
		if (!f->has_data)
			f->data_first_ns = time_ns;
		f->has_data = true;
		f->data_last_ns = time_ns;
	}
	if ((s->flags & TCP_FIN) != 0)
		begin_close(f, from, CLOSE_FIN, time_ns);
	if ((s->flags & TCP_RST) != 0) {
		begin_close(f, from, CLOSE_RST, time_ns);
		f->close_end_ns = time_ns;
		f->close_ended = true;
	}
	if (f->close_begun)
		f->close_end_ns = time_ns;
	if (d->acks_fin && f->side[from].fin_seen && other->fin_seen)
		f->close_ended = true;
}

static void history_add(struct flow *f, char letter)
{
	if (f->history_count + 1 < FLOW_HISTORY_MAX)
		f->history[f->history_count++] = letter;
}

/* Zeek's conn.log history letters; a, d, i, q once per direction, f h r s again only with a new
 * number, t at the first (Zeek: 1, 10, 100 ...). */
static void take_history(struct flow *f, enum side from, const struct segment *s,
			 const struct flow_delta *d)
{
	static const char letters[] = "shadfrtc";
	char mark = 0;
	const uint16_t fl = s->flags;
	if ((fl & TCP_SYN) != 0)
		mark = (fl & TCP_ACK) != 0 ? 'h' : 's';
	else if ((fl & TCP_RST) != 0)
		mark = 'r';
	const uint8_t seen = f->history_seen[from];
	const char sequence[4] = {mark, (char)((fl & TCP_FIN) != 0 && mark == 0 ? 'f' : 0),
				  (char)(d->retransmission ? 't' : 0),
				  (char)(mark != 0                                    ? 0
					 : s->payload_bytes                           ? 'd'
					 : (fl & TCP_ACK) != 0 && (fl & TCP_FIN) == 0 ? 'a'
										      : 0)};
	for (int i = 3; i >= 0; i--) {
		const char c = sequence[i];
		if (c == 0)
			continue;
		const char *at = strchr(letters, c);
		const uint8_t bit = (uint8_t)(1u << (at - letters));
		if ((seen & bit) != 0)
			continue;
		f->history_seen[from] |= bit;
		history_add(f, from == SIDE_CLIENT ? (char)(c - 'a' + 'A') : c);
	}
}

/* Wireshark's tcp.completeness, by its exact rule (packet-tcp.c, 4.0). */
static void take_completeness(struct flow *f, const struct segment *s)
{
	enum { SYN = 1, SYN_ACK = 2, ACK = 4, DATA = 8, FIN = 16, RST = 32 };
	const uint16_t fl = s->flags;
	const bool first = f->side[0].segments + f->side[1].segments == 0;
	if ((fl & TCP_SYN) != 0 && (fl & TCP_ACK) == 0 && first)
		f->completeness |= (uint8_t)(SYN | (s->payload_bytes > 0 ? DATA : 0));
	if (first)
		return;
	if ((fl & TCP_SYN) != 0 && (fl & TCP_ACK) != 0)
		f->completeness |= SYN_ACK;
	else if ((fl & TCP_ACK) != 0)
		f->completeness |= (uint8_t)(s->payload_bytes > 0 ? DATA : ACK);
	if ((fl & TCP_FIN) != 0 && (fl & TCP_ACK) != 0)
		f->completeness |= FIN;
	if ((fl & TCP_RST) != 0)
		f->completeness |= RST;
}

void flow_take(struct flow *f, enum side from, const struct segment *s,
	       const struct flow_delta *delta, int64_t time_ns)
{
	struct flow_side *me = &f->side[from];
	take_history(f, from, s, delta);
	take_completeness(f, s);
	if ((s->flags & TCP_SYN) != 0)
		take_syn(f, from, s, time_ns);
	me->bytes += uncounted_bytes(me, s, delta);
	me->retransmissions += delta->retransmission;
	me->out_of_order += delta->out_of_order;
	me->duplicate_acks += delta->ack_duplicate;
	if ((s->flags & TCP_RST) == 0)
		take_numbers(me, s, delta);
	else
		me->rst_seen = true;
	if ((s->flags & TCP_FIN) != 0 && !me->fin_seen) {
		me->fin_seen = true;
		me->fin_seq = seq_sub(segment_end(s), 1);
	}
	take_phases(f, from, s, delta, time_ns);
	if ((s->flags & TCP_ACK) != 0 && (s->flags & TCP_RST) == 0 && delta->ack_advances &&
	    !delta->ack_future) {
		me->acked = true;
		me->ack_last = s->ack;
	}
	if ((s->flags & TCP_RST) == 0)
		me->window_last = s->window;
	me->segments++;
	me->time_last_known = true;
	me->time_last_ns = time_ns;
	f->last_ns = time_ns;
}

uint32_t flow_window(const struct flow *f, enum side from, const struct segment *s, bool *known)
{
	const struct flow_side *me = &f->side[from];
	/* RFC 7323 section 2.2: the window of a SYN is never scaled. */
	*known = (s->flags & TCP_SYN) != 0 || me->window_scale_known;
	if ((s->flags & TCP_SYN) != 0)
		return s->window;
	return (uint32_t)s->window << me->window_shift;
}

void flow_transition(struct flow *f, const struct transition *t)
{
	if (f->transitions_count < FLOW_TRANSITIONS_MAX)
		f->transitions[f->transitions_count++] = *t;
	else
		f->transitions_lost++;
}

/* Zeek's conn_state, in the order of its code. */
static const char *zeek_conn_state(const struct flow *f)
{
	const struct flow_side *o = &f->side[SIDE_CLIENT];
	const struct flow_side *r = &f->side[SIDE_SERVER];
	const bool o_inactive = !o->syn_seen;
	const bool r_inactive = !r->syn_seen;
	const bool half_open = o->syn_seen && !r->syn_seen;
	if (r->rst_seen) {
		if (half_open && o->bytes == 0)
			return "REJ";
		return o_inactive ? "RSTRH" : "RSTR";
	}
	if (o->rst_seen)
		return r_inactive ? (o->syn_seen ? "RSTOS0" : "OTH") : "RSTO";
	if (o->fin_seen && r->fin_seen)
		return "SF";
	if (o->fin_seen)
		return r_inactive ? "SH" : "S2";
	if (r->fin_seen)
		return o_inactive ? "SHR" : "S3";
	if (half_open && r->segments == 0)
		return "S0";
	if (o->syn_seen && r->syn_seen)
		return "S1";
	return "OTH";
}

static void summarise_side(const struct flow_side *s, struct flow_side_summary *out)
{
	out->endpoint = s->endpoint;
	out->isn_known = s->isn_known;
	out->isn = s->isn;
	out->segments = s->segments;
	out->bytes = s->bytes;
	out->retransmissions = s->retransmissions;
	out->out_of_order = s->out_of_order;
	out->option = s->option;
	out->syn_seen = s->syn_seen;
}

void flow_summary(const struct flow *f, struct event_flow *out)
{
	summarise_side(&f->side[SIDE_CLIENT], &out->client);
	summarise_side(&f->side[SIDE_SERVER], &out->server);
	out->handshake_complete = f->handshake_complete;
	out->has_handshake_rtt = f->has_syn_ns && f->has_synack_ns && !f->syn_ambiguous;
	out->handshake_rtt_ns = out->has_handshake_rtt ? f->synack_ns - f->syn_ns : 0;
	out->begin_ns = f->begin_ns;
	out->end_ns = f->last_ns;
	out->open_ns =
		f->handshake_complete && f->has_syn_ns ? f->established_ns - f->begin_ns : -1;
	out->data_ns = f->has_data ? f->data_last_ns - f->data_first_ns : -1;
	out->close_ns = f->close_begun ? f->close_end_ns - f->close_begin_ns : -1;
	out->close = f->close;
	out->has_closer = f->has_closer;
	out->closer = f->closer;
	out->both_closed = f->side[0].fin_seen && f->side[1].fin_seen;
	strcpy(out->conn_state, zeek_conn_state(f));
	memcpy(out->history, f->history, sizeof out->history);
	out->history[f->history_count] = '\0';
	out->completeness = f->completeness;
	out->transitions = f->transitions;
	out->transitions_count = f->transitions_count;
	out->transitions_lost = f->transitions_lost;
}

/* --- the table ------------------------------------------------------------ */

static void order(const struct endpoint **x, const struct endpoint **y)
{
	if (endpoint_compare(*x, *y) > 0) {
		const struct endpoint *t = *x;
		*x = *y;
		*y = t;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 29;
}

static uint64_t hash_endpoint(uint64_t h, const struct endpoint *e)
{
	uint64_t halves[2];
	memcpy(halves, e->addr.bytes, sizeof halves);
	h = mix(h, halves[0]);
	h = mix(h, halves[1]);
	return mix(h, (uint64_t)e->port << 8 | e->addr.family);
}

static uint32_t home(const struct flow_table *t, const struct endpoint *a, const struct endpoint *b)
{
	return (uint32_t)hash_endpoint(hash_endpoint(0, a), b) & (t->slots_count - 1);
}

void flow_table_init(struct flow_table *t, struct flow_index *slots, uint32_t slots_count)
{
	t->slots = slots;
	t->slots_count = slots_count;
	t->used = 0;
	memset(slots, 0, slots_count * sizeof *slots);
}

/* The slot that holds the pair, or the free one where it would go. */
static uint32_t probe(const struct flow_table *t, const struct endpoint *a,
		      const struct endpoint *b)
{
	uint32_t i = home(t, a, b);
	while (t->slots[i].flow != 0 &&
	       (!endpoint_equal(&t->slots[i].a, a) || !endpoint_equal(&t->slots[i].b, b)))
		i = (i + 1) & (t->slots_count - 1);
	return i;
}

int64_t flow_table_find(const struct flow_table *t, const struct endpoint *x,
			const struct endpoint *y)
{
	order(&x, &y);
	return (int64_t)t->slots[probe(t, x, y)].flow - 1;
}

bool flow_table_put(struct flow_table *t, const struct endpoint *x, const struct endpoint *y,
		    uint32_t flow)
{
	order(&x, &y);
	const uint32_t i = probe(t, x, y);
	if (t->slots[i].flow == 0) {
		if (t->used >= t->slots_count - t->slots_count / 4)
			return false;
		t->used++;
		t->slots[i].a = *x;
		t->slots[i].b = *y;
	}
	t->slots[i].flow = flow + 1;
	return true;
}

void flow_table_remove(struct flow_table *t, const struct endpoint *x, const struct endpoint *y)
{
	order(&x, &y);
	uint32_t hole = probe(t, x, y);
	if (t->slots[hole].flow == 0)
		return;
	t->used--;
	/* Move back every later entry of the run that may not be found across the hole. */
	const uint32_t mask = t->slots_count - 1;
	for (uint32_t i = (hole + 1) & mask; t->slots[i].flow != 0; i = (i + 1) & mask) {
		const uint32_t h = home(t, &t->slots[i].a, &t->slots[i].b);
		if (((i - h) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	memset(&t->slots[hole], 0, sizeof t->slots[hole]);
}

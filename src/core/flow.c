/*
 * A flow remembers, for each side, the highest number it has used (seq_next) and up to
 * FLOW_GAPS_MAX holes below it. Everything else is judged from those two: flow_compare.c says
 * what a segment is, and here the record moves on accordingly.
 */
#include "flow_internal.h"

#include <string.h>

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

bool flow_is_to_itself(const struct flow *f)
{
	return endpoint_equal(&f->side[SIDE_CLIENT].endpoint, &f->side[SIDE_SERVER].endpoint);
}

enum side flow_side_of(const struct flow *f, const struct endpoint *src, const struct endpoint *dst)
{
	(void)dst;
	return endpoint_equal(&f->side[SIDE_CLIENT].endpoint, src) ? SIDE_CLIENT : SIDE_SERVER;
}

/* --- holes ------------------------------------------------------------------ */

static void remove_gap(struct flow_side *me, unsigned i)
{
	me->gap_count--;
	memmove(&me->gap[i], &me->gap[i + 1], (me->gap_count - i) * sizeof me->gap[0]);
}

/* Cut [left, right) out of the remembered holes. */
static void fill_gaps(struct flow_side *me, seq_t left, seq_t right)
{
	for (unsigned i = 0; i < me->gap_count;) {
		struct flow_gap *g = &me->gap[i];
		if (seq_le(right, g->left) || seq_ge(left, g->right)) {
			i++;
		} else if (seq_le(left, g->left) && seq_ge(right, g->right)) {
			remove_gap(me, i);
		} else if (seq_le(left, g->left)) {
			g->left = right;
			i++;
		} else if (seq_ge(right, g->right)) {
			g->right = left;
			i++;
		} else { /* the middle: keep the later part if there is room for both */
			if (me->gap_count < FLOW_GAPS_MAX)
				me->gap[me->gap_count++] =
					(struct flow_gap){right, g->right, g->time_ns};
			g->right = left;
			i++;
		}
	}
}

static void add_gap(struct flow_side *me, seq_t left, seq_t right, int64_t time_ns)
{
	if (me->gap_count == FLOW_GAPS_MAX)
		remove_gap(me, 0);
	me->gap[me->gap_count++] = (struct flow_gap){left, right, time_ns};
}

/* --- numbers ---------------------------------------------------------------- */

static void start_numbers(struct flow_side *me, seq_t first, seq_t next)
{
	me->started = true;
	me->seq_first = first;
	me->seq_next = next;
	me->gap_count = 0;
}

static void take_numbers(struct flow_side *me, const struct segment *s, const struct flow_delta *d,
			 int64_t time_ns)
{
	const seq_t end = segment_end(s);
	if (!me->started || !seq_is_near(s->seq, me->seq_next)) {
		/* Far away, and yet it belongs: the numbers known before are another life's. */
		me->isn_known = me->isn_known && !me->started;
		start_numbers(me, s->seq, end);
		return;
	}
	if (seq_lt(s->seq, me->seq_first) && !d->keep_alive)
		me->seq_first = s->seq;
	if (segment_seq_count(s) > 0)
		fill_gaps(me, s->seq, end);
	if (d->gap_before)
		add_gap(me, me->seq_next, s->seq, time_ns);
	me->seq_next = seq_max(me->seq_next, end);
}

static void remember_stray(struct flow_side *me, const struct segment *s, int64_t time_ns)
{
	me->stray = (struct flow_stray){
		.known = true,
		.syn = (s->flags & TCP_SYN) != 0,
		.seq = s->seq,
		.next = segment_end(s),
		.ack_known = (s->flags & TCP_ACK) != 0,
		.ack = s->ack,
		.option = s->option,
		.time_ns = time_ns,
	};
}

static void agree_on_scale(struct flow_side *me, struct flow_side *other)
{
	if (!me->option_seen || !other->option_seen)
		return;
	const bool both = me->option.has_wscale && other->option.has_wscale;
	me->window_scale_known = other->window_scale_known = true;
	/* RFC 7323 section 2.3: a larger shift is used as 14. */
	me->window_shift = both ? (me->option.wscale > 14 ? 14 : me->option.wscale) : 0;
	other->window_shift = both ? (other->option.wscale > 14 ? 14 : other->option.wscale) : 0;
}

/* The other side acknowledges what seemed not to belong. */
static void adopt_stray(struct flow *f, enum side of, int64_t time_ns)
{
	struct flow_side *me = &f->side[of];
	const seq_t next = me->stray.next;
	if (me->stray.syn) {
		me->option = me->stray.option;
		if (f->has_synack_ns && of == SIDE_SERVER)
			f->synack_ns = me->stray.time_ns;
		agree_on_scale(me, &f->side[side_other(of)]);
		me->syn_seen = me->isn_known = true;
		me->isn = me->stray.seq;
		start_numbers(me, me->isn, next);
	} else if (me->started && seq_is_near(next, me->seq_next)) {
		add_gap(me, me->seq_next, next, time_ns);
		me->seq_next = next;
	} else {
		me->isn_known = false;
		start_numbers(me, next, next);
	}
	me->stray.known = false;
}

/* --- SYN and ACK ------------------------------------------------------------ */

/* Karn: which copy of a SYN was answered is not known, unless the answer echoes its timestamp. */
static void time_syn(struct flow *f, const struct segment *s, const struct option_set *before,
		     bool again, int64_t time_ns)
{
	f->syn_ambiguous = f->has_syn_ns && again;
	f->syn_ts_told = s->option.has_timestamps &&
			 (!before->has_timestamps || before->ts_value != s->option.ts_value);
	f->syn_ns = time_ns;
	f->has_syn_ns = true;
}

static void time_synack(struct flow *f, const struct segment *s, const struct flow_side *other,
			int64_t time_ns)
{
	f->synack_ns = time_ns;
	f->has_synack_ns = true;
	if (f->syn_ts_told && s->option.has_timestamps &&
	    s->option.ts_echo == other->option.ts_value)
		f->syn_ambiguous = false;
}

static void take_syn(struct flow *f, enum side from, const struct segment *s,
		     const struct flow_delta *d, int64_t time_ns)
{
	struct flow_side *me = &f->side[from];
	struct flow_side *other = &f->side[side_other(from)];
	const struct option_set before = me->option;
	const bool again = me->syn_seen && seq_eq(me->isn, s->seq);
	if (!again && !d->out_of_order)
		me->started = false;
	me->syn_seen = true;
	me->isn_known = true;
	me->isn = s->seq;
	me->option = s->option;
	me->option_seen = true;
	if ((s->flags & TCP_ACK) == 0) {
		if (from == SIDE_CLIENT && !f->has_synack_ns)
			time_syn(f, s, &before, again, time_ns);
	} else if (from == SIDE_SERVER && !f->has_synack_ns && d->ack_valid && other->syn_seen) {
		time_synack(f, s, other, time_ns);
	} else if (!other->isn_known && d->ack_valid) {
		/* The SYN was missed, but this says what its number was. */
		other->isn_known = true;
		other->isn = seq_sub(s->ack, 1);
	}
	agree_on_scale(me, other);
}

/* The right edge of the window that it announces; of a scale that is not known, the largest. */
static seq_t right_edge(const struct flow_side *me, const struct segment *s)
{
	const bool syn = (s->flags & TCP_SYN) != 0;
	const unsigned shift = syn ? 0 : me->window_scale_known ? me->window_shift : 14;
	return seq_add(s->ack, (uint32_t)s->window << shift);
}

static void take_ack(struct flow *f, enum side from, const struct segment *s,
		     const struct flow_delta *d, int64_t time_ns)
{
	struct flow_side *me = &f->side[from];
	struct flow_side *other = &f->side[side_other(from)];
	const seq_t edge = right_edge(me, s);
	me->ack_ahead_known = d->ack_future && !d->ack_missed;
	me->ack_ahead = s->ack;
	if (!d->ack_valid)
		return;
	if (d->ack_stray)
		adopt_stray(f, side_other(from), time_ns);
	if (d->ack_missed) {
		add_gap(other, other->seq_next, s->ack, time_ns);
		other->seq_next = s->ack;
	}
	me->edge = me->acked && seq_is_near(edge, me->edge) ? seq_max(me->edge, edge) : edge;
	if (d->ack_advances || !seq_is_near(s->ack, me->ack_last))
		me->ack_last = s->ack;
	me->acked = true;
	other->syn_acked = other->syn_acked || d->acks_syn;
	other->fin_acked = other->fin_acked || d->acks_fin;
}

/* --- phases ----------------------------------------------------------------- */

static void begin_close(struct flow *f, enum side from, enum close_kind kind, int64_t time_ns)
{
	if (!f->close_begun) {
		f->close_begin_ns = time_ns;
		f->close_end_ns = time_ns;
	}
	f->close_begun = true;
	f->close = kind;
	f->has_closer = true;
	f->closer = from;
}

static bool rst_may_end(enum flow_rst rst)
{
	return rst == FLOW_RST_REFUSES || rst == FLOW_RST_EXACT || rst == FLOW_RST_UNSURE ||
	       rst == FLOW_RST_UNTOLD;
}

/* Whoever has reset and then goes on did not reset. */
static void take_back_reset(struct flow *f, enum side from)
{
	f->side[from].rst_seen = false;
	if (f->close != CLOSE_RST || f->closer != from)
		return;
	f->close_begun = f->close_ended = f->has_closer = false;
	f->close = CLOSE_NONE;
	for (int side = 0; side < 2; side++)
		if (f->side[side].fin_seen && !f->close_begun)
			begin_close(f, (enum side)side, CLOSE_FIN, f->last_ns);
}

static void take_phases(struct flow *f, enum side from, const struct segment *s,
			const struct flow_delta *d, int64_t time_ns)
{
	if (!f->handshake_complete && f->side[SIDE_CLIENT].syn_acked &&
	    f->side[SIDE_SERVER].syn_acked) {
		f->handshake_complete = true;
		f->established_ns = time_ns;
	}
	if (d->revives)
		take_back_reset(f, from);
	if (s->payload_bytes > 0 && d->rst == FLOW_RST_NONE && !d->outside && !d->keep_alive) {
		if (!f->has_data)
			f->data_first_ns = time_ns;
		f->has_data = true;
		f->data_last_ns = time_ns;
	}
	if (f->close_begun && !f->close_ended)
		f->close_end_ns = time_ns;
	if ((s->flags & TCP_FIN) != 0 && d->rst == FLOW_RST_NONE && !d->outside && !f->close_begun)
		begin_close(f, from, CLOSE_FIN, time_ns);
	if (f->side[SIDE_CLIENT].fin_acked && f->side[SIDE_SERVER].fin_acked)
		f->close_ended = true;
	if (rst_may_end(d->rst) && !f->close_ended) {
		begin_close(f, from, CLOSE_RST, time_ns);
		f->close_ended = true;
	}
}

void flow_take(struct flow *f, enum side from, const struct segment *s,
	       const struct flow_delta *delta, int64_t time_ns)
{
	struct flow_side *me = &f->side[from];
	const bool rst = (s->flags & TCP_RST) != 0;
	flow_peers_take(f, from, s);
	if (delta->outside) {
		remember_stray(me, s, time_ns);
	} else if (!rst) {
		if ((s->flags & TCP_SYN) != 0)
			take_syn(f, from, s, delta, time_ns);
		take_numbers(me, s, delta, time_ns);
		take_ack(f, from, s, delta, time_ns);
		me->window_last = s->window;
		me->probe_last = delta->keep_alive || delta->window_probe;
		if (delta->answers_probe)
			f->side[side_other(from)].probe_last = false;
		me->bytes += delta->bytes_new;
		me->retransmissions += delta->retransmission;
		me->out_of_order += delta->out_of_order;
		me->duplicate_acks += delta->ack_duplicate;
		if ((s->flags & TCP_FIN) != 0 && !me->fin_seen) {
			me->fin_seen = true;
			me->fin_seq = seq_sub(segment_end(s), 1);
		}
	}
	take_phases(f, from, s, delta, time_ns);
	if (rst && delta->rst != FLOW_RST_BOUNCE) {
		me->rst_seen = true;
		me->rst_seq = s->seq;
		me->rst_ns = time_ns;
	}
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
	if (flow_is_to_itself(f)) { /* each of its segments counts once */
		out->server.segments = out->server.retransmissions = out->server.out_of_order = 0;
		out->server.bytes = 0;
	}
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
	strcpy(out->conn_state, flow_peers_conn_state(f));
	memcpy(out->history, f->peers.history, sizeof out->history);
	out->history[f->peers.history_count] = '\0';
	out->completeness = f->peers.completeness;
	out->transitions = f->transitions;
	out->transitions_count = f->transitions_count;
	out->transitions_lost = f->transitions_lost;
}

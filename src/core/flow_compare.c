/*
 * A segment against the flow, before the flow takes it in.
 *
 * A side's numbers are judged by two things: the highest it has used (seq_next) with the holes
 * below it, and the right edge of the window that the other side offers. What starts beyond
 * the edge, or acknowledges what cannot have been sent, is `outside`: its receiver drops it, and
 * it moves nothing here, so that one hostile segment cannot drag the record along. But a
 * capture that lost packets looks the same. The way out is a second witness: when the same side
 * goes on exactly there, or the other side acknowledges exactly that, it does belong.
 */
#include "flow_internal.h"

#include <string.h>

#define REORDER_NS INT64_C(3000000) /* the bound without a known round trip: Wireshark's 3 ms */

static bool has(const struct segment *s, uint16_t flags)
{
	return (s->flags & flags) != 0;
}

static bool is_syn(const struct segment *s)
{
	return has(s, TCP_SYN) && !has(s, TCP_RST);
}

/* How many of the numbers from left to right are in [from, to). */
static uint32_t common(seq_t left, seq_t right, seq_t from, seq_t to)
{
	const seq_t l = seq_max(left, from);
	const seq_t r = seq_min(right, to);
	return seq_lt(l, r) ? (uint32_t)seq_diff(r, l) : 0;
}

static uint32_t new_bytes(const struct flow_side *me, const struct segment *s)
{
	if (has(s, TCP_RST) || s->payload_bytes == 0)
		return 0;
	if (!me->started)
		return s->payload_bytes;
	const seq_t left = seq_add(s->seq, is_syn(s));
	const seq_t right = seq_add(left, s->payload_bytes);
	uint32_t count = seq_gt(right, me->seq_next)
				 ? (uint32_t)seq_diff(right, seq_max(left, me->seq_next))
				 : 0;
	for (unsigned i = 0; i < me->gap_count; i++)
		count += common(left, right, me->gap[i].left, me->gap[i].right);
	return count;
}

/* --- the acknowledgement ---------------------------------------------------- */

/* Whether the other side is in SYN-SENT, as far as was seen: its SYN is all it has. */
static bool in_syn_sent(const struct flow_side *other)
{
	return other->syn_seen && !other->syn_acked && !other->acked;
}

static void place_ack(const struct flow_side *me, const struct flow_side *other, seq_t ack,
		      struct flow_delta *d)
{
	if (other->stray.known && seq_eq(ack, other->stray.next) &&
	    !(other->started && seq_eq(ack, other->seq_next))) {
		d->ack_stray = true;
		d->ack_valid = true;
	} else if (!other->started) {
		d->ack_valid = !me->acked || seq_is_near(ack, me->ack_last);
		d->ack_alien = !d->ack_valid;
	} else if (!seq_is_near(ack, other->seq_next) ||
		   (other->syn_seen && !other->syn_acked && seq_le(ack, other->isn))) {
		d->ack_alien = true;
	} else if (seq_gt(ack, other->seq_next)) {
		d->ack_future = true;
		d->ack_missed =
			!in_syn_sent(other) &&
			(other->fragmented || (me->ack_ahead_known && seq_ge(ack, me->ack_ahead)));
		d->ack_valid = d->ack_missed;
	} else {
		d->ack_valid = true;
	}
}

static void compare_ack(const struct flow *f, enum side from, const struct segment *s,
			struct flow_delta *d)
{
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	const seq_t ack = s->ack;
	const bool plain = !has(s, TCP_SYN | TCP_FIN) && s->payload_bytes == 0;
	/* RFC 5961 section 3.2 judges a RST by its number; its acknowledgement is not taken. */
	if (!has(s, TCP_ACK) || has(s, TCP_RST))
		return;
	place_ack(me, other, ack, d);
	if (!d->ack_valid)
		return;
	d->ack_advances = !me->acked || seq_gt(ack, me->ack_last);
	d->ack_old = me->acked && seq_lt(ack, me->ack_last);
	if (d->ack_advances && me->acked)
		d->ack_count = (uint32_t)seq_diff(ack, me->ack_last);
	else if (d->ack_advances && other->isn_known)
		d->ack_count = seq_rel(ack, other->isn);
	d->acks_syn = other->syn_seen && !other->syn_acked;
	d->acks_fin = other->fin_seen && !other->fin_acked && seq_gt(ack, other->fin_seq);
	const bool same = me->acked && seq_eq(ack, me->ack_last);
	d->answers_probe = other->probe_last && plain && same;
	/* RFC 5681 section 2, all five conditions of DUPLICATE ACKNOWLEDGMENT. */
	d->ack_duplicate = plain && same && !d->answers_probe && s->window == me->window_last &&
			   other->started && seq_lt(ack, other->seq_next) && me->started &&
			   seq_eq(s->seq, me->seq_next);
}

/* --- the numbers ------------------------------------------------------------ */

/* Whether its receiver must drop it (RFC 9293 section 3.10.7.4 first check), whatever it knows
 * that was not seen. */
static bool is_outside(const struct flow_side *me, const struct flow_side *other,
		       const struct segment *s)
{
	const uint32_t count = segment_seq_count(s);
	if (!has(s, TCP_SYN | TCP_ACK | TCP_RST))
		return true; /* RFC 9293 section 3.10.7.4 fifth check: "if the ACK bit is off, drop"
			      */
	if (!me->started || is_syn(s)) /* a SYN is judged by is_stray_syn() */
		return false;
	if (!seq_is_near(s->seq, me->seq_next))
		return true;
	/* One number at the edge is a probe of the closed window, or a FIN that cannot wait. */
	return other->acked &&
	       (seq_gt(s->seq, other->edge) || (seq_eq(s->seq, other->edge) && count > 1));
}

/* How long a segment can come late by another way: sent again takes a round trip at least. */
static int64_t reorder_ns(const struct flow *f)
{
	const bool known = f->handshake_complete && f->has_syn_ns && !f->syn_ambiguous;
	const int64_t rtt = known ? f->established_ns - f->syn_ns : 0;
	return rtt > 0 ? rtt : REORDER_NS;
}

static void compare_gaps(const struct flow *f, const struct flow_side *me, const struct segment *s,
			 int64_t time_ns, struct flow_delta *d)
{
	int64_t oldest_ns = INT64_MAX;
	for (unsigned i = 0; i < me->gap_count; i++) {
		const struct flow_gap *g = &me->gap[i];
		if (common(s->seq, segment_end(s), g->left, g->right) == 0)
			continue;
		d->fills_gap = true;
		oldest_ns = g->time_ns < oldest_ns ? g->time_ns : oldest_ns;
	}
	if (d->is_new)
		return;
	d->out_of_order = d->fills_gap && !d->needless && time_ns - oldest_ns < reorder_ns(f);
	d->retransmission = !d->out_of_order;
}

static bool is_late_syn(const struct flow_side *me, const struct segment *s)
{
	return !me->syn_seen && me->started && seq_eq(segment_end(s), me->seq_first);
}

static void compare_numbers(const struct flow *f, enum side from, const struct segment *s,
			    int64_t time_ns, struct flow_delta *d)
{
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	const uint32_t count = segment_seq_count(s);
	const seq_t end = segment_end(s);
	d->outside = d->outside || is_outside(me, other, s);
	d->resumes = d->outside && me->stray.known && !me->stray.syn && !has(s, TCP_SYN) &&
		     has(s, TCP_ACK) && seq_eq(s->seq, me->stray.next);
	if (d->resumes)
		d->outside = false;
	if (d->outside)
		return;
	const bool restarts =
		!me->started || (d->resumes && !seq_is_near(s->seq, me->seq_next)) ||
		(is_syn(s) && !is_late_syn(me, s) && (!me->syn_seen || !seq_eq(s->seq, me->isn)));
	if (restarts) {
		d->is_new = count > 0;
		d->bytes_new = s->payload_bytes;
		return;
	}
	if (seq_gt(s->seq, me->seq_next)) {
		d->gap_before = true;
		d->gap_count = (uint32_t)seq_diff(s->seq, me->seq_next);
	}
	d->bytes_new = new_bytes(me, s);
	if (count == 0)
		return;
	d->is_new = seq_gt(end, me->seq_next);
	d->overlap = d->is_new && seq_lt(s->seq, me->seq_next);
	d->needless = !d->is_new && other->acked && seq_le(end, other->ack_last);
	compare_gaps(f, me, s, time_ns, d);
	if (is_syn(s) && (is_late_syn(me, s) || (has(s, TCP_ACK) && !me->acked))) {
		/* The SYN again, but now with the ACK of the other's SYN: RFC 9293 figure 7. */
		d->retransmission = d->needless = false;
		d->out_of_order = is_late_syn(me, s);
	}
}

/* RFC 9293 sections 3.8.4 and 3.8.6.1. Real stacks probe with a number that is acknowledged
 * already; the text's own probe is one new byte. */
static void compare_probe(const struct flow_side *me, const struct flow_side *other,
			  const struct segment *s, struct flow_delta *d)
{
	if (has(s, TCP_SYN | TCP_FIN | TCP_RST) || !has(s, TCP_ACK) || s->payload_bytes > 1 ||
	    !me->started || d->outside)
		return;
	const bool closed = other->acked && other->window_last == 0;
	const bool before = seq_eq(seq_add(s->seq, 1), me->seq_next);
	const bool all_acked = !other->acked || seq_eq(other->ack_last, me->seq_next);
	if (closed && s->payload_bytes == 1 && seq_eq(s->seq, other->ack_last))
		d->window_probe = true;
	else if (closed && before && (s->payload_bytes == 0 || all_acked))
		d->window_probe = true;
	else if (!closed && before && all_acked)
		d->keep_alive = true;
	if (d->window_probe || d->keep_alive)
		d->retransmission = d->needless = false;
}

/* --- SYN -------------------------------------------------------------------- */

/* A SYN that does not open this exchange, because its side has another ISN or because it does
 * not acknowledge the other side's SYN. */
static bool is_stray_syn(const struct flow_side *me, const struct flow_side *other,
			 const struct segment *s, struct flow_delta *d)
{
	if (has(s, TCP_ACK)) {
		const bool covers = !other->started || !other->syn_seen ||
				    (seq_gt(s->ack, other->isn) && seq_le(s->ack, other->seq_next));
		return !d->ack_stray && (!covers || (me->syn_seen && !seq_eq(s->seq, me->isn)));
	}
	d->new_incarnation =
		me->syn_seen ? !seq_eq(s->seq, me->isn) : me->started && !is_late_syn(me, s);
	return d->new_incarnation;
}

bool flow_is_reused(const struct flow *f, enum side from, const struct flow_delta *delta)
{
	const struct flow_side *other = &f->side[side_other(from)];
	const bool both = f->side[0].fin_seen && f->side[1].fin_seen;
	return delta->new_incarnation && (f->close_ended || both || other->segments == 0);
}

/* --- RST -------------------------------------------------------------------- */

static enum flow_rst rst_in_syn_sent(const struct flow_side *other, const struct segment *s)
{
	if (has(s, TCP_ACK) && seq_gt(s->ack, other->isn) && seq_le(s->ack, other->seq_next))
		return FLOW_RST_REFUSES;
	return FLOW_RST_IGNORED;
}

/*
 * RFC 5961 section 3.2 asks for the receiver's RCV.NXT. What it has acknowledged is the least it
 * can be; what was sent to it is the most.
 */
static enum flow_rst rst_by_number(const struct flow_side *me, const struct flow_side *other,
				   seq_t seq)
{
	const seq_t least = other->ack_last;
	const seq_t most = me->started ? seq_max(least, me->seq_next) : least;
	bool whole = true;
	for (unsigned i = 0; i < me->gap_count; i++)
		whole = whole && common(me->gap[i].left, me->gap[i].right, least, most) == 0;
	if (seq_eq(seq, most) && whole)
		return FLOW_RST_EXACT;
	if (seq_lt(seq, least) || (seq_gt(seq, most) && seq_ge(seq, other->edge)))
		return FLOW_RST_IGNORED;
	return seq_gt(seq, most) ? FLOW_RST_CHALLENGED : FLOW_RST_UNSURE;
}

/* RFC 9293 section 3.10.7.1: <SEQ=SEG.ACK>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN> if it had no ACK. */
static bool answers_stray(const struct flow_stray *stray, const struct segment *s)
{
	if (!stray->known)
		return false;
	if (stray->ack_known)
		return seq_eq(s->seq, stray->ack);
	return has(s, TCP_ACK) && s->seq.raw == 0 && seq_eq(s->ack, stray->next);
}

static enum flow_rst compare_rst(const struct flow_side *me, const struct flow_side *other,
				 const struct segment *s)
{
	if (!has(s, TCP_RST))
		return FLOW_RST_NONE;
	if (answers_stray(&other->stray, s) && !(other->acked && seq_eq(s->seq, other->ack_last)))
		return FLOW_RST_BOUNCE;
	if (in_syn_sent(other))
		return rst_in_syn_sent(other, s);
	if (other->acked)
		return rst_by_number(me, other, s->seq);
	if (me->syn_seen && seq_eq(s->seq, me->seq_next))
		return FLOW_RST_EXACT; /* whoever took the SYN expects this number */
	return FLOW_RST_UNTOLD;
}

/* Who has aborted sends nothing more (RFC 9293 section 3.10.5). What was sent before and comes
 * by another way comes soon. */
static bool is_revival(const struct flow *f, enum side from, const struct segment *s,
		       int64_t time_ns, const struct flow_delta *d)
{
	const struct flow_side *me = &f->side[from];
	if (!me->rst_seen || d->outside || !has(s, TCP_ACK) || time_ns - me->rst_ns < reorder_ns(f))
		return false;
	/* A SYN,ACK that comes again may have been on its way for long. */
	return !has(s, TCP_SYN) || (d->is_new && f->close == CLOSE_RST && f->closer == from);
}

void flow_compare(const struct flow *f, enum side from, const struct segment *s, int64_t time_ns,
		  struct flow_delta *delta)
{
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	memset(delta, 0, sizeof *delta);
	delta->window_changed = me->segments > 0 && s->window != me->window_last;
	delta->rst = compare_rst(me, other, s);
	if (has(s, TCP_RST))
		return;
	compare_ack(f, from, s, delta);
	/* An end in SYN-SENT hears only a SYN; its ACK, if any, must acknowledge its own: RFC 9293
	 * section 3.10.7.3, first and fifth check. */
	delta->outside =
		in_syn_sent(other) && (!has(s, TCP_SYN) || (has(s, TCP_ACK) && !delta->ack_valid));
	if (is_syn(s) && is_stray_syn(me, other, s, delta))
		delta->outside = true;
	compare_numbers(f, from, s, time_ns, delta);
	compare_probe(me, other, s, delta);
	delta->revives = is_revival(f, from, s, time_ns, delta);
}

/*
 * One function a topic, each adding at most a few notes; judge_segment() is the order in
 * which a reader should hear them: what opens, what is acknowledged, what is carried, what
 * closes, what resets, what is odd.
 */
#include "synscope/core/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void judge_note(struct note *notes, uint8_t *count, enum note_code code, const char *rfc,
		const char *format, ...)
{
	if (*count >= EVENT_NOTES_MAX)
		return;
	struct note *n = &notes[(*count)++];
	n->code = code;
	n->rfc = rfc;
	va_list args;
	va_start(args, format);
	vsnprintf(n->text, sizeof n->text, format, args);
	va_end(args);
}

#define NOTE(e, code, rfc, ...) judge_note((e)->notes, &(e)->notes_count, code, rfc, __VA_ARGS__)

/* "1001 (rel 1)", for the number @p s of the side @p of. Two buffers a call site. */
static const char *number(const struct flow *f, enum side of, seq_t s, char text[40])
{
	if (f->side[of].isn_known)
		snprintf(text, 40, "%u (rel %u)", s.raw, seq_rel(s, f->side[of].isn));
	else
		snprintf(text, 40, "%u", s.raw);
	return text;
}

/* RFC 6191 section 2: what a TCP in TIME-WAIT may do with such a SYN. */
static void judge_reuse(const struct flow *f, const struct segment *s, struct event_segment *e)
{
	const struct flow_before *b = &f->before;
	if (!b->seq_known)
		NOTE(e, NOTE_PORT_REUSED, "9293 3.4.1",
		     "the ports of flow %u again; its numbers are not known", b->id);
	else
		NOTE(e, NOTE_PORT_REUSED, "6191 2",
		     "the ports of flow %u again: ISN %u is %s the next number there, %u%s", b->id,
		     s->seq.raw, seq_gt(s->seq, b->seq_next) ? "above" : "not above",
		     b->seq_next.raw,
		     seq_gt(s->seq, b->seq_next)
			     ? ", so even an end still in TIME-WAIT may accept it"
			     : "; an end still in TIME-WAIT accepts it only by a newer timestamp");
}

/* A SYN with another ISN on a flow that goes on. */
static void judge_stray_syn(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	if (f->handshake_complete || !me->syn_seen)
		NOTE(e, NOTE_PORT_REUSED, "5961 4.2",
		     "a SYN with ISN %u into an open connection: to be answered with a challenge "
		     "ACK, which a sender that has forgotten the connection resets",
		     s->seq.raw);
	else
		NOTE(e, NOTE_PORT_REUSED, "9293 3.5 figure 8",
		     "a SYN with another ISN, %u, while the one with %u is not acknowledged: one "
		     "of them is old",
		     s->seq.raw, me->isn.raw);
}

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

static void judge_syn(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	if (d->new_incarnation) {
		judge_stray_syn(f, from, e);
		return;
	}
	if (d->retransmission)
		NOTE(e, NOTE_SYN_RETRANSMITTED, "6298 5", "the same SYN again, same ISN %u",
		     s->seq.raw);
	else
		NOTE(e, NOTE_SYN, "9293 3.5", "opens: ISN %u; the SYN itself uses number %u",
		     s->seq.raw, s->seq.raw);
	if (f->before.known && !d->retransmission && me->segments == 0)
		judge_reuse(f, s, e);
	if (flow_is_to_itself(f) && !d->retransmission)
		NOTE(e, NOTE_SIMULTANEOUS_OPEN, "9293 3.5 figure 7",
		     "client and server are one end: it opens to itself, and all that it sends "
		     "arrives at itself");
	const bool crosses = other->syn_seen && !d->retransmission && !other->syn_acked;
	if (crosses && me->stray.known && me->stray.ack_known &&
	    seq_eq(me->stray.ack, seq_add(other->isn, 1)))
		NOTE(e, NOTE_SPLIT_HANDSHAKE, "9293 3.5",
		     "it has acknowledged the other SYN in a segment of its own and sends its SYN "
		     "apart: a split handshake");
	else if (crosses)
		NOTE(e, NOTE_SIMULTANEOUS_OPEN, "9293 3.5 figure 7",
		     "both ends sent a SYN and neither has acknowledged: a simultaneous open");
	if (s->payload_bytes > 0)
		NOTE(e, NOTE_FASTOPEN, s->option.has_fastopen ? "7413 4.2" : "9293 3.10.7.2",
		     "carries %u byte%s already with the SYN, to wait until the handshake is "
		     "over%s",
		     s->payload_bytes, plural(s->payload_bytes),
		     s->option.has_fastopen ? ", unless the Fast Open cookie is accepted" : "");
	if ((s->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR))
		NOTE(e, NOTE_ECN, "3168 6.1.1", "asks for ECN (ECE and CWR on a SYN)");
}

/* The handshake's end, from the sender's side: its SYN is acknowledged and it acknowledges. */
static void judge_completion(const struct flow *f, enum side from, const struct flow_delta *d,
			     struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *other = &f->side[side_other(from)];
	const seq_t isn = d->ack_stray ? other->stray.seq : other->isn;
	if (d->acks_syn && f->side[from].syn_acked)
		NOTE(e, NOTE_HANDSHAKE_COMPLETE, "9293 3.5",
		     "acknowledges the other SYN: ack %u = ISN %u + %u; the handshake is complete "
		     "for the sender of this",
		     s->ack.raw, isn.raw, seq_rel(s->ack, isn));
}

static void judge_bad_synack(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *other = &f->side[side_other(from)];
	const seq_t wanted = seq_add(other->isn, 1);
	const bool covers = seq_ge(s->ack, wanted) && seq_le(s->ack, other->seq_next);
	if (other->acked)
		NOTE(e, NOTE_PORT_REUSED, "5961 4.2",
		     "a SYN,ACK with ISN %u into an open connection: to be answered with a "
		     "challenge ACK",
		     s->seq.raw);
	else if (!covers)
		NOTE(e, NOTE_SYNACK_WRONG_ACK, "9293 3.10.7.3 first check",
		     "acknowledges %u, but the SYN's ISN %u + 1 is %u: a TCP in SYN-SENT answers "
		     "this with RST",
		     s->ack.raw, other->isn.raw, wanted.raw);
	else
		NOTE(e, NOTE_SYNACK_ACCEPTABLE, "9293 3.10.7.3",
		     "acknowledges the SYN too, but its ISN is %u, and the SYN,ACK before it said "
		     "%u: the next ACK tells which one was believed",
		     s->seq.raw, f->side[from].isn.raw);
}

static void judge_synack(const struct flow *f, enum side from, const struct flow_delta *d,
			 struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *other = &f->side[side_other(from)];
	if (!other->syn_seen) {
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.5",
		     "acknowledges a SYN with ISN %u that was not captured", s->ack.raw - 1);
		return;
	}
	if (f->before.known && f->before.syn_n != 0 && f->side[from].segments == 0)
		NOTE(e, NOTE_PORT_REUSED, "9293 3.10.7.2",
		     "answers the SYN that stands as #%u of flow %u: so that one did begin another "
		     "exchange",
		     f->before.syn_n, f->before.id);
	if (d->outside) {
		judge_bad_synack(f, from, e);
		return;
	}
	const seq_t wanted = seq_add(other->isn, 1);
	if (d->retransmission)
		NOTE(e, NOTE_SYNACK_RETRANSMITTED, "6298 5",
		     "the same SYN,ACK again: the final ACK had not reached it, or did not satisfy "
		     "it");
	else if (f->side[from].syn_seen)
		NOTE(e, NOTE_SIMULTANEOUS_OPEN, "9293 3.5 figure 7",
		     "its SYN again, now with the acknowledgement of the other SYN: ack %u = ISN "
		     "%u "
		     "+ %u",
		     s->ack.raw, other->isn.raw, seq_rel(s->ack, other->isn));
	else
		NOTE(e, NOTE_SYNACK_ACCEPTABLE, "9293 3.10.7.3",
		     "acknowledges the SYN: ack %u = ISN %u + %u", s->ack.raw, other->isn.raw,
		     seq_rel(s->ack, other->isn));
	/* With Fast Open the data of the SYN may be acknowledged too. */
	if (!d->retransmission && seq_gt(s->ack, wanted))
		NOTE(e, NOTE_FASTOPEN, "7413 4.2", "and with it %u byte%s that came with the SYN",
		     seq_rel(s->ack, wanted), plural(seq_rel(s->ack, wanted)));
	if ((s->flags & (TCP_ECE | TCP_CWR)) == TCP_ECE)
		NOTE(e, NOTE_ECN, "3168 6.1.1", "agrees to ECN (ECE without CWR on a SYN,ACK)");
	judge_completion(f, from, d, e);
}

static void judge_sack(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const enum side other = side_other(from);
	char a[40];
	char b[40];
	if (s->option.sack_count == 0)
		return;
	const seq_t l = seq_of(s->option.sack[0].left);
	const seq_t r = seq_of(s->option.sack[0].right);
	if (!seq_lt(l, r)) {
		NOTE(e, NOTE_OPTION_MALFORMED, "2018 3", "a SACK block from %u to %u holds nothing",
		     l.raw, r.raw);
		return;
	}
	/* RFC 2883 section 4: a duplicate is told first, below the ACK or inside the block after.
	 */
	const bool inside = s->option.sack_count > 1 && seq_ge(l, seq_of(s->option.sack[1].left)) &&
			    seq_le(r, seq_of(s->option.sack[1].right));
	number(f, other, l, a);
	number(f, other, seq_sub(r, 1), b);
	if (seq_le(r, s->ack) || inside)
		NOTE(e, NOTE_DSACK, "2883 4", "D-SACK: it had %s to %s already", a, b);
	else
		NOTE(e, NOTE_SACK, "2018 3", "SACK: it holds %s to %s, past a hole", a, b);
}

/* An acknowledgement of what was not seen. */
static void judge_unseen_ack(const struct flow *f, enum side from, const struct flow_delta *d,
			     struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const enum side other_side = side_other(from);
	const struct flow_side *other = &f->side[other_side];
	char a[40];
	char b[40];
	if (d->ack_alien && other->started)
		NOTE(e, NOTE_ACK_FUTURE, "9293 3.10.7.4 fifth check",
		     "acknowledges %u, which the other side, whose next number is %u, cannot have "
		     "used",
		     s->ack.raw, other->seq_next.raw);
	else if (d->ack_alien)
		NOTE(e, NOTE_ACK_FUTURE, "9293 3.10.7.4 fifth check",
		     "acknowledges %u, which is far from %u, acknowledged before", s->ack.raw,
		     f->side[from].ack_last.raw);
	else if (d->ack_missed && other->fragmented)
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.4",
		     "acknowledges %u numbers that were not seen whole, up to %s: in IP fragments, "
		     "or "
		     "missed by the capture",
		     (unsigned)seq_diff(s->ack, other->seq_next),
		     number(f, other_side, seq_sub(s->ack, 1), a));
	else if (d->ack_missed)
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.4",
		     "acknowledges again more than was seen: the capture has missed %u numbers of "
		     "the other side, up to %s",
		     (unsigned)seq_diff(s->ack, other->seq_next),
		     number(f, other_side, seq_sub(s->ack, 1), a));
	else
		NOTE(e, NOTE_ACK_FUTURE, "9293 3.10.7.4 fifth check",
		     "acknowledges %s, but the other side was seen to send only up to %s: never "
		     "sent, or missed by the capture",
		     number(f, other_side, seq_sub(s->ack, 1), a),
		     number(f, other_side, seq_sub(other->seq_next, 1), b));
}

static void judge_valid_ack(const struct flow *f, enum side from, const struct flow_delta *d,
			    struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const enum side other_side = side_other(from);
	const struct flow_side *other = &f->side[other_side];
	char a[40];
	char b[40];
	if (d->acks_syn)
		judge_completion(f, from, d, e);
	else if (d->acks_fin)
		NOTE(e, NOTE_FIN_ACKED, "9293 3.6",
		     "acknowledges the FIN, which used number %s: that direction is closed",
		     number(f, other_side, other->fin_seq, a));
	else if (d->ack_advances && me->acked && d->ack_count > 0)
		NOTE(e, NOTE_ACKS_DATA, "9293 3.4", "acknowledges %u more: all up to %s",
		     d->ack_count, number(f, other_side, seq_sub(s->ack, 1), a));
	else if (d->ack_old)
		NOTE(e, NOTE_ACK_OLD, "9293 3.10.7.4 fifth check",
		     "an older acknowledgement than one before it: ignored (%s, was %s)",
		     number(f, other_side, s->ack, a), number(f, other_side, me->ack_last, b));
	else if (d->answers_probe)
		NOTE(e, NOTE_KEEP_ALIVE_ACK, "9293 3.8.4",
		     "answers the probe: it is there, and its next expected number is still %s",
		     number(f, other_side, s->ack, a));
	else if (d->ack_duplicate)
		NOTE(e, NOTE_ACK_DUPLICATE, "5681 2",
		     "the same acknowledgement again: it still waits for %s",
		     number(f, other_side, s->ack, a));
}

/* RFC 9293 section 3.10.7.3: what an ACK without SYN is to an end that waits for a SYN,ACK. */
static void judge_ack_in_syn_sent(const struct flow_side *other, const struct flow_delta *d,
				  struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	if (d->ack_valid)
		NOTE(e, NOTE_SPLIT_HANDSHAKE, "9293 3.10.7.3 fifth check",
		     "acknowledges the SYN without a SYN of its own: a TCP in SYN-SENT drops it");
	else
		NOTE(e, NOTE_CHALLENGE_ACK, "9293 3.5.1 figure 9",
		     "an ACK of %u where a SYN,ACK of %u was awaited: this end holds an older "
		     "connection with these ports; the answer to it is RST",
		     s->ack.raw, other->isn.raw + 1);
}

static void judge_ack(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *other = &f->side[side_other(from)];
	if ((s->flags & TCP_ACK) == 0 || (s->flags & (TCP_RST | TCP_SYN)) != 0)
		return;
	if (d->outside && other->syn_seen && !other->syn_acked && !other->acked) {
		judge_ack_in_syn_sent(other, d, e);
	} else if (d->ack_alien || d->ack_future) {
		judge_unseen_ack(f, from, d, e);
	} else if (!d->outside) {
		judge_valid_ack(f, from, d, e);
		judge_sack(f, from, e);
	}
}

static void judge_probe(const struct flow *f, enum side from, const struct flow_delta *d,
			struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	char a[40];
	number(f, from, s->seq, a);
	if (d->keep_alive)
		NOTE(e, NOTE_KEEP_ALIVE, "9293 3.8.4",
		     "keep-alive: number %s is one before the next to send, to make the other "
		     "side answer",
		     a);
	else if (seq_eq(s->seq, f->side[from].seq_next))
		NOTE(e, NOTE_WINDOW_PROBE, "9293 3.8.6.1",
		     "a probe of the zero window: one new byte, number %s", a);
	else
		NOTE(e, NOTE_WINDOW_PROBE, "9293 3.8.6.1",
		     "a probe of the zero window: number %s is one before the next to send", a);
}

/* "4000 to 4999", the numbers of the window that an end offers. */
static const char *window_text(const struct flow_side *end, char text[40])
{
	if (seq_eq(end->edge, end->ack_last))
		snprintf(text, 40, "closed at %u", end->edge.raw);
	else
		snprintf(text, 40, "%u to %s%u", end->ack_last.raw,
			 end->window_scale_known ? "" : "at most ", end->edge.raw - 1);
	return text;
}

/* What its receiver must drop. */
static void judge_outside(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *other = &f->side[side_other(from)];
	char a[40];
	if (!other->acked || (s->flags & TCP_ACK) == 0)
		return;
	NOTE(e, NOTE_DATA_OUTSIDE_WINDOW, "9293 3.10.7.4 first check",
	     "number %u is not in the receiver's window (%s): to be dropped and answered with an "
	     "ACK",
	     s->seq.raw, window_text(other, a));
}

static void judge_data(const struct flow *f, enum side from, const struct flow_delta *d,
		       struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	char a[40];
	char b[40];
	number(f, from, s->seq, a);
	if (d->retransmission && d->needless)
		NOTE(e, NOTE_DATA_RETRANSMITTED, "9293 3.10.7.4 first check",
		     "%u byte%s again, all acknowledged already (%s): needless, or the "
		     "acknowledgement was lost",
		     s->payload_bytes, plural(s->payload_bytes), a);
	else if (d->retransmission && d->fills_gap)
		NOTE(e, NOTE_DATA_RETRANSMITTED, "6298 5",
		     "%u byte%s into a hole (%s), later than a round trip: sent again, the first "
		     "copy "
		     "was not seen here",
		     s->payload_bytes, plural(s->payload_bytes), a);
	else if (d->retransmission)
		NOTE(e, NOTE_DATA_RETRANSMITTED, "6298 5", "%u byte%s again, all sent before (%s)",
		     s->payload_bytes, plural(s->payload_bytes), a);
	else if (d->out_of_order)
		NOTE(e, NOTE_DATA_OUT_OF_ORDER, "9293 3.10.7.4 seventh check",
		     "fills a hole: %u byte%s later than in its place (%s)", s->payload_bytes,
		     plural(s->payload_bytes), a);
	else if (d->overlap)
		NOTE(e, NOTE_DATA_OVERLAP, "9293 3.10.7.4 seventh check",
		     "partly new: its first %u number%s sent before",
		     (unsigned)seq_diff(me->seq_next, s->seq),
		     plural((uint32_t)seq_diff(me->seq_next, s->seq)));
	else if (s->payload_bytes == 1)
		NOTE(e, NOTE_DATA, "9293 3.4", "1 byte uses number %s", a);
	else
		NOTE(e, NOTE_DATA, "9293 3.4", "%u bytes use numbers %s to %s", s->payload_bytes, a,
		     number(f, from, seq_add(s->seq, s->payload_bytes - 1), b));
}

static void judge_text(const struct flow *f, enum side from, const struct flow_delta *d,
		       struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	char a[40];
	char b[40];
	if (d->outside) {
		judge_outside(f, from, e);
		return;
	}
	if (d->resumes)
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.4",
		     "goes on after a segment that seemed not to belong: the capture has missed "
		     "what lies between");
	else if (d->gap_before)
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.4",
		     "%u number%s before it not seen: next was %s, this begins with %s",
		     d->gap_count, plural(d->gap_count), number(f, from, f->side[from].seq_next, a),
		     number(f, from, s->seq, b));
	if (d->keep_alive || d->window_probe)
		judge_probe(f, from, d, e);
	else if (s->payload_bytes > 0)
		judge_data(f, from, d, e);
	if (d->revives)
		NOTE(e, NOTE_CORRECTION, NULL,
		     "goes on after an RST in its name, and too late to have been overtaken by it: "
		     "that RST was not sent by it, or it was not the end");
}

static void judge_fin(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	char a[40];
	if ((s->flags & TCP_FIN) == 0 || (s->flags & (TCP_RST | TCP_SYN)) != 0 || d->outside)
		return;
	const seq_t at = seq_sub(segment_end(s), 1);
	if (me->fin_seen && seq_eq(at, me->fin_seq)) {
		NOTE(e, NOTE_FIN_RETRANSMITTED, "6298 5", "the FIN again");
		return;
	}
	NOTE(e, NOTE_FIN, "9293 3.6", "no more data from this side; the FIN itself uses number %s",
	     number(f, from, at, a));
	if (other->fin_seen && ((s->flags & TCP_ACK) == 0 || seq_le(s->ack, other->fin_seq)))
		NOTE(e, NOTE_SIMULTANEOUS_CLOSE, "9293 3.6 figure 13",
		     "it has not seen the other side's FIN yet: both close at the same time");
}

static void judge_window(const struct flow *f, enum side from, const struct flow_delta *d,
			 struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	if ((s->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0 || (s->flags & TCP_ACK) == 0 ||
	    d->outside)
		return;
	if (s->window == 0)
		NOTE(e, NOTE_WINDOW_ZERO, "9293 3.8.6",
		     "its window is closed: nothing may be sent to it");
	else if (d->window_changed && me->window_last == 0)
		NOTE(e, NOTE_WINDOW_UPDATE, "9293 3.8.6", "its window opens again: %u%s",
		     e->window_bytes,
		     e->window_scale_known ? " bytes" : ", in units that are not known");
}

static void judge_rst_in_syn_sent(const struct flow_side *other, const struct flow_delta *d,
				  struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	if (d->rst == FLOW_RST_REFUSES)
		NOTE(e, NOTE_RST_REFUSES, "9293 3.10.7.1",
		     "refuses: ack %u = ISN %u + %u, so it answers this SYN", s->ack.raw,
		     other->isn.raw, seq_rel(s->ack, other->isn));
	else if ((s->flags & TCP_ACK) == 0)
		NOTE(e, NOTE_RST_IGNORED, "9293 3.10.7.3 second check",
		     "an RST without ACK: in SYN-SENT it proves nothing and is ignored");
	else
		NOTE(e, NOTE_RST_IGNORED, "9293 3.10.7.3 first check",
		     "an RST with ack %u, but the SYN's ISN %u + 1 is %u: not an answer to it, "
		     "ignored",
		     s->ack.raw, other->isn.raw, other->isn.raw + 1);
}

static void judge_rst_exact(const struct flow_side *me, const struct flow_side *other,
			    struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	if (!me->started && !other->syn_seen)
		NOTE(e, NOTE_RST_BOUNCE, "9293 3.10.7.1",
		     "seq %u is the number that the other side acknowledged: the answer of "
		     "an "
		     "end that knows no such connection",
		     s->seq.raw);
	else if (other->acked && !seq_eq(s->seq, other->ack_last))
		NOTE(e, NOTE_RST_ACCEPTABLE, "5961 3.2",
		     "seq %u follows what was sent before it: exactly the next expected "
		     "number once that has arrived, and the connection is reset",
		     s->seq.raw);
	else
		NOTE(e, NOTE_RST_ACCEPTABLE, "5961 3.2",
		     "seq %u is exactly the receiver's next expected number: the "
		     "connection is reset",
		     s->seq.raw);
}

static void judge_rst_bounce(const struct flow_side *other, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	if (!other->stray.ack_known)
		NOTE(e, NOTE_RST_BOUNCE, "9293 3.10.7.1",
		     "ack %u is the end of the segment before: the answer to it, of an end "
		     "that knows no such connection",
		     s->ack.raw);
	else
		NOTE(e, NOTE_RST_BOUNCE, "9293 3.10.7.3 first check",
		     "seq %u is the number that the segment before acknowledged: the "
		     "answer to it, "
		     "which leaves its own connection as it is",
		     s->seq.raw);
}

static void judge_rst(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	const struct end_view *receiver = from == SIDE_SERVER ? &e->client : &e->server;
	char a[40];
	if (receiver->certainty == CERTAINTY_EXACT && receiver->state == ST_CLOSED)
		return; /* our own end has no connection that it could reset */
	switch (d->rst) {
	case FLOW_RST_NONE:
		break;
	case FLOW_RST_REFUSES:
		judge_rst_in_syn_sent(other, d, e);
		break;
	case FLOW_RST_EXACT:
		judge_rst_exact(me, other, e);
		break;
	case FLOW_RST_UNSURE:
		NOTE(e, NOTE_RST_ACCEPTABLE, "5961 3.2",
		     "seq %u, of %u acknowledged and %u next to send: resets only if exactly the "
		     "numbers before it have arrived",
		     s->seq.raw, other->ack_last.raw, me->seq_next.raw);
		break;
	case FLOW_RST_UNTOLD:
		NOTE(e, NOTE_RST_ACCEPTABLE, "5961 3.2",
		     "an RST; whether %u is the number that its receiver expects cannot be told: "
		     "it has acknowledged nothing that was seen",
		     s->seq.raw);
		break;
	case FLOW_RST_CHALLENGED:
		NOTE(e, NOTE_RST_CHALLENGED, "5961 3.2",
		     "seq %u is in the window but not the next expected %u: to be challenged, not "
		     "obeyed",
		     s->seq.raw, seq_max(other->ack_last, me->seq_next).raw);
		break;
	case FLOW_RST_IGNORED:
		if (!other->acked)
			judge_rst_in_syn_sent(other, d, e);
		else
			NOTE(e, NOTE_RST_IGNORED, "5961 3.2",
			     "seq %u is not in the receiver's window (%s): to be ignored",
			     s->seq.raw, window_text(other, a));
		break;
	case FLOW_RST_BOUNCE:
		judge_rst_bounce(other, e);
		break;
	}
}

static void judge_oddities(const struct flow_side *me, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const bool v6 = s->ip.src.family == IP_V6;
	char text[TCP_FLAGS_TEXT_MAX];
	if (s->checksum == CHECKSUM_BAD)
		NOTE(e, NOTE_CHECKSUM_BAD, "9293 3.1",
		     "checksum %#06x is wrong: the receiver drops it without a word",
		     s->checksum_field);
	else if (s->checksum == CHECKSUM_PARTIAL && !e->local_out && me->segments == 0)
		NOTE(e, NOTE_CHECKSUM_PARTIAL, "9293 3.1",
		     "the checksum is only that of the pseudo-header: its sender's kernel leaves "
		     "the rest to the network card (said once)");
	if (s->ip.fragment)
		NOTE(e, NOTE_FRAGMENT, v6 ? "8200 4.5" : "791 3.2",
		     "an IP fragment: only part of the segment is here");
	if (s->option.malformed)
		NOTE(e, NOTE_OPTION_MALFORMED, "9293 3.1", "its options are malformed");
	const uint16_t core = s->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
	const bool pair =
		((core & TCP_SYN) != 0) + ((core & TCP_FIN) != 0) + ((core & TCP_RST) != 0) > 1;
	if (pair || core == 0 || core == TCP_FIN)
		NOTE(e, NOTE_FLAGS_ODD, "9293 3.10.7", "flags %s: no TCP sends this by itself",
		     tcp_flags_format(s->flags, text, sizeof text));
}

void judge_segment(const struct flow *f, enum side from, const struct flow_delta *delta,
		   struct event_segment *e)
{
	const uint16_t fl = e->tcp.flags;
	if (e->tcp.ip.fragment) { /* what else it says hangs on a length that is not known */
		judge_oddities(&f->side[from], e);
		return;
	}
	if ((fl & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		judge_syn(f, from, delta, e);
	else if ((fl & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK))
		judge_synack(f, from, delta, e);
	judge_oddities(&f->side[from], e);
	judge_rst(f, from, delta, e);
	judge_ack(f, from, delta, e);
	if ((fl & (TCP_SYN | TCP_RST)) == 0)
		judge_text(f, from, delta, e);
	judge_fin(f, from, delta, e);
	judge_window(f, from, delta, e);
}

void judge_abort(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct flow_side *me = &f->side[from];
	const int32_t unseen = me->started ? seq_diff(e->tcp.seq, me->seq_next) : 0;
	if (unseen > 0)
		NOTE(e, NOTE_RST_ABORT, "9293 3.10.5",
		     "if the %s itself aborts with it, it has sent %d numbers that were not seen",
		     side_name(from), unseen);
	else
		NOTE(e, NOTE_RST_ABORT, "9293 3.10.5",
		     "at its own next number: the %s aborts the connection itself",
		     side_name(from));
}

static bool has_note(const struct event_segment *e, enum note_code code)
{
	for (unsigned i = 0; i < e->notes_count; i++)
		if (e->notes[i].code == code)
			return true;
	return false;
}

/* Whichever list is the shorter: "A, B", "all but A, B". */
static void judge_contradiction(state_set_t tried, struct event_segment *e)
{
	char set[STATE_SET_TEXT_MAX];
	const bool most = state_set_count(tried) > ST_COUNT / 2;
	const state_set_t named = most ? STATE_SET_ALL & (state_set_t)~tried : tried;
	state_set_format(named, ", ", set, sizeof set);
	NOTE(e, NOTE_CONTRADICTION, "9293 3.10.7",
	     "no state that this end can be in explains it (tried: %s%s): spoofed, a middlebox, a "
	     "segment that was missed, or another incarnation",
	     !most        ? ""
	     : named != 0 ? "all but "
			  : "all",
	     set);
}

/* The table leaves the number of its own RFC out. All that is challenged by it is one check. */
static const char *rfc_of_challenge(const struct tcp_rule *row)
{
	return strncmp(row->section, "3.", 2) == 0 ? "9293 3.10.7.4 fifth check" : row->section;
}

void judge_evidence(const struct flow *f, enum side from, const struct belief_evidence *evidence,
		    bool explained, struct event_segment *e)
{
	(void)f;
	if (!explained) {
		if (!has_note(e, NOTE_FLAGS_ODD)) /* else it was said that no TCP sends this */
			judge_contradiction(evidence->tried, e);
		return;
	}
	if (evidence->missed && !has_note(e, NOTE_NOT_CAPTURED) && !has_note(e, NOTE_ACK_FUTURE) &&
	    !has_note(e, NOTE_CHALLENGE_ACK))
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.10.7",
		     "explained only by a segment to the %s that was not captured",
		     side_name(from));
	if ((e->tcp.flags & TCP_RST) != 0) {
		if (has_note(e, NOTE_RST_BOUNCE) || has_note(e, NOTE_RST_REFUSES))
			return; /* what it is was said, with its numbers */
		if (evidence->reset == BELIEF_RESET_BOUNCE && evidence->answers_n != 0)
			NOTE(e, NOTE_RST_BOUNCE, "9293 3.5.2",
			     "answers #%u: the %s knows no such connection", evidence->answers_n,
			     side_name(from));
		else if (evidence->reset == BELIEF_RESET_ABORT)
			judge_abort(f, from, e);
		else if (evidence->reset == BELIEF_RESET_EITHER && evidence->answers_n != 0)
			NOTE(e, NOTE_RST_ABORT, "9293 3.10.5",
			     "the %s aborts the connection, or has forgotten it and answers #%u",
			     side_name(from), evidence->answers_n);
		return;
	}
	if (evidence->row >= 0 && evidence->challenge && evidence->answers_n != 0)
		NOTE(e, NOTE_CHALLENGE_ACK, rfc_of_challenge(&tcp_rules[evidence->row]),
		     "a challenge ACK in answer to #%u: %.*s", evidence->answers_n,
		     (int)strlen(tcp_rules[evidence->row].sentence) - 1,
		     tcp_rules[evidence->row].sentence); /* without its full stop */
	if (evidence->cookies && (e->tcp.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		NOTE(e, NOTE_COOKIE_SUSPECTED, "4987 3.6",
		     "taking it that the server uses SYN cookies and keeps no state before the "
		     "ACK");
}

/* RFC 5927 section 4.1: an error is believed if what it quotes is in flight. */
static const char *quoted_text(const struct flow_side *about, seq_t seq)
{
	if (!about->started || seq_lt(seq, about->seq_first) || seq_gt(seq, about->seq_next))
		return "was never seen to send";
	return "did send";
}

void judge_icmp(const struct flow *f, struct event_icmp *e)
{
	char who[IP_ADDR_TEXT_MAX];
	const struct icmp_error *i = &e->icmp;
	const struct flow_side *about = &f->side[e->about];
	const struct flow_side *other = &f->side[side_other(e->about)];
	const bool from_host = ip_addr_equal(&i->ip.src, &other->endpoint.addr);
	const bool from_self = ip_addr_equal(&i->ip.src, &about->endpoint.addr);
	ip_addr_format(&i->ip.src, who, sizeof who);
	judge_note(e->notes, &e->notes_count,
		   icmp_reason_is_refusal(i->reason) ? NOTE_ICMP_REFUSES : NOTE_ICMP_HINT,
		   "9293 3.9.2.2", "%s says: %s%s; it quotes seq %u, which the %s %s", who,
		   icmp_reason_name(i->reason),
		   from_host   ? " (it is the host itself)"
		   : from_self ? " (it is the sender's own host)"
			       : " (not the host: something on the way)",
		   i->quoted_seq.raw, side_name(e->about), quoted_text(about, i->quoted_seq));
	if (i->checksum == CHECKSUM_BAD)
		judge_note(e->notes, &e->notes_count, NOTE_CHECKSUM_BAD, "792",
			   "the checksum of this ICMP message is wrong: it is dropped unheard");
}

/* RFC 9293 section 3.7.1: what holds without the option. */
static unsigned mss_of(const struct flow_side *side)
{
	if (side->option.has_mss)
		return side->option.mss;
	return side->endpoint.addr.family == IP_V6 ? 1220 : 536;
}

struct writer {
	char *text;
	size_t at, bytes;
};

static void say(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int count = vsnprintf(w->text + w->at, w->bytes - w->at, format, args);
	va_end(args);
	if (count > 0)
		w->at += (size_t)count < w->bytes - w->at ? (size_t)count : w->bytes - w->at - 1;
}

char *judge_options_text(const struct flow *f, char *text, size_t text_bytes)
{
	const struct flow_side *c = &f->side[SIDE_CLIENT];
	const struct flow_side *s = &f->side[SIDE_SERVER];
	struct writer w = {text, 0, text_bytes};
	text[0] = '\0';
	if (!c->option_seen || !s->option_seen)
		return text;
	/* What an end announces is what may be sent to it. */
	say(&w, "mss %u to client, %u to server%s", mss_of(c), mss_of(s),
	    c->option.has_mss && s->option.has_mss ? "" : " (the default where none was given)");
	if (c->option.has_wscale && s->option.has_wscale)
		say(&w, ", window scale client %u, server %u", c->window_shift, s->window_shift);
	else if (c->option.has_wscale || s->option.has_wscale)
		say(&w, ", no window scaling (the %s did not offer it)",
		    side_name(c->option.has_wscale ? SIDE_SERVER : SIDE_CLIENT));
	if (c->option.sack_permitted && s->option.sack_permitted)
		say(&w, ", SACK");
	if (c->option.has_timestamps && s->option.has_timestamps)
		say(&w, ", timestamps");
	if (c->option.has_mptcp && s->option.has_mptcp)
		say(&w, ", MPTCP");
	return text;
}

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

static void judge_syn(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	if (d->new_incarnation)
		NOTE(e, NOTE_PORT_REUSED, "9293 3.4.1",
		     "a new SYN on the same ports: its ISN is %u, the one before was %u",
		     s->seq.raw, me->isn.raw);
	else if (d->retransmission)
		NOTE(e, NOTE_SYN_RETRANSMITTED, "6298 5.4", "the same SYN again, same ISN %u",
		     s->seq.raw);
	else
		NOTE(e, NOTE_SYN, "9293 3.5", "opens: ISN %u; the SYN itself uses number %u",
		     s->seq.raw, s->seq.raw);
	if (other->syn_seen && !f->handshake_complete && !d->retransmission && !d->new_incarnation)
		NOTE(e, NOTE_SIMULTANEOUS_OPEN, "9293 3.5 figure 8",
		     "both ends sent a SYN and neither has acknowledged: a simultaneous open");
	if (s->payload_bytes > 0)
		NOTE(e, NOTE_FASTOPEN, "9293 3.10.7.2",
		     "carries %u bytes already with the SYN; they wait until the handshake is "
		     "over%s",
		     s->payload_bytes,
		     s->option.has_fastopen ? ", unless the Fast Open cookie is accepted" : "");
	if ((s->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR))
		NOTE(e, NOTE_ECN, "3168 6.1.1", "asks for ECN (ECE and CWR on a SYN)");
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
	const seq_t wanted = seq_add(other->isn, 1);
	/* With Fast Open the data of the SYN may be acknowledged too. */
	const bool covers = seq_ge(s->ack, wanted) && seq_le(s->ack, other->seq_next);
	if (!covers) {
		NOTE(e, NOTE_SYNACK_WRONG_ACK, "9293 3.10.7.3 first check",
		     "acknowledges %u, but the SYN's ISN %u + 1 is %u: a TCP in SYN-SENT answers "
		     "this "
		     "with RST",
		     s->ack.raw, other->isn.raw, wanted.raw);
		return;
	}
	if (d->retransmission)
		NOTE(e, NOTE_SYNACK_RETRANSMITTED, "6298 5.4",
		     "the same SYN,ACK again: the final ACK had not reached it, or did not satisfy "
		     "it");
	else
		NOTE(e, NOTE_SYNACK_ACCEPTABLE, "9293 3.10.7.3",
		     "acknowledges the SYN: ack %u = ISN %u + %u", s->ack.raw, other->isn.raw,
		     seq_rel(s->ack, other->isn));
	if (!d->retransmission && seq_gt(s->ack, wanted))
		NOTE(e, NOTE_FASTOPEN, "7413 4.2", "and with it %u bytes that came with the SYN",
		     seq_rel(s->ack, wanted));
}

static void judge_ack(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const enum side other_side = side_other(from);
	const struct flow_side *other = &f->side[other_side];
	char a[40];
	char b[40];
	if ((s->flags & TCP_ACK) == 0 || (s->flags & (TCP_RST | TCP_SYN)) != 0)
		return;
	if (from == SIDE_SERVER && !me->syn_seen && other->syn_seen && other->segments > 0 &&
	    !f->handshake_complete) {
		NOTE(e, NOTE_CHALLENGE_ACK, "5961 4.2",
		     "an ACK of %u where a SYN,ACK of %u was awaited: this end holds an older "
		     "connection "
		     "with these ports and challenges the SYN",
		     s->ack.raw, other->isn.raw + 1);
		return;
	}
	if (d->ack_future) {
		NOTE(e, NOTE_ACK_FUTURE, "9293 3.10.7.4 fifth check",
		     "acknowledges %s, but the other side was seen to send only up to %s",
		     number(f, other_side, s->ack, a), number(f, other_side, other->seq_next, b));
		return;
	}
	if (!f->handshake_complete && d->acks_syn && f->side[SIDE_SERVER].syn_seen) {
		NOTE(e, NOTE_HANDSHAKE_COMPLETE, "9293 3.5",
		     "acknowledges the other SYN: ack %u = ISN %u + 1; the handshake is complete "
		     "for "
		     "the sender of this",
		     s->ack.raw, other->isn.raw);
	} else if (d->acks_fin) {
		NOTE(e, NOTE_FIN_ACKED, "9293 3.6",
		     "acknowledges the FIN, which used number %s: that direction is closed",
		     number(f, other_side, other->fin_seq, a));
	} else if (d->ack_advances && me->acked && d->ack_count > 0) {
		NOTE(e, NOTE_ACKS_DATA, "9293 3.4", "acknowledges %u more: all up to %s",
		     d->ack_count, number(f, other_side, seq_sub(s->ack, 1), a));
	} else if (me->acked && seq_lt(s->ack, me->ack_last)) {
		NOTE(e, NOTE_ACK_OLD, "9293 3.10.7.4 fifth check",
		     "an older acknowledgement than one before it: ignored (%s, was %s)",
		     number(f, other_side, s->ack, a), number(f, other_side, me->ack_last, b));
	} else if (d->ack_duplicate && other->started && seq_lt(s->ack, other->seq_next)) {
		NOTE(e, NOTE_ACK_DUPLICATE, "5681 2",
		     "the same acknowledgement again: it still waits for %s",
		     number(f, other_side, s->ack, a));
	}
	for (unsigned i = 0; i < s->option.sack_count && i < 1; i++) {
		const seq_t l = seq_of(s->option.sack[i].left);
		const seq_t r = seq_of(s->option.sack[i].right);
		if (seq_le(r, s->ack))
			NOTE(e, NOTE_DSACK, "2883 4", "D-SACK: it had %u to %u already", l.raw,
			     r.raw - 1);
		else
			NOTE(e, NOTE_SACK, "2018 3", "SACK: it holds %s to %s, past a hole",
			     number(f, other_side, l, a), number(f, other_side, seq_sub(r, 1), b));
	}
}

static void judge_text(const struct flow *f, enum side from, const struct flow_delta *d,
		       struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	char a[40];
	char b[40];
	if (d->keep_alive) {
		const struct flow_side *other = &f->side[side_other(from)];
		if (other->segments > 0 && other->window_last == 0)
			NOTE(e, NOTE_WINDOW_PROBE, "9293 3.8.6.1",
			     "a probe of the zero window: number %s is one before the next to send",
			     number(f, from, s->seq, a));
		else
			NOTE(e, NOTE_KEEP_ALIVE, "9293 3.8.4",
			     "keep-alive: number %s is one before the next to send, to make the "
			     "other "
			     "side answer",
			     number(f, from, s->seq, a));
		return;
	}
	if (d->gap_before && (s->flags & TCP_RST) == 0)
		NOTE(e, NOTE_NOT_CAPTURED, "9293 3.4",
		     "%u numbers before it were not seen: next was %s, this begins with %s",
		     d->gap_count, number(f, from, me->seq_next, a), number(f, from, s->seq, b));
	if (s->payload_bytes == 0)
		return;
	if (d->retransmission)
		NOTE(e, NOTE_DATA_RETRANSMITTED, "6298 5",
		     "%u bytes again, all of them sent before (%s)", s->payload_bytes,
		     number(f, from, s->seq, a));
	else if (d->out_of_order)
		NOTE(e, NOTE_DATA_OUT_OF_ORDER, "9293 3.10.7.4 seventh check",
		     "fills a hole: %u bytes that come later than their place (%s)",
		     s->payload_bytes, number(f, from, s->seq, a));
	else if (d->overlap)
		NOTE(e, NOTE_DATA_OVERLAP, "9293 3.10.7.4 seventh check",
		     "partly new: its first %u numbers were sent before",
		     (unsigned)seq_diff(me->seq_next, s->seq));
	else
		NOTE(e, NOTE_DATA, "9293 3.4", "%u bytes use numbers %s to %s", s->payload_bytes,
		     number(f, from, s->seq, a),
		     number(f, from, seq_add(s->seq, s->payload_bytes - 1), b));
}

static void judge_fin(const struct flow *f, enum side from, const struct flow_delta *d,
		      struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	char a[40];
	if ((s->flags & TCP_FIN) == 0)
		return;
	const seq_t at = seq_sub(segment_end(s), 1);
	if (me->fin_seen && d->retransmission) {
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
	if ((s->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0)
		return;
	if (s->window == 0)
		NOTE(e, NOTE_WINDOW_ZERO, "9293 3.8.6",
		     "its window is closed: nothing may be sent to it");
	else if (d->window_changed && me->window_last == 0)
		NOTE(e, NOTE_WINDOW_UPDATE, "9293 3.8.6", "its window opens again: %u bytes",
		     e->window_bytes);
}

/* RFC 5961 section 3.2 needs the receiver's RCV.NXT: the highest acknowledgement it has sent. */
static void judge_rst(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	const struct flow_side *me = &f->side[from];
	const struct flow_side *other = &f->side[side_other(from)];
	const bool has_ack = (s->flags & TCP_ACK) != 0;
	if ((s->flags & TCP_RST) == 0)
		return;
	if (!me->syn_seen && other->syn_seen && !me->started) {
		if (!has_ack)
			NOTE(e, NOTE_RST_IGNORED, "9293 3.10.7.3 second check",
			     "an RST without ACK: in SYN-SENT it proves nothing and is ignored");
		else if (seq_gt(s->ack, other->isn) && seq_le(s->ack, other->seq_next))
			NOTE(e, NOTE_RST_REFUSES, "9293 3.10.7.1",
			     "refuses: ack %u = ISN %u + %u, so it answers this SYN", s->ack.raw,
			     other->isn.raw, seq_rel(s->ack, other->isn));
		else
			NOTE(e, NOTE_RST_IGNORED, "9293 3.10.7.3 first check",
			     "an RST with ack %u, but the SYN's ISN %u + 1 is %u: not an answer to "
			     "it, "
			     "ignored",
			     s->ack.raw, other->isn.raw, other->isn.raw + 1);
		return;
	}
	const struct end_view *receiver = from == SIDE_SERVER ? &e->client : &e->server;
	if (receiver->certainty == CERTAINTY_EXACT && receiver->state == ST_CLOSED)
		return; /* our own end has no connection that it could reset */
	if (!other->acked) {
		NOTE(e, NOTE_RST_ACCEPTABLE, "9293 3.5.2", "resets");
		return;
	}
	const bool scale_known = other->window_scale_known;
	const uint32_t window = scale_known ? (uint32_t)other->window_last << other->window_shift
					    : (uint32_t)other->window_last << 14;
	if (seq_eq(s->seq, other->ack_last))
		NOTE(e, NOTE_RST_ACCEPTABLE, "5961 3.2",
		     "seq %u is exactly the receiver's next expected number: the connection is "
		     "reset",
		     s->seq.raw);
	else if (seq_within(s->seq, other->ack_last, window))
		NOTE(e, NOTE_RST_CHALLENGED, "5961 3.2",
		     "seq %u is in the window but not the next expected %u: to be challenged, not "
		     "obeyed",
		     s->seq.raw, other->ack_last.raw);
	else
		NOTE(e, NOTE_RST_IGNORED, "5961 3.2",
		     "seq %u is not in the window that begins with %u: to be ignored", s->seq.raw,
		     other->ack_last.raw);
}

static void judge_oddities(const struct flow *f, enum side from, struct event_segment *e)
{
	const struct segment *s = &e->tcp;
	char text[TCP_FLAGS_TEXT_MAX];
	(void)f;
	(void)from;
	if (s->checksum == CHECKSUM_BAD)
		NOTE(e, NOTE_CHECKSUM_BAD, "9293 3.1",
		     "checksum %#06x is wrong: the receiver drops it without a word",
		     s->checksum_field);
	else if (s->checksum == CHECKSUM_PARTIAL && !e->local_out)
		NOTE(e, NOTE_CHECKSUM_PARTIAL, "9293 3.1",
		     "the checksum is only that of the pseudo-header: its sender's kernel leaves "
		     "the rest "
		     "to the network card");
	if (s->ip.fragment)
		NOTE(e, NOTE_FRAGMENT, "791 3.2",
		     "an IP fragment: only part of the segment is here");
	if (s->option.malformed)
		NOTE(e, NOTE_OPTION_MALFORMED, "9293 3.1", "its options are malformed");
	const uint16_t core = s->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
	const bool odd = (core & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) ||
			 (core & (TCP_SYN | TCP_RST)) == (TCP_SYN | TCP_RST) || core == 0 ||
			 core == TCP_FIN;
	if (odd)
		NOTE(e, NOTE_FLAGS_ODD, "9293 3.10.7", "flags %s: no TCP sends this by itself",
		     tcp_flags_format(s->flags, text, sizeof text));
}

void judge_segment(const struct flow *f, enum side from, const struct flow_delta *delta,
		   struct event_segment *e)
{
	const uint16_t fl = e->tcp.flags;
	if ((fl & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		judge_syn(f, from, delta, e);
	else if ((fl & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK))
		judge_synack(f, from, delta, e);
	judge_oddities(f, from, e);
	judge_rst(f, from, e);
	judge_ack(f, from, delta, e);
	if ((fl & (TCP_SYN | TCP_RST)) == 0)
		judge_text(f, from, delta, e);
	judge_fin(f, from, delta, e);
	judge_window(f, from, delta, e);
}

void judge_evidence(const struct flow *f, enum side from, const struct belief_evidence *evidence,
		    bool explained, struct event_segment *e)
{
	char tried[STATE_SET_TEXT_MAX];
	(void)f;
	if (!explained) {
		NOTE(e, NOTE_CONTRADICTION, "9293 3.10.7",
		     "cannot come from a TCP in any of {%s}: spoofed, a middlebox, a missed "
		     "segment or "
		     "another incarnation",
		     state_set_format(evidence->tried, ", ", tried, sizeof tried));
		return;
	}
	if ((e->tcp.flags & TCP_RST) != 0) {
		if (evidence->reset == BELIEF_RESET_BOUNCE && evidence->answers_n != 0)
			NOTE(e, NOTE_RST_BOUNCE, "9293 3.5.2",
			     "answers #%u: the %s knows no such connection", evidence->answers_n,
			     side_name(from));
		else if (evidence->reset == BELIEF_RESET_ABORT)
			NOTE(e, NOTE_RST_ABORT, "9293 3.10.5",
			     "at its own next number: the %s aborts the connection itself",
			     side_name(from));
		return;
	}
	if (evidence->row >= 0 && evidence->challenge && evidence->answers_n != 0)
		NOTE(e, NOTE_CHALLENGE_ACK, tcp_rules[evidence->row].section,
		     "a challenge ACK in answer to #%u: %s", evidence->answers_n,
		     tcp_rules[evidence->row].sentence);
	if (evidence->cookies)
		NOTE(e, NOTE_COOKIE_SUSPECTED, "4987 3.6",
		     "taking it that the server uses SYN cookies and keeps no state before the "
		     "ACK");
}

void judge_icmp(const struct flow *f, struct event_icmp *e)
{
	char who[IP_ADDR_TEXT_MAX];
	const struct icmp_error *i = &e->icmp;
	const struct flow_side *about = &f->side[e->about];
	const bool from_host =
		ip_addr_equal(&i->ip.src, &f->side[side_other(e->about)].endpoint.addr);
	ip_addr_format(&i->ip.src, who, sizeof who);
	judge_note(e->notes, &e->notes_count,
		   icmp_reason_is_refusal(i->reason) ? NOTE_ICMP_REFUSES : NOTE_ICMP_HINT,
		   "9293 3.9.2.2", "%s says: %s%s; it quotes seq %u, which %s sent", who,
		   icmp_reason_name(i->reason),
		   from_host ? " (it is the host itself)" : " (not the host: something on the way)",
		   i->quoted_seq.raw,
		   about->started && seq_ge(i->quoted_seq, about->seq_first) &&
				   seq_le(i->quoted_seq, about->seq_next)
			   ? "this side really"
			   : "was never seen to be");
}

char *judge_options_text(const struct flow *f, char *text, size_t text_bytes)
{
	const struct flow_side *c = &f->side[SIDE_CLIENT];
	const struct flow_side *s = &f->side[SIDE_SERVER];
	text[0] = '\0';
	if (!c->option_seen || !s->option_seen)
		return text;
	size_t at = 0;
#define SAY(...)                                                                     \
	do {                                                                         \
		const int count = snprintf(text + at, text_bytes - at, __VA_ARGS__); \
		if (count > 0)                                                       \
			at += (size_t)count < text_bytes - at ? (size_t)count        \
							      : text_bytes - at - 1; \
	} while (0)
	const char *sep = "";
	if (c->option.has_mss || s->option.has_mss) {
		SAY("mss %u to client, %u to server", c->option.has_mss ? c->option.mss : 536,
		    s->option.has_mss ? s->option.mss : 536);
		sep = ", ";
	}
	if (c->option.has_wscale && s->option.has_wscale) {
		SAY("%swindow scale client %u, server %u", sep, c->option.wscale, s->option.wscale);
		sep = ", ";
	} else if (c->option.has_wscale) {
		SAY("%sno window scaling (server did not agree)", sep);
		sep = ", ";
	}
	if (c->option.sack_permitted && s->option.sack_permitted) {
		SAY("%sSACK", sep);
		sep = ", ";
	}
	if (c->option.has_timestamps && s->option.has_timestamps) {
		SAY("%stimestamps", sep);
		sep = ", ";
	}
	if (c->option.has_mptcp && s->option.has_mptcp)
		SAY("%sMPTCP", sep);
#undef SAY
	return text;
}

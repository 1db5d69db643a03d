/*
 * The table beside a second reading of the same pages: RFC 9293 section 3.10, and what is known of
 * stacks, as one function a check, with `if` and `return`. Both are asked about every set of facts
 * that can come up, in every state, with and without each kind of habit, and must give the same
 * outcomes: no more, no fewer.
 */
#include "synscope/core/input.h"
#include "synscope/core/rules.h"
#include "synscope/core/util.h"

#include "../../support/cm.h"
#include "../../support/facts.h"

#include <string.h>

/* A segment on its way through the checks, and what was done about it so far. */
struct way {
	enum ctl in;
	unsigned emit, take;
};

struct teller {
	facts_t facts;
	unsigned habits; /* bits of enum origin that count */
	struct way told[RULE_STEPS_MAX];
	size_t count;
};

static bool has(const struct teller *t, facts_t fact)
{
	return (t->facts & fact) != 0;
}

static bool may(const struct teller *t, enum origin habit)
{
	return (t->habits & habit) != 0;
}

static bool is_among(const struct way *ways, size_t count, const struct way *w)
{
	for (size_t i = 0; i < count; i++)
		if (ways[i].in == w->in && ways[i].emit == w->emit && ways[i].take == w->take)
			return true;
	return false;
}

static struct way also(struct way w, enum ctl to, unsigned emit, unsigned take)
{
	return (struct way){to, w.emit | emit, w.take | take};
}

/* The segment, or the call, is finished with. */
static void done(struct teller *t, struct way w, enum ctl to, unsigned emit, unsigned take)
{
	const struct way end = also(w, to, emit, take);
	if (is_among(t->told, t->count, &end))
		return;
	assert_true(t->count < RULE_STEPS_MAX);
	t->told[t->count++] = end;
}

static void drop(struct teller *t, struct way w)
{
	done(t, w, w.in, EMIT_NONE, 0);
}

static void answer(struct teller *t, struct way w, enum emit emit)
{
	done(t, w, w.in, emit, 0);
}

static bool is_syn_received(enum ctl c)
{
	return ctl_state(c) == ST_SYN_RECEIVED;
}

static bool is_synchronized(enum ctl c)
{
	return ctl_state(c) >= ST_ESTABLISHED;
}

/* Their FIN is still to come. */
static bool wants_text(enum ctl c)
{
	const enum tcp_state s = ctl_state(c);
	return s == ST_ESTABLISHED || s == ST_FIN_WAIT_1 || s == ST_FIN_WAIT_2;
}

/* Where a RST leads: a passive OPEN goes on listening, unless CLOSE was called. */
static enum ctl after_reset(enum ctl c)
{
	return c == CTL_SYN_RECEIVED_PASSIVE ? CTL_LISTEN : CTL_CLOSED;
}

/* And the acknowledgement of our SYN: a CLOSE that was waiting for it counts from now on. */
static enum ctl after_syn_acked(enum ctl c)
{
	return ctl_is_fin_queued(c) ? CTL_FIN_WAIT_1_QUEUED : CTL_ESTABLISHED;
}

/* ---- 3.10.7.4, from the end, as each check goes on with the next ---- */

static void eighth_fin(struct teller *t, struct way w)
{
	if (!has(t, FACT_FIN) ||
	    (wants_text(w.in) && !has(t, FACT_FIN_IN_ORDER) && !has(t, FACT_SEQ_ACCEPTABLE))) {
		drop(t, w);
	} else if (w.in == CTL_TIME_WAIT) {
		answer(t, w, EMIT_ACK);
	} else if (!wants_text(w.in)) {
		drop(t, w);
	} else if (!has(t, FACT_FIN_IN_ORDER)) {
		done(t, w, w.in, EMIT_ACK, TAKE_HELD);
	} else {
		const enum ctl to = w.in == CTL_ESTABLISHED         ? CTL_CLOSE_WAIT
				    : w.in == CTL_FIN_WAIT_1        ? CTL_CLOSING
				    : w.in == CTL_FIN_WAIT_1_QUEUED ? CTL_CLOSING_QUEUED
								    : CTL_TIME_WAIT;
		done(t, w, to, EMIT_ACK, TAKE_FIN);
	}
}

static void seventh_text(struct teller *t, struct way w)
{
	if (!has(t, FACT_TEXT)) {
		eighth_fin(t, w);
		return;
	}
	if (!wants_text(w.in)) {
		eighth_fin(t, w);
		if (w.in == CTL_TIME_WAIT && may(t, ORIGIN_STACK))
			eighth_fin(t, also(w, w.in, EMIT_ACK, 0));
		return;
	}
	if (has(t, FACT_TEXT_IN_ORDER))
		eighth_fin(t, also(w, w.in, EMIT_ACK, TAKE_TEXT));
	else if (has(t, FACT_SEQ_ACCEPTABLE))
		eighth_fin(t, also(w, w.in, EMIT_ACK, TAKE_HELD));
	else
		eighth_fin(t, w);
	if (w.in != CTL_ESTABLISHED && may(t, ORIGIN_MAY)) /* CLOSE was called: nobody reads it */
		done(t, w, CTL_CLOSED, EMIT_RST_BOUNCE, 0);
}

static void fifth_ack_syn_received(struct teller *t, struct way w)
{
	if (!has(t, FACT_ACK_NEW)) {
		answer(t, w, EMIT_RST_BOUNCE);
		if (has(t, FACT_ACK_UNA) && may(t, ORIGIN_STACK)) /* RFC 793: SND.UNA =< SEG.ACK */
			seventh_text(t, also(w, after_syn_acked(w.in), EMIT_NONE, TAKE_ACK));
		return;
	}
	seventh_text(t, also(w, after_syn_acked(w.in), EMIT_NONE, TAKE_ACK));
	if (w.in != CTL_SYN_RECEIVED_PASSIVE || !may(t, ORIGIN_STACK))
		return;
	drop(t, w); /* deferred accept, or a full queue */
	done(t, w, CTL_LISTEN, EMIT_RST_BOUNCE, 0);
}

static void fifth_ack(struct teller *t, struct way w)
{
	if (!has(t, FACT_ACK)) {
		drop(t, w);
		if (is_synchronized(w.in) && may(t, ORIGIN_STACK))
			seventh_text(t, w);
	} else if (is_syn_received(w.in)) {
		fifth_ack_syn_received(t, w);
	} else if (has(t, FACT_ACK_OLD)) {
		answer(t, w, EMIT_CHALLENGE);
		if (may(t, ORIGIN_MAY))
			seventh_text(t, w);
	} else if (has(t, FACT_ACK_FUTURE)) {
		answer(t, w, EMIT_CHALLENGE);
		if (w.in == CTL_FIN_WAIT_2 && has(t, FACT_FIN) && may(t, ORIGIN_STACK))
			seventh_text(t, w); /* an orphan, which keeps no SND.NXT */
	} else if (!has(t, FACT_ACK_NEW)) {
		seventh_text(t, also(w, w.in, EMIT_NONE, TAKE_ACK));
	} else if (!has(t, FACT_ACKS_FIN)) {
		/* in TIME-WAIT there is nothing left to be acknowledged */
		const unsigned take = w.in == CTL_TIME_WAIT ? 0 : TAKE_ACK;
		seventh_text(t, also(w, w.in, EMIT_NONE, take));
	} else if (w.in == CTL_FIN_WAIT_1) {
		seventh_text(t, also(w, CTL_FIN_WAIT_2, EMIT_NONE, TAKE_ACK));
	} else if (w.in == CTL_CLOSING) {
		done(t, w, CTL_TIME_WAIT, EMIT_NONE, TAKE_ACK);
	} else {
		assert_int_equal(w.in, CTL_LAST_ACK);
		done(t, w, CTL_CLOSED, EMIT_NONE, TAKE_ACK);
	}
}

static void fourth_syn_time_wait(struct teller *t, struct way w)
{
	if (has(t, FACT_SYN_IS_NEW) && !has(t, FACT_ACK) && may(t, ORIGIN_MAY))
		done(t, w, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN);
	if (!may(t, ORIGIN_STACK))
		return;
	drop(t, w);
	answer(t, w, EMIT_RST_ACK);
}

static void fourth_syn(struct teller *t, struct way w)
{
	const bool passive = w.in == CTL_SYN_RECEIVED_PASSIVE;
	if (!has(t, FACT_SYN)) {
		fifth_ack(t, w);
		return;
	}
	if (passive || w.in == CTL_SYN_RECEIVED_PASSIVE_CLOSE)
		done(t, w, after_reset(w.in), EMIT_NONE, 0);
	else
		answer(t, w, EMIT_CHALLENGE);
	if (w.in == CTL_TIME_WAIT)
		fourth_syn_time_wait(t, w);
	if (w.in == CTL_ESTABLISHED && has(t, FACT_SEQ_IRS) && has(t, FACT_SEQ_ACCEPTABLE) &&
	    may(t, ORIGIN_MAY))
		fifth_ack(t, w); /* for the text beside it */
	if (!may(t, ORIGIN_STACK))
		return;
	if (passive) {
		done(t, w, CTL_LISTEN, EMIT_RST_BOUNCE | EMIT_RST_ACK, 0);
		done(t, w, w.in, EMIT_RST_BOUNCE | EMIT_RST_ACK, 0); /* with Fast Open */
	} else if (has(t, FACT_SEQ_ACCEPTABLE))                      /* RFC 793 */
		done(t, w, CTL_CLOSED, EMIT_RST | EMIT_RST_BOUNCE | EMIT_RST_ACK, 0);
}

static void second_rst(struct teller *t, struct way w)
{
	if (!has(t, FACT_RST)) {
		fourth_syn(t, w);
		return;
	}
	if (has(t, FACT_SEQ_EXACT)) {
		done(t, w, after_reset(w.in), EMIT_NONE, 0);
	} else {
		answer(t, w, EMIT_CHALLENGE);
		if (may(t, ORIGIN_STACK))
			done(t, w, after_reset(w.in), EMIT_NONE, 0);
	}
	if (w.in == CTL_TIME_WAIT && may(t, ORIGIN_MAY))
		drop(t, w);
}

/* Their SYN once more, in SYN-RECEIVED. */
static void first_syn_again(struct teller *t, struct way w)
{
	const bool active =
		w.in == CTL_SYN_RECEIVED_ACTIVE || w.in == CTL_SYN_RECEIVED_ACTIVE_CLOSE;
	if (!has(t, FACT_ACKS_SYN)) {
		answer(t, w, EMIT_ACK);
		if (!has(t, FACT_ACK) && may(t, ORIGIN_STACK))
			answer(t, w, EMIT_SYN_ACK);
		return;
	}
	/* figure 7 lets it complete the open; the text of the first check does not */
	if (active || may(t, ORIGIN_STACK))
		seventh_text(t, also(w, after_syn_acked(w.in), EMIT_ACK, TAKE_ACK));
	if (!active || may(t, ORIGIN_MAY))
		answer(t, w, EMIT_ACK);
}

/* What stacks take from a segment outside the window: its acknowledgement. */
static void first_outside_acks(struct teller *t, struct way w)
{
	if (!has(t, FACT_ACK_NEW))
		return;
	enum ctl to = w.in;
	if (is_syn_received(w.in))
		to = after_syn_acked(w.in);
	else if (has(t, FACT_ACKS_FIN))
		to = w.in == CTL_FIN_WAIT_1 ? CTL_FIN_WAIT_2
		     : w.in == CTL_CLOSING  ? CTL_TIME_WAIT
					    : CTL_CLOSED;
	done(t, w, to, EMIT_ACK, TAKE_ACK);
}

static void first_seq_stacks(struct teller *t, struct way w)
{
	const bool inside = has(t, FACT_SEQ_ACCEPTABLE);
	const bool outside = !inside && !has(t, FACT_SEQ_EXACT);
	const bool plain = !has(t, FACT_SYN | FACT_PAWS_REJECT);
	if (is_syn_received(w.in) && has(t, FACT_ACK) && !has(t, FACT_ACK_NEW))
		answer(t, w, EMIT_RST_BOUNCE);
	if (outside)
		first_outside_acks(t, w);
	if (!inside && plain && has(t, FACT_SEQ_EDGE))
		second_rst(t, w);
	if (!inside && plain && has(t, FACT_SEQ_EXACT))
		answer(t, w, EMIT_ACK);
}

static void first_seq(struct teller *t, struct way w)
{
	const bool inside = has(t, FACT_SEQ_ACCEPTABLE);
	const bool outside = !inside && !has(t, FACT_SEQ_EXACT);
	const bool again = is_syn_received(w.in) && has(t, FACT_SEQ_IRS);
	if (has(t, FACT_RST)) {
		if (outside)
			drop(t, w);
		else
			second_rst(t, w);
		return;
	}
	if (has(t, FACT_PAWS_REJECT))
		answer(t, w, EMIT_ACK);
	else if (again)
		first_syn_again(t, w);
	else if (outside && is_synchronized(w.in) && has(t, FACT_SYN))
		second_rst(t, w); /* RFC 5961: a SYN is challenged wherever it lies */
	else if (outside)
		answer(t, w, EMIT_ACK);
	else if (!inside && !has(t, FACT_SYN))
		second_rst(t, also(w, w.in, EMIT_ACK, 0)); /* our window is closed */
	else
		second_rst(t, w);
	if (may(t, ORIGIN_STACK))
		first_seq_stacks(t, w);
}

/* ---- 3.10.7.1 to 3.10.7.3 ---- */

static void closed(struct teller *t, struct way w)
{
	const enum emit rst = has(t, FACT_ACK) ? EMIT_RST_BOUNCE : EMIT_RST_ACK;
	if (has(t, FACT_RST))
		drop(t, w);
	if (!has(t, FACT_RST) || may(t, ORIGIN_STACK))
		answer(t, w, rst);
}

static void listening(struct teller *t, struct way w)
{
	if (has(t, FACT_RST)) {
		closed(t, w);
	} else if (has(t, FACT_ACK)) {
		answer(t, w, EMIT_RST_BOUNCE);
		if (has(t, FACT_COOKIE) && !has(t, FACT_SYN) && may(t, ORIGIN_COOKIE))
			seventh_text(t, also(w, CTL_ESTABLISHED, EMIT_NONE, TAKE_SYN | TAKE_ACK));
	} else if (has(t, FACT_SYN)) {
		done(t, w, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN);
		if (may(t, ORIGIN_STACK))
			drop(t, w); /* the backlog is full */
		if (may(t, ORIGIN_STACK) && has(t, FACT_TEXT))
			done(t, w, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN | TAKE_TEXT);
		if (may(t, ORIGIN_COOKIE))
			answer(t, w, EMIT_SYN_ACK);
	} else {
		drop(t, w);
	}
}

static void syn_sent(struct teller *t, struct way w)
{
	const bool acks = has(t, FACT_ACK_NEW);
	if (has(t, FACT_ACK) && !acks) {
		if (has(t, FACT_RST))
			drop(t, w);
		if (!has(t, FACT_RST) || may(t, ORIGIN_STACK))
			answer(t, w, EMIT_RST_BOUNCE);
	} else if (has(t, FACT_RST)) {
		if (acks)
			done(t, w, CTL_CLOSED, EMIT_NONE, TAKE_ACK);
		else
			drop(t, w);
	} else if (has(t, FACT_SYN) && acks) {
		const struct way open = also(w, CTL_ESTABLISHED, EMIT_ACK, TAKE_SYN | TAKE_ACK);
		seventh_text(t, open);
		if (may(t, ORIGIN_STACK))
			drop(t, open); /* without what is beside it */
	} else if (has(t, FACT_SYN)) {
		done(t, w, CTL_SYN_RECEIVED_ACTIVE, EMIT_SYN_ACK, TAKE_SYN);
		if (may(t, ORIGIN_STACK))
			drop(t, w); /* no simultaneous open */
	} else {
		drop(t, w);
		if (acks && may(t, ORIGIN_STACK))
			answer(t, w, EMIT_RST_BOUNCE);
	}
}

static void arrives(struct teller *t, enum ctl in)
{
	const struct way w = {.in = in};
	if (in == CTL_CLOSED)
		closed(t, w);
	else if (in == CTL_LISTEN)
		listening(t, w);
	else if (in == CTL_SYN_SENT)
		syn_sent(t, w);
	else
		first_seq(t, w);
}

/* ---- 3.10.1 to 3.10.5: calls ---- */

/* Before CLOSE, where it may be called. */
static bool is_open(enum ctl c)
{
	return c == CTL_SYN_RECEIVED_PASSIVE || c == CTL_SYN_RECEIVED_ACTIVE ||
	       c == CTL_ESTABLISHED || c == CTL_CLOSE_WAIT;
}

static void open_call(struct teller *t, struct way w, bool active)
{
	if (w.in == CTL_CLOSED && !active)
		done(t, w, CTL_LISTEN, EMIT_NONE, 0);
	else if (active && (w.in == CTL_CLOSED || w.in == CTL_LISTEN))
		done(t, w, CTL_SYN_SENT, EMIT_SYN, 0);
}

static void send_call(struct teller *t, struct way w)
{
	if (w.in == CTL_LISTEN)
		done(t, w, CTL_SYN_SENT, EMIT_SYN, 0);
	else if (w.in == CTL_SYN_SENT || is_open(w.in))
		drop(t, w);
}

static enum ctl after_close_queued(enum ctl c)
{
	return c == CTL_SYN_RECEIVED_PASSIVE  ? CTL_SYN_RECEIVED_PASSIVE_CLOSE
	       : c == CTL_SYN_RECEIVED_ACTIVE ? CTL_SYN_RECEIVED_ACTIVE_CLOSE
	       : c == CTL_ESTABLISHED         ? CTL_FIN_WAIT_1_QUEUED
					      : CTL_CLOSE_WAIT_CLOSE;
}

static void close_call(struct teller *t, struct way w)
{
	const enum ctl fin_sent = w.in == CTL_CLOSE_WAIT ? CTL_LAST_ACK : CTL_FIN_WAIT_1;
	if (w.in == CTL_LISTEN || w.in == CTL_SYN_SENT)
		done(t, w, CTL_CLOSED, EMIT_NONE, 0);
	if (!is_open(w.in))
		return;
	if (!has(t, FACT_UNSENT_DATA))
		done(t, w, fin_sent, EMIT_FIN, 0);
	else
		done(t, w, after_close_queued(w.in), EMIT_NONE, 0);
	if (may(t, ORIGIN_MAY)) /* with received data unread */
		done(t, w, CTL_CLOSED, EMIT_RST, 0);
	if (may(t, ORIGIN_STACK) && has(t, FACT_UNSENT_DATA))
		done(t, w, w.in == CTL_CLOSE_WAIT ? CTL_LAST_ACK_QUEUED : CTL_FIN_WAIT_1_QUEUED,
		     EMIT_NONE, 0);
}

static void abort_call(struct teller *t, struct way w)
{
	const enum tcp_state s = ctl_state(w.in);
	const bool says = is_syn_received(w.in) || wants_text(w.in) || s == ST_CLOSE_WAIT;
	if (s == ST_CLOSED)
		return;
	done(t, w, CTL_CLOSED, says ? EMIT_RST : EMIT_NONE, 0);
	if (may(t, ORIGIN_STACK) && s != ST_LISTEN && s != ST_TIME_WAIT)
		done(t, w, CTL_CLOSED, EMIT_RST, 0);
}

/* ---- and by itself ---- */

static void transmit(struct teller *t, struct way w)
{
	const bool queued = ctl_is_fin_queued(w.in) && is_synchronized(w.in);
	const bool sends = w.in == CTL_ESTABLISHED || w.in == CTL_CLOSE_WAIT || queued ||
			   (w.in == CTL_SYN_RECEIVED_PASSIVE && may(t, ORIGIN_STACK));
	if (!has(t, FACT_FIN_GOES)) {
		if (sends && has(t, FACT_UNSENT_DATA))
			answer(t, w, EMIT_DATA);
		return;
	}
	if (w.in == CTL_FIN_WAIT_1_QUEUED)
		done(t, w, CTL_FIN_WAIT_1, EMIT_FIN, 0);
	else if (w.in == CTL_CLOSING_QUEUED)
		done(t, w, CTL_CLOSING, EMIT_FIN, 0);
	else if (w.in == CTL_CLOSE_WAIT_CLOSE ||
		 (w.in == CTL_LAST_ACK_QUEUED && may(t, ORIGIN_STACK)))
		done(t, w, CTL_LAST_ACK, EMIT_FIN, 0);
}

static void retransmit(struct teller *t, struct way w)
{
	const enum tcp_state s = ctl_state(w.in);
	if (s == ST_SYN_SENT)
		answer(t, w, EMIT_SYN);
	else if (s == ST_SYN_RECEIVED)
		answer(t, w, EMIT_SYN_ACK);
	else if (!is_synchronized(w.in))
		return;
	else if (!has(t, FACT_SYN_UNACKED) && s != ST_FIN_WAIT_2 && s != ST_TIME_WAIT)
		answer(t, w, EMIT_AGAIN);
	else if (has(t, FACT_SYN_UNACKED) && (s == ST_FIN_WAIT_1 || s == ST_CLOSING))
		answer(t, w, EMIT_SYN_ACK);
	else if (s != ST_FIN_WAIT_2 && s != ST_TIME_WAIT && may(t, ORIGIN_STACK))
		answer(t, w, EMIT_SYN_ACK); /* established by an ACK of nothing */
}

static void probe(struct teller *t, struct way w)
{
	const bool waits =
		w.in == CTL_ESTABLISHED || w.in == CTL_CLOSE_WAIT || ctl_is_fin_queued(w.in);
	if (!is_synchronized(w.in))
		return;
	if (has(t, FACT_UNSENT_DATA) ? waits : w.in != CTL_TIME_WAIT && may(t, ORIGIN_MAY))
		answer(t, w, EMIT_PROBE);
}

static void user_timeout(struct teller *t, struct way w)
{
	const enum tcp_state s = ctl_state(w.in);
	if (s == ST_CLOSED)
		return;
	done(t, w, CTL_CLOSED, EMIT_NONE, 0);
	if (w.in == CTL_SYN_RECEIVED_PASSIVE && may(t, ORIGIN_STACK))
		done(t, w, CTL_LISTEN, EMIT_NONE, 0);
	if (may(t, ORIGIN_ABNORMAL) && (wants_text(w.in) || w.in == CTL_CLOSE_WAIT))
		done(t, w, CTL_CLOSED, EMIT_RST, 0);
}

/* It ends without a word. */
static void ends_if(struct teller *t, struct way w, bool so)
{
	if (so)
		done(t, w, CTL_CLOSED, EMIT_NONE, 0);
}

static void happens(struct teller *t, enum ctl in, enum rule_on on)
{
	const struct way w = {.in = in};
	switch ((int)on) {
	case ON_OPEN_PASSIVE:
	case ON_OPEN_ACTIVE:
		open_call(t, w, on == ON_OPEN_ACTIVE);
		break;
	case ON_SEND:
		send_call(t, w);
		break;
	case ON_CLOSE:
		close_call(t, w);
		break;
	case ON_ABORT:
		abort_call(t, w);
		break;
	case ON_TRANSMIT:
		transmit(t, w);
		break;
	case ON_RETRANSMIT:
		retransmit(t, w);
		break;
	case ON_ACK_NOW:
		if (is_synchronized(in))
			answer(t, w, EMIT_ACK);
		break;
	case ON_PROBE:
		probe(t, w);
		break;
	case ON_USER_TIMEOUT:
		user_timeout(t, w);
		break;
	case ON_TIME_WAIT_TIMEOUT:
		ends_if(t, w,
			in == CTL_TIME_WAIT || (in == CTL_FIN_WAIT_2 && may(t, ORIGIN_STACK)));
		break;
	case ON_ICMP_HARD:
		ends_if(t, w,
			in == CTL_SYN_SENT || (may(t, ORIGIN_ABNORMAL) &&
					       (is_syn_received(in) || is_synchronized(in))));
		break;
	case ON_REBOOT:
		ends_if(t, w, in != CTL_CLOSED && may(t, ORIGIN_ABNORMAL));
		break;
	default:
		fail_msg("no such event: %d", (int)on);
	}
}

/* ---- the two beside each other ---- */

static const unsigned habits[] = {
	ORIGIN_RFC,
	ORIGIN_RFC | ORIGIN_MAY,
	ORIGIN_RFC | ORIGIN_STACK,
	ORIGIN_RFC | ORIGIN_COOKIE,
	ORIGIN_RFC | ORIGIN_ABNORMAL,
	ORIGINS_REMOTE | ORIGIN_COOKIE,
};

static void facts_print(facts_t facts)
{
	for (unsigned i = 0; i < FACT_COUNT; i++)
		if (facts >> i & 1)
			print_error(" %s", fact_name(i));
}

static void check_same(const struct teller *t, enum ctl in, enum rule_on on,
		       const struct rule_step *steps, size_t count)
{
	struct way ways[RULE_STEPS_MAX];
	bool same = true;
	for (size_t i = 0; i < count; i++) {
		ways[i] = (struct way){steps[i].to, steps[i].emit, steps[i].take};
		same = same && is_among(t->told, t->count, &ways[i]);
	}
	for (size_t i = 0; i < t->count; i++)
		same = same && is_among(ways, count, &t->told[i]);
	if (same)
		return;
	print_error("%s, %s, habits %#x:", ctl_name(in), rule_on_name(on), t->habits);
	facts_print(t->facts);
	print_error("\n");
	for (size_t i = 0; i < count; i++)
		print_error("  the table: to %s, sends %#x, takes %#x\n", ctl_name(ways[i].in),
			    ways[i].emit, ways[i].take);
	for (size_t i = 0; i < t->count; i++)
		print_error("  the prose: to %s, sends %#x, takes %#x\n", ctl_name(t->told[i].in),
			    t->told[i].emit, t->told[i].take);
	fail();
}

static void check_segment(enum ctl in, facts_t facts)
{
	struct rule_step steps[RULE_STEPS_MAX];
	for (size_t i = 0; i < ARRAY_COUNT(habits); i++) {
		struct teller t = {.facts = facts, .habits = habits[i]};
		arrives(&t, in);
		check_same(&t, in, ON_CHECK_1, steps, rules_segment(in, facts, habits[i], steps));
	}
}

static void test_rules_segment_says_what_the_prose_says(void **state)
{
	(void)state;
	static uint8_t seen[(1u << FACT_COUNT) / 8];
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		struct facts_grid g = {0};
		memset(seen, 0, sizeof seen);
		do {
			const facts_t facts = facts_of(c, &g);
			if (seen[facts >> 3] >> (facts & 7) & 1)
				continue;
			seen[facts >> 3] |= (uint8_t)(1u << (facts & 7));
			check_segment(c, facts);
			if (c == CTL_LISTEN)
				check_segment(c, facts | FACT_COOKIE);
		} while (facts_next(&g));
	}
}

static void test_rules_event_says_what_the_prose_says(void **state)
{
	(void)state;
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		for (enum rule_on on = ON_OPEN_PASSIVE; on < ON_COUNT; on++) {
			for (unsigned i = 0; i < 8 * ARRAY_COUNT(habits); i++) {
				struct rule_step steps[RULE_STEPS_MAX];
				struct teller t = {.facts = (i & 1u ? FACT_UNSENT_DATA : 0) |
							    (i & 2u ? FACT_SYN_UNACKED : 0) |
							    (i & 4u ? FACT_FIN_GOES : 0),
						   .habits = habits[i / 8]};
				happens(&t, c, on);
				check_same(&t, c, on, steps,
					   rules_event(c, on, t.facts, t.habits, steps));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_event_says_what_the_prose_says),
		cmocka_unit_test(test_rules_segment_says_what_the_prose_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trace_internal.h"

#include <stdio.h>
#include <string.h>

static void answered(struct run *r, const struct segment *s, int64_t time_ns)
{
	struct run_answers *a = &r->answers;
	if (a->has_answer_time)
		return;
	a->has_answer_time = true;
	a->answer_time_ns = time_ns;
	/* RFC 7323 section 4.1: the echoed timestamp tells which copy was answered. */
	const bool told = s->option.has_timestamps && s->option.ts_echo == a->syn_ts;
	a->rtt_ambiguous = a->syn_sent > 1 && !told;
}

static void odd(struct run_answers *a, const char *text)
{
	a->odd = true;
	snprintf(a->odd_text, sizeof a->odd_text, "%s", text);
}

void verdict_note_inbound(struct run *r, const struct segment *s, enum tcp_state before,
			  enum tcp_state after, int64_t time_ns)
{
	struct run_answers *a = &r->answers;
	char text[NOTE_TEXT_MAX];
	if (before != ST_SYN_SENT && before != ST_SYN_RECEIVED)
		return;
	if (after == ST_ESTABLISHED || after == ST_CLOSE_WAIT) {
		answered(r, s, time_ns);
		a->opened = true;
		return;
	}
	if (after == ST_CLOSED && (s->flags & TCP_RST) != 0) {
		answered(r, s, time_ns);
		a->refused = true;
		return;
	}
	if (before != ST_SYN_SENT || after != ST_SYN_SENT)
		return;
	const uint16_t fl = s->flags & (TCP_SYN | TCP_ACK | TCP_RST);
	if (fl == (TCP_SYN | TCP_ACK)) {
		snprintf(text, sizeof text,
			 "a SYN,ACK acknowledged %u, which is not the SYN's ISN + 1 (%u)",
			 s->ack.raw, machine_vars(r->machine).iss.raw + 1);
		odd(a, text);
	} else if ((fl & TCP_RST) != 0) {
		odd(a, (fl & TCP_ACK) != 0 ? "an RST acknowledged a number that was never sent"
					   : "an RST without ACK, which proves nothing");
	} else if (fl == TCP_ACK) {
		a->challenged = true;
		odd(a,
		    "an ACK without SYN: the other end holds an older connection with these ports");
	}
}

static void reason_for_rejection(const struct run_answers *a, struct event_verdict *v)
{
	char who[IP_ADDR_TEXT_MAX];
	const bool host = ip_addr_equal(&a->icmp.ip.src, &a->icmp.quoted_dst.addr);
	v->verdict = VERDICT_REJECTED;
	v->has_by = true;
	v->by = a->icmp.ip.src;
	snprintf(v->reason, sizeof v->reason, "%s, says %s%s (ICMP%s type %u code %u)",
		 icmp_reason_name(a->icmp.reason), ip_addr_format(&a->icmp.ip.src, who, sizeof who),
		 host ? ", the host itself" : ", which is not the host",
		 a->icmp.ip.src.family == IP_V6 ? "v6" : "", a->icmp.type, a->icmp.code);
}

static void reason_for_probe(const struct run_answers *a, struct event_verdict *v)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	tcp_flags_format(a->probe_flags, flags, sizeof flags);
	if ((a->probe_flags & TCP_RST) != 0) {
		v->verdict = VERDICT_CLOSED;
		snprintf(v->reason, sizeof v->reason,
			 "answered with %s: no such connection there (an open port may say so too)",
			 flags);
	} else {
		v->verdict = (a->probe_flags & TCP_SYN) != 0 ? VERDICT_OPEN : VERDICT_INCONSISTENT;
		snprintf(v->reason, sizeof v->reason, "answered with %s", flags);
	}
}

struct event_verdict verdict_of(const struct run *r, enum verdict wanted)
{
	const struct run_answers *a = &r->answers;
	struct event_verdict v = {.verdict = VERDICT_NONE, .wanted = wanted};
	if (a->opened) {
		v.verdict = VERDICT_OPEN;
		snprintf(v.reason, sizeof v.reason, "the handshake was completed%s%.140s",
			 a->odd ? ", after " : "", a->odd_text);
	} else if (a->refused && a->odd) {
		v.verdict = VERDICT_INCONSISTENT;
		snprintf(v.reason, sizeof v.reason, "refused by RST, but before that: %.150s",
			 a->odd_text);
	} else if (a->refused) {
		v.verdict = VERDICT_CLOSED;
		snprintf(v.reason, sizeof v.reason,
			 "the SYN was answered by an RST that acknowledges it");
	} else if (a->rejected) {
		reason_for_rejection(a, &v);
	} else if (a->probe_answered) {
		reason_for_probe(a, &v);
	} else if (a->odd) {
		v.verdict = VERDICT_INCONSISTENT;
		snprintf(v.reason, sizeof v.reason, "only this: %.160s", a->odd_text);
	} else if (a->gave_up) {
		v.verdict = VERDICT_FILTERED;
		snprintf(v.reason, sizeof v.reason,
			 "%u segment%s, no answer: filtered, or lost; a closed "
			 "port would have answered RST",
			 a->syn_sent, a->syn_sent == 1 ? "" : "s");
	}
	v.has_rtt = a->has_answer_time && a->syn_time_ns != 0 && !a->rtt_ambiguous;
	v.rtt_ns = v.has_rtt ? a->answer_time_ns - a->syn_time_ns : 0;
	return v;
}

int verdict_status(const struct event_verdict *v)
{
	if (v->verdict == v->wanted)
		return EXIT_EXPECTED;
	switch (v->verdict) {
	case VERDICT_OPEN:
	case VERDICT_CLOSED:
	case VERDICT_REJECTED:
		return EXIT_OTHERWISE;
	case VERDICT_NONE:
	case VERDICT_FILTERED:
		return EXIT_NO_ANSWER;
	case VERDICT_INCONSISTENT:
		return EXIT_INCONCLUSIVE;
	}
	return EXIT_INCONCLUSIVE;
}

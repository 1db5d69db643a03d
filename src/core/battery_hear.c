/*
 * What comes back. An answer is first matched (our port names the question, its port the port),
 * then judged by RFC 9293 as the TCP would that our segment pretends to come from, then noted.
 */
#include "battery_internal.h"

#include <string.h>

/* A reset in answer to a segment of no connection: RFC 9293 section 3.5.2, group 1. */
static bool reset_of_nothing(enum question q, const struct battery_port *p, const struct segment *s,
			     seq_t our_ack)
{
	const uint16_t sent = battery_rows[q].flags;
	if ((sent & TCP_ACK) != 0)
		return (s->flags & TCP_ACK) == 0 && seq_eq(s->seq, our_ack);
	/* SEQ 0, ACK our number and length; a FIN counts one, and so does a SYN. */
	const uint32_t length = (sent & (TCP_FIN | TCP_SYN)) != 0 ? 1 : 0;
	return (s->flags & TCP_ACK) != 0 && seq_eq(s->ack, seq_add(p->isn, length));
}

static enum answer_kind judge_opening(const struct battery_port *p, const struct segment *s)
{
	const bool acks = (s->flags & TCP_ACK) != 0;
	const bool ours = acks && seq_eq(s->ack, seq_add(p->isn, 1));
	if ((s->flags & TCP_RST) != 0)
		return ours ? ANSWER_RST : ANSWER_RST_WRONG;
	if ((s->flags & TCP_SYN) != 0)
		return !acks ? ANSWER_SYN : ours ? ANSWER_SYNACK : ANSWER_SYNACK_WRONG;
	return acks ? ANSWER_ACK : ANSWER_OTHER;
}

static enum answer_kind judge_inside(const struct battery_port *p, const struct segment *s)
{
	if ((s->flags & TCP_RST) != 0)
		return seq_eq(s->seq, p->peer_next) ? ANSWER_RST : ANSWER_RST_WRONG;
	if ((s->flags & TCP_SYN) != 0)
		return seq_eq(seq_add(s->seq, 1), p->peer_next) ? ANSWER_SYNACK
								: ANSWER_SYNACK_WRONG;
	if ((s->flags & TCP_FIN) != 0)
		return ANSWER_FIN;
	if (s->payload_bytes > 0)
		return ANSWER_DATA;
	return (s->flags & TCP_ACK) != 0 ? ANSWER_ACK : ANSWER_OTHER;
}

enum answer_kind battery_judge(enum question q, enum battery_act act, const struct battery_port *p,
			       const struct segment *s)
{
	if (act == ACT_OPEN || act == ACT_HOP)
		return judge_opening(p, s);
	if (act != ACT_SEND)
		return judge_inside(p, s);
	if ((s->flags & TCP_RST) != 0)
		return reset_of_nothing(q, p, s, p->our_next) ? ANSWER_RST : ANSWER_RST_WRONG;
	return (s->flags & TCP_SYN) != 0   ? ANSWER_SYNACK_WRONG
	       : (s->flags & TCP_ACK) != 0 ? ANSWER_ACK
					   : ANSWER_OTHER;
}

/* --- noting ------------------------------------------------------------------------------ */

static struct answer answer_of(const struct segment *s, enum answer_kind kind, int64_t time_ns)
{
	return (struct answer){
		.kind = (uint8_t)kind,
		.ttl = s->ip.ttl,
		.traffic = s->ip.traffic,
		.df = s->ip.df,
		.ip_id = s->ip.id,
		.checksum_bad = s->checksum == CHECKSUM_BAD,
		.from = s->src.addr,
		.time_ns = time_ns,
		.flags = s->flags,
		.window = s->window,
		.mss = s->option.has_mss ? s->option.mss : 0,
		.options = option_bits(&s->option),
		.wscale = s->option.wscale,
		.seq = s->seq,
		.ack = s->ack,
		.payload_bytes = s->payload_bytes,
		.has_sack = s->option.sack_count > 0,
	};
}

static bool believable(enum answer_kind k)
{
	return k != ANSWER_NONE && k != ANSWER_RST_WRONG && k != ANSWER_SYNACK_WRONG &&
	       k != ANSWER_OTHER;
}

static bool differs(const struct answer *a, const struct answer *b)
{
	return a->kind != b->kind || a->ttl != b->ttl || !ip_addr_equal(&a->from, &b->from);
}

static void note_copy(struct step_result *r, int64_t time_ns)
{
	const int64_t after_ms = r->sent_ns != 0 ? (time_ns - r->sent_ns) / BATTERY_MS : 0;
	if (r->copies < BATTERY_COPIES_MAX)
		r->copy_ms[r->copies] = (uint16_t)(after_ms < 0            ? 0
						   : after_ms > UINT16_MAX ? UINT16_MAX
									   : after_ms);
	if (r->copies < UINT8_MAX)
		r->copies++;
}

static void note(struct battery *b, struct battery_port *p, struct step_result *r, struct answer *a,
		 bool which_known)
{
	if (r->answers < UINT8_MAX)
		r->answers++;
	a->has_rtt = r->sent_ns != 0 && a->time_ns >= r->sent_ns && (r->asks <= 1 || which_known);
	a->rtt_ns = a->has_rtt ? a->time_ns - r->sent_ns : 0;
	if (a->has_rtt && a->kind < ANSWER_ICMP && a->rtt_ns < b->rtt_ns_min)
		b->rtt_ns_min = a->rtt_ns;
	if (r->first.kind == ANSWER_NONE) {
		r->first = *a;
		r->first_asks = p->asked;
		note_copy(r, a->time_ns);
		return;
	}
	if (believable((enum answer_kind)a->kind) && !believable((enum answer_kind)r->first.kind)) {
		r->other = r->first;
		r->first = *a;
		return;
	}
	if (!differs(&r->first, a))
		note_copy(r, a->time_ns);
	else if (r->other.kind == ANSWER_NONE)
		r->other = *a;
}

/* --- segments ------------------------------------------------------------------------------ */

static bool question_of_port(const struct battery *b, uint16_t local_port, enum question *q)
{
	for (unsigned i = 0; i < b->config.plan_count; i++)
		if (b->config.local_port[b->config.plan[i]] == local_port) {
			*q = (enum question)b->config.plan[i];
			return true;
		}
	return false;
}

static void owe_reset(struct battery *b, struct battery_port *p, uint16_t local_port, seq_t seq,
		      int64_t now_ns)
{
	p->owes_rst = true;
	p->owed.local_port = local_port;
	p->owed.seq = seq;
	if (p->finished || p->next_ns > now_ns)
		battery_wake(b, p, now_ns);
}

/* One of ours, on its way out: the kernel's stamp of it. */
static bool sent(struct battery *b, struct battery_port *p, enum question q,
		 const struct segment *s, int64_t time_ns)
{
	if (p->finished || battery_question(b, p) != q)
		return true;
	struct step_result *r = battery_result_of(b, p);
	const enum battery_act act = battery_step_of(b, p)->act;
	if ((s->flags & TCP_RST) != 0 && act != ACT_RST && act != ACT_RST_FAR)
		return true; /* what was owed */
	r->sent_ns = time_ns;
	if (r->asks < UINT8_MAX)
		r->asks++;
	return true;
}

/* A reset is owed to whoever answered SYN,ACK and is not to be talked to. */
static void connect_to(struct battery *b, struct battery_port *p, const struct segment *s,
		       int64_t now_ns)
{
	const enum question q = battery_question(b, p);
	const struct battery_step *steps = battery_rows[q].steps;
	p->peer_next = seq_add(s->seq, 1);
	p->peer_mss = s->option.has_mss ? s->option.mss : 536;
	p->has_ts = s->option.has_timestamps;
	p->peer_ts = s->option.ts_value;
	p->connected = steps[1].act != ACT_END && steps[0].act == ACT_OPEN;
	if (!p->connected)
		owe_reset(b, p, b->config.local_port[q], seq_add(p->isn, 1), now_ns);
}

/* Text and FIN in order move the number we await. */
static void take_text(struct battery_port *p, const struct segment *s)
{
	if (s->option.has_timestamps && p->has_ts)
		p->peer_ts = s->option.ts_value;
	if ((s->flags & (TCP_SYN | TCP_RST)) == 0 && seq_eq(s->seq, p->peer_next))
		p->peer_next = segment_end(s);
}

static bool satisfied(const struct battery_port *p, const struct battery_step *step,
		      const struct segment *s, enum answer_kind kind)
{
	switch (step->until) {
	case UNTIL_ANSWER:
		return believable(kind);
	case UNTIL_SYNACK:
		return kind == ANSWER_SYNACK;
	case UNTIL_ACKED: {
		const uint32_t said = step->act == ACT_FULL ? 2 : 1; /* at least so much of it */
		return (s->flags & TCP_ACK) != 0 && seq_ge(s->ack, seq_add(p->our_next, said));
	}
	case UNTIL_TIME:
		return false;
	}
	return false;
}

static void note_sack(const struct battery_port *p, const struct segment *s, struct answer *a)
{
	for (unsigned i = 0; i < s->option.sack_count; i++)
		if (s->option.sack[i].left == seq_add(p->our_next, p->step).raw ||
		    (seq_gt(seq_of(s->option.sack[i].left), p->our_next) &&
		     seq_le(seq_of(s->option.sack[i].right), seq_add(p->our_next, p->step + 1u))))
			a->sack_fits = true;
}

/* In the step that is asked now. */
static void hear_now(struct battery *b, struct battery_port *p, const struct segment *s,
		     int64_t time_ns, int64_t now_ns)
{
	const struct battery_step *step = battery_step_of(b, p);
	struct step_result *r = battery_result_of(b, p);
	const enum question q = battery_question(b, p);
	const enum answer_kind kind = battery_judge(q, step->act, p, s);
	const bool opening = step->act == ACT_OPEN || step->act == ACT_HOP;
	struct answer a = answer_of(s, kind, time_ns);
	/* The SYN,ACK once more: its sender has not got our ACK yet, or takes its time. */
	if (!opening && step->act != ACT_SEND && kind == ANSWER_SYNACK && p->step > 0 &&
	    step->act != ACT_SYN_INSIDE && step->act != ACT_RST)
		return;
	if (step->act == ACT_HOP_HOLE) {
		note_sack(p, s, &a);
		if (!a.has_sack && kind != ANSWER_RST && kind != ANSWER_RST_WRONG) {
			take_text(p, s);
			return;
		}
	}
	/* What its program says meanwhile is no answer to these. */
	if ((step->act == ACT_FAR || step->act == ACT_SYN_INSIDE) &&
	    (kind == ANSWER_DATA || kind == ANSWER_FIN)) {
		take_text(p, s);
		return;
	}
	a.ts_wrong = opening && kind == ANSWER_SYNACK && s->option.has_timestamps &&
		     s->option.ts_echo - p->syn_ts > p->asked;
	note(b, p, r, &a,
	     opening && s->option.has_timestamps && s->option.ts_echo == p->syn_ts + p->asked);
	if (r->first.kind != ANSWER_NONE && p->asked > 1 && r->answers == 1)
		b->limited = true;
	if (kind == ANSWER_SYNACK && opening)
		connect_to(b, p, s, now_ns);
	else if ((kind == ANSWER_SYNACK_WRONG && (s->flags & TCP_ACK) != 0) ||
		 (kind == ANSWER_ACK && step->act == ACT_OPEN && step->until == UNTIL_SYNACK))
		/* RFC 9293 section 3.10.7.3, first: <SEQ=SEG.ACK><CTL=RST>. */
		owe_reset(b, p, b->config.local_port[q], s->ack, now_ns);
	else if (!opening && step->act != ACT_SEND)
		take_text(p, s);
	if (kind == ANSWER_RST && step->act != ACT_SEND) {
		p->refused = true;
		r->done = step->until != UNTIL_TIME || p->step == 0;
	}
	if (satisfied(p, step, s, kind))
		r->done = true;
	if (r->done)
		battery_wake(b, p, now_ns);
}

/* To a question that is over: late, or a copy. Only the courtesy, and the news if it was silent. */
static void hear_late(struct battery *b, struct battery_port *p, enum question q,
		      const struct segment *s, int64_t time_ns, int64_t now_ns)
{
	struct step_result *r =
		&b->config.results[(size_t)(p - b->config.ports) * b->per_port + b->offset[q]];
	const uint16_t syn_ack = s->flags & (TCP_SYN | TCP_ACK | TCP_RST);
	if (syn_ack == (TCP_SYN | TCP_ACK) && battery_rows[q].steps[0].act != ACT_SEND)
		owe_reset(b, p, b->config.local_port[q], s->ack, now_ns);
	if (r->first.kind != ANSWER_NONE || battery_rows[q].steps[0].act == ACT_HOP)
		return;
	struct answer a = answer_of(s, ANSWER_OTHER, time_ns);
	a.kind = syn_ack == (TCP_SYN | TCP_ACK) ? ANSWER_SYNACK
		 : (s->flags & TCP_RST) != 0    ? ANSWER_RST
						: ANSWER_OTHER;
	b->limited = true;
	note(b, p, r, &a, false);
	r->first_asks = r->asks;
}

bool battery_segment(struct battery *b, const struct segment *s, bool out, int64_t time_ns,
		     int64_t now_ns)
{
	const struct endpoint *ours = out ? &s->src : &s->dst;
	const struct endpoint *theirs = out ? &s->dst : &s->src;
	enum question q;
	if (!ip_addr_equal(&ours->addr, &b->config.local) ||
	    !ip_addr_equal(&theirs->addr, &b->config.remote) || b->config.index[theirs->port] < 0 ||
	    !question_of_port(b, ours->port, &q))
		return false;
	struct battery_port *p = &b->config.ports[b->config.index[theirs->port]];
	if (out)
		return sent(b, p, q, s, time_ns);
	b->received++;
	if (!p->finished && battery_question(b, p) == q && p->asked > 0)
		hear_now(b, p, s, time_ns, now_ns);
	else
		hear_late(b, p, q, s, time_ns, now_ns);
	return true;
}

/* --- ICMP ------------------------------------------------------------------------------------ */

static enum answer_kind kind_of_icmp(enum icmp_reason r)
{
	if (r == ICMP_TIME_EXCEEDED || r == ICMP_REASSEMBLY_TIMEOUT)
		return ANSWER_TIME_EXCEEDED;
	if (r == ICMP_FRAGMENTATION_NEEDED)
		return ANSWER_TOO_BIG;
	return icmp_reason_is_refusal(r) ? ANSWER_ICMP : ANSWER_OTHER;
}

static void hear_icmp(struct battery *b, struct battery_port *p, const struct icmp_error *e,
		      struct answer *a, int64_t now_ns)
{
	const struct battery_step *step = battery_step_of(b, p);
	struct step_result *r = battery_result_of(b, p);
	struct segment_spec spec;
	battery_build(b, p, &spec);
	a->quote = quote_compare(&spec, e);
	/* Each copy has its own time stamp, and which one is quoted is not known. */
	if (p->asked > 1) {
		a->quote.known &= (uint16_t)~QUOTE_OPTION_VALUE;
		a->quote.changed &= (uint16_t)~QUOTE_OPTION_VALUE;
	}
	note(b, p, r, a, false);
	const bool hop = step->act == ACT_HOP || step->act == ACT_HOP_HOLE;
	if (a->kind == ANSWER_OTHER || (a->kind == ANSWER_TOO_BIG && step->act != ACT_FULL))
		return;
	if (a->kind == ANSWER_ICMP) {
		b->limited = true;
		p->refused = !hop && step->act != ACT_SEND;
		if (!p->slow && !p->finished) {
			p->slow = true;
			b->fast--;
		}
	}
	r->done = true;
	const int64_t polite = p->asked_ns + b->config.silent_ns;
	battery_wake(b, p, hop || polite < now_ns ? now_ns : polite);
}

bool battery_icmp(struct battery *b, const struct icmp_error *e, int64_t time_ns, int64_t now_ns)
{
	enum question q;
	if (!ip_addr_equal(&e->quoted_src.addr, &b->config.local) ||
	    !ip_addr_equal(&e->quoted_dst.addr, &b->config.remote) ||
	    b->config.index[e->quoted_dst.port] < 0 || !question_of_port(b, e->quoted_src.port, &q))
		return false;
	struct battery_port *p = &b->config.ports[b->config.index[e->quoted_dst.port]];
	b->received++;
	if (p->finished || battery_question(b, p) != q || p->asked == 0)
		return true;
	struct answer a = {
		.kind = (uint8_t)kind_of_icmp(e->reason),
		.ttl = e->ip.ttl,
		.traffic = e->ip.traffic,
		.ip_id = e->ip.id,
		.df = e->ip.df,
		.from = e->ip.src,
		.time_ns = time_ns,
		.type = e->type,
		.code = e->code,
		.reason = (uint8_t)e->reason,
		.mtu_bytes = e->mtu_bytes,
	};
	hear_icmp(b, p, e, &a, now_ns);
	return true;
}

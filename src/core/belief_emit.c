/*
 * Which nodes can have sent a segment that was received, and what they were right after.
 *
 * ACKs of the synchronized states need no cause (ON_ACK_NOW: a delayed ACK, news of the
 * window), so that only SYN-ACKs, RSTs and the challenges of SYN-RECEIVED are traced to the
 * segment of ours that they answer.
 */
#include "belief_internal.h"

#include <string.h>

/* No TCP sends an ACK with a RST at SEG.ACK, but lwIP does. */
#define COST_ODD_BOUNCE 24
#define COST_HELD 3 /* for want of window */

struct search {
	struct belief *b;
	const struct node *from;
	uint32_t until; /* segments of ours sent up to then */
	const struct got *r;
	struct emission *out;
	size_t count;
};

static struct emission *found(struct search *s, const struct node *to, unsigned cost, uint8_t row)
{
	if (s->count >= EMISSIONS_MAX)
		s->count = EMISSIONS_MAX - 1; /* many explain it alike: one less */
	struct emission *e = &s->out[s->count++];
	*e = (struct emission){.to = *to, .row = row};
	e->to.flags |= NODE_TODO;
	node_add_cost(&e->to, cost);
	node_normalise(&e->to);
	return e;
}

static size_t ask_event(struct search *s, enum rule_on on, facts_t facts, struct outcome *out)
{
	const struct question question = {
		.facts = facts, .ctl = s->from->ctl, .on = (uint8_t)on, .origins = s->b->origins};
	return outcomes(&question, out);
}

/* Not more than we ever offered room for, a probe and a FIN aside. */
static bool is_offered(const struct belief *b, seq_t end)
{
	return !b->offer_known || seq_le(end, seq_add(b->offer, 2));
}

static void pin(struct node *n, seq_t snd_nxt)
{
	n->snd_nxt = snd_nxt;
	n->flags &= (uint8_t)~NODE_OPEN;
}

/* ---- RST ---- */

static bool is_own_rst(const struct search *s, const struct node *n)
{
	const struct got *r = s->r;
	if ((r->flags & TCP_ACK) && !seq_eq(r->ack, n->rcv_nxt) && n->ctl != CTL_SYN_SENT)
		return false;
	if (n->inc != INC_KNOWN)
		return !s->b->iss_known; /* any number may be its own */
	return node_sends_at(n, r->seq) && is_offered(s->b, r->seq);
}

static void rst_of_event(struct search *s, enum rule_on on)
{
	struct outcome out[RULE_STEPS_MAX];
	if (!node_has_numbers((enum ctl)s->from->ctl) || !is_own_rst(s, s->from))
		return;
	const size_t outs = ask_event(s, on, 0, out);
	for (size_t i = 0; i < outs; i++) {
		if ((out[i].emit & EMIT_RST) == 0)
			continue;
		struct node to = *s->from;
		to.ctl = out[i].to;
		/* Stacks put an ACK on the RST of an abort, and none on one that answers. */
		const unsigned bare = (s->r->flags & TCP_ACK) ? 0 : 1;
		found(s, &to, event_cost(on, &out[i]) + bare, out[i].row)->reset =
			BELIEF_RESET_ABORT;
	}
}

static enum belief_reset rst_kind(const struct search *s, unsigned emit, const struct own *own)
{
	const struct got *r = s->r;
	const bool acks = (r->flags & TCP_ACK) != 0;
	const bool odd = (s->b->origins & ORIGIN_STACK) && seq_eq(r->ack, own_end(own));
	if ((emit & EMIT_RST_BOUNCE) && (own->flags & TCP_ACK) && seq_eq(r->seq, own->ack) &&
	    (!acks || odd))
		return BELIEF_RESET_BOUNCE;
	if ((emit & EMIT_RST_ACK) && acks && r->seq.raw == 0 && seq_eq(r->ack, own_end(own)))
		return BELIEF_RESET_BOUNCE;
	if ((emit & EMIT_RST) && is_own_rst(s, s->from))
		return BELIEF_RESET_ABORT;
	return BELIEF_RESET_NONE;
}

static void rst_of_delivery(struct search *s, const struct own *own)
{
	struct move moves[MOVES_MAX];
	const size_t count = move_deliver(s->b, s->from, own, &moves_all, moves);
	for (size_t i = 0; i < count; i++) {
		const enum belief_reset kind = rst_kind(s, moves[i].emit, own);
		if (kind == BELIEF_RESET_NONE)
			continue;
		const bool odd = kind == BELIEF_RESET_BOUNCE && (s->r->flags & TCP_ACK) &&
				 (moves[i].emit & EMIT_RST_ACK) == 0;
		struct emission *e =
			found(s, &moves[i].to, odd ? COST_ODD_BOUNCE : 0, moves[i].row);
		e->reset = kind;
		e->answers_n = own->n;
		e->answers_at = own->last;
	}
}

static void search_rst(struct search *s)
{
	rst_of_event(s, ON_ABORT);
	rst_of_event(s, ON_CLOSE);
	rst_of_event(s, ON_USER_TIMEOUT);
	struct belief *b = s->b;
	for (uint8_t i = 0; i < b->owns; i++)
		if (b->own[i].first <= s->until)
			rst_of_delivery(s, &b->own[i]);
	if (b->ack_range && seq_ge(s->r->seq, b->ack_low) && seq_le(s->r->seq, b->ack_high)) {
		const struct own old = {
			.seq = b->acked, .ack = s->r->seq, .flags = TCP_ACK, .window = 1};
		rst_of_delivery(s, &old);
	}
}

/* ---- SYN and SYN-ACK ---- */

static void syn_of_event(struct search *s, enum rule_on on)
{
	struct move moves[MOVES_MAX];
	const struct belief *b = s->b;
	const size_t count = move_event(s->b, s->from, on, &moves_all, moves);
	for (size_t i = 0; i < count; i++)
		if ((moves[i].emit & EMIT_SYN) && moves[i].to.inc == INC_KNOWN &&
		    seq_eq(node_iss(b, &moves[i].to), s->r->seq))
			found(s, &moves[i].to, 0, moves[i].row);
}

static void search_syn(struct search *s)
{
	syn_of_event(s, ON_OPEN_ACTIVE);
	syn_of_event(s, ON_SEND);
	syn_of_event(s, ON_RETRANSMIT);
}

static bool is_syn_ack(const struct search *s, const struct node *to, const struct own *own)
{
	const struct got *r = s->r;
	if (to->ctl == CTL_LISTEN) /* a cookie: it keeps nothing */
		return own != NULL && s->b->iss_known && seq_eq(r->seq, s->b->iss) &&
		       seq_eq(r->ack, seq_add(own->seq, 1));
	return to->inc == INC_KNOWN && seq_eq(r->seq, node_iss(s->b, to)) &&
	       seq_eq(r->ack, to->rcv_nxt);
}

static void search_syn_ack(struct search *s)
{
	struct move moves[MOVES_MAX];
	struct belief *b = s->b;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *own = &b->own[i];
		if (own->first > s->until || (own->flags & TCP_SYN) == 0)
			continue;
		const size_t count = move_deliver(b, s->from, own, &moves_all, moves);
		for (size_t m = 0; m < count; m++) {
			if ((moves[m].emit & EMIT_SYN_ACK) == 0 ||
			    !is_syn_ack(s, &moves[m].to, own))
				continue;
			struct emission *e = found(s, &moves[m].to, 0, moves[m].row);
			e->answers_n = own->n;
			e->answers_at = own->last;
		}
	}
	struct outcome out[RULE_STEPS_MAX];
	const facts_t facts = (s->from->flags & NODE_SYN_ACKED) ? 0 : FACT_SYN_UNACKED;
	if (!node_has_numbers((enum ctl)s->from->ctl) || !is_syn_ack(s, s->from, NULL))
		return;
	const size_t outs = ask_event(s, ON_RETRANSMIT, facts, out);
	for (size_t i = 0; i < outs; i++)
		if (out[i].emit & EMIT_SYN_ACK)
			found(s, s->from, event_cost(ON_RETRANSMIT, &out[i]), out[i].row)->again =
				!is_syn_received((enum ctl)s->from->ctl);
}

/* ---- ACK, text, FIN ---- */

static void search_challenge(struct search *s)
{
	struct move moves[MOVES_MAX];
	struct belief *b = s->b;
	for (uint8_t i = 0; i < b->owns; i++) {
		if (b->own[i].first > s->until)
			continue;
		const size_t count = move_deliver(b, s->from, &b->own[i], &moves_all, moves);
		for (size_t m = 0; m < count; m++) {
			struct node to = moves[m].to;
			if ((moves[m].emit & (EMIT_ACK | EMIT_CHALLENGE)) == 0 ||
			    !is_syn_received((enum ctl)to.ctl) || !seq_eq(to.rcv_nxt, s->r->ack))
				continue;
			if (node_sends_at(&to, s->r->seq))
				pin(&to, s->r->seq);
			else if (!b->own_syn_closed || !seq_eq(s->r->seq, node_iss(b, &to)))
				continue; /* it does not stand at its ISS for want of window */
			struct emission *e = found(s, &to, 0, moves[m].row);
			e->challenge = true;
			e->answers_n = b->own[i].n;
			e->answers_at = b->own[i].last;
		}
	}
}

/* <SEQ=SND.NXT-1> or SND.UNA-1: what stands before it was acknowledged by us. */
static void search_probe(struct search *s)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct got *r = s->r;
	const seq_t una = seq_add(r->seq, 1);
	struct node to = *s->from;
	if ((to.flags & NODE_SYN_ACKED) == 0 || r->text_bytes > 1 ||
	    !own_acks(s->b, una, s->until) || seq_le(una, node_iss(s->b, &to)) ||
	    !is_offered(s->b, una))
		return;
	if (to.flags & NODE_OPEN)
		to.snd_nxt = seq_max(to.snd_nxt, una);
	else if (seq_lt(to.snd_nxt, una))
		return;
	size_t outs = ask_event(s, ON_PROBE, 0, out);
	if (outs == 0)
		outs = ask_event(s, ON_PROBE, FACT_UNSENT_DATA, out);
	if (outs > 0 && (out[0].emit & EMIT_PROBE))
		found(s, &to, event_cost(ON_PROBE, &out[0]), out[0].row);
}

/* An ACK does not go beyond the window that we offer, so if that was drawn in it stands before
 * SND.NXT (tcp_acceptable_seq() of Linux). */
static void search_held_ack(struct search *s)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct belief *b = s->b;
	const struct got *r = s->r;
	struct node to = *s->from;
	if (!b->shrunk || seq_lt(r->seq, b->shrunk_to) || !is_offered(b, r->seq) ||
	    seq_le(r->seq, node_iss(b, &to)))
		return;
	if (to.flags & NODE_OPEN)
		to.snd_nxt = seq_max(to.snd_nxt, seq_add(r->seq, 1));
	else if (seq_le(to.snd_nxt, r->seq))
		return;
	if (ask_event(s, ON_ACK_NOW, 0, out) > 0)
		found(s, &to, event_cost(ON_ACK_NOW, &out[0]) + COST_HELD, out[0].row);
}

static void search_ack(struct search *s)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct got *r = s->r;
	if (is_syn_received((enum ctl)s->from->ctl) && s->from->inc == INC_KNOWN)
		search_challenge(s);
	if (!seq_eq(s->from->rcv_nxt, r->ack))
		return;
	if (node_sends_at(s->from, r->seq) && is_offered(s->b, r->seq)) {
		const size_t outs = ask_event(s, ON_ACK_NOW, 0, out);
		struct node to = *s->from;
		pin(&to, r->seq);
		if (outs > 0)
			found(s, &to, event_cost(ON_ACK_NOW, &out[0]), out[0].row);
	}
	search_held_ack(s);
	search_probe(s);
}

/* Text, or a FIN, for the first time. */
static void search_fresh(struct search *s, enum rule_on on, facts_t facts)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct got *r = s->r;
	const bool fin = (r->flags & TCP_FIN) != 0;
	const size_t outs = ask_event(s, on, facts, out);
	for (size_t i = 0; i < outs; i++) {
		if ((out[i].emit & (fin ? EMIT_FIN : EMIT_DATA)) == 0)
			continue;
		struct node to = *s->from;
		to.ctl = out[i].to;
		pin(&to, r->end);
		const unsigned cost = event_cost(on, &out[i]);
		found(s, &to, cost, out[i].row);
		if (!fin && (s->from->flags & NODE_TEXT_WAITS)) {
			to.flags &= (uint8_t)~NODE_TEXT_WAITS; /* all of it; the FIN did not fit */
			found(s, &to, cost, out[i].row);
		}
	}
}

/* Whether the node may have sent all before @p end - @p news, and at @p begin or later: then the
 * segment brings the last @p news numbers, or more, for the first time. */
static bool may_go_on(const struct node *n, seq_t begin, seq_t end, uint32_t news)
{
	const seq_t last = seq_sub(end, news);
	if (seq_gt(n->snd_nxt, last))
		return false;
	return (n->flags & NODE_OPEN) || seq_ge(n->snd_nxt, begin);
}

static void search_text(struct search *s)
{
	const struct node *n = s->from;
	const struct got *r = s->r;
	const bool fin = (r->flags & TCP_FIN) != 0;
	const bool may_text = node_may_text(n);
	if (!may_go_on(n, r->seq, r->end, 1) || !is_offered(s->b, r->end) ||
	    (r->text_bytes > 0 && !may_text))
		return;
	const bool queued = ctl_is_fin_queued((enum ctl)n->ctl);
	const bool text_waits = (n->flags & NODE_TEXT_WAITS) != 0;
	if (!queued) {
		if (fin)
			search_fresh(s, ON_CLOSE, 0);
		else
			search_fresh(s, ON_TRANSMIT, FACT_UNSENT_DATA);
		return;
	}
	if (!may_text)
		return;
	if (!fin && text_waits)
		search_fresh(s, ON_TRANSMIT, FACT_UNSENT_DATA);
	if (fin && text_waits && may_go_on(n, r->seq, r->end, 2))
		search_fresh(s, ON_TRANSMIT, FACT_UNSENT_DATA | FACT_FIN_GOES);
	if (fin && !text_waits && node_sends_at(n, seq_sub(r->end, 1)))
		search_fresh(s, ON_TRANSMIT, FACT_FIN_GOES);
}

/* A copy, or part, of what it sent. */
static void search_again(struct search *s)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct got *r = s->r;
	struct node to = *s->from;
	const bool fin = (r->flags & TCP_FIN) != 0;
	const bool fin_sent = ctl_is_fin_sent((enum ctl)to.ctl);
	const facts_t facts = (to.flags & NODE_SYN_ACKED) ? 0 : FACT_SYN_UNACKED;
	const size_t outs = ask_event(s, ON_RETRANSMIT, facts, out);
	if (outs == 0 || (out[0].emit & EMIT_AGAIN) == 0 || (fin && !fin_sent) ||
	    seq_le(r->seq, node_iss(s->b, &to)) || !is_offered(s->b, r->end))
		return;
	const seq_t least = fin_sent && !fin ? seq_add(r->end, 1) : r->end;
	if (fin) {
		if (!node_sends_at(&to, r->end))
			return;
		pin(&to, r->end);
	} else if (to.flags & NODE_OPEN) {
		to.snd_nxt = seq_max(to.snd_nxt, least);
	} else if (seq_lt(to.snd_nxt, least)) {
		return;
	}
	found(s, &to, event_cost(ON_RETRANSMIT, &out[0]), out[0].row)->again = true;
}

static void search_known(struct search *s)
{
	const struct got *r = s->r;
	if (s->from->inc != INC_KNOWN || s->from->ctl == CTL_SYN_SENT)
		return;
	if ((r->flags & TCP_FIN) == 0 && r->text_bytes == 0) {
		search_ack(s);
		return;
	}
	if (!seq_eq(s->from->rcv_nxt, r->ack))
		return;
	search_text(s);
	search_again(s);
	if ((r->flags & TCP_FIN) == 0)
		search_probe(s);
}

size_t emissions_of(struct belief *b, const struct node *n, uint32_t until, const struct got *r,
		    struct emission *out)
{
	struct search s = {.b = b, .from = n, .until = until, .r = r, .out = out};
	const uint16_t kind = r->flags & (TCP_SYN | TCP_RST | TCP_ACK | TCP_FIN);
	if ((kind & TCP_RST) && (kind & (TCP_SYN | TCP_FIN)) == 0)
		search_rst(&s);
	else if (kind == TCP_SYN)
		search_syn(&s);
	else if (kind == (TCP_SYN | TCP_ACK))
		search_syn_ack(&s);
	else if (kind == TCP_ACK || kind == (TCP_ACK | TCP_FIN))
		search_known(&s);
	return s.count;
}

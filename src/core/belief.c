/*
 * The filter. After every event:
 *   b      the nodes that the end can be in now
 *   u      every node it ever could be in, with the time when
 *   proof  the nodes right after it first sent what we received last
 *
 * A segment of ours that is sent may be delivered from now on: b is closed under it.
 * A segment that is received was sent by some node of u, at a time when that node was possible,
 * perhaps long ago: b is cut down to what can be reached from there. Order is never assumed on
 * either way. docs/inference.md states this exactly.
 */
#include "belief_internal.h"

#include <string.h>

#define U_PRUNE 140

size_t belief_size(void)
{
	return sizeof(struct belief);
}

static void note_all(struct belief *b)
{
	for (uint8_t i = 0; i < b->b.count; i++) {
		const struct node *n = &b->b.node[i];
		node_set_note(&b->u, n, b->now);
		if (n->inc != INC_KNOWN || (n->flags & NODE_OPEN) == 0)
			continue;
		b->low = b->low_known ? seq_min(b->low, n->rcv_nxt) : n->rcv_nxt;
		b->low_known = true;
	}
	if (b->b.overflow || b->u.overflow)
		lives_lose(b);
	b->b.overflow = false;
	b->u.overflow = false;
}

void belief_init(struct belief *b, enum belief_start start)
{
	belief_begin(b, start, ORIGINS_REMOTE);
}

void belief_begin(struct belief *b, enum belief_start start, unsigned origins)
{
	memset(b, 0, sizeof *b);
	node_set_clear(&b->b);
	node_set_clear(&b->u);
	b->evidence.row = -1;
	b->origins = (uint8_t)origins;
	b->midstream = start == BELIEF_MIDSTREAM;
	b->waiting = b->midstream;
	struct node closed = {.ctl = CTL_CLOSED, .flags = NODE_TODO, .cost = 1};
	struct node listen = {.ctl = CTL_LISTEN, .flags = NODE_TODO};
	node_set_add(&b->b, &closed);
	node_set_add(&b->b, &listen);
	belief_close(b, &b->b, 0, &moves_all);
	note_all(b);
	belief_look(b);
}

void belief_assume_cookies(struct belief *b, bool on)
{
	b->cookies = on;
	b->evidence.cookies = on;
	b->origins &= (uint8_t)~ORIGIN_COOKIE;
	if (on)
		b->origins |= ORIGIN_COOKIE;
}

void belief_assume_gaps(struct belief *b, bool on)
{
	b->gaps = on;
}

static bool is_obsolete(const struct node *n, const void *context)
{
	const struct belief *b = context;
	if (n->last == b->now || n->inc != INC_KNOWN)
		return false;
	return seq_lt(n->rcv_nxt, b->acked) || seq_lt(n->snd_nxt, b->seen);
}

static bool is_past(const struct node *n, const void *context)
{
	const struct belief *b = context;
	return n->last != b->now;
}

/* Keep the past small. What it would have explained is believed from now on. */
static void prune(struct belief *b)
{
	if (b->u.count < U_PRUNE)
		return;
	node_set_drop(&b->u, is_obsolete, b);
	if (b->u.count >= U_PRUNE)
		node_set_drop(&b->u, is_past, b);
	b->forgot = true;
	b->forgot_ack = b->acked;
	b->forgot_seq = b->seen;
}

/* Of the past, too, what lay within a stretch was not kept. */
static void deliver_part_in_past(struct belief *b, const struct own *part)
{
	struct move moves[MOVES_MAX];
	const uint8_t count = b->u.count;
	for (uint8_t i = 0; i < count && !b->u.overflow; i++) {
		const struct node u = b->u.node[i];
		if (u.inc != INC_KNOWN || u.last + 1 == b->now || part->first > u.last)
			continue;
		const size_t moved = move_deliver(b, &u, part, &moves_all, moves);
		for (size_t m = 0; m < moved; m++) {
			const struct node *to = &moves[m].to;
			if (to->inc == INC_KNOWN && !seq_eq(to->rcv_nxt, u.rcv_nxt))
				node_set_note_times(&b->u, to, u.first, u.last);
		}
	}
}

/* What is acknowledged in the middle of a stretch of ours shows that so much of it arrived first.
 * (Of another incarnation it shows nothing, and there it makes no difference.) The parts stay, at
 * the end of the list. */
static void deliver_part(struct belief *b, seq_t at)
{
	bool any = own_split(b, at) > 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own part = b->own[i];
		if (part.text_bytes == 0 || !seq_eq(own_end(&part), at) || (!any && !b->joins))
			continue;
		deliver_part_in_past(b, &part);
		belief_close_with(b, &b->b, &part, true);
		any = true;
	}
	if (!any)
		return;
	const uint32_t now = b->now;
	b->now = now - 1; /* it was possible before what happens now */
	note_all(b);
	b->now = now;
}

/* What may be in the middle of a stretch now has come there by a part of it, and there what is no
 * plain text may have met it. */
static void split_where_it_is(struct belief *b)
{
	for (uint8_t i = 0; b->joins && i < b->proofs; i++)
		if (b->proof[i].inc == INC_KNOWN)
			own_split(b, b->proof[i].rcv_nxt);
	for (uint8_t i = 0; b->joins && i < b->b.count; i++)
		if (b->b.node[i].inc == INC_KNOWN)
			own_split(b, b->b.node[i].rcv_nxt);
	const uint8_t owns = b->owns;
	for (uint8_t i = 0; b->joins && i < owns; i++)
		if (b->own[i].flags & (TCP_SYN | TCP_FIN | TCP_RST))
			own_split(b, b->own[i].seq);
}

static void begin_step(struct belief *b)
{
	b->now++;
	b->anchored = false;
	b->evidence = (struct belief_evidence){
		.row = -1, .cookies = b->cookies, .excluded = b->view.possible};
}

static void end_step(struct belief *b)
{
	if (!b->waiting) {
		note_all(b);
		past_reduce(b);
		prune(b);
	}
	belief_look(b);
	b->evidence.excluded &= (state_set_t)~b->view.possible;
}

void belief_send(struct belief *b, const struct segment *s, uint32_t n)
{
	begin_step(b);
	const uint8_t owns = b->owns;
	if (!b->waiting && (s->flags & (TCP_RST | TCP_SYN | TCP_FIN)))
		deliver_part(b, s->seq);
	b->owns = owns;
	const bool news = own_add(b, s, n);
	if (!b->waiting && news) {
		const struct own latest = b->own[b->latest_own];
		belief_close_with(b, &b->b, &latest, false);
		for (uint8_t i = 0; i < b->owns; i++)
			if (b->own[i].held && b->own[i].last == b->now)
				belief_close_with(b, &b->b, &b->own[i], true);
	}
	end_step(b);
}

/* The likeliest way that it came to be sent. What an end can do now is told before what it can have
 * done in a state that it has shown since to have left. */
static void note_best(struct gathering *g, const struct emission *e, bool current)
{
	if (current && e->to.cost < g->reset_cost[e->reset])
		g->reset_cost[e->reset] = e->to.cost;
	if (g->has_best &&
	    (g->best_current != current ? g->best_current : g->best.to.cost <= e->to.cost))
		return;
	g->best = *e;
	g->best_current = current;
	g->has_best = true;
}

static void gather_node(struct belief *b, const struct node *u, const struct got *r,
			struct gathering *g)
{
	struct emission found[EMISSIONS_MAX];
	const bool current = u->last + 1 == b->now;
	const uint32_t before = b->received_before_at;
	size_t count = emissions_of(b, u, current ? b->now : u->last, r, found);
	for (size_t i = 0; i < count; i++) {
		struct emission *e = &found[i];
		if (!current)
			node_add_cost(&e->to, COST_STALE);
		node_set_add(&g->from, &e->to);
		if (current && proof_may_be_first(b, r, e))
			proof_add_fresh(b, g, e);
		note_best(g, e, current);
	}
	if (b->proofs == 0 || u->first > before)
		return;
	if (u->last > before)
		count = emissions_of(b, u, before, r, found);
	for (size_t i = 0; i < count; i++)
		node_set_add(&g->old, &found[i].to);
}

bool node_can_anchor(const struct node *u)
{
	return u->inc == INC_BEFORE && node_has_numbers((enum ctl)u->ctl);
}

static void gather(struct belief *b, const struct got *r, struct gathering *g)
{
	const unsigned choices = g->anchoring ? anchor_choices(b) : 0;
	node_set_clear(&g->from);
	node_set_clear(&g->old);
	for (uint8_t i = 0; i < b->u.count; i++) {
		const struct node u = b->u.node[i];
		gather_node(b, &u, r, g);
		for (unsigned choice = 0; choice < choices; choice++) {
			if (!node_can_anchor(&u))
				break;
			const struct node twin = node_anchored(b, &u, choice);
			gather_node(b, &twin, r, g);
		}
	}
}

/* Whether a node that is reached after the first sight of an ISS was possible before it. An
 * acknowledgement of that ISS may have been recorded before it (captures are not always in
 * order), so nodes that need one are let through. */
static bool was_possible(const struct belief *b, const struct node *n)
{
	if (n->inc == INC_BEFORE)
		return b->cookies && n->ctl == CTL_LISTEN;
	if (n->flags & NODE_SYN_ACKED)
		return true;
	for (uint8_t i = 0; i < b->b.count; i++) {
		const struct node *have = &b->b.node[i];
		if (have->inc == INC_BEFORE && have->ctl == n->ctl &&
		    seq_eq(have->rcv_nxt, n->rcv_nxt))
			return true;
	}
	return false;
}

static void restrict_to(struct belief *b, const struct node_set *reached, bool anchoring)
{
	struct node_set cut;
	node_set_clear(&cut);
	for (uint8_t i = 0; i < reached->count; i++) {
		const struct node *n = &reached->node[i];
		if (anchoring) {
			if (was_possible(b, n))
				node_set_add(&cut, n);
			continue;
		}
		for (uint8_t j = 0; j < b->b.count; j++) {
			struct node both;
			if (node_meet(n, &b->b.node[j], &both))
				node_set_add(&cut, &both);
		}
	}
	uint8_t least = UINT8_MAX;
	for (uint8_t i = 0; i < cut.count; i++)
		if (cut.node[i].cost < least)
			least = cut.node[i].cost;
	for (uint8_t i = 0; i < cut.count; i++) {
		cut.node[i].cost = (uint8_t)(cut.node[i].cost - least);
		cut.node[i].flags &= (uint8_t)~NODE_TODO;
	}
	b->b = cut;
}

/* Nodes of the incarnation now known existed as nodes of an unknown one. */
static void anchor_past(struct belief *b)
{
	const uint8_t count = b->u.count;
	for (uint8_t i = 0; i < count && !b->u.overflow; i++) {
		const struct node u = b->u.node[i];
		for (unsigned choice = 0; node_can_anchor(&u) && choice < anchor_choices(b);
		     choice++) {
			const struct node twin = node_anchored(b, &u, choice);
			node_set_note_times(&b->u, &twin, u.first, u.last);
		}
	}
}

static uint32_t answered(const struct belief *b, const struct got *r, const struct emission *best)
{
	if (best->answers_n != 0)
		return best->answers_n;
	const struct own *own = NULL;
	for (uint8_t i = 0; i < b->owns && (r->flags & TCP_ACK); i++) {
		const struct own *o = &b->own[i];
		if (!seq_eq(own_end(o), o->seq) && seq_eq(own_end(o), r->ack) &&
		    (own == NULL || o->last > own->last))
			own = o;
	}
	return own == NULL ? 0 : own->n;
}

/* Whether it only answers something suspicious that we sent since the reception before: by the
 * book, from what was proven until now. */
static void note_challenge(struct belief *b, const struct got *r)
{
	static const struct moves_wanted book = {ORIGINS_OWN, false, true, true};
	struct move moves[MOVES_MAX];
	struct belief_evidence *e = &b->evidence;
	if (r->flags != TCP_ACK || r->text_bytes > 0 || b->proofs == 0)
		return;
	struct node n = *belief_least_surprising(b);
	const uint32_t since = n.first;
	int row = -1;
	uint32_t answers_n = 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (o->last <= since || move_deliver(b, &n, o, &book, moves) == 0)
			continue;
		n = moves[0].to;
		const bool missed = b->gaps && (o->flags & TCP_ACK) && seq_gt(o->ack, b->seen);
		if (o->last <= b->received_before_at || missed)
			continue; /* heard before; or it may well have sent what we missed */
		if (moves[0].emit & EMIT_CHALLENGE) {
			row = moves[0].row;
			answers_n = o->n;
		} else if (moves[0].emit & EMIT_ACK) {
			return; /* an ordinary ACK was due anyway */
		}
	}
	if (row < 0)
		return;
	e->challenge = true;
	e->row = row;
	e->answers_n = answers_n;
}

#define RESETS_ALIKE 2 /* in surprise */

static int abs_diff(int x, int y)
{
	return x < y ? y - x : x - y;
}

static void note_evidence(struct belief *b, const struct got *r, const struct gathering *g)
{
	struct belief_evidence *e = &b->evidence;
	e->row = g->best.row == OUTCOME_NO_ROW ? -1 : g->best.row;
	e->answers_n = answered(b, r, &g->best);
	if ((r->flags & TCP_RST) == 0)
		return;
	const int bounce = g->reset_cost[BELIEF_RESET_BOUNCE];
	const int aborts = g->reset_cost[BELIEF_RESET_ABORT];
	const bool both = bounce < UINT8_MAX && aborts < UINT8_MAX;
	const bool alike = both && abs_diff(bounce, aborts) <= RESETS_ALIKE;
	/* To answer what came before its last word it must have come twice. */
	const bool twice = g->best.answers_at < b->received_before_at;
	e->reset = alike && twice ? BELIEF_RESET_EITHER : g->best.reset;
}

/* @return whether the table explains @p r; if so it is taken in */
bool belief_explain(struct belief *b, const struct segment *s, const struct got *r)
{
	struct gathering g = {.anchoring = !b->iss_known && (r->flags & TCP_RST) == 0};
	memset(g.reset_cost, UINT8_MAX, sizeof g.reset_cost);
	g.syn_again = (r->flags & TCP_SYN) && !g.anchoring && seq_eq(r->seq, b->iss) &&
		      ((r->flags & TCP_ACK) == 0 || (b->irs_known && seq_eq(r->ack, b->acked)));
	g.fin_again = (r->flags & TCP_FIN) && b->fin_seen && seq_eq(r->end, b->seen) &&
		      b->irs_known && seq_eq(r->ack, b->acked);
	if (g.anchoring)
		numbers_anchor(b, r);
	gather(b, r, &g);
	if (g.from.count == 0) {
		if (g.anchoring)
			numbers_forget(b);
		return false;
	}
	struct node_set reached = g.from;
	belief_close(b, &reached, b->now, &moves_all);
	const struct node_set before = b->b;
	if (g.from.overflow || reached.overflow)
		lives_lose(b);
	restrict_to(b, &reached, g.anchoring);
	if (b->b.count == 0) {
		b->b = before;
		if (g.anchoring)
			numbers_forget(b);
		return false;
	}
	if (g.anchoring)
		anchor_past(b);
	b->doubtful = false;
	note_evidence(b, r, &g);
	note_challenge(b, r);
	proof_renew(b, &g, r->n);
	if ((r->flags & TCP_RST) == 0)
		numbers_note(b, s, r, g.anchoring);
	else if (!b->iss_known)
		early_note_rst(b, r);
	if (g.anchoring)
		early_recall_rsts(b, s);
	return true;
}

static bool is_whole(const struct got *r)
{
	const uint16_t kind = r->flags;
	return kind == TCP_SYN || (kind & TCP_ACK);
}

/* @return whether it may be of a rival incarnation all the same */
static bool contradict(struct belief *b, const struct segment *s, const struct got *r)
{
	if (b->rival) {
		b->rival_proven = STATE_SET_ALL;
		return true;
	}
	if ((r->flags & TCP_RST) && b->iss_known && lives_note_stray_rst(b, r))
		return true;
	b->evidence.tried = node_set_states(&b->b);
	if (b->gaps && !b->iss_known && (r->flags & (TCP_ACK | TCP_RST)) == TCP_ACK) {
		b->evidence.tried = 0;
		start_from(b, s, r);                     /* its SYN was missed, or ours */
		b->doubtful = (r->flags & TCP_SYN) != 0; /* it answers another SYN */
		b->evidence.missed = true;
		return true;
	}
	if ((r->flags & TCP_RST) == 0 && is_whole(r))
		start_from(b, s, r);
	return false;
}

/* An old duplicate from before what is still remembered. */
static bool is_forgotten(const struct belief *b, const struct got *r)
{
	const seq_t ack = b->joins ? b->acked : b->forgot_ack;
	const seq_t seq = b->joins ? b->seen : b->forgot_seq;
	return (b->forgot || b->joins) && b->irs_known && seq_gt(r->seq, b->iss) &&
	       (r->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK && seq_le(r->ack, ack) &&
	       seq_le(r->end, seq) && (seq_lt(r->ack, b->acked) || seq_lt(r->seq, b->seen));
}

/* It excludes nothing, being old; but a retransmission of now may come from a later state. */
static void take_in_forgotten(struct belief *b, const struct got *r)
{
	struct gathering g = {.anchoring = false};
	if (seq_lt(r->ack, b->acked) && !b->cookies) /* those bring an incarnation back */
		return;
	gather(b, r, &g);
	proof_add_all(b, &g, r->n);
}

static struct got reduce(const struct segment *s, uint32_t n)
{
	return (struct got){
		.seq = s->seq,
		.ack = (s->flags & TCP_ACK) ? s->ack : seq_of(0),
		.end = segment_end(s),
		.text_bytes = s->payload_bytes,
		.flags = s->flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST),
		.window = s->window,
		.n = n,
	};
}

static void begin_reception(struct belief *b)
{
	begin_step(b);
	b->received_before_at = b->received_at;
	b->received_at = b->now;
}

/* One number more, to an end that has closed and heard of it, is sooner a FIN than a byte. */
static void prefer_fin(struct belief *b)
{
	for (uint8_t i = 0; i < b->proofs; i++)
		if (b->proof[i].ctl == CTL_FIN_WAIT_2)
			node_add_cost(&b->proof[i], 1);
}

/* Whether it is explained by a segment of ours that was not seen. */
static bool explain_missed(struct belief *b, const struct segment *s, const struct got *r)
{
	if (!b->gaps || !b->iss_known || (r->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return false;
	const struct belief before = *b;
	const unsigned unseen = own_add_unseen(b, own_next(b, r->ack), r);
	for (unsigned i = 0; i < unseen; i++) {
		const struct own own = b->own[b->owns - unseen + i];
		belief_close_with(b, &b->b, &own, false);
	}
	b->now--;
	note_all(b);
	b->now++;
	b->evidence.missed = unseen > 0 && !b->waiting && belief_explain(b, s, r);
	if (b->evidence.missed) {
		if (before.irs_known && seq_eq(r->ack, seq_add(before.acked, 1)))
			prefer_fin(b);
		return true;
	}
	*b = before;
	return false;
}

/* Of a time, or an incarnation, that is not remembered: it excludes nothing. */
static bool is_from_before(const struct belief *b, const struct got *r)
{
	if (b->lives_forgot)
		return true;
	return b->forgot && !b->midstream &&
	       (r->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
	       seq_lt(r->ack, b->forgot_ack) && seq_gt(r->seq, b->iss);
}

static bool explain(struct belief *b, const struct segment *s, const struct got *r)
{
	const state_set_t other = lives_may_be_other(b, r);
	if ((r->flags & TCP_RST) && b->rival)
		early_note_rst(b, r); /* much may be begun again */
	if (early_explain(b, s, r)) {
		if (lives_settle(b, r)) {
			lives_begin_again(b, s, r);
			early_recall_rsts(b, s);
		}
		lives_take_other(b, other);
		return true;
	}
	if (!b->rival && lives_is_of_old(b, r))
		return true;
	if (lives_explain_anew(b, s, r) || explain_missed(b, s, r))
		return true;
	if (r->flags & TCP_RST)
		early_note_rst(b, r);
	if (b->lost != LOST_NOTHING) {
		lives_lose(b);
		return true;
	}
	return is_from_before(b, r) || contradict(b, s, r);
}

static bool take_in(struct belief *b, const struct segment *s, const struct got *r)
{
	if (is_forgotten(b, r)) {
		take_in_forgotten(b, r);
		return true;
	}
	const uint8_t owns = b->owns;
	if ((r->flags & (TCP_ACK | TCP_SYN)) == TCP_ACK && b->iss_known)
		deliver_part(b, r->ack);
	split_where_it_is(b);
	const uint8_t parts = (uint8_t)(b->owns - owns);
	const bool explained = explain(b, s, r);
	own_drop(b, owns, parts);
	return explained;
}

bool belief_receive(struct belief *b, const struct segment *s, uint32_t n)
{
	const struct got r = reduce(s, n);
	bool explained = true;
	begin_reception(b);
	if (!b->waiting)
		explained = take_in(b, s, &r);
	else if ((r.flags & TCP_RST) == 0 && is_whole(&r))
		start_from(b, s, &r);
	b->guessed = b->evidence.missed;
	end_step(b);
	return explained;
}

void belief_view(const struct belief *b, struct end_view *view)
{
	const bool has_truth = view->has_truth;
	const enum tcp_state truth = view->truth;
	const bool unsent = view->truth_fin_unsent;
	*view = b->view;
	view->has_truth = has_truth;
	view->truth = truth;
	view->truth_fin_unsent = unsent;
}

void belief_evidence(const struct belief *b, struct belief_evidence *e)
{
	*e = b->evidence;
}

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
#define COST_STALE 2

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
		b->waiting = true;
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

/* What is acknowledged in the middle of a stretch of ours shows that so much of it arrived first.
 * (Of another incarnation it shows nothing, and there it makes no difference.)
 * @return whether there is such a part; it is the last of the list */
static bool deliver_part(struct belief *b, seq_t at)
{
	const struct own *part = own_split(b, at);
	if (part == NULL)
		return false;
	const struct own copy = *part;
	belief_close_with(b, &b->b, &copy, true);
	const uint32_t now = b->now;
	b->now = now - 1; /* it was possible before what happens now */
	note_all(b);
	b->now = now;
	return true;
}

static void begin_step(struct belief *b)
{
	b->now++;
	b->evidence = (struct belief_evidence){
		.row = -1, .cookies = b->cookies, .excluded = b->view.possible};
}

static void end_step(struct belief *b)
{
	if (!b->waiting) {
		note_all(b);
		prune(b);
	}
	belief_look(b);
	b->evidence.excluded &= (state_set_t)~b->view.possible;
}

static void send_in_full(struct belief *b, const struct segment *s, uint32_t n)
{
	plain_end(b);
	begin_step(b);
	if (!b->waiting && (s->flags & (TCP_RST | TCP_SYN | TCP_FIN)))
		deliver_part(b, s->seq);
	const bool news = own_add(b, s, n);
	if (!b->waiting && news) {
		const struct own latest = b->own[b->latest_own];
		belief_close_with(b, &b->b, &latest, false);
	}
	end_step(b);
}

void belief_send(struct belief *b, const struct segment *s, uint32_t n)
{
	struct shift shift;
	struct witness w;
	const enum plain kind = plain_send(b, s, &shift);
	if ((b->plain & (1u << kind)) && own_add_plain(b, s, n)) {
		begin_step(b);
		plain_apply(b, &shift);
		return;
	}
	if (kind != PLAIN_NONE)
		plain_witness(b, &w);
	send_in_full(b, s, n);
	plain_judge(b, &w, &shift);
}

/* What explains a received segment. */
struct gathering {
	struct node_set from; /* right after it was sent */
	struct node_set old;  /* and if it was sent before the reception before this one */
	struct node fresh[PROOFS_MAX];
	uint8_t fresh_count;
	bool fresh_overflow;
	bool syn_again;
	bool anchoring; /* its numbers make an incarnation known */
	struct emission best;
	bool has_best;
};

/* Whether its text at @p r may have been sent before, with a smaller acknowledgement. */
static bool may_repeat(const struct belief *b, const struct got *r)
{
	if (b->pair_known && seq_ge(r->seq, b->pair_seq) && seq_eq(r->ack, b->pair_ack))
		return false; /* RCV.NXT was there before the text was sent */
	if (b->forgot)
		return !b->low_known || seq_lt(b->low, r->ack);
	for (uint8_t i = 0; i < b->u.count; i++) {
		const struct node *u = &b->u.node[i];
		if (u->inc != INC_KNOWN || !seq_lt(u->rcv_nxt, r->ack))
			continue;
		const bool sent = r->flags & TCP_FIN
					  ? ctl_is_fin_sent((enum ctl)u->ctl)
					  : (u->flags & (NODE_SYN_ACKED | NODE_FAST_OPEN)) != 0;
		if (sent && ((u->flags & NODE_OPEN) || seq_ge(u->snd_nxt, r->end)))
			return true;
	}
	return false;
}

/* A retransmission comes from a later state than what was sent first. It is the first that
 * counts, unless a retransmission is the first to carry its acknowledgement, because RCV.NXT
 * moved in between. */
static bool may_be_first(const struct belief *b, const struct got *r, const struct emission *e)
{
	if (!e->again)
		return true;
	if (r->flags & TCP_SYN) {
		const struct own *syn = own_syn(b, r->ack);
		return syn == NULL || e->to.ctl == CTL_CLOSING || e->to.ctl == CTL_CLOSING_QUEUED ||
		       !seq_eq(r->ack, (e->to.flags & NODE_FAST_OPEN) ? own_end(syn)
								      : seq_add(syn->seq, 1));
	}
	return may_repeat(b, r);
}

/* The time of the last of our segments that it has certainly had, or, with a SYN that comes again,
 * has not heeded. */
static uint32_t had_until(const struct belief *b, const struct emission *e, bool syn_again)
{
	if (syn_again)
		return b->now - 1;
	if (e->to.ctl == CTL_SYN_SENT)
		return 0;
	if (e->to.inc != INC_KNOWN)
		return e->answers_at != 0 ? e->answers_at : b->now - 1;
	const struct own *opening = own_syn(b, e->to.rcv_nxt);
	uint32_t until = 0;
	uint32_t syn = 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (seq_eq(own_end(o), o->seq) || seq_gt(own_end(o), e->to.rcv_nxt))
			continue;
		if (o->flags & TCP_SYN) /* the first is enough, of the others one cannot know */
			syn = syn == 0 || o->first < syn ? o->first : syn;
		else if (o->first > until && (opening == NULL || seq_gt(o->seq, opening->seq)))
			until = o->first;
	}
	until = until > syn ? until : syn;
	return until;
}

static void add_fresh(const struct belief *b, struct gathering *g, const struct emission *e)
{
	const uint32_t until = had_until(b, e, g->syn_again);
	for (uint8_t i = 0; i < g->fresh_count; i++) {
		if (!node_same(&g->fresh[i], &e->to))
			continue;
		if (e->to.cost < g->fresh[i].cost)
			g->fresh[i].cost = e->to.cost;
		g->fresh[i].first = g->fresh[i].first > until ? g->fresh[i].first : until;
		return;
	}
	if (g->fresh_count >= PROOFS_MAX) {
		g->fresh_overflow = true;
		return;
	}
	struct node *n = &g->fresh[g->fresh_count++];
	*n = e->to;
	n->first = until;
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
		if (current && may_be_first(b, r, e))
			add_fresh(b, g, e);
		if (!g->has_best || e->to.cost < g->best.to.cost) {
			g->best = *e;
			g->has_best = true;
		}
	}
	if (b->proofs == 0 || u->first > before)
		return;
	if (u->last > before)
		count = emissions_of(b, u, before, r, found);
	for (size_t i = 0; i < count; i++)
		node_set_add(&g->old, &found[i].to);
}

static bool can_anchor(const struct node *u)
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
			if (!can_anchor(&u))
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

/* @return whether @p s reaches @p n, which is narrowed to what it reaches */
static bool is_reached(const struct node_set *s, struct node *n)
{
	for (uint8_t i = 0; i < s->count; i++) {
		struct node both;
		if (!node_meet(n, &s->node[i], &both))
			continue;
		*n = both;
		return true;
	}
	return false;
}

/* Numbers only grow: a quick look whether closing @p from can reach any of these at all. */
static bool may_reach_any(const struct node_set *from, const struct node *to, uint8_t count)
{
	for (uint8_t i = 0; i < from->count; i++) {
		const struct node *f = &from->node[i];
		for (uint8_t k = 0; k < count; k++)
			if (f->inc != INC_KNOWN || to[k].inc != INC_KNOWN ||
			    (seq_le(f->rcv_nxt, to[k].rcv_nxt) &&
			     ((to[k].flags & NODE_OPEN) || seq_le(f->snd_nxt, to[k].snd_nxt))))
				return true;
	}
	return false;
}

/* Surprise counts from the least. */
static void level_proofs(struct belief *b)
{
	uint8_t least = UINT8_MAX;
	for (uint8_t i = 0; i < b->proofs; i++)
		if (b->proof[i].cost < least)
			least = b->proof[i].cost;
	for (uint8_t i = 0; i < b->proofs; i++)
		b->proof[i].cost = (uint8_t)(b->proof[i].cost - least);
}

static void add_proofs(struct belief *b, const struct gathering *g, uint32_t n)
{
	const uint8_t kept = b->proofs;
	if (g->fresh_count > 0)
		b->proven_by = n;
	for (uint8_t i = 0; i < g->fresh_count; i++) {
		const struct node *f = &g->fresh[i];
		struct node *have = NULL;
		for (uint8_t k = 0; k < kept && have == NULL; k++)
			if (node_same(&b->proof[k], f))
				have = &b->proof[k];
		if (have != NULL) {
			have->cost = have->cost < f->cost ? have->cost : f->cost;
			have->first = have->first > f->first ? have->first : f->first;
			continue;
		}
		if (b->proofs >= PROOFS_MAX) {
			b->waiting = true;
			return;
		}
		b->proof[b->proofs++] = g->fresh[i];
	}
	if (g->fresh_overflow)
		b->waiting = true;
}

/* What was proven stays a candidate if this segment can have been sent before it. */
static void renew_proofs(struct belief *b, struct gathering *g, uint32_t n)
{
	uint8_t kept = 0;
	if (may_reach_any(&g->old, b->proof, b->proofs))
		belief_close(b, &g->old, b->received_before_at, &moves_all);
	for (uint8_t i = 0; i < b->proofs; i++) {
		struct node t = b->proof[i];
		if (g->anchoring && t.inc == INC_BEFORE) {
			t.inc = INC_AFTER;
			node_normalise(&t);
		}
		if (!is_reached(&g->old, &t))
			continue;
		node_add_cost(&t, COST_STALE);
		b->proof[kept++] = t;
	}
	b->proofs = kept;
	add_proofs(b, g, n);
	/* Only stale copies explain it, and nothing from before remains: any of them. */
	for (uint8_t i = 0; b->proofs == 0 && i < g->from.count && i < PROOFS_MAX; i++)
		b->proof[i] = g->from.node[i];
	if (b->proofs == 0)
		b->proofs = g->from.count < PROOFS_MAX ? g->from.count : PROOFS_MAX;
	level_proofs(b);
}

/* Nodes of the incarnation now known existed as nodes of an unknown one. */
static void anchor_past(struct belief *b)
{
	const uint8_t count = b->u.count;
	for (uint8_t i = 0; i < count && !b->u.overflow; i++) {
		const struct node u = b->u.node[i];
		for (unsigned choice = 0; can_anchor(&u) && choice < anchor_choices(b); choice++) {
			const struct node twin = node_anchored(b, &u, choice);
			const uint8_t at = b->u.count;
			node_set_note(&b->u, &twin, u.last);
			if (b->u.count > at)
				b->u.node[at].first = u.first;
		}
	}
}

static void note_windows(struct belief *b, const struct segment *s, const struct got *r)
{
	if (r->flags & TCP_SYN) {
		b->its_syn_window = r->window;
		b->wscale_agreed = true;
		const bool scaled = s->option.has_wscale && b->own_wscale_offered;
		b->wscale = scaled ? (uint8_t)(s->option.wscale > 14 ? 14 : s->option.wscale) : 0;
		if (!scaled && (r->flags & TCP_ACK))
			b->own_wscale = 0;
	}
	if ((r->flags & TCP_ACK) == 0)
		return;
	const unsigned shift = (r->flags & TCP_SYN) || !b->wscale_agreed ? 0 : b->wscale;
	const seq_t edge = seq_add(r->ack, (uint32_t)r->window << shift);
	b->edge = b->edge_known ? seq_max(b->edge, edge) : edge;
	b->edge_known = true;
	if (b->offer_known && seq_ge(r->end, b->offer))
		b->own_window_closed = true;
}

static void let_go(struct belief *b)
{
	if (b->low_known && seq_diff(b->acked, b->low) > FAR_BACK)
		b->low = seq_sub(b->acked, FAR_BACK / 2);
	if (seq_diff(b->seen, b->iss) <= FAR_BACK)
		return;
	b->iss = seq_sub(b->seen, FAR_BACK / 2);
	b->iss_guess = b->iss;
	b->old_known = false;
	b->earlies = 0;
	b->pair_known = b->pair_known && seq_gt(b->pair_seq, b->iss);
}

/* The numbers that it showed. */
static void note_numbers(struct belief *b, const struct segment *s, const struct got *r, bool first)
{
	const bool acks = (r->flags & TCP_ACK) != 0;
	b->seen = first ? r->end : seq_max(b->seen, r->end);
	if (acks)
		b->acked = first || !b->irs_known ? r->ack : seq_max(b->acked, r->ack);
	b->irs_known = b->irs_known || acks;
	let_go(b);
	if (r->flags & TCP_FIN)
		b->fin_seen = true;
	note_windows(b, s, r);
	if (!acks || (r->flags & TCP_FIN) || r->text_bytes > 0)
		return;
	/* As RCV.NXT came to r->ack, SND.NXT was r->end, unless this is a probe. */
	if (own_acks(b, seq_add(r->end, 1), b->now) && (r->flags & TCP_SYN) == 0)
		return;
	if (!b->pair_known || seq_gt(r->end, b->pair_seq) ||
	    (seq_eq(r->end, b->pair_seq) && seq_gt(r->ack, b->pair_ack))) {
		b->pair_known = true;
		b->pair_seq = r->end;
		b->pair_ack = r->ack;
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
		if (o->last <= b->received_before_at)
			continue;
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

static void note_evidence(struct belief *b, const struct got *r, const struct gathering *g)
{
	struct belief_evidence *e = &b->evidence;
	e->row = g->best.row == OUTCOME_NO_ROW ? -1 : g->best.row;
	e->answers_n = answered(b, r, &g->best);
	if (r->flags & TCP_RST)
		e->reset = g->best.reset;
}

static void forget_numbers(struct belief *b)
{
	b->iss_known = false;
	b->iss_exact = false;
	b->irs_known = false;
	b->fin_seen = false;
	b->forgot = false;
	b->pair_known = false;
	b->low_known = false;
	b->edge_known = false;
	b->offer_known = false;
	b->wscale_agreed = false;
	b->syn_has_text = false;
	b->its_syn_window = 0;
}

/* An ISS is taken from @p r, for a try. Before its SYN is acknowledged, which it cannot be
 * while its ISS was never seen, an end sends a FIN right after its SYN, and ACKs after its SYN or
 * after both: only then is the ISS, or the number before it, left open. */
static void anchor(struct belief *b, const struct got *r)
{
	b->iss_known = true;
	b->iss_exact = (r->flags & (TCP_SYN | TCP_FIN)) != 0;
	b->iss_guess = (r->flags & TCP_SYN)   ? r->seq
		       : (r->flags & TCP_FIN) ? seq_sub(r->seq, 1)
					      : seq_sub(r->seq, 2);
	b->iss = b->iss_guess;
	for (uint8_t i = 0; i < b->owns && !(r->flags & TCP_SYN); i++)
		if ((b->own[i].flags & TCP_SYN) &&
		    (b->own[i].text_bytes > 0 || b->own[i].fast_open)) {
			b->iss_exact = false; /* it may have sent text already */
			b->iss = seq_sub(r->seq, 65536);
		}
	b->syn_has_text = (r->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && r->text_bytes > 0;
	b->offer = seq_add(b->iss_exact ? b->iss : r->seq, 1 + b->own_syn_window);
	b->offer_known = b->own_syn_window > 0;
}

static bool explain(struct belief *b, const struct segment *s, const struct got *r);

static void note_early_rst(struct belief *b, const struct got *r)
{
	if (b->earlies < EARLY_MAX && r->seq.raw != 0)
		b->early[b->earlies++] =
			(struct early_rst){r->seq, r->ack, (r->flags & TCP_ACK) != 0};
}

/* RSTs came before the ISS was known: now it can be told which were of this incarnation, and
 * ended it. */
static void recall_early_rsts(struct belief *b, const struct segment *s)
{
	for (uint8_t i = 0; i < b->earlies; i++) {
		const struct early_rst *e = &b->early[i];
		const struct got rst = {.seq = e->seq,
					.ack = e->ack,
					.end = e->seq,
					.flags = (uint16_t)(TCP_RST | (e->acks ? TCP_ACK : 0)),
					.n = b->proven_by};
		if (!seq_within(rst.seq, seq_add(b->iss_guess, 1), 3))
			continue;
		const struct belief_evidence evidence = b->evidence;
		for (uint8_t k = 0; k < b->b.count; k++)
			node_set_note(&b->u, &b->b.node[k], b->now - 1);
		explain(b, s, &rst);
		b->evidence = evidence;
	}
}

/* @return whether the table explains @p r; if so it is taken in */
static bool explain(struct belief *b, const struct segment *s, const struct got *r)
{
	struct gathering g = {.anchoring = !b->iss_known && (r->flags & TCP_RST) == 0};
	g.syn_again = (r->flags & TCP_SYN) && !g.anchoring && seq_eq(r->seq, b->iss) &&
		      ((r->flags & TCP_ACK) == 0 || (b->irs_known && seq_eq(r->ack, b->acked)));
	if (g.anchoring)
		anchor(b, r);
	gather(b, r, &g);
	if (g.from.count == 0) {
		if (g.anchoring)
			forget_numbers(b);
		return false;
	}
	struct node_set reached = g.from;
	belief_close(b, &reached, b->now, &moves_all);
	const struct node_set before = b->b;
	restrict_to(b, &reached, g.anchoring);
	if (b->b.count == 0) {
		b->b = before;
		if (g.anchoring)
			forget_numbers(b);
		return false;
	}
	if (g.anchoring)
		anchor_past(b);
	b->doubtful = false;
	note_evidence(b, r, &g);
	note_challenge(b, r);
	renew_proofs(b, &g, r->n);
	if ((r->flags & TCP_RST) == 0)
		note_numbers(b, s, r, g.anchoring);
	else if (!b->iss_known)
		note_early_rst(b, r);
	if (g.anchoring)
		recall_early_rsts(b, s);
	return true;
}

void belief_assume_gaps(struct belief *b, bool on)
{
	b->gaps = on;
}

static bool is_not_after(const struct node *n, const void *context)
{
	(void)context;
	return n->inc != INC_AFTER;
}

static void rename_after(struct node_set *s)
{
	node_set_drop(s, is_not_after, NULL);
	struct node_set renamed;
	node_set_clear(&renamed);
	for (uint8_t i = 0; i < s->count; i++) {
		struct node n = s->node[i];
		n.inc = INC_BEFORE;
		const uint8_t at = renamed.count;
		node_set_note(&renamed, &n, n.last);
		if (renamed.count > at)
			renamed.node[at].first = n.first;
	}
	*s = renamed;
}

/* Whether @p r may be an old segment, of an incarnation before the one we know. */
static bool is_of_earlier(struct belief *b, const struct got *r)
{
	const struct belief before = *b;
	bool earlier = false;
	anchor(b, r);
	for (uint8_t i = 0; i < b->u.count && !earlier; i++) {
		struct emission found[EMISSIONS_MAX];
		const struct node u = b->u.node[i];
		for (unsigned choice = 0; u.inc == INC_BEFORE && choice < anchor_choices(b);
		     choice++) {
			const struct node twin = can_anchor(&u) ? node_anchored(b, &u, choice) : u;
			earlier = earlier || emissions_of(b, &twin, u.last, r, found) > 0;
		}
	}
	*b = before;
	return earlier;
}

/* A segment of an incarnation after the one we know: it becomes the known one. If it may as
 * well be an old one's, which came late, both go on and nothing can be excluded. */
static bool explain_anew(struct belief *b, const struct segment *s, const struct got *r)
{
	if (!b->iss_known || (r->flags & TCP_RST))
		return false;
	const bool earlier = is_of_earlier(b, r);
	const struct belief before = *b;
	forget_numbers(b);
	rename_after(&b->b);
	rename_after(&b->u);
	for (uint8_t i = 0; i < b->proofs; i++)
		if (b->proof[i].inc == INC_AFTER)
			b->proof[i].inc = INC_BEFORE;
	const bool later = b->b.count > 0 && explain(b, s, r);
	if (!later) {
		*b = before;
	} else {
		b->old_known = true;
		b->old_iss = before.iss;
		b->old_seen = before.seen;
	}
	if (earlier) {
		b->rival = true;
		b->rival_at = b->now;
		b->rival_proven |= before.view.proven;
	}
	return later || earlier;
}

/* The rival is out as soon as what we know acknowledges something that we sent only since. */
static void settle_rival(struct belief *b, const struct got *r)
{
	bool since = false;
	bool before = false;
	if (!b->rival || (r->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (seq_eq(own_end(o), o->seq) || !seq_eq(own_end(o), r->ack))
			continue;
		since = since || o->first > b->rival_at;
		before = before || o->first <= b->rival_at;
	}
	if (since && !before) {
		b->rival = false;
		b->rival_proven = 0;
	} else {
		b->rival_proven |= b->view.proven;
	}
}

/* ---- what a segment proves by itself ---- */

struct guess {
	ctl_set_t text_wanted, fin_taken; /* states, by whether our FIN was received */
};

/* Right after a first transmission, by the kind of segment. */
static struct guess guess_of(const struct got *r)
{
	if (r->flags & TCP_FIN)
		return (struct guess){CTL_BIT(CTL_FIN_WAIT_1),
				      CTL_BIT(CTL_LAST_ACK) | CTL_BIT(CTL_CLOSING)};
	const ctl_set_t open = CTL_BIT(CTL_ESTABLISHED) | CTL_BIT(CTL_FIN_WAIT_1_QUEUED);
	const ctl_set_t half = CTL_BIT(CTL_CLOSE_WAIT) | CTL_BIT(CTL_CLOSE_WAIT_CLOSE) |
			       CTL_BIT(CTL_CLOSING_QUEUED) | CTL_BIT(CTL_LAST_ACK_QUEUED);
	if (r->text_bytes > 0)
		return (struct guess){open, half};
	return (struct guess){
		open | CTL_BIT(CTL_FIN_WAIT_1) | CTL_BIT(CTL_FIN_WAIT_2) |
			CTL_BIT(CTL_SYN_RECEIVED_PASSIVE) | CTL_BIT(CTL_SYN_RECEIVED_ACTIVE),
		half | CTL_BIT(CTL_CLOSING) | CTL_BIT(CTL_LAST_ACK) | CTL_BIT(CTL_TIME_WAIT)};
}

/* Whether our FIN lies before what it acknowledges: yes, no, or (midstream) maybe. */
static void our_fin(const struct belief *b, seq_t ack, bool *may_be_taken, bool *may_be_not)
{
	bool later = false;
	bool taken = false;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (o->flags & (TCP_RST | TCP_SYN))
			continue;
		if ((o->flags & TCP_FIN) && seq_eq(own_end(o), ack))
			taken = true;
		if (seq_gt(own_end(o), ack) && !seq_eq(own_end(o), o->seq))
			later = true;
	}
	*may_be_taken = taken || (b->midstream && !later);
	*may_be_not = !taken;
}

static void add_guess(struct belief *b, enum ctl c, const struct got *r)
{
	struct node n = {.ctl = (uint8_t)c,
			 .inc = INC_KNOWN,
			 .flags = NODE_TODO | NODE_SYN_ACKED,
			 .rcv_nxt = (r->flags & TCP_ACK) ? r->ack : seq_of(0),
			 .snd_nxt = r->end};
	if (is_syn_received(c) || c == CTL_SYN_SENT)
		n.flags &= (uint8_t)~NODE_SYN_ACKED;
	if (c != CTL_ESTABLISHED && c != CTL_CLOSE_WAIT)
		n.cost = 2;
	if (b->iss_exact) {
		const seq_t least = seq_add(b->iss, ctl_is_fin_sent(c) ? 2 : 1);
		if (seq_lt(n.snd_nxt, least) || (is_syn_received(c) && !seq_eq(n.snd_nxt, least)))
			return;
	}
	for (int text_waits = 0; text_waits <= (ctl_is_fin_queued(c) ? 1 : 0); text_waits++) {
		if (text_waits)
			n.flags |= NODE_TEXT_WAITS;
		node_normalise(&n);
		node_set_add(&b->b, &n);
		if (b->proofs < PROOFS_MAX) {
			b->proof[b->proofs] = n;
			b->proof[b->proofs++].flags &= (uint8_t)~NODE_TODO;
		}
	}
}

/* Go on from what @p r proves by itself. */
static void start_from(struct belief *b, const struct segment *s, const struct got *r)
{
	const bool syn = (r->flags & TCP_SYN) != 0;
	const bool acks = (r->flags & TCP_ACK) != 0;
	const seq_t iss = b->iss;
	const bool same = b->iss_known && b->iss_exact && !syn &&
			  seq_within(r->seq, seq_add(iss, 1), 0x40000000u);
	node_set_clear(&b->b);
	node_set_clear(&b->u);
	b->proofs = 0;
	b->doubtful = b->evidence.tried != 0;
	b->proven_by = r->n;
	b->waiting = false;
	forget_numbers(b);
	b->iss_known = true;
	b->iss_exact = syn || same;
	b->iss = syn ? r->seq : same ? iss : seq_sub(r->seq, 0x40000000u);
	b->iss_guess = b->iss;
	b->syn_has_text = syn && !acks && r->text_bytes > 0;
	ctl_set_t set = 0;
	if (syn) {
		set = acks ? CTL_BIT(CTL_SYN_RECEIVED_PASSIVE) | CTL_BIT(CTL_SYN_RECEIVED_ACTIVE)
			   : CTL_BIT(CTL_SYN_SENT);
	} else {
		bool taken;
		bool not_taken;
		const struct guess g = guess_of(r);
		our_fin(b, r->ack, &taken, &not_taken);
		set = (taken ? g.fin_taken : 0) | (not_taken ? g.text_wanted : 0);
	}
	for (unsigned c = 0; c < CTL_COUNT; c++)
		if (set & CTL_BIT(c))
			add_guess(b, (enum ctl)c, r);
	for (uint8_t i = 0; i < b->proofs; i++) {
		const struct emission e = {.to = b->proof[i]};
		b->proof[i].first = had_until(b, &e, false);
	}
	belief_close(b, &b->b, b->now, &moves_all);
	note_numbers(b, s, r, true);
	b->pair_known = false;
	b->forgot = true;
	b->forgot_ack = b->acked;
	b->forgot_seq = b->seen;
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
	b->evidence.tried = node_set_states(&b->b);
	if (b->gaps && !b->iss_known && (r->flags & (TCP_ACK | TCP_RST)) == TCP_ACK) {
		b->evidence.tried = 0;
		start_from(b, s, r); /* its SYN was missed, or ours */
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
	return (b->forgot || (b->joins && b->irs_known)) &&
	       (r->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK && seq_le(r->ack, ack) &&
	       seq_le(r->end, seq) && (seq_lt(r->ack, b->acked) || seq_lt(r->seq, b->seen));
}

/* It excludes nothing, being old; but a retransmission of now may come from a later state. */
static void take_in_forgotten(struct belief *b, const struct got *r)
{
	struct gathering g = {.anchoring = false};
	if (seq_lt(r->ack, b->acked))
		return;
	gather(b, r, &g);
	add_proofs(b, &g, r->n);
}

/* A late copy from an incarnation before the known one: of numbers that were seen of it, or a RST
 * that came before an ISS was known. */
static bool is_of_old(const struct belief *b, const struct got *r)
{
	if (b->old_known && seq_ge(r->seq, b->old_iss) && seq_le(r->end, seq_add(b->old_seen, 2)))
		return true;
	for (uint8_t i = 0; i < b->earlies && b->iss_known && (r->flags & TCP_RST); i++)
		if (seq_eq(b->early[i].seq, r->seq) && seq_eq(b->early[i].ack, r->ack))
			return true;
	return false;
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

/* Whether it is explained by a segment of ours that was not seen. */
static bool explain_missed(struct belief *b, const struct segment *s, const struct got *r)
{
	if (!b->gaps || (r->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return false;
	const struct belief before = *b;
	const unsigned unseen = own_add_unseen(b, own_next(b), r);
	for (unsigned i = 0; i < unseen; i++) {
		const struct own own = b->own[b->owns - unseen + i];
		belief_close_with(b, &b->b, &own, false);
	}
	b->now--;
	note_all(b);
	b->now++;
	b->evidence.missed = unseen > 0 && !b->waiting && explain(b, s, r);
	if (b->evidence.missed)
		return true;
	*b = before;
	return false;
}

static bool take_in(struct belief *b, const struct segment *s, const struct got *r)
{
	if (is_forgotten(b, r)) {
		take_in_forgotten(b, r);
		return true;
	}
	const bool part = (r->flags & (TCP_ACK | TCP_SYN)) == TCP_ACK && b->iss_known &&
			  deliver_part(b, r->ack);
	bool explained = explain(b, s, r);
	if (explained)
		settle_rival(b, r);
	else
		explained = explain_anew(b, s, r);
	explained = explained || (!b->rival && is_of_old(b, r)) || explain_missed(b, s, r) ||
		    contradict(b, s, r);
	if (part)
		own_remove(b, (uint8_t)(b->owns - 1));
	return explained;
}

static bool receive_in_full(struct belief *b, const struct segment *s, const struct got *r)
{
	bool explained = true;
	plain_end(b);
	begin_reception(b);
	if (!b->waiting)
		explained = take_in(b, s, r);
	else if ((r->flags & TCP_RST) == 0 && is_whole(r))
		start_from(b, s, r);
	end_step(b);
	return explained;
}

bool belief_receive(struct belief *b, const struct segment *s, uint32_t n)
{
	struct shift shift;
	struct witness w;
	const struct got r = reduce(s, n);
	const enum plain kind = plain_receive(b, &r, &shift);
	if (b->plain & (1u << kind)) {
		static const struct emission nothing = {.answers_n = 0};
		begin_reception(b);
		plain_apply(b, &shift);
		note_numbers(b, s, &r, false);
		b->evidence.answers_n = answered(b, &r, &nothing);
		b->proven_by = n;
		b->view.proven_by = n;
		return true;
	}
	if (kind != PLAIN_NONE)
		plain_witness(b, &w);
	const bool explained = receive_in_full(b, s, &r);
	plain_judge(b, &w, &shift);
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

/*
 * What is proven: the nodes right after the end first sent all that was received of it.
 *
 * A segment that is received may be a retransmission, sent from a later state. It is the first
 * transmission of its numbers under its acknowledgement that counts.
 */
#include "belief_internal.h"

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
bool proof_may_be_first(const struct belief *b, const struct got *r, const struct emission *e)
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

/* Where our SYN was sent more often than its SYN,ACK was received, that answers the latest SYN, and
 * was sent before anything after it arrived. Else its timer sent it, because that was not heeded.
 */
static uint32_t answered_syn_again(const struct belief *b, const struct emission *e)
{
	const struct own *syn = own_syn(b, e->to.rcv_nxt);
	const bool more = syn != NULL && (syn->copies == COPIES_MOST || syn->copies > b->syn_acks);
	return more ? syn->last : b->now - 1;
}

/* The time of the last of our segments that it has certainly had, or, with a SYN that comes again,
 * has not heeded. */
uint32_t proof_had_until(const struct belief *b, const struct emission *e, bool syn_again)
{
	if (syn_again)
		return answered_syn_again(b, e);
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

void proof_add_fresh(const struct belief *b, struct gathering *g, const struct emission *e)
{
	const uint32_t until = proof_had_until(b, e, g->syn_again);
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

/* Keep of a proof what @p reached reaches: one node may stand for several that it does. */
static void keep_reached(const struct node_set *reached, const struct node *proof,
			 struct node_set *kept)
{
	for (uint8_t i = 0; i < reached->count; i++) {
		struct node both;
		if (node_meet(proof, &reached->node[i], &both))
			node_set_add(kept, &both);
	}
}

static uint8_t least_cost(const struct node_set *s)
{
	uint8_t least = UINT8_MAX;
	for (uint8_t i = 0; i < s->count; i++)
		least = s->node[i].cost < least ? s->node[i].cost : least;
	return least;
}

/* Numbers only grow: a quick look whether closing @p from can reach any of these at all. */
static bool may_reach_any(const struct node_set *from, const struct node *to, uint8_t count)
{
	for (uint8_t i = 0; i < from->count; i++) {
		const struct node *f = &from->node[i];
		for (uint8_t k = 0; k < count; k++)
			if (f->inc != INC_KNOWN || to[k].inc != INC_KNOWN ||
			    f->ctl == CTL_SYN_SENT ||
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

void proof_add_all(struct belief *b, const struct gathering *g, uint32_t n)
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
			lives_lose(b);
			return;
		}
		b->proof[b->proofs++] = g->fresh[i];
	}
	if (g->fresh_overflow)
		lives_lose(b);
}

/* What was proven stays a candidate if this segment can have been sent before it, which is as
 * surprising as that is. */
static void keep_proofs(struct belief *b, struct gathering *g)
{
	struct node_set kept;
	const unsigned cost = COST_STALE + (unsigned)least_cost(&g->old);
	node_set_clear(&kept);
	if (may_reach_any(&g->old, b->proof, b->proofs))
		belief_close(b, &g->old, b->received_before_at, &moves_all);
	for (uint8_t i = 0; i < b->proofs; i++) {
		struct node t = b->proof[i];
		if (g->anchoring && t.inc == INC_BEFORE) {
			t.inc = INC_AFTER;
			node_normalise(&t);
		}
		node_add_cost(&t, cost);
		keep_reached(&g->old, &t, &kept);
	}
	b->proofs = kept.count < PROOFS_MAX ? kept.count : PROOFS_MAX;
	if (kept.count > PROOFS_MAX || g->old.overflow)
		lives_lose(b);
	memcpy(b->proof, kept.node, b->proofs * sizeof b->proof[0]);
}

void proof_renew(struct belief *b, struct gathering *g, uint32_t n)
{
	keep_proofs(b, g);
	for (uint8_t i = 0; g->fin_again && i < b->proofs; i++)
		b->proof[i].first = b->now - 1;
	proof_add_all(b, g, n);
	/* Only stale copies explain it, and nothing from before remains: any of them. */
	for (uint8_t i = 0; b->proofs == 0 && i < g->from.count && i < PROOFS_MAX; i++) {
		const struct emission e = {.to = g->from.node[i]};
		b->proof[i] = e.to;
		b->proof[i].first = e.to.inc == INC_KNOWN ? proof_had_until(b, &e, false) : 0;
	}
	if (b->proofs == 0)
		b->proofs = g->from.count < PROOFS_MAX ? g->from.count : PROOFS_MAX;
	level_proofs(b);
}

/*
 * Keeping the past small without forgetting: what a node was good for that another one covers.
 */
#include "belief_internal.h"

/* Whether between these times nothing happened that anybody asks for: none of our segments was
 * first sent, and no reception lies between. */
static bool is_same_time(const struct belief *b, uint32_t earlier, uint32_t later)
{
	if (earlier <= b->received_at && later > b->received_at)
		return false;
	for (uint8_t i = 0; i < b->owns; i++)
		if (b->own[i].first > earlier && b->own[i].first <= later)
			return false;
	return true;
}

/* Whether the past node @p n adds nothing to @p by, which may be any node that it may be, at all
 * times when it was possible. */
static bool is_covered(const struct belief *b, const struct node *n, const struct node *by)
{
	if (n->ctl != by->ctl || n->inc != by->inc || (by->flags & NODE_OPEN) == 0 ||
	    ((n->flags ^ by->flags) & NODE_KEY & ~NODE_OPEN) != 0 ||
	    !seq_eq(n->rcv_nxt, by->rcv_nxt) || seq_lt(n->snd_nxt, by->snd_nxt))
		return false;
	if (by->first > b->received_at && n->first <= b->received_at)
		return false;
	return by->last >= n->last || is_same_time(b, by->last, n->last);
}

static struct node *covering(struct belief *b, uint8_t at)
{
	const struct node *n = &b->u.node[at];
	if (n->last == b->now || n->inc != INC_KNOWN)
		return NULL;
	for (uint8_t i = 0; i < b->u.count; i++)
		if (i != at && is_covered(b, n, &b->u.node[i]))
			return &b->u.node[i];
	return NULL;
}

static bool is_marked(const struct node *n, const void *context)
{
	(void)context;
	return (n->flags & NODE_TODO) != 0;
}

void past_reduce(struct belief *b)
{
	bool any = false;
	for (uint8_t i = 0; i < b->u.count; i++)
		b->u.node[i].flags &= (uint8_t)~NODE_TODO;
	for (uint8_t i = 0; i < b->u.count; i++) {
		struct node *n = &b->u.node[i];
		struct node *by = covering(b, i);
		if (by == NULL || (by->flags & NODE_TODO))
			continue;
		by->cost = by->cost < n->cost ? by->cost : n->cost;
		n->flags |= NODE_TODO;
		any = true;
	}
	if (any)
		node_set_drop(&b->u, is_marked, NULL);
}

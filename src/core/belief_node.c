/*
 * Sets of nodes. A node with NODE_OPEN stands for all nodes with the same key and a SND.NXT at
 * or after its own, so it includes them: an application that may have sent unseen text needs
 * one node, not one for each amount.
 */
#include "belief_internal.h"

#include <string.h>

void node_set_clear(struct node_set *s)
{
	memset(s->head, NODES_NONE, sizeof s->head);
	s->count = 0;
	s->overflow = false;
}

static unsigned bucket(const struct node *n)
{
	const uint32_t mix = n->rcv_nxt.raw ^ (uint32_t)n->ctl * 7u ^ (uint32_t)n->inc * 3u;
	return (mix ^ mix >> 5 ^ mix >> 10 ^ mix >> 17) % NODES_HEADS;
}

static bool same_key(const struct node *a, const struct node *b)
{
	const unsigned flags = NODE_KEY & ~NODE_OPEN;
	return a->ctl == b->ctl && a->inc == b->inc && (a->flags & flags) == (b->flags & flags) &&
	       seq_eq(a->rcv_nxt, b->rcv_nxt);
}

bool node_same(const struct node *a, const struct node *b)
{
	return same_key(a, b) && ((a->flags ^ b->flags) & NODE_OPEN) == 0 &&
	       seq_eq(a->snd_nxt, b->snd_nxt);
}

bool node_sends_at(const struct node *n, seq_t seq)
{
	return (n->flags & NODE_OPEN) ? seq_ge(seq, n->snd_nxt) : seq_eq(seq, n->snd_nxt);
}

/* Whether @p a stands for all that @p b does. The keys are equal. */
static bool includes(const struct node *a, const struct node *b)
{
	if (a->flags & NODE_OPEN)
		return seq_ge(b->snd_nxt, a->snd_nxt);
	return (b->flags & NODE_OPEN) == 0 && seq_eq(a->snd_nxt, b->snd_nxt);
}

void node_set_append(struct node_set *s, const struct node *n)
{
	if (s->count >= NODES_MAX) {
		s->overflow = true;
		return;
	}
	const unsigned at = bucket(n);
	s->node[s->count] = *n;
	s->next[s->count] = s->head[at];
	s->head[at] = s->count++;
}

bool node_set_add(struct node_set *s, const struct node *n)
{
	for (uint8_t i = s->head[bucket(n)]; i != NODES_NONE; i = s->next[i]) {
		struct node *have = &s->node[i];
		if (!same_key(have, n))
			continue;
		if (includes(have, n)) {
			if (n->cost >= have->cost || !node_same(have, n))
				return false;
			have->cost = n->cost;
			have->flags |= NODE_TODO;
			return true;
		}
		if (includes(n, have)) {
			const uint8_t cost = have->cost < n->cost ? have->cost : n->cost;
			const uint32_t first = have->first;
			*have = *n;
			have->cost = cost;
			have->first = first;
			have->flags |= NODE_TODO;
			return true;
		}
	}
	node_set_append(s, n);
	return true;
}

const struct node *node_set_find(const struct node_set *s, const struct node *n)
{
	for (uint8_t i = s->head[bucket(n)]; i != NODES_NONE; i = s->next[i])
		if (node_same(&s->node[i], n))
			return &s->node[i];
	return NULL;
}

void node_set_note(struct node_set *s, const struct node *n, uint32_t now)
{
	for (uint8_t i = s->head[bucket(n)]; i != NODES_NONE; i = s->next[i]) {
		struct node *have = &s->node[i];
		if (!node_same(have, n))
			continue;
		have->last = now;
		have->cost = n->cost;
		return;
	}
	struct node copy = *n;
	copy.first = now;
	copy.last = now;
	node_set_append(s, &copy);
}

void node_set_note_times(struct node_set *s, const struct node *n, uint32_t first, uint32_t last)
{
	for (uint8_t i = s->head[bucket(n)]; i != NODES_NONE; i = s->next[i]) {
		struct node *have = &s->node[i];
		if (!node_same(have, n))
			continue;
		have->first = first < have->first ? first : have->first;
		have->last = last > have->last ? last : have->last;
		return;
	}
	struct node copy = *n;
	copy.flags &= (uint8_t)~NODE_TODO;
	copy.first = first;
	copy.last = last;
	node_set_append(s, &copy);
}

void node_set_drop(struct node_set *s, bool (*gone)(const struct node *n, const void *context),
		   const void *context)
{
	const uint8_t count = s->count;
	node_set_clear(s);
	for (uint8_t i = 0; i < count; i++) {
		const struct node n = s->node[i];
		if (!gone(&n, context))
			node_set_append(s, &n);
	}
}

bool node_meet(const struct node *a, const struct node *b, struct node *both)
{
	if (!same_key(a, b))
		return false;
	*both = *a;
	if (a->flags & NODE_OPEN) {
		if ((b->flags & NODE_OPEN) == 0) {
			if (!seq_ge(b->snd_nxt, a->snd_nxt))
				return false;
			both->flags &= (uint8_t)~NODE_OPEN;
			both->snd_nxt = b->snd_nxt;
			return true;
		}
		both->snd_nxt = seq_max(a->snd_nxt, b->snd_nxt);
		return true;
	}
	return node_sends_at(b, a->snd_nxt);
}

state_set_t node_set_states(const struct node_set *s)
{
	state_set_t states = 0;
	for (uint8_t i = 0; i < s->count; i++)
		states |= node_fold(&s->node[i]);
	return states;
}

bool node_has_numbers(enum ctl c)
{
	return c != CTL_CLOSED && c != CTL_LISTEN;
}

void node_add_cost(struct node *n, unsigned cost)
{
	n->cost = (uint8_t)(n->cost + cost > UINT8_MAX ? UINT8_MAX : n->cost + cost);
}

void node_normalise(struct node *n)
{
	const enum ctl c = (enum ctl)n->ctl;
	if (!node_has_numbers(c)) {
		if (n->inc == INC_KNOWN)
			n->inc = INC_AFTER;
		n->flags &= NODE_TODO;
		n->rcv_nxt = seq_of(0);
		n->snd_nxt = seq_of(0);
		return;
	}
	if (c == CTL_SYN_SENT)
		n->rcv_nxt = seq_of(0);
	if (n->inc != INC_KNOWN) {
		n->snd_nxt = seq_of(0);
		n->flags &= (uint8_t)~NODE_OPEN;
	}
	if (!ctl_is_fin_queued(c))
		n->flags &= (uint8_t)~NODE_TEXT_WAITS;
	if (n->flags & NODE_SYN_ACKED)
		n->flags &= (uint8_t)~NODE_FAST_OPEN;
}

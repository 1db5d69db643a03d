/*
 * Incarnations: the end may begin again, and copies from before may come late.
 */
#include "belief_internal.h"

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
		node_set_note_times(&renamed, &n, n.first, n.last);
	}
	*s = renamed;
}

/* Whether @p r may be an old segment, of an incarnation before the one we know. */
static bool is_of_earlier(struct belief *b, const struct got *r)
{
	const struct belief before = *b;
	bool earlier = false;
	numbers_anchor(b, r);
	for (uint8_t i = 0; i < b->u.count && !earlier; i++) {
		struct emission found[EMISSIONS_MAX];
		const struct node u = b->u.node[i];
		for (unsigned choice = 0; u.inc == INC_BEFORE && choice < anchor_choices(b);
		     choice++) {
			const struct node twin =
				node_can_anchor(&u) ? node_anchored(b, &u, choice) : u;
			earlier = earlier || emissions_of(b, &twin, u.last, r, found) > 0;
		}
	}
	*b = before;
	return earlier;
}

/* A segment of an incarnation after the one we know: it becomes the known one. If it may as
 * well be an old one's, which came late, both go on and nothing can be excluded. */
bool lives_explain_anew(struct belief *b, const struct segment *s, const struct got *r)
{
	if (!b->iss_known || (r->flags & TCP_RST))
		return false;
	const bool earlier = is_of_earlier(b, r);
	const struct belief before = *b;
	numbers_forget(b);
	rename_after(&b->b);
	rename_after(&b->u);
	uint8_t kept = 0;
	for (uint8_t i = 0; i < b->proofs; i++)
		if (b->proof[i].inc == INC_AFTER) {
			b->proof[kept] = b->proof[i];
			b->proof[kept++].inc = INC_BEFORE;
		}
	b->proofs = kept;
	const bool later = b->b.count > 0 && belief_explain(b, s, r);
	if (!later) {
		*b = before;
	} else {
		b->old_known = true;
		b->old_iss = before.iss;
		b->old_seen = before.seen;
	}
	if (earlier) {
		const bool again = b->rival;
		b->rival = true;
		b->rival_at = b->now;
		b->rival_proven = again ? STATE_SET_ALL : before.view.proven;
	}
	return later || earlier;
}

/* The rival is out as soon as what we know acknowledges something that we sent only since. */
void lives_settle(struct belief *b, const struct got *r)
{
	bool since = false;
	bool before = false;
	if (!b->rival)
		return;
	const bool acks = (r->flags & (TCP_ACK | TCP_RST)) == TCP_ACK;
	for (uint8_t i = 0; acks && i < b->owns; i++) {
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
		b->rival_proven = STATE_SET_ALL; /* it may be of either */
	}
}

/* A late copy from an incarnation before the known one: of numbers that were seen of it, or a RST
 * that came before an ISS was known. */
bool lives_is_of_old(const struct belief *b, const struct got *r)
{
	if (b->old_known && seq_ge(r->seq, b->old_iss) && seq_le(r->end, seq_add(b->old_seen, 2)))
		return true;
	for (uint8_t i = 0; i < b->earlies && b->iss_known && (r->flags & TCP_RST); i++)
		if (seq_eq(b->early[i].seq, r->seq) && seq_eq(b->early[i].ack, r->ack))
			return true;
	return false;
}

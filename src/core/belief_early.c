/*
 * What overtakes its SYN on the way to us: text and ACKs, from which the ISS is guessed until the
 * SYN tells it, and RSTs, of which it cannot be told yet whose end they were.
 */
#include "belief_internal.h"

void early_note_rst(struct belief *b, const struct got *r)
{
	const bool acks = (r->flags & TCP_ACK) != 0;
	if (r->seq.raw == 0)
		return;
	for (uint8_t i = 0; i < b->earlies; i++)
		if (seq_eq(b->early[i].seq, r->seq) && b->early[i].acks == acks &&
		    seq_eq(b->early[i].ack, r->ack))
			return;
	if (b->earlies == EARLY_MAX) {
		memmove(&b->early[0], &b->early[1], (EARLY_MAX - 1) * sizeof b->early[0]);
		b->earlies--;
	}
	b->early[b->earlies++] = (struct early_rst){r->seq, r->ack, acks};
}

void early_recall_rsts(struct belief *b, const struct segment *s)
{
	const seq_t first = seq_add(b->iss_guess, 1);
	const seq_t shown = seq_add(seq_max(b->iss_guess, b->iss_known ? b->seen : first), 2);
	const seq_t last = b->offer_known ? seq_max(shown, b->offer) : shown;
	for (uint8_t i = 0; i < b->earlies; i++) {
		const struct early_rst *e = &b->early[i];
		const struct got rst = {.seq = e->seq,
					.ack = e->ack,
					.end = e->seq,
					.flags = (uint16_t)(TCP_RST | (e->acks ? TCP_ACK : 0)),
					.n = b->proven_by};
		if (seq_lt(rst.seq, first) || seq_gt(rst.seq, last))
			continue;
		const struct belief_evidence evidence = b->evidence;
		for (uint8_t k = 0; k < b->b.count; k++)
			node_set_note(&b->u, &b->b.node[k], b->now - 1);
		belief_explain(b, s, &rst);
		b->evidence = evidence;
	}
}

static bool is_not_of_iss(const struct node *n, const void *context)
{
	const struct belief *b = context;
	if (n->inc != INC_KNOWN || (n->flags & NODE_OPEN))
		return false;
	const seq_t least = seq_add(b->iss, ctl_is_fin_sent((enum ctl)n->ctl) ? 2 : 1);
	return (n->flags & (NODE_SYN_ACKED | NODE_FAST_OPEN)) ? seq_lt(n->snd_nxt, least)
							      : !seq_eq(n->snd_nxt, least);
}

static void raise_open(const struct belief *b, struct node_set *s)
{
	for (uint8_t i = 0; i < s->count; i++) {
		struct node *n = &s->node[i];
		const seq_t least = seq_add(b->iss, ctl_is_fin_sent((enum ctl)n->ctl) ? 2 : 1);
		if (n->inc == INC_KNOWN && (n->flags & NODE_OPEN))
			n->snd_nxt = seq_max(n->snd_nxt, least);
	}
}

bool early_explain(struct belief *b, const struct segment *s, const struct got *r)
{
	if ((r->flags & TCP_SYN) == 0 || !b->iss_known || b->iss_exact || seq_lt(r->seq, b->iss) ||
	    seq_ge(r->seq, b->seen))
		return belief_explain(b, s, r);
	const struct belief before = *b;
	b->iss = r->seq;
	b->iss_guess = r->seq;
	b->iss_exact = true;
	node_set_drop(&b->b, is_not_of_iss, b);
	node_set_drop(&b->u, is_not_of_iss, b);
	raise_open(b, &b->b);
	raise_open(b, &b->u);
	if (belief_explain(b, s, r))
		return true;
	*b = before;
	return false;
}

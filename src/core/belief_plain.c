/*
 * The plain middle of a transfer: text in order, its ACKs, repetitions. It changes numbers and
 * not what is known, so the sets need not be computed anew: their numbers are moved along.
 *
 * That this is right for one kind of segment is not assumed but seen: a first segment of the
 * kind is followed through in full, and only if what came out is what was there before, moved
 * along, does the kind count as plain (belief.plain). Everything in this engine compares
 * numbers with numbers, so what holds once holds as long as the numbers keep their order; the
 * conditions of plain_send() and plain_receive() keep it. Any step that is not plain, or comes out
 * otherwise, ends it for all kinds.
 *
 * The past (belief.u) is not kept up meanwhile: it is made from the present when it is needed
 * again, and what it would have explained is believed (belief.forgot).
 */
#include "belief_internal.h"

static bool is_calm(const struct belief *b)
{
	if (b->waiting || b->rival || !b->iss_known || !b->irs_known || b->fin_seen ||
	    !b->edge_known || !b->offer_known)
		return false;
	for (uint8_t i = 0; i < b->owns; i++)
		if ((b->own[i].flags & TCP_SYN) == 0 && !own_is_plain(b, &b->own[i]))
			return false;
	return true;
}

/* The windows are as they were when the kind was seen to be plain. */
static bool is_within(const struct belief *b, seq_t end)
{
	return b->plain == 0 || seq_le(end, b->edge) == b->plain_within;
}

enum plain plain_send(const struct belief *b, const struct segment *s, struct shift *shift)
{
	*shift = (struct shift){.kind = PLAIN_NONE};
	const uint16_t flags = s->flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST);
	if (flags != TCP_ACK || s->window == 0 || !is_calm(b) || seq_le(s->ack, b->iss) ||
	    seq_gt(s->ack, b->seen))
		return PLAIN_NONE;
	const seq_t next = own_next(b, b->acked);
	const seq_t end = segment_end(s);
	shift->within = seq_le(seq_max(end, next), b->edge);
	if (!is_within(b, seq_max(end, next)))
		return PLAIN_NONE;
	if (s->payload_bytes == 0) {
		if (seq_eq(s->seq, next))
			shift->kind = PLAIN_SEND_ACK;
	} else if (seq_eq(s->seq, next)) {
		if (!seq_eq(next, b->acked)) {
			shift->kind = PLAIN_SEND_TEXT;
			shift->rcv_from = next;
			shift->rcv_to = end;
		}
	} else if (seq_le(end, next) && own_covers(b, s->seq, end)) {
		shift->kind = PLAIN_SEND_AGAIN;
	}
	return shift->kind;
}

enum plain plain_receive(const struct belief *b, const struct got *r, struct shift *shift)
{
	*shift = (struct shift){.kind = PLAIN_NONE};
	if (r->flags != TCP_ACK || !is_calm(b) || !seq_eq(r->seq, b->seen) ||
	    seq_ge(r->end, b->offer))
		return PLAIN_NONE;
	const seq_t next = own_next(b, b->acked);
	shift->within = seq_le(next, b->edge);
	if (!is_within(b, next))
		return PLAIN_NONE;
	if (r->text_bytes > 0) {
		if (seq_eq(r->ack, b->acked)) {
			shift->kind = PLAIN_GOT_TEXT;
			shift->snd_by = r->text_bytes;
		}
	} else if (seq_eq(r->ack, b->acked)) {
		shift->kind = PLAIN_GOT_DUPLICATE;
	} else if (seq_gt(r->ack, b->acked) && seq_lt(r->ack, next)) {
		shift->kind = PLAIN_GOT_ACK;
		shift->rcv_from = b->acked;
		shift->rcv_to = r->ack;
	}
	return shift->kind;
}

static void move_along(struct node *n, const struct shift *shift)
{
	const bool known = n->inc == INC_KNOWN;
	const bool sends = shift->kind == PLAIN_SEND_TEXT;
	const bool acked = shift->kind == PLAIN_GOT_ACK && known;
	if ((sends || acked) && n->ctl != CTL_SYN_SENT && node_has_numbers((enum ctl)n->ctl) &&
	    seq_eq(n->rcv_nxt, shift->rcv_from))
		n->rcv_nxt = shift->rcv_to;
	if (known && node_has_numbers((enum ctl)n->ctl))
		n->snd_nxt = seq_add(n->snd_nxt, shift->snd_by);
}

void plain_witness(const struct belief *b, struct witness *w)
{
	w->nodes = b->b.count;
	memcpy(w->node, b->b.node, b->b.count * sizeof b->b.node[0]);
	w->proofs = b->proofs;
	memcpy(w->proof, b->proof, b->proofs * sizeof b->proof[0]);
	w->view = b->view;
	w->owns = b->owns;
}

static bool same_view(const struct end_view *a, const struct end_view *b)
{
	return a->certainty == b->certainty && a->state == b->state && a->proven == b->proven &&
	       a->loss == b->loss && a->orderly == b->orderly && a->possible == b->possible &&
	       a->fin_unsent_possible == b->fin_unsent_possible && !a->contradiction &&
	       !b->contradiction;
}

static bool has_proof(const struct belief *b, const struct node *n)
{
	for (uint8_t i = 0; i < b->proofs; i++)
		if (node_same(&b->proof[i], n) && b->proof[i].cost == n->cost)
			return true;
	return false;
}

void plain_judge(struct belief *b, const struct witness *w, const struct shift *shift)
{
	bool same = shift->kind != PLAIN_NONE && !b->waiting && !b->evidence.challenge &&
		    w->nodes == b->b.count && w->proofs == b->proofs && w->owns == b->owns &&
		    same_view(&w->view, &b->view);
	for (uint8_t i = 0; same && i < w->nodes; i++) {
		struct node n = w->node[i];
		move_along(&n, shift);
		const struct node *have = node_set_find(&b->b, &n);
		same = have != NULL && have->cost == n.cost;
	}
	for (uint8_t i = 0; same && i < w->proofs; i++) {
		struct node n = w->proof[i];
		move_along(&n, shift);
		same = has_proof(b, &n);
	}
	if (!same) {
		b->plain = 0;
		return;
	}
	b->plain |= (uint8_t)(1u << shift->kind);
	b->plain_within = shift->within;
	b->plain_row[shift->kind] = b->evidence.row;
}

void plain_apply(struct belief *b, const struct shift *shift)
{
	struct node_set *s = &b->b;
	b->evidence.excluded = 0;
	b->evidence.row = b->plain_row[shift->kind];
	b->view.contradiction = false;
	b->u_late = true;
	if (shift->kind == PLAIN_SEND_TEXT || shift->kind == PLAIN_GOT_ACK) {
		const uint8_t count = s->count;
		node_set_clear(s);
		for (uint8_t i = 0; i < count; i++) {
			struct node n = s->node[i];
			move_along(&n, shift);
			node_set_append(s, &n);
		}
	} else if (shift->snd_by != 0) {
		for (uint8_t i = 0; i < s->count; i++)
			move_along(&s->node[i], shift);
	}
	for (uint8_t i = 0; i < b->proofs; i++)
		move_along(&b->proof[i], shift);
}

static bool is_known(const struct node *n, const void *context)
{
	(void)context;
	return n->inc == INC_KNOWN;
}

void plain_end(struct belief *b)
{
	if (!b->u_late)
		return;
	b->u_late = false;
	b->forgot = true;
	b->forgot_ack = b->acked;
	b->forgot_seq = b->seen;
	node_set_drop(&b->u, is_known, NULL);
	/* Each node, or its like, was possible from the beginning. */
	for (uint8_t i = 0; i < b->b.count; i++)
		node_set_note_times(&b->u, &b->b.node[i], 0, b->now);
}

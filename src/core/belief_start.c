/*
 * What a segment proves by itself: for a capture that begins in the middle, and after a
 * contradiction.
 */
#include "belief_internal.h"

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
		return (struct guess){open, half | CTL_BIT(CTL_CLOSING)};
	return (struct guess){
		open | CTL_BIT(CTL_FIN_WAIT_1) | CTL_BIT(CTL_FIN_WAIT_2) |
			CTL_BIT(CTL_SYN_RECEIVED_PASSIVE) | CTL_BIT(CTL_SYN_RECEIVED_ACTIVE),
		half | CTL_BIT(CTL_CLOSING) | CTL_BIT(CTL_LAST_ACK) | CTL_BIT(CTL_TIME_WAIT)};
}

/* Whether @p o, or part of it, ends at @p ack and brings no FIN. */
static bool ends_without_fin(const struct own *o, seq_t ack)
{
	const seq_t text = seq_add(o->seq, (o->flags & TCP_SYN) ? 1 : 0);
	if (o->held)
		return false;
	return ((o->flags & TCP_SYN) && seq_eq(text, ack)) ||
	       (seq_gt(ack, text) && seq_le(ack, seq_add(text, o->text_bytes)));
}

/* Whether our FIN lies before what it acknowledges: yes, no, or maybe. */
static void our_fin(const struct belief *b, seq_t ack, bool *may_be_taken, bool *may_be_not)
{
	bool later = false;
	bool taken = false;
	bool not_taken = false;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (o->flags & TCP_RST)
			continue;
		not_taken = not_taken || ends_without_fin(o, ack);
		taken = taken || ((o->flags & TCP_FIN) && seq_eq(own_end(o), ack));
		later = later || ((o->flags & TCP_SYN) == 0 && seq_gt(own_end(o), ack) &&
				  !seq_eq(own_end(o), o->seq));
	}
	*may_be_taken = taken || (b->midstream && !later);
	*may_be_not = not_taken || !taken;
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
	if (c == CTL_CLOSING && (r->flags & TCP_FIN) == 0) {
		struct node on = n; /* text again, or a probe: it has sent more, and the FIN */
		on.snd_nxt = seq_add(r->end, 1);
		on.flags |= NODE_OPEN;
		node_set_add(&b->b, &on);
		if (r->text_bytes > 0)
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
void start_from(struct belief *b, const struct segment *s, const struct got *r)
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
	numbers_forget(b);
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
		b->proof[i].first = proof_had_until(b, &e, false);
	}
	belief_close(b, &b->b, b->now, &moves_all);
	numbers_note(b, s, r, true);
	b->pair_known = false;
	b->forgot = true;
	b->forgot_ack = b->acked;
	b->forgot_seq = b->seen;
}

/*
 * What is displayed: each state by its cheapest explanation, from the proof outwards.
 */
#include "belief_internal.h"

state_set_t node_fold(const struct node *n)
{
	/* CLOSE before the SYN was acknowledged: to be told from SYN-RECEIVED by nothing. */
	if (n->ctl == CTL_FIN_WAIT_1_QUEUED && (n->flags & NODE_SYN_ACKED) == 0)
		return state_set(ST_SYN_RECEIVED);
	return state_set(ctl_state_folded((enum ctl)n->ctl));
}

static state_set_t truth_fold(enum tcp_state truth, bool fin_unsent)
{
	const state_set_t idle = state_set(ST_CLOSED) | state_set(ST_LISTEN);
	if (state_set_has(idle, truth))
		return idle;
	if (!fin_unsent)
		return state_set(truth);
	if (truth == ST_FIN_WAIT_1)
		return state_set(ST_ESTABLISHED) | state_set(ST_SYN_RECEIVED);
	if (truth == ST_CLOSING || truth == ST_LAST_ACK)
		return state_set(ST_CLOSE_WAIT);
	return state_set(truth);
}

bool belief_truth_agrees(enum tcp_state shown, enum tcp_state truth, bool truth_fin_unsent)
{
	return state_set_has(truth_fold(truth, truth_fin_unsent), shown);
}

bool belief_truth_among(state_set_t shown, enum tcp_state truth, bool truth_fin_unsent)
{
	return (truth_fold(truth, truth_fin_unsent) & shown) != 0;
}

static state_set_t fold_proofs(const struct belief *b)
{
	state_set_t states = b->rival_proven;
	for (uint8_t i = 0; i < b->proofs; i++)
		states |= node_fold(&b->proof[i]);
	return states;
}

/* Where everything begins while nothing was received: we opened, so it listens. */
static const struct node listener = {.ctl = CTL_LISTEN, .inc = INC_BEFORE};

/* A FIN that waits was an unseen CLOSE: not among what our own losses alone explain. */
static bool is_waiting(const struct node *n)
{
	const enum ctl c = (enum ctl)n->ctl;
	return ctl_is_fin_queued(c) && !is_syn_received(c);
}

static state_set_t reach(struct belief *b, bool waiting_too, const struct moves_wanted *wanted)
{
	struct node_set set;
	node_set_clear(&set);
	for (uint8_t i = 0; i < b->proofs; i++) {
		struct node n = b->proof[i];
		n.flags |= NODE_TODO;
		if (waiting_too || !is_waiting(&n))
			node_set_add(&set, &n);
	}
	if (b->proofs == 0) {
		struct node n = listener;
		n.flags |= NODE_TODO;
		node_set_add(&set, &n);
	}
	belief_close(b, &set, b->now, wanted);
	return set.overflow ? STATE_SET_ALL : node_set_states(&set);
}

static enum tcp_state fold_one(const struct node *n)
{
	return (enum tcp_state)__builtin_ctz(node_fold(n));
}

const struct node *belief_least_surprising(const struct belief *b)
{
	const struct node *best = &b->proof[0];
	for (uint8_t i = 1; i < b->proofs; i++) {
		const struct node *n = &b->proof[i];
		if (n->cost < best->cost || (n->cost == best->cost && n->ctl < best->ctl))
			best = n;
	}
	return best;
}

/* The segment of ours that was sent first after @p since, which becomes the time when it was: a
 * segment that was sent again counts twice, a stretch when it was whole.
 * @return its index, or OWNS_MAX */
static uint8_t next_sent(const struct belief *b, uint32_t *since)
{
	uint8_t next = OWNS_MAX;
	uint32_t at = UINT32_MAX;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		const uint32_t when = o->first > *since && !o->joined ? o->first : o->last;
		if (when <= *since || when > at || (when == at && next < OWNS_MAX))
			continue;
		next = i;
		at = when;
	}
	*since = at;
	return next;
}

/* Every segment of ours since, once, in order, by the book. @param row receives what the latest
 * one does, if that was reached */
static enum tcp_state expect_from(struct belief *b, struct node n, uint32_t since, int *row)
{
	static const struct moves_wanted book = {ORIGINS_OWN | ORIGIN_COOKIE, false, true, true};
	struct move moves[MOVES_MAX];
	for (uint8_t i; (i = next_sent(b, &since)) < OWNS_MAX;) {
		const size_t count = move_deliver(b, &n, &b->own[i], &book, moves);
		if (count == 0)
			continue;
		n = moves[count - 1].to; /* the last: with cookies, theirs */
		if (i == b->latest_own)
			*row = moves[count - 1].row == OUTCOME_NO_ROW ? -1 : moves[count - 1].row;
	}
	return fold_one(&n);
}

static enum tcp_state expect(struct belief *b)
{
	const struct node n = b->proofs > 0 ? *belief_least_surprising(b) : listener;
	int row = b->evidence.row;
	const enum tcp_state state = expect_from(b, n, b->proofs > 0 ? n.first : 0, &row);
	if (b->received_at < b->now)
		b->evidence.row = row;
	return state;
}

/* Whether it comes to the same from everything that is proven; that it is over is the same whether
 * or not somebody listens. */
static bool is_expected_anyway(struct belief *b)
{
	const enum tcp_state shown = b->view.state;
	for (uint8_t i = 0; i < b->proofs; i++) {
		int row;
		const enum tcp_state s = expect_from(b, b->proof[i], b->proof[i].first, &row);
		if (!belief_truth_agrees(shown, s, false))
			return false;
	}
	return true;
}

/* Before anything was received: one SYN is expected to arrive, silence after more is unknown. So
 * is all if we acknowledge what was not seen. */
static bool is_syn_unanswered_once(const struct belief *b)
{
	unsigned syns = 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		if (b->own[i].flags & TCP_ACK)
			return false;
		if (b->own[i].flags & TCP_SYN)
			syns += b->own[i].copies;
	}
	return syns == 1;
}

static void look_unknown(struct belief *b)
{
	struct end_view *v = &b->view;
	v->certainty = CERTAINTY_UNKNOWN;
	v->proven_by = 0;
	v->proven = 0;
	v->loss = STATE_SET_ALL;
	v->orderly = STATE_SET_ALL;
	v->possible = STATE_SET_ALL;
	v->fin_unsent_possible = true;
}

static bool has_waiting(const struct belief *b, enum tcp_state shown)
{
	for (uint8_t i = 0; i < b->b.count; i++)
		if (is_waiting(&b->b.node[i]) && b->b.node[i].ctl != CTL_CLOSE_WAIT_CLOSE &&
		    fold_one(&b->b.node[i]) == shown)
			return true;
	return false;
}

void belief_look(struct belief *b)
{
	struct end_view *v = &b->view;
	v->contradiction = b->evidence.tried != 0;
	/* what was received proves nothing: it is no TCP, or not the one that was begun with */
	if (b->waiting || (b->proofs == 0 && b->received_at != 0 && b->rival_proven == 0)) {
		look_unknown(b);
		return;
	}
	v->proven = fold_proofs(b);
	v->proven_by = b->proofs > 0 ? b->proven_by : 0;
	v->state = expect(b);
	const state_set_t delivered = reach(b, false, &moves_delivery);
	v->loss = state_set(v->state) | v->proven;
	if (delivered & ~v->loss) /* the book's moves are among those of all stacks */
		v->loss |= reach(b, false, &moves_loss);
	v->orderly = reach(b, true, &moves_orderly) | v->loss;
	v->possible = node_set_states(&b->b) | v->orderly;
	if (b->rival)
		v->possible = STATE_SET_ALL;
	v->fin_unsent_possible = has_waiting(b, v->state);
	if (b->proofs == 0)
		v->certainty = b->received_at == 0 && is_syn_unanswered_once(b) ? CERTAINTY_EXPECTED
										: CERTAINTY_UNKNOWN;
	else if (state_set_count(v->proven) == 1 && delivered == v->proven && !b->doubtful)
		v->certainty = CERTAINTY_PROVEN;
	else if ((b->midstream || b->guessed) && state_set_count(v->proven) > 2 &&
		 !is_expected_anyway(b))
		v->certainty = CERTAINTY_UNKNOWN;
	else
		v->certainty = CERTAINTY_EXPECTED;
}

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

/* Whether @p r may have been sent before @p until: not if it acknowledges what we sent only since.
 */
static bool may_be_before(const struct belief *b, const struct got *r, uint32_t until)
{
	bool known = false;
	for (uint8_t i = 0; i < b->owns && (r->flags & TCP_ACK); i++) {
		const struct own *o = &b->own[i];
		if (seq_le(r->ack, o->seq) || seq_gt(r->ack, own_end(o)))
			continue;
		if (o->first <= until)
			return true;
		known = true;
	}
	return !known;
}

static void add_life(struct belief *b, const struct life *life)
{
	if (b->lives == LIVES_MAX) {
		memmove(&b->life[0], &b->life[1], (LIVES_MAX - 1) * sizeof b->life[0]);
		b->lives--;
		b->lives_forgot = true;
	}
	b->life[b->lives++] = *life;
}

/* The known incarnation, as one of the past. It has sent no more than we offered room for. */
static struct life life_of(const struct belief *b, seq_t seen)
{
	const seq_t last = b->offer_known ? seq_max(b->offer, seen) : seen;
	return (struct life){.iss = b->iss, .end = seq_add(last, 2), .until = b->now};
}

/* Whether @p r may be of an incarnation @p inc, not known yet; @p life becomes it, and @p states
 * those that it may have been in. */
static bool is_of(struct belief *b, enum incarnation inc, const struct got *r, struct life *life,
		  state_set_t *states)
{
	const struct belief before = *b;
	*states = 0;
	numbers_anchor(b, r);
	*life = life_of(b, r->end);
	for (uint8_t i = 0; i < b->u.count; i++) {
		struct emission found[EMISSIONS_MAX];
		struct node u = b->u.node[i];
		if (u.inc != inc)
			continue;
		u.inc = INC_BEFORE;
		for (unsigned choice = 0; choice < anchor_choices(b); choice++) {
			const struct node twin =
				node_can_anchor(&u) ? node_anchored(b, &u, choice) : u;
			const size_t count = emissions_of(b, &twin, u.last, r, found);
			for (size_t k = 0; k < count; k++)
				*states |= node_fold(&found[k].to);
		}
	}
	*b = before;
	b->anchored = true;
	return *states != 0;
}

/* Whether we gave it cause to begin again: a RST, or more than one SYN. */
static bool gave_cause(const struct belief *b)
{
	unsigned syns = 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		if (b->own[i].flags & TCP_RST)
			return true;
		if (b->own[i].flags & TCP_SYN)
			syns += b->own[i].copies;
	}
	return syns > 1;
}

static void doubt(struct belief *b, state_set_t proven)
{
	b->rival_proven = b->rival ? STATE_SET_ALL : b->rival_proven | proven;
	b->rival = true;
	b->rival_at = b->now;
}

void lives_lose(struct belief *b)
{
	doubt(b, STATE_SET_ALL);
	b->lost = LOST_NODES;
}

/* Until the next such segment, what @p r does not prove by itself remains open. */
void lives_begin_again(struct belief *b, const struct segment *s, const struct got *r)
{
	start_from(b, s, r);
	b->lost = LOST_BEGUN_AGAIN;
	b->rival_at = b->now;
	for (uint8_t i = 0; i < b->b.count; i++)
		if (b->b.node[i].inc == INC_KNOWN)
			b->rival_proven |= node_fold(&b->b.node[i]);
}

static bool is_in(const struct life *life, const struct got *r)
{
	return seq_ge(r->seq, life->iss) && seq_le(r->end, life->end);
}

/* Whether @p r has the numbers of one that was known already. */
static bool is_known_again(const struct belief *b, const struct got *r)
{
	bool known = false;
	for (uint8_t i = 0; i < b->lives; i++)
		known = known || is_in(&b->life[i], r);
	return known;
}

static bool has_numbers_of_old(const struct belief *b, const struct got *r)
{
	for (uint8_t i = 0; i < b->lives; i++)
		if (is_in(&b->life[i], r) && may_be_before(b, r, b->life[i].until))
			return true;
	return false;
}

/* A segment of an incarnation after the one we know: it becomes the known one. If it may as
 * well be an old one's, which came late, both go on and nothing can be excluded. */
bool lives_explain_anew(struct belief *b, const struct segment *s, const struct got *r)
{
	struct life early;
	state_set_t states;
	if (!b->iss_known || (r->flags & TCP_RST))
		return false;
	const bool again = is_known_again(b, r);
	const bool earlier = is_of(b, INC_BEFORE, r, &early, &states);
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
	if (!later)
		*b = before;
	b->anchored = true;
	if (!later && !earlier)
		return false;
	const struct life known = life_of(&before, before.seen);
	add_life(b, later ? &known : &early);
	if (later && earlier)
		doubt(b, before.view.proven);
	if (later && again)
		lives_lose(b); /* what we sent to it when it was known counts, too */
	return true;
}

/* The doubt is over as soon as what we know acknowledges something that we sent only since. */
bool lives_settle(struct belief *b, const struct got *r)
{
	bool since = false;
	bool before = false;
	const bool lost = b->lost == LOST_NODES;
	if (!b->rival && b->rival_proven == 0)
		return false;
	const bool acks = (r->flags & (TCP_ACK | TCP_RST)) == TCP_ACK;
	for (uint8_t i = 0; acks && i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (seq_eq(own_end(o), o->seq) || !seq_eq(own_end(o), r->ack))
			continue;
		if (lost && (o->flags & TCP_SYN))
			return false; /* too little to begin again from */
		since = since || o->first > b->rival_at;
		before = before || o->first <= b->rival_at;
	}
	if (!since || before) {
		if (b->mixed)
			b->rival_proven = STATE_SET_ALL;
		return false;
	}
	b->rival = false;
	b->mixed = false;
	b->lost = LOST_NOTHING;
	b->rival_proven = 0;
	return lost;
}

/* A late copy from an incarnation before the known one: of its numbers, or a RST that came before
 * an ISS was known. */
bool lives_is_of_old(const struct belief *b, const struct got *r)
{
	if (has_numbers_of_old(b, r))
		return true;
	for (uint8_t i = 0; i < b->earlies && b->iss_known && (r->flags & TCP_RST); i++)
		if (seq_eq(b->early[i].seq, r->seq) && seq_eq(b->early[i].ack, r->ack))
			return true;
	return false;
}

/* Stacks take the ISS of a new incarnation from a clock, so it may lie among the numbers that the
 * one before may have used, though it never showed them. */
state_set_t lives_may_be_other(struct belief *b, const struct got *r)
{
	struct life other;
	state_set_t states;
	if (!b->iss_known || (r->flags & TCP_SYN))
		return 0;
	if (has_numbers_of_old(b, r))
		return b->view.proven != 0 ? b->view.proven : STATE_SET_ALL;
	if (b->rival || (r->flags & TCP_RST) || r->text_bytes > 0 ||
	    seq_le(r->seq, seq_add(b->seen, 2)) || !gave_cause(b))
		return 0;
	return is_of(b, INC_AFTER, r, &other, &states) ? states : 0;
}

void lives_take_other(struct belief *b, state_set_t proven)
{
	if (proven == 0)
		return;
	doubt(b, proven);
	b->mixed = true;
}

/* A RST of an incarnation of which nothing else was seen: if it was before the known one it means
 * nothing, if after, it is what ended that one. It cannot be told from a forged one unless it
 * acknowledges what that incarnation had of us.
 * @return whether it does */
bool lives_note_stray_rst(struct belief *b, const struct got *r)
{
	bool meant = false;
	if (b->rival_proven == 0)
		b->rival_at = b->now;
	b->rival_proven |= state_set(ST_CLOSED);
	for (uint8_t i = 0; i < b->u.count && (r->flags & TCP_ACK); i++) {
		const struct node *u = &b->u.node[i];
		const bool had =
			u->ctl == CTL_SYN_SENT /* lwIP acknowledges 0 then */
				? r->ack.raw == 0
				: node_has_numbers((enum ctl)u->ctl) && seq_eq(u->rcv_nxt, r->ack);
		meant = meant || (u->inc != INC_KNOWN && had);
	}
	return meant;
}

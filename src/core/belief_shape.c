/*
 * Splitting a belief into shape and numbers, and putting it together again. One table for each
 * structure says what every member of it is.
 */
#include "belief_shape.h"

#include "synscope/core/util.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define MEMBER(type, name, kind)                                                                \
	{                                                                                       \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name), (kind), 0 \
	}
#define MEMBER_IF(type, name, kind, flag)                                                     \
	{                                                                                     \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name), (kind), \
			offsetof(struct type, flag) + 1                                       \
	}

/* clang-format off */
static const struct shape_member belief_members[] = {
	MEMBER(belief, owns, SHAPE_BYTES), /* counts first: they say how much follows */
	MEMBER(belief, proofs, SHAPE_BYTES),
	MEMBER(belief, earlies, SHAPE_BYTES),
	MEMBER(belief, lives, SHAPE_BYTES),
	MEMBER(belief, b.count, SHAPE_BYTES),
	MEMBER(belief, u.count, SHAPE_BYTES),
	MEMBER(belief, b.overflow, SHAPE_BYTES),
	MEMBER(belief, u.overflow, SHAPE_BYTES),
	MEMBER(belief, now, SHAPE_TIME),
	MEMBER(belief, received_at, SHAPE_TIME),
	MEMBER(belief, received_before_at, SHAPE_DROPPED), /* set by every reception */
	MEMBER(belief, waiting, SHAPE_BYTES),
	MEMBER(belief, doubtful, SHAPE_BYTES),
	MEMBER(belief, midstream, SHAPE_BYTES),
	MEMBER(belief, guessed, SHAPE_BYTES),
	MEMBER(belief, iss_known, SHAPE_BYTES),
	MEMBER(belief, iss_exact, SHAPE_BYTES),
	MEMBER(belief, irs_known, SHAPE_BYTES),
	MEMBER(belief, ack_range, SHAPE_BYTES),
	MEMBER(belief, origins, SHAPE_BYTES),
	MEMBER(belief, cookies, SHAPE_BYTES),
	MEMBER(belief, gaps, SHAPE_BYTES),
	MEMBER(belief, fin_seen, SHAPE_BYTES),
	MEMBER(belief, forgot, SHAPE_BYTES),
	MEMBER(belief, life, SHAPE_PART),
	MEMBER(belief, lives_forgot, SHAPE_BYTES),
	MEMBER(belief, rival, SHAPE_BYTES),
	MEMBER(belief, mixed, SHAPE_BYTES),
	MEMBER(belief, lost, SHAPE_BYTES),
	MEMBER(belief, rival_proven, SHAPE_BYTES),
	MEMBER(belief, rival_at, SHAPE_TIME), /* if there is a rival, or something proven of one */
	MEMBER(belief, syn_has_text, SHAPE_BYTES),
	MEMBER(belief, syn_acks, SHAPE_BYTES),
	MEMBER(belief, edge_known, SHAPE_BYTES),
	MEMBER(belief, offer_known, SHAPE_BYTES),
	MEMBER(belief, own_window_closed, SHAPE_BYTES),
	MEMBER(belief, own_syn_closed, SHAPE_BYTES),
	MEMBER(belief, shrunk, SHAPE_BYTES),
	MEMBER_IF(belief, shrunk_to, SHAPE_THEIRS, shrunk),
	MEMBER(belief, own_widest, SHAPE_APART_OF),
	MEMBER(belief, own_wscale_offered, SHAPE_BYTES),
	MEMBER(belief, wscale_agreed, SHAPE_BYTES),
	MEMBER(belief, own_wscale, SHAPE_APART_OF),
	MEMBER(belief, wscale, SHAPE_APART_OF),
	MEMBER(belief, own_syn_window, SHAPE_APART_OF),
	MEMBER(belief, its_syn_window, SHAPE_APART_OF),
	MEMBER(belief, early, SHAPE_PART),
	MEMBER_IF(belief, iss, SHAPE_THEIRS, iss_known),
	MEMBER_IF(belief, iss_guess, SHAPE_THEIRS, iss_known),
	MEMBER_IF(belief, seen, SHAPE_THEIRS, iss_known),
	MEMBER(belief, acked, SHAPE_OURS), /* if it is known, or asked for all the same */
	MEMBER_IF(belief, edge, SHAPE_OURS, edge_known),
	MEMBER_IF(belief, offer, SHAPE_THEIRS, offer_known),
	MEMBER_IF(belief, forgot_ack, SHAPE_OURS, forgot),
	MEMBER_IF(belief, forgot_seq, SHAPE_THEIRS, forgot),
	MEMBER(belief, pair_known, SHAPE_BYTES),
	MEMBER_IF(belief, pair_seq, SHAPE_THEIRS, pair_known),
	MEMBER_IF(belief, pair_ack, SHAPE_OURS, pair_known),
	MEMBER(belief, low_known, SHAPE_BYTES),
	MEMBER_IF(belief, low, SHAPE_OURS, low_known),
	MEMBER(belief, own, SHAPE_PART),
	MEMBER(belief, latest_own, SHAPE_BYTES),
	MEMBER(belief, joins, SHAPE_BYTES),
	MEMBER_IF(belief, ack_low, SHAPE_THEIRS, ack_range),
	MEMBER_IF(belief, ack_high, SHAPE_THEIRS, ack_range),
	MEMBER(belief, b.node, SHAPE_PART),
	MEMBER(belief, b.head, SHAPE_DROPPED),
	MEMBER(belief, b.next, SHAPE_DROPPED),
	MEMBER(belief, u.node, SHAPE_PART),
	MEMBER(belief, u.head, SHAPE_DROPPED),
	MEMBER(belief, u.next, SHAPE_DROPPED),
	MEMBER(belief, proof, SHAPE_PART),
	MEMBER(belief, proven_by, SHAPE_SEGMENT),
	MEMBER(belief, anchored, SHAPE_DROPPED),
	MEMBER(belief, view.certainty, SHAPE_BYTES),
	MEMBER(belief, view.state, SHAPE_BYTES),
	MEMBER(belief, view.proven_by, SHAPE_SEGMENT),
	MEMBER(belief, view.proven, SHAPE_BYTES),
	MEMBER(belief, view.loss, SHAPE_BYTES),
	MEMBER(belief, view.orderly, SHAPE_BYTES),
	MEMBER(belief, view.possible, SHAPE_BYTES),
	MEMBER(belief, view.fin_unsent_possible, SHAPE_BYTES),
	MEMBER(belief, view.contradiction, SHAPE_BYTES),
	MEMBER(belief, view.has_truth, SHAPE_DROPPED),
	MEMBER(belief, view.truth, SHAPE_DROPPED),
	MEMBER(belief, view.truth_fin_unsent, SHAPE_DROPPED),
	MEMBER(belief, evidence, SHAPE_DROPPED), /* told of each step at once */
};

static const struct shape_member life_members[] = {
	MEMBER(life, iss, SHAPE_THEIRS),
	MEMBER(life, end, SHAPE_THEIRS),
	MEMBER(life, until, SHAPE_TIME),
};

static const struct shape_member early_members[] = {
	MEMBER(early_rst, acks, SHAPE_BYTES),
	MEMBER(early_rst, seq, SHAPE_THEIRS),
	MEMBER_IF(early_rst, ack, SHAPE_OURS, acks),
};

static const struct shape_member own_members[] = {
	MEMBER(own, flags, SHAPE_BYTES),
	MEMBER(own, seq, SHAPE_OURS),
	MEMBER(own, ack, SHAPE_THEIRS), /* if it has one */
	MEMBER(own, text_bytes, SHAPE_TEXT),
	MEMBER(own, window, SHAPE_TRUTH),
	MEMBER(own, first, SHAPE_TIME),
	MEMBER(own, last, SHAPE_TIME),
	MEMBER(own, n, SHAPE_SEGMENT),
	MEMBER(own, n_first, SHAPE_DROPPED),
	MEMBER(own, has_ts, SHAPE_BYTES),
	MEMBER(own, fast_open, SHAPE_BYTES),
	MEMBER(own, in_order, SHAPE_BYTES),
	MEMBER(own, joined, SHAPE_BYTES),
	MEMBER(own, held, SHAPE_BYTES),
	MEMBER(own, copies, SHAPE_COPIES),
};

static const struct shape_member node_members[] = {
	MEMBER(node, ctl, SHAPE_BYTES),
	MEMBER(node, inc, SHAPE_BYTES),
	MEMBER(node, flags, SHAPE_BYTES),
	MEMBER(node, cost, SHAPE_BYTES),
	MEMBER(node, rcv_nxt, SHAPE_OURS),   /* if it has numbers */
	MEMBER(node, snd_nxt, SHAPE_THEIRS), /* if it is of the known incarnation */
	MEMBER(node, first, SHAPE_TIME),
	MEMBER(node, last, SHAPE_TIME),
};
/* clang-format on */

#define TABLE(type, members)                         \
	{                                            \
#type, members, ARRAY_COUNT(members) \
	}

const struct shape_table shape_tables[] = {
	TABLE(belief, belief_members), TABLE(life, life_members), TABLE(early_rst, early_members),
	TABLE(own, own_members),       TABLE(node, node_members),
};
const size_t shape_tables_count = ARRAY_COUNT(shape_tables);

enum pass { PASS_SPREAD, PASS_COLLECT, PASS_WRITE, PASS_READ };

#define TIMES_MAX (2 * (OWNS_MAX + 2 * NODES_MAX + PROOFS_MAX) + 8)
#define VALUES_MAX (NODES_MAX * 2 + PROOFS_MAX + 3 * OWNS_MAX + 16)

/* One walk over all members. */
struct walk {
	enum pass pass;
	uint8_t *at; /* body */
	uint32_t value[SPACE_COUNT][VALUES_MAX];
	uint16_t values[SPACE_COUNT];
	uint32_t time[TIMES_MAX];
	uint16_t times;
	struct shape_numbers *out;
	const struct shape_numbers *numbers;
	bool full;
};

static uint16_t get16(struct walk *w)
{
	uint16_t v;
	memcpy(&v, w->at, sizeof v);
	w->at += sizeof v;
	return v;
}

static void put16(struct walk *w, uint16_t v)
{
	memcpy(w->at, &v, sizeof v);
	w->at += sizeof v;
}

static const seq_t *cuts_of(const struct shape_numbers *n, enum space space)
{
	return &n->cut[space == SPACE_OURS ? 0 : n->cuts[SPACE_OURS]];
}

/* The latest cut point at or before @p v. It is there. */
static uint16_t symbol_of(const struct shape_numbers *n, enum space space, uint32_t v)
{
	const seq_t *cut = cuts_of(n, space);
	uint16_t i = 0;
	while (v - cut[i].raw > SHAPE_JOINED)
		i++;
	return (uint16_t)((uint32_t)i << 2 | (v - cut[i].raw));
}

static uint32_t value_of(const struct shape_numbers *n, enum space space, uint16_t symbol)
{
	return cuts_of(n, space)[symbol >> 2].raw + (symbol & SHAPE_JOINED);
}

static void walk_number(struct walk *w, enum space space, uint32_t *v)
{
	switch (w->pass) {
	case PASS_SPREAD:
		break;
	case PASS_COLLECT:
		w->value[space][w->values[space]++] = *v;
		break;
	case PASS_WRITE:
		put16(w, symbol_of(w->numbers, space, *v));
		break;
	case PASS_READ:
		*v = value_of(w->numbers, space, get16(w));
		break;
	}
}

static void walk_time(struct walk *w, uint32_t *time)
{
	if (w->pass == PASS_SPREAD) {
		*time *= 2; /* so that there is a time between any two */
	} else if (w->pass == PASS_COLLECT) {
		w->time[w->times++] = *time;
	} else if (w->pass == PASS_READ) {
		*time = get16(w);
	} else {
		uint16_t rank = 0;
		while (w->time[rank] != *time)
			rank++;
		put16(w, rank);
	}
}

static void walk_segment(struct walk *w, uint32_t *n)
{
	if (w->pass == PASS_SPREAD)
		return;
	if (w->pass == PASS_READ) {
		const uint8_t symbol = *w->at++;
		*n = symbol == 0 ? 0 : w->numbers->count[symbol - 1];
		return;
	}
	uint8_t i = 0;
	if (*n != 0) {
		while (i < w->out->counts && w->out->count[i] != *n)
			i++;
		if (i == w->out->counts)
			w->out->count[w->out->counts++] = *n;
		i++;
	}
	if (w->pass == PASS_WRITE)
		*w->at++ = i;
}

static void walk_small(struct walk *w, uint8_t *field, size_t bytes, uint16_t most)
{
	uint16_t v;
	assert(bytes == sizeof v);
	memcpy(&v, field, bytes);
	if (w->pass == PASS_WRITE)
		*w->at++ = (uint8_t)(v < most ? v : most);
	if (w->pass != PASS_READ)
		return;
	v = *w->at++;
	memcpy(field, &v, bytes);
}

/* Text ends at a number of our space. */
static void walk_text(struct walk *w, seq_t begin, uint32_t *bytes)
{
	uint32_t end = begin.raw + *bytes;
	walk_number(w, SPACE_OURS, &end);
	*bytes = end - begin.raw;
}

static void walk_member(struct walk *w, uint8_t *base, const struct shape_member *m)
{
	uint8_t *field = base + m->offset;
	uint32_t *word = (uint32_t *)(void *)field;
	if (m->flag != 0 && !*(bool *)(base + m->flag - 1))
		return;
	switch ((enum shape_kind)m->kind) {
	case SHAPE_BYTES:
		if (w->pass == PASS_WRITE)
			memcpy(w->at, field, m->bytes);
		else if (w->pass == PASS_READ)
			memcpy(field, w->at, m->bytes);
		if (w->pass == PASS_WRITE || w->pass == PASS_READ)
			w->at += m->bytes;
		break;
	case SHAPE_OURS:
		walk_number(w, SPACE_OURS, word);
		break;
	case SHAPE_THEIRS:
		walk_number(w, SPACE_THEIRS, word);
		break;
	case SHAPE_TIME:
		walk_time(w, word);
		break;
	case SHAPE_SEGMENT:
		walk_segment(w, word);
		break;
	case SHAPE_TRUTH:
		walk_small(w, field, m->bytes, 1);
		break;
	case SHAPE_COPIES:
		walk_small(w, field, m->bytes, 2);
		break;
	case SHAPE_TEXT:
	case SHAPE_APART_OF:
	case SHAPE_PART:
	case SHAPE_DROPPED:
		break;
	}
}

static void walk_own(struct walk *w, struct own *o)
{
	for (size_t i = 0; i < ARRAY_COUNT(own_members); i++) {
		const struct shape_member *m = &own_members[i];
		if (m->kind == SHAPE_TEXT)
			walk_text(w, o->seq, &o->text_bytes);
		else if (m->kind == SHAPE_COPIES && (o->flags & TCP_SYN))
			walk_small(w, (uint8_t *)&o->copies, sizeof o->copies, COPIES_MOST);
		else if (m->offset != offsetof(struct own, ack) || (o->flags & TCP_ACK))
			walk_member(w, (uint8_t *)o, m);
	}
}

static void walk_node(struct walk *w, struct node *n)
{
	for (size_t i = 0; i < ARRAY_COUNT(node_members); i++) {
		const struct shape_member *m = &node_members[i];
		const enum ctl c = (enum ctl)n->ctl;
		if (m->offset == offsetof(struct node, rcv_nxt) &&
		    (!node_has_numbers(c) || c == CTL_SYN_SENT))
			continue;
		if (m->offset == offsetof(struct node, snd_nxt) &&
		    (!node_has_numbers(c) || n->inc != INC_KNOWN))
			continue;
		walk_member(w, (uint8_t *)n, m);
	}
}

static void walk_nodes(struct walk *w, struct node *nodes, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++)
		walk_node(w, &nodes[i]);
}

static void walk_all(struct walk *w, struct belief *b)
{
	for (size_t i = 0; i < ARRAY_COUNT(belief_members); i++) {
		const struct shape_member *m = &belief_members[i];
		if (m->offset == offsetof(struct belief, acked) && !b->irs_known && !b->ack_range)
			continue;
		if (m->offset == offsetof(struct belief, forgot_ack) && !b->irs_known)
			continue;
		if (m->offset == offsetof(struct belief, rival_at) && !b->rival &&
		    b->rival_proven == 0)
			continue;
		walk_member(w, (uint8_t *)b, m);
	}
	for (uint8_t i = 0; i < b->lives; i++)
		for (size_t k = 0; k < ARRAY_COUNT(life_members); k++)
			walk_member(w, (uint8_t *)&b->life[i], &life_members[k]);
	for (uint8_t i = 0; i < b->earlies; i++)
		for (size_t k = 0; k < ARRAY_COUNT(early_members); k++)
			walk_member(w, (uint8_t *)&b->early[i], &early_members[k]);
	for (uint8_t i = 0; i < b->owns; i++)
		walk_own(w, &b->own[i]);
	walk_nodes(w, b->proof, b->proofs);
	walk_nodes(w, b->b.node, b->b.count);
	walk_nodes(w, b->u.node, b->u.count);
}

/* Sort @p v, counted from @p from, and keep each once. @return how many */
static uint16_t sort_unique(uint32_t *v, uint16_t count, uint32_t from)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < count; i++) {
		const uint32_t one = v[i];
		uint16_t at = kept;
		while (at > 0 && v[at - 1] - from > one - from)
			at--;
		if (at > 0 && v[at - 1] == one)
			continue;
		memmove(&v[at + 1], &v[at], (size_t)(kept - at) * sizeof *v);
		v[at] = one;
		kept++;
	}
	return kept;
}

/* All within less than half of the space of each other: the least of them is where to count
 * from. */
static bool find_least(const uint32_t *v, uint16_t count, uint32_t *least)
{
	uint32_t low = v[0];
	uint32_t high = v[0];
	for (uint16_t i = 1; i < count; i++) {
		low = (int32_t)(v[i] - low) < 0 ? v[i] : low;
		high = (int32_t)(v[i] - high) > 0 ? v[i] : high;
	}
	*least = low;
	for (uint16_t i = 0; i < count; i++)
		if (v[i] - low > high - low)
			return false;
	return high - low < 0x5ff00000u;
}

static bool cut_space(struct walk *w, enum space space, struct shape_numbers *n)
{
	uint32_t *v = w->value[space];
	uint32_t least = 0;
	uint16_t cuts = 0;
	seq_t *cut = &n->cut[space == SPACE_OURS ? 0 : n->cuts[SPACE_OURS]];
	const uint16_t room = (uint16_t)(&n->cut[SHAPE_CUTS_MAX] - cut);
	if (w->values[space] > 0 && !find_least(v, w->values[space], &least)) {
		n->wild[space] = true;
		least = 0;
	}
	const uint16_t count = sort_unique(v, w->values[space], least);
	for (uint16_t i = 0; i < count; i++) {
		if (cuts > 0 && v[i] - cut[cuts - 1].raw <= SHAPE_JOINED)
			continue;
		if (cuts == room)
			return false;
		cut[cuts++] = seq_of(v[i]);
	}
	n->cuts[space] = cuts;
	return true;
}

/* Of the latest time of a past node it is asked which of our segments were there by then, and
 * whether it was after the last reception: the earliest time that gives the same answers. */
static uint32_t reduce_last(const struct belief *b, uint32_t last)
{
	uint32_t time = last > b->received_at ? b->received_at + 1 : 0;
	if (last == b->now)
		return last;
	for (uint8_t i = 0; i < b->owns; i++)
		if (b->own[i].first <= last && b->own[i].first > time)
			time = b->own[i].first;
	return time;
}

/* Of the time of a proof, which of our segments were first or last sent by then. */
static uint32_t reduce_proof(const struct belief *b, uint32_t first)
{
	uint32_t time = 0;
	for (uint8_t i = 0; i < b->owns; i++) {
		const struct own *o = &b->own[i];
		if (o->first <= first && o->first > time)
			time = o->first;
		if (o->last <= first && o->last > time)
			time = o->last;
	}
	return time;
}

/* Of other times, which of our segments were first sent by then. */
static uint32_t reduce_since(const struct belief *b, uint32_t since)
{
	uint32_t time = 0;
	for (uint8_t i = 0; i < b->owns; i++)
		if (b->own[i].first <= since && b->own[i].first > time)
			time = b->own[i].first;
	return time;
}

/* Times that differ without making a difference become the same. Of the first time of a node it is
 * asked whether it was after the last reception; of a node in `b`, nothing. */
static void reduce_times(struct belief *b)
{
	for (uint8_t i = 0; i < b->b.count; i++)
		b->b.node[i].first = b->b.node[i].last = 0;
	for (uint8_t i = 0; i < b->proofs; i++) {
		b->proof[i].first = reduce_proof(b, b->proof[i].first);
		b->proof[i].last = 0;
	}
	for (uint8_t i = 0; i < b->lives; i++)
		b->life[i].until = reduce_since(b, b->life[i].until);
	b->rival_at = reduce_since(b, b->rival_at);
	for (uint8_t i = 0; i < b->u.count; i++) {
		struct node *n = &b->u.node[i];
		n->first = n->first <= b->received_at ? 0 : b->now;
		n->last = reduce_last(b, n->last);
	}
}

bool shape_split(const struct belief *b, struct shape *shape, struct shape_numbers *numbers)
{
	struct belief copy = *b;
	struct walk w;
	w = (struct walk){.pass = PASS_SPREAD, .out = numbers};
	walk_all(&w, &copy);
	reduce_times(&copy);
	w.pass = PASS_COLLECT;
	numbers->counts = 0;
	memset(numbers->wild, 0, sizeof numbers->wild);
	w.time[w.times++] = 0;
	walk_all(&w, &copy);
	if (!cut_space(&w, SPACE_OURS, numbers) || !cut_space(&w, SPACE_THEIRS, numbers))
		return false;
	w.times = sort_unique(w.time, w.times, 0);
	numbers->own_wscale = b->own_wscale;
	numbers->wscale = b->wscale;
	numbers->own_syn_window = (uint16_t)b->own_syn_window;
	numbers->its_syn_window = (uint16_t)b->its_syn_window;
	numbers->own_widest = b->own_widest;
	w.pass = PASS_WRITE;
	w.numbers = numbers;
	w.at = shape->body;
	walk_all(&w, &copy);
	shape->bytes = (uint16_t)(w.at - shape->body);
	assert(shape->bytes <= SHAPE_BYTES_MAX);
	return true;
}

static void rebuild(struct node_set *s)
{
	const uint8_t count = s->count;
	const bool overflow = s->overflow;
	node_set_clear(s);
	for (uint8_t i = 0; i < count; i++) {
		const struct node n = s->node[i];
		node_set_append(s, &n);
	}
	s->overflow = overflow;
}

void shape_join(const uint8_t *body, const struct shape_numbers *numbers, struct belief *b)
{
	struct walk w = {.pass = PASS_READ, .numbers = numbers};
	uint8_t *copy = (uint8_t *)(uintptr_t)body; /* only read in this pass */
	w.at = copy;
	memset(b, 0, sizeof *b);
	walk_all(&w, b);
	b->own_wscale = numbers->own_wscale;
	b->wscale = numbers->wscale;
	b->own_syn_window = numbers->own_syn_window;
	b->its_syn_window = numbers->its_syn_window;
	b->own_widest = numbers->own_widest;
	rebuild(&b->b);
	rebuild(&b->u);
	b->evidence.row = -1;
}

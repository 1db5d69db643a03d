/*
 * Every history up to a depth, and what the end can be after each: by enumeration of all
 * executions of a concrete end, and by belief. See docs/inference.md section 7.
 *
 * A configuration is an end together with which of the received segments it has emitted so
 * far. Between two events the set of configurations is closed under everything that can
 * happen; a reception keeps those that have emitted the segment, whenever that was. So loss,
 * duplication, delay and disorder need no code of their own.
 */
#include "oracle.h"
#include "oracle_end.h"

#include "synscope/core/belief.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 16
#define ISN 1000u
#define INVENTED 0x40000000u /* acknowledgement of nothing that was ever sent */
#define CANDIDATES_MAX 512
#define SEEN_MAX 2

struct event_seen {
	bool received;
	struct seg seg;
};

struct history {
	struct event_seen event[EVENTS_MAX];
	int count;
	uint8_t seen; /* incarnations that were seen */
	uint32_t iss[SEEN_MAX];
	bool exact[SEEN_MAX]; /* by a SYN; else it may also be one less or more */
};

/* What was received, in pieces: each number with its acknowledgement, and what has none. */
#define PIECES_MAX 24

struct piece {
	struct seg seg; /* of one number, or none */
};

struct configuration {
	struct end end;
	uint16_t emitted; /* received segments, by event */
	uint8_t proof;    /* state when all pieces had first been sent; ST_COUNT: not yet */
	uint32_t pieces;  /* that have been sent */
};

struct configurations {
	struct configuration *list;
	int32_t *slot;
	uint32_t count, slots;
};

struct candidates {
	struct seg seg[CANDIDATES_MAX];
	int count;
};

struct search {
	const struct oracle_config *config;
	struct oracle_result *result;
	struct configurations set;
	state_set_t proven;
	uint64_t random;
};

static uint64_t next_random(struct search *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static bool seg_same(const struct seg *a, const struct seg *b)
{
	return a->seq == b->seq && a->ack == b->ack && a->flags == b->flags && a->len == b->len;
}

/* ---- sets of configurations ---- */

static void set_clear(struct configurations *set)
{
	if (set->slots == 0) {
		set->slots = 1u << 17;
		set->slot = malloc(set->slots * sizeof *set->slot);
		set->list = malloc(set->slots / 2 * sizeof *set->list);
		if (set->slot == NULL || set->list == NULL)
			abort();
		memset(set->slot, 0xff, set->slots * sizeof *set->slot);
	} else {
		memset(set->slot, 0xff, set->slots * sizeof *set->slot);
	}
	set->count = 0;
}

static uint32_t hash(const struct configuration *c)
{
	const uint8_t *at = (const uint8_t *)c;
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < sizeof *c; i++)
		h = (h ^ at[i]) * 16777619u;
	return h ^ h >> 15;
}

static void set_add(struct configurations *set, const struct configuration *add)
{
	const struct end *end = &add->end;
	struct configuration c;
	memset(&c, 0, sizeof c);
	c.end.state = end->state;
	c.end.iss = end->iss;
	c.end.used = end->used;
	c.end.una = end->una;
	c.end.nxt = end->nxt;
	c.end.queued = end->queued;
	c.end.text = end->text;
	c.end.passive = end->passive;
	c.end.close_waits = end->close_waits;
	c.end.fin = end->fin;
	c.end.fin_joined = end->fin_joined;
	c.end.fast_open = end->fast_open;
	c.end.rcv = end->rcv;
	c.end.irs = end->irs;
	c.emitted = add->emitted;
	c.proof = add->proof;
	c.pieces = add->pieces;
	uint32_t at = hash(&c) & (set->slots - 1);
	while (set->slot[at] >= 0) {
		if (memcmp(&set->list[set->slot[at]], &c, sizeof c) == 0)
			return;
		at = (at + 1) & (set->slots - 1);
	}
	if (set->count >= set->slots / 2)
		abort();
	set->slot[at] = (int32_t)set->count;
	set->list[set->count++] = c;
}

/* ---- executions ---- */

struct run {
	struct search *search;
	const struct history *h;
	struct world world;
	int sent; /* events of the history that have happened */
	struct piece piece[PIECES_MAX];
	int pieces;
	struct candidates *may; /* collect what can be emitted, or NULL */
};

/* Of numbers that only an end with all of its text sent can show, the oracle would conclude
 * more than anyone who does not know that limit. */
static bool is_beyond_limit(const struct run *r, const struct seg *s)
{
	for (uint8_t i = ISS_SEEN; i < r->world.iss_count; i++)
		if (s->seq - r->world.iss_value[i] < 16 &&
		    seg_end(s) - r->world.iss_value[i] > 1u + r->world.text_limit)
			return true;
	return false;
}

static void collect(struct candidates *may, const struct seg *s)
{
	for (int i = 0; i < may->count; i++)
		if (seg_same(&may->seg[i], s))
			return;
	if (may->count < CANDIDATES_MAX)
		may->seg[may->count++] = *s;
}

static void add_piece(struct run *r, const struct seg *s)
{
	for (int i = 0; i < r->pieces; i++)
		if (seg_same(&r->piece[i].seg, s))
			return;
	if (r->pieces >= PIECES_MAX)
		abort();
	r->piece[r->pieces++].seg = *s;
}

/* Text that went with a FIN is another piece than the same text without. */
static void cut(struct run *r, const struct seg *s)
{
	if (s->len == 0) {
		add_piece(r, s);
		return;
	}
	for (uint8_t i = 0; i < s->len; i++)
		add_piece(r, &(struct seg){s->seq + i, s->ack, s->flags, 1});
	if (s->flags & FIN)
		add_piece(r, &(struct seg){s->seq + s->len, s->ack, s->flags, 0});
}

static bool has_piece(const struct seg *sent, const struct seg *piece)
{
	if (sent->flags != piece->flags || sent->ack != piece->ack)
		return false;
	if (piece->len == 0)
		return (piece->flags & FIN) ? seg_end(sent) == seg_end(piece)
					    : sent->seq == piece->seq && sent->len == 0;
	return piece->seq - sent->seq < sent->len;
}

static void take(struct run *r, const struct configuration *from, const struct end_outcomes *out)
{
	for (int i = 0; i < out->count; i++) {
		const struct end_outcome *o = &out->list[i];
		struct configuration c = *from;
		c.end = o->to;
		for (int k = 0; k < o->sent_count; k++) {
			const struct seg *sent = &o->sent[k];
			if (r->may != NULL && !is_beyond_limit(r, sent))
				collect(r->may, sent);
			for (int e = 0; e < r->h->count; e++)
				if (r->h->event[e].received &&
				    seg_carries(sent, &r->h->event[e].seg))
					c.emitted |= (uint16_t)(1u << e);
			for (int p = 0; p < r->pieces; p++)
				if (has_piece(sent, &r->piece[p].seg))
					c.pieces |= 1u << p;
		}
		if (r->pieces > 0 && c.proof == ST_COUNT && c.pieces == (1u << r->pieces) - 1)
			c.proof = (uint8_t)end_shown(&o->to);
		set_add(&r->search->set, &c);
	}
}

static void close_set(struct run *r)
{
	static struct end_outcomes out;
	struct configurations *set = &r->search->set;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct configuration c = set->list[i];
		for (int e = 0; e < r->sent; e++) {
			if (r->h->event[e].received)
				continue;
			out.count = 0;
			end_arrive(&r->world, &c.end, &r->h->event[e].seg, &out);
			take(r, &c, &out);
		}
		out.count = 0;
		end_act(&r->world, &c.end, &out);
		take(r, &c, &out);
	}
}

static void keep_emitted(struct configurations *set, uint32_t bit)
{
	struct configurations old = *set;
	struct configuration *copy = malloc((old.count + 1) * sizeof *copy);
	if (copy == NULL)
		abort();
	memcpy(copy, old.list, old.count * sizeof *copy);
	const uint32_t count = old.count;
	set_clear(set);
	for (uint32_t i = 0; i < count; i++)
		if (copy[i].emitted & bit)
			set_add(set, &copy[i]);
	free(copy);
}

static void world_add(struct world *w, uint32_t value, uint8_t group)
{
	w->iss_value[w->iss_count] = value;
	w->iss_group[w->iss_count++] = group;
}

/* Further apart than the widest window, so that one incarnation's numbers are not another's. */
static uint32_t iss_low(uint32_t n)
{
	return 0x11000000u + n * 0x40000000u;
}

static uint32_t iss_high(uint32_t n)
{
	return 0x91000000u + n * 0x40000000u;
}

static struct world world_of(const struct search *s, const struct history *h)
{
	struct world w = {.stacks = s->config->stacks,
			  .text_limit = (uint8_t)s->config->text_limit,
			  .iss_count = ISS_SEEN};
	w.iss_value[ISS_UNSEEN_LOW] = 0x10000000u;
	w.iss_value[ISS_UNSEEN_HIGH] = 0x90000000u;
	for (uint8_t i = 0; i < h->seen; i++) {
		world_add(&w, h->iss[i], i);
		if (h->exact[i])
			continue;
		world_add(&w, h->iss[i] - 1, i);
		world_add(&w, h->iss[i] + 1, i);
	}
	return w;
}

/* Two more ISSs, should the next segment show a new one. */
static void world_extend(struct world *w, uint8_t group)
{
	world_add(w, iss_low(group), group);
	world_add(w, iss_high(group), group);
}

/* All configurations after the history. @return the states, as shown */
static state_set_t execute(struct search *s, const struct history *h, struct candidates *may)
{
	struct run r = {.search = s, .h = h, .world = world_of(s, h), .may = may};
	if (may != NULL)
		world_extend(&r.world, h->seen);
	for (int e = 0; e < h->count; e++)
		if (h->event[e].received)
			cut(&r, &h->event[e].seg);
	set_clear(&s->set);
	const struct configuration closed = {.end.state = ST_CLOSED, .proof = ST_COUNT};
	const struct configuration listening = {.end.state = ST_LISTEN, .proof = ST_COUNT};
	set_add(&s->set, &closed);
	set_add(&s->set, &listening);
	close_set(&r);
	for (int e = 0; e < h->count; e++) {
		r.sent = e + 1;
		if (h->event[e].received)
			keep_emitted(&s->set, 1u << e);
		else
			close_set(&r);
	}
	state_set_t states = 0;
	s->proven = 0;
	for (uint32_t i = 0; i < s->set.count; i++) {
		const struct configuration *c = &s->set.list[i];
		states |= state_set(end_shown(&c->end));
		if (c->proof != ST_COUNT)
			s->proven |= state_set((enum tcp_state)c->proof);
	}
	return states;
}

/* ---- histories ---- */

static void add_own(const struct history *h, struct candidates *c, struct seg s)
{
	for (int e = 0; e < h->count; e++)
		if (!h->event[e].received && seg_same(&h->event[e].seg, &s))
			return;
	collect(c, &s);
}

/* What we may send next. */
static void own_segments(const struct search *s, const struct history *h, struct candidates *c)
{
	uint32_t nxt = ISN;
	uint32_t ack = 0;
	bool seen = false;
	bool opened = false;
	for (int e = 0; e < h->count; e++) {
		const struct seg *x = &h->event[e].seg;
		if (h->event[e].received && (x->flags & RST) == 0) {
			ack = seg_end(x);
			seen = true;
		}
		if (!h->event[e].received) {
			opened = opened || (x->flags & SYN);
			if ((int32_t)(seg_end(x) - nxt) > 0 && seg_end(x) - nxt < 16)
				nxt = seg_end(x);
		}
	}
	if (!opened)
		add_own(h, c, (struct seg){ISN, 0, SYN, 0});
	if (seen) {
		if (!opened)
			add_own(h, c, (struct seg){ISN, ack, SYN | ACK, 0});
		add_own(h, c, (struct seg){nxt, ack, ACK, 0});
		add_own(h, c, (struct seg){nxt, ack, ACK, 1});
		add_own(h, c, (struct seg){nxt, ack, FIN | ACK, 0});
	}
	if (opened)
		add_own(h, c, (struct seg){nxt, 0, RST, 0});
	if (!s->config->hostile)
		return;
	add_own(h, c, (struct seg){ISN + 3, 0, SYN, 0});
	add_own(h, c, (struct seg){nxt, INVENTED, ACK, 0});
	add_own(h, c, (struct seg){nxt, INVENTED, FIN | ACK, 1});
	add_own(h, c, (struct seg){nxt, 0, FIN, 0});
	add_own(h, c, (struct seg){nxt + 3, 0, RST, 0});
	add_own(h, c, (struct seg){nxt + 0x50000000u, 0, RST, 0});
	if (s->config->stacks)
		add_own(h, c, (struct seg){ISN, 0, SYN, 1});
	if (!seen)
		return;
	add_own(h, c, (struct seg){ISN, ack, SYN | ACK, 0});
	add_own(h, c, (struct seg){nxt, ack + 1, ACK, 0});
	add_own(h, c, (struct seg){nxt, ack - 1, FIN | ACK, 0});
	add_own(h, c, (struct seg){nxt + 1, ack, FIN | ACK, 1});
	add_own(h, c, (struct seg){nxt + 0x50000000u, ack, ACK, 0});
	add_own(h, c, (struct seg){nxt - 1, ack, ACK, 0});
	add_own(h, c, (struct seg){nxt, ack, RST | ACK, 0});
}

static void push(struct history *h, const struct seg *s, bool received)
{
	h->event[h->count].received = received;
	h->event[h->count++].seg = *s;
	if (!received)
		return;
	for (uint8_t i = 0; i < h->seen; i++)
		if (s->seq - h->iss[i] + 1 < 16) {
			if (s->flags & SYN) {
				h->iss[i] = s->seq;
				h->exact[i] = true;
			}
			return;
		}
	if (h->seen >= SEEN_MAX)
		return;
	const uint32_t low = iss_low(h->seen);
	const uint32_t high = iss_high(h->seen);
	if (s->seq - low >= 16 && s->seq - high >= 16)
		return;
	h->exact[h->seen] = (s->flags & SYN) != 0;
	h->iss[h->seen++] = s->seq - low < 16 ? low : high;
}

static struct segment segment_of(const struct seg *s)
{
	struct segment segment;
	memset(&segment, 0, sizeof segment);
	segment.seq = seq_of(s->seq);
	segment.ack = seq_of(s->ack);
	segment.payload_bytes = s->len;
	segment.window = 65535;
	segment.flags =
		(uint16_t)(((s->flags & SYN) ? TCP_SYN : 0) | ((s->flags & ACK) ? TCP_ACK : 0) |
			   ((s->flags & FIN) ? TCP_FIN : 0) | ((s->flags & RST) ? TCP_RST : 0));
	return segment;
}

static void seg_print(const struct event_seen *e)
{
	const struct seg *s = &e->seg;
	printf(" %s%s%s%s%s seq=%x", e->received ? "<" : ">", (s->flags & SYN) ? "S" : "",
	       (s->flags & FIN) ? "F" : "", (s->flags & RST) ? "R" : "",
	       (s->flags & ACK) ? "A" : "", s->seq);
	if (s->flags & ACK)
		printf(" ack=%x", s->ack);
	if (s->len > 0)
		printf(" len=%u", s->len);
	printf(";");
}

static void difference(const struct search *s, const struct history *h, const char *what,
		       state_set_t oracle, state_set_t belief)
{
	char a[STATE_SET_TEXT_MAX];
	char b[STATE_SET_TEXT_MAX];
	if (!s->config->verbose)
		return;
	printf("# %s: oracle {%s} belief {%s}:", what, state_set_format(oracle, ",", a, sizeof a),
	       state_set_format(belief, ",", b, sizeof b));
	for (int e = 0; e < h->count; e++)
		seg_print(&h->event[e]);
	printf("\n");
}

static void compare(struct search *s, const struct history *h, const struct belief *b,
		    state_set_t possible)
{
	struct oracle_result *r = s->result;
	struct end_view v;
	memset(&v, 0, sizeof v);
	belief_view(b, &v);
	r->histories++;
	r->states_oracle += (uint64_t)state_set_count(possible);
	r->states_belief += (uint64_t)state_set_count(v.possible);
	if (possible & ~v.possible) {
		r->unsound++;
		difference(s, h, "UNSOUND", possible, v.possible);
	} else if (h->seen > 1 && (v.possible != possible || v.proven != s->proven)) {
		r->loose_reborn++;
	} else if (v.possible != possible) {
		r->loose++;
		difference(s, h, "loose", possible, v.possible);
	}
	if (v.certainty != CERTAINTY_UNKNOWN && !state_set_has(possible, v.state)) {
		r->expected_wrong++;
		difference(s, h, "expected", possible, state_set(v.state));
	}
	if ((v.loss & ~v.orderly) || (v.orderly & ~v.possible) || (v.proven & ~v.loss)) {
		r->not_nested++;
		difference(s, h, "not nested", v.loss, v.orderly);
	}
	if (v.contradiction)
		return;
	if (s->proven & ~v.proven) {
		r->proven_unsound++;
		difference(s, h, "PROVEN UNSOUND", s->proven, v.proven);
	} else if (h->seen < 2 && s->proven != v.proven) {
		r->proven_loose++;
		difference(s, h, "proven loose", s->proven, v.proven);
	}
}

static struct history extended(const struct history *h, const struct seg *seg, bool received)
{
	struct history longer = *h;
	push(&longer, seg, received);
	return longer;
}

/* A RST that is the first sign of an incarnation after one that was seen: a belief may call it a
 * contradiction, since a forged one looks the same. */
static bool is_unseen_reset(const struct history *h)
{
	struct history before = {.count = 0};
	for (int e = 0; e < h->count - 1; e++)
		push(&before, &h->event[e].seg, h->event[e].received);
	return (h->event[h->count - 1].seg.flags & RST) && before.seen > 0 && h->seen > before.seen;
}

/* A received segment after this history: the belief takes it in. */
static bool step(struct search *s, const struct history *longer, struct belief *b)
{
	const struct event_seen *e = &longer->event[longer->count - 1];
	const struct segment segment = segment_of(&e->seg);
	if (!e->received) {
		belief_send(b, &segment, (uint32_t)longer->count);
		compare(s, longer, b, execute(s, longer, NULL));
		return true;
	}
	const state_set_t possible = execute(s, longer, NULL);
	if (possible == 0)
		return false;
	if (longer->seen > s->config->lives)
		return false;
	const bool explained = belief_receive(b, &segment, (uint32_t)longer->count);
	if (!explained && is_unseen_reset(longer)) {
		s->result->unseen_resets++;
	} else if (!explained) {
		s->result->refused++;
		difference(s, longer, "refused", possible, 0);
	}
	compare(s, longer, b, possible);
	return true;
}

static void explore(struct search *s, const struct history *h, const struct belief *b)
{
	if (h->count >= s->config->depth ||
	    (s->config->stop_at != 0 && s->result->histories >= s->config->stop_at))
		return;
	struct candidates *may = calloc(2, sizeof *may);
	struct belief *copy = malloc(belief_size());
	if (may == NULL || copy == NULL)
		abort();
	own_segments(s, h, &may[0]);
	execute(s, h, &may[1]);
	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < may[kind].count; i++) {
			const struct history longer = extended(h, &may[kind].seg[i], kind == 1);
			memcpy(copy, b, belief_size());
			if (step(s, &longer, copy))
				explore(s, &longer, copy);
		}
	}
	free(copy);
	free(may);
}

static void walk(struct search *s, struct belief *b)
{
	struct history h = {.count = 0};
	struct candidates *may = calloc(2, sizeof *may);
	if (may == NULL)
		abort();
	while (h.count < s->config->depth) {
		may[0].count = 0;
		may[1].count = 0;
		own_segments(s, &h, &may[0]);
		execute(s, &h, &may[1]);
		const int kind = may[1].count > 0 && (next_random(s) & 1) ? 1 : 0;
		if (may[kind].count == 0)
			continue;
		const int pick = (int)(next_random(s) % (uint64_t)may[kind].count);
		const struct history longer = extended(&h, &may[kind].seg[pick], kind == 1);
		if (step(s, &longer, b))
			h = longer;
	}
	free(may);
}

void oracle_run(const struct oracle_config *config, struct oracle_result *result)
{
	struct search s = {.config = config,
			   .result = result,
			   .random = config->seed * 0x9e3779b97f4a7c15u | 1};
	struct belief *b = malloc(belief_size());
	if (b == NULL)
		abort();
	memset(result, 0, sizeof *result);
	const struct history empty = {.count = 0};
	config->begin(b, config->stacks);
	if (config->walks == 0) {
		explore(&s, &empty, b);
	} else {
		for (uint64_t i = 0; i < config->walks; i++) {
			config->begin(b, config->stacks);
			walk(&s, b);
		}
	}
	free(b);
	free(s.set.list);
	free(s.set.slot);
}

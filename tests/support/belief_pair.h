/*
 * One end, believed by a pool (belief_pool.h) and by the engine (belief.h), which must say the same
 * after every segment.
 */
#ifndef TESTS_SUPPORT_BELIEF_PAIR_H
#define TESTS_SUPPORT_BELIEF_PAIR_H

#include "synscope/core/belief_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct belief_pair {
	struct belief_pool *pool;
	struct belief_slim slim;
	struct belief *full;
	unsigned long compared;
};

static inline void pair_begin(struct belief_pair *p, struct belief_pool *pool,
			      const struct belief_options *options)
{
	p->pool = pool;
	if (p->full == NULL)
		p->full = calloc(1, belief_size());
	if (p->full == NULL)
		abort();
	belief_slim_init(pool, &p->slim, options);
	belief_init(p->full, options->start);
	belief_assume_cookies(p->full, options->cookies);
	belief_assume_gaps(p->full, options->gaps);
}

static inline void pair_end(struct belief_pair *p)
{
	belief_slim_end(p->pool, &p->slim);
	free(p->full);
	p->full = NULL;
}

static inline bool pair_same_view(const struct end_view *a, const struct end_view *b)
{
	return a->certainty == b->certainty && a->state == b->state &&
	       a->proven_by == b->proven_by && a->proven == b->proven && a->loss == b->loss &&
	       a->orderly == b->orderly && a->possible == b->possible &&
	       a->fin_unsent_possible == b->fin_unsent_possible &&
	       a->contradiction == b->contradiction;
}

static inline bool pair_same_evidence(const struct belief_evidence *a,
				      const struct belief_evidence *b)
{
	return a->row == b->row && a->reset == b->reset && a->answers_n == b->answers_n &&
	       a->excluded == b->excluded && a->tried == b->tried && a->challenge == b->challenge &&
	       a->cookies == b->cookies && a->missed == b->missed;
}

/** Let both take a segment. @return whether they say the same */
static inline bool pair_take(struct belief_pair *p, bool receive, const struct segment *s,
			     uint32_t n)
{
	struct end_view a = {.has_truth = false};
	struct end_view b = {.has_truth = false};
	struct belief_evidence slim = {.row = -1};
	struct belief_evidence full = {.row = -1};
	bool same = true;
	p->compared++;
	if (receive) {
		same = belief_slim_receive(p->pool, &p->slim, s, n, &slim) ==
		       belief_receive(p->full, s, n);
		belief_evidence(p->full, &full);
	} else {
		belief_slim_send(p->pool, &p->slim, s, n);
		belief_send(p->full, s, n);
	}
	belief_slim_view(p->pool, &p->slim, &a);
	belief_view(p->full, &b);
	return same && pair_same_view(&a, &b) && pair_same_evidence(&slim, &full);
}

#endif

/*
 * Beliefs of many exchanges, small and quick.
 *
 * A belief (belief.h) is some 13 KB and takes some 10 us a segment, but in the traffic of many
 * exchanges the same few come back, apart from their numbers. A pool keeps each shape of a belief
 * once, and what a segment made of it, so that the next exchange in the same situation looks it up:
 * a lazily built automaton. docs/inference.md section 8.
 *
 * What is said of an end is exactly what belief.h says, with one exception: if the pool's memory
 * is used up by exchanges that still go on, an end becomes unknown until its next segment.
 */
#ifndef SYNSCOPE_CORE_BELIEF_POOL_H
#define SYNSCOPE_CORE_BELIEF_POOL_H

#include "synscope/core/belief.h"
#include "synscope/core/event.h"
#include "synscope/core/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BELIEF_POOL_BYTES_MIN ((size_t)256 << 10)
#define BELIEF_SLIM_NUMBERS 26

struct belief_pool;

/* What is kept of a belief with its exchange. Only for belief_pool.c. */
struct belief_slim {
	uint32_t shape;      /* in the pool; 0: none */
	uint8_t cuts[2];     /* numbers of our space, and of theirs */
	uint8_t counts;      /* numbers of segments */
	uint8_t scales;      /* window shifts, 4 bits each: of theirs, of ours */
	uint16_t windows[3]; /* fields: of the SYNs, ours and its; the widest of ours */
	uint32_t number[BELIEF_SLIM_NUMBERS]; /* or, if there are more, where in the pool */
};

/**
 * Make a pool in the caller's memory, which must stay. What is not used of it is not touched.
 * @param memory aligned for any type
 * @param bytes  at least BELIEF_POOL_BYTES_MIN
 */
struct belief_pool *belief_pool_init(void *memory, size_t bytes);

struct belief_options {
	enum belief_start start;
	bool cookies, gaps; /* belief_assume_cookies(), belief_assume_gaps() */
};

/** Begin. A record that is in use must be ended first. */
void belief_slim_init(struct belief_pool *p, struct belief_slim *s,
		      const struct belief_options *options);
/** As belief_send(). */
void belief_slim_send(struct belief_pool *p, struct belief_slim *s, const struct segment *segment,
		      uint32_t n);
/** As belief_receive(). @param evidence filled; NULL allowed */
bool belief_slim_receive(struct belief_pool *p, struct belief_slim *s,
			 const struct segment *segment, uint32_t n,
			 struct belief_evidence *evidence);
/** As belief_view(). */
void belief_slim_view(const struct belief_pool *p, const struct belief_slim *s,
		      struct end_view *view);
/** Give back what it holds of the pool. */
void belief_slim_end(struct belief_pool *p, struct belief_slim *s);

struct belief_pool_figures {
	uint64_t found;    /* steps that were looked up */
	uint64_t computed; /* and that were not, but will be */
	uint64_t special;  /* and that never will be: numbers too far apart, or too many */
	uint64_t cleared;  /* how often memory ran out and the unused was dropped */
	uint64_t weakened; /* beliefs that were let go for want of memory */
	uint32_t shapes, transitions;
	size_t bytes; /* used of the memory, now */
};

void belief_pool_figures(const struct belief_pool *p, struct belief_pool_figures *f);

#endif

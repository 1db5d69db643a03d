/*
 * The inside of a pool of beliefs.
 *
 * belief_store.c  its memory
 * belief_key.c    what a step depends on
 * belief_pool.c   a step: looked up, or computed and kept
 */
#ifndef SYNSCOPE_CORE_BELIEF_POOL_INTERNAL_H
#define SYNSCOPE_CORE_BELIEF_POOL_INTERNAL_H

#include "belief_shape.h"
#include "synscope/core/belief_pool.h"

/* ---- belief_key.c ---- */

#define POINTS_MAX 17 /* cut points and numbers of the segment, of one space */

/* The cut points of one space and the numbers of the segment in it, in order. */
struct points {
	seq_t at[POINTS_MAX];
	uint8_t count;
};

/* All that the outcome of a step depends on. */
struct key {
	uint32_t shape;
	uint32_t flags;             /* of the segment, and KEY_ bits */
	uint32_t scales;            /* SYNs: the shifts that may come to count, 4 bits each */
	uint32_t places;            /* where in the order its numbers are, 4 bits each */
	uint64_t gaps[SPACE_COUNT]; /* distances from each point to the next, 4 bits each */
	uint64_t far;               /* which points are further apart than a window; or 0 */
};

struct step {
	const struct segment *segment;
	uint32_t n;
	bool receive;
	struct points points[SPACE_COUNT];
	uint32_t reach; /* how far our numbers span, without what is offered now */
	struct key key;
};

/* What of a shape the key depends on. */
#define FORM_ISS_KNOWN 0x01u
#define FORM_EDGE_KNOWN 0x02u
#define FORM_AGREED 0x04u     /* both window shifts are known */
#define FORM_FAST_OPEN 0x08u  /* a SYN of ours may have brought text */
#define FORM_SPECIAL 0x10u    /* nothing is ever kept of its steps */
#define FORM_SYN_CLOSED 0x20u /* a SYN of ours had a window of 0 */

/** Fill points and key. @return false if the step is special: it cannot be kept */
bool key_make(const struct belief_slim *s, unsigned form, struct step *step);

/* ---- belief_store.c ---- */

enum { WINDOW_OWN, WINDOW_ITS, WINDOW_WIDEST };

#define NONE 0u /* in place of a reference */

/* One shape, kept once. */
struct kept {
	uint32_t users;
	uint32_t next; /* with the same hash */
	uint32_t hash;
	uint16_t bytes; /* of the body */
	uint8_t form;
	uint8_t proven_by; /* symbol */
	struct end_view view;
	uint8_t body[];
};

#define FROM_SEGMENT 0xffu /* the number of the segment itself */

/* Where a number comes from. */
struct source {
	uint8_t from; /* index of points.at; of a segment's number, of those before */
	int8_t plus;
};

struct told {
	int16_t row;
	uint8_t reset;
	uint8_t answers; /* index among the numbers before, or FROM_SEGMENT */
	state_set_t excluded, tried;
	bool answers_any, challenge, missed, explained;
};

/* What a step came to. */
struct learned {
	struct key key;
	uint32_t next; /* with the same hash */
	uint32_t to;
	uint8_t cuts[SPACE_COUNT];
	uint8_t counts;
	uint8_t windows; /* WINDOW_ bits */
	uint8_t scales;
	struct told told;
	struct source source[BELIEF_SLIM_NUMBERS];
};

#define WINDOW_OWN_NEW 0x01u    /* the window of our SYN is that of the segment */
#define WINDOW_ITS_NEW 0x02u    /* and that of its SYN */
#define WINDOW_ITS_NONE 0x04u   /* no SYN of its counts any more */
#define WINDOW_WIDEST_NEW 0x10u /* our widest is that of the segment */
#define SCALES_NEW 0x08u        /* the shifts are those of the transition */

#define STARTS 8
#define UNIT_BYTES 128u

struct belief_pool {
	uint8_t *units; /* blocks of shapes and large numbers */
	uint32_t units_count, units_used;
	uint32_t free[16]; /* blocks that are free: of one unit, two ... , and more */
	uint32_t *shape_heads;
	uint32_t heads_mask;
	uint32_t *transition_heads;
	struct learned *transitions; /* [0] is not used */
	uint32_t transitions_count, transitions_used;
	uint32_t start[STARTS];
	struct belief_pool_figures figures;
	struct belief work;
	struct shape shape;
	struct shape_numbers numbers, before;
};

/** Lay out a pool. */
struct belief_pool *store_init(void *memory, size_t bytes);
struct kept *store_shape(const struct belief_pool *p, uint32_t at);
/** Find the shape, or keep it. @return NONE if there is no room; else with one user more */
uint32_t store_intern(struct belief_pool *p, const struct shape *shape, const struct kept *head);
void store_release(struct belief_pool *p, uint32_t at);
/** @return room for numbers, or NONE */
uint32_t store_numbers(struct belief_pool *p, size_t count);
uint32_t *store_numbers_at(const struct belief_pool *p, uint32_t at);
void store_free_numbers(struct belief_pool *p, uint32_t at);
const struct learned *store_find(const struct belief_pool *p, const struct key *key);
/** Keep a copy. */
void store_learn(struct belief_pool *p, const struct learned *l);

#endif

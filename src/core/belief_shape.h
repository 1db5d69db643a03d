/*
 * A belief without its numbers. For belief_shape.c, belief_pool.c and their tests.
 *
 * Beliefs of different exchanges differ in their sequence numbers and segment numbers, and
 * otherwise the same few come back again and again. So a belief is split: its numbers, and a
 * shape, in which every number stands as a symbol for one of them. belief_pool.c keeps each shape
 * once.
 */
#ifndef SYNSCOPE_CORE_BELIEF_SHAPE_H
#define SYNSCOPE_CORE_BELIEF_SHAPE_H

#include "belief_internal.h"

enum space { SPACE_OURS, SPACE_THEIRS, SPACE_COUNT };

/* Numbers that lie no further apart share a cut point: what they stand for is it, and 0 to 3. */
#define SHAPE_JOINED 3
/* Numbers less far apart than this are told apart exactly: no chain of moves within one step adds
 * as much (SYN, FIN, a byte of text, a FIN behind it, and one or two for comparison). */
#define SHAPE_NEAR 6
/* Cut points at least this far apart are apart, however far. */
#define SHAPE_APART (SHAPE_NEAR + SHAPE_JOINED)

#define SHAPE_CUTS_MAX 600 /* of both spaces together */
#define SHAPE_COUNTS_MAX (2 * OWNS_MAX + 4)
#define SHAPE_BYTES_MAX (4096 + (2 * NODES_MAX + PROOFS_MAX) * 12)

/* The numbers of a belief, in order. */
struct shape_numbers {
	uint16_t cuts[SPACE_COUNT]; /* how many; those of ours stand first */
	uint8_t counts;
	bool wild[SPACE_COUNT]; /* they span half of the space or more: there is no order */
	uint8_t own_wscale, wscale;
	uint16_t own_syn_window, its_syn_window, own_widest;
	seq_t cut[SHAPE_CUTS_MAX];
	uint32_t count[SHAPE_COUNTS_MAX]; /* numbers of segments */
};

/* A belief with symbols in place of numbers. */
struct shape {
	uint16_t bytes;
	uint8_t body[SHAPE_BYTES_MAX];
};

/**
 * Split a belief. What nothing will ask for any more is left out; times are reduced to their order.
 * @return false if it has more numbers than fit
 */
bool shape_split(const struct belief *b, struct shape *shape, struct shape_numbers *numbers);

/** Put a belief together again. */
void shape_join(const uint8_t *body, const struct shape_numbers *numbers, struct belief *b);

/* What a member of a belief is. */
enum shape_kind {
	SHAPE_BYTES,    /* kept as it is */
	SHAPE_OURS,     /* a number of our space */
	SHAPE_THEIRS,   /* of theirs */
	SHAPE_TEXT,     /* bytes of text from the number before it on */
	SHAPE_TIME,     /* of struct belief.now */
	SHAPE_SEGMENT,  /* the number of a segment; 0: none */
	SHAPE_TRUTH,    /* kept as 0 or 1 */
	SHAPE_COPIES,   /* kept as 0, 1 or 2; of a SYN as it is */
	SHAPE_APART_OF, /* kept with the numbers */
	SHAPE_PART,     /* has a table of its own */
	SHAPE_DROPPED,  /* made anew, or of no meaning between two steps */
};

struct shape_member {
	const char *name;
	uint16_t offset, bytes;
	uint8_t kind;
	uint16_t flag; /* offset of the bool that says whether it means anything, + 1; or 0 */
};

/* The tables, for a test that nothing is missing from them. */
struct shape_table {
	const char *name;
	const struct shape_member *member;
	size_t count;
};

extern const struct shape_table shape_tables[];
extern const size_t shape_tables_count;

#endif

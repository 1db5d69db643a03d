/*
 * A belief beside the kernel that it is about: what is fed to it, and what of it can be
 * compared with the truth.
 *
 * possible  contains the kernel's state after every step. Always.
 * proven    contains the state in which the kernel was right after it sent the last, in its
 *           own order, of what was received (an equal segment sent earlier counts as the
 *           earlier one). Known where a step made the kernel send just one segment, or
 *           left its state alone.
 * expected  is the state, while nothing is lost and the application does nothing.
 * loss, orderly   are no promises, but ways to explain: how often the state is in them is
 *           counted, no more.
 *
 * The fold of unsent FINs, and of LISTEN and CLOSED, is belief.h's own.
 */
#ifndef TESTS_WALK_WATCH_H
#define TESTS_WALK_WATCH_H

#include "synscope/core/belief.h"
#include "synscope/core/segment.h"
#include "synscope/edge/sockdiag.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCH_EMISSIONS_MAX 600
#define WATCH_TEXT_MAX 400

enum watch_problem {
	WATCH_GOOD,
	WATCH_IMPOSSIBLE,    /* the truth is not possible */
	WATCH_CONTRADICTION, /* the kernel sent what the belief thinks nobody can have sent */
	WATCH_DISPROVED,     /* "proven", and it was not so */
	WATCH_NOT_NESTED,    /* expected, loss, orderly are not in possible, in this order */
	WATCH_BROKEN,        /* the experiment itself failed: no fault of the belief */
	WATCH_PROBLEM_COUNT
};

const char *watch_problem_name(enum watch_problem p);

struct watch_figures {
	uint64_t comparisons;                      /* of possible with the truth */
	uint64_t in_expected, in_loss, in_orderly; /* of them, the truth was this, or in there */
	uint64_t received;
	uint64_t proofs;                     /* comparisons of proven */
	uint64_t proofs_of_one;              /* of them, where proven was a single state */
	uint64_t possible_size, proven_size; /* sums */
	uint64_t truths[ST_COUNT];           /* how often the kernel was in each state */
	uint64_t problems[WATCH_PROBLEM_COUNT];
};

void watch_figures_add(struct watch_figures *sum, const struct watch_figures *more);

struct watch_emission {
	seq_t seq, ack;
	uint32_t text_bytes;
	uint16_t flags;
	unsigned first; /* index of the first one equal to it */
	bool known;
	struct sockdiag_truth truth; /* right after, if known */
};

struct watch {
	struct belief *belief;         /* owned */
	struct watch_figures *figures; /* borrowed */
	struct end_view view;
	uint32_t n;
	struct watch_emission emitted[WATCH_EMISSIONS_MAX];
	unsigned emitted_count;
	int moment;                /* index of the emission that proven is about; -1: none yet */
	char text[WATCH_TEXT_MAX]; /* the last problem, in words */
};

/** Make the belief. @return whether there was memory */
bool watch_open(struct watch *w);
void watch_close(struct watch *w);

void watch_begin(struct watch *w, struct watch_figures *figures, bool cookies);

/** Our segment was put on the wire, or lost there. */
void watch_sent(struct watch *w, const struct segment *s);
/** The kernel sent a segment. @param truth the state right after; NULL: not known
 *  @return its index, for watch_received() */
unsigned watch_emitted(struct watch *w, const struct segment *s,
		       const struct sockdiag_truth *truth);
/** It arrived at ours, now and in this order. */
enum watch_problem watch_received(struct watch *w, unsigned emission, const struct segment *s);
/** Compare, after a step: possible, and what is nested in it. */
enum watch_problem watch_compare(struct watch *w, const struct sockdiag_truth *truth);

#endif

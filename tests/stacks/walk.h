/*
 * A random walk of a stack: segments of ours that arrive, late, twice or never, calls of its
 * application, time; and what it sends reaches the belief in any order, twice or never. After
 * each step the belief is compared with the state that the stack has.
 */
#ifndef TESTS_STACKS_WALK_H
#define TESTS_STACKS_WALK_H

#include "../walk/watch.h"

#include "stack.h"

#include <stdint.h>
#include <stdio.h>

/* Figures of walks of one kind. */
struct walk_sums {
	uint64_t walks;
	uint64_t rests, rests_right; /* steps, and how often `expected` was right after one */
	struct watch_figures figures;
};

struct walk_result {
	struct walk_sums quiet; /* nothing lost, late or strange: `expected` has to be right */
	struct walk_sums wild;
	uint64_t unsound;   /* walks that met the impossible, or a contradiction */
	const char *broken; /* why nothing could be done; NULL */
};

struct walk_config {
	const struct stack *stack;
	uint64_t walks;
	uint64_t seed; /* walk i of a run is walk 0 of the run with seed + i */
	unsigned steps;
	bool all;     /* send what the stack is known to take amiss, too */
	FILE *tell;   /* where walks are told that met a problem; NULL: nowhere */
	bool verbose; /* and all the others */
};

#define WALK_STEPS 40

void walk_run(const struct walk_config *config, struct walk_result *result);
/** @return whether possible was never wrong, and there were walks. */
bool walk_is_sound(const struct walk_result *result);
void walk_print(FILE *to, const struct walk_config *config, const struct walk_result *result);

#endif

/* What must hold of any machine after anything at all: for random walks and fuzzing. */
#ifndef TESTS_SUPPORT_MACHINE_CHECK_H
#define TESTS_SUPPORT_MACHINE_CHECK_H

#include "synscope/core/machine.h"

#include <stdbool.h>

struct machine_check {
	bool promised; /* a window was announced in this connection, */
	seq_t edge;    /* up to here */
};

/** Inspect a machine. Aborts, with a word on what is wrong, if something is. */
void machine_check(struct machine_check *check, const struct machine *m);

/** Inspect a segment that it has just given out. */
void machine_check_output(struct machine_check *check, const struct machine *m,
			  const struct segment_spec *spec);

/** Inspect a machine that has nothing to send now: what it waits for must have a timer. */
void machine_check_idle(const struct machine *m);

#endif

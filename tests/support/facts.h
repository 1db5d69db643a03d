/* Ends in the middle of plausible lives, and every set of facts that can come up in them. */
#ifndef TESTS_SUPPORT_FACTS_H
#define TESTS_SUPPORT_FACTS_H

#include "synscope/core/input.h"
#include "synscope/core/rules.h"

#include <stdbool.h>
#include <stdint.h>

#define FACTS_RECEIVED 600 /* bytes taken before, where there can be any */
#define FACTS_WINDOW 20
#define FACTS_SND_WINDOW 100

/** @return the variables of an end in state @p c. */
struct input_vars facts_vars(enum ctl c, uint32_t rcv_wnd);

/* A point among all that can arrive. Begins as {0}. */
struct facts_grid {
	unsigned flags, seq, text, ack, ts, window;
};

facts_t facts_of(enum ctl c, const struct facts_grid *g);
/** Go to the next point. @return false after the last */
bool facts_next(struct facts_grid *g);

#endif

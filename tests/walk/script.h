/*
 * Scenarios: what the kernel does, step by step, written down; and played against it.
 *
 * A script has a line for each step, and lines for what the kernel sends at it:
 *
 *   listen 5              = LISTEN          a call of the application, app.h has them all
 *   > S 0                 = SYN-RECEIVED    we send: flags, SEQ, ACK if there is one
 *   < SA 0 1                                they send, and it arrives
 *
 * Numbers are relative: SEQ of ours to our ISN, everything of theirs to the ISN of the last
 * SYN that they sent. `zero` is the field 0. After the numbers, in any order: `len N`, `win N`,
 * `ts N` (TSval, offers or goes on with time stamps), `mss N`, `fo` (an empty Fast Open
 * option); and what becomes of the segment: `lost`; of theirs also `twice`, `hold` (it waits
 * for a line `arrive`, which takes the latest of those) and `maybe` (it need not come).
 * Flags are letters, `-` for none. PSH is not compared.
 *
 *   = STATE     what the kernel says after the step. `A|B`: either (kernels differ).
 *   ~           at the end: what is expected by the book is not what the kernel does, or the
 *               application did something that cannot be seen. Otherwise the two must agree.
 *   ?           or it is a matter of time which of the two it is.
 *
 * Other lines: `set NAME VALUE` (a sysctl of net.ipv4), `wait MS` (until something comes from
 * them, or the state is as the line says; no longer than that), `icmp` (port unreachable,
 * about their last segment), `again N` (our N-th segment, counted from 1, once more), `copy N`
 * (the same, but made by the network).
 */
#ifndef TESTS_WALK_SCRIPT_H
#define TESTS_WALK_SCRIPT_H

#include "trial.h"

#include <stdbool.h>
#include <stddef.h>

struct scenario {
	const char *name;
	const char *script;
	bool cookies; /* let the belief assume them */
};

extern const struct scenario scenarios[];
extern const size_t scenarios_count;

/**
 * Play one.
 * @param text receives, if it fails, what happened up to there
 * @return whether everything was as it says
 */
bool script_play(struct trial *t, const struct scenario *s, enum ip_family family,
		 struct watch_figures *figures, char *text, size_t text_bytes);

#endif

/*
 * An oracle for beliefs: a concrete end, written from the text of RFC 9293 section 3.10 and
 * sharing nothing with the engine but the names of the states, and the enumeration of
 * everything that it can have done.
 */
#ifndef TESTS_ORACLE_ORACLE_H
#define TESTS_ORACLE_ORACLE_H

#include "synscope/core/belief.h"

#include <stdbool.h>
#include <stdint.h>

struct oracle_config {
	int depth;      /* events of a history, at most */
	bool stacks;    /* the end may also do what real stacks do */
	bool hostile;   /* our segments need not make sense */
	int text_limit; /* bytes that its application may send, 0 to 2 */
	int lives;      /* incarnations that are seen in one history, at most */
	uint64_t walks; /* 0: all histories; else as many random ones of that depth */
	uint64_t seed;
	uint64_t stop_at; /* histories; 0: no limit */
	bool verbose;     /* print every difference */
	/* start a belief in an end of that kind, before anything was seen */
	void (*begin)(struct belief *b, bool stacks);
};

struct oracle_result {
	uint64_t histories;
	uint64_t unsound;      /* a true state is missing in possible: a bug */
	uint64_t loose;        /* possible has a state that is not */
	uint64_t loose_reborn; /* the same, or proven, where two incarnations were seen */
	uint64_t proven_unsound;
	uint64_t proven_loose;
	uint64_t refused;        /* a segment that the end can send was a contradiction */
	uint64_t unseen_resets;  /* the same, but a RST of an incarnation that was not seen */
	uint64_t expected_wrong; /* expected is not in the oracle's possible */
	uint64_t not_nested;     /* expected, loss, orderly, possible are not */
	uint64_t states_oracle, states_belief; /* sizes of possible, summed */
};

void oracle_run(const struct oracle_config *config, struct oracle_result *result);

#endif

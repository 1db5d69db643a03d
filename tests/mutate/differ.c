/*
 * One number for all that the table says to everything that can happen: every set of facts that
 * input_facts() can give, every call and timer, in every state, for every selection of origins
 * that is ever asked for. Two tables of the same number cannot be told apart by any test of what
 * an end does.
 *   differ            print the number
 *   differ NUMBER     is it this one?
 */
#include "../support/facts.h"

#include "synscope/core/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned selections[] = {
	ORIGINS_OWN,
	ORIGINS_REMOTE,
	ORIGINS_REMOTE | ORIGIN_COOKIE,
	ORIGINS_REMOTE & ~(unsigned)ORIGIN_ABNORMAL,
	ORIGIN_RFC | ORIGIN_ABNORMAL,
	ORIGINS_OWN | ORIGIN_COOKIE,
};

static uint64_t digest = 14695981039346656037u; /* FNV-1a, by words */

static void add(uint64_t word)
{
	digest = (digest ^ word) * 1099511628211u;
}

/* The order of the outcomes tells who is the first among them: it counts too. */
static void add_steps(const struct rule_step *steps, size_t count)
{
	add(count);
	for (size_t i = 0; i < count; i++)
		add((uint64_t)steps[i].to << 48 | (uint64_t)steps[i].emit << 32 |
		    (uint64_t)steps[i].take << 16 | steps[i].origins);
}

static void add_segments(enum ctl c)
{
	static uint8_t seen[(1u << FACT_COUNT) / 8];
	struct facts_grid g = {0};
	struct rule_step steps[RULE_STEPS_MAX];
	memset(seen, 0, sizeof seen);
	do {
		facts_t facts = facts_of(c, &g);
		for (unsigned cookie = 0; cookie < (c == CTL_LISTEN ? 2 : 1); cookie++) {
			facts |= cookie ? FACT_COOKIE : 0;
			if (seen[facts >> 3] >> (facts & 7) & 1)
				continue;
			seen[facts >> 3] |= (uint8_t)(1u << (facts & 7));
			for (size_t i = 0; i < ARRAY_COUNT(selections); i++)
				add_steps(steps, rules_segment(c, facts, selections[i], steps));
		}
	} while (facts_next(&g));
}

static void add_events(enum ctl c)
{
	struct rule_step steps[RULE_STEPS_MAX];
	for (enum rule_on on = ON_OPEN_PASSIVE; on < ON_COUNT; on++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			const facts_t facts = (bits & 1 ? FACT_UNSENT_DATA : 0) |
					      (bits & 2 ? FACT_SYN_UNACKED : 0) |
					      (bits & 4 ? FACT_FIN_GOES : 0);
			for (size_t i = 0; i < ARRAY_COUNT(selections); i++)
				add_steps(steps, rules_event(c, on, facts, selections[i], steps));
		}
	}
}

int main(int argc, char **argv)
{
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		add_segments(c);
		add_events(c);
	}
	if (argc > 1)
		return strtoull(argv[1], NULL, 16) != digest;
	printf("%" PRIx64 "\n", digest);
	return 0;
}

/* What the files of the battery share: battery.c asks, battery_hear.c listens. */
#ifndef SYNSCOPE_CORE_BATTERY_INTERNAL_H
#define SYNSCOPE_CORE_BATTERY_INTERNAL_H

#include "synscope/core/battery.h"

#define BATTERY_MS INT64_C(1000000)
#define BATTERY_S INT64_C(1000000000)

/* The question a port is at, and its present step. */
static inline enum question battery_question(const struct battery *b, const struct battery_port *p)
{
	return (enum question)b->config.plan[p->at];
}

/** @return the step; of the last one, that is repeated, for a walk. */
const struct battery_step *battery_step_of(const struct battery *b, const struct battery_port *p);
/** @return the result of the present step. */
struct step_result *battery_result_of(const struct battery *b, const struct battery_port *p);
/** Build the segment of the present step. */
void battery_build(struct battery *b, const struct battery_port *p, struct segment_spec *spec);
/** Move a port in the heap. */
void battery_wake(struct battery *b, struct battery_port *p, int64_t at_ns);

#endif

/* What is left of a flow, or of a run, when it is over: a few rows of key and text. */
#ifndef SYNSCOPE_RENDER_SUMMARY_H
#define SYNSCOPE_RENDER_SUMMARY_H

#include "synscope/core/event.h"
#include "synscope/render/flows.h"
#include "synscope/render/render.h"

#include <stdbool.h>
#include <stddef.h>

#define SUMMARY_ROWS_MAX 12
#define SUMMARY_TEXT_MAX 384
#define SUMMARY_KEY_COLUMNS 9 /* the longest key, and a space */

struct summary_row {
	const char *key; /* static */
	char text[SUMMARY_TEXT_MAX];
	bool strong; /* what the reader came for */
	bool loud;   /* a problem */
};

struct summary {
	struct summary_row rows[SUMMARY_ROWS_MAX];
	size_t count;
};

/**
 * Sum up a flow: the verdict, how it opened, its options, data and end; with
 * verbosity 1 also its phases, the guard, and what Zeek and Wireshark would call it.
 * Verbosity -1 leaves only the verdict (or, without one, how it ended).
 * @param flow NULL if the flow has no closing record
 */
void summary_flow(struct summary *s, const struct flow_memory *m, const struct event_flow *flow,
		  const struct render_options *o);

/** Sum up a run: what the capture lost, an early end. No row if there is nothing to say. */
void summary_end(struct summary *s, const struct event_end *e);

/** Write the rows as an aligned table, wrapped at options->width. */
void summary_put(const struct summary *s, struct out *out, const struct render_options *o);

#endif

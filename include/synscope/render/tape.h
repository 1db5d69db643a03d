/*
 * Events kept by value: for renderers that draw when all is known (SVG, HTML), and for going
 * back (--step). A tape copies what an event borrows, so a kept event is good as long as it.
 *
 * A tape has an end: what comes after it is counted, not kept. The closing record and the
 * verdict of a flow that is on the tape are kept even then.
 */
#ifndef SYNSCOPE_RENDER_TAPE_H
#define SYNSCOPE_RENDER_TAPE_H

#include "synscope/core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tape;

struct tape_spec {
	size_t rows_max;        /* segments, ICMP errors, timers and transitions */
	size_t flows_max;       /* flows after these are left out whole */
	uint32_t frame_bytes;   /* at most so much of a captured frame is kept; 0: none */
	uint32_t payload_bytes; /* and of a payload */
	bool keeps_transitions; /* else they are left out, and not counted */
};

/** @return an empty tape, or NULL if no memory */
struct tape *tape_open(const struct tape_spec *spec);

/** Keep a copy of an event, if there is room. EVENT_END is kept always. */
void tape_keep(struct tape *t, const struct event *e);

/** @return how many events are kept */
size_t tape_count(const struct tape *t);

/** @return an event, in the order they came; good until the tape is closed
 *  @param i below tape_count() */
const struct event *tape_at(const struct tape *t, size_t i);

/** @return how many segments, ICMP errors and timers were left out. */
uint64_t tape_left_out(const struct tape *t);

/** NULL is allowed. */
void tape_close(struct tape *t);

#endif

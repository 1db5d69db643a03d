/*
 * What the verbs that act have in common: the sleep between two looks, the list
 * of what was sent, by which an own segment is known again when the capture brings it back,
 * and the words for what the machine's timers did.
 */
#ifndef SYNSCOPE_CLIENT_ACTOR_H
#define SYNSCOPE_CLIENT_ACTOR_H

#include "synscope/core/machine.h"
#include "synscope/core/pipeline.h"
#include "synscope/core/segment.h"
#include "synscope/core/spec.h"

#include <stdbool.h>
#include <stdint.h>

/** Sleep until a descriptor is readable, a signal comes or the (monotonic) time.
 *  @param fd -1: none */
void actor_wait(int fd, int64_t until_ns);

/** Write into @p timer what a timer of the machine did. */
void actor_timer(const struct machine_log *log, struct event_timer *timer);

/* Why the machine is in the state it is in: of its last transition. */
struct actor_why {
	const char *cause, *rfc;
};

/* A segment as it was put on the wire. */
struct sent {
	struct endpoint src, dst;
	seq_t seq, ack;
	uint16_t flags;
	uint32_t payload_bytes;
	enum tcp_state state; /* of our end, once it was sent */
	struct actor_why why;
	const char *deed;  /* what was done to it on purpose, or NULL */
	uint32_t arrivals; /* how many segments had been taken in by then */
	bool seen;
};

struct sent_log {
	struct sent *slots;
	uint32_t slots_count; /* a power of two; more than is ever on its way back */
	uint32_t head, tail;  /* tail: the oldest that was not seen yet */
};

/** Remember. The oldest is forgotten when there is no room. @return the new one, to fill */
struct sent *sent_add(struct sent_log *log, const struct segment_spec *spec);

/** Find a segment among those sent and not seen, oldest first, and note it as seen.
 *  @return NULL if it is not among them */
const struct sent *sent_recognise(struct sent_log *log, const struct segment *s);

/** @return whether all that was sent has come back. */
bool sent_all_seen(const struct sent_log *log);

#endif

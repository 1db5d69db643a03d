/*
 * Two machines joined by a link that loses, repeats, reorders and delays, in virtual time.
 *
 * Everything random comes from one seed. Nothing runs by itself: simlink_step() moves the
 * clock to whatever comes next, an arrival or a machine's deadline.
 */
#ifndef TESTS_SUPPORT_SIMLINK_H
#define TESTS_SUPPORT_SIMLINK_H

#include "synscope/core/machine.h"
#include "synscope/core/segment.h"
#include "synscope/core/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMLINK_TEXT_MAX 9000

/* A segment on its way, with its own copy of the text. */
struct simlink_packet {
	struct segment segment;
	int64_t arrives_ns;
	uint64_t order; /* of sending: ties are kept in order */
	int to;         /* 0 or 1: which machine */
	uint8_t text[SIMLINK_TEXT_MAX];
};

/* Called for each segment as it is put on the link. @return true: the link loses it */
typedef bool (*simlink_filter_fn)(void *context, int from, const struct segment *s, int64_t now_ns);

struct simlink_config {
	uint64_t seed;
	double loss, duplicate, reorder; /* probabilities; a reordered one waits up to 4 delays */
	double congestion;               /* probability that an ECT segment is marked CE */
	int64_t delay_ns;                /* one way */
	simlink_filter_fn filter;        /* or NULL */
	void *context;
};

struct simlink {
	struct simlink_config config;
	struct machine *end[2]; /* NULL: nobody there, segments to it vanish */
	int64_t now_ns;
	uint64_t random;
	uint64_t order;
	uint64_t sent, lost, duplicated, reordered, delivered;
	struct simlink_packet **queue; /* a heap by arrival */
	size_t queue_count, queue_room;
};

void simlink_init(struct simlink *link, const struct simlink_config *config, struct machine *a,
		  struct machine *b);
void simlink_free(struct simlink *link);

/** @return a number from 0 up to, not including, @p below. */
uint64_t simlink_random(struct simlink *link, uint64_t below);

/** Put on the link all that both machines want to send now. */
void simlink_pump(struct simlink *link);

/** Put a segment of the test's own on the link, towards end @p to, as if end 1 - to had sent it. */
void simlink_inject(struct simlink *link, int to, const struct segment *s);

/** Move on to the next arrival or deadline and let it happen, and send what it causes.
 *  @return false when nothing is left to happen before @p until_ns */
bool simlink_step(struct simlink *link, int64_t until_ns);

/** Step until nothing happens any more before @p until_ns; the clock ends there. */
void simlink_run(struct simlink *link, int64_t until_ns);

/** Make the segment that @p spec describes, as it would be received; text is copied to @p text. */
struct segment simlink_segment(const struct segment_spec *spec, uint8_t *text);

#endif

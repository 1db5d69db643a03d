/*
 * Tell a story to a flow, segment by segment, without bytes. Numbers are offsets from the two
 * ISNs, so that the same story can be told at several places of the number space.
 */
#ifndef TESTS_SUPPORT_TELLER_H
#define TESTS_SUPPORT_TELLER_H

#include "synscope/core/flow.h"

#include <stddef.h>
#include <stdint.h>

#define TELLER_MS INT64_C(1000000)

extern const struct endpoint teller_client, teller_server;

/* Pairs of ISNs: an ordinary one; 0, which is a number; those that wrap in the SYN, in the data,
 * and at the sign. */
#define TELLER_ISNS_COUNT 5

struct teller {
	struct flow f;
	uint32_t isn[2];     /* by enum side */
	int64_t now_ns;      /* one millisecond more with each segment */
	struct flow_delta d; /* of the last segment */
};

void teller_begin(struct teller *t, size_t pair);

/* A segment of window 1000: seq is an offset from its sender's ISN, ack from the other's. */
struct segment teller_segment(const struct teller *t, enum side from, const char *flags,
			      int64_t seq, int64_t ack, uint32_t bytes);

/* Compare it, take it in. @return &t->d */
const struct flow_delta *teller_take(struct teller *t, enum side from, const struct segment *s);
const struct flow_delta *teller_tell(struct teller *t, enum side from, const char *flags,
				     int64_t seq, int64_t ack, uint32_t bytes);

#endif

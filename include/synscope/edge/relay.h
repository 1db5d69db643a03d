/*
 * A wire that misbehaves: frames between two interfaces, delayed, lost, reordered,
 * duplicated or corrupted, by rule or by a seeded generator. In place of netem, which
 * not every kernel has.
 *
 * What happens to a TCP frame depends on the seed, the direction and how many TCP frames
 * went this way before it, and on nothing else: not on time, not on the other direction.
 * Frames that are not TCP (ARP, ND, ICMP, UDP) are delayed like the rest, but never lost,
 * held back, doubled or harmed, and not counted. Frames are not changed otherwise, and
 * those of equal delay leave in the order in which they came.
 */
#ifndef SYNSCOPE_EDGE_RELAY_H
#define SYNSCOPE_EDGE_RELAY_H

#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stdint.h>

#define RELAY_DROPS_MAX 16

struct relay_spec {
	int64_t delay_ns;   /* each way */
	double loss;        /* 0 to 1, share of TCP frames each way */
	double reorder;     /* share of TCP frames held back by reorder_ns more */
	int64_t reorder_ns; /* 0: 2 ms */
	double duplicate;
	double corrupt; /* one bit of the TCP part flipped, checksum left */
	uint64_t seed;  /* same seed, same frames, same fate */
	/* Deterministic losses: the k-th TCP frame (from 1) each way, 0 ends the list. */
	uint32_t drop_to_server[RELAY_DROPS_MAX];
	uint32_t drop_to_client[RELAY_DROPS_MAX];
};

struct relay;

/**
 * Attach to two interfaces of the present network namespace. Frames that arrive from now
 * on are kept for relay_run(), which may be in a child or another namespace.
 * @param left  towards the client  @param right towards the server
 * @param spec  copied
 * @return 0 with @p relay, or negative errno with @p why
 */
must_check int relay_open(struct relay **relay, const char *left, const char *right,
			  const struct relay_spec *spec, struct fault *why);

/**
 * Relay until killed.
 * @return negative errno with @p why; never returns otherwise
 */
must_check int relay_run(struct relay *relay, struct fault *why);

/** Detach. NULL is allowed. Frames on their way are lost. */
void relay_close(struct relay *relay);

enum relay_direction { RELAY_TO_SERVER, RELAY_TO_CLIENT, RELAY_DIRECTION_COUNT };

/* What becomes of one TCP frame. */
struct relay_fate {
	bool lost;       /* and then nothing else */
	bool held_back;  /* by reorder_ns */
	bool duplicated; /* the copy follows at once */
	bool corrupted;
	uint64_t corrupt_bit; /* which bit, modulo the bits of the TCP part */
};

/** @return the fate of the @p index-th (from 1) TCP frame in a direction: pure. */
struct relay_fate relay_fate(const struct relay_spec *spec, enum relay_direction direction,
			     uint32_t index);

#endif

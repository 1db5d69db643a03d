/*
 * A wire that misbehaves: frames between two interfaces, delayed, lost, reordered,
 * duplicated or corrupted, by rule or by a seeded generator. In place of netem, which
 * not every kernel has.
 */
#ifndef SYNSCOPE_EDGE_RELAY_H
#define SYNSCOPE_EDGE_RELAY_H

#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stdint.h>

struct relay_spec {
	int64_t delay_ns;        /* each way */
	double loss;             /* 0 to 1, each way, of TCP only: ARP and ND always pass */
	double reorder;          /* share of frames held back by reorder_ns more */
	int64_t reorder_ns;      /* 0: 2 ms */
	double duplicate;
	double corrupt;          /* one bit of the TCP part flipped, checksum left */
	uint64_t seed;           /* same seed, same frames, same fate */
	/* Deterministic losses: the k-th TCP frame (from 1) each way, 0 ends the list. */
	uint32_t drop_to_server[16];
	uint32_t drop_to_client[16];
};

/**
 * Relay between two interfaces of the present network namespace until killed.
 * @param left  towards the client  @param right towards the server
 * @return negative errno with @p why; never returns otherwise
 */
must_check int relay_run(const char *left, const char *right, const struct relay_spec *spec,
			 struct fault *why);

#endif

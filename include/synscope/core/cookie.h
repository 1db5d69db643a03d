/*
 * SYN cookies: an initial sequence number that holds what a half-open connection would have to
 * be remembered for, so that nothing need be. RFC 4987 section 3.6.
 *
 * The 32 bits, from the highest: 5 of a clock that ticks every 64 s, 3 that choose an MSS out
 * of eight, 24 of a keyed hash over both endpoints, their ISN, the tick and that choice. What
 * else the SYN agreed on fits the low bits of the time stamp that we send, if time stamps are
 * in use: window shift (4 bits; 15: none), SACK, ECN.
 */
#ifndef SYNSCOPE_CORE_COOKIE_H
#define SYNSCOPE_CORE_COOKIE_H

#include "synscope/core/addr.h"
#include "synscope/core/segment.h"
#include "synscope/core/seq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cookie_key {
	uint64_t word[2]; /* unpredictable, for the life of the program */
};

/** SipHash-2-4 of some bytes (Aumasson and Bernstein, 2012). */
uint64_t cookie_hash(const struct cookie_key *key, const void *data, size_t count);

/**
 * Choose the ISN of a connection: a clock of 4 us plus a keyed hash of the endpoints.
 * @see RFC 9293 section 3.4.1, RFC 6528 section 3
 */
seq_t cookie_isn(const struct cookie_key *key, const struct endpoint *local,
		 const struct endpoint *remote, int64_t now_ns);

/** Make the ISN that answers this SYN. */
seq_t cookie_make(const struct cookie_key *key, const struct segment *syn, int64_t now_ns);

/** Make the TSval of that answer: @p ts_value, at most 127 less, with the options in its low
 *  bits. */
uint32_t cookie_timestamp(uint32_t ts_value, const struct segment *syn);

/**
 * Say whether an ACK acknowledges a cookie of the last one to two minutes, and what the SYN was.
 * @param syn receives the SYN as far as it can be known: endpoints, number, flags, options,
 *            no payload; untouched if the answer is no
 */
bool cookie_check(const struct cookie_key *key, const struct segment *ack, int64_t now_ns,
		  struct segment *syn);

#endif

/*
 * The Internet checksum (RFC 1071) and the TCP pseudo-headers (RFC 9293
 * section 3.1, RFC 8200 section 8.1).
 */
#ifndef SYNSCOPE_CORE_CHECKSUM_H
#define SYNSCOPE_CORE_CHECKSUM_H

#include "synscope/core/addr.h"

#include <stddef.h>
#include <stdint.h>

enum checksum_state {
	CHECKSUM_UNKNOWN, /* not all bytes were captured, or a fragment: cannot be told */
	CHECKSUM_GOOD,
	CHECKSUM_PARTIAL, /* the field is the folded pseudo-header sum: the sender's kernel
			     left the rest to a network card (offload); not an error */
	CHECKSUM_BAD,
};

/** Add @p count bytes, as 16-bit network-order words, to a running sum. */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t count);

/** Add the pseudo-header of a TCP segment (or other protocol) to a running sum. */
uint32_t checksum_add_pseudo(uint32_t sum, const struct ip_addr *src, const struct ip_addr *dst,
			     uint8_t protocol, uint32_t length_bytes);

/** Fold to 16 bits, without complementing. */
uint16_t checksum_fold(uint32_t sum);

/**
 * Judge a TCP or ICMPv6 checksum.
 * @param data  the transport header and its payload, all of it
 * @param field the checksum field as found, host order
 * @return GOOD, PARTIAL or BAD
 */
enum checksum_state checksum_judge(const struct ip_addr *src, const struct ip_addr *dst,
				   uint8_t protocol, const uint8_t *data, size_t count,
				   uint16_t field);

/** @return "good", "partial", "bad" or "unknown". */
const char *checksum_state_name(enum checksum_state s);

#endif

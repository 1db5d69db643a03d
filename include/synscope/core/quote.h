/*
 * What an ICMP error quotes, compared with what was sent: the only look at a segment as it
 * was further down the path (RFC 792, RFC 1812 section 4.3.2.3, RFC 4884).
 *
 * Changes that every router makes (TTL, and with it the checksum of IP) are no changes here.
 */
#ifndef SYNSCOPE_CORE_QUOTE_H
#define SYNSCOPE_CORE_QUOTE_H

#include "synscope/core/segment.h"
#include "synscope/core/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quote_change {
	QUOTE_SEQ = 1 << 0,
	QUOTE_ACK = 1 << 1,
	QUOTE_FLAGS = 1 << 2,
	QUOTE_WINDOW = 1 << 3,
	QUOTE_MSS = 1 << 4,
	QUOTE_OPTIONS_GONE = 1 << 5, /* an option of ours is not there any more */
	QUOTE_OPTIONS_NEW = 1 << 6,  /* one that we did not send */
	QUOTE_OPTION_VALUE = 1 << 7, /* window scale or timestamps say something else */
	QUOTE_DSCP = 1 << 8,
	QUOTE_ECN = 1 << 9,
	QUOTE_IP_ID = 1 << 10,
	QUOTE_DF = 1 << 11,
};

/* A segment as it was where the error was made. */
struct quote {
	uint16_t known;   /* enum quote_change bits that could be looked at */
	uint16_t changed; /* those of them that differ */
	uint8_t ttl;      /* left where the error was made */
	uint8_t traffic;
	uint16_t flags;
	uint16_t window;
	uint16_t mss;  /* 0: none */
	uint16_t gone; /* enum option_bit, with QUOTE_OPTIONS_GONE */
	uint16_t new;
	uint32_t seq;
	uint8_t tcp_bytes; /* how much of TCP was quoted, capped at 255 */
};

/* Options as a set of bits, to be compared and named. */
enum option_bit {
	OPTION_BIT_MSS = 1 << 0,
	OPTION_BIT_WSCALE = 1 << 1,
	OPTION_BIT_SACK_PERMITTED = 1 << 2,
	OPTION_BIT_TIMESTAMPS = 1 << 3,
	OPTION_BIT_FASTOPEN = 1 << 4,
	OPTION_BIT_MPTCP = 1 << 5,
	OPTION_BIT_ACCECN = 1 << 6,
	OPTION_BIT_SACK = 1 << 7,
	OPTION_BIT_OTHER = 1 << 8,
};

/** @return the set of what a header holds. */
uint16_t option_bits(const struct option_set *set);
/** Write "MSS, SACK permitted"; "none" for none. @return text */
char *option_bits_format(uint16_t bits, char *text, size_t text_bytes);

/**
 * Compare.
 * @param sent what went out
 * @param e    an error that quotes it; its quoted_tcp must still be good
 */
struct quote quote_compare(const struct segment_spec *sent, const struct icmp_error *e);

#define QUOTE_TEXT_MAX 200
/** Write what changed from @p before to @p after, in words ("MSS 1460 -> 1400"); "" for
 *  nothing. @return text */
char *quote_difference(const struct quote *before, const struct quote *after, char *text,
		       size_t text_bytes);

#endif

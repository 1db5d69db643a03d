/*
 * A segment to be built: every field that a person may want to choose.
 * The machine fills the TCP part; the client fills the rest; craft builds it.
 */
#ifndef SYNSCOPE_CORE_SPEC_H
#define SYNSCOPE_CORE_SPEC_H

#include "synscope/core/addr.h"
#include "synscope/core/option.h"
#include "synscope/core/seq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment_spec {
	struct endpoint src, dst;
	seq_t seq, ack;
	uint16_t flags;  /* enum tcp_flag, all nine */
	uint16_t window; /* the field as it goes out, already shifted */
	uint16_t urgent;
	uint8_t reserved;           /* 0 to 7 */
	struct option_set option;   /* encoded by option_encode unless raw options are given */
	const uint8_t *raw_options; /* borrowed; NULL: use option */
	uint8_t raw_options_bytes;  /* 0 to 40; padded to a multiple of 4 with EOL (0) */
	const uint8_t *payload;     /* borrowed until craft_build returns */
	size_t payload_bytes;

	uint32_t scope_id;   /* interface of a link-local destination; 0: that of the sender */
	uint8_t ttl;         /* hops; 0 means 64 */
	uint8_t traffic;     /* TOS byte or traffic class */
	uint32_t flow_label; /* IPv6, 20 bits */
	bool has_ip_id;
	uint16_t ip_id;    /* IPv4; without has_ip_id: 0 with DF (RFC 6864 atomic) */
	bool no_df;        /* IPv4: leave DF clear */
	bool bad_checksum; /* deliberately wrong TCP checksum (right one + 1, never 0 by luck) */
};

#endif

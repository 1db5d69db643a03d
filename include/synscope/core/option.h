/*
 * TCP options: one iterator, used by everyone, and the decoded set.
 * RFC 9293 section 3.2 and the registry of TCP option kinds.
 */
#ifndef SYNSCOPE_CORE_OPTION_H
#define SYNSCOPE_CORE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,            /* RFC 9293 3.7.1 */
	OPT_WSCALE = 3,         /* RFC 7323 2 */
	OPT_SACK_PERMITTED = 4, /* RFC 2018 2 */
	OPT_SACK = 5,           /* RFC 2018 3 */
	OPT_TIMESTAMPS = 8,     /* RFC 7323 3 */
	OPT_MD5 = 19,           /* RFC 2385 */
	OPT_USER_TIMEOUT = 28,  /* RFC 5482 */
	OPT_AO = 29,            /* RFC 5925 */
	OPT_MPTCP = 30,         /* RFC 8684 */
	OPT_FASTOPEN = 34,      /* RFC 7413 */
	OPT_ENCRYPTION = 69,    /* RFC 8547 */
	OPT_ACCECN0 = 172,      /* RFC 9768 */
	OPT_ACCECN1 = 174,
	OPT_EXPERIMENT1 = 253, /* RFC 6994; ExID 0xF989 is Fast Open's old form */
	OPT_EXPERIMENT2 = 254,
};

#define OPTION_BYTES_MAX 40 /* a header of 60 bytes less 20 */
#define OPTION_FASTOPEN_EXID 0xF989

struct option {
	uint8_t kind;
	uint8_t length_bytes; /* kind, length and body; 1 for EOL and NOP */
	const uint8_t *body;  /* after kind and length; borrowed; NULL if body_bytes is 0 */
	uint8_t body_bytes;
};

enum option_status {
	OPTION_OK,
	OPTION_END,        /* no more options */
	OPTION_BAD_LENGTH, /* length below 2 (0 would loop for ever in a naive reader) */
	OPTION_OVERRUN,    /* length goes past the header */
};

struct option_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

/** Start at the first option byte. @param count 0 to OPTION_BYTES_MAX */
struct option_cursor option_begin(const uint8_t *options, size_t count);

/**
 * Give the next option, NOPs and the EOL included.
 * @return OPTION_OK with @p o filled; OPTION_END after the EOL or the last byte;
 *         an error ends the walk (calling again gives OPTION_END)
 */
enum option_status option_next(struct option_cursor *c, struct option *o);

/** @return a short fixed name ("mss", "wscale", "sack_permitted", "sack", "timestamps",
 *  "fastopen", "mptcp", "md5", "ao", "user_timeout", "nop", "eol", "accecn",
 *  "encryption", "experiment", "unknown"). */
const char *option_kind_name(uint8_t kind);

struct sack_block {
	uint32_t left;  /* raw, first number held */
	uint32_t right; /* raw, number after the last one held */
};

#define SACK_BLOCKS_MAX 4

/* What the well-known options of one segment said. Absent: the has_ flag is false. */
struct option_set {
	bool has_mss, has_wscale, sack_permitted, has_timestamps, has_fastopen, has_user_timeout;
	bool has_mptcp, has_md5, has_ao, has_accecn, has_unknown;
	bool fastopen_experimental; /* the RFC 6994 form, kind 253/254 with ExID 0xF989 */
	bool malformed;         /* the walk ended in an error, or a length was wrong for its kind */
	uint16_t mss;           /* bytes */
	uint8_t wscale;         /* shift as sent, 0 to 255; RFC 7323 caps the use at 14 */
	uint8_t fastopen_bytes; /* cookie length; 0 asks for one */
	uint8_t mptcp_subtype;
	uint16_t user_timeout; /* granularity bit and value, as sent */
	uint32_t ts_value, ts_echo;
	uint8_t sack_count;
	struct sack_block sack[SACK_BLOCKS_MAX];
};

/**
 * Decode every option of a header into a set. Accepts any bytes: what cannot be
 * read sets `malformed`, and everything before it stands. A kind given twice
 * keeps the first and sets `malformed`.
 */
void option_decode(struct option_set *set, const uint8_t *options, size_t count);

/**
 * Encode options in Linux's order for a SYN (mss, sack_permitted, timestamps,
 * nop, wscale) or for other segments (nop, nop, timestamps, nop, nop, sack),
 * padded with NOP or EOL to a multiple of 4.
 * @param syn   whether the segment carries SYN (decides the order)
 * @param out   at least OPTION_BYTES_MAX bytes
 * @return bytes written, 0 to 40, a multiple of 4; SACK blocks that do not fit are left out
 */
size_t option_encode(const struct option_set *set, bool syn, uint8_t *out);

#endif

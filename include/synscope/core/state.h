/*
 * The eleven states of RFC 9293 section 3.3.2, and sets of them.
 * Never TCP_*: <netinet/tcp.h> owns those names, and numbers them otherwise.
 */
#ifndef SYNSCOPE_CORE_STATE_H
#define SYNSCOPE_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_state {
	ST_CLOSED,
	ST_LISTEN,
	ST_SYN_SENT,
	ST_SYN_RECEIVED,
	ST_ESTABLISHED,
	ST_FIN_WAIT_1,
	ST_FIN_WAIT_2,
	ST_CLOSE_WAIT,
	ST_CLOSING,
	ST_LAST_ACK,
	ST_TIME_WAIT,
	ST_COUNT
};

typedef uint16_t state_set_t; /* bit 1 << enum tcp_state */

#define STATE_SET_ALL ((state_set_t)((1u << ST_COUNT) - 1u))

static inline state_set_t state_set(enum tcp_state s)
{
	return (state_set_t)(1u << s);
}

static inline bool state_set_has(state_set_t set, enum tcp_state s)
{
	return (set & state_set(s)) != 0;
}

static inline int state_set_count(state_set_t set)
{
	return __builtin_popcount(set);
}

/** @return RFC 9293's spelling, e.g. "SYN-RECEIVED". */
const char *state_name(enum tcp_state s);

/** Find a state by RFC 9293's name, letter case and `-`/`_` ignored. */
bool state_parse(enum tcp_state *s, const char *name);

#define STATE_SET_TEXT_MAX 128

/** Write the members in order, joined by @p separator; "" for the empty set. @return text */
char *state_set_format(state_set_t set, const char *separator, char *text, size_t text_bytes);

#endif

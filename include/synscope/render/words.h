/*
 * How events are said in words, without layout: shared by every renderer, so that
 * they all call one thing by one name. All text is printable ASCII, but for the
 * marks of struct glyphs.
 */
#ifndef SYNSCOPE_RENDER_WORDS_H
#define SYNSCOPE_RENDER_WORDS_H

#include "synscope/core/event.h"
#include "synscope/render/flows.h"
#include "synscope/render/render.h"
#include "synscope/render/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_TIME_MAX 40
#define WORDS_COUNT_MAX 32
#define WORDS_END_MAX 192
#define WORDS_OPTIONS_MAX 160

/** @return the usual short form of a state: "SYN-RCVD", "ESTAB", and RFC 9293's for the rest. */
const char *words_state_short(enum tcp_state s);

/**
 * Say what is known of an end: a plain name for our own, `● X` proven, `○ X` expected,
 * `?{A,B}` a set, `? unknown`, `! X` after a contradiction. Short state names if the
 * long ones do not fit, a smaller claim if these do not either.
 * @param text at least WORDS_END_MAX bytes
 * @return text
 */
char *words_end(const struct end_view *v, const struct glyphs *g, int columns_max, char *text,
		size_t text_bytes);

/** @return whether two views would be shown alike, but for how certain they are. */
bool words_end_same(const struct end_view *a, const struct end_view *b);

enum truth {
	TRUTH_UNKNOWN,    /* the kernel was not asked */
	TRUTH_AGREES,     /* with the state shown, or with a member of the set shown */
	TRUTH_DIFFERS,    /* from what was expected, as a loss allows */
	TRUTH_IMPOSSIBLE, /* outside of all that was held possible: a fault of ours */
};

/**
 * Compare what is shown of an end with what its kernel said. A FIN that is queued but
 * not sent cannot be seen from outside: FIN-WAIT-1 then counts as ESTABLISHED, CLOSING
 * and LAST-ACK as CLOSE-WAIT. A listening socket is what is left of a server's connection
 * that is expected to be CLOSED.
 */
enum truth words_truth(const struct end_view *v);

/** Write a duration: "0.035 ms", "24.1 ms", "1.000 s", "2 h 03 min". @return text */
char *words_duration(int64_t ns, char *text, size_t text_bytes);

/**
 * Write the time of an event as its column has it: "24.1" (milliseconds since the
 * flow's first), "+24.1" (since m->previous_ns), "08:00:00.010000" (UTC).
 * Milliseconds have 3 decimals in a flow whose second row came within 10 ms, and in
 * differences; else 1. So a column is aligned without knowing what is to come.
 * @param short_abs three decimals for the time of day instead of six
 */
char *words_clock(const struct flow_memory *m, int64_t time_ns, enum time_mode mode, bool short_abs,
		  char *text, size_t text_bytes);

#define WORDS_NUMBER_MAX 24

/**
 * Write a relative number of a side: "1"; with NUMBERS_SYMBOLIC "x+1" of the client, "y+1" of
 * the server. Numbers just below the ISN (a keep-alive of an idle connection) are "x-1".
 * @param space whose numbers these are: the sender's in seq, the receiver's in ack
 * @return text
 */
char *words_number(enum numbers numbers, enum side space, uint32_t rel, char *text,
		   size_t text_bytes);

/** Write "1,234". @return text */
char *words_count(uint64_t n, char *text, size_t text_bytes);
/** Write "1 byte", "13 bytes", "64.2 kB", "1.8 MB". @return text */
char *words_bytes(uint64_t n, char *text, size_t text_bytes);

/**
 * Say what is particular about a segment in at most four words, for its row:
 * "again, same ISN", "NOT SENT", "out of order", ...
 * @return static text, "" if nothing is
 */
const char *words_remark(const struct event_segment *s);

enum note_weight {
	NOTE_PLAIN, /* what is usual: shown with -v */
	NOTE_SHOWN, /* always shown */
	NOTE_LOUD,  /* always shown, as a problem */
};

enum note_weight words_note_weight(enum note_code c);

/** Write the options of a segment: "mss 1460, sack permitted, wscale 10". "" if none. @return text
 */
char *words_options(const struct option_set *o, char *text, size_t text_bytes);

/** Write an end with its name, if it has one: "example.org (192.0.2.1:80)". @return text */
char *words_endpoint(const struct endpoint *e, const char *name, char *text, size_t text_bytes);

#endif

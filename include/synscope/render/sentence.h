/*
 * Whole sentences about events, in printable ASCII: what stands below a row, beside
 * a picture or in a packet's comment. Each writes to the caller's buffer and returns it.
 */
#ifndef SYNSCOPE_RENDER_SENTENCE_H
#define SYNSCOPE_RENDER_SENTENCE_H

#include "synscope/core/event.h"
#include "synscope/render/flows.h"
#include "synscope/render/render.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENTENCE_MAX 640

/** "flow 1: 192.0.2.1:40000 to example.org (192.0.2.2:80); we are the client, on eth0" */
char *sentence_intro(const struct flow_memory *m, bool goes_on, char *text, size_t text_bytes);

#define SENTENCE_SEGMENT_MAX 1024

/** "client to server SYN,ACK seq 0 raw 1000 ack 1 raw 2000 win 64240, client ESTABLISHED, server
 *  proven SYN-RECEIVED": a segment or an ICMP error, whole, without marks.
 *  @param text at least SENTENCE_SEGMENT_MAX bytes */
char *sentence_row(const struct event *e, const struct render_options *o, char *text,
		   size_t text_bytes);

/** The note's text, with its RFC. */
char *sentence_note(const struct note *n, char *text, size_t text_bytes);

/** "the server's kernel says ESTABLISHED, which was held impossible"; "" if it agrees. */
char *sentence_truth(enum side side, const struct end_view *v, char *text, size_t text_bytes);

/** "server, if segments were lost: SYN-RECEIVED; if its application acted: ...; at all: ..."
 *  Each set without what the ones before it have; "" if there is nothing more to say. */
char *sentence_sets(enum side side, const struct end_view *v, char *text, size_t text_bytes);

/** The timer's own text, or "retransmission timer, 1.000 s (expiry 1)". */
char *sentence_timer(const struct event_timer *t, char *text, size_t text_bytes);

/** "server: SYN-RECEIVED -> ESTABLISHED, proven by 5, its cause (RFC 9293 3.10.7.4)"; with one
 *  state if no more than our knowledge of it grew. */
char *sentence_transition(const struct transition *t, char *text, size_t text_bytes);

/** "ICMP port unreachable, about 1" */
char *sentence_icmp(const struct event_icmp *i, char *text, size_t text_bytes);

/** "win 64512 (63 scaled); mss 1460, sack permitted" */
char *sentence_window(const struct event_segment *s, char *text, size_t text_bytes);

/** "ttl 64, dscp 0, ecn 0, id 0, df; checksum 0x1234 good" */
char *sentence_headers(const struct event_segment *s, char *text, size_t text_bytes);

#endif

/* Builders of events: what the engine would say, without an engine. */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H

#include "synscope/core/event.h"
#include "synscope/render/out.h"
#include "synscope/render/render.h"

#define EVENTS_CLIENT_ISN 3897988994u
#define EVENTS_SERVER_ISN 2594639151u
#define EVENTS_BEGIN_NS INT64_C(1795334400000000000) /* 2026-11-22T08:00:00Z */

/* The defaults of a test: 80 columns, UTF-8, no color, both numbers, relative times. */
struct render_options events_options(void);

/* "client 192.0.2.1:50210 to server 192.0.2.2:7777", the client being ours. */
struct event events_start(uint32_t flow_id);

/* One segment of that exchange, in relative numbers; the acknowledgement is used if ACK is
 * among the flags. */
struct events_segment {
	uint32_t n;
	int64_t at_us; /* since EVENTS_BEGIN_NS */
	enum side from;
	uint16_t flags;
	uint32_t seq, ack, len;
	enum tcp_state client; /* exact */
	enum certainty certainty;
	enum tcp_state server;
};

/* The payload is counted, not captured: give it with events_payload(). */
struct event events_segment(uint32_t flow_id, const struct events_segment *s);
void events_payload(struct event *e, const void *data, uint32_t count);
/* Give a segment the frame it came in: raw IPv4 with right checksums, in @p buffer. */
#define EVENTS_FRAME_MAX 2048
void events_frame(struct event *e, uint8_t buffer[EVENTS_FRAME_MAX]);
void events_note(struct event *e, enum note_code code, const char *text, const char *rfc);

struct event events_icmp(uint32_t flow_id, uint32_t n, int64_t at_us);
struct event events_timer(uint32_t flow_id, int64_t at_us, const char *text);
struct event events_transition(uint32_t flow_id, int64_t at_us);
struct event events_verdict(uint32_t flow_id, int64_t at_us);
struct event events_flow(uint32_t flow_id, int64_t at_us);
struct event events_end(int64_t at_us);

/* The eleven segments of an open, 13 bytes each way and a close: the exchange that the
 * design of the views was drawn with. */
extern const struct events_segment events_exchange[];
extern const size_t events_exchange_count;

/* Open @p renderer in memory, give it events, and return what it wrote (to be freed). */
struct events_player {
	const struct renderer *renderer;
	struct render *render;
	struct out *out;
};

void events_play_begin(struct events_player *p, const char *renderer,
		       const struct render_options *options);
void events_play(struct events_player *p, const struct event *e);
/* All of events_exchange, with a start. */
void events_play_exchange(struct events_player *p, uint32_t flow_id);
/* Close the instance. @return what it wrote, for free(); @p count may be NULL */
char *events_play_end(struct events_player *p, size_t *count);

/* Every type of event once or more, with hostile names and payloads. */
void events_play_everything(struct events_player *p);

#endif

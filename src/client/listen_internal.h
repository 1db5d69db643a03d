/*
 * listen in three parts: listen.c (options, and everything that needs privilege, in one run of
 * lines), listen_run.c (the actor: what arrives, what goes out, the loop), listen_story.c (how
 * long each exchange is followed, and what is said at the end).
 */
#ifndef SYNSCOPE_CLIENT_LISTEN_INTERNAL_H
#define SYNSCOPE_CLIENT_LISTEN_INTERNAL_H

#include "synscope/client/actor.h"
#include "synscope/client/client.h"
#include "synscope/client/interrupt.h"
#include "synscope/client/payload.h"
#include "synscope/client/session.h"
#include "synscope/core/listener.h"
#include "synscope/core/serve.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/link.h"
#include "synscope/edge/route.h"

#include <stdbool.h>
#include <stdint.h>

enum listen_close { LISTEN_CLOSE_FIN, LISTEN_CLOSE_RST, LISTEN_CLOSE_NONE };

#define STRAYS_MAX 1024 /* exchanges shown that are no connection, or none any more */
#define EXCHANGES_EXTRA (2 * STRAYS_MAX)
#define SENT_MAX 65536 /* a power of two: segments on their way back through the capture */

struct listen_options {
	struct opt_u32 isn, mss, wscale, window, ttl, tos, max_retries, max_clients, backlog,
		rst_after;
	bool no_mss, no_wscale, no_ts, no_sack, ecn, once, split_handshake;
	const char *serve;
	const char *data_text, *data_hex, *data_file;
	int close, as, guard;
	int64_t rto_ns, late_ns, zero_window_ns, time_wait_ns, fin_wait_ns;
	struct trouble trouble;
};

/* What this program knows of a connection besides its machine; beside its slot. */
struct client {
	struct serve serve;
	uint32_t interface_index; /* it came in by */
	uint32_t arrivals;        /* segments given to the machine */
	uint32_t on_way;          /* sent, and not yet back through the capture */
	uint64_t bytes;           /* of text, both ways */
	bool began, close_called, aborted;
	struct actor_why why; /* of the last transition of the machine */
	const char *deed;     /* done to the next segment on purpose, or NULL */
};

/* Exchanges that will be ended, unless something more comes: a ring, in order. */
struct endings {
	int64_t quiet_ns; /* after so long without a segment */
	struct ending {
		struct endpoint local, remote;
		uint32_t flow_id;
	} * ring; /* STRAYS_MAX of them */
	uint32_t head, tail;
	uint32_t *flow; /* by slot of the pipeline: the flow that stands in the ring */
};

struct listen {
	struct listen_options options;
	struct target target;
	struct route_host host;
	uint32_t interface_index; /* of -i; 0: all of them */
	struct guard *guard[2];
	struct link *link;
	struct session *session;

	struct listener_config config; /* owns the listener's memory */
	struct listener listener;
	struct client *clients;
	size_t buffers_bytes;

	struct payload greeting;
	struct serve_content content;
	enum serve_kind serve;

	struct sent *sent_slots;
	struct sent_log sent;
	uint32_t current_interface; /* that the frame in hand came by */
	unsigned frames;            /* in this look */

	struct endings soon;  /* what is over */
	struct endings later; /* what was not answered, or by a cookie: more may come of it */

	bool stopping;
	bool once_done;
	int64_t deadline_ns; /* monotonic; of the whole */
	int64_t begun_ns;
	uint64_t unsendable;
	struct fault why;
};

/* listen_run.c: the actor's side of pipeline_hooks (context is struct listen). */
bool listen_is_own(void *context, const struct endpoint *e);
void listen_own_segment(void *context, const struct segment *s, bool out, int64_t time_ns,
			struct own_word *word);
void listen_own_icmp(void *context, const struct icmp_error *e, int64_t time_ns,
		     struct own_word *word);
bool listen_own_begins(void *context, const struct segment *s);
void listen_freed(void *context, struct connection *c);
/* Serve until told to stop, and until all are gone. */
void listen_run(struct listen *l);

/* listen_story.c */
struct exchange *story_exchange(struct listen *l, const struct endpoint *local,
				const struct endpoint *remote);
/* @return whether there was memory for the rings */
bool story_init(struct listen *l, uint32_t exchanges_max);
/* There is no connection to it (any more), or only TIME-WAIT: end it after a while, a long one if
 * the client may still await an answer, and repeat itself. */
void story_end_soon(struct listen *l, const struct endpoint *local, const struct endpoint *remote,
		    bool awaits);
/* End what has been quiet for long enough. @return when (monotonic) to look again */
int64_t story_end_quiet(struct listen *l, bool all);
/* pipeline_hooks */
bool story_follow(void *context, const struct segment *s);
bool story_make_room(void *context, const struct segment *s);
/* What the guards are and did. */
struct event_flow story_guard(const struct listen *l);
/* What there is to say at the end, on stderr. */
void story_counts(const struct listen *l);

#endif

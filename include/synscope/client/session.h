/*
 * What every verb that shows segments has in common: the pipeline, the exchanges and their
 * beliefs, and the renderers that the user asked for.
 */
#ifndef SYNSCOPE_CLIENT_SESSION_H
#define SYNSCOPE_CLIENT_SESSION_H

#include "synscope/core/pipeline.h"
#include "synscope/core/util.h"
#include "synscope/edge/link.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

struct session_spec {
	struct pipeline_hooks hooks; /* event is the session's own */
	bool own_is_client;
	uint32_t exchanges_max;
	const char *client_name, *server_name, *interface, *vantage; /* borrowed; NULL allowed */
	bool live;                                                   /* flush per event */
	bool truth; /* the kernel's state will be given with frames */
	bool assume_cookies;
	bool no_view;       /* only the files of -w: stdout is the caller's */
	uint32_t only_flow; /* show this flow only; 0: all */
};

/**
 * Open the outputs that the global options name, and an empty pipeline.
 * @return -1 with @p s, or the exit status after an error line
 */
must_check int session_open(struct session **s, const struct session_spec *spec);

/** @return the pipeline, for its other calls. */
struct pipeline *session_pipeline(struct session *s);

/** Name the interface, once it is known; borrowed. */
void session_interface(struct session *s, const char *interface);

/** Take a frame. @param truth or NULL */
void session_frame(struct session *s, const struct link_frame *frame,
		   const struct pipeline_truth *truth);

struct step;

/** @return the step mode that takes the place of a view, or NULL. */
struct step *session_step(struct session *s);

/** @return whether nobody reads our output any more, so that going on is pointless. */
bool session_gone(const struct session *s);

/** @return how many segments were taken. */
uint64_t session_segments(const struct session *s);

/**
 * Give the closing records, finish every output, and let the files appear.
 * @return @p status, or the status of an output that failed, after an error line
 */
int session_finish(struct session *s, const struct event_flow *guard, int status,
		   const struct link_stats *stats, const char *reason);

void session_close(struct session *s);

#endif

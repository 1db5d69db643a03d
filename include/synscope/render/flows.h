/*
 * What a renderer remembers of each flow between its start and its closing record:
 * one table, for every renderer that needs it. Memory is given back when a flow ends.
 */
#ifndef SYNSCOPE_RENDER_FLOWS_H
#define SYNSCOPE_RENDER_FLOWS_H

#include "synscope/core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_NAME_MAX 64

struct flow_memory {
	uint32_t id;
	bool has_start; /* EVENT_START came; if not, the endpoints are those of a segment */
	bool has_ends;  /* client and server are known */
	struct endpoint client, server;
	bool client_local, server_local;
	char client_name[FLOW_NAME_MAX]; /* "" if none; foreign text, cut */
	char server_name[FLOW_NAME_MAX];
	char interface[FLOW_NAME_MAX];
	char vantage[FLOW_NAME_MAX];
	char community_id[FLOW_NAME_MAX];

	uint32_t shown;      /* segments, ICMP errors and timers so far */
	int64_t first_ns;    /* time of the first of them: the zero of relative times */
	int64_t last_ns;     /* time of the last of them */
	int64_t previous_ns; /* and of the one before that; last_ns if there is none */
	int decimals;        /* of a millisecond, in relative times: 1 or 3 */
	int64_t rtt_ns;      /* from the first segment to the first answer; 0: none yet */
	enum side first_from;
	bool has_isn[2]; /* by enum side */
	uint32_t isn[2];
	struct end_view end[2]; /* as last shown, the renderer's care; at first nothing known */

	bool has_verdict;
	struct event_verdict verdict;

	void *own;                /* the renderer's, who frees it */
	struct flow_memory *next; /* the table's */
};

struct flows {
	struct flow_memory **buckets;
	size_t buckets_count; /* 0 or a power of two */
	size_t count;
	struct flow_memory spare; /* stands in for all when memory is out */
};

void flows_init(struct flows *f);

/**
 * Give the record that an event belongs to, made anew if need be, with what the event
 * itself tells already noted: names, endpoints, initial sequence numbers, the verdict.
 * The clock (shown, first_ns, last_ns, ...) and end[] are not touched; see flow_tick().
 * @return never NULL
 */
struct flow_memory *flows_take(struct flows *f, const struct event *e);

/** Move a flow's clock on by a segment, an ICMP error or a timer, before it is shown. */
void flow_tick(struct flow_memory *m, const struct event *e);

/** Forget a flow; m->own must have been freed. */
void flows_drop(struct flows *f, struct flow_memory *m);

/**
 * List the flows that are still open, by number.
 * @return an array of f->count pointers, which the caller frees; NULL if none or no memory
 */
struct flow_memory **flows_list(const struct flows *f);

/** Forget all flows; every m->own must have been freed. */
void flows_reset(struct flows *f);

#endif

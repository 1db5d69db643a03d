/*
 * The one way of every frame, whatever verb it came for:
 *
 *   frame -> packet -> flow -> belief -> judge -> event
 *
 * A live capture, a capture file and a simulated link all feed pipeline_frame(); every
 * renderer hears what comes out. An end that is ours (the actor's) is known exactly, the
 * actor says in which state it is; every other end is inferred.
 */
#ifndef SYNSCOPE_CORE_PIPELINE_H
#define SYNSCOPE_CORE_PIPELINE_H

#include "synscope/core/belief_pool.h"
#include "synscope/core/event.h"
#include "synscope/core/flow.h"
#include "synscope/core/frame.h"
#include "synscope/core/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_RECENT_MAX 16

/* One flow with what is believed of its ends. */
struct exchange {
	struct flow flow;
	struct belief_slim belief[2]; /* by enum side; of an end of our own, unused */
	struct end_view view[2];      /* as last shown */
	int own_side;                 /* enum side of our own end, or -1 */
	bool doubted[2];              /* its last segment was an RST that may not be its own */
	bool ended;                   /* EVENT_FLOW was given */
	uint32_t next_free;           /* the pipeline's, of a slot that is free */
	struct exchange_recent {      /* the last segments, for ICMP errors that quote them */
		uint32_t n;
		uint8_t side;
		seq_t seq;
	} recent[EXCHANGE_RECENT_MAX];
	uint32_t recent_count;  /* ever; the ring position is modulo EXCHANGE_RECENT_MAX */
	struct exchange_stray { /* the last SYN into it while it was open; a SYN,ACK that
				   answers it proves that it began another exchange */
		uint32_t n;     /* 0: none */
		int64_t time_ns;
		struct segment syn; /* without options and payload, which were borrowed */
	} stray;
};

/* A raw frame, from wherever. */
struct pipeline_frame {
	int64_t time_ns;
	uint64_t pcap_count; /* 0: counted here */
	uint32_t link_type;
	const uint8_t *data; /* borrowed */
	size_t captured_bytes, wire_bytes;
	enum frame_hint hint; /* direction, if the source knows (pcapng flags); overrides */
	const struct pipeline_truth *truth; /* what the kernel of the end that is not ours said just
					  after this frame and before any later one; or NULL */
};

struct pipeline_truth {
	enum tcp_state state;
	bool fin_unsent;
};

/* What the actor says of a segment of a flow of its own. */
struct own_word {
	bool known; /* the state below is that of our end after this segment */
	enum tcp_state state;
	bool unsent;       /* from our address and port, but the actor did not send it:
			      our kernel, or somebody else */
	const char *cause; /* static; why the state changed, or NULL */
	const char *rfc;   /* static, or NULL */
	const char *deed;  /* static; what was done to the segment on purpose, or NULL */
};

struct pipeline_hooks {
	void *context;
	/* Whether an endpoint is our own end (trace: our address and port). NULL: none is; else
	 * only flows with an own end are followed. */
	bool (*is_own)(void *context, const struct endpoint *e);
	/* A segment of a flow with an own end. In: the actor takes it as arrived. Out: it is a
	 * copy of what was sent. Called before the event is made, and also where there is no slot
	 * to follow the flow in. NULL allowed when is_own is. */
	void (*own_segment)(void *context, const struct segment *s, bool out, int64_t time_ns,
			    struct own_word *word);
	void (*own_icmp)(void *context, const struct icmp_error *e, int64_t time_ns,
			 struct own_word *word);
	/* A SYN with a new number for a flow with an own end: whether our end takes it as the
	 * beginning of another connection. NULL: never. */
	bool (*own_begins)(void *context, const struct segment *s);
	/* A segment of no flow that is followed, with an own end: whether to follow its flow from
	 * here on. NULL: always. */
	bool (*follow)(void *context, const struct segment *s);
	/* All slots are taken: end one (pipeline_end) that matters less than this segment's flow,
	 * and return true; or leave that flow unfollowed. NULL: so it is always. */
	bool (*make_room)(void *context, const struct segment *s);
	event_fn event; /* receives every event */
	void *event_context;
};

struct pipeline_config {
	struct pipeline_hooks hooks;
	struct exchange *exchanges; /* caller's slots; zeroed */
	uint32_t exchanges_max;
	struct belief_pool *pool; /* of the beliefs; the caller's */
	struct flow_index *index; /* a power of two, at least 2 x exchanges_max */
	uint32_t index_count;
	const char *client_name, *server_name, *interface; /* for EVENT_START; NULL allowed */
	const char *vantage;
	/* Writes the community id of two endpoints; NULL: none. */
	void (*community_id)(const struct endpoint *client, const struct endpoint *server,
			     char *text, size_t text_bytes);
	bool assume_cookies;
	bool own_is_client; /* our own end is the client, whoever sent the first SYN */
};

struct pipeline {
	struct pipeline_config config;
	struct flow_table table;
	uint32_t
		exchanges_used; /* slots ever used; those that ended are in the list of free ones */
	uint32_t free_first;    /* index + 1 of a free slot; 0: none */
	uint32_t flows;         /* ever */
	uint64_t frames;
	uint64_t segments;
	uint64_t undecodable; /* TCP that could not be decoded */
	uint64_t other;       /* not TCP */
	uint64_t unfollowed;  /* segments of flows for which there was no slot */
	bool link_unknown;    /* frames of a link type that is not understood came: */
	uint32_t link_type;   /* the last one */
};

void pipeline_init(struct pipeline *p, const struct pipeline_config *config);

/** Take one frame through. Events are given before it returns. */
void pipeline_frame(struct pipeline *p, const struct pipeline_frame *frame);

/** Note a segment that was built and deliberately not sent.
 *  @param word what its sender says of itself and of the deed; or NULL */
void pipeline_held(struct pipeline *p, const struct segment *s, const struct own_word *word,
		   int64_t time_ns);

/** Give the closing record of an exchange that is over, and free its slot. What still comes
 *  for its endpoints is another exchange. Not to be called of the exchange whose segment a hook is
 *  just told of.
 *  @param guard as for pipeline_finish(), or NULL */
void pipeline_end(struct pipeline *p, struct exchange *x, const struct event_flow *guard);

/** Tell that a timer of our own end fired. NULL @p x is allowed, here and below: nothing happens.
 */
void pipeline_timer(struct pipeline *p, struct exchange *x, const struct event_timer *timer,
		    int64_t time_ns);

/** Tell that our own end changed its state without a segment (a call, a timer). */
void pipeline_own_state(struct pipeline *p, struct exchange *x, const struct own_word *word,
			int64_t time_ns);

/** Give a verdict event. */
void pipeline_verdict(struct pipeline *p, struct exchange *x, const struct event_verdict *verdict,
		      int64_t time_ns);

/** @return the exchange of two endpoints, or NULL. */
struct exchange *pipeline_find(struct pipeline *p, const struct endpoint *x,
			       const struct endpoint *y);

/**
 * Give the closing record of every exchange, in order, and the end event.
 * @param guard filled in for our own flow when not NULL
 */
void pipeline_finish(struct pipeline *p, const struct event_flow *guard,
		     const struct event_end *end);

#endif

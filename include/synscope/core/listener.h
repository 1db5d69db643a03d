/*
 * The passive end: many connections at one port, each of them a `machine`.
 *
 * Nothing of TCP is written here a second time. A segment is given to the machine of its
 * connection; if there is none, to one that listens, and what that answers is the answer:
 * SYN,ACK, RST with the right numbers, or nothing (RFC 9293 section 3.10.7.2; of a closed
 * port section 3.10.7.1). If the table moves that machine to SYN-RECEIVED it is kept.
 *
 * Half-open connections are bounded. Beyond the bound, SYNs are answered by cookies (cookie.h)
 * and forgotten; the ACK that brings one back is preceded by the SYN that it proves, given to
 * a new machine, so that the two are one code. When all slots are taken, the oldest
 * TIME-WAIT makes room; if there is none, a SYN is not answered: it will come again.
 *
 * Use: listener_init; for each segment listener_segment(); then, while listener_ready() gives
 * a connection: serve it (machine_receive, machine_send, machine_close of c->machine), send
 * all that listener_output() gives, and listener_settle() it; sleep until
 * listener_deadline(), then listener_tick(). Everything here is the caller's memory.
 */
#ifndef SYNSCOPE_CORE_LISTENER_H
#define SYNSCOPE_CORE_LISTENER_H

#include "synscope/core/addr.h"
#include "synscope/core/cookie.h"
#include "synscope/core/flow.h"
#include "synscope/core/machine.h"
#include "synscope/core/segment.h"
#include "synscope/core/spec.h"
#include "synscope/core/trouble.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum listener_as {
	LISTENER_OPEN,
	LISTENER_CLOSED,    /* nobody is there: everything is answered by RST */
	LISTENER_SILENT,    /* nothing is answered */
	LISTENER_LATE,      /* open, but a SYN is answered only after late_ns */
	LISTENER_STATELESS, /* open, and every SYN answered by a cookie */
};

#define LISTENER_NONE UINT32_MAX
#define LISTENER_PAYLOAD_MAX 65535

struct connection {
	struct machine machine;
	uint32_t number;         /* from 1, never used again; 0: this slot is free */
	bool half_open;          /* counts as such */
	bool from_cookie;        /* nothing was remembered between SYN and ACK */
	bool was_open;           /* it has been ESTABLISHED */
	bool is_ready;           /* stands in the list of listener_ready() */
	bool is_waiting;         /* stands in the list of those in TIME-WAIT */
	uint32_t next, previous; /* among the ready, or the free; LISTENER_NONE: there is none */
	uint32_t next_waiting, previous_waiting;
	uint32_t heap_at; /* LISTENER_NONE: no deadline */
	int64_t deadline_ns;
	int64_t mute_until_ns;   /* nothing is sent before */
	int64_t window_opens_ns; /* the window is closed until then; INT64_MAX: it is open */
	int64_t alarm_ns; /* the caller's: listener_ready() gives it then; INT64_MAX: never */
	struct trouble_count made;
};

/* A segment that goes later than it was made. */
struct listener_parked {
	bool used;
	bool after_next; /* goes as soon as another one of its connection went */
	uint32_t slot, number;
	int64_t at_ns;
	struct segment_spec spec;
	uint8_t payload[LISTENER_PAYLOAD_MAX];
};

struct listener_config {
	struct machine_config machine; /* for all; endpoints, ISN, MSS and buffers are set here */
	enum listener_as as;
	bool has_isn; /* machine.isn for every connection; else by the clock and a hash */
	int64_t late_ns;
	int64_t zero_window_ns; /* the window is closed for so long from the SYN on; 0: not */
	bool split_handshake;   /* a SYN is answered by a SYN: both ends open actively */
	struct trouble trouble;
	struct cookie_key key;
	/* A slot is about to become free. NULL: nobody wants to know. */
	void (*freed)(void *context, struct connection *c);
	void *context;

	/* the caller's memory */
	struct connection *connections; /* zeroed */
	uint32_t connections_max;
	uint32_t half_open_max;   /* beyond it: cookies */
	struct flow_index *index; /* a power of two, at least 2 x connections_max */
	uint32_t index_count;
	uint32_t *heap;   /* connections_max of them */
	uint8_t *buffers; /* connections_max x (send + receive bytes of machine) */
	struct listener_parked *parked;
	uint32_t parked_max;
};

struct listener_counts {
	uint64_t opened;                    /* connections that reached ESTABLISHED */
	uint64_t half_open_peak, used_peak; /* at once; used: half-open, open and waiting */
	uint64_t cookies_sent, cookies_good, cookies_bad;
	uint64_t resets_sent; /* for what is not ours */
	uint64_t unanswered;  /* SYNs without a slot */
	uint64_t evicted;     /* TIME-WAITs cut short */
};

struct listener {
	struct listener_config config;
	struct flow_table table;
	struct machine spare; /* for what belongs to no connection */
	uint32_t used, half_open;
	uint32_t free_first;
	uint32_t ready_first, ready_last;
	uint32_t waiting_first, waiting_last;
	uint32_t heap_count;
	uint32_t next_number;
	uint32_t parked_count;
	int64_t cookies_until_ns; /* ACKs are looked at as cookies until then */
	bool copy_due;            /* listener_output() gives `copy` once more */
	struct segment_spec copy;
	struct listener_counts counts;
};

/** Copies @p config; the memory stays the caller's. */
void listener_init(struct listener *l, const struct listener_config *config);

/** Take no new connection from now on: as if the port were closed, but for those that are open. */
void listener_close(struct listener *l);

/* What became of a segment. */
struct listener_answer {
	struct connection *connection; /* it belongs to this one; NULL: to none */
	bool is_new;                   /* which it has just made */
	bool is_reused;                /* which was in TIME-WAIT and is a new one now */
	bool answers;                  /* without a connection: send `spec` */
	bool cookie;                   /* and that is a SYN cookie */
	struct segment_spec spec;
	int row; /* of tcp_rules, that decided where there is no connection; -1: none */
};

/**
 * A segment arrived for our port. One with a bad checksum must not be given.
 * @param mss largest one to announce and to send on the way it came
 */
void listener_segment(struct listener *l, const struct segment *s, uint16_t mss, int64_t now_ns,
		      struct listener_answer *answer);

/** @return whether a SYN for this port would begin a connection, there being none that it belongs
 *  to, or only one that may end now (TIME-WAIT) */
bool listener_begins(struct listener *l, const struct segment *s);

/** @return whether SYNs are answered by cookies because there are too many half-open connections */
bool listener_is_pressed(const struct listener *l);

/** An ICMP error arrived that quotes a segment of ours. @return its connection, or NULL */
struct connection *listener_icmp(struct listener *l, const struct icmp_error *e, int64_t now_ns);

/** @return the connection of two endpoints, or NULL. */
struct connection *listener_find(struct listener *l, const struct endpoint *local,
				 const struct endpoint *remote);

/** Let every timer fire that is due. */
void listener_tick(struct listener *l, int64_t now_ns);

/** @return when listener_tick must be called next; INT64_MAX: never. */
int64_t listener_deadline(const struct listener *l);

/** Have a connection given by listener_ready(), because something was done to it. */
void listener_touch(struct listener *l, struct connection *c);

/** @return the next connection that something happened to, or NULL. It is taken off the list. */
struct connection *listener_ready(struct listener *l);

/* What becomes of a segment that was made. */
struct listener_fate {
	unsigned deeds; /* set of 1 << enum trouble_kind that were done to it */
	bool held;      /* do not send: show it as lost on purpose */
	bool parked;    /* do not send: it will be given again later */
	bool is_copy;   /* the second of two */
};

/**
 * Give the next segment of a connection.
 * @param spec as of machine_output(), borrowed until the next call of anything here
 * @return false when there is nothing to send now
 */
bool listener_output(struct listener *l, struct connection *c, struct segment_spec *spec,
		     struct listener_fate *fate, int64_t now_ns);

/** Give the next segment whose delay is over, of whichever connection.
 *  @param c receives it; NULL if it is gone */
bool listener_output_parked(struct listener *l, struct segment_spec *spec, struct connection **c,
			    unsigned *deeds, int64_t now_ns);

/** All is done with it for now: set its timers, count it, and free its slot if it is CLOSED.
 *  @return false if the slot was freed; @p c must not be used then */
bool listener_settle(struct listener *l, struct connection *c, int64_t now_ns);

#endif

/*
 * The record of one exchange: who, which numbers, how far, and what was seen of it.
 * Keyed by the unordered pair of endpoints; kept in a table on the caller's slots.
 */
#ifndef SYNSCOPE_CORE_FLOW_H
#define SYNSCOPE_CORE_FLOW_H

#include "synscope/core/addr.h"
#include "synscope/core/event.h"
#include "synscope/core/segment.h"
#include "synscope/core/seq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_GAPS_MAX 4 /* holes remembered in one side's numbers */

/* What one side has put on the wire, as far as it was seen. */
struct flow_side {
	struct endpoint endpoint;
	bool syn_seen, isn_known; /* the ISN is also known from the other side's SYN-ACK's ack */
	seq_t isn;
	bool syn_acked;  /* the other side has acknowledged the SYN */
	bool started;    /* seq_next is meaningful */
	seq_t seq_first; /* lowest seen */
	seq_t seq_next;  /* highest seen end: what its next new segment starts with */
	bool fin_seen, fin_acked;
	seq_t fin_seq;
	bool acked;           /* it has sent an acknowledgement that can be right */
	seq_t ack_last;       /* highest it has sent */
	seq_t edge;           /* with acked: the right edge of its window, the highest it has
				 announced; with the largest scale if the scale is unknown */
	bool fragmented;      /* it has sent segments in IP fragments, which are not counted */
	bool ack_ahead_known; /* its last acknowledgement was of numbers that were not seen */
	seq_t ack_ahead;
	uint16_t window_last; /* the field of its last segment */
	bool window_scale_known;
	uint8_t window_shift; /* that applies to its window field */
	bool option_seen;     /* option is that of its SYN */
	struct option_set option;
	uint8_t gap_count; /* numbers skipped and not seen yet, oldest first */
	struct flow_gap {
		seq_t left, right;
		int64_t time_ns; /* when it showed */
	} gap[FLOW_GAPS_MAX];
	struct flow_stray { /* its last segment whose numbers cannot belong here */
		bool known, syn;
		seq_t seq, next; /* its number, and the one after it */
		bool ack_known;
		seq_t ack;
		struct option_set option;
		int64_t time_ns;
	} stray;
	bool probe_last; /* its last segment was a keep-alive or a window probe */
	uint32_t segments;
	uint32_t retransmissions;
	uint32_t out_of_order;
	uint32_t duplicate_acks;
	uint64_t bytes; /* payload, each number counted once */
	bool rst_seen;  /* one that would be its end; taken back if it goes on */
	seq_t rst_seq;  /* of the last one */
	int64_t rst_ns;
	bool time_last_known;
	int64_t time_last_ns;
};

enum flow_phase { FLOW_OPENING, FLOW_DATA, FLOW_CLOSING, FLOW_ENDED };

/* What Zeek and Wireshark would call it, for comparison: they look at flags, never at whether
 * a segment is acceptable. flow_peers.c */
struct flow_peers {
	uint8_t completeness;           /* Wireshark's bits */
	char history[FLOW_HISTORY_MAX]; /* Zeek's letters */
	uint8_t history_count;
	struct flow_zeek {
		uint8_t state, state_before;
		uint8_t given;       /* letters already given, a bit for each class */
		seq_t syn, fin, rst; /* numbers of the last ones */
		bool started;
		seq_t first, last; /* where it began; the highest end */
		uint32_t again, zero_windows;
	} zeek[2];
};

struct flow {
	uint32_t id;              /* from 1; 0: free slot */
	struct flow_side side[2]; /* by enum side */
	bool client_certain;      /* a SYN was seen; else the side that spoke first */
	uint32_t segments;        /* numbered events so far, ICMP errors included */
	int64_t begin_ns, last_ns;
	int64_t syn_ns,
		synack_ns; /* of the copies that answer each other; valid if the flags say */
	bool has_syn_ns, has_synack_ns;
	bool syn_ambiguous; /* the SYN was retransmitted: which copy was answered is unknown
			       (Karn) unless a timestamp echo tells */
	bool syn_ts_told;   /* the last copy's timestamp is not that of the one before */
	bool handshake_complete;
	int64_t established_ns; /* both SYNs are acknowledged: the handshake's third segment */
	int64_t data_first_ns, data_last_ns;
	int64_t close_begin_ns, close_end_ns;
	bool has_data, close_begun, close_ended;
	bool has_closer;
	enum side closer;
	enum close_kind close;
	struct flow_before { /* the exchange that had these ports before */
		bool known, ended;
		uint32_t id;
		uint32_t syn_n; /* the SYN that opens this one was shown there; 0: it was not */
		bool seq_known;
		seq_t seq_next; /* of the side that opens now */
		int64_t last_ns;
	} before;
	struct flow_peers peers;
	struct transition transitions[FLOW_TRANSITIONS_MAX];
	uint32_t transitions_count, transitions_lost;
};

/* What a RST is to its receiver: RFC 9293 section 3.10.7.3 second check, RFC 5961 section 3.2. */
enum flow_rst {
	FLOW_RST_NONE,       /* no RST */
	FLOW_RST_REFUSES,    /* acknowledges the SYN of a receiver in SYN-SENT */
	FLOW_RST_EXACT,      /* at its next expected number */
	FLOW_RST_UNSURE,     /* exact or not, by how much of what was sent before it arrived */
	FLOW_RST_UNTOLD,     /* the receiver has said nothing yet that would tell */
	FLOW_RST_CHALLENGED, /* in its window, not exact */
	FLOW_RST_IGNORED,    /* outside its window, or no answer to its SYN */
	FLOW_RST_BOUNCE,     /* the answer to a segment of the receiver that cannot belong */
};

/* What is new in a segment against the flow, found before the flow takes it in. */
struct flow_delta {
	bool is_new;         /* brings numbers never seen */
	bool retransmission; /* all of its numbers were seen, and it has some; or they fill a
				hole so late that they must have been sent again */
	bool needless;       /* and all of them were acknowledged already */
	bool overlap;        /* some were seen */
	bool fills_gap;
	bool out_of_order;  /* fills a gap that was never retransmitted evidence for: came late */
	bool gap_before;    /* starts beyond what was seen: something is missing before it */
	uint32_t gap_count; /* how many numbers are missing */
	uint32_t bytes_new; /* of its payload */
	bool outside;       /* numbers or acknowledgement that cannot belong: moves nothing */
	bool resumes;       /* continues such a segment: so they do belong, and the capture
			       has missed what lies between */
	bool keep_alive;    /* SND.NXT - 1 with at most one byte, nothing else outstanding */
	bool window_probe;  /* the same, or one new byte, while the other window is closed */
	bool answers_probe; /* of either kind */
	bool ack_valid;     /* acknowledges numbers that the other side was seen to use */
	bool ack_advances;  /* and more than its side had */
	uint32_t ack_count; /* how many numbers more */
	bool ack_old;       /* fewer */
	bool ack_duplicate; /* the same, no data, same window, and something is outstanding */
	bool ack_future;    /* acknowledges numbers that the other side was not seen to send */
	bool ack_missed;    /* for the second time: the capture has missed them */
	bool ack_alien;     /* acknowledges numbers that the other side cannot have used */
	bool ack_stray;     /* acknowledges the other side's stray segment: it does belong */
	bool window_changed;
	bool acks_fin; /* of the other side, for the first time */
	bool acks_syn;
	bool new_incarnation; /* a SYN with another ISN than the flow's */
	bool revives;         /* goes on after its own RST, later than by another way: that one
				 was not its own, or was not the end */
	enum flow_rst rst;
};

/** Reset to an exchange between these two, opened by @p client. */
void flow_init(struct flow *f, uint32_t id, const struct endpoint *client,
	       const struct endpoint *server, bool client_certain, int64_t time_ns);

/** @return whether both sides are one end, which has connected to its own address and port. */
bool flow_is_to_itself(const struct flow *f);

/** @return which side sent it, by its source: the client, of an end that is connected to itself.
 * The segment must belong to the flow. */
enum side flow_side_of(const struct flow *f, const struct endpoint *src,
		       const struct endpoint *dst);

/** Compare a segment with the flow, without changing it. */
void flow_compare(const struct flow *f, enum side from, const struct segment *s, int64_t time_ns,
		  struct flow_delta *delta);

/**
 * Say whether a SYN begins another exchange on the same ports: the one before is over, or was
 * never answered. A SYN into an open connection does not (RFC 5961 section 4.2), unless it
 * is answered by a SYN,ACK: see ack_stray.
 */
bool flow_is_reused(const struct flow *f, enum side from, const struct flow_delta *delta);

/** Take a segment in: numbers, counts, phases, history. */
void flow_take(struct flow *f, enum side from, const struct segment *s,
	       const struct flow_delta *delta, int64_t time_ns);

/** @return the window a segment announces, in bytes, and whether the scale is known. */
uint32_t flow_window(const struct flow *f, enum side from, const struct segment *s, bool *known);

/** Remember a change of state; what does not fit is counted. */
void flow_transition(struct flow *f, const struct transition *t);

/** Fill the closing record (ends' views are the caller's). */
void flow_summary(const struct flow *f, struct event_flow *out);

/* The table: open addressing on the caller's slots. */
struct flow_index {
	struct endpoint a, b; /* a < b by endpoint_compare */
	uint32_t flow;        /* index of the flow + 1; 0: free */
};

struct flow_table {
	struct flow_index *slots; /* caller's; a power of two of them */
	uint32_t slots_count;
	uint32_t used;
};

/** Empty the table. @param slots_count a power of two, at least 2 */
void flow_table_init(struct flow_table *t, struct flow_index *slots, uint32_t slots_count);

/**
 * Find the flow of two endpoints, in either order.
 * @return its index, or -1
 */
int64_t flow_table_find(const struct flow_table *t, const struct endpoint *x,
			const struct endpoint *y);

/** Enter or replace. @return false when the table is three quarters full (nothing changed); one
 *  slot always stays free */
bool flow_table_put(struct flow_table *t, const struct endpoint *x, const struct endpoint *y,
		    uint32_t flow);

/** Forget. Later entries are moved so that every one is still found. */
void flow_table_remove(struct flow_table *t, const struct endpoint *x, const struct endpoint *y);

#endif

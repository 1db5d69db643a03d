/*
 * What happened: the only vocabulary between the engine and the renderers.
 *
 * An event is a value. Pointers inside it (payload, options, frame) are borrowed
 * and good only until the renderer returns; a renderer that keeps more copies it.
 * docs/events.schema.json is the same vocabulary as JSON.
 */
#ifndef SYNSCOPE_CORE_EVENT_H
#define SYNSCOPE_CORE_EVENT_H

#include "synscope/core/addr.h"
#include "synscope/core/segment.h"
#include "synscope/core/state.h"

#include <stdbool.h>
#include <stdint.h>

enum event_type {
	EVENT_START, /* a flow was first seen: who, where from, which end is ours */
	EVENT_SEGMENT,
	EVENT_ICMP,       /* an error that quotes one of the flow's segments */
	EVENT_TIMER,      /* a timer of our own end fired */
	EVENT_TRANSITION, /* an end changed its state, or our knowledge of it grew */
	EVENT_VERDICT,    /* what the answer means for the port */
	EVENT_FLOW,       /* the closing record */
	EVENT_END,        /* always the last */
};

enum side { SIDE_CLIENT, SIDE_SERVER };

static inline enum side side_other(enum side s)
{
	return s == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

const char *side_name(enum side s);

enum certainty {
	CERTAINTY_UNKNOWN,  /* nothing is known that would single out a state */
	CERTAINTY_EXPECTED, /* if all that was sent to it arrived; see belief.h */
	CERTAINTY_PROVEN,   /* segment `proven_by` can only come from here, and nothing sent
			       since can have changed it */
	CERTAINTY_EXACT,    /* our own end */
};

const char *certainty_name(enum certainty c);

/* What is known of one end after a segment. DESIGN: expected, loss, orderly, possible
 * are nested; JSON carries all, the ladder the first. */
struct end_view {
	enum certainty certainty;
	enum tcp_state state;     /* exact, or expected; undefined when CERTAINTY_UNKNOWN */
	uint32_t proven_by;       /* number of the proving segment; 0: none */
	state_set_t proven;       /* states it can have been in as it sent proven_by; 0: none */
	state_set_t loss;         /* with state: if some of our segments were lost or late */
	state_set_t orderly;      /* and if its application sent or closed */
	state_set_t possible;     /* and if anything at all happened that RFC 9293 allows */
	bool fin_unsent_possible; /* ESTABLISHED may be FIN-WAIT-1 with the FIN still queued,
				     CLOSE-WAIT may be CLOSING or LAST-ACK likewise */
	bool contradiction;       /* this segment cannot come from there; see the note */
	bool has_truth;           /* the kernel was asked (lab only) */
	enum tcp_state truth;
	bool truth_fin_unsent; /* the kernel has a FIN queued that was not sent */
};

/* Note codes are a documented, stable vocabulary: names are in event.c, never change
 * them, only add. Order: openings, acknowledgements, data, closings, resets, oddities. */
enum note_code {
	NOTE_SYN, /* opens; its ISN */
	NOTE_SYN_RETRANSMITTED,
	NOTE_SYNACK_ACCEPTABLE, /* acknowledges our SYN: ack = ISN + 1 */
	NOTE_SYNACK_WRONG_ACK,  /* a TCP in SYN-SENT answers this with RST */
	NOTE_SYNACK_RETRANSMITTED,
	NOTE_HANDSHAKE_COMPLETE,
	NOTE_SIMULTANEOUS_OPEN,
	NOTE_SPLIT_HANDSHAKE,
	NOTE_COOKIE_SUSPECTED, /* signs of a SYN cookie or proxy */
	NOTE_OPTIONS_NEGOTIATED,
	NOTE_FASTOPEN,
	NOTE_ACKS_DATA,
	NOTE_ACK_DUPLICATE,
	NOTE_ACK_OLD,
	NOTE_ACK_FUTURE,    /* acknowledges what was never sent */
	NOTE_CHALLENGE_ACK, /* RFC 5961 */
	NOTE_SACK,
	NOTE_DSACK,
	NOTE_DATA, /* in order */
	NOTE_DATA_RETRANSMITTED,
	NOTE_DATA_OUT_OF_ORDER,
	NOTE_DATA_OVERLAP,
	NOTE_DATA_OUTSIDE_WINDOW,
	NOTE_KEEP_ALIVE,
	NOTE_KEEP_ALIVE_ACK,
	NOTE_WINDOW_ZERO,
	NOTE_WINDOW_PROBE,
	NOTE_WINDOW_UPDATE,
	NOTE_FIN,
	NOTE_FIN_RETRANSMITTED,
	NOTE_FIN_ACKED,
	NOTE_SIMULTANEOUS_CLOSE,
	NOTE_RST_ACCEPTABLE, /* ends the connection */
	NOTE_RST_REFUSES,    /* answers our SYN: the port is closed */
	NOTE_RST_BOUNCE,     /* answers our segment: <SEQ=SEG.ACK> */
	NOTE_RST_ABORT,      /* at the sender's own SND.NXT */
	NOTE_RST_CHALLENGED, /* in window, not exact: RFC 5961 wants a challenge ACK */
	NOTE_RST_IGNORED,    /* out of window, or without ACK where one is needed */
	NOTE_RST_OWN_KERNEL, /* from our address, not sent by us */
	NOTE_OWN_UNSENT,     /* from our address and port, but not one of ours */
	NOTE_CHECKSUM_BAD,
	NOTE_CHECKSUM_PARTIAL,
	NOTE_NOT_CAPTURED,  /* evidence of a segment the capture has not */
	NOTE_CONTRADICTION, /* no state of the table explains this */
	NOTE_PROOF,         /* what this proves of the sender */
	NOTE_PORT_REUSED,
	NOTE_FRAGMENT,
	NOTE_OPTION_MALFORMED,
	NOTE_FLAGS_ODD,  /* a combination no TCP sends */
	NOTE_CORRECTION, /* an earlier belief is taken back */
	NOTE_ECN,
	NOTE_ICMP_REFUSES,
	NOTE_ICMP_HINT,
	NOTE_ON_PURPOSE, /* our own end misbehaves, as it was told to */
	NOTE_CODE_COUNT
};

/** @return the stable code, e.g. "synack.acceptable". */
const char *note_code_name(enum note_code c);

#define NOTE_TEXT_MAX 200
#define EVENT_NOTES_MAX 8

struct note {
	enum note_code code;
	char text[NOTE_TEXT_MAX]; /* a whole thought, with the arithmetic; no control bytes */
	const char *rfc;          /* e.g. "9293 3.10.7.3", "5961 3.2"; NULL if none; static */
};

/* The captured frame itself, for the renderers that write it out again. */
struct event_frame {
	const uint8_t *data; /* borrowed */
	uint32_t captured_bytes;
	uint32_t wire_bytes;
	uint32_t link_type;     /* LINKTYPE_ number */
	bool outbound, inbound; /* neither: unknown */
};

struct event_start {
	struct endpoint client, server;
	bool client_local, server_local; /* our own end; both false for a capture */
	const char *client_name;         /* as the user wrote it, or NULL */
	const char *server_name;
	const char *interface;    /* or NULL */
	const char *vantage;      /* "at the client", "at the server", "between, or unknown" */
	const char *community_id; /* or NULL */
};

struct event_segment {
	uint32_t n;          /* number within the flow, from 1; ICMP errors count too */
	uint64_t pcap_count; /* number within the capture, from 1 */
	enum side from;
	bool local_out;     /* sent by our own end */
	bool held;          /* crafted and shown, but not put on the wire (--step, --drop) */
	struct segment tcp; /* a copy; options and payload are borrowed */
	struct event_frame frame;
	bool has_seq_rel, has_ack_rel; /* the ISN concerned is known */
	uint32_t seq_rel, ack_rel, next_seq_rel;
	bool window_scale_known;
	uint32_t window_bytes; /* scaled when known, else the field */
	bool retransmission;
	int64_t since_previous_ns;      /* time since the flow's segment before; 0 for the first */
	struct end_view client, server; /* after it */
	struct note notes[EVENT_NOTES_MAX];
	uint8_t notes_count;
};

struct event_icmp {
	uint32_t n;
	uint64_t pcap_count;
	enum side about;  /* whose segment is quoted */
	uint32_t about_n; /* which of them, or 0 */
	struct icmp_error icmp;
	struct event_frame frame;
	struct end_view client, server;
	struct note notes[EVENT_NOTES_MAX];
	uint8_t notes_count;
};

enum timer_kind {
	TIMER_RETRANSMISSION,
	TIMER_PERSIST,
	TIMER_TIME_WAIT,
	TIMER_USER,
	TIMER_DELAYED_ACK
};

const char *timer_kind_name(enum timer_kind k);

struct event_timer {
	enum side side;
	enum timer_kind kind;
	int64_t after_ns; /* how long it had run */
	uint32_t attempt; /* 1 for the first expiry */
	bool gave_up;
	char text[NOTE_TEXT_MAX];
};

struct transition {
	int64_t time_ns;
	enum side side;
	enum tcp_state from, to;
	enum certainty certainty;
	uint32_t by;       /* number of the segment that caused or proves it; 0: a call or timer */
	const char *cause; /* static: "SYN sent", "their ACK of our SYN", "proven by #5" ... */
	const char *rfc;   /* static, or NULL */
};

enum verdict {
	VERDICT_NONE,
	VERDICT_OPEN,
	VERDICT_CLOSED,
	VERDICT_REJECTED,
	VERDICT_FILTERED,
	VERDICT_INCONSISTENT,
};

const char *verdict_name(enum verdict v);

struct event_verdict {
	enum verdict verdict;
	enum verdict wanted; /* what --expect said; VERDICT_OPEN by default */
	char reason[NOTE_TEXT_MAX];
	bool has_rtt;
	int64_t rtt_ns; /* SYN to its answer, by kernel time stamps */
	bool has_by;
	struct ip_addr by; /* who refused */
};

enum close_kind { CLOSE_NONE, CLOSE_FIN, CLOSE_RST, CLOSE_TIMEOUT };

const char *close_kind_name(enum close_kind k);

#define FLOW_TRANSITIONS_MAX 48
#define FLOW_HISTORY_MAX 64

struct flow_side_summary {
	struct endpoint endpoint;
	bool isn_known;
	seq_t isn;
	uint32_t segments;
	uint64_t bytes; /* of payload, each counted once */
	uint32_t retransmissions;
	uint32_t out_of_order;
	struct option_set option; /* of its SYN */
	bool syn_seen;
	struct end_view end; /* final */
};

struct event_flow {
	struct flow_side_summary client, server;
	bool handshake_complete; /* all three, validated by their numbers */
	bool has_handshake_rtt;
	int64_t handshake_rtt_ns; /* SYN to SYN-ACK */
	int64_t begin_ns, end_ns;
	/* the lifecycle's phases; -1: did not happen */
	int64_t open_ns, data_ns, close_ns;
	enum close_kind close;
	bool has_closer;
	enum side closer; /* who closed or reset first */
	bool both_closed;
	char conn_state[8]; /* Zeek's: S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH */
	char history[FLOW_HISTORY_MAX]; /* Zeek's: ShADadFf ... */
	uint8_t completeness; /* Wireshark's: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32 */
	char options_text[NOTE_TEXT_MAX]; /* what was negotiated, in words */
	uint64_t guard_absorbed; /* segments our own kernel did not answer, thanks to the guard */
	bool has_guard;
	const char *guard_kind;               /* "listen socket", "nftables", or NULL */
	const struct transition *transitions; /* borrowed */
	uint32_t transitions_count;
	uint32_t transitions_lost; /* did not fit */
};

struct event_end {
	int exit_status;
	bool complete; /* false after a signal, a time-out or an error */
	uint64_t segments, flows;
	uint64_t capture_dropped; /* by the kernel's buffer */
	uint64_t capture_ifdropped;
	uint64_t undecodable;
	const char *reason; /* "interrupted", "time-out", NULL */
};

struct event {
	enum event_type type;
	int64_t time_ns;  /* since 1970, from the capture; signed 64-bit */
	uint32_t flow_id; /* from 1; 0 for EVENT_END */
	union {
		struct event_start start;
		struct event_segment segment;
		struct event_icmp icmp;
		struct event_timer timer;
		struct transition transition;
		struct event_verdict verdict;
		struct event_flow flow;
		struct event_end end;
	} u;
};

/** @return "start", "segment", "icmp", "timer", "transition", "verdict", "flow" or "end". */
const char *event_type_name(enum event_type t);

typedef void (*event_fn)(void *context, const struct event *e);

#endif

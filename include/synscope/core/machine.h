/*
 * Our own end of a connection: one state, deterministic, run from the table (rules.h).
 *
 * It is fed segments, calls and the time; it hands out segments to send. It has no clock,
 * no socket and no memory of its own: buffers are the caller's. RFC 9293 section 3.10;
 * timers RFC 6298; window scaling and timestamps RFC 7323; SACK RFC 2018 (sent for what
 * arrives out of order, and obeyed when retransmitting); congestion control RFC 5681; tail loss
 * probe RFC 8985 section 7, if wanted.
 *
 * Use: machine_init; a call (machine_open_active ...); then after every call, segment or
 * tick take machine_output() until it says false, and sleep until machine_deadline().
 */
#ifndef SYNSCOPE_CORE_MACHINE_H
#define SYNSCOPE_CORE_MACHINE_H

#include "synscope/core/event.h"
#include "synscope/core/input.h"
#include "synscope/core/rules.h"
#include "synscope/core/segment.h"
#include "synscope/core/spec.h"
#include "synscope/core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine_config {
	struct endpoint local;
	struct endpoint remote; /* port 0: whoever sends the SYN of a passive open */
	seq_t isn;
	uint16_t mss;         /* to announce, bytes; also caps what we send */
	uint16_t mtu_payload; /* largest TCP payload + header that fits the path; 0: mss+20 */
	/* what to offer on our SYN, or to agree to */
	bool use_mss, use_wscale, use_timestamps, use_sack, use_ecn;
	uint8_t wscale;       /* our shift, 0 to 14 */
	uint32_t ts_offset;   /* added to milliseconds for TSval */
	uint8_t *send_buffer; /* ring, caller's */
	uint32_t send_buffer_bytes;
	uint8_t *receive_buffer;       /* ring, caller's; its size is our largest window */
	uint32_t receive_buffer_bytes; /* at most 2^30 */
	int64_t rto_initial_ns;        /* RFC 6298: 1 s */
	int64_t rto_min_ns;            /* 200 ms (Linux); RFC 6298 says 1 s */
	int64_t rto_max_ns;            /* 60 s or more */
	unsigned syn_retries_max;      /* retransmissions of SYN or SYN-ACK before giving up */
	unsigned retries_max;          /* of anything later */
	int64_t time_wait_ns;          /* 2 MSL */
	int64_t delayed_ack_ns;        /* 0: acknowledge at once */
	bool tail_probe;               /* RFC 8985 section 7: ask, when the end of what was sent may
					  be lost, and do not wait for the time-out */
	uint16_t syn_flags_extra;      /* e.g. TCP_ECE | TCP_CWR; or a deliberate oddity */
};

#define MACHINE_HOLES_MAX 16 /* out-of-order stretches remembered; more are dropped */
#define MACHINE_LOG_MAX 8

struct machine_range {
	seq_t left, right;
};

/* What happened inside, for the story: drained with machine_log_next(). */
struct machine_log {
	enum machine_log_kind {
		MACHINE_LOG_TRANSITION, /* from, to, row */
		MACHINE_LOG_TIMER,      /* a timer fired */
		MACHINE_LOG_GAVE_UP,    /* retries used up */
		MACHINE_LOG_RESET,      /* reset by the remote */
		MACHINE_LOG_REFUSED,    /* RST in answer to our SYN */
		MACHINE_LOG_CHALLENGED, /* we sent a challenge ACK */
	} kind;
	enum ctl from, to;
	int row; /* index into tcp_rules; -1: none */
	enum timer_kind timer;
	int64_t after_ns; /* how long the timer had run */
	unsigned attempt;
	int64_t time_ns; /* now_ns of the call it happened in */
};

#define MACHINE_SACKED_MAX 8      /* stretches of ours that the remote holds; more are forgotten */
#define MACHINE_CHALLENGES_MAX 10 /* challenge ACKs a second, RFC 5961 section 7 */

/* What is to be sent at the next calls of machine_output (bits). */
enum machine_due {
	MACHINE_DUE_RST = 1 << 0,
	MACHINE_DUE_SYN = 1 << 1,    /* SYN or SYN,ACK, by the state */
	MACHINE_DUE_ACK = 1 << 2,    /* an ACK that must not wait, nor ride on data */
	MACHINE_DUE_AGAIN = 1 << 3,  /* the first unacknowledged segment, whatever cwnd says */
	MACHINE_DUE_FIN = 1 << 4,    /* a FIN that SND.NXT counts already */
	MACHINE_DUE_FORCED = 1 << 5, /* the override time-out: send though the window is silly */
	MACHINE_DUE_PROBE = 1 << 6,
	MACHINE_DUE_ACK_SOON = 1 << 7, /* an ACK that may ride on data that goes now */
};

enum machine_recovery {
	MACHINE_STEADY,
	MACHINE_FAST_RECOVERY, /* RFC 6582 and 6675: duplicates say that a segment is lost */
	MACHINE_LOSS_RECOVERY, /* after a retransmission time-out: all in flight counts as lost */
};

/* One end of a connection. An open value: place it anywhere, look at it, let machine_ functions
 * alone write into it. */
struct machine {
	struct machine_config config;
	struct endpoint remote; /* of this connection: config.remote, or whoever sent the SYN */
	enum ctl ctl;
	seq_t isn; /* for the next OPEN */

	/* RFC 9293 section 3.3.1 */
	seq_t iss, snd_una, snd_nxt, snd_wl1, snd_wl2;
	uint32_t snd_wnd, snd_wnd_max;
	seq_t irs, rcv_nxt;
	seq_t rcv_edge; /* RCV.NXT+RCV.WND as promised; never moves left */

	/* negotiated */
	bool use_wscale, use_timestamps, use_sack, use_ecn;
	uint8_t snd_shift; /* the remote's window shift */
	uint16_t snd_mss;  /* the remote's, ours and the path's smallest, less no options */
	uint32_t ts_recent;
	bool has_ts_recent;
	int64_t ts_recent_at_ns;
	seq_t last_ack_sent;

	/* send queue: bytes from SND.UNA on, sent and unsent */
	uint32_t send_head; /* where in the ring the first one is */
	uint32_t send_count;
	bool syn_acked;
	bool ecn_cwr_due; /* RFC 3168: tell that cwnd was reduced */
	bool ecn_echo;    /* RFC 3168: repeat ECE until CWR comes */
	uint8_t due;      /* bits of enum machine_due */

	/* congestion control and loss recovery */
	enum machine_recovery recovery;
	uint32_t cwnd, ssthresh, cwnd_acked, duplicate_acks;
	seq_t recover;    /* SND.NXT when recovery began */
	seq_t lost_edge;  /* before it, what is not sacked counts as lost */
	seq_t again_next; /* before it, what was lost has been sent again */
	seq_t again_mark; /* SND.NXT when SND.UNA was last sent again in fast recovery */
	enum machine_tail {
		MACHINE_TAIL_QUIET,
		MACHINE_TAIL_DUE,  /* the probe goes at the next output */
		MACHINE_TAIL_SENT, /* from tail_left on; not acknowledged yet */
	} tail;
	seq_t tail_left;
	int64_t tail_at_ns; /* when the probe is due; INT64_MAX: it is not wanted */
	struct machine_range sacked[MACHINE_SACKED_MAX]; /* in order of sequence */
	uint8_t sacked_count;

	/* timers */
	enum timer_kind timer;
	int64_t timer_at_ns, timer_from_ns; /* at INT64_MAX: off */
	int64_t delayed_ack_at_ns, delayed_ack_from_ns;
	int64_t rto_ns, srtt_ns, rttvar_ns; /* srtt 0: nothing measured */
	unsigned attempt;                   /* expiries of the timer in a row */
	unsigned syn_retransmissions;
	bool rtt_timing; /* the segment that ends at rtt_seq was sent at rtt_from_ns, once */
	seq_t rtt_seq;
	int64_t rtt_from_ns, last_sent_ns;

	/* receive queue */
	uint32_t receive_head, receive_count;         /* bytes before RCV.NXT, not yet read */
	struct machine_range held[MACHINE_HOLES_MAX]; /* beyond a gap; the latest first */
	uint8_t held_count;
	bool fin_held, fin_received;
	bool was_reset, gave_up;
	seq_t fin_seq;          /* where their FIN is, when held */
	uint32_t unacked_bytes; /* received since the last ACK of ours */
	uint32_t full_bytes;    /* the largest text seen: what "full-sized" means */

	/* RST to be sent, and to whom */
	seq_t rst_seq, rst_ack;
	uint16_t rst_flags;
	struct endpoint rst_to;

	int64_t challenges_from_ns;
	uint8_t challenges_count;

	uint8_t log_first, log_count;
	struct machine_note { /* a struct machine_log, small */
		uint8_t kind, from, to, timer;
		int16_t row;
		uint16_t attempt;
		int64_t after_ns, time_ns;
	} log[MACHINE_LOG_MAX];
};

/** @return sizeof(struct machine). (Callers allocate this many bytes, suitably aligned.) */
size_t machine_size(void);

/** Start in CLOSED. Copies @p config; the buffers stay the caller's. */
void machine_init(struct machine *m, const struct machine_config *config);

/** Choose the ISN of the next connection: before OPEN, or in LISTEN for the SYN to come. Without
 *  it a machine that is used again goes on 65537 behind its last SND.NXT. */
void machine_set_isn(struct machine *m, seq_t isn);

/* Calls of the application, RFC 9293 section 3.9.1. Each returns whether the table allows it now.
 */
bool machine_open_active(struct machine *m, int64_t now_ns);
bool machine_open_passive(struct machine *m, int64_t now_ns);
/** Queue bytes. Every call is a push: what fits the windows goes at once, there is no Nagle.
 *  @return how many were taken, 0 to @p count */
size_t machine_send(struct machine *m, const uint8_t *data, size_t count, int64_t now_ns);
/** Take received bytes, in order. @return how many, 0 to @p count. Opens the window. */
size_t machine_receive(struct machine *m, uint8_t *data, size_t count, int64_t now_ns);
/** Let the application take more: the ring, of which only this much was used so far, is larger from
 *  now on, and the remote hears of it. Nothing may wait to be read. @param bytes of the ring */
void machine_widen(struct machine *m, uint32_t bytes, int64_t now_ns);
/** @return how many bytes machine_receive would give. */
size_t machine_receivable(const struct machine *m);
/** @return whether all the remote will ever send was received (its FIN, and no bytes left). */
bool machine_at_eof(const struct machine *m);
bool machine_close(struct machine *m, int64_t now_ns);
bool machine_abort(struct machine *m, int64_t now_ns);

/** A segment arrived for us. One with a bad checksum must not be given. */
void machine_segment(struct machine *m, const struct segment *s, int64_t now_ns);
/** An ICMP error arrived that quotes one of our segments (RFC 9293 section 3.9.2.2; RFC 5927).
 *  Hard errors end SYN-SENT, and only if the quoted number is in flight; "fragmentation needed"
 *  makes segments smaller and sends the lost ones again. @return whether it ended the connection */
bool machine_icmp(struct machine *m, const struct icmp_error *e, int64_t now_ns);
/** Time has passed. */
void machine_tick(struct machine *m, int64_t now_ns);
/** @return when machine_tick must be called next; INT64_MAX: never. */
int64_t machine_deadline(const struct machine *m);

/**
 * Give the next segment to send.
 * @param spec  endpoints, seq, ack, flags, window, options and payload are filled, the payload
 *              borrowed until the next call of anything here; IP fields are 0 (defaults), except
 *              that new text has ECT(0) in traffic when ECN was negotiated (RFC 3168)
 * @return false when there is nothing to send now
 */
bool machine_output(struct machine *m, struct segment_spec *spec, int64_t now_ns);

enum tcp_state machine_state(const struct machine *m);
enum ctl machine_ctl(const struct machine *m);
/** @return the variables, for display and for judging. */
struct input_vars machine_vars(const struct machine *m);
/** @return whether everything we sent, FIN included, is acknowledged. */
bool machine_all_acked(const struct machine *m);
/** @return bytes of ours that wait or are in flight. */
size_t machine_unacked(const struct machine *m);
/** @return whether it ended by their RST (or ICMP), and not by a proper close. */
bool machine_was_reset(const struct machine *m);
bool machine_gave_up(const struct machine *m);
/** @return the current retransmission time-out. */
int64_t machine_rto_ns(const struct machine *m);

/** Take the oldest remembered happening. @return false when there is none */
bool machine_log_next(struct machine *m, struct machine_log *log);

#endif

/*
 * Our own end of a connection: one state, deterministic, run from the table (rules.h).
 *
 * It is fed segments, calls and the time; it hands out segments to send. It has no clock,
 * no socket and no memory of its own: buffers are the caller's. RFC 9293 section 3.10;
 * timers RFC 6298; window scaling and timestamps RFC 7323; SACK RFC 2018 (sent for what
 * arrives out of order, and obeyed when retransmitting); congestion control RFC 5681.
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
	struct endpoint local, remote;  /* remote: may be filled by the SYN of a passive open */
	seq_t isn;
	uint16_t mss;                   /* to announce, bytes; also caps what we send */
	uint16_t mtu_payload;           /* largest TCP payload + header that fits the path; 0: mss+20 */
	bool use_mss, use_wscale, use_timestamps, use_sack, use_ecn; /* offer on our SYN, or agree */
	uint8_t wscale;                 /* our shift, 0 to 14 */
	uint32_t ts_offset;             /* added to milliseconds for TSval */
	uint8_t *send_buffer;           /* ring, caller's */
	uint32_t send_buffer_bytes;
	uint8_t *receive_buffer;        /* ring, caller's; its size is our largest window */
	uint32_t receive_buffer_bytes;
	int64_t rto_initial_ns;         /* RFC 6298: 1 s */
	int64_t rto_min_ns;             /* 200 ms (Linux); RFC 6298 says 1 s */
	int64_t rto_max_ns;             /* 60 s or more */
	unsigned syn_retries_max;       /* retransmissions of SYN or SYN-ACK before giving up */
	unsigned retries_max;           /* of anything later */
	int64_t time_wait_ns;           /* 2 MSL */
	int64_t delayed_ack_ns;         /* 0: acknowledge at once */
	uint16_t syn_flags_extra;       /* e.g. TCP_ECE | TCP_CWR; or a deliberate oddity */
};

#define MACHINE_HOLES_MAX 16  /* out-of-order stretches remembered; more are dropped */
#define MACHINE_LOG_MAX   8

struct machine_range {
	seq_t left, right;
};

/* What happened inside, for the story: drained with machine_log_next(). */
struct machine_log {
	enum machine_log_kind {
		MACHINE_LOG_TRANSITION,  /* from, to, row */
		MACHINE_LOG_TIMER,       /* a timer fired */
		MACHINE_LOG_GAVE_UP,     /* retries used up */
		MACHINE_LOG_RESET,       /* reset by the remote */
		MACHINE_LOG_REFUSED,     /* RST in answer to our SYN */
		MACHINE_LOG_CHALLENGED,  /* we sent a challenge ACK */
	} kind;
	enum ctl from, to;
	int row;                 /* index into tcp_rules; -1: none */
	enum timer_kind timer;
	int64_t after_ns;        /* how long the timer had run */
	unsigned attempt;
	int64_t time_ns;         /* now_ns of the call it happened in */
};

/* An open value: tests build and inspect it; nobody else writes into it. */
struct machine;

/** @return sizeof(struct machine); its definition is in src/core/machine_internal.h for tests and
 *  for machine.c. (Callers allocate this many bytes, suitably aligned.) */
size_t machine_size(void);

/** Start in CLOSED. Copies @p config; the buffers stay the caller's. */
void machine_init(struct machine *m, const struct machine_config *config);

/* Calls of the application, RFC 9293 section 3.9.1. Each returns whether the table allows it now. */
bool machine_open_active(struct machine *m, int64_t now_ns);
bool machine_open_passive(struct machine *m, int64_t now_ns);
/** Queue bytes. @return how many were taken, 0 to @p count */
size_t machine_send(struct machine *m, const uint8_t *data, size_t count, int64_t now_ns);
/** Take received bytes, in order. @return how many, 0 to @p count. Opens the window. */
size_t machine_receive(struct machine *m, uint8_t *data, size_t count, int64_t now_ns);
/** @return how many bytes machine_receive would give. */
size_t machine_receivable(const struct machine *m);
/** @return whether all the remote will ever send was received (its FIN, and no bytes left). */
bool machine_at_eof(const struct machine *m);
bool machine_close(struct machine *m, int64_t now_ns);
bool machine_abort(struct machine *m, int64_t now_ns);

/** A segment arrived for us. One with a bad checksum must not be given. */
void machine_segment(struct machine *m, const struct segment *s, int64_t now_ns);
/** An ICMP error arrived that quotes one of our segments (RFC 9293 section 3.9.2.2; RFC 5927).
 *  Hard errors end SYN-SENT, and only if the quoted number is in flight. @return whether it did */
bool machine_icmp(struct machine *m, const struct icmp_error *e, int64_t now_ns);
/** Time has passed. */
void machine_tick(struct machine *m, int64_t now_ns);
/** @return when machine_tick must be called next; INT64_MAX: never. */
int64_t machine_deadline(const struct machine *m);

/**
 * Give the next segment to send.
 * @param spec  endpoints, seq, ack, flags, window, options and payload are filled, the payload
 *              borrowed until the next call of anything here; IP fields are 0 (defaults)
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

/*
 * trace in three parts: trace.c (options, and everything that needs privilege, in one run
 * of lines), trace_run.c (one exchange from open to close: the actor), trace_verdict.c
 * (what the answers mean).
 */
#ifndef SYNSCOPE_CLIENT_TRACE_INTERNAL_H
#define SYNSCOPE_CLIENT_TRACE_INTERNAL_H

#include "synscope/client/actor.h"
#include "synscope/client/client.h"
#include "synscope/client/interrupt.h"
#include "synscope/client/payload.h"
#include "synscope/client/session.h"
#include "synscope/core/machine.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/link.h"
#include "synscope/edge/route.h"
#include "synscope/edge/sockdiag.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum trace_close { TRACE_CLOSE_FIN, TRACE_CLOSE_RST, TRACE_CLOSE_NONE };

struct trace_options {
	struct opt_u32 source_port, isn, mss, wscale, ttl, tos, ip_id, flow_label, max_retries,
		count, window, ack;
	bool no_mss, no_wscale, no_ts, no_sack, ecn, bad_checksum, ts, sack;
	const char *source;
	const char *data_text, *data_hex, *data_file;
	const char *tcp_options_hex;
	const char *save_path;
	const char *truth_netns;
	bool truth;
	bool assume_cookies;
	bool ask;
	int close, guard, expect;
	bool has_flags;
	uint16_t flags;
	int64_t rto_ns, wait_ns, delay_ns, fin_wait_ns, time_wait_ns;
};

#define SENT_MAX 2048 /* a power of two; more than any window holds of full segments */

enum run_phase { RUN_OPENING, RUN_TALKING, RUN_CLOSING, RUN_ENDED };

/* What came back while we asked to open: the evidence for the verdict. */
struct run_answers {
	unsigned syn_sent;   /* copies of the opening segment that left */
	int64_t syn_time_ns; /* of the last one, by the kernel's stamp */
	uint32_t syn_ts;     /* its TSval */
	bool opened, refused, odd, gave_up;
	bool challenged; /* an ACK that a stale connection would send */
	char odd_text[NOTE_TEXT_MAX];
	bool has_answer_time;
	int64_t answer_time_ns;
	bool rtt_ambiguous; /* the opening segment was repeated: which was answered? (Karn) */
	bool rejected;
	struct icmp_error icmp; /* the refusal (payload pointers unused) */
	bool reset_later;
	bool probe_answered; /* --flags without SYN: something came */
	uint16_t probe_flags;
};

/* One exchange. */
struct run {
	struct endpoint local, remote;
	struct guard *guard;
	struct machine *machine; /* NULL in the middle of nothing; machine_size() bytes */
	uint8_t *send_buffer, *receive_buffer;
	enum run_phase phase;
	struct run_answers answers;
	struct sent_log sent;   /* SENT_MAX slots */
	size_t data_queued;     /* bytes of the user's data given to the machine */
	int64_t quiet_since_ns; /* monotonic: last time that something was said */
	int64_t ended_ns;       /* monotonic: when the last of it was sent; 0: not yet */
	int64_t close_called_ns;
	bool close_called, aborted;
	struct actor_why why; /* of the last transition of the machine */
	uint64_t received_bytes;
	uint32_t arrivals;    /* segments given to the machine */
	uint16_t window_last; /* the field of our last segment */
	bool asked;           /* --ask: at asked_ns, when the server was expected in asked_state */
	int64_t asked_ns;
	enum tcp_state asked_state;
};

struct trace {
	struct trace_options options;
	struct target target;
	struct route route;
	struct link *link;
	struct session *session;
	struct sockdiag *sockdiag;
	struct run *runs;
	uint32_t runs_count;
	struct run *current;
	struct payload data; /* what to say */
	uint8_t raw_options[40];
	uint8_t raw_options_bytes;
	FILE *save;
	uint32_t ts_offset;
	int64_t deadline_ns; /* monotonic; of the current exchange */
	int failed;          /* negative errno of a send that failed, else 0 */
	struct fault why;
	int64_t truth_from_ns, truth_to_ns; /* realtime, of the last sample */
	struct pipeline_truth truth;
	bool has_truth;
	bool unheld;           /* --step: nothing is held back any more */
	int64_t held_since_ns; /* monotonic: when what waits for a key began to; 0: nothing waits */
	int64_t paused_ns;     /* how long this exchange has been held back, in all */
};

/* trace_run.c: the actor's side of pipeline_hooks (context is struct trace). */
bool trace_is_own(void *context, const struct endpoint *e);
void trace_own_segment(void *context, const struct segment *s, bool out, int64_t time_ns,
		       struct own_word *word);
void trace_own_icmp(void *context, const struct icmp_error *e, int64_t time_ns,
		    struct own_word *word);
/* Run one exchange from open to close. @return false when the program should stop (signal, a
 * send that failed, nobody listening to our output). */
bool trace_run(struct trace *t, struct run *r);

/* trace_verdict.c */
void verdict_note_inbound(struct run *r, const struct segment *s, enum tcp_state before,
			  enum tcp_state after, int64_t time_ns);
struct event_verdict verdict_of(const struct run *r, enum verdict wanted);
/* The exit status that a verdict earns. */
int verdict_status(const struct event_verdict *v);

#endif

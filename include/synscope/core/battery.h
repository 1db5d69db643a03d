/*
 * The probe battery: which questions are put to a port, when, and what came back.
 *
 * Pure: battery_next() hands out the segment to send and battery_deadline() says when to ask
 * again; what the capture brings goes in by battery_segment() and battery_icmp(). One battery
 * serves one host, any number of its ports at once. Every question has a source port of its
 * own (the caller guards it), so that an answer names its question, and a box in between sees
 * one flow a question.
 *
 * A question is a row of steps (battery_rows): send this, wait so long, ask so often. Silence
 * is a finding only after it was asked again, BATTERY_ASKS times in all and never more than
 * once a second. Refusals by ICMP are rate limited nearly everywhere (Linux: six, then one a
 * second), and so are SYNs at some boxes: once the host's path shows a sign of it, all that
 * stays silent is asked again one at a time, one a second for the whole host.
 *
 * Every answer is judged by RFC 9293 before it counts (battery_judge).
 */
#ifndef SYNSCOPE_CORE_BATTERY_H
#define SYNSCOPE_CORE_BATTERY_H

#include "synscope/core/addr.h"
#include "synscope/core/quote.h"
#include "synscope/core/segment.h"
#include "synscope/core/spec.h"
#include "synscope/core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum question {
	ASK_SYN,      /* as Linux would open */
	ASK_PLAIN,    /* the same without options */
	ASK_ACK,      /* an ACK of no connection */
	ASK_SYNACK,   /* a SYN,ACK nobody asked for */
	ASK_FIN,      /* FIN alone */
	ASK_NULL,     /* no flag at all */
	ASK_XMAS,     /* FIN,PSH,URG */
	ASK_BADSUM,   /* a SYN whose checksum is wrong */
	ASK_DATA,     /* text in the middle of no connection */
	ASK_TALK,     /* handshake, a byte, a wait */
	ASK_COOKIE,   /* SYN, silence, reset, the same SYN again */
	ASK_WINDOW,   /* in a connection: text far outside the window */
	ASK_RESYN,    /* in a connection: a SYN */
	ASK_RESET,    /* in a connection: a reset outside the window, then text */
	ASK_ECN,      /* SYN,ECE,CWR (RFC 3168) */
	ASK_ACCECN,   /* the same with AE (RFC 9768) */
	ASK_FASTOPEN, /* an empty Fast Open option (RFC 7413) */
	ASK_MPTCP,    /* MP_CAPABLE (RFC 8684) */
	ASK_UNKNOWN,  /* an experimental option nobody has (RFC 6994) */
	ASK_LARGE,    /* MSS 9000 */
	ASK_SMALL,    /* MSS 536 */
	ASK_CLASS,    /* a SYN of another traffic class: who answers says whether it reflects it */
	ASK_PORT,     /* from another source port, by the caller's choice */
	ASK_IDLE,     /* in a connection: text after a long silence */
	ASK_PMTU,     /* in a connection: a full segment with DF */
	ASK_WALK,     /* SYN with one hop, two hops ... */
	ASK_WALK_ECN, /* the same with every ECN bit set, and a DSCP */
	ASK_SESSION,  /* in a connection: text behind a hole of one byte, hop by hop */
	ASK_COUNT
};

enum battery_act {
	ACT_END,        /* no more steps */
	ACT_OPEN,       /* the opening segment of the row; later steps need a SYN,ACK */
	ACT_SEND,       /* the row's segment, outside any connection */
	ACT_ACK,        /* complete the handshake */
	ACT_BYTE,       /* one byte, in order */
	ACT_FULL,       /* as much as the path's MTU holds, with DF */
	ACT_FAR,        /* text half the number space away */
	ACT_SYN_INSIDE, /* a SYN in the open connection */
	ACT_RST_FAR,    /* a reset that no TCP may accept */
	ACT_RST,        /* a reset that it must */
	ACT_WAIT,       /* acknowledge what came, then nothing, for the idle time */
	ACT_HOP,        /* ACT_SEND with so many hops; repeated by the battery */
	ACT_HOP_HOLE,   /* one byte behind a hole of one, with so many hops; likewise */
};

enum battery_until { /* what ends the wait for a step */
		     UNTIL_ANSWER,
		     UNTIL_SYNACK, /* or a refusal */
		     UNTIL_ACKED,  /* all we sent, or a refusal */
		     UNTIL_TIME,   /* hear everything until the time is over */
};

struct battery_step {
	enum battery_act act;
	enum battery_until until;
	uint8_t asks;     /* at most; 0: BATTERY_ASKS */
	uint16_t wait_ms; /* after the last ask; 0: BATTERY_WAIT_MS */
};

#define BATTERY_STEPS_MAX 7
#define BATTERY_HOPS_MAX 20
#define BATTERY_ASKS 3
#define BATTERY_WAIT_MS 1000
#define BATTERY_TTL 64

struct battery_row {
	const char *name; /* as --probe has it */
	const char *help; /* one line */
	uint16_t flags;
	bool plain; /* no options */
	bool bad_checksum;
	bool default_on;
	bool needs_open; /* only of use where a SYN was answered by a SYN,ACK */
	uint8_t traffic;
	struct battery_step steps[BATTERY_STEPS_MAX];
};

extern const struct battery_row battery_rows[ASK_COUNT];

/** @return a row's number by its name, or ASK_COUNT. */
enum question question_find(const char *name);
/** @return how many results it needs for each port. */
uint32_t question_results(enum question q);

enum answer_kind {
	ANSWER_NONE,
	ANSWER_SYNACK,       /* acknowledges our SYN */
	ANSWER_SYNACK_WRONG, /* acknowledges something else */
	ANSWER_SYN,          /* a SYN of its own */
	ANSWER_RST,          /* acceptable where our segment was to meet it */
	ANSWER_RST_WRONG,    /* not: no TCP in our place would believe it */
	ANSWER_ACK,          /* in a connection: ours; outside: a challenge, or an old connection */
	ANSWER_DATA,
	ANSWER_FIN,
	ANSWER_ICMP, /* a refusal */
	ANSWER_TIME_EXCEEDED,
	ANSWER_TOO_BIG,
	ANSWER_OTHER,
	ANSWER_KIND_COUNT
};

const char *answer_kind_name(enum answer_kind k);

/* One answer, with all that can be evidence. */
struct answer {
	uint8_t kind; /* enum answer_kind */
	uint8_t ttl, traffic;
	bool df, has_rtt, checksum_bad;
	bool ts_wrong; /* echoes a time stamp that was never sent */
	uint16_t ip_id;
	struct ip_addr from;
	int64_t time_ns; /* kernel's stamp */
	int64_t rtt_ns;  /* from the copy that it answers, where that can be told */
	uint16_t flags, window, mss, options; /* enum option_bit */
	uint8_t wscale;
	seq_t seq, ack;
	uint32_t payload_bytes;
	bool sack_fits; /* it holds a block that is just our text behind the hole */
	bool has_sack;
	uint8_t type, code; /* ICMP */
	uint8_t reason;     /* enum icmp_reason */
	uint32_t mtu_bytes;
	struct quote quote;
};

#define BATTERY_COPIES_MAX 6

struct step_result {
	uint8_t asks;    /* segments sent, as the capture saw them */
	uint8_t copies;  /* of the first answer: SYN,ACKs that came again unasked, too */
	uint8_t answers; /* all that came */
	bool done;
	uint8_t first_asks; /* asks when the first answer came: > 1 means silence before */
	int64_t sent_ns;    /* of the last, by the kernel; 0: none seen */
	uint16_t copy_ms[BATTERY_COPIES_MAX]; /* when each copy came, after the last ask */
	struct answer first;
	struct answer other; /* the first one that differs from it in kind or sender's TTL */
};

/* Where one port has got to. */
struct battery_port {
	uint16_t port;
	bool control; /* one that should be closed, to compare with */
	bool finished;
	uint8_t at; /* which question of the plan */
	uint8_t step;
	uint8_t asked; /* how often this step was asked */
	bool waiting;  /* the last ask is out */
	bool slow;     /* asked one at a time, one a second for the host */
	bool owes_rst; /* to an end that we left in the middle */
	bool connected;
	bool refused; /* the connection is no more */
	int64_t next_ns;
	seq_t isn, peer_next, our_next;
	uint16_t peer_mss;
	bool has_ts;
	uint32_t syn_ts, peer_ts;
	int64_t asked_ns;
	bool answered; /* the last question was, by TCP: no need to be slow */
	struct {
		uint16_t local_port;
		seq_t seq, ack;
	} owed;
	uint32_t heap_at;
	/* ASK_IDLE, by halves: how long a silence a connection survived, and how long not */
	int64_t idle_ns, idle_alive_ns, idle_dead_ns;
	uint8_t idle_rounds;
};

struct battery_config {
	struct ip_addr local, remote;
	uint16_t local_port[ASK_COUNT]; /* guarded; 0: the question is not asked */
	uint8_t plan[ASK_COUNT];        /* questions, in order */
	uint8_t plan_count;
	struct battery_port *ports; /* caller's; port and control filled in, the rest zero */
	uint32_t ports_count;
	struct step_result *results; /* battery_results_count() of them, zeroed */
	uint32_t *heap;              /* ports_count */
	int32_t *index;              /* 65536 */
	uint32_t rate;               /* segments a second; 0: no limit */
	uint32_t seed, flow_label, ts_offset;
	uint16_t mss; /* to announce */
	uint16_t mtu_bytes;
	int64_t silent_ns; /* between asks of a silent port: 1 s, never less than 1 s by default */
	int64_t idle_ns;   /* the longest silence to try; if it is too long, shorter ones follow */
	uint8_t hops_max;
};

struct battery {
	struct battery_config config;
	uint32_t heap_count, offset[ASK_COUNT], per_port;
	int64_t pace_ns, slow_ns, start_ns;
	uint32_t fast; /* ports that are neither finished nor slow */
	uint8_t raw[OPTION_BYTES_MAX];
	bool stopping;
	bool limited;       /* a sign of a rate limit was seen */
	uint8_t hops_known; /* of the farthest that answered a walk; 0: not known yet */
	uint32_t sent, received, finished;
	int64_t rtt_ns_min;
};

/** @return how many results a plan needs for so many ports. */
size_t battery_results_count(const uint8_t *plan, uint8_t plan_count, uint32_t ports_count);

void battery_init(struct battery *b, const struct battery_config *config, int64_t now_ns);

/** Take the next segment to send. @param spec good until the next call
 *  @return whether there is one now */
bool battery_next(struct battery *b, struct segment_spec *spec, int64_t now_ns);
/** @return when to call battery_next() again; -1: all is asked and answered. */
int64_t battery_deadline(const struct battery *b);

/** Take a segment that the capture saw. @param out it is one of ours
 *  @param now_ns monotonic; @param time_ns the kernel's stamp
 *  @return whether it belongs to a question */
bool battery_segment(struct battery *b, const struct segment *s, bool out, int64_t time_ns,
		     int64_t now_ns);
bool battery_icmp(struct battery *b, const struct icmp_error *e, int64_t time_ns, int64_t now_ns);

/** Leave: from now on only what is owed (resets to ends left in the middle). */
void battery_stop(struct battery *b, int64_t now_ns);

/** @return the results of a question of the plan, one a step (walks: one a hop from 1), or NULL. */
const struct step_result *battery_result(const struct battery *b, uint32_t port_index,
					 enum question q);

/** @return the opening segment of a question as a quote would have shown it here, to compare
 *  @p like with: a quote of it from further on. */
struct quote battery_as_sent(const struct battery *b, uint32_t port_index, enum question q,
			     const struct quote *like);

/** Judge a segment as the TCP would that @p act of question @p q pretends to be. */
enum answer_kind battery_judge(enum question q, enum battery_act act, const struct battery_port *p,
			       const struct segment *s);
/** @return what RFC 9293 says of an answer to a question: one sentence with its section. */
const char *battery_reading(enum question q, enum answer_kind k);

#endif

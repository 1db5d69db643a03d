/*
 * The protocol as data: one table, one row per sentence of RFC 9293 (sections 3.10,
 * 3.5 and 3.6, with RFC 5961's challenge ACKs), each row with its section.
 *
 * Two readers. `machine` runs it for our own end: one control state, the rows of the
 * RFC, always exactly one outcome. `belief` runs it for an end we do not control: a set
 * of states, the rows of the RFC and those of real stacks, every outcome. Nothing about
 * TCP's states is written a second time, and docs/states.md is printed from it.
 *
 * Conditions are not in the table. input_facts() reduces a segment, against the variables
 * of the end it arrives at, to a set of facts; all the `if`s of the protocol stand in that
 * one function (input.h). A row asks for facts that must hold and facts that must not.
 *
 * A segment is put through the checks of RFC 9293 section 3.10.7 in their order, by
 * number: in LISTEN the first is RST, in SYN-SENT it is ACK, from SYN-RECEIVED on it is the
 * sequence number. At each check, the row that matches says what to do; a check with no
 * matching row has nothing to say and the next one follows. A call or a timer with no
 * matching row is not allowed in that state.
 */
#ifndef SYNSCOPE_CORE_RULES_H
#define SYNSCOPE_CORE_RULES_H

#include "synscope/core/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Control states: RFC 9293's eleven, with the distinctions that decide what happens next
 * and that the state's name hides.
 */
enum ctl {
	CTL_CLOSED,
	CTL_LISTEN,
	CTL_SYN_SENT,
	CTL_SYN_RECEIVED_PASSIVE,       /* from LISTEN: a reset leads back there */
	CTL_SYN_RECEIVED_ACTIVE,        /* from SYN-SENT: simultaneous open */
	CTL_SYN_RECEIVED_PASSIVE_CLOSE, /* CLOSE was called with data pending: queued */
	CTL_SYN_RECEIVED_ACTIVE_CLOSE,
	CTL_ESTABLISHED,
	CTL_FIN_WAIT_1,        /* FIN sent */
	CTL_FIN_WAIT_1_QUEUED, /* CLOSE called, FIN still behind data or a window */
	CTL_FIN_WAIT_2,
	CTL_CLOSE_WAIT,
	CTL_CLOSE_WAIT_CLOSE, /* CLOSE was called with data pending: FIN queued, and
				 the state stays CLOSE-WAIT until it goes (RFC) */
	CTL_CLOSING,
	CTL_CLOSING_QUEUED, /* their FIN came while ours was still queued */
	CTL_LAST_ACK,
	CTL_LAST_ACK_QUEUED, /* Linux says LAST-ACK from CLOSE on, FIN unsent */
	CTL_TIME_WAIT,
	CTL_COUNT,
	CTL_SAME = CTL_COUNT /* in a row: the state stays */
};

typedef uint32_t ctl_set_t; /* bit 1 << enum ctl */

#define CTL_BIT(c) ((ctl_set_t)1 << (c))

/** @return the RFC 9293 state it belongs to. */
enum tcp_state ctl_state(enum ctl c);
/** @return the state to display: FIN unsent is folded, FIN-WAIT-1 into ESTABLISHED, CLOSING and
 *  LAST-ACK into CLOSE-WAIT, since nothing on the wire tells them apart. */
enum tcp_state ctl_state_folded(enum ctl c);
/** @return whether CLOSE was called and its FIN is not sent. */
bool ctl_is_fin_queued(enum ctl c);
/** @return whether a FIN of its own has been sent. */
bool ctl_is_fin_sent(enum ctl c);
/** @return e.g. "SYN-RECEIVED (passive, CLOSE queued)". */
const char *ctl_name(enum ctl c);

/* Facts about a segment, or about the end at the time of a call. */
typedef uint32_t facts_t;

#define FACT_SYN ((facts_t)1 << 0)
#define FACT_ACK ((facts_t)1 << 1)
#define FACT_FIN ((facts_t)1 << 2)
#define FACT_RST ((facts_t)1 << 3)
#define FACT_TEXT ((facts_t)1 << 4)           /* payload */
#define FACT_SEQ_ACCEPTABLE ((facts_t)1 << 5) /* one of the four cases, 3.10.7.4 first check */
#define FACT_SEQ_EXACT ((facts_t)1 << 6)      /* SEG.SEQ = RCV.NXT */
#define FACT_SEQ_OLD ((facts_t)1 << 7)        /* ends at or before RCV.NXT: all of it known */
#define FACT_SEQ_IRS ((facts_t)1 << 8)        /* SYN and SEG.SEQ = IRS: their SYN again */
#define FACT_TEXT_IN_ORDER ((facts_t)1 << 9)  /* brings the byte at RCV.NXT, in the window */
#define FACT_FIN_IN_ORDER ((facts_t)1 << 10)  /* the FIN is at RCV.NXT once the text is taken */
#define FACT_ACK_NEW ((facts_t)1 << 11)       /* SND.UNA < SEG.ACK =< SND.NXT */
#define FACT_ACK_DUPLICATE ((facts_t)1 << 12) /* SEG.ACK =< SND.UNA, and not too old: harmless */
#define FACT_ACK_OLD ((facts_t)1 << 13)       /* older than SND.UNA - MAX.SND.WND (RFC 5961 5.2) */
#define FACT_ACK_FUTURE ((facts_t)1 << 14)    /* SEG.ACK > SND.NXT */
#define FACT_ACKS_SYN ((facts_t)1 << 15)      /* ISS < SEG.ACK =< SND.NXT */
#define FACT_ACKS_FIN ((facts_t)1 << 16)      /* our FIN was sent and SEG.ACK covers it */
#define FACT_SYN_IS_NEW ((facts_t)1 << 17)    /* in TIME-WAIT: newer sequence number or timestamp */
#define FACT_PAWS_REJECT ((facts_t)1 << 18)   /* RFC 7323 5.3 R1 */
#define FACT_UNSENT_DATA ((facts_t)1 << 19)   /* calls, transmit, probe: see below */
#define FACT_SYN_UNACKED ((facts_t)1 << 20)   /* our SYN is not acknowledged yet */
#define FACT_FIN_GOES ((facts_t)1 << 21) /* transmit: what goes now takes the queued FIN along */
#define FACT_SEQ_EDGE ((facts_t)1 << 22) /* refused by the four cases, taken by stacks: below */
#define FACT_COOKIE ((facts_t)1 << 23)   /* in LISTEN: acknowledges a SYN cookie, below */
#define FACT_ACK_UNA ((facts_t)1 << 24)  /* SEG.ACK = SND.UNA: acknowledges nothing new */
#define FACT_COUNT 25

/*
 * UNSENT_DATA  data is queued and not sent, or a closed window holds back what follows
 * SEQ_EDGE     empty and just behind a full window, or text that reaches from before RCV.NXT
 *              to beyond the window
 * COOKIE       SEG.ACK-1 is the cookie that was given for SEG.SEQ-1; set by belief, never by
 *              input_facts
 */

/** @return e.g. "SEQ_EXACT". @param bit 0 to FACT_COUNT - 1 */
const char *fact_name(unsigned bit);

enum rule_on {
	/* the checks of 3.10.7, by their number in the section of the state */
	ON_CHECK_1,
	ON_CHECK_2,
	ON_CHECK_3,
	ON_CHECK_4,
	ON_CHECK_5,
	ON_CHECK_6,
	ON_CHECK_7,
	ON_CHECK_8,
	/* calls of the application, 3.10.1 to 3.10.5 */
	ON_OPEN_PASSIVE,
	ON_OPEN_ACTIVE,
	ON_SEND,
	ON_CLOSE,
	ON_ABORT,
	/* what the end does by itself */
	ON_TRANSMIT,          /* queued data or a queued FIN goes out, as the window allows */
	ON_RETRANSMIT,        /* 3.10.8 RETRANSMISSION TIMEOUT; also a fast retransmission */
	ON_ACK_NOW,           /* a pure ACK by its own decision: delayed ACK, window update */
	ON_PROBE,             /* zero-window probe or keep-alive, 3.8.6.1 and 3.8.4 */
	ON_USER_TIMEOUT,      /* 3.10.8; also retries used up */
	ON_TIME_WAIT_TIMEOUT, /* 2 MSL are over; also the deadline that stacks give FIN-WAIT-2 */
	ON_ICMP_HARD,         /* 3.9.2.2: an ICMP error says it will never arrive */
	ON_REBOOT,            /* the end forgets everything (possible for a remote end only) */
	ON_COUNT
};

#define ON_CHECK_LAST ON_CHECK_8

/** @return e.g. "first check", "CLOSE call", "TIME-WAIT TIMEOUT". */
const char *rule_on_name(enum rule_on on);

/* What a row sends. Several may fire for one segment (bits). */
enum emit {
	EMIT_NONE = 0,
	EMIT_SYN = 1 << 0,     /* <SEQ=ISS><CTL=SYN> */
	EMIT_SYN_ACK = 1 << 1, /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
	EMIT_ACK = 1 << 2, /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, may be delayed or ride on data */
	EMIT_CHALLENGE = 1 << 3,  /* the same segment, because of a suspicious one; rate limited */
	EMIT_RST = 1 << 4,        /* <SEQ=SND.NXT><CTL=RST>, ACK allowed: an abort */
	EMIT_RST_BOUNCE = 1 << 5, /* <SEQ=SEG.ACK><CTL=RST> */
	EMIT_RST_ACK = 1 << 6,    /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
	EMIT_DATA = 1 << 7,       /* text at SND.NXT (new) with ACK */
	EMIT_FIN = 1 << 8,        /* FIN at SND.NXT (new) with ACK, perhaps behind text */
	EMIT_AGAIN = 1 << 9,      /* a copy, or part, of what is sent and not acknowledged: SYN,
				     SYN-ACK, text, FIN */
	EMIT_PROBE = 1 << 10,     /* <SEQ=SND.NXT-1> or SND.UNA-1, or one byte of text */
};

/** @return e.g. "SYN-ACK", "challenge ACK". @param e one bit, or EMIT_NONE */
const char *emit_name(enum emit e);

/* What a row takes in from the segment (bits). */
enum take {
	TAKE_NONE = 0,
	TAKE_SYN = 1 << 0,  /* IRS and RCV.NXT are set from it */
	TAKE_ACK = 1 << 1,  /* its acknowledgement and window count */
	TAKE_TEXT = 1 << 2, /* the text from RCV.NXT on, as far as the window goes */
	TAKE_FIN = 1 << 3,  /* RCV.NXT moves over the FIN */
	TAKE_HELD = 1 << 4, /* text or FIN behind a gap: kept until the gap is filled */
};

enum then {
	THEN_NEXT,  /* go on with the next check */
	THEN_SIXTH, /* go on at the sixth check of 3.10.7.4, in the new state */
	THEN_DONE,  /* the segment is finished with */
};

enum origin {
	ORIGIN_RFC = 1 << 0,      /* a sentence of RFC 9293 or 5961 that our own end obeys */
	ORIGIN_MAY = 1 << 1,      /* the RFC allows it, our own end does otherwise */
	ORIGIN_STACK = 1 << 2,    /* real stacks do so; always allowed for a remote end */
	ORIGIN_COOKIE = 1 << 3,   /* SYN cookies: a named assumption, switched on by evidence */
	ORIGIN_ABNORMAL = 1 << 4, /* abort, time-out, reboot: possible always, never expected */
};

#define ORIGINS_OWN ORIGIN_RFC
#define ORIGINS_REMOTE (ORIGIN_RFC | ORIGIN_MAY | ORIGIN_STACK | ORIGIN_ABNORMAL)

/** @return e.g. "RFC", "MAY", "stack", "cookie", "abnormal". @param o one bit */
const char *origin_name(enum origin o);

struct tcp_rule {
	ctl_set_t from;
	enum rule_on on;
	facts_t when;   /* all of these must hold */
	facts_t unless; /* and none of these */
	enum ctl to;    /* CTL_SAME: stays */
	uint16_t emit;  /* bits of enum emit */
	uint8_t take;   /* bits of enum take */
	enum then then;
	enum origin origin;
	const char *section;  /* "3.10.7.4 first check", "5961 3.2" ... */
	const char *sentence; /* the rule in one short sentence */
};

extern const struct tcp_rule tcp_rules[];
extern const size_t tcp_rules_count;

#define RULE_STEP_ROWS_MAX 8
#define RULE_STEPS_MAX 16

/* One way an end may treat a segment, call or timer. */
struct rule_step {
	enum ctl to;
	uint16_t emit;                    /* all that was sent, bits of enum emit */
	uint8_t rows[RULE_STEP_ROWS_MAX]; /* indexes into tcp_rules, in the order they fired */
	uint8_t rows_count;
	uint8_t take;    /* all that was taken in, bits of enum take */
	uint8_t origins; /* bits of enum origin, all rows together; 0: no row fired,
			    the segment passed through all checks */
};

/**
 * Put a segment through the checks.
 * @param from    control state it arrives in
 * @param facts   from input_facts()
 * @param origins which rows count; with ORIGINS_OWN the result is always exactly one
 * @param steps   receives the outcomes; RULE_STEPS_MAX always suffice
 * @return how many, at least 1
 */
size_t rules_segment(enum ctl from, facts_t facts, unsigned origins, struct rule_step *steps);

/**
 * The same for a call or a timer. ABORT, USER TIMEOUT and REBOOT of an end that is not ours
 * are never expected, whatever their row's origin.
 * @return how many outcomes; 0 if it is not allowed in this state
 */
size_t rules_event(enum ctl from, enum rule_on on, facts_t facts, unsigned origins,
		   struct rule_step *steps);

#endif

/*
 * What is known of an end that we do not control: the set of states that RFC 9293 (and
 * the named habits of real stacks) allow, given every segment that was seen, and the
 * evidence for it. docs/inference.md is the theory; rules.h the only source of moves.
 *
 * possible  every state that some execution consistent with what was seen ends in: loss,
 *           delay, reordering, duplication, any application
 * proven    the states it can have been in right after it emitted the last segment that we
 *           received; a proof when it is one
 * expected  from the least surprising member of proven, with every segment of ours delivered
 *           once, in order, by the book: always one, always in possible
 * loss, orderly   in between, by the cheapest explanation
 */
#ifndef SYNSCOPE_CORE_BELIEF_H
#define SYNSCOPE_CORE_BELIEF_H

#include "synscope/core/event.h"
#include "synscope/core/rules.h"
#include "synscope/core/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct belief;

/** @return bytes to allocate for one; fixed, suitably aligned for any type. */
size_t belief_size(void);

enum belief_start {
	BELIEF_FRESH,     /* nothing seen yet: CLOSED or LISTEN before our SYN */
	BELIEF_MIDSTREAM, /* the capture begins in an open connection */
};

void belief_init(struct belief *b, enum belief_start start);

/** Let the end be a stack with SYN cookies (a named assumption). */
void belief_assume_cookies(struct belief *b, bool on);

/** Let segments of ours be missing from what is seen (a capture that lost packets, or began late):
 *  where nothing else explains a segment, one of ours that was not seen is admitted, and said
 *  (belief_evidence.missed). Off by default: of our own segments we miss none. */
void belief_assume_gaps(struct belief *b, bool on);

/**
 * A segment was put on the wire towards this end (it may arrive, once, often, late or never).
 * @param n its number in the flow
 */
void belief_send(struct belief *b, const struct segment *s, uint32_t n);

/**
 * A segment from this end was received.
 * @return whether the table explains it; if not, belief_contradiction() says what was tried and
 *         the belief goes on from what this segment alone would prove
 */
bool belief_receive(struct belief *b, const struct segment *s, uint32_t n);

/** Fill what is displayed of this end. Truth fields are left alone. */
void belief_view(const struct belief *b, struct end_view *view);

enum belief_reset { /* what the last received RST is */
		    BELIEF_RESET_NONE,
		    BELIEF_RESET_BOUNCE, /* answers segment `answers_n` of ours: <SEQ=SEG.ACK> or
					    SEQ 0 with ACK */
		    BELIEF_RESET_ABORT,  /* at its own SND.NXT */
		    BELIEF_RESET_EITHER,
};

/* Why: for -v, notes and the flow record. */
struct belief_evidence {
	int row; /* the row that single-handedly explains the last step; -1 */
	enum belief_reset reset;
	uint32_t answers_n;   /* our segment that the last received one answers; 0: none */
	state_set_t excluded; /* states that left `possible` at the last step */
	state_set_t tried;    /* on a contradiction: where it cannot come from */
	bool challenge;       /* the last received segment can only be a challenge ACK (row) */
	bool cookies;         /* the cookie assumption is on */
	bool missed;          /* explained only by a segment of ours that was not seen */
};

void belief_evidence(const struct belief *b, struct belief_evidence *e);

/**
 * Compare what is shown of an end with what its own kernel says, by the fold that the display
 * uses: a FIN that is queued and not sent does not count (FIN-WAIT-1 is ESTABLISHED, CLOSING and
 * LAST-ACK are CLOSE-WAIT), and CLOSED and LISTEN are one where a tuple is finished or not begun:
 * a listener keeps nothing of it. See docs/inference.md section 6.
 * @param shown            a state of an end_view
 * @param truth            the state that the kernel names
 * @param truth_fin_unsent whether it has a FIN queued that was not sent
 */
bool belief_truth_agrees(enum tcp_state shown, enum tcp_state truth, bool truth_fin_unsent);

/** The same for a set of an end_view: whether the truth is among it. */
bool belief_truth_among(state_set_t shown, enum tcp_state truth, bool truth_fin_unsent);

#endif

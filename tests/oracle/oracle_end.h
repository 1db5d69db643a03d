/* The concrete end of the oracle. */
#ifndef TESTS_ORACLE_ORACLE_END_H
#define TESTS_ORACLE_ORACLE_END_H

#include "synscope/core/state.h"

#include <stdbool.h>
#include <stdint.h>

enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

struct seg {
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t len;
};

/*
 * Identities of an ISS. The first two are of incarnations of which nothing is seen, so that
 * only where they lie beside an invented acknowledgement matters: before it or after.
 */
enum { ISS_UNSEEN_LOW, ISS_UNSEEN_HIGH, ISS_SEEN };

#define ISS_MAX 16

/* One concrete end with its application. Small numbers are offsets from its ISS. */
struct end {
	uint8_t state; /* enum tcp_state */
	uint8_t iss;   /* identity */
	uint8_t used;  /* groups of seen ISSs that are over or in use, bit mask */
	uint8_t una, nxt;
	uint8_t queued; /* bytes given to SEND, not sent */
	uint8_t text;   /* bytes given to SEND in all */
	bool passive;
	bool close_waits;   /* CLOSE was called, the FIN is not sent */
	bool fin;           /* the FIN is sent */
	uint8_t fin_joined; /* bytes that were first sent in one segment with the FIN */
	bool fast_open;
	uint32_t rcv; /* RCV.NXT */
	uint32_t irs;
};

struct world {
	bool stacks;
	uint8_t text_limit;
	uint8_t iss_count; /* identities that exist */
	uint32_t iss_value[ISS_MAX];
	uint8_t iss_group[ISS_MAX]; /* an ISS that was not seen itself may have several values,
				       of which one is true */
};

#define SENT_MAX 3
#define OUTCOMES_MAX 96

struct end_outcome {
	struct end to;
	struct seg sent[SENT_MAX];
	uint8_t sent_count;
};

struct end_outcomes {
	struct end_outcome list[OUTCOMES_MAX];
	int count;
};

/** Deliver a segment. Adds every way it may be treated. */
void end_arrive(const struct world *w, const struct end *e, const struct seg *s,
		struct end_outcomes *out);
/** Adds everything that the end and its application may do by themselves. */
void end_act(const struct world *w, const struct end *e, struct end_outcomes *out);

/** @return the state as it is displayed: a FIN that is not sent does not count. */
enum tcp_state end_shown(const struct end *e);

uint32_t seg_end(const struct seg *s);

/** @return whether @p received may be (a piece of) @p sent: the way may cut text, though not off
 *  the FIN that it came with. */
bool seg_carries(const struct seg *sent, const struct seg *received);

#endif

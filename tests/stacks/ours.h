/*
 * Our end, as a walk plays it: it remembers what it sent and what arrived, and draws what to
 * send next, by the book or in whatever way might lead the other end astray. Of numbers of
 * the other end it uses those that arrived, their neighbours, and pure inventions.
 */
#ifndef TESTS_STACKS_OURS_H
#define TESTS_STACKS_OURS_H

#include "stack.h"

#include "synscope/core/segment.h"
#include "synscope/core/spec.h"

#include <stdbool.h>
#include <stdint.h>

#define OURS_SENT_MAX 64
#define OURS_TEXT_MAX 1400
#define OURS_OPTIONS_MAX 12

struct ours_sent {
	seq_t seq, ack;
	uint16_t flags;
	uint16_t text_bytes;
};

struct ours {
	uint64_t random;
	unsigned avoid; /* bits of enum stack_habit */
	struct endpoint us, them;
	bool open;   /* we have sent a SYN */
	bool closed; /* and a FIN */
	seq_t iss, next, fin_end;
	uint16_t offered; /* the largest window beside an ACK that is one */
	bool heard;       /* its SYN arrived */
	bool dead;        /* and a RST, or we sent one */
	seq_t its_iss, its_next, its_end;
	uint16_t its_window;
	struct ours_sent sent[OURS_SENT_MAX];
	unsigned sent_count;
	uint8_t options[OURS_OPTIONS_MAX]; /* of the segment drawn last */
};

/** @param avoid bits of enum stack_habit */
void ours_begin(struct ours *o, uint64_t seed, unsigned avoid);
/** @return a number below @p limit. */
unsigned ours_draw(struct ours *o, unsigned limit);
/** @return true this often of a hundred times. */
bool ours_chance(struct ours *o, unsigned percent);

/** Take in what arrived. */
void ours_hear(struct ours *o, const struct segment *s);

/** Draw what a decent end sends. @param spec borrows from @p o until the next call
 *  @return false if it has nothing to say: the other end is the one to open */
bool ours_polite(struct ours *o, struct segment_spec *spec);
/** Draw anything. */
void ours_hostile(struct ours *o, struct segment_spec *spec);

#endif

/*
 * Random walks beside a kernel. A walk is made from its seed as a list of steps, each with
 * its own choices, so that a walk can be had again, and made shorter without changing the
 * rest: that is how a violation becomes a story.
 */
#ifndef TESTS_WALK_WALKER_H
#define TESTS_WALK_WALKER_H

#include "trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_STEPS_MAX 30

/* What the kernel's end is prepared as. */
enum walk_scene {
	SCENE_LISTENER,
	SCENE_DEFER,   /* deferred accept */
	SCENE_COOKIES, /* tcp_syncookies 2 */
	SCENE_SHORT,   /* a backlog of 0 */
	SCENE_FAST_OPEN,
	SCENE_CONNECT, /* it opens to us */
	SCENE_NOTHING,
	SCENE_COUNT
};

const char *walk_scene_name(enum walk_scene s);

enum walk_act {
	WALK_SEND,
	WALK_AGAIN, /* one of ours again: sent again, or a copy that the network made */
	WALK_CALL,
	WALK_ARRIVE, /* one of theirs arrives, is lost, or comes and will come again */
	WALK_WAIT,
	WALK_ACT_COUNT
};

enum walk_seq { /* cut points of our own numbers, from which near misses are taken */
		WALK_SEQ_NATURAL, /* a whole segment that makes sense now; the rest is not read */
		WALK_SEQ_ISN,
		WALK_SEQ_FIRST,
		WALK_SEQ_NEXT,
		WALK_SEQ_CUT,    /* an end of what was sent */
		WALK_SEQ_WINDOW, /* in the window, behind a gap */
		WALK_SEQ_OUT,
		WALK_SEQ_NEW_ISN, /* of another incarnation */
		WALK_SEQ_COUNT
};

enum walk_ack {
	WALK_ACK_NONE,
	WALK_ACK_ISS,
	WALK_ACK_FIRST,
	WALK_ACK_NEXT, /* all that arrived */
	WALK_ACK_CUT,  /* an end of what arrived */
	WALK_ACK_OLD,  /* far back */
	WALK_ACK_GARBAGE,
	WALK_ACK_COUNT
};

/* What a step came to when it was walked, so that it stays the same when others are left out. */
struct walk_exact {
	bool is;                  /* this counts, not the choices */
	struct segment_spec spec; /* send; its ack is an offset from their ISS if so marked */
	bool acks_theirs;
	struct walk_frame { /* arrive: the oldest that is like this; nothing otherwise */
		uint16_t flags;
		uint32_t seq_rel, text_bytes;
		seq_t ack;
	} frame;
};

struct walk_step {
	enum walk_act act;
	uint16_t dice; /* for what is chosen only when it is seen what there is */
	/* send */
	uint16_t flags;
	enum walk_seq seq;
	enum walk_ack ack;
	int8_t seq_off, ack_off;
	uint16_t text_bytes;
	uint16_t window;
	bool old_stamp;
	enum trial_fate fate; /* again, too */
	/* call */
	enum app_call call;
	int argument;
	/* arrive */
	bool disorder, lost, stays;
	/* wait */
	int ms;
	struct walk_exact exact;
};

struct walk {
	uint64_t seed;
	enum ip_family family;
	enum walk_scene scene;
	bool stamps, unlimited; /* time stamps; tcp_invalid_ratelimit 0 */
	bool scaled;            /* window scaling is offered */
	struct walk_step steps[WALK_STEPS_MAX];
	unsigned steps_count;
};

/** Make the walk of a seed. */
void walk_make(struct walk *w, uint64_t seed);

/* How a walk is walked. */
struct walk_run {
	struct watch_figures *figures;
	struct walk *exact; /* becomes what was done, step by step; or NULL */
	char *text;         /* receives the story; or NULL */
	size_t text_bytes;
};

/** Walk it, until the end or the first problem. */
enum watch_problem walk_run(struct trial *t, const struct walk *walk, const struct walk_run *run);

/** Leave out of a walk whatever its problem does not need. @return runs that it took */
unsigned walk_reduce(struct trial *t, struct walk *w, enum watch_problem problem);

#endif

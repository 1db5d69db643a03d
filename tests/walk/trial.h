/*
 * One exchange on the stage, watched: what is sent and what the application does go through
 * here, and after each step the kernel is asked and the belief compared. Segments of the
 * kernel wait until they are said to arrive, in whatever order, or never.
 */
#ifndef TESTS_WALK_TRIAL_H
#define TESTS_WALK_TRIAL_H

#include "app.h"
#include "stage.h"
#include "watch.h"

#include <stdbool.h>

#define TRIAL_ISN 0x10000000u     /* ours */
#define TRIAL_GARBAGE 0x7a000000u /* acknowledged while their ISS was not seen */

struct trial {
	struct stage *stage;
	struct watch *watch;
	struct app app;
	unsigned taken;                     /* of stage->frames */
	unsigned waiting[STAGE_FRAMES_MAX]; /* frames of theirs on their way, oldest first */
	unsigned waiting_count;
	unsigned emission[STAGE_FRAMES_MAX]; /* of each frame, for watch_received() */
	unsigned untold; /* own frames to come that are copies made by the network */
	struct sockdiag_truth truth;
	int64_t acted_ns; /* when the last send or call returned: what comes later comes by itself
			   */
	bool iss_known;   /* of their last SYN that arrived: who has not seen an ISS cannot
			     acknowledge it (the freshness that all inference rests on) */
	seq_t iss;
	seq_t end; /* of what arrived since */
};

/** @return WATCH_GOOD, or WATCH_BROKEN, and watch->text says why */
enum watch_problem trial_begin(struct trial *t, enum ip_family family, bool cookies,
			       struct watch_figures *figures);
void trial_end(struct trial *t);

enum trial_fate {
	TRIAL_DELIVERED,
	TRIAL_LOST,   /* it was on the wire, and does not arrive */
	TRIAL_COPIED, /* an earlier one arrives (again), long after it was sent */
};

/** Send, and compare. Addresses are filled in. */
enum watch_problem trial_send(struct trial *t, struct segment_spec *spec, enum trial_fate fate);
/** Make a call, and compare. @param returned receives what it returned */
enum watch_problem trial_call(struct trial *t, enum app_call call, int argument, int *returned);
/** Take in what happened by itself, and compare. */
enum watch_problem trial_look(struct trial *t);
/** Let a waiting segment arrive, and compare. @param place in waiting @param stays a copy
 *  will come again */
enum watch_problem trial_arrive(struct trial *t, unsigned place, bool stays);
/** Let it never arrive. */
void trial_lose(struct trial *t, unsigned place);

/** Say something in watch->text. @return WATCH_BROKEN */
enum watch_problem trial_broken(struct trial *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

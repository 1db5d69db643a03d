/* Walks for a crew: what is shared, the job, and what is said in the end. */
#ifndef TESTS_WALK_WALKS_H
#define TESTS_WALK_WALKS_H

#include "crew.h"
#include "walker.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WALKS_STORY_BYTES 16000
#define WALKS_STORIES_MAX 64
#define WALKS_PER_LAB 400

struct walks {
	uint64_t seed; /* of the first walk; the others count on from there */
	bool tell_all;
	unsigned stories_max;
	atomic_flag lock;
	atomic_uint walked, stories_count;
	struct watch_figures figures;
	struct walks_story {
		atomic_bool done;
		enum watch_problem problem;
		char text[WALKS_STORY_BYTES];
	} stories[WALKS_STORIES_MAX];
};

/** A job of a crew whose shared memory is struct walks. */
void walks_job(struct trial *t, unsigned index, void *shared);

/** @return whether there was no problem. */
bool walks_are_good(const struct walks *w);
void walks_print(const struct walks *w, double seconds, FILE *out);
void walks_print_stories(const struct walks *w, FILE *out);

#endif

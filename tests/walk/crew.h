/*
 * Many trials on two cores, most of which wait for timers: a few processes, each with a lab
 * of its own, share a heap of jobs. Results go to memory that is shared with who started
 * them. A lab is left for a new one after a number of jobs, so that what they leave in the
 * kernel (TIME-WAIT, orphans) never grows. Everybody dies with who started the crew.
 */
#ifndef TESTS_WALK_CREW_H
#define TESTS_WALK_CREW_H

#include "trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CREW_MAX 8

struct crew_spec {
	unsigned members;
	unsigned jobs_count, jobs_per_lab;
	/* Do one, in a lab's client. @param shared as of crew_shared() */
	void (*job)(struct trial *t, unsigned index, void *shared);
	size_t shared_bytes;
};

struct crew;

/**
 * Start.
 * @param shared what the shared memory begins with; NULL: zeros
 * @return 0 with @p crew, or negative errno with @p why
 */
must_check int crew_start(struct crew **crew, const struct crew_spec *spec, const void *shared,
			  struct fault *why);
void *crew_shared(struct crew *crew);
/** @return whether anybody is still at work. */
bool crew_is_busy(struct crew *crew);
/** Wait for all of them. @return how many of the crew failed, with @p why of the first */
unsigned crew_wait(struct crew *crew, struct fault *why);
/** Stop whoever is still at work, and free. NULL is allowed. */
void crew_end(struct crew *crew);

#endif

#include "synscope/edge/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;
	const int status = clock_gettime(id, &t);
	assert(status == 0); /* both clocks exist on every Linux */
	(void)status;
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void clock_random(void *data, unsigned count)
{
	unsigned char *at = data;
	while (count > 0) {
		const ssize_t got = getrandom(at, count, 0);
		/* Without flags it fails only by a signal (getrandom(2)). */
		assert(got > 0 || (got < 0 && errno == EINTR));
		if (got > 0) {
			at += got;
			count -= (unsigned)got;
		}
	}
}

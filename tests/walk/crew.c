#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the members see of each other. */
struct crew_common {
	atomic_uint next; /* job */
	atomic_bool has_why;
	struct fault why;
	_Alignas(64) uint8_t shared[];
};

struct crew {
	struct crew_spec spec;
	struct crew_common *common;
	size_t common_bytes;
	pid_t members[CREW_MAX]; /* 0: gone */
	unsigned failed;
};

struct shift {
	struct crew *crew;
	const struct lab *lab;
};

static void complain(struct crew *crew, const struct fault *why)
{
	if (!atomic_exchange(&crew->common->has_why, true))
		crew->common->why = *why;
}

/* In the client of a lab: work until this lab has seen enough. */
static int work(void *context)
{
	const struct shift *shift = context;
	struct crew *crew = shift->crew;
	struct fault why = {{0}};
	static struct stage stage;
	static struct watch watch;
	static struct trial trial;
	if (stage_open(&stage, shift->lab, &why) < 0 || !watch_open(&watch)) {
		complain(crew, &why);
		return 1;
	}
	for (unsigned i = 0; i < crew->spec.jobs_per_lab; i++) {
		const unsigned job = atomic_fetch_add(&crew->common->next, 1);
		if (job >= crew->spec.jobs_count)
			break;
		trial.stage = &stage;
		trial.watch = &watch;
		crew->spec.job(&trial, job, crew->common->shared);
	}
	watch_close(&watch);
	stage_close(&stage);
	return 0;
}

static int lead(struct crew *crew)
{
	const struct lab_spec spec = {.router = false};
	int status = 0;
	while (status == 0 && atomic_load(&crew->common->next) < crew->spec.jobs_count) {
		struct lab *lab = NULL;
		struct fault why = {{0}};
		if (lab_open(&lab, &spec, &why) < 0) {
			complain(crew, &why);
			return 1;
		}
		struct shift shift = {crew, lab};
		const pid_t pid = lab_spawn(lab, LAB_CLIENT, work, &shift, &why);
		if (pid < 0) {
			complain(crew, &why);
			status = 1;
		} else if (waitpid(pid, &status, 0) != pid || status != 0) {
			fault_set(&why, "a member of the crew died, status %d", status);
			complain(crew, &why);
		}
		lab_close(lab);
	}
	return status == 0 ? 0 : 1;
}

int crew_start(struct crew **crew, const struct crew_spec *spec, const void *shared,
	       struct fault *why)
{
	struct crew *c = calloc(1, sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	c->spec = *spec;
	c->common_bytes = sizeof *c->common + spec->shared_bytes;
	c->common = mmap(NULL, c->common_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (c->common == MAP_FAILED) {
		free(c);
		return -ENOMEM;
	}
	if (shared != NULL)
		memcpy(c->common->shared, shared, spec->shared_bytes);
	const pid_t us = getpid();
	for (unsigned i = 0; i < spec->members && i < CREW_MAX; i++) {
		c->members[i] = fork();
		if (c->members[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(getppid() == us ? lead(c) : 1);
		}
		if (c->members[i] < 0) {
			c->members[i] = 0;
			fault_set(why, "cannot fork: %s", strerror(errno));
			crew_end(c);
			return -EAGAIN;
		}
	}
	*crew = c;
	return 0;
}

void *crew_shared(struct crew *crew)
{
	return crew->common->shared;
}

static bool reap(struct crew *crew, unsigned i, int options)
{
	int status;
	if (crew->members[i] == 0)
		return true;
	if (waitpid(crew->members[i], &status, options) != crew->members[i])
		return false;
	crew->members[i] = 0;
	crew->failed += status != 0;
	return true;
}

bool crew_is_busy(struct crew *crew)
{
	bool busy = false;
	for (unsigned i = 0; i < CREW_MAX; i++)
		busy |= !reap(crew, i, WNOHANG);
	return busy;
}

unsigned crew_wait(struct crew *crew, struct fault *why)
{
	for (unsigned i = 0; i < CREW_MAX; i++)
		while (!reap(crew, i, 0))
			if (errno != EINTR)
				break;
	*why = crew->common->why;
	return crew->failed;
}

void crew_end(struct crew *crew)
{
	if (crew == NULL)
		return;
	for (unsigned i = 0; i < CREW_MAX; i++) {
		if (crew->members[i] == 0)
			continue;
		kill(crew->members[i], SIGKILL);
		reap(crew, i, 0);
	}
	munmap(crew->common, crew->common_bytes);
	free(crew);
}

/*
 * Measure whole processes, in turn, so that a noisy moment hits all of them.
 *   runner ROUNDS WORDS... [-- WORDS...]...
 * Prints a line a run: which command (from 0), wall time from before the start to after the
 * end in nanoseconds, peak resident set in kilobytes, exit status (-1: by a signal). The
 * commands' output goes nowhere. This program must stay small: the kernel counts what it
 * had before exec(2) into its child's peak.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16

static int64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int run(char **words, int number, const posix_spawn_file_actions_t *quiet)
{
	const int64_t begin_ns = monotonic_ns();
	pid_t pid;
	const int rc = posix_spawnp(&pid, words[0], quiet, NULL, words, environ);
	if (rc != 0) {
		fprintf(stderr, "runner: cannot start %s: %s\n", words[0], strerror(rc));
		return -1;
	}
	int status;
	struct rusage usage;
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return -1;
	printf("%d %" PRId64 " %ld %d\n", number, monotonic_ns() - begin_ns, usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}

int main(int argc, char **argv)
{
	char **commands[COMMANDS_MAX];
	int count = 0;
	const int rounds = argc > 2 ? atoi(argv[1]) : 0;
	for (int i = 2; i < argc && count < COMMANDS_MAX; i++) {
		commands[count++] = argv + i;
		while (i < argc && strcmp(argv[i], "--") != 0)
			i++;
		if (i < argc)
			argv[i] = NULL;
	}
	if (rounds < 1 || count < 1) {
		fprintf(stderr, "usage: runner ROUNDS WORDS... [-- WORDS...]...\n");
		return 64;
	}
	posix_spawn_file_actions_t quiet;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			if (run(commands[i], i, &quiet) != 0)
				return 71;
	fflush(stdout);
	return 0;
}

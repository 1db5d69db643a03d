#include "lab_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A user namespace can only be joined by a process with one thread, and a PID namespace
 * only by children; so it takes two steps. A stepping stone is forked, enters the
 * namespaces and makes the child with CLONE_PARENT: the child is then the caller's and not
 * the stone's, and can be waited for like any other. The stone reports its pid, as the
 * caller's PID namespace counts it, and is gone.
 */
struct stone_report {
	pid_t pid; /* or negative errno */
	struct fault why;
};

static void stone_run(const struct lab_launch *launch, int report_fd)
{
	struct stone_report report = {.pid = 0};
	const int entered = launch->enter(launch->context, &report.why);
	if (entered < 0) {
		report.pid = entered;
	} else {
		/* fork() cannot pass CLONE_PARENT. The stone has one thread, so nothing is
		 * lost by going round the C library. */
		const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			close(report_fd);
			_exit(launch->run(launch->context));
		}
		report.pid = pid < 0 ? -errno : (pid_t)pid;
		if (pid < 0)
			fault_set(&report.why, "cannot start a process in the lab: %s",
				  strerror(errno));
	}
	/* Shorter than PIPE_BUF: all or nothing; the reader sees the end of file else. */
	const ssize_t wrote = write(report_fd, &report, sizeof report);
	_exit(wrote == (ssize_t)sizeof report ? 0 : 1);
}

pid_t lab_launch(const struct lab_launch *launch, struct fault *why)
{
	int report_fd[2];
	if (pipe2(report_fd, O_CLOEXEC) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a pipe: %s", strerror(error));
		return -error;
	}
	const pid_t stone = fork();
	if (stone == 0)
		stone_run(launch, report_fd[1]);
	const int fork_error = errno;
	close(report_fd[1]);
	struct stone_report report = {.pid = 0};
	ssize_t got = -1;
	if (stone > 0) {
		do
			got = read(report_fd[0], &report, sizeof report);
		while (got < 0 && errno == EINTR);
		while (waitpid(stone, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(report_fd[0]);
	if (stone < 0) {
		fault_set(why, "cannot fork: %s", strerror(fork_error));
		return -fork_error;
	}
	if (got != (ssize_t)sizeof report) {
		fault_set(why, "a process of the lab died while it was being started");
		return -ECHILD;
	}
	if (report.pid < 0 && why != NULL)
		*why = report.why;
	return report.pid;
}

#include "lab_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *lab_role_name(enum lab_role r)
{
	switch (r) {
	case LAB_CLIENT:
		return "client";
	case LAB_SERVER:
		return "server";
	case LAB_ROUTER:
		return "router";
	case LAB_ROLE_COUNT:
		break;
	}
	return "?";
}

bool lab_role_parse(enum lab_role *r, const char *text)
{
	for (int i = 0; i < LAB_ROLE_COUNT; i++) {
		if (strcmp(text, lab_role_name((enum lab_role)i)) == 0) {
			*r = (enum lab_role)i;
			return true;
		}
	}
	return false;
}

/* --- opening ----------------------------------------------------------------------- */

static int open_of_keeper(const struct lab *lab, const char *what, struct fault *why)
{
	char path[LAB_PATH_BYTES];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)lab->keeper, what);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		const int error = errno;
		fault_set(why, "cannot open %s: %s", path, strerror(error));
		return -error;
	}
	return fd;
}

static int open_namespaces(struct lab *lab, const struct lab_report *report, struct fault *why)
{
	if (report->has_user) {
		lab->user_fd = open_of_keeper(lab, "ns/user", why);
		if (lab->user_fd < 0)
			return lab->user_fd;
	}
	if (report->has_proc) {
		lab->mount_fd = open_of_keeper(lab, "ns/mnt", why);
		if (lab->mount_fd < 0)
			return lab->mount_fd;
	}
	lab->pid_fd = open_of_keeper(lab, "ns/pid", why);
	if (lab->pid_fd < 0)
		return lab->pid_fd;
	/* The keeper is process 1 where /proc is the lab's own. */
	const int keeper_inside = report->has_proc ? 1 : (int)lab->keeper;
	for (int role = 0; role < LAB_ROLE_COUNT; role++) {
		const int fd = report->net_fd[role];
		if (fd < 0)
			continue;
		snprintf(lab->outside[role], LAB_PATH_BYTES, "/proc/%d/fd/%d", (int)lab->keeper,
			 fd);
		snprintf(lab->inside[role], LAB_PATH_BYTES, "/proc/%d/fd/%d", keeper_inside, fd);
		lab->net_fd[role] = open(lab->outside[role], O_RDONLY | O_CLOEXEC);
		if (lab->net_fd[role] < 0) {
			const int error = errno;
			fault_set(why, "cannot open %s: %s", lab->outside[role], strerror(error));
			return -error;
		}
	}
	return 0;
}

/* Start the keeper and wait for what it says. */
static int start_keeper(struct lab *lab, const struct lab_spec *spec, struct lab_report *report,
			struct fault *why)
{
	int report_fd[2];
	if (pipe2(report_fd, O_CLOEXEC) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a pipe: %s", strerror(error));
		return -error;
	}
	struct lab_keeper keeper = {
		.spec = spec, .opener = lab->opener, .opener_pidfd = -1, .report_fd = report_fd[1]};
	const struct lab_launch launch = {lab_keeper_enter, lab_keeper_run, &keeper};
	const pid_t pid = lab_launch(&launch, why);
	close(report_fd[1]);
	ssize_t got = 0;
	if (pid > 0) {
		lab->keeper = pid;
		do
			got = read(report_fd[0], report, sizeof *report);
		while (got < 0 && errno == EINTR);
	}
	close(report_fd[0]);
	if (pid < 0)
		return pid;
	if (got != (ssize_t)sizeof *report) {
		fault_set(why, "the lab's keeper died while it built the lab");
		return -ECHILD;
	}
	if (report->status < 0 && why != NULL)
		*why = report->why;
	return report->status;
}

int lab_open(struct lab **lab, const struct lab_spec *spec, struct fault *why)
{
	struct lab *l = calloc(1, sizeof *l);
	if (l == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	l->opener = getpid();
	l->router = spec->router;
	l->user_fd = l->mount_fd = l->pid_fd = -1;
	for (int role = 0; role < LAB_ROLE_COUNT; role++)
		l->net_fd[role] = -1;
	struct lab_report report;
	int rc = start_keeper(l, spec, &report, why);
	if (rc == 0) {
		l->has_ipv6 = report.has_ipv6;
		rc = open_namespaces(l, &report, why);
	}
	if (rc < 0) {
		lab_close(l);
		return rc;
	}
	*lab = l;
	return 0;
}

struct ip_addr lab_address(const struct lab *lab, enum lab_role role, enum ip_family family)
{
	if (family == IP_V6 && !lab->has_ipv6)
		return (struct ip_addr){.family = IP_NONE};
	return lab_plan_address(lab->router, role, family);
}

const char *lab_netns(const struct lab *lab, enum lab_role role)
{
	return lab->net_fd[role] < 0 ? NULL : lab->outside[role];
}

/* --- children ---------------------------------------------------------------------- */

struct spawn {
	const struct lab *lab;
	enum lab_role role;
	int (*run)(void *);
	void *context;
};

static int join(int fd, int kind, const char *what, struct fault *why)
{
	if (fd < 0 || setns(fd, kind) == 0)
		return 0;
	const int error = errno;
	fault_set(why, "cannot join the lab's %s namespace: %s", what, strerror(error));
	return -error;
}

static int join_user_and_net(const struct lab *lab, enum lab_role role, struct fault *why)
{
	if (lab->net_fd[role] < 0) {
		fault_set(why, "this lab has no %s", lab_role_name(role));
		return -ENOENT;
	}
	int rc = join(lab->user_fd, CLONE_NEWUSER, "user", why);
	if (rc == 0)
		rc = join(lab->net_fd[role], CLONE_NEWNET, "network", why);
	return rc;
}

static int spawn_enter(void *context, struct fault *why)
{
	const struct spawn *spawn = context;
	const struct lab *lab = spawn->lab;
	/* A file with capabilities has made us undumpable, and so our /proc/self root's. */
	if (lab->user_fd >= 0)
		prctl(PR_SET_DUMPABLE, 1);
	int rc = join_user_and_net(lab, spawn->role, why);
	if (rc == 0)
		rc = join(lab->pid_fd, CLONE_NEWPID, "process", why);
	/* Joining a mount namespace leads to its root directory. The namespace is a copy of
	 * ours but for /proc, so the way back has the same name. */
	char directory[PATH_MAX];
	const bool has_directory = getcwd(directory, sizeof directory) != NULL;
	if (rc == 0)
		rc = join(lab->mount_fd, CLONE_NEWNS, "mount", why);
	if (rc == 0 && has_directory && chdir(directory) < 0) {
		rc = -errno;
		fault_set(why, "cannot go back to %s: %s", directory, strerror(-rc));
	}
	return rc;
}

static const char *const variables[LAB_ROLE_COUNT] = {
	[LAB_CLIENT] = "SYNSCOPE_LAB_CLIENT_NETNS",
	[LAB_SERVER] = "SYNSCOPE_LAB_SERVER_NETNS",
	[LAB_ROUTER] = "SYNSCOPE_LAB_ROUTER_NETNS",
};

static int spawn_run(void *context)
{
	const struct spawn *spawn = context;
	if (spawn->lab->keeper <= 0) /* of a joined lab, whose keeper does not watch us */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int role = 0; role < LAB_ROLE_COUNT; role++) {
		if (spawn->lab->net_fd[role] >= 0)
			setenv(variables[role], spawn->lab->inside[role], 1);
		else
			unsetenv(variables[role]); /* of a lab that this one is inside of */
	}
	return spawn->run(spawn->context);
}

/* Forget the children that somebody has waited for. */
static void prune_children(struct lab *lab)
{
	size_t kept = 0;
	for (size_t i = 0; i < lab->children; i++) {
		siginfo_t info;
		const int fd = lab->child_pidfd[i];
		if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			close(fd);
		else
			lab->child_pidfd[kept++] = fd;
	}
	lab->children = kept;
}

pid_t lab_spawn(struct lab *lab, enum lab_role role, int (*run)(void *), void *context,
		struct fault *why)
{
	if (lab->children == LAB_CHILDREN_MAX)
		prune_children(lab);
	if (lab->children == LAB_CHILDREN_MAX) {
		fault_set(why, "too many processes in the lab: %d", LAB_CHILDREN_MAX);
		return -EAGAIN;
	}
	struct spawn spawn = {lab, role, run, context};
	const struct lab_launch launch = {spawn_enter, spawn_run, &spawn};
	const pid_t pid = lab_launch(&launch, why);
	if (pid < 0)
		return pid;
	/* By pidfd, because lab_close() must not take another child's status for it. */
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		const int error = errno;
		fault_set(why, "cannot watch process %d: %s", (int)pid, strerror(error));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -error;
	}
	lab->child_pidfd[lab->children++] = pidfd;
	return pid;
}

struct serve {
	const struct peer_spec *specs;
	size_t specs_count;
	int report_fd; /* one byte when it listens, or a struct fault when it cannot */
	int unused_fd;
};

static int serve_run(void *context)
{
	const struct serve *serve = context;
	close(serve->unused_fd);
	struct fault why = {{0}};
	const int rc = peer_run(serve->specs, serve->specs_count, serve->report_fd, &why);
	const ssize_t wrote = write(serve->report_fd, &why, sizeof why);
	return rc < 0 || wrote < 0;
}

pid_t lab_serve(struct lab *lab, enum lab_role role, const struct peer_spec *specs,
		size_t specs_count, struct fault *why)
{
	int ready_fd[2];
	if (pipe2(ready_fd, O_CLOEXEC) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a pipe: %s", strerror(error));
		return -error;
	}
	struct serve serve = {specs, specs_count, ready_fd[1], ready_fd[0]};
	pid_t pid = lab_spawn(lab, role, serve_run, &serve, why);
	close(ready_fd[1]);
	struct fault said = {{0}};
	ssize_t got = 0;
	if (pid > 0) {
		do
			got = read(ready_fd[0], &said, sizeof said);
		while (got < 0 && errno == EINTR);
	}
	close(ready_fd[0]);
	if (pid > 0 && got != 1) {
		waitpid(pid, NULL, 0);
		fault_set(why, "%s", got > 0 ? said.text : "the lab's server died");
		pid = -EIO;
	}
	return pid;
}

int lab_enter(struct lab *lab, enum lab_role role, struct fault *why)
{
	const int rc = join_user_and_net(lab, role, why);
	if (rc < 0 || getpid() == lab->opener)
		return rc;
	/* After the join, which may clear it; and the parent may have died before. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != lab->opener) {
		fault_set(why, "process %d, which opened the lab, is not our parent",
			  (int)lab->opener);
		return -ESRCH;
	}
	return 0;
}

int lab_visit(enum lab_role role, struct fault *why)
{
	const char *path = getenv(variables[role]);
	if (path == NULL) {
		fault_set(why, "not in a lab with a %s: %s is not set", lab_role_name(role),
			  variables[role]);
		return -ENOENT;
	}
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const int rc = fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		fault_set(why, "cannot go to the lab's %s: %s: %s", lab_role_name(role), path,
			  strerror(-rc));
	return rc;
}

void lab_close(struct lab *lab)
{
	if (lab == NULL)
		return;
	if (lab->keeper > 0)
		kill(lab->keeper, SIGKILL);
	/* The keeper's end waits for that of all processes in its PID namespace, which is
	 * complete when we have reaped ours: so first the children, then the keeper. */
	for (size_t i = 0; i < lab->children; i++) {
		siginfo_t info;
		while (waitid(P_PIDFD, (id_t)lab->child_pidfd[i], &info, WEXITED) < 0 &&
		       errno == EINTR)
			;
		close(lab->child_pidfd[i]);
	}
	if (lab->keeper > 0)
		while (waitpid(lab->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	for (int role = 0; role < LAB_ROLE_COUNT; role++)
		if (lab->net_fd[role] >= 0)
			close(lab->net_fd[role]);
	if (lab->user_fd >= 0)
		close(lab->user_fd);
	if (lab->mount_fd >= 0)
		close(lab->mount_fd);
	if (lab->pid_fd >= 0)
		close(lab->pid_fd);
	free(lab);
}

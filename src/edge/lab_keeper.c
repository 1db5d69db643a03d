#include "lab_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the plan, as rows --------------------------------------------------------- */

enum { MAC_CLIENT = 0x01, MAC_SERVER = 0x02, MAC_ROUTER_LEFT = 0xfe, MAC_ROUTER_RIGHT = 0xfd };
enum { MAC_WIRE_LEFT = 0x11, MAC_WIRE_RIGHT = 0x12 };

#define MTU_BYTES 1500
#define MTU_BYTES_WIRE 65535 /* the relay carries whatever its neighbours are set to */

/* Interface indexes must differ at the two ends of a veth pair: the kernel takes an end
 * whose index equals its peer's for a device without lower link, and then attends to its
 * carrier up to a second late (linkwatch_urgent_event() in net/core/link_watch.c). */
enum { INDEX_LEFT = 11, INDEX_RIGHT = 12, INDEX_WIRE_LEFT = 13, INDEX_WIRE_RIGHT = 14 };

enum row_kind { ROW_ADDRESS, ROW_NEIGHBOUR, ROW_DEFAULT };

struct row {
	enum lab_role role;
	enum row_kind kind;
	const char *name;
	const char *address;
	uint8_t detail; /* prefix bits of ROW_ADDRESS, last MAC byte of ROW_NEIGHBOUR */
};

static const struct row plain_rows[] = {
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "192.0.2.1", 24},
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "2001:db8::1", 64},
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "fe80::1", 64},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "192.0.2.2", MAC_SERVER},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "2001:db8::2", MAC_SERVER},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "fe80::2", MAC_SERVER},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "192.0.2.2", 24},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "2001:db8::2", 64},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "fe80::2", 64},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "192.0.2.1", MAC_CLIENT},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "2001:db8::1", MAC_CLIENT},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "fe80::1", MAC_CLIENT},
};

static const struct row router_rows[] = {
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "192.0.2.1", 24},
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "2001:db8:1::1", 64},
	{LAB_CLIENT, ROW_ADDRESS, "eth0", "fe80::1", 64},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "192.0.2.254", MAC_ROUTER_LEFT},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "2001:db8:1::fe", MAC_ROUTER_LEFT},
	{LAB_CLIENT, ROW_NEIGHBOUR, "eth0", "fe80::fe", MAC_ROUTER_LEFT},
	{LAB_CLIENT, ROW_DEFAULT, "eth0", "192.0.2.254", 0},
	{LAB_CLIENT, ROW_DEFAULT, "eth0", "2001:db8:1::fe", 0},
	{LAB_ROUTER, ROW_ADDRESS, "eth0", "192.0.2.254", 24},
	{LAB_ROUTER, ROW_ADDRESS, "eth0", "2001:db8:1::fe", 64},
	{LAB_ROUTER, ROW_ADDRESS, "eth0", "fe80::fe", 64},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth0", "192.0.2.1", MAC_CLIENT},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth0", "2001:db8:1::1", MAC_CLIENT},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth0", "fe80::1", MAC_CLIENT},
	{LAB_ROUTER, ROW_ADDRESS, "eth1", "198.51.100.254", 24},
	{LAB_ROUTER, ROW_ADDRESS, "eth1", "2001:db8:2::fe", 64},
	{LAB_ROUTER, ROW_ADDRESS, "eth1", "fe80::fe", 64},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth1", "198.51.100.2", MAC_SERVER},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth1", "2001:db8:2::2", MAC_SERVER},
	{LAB_ROUTER, ROW_NEIGHBOUR, "eth1", "fe80::2", MAC_SERVER},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "198.51.100.2", 24},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "2001:db8:2::2", 64},
	{LAB_SERVER, ROW_ADDRESS, "eth0", "fe80::2", 64},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "198.51.100.254", MAC_ROUTER_RIGHT},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "2001:db8:2::fe", MAC_ROUTER_RIGHT},
	{LAB_SERVER, ROW_NEIGHBOUR, "eth0", "fe80::fe", MAC_ROUTER_RIGHT},
	{LAB_SERVER, ROW_DEFAULT, "eth0", "198.51.100.254", 0},
	{LAB_SERVER, ROW_DEFAULT, "eth0", "2001:db8:2::fe", 0},
};

struct ip_addr lab_plan_address(bool router, enum lab_role role, enum ip_family family)
{
	const struct row *rows = router ? router_rows : plain_rows;
	const size_t count = router ? ARRAY_COUNT(router_rows) : ARRAY_COUNT(plain_rows);
	for (size_t i = 0; i < count; i++) {
		struct ip_addr a;
		if (rows[i].role == role && rows[i].kind == ROW_ADDRESS &&
		    ip_addr_parse(&a, rows[i].address) && a.family == (uint8_t)family)
			return a;
	}
	return (struct ip_addr){.family = IP_NONE};
}

/* --- namespaces ------------------------------------------------------------------ */

static int write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t wrote = write(fd, text, strlen(text));
	const int rc = wrote < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static bool file_says(const char *path, char value)
{
	char first = '\0';
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool same = read(fd, &first, 1) == 1 && first == value;
	close(fd);
	return same;
}

static const char *refusal_remedy(void)
{
	if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "AppArmor restricts user namespaces: use sudo, or load a profile that "
		       "grants userns";
	if (file_says("/proc/sys/user/max_user_namespaces", '0'))
		return "user.max_user_namespaces is 0: raise it, or use sudo";
	if (file_says("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return "kernel.unprivileged_userns_clone is 0: set it to 1, or use sudo";
	return "a container may forbid it: use sudo, or allow CAP_SYS_ADMIN";
}

static int map_ids(uid_t uid, gid_t gid, struct fault *why)
{
	/* After the exec of a file with capabilities /proc/self belongs to root. */
	prctl(PR_SET_DUMPABLE, 1);
	char uid_map[32];
	char gid_map[32];
	snprintf(uid_map, sizeof uid_map, "0 %u 1\n", (unsigned)uid);
	snprintf(gid_map, sizeof gid_map, "0 %u 1\n", (unsigned)gid);
	int rc = write_file("/proc/self/uid_map", uid_map);
	/* Without this an unprivileged process may not map its group (user_namespaces(7)). */
	if (rc == 0)
		rc = write_file("/proc/self/setgroups", "deny");
	if (rc == 0)
		rc = write_file("/proc/self/gid_map", gid_map);
	if (rc < 0)
		fault_set(why, "cannot map ids into the lab's user namespace: %s (%s)",
			  strerror(-rc), refusal_remedy());
	return rc;
}

int lab_keeper_enter(void *context, struct fault *why)
{
	struct lab_keeper *keeper = context;
	keeper->opener_pidfd = (int)syscall(SYS_pidfd_open, keeper->opener, 0);
	if (keeper->opener_pidfd < 0 || getppid() != keeper->opener) {
		fault_set(why, "cannot watch process %d: %s", (int)keeper->opener,
			  keeper->opener_pidfd < 0 ? strerror(errno) : "it is gone");
		return -ESRCH;
	}
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	const int kinds = CLONE_NEWPID | CLONE_NEWNS;
	if (uid == 0 && unshare(kinds) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | kinds) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a user namespace: %s (%s)", strerror(error),
			  refusal_remedy());
		return -error;
	}
	keeper->has_user = true;
	return map_ids(uid, gid, why);
}

/* A /proc whose process ids are those that getpid() tells inside. Where it is refused (a
 * container that hides parts of its own /proc) the old one stays, and only ps(1) in the
 * lab looks odd. */
static bool mount_proc(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
	       mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* --- building -------------------------------------------------------------------- */

struct builder {
	const struct lab_spec *spec;
	struct lab_report *report;
	struct fault *why;
};

static int enter_net(const struct builder *b, int which)
{
	if (setns(b->report->net_fd[which], CLONE_NEWNET) == 0)
		return 0;
	const int error = errno;
	fault_set(b->why, "cannot enter a network namespace: %s", strerror(error));
	return -error;
}

static int set_sysctls(const struct builder *b, int which)
{
	/* Before the interfaces come, which inherit conf/default. The kernel must not invent
	 * link-local addresses, nor solicit routers, and should repeat its multicast reports
	 * at once (1 ms) and not a second later: captures hold what the user sent. */
	static const struct {
		int which; /* -1: everywhere */
		const char *path;
		const char *value;
		bool needed;
	} sysctls[] = {
		{-1, "/proc/sys/net/ipv6/conf/default/accept_dad", "0", false},
		{-1, "/proc/sys/net/ipv6/conf/default/mldv2_unsolicited_report_interval", "1",
		 false},
		{-1, "/proc/sys/net/ipv6/conf/default/accept_ra", "0", false},
		{-1, "/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1", false},
		{LAB_WIRE, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", false},
		{LAB_ROUTER, "/proc/sys/net/ipv4/ip_forward", "1", true},
		{LAB_ROUTER, "/proc/sys/net/ipv6/conf/all/forwarding", "1", true},
	};
	for (size_t i = 0; i < ARRAY_COUNT(sysctls); i++) {
		const bool is_ipv6 = strstr(sysctls[i].path, "/ipv6/") != NULL;
		if ((sysctls[i].which != -1 && sysctls[i].which != which) ||
		    (is_ipv6 && !b->report->has_ipv6))
			continue;
		const int rc = write_file(sysctls[i].path, sysctls[i].value);
		if (rc < 0 && sysctls[i].needed) {
			fault_set(b->why, "cannot write %s: %s", sysctls[i].path, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

static int make_nets(const struct builder *b)
{
	for (int which = 0; which < LAB_NET_COUNT; which++) {
		if ((which == LAB_ROUTER && !b->spec->router) ||
		    (which == LAB_WIRE && !b->spec->has_relay))
			continue;
		int rc = unshare(CLONE_NEWNET) < 0 ? -errno : 0;
		if (rc == 0) {
			b->report->net_fd[which] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
			if (b->report->net_fd[which] < 0)
				rc = -errno;
		}
		if (rc < 0) {
			fault_set(b->why, "cannot make a network namespace: %s", strerror(-rc));
			return rc;
		}
		rc = set_sysctls(b, which);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int make_links(const struct builder *b, struct lab_net *net)
{
	const int *fd = b->report->net_fd;
	const bool router = b->spec->router;
	const struct lab_end client = {fd[LAB_CLIENT], "eth0", INDEX_LEFT, MAC_CLIENT, MTU_BYTES};
	const struct lab_end server = {fd[LAB_SERVER], "eth0", INDEX_RIGHT, MAC_SERVER, MTU_BYTES};
	const struct lab_end near = {fd[LAB_ROUTER], "eth0", INDEX_RIGHT, MAC_ROUTER_LEFT,
				     MTU_BYTES};
	const struct lab_end far = {fd[LAB_ROUTER], "eth1", INDEX_LEFT, MAC_ROUTER_RIGHT,
				    MTU_BYTES};
	const struct lab_end left = {fd[LAB_WIRE], "left", INDEX_WIRE_LEFT, MAC_WIRE_LEFT,
				     MTU_BYTES_WIRE};
	const struct lab_end right = {fd[LAB_WIRE], "right", INDEX_WIRE_RIGHT, MAC_WIRE_RIGHT,
				      MTU_BYTES_WIRE};
	const struct lab_end *next = router ? &near : &server;
	int rc = 0;
	if (b->spec->has_relay) {
		rc = lab_net_pair(net, &client, &left, b->why);
		if (rc == 0)
			rc = lab_net_pair(net, &right, next, b->why);
	} else {
		rc = lab_net_pair(net, &client, next, b->why);
	}
	if (rc == 0 && router)
		rc = lab_net_pair(net, &far, &server, b->why);
	return rc;
}

static const char *interface_of(int which, int i)
{
	static const char *const names[LAB_NET_COUNT][2] = {
		[LAB_CLIENT] = {"eth0", NULL},
		[LAB_SERVER] = {"eth0", NULL},
		[LAB_ROUTER] = {"eth0", "eth1"},
		[LAB_WIRE] = {"left", "right"},
	};
	return names[which][i];
}

static int raise_links(const struct builder *b, struct lab_net *const nets[])
{
	int rc = 0;
	for (int which = 0; which < LAB_NET_COUNT && rc == 0; which++) {
		if (nets[which] == NULL)
			continue;
		rc = lab_net_up(nets[which], "lo", b->why);
		for (int i = 0; i < 2 && rc == 0 && interface_of(which, i) != NULL; i++) {
			const char *name = interface_of(which, i);
			rc = lab_net_offload_off(nets[which], name, b->why);
			if (rc == 0)
				rc = lab_net_up(nets[which], name, b->why);
		}
	}
	for (int which = 0; which < LAB_NET_COUNT && rc == 0; which++)
		for (int i = 0; i < 2 && rc == 0 && nets[which] != NULL; i++)
			if (interface_of(which, i) != NULL)
				rc = lab_net_wait_up(nets[which], interface_of(which, i), b->why);
	return rc;
}

static int apply_rows(const struct builder *b, struct lab_net *const nets[])
{
	const struct row *rows = b->spec->router ? router_rows : plain_rows;
	const size_t count = b->spec->router ? ARRAY_COUNT(router_rows) : ARRAY_COUNT(plain_rows);
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		const struct row *row = &rows[i];
		struct lab_net *net = nets[row->role];
		struct ip_addr a;
		if (!ip_addr_parse(&a, row->address) || (a.family == IP_V6 && !b->report->has_ipv6))
			continue;
		switch (row->kind) {
		case ROW_ADDRESS:
			rc = lab_net_address(net, row->name, &a, row->detail, b->why);
			break;
		case ROW_NEIGHBOUR:
			if (!b->spec->resolve)
				rc = lab_net_neighbour(net, row->name, &a, row->detail, b->why);
			break;
		case ROW_DEFAULT:
			rc = lab_net_default_route(net, row->name, &a, b->why);
			break;
		}
	}
	return rc;
}

static int build(const struct builder *b)
{
	struct lab_net *nets[LAB_NET_COUNT] = {NULL};
	int rc = make_nets(b);
	for (int which = 0; which < LAB_NET_COUNT && rc == 0; which++) {
		if (b->report->net_fd[which] < 0)
			continue;
		rc = enter_net(b, which);
		if (rc == 0)
			rc = lab_net_open(&nets[which], b->why);
	}
	if (rc == 0)
		rc = make_links(b, nets[LAB_CLIENT]);
	if (rc == 0)
		rc = raise_links(b, nets);
	if (rc == 0)
		rc = apply_rows(b, nets);
	for (int which = 0; which < LAB_NET_COUNT; which++)
		lab_net_close(nets[which]);
	return rc;
}

/* --- the process ------------------------------------------------------------------- */

/* Keep nothing of the opener's that somebody may wait for the end of: a pipe's write end,
 * a directory, a terminal. Standard error stays, for a sanitizer's last words. */
static int shed(struct lab_keeper *keeper)
{
	keeper->report_fd = fcntl(keeper->report_fd, F_DUPFD_CLOEXEC, 3);
	keeper->opener_pidfd = fcntl(keeper->opener_pidfd, F_DUPFD_CLOEXEC, 3);
	const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (keeper->report_fd < 0 || keeper->opener_pidfd < 0 || null_fd < 0)
		return -errno;
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	const int max =
		keeper->report_fd > keeper->opener_pidfd ? keeper->report_fd : keeper->opener_pidfd;
	for (int fd = 3; fd < max; fd++)
		if (fd != keeper->report_fd && fd != keeper->opener_pidfd)
			close(fd);
	/* There since Linux 5.9; glibc has no wrapper before 2.34. */
	syscall(SYS_close_range, max + 1, ~0U, 0);
	/* As the first process of its PID namespace the keeper ignores what it has no
	 * handler for; the opener's handlers must not run here. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGCHLD, SIG_IGN); /* orphans of the lab come to us: let the kernel reap them */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_NAME, "synscope-lab");
	prctl(PR_SET_DUMPABLE, 1); /* the opener opens /proc/PID/ns and /proc/PID/fd */
	return chdir("/") < 0 ? -errno : 0;
}

static int start_relay(const struct builder *b, int report_fd, int *relay_pidfd)
{
	struct relay *relay = NULL;
	int rc = enter_net(b, LAB_WIRE);
	if (rc == 0)
		rc = relay_open(&relay, "left", "right", &b->spec->relay, b->why);
	if (rc < 0)
		return rc;
	const pid_t pid = fork();
	if (pid == 0) {
		close(report_fd);
		prctl(PR_SET_NAME, "synscope-wire");
		_exit(relay_run(relay, NULL) < 0);
	}
	if (pid > 0)
		*relay_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pid < 0 || *relay_pidfd < 0) {
		rc = -errno;
		fault_set(b->why, "cannot start the relay: %s", strerror(-rc));
	}
	relay_close(relay);
	return rc;
}

int lab_keeper_run(void *context)
{
	struct lab_keeper *keeper = context;
	struct lab_report report = {.has_user = keeper->has_user};
	for (int which = 0; which < LAB_NET_COUNT; which++)
		report.net_fd[which] = -1;
	const struct builder builder = {keeper->spec, &report, &report.why};
	int relay_pidfd = -1;
	report.status = shed(keeper);
	if (report.status < 0)
		fault_set(&report.why, "cannot set the lab's keeper up: %s",
			  strerror(-report.status));
	report.has_proc = report.status == 0 && mount_proc();
	report.has_ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
	if (report.status == 0)
		report.status = build(&builder);
	if (report.status == 0 && keeper->spec->has_relay)
		report.status = start_relay(&builder, keeper->report_fd, &relay_pidfd);
	/* Shorter than PIPE_BUF, so it is written at once. */
	const ssize_t wrote = write(keeper->report_fd, &report, sizeof report);
	close(keeper->report_fd);
	if (wrote != (ssize_t)sizeof report || report.status < 0)
		return 1;
	/* A lab whose wire has gone is of no use to anyone: end with the relay, too. */
	struct pollfd ends[] = {{.fd = keeper->opener_pidfd, .events = POLLIN},
				{.fd = relay_pidfd, .events = POLLIN}};
	while (poll(ends, ARRAY_COUNT(ends), -1) < 0 && errno == EINTR)
		;
	return 0;
}

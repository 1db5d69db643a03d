#include "netns.h"

#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char netns_reason[160] = "netns_enter() was not called";

static bool netns_fail(const char *what)
{
	snprintf(netns_reason, sizeof netns_reason, "no private network: %s: %s", what,
		 strerror(errno));
	return false;
}

static bool netns_write(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const size_t count = strlen(text);
	const bool written = fd >= 0 && write(fd, text, count) == (ssize_t)count;
	if (fd >= 0)
		close(fd);
	return written || netns_fail(path);
}

static bool netns_lo_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0)
		close(fd);
	return up || netns_fail("lo");
}

static bool netns_enter_new(void)
{
	char map[64];
	const unsigned uid = geteuid();
	const unsigned gid = getegid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return netns_fail("unshare");
	snprintf(map, sizeof map, "0 %u 1", uid);
	if (!netns_write("/proc/self/setgroups", "deny") || !netns_write("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof map, "0 %u 1", gid);
	return netns_write("/proc/self/gid_map", map) && netns_lo_up();
}

void netns_enter(void)
{
	/* A process that has changed its user may not be dumpable, and then does not own
	 * its own /proc/self files. */
	prctl(PR_SET_DUMPABLE, 1);
	if (netns_enter_new())
		netns_reason[0] = '\0';
}

void netns_require(void)
{
	if (netns_reason[0] == '\0')
		return;
	print_message("%s\n", netns_reason);
	skip();
}

int netns_run(const char *format, ...)
{
	char command[1024] = "{ ";
	va_list args;
	va_start(args, format);
	vsnprintf(command + 2, sizeof command - 32, format, args);
	va_end(args);
	strcat(command, "; } >/dev/null 2>&1 </dev/null");
	const int status = system(command);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A child that only holds its network namespace; it tells when it has one. */
static pid_t netns_hold(void)
{
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	const pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		const char ok = unshare(CLONE_NEWNET) == 0 && netns_lo_up();
		if (write(ready[1], &ok, 1) != 1 || !ok)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	char ok = 0;
	const bool told = read(ready[0], &ok, 1) == 1 && ok;
	close(ready[0]);
	return told ? child : -1;
}

pid_t netns_peer_start(void)
{
	const pid_t peer = netns_hold();
	assert_true(peer > 0);
	/* No duplicate address detection: the addresses can be used at once. */
	assert_int_equal(netns_run("ip link add va type veth peer name vb netns %d && "
				   "sysctl -qw net.ipv6.conf.va.accept_dad=0 "
				   "net.ipv6.conf.va.addr_gen_mode=1 && "
				   "ip addr add 198.18.0.1/24 dev va && "
				   "ip addr add fd18::1/64 dev va nodad && "
				   "ip addr add fe80::a/64 dev va nodad && ip link set va up",
				   peer),
			 0);
	assert_int_equal(
		netns_run("nsenter -t %d -n sh -ec '"
			  "sysctl -qw net.ipv6.conf.vb.accept_dad=0 "
			  "net.ipv6.conf.vb.addr_gen_mode=1; "
			  "ip addr add 198.18.0.2/24 dev vb; ip addr add fd18::2/64 dev vb nodad; "
			  "ip addr add fe80::b/64 dev vb nodad; ip link set vb up'",
			  peer),
		0);
	return peer;
}

void netns_peer_stop(pid_t peer)
{
	/* The pair goes with either end, but the kernel takes its time over a namespace. */
	(void)netns_run("ip link del va");
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
}

pid_t netns_in(pid_t host, int (*run)(void *), void *context)
{
	fflush(NULL);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (host != 0) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/ns/net", host);
		const int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
			_exit(125);
	}
	/* No atexit: a child must not report leaks of its parent's test. */
	_exit(run(context));
}

int netns_wait(pid_t child)
{
	int status = 0;
	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

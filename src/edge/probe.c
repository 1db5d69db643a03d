/*
 * Every question is asked by doing the thing, in a child where doing it changes the
 * process: /proc can say that user namespaces are allowed while AppArmor takes their
 * capabilities away, and only the try tells. The settings of /proc/sys then only explain
 * a failure.
 */
#include "synscope/edge/probe.h"

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/lab.h"
#include "synscope/edge/privs.h"
#include "synscope/edge/sockdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_TEXT_MAX 128 /* of what we print; a longer path is cut */

typedef void (*probe_fn)(struct probe_report *r);

static void say(struct probe_report *r, enum probe_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void advise(struct probe_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct probe_report *r, enum probe_result result, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(r->found, sizeof r->found, format, args);
	va_end(args);
	r->result = result;
}

static void advise(struct probe_report *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(r->remedy, sizeof r->remedy, format, args);
	va_end(args);
}

/* @return whether the file has a number, the first in it */
static bool setting(const char *path, long *value)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	const bool read_one = fscanf(f, "%ld", value) == 1;
	fclose(f);
	return read_one;
}

static bool setting_is(const char *path, long value)
{
	long found;
	return setting(path, &found) && found == value;
}

/* Fill a report in a child process. What the child leaves in itself goes with it. */
static void in_child(struct probe_report *r, probe_fn fill)
{
	int result[2];
	say(r, PROBE_NO, "not tried: %s", strerror(EAGAIN));
	if (pipe2(result, O_CLOEXEC) < 0)
		return;
	const pid_t child = fork();
	if (child == 0) {
		fill(r);
		const ssize_t written = write(result[1], r, sizeof *r);
		_exit(written == (ssize_t)sizeof *r ? 0 : 1);
	}
	close(result[1]);
	struct probe_report filled; /* below PIPE_BUF: it comes whole or not at all */
	int status = 0;
	if (child > 0 && read(result[0], &filled, sizeof filled) == (ssize_t)sizeof filled)
		*r = filled;
	if (child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		say(r, PROBE_NO, "the try was killed by signal %d", WTERMSIG(status));
	close(result[0]);
}

/* --- the machine --- */

static void probe_kernel(struct probe_report *r)
{
	struct utsname u;
	unsigned major = 0;
	unsigned minor = 0;
	if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		say(r, PROBE_LIMITED, "its version is not known");
		return;
	}
	const bool recent = major > 5 || (major == 5 && minor >= 12);
	say(r, recent ? PROBE_YES : PROBE_LIMITED, "%s %.80s", u.sysname, u.release);
	if (!recent)
		advise(r, "5.12 or newer for the nftables guard (tables with an owner)");
}

static void probe_ipv6(struct probe_report *r)
{
	const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool works =
		fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
	if (works) {
		say(r, PROBE_YES, "::1 is there");
	} else {
		say(r, PROBE_NO, "no ::1: %s", strerror(errno));
		advise(r, "sudo sysctl net.ipv6.conf.all.disable_ipv6=0");
	}
	if (fd >= 0)
		close(fd);
}

/* --- privilege --- */

static void advise_privilege(struct probe_report *r)
{
	char path[PATH_TEXT_MAX] = "synscope";
	const ssize_t count = readlink("/proc/self/exe", path, sizeof path - 1);
	if (count > 0)
		path[count] = '\0';
	advise(r,
	       "sudo; or once: sudo setcap cap_net_raw,cap_net_admin=ep %s; lab, lesson and "
	       "demo need neither",
	       path);
}

static void probe_raw(struct probe_report *r)
{
	const int v4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	const int v4_error = errno;
	const int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	const int packet_error = errno;
	if (v4 >= 0 && packet >= 0) {
		say(r, PROBE_YES, "raw and packet sockets open");
	} else {
		say(r, PROBE_NO, "raw socket: %s; packet socket: %s",
		    v4 >= 0 ? "opens" : strerror(v4_error),
		    packet >= 0 ? "opens" : strerror(packet_error));
		advise_privilege(r);
	}
	if (v4 >= 0)
		close(v4);
	if (packet >= 0)
		close(packet);
}

static void probe_capture(struct probe_report *r)
{
	struct capture *c = NULL;
	struct fault why;
	const struct capture_spec spec = {.interface = "lo", .filter = "tcp", .snap_bytes = 256};
	const int status = capture_open(&c, &spec, &why);
	if (status == 0) {
		say(r, PROBE_YES, "libpcap on lo, at once, with nanoseconds");
		capture_close(c);
		return;
	}
	say(r, PROBE_NO, "%.150s", why.text);
	if (status == -EPERM)
		advise_privilege(r);
	else if (status == -ENETDOWN)
		advise(r, "sudo ip link set lo up");
}

static struct guard_spec guard_spec_of(enum guard_kind kind)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	return (struct guard_spec){.kind = kind,
				   .local.addr = ip_addr_v4(loopback),
				   .remote.addr = ip_addr_v4(loopback)};
}

static void probe_guard(struct probe_report *r)
{
	struct guard *g = NULL;
	struct fault why;
	const struct guard_spec spec = guard_spec_of(GUARD_SOCKET);
	if (guard_arm(&g, &spec, &why) != 0) {
		say(r, PROBE_NO, "%.150s", why.text);
		return;
	}
	const bool whole = strcmp(guard_kind_text(g), "listen socket") == 0;
	say(r, whole ? PROBE_YES : PROBE_LIMITED, "%s", guard_kind_text(g));
	if (!whole)
		advise(r, "CAP_NET_ADMIN as well; without it a neighbour that sends with TTL 255 "
			  "gets an RST from this kernel");
	guard_disarm(g);
}

static void probe_confine(struct probe_report *r)
{
	struct fault why;
	if (privs_drop(&why) != 0 || privs_confine(&why) != 0)
		say(r, PROBE_NO, "%.150s", why.text);
	else
		say(r, PROBE_YES, "capabilities given up, system calls filtered");
}

static void probe_sockdiag(struct probe_report *r)
{
	struct sockdiag *d = NULL;
	struct sockdiag_truth truth;
	struct fault why;
	const struct guard_spec spec = guard_spec_of(GUARD_NONE);
	if (sockdiag_open(&d, NULL, &why) != 0 ||
	    sockdiag_ask(d, &spec.local, &spec.remote, &truth, &why) != 0) {
		say(r, PROBE_NO, "%.150s", why.text);
		advise(r, "sudo modprobe tcp_diag, for --truth only");
	} else {
		say(r, PROBE_YES, "the kernel tells its TCP states (--truth)");
	}
	sockdiag_close(d);
}

/* --- namespaces --- */

static bool write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t count = (ssize_t)strlen(text);
	const bool written = fd >= 0 && write(fd, text, (size_t)count) == count;
	if (fd >= 0)
		close(fd);
	return written;
}

/* Become root of fresh user and network namespaces. @return 0 or the step's errno */
static int enter_namespaces(void)
{
	char map[64];
	const unsigned uid = geteuid();
	const unsigned gid = getegid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return errno;
	snprintf(map, sizeof map, "0 %u 1", uid);
	if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", map))
		return errno;
	snprintf(map, sizeof map, "0 %u 1", gid);
	if (!write_text("/proc/self/gid_map", map))
		return errno;
	/* AppArmor lets the namespace be made, and takes its capabilities away. */
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void probe_namespaces(struct probe_report *r)
{
	const int error = enter_namespaces();
	if (error == 0) {
		say(r, PROBE_YES, "user and network namespaces, with raw sockets inside");
		return;
	}
	say(r, PROBE_NO, "refused: %s", strerror(error));
	if (setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1))
		advise(r, "AppArmor forbids them to ordinary programs: sudo sysctl "
			  "kernel.apparmor_restrict_unprivileged_userns=0, or a profile with "
			  "\"userns,\" for this program, or sudo");
	else if (setting_is("/proc/sys/user/max_user_namespaces", 0))
		advise(r, "sudo sysctl user.max_user_namespaces=15000");
	else if (setting_is("/proc/sys/kernel/unprivileged_userns_clone", 0))
		advise(r, "sudo sysctl kernel.unprivileged_userns_clone=1");
	else
		advise(r, "a container often forbids them; sudo, or run outside it");
}

static void probe_nft(struct probe_report *r)
{
	struct guard *g = NULL;
	struct fault why;
	const struct guard_spec spec = guard_spec_of(GUARD_NFT);
	/* Never in the real ruleset: in a namespace, root's if users get none. */
	const int error = enter_namespaces();
	if (error != 0 && unshare(CLONE_NEWNET) < 0) {
		say(r, PROBE_NO, "not tried, for lack of a private network: %s", strerror(error));
		advise(r, "see user namespaces, or sudo");
		return;
	}
	if (guard_arm(&g, &spec, &why) == 0) {
		say(r, PROBE_YES, "a table of our own, gone with the process (--guard nft)");
		return;
	}
	say(r, PROBE_NO, "%.150s", why.text);
	advise(r, "only for --guard nft: libnftables, and a kernel with nf_tables, 5.12 or newer");
}

static void probe_lab(struct probe_report *r)
{
	struct lab *lab = NULL;
	struct fault why;
	const struct lab_spec spec = {0};
	if (lab_open(&lab, &spec, &why) != 0) {
		say(r, PROBE_NO, "%.150s", why.text);
		advise(r, "see user namespaces; or sudo");
		return;
	}
	say(r, PROBE_YES, "two hosts were built and removed: lab and demo work");
	lab_close(lab);
}

/* --- what will be seen --- */

static bool ethtool_on(int fd, const char *interface, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	request.ifr_data = (void *)&value;
	return ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data != 0;
}

/* The interface of a default route, IPv4's before IPv6's. */
static bool default_interface(char name[IF_NAMESIZE])
{
	char line[256];
	char destination[40];
	unsigned zeros;
	bool found = false;
	FILE *v4 = fopen("/proc/net/route", "re");
	while (v4 != NULL && !found && fgets(line, sizeof line, v4) != NULL)
		found = sscanf(line, "%15s %8s", name, destination) == 2 &&
			strcmp(destination, "00000000") == 0;
	if (v4 != NULL)
		fclose(v4);
	FILE *v6 = fopen("/proc/net/ipv6_route", "re");
	while (v6 != NULL && !found && fgets(line, sizeof line, v6) != NULL)
		found = sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %*s %15s", destination,
			       &zeros, name) == 3 &&
			zeros == 0 && strspn(destination, "0") == 32 && strcmp(name, "lo") != 0;
	if (v6 != NULL)
		fclose(v6);
	return found;
}

static void probe_offload(struct probe_report *r)
{
	char name[IF_NAMESIZE] = "";
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !default_interface(name)) {
		say(r, PROBE_YES, "no default route; lo always leaves checksums partial");
	} else {
		const bool sums = ethtool_on(fd, name, ETHTOOL_GTXCSUM);
		const bool merges = ethtool_on(fd, name, ETHTOOL_GTSO) ||
				    ethtool_on(fd, name, ETHTOOL_GGSO) ||
				    ethtool_on(fd, name, ETHTOOL_GGRO);
		say(r, sums || merges ? PROBE_LIMITED : PROBE_YES, "%s: %s, %s", name,
		    sums ? "our kernel's checksums show as partial" : "checksums as on the wire",
		    merges ? "several segments may show as one" : "segments as on the wire");
		if (sums || merges)
			advise(r,
			       "known and handled; to see the wire itself: sudo ethtool -K %s "
			       "tx off tso off gso off gro off",
			       name);
	}
	if (fd >= 0)
		close(fd);
}

static void probe_syn_timeouts(struct probe_report *r)
{
	long linear = 0;
	long retries = 6;
	(void)setting("/proc/sys/net/ipv4/tcp_syn_retries", &retries);
	(void)setting("/proc/sys/net/ipv4/tcp_syn_linear_timeouts", &linear);
	/* tcp_write_timeout(): the linear ones are on top of tcp_syn_retries. */
	if (linear > 0)
		say(r, PROBE_YES,
		    "this kernel repeats a SYN %ld times: the first %ld after 1 s each, then "
		    "doubling",
		    linear + retries, linear);
	else
		say(r, PROBE_YES, "this kernel repeats a SYN %ld times: after 1 s, then doubling",
		    retries);
}

static void probe_syn_cookies(struct probe_report *r)
{
	long value;
	if (!setting("/proc/sys/net/ipv4/tcp_syncookies", &value))
		say(r, PROBE_YES, "this kernel has none");
	else if (value == 0)
		say(r, PROBE_YES, "never (tcp_syncookies 0)");
	else if (value == 1)
		say(r, PROBE_YES, "when a listener's queue overflows (tcp_syncookies 1)");
	else
		say(r, PROBE_LIMITED,
		    "always (tcp_syncookies %ld): this kernel's listeners keep no SYN-RECEIVED",
		    value);
}

static const struct {
	const char *name;
	probe_fn fill;
	bool in_child;
} probes[] = {
	{"kernel", probe_kernel, false},
	{"IPv6", probe_ipv6, false},
	{"raw packets", probe_raw, false},
	{"capture", probe_capture, true}, /* closing it would take 25 ms */
	{"guard", probe_guard, false},
	{"nftables guard", probe_nft, true},
	{"user namespaces", probe_namespaces, true},
	{"lab", probe_lab, true},
	{"confinement", probe_confine, true},
	{"socket states", probe_sockdiag, false},
	{"frames as sent", probe_offload, false},
	{"SYN retries", probe_syn_timeouts, false},
	{"SYN cookies", probe_syn_cookies, false},
};

_Static_assert(ARRAY_COUNT(probes) <= PROBE_REPORTS_MAX, "the caller has room for all");

size_t probe_machine(struct probe_report *reports)
{
	for (size_t i = 0; i < ARRAY_COUNT(probes); i++) {
		reports[i] = (struct probe_report){.name = probes[i].name};
		if (probes[i].in_child)
			in_child(&reports[i], probes[i].fill);
		else
			probes[i].fill(&reports[i]);
	}
	return ARRAY_COUNT(probes);
}

#include "synscope/edge/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Instrumented builds have these; what their run times need at exit is allowed for them
 * only (confined_instrumented[]). Weak, so that no build needs an #ifdef. */
extern void __asan_init(void) __attribute__((weak));
extern void __gcov_exit(void) __attribute__((weak));

struct confined_syscall {
	int number;
	unsigned argument; /* its number, from 0; allowed if (argument & mask) == value */
	uint32_t mask;     /* 0: with any arguments */
	uint32_t value;
	const char *module; /* that needs it */
};

#define ANY 0, 0, 0
#define IS(n, v) n, UINT32_MAX, v
#define NOT(n, v) n, v, 0

/* clang-format off */
static const struct confined_syscall confined_syscalls[] = {
	{SCMP_SYS(poll),            ANY,               "session: the loop; capture: a wait of 0"},
	{SCMP_SYS(ppoll),           ANY,               "session: the loop"},
	{SCMP_SYS(read),            ANY,               "session: signalfd, keys; capture: its eventfd"},
	{SCMP_SYS(write),           ANY,               "render: every output; capture: its eventfd"},
	{SCMP_SYS(writev),          ANY,               "render"},
	{SCMP_SYS(pwrite64),        ANY,               "render: a length field written afterwards"},
	{SCMP_SYS(lseek),           ANY,               "render: stdio on a regular file"},
	{SCMP_SYS(ftruncate),       ANY,               "render: a file begun anew"},
	{SCMP_SYS(fsync),           ANY,               "render: a file finished"},
	{SCMP_SYS(fstat),           ANY,               "render: stdio's first write"},
	{SCMP_SYS(newfstatat),      ANY,               "render: the same, by glibc 2.33 on"},
	{SCMP_SYS(rename),          ANY,               "render: a whole file appears"},
	{SCMP_SYS(renameat),        ANY,               "render: the same"},
	{SCMP_SYS(renameat2),       ANY,               "render: the same"},
	{SCMP_SYS(unlink),          ANY,               "render: an unfinished file goes"},
	{SCMP_SYS(unlinkat),        ANY,               "render: the same"},
	{SCMP_SYS(ioctl),           IS(1, TCGETS),     "render: stdio's buffer; client: --step"},
	{SCMP_SYS(ioctl),           IS(1, TCSETS),     "client: keys of --step"},
	{SCMP_SYS(ioctl),           IS(1, TCSETSW),    "client: the same"},
	{SCMP_SYS(ioctl),           IS(1, TCSETSF),    "client: the same"},
	{SCMP_SYS(ioctl),           IS(1, TIOCGWINSZ), "render: the terminal's width after SIGWINCH"},
	{SCMP_SYS(sendto),          ANY,               "craft; sockdiag: a question to an open socket"},
	{SCMP_SYS(sendmsg),         ANY,               "craft; sockdiag"},
	{SCMP_SYS(sendmmsg),        ANY,               "craft: many at once"},
	{SCMP_SYS(recvfrom),        ANY,               "capture; sockdiag"},
	{SCMP_SYS(recvmsg),         ANY,               "sockdiag"},
	{SCMP_SYS(getsockopt),      ANY,               "capture: drop counters; guard: what it absorbed"},
	{SCMP_SYS(setsockopt),      IS(1, SOL_PACKET), "capture: closing the ring"},
	{SCMP_SYS(close),           ANY,               "every _close"},
	{SCMP_SYS(clock_gettime),   ANY,               "clock, where there is no vDSO"},
	{SCMP_SYS(clock_getres),    ANY,               "clock, the same"},
	{SCMP_SYS(gettimeofday),    ANY,               "clock, the same"},
	{SCMP_SYS(clock_nanosleep), ANY,               "craft: a full queue"},
	{SCMP_SYS(timerfd_settime), ANY,               "session: the next timer"},
	{SCMP_SYS(getrandom),       ANY,               "clock_random: initial sequence numbers"},
	{SCMP_SYS(mmap),            NOT(2, PROT_EXEC), "malloc"},
	{SCMP_SYS(munmap),          ANY,               "malloc; capture: its ring"},
	{SCMP_SYS(mremap),          ANY,               "malloc"},
	{SCMP_SYS(brk),             ANY,               "malloc"},
	{SCMP_SYS(madvise),         ANY,               "malloc"},
	{SCMP_SYS(sysinfo),         ANY,               "render: qsort of more than 1 KB, by glibc"},
	{SCMP_SYS(futex),           ANY,               "stdio's locks"},
	{SCMP_SYS(rt_sigreturn),    ANY,               "signal handlers"},
	{SCMP_SYS(rt_sigaction),    ANY,               "abort"},
	{SCMP_SYS(rt_sigprocmask),  ANY,               "abort"},
	{SCMP_SYS(restart_syscall), ANY,               "the kernel, after SIGSTOP and SIGCONT"},
	{SCMP_SYS(getpid),          ANY,               "abort"},
	{SCMP_SYS(gettid),          ANY,               "abort"},
	{SCMP_SYS(exit),            ANY,               "the end"},
	{SCMP_SYS(exit_group),      ANY,               "the end"},
};

/* AddressSanitizer reports and looks for leaks at exit; gcov writes its counts then. */
static const struct confined_syscall confined_instrumented[] = {
	{SCMP_SYS(open),            ANY,               "asan: /proc/self/maps; gcov: its files"},
	{SCMP_SYS(openat),          ANY,               "the same"},
	{SCMP_SYS(fcntl),           ANY,               "gcov: locks its files"},
	{SCMP_SYS(access),          ANY,               "gcov"},
	{SCMP_SYS(mkdir),           ANY,               "gcov"},
	{SCMP_SYS(getppid),         ANY,               "lsan"},
	{SCMP_SYS(readlink),        ANY,               "asan: /proc/self/exe"},
	{SCMP_SYS(readlinkat),      ANY,               "asan"},
	{SCMP_SYS(stat),            ANY,               "asan"},
	{SCMP_SYS(lstat),           ANY,               "asan"},
	{SCMP_SYS(getdents),        ANY,               "lsan: threads"},
	{SCMP_SYS(getdents64),      ANY,               "lsan: threads"},
	{SCMP_SYS(sigaltstack),     ANY,               "asan"},
	{SCMP_SYS(mprotect),        ANY,               "asan"},
	{SCMP_SYS(prctl),           ANY,               "lsan: its tracer"},
	{SCMP_SYS(clone),           ANY,               "lsan: its tracer"},
	{SCMP_SYS(clone3),          ANY,               "lsan: its tracer"},
	{SCMP_SYS(ptrace),          ANY,               "lsan: its tracer"},
	{SCMP_SYS(wait4),           ANY,               "lsan: its tracer"},
	{SCMP_SYS(tgkill),          ANY,               "lsan: its tracer"},
	{SCMP_SYS(sched_yield),     ANY,               "lsan: its tracer"},
	{SCMP_SYS(arch_prctl),      ANY,               "lsan: its tracer"},
	{SCMP_SYS(process_vm_readv),ANY,               "lsan: its tracer"},
	{SCMP_SYS(getrlimit),       ANY,               "asan: the stack's bounds"},
	{SCMP_SYS(prlimit64),       ANY,               "asan: the stack's bounds"},
	{SCMP_SYS(sched_getaffinity),ANY,               "asan: the stack's bounds"},
	{SCMP_SYS(set_robust_list), ANY,               "lsan: its tracer"},
	{SCMP_SYS(pipe),            ANY,               "asan: may this be read?"},
	{SCMP_SYS(pipe2),           ANY,               "asan: may this be read?"},
};
/* clang-format on */

static int privilege_capability(enum privilege p)
{
	switch (p) {
	case PRIVILEGE_NET_RAW:
		return CAP_NET_RAW;
	case PRIVILEGE_NET_ADMIN:
		return CAP_NET_ADMIN;
	case PRIVILEGE_SYS_ADMIN:
		return CAP_SYS_ADMIN;
	}
	return -1;
}

bool privs_have(enum privilege p)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, (unsigned)privilege_capability(p)) != 0;
}

const char *privilege_name(enum privilege p)
{
	switch (p) {
	case PRIVILEGE_NET_RAW:
		return "CAP_NET_RAW";
	case PRIVILEGE_NET_ADMIN:
		return "CAP_NET_ADMIN";
	case PRIVILEGE_SYS_ADMIN:
		return "CAP_SYS_ADMIN";
	}
	return "unknown";
}

/* An id that sudo left in the environment. */
static bool privs_sudo_id(const char *name, unsigned *id)
{
	const char *text = getenv(name);
	if (text == NULL || text[0] < '0' || text[0] > '9')
		return false;
	char *end;
	errno = 0;
	const unsigned long value = strtoul(text, &end, 10);
	/* The largest one means "leave it" to setresuid(). */
	if (errno != 0 || *end != '\0' || value >= UINT_MAX)
		return false;
	*id = (unsigned)value;
	return true;
}

/* Whether user ids mean what they say: elsewhere the sudo user need not be mapped, and
 * root is nobody outside. */
static bool privs_in_initial_user_namespace(void)
{
	unsigned long inside = 1;
	unsigned long outside = 1;
	unsigned long count = 0;
	FILE *map = fopen("/proc/self/uid_map", "re");
	if (map == NULL)
		return false;
	const int fields = fscanf(map, "%lu %lu %lu", &inside, &outside, &count);
	fclose(map);
	return fields == 3 && inside == 0 && outside == 0 && count == UINT_MAX;
}

/* Become the user who called sudo. */
static int privs_drop_ids(struct fault *why)
{
	unsigned uid;
	unsigned gid;
	if (geteuid() != 0 || !privs_sudo_id("SUDO_UID", &uid) ||
	    !privs_sudo_id("SUDO_GID", &gid) || uid == 0 || !privs_in_initial_user_namespace())
		return 0;
	/* Groups first: without the uid there is no privilege left for them. */
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0) {
		const int error = errno;
		fault_set(why, "cannot become the user who called sudo (%u:%u): %s", uid, gid,
			  strerror(error));
		return -error;
	}
	return 0;
}

int privs_drop(struct fault *why)
{
	/* The bounding set needs CAP_SETPCAP and so goes first; who has not got it cannot
	 * use what is left there either, under no_new_privs. */
	capng_clear(CAPNG_SELECT_BOUNDS);
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	const int status = privs_drop_ids(why);
	if (status < 0)
		return status;
	capng_clear(CAPNG_SELECT_ALL);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    capng_apply(CAPNG_SELECT_CAPS) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		const int error = errno != 0 ? errno : EPERM;
		fault_set(why, "cannot give up privileges: %s", strerror(error));
		return -error;
	}
	/* Trust, but look. */
	if (capng_get_caps_process() != 0 ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
		fault_set(why, "cannot give up privileges: some capability is still there");
		return -EPERM;
	}
	return 0;
}

static int privs_allow(scmp_filter_ctx filter, const struct confined_syscall *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct scmp_arg_cmp masked = {calls[i].argument, SCMP_CMP_MASKED_EQ,
						    calls[i].mask, calls[i].value};
		const int status = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].number,
							  calls[i].mask != 0 ? 1 : 0, &masked);
		if (status < 0)
			return status;
	}
	return 0;
}

/* Signals to ourselves only: abort() of a failed assertion. */
static int privs_allow_abort(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
	const int status =
		seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
	return status < 0
		       ? status
		       : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, &self);
}

int privs_confine(struct fault *why)
{
	/* What libc opens when it is first wanted: the time zone, and the messages of a locale. */
	tzset();
	(void)strerror(EPERM);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int status = filter == NULL ? -ENOMEM : 0;
	if (status == 0)
		status = privs_allow(filter, confined_syscalls, ARRAY_COUNT(confined_syscalls));
	if (status == 0)
		status = privs_allow_abort(filter);
	if (status == 0 && (__asan_init != NULL || __gcov_exit != NULL))
		status = privs_allow(filter, confined_instrumented,
				     ARRAY_COUNT(confined_instrumented));
	if (status == 0)
		status = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (status < 0)
		fault_set(why, "cannot confine the process by seccomp: %s", strerror(-status));
	return status;
}

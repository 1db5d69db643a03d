/* Each case in a child process: what was given up cannot be had back. */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/core/segment.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/clock.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/privs.h"
#include "synscope/edge/sockdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Instrumented builds need, and are allowed, more. */
extern void __asan_init(void) __attribute__((weak));
extern void __gcov_exit(void) __attribute__((weak));

static struct fault why;

/* A failed step of a child is its exit status. */
#define STEP(number, condition)        \
	do {                           \
		if (!(condition))      \
			return number; \
	} while (0)

/* Run in a child, that leaves by exit() as the program itself does. */
static int run(int (*function)(void *), void *context)
{
	fflush(NULL);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		exit(function(context));
	return netns_wait(child);
}

static struct endpoint at(const char *address, uint16_t port)
{
	struct endpoint e = {.port = port};
	assert_true(ip_addr_parse(&e.addr, address));
	return e;
}

/* Whether a line of /proc/self/status has this value. */
static bool status_says(const char *name, const char *value)
{
	char line[256];
	bool says = false;
	FILE *f = fopen("/proc/self/status", "re");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			says = strstr(line, value) != NULL;
	fclose(f);
	return says;
}

static bool all_is_gone(void)
{
	return status_says("CapInh:", "0000000000000000") &&
	       status_says("CapPrm:", "0000000000000000") &&
	       status_says("CapEff:", "0000000000000000") &&
	       status_says("CapAmb:", "0000000000000000") && status_says("NoNewPrivs:", "1") &&
	       !privs_have(PRIVILEGE_NET_RAW) && !privs_have(PRIVILEGE_NET_ADMIN) &&
	       !privs_have(PRIVILEGE_SYS_ADMIN) && socket(AF_INET, SOCK_RAW, IPPROTO_RAW) < 0 &&
	       errno == EPERM;
}

/* --- on the machine itself, before any namespace --- */

static bool real_root(void)
{
	unsigned inside, outside, count;
	FILE *f = fopen("/proc/self/uid_map", "re");
	const int fields = f == NULL ? 0 : fscanf(f, "%u %u %u", &inside, &outside, &count);
	if (f != NULL)
		fclose(f);
	return geteuid() == 0 && fields == 3 && outside == 0 && count == UINT32_MAX;
}

static void require_real_root(void)
{
	if (real_root())
		return;
	print_message("needs root in the initial user namespace\n");
	skip();
}

static int drop_through_sudo(void *context)
{
	(void)context;
	uid_t uid[3];
	gid_t gid[3];
	STEP(1, setenv("SUDO_UID", "12345", 1) == 0 && setenv("SUDO_GID", "23456", 1) == 0);
	STEP(2, privs_drop(&why) == 0);
	STEP(3, getresuid(&uid[0], &uid[1], &uid[2]) == 0 && uid[0] == 12345 && uid[1] == 12345 &&
			uid[2] == 12345);
	STEP(4, getresgid(&gid[0], &gid[1], &gid[2]) == 0 && gid[0] == 23456 && gid[1] == 23456 &&
			gid[2] == 23456);
	STEP(5, getgroups(0, NULL) == 0);
	STEP(6, all_is_gone() && status_says("CapBnd:", "0000000000000000"));
	STEP(7, setresuid(0, 0, 0) < 0);
	return 0;
}

static void test_privs_drop_root_through_sudo_becomes_the_user(void **state)
{
	(void)state;
	require_real_root();
	assert_int_equal(run(drop_through_sudo, NULL), 0);
}

static int drop_keeping_uid(void *context)
{
	const char *const *ids = context;
	const uid_t before = getuid();
	STEP(1, ids[0] == NULL || setenv("SUDO_UID", ids[0], 1) == 0);
	STEP(2, ids[1] == NULL || setenv("SUDO_GID", ids[1], 1) == 0);
	STEP(3, privs_drop(&why) == 0);
	STEP(4, getuid() == before && geteuid() == before);
	STEP(5, all_is_gone());
	return 0;
}

static void test_privs_drop_without_good_sudo_ids_keeps_the_uid(void **state)
{
	(void)state;
	static const char *const ids[][2] = {
		{NULL, NULL}, {"", "5"},           {"12345", NULL},
		{"-1", "5"},  {"4294967295", "5"}, {"5", "4294967295"},
		{" 5", "5"},  {"5x", "5"},         {"99999999999999999999", "5"},
		{"0", "0"},
	};
	(void)unsetenv("SUDO_UID");
	(void)unsetenv("SUDO_GID");
	for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
		if (run(drop_keeping_uid, (void *)(uintptr_t)ids[i]) != 0)
			fail_msg("case %zu", i);
}

static void test_privs_begin_with_a_network(void **state)
{
	(void)state;
	netns_enter();
	netns_require();
}

static void test_privs_have_root_of_a_namespace_has_all(void **state)
{
	(void)state;
	netns_require();
	assert_true(privs_have(PRIVILEGE_NET_RAW));
	assert_true(privs_have(PRIVILEGE_NET_ADMIN));
	assert_true(privs_have(PRIVILEGE_SYS_ADMIN));
	assert_string_equal(privilege_name(PRIVILEGE_NET_RAW), "CAP_NET_RAW");
	assert_string_equal(privilege_name(PRIVILEGE_NET_ADMIN), "CAP_NET_ADMIN");
	assert_string_equal(privilege_name(PRIVILEGE_SYS_ADMIN), "CAP_SYS_ADMIN");
}

static void test_privs_drop_in_a_user_namespace_keeps_the_uid(void **state)
{
	(void)state;
	netns_require();
	static const char *const ids[2] = {"12345", "12345"};
	assert_int_equal(run(drop_keeping_uid, (void *)(uintptr_t)ids), 0);
}

/* --- confined --- */

static int call_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int call_exec(void)
{
	char *const argv[] = {"true", NULL};
	return execv("/bin/true", argv);
}

static int call_setsockopt(void)
{
	const int one = 1;
	return setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
}

static int call_bind(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET};
	return bind(0, (const struct sockaddr *)&a, sizeof a);
}

static int call_ioctl(void)
{
	int count;
	return ioctl(0, FIONREAD, &count);
}

static int call_tiocsti(void)
{
	return ioctl(0, TIOCSTI, "x");
}

static int call_kill(void)
{
	return kill(1, 0);
}

static int call_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int call_setuid(void)
{
	return setuid(0);
}

static int call_chmod(void)
{
	return chmod("/dev/null", 0666);
}

static int call_open(void)
{
	return open("/dev/null", O_RDONLY);
}

static int call_fork(void)
{
	return fork();
}

static const struct {
	const char *name;
	int (*call)(void);
	bool instrumentation_needs_it;
} forbidden[] = {
	{"socket", call_socket, false},
	{"execve", call_exec, false},
	{"setsockopt", call_setsockopt, false},
	{"bind", call_bind, false},
	{"ioctl", call_ioctl, false},
	{"ioctl TIOCSTI", call_tiocsti, false},
	{"mmap PROT_EXEC", call_map_code, false},
	{"setuid", call_setuid, false},
	{"chmod", call_chmod, false},
	{"kill somebody", call_kill, true},
	{"open", call_open, true},
	{"fork", call_fork, true},
};

static int call_confined(void *context)
{
	const size_t *i = context;
	STEP(1, privs_drop(&why) == 0 && privs_confine(&why) == 0);
	(void)forbidden[*i].call();
	return 0; /* it should not live to tell */
}

static void test_privs_confine_anything_else_kills(void **state)
{
	(void)state;
	const bool instrumented = __asan_init != NULL || __gcov_exit != NULL;
	for (size_t i = 0; i < ARRAY_COUNT(forbidden); i++) {
		if (instrumented && forbidden[i].instrumentation_needs_it)
			continue;
		const int status = run(call_confined, &i);
		if (status != 128 + SIGSYS)
			fail_msg("%s: status %d", forbidden[i].name, status);
	}
}

static int call_abort(void *context)
{
	(void)context;
	if (freopen("/dev/null", "w", stderr) == NULL)
		return 1;
	STEP(1, privs_drop(&why) == 0 && privs_confine(&why) == 0);
	abort();
}

static void test_privs_confine_abort_is_still_an_abort(void **state)
{
	(void)state;
	assert_int_equal(run(call_abort, NULL), 128 + SIGABRT);
}

static int compare_bytes(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* Output files, the clock, memory, the terminal. */
static int ordinary_work(void *context)
{
	const char *folder = context;
	char part[128];
	char whole[128];
	char date[64];
	struct termios terminal;
	snprintf(part, sizeof part, "%s/part", folder);
	snprintf(whole, sizeof whole, "%s/whole", folder);
	FILE *out = fopen(part, "we");
	FILE *other = fopen("/dev/null", "we");
	STEP(1, out != NULL && other != NULL);
	STEP(2, privs_drop(&why) == 0 && privs_confine(&why) == 0);
	STEP(3, fprintf(out, "%0100000d\n", 1) > 0 && fseek(out, 0, SEEK_SET) == 0 &&
			fputs("2", out) >= 0 && fflush(out) == 0 && fclose(out) == 0);
	STEP(4, rename(part, whole) == 0 && unlink(whole) == 0 && unlink(whole) < 0);
	STEP(5, fputs("x", other) >= 0 && fflush(other) == 0);
	void *memory = malloc(50u << 20);
	STEP(6, memory != NULL);
	memset(memory, 1, 50u << 20);
	memory = realloc(memory, 100u << 20);
	STEP(7, memory != NULL);
	qsort(memory, 5000, 1, compare_bytes);
	free(memory);
	uint32_t random = 0;
	clock_random(&random, sizeof random);
	STEP(8, clock_realtime_ns() > 0 && clock_monotonic_ns() > 0);
	const time_t now = 0;
	struct tm local;
	STEP(9, localtime_r(&now, &local) != NULL &&
			strftime(date, sizeof date, "%F %T %Z", &local) > 0);
	const struct timespec pause = {.tv_nsec = 1000};
	STEP(10, clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == 0 &&
			 nanosleep(&pause, NULL) == 0);
	(void)tcgetattr(0, &terminal);
	(void)tcsetattr(0, TCSANOW, &terminal);
	(void)isatty(1);
	printf("%s\n", date);
	return 0;
}

static void test_privs_confine_ordinary_work_goes_on(void **state)
{
	(void)state;
	char folder[] = "/tmp/synscope-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	assert_int_equal(run(ordinary_work, folder), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
}

static void count_frame(void *context, const struct capture_frame *frame)
{
	(void)frame;
	(*(unsigned *)context)++;
}

/* The steady loop of a trace, with everything open, and the end of it. */
static int network_work(void *context)
{
	const enum guard_kind *kind = context;
	struct craft *craft = NULL;
	struct capture *capture = NULL;
	struct guard *guard = NULL;
	struct sockdiag *diag = NULL;
	struct sockdiag_truth truth;
	struct capture_stats stats;
	char filter[1024];
	struct endpoint local = at("127.0.0.1", 0);
	const struct endpoint remote = at("127.0.0.1", 7000);
	const struct guard_spec spec = {.kind = *kind, .local = local, .remote = remote};
	STEP(1, guard_arm(&guard, &spec, &why) == 0);
	local.port = guard_port(guard);
	capture_filter_for(&local, &remote, filter, sizeof filter);
	const struct capture_spec where = {.interface = "lo", .filter = filter};
	STEP(2, capture_open(&capture, &where, &why) == 0);
	STEP(3, craft_open(&craft, IP_V4, "lo", &why) == 0);
	STEP(4, sockdiag_open(&diag, NULL, &why) == 0);
	STEP(5, privs_drop(&why) == 0 && privs_confine(&why) == 0);
	/* Nothing answers a RST, so that the guard has only `in` to absorb. */
	const struct segment_spec out = {.src = local, .dst = remote, .flags = TCP_RST};
	const struct segment_spec in = {.src = remote, .dst = local, .flags = TCP_ACK};
	unsigned frames = 0;
	for (int i = 0; i < 20; i++) {
		struct pollfd p = {.fd = capture_fd(capture), .events = POLLIN};
		STEP(6, craft_send(craft, &out, &why) == 0 && craft_send(craft, &in, &why) == 0);
		STEP(7, poll(&p, 1, 1000) == 1);
		STEP(8, capture_drain(capture, 0, count_frame, &frames, &why) > 0);
		STEP(9, sockdiag_ask(diag, &local, &remote, &truth, &why) == 0);
	}
	capture_stop(capture);
	capture_stats(capture, &stats);
	STEP(10, stats.received == frames && frames >= 20 && stats.dropped == 0);
	STEP(11, guard_absorbed(guard) == (*kind == GUARD_SOCKET ? 20 : 0));
	guard_disarm(guard);
	capture_close(capture);
	craft_close(craft);
	sockdiag_close(diag);
	return 0;
}

static void test_privs_confine_network_work_goes_on(void **state)
{
	(void)state;
	netns_require();
	static enum guard_kind kinds[] = {GUARD_SOCKET, GUARD_NFT};
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		const int status = run(network_work, &kinds[i]);
		if (status != 0)
			fail_msg("guard %zu: status %d", i, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privs_drop_root_through_sudo_becomes_the_user),
		cmocka_unit_test(test_privs_drop_without_good_sudo_ids_keeps_the_uid),
		cmocka_unit_test(test_privs_confine_anything_else_kills),
		cmocka_unit_test(test_privs_confine_abort_is_still_an_abort),
		cmocka_unit_test(test_privs_confine_ordinary_work_goes_on),
		cmocka_unit_test(test_privs_begin_with_a_network),
		cmocka_unit_test(test_privs_have_root_of_a_namespace_has_all),
		cmocka_unit_test(test_privs_drop_in_a_user_namespace_keeps_the_uid),
		cmocka_unit_test(test_privs_confine_network_work_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

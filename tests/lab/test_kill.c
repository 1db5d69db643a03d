/*
 * Killed without a chance, at random moments: no rule, no port, no namespace, no process is
 * left. SYNSCOPE_KILLS says how often (100 by default), SYNSCOPE_SEED which moments.
 */
#include "../support/cm.h"

#include "synscope/core/util.h"
#include "synscope/edge/lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned seed;

static unsigned number_from(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);
	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static const char *program(void)
{
	const char *path = getenv("SYNSCOPE");
	return path != NULL ? path : "build/synscope";
}

static void quiet(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static int trace_until_killed(void *context)
{
	const char *const *words = context;
	quiet();
	execv(program(), (char **)(uintptr_t)words);
	return 127;
}

/* In the client host. @return what is left: 1 a listening port, 2 a rule, 0 nothing */
static int look_around(void *context)
{
	char line[512];
	(void)context;
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		FILE *f = fopen(tables[i], "r");
		while (f != NULL && fgets(line, sizeof line, f) != NULL)
			if (strstr(line, " 0A ") != NULL) /* LISTEN */
				return 1;
		if (f != NULL)
			fclose(f);
	}
	FILE *nft = popen("nft list ruleset 2>&1", "r"); /* NOLINT(cert-env33-c): a fixed command */
	if (nft == NULL)
		return 3;
	const bool rules = fgets(line, sizeof line, nft) != NULL;
	return pclose(nft) == 0 && !rules ? 0 : 2;
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void sleep_us(unsigned us)
{
	const struct timespec ts = {0, (long)us * 1000};
	nanosleep(&ts, NULL);
}

static void test_trace_killed_at_random_leaves_no_rule_and_no_port(void **state)
{
	struct lab *lab;
	struct fault why;
	const struct lab_spec spec = {.router = false};
	const struct peer_spec peer = {.behaviour = PEER_ECHO, .port = 7};
	static const char *const guards[] = {"socket", "nft"};
	const unsigned runs = number_from("SYNSCOPE_KILLS", 100);
	unsigned killed = 0;
	(void)state;
	if (lab_open(&lab, &spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		skip();
	}
	if (lab_serve(lab, LAB_SERVER, &peer, 1, &why) < 0)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < runs; i++) {
		const char *words[] = {"synscope",
				       "trace",
				       "--guard",
				       guards[i % 2],
				       "--data-string",
				       "x",
				       "--wait",
				       "20ms",
				       i % 4 < 2 ? "192.0.2.2:7" : "[2001:db8::2]:7",
				       NULL};
		const pid_t pid = lab_spawn(lab, LAB_CLIENT, trace_until_killed, words, &why);
		assert_true(pid > 0);
		sleep_us((unsigned)rand_r(&seed) % 90000);
		kill(pid, SIGKILL);
		killed += wait_for(pid) == 128 + SIGKILL;
	}
	const pid_t look = lab_spawn(lab, LAB_CLIENT, look_around, NULL, &why);
	assert_true(look > 0);
	const int left = wait_for(look);
	fprintf(stderr, "# %u of %u runs died of SIGKILL\n", killed, runs);
	if (left != 0)
		fail_msg("left behind: %s", left == 1   ? "a listening port"
					    : left == 2 ? "a rule"
							: "?");
	assert_true(killed > runs / 4);
	lab_close(lab);
}

/* Count network namespaces that some process is in, by the links of /proc. */
static unsigned count_namespaces(void)
{
	char seen[512][64];
	unsigned count = 0;
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (struct dirent *d; (d = readdir(proc)) != NULL;) {
		char path[300];
		char link[64];
		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/ns/net", d->d_name);
		const ssize_t n = readlink(path, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		bool known = false;
		for (unsigned i = 0; i < count && !known; i++)
			known = strcmp(seen[i], link) == 0;
		if (!known && count < ARRAY_COUNT(seen))
			strcpy(seen[count++], link);
	}
	closedir(proc);
	return count;
}

static void test_lab_killed_at_random_leaves_no_namespace(void **state)
{
	const unsigned runs = number_from("SYNSCOPE_KILLS", 100) / 5;
	const unsigned before = count_namespaces();
	unsigned killed = 0;
	(void)state;
	for (unsigned i = 0; i < runs; i++) {
		const pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			quiet();
			execl(program(), "synscope", "demo", (char *)NULL);
			_exit(127);
		}
		sleep_us((unsigned)rand_r(&seed) % 300000);
		kill(pid, SIGKILL);
		killed += wait_for(pid) == 128 + SIGKILL;
	}
	unsigned after = count_namespaces();
	for (int tries = 0; tries < 50 && after > before; tries++) {
		sleep_us(100000);
		after = count_namespaces();
	}
	fprintf(stderr, "# %u of %u demos died of SIGKILL; namespaces %u, then %u\n", killed, runs,
		before, after);
	assert_true(after <= before);
	assert_true(killed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_killed_at_random_leaves_no_rule_and_no_port),
		cmocka_unit_test(test_lab_killed_at_random_leaves_no_namespace),
	};
	seed = number_from("SYNSCOPE_SEED", (unsigned)time(NULL));
	fprintf(stderr, "# SYNSCOPE_SEED=%u\n", seed);
	return cmocka_run_group_tests_name("killed", tests, NULL, NULL);
}

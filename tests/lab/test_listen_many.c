/*
 * Ten thousand connections at once, and a flood of a hundred thousand SYNs from as many addresses
 * beside connections that must not suffer from it. The figures are printed.
 */
#include "../support/cm.h"
#include "../support/labkit.h"
#include "../support/served.h"

#include "synscope/core/segment.h"
#include "synscope/core/util.h"
#include "synscope/edge/craft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define PORT_TEXT "7777"
#define MANY 10000
#define FLOOD 100000
#define PACE 100 /* SYNs, and then a pause of 10 ms: 10,000 a second at most */
/* Of all the program's memory, capture ring included. AddressSanitizer shadows every byte of it,
 * and keeps for a while what was freed: there only a leak a SYN would be noticed. */
#ifdef __SANITIZE_ADDRESS__
#define FLOOD_BYTES_MAX (320ul << 20)
#else
#define FLOOD_BYTES_MAX (160ul << 20)
#endif

static struct lab *lab;

static int open_lab(void **state)
{
	(void)state;
	const struct lab_spec spec = {.router = false};
	lab = labkit_open(&spec);
	return 0;
}

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool says_back(int fd, const char *text)
{
	char got[64] = "";
	const size_t count = strlen(text);
	if (write(fd, text, count) != (ssize_t)count || !labkit_readable(fd, 30000))
		return false;
	return read(fd, got, sizeof got) == (ssize_t)count && memcmp(got, text, count) == 0;
}

/* Ten thousand kernel sockets, on the client's host. @return 0 if all were served */
static int many(void *context)
{
	static int fds[MANY];
	const struct ip_addr *server = context;
	const struct rlimit wanted = {MANY + 200, MANY + 200};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	unsigned opened = 0;
	unsigned echoed = 0;
	if (setrlimit(RLIMIT_NOFILE, &wanted) < 0)
		return 77;
	memcpy(&at.sin_addr, server->bytes, sizeof at.sin_addr);
	const double begun = seconds();
	for (int i = 0; i < MANY; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS)
			return 1;
	}
	for (int i = 0; i < MANY; i++)
		opened += labkit_outcome(fds[i], 30000) == 0;
	const double all_open = seconds();
	for (int i = 0; i < MANY; i++)
		echoed += says_back(fds[i], "are you there?");
	printf("# %u of %d open in %.1f s, %u answered %.1f s later\n", opened, MANY,
	       all_open - begun, echoed, seconds() - all_open);
	fflush(stdout);
	return opened == MANY && echoed == MANY ? 0 : 2;
}

static void test_listen_ten_thousand_at_once(void **state)
{
	(void)state;
	const char *words[] = {"listen", "-n",      "--view", "lines",   "-i",
			       "eth0",   "--serve", "echo",   PORT_TEXT, NULL};
	struct ip_addr server = lab_address(lab, LAB_SERVER, IP_V4);
	struct served served;
	struct story told;
	served_begin(&served, lab, words);
	const int rc = labkit_run(lab, LAB_CLIENT, many, &server);
	printf("# %.1f MB at most\n", (double)served_peak_bytes(&served) / 1e6);
	served_end_text(&served, SIGINT, &told);
	if (rc == 77)
		skip();
	if (rc != 0)
		fail_msg("%d: %s", rc, told.errors);
	assert_non_null(strstr(told.errors, "10000 connections"));
	story_free(&told);
}

/* From 198.18.0.0/15, to where the server has a route. */
static int flood(void *context)
{
	const struct ip_addr *server = context;
	struct craft *craft;
	struct fault why;
	if (craft_open(&craft, IP_V4, NULL, &why) < 0)
		return 1;
	for (uint32_t i = 0; i < FLOOD; i++) {
		const uint8_t from[4] = {198, (uint8_t)(18 | (i >> 16 & 1)), (uint8_t)(i >> 8),
					 (uint8_t)i};
		const struct segment_spec syn = {
			.src = {ip_addr_v4(from), (uint16_t)(1024 + i % 60000)},
			.dst = {*server, PORT},
			.seq = seq_of(i * 2654435761u),
			.flags = TCP_SYN,
			.window = 64240,
			.option = {.has_mss = true, .mss = 1460, .sack_permitted = true},
		};
		if (craft_send(craft, &syn, &why) < 0)
			return 2;
		const struct timespec pause = {.tv_nsec = 10000000};
		if (i % PACE == PACE - 1)
			nanosleep(&pause, NULL);
	}
	craft_close(craft);
	return 0;
}

static void test_listen_flood_is_bounded_and_harmless(void **state)
{
	(void)state;
	const char *words[] = {"listen", "-n",      "--view", "lines",   "-i",
			       "eth0",   "--serve", "echo",   PORT_TEXT, NULL};
	struct ip_addr server = lab_address(lab, LAB_SERVER, IP_V4);
	struct served served;
	struct story told;
	struct fault why;
	assert_int_equal(
		served_shell(lab, LAB_SERVER, "ip route add 198.18.0.0/15 via 192.0.2.1", NULL, 0),
		0);
	served_begin(&served, lab, words);
	const int old = labkit_connect(lab, IP_V4, PORT);
	assert_true(says_back(old, "before"));
	const double begun = seconds();
	const pid_t pid = lab_spawn(lab, LAB_CLIENT, flood, &server, &why);
	assert_true(pid > 0);
	/* Meanwhile: the old connection lives, and new ones get in. */
	unsigned got_in = 0;
	int status = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		const int fd = labkit_connect(lab, got_in % 2 ? IP_V6 : IP_V4, PORT);
		assert_true(says_back(fd, "new"));
		assert_true(says_back(old, "old"));
		close(fd);
		got_in++;
	}
	assert_int_equal(status, 0);
	const double took = seconds() - begun;
	assert_true(says_back(old, "after"));
	const unsigned long peak = served_peak_bytes(&served);
	printf("# %d SYNs in %.1f s, %u new clients meanwhile, %.1f MB at most\n", FLOOD, took,
	       got_in, (double)peak / 1e6);
	close(old);
	served_end_text(&served, SIGINT, &told);
	fputs("# ", stdout);
	fputs(told.errors, stdout);
	assert_true(got_in >= 10);
	assert_true(peak < FLOOD_BYTES_MAX);
	assert_non_null(strstr(told.errors, "SYN cookies"));
	story_free(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_listen_ten_thousand_at_once, open_lab,
						labkit_teardown),
		cmocka_unit_test_setup_teardown(test_listen_flood_is_bounded_and_harmless, open_lab,
						labkit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

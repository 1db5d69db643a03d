/*
 * The server by hand, and real clients: the tools that people have, kernel sockets whose own
 * state is asked for by sock_diag, and trace, the client by hand. IPv4 and IPv6, each row twice.
 */
#include "../support/cm.h"
#include "../support/labkit.h"
#include "../support/served.h"

#include "synscope/core/util.h"
#include "synscope/edge/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define PORT_TEXT "7777"

static struct lab *lab;

static int open_lab(void **state)
{
	(void)state;
	const struct lab_spec spec = {.router = false};
	lab = labkit_open(&spec);
	return 0;
}

static const char *host_text(enum ip_family family)
{
	return family == IP_V6 ? "2001:db8::2" : "192.0.2.2";
}

/* --- tools ----------------------------------------------------------------------------------- */

struct tool {
	const char *name;
	const char *program;
	const char *serve;
	const char
		*command; /* %s: the host, in brackets if it is IPv6 and the tool's way is a URL */
	bool url;
	const char *expect; /* in what it prints */
};

/* clang-format off */
static const struct tool tools[] = {
	{"curl", "curl", "http", "curl -gsS -m 20 http://%s:7777/", true, "Served by hand"},
	{"curl, HEAD", "curl", "http", "curl -gsSI -m 20 http://%s:7777/", true, "Content-Length: "},
	{"curl, POST is refused", "curl", "http", "curl -gsS -m 20 -d x=y -o /dev/null -w '%%{http_code}' http://%s:7777/", true, "405"},
	{"wget", "wget", "http", "wget -q -T 20 -t 1 -O - http://%s:7777/", true, "Served by hand"},
	{"urllib", "python3", "http", "python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read())' http://%s:7777/x", true, "Served by hand"},
	{"ncat, http", "ncat", "http", "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 ncat %s 7777", false, "Served by hand"},
	{"ncat, echo", "ncat", "echo", "echo one two three | timeout 20 ncat %s 7777", false, "one two three"},
	{"socat, echo", "socat", "echo", "echo one two three | timeout 20 socat -t 20 - TCP:%s:7777", true, "one two three"},
	{"socat, chargen", "socat", "chargen", "timeout 20 socat -u TCP:%s:7777 - | head -c 148 | tail -n 1", true, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh"},
	{"curl, 200 kB of source", "curl", "source", "curl -gs -m 20 --http0.9 http://%s:7777/ | head -c 200000 | wc -c", true, "200000"},
};
/* clang-format on */

static void run_tool(const struct tool *t, enum ip_family family)
{
	char host[64];
	char command[512];
	char out[4096];
	struct story told;
	struct served served;
	const char *words[] = {"listen", "-n", "-j", "--serve", t->serve, PORT_TEXT, NULL};
	if (!served_has(t->program)) {
		print_message("no %s\n", t->program);
		return;
	}
	snprintf(host, sizeof host, family == IP_V6 && t->url ? "[%s]" : "%s", host_text(family));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof command, t->command, host);
#pragma GCC diagnostic pop
	served_begin(&served, lab, words);
	const int status = served_shell(lab, LAB_CLIENT, command, out, sizeof out);
	served_end(&served, SIGINT, &told);
	if (status != 0 || strstr(out, t->expect) == NULL) {
		story_print(&told);
		fail_msg("%s: status %d, printed: %s", t->name, status, out);
	}
	assert_true(told.json_good);
	assert_int_equal(told.status, 130);
	assert_false(story_has_note(&told, "own.unsent"));
	assert_false(story_has_note(&told, "contradiction"));
	story_free(&told);
}

static void test_listen_tools_are_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(tools); i++) {
		run_tool(&tools[i], IP_V4);
		run_tool(&tools[i], IP_V6);
	}
}

/* A router has a narrow link towards the client: its errors make our segments smaller. */
static void test_listen_obeys_the_path_mtu(void **state)
{
	(void)state;
	const struct lab_spec spec = {.router = true};
	const char *words[] = {"listen", "-n", "-j", "--serve", "source", PORT_TEXT, NULL};
	static const char *const hosts[] = {"198.51.100.2", "[2001:db8:2::2]"};
	if (!served_has("curl"))
		skip();
	lab = labkit_open(&spec);
	assert_int_equal(served_shell(lab, LAB_ROUTER, "ip link set eth0 mtu 1300", NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
		char command[256];
		char out[64] = "";
		struct served served;
		struct story told;
		snprintf(command, sizeof command,
			 "curl -gs -m 20 --http0.9 http://%s:7777/ | head -c 300000 | wc -c",
			 hosts[i]);
		served_begin(&served, lab, words);
		(void)served_shell(lab, LAB_CLIENT, command, out, sizeof out);
		served_end(&served, SIGINT, &told);
		assert_int_equal(atoi(out), 300000);
		assert_true(story_count(&told, "icmp") > 0);
		story_free(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_listen_tools_are_content, open_lab,
						labkit_teardown),
		cmocka_unit_test_teardown(test_listen_obeys_the_path_mtu, labkit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The whole trace story against a real kernel, IPv4 and IPv6. In every scenario the kernel's
 * own state (sock_diag) after each step must be in `possible`, must be the expected one
 * when nothing was lost, and never another than a proven one.
 *
 * Each row runs twice, once per address family, as two tests.
 */
#include "../support/cm.h"
#include "../support/story.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PORT_ECHO = 7,
	PORT_SINK = 9,
	PORT_SOURCE = 19,
	PORT_SOURCE_BIG = 20,
	PORT_DROP = 81,
	PORT_ADMIN = 82,
	PORT_UNREACH = 83,
	PORT_HOST = 84,
	PORT_ROUTE = 85,
	PORT_RST_FILTER = 86,
	PORT_CLOSE_FIRST = 1001,
	PORT_HALF_CLOSE = 1002,
	PORT_GREET = 1003,
	PORT_RESET = 1004,
	PORT_RESET_NOW = 1005,
	PORT_NEVER_ACCEPT = 1006,
	PORT_NO_READ = 1007,
	PORT_UNREAD = 1008,
	PORT_LINGER = 1009,
	PORT_DEFER = 1010,
	PORT_CONNECT4 = 1011,
	PORT_CONNECT6 = 1012,
	PORT_CLOSED = 9999,
	OUR_CONNECT_PORT = 6000,
};

#define BIG_BYTES 6000000

struct scenario {
	const char *name;
	uint16_t port;
	const char *words[14]; /* options of trace */
	int status;
	const char *client, *server; /* at the end; NULL: not compared. LISTEN counts as CLOSED */
	const char *verdict;
	const char *note;      /* a note that must be there, or NULL */
	const char *handshake; /* "yes", "no" or NULL */
	bool truth_late;       /* the server's program acts by itself, perhaps between a row and the
				  question: only `possible` is compared */
	bool once;             /* IPv4 only, with the reason in the name */
};

/* clang-format off */
static const struct scenario scenarios[] = {
	{"open and close", PORT_SINK, {NULL}, 0, "TIME-WAIT", "CLOSED", "open", "synack.acceptable", "yes", false, false},
	{"data, echo, close", PORT_ECHO, {"--data-string", "hello\\n", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ack.data", "yes", false, false},
	{"close by RST", PORT_SINK, {"--close", "rst", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", false, false},
	{"data, then RST", PORT_ECHO, {"--data-string", "x", "--wait", "50ms", "--close", "rst", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", false, false},
	{"close none leaves by RST", PORT_LINGER, {"--close", "none", "--timeout", "300ms", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", false, false},
	{"server closes first", PORT_CLOSE_FIRST, {"--wait", "100ms", NULL}, 0, "CLOSED", "TIME-WAIT", "open", "fin", "yes", true, false},
	{"server half-closes, we go on", PORT_HALF_CLOSE, {"--data-string", "after your FIN", "--wait", "100ms", NULL}, 0, NULL, NULL, "open", "fin", "yes", true, false},
	{"server speaks and closes", PORT_GREET, {"--wait", "100ms", NULL}, 0, "CLOSED", "TIME-WAIT", "open", "data", "yes", true, false},
	{"server resets after data", PORT_RESET, {"--data-string", "x", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", true, false},
	{"server resets at once", PORT_RESET_NOW, {"--wait", "200ms", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", true, false},
	{"server never accepts", PORT_NEVER_ACCEPT, {"--data-string", "anyone?", "--wait", "100ms", "--fin-wait", "200ms", NULL}, 0, "CLOSED", "CLOSED", "open", "ack.data", "yes", false, false},
	{"server does not read: zero window", PORT_NO_READ, {"--data-file", "DATA", "--timeout", "1500ms", "--rto", "0.1", NULL}, 0, "CLOSED", "CLOSED", "open", "window.zero", "yes", true, false},
	{"server closes with data unread: RST", PORT_UNREAD, {"--data-string", "unread", "--wait", "300ms", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", true, false},
	{"server never closes: reset after fin-wait", PORT_LINGER, {"--fin-wait", "200ms", NULL}, 0, "CLOSED", "CLOSED", "open", "rst.acceptable", "yes", false, false},
	{"deferred accept", PORT_DEFER, {"--data-string", "now", "--wait", "100ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", NULL, "yes", true, false},
	{"closed port", PORT_CLOSED, {NULL}, 1, "CLOSED", "CLOSED", "closed", "rst.refuses", "no", false, false},
	{"closed port, expected", PORT_CLOSED, {"--expect", "closed", NULL}, 0, "CLOSED", "CLOSED", "closed", "rst.refuses", "no", false, false},
	{"filtered port", PORT_DROP, {"--rto", "50ms", "--max-retries", "2", NULL}, 2, "CLOSED", NULL, "filtered", "syn.retransmitted", "no", true, false},
	{"rejected: admin prohibited", PORT_ADMIN, {NULL}, 1, "CLOSED", NULL, "rejected", "icmp.refuses", "no", false, false},
	{"rejected: port unreachable", PORT_UNREACH, {NULL}, 1, "CLOSED", NULL, "rejected", "icmp.refuses", "no", false, false},
	{"rejected: host unreachable", PORT_HOST, {NULL}, 1, "CLOSED", NULL, "rejected", "icmp.refuses", "no", false, false},
	{"rejected: no route", PORT_ROUTE, {NULL}, 1, "CLOSED", NULL, "rejected", "icmp.refuses", "no", false, false},
	{"a firewall's RST", PORT_RST_FILTER, {NULL}, 1, "CLOSED", "CLOSED", "closed", "rst.refuses", "no", false, false},
	{"server sends 6 MB", PORT_SOURCE_BIG, {"--wait", "5", NULL}, 0, "CLOSED", "TIME-WAIT", "open", "data", "yes", true, false},
	{"server sends 200 kB into a small window", PORT_SOURCE, {"--wait", "5", "--window", "3000", "--no-wscale", NULL}, 0, "CLOSED", "TIME-WAIT", "open", "data", "yes", true, false},
	{"no options at all", PORT_ECHO, {"--no-mss", "--no-wscale", "--no-ts", "--no-sack", "--data-string", "plain", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ack.data", "yes", false, false},
	{"sequence numbers wrap in the data", PORT_ECHO, {"--isn", "0xfffffff8", "--data-string", "across the wrap of 2^32", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ack.data", "yes", false, false},
	{"ISN 4294967295: the SYN uses the last number", PORT_ECHO, {"--isn", "4294967295", "--data-string", "x", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "synack.acceptable", "yes", false, false},
	{"ISN 0", PORT_ECHO, {"--isn", "0", "--data-string", "x", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "synack.acceptable", "yes", false, false},
	{"ECN asked for", PORT_SINK, {"--ecn", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ecn", "yes", false, false},
	{"chosen TTL, TOS, mss, wscale", PORT_SINK, {"--ttl", "9", "--tos", "0x10", "--mss", "700", "--wscale", "0", NULL}, 0, "TIME-WAIT", "CLOSED", "open", NULL, "yes", false, false},
	{"200 kB sent", PORT_SINK, {"--data-file", "DATA", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ack.data", "yes", false, false},
	{"wrong checksum: dropped in silence", PORT_SINK, {"--badsum", "--rto", "50ms", "--max-retries", "1", NULL}, 2, "CLOSED", NULL, "filtered", "checksum.bad", "no", false, false},
	{"--flags FIN,ACK to a listener: RST", PORT_SINK, {"--flags", "FIN,ACK", NULL}, 1, "CLOSED", "CLOSED", "closed", NULL, "no", false, false},
	{"--flags ACK to a closed port: RST", PORT_CLOSED, {"--flags", "ACK", "--ack", "77", NULL}, 1, "CLOSED", "CLOSED", "closed", NULL, "no", false, false},
	{"--flags none to a listener: silence", PORT_SINK, {"--flags", "none", "--rto", "50ms", "--max-retries", "1", NULL}, 2, "CLOSED", NULL, "filtered", NULL, "no", false, false},
	{"--flags FIN to a closed port: RST,ACK", PORT_CLOSED, {"--flags", "FIN", NULL}, 1, "CLOSED", "CLOSED", "closed", NULL, "no", false, false},
	{"SYN with ECN bits by --flags", PORT_SINK, {"--flags", "SYN,ECE,CWR", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ecn", "yes", false, false},
	{"nftables guard", PORT_ECHO, {"--guard", "nft", "--data-string", "x", "--wait", "50ms", NULL}, 0, "TIME-WAIT", "CLOSED", "open", "ack.data", "yes", false, false},
	{"no guard: our kernel's RST is named", PORT_SINK, {"--guard", "none", "--wait", "100ms", "--timeout", "500ms", NULL}, -1, NULL, NULL, NULL, "rst.own_kernel", NULL, true, false},
};

static const struct peer_spec peers[] = {
	{.behaviour = PEER_ECHO, .port = PORT_ECHO},
	{.behaviour = PEER_SINK, .port = PORT_SINK},
	{.behaviour = PEER_SOURCE, .port = PORT_SOURCE, .source_bytes = 200000},
	{.behaviour = PEER_SOURCE, .port = PORT_SOURCE_BIG, .source_bytes = BIG_BYTES},
	{.behaviour = PEER_CLOSE_FIRST, .port = PORT_CLOSE_FIRST},
	{.behaviour = PEER_HALF_CLOSE, .port = PORT_HALF_CLOSE},
	{.behaviour = PEER_GREET_CLOSE, .port = PORT_GREET},
	{.behaviour = PEER_RESET, .port = PORT_RESET},
	{.behaviour = PEER_RESET_NOW, .port = PORT_RESET_NOW},
	{.behaviour = PEER_NEVER_ACCEPT, .port = PORT_NEVER_ACCEPT},
	{.behaviour = PEER_NO_READ, .port = PORT_NO_READ},
	{.behaviour = PEER_UNREAD_CLOSE, .port = PORT_UNREAD},
	{.behaviour = PEER_LINGER_OPEN, .port = PORT_LINGER},
	{.behaviour = PEER_DEFER_ACCEPT, .port = PORT_DEFER},
};

static const struct lab_filter filters[] = {
	{LAB_DROP, PORT_DROP},
	{LAB_REJECT_ADMIN, PORT_ADMIN},
	{LAB_REJECT_PORT, PORT_UNREACH},
	{LAB_REJECT_HOST, PORT_HOST},
	{LAB_REJECT_ROUTE, PORT_ROUTE},
	{LAB_REJECT_RESET, PORT_RST_FILTER},
};
/* clang-format on */

static struct lab *lab;
static char data_path[] = "/tmp/synscope-test-XXXXXX";

static void make_data(void)
{
	const int fd = mkstemp(data_path);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	assert_non_null(f);
	for (uint32_t i = 0; i < 200000; i++)
		fputc((int)(i * 7 + (i >> 8)) & 0xff, f);
	assert_int_equal(fclose(f), 0);
}

static int open_lab(void **state)
{
	struct fault why;
	const struct lab_spec spec = {.router = false};
	(void)state;
	if (lab_open(&lab, &spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		return 0; /* each test skips */
	}
	struct peer_spec all[ARRAY_COUNT(peers) + 2];
	memcpy(all, peers, sizeof peers);
	for (size_t i = 0; i < 2; i++)
		all[ARRAY_COUNT(peers) + i] = (struct peer_spec){
			.behaviour = PEER_CONNECT,
			.port = i == 0 ? PORT_CONNECT4 : PORT_CONNECT6,
			.connect_to = {lab_address(lab, LAB_CLIENT, i == 0 ? IP_V4 : IP_V6),
				       OUR_CONNECT_PORT},
		};
	make_data();
	if (lab_serve(lab, LAB_SERVER, all, ARRAY_COUNT(all), &why) < 0 ||
	    lab_filter(lab, LAB_SERVER, filters, ARRAY_COUNT(filters), &why) < 0) {
		fprintf(stderr, "# %s\n", why.text);
		return -1;
	}
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	lab_close(lab);
	unlink(data_path);
	return 0;
}

static void run_trace(struct story *s, enum ip_family family, uint16_t port,
		      const char *const *options)
{
	const char *words[32] = {"trace", "-j", "--truth"};
	char target[ENDPOINT_TEXT_MAX];
	size_t count = 3;
	const struct endpoint e = {lab_address(lab, LAB_SERVER, family), port};
	for (; *options != NULL; options++)
		words[count++] = strcmp(*options, "DATA") == 0 ? data_path : *options;
	words[count] = endpoint_format(&e, target, sizeof target);
	const struct story_spec spec = {.words = words};
	story_run(s, lab, &spec);
}

#define CHECK(condition, ...)                  \
	do {                                   \
		if (!(condition)) {            \
			story_print(&s);       \
			fail_msg(__VA_ARGS__); \
		}                              \
	} while (0)

static void play(const struct scenario *c, enum ip_family family)
{
	struct story s;
	struct story_truth truth;
	if (lab == NULL)
		skip();
	run_trace(&s, family, c->port, c->words);
	CHECK(s.json_good, "not all of stdout is JSON");
	CHECK(c->status < 0 || s.status == c->status, "exit status %d, wanted %d", s.status,
	      c->status);
	CHECK(s.signal_number == 0, "died of signal %d", s.signal_number);
	CHECK(story_count(&s, "end") == 1, "no end event");
	CHECK(c->verdict == NULL ||
		      strcmp(story_text(story_event(&s, "verdict", 0), "verdict.verdict"),
			     c->verdict) == 0,
	      "verdict is not %s", c->verdict);
	CHECK(c->note == NULL || story_has_note(&s, c->note), "no note %s", c->note);
	CHECK(c->client == NULL || strcmp(story_final_state(&s, "client"), c->client) == 0,
	      "client ends in %s, wanted %s", story_final_state(&s, "client"), c->client);
	CHECK(c->server == NULL || strcmp(story_final_state(&s, "server"), c->server) == 0,
	      "server ends in %s, wanted %s", story_final_state(&s, "server"), c->server);
	json_t *flow = story_event(&s, "flow", 0);
	CHECK(flow != NULL, "no flow event");
	if (c->handshake != NULL)
		CHECK(json_is_true(story_get(flow, "flow.handshake_complete")) ==
			      (strcmp(c->handshake, "yes") == 0),
		      "handshake complete is not %s", c->handshake);
	story_compare_truth(&s, &truth);
	CHECK(truth.compared > 0, "the kernel was never asked");
	CHECK(truth.impossible == 0, "a true state was not in possible: %s", truth.first_wrong);
	CHECK(c->truth_late || truth.disproved == 0, "a proof was wrong: %s", truth.first_wrong);
	CHECK(c->truth_late || truth.unexpected == 0, "not the expected state: %s",
	      truth.first_wrong);
	story_free(&s);
}

static void test_trace_v4(void **state)
{
	play(*state, IP_V4);
}

static void test_trace_v6(void **state)
{
	play(*state, IP_V6);
}

int main(void)
{
	static struct CMUnitTest tests[2 * ARRAY_COUNT(scenarios)];
	static char names[2 * ARRAY_COUNT(scenarios)][120];
	for (size_t i = 0; i < 2 * ARRAY_COUNT(scenarios); i++) {
		const struct scenario *c = &scenarios[i / 2];
		snprintf(names[i], sizeof names[i], "%s, IPv%d", c->name, i % 2 == 0 ? 4 : 6);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = i % 2 == 0 ? test_trace_v4 : test_trace_v6,
			.initial_state = (void *)(uintptr_t)c,
		};
	}
	return cmocka_run_group_tests_name("trace against a kernel", tests, open_lab, close_lab);
}

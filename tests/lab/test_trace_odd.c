/*
 * What does not fit a table row: simultaneous open, a stale 4-tuple, SYN cookies, crossing
 * FINs, signals at any moment, lost and reordered segments, and what is left behind.
 */
#include "../support/cm.h"
#include "../support/story.h"

#include "synscope/core/util.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ECHO = 7,
	SOURCE = 19,
	DROPPED = 81,
	CLOSE_FIRST = 1001,
	LINGER = 1009,
	CONNECT = 1011,
	OURS = 6000
};

#define SOURCE_BYTES 2000000

#define CHECK(s, condition, ...)               \
	do {                                   \
		if (!(condition)) {            \
			story_print(s);        \
			fail_msg(__VA_ARGS__); \
		}                              \
	} while (0)

static struct lab *open_lab(const struct lab_spec *spec)
{
	struct lab *lab;
	struct fault why;
	static const struct lab_filter drop = {LAB_DROP, DROPPED};
	if (lab_open(&lab, spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		skip();
	}
	const struct peer_spec peers[] = {
		{.behaviour = PEER_ECHO, .port = ECHO},
		{.behaviour = PEER_SOURCE, .port = SOURCE, .source_bytes = SOURCE_BYTES},
		{.behaviour = PEER_CLOSE_FIRST, .port = CLOSE_FIRST},
		{.behaviour = PEER_LINGER_OPEN, .port = LINGER},
		{.behaviour = PEER_CONNECT,
		 .port = CONNECT,
		 .connect_to = {lab_address(lab, LAB_CLIENT, IP_V4), OURS}},
		{.behaviour = PEER_CONNECT,
		 .port = CONNECT + 1,
		 .connect_to = {lab_address(lab, LAB_CLIENT, IP_V6), OURS}},
	};
	if (lab_serve(lab, LAB_SERVER, peers, ARRAY_COUNT(peers), &why) < 0 ||
	    lab_filter(lab, LAB_SERVER, &drop, 1, &why) < 0)
		fail_msg("%s", why.text);
	return lab;
}

static struct lab *open_plain(void)
{
	static const struct lab_spec plain = {.router = false};
	return open_lab(&plain);
}

struct run {
	enum ip_family family;
	uint16_t port;
	const char *words[16];
	int signal, after_ms;
	bool no_truth;
};

static void run(struct story *s, struct lab *lab, const struct run *r)
{
	const char *words[32] = {"trace", "-j"};
	char target[ENDPOINT_TEXT_MAX];
	size_t count = 2;
	const struct endpoint e = {lab_address(lab, LAB_SERVER, r->family), r->port};
	if (!r->no_truth)
		words[count++] = "--truth";
	for (size_t i = 0; r->words[i] != NULL; i++)
		words[count++] = r->words[i];
	words[count] = endpoint_format(&e, target, sizeof target);
	const struct story_spec spec = {
		.words = words, .kill_signal = r->signal, .kill_after_ms = r->after_ms};
	story_run(s, lab, &spec);
}

/* What must hold in every story, lost segments or not. A proof is of the moment when the
 * segment was sent: on a slow wire the kernel may have moved on since, so that only
 * `possible` can be compared with what it is now. */
static void check_sound(const struct story *s)
{
	struct story_truth truth;
	story_compare_truth(s, &truth);
	CHECK(s, s->json_good, "not all of stdout is JSON");
	CHECK(s, truth.impossible == 0, "a true state was not in possible: %s", truth.first_wrong);
}

static bool was_simultaneous(const struct story *s)
{
	bool ours = false;
	bool theirs = false;
	json_t *e;
	for (size_t i = 0; (e = story_event(s, "segment", i)) != NULL; i++) {
		const bool syn = strcmp(story_text(e, "tcp.flags"), "S") == 0;
		ours |= syn && strcmp(story_text(e, "direction"), "to_server") == 0;
		theirs |= syn && strcmp(story_text(e, "direction"), "to_client") == 0;
	}
	return ours && theirs && s->status == 0;
}

/* The server's program tries again every 100 ms with a new socket; the wire takes 20 ms. In
 * one try of five the two SYNs cross. */
static void simultaneous_open(enum ip_family family)
{
	struct fault why;
	const struct lab_spec spec = {.has_relay = true, .relay = {.delay_ns = 20000000}};
	struct lab *lab = open_lab(&spec);
	bool crossed = false;
	/* Our kernel must not refuse the server's SYNs between its attempts. */
	if (lab_nft(lab, LAB_CLIENT,
		    "add table inet t\nadd chain inet t in { type filter hook input priority 0; }\n"
		    "add rule inet t in tcp sport 1011-1012 drop\n",
		    &why) < 0)
		fail_msg("%s", why.text);
	const struct run r = {.family = family,
			      .port = family == IP_V4 ? CONNECT : CONNECT + 1,
			      .words = {"-g", "6000", "--data-string", "both called", "--wait",
					"50ms", "--timeout", "3", NULL}};
	for (int tries = 0; tries < 60 && !crossed; tries++) {
		struct story s;
		run(&s, lab, &r);
		check_sound(&s);
		crossed = was_simultaneous(&s);
		if (crossed)
			CHECK(&s, story_has_note(&s, "open.simultaneous"),
			      "not named a simultaneous open");
		story_free(&s);
		usleep(37000);
	}
	assert_true(crossed);
	lab_close(lab);
}

static void test_trace_simultaneous_open_v4(void **state)
{
	(void)state;
	simultaneous_open(IP_V4);
}

static void test_trace_simultaneous_open_v6(void **state)
{
	(void)state;
	simultaneous_open(IP_V6);
}

/* A run killed without a chance leaves the server ESTABLISHED; the next one, from the same
 * port, meets a challenge ACK, resets the old connection and gets in. */
static void test_trace_stale_tuple_is_challenged_then_opened(void **state)
{
	struct story s;
	struct lab *lab = open_plain();
	(void)state;
	const struct run first = {
		.family = IP_V4,
		.port = LINGER,
		.words = {"-g", "41000", "--close", "none", "--isn", "1000", NULL},
		.signal = SIGKILL,
		.after_ms = 400};
	run(&s, lab, &first);
	assert_int_equal(s.signal_number, SIGKILL);
	story_free(&s);
	const struct run second = {.family = IP_V4,
				   .port = LINGER,
				   .words = {"-g", "41000", "--isn", "900000", "--rto", "0.2",
					     "--close", "rst", NULL}};
	run(&s, lab, &second);
	check_sound(&s);
	CHECK(&s, s.status == 0, "status %d", s.status);
	CHECK(&s, story_has_note(&s, "ack.challenge"), "no challenge ACK named");
	story_free(&s);
	lab_close(lab);
}

static int set_cookies(void *context)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_syncookies", "w");
	(void)context;
	return f != NULL && fputs("2\n", f) >= 0 && fclose(f) == 0 ? 0 : 1;
}

static void test_trace_syn_cookies_stay_sound(void **state)
{
	struct story s;
	struct fault why;
	struct lab *lab = open_plain();
	(void)state;
	const pid_t pid = lab_spawn(lab, LAB_SERVER, set_cookies, NULL, &why);
	assert_true(pid > 0);
	usleep(100000);
	const struct run r = {.family = IP_V4,
			      .port = ECHO,
			      .words = {"--data-string", "x", "--wait", "50ms", "--cookies", NULL}};
	run(&s, lab, &r);
	check_sound(&s);
	CHECK(&s, s.status == 0, "status %d", s.status);
	story_free(&s);
	lab_close(lab);
}

static void test_trace_crossing_fins_reach_closing(void **state)
{
	struct story s;
	const struct lab_spec spec = {.has_relay = true, .relay = {.delay_ns = 20000000}};
	struct lab *lab = open_lab(&spec);
	(void)state;
	const struct run r = {
		.family = IP_V6, .port = CLOSE_FIRST, .words = {"--wait", "10ms", NULL}};
	run(&s, lab, &r);
	check_sound(&s);
	CHECK(&s, s.status == 0, "status %d", s.status);
	bool closing = false;
	json_t *e;
	for (size_t i = 0; (e = story_event(&s, "segment", i)) != NULL; i++)
		closing |= strcmp(story_text(e, "client.state"), "CLOSING") == 0;
	CHECK(&s, closing && story_has_note(&s, "close.simultaneous"), "the FINs did not cross");
	story_free(&s);
	lab_close(lab);
}

static bool server_was_reset(const struct story *s)
{
	json_t *e;
	for (size_t i = 0; (e = story_event(s, "segment", i)) != NULL; i++)
		if (strchr(story_text(e, "tcp.flags"), 'R') != NULL &&
		    strcmp(story_text(e, "direction"), "to_server") == 0)
			return true;
	return false;
}

static void test_trace_interrupted_resets_and_tells(void **state)
{
	static const struct {
		int signal, status;
	} rows[] = {{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 143}};
	struct lab *lab = open_plain();
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct story s;
		const struct run r = {.family = IP_V4,
				      .port = LINGER,
				      .words = {"--close", "none", NULL},
				      .signal = rows[i].signal,
				      .after_ms = 400};
		run(&s, lab, &r);
		check_sound(&s);
		CHECK(&s, s.status == rows[i].status, "signal %d: status %d", rows[i].signal,
		      s.status);
		CHECK(&s, server_was_reset(&s), "the connection was left open");
		CHECK(&s, story_count(&s, "flow") == 1 && story_count(&s, "end") == 1,
		      "what was seen was not told");
		story_free(&s);
	}
	lab_close(lab);
}

static void test_trace_interrupted_in_syn_sent_tells(void **state)
{
	struct story s;
	struct lab *lab = open_plain();
	(void)state;
	const struct run r = {.family = IP_V6,
			      .port = DROPPED,
			      .words = {NULL},
			      .signal = SIGINT,
			      .after_ms = 300};
	run(&s, lab, &r);
	check_sound(&s);
	CHECK(&s, s.status == 130, "status %d", s.status);
	CHECK(&s, story_count(&s, "segment") >= 1 && story_count(&s, "end") == 1, "nothing told");
	story_free(&s);
	lab_close(lab);
}

/* One segment lost at a time: whatever it is, the story comes to its end. */
static void test_trace_each_single_loss_is_survived(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		struct story s;
		struct lab_spec spec = {.has_relay = true};
		if (i % 2 == 0)
			spec.relay.drop_to_server[0] = 1 + i / 2;
		else
			spec.relay.drop_to_client[0] = 1 + i / 2;
		struct lab *lab = open_lab(&spec);
		const struct run r = {.family = i % 3 == 0 ? IP_V6 : IP_V4,
				      .port = ECHO,
				      .words = {"--data-string", "lost and found", "--wait",
						"600ms", "--rto", "0.2", "--max-retries", "4",
						NULL}};
		run(&s, lab, &r);
		check_sound(&s);
		CHECK(&s, s.status == 0, "loss %u to the %s: status %d", 1 + i / 2,
		      i % 2 == 0 ? "server" : "client", s.status);
		story_free(&s);
		lab_close(lab);
	}
}

static void test_trace_download_through_loss_is_whole(void **state)
{
	struct story s;
	char path[] = "/tmp/synscope-save-XXXXXX";
	const struct lab_spec spec = {.has_relay = true,
				      .relay = {.delay_ns = 500000,
						.loss = 0.03,
						.reorder = 0.05,
						.duplicate = 0.02,
						.seed = 7}};
	struct lab *lab = open_lab(&spec);
	(void)state;
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	const struct run r = {.family = IP_V4,
			      .port = SOURCE,
			      .words = {"--wait", "20", "--save", path, "--timeout", "50", NULL},
			      .no_truth = true};
	run(&s, lab, &r);
	CHECK(&s, s.status == 0, "status %d: %s", s.status, s.errors);
	static uint8_t got[SOURCE_BYTES + 1];
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	const size_t count = fread(got, 1, sizeof got, f);
	fclose(f);
	close(fd);
	unlink(path);
	assert_int_equal(count, SOURCE_BYTES);
	for (uint32_t i = 0; i < SOURCE_BYTES; i++)
		if (got[i] != (uint8_t)(i * 7 + (i >> 8)))
			fail_msg("byte %u is wrong", i);
	story_free(&s);
	lab_close(lab);
}

static void test_trace_count_runs_each_exchange(void **state)
{
	struct story s;
	struct lab *lab = open_plain();
	(void)state;
	const struct run r = {.family = IP_V6,
			      .port = ECHO,
			      .words = {"-c", "5", "--delay", "0", NULL},
			      .no_truth = true};
	run(&s, lab, &r);
	CHECK(&s, s.status == 0, "status %d", s.status);
	CHECK(&s, story_count(&s, "flow") == 5 && story_count(&s, "verdict") == 5,
	      "not five exchanges");
	story_free(&s);
	lab_close(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_simultaneous_open_v4),
		cmocka_unit_test(test_trace_simultaneous_open_v6),
		cmocka_unit_test(test_trace_stale_tuple_is_challenged_then_opened),
		cmocka_unit_test(test_trace_syn_cookies_stay_sound),
		cmocka_unit_test(test_trace_crossing_fins_reach_closing),
		cmocka_unit_test(test_trace_interrupted_resets_and_tells),
		cmocka_unit_test(test_trace_interrupted_in_syn_sent_tells),
		cmocka_unit_test(test_trace_each_single_loss_is_survived),
		cmocka_unit_test(test_trace_download_through_loss_is_whole),
		cmocka_unit_test(test_trace_count_runs_each_exchange),
	};
	return cmocka_run_group_tests_name("trace, the odd cases", tests, NULL, NULL);
}

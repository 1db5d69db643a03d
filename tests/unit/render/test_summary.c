#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/summary.h"

#include <string.h>

static const char *row_of(const struct summary *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->rows[i].key, key) == 0)
			return s->rows[i].text;
	return "";
}

static struct summary sum(const struct event_flow *f, int verbosity)
{
	static struct summary s;
	struct render_options o = events_options();
	struct flow_memory m = {.id = 1, .has_verdict = true};
	m.verdict = events_verdict(1, 0).u.verdict;
	o.verbosity = verbosity;
	summary_flow(&s, &m, f, &o);
	return s;
}

static void test_summary_flow_closing_cases(void **state)
{
	static const struct {
		enum close_kind close;
		bool has_closer, both;
		enum side closer;
		const char *want;
	} cases[] = {
		{CLOSE_NONE, false, false, SIDE_CLIENT, "not seen"},
		{CLOSE_FIN, true, true, SIDE_CLIENT,
		 "with FIN, first by the client; both directions closed"},
		{CLOSE_FIN, true, false, SIDE_SERVER,
		 "with FIN, first by the server; the other direction stayed open"},
		{CLOSE_RST, true, false, SIDE_SERVER, "with RST by the server"},
		{CLOSE_TIMEOUT, false, false, SIDE_CLIENT, "given up after silence"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct event e = events_flow(1, 0);
		e.u.flow.close = cases[i].close;
		e.u.flow.has_closer = cases[i].has_closer;
		e.u.flow.closer = cases[i].closer;
		e.u.flow.both_closed = cases[i].both;
		const struct summary s = sum(&e.u.flow, 0);
		assert_string_equal(row_of(&s, "closing"), cases[i].want);
	}
}

static void test_summary_flow_opening_cases(void **state)
{
	struct event e = events_flow(1, 0);
	struct event_flow *f = &e.u.flow;
	(void)state;
	struct summary s = sum(f, 0);
	assert_string_equal(row_of(&s, "opening"),
			    "complete, validated by its numbers; SYN to SYN,ACK 24.1 ms");
	f->handshake_complete = false;
	f->has_handshake_rtt = false;
	s = sum(f, 0);
	assert_string_equal(row_of(&s, "opening"), "not completed");
	f->client.syn_seen = false;
	f->server.syn_seen = false;
	f->server.isn_known = false;
	s = sum(f, 0);
	assert_string_equal(row_of(&s, "opening"), "no SYN was seen");
	assert_string_equal(row_of(&s, "ISNs"), "client 3897988994; raw = rel + ISN (mod 2^32)");
	f->client.isn_known = false;
	s = sum(f, 0);
	assert_string_equal(row_of(&s, "ISNs"), "");
}

static void test_summary_flow_data_counts_losses(void **state)
{
	struct event e = events_flow(1, 0);
	struct event_flow *f = &e.u.flow;
	(void)state;
	f->client.retransmissions = 2;
	f->server.out_of_order = 1;
	f->server.bytes = 1;
	struct summary s = sum(f, 0);
	assert_string_equal(row_of(&s, "data"), "13 bytes to the server, 1 byte to the client; 11 "
						"segments, 2 sent again, 1 out of order");
	f->client.bytes = 0;
	f->server.bytes = 0;
	f->client.segments = 1;
	f->server.segments = 0;
	f->client.retransmissions = 0;
	f->server.out_of_order = 0;
	s = sum(f, 0);
	assert_string_equal(row_of(&s, "data"), "none; 1 segment");
}

static void test_summary_flow_verbosity_decides_how_much(void **state)
{
	const struct event e = events_flow(1, 0);
	(void)state;
	const struct summary quiet = sum(&e.u.flow, -1);
	assert_int_equal(quiet.count, 1);
	assert_string_equal(quiet.rows[0].key, "verdict");
	const struct summary usual = sum(&e.u.flow, 0);
	assert_string_equal(row_of(&usual, "guard"), "");
	const struct summary verbose = sum(&e.u.flow, 1);
	assert_string_equal(row_of(&verbose, "guard"),
			    "listen socket; our own kernel was kept from answering 5 segments");
	assert_string_equal(row_of(&verbose, "compare"),
			    "Zeek: SF ShADadFf; Wireshark: completeness 31");
	assert_string_equal(row_of(&verbose, "phases"),
			    "open 24.2 ms, data 1.025 s, close 24.9 ms");
}

static void test_summary_flow_unexpected_verdict_is_loud(void **state)
{
	struct summary s;
	const struct render_options o = events_options();
	struct flow_memory m = {.has_verdict = true};
	(void)state;
	m.verdict = (struct event_verdict){.verdict = VERDICT_FILTERED, .wanted = VERDICT_OPEN};
	summary_flow(&s, &m, NULL, &o);
	assert_int_equal(s.count, 1);
	assert_true(s.rows[0].loud);
	assert_string_equal(s.rows[0].text, "filtered (expected: open)");
}

static void test_summary_end_says_what_was_lost(void **state)
{
	struct summary s;
	struct event e = events_end(0);
	(void)state;
	summary_end(&s, &e.u.end);
	assert_int_equal(s.count, 0);
	e.u.end.capture_ifdropped = 1;
	e.u.end.complete = false;
	summary_end(&s, &e.u.end);
	assert_int_equal(s.count, 2);
	assert_true(s.rows[0].loud);
	assert_non_null(strstr(s.rows[0].text, "lost 1 packet (0 to a full buffer, 1 at the"));
	assert_string_equal(row_of(&s, "ended"), "early");
}

static void test_summary_put_wraps_and_aligns(void **state)
{
	struct render_options o = events_options();
	struct summary s = {.count = 2};
	(void)state;
	o.width = 60;
	s.rows[0].key = "key";
	strcpy(s.rows[0].text, "one two three four five six seven eight nine ten eleven");
	s.rows[1].key = "other";
	strcpy(s.rows[1].text, "text");
	struct out *out = out_open_memory();
	assert_non_null(out);
	summary_put(&s, out, &o);
	assert_string_equal(out_memory(out, NULL),
			    "key      one two three four five six seven eight nine ten\n"
			    "         eleven\n"
			    "other    text\n");
	out_close(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary_flow_closing_cases),
		cmocka_unit_test(test_summary_flow_opening_cases),
		cmocka_unit_test(test_summary_flow_data_counts_losses),
		cmocka_unit_test(test_summary_flow_verbosity_decides_how_much),
		cmocka_unit_test(test_summary_flow_unexpected_verdict_is_loud),
		cmocka_unit_test(test_summary_end_says_what_was_lost),
		cmocka_unit_test(test_summary_put_wraps_and_aligns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

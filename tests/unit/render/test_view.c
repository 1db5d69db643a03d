/* What holds for every view: no line is wider than asked, no byte that the terminal was not
 * promised, runs are folded, exchanges are told one by one. */
#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const views[] = {"ladder", "rfc", "ledger"};

/* --- invariants -------------------------------------------------------------------------- */

/* Not columns(): a test that asks the tested would believe it. @return bytes consumed */
static size_t one_column(const char *at, int *width)
{
	const unsigned char c = (unsigned char)*at;
	if (c == 033) {
		assert_int_equal(at[1], '[');
		const size_t count = strspn(at + 2, "0123456789;");
		assert_int_equal(at[2 + count], 'm');
		return count + 3;
	}
	*width += 1;
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : 3;
}

static void check_line(const char *line, size_t count, const struct render_options *o,
		       const char *view)
{
	int width = 0;
	for (size_t i = 0; i < count;) {
		const unsigned char c = (unsigned char)line[i];
		if ((c < 0x20 && (c != 033 || !o->color)) || c == 0x7f || (o->ascii && c > 0x7e))
			fail_msg("%s: byte 0x%02x in: %.*s", view, c, (int)count, line);
		i += one_column(line + i, &width);
	}
	if (width > o->width && strcmp(view, "lines") != 0)
		fail_msg("%s: %d of %d columns: %.*s", view, width, o->width, (int)count, line);
	if (!o->color && count > 0)
		assert_int_not_equal(line[count - 1], ' ');
}

static void check_invariants(const char *view, const struct render_options *o)
{
	struct events_player p;
	events_play_begin(&p, view, o);
	events_play_everything(&p);
	char *text = events_play_end(&p, NULL);
	for (const char *line = text; *line != '\0';) {
		const char *end = strchr(line, '\n');
		assert_non_null(end);
		check_line(line, (size_t)(end - line), o, view);
		line = end + 1;
	}
	free(text);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_view_every_line_keeps_its_promises(void **state)
{
	static const int widths[] = {60,  61,  75,  76,  80,  99,  109,
				     110, 111, 120, 133, 200, 399, 400};
	uint32_t seed = 1;
	(void)state;
	for (int i = 0; i < 600; i++) {
		const struct render_options o = {
			.width = widths[(size_t)i % ARRAY_COUNT(widths)],
			.ascii = random_next(&seed) % 2 != 0,
			.color = random_next(&seed) % 2 != 0,
			.numbers = (enum numbers)(random_next(&seed) % 3),
			.time_mode = (enum time_mode)(random_next(&seed) % 3),
			.verbosity = (int)(random_next(&seed) % 4) - 1,
			.live = random_next(&seed) % 2 != 0,
			.truth = random_next(&seed) % 2 != 0,
		};
		for (size_t v = 0; v < ARRAY_COUNT(views); v++)
			check_invariants(views[v], &o);
		check_invariants("lines", &o);
	}
}

/* --- folding ----------------------------------------------------------------------------- */

/* A transfer of @p count segments of 1448 bytes to the client, every second acknowledged. */
static void play_transfer(struct events_player *p, uint32_t count, uint32_t again_at)
{
	struct events_segment s = {
		.n = 4, .at_us = 30000, .client = ST_ESTABLISHED, .server = ST_ESTABLISHED};
	uint32_t next = 1;
	for (size_t i = 0; i < 3; i++) {
		const struct event e = events_segment(1, &events_exchange[i]);
		events_play(p, &e);
	}
	s.certainty = CERTAINTY_PROVEN;
	for (uint32_t i = 0; i < count; i++, s.n++) {
		s.at_us += 20;
		s.from = i % 3 == 2 ? SIDE_CLIENT : SIDE_SERVER;
		s.flags = TCP_ACK;
		s.len = s.from == SIDE_SERVER ? 1448 : 0;
		s.seq = s.from == SIDE_SERVER ? next : 1;
		s.ack = s.from == SIDE_SERVER ? 1 : next;
		struct event e = events_segment(1, &s);
		e.u.segment.retransmission = i == again_at;
		next += s.len;
		events_play(p, &e);
	}
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;
	for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
		count++;
	return count;
}

static char *transfer(const char *view, const struct render_options *o, uint32_t count,
		      uint32_t again_at)
{
	struct events_player p;
	events_play_begin(&p, view, o);
	play_transfer(&p, count, again_at);
	const struct event end = events_end(0);
	events_play(&p, &end);
	return events_play_end(&p, NULL);
}

static void test_view_long_run_is_folded_and_counted(void **state)
{
	struct render_options o = events_options();
	(void)state;
	for (size_t v = 0; v < ARRAY_COUNT(views); v++) {
		char name[32];
		o.verbosity = -1;
		char *text = transfer(views[v], &o, 3000, UINT32_MAX);
		snprintf(name, sizeof name, "%s-transfer", views[v]);
		expect_text(name, text);
		free(text);
	}
}

static void test_view_run_of_twelve_is_shown_whole(void **state)
{
	const struct render_options o = events_options();
	(void)state;
	char *text = transfer("rfc", &o, 12, UINT32_MAX);
	char *longer = transfer("rfc", &o, 13, UINT32_MAX);
	assert_null(strstr(text, "segments: "));
	assert_int_equal(count_of(text, "<CTL=ACK>"), 1 + 12);
	assert_non_null(strstr(longer, " 8 segments: "));
	assert_int_equal(count_of(longer, "<CTL=ACK>"), 1 + 3 + 2);
	free(text);
	free(longer);
}

static void test_view_verbose_folds_nothing(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.verbosity = 1;
	char *text = transfer("rfc", &o, 300, UINT32_MAX);
	assert_null(strstr(text, "segments: "));
	assert_int_equal(count_of(text, "<CTL=ACK>"), 301);
	free(text);
}

static void test_view_retransmission_breaks_a_run(void **state)
{
	const struct render_options o = events_options();
	(void)state;
	char *text = transfer("rfc", &o, 300, 150);
	assert_int_equal(count_of(text, "segments: "), 2);
	assert_int_equal(count_of(text, " again"), 1);
	free(text);
}

static void test_view_live_shows_a_dozen_before_it_folds(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	o.live = true;
	events_play_begin(&p, "rfc", &o);
	play_transfer(&p, 12, UINT32_MAX);
	assert_int_equal(count_of(out_memory(p.out, &count), "<CTL=ACK>"), 13);
	free(events_play_end(&p, NULL));
}

/* --- several exchanges -------------------------------------------------------------------- */

static char *interleaved(bool live)
{
	struct render_options o = events_options();
	struct events_player p;
	o.live = live;
	events_play_begin(&p, "rfc", &o);
	for (uint32_t flow = 1; flow <= 2; flow++) {
		const struct event start = events_start(flow);
		events_play(&p, &start);
	}
	for (size_t i = 0; i < events_exchange_count; i++) {
		for (uint32_t flow = 1; flow <= 2; flow++) {
			const struct event e = events_segment(flow, &events_exchange[i]);
			events_play(&p, &e);
		}
	}
	for (uint32_t flow = 2; flow >= 1; flow--) {
		const struct event e = events_flow(flow, 1074100);
		events_play(&p, &e);
	}
	const struct event end = events_end(1074100);
	events_play(&p, &end);
	return events_play_end(&p, NULL);
}

static void test_view_interleaved_exchanges_are_told_one_by_one(void **state)
{
	(void)state;
	char *text = interleaved(false);
	assert_int_equal(count_of(text, "flow 1: "), 1);
	assert_int_equal(count_of(text, "flow 2: "), 1);
	assert_int_equal(count_of(text, "goes on"), 0);
	/* the second ended first */
	assert_true(strstr(text, "flow 2: ") < strstr(text, "flow 1: "));
	free(text);
}

static void test_view_interleaved_live_says_whose_rows_they_are(void **state)
{
	(void)state;
	char *text = interleaved(true);
	assert_int_equal(count_of(text, "flow 1: "), 1);
	assert_int_equal(count_of(text, "flow 1 goes on"), 10);
	assert_int_equal(count_of(text, "flow 2 goes on"), 10);
	assert_int_equal(count_of(text, "flow 1 ends"), 1);
	free(text);
}

static void test_view_verdict_without_a_flow_is_shown_at_the_end(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	(void)state;
	events_play_begin(&p, "ladder", &o);
	struct event e = events_verdict(0, 0);
	e.u.verdict.has_rtt = false;
	events_play(&p, &e);
	e = events_end(0);
	events_play(&p, &e);
	char *text = events_play_end(&p, NULL);
	assert_string_equal(text, "verdict  open: its SYN,ACK acknowledges our ISN\n");
	free(text);
}

static void test_view_nothing_seen_is_nothing_shown(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	(void)state;
	events_play_begin(&p, "ladder", &o);
	const struct event e = events_end(0);
	events_play(&p, &e);
	char *text = events_play_end(&p, NULL);
	assert_string_equal(text, "");
	free(text);
}

static void test_view_closed_without_an_end_leaks_nothing(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	(void)state;
	events_play_begin(&p, "ladder", &o);
	play_transfer(&p, 40, UINT32_MAX); /* some rows are held back */
	free(events_play_end(&p, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view_every_line_keeps_its_promises),
		cmocka_unit_test(test_view_long_run_is_folded_and_counted),
		cmocka_unit_test(test_view_run_of_twelve_is_shown_whole),
		cmocka_unit_test(test_view_verbose_folds_nothing),
		cmocka_unit_test(test_view_retransmission_breaks_a_run),
		cmocka_unit_test(test_view_live_shows_a_dozen_before_it_folds),
		cmocka_unit_test(test_view_interleaved_exchanges_are_told_one_by_one),
		cmocka_unit_test(test_view_interleaved_live_says_whose_rows_they_are),
		cmocka_unit_test(test_view_verdict_without_a_flow_is_shown_at_the_end),
		cmocka_unit_test(test_view_nothing_seen_is_nothing_shown),
		cmocka_unit_test(test_view_closed_without_an_end_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

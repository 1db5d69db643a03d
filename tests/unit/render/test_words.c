#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/words.h"

#include <string.h>

#define SET(a, b) (state_set_t)(1u << (a) | 1u << (b))

static const struct {
	const char *name;
	struct end_view view;
	int columns;
	const char *utf8, *ascii;
} end_cases[] = {
	{"ours",
	 {.certainty = CERTAINTY_EXACT, .state = ST_SYN_RECEIVED},
	 15,
	 "SYN-RECEIVED",
	 "SYN-RECEIVED"},
	{"proven",
	 {.certainty = CERTAINTY_PROVEN, .state = ST_ESTABLISHED},
	 15,
	 "● ESTABLISHED",
	 "* ESTABLISHED"},
	{"expected",
	 {.certainty = CERTAINTY_EXPECTED, .state = ST_CLOSED},
	 15,
	 "○ CLOSED",
	 "~ CLOSED"},
	{"short",
	 {.certainty = CERTAINTY_PROVEN, .state = ST_SYN_RECEIVED},
	 12,
	 "● SYN-RCVD",
	 "* SYN-RCVD"},
	{"tight",
	 {.certainty = CERTAINTY_PROVEN, .state = ST_CLOSE_WAIT},
	 11,
	 "●CLOSE-WAIT",
	 "*CLOSE-WAIT"},
	{"contradiction",
	 {.certainty = CERTAINTY_PROVEN, .state = ST_CLOSED, .contradiction = true},
	 15,
	 "! CLOSED",
	 "! CLOSED"},
	{"nothing known", {.certainty = CERTAINTY_UNKNOWN}, 15, "? unknown", "? unknown"},
	{"a set, long names",
	 {.certainty = CERTAINTY_UNKNOWN, .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED)},
	 40,
	 "?{SYN-RECEIVED,ESTABLISHED}",
	 "?{SYN-RECEIVED,ESTABLISHED}"},
	{"a set, short names",
	 {.certainty = CERTAINTY_UNKNOWN, .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED)},
	 17,
	 "?{SYN-RCVD,ESTAB}",
	 "?{SYN-RCVD,ESTAB}"},
	{"a set of one",
	 {.certainty = CERTAINTY_UNKNOWN, .possible = 1u << ST_SYN_RECEIVED},
	 14,
	 "? SYN-RECEIVED",
	 "? SYN-RECEIVED"},
	{"a set that does not fit",
	 {.certainty = CERTAINTY_UNKNOWN, .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED)},
	 16,
	 "? unknown",
	 "? unknown"},
	{"the smallest set is said",
	 {.certainty = CERTAINTY_UNKNOWN,
	  .loss = SET(ST_CLOSED, ST_LISTEN),
	  .possible = STATE_SET_ALL},
	 17,
	 "?{CLOSED,LISTEN}",
	 "?{CLOSED,LISTEN}"},
};

static void test_words_end_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(end_cases); i++) {
		char text[WORDS_END_MAX];
		words_end(&end_cases[i].view, glyphs_of(false), end_cases[i].columns, text,
			  sizeof text);
		if (strcmp(text, end_cases[i].utf8) != 0)
			fail_msg("%s: %s", end_cases[i].name, text);
		assert_true(columns(text) <= end_cases[i].columns);
		words_end(&end_cases[i].view, glyphs_of(true), end_cases[i].columns, text,
			  sizeof text);
		assert_string_equal(text, end_cases[i].ascii);
	}
}

static const struct {
	const char *name;
	struct end_view view;
	enum truth want;
} truth_cases[] = {
	{"not asked", {.certainty = CERTAINTY_PROVEN}, TRUTH_UNKNOWN},
	{"agrees",
	 {.certainty = CERTAINTY_PROVEN,
	  .state = ST_ESTABLISHED,
	  .has_truth = true,
	  .truth = ST_ESTABLISHED},
	 TRUTH_AGREES},
	{"a FIN in the queue cannot be seen",
	 {.certainty = CERTAINTY_PROVEN,
	  .state = ST_ESTABLISHED,
	  .has_truth = true,
	  .truth = ST_FIN_WAIT_1,
	  .truth_fin_unsent = true},
	 TRUTH_AGREES},
	{"nor one in LAST-ACK",
	 {.certainty = CERTAINTY_PROVEN,
	  .state = ST_CLOSE_WAIT,
	  .has_truth = true,
	  .truth = ST_LAST_ACK,
	  .truth_fin_unsent = true},
	 TRUTH_AGREES},
	{"but one that was sent can",
	 {.certainty = CERTAINTY_PROVEN,
	  .state = ST_ESTABLISHED,
	  .has_truth = true,
	  .truth = ST_FIN_WAIT_1},
	 TRUTH_IMPOSSIBLE},
	{"expected, but lost",
	 {.certainty = CERTAINTY_EXPECTED,
	  .state = ST_ESTABLISHED,
	  .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED),
	  .has_truth = true,
	  .truth = ST_SYN_RECEIVED},
	 TRUTH_DIFFERS},
	{"expected, and not possible",
	 {.certainty = CERTAINTY_EXPECTED,
	  .state = ST_ESTABLISHED,
	  .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED),
	  .has_truth = true,
	  .truth = ST_LISTEN},
	 TRUTH_IMPOSSIBLE},
	{"expected to be gone, and one listens for more",
	 {.certainty = CERTAINTY_EXPECTED,
	  .state = ST_CLOSED,
	  .has_truth = true,
	  .truth = ST_LISTEN},
	 TRUTH_AGREES},
	{"proven to be closed, and yet one listens",
	 {.certainty = CERTAINTY_PROVEN, .state = ST_CLOSED, .has_truth = true, .truth = ST_LISTEN},
	 TRUTH_IMPOSSIBLE},
	{"in the set",
	 {.certainty = CERTAINTY_UNKNOWN,
	  .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED),
	  .has_truth = true,
	  .truth = ST_ESTABLISHED},
	 TRUTH_AGREES},
	{"not in the set",
	 {.certainty = CERTAINTY_UNKNOWN,
	  .possible = SET(ST_SYN_RECEIVED, ST_ESTABLISHED),
	  .has_truth = true,
	  .truth = ST_CLOSED},
	 TRUTH_IMPOSSIBLE},
};

static void test_words_truth_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(truth_cases); i++)
		if (words_truth(&truth_cases[i].view) != truth_cases[i].want)
			fail_msg("%s: %d", truth_cases[i].name,
				 (int)words_truth(&truth_cases[i].view));
}

static void test_words_duration_cases(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{0, "0.000 ms"},
		{35000, "0.035 ms"},
		{9999999, "9.999 ms"},
		{10000000, "10.0 ms"},
		{24100000, "24.1 ms"},
		{999999999, "999.9 ms"},
		{1000000000, "1.000 s"},
		{1000200000, "1.000 s"},
		{599999000000, "599.999 s"},
		{7380000000000, "2 h 03 min"},
		{-35000, "-0.035 ms"},
		{INT64_MIN, "-2562047 h 47 min"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[WORDS_TIME_MAX];
		assert_string_equal(words_duration(cases[i].ns, text, sizeof text), cases[i].want);
	}
}

static void test_words_clock_cases(void **state)
{
	static const struct {
		int decimals;
		int64_t us;
		enum time_mode mode;
		bool short_abs;
		const char *want;
	} cases[] = {
		{1, 0, TIME_REL, false, "0.0"},
		{1, 24199, TIME_REL, false, "24.1"},
		{3, 35, TIME_REL, false, "0.035"},
		{1, -1500, TIME_REL, false, "-1.5"},
		{1, 24100, TIME_DELTA, false, "+4.100"},
		{1, 24100, TIME_ABS, false, "08:00:00.024100"},
		{1, 24100, TIME_ABS, true, "08:00:00.024"},
		{1, -1, TIME_ABS, false, "07:59:59.999999"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[WORDS_TIME_MAX];
		const struct flow_memory m = {
			.shown = 2,
			.decimals = cases[i].decimals,
			.first_ns = EVENTS_BEGIN_NS,
			.previous_ns = EVENTS_BEGIN_NS + 20000000,
		};
		words_clock(&m, EVENTS_BEGIN_NS + cases[i].us * 1000, cases[i].mode,
			    cases[i].short_abs, text, sizeof text);
		assert_string_equal(text, cases[i].want);
	}
}

static void test_words_count_and_bytes_cases(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes;
	} cases[] = {
		{0, "0", "0 bytes"},
		{1, "1", "1 byte"},
		{999, "999", "999 bytes"},
		{1234, "1,234", "1,234 bytes"},
		{100000, "100,000", "100.0 kB"},
		{1800000, "1,800,000", "1.8 MB"},
		{UINT64_MAX, "18,446,744,073,709,551,615", "18.4 EB"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[WORDS_COUNT_MAX];
		assert_string_equal(words_count(cases[i].n, text, sizeof text), cases[i].count);
		assert_string_equal(words_bytes(cases[i].n, text, sizeof text), cases[i].bytes);
	}
}

static void test_words_remark_cases(void **state)
{
	struct event e = events_segment(1, &events_exchange[3]);
	(void)state;
	assert_string_equal(words_remark(&e.u.segment), "");
	e.u.segment.retransmission = true;
	assert_string_equal(words_remark(&e.u.segment), "again");
	events_note(&e, NOTE_DATA, "nothing special", NULL);
	events_note(&e, NOTE_DATA_OUT_OF_ORDER, "a hole before it", NULL);
	assert_string_equal(words_remark(&e.u.segment), "out of order");
	e.u.segment.held = true;
	assert_string_equal(words_remark(&e.u.segment), "NOT SENT");
}

static void test_words_note_weight_problems_are_loud(void **state)
{
	(void)state;
	assert_int_equal(words_note_weight(NOTE_SYNACK_WRONG_ACK), NOTE_LOUD);
	assert_int_equal(words_note_weight(NOTE_CONTRADICTION), NOTE_LOUD);
	assert_int_equal(words_note_weight(NOTE_RST_OWN_KERNEL), NOTE_LOUD);
	assert_int_equal(words_note_weight(NOTE_RST_REFUSES), NOTE_SHOWN);
	assert_int_equal(words_note_weight(NOTE_CHALLENGE_ACK), NOTE_SHOWN);
	assert_int_equal(words_note_weight(NOTE_DATA), NOTE_PLAIN);
}

static void test_words_options_cases(void **state)
{
	char text[WORDS_OPTIONS_MAX];
	struct option_set o = {0};
	(void)state;
	assert_string_equal(words_options(&o, text, sizeof text), "");
	o = (struct option_set){.has_mss = true,
				.mss = 1460,
				.sack_permitted = true,
				.has_timestamps = true,
				.ts_value = 5,
				.has_wscale = true,
				.wscale = 7};
	assert_string_equal(words_options(&o, text, sizeof text),
			    "mss 1460, sack permitted, timestamp 5 echo 0, wscale 7");
	o = (struct option_set){.sack_count = 255, .malformed = true};
	words_options(&o, text, sizeof text);
	assert_non_null(strstr(text, "sack 0..0, malformed"));
}

static void test_words_endpoint_name_that_is_the_address_is_left_out(void **state)
{
	const struct event e = events_start(1);
	char text[128];
	(void)state;
	assert_string_equal(words_endpoint(&e.u.start.server, "192.0.2.2", text, sizeof text),
			    "192.0.2.2:7777");
	assert_string_equal(words_endpoint(&e.u.start.server, "", text, sizeof text),
			    "192.0.2.2:7777");
	assert_string_equal(words_endpoint(&e.u.start.server, "example.org", text, sizeof text),
			    "example.org (192.0.2.2:7777)");
}

static void test_words_number_is_symbolic_from_the_isn_of_its_side(void **state)
{
	static const struct {
		enum numbers numbers;
		enum side space;
		uint32_t rel;
		const char *text;
	} cases[] = {
		{NUMBERS_SYMBOLIC, SIDE_CLIENT, 0, "x"},
		{NUMBERS_SYMBOLIC, SIDE_SERVER, 0, "y"},
		{NUMBERS_SYMBOLIC, SIDE_CLIENT, 1, "x+1"},
		{NUMBERS_SYMBOLIC, SIDE_SERVER, 4294901759u, "y+4294901759"},
		{NUMBERS_SYMBOLIC, SIDE_SERVER, 4294967295u, "y-1"},
		{NUMBERS_BOTH, SIDE_CLIENT, 14, "14"},
		{NUMBERS_REL, SIDE_SERVER, 4294967295u, "4294967295"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[WORDS_NUMBER_MAX];
		assert_string_equal(words_number(cases[i].numbers, cases[i].space, cases[i].rel,
						 text, sizeof text),
				    cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_number_is_symbolic_from_the_isn_of_its_side),
		cmocka_unit_test(test_words_end_cases),
		cmocka_unit_test(test_words_truth_cases),
		cmocka_unit_test(test_words_duration_cases),
		cmocka_unit_test(test_words_clock_cases),
		cmocka_unit_test(test_words_count_and_bytes_cases),
		cmocka_unit_test(test_words_remark_cases),
		cmocka_unit_test(test_words_note_weight_problems_are_loud),
		cmocka_unit_test(test_words_options_cases),
		cmocka_unit_test(test_words_endpoint_name_that_is_the_address_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/core/state.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"

#include <string.h>

/* RFC 9293 section 3.3.2, in its order and spelling. */
static const char *const names[ST_COUNT] = {
	"CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
};

static void test_state_name_is_that_of_the_rfc(void **state)
{
	(void)state;
	for (enum tcp_state s = ST_CLOSED; s < ST_COUNT; s++)
		assert_string_equal(state_name(s), names[s]);
	assert_string_equal(state_name(ST_COUNT), "?");
}

static void test_state_parse_every_name_finds_its_state(void **state)
{
	(void)state;
	for (enum tcp_state s = ST_CLOSED; s < ST_COUNT; s++) {
		enum tcp_state found = ST_COUNT;
		assert_true(state_parse(&found, names[s]));
		assert_int_equal(found, s);
	}
}

static void test_state_parse_ignores_case_and_dashes(void **state)
{
	(void)state;
	enum tcp_state s = ST_COUNT;
	assert_true(state_parse(&s, "syn_received"));
	assert_int_equal(s, ST_SYN_RECEIVED);
	assert_true(state_parse(&s, "FinWait1"));
	assert_int_equal(s, ST_FIN_WAIT_1);
	assert_true(state_parse(&s, "time-wait"));
	assert_int_equal(s, ST_TIME_WAIT);
}

static void test_state_parse_other_text_is_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"",         "-",          "SYN",          "SYN-SENT ", "SYN SENT",
		"FIN-WAIT", "FIN-WAIT-3", "ESTABLISHED2", "?",         "SYN-SEN\xd4"};
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		enum tcp_state s = ST_CLOSING;
		if (state_parse(&s, refused[i]))
			fail_msg("\"%s\" was accepted", refused[i]);
		assert_int_equal(s, ST_CLOSING);
	}
}

static void test_state_set_has_its_members_only(void **state)
{
	(void)state;
	const state_set_t set = (state_set_t)(state_set(ST_LISTEN) | state_set(ST_TIME_WAIT));
	assert_true(state_set_has(set, ST_LISTEN));
	assert_true(state_set_has(set, ST_TIME_WAIT));
	assert_false(state_set_has(set, ST_CLOSED));
	assert_int_equal(state_set_count(set), 2);
	assert_int_equal(state_set_count(0), 0);
	assert_int_equal(state_set_count(STATE_SET_ALL), ST_COUNT);
}

static void test_state_set_format_joins_in_order(void **state)
{
	(void)state;
	char text[STATE_SET_TEXT_MAX];
	const state_set_t set = (state_set_t)(state_set(ST_TIME_WAIT) | state_set(ST_CLOSED));
	assert_string_equal(state_set_format(set, ", ", text, sizeof(text)), "CLOSED, TIME-WAIT");
	assert_string_equal(state_set_format(state_set(ST_CLOSING), ", ", text, sizeof(text)),
			    "CLOSING");
	assert_string_equal(state_set_format(0, ", ", text, sizeof(text)), "");
}

static void test_state_set_format_all_fits(void **state)
{
	(void)state;
	char text[STATE_SET_TEXT_MAX];
	state_set_format(STATE_SET_ALL, ", ", text, sizeof(text));
	assert_string_equal(text + strlen(text) - strlen("LAST-ACK, TIME-WAIT"),
			    "LAST-ACK, TIME-WAIT");
}

static void test_state_set_format_small_buffer_is_cut(void **state)
{
	(void)state;
	char text[10] = "xxxxxxxxx";
	assert_string_equal(state_set_format(STATE_SET_ALL, ",", text, 9), "CLOSED,L");
	assert_int_equal(text[9], 0);
	assert_string_equal(state_set_format(STATE_SET_ALL, ",", text, 1), "");
	text[0] = 'x';
	state_set_format(STATE_SET_ALL, ",", text, 0);
	assert_int_equal(text[0], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_name_is_that_of_the_rfc),
		cmocka_unit_test(test_state_parse_every_name_finds_its_state),
		cmocka_unit_test(test_state_parse_ignores_case_and_dashes),
		cmocka_unit_test(test_state_parse_other_text_is_refused),
		cmocka_unit_test(test_state_set_has_its_members_only),
		cmocka_unit_test(test_state_set_format_joins_in_order),
		cmocka_unit_test(test_state_set_format_all_fits),
		cmocka_unit_test(test_state_set_format_small_buffer_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

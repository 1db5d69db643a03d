/* Names: every value has one, no two share one, and none changes by accident. */
#include "../../support/cm.h"

#include "synscope/core/event.h"

#include <string.h>

static void test_note_code_name_each_code_is_named_once(void **state)
{
	(void)state;
	for (int a = 0; a < NOTE_CODE_COUNT; a++) {
		const char *name = note_code_name((enum note_code)a);
		assert_string_not_equal(name, "unknown");
		for (const char *c = name; *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '.' || *c == '_');
		for (int b = 0; b < a; b++)
			assert_string_not_equal(name, note_code_name((enum note_code)b));
	}
	assert_string_equal(note_code_name(NOTE_CODE_COUNT), "unknown");
}

static void test_note_code_name_published_codes_are_unchanged(void **state)
{
	(void)state;
	assert_string_equal(note_code_name(NOTE_SYNACK_ACCEPTABLE), "synack.acceptable");
	assert_string_equal(note_code_name(NOTE_SYNACK_WRONG_ACK), "synack.wrong_ack");
	assert_string_equal(note_code_name(NOTE_CHALLENGE_ACK), "ack.challenge");
	assert_string_equal(note_code_name(NOTE_RST_REFUSES), "rst.refuses");
	assert_string_equal(note_code_name(NOTE_CONTRADICTION), "contradiction");
}

static void test_event_type_name_all_types_are_as_documented(void **state)
{
	static const char *const names[] = {"start",      "segment", "icmp", "timer",
					    "transition", "verdict", "flow", "end"};
	(void)state;
	for (int i = EVENT_START; i <= EVENT_END; i++)
		assert_string_equal(event_type_name((enum event_type)i), names[i]);
}

static void test_certainty_name_all_values_are_as_documented(void **state)
{
	(void)state;
	assert_string_equal(certainty_name(CERTAINTY_UNKNOWN), "unknown");
	assert_string_equal(certainty_name(CERTAINTY_EXPECTED), "expected");
	assert_string_equal(certainty_name(CERTAINTY_PROVEN), "proven");
	assert_string_equal(certainty_name(CERTAINTY_EXACT), "exact");
}

static void test_verdict_name_all_values_are_as_documented(void **state)
{
	static const char *const names[] = {"none",     "open",     "closed",
					    "rejected", "filtered", "inconsistent"};
	(void)state;
	for (int i = VERDICT_NONE; i <= VERDICT_INCONSISTENT; i++)
		assert_string_equal(verdict_name((enum verdict)i), names[i]);
}

static void test_close_kind_name_all_values_are_as_documented(void **state)
{
	static const char *const names[] = {"none", "fin", "rst", "timeout"};
	(void)state;
	for (int i = CLOSE_NONE; i <= CLOSE_TIMEOUT; i++)
		assert_string_equal(close_kind_name((enum close_kind)i), names[i]);
}

static void test_timer_kind_name_all_values_are_as_documented(void **state)
{
	static const char *const names[] = {"retransmission", "persist", "time-wait", "user",
					    "delayed-ack"};
	(void)state;
	for (int i = TIMER_RETRANSMISSION; i <= TIMER_DELAYED_ACK; i++)
		assert_string_equal(timer_kind_name((enum timer_kind)i), names[i]);
}

static void test_side_other_is_the_other(void **state)
{
	(void)state;
	assert_int_equal(side_other(SIDE_CLIENT), SIDE_SERVER);
	assert_int_equal(side_other(SIDE_SERVER), SIDE_CLIENT);
	assert_string_equal(side_name(SIDE_CLIENT), "client");
	assert_string_equal(side_name(SIDE_SERVER), "server");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_note_code_name_each_code_is_named_once),
		cmocka_unit_test(test_note_code_name_published_codes_are_unchanged),
		cmocka_unit_test(test_event_type_name_all_types_are_as_documented),
		cmocka_unit_test(test_certainty_name_all_values_are_as_documented),
		cmocka_unit_test(test_verdict_name_all_values_are_as_documented),
		cmocka_unit_test(test_close_kind_name_all_values_are_as_documented),
		cmocka_unit_test(test_timer_kind_name_all_values_are_as_documented),
		cmocka_unit_test(test_side_other_is_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

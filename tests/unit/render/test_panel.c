#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/panel.h"
#include "synscope/render/text.h"

#include <string.h>

static void assert_has(struct out *out, const char *what)
{
	if (strstr(out_memory(out, NULL), what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, out_memory(out, NULL));
}

static void test_panel_states_marks_both_ends(void **state)
{
	struct render_options o = events_options();
	const struct end_view ours = {.certainty = CERTAINTY_EXACT, .state = ST_ESTABLISHED};
	struct end_view theirs = {.certainty = CERTAINTY_EXPECTED, .state = ST_ESTABLISHED};
	struct out *out = out_open_memory();
	(void)state;
	o.ascii = true;
	panel_states(&o, &ours, &theirs, out);
	assert_has(out, " C ESTABLISHED S~ ");
	theirs = (struct end_view){.certainty = CERTAINTY_UNKNOWN,
				   .possible = state_set(ST_LISTEN) | state_set(ST_SYN_RECEIVED)};
	panel_states(&o, &ours, &theirs, out);
	assert_has(out, " LISTEN S?\n");
	assert_has(out, " SYN-RECEIVED S? ");
	out_close(out);
}

static void test_panel_states_is_as_large_as_it_says(void **state)
{
	struct render_options o = events_options();
	struct out *out = out_open_memory();
	int lines = 0;
	(void)state;
	panel_states(&o, NULL, NULL, out);
	for (const char *line = out_memory(out, NULL); *line != '\0'; lines++) {
		char copy[400] = "";
		const size_t count = strcspn(line, "\n");
		assert_in_range(count, 0, sizeof copy - 1);
		memcpy(copy, line, count);
		assert_in_range(columns(copy), 0, PANEL_STATES_COLUMNS);
		line += count + 1;
	}
	assert_int_equal(lines, PANEL_STATES_LINES);
	out_close(out);
}

static void test_panel_fields_has_the_bytes(void **state)
{
	static const uint8_t options[] = {2, 4, 5, 180};
	const struct render_options o = events_options();
	struct event e = events_segment(1, &events_exchange[1]);
	struct out *out = out_open_memory();
	(void)state;
	e.u.segment.tcp.options = options;
	e.u.segment.tcp.options_bytes = sizeof options;
	e.u.segment.tcp.header_bytes = 24;
	option_decode(&e.u.segment.tcp.option, options, sizeof options);
	panel_fields(&o, &e, out);
	assert_has(out, "  0  1e 61 c4 22   source port 7777, destination port 50210\n");
	assert_has(out, "  4  9a a7 0d 2f   sequence number 2594639151 (rel 0)\n");
	assert_has(out, "  8  e8 56 97 83   acknowledgement number 3897988995 (rel 1)\n");
	assert_has(out, " 12  60 12 fa f0   data offset 6, reserved 0, SYN,ACK, window 64240\n");
	assert_has(out, " 20  02 04 05 b4   options: mss 1460\n");
	out_close(out);
}

static void test_panel_explain_says_what_and_why(void **state)
{
	const struct tape_spec spec = {.rows_max = 9, .flows_max = 1, .keeps_transitions = true};
	const struct render_options o = events_options();
	struct tape *tape = tape_open(&spec);
	struct event e = events_segment(1, &events_exchange[4]);
	const struct event transition = events_transition(1, 48500);
	struct out *out = out_open_memory();
	(void)state;
	events_note(&e, NOTE_ACKS_DATA, "acknowledges 13 bytes", "9293 3.4");
	tape_keep(tape, &e);
	tape_keep(tape, &transition);
	panel_explain(&o, tape, 0, out);
	assert_has(out, " · acknowledges 13 bytes (RFC 9293 3.4)\n");
	assert_has(out, " · server: SYN-RECEIVED -> ESTABLISHED, proven by 5");
	out_close(out);
	tape_close(tape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panel_states_marks_both_ends),
		cmocka_unit_test(test_panel_states_is_as_large_as_it_says),
		cmocka_unit_test(test_panel_fields_has_the_bytes),
		cmocka_unit_test(test_panel_explain_says_what_and_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

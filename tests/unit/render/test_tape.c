#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/tape.h"

#include <string.h>

static const struct tape_spec roomy = {.rows_max = 100,
				       .flows_max = 10,
				       .frame_bytes = 4096,
				       .payload_bytes = 64,
				       .keeps_transitions = true};

static void test_tape_keep_outlives_what_was_borrowed(void **state)
{
	char name[] = "example.org";
	uint8_t options[] = {2, 4, 5, 180};
	char payload[] = "hello, what a payload";
	uint8_t frame[EVENTS_FRAME_MAX];
	struct tape *t = tape_open(&roomy);
	struct event start = events_start(1);
	struct event e = events_segment(1, &events_exchange[3]);
	(void)state;
	start.u.start.server_name = name;
	events_payload(&e, payload, sizeof payload - 1);
	e.u.segment.tcp.options = options;
	e.u.segment.tcp.options_bytes = sizeof options;
	events_frame(&e, frame);
	tape_keep(t, &start);
	tape_keep(t, &e);
	memset(name, '-', sizeof name - 1);
	memset(payload, '-', sizeof payload - 1);
	memset(frame, 0, sizeof frame);
	memset(options, 0, sizeof options);
	assert_int_equal(tape_count(t), 2);
	assert_string_equal(tape_at(t, 0)->u.start.server_name, "example.org");
	assert_null(tape_at(t, 0)->u.start.client_name);
	const struct event_segment *s = &tape_at(t, 1)->u.segment;
	assert_memory_equal(s->tcp.payload, "hello, what a payload", 21);
	assert_int_equal(s->tcp.options[3], 180);
	assert_int_equal(s->frame.data[0], 0x45);
	assert_int_equal(s->frame.captured_bytes, 61);
	tape_close(t);
}

static void test_tape_keep_cuts_payload_and_frame(void **state)
{
	struct tape_spec spec = roomy;
	uint8_t frame[EVENTS_FRAME_MAX];
	struct event e = events_segment(1, &events_exchange[3]);
	(void)state;
	spec.payload_bytes = 5;
	spec.frame_bytes = 0;
	struct tape *t = tape_open(&spec);
	events_payload(&e, "hello, what a payload", 21);
	events_frame(&e, frame);
	tape_keep(t, &e);
	const struct event_segment *s = &tape_at(t, 0)->u.segment;
	assert_int_equal(s->tcp.payload_captured_bytes, 5);
	assert_int_equal(s->tcp.payload_bytes, 21);
	assert_null(s->frame.data);
	tape_close(t);
}

static void test_tape_keep_past_the_end_counts(void **state)
{
	struct tape_spec spec = roomy;
	const struct event start = events_start(1);
	const struct event other = events_start(2);
	const struct event e = events_segment(1, &events_exchange[0]);
	const struct event far = events_segment(2, &events_exchange[0]);
	const struct event flow = events_flow(1, 5);
	const struct event flow_far = events_flow(2, 5);
	const struct event end = events_end(9);
	(void)state;
	spec.rows_max = 2;
	spec.flows_max = 1;
	struct tape *t = tape_open(&spec);
	tape_keep(t, &start);
	for (int i = 0; i < 5; i++)
		tape_keep(t, &e);
	tape_keep(t, &other);
	tape_keep(t, &far);
	tape_keep(t, &flow);
	tape_keep(t, &flow_far);
	tape_keep(t, &end);
	assert_int_equal(tape_left_out(t), 4);
	assert_int_equal(tape_count(t), 5);
	assert_int_equal(tape_at(t, 3)->type, EVENT_FLOW);
	assert_int_equal(tape_at(t, 3)->u.flow.transitions_count, 1);
	assert_int_equal(tape_at(t, 3)->u.flow.transitions[0].by, 5);
	assert_int_equal(tape_at(t, 4)->type, EVENT_END);
	tape_close(t);
	tape_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tape_keep_outlives_what_was_borrowed),
		cmocka_unit_test(test_tape_keep_cuts_payload_and_frame),
		cmocka_unit_test(test_tape_keep_past_the_end_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

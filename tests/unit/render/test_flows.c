#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/flows.h"

#include <stdlib.h>
#include <string.h>

static void test_flows_take_same_number_is_the_same_flow(void **state)
{
	struct flows f;
	(void)state;
	flows_init(&f);
	const struct event one = events_start(1);
	const struct event two = events_start(2);
	struct flow_memory *m = flows_take(&f, &one);
	assert_ptr_equal(flows_take(&f, &one), m);
	assert_ptr_not_equal(flows_take(&f, &two), m);
	assert_int_equal(f.count, 2);
	assert_true(m->has_start && m->client_local && !m->server_local);
	assert_string_equal(m->interface, "veth0");
	flows_reset(&f);
}

static void test_flows_take_segment_without_start_tells_the_ends(void **state)
{
	struct flows f;
	(void)state;
	flows_init(&f);
	const struct event e = events_segment(7, &events_exchange[1]); /* from the server */
	const struct flow_memory *m = flows_take(&f, &e);
	assert_false(m->has_start);
	assert_true(m->has_ends);
	assert_int_equal(m->client.port, 50210);
	assert_int_equal(m->server.port, 7777);
	assert_true(m->has_isn[SIDE_CLIENT] && m->has_isn[SIDE_SERVER]);
	assert_int_equal(m->isn[SIDE_CLIENT], EVENTS_CLIENT_ISN);
	assert_int_equal(m->isn[SIDE_SERVER], EVENTS_SERVER_ISN);
	flows_reset(&f);
}

static void test_flows_take_many_are_all_found_and_listed_in_order(void **state)
{
	enum { COUNT = 5000 };
	struct flows f;
	(void)state;
	flows_init(&f);
	for (uint32_t i = 0; i < COUNT; i++) {
		/* an order that is not that of the numbers */
		const struct event e = {.type = EVENT_TIMER, .flow_id = i * 7919 % COUNT + 1};
		flows_take(&f, &e);
	}
	assert_int_equal(f.count, COUNT);
	struct flow_memory **list = flows_list(&f);
	assert_non_null(list);
	for (uint32_t i = 0; i < COUNT; i++) {
		const struct event e = {.type = EVENT_TIMER, .flow_id = i + 1};
		assert_int_equal(list[i]->id, i + 1);
		assert_ptr_equal(flows_take(&f, &e), list[i]);
		if (i % 2 == 0)
			flows_drop(&f, list[i]);
	}
	free(list);
	assert_int_equal(f.count, COUNT / 2);
	flows_reset(&f);
	assert_int_equal(f.count, 0);
	assert_null(flows_list(&f));
}

static void test_flow_tick_decimals_follow_the_first_answer(void **state)
{
	static const struct {
		int64_t answer_us;
		int decimals;
	} cases[] = {{35, 3}, {9999, 3}, {10000, 1}, {24100, 1}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct flow_memory m = {.decimals = 1};
		struct event e = events_segment(1, &events_exchange[0]);
		flow_tick(&m, &e);
		assert_int_equal(m.previous_ns, EVENTS_BEGIN_NS);
		e = events_segment(1, &events_exchange[1]);
		e.time_ns = EVENTS_BEGIN_NS + cases[i].answer_us * 1000;
		flow_tick(&m, &e);
		assert_int_equal(m.decimals, cases[i].decimals);
		assert_int_equal(m.rtt_ns, cases[i].answer_us * 1000);
		assert_int_equal(m.first_ns, EVENTS_BEGIN_NS);
		assert_int_equal(m.last_ns, e.time_ns);
		assert_int_equal(m.shown, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_take_same_number_is_the_same_flow),
		cmocka_unit_test(test_flows_take_segment_without_start_tells_the_ends),
		cmocka_unit_test(test_flows_take_many_are_all_found_and_listed_in_order),
		cmocka_unit_test(test_flow_tick_decimals_follow_the_first_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The battery in virtual time: what is asked when, how silence is told from loss, manners. */
#include "synscope/core/battery.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"
#include "../../support/quiz.h"

#include <string.h>

#define S INT64_C(1000000000)

static struct quiz z;

static const struct step_result *result(uint32_t port, const char *question)
{
	return battery_result(&z.battery, port, question_find(question));
}

static void test_battery_every_row_has_a_name_and_an_end(void **state)
{
	(void)state;
	for (int q = 0; q < ASK_COUNT; q++) {
		assert_non_null(battery_rows[q].name);
		assert_int_equal(question_find(battery_rows[q].name), q);
		assert_true(question_results((enum question)q) > 0);
		assert_int_equal(battery_rows[q].steps[BATTERY_STEPS_MAX - 1].act, ACT_END);
	}
	assert_int_equal(question_find("nonsense"), ASK_COUNT);
}

static void test_battery_open_port_is_answered_at_once(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 0, "syn");
	z.ports[80] = QUIZ_OPEN;
	quiz_run(&z);
	const struct step_result *r = result(0, "syn");
	assert_int_equal(r->first.kind, ANSWER_SYNACK);
	assert_int_equal(r->asks, 1);
	assert_true(r->first.has_rtt);
	assert_int_equal(r->first.rtt_ns, S / 100);
}

static void test_battery_leaves_nothing_half_open(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80, 81}, 2, 50000, "syn,walk,plain,talk,cookie,window,session");
	z.ports[80] = z.ports[81] = QUIZ_OPEN;
	z.routers = 2;
	quiz_run(&z);
	assert_int_equal(z.half_open, 0);
	for (size_t i = 0; i < ARRAY_COUNT(z.established); i++)
		assert_false(z.established[i]);
}

static void test_battery_silence_is_asked_three_times_a_second_apart(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){25}, 1, 0, "syn");
	z.ports[25] = QUIZ_DROP;
	quiz_run(&z);
	assert_int_equal(result(0, "syn")->first.kind, ANSWER_NONE);
	assert_int_equal(result(0, "syn")->asks, 3);
	for (uint32_t i = 1; i < z.log_count; i++)
		assert_true(z.log[i].time_ns - z.log[i - 1].time_ns >= S);
}

/* Whatever is asked, a port that is silent hears from us once a second at most. */
static void test_battery_silent_port_hears_one_a_second(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){25, 26}, 2, 50000,
		  "syn,walk,plain,ack,synack,fin,null,xmas,badsum,data,class");
	z.ports[25] = QUIZ_DROP;
	z.ports[26] = QUIZ_ICMP;
	z.routers = 2;
	quiz_run(&z);
	for (uint16_t port = 25; port <= 26; port++) {
		int64_t last = -S;
		for (uint32_t i = 0; i < z.log_count; i++) {
			if (z.log[i].port != port)
				continue;
			/* A hop's "time exceeded" is an answer: the next hop may follow. */
			if (z.log[i].ttl == BATTERY_TTL && z.log[i].time_ns - last < S)
				fail_msg("port %u after %.3f s", port,
					 (double)(z.log[i].time_ns - last) / 1e9);
			last = z.log[i].ttl == BATTERY_TTL ? z.log[i].time_ns : -S;
		}
	}
}

static void test_battery_icmp_limit_makes_no_port_silent(void **state)
{
	(void)state;
	uint16_t ports[20];
	for (uint16_t i = 0; i < ARRAY_COUNT(ports); i++)
		ports[i] = (uint16_t)(100 + i);
	quiz_init(&z, ports, ARRAY_COUNT(ports), 0, "syn");
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++)
		z.ports[ports[i]] = QUIZ_ICMP;
	z.icmp_every_ns = S * 9 / 10;
	quiz_run(&z);
	for (uint32_t i = 0; i < ARRAY_COUNT(ports); i++)
		if (result(i, "syn")->first.kind != ANSWER_ICMP)
			fail_msg("port %u: %s", ports[i],
				 answer_kind_name((enum answer_kind)result(i, "syn")->first.kind));
}

static void test_battery_late_answer_counts(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){99}, 1, 0, "syn,ack");
	z.ports[99] = QUIZ_LATE;
	quiz_run(&z);
	assert_int_equal(result(0, "syn")->first.kind, ANSWER_RST);
	assert_false(result(0, "syn")->first.has_rtt); /* which copy was answered is not known */
}

static void test_battery_loss_is_asked_again(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, 0, "syn,ack");
	z.lose_every = 5;
	quiz_run(&z);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(result(i, "syn")->first.kind, ANSWER_RST);
		assert_int_equal(result(i, "ack")->first.kind, ANSWER_RST);
	}
}

static void test_battery_unacceptable_answers_are_not_believed(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){1, 2}, 2, 0, "syn");
	z.ports[1] = QUIZ_WRONG_ACK;
	z.ports[2] = QUIZ_BARE_RST;
	quiz_run(&z);
	assert_int_equal(result(0, "syn")->first.kind, ANSWER_SYNACK_WRONG);
	assert_int_equal(result(1, "syn")->first.kind, ANSWER_RST_WRONG);
	assert_int_equal(result(0, "syn")->asks, 3);
}

static void test_battery_walk_ends_at_the_host(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 50000, "syn,walk");
	z.ports[80] = QUIZ_OPEN;
	z.routers = 3;
	quiz_run(&z);
	const struct step_result *r = result(0, "walk");
	for (unsigned hop = 1; hop <= 3; hop++) {
		assert_int_equal(r[hop - 1].first.kind, ANSWER_TIME_EXCEEDED);
		assert_int_equal(r[hop - 1].first.from.bytes[3], hop);
		assert_int_equal(r[hop - 1].first.quote.changed, 0);
	}
	assert_int_equal(r[3].first.kind, ANSWER_SYNACK);
	assert_int_equal(r[4].asks, 0);
	assert_int_equal(z.battery.hops_known, 4);
}

static void test_battery_copies_of_a_synack_are_counted(void **state)
{
	(void)state;
	for (int cookies = 0; cookies <= 1; cookies++) {
		quiz_init(&z, (uint16_t[]){80}, 1, 0, "syn,cookie");
		z.ports[80] = QUIZ_OPEN;
		z.cookies = cookies;
		quiz_run(&z);
		const struct step_result *r = result(0, "cookie");
		assert_int_equal(r[0].copies, cookies ? 1 : 3);
		assert_int_equal(r[2].copies, cookies ? 1 : 3);
		assert_int_equal(seq_eq(r[0].first.seq, r[2].first.seq), cookies);
	}
}

static void test_battery_idle_time_is_found_by_halves(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 0, "syn,idle");
	z.ports[80] = QUIZ_OPEN;
	z.battery.config.ports[0].idle_ns = 100 * S;
	z.routers = 1;
	z.filter_at = 1;
	z.forgets_ns = 37 * S;
	quiz_run(&z);
	const struct battery_port *p = &z.battery.config.ports[0];
	assert_true(p->idle_alive_ns <= 37 * S && p->idle_dead_ns > 36 * S);
	assert_true(p->idle_dead_ns - p->idle_alive_ns <= p->idle_dead_ns / 10);
}

static void test_battery_idle_that_is_survived_is_asked_once(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 0, "syn,idle");
	z.ports[80] = QUIZ_OPEN;
	quiz_run(&z);
	assert_int_equal(z.battery.config.ports[0].idle_alive_ns, 5 * S);
	assert_int_equal(z.battery.config.ports[0].idle_dead_ns, 0);
}

static void test_battery_stop_resets_and_ends(void **state)
{
	(void)state;
	struct segment_spec spec;
	quiz_init(&z, (uint16_t[]){25, 26}, 2, 0, "syn,ack");
	z.ports[25] = z.ports[26] = QUIZ_DROP;
	assert_true(battery_next(&z.battery, &spec, 0));
	battery_stop(&z.battery, S / 2);
	for (int i = 0; i < 10; i++)
		assert_false(battery_next(&z.battery, &spec, S / 2 + i * S));
	assert_int_equal(battery_deadline(&z.battery), -1);
}

static void test_battery_rate_is_kept(void **state)
{
	(void)state;
	uint16_t ports[60];
	for (uint16_t i = 0; i < ARRAY_COUNT(ports); i++)
		ports[i] = (uint16_t)(1 + i);
	quiz_init(&z, ports, ARRAY_COUNT(ports), 0, "syn");
	quiz_run(&z);
	/* 100 a second, with what a late wake-up may make good: two. */
	for (uint32_t i = 12; i < z.log_count; i++)
		assert_true(z.log[i].time_ns - z.log[i - 12].time_ns >= S / 10);
}

static void test_battery_foreign_segments_are_not_ours(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 0, "syn");
	struct segment s = {.src = {z.battery.config.remote, 80},
			    .dst = {z.battery.config.local, 40000}};
	assert_true(battery_segment(&z.battery, &s, false, S, S));
	s.src.port = 81;
	assert_false(battery_segment(&z.battery, &s, false, S, S));
	s.src.port = 80;
	s.dst.port = 1;
	assert_false(battery_segment(&z.battery, &s, false, S, S));
	s.dst.port = 40000;
	s.src.addr.bytes[3] ^= 1;
	assert_false(battery_segment(&z.battery, &s, false, S, S));
}

static void test_battery_reading_is_never_empty(void **state)
{
	(void)state;
	for (int q = 0; q < ASK_COUNT; q++)
		for (int k = 0; k < ANSWER_KIND_COUNT; k++)
			assert_true(strlen(battery_reading((enum question)q, (enum answer_kind)k)) >
				    5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_battery_every_row_has_a_name_and_an_end),
		cmocka_unit_test(test_battery_open_port_is_answered_at_once),
		cmocka_unit_test(test_battery_leaves_nothing_half_open),
		cmocka_unit_test(test_battery_silence_is_asked_three_times_a_second_apart),
		cmocka_unit_test(test_battery_silent_port_hears_one_a_second),
		cmocka_unit_test(test_battery_icmp_limit_makes_no_port_silent),
		cmocka_unit_test(test_battery_late_answer_counts),
		cmocka_unit_test(test_battery_loss_is_asked_again),
		cmocka_unit_test(test_battery_unacceptable_answers_are_not_believed),
		cmocka_unit_test(test_battery_walk_ends_at_the_host),
		cmocka_unit_test(test_battery_copies_of_a_synack_are_counted),
		cmocka_unit_test(test_battery_idle_time_is_found_by_halves),
		cmocka_unit_test(test_battery_idle_that_is_survived_is_asked_once),
		cmocka_unit_test(test_battery_stop_resets_and_ends),
		cmocka_unit_test(test_battery_rate_is_kept),
		cmocka_unit_test(test_battery_foreign_segments_are_not_ours),
		cmocka_unit_test(test_battery_reading_is_never_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

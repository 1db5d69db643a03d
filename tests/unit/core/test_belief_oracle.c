/*
 * Beliefs beside an oracle that enumerates every execution of a concrete end (tests/oracle):
 * the depths that a minute allows. tests/oracle/run.sh goes deeper.
 */
#include "../../support/cm.h"

#include "../../oracle/oracle.c"
#include "../../oracle/oracle_end.c"

#include "../../../src/core/belief_internal.h"

static void begin(struct belief *b, bool stacks)
{
	belief_begin(b, BELIEF_FRESH, stacks ? ORIGINS_REMOTE : ORIGIN_RFC | ORIGIN_ABNORMAL);
}

/* Never a true state missing; and no looser than docs/inference.md section 7 says. */
static void run(struct oracle_config config, uint64_t loose, uint64_t proven_loose)
{
	struct oracle_result r;
	config.begin = begin;
	oracle_run(&config, &r);
	print_message("# %llu histories, possible loose in %llu, proven loose in %llu\n",
		      (unsigned long long)r.histories, (unsigned long long)r.loose,
		      (unsigned long long)r.proven_loose);
	assert_true(r.histories > 500);
	assert_int_equal(r.unsound, 0);
	assert_int_equal(r.proven_unsound, 0);
	assert_int_equal(r.refused, 0);
	assert_int_equal(r.expected_wrong, 0);
	assert_int_equal(r.not_nested, 0);
	assert_true(r.loose <= loose);
	assert_true(r.proven_loose <= proven_loose);
}

static void test_belief_oracle_by_the_book(void **state)
{
	(void)state;
	run((struct oracle_config){.depth = 4, .text_limit = 2, .lives = 1}, 0, 8);
}

static void test_belief_oracle_hostile_segments(void **state)
{
	(void)state;
	run((struct oracle_config){.depth = 3, .text_limit = 2, .lives = 1, .hostile = true}, 0, 0);
}

/* Its end knows fewer habits than the table: not those that lwIP and libslirp have taught. */
static void test_belief_oracle_habits_of_stacks(void **state)
{
	(void)state;
	run(
		(struct oracle_config){
			.depth = 3, .text_limit = 2, .lives = 1, .hostile = true, .stacks = true},
		334, 68);
}

static void test_belief_oracle_two_incarnations(void **state)
{
	(void)state;
	run((struct oracle_config){.depth = 3, .text_limit = 2, .lives = 2}, 0, 0);
}

static void test_belief_oracle_long_walks(void **state)
{
	(void)state;
	run(
		(struct oracle_config){
			.depth = 9, .text_limit = 2, .lives = 1, .walks = 100, .seed = 7},
		9, 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_belief_oracle_by_the_book),
		cmocka_unit_test(test_belief_oracle_hostile_segments),
		cmocka_unit_test(test_belief_oracle_habits_of_stacks),
		cmocka_unit_test(test_belief_oracle_two_incarnations),
		cmocka_unit_test(test_belief_oracle_long_walks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is believed of other TCPs beside the states that they have: lwIP and libslirp, in this
 * process. tests/stacks has the parts; `make stacks` goes on.
 */
#include "../stacks/walk.h"
#include "../support/cm.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALKS 100
#define WALKS_SEED 1 /* another: SYNSCOPE_SEED */

static uint64_t seed(void)
{
	const char *text = getenv("SYNSCOPE_SEED");
	return text != NULL ? strtoull(text, NULL, 0) : WALKS_SEED;
}

static void skip_without(const struct stack *stack, const char *name, const char *package)
{
	if (stack != NULL)
		return;
	fprintf(stderr, "# skipped: %s (%s) is not installed\n", name, package);
	skip();
}

/* @param least percentage of the quiet steps after which `expected` was right. By the book a SYN
 * in SYN-SENT is a simultaneous open; lwIP ignores it, and answers the ACK that follows with a RST.
 */
static void walk(const struct stack *stack, unsigned least)
{
	const struct walk_config config = {.stack = stack,
					   .walks = WALKS,
					   .seed = seed(),
					   .steps = WALK_STEPS,
					   .tell = stderr};
	struct walk_result result;
	walk_run(&config, &result);
	walk_print(stderr, &config, &result);
	assert_null(result.broken);
	assert_int_equal(result.quiet.walks + result.wild.walks, WALKS);
	assert_int_equal(result.unsound, 0);
	assert_int_equal(result.quiet.figures.problems[WATCH_NOT_NESTED], 0);
	assert_int_equal(result.wild.figures.problems[WATCH_NOT_NESTED], 0);
	assert_true(result.quiet.rests_right * 100 > result.quiet.rests * least);
}

static void test_walks_lwip_is_never_impossible(void **state)
{
	(void)state;
	skip_without(stack_lwip(), "lwIP", "liblwip-dev");
	walk(stack_lwip(), 75);
}

static void test_walks_libslirp_is_never_impossible(void **state)
{
	(void)state;
	skip_without(stack_slirp(), "libslirp", "libslirp-dev");
	walk(stack_slirp(), 95);
}

/* lwIP, but for one state of it. */
static const char *lying_state(void)
{
	const char *truth = stack_lwip()->state();
	return strcmp(truth, "ESTABLISHED") == 0 ? "TIME-WAIT" : truth;
}

static void test_walks_of_a_liar_are_unsound(void **state)
{
	(void)state;
	skip_without(stack_lwip(), "lwIP", "liblwip-dev");
	struct stack liar = *stack_lwip();
	liar.state = lying_state;
	const struct walk_config config = {
		.stack = &liar, .walks = 20, .seed = 1, .steps = WALK_STEPS};
	struct walk_result result;
	walk_run(&config, &result);
	assert_null(result.broken);
	assert_true(result.unsound > 5);
	assert_false(walk_is_sound(&result));
}

static void test_walks_repeat_with_their_seed(void **state)
{
	(void)state;
	skip_without(stack_lwip(), "lwIP", "liblwip-dev");
	const struct walk_config config = {
		.stack = stack_lwip(), .walks = 20, .seed = 7, .steps = WALK_STEPS};
	struct walk_result first, second;
	walk_run(&config, &first);
	walk_run(&config, &second);
	assert_memory_equal(&first, &second, sizeof first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_lwip_is_never_impossible),
		cmocka_unit_test(test_walks_libslirp_is_never_impossible),
		cmocka_unit_test(test_walks_of_a_liar_are_unsound),
		cmocka_unit_test(test_walks_repeat_with_their_seed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/core/seq.h"

#include "../../support/cm.h"

/* How a is to b. At a distance of exactly 2^31 each is before the other; RFC 9293
 * section 3.4 leaves that case open, and windows stay below 2^30 (RFC 7323 section 2.3). */
static const struct order_case {
	const char *name;
	uint32_t a;
	uint32_t b;
	bool lt;
	bool gt;
} orders[] = {
	{"equal at 0", 0, 0, false, false},
	{"equal at the top", UINT32_MAX, UINT32_MAX, false, false},
	{"next to each other", 1, 2, true, false},
	{"the top is before 0", UINT32_MAX, 0, true, false},
	{"0 is after the top", 0, UINT32_MAX, false, true},
	{"across the wrap, far", 0xffff0000, 0x0000ffff, true, false},
	{"just below half", 0, 0x7fffffff, true, false},
	{"just above half", 0, 0x80000001, false, true},
	{"just below half, across the wrap", 0x80000001, 0x00000002, false, true},
	{"exactly half", 0, 0x80000000, true, false},
	{"exactly half, turned", 0x80000000, 0, true, false},
};

static void test_seq_lt_le_gt_ge_follow_the_circle(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		const struct order_case *c = &orders[i];
		const seq_t a = seq_of(c->a);
		const seq_t b = seq_of(c->b);
		const bool equal = c->a == c->b;
		if (seq_lt(a, b) != c->lt || seq_gt(a, b) != c->gt ||
		    seq_le(a, b) != (c->lt || equal) || seq_ge(a, b) != (c->gt || equal) ||
		    seq_eq(a, b) != equal)
			fail_msg("%s", c->name);
	}
}

static void test_seq_diff_across_wrap_is_signed_distance(void **state)
{
	(void)state;
	assert_int_equal(seq_diff(seq_of(4), seq_of(0xfffffffe)), 6);
	assert_int_equal(seq_diff(seq_of(0xfffffffe), seq_of(4)), -6);
	assert_int_equal(seq_diff(seq_of(0x80000000), seq_of(0)), INT32_MIN);
}

static void test_seq_add_and_sub_wrap(void **state)
{
	(void)state;
	assert_int_equal(seq_add(seq_of(0xfffffffe), 5).raw, 3);
	assert_int_equal(seq_sub(seq_of(3), 5).raw, 0xfffffffe);
	assert_int_equal(seq_add(seq_of(7), 0).raw, 7);
	assert_int_equal(seq_sub(seq_add(seq_of(12345), UINT32_MAX), UINT32_MAX).raw, 12345);
}

static void test_seq_rel_across_wrap_counts_from_the_isn(void **state)
{
	(void)state;
	assert_int_equal(seq_rel(seq_of(2), seq_of(0xfffffffd)), 5);
	assert_int_equal(seq_rel(seq_of(0xfffffffd), seq_of(0xfffffffd)), 0);
	assert_int_equal(seq_rel(seq_of(0xfffffffc), seq_of(0xfffffffd)), UINT32_MAX);
}

static void test_seq_max_and_min_across_wrap_follow_the_circle(void **state)
{
	(void)state;
	assert_int_equal(seq_max(seq_of(0xfffffff0), seq_of(5)).raw, 5);
	assert_int_equal(seq_min(seq_of(0xfffffff0), seq_of(5)).raw, 0xfffffff0);
	assert_int_equal(seq_max(seq_of(8), seq_of(9)).raw, 9);
	assert_int_equal(seq_min(seq_of(8), seq_of(9)).raw, 8);
}

static void test_seq_within_across_wrap_has_both_edges(void **state)
{
	(void)state;
	const seq_t first = seq_of(0xfffffffe);
	assert_false(seq_within(seq_of(0xfffffffd), first, 4));
	assert_true(seq_within(seq_of(0xfffffffe), first, 4));
	assert_true(seq_within(seq_of(0), first, 4));
	assert_true(seq_within(seq_of(1), first, 4));
	assert_false(seq_within(seq_of(2), first, 4));
}

static void test_seq_within_no_numbers_is_never_true(void **state)
{
	(void)state;
	assert_false(seq_within(seq_of(7), seq_of(7), 0));
	assert_false(seq_within(seq_of(8), seq_of(7), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seq_lt_le_gt_ge_follow_the_circle),
		cmocka_unit_test(test_seq_diff_across_wrap_is_signed_distance),
		cmocka_unit_test(test_seq_add_and_sub_wrap),
		cmocka_unit_test(test_seq_rel_across_wrap_counts_from_the_isn),
		cmocka_unit_test(test_seq_max_and_min_across_wrap_follow_the_circle),
		cmocka_unit_test(test_seq_within_across_wrap_has_both_edges),
		cmocka_unit_test(test_seq_within_no_numbers_is_never_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

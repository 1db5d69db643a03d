#include "synscope/core/bytes.h"

#include "../../support/cm.h"

#include <string.h>

static const uint8_t counted[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};

static void test_bytes_of_null_and_none_is_empty_and_ok(void **state)
{
	(void)state;
	struct bytes b = bytes_of(NULL, 0);
	assert_true(bytes_ok(&b));
	assert_int_equal(bytes_left(&b), 0);
	assert_int_equal(bytes_u8(&b), 0);
	assert_false(bytes_ok(&b));
}

static void test_bytes_reads_take_network_order(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, sizeof(counted));
	assert_int_equal(bytes_u8(&b), 0x01);
	assert_int_equal(bytes_be16(&b), 0x0203);
	assert_int_equal(bytes_be32(&b), 0x04050607);
	assert_int_equal(bytes_left(&b), 2);
	b = bytes_of(counted, 8);
	assert_true(bytes_be64(&b) == UINT64_C(0x0102030405060708));
	assert_int_equal(bytes_left(&b), 0);
	assert_true(bytes_ok(&b));
}

static void test_bytes_reads_take_little_endian(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, sizeof(counted));
	assert_int_equal(bytes_le16(&b), 0x0201);
	assert_int_equal(bytes_le32(&b), 0x06050403);
	assert_int_equal(bytes_left(&b), 3);
}

static void test_bytes_reads_with_high_bits_are_not_negative(void **state)
{
	(void)state;
	static const uint8_t ones[] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8};
	struct bytes b = bytes_of(ones, 8);
	assert_int_equal(bytes_be16(&b), 0xfffe);
	assert_true(bytes_be32(&b) == 0xfdfcfbfau);
	b = bytes_of(ones, 8);
	assert_true(bytes_be64(&b) == UINT64_C(0xfffefdfcfbfaf9f8));
	b = bytes_of(ones, 8);
	assert_true(bytes_le32(&b) == 0xfcfdfeffu);
}

/* Each read on one byte too few: 0, poisoned, nothing left, and the next read too. */
static void test_bytes_read_past_the_end_poisons(void **state)
{
	(void)state;
	for (size_t count = 0; count < 8; count++) {
		struct bytes b = bytes_of(counted, count);
		assert_true(bytes_be64(&b) == 0);
		assert_false(bytes_ok(&b));
		assert_int_equal(bytes_left(&b), 0);
		assert_int_equal(bytes_u8(&b), 0);
		if (count < 4) {
			b = bytes_of(counted, count);
			assert_int_equal(bytes_be32(&b), 0);
			assert_false(bytes_ok(&b));
			b = bytes_of(counted, count);
			assert_int_equal(bytes_le32(&b), 0);
			assert_false(bytes_ok(&b));
		}
		if (count < 2) {
			b = bytes_of(counted, count);
			assert_int_equal(bytes_be16(&b), 0);
			assert_false(bytes_ok(&b));
			b = bytes_of(counted, count);
			assert_int_equal(bytes_le16(&b), 0);
			assert_false(bytes_ok(&b));
		}
	}
}

static void test_bytes_skip_gives_where_it_began(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, 5);
	assert_ptr_equal(bytes_skip(&b, 3), counted);
	assert_ptr_equal(bytes_skip(&b, 0), counted + 3);
	assert_ptr_equal(bytes_skip(&b, 2), counted + 3);
	assert_true(bytes_ok(&b));
	assert_null(bytes_skip(&b, 1));
	assert_false(bytes_ok(&b));
}

static void test_bytes_skip_huge_count_poisons(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, 5);
	assert_null(bytes_skip(&b, SIZE_MAX));
	assert_false(bytes_ok(&b));
}

static void test_bytes_copy_too_many_gives_zeroes(void **state)
{
	(void)state;
	uint8_t to[4] = {9, 9, 9, 9};
	struct bytes b = bytes_of(counted, 4);
	bytes_copy(&b, to, 3);
	assert_memory_equal(to, counted, 3);
	assert_int_equal(to[3], 9);
	bytes_copy(&b, to, 2);
	assert_int_equal(to[0], 0);
	assert_int_equal(to[1], 0);
	assert_int_equal(to[2], 3);
	assert_false(bytes_ok(&b));
}

static void test_bytes_take_bounds_the_part(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, 9);
	struct bytes part = bytes_take(&b, 2);
	assert_int_equal(bytes_be16(&part), 0x0102);
	assert_int_equal(bytes_u8(&part), 0);
	assert_false(bytes_ok(&part));
	assert_true(bytes_ok(&b));
	assert_int_equal(bytes_u8(&b), 0x03);
}

static void test_bytes_take_too_many_poisons_both(void **state)
{
	(void)state;
	struct bytes b = bytes_of(counted, 3);
	struct bytes part = bytes_take(&b, 4);
	assert_false(bytes_ok(&part));
	assert_false(bytes_ok(&b));
	assert_int_equal(bytes_left(&part), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_of_null_and_none_is_empty_and_ok),
		cmocka_unit_test(test_bytes_reads_take_network_order),
		cmocka_unit_test(test_bytes_reads_take_little_endian),
		cmocka_unit_test(test_bytes_reads_with_high_bits_are_not_negative),
		cmocka_unit_test(test_bytes_read_past_the_end_poisons),
		cmocka_unit_test(test_bytes_skip_gives_where_it_began),
		cmocka_unit_test(test_bytes_skip_huge_count_poisons),
		cmocka_unit_test(test_bytes_copy_too_many_gives_zeroes),
		cmocka_unit_test(test_bytes_take_bounds_the_part),
		cmocka_unit_test(test_bytes_take_too_many_poisons_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

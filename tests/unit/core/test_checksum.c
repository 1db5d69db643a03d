#include "synscope/core/checksum.h"

#include "../../support/cm.h"

#include <string.h>

static void test_checksum_add_example_of_rfc_1071(void **state)
{
	(void)state;
	/* RFC 1071 section 3: the sum is 2ddf0, folded ddf2 */
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	assert_int_equal(checksum_fold(checksum_add(0, example, sizeof(example))), 0xddf2);
}

/* The definition, one word at a time. */
static uint16_t sum_slowly(const uint8_t *data, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i += 2)
		sum += (uint32_t)(data[i] << 8) + (i + 1 < count ? data[i + 1] : 0u);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void test_checksum_add_every_length_and_start_agrees_with_definition(void **state)
{
	(void)state;
	uint8_t data[300];
	uint32_t noise = 1;
	for (size_t i = 0; i < sizeof(data); i++) {
		noise = noise * 1664525 + 1013904223;
		data[i] = (uint8_t)(noise >> 24);
	}
	for (size_t start = 0; start < 9; start++) {
		for (size_t count = 0; count <= sizeof(data) - start; count++) {
			const uint8_t *from = data + start;
			assert_int_equal(checksum_fold(checksum_add(0, from, count)),
					 sum_slowly(from, count));
		}
	}
}

static void test_checksum_add_in_parts_is_the_whole(void **state)
{
	(void)state;
	static const uint8_t data[] = {0xff, 0xff, 0xff, 0xfe, 0x12, 0x34, 0x00, 0x01, 0x77};
	uint32_t sum = checksum_add(0, data, 2);
	sum = checksum_add(sum, data + 2, 6);
	sum = checksum_add(sum, data + 8, 1);
	assert_int_equal(checksum_fold(sum), sum_slowly(data, sizeof(data)));
}

/* What segmentation offload makes is larger than 64 KB; all ones is the largest sum. */
static void test_checksum_add_half_a_megabyte_of_ones_does_not_overflow(void **state)
{
	(void)state;
	static uint8_t ones[512 * 1024 + 1];
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(checksum_fold(checksum_add(0, ones, sizeof(ones))),
			 sum_slowly(ones, sizeof(ones)));
}

static void test_checksum_add_nothing_keeps_the_sum(void **state)
{
	(void)state;
	assert_int_equal(checksum_add(0x12345, NULL, 0), 0x12345);
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(0xffff), 0xffff);
	assert_int_equal(checksum_fold(0xffffffff), 0xffff);
	assert_int_equal(checksum_fold(0x1fffe), 0xffff);
}

/* IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [P.], seq 4294967294:3, ack 7, win 501, length 5 */
static const uint8_t segment_v4[] = {
	0x00, 0x50, 0x9c, 0x40, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x07, 0x50,
	0x18, 0x01, 0xf5, 0x49, 0x66, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
};
static const struct ip_addr v4_src = {IP_V4, {192, 0, 2, 2}};
static const struct ip_addr v4_dst = {IP_V4, {192, 0, 2, 1}};

/* IP6 2001:db8::2.80 > 2001:db8::1.40000: Flags [S.], seq 5000000, ack 1000001, win 65535, length 0
 */
static const uint8_t segment_v6[] = {
	0x00, 0x50, 0x9c, 0x40, 0x00, 0x4c, 0x4b, 0x40, 0x00, 0x0f,
	0x42, 0x41, 0x50, 0x12, 0xff, 0xff, 0x29, 0xf1, 0x00, 0x00,
};
static const struct ip_addr v6_src = {IP_V6, {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
static const struct ip_addr v6_dst = {IP_V6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

static uint16_t field_of(const uint8_t *segment)
{
	return (uint16_t)(segment[16] << 8 | segment[17]);
}

static void test_checksum_judge_right_sum_is_good(void **state)
{
	(void)state;
	assert_int_equal(checksum_judge(&v4_src, &v4_dst, 6, segment_v4, sizeof(segment_v4),
					field_of(segment_v4)),
			 CHECKSUM_GOOD);
	assert_int_equal(checksum_judge(&v6_src, &v6_dst, 6, segment_v6, sizeof(segment_v6),
					field_of(segment_v6)),
			 CHECKSUM_GOOD);
}

static void test_checksum_judge_each_bit_flipped_is_bad(void **state)
{
	(void)state;
	uint8_t copy[sizeof(segment_v4)];
	for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
		memcpy(copy, segment_v4, sizeof(copy));
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
			checksum_judge(&v4_src, &v4_dst, 6, copy, sizeof(copy), field_of(copy)),
			CHECKSUM_BAD);
	}
}

static void test_checksum_judge_other_address_or_protocol_is_bad(void **state)
{
	(void)state;
	const struct ip_addr other = {IP_V4, {192, 0, 2, 3}};
	assert_int_equal(checksum_judge(&other, &v4_dst, 6, segment_v4, sizeof(segment_v4),
					field_of(segment_v4)),
			 CHECKSUM_BAD);
	assert_int_equal(checksum_judge(&v4_src, &v4_dst, 17, segment_v4, sizeof(segment_v4),
					field_of(segment_v4)),
			 CHECKSUM_BAD);
}

/* c0000202 + c0000201 + 6 + 20, folded: 841e, and not complemented */
static void test_checksum_judge_pseudo_header_sum_is_partial(void **state)
{
	(void)state;
	/* IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [S.E], cksum 0x841e (incorrect) */
	uint8_t partial[] = {
		0x00, 0x50, 0x9c, 0x40, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00,
		0x00, 0x06, 0x50, 0x52, 0x00, 0x01, 0x84, 0x1e, 0x00, 0x00,
	};
	assert_int_equal(checksum_judge(&v4_src, &v4_dst, 6, partial, 20, field_of(partial)),
			 CHECKSUM_PARTIAL);
	partial[17] ^= 1;
	assert_int_equal(checksum_judge(&v4_src, &v4_dst, 6, partial, 20, field_of(partial)),
			 CHECKSUM_BAD);
	partial[16] = 0x7b; /* the complement of the pseudo-header sum is no partial checksum */
	partial[17] = 0xe1;
	assert_int_equal(checksum_judge(&v4_src, &v4_dst, 6, partial, 20, field_of(partial)),
			 CHECKSUM_BAD);
}

static void test_checksum_add_pseudo_long_length_is_32_bits(void **state)
{
	(void)state;
	const struct ip_addr zero = {IP_V6, {0}};
	assert_int_equal(checksum_fold(checksum_add_pseudo(0, &zero, &zero, 6, 0x00020003)),
			 2 + 3 + 6);
}

static void test_checksum_state_name_is_the_vocabulary(void **state)
{
	(void)state;
	assert_string_equal(checksum_state_name(CHECKSUM_GOOD), "good");
	assert_string_equal(checksum_state_name(CHECKSUM_PARTIAL), "partial");
	assert_string_equal(checksum_state_name(CHECKSUM_BAD), "bad");
	assert_string_equal(checksum_state_name(CHECKSUM_UNKNOWN), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_add_example_of_rfc_1071),
		cmocka_unit_test(test_checksum_add_every_length_and_start_agrees_with_definition),
		cmocka_unit_test(test_checksum_add_in_parts_is_the_whole),
		cmocka_unit_test(test_checksum_add_half_a_megabyte_of_ones_does_not_overflow),
		cmocka_unit_test(test_checksum_add_nothing_keeps_the_sum),
		cmocka_unit_test(test_checksum_judge_right_sum_is_good),
		cmocka_unit_test(test_checksum_judge_each_bit_flipped_is_bad),
		cmocka_unit_test(test_checksum_judge_other_address_or_protocol_is_bad),
		cmocka_unit_test(test_checksum_judge_pseudo_header_sum_is_partial),
		cmocka_unit_test(test_checksum_add_pseudo_long_length_is_32_bits),
		cmocka_unit_test(test_checksum_state_name_is_the_vocabulary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

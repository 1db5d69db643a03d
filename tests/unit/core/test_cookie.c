#include "synscope/core/cookie.h"

#include "../../support/cm.h"

#include "synscope/core/util.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

static const struct cookie_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static struct endpoint at(uint8_t last, uint16_t port)
{
	const uint8_t bytes[4] = {192, 0, 2, last};
	return (struct endpoint){ip_addr_v4(bytes), port};
}

static struct segment syn_of(uint16_t mss)
{
	return (struct segment){
		.src = at(1, 40000),
		.dst = at(2, 80),
		.seq = seq_of(0xfffffffe),
		.flags = TCP_SYN,
		.window = 64240,
		.option = {.has_mss = mss != 0, .mss = mss},
	};
}

static struct segment ack_of(const struct segment *syn, seq_t cookie)
{
	return (struct segment){
		.src = syn->src,
		.dst = syn->dst,
		.seq = seq_add(syn->seq, 1),
		.ack = seq_add(cookie, 1),
		.flags = TCP_ACK,
		.window = 501,
	};
}

/* The vectors that its authors published with it: key 00 01 .. 0f, message 00 01 .. */
static void test_cookie_hash_is_siphash_2_4(void **state)
{
	(void)state;
	static const struct {
		size_t count;
		uint64_t hash;
	} vectors[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},
		{1, UINT64_C(0x74f839c593dc67fd)},
		{8, UINT64_C(0x93f5f5799a932462)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	uint8_t message[15];
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
		assert_true(cookie_hash(&key, message, vectors[i].count) == vectors[i].hash);
}

static void test_cookie_check_good_for_64_to_128_seconds(void **state)
{
	(void)state;
	const struct segment syn = syn_of(1460);
	const int64_t made_ns = 1000 * SECOND; /* 40 s into a tick of 64 */
	const struct segment ack = ack_of(&syn, cookie_make(&key, &syn, made_ns));
	struct segment back;
	assert_true(cookie_check(&key, &ack, made_ns, &back));
	assert_true(cookie_check(&key, &ack, made_ns + 64 * SECOND, &back));
	assert_true(cookie_check(&key, &ack, made_ns + 87 * SECOND, &back));
	assert_false(cookie_check(&key, &ack, made_ns + 88 * SECOND, &back));
	assert_false(cookie_check(&key, &ack, made_ns + 64 * 32 * SECOND + 128 * SECOND, &back));
	assert_false(cookie_check(&key, &ack, made_ns - 64 * SECOND, &back)); /* of the future */
}

static void test_cookie_check_gives_the_syn_back(void **state)
{
	(void)state;
	struct segment syn = syn_of(1500);
	struct segment back;
	struct segment ack = ack_of(&syn, cookie_make(&key, &syn, SECOND));
	assert_true(cookie_check(&key, &ack, SECOND, &back));
	assert_int_equal(back.flags, TCP_SYN);
	assert_true(seq_eq(back.seq, syn.seq));
	assert_true(endpoint_equal(&back.src, &syn.src) && endpoint_equal(&back.dst, &syn.dst));
	assert_true(back.option.has_mss);
	assert_int_equal(back.option.mss, 1460); /* the largest of eight that fits 1500 */
	assert_false(back.option.has_timestamps || back.option.has_wscale ||
		     back.option.sack_permitted);
	assert_int_equal(back.payload_bytes, 0);
}

static void test_cookie_timestamp_carries_the_options(void **state)
{
	(void)state;
	for (uint8_t wscale = 0; wscale <= 14; wscale++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			struct segment syn = syn_of(1460);
			struct segment back;
			syn.option.has_wscale = (bits & 1) != 0;
			syn.option.wscale = wscale;
			syn.option.sack_permitted = (bits & 2) != 0;
			syn.flags |= bits & 4 ? TCP_ECE | TCP_CWR : 0;
			struct segment ack = ack_of(&syn, cookie_make(&key, &syn, SECOND));
			ack.option.has_timestamps = true;
			ack.option.ts_value = 7777;
			ack.option.ts_echo = cookie_timestamp(0x10 + bits * 0x1000, &syn);
			assert_true(cookie_check(&key, &ack, SECOND, &back));
			assert_int_equal(back.option.has_wscale, syn.option.has_wscale);
			assert_int_equal(back.option.wscale, syn.option.has_wscale ? wscale : 0);
			assert_int_equal(back.option.sack_permitted, syn.option.sack_permitted);
			assert_int_equal(back.flags, syn.flags);
			assert_int_equal(back.option.ts_value, 7777);
		}
	}
}

static void test_cookie_timestamp_never_ahead_of_the_clock(void **state)
{
	(void)state;
	struct segment syn = syn_of(1460);
	syn.option.sack_permitted = true;
	for (uint32_t ts = 0xffffff00; ts != 0x100; ts++) {
		const int32_t back = (int32_t)(ts - cookie_timestamp(ts, &syn));
		assert_true(back >= 0 && back <= 127);
	}
}

static void test_cookie_check_refuses_what_it_did_not_make(void **state)
{
	(void)state;
	const struct segment syn = syn_of(1460);
	const struct segment good = ack_of(&syn, cookie_make(&key, &syn, SECOND));
	const struct cookie_key other = {{1, 2}};
	struct segment back;
	struct segment bad = good;
	assert_false(cookie_check(&other, &good, SECOND, &back));
	for (unsigned bit = 0; bit < 32; bit++) {
		bad.ack = seq_of(good.ack.raw ^ 1u << bit);
		assert_false(cookie_check(&key, &bad, SECOND, &back));
		bad.ack = good.ack;
		bad.seq = seq_of(good.seq.raw ^ 1u << bit);
		assert_false(cookie_check(&key, &bad, SECOND, &back));
		bad.seq = good.seq;
	}
	bad.src.port++;
	assert_false(cookie_check(&key, &bad, SECOND, &back));
	bad = good;
	bad.flags = TCP_ACK | TCP_SYN;
	assert_false(cookie_check(&key, &bad, SECOND, &back));
	bad.flags = TCP_ACK | TCP_RST;
	assert_false(cookie_check(&key, &bad, SECOND, &back));
}

static void test_cookie_make_mss_is_never_above_what_was_offered(void **state)
{
	(void)state;
	static const uint16_t offers[] = {1, 48, 100, 535, 536, 1459, 1460, 9000, 65535};
	for (size_t i = 0; i < ARRAY_COUNT(offers); i++) {
		struct segment syn = syn_of(offers[i]);
		struct segment back;
		const struct segment ack = ack_of(&syn, cookie_make(&key, &syn, SECOND));
		assert_true(cookie_check(&key, &ack, SECOND, &back));
		assert_true(back.option.mss <= (offers[i] < 48 ? 48 : offers[i]));
	}
	struct segment none = syn_of(0);
	struct segment back;
	const struct segment ack = ack_of(&none, cookie_make(&key, &none, SECOND));
	assert_true(cookie_check(&key, &ack, SECOND, &back));
	assert_int_equal(back.option.mss, 536);
}

static void test_cookie_isn_moves_by_the_clock_and_differs_by_ends(void **state)
{
	(void)state;
	const struct endpoint local = at(2, 80);
	const struct endpoint remote = at(1, 40000);
	const struct endpoint another = at(1, 40001);
	const seq_t isn = cookie_isn(&key, &local, &remote, 0);
	assert_int_equal(seq_diff(cookie_isn(&key, &local, &remote, SECOND), isn), 250000);
	assert_false(seq_eq(isn, cookie_isn(&key, &local, &another, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_hash_is_siphash_2_4),
		cmocka_unit_test(test_cookie_check_good_for_64_to_128_seconds),
		cmocka_unit_test(test_cookie_check_gives_the_syn_back),
		cmocka_unit_test(test_cookie_timestamp_carries_the_options),
		cmocka_unit_test(test_cookie_timestamp_never_ahead_of_the_clock),
		cmocka_unit_test(test_cookie_check_refuses_what_it_did_not_make),
		cmocka_unit_test(test_cookie_make_mss_is_never_above_what_was_offered),
		cmocka_unit_test(test_cookie_isn_moves_by_the_clock_and_differs_by_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

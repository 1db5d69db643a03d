#include "synscope/core/option.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"

#include <string.h>

/* What a walk over the bytes gives: the kinds, then how it ended. */
static const struct walk_case {
	const char *name;
	uint8_t bytes[12];
	uint8_t count;
	uint8_t kinds[6];
	uint8_t kinds_count;
	enum option_status end;
} walks[] = {
	{"nothing", {0}, 0, {0}, 0, OPTION_END},
	{"nop, nop", {1, 1}, 2, {1, 1}, 2, OPTION_END},
	{"mss", {2, 4, 5, 0xb4}, 4, {2}, 1, OPTION_END},
	{"sackOK, nop, wscale 7", {4, 2, 1, 3, 3, 7}, 6, {4, 1, 3}, 3, OPTION_END},
	{"eol hides the rest", {1, 0, 2, 0}, 4, {1, 0}, 2, OPTION_END},
	{"length 0", {2, 0, 5, 0xb4}, 4, {0}, 0, OPTION_BAD_LENGTH},
	{"length 1", {1, 2, 1, 5}, 4, {1}, 1, OPTION_BAD_LENGTH},
	{"no length byte", {1, 1, 1, 8}, 4, {1, 1, 1}, 3, OPTION_OVERRUN},
	{"one too long", {2, 4, 5, 0xb4, 8, 5, 1, 1}, 8, {2}, 1, OPTION_OVERRUN},
	{"length 255", {254, 255, 1, 1}, 4, {0}, 0, OPTION_OVERRUN},
	{"exactly to the end", {8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 10, {8}, 1, OPTION_END},
	{"unknown kind", {200, 3, 9, 1}, 4, {200, 1}, 2, OPTION_END},
};

static void test_option_next_gives_kinds_and_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(walks); i++) {
		const struct walk_case *w = &walks[i];
		struct option_cursor cursor = option_begin(w->bytes, w->count);
		struct option o;
		enum option_status status;
		uint8_t count = 0;
		while ((status = option_next(&cursor, &o)) == OPTION_OK) {
			if (count >= w->kinds_count || o.kind != w->kinds[count])
				fail_msg("%s: option %d is kind %d", w->name, count, o.kind);
			count++;
		}
		if (count != w->kinds_count || status != w->end)
			fail_msg("%s: %d options, end %d", w->name, count, status);
		if (option_next(&cursor, &o) != OPTION_END)
			fail_msg("%s: went on after the end", w->name);
	}
}

static void test_option_next_body_borrows_the_bytes(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {4, 2, 3, 3, 7, 1};
	struct option_cursor cursor = option_begin(bytes, sizeof(bytes));
	struct option o;
	assert_int_equal(option_next(&cursor, &o), OPTION_OK);
	assert_int_equal(o.length_bytes, 2);
	assert_int_equal(o.body_bytes, 0);
	assert_null(o.body);
	assert_int_equal(option_next(&cursor, &o), OPTION_OK);
	assert_int_equal(o.length_bytes, 3);
	assert_int_equal(o.body_bytes, 1);
	assert_ptr_equal(o.body, bytes + 4);
	assert_int_equal(option_next(&cursor, &o), OPTION_OK);
	assert_int_equal(o.length_bytes, 1);
	assert_null(o.body);
}

static void test_option_decode_syn_of_linux(void **state)
{
	(void)state;
	/* options [mss 1460,sackOK,TS val 16909060 ecr 84281096,nop,wscale 7] */
	static const uint8_t bytes[] = {0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x01, 0x02,
					0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x01, 0x03, 0x03, 0x07};
	struct option_set set;
	option_decode(&set, bytes, sizeof(bytes));
	assert_true(set.has_mss && set.sack_permitted && set.has_timestamps && set.has_wscale);
	assert_int_equal(set.mss, 1460);
	assert_int_equal(set.wscale, 7);
	assert_int_equal(set.ts_value, 0x01020304);
	assert_int_equal(set.ts_echo, 0x05060708);
	assert_false(set.malformed || set.has_unknown || set.has_fastopen || set.has_mptcp);
	assert_int_equal(set.sack_count, 0);
}

static void test_option_decode_sack_has_its_blocks(void **state)
{
	(void)state;
	/* options [nop,nop,sack 2 {1:3}{4294967295:16}] */
	static const uint8_t bytes[] = {1, 1, 5,    18,   0,    0,    0, 1, 0, 0,
					0, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 16};
	struct option_set set;
	option_decode(&set, bytes, sizeof(bytes));
	assert_false(set.malformed);
	assert_int_equal(set.sack_count, 2);
	assert_int_equal(set.sack[0].left, 1);
	assert_int_equal(set.sack[0].right, 3);
	assert_int_equal(set.sack[1].left, UINT32_MAX);
	assert_int_equal(set.sack[1].right, 16);
}

static void test_option_decode_four_sack_blocks_fit(void **state)
{
	(void)state;
	uint8_t bytes[34] = {5, 34};
	for (uint8_t i = 2; i < 34; i++)
		bytes[i] = i;
	struct option_set set;
	option_decode(&set, bytes, sizeof(bytes));
	assert_int_equal(set.sack_count, 4);
	assert_int_equal(set.sack[3].right, 0x1e1f2021);
	assert_false(set.malformed);
}

/* Fields that a set is compared by; the rest must be as in an empty set. */
static const struct decode_case {
	const char *name;
	uint8_t bytes[24];
	uint8_t count;
	struct option_set expected;
} decodes[] = {
	{"none", {0}, 0, {0}},
	{"mss 0", {2, 4, 0, 0}, 4, {.has_mss = true}},
	{"mss of 3 bytes", {2, 3, 5, 1}, 4, {.malformed = true}},
	{"mss twice keeps the first",
	 {2, 4, 5, 0xb4, 2, 4, 0, 1},
	 8,
	 {.has_mss = true, .mss = 1460, .malformed = true}},
	{"wscale 255", {3, 3, 255, 0}, 4, {.has_wscale = true, .wscale = 255}},
	{"wscale of 4 bytes", {3, 4, 7, 7}, 4, {.malformed = true}},
	{"wscale twice",
	 {3, 3, 7, 3, 3, 8},
	 6,
	 {.has_wscale = true, .wscale = 7, .malformed = true}},
	{"sackOK of 3 bytes", {4, 3, 0, 0}, 4, {.malformed = true}},
	{"sackOK twice", {4, 2, 4, 2}, 4, {.sack_permitted = true, .malformed = true}},
	{"sack without blocks", {5, 2, 1, 1}, 4, {.malformed = true}},
	{"sack of half a block", {5, 6, 0, 0, 0, 1}, 6, {.malformed = true}},
	{"sack twice",
	 {5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4},
	 20,
	 {.sack_count = 1, .sack = {{1, 2}}, .malformed = true}},
	{"timestamps of 9 bytes", {8, 9, 0, 0, 0, 1, 0, 0, 0}, 9, {.malformed = true}},
	{"fastopen asks", {34, 2, 1, 1}, 4, {.has_fastopen = true}},
	{"fastopen, 8 bytes",
	 {34, 10, 1, 2, 3, 4, 5, 6, 7, 8},
	 10,
	 {.has_fastopen = true, .fastopen_bytes = 8}},
	{"fastopen, 2 bytes", {34, 4, 1, 2}, 4, {.malformed = true}},
	{"fastopen, 5 bytes", {34, 7, 1, 2, 3, 4, 5}, 7, {.malformed = true}},
	{"fastopen, 18 bytes", {34, 20}, 20, {.malformed = true}},
	{"experimental fastopen asks",
	 {254, 4, 0xf9, 0x89},
	 4,
	 {.has_fastopen = true, .fastopen_experimental = true}},
	{"experimental fastopen, 4 bytes, kind 253",
	 {253, 8, 0xf9, 0x89, 1, 2, 3, 4},
	 8,
	 {.has_fastopen = true, .fastopen_experimental = true, .fastopen_bytes = 4}},
	{"both forms of fastopen",
	 {34, 2, 254, 4, 0xf9, 0x89},
	 6,
	 {.has_fastopen = true, .malformed = true}},
	{"another experiment", {254, 4, 0xf9, 0x88}, 4, {.has_unknown = true}},
	{"an experiment without number", {253, 2, 254, 3, 1, 0}, 6, {.has_unknown = true}},
	{"two experiments", {254, 4, 1, 2, 254, 4, 3, 4}, 8, {.has_unknown = true}},
	{"md5", {19, 18}, 18, {.has_md5 = true}},
	{"md5 of 17 bytes", {19, 17}, 17, {.malformed = true}},
	{"ao", {29, 4, 1, 2}, 4, {.has_ao = true}},
	{"ao of 3 bytes", {29, 3, 1, 0}, 4, {.malformed = true}},
	{"user timeout", {28, 4, 0x80, 5}, 4, {.has_user_timeout = true, .user_timeout = 0x8005}},
	{"user timeout of 5 bytes", {28, 5, 0, 0, 5}, 5, {.malformed = true}},
	{"mptcp, ADD_ADDR",
	 {30, 8, 0x34, 1, 192, 0, 2, 1},
	 8,
	 {.has_mptcp = true, .mptcp_subtype = 3}},
	{"mptcp twice is allowed",
	 {30, 3, 0x20, 30, 3, 0x30},
	 6,
	 {.has_mptcp = true, .mptcp_subtype = 2}},
	{"mptcp without a subtype", {30, 2, 1, 1}, 4, {.malformed = true}},
	{"accecn, empty", {172, 2, 1, 1}, 4, {.has_accecn = true}},
	{"accecn, order 1, three counters", {174, 11}, 11, {.has_accecn = true}},
	{"accecn, half a counter", {174, 4, 0, 0}, 4, {.malformed = true}},
	{"accecn, four counters", {172, 14}, 14, {.malformed = true}},
	{"encryption negotiation", {69, 3, 1, 0}, 4, {0}},
	{"unknown", {99, 2, 6, 6, 0, 0, 0, 0}, 8, {.has_unknown = true}},
	{"what stands before an error holds",
	 {2, 4, 5, 0xb4, 8, 0, 3, 3, 7, 0},
	 10,
	 {.has_mss = true, .mss = 1460, .malformed = true}},
	{"overrun after sackOK", {4, 2, 3}, 3, {.sack_permitted = true, .malformed = true}},
	{"nothing is read after eol", {0, 4, 2, 0}, 4, {0}},
};

static bool same_set(const struct option_set *a, const struct option_set *b)
{
	for (uint8_t i = 0; i < SACK_BLOCKS_MAX; i++) {
		if (a->sack[i].left != b->sack[i].left || a->sack[i].right != b->sack[i].right)
			return false;
	}
	return a->has_mss == b->has_mss && a->has_wscale == b->has_wscale &&
	       a->sack_permitted == b->sack_permitted && a->has_timestamps == b->has_timestamps &&
	       a->has_fastopen == b->has_fastopen && a->has_user_timeout == b->has_user_timeout &&
	       a->has_mptcp == b->has_mptcp && a->has_md5 == b->has_md5 && a->has_ao == b->has_ao &&
	       a->has_accecn == b->has_accecn && a->has_unknown == b->has_unknown &&
	       a->fastopen_experimental == b->fastopen_experimental &&
	       a->malformed == b->malformed && a->mss == b->mss && a->wscale == b->wscale &&
	       a->fastopen_bytes == b->fastopen_bytes && a->mptcp_subtype == b->mptcp_subtype &&
	       a->user_timeout == b->user_timeout && a->ts_value == b->ts_value &&
	       a->ts_echo == b->ts_echo && a->sack_count == b->sack_count;
}

static void test_option_decode_each_kind_and_each_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(decodes); i++) {
		struct option_set set;
		memset(&set, 0xa5, sizeof(set));
		option_decode(&set, decodes[i].bytes, decodes[i].count);
		if (!same_set(&set, &decodes[i].expected))
			fail_msg("%s", decodes[i].name);
	}
}

static void test_option_decode_null_and_none_is_empty(void **state)
{
	(void)state;
	struct option_set set;
	const struct option_set empty = {0};
	option_decode(&set, NULL, 0);
	assert_true(same_set(&set, &empty));
}

static const struct encode_case {
	const char *name;
	bool syn;
	struct option_set set;
	uint8_t bytes[OPTION_BYTES_MAX];
	size_t count;
} encodes[] = {
	{"nothing", true, {0}, {0}, 0},
	/* [mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7] */
	{"a SYN of Linux",
	 true,
	 {.has_mss = true,
	  .mss = 1460,
	  .sack_permitted = true,
	  .has_timestamps = true,
	  .ts_value = 1,
	  .ts_echo = 2,
	  .has_wscale = true,
	  .wscale = 7},
	 {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7},
	 20},
	/* [mss 1460,nop,nop,sackOK,nop,wscale 10] */
	{"a SYN without timestamps",
	 true,
	 {.has_mss = true, .mss = 1460, .sack_permitted = true, .has_wscale = true, .wscale = 10},
	 {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 10},
	 12},
	/* [mss 536,nop,nop,TS val 1 ecr 0] */
	{"a SYN without SACK",
	 true,
	 {.has_mss = true, .mss = 536, .has_timestamps = true, .ts_value = 1},
	 {2, 4, 2, 0x18, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0},
	 16},
	/* [nop,nop,TS val 1 ecr 2,nop,nop,sack 1 {3:4}] */
	{"an ACK with a block",
	 false,
	 {.has_timestamps = true, .ts_value = 1, .ts_echo = 2, .sack_count = 1, .sack = {{3, 4}}},
	 {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4},
	 24},
	/* [mss 1,exp-tfo cookiereq] */
	{"experimental fastopen",
	 true,
	 {.has_mss = true, .mss = 1, .has_fastopen = true, .fastopen_experimental = true},
	 {2, 4, 0, 1, 254, 4, 0xf9, 0x89},
	 8},
	/* [tfo cookiereq,nop,nop,user-timeout] */
	{"fastopen and user timeout",
	 true,
	 {.has_fastopen = true, .has_user_timeout = true, .user_timeout = 0x8001},
	 {34, 2, 1, 1, 28, 4, 0x80, 1},
	 8},
	{"a cookie is not in the set", true, {.has_fastopen = true, .fastopen_bytes = 8}, {0}, 0},
};

static void test_option_encode_is_in_the_order_of_linux(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(encodes); i++) {
		uint8_t out[OPTION_BYTES_MAX];
		const size_t count = option_encode(&encodes[i].set, encodes[i].syn, out);
		if (count != encodes[i].count || memcmp(out, encodes[i].bytes, count) != 0)
			fail_msg("%s: %zu bytes", encodes[i].name, count);
	}
}

static void test_option_encode_sack_blocks_that_do_not_fit_are_left_out(void **state)
{
	(void)state;
	struct option_set set = {.has_timestamps = true, .sack_count = 4};
	uint8_t out[OPTION_BYTES_MAX];
	assert_int_equal(option_encode(&set, false, out), 12 + 4 + 3 * 8);
	assert_int_equal(out[15], 2 + 3 * 8);
	set.has_timestamps = false;
	assert_int_equal(option_encode(&set, false, out), 4 + 4 * 8);
	set.sack_count = 255;
	assert_int_equal(option_encode(&set, false, out), 4 + 4 * 8);
}

static void test_option_encode_everything_fits_and_decodes_back(void **state)
{
	(void)state;
	const struct option_set all = {
		.has_mss = true,
		.mss = 9000,
		.has_wscale = true,
		.wscale = 14,
		.sack_permitted = true,
		.has_timestamps = true,
		.ts_value = 0x80000000,
		.ts_echo = 7,
		.has_fastopen = true,
		.has_user_timeout = true,
		.user_timeout = 300,
		.sack_count = 1,
		.sack = {{8, 9}},
	};
	for (int syn = 0; syn < 2; syn++) {
		uint8_t out[OPTION_BYTES_MAX];
		struct option_set back;
		const size_t count = option_encode(&all, syn == 1, out);
		assert_int_equal(count, OPTION_BYTES_MAX);
		option_decode(&back, out, count);
		assert_true(same_set(&back, &all));
	}
}

static void test_option_kind_name_is_the_vocabulary(void **state)
{
	(void)state;
	static const struct {
		uint8_t kind;
		const char *name;
	} names[] = {{0, "eol"},
		     {1, "nop"},
		     {2, "mss"},
		     {3, "wscale"},
		     {4, "sack_permitted"},
		     {5, "sack"},
		     {8, "timestamps"},
		     {19, "md5"},
		     {28, "user_timeout"},
		     {29, "ao"},
		     {30, "mptcp"},
		     {34, "fastopen"},
		     {69, "encryption"},
		     {172, "accecn"},
		     {174, "accecn"},
		     {253, "experiment"},
		     {254, "experiment"},
		     {6, "unknown"},
		     {255, "unknown"}};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		assert_string_equal(option_kind_name(names[i].kind), names[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option_next_gives_kinds_and_end),
		cmocka_unit_test(test_option_next_body_borrows_the_bytes),
		cmocka_unit_test(test_option_decode_syn_of_linux),
		cmocka_unit_test(test_option_decode_sack_has_its_blocks),
		cmocka_unit_test(test_option_decode_four_sack_blocks_fit),
		cmocka_unit_test(test_option_decode_each_kind_and_each_fault),
		cmocka_unit_test(test_option_decode_null_and_none_is_empty),
		cmocka_unit_test(test_option_encode_is_in_the_order_of_linux),
		cmocka_unit_test(test_option_encode_sack_blocks_that_do_not_fit_are_left_out),
		cmocka_unit_test(test_option_encode_everything_fits_and_decodes_back),
		cmocka_unit_test(test_option_kind_name_is_the_vocabulary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

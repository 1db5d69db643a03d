#include "synscope/core/trouble.h"

#include "../../support/cm.h"

#include "synscope/core/segment.h"
#include "synscope/core/util.h"

#include <string.h>

static struct segment_spec spec_of(uint16_t flags, size_t bytes)
{
	return (struct segment_spec){.flags = flags, .payload_bytes = bytes};
}

static void test_trouble_parse_good_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum trouble_class class;
		uint32_t first, last;
	} rows[] = {
		{"SYNACK:1", TROUBLE_SYNACK, 1, 1},
		{"ACK:2-3", TROUBLE_ACK, 2, 3},
		{"DATA:5-", TROUBLE_DATA, 5, UINT32_MAX},
		{"FIN", TROUBLE_FIN, 1, UINT32_MAX},
		{"RST:1-1", TROUBLE_RST, 1, 1},
		{"ANY:4294967295", TROUBLE_ANY, UINT32_MAX, UINT32_MAX},
	};
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct trouble t = {.rules_count = 0};
		assert_null(trouble_parse(&t, TROUBLE_DUP, rows[i].text, 0));
		assert_int_equal(t.rules_count, 1);
		assert_int_equal(t.rule[0].kind, TROUBLE_DUP);
		assert_int_equal(t.rule[0].class, rows[i].class);
		assert_int_equal(t.rule[0].first, rows[i].first);
		assert_int_equal(t.rule[0].last, rows[i].last);
	}
}

static void test_trouble_parse_bad_forms_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",        "syn",     "SYNACK:", "SYNACK:0",       "ACK:3-2", "ACK:-1",   "ACK:1-x",
		"DATA:1,", "FIN:1;2", "ACKNACK", "ANY:4294967296", "ACK 1",   "ACK:1--2", ",ACK",
	};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct trouble t = {.rules_count = 0};
		if (trouble_parse(&t, TROUBLE_DROP, bad[i], 0) == NULL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void test_trouble_parse_only_so_many(void **state)
{
	(void)state;
	struct trouble t = {.rules_count = 0};
	for (int i = 0; i < TROUBLE_RULES_MAX; i++)
		assert_null(trouble_parse(&t, TROUBLE_DROP, "ACK:1", 0));
	assert_non_null(trouble_parse(&t, TROUBLE_DROP, "ACK:1", 0));
	assert_int_equal(t.rules_count, TROUBLE_RULES_MAX);
}

static void test_trouble_of_counts_each_class_for_itself(void **state)
{
	(void)state;
	struct trouble t = {.rules_count = 0};
	struct trouble_count count = {{0}};
	int64_t delay_ns = 0;
	assert_null(trouble_parse(&t, TROUBLE_DROP, "SYNACK:1,ACK:2-3", 0));
	assert_null(trouble_parse(&t, TROUBLE_DELAY, "DATA:2", 70));
	assert_null(trouble_parse(&t, TROUBLE_DUP, "ANY:7", 0));
	static const struct {
		uint16_t flags;
		size_t bytes;
		unsigned deeds;
	} rows[] = {
		{TCP_SYN | TCP_ACK, 0, 1u << TROUBLE_DROP},
		{TCP_SYN | TCP_ACK, 0, 0},
		{TCP_ACK, 0, 0},
		{TCP_ACK | TCP_PSH, 10, 0},
		{TCP_ACK, 0, 1u << TROUBLE_DROP},
		{TCP_ACK, 0, 1u << TROUBLE_DROP},
		{TCP_ACK | TCP_FIN, 10, 1u << TROUBLE_DELAY | 1u << TROUBLE_DUP},
		{TCP_ACK, 0, 0},
		{TCP_RST, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct segment_spec spec = spec_of(rows[i].flags, rows[i].bytes);
		assert_int_equal(trouble_of(&t, &count, &spec, &delay_ns), rows[i].deeds);
	}
	assert_int_equal(delay_ns, 70);
}

static void test_trouble_classes_text_and_fin_are_both(void **state)
{
	(void)state;
	const struct segment_spec both = spec_of(TCP_FIN | TCP_ACK, 1);
	const struct segment_spec ack = spec_of(TCP_ACK, 0);
	assert_int_equal(trouble_classes_of(&both),
			 1u << TROUBLE_FIN | 1u << TROUBLE_DATA | 1u << TROUBLE_ANY);
	assert_int_equal(trouble_classes_of(&ack), 1u << TROUBLE_ACK | 1u << TROUBLE_ANY);
}

static void test_trouble_names_are_all_there(void **state)
{
	(void)state;
	for (int k = 0; k < TROUBLE_KIND_COUNT; k++) {
		const char *name = trouble_kind_name((enum trouble_kind)k);
		assert_non_null(strstr(trouble_kind_deed((enum trouble_kind)k), name));
	}
	assert_string_equal(trouble_kind_name(TROUBLE_KIND_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trouble_parse_good_forms),
		cmocka_unit_test(test_trouble_parse_bad_forms_are_refused),
		cmocka_unit_test(test_trouble_parse_only_so_many),
		cmocka_unit_test(test_trouble_of_counts_each_class_for_itself),
		cmocka_unit_test(test_trouble_classes_text_and_fin_are_both),
		cmocka_unit_test(test_trouble_names_are_all_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

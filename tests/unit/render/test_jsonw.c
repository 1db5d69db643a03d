#include "../../support/cm.h"

#include "synscope/render/jsonw.h"

static void test_jsonw_nesting_and_commas(void **state)
{
	struct jsonw j;
	(void)state;
	struct out *o = out_open_memory();
	assert_non_null(o);
	jsonw_init(&j, o);
	jsonw_open_object(&j, NULL);
	jsonw_text(&j, "text", "a\"b");
	jsonw_text_known(&j, "absent", "");
	jsonw_text_known(&j, "absent", NULL);
	jsonw_open_array(&j, "list");
	jsonw_uint(&j, NULL, 0);
	jsonw_uint(&j, NULL, UINT64_MAX);
	jsonw_int(&j, NULL, INT64_MIN);
	jsonw_open_object(&j, NULL);
	jsonw_close_object(&j);
	jsonw_close_array(&j);
	jsonw_bool(&j, "no", false);
	jsonw_flag(&j, "absent", false);
	jsonw_flag(&j, "yes", true);
	jsonw_close_object(&j);
	jsonw_line(&j);
	jsonw_open_array(&j, NULL);
	jsonw_close_array(&j);
	jsonw_line(&j);
	assert_string_equal(out_memory(o, NULL),
			    "{\"text\":\"a\\\"b\",\"list\":[0,18446744073709551615,"
			    "-9223372036854775808,{}],\"no\":false,\"yes\":true}\n[]\n");
	out_close(o);
}

static void test_jsonw_time_cases(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{0, "\"1970-01-01T00:00:00.000000000Z\""},
		{-1, "\"1969-12-31T23:59:59.999999999Z\""},
		{INT64_C(1795334400010000123), "\"2026-11-22T08:00:00.010000123Z\""},
		{INT64_C(951782400000000000), "\"2000-02-29T00:00:00.000000000Z\""},
		{INT64_C(4107542400000000000), "\"2100-03-01T00:00:00.000000000Z\""},
		{INT64_C(1709251199999999999), "\"2024-02-29T23:59:59.999999999Z\""},
		{INT64_MAX, "\"2262-04-11T23:47:16.854775807Z\""},
		{INT64_MIN, "\"1677-09-21T00:12:43.145224192Z\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct jsonw j;
		struct out *o = out_open_memory();
		assert_non_null(o);
		jsonw_init(&j, o);
		jsonw_time(&j, NULL, cases[i].ns);
		assert_string_equal(out_memory(o, NULL), cases[i].want);
		out_close(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jsonw_nesting_and_commas),
		cmocka_unit_test(test_jsonw_time_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

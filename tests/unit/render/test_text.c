#include "../../support/cm.h"

#include "synscope/render/text.h"

#include <string.h>

static void test_columns_counts_characters_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(columns(""), 0);
	assert_int_equal(columns("abc"), 3);
	assert_int_equal(columns("◄──►"), 4);
	assert_int_equal(columns("\033[0;36m●\033[0m x"), 3);
	assert_int_equal(columns("\033[0;3"), 0);
}

static void test_text_pad_is_by_columns(void **state)
{
	struct text t;
	(void)state;
	text_reset(&t, true);
	text_style(&t, STYLE_OUT);
	text_add(&t, "●");
	text_pad(&t, 4);
	text_pad(&t, 2);
	text_add(&t, "x");
	assert_int_equal(t.columns, 5);
	assert_string_equal(t.bytes, "\033[0;36m●   x");
}

static void test_text_style_without_color_is_nothing(void **state)
{
	struct text t;
	(void)state;
	text_reset(&t, false);
	text_style(&t, STYLE_LOUD);
	assert_string_equal(t.bytes, "");
}

static void test_text_add_too_much_is_left_out(void **state)
{
	struct text t;
	(void)state;
	text_reset(&t, false);
	text_repeat(&t, "─", TEXT_BYTES_MAX);
	assert_true(t.count < TEXT_BYTES_MAX);
	assert_int_equal(t.count % 3, 0); /* no half character */
	assert_int_equal(t.columns, t.count / 3);
}

static void test_text_add_foreign_cases(void **state)
{
	static const struct {
		const char *in;
		int columns;
		const char *want;
	} cases[] = {
		{"plain", 10, "plain"},
		{"plain", 5, "plain"},
		{"plain", 4, "pla~"},
		{"caf\xc3\xa9!", 10, "caf?!"},
		{"\033[31mred", 20, "?[31mred"},
		{"a\nb", 10, "a?b"},
		{"abc", 0, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text t;
		text_reset(&t, false);
		text_add_foreign(&t, cases[i].in, cases[i].columns, "~");
		assert_string_equal(t.bytes, cases[i].want);
	}
}

static void test_text_add_payload_cases(void **state)
{
	static const struct {
		const char *in;
		size_t count;
		int columns;
		bool more;
		const char *want;
	} cases[] = {
		{"hello", 5, 7, false, "\"hello\""},
		{"hello", 5, 6, false, "\"hel\"~"},
		{"hello", 5, 20, true, "\"hello\"~"},
		{"hello", 5, 7, true, "\"hell\"~"},
		{"a\n\0", 3, 20, false, "\"a\\n\\x00\""},
		{"\xff\xff", 2, 8, false, "\"\\xff\"~"},
		{"", 0, 4, false, "\"\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text t;
		text_reset(&t, false);
		text_add_payload(&t, (const uint8_t *)cases[i].in, cases[i].count, cases[i].columns,
				 "~", cases[i].more);
		assert_string_equal(t.bytes, cases[i].want);
		assert_true(t.columns <= cases[i].columns);
	}
}

static void test_text_put_drops_trailing_spaces(void **state)
{
	struct text t;
	(void)state;
	struct out *o = out_open_memory();
	assert_non_null(o);
	text_reset(&t, false);
	text_add(&t, "x   ");
	text_put(&t, o);
	assert_string_equal(out_memory(o, NULL), "x\n");
	assert_int_equal(t.columns, 0);
	out_close(o);
}

static void check_wrap(const char *text, int columns_max, const char *want)
{
	char joined[256] = "";
	char line[64];
	while (text_wrap(&text, columns_max, line, sizeof line)) {
		assert_true((int)strlen(line) <= columns_max);
		text_append(joined, sizeof joined, "%s|", line);
	}
	assert_string_equal(joined, want);
}

static void test_text_wrap_cases(void **state)
{
	(void)state;
	check_wrap("", 10, "");
	check_wrap("   ", 10, "");
	check_wrap("one two three", 20, "one two three|");
	check_wrap("one two three", 8, "one two|three|");
	check_wrap("one two", 7, "one two|");
	check_wrap("one  two", 4, "one|two|");
	check_wrap("abcdefghijklm", 8, "abcdefgh|ijklm|");
	check_wrap("a abcdefghijklm", 8, "a|abcdefgh|ijklm|");
	check_wrap("caf\xc3\xa9 \033[0m", 20, "caf?? ?[0m|");
}

static void test_text_append_cuts_what_does_not_fit(void **state)
{
	char text[8] = "abc";
	(void)state;
	text_append(text, sizeof text, "%s", "defghijk");
	assert_string_equal(text, "abcdefg");
	text_append(text, sizeof text, "%s", "more");
	assert_string_equal(text, "abcdefg");
}

static void test_glyphs_of_ascii_is_ascii(void **state)
{
	(void)state;
	const char *const *members = (const char *const *)glyphs_of(true);
	for (size_t i = 0; i < sizeof(struct glyphs) / sizeof *members; i++)
		for (const char *c = members[i]; *c != '\0'; c++)
			assert_true(*c > 0x20 && *c < 0x7f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_counts_characters_not_bytes),
		cmocka_unit_test(test_text_pad_is_by_columns),
		cmocka_unit_test(test_text_style_without_color_is_nothing),
		cmocka_unit_test(test_text_add_too_much_is_left_out),
		cmocka_unit_test(test_text_add_foreign_cases),
		cmocka_unit_test(test_text_add_payload_cases),
		cmocka_unit_test(test_text_put_drops_trailing_spaces),
		cmocka_unit_test(test_text_wrap_cases),
		cmocka_unit_test(test_text_append_cuts_what_does_not_fit),
		cmocka_unit_test(test_glyphs_of_ascii_is_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

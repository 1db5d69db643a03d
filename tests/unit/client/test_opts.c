#include "synscope/client/opts.h"

#include "../../support/cm.h"
#include "../../support/stderr.h"

#include <stdio.h>
#include <string.h>

static struct {
	bool yes, no;
	int count, choice;
	struct opt_u32 number;
	int64_t time_ns;
	double share;
	const char *text, *called;
	bool global;
} got;

static const char *call(void *context, const char *text)
{
	*(const char **)context = text;
	return strcmp(text, "bad") == 0 ? "something else" : NULL;
}

static const char *const choices[] = {"ladder", "rfc", NULL};

/* clang-format off */
static const struct opt own[] = {
	{"yes",    'y', OPT_IS_TRUE,   &got.yes,     NULL,   "", 0, 0, NULL, NULL},
	{"no",      0,  OPT_IS_FALSE,  &got.no,      NULL,   "", 0, 0, NULL, NULL},
	{"count",  'c', OPT_IS_COUNT,  &got.count,   NULL,   "", 0, 0, NULL, NULL},
	{"number", 'n', OPT_IS_U32,    &got.number,  "N",    "", 5, 4000000000u, NULL, NULL},
	{"time",    0,  OPT_IS_TIME,   &got.time_ns, "T",    "", 0, 0, NULL, NULL},
	{"share",   0,  OPT_IS_SHARE,  &got.share,   "P",    "", 0, 0, NULL, NULL},
	{"text",   't', OPT_IS_TEXT,   &got.text,    "TEXT", "", 0, 0, NULL, NULL},
	{"view",    0,  OPT_IS_CHOICE, &got.choice,  "VIEW", "", 0, 0, choices, NULL},
	{"call",    0,  OPT_IS_CALL,   &got.called,  "X",    "", 0, 0, NULL, call},
};
static const struct opt globals_table[] = {
	{"global", 'g', OPT_IS_TRUE, &got.global, NULL, "", 0, 0, NULL, NULL},
	/* A verb's own letter wins over a global one. */
	{"yell",   'y', OPT_IS_TRUE, &got.global, NULL, "", 0, 0, NULL, NULL},
};
/* clang-format on */

#define WORDS_MAX 16

/* Read a line of words. *words receives what follows the options, joined by blanks. */
static int read_line(const char *line, bool stop_at_word, char *rest, size_t rest_bytes)
{
	static char copy[300];
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;
	char *save;
	snprintf(copy, sizeof copy, "verb %s", line);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = w;
	}
	memset(&got, 0, sizeof got);
	got.no = true;
	const int first = opts_read(argc, argv, (struct opt_table){own, sizeof own / sizeof own[0]},
				    (struct opt_table){globals_table, 2}, stop_at_word);
	rest[0] = '\0';
	for (int i = first; i >= 0 && i < argc; i++) {
		if (i > first)
			strncat(rest, " ", rest_bytes - strlen(rest) - 1);
		strncat(rest, argv[i], rest_bytes - strlen(rest) - 1);
	}
	return first;
}

static void good(const char *line, const char *want_rest)
{
	char rest[200];
	if (read_line(line, false, rest, sizeof rest) < 0 || strcmp(rest, want_rest) != 0)
		fail_msg("%s: \"%s\" is left", line, rest);
}

static void test_opts_read_every_kind(void **state)
{
	(void)state;
	good("", "");
	good("-y --no -ccc --count", "");
	assert_true(got.yes);
	assert_false(got.no);
	assert_int_equal(got.count, 4);
	good("--number 5 --time 1.5 --share 5% --text hello", "");
	assert_true(got.number.given);
	assert_int_equal(got.number.value, 5);
	assert_int_equal(got.time_ns, 1500000000);
	assert_true(got.share > 0.0499 && got.share < 0.0501);
	assert_string_equal(got.text, "hello");
	good("--number=4000000000 --view RFC --call x -tword", "");
	assert_int_equal(got.number.value, 4000000000u);
	assert_int_equal(got.choice, 1);
	assert_string_equal(got.called, "x");
	assert_string_equal(got.text, "word");
	good("-n0x10", "");
	assert_int_equal(got.number.value, 16);
	good("--text=", "");
	assert_string_equal(got.text, "");
	good("--text --yes", ""); /* an argument is an argument */
	assert_string_equal(got.text, "--yes");
	assert_false(got.yes);
}

static void test_opts_read_not_given_is_left_alone(void **state)
{
	(void)state;
	good("one two", "one two");
	assert_false(got.number.given);
	assert_true(got.no);
	assert_null(got.text);
}

static void test_opts_read_words_and_options_in_any_order(void **state)
{
	(void)state;
	good("one -y two -g three", "one two three");
	assert_true(got.yes && got.global);
	good("one -- -y two", "one -y two");
	assert_false(got.yes);
	good("-", "-"); /* standard input is a word */
}

static void test_opts_read_stops_at_a_word_when_asked(void **state)
{
	(void)state;
	char rest[200];
	assert_true(read_line("-g trace -y host", true, rest, sizeof rest) > 0);
	assert_string_equal(rest, "trace -y host");
	assert_true(got.global);
	assert_false(got.yes);
}

static void test_opts_read_own_letter_wins(void **state)
{
	(void)state;
	good("-y", "");
	assert_true(got.yes);
	assert_false(got.global);
	good("--yell", "");
	assert_true(got.global);
}

static void test_opts_read_help(void **state)
{
	(void)state;
	char rest[200];
	assert_int_equal(read_line("-h", false, rest, sizeof rest), -2);
	assert_int_equal(read_line("one --help", false, rest, sizeof rest), -2);
}

static void test_opts_read_errors_are_one_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *error;
	} cases[] = {
		{"-Z", "synscope: -Z: no such option (synscope verb --help lists the options)\n"},
		{"word -yZ",
		 "synscope: -Z: no such option (synscope verb --help lists the options)\n"},
		{"word --nothing",
		 "synscope: --nothing: no such option (synscope verb --help lists the options)\n"},
		{"--nothing=5", "synscope: --nothing=5: no such option (synscope verb --help lists "
				"the options)\n"},
		/* No beginnings of names: not an unambiguous one, nor one of several. */
		{"--num 5",
		 "synscope: --num: no such option (synscope verb --help lists the options)\n"},
		{"word --num=5 word",
		 "synscope: --num=5: no such option (synscope verb --help lists the options)\n"},
		{"--glob",
		 "synscope: --glob: no such option (synscope verb --help lists the options)\n"},
		{"--ye",
		 "synscope: --ye: no such option (synscope verb --help lists the options)\n"},
		{"word -n",
		 "synscope: -n: needs an argument (synscope verb --help lists the options)\n"},
		{"--time",
		 "synscope: --time: needs an argument (synscope verb --help lists the options)\n"},
		{"--yes=1",
		 "synscope: --yes: takes no argument (synscope verb --help lists the options)\n"},
		{"--number 4", "synscope: --number 4: should be a number from 5 to 4000000000\n"},
		{"-n 4000000001",
		 "synscope: --number 4000000001: should be a number from 5 to 4000000000\n"},
		{"--time soon",
		 "synscope: --time soon: should be a time such as 2, 1.5s, 200ms or 10us\n"},
		{"--share 2", "synscope: --share 2: should be a share from 0 to 1, or a percentage "
			      "such as 5%\n"},
		{"--view lad", "synscope: --view lad: should be one of ladder rfc\n"},
		{"--call bad", "synscope: --call bad: should be something else\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char rest[200];
		stderr_begin();
		const int first = read_line(cases[i].line, false, rest, sizeof rest);
		const char *said = stderr_end();
		if (first != -1 || strcmp(said, cases[i].error) != 0)
			fail_msg("%s: %d, %s", cases[i].line, first, said);
	}
}

static void test_opts_time(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		int64_t ns;
	} cases[] = {
		{"2", true, 2000000000},
		{"0", true, 0},
		{"1.5", true, 1500000000},
		{"0.25s", true, 250000000},
		{"200ms", true, 200000000},
		{"10us", true, 10000},
		{"5s", true, 5000000000},
		{"2m", true, 120000000000},
		{"1.", true, 1000000000},
		{"9000000000", true, INT64_C(9000000000000000000)},
		{"9999999999", false, 0}, /* 317 years and more do not fit */
		{"99999999999999999999999999999", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 s", false, 0},
		{".5", false, 0},
		{"1.2.3", false, 0},
		{"1e3", false, 0},
		{"0x10", false, 0},
		{"inf", false, 0},
		{"nan", false, 0},
		{"5h", false, 0},
		{"5S", false, 0},
		{"5msx", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ns = -7;
		const bool is = opts_time(&ns, cases[i].text);
		if (is != cases[i].good || (is && ns != cases[i].ns) || (!is && ns != -7))
			fail_msg("\"%s\": %d, %lld", cases[i].text, is, (long long)ns);
	}
}

static void test_opts_u32(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t min, max;
		bool good;
		uint32_t value;
	} cases[] = {
		{"0", 0, 10, true, 0},
		{"10", 0, 10, true, 10},
		{"11", 0, 10, false, 0},
		{"4", 5, 10, false, 0},
		{"4294967295", 0, UINT32_MAX, true, UINT32_MAX},
		{"4294967296", 0, UINT32_MAX, false, 0},
		{"18446744073709551621", 0, UINT32_MAX, false, 0}, /* 2^64 + 5 */
		{"0xffffffff", 0, UINT32_MAX, true, UINT32_MAX},
		{"0XfF", 0, UINT32_MAX, true, 255},
		{"0x", 0, UINT32_MAX, false, 0},
		{"0xg", 0, UINT32_MAX, false, 0},
		{"010", 0, UINT32_MAX, true, 10}, /* not octal */
		{"", 0, 10, false, 0},
		{"-1", 0, UINT32_MAX, false, 0},
		{"+1", 0, 10, false, 0},
		{" 1", 0, 10, false, 0},
		{"1 ", 0, 10, false, 0},
		{"1.0", 0, 10, false, 0},
		{"ten", 0, 10, false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t value = 77;
		const bool is = opts_u32(&value, cases[i].text, cases[i].min, cases[i].max);
		if (is != cases[i].good || value != (is ? cases[i].value : 77))
			fail_msg("\"%s\": %d, %u", cases[i].text, is, value);
	}
}

static void test_opts_read_shares(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		double share;
	} cases[] = {
		{"0", true, 0},       {"1", true, 1},     {"0.05", true, 0.05},
		{"5%", true, 0.05},   {"100%", true, 1},  {"0.1%", true, 0.001},
		{"101%", false, 0},   {"1.1", false, 0},  {"5%%", false, 0},
		{"%", false, 0},      {"-1%", false, 0},  {"1e-1", false, 0},
		{"0x1p-2", false, 0}, {"half", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[64];
		char rest[8];
		snprintf(line, sizeof line, "--share %s", cases[i].text);
		stderr_begin();
		const int first = read_line(line, false, rest, sizeof rest);
		(void)stderr_end();
		const double off = got.share - cases[i].share;
		if ((first >= 0) != cases[i].good || off > 1e-9 || off < -1e-9)
			fail_msg("%s: %d, %f", cases[i].text, first, got.share);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opts_read_every_kind),
		cmocka_unit_test(test_opts_read_not_given_is_left_alone),
		cmocka_unit_test(test_opts_read_words_and_options_in_any_order),
		cmocka_unit_test(test_opts_read_stops_at_a_word_when_asked),
		cmocka_unit_test(test_opts_read_own_letter_wins),
		cmocka_unit_test(test_opts_read_help),
		cmocka_unit_test(test_opts_read_errors_are_one_line),
		cmocka_unit_test(test_opts_time),
		cmocka_unit_test(test_opts_u32),
		cmocka_unit_test(test_opts_read_shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

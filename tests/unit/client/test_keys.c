#include "../../support/cm.h"

#include "synscope/client/keys.h"

#include <string.h>

static void test_keys_decode_each_key(void **state)
{
	static const struct {
		const char *bytes;
		int key;
		size_t used;
	} cases[] = {
		{"n", 'n', 1},
		{" x", ' ', 1},
		{"\r", KEY_ENTER, 1},
		{"\n", KEY_ENTER, 1},
		{"\t", '\t', 1},
		{"\003", KEY_INTERRUPT, 1},
		{"\033[A", KEY_UP, 3},
		{"\033[C", KEY_RIGHT, 3},
		{"\033OD", KEY_LEFT, 3},
		{"\033[H", KEY_HOME, 3},
		{"\033[1~", KEY_HOME, 4},
		{"\033OF", KEY_END, 3},
		{"\033[4~q", KEY_END, 4},
		{"\033[5~", KEY_PAGE_UP, 4},
		{"\033[6~", KEY_PAGE_DOWN, 4},
		{"\033[1;5C", KEY_OTHER, 6},
		{"\033[200~", KEY_OTHER, 6},
		{"\033", KEY_ESCAPE, 1},
		{"\033q", KEY_ESCAPE, 1},
		{"\033[", KEY_NONE, 0},
		{"\033[5", KEY_NONE, 0},
		{"", KEY_NONE, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t used = 99;
		const int key =
			keys_decode((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes), &used);
		assert_int_equal(key, cases[i].key);
		assert_int_equal(used, cases[i].used);
	}
}

static void test_keys_without_a_terminal_end_it(void **state)
{
	(void)state;
	assert_int_equal(keys_next(), KEY_INTERRUPT);
	assert_int_equal(keys_fd(), -1);
	keys_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_decode_each_key),
		cmocka_unit_test(test_keys_without_a_terminal_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

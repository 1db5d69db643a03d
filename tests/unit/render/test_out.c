#include "../../support/cm.h"

#include "synscope/render/out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char folder[64];
	char path[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	if (p == NULL)
		return -1;
	strcpy(p->folder, "/tmp/synscope-test-out-XXXXXX");
	if (mkdtemp(p->folder) == NULL)
		return -1;
	snprintf(p->path, sizeof p->path, "%s/file", p->folder);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	unlink(p->path);
	const int rc = rmdir(p->folder); /* fails if a temporary file was left */
	free(p);
	return rc;
}

static bool exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

static void read_file(const char *path, char *text, size_t text_bytes)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	const size_t count = fread(text, 1, text_bytes - 1, f);
	text[count] = '\0';
	fclose(f);
}

/* --- files ------------------------------------------------------------------------------ */

static void test_out_commit_makes_the_file_appear(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	char text[64];
	assert_int_equal(out_open_file(&o, p->path, false), 0);
	out_text(o, "whole\n");
	assert_int_equal(out_flush(o), 0);
	assert_false(exists(p->path));
	assert_int_equal(out_commit(o), 0);
	assert_true(exists(p->path));
	out_close(o);
	read_file(p->path, text, sizeof text);
	assert_string_equal(text, "whole\n");
}

static void test_out_close_without_commit_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	assert_int_equal(out_open_file(&o, p->path, false), 0);
	out_text(o, "half");
	assert_int_equal(out_flush(o), 0);
	out_close(o);
	assert_false(exists(p->path));
}

static void test_out_close_without_commit_keeps_the_old_file(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	char text[64];
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	fputs("old", f);
	fclose(f);
	assert_int_equal(out_open_file(&o, p->path, false), 0);
	out_text(o, "new");
	out_close(o);
	read_file(p->path, text, sizeof text);
	assert_string_equal(text, "old");
}

static void test_out_open_file_honours_the_umask(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	struct stat st;
	const mode_t before = umask(027);
	assert_int_equal(out_open_file(&o, p->path, false), 0);
	umask(before);
	assert_int_equal(out_commit(o), 0);
	out_close(o);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_out_open_file_live_is_written_as_it_happens(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	char text[64];
	assert_int_equal(out_open_file(&o, p->path, true), 0);
	out_text(o, "first");
	assert_int_equal(out_flush(o), 0);
	read_file(p->path, text, sizeof text);
	assert_string_equal(text, "first");
	out_close(o); /* as after a crash: no commit */
	assert_true(exists(p->path));
}

static void test_out_open_file_follows_a_link_to_its_target(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	struct stat st;
	char link[128];
	snprintf(link, sizeof link, "%s-link", p->path);
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(symlink(p->path, link), 0);
	assert_int_equal(out_open_file(&o, link, false), 0);
	out_text(o, "x");
	assert_int_equal(out_commit(o), 0);
	out_close(o);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, 1);
	unlink(link);
}

static void test_out_open_file_device_stays_a_device(void **state)
{
	struct out *o = NULL;
	struct stat st;
	(void)state;
	assert_int_equal(out_open_file(&o, "/dev/null", false), 0);
	out_text(o, "gone");
	assert_int_equal(out_commit(o), 0);
	out_close(o);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_out_open_file_no_folder_says_so(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	char path[128];
	snprintf(path, sizeof path, "%s/none/file", p->folder);
	assert_int_equal(out_open_file(&o, path, false), -ENOENT);
	assert_null(o);
}

/* --- descriptors ------------------------------------------------------------------------ */

static void test_out_write_to_a_full_device_fails_once_and_sticks(void **state)
{
	(void)state;
	const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	struct out *o = out_open_fd(fd);
	assert_non_null(o);
	out_text(o, "x");
	assert_int_equal(out_flush(o), -ENOSPC);
	out_text(o, "y");
	assert_int_equal(out_flush(o), -ENOSPC);
	assert_int_equal(out_commit(o), -ENOSPC);
	assert_false(out_is_gone(o));
	out_close(o);
	close(fd);
}

static void test_out_write_to_a_closed_pipe_is_quiet(void **state)
{
	int fds[2];
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	struct out *o = out_open_fd(fds[1]);
	assert_non_null(o);
	out_text(o, "x");
	assert_int_equal(out_flush(o), 0);
	assert_true(out_is_gone(o));
	out_text(o, "y");
	assert_int_equal(out_commit(o), 0);
	out_close(o);
	close(fds[1]);
}

static void test_out_write_more_than_the_buffer_keeps_order(void **state)
{
	struct place *p = *state;
	struct out *o = NULL;
	enum { COUNT = 50000 };
	assert_int_equal(out_open_file(&o, p->path, false), 0);
	char big[70000];
	for (int i = 0; i < COUNT; i++)
		out_printf(o, "%05d\n", i);
	memset(big, 'b', sizeof big);
	out_write(o, big, sizeof big);
	out_text(o, "end");
	assert_int_equal(out_commit(o), 0);
	out_close(o);
	FILE *f = fopen(p->path, "r");
	assert_non_null(f);
	for (int i = 0; i < COUNT; i++) {
		int n = -1;
		assert_int_equal(fscanf(f, "%d\n", &n), 1);
		assert_int_equal(n, i);
	}
	assert_int_equal(fread(big, 1, sizeof big, f), sizeof big);
	assert_int_equal(big[0], 'b');
	assert_int_equal(big[sizeof big - 1], 'b');
	assert_string_equal(fgets(big, sizeof big, f), "end");
	fclose(f);
}

/* --- text and escapes -------------------------------------------------------------------- */

static void test_out_printf_long_text_is_whole(void **state)
{
	(void)state;
	struct out *o = out_open_memory();
	assert_non_null(o);
	size_t count = 0;
	out_printf(o, "%*s", 5000, "x");
	out_repeat(o, "ab", 3);
	const char *text = out_memory(o, &count);
	assert_int_equal(count, 5006);
	assert_string_equal(text + 4999, "xababab");
	out_close(o);
}

struct escape {
	const char *name;
	const char *bytes;
	size_t count;
	const char *want;
};

static void check_escapes(const struct escape *cases, size_t cases_count, int kind)
{
	for (size_t i = 0; i < cases_count; i++) {
		struct out *o = out_open_memory();
		assert_non_null(o);
		if (kind == 't')
			out_escape_text(o, (const uint8_t *)cases[i].bytes, cases[i].count);
		else if (kind == 'j')
			out_escape_json(o, cases[i].bytes, cases[i].count);
		else
			out_escape_xml(o, cases[i].bytes, cases[i].count);
		const char *got = out_memory(o, NULL);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, got);
		out_close(o);
	}
}

#define BYTES(s) s, sizeof(s) - 1

static void test_out_escape_text_cases(void **state)
{
	static const struct escape cases[] = {
		{"plain", BYTES("GET / HTTP/1.1"), "GET / HTTP/1.1"},
		{"lines", BYTES("a\r\n\tb"), "a\\r\\n\\tb"},
		{"quotes", BYTES("\"\\"), "\\\"\\\\"},
		{"terminal", BYTES("\033]0;x\007"), "\\x1b]0;x\\x07"},
		{"nul", BYTES("a\0b"), "a\\x00b"},
		{"c1",
		 BYTES("\x9b"
		       "31m"),
		 "\\x9b31m"},
		{"utf-8 is not trusted", BYTES("\xc3\xa9"), "\\xc3\\xa9"},
		{"delete", BYTES("\x7f"), "\\x7f"},
		{"empty", BYTES(""), ""},
	};
	(void)state;
	check_escapes(cases, sizeof cases / sizeof cases[0], 't');
}

static void test_out_escape_json_cases(void **state)
{
	static const struct escape cases[] = {
		{"plain", BYTES("abc"), "\"abc\""},
		{"quotes", BYTES("\"\\"), "\"\\\"\\\\\""},
		{"lines", BYTES("\r\n\t"), "\"\\r\\n\\t\""},
		{"control", BYTES("\033\0"), "\"\\u001b\\u0000\""},
		{"markup", BYTES("</script>&"), "\"\\u003c/script\\u003e\\u0026\""},
		{"utf-8", BYTES("\xc3\xa9\xe2\x98\xa0\xf0\x9f\x92\xa9"),
		 "\"\xc3\xa9\xe2\x98\xa0\xf0\x9f\x92\xa9\""},
		{"not utf-8", BYTES("\xff\xfe"), "\"\\u00ff\\u00fe\""},
		{"overlong", BYTES("\xc0\x80"), "\"\\u00c0\\u0080\""},
		{"surrogate", BYTES("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\""},
		{"too high", BYTES("\xf4\x90\x80\x80"), "\"\\u00f4\\u0090\\u0080\\u0080\""},
		{"cut short", BYTES("\xe2\x98"), "\"\\u00e2\\u0098\""},
		{"line separator", BYTES("\xe2\x80\xa8"), "\"\\u2028\""},
		{"turned text", BYTES("\xe2\x80\xae"), "\"\\u202e\""},
		{"c1 control", BYTES("\xc2\x9b"), "\"\\u009b\""},
		{"delete", BYTES("\x7f"), "\"\\u007f\""},
	};
	(void)state;
	check_escapes(cases, sizeof cases / sizeof cases[0], 'j');
}

static void test_out_escape_xml_cases(void **state)
{
	static const struct escape cases[] = {
		{"markup", BYTES("<a b='c' d=\"e\">&"),
		 "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;"},
		{"control", BYTES("\033\0"), "\xef\xbf\xbd\xef\xbf\xbd"},
		{"white", BYTES("\t\n"), "\t\n"},
		{"utf-8", BYTES("\xc3\xa9"), "\xc3\xa9"},
		{"not utf-8", BYTES("\xff"), "\xef\xbf\xbd"},
		{"not a character", BYTES("\xef\xbf\xbe"), "\xef\xbf\xbd"},
	};
	(void)state;
	check_escapes(cases, sizeof cases / sizeof cases[0], 'x');
}

/* Undo out_escape_text(). @return how many bytes it stands for */
static size_t unescape(const char *text, uint8_t *bytes)
{
	static const char names[] = "rnt\\\"";
	static const char meant[] = "\r\n\t\\\"";
	size_t count = 0;
	while (*text != '\0') {
		assert_in_range(*text, 0x20, 0x7e);
		assert_int_not_equal(*text, '"');
		unsigned value = (unsigned char)*text++;
		if (value == '\\' && *text == 'x') {
			assert_int_equal(sscanf(text + 1, "%2x", &value), 1);
			text += 3;
		} else if (value == '\\') {
			const char *name = strchr(names, *text++);
			assert_non_null(name);
			value = (unsigned char)meant[name - names];
		}
		bytes[count++] = (uint8_t)value;
	}
	return count;
}

/* Any bytes at all: what comes out is printable, says what went in, and cannot leave the string,
 * the element or the terminal's line it stands in. */
static void test_out_escape_random_bytes_are_harmless(void **state)
{
	uint32_t seed = 1;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t bytes[40];
		uint8_t back[40];
		const size_t count = (size_t)round % sizeof bytes;
		for (size_t i = 0; i < count; i++) {
			seed = seed * 1664525u + 1013904223u;
			/* half of them near what UTF-8 is made of */
			bytes[i] = (uint8_t)(seed >> 16 | (seed & 1 ? 0x80 : 0));
		}
		struct out *o = out_open_memory();
		assert_non_null(o);
		out_escape_text(o, bytes, count);
		assert_int_equal(unescape(out_memory(o, NULL), back), count);
		assert_memory_equal(back, bytes, count);
		out_close(o);

		o = out_open_memory();
		assert_non_null(o);
		out_escape_json(o, (const char *)bytes, count);
		const char *text = out_memory(o, NULL);
		const size_t whole = strlen(text);
		assert_int_equal(text[whole - 1], '"');
		for (size_t i = 1; i < whole - 1; i++) {
			assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
			assert_null(strchr("<>&\"", text[i]));
			i += text[i] == '\\'; /* what an escape names may be a quote */
		}
		out_close(o);

		o = out_open_memory();
		assert_non_null(o);
		out_escape_xml(o, (const char *)bytes, count);
		assert_null(strpbrk(out_memory(o, NULL), "<>\"'\033"));
		out_close(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_out_commit_makes_the_file_appear, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_close_without_commit_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_close_without_commit_keeps_the_old_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_open_file_honours_the_umask, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_open_file_live_is_written_as_it_happens,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_open_file_follows_a_link_to_its_target,
						setup, teardown),
		cmocka_unit_test(test_out_open_file_device_stays_a_device),
		cmocka_unit_test_setup_teardown(test_out_open_file_no_folder_says_so, setup,
						teardown),
		cmocka_unit_test(test_out_write_to_a_full_device_fails_once_and_sticks),
		cmocka_unit_test(test_out_write_to_a_closed_pipe_is_quiet),
		cmocka_unit_test_setup_teardown(test_out_write_more_than_the_buffer_keeps_order,
						setup, teardown),
		cmocka_unit_test(test_out_printf_long_text_is_whole),
		cmocka_unit_test(test_out_escape_text_cases),
		cmocka_unit_test(test_out_escape_json_cases),
		cmocka_unit_test(test_out_escape_xml_cases),
		cmocka_unit_test(test_out_escape_random_bytes_are_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/core/serve.h"

#include "../../support/cm.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <string.h>

#define OUT_BYTES 4096

static const struct serve_content nothing;

/* Give it text in pieces of `step`, with so much room each time, and collect what it says. */
static size_t converse(struct serve *s, const char *text, size_t step, size_t room, uint8_t *out)
{
	size_t at = 0;
	size_t said = 0;
	const size_t count = strlen(text);
	for (;;) {
		size_t take = serve_wants(s, room);
		take = take < step ? take : step;
		take = take < count - at ? take : count - at;
		const size_t left = OUT_BYTES - said;
		const size_t given = serve_step(s, (const uint8_t *)text + at, take, out + said,
						room < left ? room : left);
		at += take;
		said += given;
		if ((take == 0 && given == 0) || said == OUT_BYTES)
			return said;
	}
}

static void test_serve_echo_says_what_it_hears(void **state)
{
	(void)state;
	uint8_t out[OUT_BYTES];
	for (size_t room = 1; room < 8; room++) {
		struct serve s;
		serve_init(&s, SERVE_ECHO, &nothing);
		assert_int_equal(serve_wants(&s, room), room);
		assert_int_equal(converse(&s, "hello, world", 5, room, out), 12);
		assert_memory_equal(out, "hello, world", 12);
		assert_false(serve_done(&s, false));
		assert_true(serve_done(&s, true));
	}
}

static void test_serve_greeting_comes_first_and_once(void **state)
{
	(void)state;
	const struct serve_content content = {.greeting = (const uint8_t *)"SSH-2.0-x\r\n",
					      .greeting_bytes = 11};
	uint8_t out[OUT_BYTES];
	struct serve s;
	serve_init(&s, SERVE_ECHO, &content);
	assert_true(serve_talks(&s));
	assert_false(serve_done(&s, true));
	assert_int_equal(converse(&s, "abc", 3, 4, out), 14);
	assert_memory_equal(out, "SSH-2.0-x\r\nabc", 14);
	assert_false(serve_talks(&s));
	serve_init(&s, SERVE_SINK, &content);
	assert_int_equal(converse(&s, "abc", 3, 100, out), 11);
	assert_true(serve_done(&s, true));
}

static void test_serve_http_answers_a_request_however_it_comes(void **state)
{
	(void)state;
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /a/b?c HTTP/1.0\n\n",
		"\r\nGET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\nGET / HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		for (size_t step = 1; step < 40; step += 6) {
			uint8_t out[OUT_BYTES];
			struct serve s;
			serve_init(&s, SERVE_HTTP, &nothing);
			assert_false(serve_done(&s, false));
			const size_t said = converse(&s, requests[i], step, 7 + step, out);
			assert_memory_equal(out, "HTTP/1.1 200 OK\r\n", 17);
			assert_non_null(memmem(out, said, "\r\nConnection: close\r\n", 21));
			const uint8_t *body = memmem(out, said, "\r\n\r\n", 4);
			const uint8_t *length = memmem(out, said, "Content-Length: ", 16);
			unsigned bytes = 0;
			assert_true(body != NULL && length != NULL);
			assert_int_equal(sscanf((const char *)length, "Content-Length: %u", &bytes),
					 1);
			assert_int_equal(out + said - (body + 4), bytes);
			assert_true(serve_done(&s, false));
		}
	}
}

static void test_serve_http_head_has_no_body_and_others_are_refused(void **state)
{
	(void)state;
	uint8_t out[OUT_BYTES + 1];
	struct serve s;
	serve_init(&s, SERVE_HTTP, &nothing);
	size_t said = converse(&s, "HEAD / HTTP/1.1\r\n\r\n", 100, 100, out);
	assert_memory_equal(out + said - 4, "\r\n\r\n", 4);
	assert_null(memmem(out, said, "Content-Length: 0", 17));
	static const char *const others[] = {"POST / HTTP/1.1\r\n\r\n",
					     "DELETEEVERYTHING / x\r\n\r\n", "\x16\x03\x01 \n\n",
					     "GETT / x\n\n"};
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		serve_init(&s, SERVE_HTTP, &nothing);
		said = converse(&s, others[i], 100, 100, out);
		assert_memory_equal(out, "HTTP/1.1 405 ", 13);
		assert_true(serve_done(&s, false));
	}
	serve_init(&s, SERVE_HTTP, &nothing);
	assert_int_equal(converse(&s, "GET / HTTP/1.1\r\nHost", 100, 100, out), 0);
	assert_false(serve_done(&s, false));
	assert_true(serve_done(&s, true)); /* it will never ask */
}

static void test_serve_http_gives_a_file(void **state)
{
	(void)state;
	static uint8_t file[3000];
	for (size_t i = 0; i < sizeof file; i++)
		file[i] = (uint8_t)(i * 31);
	const struct serve_content content = {
		.body = file, .body_bytes = sizeof file, .body_type = "application/octet-stream"};
	uint8_t out[OUT_BYTES];
	struct serve s;
	serve_init(&s, SERVE_HTTP, &content);
	const size_t said = converse(&s, "GET /f HTTP/1.1\r\n\r\n", 100, 333, out);
	assert_non_null(memmem(out, said, "Content-Length: 3000\r\n", 22));
	assert_memory_equal(out + said - sizeof file, file, sizeof file);
	assert_true(serve_done(&s, false));
}

static void test_serve_streams_never_end_but_with_the_client(void **state)
{
	(void)state;
	uint8_t out[OUT_BYTES];
	struct serve s;
	serve_init(&s, SERVE_SOURCE, &nothing);
	assert_int_equal(converse(&s, "ignored", 7, 100, out), OUT_BYTES);
	for (size_t i = 0; i < OUT_BYTES; i++)
		assert_int_equal(out[i], (uint8_t)(i * 7 + (i >> 8)));
	assert_true(serve_talks(&s));
	assert_false(serve_done(&s, false));
	assert_true(serve_done(&s, true));
	serve_init(&s, SERVE_CHARGEN, &nothing);
	assert_int_equal(converse(&s, "", 0, 33, out), OUT_BYTES);
	assert_memory_equal(out, " !\"#$%&'()*+,-./0123456789:;<=>?@ABC", 36);
	assert_memory_equal(out + 72, "\r\n!\"#", 5);
	for (size_t i = 0; i < OUT_BYTES; i++)
		assert_true(out[i] == '\r' || out[i] == '\n' || (out[i] >= ' ' && out[i] <= '~'));
}

static void test_serve_kind_names_are_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < SERVE_KIND_COUNT; i++) {
		enum serve_kind k = SERVE_KIND_COUNT;
		assert_true(serve_kind_parse(&k, serve_kind_name((enum serve_kind)i)));
		assert_int_equal(k, i);
	}
	enum serve_kind k;
	assert_false(serve_kind_parse(&k, "ftp"));
	assert_string_equal(serve_kind_name(SERVE_KIND_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serve_echo_says_what_it_hears),
		cmocka_unit_test(test_serve_greeting_comes_first_and_once),
		cmocka_unit_test(test_serve_http_answers_a_request_however_it_comes),
		cmocka_unit_test(test_serve_http_head_has_no_body_and_others_are_refused),
		cmocka_unit_test(test_serve_http_gives_a_file),
		cmocka_unit_test(test_serve_streams_never_end_but_with_the_client),
		cmocka_unit_test(test_serve_kind_names_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

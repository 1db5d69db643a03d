#include "../../support/cm.h"
#include "../../support/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_BYTES_MAX (40 * 1024)

static char *page(const struct render_options *o, size_t *count)
{
	struct events_player p;
	const struct event flow = events_flow(1, 1074100);
	const struct event end = events_end(1075000);
	events_play_begin(&p, "html", o);
	events_play_exchange(&p, 1);
	events_play(&p, &flow);
	events_play(&p, &end);
	return events_play_end(&p, count);
}

static int count_of(const char *text, const char *what)
{
	int count = 0;
	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

static void test_html_is_complete_without_a_script(void **state)
{
	const struct render_options o = events_options();
	char *html = page(&o, NULL);
	(void)state;
	assert_int_equal(count_of(html, "<g id=\"seg-"), 11);
	assert_int_equal(count_of(html, "<li id=\"say-"), 11);
	assert_non_null(strstr(html, "<li id=\"say-2\" value=\"2\"><p>24.1 ms: server to client "
				     "SYN,ACK seq 0 raw 2594639151"));
	assert_non_null(strstr(html, "<p class=\"foot\">closing: with FIN, first by the client"));
	free(html);
}

static void test_html_needs_nothing_from_outside(void **state)
{
	const struct render_options o = events_options();
	char *html = page(&o, NULL);
	(void)state;
	assert_non_null(strstr(html, "content=\"default-src 'none'; style-src 'sha256-"));
	assert_null(strstr(html, "unsafe-inline"));
	assert_null(strstr(html, "innerHTML"));
	assert_null(strstr(html, " src="));
	assert_null(strstr(html, "<link"));
	assert_null(strstr(html, " style="));
	assert_null(strstr(html, " onclick"));
	/* the names of the two vocabularies are no addresses to fetch */
	assert_int_equal(count_of(html, "http"), 3);
	assert_int_equal(count_of(html, "http://www.w3.org/2000/svg"), 2);
	assert_int_equal(count_of(html, "http-equiv"), 1);
	free(html);
}

static void test_html_sizes_are_bounded(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	const struct event end = events_end(1);
	size_t empty = 0;
	(void)state;
	events_play_begin(&p, "html", &o);
	events_play(&p, &end);
	free(events_play_end(&p, &empty));
	assert_in_range(empty, 1, TEMPLATE_BYTES_MAX);
	/* the data of a segment, beside its picture and its sentence */
	char *html = page(&o, NULL);
	const char *data = strstr(html, "id=\"data\">");
	assert_in_range(strstr(data, "</script>") - data, 11 * 50, 11 * 300);
	free(html);
}

static void test_html_data_has_the_row_as_the_script_names_it(void **state)
{
	const struct render_options o = events_options();
	char *html = page(&o, NULL);
	(void)state;
	assert_non_null(strstr(html, "\"rows\":[[1,0,0,0,2,3897988994,0,0,-1,1,0,64240,3,4,1,8,"
				     "\"c4221e61e85697820000000050"));
	assert_non_null(strstr(html, "\"isn\":[3897988994,2594639151]"));
	free(html);
}

static void test_html_payload_only_if_asked_for(void **state)
{
	struct render_options o = events_options();
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct events_player p;
		struct event e = events_segment(1, &events_exchange[3]);
		const struct event end = events_end(1);
		o.payload = i == 1;
		events_payload(&e, "<secret>", 8);
		events_play_begin(&p, "html", &o);
		events_play(&p, &e);
		events_play(&p, &end);
		char *html = events_play_end(&p, NULL);
		assert_int_equal(count_of(html, "secret") > 0, i);
		assert_null(strstr(html, "<secret>"));
		free(html);
	}
}

/* Hostile names, notes, options and payloads, in every place they can come to. With
 * HOSTILE_PAGE in the environment the page is kept there, for a browser (tests/lab/player.sh). */
static void test_html_hostile_strings_are_inert(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	o.payload = true;
	o.verbosity = 2;
	o.truth = true;
	events_play_begin(&p, "html", &o);
	events_play_everything(&p);
	char *html = events_play_end(&p, &count);
	assert_int_equal(strlen(html), count);
	assert_int_equal(count_of(html, "<script"), 2);
	assert_int_equal(count_of(html, "</script"), 2);
	assert_null(strstr(html, "<b>"));
	for (const char *c = html; *c != '\0'; c++)
		assert_true((unsigned char)*c >= 0x20 || *c == '\n' || *c == '\t');
	const char *path = getenv("HOSTILE_PAGE");
	FILE *f = path == NULL ? NULL : fopen(path, "w");
	if (f != NULL) {
		assert_int_equal(fwrite(html, 1, count, f), count);
		fclose(f);
	}
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_is_complete_without_a_script),
		cmocka_unit_test(test_html_needs_nothing_from_outside),
		cmocka_unit_test(test_html_sizes_are_bounded),
		cmocka_unit_test(test_html_data_has_the_row_as_the_script_names_it),
		cmocka_unit_test(test_html_payload_only_if_asked_for),
		cmocka_unit_test(test_html_hostile_strings_are_inert),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

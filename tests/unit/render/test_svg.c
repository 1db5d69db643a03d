#include "../../support/cm.h"
#include "../../support/events.h"

#include <stdlib.h>
#include <string.h>

static char *draw(const struct render_options *o)
{
	struct events_player p;
	const struct event flow = events_flow(1, 1074100);
	const struct event end = events_end(1075000);
	events_play_begin(&p, "svg", o);
	events_play_exchange(&p, 1);
	events_play(&p, &flow);
	events_play(&p, &end);
	return events_play_end(&p, NULL);
}

static int count_of(const char *text, const char *what)
{
	int count = 0;
	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

static void test_svg_each_segment_is_a_group(void **state)
{
	const struct render_options o = events_options();
	char *svg = draw(&o);
	(void)state;
	assert_int_equal(count_of(svg, "<g id=\"seg-"), 11);
	assert_int_equal(count_of(svg, "</g>"), 11);
	assert_non_null(strstr(svg, "<g id=\"seg-2\" class=\"seg in\">\n<title>2: server to client "
				    "SYN,ACK seq 0 raw 2594639151"));
	assert_non_null(strstr(svg, ">2  SYN,ACK  seq 0  ack 1</text>"));
	assert_non_null(strstr(svg, ">raw 2594639151 / 3897988995</text>"));
	assert_non_null(strstr(svg, ">application idle for 1.000 s</text>"));
	assert_non_null(strstr(svg, ">● SYN-RECEIVED</text>"));
	free(svg);
}

static void test_svg_numbers_are_those_asked_for(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.numbers = NUMBERS_SYMBOLIC;
	char *svg = draw(&o);
	assert_non_null(strstr(svg, ">2  SYN,ACK  seq y  ack x+1</text>"));
	free(svg);
	o.numbers = NUMBERS_RAW;
	svg = draw(&o);
	assert_non_null(strstr(svg, ">2  SYN,ACK  seq 2594639151  ack 3897988995</text>"));
	assert_null(strstr(svg, ">raw "));
	free(svg);
}

static void test_svg_theme_chooses_colours(void **state)
{
	static const struct {
		enum theme theme;
		const char *has, *has_not;
	} cases[] = {
		{THEME_AUTO, "prefers-color-scheme:dark", "\"#6cb6f5\""},
		{THEME_LIGHT, "\"#005a9c\"", "prefers-color-scheme"},
		{THEME_DARK, "\"#6cb6f5\"", "\"#005a9c\""},
		{THEME_PRINT, "\"#000000\"", "\"#005a9c\""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct render_options o = events_options();
		o.theme = cases[i].theme;
		char *svg = draw(&o);
		assert_non_null(strstr(svg, cases[i].has));
		assert_null(strstr(svg, cases[i].has_not));
		free(svg);
	}
}

static void test_svg_until_draws_that_much(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.until = 4;
	char *svg = draw(&o);
	assert_int_equal(count_of(svg, "<g id=\"seg-"), 4);
	assert_null(strstr(svg, "closing"));
	free(svg);
	o.until = 12; /* there are eleven */
	svg = draw(&o);
	assert_string_equal(svg, "");
	free(svg);
}

static void test_svg_payload_only_if_asked_for(void **state)
{
	struct render_options o = events_options();
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct events_player p;
		struct event e = events_segment(1, &events_exchange[3]);
		const struct event end = events_end(1);
		o.payload = i == 1;
		events_payload(&e, "<secret>", 8);
		events_play_begin(&p, "svg", &o);
		events_play(&p, &e);
		events_play(&p, &end);
		char *svg = events_play_end(&p, NULL);
		assert_int_equal(count_of(svg, "&lt;secret&gt;"), i);
		assert_null(strstr(svg, "<secret>"));
		free(svg);
	}
}

static void test_svg_hostile_strings_are_inert(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	o.payload = true;
	o.verbosity = 1;
	o.truth = true;
	events_play_begin(&p, "svg", &o);
	events_play_everything(&p);
	char *svg = events_play_end(&p, &count);
	assert_int_equal(strlen(svg), count);
	assert_null(strstr(svg, "<script"));
	assert_null(strstr(svg, "<b>"));
	assert_null(strchr(svg, '\033'));
	for (const char *c = svg; *c != '\0'; c++)
		assert_true((unsigned char)*c >= 0x20 || *c == '\n');
	assert_int_equal(count_of(svg, "id=\"seg-1\""), 1);
	free(svg);
}

static void test_svg_without_segments_says_so(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	const struct event end = events_end(1);
	(void)state;
	events_play_begin(&p, "svg", &o);
	events_play(&p, &end);
	char *svg = events_play_end(&p, NULL);
	assert_non_null(strstr(svg, "No TCP was seen."));
	free(svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_svg_each_segment_is_a_group),
		cmocka_unit_test(test_svg_numbers_are_those_asked_for),
		cmocka_unit_test(test_svg_theme_chooses_colours),
		cmocka_unit_test(test_svg_until_draws_that_much),
		cmocka_unit_test(test_svg_payload_only_if_asked_for),
		cmocka_unit_test(test_svg_hostile_strings_are_inert),
		cmocka_unit_test(test_svg_without_segments_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/expect.h"

#include <stdlib.h>
#include <string.h>

static void test_lines_exchange_is_one_sentence_a_segment(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	(void)state;
	events_play_begin(&p, "lines", &o);
	events_play_exchange(&p, 1);
	struct event e = events_verdict(1, 1074100);
	events_play(&p, &e);
	e = events_flow(1, 1074100);
	events_play(&p, &e);
	e = events_end(1074100);
	events_play(&p, &e);
	char *text = events_play_end(&p, NULL);
	expect_text("lines", text);
	free(text);
}

static void test_lines_everything_is_ascii_and_said(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	(void)state;
	o.verbosity = 1;
	o.truth = true;
	events_play_begin(&p, "lines", &o);
	events_play_everything(&p);
	char *text = events_play_end(&p, NULL);
	expect_text("lines-everything", text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_exchange_is_one_sentence_a_segment),
		cmocka_unit_test(test_lines_everything_is_ascii_and_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

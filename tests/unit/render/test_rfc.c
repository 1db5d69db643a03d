#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/expect.h"

#include <stdlib.h>
#include <string.h>

static void play(const char *name, const struct render_options *o)
{
	struct events_player p;
	events_play_begin(&p, "rfc", o);
	events_play_exchange(&p, 1);
	const struct event end = events_end(1074100);
	events_play(&p, &end);
	char *text = events_play_end(&p, NULL);
	expect_text(name, text);
	free(text);
}

static void test_rfc_exchange_is_as_designed(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.verbosity = -1;
	play("rfc-80", &o);
	o.ascii = true;
	play("rfc-80-ascii", &o);
	o.width = 120;
	play("rfc-120-ascii", &o);
	o.ascii = false;
	play("rfc-120", &o);
	o.numbers = NUMBERS_RAW;
	o.time_mode = TIME_ABS;
	o.width = 60;
	play("rfc-60-raw-abs", &o);
}

static void test_rfc_everything_has_a_row(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	(void)state;
	o.verbosity = 1;
	events_play_begin(&p, "rfc", &o);
	struct event e = events_segment(1, &events_exchange[0]);
	events_play(&p, &e);
	e = events_timer(1, 1000000, "");
	events_play(&p, &e);
	e = events_segment(1, &events_exchange[0]);
	e.u.segment.held = true;
	events_note(&e, NOTE_CHECKSUM_BAD, "the sum is wrong", "9293 3.1");
	events_play(&p, &e);
	e = events_icmp(1, 3, 1000100);
	events_play(&p, &e);
	e = events_transition(1, 1000100);
	events_play(&p, &e);
	e = events_verdict(1, 1000100);
	events_play(&p, &e);
	e = events_end(1000100);
	events_play(&p, &e);
	char *text = events_play_end(&p, NULL);
	expect_text("rfc-everything", text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_exchange_is_as_designed),
		cmocka_unit_test(test_rfc_everything_has_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

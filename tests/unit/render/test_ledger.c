#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/expect.h"

#include <stdlib.h>
#include <string.h>

static void play(const char *name, const struct render_options *o)
{
	struct events_player p;
	events_play_begin(&p, "ledger", o);
	events_play_exchange(&p, 1);
	const struct event end = events_end(1074100);
	events_play(&p, &end);
	char *text = events_play_end(&p, NULL);
	expect_text(name, text);
	free(text);
}

static void test_ledger_exchange_is_as_designed(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.verbosity = -1;
	play("ledger-80", &o);
	o.ascii = true;
	play("ledger-80-ascii", &o);
	o.width = 120;
	play("ledger-120-ascii", &o);
	o.ascii = false;
	play("ledger-120", &o);
	o.width = 60;
	play("ledger-60", &o);
}

/* What a segment of the client uses, in the client's column of an 80-column page. */
static void test_ledger_cells_say_what_is_used(void **state)
{
	static const struct {
		const char *name;
		uint16_t flags;
		uint32_t seq, len;
		bool again;
		const char *want;
	} cases[] = {
		{"a bare ACK uses none", TCP_ACK, 1, 0, false, "| > (none) next 1     |"},
		{"a SYN uses one", TCP_SYN, 0, 0, false, "| > SYN 0 next 1      |"},
		{"a FIN uses one", TCP_FIN | TCP_ACK, 5, 0, false, "| > FIN 5 next 6      |"},
		{"data uses its length", TCP_ACK, 1, 3, false, "| > data 1..3 next 4  |"},
		{"SYN with data", TCP_SYN, 0, 3, false, "| > SYN 0 data 1..3   |"},
		{"data with FIN", TCP_FIN | TCP_ACK, 1, 3, false, "| > data 1..3 FIN 4   |"},
		{"again uses no new ones", TCP_ACK, 1, 3, true, "| > again 1..3 next 4 |"},
		{"large numbers", TCP_ACK, 1234567, 1448, false, "| > 1234567..1236014  |"},
		{"larger ones", TCP_ACK, 1234567890, 1448, false, "| > 1234567890+1448   |"},
		{"across the wrap", TCP_ACK, 4294967295u, 2, false, "| > data 4294967295..0|"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct render_options o = events_options();
		struct events_player p;
		const struct events_segment s = {
			.n = 1,
			.from = SIDE_CLIENT,
			.flags = cases[i].flags,
			.seq = cases[i].seq,
			.len = cases[i].len,
		};
		o.ascii = true;
		events_play_begin(&p, "ledger", &o);
		struct event e = events_segment(1, &s);
		e.u.segment.retransmission = cases[i].again;
		events_play(&p, &e);
		char *text = events_play_end(&p, NULL);
		/* not live: shown at the end only */
		assert_string_equal(text, "");
		free(text);
		events_play_begin(&p, "ledger", &o);
		events_play(&p, &e);
		const struct event end = events_end(0);
		events_play(&p, &end);
		text = events_play_end(&p, NULL);
		if (strstr(text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger_exchange_is_as_designed),
		cmocka_unit_test(test_ledger_cells_say_what_is_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/sentence.h"

#include <string.h>

static void test_sentence_transition_cases(void **state)
{
	static const struct {
		struct transition t;
		const char *want;
	} cases[] = {
		{{.side = SIDE_SERVER,
		  .from = ST_SYN_RECEIVED,
		  .to = ST_ESTABLISHED,
		  .certainty = CERTAINTY_PROVEN,
		  .by = 5,
		  .cause = "it acknowledges our data",
		  .rfc = "9293 3.10.7.4"},
		 "server: SYN-RECEIVED -> ESTABLISHED, proven by 5, it acknowledges our data (RFC "
		 "9293 3.10.7.4)"},
		{{.side = SIDE_SERVER,
		  .from = ST_SYN_RECEIVED,
		  .to = ST_SYN_RECEIVED,
		  .certainty = CERTAINTY_PROVEN,
		  .by = 2,
		  .cause = "proven by the segment it sent"},
		 "server: SYN-RECEIVED, proven by 2"},
		{{.side = SIDE_SERVER,
		  .from = ST_LISTEN,
		  .to = ST_SYN_RECEIVED,
		  .certainty = CERTAINTY_EXPECTED,
		  .by = 1,
		  .cause = "expected once the segment sent to it arrives"},
		 "server: LISTEN -> SYN-RECEIVED, expected once the segment sent to it arrives"},
		{{.side = SIDE_CLIENT,
		  .from = ST_CLOSED,
		  .to = ST_SYN_SENT,
		  .certainty = CERTAINTY_EXACT,
		  .by = 1,
		  .cause = "SYN sent"},
		 "client: CLOSED -> SYN-SENT, SYN sent"},
		{{.side = SIDE_CLIENT,
		  .from = ST_TIME_WAIT,
		  .to = ST_CLOSED,
		  .certainty = CERTAINTY_EXACT},
		 "client: TIME-WAIT -> CLOSED"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[SENTENCE_MAX];
		assert_string_equal(sentence_transition(&cases[i].t, text, sizeof text),
				    cases[i].want);
	}
}

static void test_sentence_sets_each_without_those_before(void **state)
{
	char text[SENTENCE_MAX];
	struct end_view v = {.certainty = CERTAINTY_EXPECTED, .state = ST_ESTABLISHED};
	(void)state;
	v.loss = state_set(ST_ESTABLISHED);
	v.orderly = v.loss;
	v.possible = v.loss;
	assert_string_equal(sentence_sets(SIDE_SERVER, &v, text, sizeof text), "");
	v.loss = (state_set_t)(v.loss | state_set(ST_SYN_RECEIVED));
	v.orderly = (state_set_t)(v.loss | state_set(ST_FIN_WAIT_1));
	v.possible = (state_set_t)(v.orderly | state_set(ST_CLOSED) | state_set(ST_LISTEN));
	assert_string_equal(sentence_sets(SIDE_SERVER, &v, text, sizeof text),
			    "server if segments were lost: SYN-RECEIVED; if its application acted: "
			    "FIN-WAIT-1; at all: CLOSED LISTEN");
	v.certainty = CERTAINTY_EXACT;
	assert_string_equal(sentence_sets(SIDE_SERVER, &v, text, sizeof text), "");
}

static void test_sentence_window_cases(void **state)
{
	char text[SENTENCE_MAX];
	struct event e = events_segment(1, &events_exchange[2]);
	struct event_segment *s = &e.u.segment;
	(void)state;
	assert_string_equal(sentence_window(s, text, sizeof text), "win 64240");
	s->tcp.window = 63;
	s->window_bytes = 64512;
	assert_string_equal(sentence_window(s, text, sizeof text), "win 64512 (63 scaled)");
	s->window_bytes = 63;
	s->window_scale_known = false;
	assert_string_equal(sentence_window(s, text, sizeof text), "win 63 (scale unknown)");
	s->tcp.flags = TCP_SYN; /* never scaled: RFC 7323 section 2.2 */
	s->tcp.option.has_mss = true;
	s->tcp.option.mss = 1460;
	assert_string_equal(sentence_window(s, text, sizeof text), "win 63; mss 1460");
}

static void test_sentence_timer_and_note_and_icmp(void **state)
{
	char text[SENTENCE_MAX];
	struct event e = events_timer(1, 0, "");
	const struct note note = {.text = "a thought", .rfc = "9293 3.5"};
	(void)state;
	assert_string_equal(sentence_timer(&e.u.timer, text, sizeof text),
			    "retransmission timer, 1.000 s (expiry 1)");
	e.u.timer.gave_up = true;
	assert_string_equal(sentence_timer(&e.u.timer, text, sizeof text),
			    "retransmission timer, 1.000 s (expiry 1); given up");
	e = events_timer(1, 0, "in its own words");
	assert_string_equal(sentence_timer(&e.u.timer, text, sizeof text), "in its own words");
	assert_string_equal(sentence_note(&note, text, sizeof text), "a thought (RFC 9293 3.5)");
	e = events_icmp(1, 2, 0);
	assert_string_equal(sentence_icmp(&e.u.icmp, text, sizeof text),
			    "ICMP admin prohibited, about 1");
}

static void test_sentence_long_texts_are_cut(void **state)
{
	char text[16];
	const struct note note = {.text = "a thought that is too long", .rfc = "9293 3.5"};
	(void)state;
	assert_string_equal(sentence_note(&note, text, sizeof text), "a thought that ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentence_transition_cases),
		cmocka_unit_test(test_sentence_sets_each_without_those_before),
		cmocka_unit_test(test_sentence_window_cases),
		cmocka_unit_test(test_sentence_timer_and_note_and_icmp),
		cmocka_unit_test(test_sentence_long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

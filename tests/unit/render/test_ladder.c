/* The ladder, against expected text: the exchange that the design was drawn with, and what
 * goes wrong in real ones. */
#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/expect.h"

#include <stdlib.h>
#include <string.h>

static void finish(struct events_player *p, const char *name)
{
	char *text = events_play_end(p, NULL);
	expect_text(name, text);
	free(text);
}

static void play_whole(const char *name, const struct render_options *o)
{
	struct events_player p;
	events_play_begin(&p, "ladder", o);
	events_play_exchange(&p, 1);
	const struct event end = events_end(1074100);
	events_play(&p, &end);
	finish(&p, name);
}

static void test_ladder_exchange_is_as_designed(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.verbosity = -1; /* nothing but the ladder */
	play_whole("ladder-80", &o);
	o.ascii = true;
	play_whole("ladder-80-ascii", &o);
	o.width = 120;
	play_whole("ladder-120-ascii", &o);
	o.ascii = false;
	play_whole("ladder-120", &o);
}

static void test_ladder_numbers_and_times_as_asked(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.verbosity = -1;
	o.numbers = NUMBERS_REL;
	o.time_mode = TIME_DELTA;
	play_whole("ladder-rel-delta", &o);
	o.numbers = NUMBERS_RAW;
	o.time_mode = TIME_ABS;
	play_whole("ladder-raw-abs", &o);
	o.width = 60;
	play_whole("ladder-60-raw-abs", &o);
}

/* All that surrounds a ladder: names, payload, notes, transitions, verdict, summary. */
static void play_told(const char *name, const struct render_options *o)
{
	struct events_player p;
	events_play_begin(&p, "ladder", o);
	struct event e = events_start(1);
	e.u.start.server_name = "www.example.org";
	events_play(&p, &e);
	for (size_t i = 0; i < events_exchange_count; i++) {
		e = events_segment(1, &events_exchange[i]);
		if (i == 1)
			events_note(&e, NOTE_SYNACK_ACCEPTABLE,
				    "acknowledges our SYN: ack 3897988995 = ISN 3897988994 + 1",
				    "9293 3.10.7.3");
		if (i == 3)
			events_payload(&e, "hello, world\n", 13);
		events_play(&p, &e);
		if (i == 4) {
			e = events_transition(1, 48500);
			events_play(&p, &e);
		}
	}
	e = events_verdict(1, 1074100);
	events_play(&p, &e);
	e = events_flow(1, 1074100);
	events_play(&p, &e);
	e = events_end(1074100);
	events_play(&p, &e);
	finish(&p, name);
}

static void test_ladder_verbosity_adds_sentences(void **state)
{
	struct render_options o = events_options();
	(void)state;
	play_told("ladder-told", &o);
	o.verbosity = 2;
	play_told("ladder-told-verbose", &o);
}

static void test_ladder_color_is_two_hues(void **state)
{
	struct render_options o = events_options();
	(void)state;
	o.color = true;
	play_told("ladder-told-color", &o);
}

static void test_ladder_silence_then_errors_by_icmp(void **state)
{
	const struct render_options o = events_options();
	struct events_segment syn = events_exchange[0];
	struct events_player p;
	(void)state;
	syn.certainty = CERTAINTY_UNKNOWN;
	events_play_begin(&p, "ladder", &o);
	struct event e = events_start(1);
	events_play(&p, &e);
	e = events_segment(1, &syn);
	events_play(&p, &e);
	e = events_timer(1, 1000100, "");
	events_play(&p, &e);
	syn.n = 2;
	syn.at_us = 1000200;
	e = events_segment(1, &syn);
	e.u.segment.retransmission = true;
	events_note(&e, NOTE_SYN_RETRANSMITTED, "the same SYN again", NULL);
	events_play(&p, &e);
	e = events_icmp(1, 3, 1020000);
	events_note(&e, NOTE_ICMP_REFUSES, "a router refuses to pass our SYN on", "1812 5.2.7");
	events_play(&p, &e);
	e = events_icmp(1, 4, 1021000);
	e.u.icmp.icmp.ip.src = e.u.icmp.icmp.quoted_dst.addr; /* the host itself */
	e.u.icmp.icmp.reason = ICMP_PORT_UNREACHABLE;
	events_play(&p, &e);
	e = events_icmp(1, 5, 1022000);
	e.u.icmp.about = SIDE_SERVER;
	e.u.icmp.about_n = 0;
	events_play(&p, &e);
	e = events_timer(1, 5000000, "gave up after 2 SYNs");
	e.u.timer.after_ns = 100;
	e.u.timer.gave_up = true;
	events_play(&p, &e);
	e = events_verdict(1, 5000000);
	e.u.verdict.verdict = VERDICT_REJECTED;
	e.u.verdict.has_by = true;
	e.u.verdict.by = events_icmp(1, 0, 0).u.icmp.icmp.ip.src;
	strcpy(e.u.verdict.reason, "a router answered for the host");
	events_play(&p, &e);
	e = events_end(5000000);
	e.u.end.capture_dropped = 12;
	e.u.end.complete = false;
	e.u.end.reason = "interrupted";
	events_play(&p, &e);
	finish(&p, "ladder-silence");
}

static void test_ladder_held_segments_are_drawn_short(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	(void)state;
	o.verbosity = -1;
	events_play_begin(&p, "ladder", &o);
	for (size_t i = 0; i < 3; i++) {
		struct event e = events_segment(1, &events_exchange[i]);
		e.u.segment.held = i > 0;
		events_play(&p, &e);
	}
	const struct event end = events_end(0);
	events_play(&p, &end);
	finish(&p, "ladder-held");
}

static void test_ladder_problems_are_always_said(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	(void)state;
	o.verbosity = -1;
	events_play_begin(&p, "ladder", &o);
	struct event e = events_segment(1, &events_exchange[1]);
	events_note(&e, NOTE_SYNACK_WRONG_ACK,
		    "acknowledges 3897989008, but our ISN + 1 is 3897988995", "9293 3.10.7.3");
	events_play(&p, &e);
	e = events_segment(1, &events_exchange[5]);
	e.u.segment.tcp.flags = TCP_RST;
	events_note(&e, NOTE_RST_IGNORED, "outside of the window", "5961 3.2");
	events_play(&p, &e);
	e = events_segment(1, &events_exchange[5]);
	e.u.segment.server.contradiction = true;
	events_note(&e, NOTE_CONTRADICTION, "no row of the table explains this", NULL);
	events_play(&p, &e);
	e = events_end(0);
	events_play(&p, &e);
	finish(&p, "ladder-problems");
}

static void test_ladder_truth_is_compared(void **state)
{
	struct render_options o = events_options();
	struct events_player p;
	(void)state;
	o.verbosity = -1;
	o.truth = true;
	events_play_begin(&p, "ladder", &o);
	for (size_t i = 0; i < 5; i++) {
		struct event e = events_segment(1, &events_exchange[i]);
		e.u.segment.server.has_truth = true;
		e.u.segment.server.truth = i == 2   ? ST_SYN_RECEIVED
					   : i == 4 ? ST_LISTEN
						    : events_exchange[i].server;
		events_play(&p, &e);
	}
	const struct event end = events_end(0);
	events_play(&p, &end);
	finish(&p, "ladder-truth");
}

/* A capture that begins in the middle: no relative numbers, no certain names, two marks. */
static void test_ladder_midstream_capture_has_raw_numbers(void **state)
{
	struct render_options o = events_options();
	(void)state;
	for (int width = 80; width <= 120; width += 40) {
		struct events_player p;
		o.width = width;
		o.verbosity = -1;
		events_play_begin(&p, "ladder", &o);
		for (size_t i = 3; i < 5; i++) {
			struct event e = events_segment(1, &events_exchange[i]);
			e.u.segment.has_seq_rel = false;
			e.u.segment.has_ack_rel = false;
			e.u.segment.client.certainty = CERTAINTY_EXPECTED;
			e.u.segment.server.certainty = CERTAINTY_UNKNOWN;
			e.u.segment.server.possible =
				(state_set_t)(1u << ST_SYN_RECEIVED | 1u << ST_ESTABLISHED);
			events_play(&p, &e);
		}
		const struct event end = events_end(0);
		events_play(&p, &end);
		finish(&p, width == 80 ? "ladder-midstream-80" : "ladder-midstream-120");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ladder_exchange_is_as_designed),
		cmocka_unit_test(test_ladder_numbers_and_times_as_asked),
		cmocka_unit_test(test_ladder_verbosity_adds_sentences),
		cmocka_unit_test(test_ladder_color_is_two_hues),
		cmocka_unit_test(test_ladder_silence_then_errors_by_icmp),
		cmocka_unit_test(test_ladder_held_segments_are_drawn_short),
		cmocka_unit_test(test_ladder_problems_are_always_said),
		cmocka_unit_test(test_ladder_truth_is_compared),
		cmocka_unit_test(test_ladder_midstream_capture_has_raw_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

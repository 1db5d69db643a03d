/* From what came back while the connection was opened, to the verdict and the exit status. */
#include "../../../src/client/trace_internal.h"

#include "../../support/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define ISN 1000000u

/* One answer: what the machine made of it. */
struct answer {
	const char *flags;
	enum tcp_state before, after;
	uint32_t ack;
	bool stamped;
	uint32_t echo;
};

static struct run *run_open(void)
{
	struct run *r = calloc(1, sizeof *r);
	struct machine *m = calloc(1, machine_size());
	assert_non_null(r);
	assert_non_null(m);
	const struct machine_config c = {.isn = {ISN},
					 .mss = 1460,
					 .local = {{IP_V4, {192, 0, 2, 1}}, 40000},
					 .remote = {{IP_V4, {192, 0, 2, 2}}, 80}};
	machine_init(m, &c);
	assert_true(machine_open_active(m, 0));
	r->machine = m;
	r->answers.syn_sent = 1;
	r->answers.syn_time_ns = 1000 * MS;
	r->answers.syn_ts = 222;
	return r;
}

static void run_close(struct run *r)
{
	free(r->machine);
	free(r);
}

static void note(struct run *r, const struct answer *a)
{
	struct segment s = {.ack = {a->ack}};
	assert_true(tcp_flags_parse(&s.flags, a->flags));
	s.option.has_timestamps = a->stamped;
	s.option.ts_echo = a->echo;
	verdict_note_inbound(r, &s, a->before, a->after, 1020 * MS);
}

#define OPENS                                                        \
	{                                                            \
		"SA", ST_SYN_SENT, ST_ESTABLISHED, ISN + 1, false, 0 \
	}
#define REFUSES                                                 \
	{                                                       \
		"RA", ST_SYN_SENT, ST_CLOSED, ISN + 1, false, 0 \
	}
#define WRONG                                                 \
	{                                                     \
		"SA", ST_SYN_SENT, ST_SYN_SENT, 778, false, 0 \
	}

static void test_verdict_of_answers(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct answer answers[3];
		bool gave_up;
		enum verdict verdict;
		int status; /* when open was wanted */
		bool has_rtt;
		const char *reason; /* some of it */
	} cases[] = {
		{"open",
		 {OPENS},
		 false,
		 VERDICT_OPEN,
		 EXIT_EXPECTED,
		 true,
		 "the handshake was completed"},
		{"open, with a FIN at once",
		 {{"SFA", ST_SYN_SENT, ST_CLOSE_WAIT, ISN + 1, false, 0}},
		 false,
		 VERDICT_OPEN,
		 EXIT_EXPECTED,
		 true,
		 "completed"},
		{"simultaneous open",
		 {{"S", ST_SYN_SENT, ST_SYN_RECEIVED, 0, false, 0},
		  {"SA", ST_SYN_RECEIVED, ST_ESTABLISHED, ISN + 1, false, 0}},
		 false,
		 VERDICT_OPEN,
		 EXIT_EXPECTED,
		 true,
		 "completed"},
		{"closed",
		 {REFUSES},
		 false,
		 VERDICT_CLOSED,
		 EXIT_OTHERWISE,
		 true,
		 "answered by an RST that acknowledges it"},
		{"filtered",
		 {{NULL}},
		 true,
		 VERDICT_FILTERED,
		 EXIT_NO_ANSWER,
		 false,
		 "1 segment, no answer"},
		{"interrupted", {{NULL}}, false, VERDICT_NONE, EXIT_NO_ANSWER, false, ""},
		{"a wrong SYN,ACK, then the right one",
		 {WRONG, OPENS},
		 false,
		 VERDICT_OPEN,
		 EXIT_EXPECTED,
		 true,
		 "acknowledged 778, which is not the SYN's ISN + 1 (1000001)"},
		{"a wrong SYN,ACK, then refused",
		 {WRONG, REFUSES},
		 false,
		 VERDICT_INCONSISTENT,
		 EXIT_INCONCLUSIVE,
		 true,
		 "refused by RST, but before that: a SYN,ACK acknowledged 778"},
		{"only a wrong SYN,ACK",
		 {WRONG},
		 true,
		 VERDICT_INCONSISTENT,
		 EXIT_INCONCLUSIVE,
		 false,
		 "only this: a SYN,ACK acknowledged 778"},
		{"only an RST without ACK",
		 {{"R", ST_SYN_SENT, ST_SYN_SENT, 0, false, 0}},
		 true,
		 VERDICT_INCONSISTENT,
		 EXIT_INCONCLUSIVE,
		 false,
		 "without ACK, which proves nothing"},
		{"only an RST with another ACK",
		 {{"RA", ST_SYN_SENT, ST_SYN_SENT, 5, false, 0}},
		 true,
		 VERDICT_INCONSISTENT,
		 EXIT_INCONCLUSIVE,
		 false,
		 "a number that was never sent"},
		{"only an ACK",
		 {{"A", ST_SYN_SENT, ST_SYN_SENT, 5, false, 0}},
		 true,
		 VERDICT_INCONSISTENT,
		 EXIT_INCONCLUSIVE,
		 false,
		 "holds an older connection"},
		{"a reset later is no refusal",
		 {OPENS, {"R", ST_ESTABLISHED, ST_CLOSED, 0, false, 0}},
		 false,
		 VERDICT_OPEN,
		 EXIT_EXPECTED,
		 true,
		 "completed"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run *r = run_open();
		for (size_t k = 0; k < 3 && cases[i].answers[k].flags != NULL; k++)
			note(r, &cases[i].answers[k]);
		r->answers.gave_up = cases[i].gave_up;
		const struct event_verdict v = verdict_of(r, VERDICT_OPEN);
		if (v.verdict != cases[i].verdict || verdict_status(&v) != cases[i].status ||
		    v.has_rtt != cases[i].has_rtt || strstr(v.reason, cases[i].reason) == NULL)
			fail_msg("%s: %s, %d, rtt %d, \"%s\"", cases[i].name,
				 verdict_name(v.verdict), verdict_status(&v), v.has_rtt, v.reason);
		if (v.has_rtt)
			assert_int_equal(v.rtt_ns, 20 * MS);
		run_close(r);
	}
}

static void test_verdict_of_rtt_of_a_repeated_syn(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct answer answer;
		unsigned syn_sent;
		int64_t syn_time_ns;
		bool has_rtt;
	} cases[] = {
		{"one", OPENS, 1, 1000 * MS, true},
		{"two: which was answered?", OPENS, 2, 1000 * MS, false},
		{"two, the echo tells the last",
		 {"SA", ST_SYN_SENT, ST_ESTABLISHED, ISN + 1, true, 222},
		 2,
		 1000 * MS,
		 true},
		{"two, the echo tells another",
		 {"SA", ST_SYN_SENT, ST_ESTABLISHED, ISN + 1, true, 111},
		 2,
		 1000 * MS,
		 false},
		{"the capture has missed the SYN", OPENS, 1, 0, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run *r = run_open();
		r->answers.syn_sent = cases[i].syn_sent;
		r->answers.syn_time_ns = cases[i].syn_time_ns;
		note(r, &cases[i].answer);
		if (verdict_of(r, VERDICT_OPEN).has_rtt != cases[i].has_rtt)
			fail_msg("%s", cases[i].name);
		run_close(r);
	}
}

static void test_verdict_of_icmp_names_who(void **state)
{
	(void)state;
	static const struct {
		struct ip_addr from;
		const char *reason;
	} cases[] = {
		{{IP_V4, {203, 0, 113, 9}},
		 "admin prohibited, says 203.0.113.9, which is not the host (ICMP type 3 code 13)"},
		{{IP_V4, {192, 0, 2, 2}}, "admin prohibited, says 192.0.2.2, the host itself"},
	};
	for (size_t i = 0; i < 2; i++) {
		struct run *r = run_open();
		r->answers.rejected = true;
		r->answers.gave_up = true; /* the abort that follows is no silence */
		r->answers.icmp.type = 3;
		r->answers.icmp.code = 13;
		r->answers.icmp.reason = ICMP_ADMIN_PROHIBITED;
		r->answers.icmp.ip.src = cases[i].from;
		r->answers.icmp.quoted_dst.addr = (struct ip_addr){IP_V4, {192, 0, 2, 2}};
		const struct event_verdict v = verdict_of(r, VERDICT_OPEN);
		assert_int_equal(v.verdict, VERDICT_REJECTED);
		assert_int_equal(verdict_status(&v), EXIT_OTHERWISE);
		assert_true(v.has_by);
		assert_true(ip_addr_equal(&v.by, &cases[i].from));
		if (strstr(v.reason, cases[i].reason) == NULL)
			fail_msg("%s", v.reason);
		run_close(r);
	}
}

static void test_verdict_of_single_segments(void **state)
{
	(void)state;
	static const struct {
		uint16_t flags;
		enum verdict verdict;
		const char *reason;
	} cases[] = {
		{TCP_RST, VERDICT_CLOSED, "answered with RST: no such connection there"},
		{TCP_RST | TCP_ACK, VERDICT_CLOSED, "answered with RST,ACK"},
		{TCP_SYN | TCP_ACK, VERDICT_OPEN, "answered with SYN,ACK"},
		{TCP_ACK, VERDICT_INCONSISTENT, "answered with ACK"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run *r = run_open();
		r->answers.probe_answered = true;
		r->answers.probe_flags = cases[i].flags;
		const struct event_verdict v = verdict_of(r, VERDICT_OPEN);
		if (v.verdict != cases[i].verdict || strstr(v.reason, cases[i].reason) == NULL)
			fail_msg("%s: %s", verdict_name(v.verdict), v.reason);
		run_close(r);
	}
}

static void test_verdict_status_follows_what_was_wanted(void **state)
{
	(void)state;
	static const int when_not_wanted[] = {
		[VERDICT_NONE] = EXIT_NO_ANSWER,     [VERDICT_OPEN] = EXIT_OTHERWISE,
		[VERDICT_CLOSED] = EXIT_OTHERWISE,   [VERDICT_REJECTED] = EXIT_OTHERWISE,
		[VERDICT_FILTERED] = EXIT_NO_ANSWER, [VERDICT_INCONSISTENT] = EXIT_INCONCLUSIVE,
	};
	for (int is = VERDICT_NONE; is <= VERDICT_INCONSISTENT; is++) {
		for (int wanted = VERDICT_OPEN; wanted <= VERDICT_INCONSISTENT; wanted++) {
			const struct event_verdict v = {.verdict = (enum verdict)is,
							.wanted = (enum verdict)wanted};
			assert_int_equal(verdict_status(&v),
					 is == wanted ? EXIT_EXPECTED : when_not_wanted[is]);
		}
	}
}

static void test_verdict_of_long_texts_are_cut_and_ended(void **state)
{
	(void)state;
	for (int opened = 0; opened < 3; opened++) {
		struct run *r = run_open();
		struct run_answers *a = &r->answers;
		a->odd = true;
		a->opened = opened == 1;
		a->refused = opened == 2;
		memset(a->odd_text, 'x', sizeof a->odd_text - 1);
		const struct event_verdict v = verdict_of(r, VERDICT_OPEN);
		assert_true(strlen(v.reason) < sizeof v.reason);
		assert_true(strstr(v.reason, "xxxxxxxx") != NULL);
		run_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_of_answers),
		cmocka_unit_test(test_verdict_of_rtt_of_a_repeated_syn),
		cmocka_unit_test(test_verdict_of_icmp_names_who),
		cmocka_unit_test(test_verdict_of_single_segments),
		cmocka_unit_test(test_verdict_status_follows_what_was_wanted),
		cmocka_unit_test(test_verdict_of_long_texts_are_cut_and_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* From a segment and the variables of an end to facts: every comparison, on both sides of it. */
#include "synscope/core/input.h"

#include "../../support/cm.h"

#include "synscope/core/util.h"

#define UNA 0xfffffffau /* SND.UNA; the numbers in flight wrap */
#define NXT 0xfffffff0u /* RCV.NXT; so does the window */

static struct input_vars established(void)
{
	return (struct input_vars){.ctl = CTL_ESTABLISHED,
				   .iss = seq_of(UNA - 100),
				   .snd_una = seq_of(UNA),
				   .snd_nxt = seq_of(UNA + 20),
				   .snd_wnd_max = 1000,
				   .irs = seq_of(NXT - 50),
				   .rcv_nxt = seq_of(NXT),
				   .rcv_wnd = 100};
}

static facts_t facts_at(const struct input_vars *v, uint32_t offset, uint32_t text, uint16_t flags)
{
	const struct segment s = {.seq = seq_of(v->rcv_nxt.raw + offset),
				  .ack = v->snd_una,
				  .flags = flags,
				  .payload_bytes = text};
	return input_facts(v, &s);
}

#define SEQ_FACTS                                                                             \
	(FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_SEQ_OLD | FACT_SEQ_EDGE | FACT_SEQ_IRS | \
	 FACT_TEXT_IN_ORDER | FACT_FIN_IN_ORDER)

static void test_input_facts_sequence_by_the_four_cases(void **state)
{
	(void)state;
	const struct {
		const char *name;
		uint32_t window, offset, text;
		uint16_t flags;
		facts_t want;
	} cases[] = {
		/* SEG.LEN 0, RCV.WND 0 */
		{"empty, closed, exact", 0, 0, 0, TCP_ACK, FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT},
		{"empty, closed, before", 0, (uint32_t)-1, 0, TCP_ACK, FACT_SEQ_OLD},
		{"empty, closed, behind", 0, 1, 0, TCP_ACK, 0},
		/* SEG.LEN 0, RCV.WND > 0 */
		{"empty, exact", 100, 0, 0, TCP_ACK, FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT},
		{"empty, last", 100, 99, 0, TCP_ACK, FACT_SEQ_ACCEPTABLE},
		{"empty, right edge", 100, 100, 0, TCP_ACK, FACT_SEQ_EDGE},
		{"empty, past it", 100, 101, 0, TCP_ACK, 0},
		{"empty, before", 100, (uint32_t)-1, 0, TCP_ACK, FACT_SEQ_OLD},
		/* SEG.LEN > 0, RCV.WND 0 */
		{"text, closed, exact", 0, 0, 1, TCP_ACK, FACT_SEQ_EXACT},
		{"fin, closed, exact", 0, 0, 0, TCP_ACK | TCP_FIN, FACT_SEQ_EXACT},
		{"text, closed, old", 0, (uint32_t)-5, 5, TCP_ACK, FACT_SEQ_OLD},
		/* SEG.LEN > 0, RCV.WND > 0 */
		{"text, exact", 100, 0, 1, TCP_ACK,
		 FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_TEXT_IN_ORDER},
		{"text, more than the window", 100, 0, 500, TCP_ACK,
		 FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_TEXT_IN_ORDER},
		{"text, ends at RCV.NXT", 100, (uint32_t)-5, 5, TCP_ACK, FACT_SEQ_OLD},
		{"text, ends one later", 100, (uint32_t)-5, 6, TCP_ACK,
		 FACT_SEQ_ACCEPTABLE | FACT_TEXT_IN_ORDER},
		{"text, ahead", 100, 50, 10, TCP_ACK, FACT_SEQ_ACCEPTABLE},
		{"text, first byte last", 100, 99, 10, TCP_ACK, FACT_SEQ_ACCEPTABLE},
		{"text, behind", 100, 100, 10, TCP_ACK, 0},
		/* longer than the window on both sides: neither its first nor its last byte is in
		 */
		{"text, around", 100, (uint32_t)-5, 500, TCP_ACK,
		 FACT_SEQ_EDGE | FACT_TEXT_IN_ORDER},
		{"text, around, closed", 0, (uint32_t)-5, 500, TCP_ACK, 0},
		/* FIN */
		{"fin, exact", 100, 0, 0, TCP_ACK | TCP_FIN,
		 FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_FIN_IN_ORDER},
		{"fin behind text", 100, 0, 99, TCP_ACK | TCP_FIN,
		 FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_TEXT_IN_ORDER | FACT_FIN_IN_ORDER},
		{"fin just outside", 100, 0, 100, TCP_ACK | TCP_FIN,
		 FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT | FACT_TEXT_IN_ORDER},
		{"fin, old text", 100, (uint32_t)-5, 5, TCP_ACK | TCP_FIN,
		 FACT_SEQ_ACCEPTABLE | FACT_FIN_IN_ORDER},
		{"fin, ahead", 100, 1, 0, TCP_ACK | TCP_FIN, FACT_SEQ_ACCEPTABLE},
		{"fin, old", 100, (uint32_t)-1, 0, TCP_ACK | TCP_FIN, FACT_SEQ_OLD},
		/* SYN */
		{"syn, first", 100, (uint32_t)-50, 0, TCP_SYN, FACT_SEQ_OLD | FACT_SEQ_IRS},
		{"syn, in window", 100, 5, 0, TCP_SYN, FACT_SEQ_ACCEPTABLE},
		{"no syn at irs", 100, (uint32_t)-50, 0, TCP_ACK, FACT_SEQ_OLD},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct input_vars v = established();
		v.rcv_wnd = cases[i].window;
		const facts_t got =
			facts_at(&v, cases[i].offset, cases[i].text, cases[i].flags) & SEQ_FACTS;
		if (got != cases[i].want)
			print_error("case \"%s\"\n", cases[i].name);
		assert_int_equal(got, cases[i].want);
	}
}

#define ACK_FACTS                                                                             \
	(FACT_ACK_NEW | FACT_ACK_DUPLICATE | FACT_ACK_OLD | FACT_ACK_FUTURE | FACT_ACKS_SYN | \
	 FACT_ACKS_FIN)

static facts_t ack_facts(const struct input_vars *v, uint32_t ack)
{
	const struct segment s = {.seq = v->rcv_nxt, .ack = seq_of(ack), .flags = TCP_ACK};
	return input_facts(v, &s) & ACK_FACTS;
}

static void test_input_facts_acknowledgement_has_four_places(void **state)
{
	(void)state;
	struct input_vars v = established();
	assert_int_equal(ack_facts(&v, UNA), FACT_ACK_DUPLICATE | FACT_ACKS_SYN);
	assert_int_equal(ack_facts(&v, UNA + 1), FACT_ACK_NEW | FACT_ACKS_SYN);
	assert_int_equal(ack_facts(&v, UNA + 20), FACT_ACK_NEW | FACT_ACKS_SYN);
	assert_int_equal(ack_facts(&v, UNA + 21), FACT_ACK_FUTURE);
	assert_int_equal(ack_facts(&v, UNA - 100), FACT_ACK_DUPLICATE);
	assert_int_equal(ack_facts(&v, UNA - 1000), FACT_ACK_DUPLICATE);
	assert_int_equal(ack_facts(&v, UNA - 1001), FACT_ACK_OLD);
	assert_int_equal(ack_facts(&v, UNA + 0x80000000u), FACT_ACK_OLD);
	v.snd_wnd_max = INPUT_WINDOW_UNKNOWN;
	assert_int_equal(ack_facts(&v, UNA - 1001), FACT_ACK_DUPLICATE);
	assert_int_equal(ack_facts(&v, UNA + 0x80000000u), FACT_ACK_DUPLICATE);
	v.ctl = CTL_FIN_WAIT_1; /* the last number is our FIN */
	assert_int_equal(ack_facts(&v, UNA + 19), FACT_ACK_NEW | FACT_ACKS_SYN);
	assert_int_equal(ack_facts(&v, UNA + 20), FACT_ACK_NEW | FACT_ACKS_SYN | FACT_ACKS_FIN);
	v.ctl = CTL_FIN_WAIT_1_QUEUED;
	assert_int_equal(ack_facts(&v, UNA + 20), FACT_ACK_NEW | FACT_ACKS_SYN);
}

static void test_input_facts_without_ack_flag_say_nothing_of_it(void **state)
{
	(void)state;
	const struct input_vars v = established();
	const struct segment s = {.seq = v.rcv_nxt, .ack = seq_of(UNA + 5), .flags = TCP_FIN};
	assert_int_equal(input_facts(&v, &s) & ACK_FACTS, 0);
}

static void test_input_facts_closed_and_listen_see_flags_and_text_alone(void **state)
{
	(void)state;
	const enum ctl states[] = {CTL_CLOSED, CTL_LISTEN};
	for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
		struct input_vars v = established();
		v.ctl = states[i];
		assert_int_equal(facts_at(&v, 0, 3, TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST),
				 FACT_SYN | FACT_ACK | FACT_FIN | FACT_RST | FACT_TEXT);
		assert_int_equal(facts_at(&v, 0, 0, TCP_PSH | TCP_URG | TCP_ECE | TCP_CWR | TCP_AE),
				 0);
	}
}

static void test_input_facts_syn_sent_takes_their_syn_as_the_beginning(void **state)
{
	(void)state;
	struct input_vars v = {.ctl = CTL_SYN_SENT,
			       .iss = seq_of(UNA),
			       .snd_una = seq_of(UNA),
			       .snd_nxt = seq_of(UNA + 1),
			       .rcv_wnd = 10};
	struct segment s = {.seq = seq_of(12345),
			    .ack = seq_of(UNA + 1),
			    .flags = TCP_SYN | TCP_ACK | TCP_FIN,
			    .payload_bytes = 5};
	facts_t facts = input_facts(&v, &s);
	assert_true(facts & FACT_ACKS_SYN && facts & FACT_ACK_NEW);
	assert_true(facts & FACT_TEXT_IN_ORDER && facts & FACT_FIN_IN_ORDER);
	s.payload_bytes = 10; /* the FIN no longer fits the window of our SYN */
	assert_false(input_facts(&v, &s) & FACT_FIN_IN_ORDER);
	s.ack = seq_of(UNA);
	facts = input_facts(&v, &s);
	assert_false(facts & (FACT_ACKS_SYN | FACT_ACK_NEW));
	s.ack = seq_of(UNA + 2);
	assert_true(input_facts(&v, &s) & FACT_ACK_FUTURE);
	s.flags = TCP_ACK | TCP_FIN; /* no SYN: nothing is in order */
	assert_int_equal(input_facts(&v, &s) & SEQ_FACTS, 0);
}

static void test_input_facts_paws_needs_both_time_stamps(void **state)
{
	(void)state;
	struct input_vars v = established();
	struct segment s = {.seq = v.rcv_nxt,
			    .ack = v.snd_una,
			    .flags = TCP_ACK,
			    .option = {.has_timestamps = true, .ts_value = 0xfffffff0u}};
	v.ts_recent = 5; /* newer, past the wrap */
	assert_false(input_facts(&v, &s) & FACT_PAWS_REJECT);
	v.has_ts_recent = true;
	assert_true(input_facts(&v, &s) & FACT_PAWS_REJECT);
	s.flags = TCP_ACK | TCP_RST;
	assert_false(input_facts(&v, &s) & FACT_PAWS_REJECT);
	s.flags = TCP_SYN;
	assert_false(input_facts(&v, &s) & FACT_PAWS_REJECT);
	s.flags = TCP_ACK;
	s.option.ts_value = 5;
	assert_false(input_facts(&v, &s) & FACT_PAWS_REJECT);
	s.option.ts_value = 4;
	assert_true(input_facts(&v, &s) & FACT_PAWS_REJECT);
	s.option.has_timestamps = false;
	assert_false(input_facts(&v, &s) & FACT_PAWS_REJECT);
}

static void test_input_facts_newer_syn_in_time_wait(void **state)
{
	(void)state;
	struct input_vars v = established();
	v.ctl = CTL_TIME_WAIT;
	v.snd_una = v.snd_nxt;
	struct segment s = {.seq = seq_of(NXT + 1), .flags = TCP_SYN};
	assert_true(input_facts(&v, &s) & FACT_SYN_IS_NEW);
	s.seq = seq_of(NXT);
	assert_false(input_facts(&v, &s) & FACT_SYN_IS_NEW);
	v.has_ts_recent = true;
	v.ts_recent = 9;
	s.option.has_timestamps = true;
	s.option.ts_value = 9;
	assert_false(input_facts(&v, &s) & FACT_SYN_IS_NEW);
	s.option.ts_value = 10; /* RFC 6191: the time stamp is enough */
	assert_true(input_facts(&v, &s) & FACT_SYN_IS_NEW);
	s.flags = TCP_ACK;
	assert_false(input_facts(&v, &s) & FACT_SYN_IS_NEW);
	v.ctl = CTL_ESTABLISHED;
	s.flags = TCP_SYN;
	assert_false(input_facts(&v, &s) & FACT_SYN_IS_NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_facts_sequence_by_the_four_cases),
		cmocka_unit_test(test_input_facts_acknowledgement_has_four_places),
		cmocka_unit_test(test_input_facts_without_ack_flag_say_nothing_of_it),
		cmocka_unit_test(test_input_facts_closed_and_listen_see_flags_and_text_alone),
		cmocka_unit_test(test_input_facts_syn_sent_takes_their_syn_as_the_beginning),
		cmocka_unit_test(test_input_facts_paws_needs_both_time_stamps),
		cmocka_unit_test(test_input_facts_newer_syn_in_time_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Time-outs to the millisecond, by RFC 6298; what is sent again, by RFC 5681, 6582 and 6675.
 */
#include "synscope/core/machine.h"

#include "../../support/cm.h"
#include "../../support/rig.h"

#include "synscope/core/util.h"

#define S TCP_SYN
#define A TCP_ACK
#define F TCP_FIN

static void test_syn_goes_again_after_1_2_4_seconds_then_gives_up(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.syn_retries_max = 4;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	const int64_t waits_s[] = {1, 2, 4, 8};
	for (size_t i = 0; i < ARRAY_COUNT(waits_s); i++) {
		assert_int_equal(rig_waits_for_timer(&r), waits_s[i] * SECOND);
		rig_sends(&r, S, 0, 0, 0);
		rig_is_silent(&r);
	}
	assert_int_equal(rig_waits_for_timer(&r), 16 * SECOND);
	rig_is_silent(&r);
	assert_int_equal(r.m->ctl, CTL_CLOSED);
	assert_true(machine_gave_up(r.m));
	assert_false(machine_was_reset(r.m));
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	/* The log tells each of them, with its attempt and how long it had run. */
	struct machine_log log;
	unsigned attempt = 0;
	while (machine_log_next(r.m, &log)) {
		if (log.kind == MACHINE_LOG_TIMER) {
			assert_int_equal(log.after_ns, waits_s[attempt] * SECOND);
			assert_int_equal(log.attempt, ++attempt);
			assert_int_equal(log.timer, TIMER_RETRANSMISSION);
		}
		if (log.kind == MACHINE_LOG_GAVE_UP)
			assert_int_equal(log.after_ns, 16 * SECOND);
	}
	assert_int_equal(attempt, 4);
	rig_end(&r);
}

static void test_synack_goes_again_and_is_given_up(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.syn_retries_max = 2;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 0));
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 0, 1, 0);
	assert_int_equal(rig_waits_for_timer(&r), SECOND);
	rig_sends(&r, S | A, 0, 1, 0);
	assert_int_equal(rig_waits_for_timer(&r), 2 * SECOND);
	rig_sends(&r, S | A, 0, 1, 0);
	assert_int_equal(rig_waits_for_timer(&r), 4 * SECOND);
	rig_is_silent(&r);
	assert_int_equal(r.m->ctl, CTL_CLOSED);
	rig_end(&r);
}

static void test_rto_never_exceeds_its_maximum(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.rto_max_ns = 5 * SECOND;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	const int64_t waits_s[] = {1, 2, 4, 5, 5};
	for (size_t i = 0; i < ARRAY_COUNT(waits_s); i++) {
		assert_int_equal(rig_waits_for_timer(&r), waits_s[i] * SECOND);
		rig_sends(&r, S, 0, 0, 0);
	}
	rig_end(&r);
}

/* Send one byte, acknowledged after so many milliseconds. */
static void round_trip(struct rig *r, uint32_t at, int64_t ms)
{
	rig_queues(r, at, 1);
	rig_sends(r, A, at, 1, 1);
	rig_waits(r, ms * MS);
	rig_gives(r, A, 1, at + 1, 0);
	rig_is_silent(r);
}

static void test_rto_follows_the_measurements(void **state)
{
	(void)state;
	struct rig r;
	struct machine_config c = rig_config();
	c.rto_min_ns = MS;
	rig_begin(&r, &c);
	rig_establish_passive(&r); /* 100 ms */
	/* 2.2: SRTT <- R, RTTVAR <- R/2, RTO <- SRTT + max(G, K*RTTVAR) */
	assert_int_equal(machine_rto_ns(r.m), 300 * MS);
	/* 2.3: RTTVAR <- 3/4 * 50 + 1/4 * |100-140| = 47.5; SRTT <- 7/8 * 100 + 1/8 * 140 = 105 */
	round_trip(&r, 1, 140);
	assert_int_equal(machine_rto_ns(r.m), 105 * MS + 190 * MS);
	/* RTTVAR <- 3/4 * 47.5 + 1/4 * |105-105|, SRTT stays */
	round_trip(&r, 2, 105);
	assert_int_equal(machine_rto_ns(r.m), 105 * MS + 142500000);
	/* Steady: RTTVAR vanishes, and the granularity of the clock is added instead. */
	for (uint32_t i = 3; i < 200; i++)
		round_trip(&r, i, 105);
	assert_in_range(machine_rto_ns(r.m), 105 * MS + MS, 105 * MS + MS + 10000);
	rig_end(&r);
}

static void test_rto_has_a_minimum(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	for (uint32_t i = 1; i < 50; i++)
		round_trip(&r, i, 1);
	assert_int_equal(machine_rto_ns(r.m), 200 * MS);
	rig_end(&r);
}

static void test_rto_is_3_seconds_after_a_syn_that_went_twice(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	assert_int_equal(rig_waits_for_timer(&r), SECOND);
	rig_sends(&r, S, 0, 0, 0);
	rig_waits(&r, 10 * MS);
	rig_gives(&r, S | A, 0, 1, 0);
	rig_sends(&r, A, 1, 1, 0);
	assert_int_equal(machine_rto_ns(r.m), 3 * SECOND); /* 5.7 */
	rig_queues(&r, 1, 1);
	rig_sends(&r, A, 1, 1, 1);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 3 * SECOND);
	rig_waits(&r, 100 * MS);
	rig_gives(&r, A, 1, 2, 0);
	assert_int_equal(machine_rto_ns(r.m), 300 * MS);
	rig_end(&r);
}

static void test_rto_of_a_syn_that_went_twice_is_measured_by_time_stamps(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_timestamps = true;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	assert_int_equal(rig_waits_for_timer(&r), SECOND);
	rig_sends(&r, S, 0, 0, 0);
	r.time_stamps = true;
	r.ts_echo = r.out.option.ts_value;
	rig_waits(&r, 100 * MS);
	rig_gives(&r, S | A, 0, 1, 0);
	rig_sends(&r, A, 1, 1, 0);
	assert_int_equal(machine_rto_ns(r.m), 300 * MS);
	/* And from then on one sample for a round trip, not one for every ACK. */
	rig_queues(&r, 1, 3);
	rig_sends(&r, A, 1, 1, 3);
	r.ts_echo = r.out.option.ts_value;
	rig_waits(&r, 100 * MS);
	rig_gives(&r, A, 1, 3, 0);
	assert_int_equal(machine_rto_ns(r.m), 300 * MS);
	rig_gives(&r, A, 1, 4, 0);
	assert_int_equal(machine_rto_ns(r.m), 100 * MS + 4 * 37500000);
	rig_end(&r);
}

static void test_rto_doubles_and_stays_until_a_clean_measurement(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 10);
	rig_sends(&r, A, 1, 1, 10);
	assert_int_equal(rig_waits_for_timer(&r), 300 * MS);
	rig_sends(&r, A, 1, 1, 10);
	assert_int_equal(rig_waits_for_timer(&r), 600 * MS);
	rig_sends(&r, A, 1, 1, 10);
	/* Karn: which of the three was it? Nothing is learnt, the RTO stays backed off. */
	rig_waits(&r, 5 * MS);
	rig_gives(&r, A, 1, 11, 0);
	assert_int_equal(machine_rto_ns(r.m), 1200 * MS);
	rig_queues(&r, 11, 10);
	rig_sends(&r, A, 11, 1, 10);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 1200 * MS);
	rig_waits(&r, 100 * MS);
	rig_gives(&r, A, 1, 21, 0);
	assert_int_equal(machine_rto_ns(r.m), 100 * MS + 4 * 37500000);
	rig_end(&r);
}

static void test_time_stamps_measure_what_went_twice(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_timestamps = true;
	struct rig r;
	rig_begin(&r, &c);
	r.time_stamps = true;
	rig_establish_passive(&r);
	rig_queues(&r, 1, 10);
	rig_sends(&r, A, 1, 1, 10);
	assert_int_equal(rig_waits_for_timer(&r), 300 * MS);
	rig_sends(&r, A, 1, 1, 10);
	r.ts_echo = r.out.option.ts_value; /* the second copy is what was answered */
	rig_waits(&r, 100 * MS);
	rig_gives(&r, A, 1, 11, 0);
	assert_int_equal(machine_rto_ns(r.m), 100 * MS + 4 * 37500000);
	rig_end(&r);
}

static void test_timer_is_restarted_by_progress_and_stopped_at_the_end(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 2000);
	rig_sends(&r, A, 1, 1, 1000);
	rig_waits(&r, 50 * MS);
	rig_sends(&r, A, 1001, 1, 1000);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 250 * MS); /* 5.1: already running */
	rig_waits(&r, 50 * MS);
	rig_gives(&r, A, 1, 1001, 0);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, machine_rto_ns(r.m)); /* 5.3 */
	rig_gives(&r, A, 1, 2001, 0);
	assert_int_equal(machine_deadline(r.m), INT64_MAX); /* 5.2 */
	rig_end(&r);
}

static void test_retries_used_up_close_silently(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.retries_max = 3;
	struct rig r;
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 10);
	rig_sends(&r, A, 1, 1, 10);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(rig_waits_for_timer(&r) > 0);
		rig_sends(&r, A, 1, 1, 10);
	}
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_is_silent(&r);
	assert_int_equal(r.m->ctl, CTL_CLOSED);
	assert_true(machine_gave_up(r.m));
	rig_end(&r);
}

/* --- what is sent again ----------------------------------------------------------------- */

/* Ten segments of 1000 bytes are on their way. */
static void ten_in_flight(struct rig *r, const struct machine_config *c)
{
	struct machine_config config = *c;
	config.send_buffer_bytes = 60000;
	rig_begin(r, &config);
	r->option.sack_permitted = true;
	rig_establish_passive(r);
	rig_queues(r, 1, 10000);
	for (uint32_t i = 0; i < 10; i++)
		rig_sends(r, A, 1 + 1000 * i, 1, 1000);
	rig_is_silent(r);
	rig_waits(r, 100 * MS);
}

static void test_time_out_goes_back_and_starts_slowly(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	ten_in_flight(&r, &c);
	assert_int_equal(rig_waits_for_timer(&r), 200 * MS);
	assert_int_equal(r.m->cwnd, 1000);
	assert_int_equal(r.m->ssthresh, 5000); /* half of what was in flight */
	rig_sends(&r, A, 1, 1, 1000);
	rig_is_silent(&r);
	rig_gives(&r, A, 1, 1001, 0);
	rig_sends(&r, A, 1001, 1, 1000);
	rig_sends(&r, A, 2001, 1, 1000);
	rig_is_silent(&r);
	/* The rest had arrived all the same: nothing more goes twice. */
	rig_gives(&r, A, 1, 10001, 0);
	rig_is_silent(&r);
	assert_int_equal(r.m->recovery, MACHINE_STEADY);
	assert_true(machine_all_acked(r.m));
	rig_end(&r);
}

static void test_second_time_out_does_not_halve_again(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	ten_in_flight(&r, &c);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A, 1, 1, 1000);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A, 1, 1, 1000);
	assert_int_equal(r.m->ssthresh, 5000);
	rig_end(&r);
}

static void test_third_duplicate_sends_again_at_once(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	ten_in_flight(&r, &c);
	rig_gives(&r, A, 1, 1001, 0); /* the second one is lost */
	rig_gives(&r, A, 1, 1001, 0);
	rig_gives(&r, A, 1, 1001, 0);
	rig_is_silent(&r);
	rig_gives(&r, A, 1, 1001, 0);
	rig_sends(&r, A, 1001, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(r.m->recovery, MACHINE_FAST_RECOVERY);
	assert_int_equal(r.m->ssthresh, 4500);
	/* A window update, or a segment with text, is no duplicate. */
	const uint32_t duplicates = r.m->duplicate_acks;
	r.window = 50000;
	rig_gives(&r, A, 1, 1001, 0);
	rig_gives(&r, A, 1, 1001, 5);
	rig_sends(&r, A, 10001, 6, 0);
	assert_int_equal(r.m->duplicate_acks, duplicates);
	/* A partial acknowledgement: the next one is lost as well (RFC 6582). */
	rig_gives(&r, A, 6, 5001, 0);
	rig_sends(&r, A, 5001, 6, 1000);
	rig_gives(&r, A, 6, 10001, 0);
	assert_int_equal(r.m->recovery, MACHINE_STEADY);
	assert_in_range(r.m->cwnd, 2000, 4500);
	rig_is_silent(&r);
	rig_end(&r);
}

static void test_limited_transmit_sends_new_text_on_the_first_duplicates(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	ten_in_flight(&r, &c);
	rig_queues(&r, 10001, 5000);
	rig_is_silent(&r); /* cwnd is full */
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 10001, 1, 1000); /* RFC 3042 */
	rig_is_silent(&r);
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 11001, 1, 1000);
	rig_is_silent(&r);
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	assert_int_equal(r.m->ssthresh, 5000); /* of cwnd, not of what limited transmit added */
	rig_end(&r);
}

static void sacks(struct rig *r, uint32_t left, uint32_t right)
{
	r->option.sack_count = 1;
	r->option.sack[0] = (struct sack_block){RIG_ISS + left, RIG_ISS + right};
}

static void test_sack_sends_the_gaps_again_and_nothing_else(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	struct rig r;
	ten_in_flight(&r, &c);
	/* 1001 and 4001 are lost. */
	sacks(&r, 2001, 3001);
	rig_gives(&r, A, 1, 1001, 0);
	sacks(&r, 2001, 4001);
	rig_gives(&r, A, 1, 1001, 0);
	rig_is_silent(&r);
	r.option.sack_count = 2;
	r.option.sack[0] = (struct sack_block){RIG_ISS + 5001, RIG_ISS + 6001};
	r.option.sack[1] = (struct sack_block){RIG_ISS + 2001, RIG_ISS + 4001};
	rig_gives(&r, A, 1, 1001, 0);
	rig_sends(&r, A, 1001, 1, 1000);
	rig_is_silent(&r);
	sacks(&r, 5001, 7001);
	rig_gives(&r, A, 1, 1001, 0);
	rig_is_silent(&r); /* two segments behind 4001: perhaps late, not lost yet */
	sacks(&r, 5001, 8001);
	rig_gives(&r, A, 1, 1001, 0);
	rig_sends(&r, A, 4001, 1, 1000);
	rig_is_silent(&r);
	sacks(&r, 5001, 10001);
	rig_gives(&r, A, 1, 4001, 0);
	rig_is_silent(&r);
	r.option.sack_count = 0;
	rig_gives(&r, A, 1, 10001, 0);
	rig_is_silent(&r);
	assert_int_equal(r.m->recovery, MACHINE_STEADY);
	assert_int_equal(r.m->sacked_count, 0);
	rig_end(&r);
}

static void test_sack_of_what_came_later_says_that_the_repetition_is_lost_too(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	c.send_buffer_bytes = 20000;
	struct rig r;
	ten_in_flight(&r, &c);
	rig_queues(&r, 10001, 9000);
	sacks(&r, 1001, 4001);
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	rig_is_silent(&r);
	/* All but that one has arrived: new text goes. */
	sacks(&r, 1001, 10001);
	rig_gives(&r, A, 1, 1, 0);
	for (uint32_t at = 10001; at < 14001; at += 1000)
		rig_sends(&r, A, at, 1, 1000);
	rig_is_silent(&r);
	sacks(&r, 1001, 12001);
	rig_gives(&r, A, 1, 1, 0);
	for (uint32_t at = 14001; at < 16001; at += 1000)
		rig_sends(&r, A, at, 1, 1000);
	rig_is_silent(&r); /* two of the new: perhaps the repetition is only late */
	sacks(&r, 1001, 13001);
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	r.option.sack_count = 0;
	rig_gives(&r, A, 1, 16001, 0);
	assert_int_equal(r.m->recovery, MACHINE_STEADY);
	rig_end(&r);
}

/* A connection whose round trip is 10 ms. */
static void tail_begin(struct rig *r)
{
	struct machine_config c = rig_config();
	c.use_sack = true;
	c.tail_probe = true;
	rig_begin(r, &c);
	r->option.sack_permitted = true;
	rig_establish_passive(r);
	rig_queues(r, 1, 10);
	rig_sends(r, A, 1, 1, 10);
	rig_waits(r, 10 * MS);
	rig_gives(r, A, 1, 11, 0);
	r->m->srtt_ns = 10 * MS;
}

static void test_tail_probe_finds_a_lost_end_in_two_round_trips(void **state)
{
	(void)state;
	struct rig r;
	tail_begin(&r);
	rig_queues(&r, 11, 3000);
	for (uint32_t at = 11; at < 3011; at += 1000)
		rig_sends(&r, A, at, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(rig_waits_for_timer(&r), 22 * MS);
	rig_sends(&r, A, 2011, 1, 1000);
	rig_is_silent(&r);
	/* It arrives, the two before it had not. */
	sacks(&r, 2011, 3011);
	rig_gives(&r, A, 1, 11, 0);
	rig_sends(&r, A, 11, 1, 1000);
	rig_sends(&r, A, 1011, 1, 1000);
	r.option.sack_count = 0;
	rig_gives(&r, A, 1, 3011, 0);
	assert_true(machine_all_acked(r.m));
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	rig_end(&r);
}

static void test_tail_probe_goes_once_and_the_time_out_follows(void **state)
{
	(void)state;
	struct rig r;
	tail_begin(&r);
	rig_queues(&r, 11, 2000);
	rig_sends(&r, A, 11, 1, 1000);
	rig_sends(&r, A, 1011, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(rig_waits_for_timer(&r), 22 * MS);
	rig_sends(&r, A, 1011, 1, 1000);
	rig_is_silent(&r);
	const int64_t rto = machine_rto_ns(r.m);
	assert_int_equal(rig_waits_for_timer(&r), rto);
	rig_sends(&r, A, 11, 1, 1000);
	assert_int_equal(r.m->recovery, MACHINE_LOSS_RECOVERY);
	rig_end(&r);
}

static void test_tail_probe_brings_something_new_if_there_is_any(void **state)
{
	(void)state;
	struct rig r;
	tail_begin(&r);
	r.m->cwnd = 2000;
	rig_queues(&r, 11, 3000);
	rig_sends(&r, A, 11, 1, 1000);
	rig_sends(&r, A, 1011, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(rig_waits_for_timer(&r), 22 * MS);
	rig_sends(&r, A, 2011, 1, 1000);
	rig_is_silent(&r);
	rig_end(&r);
}

static void test_tail_probe_in_recovery_repeats_the_repetition_once(void **state)
{
	(void)state;
	struct rig r;
	tail_begin(&r);
	r.m->cwnd = 5000;
	rig_queues(&r, 11, 5000);
	for (uint32_t at = 11; at < 5011; at += 1000)
		rig_sends(&r, A, at, 1, 1000);
	sacks(&r, 1011, 5011);
	rig_gives(&r, A, 1, 11, 0);
	rig_sends(&r, A, 11, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(r.m->recovery, MACHINE_FAST_RECOVERY);
	const uint32_t cwnd = r.m->cwnd;
	assert_int_equal(rig_waits_for_timer(&r), 22 * MS);
	rig_sends(&r, A, 11, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(r.m->recovery, MACHINE_FAST_RECOVERY);
	assert_true(r.m->cwnd < cwnd); /* RFC 5681 section 4.3: twice lost, twice lowered */
	(void)rig_waits_for_timer(&r);
	assert_int_equal(r.m->recovery, MACHINE_LOSS_RECOVERY);
	rig_sends(&r, A, 11, 1, 1000);
	rig_end(&r);
}

static void test_sack_that_lies_is_not_believed(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	struct rig r;
	ten_in_flight(&r, &c);
	const uint32_t lies[][2] = {
		{20001, 21001},    {5001, 5001}, {6001, 5001},
		{(uint32_t)-5, 3}, {1, 2001},    {9001, 10002},
	};
	for (size_t i = 0; i < ARRAY_COUNT(lies); i++) {
		sacks(&r, lies[i][0], lies[i][1]);
		rig_gives(&r, A, 1, 1, 5);
		assert_int_equal(r.m->sacked_count, 0);
	}
	rig_end(&r);
}

static void test_sack_more_stretches_than_can_be_remembered(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	struct rig r;
	ten_in_flight(&r, &c);
	for (uint32_t i = 1; i < 25; i++) {
		sacks(&r, 1 + 200 * i, 101 + 200 * i);
		rig_gives(&r, A, 1, 1, 0);
		assert_true(r.m->sacked_count <= MACHINE_SACKED_MAX);
		for (unsigned k = 1; k < r.m->sacked_count; k++)
			assert_true(seq_lt(r.m->sacked[k - 1].right, r.m->sacked[k].left));
	}
	r.option.sack_count = 0;
	rig_gives(&r, A, 1, 10001, 0);
	assert_true(machine_all_acked(r.m));
	rig_end(&r);
}

static void test_cwnd_starts_at_ten_segments_doubles_then_grows_by_one(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	struct rig r;
	ten_in_flight(&r, &c);
	assert_int_equal(r.m->cwnd, 10000);
	for (uint32_t i = 1; i <= 10; i++)
		rig_gives(&r, A, 1, 1 + 1000 * i, 0);
	/* Only while the window was the limit: at the end little was in flight. */
	assert_int_equal(r.m->cwnd, 11000);
	rig_queues(&r, 10001, 22000);
	for (uint32_t i = 0; i < 11; i++)
		rig_sends(&r, A, 10001 + 1000 * i, 1, 1000);
	rig_is_silent(&r);
	for (uint32_t i = 1; i <= 11; i++) {
		rig_gives(&r, A, 1, 10001 + 1000 * i, 0);
		rig_sends(&r, A, 10001 + 1000 * (9 + 2 * i), 1, 1000);
		if (10001 + 1000 * (10 + 2 * i) < 32001)
			rig_sends(&r, A, 10001 + 1000 * (10 + 2 * i), 1, 1000);
		else
			break;
	}
	assert_in_range(r.m->cwnd, 16000, 22000);
	rig_end(&r);
}

static void test_cwnd_starts_smaller_if_the_syn_went_often(void **state)
{
	(void)state;
	const uint32_t want[] = {10000, 10000, 1000, 1000}; /* RFC 6928 section 2 */
	for (unsigned again = 0; again < ARRAY_COUNT(want); again++) {
		struct rig r;
		const struct machine_config c = rig_config();
		rig_begin(&r, &c);
		assert_true(machine_open_active(r.m, 0));
		rig_sends(&r, S, 0, 0, 0);
		for (unsigned i = 0; i < again; i++) {
			assert_true(rig_waits_for_timer(&r) > 0);
			rig_sends(&r, S, 0, 0, 0);
		}
		rig_gives(&r, S | A, 0, 1, 0);
		assert_int_equal(r.m->cwnd, want[again]);
		rig_end(&r);
	}
}

static void test_cwnd_is_forgotten_while_idle(void **state)
{
	(void)state;
	const struct machine_config c = rig_config();
	struct rig r;
	ten_in_flight(&r, &c);
	r.m->cwnd = 40000; /* as after a long transfer */
	rig_gives(&r, A, 1, 9001, 0);
	rig_waits(&r, 200 * MS);
	rig_is_silent(&r); /* something is in flight: not idle */
	assert_int_equal(r.m->cwnd, 40000);
	rig_gives(&r, A, 1, 10001, 0);
	rig_queues(&r, 10001, 1000);
	rig_sends(&r, A, 10001, 1, 1000);
	assert_int_equal(r.m->cwnd, 10000); /* RFC 5681 section 4.1: 300 ms are more than RTO */
	r.m->cwnd = 40000;
	rig_waits(&r, 100 * MS);
	rig_gives(&r, A, 1, 11001, 0);
	rig_waits(&r, 100 * MS);
	rig_queues(&r, 11001, 1000);
	rig_sends(&r, A, 11001, 1, 1000);
	assert_int_equal(r.m->cwnd, 40000); /* a short pause */
	rig_end(&r);
}

/* Everything that may go now: whole segments, one after the other from *next on. */
static void sends_all(struct rig *r, uint32_t *next)
{
	struct segment_spec spec;
	while (machine_output(r->m, &spec, r->now_ns)) {
		assert_int_equal(spec.seq.raw, RIG_ISS + *next);
		assert_int_equal(spec.payload_bytes, 1000);
		*next += 1000;
	}
}

static void test_cwnd_avoids_congestion_by_one_segment_for_a_window(void **state)
{
	(void)state;
	const struct machine_config c = rig_config();
	struct rig r;
	ten_in_flight(&r, &c);
	for (unsigned i = 0; i < 3; i++)
		rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	rig_gives(&r, A, 1, 10001, 0);
	assert_int_equal(r.m->ssthresh, 5000);
	assert_int_equal(r.m->cwnd, 2000); /* RFC 6582: little in flight, no burst */
	rig_queues(&r, 10001, 40000);
	uint32_t next = 10001;
	sends_all(&r, &next);
	/* An ACK for every segment: slow start up to 5000, then 5 ACKs for the sixth, 6 for the
	 * seventh. */
	const uint32_t cwnd[] = {3000, 4000, 5000, 5000, 5000, 5000, 5000,
				 6000, 6000, 6000, 6000, 6000, 6000, 7000};
	for (uint32_t i = 0; i < ARRAY_COUNT(cwnd); i++) {
		rig_gives(&r, A, 1, 11001 + 1000 * i, 0);
		assert_int_equal(r.m->cwnd, cwnd[i]);
		sends_all(&r, &next);
		assert_int_equal(next - (11001 + 1000 * i), cwnd[i]);
	}
	rig_end(&r);
}

static void test_partial_ack_takes_its_segments_off_the_duplicates(void **state)
{
	(void)state;
	const struct machine_config c = rig_config();
	struct rig r;
	ten_in_flight(&r, &c);
	for (unsigned i = 0; i < 8; i++) /* 1 and 5001 are lost, the other eight arrived */
		rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	rig_queues(&r, 10001, 10000);
	uint32_t next = 10001;
	sends_all(&r, &next);
	assert_int_equal(next, 13001); /* cwnd 5000: two old ones and three new ones under way */
	rig_gives(&r, A, 1, 5001, 0);  /* of the eight, four are acknowledged now */
	assert_int_equal(r.m->duplicate_acks, 4);
	rig_sends(&r, A, 5001, 1, 1000);
	sends_all(&r, &next);
	assert_int_equal(next, 14001);
	rig_end(&r);
}

static void test_fin_is_sent_again(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 10);
	assert_true(machine_close(r.m, r.now_ns));
	rig_sends(&r, A | F, 1, 1, 10);
	assert_int_equal(rig_waits_for_timer(&r), 300 * MS);
	rig_sends(&r, A | F, 1, 1, 10);
	rig_gives(&r, A, 1, 11, 0);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A | F, 11, 1, 0);
	rig_gives(&r, A, 1, 12, 0);
	assert_int_equal(r.m->ctl, CTL_FIN_WAIT_2);
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn_goes_again_after_1_2_4_seconds_then_gives_up),
		cmocka_unit_test(test_synack_goes_again_and_is_given_up),
		cmocka_unit_test(test_rto_never_exceeds_its_maximum),
		cmocka_unit_test(test_rto_follows_the_measurements),
		cmocka_unit_test(test_rto_has_a_minimum),
		cmocka_unit_test(test_rto_is_3_seconds_after_a_syn_that_went_twice),
		cmocka_unit_test(test_rto_of_a_syn_that_went_twice_is_measured_by_time_stamps),
		cmocka_unit_test(test_rto_doubles_and_stays_until_a_clean_measurement),
		cmocka_unit_test(test_time_stamps_measure_what_went_twice),
		cmocka_unit_test(test_timer_is_restarted_by_progress_and_stopped_at_the_end),
		cmocka_unit_test(test_retries_used_up_close_silently),
		cmocka_unit_test(test_time_out_goes_back_and_starts_slowly),
		cmocka_unit_test(test_second_time_out_does_not_halve_again),
		cmocka_unit_test(test_third_duplicate_sends_again_at_once),
		cmocka_unit_test(test_limited_transmit_sends_new_text_on_the_first_duplicates),
		cmocka_unit_test(test_sack_sends_the_gaps_again_and_nothing_else),
		cmocka_unit_test(test_sack_of_what_came_later_says_that_the_repetition_is_lost_too),
		cmocka_unit_test(test_tail_probe_finds_a_lost_end_in_two_round_trips),
		cmocka_unit_test(test_tail_probe_goes_once_and_the_time_out_follows),
		cmocka_unit_test(test_tail_probe_brings_something_new_if_there_is_any),
		cmocka_unit_test(test_tail_probe_in_recovery_repeats_the_repetition_once),
		cmocka_unit_test(test_sack_that_lies_is_not_believed),
		cmocka_unit_test(test_sack_more_stretches_than_can_be_remembered),
		cmocka_unit_test(test_cwnd_starts_at_ten_segments_doubles_then_grows_by_one),
		cmocka_unit_test(test_cwnd_starts_smaller_if_the_syn_went_often),
		cmocka_unit_test(test_cwnd_is_forgotten_while_idle),
		cmocka_unit_test(test_cwnd_avoids_congestion_by_one_segment_for_a_window),
		cmocka_unit_test(test_partial_ack_takes_its_segments_off_the_duplicates),
		cmocka_unit_test(test_fin_is_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

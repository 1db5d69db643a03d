/*
 * Our own end, step by step: opening, options, data, windows, closing, resets.
 * Numbers are relative to the two ISNs; the test plays the remote (tests/support/rig.h).
 */
#include "synscope/core/machine.h"

#include "../../support/cm.h"
#include "../../support/rig.h"

#include "synscope/core/util.h"

#include <string.h>

#define S TCP_SYN
#define A TCP_ACK
#define F TCP_FIN
#define R TCP_RST

static void assert_ctl(const struct rig *r, enum ctl want)
{
	assert_string_equal(ctl_name(r->m->ctl), ctl_name(want));
}

/* The rows that fired since the last time, as transitions; other kinds are passed over. */
static bool log_has(struct machine *m, enum machine_log_kind kind)
{
	struct machine_log log;
	bool found = false;
	while (machine_log_next(m, &log))
		found = found || log.kind == kind;
	return found;
}

/* --- opening ---------------------------------------------------------------------------- */

static void test_open_active_syn_offers_what_is_configured(void **state)
{
	(void)state;
	struct machine_config c = machines_config(1);
	c.isn = seq_of(RIG_ISS);
	c.wscale = 9;
	c.ts_offset = 77;
	struct rig r;
	rig_begin(&r, &c);
	r.now_ns = 5000 * MS;
	assert_true(machine_open_active(r.m, r.now_ns));
	assert_false(machine_open_active(r.m, r.now_ns));
	assert_false(machine_open_passive(r.m, r.now_ns));
	rig_sends(&r, S, 0, 0, 0);
	assert_true(r.out.option.has_mss && r.out.option.mss == 1460);
	assert_true(r.out.option.has_wscale && r.out.option.wscale == 9);
	assert_true(r.out.option.sack_permitted);
	assert_true(r.out.option.has_timestamps && r.out.option.ts_value == 5077);
	assert_int_equal(r.out.option.ts_echo, 0);
	assert_int_equal(r.out.window, 65535);
	rig_is_silent(&r);
	rig_end(&r);
}

static void test_open_passive_synack_agrees_to_what_was_offered(void **state)
{
	(void)state;
	const struct machine_config c = machines_config(1);
	for (unsigned offered = 0; offered < 8; offered++) {
		struct machine_config config = c;
		config.isn = seq_of(RIG_ISS);
		struct rig r;
		rig_begin(&r, &config);
		r.option.has_wscale = offered & 1;
		r.option.wscale = 3;
		r.option.sack_permitted = offered & 2;
		r.time_stamps = offered & 4;
		r.ts_value = 900;
		assert_true(machine_open_passive(r.m, 0));
		rig_gives(&r, S, 0, 0, 0);
		rig_sends(&r, S | A, 0, 1, 0);
		assert_true(r.out.option.has_mss);
		assert_int_equal(r.out.option.has_wscale, (offered & 1) != 0);
		assert_int_equal(r.out.option.sack_permitted, (offered & 2) != 0);
		assert_int_equal(r.out.option.has_timestamps, (offered & 4) != 0);
		assert_int_equal(r.out.option.ts_echo, offered & 4 ? 900 : 0);
		rig_gives(&r, A, 1, 1, 0);
		assert_ctl(&r, CTL_ESTABLISHED);
		/* 60000 in the field of a segment that is no SYN is scaled, if it was agreed. */
		assert_int_equal(r.m->snd_wnd, offered & 1 ? 60000 << 3 : 60000);
		rig_end(&r);
	}
}

static void test_open_passive_takes_the_remote_from_the_syn(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.remote = (struct endpoint){0};
	struct rig r;
	rig_begin(&r, &c);
	assert_false(machine_open_active(r.m, 0)); /* "foreign socket unspecified" */
	assert_true(machine_open_passive(r.m, 0));
	assert_int_equal(machine_send(r.m, (const uint8_t *)"x", 1, 0), 0);
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 0, 1, 0);
	const struct endpoint client = machines_config(0).local;
	assert_true(endpoint_equal(&r.out.dst, &client));
	/* Reset: anyone may come again, and the numbers are new. */
	rig_gives(&r, R, 1, 0, 0);
	assert_ctl(&r, CTL_LISTEN);
	assert_int_equal(r.m->remote.port, 0);
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 1 + 65537, 1, 0);
	rig_end(&r);
}

static void test_send_in_listen_turns_passive_into_active(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 0));
	rig_queues(&r, 1, 5);
	assert_ctl(&r, CTL_SYN_SENT);
	rig_sends(&r, S, 0, 0, 0);
	rig_gives(&r, S | A, 0, 1, 0);
	rig_sends(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 5);
	rig_end(&r);
}

static void test_syn_with_text_and_fin_waits_for_them_to_come_again(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 0));
	rig_gives(&r, S | F, 0, 0, 4);
	rig_sends(&r, S | A, 0, 1, 0);
	rig_gives(&r, A | F, 1, 1, 4);
	rig_sends(&r, A, 1, 6, 0);
	assert_ctl(&r, CTL_CLOSE_WAIT);
	rig_reads(&r, 1, 4);
	assert_true(machine_at_eof(r.m));
	rig_end(&r);
}

static void test_synack_with_text_is_taken(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	rig_gives(&r, S | A | F, 0, 1, 0);
	rig_sends(&r, A, 1, 2, 0);
	assert_ctl(&r, CTL_CLOSE_WAIT);
	rig_end(&r);
}

static void test_syn_sent_refuses_what_it_must(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	rig_gives(&r, S | A, 0, 2, 0); /* acknowledges what was not sent */
	rig_sends(&r, R, 2, 0, 0);
	rig_gives(&r, A, 0, 0, 0);
	rig_sends(&r, R, 0, 0, 0);
	rig_gives(&r, R, 1, 0, 0); /* no ACK: proves nothing */
	rig_gives(&r, R | A, 1, 5, 0);
	rig_gives(&r, F | A, 1, 1, 0);
	rig_is_silent(&r);
	assert_ctl(&r, CTL_SYN_SENT);
	assert_false(machine_was_reset(r.m));
	rig_gives(&r, R | A, 0, 1, 0);
	assert_ctl(&r, CTL_CLOSED);
	assert_true(machine_was_reset(r.m));
	assert_true(log_has(r.m, MACHINE_LOG_REFUSED));
	rig_is_silent(&r);
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	rig_end(&r);
}

static void test_mss_is_the_smallest_of_all(void **state)
{
	(void)state;
	const struct {
		bool offered;
		uint16_t theirs, ours, mtu_payload;
		bool v6;
		uint16_t want;
	} cases[] = {
		{true, 1400, 1460, 0, false, 1400},   {true, 1460, 1200, 0, false, 1200},
		{true, 1460, 1460, 1000, false, 980}, {false, 0, 1460, 0, false, 536},
		{false, 0, 1440, 0, true, 1220},      {true, 1, 1460, 0, false, 48},
		{true, 9000, 8960, 0, false, 8960},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct machine_config c = rig_config();
		c.mss = cases[i].ours;
		c.mtu_payload = cases[i].mtu_payload;
		struct rig r;
		rig_begin(&r, &c);
		const struct segment syn = {
			.src = {.addr = {.family = cases[i].v6 ? IP_V6 : IP_V4}},
			.seq = seq_of(RIG_IRS),
			.flags = TCP_SYN,
			.window = 60000,
			.option = {.has_mss = cases[i].offered, .mss = cases[i].theirs}};
		assert_true(machine_open_passive(r.m, 0));
		machine_segment(r.m, &syn, 0);
		assert_int_equal(r.m->snd_mss, cases[i].want);
		rig_end(&r);
	}
}

static void test_mss_leaves_room_for_time_stamps(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_timestamps = true;
	struct rig r;
	rig_begin(&r, &c);
	r.time_stamps = true;
	rig_establish_passive(&r);
	rig_queues(&r, 1, 2000);
	rig_sends(&r, A, 1, 1, 988);
	assert_int_equal(r.out.ip.traffic, 0); /* ECN was not negotiated */
	rig_sends(&r, A, 989, 1, 988);
	rig_sends(&r, A, 1977, 1, 24);
	rig_end(&r);
}

/* --- receiving -------------------------------------------------------------------------- */

static void test_text_out_of_order_is_put_in_order(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A, 201, 1, 100);
	rig_sends(&r, A, 1, 1, 0);
	rig_gives(&r, A, 401, 1, 100);
	rig_sends(&r, A, 1, 1, 0);
	rig_gives(&r, A, 101, 1, 150); /* overlaps what is held */
	rig_sends(&r, A, 1, 1, 0);
	assert_int_equal(machine_receivable(r.m), 0);
	rig_gives(&r, A, 1, 1, 100);
	rig_sends(&r, A, 1, 301, 0);
	rig_reads(&r, 1, 300);
	rig_gives(&r, A, 251, 1, 200); /* begins before, fills the gap, overlaps what is held */
	rig_sends(&r, A, 1, 501, 0);
	rig_gives(&r, A, 1, 1, 500); /* all of it known */
	rig_sends(&r, A, 1, 501, 0);
	rig_reads(&r, 301, 200);
	rig_end(&r);
}

static void test_more_gaps_than_can_be_remembered_lose_nothing(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	for (uint32_t i = 1; i <= MACHINE_HOLES_MAX + 5; i++) {
		rig_gives(&r, A, 1 + 20 * i, 1, 10);
		rig_sends(&r, A, 1, 1, 0);
	}
	assert_int_equal(r.m->held_count, MACHINE_HOLES_MAX);
	rig_gives(&r, A, 1, 1, 20 * (MACHINE_HOLES_MAX + 6));
	rig_sends(&r, A, 1, 1 + 20 * (MACHINE_HOLES_MAX + 6), 0);
	assert_int_equal(r.m->held_count, 0);
	rig_reads(&r, 1, 20 * (MACHINE_HOLES_MAX + 6));
	rig_end(&r);
}

static void test_fin_out_of_order_waits_for_its_text(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A | F, 101, 1, 50);
	rig_sends(&r, A, 1, 1, 0);
	assert_ctl(&r, CTL_ESTABLISHED);
	rig_gives(&r, A, 151, 1, 50); /* beyond the FIN: there is nothing */
	rig_sends(&r, A, 1, 1, 0);
	rig_gives(&r, A, 1, 1, 40);
	rig_sends(&r, A, 1, 41, 0);
	assert_ctl(&r, CTL_ESTABLISHED);
	rig_gives(&r, A, 41, 1, 60);
	assert_ctl(&r, CTL_CLOSE_WAIT);
	rig_sends(&r, A, 1, 152, 0);
	assert_false(machine_at_eof(r.m));
	rig_reads(&r, 1, 150);
	assert_true(machine_at_eof(r.m));
	rig_is_silent(&r);
	rig_end(&r);
}

static void test_bare_fin_out_of_order_waits(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A | F, 11, 1, 0);
	rig_sends(&r, A, 1, 1, 0);
	rig_gives(&r, A, 1, 1, 10);
	rig_sends(&r, A, 1, 12, 0);
	assert_ctl(&r, CTL_CLOSE_WAIT);
	rig_end(&r);
}

static void test_fin_amid_text_that_is_held_is_forgotten(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A, 101, 1, 100);
	rig_gives(&r, A | F, 151, 1, 0); /* but there is text up to 200 */
	rig_gives(&r, A, 1, 1, 100);
	rig_sends(&r, A, 1, 201, 0);
	assert_ctl(&r, CTL_ESTABLISHED);
	rig_gives(&r, A | F, 201, 1, 10); /* life goes on */
	rig_sends(&r, A, 1, 212, 0);
	assert_ctl(&r, CTL_CLOSE_WAIT);
	rig_reads(&r, 1, 210);
	rig_end(&r);
}

static void test_text_that_was_not_captured_whole_is_taken_as_far_as_it_goes(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	const uint8_t text[4] = {1, 2, 3, 4};
	const struct segment s = {.seq = seq_of(RIG_IRS + 1),
				  .ack = seq_of(RIG_ISS + 1),
				  .flags = A | F,
				  .window = 60000,
				  .payload = text,
				  .payload_bytes = 100,
				  .payload_captured_bytes = 4};
	machine_segment(r.m, &s, r.now_ns);
	rig_sends(&r, A, 1, 5, 0);
	assert_ctl(&r, CTL_ESTABLISHED);
	rig_reads(&r, 1, 4);
	rig_end(&r);
}

static void test_delayed_ack_waits_for_a_second_segment_or_the_timer(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.delayed_ack_ns = 40 * MS;
	struct rig r;
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A, 1, 1, 1000);
	rig_is_silent(&r);
	rig_gives(&r, A, 1001, 1, 1000);
	rig_sends(&r, A, 1, 2001, 0);
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	rig_gives(&r, A, 2001, 1, 1000);
	rig_is_silent(&r);
	rig_waits(&r, 39 * MS);
	rig_is_silent(&r);
	rig_waits(&r, 1 * MS);
	rig_sends(&r, A, 1, 3001, 0);
	/* Data of ours takes it along; a gap and a FIN do not wait. */
	rig_gives(&r, A, 3001, 1, 1000);
	rig_queues(&r, 1, 3);
	rig_sends(&r, A, 1, 4001, 3);
	assert_int_equal(machine_deadline(r.m), r.m->timer_at_ns);
	rig_gives(&r, A, 4002, 4, 1);
	rig_sends(&r, A, 4, 4001, 0);
	rig_gives(&r, A, 4001, 4, 1);
	rig_sends(&r, A, 4, 4003, 0);
	rig_gives(&r, A | F, 4003, 4, 1);
	rig_sends(&r, A, 4, 4005, 0);
	rig_end(&r);
}

static void test_sack_names_the_latest_stretch_first(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	struct rig r;
	rig_begin(&r, &c);
	r.option.sack_permitted = true;
	rig_establish_passive(&r);
	for (uint32_t i = 1; i <= 5; i++) {
		rig_gives(&r, A, 1 + 200 * i, 1, 100);
		rig_sends(&r, A, 1, 1, 0);
	}
	assert_int_equal(r.out.option.sack_count, 4); /* no time stamps: four fit */
	assert_int_equal(r.out.option.sack[0].left, RIG_IRS + 1001);
	assert_int_equal(r.out.option.sack[0].right, RIG_IRS + 1101);
	assert_int_equal(r.out.option.sack[3].left, RIG_IRS + 401);
	rig_gives(&r, A, 301, 1, 100); /* joins the first two */
	rig_sends(&r, A, 1, 1, 0);
	assert_int_equal(r.out.option.sack[0].left, RIG_IRS + 201);
	assert_int_equal(r.out.option.sack[0].right, RIG_IRS + 501);
	assert_int_equal(r.out.option.sack[1].left, RIG_IRS + 1001);
	rig_end(&r);
}

static void test_sack_beside_text_takes_only_what_room_there_is(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_sack = true;
	struct rig r;
	rig_begin(&r, &c);
	r.option.sack_permitted = true;
	rig_establish_passive(&r);
	for (uint32_t i = 1; i <= 5; i++) {
		rig_gives(&r, A, 1 + 200 * i, 1, 100);
		rig_sends(&r, A, 1, 1, 0);
	}
	const struct {
		uint32_t text;
		unsigned blocks;
	} cases[] = {{1000, 0}, {997, 0}, {989, 0}, {988, 1}, {980, 2}, {964, 4}, {10, 4}};
	uint32_t at = 1;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		rig_queues(&r, at, cases[i].text);
		rig_sends(&r, A, at, 1, cases[i].text);
		assert_int_equal(r.out.option.sack_count, cases[i].blocks);
		at += cases[i].text;
	}
	rig_end(&r);
}

/* --- windows ---------------------------------------------------------------------------- */

static void test_window_shrinks_as_the_buffer_fills_and_opens_by_reading(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	for (uint32_t i = 0; i < 10; i++) {
		rig_gives(&r, A, 1 + 1000 * i, 1, 1000);
		rig_sends(&r, A, 1, 1001 + 1000 * i, 0);
		assert_int_equal(r.out.window, 9000 - 1000 * i);
	}
	/* Full: nothing is taken, but what it acknowledges counts. */
	rig_queues(&r, 1, 10);
	rig_sends(&r, A, 1, 10001, 10);
	rig_gives(&r, A, 10001, 11, 1);
	rig_sends(&r, A, 11, 10001, 0);
	assert_true(machine_all_acked(r.m));
	rig_gives(&r, A, 10002, 11, 1);
	rig_sends(&r, A, 11, 10001, 0);
	/* RFC 9293 section 3.8.6.2.2: 500 bytes are not worth announcing, a segment is. */
	uint8_t text[10000];
	assert_int_equal(machine_receive(r.m, text, 500, r.now_ns), 500);
	rig_is_silent(&r);
	rig_gives(&r, A, 10001, 11, 1);
	rig_sends(&r, A, 11, 10001, 0);
	assert_int_equal(r.out.window, 0);
	assert_int_equal(machine_receive(r.m, text, 500, r.now_ns), 500);
	rig_sends(&r, A, 11, 10001, 0);
	assert_int_equal(r.out.window, 1000);
	rig_gives(&r, A, 10001, 11, 400);
	rig_sends(&r, A, 11, 10401, 0);
	assert_int_equal(r.out.window, 600);
	assert_int_equal(machine_receive(r.m, text, 500, r.now_ns), 500);
	rig_is_silent(&r); /* 600 are known, 1100 would be too little news */
	assert_int_equal(machine_receive(r.m, text, 500, r.now_ns), 500);
	rig_sends(&r, A, 11, 10401, 0);
	assert_int_equal(r.out.window, 1600);
	assert_int_equal(machine_receive(r.m, text, 5000, r.now_ns), 5000);
	rig_sends(&r, A, 11, 10401, 0);
	assert_int_equal(r.out.window, 6600);
	rig_end(&r);
}

static void test_window_scaled_never_takes_back_a_promise(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_wscale = true;
	c.wscale = 4;
	struct rig r;
	rig_begin(&r, &c);
	r.option.has_wscale = true;
	rig_establish_passive(&r);
	seq_t edge = r.m->rcv_edge;
	uint32_t at = 1;
	for (uint32_t i = 0; i < 600; i++) {
		const uint32_t count = 1 + i % 37;
		if ((uint32_t)seq_diff(edge, r.m->rcv_nxt) < count)
			break;
		rig_gives(&r, A, at, 1, count);
		at += count;
		rig_sends(&r, A, 1, at, 0);
		assert_true(seq_ge(r.m->rcv_edge, edge));
		/* The field may name up to 15 less than promised; the promise stands. */
		assert_in_range(
			seq_diff(r.m->rcv_edge, seq_add(r.out.ack, (uint32_t)r.out.window << 4)), 0,
			15);
		edge = r.m->rcv_edge;
	}
	assert_true(at > 9000);
	rig_end(&r);
}

static void test_send_fills_the_window_and_no_more(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	r.window = 2500;
	rig_establish_passive(&r);
	rig_queues(&r, 1, 5000);
	rig_sends(&r, A, 1, 1, 1000);
	rig_sends(&r, A, 1001, 1, 1000);
	rig_is_silent(&r); /* 500 left: less than a segment, less than half the window */
	rig_gives(&r, A, 1, 1001, 0);
	rig_sends(&r, A, 2001, 1, 1000);
	r.window = 1500;
	rig_gives(&r, A, 1, 3001, 0);
	rig_sends(&r, A, 3001, 1, 1000);
	rig_is_silent(&r);
	r.window = 800; /* nothing in flight, the window silly: the override time-out */
	rig_gives(&r, A, 1, 4001, 0);
	rig_is_silent(&r);
	assert_int_equal(r.m->timer, TIMER_PERSIST);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A, 4001, 1, 800);
	rig_end(&r);
}

static void test_old_segment_does_not_bring_an_old_window_back(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_gives(&r, A, 1, 1, 10);
	rig_sends(&r, A, 1, 11, 0);
	r.window = 100;
	rig_gives(&r, A, 11, 1, 0);
	assert_int_equal(r.m->snd_wnd, 100);
	r.window = 9000; /* sent before, comes after; still acceptable by its last byte */
	rig_gives(&r, A, 1, 1, 11);
	assert_int_equal(r.m->snd_wnd, 100);
	rig_end(&r);
}

static void test_zero_window_is_probed_until_it_opens(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	r.window = 0;
	rig_establish_passive(&r); /* RTT 100 ms: RTO 300 ms */
	rig_queues(&r, 1, 3000);
	rig_is_silent(&r);
	const int64_t waits_ms[] = {300, 600, 1200, 2400};
	for (size_t i = 0; i < ARRAY_COUNT(waits_ms); i++) {
		assert_int_equal(rig_waits_for_timer(&r), waits_ms[i] * MS);
		rig_sends(&r, A, 0, 1, 0); /* SND.UNA - 1 */
		rig_is_silent(&r);
	}
	/* RFC 9293 section 3.8.6.1: as long as they are answered, for ever. */
	for (unsigned i = 0; i < 3 * c.retries_max; i++) {
		rig_gives(&r, A, 1, 1, 0);
		rig_is_silent(&r);
		assert_true(rig_waits_for_timer(&r) > 0);
		rig_sends(&r, A, 0, 1, 0);
	}
	r.window = 60000;
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A, 1, 1, 1000);
	rig_sends(&r, A, 1001, 1, 1000);
	rig_sends(&r, A, 2001, 1, 1000);
	rig_is_silent(&r);
	assert_int_equal(r.m->timer, TIMER_RETRANSMISSION);
	rig_end(&r);
}

static void test_zero_window_never_answered_gives_up(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.retries_max = 3;
	struct rig r;
	rig_begin(&r, &c);
	r.window = 0;
	rig_establish_passive(&r);
	rig_queues(&r, 1, 10);
	rig_is_silent(&r);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(rig_waits_for_timer(&r) > 0);
		rig_sends(&r, A, 0, 1, 0);
	}
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_is_silent(&r);
	assert_ctl(&r, CTL_CLOSED);
	assert_true(machine_gave_up(r.m));
	assert_true(log_has(r.m, MACHINE_LOG_GAVE_UP));
	rig_end(&r);
}

/* --- closing ---------------------------------------------------------------------------- */

static void test_close_fin_rides_on_the_last_text(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 1500);
	assert_true(machine_close(r.m, r.now_ns));
	assert_ctl(&r, CTL_FIN_WAIT_1_QUEUED);
	assert_false(machine_close(r.m, r.now_ns));
	assert_int_equal(machine_send(r.m, (const uint8_t *)"x", 1, r.now_ns), 0);
	rig_sends(&r, A, 1, 1, 1000);
	rig_sends(&r, A | F, 1001, 1, 500);
	assert_ctl(&r, CTL_FIN_WAIT_1);
	rig_gives(&r, A, 1, 1501, 0);
	assert_ctl(&r, CTL_FIN_WAIT_1);
	assert_false(machine_all_acked(r.m));
	rig_gives(&r, A, 1, 1502, 0);
	assert_ctl(&r, CTL_FIN_WAIT_2);
	assert_true(machine_all_acked(r.m));
	assert_int_equal(machine_deadline(r.m), INT64_MAX);
	rig_end(&r);
}

static void test_close_behind_a_closed_window_waits(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	r.window = 0;
	rig_gives(&r, A, 1, 1, 0);
	assert_true(machine_close(r.m, r.now_ns));
	assert_ctl(&r, CTL_FIN_WAIT_1_QUEUED);
	rig_is_silent(&r);
	rig_gives(&r, A | F, 1, 1, 0);
	assert_ctl(&r, CTL_CLOSING_QUEUED);
	rig_sends(&r, A, 1, 2, 0);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A, 0, 2, 0);
	r.window = 1;
	rig_gives(&r, A, 2, 1, 0);
	rig_sends(&r, A | F, 1, 2, 0);
	assert_ctl(&r, CTL_CLOSING);
	rig_gives(&r, A, 2, 2, 0);
	assert_ctl(&r, CTL_TIME_WAIT);
	rig_end(&r);
}

static void test_close_in_syn_received_sends_the_fin_or_queues_it(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 0));
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 0, 1, 0);
	assert_true(machine_close(r.m, 0));
	assert_ctl(&r, CTL_FIN_WAIT_1);
	rig_sends(&r, A | F, 1, 1, 0);
	assert_int_equal(rig_waits_for_timer(&r), SECOND);
	rig_sends(&r, S | A, 0, 1, 0); /* the SYN is not acknowledged yet: it goes first */
	rig_gives(&r, A, 1, 1, 0);
	assert_ctl(&r, CTL_FIN_WAIT_1);
	rig_is_silent(&r);
	assert_true(rig_waits_for_timer(&r) > 0);
	rig_sends(&r, A | F, 1, 1, 0);
	rig_gives(&r, A, 1, 2, 0);
	assert_ctl(&r, CTL_FIN_WAIT_2);
	rig_end(&r);

	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 0));
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 0, 1, 0);
	rig_queues(&r, 1, 7);
	rig_is_silent(&r);
	assert_true(machine_close(r.m, 0));
	assert_ctl(&r, CTL_SYN_RECEIVED_PASSIVE_CLOSE);
	rig_is_silent(&r);
	rig_gives(&r, A, 1, 1, 0);
	rig_sends(&r, A | F, 1, 1, 7);
	assert_ctl(&r, CTL_FIN_WAIT_1);
	rig_end(&r);
}

static void test_half_close_receives_on(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	assert_true(machine_close(r.m, r.now_ns));
	rig_sends(&r, A | F, 1, 1, 0);
	rig_gives(&r, A, 1, 2, 500);
	rig_sends(&r, A, 2, 501, 0);
	assert_ctl(&r, CTL_FIN_WAIT_2);
	rig_gives(&r, A | F, 501, 2, 500);
	rig_sends(&r, A, 2, 1002, 0);
	assert_ctl(&r, CTL_TIME_WAIT);
	rig_reads(&r, 1, 1000);
	assert_true(machine_at_eof(r.m));
	rig_end(&r);
}

static void test_close_wait_sends_on(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_active(&r);
	rig_gives(&r, A | F, 1, 1, 0);
	rig_sends(&r, A, 1, 2, 0);
	rig_queues(&r, 1, 100);
	rig_sends(&r, A, 1, 2, 100);
	rig_queues(&r, 101, 100);
	assert_true(machine_close(r.m, r.now_ns));
	assert_ctl(&r, CTL_CLOSE_WAIT_CLOSE);
	rig_sends(&r, A | F, 101, 2, 100);
	assert_ctl(&r, CTL_LAST_ACK);
	rig_gives(&r, A, 2, 101, 0);
	assert_ctl(&r, CTL_LAST_ACK);
	rig_gives(&r, A, 2, 202, 0);
	assert_ctl(&r, CTL_CLOSED);
	assert_true(machine_all_acked(r.m));
	assert_int_equal(machine_unacked(r.m), 0);
	assert_false(machine_was_reset(r.m));
	rig_end(&r);
}

static void test_time_wait_answers_a_fin_and_starts_again(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	assert_true(machine_close(r.m, r.now_ns));
	rig_sends(&r, A | F, 1, 1, 0);
	rig_gives(&r, A | F, 1, 2, 0);
	rig_sends(&r, A, 2, 2, 0);
	assert_ctl(&r, CTL_TIME_WAIT);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 60 * SECOND);
	rig_waits(&r, 40 * SECOND);
	rig_gives(&r, A | F, 1, 2, 0);
	rig_sends(&r, A, 2, 2, 0);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 60 * SECOND);
	rig_waits(&r, 40 * SECOND);
	rig_gives(&r, A, 1, 2, 1); /* old text: answered, but it is no FIN */
	rig_sends(&r, A, 2, 2, 0);
	assert_int_equal(machine_deadline(r.m) - r.now_ns, 20 * SECOND);
	rig_gives(&r, S, 100000, 0, 0); /* challenged, not taken: MAY-2 */
	rig_sends(&r, A, 2, 2, 0);
	assert_int_equal(rig_waits_for_timer(&r), 20 * SECOND);
	assert_ctl(&r, CTL_CLOSED);
	rig_end(&r);
}

/* --- every state ------------------------------------------------------------------------ */

static const enum ctl reached[] = {
	CTL_SYN_RECEIVED_PASSIVE,
	CTL_SYN_RECEIVED_ACTIVE,
	CTL_SYN_RECEIVED_PASSIVE_CLOSE,
	CTL_SYN_RECEIVED_ACTIVE_CLOSE,
	CTL_ESTABLISHED,
	CTL_FIN_WAIT_1,
	CTL_FIN_WAIT_1_QUEUED,
	CTL_FIN_WAIT_2,
	CTL_CLOSE_WAIT,
	CTL_CLOSE_WAIT_CLOSE,
	CTL_CLOSING,
	CTL_CLOSING_QUEUED,
	CTL_LAST_ACK,
	CTL_TIME_WAIT,
};

static bool is_active(enum ctl c)
{
	return c == CTL_SYN_RECEIVED_ACTIVE || c == CTL_SYN_RECEIVED_ACTIVE_CLOSE;
}

static void drain(struct rig *r)
{
	struct segment_spec spec;
	while (machine_output(r->m, &spec, r->now_ns))
		continue;
}

/* Bring a machine to a state; RCV.NXT and SND.NXT are what its variables say. */
static void reach(struct rig *r, enum ctl want)
{
	struct machine_config c = rig_config();
	rig_begin(r, &c);
	const bool queued = ctl_is_fin_queued(want);
	if (ctl_state(want) == ST_SYN_RECEIVED) {
		if (is_active(want))
			assert_true(machine_open_active(r->m, 0));
		else
			assert_true(machine_open_passive(r->m, 0));
		drain(r);
		rig_gives(r, S, 0, 0, 0);
		drain(r);
	} else {
		rig_establish_passive(r);
	}
	if (queued) {
		r->window = 0;
		if (ctl_state(want) != ST_SYN_RECEIVED)
			rig_gives(r, A, 1, 1, 0);
		rig_queues(r, 1, 10);
	}
	const bool fin_first =
		want == CTL_CLOSE_WAIT || want == CTL_CLOSE_WAIT_CLOSE || want == CTL_LAST_ACK;
	const bool fin_later =
		want == CTL_CLOSING || want == CTL_CLOSING_QUEUED || want == CTL_TIME_WAIT;
	if (fin_first)
		rig_gives(r, A | F, 1, 1, 0);
	if (queued || (ctl_is_fin_sent(want)))
		assert_true(machine_close(r->m, r->now_ns));
	drain(r);
	if (want == CTL_FIN_WAIT_2 || want == CTL_TIME_WAIT)
		rig_gives(r, A, 1, 2, 0);
	if (fin_later)
		rig_gives(r, A | F, 1, want == CTL_TIME_WAIT ? 2 : 1, 0);
	drain(r);
	assert_ctl(r, want);
}

static uint32_t rcv_nxt_of(const struct rig *r)
{
	return seq_rel(r->m->rcv_nxt, seq_of(RIG_IRS));
}

static uint32_t snd_nxt_of(const struct rig *r)
{
	return seq_rel(r->m->snd_nxt, seq_of(RIG_ISS));
}

static void test_rst_exact_ends_every_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reached); i++) {
		struct rig r;
		reach(&r, reached[i]);
		rig_gives(&r, R, rcv_nxt_of(&r), 0, 0);
		assert_ctl(&r, reached[i] == CTL_SYN_RECEIVED_PASSIVE ? CTL_LISTEN : CTL_CLOSED);
		assert_true(machine_was_reset(r.m));
		assert_true(log_has(r.m, is_active(reached[i]) ? MACHINE_LOG_REFUSED
							       : MACHINE_LOG_RESET));
		rig_is_silent(&r);
		assert_int_equal(machine_deadline(r.m), INT64_MAX);
		rig_end(&r);
	}
}

static void test_rst_in_the_window_is_challenged_in_every_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reached); i++) {
		struct rig r;
		reach(&r, reached[i]);
		(void)log_has(r.m, MACHINE_LOG_CHALLENGED);
		rig_gives(&r, R, rcv_nxt_of(&r) + 5, 0, 0);
		rig_sends(&r, A, snd_nxt_of(&r), rcv_nxt_of(&r), 0);
		assert_ctl(&r, reached[i]);
		struct machine_log log;
		assert_true(machine_log_next(r.m, &log));
		assert_int_equal(log.kind, MACHINE_LOG_CHALLENGED);
		assert_string_equal(tcp_rules[log.row].section, "5961 3.2");
		rig_gives(&r, R, rcv_nxt_of(&r) - 1, 0, 0);
		rig_gives(&r, R, rcv_nxt_of(&r) + 100000, 0, 0);
		rig_is_silent(&r);
		assert_ctl(&r, reached[i]);
		rig_end(&r);
	}
}

static void test_syn_is_challenged_in_every_synchronized_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reached); i++) {
		if (ctl_state(reached[i]) == ST_SYN_RECEIVED)
			continue;
		const uint32_t offsets[] = {0, 5, 100000, (uint32_t)-1, (uint32_t)-100000};
		for (size_t k = 0; k < ARRAY_COUNT(offsets); k++) {
			struct rig r;
			reach(&r, reached[i]);
			rig_gives(&r, S, rcv_nxt_of(&r) + offsets[k], 0, 0);
			rig_sends(&r, A, snd_nxt_of(&r), rcv_nxt_of(&r), 0);
			assert_ctl(&r, reached[i]);
			rig_end(&r);
		}
	}
}

static void test_ack_too_old_or_too_new_is_challenged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reached); i++) {
		struct rig r;
		reach(&r, reached[i]);
		rig_gives(&r, A, rcv_nxt_of(&r), snd_nxt_of(&r) + 1, 0);
		if (ctl_state(reached[i]) == ST_SYN_RECEIVED)
			rig_sends(&r, R, snd_nxt_of(&r) + 1, 0, 0);
		else
			rig_sends(&r, A, snd_nxt_of(&r), rcv_nxt_of(&r), 0);
		rig_gives(&r, A, rcv_nxt_of(&r), (uint32_t)-100000, 0);
		if (ctl_state(reached[i]) == ST_SYN_RECEIVED)
			rig_sends(&r, R, (uint32_t)-100000, 0, 0);
		else
			rig_sends(&r, A, snd_nxt_of(&r), rcv_nxt_of(&r), 0);
		assert_ctl(&r, reached[i]);
		rig_end(&r);
	}
}

static void test_abort_resets_where_the_remote_still_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reached); i++) {
		struct rig r;
		reach(&r, reached[i]);
		const uint32_t snd_nxt = snd_nxt_of(&r);
		assert_true(machine_abort(r.m, r.now_ns));
		assert_ctl(&r, CTL_CLOSED);
		const enum tcp_state s = ctl_state(reached[i]);
		if (s != ST_CLOSING && s != ST_LAST_ACK && s != ST_TIME_WAIT)
			rig_sends(&r, R, snd_nxt, 0, 0);
		rig_is_silent(&r);
		assert_false(machine_abort(r.m, r.now_ns));
		/* What comes later finds nobody. */
		rig_gives(&r, A, 1, 4711, 5);
		rig_sends(&r, R, 4711, 0, 0);
		rig_gives(&r, F, 1, 0, 5);
		rig_sends(&r, R | A, (uint32_t)-RIG_ISS, 7, 0);
		rig_gives(&r, R, 1, 0, 0);
		rig_is_silent(&r);
		assert_int_equal(machine_deadline(r.m), INT64_MAX);
		rig_end(&r);
	}
}

static void test_challenges_are_limited(void **state)
{
	(void)state;
	struct rig r;
	reach(&r, CTL_ESTABLISHED);
	unsigned answers = 0;
	for (unsigned i = 0; i < 50; i++) {
		rig_gives(&r, i % 2 ? S : A, i % 2 ? 5 : 0, 1,
			  0); /* SYN, or an old empty segment */
		struct segment_spec spec;
		while (machine_output(r.m, &spec, r.now_ns))
			answers++;
	}
	assert_int_equal(answers, MACHINE_CHALLENGES_MAX);
	rig_waits(&r, SECOND);
	rig_gives(&r, S, 5, 0, 0);
	rig_sends(&r, A, 1, 1, 0);
	/* Text is answered always: its sender waits for it. */
	for (unsigned i = 0; i < 50; i++) {
		rig_gives(&r, A, 0, 1, 1);
		rig_sends(&r, A, 1, 1, 0);
	}
	rig_end(&r);
}

/* --- time stamps, ECN, ICMP ------------------------------------------------------------- */

static void test_paws_drops_an_old_time_stamp(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_timestamps = true;
	struct rig r;
	rig_begin(&r, &c);
	r.time_stamps = true;
	r.ts_value = 0xfffffff0u;
	rig_establish_passive(&r);
	r.ts_value = 10; /* newer, past the wrap */
	rig_gives(&r, A, 1, 1, 10);
	rig_sends(&r, A, 1, 11, 0);
	assert_int_equal(r.out.option.ts_echo, 10);
	r.ts_value = 9;
	rig_gives(&r, A, 11, 1, 10);
	rig_sends(&r, A, 1, 11, 0);
	assert_int_equal(machine_receivable(r.m), 10);
	/* Beyond a gap: taken, but not to be echoed (RFC 7323 section 4.3). */
	r.ts_value = 20;
	rig_gives(&r, A, 21, 1, 10);
	rig_sends(&r, A, 1, 11, 0);
	assert_int_equal(r.out.option.ts_echo, 10);
	/* A RST is not judged by its time stamp. */
	r.ts_value = 1;
	rig_gives(&r, R, 11, 0, 0);
	assert_ctl(&r, CTL_CLOSED);
	rig_end(&r);
}

static void test_paws_forgets_after_24_days(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_timestamps = true;
	struct rig r;
	rig_begin(&r, &c);
	r.time_stamps = true;
	r.ts_value = 1000;
	rig_establish_passive(&r);
	rig_waits(&r, 25 * 24 * 3600 * SECOND);
	r.ts_value = 5;
	rig_gives(&r, A, 1, 1, 10);
	rig_sends(&r, A, 1, 11, 0);
	assert_int_equal(machine_receivable(r.m), 10);
	rig_end(&r);
}

static void test_ecn_is_negotiated_echoed_and_obeyed(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_ecn = true;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S | TCP_ECE | TCP_CWR, 0, 0, 0);
	rig_waits(&r, 100 * MS);
	rig_gives(&r, S | A | TCP_ECE, 0, 1, 0);
	rig_sends(&r, A, 1, 1, 0);
	assert_int_equal(r.out.ip.traffic, 0);
	r.traffic = 3;
	rig_gives(&r, A, 1, 1, 10);
	rig_sends(&r, A | TCP_ECE, 1, 11, 0);
	r.traffic = 2;
	rig_gives(&r, A, 11, 1, 10);
	rig_sends(&r, A | TCP_ECE, 1, 21, 0); /* until they say CWR */
	rig_gives(&r, A | TCP_CWR, 21, 1, 10);
	rig_sends(&r, A, 1, 31, 0);
	rig_queues(&r, 1, 5000);
	for (uint32_t i = 0; i < 5; i++) {
		rig_sends(&r, A, 1 + 1000 * i, 31, 1000);
		assert_int_equal(r.out.ip.traffic, 2);
	}
	const uint32_t cwnd = r.m->cwnd;
	rig_gives(&r, A | TCP_ECE, 31, 2001, 0);
	assert_int_equal(r.m->cwnd, cwnd / 2);
	rig_gives(&r, A | TCP_ECE, 31, 3001, 0); /* the same window of data: once is enough */
	assert_int_equal(r.m->cwnd, cwnd / 2);
	rig_queues(&r, 5001, 1000);
	rig_sends(&r, A | TCP_CWR, 5001, 31, 1000);
	rig_gives(&r, A, 31, 6001, 0);
	/* A loss reduces the window too, and they are told once more. What goes again is not ECT.
	 */
	rig_queues(&r, 6001, 5000);
	for (uint32_t i = 0; i < 5; i++)
		rig_sends(&r, A, 6001 + 1000 * i, 31, 1000);
	for (unsigned i = 0; i < 3; i++)
		rig_gives(&r, A, 31, 6001, 0);
	rig_sends(&r, A, 6001, 31, 1000);
	assert_int_equal(r.out.ip.traffic, 0);
	rig_gives(&r, A, 31, 11001, 0);
	rig_queues(&r, 11001, 100);
	rig_sends(&r, A | TCP_CWR, 11001, 31, 100);
	rig_end(&r);
}

static void test_ecn_is_not_asked_for_again_after_silence(void **state)
{
	(void)state;
	struct machine_config c = rig_config();
	c.use_ecn = true;
	c.syn_flags_extra = TCP_PSH | TCP_URG;
	struct rig r;
	rig_begin(&r, &c);
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S | TCP_URG | TCP_ECE | TCP_CWR, 0, 0, 0);
	assert_true(r.out.flags & TCP_PSH);
	assert_int_equal(rig_waits_for_timer(&r), SECOND);
	rig_sends(&r, S | TCP_URG, 0, 0, 0);
	rig_end(&r);
}

static struct icmp_error icmp_of(const struct rig *r, enum icmp_reason reason, uint32_t seq_rel)
{
	return (struct icmp_error){.reason = reason,
				   .quoted_src = r->m->config.local,
				   .quoted_dst = r->m->config.remote,
				   .quoted_seq = seq_add(seq_of(RIG_ISS), seq_rel)};
}

static void test_icmp_hard_error_ends_syn_sent_only(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	struct icmp_error e = icmp_of(&r, ICMP_PORT_UNREACHABLE, 0);
	assert_false(machine_icmp(r.m, &e, 0));
	assert_true(machine_open_active(r.m, 0));
	rig_sends(&r, S, 0, 0, 0);
	e = icmp_of(&r, ICMP_PORT_UNREACHABLE, 1); /* not in flight: forged, or of another life */
	assert_false(machine_icmp(r.m, &e, 0));
	e = icmp_of(&r, ICMP_HOST_UNREACHABLE, 0); /* soft: it may pass */
	assert_false(machine_icmp(r.m, &e, 0));
	assert_ctl(&r, CTL_SYN_SENT);
	const enum icmp_reason hard[] = {
		ICMP_PROTOCOL_UNREACHABLE, ICMP_PORT_UNREACHABLE, ICMP_NET_PROHIBITED,
		ICMP_HOST_PROHIBITED,      ICMP_ADMIN_PROHIBITED, ICMP_POLICY_FAILED,
		ICMP_REJECT_ROUTE,
	};
	for (size_t i = 0; i < ARRAY_COUNT(hard); i++) {
		e = icmp_of(&r, hard[i], seq_rel(r.m->iss, seq_of(RIG_ISS)));
		assert_true(machine_icmp(r.m, &e, 0));
		assert_ctl(&r, CTL_CLOSED);
		assert_true(machine_was_reset(r.m));
		rig_is_silent(&r);
		assert_true(machine_open_active(r.m, 0));
		assert_false(machine_was_reset(r.m));
	}
	rig_end(&r);

	reach(&r, CTL_ESTABLISHED);
	rig_queues(&r, 1, 10);
	rig_sends(&r, A, 1, 1, 10);
	e = icmp_of(&r, ICMP_PORT_UNREACHABLE, 1);
	assert_false(machine_icmp(r.m, &e, 0));
	assert_ctl(&r, CTL_ESTABLISHED);
	rig_end(&r);
}

static void test_icmp_fragmentation_needed_sends_again_in_smaller_pieces(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	rig_establish_passive(&r);
	rig_queues(&r, 1, 1500);
	rig_sends(&r, A, 1, 1, 1000);
	rig_sends(&r, A, 1001, 1, 500);
	struct icmp_error e = icmp_of(&r, ICMP_FRAGMENTATION_NEEDED, 1);
	const uint32_t ignored[] = {0, 20, 60, 1040, 1500}; /* absurd, or no news */
	for (size_t i = 0; i < ARRAY_COUNT(ignored); i++) {
		e.mtu_bytes = ignored[i];
		assert_false(machine_icmp(r.m, &e, r.now_ns));
		rig_is_silent(&r);
	}
	e.mtu_bytes = 740;
	assert_false(machine_icmp(r.m, &e, r.now_ns));
	rig_sends(&r, A, 1, 1, 700);
	rig_sends(&r, A, 701, 1, 700);
	rig_sends(&r, A, 1401, 1, 100);
	rig_end(&r);
}

/* --- the log ---------------------------------------------------------------------------- */

static void test_log_tells_each_transition_with_its_row(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	assert_true(machine_open_passive(r.m, 7));
	rig_gives(&r, S, 0, 0, 0);
	rig_sends(&r, S | A, 0, 1, 0);
	rig_gives(&r, A | F, 1, 1, 5);
	const struct {
		enum ctl from, to;
		const char *section;
	} want[] = {
		{CTL_CLOSED, CTL_LISTEN, "3.10.1"},
		{CTL_LISTEN, CTL_SYN_RECEIVED_PASSIVE, "3.10.7.2 third check"},
		{CTL_SYN_RECEIVED_PASSIVE, CTL_ESTABLISHED, "3.10.7.4 fifth check"},
		{CTL_ESTABLISHED, CTL_CLOSE_WAIT, "3.10.7.4 eighth check"},
	};
	struct machine_log log;
	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		assert_true(machine_log_next(r.m, &log));
		assert_int_equal(log.kind, MACHINE_LOG_TRANSITION);
		assert_int_equal(log.from, want[i].from);
		assert_int_equal(log.to, want[i].to);
		assert_string_equal(tcp_rules[log.row].section, want[i].section);
		if (i == 0)
			assert_int_equal(log.time_ns, 7);
	}
	assert_false(machine_log_next(r.m, &log));
	rig_end(&r);
}

static void test_log_full_forgets_the_oldest(void **state)
{
	(void)state;
	struct rig r;
	const struct machine_config c = rig_config();
	rig_begin(&r, &c);
	for (int i = 0; i < 20; i++) {
		assert_true(machine_open_passive(r.m, i));
		assert_true(machine_close(r.m, i));
	}
	struct machine_log log;
	int64_t last = 0;
	unsigned count = 0;
	while (machine_log_next(r.m, &log)) {
		assert_true(log.time_ns >= last);
		last = log.time_ns;
		count++;
	}
	assert_int_equal(count, MACHINE_LOG_MAX);
	assert_int_equal(last, 19);
	rig_end(&r);
}

static void test_machine_is_small(void **state)
{
	(void)state;
	assert_int_equal(machine_size(), sizeof(struct machine));
	assert_in_range(machine_size(), 200, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_active_syn_offers_what_is_configured),
		cmocka_unit_test(test_open_passive_synack_agrees_to_what_was_offered),
		cmocka_unit_test(test_open_passive_takes_the_remote_from_the_syn),
		cmocka_unit_test(test_send_in_listen_turns_passive_into_active),
		cmocka_unit_test(test_syn_with_text_and_fin_waits_for_them_to_come_again),
		cmocka_unit_test(test_synack_with_text_is_taken),
		cmocka_unit_test(test_syn_sent_refuses_what_it_must),
		cmocka_unit_test(test_mss_is_the_smallest_of_all),
		cmocka_unit_test(test_mss_leaves_room_for_time_stamps),
		cmocka_unit_test(test_text_out_of_order_is_put_in_order),
		cmocka_unit_test(test_more_gaps_than_can_be_remembered_lose_nothing),
		cmocka_unit_test(test_fin_out_of_order_waits_for_its_text),
		cmocka_unit_test(test_bare_fin_out_of_order_waits),
		cmocka_unit_test(test_fin_amid_text_that_is_held_is_forgotten),
		cmocka_unit_test(test_text_that_was_not_captured_whole_is_taken_as_far_as_it_goes),
		cmocka_unit_test(test_delayed_ack_waits_for_a_second_segment_or_the_timer),
		cmocka_unit_test(test_sack_names_the_latest_stretch_first),
		cmocka_unit_test(test_sack_beside_text_takes_only_what_room_there_is),
		cmocka_unit_test(test_window_shrinks_as_the_buffer_fills_and_opens_by_reading),
		cmocka_unit_test(test_window_scaled_never_takes_back_a_promise),
		cmocka_unit_test(test_send_fills_the_window_and_no_more),
		cmocka_unit_test(test_old_segment_does_not_bring_an_old_window_back),
		cmocka_unit_test(test_zero_window_is_probed_until_it_opens),
		cmocka_unit_test(test_zero_window_never_answered_gives_up),
		cmocka_unit_test(test_close_fin_rides_on_the_last_text),
		cmocka_unit_test(test_close_behind_a_closed_window_waits),
		cmocka_unit_test(test_close_in_syn_received_sends_the_fin_or_queues_it),
		cmocka_unit_test(test_half_close_receives_on),
		cmocka_unit_test(test_close_wait_sends_on),
		cmocka_unit_test(test_time_wait_answers_a_fin_and_starts_again),
		cmocka_unit_test(test_rst_exact_ends_every_state),
		cmocka_unit_test(test_rst_in_the_window_is_challenged_in_every_state),
		cmocka_unit_test(test_syn_is_challenged_in_every_synchronized_state),
		cmocka_unit_test(test_ack_too_old_or_too_new_is_challenged),
		cmocka_unit_test(test_abort_resets_where_the_remote_still_waits),
		cmocka_unit_test(test_challenges_are_limited),
		cmocka_unit_test(test_paws_drops_an_old_time_stamp),
		cmocka_unit_test(test_paws_forgets_after_24_days),
		cmocka_unit_test(test_ecn_is_negotiated_echoed_and_obeyed),
		cmocka_unit_test(test_ecn_is_not_asked_for_again_after_silence),
		cmocka_unit_test(test_icmp_hard_error_ends_syn_sent_only),
		cmocka_unit_test(test_icmp_fragmentation_needed_sends_again_in_smaller_pieces),
		cmocka_unit_test(test_log_tells_each_transition_with_its_row),
		cmocka_unit_test(test_log_full_forgets_the_oldest),
		cmocka_unit_test(test_machine_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

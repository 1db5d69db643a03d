/*
 * Every figure of RFC 9293 sections 3.5 and 3.6, with its own numbers, between two machines.
 * Segments are written as the figures write them.
 */
#include "synscope/core/machine.h"

#include "../../support/cm.h"
#include "../../support/machines.h"

#include <stdio.h>
#include <string.h>

enum { A, B };

struct figure {
	struct test_end end[2];
	int64_t now_ns;
	uint8_t text[SIMLINK_TEXT_MAX];
};

static struct machine *peer(struct figure *f, int who)
{
	return &f->end[who].m;
}

static void figure_begin(struct figure *f, uint32_t isn_a, uint32_t isn_b)
{
	memset(f, 0, sizeof *f);
	for (int who = A; who <= B; who++) {
		struct machine_config c = machines_config(who);
		c.isn = seq_of(who == A ? isn_a : isn_b);
		c.use_mss = c.use_sack = c.use_timestamps = c.use_wscale = false;
		machines_init(&f->end[who], &c);
	}
}

static void figure_end(struct figure *f)
{
	for (int who = A; who <= B; who++) {
		struct segment_spec spec;
		assert_false(machine_output(peer(f, who), &spec, f->now_ns));
		machines_free(&f->end[who]);
	}
}

static void notation(const struct segment *s, char *text, size_t text_bytes)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	int used = snprintf(text, text_bytes, "<SEQ=%u>", s->seq.raw);
	if (s->flags & TCP_ACK)
		used += snprintf(text + used, text_bytes - (size_t)used, "<ACK=%u>", s->ack.raw);
	if (s->payload_bytes > 0)
		used += snprintf(text + used, text_bytes - (size_t)used, "<DATA=%u>",
				 s->payload_bytes);
	tcp_flags_format(s->flags & (uint16_t)~TCP_PSH, flags, sizeof flags);
	snprintf(text + used, text_bytes - (size_t)used, "<CTL=%s>", flags);
}

/* The next segment from one end, which must be this one; it is not delivered. */
static struct segment takes_off(struct figure *f, int from, const char *want)
{
	struct segment_spec spec;
	assert_true(machine_output(peer(f, from), &spec, f->now_ns));
	const struct segment s = simlink_segment(&spec, f->text);
	char got[120];
	notation(&s, got, sizeof got);
	assert_string_equal(got, want);
	return s;
}

static void arrives(struct figure *f, int to, const struct segment *s)
{
	f->now_ns += 10 * MS;
	machine_segment(peer(f, to), s, f->now_ns);
}

/* One arrow of a figure: leaves, and arrives. */
static void arrow(struct figure *f, int from, const char *want)
{
	const struct segment s = takes_off(f, from, want);
	arrives(f, 1 - from, &s);
}

static void states(struct figure *f, enum tcp_state a, enum tcp_state b)
{
	assert_string_equal(state_name(machine_state(peer(f, A))), state_name(a));
	assert_string_equal(state_name(machine_state(peer(f, B))), state_name(b));
}

/* SYN, options left out: as if it had been sent earlier, by someone who has forgotten it. */
static struct segment stray(struct figure *f, int from, uint16_t flags, uint32_t seq)
{
	const struct segment_spec spec = {.src = f->end[from].m.config.local,
					  .dst = f->end[1 - from].m.config.local,
					  .seq = seq_of(seq),
					  .flags = flags,
					  .window = 65535};
	return simlink_segment(&spec, f->text);
}

static void test_figure_6_basic_three_way_handshake(void **state)
{
	(void)state;
	struct figure f;
	figure_begin(&f, 100, 300);
	assert_true(machine_open_passive(peer(&f, B), 0));
	states(&f, ST_CLOSED, ST_LISTEN);
	assert_true(machine_open_active(peer(&f, A), 0));
	arrow(&f, A, "<SEQ=100><CTL=SYN>");
	states(&f, ST_SYN_SENT, ST_SYN_RECEIVED);
	arrow(&f, B, "<SEQ=300><ACK=101><CTL=SYN,ACK>");
	states(&f, ST_ESTABLISHED, ST_SYN_RECEIVED);
	arrow(&f, A, "<SEQ=101><ACK=301><CTL=ACK>");
	states(&f, ST_ESTABLISHED, ST_ESTABLISHED);
	const uint8_t data[10] = "0123456789";
	assert_int_equal(machine_send(peer(&f, A), data, 10, f.now_ns), 10);
	arrow(&f, A, "<SEQ=101><ACK=301><DATA=10><CTL=ACK>");
	arrow(&f, B, "<SEQ=301><ACK=111><CTL=ACK>");
	figure_end(&f);
}

static void test_figure_7_simultaneous_open(void **state)
{
	(void)state;
	struct figure f;
	figure_begin(&f, 100, 300);
	assert_true(machine_open_active(peer(&f, A), 0));
	const struct segment syn_a = takes_off(&f, A, "<SEQ=100><CTL=SYN>");
	assert_true(machine_open_active(peer(&f, B), 0));
	states(&f, ST_SYN_SENT, ST_SYN_SENT);
	arrow(&f, B, "<SEQ=300><CTL=SYN>");
	states(&f, ST_SYN_RECEIVED, ST_SYN_SENT);
	arrives(&f, B, &syn_a);
	states(&f, ST_SYN_RECEIVED, ST_SYN_RECEIVED);
	const struct segment synack_a = takes_off(&f, A, "<SEQ=100><ACK=301><CTL=SYN,ACK>");
	arrow(&f, B, "<SEQ=300><ACK=101><CTL=SYN,ACK>");
	states(&f, ST_ESTABLISHED, ST_SYN_RECEIVED);
	arrives(&f, B, &synack_a);
	states(&f, ST_ESTABLISHED, ST_ESTABLISHED);
	/* The text of 3.10.7.4 sends an ACK that the figure does not show; it does no harm, and
	 * brings along a remote that follows the text to the letter. */
	arrow(&f, A, "<SEQ=101><ACK=301><CTL=ACK>");
	arrow(&f, B, "<SEQ=301><ACK=101><CTL=ACK>");
	states(&f, ST_ESTABLISHED, ST_ESTABLISHED);
	figure_end(&f);
}

static void test_figure_8_recovery_from_old_duplicate_syn(void **state)
{
	(void)state;
	struct figure f;
	figure_begin(&f, 100, 300);
	assert_true(machine_open_passive(peer(&f, B), 0));
	assert_true(machine_open_active(peer(&f, A), 0));
	const struct segment syn = takes_off(&f, A, "<SEQ=100><CTL=SYN>");
	const struct segment old = stray(&f, A, TCP_SYN, 90);
	arrives(&f, B, &old);
	states(&f, ST_SYN_SENT, ST_SYN_RECEIVED);
	arrow(&f, B, "<SEQ=300><ACK=91><CTL=SYN,ACK>");
	states(&f, ST_SYN_SENT, ST_SYN_RECEIVED);
	arrow(&f, A, "<SEQ=91><CTL=RST>");
	states(&f, ST_SYN_SENT, ST_LISTEN);
	machine_set_isn(peer(&f, B), seq_of(400));
	arrives(&f, B, &syn);
	states(&f, ST_SYN_SENT, ST_SYN_RECEIVED);
	arrow(&f, B, "<SEQ=400><ACK=101><CTL=SYN,ACK>");
	states(&f, ST_ESTABLISHED, ST_SYN_RECEIVED);
	arrow(&f, A, "<SEQ=101><ACK=401><CTL=ACK>");
	states(&f, ST_ESTABLISHED, ST_ESTABLISHED);
	figure_end(&f);
}

/* Both ESTABLISHED, B about to send 300 and to receive 100; what A knows is forgotten. */
static void half_open(struct figure *f, uint32_t isn_of_new_a)
{
	figure_begin(f, 99, 299);
	assert_true(machine_open_passive(peer(f, B), 0));
	assert_true(machine_open_active(peer(f, A), 0));
	arrow(f, A, "<SEQ=99><CTL=SYN>");
	arrow(f, B, "<SEQ=299><ACK=100><CTL=SYN,ACK>");
	arrow(f, A, "<SEQ=100><ACK=300><CTL=ACK>");
	states(f, ST_ESTABLISHED, ST_ESTABLISHED);
	struct machine_config crashed = peer(f, A)->config;
	crashed.isn = seq_of(isn_of_new_a);
	machine_init(peer(f, A), &crashed);
}

static void test_figure_9_half_open_connection_discovery(void **state)
{
	(void)state;
	struct figure f;
	half_open(&f, 400);
	states(&f, ST_CLOSED, ST_ESTABLISHED);
	assert_true(machine_open_active(peer(&f, A), f.now_ns));
	arrow(&f, A, "<SEQ=400><CTL=SYN>");
	states(&f, ST_SYN_SENT, ST_ESTABLISHED);
	arrow(&f, B, "<SEQ=300><ACK=100><CTL=ACK>");
	arrow(&f, A, "<SEQ=100><CTL=RST>");
	states(&f, ST_SYN_SENT, ST_CLOSED);
	assert_true(machine_was_reset(peer(&f, B)));
	f.now_ns = machine_deadline(peer(&f, A));
	machine_tick(peer(&f, A), f.now_ns);
	(void)takes_off(&f, A, "<SEQ=400><CTL=SYN>");
	figure_end(&f);
}

static void test_figure_10_active_side_causes_discovery(void **state)
{
	(void)state;
	struct figure f;
	half_open(&f, 400);
	const uint8_t data[10] = "0123456789";
	assert_int_equal(machine_send(peer(&f, B), data, 10, f.now_ns), 10);
	arrow(&f, B, "<SEQ=300><ACK=100><DATA=10><CTL=ACK>");
	arrow(&f, A, "<SEQ=100><CTL=RST>");
	states(&f, ST_CLOSED, ST_CLOSED);
	assert_true(machine_was_reset(peer(&f, B)));
	figure_end(&f);
}

static void test_figure_11_old_duplicate_syn_and_two_passive_sockets(void **state)
{
	(void)state;
	struct figure f;
	figure_begin(&f, 1, 7000 /* X */);
	assert_true(machine_open_passive(peer(&f, A), 0));
	assert_true(machine_open_passive(peer(&f, B), 0));
	const struct segment old = stray(&f, A, TCP_SYN, 900 /* Z */);
	arrives(&f, B, &old);
	states(&f, ST_LISTEN, ST_SYN_RECEIVED);
	arrow(&f, B, "<SEQ=7000><ACK=901><CTL=SYN,ACK>");
	arrow(&f, A, "<SEQ=901><CTL=RST>");
	states(&f, ST_LISTEN, ST_LISTEN);
	figure_end(&f);
}

static void established(struct figure *f)
{
	figure_begin(f, 99, 299);
	assert_true(machine_open_passive(peer(f, B), 0));
	assert_true(machine_open_active(peer(f, A), 0));
	arrow(f, A, "<SEQ=99><CTL=SYN>");
	arrow(f, B, "<SEQ=299><ACK=100><CTL=SYN,ACK>");
	arrow(f, A, "<SEQ=100><ACK=300><CTL=ACK>");
	states(f, ST_ESTABLISHED, ST_ESTABLISHED);
}

static void two_msl(struct figure *f, int who)
{
	f->now_ns = machine_deadline(peer(f, who));
	machine_tick(peer(f, who), f->now_ns);
}

static void test_figure_12_normal_close(void **state)
{
	(void)state;
	struct figure f;
	established(&f);
	assert_true(machine_close(peer(&f, A), f.now_ns));
	states(&f, ST_FIN_WAIT_1, ST_ESTABLISHED);
	arrow(&f, A, "<SEQ=100><ACK=300><CTL=FIN,ACK>");
	states(&f, ST_FIN_WAIT_1, ST_CLOSE_WAIT);
	arrow(&f, B, "<SEQ=300><ACK=101><CTL=ACK>");
	states(&f, ST_FIN_WAIT_2, ST_CLOSE_WAIT);
	assert_true(machine_close(peer(&f, B), f.now_ns));
	arrow(&f, B, "<SEQ=300><ACK=101><CTL=FIN,ACK>");
	states(&f, ST_TIME_WAIT, ST_LAST_ACK);
	arrow(&f, A, "<SEQ=101><ACK=301><CTL=ACK>");
	states(&f, ST_TIME_WAIT, ST_CLOSED);
	two_msl(&f, A);
	states(&f, ST_CLOSED, ST_CLOSED);
	assert_true(machine_all_acked(peer(&f, A)) && machine_all_acked(peer(&f, B)));
	figure_end(&f);
}

static void test_figure_13_simultaneous_close(void **state)
{
	(void)state;
	struct figure f;
	established(&f);
	assert_true(machine_close(peer(&f, A), f.now_ns));
	assert_true(machine_close(peer(&f, B), f.now_ns));
	states(&f, ST_FIN_WAIT_1, ST_FIN_WAIT_1);
	const struct segment fin_a = takes_off(&f, A, "<SEQ=100><ACK=300><CTL=FIN,ACK>");
	arrow(&f, B, "<SEQ=300><ACK=100><CTL=FIN,ACK>");
	arrives(&f, B, &fin_a);
	states(&f, ST_CLOSING, ST_CLOSING);
	const struct segment ack_a = takes_off(&f, A, "<SEQ=101><ACK=301><CTL=ACK>");
	arrow(&f, B, "<SEQ=301><ACK=101><CTL=ACK>");
	arrives(&f, B, &ack_a);
	states(&f, ST_TIME_WAIT, ST_TIME_WAIT);
	two_msl(&f, A);
	two_msl(&f, B);
	states(&f, ST_CLOSED, ST_CLOSED);
	figure_end(&f);
}

/* Who closes second can acknowledge the first FIN with its own. */
static void test_close_in_three_segments(void **state)
{
	(void)state;
	struct figure f;
	established(&f);
	assert_true(machine_close(peer(&f, A), f.now_ns));
	arrow(&f, A, "<SEQ=100><ACK=300><CTL=FIN,ACK>");
	assert_true(machine_close(peer(&f, B), f.now_ns));
	states(&f, ST_FIN_WAIT_1, ST_LAST_ACK);
	arrow(&f, B, "<SEQ=300><ACK=101><CTL=FIN,ACK>");
	states(&f, ST_TIME_WAIT, ST_LAST_ACK);
	arrow(&f, A, "<SEQ=101><ACK=301><CTL=ACK>");
	states(&f, ST_TIME_WAIT, ST_CLOSED);
	figure_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figure_6_basic_three_way_handshake),
		cmocka_unit_test(test_figure_7_simultaneous_open),
		cmocka_unit_test(test_figure_8_recovery_from_old_duplicate_syn),
		cmocka_unit_test(test_figure_9_half_open_connection_discovery),
		cmocka_unit_test(test_figure_10_active_side_causes_discovery),
		cmocka_unit_test(test_figure_11_old_duplicate_syn_and_two_passive_sockets),
		cmocka_unit_test(test_figure_12_normal_close),
		cmocka_unit_test(test_figure_13_simultaneous_close),
		cmocka_unit_test(test_close_in_three_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

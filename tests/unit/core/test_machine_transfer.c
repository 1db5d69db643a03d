/*
 * Whole exchanges over a bad link: everything arrives, once and in order, whatever is lost,
 * repeated or late, with every combination of options, across the wrap of the numbers.
 */
#include "synscope/core/machine.h"

#include "../../support/cm.h"
#include "../../support/machines.h"
#include "../../support/simlink.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_BYTES 65521 /* prime: no shift of the data looks like the data */

static uint8_t pattern[2 * PATTERN_BYTES];

/* One direction: who sends how much, and how far it has come. */
struct stream {
	struct machine *from, *to;
	size_t bytes, given, taken;
	bool closed;
};

static void stream_move(struct stream *s, int64_t now_ns)
{
	while (s->given < s->bytes) {
		const size_t at = s->given % PATTERN_BYTES;
		size_t count = s->bytes - s->given;
		if (count > PATTERN_BYTES)
			count = PATTERN_BYTES;
		const size_t took = machine_send(s->from, pattern + at, count, now_ns);
		if (took == 0)
			break;
		s->given += took;
	}
	if (s->given == s->bytes && !s->closed)
		s->closed = machine_close(s->from, now_ns);
	uint8_t got[8192];
	size_t count;
	while ((count = machine_receive(s->to, got, sizeof got, now_ns)) > 0) {
		assert_memory_equal(got, pattern + s->taken % PATTERN_BYTES, count);
		s->taken += count;
		assert_true(s->taken <= s->bytes);
	}
}

struct transfer {
	const char *name;
	size_t bytes_out, bytes_in;
	double loss, reorder, duplicate, congestion;
	bool sack, timestamps, wscale, ecn;
	uint32_t buffer_bytes;
	int64_t delayed_ack_ns;
	uint16_t mss;
	int64_t limit_ns; /* virtual time it may take */
};

static struct machine_config config_of(const struct transfer *t, int which)
{
	struct machine_config c = machines_config(which);
	c.use_sack = t->sack;
	c.use_timestamps = t->timestamps;
	c.use_wscale = t->wscale;
	c.use_ecn = t->ecn;
	c.send_buffer_bytes = t->buffer_bytes;
	c.receive_buffer_bytes = t->buffer_bytes;
	c.delayed_ack_ns = t->delayed_ack_ns;
	c.mss = t->mss;
	c.isn = seq_of(which == 0 ? 0xfffff000u : 0xffffffffu);
	return c;
}

/* A late copy of an ACK that reaches a closed end is answered by a RST, and that ends the other
 * end's TIME-WAIT (the hazard of RFC 1337 section 2.1), after which a FIN that was not
 * acknowledged yet gets a RST too. Nothing is lost by it: both have closed. */
static void assert_no_reset_before_the_end(struct machine *m)
{
	struct machine_log log;
	while (machine_log_next(m, &log))
		if (log.kind == MACHINE_LOG_RESET || log.kind == MACHINE_LOG_REFUSED)
			assert_true(log.from == CTL_TIME_WAIT || log.from == CTL_CLOSING ||
				    log.from == CTL_LAST_ACK);
}

static void run_transfer(const struct transfer *t, uint64_t seed)
{
	struct test_end a;
	struct test_end b;
	const struct machine_config config_a = config_of(t, 0);
	const struct machine_config config_b = config_of(t, 1);
	machines_init(&a, &config_a);
	machines_init(&b, &config_b);
	struct simlink link;
	const struct simlink_config lc = {.seed = seed,
					  .loss = t->loss,
					  .reorder = t->reorder,
					  .duplicate = t->duplicate,
					  .congestion = t->congestion,
					  .delay_ns = 10 * MS};
	simlink_init(&link, &lc, &a.m, &b.m);
	assert_true(machine_open_passive(&b.m, 0));
	assert_true(machine_open_active(&a.m, 0));
	struct stream out = {.from = &a.m, .to = &b.m, .bytes = t->bytes_out};
	struct stream in = {.from = &b.m, .to = &a.m, .bytes = t->bytes_in};
	simlink_pump(&link);
	bool going = true;
	while (going && !(machine_at_eof(&a.m) && machine_at_eof(&b.m))) {
		going = simlink_step(&link, t->limit_ns);
		if (machine_state(&a.m) >= ST_ESTABLISHED &&
		    machine_state(&b.m) >= ST_ESTABLISHED) {
			stream_move(&out, link.now_ns);
			stream_move(&in, link.now_ns);
			simlink_pump(&link);
		}
	}
	if (out.taken != out.bytes || in.taken != in.bytes)
		print_error("%s, seed %llu: %zu of %zu and %zu of %zu after %.3f s, %s and %s\n",
			    t->name, (unsigned long long)seed, out.taken, out.bytes, in.taken,
			    in.bytes, (double)link.now_ns / 1e9, ctl_name(a.m.ctl),
			    ctl_name(b.m.ctl));
	assert_int_equal(out.taken, out.bytes);
	assert_int_equal(in.taken, in.bytes);
	const int64_t done_ns = link.now_ns;
	assert_false(machine_was_reset(&a.m) || machine_was_reset(&b.m));
	simlink_run(&link, link.now_ns + 900 * SECOND);
	if (getenv("VERBOSE") != NULL)
		printf("# %-28s %8.3f s, %llu segments, %llu lost\n", t->name,
		       (double)done_ns / 1e9, (unsigned long long)link.sent,
		       (unsigned long long)link.lost);
	assert_int_equal(a.m.ctl, CTL_CLOSED);
	assert_int_equal(b.m.ctl, CTL_CLOSED);
	assert_no_reset_before_the_end(&a.m);
	assert_no_reset_before_the_end(&b.m);
	assert_false(machine_gave_up(&a.m) || machine_gave_up(&b.m));
	simlink_free(&link);
	machines_free(&a);
	machines_free(&b);
}

#define MEGABYTE ((size_t)1 << 20)

/* clang-format off */
static const struct transfer transfers[] = {
	/* name                         out           in            loss  reord dup   CE    sack   ts     ws     ecn    buffer   delack    mss   limit */
	{"clean, one way",              5 * MEGABYTE, 0,            0,    0,    0,    0,    true,  true,  true,  false, 1 << 18, 0,        1460, 30 * SECOND},
	{"clean, both ways, delayed",   2 * MEGABYTE, 2 * MEGABYTE, 0,    0,    0,    0,    true,  true,  true,  false, 1 << 18, 40 * MS,  1460, 30 * SECOND},
	{"lossy, everything",           5 * MEGABYTE, 5 * MEGABYTE, 0.05, 0.05, 0.02, 0,    true,  true,  true,  false, 1 << 18, 40 * MS,  1460, 900 * SECOND},
	{"lossy, no SACK",              5 * MEGABYTE, 5 * MEGABYTE, 0.05, 0.05, 0.02, 0,    false, true,  true,  false, 1 << 18, 0,        1460, 2000 * SECOND},
	{"lossy, no time stamps",       5 * MEGABYTE, 5 * MEGABYTE, 0.05, 0.05, 0.02, 0,    true,  false, true,  false, 1 << 18, 0,        1460, 2000 * SECOND},
	{"lossy, no scaling",           5 * MEGABYTE, 5 * MEGABYTE, 0.05, 0.05, 0.02, 0,    true,  true,  false, false, 1 << 16, 0,        1460, 2000 * SECOND},
	{"lossy, nothing at all",       5 * MEGABYTE, 5 * MEGABYTE, 0.05, 0.05, 0.02, 0,    false, false, false, false, 1 << 16, 40 * MS,  1460, 4000 * SECOND},
	{"lossy, ECN",                  2 * MEGABYTE, 2 * MEGABYTE, 0.02, 0,    0,    0.05, true,  true,  true,  true,  1 << 18, 0,        1460, 900 * SECOND},
	{"tiny buffers",                MEGABYTE / 4, MEGABYTE / 4, 0.02, 0.05, 0.02, 0,    true,  true,  true,  false, 3001,    0,        1460, 2000 * SECOND},
	{"buffers below the MSS",       20000,        20000,        0.02, 0.05, 0.02, 0,    true,  true,  false, false, 700,     0,        1460, 2000 * SECOND},
	{"small segments",              300000,       300000,       0.05, 0.10, 0.05, 0,    true,  true,  true,  false, 1 << 16, 0,        100,  2000 * SECOND},
	{"terrible",                    200000,       200000,       0.30, 0.30, 0.20, 0,    true,  true,  true,  false, 1 << 16, 0,        1460, 9000 * SECOND},
	{"much reordering",             MEGABYTE,     MEGABYTE,     0,    0.50, 0.20, 0,    true,  true,  true,  false, 1 << 18, 0,        1460, 900 * SECOND},
};
/* clang-format on */

static void test_transfer_every_byte_arrives_in_order(void **state)
{
	(void)state;
	const char *seed = getenv("SEED");
	for (size_t i = 0; i < ARRAY_COUNT(transfers); i++)
		run_transfer(&transfers[i], seed != NULL ? strtoull(seed, NULL, 0) : 20221101 + i);
}

int main(void)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)((i % PATTERN_BYTES) * 2654435761u >> 13);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer_every_byte_arrives_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

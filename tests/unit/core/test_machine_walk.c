/*
 * Random walks of two machines: any application, any link, and strangers that repeat old
 * segments with a number changed. After every step both must be sound; without strangers all
 * that was sent arrives, and in the end both are closed. The seed is printed on failure, and
 * taken back by SEED=; WALKS= makes it walk longer.
 */
#include "synscope/core/machine.h"

#include "../../support/cm.h"
#include "../../support/machine_check.h"
#include "../../support/machines.h"
#include "../../support/simlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 400
#define RECENT 32

struct walk {
	struct test_end end[2];
	struct machine_check check[2];
	struct simlink link;
	uint32_t sent[2], received[2]; /* bytes, by sender and by receiver */
	bool strangers, deleted;
	struct segment recent[RECENT]; /* without text */
	unsigned recent_count;
	int recent_to[RECENT];
};

static uint64_t chance(struct walk *w, uint64_t below)
{
	return simlink_random(&w->link, below);
}

/* Remembers what passes; loses nothing. */
static bool remember(void *context, int from, const struct segment *s, int64_t now_ns)
{
	struct walk *w = context;
	(void)now_ns;
	const unsigned at = w->recent_count++ % RECENT;
	w->recent[at] = *s;
	w->recent_to[at] = 1 - from;
	return false;
}

static struct machine_config config_of(struct walk *w, int which)
{
	static const uint32_t sizes[] = {1, 100, 700, 3000, 20000, 65536, 300000};
	struct machine_config c = machines_config(which);
	const uint64_t bits = chance(w, 64);
	c.use_sack = bits & 1;
	c.use_timestamps = bits & 2;
	c.use_wscale = bits & 4;
	c.use_ecn = bits & 8;
	c.delayed_ack_ns = bits & 16 ? 40 * MS : 0;
	c.wscale = (uint8_t)chance(w, 15);
	c.mss = (uint16_t)(64 + chance(w, 1400));
	c.send_buffer_bytes = sizes[chance(w, 7)];
	c.receive_buffer_bytes = sizes[chance(w, 7)];
	/* A window that the shift rounds to nothing would never open. */
	while (c.use_wscale && c.receive_buffer_bytes >> c.wscale < 2 && c.wscale > 0)
		c.wscale--;
	c.isn = seq_of((uint32_t)chance(w, UINT32_MAX));
	c.time_wait_ns = 10 * SECOND;
	return c;
}

static void begin(struct walk *w, uint64_t seed, bool strangers)
{
	memset(w, 0, sizeof *w);
	w->strangers = strangers;
	w->link.random = seed;
	struct simlink_config lc = {.delay_ns = (int64_t)(1 + chance(w, 200)) * MS,
				    .loss = (double)chance(w, 25) / 100,
				    .duplicate = (double)chance(w, 20) / 100,
				    .reorder = (double)chance(w, 40) / 100,
				    .congestion = (double)chance(w, 10) / 100,
				    .filter = remember,
				    .context = w};
	for (int i = 0; i < 2; i++) {
		const struct machine_config c = config_of(w, i);
		machines_init(&w->end[i], &c);
	}
	lc.seed = w->link.random;
	simlink_init(&w->link, &lc, &w->end[0].m, &w->end[1].m);
	/* Mostly one waits and one opens; sometimes both open. */
	if (chance(w, 4) == 0)
		assert_true(machine_open_active(&w->end[1].m, 0));
	else
		assert_true(machine_open_passive(&w->end[1].m, 0));
	assert_true(machine_open_active(&w->end[0].m, 0));
}

static uint8_t byte_at(int from, uint32_t at)
{
	return (uint8_t)((at * 2654435761u >> 11) + (unsigned)from * 77);
}

static void app_send(struct walk *w, int who)
{
	uint8_t text[5000];
	if (w->end[1 - who].m.config.receive_buffer_bytes < 100 && w->sent[who] > 2000)
		return; /* a byte for a round trip: it would take all day */
	const size_t count = 1 + (size_t)chance(w, chance(w, 3) == 0 ? sizeof text : 50);
	for (size_t i = 0; i < count; i++)
		text[i] = byte_at(who, w->sent[who] + (uint32_t)i);
	w->sent[who] += (uint32_t)machine_send(&w->end[who].m, text, count, w->link.now_ns);
}

static void app_receive(struct walk *w, int who, size_t most)
{
	uint8_t text[8192];
	const size_t count = machine_receive(
		&w->end[who].m, text, most < sizeof text ? most : sizeof text, w->link.now_ns);
	for (size_t i = 0; i < count && !w->strangers; i++)
		assert_int_equal(text[i], byte_at(1 - who, w->received[who] + (uint32_t)i));
	w->received[who] += (uint32_t)count;
}

/* Someone repeats an old segment, a little changed. */
static void stranger(struct walk *w)
{
	if (w->recent_count == 0)
		return;
	static const uint8_t text[40];
	const unsigned have = w->recent_count < RECENT ? w->recent_count : RECENT;
	const unsigned which = (unsigned)chance(w, have);
	struct segment s = w->recent[which];
	s.payload = text;
	s.payload_bytes = (uint32_t)chance(w, sizeof text);
	s.payload_captured_bytes = s.payload_bytes;
	switch (chance(w, 6)) {
	case 0:
		s.flags ^= (uint16_t)(1u << chance(w, 9));
		break;
	case 1:
		s.seq = seq_add(s.seq, (uint32_t)chance(w, 3000) - 1500);
		break;
	case 2:
		s.ack = seq_add(s.ack, (uint32_t)chance(w, 3000) - 1500);
		break;
	case 3:
		s.window = (uint16_t)chance(w, 65536);
		break;
	case 4:
		s.option.sack_count = 1;
		s.option.sack[0] = (struct sack_block){s.ack.raw + (uint32_t)chance(w, 5000),
						       s.ack.raw + (uint32_t)chance(w, 9000)};
		break;
	default:
		break;
	}
	simlink_inject(&w->link, w->recent_to[which], &s);
}

static void check(struct walk *w)
{
	simlink_pump(&w->link);
	for (int i = 0; i < 2; i++) {
		machine_check(&w->check[i], &w->end[i].m);
		machine_check_idle(&w->end[i].m);
	}
}

static void one_step(struct walk *w)
{
	const int who = (int)chance(w, 2);
	struct machine *m = &w->end[who].m;
	const uint64_t what = chance(w, 100);
	if (what < 25) {
		app_send(w, who);
	} else if (what < 50) {
		app_receive(w, who, 1 + (size_t)chance(w, 3000));
	} else if (what < 51) {
		/* CLOSE in SYN-SENT deletes what was queued (RFC 9293 section 3.10.4). */
		w->deleted |= m->ctl == CTL_SYN_SENT;
		(void)machine_close(m, w->link.now_ns);
	} else if (what < 52 && w->strangers) {
		if (chance(w, 5) == 0)
			(void)machine_abort(m, w->link.now_ns);
	} else if (what < 60 && w->strangers) {
		stranger(w);
	} else {
		(void)simlink_step(&w->link, INT64_MAX);
	}
}

/* Everybody sends no more, reads what comes, and closes. */
static void to_the_end(struct walk *w)
{
	for (unsigned i = 0; i < 200000; i++) {
		bool over = true;
		for (int who = 0; who < 2; who++) {
			struct machine *m = &w->end[who].m;
			app_receive(w, who, SIZE_MAX);
			if (machine_state(m) == ST_ESTABLISHED ||
			    machine_state(m) == ST_CLOSE_WAIT || machine_state(m) == ST_LISTEN ||
			    (w->strangers && i > 100000))
				(void)machine_close(m, w->link.now_ns);
			over = over && m->ctl == CTL_CLOSED && machine_receivable(m) == 0;
		}
		check(w);
		if (over)
			break;
		(void)simlink_step(&w->link, INT64_MAX);
	}
}

static void walk(uint64_t seed, bool strangers)
{
	struct walk w;
	begin(&w, seed, strangers);
	for (unsigned i = 0; i < STEPS; i++) {
		one_step(&w);
		check(&w);
	}
	to_the_end(&w);
	bool orderly = !strangers;
	for (int i = 0; i < 2; i++)
		orderly =
			orderly && !machine_gave_up(&w.end[i].m) && !machine_was_reset(&w.end[i].m);
	const bool right =
		!orderly || w.deleted || (w.received[0] == w.sent[1] && w.received[1] == w.sent[0]);
	for (int i = 0; i < 2; i++) {
		if (!right || (!strangers && w.end[i].m.ctl != CTL_CLOSED))
			print_error("SEED=%llu: end %d in %s, sent %u, received %u\n",
				    (unsigned long long)seed, i, ctl_name(w.end[i].m.ctl),
				    w.sent[i], w.received[i]);
		if (!strangers)
			assert_int_equal(w.end[i].m.ctl, CTL_CLOSED);
		machines_free(&w.end[i]);
	}
	assert_true(right);
	simlink_free(&w.link);
}

static void walks(bool strangers)
{
	const char *seed = getenv("SEED");
	const char *count = getenv("WALKS");
	const uint64_t first = seed != NULL ? strtoull(seed, NULL, 0) : 1000;
	const uint64_t walks_count = count != NULL  ? strtoull(count, NULL, 0)
				     : seed != NULL ? 1
						    : 60;
	for (uint64_t i = 0; i < walks_count; i++)
		walk(first + i, strangers);
}

static void test_walk_everything_arrives_and_both_close(void **state)
{
	(void)state;
	walks(false);
}

static void test_walk_among_strangers_stays_sound(void **state)
{
	(void)state;
	walks(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_everything_arrives_and_both_close),
		cmocka_unit_test(test_walk_among_strangers_stays_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

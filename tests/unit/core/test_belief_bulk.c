/*
 * Long exchanges: that what is kept of them stays bounded, that a pool of beliefs comes to the same
 * as the engine, and that nothing is lost in connections of more than 2 GiB.
 */
#include "../../support/cm.h"

#include "../../../src/core/belief_internal.h"
#include "synscope/core/belief_pool.h"
#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_BYTES = 8 << 20 };

/* The same end, believed by a pool and by the engine. */
struct pair {
	void *memory;
	struct belief_pool *pool;
	struct belief_slim slim;
	struct belief *full;
	uint32_t ours, its; /* next numbers */
	uint32_t n;
	uint8_t owns_max, nodes_max;
};

static void begin(struct pair *p, uint32_t ours, uint32_t its)
{
	const struct belief_options fresh = {.start = BELIEF_FRESH};
	*p = (struct pair){.memory = malloc(POOL_BYTES),
			   .full = calloc(1, belief_size()),
			   .ours = ours,
			   .its = its};
	assert_non_null(p->memory);
	assert_non_null(p->full);
	p->pool = belief_pool_init(p->memory, POOL_BYTES);
	belief_slim_init(p->pool, &p->slim, &fresh);
	belief_init(p->full, BELIEF_FRESH);
}

static void end(struct pair *p)
{
	belief_slim_end(p->pool, &p->slim);
	free(p->memory);
	free(p->full);
}

static struct end_view view_of(const struct belief *b)
{
	struct end_view v;
	memset(&v, 0, sizeof v);
	belief_view(b, &v);
	return v;
}

static struct end_view slim_view(const struct pair *p)
{
	struct end_view v;
	memset(&v, 0, sizeof v);
	belief_slim_view(p->pool, &p->slim, &v);
	return v;
}

static void compare(struct pair *p, bool quick_explained, bool full_explained)
{
	const struct end_view a = slim_view(p);
	const struct end_view b = view_of(p->full);
	assert_int_equal(quick_explained, full_explained);
	assert_int_equal(a.certainty, b.certainty);
	assert_int_equal(a.state, b.state);
	assert_int_equal(a.proven, b.proven);
	assert_int_equal(a.proven_by, b.proven_by);
	assert_int_equal(a.loss, b.loss);
	assert_int_equal(a.orderly, b.orderly);
	assert_int_equal(a.possible, b.possible);
	assert_int_equal(a.fin_unsent_possible, b.fin_unsent_possible);
	assert_false(p->full->waiting);
	p->owns_max = p->full->owns > p->owns_max ? p->full->owns : p->owns_max;
	p->nodes_max = p->full->u.count > p->nodes_max ? p->full->u.count : p->nodes_max;
}

static struct segment segment(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t text_bytes)
{
	struct segment s;
	memset(&s, 0, sizeof s);
	s.flags = flags;
	s.seq = seq_of(seq);
	s.ack = seq_of(ack);
	s.payload_bytes = text_bytes;
	s.window = 60000;
	s.option.has_wscale = (flags & TCP_SYN) != 0;
	s.option.wscale = 7;
	return s;
}

static void ours(struct pair *p, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t text_bytes)
{
	const struct segment s = segment(flags, seq, ack, text_bytes);
	p->n++;
	belief_slim_send(p->pool, &p->slim, &s, p->n);
	belief_send(p->full, &s, p->n);
	compare(p, true, true);
}

static void its(struct pair *p, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t text_bytes)
{
	const struct segment s = segment(flags, seq, ack, text_bytes);
	p->n++;
	const bool a = belief_slim_receive(p->pool, &p->slim, &s, p->n, NULL);
	const bool b = belief_receive(p->full, &s, p->n);
	compare(p, a, b);
	assert_true(a);
}

static void open(struct pair *p)
{
	ours(p, TCP_SYN, p->ours, 0, 0);
	its(p, TCP_SYN | TCP_ACK, p->its, p->ours + 1, 0);
	p->ours++;
	p->its++;
	ours(p, TCP_ACK, p->ours, p->its, 0);
}

static void close_both(struct pair *p)
{
	its(p, TCP_FIN | TCP_ACK, p->its, p->ours, 0);
	p->its++;
	assert_int_equal(slim_view(p).state, ST_FIN_WAIT_1);
	ours(p, TCP_FIN | TCP_ACK, p->ours, p->its, 0);
	p->ours++;
	its(p, TCP_ACK, p->its, p->ours, 0);
	assert_int_equal(slim_view(p).state, ST_TIME_WAIT);
	assert_int_equal(slim_view(p).certainty, CERTAINTY_PROVEN);
}

static void assert_bounded(const struct pair *p)
{
	assert_true(p->owns_max <= OWNS_MERGE + 4);
	assert_true(p->nodes_max <= 160);
}

static void test_belief_receive_download_stays_bounded(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, 0xffff0000u, 0xfffffff0u);
	open(&p);
	ours(&p, TCP_ACK, p.ours, p.its, 100);
	p.ours += 100;
	its(&p, TCP_ACK, p.its, p.ours, 0);
	for (int i = 0; i < 3000; i++) {
		its(&p, TCP_ACK, p.its, p.ours, 1400);
		p.its += 1400;
		if (i % 2 == 1)
			ours(&p, TCP_ACK, p.ours, p.its, 0);
		assert_int_equal(slim_view(&p).certainty, CERTAINTY_PROVEN);
	}
	close_both(&p);
	assert_bounded(&p);
	end(&p);
}

static void test_belief_send_upload_with_partial_acks_stays_bounded(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, 0xffff0000u, 0xfffffff0u);
	open(&p);
	for (int i = 0; i < 200; i++) {
		const uint32_t begun = p.ours;
		for (int k = 0; k < 10; k++) {
			ours(&p, TCP_ACK, p.ours, p.its, 14000);
			p.ours += 14000;
		}
		for (uint32_t at = 1400; at < 14000 * 10; at += 16800)
			its(&p, TCP_ACK, p.its, begun + at, 0);
		if (i % 3 == 0)
			its(&p, TCP_ACK, p.its, p.ours, 0);
	}
	its(&p, TCP_ACK, p.its, p.ours, 0);
	assert_int_equal(slim_view(&p).certainty, CERTAINTY_PROVEN);
	close_both(&p);
	assert_bounded(&p);
	end(&p);
}

static void test_belief_receive_disorder_and_repetition_stays_bounded(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, 1000, 5000);
	open(&p);
	for (int i = 0; i < 150; i++) {
		ours(&p, TCP_ACK, p.ours, p.its, 1400);
		ours(&p, TCP_ACK, p.ours + 1400, p.its, 1400);
		its(&p, TCP_ACK, p.its, p.ours, 0);
		its(&p, TCP_ACK, p.its, p.ours, 0);
		ours(&p, TCP_ACK, p.ours, p.its, 1400);
		p.ours += 2800;
		its(&p, TCP_ACK, p.its, p.ours, 0);
		its(&p, TCP_ACK, p.its, p.ours - 1400, 0);
		its(&p, TCP_ACK, p.its + 1400, p.ours, 1400);
		ours(&p, TCP_ACK, p.ours, p.its, 0);
		its(&p, TCP_ACK, p.its, p.ours, 1400);
		p.its += 2800;
		ours(&p, TCP_ACK, p.ours, p.its, 0);
		its(&p, TCP_ACK, p.its - 1400, p.ours, 1400);
	}
	close_both(&p);
	assert_bounded(&p);
	end(&p);
}

static uint32_t draw(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525u + 1013904223u;
	return (*random >> 8) % below;
}

/* Text and ACKs, repeated or not, in any mixture; each side may also lag. */
static void wander(struct pair *p, uint32_t *random, int steps)
{
	uint32_t acked = p->ours; /* of ours, by it */
	uint32_t seen = p->its;   /* of its, by us */
	for (int i = 0; i < steps; i++) {
		const uint32_t count = 1 + draw(random, 1460);
		switch (draw(random, 7)) {
		case 0:
			if (p->ours - acked < 30000) {
				ours(p, TCP_ACK, p->ours, seen, count);
				p->ours += count;
			}
			break;
		case 1:
			seen = p->its -
			       (draw(random, 4) == 0 ? draw(random, p->its - seen + 1) : 0);
			ours(p, TCP_ACK, p->ours, seen, 0);
			break;
		case 2:
			if (p->ours != acked)
				ours(p, TCP_ACK, acked, seen, 1 + draw(random, p->ours - acked));
			break;
		case 3:
			if (p->its - seen < 30000) {
				its(p, TCP_ACK, p->its, acked, count);
				p->its += count;
			}
			break;
		case 4:
			acked += draw(random, p->ours - acked + 1);
			its(p, TCP_ACK, p->its, acked, 0);
			break;
		case 5:
			its(p, TCP_ACK, p->its, acked, 0);
			break;
		default:
			if (p->its != seen)
				its(p, TCP_ACK, seen, acked, 1 + draw(random, p->its - seen));
			break;
		}
	}
	its(p, TCP_ACK, p->its, p->ours, 0);
	ours(p, TCP_ACK, p->ours, p->its, 0);
}

static void test_belief_slim_wandering_traffic_equals_the_engine(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 12; seed++) {
		uint32_t random = seed * 2654435761u;
		struct pair p;
		begin(&p, random, random * 3);
		open(&p);
		wander(&p, &random, 250);
		close_both(&p);
		assert_bounded(&p);
		end(&p);
	}
}

static void test_belief_receive_beyond_2_gib_still_sees_the_close(void **state)
{
	(void)state;
	struct belief *b = calloc(1, belief_size());
	assert_non_null(b);
	belief_init(b, BELIEF_FRESH);
	uint32_t mine = 77;
	uint32_t other = 0x80000000u;
	uint32_t n = 0;
	struct segment s = segment(TCP_SYN, mine++, 0, 0);
	belief_send(b, &s, ++n);
	s = segment(TCP_SYN | TCP_ACK, other++, mine, 0);
	assert_true(belief_receive(b, &s, ++n));
	s = segment(TCP_ACK, mine, other, 0);
	belief_send(b, &s, ++n);
	for (uint64_t total = 0; total < 5ull << 30; total += 65000) {
		s = segment(TCP_ACK, mine, other, 65000);
		belief_send(b, &s, ++n);
		mine += 65000;
		s = segment(TCP_ACK, other, mine, 65000);
		assert_true(belief_receive(b, &s, ++n));
		other += 65000;
		s = segment(TCP_ACK, mine, other, 0);
		if (total % 3 == 0)
			belief_send(b, &s, ++n);
	}
	s = segment(TCP_FIN | TCP_ACK, mine++, other, 0);
	belief_send(b, &s, ++n);
	assert_int_equal(view_of(b).state, ST_CLOSE_WAIT);
	s = segment(TCP_ACK, other, mine, 0);
	assert_true(belief_receive(b, &s, ++n));
	assert_int_equal(view_of(b).certainty, CERTAINTY_PROVEN);
	s = segment(TCP_FIN | TCP_ACK, other++, mine, 0);
	assert_true(belief_receive(b, &s, ++n));
	s = segment(TCP_ACK, mine, other, 0);
	belief_send(b, &s, ++n);
	assert_int_equal(view_of(b).state, ST_CLOSED);
	free(b);
}

static void test_belief_send_flood_of_odd_segments_admits_ignorance(void **state)
{
	(void)state;
	struct belief *b = calloc(1, belief_size());
	assert_non_null(b);
	belief_init(b, BELIEF_FRESH);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct segment s = segment((uint16_t)(i % 64), i * 7919u, i * 104729u, i % 5);
		belief_send(b, &s, i + 1);
	}
	const struct end_view v = view_of(b);
	assert_int_equal(v.certainty, CERTAINTY_UNKNOWN);
	assert_int_equal(v.possible, STATE_SET_ALL);
	const struct segment s = segment(TCP_ACK, 5, 6, 10);
	assert_true(belief_receive(b, &s, 1001));
	assert_true(state_set_has(view_of(b).proven, ST_ESTABLISHED));
	free(b);
}

static void test_belief_size_is_below_16_kib(void **state)
{
	(void)state;
	assert_true(belief_size() <= 16384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_belief_receive_download_stays_bounded),
		cmocka_unit_test(test_belief_send_upload_with_partial_acks_stays_bounded),
		cmocka_unit_test(test_belief_receive_disorder_and_repetition_stays_bounded),
		cmocka_unit_test(test_belief_slim_wandering_traffic_equals_the_engine),
		cmocka_unit_test(test_belief_receive_beyond_2_gib_still_sees_the_close),
		cmocka_unit_test(test_belief_send_flood_of_odd_segments_admits_ignorance),
		cmocka_unit_test(test_belief_size_is_below_16_kib),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

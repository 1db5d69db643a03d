/*
 * That a belief kept in a pool says what the engine says, in whatever numbers. Every history is
 * played several times, each time with its numbers elsewhere (also across the wrap) and with
 * text of other lengths, so that what was learned in some numbers is used in others.
 * SYNSCOPE_HISTORIES plays more of them than the short run.
 */
#include "../../support/belief_pair.h"
#include "../../support/cm.h"

#include "../../../src/core/belief_pool_internal.h"
#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_BYTES = 32 << 20, TIMES = 4, STEPS_MAX = 200 };

struct rig {
	void *memory;
	struct belief_pool *pool;
	struct belief_pair end[2];
	uint64_t random;
	uint32_t isn[2];
	uint32_t n;
	unsigned time; /* the same again, with other numbers, longer text, other windows */
	uint16_t window[2];
	int shift[2]; /* -1: no option */
};

static void open_rig(struct rig *r, size_t bytes)
{
	memset(r, 0, sizeof *r);
	r->memory = malloc(bytes);
	assert_non_null(r->memory);
	r->pool = belief_pool_init(r->memory, bytes);
}

static uint32_t draw(struct rig *r, uint32_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)(r->random >> 20) % below;
}

static unsigned histories(unsigned usual)
{
	const char *more = getenv("SYNSCOPE_HISTORIES");
	return more != NULL ? (unsigned)strtoul(more, NULL, 10) : usual;
}

static void take(struct rig *r, int from, const struct segment *s)
{
	r->n++;
	if (!pair_take(&r->end[!from], false, s, r->n) || !pair_take(&r->end[from], true, s, r->n))
		fail_msg("segment %u from %d: flags %x seq +%u ack +%u, %u bytes", r->n, from,
			 (unsigned)s->flags, s->seq.raw - r->isn[from], s->ack.raw - r->isn[!from],
			 s->payload_bytes);
}

/* Numbers count from the ISNs. */
static void give(struct rig *r, int from, uint16_t flags, uint32_t seq, uint32_t ack,
		 uint32_t text_bytes)
{
	struct segment s;
	memset(&s, 0, sizeof s);
	s.flags = flags;
	s.seq = seq_of(r->isn[from] + seq);
	if (flags & TCP_ACK)
		s.ack = seq_of(r->isn[!from] + ack);
	s.payload_bytes = text_bytes;
	s.window = r->window[from];
	if (flags & TCP_SYN) {
		s.option.has_wscale = r->shift[from] >= 0;
		s.option.wscale = (uint8_t)(r->shift[from] < 0 ? 0 : r->shift[from]);
	}
	take(r, from, &s);
}

static void begin_history(struct rig *r, const struct belief_options *options, unsigned time)
{
	static const uint32_t isn[TIMES][2] = {{1000, 5000},
					       {0xfffffff0u, 0x7ffffff8u},
					       {0x80000000u, 0},
					       {0xffff0000u, 0xfffffffdu}};
	for (int i = 0; i < 2; i++) {
		pair_begin(&r->end[i], r->pool, options);
		r->isn[i] = isn[time][i];
	}
	r->n = 0;
	r->time = time;
}

static void end_history(struct rig *r)
{
	for (int i = 0; i < 2; i++)
		pair_end(&r->end[i]);
}

/* ---- sensible exchanges ---- */

static uint32_t text(struct rig *r, uint32_t most)
{
	const uint32_t bytes = 1 + draw(r, most);
	return bytes < 12 ? bytes : bytes * (1 + r->time * r->time * 11);
}

static void close_both(struct rig *r, const uint32_t next[2])
{
	const int first = (int)draw(r, 2);
	uint32_t n[2] = {next[0], next[1]};
	give(r, first, TCP_FIN | TCP_ACK, n[first]++, n[!first], 0);
	if (draw(r, 2))
		give(r, !first, TCP_ACK, n[!first], n[first], 0);
	give(r, !first, TCP_FIN | TCP_ACK, n[!first]++, n[first], 0);
	give(r, first, TCP_ACK, n[first], n[!first], 0);
}

static void open_both(struct rig *r)
{
	do
		give(r, 0, TCP_SYN, 0, 0, 0);
	while (draw(r, 4) == 0);
	do
		give(r, 1, TCP_SYN | TCP_ACK, 0, 1, 0);
	while (draw(r, 4) == 0);
	give(r, 0, TCP_ACK, 1, 1, 0);
}

/* SYN and SYN,ACK again and again, also more often than is counted. */
static void test_belief_slim_opening_again_equals_the_engine(void **state)
{
	(void)state;
	struct rig r;
	open_rig(&r, POOL_BYTES);
	for (unsigned i = 0; i < histories(40); i++)
		for (unsigned time = 0; time < TIMES; time++) {
			const struct belief_options fresh = {.start = BELIEF_FRESH,
							     .gaps = i % 2 != 0};
			r.random = 88172645463325252u + i * 15485863u;
			begin_history(&r, &fresh, time);
			r.window[0] = r.window[1] = (uint16_t)(1000 + 9000 * time);
			const uint32_t syns = draw(&r, 4) == 0 ? 9 : 3;
			for (unsigned k = 0; k < 24; k++) {
				if (draw(&r, syns + 2) < syns)
					give(&r, 0, TCP_SYN, 0, 0, 0);
				else if (draw(&r, 5) > 0)
					give(&r, 1, TCP_SYN | TCP_ACK, 0, 1, 0);
				else
					give(&r, 0, TCP_ACK, 1, 1, 0);
			}
			end_history(&r);
		}
	free(r.memory);
}

/* Open, text both ways with what is lost and comes again, close. */
static void play_exchange(struct rig *r, unsigned steps)
{
	static const uint16_t windows[] = {65535, 64240, 29200, 8192, 1000};
	uint32_t next[2] = {1, 1};
	uint32_t acked[2] = {1, 1}; /* of each side's, by the other */
	for (int i = 0; i < 2; i++) {
		r->window[i] =
			windows[(draw(r, ARRAY_COUNT(windows)) + r->time) % ARRAY_COUNT(windows)];
		r->shift[i] = draw(r, 3) == 0 ? -1 : (int)draw(r, 3) * 7;
	}
	open_both(r);
	for (unsigned i = 0; i < steps; i++) {
		const int from = (int)draw(r, 2);
		uint32_t bytes = text(r, 1448);
		switch (draw(r, 6)) {
		case 0:
			bytes = 0;
			acked[!from] = next[!from];
			break;
		case 1:
			give(r, from, TCP_ACK, acked[from], acked[!from],
			     next[from] == acked[from] ? 0 : bytes % (next[from] - acked[from]));
			continue;
		case 2:
			next[from] += draw(r, 8) == 0 ? bytes : 0; /* it was not captured */
			break;
		default:
			break;
		}
		give(r, from, TCP_ACK, next[from], acked[!from], bytes);
		next[from] += bytes;
	}
	close_both(r, next);
}

static void play_exchanges(struct rig *r, unsigned count, unsigned steps)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned time = 0; time < TIMES; time++) {
			const struct belief_options fresh = {.start = BELIEF_FRESH,
							     .gaps = i % 2 != 0};
			r->random = 88172645463325252u + i * 7919u;
			begin_history(r, &fresh, time);
			play_exchange(r, steps);
			end_history(r);
		}
}

static void test_belief_slim_exchanges_equal_the_engine(void **state)
{
	(void)state;
	struct rig r;
	struct belief_pool_figures f;
	open_rig(&r, POOL_BYTES);
	play_exchanges(&r, histories(25), 30);
	belief_pool_figures(r.pool, &f);
	assert_true(f.found > 1000);
	assert_int_equal(f.weakened, 0);
	free(r.memory);
}

/* With memory for a few shapes only. */
static void test_belief_slim_is_right_after_all_was_dropped(void **state)
{
	(void)state;
	struct rig r;
	struct belief_pool_figures f;
	open_rig(&r, BELIEF_POOL_BYTES_MIN);
	play_exchanges(&r, histories(12), 20);
	belief_pool_figures(r.pool, &f);
	assert_true(f.cleared > 0);
	assert_int_equal(f.weakened, 0);
	assert_true(f.bytes <= BELIEF_POOL_BYTES_MIN);
	free(r.memory);
}

/* ---- anything at all ---- */

static void play_anything(struct rig *r)
{
	static const uint16_t flags[] = {
		TCP_SYN,           TCP_SYN | TCP_ACK, TCP_ACK,           TCP_ACK, TCP_ACK,
		TCP_FIN | TCP_ACK, TCP_RST,           TCP_RST | TCP_ACK, TCP_FIN, 0};
	for (unsigned i = 0; i < 14; i++) {
		const int from = (int)draw(r, 2);
		const uint16_t kind = flags[draw(r, ARRAY_COUNT(flags))];
		const bool far = draw(r, 50) == 0;
		uint32_t bytes = draw(r, 3) == 0 ? draw(r, 4) : 0;
		if (draw(r, 4) == 0)
			bytes = text(r, 1400);
		r->window[from] = (uint16_t)(draw(r, 4) == 0 ? (draw(r, 3) + r->time) % 3
							     : 60000 - draw(r, 3) * r->time * 9000);
		r->shift[from] = (int)((draw(r, 3) + r->time) % 3) * 7 - 7;
		give(r, from, kind, draw(r, 6) + (far ? 0x30000000u : 0) - 1, draw(r, 6) - 1,
		     bytes);
	}
}

static void test_belief_slim_anything_equals_the_engine(void **state)
{
	(void)state;
	struct rig r;
	open_rig(&r, POOL_BYTES);
	for (unsigned i = 0; i < histories(40); i++)
		for (unsigned time = 0; time < TIMES; time++) {
			r.random = 88172645463325252u + i * 104729u;
			const struct belief_options options = {draw(&r, 3) == 0 ? BELIEF_MIDSTREAM
										: BELIEF_FRESH,
							       draw(&r, 6) == 0, draw(&r, 3) == 0};
			begin_history(&r, &options, time);
			play_anything(&r);
			end_history(&r);
		}
	free(r.memory);
}

/* ---- the bounds ---- */

static void test_belief_slim_takes_less_than_128_bytes(void **state)
{
	(void)state;
	assert_true(sizeof(struct belief_slim) < 128);
}

/* One end with more numbers than fit the record, more and more of them, and no other room. */
static void test_belief_slim_without_room_becomes_unknown(void **state)
{
	(void)state;
	enum { ENDS = 400 };
	static struct belief_slim ends[ENDS];
	struct rig r;
	struct belief_pool_figures f;
	const struct belief_options fresh = {.start = BELIEF_FRESH};
	open_rig(&r, BELIEF_POOL_BYTES_MIN);
	for (unsigned i = 0; i < ENDS; i++) {
		belief_slim_init(r.pool, &ends[i], &fresh);
		for (uint32_t k = 0; k < 12; k++) {
			struct segment s;
			memset(&s, 0, sizeof s);
			s.flags = (i >> k % 9 & 1) ? TCP_SYN : TCP_FIN | TCP_ACK;
			s.seq = seq_of(k * 100000u);
			s.window = 1;
			belief_slim_send(r.pool, &ends[i], &s, k + 1);
		}
	}
	belief_pool_figures(r.pool, &f);
	assert_true(f.weakened > 0);
	assert_true(f.bytes <= BELIEF_POOL_BYTES_MIN);
	struct end_view view = {.has_truth = false};
	belief_slim_view(r.pool, &ends[ENDS - 1], &view);
	assert_int_equal(view.possible, STATE_SET_ALL);
	for (unsigned i = 0; i < ENDS; i++)
		belief_slim_end(r.pool, &ends[i]);
	free(r.memory);
}

/* ---- the tables ---- */

/* The text of a header without comments. */
static char *read_header(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);
	assert_non_null(f);
	assert_non_null(text);
	const size_t count = fread(text, 1, 65535, f);
	fclose(f);
	char *to = text;
	for (size_t i = 0; i < count; i++) {
		if (text[i] == '/' && text[i + 1] == '*') {
			const char *end = strstr(&text[i], "*/");
			assert_non_null(end);
			i = (size_t)(end - text) + 1;
			continue;
		}
		*to++ = text[i];
	}
	*to = '\0';
	return text;
}

static const struct shape_table *table_of(const char *name)
{
	for (size_t i = 0; i < shape_tables_count; i++)
		if (strcmp(shape_tables[i].name, name) == 0)
			return &shape_tables[i];
	return NULL;
}

static void assert_listed(const struct shape_table *table, const char *prefix, const char *name)
{
	char whole[80];
	const int count = snprintf(whole, sizeof whole, "%s%s", prefix, name);
	for (size_t i = 0; i < table->count; i++) {
		const char *have = table->member[i].name;
		if (strcmp(have, whole) == 0 ||
		    (strncmp(have, whole, (size_t)count) == 0 && have[count] == '.'))
			return;
	}
	fail_msg("belief_shape.c does not list %s of struct %s", whole, table->name);
}

/* The names that a declaration, up to its semicolon, declares: the last of each part. */
static unsigned assert_declared(const struct shape_table *table, const char *prefix,
				char *declaration)
{
	unsigned names = 0;
	for (char *part = strtok(declaration, ","); part != NULL; part = strtok(NULL, ",")) {
		part[strcspn(part, "[")] = '\0';
		size_t end = strlen(part);
		while (end > 0 && strchr(" \t\n", part[end - 1]) != NULL)
			part[--end] = '\0';
		size_t begin = end;
		while (begin > 0 && strchr(" \t\n", part[begin - 1]) == NULL)
			begin--;
		assert_listed(table, prefix, &part[begin]);
		names++;
	}
	return names;
}

/* Every member of a structure, those of structures inside it left aside. */
static void assert_table_is_whole(const char *path, const char *structure, const char *table_name,
				  const char *prefix)
{
	char head[80];
	char declaration[400];
	size_t length = 0;
	unsigned names = 0;
	unsigned depth = 1;
	char *text = read_header(path);
	snprintf(head, sizeof head, "struct %s {", structure);
	const char *at = strstr(text, head);
	assert_non_null(at);
	for (at += strlen(head); depth > 0; at++) {
		depth += *at == '{';
		depth -= *at == '}';
		if (depth == 1 && *at == ';') {
			declaration[length] = '\0';
			names += assert_declared(table_of(table_name), prefix, declaration);
			length = 0;
		} else if (depth == 1 && *at != '}') {
			assert_true(length < sizeof declaration - 1);
			declaration[length++] = *at;
		}
	}
	assert_true(names >= 3);
	free(text);
}

static void test_shape_tables_list_every_member(void **state)
{
	(void)state;
	const char *inside = "src/core/belief_internal.h";
	assert_table_is_whole(inside, "belief", "belief", "");
	assert_table_is_whole(inside, "life", "life", "");
	assert_table_is_whole(inside, "early_rst", "early_rst", "");
	assert_table_is_whole(inside, "own", "own", "");
	assert_table_is_whole(inside, "node", "node", "");
	assert_table_is_whole(inside, "node_set", "belief", "b.");
	assert_table_is_whole(inside, "node_set", "belief", "u.");
	assert_table_is_whole("include/synscope/core/event.h", "end_view", "belief", "view.");
}

/* A flag must be read before what it speaks of. */
static void test_shape_tables_flags_stand_before_what_they_decide(void **state)
{
	(void)state;
	for (size_t t = 0; t < shape_tables_count; t++)
		for (size_t i = 0; i < shape_tables[t].count; i++) {
			const struct shape_member *m = &shape_tables[t].member[i];
			bool before = m->flag == 0;
			for (size_t k = 0; k < i; k++)
				before = before || shape_tables[t].member[k].offset + 1 == m->flag;
			assert_true(before);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_belief_slim_exchanges_equal_the_engine),
		cmocka_unit_test(test_belief_slim_opening_again_equals_the_engine),
		cmocka_unit_test(test_belief_slim_is_right_after_all_was_dropped),
		cmocka_unit_test(test_belief_slim_anything_equals_the_engine),
		cmocka_unit_test(test_belief_slim_takes_less_than_128_bytes),
		cmocka_unit_test(test_belief_slim_without_room_becomes_unknown),
		cmocka_unit_test(test_shape_tables_list_every_member),
		cmocka_unit_test(test_shape_tables_flags_stand_before_what_they_decide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

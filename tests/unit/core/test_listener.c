/*
 * The listener, with clients that are machines of ours or segments made by hand. There is no wire:
 * what one end sends, the other is given.
 */
#include "synscope/core/listener.h"

#include "../../support/cm.h"
#include "../../support/machines.h"

#include "synscope/core/util.h"

#include <stdlib.h>
#include <string.h>

#define S TCP_SYN
#define A TCP_ACK
#define F TCP_FIN
#define R TCP_RST
#define P TCP_PSH

#define SLOTS 8
#define MSS 1000
#define BUFFER_BYTES 4096
#define PORT 80

struct town {
	struct listener l;
	struct listener_config config;
	int64_t now_ns;
	unsigned freed;
	/* what the last take() gave */
	struct segment_spec out[64];
	struct listener_fate fate[64];
	unsigned out_count;
	uint8_t text[16][BUFFER_BYTES];
};

static struct endpoint server_of(enum ip_family family)
{
	const uint8_t v4[4] = {192, 0, 2, 2};
	const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};
	return (struct endpoint){family == IP_V6 ? ip_addr_v6(v6) : ip_addr_v4(v4), PORT};
}

static struct endpoint client_of(enum ip_family family, uint16_t port)
{
	const uint8_t v4[4] = {192, 0, 2, 1};
	const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	return (struct endpoint){family == IP_V6 ? ip_addr_v6(v6) : ip_addr_v4(v4), port};
}

static void note_freed(void *context, struct connection *c)
{
	struct town *t = context;
	assert_true(c->number != 0);
	t->freed++;
}

static struct town *town_begin(const struct listener_config *wishes)
{
	struct town *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->config = *wishes;
	t->config.machine = machines_config(1);
	t->config.machine.mss = 0;
	t->config.machine.isn = wishes->machine.isn;
	t->config.machine.send_buffer_bytes = BUFFER_BYTES;
	t->config.machine.receive_buffer_bytes = BUFFER_BYTES;
	t->config.freed = note_freed;
	t->config.context = t;
	t->config.connections_max = wishes->connections_max != 0 ? wishes->connections_max : SLOTS;
	t->config.half_open_max = wishes->half_open_max != 0 ? wishes->half_open_max : SLOTS;
	t->config.connections = calloc(t->config.connections_max, sizeof *t->config.connections);
	t->config.index_count = 64;
	t->config.index = calloc(64, sizeof *t->config.index);
	t->config.heap = calloc(t->config.connections_max, sizeof *t->config.heap);
	t->config.buffers = calloc(t->config.connections_max, (size_t)2 * BUFFER_BYTES);
	t->config.parked_max = 4;
	t->config.parked = calloc(4, sizeof *t->config.parked);
	t->config.key = (struct cookie_key){{1, 2}};
	t->now_ns = 1000 * SECOND;
	listener_init(&t->l, &t->config);
	return t;
}

static void town_end(struct town *t)
{
	free(t->config.connections);
	free(t->config.index);
	free(t->config.heap);
	free(t->config.buffers);
	free(t->config.parked);
	free(t);
}

static struct segment segment_from(const struct segment_spec *spec)
{
	return (struct segment){
		.ip = {.src = spec->src.addr, .dst = spec->dst.addr},
		.src = spec->src,
		.dst = spec->dst,
		.seq = spec->seq,
		.ack = spec->ack,
		.flags = spec->flags,
		.window = spec->window,
		.option = spec->option,
		.payload = spec->payload,
		.payload_bytes = (uint32_t)spec->payload_bytes,
		.payload_captured_bytes = (uint32_t)spec->payload_bytes,
	};
}

/* Serve every connection that is ready, as an echo, and keep what goes out. */
static void take(struct town *t)
{
	struct connection *c;
	struct segment_spec *spec;
	uint8_t text[BUFFER_BYTES];
	t->out_count = 0;
	while ((c = listener_ready(&t->l)) != NULL) {
		const size_t got = machine_receive(&c->machine, text, sizeof text, t->now_ns);
		(void)machine_send(&c->machine, text, got, t->now_ns);
		if (machine_at_eof(&c->machine))
			(void)machine_close(&c->machine, t->now_ns);
		while (spec = &t->out[t->out_count], assert_true(t->out_count < 64),
		       listener_output(&t->l, c, spec, &t->fate[t->out_count], t->now_ns)) {
			uint8_t *copy = t->text[t->out_count % 16];
			memcpy(copy, spec->payload_bytes > 0 ? spec->payload : copy,
			       spec->payload_bytes);
			spec->payload = copy;
			t->out_count++;
		}
		(void)listener_settle(&t->l, c, t->now_ns);
	}
	unsigned deeds;
	while (spec = &t->out[t->out_count],
	       listener_output_parked(&t->l, spec, &c, &deeds, t->now_ns)) {
		t->fate[t->out_count] = (struct listener_fate){.deeds = deeds};
		t->out_count++;
	}
}

/* A segment by hand, and what became of it; its text is zeroes. */
static struct listener_answer gives(struct town *t, uint16_t port, uint16_t flags, seq_t seq,
				    seq_t ack, uint32_t bytes)
{
	static const uint8_t zeroes[BUFFER_BYTES];
	struct listener_answer answer;
	const struct segment s = {
		.src = client_of(IP_V4, port),
		.dst = server_of(IP_V4),
		.seq = seq,
		.ack = ack,
		.flags = flags,
		.window = 60000,
		.option = {.has_mss = (flags & S) != 0, .mss = 1460},
		.payload = zeroes,
		.payload_bytes = bytes,
		.payload_captured_bytes = bytes,
	};
	listener_segment(&t->l, &s, MSS, t->now_ns, &answer);
	take(t);
	return answer;
}

static struct connection *find(struct town *t, uint16_t port)
{
	const struct endpoint local = server_of(IP_V4);
	const struct endpoint remote = client_of(IP_V4, port);
	return listener_find(&t->l, &local, &remote);
}

/* A whole handshake by hand from ISN 100. @return the server's ISN */
static seq_t opens(struct town *t, uint16_t port)
{
	(void)gives(t, port, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out_count, 1);
	assert_int_equal(t->out[0].flags, S | A);
	const seq_t isn = t->out[0].seq;
	(void)gives(t, port, A, seq_of(101), seq_add(isn, 1), 0);
	assert_int_equal(machine_state(&find(t, port)->machine), ST_ESTABLISHED);
	return isn;
}

/* --- a client of the same make -----------------------------------------------------------------
 */

static void exchange_with(struct town *t, struct machine *client, bool lossless)
{
	for (int round = 0; round < 50; round++) {
		struct segment_spec spec;
		struct listener_answer answer;
		bool any = false;
		while (machine_output(client, &spec, t->now_ns)) {
			const struct segment s = segment_from(&spec);
			listener_segment(&t->l, &s, MSS, t->now_ns, &answer);
			any = true;
			if (answer.answers) {
				const struct segment back = segment_from(&answer.spec);
				machine_segment(client, &back, t->now_ns);
			}
		}
		take(t);
		for (unsigned i = 0; i < t->out_count; i++) {
			const struct segment s = segment_from(&t->out[i]);
			any = true;
			if (lossless || !t->fate[i].held)
				machine_segment(client, &s, t->now_ns);
		}
		if (!any)
			return;
	}
	fail_msg("they never stop");
}

static void run_client(enum ip_family family, const struct listener_config *wishes)
{
	struct town *t = town_begin(wishes);
	struct machine_config config = machines_config(0);
	struct test_end end;
	uint8_t got[64];
	config.local = client_of(family, 40000);
	config.remote = server_of(family);
	machines_init(&end, &config);
	assert_true(machine_open_active(&end.m, t->now_ns));
	exchange_with(t, &end.m, true);
	assert_int_equal(machine_state(&end.m), ST_ESTABLISHED);
	assert_int_equal(t->l.counts.opened, 1);
	assert_int_equal(t->l.half_open, 0);
	assert_int_equal(machine_send(&end.m, (const uint8_t *)"ping", 4, t->now_ns), 4);
	exchange_with(t, &end.m, true);
	assert_int_equal(machine_receive(&end.m, got, sizeof got, t->now_ns), 4);
	assert_memory_equal(got, "ping", 4);
	assert_true(machine_close(&end.m, t->now_ns));
	exchange_with(t, &end.m, true);
	assert_int_equal(machine_state(&end.m), ST_TIME_WAIT);
	assert_int_equal(t->freed, 1);
	assert_int_equal(t->l.used, 0);
	assert_int_equal(listener_deadline(&t->l), INT64_MAX);
	machines_free(&end);
	town_end(t);
}

static void test_listener_serves_a_machine_of_both_families(void **state)
{
	(void)state;
	const struct listener_config plain = {.as = LISTENER_OPEN};
	const struct listener_config cookies = {.as = LISTENER_STATELESS};
	run_client(IP_V4, &plain);
	run_client(IP_V6, &plain);
	run_client(IP_V4, &cookies);
	run_client(IP_V6, &cookies);
}

static void test_listener_split_handshake_ends_established(void **state)
{
	(void)state;
	const struct listener_config split = {.split_handshake = true};
	run_client(IP_V4, &split);
	run_client(IP_V6, &split);
}

/* --- what is not ours ----------------------------------------------------------------------------
 */

static void test_listener_strays_get_the_tables_answer(void **state)
{
	(void)state;
	static const struct {
		uint16_t flags;
		uint32_t bytes;
		enum { NOTHING, BOUNCE, RESET } open, closed;
	} rows[] = {
		{A, 0, BOUNCE, BOUNCE},       {A | F, 0, BOUNCE, BOUNCE},
		{S | A, 0, BOUNCE, BOUNCE},   {A | P, 10, BOUNCE, BOUNCE},
		{R, 0, NOTHING, NOTHING},     {R | A, 0, NOTHING, NOTHING},
		{S | R, 0, NOTHING, NOTHING}, {0, 0, NOTHING, RESET},
		{F, 0, NOTHING, RESET},       {P, 10, NOTHING, RESET},
		{S, 0, NOTHING, RESET},
	};
	for (int closed = 0; closed < 2; closed++) {
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
			if (!closed && rows[i].flags == S)
				continue; /* that is no stray */
			const struct listener_config as = {.as = closed ? LISTENER_CLOSED
									: LISTENER_OPEN};
			struct town *t = town_begin(&as);
			const struct listener_answer a = gives(t, 5000, rows[i].flags, seq_of(7000),
							       seq_of(9000), rows[i].bytes);
			const int want = closed ? (int)rows[i].closed : (int)rows[i].open;
			assert_null(a.connection);
			assert_true(a.row >= 0);
			assert_int_equal(a.answers, want != NOTHING);
			assert_int_equal(t->l.used, 0);
			if (want == BOUNCE) { /* <SEQ=SEG.ACK><CTL=RST> */
				assert_int_equal(a.spec.flags, R);
				assert_int_equal(a.spec.seq.raw, 9000);
			} else if (want == RESET) { /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
				const uint32_t length =
					rows[i].bytes + (rows[i].flags & (S | F) ? 1 : 0);
				assert_int_equal(a.spec.flags, R | A);
				assert_int_equal(a.spec.seq.raw, 0);
				assert_int_equal(a.spec.ack.raw, 7000 + length);
			}
			if (want != NOTHING) {
				const struct endpoint here = server_of(IP_V4);
				const struct endpoint there = client_of(IP_V4, 5000);
				assert_true(endpoint_equal(&a.spec.src, &here));
				assert_true(endpoint_equal(&a.spec.dst, &there));
			}
			town_end(t);
		}
	}
}

static void test_listener_silent_says_nothing_at_all(void **state)
{
	(void)state;
	static const uint16_t flags[] = {S, A, F, R, 0, S | F, S | A};
	const struct listener_config as = {.as = LISTENER_SILENT};
	struct town *t = town_begin(&as);
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		const struct listener_answer a = gives(t, 5000, flags[i], seq_of(1), seq_of(2), 0);
		assert_false(a.answers || a.connection != NULL);
		assert_int_equal(t->out_count, 0);
	}
	town_end(t);
}

/* --- bounds
 * ------------------------------------------------------------------------------------------ */

static void test_listener_beyond_the_backlog_answers_by_cookie(void **state)
{
	(void)state;
	const struct listener_config wishes = {.half_open_max = 2};
	struct town *t = town_begin(&wishes);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	(void)gives(t, 2, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->l.half_open, 2);
	struct listener_answer a = gives(t, 3, S, seq_of(100), seq_of(0), 0);
	assert_true(a.answers && a.cookie);
	assert_null(a.connection);
	assert_int_equal(a.spec.flags, S | A);
	assert_int_equal(a.spec.ack.raw, 101);
	assert_int_equal(t->l.used, 2);
	/* Again: the same number, though nothing was remembered. */
	const seq_t cookie = a.spec.seq;
	a = gives(t, 3, S, seq_of(100), seq_of(0), 0);
	assert_true(seq_eq(a.spec.seq, cookie));
	/* Its ACK makes the connection; text beside it is taken. */
	a = gives(t, 3, A, seq_of(101), seq_add(cookie, 1), 5);
	assert_true(a.is_new && a.connection != NULL);
	assert_true(a.connection->from_cookie);
	assert_int_equal(machine_state(&a.connection->machine), ST_ESTABLISHED);
	assert_int_equal(t->out_count, 1); /* the echo, and no second SYN,ACK */
	assert_int_equal(t->out[0].payload_bytes, 5);
	assert_int_equal(t->out[0].seq.raw, seq_add(cookie, 1).raw);
	assert_int_equal(t->l.half_open, 2);
	assert_int_equal(t->l.counts.cookies_good, 1);
	/* An ACK of something else does not. */
	a = gives(t, 4, A, seq_of(101), seq_add(cookie, 1), 0);
	assert_true(a.answers && a.connection == NULL);
	assert_int_equal(a.spec.flags, R);
	assert_int_equal(t->l.counts.cookies_bad, 1);
	/* One is open: a SYN is remembered again, with the number that a cookie would have had. */
	(void)gives(t, 1, A, seq_of(101), seq_add(find(t, 1)->machine.iss, 1), 0);
	const struct segment syn = {.src = client_of(IP_V4, 5),
				    .dst = server_of(IP_V4),
				    .seq = seq_of(100),
				    .flags = S,
				    .option = {.has_mss = true, .mss = 1460}};
	a = gives(t, 5, S, seq_of(100), seq_of(0), 0);
	assert_non_null(a.connection);
	assert_true(
		seq_eq(a.connection->machine.iss, cookie_make(&t->config.key, &syn, t->now_ns)));
	town_end(t);
}

static void test_listener_full_lets_a_syn_wait_and_ends_time_wait(void **state)
{
	(void)state;
	const struct listener_config wishes = {.connections_max = 2};
	struct town *t = town_begin(&wishes);
	const seq_t isn = opens(t, 1);
	(void)opens(t, 2);
	struct listener_answer a = gives(t, 3, S, seq_of(100), seq_of(0), 0);
	assert_false(a.answers || a.connection != NULL);
	assert_int_equal(t->l.counts.unanswered, 1);
	/* The first one closes: we first, so that it stays in TIME-WAIT. */
	struct connection *c = find(t, 1);
	assert_true(machine_close(&c->machine, t->now_ns));
	listener_touch(&t->l, c);
	take(t);
	(void)gives(t, 1, F | A, seq_of(101), seq_add(isn, 2), 0);
	assert_int_equal(machine_state(&c->machine), ST_TIME_WAIT);
	a = gives(t, 3, S, seq_of(100), seq_of(0), 0);
	assert_true(a.is_new);
	assert_int_equal(t->l.counts.evicted, 1);
	assert_int_equal(t->freed, 1);
	assert_null(find(t, 1));
	assert_non_null(find(t, 3));
	town_end(t);
}

static void test_listener_newer_syn_in_time_wait_begins_anew(void **state)
{
	(void)state;
	const struct listener_config wishes = {.has_isn = true, .machine = {.isn = {500}}};
	struct town *t = town_begin(&wishes);
	assert_int_equal(opens(t, 1).raw, 500);
	struct connection *c = find(t, 1);
	const uint32_t number = c->number;
	assert_true(machine_close(&c->machine, t->now_ns));
	listener_touch(&t->l, c);
	take(t);
	(void)gives(t, 1, F | A, seq_of(101), seq_of(502), 0);
	assert_int_equal(machine_state(&c->machine), ST_TIME_WAIT);
	struct listener_answer a = gives(t, 1, S, seq_of(90), seq_of(0), 0);
	assert_false(a.is_new); /* older: challenged */
	assert_int_equal(machine_state(&c->machine), ST_TIME_WAIT);
	a = gives(t, 1, S, seq_of(5000), seq_of(0), 0);
	assert_true(a.is_new && a.is_reused);
	assert_true(a.connection->number > number);
	assert_int_equal(t->out[0].flags, S | A);
	assert_int_equal(t->out[0].seq.raw, 502 + 65537); /* beyond the last of the old one */
	town_end(t);
}

static void test_listener_reset_frees_the_half_open(void **state)
{
	(void)state;
	const struct listener_config wishes = {.as = LISTENER_OPEN};
	struct town *t = town_begin(&wishes);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	(void)gives(t, 1, R, seq_of(101), seq_of(0), 0);
	assert_int_equal(t->l.used, 0);
	assert_int_equal(t->l.half_open, 0);
	assert_null(find(t, 1));
	town_end(t);
}

static void test_listener_close_refuses_what_is_new(void **state)
{
	(void)state;
	const struct listener_config wishes = {.as = LISTENER_OPEN};
	struct town *t = town_begin(&wishes);
	(void)opens(t, 1);
	listener_close(&t->l);
	const struct listener_answer a = gives(t, 2, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(a.spec.flags, R | A);
	(void)gives(t, 1, A | P, seq_of(101), find(t, 1)->machine.snd_nxt, 3);
	assert_int_equal(t->out[0].payload_bytes, 3);
	town_end(t);
}

/* --- time
 * -------------------------------------------------------------------------------------------- */

static void test_listener_timers_fire_in_their_order(void **state)
{
	(void)state;
	const struct listener_config wishes = {.as = LISTENER_OPEN};
	struct town *t = town_begin(&wishes);
	const int64_t begin_ns = t->now_ns;
	static const int order[SLOTS] = {3, 7, 1, 0, 5, 2, 6, 4};
	for (int i = 0; i < SLOTS; i++) {
		t->now_ns = begin_ns + order[i] * (SECOND / 100);
		(void)gives(t, (uint16_t)(10 + order[i]), S, seq_of(1), seq_of(0), 0);
	}
	for (int i = 0; i < SLOTS; i++) {
		t->now_ns = listener_deadline(&t->l);
		assert_int_equal(t->now_ns, begin_ns + i * (SECOND / 100) + SECOND);
		listener_tick(&t->l, t->now_ns);
		take(t);
		assert_int_equal(t->out_count, 1);
		assert_int_equal(t->out[0].flags, S | A);
		assert_int_equal(t->out[0].dst.port, 10 + i);
	}
	town_end(t);
}

static void test_listener_late_answers_after_its_time(void **state)
{
	(void)state;
	const struct listener_config wishes = {.as = LISTENER_LATE, .late_ns = 3 * SECOND};
	struct town *t = town_begin(&wishes);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out_count, 0);
	t->now_ns += SECOND;
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out_count, 0);
	assert_int_equal(listener_deadline(&t->l), t->now_ns + 2 * SECOND);
	t->now_ns = listener_deadline(&t->l);
	listener_tick(&t->l, t->now_ns);
	take(t);
	assert_true(t->out_count >= 1);
	assert_int_equal(t->out[0].flags, S | A);
	town_end(t);
}

static void test_listener_zero_window_opens_after_its_time(void **state)
{
	(void)state;
	const struct listener_config wishes = {.zero_window_ns = SECOND};
	struct town *t = town_begin(&wishes);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out[0].window, 0);
	const seq_t next = seq_add(t->out[0].seq, 1);
	(void)gives(t, 1, A, seq_of(101), next, 0);
	(void)gives(t, 1, A, seq_of(101), next, 1); /* a probe is not taken */
	assert_int_equal(t->out[0].window, 0);
	assert_int_equal(t->out[0].ack.raw, 101);
	t->now_ns += SECOND;
	listener_tick(&t->l, t->now_ns);
	take(t);
	assert_int_equal(t->out_count, 1);
	assert_int_equal(t->out[0].window, BUFFER_BYTES);
	(void)gives(t, 1, A, seq_of(101), next, 10);
	assert_int_equal(t->out[0].payload_bytes, 10);
	town_end(t);
}

static void test_listener_alarm_makes_it_ready(void **state)
{
	(void)state;
	const struct listener_config wishes = {.as = LISTENER_OPEN};
	struct town *t = town_begin(&wishes);
	(void)opens(t, 1);
	struct connection *c = find(t, 1);
	c->alarm_ns = t->now_ns + 5;
	assert_true(listener_settle(&t->l, c, t->now_ns));
	assert_int_equal(listener_deadline(&t->l), t->now_ns + 5);
	listener_tick(&t->l, t->now_ns + 5);
	assert_ptr_equal(listener_ready(&t->l), c);
	town_end(t);
}

/* --- misbehaviour
 * ------------------------------------------------------------------------------------------ */

static struct town *trouble_begin(enum trouble_kind kind, const char *which, int64_t delay_ns)
{
	struct listener_config wishes = {.as = LISTENER_OPEN};
	assert_null(trouble_parse(&wishes.trouble, kind, which, delay_ns));
	return town_begin(&wishes);
}

static void test_listener_drop_is_held_and_sent_again_by_the_timer(void **state)
{
	(void)state;
	struct town *t = trouble_begin(TROUBLE_DROP, "SYNACK:1", 0);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out_count, 1);
	assert_true(t->fate[0].held);
	t->now_ns = listener_deadline(&t->l);
	listener_tick(&t->l, t->now_ns);
	take(t);
	assert_int_equal(t->out_count, 1);
	assert_false(t->fate[0].held);
	assert_int_equal(t->out[0].flags, S | A);
	town_end(t);
}

static void test_listener_dup_badsum_wrong_ack(void **state)
{
	(void)state;
	struct town *t = trouble_begin(TROUBLE_DUP, "SYNACK", 0);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out_count, 2);
	assert_true(t->fate[1].is_copy);
	assert_true(seq_eq(t->out[0].seq, t->out[1].seq));
	town_end(t);
	t = trouble_begin(TROUBLE_BADSUM, "SYNACK", 0);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_true(t->out[0].bad_checksum);
	town_end(t);
	t = trouble_begin(TROUBLE_WRONG_ACK, "SYNACK", 0);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_int_equal(t->out[0].ack.raw, 1101);
	town_end(t);
}

static void test_listener_reorder_and_delay_are_parked(void **state)
{
	(void)state;
	struct town *t = trouble_begin(TROUBLE_REORDER, "DATA:1", 0);
	const seq_t isn = opens(t, 1);
	(void)gives(t, 1, A | P, seq_of(101), seq_add(isn, 1), 2000); /* echoed in two segments */
	assert_true(t->out_count >= 3);
	unsigned first = 0;
	while (t->fate[first].parked == false)
		first++;
	assert_true(seq_lt(t->out[first].seq, t->out[first + 1].seq));
	/* It comes again, behind the other one, with its own text. */
	assert_true(seq_eq(t->out[t->out_count - 1].seq, t->out[first].seq));
	assert_int_equal(t->out[t->out_count - 1].payload_bytes, MSS);
	assert_int_equal(t->l.parked_count, 0);
	town_end(t);
	t = trouble_begin(TROUBLE_DELAY, "SYNACK", 70);
	(void)gives(t, 1, S, seq_of(100), seq_of(0), 0);
	assert_true(t->fate[0].parked);
	assert_int_equal(listener_deadline(&t->l), t->now_ns + 70);
	t->now_ns += 70;
	take(t);
	assert_int_equal(t->out_count, 1);
	assert_int_equal(t->out[0].flags, S | A);
	town_end(t);
}

/* --- at random
 * ------------------------------------------------------------------------------------------------
 */

static void check_lists(const struct town *t)
{
	const struct listener *l = &t->l;
	uint32_t used = 0;
	uint32_t half_open = 0;
	uint32_t timed = 0;
	for (uint32_t i = 0; i < l->config.connections_max; i++) {
		const struct connection *c = &l->config.connections[i];
		if (c->number == 0)
			continue;
		used++;
		half_open += c->half_open;
		if (c->heap_at == LISTENER_NONE)
			continue;
		timed++;
		assert_int_equal(l->config.heap[c->heap_at], i);
		const uint32_t up = (c->heap_at - 1) / 2;
		if (c->heap_at > 0)
			assert_true(l->config.connections[l->config.heap[up]].deadline_ns <=
				    c->deadline_ns);
	}
	assert_int_equal(used, l->used);
	assert_int_equal(half_open, l->half_open);
	assert_int_equal(timed, l->heap_count);
	assert_true(half_open <= l->config.half_open_max + 1); /* the ACK of a cookie passes by */
}

static void test_listener_survives_anything(void **state)
{
	(void)state;
	static const uint16_t flags[] = {S,     S,     S, A,     A,     A,     A, A | P, A | P,
					 F | A, F | A, R, R | A, S | A, S | F, 0, F};
	struct listener_config wishes = {.half_open_max = 3};
	assert_null(trouble_parse(&wishes.trouble, TROUBLE_REORDER, "DATA:3-", 0));
	assert_null(trouble_parse(&wishes.trouble, TROUBLE_DUP, "FIN", 0));
	struct town *t = town_begin(&wishes);
	uint64_t random = 42;
	for (int i = 0; i < 200000; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		const uint32_t r = (uint32_t)(random >> 33);
		const uint16_t port = (uint16_t)(1 + r % 24);
		const struct connection *c = find(t, port);
		const seq_t next = c != NULL ? machine_vars(&c->machine).rcv_nxt : seq_of(100);
		const seq_t ack = c != NULL ? machine_vars(&c->machine).snd_nxt : seq_of(r >> 3);
		const int32_t off = r >> 12 & 7 ? 0 : (int32_t)(r >> 15 & 4095) - 2000;
		(void)gives(t, port, flags[(r >> 5) % ARRAY_COUNT(flags)],
			    seq_add(next, (uint32_t)off), seq_sub(ack, r >> 27 & 1),
			    (r >> 9 & 3) == 0 ? r >> 20 & 1023 : 0);
		t->now_ns += r & 0x3fff000;
		if (listener_deadline(&t->l) <= t->now_ns) {
			listener_tick(&t->l, t->now_ns);
			take(t);
		}
		check_lists(t);
	}
	assert_true(t->l.counts.opened > 1000);
	assert_true(t->l.counts.cookies_sent > 1000);
	assert_true(t->l.counts.evicted > 0 || t->l.counts.unanswered > 0);
	town_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener_serves_a_machine_of_both_families),
		cmocka_unit_test(test_listener_split_handshake_ends_established),
		cmocka_unit_test(test_listener_strays_get_the_tables_answer),
		cmocka_unit_test(test_listener_silent_says_nothing_at_all),
		cmocka_unit_test(test_listener_beyond_the_backlog_answers_by_cookie),
		cmocka_unit_test(test_listener_full_lets_a_syn_wait_and_ends_time_wait),
		cmocka_unit_test(test_listener_newer_syn_in_time_wait_begins_anew),
		cmocka_unit_test(test_listener_reset_frees_the_half_open),
		cmocka_unit_test(test_listener_close_refuses_what_is_new),
		cmocka_unit_test(test_listener_timers_fire_in_their_order),
		cmocka_unit_test(test_listener_late_answers_after_its_time),
		cmocka_unit_test(test_listener_zero_window_opens_after_its_time),
		cmocka_unit_test(test_listener_alarm_makes_it_ready),
		cmocka_unit_test(test_listener_drop_is_held_and_sent_again_by_the_timer),
		cmocka_unit_test(test_listener_dup_badsum_wrong_ack),
		cmocka_unit_test(test_listener_reorder_and_delay_are_parked),
		cmocka_unit_test(test_listener_survives_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

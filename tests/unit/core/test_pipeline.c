/*
 * From frames made by hand (raw IP) to events. The stories are the cases that other tools were
 * measured on and got wrong; each line says what is known of both ends after it:
 * * proven, ~ expected, = exact (our own), ? not known.
 */
#include "synscope/core/pipeline.h"

#include "../../support/cm.h"
#include "../../support/packets.h"

#include "synscope/core/judge.h"
#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C SIDE_CLIENT
#define S SIDE_SERVER
#define CLOSED UINT16_MAX /* as a window: 0 */
#define MS INT64_C(1000000)
#define RAW_ZERO INT64_MIN /* as seq: the field is 0 */

enum { EXCHANGES = 6, INDEX = 16, EVENTS_MAX = 400, POOL_BYTES = 1 << 20 };

struct rig {
	struct pipeline p;
	struct exchange exchanges[EXCHANGES];
	struct flow_index index[INDEX];
	void *pool;
	struct event events[EVENTS_MAX];
	size_t count;
	struct endpoint client, server;
	uint32_t isn[2];
	int64_t now_ns;
	const struct pipeline_truth *truth;
	struct own_word word; /* what the actor says next */
	unsigned own_in, own_out, own_icmp;
	char text[8]; /* what the last segment began with: an event only borrows it */
};

static void hear(void *context, const struct event *e)
{
	struct rig *r = context;
	assert_true(r->count < EVENTS_MAX);
	r->events[r->count++] = *e;
	if (e->type == EVENT_SEGMENT && e->u.segment.tcp.payload != NULL)
		snprintf(r->text, sizeof r->text, "%.*s",
			 (int)e->u.segment.tcp.payload_captured_bytes,
			 (const char *)e->u.segment.tcp.payload);
}

static void fake_id(const struct endpoint *client, const struct endpoint *server, char *text,
		    size_t text_bytes)
{
	snprintf(text, text_bytes, "1:%u-%u", client->port, server->port);
}

static struct rig *rig_open(const struct pipeline_config *own)
{
	struct rig *r = calloc(1, sizeof *r);
	assert_non_null(r);
	struct pipeline_config c = own != NULL ? *own : (struct pipeline_config){0};
	c.hooks.context = r;
	c.hooks.event = hear;
	c.hooks.event_context = r;
	c.exchanges = r->exchanges;
	c.exchanges_max = c.exchanges_max != 0 ? c.exchanges_max : EXCHANGES;
	r->pool = malloc(POOL_BYTES);
	assert_non_null(r->pool);
	c.pool = belief_pool_init(r->pool, POOL_BYTES);
	c.index = r->index;
	c.index_count = INDEX;
	c.community_id = fake_id;
	pipeline_init(&r->p, &c);
	r->client = packet_endpoint("192.0.2.1:40000");
	r->server = packet_endpoint("192.0.2.2:80");
	r->isn[C] = 1000000;
	r->isn[S] = 5000000;
	r->now_ns = 1000 * MS;
	return r;
}

static void rig_close(struct rig *r)
{
	free(r->pool);
	free(r);
}

static void finish(struct rig *r)
{
	pipeline_finish(&r->p, NULL, &(struct event_end){.complete = true});
}

static void frame(struct rig *r, uint32_t link_type, const uint8_t *data, size_t count)
{
	const struct pipeline_frame f = {.time_ns = r->now_ns,
					 .link_type = link_type,
					 .data = data,
					 .captured_bytes = count,
					 .wire_bytes = count,
					 .truth = r->truth};
	pipeline_frame(&r->p, &f);
	r->now_ns += MS;
}

static struct segment_spec spec_of(const struct rig *r, enum side from, const char *flags,
				   int64_t seq, int64_t ack, uint32_t bytes)
{
	static const uint8_t text[1460] = "GET";
	struct segment_spec s = {.window = 1000, .payload = text, .payload_bytes = bytes};
	assert_true(tcp_flags_parse(&s.flags, flags));
	s.src = from == C ? r->client : r->server;
	s.dst = from == C ? r->server : r->client;
	s.seq = seq_of(seq == RAW_ZERO ? 0 : r->isn[from] + (uint32_t)seq);
	s.ack = seq_of((s.flags & TCP_ACK) != 0 ? r->isn[side_other(from)] + (uint32_t)ack : 0);
	return s;
}

static void send_spec(struct rig *r, const struct segment_spec *spec)
{
	uint8_t packet[PACKET_BYTES_MAX];
	frame(r, LINK_RAW, packet, packet_tcp(spec, packet));
}

static void tell(struct rig *r, enum side from, const char *flags, int64_t seq, int64_t ack,
		 uint32_t bytes)
{
	const struct segment_spec s = spec_of(r, from, flags, seq, ack, bytes);
	send_spec(r, &s);
}

/* --- what was heard --------------------------------------------------------- */

static const struct event *nth(const struct rig *r, enum event_type type, size_t n)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->events[i].type == type && n-- == 0)
			return &r->events[i];
	return NULL;
}

static size_t count_of(const struct rig *r, enum event_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++)
		count += r->events[i].type == type;
	return count;
}

static const struct event_segment *last_segment(const struct rig *r)
{
	const size_t count = count_of(r, EVENT_SEGMENT);
	assert_true(count > 0);
	return &nth(r, EVENT_SEGMENT, count - 1)->u.segment;
}

static bool has_note(const struct event_segment *e, enum note_code code)
{
	for (unsigned i = 0; i < e->notes_count; i++)
		if (e->notes[i].code == code)
			return true;
	return false;
}

static char *view_text(const struct end_view *v, char text[32])
{
	static const char marks[] = {'?', '~', '*', '='};
	if (v->certainty == CERTAINTY_UNKNOWN)
		return strcpy(text, "?");
	snprintf(text, 32, "%c%s", marks[v->certainty], state_name(v->state));
	return text;
}

/* --- stories ---------------------------------------------------------------- */

struct line {
	enum side from;
	const char *flags;
	int64_t seq, ack;
	uint32_t bytes;
	uint16_t window; /* 0: the usual 1000 */
	const char *client, *server;
};

static void tell_line(struct rig *r, const struct line *l)
{
	struct segment_spec s = spec_of(r, l->from, l->flags, l->seq, l->ack, l->bytes);
	s.window = l->window == CLOSED ? 0 : l->window == 0 ? 1000 : l->window;
	send_spec(r, &s);
}

static const uint32_t isns[][2] = {
	{1000000, 5000000}, {0, 0}, {UINT32_MAX, UINT32_MAX}, {0x7fffffff, UINT32_MAX - 5}};

static void run_story(const char *name, const struct line *lines, size_t count)
{
	char c[32];
	char s[32];
	for (size_t pair = 0; pair < ARRAY_COUNT(isns); pair++) {
		struct rig *r = rig_open(NULL);
		r->isn[C] = isns[pair][0];
		r->isn[S] = isns[pair][1];
		bool wrong = false;
		for (size_t i = 0; i < count; i++) {
			const struct line *l = &lines[i];
			tell_line(r, l);
			const struct event_segment *e = last_segment(r);
			const char *client = view_text(&e->client, c);
			const char *server = view_text(&e->server, s);
			if (strcmp(client, l->client) == 0 && strcmp(server, l->server) == 0)
				continue;
			print_error("%s, ISNs %u and %u, segment %zu: %s %s, should be %s %s\n",
				    name, r->isn[C], r->isn[S], i + 1, client, server, l->client,
				    l->server);
			wrong = true;
		}
		rig_close(r);
		assert_false(wrong);
	}
}

#define STORY(name, ...)                                        \
	do {                                                    \
		static const struct line lines[] = __VA_ARGS__; \
		run_story(name, lines, ARRAY_COUNT(lines));     \
	} while (0)

/* clang-format off */
#define OPEN                                                              \
	{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},         \
	{S, "SA",  0,   1,   0, 0, "~ESTABLISHED", "*SYN-RECEIVED"},      \
	{C, "A",   1,   1,   0, 0, "*ESTABLISHED", "~ESTABLISHED"}

static void test_pipeline_frame_states_of_normal_stories(void **state)
{
	(void)state;
	STORY("01 open, data, FIN of both", {
		OPEN,
		{C, "PA",  1,   1, 100, 0, "*ESTABLISHED", "~ESTABLISHED"},
		{S, "A",   1, 101,   0, 0, "*ESTABLISHED", "*ESTABLISHED"},
		{C, "FA",101,   1,   0, 0, "*FIN-WAIT-1", "~CLOSE-WAIT"},
		{S, "A",   1, 102,   0, 0, "~FIN-WAIT-2", "*CLOSE-WAIT"},
		{S, "FA",  1, 102,   0, 0, "~TIME-WAIT", "*LAST-ACK"},
		{C, "A", 102,   2,   0, 0, "*TIME-WAIT", "~CLOSED"},
	});
	STORY("02 refused", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{S, "RA",RAW_ZERO, 1, 0, 0, "~CLOSED", "*CLOSED"},
	});
	STORY("06 the SYN,ACK comes again: still SYN-RECEIVED", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{S, "SA",  0,   1,   0, 0, "~ESTABLISHED", "*SYN-RECEIVED"},
		{S, "SA",  0,   1,   0, 0, "~ESTABLISHED", "*SYN-RECEIVED"},
	});
	STORY("08 simultaneous close", {
		OPEN,
		{C, "FA",  1,   1,   0, 0, "*FIN-WAIT-1", "~CLOSE-WAIT"},
		{S, "FA",  1,   1,   0, 0, "~CLOSING", "~CLOSING"},
		{C, "A",   2,   2,   0, 0, "*CLOSING", "~TIME-WAIT"},
		{S, "A",   2,   2,   0, 0, "~TIME-WAIT", "~TIME-WAIT"},
	});
	STORY("21 FIN, then aborted by the server", {
		OPEN,
		{C, "FA",  1,   1,   0, 0, "*FIN-WAIT-1", "~CLOSE-WAIT"},
		{S, "RA",  1,   2,   0, 0, "~CLOSED", "~CLOSED"},
	});
	STORY("23 the ACK is lost, data is the first ACK", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{S, "SA",  0,   1,   0, 0, "~ESTABLISHED", "*SYN-RECEIVED"},
		{C, "PA",  1,   1,  10, 0, "*ESTABLISHED", "~ESTABLISHED"},
		{S, "A",   1,  11,   0, 0, "*ESTABLISHED", "*ESTABLISHED"},
	});
}

static void test_pipeline_frame_states_of_odd_stories(void **state)
{
	(void)state;
	STORY("03 SYN scan of an open port: LISTEN again", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{S, "SA",  0,   1,   0, 0, "~ESTABLISHED", "*SYN-RECEIVED"},
		{C, "R",   1,   0,   0, 0, "~CLOSED", "~LISTEN"},
	});
	STORY("04 silence: nothing is known of the server", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "?"},
	});
	STORY("11 a SYN into an open connection: challenge ACK, RST", {
		OPEN,
		{C, "S", 77000, 0,   0, 0, "~SYN-SENT", "~ESTABLISHED"},
		{S, "A",   1,   1,   0, 0, "~SYN-SENT", "~ESTABLISHED"},
		{C, "R",   1,   0,   0, 0, "~SYN-SENT", "~CLOSED"},
	});
	STORY("12 an RST out of the window resets nobody", {
		OPEN,
		/* it may be the end of another incarnation, so nothing is proven for a while */
		{C, "R", 5000000, 0, 0, 0, "~ESTABLISHED", "~ESTABLISHED"},
		{S, "PA",  1,   1,  10, 0, "~ESTABLISHED", "*ESTABLISHED"},
	});
	STORY("16 a SYN,ACK of the wrong number, RST", {
		{C, "S",   0,   0,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{S, "SA",  0, 778,   0, 0, "*SYN-SENT", "~SYN-RECEIVED"},
		{C, "R", 778,   0,   0, 0, "~SYN-SENT", "~LISTEN"},
	});
	STORY("20 ACK scan", {
		{C, "A",   1,   1,   0, 0, "?", "?"},
		{S, "R",   1,   0,   0, 0, "~CLOSED", "?"},
	});
	STORY("22 sent again, then the ACK of both", {
		OPEN,
		{C, "PA",  1,   1, 100, 0, "*ESTABLISHED", "~ESTABLISHED"},
		{C, "PA",  1,   1, 100, 0, "*ESTABLISHED", "~ESTABLISHED"},
		{S, "A",   1, 101,   0, 0, "*ESTABLISHED", "*ESTABLISHED"},
	});
}
/* clang-format on */

/* --- events ------------------------------------------------------------------ */

static void test_pipeline_frame_event_tells_numbers_and_times(void **state)
{
	(void)state;
	static const uint8_t options[] = {2, 4, 5, 180, 3, 3, 7, 0};
	struct rig *r = rig_open(NULL);
	r->isn[C] = UINT32_MAX;
	r->isn[S] = 0;
	struct segment_spec syn = spec_of(r, C, "S", 0, 0, 0);
	struct segment_spec synack = spec_of(r, S, "SA", 0, 1, 0);
	syn.raw_options = synack.raw_options = options;
	syn.raw_options_bytes = synack.raw_options_bytes = sizeof options;
	send_spec(r, &syn);
	r->now_ns += 8 * MS;
	send_spec(r, &synack);
	tell(r, C, "A", 1, 1, 0);
	tell(r, C, "PA", 1, 1, 3);
	const struct event *start = nth(r, EVENT_START, 0);
	assert_ptr_equal(start, &r->events[0]);
	assert_int_equal(start->u.start.client.port, 40000);
	assert_false(start->u.start.client_local || start->u.start.server_local);
	const struct event *e = nth(r, EVENT_SEGMENT, 1);
	assert_int_equal(e->time_ns, 1009 * MS);
	assert_int_equal(e->flow_id, 1);
	assert_int_equal(e->u.segment.n, 2);
	assert_int_equal(e->u.segment.pcap_count, 2);
	assert_int_equal(e->u.segment.from, S);
	assert_true(e->u.segment.has_seq_rel && e->u.segment.has_ack_rel);
	assert_int_equal(e->u.segment.seq_rel, 0);
	assert_int_equal(e->u.segment.next_seq_rel, 1);
	assert_int_equal(e->u.segment.ack_rel, 1);
	assert_int_equal(e->u.segment.since_previous_ns, 9 * MS);
	assert_int_equal(e->u.segment.window_bytes, 1000); /* a SYN's is not scaled */
	const struct event_segment *data = last_segment(r);
	assert_int_equal(data->seq_rel, 1);
	assert_int_equal(data->next_seq_rel, 4);
	assert_int_equal(data->window_bytes, 1000 << 7);
	assert_true(data->window_scale_known);
	assert_int_equal(data->tcp.payload_bytes, 3);
	assert_string_equal(r->text, "GET");
	rig_close(r);
}

static void test_pipeline_frame_offsets_only_of_numbers_that_belong(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell(r, C, "S", 0, 0, 0);
	tell(r, S, "RA", RAW_ZERO, 1, 0); /* the server's ISN is not known */
	assert_false(last_segment(r)->has_seq_rel);
	assert_true(last_segment(r)->has_ack_rel);
	tell(r, S, "SA", 0, 0x60000000, 0);         /* an offset from nowhere */
	assert_false(last_segment(r)->has_seq_rel); /* of this exchange it is not the ISN */
	assert_false(last_segment(r)->has_ack_rel);
	tell(r, C, "A", -1, 1, 0); /* below the ISN */
	assert_false(last_segment(r)->has_seq_rel);
	tell(r, S, "SA", 0, 1, 0);
	assert_true(last_segment(r)->has_seq_rel && last_segment(r)->has_ack_rel);
	rig_close(r);
}

/* Two SYN,ACKs: the ACK says which ISN is right, and counts from it. */
static void test_pipeline_frame_offset_of_an_ack_from_the_isn_that_it_chooses(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell(r, C, "S", 0, 0, 0);
	r->isn[S] += 70000;
	tell(r, S, "SA", 0, 1, 0);
	r->isn[S] -= 70000;
	tell(r, S, "SA", 0, 1, 0);
	assert_false(last_segment(r)->has_seq_rel);
	tell(r, C, "A", 1, 1, 0);
	assert_true(last_segment(r)->has_ack_rel);
	assert_int_equal(last_segment(r)->ack_rel, 1);
	tell(r, S, "PA", 1, 1, 5);
	assert_int_equal(last_segment(r)->seq_rel, 1);
	rig_close(r);
}

static void test_pipeline_frame_midstream_has_no_offsets_and_a_doubtful_client(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell(r, S, "PA", 1, 1, 10);
	assert_int_equal(nth(r, EVENT_START, 0)->u.start.client.port, 40000);
	assert_false(last_segment(r)->has_seq_rel || last_segment(r)->has_ack_rel);
	assert_false(last_segment(r)->window_scale_known);
	assert_false(r->exchanges[0].flow.client_certain);
	rig_close(r);
}

static void test_pipeline_frame_synack_first_tells_who_is_who(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	r->server = packet_endpoint("192.0.2.2:50000"); /* the higher port, and yet the server */
	tell(r, S, "SA", 0, 1, 0);
	assert_int_equal(nth(r, EVENT_START, 0)->u.start.client.port, 40000);
	assert_true(r->exchanges[0].flow.client_certain);
	assert_true(last_segment(r)->has_ack_rel);
	assert_int_equal(last_segment(r)->ack_rel, 1);
	rig_close(r);
}

static void test_pipeline_frame_transitions_name_the_segment(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell(r, C, "S", 0, 0, 0);
	tell(r, S, "SA", 0, 1, 0);
	tell(r, S, "SA", 0, 1, 0); /* nothing new */
	const struct event *e = nth(r, EVENT_TRANSITION, 2);
	assert_int_equal(e->u.transition.side, C);
	assert_int_equal(e->u.transition.from, ST_SYN_SENT);
	assert_int_equal(e->u.transition.to, ST_ESTABLISHED);
	assert_int_equal(e->u.transition.certainty, CERTAINTY_EXPECTED);
	assert_int_equal(e->u.transition.by, 2);
	assert_int_equal(count_of(r, EVENT_TRANSITION), 4);
	assert_int_equal(r->events[r->count - 1].type, EVENT_SEGMENT);
	rig_close(r);
}

static void test_pipeline_frame_bad_checksum_is_shown_and_moves_nothing(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell(r, C, "S", 0, 0, 0);
	struct segment_spec bad = spec_of(r, S, "SA", 0, 1, 0);
	bad.bad_checksum = true;
	send_spec(r, &bad);
	const struct event_segment *e = last_segment(r);
	assert_true(has_note(e, NOTE_CHECKSUM_BAD));
	assert_int_equal(e->tcp.checksum, CHECKSUM_BAD);
	assert_int_equal(e->client.state, ST_SYN_SENT);
	assert_int_equal(r->exchanges[0].flow.side[S].segments, 0);
	tell(r, S, "SA", 0, 1, 0);
	assert_int_equal(last_segment(r)->n, 3);
	assert_int_equal(last_segment(r)->since_previous_ns, MS); /* to the bad one */
	assert_true(has_note(last_segment(r), NOTE_SYNACK_ACCEPTABLE));
	rig_close(r);
}

/* --- ports used again -------------------------------------------------------- */

static void tell_open(struct rig *r)
{
	tell(r, C, "S", 0, 0, 0);
	tell(r, S, "SA", 0, 1, 0);
	tell(r, C, "A", 1, 1, 0);
}

static void test_pipeline_frame_ports_used_again_begin_another_flow(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell_open(r);
	tell(r, C, "RA", 1, 1, 0);
	tell(r, C, "S", 0, 0, 0); /* the old SYN, late: no other flow */
	assert_int_equal(count_of(r, EVENT_START), 1);
	r->isn[C] += 70000;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(count_of(r, EVENT_START), 2);
	assert_int_equal(count_of(r, EVENT_FLOW), 1);
	assert_int_equal(nth(r, EVENT_FLOW, 0)->flow_id, 1);
	assert_int_equal(nth(r, EVENT_FLOW, 0)->u.flow.close, CLOSE_RST);
	const struct event_segment *e = last_segment(r);
	assert_int_equal(e->n, 1);
	assert_true(has_note(e, NOTE_SYN));
	assert_true(has_note(e, NOTE_PORT_REUSED));
	assert_int_equal(r->events[r->count - 1].flow_id, 2);
	tell(r, S, "RA", RAW_ZERO, 1, 0);
	finish(r);
	assert_int_equal(count_of(r, EVENT_FLOW), 2); /* each once */
	rig_close(r);
}

static void test_pipeline_frame_stray_syn_answered_by_synack_begins_another_flow(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell_open(r);
	r->isn[C] += 70000;
	r->isn[S] += 90000;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(count_of(r, EVENT_START), 1);
	assert_int_equal(last_segment(r)->n, 4);
	tell(r, S, "SA", 0, 1, 0);
	assert_int_equal(count_of(r, EVENT_START), 2);
	assert_int_equal(count_of(r, EVENT_FLOW), 1);
	const struct event_segment *e = last_segment(r);
	assert_int_equal(e->n, 2); /* the SYN is its first, shown in flow 1 */
	assert_true(has_note(e, NOTE_PORT_REUSED));
	assert_true(has_note(e, NOTE_SYNACK_ACCEPTABLE));
	assert_int_equal(e->server.state, ST_SYN_RECEIVED);
	assert_int_equal(e->client.state, ST_ESTABLISHED);
	tell(r, C, "A", 1, 1, 0);
	assert_true(has_note(last_segment(r), NOTE_HANDSHAKE_COMPLETE));
	assert_int_equal(count_of(r, EVENT_SEGMENT), 6); /* every frame once */
	rig_close(r);
}

static void test_pipeline_frame_stray_syn_challenged_stays_in_its_flow(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell_open(r);
	const uint32_t isn = r->isn[C];
	r->isn[C] += 70000;
	tell(r, C, "S", 0, 0, 0);
	assert_false(last_segment(r)->has_seq_rel);
	r->isn[C] = isn;
	tell(r, S, "A", 1, 1, 0);
	assert_int_equal(last_segment(r)->ack_rel, 1); /* from the ISN of the open connection */
	tell(r, C, "R", 1, 0, 0);
	assert_int_equal(count_of(r, EVENT_START), 1);
	assert_true(has_note(last_segment(r), NOTE_RST_ACCEPTABLE));
	rig_close(r);
}

/* An RST that was believed, and then its sender goes on: the belief begins again, and says so. One
 * that is to be challenged is not believed to be its sender's own in the first place. */
static void test_pipeline_frame_reset_that_was_not_the_end_is_taken_back(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int64_t seq;
		int64_t wait_ms;
		bool believed, corrected;
	} cases[] = {
		{"exact, long after", 1, 1000, true, true},
		{"challenged, long after", 500, 1000, false, true},
		{"exact, at once: may have been overtaken", 1, 0, true, false},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *r = rig_open(NULL);
		tell_open(r);
		tell(r, S, "R", cases[i].seq, 0, 0);
		const struct end_view *v = &last_segment(r)->server;
		const bool over = v->state == ST_CLOSED || v->state == ST_LISTEN;
		assert_int_equal(over, cases[i].believed);
		if (!over)
			assert_int_equal(v->certainty, CERTAINTY_EXPECTED);
		r->now_ns += cases[i].wait_ms * MS;
		tell(r, S, "PA", 1, 1, 10);
		const struct event_segment *e = last_segment(r);
		if (has_note(e, NOTE_CORRECTION) != cases[i].corrected)
			fail_msg("%s", cases[i].name);
		if (cases[i].corrected)
			assert_int_equal(e->server.state, ST_ESTABLISHED);
		tell(r, S, "PA", 11, 1, 10);
		assert_false(has_note(last_segment(r), NOTE_CORRECTION) && cases[i].corrected);
		rig_close(r);
	}
}

/* --- ICMP --------------------------------------------------------------------- */

static void refuse(struct rig *r, const struct segment_spec *about, uint8_t type, uint8_t code,
		   bool spoil)
{
	uint8_t quoted[PACKET_BYTES_MAX];
	uint8_t packet[PACKET_BYTES_MAX];
	const struct endpoint router = packet_endpoint("203.0.113.9:0");
	const size_t count = packet_tcp(about, quoted);
	const size_t total = packet_icmp(&router.addr, type, code, quoted, count, packet);
	if (spoil)
		packet[22] ^= 0x55;
	frame(r, LINK_RAW, packet, total);
}

static void test_pipeline_frame_icmp_belongs_to_the_segment_it_quotes(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	const struct segment_spec syn = spec_of(r, C, "S", 0, 0, 0);
	send_spec(r, &syn);
	assert_int_equal(last_segment(r)->server.certainty, CERTAINTY_EXPECTED);
	refuse(r, &syn, 3, 13, false);
	const struct event *e = nth(r, EVENT_ICMP, 0);
	assert_non_null(e);
	assert_int_equal(e->flow_id, 1);
	assert_int_equal(e->u.icmp.n, 2);
	assert_int_equal(e->u.icmp.about, C);
	assert_int_equal(e->u.icmp.about_n, 1);
	assert_int_equal(e->u.icmp.icmp.reason, ICMP_ADMIN_PROHIBITED);
	assert_int_equal(e->u.icmp.notes[0].code, NOTE_ICMP_REFUSES);
	/* It did not arrive: SYN-RECEIVED is not expected any more. */
	assert_int_equal(e->u.icmp.server.certainty, CERTAINTY_UNKNOWN);
	rig_close(r);
}

static void test_pipeline_frame_icmp_hint_or_unbelieved_takes_nothing_back(void **state)
{
	(void)state;
	static const struct {
		uint8_t type, code;
		bool spoil;
		int64_t seq;
		uint32_t about_n;
	} cases[] = {{11, 0, false, 0, 1}, {3, 13, true, 0, 1}, {3, 13, false, 777, 0}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *r = rig_open(NULL);
		const struct segment_spec syn = spec_of(r, C, "S", 0, 0, 0);
		const struct segment_spec about = spec_of(r, C, "S", cases[i].seq, 0, 0);
		send_spec(r, &syn);
		refuse(r, &about, cases[i].type, cases[i].code, cases[i].spoil);
		const struct event *e = nth(r, EVENT_ICMP, 0);
		assert_int_equal(e->u.icmp.about_n, cases[i].about_n);
		assert_int_equal(e->u.icmp.server.certainty, CERTAINTY_EXPECTED);
		rig_close(r);
	}
}

static void test_pipeline_frame_icmp_finds_the_last_copy_among_the_recent(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	tell_open(r);
	const struct segment_spec first = spec_of(r, C, "A", 1, 1, 10);
	send_spec(r, &first);
	send_spec(r, &first); /* n = 5 */
	refuse(r, &first, 3, 1, false);
	assert_int_equal(nth(r, EVENT_ICMP, 0)->u.icmp.about_n, 5);
	for (int i = 0; i < EXCHANGE_RECENT_MAX; i++)
		tell(r, S, "A", 1, 1, 0);
	refuse(r, &first, 3, 1, false); /* too long ago: about something, but what? */
	assert_int_equal(nth(r, EVENT_ICMP, 1)->u.icmp.about_n, 0);
	assert_int_equal(count_of(r, EVENT_ICMP), 2);
	rig_close(r);
}

static void test_pipeline_frame_icmp_about_nobody_is_counted(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	const struct segment_spec syn = spec_of(r, C, "S", 0, 0, 0);
	refuse(r, &syn, 3, 13, false);
	assert_int_equal(r->count, 0);
	assert_int_equal(r->p.other, 1);
	rig_close(r);
}

/* --- frames -------------------------------------------------------------------- */

static void test_pipeline_frame_other_frames_are_counted(void **state)
{
	(void)state;
	static const uint8_t arp[60] = {[12] = 0x08, [13] = 0x06};
	static const uint8_t udp[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17};
	static const uint8_t version5[20] = {0x55};
	static const uint8_t cut[10] = {0x45, 0, 0, 40};
	struct rig *r = rig_open(NULL);
	frame(r, LINK_ETHERNET, arp, sizeof arp);
	frame(r, LINK_RAW, udp, sizeof udp);
	assert_int_equal(r->p.other, 2);
	frame(r, LINK_RAW, version5, sizeof version5);
	frame(r, LINK_RAW, cut, sizeof cut);
	frame(r, LINK_RAW, NULL, 0);
	assert_int_equal(r->p.undecodable, 3);
	assert_false(r->p.link_unknown);
	frame(r, 105, arp, sizeof arp);
	assert_int_equal(r->p.undecodable, 4);
	assert_true(r->p.link_unknown);
	assert_int_equal(r->p.link_type, 105);
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(last_segment(r)->pcap_count, 7); /* numbered as in the file */
	finish(r);
	const struct event *end = nth(r, EVENT_END, 0);
	assert_ptr_equal(end, &r->events[r->count - 1]);
	assert_int_equal(end->u.end.undecodable, 4);
	assert_int_equal(end->u.end.segments, 1);
	assert_int_equal(end->u.end.flows, 1);
	assert_int_equal(end->time_ns, nth(r, EVENT_SEGMENT, 0)->time_ns);
	rig_close(r);
}

static void test_pipeline_frame_every_cut_of_a_frame_is_taken(void **state)
{
	(void)state;
	uint8_t packet[PACKET_BYTES_MAX];
	struct rig *r = rig_open(NULL);
	const struct segment_spec s = spec_of(r, C, "PA", 1, 1, 100);
	const size_t count = packet_tcp(&s, packet);
	for (size_t cut = 0; cut <= count; cut++) {
		uint8_t *exact = malloc(cut + 1); /* for the sanitizer: not a byte more */
		memcpy(exact + 1, packet, cut);
		const struct pipeline_frame f = {.time_ns = r->now_ns++,
						 .link_type = LINK_RAW,
						 .data = exact + 1,
						 .captured_bytes = cut,
						 .wire_bytes = count};
		pipeline_frame(&r->p, &f);
		free(exact);
	}
	assert_int_equal(r->p.frames, count + 1);
	assert_int_equal(r->p.segments, 101); /* from a whole header on */
	assert_int_equal(r->p.undecodable, 40);
	rig_close(r);
}

static void test_pipeline_frame_direction_from_the_source_or_the_link(void **state)
{
	(void)state;
	uint8_t cooked[PACKET_BYTES_MAX] = {0x08, 0x00, [10] = 4}; /* LINUX_SLL2, outgoing */
	struct rig *r = rig_open(NULL);
	const struct segment_spec s = spec_of(r, C, "S", 0, 0, 0);
	const size_t count = 20 + packet_tcp(&s, cooked + 20);
	struct pipeline_frame f = {.link_type = LINK_LINUX_SLL2,
				   .data = cooked,
				   .captured_bytes = count,
				   .wire_bytes = count};
	pipeline_frame(&r->p, &f);
	assert_true(last_segment(r)->frame.outbound);
	assert_false(last_segment(r)->frame.inbound);
	f.hint = FRAME_INBOUND; /* the file knows better */
	pipeline_frame(&r->p, &f);
	assert_true(last_segment(r)->frame.inbound);
	f.hint = FRAME_DIRECTION_UNKNOWN;
	cooked[10] = 3; /* between others */
	pipeline_frame(&r->p, &f);
	assert_false(last_segment(r)->frame.inbound || last_segment(r)->frame.outbound);
	rig_close(r);
}

static void test_pipeline_frame_ipv6_is_equal(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	r->client = packet_endpoint("[2001:db8::1]:40000");
	r->server = packet_endpoint("[2001:db8::2]:80");
	tell_open(r);
	const struct event_segment *e = last_segment(r);
	assert_int_equal(e->tcp.checksum, CHECKSUM_GOOD);
	assert_true(has_note(e, NOTE_HANDSHAKE_COMPLETE));
	rig_close(r);
}

static void test_pipeline_frame_more_flows_than_slots_are_counted(void **state)
{
	(void)state;
	struct rig *r = rig_open(&(struct pipeline_config){.exchanges_max = 2});
	for (uint16_t i = 0; i < 4; i++) {
		r->client.port = (uint16_t)(40000 + i);
		tell(r, C, "S", 0, 0, 0);
		tell(r, S, "RA", RAW_ZERO, 1, 0);
	}
	finish(r);
	assert_int_equal(r->p.unfollowed, 4);
	assert_int_equal(count_of(r, EVENT_FLOW), 2);
	const struct event_end *end = &nth(r, EVENT_END, 0)->u.end;
	assert_int_equal(end->flows, 2);
	assert_int_equal(end->segments, 4);
	rig_close(r);
}

/* --- an end of our own -------------------------------------------------------- */

static bool is_client(void *context, const struct endpoint *e)
{
	const struct rig *r = context;
	return endpoint_equal(e, &r->client);
}

static void own_segment(void *context, const struct segment *s, bool out, int64_t time_ns,
			struct own_word *word)
{
	struct rig *r = context;
	(void)s;
	(void)time_ns;
	r->own_out += out;
	r->own_in += !out;
	*word = r->word;
}

static void own_icmp(void *context, const struct icmp_error *e, int64_t time_ns,
		     struct own_word *word)
{
	struct rig *r = context;
	(void)e;
	(void)time_ns;
	r->own_icmp++;
	*word = r->word;
}

static struct rig *rig_own(void)
{
	return rig_open(&(struct pipeline_config){
		.hooks = {.is_own = is_client, .own_segment = own_segment, .own_icmp = own_icmp},
		.own_is_client = true,
		.vantage = "at the client",
	});
}

static void say(struct rig *r, enum tcp_state state, const char *cause)
{
	r->word = (struct own_word){.known = true, .state = state, .cause = cause, .rfc = "x"};
}

static void test_pipeline_own_end_is_exact_as_the_actor_says(void **state)
{
	(void)state;
	char text[32];
	struct rig *r = rig_own();
	say(r, ST_SYN_SENT, "SYN sent");
	tell(r, C, "S", 0, 0, 0);
	assert_true(nth(r, EVENT_START, 0)->u.start.client_local);
	assert_string_equal(view_text(&last_segment(r)->client, text), "=SYN-SENT");
	assert_true(last_segment(r)->local_out);
	assert_true(last_segment(r)->frame.outbound);
	say(r, ST_ESTABLISHED, "their SYN");
	tell(r, S, "SA", 0, 1, 0);
	assert_string_equal(view_text(&last_segment(r)->client, text), "=ESTABLISHED");
	assert_string_equal(view_text(&last_segment(r)->server, text), "*SYN-RECEIVED");
	assert_true(last_segment(r)->frame.inbound);
	assert_int_equal(r->own_out, 1);
	assert_int_equal(r->own_in, 1);
	const struct event *t = nth(r, EVENT_TRANSITION, 0);
	assert_int_equal(t->u.transition.certainty, CERTAINTY_EXACT);
	assert_int_equal(t->u.transition.from, ST_CLOSED);
	assert_string_equal(t->u.transition.cause, "SYN sent");
	assert_string_equal(t->u.transition.rfc, "x");
	rig_close(r);
}

static void test_pipeline_own_end_is_the_client_whoever_speaks_first(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	r->client.port = 79; /* the lower port, and the other end sends a SYN first */
	tell(r, S, "S", 0, 0, 0);
	assert_int_equal(nth(r, EVENT_START, 0)->u.start.client.port, 79);
	assert_int_equal(last_segment(r)->from, S);
	rig_close(r);
}

static void test_pipeline_own_end_does_not_hear_a_bad_checksum(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	tell(r, C, "S", 0, 0, 0);
	struct segment_spec bad = spec_of(r, S, "SA", 0, 1, 0);
	bad.bad_checksum = true;
	send_spec(r, &bad);
	assert_int_equal(r->own_in, 0);
	bad = spec_of(r, C, "A", 1, 1, 0); /* but it knows its own */
	bad.bad_checksum = true;
	send_spec(r, &bad);
	assert_int_equal(r->own_out, 2);
	rig_close(r);
}

static void test_pipeline_own_end_unsent_segments_are_named(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	tell(r, C, "S", 0, 0, 0);
	r->word = (struct own_word){.unsent = true};
	tell(r, C, "R", 1, 0, 0);
	assert_true(has_note(last_segment(r), NOTE_RST_OWN_KERNEL));
	tell(r, C, "A", 1, 1, 0);
	assert_true(has_note(last_segment(r), NOTE_OWN_UNSENT));
	rig_close(r);
}

static void test_pipeline_own_end_ports_are_never_another_flow(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	tell(r, C, "S", 0, 0, 0);
	r->isn[C] += 70000;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(count_of(r, EVENT_START), 1);
	rig_close(r);
}

static void test_pipeline_truth_is_told_of_the_remote_end_only(void **state)
{
	(void)state;
	static const struct pipeline_truth truth = {.state = ST_SYN_RECEIVED, .fin_unsent = true};
	struct rig *r = rig_own();
	r->truth = &truth;
	tell(r, C, "S", 0, 0, 0);
	assert_false(last_segment(r)->client.has_truth);
	assert_true(last_segment(r)->server.has_truth);
	assert_int_equal(last_segment(r)->server.truth, ST_SYN_RECEIVED);
	assert_true(last_segment(r)->server.truth_fin_unsent);
	r->truth = NULL;
	tell(r, S, "SA", 0, 1, 0);
	assert_false(last_segment(r)->server.has_truth);
	rig_close(r);
}

/* --- an own end that serves ------------------------------------------------------------------ */

static bool is_server(void *context, const struct endpoint *e)
{
	const struct rig *r = context;
	return endpoint_equal(e, &r->server);
}

static bool begins_now; /* what own_begins and follow answer */
static bool follows_now;

static bool own_begins(void *context, const struct segment *s)
{
	(void)context;
	(void)s;
	return begins_now;
}

static bool follow(void *context, const struct segment *s)
{
	(void)context;
	(void)s;
	return follows_now;
}

static bool make_room(void *context, const struct segment *s)
{
	struct rig *r = context;
	const struct endpoint first = {r->client.addr, 40000};
	struct exchange *x = pipeline_find(&r->p, &first, &r->server);
	(void)s;
	if (x == NULL)
		return false;
	pipeline_end(&r->p, x, NULL);
	return true;
}

static struct rig *rig_serving(uint32_t exchanges_max)
{
	begins_now = false;
	follows_now = true;
	return rig_open(&(struct pipeline_config){
		.hooks = {.is_own = is_server,
			  .own_segment = own_segment,
			  .own_icmp = own_icmp,
			  .own_begins = own_begins,
			  .follow = follow,
			  .make_room = make_room},
		.exchanges_max = exchanges_max,
		.vantage = "at the server",
	});
}

static void test_pipeline_serving_end_says_whether_a_syn_begins(void **state)
{
	(void)state;
	struct rig *r = rig_serving(0);
	tell(r, C, "S", 0, 0, 0);
	begins_now = true;
	tell(r, C, "S", 0, 0, 0); /* the same number: no other connection */
	assert_int_equal(count_of(r, EVENT_START), 1);
	r->isn[C] += 70000;
	begins_now = false;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(count_of(r, EVENT_START), 1);
	begins_now = true;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(count_of(r, EVENT_FLOW), 1);
	assert_int_equal(count_of(r, EVENT_START), 2);
	assert_int_equal(last_segment(r)->n, 1);
	assert_int_equal(r->own_in, 4);
	rig_close(r);
}

static void test_pipeline_end_uses_the_slot_again(void **state)
{
	(void)state;
	struct rig *r = rig_serving(1);
	for (uint32_t i = 1; i <= 5; i++) {
		tell(r, C, "S", 0, 0, 0);
		struct exchange *x = pipeline_find(&r->p, &r->client, &r->server);
		assert_non_null(x);
		assert_int_equal(x->flow.id, i);
		pipeline_end(&r->p, x, NULL);
		assert_null(pipeline_find(&r->p, &r->client, &r->server));
		assert_int_equal(count_of(r, EVENT_FLOW), i);
		r->client.port++;
	}
	assert_int_equal(r->p.exchanges_used, 1);
	finish(r);
	assert_int_equal(count_of(r, EVENT_FLOW), 5); /* each record once */
	assert_int_equal(r->events[r->count - 1].u.end.flows, 5);
	rig_close(r);
}

static void test_pipeline_full_makes_room_or_serves_unseen(void **state)
{
	(void)state;
	struct rig *r = rig_serving(1);
	tell(r, C, "S", 0, 0, 0);
	r->client.port = 40001;
	tell(r, C, "S", 0, 0, 0); /* 40000 goes for it */
	assert_int_equal(count_of(r, EVENT_FLOW), 1);
	assert_int_equal(count_of(r, EVENT_START), 2);
	r->client.port = 40002;
	const size_t before = r->count;
	tell(r, C, "S", 0, 0, 0); /* nothing can go for this one */
	tell(r, S, "SA", 0, 1, 0);
	assert_int_equal(r->count, before);
	assert_int_equal(r->p.unfollowed, 2);
	assert_int_equal(r->own_in, 3); /* but the actor has it */
	assert_int_equal(r->own_out, 1);
	rig_close(r);
}

static void test_pipeline_unwanted_flows_are_served_unseen(void **state)
{
	(void)state;
	struct rig *r = rig_serving(0);
	follows_now = false;
	tell(r, C, "S", 0, 0, 0);
	assert_int_equal(r->count, 0);
	assert_int_equal(r->own_in, 1);
	follows_now = true;
	tell(r, C, "A", 1, 1, 0); /* followed from here on, as in the middle of a capture */
	assert_int_equal(count_of(r, EVENT_START), 1);
	follows_now = false;
	tell(r, S, "PA", 1, 1, 3);
	assert_int_equal(last_segment(r)->n, 2);
	rig_close(r);
}

static void test_pipeline_serving_end_ignores_flows_of_others(void **state)
{
	(void)state;
	struct rig *r = rig_serving(0);
	r->server.port = 81;
	const struct segment_spec s = spec_of(r, C, "S", 0, 0, 0);
	r->server.port = 80;
	send_spec(r, &s);
	assert_int_equal(r->count, 0);
	assert_int_equal(r->own_in, 0);
	assert_int_equal(r->p.other, 1);
	rig_close(r);
}

static void test_pipeline_deeds_are_noted(void **state)
{
	(void)state;
	struct rig *r = rig_serving(0);
	tell(r, C, "S", 0, 0, 0);
	r->word = (struct own_word){
		.known = true, .state = ST_SYN_RECEIVED, .deed = "on purpose: sent twice"};
	tell(r, S, "SA", 0, 1, 0);
	const struct event_segment *e = last_segment(r);
	bool noted = false;
	for (size_t i = 0; i < e->notes_count; i++)
		noted |= e->notes[i].code == NOTE_ON_PURPOSE &&
			 strcmp(e->notes[i].text, "on purpose: sent twice") == 0;
	assert_true(noted);
	assert_int_equal(e->server.state, ST_SYN_RECEIVED);
	/* One that was held back shows the state of its sender too. */
	const struct segment held = {.src = r->server,
				     .dst = r->client,
				     .seq = seq_of(r->isn[S] + 1),
				     .ack = seq_of(r->isn[C] + 1),
				     .flags = TCP_ACK};
	const struct own_word word = {
		.known = true, .state = ST_ESTABLISHED, .deed = "on purpose: never sent"};
	pipeline_held(&r->p, &held, &word, r->now_ns);
	e = last_segment(r);
	assert_true(e->held);
	assert_int_equal(e->notes[0].code, NOTE_ON_PURPOSE);
	assert_int_equal(e->server.state, ST_ESTABLISHED);
	rig_close(r);
}

static void test_pipeline_own_end_hears_icmp_about_its_own_segments(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	const struct segment_spec syn = spec_of(r, C, "S", 0, 0, 0);
	say(r, ST_SYN_SENT, NULL);
	send_spec(r, &syn);
	refuse(r, &syn, 3, 13, true); /* a wrong checksum: not heard */
	assert_int_equal(r->own_icmp, 0);
	say(r, ST_CLOSED, "refused");
	refuse(r, &syn, 3, 13, false);
	assert_int_equal(r->own_icmp, 1);
	const struct event_icmp *e = &nth(r, EVENT_ICMP, 1)->u.icmp;
	assert_int_equal(e->client.state, ST_CLOSED);
	assert_true(e->frame.inbound);
	assert_false(e->frame.outbound);
	const struct event *last = &r->events[r->count - 1];
	assert_int_equal(last->type, EVENT_TRANSITION);
	assert_int_equal(last->u.transition.by, 3);
	assert_string_equal(last->u.transition.cause, "refused");
	/* About theirs: our own kernel says it, to them. */
	const struct segment_spec theirs = spec_of(r, S, "SA", 0, 1, 0);
	refuse(r, &theirs, 3, 3, false);
	assert_int_equal(r->own_icmp, 1);
	assert_true(nth(r, EVENT_ICMP, 2)->u.icmp.frame.outbound);
	rig_close(r);
}

static void test_pipeline_held_timer_state_verdict(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	const struct segment s = {.src = r->client,
				  .dst = r->server,
				  .flags = TCP_SYN,
				  .seq = {r->isn[C]},
				  .window = 1000};
	pipeline_held(&r->p, &s, NULL, r->now_ns);
	assert_int_equal(count_of(r, EVENT_START), 1);
	assert_true(last_segment(r)->held);
	assert_int_equal(last_segment(r)->n, 1);
	assert_int_equal(last_segment(r)->pcap_count, 0); /* in no capture */
	assert_int_equal(r->p.segments, 0);
	struct exchange *x = pipeline_find(&r->p, &r->server, &r->client);
	assert_non_null(x);
	pipeline_timer(&r->p, x, &(struct event_timer){.attempt = 2}, 5);
	assert_int_equal(nth(r, EVENT_TIMER, 0)->u.timer.attempt, 2);
	assert_int_equal(nth(r, EVENT_TIMER, 0)->u.timer.side, C);
	pipeline_own_state(&r->p, x, &(struct own_word){.known = true, .state = ST_SYN_SENT}, 6);
	assert_int_equal(nth(r, EVENT_TRANSITION, 0)->u.transition.to, ST_SYN_SENT);
	assert_int_equal(nth(r, EVENT_TRANSITION, 0)->u.transition.by, 0);
	pipeline_own_state(&r->p, x, &(struct own_word){.known = true, .state = ST_SYN_SENT}, 7);
	assert_int_equal(count_of(r, EVENT_TRANSITION), 1); /* it was there already */
	pipeline_verdict(&r->p, x, &(struct event_verdict){.verdict = VERDICT_OPEN}, 8);
	assert_int_equal(nth(r, EVENT_VERDICT, 0)->flow_id, 1);
	/* No exchange, no matter. */
	const size_t count = r->count;
	pipeline_timer(&r->p, NULL, &(struct event_timer){0}, 9);
	pipeline_own_state(&r->p, NULL, &(struct own_word){0}, 9);
	assert_int_equal(r->count, count);
	pipeline_verdict(&r->p, NULL, &(struct event_verdict){.verdict = VERDICT_FILTERED}, 9);
	assert_int_equal(r->events[count].flow_id, 0);
	rig_close(r);
}

static void test_pipeline_finish_gives_every_flow_once_and_the_guard_to_our_own(void **state)
{
	(void)state;
	struct rig *r = rig_own();
	tell(r, C, "S", 0, 0, 0);
	const struct event_flow guard = {.has_guard = true, .guard_absorbed = 3, .guard_kind = "g"};
	pipeline_finish(&r->p, &guard, &(struct event_end){.exit_status = 2, .reason = "time-out"});
	assert_int_equal(nth(r, EVENT_FLOW, 0)->u.flow.guard_absorbed, 3);
	assert_string_equal(nth(r, EVENT_FLOW, 0)->u.flow.guard_kind, "g");
	assert_int_equal(nth(r, EVENT_FLOW, 0)->u.flow.client.end.certainty, CERTAINTY_EXACT);
	assert_int_equal(nth(r, EVENT_END, 0)->u.end.exit_status, 2);
	assert_string_equal(nth(r, EVENT_END, 0)->u.end.reason, "time-out");
	rig_close(r);
	r = rig_open(NULL);
	tell(r, C, "S", 0, 0, 0);
	pipeline_finish(&r->p, &guard, &(struct event_end){.complete = true});
	assert_false(nth(r, EVENT_FLOW, 0)->u.flow.has_guard); /* not ours */
	rig_close(r);
}

static void test_pipeline_finish_without_a_frame_gives_the_end(void **state)
{
	(void)state;
	struct rig *r = rig_open(NULL);
	finish(r);
	assert_int_equal(r->count, 1);
	assert_int_equal(r->events[0].type, EVENT_END);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipeline_frame_states_of_normal_stories),
		cmocka_unit_test(test_pipeline_frame_states_of_odd_stories),
		cmocka_unit_test(test_pipeline_frame_event_tells_numbers_and_times),
		cmocka_unit_test(test_pipeline_frame_offsets_only_of_numbers_that_belong),
		cmocka_unit_test(test_pipeline_frame_offset_of_an_ack_from_the_isn_that_it_chooses),
		cmocka_unit_test(
			test_pipeline_frame_midstream_has_no_offsets_and_a_doubtful_client),
		cmocka_unit_test(test_pipeline_frame_synack_first_tells_who_is_who),
		cmocka_unit_test(test_pipeline_frame_transitions_name_the_segment),
		cmocka_unit_test(test_pipeline_frame_bad_checksum_is_shown_and_moves_nothing),
		cmocka_unit_test(test_pipeline_frame_ports_used_again_begin_another_flow),
		cmocka_unit_test(
			test_pipeline_frame_stray_syn_answered_by_synack_begins_another_flow),
		cmocka_unit_test(test_pipeline_frame_stray_syn_challenged_stays_in_its_flow),
		cmocka_unit_test(test_pipeline_frame_reset_that_was_not_the_end_is_taken_back),
		cmocka_unit_test(test_pipeline_frame_icmp_belongs_to_the_segment_it_quotes),
		cmocka_unit_test(test_pipeline_frame_icmp_hint_or_unbelieved_takes_nothing_back),
		cmocka_unit_test(test_pipeline_frame_icmp_finds_the_last_copy_among_the_recent),
		cmocka_unit_test(test_pipeline_frame_icmp_about_nobody_is_counted),
		cmocka_unit_test(test_pipeline_frame_other_frames_are_counted),
		cmocka_unit_test(test_pipeline_frame_every_cut_of_a_frame_is_taken),
		cmocka_unit_test(test_pipeline_frame_direction_from_the_source_or_the_link),
		cmocka_unit_test(test_pipeline_frame_ipv6_is_equal),
		cmocka_unit_test(test_pipeline_frame_more_flows_than_slots_are_counted),
		cmocka_unit_test(test_pipeline_own_end_is_exact_as_the_actor_says),
		cmocka_unit_test(test_pipeline_own_end_is_the_client_whoever_speaks_first),
		cmocka_unit_test(test_pipeline_own_end_does_not_hear_a_bad_checksum),
		cmocka_unit_test(test_pipeline_own_end_unsent_segments_are_named),
		cmocka_unit_test(test_pipeline_own_end_ports_are_never_another_flow),
		cmocka_unit_test(test_pipeline_truth_is_told_of_the_remote_end_only),
		cmocka_unit_test(test_pipeline_own_end_hears_icmp_about_its_own_segments),
		cmocka_unit_test(test_pipeline_serving_end_says_whether_a_syn_begins),
		cmocka_unit_test(test_pipeline_end_uses_the_slot_again),
		cmocka_unit_test(test_pipeline_full_makes_room_or_serves_unseen),
		cmocka_unit_test(test_pipeline_unwanted_flows_are_served_unseen),
		cmocka_unit_test(test_pipeline_serving_end_ignores_flows_of_others),
		cmocka_unit_test(test_pipeline_deeds_are_noted),
		cmocka_unit_test(test_pipeline_held_timer_state_verdict),
		cmocka_unit_test(
			test_pipeline_finish_gives_every_flow_once_and_the_guard_to_our_own),
		cmocka_unit_test(test_pipeline_finish_without_a_frame_gives_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

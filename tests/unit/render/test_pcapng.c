/* The pcapng writer, read back block by block. Other readers are tried in the lab tests. */
#include "../../support/cm.h"
#include "../../support/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct block {
	uint32_t type;
	const uint8_t *body;
	size_t count; /* of the body */
};

static uint32_t u32(const uint8_t *at)
{
	uint32_t n;
	memcpy(&n, at, 4);
	return n;
}

static uint16_t u16(const uint8_t *at)
{
	uint16_t n;
	memcpy(&n, at, 2);
	return n;
}

/* Take the next block. @return false at the end */
static bool next_block(const uint8_t **at, const uint8_t *end, struct block *b)
{
	if (*at == end)
		return false;
	assert_true(end - *at >= 12);
	const uint32_t total = u32(*at + 4);
	assert_true(total >= 12 && total % 4 == 0 && total <= (size_t)(end - *at));
	assert_int_equal(u32(*at + total - 4), total);
	b->type = u32(*at);
	b->body = *at + 8;
	b->count = total - 12;
	*at += total;
	return true;
}

/* Find an option of a block, NUL-terminated in @p value. @return its length, or -1 */
static int find_option(const struct block *b, size_t from, uint16_t code, char value[4096])
{
	while (from + 4 <= b->count) {
		const uint16_t found = u16(b->body + from);
		const uint16_t count = u16(b->body + from + 2);
		assert_true(from + 4 + count <= b->count && count < 4096);
		if (found == 0)
			break;
		if (found == code) {
			memcpy(value, b->body + from + 4, count);
			value[count] = '\0';
			return count;
		}
		from += 4 + (size_t)(count + 3) / 4 * 4;
	}
	return -1;
}

static struct event named_start(uint32_t flow_id)
{
	struct event e = events_start(flow_id);
	e.u.start.server_name = "www.example.org";
	return e;
}

static void play(struct events_player *p, bool live)
{
	struct render_options o = events_options();
	uint8_t buffer[EVENTS_FRAME_MAX];
	o.live = live;
	o.hardware = "x86_64";
	o.command = "synscope trace www.example.org:7777";
	events_play_begin(p, "pcapng", &o);
	struct event e = named_start(1);
	events_play(p, &e);
	e = events_segment(1, &events_exchange[0]);
	events_frame(&e, buffer);
	events_play(p, &e);
	e = events_segment(1, &events_exchange[1]);
	events_note(&e, NOTE_SYNACK_ACCEPTABLE, "acknowledges our SYN", "9293 3.10.7.3");
	events_note(&e, NOTE_PROOF, "caf\xc3\xa9\033", NULL);
	events_frame(&e, buffer);
	events_play(p, &e);
	e = events_segment(1, &events_exchange[2]);
	e.u.segment.held = true; /* without a frame */
	events_play(p, &e);
	e = events_end(1074100);
	e.u.end.capture_dropped = 12;
	e.u.end.capture_ifdropped = 3;
	events_play(p, &e);
}

static void test_pcapng_blocks_are_as_documented(void **state)
{
	static const uint32_t types[] = {0x0a0d0d0a, 4, 1, 6, 6, 5};
	struct events_player p;
	struct block b;
	size_t count = 0;
	size_t blocks = 0;
	char value[4096];
	(void)state;
	play(&p, false);
	char *file = events_play_end(&p, &count);
	const uint8_t *at = (const uint8_t *)file;
	const uint8_t *end = at + count;
	while (next_block(&at, end, &b)) {
		assert_true(blocks < ARRAY_COUNT(types));
		assert_int_equal(b.type, types[blocks]);
		blocks++;
		switch (b.type) {
		case 0x0a0d0d0a:
			assert_int_equal(u32(b.body), 0x1a2b3c4d);
			assert_int_equal(u16(b.body + 4), 1);
			assert_true(find_option(&b, 16, 2, value) > 0);
			assert_string_equal(value, "x86_64");
			assert_true(find_option(&b, 16, 4, value) > 0);
			assert_memory_equal(value, "synscope ", 9);
			assert_true(find_option(&b, 16, 1, value) > 0);
			assert_string_equal(value, "command: synscope trace www.example.org:7777");
			break;
		case 1:
			assert_int_equal(u16(b.body), 101);
			assert_true(find_option(&b, 8, 2, value) > 0);
			assert_string_equal(value, "veth0");
			assert_int_equal(find_option(&b, 8, 9, value), 1);
			assert_int_equal(value[0], 9);
			break;
		case 4:
			assert_int_equal(u16(b.body), 1);
			assert_int_equal(u16(b.body + 2), 4 + 16);
			assert_string_equal((const char *)b.body + 8, "www.example.org");
			break;
		case 5:
			assert_int_equal(find_option(&b, 12, 5, value), 8);
			assert_int_equal(value[0], 3);
			assert_int_equal(find_option(&b, 12, 7, value), 8);
			assert_int_equal(value[0], 12);
			break;
		default:
			break;
		}
	}
	assert_int_equal(blocks, ARRAY_COUNT(types));
	free(file);
}

static void test_pcapng_packet_has_time_direction_and_comment(void **state)
{
	struct events_player p;
	struct block b;
	size_t count = 0;
	char value[4096];
	(void)state;
	play(&p, false);
	char *file = events_play_end(&p, &count);
	const uint8_t *at = (const uint8_t *)file;
	const uint8_t *end = at + count;
	for (int i = 0; i < 5; i++)
		assert_true(next_block(&at, end, &b));
	assert_int_equal(b.type, 6); /* the SYN,ACK */
	const int64_t time_ns = (int64_t)((uint64_t)u32(b.body + 4) << 32 | u32(b.body + 8));
	assert_true(time_ns == EVENTS_BEGIN_NS + 24100000);
	assert_int_equal(u32(b.body + 12), 40);
	assert_int_equal(u32(b.body + 16), 40);
	assert_int_equal(find_option(&b, 60, 2, value), 4);
	assert_int_equal(value[0], 1); /* inbound */
	assert_true(find_option(&b, 60, 1, value) > 0);
	assert_string_equal(
		value, "n=2 flow=1 side=server flags=SA seq_rel=0 ack_rel=1 client=ESTABLISHED "
		       "client_how=exact server=SYN-RECEIVED server_how=proven "
		       "notes=synack.acceptable,proof\n"
		       "client ESTABLISHED (exact), server SYN-RECEIVED (proven by 2)\n"
		       "acknowledges our SYN (RFC 9293 3.10.7.3)\n"
		       "caf???");
	free(file);
}

static void test_pcapng_live_file_is_whole_after_every_event(void **state)
{
	char path[] = "/tmp/synscope-test-pcapng-XXXXXX";
	struct render_options o = events_options();
	uint8_t buffer[EVENTS_FRAME_MAX];
	uint8_t file[4096];
	struct out *out = NULL;
	(void)state;
	close(mkstemp(path));
	o.live = true;
	assert_int_equal(out_open_file(&out, path, true), 0);
	const struct renderer *r = renderer_find("pcapng");
	struct render *render = r->open(out, &o);
	for (size_t i = 0; i < 3; i++) {
		struct event e = events_segment(1, &events_exchange[i]);
		events_frame(&e, buffer);
		r->event(render, &e);
		/* what a crash here would leave */
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		const size_t count = fread(file, 1, sizeof file, f);
		fclose(f);
		const uint8_t *at = file;
		struct block b;
		size_t packets = 0;
		while (next_block(&at, file + count, &b))
			packets += b.type == 6;
		assert_int_equal(packets, i + 1);
	}
	r->close(render);
	out_close(out);
	unlink(path);
}

static void test_pcapng_link_types_have_interfaces_of_their_own(void **state)
{
	const struct render_options o = events_options();
	static const uint8_t frame[60];
	struct events_player p;
	size_t count = 0;
	(void)state;
	events_play_begin(&p, "pcapng", &o);
	for (uint32_t i = 0; i < 300; i++) { /* more than the table holds */
		struct event e = events_segment(1, &events_exchange[0]);
		e.u.segment.frame = (struct event_frame){.data = frame,
							 .captured_bytes = 59,
							 .wire_bytes = 20,
							 .link_type = i % 100};
		events_play(&p, &e);
	}
	char *file = events_play_end(&p, &count);
	const uint8_t *at = (const uint8_t *)file;
	struct block b;
	uint32_t interfaces = 0;
	uint32_t packets = 0;
	while (next_block(&at, (const uint8_t *)file + count, &b)) {
		interfaces += b.type == 1;
		packets += b.type == 6;
		if (b.type == 6) {
			assert_true(u32(b.body) < interfaces);
			assert_int_equal(u32(b.body + 16), 59); /* not less than captured */
		}
	}
	assert_int_equal(interfaces, 64);
	assert_int_equal(packets, 3 * 64);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcapng_blocks_are_as_documented),
		cmocka_unit_test(test_pcapng_packet_has_time_direction_and_comment),
		cmocka_unit_test(test_pcapng_live_file_is_whole_after_every_event),
		cmocka_unit_test(test_pcapng_link_types_have_interfaces_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

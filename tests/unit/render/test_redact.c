#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/core/checksum.h"
#include "synscope/core/frame.h"
#include "synscope/render/redact.h"

#include <string.h>

static struct ip_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t bytes[4] = {a, b, c, d};
	return ip_addr_v4(bytes);
}

static void assert_addr(struct ip_addr a, const char *text)
{
	char got[IP_ADDR_TEXT_MAX];
	assert_string_equal(ip_addr_format(&a, got, sizeof got), text);
}

static void test_redact_addr_is_one_other_address_for_each(void **state)
{
	struct redact r;
	const struct ip_addr a = v4(10, 0, 0, 1);
	const struct ip_addr b = v4(10, 0, 0, 2);
	const struct ip_addr documentation = v4(192, 0, 2, 9);
	const struct ip_addr here = v4(127, 0, 0, 1);
	const uint8_t six[16] = {0xfe, 0x80, [15] = 7};
	const struct ip_addr c = ip_addr_v6(six);
	(void)state;
	redact_init(&r);
	assert_addr(redact_addr(&r, &a), "192.0.2.1");
	assert_addr(redact_addr(&r, &b), "192.0.2.2");
	assert_addr(redact_addr(&r, &a), "192.0.2.1");
	assert_addr(redact_addr(&r, &documentation), "192.0.2.3");
	assert_addr(redact_addr(&r, &c), "2001:db8::1");
	assert_addr(redact_addr(&r, &here), "127.0.0.1");
	redact_reset(&r);
}

static void test_redact_addr_past_the_last_shares_one(void **state)
{
	struct redact r;
	struct ip_addr last = {.family = IP_NONE};
	(void)state;
	redact_init(&r);
	for (unsigned i = 0; i < REDACT_V4_MAX + 10; i++) {
		const struct ip_addr a = v4(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
		last = redact_addr(&r, &a);
		if (i == 254)
			assert_addr(last, "198.51.100.1");
		if (i == REDACT_V4_MAX - 1)
			assert_addr(last, "203.0.113.254");
	}
	assert_addr(last, "203.0.113.255");
	redact_reset(&r);
}

static void test_redact_event_start_keeps_no_name(void **state)
{
	struct redact r;
	struct event e = events_start(1);
	(void)state;
	e.u.start.client.addr = v4(10, 0, 0, 1);
	e.u.start.server_name = "secret.example.org";
	redact_init(&r);
	const struct event_start *s = &redact_event(&r, &e)->u.start;
	assert_addr(s->client.addr, "192.0.2.1");
	assert_int_equal(s->client.port, 50210);
	assert_null(s->client_name);
	assert_string_equal(s->server_name, "server");
	assert_null(s->interface);
	assert_null(s->community_id);
	assert_string_equal(s->vantage, "at the client");
	redact_reset(&r);
}

static void test_redact_event_segment_moves_checksums_along(void **state)
{
	struct redact r;
	uint8_t frame[EVENTS_FRAME_MAX];
	struct event e = events_segment(1, &events_exchange[0]);
	(void)state;
	e.u.segment.tcp.src.addr = e.u.segment.tcp.ip.src = v4(10, 99, 3, 77);
	events_frame(&e, frame);
	e.u.segment.tcp.checksum_field = (uint16_t)(frame[36] << 8 | frame[37]);
	redact_init(&r);
	const struct event_segment *s = &redact_event(&r, &e)->u.segment;
	assert_int_equal(s->frame.link_type, LINK_RAW);
	assert_int_equal(s->frame.captured_bytes, 40);
	assert_int_equal(checksum_fold(checksum_add(0, s->frame.data, 20)), 0xffff);
	struct packet p;
	assert_int_equal(packet_decode(s->frame.data, 40, 40, &p), PACKET_OK);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
	assert_int_equal(p.tcp.checksum_field, s->tcp.checksum_field);
	assert_addr(p.tcp.src.addr, "192.0.2.1");
	assert_addr(s->tcp.src.addr, "192.0.2.1");
	assert_addr(s->tcp.ip.src, "192.0.2.1");
	redact_reset(&r);
}

static void test_redact_event_segment_cuts_what_was_said(void **state)
{
	static const uint8_t options[] = {34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
	struct redact r;
	uint8_t frame[EVENTS_FRAME_MAX];
	struct event e = events_segment(1, &events_exchange[3]);
	(void)state;
	events_payload(&e, "a secret word", 13);
	events_frame(&e, frame);
	e.u.segment.tcp.options = options;
	e.u.segment.tcp.options_bytes = sizeof options;
	redact_init(&r);
	const struct event_segment *s = &redact_event(&r, &e)->u.segment;
	assert_null(s->tcp.payload);
	assert_int_equal(s->tcp.payload_captured_bytes, 0);
	assert_int_equal(s->tcp.payload_bytes, 13);
	assert_int_equal(s->tcp.options[1], 10);
	for (int i = 2; i < 10; i++)
		assert_int_equal(s->tcp.options[i], 0);
	assert_int_equal(s->frame.wire_bytes, 53);
	assert_true(s->frame.captured_bytes <= 52);
	assert_null(memmem(s->frame.data, s->frame.captured_bytes, "secret", 6));
	redact_reset(&r);
}

static void test_redact_event_texts_name_nobody(void **state)
{
	struct redact r;
	struct event icmp = events_icmp(1, 2, 0);
	struct event verdict = events_verdict(1, 0);
	(void)state;
	icmp.u.icmp.icmp.ip.src = v4(10, 0, 0, 1);
	events_note(&icmp, NOTE_ICMP_REFUSES, "10.0.0.1 says no; not 10.0.0.12. So 10.0.0.1: no.",
		    NULL);
	verdict.u.verdict.has_by = true;
	verdict.u.verdict.by = v4(10, 0, 0, 1);
	strcpy(verdict.u.verdict.reason, "prohibited, says 10.0.0.1");
	redact_init(&r);
	assert_string_equal(redact_event(&r, &icmp)->u.icmp.notes[0].text,
			    "192.0.2.1 says no; not 10.0.0.12. So 192.0.2.1: no.");
	assert_string_equal(redact_event(&r, &verdict)->u.verdict.reason,
			    "prohibited, says 192.0.2.1");
	assert_addr(redact_event(&r, &verdict)->u.verdict.by, "192.0.2.1");
	redact_reset(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact_addr_is_one_other_address_for_each),
		cmocka_unit_test(test_redact_addr_past_the_last_shares_one),
		cmocka_unit_test(test_redact_event_start_keeps_no_name),
		cmocka_unit_test(test_redact_event_segment_moves_checksums_along),
		cmocka_unit_test(test_redact_event_segment_cuts_what_was_said),
		cmocka_unit_test(test_redact_event_texts_name_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/core/frame.h"

#include "../../support/cm.h"

#include <stdbool.h>
#include <string.h>

#define FRAME_BYTES_MAX 48

/* A frame, what it must decode to, and where IP begins in it. The four bytes "IP.." stand
 * for the packet. */
static const struct frame_case {
	const char *caption;
	uint32_t link_type;
	enum frame_status status;
	uint8_t count;
	uint8_t packet_at;
	uint8_t vlan_count;
	uint16_t vlan[FRAME_VLAN_MAX];
	enum frame_hint hint;
	uint32_t interface_index;
	uint8_t bytes[FRAME_BYTES_MAX];
} frames[] = {
	{.caption = "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800)",
	 .link_type = 1,
	 .count = 18,
	 .packet_at = 14,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 'I', 'P', '.', '.'}},
	{.caption = "ethertype IPv6 (0x86dd)",
	 .link_type = 1,
	 .count = 18,
	 .packet_at = 14,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 'I', 'P', '.', '.'}},
	{.caption = "ethertype ARP (0x0806)",
	 .link_type = 1,
	 .status = FRAME_NOT_IP,
	 .count = 18,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x06, 'I', 'P', '.', '.'}},
	{.caption = "ethertype 802.1Q (0x8100), vlan 4094, p 7, ethertype IPv4",
	 .link_type = 1,
	 .count = 22,
	 .packet_at = 18,
	 .vlan_count = 1,
	 .vlan = {4094},
	 .bytes = {2, 0,    0, 0,    0,    2, 2, 0,   0,   0,   0,
		   1, 0x81, 0, 0xff, 0xfe, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "802.1Q-QinQ (0x88a8), vlan 2, 802.1Q, vlan 3, ethertype IPv6",
	 .link_type = 1,
	 .count = 26,
	 .packet_at = 22,
	 .vlan_count = 2,
	 .vlan = {2, 3},
	 .bytes = {2,    0, 0, 0,    0, 2, 2, 0,    0,    0,   0,   1,   0x88,
		   0xa8, 0, 2, 0x81, 0, 0, 3, 0x86, 0xdd, 'I', 'P', '.', '.'}},
	{.caption = "0x9100, vlan 1, three more 802.1Q, ethertype IPv4",
	 .link_type = 1,
	 .count = 34,
	 .packet_at = 30,
	 .vlan_count = 4,
	 .vlan = {1, 2, 3, 4},
	 .bytes = {2, 0, 0, 0,    0, 2, 2, 0,    0, 0, 0, 1, 0x91, 0,   0,   1,   0x81,
		   0, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 8, 0,    'I', 'P', '.', '.'}},
	{.caption = "five tags",
	 .link_type = 1,
	 .status = FRAME_NOT_IP,
	 .count = 38,
	 .bytes = {2, 0,    0, 0, 0, 2,    2, 0, 0, 0,    0, 1, 0x81, 0, 0, 1,   0x81, 0,   0,
		   2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 0x81, 0, 0, 5,    8, 0, 'I', 'P',  '.', '.'}},
	{.caption = "802.1Q cut inside the tag",
	 .link_type = 1,
	 .status = FRAME_TRUNCATED,
	 .count = 17,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 1, 8}},
	{.caption = "802.1Q, vlan 1, ethertype ARP",
	 .link_type = 1,
	 .status = FRAME_NOT_IP,
	 .count = 18,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 1, 8, 6}},
	{.caption = "802.3, length 12: LLC, dsap SNAP, ssap SNAP: oui Ethernet, ethertype IPv4",
	 .link_type = 1,
	 .count = 26,
	 .packet_at = 22,
	 .bytes = {2,  0,    0,    0, 0, 2, 2, 0, 0, 0,   0,   1,   0,
		   12, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "802.3, length 12: LLC, SNAP: oui bridge tunnel, ethertype IPv6",
	 .link_type = 1,
	 .count = 26,
	 .packet_at = 22,
	 .bytes = {2,  0,    0,    0, 0, 2, 2,    0,    0,    0,   0,   1,   0,
		   12, 0xaa, 0xaa, 3, 0, 0, 0xf8, 0x86, 0xdd, 'I', 'P', '.', '.'}},
	{.caption = "802.3: SNAP: oui Cisco, pid 0x0800",
	 .link_type = 1,
	 .status = FRAME_NOT_IP,
	 .count = 26,
	 .bytes = {2,  0,    0,    0, 0, 2, 2,    0, 0, 0,   0,   1,   0,
		   12, 0xaa, 0xaa, 3, 0, 0, 0x0c, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "802.3: LLC, dsap IP, ssap IP",
	 .link_type = 1,
	 .count = 21,
	 .packet_at = 17,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 7, 6, 6, 3, 'I', 'P', '.', '.'}},
	{.caption = "802.3: LLC, dsap STP, ssap STP",
	 .link_type = 1,
	 .status = FRAME_NOT_IP,
	 .count = 21,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 7, 0x42, 0x42, 3, 0, 0, 0, 0}},
	{.caption = "802.3: LLC cut short",
	 .link_type = 1,
	 .status = FRAME_TRUNCATED,
	 .count = 16,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 7, 6, 6}},
	{.caption = "802.3: SNAP cut short",
	 .link_type = 1,
	 .status = FRAME_TRUNCATED,
	 .count = 21,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 12, 0xaa, 0xaa, 3, 0, 0, 0, 8}},
	{.caption = "13 bytes of Ethernet",
	 .link_type = 1,
	 .status = FRAME_TRUNCATED,
	 .count = 13,
	 .bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8}},
	{.caption = "Ethernet and nothing in it",
	 .link_type = 1,
	 .count = 14,
	 .packet_at = 14,
	 .bytes = {[12] = 8, 0}},
	{.caption = "RAW", .link_type = 101, .count = 4, .bytes = {'I', 'P', '.', '.'}},
	{.caption = "RAW, number 12", .link_type = 12, .count = 4, .bytes = {'I', 'P', '.', '.'}},
	{.caption = "RAW, number 14", .link_type = 14, .count = 4, .bytes = {'I', 'P', '.', '.'}},
	{.caption = "IPV4", .link_type = 228, .count = 4, .bytes = {'I', 'P', '.', '.'}},
	{.caption = "IPV6", .link_type = 229, .count = 4, .bytes = {'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET, little-endian writer",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {2, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET, big-endian writer",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {0, 0, 0, 2, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET6 of Darwin",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {30, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET6 of FreeBSD, big-endian",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {0, 0, 0, 28, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET6 of OpenBSD",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {24, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET6 of Linux",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {10, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_INET6 of Windows",
	 .link_type = 0,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {23, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL, AF_APPLETALK",
	 .link_type = 0,
	 .status = FRAME_NOT_IP,
	 .count = 8,
	 .bytes = {16, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "NULL cut short",
	 .link_type = 0,
	 .status = FRAME_TRUNCATED,
	 .count = 3,
	 .bytes = {2, 0, 0}},
	{.caption = "LOOP, AF_INET",
	 .link_type = 108,
	 .count = 8,
	 .packet_at = 4,
	 .bytes = {0, 0, 0, 2, 'I', 'P', '.', '.'}},
	{.caption = "LOOP, AF_INET in the wrong order",
	 .link_type = 108,
	 .status = FRAME_NOT_IP,
	 .count = 8,
	 .bytes = {2, 0, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "LOOP cut short", .link_type = 108, .status = FRAME_TRUNCATED, .count = 0},
	{.caption = "LINUX_SLL: In, ethertype IPv4",
	 .link_type = 113,
	 .count = 20,
	 .packet_at = 16,
	 .hint = FRAME_INBOUND,
	 .bytes = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: B, ethertype IPv6",
	 .link_type = 113,
	 .count = 20,
	 .packet_at = 16,
	 .hint = FRAME_INBOUND,
	 .bytes = {0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x86, 0xdd, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: M, ethertype IPv6",
	 .link_type = 113,
	 .count = 20,
	 .packet_at = 16,
	 .hint = FRAME_INBOUND,
	 .bytes = {0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x86, 0xdd, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: P (between others)",
	 .link_type = 113,
	 .count = 20,
	 .packet_at = 16,
	 .hint = FRAME_DIRECTION_UNKNOWN,
	 .bytes = {0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: Out, vlan 5, ethertype IPv4",
	 .link_type = 113,
	 .count = 24,
	 .packet_at = 20,
	 .hint = FRAME_OUTBOUND,
	 .vlan_count = 1,
	 .vlan = {5},
	 .bytes = {0, 4, 0,    1, 0, 6, 2, 0, 0,   0,   0,   1,
		   0, 0, 0x81, 0, 0, 5, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: LLC, SNAP, ethertype IPv4",
	 .link_type = 113,
	 .count = 28,
	 .packet_at = 24,
	 .hint = FRAME_INBOUND,
	 .bytes = {0, 0, 0,    1,    0, 6, 2, 0, 0, 0, 0,   1,   0,   0,
		   0, 4, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL: protocol 12 (CAN)",
	 .link_type = 113,
	 .status = FRAME_NOT_IP,
	 .count = 20,
	 .bytes = {0, 0, 1, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL cut short",
	 .link_type = 113,
	 .status = FRAME_TRUNCATED,
	 .count = 15,
	 .bytes = {[14] = 8}},
	{.caption = "LINUX_SLL2: ifindex 7, Out, ethertype IPv4",
	 .link_type = 276,
	 .count = 24,
	 .packet_at = 20,
	 .hint = FRAME_OUTBOUND,
	 .interface_index = 7,
	 .bytes = {8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL2: ifindex 16909060, In, ethertype IPv6",
	 .link_type = 276,
	 .count = 24,
	 .packet_at = 20,
	 .hint = FRAME_INBOUND,
	 .interface_index = 0x01020304,
	 .bytes = {0x86, 0xdd, 0, 0, 1, 2, 3, 4, 0,   1,   0,   6,
		   2,    0,    0, 0, 0, 1, 0, 0, 'I', 'P', '.', '.'}},
	{.caption = "LINUX_SLL2: ARP",
	 .link_type = 276,
	 .status = FRAME_NOT_IP,
	 .count = 24,
	 .bytes = {8, 6, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6}},
	{.caption = "LINUX_SLL2 cut short",
	 .link_type = 276,
	 .status = FRAME_TRUNCATED,
	 .count = 19,
	 .bytes = {8}},
	{.caption = "IEEE802_11", .link_type = 105, .status = FRAME_UNKNOWN_LINK, .count = 20},
	{.caption = "no such link type",
	 .link_type = UINT32_MAX,
	 .status = FRAME_UNKNOWN_LINK,
	 .count = 20},
};

static bool as_expected(const struct frame_case *c, const struct frame *f)
{
	for (uint8_t i = 0; i < c->vlan_count; i++) {
		if (f->vlan[i] != c->vlan[i])
			return false;
	}
	return f->packet == c->bytes + c->packet_at &&
	       f->captured_bytes == (size_t)(c->count - c->packet_at) &&
	       f->wire_bytes == f->captured_bytes && f->vlan_count == c->vlan_count &&
	       f->hint == c->hint && f->interface_index == c->interface_index;
}

static void test_frame_decode_every_link_and_every_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
		const struct frame_case *c = &frames[i];
		struct frame f;
		struct frame untouched;
		memset(&f, 0xa5, sizeof(f));
		untouched = f;
		const enum frame_status status =
			frame_decode(c->link_type, c->bytes, c->count, c->count, &f);
		if (status != c->status)
			fail_msg("%s: %s", c->caption, frame_status_text(status));
		if (status != FRAME_OK && memcmp(&f, &untouched, sizeof(f)) != 0)
			fail_msg("%s: written to in spite of the error", c->caption);
		if (status == FRAME_OK && !as_expected(c, &f))
			fail_msg("%s: packet at %td, %zu bytes, %d tags, hint %d", c->caption,
				 f.packet - c->bytes, f.captured_bytes, f.vlan_count, f.hint);
	}
}

/* Whatever the snap length, the decoder neither reads past it nor takes too little for IP. */
static void test_frame_decode_every_cut_is_truncated_or_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(frames); i++) {
		const struct frame_case *c = &frames[i];
		if (c->status != FRAME_OK)
			continue;
		for (size_t count = 0; count < c->count; count++) {
			uint8_t exact[FRAME_BYTES_MAX]; /* at its end, for the sanitizers */
			uint8_t *data = exact + sizeof(exact) - count;
			memcpy(data, c->bytes, count);
			struct frame f;
			const enum frame_status status =
				frame_decode(c->link_type, data, count, c->count, &f);
			if (count < c->packet_at && status != FRAME_TRUNCATED)
				fail_msg("%s, %zu bytes: %s", c->caption, count,
					 frame_status_text(status));
			if (count >= c->packet_at &&
			    (status != FRAME_OK || f.captured_bytes != count - c->packet_at ||
			     f.wire_bytes != (size_t)(c->count - c->packet_at)))
				fail_msg("%s, %zu bytes", c->caption, count);
		}
	}
}

static void test_frame_decode_wire_below_captured_counts_as_captured(void **state)
{
	(void)state;
	static const uint8_t data[] = {[12] = 8, 0, 'I', 'P'};
	struct frame f;
	assert_int_equal(frame_decode(LINK_ETHERNET, data, sizeof(data), 0, &f), FRAME_OK);
	assert_int_equal(f.wire_bytes, 2);
}

static void test_frame_status_text_differs_for_each(void **state)
{
	(void)state;
	for (int a = 0; a < FRAME_STATUS_COUNT; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(frame_status_text((enum frame_status)a),
						frame_status_text((enum frame_status)b));
		assert_string_not_equal(frame_status_text((enum frame_status)a), "?");
	}
	assert_string_equal(frame_status_text(FRAME_STATUS_COUNT), "?");
}

static void test_link_type_name_is_that_of_tcpdump(void **state)
{
	(void)state;
	assert_string_equal(link_type_name(LINK_ETHERNET), "EN10MB");
	assert_string_equal(link_type_name(LINK_LINUX_SLL2), "LINUX_SLL2");
	assert_string_equal(link_type_name(LINK_RAW), "RAW");
	assert_string_equal(link_type_name(12), "RAW");
	assert_string_equal(link_type_name(LINK_NULL), "NULL");
	assert_string_equal(link_type_name(127), "IEEE802_11_RADIO");
	assert_string_equal(link_type_name(4000), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_decode_every_link_and_every_status),
		cmocka_unit_test(test_frame_decode_every_cut_is_truncated_or_whole),
		cmocka_unit_test(test_frame_decode_wire_below_captured_counts_as_captured),
		cmocka_unit_test(test_frame_status_text_differs_for_each),
		cmocka_unit_test(test_link_type_name_is_that_of_tcpdump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

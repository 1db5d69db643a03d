#include "synscope/core/segment.h"

#include "../../support/cm.h"

#include <string.h>

/* IP 192.0.2.1.40000 > 192.0.2.2.80: Flags [S], seq 1000000, win 64240, options [mss
 * 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0 */
static const uint8_t v4_syn[] = {
	0x45, 0x00, 0x00, 0x3c, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0xa4, 0x84, /* IPv4 */
	0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x9c, 0x40, 0x00, 0x50,
	0x00, 0x0f, 0x42, 0x40, 0x00, 0x00, 0x00, 0x00, /* TCP */
	0xa0, 0x02, 0xfa, 0xf0, 0xea, 0x2a, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4,
	0x04, 0x02, 0x08, 0x0a, 0x00, 0x00, 0x00, 0x01, /* options */
	0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
};

/* IP 192.0.2.2.80 > 192.0.2.1.40000: Flags [P.], seq 4294967294:3, ack 7, win 501, length 5 */
static const uint8_t v4_data[] = {
	0x45, 0xba, 0x00, 0x2d, 0x12, 0x34, 0x00, 0x00, 0x39, 0x06, 0xea, 0xd9, /* IPv4 */
	0xc0, 0x00, 0x02, 0x02, 0xc0, 0x00, 0x02, 0x01, 0x00, 0x50, 0x9c, 0x40, 0xff,
	0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x07,                                     /* TCP */
	0x50, 0x18, 0x01, 0xf5, 0x49, 0x66, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, /* payload */
};

/* the same SYN-ACK as a sending kernel with checksum offload shows it: IP 192.0.2.2.80 >
 * 192.0.2.1.40000: Flags [S.E], seq 5, ack 6, win 1, length 0 */
static const uint8_t v4_partial[] = {
	0x45, 0x00, 0x00, 0x28, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0xa4, 0x98, /* IPv4 */
	0xc0, 0x00, 0x02, 0x02, 0xc0, 0x00, 0x02, 0x01, 0x00, 0x50, 0x9c, 0x40,
	0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x06, /* TCP */
	0x50, 0x52, 0x00, 0x01, 0x84, 0x1e, 0x00, 0x00,
};

/* IP6 (flowlabel 0x12345, hlim 61) 2001:db8::2.80 > 2001:db8::1.40000: Flags [S.], seq
 * 5000000, ack 1000001, win 65535, length 0 */
static const uint8_t v6_syn_ack[] = {
	0x62, 0x81, 0x23, 0x45, 0x00, 0x14, 0x06, 0x3d, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x50, 0x9c, 0x40, 0x00, 0x4c, 0x4b, 0x40, 0x00, 0x0f, 0x42, 0x41, /* TCP */
	0x50, 0x12, 0xff, 0xff, 0x29, 0xf1, 0x00, 0x00,
};

/* IP6 2001:db8::1 > 2001:db8::2: HBH RT6 DSTOPT (atomic) frag AH 40000 > 80: Flags [.], seq 1,
 * ack 2, win 3, length 0 */
static const uint8_t v6_extensions[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x5c, 0x00, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20,
	0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x02, 0x2b, 0x00, 0x05, 0x02, 0x00, 0x00, 0x01, 0x00, /* hop-by-hop: router alert */
	0x3c, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* routing, type 0,
										   none left */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2c,
	0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00,       /* destination options */
	0x33, 0x00, 0x00, 0x00, 0xde, 0xad, 0xbe, 0xef, /* fragment: offset 0, no more */
	0x06, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, /* authentication */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9c,
	0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* TCP */
	0x50, 0x10, 0x00, 0x03, 0xb7, 0xc9, 0x00, 0x00,
};

/* IP6 2001:db8::1 > 2001:db8::7: RT6 (type 0, segleft 1, last is 2001:db8::2) 40000 > 80:
 * Flags [.] */
static const uint8_t v6_routing0[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x3c, 0x2b, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
	0x06, 0x04, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, /* routing */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
	0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* TCP */
	0x50, 0x10, 0x00, 0x03, 0xb7, 0xc9, 0x00, 0x00,
};

/* IP6 2001:db8::1 > 2001:db8::7: RT6 (type 4, segleft 1, last is 2001:db8::2) 40000 > 80:
 * Flags [.] */
static const uint8_t v6_routing4[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x3c, 0x2b, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
	0x06, 0x04, 0x04, 0x01, 0x01, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, /* routing */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09,
	0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* TCP */
	0x50, 0x10, 0x00, 0x03, 0xb7, 0xc9, 0x00, 0x00,
};

/* IP6 2001:db8::1 > 2001:db8::2: frag (0x00000009:0|28) 40000 > 80: Flags [.], length 8 and
 * more */
static const uint8_t v6_fragment[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x24, 0x2c, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20,
	0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x02, 0x06, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x09, /* fragment: offset 0, more */
	0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* TCP */
	0x50, 0x10, 0x00, 0x03, 0xb7, 0xc9, 0x00, 0x00, 0x31, 0x32, 0x33, 0x34, 0x35,
	0x36, 0x37, 0x38, /* payload */
};

/* IP (options (NOP,NOP,NOP,EOL)) 192.0.2.1.1 > 192.0.2.2.2: Flags [R], seq 9, length 0 */
static const uint8_t v4_options[] = {
	0x46, 0x00, 0x00, 0x2c, 0x12, 0x34, 0x40, 0x00, 0x40, 0x06, 0xa1, 0x93, /* IPv4 */
	0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x01, 0x01, 0x01, 0x00,
	0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, /* TCP */
	0x50, 0x04, 0x00, 0x00, 0x2b, 0xd1, 0x00, 0x00,
};

/* IP 198.51.100.7 > 192.0.2.1: ICMP host 192.0.2.2 unreachable - admin prohibited filter,
 * quoting 8 bytes of TCP: 192.0.2.1.40000 > 192.0.2.2.80 seq 1000000 */
static const uint8_t icmp_admin[] = {
	0x45, 0x00, 0x00, 0x38, 0x12, 0x34, 0x40, 0x00, 0xfa, 0x01, 0x82, 0x54, /* IPv4 */
	0xc6, 0x33, 0x64, 0x07, 0xc0, 0x00, 0x02, 0x01, 0x03, 0x0d, 0x1e, 0x13,
	0x00, 0x00, 0x00, 0x00,                                                 /* ICMP */
	0x45, 0x00, 0x00, 0x3c, 0x12, 0x34, 0x40, 0x00, 0x01, 0x06, 0xe3, 0x84, /* quoted IPv4 */
	0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x9c, 0x40, 0x00, 0x50,
	0x00, 0x0f, 0x42, 0x40, /* quoted TCP */
};

/* IP 198.51.100.7 > 192.0.2.1: ICMP 192.0.2.2 unreachable - need to frag (mtu 1280), quoting
 * the whole header */
static const uint8_t icmp_too_big[] = {
	0x45, 0x00, 0x00, 0x58, 0x12, 0x34, 0x40, 0x00, 0xfa, 0x01, 0x82, 0x34, /* IPv4 */
	0xc6, 0x33, 0x64, 0x07, 0xc0, 0x00, 0x02, 0x01, 0x03, 0x04, 0x7c, 0x2e, 0x00, 0x00,
	0x05, 0x00,                                                             /* ICMP */
	0x45, 0x00, 0x00, 0x3c, 0x12, 0x34, 0x40, 0x00, 0x01, 0x06, 0xe3, 0x84, /* quoted IPv4 */
	0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02, 0x9c, 0x40, 0x00, 0x50, 0x00, 0x0f,
	0x42, 0x40, 0x00, 0x00, 0x00, 0x00, /* quoted TCP */
	0xa0, 0x02, 0xfa, 0xf0, 0xea, 0x2a, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02,
	0x08, 0x0a, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
};

/* IP6 2001:db8::7 > 2001:db8::1: ICMP6, unreachable prohibited, quoting IPv6 with a hop-by-hop
 * header */
static const uint8_t icmp6_admin[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x4c, 0x3a, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
	0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0x3b, 0xb8, 0x00, 0x00, 0x00, 0x00, /* ICMPv6 */
	0x60, 0x00, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x40, 0x20, 0x01, 0x0d, 0xb8, /* quoted IPv6 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
	0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02, 0x06, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00, /* hop-by-hop */
	0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* quoted TCP */
	0x50, 0x10, 0x00, 0x03, 0xb7, 0xc9, 0x00, 0x00,
};

#define BASE_BYTES_MAX 160

static const struct base {
	const uint8_t *bytes;
	size_t count;
	enum packet_kind kind;
} bases[] = {
	{v4_syn, sizeof(v4_syn), PACKET_TCP},
	{v4_data, sizeof(v4_data), PACKET_TCP},
	{v4_partial, sizeof(v4_partial), PACKET_TCP},
	{v4_options, sizeof(v4_options), PACKET_TCP},
	{v6_syn_ack, sizeof(v6_syn_ack), PACKET_TCP},
	{v6_extensions, sizeof(v6_extensions), PACKET_TCP},
	{v6_routing0, sizeof(v6_routing0), PACKET_TCP},
	{v6_routing4, sizeof(v6_routing4), PACKET_TCP},
	{v6_fragment, sizeof(v6_fragment), PACKET_TCP},
	{icmp_admin, sizeof(icmp_admin), PACKET_ICMP_ERROR},
	{icmp_too_big, sizeof(icmp_too_big), PACKET_ICMP_ERROR},
	{icmp6_admin, sizeof(icmp6_admin), PACKET_ICMP_ERROR},
};

static struct packet decoded(const uint8_t *bytes, size_t captured, size_t wire)
{
	struct packet p;
	memset(&p, 0xa5, sizeof(p));
	const enum packet_status status = packet_decode(bytes, captured, wire, &p);
	if (status != PACKET_OK)
		fail_msg("%s", packet_status_text(status));
	return p;
}

static void assert_addr(const struct ip_addr *a, const char *expected)
{
	char text[IP_ADDR_TEXT_MAX];
	assert_string_equal(ip_addr_format(a, text, sizeof(text)), expected);
}

static void assert_endpoint(const struct endpoint *e, const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];
	assert_string_equal(endpoint_format(e, text, sizeof(text)), expected);
}

static void test_packet_decode_v4_syn_has_every_field(void **state)
{
	(void)state;
	const struct packet p = decoded(v4_syn, sizeof(v4_syn), sizeof(v4_syn));
	const struct segment *s = &p.tcp;
	assert_int_equal(p.kind, PACKET_TCP);
	assert_addr(&s->ip.src, "192.0.2.1");
	assert_addr(&s->ip.dst, "192.0.2.2");
	assert_int_equal(s->ip.ttl, 64);
	assert_int_equal(s->ip.traffic, 0);
	assert_int_equal(s->ip.protocol, 6);
	assert_int_equal(s->ip.id, 0x1234);
	assert_true(s->ip.df);
	assert_false(s->ip.fragment || s->ip.more_fragments);
	assert_int_equal(s->ip.fragment_offset, 0);
	assert_int_equal(s->ip.header_bytes, 20);
	assert_int_equal(s->ip.option_bytes, 0);
	assert_int_equal(s->ip.extension_bytes, 0);
	assert_int_equal(s->ip.total_bytes, 60);
	assert_int_equal(s->ip.flow_label, 0);
	assert_int_equal(s->ip.checksum, CHECKSUM_GOOD);
	assert_endpoint(&s->src, "192.0.2.1:40000");
	assert_endpoint(&s->dst, "192.0.2.2:80");
	assert_int_equal(s->seq.raw, 1000000);
	assert_int_equal(s->ack.raw, 0);
	assert_int_equal(s->flags, TCP_SYN);
	assert_int_equal(s->reserved, 0);
	assert_int_equal(s->window, 64240);
	assert_int_equal(s->urgent, 0);
	assert_int_equal(s->checksum_field, 0xea2a);
	assert_int_equal(s->checksum, CHECKSUM_GOOD);
	assert_int_equal(s->header_bytes, 40);
	assert_ptr_equal(s->options, v4_syn + 40);
	assert_int_equal(s->options_bytes, 20);
	assert_false(s->options_cut);
	assert_true(s->option.has_mss && s->option.mss == 1460 && s->option.has_wscale);
	assert_int_equal(s->payload_bytes, 0);
	assert_int_equal(s->payload_captured_bytes, 0);
	assert_memory_equal(&p.ip.src, &s->ip.src, sizeof(p.ip.src));
	assert_int_equal(p.ip.total_bytes, 60);
}

static void test_packet_decode_v4_data_has_payload(void **state)
{
	(void)state;
	const struct packet p = decoded(v4_data, sizeof(v4_data), sizeof(v4_data));
	assert_int_equal(p.ip.traffic, 0xba);
	assert_int_equal(p.ip.ttl, 57);
	assert_false(p.ip.df);
	assert_int_equal(p.tcp.flags, TCP_PSH | TCP_ACK);
	assert_int_equal(p.tcp.ack.raw, 7);
	assert_int_equal(p.tcp.window, 501);
	assert_ptr_equal(p.tcp.payload, v4_data + 40);
	assert_int_equal(p.tcp.payload_bytes, 5);
	assert_int_equal(p.tcp.payload_captured_bytes, 5);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
	assert_int_equal(segment_seq_count(&p.tcp), 5);
	assert_int_equal(segment_end(&p.tcp).raw, 3);
}

static void test_packet_decode_v4_with_ip_options_finds_tcp(void **state)
{
	(void)state;
	const struct packet p = decoded(v4_options, sizeof(v4_options), sizeof(v4_options));
	assert_int_equal(p.ip.header_bytes, 24);
	assert_int_equal(p.ip.option_bytes, 4);
	assert_int_equal(p.ip.checksum, CHECKSUM_GOOD);
	assert_int_equal(p.tcp.flags, TCP_RST);
	assert_int_equal(p.tcp.seq.raw, 9);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_checksum_of_offload_is_partial(void **state)
{
	(void)state;
	const struct packet p = decoded(v4_partial, sizeof(v4_partial), sizeof(v4_partial));
	assert_int_equal(p.tcp.checksum, CHECKSUM_PARTIAL);
	assert_int_equal(p.tcp.checksum_field, 0x841e);
	assert_int_equal(p.tcp.flags, TCP_SYN | TCP_ACK | TCP_ECE);
}

static void test_packet_decode_v6_has_every_field(void **state)
{
	(void)state;
	const struct packet p = decoded(v6_syn_ack, sizeof(v6_syn_ack), sizeof(v6_syn_ack));
	assert_int_equal(p.kind, PACKET_TCP);
	assert_endpoint(&p.tcp.src, "[2001:db8::2]:80");
	assert_endpoint(&p.tcp.dst, "[2001:db8::1]:40000");
	assert_int_equal(p.ip.flow_label, 0x12345);
	assert_int_equal(p.ip.traffic, 0x28);
	assert_int_equal(p.ip.ttl, 61);
	assert_int_equal(p.ip.protocol, 6);
	assert_int_equal(p.ip.id, 0);
	assert_false(p.ip.df);
	assert_int_equal(p.ip.header_bytes, 40);
	assert_int_equal(p.ip.extension_bytes, 0);
	assert_int_equal(p.ip.total_bytes, 60);
	assert_int_equal(p.ip.checksum, CHECKSUM_GOOD);
	assert_int_equal(p.tcp.seq.raw, 5000000);
	assert_int_equal(p.tcp.ack.raw, 1000001);
	assert_int_equal(p.tcp.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(p.tcp.window, 65535);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_v6_walks_extension_headers(void **state)
{
	(void)state;
	const struct packet p =
		decoded(v6_extensions, sizeof(v6_extensions), sizeof(v6_extensions));
	assert_int_equal(p.kind, PACKET_TCP);
	assert_int_equal(p.ip.extension_bytes, 8 + 24 + 8 + 8 + 24);
	assert_int_equal(p.ip.protocol, 6);
	assert_false(p.ip.fragment); /* an atomic fragment, RFC 6946, is whole */
	assert_int_equal(p.ip.fragment_id, 0xdeadbeef);
	assert_int_equal(p.tcp.seq.raw, 1);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_v6_routing_header_gives_final_destination_to_checksum(void **state)
{
	(void)state;
	struct packet p = decoded(v6_routing0, sizeof(v6_routing0), sizeof(v6_routing0));
	assert_addr(&p.ip.dst, "2001:db8::7"); /* as the header says */
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
	p = decoded(v6_routing4, sizeof(v6_routing4), sizeof(v6_routing4));
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);

	uint8_t unknown_type[sizeof(v6_routing0)];
	memcpy(unknown_type, v6_routing0, sizeof(unknown_type));
	unknown_type[42] = 3;
	p = decoded(unknown_type, sizeof(unknown_type), sizeof(unknown_type));
	assert_int_equal(p.tcp.checksum, CHECKSUM_UNKNOWN);
	unknown_type[43] = 0; /* no segment left: the header's destination is the last */
	p = decoded(unknown_type, sizeof(unknown_type), sizeof(unknown_type));
	assert_int_equal(p.tcp.checksum, CHECKSUM_BAD);
}

static void test_packet_decode_routing_header_too_short_for_an_address_is_unknown(void **state)
{
	(void)state;
	/* IP6 2001:db8::1 > 2001:db8::7: RT6 (len=0, type 0, segleft 1) 40000 > 80 */
	uint8_t bytes[40 + 8 + 20];
	memcpy(bytes, v6_routing0, 48);
	memcpy(bytes + 48, v6_routing0 + 80, 20);
	bytes[5] = 28;
	bytes[41] = 0;
	const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.kind, PACKET_TCP);
	assert_int_equal(p.tcp.checksum, CHECKSUM_UNKNOWN);
}

static void test_packet_decode_v6_first_fragment_is_tcp_of_unknown_checksum(void **state)
{
	(void)state;
	const struct packet p = decoded(v6_fragment, sizeof(v6_fragment), sizeof(v6_fragment));
	assert_int_equal(p.kind, PACKET_TCP);
	assert_true(p.ip.fragment && p.ip.more_fragments && p.tcp.ip.fragment);
	assert_int_equal(p.ip.fragment_id, 9);
	assert_int_equal(p.tcp.payload_bytes, 8);
	assert_int_equal(p.tcp.checksum, CHECKSUM_UNKNOWN);
}

static void test_packet_decode_v6_later_fragment_is_a_piece(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(v6_fragment)];
	memcpy(bytes, v6_fragment, sizeof(bytes));
	bytes[42] = 0x05; /* offset 1448, no more */
	bytes[43] = 0xa8;
	const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.kind, PACKET_FRAGMENT);
	assert_int_equal(p.ip.fragment_offset, 1448);
	assert_true(p.ip.fragment);
	assert_false(p.ip.more_fragments);
	bytes[40] = 0; /* what follows is no hop-by-hop header, though it says so */
	assert_int_equal(decoded(bytes, sizeof(bytes), sizeof(bytes)).kind, PACKET_OTHER);
}

/* Byte 6 and 7 of an IPv4 header: flags and offset. What comes of the segment. */
static const struct fragment_case {
	const char *name;
	uint16_t field;
	uint8_t ip_bytes; /* total length, and captured */
	enum packet_kind kind;
	bool df;
	bool more;
	uint16_t offset;
} fragments[] = {
	{"first, the whole header", 0x2000, 60, PACKET_TCP, false, true, 0},
	{"first, options missing", 0x2000, 48, PACKET_FRAGMENT, false, true, 0},
	{"first, 8 bytes of TCP", 0x2000, 28, PACKET_FRAGMENT, false, true, 0},
	{"first, no TCP at all", 0x2000, 20, PACKET_FRAGMENT, false, true, 0},
	{"in the middle", 0x2001, 60, PACKET_FRAGMENT, false, true, 8},
	{"last", 0x1fff, 60, PACKET_FRAGMENT, false, false, 65528},
	{"in spite of DF", 0x6001, 60, PACKET_FRAGMENT, true, true, 8},
	{"the evil bit means nothing", 0x8000, 60, PACKET_TCP, false, false, 0},
};

static void test_packet_decode_v4_fragments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fragments); i++) {
		const struct fragment_case *c = &fragments[i];
		uint8_t bytes[sizeof(v4_syn)];
		memcpy(bytes, v4_syn, sizeof(bytes));
		bytes[3] = c->ip_bytes;
		bytes[6] = (uint8_t)(c->field >> 8);
		bytes[7] = (uint8_t)c->field;
		const struct packet p = decoded(bytes, c->ip_bytes, c->ip_bytes);
		const bool fragment = c->more || c->offset != 0;
		if (p.kind != c->kind || p.ip.df != c->df || p.ip.more_fragments != c->more ||
		    p.ip.fragment_offset != c->offset || p.ip.fragment != fragment ||
		    p.ip.fragment_id != 0x1234)
			fail_msg("%s: kind %d", c->name, p.kind);
		if (p.kind == PACKET_TCP && (p.tcp.checksum == CHECKSUM_UNKNOWN) != fragment)
			fail_msg("%s: checksum %s", c->name, checksum_state_name(p.tcp.checksum));
	}
}

static void test_packet_decode_link_padding_is_not_payload(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(v4_partial) + 6] = {0};
	memcpy(bytes, v4_partial, sizeof(v4_partial));
	memset(bytes + sizeof(v4_partial), 0x99, 6);
	struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.tcp.payload_bytes, 0);
	assert_int_equal(p.tcp.payload_captured_bytes, 0);
	assert_int_equal(p.tcp.checksum, CHECKSUM_PARTIAL);

	uint8_t v6[sizeof(v6_syn_ack) + 1];
	memcpy(v6, v6_syn_ack, sizeof(v6_syn_ack));
	v6[sizeof(v6_syn_ack)] = 0x99;
	p = decoded(v6, sizeof(v6), sizeof(v6));
	assert_int_equal(p.tcp.payload_bytes, 0);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_total_length_zero_takes_the_wire(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(v4_data)];
	memcpy(bytes, v4_data, sizeof(bytes));
	bytes[2] = 0;
	bytes[3] = 0;
	struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.ip.total_bytes, sizeof(bytes));
	assert_int_equal(p.tcp.payload_bytes, 5);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
	p = decoded(bytes, sizeof(bytes), 150000);
	assert_int_equal(p.tcp.payload_bytes, 150000 - 40);
	assert_int_equal(p.tcp.payload_captured_bytes, 5);
	assert_int_equal(p.tcp.checksum, CHECKSUM_UNKNOWN);

	uint8_t v6[sizeof(v6_syn_ack)];
	memcpy(v6, v6_syn_ack, sizeof(v6));
	v6[5] = 0;
	p = decoded(v6, sizeof(v6), 200000);
	assert_int_equal(p.ip.total_bytes, 200000);
	assert_int_equal(p.tcp.payload_bytes, 200000 - 60);
}

static void test_packet_decode_payload_cut_by_snap_length_is_told(void **state)
{
	(void)state;
	struct packet p = decoded(v4_data, 42, sizeof(v4_data));
	assert_int_equal(p.tcp.payload_bytes, 5);
	assert_int_equal(p.tcp.payload_captured_bytes, 2);
	assert_ptr_equal(p.tcp.payload, v4_data + 40);
	assert_int_equal(p.tcp.checksum, CHECKSUM_UNKNOWN);
	assert_int_equal(segment_end(&p.tcp).raw, 3);
	/* a total length that the wire does not hold counts as cut, too */
	p = decoded(v4_data, 42, 42);
	assert_int_equal(p.tcp.payload_bytes, 5);
	assert_int_equal(p.tcp.payload_captured_bytes, 2);
}

/* The options of v4_syn are mss (4), sackOK (2), timestamps (10), nop (1), wscale (3). */
static const struct cut_case {
	size_t captured;
	uint8_t options_bytes;
	bool mss, sack, timestamps, wscale;
} cuts[] = {
	{40, 0, false, false, false, false}, {43, 0, false, false, false, false},
	{44, 4, true, false, false, false},  {45, 4, true, false, false, false},
	{46, 6, true, true, false, false},   {55, 6, true, true, false, false},
	{56, 16, true, true, true, false},   {57, 17, true, true, true, false},
	{59, 17, true, true, true, false},
};

static void test_packet_decode_options_cut_by_snap_length_keep_whole_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
		const struct cut_case *c = &cuts[i];
		const struct packet p = decoded(v4_syn, c->captured, sizeof(v4_syn));
		const struct segment *s = &p.tcp;
		if (!s->options_cut || s->options_bytes != c->options_bytes ||
		    s->option.has_mss != c->mss || s->option.sack_permitted != c->sack ||
		    s->option.has_timestamps != c->timestamps ||
		    s->option.has_wscale != c->wscale || s->option.malformed)
			fail_msg("%zu bytes: %d of options", c->captured, s->options_bytes);
		assert_null(s->payload);
		assert_int_equal(s->payload_captured_bytes, 0);
		assert_int_equal(s->payload_bytes, 0);
		assert_int_equal(s->header_bytes, 40);
		assert_int_equal(s->checksum, CHECKSUM_UNKNOWN);
	}
	uint8_t bytes[sizeof(v4_syn)];
	memcpy(bytes, v4_syn, sizeof(bytes));
	bytes[45] = 0; /* the length of sackOK: malformed, and not by the cut */
	assert_true(decoded(bytes, 50, sizeof(bytes)).tcp.option.malformed);
}

static void test_packet_decode_every_flag_and_reserved_bit(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(v4_partial)];
	memcpy(bytes, v4_partial, sizeof(bytes));
	for (unsigned field = 0; field < 0x1000; field++) {
		bytes[32] = (uint8_t)(0x50 | field >> 8);
		bytes[33] = (uint8_t)field;
		const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
		assert_int_equal(p.tcp.flags, field & TCP_FLAGS_ALL);
		assert_int_equal(p.tcp.reserved, field >> 9);
		assert_int_equal(segment_seq_count(&p.tcp), (field & 1) + (field >> 1 & 1));
	}
	bytes[38] = 0x12;
	bytes[39] = 0x34;
	assert_int_equal(decoded(bytes, sizeof(bytes), sizeof(bytes)).tcp.urgent, 0x1234);
}

static void test_segment_end_syn_and_fin_across_wrap(void **state)
{
	(void)state;
	const struct segment s = {
		.seq = {UINT32_MAX}, .flags = TCP_SYN | TCP_FIN, .payload_bytes = 10};
	assert_int_equal(segment_seq_count(&s), 12);
	assert_int_equal(segment_end(&s).raw, 11);
}

/* One base, up to three bytes changed in it, so many bytes captured of so many. */
static const struct status_case {
	const char *name;
	const uint8_t *base;
	size_t base_count;
	struct {
		uint8_t at;
		uint8_t value;
	} patch[3]; /* at 0: the version byte, or none if the value is 0 */
	size_t captured;
	size_t wire;
	enum packet_status status;
} statuses[] = {
	{"nothing", v4_syn, 60, {{0, 0}}, 0, 0, PACKET_EMPTY},
	{"nothing captured", v4_syn, 60, {{0, 0}}, 0, 60, PACKET_EMPTY},
	{"version 5", v4_syn, 60, {{0, 0x55}}, 60, 60, PACKET_BAD_VERSION},
	{"version 15, one byte", v4_syn, 60, {{0, 0xf5}}, 1, 60, PACKET_BAD_VERSION},
	{"IPv4, 1 byte", v4_syn, 60, {{0, 0}}, 1, 60, PACKET_IP_TRUNCATED},
	{"IPv4, 19 bytes", v4_syn, 60, {{0, 0}}, 19, 60, PACKET_IP_TRUNCATED},
	{"IPv4, 19 bytes on the wire", v4_syn, 60, {{0, 0}}, 19, 19, PACKET_IP_TRUNCATED},
	{"IPv4 options cut", v4_options, 44, {{0, 0}}, 23, 44, PACKET_IP_TRUNCATED},
	{"IHL 4", v4_syn, 60, {{0, 0x44}}, 60, 60, PACKET_IP_BAD_HEADER_LENGTH},
	{"IHL 0", v4_syn, 60, {{0, 0x40}}, 60, 60, PACKET_IP_BAD_HEADER_LENGTH},
	{"IHL 60 of 40", v4_partial, 40, {{0, 0x4f}}, 40, 40, PACKET_IP_BAD_HEADER_LENGTH},
	{"total length 19", v4_syn, 60, {{3, 19}}, 60, 60, PACKET_IP_BAD_TOTAL_LENGTH},
	{"total length within the options",
	 v4_options,
	 44,
	 {{3, 23}},
	 44,
	 44,
	 PACKET_IP_BAD_TOTAL_LENGTH},
	{"IPv6, 39 bytes", v6_syn_ack, 60, {{0, 0}}, 39, 60, PACKET_IP_TRUNCATED},
	{"IPv6, cut before an extension",
	 v6_extensions,
	 132,
	 {{0, 0}},
	 40,
	 132,
	 PACKET_IP_TRUNCATED},
	{"IPv6, cut after its first byte",
	 v6_extensions,
	 132,
	 {{0, 0}},
	 41,
	 132,
	 PACKET_IP_TRUNCATED},
	{"IPv6, cut within an extension",
	 v6_extensions,
	 132,
	 {{0, 0}},
	 47,
	 132,
	 PACKET_IP_TRUNCATED},
	{"extension past the packet",
	 v6_extensions,
	 132,
	 {{41, 255}},
	 132,
	 132,
	 PACKET_IP6_BAD_EXTENSION},
	{"extension past the packet, cut",
	 v6_extensions,
	 132,
	 {{41, 255}},
	 60,
	 132,
	 PACKET_IP6_BAD_EXTENSION},
	{"no room for an extension",
	 v6_extensions,
	 132,
	 {{5, 7}},
	 132,
	 132,
	 PACKET_IP6_BAD_EXTENSION},
	{"TCP of no bytes", v4_syn, 60, {{3, 20}}, 60, 60, PACKET_TCP_TRUNCATED},
	{"TCP of 19 bytes", v4_syn, 60, {{3, 39}}, 60, 60, PACKET_TCP_TRUNCATED},
	{"TCP cut at 19 bytes", v4_syn, 60, {{0, 0}}, 39, 60, PACKET_TCP_TRUNCATED},
	{"TCP cut in a first fragment", v4_syn, 60, {{6, 0x20}}, 39, 60, PACKET_TCP_TRUNCATED},
	{"IPv6 TCP of 19 bytes", v6_syn_ack, 60, {{5, 19}}, 60, 60, PACKET_TCP_TRUNCATED},
	{"data offset 4", v4_syn, 60, {{32, 0x40}}, 60, 60, PACKET_TCP_BAD_OFFSET},
	{"data offset 0", v6_syn_ack, 60, {{52, 0x00}}, 60, 60, PACKET_TCP_BAD_OFFSET},
	{"data offset 15 of 40", v4_syn, 60, {{32, 0xf0}}, 60, 60, PACKET_TCP_OFFSET_OVERRUN},
	{"data offset 6 of 20", v4_partial, 40, {{32, 0x60}}, 40, 40, PACKET_TCP_OFFSET_OVERRUN},
	{"data offset into the link's padding",
	 v4_syn,
	 60,
	 {{3, 40}},
	 60,
	 60,
	 PACKET_TCP_OFFSET_OVERRUN},
	{"ICMP of no bytes", icmp_admin, 56, {{3, 20}}, 56, 56, PACKET_ICMP_TRUNCATED},
	{"ICMP of 7 bytes", icmp_admin, 56, {{3, 27}}, 56, 56, PACKET_ICMP_TRUNCATED},
	{"ICMP that quotes nothing", icmp_admin, 56, {{3, 28}}, 56, 56, PACKET_ICMP_TRUNCATED},
	{"ICMP that quotes half an IP header",
	 icmp_admin,
	 56,
	 {{3, 38}},
	 56,
	 56,
	 PACKET_ICMP_TRUNCATED},
	{"ICMP that quotes 7 bytes of TCP",
	 icmp_admin,
	 56,
	 {{3, 55}},
	 56,
	 56,
	 PACKET_ICMP_TRUNCATED},
	{"ICMP cut after 7 bytes of TCP", icmp_admin, 56, {{0, 0}}, 55, 56, PACKET_ICMP_TRUNCATED},
	{"ICMPv6 cut in the quoted extension",
	 icmp6_admin,
	 116,
	 {{0, 0}},
	 90,
	 116,
	 PACKET_ICMP_TRUNCATED},
	{"whole", icmp6_admin, 116, {{0, 0}}, 116, 116, PACKET_OK},
};

static void test_packet_decode_every_status(void **state)
{
	(void)state;
	bool seen[PACKET_STATUS_COUNT] = {false};
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
		const struct status_case *c = &statuses[i];
		uint8_t bytes[BASE_BYTES_MAX];
		memcpy(bytes, c->base, c->base_count);
		for (size_t k = 0; k < ARRAY_COUNT(c->patch); k++) {
			if (c->patch[k].at != 0 || c->patch[k].value != 0)
				bytes[c->patch[k].at] = c->patch[k].value;
		}
		struct packet p;
		struct packet untouched;
		memset(&p, 0xa5, sizeof(p));
		memset(&untouched, 0xa5, sizeof(p));
		const enum packet_status status = packet_decode(bytes, c->captured, c->wire, &p);
		if (status != c->status)
			fail_msg("%s: %s", c->name, packet_status_text(status));
		if (status != PACKET_OK && memcmp(&p, &untouched, sizeof(p)) != 0)
			fail_msg("%s: written to in spite of the error", c->name);
		seen[status] = true;
	}
	for (int s = 0; s < PACKET_STATUS_COUNT; s++) {
		if (!seen[s])
			fail_msg("no case for: %s", packet_status_text((enum packet_status)s));
	}
}

static void test_packet_decode_more_than_eight_extensions_is_refused(void **state)
{
	(void)state;
	/* IP6 2001:db8::2 > 2001:db8::1: 9 x DSTOPT, then 80 > 40000 */
	uint8_t bytes[40 + 9 * 8 + 20];
	memcpy(bytes, v6_syn_ack, 40);
	memcpy(bytes + 40 + 9 * 8, v6_syn_ack + 40, 20);
	bytes[5] = 9 * 8 + 20;
	bytes[6] = 60;
	for (size_t i = 0; i < 9; i++) {
		static const uint8_t extension[8] = {60, 0, 1, 4};
		memcpy(bytes + 40 + 8 * i, extension, 8);
	}
	bytes[40 + 8 * 8] = 6;
	struct packet p;
	assert_int_equal(packet_decode(bytes, sizeof(bytes), sizeof(bytes), &p),
			 PACKET_IP6_BAD_EXTENSION);
	bytes[40 + 7 * 8] = 6; /* the eighth is the last */
	memcpy(bytes + 40 + 8 * 8, v6_syn_ack + 40, 20);
	bytes[5] = 8 * 8 + 20;
	assert_int_equal(packet_decode(bytes, sizeof(bytes), sizeof(bytes), &p), PACKET_OK);
	assert_int_equal(p.ip.extension_bytes, 64);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

/* Whatever the snap length: nothing is read past it, and whatever was decoded stays. */
static void test_packet_decode_every_cut_is_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
		bool decodes = false;
		for (size_t count = 0; count <= bases[i].count; count++) {
			uint8_t exact[BASE_BYTES_MAX]; /* at its end, for the sanitizers */
			uint8_t *data = exact + sizeof(exact) - count;
			memcpy(data, bases[i].bytes, count);
			struct packet p;
			const enum packet_status status =
				packet_decode(data, count, bases[i].count, &p);
			if (decodes && status != PACKET_OK)
				fail_msg("base %zu at %zu: %s", i, count,
					 packet_status_text(status));
			decodes = status == PACKET_OK;
			if (decodes)
				assert_int_equal(p.kind, bases[i].kind);
		}
		assert_true(decodes);
	}
}

static void test_packet_decode_wire_below_captured_counts_as_captured(void **state)
{
	(void)state;
	const struct packet p = decoded(v4_data, sizeof(v4_data), 0);
	assert_int_equal(p.tcp.payload_captured_bytes, 5);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_other_protocols_fill_ip_only(void **state)
{
	(void)state;
	static const uint8_t protocols[] = {17, 47, 50, 58, 0};
	for (size_t i = 0; i < sizeof(protocols); i++) {
		uint8_t bytes[sizeof(v4_syn)];
		memcpy(bytes, v4_syn, sizeof(bytes));
		bytes[9] = protocols[i];
		const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
		assert_int_equal(p.kind, PACKET_OTHER);
		assert_int_equal(p.ip.protocol, protocols[i]);
	}
	uint8_t esp[sizeof(v6_syn_ack)];
	memcpy(esp, v6_syn_ack, sizeof(esp));
	esp[6] = 50;
	assert_int_equal(decoded(esp, sizeof(esp), sizeof(esp)).kind, PACKET_OTHER);
	esp[6] = 1; /* ICMP of IPv4 has no meaning in IPv6 */
	assert_int_equal(decoded(esp, sizeof(esp), sizeof(esp)).kind, PACKET_OTHER);
	esp[6] = 59; /* no next header */
	assert_int_equal(decoded(esp, sizeof(esp), sizeof(esp)).kind, PACKET_OTHER);
}

static void test_packet_decode_bad_ip_checksum_is_told_and_no_error(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(v4_syn)];
	memcpy(bytes, v4_syn, sizeof(bytes));
	bytes[8]--; /* the TTL, as by a broken router */
	const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.ip.checksum, CHECKSUM_BAD);
	assert_int_equal(p.tcp.checksum, CHECKSUM_GOOD);
}

static void test_packet_decode_icmp_with_8_bytes_quoted(void **state)
{
	(void)state;
	const struct packet p = decoded(icmp_admin, sizeof(icmp_admin), sizeof(icmp_admin));
	const struct icmp_error *e = &p.icmp;
	assert_int_equal(p.kind, PACKET_ICMP_ERROR);
	assert_addr(&e->ip.src, "198.51.100.7");
	assert_int_equal(e->type, 3);
	assert_int_equal(e->code, 13);
	assert_int_equal(e->reason, ICMP_ADMIN_PROHIBITED);
	assert_int_equal(e->mtu_bytes, 0);
	assert_int_equal(e->checksum, CHECKSUM_GOOD);
	assert_int_equal(e->quoted_ip.ttl, 1);
	assert_int_equal(e->quoted_ip.total_bytes, 60);
	assert_endpoint(&e->quoted_src, "192.0.2.1:40000");
	assert_endpoint(&e->quoted_dst, "192.0.2.2:80");
	assert_int_equal(e->quoted_seq.raw, 1000000);
	assert_false(e->has_quoted_ack || e->has_quoted_flags);
	assert_int_equal(e->quoted_ack.raw, 0);
	assert_int_equal(e->quoted_flags, 0);
	assert_int_equal(e->quoted_tcp_bytes, 8);
}

static void test_packet_decode_icmp_with_whole_quote(void **state)
{
	(void)state;
	const struct packet p = decoded(icmp_too_big, sizeof(icmp_too_big), sizeof(icmp_too_big));
	assert_int_equal(p.icmp.reason, ICMP_FRAGMENTATION_NEEDED);
	assert_int_equal(p.icmp.mtu_bytes, 1280);
	assert_true(p.icmp.has_quoted_ack && p.icmp.has_quoted_flags);
	assert_int_equal(p.icmp.quoted_ack.raw, 0);
	assert_int_equal(p.icmp.quoted_flags, TCP_SYN);
	assert_int_equal(p.icmp.quoted_tcp_bytes, 40);
}

/* By how much was quoted: the acknowledgment number needs 12 bytes, the flags 14. */
static void test_packet_decode_icmp_quote_by_its_length(void **state)
{
	(void)state;
	for (uint8_t tcp_bytes = 8; tcp_bytes <= 40; tcp_bytes++) {
		const size_t count = 48u + tcp_bytes;
		uint8_t bytes[sizeof(icmp_too_big)];
		memcpy(bytes, icmp_too_big, sizeof(bytes));
		bytes[3] = (uint8_t)count;
		struct packet p = decoded(bytes, count, count);
		assert_int_equal(p.icmp.quoted_tcp_bytes, tcp_bytes);
		assert_int_equal(p.icmp.has_quoted_ack, tcp_bytes >= 12);
		assert_int_equal(p.icmp.has_quoted_flags, tcp_bytes >= 14);
		/* cut by the snap length instead */
		p = decoded(icmp_too_big, count, sizeof(icmp_too_big));
		assert_int_equal(p.icmp.quoted_tcp_bytes, tcp_bytes);
		assert_int_equal(p.icmp.checksum,
				 tcp_bytes < 40 ? CHECKSUM_UNKNOWN : CHECKSUM_GOOD);
	}
}

static void test_packet_decode_icmp_bad_checksum_is_told(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(icmp6_admin)];
	memcpy(bytes, icmp_admin, sizeof(icmp_admin));
	bytes[24] = 1;
	assert_int_equal(decoded(bytes, sizeof(icmp_admin), sizeof(icmp_admin)).icmp.checksum,
			 CHECKSUM_BAD);
	memcpy(bytes, icmp6_admin, sizeof(icmp6_admin));
	bytes[46] = 1;
	assert_int_equal(decoded(bytes, sizeof(icmp6_admin), sizeof(icmp6_admin)).icmp.checksum,
			 CHECKSUM_BAD);
}

static void test_packet_decode_icmp6_with_extension_header_quoted(void **state)
{
	(void)state;
	const struct packet p = decoded(icmp6_admin, sizeof(icmp6_admin), sizeof(icmp6_admin));
	assert_int_equal(p.kind, PACKET_ICMP_ERROR);
	assert_int_equal(p.icmp.reason, ICMP_ADMIN_PROHIBITED);
	assert_int_equal(p.icmp.checksum, CHECKSUM_GOOD);
	assert_int_equal(p.icmp.quoted_ip.extension_bytes, 8);
	assert_endpoint(&p.icmp.quoted_src, "[2001:db8::1]:40000");
	assert_endpoint(&p.icmp.quoted_dst, "[2001:db8::2]:80");
	assert_int_equal(p.icmp.quoted_seq.raw, 1);
	assert_int_equal(p.icmp.quoted_ack.raw, 2);
	assert_int_equal(p.icmp.quoted_flags, TCP_ACK);
	assert_int_equal(p.icmp.quoted_tcp_bytes, 20);
}

static void test_packet_decode_icmp6_too_big_has_32_bits_of_mtu(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(icmp6_admin)];
	memcpy(bytes, icmp6_admin, sizeof(bytes));
	bytes[40] = 2;
	bytes[41] = 0;
	bytes[45] = 1;
	bytes[46] = 5;
	const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.icmp.reason, ICMP_FRAGMENTATION_NEEDED);
	assert_int_equal(p.icmp.mtu_bytes, 0x10500);
}

/* Bytes of icmp_admin changed so that it is no error about TCP. */
static const struct other_case {
	const char *name;
	uint8_t at;
	uint8_t value;
} others[] = {
	{"echo reply", 20, 0},
	{"echo request", 20, 8},
	{"timestamp request", 20, 13},
	{"an unassigned type", 20, 200},
	{"quotes UDP", 37, 17},
	{"quotes ICMP", 37, 1},
	{"quotes a later fragment", 35, 1},
	{"quotes version 5", 28, 0x55},
	{"quotes a header length of 16", 28, 0x44},
};

static void test_packet_decode_icmp_that_is_no_error_about_tcp_is_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		uint8_t bytes[sizeof(icmp_admin)];
		memcpy(bytes, icmp_admin, sizeof(bytes));
		bytes[others[i].at] = others[i].value;
		const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
		if (p.kind != PACKET_OTHER)
			fail_msg("%s: kind %d", others[i].name, p.kind);
	}
	uint8_t piece[sizeof(icmp_admin)];
	memcpy(piece, icmp_admin, sizeof(piece));
	piece[7] = 1; /* a later fragment of an ICMP message */
	assert_int_equal(decoded(piece, sizeof(piece), sizeof(piece)).kind, PACKET_OTHER);
	uint8_t echo6[sizeof(icmp6_admin)];
	memcpy(echo6, icmp6_admin, sizeof(echo6));
	echo6[40] = 128;
	assert_int_equal(decoded(echo6, sizeof(echo6), sizeof(echo6)).kind, PACKET_OTHER);
}

static void test_packet_decode_icmp_quote_with_changed_total_length_is_read(void **state)
{
	(void)state;
	/* 4.2BSD: the quoted total length less the header; byte 30 and 31 */
	uint8_t bytes[sizeof(icmp_too_big)];
	memcpy(bytes, icmp_too_big, sizeof(bytes));
	bytes[31] = 20;
	struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.kind, PACKET_ICMP_ERROR);
	assert_int_equal(p.icmp.quoted_tcp_bytes, 40);
	assert_true(p.icmp.has_quoted_flags);
	bytes[31] = 50; /* 30 bytes of TCP: padding behind it is no TCP */
	p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.icmp.quoted_tcp_bytes, 30);
}

static void test_packet_decode_icmp_extension_objects_are_not_quoted(void **state)
{
	(void)state;
	/* RFC 4884: the length field says that 9 words are the quote, 36 bytes */
	uint8_t bytes[sizeof(icmp_too_big)];
	memcpy(bytes, icmp_too_big, sizeof(bytes));
	bytes[21] = 13;
	bytes[25] = 9;
	struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.icmp.quoted_tcp_bytes, 16);
	bytes[20] = 4; /* source quench has no such field */
	p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.icmp.quoted_tcp_bytes, 40);

	uint8_t v6[sizeof(icmp6_admin)];
	memcpy(v6, icmp6_admin, sizeof(v6));
	v6[44] = 8; /* 64 bytes: IPv6, its extension, 16 of TCP */
	p = decoded(v6, sizeof(v6), sizeof(v6));
	assert_int_equal(p.icmp.quoted_tcp_bytes, 16);
}

static void test_packet_decode_icmp_quote_above_255_is_capped(void **state)
{
	(void)state;
	uint8_t bytes[600] = {0};
	memcpy(bytes, icmp_too_big, sizeof(icmp_too_big));
	bytes[2] = 600 >> 8;
	bytes[3] = 600 & 0xff;
	bytes[30] = 5; /* quoted total length 1340 */
	const struct packet p = decoded(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(p.icmp.quoted_tcp_bytes, 255);
}

/* RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 5.2.7.1, RFC 4443 */
static const struct reason_case {
	bool v6;
	uint8_t type;
	uint8_t code;
	enum icmp_reason reason;
	bool refusal;
	const char *name;
} reasons[] = {
	{false, 3, 0, ICMP_NET_UNREACHABLE, true, "network unreachable"},
	{false, 3, 1, ICMP_HOST_UNREACHABLE, true, "host unreachable"},
	{false, 3, 2, ICMP_PROTOCOL_UNREACHABLE, true, "protocol unreachable"},
	{false, 3, 3, ICMP_PORT_UNREACHABLE, true, "port unreachable"},
	{false, 3, 4, ICMP_FRAGMENTATION_NEEDED, false, "packet too big"},
	{false, 3, 5, ICMP_SOURCE_ROUTE_FAILED, true, "source route failed"},
	{false, 3, 6, ICMP_NET_UNKNOWN, true, "network unknown"},
	{false, 3, 7, ICMP_HOST_UNKNOWN, true, "host unknown"},
	{false, 3, 8, ICMP_OTHER, false, "other error"},
	{false, 3, 9, ICMP_NET_PROHIBITED, true, "network prohibited"},
	{false, 3, 10, ICMP_HOST_PROHIBITED, true, "host prohibited"},
	{false, 3, 11, ICMP_NET_UNREACHABLE, true, "network unreachable"},
	{false, 3, 12, ICMP_HOST_UNREACHABLE, true, "host unreachable"},
	{false, 3, 13, ICMP_ADMIN_PROHIBITED, true, "admin prohibited"},
	{false, 3, 14, ICMP_PRECEDENCE, true, "precedence violation"},
	{false, 3, 15, ICMP_PRECEDENCE, true, "precedence violation"},
	{false, 3, 16, ICMP_OTHER, false, "other error"},
	{false, 4, 0, ICMP_SOURCE_QUENCH, false, "source quench"},
	{false, 5, 1, ICMP_REDIRECT, false, "redirect"},
	{false, 11, 0, ICMP_TIME_EXCEEDED, false, "time exceeded"},
	{false, 11, 1, ICMP_REASSEMBLY_TIMEOUT, false, "reassembly timeout"},
	{false, 11, 2, ICMP_OTHER, false, "other error"},
	{false, 12, 0, ICMP_PARAMETER_PROBLEM, true, "parameter problem"},
	{true, 1, 0, ICMP_NO_ROUTE, true, "no route"},
	{true, 1, 1, ICMP_ADMIN_PROHIBITED, true, "admin prohibited"},
	{true, 1, 2, ICMP_BEYOND_SCOPE, true, "beyond scope of source address"},
	{true, 1, 3, ICMP_ADDRESS_UNREACHABLE, true, "address unreachable"},
	{true, 1, 4, ICMP_PORT_UNREACHABLE, true, "port unreachable"},
	{true, 1, 5, ICMP_POLICY_FAILED, true, "source address failed policy"},
	{true, 1, 6, ICMP_REJECT_ROUTE, true, "reject route"},
	{true, 1, 7, ICMP_SOURCE_ROUTE_FAILED, true, "source route failed"},
	{true, 1, 8, ICMP_OTHER, false, "other error"},
	{true, 2, 0, ICMP_FRAGMENTATION_NEEDED, false, "packet too big"},
	{true, 3, 0, ICMP_TIME_EXCEEDED, false, "time exceeded"},
	{true, 3, 1, ICMP_REASSEMBLY_TIMEOUT, false, "reassembly timeout"},
	{true, 4, 1, ICMP_PARAMETER_PROBLEM, true, "parameter problem"},
};

static void test_packet_decode_icmp_every_reason(void **state)
{
	(void)state;
	bool seen[ICMP_REASON_COUNT] = {false};
	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		const struct reason_case *c = &reasons[i];
		uint8_t bytes[BASE_BYTES_MAX];
		const size_t count = c->v6 ? sizeof(icmp6_admin) : sizeof(icmp_admin);
		memcpy(bytes, c->v6 ? icmp6_admin : icmp_admin, count);
		bytes[c->v6 ? 40 : 20] = c->type;
		bytes[c->v6 ? 41 : 21] = c->code;
		const struct packet p = decoded(bytes, count, count);
		if (p.kind != PACKET_ICMP_ERROR || p.icmp.reason != c->reason ||
		    icmp_reason_is_refusal(p.icmp.reason) != c->refusal ||
		    strcmp(icmp_reason_name(p.icmp.reason), c->name) != 0)
			fail_msg("type %d code %d: %s", c->type, c->code,
				 icmp_reason_name(p.icmp.reason));
		seen[c->reason] = true;
	}
	for (int r = 0; r < ICMP_REASON_COUNT; r++)
		assert_true(seen[r]);
	assert_string_equal(icmp_reason_name(ICMP_REASON_COUNT), "?");
	assert_false(icmp_reason_is_refusal(ICMP_REASON_COUNT));
}

static void test_packet_status_text_differs_for_each(void **state)
{
	(void)state;
	for (int a = 0; a < PACKET_STATUS_COUNT; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(packet_status_text((enum packet_status)a),
						packet_status_text((enum packet_status)b));
		assert_string_not_equal(packet_status_text((enum packet_status)a), "?");
	}
	assert_string_equal(packet_status_text(PACKET_STATUS_COUNT), "?");
}

static void test_tcp_flags_format_words_and_letters(void **state)
{
	(void)state;
	char text[TCP_FLAGS_TEXT_MAX];
	assert_string_equal(tcp_flags_format(0, text, sizeof(text)), "none");
	assert_string_equal(tcp_flags_letters(0, text, sizeof(text)), "");
	assert_string_equal(tcp_flags_format(TCP_SYN | TCP_ACK, text, sizeof(text)), "SYN,ACK");
	assert_string_equal(tcp_flags_letters(TCP_SYN | TCP_ACK, text, sizeof(text)), "SA");
	assert_string_equal(tcp_flags_format(TCP_FLAGS_ALL, text, sizeof(text)),
			    "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR,AE");
	assert_string_equal(tcp_flags_letters(TCP_FLAGS_ALL, text, sizeof(text)), "FSRPAUECN");
	assert_string_equal(tcp_flags_letters(TCP_SYN | TCP_ECE | TCP_CWR, text, sizeof(text)),
			    "SEC");
}

static const struct flags_case {
	const char *text;
	bool read;
	uint16_t flags;
} flag_texts[] = {
	{"SYN,ACK", true, 0x12}, {"syn+ack", true, 0x12}, {"Syn|Ack", true, 0x12},
	{"SA", true, 0x12},      {"AS", true, 0x12},      {"S.", true, 0x12},
	{".", true, 0x10},       {"F.", true, 0x11},      {"SEW", true, 0xc2},
	{"SEC", true, 0xc2},     {"S.e", true, 0x112},    {"N", true, 0x100},
	{"NS", true, 0x100},     {"ECE", true, 0x40}, /* not three letters */
	{"ae", false, 0},        {"SYN,AE", true, 0x102}, {"syn,ns", true, 0x102},
	{"AE", true, 0x50}, /* two letters */
	{"SS", true, 0x02},      {"SYN,SYN", true, 0x02}, {"fin", true, 0x01},
	{"0x12", true, 0x12},    {"0X1FF", true, 0x1ff},  {"18", true, 18},
	{"0", true, 0},          {"511", true, 511},      {"none", true, 0},
	{"NONE", true, 0},       {"", false, 0},          {"0x", false, 0},
	{"0x200", false, 0},     {"512", false, 0},       {"4294967298", false, 0},
	{"1f", false, 0},        {"-1", false, 0},        {"SYN,", false, 0},
	{",SYN", false, 0},      {"SYN,,ACK", false, 0},  {"SYN ACK", false, 0},
	{"SYNACK", false, 0},    {"sa", false, 0},        {"SX", false, 0},
	{"none,SYN", false, 0},  {"SYN,0x10", false, 0},
};

static void test_tcp_flags_parse_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(flag_texts); i++) {
		const struct flags_case *c = &flag_texts[i];
		uint16_t flags = 0xa5a5;
		if (tcp_flags_parse(&flags, c->text) != c->read)
			fail_msg("\"%s\" was %s", c->text, c->read ? "refused" : "accepted");
		if (flags != (c->read ? c->flags : 0xa5a5))
			fail_msg("\"%s\" is 0x%x", c->text, flags);
	}
}

static void test_tcp_flags_parse_reads_what_was_written(void **state)
{
	(void)state;
	for (uint16_t flags = 0; flags <= TCP_FLAGS_ALL; flags++) {
		char text[TCP_FLAGS_TEXT_MAX];
		uint16_t back = 0xa5a5;
		assert_true(tcp_flags_parse(&back, tcp_flags_format(flags, text, sizeof(text))));
		if (flags == TCP_AE) /* the one word that is two letters */
			assert_int_equal(back, TCP_ACK | TCP_ECE);
		else
			assert_int_equal(back, flags);
		if (flags == 0)
			continue;
		assert_true(tcp_flags_parse(&back, tcp_flags_letters(flags, text, sizeof(text))));
		assert_int_equal(back, flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_decode_v4_syn_has_every_field),
		cmocka_unit_test(test_packet_decode_v4_data_has_payload),
		cmocka_unit_test(test_packet_decode_v4_with_ip_options_finds_tcp),
		cmocka_unit_test(test_packet_decode_checksum_of_offload_is_partial),
		cmocka_unit_test(test_packet_decode_v6_has_every_field),
		cmocka_unit_test(test_packet_decode_v6_walks_extension_headers),
		cmocka_unit_test(
			test_packet_decode_v6_routing_header_gives_final_destination_to_checksum),
		cmocka_unit_test(
			test_packet_decode_routing_header_too_short_for_an_address_is_unknown),
		cmocka_unit_test(test_packet_decode_v6_first_fragment_is_tcp_of_unknown_checksum),
		cmocka_unit_test(test_packet_decode_v6_later_fragment_is_a_piece),
		cmocka_unit_test(test_packet_decode_v4_fragments),
		cmocka_unit_test(test_packet_decode_link_padding_is_not_payload),
		cmocka_unit_test(test_packet_decode_total_length_zero_takes_the_wire),
		cmocka_unit_test(test_packet_decode_payload_cut_by_snap_length_is_told),
		cmocka_unit_test(test_packet_decode_options_cut_by_snap_length_keep_whole_ones),
		cmocka_unit_test(test_packet_decode_every_flag_and_reserved_bit),
		cmocka_unit_test(test_segment_end_syn_and_fin_across_wrap),
		cmocka_unit_test(test_packet_decode_every_status),
		cmocka_unit_test(test_packet_decode_more_than_eight_extensions_is_refused),
		cmocka_unit_test(test_packet_decode_every_cut_is_safe),
		cmocka_unit_test(test_packet_decode_wire_below_captured_counts_as_captured),
		cmocka_unit_test(test_packet_decode_other_protocols_fill_ip_only),
		cmocka_unit_test(test_packet_decode_bad_ip_checksum_is_told_and_no_error),
		cmocka_unit_test(test_packet_decode_icmp_with_8_bytes_quoted),
		cmocka_unit_test(test_packet_decode_icmp_with_whole_quote),
		cmocka_unit_test(test_packet_decode_icmp_quote_by_its_length),
		cmocka_unit_test(test_packet_decode_icmp_bad_checksum_is_told),
		cmocka_unit_test(test_packet_decode_icmp6_with_extension_header_quoted),
		cmocka_unit_test(test_packet_decode_icmp6_too_big_has_32_bits_of_mtu),
		cmocka_unit_test(test_packet_decode_icmp_that_is_no_error_about_tcp_is_other),
		cmocka_unit_test(test_packet_decode_icmp_quote_with_changed_total_length_is_read),
		cmocka_unit_test(test_packet_decode_icmp_extension_objects_are_not_quoted),
		cmocka_unit_test(test_packet_decode_icmp_quote_above_255_is_capped),
		cmocka_unit_test(test_packet_decode_icmp_every_reason),
		cmocka_unit_test(test_packet_status_text_differs_for_each),
		cmocka_unit_test(test_tcp_flags_format_words_and_letters),
		cmocka_unit_test(test_tcp_flags_parse_every_form),
		cmocka_unit_test(test_tcp_flags_parse_reads_what_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

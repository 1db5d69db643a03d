/*
 * Frames: the first byte chooses the link type, the second how much more there was on the
 * wire than was captured; the rest is the frame. Everything that a renderer would print of
 * it is printed, and every pointer must stay inside the frame.
 */
#include "synscope/core/frame.h"
#include "synscope/core/segment.h"

#include <stdlib.h>
#include <string.h>

static void check(bool held)
{
	if (!held)
		abort();
}

struct span {
	const uint8_t *begin;
	const uint8_t *end;
};

static void check_inside(struct span s, const uint8_t *at, size_t count)
{
	check(at >= s.begin && at <= s.end && count <= (size_t)(s.end - at));
}

static void check_addr(const struct ip_addr *a)
{
	char text[IP_ADDR_TEXT_MAX];
	struct ip_addr back;
	check(ip_addr_parse(&back, ip_addr_format(a, text, sizeof(text))));
	check(ip_addr_equal(a, &back));
}

static void check_endpoint(const struct endpoint *e)
{
	char text[ENDPOINT_TEXT_MAX];
	check(strlen(endpoint_format(e, text, sizeof(text))) < ENDPOINT_TEXT_MAX);
	check_addr(&e->addr);
	check(endpoint_equal(e, e));
}

static void check_flags(uint16_t flags)
{
	char text[TCP_FLAGS_TEXT_MAX];
	uint16_t back;
	check((flags & ~TCP_FLAGS_ALL) == 0);
	check(strlen(tcp_flags_format(flags, text, sizeof(text))) < TCP_FLAGS_TEXT_MAX);
	tcp_flags_letters(flags, text, sizeof(text));
	check(flags == 0 ? text[0] == '\0' : tcp_flags_parse(&back, text) && back == flags);
}

static void check_ip(const struct ip_header *ip)
{
	check_addr(&ip->src);
	check_addr(&ip->dst);
	check(ip->src.family == ip->dst.family);
	check(ip->total_bytes >= (uint32_t)ip->header_bytes + ip->extension_bytes);
	check(ip->fragment == (ip->more_fragments || ip->fragment_offset != 0));
	check(ip->flow_label <= 0xfffff);
}

static void check_segment(struct span s, const struct segment *t)
{
	check_endpoint(&t->src);
	check_endpoint(&t->dst);
	check_flags(t->flags);
	check(t->reserved <= 7);
	check(t->header_bytes >= 20 && t->header_bytes <= 60 && t->header_bytes % 4 == 0);
	check_inside(s, t->options, t->options_bytes);
	check(t->options_cut ? t->options_bytes < t->header_bytes - 20
			     : t->options_bytes == t->header_bytes - 20);
	check(t->payload_captured_bytes <= t->payload_bytes);
	if (t->payload)
		check_inside(s, t->payload, t->payload_captured_bytes);
	else
		check(t->options_cut && t->payload_captured_bytes == 0);
	check(segment_end(t).raw - t->seq.raw == segment_seq_count(t));
	const bool whole = t->payload && t->payload_captured_bytes == t->payload_bytes;
	if (!whole || t->ip.fragment)
		check(t->checksum == CHECKSUM_UNKNOWN);
	check(t->ip.total_bytes - t->ip.header_bytes - t->ip.extension_bytes ==
	      t->header_bytes + t->payload_bytes);
}

static void check_icmp(const struct icmp_error *e)
{
	check_ip(&e->quoted_ip);
	check_endpoint(&e->quoted_src);
	check_endpoint(&e->quoted_dst);
	check_flags(e->quoted_flags);
	check(e->reason < ICMP_REASON_COUNT && icmp_reason_name(e->reason)[0] != '?');
	check(e->quoted_tcp_bytes >= 8);
	check(e->has_quoted_ack == (e->quoted_tcp_bytes >= 12));
	check(e->has_quoted_flags == (e->quoted_tcp_bytes >= 14));
	check(e->mtu_bytes == 0 || e->reason == ICMP_FRAGMENTATION_NEEDED);
	(void)icmp_reason_is_refusal(e->reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t links[] = {LINK_ETHERNET,  LINK_RAW,        LINK_NULL, LINK_LOOP,
					 LINK_LINUX_SLL, LINK_LINUX_SLL2, LINK_IPV4, 147};
	if (size < 2)
		return -1;
	const uint32_t link_type = links[data[0] % ARRAY_COUNT(links)];
	const struct span s = {data + 2, data + size};
	const size_t captured = size - 2;
	const size_t wire = captured + data[1] * (data[1] < 128 ? 1u : 1000u);
	struct frame f;
	const enum frame_status frame_status = frame_decode(link_type, s.begin, captured, wire, &f);
	check(frame_status < FRAME_STATUS_COUNT && link_type_name(link_type)[0] != '\0');
	if (frame_status != FRAME_OK)
		return 0;
	check_inside(s, f.packet, f.captured_bytes);
	check(f.packet + f.captured_bytes == s.end);
	check(f.wire_bytes - f.captured_bytes == wire - captured);
	check(f.vlan_count <= FRAME_VLAN_MAX);
	struct packet p;
	memset(&p, 0xa5, sizeof(p));
	const enum packet_status status =
		packet_decode(f.packet, f.captured_bytes, f.wire_bytes, &p);
	check(status < PACKET_STATUS_COUNT && packet_status_text(status)[0] != '?');
	if (status != PACKET_OK)
		return 0;
	check_ip(&p.ip);
	if (p.kind == PACKET_TCP)
		check_segment(s, &p.tcp);
	else if (p.kind == PACKET_ICMP_ERROR)
		check_icmp(&p.icmp);
	else
		check(p.kind == PACKET_OTHER || p.kind == PACKET_FRAGMENT);
	return 0;
}

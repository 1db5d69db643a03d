#include "segment_internal.h"

#include "synscope/core/bytes.h"

#include <string.h>

enum { IP4_BYTES_MIN = 20, IP6_BYTES = 40 };

/* Cut the body out of the packet: what IP's own length says, and what of it was captured. */
static void set_body(struct ip_body *body, const struct bytes *rest, uint32_t wire_bytes)
{
	const size_t captured = bytes_left(rest);
	body->at = rest->at;
	body->wire_bytes = wire_bytes;
	body->captured_bytes = captured < wire_bytes ? (uint32_t)captured : wire_bytes;
}

static void set_ip4_fragment(struct ip_header *ip, uint16_t field)
{
	ip->df = (field & 0x4000) != 0;
	ip->more_fragments = (field & 0x2000) != 0;
	ip->fragment_offset = (uint16_t)((field & 0x1fff) * 8);
	ip->fragment = ip->more_fragments || ip->fragment_offset != 0;
	ip->fragment_id = ip->id;
}

/* RFC 791 section 3.1. */
static enum packet_status ip4_decode(struct bytes b, uint32_t wire_bytes, struct ip_header *ip,
				     struct ip_body *body)
{
	const uint8_t *header = b.at;
	const size_t captured_bytes = bytes_left(&b);
	const uint8_t version_ihl = bytes_u8(&b);
	ip->traffic = bytes_u8(&b);
	const uint16_t total_bytes = bytes_be16(&b);
	ip->id = bytes_be16(&b);
	set_ip4_fragment(ip, bytes_be16(&b));
	ip->ttl = bytes_u8(&b);
	ip->protocol = bytes_u8(&b);
	bytes_skip(&b, 2);
	ip->src.family = IP_V4;
	bytes_copy(&b, ip->src.bytes, 4);
	ip->dst.family = IP_V4;
	bytes_copy(&b, ip->dst.bytes, 4);
	if (!bytes_ok(&b))
		return PACKET_IP_TRUNCATED;

	ip->header_bytes = (uint8_t)((version_ihl & 0x0f) * 4);
	if (ip->header_bytes < IP4_BYTES_MIN || ip->header_bytes > wire_bytes)
		return PACKET_IP_BAD_HEADER_LENGTH;
	/* A packet that segmentation offload made longer than 65535 has total length 0. */
	ip->total_bytes = total_bytes != 0 ? total_bytes : wire_bytes;
	if (ip->total_bytes < ip->header_bytes)
		return PACKET_IP_BAD_TOTAL_LENGTH;
	if (ip->header_bytes > captured_bytes)
		return PACKET_IP_TRUNCATED;
	ip->option_bytes = (uint8_t)(ip->header_bytes - IP4_BYTES_MIN);
	bytes_skip(&b, ip->option_bytes);
	ip->checksum = checksum_fold(checksum_add(0, header, ip->header_bytes)) == 0xffff
			       ? CHECKSUM_GOOD
			       : CHECKSUM_BAD;
	body->final_dst = ip->dst;
	body->final_dst_known = true;
	set_body(body, &b, ip->total_bytes - ip->header_bytes);
	return PACKET_OK;
}

enum ip6_next_header {
	IP6_HOP_BY_HOP = 0,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_AUTHENTICATION = 51,
	IP6_DESTINATION_OPTIONS = 60,
};

#define IP6_EXTENSIONS_MAX 8 /* RFC 8200 section 4.1 has seven in its recommended order */

static bool is_extension(uint8_t next_header)
{
	return next_header == IP6_HOP_BY_HOP || next_header == IP6_ROUTING ||
	       next_header == IP6_FRAGMENT || next_header == IP6_AUTHENTICATION ||
	       next_header == IP6_DESTINATION_OPTIONS;
}

static uint32_t extension_bytes(uint8_t kind, uint8_t length_field)
{
	if (kind == IP6_FRAGMENT)
		return 8;
	if (kind == IP6_AUTHENTICATION)
		return (length_field + 2u) * 4; /* RFC 4302 section 2.2: in words, less 2 */
	return (length_field + 1u) * 8;
}

/* RFC 8200 section 8.1: while segments are left, the pseudo-header has the last
 * address of the Routing header. Where that stands is known for types 0 and 2
 * (the last, RFC 2460 section 4.4, RFC 6275 section 6.4) and 4 (the first,
 * RFC 8754 section 2). */
static void set_final_dst(struct ip_body *body, struct bytes header)
{
	bytes_skip(&header, 2);
	const uint8_t type = bytes_u8(&header);
	const uint8_t segments_left = bytes_u8(&header);
	bytes_skip(&header, 4);
	if (segments_left == 0)
		return;
	const size_t address_bytes = bytes_left(&header);
	body->final_dst_known = false;
	if (address_bytes < 16)
		return;
	if (type == 0 || type == 2)
		bytes_skip(&header, address_bytes - 16);
	else if (type != 4)
		return;
	bytes_copy(&header, body->final_dst.bytes, 16);
	body->final_dst_known = true;
}

static void set_ip6_fragment(struct ip_header *ip, struct bytes header)
{
	bytes_skip(&header, 2);
	const uint16_t field = bytes_be16(&header);
	ip->fragment_offset = field & 0xfff8;
	ip->more_fragments = (field & 1) != 0;
	ip->fragment = ip->more_fragments || ip->fragment_offset != 0;
	ip->fragment_id = bytes_be32(&header);
}

/* Walk the extension headers; ip->protocol and *left (bytes by IP's length) move on. */
static enum packet_status walk_extensions(struct bytes *b, uint32_t *left, struct ip_header *ip,
					  struct ip_body *body)
{
	for (int count = 0; is_extension(ip->protocol); count++) {
		if (count == IP6_EXTENSIONS_MAX || *left < 8)
			return PACKET_IP6_BAD_EXTENSION;
		struct bytes peek = *b;
		const uint8_t next_header = bytes_u8(&peek);
		const uint32_t bytes = extension_bytes(ip->protocol, bytes_u8(&peek));
		if (!bytes_ok(&peek))
			return PACKET_IP_TRUNCATED;
		if (bytes > *left)
			return PACKET_IP6_BAD_EXTENSION;
		const struct bytes header = bytes_take(b, bytes);
		if (!bytes_ok(b))
			return PACKET_IP_TRUNCATED;
		*left -= bytes;
		ip->extension_bytes = (uint16_t)(ip->extension_bytes + bytes);
		if (ip->protocol == IP6_ROUTING)
			set_final_dst(body, header);
		else if (ip->protocol == IP6_FRAGMENT)
			set_ip6_fragment(ip, header);
		ip->protocol = next_header;
		if (ip->fragment_offset != 0)
			break; /* what follows is the middle of something, not a header */
	}
	return PACKET_OK;
}

/* RFC 8200 sections 3 and 4. */
static enum packet_status ip6_decode(struct bytes b, uint32_t wire_bytes, struct ip_header *ip,
				     struct ip_body *body)
{
	const uint32_t version_traffic_flow = bytes_be32(&b);
	const uint16_t payload_bytes = bytes_be16(&b);
	ip->protocol = bytes_u8(&b);
	ip->ttl = bytes_u8(&b);
	ip->src.family = IP_V6;
	bytes_copy(&b, ip->src.bytes, 16);
	ip->dst.family = IP_V6;
	bytes_copy(&b, ip->dst.bytes, 16);
	if (!bytes_ok(&b))
		return PACKET_IP_TRUNCATED;

	ip->traffic = version_traffic_flow >> 20 & 0xff;
	ip->flow_label = version_traffic_flow & 0xfffff;
	ip->header_bytes = IP6_BYTES;
	ip->checksum = CHECKSUM_GOOD;
	/* 0 is a jumbogram (RFC 2675 section 3), or one that segmentation offload made. */
	uint32_t left = payload_bytes != 0 ? payload_bytes : wire_bytes - IP6_BYTES;
	ip->total_bytes = IP6_BYTES + left;
	body->final_dst = ip->dst;
	body->final_dst_known = true;
	const enum packet_status status = walk_extensions(&b, &left, ip, body);
	if (status == PACKET_OK)
		set_body(body, &b, left);
	return status;
}

enum packet_status ip_decode(const uint8_t *data, uint32_t captured_bytes, uint32_t wire_bytes,
			     struct ip_header *ip, struct ip_body *body)
{
	if (captured_bytes == 0)
		return PACKET_EMPTY;
	*ip = (struct ip_header){0};
	const struct bytes b = bytes_of(data, captured_bytes);
	if (data[0] >> 4 == 4)
		return ip4_decode(b, wire_bytes, ip, body);
	if (data[0] >> 4 == 6)
		return ip6_decode(b, wire_bytes, ip, body);
	return PACKET_BAD_VERSION;
}

enum checksum_state ip_body_judge(const struct ip_header *ip, const struct ip_body *body,
				  uint16_t field)
{
	if (ip->fragment || body->captured_bytes < body->wire_bytes || !body->final_dst_known)
		return CHECKSUM_UNKNOWN;
	return checksum_judge(&ip->src, &body->final_dst, ip->protocol, body->at, body->wire_bytes,
			      field);
}

#include "segment_internal.h"

#include "synscope/core/bytes.h"

enum { ICMP_BYTES = 8, ICMP_QUOTE_BYTES_MIN = 8 };

enum icmp4_type {
	ICMP4_UNREACHABLE = 3,
	ICMP4_SOURCE_QUENCH = 4,
	ICMP4_REDIRECT = 5,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
};

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
};

struct reason_row {
	uint8_t type;
	uint8_t code;
	uint8_t reason; /* enum icmp_reason */
};

/* RFC 792; RFC 1122 section 3.2.2.1 (codes 6 to 12); RFC 1812 section 5.2.7.1 (13 to 15). */
static const struct reason_row icmp4_reasons[] = {
	{ICMP4_UNREACHABLE, 0, ICMP_NET_UNREACHABLE},
	{ICMP4_UNREACHABLE, 1, ICMP_HOST_UNREACHABLE},
	{ICMP4_UNREACHABLE, 2, ICMP_PROTOCOL_UNREACHABLE},
	{ICMP4_UNREACHABLE, 3, ICMP_PORT_UNREACHABLE},
	{ICMP4_UNREACHABLE, 4, ICMP_FRAGMENTATION_NEEDED},
	{ICMP4_UNREACHABLE, 5, ICMP_SOURCE_ROUTE_FAILED},
	{ICMP4_UNREACHABLE, 6, ICMP_NET_UNKNOWN},
	{ICMP4_UNREACHABLE, 7, ICMP_HOST_UNKNOWN},
	{ICMP4_UNREACHABLE, 9, ICMP_NET_PROHIBITED},
	{ICMP4_UNREACHABLE, 10, ICMP_HOST_PROHIBITED},
	{ICMP4_UNREACHABLE, 11, ICMP_NET_UNREACHABLE},
	{ICMP4_UNREACHABLE, 12, ICMP_HOST_UNREACHABLE},
	{ICMP4_UNREACHABLE, 13, ICMP_ADMIN_PROHIBITED},
	{ICMP4_UNREACHABLE, 14, ICMP_PRECEDENCE},
	{ICMP4_UNREACHABLE, 15, ICMP_PRECEDENCE},
	{ICMP4_TIME_EXCEEDED, 0, ICMP_TIME_EXCEEDED},
	{ICMP4_TIME_EXCEEDED, 1, ICMP_REASSEMBLY_TIMEOUT},
};

/* RFC 4443 section 3. */
static const struct reason_row icmp6_reasons[] = {
	{ICMP6_UNREACHABLE, 0, ICMP_NO_ROUTE},
	{ICMP6_UNREACHABLE, 1, ICMP_ADMIN_PROHIBITED},
	{ICMP6_UNREACHABLE, 2, ICMP_BEYOND_SCOPE},
	{ICMP6_UNREACHABLE, 3, ICMP_ADDRESS_UNREACHABLE},
	{ICMP6_UNREACHABLE, 4, ICMP_PORT_UNREACHABLE},
	{ICMP6_UNREACHABLE, 5, ICMP_POLICY_FAILED},
	{ICMP6_UNREACHABLE, 6, ICMP_REJECT_ROUTE},
	{ICMP6_UNREACHABLE, 7, ICMP_SOURCE_ROUTE_FAILED}, /* RFC 6550 section 20.18 */
	{ICMP6_TIME_EXCEEDED, 0, ICMP_TIME_EXCEEDED},
	{ICMP6_TIME_EXCEEDED, 1, ICMP_REASSEMBLY_TIMEOUT},
};

static enum icmp_reason find_reason(const struct reason_row *rows, size_t count, uint8_t type,
				    uint8_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].type == type && rows[i].code == code)
			return (enum icmp_reason)rows[i].reason;
	}
	return ICMP_OTHER;
}

static enum icmp_reason icmp4_reason(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP4_SOURCE_QUENCH:
		return ICMP_SOURCE_QUENCH;
	case ICMP4_REDIRECT:
		return ICMP_REDIRECT;
	case ICMP4_PARAMETER_PROBLEM:
		return ICMP_PARAMETER_PROBLEM;
	default:
		return find_reason(icmp4_reasons, ARRAY_COUNT(icmp4_reasons), type, code);
	}
}

static enum icmp_reason icmp6_reason(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP6_TOO_BIG:
		return ICMP_FRAGMENTATION_NEEDED;
	case ICMP6_PARAMETER_PROBLEM:
		return ICMP_PARAMETER_PROBLEM;
	default:
		return find_reason(icmp6_reasons, ARRAY_COUNT(icmp6_reasons), type, code);
	}
}

/* Only errors quote what they are about. */
static bool is_error(bool v6, uint8_t type)
{
	if (v6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER_PROBLEM;
	return type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH || type == ICMP4_REDIRECT ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER_PROBLEM;
}

/* The length field of RFC 4884 section 3: how much of the rest is the quote, if extension
 * objects follow it; 0 if the message has no such field or does not use it. */
static uint32_t quote_limit(bool v6, uint8_t type, uint32_t rest_of_header)
{
	if (v6) {
		const bool has_field = type == ICMP6_UNREACHABLE || type == ICMP6_TIME_EXCEEDED;
		return has_field ? (rest_of_header >> 24) * 8 : 0;
	}
	const bool has_field = type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED ||
			       type == ICMP4_PARAMETER_PROBLEM;
	return has_field ? (rest_of_header >> 16 & 0xff) * 4 : 0;
}

static enum checksum_state judge(const struct ip_header *ip, const struct ip_body *body, bool v6,
				 uint16_t field)
{
	if (v6)
		return ip_body_judge(ip, body, field);
	if (ip->fragment || body->captured_bytes < body->wire_bytes)
		return CHECKSUM_UNKNOWN;
	const uint32_t sum = checksum_add(0, body->at, body->wire_bytes);
	return checksum_fold(sum) == 0xffff ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

/* Read as much of a TCP header as there is; 8 bytes at least. */
static void decode_quoted_tcp(struct icmp_error *e, struct bytes quote, uint32_t tcp_bytes)
{
	e->quoted_tcp = quote.at;
	e->quoted_src = (struct endpoint){e->quoted_ip.src, bytes_be16(&quote)};
	e->quoted_dst = (struct endpoint){e->quoted_ip.dst, bytes_be16(&quote)};
	e->quoted_seq = seq_of(bytes_be32(&quote));
	e->has_quoted_ack = tcp_bytes >= 12;
	e->quoted_ack = seq_of(e->has_quoted_ack ? bytes_be32(&quote) : 0);
	e->has_quoted_flags = tcp_bytes >= 14;
	e->quoted_flags = e->has_quoted_flags ? bytes_be16(&quote) & TCP_FLAGS_ALL : 0;
	e->quoted_tcp_bytes = tcp_bytes < UINT8_MAX ? (uint8_t)tcp_bytes : UINT8_MAX;
}

/* Decode the packet inside an error. @return PACKET_OK with *is_tcp false if it is not TCP
 * or not readable at all; that is somebody else's error then, not a broken packet. */
static enum packet_status decode_quote(struct icmp_error *e, const uint8_t *data, uint32_t bytes,
				       bool *is_tcp)
{
	*is_tcp = false;
	struct ip_body body;
	const enum packet_status status = ip_decode(data, bytes, bytes, &e->quoted_ip, &body);
	if (status == PACKET_EMPTY || status == PACKET_IP_TRUNCATED)
		return PACKET_ICMP_TRUNCATED;
	if (status != PACKET_OK || e->quoted_ip.protocol != TCP_PROTOCOL ||
	    e->quoted_ip.fragment_offset != 0)
		return PACKET_OK;
	/*
	 * Some systems change the total length of what they quote (4.2BSD took the
	 * header off), so it is believed only where it leaves a whole TCP header; every
	 * segment has one, so the first 20 bytes are real wherever they were quoted.
	 */
	uint32_t tcp_bytes = bytes - (uint32_t)(body.at - data);
	if (body.wire_bytes >= TCP_BYTES_MIN && body.wire_bytes < tcp_bytes)
		tcp_bytes = body.wire_bytes;
	if (tcp_bytes < ICMP_QUOTE_BYTES_MIN)
		return PACKET_ICMP_TRUNCATED;
	decode_quoted_tcp(e, bytes_of(body.at, tcp_bytes), tcp_bytes);
	*is_tcp = true;
	return PACKET_OK;
}

/* Which MTU a "too big" names: RFC 1191 section 4 (16 bits), RFC 4443 section 3.2 (32). */
static uint32_t mtu_of(bool v6, enum icmp_reason reason, uint32_t rest_of_header)
{
	if (reason != ICMP_FRAGMENTATION_NEEDED)
		return 0;
	return v6 ? rest_of_header : rest_of_header & 0xffff;
}

enum packet_status icmp_decode(const struct ip_header *ip, const struct ip_body *body,
			       struct packet *packet)
{
	struct bytes b = bytes_of(body->at, body->captured_bytes);
	const bool v6 = ip->protocol == ICMP6_PROTOCOL;
	const uint8_t type = bytes_u8(&b);
	const uint8_t code = bytes_u8(&b);
	const uint16_t checksum_field = bytes_be16(&b);
	const uint32_t rest_of_header = bytes_be32(&b);
	if (!bytes_ok(&b))
		return PACKET_ICMP_TRUNCATED;
	if (!is_error(v6, type)) {
		packet->kind = PACKET_OTHER;
		return PACKET_OK;
	}

	struct icmp_error e = {.ip = *ip, .type = type, .code = code};
	uint32_t quote_bytes = body->captured_bytes - ICMP_BYTES;
	const uint32_t limit = quote_limit(v6, type, rest_of_header);
	if (limit != 0 && limit < quote_bytes)
		quote_bytes = limit;
	bool is_tcp;
	const enum packet_status status = decode_quote(&e, b.at, quote_bytes, &is_tcp);
	if (status != PACKET_OK)
		return status;
	if (!is_tcp) {
		packet->kind = PACKET_OTHER;
		return PACKET_OK;
	}
	e.reason = v6 ? icmp6_reason(type, code) : icmp4_reason(type, code);
	e.mtu_bytes = mtu_of(v6, e.reason, rest_of_header);
	e.checksum = judge(ip, body, v6, checksum_field);
	packet->icmp = e;
	packet->kind = PACKET_ICMP_ERROR;
	return PACKET_OK;
}

const char *icmp_reason_name(enum icmp_reason r)
{
	switch (r) {
	case ICMP_NET_UNREACHABLE:
		return "network unreachable";
	case ICMP_HOST_UNREACHABLE:
		return "host unreachable";
	case ICMP_PROTOCOL_UNREACHABLE:
		return "protocol unreachable";
	case ICMP_PORT_UNREACHABLE:
		return "port unreachable";
	case ICMP_FRAGMENTATION_NEEDED:
		return "packet too big";
	case ICMP_SOURCE_ROUTE_FAILED:
		return "source route failed";
	case ICMP_NET_UNKNOWN:
		return "network unknown";
	case ICMP_HOST_UNKNOWN:
		return "host unknown";
	case ICMP_NET_PROHIBITED:
		return "network prohibited";
	case ICMP_HOST_PROHIBITED:
		return "host prohibited";
	case ICMP_ADMIN_PROHIBITED:
		return "admin prohibited";
	case ICMP_PRECEDENCE:
		return "precedence violation";
	case ICMP_NO_ROUTE:
		return "no route";
	case ICMP_BEYOND_SCOPE:
		return "beyond scope of source address";
	case ICMP_ADDRESS_UNREACHABLE:
		return "address unreachable";
	case ICMP_POLICY_FAILED:
		return "source address failed policy";
	case ICMP_REJECT_ROUTE:
		return "reject route";
	case ICMP_TIME_EXCEEDED:
		return "time exceeded";
	case ICMP_REASSEMBLY_TIMEOUT:
		return "reassembly timeout";
	case ICMP_PARAMETER_PROBLEM:
		return "parameter problem";
	case ICMP_SOURCE_QUENCH:
		return "source quench";
	case ICMP_REDIRECT:
		return "redirect";
	case ICMP_OTHER:
		return "other error";
	case ICMP_REASON_COUNT:
		break;
	}
	return "?";
}

bool icmp_reason_is_refusal(enum icmp_reason r)
{
	switch (r) {
	case ICMP_NET_UNREACHABLE:
	case ICMP_HOST_UNREACHABLE:
	case ICMP_PROTOCOL_UNREACHABLE:
	case ICMP_PORT_UNREACHABLE:
	case ICMP_SOURCE_ROUTE_FAILED:
	case ICMP_NET_UNKNOWN:
	case ICMP_HOST_UNKNOWN:
	case ICMP_NET_PROHIBITED:
	case ICMP_HOST_PROHIBITED:
	case ICMP_ADMIN_PROHIBITED:
	case ICMP_PRECEDENCE:
	case ICMP_NO_ROUTE:
	case ICMP_BEYOND_SCOPE:
	case ICMP_ADDRESS_UNREACHABLE:
	case ICMP_POLICY_FAILED:
	case ICMP_REJECT_ROUTE:
	case ICMP_PARAMETER_PROBLEM:
		return true;
	case ICMP_FRAGMENTATION_NEEDED: /* smaller ones get through */
	case ICMP_TIME_EXCEEDED:        /* with more hops it may */
	case ICMP_REASSEMBLY_TIMEOUT:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_OTHER:
	case ICMP_REASON_COUNT:
		break;
	}
	return false;
}

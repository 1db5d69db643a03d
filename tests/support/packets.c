#include "packets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IP4_BYTES = 20, IP6_BYTES = 40, TCP_BYTES = 20, ICMP_BYTES = 8 };

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

/* RFC 1071: the sum of 16-bit words, an odd byte padded with zero. */
static uint32_t sum(const uint8_t *at, size_t count)
{
	uint32_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += (i % 2 == 0) ? (uint32_t)at[i] << 8 : at[i];
	return total;
}

static uint16_t complement(uint32_t total)
{
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* The pseudo-headers of IPv4 and IPv6 have the same sum. */
static uint32_t pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		       size_t count)
{
	return sum(src->bytes, ip_addr_bytes(src)) + sum(dst->bytes, ip_addr_bytes(dst)) +
	       protocol + (uint32_t)count;
}

static size_t put_ip4(uint8_t *out, const struct segment_spec *spec, uint8_t protocol, size_t body)
{
	memset(out, 0, IP4_BYTES);
	out[0] = 0x45;
	out[1] = spec->traffic;
	put16(out + 2, (uint32_t)(IP4_BYTES + body));
	put16(out + 4, spec->has_ip_id ? spec->ip_id : 0);
	put16(out + 6, spec->no_df ? 0 : 0x4000);
	out[8] = spec->ttl != 0 ? spec->ttl : 64;
	out[9] = protocol;
	memcpy(out + 12, spec->src.addr.bytes, 4);
	memcpy(out + 16, spec->dst.addr.bytes, 4);
	put16(out + 10, complement(sum(out, IP4_BYTES)));
	return IP4_BYTES;
}

static size_t put_ip6(uint8_t *out, const struct segment_spec *spec, uint8_t protocol, size_t body)
{
	put32(out, 6u << 28 | (uint32_t)spec->traffic << 20 | (spec->flow_label & 0xfffff));
	put16(out + 4, (uint32_t)body);
	out[6] = protocol;
	out[7] = spec->ttl != 0 ? spec->ttl : 64;
	memcpy(out + 8, spec->src.addr.bytes, 16);
	memcpy(out + 24, spec->dst.addr.bytes, 16);
	return IP6_BYTES;
}

static size_t put_ip(uint8_t *out, const struct segment_spec *spec, uint8_t protocol, size_t body)
{
	return spec->src.addr.family == IP_V6 ? put_ip6(out, spec, protocol, body)
					      : put_ip4(out, spec, protocol, body);
}

size_t packet_tcp(const struct segment_spec *spec, uint8_t *out)
{
	const size_t options = (spec->raw_options_bytes + 3u) / 4 * 4;
	const size_t header = TCP_BYTES + options;
	const size_t body = header + spec->payload_bytes;
	uint8_t *tcp = out + put_ip(out, spec, 6, body);
	memset(tcp, 0, header);
	put16(tcp, spec->src.port);
	put16(tcp + 2, spec->dst.port);
	put32(tcp + 4, spec->seq.raw);
	put32(tcp + 8, spec->ack.raw);
	put16(tcp + 12, (uint32_t)(header / 4) << 12 | (uint32_t)(spec->reserved & 7) << 9 |
				(spec->flags & 0x1ffu));
	put16(tcp + 14, spec->window);
	put16(tcp + 18, spec->urgent);
	if (spec->raw_options_bytes > 0)
		memcpy(tcp + TCP_BYTES, spec->raw_options, spec->raw_options_bytes);
	if (spec->payload_bytes > 0)
		memcpy(tcp + header, spec->payload, spec->payload_bytes);
	const uint16_t right =
		complement(sum(tcp, body) + pseudo(&spec->src.addr, &spec->dst.addr, 6, body));
	put16(tcp + 16, spec->bad_checksum ? right ^ 0x5555u : right);
	return (size_t)(tcp - out) + body;
}

size_t packet_icmp(const struct ip_addr *from, uint8_t type, uint8_t code, const uint8_t *about,
		   size_t about_bytes, uint8_t *out)
{
	const bool v6 = from->family == IP_V6;
	const size_t body = ICMP_BYTES + about_bytes;
	struct segment_spec spec = {.src.addr = *from};
	/* It goes to whoever sent what it is about. */
	spec.dst.addr = v6 ? ip_addr_v6(about + 8) : ip_addr_v4(about + 12);
	uint8_t *icmp = out + put_ip(out, &spec, v6 ? 58 : 1, body);
	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 2, 0);
	put32(icmp + 4, 0);
	memcpy(icmp + ICMP_BYTES, about, about_bytes);
	const uint32_t head = v6 ? pseudo(&spec.src.addr, &spec.dst.addr, 58, body) : 0;
	put16(icmp + 2, complement(sum(icmp, body) + head));
	return (size_t)(icmp - out) + body;
}

struct endpoint packet_endpoint(const char *text)
{
	struct endpoint e = {{0}, 0};
	char addr[64];
	unsigned port = 0;
	if ((sscanf(text, "[%63[^]]]:%u", addr, &port) != 2 &&
	     sscanf(text, "%63[^:]:%u", addr, &port) != 2) ||
	    !ip_addr_parse(&e.addr, addr) || port > 65535) {
		fprintf(stderr, "packet_endpoint: %s\n", text);
		abort();
	}
	e.port = (uint16_t)port;
	return e;
}

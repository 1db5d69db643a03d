/*
 * Packets by hand, for tests: every byte of IPv4, IPv6, TCP and ICMP put where the RFC says,
 * right checksums included, without a line of what is tested (src/core/checksum.c, option.c).
 */
#ifndef TESTS_SUPPORT_PACKETS_H
#define TESTS_SUPPORT_PACKETS_H

#include "synscope/core/addr.h"
#include "synscope/core/spec.h"

#include <stddef.h>
#include <stdint.h>

#define PACKET_BYTES_MAX 2048

/**
 * Build one IP packet with a TCP segment. Options are raw_options (padded with EOL); spec->option
 * is not looked at. IPv6 by the family of spec->src.
 * @param out PACKET_BYTES_MAX bytes
 * @return bytes of the packet
 */
size_t packet_tcp(const struct segment_spec *spec, uint8_t *out);

/** Build an ICMP or ICMPv6 error of @p from about a packet: quotes it whole. */
size_t packet_icmp(const struct ip_addr *from, uint8_t type, uint8_t code, const uint8_t *about,
		   size_t about_bytes, uint8_t *out);

/** Read "192.0.2.1:80" or "[2001:db8::1]:80"; a test with another text ends. */
struct endpoint packet_endpoint(const char *text);

#endif

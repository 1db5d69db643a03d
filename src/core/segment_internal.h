/* Between the files of the segment module: IP below, TCP and ICMP above. */
#ifndef SYNSCOPE_CORE_SEGMENT_INTERNAL_H
#define SYNSCOPE_CORE_SEGMENT_INTERNAL_H

#include "synscope/core/segment.h"

#define TCP_PROTOCOL 6
#define TCP_BYTES_MIN 20
#define ICMP_PROTOCOL 1
#define ICMP6_PROTOCOL 58

/* What follows the IP header and its extension headers. */
struct ip_body {
	const uint8_t *at;        /* borrowed */
	uint32_t captured_bytes;  /* readable there, at most wire_bytes */
	uint32_t wire_bytes;      /* as IP's length has it: padding of the link is not counted */
	struct ip_addr final_dst; /* the destination for the pseudo-header: not that of the IP
				     header while a Routing header still has a way to go */
	bool final_dst_known;
};

/** Decode an IPv4 or IPv6 header, extension headers included. */
must_check enum packet_status ip_decode(const uint8_t *data, uint32_t captured_bytes,
					uint32_t wire_bytes, struct ip_header *ip,
					struct ip_body *body);

/** Judge the checksum of a whole TCP segment or ICMPv6 message; UNKNOWN where bytes are missing. */
enum checksum_state ip_body_judge(const struct ip_header *ip, const struct ip_body *body,
				  uint16_t field);

/** Decode an ICMP message; writes packet->kind, and packet->icmp if it is an error about TCP. */
must_check enum packet_status icmp_decode(const struct ip_header *ip, const struct ip_body *body,
					  struct packet *packet);

#endif

/*
 * One IP packet, decoded: a TCP segment, an ICMP error that quotes one, or
 * neither. RFC 9293 section 3.1, RFC 791 section 3.1, RFC 8200 sections 3 and 4,
 * RFC 792, RFC 4443.
 *
 * A decoded segment borrows the capture buffer: its pointers are good until the
 * next packet is received, never longer. What must live longer is copied by value.
 */
#ifndef SYNSCOPE_CORE_SEGMENT_H
#define SYNSCOPE_CORE_SEGMENT_H

#include "synscope/core/addr.h"
#include "synscope/core/checksum.h"
#include "synscope/core/option.h"
#include "synscope/core/seq.h"
#include "synscope/core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_flag {
	TCP_FIN = 0x001,
	TCP_SYN = 0x002,
	TCP_RST = 0x004,
	TCP_PSH = 0x008,
	TCP_ACK = 0x010,
	TCP_URG = 0x020,
	TCP_ECE = 0x040,
	TCP_CWR = 0x080,
	TCP_AE = 0x100, /* RFC 9768; was NS */
};
#define TCP_FLAGS_ALL 0x1ff

struct ip_header {
	struct ip_addr src, dst;
	uint8_t ttl;      /* hops; the hop limit of IPv6 */
	uint8_t traffic;  /* DSCP << 2 | ECN: the TOS byte, or the traffic class */
	uint8_t protocol; /* after IPv6 extension headers */
	uint16_t id;      /* IPv4 only, else 0 */
	bool df;          /* IPv4 only, else false */
	bool fragment;    /* one of several: offset not 0, or more to come */
	bool more_fragments;
	uint16_t fragment_offset;     /* bytes */
	uint32_t fragment_id;         /* IPv4 id or the Fragment header's */
	uint32_t flow_label;          /* IPv6 only, 20 bits */
	uint8_t header_bytes;         /* IPv4: 20 to 60; IPv6: 40 */
	uint8_t option_bytes;         /* IPv4 options */
	uint16_t extension_bytes;     /* IPv6 extension headers between IP and transport */
	uint32_t total_bytes;         /* the packet as the header says (IPv4 total length 0 of
					 segmentation offload: as captured) */
	enum checksum_state checksum; /* IPv4 header checksum; GOOD for IPv6, which has none */
};

struct segment {
	struct ip_header ip;
	struct endpoint src, dst;
	seq_t seq;
	seq_t ack;        /* meaningful with TCP_ACK only */
	uint16_t flags;   /* enum tcp_flag */
	uint8_t reserved; /* the three bits left, 0 to 7; should be 0 */
	uint16_t window;  /* the field, not scaled */
	uint16_t urgent;
	uint16_t checksum_field;
	enum checksum_state checksum;
	uint8_t header_bytes;   /* 20 to 60 */
	const uint8_t *options; /* borrowed */
	uint8_t options_bytes;  /* readable there: header_bytes - 20, less if cut */
	bool options_cut;       /* the snap length ended inside the header; no payload then */
	struct option_set option;
	const uint8_t *payload;          /* borrowed */
	uint32_t payload_bytes;          /* as sent, by the IP length */
	uint32_t payload_captured_bytes; /* readable at payload; less if cut by the snap length */
};

/** @return how many sequence numbers it uses: payload, plus one each for SYN and FIN. */
uint32_t segment_seq_count(const struct segment *s);

/** @return the sequence number after the last one it uses. */
seq_t segment_end(const struct segment *s);

enum icmp_reason {
	ICMP_NET_UNREACHABLE,
	ICMP_HOST_UNREACHABLE,
	ICMP_PROTOCOL_UNREACHABLE,
	ICMP_PORT_UNREACHABLE,
	ICMP_FRAGMENTATION_NEEDED, /* with mtu_bytes; IPv6 Packet Too Big */
	ICMP_SOURCE_ROUTE_FAILED,
	ICMP_NET_UNKNOWN,
	ICMP_HOST_UNKNOWN,
	ICMP_NET_PROHIBITED,
	ICMP_HOST_PROHIBITED,
	ICMP_ADMIN_PROHIBITED,    /* IPv4 3/13, IPv6 1/1 */
	ICMP_PRECEDENCE,          /* IPv4 3/14, 3/15 */
	ICMP_NO_ROUTE,            /* IPv6 1/0 */
	ICMP_BEYOND_SCOPE,        /* IPv6 1/2 */
	ICMP_ADDRESS_UNREACHABLE, /* IPv6 1/3 */
	ICMP_POLICY_FAILED,       /* IPv6 1/5 */
	ICMP_REJECT_ROUTE,        /* IPv6 1/6 */
	ICMP_TIME_EXCEEDED,       /* in transit */
	ICMP_REASSEMBLY_TIMEOUT,
	ICMP_PARAMETER_PROBLEM,
	ICMP_SOURCE_QUENCH,
	ICMP_REDIRECT,
	ICMP_OTHER,
	ICMP_REASON_COUNT
};

/* An ICMP error, and as much as it quotes of the TCP segment it is about. */
struct icmp_error {
	struct ip_header ip; /* of the error itself: ip.src is who says so */
	uint8_t type, code;
	enum icmp_reason reason;
	uint32_t mtu_bytes; /* with ICMP_FRAGMENTATION_NEEDED, else 0 */
	enum checksum_state checksum;
	struct ip_header quoted_ip;
	struct endpoint quoted_src, quoted_dst;
	seq_t quoted_seq;
	bool has_quoted_ack; /* 12 bytes of TCP or more were quoted */
	seq_t quoted_ack;
	bool has_quoted_flags; /* 14 bytes or more */
	uint16_t quoted_flags;
	uint8_t quoted_tcp_bytes;  /* how much of the TCP header and data was quoted, capped at 255
				    */
	const uint8_t *quoted_tcp; /* that much of it; borrowed */
};

/** @return e.g. "admin prohibited", "port unreachable": the words people know. */
const char *icmp_reason_name(enum icmp_reason r);
/** @return whether the error means that the segment will never arrive by this path (the
 *  "hard" and "soft" unreachables alike), as opposed to a hint (quench, redirect, MTU). */
bool icmp_reason_is_refusal(enum icmp_reason r);

enum packet_kind {
	PACKET_TCP,
	PACKET_ICMP_ERROR, /* and it quotes a TCP segment */
	PACKET_FRAGMENT,   /* a piece of TCP without a whole TCP header; only ip is filled */
	PACKET_OTHER,      /* IP, but not of our concern; only ip is filled */
};

struct packet {
	enum packet_kind kind;
	struct ip_header ip;    /* outermost */
	struct segment tcp;     /* PACKET_TCP */
	struct icmp_error icmp; /* PACKET_ICMP_ERROR */
};

enum packet_status {
	PACKET_OK,
	PACKET_EMPTY,
	PACKET_BAD_VERSION,          /* neither 4 nor 6 */
	PACKET_IP_TRUNCATED,         /* IP header cut short */
	PACKET_IP_BAD_HEADER_LENGTH, /* IHL below 5 or past the packet */
	PACKET_IP_BAD_TOTAL_LENGTH,  /* total length smaller than the header */
	PACKET_IP6_BAD_EXTENSION,    /* an extension header overruns, or more than 8 of them */
	PACKET_TCP_TRUNCATED,        /* fewer than 20 bytes of TCP */
	PACKET_TCP_BAD_OFFSET,       /* data offset below 5 */
	PACKET_TCP_OFFSET_OVERRUN,   /* data offset past the packet */
	PACKET_ICMP_TRUNCATED,       /* fewer than 8 bytes of ICMP, or of the TCP that it quotes */
	PACKET_STATUS_COUNT
};

/**
 * Decode one IP packet.
 * @param data    first byte of the IP header; borrowed
 * @param captured_bytes readable bytes at data
 * @param wire_bytes     bytes of the packet on the wire; less than captured_bytes counts as that
 * @param packet  written on PACKET_OK, untouched otherwise; of tcp and icmp only the one that its
 *                kind names; borrows data
 * @return PACKET_OK or the first rule broken, in wire order
 */
must_check enum packet_status packet_decode(const uint8_t *data, size_t captured_bytes,
					    size_t wire_bytes, struct packet *packet);

/** @return one fixed sentence for people. */
const char *packet_status_text(enum packet_status s);

#define TCP_FLAGS_TEXT_MAX 40 /* "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR,AE" */

/** Write flags in words, "SYN,ACK"; "none" for no flag. @return text */
char *tcp_flags_format(uint16_t flags, char *text, size_t text_bytes);
/** Write flags as letters of F S R P A U E C N, in that order ("SA"); "" for none. */
char *tcp_flags_letters(uint16_t flags, char *text, size_t text_bytes);
/**
 * Read flags: "SYN,ACK", "syn+ack", letters "SA" / "S." of tcpdump, "0x12", "18", "none".
 * "AE" alone is two letters, ACK and ECE; the ninth flag alone is "N", "NS" or "0x100".
 * @return whether all of it was understood
 */
bool tcp_flags_parse(uint16_t *flags, const char *text);

#endif

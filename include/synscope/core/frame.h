/*
 * Link layers: from a captured frame to the IP packet inside it.
 * Numbers are LINKTYPE_ values of the pcap registry (which files carry), not DLT_.
 */
#ifndef SYNSCOPE_CORE_FRAME_H
#define SYNSCOPE_CORE_FRAME_H

#include "synscope/core/util.h"

#include <stddef.h>
#include <stdint.h>

enum link_type {
	LINK_NULL = 0, /* BSD loopback: family in the writer's byte order */
	LINK_ETHERNET = 1,
	LINK_RAW = 101,  /* IPv4 or IPv6 by version nibble; 12 and 14 are older numbers */
	LINK_LOOP = 108, /* OpenBSD loopback: family in network byte order */
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

enum frame_hint { /* what the link layer says of the direction */
		  FRAME_DIRECTION_UNKNOWN,
		  FRAME_INBOUND,
		  FRAME_OUTBOUND,
};

#define FRAME_VLAN_MAX 4

struct frame {
	const uint8_t *packet; /* first byte of IP; borrowed */
	size_t captured_bytes; /* readable there */
	size_t wire_bytes;     /* on the wire from there */
	enum frame_hint hint;
	uint8_t vlan_count;
	uint16_t vlan[FRAME_VLAN_MAX]; /* VLAN ids, outermost first */
	uint32_t interface_index;      /* SLL2 only, else 0 */
};

enum frame_status {
	FRAME_OK,
	FRAME_TRUNCATED,
	FRAME_NOT_IP,       /* ARP and the like: no error, nothing for us */
	FRAME_UNKNOWN_LINK, /* a link type that is not supported */
	FRAME_STATUS_COUNT
};

/**
 * Find the IP packet in a frame: Ethernet (802.1Q, 802.1ad and 0x9100 tags, LLC/SNAP),
 * raw IP, Linux cooked v1 and v2, BSD null and loop.
 * @param link_type a LINKTYPE_ number
 * @return FRAME_OK with @p frame filled, which borrows data; untouched otherwise
 */
must_check enum frame_status frame_decode(uint32_t link_type, const uint8_t *data,
					  size_t captured_bytes, size_t wire_bytes,
					  struct frame *frame);

const char *frame_status_text(enum frame_status s);
/** @return a name as tcpdump has it ("EN10MB", "LINUX_SLL2"), or "unknown". */
const char *link_type_name(uint32_t link_type);

#endif

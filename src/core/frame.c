#include "synscope/core/frame.h"

#include "synscope/core/bytes.h"

#include <stdbool.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_8021Q = 0x8100,
	ETHERTYPE_8021AD = 0x88a8,
	ETHERTYPE_QINQ = 0x9100, /* before 802.1ad gave it a number of its own */
	ETHERTYPE_MIN = 0x0600,  /* smaller is the length of an 802.3 frame */
};

enum { SLL_LLC = 4 }; /* the protocol field of a Linux cooked header: 802.2 LLC follows */

/* Numbers that name the same thing as one of enum link_type. */
enum { LINK_RAW_BSD = 12, LINK_RAW_OPENBSD = 14 };

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_8021Q || ethertype == ETHERTYPE_8021AD ||
	       ethertype == ETHERTYPE_QINQ;
}

/* IEEE 802.2: SNAP carries an Ethernet type (RFC 1042); SAP 6 is IP itself. */
static enum frame_status decode_llc(struct bytes *b, uint16_t *ethertype)
{
	const uint8_t dsap = bytes_u8(b);
	const uint8_t ssap = bytes_u8(b);
	const uint8_t control = bytes_u8(b);
	if (!bytes_ok(b))
		return FRAME_TRUNCATED;
	if (dsap == 0x06 && ssap == 0x06 && control == 0x03) {
		*ethertype = ETHERTYPE_IPV4;
		return FRAME_OK;
	}
	if (dsap != 0xaa || ssap != 0xaa || control != 0x03)
		return FRAME_NOT_IP;
	const uint32_t oui = (uint32_t)bytes_u8(b) << 16 | bytes_be16(b);
	*ethertype = bytes_be16(b);
	if (!bytes_ok(b))
		return FRAME_TRUNCATED;
	/* 0 is RFC 1042, 0xf8 the bridge tunnel encapsulation of IEEE 802.1H. */
	return oui == 0 || oui == 0xf8 ? FRAME_OK : FRAME_NOT_IP;
}

/* Walk from an Ethernet type, through tags and at most one LLC header, to IP. */
static enum frame_status decode_ethertype(struct bytes *b, uint16_t ethertype, struct frame *f)
{
	while (is_vlan(ethertype)) {
		if (f->vlan_count == FRAME_VLAN_MAX)
			return FRAME_NOT_IP;
		f->vlan[f->vlan_count++] = bytes_be16(b) & 0x0fff;
		ethertype = bytes_be16(b);
		if (!bytes_ok(b))
			return FRAME_TRUNCATED;
	}
	if (ethertype < ETHERTYPE_MIN) {
		const enum frame_status status = decode_llc(b, &ethertype);
		if (status != FRAME_OK)
			return status;
	}
	return ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6 ? FRAME_OK : FRAME_NOT_IP;
}

static enum frame_status decode_ethernet(struct bytes *b, struct frame *f)
{
	bytes_skip(b, 12); /* the two addresses */
	const uint16_t ethertype = bytes_be16(b);
	if (!bytes_ok(b))
		return FRAME_TRUNCATED;
	return decode_ethertype(b, ethertype, f);
}

/* The packet type of a Linux cooked header, as of <linux/if_packet.h>. */
static enum frame_hint sll_hint(uint16_t packet_type)
{
	switch (packet_type) {
	case 0: /* to us */
	case 1: /* broadcast */
	case 2: /* multicast */
		return FRAME_INBOUND;
	case 4:
		return FRAME_OUTBOUND;
	default: /* 3: between others, seen in promiscuous mode */
		return FRAME_DIRECTION_UNKNOWN;
	}
}

/* The protocol is an Ethernet type, but for a few small numbers of Linux. */
static enum frame_status decode_sll_protocol(struct bytes *b, uint16_t protocol, struct frame *f)
{
	if (!bytes_ok(b))
		return FRAME_TRUNCATED;
	if (protocol < ETHERTYPE_MIN && protocol != SLL_LLC)
		return FRAME_NOT_IP;
	return decode_ethertype(b, protocol, f);
}

static enum frame_status decode_sll(struct bytes *b, struct frame *f)
{
	f->hint = sll_hint(bytes_be16(b));
	bytes_skip(b, 12); /* hardware type, length and address */
	const uint16_t protocol = bytes_be16(b);
	return decode_sll_protocol(b, protocol, f);
}

static enum frame_status decode_sll2(struct bytes *b, struct frame *f)
{
	const uint16_t protocol = bytes_be16(b);
	bytes_skip(b, 2);
	f->interface_index = bytes_be32(b);
	bytes_skip(b, 2); /* hardware type */
	f->hint = sll_hint(bytes_u8(b));
	bytes_skip(b, 9); /* length and address */
	return decode_sll_protocol(b, protocol, f);
}

/* AF_INET is 2 everywhere; AF_INET6 is what each system made of it. */
static enum frame_status decode_family(uint32_t family)
{
	switch (family) {
	case 2:
	case 10: /* Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return FRAME_OK;
	default:
		return FRAME_NOT_IP;
	}
}

static enum frame_status decode_loopback(struct bytes *b, bool either_order)
{
	uint32_t family = bytes_be32(b);
	if (!bytes_ok(b))
		return FRAME_TRUNCATED;
	if (either_order && family > 0xffff)
		family = __builtin_bswap32(family);
	return decode_family(family);
}

enum frame_status frame_decode(uint32_t link_type, const uint8_t *data, size_t captured_bytes,
			       size_t wire_bytes, struct frame *frame)
{
	struct bytes b = bytes_of(data, captured_bytes);
	struct frame f = {0};
	enum frame_status status = FRAME_UNKNOWN_LINK;
	switch (link_type) {
	case LINK_ETHERNET:
		status = decode_ethernet(&b, &f);
		break;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		status = FRAME_OK;
		break;
	case LINK_NULL:
		status = decode_loopback(&b, true);
		break;
	case LINK_LOOP:
		status = decode_loopback(&b, false);
		break;
	case LINK_LINUX_SLL:
		status = decode_sll(&b, &f);
		break;
	case LINK_LINUX_SLL2:
		status = decode_sll2(&b, &f);
		break;
	default:
		break;
	}
	if (status != FRAME_OK)
		return status;
	f.packet = b.at;
	f.captured_bytes = bytes_left(&b);
	f.wire_bytes = f.captured_bytes;
	if (wire_bytes > captured_bytes)
		f.wire_bytes += wire_bytes - captured_bytes;
	*frame = f;
	return FRAME_OK;
}

const char *frame_status_text(enum frame_status s)
{
	switch (s) {
	case FRAME_OK:
		return "holds an IP packet";
	case FRAME_TRUNCATED:
		return "the link layer header is cut short";
	case FRAME_NOT_IP:
		return "not IP";
	case FRAME_UNKNOWN_LINK:
		return "a link type that is not supported";
	case FRAME_STATUS_COUNT:
		break;
	}
	return "?";
}

const char *link_type_name(uint32_t link_type)
{
	static const struct {
		uint32_t link_type;
		const char *name;
	} names[] = {
		{LINK_NULL, "NULL"},
		{LINK_ETHERNET, "EN10MB"},
		{6, "IEEE802"},
		{9, "PPP"},
		{10, "FDDI"},
		{LINK_RAW_BSD, "RAW"},
		{LINK_RAW_OPENBSD, "RAW"},
		{50, "PPP_SERIAL"},
		{51, "PPP_ETHER"},
		{LINK_RAW, "RAW"},
		{105, "IEEE802_11"},
		{LINK_LOOP, "LOOP"},
		{LINK_LINUX_SLL, "LINUX_SLL"},
		{117, "PFLOG"},
		{127, "IEEE802_11_RADIO"},
		{189, "USB_LINUX"},
		{220, "USB_LINUX_MMAPPED"},
		{LINK_IPV4, "IPV4"},
		{LINK_IPV6, "IPV6"},
		{239, "NFLOG"},
		{253, "NETLINK"},
		{LINK_LINUX_SLL2, "LINUX_SLL2"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (names[i].link_type == link_type)
			return names[i].name;
	}
	return "unknown";
}

/*
 * libnet builds, we patch, a raw socket of our own sends.
 *
 * Building: a LIBNET_NONE context, top down (options, TCP, IP), coalesced into one
 * block of memory, cleared at once. Never by reusing protocol tags: libnet 1.1.6 then
 * leaves the IPv6 payload length as it was, and a block that is not cleared is glued
 * to the next packet without an error.
 *
 * Patching, in one place (craft_patch): what libnet cannot say or says wrongly. The
 * checksum that libnet computed is corrected for it by RFC 1624.
 *
 * Sending: libnet_init(LIBNET_RAW4) finds the largest send buffer by some 6500 calls
 * of setsockopt(), 2 ms of the few that a whole trace takes, and libnet's IPv6 writer
 * cannot name the interface that a link-local destination needs. A raw socket with
 * the header included is one call, and the packet is libnet's all the same.
 */
#include "synscope/edge/craft.h"

#include "synscope/core/checksum.h"
#include "synscope/core/segment.h"
#include "synscope/edge/clock.h"

#include <errno.h>
#include <libnet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TTL_HOPS_DEFAULT 64 /* RFC 1700's recommendation, what Linux sends */

struct craft {
	libnet_t *net;
	char error[LIBNET_ERRBUF_SIZE]; /* libnet_init's; later ones are in the context */
	uint8_t *packet;                /* the last one built, from libnet's malloc */
	int fd_v4, fd_v6;               /* -1: none of this family */
	uint32_t interface_index;       /* 0: not bound; the scope of link-local destinations */
};

int craft_open_builder(struct craft **c, struct fault *why)
{
	struct craft *new = calloc(1, sizeof *new);
	if (new == NULL) {
		fault_set(why, "cannot open a packet builder: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	new->fd_v4 = new->fd_v6 = -1;
	new->net = libnet_init(LIBNET_NONE, NULL, new->error);
	if (new->net == NULL) {
		fault_set(why, "cannot open a packet builder: libnet: %s", new->error);
		free(new);
		return -ENOMEM;
	}
	*c = new;
	return 0;
}

static int craft_open_socket(struct craft *c, bool v6, const char *interface, struct fault *why)
{
	/* IPPROTO_RAW: the header is included, and nothing is ever received. */
	const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	*(v6 ? &c->fd_v6 : &c->fd_v4) = fd;
	if (fd < 0) {
		const int error = errno;
		fault_set(why, "cannot open a raw socket to send with: %s%s", strerror(error),
			  error == EPERM ? " (needs CAP_NET_RAW)" : "");
		return -error;
	}
	if (interface == NULL)
		return 0;
	c->interface_index = if_nametoindex(interface);
	if (c->interface_index == 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
						  (socklen_t)strlen(interface)) < 0) {
		const int error = errno;
		fault_set(why, "cannot send on interface %s: %s", interface, strerror(error));
		return -error;
	}
	return 0;
}

int craft_open(struct craft **c, enum ip_family family, const char *interface, struct fault *why)
{
	struct craft *new = NULL;
	int status = craft_open_builder(&new, why);
	if (status < 0)
		return status;
	if (family != IP_V6)
		status = craft_open_socket(new, false, interface, why);
	if (status == 0 && family != IP_V4)
		status = craft_open_socket(new, true, interface, why);
	if (status == -EAFNOSUPPORT && family == IP_NONE)
		status = 0; /* a kernel without IPv6 */
	if (status < 0) {
		craft_close(new);
		return status;
	}
	*c = new;
	return 0;
}

/* The blocks of one packet, in libnet's order. @return 0 or -1, libnet's geterror says why */
static int craft_blocks(libnet_t *net, const struct segment_spec *spec, const uint8_t *options,
			size_t options_bytes)
{
	const uint16_t tcp_bytes = (uint16_t)(LIBNET_TCP_H + options_bytes + spec->payload_bytes);
	const uint8_t ttl = spec->ttl != 0 ? spec->ttl : TTL_HOPS_DEFAULT;
	if (options_bytes > 0 &&
	    libnet_build_tcp_options(options, (uint32_t)options_bytes, net, 0) < 0)
		return -1;
	if (libnet_build_tcp(spec->src.port, spec->dst.port, spec->seq.raw, spec->ack.raw,
			     (uint8_t)(spec->flags & 0xff), spec->window, 0, spec->urgent,
			     tcp_bytes, spec->payload_bytes > 0 ? spec->payload : NULL,
			     (uint32_t)spec->payload_bytes, net, 0) < 0)
		return -1;
	if (spec->src.addr.family == IP_V6) {
		struct libnet_in6_addr src;
		struct libnet_in6_addr dst;
		memcpy(&src, spec->src.addr.bytes, sizeof src);
		memcpy(&dst, spec->dst.addr.bytes, sizeof dst);
		return libnet_build_ipv6(spec->traffic, 0, tcp_bytes, IPPROTO_TCP, ttl, src, dst,
					 NULL, 0, net, 0) < 0
			       ? -1
			       : 0;
	}
	uint32_t src;
	uint32_t dst;
	memcpy(&src, spec->src.addr.bytes, sizeof src);
	memcpy(&dst, spec->dst.addr.bytes, sizeof dst);
	return libnet_build_ipv4((uint16_t)(LIBNET_IPV4_H + tcp_bytes), spec->traffic,
				 spec->has_ip_id ? spec->ip_id : 0, spec->no_df ? 0 : IP_DF, ttl,
				 IPPROTO_TCP, 0, src, dst, NULL, 0, net, 0) < 0
		       ? -1
		       : 0;
}

static uint16_t be16_get(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void be16_put(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* What libnet 1.1.6 cannot do. */
static void craft_patch(uint8_t *packet, size_t packet_bytes, const struct segment_spec *spec)
{
	const bool v6 = spec->src.addr.family == IP_V6;
	uint8_t *tcp = packet + (v6 ? LIBNET_IPV6_H : LIBNET_IPV4_H);
	const size_t tcp_bytes = packet_bytes - (size_t)(tcp - packet);

	/* libnet_build_ipv6 shifts before it masks: 0x12345 would come out as 0x14545. */
	if (v6) {
		packet[1] = (uint8_t)((packet[1] & 0xf0) | (spec->flow_label >> 16 & 0x0f));
		be16_put(packet + 2, (uint16_t)spec->flow_label);
	}
	/* Its flags are eight bits: no AE, no reserved ones. HC' = ~(~HC + ~m + m'),
	 * RFC 1624 section 3. */
	const uint16_t old = be16_get(tcp + 12);
	const uint16_t new =
		(uint16_t)(old | (spec->reserved & 7) << 9 | (spec->flags & TCP_AE ? 0x100 : 0));
	if (new != old) {
		const uint32_t sum = (uint32_t)(uint16_t)~be16_get(tcp + 16) + (uint16_t)~old + new;
		be16_put(tcp + 12, new);
		be16_put(tcp + 16, (uint16_t)~checksum_fold(sum));
	}
	/* Right + 1 is wrong, unless it is the other zero (0x0000 for 0xffff), and it could
	 * by luck be what an offloading kernel would have left there. */
	if (spec->bad_checksum) {
		uint16_t field = be16_get(tcp + 16);
		do
			be16_put(tcp + 16, ++field);
		while (field == 0 || checksum_judge(&spec->src.addr, &spec->dst.addr, IPPROTO_TCP,
						    tcp, tcp_bytes, field) != CHECKSUM_BAD);
	}
}

/* Check what libnet would not, and encode the options. @return their bytes or negative errno */
static int craft_options(const struct segment_spec *spec, uint8_t *options, struct fault *why)
{
	const uint8_t family = spec->src.addr.family;
	if ((family != IP_V4 && family != IP_V6) || family != spec->dst.addr.family) {
		fault_set(why, "cannot build a segment: its two addresses must be of one family");
		return -EINVAL;
	}
	size_t count;
	if (spec->raw_options == NULL) {
		count = option_encode(&spec->option, (spec->flags & TCP_SYN) != 0, options);
	} else if (spec->raw_options_bytes > OPTION_BYTES_MAX) {
		fault_set(why, "cannot build a segment: %u bytes of TCP options, at most %d fit",
			  spec->raw_options_bytes, OPTION_BYTES_MAX);
		return -EINVAL;
	} else {
		/* libnet pads by reading past the end of a one-byte array. */
		memset(options, OPT_EOL, OPTION_BYTES_MAX);
		memcpy(options, spec->raw_options, spec->raw_options_bytes);
		count = (spec->raw_options_bytes + 3u) & ~3u;
	}
	const size_t ip_bytes = family == IP_V6 ? LIBNET_IPV6_H : LIBNET_IPV4_H;
	const size_t headers = ip_bytes + LIBNET_TCP_H + count;
	if (spec->payload_bytes > CRAFT_PACKET_MAX - headers) {
		fault_set(why,
			  "cannot build a segment: %zu bytes of payload, at most %zu fit a packet",
			  spec->payload_bytes, CRAFT_PACKET_MAX - headers);
		return -EMSGSIZE;
	}
	return (int)count;
}

int craft_build(struct craft *c, const struct segment_spec *spec, const uint8_t **packet,
		struct fault *why)
{
	uint8_t options[OPTION_BYTES_MAX];
	const int options_bytes = craft_options(spec, options, why);
	if (options_bytes < 0)
		return options_bytes;

	free(c->packet);
	c->packet = NULL;
	uint32_t count = 0;
	const bool built = craft_blocks(c->net, spec, options, (size_t)options_bytes) == 0 &&
			   libnet_pblock_coalesce(c->net, &c->packet, &count) == 1;
	if (!built)
		fault_set(why, "cannot build a segment: libnet: %s", libnet_geterror(c->net));
	libnet_clear_packet(c->net);
	if (!built)
		return -ENOMEM;
	craft_patch(c->packet, count, spec);
	*packet = c->packet;
	return (int)count;
}

/* One sendto(), patient where the kernel asks for patience. @return 0 or negative errno */
static int craft_write(const struct craft *c, const uint8_t *packet, size_t count,
		       const struct segment_spec *spec)
{
	const struct ip_addr *destination = &spec->dst.addr;
	const int fd = destination->family == IP_V6 ? c->fd_v6 : c->fd_v4;
	/* A full device queue (ENOBUFS) or send buffer (EAGAIN) empties within milliseconds
	 * or not at all: six tries, 31 ms in all. */
	enum { TRIES = 6 };
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *to = (const struct sockaddr *)&v4;
	socklen_t to_bytes = sizeof v4;
	if (destination->family == IP_V6) {
		memcpy(&v6.sin6_addr, destination->bytes, 16);
		if (ip_addr_is_link_local(destination))
			v6.sin6_scope_id =
				spec->scope_id != 0 ? spec->scope_id : c->interface_index;
		to = (const struct sockaddr *)&v6;
		to_bytes = sizeof v6;
	} else {
		memcpy(&v4.sin_addr, destination->bytes, 4);
	}
	for (int try = 1;; try++) {
		if (sendto(fd, packet, count, 0, to, to_bytes) >= 0)
			return 0;
		const int error = errno;
		if (error == EINTR)
			continue;
		if (try >= TRIES || (error != ENOBUFS && error != EAGAIN))
			return -error;
		const struct timespec pause = {.tv_nsec = NS_PER_MS << (try - 1)};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

int craft_send(struct craft *c, const struct segment_spec *spec, struct fault *why)
{
	const uint8_t *packet;
	const int count = craft_build(c, spec, &packet, why);
	if (count < 0)
		return count;
	if ((spec->dst.addr.family == IP_V6 ? c->fd_v6 : c->fd_v4) < 0) {
		fault_set(why, "cannot send: no raw socket of this address family is open");
		return -EBADF;
	}
	const int status = craft_write(c, packet, (size_t)count, spec);
	if (status == 0)
		return 0;
	char to[ENDPOINT_TEXT_MAX];
	endpoint_format(&spec->dst, to, sizeof to);
	if (status == -EPERM)
		/* The socket is open, so privilege was enough: only netfilter's output
		 * hooks answer EPERM now. */
		fault_set(why,
			  "cannot send to %s: this host's own firewall refused it "
			  "(try --guard nft)",
			  to);
	else if (status == -EMSGSIZE)
		fault_set(why, "cannot send to %s: a packet of %d bytes is above the MTU", to,
			  count);
	else
		fault_set(why, "cannot send to %s: %s", to, strerror(-status));
	return status;
}

void craft_close(struct craft *c)
{
	if (c == NULL)
		return;
	if (c->fd_v4 >= 0)
		close(c->fd_v4);
	if (c->fd_v6 >= 0)
		close(c->fd_v6);
	libnet_destroy(c->net);
	free(c->packet);
	free(c);
}

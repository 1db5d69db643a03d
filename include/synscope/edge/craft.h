/*
 * Build segments with libnet, and put them on the wire through a raw socket.
 *
 * libnet builds every packet anew; a patch step of ours sets what libnet cannot
 * (AE and reserved bits, IPv6 flow label, padding, wrong checksums). Injection is
 * by raw IP sockets, so that it works on any interface, lo and tun included.
 */
#ifndef SYNSCOPE_EDGE_CRAFT_H
#define SYNSCOPE_EDGE_CRAFT_H

#include "synscope/core/spec.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stddef.h>
#include <stdint.h>

struct craft;

#define CRAFT_PACKET_MAX 65535

/**
 * Open a builder without a socket: any user may.
 * @return 0 with @p c, or negative errno with @p why
 */
must_check int craft_open_builder(struct craft **c, struct fault *why);

/**
 * Open a builder and a raw socket to send with. Needs CAP_NET_RAW.
 * @param family    IP_V4 or IP_V6; IP_NONE: a socket for each, where the kernel has IPv6
 * @param interface name to bind the socket to (SO_BINDTODEVICE), which is also the scope of
 *                  link-local destinations; or NULL. See route's send_interface
 */
must_check int craft_open(struct craft **c, enum ip_family family, const char *interface,
			  struct fault *why);

/**
 * Build one packet, IP header first.
 * @param packet receives the address of the packet; borrowed, good until the next call
 * @return its length in bytes, or negative errno (EMSGSIZE, EINVAL, ENOMEM) with @p why
 */
must_check int craft_build(struct craft *c, const struct segment_spec *spec, const uint8_t **packet,
			   struct fault *why);

/**
 * Build and send. The kernel still writes the IPv4 total length and header checksum, and
 * chooses an identification if it is 0 and DF is clear. A queue that is full (ENOBUFS) is
 * waited for up to 31 ms.
 * @return 0, or negative errno with @p why; EPERM after privileges were dropped means that
 *         this host's own firewall refused the packet, and @p why says so
 */
must_check int craft_send(struct craft *c, const struct segment_spec *spec, struct fault *why);

void craft_close(struct craft *c);

#endif

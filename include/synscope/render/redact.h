/*
 * What may be published of an event: addresses become those of documentation (RFC 5737, RFC
 * 3849), names become "client" and "server", what was said (payload, cookies) is cut off, and
 * all of that in the same way in every form of output, packets included.
 *
 * Ports, numbers, times, TTLs and options stay: without them there is no story. Checksums are
 * moved along with what they cover (RFC 1624), so that a good one stays good and a bad one bad.
 * Packets lose their link layer.
 */
#ifndef SYNSCOPE_RENDER_REDACT_H
#define SYNSCOPE_RENDER_REDACT_H

#include "synscope/core/addr.h"
#include "synscope/core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* There are so many IPv4 addresses for documentation: three nets of 254. All after these share
 * 203.0.113.255, which is said nowhere else. */
#define REDACT_V4_MAX 762

#define REDACT_FRAME_MAX 256 /* headers of a packet, and of the packet that it quotes */

struct redact {
	struct redact_pair {
		struct ip_addr from, to;
	} * pairs; /* a hash table, owned */
	size_t pairs_count, pairs_room;
	uint32_t v4_given, v6_given;
	/* the event last given, and what it borrows */
	struct event event;
	uint8_t frame[REDACT_FRAME_MAX];
	uint8_t options[OPTION_BYTES_MAX];
};

void redact_init(struct redact *r);

/** @return what an address is called from now on. Loopback addresses stay: they name nobody. */
struct ip_addr redact_addr(struct redact *r, const struct ip_addr *a);

/** @return the same event with nothing in it that says who; good until the next call */
const struct event *redact_event(struct redact *r, const struct event *e);

void redact_reset(struct redact *r);

#endif

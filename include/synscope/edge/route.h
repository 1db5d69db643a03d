/* Where a packet would go: rtnetlink RTM_GETROUTE through libmnl. */
#ifndef SYNSCOPE_EDGE_ROUTE_H
#define SYNSCOPE_EDGE_ROUTE_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct route_query {
	struct ip_addr destination;
	uint32_t scope_id;     /* interface index of a scoped IPv6 address, else 0 */
	struct ip_addr source; /* family IP_NONE: let the kernel choose */
	const char *interface; /* name, or NULL: let the kernel choose */
};

struct route {
	struct ip_addr source;
	uint32_t interface_index; /* to capture on; lo for our own addresses */
	char interface[IF_NAMESIZE];
	char send_interface[IF_NAMESIZE]; /* to bind a sender to: the same, but for a link-local
					     address of our own, whose segments go by lo */
	uint32_t scope_id; /* of link-local source and destination, for the guard; else 0 */
	bool local;        /* the destination is this host */
	bool has_gateway;
	struct ip_addr gateway;
	uint32_t mtu_bytes; /* of the route, or of the interface */
};

/**
 * Ask the kernel.
 * @return 0, or negative errno with @p why (ENETUNREACH, EHOSTUNREACH, EINVAL for a blackhole,
 *         ENODEV no such interface, EDESTADDRREQ link-local IPv6 without a scope,
 *         EADDRNOTAVAIL for a source address that is not ours)
 */
must_check int route_find(const struct route_query *query, struct route *route, struct fault *why);

#endif

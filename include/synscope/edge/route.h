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

/* What this host is, as far as somebody who listens has to know it. */
#define ROUTE_HOST_ADDRESSES_MAX 512
#define ROUTE_HOST_LINKS_MAX 256

struct route_host {
	struct ip_addr address[ROUTE_HOST_ADDRESSES_MAX];
	uint32_t addresses_count;
	struct route_link {
		uint32_t index;
		uint32_t mtu_bytes;
		char name[IF_NAMESIZE];
	} link[ROUTE_HOST_LINKS_MAX];
	uint32_t links_count;
};

/** Ask the kernel for this host's addresses and interfaces; what does not fit is left out.
 *  @return 0, or negative errno with @p why */
must_check int route_host_find(struct route_host *host, struct fault *why);

/** @return whether a packet for this address ends here. */
bool route_host_has(const struct route_host *host, const struct ip_addr *a);

/** @return the MTU of an interface; 1500 if it is not known. */
uint32_t route_host_mtu(const struct route_host *host, uint32_t interface_index);

#endif

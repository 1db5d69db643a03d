/*
 * The private world of two or three hosts: user + network namespaces, no root, nothing
 * visible outside, nothing left behind.
 *
 *   client 192.0.2.1, 2001:db8::1  ---  server 192.0.2.2, 2001:db8::2
 *   with a router:
 *   client 192.0.2.1 --- router 192.0.2.254 | 198.51.100.254 --- server 198.51.100.2
 *          2001:db8:1::1        ::fe                ::fe             2001:db8:2::2
 *
 * Each host is a child process that holds the namespace open and dies with us
 * (PR_SET_PDEATHSIG), so that even SIGKILL leaves nothing. When a relay is asked for it
 * sits on the wire between client and the next host (relay.h).
 */
#ifndef SYNSCOPE_EDGE_LAB_H
#define SYNSCOPE_EDGE_LAB_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"
#include "synscope/edge/relay.h"

#include <stdbool.h>
#include <sys/types.h>

enum lab_role { LAB_CLIENT, LAB_SERVER, LAB_ROUTER, LAB_ROLE_COUNT };

const char *lab_role_name(enum lab_role r);
bool lab_role_parse(enum lab_role *r, const char *text);

struct lab_spec {
	bool router;
	bool has_relay;
	struct relay_spec relay; /* delay, loss, reordering, duplication by seed */
};

struct lab;

/**
 * Build the hosts, links, addresses and routes; checksum offload off; lo up; no DAD delay.
 * An unprivileged caller gets a user namespace of its own first, in which it is root.
 * @return 0 with @p lab, or negative errno with @p why, which names the remedy where user
 *         namespaces are refused (AppArmor, user.max_user_namespaces, containers: use sudo)
 */
must_check int lab_open(struct lab **lab, const struct lab_spec *spec, struct fault *why);

/** @return the address of a host, of this family, on its (client-side, for the router) link. */
struct ip_addr lab_address(const struct lab *lab, enum lab_role role, enum ip_family family);

/** @return "/proc/PID/ns/net" of a host; borrowed. */
const char *lab_netns(const struct lab *lab, enum lab_role role);

/**
 * Start a function in a child process inside a host. The child dies with its parent.
 * @return the child's pid, or negative errno with @p why
 */
must_check pid_t lab_spawn(struct lab *lab, enum lab_role role, int (*run)(void *), void *context,
			   struct fault *why);

/** Put the calling process into a host, for good. For use in a child. */
must_check int lab_enter(struct lab *lab, enum lab_role role, struct fault *why);

/** Stop every child and let the kernel remove the namespaces; waits until they are gone. */
void lab_close(struct lab *lab);

/* A process started inside a lab (lab_spawn, `synscope lab run`) finds these in its
 * environment: SYNSCOPE_LAB_SERVER_NETNS, _CLIENT_NETNS, _ROUTER_NETNS. */

#endif

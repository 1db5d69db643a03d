/*
 * The private world of two or three hosts: user + network namespaces, no root, nothing
 * visible outside, nothing left behind.
 *
 *   client 192.0.2.1, 2001:db8::1  ---  server 192.0.2.2, 2001:db8::2
 *   with a router:
 *   client 192.0.2.1 --- router 192.0.2.254 | 198.51.100.254 --- server 198.51.100.2
 *          2001:db8:1::1        ::fe                ::fe             2001:db8:2::2
 *
 * Interfaces: "eth0" in client and server; in the router "eth0" towards the client and
 * "eth1" towards the server. Link-local addresses are fe80::1, fe80::2, and fe80::fe on
 * both of the router's links. MAC addresses are 02:00:00:00:00:XX with XX 01 for the
 * client, 02 for the server, fe and fd for the router. With a router the default routes
 * lead to it; without one there is none. A relay, when asked for, sits on the wire between
 * the client and the next host (relay.h).
 *
 * One process, the keeper, holds all of it. It watches us through a pidfd and ends when we
 * do, however that happens; and it is the first process of a PID namespace in which
 * everything else of the lab runs, so that the kernel itself then kills the rest. Nobody
 * has to clean up after a SIGKILL. (Not PR_SET_PDEATHSIG, which would fire when the
 * *thread* that opened the lab ends.)
 *
 * The caller stays where it is: it joins no namespace, keeps its files, its ids and its
 * threads. Only children are put inside, by lab_spawn(), which works from a process with
 * threads too. Inside, an ordinary user is root over the lab and himself over his files.
 */
#ifndef SYNSCOPE_EDGE_LAB_H
#define SYNSCOPE_EDGE_LAB_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"
#include "synscope/edge/peer.h"
#include "synscope/edge/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lab_role { LAB_CLIENT, LAB_SERVER, LAB_ROUTER, LAB_ROLE_COUNT };

const char *lab_role_name(enum lab_role r);
bool lab_role_parse(enum lab_role *r, const char *text);

struct lab_spec {
	bool router;
	bool resolve; /* leave neighbours to ARP and ND; default: permanent entries, so that
			 captures hold nothing but the experiment */
	bool has_relay;
	struct relay_spec relay; /* delay, loss, reordering, duplication by seed */
};

struct lab;

/**
 * Build the hosts, links, addresses and routes; offloads off; lo up; no DAD delay. Takes
 * 10 to 30 ms; all of it is usable at once, IPv6 too (where the kernel has it). Nothing is
 * on the wires but what the user sends, except some MLD reports in the first 20 ms.
 * Should: be called where SIGCHLD is not ignored.
 * @return 0 with @p lab, or negative errno with @p why, which names the remedy where user
 *         namespaces are refused (AppArmor, user.max_user_namespaces, containers: use sudo)
 */
must_check int lab_open(struct lab **lab, const struct lab_spec *spec, struct fault *why);

/**
 * @return the address of a host, of this family, on its (client-side, for the router) link;
 *         family IP_NONE where there is none: no router, or a kernel without IPv6.
 */
struct ip_addr lab_address(const struct lab *lab, enum lab_role role, enum ip_family family);

/**
 * @return a path for open() and setns() to a host's network namespace, such as
 *         "/proc/PID/fd/N" (nsenter --net=PATH); borrowed; NULL without that host.
 */
const char *lab_netns(const struct lab *lab, enum lab_role role);

/**
 * Start a function in a child process inside a host.
 *
 * The child has a process id of its own counting (getpid() there is not the returned pid)
 * and a /proc that agrees with it. It ends by _exit() with what @p run returns, so stdio
 * must be flushed by @p run. It dies with its parent, and so do its own children, even
 * those that made themselves daemons. In its environment are SYNSCOPE_LAB_CLIENT_NETNS,
 * SYNSCOPE_LAB_SERVER_NETNS and SYNSCOPE_LAB_ROUTER_NETNS, paths as of lab_netns() but
 * good inside the lab.
 * @return the child's pid, to wait for or kill; or negative errno with @p why
 */
must_check pid_t lab_spawn(struct lab *lab, enum lab_role role, int (*run)(void *), void *context,
			   struct fault *why);

/**
 * Open a socket that lives in a host, to be used from outside; what it needs privilege for
 * when it is opened (packet and raw sockets) an ordinary user has there.
 * @return the descriptor, or negative errno with @p why
 */
must_check int lab_socket(struct lab *lab, enum lab_role role, int domain, int type, int protocol,
			  struct fault *why);

/**
 * Start peer_run() inside a host and wait until it listens.
 * @param specs copied
 * @return the server's pid, or negative errno with @p why
 */
must_check pid_t lab_serve(struct lab *lab, enum lab_role role, const struct peer_spec *specs,
			   size_t specs_count, struct fault *why);

/* What a filter in the way does to TCP segments for a port. */
enum lab_verdict {
	LAB_DROP,         /* silence */
	LAB_REJECT_RESET, /* a RST in the name of the host */
	LAB_REJECT_PORT,  /* ICMP port unreachable (IPv4 3/3, IPv6 1/4) */
	LAB_REJECT_ADMIN, /* ICMP administratively prohibited (3/13, 1/1) */
	LAB_REJECT_HOST,  /* ICMP host, or address, unreachable (3/1, 1/3) */
	LAB_REJECT_ROUTE, /* ICMP net unreachable, or no route (3/0, 1/0) */
	LAB_VERDICT_COUNT
};

struct lab_filter {
	enum lab_verdict verdict;
	uint16_t port; /* destination */
};

/** @return its name on the command line: "drop", "tcp-reset", "port-unreachable" ... */
const char *lab_verdict_name(enum lab_verdict v);
/** Read "drop:81", "reject:82" (port-unreachable) or "reject:83:admin-prohibited". */
bool lab_filter_parse(struct lab_filter *filter, const char *text);

/**
 * Let a host's firewall treat what it receives or forwards to these ports, besides what it
 * does already. ICMP errors are subject to the kernel's rate limit, as anywhere.
 */
must_check int lab_filter(struct lab *lab, enum lab_role role, const struct lab_filter *filters,
			  size_t filters_count, struct fault *why);

/**
 * Run nftables commands in a host. The rules stay as long as the host.
 * @param ruleset as for nft -f
 * @return 0, or negative errno with @p why, the first line of what nft says
 */
must_check int lab_nft(struct lab *lab, enum lab_role role, const char *ruleset, struct fault *why);

/**
 * Put the calling process into a host's network (and the lab's user namespace), for good.
 * For a child of the opener that has one thread: it dies when its parent does, but it is
 * not in the lab's PID namespace, so its children need not.
 */
must_check int lab_enter(struct lab *lab, enum lab_role role, struct fault *why);

/**
 * From a process inside a lab, go over to another of its hosts, for good; by the environment
 * that lab_spawn() gives.
 * @return 0, or negative errno with @p why: -ENOENT outside a lab or without that host
 */
must_check int lab_visit(enum lab_role role, struct fault *why);

/* A lab that is up: one a user, held by a process that other processes of the same user find by
 * an abstract socket, so that nothing is left to find when the holder has died. */
#define LAB_ABOUT_MAX 2048

/**
 * Begin to be the lab that is up.
 * @return a descriptor for lab_share(), or negative errno with @p why: -EADDRINUSE if one is up
 */
must_check int lab_share_open(struct fault *why);

/**
 * Let other processes of this user join, until one calls lab_share_end().
 * @param about what there is, in words, handed to all who join; under LAB_ABOUT_MAX bytes
 * @return 0, or negative errno with @p why
 */
must_check int lab_share(const struct lab *lab, int share_fd, const char *about, struct fault *why);

/**
 * Join the lab that is up. lab_spawn(), lab_address() and lab_close() work as in one's own;
 * its end is not ours to make.
 * @param about LAB_ABOUT_MAX bytes, or NULL
 * @return 0 with @p lab, or negative errno with @p why: -ENOENT if none is up
 */
must_check int lab_join(struct lab **lab, char *about, struct fault *why);

/** End the lab that is up, and wait until it is gone. @return as lab_join() */
must_check int lab_share_end(struct fault *why);

/**
 * Stop every process of the lab, wait for them, and let the kernel remove the namespaces.
 * Children of lab_spawn() that were not waited for are reaped here. NULL is allowed.
 */
void lab_close(struct lab *lab);

#endif

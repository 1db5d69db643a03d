/*
 * Two guards. Both drop before the kernel's TCP could answer, and after the capture has
 * its copy; neither outlives the process, SIGKILL included.
 *
 * Listen socket: tcp_v4_rcv() and tcp_v6_rcv() look up a listener for the segment, and
 * run its minimum TTL and its socket filter before any thought of states. Ours lets
 * nothing pass. The filter needs CAP_NET_ADMIN on new kernels; the minimum TTL of 255
 * needs nothing, but a neighbour that sends with TTL 255 passes it. So both are set, and
 * one is enough to go on.
 *
 * nftables: a table with `flags owner` belongs to the netlink socket that made it, and
 * goes with it. Drop in prerouting: at priority -400 it precedes connection tracking, so
 * that our own segments would be "invalid" to a firewall that tracks: hence notrack for
 * what we send.
 */
#include "synscope/edge/guard.h"

#include "synscope/edge/clock.h"
#include "synscope/edge/nftables.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct guard {
	enum guard_kind kind;
	bool min_ttl_only;
	uint16_t port;
	int fd;               /* holds the port; -1: it could not be bound (nftables only) */
	struct nftables *nft; /* owns the table */
	uint64_t absorbed;    /* as last read from nftables */
};

static socklen_t guard_sockaddr(const struct guard_spec *spec, bool any,
				struct sockaddr_storage *to)
{
	memset(to, 0, sizeof *to);
	if (spec->local.addr.family == IP_V6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(spec->local.port);
		if (!any) {
			memcpy(&v6->sin6_addr, spec->local.addr.bytes, 16);
			v6->sin6_scope_id = spec->scope_id;
		}
		return sizeof *v6;
	}
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	v4->sin_family = AF_INET;
	v4->sin_port = htons(spec->local.port);
	if (!any)
		memcpy(&v4->sin_addr, spec->local.addr.bytes, 4);
	return sizeof *v4;
}

/*
 * Bind a TCP socket to our address and port, so that nobody else gets it. Without
 * SO_REUSEADDR: a port with connections in TIME-WAIT is not free for us, since the
 * kernel would answer for those.
 */
static int guard_bind(struct guard *g, const struct guard_spec *spec, bool any)
{
	const int one = 1;
	const bool v6 = spec->local.addr.family == IP_V6;
	struct sockaddr_storage address;
	socklen_t address_bytes = guard_sockaddr(spec, any, &address);
	if (v6 && setsockopt(g->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
		return -errno;
	if (bind(g->fd, (const struct sockaddr *)&address, address_bytes) < 0)
		return -errno;
	if (getsockname(g->fd, (struct sockaddr *)&address, &address_bytes) < 0)
		return -errno;
	g->port = ntohs(v6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
			   : ((const struct sockaddr_in *)&address)->sin_port);
	return 0;
}

static int guard_socket(struct guard *g, const struct guard_spec *spec)
{
	const int domain = spec->local.addr.family == IP_V6 ? AF_INET6 : AF_INET;
	g->fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return g->fd < 0 ? -errno : 0;
}

static void guard_fault(struct fault *why, const struct guard_spec *spec, int status)
{
	char local[ENDPOINT_TEXT_MAX];
	endpoint_format(&spec->local, local, sizeof local);
	const char *hint = "";
	if (status == -EADDRINUSE)
		hint = " (choose another port, or --guard nft to take over this one)";
	else if (status == -EADDRNOTAVAIL)
		hint = " (not an address of this host)";
	else if (status == -EACCES)
		hint = " (a port below 1024 needs CAP_NET_BIND_SERVICE)";
	fault_set(why, "cannot guard %s: %s%s", local, strerror(-status), hint);
}

/* Let nothing that arrives for this listener pass. */
static int guard_deafen(struct guard *g, bool v6)
{
	struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, 0};
	const struct sock_fprog program = {.len = 1, .filter = &drop_all};
	const int hops = 255;
	const bool filtered =
		setsockopt(g->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
	const bool limited = setsockopt(g->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
					v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, &hops, sizeof hops) == 0;
	g->min_ttl_only = !filtered;
	return filtered || limited ? 0 : -errno;
}

static int guard_arm_socket(struct guard *g, const struct guard_spec *spec, struct fault *why)
{
	int status = guard_socket(g, spec);
	if (status == 0)
		status = guard_deafen(g, spec->local.addr.family == IP_V6);
	if (status == 0)
		status = guard_bind(g, spec, false);
	if (status == 0 && listen(g->fd, 1) < 0)
		status = -errno;
	if (status < 0)
		guard_fault(why, spec, status);
	g->kind = GUARD_SOCKET;
	return status;
}

static int guard_arm_none(struct guard *g, const struct guard_spec *spec, struct fault *why)
{
	int status = guard_socket(g, spec);
	if (status == 0)
		status = guard_bind(g, spec, false);
	if (status < 0)
		guard_fault(why, spec, status);
	g->kind = GUARD_NONE;
	return status;
}

/* "ip saddr A tcp sport P " ('s') or "ip daddr ..." ('d'); family IP_NONE or port 0: any. */
static void guard_match(char *text, size_t text_bytes, char side, const struct endpoint *e)
{
	char a[IP_ADDR_TEXT_MAX];
	ip_addr_format(&e->addr, a, sizeof a);
	const char *family = e->addr.family == IP_V6 ? "ip6" : "ip";
	text[0] = '\0';
	if (e->addr.family != IP_NONE && ip_addr_is_unspecified(&e->addr))
		snprintf(text, text_bytes, "meta nfproto %s tcp %cport %u ",
			 e->addr.family == IP_V6 ? "ipv6" : "ipv4", side, e->port);
	else if (e->addr.family != IP_NONE && e->port != 0)
		snprintf(text, text_bytes, "%s %caddr %s tcp %cport %u ", family, side, a, side,
			 e->port);
	else if (e->addr.family != IP_NONE)
		snprintf(text, text_bytes, "%s %caddr %s ", family, side, a);
}

/* Reserve the port if it can be; what stands in the way of the socket guard is no
 * hindrance here: that is what this guard is for. */
static int guard_nft_reserve(struct guard *g, const struct guard_spec *spec, struct fault *why)
{
	int status = guard_socket(g, spec);
	if (status == 0)
		status = guard_bind(g, spec, false);
	if (status == -EADDRNOTAVAIL && spec->local.port == 0)
		status = guard_bind(g, spec, true); /* a spare address: any free port */
	if (status < 0 && spec->local.port != 0) {
		if (g->fd >= 0)
			close(g->fd);
		g->fd = -1;
		g->port = spec->local.port;
		return 0;
	}
	if (status < 0)
		guard_fault(why, spec, status);
	return status;
}

static int guard_arm_nft(struct guard *g, const struct guard_spec *spec, struct fault *why)
{
	int status = nftables_open(&g->nft, why);
	if (status == 0)
		status = guard_nft_reserve(g, spec, why);
	if (status < 0)
		return status;
	g->kind = GUARD_NFT;
	/* Random, since process ids are not unique where PID namespaces share a network. */
	uint64_t tag;
	clock_random(&tag, sizeof tag);

	const struct endpoint local = {spec->local.addr, g->port};
	char from_remote[128], to_local[128], from_local[128], to_remote[128];
	guard_match(from_remote, sizeof from_remote, 's', &spec->remote);
	guard_match(to_remote, sizeof to_remote, 'd', &spec->remote);
	guard_match(to_local, sizeof to_local, 'd', &local);
	guard_match(from_local, sizeof from_local, 's', &local);
	char command[1024];
	snprintf(command, sizeof command,
		 "table inet synscope_%016" PRIx64 " {\n"
		 "	flags owner\n"
		 "	counter absorbed { }\n"
		 "	chain prerouting {\n"
		 "		type filter hook prerouting priority -400; policy accept;\n"
		 "		%s%scounter name absorbed drop\n"
		 "	}\n"
		 "	chain output {\n"
		 "		type filter hook output priority -400; policy accept;\n"
		 "		%s%snotrack\n"
		 "	}\n"
		 "}\n",
		 tag, from_remote, to_local, from_local, to_remote);
	return nftables_run(g->nft, command, why);
}

static struct guard *guard_new(void)
{
	struct guard *g = calloc(1, sizeof *g);
	if (g != NULL)
		g->fd = -1;
	return g;
}

typedef int (*guard_arm_fn)(struct guard *, const struct guard_spec *, struct fault *);

static int guard_try(struct guard **g, const struct guard_spec *spec, guard_arm_fn arm,
		     struct fault *why)
{
	struct guard *new = guard_new();
	if (new == NULL) {
		guard_fault(why, spec, -ENOMEM);
		return -ENOMEM;
	}
	const int status = arm(new, spec, why);
	if (status < 0) {
		guard_disarm(new);
		return status;
	}
	*g = new;
	return 0;
}

int guard_arm(struct guard **g, const struct guard_spec *spec, struct fault *why)
{
	switch (spec->kind) {
	case GUARD_SOCKET:
		return guard_try(g, spec, guard_arm_socket, why);
	case GUARD_NFT:
		return guard_try(g, spec, guard_arm_nft, why);
	case GUARD_NONE:
		return guard_try(g, spec, guard_arm_none, why);
	case GUARD_AUTO:
		break;
	}
	const int status = guard_try(g, spec, guard_arm_socket, why);
	/* A port in use belongs to somebody: to drop that one's segments must be asked for. */
	if (status == 0 || status == -EADDRINUSE || status == -ENOMEM)
		return status;
	/* The socket's reason stands if the fallback fails too. */
	return guard_try(g, spec, guard_arm_nft, NULL) == 0 ? 0 : status;
}

uint16_t guard_port(const struct guard *g)
{
	return g->port;
}

enum guard_kind guard_kind(const struct guard *g)
{
	return g->kind;
}

const char *guard_kind_text(const struct guard *g)
{
	switch (g->kind) {
	case GUARD_SOCKET:
		return g->min_ttl_only ? "listen socket (minimum TTL only)" : "listen socket";
	case GUARD_NFT:
		return "nftables";
	case GUARD_NONE:
	case GUARD_AUTO:
		break;
	}
	return "none";
}

uint64_t guard_absorbed(const struct guard *g)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t info_bytes = sizeof info;
	if (g->kind != GUARD_SOCKET ||
	    getsockopt(g->fd, SOL_SOCKET, SO_MEMINFO, info, &info_bytes) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

void guard_disarm(struct guard *g)
{
	if (g == NULL)
		return;
	nftables_close(g->nft);
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}

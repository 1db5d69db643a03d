/*
 * What a kernel's TCP thinks, by NETLINK_SOCK_DIAG, in two steps.
 *
 * A lookup of the 4-tuple takes microseconds, but can be believed only if it answers with
 * this very 4-tuple and not CLOSE: it answers with a listener where there is no such
 * connection, with a dead CLOSE socket where there is a TIME-WAIT one as well, and does
 * not find sockets that are bound to an interface, all link-local ones among them.
 *
 * Otherwise a dump of all sockets of the local port. That walks the whole hash table,
 * 1 ms with 262144 buckets; hence the first step. The request is the older
 * TCPDIAG_GETSOCK: it alone walks once for both families, and IPv4 connections of IPv6
 * sockets (::ffff:192.0.2.1) live in the other family's rows.
 */
#include "synscope/edge/sockdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's own numbers, include/net/tcp_states.h; not RFC 9293's order. */
enum kernel_state {
	KERNEL_ESTABLISHED = 1,
	KERNEL_SYN_SENT = 2,
	KERNEL_SYN_RECV = 3,
	KERNEL_FIN_WAIT1 = 4,
	KERNEL_FIN_WAIT2 = 5,
	KERNEL_TIME_WAIT = 6,
	KERNEL_CLOSE = 7,
	KERNEL_CLOSE_WAIT = 8,
	KERNEL_LAST_ACK = 9,
	KERNEL_LISTEN = 10,
	KERNEL_CLOSING = 11,
	KERNEL_NEW_SYN_RECV = 12,
};

#define SOCKDIAG_BUFFER_BYTES 32768 /* what the kernel fills at most in one part of a dump */

struct sockdiag {
	struct mnl_socket *socket;
	uint32_t sequence;
	_Alignas(struct nlmsghdr) char buffer[SOCKDIAG_BUFFER_BYTES];
};

/* The rows of a dump, reduced to one answer. */
struct sockdiag_search {
	const struct endpoint *local;
	const struct endpoint *remote;
	bool exact;   /* a row other than CLOSE has the 4-tuple */
	bool listens; /* a listener would take it */
	struct sockdiag_truth truth;
};

static int sockdiag_fault(struct fault *why, const char *what, int error)
{
	fault_set(why, "cannot ask the kernel for its sockets: %s: %s", what, strerror(error));
	return -error;
}

/* Open the socket inside another network namespace, and come back. */
static struct mnl_socket *sockdiag_open_in(const char *netns, int *error)
{
	const int there = open(netns, O_RDONLY | O_CLOEXEC);
	const int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct mnl_socket *socket = NULL;
	*error = 0;
	if (there < 0 || here < 0 || setns(there, CLONE_NEWNET) < 0) {
		*error = errno;
	} else {
		socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
		if (socket == NULL)
			*error = errno;
		if (setns(here, CLONE_NEWNET) < 0) {
			*error = errno;
			if (socket != NULL)
				mnl_socket_close(socket);
			socket = NULL;
		}
	}
	if (there >= 0)
		close(there);
	if (here >= 0)
		close(here);
	return socket;
}

int sockdiag_open(struct sockdiag **d, const char *netns, struct fault *why)
{
	struct sockdiag *new = calloc(1, sizeof *new);
	if (new == NULL)
		return sockdiag_fault(why, "memory", ENOMEM);
	int error = 0;
	if (netns != NULL) {
		new->socket = sockdiag_open_in(netns, &error);
	} else {
		new->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
		error = errno;
	}
	if (new->socket == NULL) {
		free(new);
		return sockdiag_fault(why, netns != NULL ? netns : "netlink", error);
	}
	if (mnl_socket_bind(new->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		error = errno;
		sockdiag_close(new);
		return sockdiag_fault(why, "netlink", error);
	}
	*d = new;
	return 0;
}

static enum tcp_state sockdiag_state(uint8_t kernel_state)
{
	switch ((enum kernel_state)kernel_state) {
	case KERNEL_ESTABLISHED:
		return ST_ESTABLISHED;
	case KERNEL_SYN_SENT:
		return ST_SYN_SENT;
	case KERNEL_SYN_RECV:
	case KERNEL_NEW_SYN_RECV:
		return ST_SYN_RECEIVED;
	case KERNEL_FIN_WAIT1:
		return ST_FIN_WAIT_1;
	case KERNEL_FIN_WAIT2:
		return ST_FIN_WAIT_2;
	case KERNEL_TIME_WAIT:
		return ST_TIME_WAIT;
	case KERNEL_CLOSE_WAIT:
		return ST_CLOSE_WAIT;
	case KERNEL_LAST_ACK:
		return ST_LAST_ACK;
	case KERNEL_LISTEN:
		return ST_LISTEN;
	case KERNEL_CLOSING:
		return ST_CLOSING;
	case KERNEL_CLOSE:
		break;
	}
	return ST_CLOSED;
}

/* One end of a row; ::ffff:a.b.c.d is the IPv4 address a.b.c.d. */
static struct endpoint sockdiag_endpoint(uint8_t family, const uint32_t words_be[4],
					 uint16_t port_be)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct endpoint e = {.port = ntohs(port_be)};
	uint8_t bytes[16];
	memcpy(bytes, words_be, sizeof bytes);
	if (family == AF_INET)
		e.addr = ip_addr_v4(bytes);
	else if (memcmp(bytes, mapped, sizeof mapped) == 0)
		e.addr = ip_addr_v4(bytes + sizeof mapped);
	else
		e.addr = ip_addr_v6(bytes);
	return e;
}

static bool sockdiag_is_any(const struct ip_addr *a)
{
	static const uint8_t zeros[16];
	return memcmp(a->bytes, zeros, sizeof zeros) == 0;
}

/* What the attributes of one row say beyond its state. */
struct sockdiag_extra {
	bool full;   /* it has a tcp_info: neither a request nor a TIME-WAIT miniature */
	bool unsent; /* something is queued that was never sent; a FIN counts as a byte */
	bool v6only;
};

static int sockdiag_take_attribute(const struct nlattr *attr, void *data)
{
	struct sockdiag_extra *extra = data;
	const uint16_t type = mnl_attr_get_type(attr);
	const size_t count = mnl_attr_get_payload_len(attr);
	const size_t at = offsetof(struct tcp_info, tcpi_notsent_bytes);
	uint32_t unsent_bytes;
	if (type == INET_DIAG_SKV6ONLY && count == 1) {
		extra->v6only = mnl_attr_get_u8(attr) != 0;
	} else if (type == INET_DIAG_INFO && count >= at + sizeof unsent_bytes) {
		extra->full = true;
		memcpy(&unsent_bytes, (const uint8_t *)mnl_attr_get_payload(attr) + at,
		       sizeof unsent_bytes);
		extra->unsent = unsent_bytes != 0;
	}
	return MNL_CB_OK;
}

/* Whether a listener at this address takes segments for ours. */
static bool sockdiag_listener_takes(uint8_t family, const struct endpoint *listener,
				    const struct endpoint *local, bool v6only)
{
	if (listener->port != local->port)
		return false;
	if (!sockdiag_is_any(&listener->addr))
		return ip_addr_equal(&listener->addr, &local->addr);
	return family == (local->addr.family == IP_V6 ? AF_INET6 : AF_INET) ||
	       (family == AF_INET6 && local->addr.family == IP_V4 && !v6only);
}

static int sockdiag_take_row(const struct nlmsghdr *message, void *data)
{
	struct sockdiag_search *search = data;
	const struct inet_diag_msg *row = mnl_nlmsg_get_payload(message);
	if (mnl_nlmsg_get_payload_len(message) < sizeof *row)
		return MNL_CB_OK;
	const uint8_t family = row->idiag_family;
	const struct endpoint local =
		sockdiag_endpoint(family, row->id.idiag_src, row->id.idiag_sport);
	const struct endpoint remote =
		sockdiag_endpoint(family, row->id.idiag_dst, row->id.idiag_dport);
	const enum tcp_state state = sockdiag_state(row->idiag_state);
	struct sockdiag_extra extra = {0};
	if (mnl_attr_parse(message, sizeof *row, sockdiag_take_attribute, &extra) == MNL_CB_ERROR)
		return MNL_CB_ERROR;
	if (state == ST_LISTEN) {
		search->listens |=
			sockdiag_listener_takes(family, &local, search->local, extra.v6only);
		return MNL_CB_OK;
	}
	/* A CLOSE row is a socket on its way out. A TIME-WAIT one yields to a newer life of
	 * the same 4-tuple. */
	if (state == ST_CLOSED || !endpoint_equal(&local, search->local) ||
	    !endpoint_equal(&remote, search->remote) || (search->exact && state == ST_TIME_WAIT))
		return MNL_CB_OK;
	search->exact = true;
	search->truth.state = state;
	search->truth.request = state == ST_SYN_RECEIVED && !extra.full;
	/* A queued FIN counts as one byte not sent. */
	search->truth.fin_unsent = extra.unsent && (state == ST_FIN_WAIT_1 || state == ST_CLOSING ||
						    state == ST_LAST_ACK);
	return MNL_CB_OK;
}

static struct nlmsghdr *sockdiag_header(struct sockdiag *d, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(d->buffer);
	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	message->nlmsg_seq = ++d->sequence;
	return message;
}

static const struct nlmsghdr *sockdiag_lookup(struct sockdiag *d, const struct endpoint *local,
					      const struct endpoint *remote)
{
	struct nlmsghdr *message = sockdiag_header(d, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST);
	struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof *request);
	request->sdiag_family = local->addr.family == IP_V6 ? AF_INET6 : AF_INET;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	request->idiag_states = UINT32_MAX;
	request->id.idiag_sport = htons(local->port);
	request->id.idiag_dport = htons(remote->port);
	memcpy(request->id.idiag_src, local->addr.bytes, sizeof request->id.idiag_src);
	memcpy(request->id.idiag_dst, remote->addr.bytes, sizeof request->id.idiag_dst);
	request->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return message;
}

static const struct nlmsghdr *sockdiag_dump(struct sockdiag *d, uint16_t port)
{
	struct nlmsghdr *message = sockdiag_header(d, TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP);
	struct inet_diag_req *request = mnl_nlmsg_put_extra_header(message, sizeof *request);
	request->idiag_family = AF_INET; /* ignored: both are told */
	request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	/* Not CLOSE, and no later inventions: sockets that are only bound are a second walk. */
	request->idiag_states = ((2u << KERNEL_NEW_SYN_RECV) - 1) & ~(1u << KERNEL_CLOSE);
	request->id.idiag_sport = htons(port); /* the kernel leaves out all others */
	return message;
}

/* Send a request and take every row of its answer. @return 0 or negative errno */
static int sockdiag_talk(struct sockdiag *d, const struct nlmsghdr *request,
			 struct sockdiag_search *search)
{
	const bool dump = (request->nlmsg_flags & NLM_F_DUMP) != 0;
	if (mnl_socket_sendto(d->socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		const ssize_t got = mnl_socket_recvfrom(d->socket, d->buffer, sizeof d->buffer);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		const int more =
			mnl_cb_run(d->buffer, (size_t)got, d->sequence,
				   mnl_socket_get_portid(d->socket), sockdiag_take_row, search);
		if (more < 0)
			return -errno;
		if (more == MNL_CB_STOP || !dump)
			return 0;
	}
}

int sockdiag_ask(struct sockdiag *d, const struct endpoint *local, const struct endpoint *remote,
		 struct sockdiag_truth *truth, struct fault *why)
{
	struct sockdiag_search search = {.local = local, .remote = remote};
	int status = sockdiag_talk(d, sockdiag_lookup(d, local, remote), &search);
	if (status < 0 && status != -ENOENT)
		return sockdiag_fault(why, "lookup", -status);
	if (!search.exact) {
		search.listens = false;
		status = sockdiag_talk(d, sockdiag_dump(d, local->port), &search);
		if (status < 0)
			return sockdiag_fault(why, "dump", -status);
	}
	if (!search.exact)
		search.truth.state = search.listens ? ST_LISTEN : ST_CLOSED;
	*truth = search.truth;
	return 0;
}

void sockdiag_close(struct sockdiag *d)
{
	if (d == NULL)
		return;
	if (d->socket != NULL)
		mnl_socket_close(d->socket);
	free(d);
}

/*
 * RTM_GETROUTE for one destination: what the kernel itself would do with a packet,
 * source address, interface and MTU in one answer of a few microseconds.
 */
#include "synscope/edge/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUTE_MESSAGE_MAX 4096 /* one route is some 200 bytes; nested metrics add little */

static int route_domain(const struct ip_addr *a)
{
	return a->family == IP_V6 ? AF_INET6 : AF_INET;
}

/* Whether the address can be sent from: the kernel says EINVAL for a foreign IPv4 source,
 * as it does for a blackhole, and nothing at all for a foreign IPv6 one. So ask bind(). */
static int route_check_source(const struct route_query *q, uint32_t interface_index)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const bool is_v6 = q->source.family == IP_V6;
	const int fd = socket(route_domain(&q->source), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(&v4.sin_addr, q->source.bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, q->source.bytes, sizeof v6.sin6_addr);
	if (ip_addr_is_link_local(&q->source))
		v6.sin6_scope_id = interface_index;
	const int status = bind(fd, is_v6 ? (const struct sockaddr *)&v6 : (const void *)&v4,
				is_v6 ? sizeof v6 : sizeof v4) < 0
				   ? -errno
				   : 0;
	close(fd);
	return status;
}

static void route_request(struct nlmsghdr *message, const struct route_query *q,
			  uint32_t interface_index)
{
	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	struct rtmsg *body = mnl_nlmsg_put_extra_header(message, sizeof *body);
	const size_t address_bytes = ip_addr_bytes(&q->destination);
	body->rtm_family = (unsigned char)route_domain(&q->destination);
	body->rtm_dst_len = (unsigned char)(8 * address_bytes);
	mnl_attr_put(message, RTA_DST, address_bytes, q->destination.bytes);
	if (q->source.family != IP_NONE) {
		body->rtm_src_len = (unsigned char)(8 * address_bytes);
		mnl_attr_put(message, RTA_SRC, address_bytes, q->source.bytes);
	}
	if (interface_index != 0)
		mnl_attr_put_u32(message, RTA_OIF, interface_index);
}

static void route_take_address(struct ip_addr *a, const struct nlattr *attr)
{
	if (mnl_attr_get_payload_len(attr) == 16)
		*a = ip_addr_v6(mnl_attr_get_payload(attr));
	else if (mnl_attr_get_payload_len(attr) == 4)
		*a = ip_addr_v4(mnl_attr_get_payload(attr));
}

static int route_take_metric(const struct nlattr *attr, void *data)
{
	struct route *route = data;
	if (mnl_attr_get_type(attr) == RTAX_MTU && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		route->mtu_bytes = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* RTA_VIA: a gateway of the other family, IPv4 by an IPv6 next hop (RFC 5549). */
static void route_take_via(struct route *route, const struct nlattr *attr)
{
	const size_t count = mnl_attr_get_payload_len(attr);
	const uint8_t *via = mnl_attr_get_payload(attr);
	uint16_t family;
	if (count < sizeof family)
		return;
	memcpy(&family, via, sizeof family);
	if (family == AF_INET6 && count == sizeof family + 16)
		route->gateway = ip_addr_v6(via + sizeof family);
	else if (family == AF_INET && count == sizeof family + 4)
		route->gateway = ip_addr_v4(via + sizeof family);
}

static int route_take_attribute(const struct nlattr *attr, void *data)
{
	struct route *route = data;
	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			route->interface_index = mnl_attr_get_u32(attr);
		break;
	case RTA_PREFSRC:
		route_take_address(&route->source, attr);
		break;
	case RTA_GATEWAY:
		route_take_address(&route->gateway, attr);
		break;
	case RTA_VIA:
		route_take_via(route, attr);
		break;
	case RTA_METRICS:
		return mnl_attr_parse_nested(attr, route_take_metric, route);
	default:
		break;
	}
	return MNL_CB_OK;
}

static int route_take_message(const struct nlmsghdr *message, void *data)
{
	struct route *route = data;
	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	const struct rtmsg *body = mnl_nlmsg_get_payload(message);
	route->local = body->rtm_type == RTN_LOCAL;
	return mnl_attr_parse(message, sizeof *body, route_take_attribute, route) == MNL_CB_ERROR
		       ? MNL_CB_ERROR
		       : MNL_CB_STOP;
}

/* One question, one answer. @return 0 or negative errno, which is the kernel's verdict */
static int route_ask(const struct route_query *q, uint32_t interface_index, struct route *route)
{
	_Alignas(struct nlmsghdr) char buffer[ROUTE_MESSAGE_MAX];
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (socket == NULL)
		return -errno;
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	route_request(request, q, interface_index);
	int status = 0;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		status = -errno;
	} else {
		const ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
		if (got < 0 || mnl_cb_run(buffer, (size_t)got, 1, mnl_socket_get_portid(socket),
					  route_take_message, route) < 0)
			status = -errno;
	}
	mnl_socket_close(socket);
	return status;
}

/* The interface's name, and its MTU where the route has none of its own. */
static int route_interface(struct route *route)
{
	if (if_indextoname(route->interface_index, route->interface) == NULL)
		return -errno;
	if (route->mtu_bytes != 0)
		return 0;
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", route->interface);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	const int status = ioctl(fd, SIOCGIFMTU, &request) < 0 ? -errno : 0;
	close(fd);
	route->mtu_bytes = (uint32_t)request.ifr_mtu;
	return status;
}

static int route_fault(struct fault *why, const struct route_query *q, int status)
{
	char to[IP_ADDR_TEXT_MAX];
	char from[IP_ADDR_TEXT_MAX];
	ip_addr_format(&q->destination, to, sizeof to);
	ip_addr_format(&q->source, from, sizeof from);
	switch (-status) {
	case ENODEV:
		fault_set(why, "no interface %s",
			  q->interface != NULL ? q->interface : "of this scope");
		break;
	case EDESTADDRREQ:
		fault_set(why, "%s is link-local: say on which interface (%s%%eth0, or -i)", to,
			  to);
		break;
	case EADDRNOTAVAIL:
		fault_set(why, "source %s is not an address of this host", from);
		break;
	case ENETUNREACH:
		fault_set(why, "no route to %s", to);
		break;
	case EINVAL:
		fault_set(why, "no way to %s: the kernel refuses it (a blackhole route?)", to);
		break;
	case EACCES:
		fault_set(why, "no way to %s: a route prohibits it", to);
		break;
	case EHOSTUNREACH:
		fault_set(why, "no way to %s: a route says unreachable", to);
		break;
	default:
		fault_set(why, "no way to %s: %s", to, strerror(-status));
		break;
	}
	return status;
}

int route_find(const struct route_query *query, struct route *route, struct fault *why)
{
	uint32_t interface_index = query->scope_id;
	if (query->interface != NULL) {
		interface_index = if_nametoindex(query->interface);
		if (interface_index == 0)
			return route_fault(why, query, -ENODEV);
	}
	/* Without a scope the kernel would pick some interface, seldom the right one. */
	if (ip_addr_is_link_local(&query->destination) && interface_index == 0)
		return route_fault(why, query, -EDESTADDRREQ);
	int status = 0;
	if (query->source.family != IP_NONE)
		status = query->source.family == query->destination.family
				 ? route_check_source(query, interface_index)
				 : -EADDRNOTAVAIL;
	struct route found = {.source = query->source};
	if (status == 0)
		status = route_ask(query, interface_index, &found);
	if (status == 0)
		status = route_interface(&found);
	if (status < 0)
		return route_fault(why, query, status);
	if (query->source.family != IP_NONE)
		found.source = query->source;
	found.has_gateway = found.gateway.family != IP_NONE;
	if (ip_addr_is_link_local(&query->destination) || ip_addr_is_link_local(&found.source))
		found.scope_id = interface_index != 0 ? interface_index : found.interface_index;
	if (found.scope_id == 0 || if_indextoname(found.scope_id, found.send_interface) == NULL)
		memcpy(found.send_interface, found.interface, sizeof found.send_interface);
	*route = found;
	return 0;
}

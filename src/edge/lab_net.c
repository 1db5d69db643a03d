#include "lab_internal.h"

#include "synscope/edge/clock.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX 1024
#define MAC_BYTES 6

/* How long to wait for the kernel's link watch; it takes microseconds when it is asked
 * urgently, up to a second when not. */
#define CARRIER_WAIT_NS (3 * NS_PER_S)
#define CARRIER_POLL_NS (200 * NS_PER_US)

struct lab_net {
	struct mnl_socket *netlink;
	int ioctl_fd;
	uint32_t sequence;
};

int lab_net_open(struct lab_net **net, struct fault *why)
{
	struct lab_net *n = calloc(1, sizeof *n);
	if (n == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	n->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	n->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (n->ioctl_fd < 0 || n->netlink == NULL ||
	    mnl_socket_bind(n->netlink, 0, MNL_SOCKET_AUTOPID) < 0) {
		const int error = errno;
		fault_set(why, "cannot open rtnetlink: %s", strerror(error));
		lab_net_close(n);
		return -error;
	}
	*net = n;
	return 0;
}

void lab_net_close(struct lab_net *net)
{
	if (net == NULL)
		return;
	if (net->ioctl_fd >= 0)
		close(net->ioctl_fd);
	if (net->netlink != NULL)
		mnl_socket_close(net->netlink);
	free(net);
}

static struct nlmsghdr *message_begin(struct lab_net *net, void *buffer, uint16_t type,
				      uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = ++net->sequence;
	return message;
}

/* Send, and take the answers until the acknowledgement. @p take may be NULL. */
static int transact(struct lab_net *net, const struct nlmsghdr *message, mnl_cb_t take,
		    void *context)
{
	char answer[16384]; /* what libmnl recommends at most for one datagram */
	if (mnl_socket_sendto(net->netlink, message, message->nlmsg_len) < 0)
		return -errno;
	int more = MNL_CB_OK;
	while (more > MNL_CB_STOP) {
		const ssize_t got = mnl_socket_recvfrom(net->netlink, answer, sizeof answer);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		more = mnl_cb_run(answer, (size_t)got, message->nlmsg_seq,
				  mnl_socket_get_portid(net->netlink), take, context);
		if (more < 0)
			return -errno;
	}
	return 0;
}

static void mac_of(uint8_t last, uint8_t mac[MAC_BYTES])
{
	const uint8_t bytes[MAC_BYTES] = {0x02, 0, 0, 0, 0, last};
	memcpy(mac, bytes, sizeof bytes);
}

static void put_end(struct nlmsghdr *message, const struct lab_end *end)
{
	uint8_t mac[MAC_BYTES];
	mac_of(end->mac_last, mac);
	mnl_attr_put_strz(message, IFLA_IFNAME, end->name);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof mac, mac);
	mnl_attr_put_u32(message, IFLA_MTU, end->mtu_bytes);
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)end->netns_fd);
}

int lab_net_pair(struct lab_net *net, const struct lab_end *a, const struct lab_end *b,
		 struct fault *why)
{
	char buffer[MESSAGE_BYTES_MAX];
	struct nlmsghdr *message =
		message_begin(net, buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof *link);
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)a->index;
	put_end(message, a);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	link = mnl_nlmsg_put_extra_header(message, sizeof *link);
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)b->index;
	put_end(message, b);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
	const int rc = transact(net, message, NULL, NULL);
	if (rc < 0)
		fault_set(why, "cannot make a veth pair: %s%s", strerror(-rc),
			  rc == -EOPNOTSUPP ? " (the kernel has no veth module)" : "");
	return rc;
}

int lab_net_offload_off(struct lab_net *net, const char *name, struct fault *why)
{
	/* Receive first: with its checksum on, a kernel would refuse nothing, but the order
	 * is that of ethtool -K, and segmentation depends on transmit checksums. */
	static const struct {
		uint32_t command;
		const char *what;
	} offloads[] = {
		{ETHTOOL_SGRO, "GRO"},
		{ETHTOOL_SGSO, "GSO"},
		{ETHTOOL_STSO, "TSO"},
		{ETHTOOL_STXCSUM, "transmit checksum"},
		{ETHTOOL_SRXCSUM, "receive checksum"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(offloads); i++) {
		struct ethtool_value value = {.cmd = offloads[i].command, .data = 0};
		struct ifreq request = {.ifr_data = (char *)&value};
		strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
		if (ioctl(net->ioctl_fd, SIOCETHTOOL, &request) < 0) {
			const int error = errno;
			fault_set(why, "cannot switch %s offload of %s off: %s", offloads[i].what,
				  name, strerror(error));
			return -error;
		}
	}
	return 0;
}

int lab_net_up(struct lab_net *net, const char *name, struct fault *why)
{
	char buffer[MESSAGE_BYTES_MAX];
	struct nlmsghdr *message = message_begin(net, buffer, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof *link);
	link->ifi_family = AF_UNSPEC;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	const int rc = transact(net, message, NULL, NULL);
	if (rc < 0)
		fault_set(why, "cannot bring %s up: %s", name, strerror(-rc));
	return rc;
}

static int take_operstate_attribute(const struct nlattr *attribute, void *context)
{
	uint8_t *operstate = context;
	if (mnl_attr_get_type(attribute) == IFLA_OPERSTATE)
		*operstate = mnl_attr_get_u8(attribute);
	return MNL_CB_OK;
}

static int take_operstate(const struct nlmsghdr *message, void *context)
{
	return mnl_attr_parse(message, sizeof(struct ifinfomsg), take_operstate_attribute, context);
}

int lab_net_wait_up(struct lab_net *net, const char *name, struct fault *why)
{
	/* The end that was brought up first has a queue that drops everything until the
	 * kernel's link watch has seen the carrier of the second (dev_activate() in
	 * net/sched/sch_generic.c): frames sent before that would vanish. */
	const int64_t deadline_ns = clock_monotonic_ns() + CARRIER_WAIT_NS;
	for (;;) {
		char buffer[MESSAGE_BYTES_MAX];
		uint8_t operstate = IF_OPER_UNKNOWN;
		struct nlmsghdr *message = message_begin(net, buffer, RTM_GETLINK, NLM_F_ACK);
		struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof *link);
		link->ifi_family = AF_UNSPEC;
		mnl_attr_put_strz(message, IFLA_IFNAME, name);
		int rc = transact(net, message, take_operstate, &operstate);
		if (rc == 0 && operstate == IF_OPER_UP)
			return 0;
		if (rc == 0 && clock_monotonic_ns() > deadline_ns)
			rc = -ETIMEDOUT;
		if (rc < 0) {
			fault_set(why, "cannot get a carrier on %s: %s", name, strerror(-rc));
			return rc;
		}
		nanosleep(&(struct timespec){.tv_nsec = CARRIER_POLL_NS}, NULL);
	}
}

/* Not if_nametoindex(), which asks the namespace that we happen to be in. */
static uint32_t index_of(const struct lab_net *net, const char *name)
{
	struct ifreq request = {.ifr_ifindex = 0};
	strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
	return ioctl(net->ioctl_fd, SIOCGIFINDEX, &request) < 0 ? 0 : (uint32_t)request.ifr_ifindex;
}

static uint8_t family_of(const struct ip_addr *a)
{
	return a->family == IP_V6 ? AF_INET6 : AF_INET;
}

static int failed(int rc, struct fault *why, const char *what, const char *name,
		  const struct ip_addr *a)
{
	char text[IP_ADDR_TEXT_MAX];
	if (rc < 0)
		fault_set(why, "cannot %s %s on %s: %s", what, ip_addr_format(a, text, sizeof text),
			  name, strerror(-rc));
	return rc;
}

int lab_net_address(struct lab_net *net, const char *name, const struct ip_addr *a,
		    uint8_t prefix_bits, struct fault *why)
{
	char buffer[MESSAGE_BYTES_MAX];
	struct nlmsghdr *message =
		message_begin(net, buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(message, sizeof *address);
	address->ifa_family = family_of(a);
	address->ifa_prefixlen = prefix_bits;
	address->ifa_scope = ip_addr_is_link_local(a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	address->ifa_index = index_of(net, name);
	if (a->family == IP_V6)
		address->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(message, IFA_LOCAL, ip_addr_bytes(a), a->bytes);
	mnl_attr_put(message, IFA_ADDRESS, ip_addr_bytes(a), a->bytes);
	return failed(transact(net, message, NULL, NULL), why, "set address", name, a);
}

int lab_net_neighbour(struct lab_net *net, const char *name, const struct ip_addr *a,
		      uint8_t mac_last, struct fault *why)
{
	char buffer[MESSAGE_BYTES_MAX];
	uint8_t mac[MAC_BYTES];
	mac_of(mac_last, mac);
	struct nlmsghdr *message =
		message_begin(net, buffer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(message, sizeof *neighbour);
	neighbour->ndm_family = family_of(a);
	neighbour->ndm_ifindex = (int)index_of(net, name);
	neighbour->ndm_state = NUD_PERMANENT;
	mnl_attr_put(message, NDA_DST, ip_addr_bytes(a), a->bytes);
	mnl_attr_put(message, NDA_LLADDR, sizeof mac, mac);
	return failed(transact(net, message, NULL, NULL), why, "set neighbour", name, a);
}

int lab_net_default_route(struct lab_net *net, const char *name, const struct ip_addr *via,
			  struct fault *why)
{
	char buffer[MESSAGE_BYTES_MAX];
	struct nlmsghdr *message =
		message_begin(net, buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message, sizeof *route);
	route->rtm_family = family_of(via);
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put(message, RTA_GATEWAY, ip_addr_bytes(via), via->bytes);
	mnl_attr_put_u32(message, RTA_OIF, index_of(net, name));
	return failed(transact(net, message, NULL, NULL), why, "set route via", name, via);
}

/* The host itself: getifaddrs(3), and an ioctl for each interface. */
#include "synscope/edge/route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU_BYTES_DEFAULT 1500

static void take_address(struct route_host *host, const struct sockaddr *address)
{
	if (host->addresses_count == ROUTE_HOST_ADDRESSES_MAX)
		return;
	struct ip_addr *to = &host->address[host->addresses_count];
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;
		*to = ip_addr_v4((const uint8_t *)&v4->sin_addr);
		host->addresses_count++;
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;
		*to = ip_addr_v6(v6->sin6_addr.s6_addr);
		host->addresses_count++;
	}
}

static void take_link(struct route_host *host, int fd, const char *name)
{
	for (uint32_t i = 0; i < host->links_count; i++)
		if (strcmp(host->link[i].name, name) == 0)
			return;
	if (host->links_count == ROUTE_HOST_LINKS_MAX)
		return;
	struct route_link *link = &host->link[host->links_count];
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	link->index = if_nametoindex(name);
	if (link->index == 0)
		return;
	link->mtu_bytes = ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0
				  ? (uint32_t)request.ifr_mtu
				  : MTU_BYTES_DEFAULT;
	memcpy(link->name, request.ifr_name, sizeof link->name);
	host->links_count++;
}

int route_host_find(struct route_host *host, struct fault *why)
{
	struct ifaddrs *list = NULL;
	memset(host, 0, sizeof *host);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getifaddrs(&list) < 0) {
		const int error = errno;
		fault_set(why, "cannot ask for this host's addresses: %s", strerror(error));
		if (fd >= 0)
			close(fd);
		return -error;
	}
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		take_link(host, fd, i->ifa_name);
		if (i->ifa_addr != NULL)
			take_address(host, i->ifa_addr);
	}
	freeifaddrs(list);
	close(fd);
	return 0;
}

bool route_host_has(const struct route_host *host, const struct ip_addr *a)
{
	if (ip_addr_is_loopback(a)) /* 127.0.0.0/8 is ours as a whole */
		return true;
	for (uint32_t i = 0; i < host->addresses_count; i++)
		if (ip_addr_equal(&host->address[i], a))
			return true;
	return false;
}

uint32_t route_host_mtu(const struct route_host *host, uint32_t interface_index)
{
	for (uint32_t i = 0; i < host->links_count; i++)
		if (host->link[i].index == interface_index)
			return host->link[i].mtu_bytes;
	return MTU_BYTES_DEFAULT;
}

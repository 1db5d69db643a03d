/* The kernel's answers, in a network where they are known. */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/edge/route.h"

#include <errno.h>
#include <string.h>

static struct fault why;
static pid_t peer;

static struct ip_addr addr(const char *text)
{
	struct ip_addr a = {0};
	if (text != NULL)
		assert_true(ip_addr_parse(&a, text));
	return a;
}

static void test_route_begin_with_a_neighbour(void **state)
{
	(void)state;
	netns_require();
	peer = netns_peer_start();
	assert_int_equal(netns_run("ip route add 203.0.113.0/25 via 198.18.0.2 mtu 1280 && "
				   "ip route add unreachable 203.0.113.129 && "
				   "ip route add blackhole 203.0.113.130 && "
				   "ip route add prohibit 203.0.113.131 && "
				   "ip route add 203.0.113.132 via inet6 fe80::b dev va && "
				   "ip -6 route add 2001:db8:5::/48 via fe80::b dev va && "
				   "ip -6 route add unreachable 2001:db8:6::1 && "
				   "ip -6 route add blackhole 2001:db8:6::2 && "
				   "ip -6 route add prohibit 2001:db8:6::3 && "
				   "ip addr add 198.18.0.9/24 dev va && ip link set va mtu 1400"),
			 0);
}

static const struct {
	const char *name;
	const char *to;
	const char *scope; /* interface of scope_id */
	const char *from;
	const char *on;
	int status;
	const char *text;   /* in the reason */
	const char *source; /* of the route */
	const char *interface;
	bool local;
	const char *gateway;
	uint32_t mtu_bytes;
} cases[] = {
	{.name = "loopback v4",
	 .to = "127.0.0.1",
	 .source = "127.0.0.1",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "all of 127/8",
	 .to = "127.1.2.3",
	 .source = "127.0.0.1",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "loopback v6",
	 .to = "::1",
	 .source = "::1",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "our own v4",
	 .to = "198.18.0.1",
	 .source = "198.18.0.1",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "our own v6",
	 .to = "fd18::1",
	 .source = "fd18::1",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "our own link-local",
	 .to = "fe80::a",
	 .scope = "va",
	 .source = "fe80::a",
	 .interface = "lo",
	 .local = true,
	 .mtu_bytes = 65536},
	{.name = "neighbour v4",
	 .to = "198.18.0.2",
	 .source = "198.18.0.1",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "neighbour v6",
	 .to = "fd18::2",
	 .source = "fd18::1",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "link-local by scope",
	 .to = "fe80::b",
	 .scope = "va",
	 .source = "fe80::a",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "link-local by interface",
	 .to = "fe80::b",
	 .on = "va",
	 .source = "fe80::a",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "by gateway v4, MTU of the route",
	 .to = "203.0.113.5",
	 .source = "198.18.0.1",
	 .interface = "va",
	 .gateway = "198.18.0.2",
	 .mtu_bytes = 1280},
	{.name = "by gateway v6",
	 .to = "2001:db8:5::5",
	 .source = "fd18::1",
	 .interface = "va",
	 .gateway = "fe80::b",
	 .mtu_bytes = 1400},
	{.name = "v4 by a v6 gateway",
	 .to = "203.0.113.132",
	 .source = "198.18.0.1",
	 .interface = "va",
	 .gateway = "fe80::b",
	 .mtu_bytes = 1400},
	{.name = "another source v4",
	 .to = "198.18.0.2",
	 .from = "198.18.0.9",
	 .source = "198.18.0.9",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "another source v6",
	 .to = "fd18::2",
	 .from = "fe80::a",
	 .on = "va",
	 .source = "fe80::a",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "by name of the interface",
	 .to = "198.18.0.2",
	 .on = "va",
	 .source = "198.18.0.1",
	 .interface = "va",
	 .mtu_bytes = 1400},
	{.name = "source not ours v4",
	 .to = "198.18.0.2",
	 .from = "198.18.0.77",
	 .status = -EADDRNOTAVAIL,
	 .text = "198.18.0.77"},
	{.name = "source not ours v6",
	 .to = "fd18::2",
	 .from = "fd18::77",
	 .status = -EADDRNOTAVAIL,
	 .text = "fd18::77"},
	{.name = "source of the other family",
	 .to = "198.18.0.2",
	 .from = "fd18::1",
	 .status = -EADDRNOTAVAIL,
	 .text = "fd18::1"},
	{.name = "no route v4",
	 .to = "192.0.2.1",
	 .status = -ENETUNREACH,
	 .text = "no route to 192.0.2.1"},
	{.name = "no route v6",
	 .to = "2001:db8::1",
	 .status = -ENETUNREACH,
	 .text = "no route to 2001:db8::1"},
	{.name = "unreachable v4",
	 .to = "203.0.113.129",
	 .status = -EHOSTUNREACH,
	 .text = "unreachable"},
	{.name = "unreachable v6",
	 .to = "2001:db8:6::1",
	 .status = -EHOSTUNREACH,
	 .text = "unreachable"},
	{.name = "blackhole v4", .to = "203.0.113.130", .status = -EINVAL, .text = "blackhole"},
	{.name = "blackhole v6", .to = "2001:db8:6::2", .status = -EINVAL, .text = "blackhole"},
	{.name = "prohibited v4", .to = "203.0.113.131", .status = -EACCES, .text = "prohibits"},
	{.name = "prohibited v6", .to = "2001:db8:6::3", .status = -EACCES, .text = "prohibits"},
	{.name = "link-local without scope",
	 .to = "fe80::b",
	 .status = -EDESTADDRREQ,
	 .text = "fe80::b%eth0"},
	{.name = "no such interface",
	 .to = "198.18.0.2",
	 .on = "nosuch0",
	 .status = -ENODEV,
	 .text = "nosuch0"},
};

static void check_route(size_t i, const struct route *route)
{
	struct ip_addr source = addr(cases[i].source);
	struct ip_addr gateway = addr(cases[i].gateway);
	char text[IP_ADDR_TEXT_MAX];
	if (!ip_addr_equal(&route->source, &source))
		fail_msg("%s: source %s", cases[i].name,
			 ip_addr_format(&route->source, text, sizeof text));
	if (strcmp(route->interface, cases[i].interface) != 0 ||
	    route->interface_index != if_nametoindex(cases[i].interface))
		fail_msg("%s: interface %s", cases[i].name, route->interface);
	const bool scoped = strncmp(cases[i].source, "fe80", 4) == 0;
	if (strcmp(route->send_interface, scoped ? "va" : cases[i].interface) != 0 ||
	    route->scope_id != (scoped ? if_nametoindex("va") : 0))
		fail_msg("%s: send on %s", cases[i].name, route->send_interface);
	if (route->local != cases[i].local)
		fail_msg("%s: local", cases[i].name);
	if (route->has_gateway != (cases[i].gateway != NULL) ||
	    (route->has_gateway && !ip_addr_equal(&route->gateway, &gateway)))
		fail_msg("%s: gateway", cases[i].name);
	if (route->mtu_bytes != cases[i].mtu_bytes)
		fail_msg("%s: mtu %u", cases[i].name, route->mtu_bytes);
}

static void test_route_find_answers_as_the_kernel_would_send(void **state)
{
	(void)state;
	netns_require();
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct route_query query = {
			.destination = addr(cases[i].to),
			.scope_id = cases[i].scope != NULL ? if_nametoindex(cases[i].scope) : 0,
			.source = addr(cases[i].from),
			.interface = cases[i].on,
		};
		struct route route;
		memset(&route, 0xa5, sizeof route);
		const struct route before = route;
		const int status = route_find(&query, &route, &why);
		if (status != cases[i].status)
			fail_msg("%s: %d %s", cases[i].name, status, status < 0 ? why.text : "");
		if (status == 0)
			check_route(i, &route);
		else if (strstr(why.text, cases[i].text) == NULL)
			fail_msg("%s: \"%s\"", cases[i].name, why.text);
		else
			assert_memory_equal(&route, &before, sizeof route);
	}
}

static void test_route_find_interface_down_is_refused(void **state)
{
	(void)state;
	netns_require();
	const struct route_query query = {.destination = addr("198.18.0.2")};
	struct route route;
	assert_int_equal(netns_run("ip link set va down"), 0);
	assert_int_equal(route_find(&query, &route, &why), -ENETUNREACH);
	assert_int_equal(netns_run("ip link set va up"), 0);
}

static int tear_down(void **state)
{
	(void)state;
	if (peer > 0)
		netns_peer_stop(peer);
	return 0;
}

static void test_route_host_knows_its_addresses_and_mtus(void **state)
{
	(void)state;
	static struct route_host host;
	netns_require();
	assert_int_equal(route_host_find(&host, &why), 0);
	static const struct {
		const char *address;
		bool ours;
	} rows[] = {
		{"127.0.0.1", true},  {"127.9.9.9", true},     {"::1", true},
		{"198.18.0.1", true}, {"198.18.0.9", true},    {"fd18::1", true},
		{"fe80::a", true},    {"198.18.0.2", false},   {"fd18::2", false},
		{"0.0.0.0", false},   {"198.18.0.255", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct ip_addr a = addr(rows[i].address);
		if (route_host_has(&host, &a) != rows[i].ours)
			fail_msg("%s", rows[i].address);
	}
	assert_int_equal(route_host_mtu(&host, if_nametoindex("lo")), 65536);
	assert_int_equal(route_host_mtu(&host, if_nametoindex("va")), 1400);
	assert_int_equal(route_host_mtu(&host, 4000000000), 1500);
}

int main(void)
{
	netns_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_begin_with_a_neighbour),
		cmocka_unit_test(test_route_find_answers_as_the_kernel_would_send),
		cmocka_unit_test(test_route_host_knows_its_addresses_and_mtus),
		cmocka_unit_test(test_route_find_interface_down_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}

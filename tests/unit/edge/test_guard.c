/*
 * Does our kernel keep silent? Segments come from a second host over veth, or from
 * ourselves over lo; what our address answers is captured. That nothing came is told
 * by an answer to a later segment, to a port without a guard, from the same sender.
 */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/core/segment.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/clock.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/privs.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNGUARDED_PORT 9
#define REMOTE_PORT 7000

static struct fault why;
static pid_t peer;

struct place {
	const char *name;
	const char *interface;        /* where our kernel's answers are seen */
	const char *sender_interface; /* where the segments come from */
	const char *local;
	const char *remote;
	bool here; /* the sender is on this host too */
};

static const struct place places[] = {
	{"lo, IPv4", "lo", "lo", "127.0.0.1", "127.0.0.1", true},
	{"lo, IPv6", "lo", "lo", "::1", "::1", true},
	{"veth, IPv4", "va", "vb", "198.18.0.1", "198.18.0.2", false},
	{"veth, IPv6", "va", "vb", "fd18::1", "fd18::2", false},
	{"veth, link-local", "va", "vb", "fe80::a", "fe80::b", false},
};

static struct endpoint at(const char *address, uint16_t port)
{
	struct endpoint e = {.port = port};
	assert_true(ip_addr_parse(&e.addr, address));
	return e;
}

/* What the remote end sends to us: the first segments of both roles, and more. */
static const uint16_t segments[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH,
				    TCP_FIN | TCP_ACK};
#define SEGMENTS_COUNT ARRAY_COUNT(segments)

struct sending {
	const struct place *place;
	uint16_t port;
	uint8_t ttl;
};

/* All segments to the port in question, then one that is answered for sure. */
static int send_run(void *context)
{
	const struct sending *s = context;
	struct craft *c = NULL;
	const struct endpoint remote = at(s->place->remote, REMOTE_PORT);
	if (craft_open(&c, (enum ip_family)remote.addr.family, s->place->sender_interface, &why) <
	    0)
		return 1;
	struct segment_spec spec = {.src = remote, .dst = at(s->place->local, s->port)};
	spec.ttl = s->ttl;
	spec.window = 1000;
	for (size_t i = 0; i < SEGMENTS_COUNT; i++) {
		spec.flags = segments[i];
		spec.payload = (const uint8_t *)"x";
		spec.payload_bytes = (segments[i] & TCP_PSH) != 0 ? 1 : 0;
		if (craft_send(c, &spec, &why) < 0)
			return 2;
	}
	spec.dst.port = UNGUARDED_PORT;
	spec.flags = TCP_SYN;
	spec.payload_bytes = 0;
	if (craft_send(c, &spec, &why) < 0)
		return 3;
	craft_close(c);
	return 0;
}

struct answers {
	uint16_t port;
	unsigned count; /* from the port in question */
	bool last;      /* from the unguarded one */
};

static void see(void *context, const struct capture_frame *frame)
{
	struct answers *a = context;
	struct packet p;
	if (packet_decode(frame->data + 14, frame->captured_bytes - 14, frame->wire_bytes - 14,
			  &p) != PACKET_OK ||
	    p.kind != PACKET_TCP)
		return;
	if (p.tcp.src.port == a->port)
		a->count++;
	if (p.tcp.src.port == UNGUARDED_PORT)
		a->last = true;
}

/* Send all to a port of ours. @return how many answers our kernel gave */
static unsigned provoke(const struct place *place, uint16_t port, uint8_t ttl)
{
	struct capture *c = NULL;
	char filter[128];
	snprintf(filter, sizeof filter, "tcp and (src port %u or src port %d) and dst port %d",
		 port, UNGUARDED_PORT, REMOTE_PORT);
	const struct capture_spec spec = {
		.interface = place->interface, .filter = filter, .snap_bytes = 256};
	if (capture_open(&c, &spec, &why) != 0)
		fail_msg("%s", why.text);
	struct sending sending = {place, port, ttl};
	struct answers answers = {.port = port};
	assert_int_equal(netns_wait(netns_in(place->here ? 0 : peer, send_run, &sending)), 0);
	struct pollfd p = {.fd = capture_fd(c), .events = POLLIN};
	const int64_t end_ns = clock_monotonic_ns() + 2 * NS_PER_S;
	while (!answers.last && clock_monotonic_ns() < end_ns) {
		(void)poll(&p, 1, 100);
		assert_true(capture_drain(c, 0, see, &answers, &why) >= 0);
	}
	assert_true(answers.last);
	capture_close(c);
	return answers.count;
}

static struct guard_spec spec_at(const struct place *place, enum guard_kind kind, uint16_t port)
{
	struct guard_spec spec = {.kind = kind,
				  .local = at(place->local, port),
				  .remote = at(place->remote, REMOTE_PORT)};
	if (ip_addr_is_link_local(&spec.local.addr))
		spec.scope_id = if_nametoindex(place->interface);
	return spec;
}

static struct guard *armed(const struct guard_spec *spec)
{
	struct guard *g = NULL;
	if (guard_arm(&g, spec, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(guard_port(g) != 0);
	if (spec->local.port != 0)
		assert_int_equal(guard_port(g), spec->local.port);
	return g;
}

static void keeps_silent_everywhere(enum guard_kind kind, uint8_t ttl)
{
	netns_require();
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		const struct guard_spec spec = spec_at(&places[i], kind, 0);
		struct guard *g = armed(&spec);
		assert_int_equal(guard_kind(g), kind == GUARD_AUTO ? GUARD_SOCKET : kind);
		const unsigned answers = provoke(&places[i], guard_port(g), ttl);
		if (answers != 0)
			fail_msg("%s: %u answers of our kernel", places[i].name, answers);
		assert_int_equal(guard_absorbed(g), kind == GUARD_NFT ? 0 : SEGMENTS_COUNT);
		guard_disarm(g);
	}
}

static void test_guard_arm_socket_keeps_the_kernel_silent(void **state)
{
	(void)state;
	keeps_silent_everywhere(GUARD_SOCKET, 64);
}

static void test_guard_arm_every_address_keeps_the_kernel_silent(void **state)
{
	(void)state;
	static const enum guard_kind kinds[] = {GUARD_SOCKET, GUARD_NFT};
	netns_require();
	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
			struct guard_spec spec = {.kind = kinds[k]};
			spec.local.addr.family = at(places[i].local, 0).addr.family;
			struct guard *g = armed(&spec);
			const unsigned answers = provoke(&places[i], guard_port(g), 64);
			if (answers != 0)
				fail_msg("%s: %u answers of our kernel", places[i].name, answers);
			guard_disarm(g);
		}
	}
}

static void test_guard_arm_socket_keeps_it_silent_for_a_neighbour_with_ttl_255(void **state)
{
	(void)state;
	keeps_silent_everywhere(GUARD_SOCKET, 255);
}

static void test_guard_arm_nft_keeps_the_kernel_silent(void **state)
{
	(void)state;
	keeps_silent_everywhere(GUARD_NFT, 255);
}

static void test_guard_arm_auto_takes_the_socket(void **state)
{
	(void)state;
	keeps_silent_everywhere(GUARD_AUTO, 64);
}

static void test_guard_arm_none_lets_the_kernel_answer(void **state)
{
	(void)state;
	netns_require();
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		const struct guard_spec spec = spec_at(&places[i], GUARD_NONE, 0);
		struct guard *g = armed(&spec);
		assert_string_equal(guard_kind_text(g), "none");
		assert_int_equal(provoke(&places[i], guard_port(g), 64), SEGMENTS_COUNT);
		assert_int_equal(guard_absorbed(g), 0);
		guard_disarm(g);
	}
}

static void test_guard_disarm_lets_the_kernel_answer_again(void **state)
{
	(void)state;
	netns_require();
	static const enum guard_kind kinds[] = {GUARD_SOCKET, GUARD_NFT};
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		const struct guard_spec spec = spec_at(&places[0], kinds[i], 0);
		struct guard *g = armed(&spec);
		const uint16_t port = guard_port(g);
		guard_disarm(g);
		assert_int_equal(provoke(&places[0], port, 64), SEGMENTS_COUNT);
	}
	guard_disarm(NULL);
}

static void test_guard_arm_nft_drops_only_from_the_remote(void **state)
{
	(void)state;
	netns_require();
	struct guard_spec spec = spec_at(&places[2], GUARD_NFT, 0);
	spec.remote.port = REMOTE_PORT + 1;
	struct guard *g = armed(&spec);
	assert_int_equal(provoke(&places[2], guard_port(g), 64), SEGMENTS_COUNT);
	guard_disarm(g);
	spec.remote.port = 0;
	g = armed(&spec);
	assert_int_equal(provoke(&places[2], guard_port(g), 64), 0);
	guard_disarm(g);
	spec.remote.addr.family = IP_NONE;
	g = armed(&spec);
	assert_int_equal(provoke(&places[2], guard_port(g), 64), 0);
	guard_disarm(g);
}

/* --- the port --- */

/* @return 0, or negative errno: what another process meets that wants the port */
static int try_to_take(const char *address, uint16_t port)
{
	const struct endpoint e = at(address, port);
	const int one = 1;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&v4.sin_addr, e.addr.bytes, 4);
	memcpy(&v6.sin6_addr, e.addr.bytes, 16);
	const bool is_v6 = e.addr.family == IP_V6;
	const int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), 0);
	const int bound = is_v6 ? bind(fd, (const struct sockaddr *)&v6, sizeof v6)
				: bind(fd, (const struct sockaddr *)&v4, sizeof v4);
	const int status = bound < 0 || listen(fd, 1) < 0 ? -errno : 0;
	close(fd);
	return status;
}

static void test_guard_arm_reserves_the_port(void **state)
{
	(void)state;
	netns_require();
	static const enum guard_kind kinds[] = {GUARD_SOCKET, GUARD_NFT, GUARD_NONE};
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		for (size_t p = 0; p < 4; p++) {
			const struct guard_spec spec = spec_at(&places[p], kinds[i], 0);
			struct guard *g = armed(&spec);
			struct guard *second = NULL;
			struct guard_spec again = spec;
			again.local.port = guard_port(g);
			again.kind = GUARD_SOCKET;
			assert_int_equal(guard_arm(&second, &again, &why), -EADDRINUSE);
			again.kind = GUARD_NONE;
			assert_int_equal(guard_arm(&second, &again, &why), -EADDRINUSE);
			if (kinds[i] != GUARD_NFT && kinds[i] != GUARD_NONE)
				assert_int_equal(try_to_take(places[p].local, guard_port(g)),
						 -EADDRINUSE);
			guard_disarm(g);
			assert_int_equal(try_to_take(places[p].local, again.local.port), 0);
		}
	}
}

static int listen_on_v4(uint16_t port)
{
	const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_guard_arm_port_in_use_is_taken_over_by_nft_only(void **state)
{
	(void)state;
	netns_require();
	const int fd = listen_on_v4(8080);
	struct guard *g = NULL;
	struct guard_spec spec = spec_at(&places[2], GUARD_AUTO, 8080);
	assert_int_equal(guard_arm(&g, &spec, &why), -EADDRINUSE);
	assert_non_null(strstr(why.text, "198.18.0.1:8080"));
	assert_non_null(strstr(why.text, "--guard nft"));
	spec.kind = GUARD_SOCKET;
	assert_int_equal(guard_arm(&g, &spec, &why), -EADDRINUSE);
	assert_true(provoke(&places[2], 8080, 64) > 0);
	spec.kind = GUARD_NFT;
	g = armed(&spec);
	assert_int_equal(guard_kind(g), GUARD_NFT);
	assert_string_equal(guard_kind_text(g), "nftables");
	assert_int_equal(provoke(&places[2], 8080, 64), 0);
	guard_disarm(g);
	close(fd);
}

static void test_guard_arm_foreign_address_needs_nft(void **state)
{
	(void)state;
	netns_require();
	struct guard *g = NULL;
	struct guard_spec spec = spec_at(&places[2], GUARD_SOCKET, 0);
	spec.local = at("198.18.0.77", 0);
	assert_int_equal(guard_arm(&g, &spec, &why), -EADDRNOTAVAIL);
	assert_non_null(strstr(why.text, "not an address of this host"));
	spec.kind = GUARD_AUTO;
	g = armed(&spec);
	assert_int_equal(guard_kind(g), GUARD_NFT);
	guard_disarm(g);
}

/* --- other people's firewalls --- */

static void test_guard_arm_nft_passes_a_firewall_that_tracks(void **state)
{
	(void)state;
	netns_require();
	const struct place *lo = &places[0];
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, IP_V4, NULL, &why), 0);
	if (netns_run("nft 'add table inet strict; add chain inet strict o { type filter hook "
		      "output priority 0; }; add rule inet strict o ct state invalid drop'") != 0) {
		print_message("this kernel has no connection tracking\n");
		craft_close(c);
		skip();
	}
	struct segment_spec segment = {.src = at(lo->local, 5000),
				       .dst = at(lo->remote, REMOTE_PORT),
				       .flags = TCP_SYN | TCP_ACK};
	assert_int_equal(craft_send(c, &segment, &why), -EPERM);
	const struct guard_spec spec = spec_at(lo, GUARD_NFT, 5000);
	struct guard *g = armed(&spec);
	if (craft_send(c, &segment, &why) != 0)
		fail_msg("%s", why.text);
	guard_disarm(g);
	assert_int_equal(netns_run("nft delete table inet strict"), 0);
	craft_close(c);
}

static void test_guard_arm_nft_survives_somebody_elses_flush(void **state)
{
	(void)state;
	netns_require();
	const struct guard_spec spec = spec_at(&places[2], GUARD_NFT, 0);
	struct guard *g = armed(&spec);
	assert_int_equal(netns_run("nft flush ruleset"), 0);
	assert_int_equal(netns_run("nft list tables | grep -q synscope_"), 0);
	assert_int_equal(provoke(&places[2], guard_port(g), 64), 0);
	assert_int_equal(netns_run("nft list ruleset | grep -q 'packets %zu '", SEGMENTS_COUNT), 0);
	guard_disarm(g);
	assert_int_equal(netns_run("nft list tables | grep -q synscope_"), 1);
}

/* --- nothing stays --- */

struct holder {
	enum guard_kind kind;
	int port_fd;
};

static int hold_guard(void *context)
{
	const struct holder *h = context;
	const struct guard_spec spec = spec_at(&places[2], h->kind, 0);
	struct guard *g = NULL;
	if (guard_arm(&g, &spec, &why) != 0)
		return 1;
	const uint16_t port = guard_port(g);
	if (privs_drop(&why) != 0 || write(h->port_fd, &port, sizeof port) != sizeof port)
		return 2;
	for (;;)
		pause();
}

static void test_guard_arm_holder_killed_leaves_nothing(void **state)
{
	(void)state;
	netns_require();
	static const enum guard_kind kinds[] = {GUARD_SOCKET, GUARD_NFT, GUARD_NONE};
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		int pipe_fd[2];
		uint16_t port = 0;
		assert_int_equal(pipe(pipe_fd), 0);
		assert_int_equal(netns_run("nft list tables | grep -q synscope_"), 1);
		struct holder h = {kinds[i], pipe_fd[1]};
		const pid_t child = netns_in(0, hold_guard, &h);
		assert_int_equal(read(pipe_fd[0], &port, sizeof port), sizeof port);
		assert_int_equal(netns_run("nft list tables | grep -q synscope_"),
				 kinds[i] == GUARD_NFT ? 0 : 1);
		if (kinds[i] != GUARD_NONE)
			assert_int_equal(provoke(&places[2], port, 64), 0);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(netns_wait(child), 128 + SIGKILL);
		/* The kernel takes the table away in its own time: 50 ms were measured. */
		assert_int_equal(netns_run("for i in 1 2 3 4 5 6 7 8 9 10; do "
					   "nft list tables | grep -q synscope_ || exit 0; "
					   "sleep 0.1; done; exit 1"),
				 0);
		assert_int_equal(try_to_take(places[2].local, port), 0);
		assert_int_equal(provoke(&places[2], port, 64), SEGMENTS_COUNT);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
	}
}

/* --- with little privilege --- */

static int arm_without_privilege(void *context)
{
	(void)context;
	struct guard_spec spec = spec_at(&places[0], GUARD_AUTO, 0);
	struct guard *g = NULL;
	struct craft *c = NULL;
	const struct endpoint remote = at(places[0].remote, REMOTE_PORT);
	if (craft_open(&c, IP_V4, NULL, &why) != 0 || privs_drop(&why) != 0 ||
	    guard_arm(&g, &spec, &why) != 0)
		return 1;
	/* Whether the kernel lets us attach a filter is its own affair. */
	if (guard_kind(g) != GUARD_SOCKET || strncmp(guard_kind_text(g), "listen socket", 13) != 0)
		return 2;
	const struct segment_spec segment = {
		.src = remote, .dst = at(places[0].local, guard_port(g)), .flags = TCP_SYN};
	if (craft_send(c, &segment, &why) != 0)
		return 3;
	const struct timespec pause = {.tv_nsec = 1000000};
	for (int i = 0; i < 1000 && guard_absorbed(g) == 0; i++)
		nanosleep(&pause, NULL);
	if (guard_absorbed(g) != 1)
		return 4;
	guard_disarm(g);
	spec.kind = GUARD_NFT;
	if (guard_arm(&g, &spec, &why) != -EPERM || strstr(why.text, "CAP_NET_ADMIN") == NULL)
		return 5;
	/* Unless the system lets anybody have low ports (ip_unprivileged_port_start). */
	spec.kind = GUARD_SOCKET;
	spec.local.port = 1;
	const int status = guard_arm(&g, &spec, &why);
	if (status != 0 && (status != -EACCES || strstr(why.text, "BIND_SERVICE") == NULL))
		return 6;
	return 0;
}

static void test_guard_arm_without_privilege_still_absorbs(void **state)
{
	(void)state;
	netns_require();
	assert_int_equal(netns_wait(netns_in(0, arm_without_privilege, NULL)), 0);
}

/* The peer is started by the first test, where failing and skipping are possible. */
static void test_guard_begin_with_a_neighbour(void **state)
{
	(void)state;
	netns_require();
	peer = netns_peer_start();
}

static int tear_down(void **state)
{
	(void)state;
	if (peer > 0)
		netns_peer_stop(peer);
	return 0;
}

int main(void)
{
	netns_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_begin_with_a_neighbour),
		cmocka_unit_test(test_guard_arm_none_lets_the_kernel_answer),
		cmocka_unit_test(test_guard_arm_socket_keeps_the_kernel_silent),
		cmocka_unit_test(test_guard_arm_every_address_keeps_the_kernel_silent),
		cmocka_unit_test(
			test_guard_arm_socket_keeps_it_silent_for_a_neighbour_with_ttl_255),
		cmocka_unit_test(test_guard_arm_nft_keeps_the_kernel_silent),
		cmocka_unit_test(test_guard_arm_auto_takes_the_socket),
		cmocka_unit_test(test_guard_disarm_lets_the_kernel_answer_again),
		cmocka_unit_test(test_guard_arm_nft_drops_only_from_the_remote),
		cmocka_unit_test(test_guard_arm_reserves_the_port),
		cmocka_unit_test(test_guard_arm_port_in_use_is_taken_over_by_nft_only),
		cmocka_unit_test(test_guard_arm_foreign_address_needs_nft),
		cmocka_unit_test(test_guard_arm_nft_passes_a_firewall_that_tracks),
		cmocka_unit_test(test_guard_arm_nft_survives_somebody_elses_flush),
		cmocka_unit_test(test_guard_arm_holder_killed_leaves_nothing),
		cmocka_unit_test(test_guard_arm_without_privilege_still_absorbs),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}

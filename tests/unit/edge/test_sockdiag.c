/*
 * The kernel's end of a connection whose other end is made by hand, so that it can be
 * led into every state and kept there.
 */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/core/segment.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/clock.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/sockdiag.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct fault why;
static struct sockdiag *diag;

static struct endpoint at(const char *address, uint16_t port)
{
	struct endpoint e = {.port = port};
	assert_true(ip_addr_parse(&e.addr, address));
	return e;
}

static socklen_t sockaddr_of(const struct endpoint *e, struct sockaddr_storage *a)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;
	memset(a, 0, sizeof *a);
	if (e->addr.family == IP_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(e->port);
		memcpy(&v6->sin6_addr, e->addr.bytes, 16);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(e->port);
	memcpy(&v4->sin_addr, e->addr.bytes, 4);
	return sizeof *v4;
}

static int listener_at(const char *address, uint16_t port, int v6only)
{
	const struct endpoint e = at(address, port);
	struct sockaddr_storage a;
	const int one = 1;
	const socklen_t count = sockaddr_of(&e, &a);
	const int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	if (a.ss_family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only),
				 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, count), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static struct sockdiag_truth ask(struct endpoint local, struct endpoint remote)
{
	struct sockdiag_truth truth;
	if (sockdiag_ask(diag, &local, &remote, &truth, &why) != 0)
		fail_msg("%s", why.text);
	return truth;
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};
	nanosleep(&pause, NULL);
}

/* The kernel acts on a segment at once on lo, on a call nearly so: allow it a second. */
static void assert_state(struct endpoint local, struct endpoint remote, enum tcp_state state)
{
	struct sockdiag_truth truth = {0};
	for (int i = 0; i < 200; i++) {
		truth = ask(local, remote);
		if (truth.state == state)
			return;
		pause_ms(5);
	}
	fail_msg("%s, not %s", state_name(truth.state), state_name(state));
}

/* --- our end, by hand --- */

struct hand {
	struct guard *guard;
	struct capture *capture;
	struct craft *craft;
	struct endpoint us, them;
	uint32_t seq, ack;
};

static struct hand hand_open(const char *us, const char *them, uint16_t port)
{
	struct hand h = {.us = at(us, 0), .them = at(them, port), .seq = 1000};
	char filter[1024];
	const struct guard_spec guard = {.local = h.us, .remote = h.them};
	assert_int_equal(guard_arm(&h.guard, &guard, &why), 0);
	h.us.port = guard_port(h.guard);
	capture_filter_for(&h.us, &h.them, filter, sizeof filter);
	const struct capture_spec where = {.interface = "lo", .filter = filter, .snap_bytes = 256};
	assert_int_equal(capture_open(&h.capture, &where, &why), 0);
	assert_int_equal(craft_open(&h.craft, (enum ip_family)h.us.addr.family, "lo", &why), 0);
	return h;
}

static void hand_close(struct hand *h)
{
	const struct segment_spec rst = {
		.src = h->us, .dst = h->them, .seq = {h->seq}, .flags = TCP_RST};
	assert_int_equal(craft_send(h->craft, &rst, &why), 0);
	craft_close(h->craft);
	capture_close(h->capture);
	guard_disarm(h->guard);
}

static void hand_send(struct hand *h, uint16_t flags)
{
	const struct segment_spec s = {.src = h->us,
				       .dst = h->them,
				       .seq = {h->seq},
				       .ack = {h->ack},
				       .flags = flags,
				       .window = 1000};
	assert_int_equal(craft_send(h->craft, &s, &why), 0);
	h->seq += (flags & (TCP_SYN | TCP_FIN)) != 0 ? 1 : 0;
}

struct wanted {
	struct hand *hand;
	uint16_t flags;
	bool seen;
};

static void see(void *context, const struct capture_frame *frame)
{
	struct wanted *w = context;
	struct packet p;
	if (packet_decode(frame->data + 14, frame->captured_bytes - 14, frame->wire_bytes - 14,
			  &p) != PACKET_OK ||
	    p.kind != PACKET_TCP || p.tcp.src.port != w->hand->them.port ||
	    (p.tcp.flags & w->flags) != w->flags)
		return;
	w->hand->ack = segment_end(&p.tcp).raw;
	w->seen = true;
}

/* Wait for a segment of theirs, and take its end as what we acknowledge next. */
static void hand_await(struct hand *h, uint16_t flags)
{
	struct wanted w = {h, flags, false};
	struct pollfd p = {.fd = capture_fd(h->capture), .events = POLLIN};
	for (int i = 0; i < 20 && !w.seen; i++) {
		(void)poll(&p, 1, 100);
		assert_true(capture_drain(h->capture, 0, see, &w, &why) >= 0);
	}
	assert_true(w.seen);
}

/* A connection to a kernel listener, opened by hand. @return the accepted socket */
static int hand_connect(struct hand *h, int listener)
{
	hand_send(h, TCP_SYN);
	hand_await(h, TCP_SYN | TCP_ACK);
	hand_send(h, TCP_ACK);
	const int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

/* --- the states --- */

/* Each pair as kernel's address, our address, kernel's listener. */
static const struct {
	const char *them, *us, *listens;
	int v6only;
} families[] = {
	{"127.0.0.1", "127.0.0.1", "127.0.0.1", 0},
	{"127.0.0.1", "127.0.0.1", "0.0.0.0", 0},
	{"::1", "::1", "::", 1},
	{"127.0.0.1", "127.0.0.1", "::", 0}, /* IPv4 on an IPv6 socket */
};

typedef void (*family_test_fn)(struct hand *h, int listener);

static void for_each_family(family_test_fn test)
{
	netns_require();
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const uint16_t port = (uint16_t)(7100 + i);
		const int listener = listener_at(families[i].listens, port, families[i].v6only);
		struct hand h = hand_open(families[i].us, families[i].them, port);
		assert_state(h.them, h.us, ST_LISTEN);
		test(&h, listener);
		hand_close(&h);
		assert_state(h.them, h.us, ST_LISTEN);
		close(listener);
		assert_state(h.them, h.us, ST_CLOSED);
	}
}

static void passive_open(struct hand *h, int listener)
{
	hand_send(h, TCP_SYN);
	hand_await(h, TCP_SYN | TCP_ACK);
	assert_state(h->them, h->us, ST_SYN_RECEIVED);
	assert_true(ask(h->them, h->us).request);
	assert_false(ask(h->them, h->us).fin_unsent);
	hand_send(h, TCP_ACK);
	assert_state(h->them, h->us, ST_ESTABLISHED);
	assert_false(ask(h->them, h->us).request);
	close(accept(listener, NULL, NULL));
}

static void test_sockdiag_ask_passive_open_goes_by_request_to_established(void **state)
{
	(void)state;
	for_each_family(passive_open);
}

static void they_close_first(struct hand *h, int listener)
{
	const int fd = hand_connect(h, listener);
	close(fd);
	hand_await(h, TCP_FIN);
	assert_state(h->them, h->us, ST_FIN_WAIT_1);
	assert_false(ask(h->them, h->us).fin_unsent);
	hand_send(h, TCP_ACK);
	assert_state(h->them, h->us, ST_FIN_WAIT_2);
	hand_send(h, TCP_FIN | TCP_ACK);
	assert_state(h->them, h->us, ST_TIME_WAIT);
}

static void test_sockdiag_ask_their_close_goes_by_both_waits_to_time_wait(void **state)
{
	(void)state;
	for_each_family(they_close_first);
}

/* Not orphaned: FIN-WAIT-2 of a whole socket, where they_close_first has a miniature. */
static void they_shut_down(struct hand *h, int listener)
{
	const int fd = hand_connect(h, listener);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hand_await(h, TCP_FIN);
	hand_send(h, TCP_ACK);
	assert_state(h->them, h->us, ST_FIN_WAIT_2);
	close(fd);
}

static void test_sockdiag_ask_their_half_close_is_fin_wait_2(void **state)
{
	(void)state;
	for_each_family(they_shut_down);
}

static void we_close_first(struct hand *h, int listener)
{
	const int fd = hand_connect(h, listener);
	hand_send(h, TCP_FIN | TCP_ACK);
	assert_state(h->them, h->us, ST_CLOSE_WAIT);
	close(fd);
	hand_await(h, TCP_FIN);
	assert_state(h->them, h->us, ST_LAST_ACK);
	assert_false(ask(h->them, h->us).fin_unsent);
	hand_send(h, TCP_ACK);
	assert_state(h->them, h->us, ST_LISTEN);
}

static void test_sockdiag_ask_our_close_goes_by_close_wait_to_last_ack(void **state)
{
	(void)state;
	for_each_family(we_close_first);
}

static void both_close(struct hand *h, int listener)
{
	const int fd = hand_connect(h, listener);
	const uint32_t before = h->ack;
	close(fd);
	hand_await(h, TCP_FIN);
	h->ack = before; /* our FIN left before theirs came */
	hand_send(h, TCP_FIN | TCP_ACK);
	assert_state(h->them, h->us, ST_CLOSING);
}

static void test_sockdiag_ask_simultaneous_close_is_closing(void **state)
{
	(void)state;
	for_each_family(both_close);
}

/* Our window of 1000 is full, and the FIN stands behind the rest. */
static void fin_stuck(struct hand *h, int listener)
{
	static const uint8_t data[5000];
	const int fd = hand_connect(h, listener);
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	hand_await(h, TCP_ACK);
	assert_false(ask(h->them, h->us).fin_unsent);
	close(fd);
	assert_state(h->them, h->us, ST_FIN_WAIT_1);
	assert_true(ask(h->them, h->us).fin_unsent);
}

static void test_sockdiag_ask_fin_behind_a_full_window_is_unsent(void **state)
{
	(void)state;
	for_each_family(fin_stuck);
}

static void fin_stuck_in_last_ack(struct hand *h, int listener)
{
	static const uint8_t data[5000];
	const int fd = hand_connect(h, listener);
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	hand_send(h, TCP_FIN | TCP_ACK);
	assert_state(h->them, h->us, ST_CLOSE_WAIT);
	assert_false(ask(h->them, h->us).fin_unsent);
	close(fd);
	assert_state(h->them, h->us, ST_LAST_ACK);
	assert_true(ask(h->them, h->us).fin_unsent);
}

static void test_sockdiag_ask_fin_unsent_in_last_ack_is_told(void **state)
{
	(void)state;
	for_each_family(fin_stuck_in_last_ack);
}

static void test_sockdiag_ask_active_open_is_syn_sent(void **state)
{
	(void)state;
	netns_require();
	static const char *const loopbacks[] = {"127.0.0.1", "::1"};
	for (size_t i = 0; i < 2; i++) {
		struct hand h = hand_open(loopbacks[i], loopbacks[i], 7200);
		struct sockaddr_storage a;
		struct sockaddr_storage to;
		const socklen_t count = sockaddr_of(&h.them, &a);
		const int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fd, (const struct sockaddr *)&a, count), 0);
		/* The guard absorbs the SYN: no answer comes. */
		assert_int_equal(sockaddr_of(&h.us, &to), count);
		assert_int_equal(connect(fd, (const struct sockaddr *)&to, count), -1);
		assert_int_equal(errno, EINPROGRESS);
		assert_state(h.them, h.us, ST_SYN_SENT);
		close(fd);
		assert_state(h.them, h.us, ST_CLOSED);
		hand_close(&h);
	}
}

static void test_sockdiag_ask_only_a_listener_that_would_take_it_counts(void **state)
{
	(void)state;
	netns_require();
	static const struct {
		const char *listens;
		int v6only;
		const char *local;
		enum tcp_state state;
	} cases[] = {
		{"0.0.0.0", 0, "127.0.0.1", ST_LISTEN},
		{"0.0.0.0", 0, "::1", ST_CLOSED},
		{"127.0.0.1", 0, "127.0.0.1", ST_LISTEN},
		{"127.0.0.1", 0, "127.0.0.2", ST_CLOSED},
		{"::", 0, "127.0.0.1", ST_LISTEN},
		{"::", 0, "::1", ST_LISTEN},
		{"::", 1, "127.0.0.1", ST_CLOSED},
		{"::", 1, "::1", ST_LISTEN},
		{"::1", 1, "::1", ST_LISTEN},
		{"::1", 0, "127.0.0.1", ST_CLOSED},
		{"::ffff:127.0.0.1", 0, "127.0.0.1", ST_LISTEN},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct endpoint local = at(cases[i].local, 7300);
		const struct endpoint remote = at(cases[i].local, 50000);
		const struct endpoint other = at(cases[i].local, 7301);
		const int fd = listener_at(cases[i].listens, 7300, cases[i].v6only);
		if (ask(local, remote).state != cases[i].state)
			fail_msg("listener %s, v6only %d, asked for %s", cases[i].listens,
				 cases[i].v6only, cases[i].local);
		assert_int_equal(ask(other, remote).state, ST_CLOSED);
		close(fd);
	}
}

static void test_sockdiag_ask_other_tuples_of_the_port_are_not_confused(void **state)
{
	(void)state;
	netns_require();
	const int listener = listener_at("0.0.0.0", 7400, 0);
	struct hand one = hand_open("127.0.0.1", "127.0.0.1", 7400);
	struct hand two = hand_open("127.0.0.1", "127.0.0.1", 7400);
	const int first = hand_connect(&one, listener);
	const int second = hand_connect(&two, listener);
	hand_send(&two, TCP_FIN | TCP_ACK);
	assert_state(two.them, two.us, ST_CLOSE_WAIT);
	assert_state(one.them, one.us, ST_ESTABLISHED);
	struct endpoint stranger = one.us;
	stranger.port = 1;
	assert_state(one.them, stranger, ST_LISTEN);
	close(first);
	close(second);
	hand_close(&one);
	hand_close(&two);
	close(listener);
}

static void test_sockdiag_ask_many_sockets_is_right_and_quick(void **state)
{
	(void)state;
	netns_require();
	enum { CONNECTIONS = 300 };
	const int listener = listener_at("127.0.0.1", 7500, 0);
	const struct endpoint them = at("127.0.0.1", 7500);
	struct sockaddr_storage a;
	const socklen_t count = sockaddr_of(&them, &a);
	int fds[CONNECTIONS];
	struct endpoint us = them;
	for (int i = 0; i < CONNECTIONS; i++) {
		struct sockaddr_in name;
		socklen_t name_bytes = sizeof name;
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (const struct sockaddr *)&a, count), 0);
		close(accept(listener, NULL, NULL));
		assert_int_equal(getsockname(fds[i], (struct sockaddr *)&name, &name_bytes), 0);
		us.port = ntohs(name.sin_port);
	}
	assert_state(us, them, ST_CLOSE_WAIT);
	assert_state(them, us, ST_FIN_WAIT_2);
	int64_t best_ns = INT64_MAX;
	for (int i = 0; i < 100; i++) {
		const int64_t begin_ns = clock_monotonic_ns();
		(void)ask(us, them);
		const int64_t took_ns = clock_monotonic_ns() - begin_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	assert_true(best_ns < 300 * NS_PER_US);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(listener);
}

/* --- other namespaces --- */

static int listen_there(void *context)
{
	const int *ready_fd = context;
	const int fd = socket(AF_INET6, SOCK_STREAM, 0);
	const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(7600)};
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 5) < 0 ||
	    write(*ready_fd, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static void test_sockdiag_open_in_another_namespace_asks_there(void **state)
{
	(void)state;
	netns_require();
	const pid_t peer = netns_peer_start();
	char path[64];
	char before[64] = "";
	char after[64] = "";
	char byte;
	int ready[2];
	struct sockdiag *there = NULL;
	struct sockdiag_truth truth;
	const struct endpoint local = at("198.18.0.2", 7600);
	const struct endpoint remote = at("198.18.0.1", 40000);
	assert_int_equal(pipe(ready), 0);
	const pid_t child = netns_in(peer, listen_there, &ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	snprintf(path, sizeof path, "/proc/%d/ns/net", peer);
	assert_true(readlink("/proc/self/ns/net", before, sizeof before - 1) > 0);
	assert_int_equal(sockdiag_open(&there, path, &why), 0);
	assert_true(readlink("/proc/self/ns/net", after, sizeof after - 1) > 0);
	assert_string_equal(before, after);
	assert_int_equal(sockdiag_ask(there, &local, &remote, &truth, &why), 0);
	assert_int_equal(truth.state, ST_LISTEN);
	assert_int_equal(ask(local, remote).state, ST_CLOSED);
	sockdiag_close(there);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(netns_wait(child), 128 + SIGKILL);
	close(ready[0]);
	close(ready[1]);
	netns_peer_stop(peer);
}

static void test_sockdiag_open_no_such_namespace_says_why(void **state)
{
	(void)state;
	netns_require();
	struct sockdiag *there = NULL;
	assert_int_equal(sockdiag_open(&there, "/proc/self/ns/nosuch", &why), -ENOENT);
	assert_non_null(strstr(why.text, "nosuch"));
	assert_null(there);
	sockdiag_close(NULL);
}

static void test_sockdiag_begin_with_a_network(void **state)
{
	(void)state;
	netns_require();
	assert_int_equal(sockdiag_open(&diag, NULL, &why), 0);
}

static int tear_down(void **state)
{
	(void)state;
	sockdiag_close(diag);
	return 0;
}

int main(void)
{
	netns_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockdiag_begin_with_a_network),
		cmocka_unit_test(test_sockdiag_ask_only_a_listener_that_would_take_it_counts),
		cmocka_unit_test(test_sockdiag_ask_passive_open_goes_by_request_to_established),
		cmocka_unit_test(test_sockdiag_ask_active_open_is_syn_sent),
		cmocka_unit_test(test_sockdiag_ask_their_close_goes_by_both_waits_to_time_wait),
		cmocka_unit_test(test_sockdiag_ask_their_half_close_is_fin_wait_2),
		cmocka_unit_test(test_sockdiag_ask_our_close_goes_by_close_wait_to_last_ack),
		cmocka_unit_test(test_sockdiag_ask_simultaneous_close_is_closing),
		cmocka_unit_test(test_sockdiag_ask_fin_behind_a_full_window_is_unsent),
		cmocka_unit_test(test_sockdiag_ask_fin_unsent_in_last_ack_is_told),
		cmocka_unit_test(test_sockdiag_ask_other_tuples_of_the_port_are_not_confused),
		cmocka_unit_test(test_sockdiag_ask_many_sockets_is_right_and_quick),
		cmocka_unit_test(test_sockdiag_open_in_another_namespace_asks_there),
		cmocka_unit_test(test_sockdiag_open_no_such_namespace_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}

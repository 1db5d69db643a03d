#include "synscope/edge/relay.h"

#include "../../support/cm.h"
#include "../../support/labkit.h"
#include "synscope/edge/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- fate: pure -------------------------------------------------------------------------- */

static void test_fate_nothing_asked_nothing_happens(void **state)
{
	(void)state;
	const struct relay_spec spec = {.seed = 7};
	for (uint32_t i = 1; i < 1000; i++) {
		const struct relay_fate fate = relay_fate(&spec, RELAY_TO_SERVER, i);
		assert_false(fate.lost || fate.held_back || fate.duplicated || fate.corrupted);
	}
}

static void test_fate_drop_lists_hit_exactly_those(void **state)
{
	(void)state;
	const struct relay_spec spec = {.drop_to_server = {1, 3, 300}, .drop_to_client = {2}};
	for (uint32_t i = 1; i < 400; i++) {
		assert_int_equal(relay_fate(&spec, RELAY_TO_SERVER, i).lost,
				 i == 1 || i == 3 || i == 300);
		assert_int_equal(relay_fate(&spec, RELAY_TO_CLIENT, i).lost, i == 2);
	}
}

static void test_fate_full_drop_list_is_read_to_its_end(void **state)
{
	(void)state;
	struct relay_spec spec = {.seed = 0};
	for (uint32_t i = 0; i < RELAY_DROPS_MAX; i++)
		spec.drop_to_client[i] = 2 * i + 2;
	for (uint32_t i = 1; i <= 2 * RELAY_DROPS_MAX; i++)
		assert_int_equal(relay_fate(&spec, RELAY_TO_CLIENT, i).lost, i % 2 == 0);
	assert_false(relay_fate(&spec, RELAY_TO_CLIENT, 2 * RELAY_DROPS_MAX + 2).lost);
}

static void test_fate_shares_are_those_asked_for(void **state)
{
	(void)state;
	enum { FRAMES = 100000 };
	for (uint64_t seed = 0; seed < 4; seed++) {
		const struct relay_spec spec = {.loss = 0.05,
						.reorder = 0.10,
						.duplicate = 0.02,
						.corrupt = 0.5,
						.seed = seed};
		int lost = 0, held = 0, duplicated = 0, corrupted = 0, both = 0;
		for (uint32_t i = 1; i <= FRAMES; i++) {
			const struct relay_fate fate = relay_fate(&spec, RELAY_TO_SERVER, i);
			lost += fate.lost;
			held += fate.held_back;
			duplicated += fate.duplicated;
			corrupted += fate.corrupted;
			both += fate.lost && relay_fate(&spec, RELAY_TO_CLIENT, i).lost;
		}
		/* Five standard deviations of each. */
		assert_in_range(lost, 5000 - 345, 5000 + 345);
		assert_in_range(held, 9500 - 475, 9500 + 475);
		assert_in_range(duplicated, 1900 - 220, 1900 + 220);
		assert_in_range(corrupted, 47500 - 800, 47500 + 800);
		/* The directions know nothing of each other. */
		assert_in_range(both, 250 - 80, 250 + 80);
	}
}

static void test_fate_seed_repeats_and_differs(void **state)
{
	(void)state;
	const struct relay_spec one = {.loss = 0.5, .seed = 1};
	const struct relay_spec two = {.loss = 0.5, .seed = 2};
	int same = 0;
	for (uint32_t i = 1; i <= 1000; i++) {
		const bool lost = relay_fate(&one, RELAY_TO_SERVER, i).lost;
		assert_int_equal(relay_fate(&one, RELAY_TO_SERVER, i).lost, lost);
		same += relay_fate(&two, RELAY_TO_SERVER, i).lost == lost;
	}
	assert_in_range(same, 420, 580);
}

static void test_fate_certain_loss_and_none(void **state)
{
	(void)state;
	const struct relay_spec all = {.loss = 1.0};
	const struct relay_spec none = {.loss = 0.0};
	for (uint32_t i = 1; i < 5000; i++) {
		assert_true(relay_fate(&all, RELAY_TO_CLIENT, i).lost);
		assert_false(relay_fate(&none, RELAY_TO_CLIENT, i).lost);
	}
}

static void test_open_no_such_interface_says_which(void **state)
{
	(void)state;
	const struct relay_spec spec = {.seed = 0};
	struct relay *relay = NULL;
	struct fault why = {{0}};
	assert_int_equal(relay_open(&relay, "no-such-0", "no-such-1", &spec, &why), -ENODEV);
	assert_string_equal(why.text, "cannot attach the relay to no-such-0: No such device");
	assert_null(relay);
}

/* --- crafted frames through the wire -------------------------------------------------------- */

struct wire {
	struct lab *lab;
	int client, server; /* taps */
};

static struct wire open_wire(const struct relay_spec *spec)
{
	const struct lab_spec lab_spec = {.has_relay = true, .relay = *spec};
	struct wire w = {.lab = labkit_open(&lab_spec)};
	usleep(LABKIT_SETTLE_MS * 1000);
	w.client = labkit_tap(w.lab, LAB_CLIENT, "eth0");
	w.server = labkit_tap(w.lab, LAB_SERVER, "eth0");
	const int room = 4 << 20;
	setsockopt(w.client, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(w.server, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return w;
}

static void close_wire(struct wire *w)
{
	close(w->client);
	close(w->server);
	labkit_close(w->lab);
}

static void send_frame(int tap, const uint8_t *frame, size_t bytes)
{
	struct pollfd p = {.fd = tap, .events = POLLOUT};
	ssize_t sent;
	do
		sent = send(tap, frame, bytes, 0);
	while (sent < 0 && errno == EAGAIN && poll(&p, 1, 1000) == 1);
	assert_int_equal(sent, bytes);
}

static void send_numbers(int tap, uint32_t count)
{
	uint8_t frame[256];
	for (uint32_t i = 1; i <= count; i++) {
		const size_t bytes = labkit_frame(frame, sizeof frame, i, 20);
		send_frame(tap, frame, bytes);
	}
}

/* @return the number in the next frame, 0 if none comes within @p ms */
static uint32_t next_number(int tap, int ms)
{
	uint8_t frame[2048];
	if (!labkit_readable(tap, ms))
		return 0;
	const ssize_t got = recv(tap, frame, sizeof frame, 0);
	assert_true(got >= 54);
	return (uint32_t)frame[38] << 24 | (uint32_t)frame[39] << 16 | (uint32_t)frame[40] << 8 |
	       frame[41];
}

/* What comes out is what relay_fate() says, in its order, both ways. */
static void check_numbers(const struct relay_spec *spec, uint32_t count)
{
	struct wire w = open_wire(spec);
	for (int d = 0; d < RELAY_DIRECTION_COUNT; d++) {
		const enum relay_direction direction = (enum relay_direction)d;
		const int from = d == RELAY_TO_SERVER ? w.client : w.server;
		const int to = d == RELAY_TO_SERVER ? w.server : w.client;
		send_numbers(from, count);
		for (uint32_t i = 1; i <= count; i++) {
			const struct relay_fate fate = relay_fate(spec, direction, i);
			if (!fate.lost)
				assert_int_equal(next_number(to, LABKIT_PATIENCE_MS), i);
			if (!fate.lost && fate.duplicated)
				assert_int_equal(next_number(to, LABKIT_PATIENCE_MS), i);
		}
		assert_int_equal(next_number(to, 20), 0);
	}
	close_wire(&w);
}

static void test_run_without_rules_passes_all_in_order(void **state)
{
	(void)state;
	const struct relay_spec spec = {.seed = 0};
	check_numbers(&spec, 500);
}

static void test_run_drop_lists_drop_those_frames(void **state)
{
	(void)state;
	const struct relay_spec spec = {.drop_to_server = {1, 4, 5, 50}, .drop_to_client = {2, 49}};
	check_numbers(&spec, 50);
}

static void test_run_loss_and_duplicates_follow_the_seed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		const struct relay_spec spec = {.loss = 0.2, .duplicate = 0.2, .seed = seed};
		check_numbers(&spec, 500);
	}
}

static void test_run_reordered_frame_comes_later_than_its_successors(void **state)
{
	(void)state;
	const struct relay_spec spec = {.reorder = 0.1, .reorder_ns = 200 * NS_PER_MS, .seed = 3};
	enum { FRAMES = 100 };
	struct wire w = open_wire(&spec);
	send_numbers(w.client, FRAMES);
	/* First those that are not held back, then those that are, each group in order. */
	for (int held = 0; held < 2; held++)
		for (uint32_t i = 1; i <= FRAMES; i++)
			if (relay_fate(&spec, RELAY_TO_SERVER, i).held_back == (held == 1))
				assert_int_equal(next_number(w.server, LABKIT_PATIENCE_MS), i);
	assert_int_equal(next_number(w.server, 20), 0);
	close_wire(&w);
}

static void test_run_corruption_flips_one_bit_of_the_tcp_part(void **state)
{
	(void)state;
	const struct relay_spec spec = {.corrupt = 0.5, .seed = 4};
	struct wire w = open_wire(&spec);
	for (uint32_t i = 1; i <= 60; i++) {
		uint8_t sent[200], received[200];
		const size_t bytes = labkit_frame(sent, sizeof sent, i, 100);
		send_frame(w.client, sent, bytes);
		assert_true(labkit_readable(w.server, LABKIT_PATIENCE_MS));
		assert_int_equal(recv(w.server, received, sizeof received, 0), bytes);
		int flipped = 0;
		for (size_t at = 0; at < bytes; at++)
			flipped += __builtin_popcount(sent[at] ^ received[at]);
		assert_int_equal(flipped, relay_fate(&spec, RELAY_TO_SERVER, i).corrupted);
		assert_memory_equal(sent, received, 34); /* Ethernet and IP */
	}
	close_wire(&w);
}

static void test_run_frames_that_are_not_tcp_always_pass(void **state)
{
	(void)state;
	const struct relay_spec spec = {
		.loss = 1.0, .duplicate = 1.0, .corrupt = 1.0, .reorder = 1.0};
	struct wire w = open_wire(&spec);
	uint8_t frame[256], received[256];
	const size_t bytes = labkit_frame(frame, sizeof frame, 1, 20);
	static const struct {
		const char *name;
		size_t at;
		uint8_t value; /* what makes it something else */
	} cases[] = {
		{"UDP", 23, 17},
		{"ICMP", 23, 1},
		{"ARP", 13, 6},
		{"not IP", 14, 0x15},
		{"IPv4, too short", 14, 0x41},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t other[256];
		memcpy(other, frame, bytes);
		other[cases[i].at] = cases[i].value;
		send_frame(w.client, frame, bytes); /* lost */
		send_frame(w.client, other, bytes);
		if (!labkit_readable(w.server, LABKIT_PATIENCE_MS))
			fail_msg("%s was lost", cases[i].name);
		assert_int_equal(recv(w.server, received, sizeof received, 0), bytes);
		assert_memory_equal(received, other, bytes);
		assert_false(labkit_readable(w.server, 10));
	}
	close_wire(&w);
}

static void test_run_malformed_tcp_counts_as_tcp(void **state)
{
	(void)state;
	const struct relay_spec spec = {.drop_to_server = {1, 2, 3, 4}};
	struct wire w = open_wire(&spec);
	uint8_t frame[256];
	const size_t bytes = labkit_frame(frame, sizeof frame, 1, 20);
	frame[46] = 0x10; /* data offset 1 */
	send_frame(w.client, frame, bytes);
	frame[46] = 0xf0; /* data offset past the end */
	send_frame(w.client, frame, bytes);
	frame[17] = 30; /* ten bytes of TCP */
	send_frame(w.client, frame, bytes);
	(void)labkit_frame(frame, sizeof frame, 1, 20);
	frame[21] = 3; /* a later fragment */
	send_frame(w.client, frame, bytes);
	(void)labkit_frame(frame, sizeof frame, 77, 20);
	send_frame(w.client, frame, bytes);
	assert_int_equal(next_number(w.server, LABKIT_PATIENCE_MS), 77);
	assert_int_equal(next_number(w.server, 20), 0);
	close_wire(&w);
}

static int raise_mtu(void *context)
{
	(void)context;
	struct ifreq request = {.ifr_name = "eth0", .ifr_mtu = 65535};
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	return ioctl(fd, SIOCSIFMTU, &request) < 0;
}

static void test_run_frames_of_64_kilobytes_pass(void **state)
{
	(void)state;
	static uint8_t sent[65549], received[sizeof sent + 100];
	const struct relay_spec spec = {.duplicate = 0.5, .seed = 1};
	struct wire w = open_wire(&spec);
	assert_int_equal(labkit_run(w.lab, LAB_CLIENT, raise_mtu, NULL), 0);
	assert_int_equal(labkit_run(w.lab, LAB_SERVER, raise_mtu, NULL), 0);
	static const size_t payloads[] = {10, 1460, 1950, 1994, 1995, 2000, 9000, 65495, 10, 40000};
	for (uint32_t i = 0; i < ARRAY_COUNT(payloads); i++) {
		const size_t bytes = labkit_frame(sent, sizeof sent, i, payloads[i]);
		const bool twice = relay_fate(&spec, RELAY_TO_SERVER, i + 1).duplicated;
		send_frame(w.client, sent, bytes);
		for (int n = 0; n < (twice ? 2 : 1); n++) {
			assert_true(labkit_readable(w.server, LABKIT_PATIENCE_MS));
			assert_int_equal(recv(w.server, received, sizeof received, 0), bytes);
			assert_memory_equal(received, sent, bytes);
		}
	}
	close_wire(&w);
}

/* --- kernels through the wire ----------------------------------------------------------------- */

static void test_run_delay_shows_in_the_round_trip(void **state)
{
	(void)state;
	const struct lab_spec spec = {.has_relay = true, .relay = {.delay_ns = 30 * NS_PER_MS}};
	struct lab *lab = labkit_open(&spec);
	labkit_serve(lab, PEER_ECHO, 7);
	uint32_t best_us = UINT32_MAX;
	for (int i = 0; i < 4; i++) {
		const int fd = labkit_connect(lab, i % 2 == 0 ? IP_V4 : IP_V6, 7);
		struct tcp_info info;
		socklen_t bytes = sizeof info;
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes), 0);
		assert_true(info.tcpi_rtt >= 60000);
		best_us = info.tcpi_rtt < best_us ? info.tcpi_rtt : best_us;
		close(fd);
	}
	assert_true(best_us < 80000);
	labkit_close(lab);
}

static void test_run_lost_syn_is_sent_again_after_a_second(void **state)
{
	(void)state;
	const struct lab_spec spec = {.has_relay = true, .relay = {.drop_to_server = {1}}};
	struct lab *lab = labkit_open(&spec);
	labkit_serve(lab, PEER_ECHO, 7);
	const int64_t start_ns = clock_monotonic_ns();
	close(labkit_connect(lab, IP_V4, 7));
	assert_true(clock_monotonic_ns() - start_ns > 950 * NS_PER_MS);
	labkit_close(lab);
}

/* Send and receive at once, as an echo needs it. */
static void exchange(int fd, const uint8_t *out, uint8_t *in, size_t bytes)
{
	size_t sent = 0, received = 0;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (received < bytes) {
		struct pollfd p = {.fd = fd,
				   .events = (short)(sent < bytes ? POLLIN | POLLOUT : POLLIN)};
		assert_int_equal(poll(&p, 1, LABKIT_PATIENCE_MS), 1);
		if ((p.revents & POLLOUT) != 0) {
			const ssize_t n = send(fd, out + sent, bytes - sent, MSG_NOSIGNAL);
			assert_true(n > 0 || errno == EAGAIN);
			sent += n > 0 ? (size_t)n : 0;
			if (sent == bytes)
				assert_int_equal(shutdown(fd, SHUT_WR), 0);
		}
		if ((p.revents & ~POLLOUT) != 0) {
			const ssize_t n = recv(fd, in + received, bytes - received, 0);
			assert_true(n > 0);
			received += (size_t)n;
		}
	}
}

static void check_echo(const struct relay_spec *relay, bool router, enum ip_family family)
{
	enum { BYTES = 5 * 1000 * 1000 };
	const struct lab_spec spec = {.router = router, .has_relay = true, .relay = *relay};
	struct lab *lab = labkit_open(&spec);
	labkit_serve(lab, PEER_ECHO, 7);
	const int fd = labkit_connect(lab, family, 7);
	uint8_t *out = malloc(BYTES);
	uint8_t *in = calloc(1, BYTES);
	assert_true(out != NULL && in != NULL);
	for (uint32_t i = 0; i < BYTES; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 24);
	const int64_t start_ns = clock_monotonic_ns();
	exchange(fd, out, in, BYTES);
	print_message("%d bytes there and back in %.2f s\n", BYTES,
		      (double)(clock_monotonic_ns() - start_ns) / 1e9);
	assert_memory_equal(in, out, BYTES);
	free(out);
	free(in);
	close(fd);
	labkit_close(lab);
}

static void test_run_bad_wire_carries_5_megabytes_intact(void **state)
{
	(void)state;
	const struct relay_spec spec = {
		.loss = 0.05, .reorder = 0.05, .duplicate = 0.05, .seed = 11};
	check_echo(&spec, false, IP_V4);
	check_echo(&spec, true, IP_V6);
}

static void test_run_corruption_is_caught_by_the_checksum(void **state)
{
	(void)state;
	const struct relay_spec spec = {.corrupt = 0.02, .seed = 12};
	check_echo(&spec, false, IP_V6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fate_nothing_asked_nothing_happens),
		cmocka_unit_test(test_fate_drop_lists_hit_exactly_those),
		cmocka_unit_test(test_fate_full_drop_list_is_read_to_its_end),
		cmocka_unit_test(test_fate_shares_are_those_asked_for),
		cmocka_unit_test(test_fate_seed_repeats_and_differs),
		cmocka_unit_test(test_fate_certain_loss_and_none),
		cmocka_unit_test(test_open_no_such_interface_says_which),
		cmocka_unit_test_teardown(test_run_without_rules_passes_all_in_order,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_drop_lists_drop_those_frames, labkit_teardown),
		cmocka_unit_test_teardown(test_run_loss_and_duplicates_follow_the_seed,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_reordered_frame_comes_later_than_its_successors,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_corruption_flips_one_bit_of_the_tcp_part,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_frames_that_are_not_tcp_always_pass,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_malformed_tcp_counts_as_tcp, labkit_teardown),
		cmocka_unit_test_teardown(test_run_frames_of_64_kilobytes_pass, labkit_teardown),
		cmocka_unit_test_teardown(test_run_delay_shows_in_the_round_trip, labkit_teardown),
		cmocka_unit_test_teardown(test_run_lost_syn_is_sent_again_after_a_second,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_bad_wire_carries_5_megabytes_intact,
					  labkit_teardown),
		cmocka_unit_test_teardown(test_run_corruption_is_caught_by_the_checksum,
					  labkit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

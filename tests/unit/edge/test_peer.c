#include "synscope/edge/peer.h"

#include "../../support/cm.h"
#include "../../support/labkit.h"
#include "synscope/core/frame.h"
#include "synscope/core/segment.h"
#include "synscope/edge/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* One lab for all, with every behaviour on a port of its own: BASE + behaviour. */
enum { MUCH_PORT = 998, NOTHING_PORT = 999, BASE = 1000 };
#define MUCH_BYTES (16 * 1024 * 1024)
#define SOURCE_BYTES 100000
#define NOT_YET_MS 150 /* how long what must not happen is waited for */

static struct lab *lab;
static const enum ip_family families[] = {IP_V4, IP_V6};

static uint16_t port_of(enum peer_behaviour b)
{
	return (uint16_t)(BASE + (int)b);
}

/* Opens the lab on first use, because only a test can skip. */
static int client(enum ip_family family, enum peer_behaviour b)
{
	if (lab == NULL) {
		struct fault why = {{0}};
		static const struct lab_spec plain = {.router = false};
		struct peer_spec specs[PEER_BEHAVIOUR_COUNT + 2];
		size_t count = 0;
		for (int i = 0; i < PEER_BEHAVIOUR_COUNT; i++)
			if (i != PEER_CONNECT)
				specs[count++] =
					(struct peer_spec){.behaviour = (enum peer_behaviour)i,
							   .port = port_of((enum peer_behaviour)i),
							   .source_bytes = SOURCE_BYTES};
		specs[count++] = (struct peer_spec){.behaviour = PEER_SOURCE, .port = NOTHING_PORT};
		specs[count++] = (struct peer_spec){
			.behaviour = PEER_SOURCE, .port = MUCH_PORT, .source_bytes = MUCH_BYTES};
		lab = labkit_open(&plain);
		if (lab_serve(lab, LAB_SERVER, specs, count, &why) < 0)
			fail_msg("no server: %s", why.text);
	}
	return labkit_connect(lab, family, port_of(b));
}

static int close_lab(void **state)
{
	(void)state;
	labkit_close(lab);
	return 0;
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t bytes = sizeof info;
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes), 0);
	return info;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The end of the stream comes, in order. */
static void assert_end(int fd)
{
	char byte;
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static void assert_reset(int fd)
{
	char byte;
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

/* Wait for the next segment that the server sends from a port. */
static struct segment next_from(int tap, uint16_t port)
{
	static uint8_t data[2048];
	for (;;) {
		struct frame f;
		struct packet p;
		assert_true(labkit_readable(tap, 2500));
		const ssize_t got = recv(tap, data, sizeof data, 0);
		assert_true(got > 0);
		if (frame_decode(LINK_ETHERNET, data, (size_t)got, (size_t)got, &f) == FRAME_OK &&
		    packet_decode(f.packet, f.captured_bytes, f.wire_bytes, &p) == PACKET_OK &&
		    p.kind == PACKET_TCP && p.tcp.src.port == port)
			return p.tcp;
	}
}

/* --- words -------------------------------------------------------------------------------- */

static void test_behaviour_parse_every_name_round_trips(void **state)
{
	(void)state;
	for (int i = 0; i < PEER_BEHAVIOUR_COUNT; i++) {
		const enum peer_behaviour b = (enum peer_behaviour)i;
		enum peer_behaviour read = PEER_BEHAVIOUR_COUNT;
		assert_non_null(peer_behaviour_name(b));
		assert_true(strlen(peer_behaviour_help(b)) > 10);
		assert_true(peer_behaviour_parse(&read, peer_behaviour_name(b)));
		assert_int_equal(read, b);
	}
	enum peer_behaviour b = PEER_BEHAVIOUR_COUNT;
	assert_false(peer_behaviour_parse(&b, "echoes"));
	assert_int_equal(b, PEER_BEHAVIOUR_COUNT);
}

/* --- behaviours, as a kernel client sees them ----------------------------------------------- */

static void test_echo_sends_back_and_closes_after_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_ECHO);
		char answer[8] = "";
		send_text(fd, "one");
		assert_int_equal(recv(fd, answer, 3, MSG_WAITALL), 3);
		assert_string_equal(answer, "one");
		assert_false(labkit_readable(fd, NOT_YET_MS));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		assert_end(fd);
		close(fd);
	}
}

static void test_echo_client_that_does_not_read_gets_all_later(void **state)
{
	(void)state;
	/* More than all buffers hold: the server must wait for room, and go on after. */
	static uint8_t out[256 * 1024];
	static uint8_t in[sizeof out];
	const int fd = client(IP_V4, PEER_ECHO);
	size_t sent = 0, received = 0;
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(i * 31 + (i >> 9));
	const int small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	while (sent < sizeof out) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, 100) == 0) { /* stuck: now read some */
			const ssize_t got = recv(fd, in + received, 20000, MSG_DONTWAIT);
			assert_true(got > 0);
			received += (size_t)got;
			continue;
		}
		const ssize_t n = send(fd, out + sent, sizeof out - sent, MSG_DONTWAIT);
		assert_true(n > 0);
		sent += (size_t)n;
	}
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (received < sizeof in) {
		const ssize_t got = recv(fd, in + received, sizeof in - received, 0);
		assert_true(got > 0);
		received += (size_t)got;
	}
	assert_memory_equal(in, out, sizeof out);
	assert_end(fd);
	close(fd);
}

static void test_sink_answers_nothing_and_closes_after_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_SINK);
		static const uint8_t data[200000];
		assert_int_equal(send(fd, data, sizeof data, MSG_NOSIGNAL), sizeof data);
		assert_false(labkit_readable(fd, NOT_YET_MS));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		assert_end(fd);
		close(fd);
	}
}

static void test_source_sends_the_pattern_and_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_SOURCE);
		static uint8_t data[SOURCE_BYTES + 1];
		assert_int_equal(labkit_read_all(fd, data, sizeof data), SOURCE_BYTES);
		for (size_t at = 0; at < SOURCE_BYTES; at++)
			assert_int_equal(data[at], (uint8_t)(at * 7 + (at >> 8)));
		close(fd);
	}
}

static void test_source_client_that_sends_gets_a_fin_all_the_same(void **state)
{
	(void)state;
	close(client(IP_V4, PEER_SINK));
	const int fd = labkit_connect(lab, IP_V6, MUCH_PORT);
	/* It arrives while the server waits for our window; unread it would make a RST. */
	send_text(fd, "meanwhile");
	usleep(50000);
	assert_int_equal(labkit_read_all(fd, NULL, 0), MUCH_BYTES);
	close(fd);
}

static void test_source_nothing_to_send_closes_at_once(void **state)
{
	(void)state;
	close(client(IP_V4, PEER_SINK));
	const int fd = labkit_connect(lab, IP_V4, NOTHING_PORT);
	assert_end(fd);
	close(fd);
}

static void test_close_first_closes_before_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_CLOSE_FIRST);
		assert_end(fd);
		assert_int_equal(info_of(fd).tcpi_state, TCP_CLOSE_WAIT);
		/* Its socket is closed for good: data is answered by a RST. */
		send_text(fd, "too late");
		assert_true(labkit_readable(fd, LABKIT_PATIENCE_MS));
		struct pollfd p = {.fd = fd, .events = 0};
		assert_int_equal(poll(&p, 1, LABKIT_PATIENCE_MS), 1);
		assert_true((p.revents & (POLLERR | POLLHUP)) != 0);
		close(fd);
	}
}

static void test_half_close_still_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_HALF_CLOSE);
		assert_end(fd);
		for (int n = 0; n < 3; n++)
			send_text(fd, "still heard");
		usleep(50000);
		assert_int_equal(info_of(fd).tcpi_state, TCP_CLOSE_WAIT);
		assert_int_equal(info_of(fd).tcpi_unacked, 0);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		usleep(50000);
		assert_int_equal(info_of(fd).tcpi_state, TCP_CLOSE);
		int error = -1;
		socklen_t bytes = sizeof error;
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
		assert_int_equal(error, 0);
		close(fd);
	}
}

static void test_greet_close_sends_a_line_and_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_GREET_CLOSE);
		char line[100] = "";
		const ssize_t got = labkit_read_all(fd, line, sizeof line - 1);
		assert_true(got > 2 && got < (ssize_t)sizeof line);
		assert_ptr_equal(strstr(line, "\r\n"), line + got - 2);
		close(fd);
	}
}

static void test_reset_waits_for_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_RESET);
		assert_false(labkit_readable(fd, NOT_YET_MS));
		send_text(fd, "x");
		assert_reset(fd);
		close(fd);
	}
}

static void test_reset_without_data_closes_in_order(void **state)
{
	(void)state;
	const int fd = client(IP_V4, PEER_RESET);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_end(fd);
	close(fd);
}

static void test_reset_now_resets_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		if (lab == NULL)
			close(client(families[i], PEER_SINK));
		const int fd = labkit_begin(lab, families[i], port_of(PEER_RESET_NOW));
		/* The handshake is complete before the RST, but we may see both at once. */
		const int error = labkit_outcome(fd, LABKIT_PATIENCE_MS);
		if (error == 0) {
			assert_true(labkit_readable(fd, LABKIT_PATIENCE_MS));
			assert_reset(fd);
		} else {
			assert_int_equal(error, ECONNRESET);
		}
		close(fd);
	}
}

static void test_never_accept_takes_data_and_says_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_NEVER_ACCEPT);
		send_text(fd, "into the queue");
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		assert_false(labkit_readable(fd, NOT_YET_MS));
		assert_int_equal(info_of(fd).tcpi_unacked, 0);
		assert_int_equal(info_of(fd).tcpi_state, TCP_FIN_WAIT2);
		close(fd);
	}
}

static void test_no_read_closes_its_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_NO_READ);
		static const uint8_t data[100000];
		const ssize_t sent = send(fd, data, sizeof data, MSG_NOSIGNAL | MSG_DONTWAIT);
		usleep(NOT_YET_MS * 1000);
		assert_int_equal(info_of(fd).tcpi_state, TCP_ESTABLISHED);
		/* A few segments were taken, and then no more. */
		int waiting = 0;
		assert_int_equal(ioctl(fd, SIOCOUTQ, &waiting), 0);
		assert_in_range(sent - waiting, 1000, 20000);
		assert_false(labkit_readable(fd, 0));
		close(fd);
	}
}

static void test_unread_close_makes_a_reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_UNREAD_CLOSE);
		assert_false(labkit_readable(fd, NOT_YET_MS));
		send_text(fd, "unread");
		assert_reset(fd);
		close(fd);
	}
}

static void test_linger_open_reads_and_never_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_LINGER_OPEN);
		static const uint8_t data[200000];
		assert_int_equal(send(fd, data, sizeof data, MSG_NOSIGNAL), sizeof data);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		assert_false(labkit_readable(fd, NOT_YET_MS));
		assert_int_equal(info_of(fd).tcpi_state, TCP_FIN_WAIT2);
		close(fd);
	}
}

static void test_defer_accept_echoes_once_data_has_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const int fd = client(families[i], PEER_DEFER_ACCEPT);
		char answer[4] = "";
		send_text(fd, "now");
		assert_int_equal(recv(fd, answer, 3, MSG_WAITALL), 3);
		assert_string_equal(answer, "now");
		close(fd);
	}
}

/* The SYN-ACK is sent again although our ACK has arrived, since nobody accepted. */
static void test_defer_accept_without_data_repeats_the_syn_ack(void **state)
{
	(void)state;
	const int fd = client(IP_V4, PEER_DEFER_ACCEPT);
	const int tap = labkit_tap(lab, LAB_CLIENT, "eth0");
	assert_int_equal(next_from(tap, port_of(PEER_DEFER_ACCEPT)).flags, TCP_SYN | TCP_ACK);
	close(tap);
	close(fd);
}

/* --- many, and the other way round ----------------------------------------------------------- */

static void test_run_serves_many_clients_at_once(void **state)
{
	(void)state;
	enum { CLIENTS = 40 };
	int fds[CLIENTS];
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = client(families[i % 2], PEER_ECHO);
	for (int i = CLIENTS - 1; i >= 0; i--) {
		char text[32], answer[32] = "";
		snprintf(text, sizeof text, "client %d", i);
		send_text(fds[i], text);
		assert_true(recv(fds[i], answer, strlen(text), MSG_WAITALL) > 0);
		assert_string_equal(answer, text);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

/* Until it succeeds there is a SYN under way, with a fresh number each time; and when both
 * sides send theirs at once the connection is made of two active opens. */
static void check_connect(enum ip_family family)
{
	const uint16_t client_port = (uint16_t)(3000 + (int)family);
	struct fault why = {{0}};
	const struct peer_spec spec = {
		.behaviour = PEER_CONNECT,
		.port = (uint16_t)(2000 + (int)family),
		.connect_to = {.addr = lab_address(lab, LAB_CLIENT, family), .port = client_port}};
	const struct ip_addr server = lab_address(lab, LAB_SERVER, family);
	/* Without a RST from the client: it has a socket there that is silent. */
	const char *silence =
		"add table inet quiet\n"
		"add chain inet quiet in { type filter hook input priority 0; }\n"
		"add rule inet quiet in tcp dport { 3004, 3006 } tcp flags syn / syn,ack drop";
	assert_int_equal(lab_nft(lab, LAB_CLIENT, silence, &why), 0);
	const int tap = labkit_tap(lab, LAB_CLIENT, "eth0");
	const int64_t start_ns = clock_monotonic_ns();
	const pid_t pid = lab_serve(lab, LAB_SERVER, &spec, 1, &why);
	assert_true(pid > 0);
	uint32_t numbers[3];
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		const struct segment syn = next_from(tap, spec.port);
		assert_int_equal(syn.flags & (TCP_SYN | TCP_ACK), TCP_SYN);
		numbers[i] = syn.seq.raw;
	}
	assert_true(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
	assert_true(clock_monotonic_ns() - start_ns >= 190 * NS_PER_MS);

	/* Now a client socket on that port. Its SYN meets a server in SYN-SENT. */
	const int fd = lab_socket(lab, LAB_CLIENT, family == IP_V6 ? AF_INET6 : AF_INET,
				  SOCK_STREAM, 0, &why);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(client_port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(client_port)};
	struct sockaddr *address = family == IP_V6 ? (void *)&v6 : (void *)&v4;
	const socklen_t bytes = family == IP_V6 ? sizeof v6 : sizeof v4;
	assert_int_equal(bind(fd, address, bytes), 0);
	memcpy(&v4.sin_addr, server.bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, server.bytes, sizeof v6.sin6_addr);
	v4.sin_port = v6.sin6_port = htons(spec.port);
	int error = -1;
	for (int i = 0; i < 50 && error != 0; i++)
		error = connect(fd, address, bytes) < 0 ? errno : 0;
	assert_int_equal(error, 0);
	char answer[8] = "";
	send_text(fd, "both");
	assert_int_equal(recv(fd, answer, 4, MSG_WAITALL), 4);
	assert_string_equal(answer, "both");
	assert_int_equal(lab_nft(lab, LAB_CLIENT, "delete table inet quiet", &why), 0);
	close(fd);
	close(tap);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_connect_tries_again_until_a_simultaneous_open(void **state)
{
	(void)state;
	close(client(IP_V4, PEER_SINK));
	check_connect(IP_V4);
	check_connect(IP_V6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behaviour_parse_every_name_round_trips),
		cmocka_unit_test(test_echo_sends_back_and_closes_after_the_client),
		cmocka_unit_test(test_echo_client_that_does_not_read_gets_all_later),
		cmocka_unit_test(test_sink_answers_nothing_and_closes_after_the_client),
		cmocka_unit_test(test_source_sends_the_pattern_and_closes),
		cmocka_unit_test(test_source_client_that_sends_gets_a_fin_all_the_same),
		cmocka_unit_test(test_source_nothing_to_send_closes_at_once),
		cmocka_unit_test(test_close_first_closes_before_the_client),
		cmocka_unit_test(test_half_close_still_reads),
		cmocka_unit_test(test_greet_close_sends_a_line_and_closes),
		cmocka_unit_test(test_reset_waits_for_data),
		cmocka_unit_test(test_reset_without_data_closes_in_order),
		cmocka_unit_test(test_reset_now_resets_at_once),
		cmocka_unit_test(test_never_accept_takes_data_and_says_nothing),
		cmocka_unit_test(test_no_read_closes_its_window),
		cmocka_unit_test(test_unread_close_makes_a_reset),
		cmocka_unit_test(test_linger_open_reads_and_never_closes),
		cmocka_unit_test(test_defer_accept_echoes_once_data_has_come),
		cmocka_unit_test(test_defer_accept_without_data_repeats_the_syn_ack),
		cmocka_unit_test(test_run_serves_many_clients_at_once),
		cmocka_unit_test(test_connect_tries_again_until_a_simultaneous_open),
	};
	return cmocka_run_group_tests(tests, NULL, close_lab);
}

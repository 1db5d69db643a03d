/* What craft builds, judged by core's decoder and by a checksum routine of the test's own. */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/core/segment.h"
#include "synscope/edge/craft.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct craft *builder;
static struct fault why;

static struct endpoint at(const char *address, uint16_t port)
{
	struct endpoint e = {.port = port};
	assert_true(ip_addr_parse(&e.addr, address));
	return e;
}

static struct segment_spec spec_v4(void)
{
	return (struct segment_spec){
		.src = at("192.0.2.1", 40000),
		.dst = at("198.51.100.7", 443),
		.seq = {0xfffffff0},
		.ack = {0x01020304},
		.flags = TCP_ACK,
		.window = 64240,
	};
}

static struct segment_spec spec_v6(void)
{
	struct segment_spec s = spec_v4();
	s.src = at("2001:db8::1", 40000);
	s.dst = at("2001:db8:f00::7", 443);
	return s;
}

/* RFC 1071, the slow way: no code in common with core/checksum.c. */
static uint16_t slow_sum(const uint8_t *bytes, size_t count, uint32_t start)
{
	uint32_t sum = start;
	for (size_t i = 0; i < count; i++) {
		sum += i % 2 == 0 ? (uint32_t)bytes[i] * 256 : bytes[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static bool tcp_sum_is_right(const uint8_t *packet, size_t count)
{
	const bool v6 = packet[0] >> 4 == 6;
	const size_t ip_bytes = v6 ? 40 : 20;
	const size_t tcp_bytes = count - ip_bytes;
	uint32_t sum = v6 ? slow_sum(packet + 8, 32, 0) : slow_sum(packet + 12, 8, 0);
	sum += 6 + (uint32_t)(tcp_bytes >> 16) + (uint32_t)(tcp_bytes & 0xffff);
	return slow_sum(packet + ip_bytes, tcp_bytes, sum % 0xffff) % 0xffff == 0;
}

/* Build, decode, and check what every packet must fulfil. */
static struct segment built(const struct segment_spec *spec)
{
	const uint8_t *packet;
	struct packet decoded;
	const int count = craft_build(builder, spec, &packet, &why);
	assert_true(count > 0);
	assert_int_equal(packet_decode(packet, (size_t)count, (size_t)count, &decoded), PACKET_OK);
	assert_int_equal(decoded.kind, PACKET_TCP);
	assert_int_equal(decoded.ip.total_bytes, count);
	assert_int_equal(decoded.ip.checksum, CHECKSUM_GOOD);
	if (packet[0] >> 4 == 4)
		assert_int_equal(slow_sum(packet, 20, 0), 0xffff);
	assert_int_equal(tcp_sum_is_right(packet, (size_t)count), !spec->bad_checksum);
	assert_int_equal(decoded.tcp.checksum, spec->bad_checksum ? CHECKSUM_BAD : CHECKSUM_GOOD);
	assert_true(endpoint_equal(&decoded.tcp.src, &spec->src));
	assert_true(endpoint_equal(&decoded.tcp.dst, &spec->dst));
	assert_int_equal(decoded.tcp.seq.raw, spec->seq.raw);
	assert_int_equal(decoded.tcp.ack.raw, spec->ack.raw);
	assert_int_equal(decoded.tcp.flags, spec->flags);
	assert_int_equal(decoded.tcp.window, spec->window);
	assert_int_equal(decoded.tcp.urgent, spec->urgent);
	assert_int_equal(decoded.tcp.reserved, spec->reserved);
	assert_int_equal(decoded.tcp.payload_bytes, spec->payload_bytes);
	if (spec->payload_bytes > 0)
		assert_memory_equal(decoded.tcp.payload, spec->payload, spec->payload_bytes);
	return decoded.tcp;
}

static void test_craft_build_plain_v4_has_the_defaults(void **state)
{
	(void)state;
	const struct segment_spec spec = spec_v4();
	const struct segment s = built(&spec);
	assert_int_equal(s.ip.ttl, 64);
	assert_int_equal(s.ip.id, 0);
	assert_true(s.ip.df);
	assert_int_equal(s.ip.traffic, 0);
	assert_int_equal(s.ip.total_bytes, 40);
	assert_int_equal(s.options_bytes, 0);
}

static void test_craft_build_plain_v6_has_the_defaults(void **state)
{
	(void)state;
	const struct segment_spec spec = spec_v6();
	const struct segment s = built(&spec);
	assert_int_equal(s.ip.ttl, 64);
	assert_int_equal(s.ip.flow_label, 0);
	assert_int_equal(s.ip.traffic, 0);
	assert_int_equal(s.ip.total_bytes, 60);
}

static void test_craft_build_every_combination_of_flags_and_reserved_round_trips(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags <= TCP_FLAGS_ALL; flags++) {
		struct segment_spec spec = flags % 2 == 0 ? spec_v4() : spec_v6();
		spec.flags = (uint16_t)flags;
		for (spec.reserved = 0; spec.reserved < 8; spec.reserved++)
			(void)built(&spec);
	}
}

static void test_craft_build_ip_fields_v4_round_trip(void **state)
{
	(void)state;
	struct segment_spec spec = spec_v4();
	spec.ttl = 3;
	spec.traffic = 0xb8 | 1;
	spec.has_ip_id = true;
	spec.ip_id = 0xabcd;
	spec.no_df = true;
	spec.urgent = 77;
	const struct segment s = built(&spec);
	assert_int_equal(s.ip.ttl, 3);
	assert_int_equal(s.ip.traffic, 0xb9);
	assert_int_equal(s.ip.id, 0xabcd);
	assert_false(s.ip.df);
}

static void test_craft_build_ip_fields_v6_round_trip(void **state)
{
	(void)state;
	static const uint32_t labels[] = {1, 0x12345, 0xfffff, 0x0ff00, 0xf0000};
	for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
		struct segment_spec spec = spec_v6();
		spec.flow_label = labels[i];
		spec.traffic = (uint8_t)(0xff - i);
		spec.ttl = 255;
		const struct segment s = built(&spec);
		assert_int_equal(s.ip.flow_label, labels[i]);
		assert_int_equal(s.ip.traffic, 0xff - i);
		assert_int_equal(s.ip.ttl, 255);
	}
}

static void test_craft_build_payload_of_any_length_round_trips(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 2, 3, 11, 1459, 1460, 1461, 9001, 65495};
	uint8_t *payload = malloc(65495);
	assert_non_null(payload);
	for (size_t i = 0; i < 65495; i++)
		payload[i] = (uint8_t)(i * 31 + 7);
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		struct segment_spec spec = spec_v4();
		spec.payload = payload;
		spec.payload_bytes = lengths[i];
		(void)built(&spec);
		spec = spec_v6();
		spec.payload = payload;
		spec.payload_bytes = lengths[i] > 65475 ? 65475 : lengths[i];
		(void)built(&spec);
	}
	memset(payload, 0xff, 65495);
	struct segment_spec spec = spec_v4();
	spec.payload = payload;
	spec.payload_bytes = 65495;
	(void)built(&spec);
	free(payload);
}

static void test_craft_build_options_round_trip(void **state)
{
	(void)state;
	struct segment_spec spec = spec_v6();
	spec.flags = TCP_SYN;
	spec.option = (struct option_set){.has_mss = true,
					  .mss = 1220,
					  .sack_permitted = true,
					  .has_timestamps = true,
					  .ts_value = 0xdeadbeef,
					  .ts_echo = 1,
					  .has_wscale = true,
					  .wscale = 9};
	struct segment s = built(&spec);
	assert_int_equal(s.options_bytes, 20);
	assert_int_equal(s.option.mss, 1220);
	assert_true(s.option.sack_permitted);
	assert_int_equal(s.option.ts_value, 0xdeadbeef);
	assert_int_equal(s.option.ts_echo, 1);
	assert_int_equal(s.option.wscale, 9);

	spec = spec_v4();
	spec.option = (struct option_set){.has_timestamps = true,
					  .ts_value = 5,
					  .sack_count = 2,
					  .sack = {{100, 200}, {0xfffffff0, 3}}};
	s = built(&spec);
	assert_int_equal(s.option.ts_value, 5);
	assert_int_equal(s.option.sack_count, 2);
	assert_int_equal(s.option.sack[0].left, 100);
	assert_int_equal(s.option.sack[1].right, 3);
}

static void test_craft_build_raw_options_are_padded_with_zeros(void **state)
{
	(void)state;
	static const uint8_t full[OPTION_BYTES_MAX] = {254, 40, 1, 2, 3, 4};
	for (uint8_t count = 0; count <= OPTION_BYTES_MAX; count++) {
		struct segment_spec spec = count % 2 == 0 ? spec_v4() : spec_v6();
		spec.raw_options = full;
		spec.raw_options_bytes = count;
		spec.option.has_mss = true; /* not used then */
		spec.payload = (const uint8_t *)"xyz";
		spec.payload_bytes = 3;
		const struct segment s = built(&spec);
		assert_int_equal(s.options_bytes, (count + 3) / 4 * 4);
		assert_memory_equal(s.options, full, count);
		for (uint8_t i = count; i < s.options_bytes; i++)
			assert_int_equal(s.options[i], 0);
	}
}

static void test_craft_build_bad_checksum_is_judged_bad_for_every_sum(void **state)
{
	(void)state;
	/* Every value of the right checksum once, the zeros and the partial one among them. */
	struct segment_spec spec = spec_v4();
	spec.bad_checksum = true;
	for (unsigned urgent = 0; urgent <= 0xffff; urgent++) {
		spec.urgent = (uint16_t)urgent;
		const uint8_t *packet;
		const int count = craft_build(builder, &spec, &packet, &why);
		assert_int_equal(count, 40);
		if (tcp_sum_is_right(packet, 40))
			fail_msg("urgent %u: right by luck", urgent);
		struct packet decoded;
		assert_int_equal(packet_decode(packet, 40, 40, &decoded), PACKET_OK);
		if (decoded.tcp.checksum != CHECKSUM_BAD || decoded.tcp.checksum_field == 0)
			fail_msg("urgent %u: field %04x judged %s", urgent,
				 decoded.tcp.checksum_field,
				 checksum_state_name(decoded.tcp.checksum));
	}
	spec = spec_v6();
	spec.bad_checksum = true;
	spec.flags = TCP_AE | TCP_SYN;
	(void)built(&spec);
}

static void test_craft_build_extreme_numbers_round_trip(void **state)
{
	(void)state;
	static const uint32_t numbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		struct segment_spec spec = spec_v4();
		spec.seq = seq_of(numbers[i]);
		spec.ack = seq_of(numbers[ARRAY_COUNT(numbers) - 1 - i]);
		spec.window = (uint16_t)numbers[i];
		spec.src.port = 0;
		spec.dst.port = 65535;
		(void)built(&spec);
	}
}

static void test_craft_build_too_much_is_refused_and_the_next_is_whole(void **state)
{
	(void)state;
	static const uint8_t zeros[CRAFT_PACKET_MAX];
	const uint8_t *packet = NULL;
	struct segment_spec spec = spec_v4();
	spec.payload = zeros;
	spec.payload_bytes = 65496;
	assert_int_equal(craft_build(builder, &spec, &packet, &why), -EMSGSIZE);
	assert_null(packet);
	assert_non_null(strstr(why.text, "65495"));
	spec.payload_bytes = 0;
	spec.raw_options = zeros;
	spec.raw_options_bytes = 41;
	assert_int_equal(craft_build(builder, &spec, &packet, &why), -EINVAL);
	spec = spec_v4();
	spec.dst = at("::1", 1);
	assert_int_equal(craft_build(builder, &spec, &packet, &why), -EINVAL);
	spec.src.addr.family = IP_NONE;
	assert_int_equal(craft_build(builder, &spec, &packet, &why), -EINVAL);
	spec = spec_v4();
	assert_int_equal(built(&spec).ip.total_bytes, 40);
}

static void test_craft_build_many_keeps_no_memory(void **state)
{
	(void)state;
	struct segment_spec spec = spec_v6();
	spec.option.has_mss = true;
	spec.option.mss = 1460;
	spec.flags = TCP_SYN;
	spec.payload = (const uint8_t *)"hello";
	spec.payload_bytes = 5;
	size_t before = 0;
	for (int i = 0; i < 100000; i++) {
		const uint8_t *packet;
		if (craft_build(builder, &spec, &packet, NULL) != 69)
			fail();
		if (i == 1000)
			before = mallinfo2().uordblks;
	}
	assert_int_equal(mallinfo2().uordblks, before);
}

static void test_craft_send_without_a_socket_is_refused(void **state)
{
	(void)state;
	const struct segment_spec spec = spec_v4();
	assert_int_equal(craft_send(builder, &spec, &why), -EBADF);
	assert_true(why.text[0] != '\0');
}

static void test_craft_close_null_is_allowed(void **state)
{
	(void)state;
	craft_close(NULL);
}

/* --- with a network of our own --- */

static void test_craft_open_unknown_interface_is_refused(void **state)
{
	(void)state;
	netns_require();
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, IP_V4, "nosuch0", &why), -ENODEV);
	assert_null(c);
	assert_non_null(strstr(why.text, "nosuch0"));
}

/* Our segment to a port where the kernel listens makes a half-open connection; so the
 * kernel took it for good. */
static void send_and_see_request(enum ip_family family, const char *interface, const char *from,
				 const char *to, const char *shown)
{
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, family, interface, &why), 0);
	struct segment_spec spec = {.src = at(from, 40001), .dst = at(to, 7777), .flags = TCP_SYN};
	spec.window = 1000;
	spec.option.has_mss = true;
	spec.option.mss = 1200;
	assert_int_equal(craft_send(c, &spec, &why), 0);
	assert_int_equal(netns_run("for i in 1 2 3 4 5 6 7 8 9 10; do "
				   "ss -Htan state syn-recv | grep -qF '%s' && exit 0; "
				   "sleep 0.05; done; exit 1",
				   shown),
			 0);
	craft_close(c);
}

static int listen_on(const char *address, uint16_t port)
{
	const struct endpoint e = at(address, port);
	struct sockaddr_storage a = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
	const bool is_v6 = e.addr.family == IP_V6;
	a.ss_family = is_v6 ? AF_INET6 : AF_INET;
	if (is_v6) {
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, e.addr.bytes, 16);
	} else {
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, e.addr.bytes, 4);
	}
	const int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, is_v6 ? sizeof *v6 : sizeof *v4), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_craft_send_v4_is_taken_by_a_kernel(void **state)
{
	(void)state;
	netns_require();
	const int fd = listen_on("127.0.0.1", 7777);
	/* No RST for the SYN-ACK, or the half-open connection would go at once. */
	assert_int_equal(netns_run("nft 'add table ip t; add chain ip t o { type filter hook "
				   "output priority 0; }; add rule ip t o tcp flags rst drop'"),
			 0);
	send_and_see_request(IP_V4, NULL, "127.0.0.2", "127.0.0.1", "127.0.0.2:40001");
	assert_int_equal(netns_run("nft delete table ip t"), 0);
	close(fd);
}

static void test_craft_send_v6_is_taken_by_a_kernel(void **state)
{
	(void)state;
	netns_require();
	const int fd = listen_on("::1", 7777);
	assert_int_equal(netns_run("nft 'add table ip6 t; add chain ip6 t o { type filter hook "
				   "output priority 0; }; add rule ip6 t o tcp flags rst drop'"),
			 0);
	send_and_see_request(IP_V6, "lo", "::1", "::1", "[::1]:40001");
	assert_int_equal(netns_run("nft delete table ip6 t"), 0);
	close(fd);
}

static int listen_link_local(void *context)
{
	(void)context;
	const int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(7777)};
	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 5) < 0)
		return 1;
	for (int i = 0; i < 40; i++) {
		if (system("ss -Htan state syn-recv | grep -qF '[fe80::a]' 2>/dev/null") == 0 ||
		    system("ss -Htan state syn-recv | grep -qF 'fe80::a' 2>/dev/null") == 0)
			return 0;
		const struct timespec pause = {.tv_nsec = 50000000};
		nanosleep(&pause, NULL);
	}
	return 2;
}

static void test_craft_send_link_local_reaches_the_neighbour(void **state)
{
	(void)state;
	netns_require();
	const pid_t peer = netns_peer_start();
	assert_int_equal(netns_run("nft 'add table ip6 t; add chain ip6 t o { type filter hook "
				   "output priority 0; }; add rule ip6 t o tcp flags rst drop'"),
			 0);
	const pid_t child = netns_in(peer, listen_link_local, NULL);
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, IP_V6, "va", &why), 0);
	const struct segment_spec spec = {
		.src = at("fe80::a", 40002), .dst = at("fe80::b", 7777), .flags = TCP_SYN};
	/* The neighbour may need some time to listen. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(craft_send(c, &spec, &why), 0);
		const struct timespec pause = {.tv_nsec = 20000000};
		nanosleep(&pause, NULL);
	}
	assert_int_equal(netns_wait(child), 0);
	craft_close(c);
	assert_int_equal(netns_run("nft delete table ip6 t"), 0);
	netns_peer_stop(peer);
}

static void test_craft_send_refused_by_own_firewall_says_so(void **state)
{
	(void)state;
	netns_require();
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, IP_V4, NULL, &why), 0);
	assert_int_equal(netns_run("nft 'add table ip t; add chain ip t o { type filter hook "
				   "output priority 0; }; add rule ip t o tcp dport 9 drop'"),
			 0);
	const struct segment_spec spec = {
		.src = at("127.0.0.1", 40003), .dst = at("127.0.0.1", 9), .flags = TCP_ACK};
	assert_int_equal(craft_send(c, &spec, &why), -EPERM);
	assert_non_null(strstr(why.text, "own firewall"));
	assert_non_null(strstr(why.text, "127.0.0.1:9"));
	assert_int_equal(netns_run("nft delete table ip t"), 0);
	craft_close(c);
}

static void test_craft_send_unreachable_and_too_big_say_why(void **state)
{
	(void)state;
	netns_require();
	struct craft *c = NULL;
	assert_int_equal(craft_open(&c, IP_V4, NULL, &why), 0);
	struct segment_spec spec = {
		.src = at("127.0.0.1", 40003), .dst = at("203.0.113.1", 9), .flags = TCP_ACK};
	assert_int_equal(craft_send(c, &spec, &why), -ENETUNREACH);
	static const uint8_t zeros[4000];
	assert_int_equal(netns_run("ip link set lo mtu 1500"), 0);
	spec.dst = at("127.0.0.1", 9);
	spec.payload = zeros;
	spec.payload_bytes = sizeof zeros;
	assert_int_equal(craft_send(c, &spec, &why), -EMSGSIZE);
	assert_non_null(strstr(why.text, "4040"));
	assert_int_equal(netns_run("ip link set lo mtu 65536"), 0);
	craft_close(c);
}

static int set_up(void **state)
{
	(void)state;
	return craft_open_builder(&builder, &why);
}

static int tear_down(void **state)
{
	(void)state;
	craft_close(builder);
	return 0;
}

int main(void)
{
	netns_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_craft_build_plain_v4_has_the_defaults),
		cmocka_unit_test(test_craft_build_plain_v6_has_the_defaults),
		cmocka_unit_test(
			test_craft_build_every_combination_of_flags_and_reserved_round_trips),
		cmocka_unit_test(test_craft_build_ip_fields_v4_round_trip),
		cmocka_unit_test(test_craft_build_ip_fields_v6_round_trip),
		cmocka_unit_test(test_craft_build_payload_of_any_length_round_trips),
		cmocka_unit_test(test_craft_build_options_round_trip),
		cmocka_unit_test(test_craft_build_raw_options_are_padded_with_zeros),
		cmocka_unit_test(test_craft_build_bad_checksum_is_judged_bad_for_every_sum),
		cmocka_unit_test(test_craft_build_extreme_numbers_round_trip),
		cmocka_unit_test(test_craft_build_too_much_is_refused_and_the_next_is_whole),
		cmocka_unit_test(test_craft_build_many_keeps_no_memory),
		cmocka_unit_test(test_craft_send_without_a_socket_is_refused),
		cmocka_unit_test(test_craft_close_null_is_allowed),
		cmocka_unit_test(test_craft_open_unknown_interface_is_refused),
		cmocka_unit_test(test_craft_send_v4_is_taken_by_a_kernel),
		cmocka_unit_test(test_craft_send_v6_is_taken_by_a_kernel),
		cmocka_unit_test(test_craft_send_link_local_reaches_the_neighbour),
		cmocka_unit_test(test_craft_send_refused_by_own_firewall_says_so),
		cmocka_unit_test(test_craft_send_unreachable_and_too_big_say_why),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

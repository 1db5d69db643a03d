/*
 * trace over the kinds of interface that are not Ethernet: loopback, where each segment must
 * be seen once although the kernel shows it twice, and tun, which has no link layer.
 */
#include "../support/cm.h"
#include "../support/story.h"

#include "synscope/core/segment.h"
#include "synscope/core/util.h"
#include "synscope/edge/craft.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct lab *open_lab_or_skip(void)
{
	struct lab *lab;
	struct fault why;
	const struct lab_spec spec = {.router = false};
	if (lab_open(&lab, &spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		skip();
	}
	return lab;
}

static void check_each_once(const struct story *s)
{
	json_t *e;
	json_t *before = NULL;
	for (size_t i = 0; (e = story_event(s, "segment", i)) != NULL; before = e, i++)
		if (json_is_true(story_get(e, "retransmission"))) {
			story_print(s);
			fail_msg("#%d was seen twice", (int)story_number(e, "n"));
		}
	assert_non_null(before);
}

static void loopback(const char *target)
{
	struct story s;
	struct story_truth truth;
	struct fault why;
	struct lab *lab = open_lab_or_skip();
	const struct peer_spec peer = {.behaviour = PEER_ECHO, .port = 7};
	const char *words[] = {"trace", "-j",   "--truth", "--data-string", "me too", "--wait",
			       "50ms",  target, NULL};
	const struct story_spec spec = {.words = words};
	if (lab_serve(lab, LAB_CLIENT, &peer, 1, &why) < 0)
		fail_msg("%s", why.text);
	story_run(&s, lab, &spec);
	story_compare_truth(&s, &truth);
	if (s.status != 0 || truth.compared == 0 || truth.impossible + truth.unexpected != 0) {
		story_print(&s);
		fail_msg("status %d, truth: %s", s.status, truth.first_wrong);
	}
	check_each_once(&s);
	story_free(&s);
	lab_close(lab);
}

static void test_trace_loopback_v4_each_segment_once(void **state)
{
	(void)state;
	loopback("127.0.0.1:7");
}

static void test_trace_loopback_v6_each_segment_once(void **state)
{
	(void)state;
	loopback("[::1]:7");
}

static void test_trace_loopback_other_address_each_segment_once(void **state)
{
	(void)state;
	loopback("127.9.8.7:7");
}

struct tun {
	int ready; /* a byte is written here once the device is up */
};

/* Answer one IP packet: a SYN with RST,ACK, all else not. */
static int answer(struct craft *c, int fd, const uint8_t *data, size_t count)
{
	struct packet p;
	struct fault why;
	const uint8_t *out;
	if (packet_decode(data, count, count, &p) != PACKET_OK || p.kind != PACKET_TCP ||
	    (p.tcp.flags & TCP_SYN) == 0)
		return 0;
	const struct segment_spec spec = {.src = p.tcp.dst,
					  .dst = p.tcp.src,
					  .ack = segment_end(&p.tcp),
					  .flags = TCP_RST | TCP_ACK};
	const int bytes = craft_build(c, &spec, &out, &why);
	return bytes > 0 && write(fd, out, (size_t)bytes) == bytes ? 0 : -1;
}

/* A host made of one process, at the far end of a tun device. */
static int run_tun(void *context)
{
	const struct tun *t = context;
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct craft *c;
	struct fault why;
	uint8_t packet[2048];
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strcpy(ifr.ifr_name, "tun7");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || craft_open_builder(&c, &why) < 0)
		return 77;
	/* NOLINTNEXTLINE(cert-env33-c): a fixed command */
	if (system("ip addr add 203.0.113.1/24 dev tun7 && ip -6 addr add 2001:db8:7::1/64 dev "
		   "tun7 nodad "
		   "&& ip link set tun7 up") != 0 ||
	    write(t->ready, "r", 1) != 1)
		return 1;
	for (;;) {
		const ssize_t count = read(fd, packet, sizeof packet);
		if (count <= 0 || answer(c, fd, packet, (size_t)count) < 0)
			return 1;
	}
}

static void tun(const char *target)
{
	struct story s;
	struct fault why;
	char byte;
	int ready[2];
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		fprintf(stderr, "# skipped: /dev/net/tun is not to be had\n");
		skip();
	}
	struct lab *lab = open_lab_or_skip();
	assert_int_equal(pipe(ready), 0);
	struct tun t = {.ready = ready[1]};
	assert_true(lab_spawn(lab, LAB_CLIENT, run_tun, &t, &why) > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	const char *words[] = {"trace", "-j", target, NULL};
	const struct story_spec spec = {.words = words};
	story_run(&s, lab, &spec);
	if (s.status != 1 || !story_has_note(&s, "rst.refuses") ||
	    strcmp(story_text(story_event(&s, "start", 0), "in_iface"), "tun7") != 0) {
		story_print(&s);
		fail_msg("status %d", s.status);
	}
	check_each_once(&s);
	story_free(&s);
	close(ready[0]);
	lab_close(lab);
}

static void test_trace_tun_v4_is_refused(void **state)
{
	(void)state;
	tun("203.0.113.9:80");
}

static void test_trace_tun_v6_is_refused(void **state)
{
	(void)state;
	tun("[2001:db8:7::9]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_loopback_v4_each_segment_once),
		cmocka_unit_test(test_trace_loopback_v6_each_segment_once),
		cmocka_unit_test(test_trace_loopback_other_address_each_segment_once),
		cmocka_unit_test(test_trace_tun_v4_is_refused),
		cmocka_unit_test(test_trace_tun_v6_is_refused),
	};
	return cmocka_run_group_tests_name("trace, the kinds of interface", tests, NULL, NULL);
}

/* The seam: frames of a file, and of a wire, through the same five calls. */
#include "synscope/edge/link.h"

#include "../../support/cm.h"
#include "../../support/netns.h"
#include "../../support/packets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct heard {
	unsigned count;
	struct link_frame last;
	uint8_t data[PACKET_BYTES_MAX];
};

static void hear(void *context, const struct link_frame *frame)
{
	struct heard *h = context;
	h->count++;
	h->last = *frame;
	assert_true(frame->captured_bytes <= sizeof h->data);
	memcpy(h->data, frame->data, frame->captured_bytes);
}

static char path[64];

static void write_file(const void *data, size_t count)
{
	strcpy(path, "/tmp/synscope-link-XXXXXX");
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, count), (ssize_t)count);
	close(fd);
}

static const uint8_t two_frames[] =
	{
		0xd4, 0xc3, 0xb2, 0xa1, 2,    0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
		0,    0,    101,  0,    0,    0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0,    0,
		60,   0,    0,    0,    0x45, 1, 2, 3, /* cut to 4 of 60 */
		3,    0,    0,    0,    0,    0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0x60, 9,
};

static void test_link_open_file_gives_every_frame(void **state)
{
	(void)state;
	struct link *l = NULL;
	struct heard h = {0};
	struct fault why;
	struct link_stats stats = {9, 9};
	write_file(two_frames, sizeof two_frames);
	assert_int_equal(link_open_file(&l, path, &why), 0);
	unlink(path);
	assert_int_equal(link_fd(l), -1);
	assert_int_equal(link_receive(l, hear, &h, &why), 1);
	assert_int_equal(h.last.number, 1);
	assert_int_equal(h.last.time_ns, 1000002000);
	assert_int_equal(h.last.link_type, LINK_RAW);
	assert_int_equal(h.last.captured_bytes, 4);
	assert_int_equal(h.last.wire_bytes, 60);
	assert_int_equal(h.last.hint, FRAME_DIRECTION_UNKNOWN);
	assert_memory_equal(h.data, "\x45\1\2\3", 4);
	assert_int_equal(link_receive(l, hear, &h, &why), 1);
	assert_int_equal(h.last.number, 2);
	assert_int_equal(link_receive(l, hear, &h, &why), 0);
	assert_int_equal(link_receive(l, hear, &h, &why), 0);
	assert_int_equal(h.count, 2);
	link_stats(l, &stats);
	assert_int_equal(stats.dropped + stats.ifdropped, 0);
	link_close(l);
}

static void test_link_open_file_cut_short_gives_what_there_is(void **state)
{
	(void)state;
	struct link *l = NULL;
	struct heard h = {0};
	struct fault why = {""};
	write_file(two_frames, sizeof two_frames - 1);
	assert_int_equal(link_open_file(&l, path, &why), 0);
	unlink(path);
	assert_int_equal(link_receive(l, hear, &h, &why), 1);
	assert_int_equal(link_receive(l, hear, &h, &why), -ENODATA);
	assert_true(why.text[0] != '\0');
	assert_int_equal(h.count, 1);
	link_close(l);
}

static void test_link_open_file_errors(void **state)
{
	(void)state;
	struct link *l = NULL;
	struct fault why = {""};
	assert_int_equal(link_open_file(&l, "/nonexistent/file", &why), -ENOENT);
	assert_true(why.text[0] != '\0');
	write_file("this is no capture at all", 25);
	assert_int_equal(link_open_file(&l, path, &why), -EBADMSG);
	unlink(path);
	write_file(two_frames, 10);
	assert_int_equal(link_open_file(&l, path, &why), -ENODATA);
	unlink(path);
	assert_null(l);
	link_close(NULL);
}

static void test_link_send_into_a_file_is_refused(void **state)
{
	(void)state;
	struct link *l = NULL;
	struct fault why = {""};
	const struct segment_spec spec = {0};
	write_file(two_frames, sizeof two_frames);
	assert_int_equal(link_open_file(&l, path, &why), 0);
	unlink(path);
	assert_int_equal(link_send(l, &spec, &why), -ENOTSUP);
	assert_string_equal(why.text, "cannot send into a capture file");
	link_close(l);
}

/* What is sent comes back, with its link type, through the same handle. */
static void test_link_open_live_sends_and_hears_itself(void **state)
{
	(void)state;
	netns_require();
	struct craft *craft = NULL;
	struct capture *capture = NULL;
	struct link *l = NULL;
	struct heard h = {0};
	struct fault why = {""};
	struct link_stats stats = {9, 9};
	const struct capture_spec capture_spec = {.interface = "lo", .filter = "tcp port 7"};
	assert_int_equal(craft_open(&craft, IP_V4, "lo", &why), 0);
	assert_int_equal(capture_open(&capture, &capture_spec, &why), 0);
	assert_int_equal(link_open_live(&l, craft, capture, &why), 0);
	assert_int_equal(link_receive(l, hear, &h, &why), 0);
	struct segment_spec spec = {.src = packet_endpoint("127.0.0.1:40000"),
				    .dst = packet_endpoint("127.0.0.1:7"),
				    .seq = {5},
				    .flags = 0x002,
				    .window = 1000};
	assert_int_equal(link_send(l, &spec, &why), 0);
	struct pollfd fd = {.fd = link_fd(l), .events = POLLIN};
	for (int tries = 0; tries < 20 && h.count < 2; tries++) { /* and the kernel's RST */
		(void)poll(&fd, 1, 100);
		assert_true(link_receive(l, hear, &h, &why) >= 0);
	}
	assert_true(h.count >= 2);
	assert_int_equal(h.last.link_type, LINK_ETHERNET);
	assert_int_equal(h.last.number, 0);
	assert_true(h.last.time_ns > 0);
	link_stats(l, &stats);
	assert_int_equal(stats.dropped, 0);
	link_close(l);
}

int main(void)
{
	netns_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_open_file_gives_every_frame),
		cmocka_unit_test(test_link_open_file_cut_short_gives_what_there_is),
		cmocka_unit_test(test_link_open_file_errors),
		cmocka_unit_test(test_link_send_into_a_file_is_refused),
		cmocka_unit_test(test_link_open_live_sends_and_hears_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

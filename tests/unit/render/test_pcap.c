#include "../../support/cm.h"
#include "../../support/events.h"

#include "synscope/render/pcap.h"

#include <stdlib.h>
#include <string.h>

static uint32_t u32(const char *file, size_t at)
{
	uint32_t n;
	memcpy(&n, file + at, 4);
	return n;
}

static void test_pcap_file_has_nanoseconds(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	events_play_begin(&p, "pcap", &o);
	events_play_exchange(&p, 1);
	char *file = events_play_end(&p, &count);
	assert_int_equal(count, 24 + 11 * (16 + 40) + 2 * 13);
	assert_int_equal(u32(file, 0), 0xa1b23c4d);
	assert_int_equal(u32(file, 20), 101);
	/* the second record */
	assert_int_equal(u32(file, 24 + 56), EVENTS_BEGIN_NS / 1000000000);
	assert_int_equal(u32(file, 24 + 56 + 4), 24100000);
	assert_int_equal(u32(file, 24 + 56 + 8), 40);
	assert_int_equal(u32(file, 24 + 56 + 12), 40);
	free(file);
}

static void test_pcap_other_link_types_are_left_out_and_counted(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	events_play_begin(&p, "pcap", &o);
	for (uint32_t i = 0; i < 5; i++) {
		uint8_t buffer[EVENTS_FRAME_MAX];
		struct event e = events_segment(1, &events_exchange[0]);
		events_frame(&e, buffer);
		e.u.segment.frame.link_type = i == 0 || i == 4 ? 1 : 101;
		events_play(&p, &e);
	}
	assert_int_equal(pcap_file_left_out(p.render), 3);
	char *file = events_play_end(&p, &count);
	assert_int_equal(u32(file, 20), 1);
	assert_int_equal(count, 24 + 2 * 56);
	free(file);
}

static void test_pcap_without_a_frame_is_still_a_file(void **state)
{
	const struct render_options o = events_options();
	struct events_player p;
	size_t count = 0;
	(void)state;
	events_play_begin(&p, "pcap", &o);
	const struct event end = events_end(0);
	events_play(&p, &end);
	char *file = events_play_end(&p, &count);
	assert_int_equal(count, 24);
	assert_int_equal(u32(file, 0), 0xa1b23c4d);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap_file_has_nanoseconds),
		cmocka_unit_test(test_pcap_other_link_types_are_left_out_and_counted),
		cmocka_unit_test(test_pcap_without_a_frame_is_still_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

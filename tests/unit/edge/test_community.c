#include "synscope/edge/community.h"

#include "../../support/cm.h"
#include "../../support/packets.h"

#include <string.h>

/* The specification's baseline, seed 0; tshark 4.0 says the same of each. */
static const struct {
	const char *x, *y, *id;
} vectors[] = {
	{"128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{"[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943", "[2607:f8b0:400c:c03::1a]:25",
	 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	/* One address: the ports decide the order. */
	{"192.168.1.1:81", "192.168.1.1:80", "1:dKmbAeZylrsm2VqvgQFdklcPkXk="},
	{"10.0.0.1:1", "10.0.0.1:1", "1:+dp2Do6G15Psd+35CEle4w9raQM="},
};

static void test_community_id_format_vectors_in_either_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct endpoint x = packet_endpoint(vectors[i].x);
		const struct endpoint y = packet_endpoint(vectors[i].y);
		char text[48];
		community_id_format(&x, &y, text, sizeof text);
		assert_string_equal(text, vectors[i].id);
		community_id_format(&y, &x, text, sizeof text);
		assert_string_equal(text, vectors[i].id);
	}
}

static void test_community_id_format_too_small_is_empty(void **state)
{
	(void)state;
	const struct endpoint x = packet_endpoint(vectors[0].x);
	const struct endpoint y = packet_endpoint(vectors[0].y);
	const size_t needed = strlen(vectors[0].id) + 1;
	for (size_t bytes = 0; bytes <= needed; bytes++) {
		char text[64];
		memset(text, 'x', sizeof text);
		community_id_format(&x, &y, text, bytes);
		assert_int_equal(text[bytes], 'x');
		if (bytes > 0)
			assert_string_equal(text, bytes < needed ? "" : vectors[0].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_community_id_format_vectors_in_either_order),
		cmocka_unit_test(test_community_id_format_too_small_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

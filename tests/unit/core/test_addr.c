#include "synscope/core/addr.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"

#include <string.h>

/* Address text in, canonical text out (RFC 5952); NULL: refused. */
static const struct text_case {
	const char *text;
	const char *canonical;
} texts[] = {
	{"192.0.2.1", "192.0.2.1"},
	{"0.0.0.0", "0.0.0.0"},
	{"255.255.255.255", "255.255.255.255"},
	{"1.2.3", NULL},
	{"1.2.3.4.5", NULL},
	{"1.2.3.256", NULL},
	{"1.2.3.0004", NULL},
	{"1.2.3.", NULL},
	{"01.2.3.4", NULL}, /* octal to some */
	{" 1.2.3.4", NULL},
	{"1.2.3.4 ", NULL},
	{"", NULL},
	{"::", "::"},
	{"::1", "::1"},
	{"1::", "1::"},
	{"0:0:0:0:0:0:0:0", "::"},
	/* section 4.1: no leading zeros; 4.3: small letters */
	{"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
	{"2001:DB8:ABCD::EF", "2001:db8:abcd::ef"},
	/* section 4.2.1: as short as possible */
	{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	{"2001:db8::0:1", "2001:db8::1"},
	/* section 4.2.2: "::" never for one group */
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"0:1:1:1:1:1:1:1", "0:1:1:1:1:1:1:1"},
	{"1:1:1:1:1:1:1::", "1:1:1:1:1:1:1:0"},
	/* section 4.2.3: the longest run, the first of equals */
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	{"0:0:1:0:0:0:0:0", "0:0:1::"},
	{"0:0:0:0:0:1:0:0", "::1:0:0"},
	/* section 5: mapped addresses in mixed form, others not */
	{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	{"::FFFF:C000:0201", "::ffff:192.0.2.1"},
	{"0:0:0:0:0:ffff:0:0", "::ffff:0.0.0.0"},
	{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
	{"::192.0.2.1", "::c000:201"},
	{"1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"},
	{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
	{"fe80::", "fe80::"},
	{":::", NULL},
	{"1::2::3", NULL},
	{"1:2:3:4:5:6:7", NULL},
	{"1:2:3:4:5:6:7:8:9", NULL},
	{"1:2:3:4:5:6:7:8::", NULL},
	{"::1:2:3:4:5:6:7:8", NULL},
	{"1:2:3:4::5:6:7:8", NULL},
	{":1:2:3:4:5:6:7:8", NULL},
	{"1:", NULL},
	{":1", NULL},
	{"1:2:3:4:5:6:7:8:", NULL},
	{"12345::", NULL},
	{"g::", NULL},
	{"::1.2.3", NULL},
	{"::1.2.3.4:5", NULL},
	{"1:2:3:4:5:6:7:1.2.3.4", NULL},
	{"fe80::1%eth0", NULL},
	{"[::1]", NULL},
};

static void test_ip_addr_parse_then_format_is_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct ip_addr a = {.family = 77};
		char text[IP_ADDR_TEXT_MAX];
		const bool read = ip_addr_parse(&a, texts[i].text);
		if (read != (texts[i].canonical != NULL))
			fail_msg("\"%s\" was %s", texts[i].text, read ? "accepted" : "refused");
		if (!read) {
			assert_int_equal(a.family, 77); /* untouched */
			continue;
		}
		if (strcmp(ip_addr_format(&a, text, sizeof(text)), texts[i].canonical) != 0)
			fail_msg("\"%s\" became \"%s\"", texts[i].text, text);
	}
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	assert_true(ip_addr_parse(&a, text));
	return a;
}

static void test_ip_addr_format_longest_text_fits(void **state)
{
	(void)state;
	struct ip_addr a;
	memset(&a, 0xff, sizeof(a));
	a.family = IP_V6;
	char text[IP_ADDR_TEXT_MAX];
	assert_string_equal(ip_addr_format(&a, text, sizeof(text)),
			    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	const struct endpoint e = {a, 65535};
	char both[ENDPOINT_TEXT_MAX];
	assert_string_equal(endpoint_format(&e, both, sizeof(both)),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void test_ip_addr_format_none_is_a_dash(void **state)
{
	(void)state;
	const struct ip_addr none = {0};
	char text[IP_ADDR_TEXT_MAX];
	assert_string_equal(ip_addr_format(&none, text, sizeof(text)), "-");
	assert_int_equal(ip_addr_bytes(&none), 0);
}

static void test_ip_addr_of_bytes_has_family_and_zero_rest(void **state)
{
	(void)state;
	static const uint8_t bytes[16] = {192, 0, 2, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	static const uint8_t zeros[12] = {0};
	const struct ip_addr v4 = ip_addr_v4(bytes);
	assert_int_equal(v4.family, IP_V4);
	assert_int_equal(ip_addr_bytes(&v4), 4);
	assert_memory_equal(v4.bytes, bytes, 4);
	assert_memory_equal(v4.bytes + 4, zeros, 12);
	const struct ip_addr v6 = ip_addr_v6(bytes);
	assert_int_equal(ip_addr_bytes(&v6), 16);
	assert_memory_equal(v6.bytes, bytes, 16);
}

static void test_ip_addr_compare_family_goes_first(void **state)
{
	(void)state;
	const struct ip_addr low = addr("10.0.0.1");
	const struct ip_addr high = addr("10.0.1.0");
	const struct ip_addr v6 = addr("::");
	assert_true(ip_addr_compare(&low, &high) < 0);
	assert_true(ip_addr_compare(&high, &low) > 0);
	assert_true(ip_addr_compare(&high, &v6) < 0);
	assert_true(ip_addr_compare(&v6, &high) > 0);
	assert_true(ip_addr_equal(&low, &low));
	assert_false(ip_addr_equal(&low, &high));
	const struct ip_addr none = {0};
	const struct ip_addr zero = addr("0.0.0.0");
	assert_false(ip_addr_equal(&zero, &v6));
	assert_false(ip_addr_equal(&zero, &none));
}

static const struct kind_case {
	const char *text;
	bool loopback;
	bool link_local;
	bool multicast;
} kinds[] = {
	{"127.0.0.1", true, false, false},
	{"127.255.255.255", true, false, false},
	{"128.0.0.1", false, false, false},
	{"::1", true, false, false},
	{"::2", false, false, false},
	{"::ffff:127.0.0.1", false, false, false},
	{"fe80::1", false, true, false},
	{"febf:ffff::", false, true, false},
	{"fec0::1", false, false, false},
	{"169.254.0.1", false, false, false}, /* only fe80::/10 needs a scope */
	{"224.0.0.1", false, false, true},
	{"239.255.255.255", false, false, true},
	{"240.0.0.1", false, false, false},
	{"255.255.255.255", false, false, true},
	{"255.255.255.254", false, false, false},
	{"ff02::1", false, false, true},
	{"fe00::1", false, false, false},
};

static void test_ip_addr_is_kinds_have_their_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		const struct ip_addr a = addr(kinds[i].text);
		if (ip_addr_is_loopback(&a) != kinds[i].loopback ||
		    ip_addr_is_link_local(&a) != kinds[i].link_local ||
		    ip_addr_is_multicast(&a) != kinds[i].multicast)
			fail_msg("%s", kinds[i].text);
	}
}

static void test_endpoint_compare_address_then_port(void **state)
{
	(void)state;
	const struct endpoint a = {addr("192.0.2.1"), 65535};
	const struct endpoint b = {addr("192.0.2.2"), 1};
	const struct endpoint c = {addr("192.0.2.2"), 2};
	assert_true(endpoint_compare(&a, &b) < 0);
	assert_true(endpoint_compare(&b, &c) < 0);
	assert_true(endpoint_compare(&c, &b) > 0);
	assert_int_equal(endpoint_compare(&b, &b), 0);
	assert_true(endpoint_equal(&b, &b));
	assert_false(endpoint_equal(&b, &c));
	assert_false(endpoint_equal(&a, &b));
}

static void test_endpoint_format_brackets_ipv6_only(void **state)
{
	(void)state;
	char text[ENDPOINT_TEXT_MAX];
	const struct endpoint v4 = {addr("192.0.2.1"), 80};
	const struct endpoint v6 = {addr("2001:db8::1"), 0};
	assert_string_equal(endpoint_format(&v4, text, sizeof(text)), "192.0.2.1:80");
	assert_string_equal(endpoint_format(&v6, text, sizeof(text)), "[2001:db8::1]:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip_addr_parse_then_format_is_canonical),
		cmocka_unit_test(test_ip_addr_format_longest_text_fits),
		cmocka_unit_test(test_ip_addr_format_none_is_a_dash),
		cmocka_unit_test(test_ip_addr_of_bytes_has_family_and_zero_rest),
		cmocka_unit_test(test_ip_addr_compare_family_goes_first),
		cmocka_unit_test(test_ip_addr_is_kinds_have_their_edges),
		cmocka_unit_test(test_endpoint_compare_address_then_port),
		cmocka_unit_test(test_endpoint_format_brackets_ipv6_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

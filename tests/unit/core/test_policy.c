#include "synscope/core/policy.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"

#include <string.h>

static void test_port_ranges_parse_takes_lists_and_ranges(void **state)
{
	struct port_ranges r;
	(void)state;
	assert_null(port_ranges_parse(&r, "22,80-89,65535"));
	assert_int_equal(r.count, 3);
	assert_true(port_ranges_has(&r, 22));
	assert_true(port_ranges_has(&r, 85));
	assert_true(port_ranges_has(&r, 65535));
	assert_false(port_ranges_has(&r, 90));
	assert_null(port_ranges_parse(&r, "-"));
	assert_true(port_ranges_has(&r, 1));
	assert_false(port_ranges_has(&r, 0));
}

static void test_port_ranges_parse_refuses_what_is_none(void **state)
{
	static const char *const wrong[] = {"",    "0",    "65536", "80-",    "89-80",      "a",
					    "80,", "80 1", "-80",   "80--90", "99999999999"};
	struct port_ranges r;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		if (port_ranges_parse(&r, wrong[i]) == NULL)
			fail_msg("took %s", wrong[i]);
}

static const struct line_case {
	const char *text;
	enum policy_status status;
	const char *wanted; /* as policy_wanted_format() has it */
	const char *host;
} lines[] = {
	{"", POLICY_NOTHING, NULL, NULL},
	{"   # only a comment", POLICY_NOTHING, NULL, NULL},
	{"192.0.2.2:80 open", POLICY_LINE, "open", "192.0.2.2"},
	{"\t[2001:db8::1]:80-90\tclosed  # why not", POLICY_LINE, "closed", "2001:db8::1"},
	{"host.example:22 filtered", POLICY_LINE, "filtered", "host.example"},
	{"h:25 rejected by hop 2 with icmp-3/13", POLICY_LINE, "rejected by hop 2 with icmp-3/13",
	 "h"},
	{"h:25 rejected with icmp-admin-prohibited by 192.0.2.254", POLICY_LINE,
	 "rejected by 192.0.2.254 with icmp admin prohibited", "h"},
	{"h:25 rejected by host with rst", POLICY_LINE, "rejected by host with rst", "h"},
	{"h:25 rejected with icmp", POLICY_LINE, "rejected with icmp", "h"},
	{"h:25", POLICY_WRONG, NULL, NULL},
	{"h:25 shut", POLICY_WRONG, NULL, NULL},
	{"h open", POLICY_WRONG, NULL, NULL},
	{"h:0 open", POLICY_WRONG, NULL, NULL},
	{":80 open", POLICY_WRONG, NULL, NULL},
	{"2001:db8::1:80 open", POLICY_WRONG, NULL, NULL},
	{"[2001:db8::1:80 open", POLICY_WRONG, NULL, NULL},
	{"h:25 open by", POLICY_WRONG, NULL, NULL},
	{"h:25 open by hop", POLICY_WRONG, NULL, NULL},
	{"h:25 open by hop 0", POLICY_WRONG, NULL, NULL},
	{"h:25 open by hop two", POLICY_WRONG, NULL, NULL},
	{"h:25 open with", POLICY_WRONG, NULL, NULL},
	{"h:25 open with icmp-nonsense", POLICY_WRONG, NULL, NULL},
	{"h:25 open with icmp-3/", POLICY_WRONG, NULL, NULL},
	{"h:25 open sometimes", POLICY_WRONG, NULL, NULL},
};

static void test_policy_parse_reads_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		struct policy_line l = {.number = 7};
		char wrong[POLICY_WRONG_MAX] = "";
		char wanted[96];
		const enum policy_status status =
			policy_parse(&l, lines[i].text, wrong, sizeof wrong);
		if (status != lines[i].status)
			fail_msg("\"%s\": status %d, %s", lines[i].text, status, wrong);
		if (status == POLICY_WRONG)
			assert_true(strlen(wrong) > 0);
		if (status != POLICY_LINE)
			continue;
		assert_string_equal(policy_wanted_format(&l, wanted, sizeof wanted),
				    lines[i].wanted);
		assert_string_equal(l.host, lines[i].host);
		assert_int_equal(l.number, 7);
	}
}

static const struct firewall_port refused = {
	.port = 25,
	.verdict = VERDICT_REJECTED,
	.box = BOX_BEFORE,
	.hop_min = 2,
	.hop_max = 2,
	.has_by = true,
	.by = {IP_V4, {10, 0, 0, 2}},
	.manner = MANNER_ICMP,
	.icmp_type = 3,
	.icmp_code = 13,
	.icmp_reason = ICMP_ADMIN_PROHIBITED,
};

static void test_policy_compare_tells_the_difference(void **state)
{
	static const struct {
		const char *text;
		bool same;
	} cases[] = {
		{"h:25 rejected", true},
		{"h:25 rejected by hop 2", true},
		{"h:25 rejected by 10.0.0.2 with icmp-3/13", true},
		{"h:25 rejected with icmp-admin-prohibited", true},
		{"h:25 rejected with icmp", true},
		{"h:25 open", false},
		{"h:25 rejected by hop 1", false},
		{"h:25 rejected by host", false},
		{"h:25 rejected by 10.0.0.1", false},
		{"h:25 rejected with rst", false},
		{"h:25 rejected with icmp-3/10", false},
		{"h:25 rejected with icmp-port-unreachable", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct policy_line l = {.number = 1};
		char wrong[POLICY_WRONG_MAX];
		char differs[200];
		assert_int_equal(policy_parse(&l, cases[i].text, wrong, sizeof wrong), POLICY_LINE);
		if (policy_compare(&l, &refused, differs, sizeof differs) != cases[i].same)
			fail_msg("%s: %s", cases[i].text, differs);
		assert_int_equal(differs[0] == '\0', cases[i].same);
	}
}

/* What is written down today is what is expected tomorrow. */
static void test_policy_format_reads_back(void **state)
{
	static const char *const hosts[] = {"192.0.2.2", "2001:db8::1", "host.example"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
		struct policy_line l = {.number = 1};
		char text[400];
		char wrong[POLICY_WRONG_MAX];
		char differs[200];
		policy_format(hosts[i], &refused, text, sizeof text);
		if (policy_parse(&l, text, wrong, sizeof wrong) != POLICY_LINE)
			fail_msg("%s: %s", text, wrong);
		assert_string_equal(l.host, hosts[i]);
		assert_true(policy_compare(&l, &refused, differs, sizeof differs));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_ranges_parse_takes_lists_and_ranges),
		cmocka_unit_test(test_port_ranges_parse_refuses_what_is_none),
		cmocka_unit_test(test_policy_parse_reads_lines),
		cmocka_unit_test(test_policy_compare_tells_the_difference),
		cmocka_unit_test(test_policy_format_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table, the path, and the forms for machines, of a battery asked in virtual time. */
#include "synscope/render/findings.h"

#include "synscope/core/util.h"
#include "synscope/render/text.h"

#include "../../support/cm.h"
#include "../../support/quiz.h"
#include "../../support/schema.h"

#include <stdlib.h>
#include <string.h>

static struct quiz z;
static struct firewall_host host;
static struct firewall_port found[QUIZ_PORTS_MAX];

static struct findings_host ask(void)
{
	quiz_init(&z, (uint16_t[]){80, 25, 26, 27, 28}, 5, 50000,
		  "syn,walk,ack,talk,cookie,class,pmtu,session");
	z.routers = 2;
	z.filter_at = 1;
	z.ports[80] = QUIZ_OPEN;
	z.ports[25] = QUIZ_DROP;
	z.ports[26] = QUIZ_ICMP;
	z.ports[27] = QUIZ_RST;
	z.mss_at_filter = 1300;
	quiz_run(&z);
	firewall_judge_host(&z.battery, &host);
	for (uint32_t i = 0; i < z.battery.config.ports_count; i++)
		firewall_judge_port(&z.battery, &host, i, &found[i], NULL);
	return (struct findings_host){"host.example", "eth0", &z.battery,
				      &host,          found,  INT64_C(1790000000000000000)};
}

/* Everything that was written; the caller frees it. */
static char *take(struct out *out)
{
	size_t count;
	char *copy = strdup(out_memory(out, &count));
	out_close(out);
	return copy;
}

static char *table(int width, int verbosity)
{
	const struct findings_host f = ask();
	const struct render_options o = {.width = width, .ascii = true, .verbosity = verbosity};
	struct out *out = out_open_memory();
	findings_table(out, &o, &f);
	return take(out);
}

static void test_findings_table_has_a_row_for_each_port(void **state)
{
	static const char *const rows[] = {
		"80     open          host                   SYN,ACK                 nothing\n",
		"25     filtered      hop 1 or 2             drop                    ?\n",
		"26     rejected      hop 1 10.0.0.1         3/13 admin prohibited   ?\n",
		"27     rejected      hop 1 10.0.0.1         RST                     ?\n",
		"28     closed        host                   RST                     nothing\n",
		"       rewrites: MSS\n",
	};
	(void)state;
	char *text = table(80, 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strstr(text, rows[i]) == NULL)
			fail_msg("no \"%s\" in\n%s", rows[i], text);
	assert_null(strstr(text, "50000")); /* the control port is not asked for */
	free(text);
}

static void test_findings_lines_fit(void **state)
{
	static const int widths[] = {80, 100, 120};
	(void)state;
	for (size_t w = 0; w < ARRAY_COUNT(widths); w++)
		for (int v = 0; v <= 1; v++) {
			char *text = table(widths[w], v);
			for (char *line = strtok(text, "\n"); line != NULL;
			     line = strtok(NULL, "\n"))
				if (columns(line) > widths[w])
					fail_msg("%d columns of %d: %s", columns(line), widths[w],
						 line);
			free(text);
		}
}

static void test_findings_table_tells_the_evidence(void **state)
{
	(void)state;
	char *text = table(80, 2);
	assert_non_null(strstr(text, "by, expected:"));
	assert_non_null(strstr(text, "rewrites, proven:"));
	assert_non_null(strstr(text, "cookie.1"));
	assert_non_null(strstr(text, "50000"));
	free(text);
}

static void test_findings_many_alike_are_one_line(void **state)
{
	uint16_t ports[30];
	(void)state;
	for (uint16_t i = 0; i < ARRAY_COUNT(ports); i++)
		ports[i] = (uint16_t)(100 + i);
	quiz_init(&z, ports, ARRAY_COUNT(ports), 0, "syn");
	z.ports[105] = QUIZ_OPEN;
	quiz_run(&z);
	firewall_judge_host(&z.battery, &host);
	for (uint32_t i = 0; i < ARRAY_COUNT(ports); i++)
		firewall_judge_port(&z.battery, &host, i, &found[i], NULL);
	const struct findings_host f = {"h", "eth0", &z.battery, &host, found, 0};
	const struct render_options o = {.width = 80};
	struct out *out = out_open_memory();
	findings_table(out, &o, &f);
	char *text = take(out);
	assert_non_null(strstr(text, "29 more closed"));
	assert_non_null(strstr(text, "105    open"));
	assert_null(strstr(text, "106 "));
	free(text);
}

static void test_findings_path_says_where_it_changed(void **state)
{
	const struct findings_host f = ask();
	const struct render_options o = {.width = 80};
	struct out *out = out_open_memory();
	(void)state;
	findings_path(out, &o, &f, 0);
	findings_path(out, &o, &f, 1);
	char *text = take(out);
	assert_non_null(strstr(text, " 1  10.0.0.1 "));
	assert_non_null(strstr(text, "changed between hop 1 and 2: MSS 1460 -> 1300"));
	assert_non_null(strstr(text, "port 80: open, by host, how: SYN,ACK"));
	assert_non_null(strstr(text, "for another port 10.0.0.2 answers"));
	assert_non_null(strstr(text, "MTU 1500, with DF: "));
	free(text);
}

static void test_findings_json_is_valid_by_the_schema(void **state)
{
	const struct findings_host f = ask();
	struct out *out = out_open_memory();
	(void)state;
	findings_json(out, &f);
	findings_path_json(out, &f, 0);
	findings_json_end(out, &(const struct findings_end){f.time_ns, 1, 7, 0, 0, "interrupted"});
	char *text = take(out);
	const int status = schema_validate(text, false);
	free(text);
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static const struct finding results[] = {
	{"h:80", "open", "open by host", "", false},
	{"<&\":81", "closed", "open by host", "expected closed, found open", false},
};

static void test_findings_junit_counts_and_escapes(void **state)
{
	struct out *out = out_open_memory();
	(void)state;
	findings_junit(out, results, ARRAY_COUNT(results), 1.5);
	char *text = take(out);
	assert_non_null(strstr(text, "tests=\"2\" failures=\"1\""));
	assert_non_null(strstr(text, "name=\"&lt;&amp;&quot;:81 closed\""));
	assert_non_null(strstr(text, "<failure message=\"expected closed, found open\""));
	free(text);
}

static void test_findings_tap_has_a_plan_and_reasons(void **state)
{
	struct out *out = out_open_memory();
	(void)state;
	findings_tap(out, results, ARRAY_COUNT(results));
	char *text = take(out);
	assert_memory_equal(text, "1..2\nok 1 - h:80 open\nnot ok 2 - ", 32);
	assert_non_null(strstr(text, "\n# expected closed, found open\n"));
	free(text);
}

static void test_findings_policy_tells_differences_only(void **state)
{
	struct out *out = out_open_memory();
	(void)state;
	findings_policy(out, results, ARRAY_COUNT(results));
	char *text = take(out);
	assert_null(strstr(text, "h:80"));
	assert_non_null(strstr(text, "policy: 1 of 2 as expected\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_table_has_a_row_for_each_port),
		cmocka_unit_test(test_findings_lines_fit),
		cmocka_unit_test(test_findings_table_tells_the_evidence),
		cmocka_unit_test(test_findings_many_alike_are_one_line),
		cmocka_unit_test(test_findings_path_says_where_it_changed),
		cmocka_unit_test(test_findings_json_is_valid_by_the_schema),
		cmocka_unit_test(test_findings_junit_counts_and_escapes),
		cmocka_unit_test(test_findings_tap_has_a_plan_and_reasons),
		cmocka_unit_test(test_findings_policy_tells_differences_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

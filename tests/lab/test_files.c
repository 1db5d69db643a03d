/* What trace -w writes: tshark and tcpdump read it without a complaint of their own. */
#include "../support/cm.h"
#include "../support/story.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lab *lab;

static int open_lab(void **state)
{
	struct fault why;
	const struct lab_spec spec = {.router = false};
	const struct peer_spec peer = {.behaviour = PEER_ECHO, .port = 7};
	(void)state;
	if (lab_open(&lab, &spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		return 0;
	}
	return lab_serve(lab, LAB_SERVER, &peer, 1, &why) < 0 ? -1 : 0;
}

static int close_lab(void **state)
{
	(void)state;
	lab_close(lab);
	return 0;
}

/* Run a fixed command on a file. @return its stdout and stderr together; to be freed */
static char *output_of(const char *command, const char *path)
{
	char line[1024];
	size_t count = 0;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	snprintf(line, sizeof line, "%s %s 2>&1", command, path);
	FILE *f = popen(line, "r"); /* NOLINT(cert-env33-c): a fixed command */
	assert_non_null(f);
	count = fread(text, 1, (1 << 20) - 1, f);
	text[count] = '\0';
	const int rc = pclose(f);
	if (rc != 0)
		fail_msg("%s: status %d: %.400s", line, rc, text);
	return text;
}

static bool have(const char *program)
{
	char command[64];
	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	if (system(command) == 0) /* NOLINT(cert-env33-c): a fixed command */
		return true;
	fprintf(stderr, "# skipped: %s is not installed\n", program);
	return false;
}

static void write_file(const char *path, const char *target)
{
	struct story s;
	const char *words[] = {"trace",    "-j",     "-w",   path,   "--data-string",
			       "hello\\n", "--wait", "50ms", target, NULL};
	const struct story_spec spec = {.words = words};
	story_run(&s, lab, &spec);
	if (s.status != 0) {
		story_print(&s);
		fail_msg("status %d", s.status);
	}
	story_free(&s);
}

static size_t lines_in(const char *text)
{
	size_t count = 0;
	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void check_pcapng(const char *target)
{
	char path[64];
	snprintf(path, sizeof path, "/tmp/synscope-test-%d.pcapng", (int)getpid());
	if (lab == NULL || !have("tshark"))
		skip();
	write_file(path, target);
	/* Nothing malformed, and every checksum that the file holds is good. */
	char *bad = output_of(
		"tshark -n -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y "
		"'_ws.malformed || _ws.expert.severity == error || tcp.checksum.status == 0 || "
		"ip.checksum.status == 0' -r",
		path);
	if (strstr(bad, "Running as user") != NULL) /* tshark says this of root, on stderr */
		memmove(bad, strchr(bad, '\n') + 1, strlen(strchr(bad, '\n') + 1) + 1);
	if (bad[0] != '\0')
		fail_msg("tshark complains: %.600s", bad);
	free(bad);
	char *comments = output_of(
		"tshark -n -T fields -e frame.comment -e frame.packet_flags_direction -r", path);
	assert_non_null(strstr(comments, "server=SYN-RECEIVED"));
	assert_non_null(strstr(comments, "server_how=proven"));
	assert_non_null(strstr(comments, "synack.acceptable"));
	assert_true(lines_in(comments) >= 10);
	free(comments);
	char *info = output_of("capinfos", path);
	assert_non_null(strstr(info, "nanosecond"));
	assert_non_null(strstr(info, "synscope"));
	free(info);
	unlink(path);
}

static void test_pcapng_v4_is_read_by_tshark(void **state)
{
	(void)state;
	check_pcapng("192.0.2.2:7");
}

static void test_pcapng_v6_is_read_by_tshark(void **state)
{
	(void)state;
	check_pcapng("[2001:db8::2]:7");
}

static void test_pcap_is_read_by_tcpdump(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "/tmp/synscope-test-%d.pcap", (int)getpid());
	if (lab == NULL || !have("tcpdump"))
		skip();
	write_file(path, "192.0.2.2:7");
	char *text = output_of("tcpdump -nn -vv --nano -r", path);
	assert_null(strstr(text, "incorrect"));
	assert_non_null(strstr(text, "Flags [S.]"));
	free(text);
	unlink(path);
}

static void test_read_tells_what_trace_told(void **state)
{
	char path[64];
	struct story s;
	(void)state;
	snprintf(path, sizeof path, "/tmp/synscope-test-%d.pcapng", (int)getpid());
	if (lab == NULL)
		skip();
	write_file(path, "192.0.2.2:7");
	const char *words[] = {"read", "-j", path, NULL};
	const struct story_spec spec = {.words = words};
	story_run(&s, lab, &spec);
	assert_int_equal(s.status, 0);
	assert_int_equal(story_count(&s, "flow"), 1);
	assert_true(json_is_true(story_get(story_event(&s, "flow", 0), "flow.handshake_complete")));
	assert_string_equal(story_final_state(&s, "server"), "CLOSED");
	assert_string_equal(story_final_state(&s, "client"), "TIME-WAIT");
	story_free(&s);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcapng_v4_is_read_by_tshark),
		cmocka_unit_test(test_pcapng_v6_is_read_by_tshark),
		cmocka_unit_test(test_pcap_is_read_by_tcpdump),
		cmocka_unit_test(test_read_tells_what_trace_told),
	};
	return cmocka_run_group_tests_name("files", tests, open_lab, close_lab);
}

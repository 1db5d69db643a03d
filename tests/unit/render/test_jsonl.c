/* JSON lines: their shape, and every line against docs/events.schema.json. */
#include "../../support/cm.h"
#include "../../support/events.h"
#include "../../support/schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *everything(void)
{
	const struct render_options o = events_options();
	struct events_player p;
	events_play_begin(&p, "json", &o);
	events_play_everything(&p);
	return events_play_end(&p, NULL);
}

static char *one(const struct event *e)
{
	const struct render_options o = events_options();
	struct events_player p;
	events_play_begin(&p, "json", &o);
	events_play(&p, e);
	return events_play_end(&p, NULL);
}

static void test_jsonl_segment_is_as_documented(void **state)
{
	struct event e = events_segment(1, &events_exchange[1]);
	static const uint8_t options[] = {2, 4, 0x05, 0x78, 4, 2, 1, 3, 3, 7};
	(void)state;
	e.u.segment.tcp.options = options;
	e.u.segment.tcp.options_bytes = sizeof options;
	option_decode(&e.u.segment.tcp.option, options, sizeof options);
	e.u.segment.server.orderly = 0;
	e.u.segment.server.possible = 0;
	events_note(&e, NOTE_SYNACK_ACCEPTABLE, "acknowledges our SYN", "9293 3.10.7.3");
	char *text = one(&e);
	assert_string_equal(
		text,
		"{\"schema\":1,\"timestamp\":\"2026-11-22T08:00:00.024100000Z\",\"event_type\":"
		"\"segment\",\"flow_id\":1,\"n\":2,\"pcap_cnt\":2,\"direction\":\"to_client\","
		"\"src_ip\":\"192.0.2.2\",\"src_port\":7777,\"dest_ip\":\"192.0.2.1\",\"dest_"
		"port\":"
		"50210,\"proto\":\"TCP\",\"since_previous_ns\":0,\"ip\":{\"version\":4,\"ttl\":64,"
		"\"id\":0,\"df\":true,\"dscp\":0,\"ecn\":0},\"tcp\":{\"flags\":\"SA\",\"seq\":"
		"2594639151,\"ack\":3897988995,\"seq_rel\":0,\"ack_rel\":1,\"next_seq_rel\":1,"
		"\"win\":64240,\"win_bytes\":64240,\"len\":0,\"options\":[{\"kind\":2,\"name\":"
		"\"mss\",\"value\":1400},{\"kind\":4,\"name\":\"sack_permitted\"},{\"kind\":1,"
		"\"name\":\"nop\"},{\"kind\":3,\"name\":\"wscale\",\"value\":7}],\"checksum\":"
		"\"good\"},\"client\":{\"state\":\"ESTABLISHED\",\"certainty\":\"exact\"},"
		"\"server\":{\"state\":\"SYN-RECEIVED\",\"certainty\":\"proven\",\"by\":2,"
		"\"proven\":[\"SYN-RECEIVED\"],\"loss\":[\"CLOSED\",\"SYN-RECEIVED\"]},\"notes\":"
		"[{\"code\":\"synack.acceptable\",\"text\":\"acknowledges our SYN\",\"rfc\":"
		"\"9293 3.10.7.3\"}]}\n");
	free(text);
}

static void test_jsonl_unknown_is_absent(void **state)
{
	struct event e = events_segment(1, &events_exchange[0]);
	(void)state;
	e.u.segment.has_seq_rel = false;
	e.u.segment.window_scale_known = false;
	e.u.segment.server = (struct end_view){.certainty = CERTAINTY_UNKNOWN};
	char *text = one(&e);
	static const char *const absent[] = {"\"ack\"",      "_rel",     "win_bytes",
					     "community_id", "in_iface", "notes",
					     "payload",      "held",     "null"};
	for (size_t i = 0; i < ARRAY_COUNT(absent); i++)
		if (strstr(text, absent[i]) != NULL)
			fail_msg("%s in %s", absent[i], text);
	assert_non_null(strstr(text, "\"server\":{\"certainty\":\"unknown\"}"));
	free(text);
}

static void test_jsonl_sequence_number_zero_is_a_number(void **state)
{
	struct event e = events_segment(1, &events_exchange[2]);
	(void)state;
	e.u.segment.tcp.seq = seq_of(0);
	e.u.segment.tcp.ack = seq_of(0);
	e.u.segment.seq_rel = 0;
	char *text = one(&e);
	assert_non_null(strstr(text, "\"seq\":0,\"ack\":0,\"seq_rel\":0,\"ack_rel\":1"));
	free(text);
}

static void test_jsonl_truth_is_told(void **state)
{
	struct event e = events_segment(1, &events_exchange[2]);
	(void)state;
	e.u.segment.server.has_truth = true;
	e.u.segment.server.truth = ST_FIN_WAIT_1;
	e.u.segment.server.truth_fin_unsent = true;
	char *text = one(&e);
	assert_non_null(strstr(text, "\"truth\":\"FIN-WAIT-1\",\"truth_fin_unsent\":true}"));
	free(text);
}

static void test_jsonl_payload_is_capped_and_escaped(void **state)
{
	struct event e = events_segment(1, &events_exchange[3]);
	uint8_t payload[1000];
	(void)state;
	memset(payload, '"', sizeof payload);
	payload[0] = 0xff;
	payload[1] = '\n';
	events_payload(&e, payload, sizeof payload);
	char *text = one(&e);
	const char *at = strstr(text, "\"payload_printable\":\".\\n\\\"\\\"");
	assert_non_null(at);
	assert_int_equal(strcspn(at + strlen("\"payload_printable\":\""), ","),
			 1 + 2 + 254 * 2 + 1);
	free(text);
}

static void test_jsonl_names_follow_their_flow(void **state)
{
	(void)state;
	char *text = everything();
	const char *end = strstr(text, "\"event_type\":\"end\"");
	assert_non_null(end);
	assert_int_equal(strchr(end, '\n')[1], '\0'); /* the last line */
	assert_null(strstr(end, "flow_id"));
	const char *verdict = strstr(text, "\"event_type\":\"verdict\"");
	assert_non_null(verdict);
	assert_memory_equal(
		verdict, "\"event_type\":\"verdict\",\"flow_id\":1,\"community_id\":\"1:",
		strlen("\"event_type\":\"verdict\",\"flow_id\":1,\"community_id\":\"1:"));
	free(text);
}

/* --- the schema ----------------------------------------------------------------------------- */

static void test_jsonl_every_line_is_valid_by_the_schema(void **state)
{
	(void)state;
	char *text = everything();
	const int status = schema_validate(text, false);
	free(text);
	if (status == 77) {
		print_message("skipped: needs /usr/bin/python3 with jsonschema 4 or newer\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* The validator is one that can fail. */
static void test_jsonl_schema_refuses_what_is_not_documented(void **state)
{
	static const char *const wrong[] = {
		"{}\n",
		"{\"schema\":1,\"timestamp\":\"2026-11-22T08:00:00.000000000Z\",\"event_type\":"
		"\"other\"}\n",
		"{\"schema\":1,\"timestamp\":\"2026-11-22T08:00:00.000000000Z\",\"event_type\":"
		"\"end\",\"end\":{\"exit_status\":0,\"complete\":true,\"segments\":1,\"flows\":1,"
		"\"capture_dropped\":0,\"capture_ifdropped\":0,\"undecodable\":0,\"new\":1}}\n",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		const int status = schema_validate(wrong[i], true);
		if (status == 77)
			skip();
		assert_int_equal(status, 1);
	}
}

static void check_codes(const char *path, const char *before, const char *after)
{
	static char text[256 << 10];
	FILE *f = fopen(path, "r");
	if (f == NULL)
		fail_msg("cannot read %s: run from the root of the project", path);
	const size_t count = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[count] = '\0';
	for (int i = 0; i < NOTE_CODE_COUNT; i++) {
		char code[64];
		snprintf(code, sizeof code, "%s%s%s", before, note_code_name((enum note_code)i),
			 after);
		if (strstr(text, code) == NULL)
			fail_msg("%s is not in %s", note_code_name((enum note_code)i), path);
	}
}

static void test_jsonl_documents_know_every_note_code(void **state)
{
	(void)state;
	check_codes("docs/events.schema.json", "\"", "\"");
	check_codes("docs/synscope-json.5", "\n.It Cm ", "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jsonl_segment_is_as_documented),
		cmocka_unit_test(test_jsonl_unknown_is_absent),
		cmocka_unit_test(test_jsonl_sequence_number_zero_is_a_number),
		cmocka_unit_test(test_jsonl_truth_is_told),
		cmocka_unit_test(test_jsonl_payload_is_capped_and_escaped),
		cmocka_unit_test(test_jsonl_names_follow_their_flow),
		cmocka_unit_test(test_jsonl_every_line_is_valid_by_the_schema),
		cmocka_unit_test(test_jsonl_schema_refuses_what_is_not_documented),
		cmocka_unit_test(test_jsonl_documents_know_every_note_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

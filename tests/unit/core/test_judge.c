/*
 * The notes: their codes in order, and the arithmetic in their text. Each story is told at
 * several places of the number space; what is compared word for word is told with ISN 1000000 of
 * the client and 5000000 of the server.
 */
#include "synscope/core/judge.h"

#include "../../support/cm.h"
#include "../../support/teller.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <string.h>

#define C SIDE_CLIENT
#define S SIDE_SERVER
#define CLOSED UINT16_MAX /* as a window: 0 */

static void check_note(const struct note *n)
{
	const size_t length = strlen(n->text);
	if (length == 0 || length >= NOTE_TEXT_MAX - 1)
		fail_msg("%s: empty or cut short: %s", note_code_name(n->code), n->text);
	for (const char *c = n->text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			fail_msg("%s: a byte that is no text", note_code_name(n->code));
	assert_true(n->rfc != NULL || n->code == NOTE_CORRECTION);
}

/* As the pipeline does: judged before it is taken in. */
static void judge(struct teller *t, enum side from, const struct segment *s,
		  struct event_segment *e)
{
	struct flow_delta d;
	memset(e, 0, sizeof *e);
	e->tcp = *s;
	e->from = from;
	flow_compare(&t->f, from, s, t->now_ns + TELLER_MS, &d);
	e->window_bytes = flow_window(&t->f, from, s, &e->window_scale_known);
	judge_segment(&t->f, from, &d, e);
	for (unsigned i = 0; i < e->notes_count; i++)
		check_note(&e->notes[i]);
	teller_take(t, from, s);
}

static char *codes(const struct event_segment *e, char *text, size_t text_bytes)
{
	size_t at = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < e->notes_count; i++)
		at += (size_t)snprintf(text + at, text_bytes - at, "%s%s", i > 0 ? " " : "",
				       note_code_name(e->notes[i].code));
	return text;
}

struct line {
	enum side from;
	const char *flags;
	int64_t seq, ack;
	uint32_t bytes;
	uint16_t window; /* 0: the usual 1000 */
	const char *codes;
	const char *text; /* some of it, of any note; for the first pair of ISNs */
};

static bool says(const struct event_segment *e, const char *text)
{
	for (unsigned i = 0; i < e->notes_count; i++)
		if (strstr(e->notes[i].text, text) != NULL)
			return true;
	return false;
}

static void run_story(const char *name, const struct line *lines, size_t count)
{
	char found[400];
	for (size_t pair = 0; pair < TELLER_ISNS_COUNT; pair++) {
		struct teller t;
		struct event_segment e;
		teller_begin(&t, pair);
		for (size_t i = 0; i < count; i++) {
			const struct line *l = &lines[i];
			struct segment s =
				teller_segment(&t, l->from, l->flags, l->seq, l->ack, l->bytes);
			s.window = l->window == CLOSED ? 0 : l->window == 0 ? 1000 : l->window;
			judge(&t, l->from, &s, &e);
			if (strcmp(codes(&e, found, sizeof found), l->codes) != 0)
				fail_msg(
					"%s, ISNs %u and %u, segment %zu: \"%s\", should be \"%s\"",
					name, t.isn[0], t.isn[1], i + 1, found, l->codes);
			if (pair == 0 && l->text != NULL && !says(&e, l->text))
				fail_msg("%s, segment %zu: \"%s\", should say \"%s\"", name, i + 1,
					 e.notes_count > 0 ? e.notes[0].text : "", l->text);
		}
	}
}

#define STORY(name, ...)                                        \
	do {                                                    \
		static const struct line lines[] = __VA_ARGS__; \
		run_story(name, lines, ARRAY_COUNT(lines));     \
	} while (0)

/* clang-format off */
#define OPEN                                                                                 \
	{C, "S",   0,   0,   0, 0, "syn", "opens: ISN 1000000; the SYN itself uses number 1000000"}, \
	{S, "SA",  0,   1,   0, 0, "synack.acceptable", "ack 1000001 = ISN 1000000 + 1"},    \
	{C, "A",   1,   1,   0, 0, "handshake.complete", "ack 5000001 = ISN 5000000 + 1"}

static void test_judge_segment_openings(void **state)
{
	(void)state;
	STORY("SYN again, SYN,ACK again", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{C, "S",   0,   0,   0, 0, "syn.retransmitted", "same ISN 1000000"},
		{S, "SA",  0,   1,   0, 0, "synack.acceptable", NULL},
		{S, "SA",  0,   1,   0, 0, "synack.retransmitted", NULL},
		{C, "PA",  1,   1,  10, 0, "handshake.complete data", "10 bytes use numbers 1000001 (rel 1) to 1000010 (rel 10)"},
	});
	STORY("wrong ack", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "SA",  0, 778,   0, 0, "synack.wrong_ack", "acknowledges 1000778, but the SYN's ISN 1000000 + 1 is 1000001"},
		{C, "R", 778,   0,   0, 0, "rst.bounce", "seq 1000778 is the number that the segment before acknowledged"},
		{S, "SA",  0,   0,   0, 0, "synack.wrong_ack", "acknowledges 1000000,"},
	});
	STORY("simultaneous open", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "S",   0,   0,   0, 0, "syn open.simultaneous", NULL},
		{C, "SA",  0,   1,   0, 0, "open.simultaneous", "ack 5000001 = ISN 5000000 + 1"},
		{S, "SA",  0,   1,   0, 0, "open.simultaneous handshake.complete", NULL},
	});
	STORY("split handshake", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "A",  -9,   1,   0, 0, "open.split", "without a SYN of its own"},
		{S, "S",   0,   0,   0, 0, "syn open.split", NULL},
		{C, "SA",  0,   1,   0, 0, "open.simultaneous", NULL},
	});
	STORY("half-open: the server has an older connection", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "A", 300, 100,   0, 0, "ack.challenge", "an ACK of 1000100 where a SYN,ACK of 1000001 was awaited"},
		{C, "R", 100,   0,   0, 0, "rst.bounce", NULL},
	});
	STORY("SYN into an open connection", {
		OPEN,
		{C, "S", 77000, 0,   0, 0, "port.reused", "a SYN with ISN 1077000 into an open connection"},
		{S, "SA",88000, 1,   0, 0, "port.reused", "a SYN,ACK with ISN 5088000 into an open connection"},
	});
	STORY("two SYN,ACKs", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "SA",9000,  1,   0, 0, "synack.acceptable", NULL},
		{S, "SA",  0,   1,   0, 0, "synack.acceptable", "its ISN is 5000000, and the SYN,ACK before it said 5009000"},
		{C, "A",   1,   1,   0, 0, "handshake.complete", "ack 5000001 = ISN 5000000 + 1"},
	});
	STORY("Fast Open", {
		{C, "S",   0,   0,   5, 0, "syn fastopen", "carries 5 bytes"},
		{S, "SA",  0,   6,   0, 0, "synack.acceptable fastopen", "and with it 5 bytes that"},
		{C, "A",   6,   1,   0, 0, "handshake.complete", NULL},
	});
	STORY("ECN asked for and agreed", {
		{C, "SEC", 0,   0,   0, 0, "syn ecn", "asks for ECN"},
		{S, "SAE", 0,   1,   0, 0, "synack.acceptable ecn", "agrees"},
	});
	STORY("the SYN was not captured", {
		{S, "SA",  0,   1,   0, 0, "capture.missing", "a SYN with ISN 1000000 that"},
	});
}

static void test_judge_segment_data_and_acknowledgements(void **state)
{
	(void)state;
	STORY("data, ACK, older ACK, ACK again", {
		OPEN,
		{C, "PA",  1,   1, 100, 0, "data", NULL},
		{S, "A",   1, 101,   0, 0, "ack.data", "acknowledges 100 more: all up to 1000100 (rel 100)"},
		{S, "A",   1,  51,   0, 0, "ack.old", "(1000051 (rel 51), was 1000101 (rel 101))"},
		{C, "PA",101,   1,  50, 0, "data", NULL},
		{S, "A",   1, 101,   0, 0, "ack.duplicate", "still waits for 1000101 (rel 101)"},
		{C, "PA",101,   1,  50, 0, "data.retransmitted", "50 bytes again, all sent before"},
		{S, "A",   1, 151,   0, 0, "ack.data", NULL},
		{C, "PA",101,   1,  50, 0, "data.retransmitted", "acknowledged already"},
		{C, "PA",141,   1,  20, 0, "data.overlap", "its first 10 numbers"},
	});
	STORY("one byte", {
		OPEN,
		{C, "PA",  1,   1,   1, 0, "data", "1 byte uses number 1000001 (rel 1)"},
		{C, "PA",  1,   1,   1, 0, "data.retransmitted", "1 byte again, all sent before"},
	});
	STORY("late data", {
		OPEN,
		{C, "PA", 51,   1,  50, 0, "capture.missing data", "50 numbers before it not seen: next was 1000001 (rel 1), this begins with 1000051 (rel 51)"},
		{C, "PA",  1,   1,  50, 0, "data.out_of_order", NULL},
	});
	STORY("acknowledged, but never seen", {
		OPEN,
		{S, "A",   1, 501,   0, 0, "ack.future", "acknowledges 1000500 (rel 500), but the other side was seen to send only up to 1000000 (rel 0)"},
		{S, "A",   1, 601,   0, 0, "capture.missing", "has missed 600 numbers"},
		{S, "A",   1, 0x60000000, 0, 0, "ack.future", "cannot have used"},
	});
	STORY("out of the window", {
		OPEN,
		{C, "PA", 5000001, 1, 9, 0, "data.outside_window", "number 6000001 is not in the receiver's window (1000001 to 1001000)"},
		{C, "A", 5000001, 1, 0, 0, "data.outside_window", NULL},
	});
	STORY("windows and probes", {
		OPEN,
		{C, "A",   1,   1,1000, 0, "data", NULL},
		{S, "A",   1,1001,   0, CLOSED, "ack.data window.zero", NULL},
		{C, "A",1000,   1,   0, 0, "window.probe", "number 1001000 (rel 1000) is one before"},
		{S, "A",   1,1001,   0, CLOSED, "keepalive.ack window.zero", "still 1001001 (rel 1001)"},
		{C, "A",1001,   1,   1, 0, "window.probe", "one new byte, number 1001001 (rel 1001)"},
		{S, "A",   1,1001,   0, 0, "keepalive.ack window.update", "opens again: 1000 bytes"},
	});
	STORY("keep-alive", {
		OPEN,
		{C, "A",   0,   1,   0, 0, "keepalive", "number 1000000 (rel 0)"},
		{S, "A",   1,   1,   0, 0, "keepalive.ack", NULL},
	});
}

static void test_judge_segment_closings(void **state)
{
	(void)state;
	STORY("normal", {
		OPEN,
		{C, "FA",  1,   1,   0, 0, "fin", "number 1000001 (rel 1)"},
		{S, "A",   1,   2,   0, 0, "fin.acked", "used number 1000001 (rel 1)"},
		{S, "PFA", 1,   2,   9, 0, "data fin", "number 5000010 (rel 10)"},
		{S, "PFA", 1,   2,   9, 0, "data.retransmitted fin.retransmitted", NULL},
		{C, "A",   2,  11,   0, 0, "fin.acked", NULL},
	});
	STORY("simultaneous", {
		OPEN,
		{C, "FA",  1,   1,   0, 0, "fin", NULL},
		{S, "FA",  1,   1,   0, 0, "fin close.simultaneous", NULL},
		{C, "A",   2,   2,   0, 0, "fin.acked", NULL},
		{S, "A",   2,   2,   0, 0, "fin.acked", NULL},
	});
}

static void test_judge_segment_resets(void **state)
{
	(void)state;
	STORY("refused; and what is no answer", {
		{C, "S",   0,   0,   0, 0, "syn", NULL},
		{S, "R",   0,   0,   0, 0, "rst.ignored", "without ACK"},
		{S, "RA",  0,   2,   0, 0, "rst.ignored", "an RST with ack 1000002, but the SYN's ISN 1000000 + 1 is 1000001"},
		{S, "RA",  0,   1,   0, 0, "rst.refuses", "ack 1000001 = ISN 1000000 + 1"},
	});
	STORY("in the window and out of it", {
		OPEN,
		{C, "R", 500,   0,   0, 0, "rst.challenged", "seq 1000500 is in the window but not the next expected 1000001"},
		{C, "R", 5000000,0,  0, 0, "rst.ignored", "(1000001 to 1001000)"},
		{C, "R",   0,   0,   0, 0, "rst.ignored", "seq 1000000 is not in"},
		{C, "RA",  1,   1,   0, 0, "rst.acceptable", "seq 1000001 is exactly the receiver's next expected number"},
	});
	STORY("behind data", {
		OPEN,
		{C, "PA",  1,   1, 100, 0, "data", NULL},
		{C, "R",  51,   0,   0, 0, "rst.acceptable", "seq 1000051, of 1000001 acknowledged and 1000101 next to send"},
		{C, "R", 101,   0,   0, 0, "rst.acceptable", "follows what was sent before it"},
	});
	STORY("at a closed window", {
		OPEN,
		{C, "PA",  1,   1,1000, 0, "data", NULL},
		{S, "A",   1,1001,   0, CLOSED, "ack.data window.zero", NULL},
		{C, "R",1002,   0,   0, 0, "rst.ignored", "(closed at 1001001)"},
		{C, "R",1001,   0,   0, 0, "rst.acceptable", NULL},
	});
	STORY("from the middle", {
		{S, "R",   1,   0,   0, 0, "rst.acceptable", "cannot be told"},
	});
}

static void test_judge_segment_oddities(void **state)
{
	(void)state;
	STORY("flags", {
		{C, "SF",  0,   0,   0, 0, "syn flags.odd", "flags FIN,SYN:"},
		{C, "SR",  0,   0,   0, 0, "flags.odd rst.acceptable", NULL},
		{C, "none",0,   0,   0, 0, "flags.odd", "flags none:"},
		{C, "F",   1,   0,   0, 0, "flags.odd", NULL},
		{C, "RF",  1,   0,   0, 0, "flags.odd rst.acceptable", NULL},
		{C, "PU",  1,   0,   0, 0, "flags.odd", NULL},
	});
}
/* clang-format on */

static void open_it(struct teller *t)
{
	teller_tell(t, C, "S", 0, 0, 0);
	teller_tell(t, S, "SA", 0, 1, 0);
	teller_tell(t, C, "A", 1, 1, 0);
}

static void test_judge_segment_checksums_fragments_options(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum checksum_state checksum;
		bool fragment, v6, malformed, second, local_out;
		const char *codes, *rfc;
	} cases[] = {
		{.name = "bad",
		 .checksum = CHECKSUM_BAD,
		 .codes = "checksum.bad data",
		 .rfc = "9293 3.1"},
		{.name = "partial",
		 .checksum = CHECKSUM_PARTIAL,
		 .codes = "checksum.partial data",
		 .rfc = "9293 3.1"},
		{.name = "partial, said already",
		 .checksum = CHECKSUM_PARTIAL,
		 .second = true,
		 .codes = "data",
		 .rfc = "9293 3.4"},
		{.name = "partial, our own",
		 .checksum = CHECKSUM_PARTIAL,
		 .local_out = true,
		 .codes = "data",
		 .rfc = "9293 3.4"},
		{.name = "fragment", .fragment = true, .codes = "fragment", .rfc = "791 3.2"},
		{.name = "fragment of IPv6",
		 .fragment = true,
		 .v6 = true,
		 .codes = "fragment",
		 .rfc = "8200 4.5"},
		{.name = "options",
		 .malformed = true,
		 .codes = "option.malformed data",
		 .rfc = "9293 3.1"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_segment e = {.local_out = cases[i].local_out};
		struct flow_delta d;
		char found[200];
		teller_begin(&t, 0);
		if (cases[i].second)
			teller_tell(&t, C, "A", -9, 1, 10);
		struct segment s = teller_segment(&t, C, "PA", 1, 1, 9);
		s.checksum = cases[i].checksum;
		s.ip.fragment = cases[i].fragment;
		s.ip.src.family = cases[i].v6 ? IP_V6 : IP_V4;
		s.option.malformed = cases[i].malformed;
		e.tcp = s;
		flow_compare(&t.f, C, &s, t.now_ns, &d);
		judge_segment(&t.f, C, &d, &e);
		if (strcmp(codes(&e, found, sizeof found), cases[i].codes) != 0)
			fail_msg("%s: %s", cases[i].name, found);
		assert_string_equal(e.notes[0].rfc, cases[i].rfc);
	}
}

static void test_judge_segment_sack(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint8_t count;
		int64_t block[2][2]; /* offsets from the client's ISN */
		const char *codes, *text;
	} cases[] = {
		{"a hole",
		 1,
		 {{201, 301}},
		 "ack.duplicate sack",
		 "it holds 1000201 (rel 201) to 1000300 (rel 300)"},
		{"below the ACK",
		 1,
		 {{1, 51}},
		 "ack.duplicate sack.duplicate",
		 "it had 1000001 (rel 1) to 1000050 (rel 50)"},
		{"inside the second block",
		 2,
		 {{221, 231}, {201, 301}},
		 "ack.duplicate sack.duplicate",
		 "it had 1000221"},
		{"two holes",
		 2,
		 {{401, 501}, {201, 301}},
		 "ack.duplicate sack",
		 "it holds 1000401"},
		{"empty", 1, {{201, 201}}, "ack.duplicate option.malformed", "holds nothing"},
		{"backwards", 1, {{301, 201}}, "ack.duplicate option.malformed", "holds nothing"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_segment e;
		char found[200];
		teller_begin(&t, 0);
		open_it(&t);
		teller_tell(&t, C, "A", 1, 1, 100);
		teller_tell(&t, S, "A", 1, 101, 0);
		teller_tell(&t, C, "A", 201, 1, 300);
		struct segment s = teller_segment(&t, S, "A", 1, 101, 0);
		s.option.sack_count = cases[i].count;
		for (int b = 0; b < 2; b++) {
			s.option.sack[b].left = t.isn[C] + (uint32_t)cases[i].block[b][0];
			s.option.sack[b].right = t.isn[C] + (uint32_t)cases[i].block[b][1];
		}
		judge(&t, S, &s, &e);
		if (strcmp(codes(&e, found, sizeof found), cases[i].codes) != 0 ||
		    !says(&e, cases[i].text))
			fail_msg("%s: %s: %s", cases[i].name, found, e.notes[1].text);
	}
}

static void test_judge_segment_data_later_than_a_round_trip_was_sent_again(void **state)
{
	(void)state;
	struct teller t;
	struct event_segment e;
	teller_begin(&t, 2);
	open_it(&t);
	teller_tell(&t, C, "A", 51, 1, 50);
	t.now_ns += 30 * TELLER_MS;
	const struct segment s = teller_segment(&t, C, "A", 1, 1, 50);
	judge(&t, C, &s, &e);
	assert_int_equal(e.notes_count, 1);
	assert_int_equal(e.notes[0].code, NOTE_DATA_RETRANSMITTED);
	assert_true(says(&e, "50 bytes into a hole"));
}

static void test_judge_segment_whoever_goes_on_did_not_reset(void **state)
{
	(void)state;
	struct teller t;
	struct event_segment e;
	char found[200];
	teller_begin(&t, 0);
	open_it(&t);
	teller_tell(&t, C, "R", 1, 0, 0);
	t.now_ns += 30 * TELLER_MS;
	const struct segment s = teller_segment(&t, C, "PA", 1, 1, 9);
	judge(&t, C, &s, &e);
	assert_string_equal(codes(&e, found, sizeof found), "data correction");
}

static void test_judge_segment_own_end_without_connection_is_not_reset(void **state)
{
	(void)state;
	struct teller t;
	struct flow_delta d;
	teller_begin(&t, 0);
	open_it(&t);
	const struct segment s = teller_segment(&t, S, "R", 1, 0, 0);
	struct event_segment e = {
		.tcp = s, .from = S, .client = {.certainty = CERTAINTY_EXACT, .state = ST_CLOSED}};
	flow_compare(&t.f, S, &s, t.now_ns, &d);
	judge_segment(&t.f, S, &d, &e);
	assert_int_equal(e.notes_count, 0);
	e.client.state = ST_ESTABLISHED;
	judge_segment(&t.f, S, &d, &e);
	assert_int_equal(e.notes_count, 1);
}

static void test_judge_segment_port_used_again(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct flow_before before;
		const char *text;
	} cases[] = {
		{"above",
		 {.known = true, .id = 3, .seq_known = true, .seq_next = {999999}},
		 "the ports of flow 3 again: ISN 1000000 is above the next number there, 999999, "
		 "so even"},
		{"not above",
		 {.known = true, .id = 3, .seq_known = true, .seq_next = {1000000}},
		 "ISN 1000000 is not above the next number there, 1000000; an end"},
		{"above across the wrap",
		 {.known = true, .id = 3, .seq_known = true, .seq_next = {0xfffffff0}},
		 "is above the next number there, 4294967280"},
		{"not known", {.known = true, .id = 3}, "its numbers are not known"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_segment e;
		char found[200];
		teller_begin(&t, 0);
		t.f.before = cases[i].before;
		const struct segment s = teller_segment(&t, C, "S", 0, 0, 0);
		judge(&t, C, &s, &e);
		assert_string_equal(codes(&e, found, sizeof found), "syn port.reused");
		if (!says(&e, cases[i].text))
			fail_msg("%s: %s", cases[i].name, e.notes[1].text);
		judge(&t, C, &s, &e); /* again: it was said */
		assert_string_equal(codes(&e, found, sizeof found), "syn.retransmitted");
	}
}

static void test_judge_note_too_many_keep_the_first(void **state)
{
	(void)state;
	struct event_segment e = {0};
	for (unsigned i = 0; i < EVENT_NOTES_MAX + 3; i++)
		judge_note(e.notes, &e.notes_count, NOTE_DATA, "9293 3.4", "note %u", i);
	assert_int_equal(e.notes_count, EVENT_NOTES_MAX);
	assert_string_equal(e.notes[0].text, "note 0");
	assert_string_equal(e.notes[EVENT_NOTES_MAX - 1].text, "note 7");
}

static void test_judge_note_long_text_is_cut_and_ended(void **state)
{
	(void)state;
	struct event_segment e = {0};
	char line[2 * NOTE_TEXT_MAX];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\0';
	judge_note(e.notes, &e.notes_count, NOTE_DATA, NULL, "%s", line);
	assert_int_equal(strlen(e.notes[0].text), NOTE_TEXT_MAX - 1);
}

static void test_judge_evidence_names_what_the_belief_found(void **state)
{
	(void)state;
	static const struct {
		const char *name, *flags;
		struct belief_evidence evidence;
		bool explained;
		const char *codes;
	} cases[] = {
		{"nothing to say", "A", {.row = -1}, true, ""},
		{"contradiction, few", "A", {.row = -1, .tried = 0x3}, false, "contradiction"},
		{"contradiction, most", "A", {.row = -1, .tried = 0x3ff}, false, "contradiction"},
		{"contradiction", "A", {.row = -1, .tried = STATE_SET_ALL}, false, "contradiction"},
		{"bounce",
		 "R",
		 {.row = -1, .reset = BELIEF_RESET_BOUNCE, .answers_n = 3},
		 true,
		 "rst.bounce"},
		{"bounce, of what is not known",
		 "R",
		 {.row = -1, .reset = BELIEF_RESET_BOUNCE},
		 true,
		 ""},
		{"abort", "R", {.row = -1, .reset = BELIEF_RESET_ABORT}, true, "rst.abort"},
		{"either", "R", {.row = -1, .reset = BELIEF_RESET_EITHER}, true, ""},
		{"cookies, at the SYN,ACK",
		 "SA",
		 {.row = -1, .cookies = true},
		 true,
		 "cookie.suspected"},
		{"cookies, later", "A", {.row = -1, .cookies = true}, true, ""},
		{"challenge",
		 "A",
		 {.row = 5, .challenge = true, .answers_n = 4},
		 true,
		 "ack.challenge"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_segment e = {.n = 9};
		char found[200];
		teller_begin(&t, 0);
		e.tcp = teller_segment(&t, S, cases[i].flags, 1, 1, 0);
		judge_evidence(&t.f, S, &cases[i].evidence, cases[i].explained, &e);
		if (strcmp(codes(&e, found, sizeof found), cases[i].codes) != 0)
			fail_msg("%s: %s", cases[i].name, found);
		for (unsigned k = 0; k < e.notes_count; k++)
			check_note(&e.notes[k]);
	}
}

static void test_judge_evidence_abort_beyond_what_was_seen_is_an_if(void **state)
{
	(void)state;
	static const struct {
		int64_t seq;
		const char *text;
	} cases[] = {{1, "at its own next number: the server aborts"},
		     {500, "if the server itself aborts with it, it has sent 499 numbers that"}};
	const struct belief_evidence abort_found = {.row = -1, .reset = BELIEF_RESET_ABORT};
	for (size_t i = 0; i < 2; i++) {
		struct teller t;
		struct event_segment e = {0};
		teller_begin(&t, 0);
		open_it(&t);
		e.tcp = teller_segment(&t, S, "R", cases[i].seq, 0, 0);
		judge_evidence(&t.f, S, &abort_found, true, &e);
		assert_int_equal(e.notes_count, 1);
		assert_true(says(&e, cases[i].text));
	}
}

static void test_judge_evidence_says_nothing_twice(void **state)
{
	(void)state;
	struct teller t;
	struct event_segment e;
	const struct belief_evidence bounce = {
		.row = -1, .reset = BELIEF_RESET_BOUNCE, .answers_n = 1};
	teller_begin(&t, 0);
	teller_tell(&t, C, "S", 0, 0, 0);
	const struct segment s = teller_segment(&t, S, "RA", 0, 1, 0);
	judge(&t, S, &s, &e);
	judge_evidence(&t.f, S, &bounce, true, &e);
	assert_int_equal(e.notes_count, 1);
	assert_int_equal(e.notes[0].code, NOTE_RST_REFUSES);
}

static void test_judge_icmp_says_who_and_whether_it_was_sent(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum icmp_reason reason;
		struct ip_addr from;
		uint32_t quoted; /* offset from the ISN */
		enum checksum_state checksum;
		enum note_code code;
		uint8_t count;
		const char *text;
	} cases[] = {
		{"from something between",
		 ICMP_ADMIN_PROHIBITED,
		 {IP_V4, {203, 0, 113, 9}},
		 0,
		 CHECKSUM_GOOD,
		 NOTE_ICMP_REFUSES,
		 1,
		 "203.0.113.9 says: admin prohibited (not the host: something on the way); it "
		 "quotes seq "
		 "1000000, which the client did send"},
		{"from the host",
		 ICMP_PORT_UNREACHABLE,
		 {IP_V4, {192, 0, 2, 2}},
		 0,
		 CHECKSUM_GOOD,
		 NOTE_ICMP_REFUSES,
		 1,
		 "192.0.2.2 says: port unreachable (it is the host itself)"},
		{"from the sender's own host",
		 ICMP_HOST_UNREACHABLE,
		 {IP_V4, {192, 0, 2, 1}},
		 0,
		 CHECKSUM_GOOD,
		 NOTE_ICMP_REFUSES,
		 1,
		 "(it is the sender's own host)"},
		{"a number never sent",
		 ICMP_ADMIN_PROHIBITED,
		 {IP_V4, {203, 0, 113, 9}},
		 777,
		 CHECKSUM_GOOD,
		 NOTE_ICMP_REFUSES,
		 1,
		 "it quotes seq 1000777, which the client was never seen to send"},
		{"a hint",
		 ICMP_TIME_EXCEEDED,
		 {IP_V4, {203, 0, 113, 9}},
		 1,
		 CHECKSUM_GOOD,
		 NOTE_ICMP_HINT,
		 1,
		 "time exceeded"},
		{"a wrong checksum",
		 ICMP_ADMIN_PROHIBITED,
		 {IP_V4, {203, 0, 113, 9}},
		 0,
		 CHECKSUM_BAD,
		 NOTE_ICMP_REFUSES,
		 2,
		 "dropped unheard"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_icmp e = {.about = C};
		teller_begin(&t, 0);
		teller_tell(&t, C, "S", 0, 0, 0);
		e.icmp.reason = cases[i].reason;
		e.icmp.ip.src = cases[i].from;
		e.icmp.quoted_seq = seq_of(t.isn[C] + cases[i].quoted);
		e.icmp.checksum = cases[i].checksum;
		judge_icmp(&t.f, &e);
		assert_int_equal(e.notes_count, cases[i].count);
		assert_int_equal(e.notes[0].code, cases[i].code);
		for (unsigned k = 0; k < e.notes_count; k++)
			check_note(&e.notes[k]);
		if (strstr(e.notes[e.notes_count - 1].text, cases[i].text) == NULL)
			fail_msg("%s: %s", cases[i].name, e.notes[e.notes_count - 1].text);
	}
}

static void test_judge_options_text(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct option_set client, server;
		bool v6;
		const char *text;
	} cases[] = {
		{"all",
		 {.has_mss = true,
		  .mss = 1460,
		  .has_wscale = true,
		  .wscale = 7,
		  .sack_permitted = true,
		  .has_timestamps = true,
		  .has_mptcp = true},
		 {.has_mss = true,
		  .mss = 1400,
		  .has_wscale = true,
		  .wscale = 10,
		  .sack_permitted = true,
		  .has_timestamps = true,
		  .has_mptcp = true},
		 false,
		 "mss 1460 to client, 1400 to server, window scale client 7, server 10, SACK, "
		 "timestamps, "
		 "MPTCP"},
		{"none",
		 {0},
		 {0},
		 false,
		 "mss 536 to client, 536 to server (the default where none was given)"},
		{"none, IPv6",
		 {0},
		 {0},
		 true,
		 "mss 1220 to client, 1220 to server (the default where none was given)"},
		{"the server agrees to nothing",
		 {.has_mss = true,
		  .mss = 1460,
		  .has_wscale = true,
		  .wscale = 7,
		  .sack_permitted = true,
		  .has_timestamps = true},
		 {.has_mss = true, .mss = 1400},
		 false,
		 "mss 1460 to client, 1400 to server, no window scaling (the server did not offer "
		 "it)"},
		{"a shift above 14 is used as 14",
		 {.has_wscale = true, .wscale = 255},
		 {.has_wscale = true, .wscale = 0},
		 false,
		 "mss 536 to client, 536 to server (the default where none was given), window "
		 "scale client "
		 "14, server 0"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		char text[NOTE_TEXT_MAX];
		char small[20];
		teller_begin(&t, i % TELLER_ISNS_COUNT);
		for (int side = 0; side < 2 && cases[i].v6; side++)
			t.f.side[side].endpoint.addr.family = IP_V6;
		struct segment syn = teller_segment(&t, C, "S", 0, 0, 0);
		struct segment synack = teller_segment(&t, S, "SA", 0, 1, 0);
		syn.option = cases[i].client;
		synack.option = cases[i].server;
		teller_take(&t, C, &syn);
		assert_string_equal(judge_options_text(&t.f, text, sizeof text), "");
		teller_take(&t, S, &synack);
		if (strcmp(judge_options_text(&t.f, text, sizeof text), cases[i].text) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		assert_int_equal(strlen(judge_options_text(&t.f, small, sizeof small)),
				 sizeof small - 1);
	}
}

/* Whatever the numbers, every text fits; and ISNs of ten digits are the longest. */
static void test_judge_segment_longest_numbers_fit(void **state)
{
	(void)state;
	static const char *const flags[] = {"S", "SA", "A", "PA", "FA", "R", "RA", "F"};
	uint32_t random = 1;
	for (unsigned round = 0; round < 3000; round++) {
		struct teller t;
		struct event_segment e;
		teller_begin(&t, 0);
		t.isn[C] = 4000000000u;
		t.isn[S] = 4100000000u;
		if (round % 3 != 0)
			open_it(&t);
		for (unsigned i = 0; i < 6; i++) {
			random = random * 1664525 + 1013904223;
			const uint32_t r = random >> 8;
			const int64_t seq = r % 5 == 0 ? (int64_t)random : (int64_t)(r % 3000);
			const int64_t ack = r % 7 == 0 ? (int64_t)~random : (int64_t)(r % 1500);
			struct segment s =
				teller_segment(&t, (enum side)(r >> 4 & 1), flags[r >> 5 & 7], seq,
					       ack, (r & 8) != 0 ? r % 1400 : 0);
			s.window = (uint16_t)((r & 16) != 0 ? 65535 : r % 4);
			s.option.sack_count = (r & 32) != 0;
			s.option.sack[0].left = s.ack.raw + (r & 255);
			s.option.sack[0].right = s.ack.raw + 256;
			judge(&t, (enum side)(r >> 4 & 1), &s, &e);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_segment_openings),
		cmocka_unit_test(test_judge_segment_data_and_acknowledgements),
		cmocka_unit_test(test_judge_segment_closings),
		cmocka_unit_test(test_judge_segment_resets),
		cmocka_unit_test(test_judge_segment_oddities),
		cmocka_unit_test(test_judge_segment_checksums_fragments_options),
		cmocka_unit_test(test_judge_segment_sack),
		cmocka_unit_test(test_judge_segment_data_later_than_a_round_trip_was_sent_again),
		cmocka_unit_test(test_judge_segment_whoever_goes_on_did_not_reset),
		cmocka_unit_test(test_judge_segment_own_end_without_connection_is_not_reset),
		cmocka_unit_test(test_judge_segment_port_used_again),
		cmocka_unit_test(test_judge_note_too_many_keep_the_first),
		cmocka_unit_test(test_judge_note_long_text_is_cut_and_ended),
		cmocka_unit_test(test_judge_evidence_names_what_the_belief_found),
		cmocka_unit_test(test_judge_evidence_abort_beyond_what_was_seen_is_an_if),
		cmocka_unit_test(test_judge_evidence_says_nothing_twice),
		cmocka_unit_test(test_judge_icmp_says_who_and_whether_it_was_sent),
		cmocka_unit_test(test_judge_options_text),
		cmocka_unit_test(test_judge_segment_longest_numbers_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

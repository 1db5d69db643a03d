/*
 * The record of an exchange, segment by segment. Numbers in the tables are offsets from the two
 * ISNs (client C0, server S0), so that every story is run with ISNs at several places, among
 * them 0 and just before the wrap.
 */
#include "synscope/core/flow.h"

#include "../../support/cm.h"
#include "../../support/teller.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <string.h>

#define C SIDE_CLIENT
#define S SIDE_SERVER

#define CLOSED UINT16_MAX /* as a window: 0 */

struct line {
	enum side from;
	const char *flags;
	int64_t seq, ack;
	uint32_t bytes;
	uint16_t window; /* 0: the usual 1000 */
	uint32_t wait_ms;
	const char *is;
};

static void tell_window(struct teller *t, const struct line *l)
{
	struct segment s = teller_segment(t, l->from, l->flags, l->seq, l->ack, l->bytes);
	s.window = l->window == CLOSED ? 0 : l->window == 0 ? 1000 : l->window;
	teller_take(t, l->from, &s);
}

static void open_it(struct teller *t)
{
	teller_tell(t, C, "S", 0, 0, 0);
	teller_tell(t, S, "SA", 0, 1, 0);
	teller_tell(t, C, "A", 1, 1, 0);
	assert_true(t->f.handshake_complete);
}

/* --- stories in tables: what a segment is, as flags in text ----------------- */

static char *describe(const struct flow_delta *d, char text[400])
{
	const struct {
		bool on;
		const char *word;
	} words[] = {
		{d->is_new, "new"},
		{d->retransmission, "again"},
		{d->needless, "needless"},
		{d->overlap, "overlap"},
		{d->fills_gap, "fills"},
		{d->out_of_order, "late"},
		{d->gap_before, "gap"},
		{d->outside, "outside"},
		{d->resumes, "resumes"},
		{d->keep_alive, "keepalive"},
		{d->window_probe, "probe"},
		{d->answers_probe, "answers"},
		{d->ack_advances, "acks"},
		{d->ack_old, "oldack"},
		{d->ack_duplicate, "dupack"},
		{d->ack_future, "future"},
		{d->ack_missed, "missed"},
		{d->ack_alien, "alien"},
		{d->ack_stray, "stray"},
		{d->acks_syn, "synacked"},
		{d->acks_fin, "finacked"},
		{d->new_incarnation, "incarnation"},
		{d->revives, "revives"},
		{d->rst == FLOW_RST_REFUSES, "refuses"},
		{d->rst == FLOW_RST_EXACT, "exact"},
		{d->rst == FLOW_RST_UNSURE, "unsure"},
		{d->rst == FLOW_RST_UNTOLD, "untold"},
		{d->rst == FLOW_RST_CHALLENGED, "challenged"},
		{d->rst == FLOW_RST_IGNORED, "ignored"},
		{d->rst == FLOW_RST_BOUNCE, "bounce"},
	};
	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (!words[i].on)
			continue;
		if (text[0] != '\0')
			strcat(text, " ");
		strcat(text, words[i].word);
	}
	return text;
}

static void run_story(const char *name, const struct line *lines, size_t count)
{
	char is[400];
	for (size_t pair = 0; pair < TELLER_ISNS_COUNT; pair++) {
		struct teller t;
		teller_begin(&t, pair);
		for (size_t i = 0; i < count; i++) {
			const struct line *l = &lines[i];
			t.now_ns += l->wait_ms * TELLER_MS;
			tell_window(&t, l);
			if (strcmp(describe(&t.d, is), l->is) != 0)
				fail_msg(
					"%s, ISNs %u and %u, segment %zu: \"%s\", should be \"%s\"",
					name, t.isn[0], t.isn[1], i + 1, is, l->is);
		}
	}
}

#define STORY(name, ...)                                        \
	do {                                                    \
		static const struct line lines[] = __VA_ARGS__; \
		run_story(name, lines, ARRAY_COUNT(lines));     \
	} while (0)

/* clang-format off */
static void test_flow_compare_normal_stories(void **state)
{
	(void)state;
	STORY("open, data, close", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "PA",  1,   1, 100, 0, 0, "new"},
		{S, "A",   1, 101,   0, 0, 0, "acks"},
		{S, "PA",  1, 101,  50, 0, 0, "new"},
		{C, "A", 101,  51,   0, 0, 0, "acks"},
		{C, "FA",101,  51,   0, 0, 0, "new"},
		{S, "A",  51, 102,   0, 0, 0, "acks finacked"},
		{S, "FA", 51, 102,   0, 0, 0, "new"},
		{C, "A", 102,  52,   0, 0, 0, "acks finacked"},
	});
	STORY("the SYN,ACK's ACK is lost, data is the first ACK", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{S, "SA",  0,   1,   0, 0, 0, "again"},
		{C, "PA",  1,   1,  10, 0, 0, "new acks synacked"},
	});
	STORY("SYN three times, silence", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{C, "S",   0,   0,   0, 0, 1000, "again"},
		{C, "S",   0,   0,   0, 0, 2000, "again"},
	});
	STORY("simultaneous open", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "S",   0,   0,   0, 0, 0, "new"},
		{C, "SA",  0,   1,   0, 0, 0, "acks synacked"},
		{S, "SA",  0,   1,   0, 0, 0, "acks synacked"},
		{C, "PA",  1,   1,   5, 0, 0, "new"},
	});
	STORY("simultaneous close", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "FA",  1,   1,   0, 0, 0, "new"},
		{S, "FA",  1,   1,   0, 0, 0, "new"},
		{C, "A",   2,   2,   0, 0, 0, "acks finacked"},
		{S, "A",   2,   2,   0, 0, 0, "acks finacked"},
	});
	STORY("the last ACK is lost, the FIN again", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "FA",  1,   1,   0, 0, 0, "new"},
		{S, "FA",  1,   2,   0, 0, 0, "new acks finacked"},
		{S, "FA",  1,   2,   0, 0, 200, "again"},
		{C, "A",   2,   2,   0, 0, 0, "acks finacked"},
	});
	STORY("data on the SYN is acknowledged (Fast Open)", {
		{C, "S",   0,   0,   5, 0, 0, "new"},
		{S, "SA",  0,   6,   0, 0, 0, "new acks synacked"},
		{C, "A",   6,   1,   0, 0, 0, "acks synacked"},
	});
}

static void test_flow_compare_lost_and_late(void **state)
{
	(void)state;
	/* The round trip is 2 ms here: what fills a hole later than that was sent again. */
	STORY("a hole filled at once, and one filled after a round trip", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",  11,   1,  10, 0, 0, "new gap"},
		{C, "A",   1,   1,  10, 0, 0, "fills late"},
		{C, "A",  31,   1,  10, 0, 0, "new gap"},
		{S, "A",   1,  21,   0, 0, 0, "acks"},
		{S, "A",   1,  21,   0, 0, 0, "dupack"},
		{C, "A",  21,   1,  10, 0, 5, "again fills"},
	});
	STORY("again: not acknowledged, then acknowledged, then partly new", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",   1,   1,  10, 0, 0, "new"},
		{C, "A",   1,   1,  10, 0, 0, "again"},
		{S, "A",   1,  11,   0, 0, 0, "acks"},
		{C, "A",   1,   1,  10, 0, 0, "again needless"},
		{C, "A",   6,   1,  10, 0, 0, "new overlap"},
		{S, "A",   1,   6,   0, 0, 0, "oldack"},
	});
	STORY("one byte again is no keep-alive while it is not acknowledged", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "PA",  1,   1,   1, 0, 0, "new"},
		{C, "PA",  1,   1,   1, 0, 200, "again"},
		{S, "A",   1,   2,   0, 0, 0, "acks"},
		{C, "PA",  1,   1,   1, 0, 200, "keepalive"},
	});
	STORY("the capture has missed data: the second ACK of it is believed", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{S, "A",   1, 501,   0, 0, 0, "future"},
		{S, "A",   1, 601,   0, 0, 0, "acks future missed"},
		{C, "A", 601,   1,  10, 0, 0, "new"},
		{C, "A", 591,   1,  10, 0, 0, "again needless fills"},
	});
}

static void test_flow_compare_probes(void **state)
{
	(void)state;
	STORY("keep-alive, empty and with one old byte", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",   0,   1,   0, 0, 7000, "keepalive"},
		{S, "A",   1,   1,   0, 0, 0, "answers"},
		{C, "A",   0,   1,   1, 0, 7000, "keepalive"},
		{S, "A",   1,   1,   0, 0, 0, "answers"},
		{S, "A",   1,   1,   0, 0, 0, ""},
	});
	STORY("window closed: probed with an old number, then with a new byte, then open", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",   1,   1, 1000, 0, 0, "new"},
		{S, "A",   1,1001,   0, CLOSED, 0, "acks"},
		{C, "A",1000,   1,   0, 0, 200, "probe"},
		{S, "A",   1,1001,   0, CLOSED, 0, "answers"},
		{C, "A",1001,   1,   1, 0, 400, "new probe"},
		{S, "A",   1,1001,   0, CLOSED, 0, "answers"},
		{C, "A",1001,   1,   1, 0, 400, "probe"},
		{S, "A",   1,1001,   0, 0, 0, "answers"},
		{C, "A",1001,   1, 100, 0, 0, "new overlap"},
	});
	STORY("an ACK from before the FIN that comes after it is no keep-alive", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "FA",  1,   1,   0, 0, 0, "new"},
		{C, "A",   1,   1,   0, 0, 0, ""},
	});
	STORY("a duplicate ACK needs something outstanding", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{S, "A",   1,   1,   0, 0, 0, ""},
		{C, "A",   1,   1,  10, 0, 0, "new"},
		{S, "A",   1,   1,   0, 0, 0, "dupack"},
		{S, "A",   1,   1,   0, 900, 0, ""},
	});
}

static void test_flow_compare_hostile_numbers(void **state)
{
	(void)state;
	STORY("data beyond the window moves nothing", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A", 5000001, 1, 10, 0, 0, "outside"},
		{C, "A", 0x50000001, 1, 10, 0, 0, "outside"},
		{C, "A",   1,   1,  10, 0, 0, "new"},
		{S, "A",   1,  11,   0, 0, 0, "acks"},
	});
	STORY("but a second segment there is a witness", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A", 5000001, 1, 10, 0, 0, "outside"},
		{C, "A", 5000011, 1, 10, 0, 0, "new gap resumes"},
	});
	STORY("and so is an acknowledgement", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A", 5000001, 1, 10, 0, 0, "outside"},
		{S, "A",   1, 5000011, 0, 0, 0, "acks stray"},
		{C, "A", 5000011, 1, 10, 0, 0, "new"},
	});
	STORY("no segment without ACK counts, once open", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "F",   1,   0,   0, 0, 0, "outside"},
		{C, "none",1,   0,  10, 0, 0, "outside"},
		{C, "FPU", 1,   0,   0, 0, 0, "outside"},
	});
	STORY("an acknowledgement of numbers from another life", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{S, "A",   1, 0x60000000, 0, 0, 0, "alien"},
		{S, "A",   1,   1,   0, 0, 0, ""},
	});
	STORY("SYN,ACK with a wrong ack, RST, then the right one", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",9000, 778,   0, 0, 0, "outside future"},
		{C, "R", 778,   0,   0, 0, 0, "bounce"},
		{C, "S",   0,   0,   0, 0, 1000, "again"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
	});
	STORY("SYN,ACK that acknowledges the ISN itself, or far below it", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",9000,   0,   0, 0, 0, "outside alien"},
		{S, "SA",9000, 0x70000000, 0, 0, 0, "outside alien"},
	});
	STORY("half-open: an ACK of the old connection, RST, the SYN again", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "A", 300, 100,   0, 0, 0, "outside future"},
		{C, "R", 100,   0,   0, 0, 0, "bounce"},
		{C, "S",   0,   0,   0, 0, 1000, "again"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
	});
	STORY("two SYN,ACKs, the client's ACK chooses the second", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",9000,   1,   0, 0, 0, "new acks synacked"},
		{S, "SA",  0,   1,   0, 0, 0, "outside"},
		{C, "A",   1,   1,   0, 0, 0, "acks stray synacked"},
		{S, "PA",  1,   1,  10, 0, 0, "new"},
	});
}

static void test_flow_compare_reset(void **state)
{
	(void)state;
	STORY("refused", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "RA",-5000000, 1, 0, 0, 0, "refuses"},
	});
	STORY("no answer to this SYN: without ACK, with the ISN, with a number beyond", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "R",   0,   0,   0, 0, 0, "ignored"},
		{S, "RA",  0,   0,   0, 0, 0, "ignored"},
		{S, "RA",  0,   2,   0, 0, 0, "ignored"},
		{S, "RA",  0,   1,   0, 0, 0, "refuses"},
	});
	STORY("SYN scan: the client resets at ISN + 1", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "R",   1,   0,   0, 0, 0, "exact"},
	});
	STORY("exact; in the window; outside; at its last number; below", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "R", 500,   0,   0, 0, 0, "challenged"},
		{C, "R",1000,   0,   0, 0, 0, "challenged"},
		{C, "R",1001,   0,   0, 0, 0, "ignored"},
		{C, "R", 5000000, 0, 0, 0, 0, "ignored"},
		{C, "R",   0,   0,   0, 0, 0, "ignored"},
		{C, "RA",  1,   1,   0, 0, 0, "exact"},
	});
	STORY("after data that is not acknowledged: at its end, in its middle, at its begin", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",   1,   1, 100, 0, 0, "new"},
		{C, "R",  50,   0,   0, 0, 0, "unsure"},
		{C, "R",   1,   0,   0, 0, 0, "unsure"},
		{C, "R", 102,   0,   0, 0, 0, "challenged"},
		{C, "R", 101,   0,   0, 0, 0, "exact"},
	});
	STORY("behind a hole the end is not exact", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",  51,   1,  50, 0, 0, "new gap"},
		{C, "R", 101,   0,   0, 0, 0, "unsure"},
	});
	STORY("a full window: the right edge is exact too", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "A",   1,   1,1000, 0, 0, "new"},
		{C, "R",1001,   0,   0, 0, 0, "exact"},
	});
	STORY("whoever resets and goes on did not reset", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "R",   1,   0,   0, 0, 0, "exact"},
		{C, "PA",  1,   1,  10, 0, 5, "new revives"},
		{C, "PA", 11,   1,  10, 0, 0, "new"},
	});
	STORY("unless it may have been overtaken by it", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "R",   1,   0,   0, 0, 0, "exact"},
		{C, "PA",  1,   1,  10, 0, 0, "new"},
	});
	STORY("data that was sent before the RST and comes after it revives nothing", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "R",  11,   0,   0, 0, 0, "challenged"},
		{C, "PA",  1,   1,  10, 0, 0, "new"},
	});
}

static void test_flow_compare_syn_into_an_open_connection(void **state)
{
	(void)state;
	STORY("challenge ACK, RST: one connection", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "S", 77000, 0,   0, 0, 0, "outside incarnation"},
		{S, "A",   1,   1,   0, 0, 0, ""},
		{C, "R",   1,   0,   0, 0, 0, "exact"},
	});
	STORY("answered by SYN,ACK: another one", {
		{C, "S",   0,   0,   0, 0, 0, "new"},
		{S, "SA",  0,   1,   0, 0, 0, "new acks synacked"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "S", 77000, 0,   0, 0, 0, "outside incarnation"},
		{S, "SA",88000, 77001, 0, 0, 0, "new acks stray"},
	});
}

static void test_flow_compare_midstream(void **state)
{
	(void)state;
	STORY("begins with data; the ACKs of what came before are no surprise", {
		{C, "PA",1001, 501, 100, 0, 0, "new acks"},
		{S, "A", 501,  901,   0, 0, 0, "acks"},
		{S, "A", 501, 1101,   0, 0, 0, "acks"},
		{S, "PA",501, 1101,  20, 0, 0, "new"},
		{C, "A",1101,  521,   0, 0, 0, "acks"},
		{C, "FA",1101, 521,   0, 0, 0, "new"},
		{S, "FA",521, 1102,   0, 0, 0, "new acks finacked"},
		{C, "A",1102,  522,   0, 0, 0, "acks finacked"},
	});
	STORY("ACK scan", {
		{C, "A", 1000, 501,   0, 0, 0, "acks"},
		{S, "R", 501,    0,   0, 0, 0, "exact"},
	});
	STORY("begins with a RST: nothing tells", {
		{S, "R", 501,    0,   0, 0, 0, "untold"},
	});
	STORY("begins with the SYN,ACK", {
		{S, "SA",  0,   1,   0, 0, 0, "new acks"},
		{C, "A",   1,   1,   0, 0, 0, "acks synacked"},
		{C, "PA",  1,   1,  10, 0, 0, "new"},
	});
	STORY("the SYN came late into the capture", {
		{C, "PA",  1,   1,  10, 0, 0, "new acks"},
		{C, "S",   0,   0,   0, 0, 0, "late"},
		{C, "PA", 11,   1,  10, 0, 0, "new"},
	});
}
/* clang-format on */

/* --- the record ------------------------------------------------------------- */

static void test_flow_take_bytes_are_counted_once(void **state)
{
	(void)state;
	for (size_t pair = 0; pair < TELLER_ISNS_COUNT; pair++) {
		struct teller t;
		teller_begin(&t, pair);
		open_it(&t);
		teller_tell(&t, C, "A", 1, 1, 100);
		teller_tell(&t, C, "A", 1, 1, 100);       /* again */
		teller_tell(&t, C, "A", 51, 1, 100);      /* 50 new */
		teller_tell(&t, C, "A", 201, 1, 100);     /* hole of 50 */
		teller_tell(&t, C, "A", 131, 1, 100);     /* 50 of the hole, 20 old, 30 old */
		teller_tell(&t, C, "A", 5000000, 1, 100); /* cannot belong */
		teller_tell(&t, C, "RA", 301, 1, 9);      /* text of a RST is no data */
		assert_int_equal(t.f.side[C].bytes, 300);
		assert_int_equal(t.f.side[C].gap_count, 0);
		assert_int_equal(t.f.side[C].retransmissions, 1);
		assert_int_equal(t.f.side[C].out_of_order, 1);
	}
}

static void test_flow_take_gaps_beyond_what_is_kept_forget_the_oldest(void **state)
{
	(void)state;
	struct teller t;
	teller_begin(&t, 3);
	open_it(&t);
	for (int i = 0; i < FLOW_GAPS_MAX + 2; i++)
		teller_tell(&t, C, "A", 11 + 20 * i, 1, 10);
	assert_int_equal(t.f.side[C].gap_count, FLOW_GAPS_MAX);
	assert_true(teller_tell(&t, C, "A", 1, 1, 10)->retransmission); /* forgotten */
	assert_true(teller_tell(&t, C, "A", 21 + 20 * FLOW_GAPS_MAX, 1, 10)->fills_gap);
	assert_int_equal(t.f.side[C].gap_count, FLOW_GAPS_MAX - 1);
}

static void test_flow_take_gap_filled_in_the_middle_leaves_two(void **state)
{
	(void)state;
	struct teller t;
	teller_begin(&t, 3);
	open_it(&t);
	teller_tell(&t, C, "A", 101, 1, 10);
	teller_tell(&t, C, "A", 41, 1, 20);
	assert_int_equal(t.f.side[C].gap_count, 2);
	assert_true(teller_tell(&t, C, "A", 1, 1, 40)->fills_gap);
	assert_true(teller_tell(&t, C, "A", 61, 1, 40)->fills_gap);
	assert_int_equal(t.f.side[C].gap_count, 0);
	assert_int_equal(t.f.side[C].bytes, 110);
}

/* Five gigabytes: numbers wrap, and everything before is far behind. */
static void test_flow_take_more_than_the_number_space_stays_in_order(void **state)
{
	(void)state;
	struct teller t;
	const uint32_t step = 60000;
	teller_begin(&t, 0);
	struct segment syn = teller_segment(&t, C, "S", 0, 0, 0);
	syn.option.has_wscale = true;
	syn.option.wscale = 14;
	struct segment synack = teller_segment(&t, S, "SA", 0, 1, 0);
	synack.option = syn.option;
	teller_take(&t, C, &syn);
	teller_take(&t, S, &synack);
	teller_tell(&t, C, "A", 1, 1, 0);
	int64_t at = 1;
	for (; at < INT64_C(5000000000); at += step) {
		const struct flow_delta *d = teller_tell(&t, C, "A", at, 1, step);
		if (!d->is_new || d->gap_before || d->overlap || d->outside)
			fail_msg("at %lld", (long long)at);
		d = teller_tell(&t, S, "A", 1, at + step, 0);
		if (!d->ack_advances || d->ack_count != step)
			fail_msg("ack at %lld", (long long)at);
	}
	assert_int_equal(t.f.side[C].bytes, at - 1);
	assert_true(teller_tell(&t, C, "A", at - step, 1, step)->needless);
}

static void test_flow_take_window_edge_uses_the_scale(void **state)
{
	(void)state;
	struct teller t;
	teller_begin(&t, 2);
	struct segment syn = teller_segment(&t, C, "S", 0, 0, 0);
	struct segment synack = teller_segment(&t, S, "SA", 0, 1, 0);
	syn.option.has_wscale = synack.option.has_wscale = true;
	syn.option.wscale = 7;
	synack.option.wscale = 20; /* used as 14 */
	teller_take(&t, C, &syn);
	teller_take(&t, S, &synack);
	bool known = false;
	assert_int_equal(flow_window(&t.f, S, &synack, &known), 1000);
	assert_true(known);
	assert_false(teller_tell(&t, C, "A", 1000, 1, 1)->outside);
	assert_true(
		teller_tell(&t, C, "A", 1003, 1, 1)->outside); /* a SYN's window is not scaled */
	struct segment ack = teller_segment(&t, S, "A", 1, 1, 0);
	teller_take(&t, S, &ack);
	assert_int_equal(flow_window(&t.f, S, &ack, &known), 1000 << 14);
	assert_int_equal(flow_window(&t.f, C, &ack, &known), 1000 << 7);
	assert_true(known);
	assert_false(teller_tell(&t, C, "A", 1000000, 1, 1)->outside);
}

static void test_flow_window_scale_unknown_or_refused(void **state)
{
	(void)state;
	struct teller t;
	bool known = true;
	teller_begin(&t, 0);
	struct segment ack = teller_segment(&t, C, "A", 1, 1, 0);
	teller_take(&t, C, &ack);
	assert_int_equal(flow_window(&t.f, C, &ack, &known), 1000);
	assert_false(known);
	teller_begin(&t, 0);
	struct segment syn = teller_segment(&t, C, "S", 0, 0, 0);
	syn.option.has_wscale = true;
	syn.option.wscale = 7;
	teller_take(&t, C, &syn);
	teller_tell(&t, S, "SA", 0, 1, 0); /* does not offer it */
	assert_int_equal(flow_window(&t.f, C, &ack, &known), 1000);
	assert_true(known);
}

static struct segment with_ts(struct segment s, uint32_t value, uint32_t echo)
{
	s.option.has_timestamps = true;
	s.option.ts_value = value;
	s.option.ts_echo = echo;
	return s;
}

static void test_flow_summary_handshake_rtt(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool again, stamped;
		uint32_t echo;
		bool has_rtt;
		int64_t rtt_ms;
	} cases[] = {
		{"one SYN", false, false, 0, true, 1},
		{"two SYNs: which was answered?", true, false, 0, false, 0},
		{"two SYNs, the echo tells the second", true, true, 222, true, 1},
		{"two SYNs, the echo tells the first", true, true, 111, false, 0},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_flow out = {0};
		teller_begin(&t, i);
		const struct segment plain = teller_segment(&t, C, "S", 0, 0, 0);
		const struct segment first = cases[i].stamped ? with_ts(plain, 111, 0) : plain;
		const struct segment second = cases[i].stamped ? with_ts(plain, 222, 0) : plain;
		const struct segment answer = teller_segment(&t, S, "SA", 0, 1, 0);
		const struct segment stamped =
			cases[i].stamped ? with_ts(answer, 999, cases[i].echo) : answer;
		teller_take(&t, C, &first);
		if (cases[i].again) {
			t.now_ns += 1000 * TELLER_MS;
			teller_take(&t, C, &second);
		}
		teller_take(&t, S, &stamped);
		teller_tell(&t, C, "A", 1, 1, 0);
		flow_summary(&t.f, &out);
		if (out.has_handshake_rtt != cases[i].has_rtt ||
		    out.handshake_rtt_ns != cases[i].rtt_ms * TELLER_MS)
			fail_msg("%s: %d, %lld ns", cases[i].name, out.has_handshake_rtt,
				 (long long)out.handshake_rtt_ns);
		assert_true(out.handshake_complete);
	}
}

/* The second of two SYN,ACKs is the one that was believed: its options and its time count. */
static void test_flow_take_synack_that_is_chosen_brings_its_options(void **state)
{
	(void)state;
	struct teller t;
	struct event_flow out = {0};
	teller_begin(&t, 2);
	teller_tell(&t, C, "S", 0, 0, 0);
	struct segment first = teller_segment(&t, S, "SA", 9000, 1, 0);
	struct segment second = teller_segment(&t, S, "SA", 0, 1, 0);
	first.option.has_mss = second.option.has_mss = true;
	first.option.mss = 100;
	second.option.mss = 200;
	teller_take(&t, S, &first);
	teller_take(&t, S, &second);
	teller_tell(&t, C, "A", 1, 1, 0);
	flow_summary(&t.f, &out);
	assert_int_equal(out.server.option.mss, 200);
	assert_int_equal(out.server.isn.raw, t.isn[S]);
	assert_int_equal(out.handshake_rtt_ns, 2 * TELLER_MS);
	assert_true(out.handshake_complete);
}

static void test_flow_summary_closings(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct line lines[6];
		enum close_kind close;
		bool has_closer;
		enum side closer;
		bool both;
	} cases[] = {
		{"never", {{C, "PA", 1, 1, 5, 0, 0, ""}}, CLOSE_NONE, false, C, false},
		{"FIN of one", {{S, "FA", 1, 1, 0, 0, 0, ""}}, CLOSE_FIN, true, S, false},
		{"FIN of both",
		 {{S, "FA", 1, 1, 0, 0, 0, ""},
		  {C, "FA", 1, 2, 0, 0, 0, ""},
		  {S, "A", 2, 2, 0, 0, 0, ""}},
		 CLOSE_FIN,
		 true,
		 S,
		 true},
		{"RST", {{S, "RA", 1, 1, 0, 0, 0, ""}}, CLOSE_RST, true, S, false},
		{"FIN, then aborted by the other",
		 {{C, "FA", 1, 1, 0, 0, 0, ""}, {S, "RA", 1, 2, 0, 0, 0, ""}},
		 CLOSE_RST,
		 true,
		 S,
		 false},
		{"RST that is challenged ends nothing",
		 {{C, "R", 500, 0, 0, 0, 0, ""}},
		 CLOSE_NONE,
		 false,
		 C,
		 false},
		{"RST out of the window ends nothing",
		 {{C, "R", 5000000, 0, 0, 0, 0, ""}},
		 CLOSE_NONE,
		 false,
		 C,
		 false},
		{"RST taken back",
		 {{C, "R", 1, 0, 0, 0, 0, ""}, {C, "PA", 1, 1, 9, 0, 5, ""}},
		 CLOSE_NONE,
		 false,
		 C,
		 false},
		{"RST after both FINs changes nothing",
		 {{C, "FA", 1, 1, 0, 0, 0, ""},
		  {S, "FA", 1, 2, 0, 0, 0, ""},
		  {C, "A", 2, 2, 0, 0, 0, ""},
		  {S, "R", 2, 0, 0, 0, 0, ""}},
		 CLOSE_FIN,
		 true,
		 C,
		 true},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_flow out = {0};
		teller_begin(&t, i % TELLER_ISNS_COUNT);
		open_it(&t);
		for (size_t k = 0; k < ARRAY_COUNT(cases[i].lines); k++) {
			const struct line *l = &cases[i].lines[k];
			t.now_ns += l->wait_ms * TELLER_MS;
			if (l->flags != NULL)
				teller_tell(&t, l->from, l->flags, l->seq, l->ack, l->bytes);
		}
		flow_summary(&t.f, &out);
		if (out.close != cases[i].close || out.has_closer != cases[i].has_closer ||
		    (out.has_closer && out.closer != cases[i].closer) ||
		    out.both_closed != cases[i].both)
			fail_msg(
				"%s: %s, by %s, both %d", cases[i].name, close_kind_name(out.close),
				out.has_closer ? side_name(out.closer) : "nobody", out.both_closed);
	}
}

static void test_flow_summary_phases_are_measured(void **state)
{
	(void)state;
	struct teller t;
	struct event_flow out = {0};
	teller_begin(&t, 1);
	t.now_ns -= TELLER_MS; /* so that the SYN comes when the flow began */
	open_it(&t);
	teller_tell(&t, C, "PA", 1, 1, 10);
	teller_tell(&t, S, "PA", 1, 11, 10);
	teller_tell(&t, C, "FA", 11, 11, 0);
	teller_tell(&t, S, "FA", 11, 12, 0);
	teller_tell(&t, C, "A", 12, 12, 0);
	t.now_ns += 60000 * TELLER_MS;
	teller_tell(&t, S, "FA", 11, 12, 0); /* long after: belongs to no phase */
	flow_summary(&t.f, &out);
	assert_int_equal(out.open_ns, 2 * TELLER_MS);
	assert_int_equal(out.data_ns, TELLER_MS);
	assert_int_equal(out.close_ns, 2 * TELLER_MS);
}

/* --- what the peers would say ------------------------------------------------- */

/* conn_state and completeness of the 23 measured cases (docs/measurements.md); history by hand
 * from Zeek's rules. */
static void test_flow_summary_peers(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct line lines[12];
		const char *conn_state, *history;
		unsigned completeness;
	} cases[] = {
		{"01 open, data, FIN of both",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {C, "PA", 1, 1, 9, 0, 0, ""},
		  {S, "A", 1, 10, 0, 0, 0, ""},
		  {S, "PA", 1, 10, 9, 0, 0, ""},
		  {C, "A", 10, 10, 0, 0, 0, ""},
		  {C, "FA", 10, 10, 0, 0, 0, ""},
		  {S, "FA", 10, 11, 0, 0, 0, ""},
		  {C, "A", 11, 11, 0, 0, 0, ""}},
		 "SF",
		 "ShADadFf",
		 31},
		{"02 refused",
		 {{C, "S", 0, 0, 0, 0, 0, ""}, {S, "RA", 0, 1, 0, 0, 0, ""}},
		 "REJ",
		 "Sr",
		 37},
		{"03 SYN scan",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {C, "R", 1, 0, 0, 0, 0, ""}},
		 "RSTO",
		 "ShR",
		 35},
		{"04 silence",
		 {{C, "S", 0, 0, 0, 0, 0, ""}, {C, "S", 0, 0, 0, 0, 0, ""}},
		 "S0",
		 "S",
		 1},
		{"06 SYN,ACK again and again",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""}},
		 "S1",
		 "Sh",
		 3},
		{"10 RST that is challenged",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {S, "R", 500, 0, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {C, "PA", 1, 1, 9, 0, 0, ""},
		  {S, "A", 1, 10, 0, 0, 0, ""}},
		 "RSTR",
		 "ShArDa",
		 47},
		{"20 ACK scan",
		 {{C, "A", 1, 1, 0, 0, 0, ""}, {S, "R", 1, 0, 0, 0, 0, ""}},
		 "RSTRH",
		 "Ar",
		 32},
		{"21 FIN, then RST",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {C, "FA", 1, 1, 0, 0, 0, ""},
		  {S, "RA", 1, 2, 0, 0, 0, ""}},
		 "RSTR",
		 "ShAFr",
		 55},
		{"a SYN and then RST of the same side",
		 {{C, "S", 0, 0, 0, 0, 0, ""}, {C, "R", 1, 0, 0, 0, 0, ""}},
		 "RSTOS0",
		 "SR",
		 33},
		{"a SYN, an ACK and then RST of the same side",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {C, "R", 1, 0, 0, 0, 0, ""}},
		 "OTH",
		 "SAR",
		 37},
		{"SYN and FIN together", {{C, "SF", 0, 0, 0, 0, 0, ""}}, "SH", "Q", 1},
		{"retransmissions are told at the 1st and 10th; windows that close too",
		 {{C, "S", 0, 0, 0, 0, 0, ""},
		  {S, "SA", 0, 1, 0, 0, 0, ""},
		  {C, "A", 1, 1, 0, 0, 0, ""},
		  {C, "PA", 1, 1, 9, 0, 0, ""},
		  {C, "PA", 1, 1, 9, 0, 0, ""},
		  {C, "PA", 1, 1, 9, 0, 0, ""},
		  {S, "A", 1, 10, 0, CLOSED, 0, ""},
		  {S, "A", 1, 10, 0, CLOSED, 0, ""}},
		 "S1",
		 "ShADTaw",
		 15},
		{"a FIN with another number is told again",
		 {{C, "PA", 1, 1, 9, 0, 0, ""},
		  {C, "FA", 10, 1, 0, 0, 0, ""},
		  {C, "FA", 10, 1, 0, 0, 0, ""},
		  {C, "FA", 20, 1, 0, 0, 0, ""}},
		 "SH",
		 "DFF",
		 20},
		{"both FINs, begun in the middle",
		 {{C, "FA", 1, 1, 0, 0, 0, ""}, {S, "FA", 1, 2, 0, 0, 0, ""}},
		 "SF",
		 "Ff",
		 20},
		{"the server's SYN,ACK and FIN alone",
		 {{S, "SA", 0, 1, 0, 0, 0, ""}, {S, "FA", 1, 1, 0, 0, 0, ""}},
		 "SHR",
		 "hf",
		 20},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct event_flow out = {0};
		teller_begin(&t, i % TELLER_ISNS_COUNT);
		for (size_t k = 0; k < ARRAY_COUNT(cases[i].lines); k++) {
			const struct line *l = &cases[i].lines[k];
			if (l->flags != NULL)
				tell_window(&t, l);
		}
		flow_summary(&t.f, &out);
		if (strcmp(out.conn_state, cases[i].conn_state) != 0 ||
		    strcmp(out.history, cases[i].history) != 0 ||
		    out.completeness != cases[i].completeness)
			fail_msg("%s: %s %s %u, should be %s %s %u", cases[i].name, out.conn_state,
				 out.history, out.completeness, cases[i].conn_state,
				 cases[i].history, cases[i].completeness);
	}
}

static void test_flow_summary_long_history_is_cut_and_ended(void **state)
{
	(void)state;
	struct teller t;
	struct event_flow out;
	teller_begin(&t, 0);
	memset(&out, 0xff, sizeof out);
	for (int i = 0; i < 200; i++)
		teller_tell(&t, C, "R", i, 0, 0);
	flow_summary(&t.f, &out);
	assert_int_equal(strlen(out.history), FLOW_HISTORY_MAX - 1);
}

static void test_flow_transition_too_many_are_counted(void **state)
{
	(void)state;
	struct teller t;
	struct event_flow out = {0};
	teller_begin(&t, 0);
	for (uint32_t i = 0; i < FLOW_TRANSITIONS_MAX + 3; i++)
		flow_transition(&t.f, &(struct transition){.by = i + 1});
	flow_summary(&t.f, &out);
	assert_int_equal(out.transitions_count, FLOW_TRANSITIONS_MAX);
	assert_int_equal(out.transitions[FLOW_TRANSITIONS_MAX - 1].by, FLOW_TRANSITIONS_MAX);
	assert_int_equal(out.transitions_lost, 3);
}

static void test_flow_is_reused(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct line lines[4];
		struct line syn;
		bool open_first, reused;
	} cases[] = {
		{"while open", {{0}}, {C, "S", 900000, 0, 0, 0, 0, ""}, true, false},
		{"after the FIN of one",
		 {{C, "FA", 1, 1, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 true,
		 false},
		{"after both FINs",
		 {{C, "FA", 1, 1, 0, 0, 0, ""}, {S, "FA", 1, 2, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 true,
		 true},
		{"after a RST",
		 {{C, "RA", 1, 1, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 true,
		 true},
		{"after a RST, from the other side",
		 {{C, "RA", 1, 1, 0, 0, 0, ""}},
		 {S, "S", 900000, 0, 0, 0, 0, ""},
		 true,
		 true},
		{"after a RST, the old SYN itself",
		 {{C, "RA", 1, 1, 0, 0, 0, ""}},
		 {C, "S", 0, 0, 0, 0, 0, ""},
		 true,
		 false},
		{"after a RST that is challenged",
		 {{C, "R", 500, 0, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 true,
		 false},
		{"after a SYN that nobody answered",
		 {{C, "S", 0, 0, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 false,
		 true},
		{"after a refusal",
		 {{C, "S", 0, 0, 0, 0, 0, ""}, {S, "RA", 0, 1, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 false,
		 true},
		{"picked up in the middle, closed",
		 {{C, "FA", 1, 1, 0, 0, 0, ""}, {S, "FA", 1, 2, 0, 0, 0, ""}},
		 {C, "S", 900000, 0, 0, 0, 0, ""},
		 false,
		 true},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct teller t;
		struct flow_delta d;
		teller_begin(&t, i % TELLER_ISNS_COUNT);
		if (cases[i].open_first)
			open_it(&t);
		for (size_t k = 0; k < ARRAY_COUNT(cases[i].lines); k++) {
			const struct line *l = &cases[i].lines[k];
			if (l->flags != NULL)
				teller_tell(&t, l->from, l->flags, l->seq, l->ack, l->bytes);
		}
		const struct line *l = &cases[i].syn;
		const struct segment s = teller_segment(&t, l->from, l->flags, l->seq, l->ack, 0);
		flow_compare(&t.f, l->from, &s, t.now_ns, &d);
		if (flow_is_reused(&t.f, l->from, &d) != cases[i].reused)
			fail_msg("%s", cases[i].name);
	}
}

/* --- the table -------------------------------------------------------------- */

static struct endpoint numbered(uint32_t i)
{
	struct endpoint e = {{IP_V4, {10, 0, 0, 0}}, (uint16_t)(i % 7)};
	e.addr.bytes[2] = (uint8_t)(i >> 8);
	e.addr.bytes[3] = (uint8_t)i;
	return e;
}

static void test_flow_table_find_takes_either_order(void **state)
{
	(void)state;
	struct flow_index slots[8];
	struct flow_table t;
	flow_table_init(&t, slots, 8);
	assert_int_equal(flow_table_find(&t, &teller_client, &teller_server), -1);
	assert_true(flow_table_put(&t, &teller_client, &teller_server, 0));
	assert_int_equal(flow_table_find(&t, &teller_client, &teller_server), 0);
	assert_int_equal(flow_table_find(&t, &teller_server, &teller_client), 0);
	assert_true(flow_table_put(&t, &teller_server, &teller_client, 5)); /* replaces */
	assert_int_equal(flow_table_find(&t, &teller_client, &teller_server), 5);
	assert_int_equal(t.used, 1);
	struct endpoint other = teller_client;
	other.port++;
	assert_int_equal(flow_table_find(&t, &other, &teller_server), -1);
	other = teller_client;
	other.addr.family = IP_V6; /* the same bytes are another address */
	assert_int_equal(flow_table_find(&t, &other, &teller_server), -1);
}

/* A table that is full of others would make a search for what is not there endless. */
static void test_flow_table_put_keeps_one_slot_free(void **state)
{
	(void)state;
	for (uint32_t count = 2; count <= 16; count *= 2) {
		struct flow_index slots[16];
		struct flow_table t;
		uint32_t in = 0;
		flow_table_init(&t, slots, count);
		for (uint32_t i = 0; i < 2 * count; i++) {
			const struct endpoint e = numbered(i);
			in += flow_table_put(&t, &e, &teller_server, i);
		}
		assert_int_equal(in, count == 2 ? 1 : count - count / 4);
		const struct endpoint none = numbered(999);
		assert_int_equal(flow_table_find(&t, &none, &teller_server), -1);
		flow_table_remove(&t, &none, &teller_server);
		assert_int_equal(t.used, in);
	}
}

/* Every removal, whatever run it tears, wrapped round the end or not, leaves all others found. */
static void test_flow_table_remove_leaves_all_others_found(void **state)
{
	(void)state;
	enum { SLOTS = 64, IN = 48 };
	static struct flow_index slots[SLOTS];
	for (uint32_t round = 0; round < 200; round++) {
		struct flow_table t;
		flow_table_init(&t, slots, SLOTS);
		for (uint32_t i = 0; i < IN; i++) {
			const struct endpoint e = numbered(round * 97 + i * 13);
			assert_true(flow_table_put(&t, &e, &teller_server, i));
		}
		for (uint32_t gone = 0; gone < IN; gone++) {
			const uint32_t which = (gone * 29 + round) % IN;
			const struct endpoint e = numbered(round * 97 + which * 13);
			flow_table_remove(&t, &teller_server, &e);
			assert_int_equal(flow_table_find(&t, &e, &teller_server), -1);
			for (uint32_t left = gone + 1; left < IN; left++) {
				const uint32_t k = (left * 29 + round) % IN;
				const struct endpoint x = numbered(round * 97 + k * 13);
				if (flow_table_find(&t, &x, &teller_server) != k)
					fail_msg("round %u, %u removed, %u lost", round, which, k);
			}
		}
		assert_int_equal(t.used, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_compare_normal_stories),
		cmocka_unit_test(test_flow_compare_lost_and_late),
		cmocka_unit_test(test_flow_compare_probes),
		cmocka_unit_test(test_flow_compare_hostile_numbers),
		cmocka_unit_test(test_flow_compare_reset),
		cmocka_unit_test(test_flow_compare_syn_into_an_open_connection),
		cmocka_unit_test(test_flow_compare_midstream),
		cmocka_unit_test(test_flow_take_bytes_are_counted_once),
		cmocka_unit_test(test_flow_take_gaps_beyond_what_is_kept_forget_the_oldest),
		cmocka_unit_test(test_flow_take_gap_filled_in_the_middle_leaves_two),
		cmocka_unit_test(test_flow_take_more_than_the_number_space_stays_in_order),
		cmocka_unit_test(test_flow_take_window_edge_uses_the_scale),
		cmocka_unit_test(test_flow_window_scale_unknown_or_refused),
		cmocka_unit_test(test_flow_summary_handshake_rtt),
		cmocka_unit_test(test_flow_take_synack_that_is_chosen_brings_its_options),
		cmocka_unit_test(test_flow_summary_closings),
		cmocka_unit_test(test_flow_summary_phases_are_measured),
		cmocka_unit_test(test_flow_summary_peers),
		cmocka_unit_test(test_flow_summary_long_history_is_cut_and_ended),
		cmocka_unit_test(test_flow_transition_too_many_are_counted),
		cmocka_unit_test(test_flow_is_reused),
		cmocka_unit_test(test_flow_table_find_takes_either_order),
		cmocka_unit_test(test_flow_table_put_keeps_one_slot_free),
		cmocka_unit_test(test_flow_table_remove_leaves_all_others_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

const char *words_state_short(enum tcp_state s)
{
	if (s == ST_SYN_RECEIVED)
		return "SYN-RCVD";
	if (s == ST_ESTABLISHED)
		return "ESTAB";
	return state_name(s);
}

/* The smallest set that says anything, when no single state stands out. */
static state_set_t narrowest(const struct end_view *v)
{
	const state_set_t sets[] = {v->loss, v->orderly, v->possible};
	state_set_t best = 0;
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++)
		if (sets[i] != 0 && (best == 0 || state_set_count(sets[i]) < state_set_count(best)))
			best = sets[i];
	return best;
}

static char *say_set(state_set_t set, int columns_max, char *text, size_t text_bytes)
{
	char members[2][STATE_SET_TEXT_MAX];
	state_set_format(set, ",", members[0], sizeof members[0]);
	members[1][0] = '\0';
	for (int s = 0; s < ST_COUNT; s++) {
		if (!state_set_has(set, (enum tcp_state)s))
			continue;
		text_append(members[1], sizeof members[1], "%s%s", members[1][0] == '\0' ? "" : ",",
			    words_state_short((enum tcp_state)s));
	}
	const bool one = state_set_count(set) == 1;
	for (size_t i = 0; set != 0 && i < ARRAY_COUNT(members); i++) {
		snprintf(text, text_bytes, one ? "? %s" : "?{%s}", members[i]);
		if ((int)strlen(text) <= columns_max)
			return text;
	}
	snprintf(text, text_bytes, "? unknown");
	return text;
}

char *words_end(const struct end_view *v, const struct glyphs *g, int columns_max, char *text,
		size_t text_bytes)
{
	const char *mark = "";
	switch (v->certainty) {
	case CERTAINTY_UNKNOWN:
		return say_set(narrowest(v), columns_max, text, text_bytes);
	case CERTAINTY_EXPECTED:
		mark = g->expected;
		break;
	case CERTAINTY_PROVEN:
		mark = g->proven;
		break;
	case CERTAINTY_EXACT:
		break;
	}
	if (v->contradiction)
		mark = g->loud;
	const char *name = state_name(v->state);
	if ((int)strlen(name) + columns(mark) + (mark[0] != '\0') > columns_max)
		name = words_state_short(v->state);
	const bool tight = (int)strlen(name) + columns(mark) + 1 > columns_max;
	snprintf(text, text_bytes, "%s%s%s", mark, mark[0] == '\0' || tight ? "" : " ", name);
	return text;
}

bool words_end_same(const struct end_view *a, const struct end_view *b)
{
	const bool unknown = a->certainty == CERTAINTY_UNKNOWN;
	if (unknown != (b->certainty == CERTAINTY_UNKNOWN) || a->contradiction != b->contradiction)
		return false;
	return unknown ? narrowest(a) == narrowest(b) : a->state == b->state;
}

enum truth words_truth(const struct end_view *v)
{
	if (!v->has_truth)
		return TRUTH_UNKNOWN;
	enum tcp_state truth = v->truth;
	if (v->truth_fin_unsent && truth == ST_FIN_WAIT_1)
		truth = ST_ESTABLISHED;
	if (v->truth_fin_unsent && (truth == ST_CLOSING || truth == ST_LAST_ACK))
		truth = ST_CLOSE_WAIT;
	const bool possible = v->possible == 0 || state_set_has(v->possible, truth);
	if (v->certainty == CERTAINTY_UNKNOWN)
		return possible ? TRUTH_AGREES : TRUTH_IMPOSSIBLE;
	if (v->state == truth)
		return TRUTH_AGREES;
	/* the connection is gone, and what the kernel has is the socket that listens for more */
	if (v->certainty == CERTAINTY_EXPECTED && v->state == ST_CLOSED && truth == ST_LISTEN)
		return TRUTH_AGREES;
	if (v->certainty == CERTAINTY_EXPECTED && possible)
		return TRUTH_DIFFERS;
	return TRUTH_IMPOSSIBLE;
}

char *words_duration(int64_t ns, char *text, size_t text_bytes)
{
	const char *sign = ns < 0 ? "-" : "";
	const uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const uint64_t ms = n / (uint64_t)NS_PER_MS;
	const uint64_t s = n / (uint64_t)NS_PER_S;
	if (ms < 10)
		snprintf(text, text_bytes, "%s%" PRIu64 ".%03" PRIu64 " ms", sign, ms,
			 n % (uint64_t)NS_PER_MS / 1000);
	else if (s < 1)
		snprintf(text, text_bytes, "%s%" PRIu64 ".%" PRIu64 " ms", sign, ms,
			 n % (uint64_t)NS_PER_MS / 100000);
	else if (s < 600)
		snprintf(text, text_bytes, "%s%" PRIu64 ".%03" PRIu64 " s", sign, s, ms % 1000);
	else
		snprintf(text, text_bytes, "%s%" PRIu64 " h %02" PRIu64 " min", sign, s / 3600,
			 s / 60 % 60);
	return text;
}

static char *time_of_day(int64_t time_ns, bool short_abs, char *text, size_t text_bytes)
{
	int64_t left = time_ns % NS_PER_S;
	int64_t seconds = time_ns / NS_PER_S;
	if (left < 0) {
		left += NS_PER_S;
		seconds--;
	}
	const int64_t day = (seconds % 86400 + 86400) % 86400;
	const int hour = (int)(day / 3600);
	const int minute = (int)(day / 60 % 60);
	const int second = (int)(day % 60);
	if (short_abs)
		snprintf(text, text_bytes, "%02d:%02d:%02d.%03d", hour, minute, second,
			 (int)(left / NS_PER_MS));
	else
		snprintf(text, text_bytes, "%02d:%02d:%02d.%06d", hour, minute, second,
			 (int)(left / 1000));
	return text;
}

char *words_clock(const struct flow_memory *m, int64_t time_ns, enum time_mode mode, bool short_abs,
		  char *text, size_t text_bytes)
{
	if (mode == TIME_ABS)
		return time_of_day(time_ns, short_abs, text, text_bytes);
	const int64_t ns = time_ns - (mode == TIME_DELTA ? m->previous_ns : m->first_ns);
	const uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const char *sign = ns < 0 ? "-" : mode == TIME_DELTA ? "+" : "";
	if (m->decimals == 3 || mode == TIME_DELTA)
		snprintf(text, text_bytes, "%s%" PRIu64 ".%03" PRIu64, sign,
			 n / (uint64_t)NS_PER_MS, n % (uint64_t)NS_PER_MS / 1000);
	else
		snprintf(text, text_bytes, "%s%" PRIu64 ".%" PRIu64, sign, n / (uint64_t)NS_PER_MS,
			 n % (uint64_t)NS_PER_MS / 100000);
	return text;
}

/* As far below the ISN as a number may be to be written so: a keep-alive, an old duplicate. */
#define NUMBER_BELOW 0xffff0000u

char *words_number(enum numbers numbers, enum side space, uint32_t rel, char *text,
		   size_t text_bytes)
{
	const char letter = space == SIDE_CLIENT ? 'x' : 'y';
	if (numbers != NUMBERS_SYMBOLIC)
		snprintf(text, text_bytes, "%" PRIu32, rel);
	else if (rel == 0)
		snprintf(text, text_bytes, "%c", letter);
	else if (rel >= NUMBER_BELOW)
		snprintf(text, text_bytes, "%c-%" PRIu32, letter, 0u - rel);
	else
		snprintf(text, text_bytes, "%c+%" PRIu32, letter, rel);
	return text;
}

char *words_count(uint64_t n, char *text, size_t text_bytes)
{
	char digits[24];
	const int count = snprintf(digits, sizeof digits, "%" PRIu64, n);
	size_t used = 0;
	for (int i = 0; i < count && used + 2 < text_bytes; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

char *words_bytes(uint64_t n, char *text, size_t text_bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	if (n < 100000) {
		char count[WORDS_COUNT_MAX];
		snprintf(text, text_bytes, "%s byte%s", words_count(n, count, sizeof count),
			 n == 1 ? "" : "s");
		return text;
	}
	size_t unit = 0;
	uint64_t tenths = n / 100;
	while (tenths >= 10000 && unit + 1 < ARRAY_COUNT(units)) {
		tenths /= 1000;
		unit++;
	}
	snprintf(text, text_bytes, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
		 units[unit]);
	return text;
}

/* What a note puts on the segment's own row; NULL: nothing. */
static const char *remark_of(enum note_code c)
{
	switch ((int)c) {
	case NOTE_SYN_RETRANSMITTED:
		return "again, same ISN";
	case NOTE_SYNACK_WRONG_ACK:
		return "WRONG ACK";
	case NOTE_SYNACK_RETRANSMITTED:
	case NOTE_DATA_RETRANSMITTED:
	case NOTE_FIN_RETRANSMITTED:
		return "again";
	case NOTE_ACK_DUPLICATE:
		return "duplicate";
	case NOTE_ACK_OLD:
		return "old ack";
	case NOTE_ACK_FUTURE:
		return "ACK OF THE UNSENT";
	case NOTE_CHALLENGE_ACK:
		return "challenge";
	case NOTE_DATA_OUT_OF_ORDER:
		return "out of order";
	case NOTE_DATA_OVERLAP:
		return "overlaps";
	case NOTE_DATA_OUTSIDE_WINDOW:
		return "OUTSIDE WINDOW";
	case NOTE_KEEP_ALIVE:
		return "keep-alive";
	case NOTE_KEEP_ALIVE_ACK:
		return "answers probe";
	case NOTE_WINDOW_ZERO:
		return "window 0";
	case NOTE_WINDOW_PROBE:
		return "window probe";
	case NOTE_WINDOW_UPDATE:
		return "window update";
	case NOTE_RST_CHALLENGED:
		return "CHALLENGED";
	case NOTE_RST_IGNORED:
		return "IGNORED";
	case NOTE_RST_OWN_KERNEL:
		return "OUR KERNEL";
	case NOTE_OWN_UNSENT:
		return "NOT OURS";
	case NOTE_CHECKSUM_BAD:
		return "BAD CHECKSUM";
	case NOTE_FRAGMENT:
		return "fragment";
	default:
		return NULL;
	}
}

const char *words_remark(const struct event_segment *s)
{
	if (s->held)
		return "NOT SENT";
	for (size_t i = 0; i < s->notes_count; i++) {
		const char *remark = remark_of(s->notes[i].code);
		if (remark != NULL)
			return remark;
	}
	return s->retransmission ? "again" : "";
}

enum note_weight words_note_weight(enum note_code c)
{
	switch (c) {
	case NOTE_SYNACK_WRONG_ACK:
	case NOTE_SPLIT_HANDSHAKE:
	case NOTE_ACK_FUTURE:
	case NOTE_DATA_OUTSIDE_WINDOW:
	case NOTE_RST_CHALLENGED:
	case NOTE_RST_IGNORED:
	case NOTE_RST_OWN_KERNEL:
	case NOTE_OWN_UNSENT:
	case NOTE_CHECKSUM_BAD:
	case NOTE_CONTRADICTION:
	case NOTE_OPTION_MALFORMED:
	case NOTE_FLAGS_ODD:
	case NOTE_CORRECTION:
		return NOTE_LOUD;
	case NOTE_SIMULTANEOUS_OPEN:
	case NOTE_COOKIE_SUSPECTED:
	case NOTE_CHALLENGE_ACK:
	case NOTE_DATA_OVERLAP:
	case NOTE_SIMULTANEOUS_CLOSE:
	case NOTE_RST_ACCEPTABLE:
	case NOTE_RST_REFUSES:
	case NOTE_RST_BOUNCE:
	case NOTE_RST_ABORT:
	case NOTE_NOT_CAPTURED:
	case NOTE_ICMP_REFUSES:
	case NOTE_ICMP_HINT:
	case NOTE_ON_PURPOSE:
	case NOTE_PORT_REUSED:
	case NOTE_FRAGMENT:
		return NOTE_SHOWN;
	case NOTE_SYN:
	case NOTE_SYN_RETRANSMITTED:
	case NOTE_SYNACK_ACCEPTABLE:
	case NOTE_SYNACK_RETRANSMITTED:
	case NOTE_HANDSHAKE_COMPLETE:
	case NOTE_OPTIONS_NEGOTIATED:
	case NOTE_FASTOPEN:
	case NOTE_ACKS_DATA:
	case NOTE_ACK_DUPLICATE:
	case NOTE_ACK_OLD:
	case NOTE_SACK:
	case NOTE_DSACK:
	case NOTE_DATA:
	case NOTE_DATA_RETRANSMITTED:
	case NOTE_DATA_OUT_OF_ORDER:
	case NOTE_KEEP_ALIVE:
	case NOTE_KEEP_ALIVE_ACK:
	case NOTE_WINDOW_ZERO:
	case NOTE_WINDOW_PROBE:
	case NOTE_WINDOW_UPDATE:
	case NOTE_FIN:
	case NOTE_FIN_RETRANSMITTED:
	case NOTE_FIN_ACKED:
	case NOTE_CHECKSUM_PARTIAL:
	case NOTE_PROOF:
	case NOTE_ECN:
	case NOTE_CODE_COUNT:
		break;
	}
	return NOTE_PLAIN;
}

/* Append to @p text, with ", " between pieces. */
static void append(char *text, size_t text_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t text_bytes, const char *format, ...)
{
	size_t used = strlen(text);
	if (used > 0 && used + 3 < text_bytes) {
		memcpy(text + used, ", ", 3);
		used += 2;
	}
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, text_bytes - used, format, args);
	va_end(args);
}

char *words_options(const struct option_set *o, char *text, size_t text_bytes)
{
	text[0] = '\0';
	if (o->has_mss)
		append(text, text_bytes, "mss %u", o->mss);
	if (o->sack_permitted)
		append(text, text_bytes, "sack permitted");
	if (o->has_timestamps)
		append(text, text_bytes, "timestamp %" PRIu32 " echo %" PRIu32, o->ts_value,
		       o->ts_echo);
	if (o->has_wscale)
		append(text, text_bytes, "wscale %u", o->wscale);
	if (o->has_fastopen && o->fastopen_bytes == 0)
		append(text, text_bytes, "fast open: asks for a cookie");
	else if (o->has_fastopen)
		append(text, text_bytes, "fast open cookie");
	if (o->has_mptcp)
		append(text, text_bytes, "mptcp");
	if (o->has_user_timeout)
		append(text, text_bytes, "user timeout");
	if (o->has_md5)
		append(text, text_bytes, "md5");
	if (o->has_ao)
		append(text, text_bytes, "ao");
	if (o->has_accecn)
		append(text, text_bytes, "accecn");
	for (size_t i = 0; i < o->sack_count && i < SACK_BLOCKS_MAX; i++)
		append(text, text_bytes, "sack %" PRIu32 "..%" PRIu32, o->sack[i].left,
		       o->sack[i].right);
	if (o->has_unknown)
		append(text, text_bytes, "others");
	if (o->malformed)
		append(text, text_bytes, "malformed");
	return text;
}

char *words_endpoint(const struct endpoint *e, const char *name, char *text, size_t text_bytes)
{
	char address[ENDPOINT_TEXT_MAX];
	char bare[IP_ADDR_TEXT_MAX];
	endpoint_format(e, address, sizeof address);
	ip_addr_format(&e->addr, bare, sizeof bare);
	if (name == NULL || name[0] == '\0' || strcmp(name, bare) == 0)
		snprintf(text, text_bytes, "%s", address);
	else
		snprintf(text, text_bytes, "%s (%s)", name, address);
	return text;
}

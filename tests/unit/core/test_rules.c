/*
 * The table: its shape, that our own end never has a choice, and one case for every row.
 */
#include "synscope/core/input.h"
#include "synscope/core/rules.h"
#include "synscope/core/segment.h"
#include "synscope/core/util.h"

#include "../../support/cm.h"
#include "../../support/facts.h"

#include <stdio.h>
#include <string.h>

#define ORIGINS_ALL (ORIGINS_REMOTE | ORIGIN_COOKIE)

/* How many of the book's rows match one check; the last of them in *row. */
static unsigned own_rows_matching(enum ctl c, enum rule_on on, facts_t facts, size_t *row)
{
	unsigned count = 0;
	for (size_t i = 0; i < tcp_rules_count; i++) {
		const struct tcp_rule *r = &tcp_rules[i];
		if (r->on == on && r->origin == ORIGIN_RFC && (r->from & CTL_BIT(c)) &&
		    (r->when & ~facts) == 0 && (r->unless & facts) == 0) {
			*row = i;
			count++;
		}
	}
	return count;
}

/* The reading of the table that rules.h promises, check by check, as plainly as possible. */
static struct rule_step own_step(enum ctl c, facts_t facts)
{
	struct rule_step step = {.to = c};
	size_t i = 0;
	for (enum rule_on on = ON_CHECK_1; on <= ON_CHECK_LAST; on++) {
		if (own_rows_matching(step.to, on, facts, &i) == 0)
			continue;
		const struct tcp_rule *r = &tcp_rules[i];
		step.rows[step.rows_count++] = (uint8_t)i;
		step.to = r->to == CTL_SAME ? step.to : r->to;
		step.emit |= r->emit;
		step.take |= r->take;
		if (r->then == THEN_DONE)
			break;
		if (r->then == THEN_SIXTH)
			on = ON_CHECK_5;
	}
	return step;
}

/* Whether a set of facts comes for the first time. */
static bool is_news(uint8_t *seen, facts_t facts)
{
	const uint8_t bit = (uint8_t)(1u << (facts & 7));
	const bool news = !(seen[facts >> 3] & bit);
	seen[facts >> 3] |= bit;
	return news;
}

/* One state, one set of facts: our own way is the table's plain reading, and stacks may go it. */
static size_t check_ways(enum ctl c, facts_t facts)
{
	size_t row = 0;
	for (enum rule_on on = ON_CHECK_1; on <= ON_CHECK_LAST; on++)
		assert_in_range(own_rows_matching(c, on, facts, &row), 0, 1);
	struct rule_step steps[RULE_STEPS_MAX];
	assert_int_equal(rules_segment(c, facts, ORIGINS_OWN, steps), 1);
	const struct rule_step own = steps[0];
	const struct rule_step plain = own_step(c, facts);
	assert_int_equal(own.to, plain.to);
	assert_int_equal(own.emit, plain.emit);
	assert_int_equal(own.take, plain.take);
	assert_int_equal(own.rows_count, plain.rows_count);
	assert_memory_equal(own.rows, plain.rows, own.rows_count);
	const size_t count = rules_segment(c, facts, ORIGINS_ALL, steps);
	bool among = false;
	for (size_t i = 0; i < count; i++)
		among = among || (steps[i].to == own.to && steps[i].emit == own.emit &&
				  steps[i].take == own.take && steps[i].origins == own.origins);
	assert_true(among);
	return count;
}

static void test_rules_segment_own_end_has_exactly_one_way(void **state)
{
	(void)state;
	static uint8_t seen[(1u << FACT_COUNT) / 8];
	size_t most = 0;
	size_t sets = 0;
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		memset(seen, 0, sizeof seen);
		struct facts_grid g = {0};
		do {
			const facts_t facts = facts_of(c, &g);
			if (!is_news(seen, facts))
				continue;
			const size_t count = check_ways(c, facts);
			most = count > most ? count : most;
			sets++;
		} while (facts_next(&g));
	}
	assert_in_range(most, 2, RULE_STEPS_MAX);
	assert_in_range(sets, 5000, 1000000); /* else the grid looks at nothing */
}

static void test_rules_event_own_end_has_at_most_one_way(void **state)
{
	(void)state;
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		for (enum rule_on on = ON_OPEN_PASSIVE; on < ON_COUNT; on++) {
			for (unsigned i = 0; i < 8; i++) {
				const facts_t facts = (i & 1u ? FACT_UNSENT_DATA : 0) |
						      (i & 2u ? FACT_SYN_UNACKED : 0) |
						      (i & 4u ? FACT_FIN_GOES : 0);
				struct rule_step steps[RULE_STEPS_MAX];
				assert_in_range(rules_event(c, on, facts, ORIGINS_OWN, steps), 0,
						1);
				assert_in_range(rules_event(c, on, facts, ORIGINS_ALL, steps), 0,
						RULE_STEPS_MAX);
			}
		}
	}
}

static void test_rules_rows_are_well_formed(void **state)
{
	(void)state;
	assert_in_range(tcp_rules_count, 90, 255);
	for (size_t i = 0; i < tcp_rules_count; i++) {
		const struct tcp_rule *r = &tcp_rules[i];
		assert_int_not_equal(r->from, 0);
		assert_int_equal(r->from >> CTL_COUNT, 0);
		assert_int_equal(r->when & r->unless, 0);
		assert_in_range(r->to, 0, CTL_SAME);
		assert_int_equal(__builtin_popcount(r->origin), 1);
		assert_true(strlen(r->section) > 0 && strlen(r->section) < 40);
		assert_true(strlen(r->sentence) > 10 && strlen(r->sentence) < 120);
		assert_int_equal(r->sentence[strlen(r->sentence) - 1] == '.' ||
					 strchr(r->sentence, '>') != NULL,
				 1);
	}
}

static void test_names_are_complete_and_distinct(void **state)
{
	(void)state;
	for (unsigned a = 0; a < FACT_COUNT; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(fact_name(a), fact_name(b));
	for (enum ctl a = CTL_CLOSED; a < CTL_COUNT; a++)
		for (enum ctl b = CTL_CLOSED; b < a; b++)
			assert_string_not_equal(ctl_name(a), ctl_name(b));
	for (enum rule_on a = ON_CHECK_1; a < ON_COUNT; a++)
		for (enum rule_on b = ON_CHECK_1; b < a; b++)
			assert_string_not_equal(rule_on_name(a), rule_on_name(b));
	for (unsigned e = EMIT_SYN; e <= EMIT_PROBE; e <<= 1)
		assert_string_not_equal(emit_name((enum emit)e), "?");
	for (unsigned o = ORIGIN_RFC; o <= ORIGIN_ABNORMAL; o <<= 1)
		assert_string_not_equal(origin_name((enum origin)o), "?");
	assert_string_equal(fact_name(FACT_COUNT), "?");
	assert_string_equal(ctl_name(CTL_COUNT), "the same");
}

static void test_ctl_state_folded_hides_a_queued_fin(void **state)
{
	(void)state;
	for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++) {
		assert_false(ctl_is_fin_queued(c) && ctl_is_fin_sent(c));
		if (!ctl_is_fin_queued(c))
			assert_int_equal(ctl_state_folded(c), ctl_state(c));
	}
	assert_int_equal(ctl_state(CTL_FIN_WAIT_1_QUEUED), ST_FIN_WAIT_1);
	assert_int_equal(ctl_state_folded(CTL_FIN_WAIT_1_QUEUED), ST_ESTABLISHED);
	assert_int_equal(ctl_state_folded(CTL_CLOSING_QUEUED), ST_CLOSE_WAIT);
	assert_int_equal(ctl_state_folded(CTL_LAST_ACK_QUEUED), ST_CLOSE_WAIT);
	assert_int_equal(ctl_state_folded(CTL_CLOSE_WAIT_CLOSE), ST_CLOSE_WAIT);
	assert_int_equal(ctl_state_folded(CTL_SYN_RECEIVED_ACTIVE_CLOSE), ST_SYN_RECEIVED);
}

/* --- one case for every row ------------------------------------------------------------- */

enum at {           /* where SEG.SEQ lies */
	  NEXT_SEQ, /* RCV.NXT */
	  BEFORE,   /* RCV.NXT - 1 */
	  LONG_AGO, /* RCV.NXT - 10 */
	  AHEAD,    /* RCV.NXT + 5: in the window */
	  OUTSIDE,  /* far behind the window */
	  RIGHT_EDGE,
	  FIRST, /* IRS */
};

enum acks { /* what SEG.ACK covers */
	    NONE,
	    UNA,    /* nothing new */
	    SOME,   /* SND.UNA + 1 */
	    ALL,    /* SND.NXT */
	    FUTURE, /* SND.NXT + 1 */
	    STALE,  /* older than the largest window */
};

struct row_case {
	const char *name;
	enum ctl from;
	uint16_t flags;
	enum at at;
	unsigned text;
	enum acks acks;
	enum ctl to;
	unsigned emit, take;
	enum origin origin; /* the least usual of the rows that make it so */
	facts_t extra;
	bool zero_window, old_ts;
};

#define S TCP_SYN
#define A TCP_ACK
#define F TCP_FIN
#define R TCP_RST

/* clang-format off */
static const struct row_case row_cases[] = {
{"closed, RST",                   CTL_CLOSED, R, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"closed, ACK",                   CTL_CLOSED, A, NEXT_SEQ, 3, ALL, CTL_CLOSED, EMIT_RST_BOUNCE, 0, ORIGIN_RFC, 0, 0, 0},
{"closed, SYN",                   CTL_CLOSED, S, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_RST_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"closed, RST answered",          CTL_CLOSED, R, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_RST_ACK, 0, ORIGIN_STACK, 0, 0, 0},

{"listen, RST",                   CTL_LISTEN, R | A, NEXT_SEQ, 0, ALL, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"listen, SYN,ACK",               CTL_LISTEN, S | A, NEXT_SEQ, 0, ALL, CTL_LISTEN, EMIT_RST_BOUNCE, 0, ORIGIN_RFC, 0, 0, 0},
{"listen, SYN",                   CTL_LISTEN, S, NEXT_SEQ, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN, ORIGIN_RFC, 0, 0, 0},
{"listen, FIN",                   CTL_LISTEN, F, NEXT_SEQ, 0, NONE, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"listen, SYN, backlog full",     CTL_LISTEN, S, NEXT_SEQ, 0, NONE, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"listen, RST answered",          CTL_LISTEN, R | A, NEXT_SEQ, 0, ALL, CTL_LISTEN, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},
{"listen, Fast Open",             CTL_LISTEN, S, NEXT_SEQ, 4, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN | TAKE_TEXT, ORIGIN_STACK, 0, 0, 0},
{"listen, cookie given",          CTL_LISTEN, S, NEXT_SEQ, 0, NONE, CTL_LISTEN, EMIT_SYN_ACK, 0, ORIGIN_COOKIE, 0, 0, 0},
{"listen, cookie acknowledged",   CTL_LISTEN, A, NEXT_SEQ, 0, ALL, CTL_ESTABLISHED, EMIT_NONE, TAKE_SYN | TAKE_ACK, ORIGIN_COOKIE, FACT_COOKIE, 0, 0},
{"listen, cookie, FIN in order",  CTL_LISTEN, A | F, NEXT_SEQ, 0, ALL, CTL_CLOSE_WAIT, EMIT_ACK, TAKE_SYN | TAKE_ACK | TAKE_FIN, ORIGIN_COOKIE, FACT_COOKIE | FACT_FIN_IN_ORDER, 0, 0},

{"syn-sent, wrong ACK",           CTL_SYN_SENT, S | A, NEXT_SEQ, 0, FUTURE, CTL_SYN_SENT, EMIT_RST_BOUNCE, 0, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, RST wrong ACK",       CTL_SYN_SENT, R | A, NEXT_SEQ, 0, UNA, CTL_SYN_SENT, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, refused",             CTL_SYN_SENT, R | A, NEXT_SEQ, 0, ALL, CTL_CLOSED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, bare RST",            CTL_SYN_SENT, R, NEXT_SEQ, 0, NONE, CTL_SYN_SENT, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, SYN,ACK",             CTL_SYN_SENT, S | A, NEXT_SEQ, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_SYN | TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, SYN,ACK with FIN",    CTL_SYN_SENT, S | A | F, NEXT_SEQ, 2, ALL, CTL_CLOSE_WAIT, EMIT_ACK, TAKE_SYN | TAKE_ACK | TAKE_TEXT | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, SYN",                 CTL_SYN_SENT, S, NEXT_SEQ, 0, NONE, CTL_SYN_RECEIVED_ACTIVE, EMIT_SYN_ACK, TAKE_SYN, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, ACK without SYN",     CTL_SYN_SENT, A, NEXT_SEQ, 0, ALL, CTL_SYN_SENT, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"syn-sent, text dropped",        CTL_SYN_SENT, S | A, NEXT_SEQ, 2, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_SYN | TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"syn-sent, SYN ignored",         CTL_SYN_SENT, S, NEXT_SEQ, 0, NONE, CTL_SYN_SENT, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"syn-sent, RST answered",        CTL_SYN_SENT, R | A, NEXT_SEQ, 0, UNA, CTL_SYN_SENT, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},
{"syn-sent, half-open",           CTL_SYN_SENT, A, NEXT_SEQ, 0, ALL, CTL_SYN_SENT, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},

{"PAWS",                          CTL_ESTABLISHED, A, NEXT_SEQ, 2, ALL, CTL_ESTABLISHED, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 1},
{"RST outside",                   CTL_ESTABLISHED, R, OUTSIDE, 0, NONE, CTL_ESTABLISHED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST outside, syn-received",     CTL_SYN_RECEIVED_PASSIVE, R, BEFORE, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"outside",                       CTL_CLOSE_WAIT, A, OUTSIDE, 2, ALL, CTL_CLOSE_WAIT, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"outside, syn-received",         CTL_SYN_RECEIVED_PASSIVE, A, OUTSIDE, 0, ALL, CTL_SYN_RECEIVED_PASSIVE, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN again",                     CTL_SYN_RECEIVED_PASSIVE, S, FIRST, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN again with text",           CTL_SYN_RECEIVED_PASSIVE, S, FIRST, 3, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN,ACK again, passive",        CTL_SYN_RECEIVED_PASSIVE, S | A, FIRST, 0, ALL, CTL_SYN_RECEIVED_PASSIVE, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"figure 7",                      CTL_SYN_RECEIVED_ACTIVE, S | A, FIRST, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"figure 7, CLOSE queued",        CTL_SYN_RECEIVED_ACTIVE_CLOSE, S | A, FIRST, 0, ALL, CTL_FIN_WAIT_1_QUEUED, EMIT_ACK, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"zero window, text, ACK new",    CTL_ESTABLISHED, A, NEXT_SEQ, 3, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_RFC, 0, 1, 0},
{"figure 7 against the text",     CTL_SYN_RECEIVED_ACTIVE, S | A, FIRST, 0, ALL, CTL_SYN_RECEIVED_ACTIVE, EMIT_ACK, 0, ORIGIN_MAY, 0, 0, 0},
{"synack",                        CTL_SYN_RECEIVED_PASSIVE, S | A, FIRST, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"synack, CLOSE queued",          CTL_SYN_RECEIVED_PASSIVE_CLOSE, S | A, FIRST, 0, ALL, CTL_FIN_WAIT_1_QUEUED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"SYN again, SYN,ACK again",      CTL_SYN_RECEIVED_PASSIVE, S, FIRST, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, 0, ORIGIN_STACK, 0, 0, 0},
{"embryo: bad ACK first",         CTL_SYN_RECEIVED_PASSIVE, A, OUTSIDE, 0, FUTURE, CTL_SYN_RECEIVED_PASSIVE, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},
{"embryo: bad ACK, active",       CTL_SYN_RECEIVED_ACTIVE, A, LONG_AGO, 2, FUTURE, CTL_SYN_RECEIVED_ACTIVE, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},
{"embryo: bad ACK, SYN again",    CTL_SYN_RECEIVED_PASSIVE, S | A, FIRST, 0, UNA, CTL_SYN_RECEIVED_PASSIVE, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},
{"olddup in syn-received",        CTL_SYN_RECEIVED_PASSIVE, A, OUTSIDE, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, CLOSE queued",          CTL_SYN_RECEIVED_ACTIVE_CLOSE, A, BEFORE, 0, ALL, CTL_FIN_WAIT_1_QUEUED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup in syn-received, SYN",   CTL_SYN_RECEIVED_PASSIVE, S | A, OUTSIDE, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup",                        CTL_ESTABLISHED, A, LONG_AGO, 5, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, fin-wait-1",            CTL_FIN_WAIT_1, A, LONG_AGO, 5, ALL, CTL_FIN_WAIT_2, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, outside",               CTL_FIN_WAIT_1, A, OUTSIDE, 5, ALL, CTL_FIN_WAIT_2, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, SYN",                   CTL_FIN_WAIT_1, S | A, FIRST, 0, ALL, CTL_FIN_WAIT_2, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, closing",               CTL_CLOSING, A | F, BEFORE, 0, ALL, CTL_TIME_WAIT, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"olddup, last-ack",              CTL_LAST_ACK, A | F, BEFORE, 0, ALL, CTL_CLOSED, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"right edge",                    CTL_ESTABLISHED, A, RIGHT_EDGE, 0, ALL, CTL_ESTABLISHED, EMIT_NONE, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"around the window",             CTL_ESTABLISHED, A, BEFORE, 100, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_TEXT, ORIGIN_STACK, 0, 0, 0},
{"right edge by the book",        CTL_ESTABLISHED, A, RIGHT_EDGE, 0, ALL, CTL_ESTABLISHED, EMIT_ACK, 0, ORIGIN_RFC, 0, 0, 0},
{"zero window, ACK not heeded",   CTL_ESTABLISHED, A, NEXT_SEQ, 3, ALL, CTL_ESTABLISHED, EMIT_ACK, 0, ORIGIN_STACK, 0, 1, 0},

{"RST exact, passive",            CTL_SYN_RECEIVED_PASSIVE, R, NEXT_SEQ, 0, NONE, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST exact, passive, CLOSE",     CTL_SYN_RECEIVED_PASSIVE_CLOSE, R, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST exact, active",             CTL_SYN_RECEIVED_ACTIVE, R | A, NEXT_SEQ, 0, ALL, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST exact, zero window",        CTL_FIN_WAIT_2, R, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 1, 0},
{"RST exact, last-ack",           CTL_LAST_ACK, R, NEXT_SEQ, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST in window",                 CTL_ESTABLISHED, R, AHEAD, 0, NONE, CTL_ESTABLISHED, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"RST in time-wait ignored",      CTL_TIME_WAIT, R, NEXT_SEQ, 0, NONE, CTL_TIME_WAIT, EMIT_NONE, 0, ORIGIN_MAY, 0, 0, 0},
{"RST in window, embryo",         CTL_SYN_RECEIVED_PASSIVE, R, AHEAD, 0, NONE, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"RST in window, before 5961",    CTL_FIN_WAIT_2, R, AHEAD, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},

{"SYN in window, passive",        CTL_SYN_RECEIVED_PASSIVE, S, AHEAD, 0, NONE, CTL_LISTEN, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN in window, passive, CLOSE", CTL_SYN_RECEIVED_PASSIVE_CLOSE, S, AHEAD, 0, NONE, CTL_CLOSED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN in window, active",         CTL_SYN_RECEIVED_ACTIVE, S, AHEAD, 0, NONE, CTL_SYN_RECEIVED_ACTIVE, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN anywhere",                  CTL_ESTABLISHED, S, OUTSIDE, 0, NONE, CTL_ESTABLISHED, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"SYN,ACK again, established",    CTL_ESTABLISHED, S | A, FIRST, 0, UNA, CTL_ESTABLISHED, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"text beside the SYN, kept",     CTL_ESTABLISHED, S | A, FIRST, FACTS_RECEIVED + 3, UNA, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_TEXT, ORIGIN_MAY, 0, 0, 0},
{"newer SYN in time-wait",        CTL_TIME_WAIT, S, OUTSIDE, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK, TAKE_SYN, ORIGIN_MAY, 0, 0, 0},
{"SYN in time-wait, silence",     CTL_TIME_WAIT, S, FIRST, 0, NONE, CTL_TIME_WAIT, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"SYN in time-wait, refused",     CTL_TIME_WAIT, S, FIRST, 0, NONE, CTL_TIME_WAIT, EMIT_RST_ACK, 0, ORIGIN_STACK, 0, 0, 0},
{"SYN in window, embryo",         CTL_SYN_RECEIVED_PASSIVE, S, AHEAD, 0, NONE, CTL_LISTEN, EMIT_RST_BOUNCE | EMIT_RST_ACK, 0, ORIGIN_STACK, 0, 0, 0},
{"SYN in window, Fast Open",      CTL_SYN_RECEIVED_PASSIVE, S, AHEAD, 0, NONE, CTL_SYN_RECEIVED_PASSIVE, EMIT_RST_BOUNCE | EMIT_RST_ACK, 0, ORIGIN_STACK, 0, 0, 0},
{"SYN in window, before 5961",    CTL_ESTABLISHED, S, AHEAD, 0, NONE, CTL_CLOSED, EMIT_RST | EMIT_RST_BOUNCE | EMIT_RST_ACK, 0, ORIGIN_STACK, 0, 0, 0},

{"no ACK",                        CTL_ESTABLISHED, F, NEXT_SEQ, 2, NONE, CTL_ESTABLISHED, EMIT_NONE, 0, ORIGIN_RFC, 0, 0, 0},
{"no ACK, taken",                 CTL_ESTABLISHED, F, NEXT_SEQ, 2, NONE, CTL_CLOSE_WAIT, EMIT_ACK, TAKE_TEXT | TAKE_FIN, ORIGIN_STACK, 0, 0, 0},
{"ACK of our SYN, passive",       CTL_SYN_RECEIVED_PASSIVE, A, NEXT_SEQ, 0, ALL, CTL_ESTABLISHED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"ACK of our SYN, active",        CTL_SYN_RECEIVED_ACTIVE, A, NEXT_SEQ, 0, ALL, CTL_ESTABLISHED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"ACK of our SYN, data and FIN",  CTL_SYN_RECEIVED_PASSIVE, A | F, NEXT_SEQ, 3, ALL, CTL_CLOSE_WAIT, EMIT_ACK, TAKE_ACK | TAKE_TEXT | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"ACK of our SYN, CLOSE queued",  CTL_SYN_RECEIVED_PASSIVE_CLOSE, A, NEXT_SEQ, 0, ALL, CTL_FIN_WAIT_1_QUEUED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"FIN with it, CLOSE queued",     CTL_SYN_RECEIVED_PASSIVE_CLOSE, A | F, NEXT_SEQ, 0, ALL, CTL_CLOSING_QUEUED, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"bad ACK in syn-received",       CTL_SYN_RECEIVED_PASSIVE, A, NEXT_SEQ, 0, FUTURE, CTL_SYN_RECEIVED_PASSIVE, EMIT_RST_BOUNCE, 0, ORIGIN_RFC, 0, 0, 0},
{"old ACK",                       CTL_ESTABLISHED, A, NEXT_SEQ, 2, STALE, CTL_ESTABLISHED, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"future ACK",                    CTL_ESTABLISHED, A, NEXT_SEQ, 2, FUTURE, CTL_ESTABLISHED, EMIT_CHALLENGE, 0, ORIGIN_RFC, 0, 0, 0},
{"duplicate ACK",                 CTL_ESTABLISHED, A, NEXT_SEQ, 0, UNA, CTL_ESTABLISHED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"new ACK",                       CTL_ESTABLISHED, A, NEXT_SEQ, 0, SOME, CTL_ESTABLISHED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"ACK of our FIN",                CTL_FIN_WAIT_1, A, NEXT_SEQ, 0, ALL, CTL_FIN_WAIT_2, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"FIN and ACK of ours",           CTL_FIN_WAIT_1, A | F, NEXT_SEQ, 0, ALL, CTL_TIME_WAIT, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"ACK of our FIN, closing",       CTL_CLOSING, A, NEXT_SEQ, 0, ALL, CTL_TIME_WAIT, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"ACK of our FIN, last-ack",      CTL_LAST_ACK, A, NEXT_SEQ, 0, ALL, CTL_CLOSED, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"old ACK, no 5961",              CTL_ESTABLISHED, A, NEXT_SEQ, 2, STALE, CTL_ESTABLISHED, EMIT_ACK, TAKE_TEXT, ORIGIN_MAY, 0, 0, 0},
{"FIN, ACK of the future, orphan", CTL_FIN_WAIT_2, A | F, NEXT_SEQ, 0, FUTURE, CTL_TIME_WAIT, EMIT_ACK, TAKE_FIN, ORIGIN_STACK, 0, 0, 0},
{"ACK of nothing, RFC 793",       CTL_SYN_RECEIVED_ACTIVE, A, NEXT_SEQ, 3, UNA, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_TEXT, ORIGIN_STACK, 0, 0, 0},
{"ACK of nothing, CLOSE queued",  CTL_SYN_RECEIVED_ACTIVE_CLOSE, A, NEXT_SEQ, 0, UNA, CTL_FIN_WAIT_1_QUEUED, EMIT_NONE, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},
{"deferred accept",               CTL_SYN_RECEIVED_PASSIVE, A, NEXT_SEQ, 0, ALL, CTL_SYN_RECEIVED_PASSIVE, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"accept queue full",             CTL_SYN_RECEIVED_PASSIVE, A, NEXT_SEQ, 3, ALL, CTL_SYN_RECEIVED_PASSIVE, EMIT_NONE, 0, ORIGIN_STACK, 0, 0, 0},
{"accept queue full, reset",      CTL_SYN_RECEIVED_PASSIVE, A, NEXT_SEQ, 0, ALL, CTL_LISTEN, EMIT_RST_BOUNCE, 0, ORIGIN_STACK, 0, 0, 0},

{"text in order",                 CTL_ESTABLISHED, A, NEXT_SEQ, 3, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_TEXT, ORIGIN_RFC, 0, 0, 0},
{"text overlapping",              CTL_FIN_WAIT_2, A, BEFORE, 3, ALL, CTL_FIN_WAIT_2, EMIT_ACK, TAKE_ACK | TAKE_TEXT, ORIGIN_RFC, 0, 0, 0},
{"text behind a gap",             CTL_ESTABLISHED, A, AHEAD, 3, ALL, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_HELD, ORIGIN_RFC, 0, 0, 0},
{"text after the FIN",            CTL_CLOSE_WAIT, A, NEXT_SEQ, 3, UNA, CTL_CLOSE_WAIT, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"text after CLOSE",              CTL_FIN_WAIT_2, A, NEXT_SEQ, 3, ALL, CTL_CLOSED, EMIT_RST_BOUNCE, TAKE_ACK, ORIGIN_MAY, 0, 0, 0},
{"text in time-wait",             CTL_TIME_WAIT, A, NEXT_SEQ, 3, ALL, CTL_TIME_WAIT, EMIT_ACK, TAKE_ACK, ORIGIN_STACK, 0, 0, 0},

{"FIN, established",              CTL_ESTABLISHED, A | F, NEXT_SEQ, 0, UNA, CTL_CLOSE_WAIT, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"FIN, fin-wait-1",               CTL_FIN_WAIT_1, A | F, NEXT_SEQ, 0, UNA, CTL_CLOSING, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"FIN, fin-wait-1 queued",        CTL_FIN_WAIT_1_QUEUED, A | F, NEXT_SEQ, 0, ALL, CTL_CLOSING_QUEUED, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"FIN, fin-wait-2",               CTL_FIN_WAIT_2, A | F, NEXT_SEQ, 0, ALL, CTL_TIME_WAIT, EMIT_ACK, TAKE_ACK | TAKE_FIN, ORIGIN_RFC, 0, 0, 0},
{"FIN behind a gap",              CTL_ESTABLISHED, A | F, AHEAD, 0, UNA, CTL_ESTABLISHED, EMIT_ACK, TAKE_ACK | TAKE_HELD, ORIGIN_RFC, 0, 0, 0},
{"second FIN",                    CTL_CLOSING, A | F, NEXT_SEQ, 0, UNA, CTL_CLOSING, EMIT_NONE, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
{"FIN in time-wait",              CTL_TIME_WAIT, A | F, NEXT_SEQ, 0, ALL, CTL_TIME_WAIT, EMIT_ACK, TAKE_ACK, ORIGIN_RFC, 0, 0, 0},
};
/* clang-format on */

static bool row_fired[256];

static seq_t case_seq(const struct input_vars *v, enum at at)
{
	switch (at) {
	case NEXT_SEQ:
		return v->rcv_nxt;
	case BEFORE:
		return seq_sub(v->rcv_nxt, 1);
	case LONG_AGO:
		return seq_sub(v->rcv_nxt, 10);
	case AHEAD:
		return seq_add(v->rcv_nxt, 5);
	case OUTSIDE:
		return seq_add(v->rcv_nxt, 100000);
	case RIGHT_EDGE:
		return seq_add(v->rcv_nxt, v->rcv_wnd);
	case FIRST:
		return v->irs;
	}
	return v->rcv_nxt;
}

static seq_t case_ack(const struct input_vars *v, enum acks acks)
{
	switch (acks) {
	case NONE:
	case UNA:
		return v->snd_una;
	case SOME:
		return seq_add(v->snd_una, 1);
	case ALL:
		return v->snd_nxt;
	case FUTURE:
		return seq_add(v->snd_nxt, 1);
	case STALE:
		return seq_sub(v->snd_una, FACTS_SND_WINDOW + 1);
	}
	return v->snd_una;
}

static facts_t case_facts(const struct row_case *c)
{
	struct input_vars v = facts_vars(c->from, c->zero_window ? 0 : FACTS_WINDOW);
	v.has_ts_recent = c->old_ts;
	v.ts_recent = 7;
	const struct segment s = {.seq = case_seq(&v, c->at),
				  .ack = case_ack(&v, c->acks),
				  .flags = c->flags,
				  .payload_bytes = c->text,
				  .option = {.has_timestamps = c->old_ts, .ts_value = 6}};
	return input_facts(&v, &s) | c->extra;
}

/* Of the outcomes, the one that a case wants; NULL if there is none. */
static const struct rule_step *step_wanted(const struct rule_step *steps, size_t count, enum ctl to,
					   unsigned emit, unsigned take)
{
	for (size_t i = 0; i < count; i++)
		if (steps[i].to == to && steps[i].emit == emit && steps[i].take == take)
			return &steps[i];
	return NULL;
}

static void fire(const struct rule_step *step)
{
	for (size_t i = 0; i < step->rows_count; i++)
		row_fired[step->rows[i]] = true;
}

static void test_rules_segment_every_case_has_its_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(row_cases); i++) {
		const struct row_case *c = &row_cases[i];
		struct rule_step steps[RULE_STEPS_MAX];
		const size_t count =
			rules_segment(c->from, case_facts(c), ORIGIN_RFC | c->origin, steps);
		const struct rule_step *step = step_wanted(steps, count, c->to, c->emit, c->take);
		if (step == NULL) {
			print_error(
				"case \"%s\": %zu outcomes, the first to %s emit %#x take %#x\n",
				c->name, count, ctl_name(steps[0].to), steps[0].emit,
				steps[0].take);
			fail();
			continue;
		}
		fire(step);
		if (c->origin == ORIGIN_RFC)
			assert_int_equal(count, 1);
		else
			assert_true(step->origins & c->origin);
	}
}

/* What happens alike in several states, and whose sentence is given as the reason: the last row
 * that fired. */
struct reason_case {
	ctl_set_t states;
	struct row_case of;
	const char *sentence;
};

#define ALL_FROM_SYN_RECEIVED \
	(((ctl_set_t)1 << CTL_COUNT) - CTL_BIT(CTL_SYN_RECEIVED_PASSIVE)) /* to TIME-WAIT */
#define ALL_AFTER_THEIR_FIN                                                                   \
	(CTL_BIT(CTL_CLOSE_WAIT) | CTL_BIT(CTL_CLOSE_WAIT_CLOSE) | CTL_BIT(CTL_CLOSING) |     \
	 CTL_BIT(CTL_CLOSING_QUEUED) | CTL_BIT(CTL_LAST_ACK) | CTL_BIT(CTL_LAST_ACK_QUEUED) | \
	 CTL_BIT(CTL_TIME_WAIT))

/* clang-format off */
static const struct reason_case reason_cases[] = {
{ALL_FROM_SYN_RECEIVED,
 {.name = "no ACK", .flags = 0, .at = NEXT_SEQ, .text = 2, .to = CTL_SAME, .origin = ORIGIN_RFC},
 "Without an ACK the segment is dropped."},
{ALL_AFTER_THEIR_FIN,
 {.name = "text after the FIN", .flags = A, .at = NEXT_SEQ, .text = 3, .acks = UNA, .to = CTL_SAME, .take = TAKE_ACK, .origin = ORIGIN_RFC},
 "After their FIN there can be no text: it is ignored."},
{ALL_AFTER_THEIR_FIN,
 {.name = "a bare ACK after the FIN", .flags = A, .at = NEXT_SEQ, .acks = UNA, .to = CTL_SAME, .take = TAKE_ACK, .origin = ORIGIN_RFC},
 "A duplicate ACK acknowledges nothing new; its window may count."},
{ALL_AFTER_THEIR_FIN & ~CTL_BIT(CTL_TIME_WAIT),
 {.name = "a second FIN", .flags = A | F, .at = NEXT_SEQ, .acks = UNA, .to = CTL_SAME, .take = TAKE_ACK, .origin = ORIGIN_RFC},
 "A second FIN changes nothing."},
{CTL_BIT(CTL_CLOSED) | CTL_BIT(CTL_LISTEN) | CTL_BIT(CTL_SYN_SENT),
 {.name = "RST for RST", .flags = R | A, .at = NEXT_SEQ, .acks = UNA, .to = CTL_SAME, .emit = EMIT_RST_BOUNCE, .origin = ORIGIN_STACK},
 "Even an RST that belongs to no connection is answered with one."},
{CTL_BIT(CTL_LISTEN),
 {.name = "backlog full", .flags = S, .at = NEXT_SEQ, .to = CTL_SAME, .origin = ORIGIN_STACK},
 "A full backlog or accept queue drops the SYN without a word."},
{CTL_BIT(CTL_LISTEN),
 {.name = "cookie", .flags = S, .at = NEXT_SEQ, .to = CTL_SAME, .emit = EMIT_SYN_ACK, .origin = ORIGIN_COOKIE},
 "A SYN is answered with a cookie and forgotten: the end stays in LISTEN."},
{CTL_BIT(CTL_CLOSING),
 {.name = "FIN acknowledged from outside", .flags = A | F, .at = OUTSIDE, .text = 3, .acks = ALL, .to = CTL_TIME_WAIT, .emit = EMIT_ACK, .take = TAKE_ACK, .origin = ORIGIN_STACK},
 "A segment outside the window acknowledges our FIN in CLOSING."},
{CTL_BIT(CTL_TIME_WAIT),
 {.name = "newer SYN", .flags = S, .at = OUTSIDE, .to = CTL_SYN_RECEIVED_PASSIVE, .emit = EMIT_SYN_ACK, .take = TAKE_SYN, .origin = ORIGIN_MAY},
 "A newer SYN reopens the connection directly from TIME-WAIT."},
};
/* clang-format on */

static void check_reason(const struct reason_case *r, enum ctl in)
{
	struct rule_step steps[RULE_STEPS_MAX];
	struct row_case c = r->of;
	c.from = in;
	c.to = c.to == CTL_SAME ? in : c.to;
	const size_t count = rules_segment(in, case_facts(&c), ORIGIN_RFC | c.origin, steps);
	const struct rule_step *step = step_wanted(steps, count, c.to, c.emit, c.take);
	if (step == NULL || step->rows_count == 0)
		fail_msg("case \"%s\" in %s: not so, or for no reason", c.name, ctl_name(in));
	assert_string_equal(tcp_rules[step->rows[step->rows_count - 1]].sentence, r->sentence);
}

static void test_rules_segment_reason_is_the_row_that_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(reason_cases); i++)
		for (enum ctl c = CTL_CLOSED; c < CTL_COUNT; c++)
			if (reason_cases[i].states & CTL_BIT(c))
				check_reason(&reason_cases[i], c);
}

struct event_case {
	enum ctl from;
	enum rule_on on;
	facts_t facts;
	enum ctl to;
	unsigned emit;
	enum origin origin;
};

/* clang-format off */
static const struct event_case event_cases[] = {
{CTL_CLOSED, ON_OPEN_PASSIVE, 0, CTL_LISTEN, EMIT_NONE, ORIGIN_RFC},
{CTL_CLOSED, ON_OPEN_ACTIVE, 0, CTL_SYN_SENT, EMIT_SYN, ORIGIN_RFC},
{CTL_LISTEN, ON_OPEN_ACTIVE, 0, CTL_SYN_SENT, EMIT_SYN, ORIGIN_RFC},
{CTL_LISTEN, ON_SEND, 0, CTL_SYN_SENT, EMIT_SYN, ORIGIN_RFC},
{CTL_SYN_SENT, ON_SEND, 0, CTL_SYN_SENT, EMIT_NONE, ORIGIN_RFC},
{CTL_CLOSE_WAIT, ON_SEND, 0, CTL_CLOSE_WAIT, EMIT_NONE, ORIGIN_RFC},
{CTL_SYN_SENT, ON_CLOSE, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_SYN_RECEIVED_PASSIVE, ON_CLOSE, 0, CTL_FIN_WAIT_1, EMIT_FIN, ORIGIN_RFC},
{CTL_SYN_RECEIVED_PASSIVE, ON_CLOSE, FACT_UNSENT_DATA, CTL_SYN_RECEIVED_PASSIVE_CLOSE, EMIT_NONE, ORIGIN_RFC},
{CTL_SYN_RECEIVED_ACTIVE, ON_CLOSE, FACT_UNSENT_DATA, CTL_SYN_RECEIVED_ACTIVE_CLOSE, EMIT_NONE, ORIGIN_RFC},
{CTL_ESTABLISHED, ON_CLOSE, 0, CTL_FIN_WAIT_1, EMIT_FIN, ORIGIN_RFC},
{CTL_ESTABLISHED, ON_CLOSE, FACT_UNSENT_DATA, CTL_FIN_WAIT_1_QUEUED, EMIT_NONE, ORIGIN_RFC},
{CTL_CLOSE_WAIT, ON_CLOSE, 0, CTL_LAST_ACK, EMIT_FIN, ORIGIN_RFC},
{CTL_CLOSE_WAIT, ON_CLOSE, FACT_UNSENT_DATA, CTL_CLOSE_WAIT_CLOSE, EMIT_NONE, ORIGIN_RFC},
{CTL_ESTABLISHED, ON_CLOSE, 0, CTL_CLOSED, EMIT_RST, ORIGIN_MAY},
{CTL_SYN_RECEIVED_ACTIVE, ON_CLOSE, FACT_UNSENT_DATA, CTL_FIN_WAIT_1_QUEUED, EMIT_NONE, ORIGIN_STACK},
{CTL_CLOSE_WAIT, ON_CLOSE, FACT_UNSENT_DATA, CTL_LAST_ACK_QUEUED, EMIT_NONE, ORIGIN_STACK},
{CTL_SYN_SENT, ON_ABORT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_CLOSE_WAIT_CLOSE, ON_ABORT, 0, CTL_CLOSED, EMIT_RST, ORIGIN_RFC},
{CTL_TIME_WAIT, ON_ABORT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_SYN_SENT, ON_ABORT, 0, CTL_CLOSED, EMIT_RST, ORIGIN_STACK},
{CTL_LAST_ACK, ON_ABORT, 0, CTL_CLOSED, EMIT_RST, ORIGIN_STACK},
{CTL_ESTABLISHED, ON_TRANSMIT, FACT_UNSENT_DATA, CTL_ESTABLISHED, EMIT_DATA, ORIGIN_RFC},
{CTL_FIN_WAIT_1_QUEUED, ON_TRANSMIT, FACT_UNSENT_DATA, CTL_FIN_WAIT_1_QUEUED, EMIT_DATA, ORIGIN_RFC},
{CTL_FIN_WAIT_1_QUEUED, ON_TRANSMIT, FACT_FIN_GOES | FACT_UNSENT_DATA, CTL_FIN_WAIT_1, EMIT_FIN, ORIGIN_RFC},
{CTL_CLOSE_WAIT_CLOSE, ON_TRANSMIT, FACT_FIN_GOES, CTL_LAST_ACK, EMIT_FIN, ORIGIN_RFC},
{CTL_CLOSING_QUEUED, ON_TRANSMIT, FACT_FIN_GOES, CTL_CLOSING, EMIT_FIN, ORIGIN_RFC},
{CTL_LAST_ACK_QUEUED, ON_TRANSMIT, FACT_FIN_GOES, CTL_LAST_ACK, EMIT_FIN, ORIGIN_STACK},
{CTL_SYN_RECEIVED_PASSIVE, ON_TRANSMIT, FACT_UNSENT_DATA, CTL_SYN_RECEIVED_PASSIVE, EMIT_DATA, ORIGIN_STACK},
{CTL_SYN_SENT, ON_RETRANSMIT, FACT_SYN_UNACKED, CTL_SYN_SENT, EMIT_SYN, ORIGIN_RFC},
{CTL_SYN_RECEIVED_ACTIVE, ON_RETRANSMIT, FACT_SYN_UNACKED, CTL_SYN_RECEIVED_ACTIVE, EMIT_SYN_ACK, ORIGIN_RFC},
{CTL_FIN_WAIT_1, ON_RETRANSMIT, FACT_SYN_UNACKED, CTL_FIN_WAIT_1, EMIT_SYN_ACK, ORIGIN_RFC},
{CTL_ESTABLISHED, ON_RETRANSMIT, FACT_SYN_UNACKED, CTL_ESTABLISHED, EMIT_SYN_ACK, ORIGIN_STACK},
{CTL_LAST_ACK, ON_RETRANSMIT, 0, CTL_LAST_ACK, EMIT_AGAIN, ORIGIN_RFC},
{CTL_TIME_WAIT, ON_ACK_NOW, 0, CTL_TIME_WAIT, EMIT_ACK, ORIGIN_RFC},
{CTL_CLOSING_QUEUED, ON_PROBE, FACT_UNSENT_DATA, CTL_CLOSING_QUEUED, EMIT_PROBE, ORIGIN_RFC},
{CTL_FIN_WAIT_2, ON_PROBE, 0, CTL_FIN_WAIT_2, EMIT_PROBE, ORIGIN_MAY},
{CTL_SYN_RECEIVED_PASSIVE, ON_USER_TIMEOUT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_TIME_WAIT, ON_TIME_WAIT_TIMEOUT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_SYN_RECEIVED_PASSIVE, ON_USER_TIMEOUT, 0, CTL_LISTEN, EMIT_NONE, ORIGIN_STACK},
{CTL_ESTABLISHED, ON_USER_TIMEOUT, 0, CTL_CLOSED, EMIT_RST, ORIGIN_ABNORMAL},
{CTL_FIN_WAIT_2, ON_TIME_WAIT_TIMEOUT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_STACK},
{CTL_SYN_SENT, ON_ICMP_HARD, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_RFC},
{CTL_ESTABLISHED, ON_ICMP_HARD, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_ABNORMAL},
{CTL_FIN_WAIT_2, ON_REBOOT, 0, CTL_CLOSED, EMIT_NONE, ORIGIN_ABNORMAL},
};
/* clang-format on */

static void test_rules_event_every_case_has_its_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(event_cases); i++) {
		const struct event_case *c = &event_cases[i];
		struct rule_step steps[RULE_STEPS_MAX];
		const size_t count =
			rules_event(c->from, c->on, c->facts, ORIGIN_RFC | c->origin, steps);
		const struct rule_step *step = step_wanted(steps, count, c->to, c->emit, 0);
		if (step == NULL) {
			print_error("%s in %s: not so\n", rule_on_name(c->on), ctl_name(c->from));
			fail();
			continue;
		}
		fire(step);
	}
}

/* After the cases: it looks at what they did. */
static void test_rules_every_row_fired(void **state)
{
	(void)state;
	unsigned silent = 0;
	for (size_t i = 0; i < tcp_rules_count; i++) {
		if (row_fired[i])
			continue;
		print_error("never fired: row %zu, %s: %s\n", i, tcp_rules[i].section,
			    tcp_rules[i].sentence);
		silent++;
	}
	assert_int_equal(silent, 0);
}

/* What the table forbids: calls by state, RFC 9293 section 3.10. */
static void test_rules_event_calls_not_allowed_have_no_outcome(void **state)
{
	(void)state;
	const struct {
		enum ctl from;
		enum rule_on on;
	} refused[] = {
		{CTL_CLOSED, ON_SEND},
		{CTL_CLOSED, ON_CLOSE},
		{CTL_CLOSED, ON_ABORT},
		{CTL_LISTEN, ON_OPEN_PASSIVE},
		{CTL_SYN_SENT, ON_OPEN_ACTIVE},
		{CTL_ESTABLISHED, ON_OPEN_PASSIVE},
		{CTL_FIN_WAIT_1, ON_SEND},
		{CTL_FIN_WAIT_1_QUEUED, ON_SEND},
		{CTL_CLOSE_WAIT_CLOSE, ON_SEND},
		{CTL_SYN_RECEIVED_PASSIVE_CLOSE, ON_SEND},
		{CTL_FIN_WAIT_2, ON_CLOSE},
		{CTL_LAST_ACK, ON_CLOSE},
		{CTL_TIME_WAIT, ON_CLOSE},
		{CTL_TIME_WAIT, ON_SEND},
		{CTL_CLOSED, ON_TIME_WAIT_TIMEOUT},
		{CTL_SYN_SENT, ON_ACK_NOW},
		{CTL_FIN_WAIT_2, ON_RETRANSMIT},
		{CTL_CLOSED, ON_RETRANSMIT},
	};
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		struct rule_step steps[RULE_STEPS_MAX];
		assert_int_equal(
			rules_event(refused[i].from, refused[i].on, 0, ORIGINS_REMOTE, steps), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_rows_are_well_formed),
		cmocka_unit_test(test_names_are_complete_and_distinct),
		cmocka_unit_test(test_ctl_state_folded_hides_a_queued_fin),
		cmocka_unit_test(test_rules_event_calls_not_allowed_have_no_outcome),
		cmocka_unit_test(test_rules_segment_every_case_has_its_outcome),
		cmocka_unit_test(test_rules_segment_reason_is_the_row_that_decides),
		cmocka_unit_test(test_rules_event_every_case_has_its_outcome),
		cmocka_unit_test(test_rules_every_row_fired),
		cmocka_unit_test(test_rules_segment_own_end_has_exactly_one_way),
		cmocka_unit_test(test_rules_event_own_end_has_at_most_one_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

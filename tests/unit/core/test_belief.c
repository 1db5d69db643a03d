#include "../../support/cm.h"

#include "belief_text.h"
#include "synscope/core/util.h"

enum what { FRESH, MIDSTREAM, COOKIES, GAPS };

struct row {
	const char *name;
	enum what what;
	const char *text; /* notation of belief_text.h; the last segment is the one judged */
	bool explained;
	enum certainty certainty;
	enum tcp_state state;
	const char *proven;
	const char *loss; /* NULL: not looked at */
};

#define UNKNOWN CERTAINTY_UNKNOWN
#define EXPECTED CERTAINTY_EXPECTED
#define PROVEN CERTAINTY_PROVEN

#define OPEN ">S0 <SA0.1 >A1.1 "
#define DATA OPEN ">PA1.1+13 <A1.14 "
#define THEIR_FIN OPEN "<FA1.1 "
#define OUR_FIN DATA ">FA14.1 "

/* clang-format off */
static const struct row rows[] = {
/* opening */
{"nothing yet",                 FRESH, "",                                   true, UNKNOWN,  ST_SYN_RECEIVED, "", NULL},
{"SYN sent",                    FRESH, ">S0",                                true, EXPECTED, ST_SYN_RECEIVED, "", "LISTEN SYN-RECEIVED"},
{"SYN repeated",                FRESH, ">S0 >S0",                            true, UNKNOWN,  ST_SYN_RECEIVED, "", NULL},
{"SYN,ACK",                     FRESH, ">S0 <SA0.1",                         true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"SYN,ACK after three SYNs",    FRESH, ">S0 >S0 >S0 <SA0.1",                 true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"SYN,ACK again, no ACK sent",  FRESH, ">S0 <SA0.1 <SA0.1",                  true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"our ACK",                     FRESH, OPEN,                                 true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", "SYN-RECEIVED ESTABLISHED"},
{"SYN,ACK again after our ACK", FRESH, OPEN "<SA0.1",                        true, EXPECTED, ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED ESTABLISHED"},
{"and another ACK",             FRESH, OPEN "<SA0.1 >A1.1",                  true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", "SYN-RECEIVED ESTABLISHED"},
{"data sent",                   FRESH, OPEN ">PA1.1+13",                     true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", "SYN-RECEIVED ESTABLISHED"},
{"data acknowledged",           FRESH, DATA,                                 true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"their data first",            FRESH, OPEN "<PA1.1+5",                      true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"their data and our ACK",      FRESH, OPEN "<PA1.1+5 >A1.6",                true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"part of our data",            FRESH, OPEN ">PA1.1+1000 <A1.401",           true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"reply rides on the ACK",      FRESH, OPEN ">PA1.1+9 <PA1.10+5",            true, EXPECTED, ST_ESTABLISHED,  "ESTABLISHED FIN-WAIT-1", NULL},
{"reply behind the ACK",        FRESH, OPEN ">PA1.1+9 <A1.10 <PA1.10+5",     true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"its SYN",                     FRESH, "<S0",                                true, PROVEN,   ST_SYN_SENT,     "SYN-SENT", "SYN-SENT"},
{"its SYN, our SYN,ACK",        FRESH, "<S0 >SA0.1",                         true, EXPECTED, ST_ESTABLISHED,  "SYN-SENT", "SYN-SENT ESTABLISHED"},
{"its SYN again meanwhile",     FRESH, "<S0 >SA0.1 <S0",                     true, EXPECTED, ST_SYN_SENT,     "SYN-SENT", "SYN-SENT ESTABLISHED"},
{"its ACK completes",           FRESH, "<S0 >SA0.1 <A1.1",                   true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"simultaneous open",           FRESH, "<S0 >S0",                            true, EXPECTED, ST_SYN_RECEIVED, "SYN-SENT", "SYN-SENT SYN-RECEIVED"},
{"simultaneous, its SYN,ACK",   FRESH, "<S0 >S0 <SA0.1",                     true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"simultaneous, figure 7",      FRESH, "<S0 >S0 <SA0.1 >SA0.1",              true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", NULL},
{"Fast Open",                   FRESH, ">S0+5 <SA0.6",                       true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"Fast Open, early reply",      FRESH, ">S0+5 <SA0.6 <PA1.6+4",              true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", NULL},
{"refused",                     FRESH, ">S0 <RAZ.1",                         true, PROVEN,   ST_CLOSED,       "CLOSED", "CLOSED"},
{"refused, SYN again",          FRESH, ">S0 <RAZ.1 >S0",                     true, PROVEN,   ST_CLOSED,       "CLOSED", "CLOSED"},
{"opened after a refusal",      FRESH, ">S0 <RAZ.1 >S7 <SA0.8",              true, PROVEN,   ST_SYN_RECEIVED, "SYN-RECEIVED", "SYN-RECEIVED"},
{"SYN,ACK with a wrong ack",    FRESH, ">S0 <SA0.77",                        false, EXPECTED, ST_SYN_RECEIVED, "SYN-RECEIVED", NULL},
{"cookie",                      COOKIES, ">S0 <SA0.1",                       true, EXPECTED, ST_LISTEN,       "LISTEN SYN-RECEIVED", NULL},
{"cookie, our ACK",             COOKIES, OPEN,                               true, EXPECTED, ST_ESTABLISHED,  "LISTEN SYN-RECEIVED", NULL},
{"cookie, our RST changes nothing", COOKIES, ">S0 <SA0.1 >R1 >A1.1 >PA1.1+3 <A1.4", true, PROVEN, ST_ESTABLISHED, "ESTABLISHED", NULL},

/* what a received segment proves, when everything of ours was sent */
{"ACK of the SYN only",         FRESH, OPEN ">PA1.1+3 <A1.1",                true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED ESTABLISHED", NULL},
{"ACK of data, FIN sent",       FRESH, OUR_FIN "<A1.14",                     true, EXPECTED, ST_CLOSE_WAIT,   "ESTABLISHED", "ESTABLISHED CLOSE-WAIT"},
{"data not acking our FIN",     FRESH, OUR_FIN "<PA1.14+5",                  true, EXPECTED, ST_CLOSE_WAIT,   "ESTABLISHED", "ESTABLISHED CLOSE-WAIT"},
{"ACK of our FIN",              FRESH, OUR_FIN "<A1.15",                     true, PROVEN,   ST_CLOSE_WAIT,   "CLOSE-WAIT", "CLOSE-WAIT"},
{"data behind that ACK",        FRESH, OUR_FIN "<A1.15 <PA1.15+5",           true, PROVEN,   ST_CLOSE_WAIT,   "CLOSE-WAIT", "CLOSE-WAIT"},
{"data acking our FIN",         FRESH, OUR_FIN "<PA1.15+5",                  true, EXPECTED, ST_CLOSE_WAIT,   "CLOSE-WAIT CLOSING LAST-ACK", NULL},
{"its FIN, ours not seen",      FRESH, OUR_FIN "<FA1.14",                    true, EXPECTED, ST_CLOSING,      "FIN-WAIT-1", "FIN-WAIT-1 CLOSING"},
{"its FIN behind the ACK",      FRESH, OUR_FIN "<A1.15 <FA1.15",             true, PROVEN,   ST_LAST_ACK,     "LAST-ACK", "LAST-ACK"},
{"its FIN with the ACK",        FRESH, OUR_FIN "<FA1.15",                    true, EXPECTED, ST_LAST_ACK,     "CLOSING LAST-ACK", NULL},
{"past its FIN, not acking ours", FRESH, THEIR_FIN ">FA1.2 <A2.1",           true, EXPECTED, ST_TIME_WAIT,    "FIN-WAIT-1", NULL},
{"past its FIN, acking ours",   FRESH, THEIR_FIN ">FA1.2 <A2.2",             true, PROVEN,   ST_TIME_WAIT,    "TIME-WAIT", "TIME-WAIT"},
{"acking ours, FINs crossed",   FRESH, THEIR_FIN ">FA1.1 <A2.2",             true, PROVEN,   ST_CLOSING,      "CLOSING", "CLOSING"},
{"a number of its is not seen", FRESH, OUR_FIN "<A2.15",                     true, EXPECTED, ST_CLOSE_WAIT,   "CLOSE-WAIT CLOSING LAST-ACK", NULL},

/* closing */
{"our last ACK",                FRESH, OUR_FIN "<A1.15 <FA1.15 >A15.2",      true, EXPECTED, ST_CLOSED,       "LAST-ACK", "CLOSED LAST-ACK"},
{"its FIN",                     FRESH, THEIR_FIN,                            true, PROVEN,   ST_FIN_WAIT_1,   "FIN-WAIT-1", "FIN-WAIT-1"},
{"its FIN acknowledged",        FRESH, THEIR_FIN ">A1.2",                    true, EXPECTED, ST_FIN_WAIT_2,   "FIN-WAIT-1", "FIN-WAIT-1 FIN-WAIT-2"},
{"half-closed, our data",       FRESH, THEIR_FIN ">A1.2 >PA1.2+9 <A2.10",    true, PROVEN,   ST_FIN_WAIT_2,   "FIN-WAIT-2", "FIN-WAIT-2"},
{"crossed FINs",                FRESH, THEIR_FIN ">FA1.1",                   true, EXPECTED, ST_CLOSING,      "FIN-WAIT-1", "FIN-WAIT-1 CLOSING"},
{"crossed, all acknowledged",   FRESH, THEIR_FIN ">FA1.1 <A2.2 >A2.2",       true, EXPECTED, ST_TIME_WAIT,    "CLOSING", "CLOSING TIME-WAIT"},
{"FIN acking its FIN",          FRESH, THEIR_FIN ">FA1.2",                   true, EXPECTED, ST_TIME_WAIT,    "FIN-WAIT-1", NULL},
{"FIN again in TIME-WAIT",      FRESH, THEIR_FIN ">FA1.2 <A2.2 >FA1.2 <A2.2", true, PROVEN,  ST_TIME_WAIT,    "TIME-WAIT", "TIME-WAIT"},
{"FIN with the text",           FRESH, OPEN "<FPA1.1+5",                     true, PROVEN,   ST_FIN_WAIT_1,   "FIN-WAIT-1", "FIN-WAIT-1"},
{"TIME-WAIT reopened",          FRESH, THEIR_FIN ">FA1.2 <A2.2 >S9999 <SA777777.10000", true, PROVEN, ST_SYN_RECEIVED, "SYN-RECEIVED", NULL},

/* resets */
{"our exact RST",               FRESH, DATA ">R14",                          true, EXPECTED, ST_CLOSED,       "ESTABLISHED", "CLOSED ESTABLISHED"},
{"our RST in the window",       FRESH, DATA ">R20",                          true, EXPECTED, ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"our RST in SYN-RECEIVED",     FRESH, ">S0 <SA0.1 >R1",                     true, EXPECTED, ST_LISTEN,       "SYN-RECEIVED", "CLOSED LISTEN SYN-RECEIVED"},
{"it aborts",                   FRESH, DATA "<RA1.14",                       true, EXPECTED, ST_CLOSED,       "CLOSED LISTEN SYN-SENT SYN-RECEIVED", NULL},
{"it aborts at a number of its own", FRESH, DATA "<PA1.14+5 <RA6.14",        true, PROVEN,   ST_CLOSED,       "CLOSED", "CLOSED"},
{"RST out of nowhere",          FRESH, DATA "<R1900000000",                  false, EXPECTED, ST_ESTABLISHED, "CLOSED ESTABLISHED", "CLOSED ESTABLISHED"},
{"RST out of nowhere, and on",  FRESH, DATA "<R1900000000 >PA14.1+4 <A1.18",  true, PROVEN, ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},

/* order is not assumed */
{"an ACK from before",          FRESH, DATA ">PA14.1+5 <A1.19 <A1.14",       true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"ACK of the FIN overtakes",    FRESH, OUR_FIN "<A1.15 <A1.14",              true, PROVEN,   ST_CLOSE_WAIT,   "CLOSE-WAIT", "CLOSE-WAIT"},
{"FIN overtakes its data",      FRESH, OPEN "<FA6.1 <PA1.1+5",               true, PROVEN,   ST_FIN_WAIT_1,   "FIN-WAIT-1", "FIN-WAIT-1"},
{"a SYN,ACK comes late",        FRESH, DATA "<SA0.1",                        true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", "ESTABLISHED"},
{"our ACK recorded too early",  FRESH, ">S0 >A1.1 <SA0.1",                   true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", NULL},
{"our FIN before our data",     FRESH, OPEN ">FA14.1 >PA1.1+13",             true, EXPECTED, ST_ESTABLISHED,  "SYN-RECEIVED", NULL},

/* contradictions */
{"acknowledges the unsent",     FRESH, DATA "<A1.99",                        false, EXPECTED, ST_ESTABLISHED, "SYN-RECEIVED ESTABLISHED", NULL},
{"text beyond our window",      FRESH, DATA "<PA900000000.14+5",             false, EXPECTED, ST_ESTABLISHED, "ESTABLISHED", NULL},
{"odd flags",                   FRESH, DATA "<SF1",                          false, PROVEN,   ST_ESTABLISHED, "ESTABLISHED", NULL},
{"a segment was missed",        GAPS,  DATA "<A1.99",                        true, EXPECTED, ST_ESTABLISHED,  "ESTABLISHED CLOSE-WAIT", NULL},
{"our ACK was missed",          GAPS,  ">S0 <SA0.1 <PA1.1+5",                true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", NULL},
{"its SYN,ACK was missed",      GAPS,  ">S0 >A1.1 <PA1.1+5",                 true, PROVEN,   ST_ESTABLISHED,  "ESTABLISHED", NULL},

/* picked up in the middle */
{"midstream, nothing yet",      MIDSTREAM, ">A5.5",                          true, UNKNOWN,  ST_CLOSED, "", NULL},
{"midstream, ACK",              MIDSTREAM, "<A500.700",                      true, UNKNOWN,  ST_ESTABLISHED,
	"SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT", NULL},
{"midstream, data",             MIDSTREAM, "<PA500.700+9",                   true, EXPECTED, ST_ESTABLISHED,  "ESTABLISHED CLOSE-WAIT", NULL},
{"midstream, our data acked",   MIDSTREAM, "<PA500.700+9 >PA700.509+5 <A509.705", true, PROVEN, ST_ESTABLISHED, "ESTABLISHED", NULL},
{"midstream, its FIN",          MIDSTREAM, ">A700.500 >PA700.500+9 <FA500.700", true, EXPECTED, ST_FIN_WAIT_1, "FIN-WAIT-1", NULL},
{"midstream, both FINs",        MIDSTREAM, "<PA500.700+9 >FA700.509 <A509.701 <FA509.701", true, PROVEN, ST_LAST_ACK, "LAST-ACK", NULL},
{"midstream, a new connection", MIDSTREAM, "<FA500.700 <S777777",            true, PROVEN,   ST_SYN_SENT,     "SYN-SENT", NULL},
};
/* clang-format on */

struct isns {
	uint32_t ours, its;
};

static const struct isns isns[] = {
	{1000, 5000000},
	{0xffffffffu, 0},
	{0, 0xfffffffau},
	{0xfffffff9u, 0xfffffffau},
};

static void begin(struct talk *t, enum what what, const struct isns *n)
{
	talk_begin(t, what == MIDSTREAM ? BELIEF_MIDSTREAM : BELIEF_FRESH, n->ours, n->its);
	belief_assume_cookies(t->b, what == COOKIES);
	belief_assume_gaps(t->b, what == GAPS);
}

static void check_set(const struct row *row, const char *what, state_set_t set, const char *wanted)
{
	char text[STATE_SET_TEXT_MAX];
	if (set != states_of(wanted))
		fail_msg("%s: %s is {%s}, not {%s}", row->name, what,
			 state_set_format(set, " ", text, sizeof text), wanted);
}

static void check_row(const struct row *row, const struct isns *n)
{
	struct talk t;
	begin(&t, row->what, n);
	talk(&t, row->text);
	const struct end_view v = talk_view(&t);
	if (t.explained != row->explained)
		fail_msg("%s: %s", row->name, t.explained ? "explained" : "a contradiction");
	if (v.certainty != row->certainty)
		fail_msg("%s: certainty is %s, not %s", row->name, certainty_name(v.certainty),
			 certainty_name(row->certainty));
	if (v.certainty != CERTAINTY_UNKNOWN && v.state != row->state)
		fail_msg("%s: shows %s, not %s", row->name, state_name(v.state),
			 state_name(row->state));
	check_set(row, "proven", v.proven, row->proven);
	if (row->loss != NULL)
		check_set(row, "loss", v.loss, row->loss);
	if ((v.proven & ~v.loss) || (v.loss & ~v.orderly) || (v.orderly & ~v.possible))
		fail_msg("%s: the sets are not nested", row->name);
	assert_int_equal(v.contradiction, !row->explained);
	talk_end(&t);
}

static void test_belief_view_rows_are_as_written(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_COUNT(isns); n++)
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
			check_row(&rows[i], &isns[n]);
}

static struct belief_evidence evidence_of(const char *text)
{
	struct talk t;
	struct belief_evidence e;
	begin(&t, FRESH, &isns[0]);
	talk(&t, text);
	belief_evidence(t.b, &e);
	talk_end(&t);
	return e;
}

static void test_belief_evidence_bounce_names_what_it_answers(void **state)
{
	(void)state;
	struct belief_evidence e = evidence_of(">S0 <RAZ.1");
	assert_int_equal(e.reset, BELIEF_RESET_BOUNCE);
	assert_int_equal(e.answers_n, 1);
	e = evidence_of(">A5.77 <R77");
	assert_int_equal(e.reset, BELIEF_RESET_BOUNCE);
	assert_int_equal(e.answers_n, 1);
	e = evidence_of(DATA "<PA1.14+5 >A14.6 <R6");
	assert_int_equal(e.reset, BELIEF_RESET_BOUNCE);
	assert_int_equal(e.answers_n, 7);
}

static void test_belief_evidence_abort_is_one(void **state)
{
	(void)state;
	const struct belief_evidence e = evidence_of(DATA "<PA1.14+5 <RA6.14");
	assert_int_equal(e.reset, BELIEF_RESET_ABORT);
	assert_string_equal(tcp_rules[e.row].section, "3.10.5");
}

static void test_belief_evidence_challenge_names_what_it_answers(void **state)
{
	(void)state;
	struct belief_evidence e = evidence_of(DATA ">S0 <A1.14");
	assert_true(e.challenge);
	assert_int_equal(e.answers_n, 6);
	assert_string_equal(tcp_rules[e.row].section, "5961 4.2");
	e = evidence_of(DATA ">R20 <A1.14");
	assert_true(e.challenge);
	assert_string_equal(tcp_rules[e.row].section, "5961 3.2");
	e = evidence_of(DATA);
	assert_false(e.challenge);
	assert_int_equal(e.answers_n, 4);
	assert_false(evidence_of(DATA ">S0 >PA14.1+5 <A1.19").challenge);
}

static void test_belief_evidence_excluded_states_are_told(void **state)
{
	(void)state;
	const struct belief_evidence e = evidence_of(OPEN "<FA1.1");
	assert_int_equal(e.excluded, state_set(ST_ESTABLISHED));
	assert_int_equal(e.tried, 0);
}

static void test_belief_evidence_contradiction_tells_what_was_tried(void **state)
{
	(void)state;
	const struct belief_evidence e = evidence_of(DATA "<A1.99");
	assert_true(state_set_has(e.tried, ST_ESTABLISHED));
	assert_false(state_set_has(e.tried, ST_TIME_WAIT));
}

static void test_belief_evidence_missed_segment_is_told(void **state)
{
	(void)state;
	struct talk t;
	struct belief_evidence e;
	begin(&t, GAPS, &isns[0]);
	talk(&t, DATA "<A1.99");
	belief_evidence(t.b, &e);
	assert_true(e.missed);
	talk(&t, "<PA1.99+5");
	belief_evidence(t.b, &e);
	assert_false(e.missed);
	talk_end(&t);
}

static void test_belief_view_fin_unsent_is_possible_while_established(void **state)
{
	(void)state;
	struct talk t;
	begin(&t, FRESH, &isns[0]);
	talk(&t, DATA);
	assert_true(talk_view(&t).fin_unsent_possible);
	talk(&t, "<FA1.14");
	assert_false(talk_view(&t).fin_unsent_possible);
	talk_end(&t);
}

static void test_belief_view_truth_fields_are_left_alone(void **state)
{
	(void)state;
	struct talk t;
	struct end_view v = {.has_truth = true, .truth = ST_LAST_ACK, .truth_fin_unsent = true};
	begin(&t, FRESH, &isns[0]);
	talk(&t, DATA);
	belief_view(t.b, &v);
	assert_true(v.has_truth && v.truth_fin_unsent);
	assert_int_equal(v.truth, ST_LAST_ACK);
	talk_end(&t);
}

static void test_belief_truth_agrees_by_the_fold(void **state)
{
	(void)state;
	assert_true(belief_truth_agrees(ST_CLOSED, ST_LISTEN, false));
	assert_true(belief_truth_agrees(ST_LISTEN, ST_CLOSED, false));
	assert_true(belief_truth_agrees(ST_ESTABLISHED, ST_FIN_WAIT_1, true));
	assert_false(belief_truth_agrees(ST_ESTABLISHED, ST_FIN_WAIT_1, false));
	assert_false(belief_truth_agrees(ST_FIN_WAIT_1, ST_FIN_WAIT_1, true));
	assert_true(belief_truth_agrees(ST_CLOSE_WAIT, ST_CLOSING, true));
	assert_true(belief_truth_agrees(ST_CLOSE_WAIT, ST_LAST_ACK, true));
	assert_false(belief_truth_agrees(ST_LAST_ACK, ST_LAST_ACK, true));
	assert_true(belief_truth_agrees(ST_LAST_ACK, ST_LAST_ACK, false));
	assert_true(belief_truth_among(state_set(ST_LISTEN) | state_set(ST_ESTABLISHED), ST_CLOSED,
				       false));
	assert_false(belief_truth_among(state_set(ST_TIME_WAIT), ST_CLOSED, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_belief_view_rows_are_as_written),
		cmocka_unit_test(test_belief_evidence_bounce_names_what_it_answers),
		cmocka_unit_test(test_belief_evidence_abort_is_one),
		cmocka_unit_test(test_belief_evidence_challenge_names_what_it_answers),
		cmocka_unit_test(test_belief_evidence_excluded_states_are_told),
		cmocka_unit_test(test_belief_evidence_contradiction_tells_what_was_tried),
		cmocka_unit_test(test_belief_evidence_missed_segment_is_told),
		cmocka_unit_test(test_belief_view_fin_unsent_is_possible_while_established),
		cmocka_unit_test(test_belief_view_truth_fields_are_left_alone),
		cmocka_unit_test(test_belief_truth_agrees_by_the_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

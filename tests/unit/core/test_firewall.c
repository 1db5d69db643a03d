/* What the answers mean: worlds of which the truth is known, and what may be said of them. */
#include "synscope/core/firewall.h"

#include "synscope/core/util.h"

#include "../../support/cm.h"
#include "../../support/quiz.h"

#include <stdio.h>
#include <string.h>

#define PLAN "syn,walk,plain,ack,synack,badsum,data,talk,cookie,window,class"

static struct quiz z;

/* clang-format off */
static const struct world {
	const char *name;
	unsigned routers, filter_at;
	enum quiz_port port;
	bool cookies, proxy, answers_badsum, drops_stray;
	uint16_t mss;
	enum verdict verdict;
	enum firewall_box box;
	unsigned hop_min, hop_max;
	enum firewall_manner manner;
	enum firewall_keeps keeps;
	uint16_t rewrites;
	enum firewall_fake fake;
} worlds[] = {
	{"open", 2, 0, QUIZ_OPEN, false, false, false, false, 0, VERDICT_OPEN, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_NOTHING, 0, FAKE_NONE},
	{"closed", 2, 0, QUIZ_CLOSED, false, false, false, false, 0, VERDICT_CLOSED, BOX_HOST, 0, 0, MANNER_RST, KEEPS_NOTHING, 0, FAKE_NONE},
	{"no router", 0, 0, QUIZ_CLOSED, false, false, false, false, 0, VERDICT_CLOSED, BOX_HOST, 0, 0, MANNER_RST, KEEPS_NOTHING, 0, FAKE_NONE},
	{"hop 1 drops", 2, 1, QUIZ_DROP, false, false, false, false, 0, VERDICT_FILTERED, BOX_BEFORE, 1, 2, MANNER_DROP, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"the last hop drops", 2, 2, QUIZ_DROP, false, false, false, false, 0, VERDICT_FILTERED, BOX_RANGE, 2, 3, MANNER_DROP, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"the host drops", 2, 0, QUIZ_DROP, false, false, false, false, 0, VERDICT_FILTERED, BOX_RANGE, 2, 3, MANNER_DROP, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"hop 1 resets", 2, 1, QUIZ_RST, false, false, false, false, 0, VERDICT_REJECTED, BOX_BEFORE, 1, 1, MANNER_RST, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"hop 2 resets", 2, 2, QUIZ_RST, false, false, false, false, 0, VERDICT_REJECTED, BOX_BEFORE, 2, 2, MANNER_RST, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"a filter on the host resets", 2, 0, QUIZ_RST, false, false, false, false, 0, VERDICT_REJECTED, BOX_HOST, 0, 0, MANNER_RST, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"hop 2 refuses", 2, 2, QUIZ_ICMP, false, false, false, false, 0, VERDICT_REJECTED, BOX_BEFORE, 2, 2, MANNER_ICMP, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"the host refuses", 2, 0, QUIZ_ICMP, false, false, false, false, 0, VERDICT_REJECTED, BOX_HOST, 0, 0, MANNER_ICMP, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"hop 1 drops SYNs", 3, 1, QUIZ_SYN_DROP, false, false, false, false, 0, VERDICT_FILTERED, BOX_BEFORE, 1, 2, MANNER_DROP, KEEPS_STATELESS, 0, FAKE_NONE},
	{"hop 1 knows connections", 2, 1, QUIZ_OPEN, false, false, false, true, 0, VERDICT_OPEN, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_STATE, 0, FAKE_NONE},
	{"SYN cookies", 2, 0, QUIZ_OPEN, true, false, false, false, 0, VERDICT_OPEN, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_NOTHING, 0, FAKE_COOKIES},
	{"hop 1 clamps the MSS", 2, 1, QUIZ_OPEN, false, false, false, false, 1300, VERDICT_OPEN, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_NOTHING, REWRITE_MSS, FAKE_NONE},
	{"wrong acknowledgement", 2, 0, QUIZ_WRONG_ACK, false, false, false, false, 0, VERDICT_INCONSISTENT, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_UNKNOWN, 0, FAKE_NONE},
	{"bare reset", 2, 0, QUIZ_BARE_RST, false, false, false, false, 0, VERDICT_INCONSISTENT, BOX_HOST, 0, 0, MANNER_NONE, KEEPS_UNKNOWN, 0, FAKE_NONE},
};
/* clang-format on */

static void ask_world(const struct world *w)
{
	quiz_init(&z, (uint16_t[]){80}, 1, 50000, PLAN);
	z.routers = w->routers;
	z.filter_at = w->filter_at;
	z.ports[80] = w->port;
	z.cookies = w->cookies;
	z.proxy = w->proxy;
	z.answers_badsum = w->answers_badsum;
	z.drops_stray = w->drops_stray;
	z.mss_at_filter = w->mss;
}

static void test_firewall_judge_port_says_what_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(worlds); i++) {
		const struct world *w = &worlds[i];
		ask_world(w);
		quiz_run(&z);
		const struct firewall_port v = quiz_judge(&z, 0, NULL);
		char box[96];
		if (v.verdict != w->verdict || v.box != w->box || v.hop_min != w->hop_min ||
		    v.hop_max != w->hop_max || v.manner != w->manner || v.keeps != w->keeps ||
		    v.rewrites != w->rewrites || v.fake != w->fake)
			fail_msg("%s: %s by %s, manner %d, keeps %s, rewrites %x, fakes %s",
				 w->name, verdict_name(v.verdict),
				 firewall_box_format(&v, box, sizeof box), v.manner,
				 firewall_keeps_name(v.keeps), v.rewrites,
				 firewall_fake_name(v.fake));
	}
}

/* Every judgement has a claim that gives its reason. */
static void test_firewall_judge_port_gives_evidence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(worlds); i++) {
		ask_world(&worlds[i]);
		quiz_run(&z);
		struct firewall_claims claims;
		const struct firewall_port v = quiz_judge(&z, 0, &claims);
		unsigned topics = 0;
		for (unsigned c = 0; c < claims.count; c++) {
			topics |= 1u << claims.claim[c].topic;
			assert_true(claims.claim[c].confidence != CONFIDENCE_NONE);
			assert_true(strlen(claims.claim[c].text) > 20);
			/* Nothing was cut off. */
			assert_true(strlen(claims.claim[c].text) < CLAIM_TEXT_MAX - 1);
		}
		assert_true((topics >> TOPIC_VERDICT & 1) != 0);
		if (v.box != BOX_UNKNOWN && (topics >> TOPIC_BOX & 1) == 0)
			fail_msg("%s: no reason for the box", worlds[i].name);
		if (v.keeps != KEEPS_UNKNOWN)
			assert_true((topics >> TOPIC_KEEPS & 1) != 0);
		if (v.rewrites != 0)
			assert_true((topics >> TOPIC_REWRITES & 1) != 0);
		if (v.fake != FAKE_NONE)
			assert_true((topics >> TOPIC_FAKES & 1) != 0);
	}
}

static void test_firewall_answer_to_a_wrong_checksum_is_proof(void **state)
{
	(void)state;
	ask_world(&worlds[0]);
	z.answers_badsum = true;
	z.filter_at = 1;
	quiz_run(&z);
	const struct firewall_port v = quiz_judge(&z, 0, NULL);
	assert_int_equal(v.fake, FAKE_SYN_PROXY);
	assert_int_equal(v.fake_confidence, CONFIDENCE_PROVEN);
}

/* With every tenth segment lost nothing may be made of silence. */
static void test_firewall_loss_makes_no_claims(void **state)
{
	(void)state;
	for (unsigned n = 7; n <= 11; n++) {
		ask_world(&worlds[0]);
		z.lose_every = n;
		quiz_run(&z);
		const struct firewall_port v = quiz_judge(&z, 0, NULL);
		assert_int_equal(v.verdict, VERDICT_OPEN);
		assert_int_equal(v.box, BOX_HOST);
		if (v.fake_confidence >= CONFIDENCE_EXPECTED)
			fail_msg("1 of %u lost: %s", n, firewall_fake_name(v.fake));
		if (v.keeps > KEEPS_NOTHING && v.keeps_confidence >= CONFIDENCE_EXPECTED)
			fail_msg("1 of %u lost: keeps %s", n, firewall_keeps_name(v.keeps));
	}
}

static void test_firewall_without_a_walk_a_drop_has_no_place(void **state)
{
	(void)state;
	quiz_init(&z, (uint16_t[]){80}, 1, 50000, "syn");
	z.ports[80] = QUIZ_DROP;
	quiz_run(&z);
	assert_int_equal(quiz_judge(&z, 0, NULL).box, BOX_UNKNOWN);
}

static void test_ttl_distance_takes_the_next_usual_start(void **state)
{
	(void)state;
	static const uint8_t cases[][2] = {{64, 0},  {63, 1},    {1, 63},  {65, 63}, {128, 0},
					   {127, 1}, {129, 126}, {255, 0}, {250, 5}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(ttl_distance(cases[i][0]), cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_firewall_judge_port_says_what_is),
		cmocka_unit_test(test_firewall_judge_port_gives_evidence),
		cmocka_unit_test(test_firewall_answer_to_a_wrong_checksum_is_proof),
		cmocka_unit_test(test_firewall_loss_makes_no_claims),
		cmocka_unit_test(test_firewall_without_a_walk_a_drop_has_no_place),
		cmocka_unit_test(test_ttl_distance_takes_the_next_usual_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is believed of a kernel beside what it says of itself: scenario by scenario, over IPv4
 * and IPv6, and a few hundred random walks. tests/walk has the parts; `make walk` goes on.
 */
#include "../support/cm.h"
#include "../walk/crew.h"
#include "../walk/script.h"
#include "../walk/walks.h"

#include "synscope/core/util.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TESTS_MAX 256
#define STORY_BYTES 6000
#define MEMBERS 6 /* most scenarios that take time only wait */
#define WALKS 200
#define WALKS_SEED 20260101 /* another: SYNSCOPE_SEED */

struct outcome {
	atomic_bool done;
	bool passed;
	char story[STORY_BYTES];
	struct watch_figures figures;
};

static struct crew *crew, *walkers;
static struct fault absent;

static void play(struct trial *t, unsigned index, void *shared)
{
	struct outcome *o = (struct outcome *)shared + index;
	o->passed = script_play(t, &scenarios[index / 2], index % 2 == 0 ? IP_V4 : IP_V6,
				&o->figures, o->story, sizeof o->story);
	atomic_store(&o->done, true);
}

static void require(const struct crew *c)
{
	if (c != NULL)
		return;
	print_message("no lab: %s\n", absent.text);
	skip();
}

static void test_scenario(void **state)
{
	const unsigned index = *(const unsigned *)*state;
	require(crew);
	struct outcome *o = (struct outcome *)crew_shared(crew) + index;
	while (!atomic_load(&o->done) && crew_is_busy(crew))
		poll(NULL, 0, 5);
	if (!atomic_load(&o->done)) {
		struct fault why;
		crew_wait(crew, &why);
		fail_msg("not played: %s", why.text);
	}
	if (!o->passed)
		fail_msg("\n%s", o->story);
}

static void test_scenarios_compared_something(void **state)
{
	struct watch_figures sum = {0};
	(void)state;
	require(crew);
	const struct outcome *o = crew_shared(crew);
	for (size_t i = 0; i < scenarios_count * 2; i++)
		watch_figures_add(&sum, &o[i].figures);
	print_message("%u scenarios, %llu comparisons, %llu of proven\n",
		      (unsigned)scenarios_count * 2, (unsigned long long)sum.comparisons,
		      (unsigned long long)sum.proofs);
	for (unsigned i = 0; i < ST_COUNT; i++)
		if (sum.truths[i] == 0)
			fail_msg("the kernel never was %s", state_name((enum tcp_state)i));
}

static void test_walks(void **state)
{
	struct fault why = {{0}};
	(void)state;
	require(walkers);
	const unsigned failed = crew_wait(walkers, &why);
	const struct walks *w = crew_shared(walkers);
	if (failed > 0)
		fail_msg("%s", why.text);
	if (walks_are_good(w)) {
		print_message("%u walks from seed %llu, %llu comparisons, %llu of proven\n", WALKS,
			      (unsigned long long)w->seed,
			      (unsigned long long)w->figures.comparisons,
			      (unsigned long long)w->figures.proofs);
		return;
	}
	walks_print(w, 0, stderr);
	walks_print_stories(w, stderr);
	fail_msg("SYNSCOPE_SEED=%llu", (unsigned long long)w->seed);
}

static struct crew *start(const struct crew_spec *spec, const void *shared)
{
	struct crew *c;
	return crew_start(&c, spec, shared, &absent) < 0 ? NULL : c;
}

static void start_walks(void)
{
	static struct walks walks = {.seed = WALKS_SEED, .stories_max = 3};
	const char *seed = getenv("SYNSCOPE_SEED");
	const struct crew_spec spec = {.members = 2,
				       .jobs_count = WALKS,
				       .jobs_per_lab = WALKS,
				       .job = walks_job,
				       .shared_bytes = sizeof walks};
	if (seed != NULL)
		walks.seed = strtoull(seed, NULL, 10);
	walkers = start(&spec, &walks);
}

int main(void)
{
	static struct CMUnitTest tests[TESTS_MAX];
	static char names[TESTS_MAX][120];
	static unsigned indexes[TESTS_MAX];
	const unsigned count = (unsigned)scenarios_count * 2;
	for (unsigned i = 0; i < count; i++) {
		indexes[i] = i;
		snprintf(names[i], sizeof names[i], "%s, IPv%d", scenarios[i / 2].name,
			 i % 2 == 0 ? 4 : 6);
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = test_scenario, .initial_state = &indexes[i]};
	}
	tests[count] = (struct CMUnitTest)cmocka_unit_test(test_scenarios_compared_something);
	tests[count + 1] = (struct CMUnitTest)cmocka_unit_test(test_walks);
	const struct crew_spec spec = {.members = MEMBERS,
				       .jobs_count = count,
				       .jobs_per_lab = count,
				       .job = play,
				       .shared_bytes = count * sizeof(struct outcome)};
	crew = start(&spec, NULL);
	start_walks();
	const int failed =
		_cmocka_run_group_tests("belief beside a kernel", tests, count + 2, NULL, NULL);
	crew_end(crew);
	crew_end(walkers);
	return failed;
}

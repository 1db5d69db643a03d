#include "walks.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

static void add(struct walks *w, const struct watch_figures *f)
{
	while (atomic_flag_test_and_set(&w->lock))
		poll(NULL, 0, 0);
	watch_figures_add(&w->figures, f);
	atomic_flag_clear(&w->lock);
	atomic_fetch_add(&w->walked, 1);
}

static void tell(struct walks *w, struct trial *t, struct walk *walk, enum watch_problem problem,
		 const char *first)
{
	const unsigned at = atomic_fetch_add(&w->stories_count, 1);
	if (at >= w->stories_max || at >= WALKS_STORIES_MAX)
		return;
	struct walks_story *told = &w->stories[at];
	struct watch_figures none = {0};
	const struct walk_run again = {
		.figures = &none, .text = told->text, .text_bytes = sizeof told->text};
	told->problem = problem;
	if (problem != WATCH_GOOD && problem != WATCH_BROKEN)
		walk_reduce(t, walk, problem);
	if (problem == WATCH_GOOD || walk_run(t, walk, &again) != problem)
		memcpy(told->text, first, sizeof told->text);
	atomic_store(&told->done, true);
}

void walks_job(struct trial *t, unsigned index, void *shared)
{
	struct walks *w = shared;
	struct watch_figures figures = {0};
	static struct walk walk;
	static char first[WALKS_STORY_BYTES];
	const struct walk_run run = {
		.figures = &figures, .text = first, .text_bytes = sizeof first};
	walk_make(&walk, w->seed + index);
	const enum watch_problem problem = walk_run(t, &walk, &run);
	add(w, &figures);
	if (problem != WATCH_GOOD || w->tell_all)
		tell(w, t, &walk, problem, first);
}

static double mean(uint64_t sum, uint64_t count)
{
	return count > 0 ? (double)sum / (double)count : 0;
}

void walks_print(const struct walks *w, double seconds, FILE *out)
{
	const struct watch_figures *f = &w->figures;
	const unsigned walks = atomic_load(&w->walked);
	fprintf(out, "seed                       %" PRIu64 "\n", w->seed);
	fprintf(out, "walks                      %u\n", walks);
	fprintf(out, "comparisons with possible  %" PRIu64 ", %.0f a second\n", f->comparisons,
		seconds > 0 ? (double)f->comparisons / seconds : 0);
	fprintf(out, "  not possible             %" PRIu64 "\n", f->problems[WATCH_IMPOSSIBLE]);
	fprintf(out, "  not nested               %" PRIu64 "\n", f->problems[WATCH_NOT_NESTED]);
	fprintf(out, "  mean size of possible    %.2f of 11\n",
		mean(f->possible_size, f->comparisons));
	fprintf(out, "  the state as expected    %.2f %%\n",
		100 * mean(f->in_expected, f->comparisons));
	fprintf(out, "  in loss                  %.2f %%\n",
		100 * mean(f->in_loss, f->comparisons));
	fprintf(out, "  in orderly               %.2f %%\n",
		100 * mean(f->in_orderly, f->comparisons));
	fprintf(out, "segments received          %" PRIu64 "\n", f->received);
	fprintf(out, "  contradictions           %" PRIu64 "\n", f->problems[WATCH_CONTRADICTION]);
	fprintf(out, "comparisons with proven    %" PRIu64 "\n", f->proofs);
	fprintf(out, "  not so                   %" PRIu64 "\n", f->problems[WATCH_DISPROVED]);
	fprintf(out, "  mean size of proven      %.2f; one state in %.1f %%\n",
		mean(f->proven_size, f->proofs), 100 * mean(f->proofs_of_one, f->proofs));
	fprintf(out, "experiments that failed    %" PRIu64 "\n", f->problems[WATCH_BROKEN]);
	fprintf(out, "the kernel was in         ");
	for (unsigned i = 0; i < ST_COUNT; i++)
		fprintf(out, " %s %" PRIu64, state_name((enum tcp_state)i), f->truths[i]);
	fprintf(out, "\n");
}

void walks_print_stories(const struct walks *w, FILE *out)
{
	for (unsigned i = 0; i < WALKS_STORIES_MAX; i++)
		if (atomic_load(&w->stories[i].done))
			fprintf(out, "\n-- %s\n%s", watch_problem_name(w->stories[i].problem),
				w->stories[i].text);
	fflush(out);
}

bool walks_are_good(const struct walks *w)
{
	bool good = true;
	for (unsigned i = WATCH_GOOD + 1; i < WATCH_PROBLEM_COUNT; i++)
		good = good && w->figures.problems[i] == 0;
	return good;
}

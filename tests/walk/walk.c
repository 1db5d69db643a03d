/*
 * Random walks beside a kernel, by hand: `make walk WALKS=10000`.
 *   walk [--walks N] [--seed N] [--members N] [--only SEED] [--stories N]
 * The walk of seed S + i is the i-th one of seed S, so any can be had again with --only.
 */
#include "walks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool read_options(int argc, char **argv, struct crew_spec *spec, struct walks *s)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const uint64_t value = strtoull(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--walks") == 0) {
			spec->jobs_count = (unsigned)value;
		} else if (strcmp(argv[i], "--seed") == 0) {
			s->seed = value;
		} else if (strcmp(argv[i], "--members") == 0) {
			spec->members = (unsigned)value;
		} else if (strcmp(argv[i], "--stories") == 0) {
			s->stories_max = (unsigned)value;
		} else if (strcmp(argv[i], "--only") == 0) {
			s->seed = value;
			s->tell_all = true;
			spec->jobs_count = 1;
			spec->members = 1;
		} else {
			return false;
		}
	}
	return argc % 2 == 1;
}

int main(int argc, char **argv)
{
	static struct walks wanted;
	const char *seed = getenv("SYNSCOPE_SEED");
	struct crew_spec spec = {.members = 2,
				 .jobs_count = 1000,
				 .jobs_per_lab = WALKS_PER_LAB,
				 .job = walks_job,
				 .shared_bytes = sizeof wanted};
	struct crew *crew;
	struct fault why = {{0}};
	struct timespec begin;
	struct timespec end;
	wanted.seed = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 1000000;
	wanted.stories_max = 20;
	if (!read_options(argc, argv, &spec, &wanted)) {
		fputs("walk [--walks N] [--seed N] [--members N] [--only SEED] [--stories N]\n",
		      stderr);
		return 64;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (crew_start(&crew, &spec, &wanted, &why) < 0) {
		fprintf(stderr, "walk: %s\n", why.text);
		return 69;
	}
	const struct walks *s = crew_shared(crew);
	const unsigned failed = crew_wait(crew, &why);
	clock_gettime(CLOCK_MONOTONIC, &end);
	walks_print(s,
		    (double)(end.tv_sec - begin.tv_sec) +
			    (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
		    stdout);
	walks_print_stories(s, stdout);
	if (failed > 0)
		fprintf(stderr, "walk: %s\n", why.text);
	const bool good = failed == 0 && walks_are_good(s);
	crew_end(crew);
	return good ? 0 : 1;
}

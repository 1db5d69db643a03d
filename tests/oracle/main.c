/*
 * The oracle by hand: compare beliefs with every execution of a concrete end.
 *   oracle [--stacks] [--hostile] [--text N] [--lives N] [--depth N] [--walks N] [--seed N] [--stop
 * N] [-v]
 */
#include "oracle.h"

#include "../../src/core/belief_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct belief *b, bool stacks)
{
	belief_begin(b, BELIEF_FRESH, stacks ? ORIGINS_REMOTE : ORIGIN_RFC | ORIGIN_ABNORMAL);
}

static void print(const struct oracle_result *r)
{
	printf("histories           %" PRIu64 "\n", r->histories);
	printf("possible unsound    %" PRIu64 "\n", r->unsound);
	printf("possible loose      %" PRIu64 "\n", r->loose);
	printf("loose, two lives    %" PRIu64 "\n", r->loose_reborn);
	printf("proven unsound      %" PRIu64 "\n", r->proven_unsound);
	printf("proven loose        %" PRIu64 "\n", r->proven_loose);
	printf("refused             %" PRIu64 "\n", r->refused);
	printf("unseen resets       %" PRIu64 "\n", r->unseen_resets);
	printf("expected impossible %" PRIu64 "\n", r->expected_wrong);
	printf("not nested          %" PRIu64 "\n", r->not_nested);
	if (r->histories > 0)
		printf("mean size           oracle %.3f belief %.3f\n",
		       (double)r->states_oracle / (double)r->histories,
		       (double)r->states_belief / (double)r->histories);
}

int main(int argc, char **argv)
{
	struct oracle_config c = {
		.depth = 4, .text_limit = 2, .lives = 1, .seed = 1, .begin = begin};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (strcmp(argv[i], "--stacks") == 0)
			c.stacks = true;
		else if (strcmp(argv[i], "--hostile") == 0)
			c.hostile = true;
		else if (strcmp(argv[i], "-v") == 0)
			c.verbose = true;
		else if (strcmp(argv[i], "--text") == 0)
			c.text_limit = atoi(argv[++i] ? value : "1");
		else if (strcmp(argv[i], "--depth") == 0)
			c.depth = atoi(argv[++i] ? value : "4");
		else if (strcmp(argv[i], "--lives") == 0)
			c.lives = atoi(argv[++i] ? value : "1");
		else if (strcmp(argv[i], "--walks") == 0)
			c.walks = strtoull(argv[++i] ? value : "0", NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			c.seed = strtoull(argv[++i] ? value : "1", NULL, 10);
		else if (strcmp(argv[i], "--stop") == 0)
			c.stop_at = strtoull(argv[++i] ? value : "0", NULL, 10);
		else
			return 64;
	}
	struct oracle_result result;
	oracle_run(&c, &result);
	print(&result);
	return result.unsound + result.proven_unsound + result.refused == 0 ? 0 : 1;
}

/*
 * Walks of other stacks, by hand:
 *   stacks [--stack NAME] [--walks N] [--seed N] [--steps N] [--all] [-v] [-q]
 * --all also sends what a stack is known to take amiss (enum stack_habit); -v tells every walk,
 * -q none. The status is 1 if a state was impossible, or a segment.
 */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* @return whether this stack kept the rules */
static bool run(const struct stack *stack, struct walk_config config)
{
	struct walk_result result;
	config.stack = stack;
	walk_run(&config, &result);
	walk_print(stdout, &config, &result);
	return walk_is_sound(&result);
}

static bool take_value(const char *name, const char *value, struct walk_config *config,
		       const char **only)
{
	if (strcmp(name, "--stack") == 0)
		*only = value;
	else if (strcmp(name, "--walks") == 0)
		config->walks = strtoull(value, NULL, 10);
	else if (strcmp(name, "--seed") == 0)
		config->seed = strtoull(value, NULL, 10);
	else if (strcmp(name, "--steps") == 0)
		config->steps = (unsigned)strtoul(value, NULL, 10);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct walk_config config = {.walks = 1000, .seed = 1, .steps = WALK_STEPS, .tell = stdout};
	const char *only = NULL, *seed = getenv("SYNSCOPE_SEED");
	if (seed != NULL)
		config.seed = strtoull(seed, NULL, 0);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (strcmp(argv[i], "-v") == 0)
			config.verbose = true;
		else if (strcmp(argv[i], "--all") == 0)
			config.all = true;
		else if (strcmp(argv[i], "-q") == 0)
			config.tell = NULL;
		else if (!take_value(argv[i], value, &config, &only))
			return 64;
		else
			i++;
	}
	const struct stack *stacks[] = {stack_lwip(), stack_slirp()};
	bool good = true, any = false;
	for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
		if (stacks[i] == NULL || (only != NULL && strcasecmp(only, stacks[i]->name) != 0))
			continue;
		any = true;
		good = run(stacks[i], config) && good;
	}
	if (!any)
		printf("no other stack is installed: see tests/support/deps.sh, group test\n");
	return good ? 0 : 1;
}

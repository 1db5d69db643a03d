/*
 * What the hosts of a firewall experiment run: servers on real kernel TCP, and a wire that
 * loses, delays, doubles and reorders.
 *   hosts serve PORT:BEHAVIOUR...
 *   hosts wire LEFT RIGHT [loss=S] [delay_ms=N] [reorder=S] [duplicate=S] [seed=N]
 */
#include "synscope/core/util.h"
#include "synscope/edge/peer.h"
#include "synscope/edge/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORTS_MAX 16

static int serve(int argc, char **argv)
{
	struct peer_spec specs[PORTS_MAX];
	struct fault why;
	int count = 0;
	for (; count < argc && count < PORTS_MAX; count++) {
		char *colon = strchr(argv[count], ':');
		specs[count] = (struct peer_spec){.port = (uint16_t)atoi(argv[count])};
		if (colon == NULL || !peer_behaviour_parse(&specs[count].behaviour, colon + 1))
			return 64;
	}
	if (peer_run(specs, (size_t)count, STDOUT_FILENO, &why) < 0)
		fprintf(stderr, "hosts: %s\n", why.text);
	return 71;
}

static bool take(struct relay_spec *spec, const char *word)
{
	const char *value = strchr(word, '=');
	if (value == NULL)
		return false;
	const double number = atof(value + 1);
	if (strncmp(word, "loss=", 5) == 0)
		spec->loss = number;
	else if (strncmp(word, "delay_ms=", 9) == 0)
		spec->delay_ns = (int64_t)(number * 1e6);
	else if (strncmp(word, "reorder=", 8) == 0)
		spec->reorder = number;
	else if (strncmp(word, "duplicate=", 10) == 0)
		spec->duplicate = number;
	else if (strncmp(word, "seed=", 5) == 0)
		spec->seed = (uint64_t)number;
	else
		return false;
	return true;
}

static int wire(int argc, char **argv)
{
	struct relay_spec spec = {.seed = 1};
	struct relay *relay;
	struct fault why;
	for (int i = 2; i < argc; i++)
		if (!take(&spec, argv[i]))
			return 64;
	if (argc < 2)
		return 64;
	if (relay_open(&relay, argv[0], argv[1], &spec, &why) == 0) {
		if (write(STDOUT_FILENO, "r", 1) != 1 || relay_run(relay, &why) == 0)
			return 71;
	}
	fprintf(stderr, "hosts: %s\n", why.text);
	return 71;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		return serve(argc - 2, argv + 2);
	if (argc > 2 && strcmp(argv[1], "wire") == 0)
		return wire(argc - 2, argv + 2);
	return 64;
}

/* The other end of the benchmarks: the lab's echo server, on a port of its own choice.
 *   server PORT    runs until killed; prints "ready" when it listens */
#include "synscope/edge/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct peer_spec spec = {.behaviour = PEER_ECHO,
				       .port = (uint16_t)(argc == 2 ? atoi(argv[1]) : 0)};
	if (spec.port == 0) {
		fprintf(stderr, "usage: server PORT\n");
		return 64;
	}
	struct fault why;
	if (peer_run(&spec, 1, STDOUT_FILENO, &why) < 0)
		fprintf(stderr, "server: %s\n", why.text);
	return 71;
}

/* What this machine allows, for `synscope doctor`: each question asked by trying. */
#ifndef SYNSCOPE_EDGE_PROBE_H
#define SYNSCOPE_EDGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum probe_result { PROBE_YES, PROBE_NO, PROBE_LIMITED };

struct probe_report {
	const char *name; /* "raw packets", "user namespaces" ... */
	enum probe_result result;
	char found[160];  /* what was found, in words */
	char remedy[240]; /* how to allow it; "" if nothing is needed */
};

#define PROBE_REPORTS_MAX 16

/**
 * Try each thing, in a child process where trying would change ours. Sends nothing, leaves
 * nothing behind.
 * @param reports at least PROBE_REPORTS_MAX
 * @return how many were filled
 */
size_t probe_machine(struct probe_report *reports);

#endif

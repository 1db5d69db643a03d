/*
 * What `firewall` and `path` found, as a table for people, as JSON lines, as JUnit and as TAP.
 */
#ifndef SYNSCOPE_RENDER_FINDINGS_H
#define SYNSCOPE_RENDER_FINDINGS_H

#include "synscope/core/firewall.h"
#include "synscope/core/policy.h"
#include "synscope/render/out.h"
#include "synscope/render/render.h"

struct findings_host {
	const char *name; /* as written */
	const char *interface;
	const struct battery *battery;
	const struct firewall_host *host;
	const struct firewall_port *ports; /* by index of the battery's */
	int64_t time_ns;
};

/** The table; with -v the evidence of every claim, with -vv every answer too. */
void findings_table(struct out *out, const struct render_options *o, const struct findings_host *f);
/** One JSON line for the host, one for each port. */
void findings_json(struct out *out, const struct findings_host *f);
/** Hop by hop, for one port: a table, or one JSON line a hop. */
void findings_path(struct out *out, const struct render_options *o, const struct findings_host *f,
		   uint32_t port_index);
void findings_path_json(struct out *out, const struct findings_host *f, uint32_t port_index);

struct findings_end {
	int64_t time_ns;
	int exit_status;
	uint64_t segments, dropped, ifdropped;
	const char *reason; /* or NULL */
};

/** The last JSON line. */
void findings_json_end(struct out *out, const struct findings_end *e);

/* One expectation and what came of it, for the machines of others. */
struct finding {
	char name[300];    /* HOST:PORT */
	char wanted[96];   /* "" without a policy */
	char found[200];   /* in words */
	char differs[200]; /* "": as expected */
	bool inconclusive;
};

/** The differences, one line each, and their count. */
void findings_policy(struct out *out, const struct finding *f, size_t count);
void findings_junit(struct out *out, const struct finding *f, size_t count, double seconds);
void findings_tap(struct out *out, const struct finding *f, size_t count);

#endif

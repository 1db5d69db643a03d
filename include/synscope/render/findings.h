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
	struct ip_addr local, remote;
	const char *interface;
	const struct battery *battery;
	struct firewall_host host;
	const struct firewall_port *ports; /* by index of the battery's */
	int64_t time_ns;
};

/** The table, with -v the evidence of every claim, with -vv every answer. */
void findings_table(struct out *out, const struct render_options *o, const struct findings_host *f);
/** One JSON line a port, one for the host; @p end_line closes the stream. */
void findings_json(struct out *out, const struct findings_host *f);
void findings_json_end(struct out *out, int exit_status, const char *reason, int64_t time_ns);
/** Hop by hop, for one port. */
void findings_path(struct out *out, const struct render_options *o, const struct findings_host *f,
		   uint32_t port_index);
void findings_path_json(struct out *out, const struct findings_host *f, uint32_t port_index);

/* One expectation and what came of it, for the machines of others. */
struct finding {
	char name[POLICY_HOST_MAX + 8]; /* HOST:PORT */
	char wanted[96];
	char differs[200]; /* "": as expected */
	double seconds;
};

void findings_junit(struct out *out, const struct finding *f, size_t count);
void findings_tap(struct out *out, const struct finding *f, size_t count);

#endif

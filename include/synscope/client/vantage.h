/*
 * A place to ask from, towards one host: the route, a guarded port for each question, a
 * capture, a raw socket, and a battery that they serve. `firewall` and `path` share it.
 */
#ifndef SYNSCOPE_CLIENT_VANTAGE_H
#define SYNSCOPE_CLIENT_VANTAGE_H

#include "synscope/client/client.h"
#include "synscope/client/session.h"
#include "synscope/core/battery.h"
#include "synscope/core/policy.h"
#include "synscope/edge/guard.h"
#include "synscope/edge/route.h"

struct vantage;

struct vantage_spec {
	const char *verb;      /* for messages */
	struct target target;  /* its port is not looked at */
	const uint16_t *ports; /* to ask, each once */
	uint32_t ports_count;
	uint16_t control; /* one more that should be closed; 0: none */
	uint8_t plan[ASK_COUNT];
	uint8_t plan_count;
	uint32_t rate;        /* segments a second; 0: no limit */
	uint16_t source_port; /* for ASK_SYN; 0: a free one */
	uint16_t other_port;  /* for ASK_PORT; 0: not asked */
	const char *source;   /* or NULL */
	int guard;            /* enum guard_kind */
	int64_t silent_ns, idle_ns;
	uint8_t hops_max;
	struct session *session; /* shown the packets too, or NULL */
};

/** Find the way and take what needs privilege. @return -1, or the exit status after an error */
must_check int vantage_open(struct vantage **v, const struct vantage_spec *spec);

/**
 * Ask until all is answered, at several places at once.
 * @param deadline_ns monotonic; -1: none
 * @return false when it was cut short: the deadline, a signal, a send that failed
 */
bool vantage_run(struct vantage *const *v, size_t count, int64_t deadline_ns);

const struct battery *vantage_battery(const struct vantage *v);
const struct route *vantage_route(const struct vantage *v);
const struct target *vantage_target(const struct vantage *v);
/** @return 0, or the negative errno of a send that failed, with @p why. */
int vantage_failed(const struct vantage *v, struct fault *why);
/** Add what its capture lost. */
void vantage_add_stats(const struct vantage *v, struct link_stats *stats);
void vantage_close(struct vantage *v);

#endif

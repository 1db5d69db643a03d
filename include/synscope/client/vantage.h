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
	struct target target;  /* its port is not looked at */
	const uint16_t *ports; /* to ask; the control port is added */
	uint32_t ports_count;
	uint16_t control; /* 0: choose one; see no_control */
	bool no_control;
	uint8_t plan[ASK_COUNT];
	uint8_t plan_count;
	uint32_t rate;
	uint16_t source_port; /* for ASK_SYN; 0: a free one */
	uint16_t other_port;  /* for ASK_PORT */
	int guard;            /* enum guard_kind */
	int64_t silent_ns, idle_ns;
	uint8_t hops_max;
	bool show; /* packets go to a session: ladders, -w */
};

/** Find the way and take what needs privilege. @return -1, or the exit status after an error */
must_check int vantage_open(struct vantage **v, const struct vantage_spec *spec);

/**
 * Ask until all is answered, on several places at once.
 * @param deadline_ns monotonic; -1: none. @return false when it was cut short (deadline, signal)
 */
bool vantage_run(struct vantage *const *v, size_t count, int64_t deadline_ns);

const struct battery *vantage_battery(const struct vantage *v);
const struct route *vantage_route(const struct vantage *v);
const struct target *vantage_target(const struct vantage *v);
/** @return 0, or the negative errno of a send that failed, with @p why. */
int vantage_failed(const struct vantage *v, struct fault *why);
/** @return what the capture lost. */
struct link_stats vantage_stats(const struct vantage *v);
/** Finish the files that hold its packets. @return @p status, or that of what failed */
int vantage_finish(struct vantage *v, int status, const char *reason);
void vantage_close(struct vantage *v);

#endif

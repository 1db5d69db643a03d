/* synscope path: one port, hop by hop, beside a port that is surely closed. */
#include "synscope/client/vantage.h"

#include "synscope/client/interrupt.h"
#include "synscope/edge/clock.h"
#include "synscope/render/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOWS_MAX 64
#define RATE_DEFAULT 100

static struct {
	struct opt_u32 source_port, control, hops;
	bool no_control, in_session, mtu, ladder;
	const char *source;
	int guard;
	int64_t interval_ns;
} opt = {.interval_ns = NS_PER_S};

static struct render_options options;

static const char *const guard_choices[] = {"auto", "socket", "nft", "none", NULL};

/* clang-format off */
static const struct opt path_opts[] = {
	{"in-session",   0,  OPT_IS_TRUE,   &opt.in_session,  NULL,   "walk inside a connection, too: text behind a hole, answers by SACK", 0, 0, NULL, NULL},
	{"mtu",          0,  OPT_IS_TRUE,   &opt.mtu,         NULL,   "say as much in a connection as the MTU of our link holds, with DF", 0, 0, NULL, NULL},
	{"hops",         0,  OPT_IS_U32,    &opt.hops,        "N",    "how far to look (20)", 1, BATTERY_HOPS_MAX, NULL, NULL},
	{"interval",     0,  OPT_IS_TIME,   &opt.interval_ns, "T",    "between two to a silent port or hop (1)", 0, 0, NULL, NULL},
	{"control",      0,  OPT_IS_U32,    &opt.control,     "PORT", "one that is surely closed, to compare with (default: a high one)", 1, 65535, NULL, NULL},
	{"no-control",   0,  OPT_IS_TRUE,   &opt.no_control,  NULL,   "without such a port", 0, 0, NULL, NULL},
	{"ladder",       0,  OPT_IS_TRUE,   &opt.ladder,      NULL,   "show the segments, too", 0, 0, NULL, NULL},
	{"source-port", 'g', OPT_IS_U32,    &opt.source_port, "PORT", "where the SYN comes from", 1, 65535, NULL, NULL},
	{"source",       0,  OPT_IS_TEXT,   &opt.source,      "ADDR", "our address", 0, 0, NULL, NULL},
	{"guard",        0,  OPT_IS_CHOICE, &opt.guard,       "HOW",  "keep our kernel quiet by: auto, socket, nft, none", 0, 0, guard_choices, NULL},
};
/* clang-format on */

static uint16_t choose_control(uint16_t port)
{
	uint16_t control;
	if (opt.no_control)
		return 0;
	if (opt.control.given)
		return opt.control.value == port ? 0 : (uint16_t)opt.control.value;
	do {
		clock_random(&control, sizeof control);
		control |= 0xc000;
	} while (control == port);
	return control;
}

static void make_plan(struct vantage_spec *spec)
{
	static const enum question always[] = {ASK_SYN, ASK_WALK, ASK_WALK_ECN, ASK_CLASS,
					       ASK_TALK};
	for (size_t i = 0; i < ARRAY_COUNT(always); i++)
		spec->plan[spec->plan_count++] = (uint8_t)always[i];
	if (opt.mtu)
		spec->plan[spec->plan_count++] = ASK_PMTU;
	if (opt.in_session)
		spec->plan[spec->plan_count++] = ASK_SESSION;
}

static int open_session(struct session **session)
{
	const struct session_spec spec = {
		.exchanges_max = FLOWS_MAX,
		.vantage = "at the client",
		.no_view = !opt.ladder || globals.json,
	};
	if (globals.write_path == NULL && !opt.ladder)
		return -1;
	return session_open(session, &spec);
}

static int status_of(const struct firewall_port *v)
{
	switch (v->verdict) {
	case VERDICT_OPEN:
		return EXIT_EXPECTED;
	case VERDICT_CLOSED:
	case VERDICT_REJECTED:
		return EXIT_OTHERWISE;
	case VERDICT_NONE:
	case VERDICT_FILTERED:
		return EXIT_NO_ANSWER;
	case VERDICT_INCONSISTENT:
		break;
	}
	return EXIT_INCONCLUSIVE;
}

static int tell(struct vantage *v, struct session *session, bool whole)
{
	struct firewall_host host;
	struct firewall_port found[2] = {{.port = 0}};
	struct link_stats stats = {0};
	struct fault why;
	const struct battery *b = vantage_battery(v);
	firewall_judge_host(b, &host);
	for (uint32_t i = 0; i < b->config.ports_count; i++)
		firewall_judge_port(b, &host, i, &found[i], NULL);
	const struct findings_host f = {
		.name = vantage_target(v)->name,
		.interface = vantage_route(v)->interface,
		.battery = b,
		.host = &host,
		.ports = found,
		.time_ns = clock_realtime_ns(),
	};
	int status = status_of(&found[0]);
	const char *reason = NULL;
	if (vantage_failed(v, &why) < 0)
		status = client_fault(vantage_failed(v, &why), &why);
	if (!whole) {
		reason = interrupt_number != 0 ? "interrupted" : "not all was asked";
		status = interrupt_number != 0 ? interrupt_status() : status;
	}
	vantage_add_stats(v, &stats);
	if (session != NULL)
		status = session_finish(session, NULL, status, &stats, reason);
	if (globals.write_path != NULL && strcmp(globals.write_path, "-") == 0)
		return status;
	struct out *out = out_open_fd(STDOUT_FILENO);
	if (out == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	const struct findings_end end = {f.time_ns,     status,          b->sent + b->received,
					 stats.dropped, stats.ifdropped, reason};
	if (globals.json) {
		findings_path_json(out, &f, 0);
		findings_json_end(out, &end);
	} else {
		findings_path(out, &options, &f, 0);
	}
	const int rc = out_commit(out);
	out_close(out);
	return rc < 0 ? client_error(EXIT_OS_ERROR, "cannot write stdout: %s", strerror(-rc))
		      : status;
}

static int walk(struct vantage_spec *spec, struct session *session)
{
	struct vantage *v = NULL;
	struct fault why;
	spec->session = session;
	int rc = vantage_open(&v, spec);
	if (rc < 0 && (privs_drop(&why) < 0 || privs_confine(&why) < 0))
		rc = client_fault(-EPERM, &why);
	if (rc < 0) {
		const int64_t deadline =
			globals.timeout_ns >= 0 ? clock_monotonic_ns() + globals.timeout_ns : -1;
		const bool whole = vantage_run(&v, 1, deadline);
		rc = tell(v, session, whole);
	}
	vantage_close(v);
	return rc;
}

int path_command(int argc, char **argv)
{
	int first;
	struct vantage_spec spec = {.verb = "path"};
	struct session *session = NULL;
	int rc = client_options(argc, argv,
				&(const struct verb){"synscope path [OPTION...] HOST:PORT",
						     "Send a SYN with one hop, two hops ..., all "
						     "of one flow, and tell who answers, "
						     "where it\nends, and what each hop quotes of "
						     "it: what was rewritten, and where. "
						     "Needs CAP_NET_RAW\n(man synscope-path).",
						     path_opts, ARRAY_COUNT(path_opts), false},
				&first);
	if (rc >= 0 || (rc = target_read(&spec.target, argv + first, argc - first)) >= 0)
		return rc;
	const uint16_t port = spec.target.endpoint.port;
	spec.ports = &port;
	spec.ports_count = 1;
	spec.control = choose_control(port);
	spec.rate = RATE_DEFAULT;
	spec.source_port = (uint16_t)opt.source_port.value;
	spec.source = opt.source;
	spec.guard = opt.guard;
	spec.silent_ns = opt.interval_ns;
	spec.hops_max = (uint8_t)(opt.hops.given ? opt.hops.value : BATTERY_HOPS_MAX);
	make_plan(&spec);
	if ((rc = open_session(&session)) >= 0)
		return rc;
	terminal_options(&options); /* asks for the locale: not when confined */
	interrupt_catch();
	rc = walk(&spec, session);
	session_close(session);
	return rc;
}

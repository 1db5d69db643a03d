/*
 * synscope firewall: targets and policies, then everything that needs privilege, then the
 * questions, then what they mean. The asking is vantage's, the judging core/firewall's.
 */
#include "synscope/client/vantage.h"

#include "synscope/client/interrupt.h"
#include "synscope/edge/clock.h"
#include "synscope/render/findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOSTS_MAX 32
#define LINES_MAX 4096
#define LINE_BYTES_MAX 1024
#define THOROUGH_PORTS_MAX 16 /* more of them are asked the SYN only, unless --probe says so */
#define FLOWS_MAX 4096        /* of --ladder and -w */
#define RATE_DEFAULT 100

static struct {
	struct opt_u32 rate, source_port, other_port, control, hops;
	bool no_control, ladder;
	const char *probe, *source, *expect, *write_policy, *junit, *tap;
	int guard;
	int64_t idle_ns, interval_ns;
} opt = {.idle_ns = -1, .interval_ns = NS_PER_S};

static const char *const guard_choices[] = {"auto", "socket", "nft", "none", NULL};

/* clang-format off */
static const struct opt firewall_opts[] = {
	{"probe",        0,  OPT_IS_TEXT,   &opt.probe,        "LIST", "questions, by name, or all (default: a sensible set; with more than 16 ports syn only)", 0, 0, NULL, NULL},
	{"rate",         0,  OPT_IS_U32,    &opt.rate,         "N",    "segments a second at most; 0: as fast as they go (100)", 0, 10000000, NULL, NULL},
	{"interval",     0,  OPT_IS_TIME,   &opt.interval_ns,  "T",    "between two to a silent port (1)", 0, 0, NULL, NULL},
	{"expect",       0,  OPT_IS_TEXT,   &opt.expect,       "FILE", "compare with a policy: exit 0 if all is so, 1 if not", 0, 0, NULL, NULL},
	{"write-policy", 0,  OPT_IS_TEXT,   &opt.write_policy, "FILE", "record what was found as a policy", 0, 0, NULL, NULL},
	{"junit",        0,  OPT_IS_TEXT,   &opt.junit,        "FILE", "a test report in JUnit's XML", 0, 0, NULL, NULL},
	{"tap",          0,  OPT_IS_TEXT,   &opt.tap,          "FILE", "a test report in TAP, - for stdout instead of the table", 0, 0, NULL, NULL},
	{"ladder",       0,  OPT_IS_TRUE,   &opt.ladder,       NULL,   "show the segments of every question, too", 0, 0, NULL, NULL},
	{"control",      0,  OPT_IS_U32,    &opt.control,      "PORT", "one that is surely closed, to compare with (default: a high one)", 1, 65535, NULL, NULL},
	{"no-control",   0,  OPT_IS_TRUE,   &opt.no_control,   NULL,   "without such a port", 0, 0, NULL, NULL},
	{"hops",         0,  OPT_IS_U32,    &opt.hops,         "N",    "how far to look for hops (16)", 1, BATTERY_HOPS_MAX, NULL, NULL},
	{"idle",         0,  OPT_IS_TIME,   &opt.idle_ns,      "T",    "how long does a silent connection live? T is the longest to try", 0, 0, NULL, NULL},
	{"source-port", 'g', OPT_IS_U32,    &opt.source_port,  "PORT", "where the SYN comes from", 1, 65535, NULL, NULL},
	{"other-port",   0,  OPT_IS_U32,    &opt.other_port,   "PORT", "ask once more from this port: 53, 80 ...", 1, 65535, NULL, NULL},
	{"source",       0,  OPT_IS_TEXT,   &opt.source,       "ADDR", "our address", 0, 0, NULL, NULL},
	{"guard",        0,  OPT_IS_CHOICE, &opt.guard,        "HOW",  "keep our kernel quiet by: auto, socket, nft, none", 0, 0, guard_choices, NULL},
};
/* clang-format on */

/* One host and its ports. */
struct subject {
	struct target target;
	uint16_t *ports;
	uint32_t ports_count;
	struct vantage *vantage;
	struct firewall_host host;
	struct firewall_port *found;
};

static struct {
	struct subject subjects[HOSTS_MAX];
	size_t subjects_count;
	struct policy_line *lines;
	size_t lines_count;
	struct session *session;
	struct out *table, *policy, *junit, *tap;
	struct render_options options;
	int64_t begun_ns;
} run;

/* --- whom to ask -------------------------------------------------------------------------------
 */

/* The subject of an address; the same for two names of it. */
static int find_subject(struct subject **s, const char *host)
{
	struct target t = {.scope_id = 0};
	snprintf(t.name, sizeof t.name, "%s", host);
	const int rc = target_resolve(&t, host);
	if (rc >= 0)
		return rc;
	for (size_t i = 0; i < run.subjects_count; i++)
		if (ip_addr_equal(&run.subjects[i].target.endpoint.addr, &t.endpoint.addr)) {
			*s = &run.subjects[i];
			return -1;
		}
	if (run.subjects_count == HOSTS_MAX)
		return client_error(EXIT_BAD_USAGE, "%s: more than %d hosts", host, HOSTS_MAX);
	*s = &run.subjects[run.subjects_count++];
	(*s)->target = t;
	return -1;
}

static int add_ports(struct subject *s, const struct port_ranges *r)
{
	if (s->ports == NULL)
		s->ports = calloc(UINT16_MAX, sizeof *s->ports);
	if (s->ports == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	bool *known = calloc(UINT16_MAX + 1, sizeof *known);
	if (known == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	for (uint32_t i = 0; i < s->ports_count; i++)
		known[s->ports[i]] = true;
	for (unsigned i = 0; i < r->count; i++)
		for (uint32_t p = r->range[i].first; p <= r->range[i].last; p++) {
			if (!known[p])
				s->ports[s->ports_count++] = (uint16_t)p;
			known[p] = true;
		}
	free(known);
	return -1;
}

static int add_target(const char *word)
{
	char host[256];
	char ports[512];
	struct port_ranges ranges;
	struct subject *s;
	const char *wrong = target_split(word, host, sizeof host, ports, sizeof ports);
	if (wrong == NULL && ports[0] == '\0')
		wrong = strchr(host, ':') != NULL && word[0] != '['
				? "ambiguous: write [ADDRESS]:PORTS"
				: "the ports are missing: HOST:PORTS, such as host:22,80-89";
	if (wrong == NULL)
		wrong = port_ranges_parse(&ranges, ports);
	if (wrong != NULL)
		return client_error(EXIT_BAD_USAGE, "%s: %s", word, wrong);
	const int rc = find_subject(&s, host);
	return rc >= 0 ? rc : add_ports(s, &ranges);
}

/* --- the policy
 * ------------------------------------------------------------------------------------ */

static int read_policy_lines(FILE *file)
{
	char text[LINE_BYTES_MAX];
	char wrong[POLICY_WRONG_MAX];
	for (uint32_t number = 1; fgets(text, sizeof text, file) != NULL; number++) {
		struct policy_line *l = &run.lines[run.lines_count];
		text[strcspn(text, "\n")] = '\0';
		l->number = number;
		switch (policy_parse(l, text, wrong, sizeof wrong)) {
		case POLICY_NOTHING:
			continue;
		case POLICY_WRONG:
			return client_error(EXIT_BAD_DATA, "%s:%u: %s", opt.expect, number, wrong);
		case POLICY_LINE:
			break;
		}
		if (++run.lines_count == LINES_MAX)
			return client_error(EXIT_BAD_DATA, "%s: more than %d lines", opt.expect,
					    LINES_MAX - 1);
	}
	return run.lines_count > 0 ? -1
				   : client_error(EXIT_BAD_DATA, "%s: no policy in it", opt.expect);
}

static int read_policy(void)
{
	if (opt.expect == NULL)
		return -1;
	run.lines = calloc(LINES_MAX, sizeof *run.lines);
	if (run.lines == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	FILE *file = fopen(opt.expect, "re");
	if (file == NULL)
		return client_error(errno == EACCES ? EXIT_NO_PERMISSION : EXIT_NO_INPUT,
				    "cannot read %s: %s", opt.expect, strerror(errno));
	const int rc = read_policy_lines(file);
	fclose(file);
	return rc;
}

/* Without targets of its own the command asks what the policy names. */
static int ask_policy(void)
{
	for (size_t i = 0; i < run.lines_count; i++) {
		struct subject *s;
		int rc = find_subject(&s, run.lines[i].host);
		if (rc < 0)
			rc = add_ports(s, &run.lines[i].ports);
		if (rc >= 0)
			return rc;
	}
	return -1;
}

static bool is_of(const struct policy_line *l, const struct subject *s)
{
	struct ip_addr a;
	if (strcmp(l->host, s->target.name) == 0)
		return true;
	return ip_addr_parse(&a, l->host) && ip_addr_equal(&a, &s->target.endpoint.addr);
}

/* --- what to ask
 * -------------------------------------------------------------------------------------- */

static void plan_add(struct vantage_spec *spec, enum question q)
{
	for (unsigned i = 0; i < spec->plan_count; i++)
		if (spec->plan[i] == q)
			return;
	spec->plan[spec->plan_count++] = (uint8_t)q;
}

/* Those that need an option to make sense are left out of "all" without it. */
static bool makes_sense(enum question q)
{
	return (q != ASK_PORT || opt.other_port.given) && (q != ASK_IDLE || opt.idle_ns >= 0);
}

static int plan_list(struct vantage_spec *spec, const char *list)
{
	char name[32];
	for (const char *at = list; *at != '\0';) {
		const size_t count = strcspn(at, ",");
		snprintf(name, sizeof name, "%.*s", (int)count, at);
		at += count + (at[count] == ',' ? 1 : 0);
		const enum question q = question_find(name);
		if (q == ASK_COUNT)
			return client_error(
				EXIT_BAD_USAGE,
				"--probe %s: no such question; man synscope-firewall has "
				"them",
				name);
		if (!makes_sense(q))
			return client_error(EXIT_BAD_USAGE, "--probe %s: needs --%s", name,
					    q == ASK_PORT ? "other-port" : "idle");
		plan_add(spec, q);
	}
	return -1;
}

/* The SYN first, since others depend on it; then the walk, which tells how far the host is. */
static int make_plan(struct vantage_spec *spec, bool many)
{
	const bool all = opt.probe != NULL && strcmp(opt.probe, "all") == 0;
	plan_add(spec, ASK_SYN);
	if (opt.probe != NULL && !all)
		return plan_list(spec, opt.probe);
	if (!many || all)
		plan_add(spec, ASK_WALK);
	for (int q = 0; q < ASK_COUNT; q++) {
		if (!makes_sense((enum question)q))
			continue;
		if (all || (!many && battery_rows[q].default_on) || q == ASK_PORT || q == ASK_IDLE)
			plan_add(spec, (enum question)q);
	}
	return -1;
}

/* A port that nobody should listen on, among those that nobody asks about. */
static uint16_t choose_control(const struct subject *s)
{
	if (opt.no_control || s->ports_count >= UINT16_MAX)
		return 0;
	for (;;) {
		uint16_t port;
		bool taken = false;
		clock_random(&port, sizeof port);
		port |= 0xc000;
		for (uint32_t i = 0; i < s->ports_count; i++)
			taken |= s->ports[i] == port;
		if (!taken)
			return port;
		if (s->ports_count > UINT16_MAX - 0xc000)
			return 0;
	}
}

static int open_subject(struct subject *s)
{
	struct vantage_spec spec = {
		.verb = "firewall",
		.target = s->target,
		.ports = s->ports,
		.ports_count = s->ports_count,
		.control = opt.control.given && !opt.no_control ? (uint16_t)opt.control.value
								: choose_control(s),
		.rate = opt.rate.given ? opt.rate.value : RATE_DEFAULT,
		.source_port = (uint16_t)opt.source_port.value,
		.other_port = (uint16_t)opt.other_port.value,
		.source = opt.source,
		.guard = opt.guard,
		.silent_ns = opt.interval_ns,
		.idle_ns = opt.idle_ns,
		.hops_max = (uint8_t)(opt.hops.given ? opt.hops.value : 16),
		.session = run.session,
	};
	for (uint32_t i = 0; i < s->ports_count; i++)
		if (s->ports[i] == spec.control)
			spec.control = 0;
	int rc = make_plan(&spec, s->ports_count > THOROUGH_PORTS_MAX);
	if (rc < 0)
		rc = vantage_open(&s->vantage, &spec);
	if (rc >= 0)
		return rc;
	s->found = calloc(s->ports_count + 1, sizeof *s->found);
	return s->found != NULL ? -1 : client_error(EXIT_OS_ERROR, "out of memory");
}

/* --- outputs
 * ---------------------------------------------------------------------------------------------- */

static int open_output(struct out **out, const char *path)
{
	if (path == NULL)
		return -1;
	if (strcmp(path, "-") == 0) {
		*out = out_open_fd(STDOUT_FILENO);
		return *out != NULL ? -1 : client_error(EXIT_OS_ERROR, "out of memory");
	}
	const int rc = out_open_file(out, path, false);
	return rc < 0 ? client_error(rc == -EACCES ? EXIT_NO_PERMISSION : EXIT_OS_ERROR,
				     "cannot write %s: %s", path, strerror(-rc))
		      : -1;
}

static int close_output(struct out *out, const char *path, int status)
{
	if (out == NULL)
		return status;
	const int rc = out_commit(out);
	out_close(out);
	return rc < 0 ? client_error(EXIT_OS_ERROR, "cannot write %s: %s", path, strerror(-rc))
		      : status;
}

static int open_outputs(void)
{
	const bool tap_only = opt.tap != NULL && strcmp(opt.tap, "-") == 0;
	int rc;
	if (tap_only && globals.json)
		return client_error(EXIT_BAD_USAGE, "--tap - and -j both want stdout");
	if ((rc = open_output(&run.policy, opt.write_policy)) >= 0 ||
	    (rc = open_output(&run.junit, opt.junit)) >= 0 ||
	    (rc = open_output(&run.tap, opt.tap)) >= 0)
		return rc;
	const bool stdout_taken =
		tap_only || (globals.write_path != NULL && strcmp(globals.write_path, "-") == 0);
	if (!stdout_taken && (rc = open_output(&run.table, "-")) >= 0)
		return rc;
	if (globals.write_path == NULL && !opt.ladder)
		return -1;
	const struct session_spec spec = {
		.exchanges_max = FLOWS_MAX,
		.vantage = "at the client",
		.no_view = !opt.ladder || globals.json || tap_only,
	};
	return session_open(&run.session, &spec);
}

/* --- what was found
 * --------------------------------------------------------------------------------------- */

static void judge(struct subject *s)
{
	const struct battery *b = vantage_battery(s->vantage);
	firewall_judge_host(b, &s->host);
	for (uint32_t i = 0; i < b->config.ports_count; i++)
		firewall_judge_port(b, &s->host, i, &s->found[i], NULL);
}

static void show(struct subject *s)
{
	const struct findings_host f = {
		.name = s->target.name,
		.interface = vantage_route(s->vantage)->interface,
		.battery = vantage_battery(s->vantage),
		.host = &s->host,
		.ports = s->found,
		.time_ns = clock_realtime_ns(),
	};
	if (run.table == NULL)
		return;
	if (globals.json)
		findings_json(run.table, &f);
	else
		findings_table(run.table, &run.options, &f);
}

static void record(const struct subject *s)
{
	char text[512];
	if (run.policy == NULL)
		return;
	for (uint32_t i = 0; i < s->ports_count; i++)
		out_printf(run.policy, "%s\n",
			   policy_format(s->target.name, &s->found[i], text, sizeof text));
}

static struct finding finding_of(const struct subject *s, const struct firewall_port *v)
{
	struct finding f = {.inconclusive = v->verdict == VERDICT_INCONSISTENT};
	char box[96];
	char how[64];
	const bool v6 = strchr(s->target.name, ':') != NULL;
	snprintf(f.name, sizeof f.name, "%s%s%s:%u", v6 ? "[" : "", s->target.name, v6 ? "]" : "",
		 v->port);
	snprintf(f.found, sizeof f.found, "%s by %s (%s)", verdict_name(v->verdict),
		 firewall_box_format(v, box, sizeof box),
		 firewall_manner_format(v, how, sizeof how));
	return f;
}

/* Each port beside the last line of the policy that names it: later lines overrule. */
static void compare(const struct subject *s, struct finding *findings, size_t *count)
{
	for (uint32_t i = 0; i < s->ports_count; i++) {
		const struct firewall_port *v = &s->found[i];
		const struct policy_line *l = NULL;
		for (size_t k = 0; k < run.lines_count; k++)
			if (is_of(&run.lines[k], s) &&
			    port_ranges_has(&run.lines[k].ports, v->port))
				l = &run.lines[k];
		if (l == NULL && opt.expect != NULL)
			continue;
		struct finding *f = &findings[(*count)++];
		*f = finding_of(s, v);
		if (l == NULL)
			continue;
		policy_wanted_format(l, f->wanted, sizeof f->wanted);
		(void)policy_compare(l, v, f->differs, sizeof f->differs);
	}
}

/* Without a policy: whether anything answered, and whether it made sense. */
static int plain_status(void)
{
	bool answered = false;
	bool odd = false;
	for (size_t i = 0; i < run.subjects_count; i++)
		for (uint32_t k = 0; k < run.subjects[i].ports_count; k++) {
			const enum verdict v = run.subjects[i].found[k].verdict;
			answered |=
				v == VERDICT_OPEN || v == VERDICT_CLOSED || v == VERDICT_REJECTED;
			odd |= v == VERDICT_INCONSISTENT;
		}
	return odd ? EXIT_INCONCLUSIVE : answered ? EXIT_EXPECTED : EXIT_NO_ANSWER;
}

static int report_findings(void)
{
	size_t room = 1;
	size_t count = 0;
	size_t different = 0;
	if (opt.expect == NULL && run.junit == NULL && run.tap == NULL)
		return plain_status();
	for (size_t i = 0; i < run.subjects_count; i++)
		room += run.subjects[i].ports_count;
	struct finding *findings = calloc(room, sizeof *findings);
	if (findings == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	for (size_t i = 0; i < run.subjects_count; i++)
		compare(&run.subjects[i], findings, &count);
	for (size_t i = 0; i < count; i++)
		different += findings[i].differs[0] != '\0';
	const double seconds = (double)(clock_monotonic_ns() - run.begun_ns) / 1e9;
	if (opt.expect != NULL && run.table != NULL && !globals.json)
		findings_policy(run.table, findings, count);
	if (run.junit != NULL)
		findings_junit(run.junit, findings, count, seconds);
	if (run.tap != NULL)
		findings_tap(run.tap, findings, count);
	free(findings);
	return opt.expect == NULL ? plain_status() : different > 0 ? EXIT_OTHERWISE : EXIT_EXPECTED;
}

static int finish(bool whole)
{
	struct link_stats stats = {0};
	struct fault why;
	const char *reason = NULL;
	uint64_t segments = 0;
	int status = report_findings();
	for (size_t i = 0; i < run.subjects_count; i++) {
		const struct vantage *v = run.subjects[i].vantage;
		vantage_add_stats(v, &stats);
		segments += vantage_battery(v)->sent + vantage_battery(v)->received;
		if (vantage_failed(v, &why) < 0)
			status = client_fault(vantage_failed(v, &why), &why);
	}
	if (!whole) {
		reason = interrupt_number != 0 ? "interrupted" : "not all was asked";
		status = interrupt_number != 0     ? interrupt_status()
			 : status == EXIT_EXPECTED ? EXIT_INCONCLUSIVE
						   : status;
	}
	if (stats.dropped > 0)
		client_note("%llu packets did not fit the capture's buffer: silence may be ours",
			    (unsigned long long)stats.dropped);
	if (run.session != NULL)
		status = session_finish(run.session, NULL, status, &stats, reason);
	const struct findings_end end = {clock_realtime_ns(), status,          segments,
					 stats.dropped,       stats.ifdropped, reason};
	if (globals.json && run.table != NULL)
		findings_json_end(run.table, &end);
	status = close_output(run.policy, opt.write_policy, status);
	status = close_output(run.junit, opt.junit, status);
	status = close_output(run.tap, opt.tap, status);
	return close_output(run.table, "stdout", status);
}

static int ask_all(void)
{
	struct vantage *vantages[HOSTS_MAX];
	struct fault why;
	for (size_t i = 0; i < run.subjects_count; i++) {
		const int rc = open_subject(&run.subjects[i]);
		if (rc >= 0)
			return rc;
		vantages[i] = run.subjects[i].vantage;
	}
	if (privs_drop(&why) < 0 || privs_confine(&why) < 0)
		return client_fault(-EPERM, &why);
	run.begun_ns = clock_monotonic_ns();
	const int64_t deadline = globals.timeout_ns >= 0 ? run.begun_ns + globals.timeout_ns : -1;
	const bool whole = vantage_run(vantages, run.subjects_count, deadline);
	for (size_t i = 0; i < run.subjects_count; i++) {
		judge(&run.subjects[i]);
		if (i > 0 && run.table != NULL && !globals.json)
			out_text(run.table, "\n");
		show(&run.subjects[i]);
		record(&run.subjects[i]);
	}
	return finish(whole);
}

int firewall_command(int argc, char **argv)
{
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){"synscope firewall [OPTION...] HOST:PORTS...",
				     "Ask ports in many ways, and tell what stands before them: "
				     "who answers, how it "
				     "refuses,\nwhat state it keeps, what it rewrites and fakes. "
				     "PORTS is a list such "
				     "as 22,80-89.\nNeeds CAP_NET_RAW (man synscope-firewall).",
				     firewall_opts, ARRAY_COUNT(firewall_opts), false},
		&first);
	if (rc >= 0 || (rc = read_policy()) >= 0)
		return rc;
	for (int i = first; i < argc && rc < 0; i++)
		rc = add_target(argv[i]);
	if (rc < 0 && first >= argc)
		rc = opt.expect != NULL
			     ? ask_policy()
			     : client_error(EXIT_BAD_USAGE, "no target: HOST:PORTS is missing");
	if (rc < 0)
		rc = open_outputs();
	if (rc >= 0)
		return rc;
	terminal_options(&run.options); /* asks for the locale: not when confined */
	interrupt_catch();
	rc = ask_all();
	session_close(run.session);
	for (size_t i = 0; i < run.subjects_count; i++) {
		vantage_close(run.subjects[i].vantage);
		free(run.subjects[i].ports);
		free(run.subjects[i].found);
	}
	free(run.lines);
	return rc;
}

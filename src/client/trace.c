/*
 * synscope trace: options, then everything that needs privilege in one run of lines
 * (open_wire), then privilege is given up, and only then is the first segment sent.
 */
#include "trace_internal.h"

#include "synscope/client/actor.h"

#include "synscope/edge/clock.h"
#include "synscope/edge/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (256u * 1024)
#define RECEIVE_BUFFER_BYTES (1024u * 1024)
#define TIMEOUT_DEFAULT_NS (30 * NS_PER_S)
#define RUNS_MAX 1000

static struct trace_options opt = {
	.rto_ns = NS_PER_S,
	.wait_ns = -1,
	.delay_ns = NS_PER_S,
	.fin_wait_ns = 3 * NS_PER_S,
};

static const char *const close_choices[] = {"fin", "rst", "none", NULL};
static const char *const guard_choices[] = {"auto", "socket", "nft", "none", NULL};
static const char *const expect_choices[] = {"open", "closed", "rejected", "filtered", NULL};

static const char *take_flags(void *context, const char *text)
{
	struct trace_options *o = context;
	o->has_flags = tcp_flags_parse(&o->flags, text);
	return o->has_flags ? NULL : "flags such as SYN,ECE or SE or 0xc2";
}

static const char *take_truth(void *context, const char *text)
{
	struct trace_options *o = context;
	o->truth = true;
	o->truth_netns = text;
	return NULL;
}

/* clang-format off */
static const struct opt trace_opts[] = {
	{"data-string", 0,  OPT_IS_TEXT,   &opt.data_text,   "TEXT", "say this once open; \\r \\n \\t \\xHH are understood", 0, 0, NULL, NULL},
	{"data",        0,  OPT_IS_TEXT,   &opt.data_hex,    "HEX",  "the same as hexadecimal", 0, 0, NULL, NULL},
	{"data-file",   0,  OPT_IS_TEXT,   &opt.data_file,   "FILE", "the same from a file", 0, 0, NULL, NULL},
	{"save",        0,  OPT_IS_TEXT,   &opt.save_path,   "FILE", "write what the server says to a file", 0, 0, NULL, NULL},
	{"close",       0,  OPT_IS_CHOICE, &opt.close,       "HOW",  "fin, rst, or none: leave it to the server until --timeout", 0, 0, close_choices, NULL},
	{"wait",        0,  OPT_IS_TIME,   &opt.wait_ns,     "T",    "close after so much silence (default: none without data; else 2 s, or 100 ms and 4 round trips after an answer)", 0, 0, NULL, NULL},
	{"fin-wait",    0,  OPT_IS_TIME,   &opt.fin_wait_ns, "T",    "reset if the server has not closed this long after us (3)", 0, 0, NULL, NULL},
	{"time-wait",   0,  OPT_IS_TIME,   &opt.time_wait_ns, "T",   "stay in TIME-WAIT this long (0)", 0, 0, NULL, NULL},
	{"expect",      0,  OPT_IS_CHOICE, &opt.expect,      "WHAT", "open, closed, rejected or filtered: exit 0 if so", 0, 0, expect_choices, NULL},
	{"count",      'c', OPT_IS_U32,    &opt.count,       "N",    "so many exchanges, one after the other", 1, RUNS_MAX, NULL, NULL},
	{"delay",       0,  OPT_IS_TIME,   &opt.delay_ns,    "T",    "between them (1)", 0, 0, NULL, NULL},
	{"isn",         0,  OPT_IS_U32,    &opt.isn,         "N",    "our initial sequence number (default: random)", 0, UINT32_MAX, NULL, NULL},
	{"source-port", 'g', OPT_IS_U32,   &opt.source_port, "PORT", "our port (default: a free one, reserved)", 1, 65535, NULL, NULL},
	{"source",      0,  OPT_IS_TEXT,   &opt.source,      "ADDR", "our address (default: what the route says)", 0, 0, NULL, NULL},
	{"mss",         0,  OPT_IS_U32,    &opt.mss,         "N",    "announce this maximum segment size", 1, 65535, NULL, NULL},
	{"no-mss",      0,  OPT_IS_TRUE,   &opt.no_mss,      NULL,   "announce none", 0, 0, NULL, NULL},
	{"wscale",      0,  OPT_IS_U32,    &opt.wscale,      "N",    "offer this window scale (7)", 0, 14, NULL, NULL},
	{"no-wscale",   0,  OPT_IS_TRUE,   &opt.no_wscale,   NULL,   "offer none", 0, 0, NULL, NULL},
	{"ts",          0,  OPT_IS_TRUE,   &opt.ts,          NULL,   "offer timestamps (the default)", 0, 0, NULL, NULL},
	{"no-ts",       0,  OPT_IS_TRUE,   &opt.no_ts,       NULL,   "offer none", 0, 0, NULL, NULL},
	{"sack",        0,  OPT_IS_TRUE,   &opt.sack,        NULL,   "offer SACK (the default)", 0, 0, NULL, NULL},
	{"no-sack",     0,  OPT_IS_TRUE,   &opt.no_sack,     NULL,   "offer none", 0, 0, NULL, NULL},
	{"ecn",         0,  OPT_IS_TRUE,   &opt.ecn,         NULL,   "ask for ECN", 0, 0, NULL, NULL},
	{"tcp-options", 0,  OPT_IS_TEXT,   &opt.tcp_options_hex, "HEX", "these bytes as the options of the SYN", 0, 0, NULL, NULL},
	{"window",      0,  OPT_IS_U32,    &opt.window,      "N",    "receive window in bytes (1 MiB)", 1, 1u << 30, NULL, NULL},
	{"flags",       0,  OPT_IS_CALL,   &opt,             "LIST", "flags of the opening segment; without SYN alone: one segment, no connection", 0, 0, NULL, take_flags},
	{"ack",         0,  OPT_IS_U32,    &opt.ack,         "N",    "with --flags: the acknowledgement number", 0, UINT32_MAX, NULL, NULL},
	{"ttl",         0,  OPT_IS_U32,    &opt.ttl,         "N",    "time to live, hop limit (64)", 1, 255, NULL, NULL},
	{"tos",         0,  OPT_IS_U32,    &opt.tos,         "N",    "TOS byte, traffic class", 0, 255, NULL, NULL},
	{"ip-id",       0,  OPT_IS_U32,    &opt.ip_id,       "N",    "IPv4 identification", 0, 65535, NULL, NULL},
	{"flow-label",  0,  OPT_IS_U32,    &opt.flow_label,  "N",    "IPv6 flow label", 0, 0xfffff, NULL, NULL},
	{"badsum",      0,  OPT_IS_TRUE,   &opt.bad_checksum, NULL,  "wrong TCP checksums: only a box that does not check them answers", 0, 0, NULL, NULL},
	{"rto",         0,  OPT_IS_TIME,   &opt.rto_ns,      "T",    "first retransmission time-out (1); it doubles", 0, 0, NULL, NULL},
	{"max-retries", 0,  OPT_IS_U32,    &opt.max_retries, "N",    "so many repetitions of the SYN (2), and of anything later (6)", 0, 20, NULL, NULL},
	{"guard",       0,  OPT_IS_CHOICE, &opt.guard,       "KIND", "how to keep our kernel quiet: auto, socket, nft or none", 0, 0, guard_choices, NULL},
	{"truth",       0,  OPT_IS_TRUE,   &opt.truth,       NULL,   "in a lab: show the kernel's own state beside the inferred one", 0, 0, NULL, NULL},
	{"truth-netns", 0,  OPT_IS_CALL,   &opt,             "PATH", "the same, of this network namespace (/proc/PID/ns/net)", 0, 0, NULL, take_truth},
	{"ask",         0,  OPT_IS_TRUE,   &opt.ask,         NULL,   "where the server's state is only expected, ask: an ACK that changes nothing and whose answer proves", 0, 0, NULL, NULL},
	{"cookies",     0,  OPT_IS_TRUE,   &opt.assume_cookies, NULL, "take it that the server uses SYN cookies", 0, 0, NULL, NULL},
};
/* clang-format on */

static int read_words(struct trace *t)
{
	if (opt.tcp_options_hex != NULL) {
		const long count =
			payload_hex(opt.tcp_options_hex, t->raw_options, sizeof t->raw_options);
		if (count < 0)
			return client_error(
				EXIT_BAD_USAGE,
				"--tcp-options %s: should be at most 40 bytes as pairs of "
				"hexadecimal digits",
				opt.tcp_options_hex);
		t->raw_options_bytes = (uint8_t)count;
	}
	if (opt.count.given && opt.count.value > 1 && opt.source_port.given)
		return client_error(EXIT_BAD_USAGE,
				    "-c with --source-port: each exchange needs a port of its own");
	if (opt.rto_ns < NS_PER_MS)
		return client_error(EXIT_BAD_USAGE, "--rto: should be at least 1ms");
	return payload_read(&t->data, opt.data_text, opt.data_hex, opt.data_file);
}

/* --- where, and everything that needs privilege ------------------------------ */

static int find_route(struct trace *t)
{
	struct route_query query = {.destination = t->target.endpoint.addr,
				    .scope_id = t->target.scope_id,
				    .interface = globals.interface};
	if (opt.source != NULL && !ip_addr_parse(&query.source, opt.source))
		return client_error(EXIT_BAD_USAGE, "--source %s: should be an IP address",
				    opt.source);
	if (opt.source != NULL && query.source.family != query.destination.family)
		return client_error(EXIT_BAD_USAGE,
				    "--source %s: not of the target's address family", opt.source);
	if (ip_addr_is_multicast(&query.destination))
		return client_error(EXIT_BAD_USAGE, "%s: TCP has no multicast", t->target.name);
	const int rc = route_find(&query, &t->route, &t->why);
	return rc < 0 ? client_fault(rc, &t->why) : -1;
}

static int open_guard(struct trace *t, struct run *r)
{
	const struct guard_spec spec = {
		.kind = (enum guard_kind)opt.guard,
		.local = r->local,
		.scope_id = t->route.scope_id,
		.remote = r->remote,
	};
	const int rc = guard_arm(&r->guard, &spec, &t->why);
	if (rc < 0)
		return client_fault(rc, &t->why);
	r->local.port = guard_port(r->guard);
	return -1;
}

static int open_capture(struct trace *t, struct capture **capture)
{
	char filter[1024];
	const struct run *r = &t->runs[0];
	if (t->runs_count == 1) {
		capture_filter_for(&r->local, &r->remote, filter, sizeof filter);
	} else {
		const struct endpoint any = {.addr = r->local.addr, .port = 0};
		capture_filter_for(&any, &r->remote, filter, sizeof filter);
	}
	const struct capture_spec spec = {.interface = t->route.interface, .filter = filter};
	const int rc = capture_open(capture, &spec, &t->why);
	return rc < 0 ? client_fault(rc, &t->why) : -1;
}

static int open_truth(struct trace *t)
{
	if (!opt.truth)
		return -1;
	const char *netns =
		opt.truth_netns != NULL ? opt.truth_netns : getenv("SYNSCOPE_LAB_SERVER_NETNS");
	if (netns == NULL && !t->route.local)
		return client_error(EXIT_BAD_USAGE,
				    "--truth: only in a lab (synscope lab run client -- synscope "
				    "trace ...), for "
				    "this host's own addresses, or with --truth-netns");
	const int rc = sockdiag_open(
		&t->sockdiag, t->route.local && opt.truth_netns == NULL ? NULL : netns, &t->why);
	return rc < 0 ? client_fault(rc, &t->why) : -1;
}

static int open_save(struct trace *t)
{
	if (opt.save_path == NULL)
		return -1;
	t->save = fopen(opt.save_path, "wb");
	if (t->save == NULL)
		return client_error(errno == EACCES ? EXIT_NO_PERMISSION : EXIT_OS_ERROR,
				    "cannot write %s: %s", opt.save_path, strerror(errno));
	return -1;
}

/* All that needs privilege, in order: guard before capture before the first segment. */
static int open_wire(struct trace *t)
{
	struct craft *craft = NULL;
	struct capture *capture = NULL;
	int rc;
	if (!privs_have(PRIVILEGE_NET_RAW))
		return client_no_privilege("trace", PRIVILEGE_NET_RAW);
	for (uint32_t i = 0; i < t->runs_count; i++)
		if ((rc = open_guard(t, &t->runs[i])) >= 0)
			return rc;
	if ((rc = open_capture(t, &capture)) >= 0)
		return rc;
	rc = craft_open(&craft, (enum ip_family)t->route.source.family, t->route.interface,
			&t->why);
	if (rc < 0) {
		capture_close(capture);
		return client_fault(rc, &t->why);
	}
	rc = link_open_live(&t->link, craft, capture, &t->why);
	if (rc < 0)
		return client_fault(rc, &t->why);
	if ((rc = open_truth(t)) >= 0)
		return rc;
	if ((rc = open_save(t)) >= 0)
		return rc;
	if (privs_drop(&t->why) < 0 || privs_confine(&t->why) < 0)
		return client_fault(-EPERM, &t->why);
	return -1;
}

/* --- the exchanges ------------------------------------------------------------ */

static bool opens_connection(void)
{
	/* SYN, perhaps with ECN bits or PSH/URG: the machine carries it. All else is one shot. */
	return !opt.has_flags || (opt.flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)) == TCP_SYN;
}

static bool prepare_machine(const struct trace *t, struct run *r)
{
	const uint32_t headers = t->route.source.family == IP_V4 ? 40 : 60;
	const uint32_t room =
		t->route.mtu_bytes > headers + 64 ? t->route.mtu_bytes - headers : 536;
	const uint32_t mss = room < 65495 ? room : 65495;
	const uint32_t window = opt.window.given ? opt.window.value : RECEIVE_BUFFER_BYTES;
	r->machine = calloc(1, machine_size());
	r->send_buffer = malloc(SEND_BUFFER_BYTES);
	r->receive_buffer = malloc(window);
	if (r->machine == NULL || r->send_buffer == NULL || r->receive_buffer == NULL)
		return false;
	const struct machine_config config = {
		.local = r->local,
		.remote = r->remote,
		.isn = seq_of(opt.isn.value),
		.mss = (uint16_t)(opt.mss.given ? opt.mss.value : mss),
		.mtu_payload = (uint16_t)(mss + 20 < 65535 ? mss + 20 : 65535),
		.use_mss = !opt.no_mss,
		.use_wscale = !opt.no_wscale,
		.use_timestamps = !opt.no_ts,
		.use_sack = !opt.no_sack,
		.use_ecn = opt.ecn,
		.wscale = (uint8_t)(opt.wscale.given ? opt.wscale.value : 7),
		.ts_offset = t->ts_offset,
		.send_buffer = r->send_buffer,
		.send_buffer_bytes = SEND_BUFFER_BYTES,
		.receive_buffer = r->receive_buffer,
		.receive_buffer_bytes = window,
		.rto_initial_ns = opt.rto_ns,
		.rto_min_ns = opt.rto_ns < 200 * NS_PER_MS ? opt.rto_ns : 200 * NS_PER_MS,
		.rto_max_ns = 60 * NS_PER_S,
		.syn_retries_max = opt.max_retries.given ? opt.max_retries.value : 2,
		.retries_max = opt.max_retries.given ? opt.max_retries.value : 6,
		.time_wait_ns = 60 * NS_PER_S,
		.syn_flags_extra = (uint16_t)(opt.has_flags ? opt.flags & ~TCP_SYN : 0),
	};
	machine_init(r->machine, &config);
	return true;
}

static void forget_machine(struct run *r)
{
	free(r->machine);
	free(r->send_buffer);
	free(r->receive_buffer);
	r->machine = NULL;
	r->send_buffer = r->receive_buffer = NULL;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* Every exchange in turn. @return the worst of their statuses */
static int run_all(struct trace *t)
{
	const enum verdict wanted[] = {VERDICT_OPEN, VERDICT_CLOSED, VERDICT_REJECTED,
				       VERDICT_FILTERED};
	int status = EXIT_EXPECTED;
	for (uint32_t i = 0; i < t->runs_count; i++) {
		struct run *r = &t->runs[i];
		if (i > 0 && t->options.delay_ns > 0)
			interrupt_wait(NULL, 0, clock_monotonic_ns() + t->options.delay_ns);
		if (!opt.isn.given)
			clock_random(&opt.isn.value, sizeof opt.isn.value);
		t->options.isn.value = opt.isn.value;
		t->deadline_ns =
			clock_monotonic_ns() +
			(globals.timeout_ns >= 0 ? globals.timeout_ns : TIMEOUT_DEFAULT_NS);
		r->sent.slots = malloc(
			SENT_MAX * sizeof *r->sent.slots); /* kept: its segments may come late */
		if (r->sent.slots == NULL || (opens_connection() && !prepare_machine(t, r)))
			return client_error(EXIT_OS_ERROR, "out of memory");
		const bool go_on = trace_run(t, r);
		const struct event_verdict v = verdict_of(r, wanted[opt.expect]);
		if (v.verdict != VERDICT_NONE)
			pipeline_verdict(
				session_pipeline(t->session),
				pipeline_find(session_pipeline(t->session), &r->local, &r->remote),
				&v, clock_realtime_ns());
		status = worse(status, verdict_status(&v));
		forget_machine(r);
		if (!go_on)
			break;
	}
	return status;
}

static int finish(struct trace *t, int status)
{
	struct link_stats stats;
	struct event_flow guard = {.has_guard = true,
				   .guard_kind = guard_kind_text(t->runs[0].guard)};
	const char *reason = NULL;
	for (uint32_t i = 0; i < t->runs_count; i++)
		guard.guard_absorbed += guard_absorbed(t->runs[i].guard);
	link_stats(t->link, &stats);
	if (interrupt_number != 0) {
		status = interrupt_status();
		reason = "interrupted";
	} else if (t->failed != 0) {
		status = client_fault(t->failed, &t->why);
		reason = "a segment could not be sent";
	}
	if (t->save != NULL && fclose(t->save) != 0)
		status = client_error(EXIT_OS_ERROR, "cannot write %s: %s", opt.save_path,
				      strerror(errno));
	return session_finish(t->session, &guard, status, &stats, reason);
}

static int open_session(struct trace *t)
{
	const struct session_spec spec = {
		.hooks = {.context = t,
			  .is_own = trace_is_own,
			  .own_segment = trace_own_segment,
			  .own_icmp = trace_own_icmp},
		.own_is_client = true,
		.exchanges_max = t->runs_count,
		.server_name = t->target.name,
		.interface = t->route.interface,
		.vantage = "at the client",
		.live = true,
		.truth = opt.truth,
		.assume_cookies = opt.assume_cookies,
	};
	return session_open(&t->session, &spec);
}

static int prepare_runs(struct trace *t)
{
	t->runs_count = opt.count.given ? opt.count.value : 1;
	t->runs = calloc(t->runs_count, sizeof *t->runs);
	if (t->runs == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	for (uint32_t i = 0; i < t->runs_count; i++) {
		t->runs[i].remote = t->target.endpoint;
		t->runs[i].local.addr = t->route.source;
		t->runs[i].local.port = (uint16_t)opt.source_port.value;
	}
	clock_random(&t->ts_offset, sizeof t->ts_offset);
	return -1;
}

int trace_command(int argc, char **argv)
{
	static struct trace t;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope trace [OPTION...] HOST:PORT",
			"Open a TCP connection out of hand-built segments, say something, "
			"close it, and tell\n"
			"the story of both ends. Needs CAP_NET_RAW; CAP_NET_ADMIN helps "
			"(man synscope-trace).",
			trace_opts, ARRAY_COUNT(trace_opts), false},
		&first);
	if (rc >= 0 || (rc = target_read(&t.target, argv + first, argc - first)) >= 0 ||
	    (rc = read_words(&t)) >= 0)
		return rc;
	t.options = opt;
	if ((rc = find_route(&t)) >= 0 || (rc = prepare_runs(&t)) >= 0 ||
	    (rc = open_session(&t)) >= 0)
		return rc;
	interrupt_catch();
	rc = open_wire(&t);
	if (rc < 0)
		rc = finish(&t, run_all(&t));
	/* Not link_close(): taking the capture down takes 25 ms, and leaving does it anyway. */
	session_close(t.session);
	return rc;
}

/*
 * synscope listen: options, then everything that needs privilege in one run of lines
 * (open_wire), then privilege is given up, and only then is the first segment answered.
 */
#include "listen_internal.h"

#include "synscope/edge/clock.h"
#include "synscope/edge/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (256u * 1024)
#define RECEIVE_BUFFER_BYTES (256u * 1024)
#define CLIENTS_MAX_DEFAULT 10000
#define BACKLOG_DEFAULT 1024
#define PARKED_MAX 64
#define SNAP_BYTES 65600
/* A frame takes a slot of its interface's MTU, 64 KB on lo and where all are captured: 40000 of
 * Ethernet, 1000 of the others. */
#define CAPTURE_BYTES (64u << 20)

static struct listen_options opt = {
	.rto_ns = NS_PER_S,
	.late_ns = 3 * NS_PER_S,
	.time_wait_ns = 60 * NS_PER_S,
	.fin_wait_ns = 60 * NS_PER_S,
};

static const char *const close_choices[] = {"fin", "rst", "none", NULL};
static const char *const guard_choices[] = {"auto", "socket", "nft", "none", NULL};
static const char *const as_choices[] = {"open", "closed", "silent", "late", "stateless", NULL};

static const char *take_drop(void *context, const char *text)
{
	return trouble_parse(context, TROUBLE_DROP, text, 0);
}

static const char *take_dup(void *context, const char *text)
{
	return trouble_parse(context, TROUBLE_DUP, text, 0);
}

static const char *take_reorder(void *context, const char *text)
{
	return trouble_parse(context, TROUBLE_REORDER, text, 0);
}

static const char *take_badsum(void *context, const char *text)
{
	return trouble_parse(context, TROUBLE_BADSUM, text, 0);
}

static const char *take_wrong_ack(void *context, const char *text)
{
	return trouble_parse(context, TROUBLE_WRONG_ACK, text, 0);
}

/* "SYNACK:1=300ms", or a time alone: everything. */
static const char *take_delay(void *context, const char *text)
{
	char which[64] = "ANY";
	int64_t delay_ns;
	const char *equals = strchr(text, '=');
	if (equals != NULL && (size_t)(equals - text) < sizeof which) {
		memcpy(which, text, (size_t)(equals - text));
		which[equals - text] = '\0';
	}
	if (!opts_time(&delay_ns, equals != NULL ? equals + 1 : text))
		return "a time, or which segments and a time: SYNACK:1=300ms";
	return trouble_parse(context, TROUBLE_DELAY, which, delay_ns);
}

/* clang-format off */
static const struct opt listen_opts[] = {
	{"serve",       0,  OPT_IS_TEXT,   &opt.serve,       "WHAT", "echo, http (the default), sink, source, chargen; or a file, to be fetched by http", 0, 0, NULL, NULL},
	{"data-string", 0,  OPT_IS_TEXT,   &opt.data_text,   "TEXT", "say this first to every client; \\r \\n \\t \\xHH are understood", 0, 0, NULL, NULL},
	{"data",        0,  OPT_IS_TEXT,   &opt.data_hex,    "HEX",  "the same as hexadecimal", 0, 0, NULL, NULL},
	{"data-file",   0,  OPT_IS_TEXT,   &opt.data_file,   "FILE", "the same from a file", 0, 0, NULL, NULL},
	{"close",       0,  OPT_IS_CHOICE, &opt.close,       "HOW",  "fin, rst, or none: leave it to the client", 0, 0, close_choices, NULL},
	{"once",        0,  OPT_IS_TRUE,   &opt.once,        NULL,   "end when the first connection has ended", 0, 0, NULL, NULL},
	{"max-clients", 0,  OPT_IS_U32,    &opt.max_clients, "N",    "connections at once (10000); further SYNs are not answered", 1, 100000, NULL, NULL},
	{"backlog",     0,  OPT_IS_U32,    &opt.backlog,     "N",    "half-open ones among them (1024); further SYNs are answered by SYN cookies", 0, 100000, NULL, NULL},
	{"as",          0,  OPT_IS_CHOICE, &opt.as,          "WHAT", "be open, closed (RST), silent, late (see --late), stateless (SYN cookies for all)", 0, 0, as_choices, NULL},
	{"late",        0,  OPT_IS_TIME,   &opt.late_ns,     "T",    "with --as late: answer a SYN after this long (3)", 0, 0, NULL, NULL},
	{"drop",        0,  OPT_IS_CALL,   &opt.trouble,     "WHICH", "do not send these: SYNACK:1, ACK:2-3, DATA:5-, FIN, RST, ANY; counted in each connection", 0, 0, NULL, take_drop},
	{"dup",         0,  OPT_IS_CALL,   &opt.trouble,     "WHICH", "send these twice", 0, 0, NULL, take_dup},
	{"reorder",     0,  OPT_IS_CALL,   &opt.trouble,     "WHICH", "send these after the one that follows", 0, 0, NULL, take_reorder},
	{"delay",       0,  OPT_IS_CALL,   &opt.trouble,     "WHICH=T", "send these so much later; a time alone: all of them", 0, 0, NULL, take_delay},
	{"badsum",      0,  OPT_IS_CALL,   &opt.trouble,     "WHICH", "send these with a wrong TCP checksum", 0, 0, NULL, take_badsum},
	{"wrong-ack",   0,  OPT_IS_CALL,   &opt.trouble,     "WHICH", "let these acknowledge 1000 more than was received", 0, 0, NULL, take_wrong_ack},
	{"zero-window", 0,  OPT_IS_TIME,   &opt.zero_window_ns, "T", "keep the window closed for so long, from the SYN,ACK on", 0, 0, NULL, NULL},
	{"split-handshake", 0, OPT_IS_TRUE, &opt.split_handshake, NULL, "answer a SYN by a SYN: both ends open", 0, 0, NULL, NULL},
	{"rst-after",   0,  OPT_IS_U32,    &opt.rst_after,   "N",    "reset the connection after so many bytes, both ways together", 0, UINT32_MAX, NULL, NULL},
	{"isn",         0,  OPT_IS_U32,    &opt.isn,         "N",    "initial sequence number of every connection (default: by clock and hash)", 0, UINT32_MAX, NULL, NULL},
	{"mss",         0,  OPT_IS_U32,    &opt.mss,         "N",    "announce this maximum segment size", 1, 65535, NULL, NULL},
	{"no-mss",      0,  OPT_IS_TRUE,   &opt.no_mss,      NULL,   "announce none", 0, 0, NULL, NULL},
	{"wscale",      0,  OPT_IS_U32,    &opt.wscale,      "N",    "agree with this window scale (7)", 0, 14, NULL, NULL},
	{"no-wscale",   0,  OPT_IS_TRUE,   &opt.no_wscale,   NULL,   "agree to none", 0, 0, NULL, NULL},
	{"no-ts",       0,  OPT_IS_TRUE,   &opt.no_ts,       NULL,   "agree to no timestamps", 0, 0, NULL, NULL},
	{"no-sack",     0,  OPT_IS_TRUE,   &opt.no_sack,     NULL,   "agree to no SACK", 0, 0, NULL, NULL},
	{"ecn",         0,  OPT_IS_TRUE,   &opt.ecn,         NULL,   "agree to ECN", 0, 0, NULL, NULL},
	{"window",      0,  OPT_IS_U32,    &opt.window,      "N",    "receive window in bytes (256 KiB)", 1, 1u << 24, NULL, NULL},
	{"ttl",         0,  OPT_IS_U32,    &opt.ttl,         "N",    "time to live, hop limit (64)", 1, 255, NULL, NULL},
	{"tos",         0,  OPT_IS_U32,    &opt.tos,         "N",    "TOS byte, traffic class", 0, 255, NULL, NULL},
	{"rto",         0,  OPT_IS_TIME,   &opt.rto_ns,      "T",    "first retransmission time-out (1); it doubles", 0, 0, NULL, NULL},
	{"max-retries", 0,  OPT_IS_U32,    &opt.max_retries, "N",    "so many repetitions of the SYN,ACK (5), and of anything later (8)", 0, 20, NULL, NULL},
	{"fin-wait",    0,  OPT_IS_TIME,   &opt.fin_wait_ns, "T",    "reset a client that has not closed this long after us (60)", 0, 0, NULL, NULL},
	{"time-wait",   0,  OPT_IS_TIME,   &opt.time_wait_ns, "T",   "stay in TIME-WAIT this long (60)", 0, 0, NULL, NULL},
	{"guard",       0,  OPT_IS_CHOICE, &opt.guard,       "KIND", "how to keep our kernel quiet: auto, socket, nft or none", 0, 0, guard_choices, NULL},
};
/* clang-format on */

/* --- what to say ------------------------------------------------------------------ */

/* Mapped, so that of a large file only what is being sent takes memory. */
static int map_file(struct listen *l, const char *path)
{
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		const int error = fd < 0 ? errno : EINVAL;
		if (fd >= 0)
			close(fd);
		return client_error(error == EACCES ? EXIT_NO_PERMISSION : EXIT_NO_INPUT,
				    "--serve %s: %s (or one of echo http sink source chargen)",
				    path, fd < 0 ? strerror(error) : "no file to be read");
	}
	void *at = MAP_FAILED;
	if (st.st_size > 0)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (st.st_size > 0 && at == MAP_FAILED)
		return client_error(EXIT_OS_ERROR, "--serve %s: %s", path, strerror(errno));
	l->content.body = st.st_size > 0 ? at : (const uint8_t *)"";
	l->content.body_bytes = (uint64_t)st.st_size;
	l->content.body_type = "application/octet-stream";
	return -1;
}

static int read_words(struct listen *l)
{
	l->serve = SERVE_HTTP;
	int rc = -1;
	if (opt.rto_ns < NS_PER_MS)
		return client_error(EXIT_BAD_USAGE, "--rto: should be at least 1ms");
	if (opt.serve != NULL && !serve_kind_parse(&l->serve, opt.serve))
		rc = map_file(l, opt.serve);
	if (rc < 0)
		rc = payload_read(&l->greeting, opt.data_text, opt.data_hex, opt.data_file);
	l->content.greeting = l->greeting.data;
	l->content.greeting_bytes = l->greeting.bytes;
	return rc;
}

/* --- the listener's memory ------------------------------------------------------------ */

static uint32_t power_of_two_from(uint32_t n)
{
	uint32_t p = 2;
	while (p < n)
		p *= 2;
	return p;
}

static struct machine_config machine_config(void)
{
	const int64_t rto_min_ns = 200 * NS_PER_MS;
	struct machine_config config = {
		.isn = seq_of(opt.isn.value),
		.mss = (uint16_t)(opt.mss.given ? opt.mss.value : 0),
		.use_mss = !opt.no_mss,
		.use_wscale = !opt.no_wscale,
		.use_timestamps = !opt.no_ts,
		.use_sack = !opt.no_sack,
		.use_ecn = opt.ecn,
		.wscale = (uint8_t)(opt.wscale.given ? opt.wscale.value : 7),
		.send_buffer_bytes = SEND_BUFFER_BYTES,
		.receive_buffer_bytes = opt.window.given ? opt.window.value : RECEIVE_BUFFER_BYTES,
		.rto_initial_ns = opt.rto_ns,
		.rto_min_ns = opt.rto_ns < rto_min_ns ? opt.rto_ns : rto_min_ns,
		.rto_max_ns = 60 * NS_PER_S,
		.syn_retries_max = opt.max_retries.given ? opt.max_retries.value : 5,
		.retries_max = opt.max_retries.given ? opt.max_retries.value : 8,
		.time_wait_ns = opt.time_wait_ns,
		.tail_probe = true,
	};
	clock_random(&config.ts_offset, sizeof config.ts_offset);
	return config;
}

static int prepare_listener(struct listen *l)
{
	const uint32_t count = opt.max_clients.given ? opt.max_clients.value : CLIENTS_MAX_DEFAULT;
	struct listener_config *config = &l->config;
	*config = (struct listener_config){
		.machine = machine_config(),
		.as = (enum listener_as)opt.as,
		.has_isn = opt.isn.given,
		.late_ns = opt.late_ns,
		.zero_window_ns = opt.zero_window_ns,
		.split_handshake = opt.split_handshake,
		.trouble = opt.trouble,
		.freed = listen_freed,
		.context = l,
		.connections_max = count,
		.half_open_max = opt.backlog.given ? opt.backlog.value : BACKLOG_DEFAULT,
		.index_count = power_of_two_from(2 * count),
		.parked_max = PARKED_MAX,
	};
	clock_random(&config->key, sizeof config->key);
	config->connections = calloc(count, sizeof *config->connections);
	config->index = calloc(config->index_count, sizeof *config->index);
	config->heap = calloc(count, sizeof *config->heap);
	config->parked = calloc(PARKED_MAX, sizeof *config->parked);
	l->clients = calloc(count, sizeof *l->clients);
	l->sent_slots = calloc(SENT_MAX, sizeof *l->sent_slots);
	l->buffers_bytes = (size_t)count * (config->machine.send_buffer_bytes +
					    config->machine.receive_buffer_bytes);
	/* Promised, not reserved: a page is there from the first byte in it. */
	config->buffers = mmap(NULL, l->buffers_bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (config->connections == NULL || config->index == NULL || config->heap == NULL ||
	    config->parked == NULL || l->clients == NULL || l->sent_slots == NULL ||
	    !story_init(l, count + EXCHANGES_EXTRA) || config->buffers == MAP_FAILED)
		return client_error(EXIT_OS_ERROR, "out of memory for %u clients (--max-clients)",
				    count);
	l->sent = (struct sent_log){.slots = l->sent_slots, .slots_count = SENT_MAX};
	listener_init(&l->listener, config);
	return -1;
}

/* --- where, and everything that needs privilege ---------------------------------------- */

static int no_privilege(enum privilege p)
{
	return client_error(
		EXIT_NO_PERMISSION,
		"listen needs %s. Any of: sudo synscope listen ...; sudo setcap "
		"cap_net_raw,cap_net_admin=ep on the program; synscope lab run server -- synscope "
		"listen ... (needs no privilege)",
		privilege_name(p));
}

static int find_host(struct listen *l)
{
	const struct ip_addr *a = &l->target.endpoint.addr;
	const int rc = route_host_find(&l->host, &l->why);
	if (rc < 0)
		return client_fault(rc, &l->why);
	if (ip_addr_is_multicast(a))
		return client_error(EXIT_BAD_USAGE, "%s: TCP has no multicast", l->target.name);
	if (a->family != IP_NONE && !ip_addr_is_unspecified(a) && !route_host_has(&l->host, a))
		return client_error(EXIT_UNAVAILABLE, "%s is not an address of this host",
				    l->target.name);
	if (globals.interface == NULL || strcmp(globals.interface, "any") == 0)
		return -1;
	l->interface_index = if_nametoindex(globals.interface);
	if (l->interface_index == 0)
		return client_error(EXIT_UNAVAILABLE, "no interface %s", globals.interface);
	return -1;
}

static int open_guard(struct listen *l, enum ip_family family, struct guard **guard)
{
	struct guard_spec spec = {
		.kind = (enum guard_kind)opt.guard,
		.local = l->target.endpoint,
		.scope_id = l->target.scope_id,
	};
	const bool both = spec.local.addr.family == IP_NONE;
	if (!both && spec.local.addr.family != family)
		return -1;
	spec.local.addr.family = family;
	const int rc = guard_arm(guard, &spec, &l->why);
	if (rc == -EAFNOSUPPORT && both && family == IP_V6)
		return -1; /* a kernel without IPv6 */
	return rc < 0 ? client_fault(rc, &l->why) : -1;
}

static int open_capture(struct listen *l, struct capture **capture)
{
	char filter[1024];
	capture_filter_listen(&l->target.endpoint, filter, sizeof filter);
	const struct capture_spec spec = {
		.interface = l->interface_index == 0 ? "any" : globals.interface,
		.filter = filter,
		.snap_bytes = SNAP_BYTES,
		.buffer_bytes = CAPTURE_BYTES,
	};
	const int rc = capture_open(capture, &spec, &l->why);
	return rc < 0 ? client_fault(rc, &l->why) : -1;
}

/* All that needs privilege, in order: guard before capture before anybody is told. */
static int open_wire(struct listen *l)
{
	struct craft *craft = NULL;
	struct capture *capture = NULL;
	int rc;
	if (!privs_have(PRIVILEGE_NET_RAW))
		return no_privilege(PRIVILEGE_NET_RAW);
	if ((rc = open_guard(l, IP_V4, &l->guard[0])) >= 0 ||
	    (rc = open_guard(l, IP_V6, &l->guard[1])) >= 0 || (rc = open_capture(l, &capture)) >= 0)
		return rc;
	rc = craft_open(&craft, (enum ip_family)l->target.endpoint.addr.family,
			l->interface_index == 0 ? NULL : globals.interface, &l->why);
	if (rc < 0) {
		capture_close(capture);
		return client_fault(rc, &l->why);
	}
	rc = link_open_live(&l->link, craft, capture, &l->why);
	if (rc < 0)
		return client_fault(rc, &l->why);
	if (privs_drop(&l->why) < 0 || privs_confine(&l->why) < 0)
		return client_fault(-EPERM, &l->why);
	return -1;
}

/* --- the whole ------------------------------------------------------------------------- */

static int open_session(struct listen *l)
{
	const struct session_spec spec = {
		.hooks = {.context = l,
			  .is_own = listen_is_own,
			  .own_segment = listen_own_segment,
			  .own_icmp = listen_own_icmp,
			  .own_begins = listen_own_begins,
			  .follow = story_follow,
			  .make_room = story_make_room},
		.exchanges_max = l->listener.config.connections_max + EXCHANGES_EXTRA,
		.interface = l->interface_index == 0 ? "any" : globals.interface,
		.vantage = "at the server",
		.live = true,
	};
	return session_open(&l->session, &spec);
}

static void say_ready(const struct listen *l)
{
	char at[ENDPOINT_TEXT_MAX];
	const struct endpoint *here = &l->target.endpoint;
	if (here->addr.family == IP_NONE)
		snprintf(at, sizeof at, "port %u of every address", here->port);
	else
		endpoint_format(here, at, sizeof at);
	client_note("synscope: listening on %s, %s, by hand (our kernel is kept quiet by: %s)", at,
		    l->content.body != NULL ? opt.serve : serve_kind_name(l->serve),
		    guard_kind_text(l->guard[0] != NULL ? l->guard[0] : l->guard[1]));
}

static int finish(struct listen *l)
{
	struct link_stats stats;
	const struct event_flow guard = story_guard(l);
	const char *reason = NULL;
	int status = l->listener.counts.opened > 0 ? EXIT_EXPECTED : EXIT_NO_ANSWER;
	link_stats(l->link, &stats);
	if (interrupt_number != 0) {
		status = interrupt_status();
		reason = "interrupted";
	}
	status = session_finish(l->session, &guard, status, &stats, reason);
	story_counts(l);
	return status;
}

int listen_command(int argc, char **argv)
{
	static struct listen l;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope listen [OPTION...] [ADDRESS:]PORT",
			"Be the server: answer real clients with hand-built segments, with no "
			"kernel "
			"socket behind\n"
			"them, and tell the story of both ends. Needs CAP_NET_RAW; CAP_NET_ADMIN "
			"helps\n"
			"(man synscope-listen).",
			listen_opts, ARRAY_COUNT(listen_opts), false},
		&first);
	if (rc >= 0 || (rc = target_read_local(&l.target, argv + first, argc - first)) >= 0 ||
	    (rc = read_words(&l)) >= 0)
		return rc;
	l.options = opt;
	if ((rc = find_host(&l)) >= 0 || (rc = prepare_listener(&l)) >= 0 ||
	    (rc = open_session(&l)) >= 0)
		return rc;
	interrupt_catch();
	l.deadline_ns =
		globals.timeout_ns >= 0 ? clock_monotonic_ns() + globals.timeout_ns : INT64_MAX;
	rc = open_wire(&l);
	if (rc < 0) {
		say_ready(&l);
		listen_run(&l);
		rc = finish(&l);
	}
	session_close(l.session);
	return rc;
}

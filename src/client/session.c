#include "synscope/client/session.h"

#include "synscope/client/client.h"
#include "synscope/client/step.h"
#include "synscope/edge/community.h"
#include "synscope/render/pcap.h"
#include "synscope/render/redact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define OUTPUTS_MAX (4 + SVG_STEPS_MAX)

struct output {
	const struct renderer *renderer;
	struct render *render;
	struct out *out;
	const char *path; /* NULL: stdout */
};

#define POOL_BYTES_LEAST ((size_t)1 << 20)
#define POOL_BYTES_EACH 1024
#define POOL_BYTES_MOST ((size_t)128 << 20)

struct session {
	struct pipeline pipeline;
	struct exchange *exchanges;
	void *pool; /* memory of the beliefs */
	struct flow_index *index;
	struct render_options options;
	struct output outputs[OUTPUTS_MAX];
	size_t outputs_count;
	char *paths[OUTPUTS_MAX]; /* of outputs, where the name was made here; owned */
	uint32_t only_flow;
	struct redact redact;
	struct step *step; /* in place of a view; or NULL */
	struct utsname uname;
};

static void hear(void *context, const struct event *e)
{
	struct session *s = context;
	if (s->only_flow != 0 && e->flow_id != 0 && e->flow_id != s->only_flow)
		return;
	if (globals.redact)
		e = redact_event(&s->redact, e);
	if (s->step != NULL)
		step_event(s->step, e);
	for (size_t i = 0; i < s->outputs_count; i++) {
		const struct output *o = &s->outputs[i];
		/* -qq: of a view, the verdict only. */
		if (globals.quiet > 1 && o->renderer->is_view && e->type != EVENT_VERDICT &&
		    e->type != EVENT_END)
			continue;
		o->renderer->event(o->render, e);
	}
}

/* @param path NULL or "-": stdout; else borrowed */
static int add_output(struct session *s, const char *renderer, const char *path, bool live)
{
	struct output *o = &s->outputs[s->outputs_count];
	o->renderer = renderer_find(renderer);
	o->path = path;
	if (path == NULL || strcmp(path, "-") == 0) {
		o->out = out_open_fd(STDOUT_FILENO);
		o->path = NULL;
	} else {
		const int rc = out_open_file(&o->out, path, live);
		if (rc < 0)
			return client_error(rc == -EACCES ? EXIT_NO_PERMISSION : EXIT_OS_ERROR,
					    "cannot write %s: %s", path, strerror(-rc));
	}
	if (o->out != NULL)
		o->render = o->renderer->open(o->out, &s->options);
	if (o->render == NULL) {
		out_close(o->out);
		return client_error(EXIT_OS_ERROR, "out of memory");
	}
	s->outputs_count++;
	return -1;
}

/* The form of a file is told by its name. */
static const char *form_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	if (dot != NULL && (strcmp(dot, ".pcap") == 0 || strcmp(dot, ".cap") == 0))
		return "pcap";
	if ((dot != NULL && strcmp(dot, ".pcapng") == 0) || strcmp(path, "-") == 0)
		return "pcapng";
	return NULL;
}

/* A series of pictures "x-01.svg", "x-02.svg" ... beside "x.svg". Files are opened before the
 * first byte of others is read, and none can be later: those that are not needed do not appear. */
static int open_steps(struct session *s)
{
	const char *dot = strrchr(globals.svg_path, '.');
	const int stem = (int)(dot - globals.svg_path);
	int rc = -1;
	for (uint32_t i = 1; i <= globals.svg_steps.value && rc < 0; i++) {
		char *path = NULL;
		if (asprintf(&path, "%.*s-%02u.svg", stem, globals.svg_path, i) < 0)
			return client_error(EXIT_OS_ERROR, "out of memory");
		s->options.until = i;
		s->paths[s->outputs_count] = path;
		rc = add_output(s, "svg", path, false);
	}
	s->options.until = 0;
	return rc;
}

/* The pictures and pages: they are drawn when all is known, so they are never live. */
static int open_pictures(struct session *s)
{
	const char *dot = globals.svg_path == NULL ? NULL : strrchr(globals.svg_path, '.');
	int rc = -1;
	if (globals.svg_path != NULL && (dot == NULL || strcmp(dot, ".svg") != 0))
		return client_error(EXIT_BAD_USAGE, "--svg %s: the name should end in .svg",
				    globals.svg_path);
	if (globals.svg_steps.given && globals.svg_path == NULL)
		return client_error(EXIT_BAD_USAGE, "--svg-steps: of which --svg FILE?");
	if (globals.svg_path != NULL)
		rc = add_output(s, "svg", globals.svg_path, false);
	if (rc < 0 && globals.svg_steps.given)
		rc = open_steps(s);
	if (rc < 0 && globals.html_path != NULL)
		rc = add_output(s, "html", globals.html_path, false);
	return rc;
}

static int open_step(struct session *s, const char *view)
{
	struct fault why;
	if (globals.json || !isatty(STDOUT_FILENO))
		return client_error(EXIT_BAD_USAGE,
				    "--step: standard output should be a terminal, and without -j");
	const int rc =
		step_open(&s->step, &s->options, view,
			  s->options.command == NULL ? "synscope" : s->options.command, &why);
	return rc < 0 ? client_fault(rc, &why) : -1;
}

static int open_outputs(struct session *s, bool live, bool no_view)
{
	static const char *const views[] = {"ladder", "rfc", "ledger", "lines"};
	const bool stdout_taken =
		globals.write_path != NULL && strcmp(globals.write_path, "-") == 0;
	int rc;
	if (globals.write_path != NULL) {
		const char *form = form_of(globals.write_path);
		if (form == NULL)
			return client_error(EXIT_BAD_USAGE,
					    "-w %s: the name should end in .pcapng or .pcap",
					    globals.write_path);
		if (stdout_taken && globals.json)
			return client_error(EXIT_BAD_USAGE, "-w - and -j both want stdout");
		if (stdout_taken && isatty(STDOUT_FILENO))
			return client_error(
				EXIT_BAD_USAGE,
				"-w -: stdout is a terminal; send it to a pipe or a file");
		rc = add_output(s, form, globals.write_path, live);
		if (rc >= 0)
			return rc;
	}
	rc = open_pictures(s);
	if (rc >= 0 || ((stdout_taken || no_view) && !globals.step))
		return rc;
	if (globals.step)
		return open_step(s, views[globals.view]);
	return add_output(s, globals.json ? "json" : views[globals.view], NULL, live);
}

static uint32_t power_of_two_from(uint32_t n)
{
	uint32_t p = 2;
	while (p < n)
		p *= 2;
	return p;
}

/* Few exchanges need few shapes; what is not used of it is never touched. */
static size_t pool_bytes_for(uint32_t exchanges)
{
	const size_t bytes = POOL_BYTES_LEAST + (size_t)exchanges * POOL_BYTES_EACH;
	return bytes < POOL_BYTES_MOST ? bytes : POOL_BYTES_MOST;
}

int session_open(struct session **session, const struct session_spec *spec)
{
	struct session *s = calloc(1, sizeof *s);
	*session = NULL;
	if (s == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	const uint32_t index_count = power_of_two_from(2 * spec->exchanges_max);
	s->exchanges = calloc(spec->exchanges_max, sizeof *s->exchanges);
	const size_t pool_bytes = pool_bytes_for(spec->exchanges_max);
	s->pool = malloc(pool_bytes);
	s->index = calloc(index_count, sizeof *s->index);
	if (s->exchanges == NULL || s->pool == NULL || s->index == NULL) {
		session_close(s);
		return client_error(EXIT_OS_ERROR, "out of memory for %u flows",
				    spec->exchanges_max);
	}
	terminal_options(&s->options);
	s->options.live = spec->live;
	s->options.truth = spec->truth;
	if (uname(&s->uname) == 0 && !globals.redact)
		s->options.hardware = s->uname.machine;
	if (globals.redact)
		s->options.command = NULL;
	s->only_flow = spec->only_flow;
	struct pipeline_config config = {
		.hooks = spec->hooks,
		.exchanges = s->exchanges,
		.exchanges_max = spec->exchanges_max,
		.pool = belief_pool_init(s->pool, pool_bytes),
		.index = s->index,
		.index_count = index_count,
		.client_name = spec->client_name,
		.server_name = spec->server_name,
		.interface = spec->interface,
		.vantage = spec->vantage,
		.community_id = community_id_format,
		.assume_cookies = spec->assume_cookies,
		.own_is_client = spec->own_is_client,
	};
	config.hooks.event = hear;
	config.hooks.event_context = s;
	pipeline_init(&s->pipeline, &config);
	const int rc = open_outputs(s, spec->live, spec->no_view);
	if (rc >= 0) {
		session_close(s);
		return rc;
	}
	*session = s;
	return -1;
}

struct pipeline *session_pipeline(struct session *s)
{
	return &s->pipeline;
}

void session_interface(struct session *s, const char *interface)
{
	s->pipeline.config.interface = interface;
}

void session_frame(struct session *s, const struct link_frame *frame,
		   const struct pipeline_truth *truth)
{
	const struct pipeline_frame f = {
		.time_ns = frame->time_ns,
		.pcap_count = frame->number,
		.link_type = frame->link_type,
		.data = frame->data,
		.captured_bytes = frame->captured_bytes,
		.wire_bytes = frame->wire_bytes,
		.hint = frame->hint,
		.truth = truth,
	};
	pipeline_frame(&s->pipeline, &f);
}

struct step *session_step(struct session *s)
{
	return s->step;
}

bool session_gone(const struct session *s)
{
	if (s->step != NULL)
		return false;
	for (size_t i = 0; i < s->outputs_count; i++)
		if (!out_is_gone(s->outputs[i].out))
			return false;
	return true;
}

uint64_t session_segments(const struct session *s)
{
	return s->pipeline.segments;
}

/* A file that is not whole is not kept quiet about. */
static void tell_left_out(const struct output *o)
{
	if (strcmp(o->renderer->name, "pcap") != 0)
		return;
	const uint64_t left_out = pcap_file_left_out(o->render);
	if (left_out > 0)
		client_note("%s: %" PRIu64 " packet%s of another link type left out, of which a "
			    ".pcap has one; a .pcapng takes all",
			    o->path, left_out, left_out == 1 ? "" : "s");
}

int session_finish(struct session *s, const struct event_flow *guard, int status,
		   const struct link_stats *stats, const char *reason)
{
	const struct event_end end = {
		.exit_status = status,
		.complete = reason == NULL,
		.capture_dropped = stats->dropped,
		.capture_ifdropped = stats->ifdropped,
		.reason = reason,
	};
	pipeline_finish(&s->pipeline, guard, &end);
	if (s->step != NULL && reason == NULL && !step_browse(s->step))
		status = EXIT_INTERRUPTED;
	for (size_t i = 0; i < s->outputs_count; i++) {
		struct output *o = &s->outputs[i];
		const int rc = out_commit(o->out);
		tell_left_out(o);
		if (rc < 0)
			status = client_error(EXIT_OS_ERROR, "cannot write %s: %s",
					      o->path != NULL ? o->path : "stdout", strerror(-rc));
	}
	return status;
}

void session_close(struct session *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->outputs_count; i++) {
		s->outputs[i].renderer->close(s->outputs[i].render);
		out_close(s->outputs[i].out);
	}
	for (size_t i = 0; i < OUTPUTS_MAX; i++)
		free(s->paths[i]);
	redact_reset(&s->redact);
	step_close(s->step);
	free(s->pool);
	free(s->exchanges);
	free(s->index);
	free(s);
}

/* synscope doctor: what this machine allows, each thing tried, with the remedy. */
#include "synscope/client/client.h"
#include "synscope/edge/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *word(enum probe_result r)
{
	switch (r) {
	case PROBE_YES:
		return "yes";
	case PROBE_NO:
		return "no";
	case PROBE_LIMITED:
		return "partly";
	}
	return "?";
}

/* Text after column @p at, wrapped to the width. */
static void print_wrapped(const char *text, int at, int width)
{
	int column = at;
	while (*text != '\0') {
		const int count = (int)strcspn(text, " ");
		if (column > at && column + 1 + count > width) {
			printf("\n%*s", at, "");
			column = at;
		}
		column += printf(column > at ? " %.*s" : "%.*s", count, text);
		text += count;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_json(const struct probe_report *r)
{
	struct out *o = out_open_fd(STDOUT_FILENO);
	if (o == NULL)
		return;
	out_text(o, "{\"schema\":1,\"event_type\":\"doctor\",\"name\":");
	out_escape_json(o, r->name, strlen(r->name));
	out_printf(o, ",\"result\":\"%s\",\"found\":", word(r->result));
	out_escape_json(o, r->found, strlen(r->found));
	if (r->remedy[0] != '\0') {
		out_text(o, ",\"remedy\":");
		out_escape_json(o, r->remedy, strlen(r->remedy));
	}
	out_text(o, "}\n");
	(void)out_flush(o);
	out_close(o);
}

static void terminal_report(struct probe_report *r, const struct render_options *o)
{
	*r = (struct probe_report){.name = "terminal",
				   .result = o->ascii ? PROBE_LIMITED : PROBE_YES};
	snprintf(r->found, sizeof r->found, "%s, %d columns, %s%s", o->ascii ? "ASCII" : "UTF-8",
		 o->width, o->color ? "colour" : "no colour",
		 isatty(STDOUT_FILENO) ? "" : " (stdout is not a terminal)");
	if (o->ascii)
		snprintf(r->remedy, sizeof r->remedy,
			 "a UTF-8 locale, e.g. LC_ALL=C.UTF-8, or --unicode");
}

int doctor_command(int argc, char **argv)
{
	struct probe_report reports[PROBE_REPORTS_MAX + 1];
	struct render_options options = {0};
	int first;
	int status = EXIT_EXPECTED;
	const int rc = client_options(
		argc, argv,
		&(const struct verb){"synscope doctor [OPTION...]",
				     "Say what this machine allows, and how to allow what it does "
				     "not. Each thing\n"
				     "is tried; nothing is sent, and nothing is left behind.",
				     NULL, 0, false},
		&first);
	if (rc >= 0)
		return rc;
	if (first < argc)
		return client_error(EXIT_BAD_USAGE, "%s: doctor takes no argument", argv[first]);
	terminal_options(&options);
	size_t count = probe_machine(reports);
	terminal_report(&reports[count++], &options);
	for (size_t i = 0; i < count; i++) {
		if (reports[i].result == PROBE_NO)
			status = EXIT_OTHERWISE;
		if (globals.json) {
			print_json(&reports[i]);
			continue;
		}
		printf("%-18s%-8s", reports[i].name, word(reports[i].result));
		print_wrapped(reports[i].found, 26, options.width);
		if (reports[i].remedy[0] != '\0') {
			printf("%-18s%-8s", "", "remedy");
			print_wrapped(reports[i].remedy, 26, options.width);
		}
	}
	return status;
}

/* The verbs, the options they share, and the way from argv to one of them. */
#include "synscope/client/client.h"

#include "synscope/edge/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
const struct command commands[] = {
	{"trace",   "build a connection by hand and tell the story of both ends", trace_command},
	{"listen",  "be the server by hand: answer real clients, or misbehave",  listen_command},
	{"firewall", "what stands before a port: who answers, how it refuses, what it does to TCP", firewall_command},
	{"path",    "hop by hop: where a SYN is answered, lost or rewritten",    path_command},
	{"read",    "annotate a capture file (pcap, pcapng)",                     read_command},
	{"lab",     "a private two-host network for experiments, no root needed", lab_command},
	{"demo",    "see it work: an open, a closed and a filtered port, in a lab", demo_command},
	{"doctor",  "what this machine allows, and how to allow it",              doctor_command},
	{"explain", "the rules of RFC 9293 for a state or a word",                explain_command},
};

static const char *const view_choices[] = {"ladder", "rfc", "ledger", "lines", NULL};
static const char *const numbers_choices[] = {"both", "rel", "raw", "symbolic", NULL};
static const char *const time_choices[] = {"rel", "delta", "abs", NULL};
static const char *const theme_choices[] = {"auto", "light", "dark", "print", NULL};
static const char *const color_choices[] = {"auto", "always", "never", NULL};

struct globals globals = {.timeout_ns = -1};

const struct opt global_opts[] = {
	{"ipv4",      '4', OPT_IS_TRUE,   &globals.only_v4,    NULL,   "use IPv4 only", 0, 0, NULL, NULL},
	{"ipv6",      '6', OPT_IS_TRUE,   &globals.only_v6,    NULL,   "use IPv6 only", 0, 0, NULL, NULL},
	{"numeric",   'n', OPT_IS_TRUE,   &globals.numeric,    NULL,   "addresses only, ask no name server", 0, 0, NULL, NULL},
	{"quiet",     'q', OPT_IS_COUNT,  &globals.quiet,      NULL,   "less: no data, no summary; -qq: the verdict only", 0, 0, NULL, NULL},
	{"verbose",   'v', OPT_IS_COUNT,  &globals.verbose,    NULL,   "more: notes and transitions; -vv: options and sets of states", 0, 0, NULL, NULL},
	{"json",      'j', OPT_IS_TRUE,   &globals.json,       NULL,   "JSON lines, one event each", 0, 0, NULL, NULL},
	{"interface", 'i', OPT_IS_TEXT,   &globals.interface,  "IF",   "network interface", 0, 0, NULL, NULL},
	{"write",     'w', OPT_IS_TEXT,   &globals.write_path, "FILE", "write the packets: .pcapng with comments, .pcap plain, - for stdout", 0, 0, NULL, NULL},
	{"svg",        0,  OPT_IS_TEXT,   &globals.svg_path,   "FILE", "write the ladder as a picture too", 0, 0, NULL, NULL},
	{"svg-steps",  0,  OPT_IS_U32,    &globals.svg_steps,  "N",    "and its first N steps, one picture each: FILE-01.svg, FILE-02.svg ...", 1, SVG_STEPS_MAX, NULL, NULL},
	{"html",       0,  OPT_IS_TEXT,   &globals.html_path,  "FILE", "write a page to step through, with all in it", 0, 0, NULL, NULL},
	{"theme",      0,  OPT_IS_CHOICE, &globals.theme,      "WHICH", "of pictures and pages: auto, light, dark or print", 0, 0, theme_choices, NULL},
	{"with-payload", 0, OPT_IS_TRUE,  &globals.with_payload, NULL, "show what was said in pictures and pages too", 0, 0, NULL, NULL},
	{"redact",     0,  OPT_IS_TRUE,   &globals.redact,     NULL,   "nothing that says who: other addresses, no names, no payload, in every output", 0, 0, NULL, NULL},
	{"view",       0,  OPT_IS_CHOICE, &globals.view,       "VIEW", "ladder, rfc, ledger or lines", 0, 0, view_choices, NULL},
	{"numbers",    0,  OPT_IS_CHOICE, &globals.numbers,    "WHICH", "both, rel (from the ISN), raw (as on the wire) or symbolic (x, y, x+1)", 0, 0, numbers_choices, NULL},
	{"raw",       'S', OPT_IS_TRUE,   &globals.raw_numbers, NULL,  "the same as --numbers raw", 0, 0, NULL, NULL},
	{"time",       0,  OPT_IS_CHOICE, &globals.time_mode,  "HOW",  "rel (from the first segment), delta or abs", 0, 0, time_choices, NULL},
	{"ascii",      0,  OPT_IS_TRUE,   &globals.ascii,      NULL,   "no character beyond ASCII", 0, 0, NULL, NULL},
	{"unicode",    0,  OPT_IS_TRUE,   &globals.unicode,    NULL,   "Unicode whatever the locale", 0, 0, NULL, NULL},
	{"width",      0,  OPT_IS_U32,    &globals.width,      "N",    "columns", RENDER_WIDTH_MIN, RENDER_WIDTH_MAX, NULL, NULL},
	{"color",      0,  OPT_IS_CHOICE, &globals.color,      "WHEN", "auto, always or never", 0, 0, color_choices, NULL},
	{"step",       0,  OPT_IS_TRUE,   &globals.step,       NULL,   "one segment a key (? lists the keys)", 0, 0, NULL, NULL},
	{"timeout",    0,  OPT_IS_TIME,   &globals.timeout_ns, "T",    "give up after this long, e.g. 10, 500ms", 0, 0, NULL, NULL},
};
/* clang-format on */

const size_t commands_count = ARRAY_COUNT(commands);
const size_t global_opts_count = ARRAY_COUNT(global_opts);

static const struct opt_table global_table = {global_opts, ARRAY_COUNT(global_opts)};

int client_error(int status, const char *format, ...)
{
	va_list args;
	fputs("synscope: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int client_no_privilege(const char *verb, enum privilege p)
{
	return client_error(
		EXIT_NO_PERMISSION,
		"%s needs %s. Any of: sudo synscope %s ...; sudo setcap "
		"cap_net_raw,cap_net_admin=ep on the program; synscope lab run client -- synscope "
		"%s ... (needs no privilege)",
		verb, privilege_name(p), verb, verb);
}

static int status_of(int negative_errno)
{
	switch (-negative_errno) {
	case EPERM:
	case EACCES:
		return EXIT_NO_PERMISSION;
	case ENOENT:
		return EXIT_NO_INPUT;
	case EBADMSG:
	case ENODATA:
		return EXIT_BAD_DATA;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENODEV:
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case ENOTSUP:
		return EXIT_UNAVAILABLE;
	default:
		return EXIT_OS_ERROR;
	}
}

int client_fault(int negative_errno, const struct fault *why)
{
	return client_error(status_of(negative_errno), "%s", why->text);
}

void client_note(const char *format, ...)
{
	va_list args;
	if (globals.quiet > 0)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_usage(void)
{
	puts("synscope builds TCP segments by hand, watches what comes back, and says after every\n"
	     "segment what state the other end must be in, and how that is known.\n\n"
	     "usage: synscope [OPTION...] VERB [ARGUMENT...]\n");
	for (size_t i = 0; i < commands_count; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].help);
	puts("\n  synscope demo                          see it work, no root needed\n"
	     "  sudo synscope trace example.org:443    a handshake with a live host\n"
	     "  synscope read FILE                     the story in a capture\n\n"
	     "synscope VERB --help lists a verb's options; man synscope has the rest.");
}

static void print_help(const struct verb *verb)
{
	printf("usage: %s\n\n%s\n", verb->usage, verb->about);
	if (verb->opts_count > 0)
		opts_help("options", verb->opts, verb->opts_count);
	opts_help("options of every verb", global_opts, global_opts_count);
}

int client_options(int argc, char **argv, const struct verb *verb, int *first)
{
	const struct opt_table own = {verb->opts, verb->opts_count};
	*first = opts_read(argc, argv, own, global_table, verb->stop_at_word);
	if (*first == -2) {
		print_help(verb);
		return EXIT_EXPECTED;
	}
	if (*first < 0)
		return EXIT_BAD_USAGE;
	if (globals.only_v4 && globals.only_v6)
		return client_error(EXIT_BAD_USAGE, "-4 and -6 exclude each other");
	if (globals.raw_numbers)
		globals.numbers = NUMBERS_RAW;
	return -1;
}

/* The words of a command line as one, for the headers of files. */
static const char *join(int argc, char **argv)
{
	static char line[1024];
	size_t at = 0;
	for (int i = 0; i < argc && at < sizeof line; i++)
		at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", i > 0 ? " " : "",
				       argv[i]);
	return line;
}

static int no_such_verb(const char *word)
{
	if (strchr(word, ':') != NULL || strchr(word, '.') != NULL)
		return client_error(EXIT_BAD_USAGE,
				    "%s is no verb; did you mean: synscope trace %s", word, word);
	return client_error(EXIT_BAD_USAGE, "%s is no verb; synscope --help lists them", word);
}

/* `synscope help VERB` is the manual page. */
static int help_command(int argc, char **argv)
{
	char page[64] = "synscope";
	if (argc > 1)
		snprintf(page, sizeof page, "synscope-%s", argv[1]);
	execlp("man", "man", page, (char *)NULL);
	return client_error(EXIT_UNAVAILABLE, "cannot run man %s: %s", page, strerror(errno));
}

int client_main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	globals.command_line = join(argc, argv);
	if (argc < 2) {
		print_usage();
		return EXIT_BAD_USAGE;
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
		printf("synscope %s\n", SYNSCOPE_VERSION);
		return EXIT_EXPECTED;
	}
	const int first = opts_read(argc, argv, (struct opt_table){NULL, 0}, global_table, true);
	if (first == -2) {
		print_usage();
		opts_help("options of every verb", global_opts, global_opts_count);
		return EXIT_EXPECTED;
	}
	if (first < 0)
		return EXIT_BAD_USAGE;
	if (first >= argc)
		return client_error(EXIT_BAD_USAGE, "no verb given; synscope --help lists them");
	if (strcmp(argv[first], "help") == 0)
		return help_command(argc - first, argv + first);
	for (size_t i = 0; i < commands_count; i++)
		if (strcmp(commands[i].name, argv[first]) == 0)
			return commands[i].run(argc - first, argv + first);
	return no_such_verb(argv[first]);
}

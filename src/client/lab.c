/*
 * synscope lab: run a command in a private network of two or three hosts, with servers of
 * chosen manners, a filter, and a wire that loses, delays or reorders. All of it is made
 * for this one command and gone with it; or it is up until it is taken down, for the
 * terminals of a lecture.
 */
#include "synscope/edge/lab.h"
#include "synscope/client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVERS_MAX 64
#define FILTERS_MAX 64

/* As the shell has it, for a command that cannot be run. */
enum { STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127, STATUS_SIGNAL = 128 };

/* What there is when nothing else was asked for, and what the help prints. */
/* clang-format off */
static const char *const default_servers[] = {
	"echo:7", "sink:9", "source:19:1000000", "close-first:1001", "half-close:1002",
	"greet-close:1003", "reset:1004", "reset-now:1005", "never-accept:1006", "no-read:1007",
	"unread-close:1008", "linger-open:1009", "defer-accept:1010",
};

static const char *const default_filters[] = {
	"drop:81", "reject:82:admin-prohibited", "reject:83:tcp-reset", "reject:84:host-unreachable",
};
/* clang-format on */

struct server_option {
	struct peer_spec spec;
	uint16_t client_port; /* PEER_CONNECT */
};

static struct {
	struct lab_spec spec;
	bool no_servers, no_filters;
	struct server_option servers[SERVERS_MAX];
	size_t servers_count;
	struct lab_filter filters[FILTERS_MAX];
	size_t filters_count;
	struct opt_u32 seed;
	bool join;
	struct lab *lab;
} now;

/* --- options ------------------------------------------------------------------------------ */

/* Copy what stands before the next colon. @return what stands after it; NULL: no colon */
static const char *split(const char *text, char *word, size_t word_bytes)
{
	const size_t bytes = strcspn(text, ":");
	snprintf(word, word_bytes, "%.*s", (int)(bytes < word_bytes ? bytes : word_bytes), text);
	return text[bytes] == ':' ? text + bytes + 1 : NULL;
}

/* Read "BEHAVIOUR:PORT[:NUMBER]". @return NULL, or what is wrong */
static const char *read_server(struct server_option *server, const char *text)
{
	char name[32];
	char port[32] = "";
	uint32_t value = 0;
	const char *last = split(text, name, sizeof name);
	*server = (struct server_option){.spec = {.source_bytes = 0}};
	if (!peer_behaviour_parse(&server->spec.behaviour, name))
		return "a behaviour and a port, such as echo:7 (--help lists them)";
	last = last != NULL ? split(last, port, sizeof port) : NULL;
	if (!opts_u32(&value, port, 1, UINT16_MAX))
		return "a behaviour and a port from 1 to 65535, such as echo:7";
	server->spec.port = (uint16_t)value;
	if (server->spec.behaviour == PEER_SOURCE) {
		if (last == NULL || !opts_u32(&value, last, 0, UINT32_MAX))
			return "source:PORT:BYTES";
		server->spec.source_bytes = value;
		return NULL;
	}
	if (server->spec.behaviour == PEER_CONNECT) {
		if (last == NULL || !opts_u32(&value, last, 1, UINT16_MAX))
			return "connect:PORT:CLIENT-PORT";
		server->client_port = (uint16_t)value;
		return NULL;
	}
	return last == NULL ? NULL : "no more than a behaviour and a port";
}

static const char *add_server(void *context, const char *text)
{
	(void)context;
	if (strcmp(text, "none") == 0) {
		now.no_servers = true;
		return NULL;
	}
	if (now.servers_count == SERVERS_MAX)
		return "given less often";
	return read_server(&now.servers[now.servers_count++], text);
}

static const char *add_filter(void *context, const char *text)
{
	(void)context;
	if (strcmp(text, "none") == 0) {
		now.no_filters = true;
		return NULL;
	}
	if (now.filters_count == FILTERS_MAX)
		return "given less often";
	return lab_filter_parse(&now.filters[now.filters_count++], text)
		       ? NULL
		       : "drop:PORT, reject:PORT or reject:PORT:HOW, with HOW one of tcp-reset "
			 "port-unreachable admin-prohibited host-unreachable no-route";
}

static const char *add_drops(void *context, const char *text)
{
	uint32_t *drops = context;
	size_t count = 0;
	while (count < RELAY_DROPS_MAX && drops[count] != 0)
		count++;
	for (const char *at = text; at != NULL;) {
		char word[16];
		const size_t bytes = strcspn(at, ",");
		snprintf(word, sizeof word, "%.*s", (int)(bytes < 15 ? bytes : 15), at);
		if (count == RELAY_DROPS_MAX || !opts_u32(&drops[count++], word, 1, UINT32_MAX))
			return "at most 16 numbers from 1, such as 1,3";
		at = at[bytes] == ',' ? at + bytes + 1 : NULL;
	}
	now.spec.has_relay = true;
	return NULL;
}

/* clang-format off */
static const struct opt lab_opts[] = {
	{"join",        0, OPT_IS_TRUE,  &now.join,                    NULL,   "in the network that lab up built", 0, 0, NULL, NULL},
	{"router",      0, OPT_IS_TRUE,  &now.spec.router,             NULL,   "put a router between the two hosts", 0, 0, NULL, NULL},
	{"resolve",     0, OPT_IS_TRUE,  &now.spec.resolve,            NULL,   "leave neighbours to ARP and ND instead of permanent entries", 0, 0, NULL, NULL},
	{"serve",       0, OPT_IS_CALL,  NULL,                         "BEHAVIOUR:PORT", "a server, as above, in place of the usual ones; may be repeated; or none", 0, 0, NULL, add_server},
	{"filter",      0, OPT_IS_CALL,  NULL,                         "RULE", "drop:PORT or reject:PORT[:HOW], in place of the usual ones; the same", 0, 0, NULL, add_filter},
	{"delay",       0, OPT_IS_TIME,  &now.spec.relay.delay_ns,     "T",    "hold every frame this long, each way", 0, 0, NULL, NULL},
	{"loss",        0, OPT_IS_SHARE, &now.spec.relay.loss,         "P",    "lose this share of the TCP frames, e.g. 5%", 0, 0, NULL, NULL},
	{"reorder",     0, OPT_IS_SHARE, &now.spec.relay.reorder,      "P",    "hold this share back, so that later ones overtake", 0, 0, NULL, NULL},
	{"reorder-by",  0, OPT_IS_TIME,  &now.spec.relay.reorder_ns,   "T",    "hold them back this long (2ms)", 0, 0, NULL, NULL},
	{"duplicate",   0, OPT_IS_SHARE, &now.spec.relay.duplicate,    "P",    "deliver this share twice", 0, 0, NULL, NULL},
	{"corrupt",     0, OPT_IS_SHARE, &now.spec.relay.corrupt,      "P",    "flip one bit of the TCP part in this share", 0, 0, NULL, NULL},
	{"seed",        0, OPT_IS_U32,   &now.seed,                    "N",    "choose which frames these are (1)", 0, UINT32_MAX, NULL, NULL},
	{"drop-to-server", 0, OPT_IS_CALL, now.spec.relay.drop_to_server, "K,K", "lose the K-th TCP frame on its way to the server", 0, 0, NULL, add_drops},
	{"drop-to-client", 0, OPT_IS_CALL, now.spec.relay.drop_to_client, "K,K", "lose the K-th TCP frame on its way to the client", 0, 0, NULL, add_drops},
};
/* clang-format on */

/* The last words of the help: the hosts, and what there is to talk to. */
static const char *about(const char *first_words)
{
	static char text[4096];
	size_t at = (size_t)snprintf(
		text, sizeof text,
		"%s\n\n"
		"client 192.0.2.1, 2001:db8::1  ---  server 192.0.2.2, 2001:db8::2\n"
		"with --router:\n"
		"client 192.0.2.1, 2001:db8:1::1  ---  router  ---  server 198.51.100.2, "
		"2001:db8:2::2\n\n"
		"behaviours of servers\n",
		first_words);
	for (int b = 0; b < PEER_BEHAVIOUR_COUNT; b++) {
		const char *usual = "";
		const char *name = peer_behaviour_name((enum peer_behaviour)b);
		for (size_t i = 0; i < ARRAY_COUNT(default_servers); i++)
			if (strncmp(default_servers[i], name, strlen(name)) == 0 &&
			    default_servers[i][strlen(name)] == ':')
				usual = default_servers[i];
		at += (size_t)snprintf(text + at, sizeof text - at, "  %-13s %-18s %s\n", name,
				       usual, peer_behaviour_help((enum peer_behaviour)b));
	}
	at += (size_t)snprintf(text + at, sizeof text - at,
			       "  The second column is what is there without --serve. source takes "
			       "source:PORT:BYTES,\n  connect takes connect:PORT:CLIENT-PORT.\n\n"
			       "filters without --filter, on the router or else on the server\n ");
	for (size_t i = 0; i < ARRAY_COUNT(default_filters); i++)
		at += (size_t)snprintf(text + at, sizeof text - at, " %s", default_filters[i]);
	return text;
}

/* --- building ------------------------------------------------------------------------------ */

static void fill_in_defaults(void)
{
	if (now.servers_count == 0 && !now.no_servers)
		for (size_t i = 0; i < ARRAY_COUNT(default_servers); i++)
			(void)add_server(NULL, default_servers[i]);
	if (now.filters_count == 0 && !now.no_filters)
		for (size_t i = 0; i < ARRAY_COUNT(default_filters); i++)
			(void)add_filter(NULL, default_filters[i]);
	struct relay_spec *relay = &now.spec.relay;
	relay->seed = now.seed.given ? now.seed.value : 1;
	now.spec.has_relay = now.spec.has_relay || relay->delay_ns > 0 || relay->loss > 0 ||
			     relay->reorder > 0 || relay->duplicate > 0 || relay->corrupt > 0;
}

/* @return specs for peer_run(); connect ones are two, for the client's two addresses */
static size_t expand_servers(struct peer_spec specs[2 * SERVERS_MAX])
{
	static const enum ip_family families[] = {IP_V4, IP_V6};
	size_t count = 0;
	for (size_t i = 0; i < now.servers_count; i++) {
		specs[count] = now.servers[i].spec;
		if (specs[count].behaviour != PEER_CONNECT) {
			count++;
			continue;
		}
		for (size_t f = 0; f < ARRAY_COUNT(families); f++) {
			const struct ip_addr client = lab_address(now.lab, LAB_CLIENT, families[f]);
			specs[count] = now.servers[i].spec;
			specs[count].connect_to =
				(struct endpoint){client, now.servers[i].client_port};
			count += client.family != IP_NONE;
		}
	}
	return count;
}

static int furnish(struct fault *why)
{
	struct peer_spec specs[2 * SERVERS_MAX];
	const size_t count = expand_servers(specs);
	int rc = 0;
	if (count > 0) {
		const pid_t server = lab_serve(now.lab, LAB_SERVER, specs, count, why);
		rc = server < 0 ? server : 0;
	}
	if (rc == 0 && now.filters_count > 0)
		rc = lab_filter(now.lab, now.spec.router ? LAB_ROUTER : LAB_SERVER, now.filters,
				now.filters_count, why);
	return rc;
}

/* A line for each host. @param here LAB_ROLE_COUNT: none of them */
static size_t write_hosts(enum lab_role here, char *text, size_t text_bytes)
{
	static const enum lab_role along_the_wire[] = {LAB_CLIENT, LAB_ROUTER, LAB_SERVER};
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_COUNT(along_the_wire); i++) {
		char v4[IP_ADDR_TEXT_MAX];
		char v6[IP_ADDR_TEXT_MAX];
		const enum lab_role role = along_the_wire[i];
		const struct ip_addr a = lab_address(now.lab, role, IP_V4);
		const struct ip_addr b = lab_address(now.lab, role, IP_V6);
		if (a.family == IP_NONE)
			continue;
		ip_addr_format(&a, v4, sizeof v4);
		ip_addr_format(&b, v6, sizeof v6);
		at += (size_t)snprintf(
			text + at, text_bytes - at, "%s%-7s %s%s%s%s", at > 0 ? "\n" : "",
			lab_role_name(role), v4, b.family != IP_NONE ? ", " : "",
			b.family != IP_NONE ? v6 : "", role == here ? "  <- you are here" : "");
	}
	return at;
}

/* Another word of a list that goes on in lines of 80 columns. */
static size_t add_word(char text[LAB_ABOUT_MAX], size_t at, const char *heading, const char *word)
{
	const char *line = strrchr(text, '\n');
	const size_t columns = at - (size_t)(line == NULL ? 0 : line + 1 - text);
	if (heading != NULL)
		at += (size_t)snprintf(text + at, LAB_ABOUT_MAX - at, "\n%-7s", heading);
	else if (columns + 1 + strlen(word) > 79)
		at += (size_t)snprintf(text + at, LAB_ABOUT_MAX - at, "\n%-7s", "");
	if (at < LAB_ABOUT_MAX)
		at += (size_t)snprintf(text + at, LAB_ABOUT_MAX - at, " %s", word);
	return at < LAB_ABOUT_MAX ? at : LAB_ABOUT_MAX - 1;
}

/* What there is, for those who come later. */
static void write_about(char text[LAB_ABOUT_MAX])
{
	char word[64];
	size_t at = write_hosts(LAB_ROLE_COUNT, text, LAB_ABOUT_MAX);
	for (size_t i = 0; i < now.servers_count; i++) {
		snprintf(word, sizeof word, "%s:%u",
			 peer_behaviour_name(now.servers[i].spec.behaviour),
			 now.servers[i].spec.port);
		at = add_word(text, at, i == 0 ? "servers" : NULL, word);
	}
	for (size_t i = 0; i < now.filters_count; i++) {
		snprintf(word, sizeof word, "%u:%s", now.filters[i].port,
			 lab_verdict_name(now.filters[i].verdict));
		at = add_word(text, at, i == 0 ? "filters" : NULL, word);
	}
}

static int build(struct fault *why)
{
	const int rc = lab_open(&now.lab, &now.spec, why);
	return rc < 0 ? rc : furnish(why);
}

/* --- running ------------------------------------------------------------------------------- */

/* A command expects the signals as its shell would leave them. */
static int exec_command(char **command)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	/* The same program, whether or not it is on the PATH. */
	if (strcmp(command[0], "synscope") == 0)
		execv("/proc/self/exe", command);
	execvp(command[0], command);
	const int error = errno;
	client_error(0, "cannot run %s: %s", command[0], strerror(error));
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static int run_command(void *context)
{
	return exec_command(context);
}

/* An interactive shell wants a process group that it can name, to come back to at its end;
 * ours has no number in the lab's PID namespace. */
static int run_shell(void *context)
{
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	if (isatty(STDIN_FILENO))
		(void)tcsetpgrp(STDIN_FILENO, getpid());
	signal(SIGTTOU, SIG_DFL);
	return exec_command(context);
}

/* Interrupts from the keyboard are the command's, as with system(3); the servers, started
 * after this, do not hear them either. */
static void leave_interrupts_to_the_command(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

static void give_terminal(pid_t group)
{
	if (isatty(STDIN_FILENO))
		(void)tcsetpgrp(STDIN_FILENO, group);
}

static int wait_for(pid_t pid)
{
	int status = 0;
	signal(SIGTTOU, SIG_IGN); /* or giving the terminal would stop us */
	for (;;) {
		if (waitpid(pid, &status, WUNTRACED) < 0) {
			if (errno == EINTR)
				continue;
			return client_error(EXIT_OS_ERROR, "cannot wait: %s", strerror(errno));
		}
		if (!WIFSTOPPED(status))
			break;
		/* `suspend`, in a shell with a group of its own: stop with it, and go on with it.
		 * A command in our group was stopped together with us. */
		const pid_t group = getpgid(pid);
		if (group == getpgrp())
			continue;
		give_terminal(getpgrp());
		raise(SIGSTOP);
		give_terminal(group);
		kill(pid, SIGCONT);
	}
	/* A shell with job control leaves the terminal to a group that has gone. */
	give_terminal(getpgrp());
	return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* @return an exit status, or -1 to go on */
static int choose_lab(enum lab_role role)
{
	struct fault why;
	if (now.join &&
	    (now.no_servers || now.no_filters || now.servers_count > 0 || now.filters_count > 0 ||
	     now.seed.given || now.spec.router || now.spec.resolve || now.spec.has_relay ||
	     now.spec.relay.delay_ns > 0 || now.spec.relay.loss > 0 || now.spec.relay.reorder > 0 ||
	     now.spec.relay.duplicate > 0 || now.spec.relay.corrupt > 0))
		return client_error(
			EXIT_BAD_USAGE,
			"--join: that network is built already; lab up has the options");
	if (now.join) {
		const int rc = lab_join(&now.lab, NULL, &why);
		return rc < 0 ? client_error(EXIT_UNAVAILABLE, "%s", why.text) : -1;
	}
	fill_in_defaults();
	if (role == LAB_ROUTER && !now.spec.router)
		return client_error(EXIT_BAD_USAGE, "there is a router only with --router");
	const int rc = lab_open(&now.lab, &now.spec, &why);
	if (rc < 0)
		return client_error(EXIT_UNAVAILABLE, "%s", why.text);
	return furnish(&why) < 0 ? client_error(EXIT_OS_ERROR, "%s", why.text) : -1;
}

static int in_lab(enum lab_role role, char **command, int (*run)(void *))
{
	struct fault why;
	leave_interrupts_to_the_command();
	int status = choose_lab(role);
	if (status < 0) {
		char hosts[512];
		(void)write_hosts(role, hosts, sizeof hosts);
		if (run == run_shell || globals.verbose > 0)
			client_note("%s", hosts);
		fflush(NULL);
		const pid_t pid = lab_spawn(now.lab, role, run, command, &why);
		status = pid < 0 ? client_fault(pid, &why) : wait_for(pid);
	}
	lab_close(now.lab);
	return status;
}

/* The words after the options: ROLE [--] COMMAND... */
static int read_role(enum lab_role *role, int argc, char **argv, int *first)
{
	if (*first >= argc)
		return client_error(EXIT_BAD_USAGE, "which host: client, server or router?");
	if (!lab_role_parse(role, argv[*first]))
		return client_error(EXIT_BAD_USAGE, "%s: should be client, server or router",
				    argv[*first]);
	++*first;
	if (*first < argc && strcmp(argv[*first], "--") == 0)
		++*first;
	return -1;
}

static int lab_run(int argc, char **argv)
{
	enum lab_role role;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope lab run [OPTION...] ROLE -- COMMAND [ARG...]",
			about("Run a command on a host (client, server, router) of a "
			      "private network, as root there;\nits exit status is ours."),
			lab_opts, ARRAY_COUNT(lab_opts), true},
		&first);
	if (rc < 0)
		rc = read_role(&role, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (first >= argc)
		return client_error(EXIT_BAD_USAGE,
				    "no command given; for a shell: synscope lab shell %s",
				    lab_role_name(role));
	return in_lab(role, argv + first, run_command);
}

static int lab_shell(int argc, char **argv)
{
	enum lab_role role;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope lab shell [OPTION...] ROLE",
			about("Start your shell on a host (client, server, router) of a "
			      "private network, as root\nthere. The network is gone when "
			      "you leave it."),
			lab_opts, ARRAY_COUNT(lab_opts), true},
		&first);
	if (rc < 0)
		rc = read_role(&role, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (first < argc)
		return client_error(EXIT_BAD_USAGE, "%s: lab shell takes no command; lab run does",
				    argv[first]);
	const char *shell = getenv("SHELL");
	char *command[] = {
		(char *)(uintptr_t)(shell != NULL && shell[0] != '\0' ? shell : "/bin/sh"), NULL};
	char prompt[64];
	/* Plain shells take PS1 from the environment. bash does not, but runs this once. */
	snprintf(prompt, sizeof prompt, "(lab %s) $ ", lab_role_name(role));
	setenv("PS1", prompt, 1);
	snprintf(prompt, sizeof prompt, "PS1=\"(lab %s) $PS1\"; unset PROMPT_COMMAND",
		 lab_role_name(role));
	setenv("PROMPT_COMMAND", prompt, 1);
	return in_lab(role, command, run_shell);
}

static int lab_exec(int argc, char **argv)
{
	enum lab_role role;
	struct fault why;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope lab exec ROLE -- COMMAND [ARG...]",
			"From inside a lab (lab run, lab shell), run a command on another of "
			"its hosts.",
			NULL, 0, true},
		&first);
	if (rc < 0)
		rc = read_role(&role, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (first >= argc)
		return client_error(EXIT_BAD_USAGE, "no command given");
	rc = lab_visit(role, &why);
	return rc < 0 ? client_error(EXIT_UNAVAILABLE, "%s", why.text) : exec_command(argv + first);
}

/* --- a lab that stays ---------------------------------------------------------------------- */

/* What the holder tells `lab up`, once. */
struct up_report {
	int status; /* an exit status, or -1: it is up */
	char text[LAB_ABOUT_MAX];
};

static void hold(int report_fd)
{
	struct up_report report = {.status = EXIT_UNAVAILABLE};
	struct fault why;
	const int nothing_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && nothing_fd >= 0; fd++)
		(void)dup2(nothing_fd, fd);
	(void)setsid();
	const int share_fd = lab_share_open(&why);
	const bool up = share_fd >= 0 && build(&why) == 0 && chdir("/") == 0;
	if (up) {
		report.status = -1;
		write_about(report.text);
	} else {
		snprintf(report.text, sizeof report.text, "%s", why.text);
	}
	const bool told = write(report_fd, &report, sizeof report) == (ssize_t)sizeof report;
	close(report_fd);
	const int rc = up && told ? lab_share(now.lab, share_fd, report.text, &why) : -1;
	lab_close(now.lab);
	_exit(rc < 0);
}

static int lab_up(int argc, char **argv)
{
	struct up_report report;
	int report_fd[2];
	int first;
	const int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope lab up [OPTION...]",
			about("Build a private network and let it stay, for lab run --join and lab "
			      "shell --join in\nthis user's terminals, until lab down."),
			lab_opts, ARRAY_COUNT(lab_opts), false},
		&first);
	if (rc >= 0)
		return rc;
	if (first < argc || now.join)
		return client_error(EXIT_BAD_USAGE, "%s: lab up only builds; lab run --join runs",
				    first < argc ? argv[first] : "--join");
	fill_in_defaults();
	fflush(NULL);
	if (pipe2(report_fd, O_CLOEXEC) < 0)
		return client_error(EXIT_OS_ERROR, "cannot make a pipe: %s", strerror(errno));
	const pid_t holder = fork();
	if (holder == 0) {
		close(report_fd[0]);
		hold(report_fd[1]);
	}
	close(report_fd[1]);
	const ssize_t got = holder < 0 ? -1 : read(report_fd[0], &report, sizeof report);
	close(report_fd[0]);
	if (got != (ssize_t)sizeof report)
		return client_error(EXIT_OS_ERROR, "the process that holds the network died");
	if (report.status >= 0)
		return client_error(report.status, "%s", report.text);
	printf("%s\n", report.text);
	client_note("synscope lab run --join client -- COMMAND; synscope lab down ends it");
	return EXIT_SUCCESS;
}

static int lab_status(int argc, char **argv)
{
	char text[LAB_ABOUT_MAX];
	struct fault why;
	int first;
	int rc =
		client_options(argc, argv,
			       &(const struct verb){"synscope lab status",
						    "Say what is in the network that lab up built.",
						    NULL, 0, false},
			       &first);
	if (rc < 0 && first < argc)
		rc = client_error(EXIT_BAD_USAGE, "%s: lab status takes no words", argv[first]);
	if (rc >= 0)
		return rc;
	if (lab_join(&now.lab, text, &why) < 0)
		return client_error(EXIT_UNAVAILABLE, "%s", why.text);
	lab_close(now.lab);
	printf("%s\n", text);
	return EXIT_SUCCESS;
}

static int lab_down(int argc, char **argv)
{
	struct fault why;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){"synscope lab down",
				     "End the network that lab up built, and all that runs in it.",
				     NULL, 0, false},
		&first);
	if (rc < 0 && first < argc)
		rc = client_error(EXIT_BAD_USAGE, "%s: lab down takes no words", argv[first]);
	if (rc >= 0)
		return rc;
	return lab_share_end(&why) < 0 ? client_error(EXIT_UNAVAILABLE, "%s", why.text)
				       : EXIT_SUCCESS;
}

int lab_command(int argc, char **argv)
{
	/* With the name as which each is known to its error messages. */
	static const struct {
		const char *word;
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{"run", "lab run", lab_run},          {"shell", "lab shell", lab_shell},
		{"exec", "lab exec", lab_exec},       {"up", "lab up", lab_up},
		{"status", "lab status", lab_status}, {"down", "lab down", lab_down},
	};
	int first;
	const int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope lab run|shell|exec [OPTION...] ROLE [-- COMMAND [ARG...]]\n"
			"       synscope lab up [OPTION...] | status | down",
			"A private network of two or three hosts, in namespaces; no root needed, "
			"nothing\n"
			"visible outside, nothing left behind.\n\n"
			"  synscope lab run client -- synscope trace 192.0.2.2:7\n"
			"  synscope lab run --delay 20ms --loss 5% client -- synscope trace "
			"192.0.2.2:7\n"
			"  synscope lab shell client\n"
			"  synscope lab up; synscope lab run --join server -- ss -tan\n\n"
			"synscope lab run --help has the servers, filters and options.",
			NULL, 0, true},
		&first);
	if (rc >= 0)
		return rc;
	for (size_t i = 0; first < argc && i < ARRAY_COUNT(verbs); i++) {
		if (strcmp(argv[first], verbs[i].word) != 0)
			continue;
		argv[first] = (char *)(uintptr_t)verbs[i].name;
		return verbs[i].run(argc - first, argv + first);
	}
	return client_error(EXIT_BAD_USAGE,
			    first < argc ? "%s: should be run, shell, exec, up, status or down"
					 : "lab: run, shell, exec, up, status or down?",
			    first < argc ? argv[first] : "");
}

/*
 * synscope demo: the tool at work, in a private lab, for anyone. The traces run in the
 * lab's client host against the real kernel of the server host.
 */
#include "synscope/client/client.h"
#include "synscope/edge/lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
	const char *title;
	enum ip_family family;
	const char *port;
	const char *const arguments[12];
};

/* clang-format off */
static const struct scene scenes[] = {
	{"1. An open port: open, say something, hear the echo, close.", IP_V4, "7",
	 {"--data-string", "hello, kernel\\n", "--wait", "50ms", "--truth", NULL}},
	{"2. The same over IPv6, in RFC 9293's own notation; this server closes first.", IP_V6, "1003",
	 {"--view", "rfc", "--wait", "50ms", NULL}},
	{"3. A closed port: the answer is exact.", IP_V4, "9999", {NULL}},
	{"4. A filtered port: silence, asked again before it is believed.", IP_V4, "81",
	 {"--rto", "0.3", "--max-retries", "2", NULL}},
	{"5. A rejected port: somebody says no.", IP_V4, "82", {NULL}},
};

static const struct peer_spec peers[] = {
	{.behaviour = PEER_ECHO, .port = 7},
	{.behaviour = PEER_GREET_CLOSE, .port = 1003},
};

static const struct lab_filter filters[] = {
	{LAB_DROP, 81},
	{LAB_REJECT_ADMIN, 82},
};
/* clang-format on */

static struct {
	struct lab *lab;
	const struct scene *scene;
} now;

/* In a child, in the client host. */
static int play(void *context)
{
	char target[ENDPOINT_TEXT_MAX + 16];
	char *argv[24] = {(char *)(uintptr_t) "trace"};
	int argc = 1;
	(void)context;
	struct endpoint e = {.addr = lab_address(now.lab, LAB_SERVER, now.scene->family)};
	uint32_t port = 0;
	(void)opts_u32(&port, now.scene->port, 1, 65535);
	e.port = (uint16_t)port;
	endpoint_format(&e, target, sizeof target);
	for (int i = 0; now.scene->arguments[i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)now.scene->arguments[i];
	argv[argc++] = target;
	const int status = trace_command(argc, argv);
	fflush(stdout);
	return status;
}

static void print_command(const struct scene *s)
{
	char addr[IP_ADDR_TEXT_MAX];
	const struct ip_addr a = lab_address(now.lab, LAB_SERVER, s->family);
	if (globals.json)
		return;
	printf("\n%s\n$ synscope trace", s->title);
	for (int i = 0; s->arguments[i] != NULL; i++) {
		const bool quote = strpbrk(s->arguments[i], " \\") != NULL;
		printf(quote ? " '%s'" : " %s", s->arguments[i]);
	}
	ip_addr_format(&a, addr, sizeof addr);
	printf(s->family == IP_V6 ? " [%s]:%s\n" : " %s:%s\n", addr, s->port);
	fflush(stdout);
}

static int play_all(void)
{
	static const int wanted[ARRAY_COUNT(scenes)] = {
		EXIT_EXPECTED, EXIT_EXPECTED, EXIT_OTHERWISE, EXIT_NO_ANSWER, EXIT_OTHERWISE};
	struct fault why;
	int worst = EXIT_EXPECTED;
	for (size_t i = 0; i < ARRAY_COUNT(scenes); i++) {
		int status;
		now.scene = &scenes[i];
		print_command(now.scene);
		const pid_t pid = lab_spawn(now.lab, LAB_CLIENT, play, NULL, &why);
		if (pid < 0)
			return client_fault(pid, &why);
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return client_error(EXIT_OS_ERROR, "cannot wait: %s",
						    strerror(errno));
		if (!WIFEXITED(status))
			return client_error(EXIT_OS_ERROR, "the trace died of signal %d",
					    WTERMSIG(status));
		if (!globals.json)
			printf("$ echo $?\n%d\n", WEXITSTATUS(status));
		fflush(stdout);
		if (WEXITSTATUS(status) >= EXIT_BAD_USAGE)
			return WEXITSTATUS(status);
		if (WEXITSTATUS(status) != wanted[i])
			worst = EXIT_OTHERWISE;
	}
	return worst;
}

int demo_command(int argc, char **argv)
{
	const struct lab_spec spec = {.router = false};
	struct fault why;
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope demo [OPTION...]",
			"Trace an open, a closed, a filtered and a rejected port in a private lab: "
			"two\n"
			"network namespaces, a real kernel at the other end. Needs no privilege.",
			NULL, 0, false},
		&first);
	if (rc >= 0)
		return rc;
	if (first < argc)
		return client_error(EXIT_BAD_USAGE, "%s: demo takes no argument", argv[first]);
	rc = lab_open(&now.lab, &spec, &why);
	if (rc < 0)
		return client_error(EXIT_UNAVAILABLE, "%s", why.text);
	const pid_t server = lab_serve(now.lab, LAB_SERVER, peers, ARRAY_COUNT(peers), &why);
	if (server < 0)
		rc = client_fault(server, &why);
	else if ((rc = lab_filter(now.lab, LAB_SERVER, filters, ARRAY_COUNT(filters), &why)) < 0)
		rc = client_fault(rc, &why);
	else
		rc = play_all();
	lab_close(now.lab);
	return rc;
}

/*
 * Kernel sockets as clients of the server by hand. Their state is asked for by sock_diag after
 * each step and must be the one that RFC 9293 says; what was said of them is compared with it.
 * Each row runs over IPv4 and over IPv6.
 */
#include "../support/cm.h"
#include "../support/labkit.h"
#include "../support/served.h"

#include "synscope/core/util.h"
#include "synscope/edge/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define PORT_TEXT "7777"
#define PATIENCE_MS 8000

enum op {
	OP_END,
	OP_CONNECT, /* begin */
	OP_OUTCOME, /* of connecting: errno `number` */
	OP_STATE,   /* sock_diag says so, before long */
	OP_SEND,    /* `text` */
	OP_READ,    /* `text` comes */
	OP_EOF,     /* after whatever comes */
	OP_RESET,   /* ECONNRESET, after whatever comes */
	OP_SHUT,
	OP_CLOSE,
};

struct step {
	enum op op;
	const char *text;
	int number;
};

struct scene {
	const char *name;
	const char *words[14]; /* options of listen */
	struct step steps[12];
	const char *note;            /* that must be there, or NULL */
	const char *client, *server; /* as told at the end; NULL: not compared. LISTEN is CLOSED */
	bool one_address;            /* listen on the server's own, not on all of them */
};

#define CONNECT                     \
	{                           \
		OP_CONNECT, NULL, 0 \
	}
#define OUTCOME(e)                  \
	{                           \
		OP_OUTCOME, NULL, e \
	}
#define STATE(s)                  \
	{                         \
		OP_STATE, NULL, s \
	}
#define SAY(t)                \
	{                     \
		OP_SEND, t, 0 \
	}
#define HEAR(t)               \
	{                     \
		OP_READ, t, 0 \
	}
#define AT_EOF                  \
	{                       \
		OP_EOF, NULL, 0 \
	}
#define AT_RESET                  \
	{                         \
		OP_RESET, NULL, 0 \
	}
#define SHUT                     \
	{                        \
		OP_SHUT, NULL, 0 \
	}
#define CLOSE                     \
	{                         \
		OP_CLOSE, NULL, 0 \
	}
#define OPENED CONNECT, OUTCOME(0), STATE(ST_ESTABLISHED)
#define ECHOED OPENED, SAY("hello"), HEAR("hello")

/* clang-format off */
static const struct scene scenes[] = {
	{"the client closes first", {"--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT), CLOSE}, "fin.acked", "TIME-WAIT", "CLOSED", false},
	{"the server closes first", {"--serve", "http", NULL}, {OPENED, SAY("GET / HTTP/1.0\r\n\r\n"), AT_EOF, STATE(ST_CLOSE_WAIT), CLOSE, STATE(ST_CLOSED)}, "fin.acked", "CLOSED", "TIME-WAIT", false},
	{"the server resets when it is done", {"--serve", "http", "--close", "rst", NULL}, {OPENED, SAY("GET / HTTP/1.0\r\n\r\n"), AT_RESET, STATE(ST_CLOSED)}, "rst.acceptable", "CLOSED", "CLOSED", false},
	{"nobody closes but the client", {"--serve", "sink", "--close", "none", NULL}, {OPENED, SHUT, STATE(ST_FIN_WAIT_2)}, "fin", NULL, NULL, false},
	{"a greeting, as of an SSH server", {"--serve", "echo", "--data-string", "SSH-2.0-hand\\r\\n", NULL}, {OPENED, HEAR("SSH-2.0-hand\r\n"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "data", "TIME-WAIT", "CLOSED", false},
	{"closed", {"--as", "closed", NULL}, {CONNECT, OUTCOME(ECONNREFUSED), STATE(ST_CLOSED)}, "on_purpose", "CLOSED", "CLOSED", false},
	{"silent", {"--as", "silent", NULL}, {CONNECT, STATE(ST_SYN_SENT), OUTCOME(ETIMEDOUT), STATE(ST_SYN_SENT)}, "on_purpose", NULL, NULL, false},
	{"late", {"--as", "late", "--late", "600ms", "--serve", "echo", NULL}, {CONNECT, STATE(ST_SYN_SENT), OUTCOME(0), STATE(ST_ESTABLISHED), SAY("x"), HEAR("x"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"stateless: SYN cookies", {"--as", "stateless", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"SYN cookies without time stamps", {"--as", "stateless", "--no-ts", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"the SYN,ACK is lost", {"--drop", "SYNACK:1", "--rto", "200ms", "--serve", "echo", NULL}, {CONNECT, STATE(ST_SYN_SENT), OUTCOME(0), STATE(ST_ESTABLISHED), SAY("x"), HEAR("x"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"an answer is lost", {"--drop", "DATA:1", "--rto", "200ms", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"the FIN is lost", {"--drop", "FIN:1", "--rto", "200ms", "--serve", "http", NULL}, {OPENED, SAY("GET / HTTP/1.0\r\n\r\n"), AT_EOF, STATE(ST_CLOSE_WAIT), CLOSE, STATE(ST_CLOSED)}, "on_purpose", "CLOSED", "TIME-WAIT", false},
	{"everything twice: our RST may end its TIME-WAIT", {"--dup", "ANY", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF}, "on_purpose", NULL, NULL, false},
	{"data out of order", {"--reorder", "DATA:1", "--mss", "200", "--serve", "http", NULL}, {OPENED, SAY("GET / HTTP/1.0\r\n\r\n"), AT_EOF, STATE(ST_CLOSE_WAIT), CLOSE, STATE(ST_CLOSED)}, "data.out_of_order", "CLOSED", "TIME-WAIT", false},
	{"everything late", {"--delay", "50ms", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"a SYN,ACK with a wrong checksum", {"--badsum", "SYNACK:1", "--rto", "200ms", "--serve", "echo", NULL}, {CONNECT, STATE(ST_SYN_SENT), OUTCOME(0), SAY("x"), HEAR("x"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "checksum.bad", "TIME-WAIT", "CLOSED", false},
	{"a SYN,ACK that acknowledges too much", {"--wrong-ack", "SYNACK:1", "--rto", "200ms", "--serve", "echo", NULL}, {CONNECT, OUTCOME(0), SAY("x"), HEAR("x"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "synack.wrong_ack", "TIME-WAIT", "CLOSED", false},
	{"a closed window", {"--zero-window", "700ms", "--serve", "echo", NULL}, {OPENED, SAY("hello"), HEAR("hello"), SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "on_purpose", "TIME-WAIT", "CLOSED", false},
	{"a split handshake", {"--split-handshake", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, "open.simultaneous", "TIME-WAIT", "CLOSED", false},
	{"a reset after ten bytes", {"--rst-after", "10", "--serve", "echo", NULL}, {OPENED, SAY("hello"), AT_RESET, STATE(ST_CLOSED)}, "on_purpose", "CLOSED", "CLOSED", false},
	{"no options at all", {"--no-mss", "--no-wscale", "--no-ts", "--no-sack", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, NULL, "TIME-WAIT", "CLOSED", false},
	{"ISN 4294967295", {"--isn", "4294967295", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, NULL, "TIME-WAIT", "CLOSED", false},
	{"the nftables guard", {"--guard", "nft", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, NULL, "TIME-WAIT", "CLOSED", false},
	{"on one interface", {"-i", "eth0", "--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, NULL, "TIME-WAIT", "CLOSED", false},
	{"on one address", {"--serve", "echo", NULL}, {ECHOED, SHUT, AT_EOF, STATE(ST_TIME_WAIT)}, NULL, "TIME-WAIT", "CLOSED", true},
};
/* clang-format on */

static struct lab *lab;

/* --- the client, on the client's host ------------------------------------------------------------
 */

struct run {
	const struct scene *scene;
	struct endpoint server;
	struct sockdiag *d;
	int fd;
	struct endpoint local;
};

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool begin(struct run *r)
{
	struct sockaddr_storage at;
	socklen_t bytes = sizeof at;
	const bool v6 = r->server.addr.family == IP_V6;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	memcpy(&v4.sin_addr, r->server.addr.bytes, sizeof v4.sin_addr);
	memcpy(&a6.sin6_addr, r->server.addr.bytes, sizeof a6.sin6_addr);
	r->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int rc = v6 ? connect(r->fd, (struct sockaddr *)&a6, sizeof a6)
			  : connect(r->fd, (struct sockaddr *)&v4, sizeof v4);
	if ((rc < 0 && errno != EINPROGRESS) ||
	    getsockname(r->fd, (struct sockaddr *)&at, &bytes) < 0)
		return false;
	if (v6) {
		r->local.addr = ip_addr_v6(((struct sockaddr_in6 *)&at)->sin6_addr.s6_addr);
		r->local.port = ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	} else {
		r->local.addr = ip_addr_v4((uint8_t *)&((struct sockaddr_in *)&at)->sin_addr);
		r->local.port = ntohs(((struct sockaddr_in *)&at)->sin_port);
	}
	return true;
}

static bool outcome(struct run *r, int wanted)
{
	const int error = labkit_outcome(r->fd, wanted == ETIMEDOUT ? 1500 : PATIENCE_MS);
	if (error != wanted)
		fprintf(stderr, "# connect: %s\n", strerror(error));
	return error == wanted;
}

static bool state_becomes(struct run *r, enum tcp_state wanted)
{
	struct sockdiag_truth truth = {.state = ST_CLOSED};
	struct fault why;
	const int64_t until = now_ms() + PATIENCE_MS;
	do {
		const struct timespec ts = {.tv_nsec = 2000000};
		if (sockdiag_ask(r->d, &r->local, &r->server, &truth, &why) < 0)
			return false;
		if (truth.state == wanted)
			return true;
		nanosleep(&ts, NULL);
	} while (now_ms() < until);
	fprintf(stderr, "# the kernel says %s, not %s\n", state_name(truth.state),
		state_name(wanted));
	return false;
}

/* Read until the text has come, or to the end. @return 0, or errno */
static int hear(struct run *r, const char *text)
{
	char got[65536];
	size_t count = 0;
	for (;;) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		if (text != NULL && count == strlen(text))
			return memcmp(got, text, count) == 0 ? 0 : EBADMSG;
		if (poll(&p, 1, PATIENCE_MS) != 1)
			return ETIMEDOUT;
		const ssize_t n = read(r->fd, got + count, sizeof got - count);
		if (n < 0)
			return errno;
		if (n == 0)
			return text == NULL ? 0 : EPIPE;
		count += (size_t)n;
	}
}

static bool step(struct run *r, const struct step *s)
{
	switch (s->op) {
	case OP_CONNECT:
		return begin(r);
	case OP_OUTCOME:
		return outcome(r, s->number);
	case OP_STATE:
		return state_becomes(r, (enum tcp_state)s->number);
	case OP_SEND:
		return write(r->fd, s->text, strlen(s->text)) == (ssize_t)strlen(s->text);
	case OP_READ:
		return hear(r, s->text) == 0;
	case OP_EOF:
		return hear(r, NULL) == 0;
	case OP_RESET:
		return hear(r, NULL) == ECONNRESET;
	case OP_SHUT:
		return shutdown(r->fd, SHUT_WR) == 0;
	case OP_CLOSE:
		return close(r->fd) == 0;
	case OP_END:
		break;
	}
	return true;
}

static int run_client(void *context)
{
	struct run *r = context;
	struct fault why;
	if (sockdiag_open(&r->d, NULL, &why) < 0)
		return 100;
	for (int i = 0; r->scene->steps[i].op != OP_END; i++)
		if (!step(r, &r->scene->steps[i]))
			return i + 1;
	return 0;
}

/* --- the test
 * ---------------------------------------------------------------------------------------- */

static void check_told(const struct scene *s, const struct story *told)
{
	const bool ends =
		(s->client == NULL || strcmp(story_final_state(told, "client"), s->client) == 0) &&
		(s->server == NULL || strcmp(story_final_state(told, "server"), s->server) == 0);
	if (ends && told->json_good && (s->note == NULL || story_has_note(told, s->note)) &&
	    !story_has_note(told, "own.unsent") && !story_has_note(told, "contradiction"))
		return;
	story_print(told);
	fail_msg("%s: told of client %s, server %s; note %s: %d", s->name,
		 story_final_state(told, "client"), story_final_state(told, "server"),
		 s->note != NULL ? s->note : "-", s->note == NULL || story_has_note(told, s->note));
}

static void run_scene(const struct scene *s, enum ip_family family)
{
	const char *words[24] = {"listen", "-n", "-j", "--once", "--time-wait", "60"};
	int count = 6;
	for (int i = 0; s->words[i] != NULL; i++)
		words[count++] = s->words[i];
	words[count] = !s->one_address   ? PORT_TEXT
		       : family == IP_V6 ? "[2001:db8::2]:" PORT_TEXT
					 : "192.0.2.2:" PORT_TEXT;
	struct served served;
	struct story told;
	struct run run = {.scene = s, .server = {lab_address(lab, LAB_SERVER, family), PORT}};
	served_begin(&served, lab, words);
	const int rc = labkit_run(lab, LAB_CLIENT, run_client, &run);
	served_end(&served, SIGINT, &told);
	if (rc != 0) {
		story_print(&told);
		fail_msg("%s (IPv%d): step %d", s->name, family, rc);
	}
	check_told(s, &told);
	story_free(&told);
}

static void test_scene(void **state)
{
	const struct scene *s = *state;
	const struct lab_spec spec = {.router = false};
	lab = labkit_open(&spec);
	run_scene(s, IP_V4);
	run_scene(s, IP_V6);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_COUNT(scenes)];
	for (size_t i = 0; i < ARRAY_COUNT(scenes); i++)
		tests[i] = (struct CMUnitTest){scenes[i].name, test_scene, NULL, labkit_teardown,
					       (void *)(uintptr_t)&scenes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * trace against listen: both ends by hand, no kernel's TCP anywhere. Each knows its own state
 * exactly and infers the other's, so each is the truth for the other: what one end was after a
 * segment must be among what the other side held possible, and, where nothing surprising
 * happened, be what it expected or had proven.
 */
#include "../support/cm.h"
#include "../support/labkit.h"
#include "../support/served.h"

#include "synscope/core/util.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PORT_TEXT "7777"

struct play {
	const char *name;
	const char *listen[10];
	const char *trace[10];
	const char *client, *server; /* how both end, as told by themselves */
	bool surprising; /* something is lost, or no open port: only `possible` is compared */
};

/* clang-format off */
static const struct play plays[] = {
	{"open and close", {"--serve", "sink", NULL}, {NULL}, "TIME-WAIT", "CLOSED", false},
	{"echo", {"--serve", "echo", NULL}, {"--data-string", "hello\\n", "--wait", "100ms", NULL}, "TIME-WAIT", "CLOSED", false},
	{"the server closes first", {"--serve", "http", NULL}, {"--data-string", "GET / HTTP/1.0\\r\\n\\r\\n", "--wait", "5", NULL}, "CLOSED", "TIME-WAIT", false},
	{"the client resets", {"--serve", "echo", NULL}, {"--data-string", "x", "--wait", "100ms", "--close", "rst", NULL}, "CLOSED", "CLOSED", false},
	{"the server resets", {"--serve", "echo", "--rst-after", "2", NULL}, {"--data-string", "x", "--wait", "2", NULL}, "CLOSED", "CLOSED", false},
	{"refused", {"--as", "closed", NULL}, {NULL}, "CLOSED", "CLOSED", true},
	{"SYN cookies", {"--as", "stateless", "--serve", "echo", NULL}, {"--data-string", "x", "--wait", "100ms", NULL}, "TIME-WAIT", "CLOSED", true},
	{"the SYN,ACK is lost", {"--serve", "echo", "--drop", "SYNACK:1", "--rto", "100ms", NULL}, {"--data-string", "x", "--wait", "300ms", "--rto", "200ms", NULL}, "TIME-WAIT", "CLOSED", true},
	{"split handshake", {"--serve", "echo", "--split-handshake", NULL}, {"--data-string", "x", "--wait", "200ms", NULL}, "TIME-WAIT", "CLOSED", true},
};
/* clang-format on */

static struct lab *lab;

static bool same_number(json_t *a, json_t *b, const char *path)
{
	return story_number(a, path) == story_number(b, path);
}

static bool same_segment(json_t *a, json_t *b)
{
	return strcmp(story_text(a, "tcp.flags"), story_text(b, "tcp.flags")) == 0 &&
	       strcmp(story_text(a, "direction"), story_text(b, "direction")) == 0 &&
	       same_number(a, b, "tcp.seq") && same_number(a, b, "tcp.ack") &&
	       same_number(a, b, "tcp.len");
}

static bool among(json_t *set, const char *state)
{
	size_t i;
	json_t *name;
	json_array_foreach(set, i,
			   name) if (strcmp(json_string_value(name), state) == 0) return true;
	return false;
}

/* @return how many segments both saw. A finished tuple is CLOSED, whether or not somebody listens.
 */
static unsigned compare(const struct play *p, const struct story *exact,
			const struct story *inferred, const char *side)
{
	size_t next = 0;
	unsigned compared = 0;
	json_t *a;
	json_t *b;
	char path[32];
	for (size_t i = 0; (a = story_event(exact, "segment", i)) != NULL; i++) {
		size_t k = next;
		while ((b = story_event(inferred, "segment", k)) != NULL && !same_segment(a, b))
			k++;
		if (b == NULL || json_is_true(story_get(b, "held")))
			continue;
		next = k + 1;
		compared++;
		snprintf(path, sizeof path, "%s.state", side);
		const char *truth = story_text(a, path);
		const char *said = story_text(b, path);
		snprintf(path, sizeof path, "%s.possible", side);
		const bool closed = strcmp(truth, "CLOSED") == 0 || strcmp(truth, "LISTEN") == 0;
		const bool possible = among(story_get(b, path), truth) ||
				      (closed && (among(story_get(b, path), "CLOSED") ||
						  among(story_get(b, path), "LISTEN")));
		const bool equal =
			strcmp(said, truth) == 0 ||
			(closed && (strcmp(said, "CLOSED") == 0 || strcmp(said, "LISTEN") == 0));
		if (possible && (equal || p->surprising))
			continue;
		story_print(inferred);
		fail_msg("%s: #%d: the %s was %s, and was said to be %s (%s)", p->name,
			 (int)story_number(a, "n"), side, truth, said,
			 possible ? "possible" : "not possible");
	}
	return compared;
}

static void play(const struct play *p, enum ip_family family)
{
	const char *server_words[20] = {"listen", "-n", "-j", "--once", "-i", "eth0"};
	const char *client_words[20] = {"trace", "-n", "-j"};
	int count = 6;
	for (int i = 0; p->listen[i] != NULL; i++)
		server_words[count++] = p->listen[i];
	server_words[count] = PORT_TEXT;
	count = 3;
	for (int i = 0; p->trace[i] != NULL; i++)
		client_words[count++] = p->trace[i];
	client_words[count] = family == IP_V6 ? "[2001:db8::2]:" PORT_TEXT : "192.0.2.2:" PORT_TEXT;
	struct served served;
	struct story server;
	struct story client;
	const struct story_spec spec = {.role = LAB_CLIENT, .words = client_words};
	served_begin(&served, lab, server_words);
	story_run(&client, lab, &spec);
	served_end(&served, SIGINT, &server);
	assert_true(client.json_good && server.json_good);
	assert_true(compare(p, &client, &server, "client") > 1);
	assert_true(compare(p, &server, &client, "server") > 1);
	if (strcmp(story_final_state(&client, "client"), p->client) != 0 ||
	    strcmp(story_final_state(&server, "server"), p->server) != 0) {
		story_print(&server);
		fail_msg("%s: the client ended in %s, the server in %s", p->name,
			 story_final_state(&client, "client"),
			 story_final_state(&server, "server"));
	}
	story_free(&client);
	story_free(&server);
}

static void test_play(void **state)
{
	const struct lab_spec spec = {.router = false};
	lab = labkit_open(&spec);
	play(*state, IP_V4);
	play(*state, IP_V6);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_COUNT(plays)];
	for (size_t i = 0; i < ARRAY_COUNT(plays); i++)
		tests[i] = (struct CMUnitTest){plays[i].name, test_play, NULL, labkit_teardown,
					       (void *)(uintptr_t)&plays[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What `synscope listen` answers to odd openings, as packetdrill would ask: each segment goes to
 * it and to Linux's own listener in the same lab, each answer must be the one written down here,
 * and where the two differ the reason stands beside. The client is an address that its kernel
 * does not know (the server has a permanent neighbour for it), so that nobody but this test
 * answers for it.
 *
 * Nothing waits: after the odd segment a plain SYN goes from another port, and whatever was to be
 * answered was answered before the answer to that came.
 */
#include "../support/cm.h"
#include "../support/labkit.h"

#include "synscope/core/frame.h"
#include "synscope/core/input.h"
#include "synscope/core/rules.h"
#include "synscope/core/segment.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/craft.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ISN 1000000u
#define WINDOW 5000
#define TEXT "odd"

enum { OURS, LINUX, ENDS };

static const uint16_t port_open[ENDS] = {80, 9};
static const uint16_t port_closed[ENDS] = {81, 10};
static const char *const client_text[] = {[IP_V4] = "192.0.2.77", [IP_V6] = "2001:db8::77"};
static const char *const server_text[] = {[IP_V4] = "192.0.2.2", [IP_V6] = "2001:db8::2"};

static struct craft *craft;
static struct capture *capture;
static struct lab *lab;
static uint16_t next_port = 20000;

/* --- sending and hearing --------------------------------------------------------------------- */

struct talk {
	struct endpoint here, there;
	uint32_t iss; /* theirs, once known */
	struct segment heard;
	unsigned heard_count; /* for `here` */
	uint16_t sentinel_port;
	bool sentinel; /* is answered */
};

static struct endpoint at(enum ip_family family, bool server, uint16_t port)
{
	struct endpoint e = {.port = port};
	assert_true(ip_addr_parse(&e.addr, server ? server_text[family] : client_text[family]));
	return e;
}

static void say(const struct talk *t, uint16_t from, uint16_t to, const struct segment_spec *what)
{
	struct segment_spec spec = *what;
	struct fault why;
	spec.src = t->here;
	spec.src.port = from;
	spec.dst = t->there;
	spec.dst.port = to;
	spec.window = WINDOW;
	if (craft_send(craft, &spec, &why) < 0)
		fail_msg("%s", why.text);
}

static void hear(void *context, const struct capture_frame *frame)
{
	struct talk *t = context;
	struct frame f;
	struct packet p;
	if (frame_decode(capture_link_type(capture), frame->data, frame->captured_bytes,
			 frame->wire_bytes, &f) != FRAME_OK ||
	    packet_decode(f.packet, f.captured_bytes, f.wire_bytes, &p) != PACKET_OK ||
	    p.kind != PACKET_TCP || !ip_addr_equal(&p.tcp.dst.addr, &t->here.addr))
		return;
	if (p.tcp.dst.port == t->sentinel_port) /* SYN,ACK, or RST of a closed port */
		t->sentinel = true;
	if (p.tcp.dst.port != t->here.port || p.tcp.src.port != t->there.port)
		return;
	if (t->heard_count++ == 0)
		t->heard = p.tcp; /* numbers and flags; its text is not looked at */
}

/* Hear all that is said until the sentinel is answered. One port each: a slot that a RST has just
 * sent back to LISTEN would be answered in the place of the RST. */
static void listen_until_sentinel(struct talk *t, int end)
{
	const bool closed = t->there.port == port_closed[end];
	const uint16_t port = t->there.port;
	const struct segment_spec syn = {.seq = seq_of(ISN), .flags = TCP_SYN};
	struct pollfd p = {.fd = capture_fd(capture), .events = POLLIN};
	struct fault why;
	t->heard_count = 0;
	t->sentinel = false;
	t->sentinel_port = next_port++;
	say(t, t->sentinel_port, port, &syn);
	for (int i = 0; i < 100 && !t->sentinel; i++) {
		if (capture_drain(capture, 0, hear, t, &why) < 0)
			fail_msg("%s", why.text);
		if (!t->sentinel)
			(void)poll(&p, 1, LABKIT_PATIENCE_MS / 100);
	}
	if (!t->sentinel)
		fail_msg("port %u does not answer a SYN any more", port);
	const struct segment_spec rst = {.seq = seq_of(ISN + 1), .flags = TCP_RST};
	if (!closed)
		say(t, t->sentinel_port, port, &rst);
}

/* --- cases --------------------------------------------------------------------------------------
 */

enum stage { CLOSED_PORT, LISTENING, HALF_OPEN, OPEN };

static const char *const stage_names[] = {"CLOSED", "LISTEN", "SYN-RECEIVED", "ESTABLISHED"};

/* seq counts from our ISN, ack from theirs; without a connection theirs is 0. An answer is
 * flags and numbers counted the same way; "seq=SEG.ACK" and "seq=0" of a RST. After it, a
 * connection is asked with a byte of text: alive (ACK) or gone (RST). */
struct odd {
	enum stage stage;
	const char *name;
	uint16_t flags;
	int64_t seq, ack;
	bool text, bad_checksum;
	const char *section; /* of the row of the table that decides; NULL: no machine sees it */
	const char *ours, *linux;
	const char *why; /* the two differ */
};

#define F TCP_FIN
#define S TCP_SYN
#define R TCP_RST
#define P TCP_PSH
#define A TCP_ACK
#define U TCP_URG

/* clang-format off */
static const struct odd odds[] = {
	{CLOSED_PORT, "SYN", S, 0, 0, false, false, "3.10.7.1",
	 "RST,ACK seq=0 ack+1", "RST,ACK seq=0 ack+1", NULL},
	{CLOSED_PORT, "SYN with text", S, 0, 0, true, false, "3.10.7.1",
	 "RST,ACK seq=0 ack+4", "RST,ACK seq=0 ack+4", NULL},
	{CLOSED_PORT, "SYN+FIN", S | F, 0, 0, false, false, "3.10.7.1",
	 "RST,ACK seq=0 ack+2", "RST,ACK seq=0 ack+2", NULL},
	{CLOSED_PORT, "SYN+RST", S | R, 0, 0, false, false, "3.10.7.1",
	 "silence", "silence", NULL},
	{CLOSED_PORT, "NULL", 0, 0, 0, false, false, "3.10.7.1",
	 "RST,ACK seq=0 ack+0", "RST,ACK seq=0 ack+0", NULL},
	{CLOSED_PORT, "ACK", A, 0, 777, false, false, "3.10.7.1",
	 "RST seq=SEG.ACK", "RST seq=SEG.ACK", NULL},
	{CLOSED_PORT, "RST", R, 0, 0, false, false, "3.10.7.1",
	 "silence", "silence", NULL},
	{LISTENING, "SYN+FIN", S | F, 0, 0, false, false, "3.10.7.2 third check",
	 "SYN,ACK ack+1", "silence",
	 "the RFC takes the SYN and leaves the FIN for later; Linux drops the pair, which only scanners send (tcp_rcv_state_process, since 3.3)"},
	{LISTENING, "SYN+RST", S | R, 0, 0, false, false, "3.10.7.2 first check",
	 "silence", "silence", NULL},
	{LISTENING, "NULL", 0, 0, 0, false, false, "3.10.7.2 fourth check",
	 "silence", "silence", NULL},
	{LISTENING, "NULL with text", 0, 0, 0, true, false, "3.10.7.2 fourth check",
	 "silence", "silence", NULL},
	{LISTENING, "FIN", F, 0, 0, false, false, "3.10.7.2 fourth check",
	 "silence", "silence", NULL},
	{LISTENING, "FIN+PSH+URG", F | P | U, 0, 0, false, false, "3.10.7.2 fourth check",
	 "silence", "silence", NULL},
	{LISTENING, "SYN with text", S, 0, 0, true, false, "3.10.7.2 third check",
	 "SYN,ACK ack+1", "SYN,ACK ack+1", NULL},
	{LISTENING, "SYN, bad checksum", S, 0, 0, false, true, NULL,
	 "silence", "silence", NULL},
	{LISTENING, "ACK out of nowhere", A, 0, 777, false, false, "3.10.7.2 second check",
	 "RST seq=SEG.ACK", "RST seq=SEG.ACK", NULL},
	{LISTENING, "text out of nowhere", A | P, 0, 777, true, false, "3.10.7.2 second check",
	 "RST seq=SEG.ACK", "RST seq=SEG.ACK", NULL},
	{LISTENING, "SYN+ACK", S | A, 0, 777, false, false, "3.10.7.2 second check",
	 "RST seq=SEG.ACK", "RST seq=SEG.ACK", NULL},
	{LISTENING, "FIN+ACK", F | A, 0, 777, false, false, "3.10.7.2 second check",
	 "RST seq=SEG.ACK", "RST seq=SEG.ACK", NULL},
	{LISTENING, "RST", R, 0, 0, false, false, "3.10.7.2 first check",
	 "silence", "silence", NULL},
	{LISTENING, "RST+ACK", R | A, 0, 777, false, false, "3.10.7.2 first check",
	 "silence", "silence", NULL},
	{HALF_OPEN, "the same SYN again", S, 0, 0, false, false, "3.10.7.4 first check",
	 "ACK seq+1 ack+1, alive", "SYN,ACK seq+0 ack+1, alive",
	 "the RFC acknowledges what lies before the window; Linux keeps no state but a request and repeats its SYN,ACK (tcp_check_req)"},
	{HALF_OPEN, "another SYN, in window", S, 100, 0, false, false, "3.10.7.4 fourth check",
	 "silence, gone", "RST,ACK seq=0 ack+101, gone",
	 "the RFC goes back to LISTEN without a word, after a passive open; Linux says so by a RST (tcp_check_req, embryonic reset)"},
	{HALF_OPEN, "ACK of nothing sent", A, 1, 5000, false, false, "3.10.7.4 fifth check",
	 "RST seq=SEG.ACK, alive", "RST seq=SEG.ACK, alive", NULL},
	{HALF_OPEN, "ACK with old number", A, 1, 0, false, false, "3.10.7.4 fifth check",
	 "RST seq=SEG.ACK, alive", "RST seq=SEG.ACK, alive", NULL},
	{HALF_OPEN, "ACK out of window", A, -70000, 1, false, false, "3.10.7.4 first check",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{HALF_OPEN, "RST, exact", R, 1, 0, false, false, "3.10.7.4 second check",
	 "silence, gone", "silence, gone", NULL},
	{HALF_OPEN, "RST in window", R, 100, 0, false, false, "5961 3.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{HALF_OPEN, "RST out of window", R, -70000, 0, false, false, "3.10.7.4 first check",
	 "silence, alive", "silence, alive", NULL},
	{HALF_OPEN, "NULL", 0, 1, 0, false, false, "3.10.7.4 fifth check",
	 "silence, alive", "silence, alive", NULL},
	{HALF_OPEN, "FIN without ACK", F, 1, 0, false, false, "3.10.7.4 fifth check",
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "SYN, old number", S, 0, 0, false, false, "5961 4.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "SYN in window", S, 1, 0, false, false, "5961 4.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "SYN far outside", S, -500000, 0, false, false, "5961 4.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "SYN+FIN in window", S | F, 1, 0, false, false, "5961 4.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "SYN+RST, exact", S | R, 1, 0, false, false, "3.10.7.4 second check",
	 "silence, gone", "silence, gone", NULL},
	{OPEN, "SYN+ACK again", S | A, 0, 1, false, false, "5961 4.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "RST, exact", R, 1, 0, false, false, "3.10.7.4 second check",
	 "silence, gone", "silence, gone", NULL},
	{OPEN, "RST in window", R, 100, 0, false, false, "5961 3.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "RST one before", R, 0, 0, false, false, "3.10.7.4 first check",
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "RST out of window", R, -70000, 0, false, false, "3.10.7.4 first check",
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "RST+ACK, exact", R | A, 1, 1, false, false, "3.10.7.4 second check",
	 "silence, gone", "silence, gone", NULL},
	{OPEN, "NULL", 0, 1, 0, false, false, "3.10.7.4 fifth check",
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "text without ACK", P, 1, 0, true, false, "3.10.7.4 fifth check",
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "text, bad checksum", P | A, 1, 1, true, true, NULL,
	 "silence, alive", "silence, alive", NULL},
	{OPEN, "text out of window", P | A, -70000, 1, true, false, "3.10.7.4 first check",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "text beyond a gap", P | A, 101, 1, true, false, "3.10.7.4 seventh check",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "ACK of nothing sent", A, 1, 5000, false, false, "3.10.7.4 fifth check",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "ACK far too old", A, 1, -500000, false, false, "5961 5.2",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "FIN beyond a gap", F | A, 101, 1, false, false, "3.10.7.4 eighth check",
	 "ACK seq+1 ack+1, alive", "ACK seq+1 ack+1, alive", NULL},
	{OPEN, "FIN without ACK", F, 1, 0, false, false, "3.10.7.4 fifth check",
	 "silence, alive", "silence, alive", NULL},
};
/* clang-format on */

/* The first answer, in words. */
static void answer_text(const struct talk *t, const struct odd *o, char *text, size_t bytes)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	char seq[40] = "";
	char ack[40] = "";
	if (t->heard_count == 0) {
		snprintf(text, bytes, "silence");
		return;
	}
	const struct segment *s = &t->heard;
	tcp_flags_format(s->flags, flags, sizeof flags);
	if (!(s->flags & TCP_SYN) || t->iss != 0) {
		if ((s->flags & TCP_RST) && (o->flags & TCP_ACK) &&
		    s->seq.raw == t->iss + (uint32_t)o->ack)
			snprintf(seq, sizeof seq, " seq=SEG.ACK");
		else if ((s->flags & TCP_RST) && s->seq.raw == 0)
			snprintf(seq, sizeof seq, " seq=0");
		else
			snprintf(seq, sizeof seq, " seq+%d", (int32_t)(s->seq.raw - t->iss));
	}
	if (s->flags & TCP_ACK)
		snprintf(ack, sizeof ack, " ack+%d", (int32_t)(s->ack.raw - ISN));
	snprintf(text, bytes, "%s%s%s", flags, seq, ack);
}

static void reach_stage(struct talk *t, const struct odd *o, int end)
{
	const struct segment_spec syn = {.seq = seq_of(ISN), .flags = TCP_SYN};
	if (o->stage == CLOSED_PORT || o->stage == LISTENING)
		return;
	say(t, t->here.port, t->there.port, &syn);
	listen_until_sentinel(t, end);
	if (t->heard_count != 1 || t->heard.flags != (TCP_SYN | TCP_ACK))
		fail_msg("%s: no SYN,ACK to begin with", o->name);
	t->iss = t->heard.seq.raw;
	if (o->stage == HALF_OPEN)
		return;
	const struct segment_spec ack = {
		.seq = seq_of(ISN + 1), .ack = seq_of(t->iss + 1), .flags = TCP_ACK};
	say(t, t->here.port, t->there.port, &ack);
}

/* Whether there is a connection still; and none is left afterwards. */
static const char *fate_of(struct talk *t, int end)
{
	const struct segment_spec byte = {.seq = seq_of(ISN + 1),
					  .ack = seq_of(t->iss + 1),
					  .flags = TCP_ACK,
					  .payload = (const uint8_t *)"x",
					  .payload_bytes = 1};
	say(t, t->here.port, t->there.port, &byte);
	listen_until_sentinel(t, end);
	const char *fate = t->heard_count == 0        ? ", mute"
			   : t->heard.flags & TCP_RST ? ", gone"
						      : ", alive";
	if (t->heard_count > 0 && !(t->heard.flags & TCP_RST)) {
		const struct segment_spec rst = {.seq = t->heard.ack, .flags = TCP_RST};
		say(t, t->here.port, t->there.port, &rst);
	}
	return fate;
}

static void ask(enum ip_family family, const struct odd *o, int end, char *text, size_t bytes)
{
	const uint16_t port = o->stage == CLOSED_PORT ? port_closed[end] : port_open[end];
	struct talk t = {.here = at(family, false, next_port), .there = at(family, true, port)};
	next_port++;
	reach_stage(&t, o, end);
	const struct segment_spec odd = {
		.seq = seq_of(ISN + (uint32_t)o->seq),
		.ack = seq_of(o->flags & TCP_ACK ? t.iss + (uint32_t)o->ack : 0),
		.flags = o->flags,
		.payload = (const uint8_t *)(o->text ? TEXT : NULL),
		.payload_bytes = o->text ? sizeof TEXT - 1 : 0,
		.bad_checksum = o->bad_checksum,
	};
	say(&t, t.here.port, t.there.port, &odd);
	listen_until_sentinel(&t, end);
	answer_text(&t, o, text, bytes);
	if (o->stage == HALF_OPEN || o->stage == OPEN)
		strncat(text, fate_of(&t, end), bytes - strlen(text) - 1);
	else if (t.heard_count > 0 && (t.heard.flags & TCP_SYN)) {
		const struct segment_spec rst = {.seq = t.heard.ack, .flags = TCP_RST};
		say(&t, t.here.port, t.there.port, &rst);
	}
}

/* Whether a row with this section is among those that the table has for it. */
static bool is_decided_by(const struct odd *o)
{
	static const enum ctl ctls[] = {CTL_CLOSED, CTL_LISTEN, CTL_SYN_RECEIVED_PASSIVE,
					CTL_ESTABLISHED};
	const uint32_t window = 65535;
	const struct input_vars vars = {
		.ctl = ctls[o->stage],
		.snd_una = seq_of(o->stage == OPEN ? 1 : 0),
		.snd_nxt = seq_of(1),
		.snd_wnd_max = WINDOW,
		.irs = seq_of(ISN),
		.rcv_nxt = seq_of(ISN + 1),
		.rcv_wnd = window,
	};
	const struct segment s = {
		.seq = seq_of(ISN + (uint32_t)o->seq),
		.ack = seq_of((uint32_t)o->ack),
		.flags = o->flags,
		.window = WINDOW,
		.payload_bytes = o->text ? sizeof TEXT - 1 : 0,
	};
	struct rule_step steps[RULE_STEPS_MAX];
	if (o->section == NULL)
		return o->bad_checksum;
	(void)rules_segment(vars.ctl, input_facts(&vars, &s), ORIGINS_OWN, steps);
	for (size_t i = 0; i < steps[0].rows_count; i++)
		if (strcmp(tcp_rules[steps[0].rows[i]].section, o->section) == 0)
			return true;
	for (size_t i = 0; i < steps[0].rows_count; i++)
		fprintf(stderr, "# row %s: %s\n", tcp_rules[steps[0].rows[i]].section,
			tcp_rules[steps[0].rows[i]].sentence);
	return false;
}

static void test_odd_openings_are_answered_by_the_table(enum ip_family family)
{
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof odds / sizeof odds[0]; i++) {
		const struct odd *o = &odds[i];
		char got[ENDS][100];
		for (int end = 0; end < ENDS; end++)
			ask(family, o, end, got[end], sizeof got[end]);
		const bool good =
			strcmp(got[OURS], o->ours) == 0 && strcmp(got[LINUX], o->linux) == 0 &&
			(o->why == NULL) == (strcmp(o->ours, o->linux) == 0) && is_decided_by(o);
		wrong += good ? 0 : 1;
		fprintf(stderr, "# %s%-12s %-28s listen: %-28s linux: %s%s%s [%s]\n",
			good ? "" : "WRONG ", stage_names[o->stage], o->name, got[OURS], got[LINUX],
			o->why != NULL ? "; they differ: " : "", o->why != NULL ? o->why : "",
			o->section != NULL ? o->section : "3.1");
	}
	if (wrong > 0)
		fail_msg("%u answers are not what is written down (see stderr)", wrong);
}

static void test_odd_openings_v4_are_answered_by_the_table(void **state)
{
	(void)state;
	test_odd_openings_are_answered_by_the_table(IP_V4);
}

static void test_odd_openings_v6_are_answered_by_the_table(void **state)
{
	(void)state;
	test_odd_openings_are_answered_by_the_table(IP_V6);
}

/* --- the lab ---------------------------------------------------------------------------------- */

struct listener {
	const char *port, *as;
	int out; /* a pipe for its stderr */
};

static int run_listener(void *context)
{
	const struct listener *l = context;
	const char *program = getenv("SYNSCOPE");
	const int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(l->out, STDERR_FILENO);
	execl(program != NULL ? program : "build/synscope", "synscope", "listen", "-n", "-i",
	      "eth0", "--serve", "sink", "--close", "none", "--as", l->as, l->port, (char *)NULL);
	return 127;
}

static void start_listener(const char *port, const char *as)
{
	int fd[2];
	struct fault why;
	char text[400] = "";
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	struct listener l = {.port = port, .as = as, .out = fd[1]};
	if (lab_spawn(lab, LAB_SERVER, run_listener, &l, &why) < 0)
		fail_msg("%s", why.text);
	close(fd[1]);
	const ssize_t got = read(fd[0], text, sizeof text - 1);
	if (got <= 0 || strstr(text, "listening on") == NULL)
		fail_msg("no listener: %s", text);
	fcntl(fd[0], F_SETFD, 0); /* stays open: it may have more to say */
}

static int run_neighbours(void *context)
{
	(void)context;
	return system(
		"ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:01 dev eth0 nud permanent && "
		"ip neigh replace 2001:db8::77 lladdr 02:00:00:00:00:01 dev eth0 nud permanent");
}

/* In a child of the lab's opener: be the client. */
static int play(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_odd_openings_v4_are_answered_by_the_table),
		cmocka_unit_test(test_odd_openings_v6_are_answered_by_the_table),
	};
	const struct capture_spec spec = {.interface = "eth0", .buffer_bytes = 4u << 20};
	struct fault why = {{0}};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (lab_enter(lab, LAB_CLIENT, &why) < 0 || craft_open(&craft, IP_NONE, "eth0", &why) < 0 ||
	    capture_open(&capture, &spec, &why) < 0) {
		fprintf(stderr, "# %s\n", why.text);
		return 1;
	}
	return cmocka_run_group_tests_name("listen_odd", tests, NULL, NULL);
}

static void start_ends(void **state)
{
	(void)state;
	static const struct lab_spec plain = {.router = false};
	lab = labkit_open(&plain);
	assert_int_equal(labkit_run(lab, LAB_SERVER, run_neighbours, NULL), 0);
	labkit_serve(lab, PEER_LINGER_OPEN, port_open[LINUX]);
	start_listener("80", "open");
	start_listener("81", "closed");
}

int main(void)
{
	const struct CMUnitTest begin[] = {cmocka_unit_test(start_ends)};
	if (cmocka_run_group_tests_name("listen_odd_lab", begin, NULL, NULL) != 0)
		return 1;
	if (lab == NULL)
		return 0; /* skipped, and said why */
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0)
		_exit(play());
	int status = 1;
	(void)waitpid(child, &status, 0);
	labkit_close(lab);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

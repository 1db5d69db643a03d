/*
 * A server that answers wrongly, built by hand from the same edges: what no TCP would say is
 * not believed, and is named with the arithmetic.
 */
#include "../support/cm.h"
#include "../support/story.h"

#include "synscope/core/frame.h"
#include "synscope/core/segment.h"
#include "synscope/core/util.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/guard.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT 5555

/* How the hand-made server answers a segment without RST; 0 flags: no answer. */
struct manner {
	const char *name;
	uint16_t flags;
	int32_t ack_off;      /* from the right acknowledgement */
	bool once_then_right; /* wrong the first time, a proper SYN,ACK the second */
	int status;
	const char *verdict, *note;
};

/* clang-format off */
static const struct manner manners[] = {
	{"SYN,ACK of the wrong number", TCP_SYN | TCP_ACK, 1, false, 3, "inconsistent", "synack.wrong_ack"},
	{"SYN,ACK of our ISN itself", TCP_SYN | TCP_ACK, -1, false, 3, "inconsistent", "synack.wrong_ack"},
	{"wrong SYN,ACK, then the right one", TCP_SYN | TCP_ACK, 7, true, 0, "open", "synack.wrong_ack"},
	{"RST without ACK", TCP_RST, 0, false, 3, "inconsistent", "rst.ignored"},
	{"RST,ACK of a number never sent", TCP_RST | TCP_ACK, 5, false, 3, "inconsistent", "rst.ignored"},
	{"RST,ACK of our SYN", TCP_RST | TCP_ACK, 0, false, 1, "closed", "rst.refuses"},
	{"a bare ACK", TCP_ACK, -100, false, 3, "inconsistent", "ack.challenge"},
};
/* clang-format on */

struct server {
	const struct manner *manner;
	struct endpoint local;
	int ready;
	struct craft *craft;
	struct capture *capture;
	unsigned answered;
};

static void answer(void *context, const struct capture_frame *f)
{
	struct server *s = context;
	struct frame link;
	struct packet p;
	struct fault why;
	if (frame_decode(capture_link_type(s->capture), f->data, f->captured_bytes, f->wire_bytes,
			 &link) != FRAME_OK ||
	    packet_decode(link.packet, link.captured_bytes, link.wire_bytes, &p) != PACKET_OK ||
	    p.kind != PACKET_TCP || p.tcp.dst.port != PORT ||
	    (p.tcp.flags & (TCP_SYN | TCP_RST)) != TCP_SYN)
		return;
	const bool right = s->manner->once_then_right && s->answered > 0;
	struct segment_spec spec = {
		.src = s->local,
		.dst = p.tcp.src,
		.seq = seq_of(s->manner->flags & TCP_RST ? 0 : 1000),
		.ack = seq_add(segment_end(&p.tcp), right ? 0 : (uint32_t)s->manner->ack_off),
		.flags = s->manner->flags,
		.window = 1000,
	};
	s->answered++;
	if (craft_send(s->craft, &spec, &why) < 0)
		_exit(9);
}

static int serve(void *context)
{
	struct server *s = context;
	struct guard *guard;
	struct fault why;
	const struct guard_spec gs = {.kind = GUARD_AUTO, .local = s->local};
	const struct capture_spec cs = {.interface = "eth0", .filter = "tcp port 5555"};
	if (guard_arm(&guard, &gs, &why) < 0 || capture_open(&s->capture, &cs, &why) < 0 ||
	    craft_open(&s->craft, (enum ip_family)s->local.addr.family, NULL, &why) < 0) {
		fprintf(stderr, "# %s\n", why.text);
		return 1;
	}
	if (write(s->ready, "r", 1) != 1)
		return 1;
	for (int i = 0; i < 2000; i++) { /* 20 s at most */
		struct pollfd fd = {capture_fd(s->capture), POLLIN, 0};
		poll(&fd, 1, 10);
		if (capture_drain(s->capture, 0, answer, s, &why) < 0)
			return 1;
	}
	return 0;
}

static void play(const struct manner *m, enum ip_family family)
{
	struct lab *lab;
	struct story story;
	struct fault why;
	char byte;
	int ready[2];
	char target[ENDPOINT_TEXT_MAX];
	const struct lab_spec spec = {.router = false};
	if (lab_open(&lab, &spec, &why) < 0) {
		fprintf(stderr, "# skipped: %s\n", why.text);
		skip();
	}
	assert_int_equal(pipe(ready), 0);
	struct server server = {.manner = m,
				.local = {lab_address(lab, LAB_SERVER, family), PORT},
				.ready = ready[1]};
	assert_true(lab_spawn(lab, LAB_SERVER, serve, &server, &why) > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	const char *words[] = {"trace",
			       "-j",
			       "--rto",
			       "60ms",
			       endpoint_format(&server.local, target, sizeof target),
			       NULL};
	const struct story_spec run = {.words = words};
	story_run(&story, lab, &run);
	json_t *verdict = story_event(&story, "verdict", 0);
	const bool good = story.status == m->status && story.json_good &&
			  strcmp(story_text(verdict, "verdict.verdict"), m->verdict) == 0 &&
			  story_has_note(&story, m->note);
	if (!good) {
		story_print(&story);
		fail_msg("%s: status %d, verdict %s", m->name, story.status,
			 story_text(verdict, "verdict.verdict"));
	}
	story_free(&story);
	close(ready[0]);
	close(ready[1]);
	lab_close(lab);
}

static void test_wrong_v4(void **state)
{
	play(*state, IP_V4);
}

static void test_wrong_v6(void **state)
{
	play(*state, IP_V6);
}

int main(void)
{
	static struct CMUnitTest tests[2 * ARRAY_COUNT(manners)];
	static char names[2 * ARRAY_COUNT(manners)][100];
	for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
		snprintf(names[i], sizeof names[i], "%s, IPv%d", manners[i / 2].name,
			 i % 2 == 0 ? 4 : 6);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = i % 2 == 0 ? test_wrong_v4 : test_wrong_v6,
			.initial_state = (void *)(uintptr_t)&manners[i / 2],
		};
	}
	return cmocka_run_group_tests_name("a server that answers wrongly", tests, NULL, NULL);
}

#include "walker.h"
#include "tale.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define SENT_MAX (WALK_STEPS_MAX + 2)
#define CUTS_MAX 16
#define TWIN 100000u /* between the ISNs of our incarnations */
#define REDUCE_TRIED_MAX 200
#define REDUCE_TRIES 2

struct walker {
	struct trial *trial;
	const struct walk *walk;
	struct walk_step *made; /* what the present step comes to */
	struct tale tale;
	unsigned told; /* frames */
	seq_t isn, next;
	bool opened, over; /* our SYN was sent; somebody's RST ended it */
	seq_t cuts[CUTS_MAX], their_cuts[CUTS_MAX];
	unsigned cuts_count, their_cuts_count;
	struct segment_spec sent[SENT_MAX];
	unsigned sent_count;
	uint32_t stamp, echo;
};

static const uint8_t text[16];

const char *walk_scene_name(enum walk_scene s)
{
	switch (s) {
	case SCENE_LISTENER:
		return "a listener";
	case SCENE_DEFER:
		return "a listener with deferred accept";
	case SCENE_COOKIES:
		return "a listener with SYN cookies";
	case SCENE_SHORT:
		return "a listener with a backlog of 0";
	case SCENE_FAST_OPEN:
		return "a listener with Fast Open";
	case SCENE_CONNECT:
		return "it connects to us";
	case SCENE_NOTHING:
		return "nothing";
	case SCENE_COUNT:
		break;
	}
	return "?";
}

/* ---- the story ---- */

static void tell_belief(struct walker *w)
{
	const struct end_view *v = &w->trial->watch->view;
	const struct sockdiag_truth *truth = &w->trial->truth;
	char set[2][STATE_SET_TEXT_MAX];
	tale_say(&w->tale, "        kernel %s%s; expected %s, proven {%s}, possible {%s}\n",
		 state_name(truth->state), truth->fin_unsent ? " (FIN unsent)" : "",
		 state_name(v->state), state_set_format(v->proven, " ", set[0], sizeof set[0]),
		 state_set_format(v->possible, " ", set[1], sizeof set[1]));
}

/* The ISS of the last SYN that the kernel had sent when it sent this. */
static seq_t iss_at(const struct walker *w, unsigned at)
{
	const struct stage *s = w->trial->stage;
	for (unsigned i = at + 1; i-- > 0;)
		if (!s->frames[i].own && (s->frames[i].segment.flags & TCP_SYN))
			return s->frames[i].segment.seq;
	return seq_of(TRIAL_GARBAGE);
}

static void tell_theirs(struct walker *w, const char *mark, unsigned at)
{
	tale_say(&w->tale, "    %s [%u] ", mark, at);
	tale_segment(&w->tale, &w->trial->stage->frames[at].segment, iss_at(w, at),
		     seq_of(TRIAL_ISN));
	tale_say(&w->tale, "\n");
}

/* What the kernel sent meanwhile. */
static void tell_news(struct walker *w)
{
	for (; w->told < w->trial->stage->frames_count; w->told++)
		if (!w->trial->stage->frames[w->told].own)
			tell_theirs(w, "sends", w->told);
	tell_belief(w);
}

static void tell_own(struct walker *w, const struct segment_spec *spec, enum trial_fate fate)
{
	const struct segment s = {.seq = spec->seq,
				  .ack = spec->ack,
				  .flags = spec->flags,
				  .window = spec->window,
				  .payload_bytes = (uint32_t)spec->payload_bytes,
				  .option = spec->option};
	const seq_t iss = w->trial->iss_known ? w->trial->iss : seq_of(TRIAL_GARBAGE);
	tale_say(&w->tale, "> ");
	tale_segment(&w->tale, &s, seq_of(TRIAL_ISN), iss);
	tale_say(&w->tale, "%s\n",
		 fate == TRIAL_LOST     ? " (lost)"
		 : fate == TRIAL_COPIED ? " (an earlier one arrives)"
					: "");
}

/* ---- what to send ---- */

static void note_cut(seq_t *cuts, unsigned *count, seq_t cut)
{
	for (unsigned i = 0; i < *count; i++)
		if (seq_eq(cuts[i], cut))
			return;
	cuts[(*count)++ % CUTS_MAX] = cut;
	if (*count > CUTS_MAX)
		*count = CUTS_MAX;
}

static seq_t pick(const seq_t *cuts, unsigned count, unsigned dice, seq_t otherwise)
{
	return count > 0 ? cuts[dice % count] : otherwise;
}

/* What one would send now who had a TCP. */
static void choose_natural(const struct walker *w, unsigned dice, struct segment_spec *spec)
{
	const struct trial *t = w->trial;
	const unsigned percent = dice % 100;
	const bool anew = w->over && percent < 60;
	spec->seq = w->next;
	spec->ack = t->end;
	spec->flags = TCP_ACK;
	if (!w->opened || anew || !t->iss_known) {
		spec->seq = anew ? seq_add(w->isn, TWIN) : w->isn;
		spec->flags = TCP_SYN;
		if (!w->opened && t->iss_known && percent < 75)
			spec->flags |= TCP_ACK;
	} else if (percent < 35) {
		spec->flags = TCP_ACK;
	} else if (percent < 65) {
		spec->flags |= TCP_PSH;
		spec->payload_bytes = 1 + dice / 100 % 6;
	} else if (percent < 82) {
		spec->flags |= TCP_FIN;
	} else if (percent < 94 && w->sent_count > 0) {
		spec->flags = w->sent[w->sent_count - 1].flags;
		spec->seq = w->sent[w->sent_count - 1].seq;
		spec->payload_bytes = w->sent[w->sent_count - 1].payload_bytes;
	} else {
		spec->flags = dice / 100 % 2 == 0 ? TCP_RST : TCP_RST | TCP_ACK;
	}
}

static seq_t choose_seq(const struct walker *w, const struct walk_step *s)
{
	switch (s->seq) {
	case WALK_SEQ_NATURAL:
	case WALK_SEQ_NEXT:
		break;
	case WALK_SEQ_ISN:
		return w->isn;
	case WALK_SEQ_FIRST:
		return seq_add(w->isn, 1);
	case WALK_SEQ_CUT:
		return pick(w->cuts, w->cuts_count, s->dice, w->next);
	case WALK_SEQ_WINDOW:
		return seq_add(w->next, 5 + s->dice % 500);
	case WALK_SEQ_OUT:
		return s->dice % 2 == 0 ? seq_add(w->next, 100000000) : seq_sub(w->isn, 5000);
	case WALK_SEQ_NEW_ISN:
		return seq_add(w->isn, TWIN);
	case WALK_SEQ_COUNT:
		break;
	}
	return w->next;
}

static seq_t choose_ack(const struct walker *w, const struct walk_step *s)
{
	const struct trial *t = w->trial;
	const seq_t garbage = seq_of(TRIAL_GARBAGE + s->dice);
	if (!t->iss_known)
		return garbage;
	switch (s->ack) {
	case WALK_ACK_NONE:
	case WALK_ACK_NEXT:
		break;
	case WALK_ACK_ISS:
		return t->iss;
	case WALK_ACK_FIRST:
		return seq_add(t->iss, 1);
	case WALK_ACK_CUT:
		return pick(w->their_cuts, w->their_cuts_count, s->dice, t->end);
	case WALK_ACK_OLD:
		return seq_sub(t->iss, 1000000);
	case WALK_ACK_GARBAGE:
		return garbage;
	case WALK_ACK_COUNT:
		break;
	}
	return t->end;
}

static void choose_options(struct walker *w, const struct walk_step *s, struct segment_spec *spec)
{
	struct option_set *o = &spec->option;
	if (w->walk->stamps) {
		w->stamp += 10;
		o->has_timestamps = true;
		o->ts_value = s->old_stamp ? w->stamp - 20000 : w->stamp;
		o->ts_echo = (spec->flags & TCP_ACK) ? w->echo : 0;
	}
	if ((spec->flags & TCP_SYN) == 0)
		return;
	o->has_wscale = w->walk->scaled;
	o->wscale = w->walk->scaled ? 3 : 0;
	o->has_fastopen = w->walk->scene == SCENE_FAST_OPEN;
}

static bool is_same(const struct segment_spec *a, const struct segment_spec *b)
{
	return a->flags == b->flags && seq_eq(a->seq, b->seq) && seq_eq(a->ack, b->ack) &&
	       a->payload_bytes == b->payload_bytes && a->window == b->window &&
	       a->option.ts_value == b->option.ts_value;
}

static bool was_sent(const struct walker *w, const struct segment_spec *spec)
{
	for (unsigned i = 0; i < w->sent_count; i++)
		if (is_same(&w->sent[i], spec))
			return true;
	return false;
}

static enum watch_problem send_it(struct walker *w, struct segment_spec *spec, enum trial_fate fate)
{
	struct walk_exact *exact = &w->made->exact;
	const bool theirs = w->trial->iss_known && (spec->flags & TCP_ACK);
	*exact = (struct walk_exact){.is = true, .spec = *spec, .acks_theirs = theirs};
	if (theirs)
		exact->spec.ack = seq_of(spec->ack.raw - w->trial->iss.raw);
	w->made->act = WALK_SEND;
	w->made->fate = fate;
	tell_own(w, spec, fate);
	const enum watch_problem p = trial_send(w->trial, spec, fate);
	tell_news(w);
	return p;
}

static void note_sent(struct walker *w, const struct segment_spec *spec)
{
	const uint32_t count = (uint32_t)spec->payload_bytes + ((spec->flags & TCP_SYN) != 0) +
			       ((spec->flags & TCP_FIN) != 0);
	const seq_t end = seq_add(spec->seq, count);
	note_cut(w->cuts, &w->cuts_count, end);
	if (w->sent_count < SENT_MAX)
		w->sent[w->sent_count++] = *spec;
	if (spec->flags & TCP_RST)
		w->over = true;
	if ((spec->flags & TCP_SYN) && seq_eq(spec->seq, seq_add(w->isn, TWIN))) {
		w->isn = spec->seq;
		w->next = end;
		w->over = false;
	}
	if ((spec->flags & TCP_SYN) && seq_eq(spec->seq, w->isn))
		w->opened = true;
	else if (spec->flags & TCP_SYN)
		return; /* of nobody's incarnation */
	if ((spec->flags & TCP_RST) == 0 && seq_le(spec->seq, w->next))
		w->next = seq_max(w->next, end);
}

/* What it came to when it was recorded. */
static enum watch_problem send_exactly(struct walker *w, const struct walk_step *s)
{
	struct segment_spec spec = s->exact.spec;
	spec.payload = text;
	if (s->exact.acks_theirs)
		spec.ack = w->trial->iss_known ? seq_of(w->trial->iss.raw + spec.ack.raw)
					       : seq_of(TRIAL_GARBAGE);
	if (spec.option.has_timestamps && (spec.flags & TCP_ACK))
		spec.option.ts_echo = w->echo; /* the kernel's clock begins elsewhere each time */
	if (s->fate == TRIAL_COPIED && !was_sent(w, &spec))
		return WATCH_GOOD; /* of nothing the network makes a copy */
	if (s->fate != TRIAL_COPIED)
		note_sent(w, &spec);
	return send_it(w, &spec, s->fate);
}

static enum watch_problem step_send(struct walker *w, const struct walk_step *s)
{
	struct segment_spec spec = {.window = s->window, .payload = text};
	if (s->exact.is)
		return send_exactly(w, s);
	if (s->seq == WALK_SEQ_NATURAL) {
		choose_natural(w, s->dice, &spec);
	} else {
		spec.flags = s->flags;
		spec.seq = seq_add(choose_seq(w, s), (uint32_t)(int32_t)s->seq_off);
		spec.ack = seq_add(choose_ack(w, s), (uint32_t)(int32_t)s->ack_off);
		spec.payload_bytes = s->text_bytes;
	}
	if ((spec.flags & TCP_ACK) == 0)
		spec.ack = seq_of(0);
	choose_options(w, s, &spec);
	note_sent(w, &spec);
	return send_it(w, &spec, s->fate);
}

/* ---- the other steps ---- */

static enum watch_problem step_again(struct walker *w, const struct walk_step *s)
{
	if (w->sent_count == 0)
		return trial_look(w->trial);
	struct segment_spec spec = w->sent[s->dice % w->sent_count];
	return send_it(w, &spec, s->fate);
}

static enum watch_problem step_call(struct walker *w, enum app_call call, int argument)
{
	int returned;
	tale_say(&w->tale, "%s %d\n", app_call_name(call), argument);
	const enum watch_problem p = trial_call(w->trial, call, argument, &returned);
	if (returned < 0)
		tale_say(&w->tale, "        %s\n", strerror(-returned));
	tell_news(w);
	return p;
}

static struct walk_frame frame_at(const struct walker *w, unsigned at)
{
	const struct segment *s = &w->trial->stage->frames[at].segment;
	return (struct walk_frame){.flags = s->flags,
				   .seq_rel = s->seq.raw == 0 ? 0 : s->seq.raw - iss_at(w, at).raw,
				   .text_bytes = s->payload_bytes,
				   .ack = (s->flags & TCP_ACK) ? s->ack : seq_of(0)};
}

/* @return its place among those that wait, or how many those are: none */
static unsigned find_frame(const struct walker *w, const struct walk_frame *frame)
{
	const struct trial *t = w->trial;
	unsigned place = 0;
	for (; place < t->waiting_count; place++) {
		const struct walk_frame f = frame_at(w, t->waiting[place]);
		if (f.flags == frame->flags && f.seq_rel == frame->seq_rel &&
		    f.text_bytes == frame->text_bytes && seq_eq(f.ack, frame->ack))
			break;
	}
	return place;
}

static enum watch_problem step_arrive(struct walker *w, const struct walk_step *s)
{
	struct trial *t = w->trial;
	unsigned place = 0;
	if (s->exact.is)
		place = find_frame(w, &s->exact.frame);
	else if (s->disorder && t->waiting_count > 0)
		place = s->dice % t->waiting_count;
	if (place >= t->waiting_count)
		return trial_look(t);
	const unsigned at = t->waiting[place];
	const struct segment *segment = &t->stage->frames[at].segment;
	w->made->exact = (struct walk_exact){.is = true, .frame = frame_at(w, at)};
	if (s->lost) {
		tell_theirs(w, "lost", at);
		trial_lose(t, place);
		return trial_look(t);
	}
	tell_theirs(w, s->stays ? "arrives, and will again," : "arrives", at);
	const enum watch_problem p = trial_arrive(t, place, s->stays);
	if (segment->option.has_timestamps)
		w->echo = segment->option.ts_value;
	if (segment->flags & TCP_RST)
		w->over = true;
	note_cut(w->their_cuts, &w->their_cuts_count, segment_end(segment));
	tell_news(w);
	return p;
}

static enum watch_problem take_step(struct walker *w, const struct walk_step *s)
{
	switch (s->act) {
	case WALK_SEND:
		return step_send(w, s);
	case WALK_AGAIN:
		return step_again(w, s);
	case WALK_CALL:
		return step_call(w, s->call, s->argument);
	case WALK_ARRIVE:
		return step_arrive(w, s);
	case WALK_WAIT: {
		tale_say(&w->tale, "wait %d\n", s->ms);
		poll(NULL, 0, s->ms);
		const enum watch_problem p = trial_look(w->trial);
		tell_news(w);
		return p;
	}
	case WALK_ACT_COUNT:
		break;
	}
	return WATCH_GOOD;
}

/* ---- a walk ---- */

struct setting {
	const char *name, *value;
};

static enum watch_problem set_scene(struct walker *w)
{
	const enum walk_scene scene = w->walk->scene;
	const bool cookies = scene == SCENE_COOKIES || scene == SCENE_SHORT;
	const struct setting settings[] = {
		{"tcp_syncookies", scene == SCENE_COOKIES ? "2"
				   : cookies              ? "1"
							  : "0"},
		{"tcp_invalid_ratelimit", w->walk->unlimited ? "0" : "500"},
		{"tcp_fastopen", scene == SCENE_FAST_OPEN ? "1538" : "1"},
		{"tcp_synack_retries", "2"},
	};
	struct fault why = {{0}};
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
		if (stage_set(w->trial->stage, settings[i].name, settings[i].value, &why) < 0)
			return trial_broken(w->trial, "%s", why.text);
	enum watch_problem p = WATCH_GOOD;
	if (scene == SCENE_DEFER)
		p = step_call(w, APP_DEFER, 1);
	if (scene == SCENE_FAST_OPEN)
		p = step_call(w, APP_FAST_OPEN, 5);
	if (p == WATCH_GOOD && scene == SCENE_CONNECT)
		return step_call(w, APP_CONNECT, 0);
	if (p == WATCH_GOOD && scene != SCENE_NOTHING)
		return step_call(w, APP_LISTEN, scene == SCENE_SHORT ? 0 : 5);
	return p;
}

enum watch_problem walk_run(struct trial *t, const struct walk *walk, const struct walk_run *run)
{
	static struct walker w;
	memset(&w, 0, sizeof w);
	w.trial = t;
	w.walk = walk;
	w.tale = tale_begin(run->text, run->text_bytes);
	w.isn = w.next = seq_of(TRIAL_ISN);
	w.stamp = 1000000;
	tale_say(&w.tale, "seed %" PRIu64 ", IPv%d, %s%s%s%s\n", walk->seed, (int)walk->family,
		 walk_scene_name(walk->scene), walk->stamps ? ", time stamps" : "",
		 walk->scaled ? ", scaling" : "",
		 walk->unlimited ? ", no limit of challenges" : "");
	if (run->exact != NULL) {
		*run->exact = *walk;
		run->exact->steps_count = 0;
	}
	const bool cookies = walk->scene == SCENE_COOKIES || walk->scene == SCENE_SHORT;
	enum watch_problem p = trial_begin(t, walk->family, cookies, run->figures);
	if (p == WATCH_GOOD)
		p = set_scene(&w);
	for (unsigned i = 0; i < walk->steps_count && p == WATCH_GOOD; i++) {
		struct walk_step made = walk->steps[i];
		w.made = &made;
		p = take_step(&w, &walk->steps[i]);
		if (run->exact != NULL)
			run->exact->steps[run->exact->steps_count++] = made;
	}
	if (p != WATCH_GOOD)
		tale_say(&w.tale, "    %s: %s\n", watch_problem_name(p), t->watch->text);
	trial_end(t);
	return p;
}

/* ---- shorter ---- */

/* Whether it still goes wrong in this way; what was done becomes @p exact. */
static bool is_still(struct trial *t, const struct walk *w, enum watch_problem problem,
		     struct walk *exact)
{
	for (unsigned i = 0; i < REDUCE_TRIES; i++) {
		struct watch_figures none = {0};
		const struct walk_run run = {.figures = &none, .exact = exact};
		if (walk_run(t, w, &run) == problem)
			return true;
	}
	return false;
}

/* The same without options. */
static struct walk plain(const struct walk *w)
{
	struct walk p = *w;
	p.stamps = p.scaled = false;
	for (unsigned i = 0; i < p.steps_count; i++) {
		struct option_set *o = &p.steps[i].exact.spec.option;
		o->has_timestamps = o->has_wscale = false;
		o->ts_value = o->ts_echo = 0;
	}
	return p;
}

unsigned walk_reduce(struct trial *t, struct walk *w, enum watch_problem problem)
{
	static struct walk exact;
	static struct walk shorter;
	unsigned tries = 1;
	bool changed = is_still(t, w, problem, &exact);
	if (changed)
		*w = exact;
	shorter = plain(w);
	if (changed && is_still(t, &shorter, problem, &exact))
		*w = exact;
	while (changed) {
		changed = false;
		for (unsigned i = w->steps_count; i-- > 0 && tries < REDUCE_TRIED_MAX; tries++) {
			shorter = *w;
			shorter.steps_count--;
			memmove(&shorter.steps[i], &w->steps[i + 1],
				(w->steps_count - i - 1) * sizeof w->steps[0]);
			if (!is_still(t, &shorter, problem, &exact))
				continue;
			*w = exact;
			changed = true;
			if (i > w->steps_count)
				i = w->steps_count;
		}
	}
	return tries;
}

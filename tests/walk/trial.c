#include "trial.h"

#include "synscope/edge/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum watch_problem trial_broken(struct trial *t, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(t->watch->text, sizeof t->watch->text, format, arguments);
	va_end(arguments);
	t->watch->figures->problems[WATCH_BROKEN]++;
	return WATCH_BROKEN;
}

enum watch_problem trial_begin(struct trial *t, enum ip_family family, bool cookies,
			       struct watch_figures *figures)
{
	struct fault why = {{0}};
	struct stage *stage = t->stage;
	struct watch *watch = t->watch;
	memset(t, 0, sizeof *t);
	t->stage = stage;
	t->watch = watch;
	watch_begin(watch, figures, cookies);
	app_begin(&t->app, stage);
	if (stage_begin(stage, family, &why) < 0)
		return trial_broken(t, "%s", why.text);
	return trial_look(t);
}

void trial_end(struct trial *t)
{
	app_end(&t->app);
	stage_end(t->stage);
}

static void take_theirs(struct trial *t, unsigned at, const struct sockdiag_truth *truth)
{
	t->emission[at] = watch_emitted(t->watch, &t->stage->frames[at].segment, truth);
	t->waiting[t->waiting_count++] = at;
}

/* What can be acknowledged from now on. */
static void learn(struct trial *t, const struct segment *s)
{
	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_SYN) {
		if (!t->iss_known || !seq_eq(s->seq, t->iss))
			t->end = segment_end(s);
		t->iss_known = true;
		t->iss = s->seq;
	} else if (!t->iss_known || !seq_within(s->seq, t->iss, 1u << 20)) {
		t->iss_known = true; /* of another life, whose SYN was not seen */
		t->iss = seq_sub(s->seq, 1);
		t->end = s->seq;
	}
	t->end = seq_max(t->end, segment_end(s));
}

/* Ask the kernel, and take in what it sent. The state right after a segment is known if that
 * was the end of the step, or if the step changed nothing. */
static enum watch_problem settle(struct trial *t)
{
	struct fault why = {{0}};
	const struct sockdiag_truth before = t->truth;
	if (stage_truth(t->stage, &t->truth, &why) < 0)
		return trial_broken(t, "%s", why.text);
	const bool same =
		before.state == t->truth.state && before.fin_unsent == t->truth.fin_unsent;
	for (; t->taken < t->stage->frames_count; t->taken++) {
		const struct stage_frame *f = &t->stage->frames[t->taken];
		const bool known = same || t->taken + 1 == t->stage->frames_count;
		if (!f->own)
			take_theirs(t, t->taken, known ? &t->truth : NULL);
		else if (t->untold > 0)
			t->untold--;
		else
			watch_sent(t->watch, &f->segment);
	}
	return WATCH_GOOD;
}

/* The same before a step: without news the kernel need not be asked. */
static enum watch_problem settle_news(struct trial *t)
{
	struct fault why = {{0}};
	const int news = stage_drain(t->stage, &why);
	if (news < 0)
		return trial_broken(t, "%s", why.text);
	return news == 0 ? WATCH_GOOD : settle(t);
}

enum watch_problem trial_look(struct trial *t)
{
	const enum watch_problem p = settle(t);
	return p != WATCH_GOOD ? p : watch_compare(t->watch, &t->truth);
}

static enum watch_problem lose_own(struct trial *t, const struct segment_spec *spec)
{
	struct fault why = {{0}};
	struct stage_frame built;
	if (stage_build(t->stage, spec, &built, &why) < 0)
		return trial_broken(t, "%s", why.text);
	watch_sent(t->watch, &built.segment);
	return trial_look(t);
}

enum watch_problem trial_send(struct trial *t, struct segment_spec *spec, enum trial_fate fate)
{
	struct fault why = {{0}};
	spec->src = t->stage->us;
	spec->dst = t->stage->them;
	/* What happened by itself until now came before it. */
	enum watch_problem p = settle_news(t);
	if (p != WATCH_GOOD)
		return p;
	if (fate == TRIAL_LOST)
		return lose_own(t, spec);
	if (fate == TRIAL_COPIED)
		t->untold++;
	const uint32_t n = t->watch->n;
	if (stage_send(t->stage, spec, &why) < 0)
		return trial_broken(t, "%s", why.text);
	t->acted_ns = clock_realtime_ns();
	p = trial_look(t);
	if (p == WATCH_GOOD && fate == TRIAL_DELIVERED && t->watch->n != n + 1)
		return trial_broken(t, "what was sent was captured %u times", t->watch->n - n);
	return p;
}

enum watch_problem trial_call(struct trial *t, enum app_call call, int argument, int *returned)
{
	const enum watch_problem p = settle_news(t);
	if (p != WATCH_GOOD)
		return p;
	*returned = app_do(&t->app, call, argument);
	t->acted_ns = clock_realtime_ns();
	return trial_look(t);
}

void trial_lose(struct trial *t, unsigned place)
{
	t->waiting_count--;
	memmove(&t->waiting[place], &t->waiting[place + 1],
		(t->waiting_count - place) * sizeof t->waiting[0]);
}

enum watch_problem trial_arrive(struct trial *t, unsigned place, bool stays)
{
	const unsigned at = t->waiting[place];
	learn(t, &t->stage->frames[at].segment);
	if (!stays)
		trial_lose(t, place);
	const enum watch_problem p =
		watch_received(t->watch, t->emission[at], &t->stage->frames[at].segment);
	return p != WATCH_GOOD ? p : trial_look(t);
}

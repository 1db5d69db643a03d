/* What the looks of the views share in drawing. */
#include "view.h"

#include "synscope/render/sentence.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void view_put_intro(const struct page *p, const struct flow_memory *m, bool goes_on,
		    struct out *out)
{
	char text[SENTENCE_MAX];
	char line[RENDER_WIDTH_MAX + 1];
	const char *at = sentence_intro(m, goes_on, text, sizeof text);
	struct text t;
	text_reset(&t, p->options.color);
	if (p->options.verbosity < 0 && !goes_on && m->id <= 1)
		return;
	while (text_wrap(&at, p->options.width, line, sizeof line)) {
		text_style(&t, STYLE_MUTED);
		text_add(&t, line);
		text_put(&t, out);
	}
	if (goes_on || p->options.verbosity < 0)
		return;
	text_style(&t, STYLE_MUTED);
	text_addf(&t, "%s proven by a segment   %s expected   %s not known", p->glyphs->proven,
		  p->glyphs->expected, p->glyphs->unknown);
	text_put(&t, out);
}

int view_time_end(const struct page *p)
{
	return p->options.time_mode == TIME_ABS ? 16 : 10;
}

void view_add_time_heading(const struct page *p, struct text *t)
{
	static const char *const units[] = {
		[TIME_REL] = "ms", [TIME_DELTA] = "+ms", [TIME_ABS] = "UTC"};
	text_addf(t, " #%*s", view_time_end(p) - 2, units[p->options.time_mode]);
}

void view_add_time(const struct page *p, const struct flow_memory *m, uint32_t n, int64_t time_ns,
		   struct text *t)
{
	const int end = view_time_end(p);
	char clock[WORDS_TIME_MAX];
	if (n != 0)
		text_addf(t, "%2" PRIu32 " ", n);
	words_clock(m, time_ns, p->options.time_mode, true, clock, sizeof clock);
	if (t->columns + (int)strlen(clock) > end)
		*strchrnul(clock, '.') = '\0';
	if (t->columns + (int)strlen(clock) > end)
		snprintf(clock, sizeof clock, "%" PRId64 "s",
			 (time_ns - m->first_ns) / INT64_C(1000000000));
	if (t->columns + (int)strlen(clock) > end)
		clock[0] = '\0';
	text_pad(t, end - (int)strlen(clock));
	text_add(t, clock);
}

enum style view_weight_style(enum note_weight weight)
{
	switch (weight) {
	case NOTE_PLAIN:
		return STYLE_MUTED;
	case NOTE_SHOWN:
		return STYLE_PLAIN;
	case NOTE_LOUD:
		return STYLE_STRONG;
	}
	return STYLE_PLAIN;
}

const char *view_weight_mark(const struct page *p, enum note_weight weight)
{
	return weight == NOTE_LOUD ? p->glyphs->loud : p->glyphs->bullet;
}

/* What stands before a sentence, and how it looks. */
struct lead {
	const char *mark;
	enum style style;
};

static void put_wrapped(const struct page *p, struct text *t, int from, struct lead lead,
			const char *text, struct out *out)
{
	char line[RENDER_WIDTH_MAX + 1];
	while (text_wrap(&text, p->options.width - from - 2, line, sizeof line)) {
		text_pad(t, from);
		text_style(t, lead.style);
		text_addf(t, "%s %s", lead.mark, line);
		text_put(t, out);
		lead.mark = " ";
	}
}

void view_put_sentence(const struct page *p, struct text *t, int from, const char *text,
		       enum note_weight weight, struct out *out)
{
	const struct lead lead = {view_weight_mark(p, weight), view_weight_style(weight)};
	put_wrapped(p, t, from, lead, text, out);
}

void view_put_fold(const struct page *p, int from, const char *text, struct out *out)
{
	const struct lead lead = {p->glyphs->gap, STYLE_MUTED};
	struct text t;
	text_reset(&t, p->options.color);
	put_wrapped(p, &t, from, lead, text, out);
}

enum style view_style(const struct flow_memory *m, enum side from)
{
	const enum side out = m->server_local && !m->client_local ? SIDE_SERVER : SIDE_CLIENT;
	return from == out ? STYLE_OUT : STYLE_IN;
}

bool view_changed(const struct flow_memory *m, enum side side, const struct end_view *v)
{
	return !words_end_same(&m->end[side], v);
}

/* Time without a segment becomes a row of its own from here on, if it is also more than
 * so many round trips. */
#define GAP_NS INT64_C(200000000)
#define GAP_ROUNDTRIPS 5

static bool is_synchronized(const struct end_view *v)
{
	return v->certainty != CERTAINTY_UNKNOWN && v->state >= ST_ESTABLISHED;
}

const char *view_gap(const struct flow_memory *m, const struct event *e)
{
	const int64_t gap = m->last_ns - m->previous_ns;
	/* a timer says itself how long it ran */
	if (e->type == EVENT_TIMER && e->u.timer.after_ns > gap / 2)
		return NULL;
	if (gap <= GAP_NS || gap <= m->rtt_ns * GAP_ROUNDTRIPS)
		return NULL;
	const bool again = e->type == EVENT_SEGMENT && e->u.segment.retransmission;
	const bool idle = e->type == EVENT_SEGMENT && !again &&
			  is_synchronized(&m->end[SIDE_CLIENT]) &&
			  is_synchronized(&m->end[SIDE_SERVER]);
	return idle ? "application idle" : "silence";
}

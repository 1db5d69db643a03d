/*
 * One whole sentence a segment, without art and without marks: for screen readers,
 * and for grep. A line is as long as it is; it is never folded or cut.
 */
#include "rows.h"

#include "synscope/render/flows.h"
#include "synscope/render/sentence.h"
#include "synscope/render/summary.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX (SENTENCE_SEGMENT_MAX + 128)

struct render {
	struct render_options options;
	struct out *out;
	struct flows flows;
};

struct render *lines_open(struct out *out, const struct render_options *options)
{
	struct render *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->options = *options;
	r->out = out;
	flows_init(&r->flows);
	return r;
}

/* Text of others is brought to printable ASCII on its way out. */
static void put_line(struct render *r, const char *line)
{
	struct text t;
	text_reset(&t, false);
	text_add_foreign(&t, line, TEXT_BYTES_MAX, "");
	text_put(&t, r->out);
}

static void add_time(const struct render *r, const struct flow_memory *m, int64_t time_ns,
		     char *line)
{
	char clock[WORDS_TIME_MAX];
	words_clock(m, time_ns, r->options.time_mode, false, clock, sizeof clock);
	text_append(line, LINE_BYTES_MAX, "%s%s", clock,
		    r->options.time_mode == TIME_ABS ? " UTC" : " ms");
}

static void put_notes(struct render *r, const struct flow_memory *m, uint32_t n,
		      const struct note *notes, size_t count)
{
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		const enum note_weight weight = words_note_weight(notes[i].code);
		char line[LINE_BYTES_MAX];
		if (weight == NOTE_PLAIN && r->options.verbosity < 1)
			continue;
		snprintf(line, sizeof line, "flow %" PRIu32 " note on %" PRIu32 ": %s%s", m->id, n,
			 weight == NOTE_LOUD ? "problem, " : "", notes[i].text);
		if (notes[i].rfc != NULL)
			text_append(line, sizeof line, ", RFC %s", notes[i].rfc);
		put_line(r, line);
	}
}

static void put_start(struct render *r, const struct flow_memory *m)
{
	char line[LINE_BYTES_MAX];
	char end[FLOW_NAME_MAX + ENDPOINT_TEXT_MAX + 8];
	if (r->options.verbosity < 0)
		return;
	snprintf(line, sizeof line, "flow %" PRIu32 ": client %s%s", m->id,
		 words_endpoint(&m->client, m->client_name, end, sizeof end),
		 m->client_local ? " is us" : "");
	text_append(line, sizeof line, ", server %s%s",
		    words_endpoint(&m->server, m->server_name, end, sizeof end),
		    m->server_local ? " is us" : "");
	if (m->vantage[0] != '\0')
		text_append(line, sizeof line, ", vantage %s", m->vantage);
	if (m->interface[0] != '\0')
		text_append(line, sizeof line, ", on %s", m->interface);
	put_line(r, line);
}

static void put_row(struct render *r, struct flow_memory *m, const struct event *e)
{
	const bool segment = e->type == EVENT_SEGMENT;
	const uint32_t n = segment ? e->u.segment.n : e->u.icmp.n;
	char line[LINE_BYTES_MAX];
	char row[SENTENCE_SEGMENT_MAX];
	flow_tick(m, e);
	snprintf(line, sizeof line, "flow %" PRIu32 " segment %" PRIu32 " at ", m->id, n);
	add_time(r, m, e->time_ns, line);
	text_append(line, sizeof line, ": %s", sentence_row(e, &r->options, row, sizeof row));
	put_line(r, line);
	if (segment)
		put_notes(r, m, n, e->u.segment.notes, e->u.segment.notes_count);
	else
		put_notes(r, m, n, e->u.icmp.notes, e->u.icmp.notes_count);
}

static void put_timer(struct render *r, struct flow_memory *m, const struct event *e)
{
	const struct event_timer *t = &e->u.timer;
	char line[LINE_BYTES_MAX];
	char after[WORDS_TIME_MAX];
	if (t->kind == TIMER_DELAYED_ACK && r->options.verbosity < 1)
		return;
	flow_tick(m, e);
	snprintf(line, sizeof line, "flow %" PRIu32 " timer at ", m->id);
	add_time(r, m, e->time_ns, line);
	text_append(line, sizeof line, ": %s %s timer fired after %s, expiry %" PRIu32 "%s",
		    side_name(t->side), timer_kind_name(t->kind),
		    words_duration(t->after_ns, after, sizeof after), t->attempt,
		    t->gave_up ? ", given up" : "");
	if (t->text[0] != '\0')
		text_append(line, sizeof line, ", %s", t->text);
	put_line(r, line);
}

static void put_transition(struct render *r, const struct flow_memory *m,
			   const struct transition *t)
{
	char line[LINE_BYTES_MAX];
	if (r->options.verbosity < 1)
		return;
	snprintf(line, sizeof line, "flow %" PRIu32 " state: %s from %s to %s, %s", m->id,
		 side_name(t->side), state_name(t->from), state_name(t->to),
		 certainty_name(t->certainty));
	if (t->by != 0)
		text_append(line, sizeof line, " by segment %" PRIu32, t->by);
	if (t->cause != NULL)
		text_append(line, sizeof line, ", %s", t->cause);
	if (t->rfc != NULL)
		text_append(line, sizeof line, ", RFC %s", t->rfc);
	put_line(r, line);
}

static void put_summary(struct render *r, const char *head, const struct summary *s)
{
	char line[LINE_BYTES_MAX];
	for (size_t i = 0; i < s->count; i++) {
		snprintf(line, sizeof line, "%s%s: %s", head, s->rows[i].key, s->rows[i].text);
		put_line(r, line);
	}
}

static void put_flow(struct render *r, struct flow_memory *m, const struct event_flow *f)
{
	char head[32];
	struct summary s;
	summary_flow(&s, m, f, &r->options);
	snprintf(head, sizeof head, "flow %" PRIu32 " ", m->id);
	put_summary(r, head, &s);
	flows_drop(&r->flows, m);
}

static void put_rest(struct render *r, const struct event_end *e)
{
	struct flow_memory **list = flows_list(&r->flows);
	const size_t count = list == NULL ? 0 : r->flows.count;
	struct summary s;
	for (size_t i = 0; i < count; i++)
		put_flow(r, list[i], NULL);
	free(list);
	summary_end(&s, e);
	put_summary(r, "", &s);
}

void lines_event(struct render *r, const struct event *e)
{
	if (e->type == EVENT_END) {
		put_rest(r, &e->u.end);
	} else {
		struct flow_memory *m = flows_take(&r->flows, e);
		if (e->type == EVENT_START)
			put_start(r, m);
		else if (e->type == EVENT_SEGMENT || e->type == EVENT_ICMP)
			put_row(r, m, e);
		else if (e->type == EVENT_TIMER)
			put_timer(r, m, e);
		else if (e->type == EVENT_TRANSITION)
			put_transition(r, m, &e->u.transition);
		else if (e->type == EVENT_FLOW)
			put_flow(r, m, &e->u.flow);
	}
	if (r->options.live)
		out_flush(r->out);
}

void lines_close(struct render *r)
{
	if (r == NULL)
		return;
	flows_reset(&r->flows);
	free(r);
}

/*
 * One whole sentence a segment, without art and without marks: for screen readers,
 * and for grep. A line is as long as it is; it is never folded or cut.
 */
#include "rows.h"

#include "synscope/render/flows.h"
#include "synscope/render/summary.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 1024

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

static void add_number(const struct render *r, bool has_rel, uint32_t rel, uint32_t raw, char *line)
{
	if (!has_rel || r->options.numbers == NUMBERS_RAW)
		text_append(line, LINE_BYTES_MAX, " raw %" PRIu32, raw);
	else if (r->options.numbers == NUMBERS_REL)
		text_append(line, LINE_BYTES_MAX, " %" PRIu32, rel);
	else
		text_append(line, LINE_BYTES_MAX, " %" PRIu32 " raw %" PRIu32, rel, raw);
}

static void add_end(const struct render *r, enum side side, const struct end_view *v, char *line)
{
	char set[STATE_SET_TEXT_MAX];
	const char *how = "";
	switch (v->certainty) {
	case CERTAINTY_UNKNOWN:
		if (v->possible == 0 || state_set_count(v->possible) > 3)
			text_append(line, LINE_BYTES_MAX, ", %s unknown", side_name(side));
		else
			text_append(line, LINE_BYTES_MAX, ", %s one of %s", side_name(side),
				    state_set_format(v->possible, " ", set, sizeof set));
		break;
	case CERTAINTY_EXPECTED:
		how = "expected ";
		break;
	case CERTAINTY_PROVEN:
		how = "proven ";
		break;
	case CERTAINTY_EXACT:
		break;
	}
	if (v->certainty != CERTAINTY_UNKNOWN)
		text_append(line, LINE_BYTES_MAX, ", %s %s%s", side_name(side), how,
			    state_name(v->state));
	if (v->contradiction)
		text_append(line, LINE_BYTES_MAX, " in contradiction");
	if (r->options.truth && v->has_truth)
		text_append(line, LINE_BYTES_MAX, " while its kernel says %s%s",
			    state_name(v->truth),
			    words_truth(v) == TRUTH_AGREES ? "" : ", which DIFFERS");
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

static void put_segment(struct render *r, struct flow_memory *m, const struct event *e)
{
	const struct event_segment *s = &e->u.segment;
	const char *remark = words_remark(s);
	char line[LINE_BYTES_MAX];
	char flags[TCP_FLAGS_TEXT_MAX];
	flow_tick(m, e);
	snprintf(line, sizeof line, "flow %" PRIu32 " segment %" PRIu32 " at ", m->id, s->n);
	add_time(r, m, e->time_ns, line);
	text_append(line, sizeof line, ": %s to %s %s", side_name(s->from),
		    side_name(side_other(s->from)),
		    tcp_flags_format(s->tcp.flags, flags, sizeof flags));
	text_append(line, sizeof line, " seq");
	add_number(r, s->has_seq_rel, s->seq_rel, s->tcp.seq.raw, line);
	if (s->tcp.flags & TCP_ACK) {
		text_append(line, sizeof line, " ack");
		add_number(r, s->has_ack_rel, s->ack_rel, s->tcp.ack.raw, line);
	}
	if (s->tcp.payload_bytes > 0)
		text_append(line, sizeof line, " len %" PRIu32, s->tcp.payload_bytes);
	text_append(line, sizeof line, " win %" PRIu32, s->window_bytes);
	if (remark[0] != '\0')
		text_append(line, sizeof line, ", %s", remark);
	add_end(r, SIDE_CLIENT, &s->client, line);
	add_end(r, SIDE_SERVER, &s->server, line);
	put_line(r, line);
	put_notes(r, m, s->n, s->notes, s->notes_count);
}

static void put_icmp(struct render *r, struct flow_memory *m, const struct event *e)
{
	const struct event_icmp *i = &e->u.icmp;
	char line[LINE_BYTES_MAX];
	char who[IP_ADDR_TEXT_MAX];
	flow_tick(m, e);
	snprintf(line, sizeof line, "flow %" PRIu32 " segment %" PRIu32 " at ", m->id, i->n);
	add_time(r, m, e->time_ns, line);
	text_append(line, sizeof line, ": %s tells the %s by ICMP: %s",
		    ip_addr_format(&i->icmp.ip.src, who, sizeof who), side_name(i->about),
		    icmp_reason_name(i->icmp.reason));
	if (i->about_n != 0)
		text_append(line, sizeof line, ", about its segment %" PRIu32, i->about_n);
	add_end(r, SIDE_CLIENT, &i->client, line);
	add_end(r, SIDE_SERVER, &i->server, line);
	put_line(r, line);
	put_notes(r, m, i->n, i->notes, i->notes_count);
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
		else if (e->type == EVENT_SEGMENT)
			put_segment(r, m, e);
		else if (e->type == EVENT_ICMP)
			put_icmp(r, m, e);
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

/*
 * The engine of the views.
 *
 * A live view is written as it happens. Otherwise the exchanges of a capture may be
 * interleaved, and each is collected and written when it ends, so that it reads as
 * one story; past VIEW_KEPT_BYTES_MAX what was collected is written early.
 *
 * A transfer has thousands of segments that tell nothing new. A run of them is
 * folded: its first and its last rows are shown and the rest are counted. The last
 * ones are not known until the run is over, so the newest rows are held back; when
 * live, that begins only after VIEW_LIVE_FIRST rows, lest a slow exchange look stuck.
 */
#include "view.h"

#include "rows.h"

#include "synscope/render/sentence.h"
#include "synscope/render/summary.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_FIRST 3    /* rows shown at the start of a run */
#define VIEW_LAST 2     /* and at its end */
#define VIEW_RUN_MIN 12 /* a run up to this is shown whole */
#define VIEW_LIVE_FIRST 12
#define VIEW_HELD_MAX (VIEW_RUN_MIN - VIEW_FIRST + 1)
#define VIEW_KEPT_BYTES_MAX (64u << 20)

struct held {
	struct out *rows;
	enum side from;
	uint32_t bytes;
	bool duplicate, out_of_order;
};

struct story {
	struct out *kept; /* not live: what this exchange has to say so far */
	bool begun;       /* the lifelines are being drawn */
	bool drawn;       /* they were, so that a further header says "goes on" */
	uint32_t run;     /* like segments in a row */
	struct held held[VIEW_HELD_MAX];
	size_t held_count;
	struct view_fold fold;
};

struct render {
	const struct view_look *look;
	struct page page;
	struct out *out;
	struct flows flows;
	uint32_t current; /* live: the flow whose lifelines are being drawn; 0: none */
	bool first;       /* nothing is written yet */
	size_t kept_bytes;
};

struct render *view_open(const struct view_look *look, struct out *out,
			 const struct render_options *options)
{
	struct render *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->look = look;
	r->page.options = *options;
	r->page.glyphs = glyphs_of(options->ascii);
	r->out = out;
	r->first = true;
	flows_init(&r->flows);
	return r;
}

static void story_free(struct flow_memory *m)
{
	struct story *x = m->own;
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->held_count; i++)
		out_close(x->held[i].rows);
	out_close(x->kept);
	free(x);
	m->own = NULL;
}

/* @return NULL only without memory, when an event is not shown */
static struct story *story_of(struct flow_memory *m)
{
	if (m->own == NULL)
		m->own = calloc(1, sizeof(struct story));
	return m->own;
}

static void move_text(struct out *to, struct out *from)
{
	size_t count = 0;
	const char *text = out_memory(from, &count);
	out_write(to, text, count);
	out_close(from);
}

/* What an exchange keeps in memory. */
static size_t kept_bytes(const struct story *x)
{
	size_t sum = 0;
	size_t count = 0;
	if (x == NULL)
		return 0;
	if (x->kept != NULL)
		out_memory(x->kept, &sum);
	for (size_t i = 0; i < x->held_count; i++) {
		out_memory(x->held[i].rows, &count);
		sum += count;
	}
	return sum;
}

/* --- where the rows of an exchange go ------------------------------------------------- */

static void separate(struct render *r)
{
	if (!r->first)
		out_text(r->out, "\n");
	r->first = false;
}

/* Where the next rows of this exchange go; its header is written first if need be. */
static struct out *place(struct render *r, struct flow_memory *m, struct story *x)
{
	struct out *to = r->out;
	if (!r->page.options.live) {
		if (x->kept == NULL)
			x->kept = out_open_memory();
		if (x->kept != NULL)
			to = x->kept;
	} else if (r->current != m->id) {
		separate(r);
		x->begun = false;
		r->current = m->id;
	}
	if (!x->begun)
		r->look->header(&r->page, m, x->drawn, to);
	x->begun = true;
	x->drawn = true;
	return to;
}

/* --- folding ------------------------------------------------------------------------- */

static void count_folded(struct view_fold *f, struct held *h)
{
	f->segments++;
	f->bytes[h->from] += h->bytes;
	f->acks += h->bytes == 0 && !h->duplicate;
	f->duplicates += h->duplicate;
	f->out_of_order += h->out_of_order;
	out_close(h->rows);
}

static void fold_part(char *text, size_t text_bytes, uint64_t n, const char *word)
{
	char count[WORDS_COUNT_MAX];
	if (n > 0)
		text_append(text, text_bytes, ", %s %s", words_count(n, count, sizeof count), word);
}

static void put_fold(struct render *r, const struct view_fold *f, struct out *to)
{
	static const char *const where[] = {
		[SIDE_CLIENT] = "to server", [SIDE_SERVER] = "to client"};
	char text[256];
	char piece[WORDS_COUNT_MAX];
	const char *separator = ": ";
	snprintf(text, sizeof text, "%s segment%s", words_count(f->segments, piece, sizeof piece),
		 f->segments == 1 ? "" : "s");
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		if (f->bytes[side] == 0)
			continue;
		text_append(text, sizeof text, "%s%s %s", separator,
			    words_bytes(f->bytes[side], piece, sizeof piece), where[side]);
		separator = ", ";
	}
	fold_part(text, sizeof text, f->acks, f->acks == 1 ? "ACK" : "ACKs");
	fold_part(text, sizeof text, f->duplicates, "duplicate");
	fold_part(text, sizeof text, f->out_of_order, "out of order");
	r->look->fold(&r->page, text, to);
}

/* The run is over: say what was folded, and show its last rows. */
static void unfold(struct render *r, struct story *x, struct out *to)
{
	if (x->fold.segments > 0)
		put_fold(r, &x->fold, to);
	for (size_t i = 0; i < x->held_count; i++)
		move_text(to, x->held[i].rows);
	x->held_count = 0;
	x->run = 0;
	memset(&x->fold, 0, sizeof x->fold);
}

/* Write what was kept of every exchange; they go on, so nothing is drawn below them. */
static void write_early(struct render *r)
{
	struct flow_memory **list = flows_list(&r->flows);
	for (size_t i = 0; list != NULL && i < r->flows.count; i++) {
		struct story *x = list[i]->own;
		if (x == NULL || x->kept == NULL)
			continue;
		separate(r);
		unfold(r, x, x->kept);
		move_text(r->out, x->kept);
		x->kept = NULL;
		x->begun = false;
	}
	free(list);
	r->kept_bytes = 0;
}

/* --- rows ------------------------------------------------------------------------------ */

static void put_notes(const struct render *r, const struct note *notes, size_t count,
		      struct out *to)
{
	char text[SENTENCE_MAX];
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		const enum note_weight weight = words_note_weight(notes[i].code);
		if (weight != NOTE_PLAIN || r->page.options.verbosity > 0)
			r->look->remark(&r->page, sentence_note(&notes[i], text, sizeof text),
					weight, to);
	}
}

static void put_truths(const struct render *r, const struct end_view *client,
		       const struct end_view *server, struct out *to)
{
	char text[SENTENCE_MAX];
	if (!r->page.options.truth)
		return;
	if (sentence_truth(SIDE_CLIENT, client, text, sizeof text)[0] != '\0')
		r->look->remark(&r->page, text, NOTE_LOUD, to);
	if (sentence_truth(SIDE_SERVER, server, text, sizeof text)[0] != '\0')
		r->look->remark(&r->page, text, NOTE_LOUD, to);
}

/* What else an end may be, if less went well than is shown. */
static void put_sets(const struct render *r, enum side side, const struct end_view *v,
		     struct out *to)
{
	char text[SENTENCE_MAX];
	if (r->page.options.verbosity > 1 && sentence_sets(side, v, text, sizeof text)[0] != '\0')
		r->look->remark(&r->page, text, NOTE_PLAIN, to);
}

static void put_segment(const struct render *r, struct flow_memory *m, const struct event *e,
			struct out *to)
{
	const struct event_segment *s = &e->u.segment;
	char text[SENTENCE_MAX];
	r->look->segment(&r->page, m, e, to);
	if (r->page.options.verbosity > 1) {
		r->look->remark(&r->page, sentence_window(s, text, sizeof text), NOTE_PLAIN, to);
		r->look->remark(&r->page, sentence_headers(s, text, sizeof text), NOTE_PLAIN, to);
	}
	put_notes(r, s->notes, s->notes_count, to);
	put_sets(r, SIDE_CLIENT, &s->client, to);
	put_sets(r, SIDE_SERVER, &s->server, to);
	put_truths(r, &s->client, &s->server, to);
}

static void put_icmp(const struct render *r, struct flow_memory *m, const struct event *e,
		     struct out *to)
{
	const struct event_icmp *i = &e->u.icmp;
	r->look->icmp(&r->page, m, e, to);
	put_notes(r, i->notes, i->notes_count, to);
	put_truths(r, &i->client, &i->server, to);
}

/* --- which segments may be folded -------------------------------------------------------- */

static bool has_note(const struct event_segment *s, enum note_code c)
{
	for (size_t i = 0; i < s->notes_count && i < EVENT_NOTES_MAX; i++)
		if (s->notes[i].code == c)
			return true;
	return false;
}

/* Whether a segment tells nothing that its neighbours do not tell. */
static bool is_foldable(const struct flow_memory *m, const struct event_segment *s)
{
	if (s->held || s->retransmission || (s->tcp.flags & ~(TCP_ACK | TCP_PSH)) != 0)
		return false;
	for (size_t i = 0; i < s->notes_count && i < EVENT_NOTES_MAX; i++) {
		const enum note_code code = s->notes[i].code;
		if (words_note_weight(code) != NOTE_PLAIN || code == NOTE_HANDSHAKE_COMPLETE ||
		    code == NOTE_WINDOW_ZERO || code == NOTE_FIN_ACKED)
			return false;
	}
	return words_end_same(&m->end[SIDE_CLIENT], &s->client) &&
	       words_end_same(&m->end[SIDE_SERVER], &s->server);
}

static size_t held_allowed(const struct render *r, const struct story *x)
{
	if (r->page.options.live || x->run > VIEW_RUN_MIN)
		return VIEW_LAST;
	return VIEW_HELD_MAX;
}

/* Show a segment now, or hold its rows back while a run goes on. */
static void show_segment(struct render *r, struct flow_memory *m, struct story *x,
			 const struct event *e)
{
	const struct event_segment *s = &e->u.segment;
	const uint32_t first = r->page.options.live ? VIEW_LIVE_FIRST : VIEW_FIRST;
	struct out *to = place(r, m, x);
	const bool whole = r->page.options.verbosity > 0 || r->page.options.unfolded;
	if (whole || !is_foldable(m, s)) {
		unfold(r, x, to);
		put_segment(r, m, e, to);
		return;
	}
	struct out *rows = ++x->run > first ? out_open_memory() : NULL;
	put_segment(r, m, e, rows == NULL ? to : rows);
	if (rows == NULL)
		return;
	x->held[x->held_count++] = (struct held){
		.rows = rows,
		.from = s->from,
		.bytes = s->tcp.payload_bytes,
		.duplicate = has_note(s, NOTE_ACK_DUPLICATE),
		.out_of_order = has_note(s, NOTE_DATA_OUT_OF_ORDER),
	};
	while (x->held_count > held_allowed(r, x)) {
		count_folded(&x->fold, &x->held[0]);
		x->held_count--;
		memmove(&x->held[0], &x->held[1], x->held_count * sizeof x->held[0]);
	}
}

/* --- events --------------------------------------------------------------------------- */

static void show_gap(struct render *r, struct flow_memory *m, struct story *x,
		     const struct event *e)
{
	const char *why = r->look->gap == NULL ? NULL : view_gap(m, e);
	if (why == NULL)
		return;
	struct out *to = place(r, m, x);
	unfold(r, x, to);
	r->look->gap(&r->page, m->last_ns - m->previous_ns, why, to);
}

static bool is_shown(const struct render *r, const struct event *e)
{
	switch (e->type) {
	case EVENT_SEGMENT:
	case EVENT_ICMP:
		return true;
	case EVENT_TIMER:
		return e->u.timer.kind != TIMER_DELAYED_ACK || r->page.options.verbosity > 0;
	case EVENT_TRANSITION:
		return r->page.options.verbosity > 0;
	case EVENT_START:
	case EVENT_VERDICT:
	case EVENT_FLOW:
	case EVENT_END:
		return false;
	}
	return false;
}

static void show(struct render *r, struct flow_memory *m, const struct event *e)
{
	struct story *x = story_of(m);
	if (x == NULL || !is_shown(r, e))
		return;
	if (e->type != EVENT_TRANSITION) {
		flow_tick(m, e);
		show_gap(r, m, x, e);
	}
	if (e->type == EVENT_SEGMENT) {
		show_segment(r, m, x, e);
		return;
	}
	struct out *to = place(r, m, x);
	unfold(r, x, to);
	char text[SENTENCE_MAX];
	if (e->type == EVENT_ICMP)
		put_icmp(r, m, e, to);
	else if (e->type == EVENT_TIMER)
		r->look->moment(&r->page, m, e->time_ns,
				sentence_timer(&e->u.timer, text, sizeof text),
				e->u.timer.gave_up ? NOTE_LOUD : NOTE_SHOWN, to);
	else
		r->look->remark(&r->page, sentence_transition(&e->u.transition, text, sizeof text),
				NOTE_PLAIN, to);
}

static void show_and_count(struct render *r, struct flow_memory *m, const struct event *e)
{
	const size_t before = kept_bytes(m->own);
	show(r, m, e);
	r->kept_bytes += kept_bytes(m->own) - before;
	if (r->kept_bytes > VIEW_KEPT_BYTES_MAX)
		write_early(r);
}

/* Close the lifelines, if they are being drawn; else only name the flow. */
static void finish_rows(struct render *r, struct flow_memory *m, struct story *x)
{
	const bool open = x->begun && (r->current == m->id || x->kept != NULL);
	if (open || x->held_count > 0) {
		struct out *to = place(r, m, x);
		unfold(r, x, to);
		if (r->look->bottom != NULL)
			r->look->bottom(&r->page, to);
	} else {
		separate(r);
		out_printf(r->out, "flow %" PRIu32 " ends\n", m->id);
	}
	if (x->kept != NULL) {
		separate(r);
		move_text(r->out, x->kept);
		x->kept = NULL;
	}
}

static void finish(struct render *r, struct flow_memory *m, const struct event_flow *flow)
{
	struct story *x = m->own;
	struct summary s;
	r->kept_bytes -= kept_bytes(x);
	summary_flow(&s, m, flow, &r->page.options);
	if (x != NULL && x->drawn)
		finish_rows(r, m, x);
	else if (s.count > 0)
		separate(r);
	if (x != NULL && x->begun && r->look->bottom == NULL && s.count > 0)
		out_text(r->out, "\n");
	summary_put(&s, r->out, &r->page.options);
	r->current = 0;
	story_free(m);
	flows_drop(&r->flows, m);
}

static void finish_all(struct render *r, const struct event_end *end)
{
	struct flow_memory **list = flows_list(&r->flows);
	const size_t count = list == NULL ? 0 : r->flows.count;
	struct summary s;
	for (size_t i = 0; i < count; i++)
		finish(r, list[i], NULL);
	free(list);
	summary_end(&s, end);
	if (s.count > 0 && !r->first)
		out_text(r->out, "\n");
	summary_put(&s, r->out, &r->page.options);
}

void view_event(struct render *r, const struct event *e)
{
	if (e->type == EVENT_END) {
		finish_all(r, &e->u.end);
	} else {
		struct flow_memory *m = flows_take(&r->flows, e);
		if (e->type == EVENT_FLOW)
			finish(r, m, &e->u.flow);
		else
			show_and_count(r, m, e);
	}
	if (r->page.options.live)
		out_flush(r->out);
}

void view_close(struct render *r)
{
	if (r == NULL)
		return;
	struct flow_memory **list = flows_list(&r->flows);
	for (size_t i = 0; list != NULL && i < r->flows.count; i++)
		story_free(list[i]);
	free(list);
	story_free(&r->flows.spare);
	flows_reset(&r->flows);
	free(r);
}

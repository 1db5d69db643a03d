/*
 * A picture is made from top to bottom, one row after the other, each as high as what it
 * says; only then is its height known. The columns are
 *
 *	0 .. LEFT      time and state of the client, right-aligned
 *	LEFT .. RIGHT  between the lifelines
 *	RIGHT .. 960   state of the server
 *
 * Fonts differ, so a text is taken to need EM_PERMILLE of its size for each character, which
 * no common monospaced font exceeds, and is cut or wrapped by that. What a viewer does then
 * cannot make two texts overlap (tests/lab/pictures.sh looks).
 *
 * Colours are attributes, not style: programs that import SVG do not all read style. Style
 * is added for the theme that follows the viewer's, and has the last word in a page.
 */
#include "synscope/render/picture.h"

#include "view.h"

#include "synscope/render/flows.h"
#include "synscope/render/sentence.h"
#include "synscope/render/summary.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LEFT 190
#define RIGHT 770
#define SPAN (RIGHT - LEFT)
#define MIDDLE ((LEFT + RIGHT) / 2)
#define MARGIN 14
#define GUTTER 12 /* between a lifeline and its state */
#define SLOPE 14  /* how far below its tail an arrow's head is */
#define EM_PERMILLE 620

#define SIZE_TITLE 15
#define SIZE_LABEL 13
#define SIZE_SMALL 11

enum paint { PAINT_INK, PAINT_OUT, PAINT_IN, PAINT_MUTED, PAINT_LINE, PAINT_BACK, PAINT_COUNT };

static const char *const paint_class[PAINT_COUNT] = {"ink", "out", "in", "mut", "ln", "bg"};

/* Contrast with the background: 4.5 to 1 or better for all that is text. */
static const char *const paints[][PAINT_COUNT] = {
	[THEME_AUTO] = {"#1b1b1b", "#005a9c", "#9a5b00", "#595959", "#8a8a8a", "#ffffff"},
	[THEME_LIGHT] = {"#1b1b1b", "#005a9c", "#9a5b00", "#595959", "#8a8a8a", "#ffffff"},
	[THEME_DARK] = {"#e6edf3", "#6cb6f5", "#ffb454", "#a8a8a8", "#6e7681", "#0d1117"},
	[THEME_PRINT] = {"#000000", "#000000", "#000000", "#333333", "#555555", "#ffffff"},
};

struct pen {
	const struct picture_spec *spec;
	const struct glyphs *glyphs;
	struct out *out;
	int y;
	/* the segment before, if its row ends with its arrow: for arrows that cross */
	const struct event_segment *before;
	int before_head; /* where it ended */
};

/* --- elements ------------------------------------------------------------------------------- */

static void put_paint(const struct pen *p, const char *attribute, enum paint paint)
{
	out_printf(p->out, " class=\"%c-%s\"", attribute[0], paint_class[paint]);
	if (p->spec->whole)
		out_printf(p->out, " %s=\"%s\"", attribute, paints[p->spec->options->theme][paint]);
}

static int room_for(int width, int size)
{
	return width * 1000 / (size * EM_PERMILLE);
}

struct words {
	int x;
	const char *anchor; /* "start", "middle", "end" */
	int size;
	int width; /* cut there */
	bool bold;
	enum paint paint;
	const char *name; /* for a page's script, or NULL */
};

static void put_words(const struct pen *p, const struct words *w, int y, const char *text)
{
	const int room = room_for(w->width, w->size);
	const int count = columns(text);
	const char *end = text;
	if (text[0] == '\0')
		return;
	out_printf(p->out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"", w->x, y, w->size);
	if (strcmp(w->anchor, "start") != 0)
		out_printf(p->out, " text-anchor=\"%s\"", w->anchor);
	if (w->bold)
		out_text(p->out, " font-weight=\"bold\"");
	if (w->name != NULL && !p->spec->whole)
		out_printf(p->out, " data-t=\"%s\"", w->name);
	put_paint(p, "fill", w->paint);
	out_text(p->out, ">");
	for (int i = 0; *end != '\0' && i < room - (count > room); i++)
		do
			end++;
		while (((unsigned char)*end & 0xc0) == 0x80);
	out_escape_xml(p->out, text, (size_t)(end - text));
	if (*end != '\0')
		out_text(p->out, p->glyphs->ellipsis);
	out_text(p->out, "</text>\n");
}

static void put_line(const struct pen *p, const int at[4], enum paint paint, const char *dash)
{
	out_printf(p->out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke-width=\"1.5\"",
		   at[0], at[1], at[2], at[3]);
	if (dash != NULL)
		out_printf(p->out, " stroke-dasharray=\"%s\"", dash);
	put_paint(p, "stroke", paint);
	out_text(p->out, "/>\n");
}

/* The head of an arrow, for the slopes there are: they are so small that it is not turned. */
static void put_head(const struct pen *p, int x, int y, bool to_right, enum paint paint)
{
	const int back = to_right ? -11 : 11;
	out_printf(p->out, "<path d=\"M%d %dl%d -6v11z\"", x, y, back);
	put_paint(p, "fill", paint);
	out_text(p->out, "/>\n");
}

static void put_cross(const struct pen *p, int x, int y)
{
	out_printf(p->out,
		   "<path d=\"M%d %dl10 10m0 -10l-10 10\" stroke-width=\"2.5\" fill=\"none\"",
		   x - 5, y - 5);
	put_paint(p, "stroke", PAINT_INK);
	out_text(p->out, "/>\n");
}

/* A paragraph between two edges, 16 units a line. */
static void put_paragraph(struct pen *p, const struct words *w, const char *mark, const char *text)
{
	char line[RENDER_WIDTH_MAX + 1];
	char marked[RENDER_WIDTH_MAX + 8];
	const int room = room_for(w->width, w->size) - columns(mark) - 1;
	while (text_wrap(&text, room, line, sizeof line)) {
		p->y += 16;
		snprintf(marked, sizeof marked, "%s%s%s", mark, mark[0] == '\0' ? "" : " ", line);
		put_words(p, w, p->y - 4, marked);
		if (mark[0] != '\0')
			mark = " ";
	}
}

/* Lifelines beside what takes from @p from to p->y. */
static void put_lifelines(const struct pen *p, int from, const char *dash)
{
	const int left[] = {LEFT, from, LEFT, p->y};
	const int right[] = {RIGHT, from, RIGHT, p->y};
	put_line(p, left, PAINT_LINE, dash);
	put_line(p, right, PAINT_LINE, dash);
}

/* --- rows ----------------------------------------------------------------------------------- */

static enum paint paint_of(const struct flow_memory *m, enum side from)
{
	return view_style(m, from) == STYLE_OUT ? PAINT_OUT : PAINT_IN;
}

/* Where the clock of the capture stands: at the client, unless it is known better. */
static enum side vantage_of(const struct flow_memory *m)
{
	const bool server =
		(m->server_local && !m->client_local) || strcmp(m->vantage, "at the server") == 0;
	return server ? SIDE_SERVER : SIDE_CLIENT;
}

static void put_time(const struct pen *p, const struct flow_memory *m, int64_t time_ns, int y)
{
	static const char *const units[] = {
		[TIME_REL] = " ms", [TIME_DELTA] = " ms", [TIME_ABS] = ""};
	const enum time_mode mode = p->spec->options->time_mode;
	const struct words w = {.x = LEFT - GUTTER,
				.anchor = "end",
				.size = SIZE_SMALL,
				.width = LEFT - GUTTER - MARGIN,
				.paint = PAINT_MUTED};
	char clock[WORDS_TIME_MAX];
	words_clock(m, time_ns, mode, false, clock, sizeof clock - 4);
	strcat(clock, units[mode]);
	put_words(p, &w, y, clock);
}

static void put_end(const struct pen *p, struct flow_memory *m, enum side side,
		    const struct end_view *v, int y)
{
	const bool left = side == SIDE_CLIENT;
	const struct words w = {.x = left ? LEFT - GUTTER : RIGHT + GUTTER,
				.anchor = left ? "end" : "start",
				.size = SIZE_LABEL,
				.width = LEFT - GUTTER - MARGIN,
				.bold = view_changed(m, side, v),
				.paint = PAINT_INK};
	char state[WORDS_END_MAX];
	char kernel[WORDS_END_MAX];
	words_end(v, p->glyphs, room_for(w.width, w.size), state, sizeof state);
	put_words(p, &w, y, state);
	m->end[side] = *v;
	const enum truth truth = p->spec->options->truth ? words_truth(v) : TRUTH_UNKNOWN;
	if (truth == TRUTH_UNKNOWN)
		return;
	snprintf(kernel, sizeof kernel, "%s kernel: %s",
		 truth == TRUTH_AGREES ? p->glyphs->equal : p->glyphs->unequal,
		 state_name(v->truth));
	const struct words small = {.x = w.x,
				    .anchor = w.anchor,
				    .size = SIZE_SMALL,
				    .width = w.width,
				    .bold = truth != TRUTH_AGREES,
				    .paint = PAINT_MUTED};
	put_words(p, &small, y + 16, kernel);
}

static const char *number_of(const struct pen *p, enum side space, bool has_rel,
			     const uint32_t n[2], char text[WORDS_NUMBER_MAX])
{
	const bool raw = !has_rel || p->spec->options->numbers == NUMBERS_RAW;
	return words_number(raw ? NUMBERS_RAW : p->spec->options->numbers, space, n[raw], text,
			    WORDS_NUMBER_MAX);
}

static void label_of(const struct pen *p, const struct event_segment *s, char *label,
		     size_t label_bytes)
{
	const uint32_t seq[] = {s->seq_rel, s->tcp.seq.raw};
	const uint32_t ack[] = {s->ack_rel, s->tcp.ack.raw};
	const char *remark = words_remark(s);
	char flags[TCP_FLAGS_TEXT_MAX];
	char n[WORDS_NUMBER_MAX];
	snprintf(label, label_bytes, "%" PRIu32 "  %s", s->n,
		 tcp_flags_format(s->tcp.flags, flags, sizeof flags));
	text_append(label, label_bytes, "  seq %s", number_of(p, s->from, s->has_seq_rel, seq, n));
	if (s->tcp.flags & TCP_ACK)
		text_append(label, label_bytes, "  ack %s",
			    number_of(p, side_other(s->from), s->has_ack_rel, ack, n));
	if (s->tcp.payload_bytes > 0)
		text_append(label, label_bytes, "  len %" PRIu32, s->tcp.payload_bytes);
	if (remark[0] != '\0')
		text_append(label, label_bytes, "  %s", remark);
}

/* The raw numbers, where the label has others. */
static void put_raw(const struct pen *p, const struct event_segment *s, int y)
{
	const struct words w = {.x = MIDDLE,
				.anchor = "middle",
				.size = SIZE_SMALL,
				.width = SPAN - 2 * GUTTER,
				.paint = PAINT_MUTED,
				.name = "raw"};
	const enum numbers numbers = p->spec->options->numbers;
	const bool shown = numbers == NUMBERS_BOTH || numbers == NUMBERS_SYMBOLIC;
	char raw[64];
	if (!s->has_seq_rel || !(shown || !p->spec->whole))
		return;
	snprintf(raw, sizeof raw, "raw %" PRIu32, s->tcp.seq.raw);
	if (s->tcp.flags & TCP_ACK)
		text_append(raw, sizeof raw, " / %" PRIu32, s->tcp.ack.raw);
	put_words(p, &w, y, raw);
}

/* Whether a segment that arrives cannot be an answer to the one above, which left: two SYNs, or
 * two FINs of which the second does not acknowledge the first. Their arrows cross. */
static bool crosses(const struct pen *p, const struct flow_memory *m, const struct event_segment *s)
{
	const struct event_segment *b = p->before;
	if (b == NULL || b->from == s->from || b->held || s->held || s->from == vantage_of(m))
		return false;
	if (s->tcp.flags & b->tcp.flags & TCP_SYN)
		return (s->tcp.flags & TCP_ACK) == 0;
	return (s->tcp.flags & b->tcp.flags & TCP_FIN) != 0 && s->has_ack_rel && b->has_seq_rel &&
	       s->ack_rel != b->next_seq_rel;
}

/* The arrow of a row whose tail and head are at these heights. */
static void put_arrow(const struct pen *p, const struct event_segment *s, int tail, int head,
		      enum paint paint)
{
	const bool to_right = s->from == SIDE_CLIENT;
	const int from = to_right ? LEFT : RIGHT;
	const int to = to_right ? RIGHT : LEFT;
	if (s->held) {
		const int stop = to_right ? RIGHT - SPAN / 4 : LEFT + SPAN / 4;
		const int at[] = {from, tail, stop, tail + (head - tail) * 3 / 4};
		put_line(p, at, paint, "7 5");
		put_cross(p, at[2], at[3]);
		return;
	}
	const int at[] = {from, tail, to, head};
	put_line(p, at, paint, NULL);
	put_head(p, to, head, to_right, paint);
}

static void put_payload(struct pen *p, const struct segment *s)
{
	const struct words w = {.x = MIDDLE,
				.anchor = "middle",
				.size = SIZE_SMALL,
				.width = SPAN - 2 * GUTTER,
				.paint = PAINT_MUTED};
	const int room = room_for(w.width, w.size);
	struct text t;
	if (!p->spec->options->payload || s->payload_captured_bytes == 0 || s->payload == NULL)
		return;
	text_reset(&t, false);
	text_add_payload(&t, s->payload, s->payload_captured_bytes, room, p->glyphs->ellipsis,
			 s->payload_captured_bytes < s->payload_bytes);
	p->y += 16;
	put_words(p, &w, p->y - 4, t.bytes);
}

static void put_notes(struct pen *p, const struct note *notes, size_t count)
{
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		const enum note_weight weight = words_note_weight(notes[i].code);
		const struct words w = {.x = LEFT + 2 * GUTTER,
					.anchor = "start",
					.size = SIZE_SMALL,
					.width = SPAN - 4 * GUTTER,
					.bold = weight == NOTE_LOUD,
					.paint = weight == NOTE_PLAIN ? PAINT_MUTED : PAINT_INK};
		char text[SENTENCE_MAX];
		if (weight == NOTE_PLAIN && p->spec->options->verbosity < 1)
			continue;
		put_paragraph(p, &w, weight == NOTE_LOUD ? p->glyphs->loud : p->glyphs->bullet,
			      sentence_note(&notes[i], text, sizeof text));
	}
}

static void begin_row(const struct pen *p, uint32_t n, const char *kind, const struct event *e)
{
	char sentence[SENTENCE_SEGMENT_MAX];
	out_printf(p->out, "<g id=\"%sseg-%" PRIu32 "\" class=\"seg %s\">\n<title>",
		   p->spec->id_prefix, n, kind);
	out_printf(p->out, "%" PRIu32 ": ", n);
	sentence_row(e, p->spec->options, sentence, sizeof sentence);
	out_escape_xml(p->out, sentence, strlen(sentence));
	out_text(p->out, "</title>\n");
}

/* Where the pieces of a segment's row stand. */
struct places {
	int label, raw, tail, head, time, state, below;
};

static struct places places_of(const struct pen *p, bool crossing)
{
	const int y = p->y;
	struct places at = {y + 16, y + 51, y + 28, y + 28 + SLOPE, y + 22, y + 39, y + 60};
	if (crossing) { /* it left before the one above arrived: steep, and labelled below */
		at = (struct places){y + 58, y + 73, p->before_head - 6, y + 42, y + 28,
				     y + 45, y + 82};
	}
	return at;
}

static void put_segment(struct pen *p, struct flow_memory *m, const struct event *e)
{
	const struct event_segment *s = &e->u.segment;
	const enum paint paint = paint_of(m, s->from);
	const bool crossing = crosses(p, m, s);
	const struct places at = places_of(p, crossing);
	const struct words w = {.x = MIDDLE,
				.anchor = "middle",
				.size = SIZE_LABEL,
				.width = SPAN - 2 * GUTTER,
				.paint = paint,
				.name = "label"};
	const int from = p->y;
	char label[160];
	begin_row(p, s->n, paint == PAINT_OUT ? "out" : "in", e);
	label_of(p, s, label, sizeof label);
	put_time(p, m, e->time_ns, at.time);
	put_words(p, &w, at.label, label);
	put_arrow(p, s, at.tail, at.head, paint);
	put_raw(p, s, at.raw);
	put_end(p, m, SIDE_CLIENT, &s->client, at.state);
	put_end(p, m, SIDE_SERVER, &s->server, at.state);
	p->y = at.below;
	put_payload(p, &s->tcp);
	put_notes(p, s->notes, s->notes_count);
	p->before = p->y > at.below || crossing ? NULL : s;
	p->before_head = at.head;
	p->y += p->y > at.below ? 6 : 0;
	put_lifelines(p, from, NULL);
	out_text(p->out, "</g>\n");
}

static void put_icmp(struct pen *p, struct flow_memory *m, const struct event *e)
{
	const struct event_icmp *i = &e->u.icmp;
	const bool to_right = i->about == SIDE_SERVER;
	const enum paint paint = paint_of(m, side_other(i->about));
	const struct words w = {.x = MIDDLE,
				.anchor = "middle",
				.size = SIZE_LABEL,
				.width = SPAN - 2 * GUTTER,
				.paint = paint};
	char label[SENTENCE_MAX];
	char who[IP_ADDR_TEXT_MAX];
	begin_row(p, i->n, "icmp", e);
	const int from = p->y;
	snprintf(label, sizeof label, "%" PRIu32 "  ", i->n);
	sentence_icmp(i, label + strlen(label), sizeof label - strlen(label));
	text_append(label, sizeof label, ", from %s",
		    ip_addr_format(&i->icmp.ip.src, who, sizeof who));
	put_time(p, m, e->time_ns, p->y + 22);
	put_words(p, &w, p->y + 16, label);
	const int to = to_right ? RIGHT : LEFT;
	const int at[] = {MIDDLE, p->y + 28, to, p->y + 28 + SLOPE / 2};
	put_line(p, at, paint, "2 4");
	put_head(p, to, at[3], to_right, paint);
	put_end(p, m, SIDE_CLIENT, &i->client, p->y + 39);
	put_end(p, m, SIDE_SERVER, &i->server, p->y + 39);
	p->y += 50;
	put_notes(p, i->notes, i->notes_count);
	p->y += 6;
	p->before = NULL;
	put_lifelines(p, from, NULL);
	out_text(p->out, "</g>\n");
}

static void put_moment(struct pen *p, const struct flow_memory *m, const struct event *e)
{
	const struct words w = {.x = LEFT + 2 * GUTTER,
				.anchor = "start",
				.size = SIZE_SMALL,
				.width = SPAN - 4 * GUTTER,
				.bold = e->u.timer.gave_up,
				.paint = PAINT_INK};
	char text[SENTENCE_MAX];
	const int from = p->y;
	put_time(p, m, e->time_ns, p->y + 14);
	p->y += 2;
	put_paragraph(p, &w, p->glyphs->bullet, sentence_timer(&e->u.timer, text, sizeof text));
	p->y += 6;
	p->before = NULL;
	put_lifelines(p, from, NULL);
}

/* Time without segments, as the ladder shows it: the lifelines are broken. */
static void put_gap(struct pen *p, const struct flow_memory *m, const struct event *e)
{
	const char *why = view_gap(m, e);
	const struct words w = {.x = MIDDLE,
				.anchor = "middle",
				.size = SIZE_SMALL,
				.width = SPAN - 4 * GUTTER,
				.paint = PAINT_MUTED};
	char text[80];
	char gap[WORDS_TIME_MAX];
	if (why == NULL)
		return;
	const int from = p->y;
	words_duration(m->last_ns - m->previous_ns, gap, sizeof gap);
	snprintf(text, sizeof text, "%s for %s", why, gap);
	put_words(p, &w, p->y + 18, text);
	p->y += 28;
	p->before = NULL;
	put_lifelines(p, from, "2 5");
}

/* --- a whole exchange ------------------------------------------------------------------------- */

static void put_intro(struct pen *p, const struct flow_memory *m)
{
	const struct words title = {.x = MARGIN,
				    .anchor = "start",
				    .size = SIZE_TITLE,
				    .width = PICTURE_WIDTH - 2 * MARGIN,
				    .bold = true,
				    .paint = PAINT_INK};
	const struct words names[] = {
		{.x = LEFT,
		 .anchor = "middle",
		 .size = SIZE_LABEL,
		 .width = 2 * (LEFT - MARGIN),
		 .bold = true,
		 .paint = PAINT_INK},
		{.x = RIGHT,
		 .anchor = "middle",
		 .size = SIZE_LABEL,
		 .width = 2 * (LEFT - MARGIN),
		 .bold = true,
		 .paint = PAINT_INK},
	};
	char text[SENTENCE_MAX];
	p->y += MARGIN;
	put_paragraph(p, &title, "", sentence_intro(m, false, text, sizeof text));
	p->y += 14;
	put_words(p, &names[0], p->y + 8, "client");
	put_words(p, &names[1], p->y + 8, "server");
	p->y += 14;
}

static void put_foot(struct pen *p, const struct flow_memory *m, const struct event_flow *flow)
{
	const struct words key = {.x = MARGIN,
				  .anchor = "start",
				  .size = SIZE_SMALL,
				  .width = 80,
				  .paint = PAINT_MUTED};
	struct words text = {.x = MARGIN + 80,
			     .anchor = "start",
			     .size = SIZE_SMALL,
			     .width = PICTURE_WIDTH - 80 - 2 * MARGIN,
			     .paint = PAINT_INK};
	char legend[200];
	struct summary s;
	summary_flow(&s, m, flow, p->spec->options);
	p->y += 8;
	for (size_t i = 0; i < s.count; i++) {
		put_words(p, &key, p->y + 12, s.rows[i].key);
		text.bold = s.rows[i].strong || s.rows[i].loud;
		put_paragraph(p, &text, "", s.rows[i].text);
	}
	snprintf(legend, sizeof legend,
		 "%s proven by a segment, %s expected, %s not known; slopes are not to scale, "
		 "times are those at the %s%s",
		 p->glyphs->proven, p->glyphs->expected, p->glyphs->unknown,
		 side_name(vantage_of(m)),
		 m->client_local || m->server_local || strncmp(m->vantage, "at ", 3) == 0
			 ? ""
			 : ", if the capture was made there");
	const struct words small = {.x = MARGIN,
				    .anchor = "start",
				    .size = SIZE_SMALL,
				    .width = PICTURE_WIDTH - 2 * MARGIN,
				    .paint = PAINT_MUTED};
	p->y += 18;
	put_words(p, &small, p->y - 4, legend);
	p->y += MARGIN;
}

static void put_event(struct pen *p, struct flow_memory *m, const struct event *e)
{
	if (e->type != EVENT_SEGMENT && e->type != EVENT_ICMP && e->type != EVENT_TIMER)
		return;
	if (e->type == EVENT_TIMER && e->u.timer.kind == TIMER_DELAYED_ACK &&
	    p->spec->options->verbosity < 1)
		return;
	flow_tick(m, e);
	put_gap(p, m, e);
	if (e->type == EVENT_SEGMENT)
		put_segment(p, m, e);
	else if (e->type == EVENT_ICMP)
		put_icmp(p, m, e);
	else
		put_moment(p, m, e);
}

uint32_t picture_rows(const struct tape *tape, uint32_t flow_id)
{
	uint32_t rows = 0;
	for (size_t i = 0; i < tape_count(tape); i++) {
		const struct event *e = tape_at(tape, i);
		rows += e->flow_id == flow_id &&
			(e->type == EVENT_SEGMENT || e->type == EVENT_ICMP);
	}
	return rows;
}

/* Note where the picture may be cut: before row 17, 33 ... */
static void note_cut(struct pen *p, uint32_t row)
{
	struct picture_cuts *c = p->spec->cuts;
	if (c == NULL || row == 1 || (row - 1) % c->every != 0 || c->count == PICTURE_CUTS_MAX)
		return;
	c->at[c->count].y = p->y;
	(void)out_memory(p->out, &c->at[c->count].bytes);
	c->count++;
	p->before = NULL; /* no arrow goes back over the cut */
}

int picture_draw(const struct picture_spec *spec, uint32_t flow_id, uint32_t until, int top,
		 struct out *out)
{
	struct pen p = {.spec = spec, .glyphs = glyphs_of(false), .out = out, .y = top};
	const struct event_flow *flow = NULL;
	struct flows flows;
	struct flow_memory *m = NULL;
	uint32_t rows = 0;
	flows_init(&flows);
	for (size_t i = 0; i < tape_count(spec->tape); i++) {
		const struct event *e = tape_at(spec->tape, i);
		if (e->flow_id != flow_id)
			continue;
		rows += e->type == EVENT_SEGMENT || e->type == EVENT_ICMP;
		const bool past = until != 0 && rows > until;
		if (past && e->type != EVENT_FLOW && e->type != EVENT_VERDICT)
			continue;
		const bool first = m == NULL;
		m = flows_take(&flows, e);
		if (first)
			put_intro(&p, m);
		if (e->type == EVENT_SEGMENT || e->type == EVENT_ICMP)
			note_cut(&p, rows);
		put_event(&p, m, e);
		if (e->type == EVENT_FLOW)
			flow = &e->u.flow;
	}
	/* what came of it is told with the last row only */
	if (m != NULL && (until == 0 || rows <= until))
		put_foot(&p, m, flow);
	flows_reset(&flows);
	return p.y;
}

int picture_remark(const struct picture_spec *spec, const char *text, int top, struct out *out)
{
	struct pen p = {.spec = spec, .glyphs = glyphs_of(false), .out = out, .y = top};
	const struct words w = {.x = MARGIN,
				.anchor = "start",
				.size = SIZE_SMALL,
				.width = PICTURE_WIDTH - 2 * MARGIN,
				.paint = PAINT_INK};
	put_paragraph(&p, &w, "", text);
	return p.y + MARGIN;
}

/* Both themes, by who looks at it; attributes of elements yield to it. */
static void put_style(struct out *out)
{
	out_text(out, "<style>@media (prefers-color-scheme:dark){");
	for (int i = 0; i < PAINT_COUNT; i++)
		out_printf(out, ".f-%s{fill:%s}.s-%s{stroke:%s}", paint_class[i],
			   paints[THEME_DARK][i], paint_class[i], paints[THEME_DARK][i]);
	out_text(out, "}</style>\n");
}

void picture_open(const struct picture_spec *spec, const char *title, int top, int bottom,
		  struct out *out)
{
	const enum theme theme = spec->options->theme;
	const int height = bottom - top;
	out_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 %d %d %d\" "
		   "width=\"%d\" height=\"%d\" role=\"img\" xml:space=\"preserve\" "
		   "font-family=\"DejaVu Sans Mono, Consolas, Menlo, monospace\">\n<title>",
		   top, PICTURE_WIDTH, height, PICTURE_WIDTH, height);
	out_escape_xml(out, title, strlen(title));
	out_text(out, "</title>\n");
	if (!spec->whole)
		return;
	if (theme == THEME_AUTO)
		put_style(out);
	out_printf(out, "<rect class=\"f-bg\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n",
		   PICTURE_WIDTH, height, paints[theme][PAINT_BACK]);
}

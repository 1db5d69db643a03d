/*
 * The ladder: two lifelines, and two rows for each segment between them. One row is
 *
 *	left gutter | lifeline | span | lifeline | right gutter
 *
 * and each of the three pieces is made so that it fits. A label that is too long is
 * tried again in shorter and shorter forms; the last is cut.
 */
#include "rows.h"
#include "view.h"

#include "synscope/render/sentence.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NARROW_BELOW 76 /* columns; short state names from there down */
#define WIDE_FROM 110   /* columns; raw numbers beside relative ones from there up */

#define ARROW_LOST_COLUMNS 4 /* how far from the other end a segment that was not sent ends */

struct ladder {
	const struct page *page;
	const struct glyphs *glyphs;
	int left, span, right;
	int point; /* column of the decimal point of relative times */
	bool wide; /* raw numbers stand in brackets in the label; else on the arrow */
};

struct row {
	struct text left, span, right;
	const char *edge; /* drawn for both lifelines */
};

static struct ladder ladder_of(const struct page *p)
{
	const bool narrow = p->options.width < NARROW_BELOW;
	struct ladder l = {
		.page = p,
		.glyphs = p->glyphs,
		.left = narrow ? 13 : 16,
		.right = narrow             ? 13
			 : p->options.truth ? 24
					    : 17,
		.point = narrow ? 4 : 7,
		.wide = p->options.width >= WIDE_FROM,
	};
	l.span = p->options.width - l.left - l.right - 2;
	return l;
}

static void row_begin(const struct ladder *l, struct row *r)
{
	text_reset(&r->left, l->page->options.color);
	text_reset(&r->span, l->page->options.color);
	text_reset(&r->right, l->page->options.color);
	r->edge = l->glyphs->lifeline;
}

static void row_put(const struct ladder *l, const struct row *r, struct out *out)
{
	struct text t;
	text_reset(&t, l->page->options.color);
	text_add(&t, r->left.bytes);
	text_pad(&t, l->left);
	text_add(&t, r->edge);
	text_add(&t, r->span.bytes);
	text_pad(&t, l->left + 1 + l->span);
	text_add(&t, r->edge);
	text_add(&t, r->right.bytes);
	text_put(&t, out);
}

/* @return the spaces to the left of @p width columns in the middle of @p room */
static int center(int width, int room)
{
	const int spare = room - width;
	if (spare <= 0)
		return 0;
	return spare / 2 + (spare & room & 1);
}

static void add_centered(struct text *t, const char *text, int room)
{
	text_pad(t, t->columns + center(columns(text), room));
	text_add(t, text);
}

static void add_clock(const struct ladder *l, const struct flow_memory *m, int64_t time_ns,
		      struct text *t)
{
	const enum time_mode mode = l->page->options.time_mode;
	char clock[WORDS_TIME_MAX];
	words_clock(m, time_ns, mode, l->left < 16, clock, sizeof clock);
	const char *point = strchr(clock, '.');
	if (mode != TIME_ABS && point != NULL)
		text_pad(t, l->point - (int)(point - clock));
	text_add_foreign(t, clock, l->left, l->glyphs->ellipsis);
}

/* --- header and footer ------------------------------------------------------------------ */

/* Both addresses in one line if there is room, else the server's in a second. */
static void put_names(const struct ladder *l, const struct flow_memory *m, struct out *out)
{
	static const char *const units[] = {
		[TIME_REL] = "ms", [TIME_DELTA] = "+ms", [TIME_ABS] = "UTC"};
	const char *unit = units[l->page->options.time_mode];
	char client[ENDPOINT_TEXT_MAX] = "";
	char server[ENDPOINT_TEXT_MAX] = "";
	struct text t;
	if (m->has_ends) {
		endpoint_format(&m->client, client, sizeof client);
		endpoint_format(&m->server, server, sizeof server);
	}
	text_reset(&t, l->page->options.color);
	text_pad(&t, l->point - (int)strlen(unit));
	text_addf(&t, "%s  client", unit);
	text_pad(&t, l->left + 1);
	text_add_foreign(&t, client, l->page->options.width - t.columns, l->glyphs->ellipsis);
	if ((int)(strlen(client) + strlen(server)) + 2 > l->span)
		text_put(&t, out);
	text_pad(&t, l->left + 1 + l->span - (int)strlen(server));
	text_addf(&t, "%s  server", server);
	text_put(&t, out);
}

static void put_edge(const struct ladder *l, const char *edge, struct out *out)
{
	struct row r;
	row_begin(l, &r);
	r.edge = edge;
	text_repeat(&r.span, l->glyphs->line, l->span);
	row_put(l, &r, out);
}

static void draw_header(const struct page *p, const struct flow_memory *m, bool goes_on,
			struct out *out)
{
	const struct ladder l = ladder_of(p);
	view_put_intro(p, m, goes_on, out);
	put_names(&l, m, out);
	put_edge(&l, l.glyphs->top, out);
}

static void draw_bottom(const struct page *p, struct out *out)
{
	const struct ladder l = ladder_of(p);
	put_edge(&l, l.glyphs->bottom, out);
}

/* --- gutters ------------------------------------------------------------------------------ */

static void add_state(const struct ladder *l, struct flow_memory *m, enum side side,
		      const struct end_view *v, struct text *t)
{
	char state[WORDS_END_MAX];
	const bool left = side == SIDE_CLIENT;
	const bool set = v->certainty == CERTAINTY_UNKNOWN; /* may need every column */
	const int room = left ? l->left - 1 : l->right - (set ? 0 : 1);
	words_end(v, l->glyphs, room, state, sizeof state);
	if (!left && columns(state) < l->right)
		text_add(t, " ");
	text_style(t, v->contradiction           ? STYLE_LOUD
		      : view_changed(m, side, v) ? STYLE_STRONG
						 : STYLE_PLAIN);
	text_add(t, state);
	text_style(t, STYLE_PLAIN);
	m->end[side] = *v;
}

/* In the left gutter there is room for a mark only; the sentence below has the words. */
static void add_truth(const struct ladder *l, enum side side, const struct end_view *v,
		      struct text *t)
{
	const enum truth truth = l->page->options.truth ? words_truth(v) : TRUTH_UNKNOWN;
	const int room = side == SIDE_CLIENT ? l->left : l->right;
	const char *mark = truth == TRUTH_AGREES ? l->glyphs->equal : l->glyphs->unequal;
	if (truth == TRUTH_UNKNOWN || t->columns + 2 > room)
		return;
	text_add(t, " ");
	text_style(t, truth == TRUTH_AGREES ? STYLE_MUTED : STYLE_LOUD);
	if (side == SIDE_CLIENT)
		text_add(t, mark);
	else if (room >= 24)
		text_addf(t, "%s kernel: %s", mark, state_name(v->truth));
	else
		text_addf(t, "%s %s", mark,
			  truth == TRUTH_AGREES ? "kernel" : words_state_short(v->truth));
	text_style(t, STYLE_PLAIN);
}

/* --- labels ------------------------------------------------------------------------------- */

/* From the roomiest form of a label to the tightest. */
enum label_form {
	LABEL_WIDE,
	LABEL_SPACED,
	LABEL_TIGHT,
	LABEL_LETTERS,
	LABEL_BARE, /* the numbers are left to the arrow, which has the raw ones */
	LABEL_FORMS
};

struct label {
	const struct ladder *ladder;
	const struct event_segment *segment;
	enum label_form form;
	bool styled;
	struct text text;
};

/* An unknown relative number is left to the arrow, which then has the raw one. */
static void label_number(struct label *b, const char *word, enum side space, bool has_rel,
			 const uint32_t n[2])
{
	const uint32_t raw = n[1];
	char rel[WORDS_NUMBER_MAX];
	const enum numbers numbers = b->ladder->page->options.numbers;
	const bool wide = b->form == LABEL_WIDE && b->ladder->wide;
	const char *blank = b->form <= LABEL_SPACED ? "  " : " ";
	if (numbers == NUMBERS_RAW || (!has_rel && wide))
		text_addf(&b->text, "%s%s %" PRIu32, blank, word, raw);
	else if (has_rel)
		text_addf(&b->text, "%s%s %s", blank, word,
			  words_number(numbers, space, n[0], rel, sizeof rel));
	if ((numbers == NUMBERS_BOTH || numbers == NUMBERS_SYMBOLIC) && has_rel && wide)
		text_addf(&b->text, " (%" PRIu32 ")", raw);
}

static void label_make(struct label *b)
{
	const struct event_segment *s = b->segment;
	const uint32_t seq[] = {s->seq_rel, s->tcp.seq.raw};
	const uint32_t ack[] = {s->ack_rel, s->tcp.ack.raw};
	const char *space = b->form <= LABEL_SPACED ? "  " : " ";
	const char *remark = words_remark(s);
	char flags[TCP_FLAGS_TEXT_MAX];
	if (b->form == LABEL_LETTERS)
		tcp_flags_letters(s->tcp.flags, flags, sizeof flags);
	else
		tcp_flags_format(s->tcp.flags, flags, sizeof flags);
	text_reset(&b->text, b->styled);
	text_addf(&b->text, "%" PRIu32 "%s%s", s->n, space, flags);
	if (b->form != LABEL_BARE)
		label_number(b, "seq", s->from, s->has_seq_rel, seq);
	if (b->form != LABEL_BARE && (s->tcp.flags & TCP_ACK) != 0)
		label_number(b, "ack", side_other(s->from), s->has_ack_rel, ack);
	if (s->tcp.payload_bytes > 0)
		text_addf(&b->text, "%slen %" PRIu32, space, s->tcp.payload_bytes);
	if (remark[0] != '\0') {
		text_style(&b->text, STYLE_STRONG);
		text_addf(&b->text, "%s%s", space, remark);
	}
}

/* @return whether the raw numbers are left to the arrow */
static bool add_label(const struct ladder *l, const struct event_segment *s, enum style style,
		      struct text *t)
{
	const enum numbers numbers = l->page->options.numbers;
	const bool ack = (s->tcp.flags & TCP_ACK) != 0;
	const bool rel_known = s->has_seq_rel && (!ack || s->has_ack_rel);
	struct label b = {.ladder = l, .segment = s, .styled = l->page->options.color};
	for (b.form = LABEL_WIDE; b.form < LABEL_FORMS; b.form++) {
		if (b.form == LABEL_LETTERS && numbers == NUMBERS_RAW)
			continue;
		label_make(&b);
		if (b.text.columns <= l->span)
			break;
	}
	text_style(t, style);
	if (b.form == LABEL_FORMS) {
		b.form = LABEL_BARE;
		b.styled = false; /* as it is cut */
		label_make(&b);
		text_add_foreign(t, b.text.bytes, l->span, l->glyphs->ellipsis);
	} else {
		text_pad(t, center(b.text.columns, l->span));
		text_add(t, b.text.bytes);
	}
	text_style(t, STYLE_PLAIN);
	if (b.form == LABEL_BARE)
		return true;
	if (numbers == NUMBERS_RAW || (l->wide && b.form == LABEL_WIDE))
		return false;
	return numbers == NUMBERS_BOTH || numbers == NUMBERS_SYMBOLIC || !rel_known;
}

/* --- arrows ------------------------------------------------------------------------------- */

struct arrow {
	bool to_right;
	bool lost;         /* shown, but not put on the wire */
	const char *shaft; /* a glyph */
	const char *text;  /* on the shaft; "" for none */
};

static void add_arrow(const struct ladder *l, const struct arrow *a, struct text *t)
{
	const int gap = a->lost ? ARROW_LOST_COLUMNS : 0;
	const int body = l->span - 1 - gap;
	const char *head = a->lost       ? l->glyphs->lost
			   : a->to_right ? l->glyphs->right
					 : l->glyphs->left;
	int width = a->text[0] == '\0' ? 0 : columns(a->text) + 2;
	if (width > body)
		width = 0;
	int before = center(width, l->span - 1) - (a->to_right ? 0 : gap);
	if (before < 0)
		before = 0;
	if (before + width > body)
		before = body - width;
	if (!a->to_right) {
		text_repeat(t, " ", gap);
		text_add(t, head);
	}
	text_repeat(t, a->shaft, before);
	if (width > 0)
		text_addf(t, " %s ", a->text);
	text_repeat(t, a->shaft, body - before - width);
	if (a->to_right)
		text_add(t, head);
}

/* An arrow that begins between the two ends, at the router that speaks. */
static void add_arrow_from_middle(const struct ladder *l, bool to_right, const char *who,
				  struct text *t)
{
	const int shaft = l->span / 2 - 2;
	const int room = l->span - shaft - 3;
	if (to_right) {
		text_pad(t, room - columns(who));
		text_add_foreign(t, who, room, l->glyphs->ellipsis);
		text_add(t, " ");
		text_repeat(t, l->glyphs->dotted, l->span - 1 - t->columns);
		text_add(t, l->glyphs->right);
	} else {
		text_add(t, l->glyphs->left);
		text_repeat(t, l->glyphs->dotted, shaft);
		text_add(t, " ");
		text_add_foreign(t, who, room, l->glyphs->ellipsis);
	}
}

/* --- segments ----------------------------------------------------------------------------- */

static void raw_numbers(const struct event_segment *s, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%" PRIu32, s->tcp.seq.raw);
	if (s->tcp.flags & TCP_ACK)
		text_append(text, text_bytes, " / %" PRIu32, s->tcp.ack.raw);
}

static void put_payload(const struct ladder *l, const struct segment *s, struct out *out)
{
	struct row r;
	if (s->payload_captured_bytes == 0 || s->payload == NULL || l->page->options.verbosity < 0)
		return;
	row_begin(l, &r);
	text_add(&r.span, "   ");
	text_style(&r.span, STYLE_MUTED);
	text_add_payload(&r.span, s->payload, s->payload_captured_bytes, l->span - 4,
			 l->glyphs->ellipsis, s->payload_captured_bytes < s->payload_bytes);
	text_style(&r.span, STYLE_PLAIN);
	row_put(l, &r, out);
}

static void draw_segment(const struct page *p, struct flow_memory *m, const struct event *e,
			 struct out *out)
{
	const struct ladder l = ladder_of(p);
	const struct event_segment *s = &e->u.segment;
	const enum style style = view_style(m, s->from);
	char raw[32] = "";
	struct row r;
	row_begin(&l, &r);
	add_clock(&l, m, e->time_ns, &r.left);
	const bool raw_on_arrow = add_label(&l, s, style, &r.span);
	add_truth(&l, SIDE_SERVER, &s->server, &r.right);
	row_put(&l, &r, out);

	if (raw_on_arrow)
		raw_numbers(s, raw, sizeof raw);
	const struct arrow arrow = {
		.to_right = s->from == SIDE_CLIENT,
		.lost = s->held,
		.shaft = l.glyphs->line,
		.text = raw,
	};
	row_begin(&l, &r);
	add_state(&l, m, SIDE_CLIENT, &s->client, &r.left);
	add_truth(&l, SIDE_CLIENT, &s->client, &r.left);
	text_style(&r.span, style);
	add_arrow(&l, &arrow, &r.span);
	text_style(&r.span, STYLE_PLAIN);
	add_state(&l, m, SIDE_SERVER, &s->server, &r.right);
	row_put(&l, &r, out);
	put_payload(&l, &s->tcp, out);
}

static void draw_icmp(const struct page *p, struct flow_memory *m, const struct event *e,
		      struct out *out)
{
	const struct ladder l = ladder_of(p);
	const struct event_icmp *i = &e->u.icmp;
	const bool to_right = i->about == SIDE_SERVER;
	const struct endpoint *other = to_right ? &m->client : &m->server;
	const enum style style = view_style(m, side_other(i->about));
	char who[IP_ADDR_TEXT_MAX];
	char label[SENTENCE_MAX];
	struct row r;
	ip_addr_format(&i->icmp.ip.src, who, sizeof who);
	snprintf(label, sizeof label, "%" PRIu32 "  ", i->n);
	sentence_icmp(i, label + strlen(label), sizeof label - strlen(label));
	row_begin(&l, &r);
	add_clock(&l, m, e->time_ns, &r.left);
	text_style(&r.span, style);
	text_pad(&r.span, center((int)strlen(label), l.span));
	text_add_foreign(&r.span, label, l.span, l.glyphs->ellipsis);
	text_style(&r.span, STYLE_PLAIN);
	add_truth(&l, SIDE_SERVER, &i->server, &r.right);
	row_put(&l, &r, out);

	const struct arrow arrow = {.to_right = to_right, .shaft = l.glyphs->dotted, .text = who};
	row_begin(&l, &r);
	add_state(&l, m, SIDE_CLIENT, &i->client, &r.left);
	add_truth(&l, SIDE_CLIENT, &i->client, &r.left);
	text_style(&r.span, style);
	if (m->has_ends && ip_addr_equal(&other->addr, &i->icmp.ip.src))
		add_arrow(&l, &arrow, &r.span);
	else
		add_arrow_from_middle(&l, to_right, who, &r.span);
	text_style(&r.span, STYLE_PLAIN);
	add_state(&l, m, SIDE_SERVER, &i->server, &r.right);
	row_put(&l, &r, out);
}

/* --- sentences, and rows without a segment ---------------------------------------------- */

/* Wrap a sentence between the lifelines; the row passed in may have its left gutter filled. */
static void put_inside(const struct ladder *l, struct row *r, const char *text,
		       enum note_weight weight, struct out *out)
{
	const char *mark = view_weight_mark(l->page, weight);
	char line[RENDER_WIDTH_MAX + 1];
	while (text_wrap(&text, l->span - 4, line, sizeof line)) {
		text_add(&r->span, " ");
		text_style(&r->span, view_weight_style(weight));
		text_addf(&r->span, "%s %s", mark, line);
		text_style(&r->span, STYLE_PLAIN);
		row_put(l, r, out);
		row_begin(l, r);
		mark = " ";
	}
}

static void draw_moment(const struct page *p, const struct flow_memory *m, int64_t time_ns,
			const char *text, enum note_weight weight, struct out *out)
{
	const struct ladder l = ladder_of(p);
	struct row r;
	row_begin(&l, &r);
	add_clock(&l, m, time_ns, &r.left);
	put_inside(&l, &r, text, weight, out);
}

static void draw_remark(const struct page *p, const char *text, enum note_weight weight,
			struct out *out)
{
	const struct ladder l = ladder_of(p);
	struct row r;
	row_begin(&l, &r);
	put_inside(&l, &r, text, weight, out);
}

static void put_folded(const struct ladder *l, struct row *r, const char *text, struct out *out)
{
	char line[RENDER_WIDTH_MAX + 1];
	while (text_wrap(&text, l->span - 2, line, sizeof line)) {
		r->edge = l->glyphs->gap;
		text_style(&r->span, STYLE_MUTED);
		add_centered(&r->span, line, l->span);
		text_style(&r->span, STYLE_PLAIN);
		row_put(l, r, out);
		row_begin(l, r);
	}
}

static void draw_gap(const struct page *p, int64_t gap_ns, const char *why, struct out *out)
{
	const struct ladder l = ladder_of(p);
	char gap[WORDS_TIME_MAX];
	struct row r;
	row_begin(&l, &r);
	words_duration(gap_ns, gap, sizeof gap);
	text_pad(&r.left, l.left - 3 - (int)strlen(gap));
	text_addf(&r.left, "+%s", gap);
	put_folded(&l, &r, why, out);
}

static void draw_fold(const struct page *p, const char *text, struct out *out)
{
	const struct ladder l = ladder_of(p);
	struct row r;
	row_begin(&l, &r);
	put_folded(&l, &r, text, out);
}

static const struct view_look ladder_look = {
	.header = draw_header,
	.segment = draw_segment,
	.icmp = draw_icmp,
	.moment = draw_moment,
	.remark = draw_remark,
	.gap = draw_gap,
	.fold = draw_fold,
	.bottom = draw_bottom,
};

struct render *ladder_open(struct out *out, const struct render_options *options)
{
	return view_open(&ladder_look, out, options);
}

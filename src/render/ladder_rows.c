/*
 * One row of a ladder is five pieces side by side:
 *
 *	left gutter | lifeline | span | lifeline | right gutter
 *
 * and each piece is made so that it fits. A label that is too long is tried again
 * in shorter and shorter forms; the last is cut.
 */
#include "ladder_rows.h"

#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NARROW_BELOW 76 /* columns; short state names from there down */
#define WIDE_FROM 110   /* columns; raw numbers beside relative ones from there up */

#define LABEL_BYTES_MAX 512

struct row {
	struct text left, span, right;
	const char *edge; /* drawn for both lifelines */
};

void ladder_page_init(struct ladder_page *p, const struct render_options *options)
{
	p->options = *options;
	p->glyphs = glyphs_of(options->ascii);
	const bool narrow = options->width < NARROW_BELOW;
	p->left = narrow ? 13 : 16;
	p->point = narrow ? 4 : 7;
	p->right = narrow ? 13 : options->truth ? 24 : 17;
	p->span = options->width - p->left - p->right - 2;
	p->wide = options->width >= WIDE_FROM;
}

static void row_begin(const struct ladder_page *p, struct row *r)
{
	text_reset(&r->left, p->options.color);
	text_reset(&r->span, p->options.color);
	text_reset(&r->right, p->options.color);
	r->edge = p->glyphs->lifeline;
}

static void row_put(const struct ladder_page *p, const struct row *r, struct out *out)
{
	struct text t;
	text_reset(&t, p->options.color);
	text_add(&t, r->left.bytes);
	text_pad(&t, p->left);
	text_add(&t, r->edge);
	text_add(&t, r->span.bytes);
	text_pad(&t, p->left + 1 + p->span);
	text_add(&t, r->edge);
	text_add(&t, r->right.bytes);
	text_put(&t, out);
}

/* Spaces to the left of @p width columns to bring them to the middle of @p room. */
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

static enum style style_of(const struct flow_memory *m, enum side from)
{
	const enum side out = m->server_local && !m->client_local ? SIDE_SERVER : SIDE_CLIENT;
	return from == out ? STYLE_OUT : STYLE_IN;
}

static void add_clock(const struct ladder_page *p, const struct flow_memory *m, int64_t time_ns,
		      struct text *t)
{
	char clock[WORDS_TIME_MAX];
	words_clock(m, time_ns, p->options.time_mode, p->left < 16, clock, sizeof clock);
	if (p->options.time_mode != TIME_ABS)
		text_pad(t, p->point + 1 + m->decimals - (int)strlen(clock));
	text_add_foreign(t, clock, p->left, p->glyphs->ellipsis);
}

/* --- the header ------------------------------------------------------------------- */

static void put_paragraph(const struct ladder_page *p, const char *text, struct out *out)
{
	char line[RENDER_WIDTH_MAX + 1];
	struct text t;
	text_reset(&t, p->options.color);
	while (text_wrap(&text, p->options.width, line, sizeof line)) {
		text_style(&t, STYLE_MUTED);
		text_add(&t, line);
		text_put(&t, out);
	}
}

/* The one line with marks in it, which text_wrap() would not let through. */
static void put_legend(const struct ladder_page *p, struct out *out)
{
	struct text t;
	text_reset(&t, p->options.color);
	text_style(&t, STYLE_MUTED);
	text_addf(&t, "%s proven by a segment   %s expected   %s not known", p->glyphs->proven,
		  p->glyphs->expected, p->glyphs->unknown);
	text_put(&t, out);
}

static void put_intro(const struct ladder_page *p, const struct flow_memory *m, bool goes_on,
		      struct out *out)
{
	char text[1024];
	char ends[2][FLOW_NAME_MAX + ENDPOINT_TEXT_MAX + 8];
	const bool ours = m->client_local || m->server_local;
	snprintf(text, sizeof text, "flow %" PRIu32 "%s: ", m->id, goes_on ? " goes on" : "");
	if (m->has_ends)
		text_append(text, sizeof text, "%s to %s",
			    words_endpoint(&m->client, m->client_name, ends[0], sizeof ends[0]),
			    words_endpoint(&m->server, m->server_name, ends[1], sizeof ends[1]));
	if (ours && !goes_on)
		text_append(text, sizeof text, "; we are %s",
			    m->client_local && m->server_local ? "both ends"
			    : m->client_local                  ? "the client"
							       : "the server");
	else if (m->vantage[0] != '\0' && !goes_on)
		text_append(text, sizeof text, "; seen %s", m->vantage);
	if (m->interface[0] != '\0' && !goes_on)
		text_append(text, sizeof text, ", on %s", m->interface);
	put_paragraph(p, text, out);
}

static void put_names(const struct ladder_page *p, const struct flow_memory *m, struct out *out)
{
	static const char *const units[] = {
		[TIME_REL] = "ms", [TIME_DELTA] = "+ms", [TIME_ABS] = "UTC"};
	char client[ENDPOINT_TEXT_MAX] = "";
	char server[ENDPOINT_TEXT_MAX] = "";
	if (m->has_ends) {
		endpoint_format(&m->client, client, sizeof client);
		endpoint_format(&m->server, server, sizeof server);
	}
	const int end = p->left + 1 + p->span;
	const int room = p->span - (int)strlen(server) - 2;
	struct text t;
	text_reset(&t, p->options.color);
	text_pad(&t, p->point - (int)strlen(units[p->options.time_mode]));
	text_addf(&t, "%s  client", units[p->options.time_mode]);
	text_pad(&t, p->left + 1);
	text_add_foreign(&t, client, p->options.width - t.columns, p->glyphs->ellipsis);
	if ((int)strlen(client) > room)
		text_put(&t, out);
	const int server_from = end - (int)strlen(server);
	text_pad(&t, server_from);
	text_addf(&t, "%s  server", server);
	text_put(&t, out);
}

static void put_edge(const struct ladder_page *p, const char *edge, struct out *out)
{
	struct row r;
	row_begin(p, &r);
	r.edge = edge;
	text_repeat(&r.span, p->glyphs->line, p->span);
	row_put(p, &r, out);
}

void ladder_put_header(const struct ladder_page *p, const struct flow_memory *m, bool goes_on,
		       struct out *out)
{
	if (p->options.verbosity >= 0 || goes_on || m->id > 1)
		put_intro(p, m, goes_on, out);
	if (p->options.verbosity >= 0 && !goes_on)
		put_legend(p, out);
	put_names(p, m, out);
	put_edge(p, p->glyphs->top, out);
}

void ladder_put_bottom(const struct ladder_page *p, struct out *out)
{
	put_edge(p, p->glyphs->bottom, out);
}

/* --- states, and what the kernel says of them -------------------------------------- */

static void add_state(const struct ladder_page *p, struct flow_memory *m, enum side side,
		      const struct end_view *v, struct text *t)
{
	char state[WORDS_END_MAX];
	const bool left = side == SIDE_CLIENT;
	const bool changed = !words_end_same(&m->end[side], v);
	const int room = left ? p->left - 1 : p->right;
	words_end(v, p->glyphs, room, state, sizeof state);
	if (!left && columns(state) < room)
		text_add(t, " ");
	text_style(t, v->contradiction ? STYLE_LOUD : changed ? STYLE_STRONG : STYLE_PLAIN);
	text_add(t, state);
	text_style(t, STYLE_PLAIN);
	m->end[side] = *v;
}

/* In the left gutter there is room for a mark only; the note below has the words. */
static void add_truth(const struct ladder_page *p, enum side side, const struct end_view *v,
		      struct text *t)
{
	const enum truth truth = p->options.truth ? words_truth(v) : TRUTH_UNKNOWN;
	if (truth == TRUTH_UNKNOWN)
		return;
	const char *mark = truth == TRUTH_AGREES ? p->glyphs->equal : p->glyphs->unequal;
	const bool full = p->right >= 24;
	if (t->columns + 2 > (side == SIDE_CLIENT ? p->left : p->right))
		return;
	text_add(t, " ");
	text_style(t, truth == TRUTH_AGREES ? STYLE_MUTED : STYLE_LOUD);
	if (side == SIDE_CLIENT)
		text_add(t, mark);
	else if (full)
		text_addf(t, "%s kernel: %s", mark, state_name(v->truth));
	else
		text_addf(t, "%s %s", mark,
			  truth == TRUTH_AGREES ? "kernel" : words_state_short(v->truth));
	text_style(t, STYLE_PLAIN);
}

/* --- what stands between the lifelines ---------------------------------------------- */

/* Wrap @p text into as many rows as it needs, with @p bullet before the first. */
static void put_inside(const struct ladder_page *p, const char *bullet, enum style style,
		       const char *text, struct out *out)
{
	char line[RENDER_WIDTH_MAX + 1];
	struct row r;
	while (text_wrap(&text, p->span - 4, line, sizeof line)) {
		row_begin(p, &r);
		text_addf(&r.span, " ");
		text_style(&r.span, style);
		text_addf(&r.span, "%s %s", bullet, line);
		text_style(&r.span, STYLE_PLAIN);
		row_put(p, &r, out);
		bullet = " ";
	}
}

static void put_notes(const struct ladder_page *p, const struct note *notes, size_t count,
		      struct out *out)
{
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		const enum note_weight weight = words_note_weight(notes[i].code);
		char text[NOTE_TEXT_MAX + 64];
		if (weight == NOTE_PLAIN && p->options.verbosity < 1)
			continue;
		snprintf(text, sizeof text, "%s%s%s%s", notes[i].text,
			 notes[i].rfc == NULL ? "" : " (RFC ",
			 notes[i].rfc == NULL ? "" : notes[i].rfc, notes[i].rfc == NULL ? "" : ")");
		put_inside(p, weight == NOTE_LOUD ? p->glyphs->loud : p->glyphs->bullet,
			   weight == NOTE_LOUD ? STYLE_STRONG : STYLE_MUTED, text, out);
	}
}

static void put_truth_notes(const struct ladder_page *p, const struct end_view *client,
			    const struct end_view *server, struct out *out)
{
	const struct end_view *views[] = {[SIDE_CLIENT] = client, [SIDE_SERVER] = server};
	if (!p->options.truth)
		return;
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		const enum truth truth = words_truth(views[side]);
		char text[NOTE_TEXT_MAX];
		if (truth != TRUTH_DIFFERS && truth != TRUTH_IMPOSSIBLE)
			continue;
		snprintf(text, sizeof text, "the %s's kernel says %s%s%s",
			 side_name((enum side)side), state_name(views[side]->truth),
			 views[side]->truth_fin_unsent ? " with its FIN unsent" : "",
			 truth == TRUTH_IMPOSSIBLE ? ", which was held impossible" : "");
		put_inside(p, p->glyphs->loud, STYLE_STRONG, text, out);
	}
}

/* --- segments ----------------------------------------------------------------------- */

/* From the roomiest form of a label to the tightest. */
enum label_form { LABEL_WIDE, LABEL_SPACED, LABEL_TIGHT, LABEL_LETTERS, LABEL_FORMS };

struct label {
	const struct ladder_page *page;
	const struct event_segment *segment;
	enum label_form form;
	struct text text;
};

/* An unknown relative number is left to the arrow, which then has the raw one. */
static void label_number(struct label *l, const char *word, bool has_rel, uint32_t rel,
			 uint32_t raw)
{
	const enum numbers numbers = l->page->options.numbers;
	const bool wide = l->form == LABEL_WIDE && l->page->wide;
	const char *space = l->form <= LABEL_SPACED ? "  " : " ";
	if (numbers == NUMBERS_RAW || (!has_rel && wide))
		text_addf(&l->text, "%s%s %" PRIu32, space, word, raw);
	else if (has_rel)
		text_addf(&l->text, "%s%s %" PRIu32, space, word, rel);
	if (numbers == NUMBERS_BOTH && has_rel && wide)
		text_addf(&l->text, " (%" PRIu32 ")", raw);
}

static void label_make(struct label *l)
{
	const struct event_segment *s = l->segment;
	const char *space = l->form <= LABEL_SPACED ? "  " : " ";
	const char *remark = words_remark(s);
	char flags[TCP_FLAGS_TEXT_MAX];
	if (l->form == LABEL_LETTERS)
		tcp_flags_letters(s->tcp.flags, flags, sizeof flags);
	else
		tcp_flags_format(s->tcp.flags, flags, sizeof flags);
	text_reset(&l->text, l->page->options.color);
	text_addf(&l->text, "%" PRIu32 "%s%s", s->n, space, flags);
	label_number(l, "seq", s->has_seq_rel, s->seq_rel, s->tcp.seq.raw);
	if (s->tcp.flags & TCP_ACK)
		label_number(l, "ack", s->has_ack_rel, s->ack_rel, s->tcp.ack.raw);
	if (s->tcp.payload_bytes > 0)
		text_addf(&l->text, "%slen %" PRIu32, space, s->tcp.payload_bytes);
	if (remark[0] != '\0') {
		text_style(&l->text, STYLE_STRONG);
		text_addf(&l->text, "%s%s", space, remark);
	}
}

/* @return whether the label shows the raw numbers, so that the arrow need not */
static bool put_label(const struct ladder_page *p, const struct event_segment *s, enum style style,
		      struct text *t)
{
	struct label l = {.page = p, .segment = s};
	for (l.form = LABEL_WIDE; l.form < LABEL_FORMS; l.form++) {
		label_make(&l);
		if (l.text.columns <= p->span)
			break;
	}
	text_style(t, style);
	if (l.form == LABEL_FORMS) {
		l.page = &(const struct ladder_page){.options = {.numbers = p->options.numbers}};
		l.form = LABEL_LETTERS;
		label_make(&l); /* without styles, as it is cut */
		text_add_foreign(t, l.text.bytes, p->span, p->glyphs->ellipsis);
	} else {
		add_centered(t, l.text.bytes, p->span);
	}
	text_style(t, STYLE_PLAIN);
	return p->options.numbers == NUMBERS_RAW || (p->wide && l.form == LABEL_WIDE);
}

struct arrow {
	bool to_right;
	bool lost;         /* shown, but not put on the wire */
	const char *shaft; /* a glyph */
	const char *text;  /* on the shaft; "" for none */
};

#define ARROW_LOST_COLUMNS 4 /* how far from the other end it is lost */

static void add_arrow(const struct ladder_page *p, const struct arrow *a, struct text *t)
{
	const int gap = a->lost ? ARROW_LOST_COLUMNS : 0;
	const int body = p->span - 1 - gap;
	const char *head = a->lost       ? p->glyphs->lost
			   : a->to_right ? p->glyphs->right
					 : p->glyphs->left;
	int width = a->text[0] == '\0' ? 0 : columns(a->text) + 2;
	if (width > body)
		width = 0;
	int before = center(width, p->span - 1) - (a->to_right ? 0 : gap);
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

static void raw_numbers(const struct event_segment *s, char *text, size_t text_bytes)
{
	if (s->tcp.flags & TCP_ACK)
		snprintf(text, text_bytes, "%" PRIu32 " / %" PRIu32, s->tcp.seq.raw,
			 s->tcp.ack.raw);
	else
		snprintf(text, text_bytes, "%" PRIu32, s->tcp.seq.raw);
}

static void put_payload(const struct ladder_page *p, const struct segment *s, struct out *out)
{
	struct row r;
	if (s->payload_captured_bytes == 0 || s->payload == NULL || p->options.verbosity < 0)
		return;
	row_begin(p, &r);
	text_add(&r.span, "   ");
	text_style(&r.span, STYLE_MUTED);
	text_add_payload(&r.span, s->payload, s->payload_captured_bytes, p->span - 4,
			 p->glyphs->ellipsis, s->payload_captured_bytes < s->payload_bytes);
	text_style(&r.span, STYLE_PLAIN);
	row_put(p, &r, out);
}

/* The window, the options and, with -vv, the IP header. */
static void put_details(const struct ladder_page *p, const struct event_segment *s, struct out *out)
{
	char text[640];
	char options[WORDS_OPTIONS_MAX];
	const struct segment *t = &s->tcp;
	snprintf(text, sizeof text, "win %" PRIu32, s->window_bytes);
	if (s->window_scale_known && s->window_bytes != t->window)
		text_append(text, sizeof text, " (%u scaled)", t->window);
	else if (!s->window_scale_known && !(t->flags & TCP_SYN))
		text_append(text, sizeof text, " (scale unknown)");
	words_options(&t->option, options, sizeof options);
	if (options[0] != '\0')
		text_append(text, sizeof text, "; %s", options);
	put_inside(p, " ", STYLE_MUTED, text, out);
	if (p->options.verbosity < 2)
		return;
	snprintf(text, sizeof text, "ttl %u, dscp %u, ecn %u, id %u%s; checksum 0x%04x %s",
		 t->ip.ttl, t->ip.traffic >> 2, t->ip.traffic & 3, t->ip.id, t->ip.df ? ", df" : "",
		 t->checksum_field, checksum_state_name(t->checksum));
	if (t->flags & TCP_URG)
		text_append(text, sizeof text, "; urgent %u", t->urgent);
	put_inside(p, " ", STYLE_MUTED, text, out);
}

void ladder_put_segment(const struct ladder_page *p, struct flow_memory *m, const struct event *e,
			struct out *out)
{
	const struct event_segment *s = &e->u.segment;
	const enum style style = style_of(m, s->from);
	char raw[32] = "";
	struct row r;
	row_begin(p, &r);
	add_clock(p, m, e->time_ns, &r.left);
	const bool raw_shown = put_label(p, s, style, &r.span);
	add_truth(p, SIDE_SERVER, &s->server, &r.right);
	row_put(p, &r, out);

	const bool ack = (s->tcp.flags & TCP_ACK) != 0;
	const bool rel_known = s->has_seq_rel && (!ack || s->has_ack_rel);
	if (!raw_shown && (p->options.numbers == NUMBERS_BOTH || !rel_known))
		raw_numbers(s, raw, sizeof raw);
	const struct arrow arrow = {
		.to_right = s->from == SIDE_CLIENT,
		.lost = s->held,
		.shaft = p->glyphs->line,
		.text = raw,
	};
	row_begin(p, &r);
	add_state(p, m, SIDE_CLIENT, &s->client, &r.left);
	add_truth(p, SIDE_CLIENT, &s->client, &r.left);
	text_style(&r.span, style);
	add_arrow(p, &arrow, &r.span);
	text_style(&r.span, STYLE_PLAIN);
	add_state(p, m, SIDE_SERVER, &s->server, &r.right);
	row_put(p, &r, out);

	put_payload(p, &s->tcp, out);
	if (p->options.verbosity > 0)
		put_details(p, s, out);
	put_notes(p, s->notes, s->notes_count, out);
	put_truth_notes(p, &s->client, &s->server, out);
}

/* --- everything else ---------------------------------------------------------------- */

/* An arrow that begins between the ends, at the router that speaks. */
static void add_arrow_from_middle(const struct ladder_page *p, bool to_right, const char *who,
				  struct text *t)
{
	const int shaft = p->span / 2 - 2;
	const int room = p->span - shaft - 3;
	if (to_right) {
		const int width = columns(who) < room ? columns(who) : room;
		text_pad(t, room - width);
		text_add_foreign(t, who, room, p->glyphs->ellipsis);
		text_add(t, " ");
		text_repeat(t, p->glyphs->dotted, p->span - 1 - t->columns);
		text_add(t, p->glyphs->right);
	} else {
		text_add(t, p->glyphs->left);
		text_repeat(t, p->glyphs->dotted, shaft);
		text_add(t, " ");
		text_add_foreign(t, who, room, p->glyphs->ellipsis);
	}
}

void ladder_put_icmp(const struct ladder_page *p, struct flow_memory *m, const struct event *e,
		     struct out *out)
{
	const struct event_icmp *i = &e->u.icmp;
	const bool to_right = i->about == SIDE_SERVER;
	const struct endpoint *other = to_right ? &m->client : &m->server;
	const enum style style = style_of(m, side_other(i->about));
	char who[IP_ADDR_TEXT_MAX];
	char label[128];
	struct row r;
	ip_addr_format(&i->icmp.ip.src, who, sizeof who);
	snprintf(label, sizeof label, "%" PRIu32 "  ICMP %s", i->n,
		 icmp_reason_name(i->icmp.reason));
	if (i->about_n != 0)
		text_append(label, sizeof label, ", about %" PRIu32, i->about_n);
	row_begin(p, &r);
	add_clock(p, m, e->time_ns, &r.left);
	text_style(&r.span, style);
	text_pad(&r.span, center((int)strlen(label), p->span));
	text_add_foreign(&r.span, label, p->span, p->glyphs->ellipsis);
	text_style(&r.span, STYLE_PLAIN);
	add_truth(p, SIDE_SERVER, &i->server, &r.right);
	row_put(p, &r, out);

	row_begin(p, &r);
	add_state(p, m, SIDE_CLIENT, &i->client, &r.left);
	add_truth(p, SIDE_CLIENT, &i->client, &r.left);
	text_style(&r.span, style);
	if (m->has_ends && ip_addr_equal(&other->addr, &i->icmp.ip.src)) {
		const struct arrow arrow = {
			.to_right = to_right, .shaft = p->glyphs->dotted, .text = who};
		add_arrow(p, &arrow, &r.span);
	} else {
		add_arrow_from_middle(p, to_right, who, &r.span);
	}
	text_style(&r.span, STYLE_PLAIN);
	add_state(p, m, SIDE_SERVER, &i->server, &r.right);
	row_put(p, &r, out);
	put_notes(p, i->notes, i->notes_count, out);
	put_truth_notes(p, &i->client, &i->server, out);
}

void ladder_put_timer(const struct ladder_page *p, const struct flow_memory *m,
		      const struct event *e, struct out *out)
{
	const struct event_timer *timer = &e->u.timer;
	char text[NOTE_TEXT_MAX + 96];
	char line[RENDER_WIDTH_MAX + 1];
	char after[WORDS_TIME_MAX];
	struct row r;
	if (timer->text[0] != '\0')
		snprintf(text, sizeof text, "%s%s", timer->gave_up ? "given up: " : "",
			 timer->text);
	else
		snprintf(text, sizeof text, "%s: %s timer after %s, expiry %" PRIu32 "%s",
			 side_name(timer->side), timer_kind_name(timer->kind),
			 words_duration(timer->after_ns, after, sizeof after), timer->attempt,
			 timer->gave_up ? "; given up" : "");
	const char *at = text;
	const char *bullet = timer->gave_up ? p->glyphs->loud : p->glyphs->bullet;
	row_begin(p, &r);
	add_clock(p, m, e->time_ns, &r.left);
	while (text_wrap(&at, p->span - 4, line, sizeof line)) {
		text_add(&r.span, " ");
		text_style(&r.span, timer->gave_up ? STYLE_STRONG : STYLE_PLAIN);
		text_addf(&r.span, "%s %s", bullet, line);
		text_style(&r.span, STYLE_PLAIN);
		row_put(p, &r, out);
		row_begin(p, &r);
		bullet = " ";
	}
}

void ladder_put_transition(const struct ladder_page *p, const struct event *e, struct out *out)
{
	const struct transition *t = &e->u.transition;
	char text[NOTE_TEXT_MAX];
	snprintf(text, sizeof text, "%s: %s -> %s", side_name(t->side), state_name(t->from),
		 state_name(t->to));
	if (t->cause != NULL)
		text_append(text, sizeof text, ", %s", t->cause);
	else if (t->by != 0)
		text_append(text, sizeof text, ", %s %" PRIu32,
			    t->certainty == CERTAINTY_PROVEN ? "proven by" : "by", t->by);
	if (t->rfc != NULL)
		text_append(text, sizeof text, " (RFC %s)", t->rfc);
	put_inside(p, p->glyphs->bullet, STYLE_MUTED, text, out);
}

void ladder_put_gap(const struct ladder_page *p, int64_t gap_ns, const char *why, struct out *out)
{
	char gap[WORDS_TIME_MAX];
	struct row r;
	row_begin(p, &r);
	r.edge = p->glyphs->gap;
	words_duration(gap_ns, gap, sizeof gap);
	text_pad(&r.left, p->left - 3 - (int)strlen(gap));
	text_addf(&r.left, "+%s", gap);
	text_style(&r.span, STYLE_MUTED);
	add_centered(&r.span, why, p->span);
	text_style(&r.span, STYLE_PLAIN);
	row_put(p, &r, out);
}

static void fold_part(char *text, size_t text_bytes, uint64_t n, const char *word)
{
	char count[WORDS_COUNT_MAX];
	if (n > 0)
		text_append(text, text_bytes, ", %s %s", words_count(n, count, sizeof count), word);
}

void ladder_put_fold(const struct ladder_page *p, const struct ladder_fold *f, struct out *out)
{
	char text[256];
	char line[RENDER_WIDTH_MAX + 1];
	char piece[WORDS_COUNT_MAX];
	const char *to[] = {[SIDE_CLIENT] = "to the server", [SIDE_SERVER] = "to the client"};
	const char *separator = ": ";
	struct row r;
	snprintf(text, sizeof text, "%s more segment%s",
		 words_count(f->segments, piece, sizeof piece), f->segments == 1 ? "" : "s");
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		if (f->bytes[side] == 0)
			continue;
		text_append(text, sizeof text, "%s%s %s", separator,
			    words_bytes(f->bytes[side], piece, sizeof piece), to[side]);
		separator = ", ";
	}
	fold_part(text, sizeof text, f->acks, f->acks == 1 ? "ACK" : "ACKs");
	fold_part(text, sizeof text, f->duplicates, "duplicate");
	fold_part(text, sizeof text, f->out_of_order, "out of order");
	const char *at = text;
	while (text_wrap(&at, p->span - 2, line, sizeof line)) {
		row_begin(p, &r);
		r.edge = p->glyphs->gap;
		text_style(&r.span, STYLE_MUTED);
		add_centered(&r.span, line, p->span);
		text_style(&r.span, STYLE_PLAIN);
		row_put(p, &r, out);
	}
}

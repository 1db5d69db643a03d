/*
 * The ledger: which sequence numbers each segment uses, and which it acknowledges.
 *
 * Each of the two columns is one number space. A row says what the segment took of its
 * own space, and up to where it acknowledges the other's. What people miss is the text
 * of the cells: SYN and FIN use a number each, and a bare ACK uses none.
 */
#include "rows.h"
#include "view.h"

#include "synscope/render/sentence.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDE_FROM 110 /* columns; raw numbers, and states with their full names */
#define CELL_BYTES 160
#define STATES_NARROW 24 /* columns of "*FIN-WAIT-1 *CLOSE-WAIT", and a space before it */
#define STATES_WIDE 32
#define SENTENCE_AT 2 /* columns from the bar */

struct ledger {
	const struct page *page;
	const struct glyphs *glyphs;
	bool wide;
	int cell;    /* columns of a cell's text */
	int bars[3]; /* where the bars stand: each followed by a space and a cell */
};

static struct ledger ledger_of(const struct page *p)
{
	const bool wide = p->options.width >= WIDE_FROM;
	const int states = wide ? STATES_WIDE : STATES_NARROW;
	const int first = view_time_end(p) + 1;
	struct ledger l = {.page = p, .glyphs = p->glyphs, .wide = wide};
	l.cell = (p->options.width - first - 5 - states) / 2;
	for (int i = 0; i < 3; i++)
		l.bars[i] = first + i * (l.cell + 2);
	return l;
}

static bool shows_both(const struct ledger *l)
{
	return l->page->options.numbers == NUMBERS_BOTH ||
	       l->page->options.numbers == NUMBERS_SYMBOLIC;
}

static void add_bar(const struct ledger *l, int bar, struct text *t)
{
	text_style(t, STYLE_PLAIN);
	text_pad(t, l->bars[bar]);
	text_addf(t, "%s ", l->glyphs->bar);
}

static void draw_header(const struct page *p, const struct flow_memory *m, bool goes_on,
			struct out *out)
{
	static const char *const headings[][3] = {
		{"client", "server", "client / server"},
		{"client numbers", "server numbers", "client / server"},
	};
	const struct ledger l = ledger_of(p);
	const char *const *heading = headings[l.cell >= 14];
	struct text t;
	view_put_intro(p, m, goes_on, out);
	text_reset(&t, p->options.color);
	view_add_time_heading(p, &t);
	for (int i = 0; i < 3; i++) {
		add_bar(&l, i, &t);
		text_add(&t, heading[i]);
	}
	text_put(&t, out);
}

/* --- cells -------------------------------------------------------------------------------- */

/* From the roomiest form of a cell to the tightest. */
enum cell_form {
	CELL_RAW,   /* "> data 1..13 next 14 = 3897989008", "> SYN 0 = ISN 3897988994 next 1",
		       in wide pages only */
	CELL_WHOLE, /* "> data 1..13 next 14" */
	CELL_USED,  /* "> data 1..13" */
	CELL_BARE,  /* "> 1..13" */
	CELL_COUNT, /* "> 1+13" */
	CELL_FORMS
};

/* What a segment uses, in the numbers that are shown: relative, or raw. */
struct used {
	uint32_t first, next;
	uint32_t first_raw, next_raw;
	bool raw; /* the numbers are raw already */
	bool syn, fin, again;
	uint32_t bytes;
	enum side from;
};

static struct used used_of(const struct ledger *l, const struct event_segment *s)
{
	const bool raw = !s->has_seq_rel || l->page->options.numbers == NUMBERS_RAW;
	struct used u = {
		.first = raw ? s->tcp.seq.raw : s->seq_rel,
		.first_raw = s->tcp.seq.raw,
		.next_raw = segment_end(&s->tcp).raw,
		.raw = raw,
		.syn = (s->tcp.flags & TCP_SYN) != 0,
		.fin = (s->tcp.flags & TCP_FIN) != 0,
		.again = s->retransmission,
		.bytes = s->tcp.payload_bytes,
		.from = s->from,
	};
	u.next = raw ? u.next_raw : s->next_seq_rel;
	return u;
}

static const char *number_of(const struct ledger *l, const struct used *u, uint32_t n,
			     char text[WORDS_NUMBER_MAX])
{
	const enum numbers numbers = u->raw ? NUMBERS_RAW : l->page->options.numbers;
	return words_number(numbers, u->from, n, text, WORDS_NUMBER_MAX);
}

static void data_text(const struct ledger *l, const struct used *u, uint32_t at,
		      enum cell_form form, char text[CELL_BYTES])
{
	char n[WORDS_NUMBER_MAX];
	if (form <= CELL_USED && (!u->again || u->syn))
		text_append(text, CELL_BYTES, " data");
	text_append(text, CELL_BYTES, " %s", number_of(l, u, at, n));
	if (form == CELL_COUNT)
		text_append(text, CELL_BYTES, "+%" PRIu32, u->bytes);
	else
		text_append(text, CELL_BYTES, "..%s", number_of(l, u, at + (u->bytes - 1), n));
}

static void used_text(const struct ledger *l, const struct used *u, enum cell_form form,
		      char text[CELL_BYTES])
{
	const bool words = form <= CELL_USED;
	uint32_t at = u->first;
	char n[WORDS_NUMBER_MAX];
	snprintf(text, CELL_BYTES, "%s", l->glyphs->right);
	if (u->again && words)
		text_append(text, CELL_BYTES, " again");
	const bool isn = form == CELL_RAW && u->syn && !u->raw;
	if (u->syn)
		text_append(text, CELL_BYTES, " SYN %s", number_of(l, u, at++, n));
	if (isn)
		text_append(text, CELL_BYTES, " = ISN %" PRIu32, u->first_raw);
	if (u->bytes > 0)
		data_text(l, u, at, form, text);
	at += u->bytes;
	if (u->fin)
		text_append(text, CELL_BYTES, " FIN %s", number_of(l, u, at, n));
	if (!u->syn && !u->fin && u->bytes == 0)
		text_append(text, CELL_BYTES, " (none)");
	if (form <= CELL_WHOLE)
		text_append(text, CELL_BYTES, " next %s", number_of(l, u, u->next, n));
	if (form == CELL_RAW && !u->raw && !isn)
		text_append(text, CELL_BYTES, " = %" PRIu32, u->next_raw);
}

static void add_used(const struct ledger *l, const struct event_segment *s, struct text *t)
{
	const struct used u = used_of(l, s);
	const bool raw = l->wide && shows_both(l);
	char text[CELL_BYTES];
	for (int form = raw ? CELL_RAW : CELL_WHOLE; form < CELL_FORMS; form++) {
		used_text(l, &u, (enum cell_form)form, text);
		if (columns(text) <= l->cell) {
			text_add(t, text);
			return;
		}
	}
	/* the head of the arrow is the one character that is not ASCII */
	text_add(t, l->glyphs->right);
	text_add_foreign(t, text + strlen(l->glyphs->right), l->cell - 1, l->glyphs->ellipsis);
}

static void add_acked(const struct ledger *l, const struct event_segment *s, struct text *t)
{
	const bool raw = !s->has_ack_rel || l->page->options.numbers == NUMBERS_RAW;
	char text[CELL_BYTES];
	char n[WORDS_NUMBER_MAX];
	if ((s->tcp.flags & TCP_ACK) == 0)
		return;
	words_number(raw ? NUMBERS_RAW : l->page->options.numbers, side_other(s->from),
		     raw ? s->tcp.ack.raw : s->ack_rel, n, sizeof n);
	snprintf(text, sizeof text, " ack %s", n);
	if (!raw && l->wide && shows_both(l))
		text_append(text, sizeof text, " = %" PRIu32, s->tcp.ack.raw);
	text_add(t, l->glyphs->left);
	text_add_foreign(t, text, l->cell - 1, l->glyphs->ellipsis);
}

/* --- rows --------------------------------------------------------------------------------- */

/* In a narrow page a mark stands close to a short name. */
static void add_state(const struct ledger *l, struct flow_memory *m, enum side side,
		      const struct end_view *v, struct text *t)
{
	char state[WORDS_END_MAX];
	if (l->wide)
		words_end(v, l->glyphs, 14, state, sizeof state);
	else if (v->certainty == CERTAINTY_UNKNOWN)
		snprintf(state, sizeof state, "%s", l->glyphs->unknown);
	else
		snprintf(state, sizeof state, "%s%s",
			 v->contradiction                     ? l->glyphs->loud
			 : v->certainty == CERTAINTY_PROVEN   ? l->glyphs->proven
			 : v->certainty == CERTAINTY_EXPECTED ? l->glyphs->expected
							      : "",
			 words_state_short(v->state));
	text_style(t, v->contradiction           ? STYLE_LOUD
		      : view_changed(m, side, v) ? STYLE_STRONG
						 : STYLE_PLAIN);
	text_add(t, state);
	text_style(t, STYLE_PLAIN);
	m->end[side] = *v;
}

static void add_states(const struct ledger *l, struct flow_memory *m, const struct end_view *client,
		       const struct end_view *server, struct text *t)
{
	add_bar(l, 2, t);
	add_state(l, m, SIDE_CLIENT, client, t);
	text_add(t, l->wide ? " / " : " ");
	add_state(l, m, SIDE_SERVER, server, t);
}

static void draw_segment(const struct page *p, struct flow_memory *m, const struct event *e,
			 struct out *out)
{
	const struct ledger l = ledger_of(p);
	const struct event_segment *s = &e->u.segment;
	const enum style style = view_style(m, s->from);
	const char *remark = words_remark(s);
	struct text t;
	text_reset(&t, p->options.color);
	view_add_time(p, m, s->n, e->time_ns, &t);
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		add_bar(&l, side, &t);
		text_style(&t, style);
		if (side == (int)s->from)
			add_used(&l, s, &t);
		else
			add_acked(&l, s, &t);
	}
	add_states(&l, m, &s->client, &s->server, &t);
	text_put(&t, out);
	if (remark[0] != '\0' && !(s->retransmission && strncmp(remark, "again", 5) == 0))
		view_put_sentence(p, &t, l.bars[0] + SENTENCE_AT, remark, NOTE_LOUD, out);
}

static void draw_icmp(const struct page *p, struct flow_memory *m, const struct event *e,
		      struct out *out)
{
	const struct ledger l = ledger_of(p);
	const struct event_icmp *i = &e->u.icmp;
	char what[SENTENCE_MAX];
	char who[IP_ADDR_TEXT_MAX];
	struct text t;
	text_reset(&t, p->options.color);
	view_add_time(p, m, i->n, e->time_ns, &t);
	add_bar(&l, 0, &t);
	add_bar(&l, 1, &t);
	add_states(&l, m, &i->client, &i->server, &t);
	text_put(&t, out);
	sentence_icmp(i, what, sizeof what);
	text_append(what, sizeof what, ", from %s",
		    ip_addr_format(&i->icmp.ip.src, who, sizeof who));
	view_put_sentence(p, &t, l.bars[0] + SENTENCE_AT, what, NOTE_LOUD, out);
}

static void draw_moment(const struct page *p, const struct flow_memory *m, int64_t time_ns,
			const char *text, enum note_weight weight, struct out *out)
{
	const struct ledger l = ledger_of(p);
	struct text t;
	text_reset(&t, p->options.color);
	view_add_time(p, m, 0, time_ns, &t);
	view_put_sentence(p, &t, l.bars[0] + SENTENCE_AT, text, weight, out);
}

static void draw_remark(const struct page *p, const char *text, enum note_weight weight,
			struct out *out)
{
	const struct ledger l = ledger_of(p);
	struct text t;
	text_reset(&t, p->options.color);
	view_put_sentence(p, &t, l.bars[0] + SENTENCE_AT, text, weight, out);
}

static void draw_fold(const struct page *p, const char *text, struct out *out)
{
	view_put_fold(p, ledger_of(p).bars[0] + SENTENCE_AT, text, out);
}

static const struct view_look ledger_look = {
	.header = draw_header,
	.segment = draw_segment,
	.icmp = draw_icmp,
	.moment = draw_moment,
	.remark = draw_remark,
	.fold = draw_fold,
};

struct render *ledger_open(struct out *out, const struct render_options *options)
{
	return view_open(&ledger_look, out, options);
}

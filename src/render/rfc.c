/*
 * One row a segment in the notation of RFC 9293's figures (section 3.5): the states are
 * those after the segment. For slides beside the RFC, and for grep.
 *
 *	number and time | client | arrow | segment ... | server
 *
 * A segment that is too long for its column goes on in the next row.
 */
#include "rows.h"
#include "view.h"

#include "synscope/render/sentence.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NARROW_BELOW 76 /* columns; short state names from there down */
#define WIDE_FROM 110   /* columns; raw(rel), and arrows on both sides as in the RFC */

struct rfc {
	const struct page *page;
	const struct glyphs *glyphs;
	bool wide;
	int client_at, segment_at, segment_end, server_at;
};

static struct rfc rfc_of(const struct page *p, const struct flow_memory *m)
{
	const bool wide = p->options.width >= WIDE_FROM;
	const bool narrow = p->options.width < NARROW_BELOW;
	/* our own end has no mark; others have one, and short names if they must */
	const int client = narrow ? 13 : m->client_local ? 12 : wide ? 15 : 13;
	const int server = narrow ? 12 : 14;
	struct rfc r = {.page = p, .glyphs = p->glyphs, .wide = wide};
	r.client_at = view_time_end(p) + 2;
	r.segment_at = r.client_at + client + 4;
	r.server_at = p->options.width - server;
	r.segment_end = r.server_at - (wide ? 5 : 1);
	return r;
}

static void draw_header(const struct page *p, const struct flow_memory *m, bool goes_on,
			struct out *out)
{
	const struct rfc r = rfc_of(p, m);
	struct text t;
	view_put_intro(p, m, goes_on, out);
	text_reset(&t, p->options.color);
	view_add_time_heading(p, &t);
	text_pad(&t, r.client_at);
	text_add(&t, "client");
	text_pad(&t, r.segment_at);
	text_add(&t, "segment");
	text_pad(&t, r.server_at + 2);
	text_add(&t, "server");
	text_put(&t, out);
}

static void add_state(const struct rfc *r, struct flow_memory *m, enum side side,
		      const struct end_view *v, struct text *t)
{
	char state[WORDS_END_MAX];
	const int room = side == SIDE_CLIENT ? r->segment_at - r->client_at - 5
					     : r->page->options.width - t->columns;
	words_end(v, r->glyphs, room, state, sizeof state);
	text_style(t, v->contradiction           ? STYLE_LOUD
		      : view_changed(m, side, v) ? STYLE_STRONG
						 : STYLE_PLAIN);
	/* without a mark, the name still stands below the others' names */
	if (side == SIDE_SERVER && v->certainty == CERTAINTY_EXACT && columns(state) + 2 <= room)
		text_add(t, "  ");
	text_add(t, state);
	text_style(t, STYLE_PLAIN);
	m->end[side] = *v;
}

static void add_arrow(const struct rfc *r, bool to_right, bool lost, const char *shaft,
		      struct text *t)
{
	const char *head = lost ? r->glyphs->lost : to_right ? r->glyphs->right : r->glyphs->left;
	if (to_right)
		text_addf(t, "%s%s%s", shaft, shaft, head);
	else
		text_addf(t, "%s%s%s", head, shaft, shaft);
}

#define PIECES_MAX 5
#define PIECE_BYTES 64

/* @param n the number from the ISN, if it is known, and the raw one */
static void number(const struct rfc *r, const char *name, enum side space, const uint32_t n[2],
		   bool has_rel, char piece[PIECE_BYTES])
{
	char rel[WORDS_NUMBER_MAX];
	const enum numbers numbers = r->page->options.numbers;
	if (!has_rel || numbers == NUMBERS_RAW)
		snprintf(piece, PIECE_BYTES, "<%s=%" PRIu32 ">", name, n[1]);
	else if (numbers != NUMBERS_REL && r->wide)
		snprintf(piece, PIECE_BYTES, "<%s=%" PRIu32 "(%s)>", name, n[1],
			 words_number(numbers, space, n[0], rel, sizeof rel));
	else
		snprintf(piece, PIECE_BYTES, "<%s=%s>", name,
			 words_number(numbers, space, n[0], rel, sizeof rel));
}

/* @return how many pieces the segment is written in */
static size_t pieces_of(const struct rfc *r, const struct event_segment *s,
			char pieces[PIECES_MAX][PIECE_BYTES])
{
	const uint32_t seq[] = {s->seq_rel, s->tcp.seq.raw};
	const uint32_t ack[] = {s->ack_rel, s->tcp.ack.raw};
	const char *remark = words_remark(s);
	char flags[TCP_FLAGS_TEXT_MAX];
	size_t count = 0;
	number(r, "SEQ", s->from, seq, s->has_seq_rel, pieces[count++]);
	if (s->tcp.flags & TCP_ACK)
		number(r, "ACK", side_other(s->from), ack, s->has_ack_rel, pieces[count++]);
	tcp_flags_format(s->tcp.flags, flags, sizeof flags);
	snprintf(pieces[count++], PIECE_BYTES, "<CTL=%s>", flags);
	if (s->tcp.payload_bytes > 0)
		snprintf(pieces[count++], PIECE_BYTES, "<DATA=%" PRIu32 ">", s->tcp.payload_bytes);
	if (remark[0] != '\0')
		snprintf(pieces[count++], PIECE_BYTES, " %s", remark);
	return count;
}

struct rfc_row {
	uint32_t n;
	int64_t time_ns;
	bool to_right, lost;
	const char *shaft;
	enum style style;
	const struct end_view *client, *server;
	size_t pieces_count;
	char pieces[PIECES_MAX][PIECE_BYTES];
};

/* Whether all of a segment and the server's state can stand in one row, though the state
 * is moved out of its column for it: a transfer of some megabytes has such rows. */
static bool fits_moved(const struct rfc *r, const struct rfc_row *row)
{
	char state[WORDS_END_MAX];
	int room = r->page->options.width - r->segment_at - 1;
	for (size_t i = 0; i < row->pieces_count; i++)
		room -= columns(row->pieces[i]);
	words_end(row->server, r->glyphs, room, state, sizeof state);
	return !r->wide && columns(state) <= room;
}

/* Pieces go on in further rows; one that is too long for the column may run past it, and
 * then the server's state stands in a row of its own. */
static void add_pieces(const struct rfc *r, const struct rfc_row *row, struct text *t,
		       struct out *out)
{
	const bool moved = fits_moved(r, row);
	for (size_t i = 0; i < row->pieces_count; i++) {
		const int width = columns(row->pieces[i]);
		if (!moved && t->columns > r->segment_at && t->columns + width > r->segment_end) {
			text_put(t, out);
			text_pad(t, r->segment_at);
			text_style(t, row->style);
		}
		const bool first = t->columns == r->segment_at;
		text_add_foreign(t, row->pieces[i] + (first && row->pieces[i][0] == ' '),
				 r->page->options.width - t->columns, r->glyphs->ellipsis);
	}
	if (!moved && t->columns > r->segment_end) {
		text_put(t, out);
		text_style(t, row->style);
	}
	if (moved)
		text_add(t, " ");
}

static void put_row(const struct rfc *r, struct flow_memory *m, const struct rfc_row *row,
		    struct out *out)
{
	struct text t;
	text_reset(&t, r->page->options.color);
	view_add_time(r->page, m, row->n, row->time_ns, &t);
	text_pad(&t, r->client_at);
	add_state(r, m, SIDE_CLIENT, row->client, &t);
	text_pad(&t, r->segment_at - 4);
	text_style(&t, row->style);
	add_arrow(r, row->to_right, row->lost, row->shaft, &t);
	text_add(&t, " ");
	add_pieces(r, row, &t, out);
	if (r->wide) {
		text_pad(&t, r->segment_end + 1);
		add_arrow(r, row->to_right, row->lost, row->shaft, &t);
	}
	text_style(&t, STYLE_PLAIN);
	text_pad(&t, r->server_at);
	add_state(r, m, SIDE_SERVER, row->server, &t);
	text_put(&t, out);
}

static void draw_segment(const struct page *p, struct flow_memory *m, const struct event *e,
			 struct out *out)
{
	const struct event_segment *s = &e->u.segment;
	const struct rfc r = rfc_of(p, m);
	struct rfc_row row = {
		.n = s->n,
		.time_ns = e->time_ns,
		.to_right = s->from == SIDE_CLIENT,
		.lost = s->held,
		.shaft = p->glyphs->line,
		.style = view_style(m, s->from),
		.client = &s->client,
		.server = &s->server,
	};
	row.pieces_count = pieces_of(&r, s, row.pieces);
	put_row(&r, m, &row, out);
}

static void draw_icmp(const struct page *p, struct flow_memory *m, const struct event *e,
		      struct out *out)
{
	const struct event_icmp *i = &e->u.icmp;
	const struct rfc r = rfc_of(p, m);
	char who[IP_ADDR_TEXT_MAX];
	struct rfc_row row = {
		.n = i->n,
		.time_ns = e->time_ns,
		.to_right = i->about == SIDE_SERVER,
		.shaft = p->glyphs->dotted,
		.style = view_style(m, side_other(i->about)),
		.client = &i->client,
		.server = &i->server,
		.pieces_count = 2,
	};
	snprintf(row.pieces[0], PIECE_BYTES, "ICMP %s", icmp_reason_name(i->icmp.reason));
	snprintf(row.pieces[1], PIECE_BYTES, " from %s",
		 ip_addr_format(&i->icmp.ip.src, who, sizeof who));
	if (i->about_n != 0)
		snprintf(row.pieces[row.pieces_count++], PIECE_BYTES, " about %" PRIu32,
			 i->about_n);
	put_row(&r, m, &row, out);
}

/* Sentences stand below the client's column, from there to the right edge. */
static int sentence_at(const struct page *p)
{
	return view_time_end(p) + 2;
}

static void draw_moment(const struct page *p, const struct flow_memory *m, int64_t time_ns,
			const char *text, enum note_weight weight, struct out *out)
{
	struct text t;
	text_reset(&t, p->options.color);
	view_add_time(p, m, 0, time_ns, &t);
	view_put_sentence(p, &t, sentence_at(p), text, weight, out);
}

static void draw_remark(const struct page *p, const char *text, enum note_weight weight,
			struct out *out)
{
	struct text t;
	text_reset(&t, p->options.color);
	view_put_sentence(p, &t, sentence_at(p), text, weight, out);
}

static void draw_fold(const struct page *p, const char *text, struct out *out)
{
	view_put_fold(p, sentence_at(p), text, out);
}

static const struct view_look rfc_look = {
	.header = draw_header,
	.segment = draw_segment,
	.icmp = draw_icmp,
	.moment = draw_moment,
	.remark = draw_remark,
	.fold = draw_fold,
};

struct render *rfc_open(struct out *out, const struct render_options *options)
{
	return view_open(&rfc_look, out, options);
}

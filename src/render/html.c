/*
 * The player: one page with everything in it, from which nothing is loaded and which sends
 * nothing anywhere. Its policy allows one style and one script, each by its hash, and the
 * script makes text of strings only, never markup.
 *
 * Without a script the page is complete: the ladder is drawn here, not there, and every
 * segment has its sentence in the transcript. The script adds steps to them, and reads the
 * numbers from a block of JSON: a row of numbers a segment (the script names them).
 */
#include "rows.h"

#include "player_data.h"

#include "synscope/render/flows.h"
#include "synscope/render/jsonw.h"
#include "synscope/render/picture.h"
#include "synscope/render/sentence.h"
#include "synscope/render/summary.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTML_ROWS_MAX 2000
#define HTML_FLOWS_MAX 50
#define HTML_PAYLOAD_BYTES 256
#define SHEET_ROWS 16 /* of a ladder are printed on one sheet of paper */

struct render {
	struct render_options options;
	struct out *out;
	struct tape *tape;
};

struct render *html_open(struct out *out, const struct render_options *options)
{
	const struct tape_spec spec = {.rows_max = HTML_ROWS_MAX,
				       .flows_max = HTML_FLOWS_MAX,
				       .payload_bytes = HTML_PAYLOAD_BYTES};
	struct render *r = calloc(1, sizeof *r);
	struct tape *tape = tape_open(&spec);
	if (r == NULL || tape == NULL) {
		tape_close(tape);
		free(r);
		return NULL;
	}
	r->options = *options;
	r->out = out;
	r->tape = tape;
	return r;
}

static bool is_row(const struct event *e)
{
	return e->type == EVENT_SEGMENT || e->type == EVENT_ICMP;
}

static void put_text(struct out *out, const char *text)
{
	out_escape_xml(out, text, strlen(text));
}

/* The numbers of the flows on the tape, in order. @return how many */
static size_t flows_of(const struct tape *tape, uint32_t ids[HTML_FLOWS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < tape_count(tape) && count < HTML_FLOWS_MAX; i++) {
		const uint32_t id = tape_at(tape, i)->flow_id;
		if (id > (count == 0 ? 0 : ids[count - 1]))
			ids[count++] = id;
	}
	return count;
}

/* --- what is there without a script ------------------------------------------------------------
 */

static void put_head(const struct render *r)
{
	static const char *const themes[] = {
		[THEME_AUTO] = "auto",
		[THEME_LIGHT] = "light",
		[THEME_DARK] = "dark",
		[THEME_PRINT] = "print",
	};
	struct out *out = r->out;
	out_printf(out,
		   "<!DOCTYPE html>\n<!-- Made by synscope. The player (style and script) is under "
		   "the MIT licence: keep it, change it, hand it on. -->\n"
		   "<html lang=\"en\" data-theme=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
		   themes[r->options.theme]);
	out_text(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "style-src '" PLAYER_STYLE_HASH "'; script-src '" PLAYER_SCRIPT_HASH
		      "'; base-uri 'none'; form-action 'none'\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		      "<meta name=\"referrer\" content=\"no-referrer\">\n"
		      "<title>TCP, segment by segment</title>\n<style>");
	out_write(out, player_style, sizeof player_style);
	out_text(out, "</style>\n</head>\n<body>\n");
	out_write(out, player_top, sizeof player_top);
}

static void put_notes(struct out *out, const struct note *notes, size_t count)
{
	char text[SENTENCE_MAX];
	if (count == 0)
		return;
	out_text(out, "<ul>");
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		out_text(out, "<li>");
		put_text(out, sentence_note(&notes[i], text, sizeof text));
		out_text(out, "</li>");
	}
	out_text(out, "</ul>");
}

static void put_details(struct out *out, const struct event_segment *s)
{
	char text[SENTENCE_MAX];
	out_text(out, "<p class=\"more\">");
	put_text(out, sentence_window(s, text, sizeof text));
	out_text(out, "; ");
	put_text(out, sentence_headers(s, text, sizeof text));
	out_text(out, "</p>");
}

static void put_payload(const struct render *r, const struct segment *s)
{
	if (!r->options.payload || s->payload == NULL || s->payload_captured_bytes == 0)
		return;
	struct out *escaped = out_open_memory();
	size_t count = 0;
	if (escaped == NULL)
		return;
	out_escape_text(escaped, s->payload, s->payload_captured_bytes);
	const char *text = out_memory(escaped, &count);
	out_text(r->out, "<p class=\"more\">says: ");
	out_escape_xml(r->out, text, count);
	out_text(r->out, "</p>");
	out_close(escaped);
}

static void put_item(const struct render *r, const char *prefix, struct flow_memory *m,
		     const struct event *e)
{
	const bool segment = e->type == EVENT_SEGMENT;
	const uint32_t n = segment ? e->u.segment.n : e->u.icmp.n;
	char clock[WORDS_TIME_MAX];
	char sentence[SENTENCE_SEGMENT_MAX];
	flow_tick(m, e);
	words_clock(m, e->time_ns, r->options.time_mode, false, clock, sizeof clock);
	out_printf(r->out, "<li id=\"%ssay-%" PRIu32 "\" value=\"%" PRIu32 "\"><p>", prefix, n, n);
	put_text(r->out, clock);
	out_text(r->out, r->options.time_mode == TIME_ABS ? ": " : " ms: ");
	put_text(r->out, sentence_row(e, &r->options, sentence, sizeof sentence));
	out_text(r->out, "</p>");
	if (segment) {
		put_details(r->out, &e->u.segment);
		put_payload(r, &e->u.segment.tcp);
		put_notes(r->out, e->u.segment.notes, e->u.segment.notes_count);
	} else {
		put_notes(r->out, e->u.icmp.notes, e->u.icmp.notes_count);
	}
	out_text(r->out, "</li>\n");
}

static void put_transcript(const struct render *r, uint32_t id, const char *prefix)
{
	struct flows flows;
	struct flow_memory *m = NULL;
	const struct event_flow *flow = NULL;
	struct summary s = {.count = 0};
	flows_init(&flows);
	out_text(r->out, "<ol class=\"transcript\">\n");
	for (size_t i = 0; i < tape_count(r->tape); i++) {
		const struct event *e = tape_at(r->tape, i);
		if (e->flow_id != id)
			continue;
		m = flows_take(&flows, e);
		if (is_row(e))
			put_item(r, prefix, m, e);
		if (e->type == EVENT_FLOW)
			flow = &e->u.flow;
	}
	out_text(r->out, "</ol>\n");
	if (m != NULL)
		summary_flow(&s, m, flow, &r->options);
	for (size_t i = 0; i < s.count; i++) {
		out_printf(r->out, "<p class=\"foot\">%s: ", s.rows[i].key);
		put_text(r->out, s.rows[i].text);
		out_text(r->out, "</p>\n");
	}
	flows_reset(&flows);
}

/* The ladder, in pieces that a sheet of paper holds: on a screen they join without a seam. */
static void put_ladder(const struct render *r, uint32_t id, const char *prefix, const char *title)
{
	struct picture_cuts cuts = {.every = SHEET_ROWS};
	const struct picture_spec spec = {
		.tape = r->tape, .options = &r->options, .id_prefix = prefix, .cuts = &cuts};
	struct out *body = out_open_memory();
	size_t count = 0;
	size_t from = 0;
	int top = 0;
	if (body == NULL)
		return;
	const int bottom = picture_draw(&spec, id, 0, 0, body);
	const char *text = out_memory(body, &count);
	for (size_t i = 0; i <= cuts.count; i++) {
		const bool last = i == cuts.count;
		const size_t to = last ? count : cuts.at[i].bytes;
		const int end = last ? bottom : cuts.at[i].y;
		picture_open(&spec, title, top, end, r->out);
		out_write(r->out, text + from, to - from);
		out_text(r->out, "</svg>\n");
		from = to;
		top = end;
	}
	out_close(body);
}

static void put_flow(const struct render *r, uint32_t id, const char *prefix)
{
	char title[48];
	snprintf(title, sizeof title, "exchange %" PRIu32 ", segment by segment", id);
	out_printf(r->out, "<section class=\"flow\" id=\"flow-%" PRIu32 "\">\n<h1>%s</h1>\n", id,
		   title);
	out_text(r->out, "<figure class=\"ladder\" tabindex=\"0\">\n");
	put_ladder(r, id, prefix, title);
	out_printf(r->out, "</figure>\n<h2%s>transcript</h2>\n",
		   prefix[0] == '\0' ? " id=\"transcript\" tabindex=\"-1\"" : "");
	put_transcript(r, id, prefix);
	out_text(r->out, "</section>\n");
}

/* --- what the script reads ----------------------------------------------------------------------
 */

static void put_end(struct jsonw *j, const struct end_view *v)
{
	const bool unknown = v->certainty == CERTAINTY_UNKNOWN;
	jsonw_uint(j, NULL, v->contradiction ? 4 : (uint64_t)v->certainty);
	jsonw_uint(j, NULL, unknown ? v->possible : state_set(v->state));
}

static void put_be(uint8_t *at, uint32_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
}

/* The TCP header as it was on the wire, in hexadecimal: of a segment that was built and held
 * back there is no frame, so it is made from the fields. */
static void put_header(struct jsonw *j, const struct segment *s)
{
	uint8_t header[60];
	char hex[2 * sizeof header + 1] = "";
	const size_t options = s->options == NULL ? 0 : s->options_bytes;
	const size_t count = 20 + (options <= 40 ? options : 40);
	put_be(header, s->src.port, 2);
	put_be(header + 2, s->dst.port, 2);
	put_be(header + 4, s->seq.raw, 4);
	put_be(header + 8, s->ack.raw, 4);
	put_be(header + 12,
	       (uint32_t)s->header_bytes / 4 << 12 | (s->reserved & 7u) << 9 | s->flags, 2);
	put_be(header + 14, s->window, 2);
	put_be(header + 16, s->checksum_field, 2);
	put_be(header + 18, s->urgent, 2);
	if (count > 20)
		memcpy(header + 20, s->options, count - 20);
	for (size_t i = 0; i < count; i++)
		snprintf(hex + 2 * i, 3, "%02x", header[i]);
	jsonw_text(j, NULL, hex);
}

static void put_rel(struct jsonw *j, bool known, uint32_t rel)
{
	if (known)
		jsonw_uint(j, NULL, rel);
	else
		jsonw_int(j, NULL, -1);
}

static void put_segment_row(struct jsonw *j, const struct event_segment *s, int64_t us)
{
	jsonw_uint(j, NULL, s->n);
	jsonw_uint(j, NULL, 0);
	jsonw_uint(j, NULL, s->from);
	jsonw_int(j, NULL, us);
	jsonw_uint(j, NULL, s->tcp.flags);
	jsonw_uint(j, NULL, s->tcp.seq.raw);
	jsonw_uint(j, NULL, s->tcp.ack.raw);
	put_rel(j, s->has_seq_rel, s->seq_rel);
	put_rel(j, s->has_ack_rel, s->ack_rel);
	put_rel(j, s->has_seq_rel, s->next_seq_rel);
	jsonw_uint(j, NULL, s->tcp.payload_bytes);
	jsonw_uint(j, NULL, s->window_bytes);
	put_end(j, &s->client);
	put_end(j, &s->server);
	put_header(j, &s->tcp);
	jsonw_text(j, NULL, words_remark(s));
}

/* An ICMP error comes from the side that the segment it is about went to, or from the way there. */
static void put_icmp_row(struct jsonw *j, const struct event_icmp *i, int64_t us)
{
	jsonw_uint(j, NULL, i->n);
	jsonw_uint(j, NULL, 1);
	jsonw_uint(j, NULL, side_other(i->about));
	jsonw_int(j, NULL, us);
	for (int none = 0; none < 8; none++)
		jsonw_uint(j, NULL, 0);
	put_end(j, &i->client);
	put_end(j, &i->server);
	jsonw_text(j, NULL, "");
	jsonw_text(j, NULL, "");
}

static void put_isn(struct jsonw *j, const struct flow_memory *m)
{
	jsonw_open_array(j, "isn");
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		if (m != NULL && m->has_isn[side])
			jsonw_uint(j, NULL, m->isn[side]);
		else
			jsonw_null(j, NULL);
	}
	jsonw_close_array(j);
}

static void put_rows(const struct render *r, struct jsonw *j, uint32_t id)
{
	struct flows flows;
	struct flow_memory *m = NULL;
	flows_init(&flows);
	jsonw_open_array(j, "rows");
	for (size_t i = 0; i < tape_count(r->tape); i++) {
		const struct event *e = tape_at(r->tape, i);
		if (e->flow_id != id)
			continue;
		m = flows_take(&flows, e);
		if (!is_row(e))
			continue;
		flow_tick(m, e);
		jsonw_open_array(j, NULL);
		if (e->type == EVENT_SEGMENT)
			put_segment_row(j, &e->u.segment, (e->time_ns - m->first_ns) / 1000);
		else
			put_icmp_row(j, &e->u.icmp, (e->time_ns - m->first_ns) / 1000);
		jsonw_close_array(j);
	}
	jsonw_close_array(j);
	put_isn(j, m);
	flows_reset(&flows);
}

static void put_data(const struct render *r, const uint32_t *ids, size_t count)
{
	static const char *const numbers[] = {
		[NUMBERS_BOTH] = "both",
		[NUMBERS_REL] = "rel",
		[NUMBERS_RAW] = "raw",
		[NUMBERS_SYMBOLIC] = "symbolic",
	};
	struct jsonw j;
	jsonw_init(&j, r->out);
	out_text(r->out, "<script type=\"application/json\" id=\"data\">");
	jsonw_open_object(&j, NULL);
	jsonw_text(&j, "numbers", numbers[r->options.numbers]);
	jsonw_open_array(&j, "flows");
	for (size_t i = 0; i < count; i++) {
		char prefix[16] = "";
		if (i > 0)
			snprintf(prefix, sizeof prefix, "f%" PRIu32 "-", ids[i]);
		jsonw_open_object(&j, NULL);
		jsonw_uint(&j, "id", ids[i]);
		jsonw_text(&j, "prefix", prefix);
		put_rows(r, &j, ids[i]);
		jsonw_close_object(&j);
	}
	jsonw_close_array(&j);
	jsonw_close_object(&j);
	out_text(r->out, "</script>\n<script>");
	out_write(r->out, player_script, sizeof player_script);
	out_text(r->out, "</script>\n</body>\n</html>\n");
}

static void put_page(const struct render *r)
{
	uint32_t ids[HTML_FLOWS_MAX];
	const size_t count = flows_of(r->tape, ids);
	put_head(r);
	if (count == 0)
		out_text(r->out, "<h1 id=\"transcript\">No TCP was seen.</h1>\n");
	for (size_t i = 0; i < count; i++) {
		char prefix[16] = "";
		if (i > 0)
			snprintf(prefix, sizeof prefix, "f%" PRIu32 "-", ids[i]);
		put_flow(r, ids[i], prefix);
	}
	if (tape_left_out(r->tape) > 0)
		out_printf(r->out,
			   "<p>%" PRIu64 " segments more are left out: a page has at most %d, of "
			   "%d exchanges.</p>\n",
			   tape_left_out(r->tape), HTML_ROWS_MAX, HTML_FLOWS_MAX);
	out_write(r->out, player_bottom, sizeof player_bottom);
	put_data(r, ids, count);
}

void html_event(struct render *r, const struct event *e)
{
	tape_keep(r->tape, e);
	if (e->type == EVENT_END)
		put_page(r);
}

void html_close(struct render *r)
{
	if (r == NULL)
		return;
	tape_close(r->tape);
	free(r);
}

#include "synscope/render/panel.h"

#include "synscope/render/sentence.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the state diagram ------------------------------------------------------------------------ */

/* Lines of the diagram, in letters for corners and crossings; a line with states names up to three
 * of them, in the middle of each third. */
static const struct {
	const char *drawn;
	int states[3]; /* enum tcp_state, or -1 */
} diagram[PANEL_STATES_LINES] = {
	{"", {-1, ST_CLOSED, -1}},
	{"                                      |", {-1, -1, -1}},
	{"", {-1, ST_LISTEN, -1}},
	{"            r-------------------------A-------------------------7", {-1, -1, -1}},
	{"                         <----------------------------",
	 {ST_SYN_RECEIVED, -1, ST_SYN_SENT}},
	{"            |                                                   |", {-1, -1, -1}},
	{"            L------------->                      <--------------J",
	 {-1, ST_ESTABLISHED, -1}},
	{"            r-------------------------A-------------------------7", {-1, -1, -1}},
	{"                       ---->", {ST_FIN_WAIT_1, ST_CLOSING, ST_CLOSE_WAIT}},
	{"            |                         |                         |", {-1, -1, -1}},
	{"                       ---->", {ST_FIN_WAIT_2, ST_TIME_WAIT, ST_LAST_ACK}},
	{"            TIME-WAIT after 2 MSL, LAST-ACK when acknowledged: CLOSED", {-1, -1, -1}},
};

static const int middles[3] = {12, 38, 64};

static const char *line_glyph(char c, bool ascii)
{
	static const char letters[] = "|-r7LJA<>";
	static const char *const utf8[] = {"│", "─", "┌", "┐", "└", "┘", "┴", "◄", "►"};
	static const char *const plain[] = {"|", "-", "+", "+", "+", "+", "+", "<", ">"};
	const char *found = strchr(letters, c);
	if (found == NULL)
		return NULL;
	return (ascii ? plain : utf8)[found - letters];
}

/* How an end is marked at a state: "" if it is not there. */
static const char *mark_of(const struct glyphs *g, const struct end_view *v, enum tcp_state s)
{
	if (v == NULL)
		return NULL;
	switch (v->certainty) {
	case CERTAINTY_UNKNOWN:
		return state_set_has(v->possible, s) ? g->unknown : NULL;
	case CERTAINTY_EXPECTED:
		return v->state == s ? g->expected : NULL;
	case CERTAINTY_PROVEN:
		return v->state == s ? g->proven : NULL;
	case CERTAINTY_EXACT:
		return v->state == s ? "" : NULL;
	}
	return NULL;
}

static void add_drawn(struct text *t, const char *drawn, int to, bool ascii)
{
	while (t->columns < to) {
		const bool past = t->columns >= (int)strlen(drawn);
		const char c = past ? ' ' : drawn[t->columns];
		const bool letters = strstr(drawn, "MSL") != NULL;
		const char *glyph = letters ? NULL : line_glyph(c, ascii);
		const char text[2] = {c, '\0'};
		text_add(t, glyph != NULL ? glyph : text);
	}
}

static void add_state(struct text *t, const struct glyphs *g, enum tcp_state s,
		      const struct end_view *const ends[2])
{
	const char *client = mark_of(g, ends[0], s);
	const char *server = mark_of(g, ends[1], s);
	if (client != NULL || server != NULL)
		text_style(t, STYLE_STRONG);
	if (client != NULL)
		text_addf(t, "C%s ", client);
	text_add(t, state_name(s));
	if (server != NULL)
		text_addf(t, " S%s", server);
	text_style(t, STYLE_PLAIN);
}

void panel_states(const struct render_options *o, const struct end_view *client,
		  const struct end_view *server, struct out *out)
{
	const struct glyphs *g = glyphs_of(o->ascii);
	const struct end_view *const ends[2] = {client, server};
	struct text t;
	text_reset(&t, o->color);
	for (size_t i = 0; i < PANEL_STATES_LINES; i++) {
		for (int k = 0; k < 3; k++) {
			if (diagram[i].states[k] < 0)
				continue;
			const enum tcp_state s = (enum tcp_state)diagram[i].states[k];
			const char *mark = mark_of(g, client, s);
			const int before = mark == NULL ? 0 : 2 + columns(mark);
			const int name = (int)strlen(state_name(s));
			add_drawn(&t, diagram[i].drawn, middles[k] - name / 2 - before, o->ascii);
			add_state(&t, g, s, ends);
		}
		add_drawn(&t, diagram[i].drawn, (int)strlen(diagram[i].drawn), o->ascii);
		text_put(&t, out);
	}
}

/* --- the header's fields ------------------------------------------------------------------------
 */

static void put_be(uint8_t *at, uint32_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
}

struct header {
	const struct render_options *options;
	struct out *out;
	uint8_t bytes[60];
	size_t count;
};

static void put_word(const struct header *h, size_t at, const char *text)
{
	struct text t;
	text_reset(&t, h->options->color);
	text_addf(&t, "%3zu  ", at);
	text_style(&t, STYLE_MUTED);
	for (size_t i = at; i < at + 4 && i < h->count; i++)
		text_addf(&t, "%02x ", h->bytes[i]);
	text_style(&t, STYLE_PLAIN);
	text_pad(&t, 19);
	text_add_foreign(&t, text, h->options->width - 19, "~");
	text_put(&t, h->out);
}

static void rel_text(const struct header *h, enum side space, bool known, uint32_t rel, char *text,
		     size_t text_bytes)
{
	char n[WORDS_NUMBER_MAX];
	text[0] = '\0';
	if (known)
		snprintf(text, text_bytes, " (%s%s)",
			 h->options->numbers == NUMBERS_SYMBOLIC ? "" : "rel ",
			 words_number(h->options->numbers, space, rel, n, sizeof n));
}

static void put_options(const struct header *h, const struct segment *s)
{
	char text[WORDS_OPTIONS_MAX + 16] = "options: ";
	const char *at = text;
	char line[RENDER_WIDTH_MAX + 1];
	words_options(&s->option, text + strlen(text), sizeof text - strlen(text));
	for (size_t i = 20; i < h->count; i += 4) {
		if (!text_wrap(&at, h->options->width - 20, line, sizeof line))
			line[0] = '\0';
		put_word(h, i, line);
	}
}

static void put_header(struct header *h, const struct event_segment *s)
{
	const struct segment *t = &s->tcp;
	char text[160];
	char rel[48];
	char flags[TCP_FLAGS_TEXT_MAX];
	snprintf(text, sizeof text, "source port %u, destination port %u", t->src.port,
		 t->dst.port);
	put_word(h, 0, text);
	rel_text(h, s->from, s->has_seq_rel, s->seq_rel, rel, sizeof rel);
	snprintf(text, sizeof text, "sequence number %" PRIu32 "%s", t->seq.raw, rel);
	put_word(h, 4, text);
	rel_text(h, side_other(s->from), s->has_ack_rel, s->ack_rel, rel, sizeof rel);
	snprintf(text, sizeof text, "acknowledgement number %" PRIu32 "%s%s", t->ack.raw, rel,
		 t->flags & TCP_ACK ? "" : "; without ACK it means nothing");
	put_word(h, 8, text);
	snprintf(text, sizeof text, "data offset %u, reserved %u, %s, window %u",
		 t->header_bytes / 4u, t->reserved, tcp_flags_format(t->flags, flags, sizeof flags),
		 t->window);
	if (s->window_bytes != t->window)
		text_append(text, sizeof text, " = %" PRIu32 " bytes", s->window_bytes);
	put_word(h, 12, text);
	snprintf(text, sizeof text, "checksum 0x%04x %s, urgent pointer %u", t->checksum_field,
		 checksum_state_name(t->checksum), t->urgent);
	put_word(h, 16, text);
	put_options(h, t);
}

void panel_fields(const struct render_options *o, const struct event *e, struct out *out)
{
	struct header h = {.options = o, .out = out, .count = 20};
	char text[SENTENCE_MAX];
	struct text t;
	text_reset(&t, o->color);
	if (e->type == EVENT_SEGMENT) {
		const struct segment *s = &e->u.segment.tcp;
		put_be(h.bytes, s->src.port, 2);
		put_be(h.bytes + 2, s->dst.port, 2);
		put_be(h.bytes + 4, s->seq.raw, 4);
		put_be(h.bytes + 8, s->ack.raw, 4);
		put_be(h.bytes + 12,
		       (uint32_t)s->header_bytes / 4 << 12 | (s->reserved & 7u) << 9 | s->flags, 2);
		put_be(h.bytes + 14, s->window, 2);
		put_be(h.bytes + 16, s->checksum_field, 2);
		put_be(h.bytes + 18, s->urgent, 2);
		if (s->options != NULL && s->options_bytes <= 40) {
			memcpy(h.bytes + 20, s->options, s->options_bytes);
			h.count += s->options_bytes;
		}
		put_header(&h, &e->u.segment);
		text_addf(&t, "     IP: %s", sentence_headers(&e->u.segment, text, sizeof text));
	} else if (e->type == EVENT_ICMP) {
		text_addf(&t, "     %s", sentence_icmp(&e->u.icmp, text, sizeof text));
	}
	text_put(&t, out);
}

/* --- why
 * ------------------------------------------------------------------------------------------ */

static void put_wrapped(const struct render_options *o, const char *mark, const char *text,
			struct out *out)
{
	char line[RENDER_WIDTH_MAX + 1];
	struct text t;
	text_reset(&t, o->color);
	while (text_wrap(&text, o->width - 4, line, sizeof line)) {
		text_addf(&t, " %s %s", mark, line);
		text_put(&t, out);
		mark = " ";
	}
}

void panel_explain(const struct render_options *o, const struct tape *tape, size_t i,
		   struct out *out)
{
	const struct event *e = tape_at(tape, i);
	const struct glyphs *g = glyphs_of(o->ascii);
	const bool segment = e->type == EVENT_SEGMENT;
	const struct note *notes = segment ? e->u.segment.notes : e->u.icmp.notes;
	const size_t count = segment ? e->u.segment.notes_count : e->u.icmp.notes_count;
	char text[SENTENCE_MAX];
	if (!segment && e->type != EVENT_ICMP)
		return;
	for (size_t n = 0; n < count && n < EVENT_NOTES_MAX; n++)
		put_wrapped(o, words_note_weight(notes[n].code) == NOTE_LOUD ? g->loud : g->bullet,
			    sentence_note(&notes[n], text, sizeof text), out);
	/* what it changed comes right after it */
	for (size_t k = i + 1; k < tape_count(tape); k++) {
		const struct event *next = tape_at(tape, k);
		if (next->flow_id != e->flow_id)
			continue;
		if (next->type != EVENT_TRANSITION)
			break;
		put_wrapped(o, g->bullet,
			    sentence_transition(&next->u.transition, text, sizeof text), out);
	}
	put_wrapped(o, g->bullet,
		    sentence_sets(SIDE_CLIENT, segment ? &e->u.segment.client : &e->u.icmp.client,
				  text, sizeof text),
		    out);
	put_wrapped(o, g->bullet,
		    sentence_sets(SIDE_SERVER, segment ? &e->u.segment.server : &e->u.icmp.server,
				  text, sizeof text),
		    out);
}

/*
 * SVG: the ladders of what was on the tape, one below the other, when all is known. With
 * options->until it is one of a series: the first exchange, built up to a row; a step that
 * the exchange has not is no file at all.
 */
#include "rows.h"

#include "synscope/render/picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A picture of more is of no use to anybody; the views and JSON have all. */
#define SVG_ROWS_MAX 2000
#define SVG_FLOWS_MAX 50
#define SVG_PAYLOAD_BYTES 256

struct render {
	struct render_options options;
	struct out *out;
	struct tape *tape;
};

struct render *svg_open(struct out *out, const struct render_options *options)
{
	const struct tape_spec spec = {.rows_max = SVG_ROWS_MAX,
				       .flows_max = options->until != 0 ? 1 : SVG_FLOWS_MAX,
				       .payload_bytes = SVG_PAYLOAD_BYTES};
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

static int draw_all(const struct render *r, struct picture_spec *spec, struct out *body)
{
	char text[160];
	char prefix[16] = "";
	uint32_t last = 0;
	int y = 0;
	spec->id_prefix = prefix;
	for (size_t i = 0; i < tape_count(r->tape); i++) {
		const uint32_t id = tape_at(r->tape, i)->flow_id;
		if (id <= last)
			continue;
		if (last != 0)
			snprintf(prefix, sizeof prefix, "f%" PRIu32 "-", id);
		last = id;
		y = picture_draw(spec, id, 0, y, body);
	}
	if (last == 0)
		y = picture_remark(spec, "No TCP was seen.", y, body);
	if (tape_left_out(r->tape) > 0) {
		snprintf(text, sizeof text,
			 "%" PRIu64
			 " segments more are left out: a picture has at most %d, of %d flows",
			 tape_left_out(r->tape), SVG_ROWS_MAX, SVG_FLOWS_MAX);
		y = picture_remark(spec, text, y, body);
	}
	return y;
}

/* Every step is as high as the whole, so that none jumps when one follows the other. */
static int draw_step(const struct picture_spec *spec, uint32_t flow_id, struct out *body)
{
	struct out *all = out_open_memory();
	int height = picture_draw(spec, flow_id, spec->options->until, 0, body);
	if (all != NULL)
		height = picture_draw(spec, flow_id, 0, 0, all);
	out_close(all);
	return height;
}

static void put(struct render *r)
{
	struct picture_spec spec = {
		.tape = r->tape, .options = &r->options, .whole = true, .id_prefix = ""};
	const uint32_t until = r->options.until;
	const uint32_t first = tape_count(r->tape) > 0 ? tape_at(r->tape, 0)->flow_id : 0;
	struct out *body = out_open_memory();
	size_t count = 0;
	if (until != 0 && (first == 0 || picture_rows(r->tape, first) < until)) {
		out_give_up(r->out);
		out_close(body);
		return;
	}
	if (body == NULL)
		return;
	const int height = until == 0 ? draw_all(r, &spec, body) : draw_step(&spec, first, body);
	picture_open(&spec, "TCP exchange", 0, height, r->out);
	const char *text = out_memory(body, &count);
	out_write(r->out, text, count);
	out_text(r->out, "</svg>\n");
	out_close(body);
}

void svg_event(struct render *r, const struct event *e)
{
	tape_keep(r->tape, e);
	if (e->type == EVENT_END)
		put(r);
}

void svg_close(struct render *r)
{
	if (r == NULL)
		return;
	tape_close(r->tape);
	free(r);
}

/*
 * The ladder of an exchange as SVG: a whole file (--svg), or a part of a page (--html), where
 * the page's style takes over. Every piece of text stays text. A segment is a group
 * <g id="seg-3" class="seg out">, with a <title> that says it in one sentence.
 *
 * Arrows slope: the end where the capture was made is measured, the other end is where the
 * segment is taken to have left or arrived. The slope is not to scale, and the picture says so.
 */
#ifndef SYNSCOPE_RENDER_PICTURE_H
#define SYNSCOPE_RENDER_PICTURE_H

#include "synscope/render/out.h"
#include "synscope/render/render.h"
#include "synscope/render/tape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_WIDTH 960 /* user units; so is everything below */

#define PICTURE_CUTS_MAX 128

/* Where a picture may be cut between two rows, so that none is split over two sheets of paper. */
struct picture_cuts {
	uint32_t every; /* so many rows */
	size_t count;
	struct {
		int y;
		size_t bytes; /* of what was drawn before it */
	} at[PICTURE_CUTS_MAX];
};

struct picture_spec {
	const struct tape *tape;              /* borrowed */
	const struct render_options *options; /* borrowed: numbers, time_mode, theme, payload ... */
	bool whole;                /* a file of its own; else a part of a page, without colours */
	struct picture_cuts *cuts; /* to be noted, if it is drawn into memory; or NULL */
	const char *id_prefix;     /* of every id: "", or "f2-" if a page has several pictures */
};

/** @return how many rows (segments and ICMP errors) a flow has on the tape. */
uint32_t picture_rows(const struct tape *tape, uint32_t flow_id);

/**
 * Draw one exchange, without the <svg> around it.
 * @param top   where it begins
 * @param until draw its first rows only, up to this one (segments and ICMP errors); 0: all
 * @return where what comes below it may begin
 */
int picture_draw(const struct picture_spec *spec, uint32_t flow_id, uint32_t until, int top,
		 struct out *out);

/** Draw a line of text across the whole width. @return as picture_draw() */
int picture_remark(const struct picture_spec *spec, const char *text, int top, struct out *out);

/** Begin an <svg> that shows what is drawn from @p top to @p bottom; it is ended by "</svg>". */
void picture_open(const struct picture_spec *spec, const char *title, int top, int bottom,
		  struct out *out);

#endif

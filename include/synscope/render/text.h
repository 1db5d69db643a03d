/*
 * One line of text, built piece by piece, that knows how many columns of a
 * terminal it takes. Styles take none. Every character a renderer draws itself
 * takes one column; characters from elsewhere are brought to printable ASCII first.
 */
#ifndef SYNSCOPE_RENDER_TEXT_H
#define SYNSCOPE_RENDER_TEXT_H

#include "synscope/render/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RENDER_WIDTH_MAX glyphs of 3 bytes, and room for styles; what does not fit is left out. */
#define TEXT_BYTES_MAX 2048

enum style {
	STYLE_PLAIN,
	STYLE_OUT,    /* leaves our end, or the client: cyan */
	STYLE_IN,     /* comes to our end, or from the server: yellow */
	STYLE_MUTED,  /* may be overlooked */
	STYLE_STRONG, /* a state that changed */
	STYLE_LOUD,   /* a problem; always together with a mark and words */
};

struct text {
	char bytes[TEXT_BYTES_MAX]; /* NUL-terminated */
	size_t count;
	int columns;
	bool color; /* whether text_style() does anything */
};

/* The characters a ladder is drawn with, in UTF-8 or in ASCII: one column each. */
struct glyphs {
	const char *proven, *expected, *unknown;
	const char *right, *left;  /* heads of arrows */
	const char *line, *dotted; /* shafts: a segment, an ICMP error */
	const char *lifeline, *top, *bottom, *gap;
	const char *lost;            /* never arrived */
	const char *equal, *unequal; /* belief and truth */
	const char *bullet, *loud;
	const char *ellipsis;
	const char *bar; /* between columns */
};

/** @return the set for a terminal that shows UTF-8, or for one that does not. */
const struct glyphs *glyphs_of(bool ascii);

/** @return the columns that UTF-8 text takes, a style sequence counting none. */
int columns(const char *text);

void text_reset(struct text *t, bool color);

/** Append text of our own (UTF-8, one column a character). */
void text_add(struct text *t, const char *text);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_repeat(struct text *t, const char *glyph, int count);

/** Append spaces until column @p column (0 is the first) is next; none if it is past. */
void text_pad(struct text *t, int column);

/** Change the style of what follows. Nothing happens without color. */
void text_style(struct text *t, enum style s);

/**
 * Append text of others, printable ASCII as it is, everything else as `?`: names, notes.
 * @param columns_max cut there, with the ellipsis @p ellipsis as the last column
 */
void text_add_foreign(struct text *t, const char *text, int columns_max, const char *ellipsis);

/**
 * Append bytes from the wire in quotes, escaped as out_escape_text() does it.
 * @param columns_max cut there, quotes and ellipsis included; at least 4
 * @param more        whether there are more bytes than these (an ellipsis is due)
 */
void text_add_payload(struct text *t, const uint8_t *data, size_t count, int columns_max,
		      const char *ellipsis, bool more);

/** Write the line and a newline, without trailing spaces, and reset it. */
void text_put(struct text *t, struct out *out);

/** Append to plain text in a buffer; what does not fit is cut. */
void text_append(char *text, size_t text_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Take the next line of a paragraph, broken at spaces (or inside a word that is longer).
 * @param at          moved past what was taken; start at the paragraph
 * @param columns_max 8 or more
 * @param line        written, NUL-terminated, printable ASCII only
 * @return whether there was a line
 */
bool text_wrap(const char **at, int columns_max, char *line, size_t line_bytes);

#endif

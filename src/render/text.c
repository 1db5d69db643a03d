#include "synscope/render/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Taken together so that a terminal font which has one has all: arrows and marks that
 * East Asian terminals draw two columns wide are kept to those RFC figures need. */
static const struct glyphs glyphs_utf8 = {
	.proven = "●",
	.expected = "○",
	.unknown = "?",
	.right = "►",
	.left = "◄",
	.line = "─",
	.dotted = "╌",
	.lifeline = "│",
	.top = "┬",
	.bottom = "┴",
	.gap = "⋮",
	.lost = "✗",
	.equal = "=",
	.unequal = "≠",
	.bullet = "·",
	.loud = "!",
	.ellipsis = "…",
	.bar = "│",
};

static const struct glyphs glyphs_ascii = {
	.proven = "*",
	.expected = "~",
	.unknown = "?",
	.right = ">",
	.left = "<",
	.line = "-",
	.dotted = ".",
	.lifeline = "|",
	.top = "+",
	.bottom = "+",
	.gap = ":",
	.lost = "x",
	.equal = "=",
	.unequal = "!",
	.bullet = "-",
	.loud = "!",
	.ellipsis = "~",
	.bar = "|",
};

const struct glyphs *glyphs_of(bool ascii)
{
	return ascii ? &glyphs_ascii : &glyphs_utf8;
}

int columns(const char *text)
{
	int count = 0;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\033') {
			while (*c != '\0' && *c != 'm')
				c++;
			if (*c == '\0')
				break;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			count++;
		}
	}
	return count;
}

void text_reset(struct text *t, bool color)
{
	t->bytes[0] = '\0';
	t->count = 0;
	t->columns = 0;
	t->color = color;
}

static void add_bytes(struct text *t, const char *bytes, size_t count, int width)
{
	if (count >= sizeof t->bytes - t->count)
		return;
	memcpy(t->bytes + t->count, bytes, count);
	t->count += count;
	t->bytes[t->count] = '\0';
	t->columns += width;
}

void text_add(struct text *t, const char *text)
{
	add_bytes(t, text, strlen(text), columns(text));
}

void text_addf(struct text *t, const char *format, ...)
{
	char piece[512];
	va_list args;
	va_start(args, format);
	vsnprintf(piece, sizeof piece, format, args);
	va_end(args);
	text_add(t, piece);
}

void text_repeat(struct text *t, const char *glyph, int count)
{
	for (int i = 0; i < count; i++)
		text_add(t, glyph);
}

void text_pad(struct text *t, int column)
{
	text_repeat(t, " ", column - t->columns);
}

void text_style(struct text *t, enum style s)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m",    [STYLE_OUT] = "\033[0;36m",
		[STYLE_IN] = "\033[0;33m",    [STYLE_MUTED] = "\033[0;2m",
		[STYLE_STRONG] = "\033[0;1m", [STYLE_LOUD] = "\033[0;1;7m",
	};
	if (t->color)
		add_bytes(t, sequences[s], strlen(sequences[s]), 0);
}

void text_add_foreign(struct text *t, const char *text, int columns_max, const char *ellipsis)
{
	const int room = columns_max - columns(text);
	for (int left = columns_max; *text != '\0' && left > 0; text++) {
		const unsigned char c = (unsigned char)*text;
		if ((c & 0xc0) == 0x80)
			continue; /* the rest of a character that was shown as one `?` */
		if (left == 1 && room < 0) {
			text_add(t, ellipsis);
			return;
		}
		const char shown = c >= 0x20 && c <= 0x7e ? (char)c : '?';
		add_bytes(t, &shown, 1, 1);
		left--;
	}
}

/* @return how many characters @p byte is shown as, which are written to @p shown */
static size_t escape_byte(uint8_t byte, char shown[5])
{
	static const char letters[] = "\r\n\t\\\"";
	static const char names[] = "rnt\\\"";
	const char *found = byte == 0 ? NULL : strchr(letters, byte);
	if (found != NULL)
		return (size_t)snprintf(shown, 5, "\\%c", names[found - letters]);
	if (byte >= 0x20 && byte <= 0x7e) {
		shown[0] = (char)byte;
		return 1;
	}
	return (size_t)snprintf(shown, 5, "\\x%02x", byte);
}

void text_add_payload(struct text *t, const uint8_t *data, size_t count, int columns_max,
		      const char *ellipsis, bool more)
{
	char shown[5];
	size_t whole = 2 + (more ? 1u : 0u);
	for (size_t i = 0; i < count && whole <= (size_t)columns_max; i++)
		whole += escape_byte(data[i], shown);
	const bool cut = whole > (size_t)columns_max;
	int left = columns_max - 2 - (cut || more ? 1 : 0);
	text_add(t, "\"");
	for (size_t i = 0; i < count; i++) {
		const size_t width = escape_byte(data[i], shown);
		if ((int)width > left)
			break;
		add_bytes(t, shown, width, (int)width);
		left -= (int)width;
	}
	text_add(t, "\"");
	if (cut || more)
		text_add(t, ellipsis);
}

void text_put(struct text *t, struct out *out)
{
	if (t->color)
		text_style(t, STYLE_PLAIN);
	size_t count = t->count;
	if (!t->color)
		while (count > 0 && t->bytes[count - 1] == ' ')
			count--;
	out_write(out, t->bytes, count);
	out_write(out, "\n", 1);
	text_reset(t, t->color);
}

void text_append(char *text, size_t text_bytes, const char *format, ...)
{
	const size_t used = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, text_bytes - used, format, args);
	va_end(args);
}

bool text_wrap(const char **at, int columns_max, char *line, size_t line_bytes)
{
	const char *from = *at;
	while (*from == ' ')
		from++;
	if (*from == '\0') {
		*at = from;
		return false;
	}
	size_t room = (size_t)columns_max;
	if (room > line_bytes - 1)
		room = line_bytes - 1;
	size_t take = 0;
	size_t space = 0; /* the last place to break at */
	while (take < room && from[take] != '\0') {
		if (from[take] == ' ')
			space = take;
		take++;
	}
	if (from[take] != '\0' && from[take] != ' ' && space > 0)
		take = space;
	for (size_t i = 0; i < take; i++)
		line[i] = from[i] >= 0x20 && from[i] <= 0x7e ? from[i] : '?';
	while (take > 0 && line[take - 1] == ' ')
		line[--take] = '\0';
	line[take] = '\0';
	*at = from + take;
	return true;
}

#include "synscope/client/payload.h"

#include "synscope/client/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_BYTES_MAX (64u * 1024 * 1024)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long payload_hex(const char *text, uint8_t *out, size_t out_bytes)
{
	size_t count = 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	while (*text != '\0') {
		if (*text == ' ' || *text == ':') {
			text++;
			continue;
		}
		const int high = hex_digit(text[0]);
		const int low = high >= 0 ? hex_digit(text[1]) : -1;
		if (low < 0 || count == out_bytes)
			return -1;
		out[count++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return (long)count;
}

/* \r \n \t \0 \\ and \xHH; any other backslash stays. */
static size_t unescape(const char *text, uint8_t *out)
{
	static const char names[] = "rnt0\\";
	static const char values[] = "\r\n\t\0\\";
	size_t count = 0;
	for (; *text != '\0'; text++) {
		const char *name =
			text[0] == '\\' && text[1] != '\0' ? strchr(names, text[1]) : NULL;
		if (name != NULL) {
			out[count++] = (uint8_t)values[name - names];
			text++;
		} else if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 &&
			   hex_digit(text[3]) >= 0) {
			out[count++] = (uint8_t)(hex_digit(text[2]) << 4 | hex_digit(text[3]));
			text += 3;
		} else {
			out[count++] = (uint8_t)*text;
		}
	}
	return count;
}

static int read_file(struct payload *p, const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return client_error(errno == EACCES ? EXIT_NO_PERMISSION : EXIT_NO_INPUT,
				    "cannot read %s: %s", path, strerror(errno));
	p->data = malloc(PAYLOAD_BYTES_MAX);
	if (p->data != NULL)
		p->bytes = fread(p->data, 1, PAYLOAD_BYTES_MAX, f);
	const bool failed = ferror(f) != 0;
	const bool too_long = !failed && p->bytes == PAYLOAD_BYTES_MAX && fgetc(f) != EOF;
	fclose(f);
	if (p->data == NULL || failed)
		return client_error(EXIT_NO_INPUT, "cannot read %s", path);
	if (too_long)
		return client_error(EXIT_BAD_DATA, "%s: longer than %u bytes", path,
				    PAYLOAD_BYTES_MAX);
	return -1;
}

int payload_read(struct payload *p, const char *text, const char *hex, const char *file)
{
	if ((text != NULL) + (hex != NULL) + (file != NULL) > 1)
		return client_error(EXIT_BAD_USAGE,
				    "--data-string, --data and --data-file exclude each other");
	if (file != NULL)
		return read_file(p, file);
	const char *given = text != NULL ? text : hex;
	if (given == NULL)
		return -1;
	p->data = malloc(strlen(given) + 1);
	if (p->data == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	if (text != NULL) {
		p->bytes = unescape(text, p->data);
		return -1;
	}
	const long count = payload_hex(hex, p->data, strlen(hex));
	if (count < 0)
		return client_error(EXIT_BAD_USAGE,
				    "--data %s: should be pairs of hexadecimal digits", hex);
	p->bytes = (size_t)count;
	return -1;
}

/*
 * One buffer of 64 KiB in front of write(2), or a growing one in memory.
 *
 * A file is written under a name of its own beside the target and renamed at
 * out_commit(). The temporary name may be guessed: O_EXCL refuses whatever
 * stands there already, a symbolic link included. open(2) applies the umask,
 * which mkstemp(3) would not.
 */
#include "synscope/render/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER_BYTES 65536
#define OUT_MEMORY_BYTES 512 /* to begin with */
#define OUT_NAMES_TRIED 100
#define OUT_FORMAT_BYTES 1024

struct out {
	int fd; /* -1: memory */
	bool fd_owned;
	char *path;      /* where out_commit() puts the file; NULL if nothing is renamed */
	char *temporary; /* what it is called until then; NULL likewise */
	char *buffer;
	size_t count;
	size_t capacity;
	int error; /* the first one, negative errno */
	bool gone;
};

static struct out *out_new(int fd, size_t capacity)
{
	struct out *o = calloc(1, sizeof *o);
	if (o == NULL)
		return NULL;
	o->fd = fd;
	o->capacity = capacity;
	o->buffer = malloc(capacity);
	if (o->buffer == NULL) {
		free(o);
		return NULL;
	}
	return o;
}

struct out *out_open_fd(int fd)
{
	return out_new(fd, OUT_BUFFER_BYTES);
}

struct out *out_open_memory(void)
{
	return out_new(-1, OUT_MEMORY_BYTES);
}

const char *out_memory(const struct out *o, size_t *count)
{
	if (count != NULL)
		*count = o->count;
	/* out_write() keeps room for it */
	o->buffer[o->count] = '\0';
	return o->buffer;
}

/* A device, a FIFO or a socket cannot be replaced by a file: `-w /dev/null` as root
 * must not put a regular file there. */
static bool must_write_directly(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* Open a new file beside o->path. @return 0 or negative errno */
static int open_temporary(struct out *o)
{
	const size_t room = strlen(o->path) + 32;
	o->temporary = malloc(room);
	if (o->temporary == NULL)
		return -ENOMEM;
	for (int i = 0; i < OUT_NAMES_TRIED; i++) {
		snprintf(o->temporary, room, "%s.%ld-%d.part", o->path, (long)getpid(), i);
		o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (o->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	const int error = -errno;
	free(o->temporary); /* not ours: out_close() must not remove it */
	o->temporary = NULL;
	return error;
}

int out_open_file(struct out **out, const char *path, bool live)
{
	struct out *o = out_new(-1, OUT_BUFFER_BYTES);
	if (o == NULL)
		return -ENOMEM;
	o->fd_owned = true;
	int error = 0;
	if (live || must_write_directly(path)) {
		o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (o->fd < 0)
			error = -errno;
	} else {
		/* The target of a symbolic link is what is meant, not the link. */
		o->path = realpath(path, NULL);
		if (o->path == NULL)
			o->path = strdup(path);
		error = o->path == NULL ? -ENOMEM : open_temporary(o);
	}
	if (error != 0) {
		out_close(o);
		return error;
	}
	*out = o;
	return 0;
}

static void write_all(struct out *o, const char *data, size_t count)
{
	while (count > 0 && o->error == 0 && !o->gone) {
		const ssize_t written = write(o->fd, data, count);
		if (written >= 0) {
			data += written;
			count -= (size_t)written;
		} else if (errno == EPIPE) {
			o->gone = true;
		} else if (errno != EINTR) {
			o->error = -errno;
		}
	}
}

/* Make room for @p count more bytes and a NUL in memory. @return whether there is */
static bool grow(struct out *o, size_t count)
{
	if (count >= SIZE_MAX / 4 - o->count) {
		o->error = -ENOMEM;
		return false;
	}
	size_t capacity = o->capacity;
	while (capacity < o->count + count + 1)
		capacity *= 2;
	if (capacity == o->capacity)
		return true;
	char *bigger = realloc(o->buffer, capacity);
	if (bigger == NULL) {
		o->error = -ENOMEM;
		return false;
	}
	o->buffer = bigger;
	o->capacity = capacity;
	return true;
}

void out_write(struct out *o, const void *data, size_t count)
{
	if (o->error != 0 || o->gone || count == 0)
		return;
	if (o->fd < 0) {
		if (!grow(o, count))
			return;
	} else if (count > o->capacity - o->count) {
		write_all(o, o->buffer, o->count);
		o->count = 0;
		if (count >= o->capacity) {
			write_all(o, data, count);
			return;
		}
	}
	memcpy(o->buffer + o->count, data, count);
	o->count += count;
}

void out_text(struct out *o, const char *text)
{
	out_write(o, text, strlen(text));
}

void out_printf(struct out *o, const char *format, ...)
{
	char fixed[OUT_FORMAT_BYTES];
	va_list args;
	va_start(args, format);
	const int count = vsnprintf(fixed, sizeof fixed, format, args);
	va_end(args);
	if (count < 0)
		return;
	if ((size_t)count < sizeof fixed) {
		out_write(o, fixed, (size_t)count);
		return;
	}
	char *text = malloc((size_t)count + 1);
	if (text == NULL) {
		o->error = o->error == 0 ? -ENOMEM : o->error;
		return;
	}
	va_start(args, format);
	vsnprintf(text, (size_t)count + 1, format, args);
	va_end(args);
	out_write(o, text, (size_t)count);
	free(text);
}

void out_repeat(struct out *o, const char *text, size_t count)
{
	const size_t bytes = strlen(text);
	for (size_t i = 0; i < count; i++)
		out_write(o, text, bytes);
}

void out_escape_text(struct out *o, const uint8_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		switch (data[i]) {
		case '\r':
			out_text(o, "\\r");
			break;
		case '\n':
			out_text(o, "\\n");
			break;
		case '\t':
			out_text(o, "\\t");
			break;
		case '\\':
			out_text(o, "\\\\");
			break;
		case '"':
			out_text(o, "\\\"");
			break;
		default:
			if (data[i] >= 0x20 && data[i] <= 0x7e)
				out_write(o, &data[i], 1);
			else
				out_printf(o, "\\x%02x", data[i]);
		}
	}
}

/*
 * Read one code point of UTF-8 (RFC 3629 section 4: shortest form, no surrogates,
 * at most U+10FFFF).
 * @return how many bytes it has, 1 to 4; 0 if the bytes are not UTF-8
 */
static size_t utf8_decode(const uint8_t *data, size_t count, uint32_t *code)
{
	const uint8_t first = data[0];
	if (first < 0x80) {
		*code = first;
		return 1;
	}
	const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || count < bytes)
		return 0;
	uint32_t c = first & (0xffu >> (bytes + 1));
	for (size_t i = 1; i < bytes; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (data[i] & 0x3fu);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return bytes;
}

/* What may not stand as itself in a JSON string that may be shown by a terminal or put
 * into a page: controls of both sets, markup, line separators, and the marks that turn
 * the direction of the text around them. */
static bool json_must_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '"' || c == '\\' || c == '<' ||
	       c == '>' || c == '&' || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void out_escape_json(struct out *o, const char *data, size_t count)
{
	const uint8_t *at = (const uint8_t *)data;
	const uint8_t *end = at + count;
	out_write(o, "\"", 1);
	while (at < end) {
		uint32_t code = 0;
		const size_t bytes = utf8_decode(at, (size_t)(end - at), &code);
		if (bytes == 0)
			code = *at;
		if (bytes != 0 && !json_must_escape(code))
			out_write(o, at, bytes);
		else if (code == '"' || code == '\\')
			out_printf(o, "\\%c", (char)code);
		else if (code == '\n')
			out_write(o, "\\n", 2);
		else if (code == '\r')
			out_write(o, "\\r", 2);
		else if (code == '\t')
			out_write(o, "\\t", 2);
		else
			out_printf(o, "\\u%04x", (unsigned)code);
		at += bytes == 0 ? 1 : bytes;
	}
	out_write(o, "\"", 1);
}

/* XML 1.0 section 2.2 allows no other control, and neither surrogates nor U+FFFE/F. */
static bool xml_is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0x7f && c < 0x80) ||
	       (c >= 0xa0 && c != 0xfffe && c != 0xffff);
}

static const char *xml_entity(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void out_escape_xml(struct out *o, const char *data, size_t count)
{
	const uint8_t *at = (const uint8_t *)data;
	const uint8_t *end = at + count;
	while (at < end) {
		uint32_t code = 0;
		const size_t bytes = utf8_decode(at, (size_t)(end - at), &code);
		const char *entity = bytes == 0 ? NULL : xml_entity(code);
		if (entity != NULL)
			out_text(o, entity);
		else if (bytes == 0 || !xml_is_char(code))
			out_text(o, "\xef\xbf\xbd");
		else
			out_write(o, at, bytes);
		at += bytes == 0 ? 1 : bytes;
	}
}

int out_flush(struct out *o)
{
	if (o->fd >= 0) {
		write_all(o, o->buffer, o->count);
		o->count = 0;
	}
	return o->error;
}

bool out_is_gone(const struct out *o)
{
	return o->gone;
}

int out_commit(struct out *o)
{
	out_flush(o);
	if (o->temporary == NULL || o->error != 0)
		return o->error;
	if (rename(o->temporary, o->path) != 0) {
		o->error = -errno;
		return o->error;
	}
	free(o->temporary);
	o->temporary = NULL;
	return 0;
}

void out_give_up(struct out *o)
{
	o->gone = true; /* whatever comes after is not written either */
	if (o->temporary != NULL)
		unlink(o->temporary);
	free(o->temporary);
	o->temporary = NULL;
}

void out_close(struct out *o)
{
	if (o == NULL)
		return;
	if (o->fd_owned && o->fd >= 0)
		close(o->fd);
	if (o->temporary != NULL)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	free(o->buffer);
	free(o);
}

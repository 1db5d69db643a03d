#include "synscope/core/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHARGEN_LINE_BYTES 74 /* RFC 864: 72 of the 95 printing characters, CR, LF */
#define PRINTING_COUNT 95

static const char page[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\"><title>synscope</title>\n"
	"<link rel=\"icon\" href=\"data:,\"></head>\n"
	"<body><h1 id=\"synscope\">Served by hand</h1>\n"
	"<p>Every segment that brought this page was built by synscope, and no kernel's TCP had a "
	"part in it.</p></body></html>\n";

const char *serve_kind_name(enum serve_kind k)
{
	switch (k) {
	case SERVE_ECHO:
		return "echo";
	case SERVE_HTTP:
		return "http";
	case SERVE_SINK:
		return "sink";
	case SERVE_SOURCE:
		return "source";
	case SERVE_CHARGEN:
		return "chargen";
	case SERVE_KIND_COUNT:
		break;
	}
	return "unknown";
}

bool serve_kind_parse(enum serve_kind *k, const char *text)
{
	for (int i = 0; i < SERVE_KIND_COUNT; i++)
		if (strcmp(text, serve_kind_name((enum serve_kind)i)) == 0) {
			*k = (enum serve_kind)i;
			return true;
		}
	return false;
}

void serve_init(struct serve *s, enum serve_kind kind, const struct serve_content *content)
{
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->content = content;
}

/* --- http ------------------------------------------------------------------------------- */

static const uint8_t *body_of(const struct serve *s, uint64_t *bytes)
{
	const struct serve_content *c = s->content;
	*bytes = c->body != NULL ? c->body_bytes : sizeof page - 1;
	return c->body != NULL ? c->body : (const uint8_t *)page;
}

/* RFC 9112: the head of the answer. The connection closes after it, so that nothing of what else
 * the client may have asked needs to be understood. */
static void http_answer(struct serve *s)
{
	uint64_t bytes;
	const bool get = strcmp(s->method, "GET") == 0;
	s->only_head = strcmp(s->method, "HEAD") == 0;
	const bool good = get || s->only_head;
	(void)body_of(s, &bytes);
	if (!good)
		bytes = 0;
	const char *type =
		s->content->body != NULL ? s->content->body_type : "text/html; charset=utf-8";
	const int count = snprintf(
		s->head, sizeof s->head,
		"HTTP/1.1 %s\r\nServer: synscope\r\nContent-Type: %s\r\nContent-Length: %" PRIu64
		"\r\n%sConnection: close\r\n\r\n",
		good ? "200 OK" : "405 Method Not Allowed", type, bytes,
		good ? "" : "Allow: GET, HEAD\r\n");
	s->head_bytes = (uint16_t)count;
	s->length = s->head_bytes + (s->only_head ? 0 : bytes);
	s->http = SERVE_HTTP_ANSWER;
}

static void http_take(struct serve *s, char c)
{
	switch (s->http) {
	case SERVE_HTTP_METHOD:
		if (c == '\r' || c == '\n') { /* RFC 9112 section 2.2: empty lines before it */
			s->http = s->method_bytes > 0 && c == '\n' ? SERVE_HTTP_EMPTY : s->http;
		} else if (c == ' ') {
			s->http = SERVE_HTTP_LINE;
		} else if (s->method_bytes < sizeof s->method - 1) {
			s->method[s->method_bytes++] = c;
		} else {
			s->method[0] = '?'; /* longer than any that is answered */
		}
		break;
	case SERVE_HTTP_LINE:
		s->http = c == '\n' ? SERVE_HTTP_EMPTY : SERVE_HTTP_LINE;
		break;
	case SERVE_HTTP_EMPTY:
		if (c == '\n')
			http_answer(s);
		else if (c != '\r')
			s->http = SERVE_HTTP_LINE;
		break;
	case SERVE_HTTP_ANSWER:
		break; /* the body of a POST, or a second request */
	}
}

static size_t http_give(struct serve *s, uint8_t *out, size_t room)
{
	uint64_t bytes;
	size_t given = 0;
	const uint8_t *body = body_of(s, &bytes);
	if (s->http != SERVE_HTTP_ANSWER)
		return 0;
	if (s->said < s->head_bytes) {
		const size_t left = s->head_bytes - (size_t)s->said;
		given = left < room ? left : room;
		memcpy(out, s->head + s->said, given);
		s->said += given;
	}
	const uint64_t left = s->length - s->said;
	const size_t more = left < room - given ? (size_t)left : room - given;
	if (more > 0) {
		memcpy(out + given, body + (s->said - s->head_bytes), more);
		s->said += more;
	}
	return given + more;
}

/* --- streams ------------------------------------------------------------------------------ */

static size_t source_give(struct serve *s, uint8_t *out, size_t room)
{
	for (size_t i = 0; i < room; i++, s->said++)
		out[i] = (uint8_t)(s->said * 7 + (s->said >> 8));
	return room;
}

static size_t chargen_give(struct serve *s, uint8_t *out, size_t room)
{
	for (size_t i = 0; i < room; i++, s->said++) {
		const uint64_t line = s->said / CHARGEN_LINE_BYTES;
		const unsigned column = (unsigned)(s->said % CHARGEN_LINE_BYTES);
		out[i] = (uint8_t)(' ' + (line + column) % PRINTING_COUNT);
		if (column >= CHARGEN_LINE_BYTES - 2)
			out[i] = column == CHARGEN_LINE_BYTES - 2 ? '\r' : '\n';
	}
	return room;
}

/* --- all of them ---------------------------------------------------------------------------- */

static size_t greet(struct serve *s, uint8_t *out, size_t room)
{
	const size_t left = s->content->greeting_bytes - s->greeted;
	const size_t count = left < room ? left : room;
	if (count > 0)
		memcpy(out, s->content->greeting + s->greeted, count);
	s->greeted += count;
	return count;
}

size_t serve_wants(const struct serve *s, size_t room)
{
	const size_t greeting = s->content->greeting_bytes - s->greeted;
	if (s->kind != SERVE_ECHO)
		return SIZE_MAX;
	return room > greeting ? room - greeting : 0;
}

size_t serve_step(struct serve *s, const uint8_t *in, size_t in_bytes, uint8_t *out, size_t room)
{
	const size_t given = greet(s, out, room);
	switch (s->kind) {
	case SERVE_ECHO:
		if (in_bytes > 0)
			memcpy(out + given, in, in_bytes);
		s->said += in_bytes;
		return given + in_bytes;
	case SERVE_HTTP:
		for (size_t i = 0; i < in_bytes && s->http != SERVE_HTTP_ANSWER; i++)
			http_take(s, (char)in[i]);
		return given + http_give(s, out + given, room - given);
	case SERVE_SOURCE:
		return given + source_give(s, out + given, room - given);
	case SERVE_CHARGEN:
		return given + chargen_give(s, out + given, room - given);
	case SERVE_SINK:
	case SERVE_KIND_COUNT:
		break;
	}
	return given;
}

bool serve_talks(const struct serve *s)
{
	if (s->greeted < s->content->greeting_bytes)
		return true;
	if (s->kind == SERVE_HTTP)
		return s->http == SERVE_HTTP_ANSWER && s->said < s->length;
	return s->kind == SERVE_SOURCE || s->kind == SERVE_CHARGEN;
}

bool serve_done(const struct serve *s, bool eof)
{
	if (s->kind == SERVE_HTTP && s->http == SERVE_HTTP_ANSWER)
		return s->greeted == s->content->greeting_bytes && s->said == s->length;
	/* An endless source ends when nobody will ask for more. */
	return eof && (!serve_talks(s) || s->kind == SERVE_SOURCE || s->kind == SERVE_CHARGEN);
}

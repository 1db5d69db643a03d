/*
 * What a server says to its client, as small machines over bytes: so many came in, so much
 * room there is to answer. They know nothing of TCP, sockets or time.
 */
#ifndef SYNSCOPE_CORE_SERVE_H
#define SYNSCOPE_CORE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum serve_kind {
	SERVE_ECHO,    /* say what is heard (RFC 862) */
	SERVE_HTTP,    /* answer every GET with one page, or with a file, and close */
	SERVE_SINK,    /* hear and say nothing (RFC 863) */
	SERVE_SOURCE,  /* byte i is i * 7 + (i >> 8), modulo 256, without end */
	SERVE_CHARGEN, /* lines of the 95 printing characters, without end (RFC 864) */
	SERVE_KIND_COUNT
};

/** @return its name on the command line. */
const char *serve_kind_name(enum serve_kind k);
bool serve_kind_parse(enum serve_kind *k, const char *text);

/* What to say. All borrowed, for as long as any server of it lives. */
struct serve_content {
	const uint8_t *greeting; /* said once, before anything else */
	size_t greeting_bytes;
	const uint8_t *body; /* SERVE_HTTP: of the answer; NULL: the page that is built in */
	uint64_t body_bytes;
	const char *body_type; /* its media type */
};

#define SERVE_HEAD_MAX 256

struct serve {
	enum serve_kind kind;
	const struct serve_content *content;
	size_t greeted;  /* bytes of the greeting already said */
	uint64_t said;   /* bytes said after it */
	uint64_t length; /* SERVE_HTTP, answering: of head and body together */
	enum serve_http {
		SERVE_HTTP_METHOD, /* reading the first word */
		SERVE_HTTP_LINE,   /* the rest of the head, inside a line */
		SERVE_HTTP_EMPTY,  /* at the beginning of a line */
		SERVE_HTTP_ANSWER,
	} http;
	char method[8];
	uint8_t method_bytes;
	uint16_t line_bytes;
	bool only_head; /* HEAD */
	uint16_t head_bytes;
	char head[SERVE_HEAD_MAX];
};

/** @param content borrowed */
void serve_init(struct serve *s, enum serve_kind kind, const struct serve_content *content);

/** @return how many bytes it would take in now, if its answer had this much room. */
size_t serve_wants(const struct serve *s, size_t room);

/**
 * Take bytes in, and say what there is to say.
 * @param in_bytes at most serve_wants(s, room)
 * @param out      does not overlap @p in
 * @return bytes written to @p out, at most @p room
 */
size_t serve_step(struct serve *s, const uint8_t *in, size_t in_bytes, uint8_t *out, size_t room);

/** @return whether there is something to say that no input is needed for. */
bool serve_talks(const struct serve *s);

/** @return whether all is said, so that the connection may be closed.
 *  @param eof the client has closed, and all it sent was taken in */
bool serve_done(const struct serve *s, bool eof);

#endif

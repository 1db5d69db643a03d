/*
 * Where a renderer's text and bytes go: a descriptor, or a file that appears whole
 * or not at all. Errors stick and are asked for once (like ferror); EPIPE is not an
 * error, it ends output quietly.
 */
#ifndef SYNSCOPE_RENDER_OUT_H
#define SYNSCOPE_RENDER_OUT_H

#include "synscope/core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out;

/** Write to an open descriptor, which stays the caller's. NULL if no memory. */
struct out *out_open_fd(int fd);

/**
 * Write to @p path by way of a temporary file beside it; it appears at out_commit().
 * The temporary file is created at once, so that later only rename is needed.
 * @param live write straight to @p path instead, as it happens (a live capture)
 * @return 0 with @p out, or negative errno
 */
must_check int out_open_file(struct out **out, const char *path, bool live);

/** Collect in memory; for tests and for exports. */
struct out *out_open_memory(void);
/** @return what was collected (out_open_memory only), NUL-terminated; borrowed. */
const char *out_memory(const struct out *o, size_t *count);

void out_write(struct out *o, const void *data, size_t count);
void out_text(struct out *o, const char *text);
void out_printf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Write @p count copies of @p text. */
void out_repeat(struct out *o, const char *text, size_t count);

/* Text from the wire never reaches a terminal, a file or a page unescaped. */
/** As C string innards: printable ASCII as is, \r \n \t \\ \" \xHH; at most @p count input
 *  bytes. UTF-8 is not trusted. */
void out_escape_text(struct out *o, const uint8_t *data, size_t count);
/** As a JSON string, quotes included. Bytes that are not UTF-8 become \u00XX; < > & and
 *  U+2028/9 are escaped so that the same bytes may stand inside HTML. */
void out_escape_json(struct out *o, const char *data, size_t count);
/** For XML and HTML text and attribute values; control bytes become U+FFFD. */
void out_escape_xml(struct out *o, const char *data, size_t count);

/** Hand what is buffered to the descriptor. @return 0 or the sticky negative errno */
int out_flush(struct out *o);
/** @return whether the reader went away (EPIPE). */
bool out_is_gone(const struct out *o);

/**
 * Flush, and let a file appear under its name. Called once, then only out_close().
 * @return 0 or the sticky negative errno (then nothing appears)
 */
must_check int out_commit(struct out *o);

/** Give a file up: out_commit() then does nothing, and nothing appears. */
void out_give_up(struct out *o);

/** Release; a file that was not committed is removed. NULL is allowed. */
void out_close(struct out *o);

#endif

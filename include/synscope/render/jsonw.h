/*
 * A writer of JSON, piece by piece: commas are its care, correct nesting the caller's.
 * A key of NULL is for members of arrays and for the outermost value.
 */
#ifndef SYNSCOPE_RENDER_JSONW_H
#define SYNSCOPE_RENDER_JSONW_H

#include "synscope/render/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw {
	struct out *out; /* borrowed */
	bool comma;      /* the next member needs one before it */
};

void jsonw_init(struct jsonw *j, struct out *out);

/** Open an object or an array. */
void jsonw_open_object(struct jsonw *j, const char *key);
void jsonw_open_array(struct jsonw *j, const char *key);
void jsonw_close_object(struct jsonw *j);
void jsonw_close_array(struct jsonw *j);

/** Write a member. Strings may hold anything: see out_escape_json(). */
void jsonw_text(struct jsonw *j, const char *key, const char *text);
/** Write a string, unless it is NULL or empty: what is unknown is absent. */
void jsonw_text_known(struct jsonw *j, const char *key, const char *text);
void jsonw_uint(struct jsonw *j, const char *key, uint64_t n);
void jsonw_int(struct jsonw *j, const char *key, int64_t n);
void jsonw_bool(struct jsonw *j, const char *key, bool b);
void jsonw_null(struct jsonw *j, const char *key);
/** Write `true`, or nothing at all. */
void jsonw_flag(struct jsonw *j, const char *key, bool b);
/** Write a time, in nanoseconds since 1970, as RFC 3339 in UTC with nine decimals. */
void jsonw_time(struct jsonw *j, const char *key, int64_t time_ns);

/** End an outermost value with a newline. */
void jsonw_line(struct jsonw *j);

#endif

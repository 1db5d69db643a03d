/*
 * JSON, written piece by piece: commas are its care, correct nesting the caller's.
 * A key of NULL is for members of arrays and for the outermost value.
 */
#ifndef SYNSCOPE_RENDER_JSON_H
#define SYNSCOPE_RENDER_JSON_H

#include "synscope/render/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	struct out *out; /* borrowed */
	bool comma;      /* the next member needs one before it */
};

void json_init(struct json *j, struct out *out);

/** Open an object or an array. */
void json_open_object(struct json *j, const char *key);
void json_open_array(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_close_array(struct json *j);

/** Write a member. Strings may hold anything: see out_escape_json(). */
void json_text(struct json *j, const char *key, const char *text);
/** Write a string, unless it is NULL or empty: what is unknown is absent. */
void json_text_known(struct json *j, const char *key, const char *text);
void json_uint(struct json *j, const char *key, uint64_t n);
void json_int(struct json *j, const char *key, int64_t n);
void json_bool(struct json *j, const char *key, bool b);
/** Write `true`, or nothing at all. */
void json_flag(struct json *j, const char *key, bool b);
/** Write a time, in nanoseconds since 1970, as RFC 3339 in UTC with nine decimals. */
void json_time(struct json *j, const char *key, int64_t time_ns);

/** End an outermost value with a newline. */
void json_line(struct json *j);

#endif

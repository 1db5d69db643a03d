/* What the user wants to be said: text with escapes, hexadecimal, or a file. */
#ifndef SYNSCOPE_CLIENT_PAYLOAD_H
#define SYNSCOPE_CLIENT_PAYLOAD_H

#include "synscope/core/util.h"

#include <stddef.h>
#include <stdint.h>

struct payload {
	uint8_t *data; /* owned; NULL: nothing was given */
	size_t bytes;
};

/** Hexadecimal with or without blanks, colons and 0x. @return bytes, or -1 */
long payload_hex(const char *text, uint8_t *out, size_t out_bytes);

/**
 * Read what --data-string, --data and --data-file say; each may be NULL, and at most one is not.
 * @return -1 with @p p, or the exit status after an error line
 */
must_check int payload_read(struct payload *p, const char *text, const char *hex, const char *file);

#endif

/* What happened, as text that grows until its room is full. */
#ifndef TESTS_WALK_TALE_H
#define TESTS_WALK_TALE_H

#include "synscope/core/segment.h"

#include <stddef.h>
#include <stdint.h>

struct tale {
	char *text; /* NULL: nobody listens */
	size_t bytes, count;
};

struct tale tale_begin(char *text, size_t bytes);
void tale_say(struct tale *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A segment, its numbers relative to its sender's ISN and to the other's. */
void tale_segment(struct tale *t, const struct segment *s, seq_t own, seq_t other);

#endif

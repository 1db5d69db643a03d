#include "tale.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct tale tale_begin(char *text, size_t bytes)
{
	if (text != NULL)
		text[0] = '\0';
	return (struct tale){text, bytes, 0};
}

void tale_say(struct tale *t, const char *format, ...)
{
	va_list arguments;
	if (t->text == NULL || t->count >= t->bytes)
		return;
	va_start(arguments, format);
	const int count = vsnprintf(t->text + t->count, t->bytes - t->count, format, arguments);
	va_end(arguments);
	t->count += count > 0 ? (size_t)count : 0;
}

void tale_segment(struct tale *t, const struct segment *s, seq_t own, seq_t other)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	tale_say(t, "%s %" PRId32, tcp_flags_letters(s->flags, flags, sizeof flags),
		 seq_diff(s->seq, own));
	if (s->flags & TCP_ACK)
		tale_say(t, " %" PRId32, seq_diff(s->ack, other));
	if (s->payload_bytes > 0)
		tale_say(t, " len %" PRIu32, s->payload_bytes);
	tale_say(t, " win %u", s->window);
	if (s->option.has_timestamps)
		tale_say(t, " ts %" PRIu32, s->option.ts_value);
}

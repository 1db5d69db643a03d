#include "synscope/core/state.h"

#include <string.h>

const char *state_name(enum tcp_state s)
{
	switch (s) {
	case ST_CLOSED:
		return "CLOSED";
	case ST_LISTEN:
		return "LISTEN";
	case ST_SYN_SENT:
		return "SYN-SENT";
	case ST_SYN_RECEIVED:
		return "SYN-RECEIVED";
	case ST_ESTABLISHED:
		return "ESTABLISHED";
	case ST_FIN_WAIT_1:
		return "FIN-WAIT-1";
	case ST_FIN_WAIT_2:
		return "FIN-WAIT-2";
	case ST_CLOSE_WAIT:
		return "CLOSE-WAIT";
	case ST_CLOSING:
		return "CLOSING";
	case ST_LAST_ACK:
		return "LAST-ACK";
	case ST_TIME_WAIT:
		return "TIME-WAIT";
	case ST_COUNT:
		break;
	}
	return "?";
}

/* The next character that counts, in capitals; 0 at the end. */
static char next_letter(const char **text)
{
	while (**text == '-' || **text == '_')
		(*text)++;
	char c = **text;
	if (c == '\0')
		return c;
	(*text)++;
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool same_name(const char *a, const char *b)
{
	char letter;
	do {
		letter = next_letter(&a);
		if (letter != next_letter(&b))
			return false;
	} while (letter != '\0');
	return true;
}

bool state_parse(enum tcp_state *s, const char *name)
{
	for (enum tcp_state i = ST_CLOSED; i < ST_COUNT; i++) {
		if (same_name(state_name(i), name)) {
			*s = i;
			return true;
		}
	}
	return false;
}

/* Append as much of what as fits; @return the new length. */
static size_t append(char *text, size_t text_bytes, size_t used, const char *what)
{
	size_t count = strlen(what);
	if (count > text_bytes - 1 - used)
		count = text_bytes - 1 - used;
	memcpy(text + used, what, count);
	text[used + count] = '\0';
	return used + count;
}

char *state_set_format(state_set_t set, const char *separator, char *text, size_t text_bytes)
{
	if (text_bytes == 0)
		return text;
	text[0] = '\0';
	size_t used = 0;
	for (enum tcp_state i = ST_CLOSED; i < ST_COUNT; i++) {
		if (!state_set_has(set, i))
			continue;
		if (used > 0)
			used = append(text, text_bytes, used, separator);
		used = append(text, text_bytes, used, state_name(i));
	}
	return text;
}

/*
 * Exchanges as text, for the tests of beliefs: `>` is ours, `<` is the end's that is believed.
 *   >S0 <SA0.1 >A1.1 >PA1.1+13w0
 * flags, sequence number, `.` acknowledgement, `+` bytes of text, `w` window; numbers count from
 * each side's ISN; `Z` for the sequence number is the raw 0 of a reset, `N` for no flag.
 */
#ifndef TESTS_UNIT_CORE_BELIEF_TEXT_H
#define TESTS_UNIT_CORE_BELIEF_TEXT_H

#include "synscope/core/belief.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct talk {
	struct belief *b;
	uint32_t ours, its; /* ISNs */
	uint32_t n;
	bool explained; /* the last received one was */
};

static inline void talk_begin(struct talk *t, enum belief_start start, uint32_t ours, uint32_t its)
{
	*t = (struct talk){
		.b = calloc(1, belief_size()), .ours = ours, .its = its, .explained = true};
	if (t->b == NULL)
		abort();
	belief_init(t->b, start);
}

static inline void talk_end(struct talk *t)
{
	free(t->b);
	t->b = NULL;
}

static inline const char *talk_flags(const char *at, uint16_t *flags)
{
	for (*flags = 0; *at >= 'A' && *at < 'Z'; at++) {
		switch (*at) {
		case 'S':
			*flags |= TCP_SYN;
			break;
		case 'A':
			*flags |= TCP_ACK;
			break;
		case 'F':
			*flags |= TCP_FIN;
			break;
		case 'R':
			*flags |= TCP_RST;
			break;
		case 'P':
			*flags |= TCP_PSH;
			break;
		case 'N':
			break;
		default:
			abort();
		}
	}
	return at;
}

static inline const char *talk_number(const char *at, uint32_t *number)
{
	char *end;
	*number = (uint32_t)strtol(at, &end, 10);
	if (end == at)
		abort();
	return end;
}

/* One segment. @return what follows it in the text */
static inline const char *talk_one(struct talk *t, const char *at)
{
	struct segment s;
	uint32_t number;
	memset(&s, 0, sizeof s);
	s.window = 60000;
	const bool out = *at++ == '>';
	at = talk_flags(at, &s.flags);
	if (*at == 'Z') {
		at++;
	} else {
		at = talk_number(at, &number);
		s.seq = seq_of((out ? t->ours : t->its) + number);
	}
	if (*at == '.') {
		at = talk_number(at + 1, &number);
		s.ack = seq_of((out ? t->its : t->ours) + number);
	}
	if (*at == '+') {
		at = talk_number(at + 1, &number);
		s.payload_bytes = number;
	}
	if (*at == 'w') {
		at = talk_number(at + 1, &number);
		s.window = (uint16_t)number;
	}
	t->n++;
	if (out)
		belief_send(t->b, &s, t->n);
	else
		t->explained = belief_receive(t->b, &s, t->n);
	return at;
}

static inline void talk(struct talk *t, const char *text)
{
	while (*text != '\0') {
		if (*text == ' ')
			text++;
		else
			text = talk_one(t, text);
	}
}

static inline struct end_view talk_view(const struct talk *t)
{
	struct end_view v;
	memset(&v, 0, sizeof v);
	belief_view(t->b, &v);
	return v;
}

/* "ESTABLISHED FIN-WAIT-1" */
static inline state_set_t states_of(const char *text)
{
	state_set_t set = 0;
	while (*text != '\0') {
		char name[24];
		size_t count = strcspn(text, " ");
		enum tcp_state s;
		if (count >= sizeof name)
			abort();
		memcpy(name, text, count);
		name[count] = '\0';
		if (!state_parse(&s, name))
			abort();
		set |= state_set(s);
		text += count;
		text += strspn(text, " ");
	}
	return set;
}

#endif

#include "synscope/core/trouble.h"

#include "synscope/core/segment.h"

#include <string.h>

const char *trouble_kind_name(enum trouble_kind k)
{
	switch (k) {
	case TROUBLE_DROP:
		return "drop";
	case TROUBLE_DUP:
		return "dup";
	case TROUBLE_REORDER:
		return "reorder";
	case TROUBLE_DELAY:
		return "delay";
	case TROUBLE_BADSUM:
		return "badsum";
	case TROUBLE_WRONG_ACK:
		return "wrong-ack";
	case TROUBLE_KIND_COUNT:
		break;
	}
	return "unknown";
}

const char *trouble_kind_deed(enum trouble_kind k)
{
	switch (k) {
	case TROUBLE_DROP:
		return "on purpose: built and never sent (--drop)";
	case TROUBLE_DUP:
		return "on purpose: sent twice (--dup)";
	case TROUBLE_REORDER:
		return "on purpose: sent after the one that follows it (--reorder)";
	case TROUBLE_DELAY:
		return "on purpose: sent late (--delay)";
	case TROUBLE_BADSUM:
		return "on purpose: its checksum is wrong (--badsum)";
	case TROUBLE_WRONG_ACK:
		return "on purpose: acknowledges 1000 more than was received (--wrong-ack)";
	case TROUBLE_KIND_COUNT:
		break;
	}
	return "unknown";
}

static const char *const class_names[] = {
	[TROUBLE_RST] = "RST",   [TROUBLE_SYNACK] = "SYNACK", [TROUBLE_FIN] = "FIN",
	[TROUBLE_DATA] = "DATA", [TROUBLE_ACK] = "ACK",       [TROUBLE_ANY] = "ANY",
};

static const char wanted[] =
	"SYNACK, ACK, DATA, FIN, RST or ANY, and which of them: SYNACK:1, ACK:2-3, DATA:5-";

static bool read_class(enum trouble_class *class, const char **text)
{
	for (int i = 0; i < TROUBLE_CLASS_COUNT; i++) {
		const size_t count = strlen(class_names[i]);
		const char after =
			strncmp(*text, class_names[i], count) == 0 ? (*text)[count] : 'x';
		if (after != '\0' && after != ':' && after != ',')
			continue;
		*class = (enum trouble_class)i;
		*text += count;
		return true;
	}
	return false;
}

/* @return whether there was a number from 1 on */
static bool read_number(uint32_t *number, const char **text)
{
	uint64_t value = 0;
	const char *at = *text;
	for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == *text || value == 0 || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	*text = at;
	return true;
}

static bool read_range(struct trouble_rule *rule, const char **text)
{
	rule->first = 1;
	rule->last = UINT32_MAX;
	if (**text != ':')
		return true;
	++*text;
	if (!read_number(&rule->first, text))
		return false;
	rule->last = rule->first;
	if (**text != '-')
		return true;
	++*text;
	if (**text == '\0' || **text == ',') {
		rule->last = UINT32_MAX;
		return true;
	}
	return read_number(&rule->last, text) && rule->last >= rule->first;
}

const char *trouble_parse(struct trouble *t, enum trouble_kind kind, const char *text,
			  int64_t delay_ns)
{
	for (;;) {
		struct trouble_rule rule = {.kind = kind, .delay_ns = delay_ns};
		if (!read_class(&rule.class, &text) || !read_range(&rule, &text) ||
		    (*text != '\0' && *text != ','))
			return wanted;
		if (t->rules_count == TROUBLE_RULES_MAX)
			return "fewer of them: 32 in all";
		t->rule[t->rules_count++] = rule;
		if (*text++ == '\0')
			return NULL;
	}
}

unsigned trouble_classes_of(const struct segment_spec *spec)
{
	unsigned classes = 0;
	if (spec->flags & TCP_RST)
		classes |= 1u << TROUBLE_RST;
	if (spec->flags & TCP_SYN)
		classes |= 1u << TROUBLE_SYNACK;
	if (spec->flags & TCP_FIN)
		classes |= 1u << TROUBLE_FIN;
	if (spec->payload_bytes > 0)
		classes |= 1u << TROUBLE_DATA;
	return (classes != 0 ? classes : 1u << TROUBLE_ACK) | 1u << TROUBLE_ANY;
}

unsigned trouble_of(const struct trouble *t, struct trouble_count *count,
		    const struct segment_spec *spec, int64_t *delay_ns)
{
	const unsigned classes = trouble_classes_of(spec);
	unsigned deeds = 0;
	for (unsigned k = 0; k < TROUBLE_CLASS_COUNT; k++)
		if (classes & 1u << k)
			count->of[k]++;
	for (unsigned i = 0; i < t->rules_count; i++) {
		const struct trouble_rule *r = &t->rule[i];
		const uint32_t n = count->of[r->class];
		if ((classes & 1u << r->class) == 0 || n < r->first || n > r->last)
			continue;
		deeds |= 1u << r->kind;
		if (r->kind == TROUBLE_DELAY)
			*delay_ns = r->delay_ns;
	}
	return deeds;
}

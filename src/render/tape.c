#include "synscope/render/tape.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* One event and, behind it in the same allocation, what it borrowed. */
struct kept {
	struct event event;
	_Alignas(max_align_t) uint8_t bytes[];
};

struct tape {
	struct tape_spec spec;
	struct kept **list;
	size_t count, room;
	size_t rows, flows;
	uint32_t flow_last; /* flows are numbered in the order they come */
	uint64_t left_out;
};

struct tape *tape_open(const struct tape_spec *spec)
{
	struct tape *t = calloc(1, sizeof *t);
	if (t != NULL)
		t->spec = *spec;
	return t;
}

static size_t room_for(size_t count)
{
	const size_t unit = _Alignof(max_align_t);
	return (count + unit - 1) / unit * unit;
}

/* Hands out the room behind an event. */
struct shelf {
	uint8_t *at;
};

static const void *shelve(struct shelf *s, const void *data, size_t count)
{
	uint8_t *to = s->at;
	if (data == NULL || count == 0)
		return NULL;
	memcpy(to, data, count);
	/* the next may be structures */
	s->at += room_for(count);
	return to;
}

static size_t text_bytes(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static size_t frame_bytes(const struct tape *t, const struct event_frame *f)
{
	return f->data == NULL ? 0 : least(f->captured_bytes, t->spec.frame_bytes);
}

static size_t payload_bytes(const struct tape *t, const struct segment *s)
{
	return s->payload == NULL ? 0 : least(s->payload_captured_bytes, t->spec.payload_bytes);
}

/* How much room an event needs for what it borrows. */
static size_t borrowed_bytes(const struct tape *t, const struct event *e)
{
	switch (e->type) {
	case EVENT_START:
		return room_for(text_bytes(e->u.start.client_name)) +
		       room_for(text_bytes(e->u.start.server_name)) +
		       room_for(text_bytes(e->u.start.interface)) +
		       room_for(text_bytes(e->u.start.vantage)) +
		       room_for(text_bytes(e->u.start.community_id));
	case EVENT_SEGMENT:
		return room_for(frame_bytes(t, &e->u.segment.frame)) +
		       room_for(e->u.segment.tcp.options_bytes) +
		       room_for(payload_bytes(t, &e->u.segment.tcp));
	case EVENT_ICMP:
		return room_for(frame_bytes(t, &e->u.icmp.frame));
	case EVENT_FLOW:
		return room_for(e->u.flow.transitions_count * sizeof(struct transition));
	case EVENT_END:
		return room_for(text_bytes(e->u.end.reason));
	case EVENT_TIMER:
	case EVENT_TRANSITION:
	case EVENT_VERDICT:
		break;
	}
	return 0;
}

static void shelve_text(struct shelf *s, const char **text)
{
	*text = shelve(s, *text, text_bytes(*text));
}

static void shelve_frame(const struct tape *t, struct shelf *s, struct event_frame *f)
{
	const size_t count = frame_bytes(t, f);
	f->data = shelve(s, f->data, count);
	f->captured_bytes = (uint32_t)count;
}

static void shelve_segment(const struct tape *t, struct shelf *s, struct event_segment *g)
{
	const size_t count = payload_bytes(t, &g->tcp);
	shelve_frame(t, s, &g->frame);
	if (g->tcp.options == NULL)
		g->tcp.options_bytes = 0;
	g->tcp.options = shelve(s, g->tcp.options, g->tcp.options_bytes);
	g->tcp.payload = shelve(s, g->tcp.payload, count);
	g->tcp.payload_captured_bytes = (uint32_t)count;
}

static void shelve_event(const struct tape *t, struct shelf *s, struct event *e)
{
	switch (e->type) {
	case EVENT_START:
		shelve_text(s, &e->u.start.client_name);
		shelve_text(s, &e->u.start.server_name);
		shelve_text(s, &e->u.start.interface);
		shelve_text(s, &e->u.start.vantage);
		shelve_text(s, &e->u.start.community_id);
		break;
	case EVENT_SEGMENT:
		shelve_segment(t, s, &e->u.segment);
		break;
	case EVENT_ICMP:
		shelve_frame(t, s, &e->u.icmp.frame);
		break;
	case EVENT_FLOW:
		e->u.flow.transitions =
			shelve(s, e->u.flow.transitions,
			       e->u.flow.transitions_count * sizeof(struct transition));
		break;
	case EVENT_END:
		shelve_text(s, &e->u.end.reason);
		break;
	case EVENT_TIMER:
	case EVENT_TRANSITION:
	case EVENT_VERDICT:
		break;
	}
}

/* Whether there is room for an event on the tape, which is counted as taken. */
static bool has_room(struct tape *t, const struct event *e)
{
	const bool known = e->flow_id <= t->flow_last;
	if (e->type == EVENT_END)
		return true;
	if (!known && t->flows == t->spec.flows_max) {
		t->left_out += e->type == EVENT_SEGMENT || e->type == EVENT_ICMP;
		return false;
	}
	if (e->type == EVENT_TRANSITION && !t->spec.keeps_transitions)
		return false;
	if (e->type == EVENT_VERDICT || e->type == EVENT_FLOW)
		return known;
	if (e->type != EVENT_START && t->rows >= t->spec.rows_max) {
		t->left_out += e->type != EVENT_TRANSITION;
		return false;
	}
	t->rows += e->type != EVENT_START;
	if (!known) {
		t->flows++;
		t->flow_last = e->flow_id;
	}
	return true;
}

static bool grow(struct tape *t)
{
	const size_t room = t->room == 0 ? 64 : 2 * t->room;
	if (t->count < t->room)
		return true;
	struct kept **list = realloc(t->list, room * sizeof *list);
	if (list == NULL)
		return false;
	t->list = list;
	t->room = room;
	return true;
}

void tape_keep(struct tape *t, const struct event *e)
{
	if (!has_room(t, e))
		return;
	struct kept *k = grow(t) ? malloc(sizeof *k + borrowed_bytes(t, e)) : NULL;
	if (k == NULL) {
		t->left_out++;
		return;
	}
	k->event = *e;
	struct shelf s = {.at = k->bytes};
	shelve_event(t, &s, &k->event);
	t->list[t->count++] = k;
}

size_t tape_count(const struct tape *t)
{
	return t->count;
}

const struct event *tape_at(const struct tape *t, size_t i)
{
	return &t->list[i]->event;
}

uint64_t tape_left_out(const struct tape *t)
{
	return t->left_out;
}

void tape_close(struct tape *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->list[i]);
	free(t->list);
	free(t);
}

#include "listener_internal.h"

#include <string.h>

uint32_t list_slot(const struct listener *l, const struct connection *c)
{
	return (uint32_t)(c - l->config.connections);
}

static struct connection *at(const struct listener *l, uint32_t slot)
{
	return slot == LISTENER_NONE ? NULL : &l->config.connections[slot];
}

/* --- slots ------------------------------------------------------------------------------- */

void list_init(struct listener *l)
{
	l->ready_first = l->ready_last = LISTENER_NONE;
	l->waiting_first = l->waiting_last = LISTENER_NONE;
	l->free_first = LISTENER_NONE;
	for (uint32_t i = l->config.connections_max; i > 0; i--) {
		l->config.connections[i - 1].next = l->free_first;
		l->free_first = i - 1;
	}
}

struct connection *list_take_slot(struct listener *l)
{
	struct connection *c = at(l, l->free_first);
	if (c == NULL)
		return NULL;
	l->free_first = c->next;
	memset(c, 0, sizeof *c);
	c->next = c->previous = LISTENER_NONE;
	c->next_waiting = c->previous_waiting = LISTENER_NONE;
	c->heap_at = LISTENER_NONE;
	c->deadline_ns = INT64_MAX;
	c->window_opens_ns = INT64_MAX;
	c->alarm_ns = INT64_MAX;
	c->number = ++l->next_number;
	l->used++;
	if (l->used > l->counts.used_peak)
		l->counts.used_peak = l->used;
	return c;
}

void list_free_slot(struct listener *l, struct connection *c)
{
	list_ready_remove(l, c);
	list_waiting_remove(l, c);
	heap_set(l, c, INT64_MAX);
	if (c->half_open)
		l->half_open--;
	c->number = 0;
	c->next = l->free_first;
	l->free_first = list_slot(l, c);
	l->used--;
}

/* --- lists ------------------------------------------------------------------------------- */

void list_ready_add(struct listener *l, struct connection *c)
{
	const uint32_t slot = list_slot(l, c);
	if (c->is_ready)
		return;
	c->is_ready = true;
	c->next = LISTENER_NONE;
	c->previous = l->ready_last;
	if (l->ready_last != LISTENER_NONE)
		at(l, l->ready_last)->next = slot;
	else
		l->ready_first = slot;
	l->ready_last = slot;
}

struct connection *list_ready_first(struct listener *l)
{
	return at(l, l->ready_first);
}

void list_ready_remove(struct listener *l, struct connection *c)
{
	if (!c->is_ready)
		return;
	c->is_ready = false;
	*(c->previous != LISTENER_NONE ? &at(l, c->previous)->next : &l->ready_first) = c->next;
	*(c->next != LISTENER_NONE ? &at(l, c->next)->previous : &l->ready_last) = c->previous;
}

void list_waiting_add(struct listener *l, struct connection *c)
{
	const uint32_t slot = list_slot(l, c);
	if (c->is_waiting)
		return;
	c->is_waiting = true;
	c->next_waiting = LISTENER_NONE;
	c->previous_waiting = l->waiting_last;
	if (l->waiting_last != LISTENER_NONE)
		at(l, l->waiting_last)->next_waiting = slot;
	else
		l->waiting_first = slot;
	l->waiting_last = slot;
}

void list_waiting_remove(struct listener *l, struct connection *c)
{
	if (!c->is_waiting)
		return;
	c->is_waiting = false;
	*(c->previous_waiting != LISTENER_NONE ? &at(l, c->previous_waiting)->next_waiting
					       : &l->waiting_first) = c->next_waiting;
	*(c->next_waiting != LISTENER_NONE ? &at(l, c->next_waiting)->previous_waiting
					   : &l->waiting_last) = c->previous_waiting;
}

/* --- the heap of deadlines ----------------------------------------------------------------- */

static int64_t deadline_at(const struct listener *l, uint32_t place)
{
	return l->config.connections[l->config.heap[place]].deadline_ns;
}

static void put(struct listener *l, uint32_t place, uint32_t slot)
{
	l->config.heap[place] = slot;
	l->config.connections[slot].heap_at = place;
}

static void swap(struct listener *l, uint32_t a, uint32_t b)
{
	const uint32_t slot = l->config.heap[a];
	put(l, a, l->config.heap[b]);
	put(l, b, slot);
}

static void sift(struct listener *l, uint32_t place)
{
	while (place > 0 && deadline_at(l, place) < deadline_at(l, (place - 1) / 2)) {
		swap(l, place, (place - 1) / 2);
		place = (place - 1) / 2;
	}
	for (;;) {
		uint32_t least = place;
		for (uint32_t child = 2 * place + 1; child <= 2 * place + 2; child++)
			if (child < l->heap_count && deadline_at(l, child) < deadline_at(l, least))
				least = child;
		if (least == place)
			return;
		swap(l, place, least);
		place = least;
	}
}

static void heap_remove(struct listener *l, struct connection *c)
{
	const uint32_t place = c->heap_at;
	if (place == LISTENER_NONE)
		return;
	c->heap_at = LISTENER_NONE;
	if (place == --l->heap_count)
		return;
	put(l, place, l->config.heap[l->heap_count]);
	sift(l, place);
}

void heap_set(struct listener *l, struct connection *c, int64_t deadline_ns)
{
	c->deadline_ns = deadline_ns;
	if (deadline_ns == INT64_MAX) {
		heap_remove(l, c);
		return;
	}
	if (c->heap_at == LISTENER_NONE)
		put(l, l->heap_count++, list_slot(l, c));
	sift(l, c->heap_at);
}

struct connection *heap_first(const struct listener *l)
{
	return l->heap_count == 0 ? NULL : at(l, l->config.heap[0]);
}

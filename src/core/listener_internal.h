/* What the files of the listener share: listener.c (who a segment belongs to, what goes out),
 * listener_list.c (slots, lists, the heap of deadlines). */
#ifndef SYNSCOPE_CORE_LISTENER_INTERNAL_H
#define SYNSCOPE_CORE_LISTENER_INTERNAL_H

#include "synscope/core/listener.h"

/** @return the slot of a connection. */
uint32_t list_slot(const struct listener *l, const struct connection *c);

void list_init(struct listener *l);
/** Take a free slot, zeroed. @return NULL if there is none */
struct connection *list_take_slot(struct listener *l);
/** Take it off every list, and free its slot. */
void list_free_slot(struct listener *l, struct connection *c);

void list_ready_add(struct listener *l, struct connection *c);
struct connection *list_ready_first(struct listener *l);
void list_ready_remove(struct listener *l, struct connection *c);

void list_waiting_add(struct listener *l, struct connection *c);
void list_waiting_remove(struct listener *l, struct connection *c);

/** Set or change the deadline of a connection; INT64_MAX: none. */
void heap_set(struct listener *l, struct connection *c, int64_t deadline_ns);
/** @return the connection with the nearest deadline, or NULL. */
struct connection *heap_first(const struct listener *l);

#endif

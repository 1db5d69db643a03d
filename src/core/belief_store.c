/*
 * The memory of a pool: blocks of shapes and of numbers that do not fit their record, and a table
 * of transitions. A shape is kept while an exchange is in it; the others, and all
 * transitions, are dropped when room is short, since they can be computed again.
 */
#include "belief_pool_internal.h"

#include "synscope/core/util.h"

#include <string.h>

#define HEADS_MIN 1024u

enum block_kind { BLOCK_FREE, BLOCK_SHAPE, BLOCK_NUMBERS };

struct block {
	uint32_t units;
	uint32_t kind;
	uint32_t next; /* free: in its list */
	uint32_t unused;
};

static struct block *block_at(const struct belief_pool *p, uint32_t at)
{
	return (struct block *)(void *)(p->units + (size_t)at * UNIT_BYTES);
}

static void *body_of(const struct belief_pool *p, uint32_t at)
{
	return block_at(p, at) + 1;
}

static uint8_t *carve(uint8_t **at, size_t bytes)
{
	uint8_t *piece = *at;
	*at += (bytes + 63) & ~(size_t)63;
	return piece;
}

struct belief_pool *store_init(void *memory, size_t bytes)
{
	uint8_t *at = memory;
	uint8_t *end = at + (bytes & ~(size_t)63);
	struct belief_pool *p = (void *)carve(&at, sizeof *p);
	memset(p, 0, sizeof *p);
	uint32_t heads = HEADS_MIN;
	while ((size_t)heads * 512 < bytes)
		heads *= 2;
	p->heads_mask = heads - 1;
	p->shape_heads = (void *)carve(&at, heads * sizeof *p->shape_heads);
	p->transition_heads = (void *)carve(&at, heads * sizeof *p->transition_heads);
	memset(p->shape_heads, 0, heads * sizeof *p->shape_heads);
	memset(p->transition_heads, 0, heads * sizeof *p->transition_heads);
	const size_t left = (size_t)(end - at);
	p->transitions_count = (uint32_t)(left / 2 / sizeof *p->transitions);
	p->transitions = (void *)carve(&at, p->transitions_count * sizeof *p->transitions);
	p->transitions_used = 1;
	p->units = at;
	p->units_count = (uint32_t)((size_t)(end - at) / UNIT_BYTES);
	p->units_used = 1; /* so that no reference is NONE */
	return p;
}

static unsigned list_of(uint32_t units)
{
	return units < ARRAY_COUNT(((struct belief_pool *)0)->free)
		       ? units - 1
		       : ARRAY_COUNT(((struct belief_pool *)0)->free) - 1;
}

static void give_free(struct belief_pool *p, uint32_t at)
{
	struct block *b = block_at(p, at);
	uint32_t *head = &p->free[list_of(b->units)];
	b->kind = BLOCK_FREE;
	b->next = *head;
	*head = at;
}

/* Cut what is not needed off a free block, and give it back. */
static void trim(struct belief_pool *p, uint32_t at, uint32_t units)
{
	struct block *b = block_at(p, at);
	if (b->units == units)
		return;
	block_at(p, at + units)->units = b->units - units;
	give_free(p, at + units);
	b->units = units;
}

static uint32_t take_free(struct belief_pool *p, uint32_t units)
{
	for (unsigned list = list_of(units); list < ARRAY_COUNT(p->free); list++)
		for (uint32_t *at = &p->free[list]; *at != NONE; at = &block_at(p, *at)->next)
			if (block_at(p, *at)->units >= units) {
				const uint32_t found = *at;
				*at = block_at(p, found)->next;
				trim(p, found, units);
				return found;
			}
	return NONE;
}

static uint32_t take(struct belief_pool *p, size_t bytes, enum block_kind kind)
{
	const uint32_t units =
		(uint32_t)((bytes + sizeof(struct block) + UNIT_BYTES - 1) / UNIT_BYTES);
	uint32_t at = take_free(p, units);
	if (at == NONE) {
		if (p->units_count - p->units_used < units)
			return NONE;
		at = p->units_used;
		p->units_used += units;
		block_at(p, at)->units = units;
	}
	block_at(p, at)->kind = kind;
	return at;
}

static void drop_transitions(struct belief_pool *p)
{
	memset(p->transition_heads, 0, (p->heads_mask + 1u) * sizeof *p->transition_heads);
	p->transitions_used = 1;
	p->figures.transitions = 0;
	p->figures.cleared++;
}

static void drop_unused_shapes(struct belief_pool *p)
{
	for (uint32_t h = 0; h <= p->heads_mask; h++)
		for (uint32_t *at = &p->shape_heads[h]; *at != NONE;) {
			struct kept *k = store_shape(p, *at);
			if (k->users > 0) {
				at = &k->next;
				continue;
			}
			const uint32_t gone = *at;
			*at = k->next;
			block_at(p, gone)->kind = BLOCK_FREE;
			p->figures.shapes--;
		}
}

/* Join neighbours that are free, and list them. */
static void list_free(struct belief_pool *p)
{
	uint32_t at = 1;
	memset(p->free, 0, sizeof p->free);
	while (at < p->units_used) {
		struct block *b = block_at(p, at);
		if (b->kind != BLOCK_FREE) {
			at += b->units;
			continue;
		}
		while (at + b->units < p->units_used &&
		       block_at(p, at + b->units)->kind == BLOCK_FREE)
			b->units += block_at(p, at + b->units)->units;
		if (at + b->units == p->units_used) {
			p->units_used = at;
			return;
		}
		give_free(p, at);
		at += b->units;
	}
}

static uint32_t take_or_clear(struct belief_pool *p, size_t bytes, enum block_kind kind)
{
	const uint32_t at = take(p, bytes, kind);
	if (at != NONE)
		return at;
	drop_transitions(p);
	drop_unused_shapes(p);
	list_free(p);
	return take(p, bytes, kind);
}

struct kept *store_shape(const struct belief_pool *p, uint32_t at)
{
	return body_of(p, at);
}

static uint32_t hash_of(const void *bytes, size_t count)
{
	const uint8_t *at = bytes;
	uint64_t hash = 0x9e3779b97f4a7c15u;
	for (; count >= 8; at += 8, count -= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof word);
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	for (; count > 0; at++, count--)
		hash = (hash ^ *at) * 0x100000001b3u;
	return (uint32_t)(hash ^ hash >> 29);
}

uint32_t store_intern(struct belief_pool *p, const struct shape *shape, const struct kept *head)
{
	const uint32_t hash = hash_of(shape->body, shape->bytes);
	uint32_t *chain = &p->shape_heads[hash & p->heads_mask];
	for (uint32_t at = *chain; at != NONE; at = store_shape(p, at)->next) {
		struct kept *k = store_shape(p, at);
		if (k->hash == hash && k->bytes == shape->bytes &&
		    memcmp(k->body, shape->body, shape->bytes) == 0) {
			k->users++;
			return at;
		}
	}
	const uint32_t at = take_or_clear(p, sizeof *head + shape->bytes, BLOCK_SHAPE);
	if (at == NONE)
		return NONE;
	struct kept *k = store_shape(p, at);
	*k = *head;
	k->users = 1;
	k->hash = hash;
	k->bytes = shape->bytes;
	k->next = *chain;
	memcpy(k->body, shape->body, shape->bytes);
	*chain = at;
	p->figures.shapes++;
	return at;
}

void store_release(struct belief_pool *p, uint32_t at)
{
	if (at != NONE)
		store_shape(p, at)->users--;
}

uint32_t store_numbers(struct belief_pool *p, size_t count)
{
	return take_or_clear(p, count * sizeof(uint32_t), BLOCK_NUMBERS);
}

uint32_t *store_numbers_at(const struct belief_pool *p, uint32_t at)
{
	return body_of(p, at);
}

void store_free_numbers(struct belief_pool *p, uint32_t at)
{
	give_free(p, at);
}

static uint32_t hash_key(const struct key *key)
{
	uint64_t word[sizeof *key / sizeof(uint64_t)];
	uint64_t hash = 0;
	memcpy(word, key, sizeof word);
	for (size_t i = 0; i < ARRAY_COUNT(word); i++)
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15u + (hash >> 32);
	return (uint32_t)(hash >> 32);
}

const struct learned *store_find(const struct belief_pool *p, const struct key *key)
{
	uint32_t at = p->transition_heads[hash_key(key) & p->heads_mask];
	while (at != NONE) {
		const struct learned *t = &p->transitions[at];
		if (memcmp(&t->key, key, sizeof *key) == 0)
			return t;
		at = t->next;
	}
	return NULL;
}

void store_learn(struct belief_pool *p, const struct learned *l)
{
	if (p->transitions_used == p->transitions_count)
		drop_transitions(p);
	uint32_t *head = &p->transition_heads[hash_key(&l->key) & p->heads_mask];
	const uint32_t at = p->transitions_used++;
	p->transitions[at] = *l;
	p->transitions[at].next = *head;
	*head = at;
	p->figures.transitions++;
}

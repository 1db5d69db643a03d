#include "synscope/core/flow.h"

#include <string.h>

static void order(const struct endpoint **x, const struct endpoint **y)
{
	if (endpoint_compare(*x, *y) > 0) {
		const struct endpoint *t = *x;
		*x = *y;
		*y = t;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 29;
}

static uint64_t hash_endpoint(uint64_t h, const struct endpoint *e)
{
	uint64_t halves[2];
	memcpy(halves, e->addr.bytes, sizeof halves);
	h = mix(h, halves[0]);
	h = mix(h, halves[1]);
	return mix(h, (uint64_t)e->port << 8 | e->addr.family);
}

static uint32_t home(const struct flow_table *t, const struct endpoint *a, const struct endpoint *b)
{
	return (uint32_t)hash_endpoint(hash_endpoint(0, a), b) & (t->slots_count - 1);
}

void flow_table_init(struct flow_table *t, struct flow_index *slots, uint32_t slots_count)
{
	t->slots = slots;
	t->slots_count = slots_count;
	t->used = 0;
	memset(slots, 0, slots_count * sizeof *slots);
}

/* The slot that holds the pair, or the free one where it would go. There is always a free one:
 * flow_table_put() sees to it, and without it this would never end. */
static uint32_t probe(const struct flow_table *t, const struct endpoint *a,
		      const struct endpoint *b)
{
	uint32_t i = home(t, a, b);
	while (t->slots[i].flow != 0 &&
	       (!endpoint_equal(&t->slots[i].a, a) || !endpoint_equal(&t->slots[i].b, b)))
		i = (i + 1) & (t->slots_count - 1);
	return i;
}

int64_t flow_table_find(const struct flow_table *t, const struct endpoint *x,
			const struct endpoint *y)
{
	order(&x, &y);
	return (int64_t)t->slots[probe(t, x, y)].flow - 1;
}

bool flow_table_put(struct flow_table *t, const struct endpoint *x, const struct endpoint *y,
		    uint32_t flow)
{
	const uint32_t reserve = t->slots_count < 4 ? 1 : t->slots_count / 4;
	order(&x, &y);
	const uint32_t i = probe(t, x, y);
	if (t->slots[i].flow == 0) {
		if (t->used >= t->slots_count - reserve)
			return false;
		t->used++;
		t->slots[i].a = *x;
		t->slots[i].b = *y;
	}
	t->slots[i].flow = flow + 1;
	return true;
}

void flow_table_remove(struct flow_table *t, const struct endpoint *x, const struct endpoint *y)
{
	order(&x, &y);
	uint32_t hole = probe(t, x, y);
	if (t->slots[hole].flow == 0)
		return;
	t->used--;
	/* Move back every later entry of the run that may not be found across the hole. */
	const uint32_t mask = t->slots_count - 1;
	for (uint32_t i = (hole + 1) & mask; t->slots[i].flow != 0; i = (i + 1) & mask) {
		const uint32_t h = home(t, &t->slots[i].a, &t->slots[i].b);
		if (((i - h) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	memset(&t->slots[hole], 0, sizeof t->slots[hole]);
}

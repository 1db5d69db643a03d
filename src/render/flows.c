#include "synscope/render/flows.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_COUNT_FIRST 64

/* With a first answer faster than this, a tenth of a millisecond tells nothing apart. */
#define FINE_TIME_NS 10000000

void flows_init(struct flows *f)
{
	memset(f, 0, sizeof *f);
}

static struct flow_memory **bucket_of(const struct flows *f, uint32_t id)
{
	/* Knuth's multiplier spreads numbers that come in order */
	return &f->buckets[(id * 2654435761u) & (f->buckets_count - 1)];
}

/* Double the buckets. Nothing is lost if memory is out: chains only grow longer. */
static void grow(struct flows *f)
{
	struct flows bigger = {
		.buckets_count = f->buckets_count == 0 ? BUCKETS_COUNT_FIRST : f->buckets_count * 2,
	};
	bigger.buckets = calloc(bigger.buckets_count, sizeof *bigger.buckets);
	if (bigger.buckets == NULL)
		return;
	for (size_t i = 0; i < f->buckets_count; i++) {
		for (struct flow_memory *m = f->buckets[i]; m != NULL;) {
			struct flow_memory *next = m->next;
			struct flow_memory **bucket = bucket_of(&bigger, m->id);
			m->next = *bucket;
			*bucket = m;
			m = next;
		}
	}
	free(f->buckets);
	f->buckets = bigger.buckets;
	f->buckets_count = bigger.buckets_count;
}

static struct flow_memory *find_or_make(struct flows *f, uint32_t id)
{
	if (f->count >= f->buckets_count)
		grow(f);
	if (f->buckets_count == 0)
		return &f->spare;
	struct flow_memory **bucket = bucket_of(f, id);
	for (struct flow_memory *m = *bucket; m != NULL; m = m->next)
		if (m->id == id)
			return m;
	struct flow_memory *m = calloc(1, sizeof *m);
	if (m == NULL)
		return &f->spare;
	m->id = id;
	m->decimals = 1;
	m->next = *bucket;
	*bucket = m;
	f->count++;
	return m;
}

static void copy_name(char to[FLOW_NAME_MAX], const char *from)
{
	const size_t count = from == NULL ? 0 : strnlen(from, FLOW_NAME_MAX - 1);
	if (count > 0)
		memcpy(to, from, count);
	to[count] = '\0';
}

static void note_start(struct flow_memory *m, const struct event_start *s)
{
	m->has_start = true;
	m->has_ends = true;
	m->client = s->client;
	m->server = s->server;
	m->client_local = s->client_local;
	m->server_local = s->server_local;
	copy_name(m->client_name, s->client_name);
	copy_name(m->server_name, s->server_name);
	copy_name(m->interface, s->interface);
	copy_name(m->vantage, s->vantage);
	copy_name(m->community_id, s->community_id);
}

static void note_segment(struct flow_memory *m, const struct event_segment *s)
{
	const enum side to = side_other(s->from);
	if (!m->has_ends) {
		m->has_ends = true;
		m->client = s->from == SIDE_CLIENT ? s->tcp.src : s->tcp.dst;
		m->server = s->from == SIDE_CLIENT ? s->tcp.dst : s->tcp.src;
	}
	if (s->has_seq_rel) {
		m->has_isn[s->from] = true;
		m->isn[s->from] = s->tcp.seq.raw - s->seq_rel;
	}
	if (s->has_ack_rel) {
		m->has_isn[to] = true;
		m->isn[to] = s->tcp.ack.raw - s->ack_rel;
	}
}

struct flow_memory *flows_take(struct flows *f, const struct event *e)
{
	struct flow_memory *m = find_or_make(f, e->flow_id);
	switch (e->type) {
	case EVENT_START:
		note_start(m, &e->u.start);
		break;
	case EVENT_SEGMENT:
		note_segment(m, &e->u.segment);
		break;
	case EVENT_VERDICT:
		m->has_verdict = true;
		m->verdict = e->u.verdict;
		break;
	case EVENT_ICMP:
	case EVENT_TIMER:
	case EVENT_TRANSITION:
	case EVENT_FLOW:
	case EVENT_END:
		break;
	}
	return m;
}

void flow_tick(struct flow_memory *m, const struct event *e)
{
	const bool segment = e->type == EVENT_SEGMENT;
	if (m->shown == 0) {
		m->first_ns = e->time_ns;
		m->last_ns = e->time_ns;
		m->first_from = segment ? e->u.segment.from : SIDE_CLIENT;
	} else if (m->shown == 1) {
		m->decimals = e->time_ns - m->first_ns < FINE_TIME_NS ? 3 : 1;
	}
	if (segment && m->shown > 0 && m->rtt_ns == 0 && e->u.segment.from != m->first_from)
		m->rtt_ns = e->time_ns - m->last_ns;
	m->previous_ns = m->last_ns;
	m->last_ns = e->time_ns;
	m->shown++;
}

void flows_drop(struct flows *f, struct flow_memory *m)
{
	if (m == &f->spare) {
		memset(m, 0, sizeof *m);
		return;
	}
	struct flow_memory **at = bucket_of(f, m->id);
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	f->count--;
	free(m);
}

static int compare_id(const void *a, const void *b)
{
	const struct flow_memory *const *left = a;
	const struct flow_memory *const *right = b;
	return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

struct flow_memory **flows_list(const struct flows *f)
{
	struct flow_memory **list = f->count == 0 ? NULL : calloc(f->count, sizeof *list);
	if (list == NULL)
		return NULL;
	size_t count = 0;
	for (size_t i = 0; i < f->buckets_count; i++)
		for (struct flow_memory *m = f->buckets[i]; m != NULL; m = m->next)
			list[count++] = m;
	qsort(list, count, sizeof *list, compare_id);
	return list;
}

void flows_reset(struct flows *f)
{
	for (size_t i = 0; i < f->buckets_count; i++) {
		for (struct flow_memory *m = f->buckets[i]; m != NULL;) {
			struct flow_memory *next = m->next;
			free(m);
			m = next;
		}
	}
	free(f->buckets);
	flows_init(f);
}

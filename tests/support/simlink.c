#include "simlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void simlink_init(struct simlink *link, const struct simlink_config *config, struct machine *a,
		  struct machine *b)
{
	*link = (struct simlink){.config = *config, .end = {a, b}, .random = config->seed};
}

void simlink_free(struct simlink *link)
{
	for (size_t i = 0; i < link->queue_count; i++)
		free(link->queue[i]);
	free(link->queue);
	link->queue = NULL;
	link->queue_count = 0;
}

/* splitmix64 */
static uint64_t next_random(struct simlink *link)
{
	link->random += 0x9e3779b97f4a7c15u;
	uint64_t z = link->random;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t simlink_random(struct simlink *link, uint64_t below)
{
	return below == 0 ? 0 : next_random(link) % below;
}

static bool happens(struct simlink *link, double probability)
{
	return probability > 0 &&
	       (double)(next_random(link) >> 11) < probability * 9007199254740992.0; /* 2^53 */
}

struct segment simlink_segment(const struct segment_spec *spec, uint8_t *text)
{
	struct segment s = {
		.ip = {.src = spec->src.addr,
		       .dst = spec->dst.addr,
		       .ttl = spec->ttl == 0 ? 64 : spec->ttl,
		       .traffic = spec->traffic,
		       .protocol = 6,
		       .df = true,
		       .header_bytes = spec->src.addr.family == IP_V6 ? 40 : 20,
		       .checksum = CHECKSUM_GOOD},
		.src = spec->src,
		.dst = spec->dst,
		.seq = spec->seq,
		.ack = spec->ack,
		.flags = spec->flags,
		.window = spec->window,
		.urgent = spec->urgent,
		.checksum = CHECKSUM_GOOD,
		.header_bytes = 20,
		.option = spec->option,
		.payload = text,
		.payload_bytes = (uint32_t)spec->payload_bytes,
		.payload_captured_bytes = (uint32_t)spec->payload_bytes,
	};
	if (spec->payload_bytes > 0)
		memcpy(text, spec->payload, spec->payload_bytes);
	return s;
}

static bool earlier(const struct simlink_packet *a, const struct simlink_packet *b)
{
	if (a->arrives_ns != b->arrives_ns)
		return a->arrives_ns < b->arrives_ns;
	return a->order < b->order;
}

static void queue_put(struct simlink *link, struct simlink_packet *p)
{
	if (link->queue_count == link->queue_room) {
		link->queue_room = link->queue_room == 0 ? 64 : 2 * link->queue_room;
		link->queue =
			realloc(link->queue, link->queue_room * sizeof(struct simlink_packet *));
		if (link->queue == NULL)
			abort();
	}
	size_t i = link->queue_count++;
	while (i > 0 && earlier(p, link->queue[(i - 1) / 2])) {
		link->queue[i] = link->queue[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	link->queue[i] = p;
}

static struct simlink_packet *queue_take(struct simlink *link)
{
	struct simlink_packet *first = link->queue[0];
	struct simlink_packet *last = link->queue[--link->queue_count];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= link->queue_count)
			break;
		if (child + 1 < link->queue_count &&
		    earlier(link->queue[child + 1], link->queue[child]))
			child++;
		if (!earlier(link->queue[child], last))
			break;
		link->queue[i] = link->queue[child];
		i = child;
	}
	link->queue[i] = last;
	return first;
}

static void put_copy(struct simlink *link, int to, const struct segment *s, int64_t arrives_ns)
{
	struct simlink_packet *p = malloc(sizeof *p);
	if (p == NULL)
		abort();
	p->segment = *s;
	p->arrives_ns = arrives_ns;
	p->order = link->order++;
	p->to = to;
	if (s->payload_bytes > 0)
		memcpy(p->text, s->payload, s->payload_bytes);
	p->segment.payload = p->text;
	queue_put(link, p);
}

void simlink_inject(struct simlink *link, int to, const struct segment *s)
{
	put_copy(link, to, s, link->now_ns + link->config.delay_ns);
}

static void put(struct simlink *link, int from, struct segment *s)
{
	link->sent++;
	const struct simlink_config *c = &link->config;
	if ((c->filter != NULL && c->filter(c->context, from, s, link->now_ns)) ||
	    happens(link, c->loss)) {
		link->lost++;
		return;
	}
	if ((s->ip.traffic & 3) == 2 && happens(link, c->congestion))
		s->ip.traffic |= 1;
	int64_t arrives_ns = link->now_ns + c->delay_ns;
	if (happens(link, c->reorder)) {
		link->reordered++;
		arrives_ns += (int64_t)simlink_random(link, 4 * (uint64_t)c->delay_ns + 1);
	}
	put_copy(link, 1 - from, s, arrives_ns);
	if (happens(link, c->duplicate)) {
		link->duplicated++;
		put_copy(link, 1 - from, s,
			 arrives_ns + (int64_t)simlink_random(link, (uint64_t)c->delay_ns + 1));
	}
}

void simlink_pump(struct simlink *link)
{
	static uint8_t text[SIMLINK_TEXT_MAX];
	for (int from = 0; from < 2; from++) {
		struct segment_spec spec;
		while (link->end[from] != NULL &&
		       machine_output(link->end[from], &spec, link->now_ns)) {
			struct segment s = simlink_segment(&spec, text);
			put(link, from, &s);
		}
	}
}

bool simlink_step(struct simlink *link, int64_t until_ns)
{
	int64_t next_ns = INT64_MAX;
	int who = -1; /* whose deadline; -1: an arrival */
	if (link->queue_count > 0)
		next_ns = link->queue[0]->arrives_ns;
	for (int i = 0; i < 2; i++) {
		const int64_t at_ns =
			link->end[i] != NULL ? machine_deadline(link->end[i]) : INT64_MAX;
		if (at_ns < next_ns) {
			next_ns = at_ns;
			who = i;
		}
	}
	if (next_ns == INT64_MAX || next_ns > until_ns)
		return false;
	if (next_ns > link->now_ns)
		link->now_ns = next_ns;
	if (who >= 0) {
		machine_tick(link->end[who], link->now_ns);
	} else {
		struct simlink_packet *p = queue_take(link);
		if (link->end[p->to] != NULL)
			machine_segment(link->end[p->to], &p->segment, link->now_ns);
		link->delivered++;
		free(p);
	}
	simlink_pump(link);
	return true;
}

void simlink_run(struct simlink *link, int64_t until_ns)
{
	while (simlink_step(link, until_ns))
		continue;
	if (link->now_ns < until_ns)
		link->now_ns = until_ns;
}

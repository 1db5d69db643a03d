#include "listen_internal.h"

#include "synscope/edge/clock.h"

#include <inttypes.h>
#include <stdlib.h>

#define QUIET_OVER_NS (500 * NS_PER_MS)
#define QUIET_OPEN_NS (70 * NS_PER_S) /* kernels repeat a SYN after 1, 2, 4 ... 64 s */

struct exchange *story_exchange(struct listen *l, const struct endpoint *local,
				const struct endpoint *remote)
{
	return pipeline_find(session_pipeline(l->session), local, remote);
}

struct event_flow story_guard(const struct listen *l)
{
	struct event_flow guard = {.has_guard = true};
	for (size_t i = 0; i < ARRAY_COUNT(l->guard); i++) {
		if (l->guard[i] == NULL)
			continue;
		guard.guard_kind = guard_kind_text(l->guard[i]);
		guard.guard_absorbed += guard_absorbed(l->guard[i]);
	}
	return guard;
}

static uint32_t index_of(struct listen *l, const struct exchange *x)
{
	return (uint32_t)(x - session_pipeline(l->session)->config.exchanges);
}

bool story_init(struct listen *l, uint32_t exchanges_max)
{
	struct endings *const both[] = {&l->soon, &l->later};
	l->soon.quiet_ns = QUIET_OVER_NS;
	l->later.quiet_ns = QUIET_OPEN_NS;
	for (size_t i = 0; i < ARRAY_COUNT(both); i++) {
		both[i]->ring = calloc(STRAYS_MAX, sizeof *both[i]->ring);
		both[i]->flow = calloc(exchanges_max, sizeof *both[i]->flow);
		if (both[i]->ring == NULL || both[i]->flow == NULL)
			return false;
	}
	return true;
}

/* Give its record, if it is over and still the one that was meant. @return whether its slot is
 * free now */
static bool end_first(struct listen *l, struct endings *q)
{
	const struct ending *e = &q->ring[q->tail++ % STRAYS_MAX];
	struct exchange *x = story_exchange(l, &e->local, &e->remote);
	const struct connection *c = listener_find(&l->listener, &e->local, &e->remote);
	if (x == NULL || x->flow.id != e->flow_id)
		return false;
	q->flow[index_of(l, x)] = 0;
	const enum tcp_state state = c != NULL ? machine_state(&c->machine) : ST_CLOSED;
	if (c != NULL && state != ST_TIME_WAIT)
		return false; /* a cookie, and its ACK came */
	const struct own_word word = {.known = true, .state = state, .cause = "all was said"};
	if (x->view[x->own_side].state != ST_LISTEN)
		pipeline_own_state(session_pipeline(l->session), x, &word, clock_realtime_ns());
	const struct event_flow guard = story_guard(l);
	pipeline_end(session_pipeline(l->session), x, &guard);
	return true;
}

void story_end_soon(struct listen *l, const struct endpoint *local, const struct endpoint *remote,
		    bool awaits)
{
	const struct exchange *x = story_exchange(l, local, remote);
	struct endings *q = awaits ? &l->later : &l->soon;
	if (x == NULL)
		return;
	if (q->flow[index_of(l, x)] == x->flow.id)
		return;
	while (q->head - q->tail >= STRAYS_MAX)
		(void)end_first(l, q);
	q->flow[index_of(l, x)] = x->flow.id;
	q->ring[q->head++ % STRAYS_MAX] =
		(struct ending){.local = *local, .remote = *remote, .flow_id = x->flow.id};
}

/* @return when to look again */
static int64_t end_quiet(struct listen *l, struct endings *q, bool all)
{
	const int64_t now = clock_realtime_ns();
	while (q->head != q->tail) {
		const struct ending *e = &q->ring[q->tail % STRAYS_MAX];
		const struct exchange *x = story_exchange(l, &e->local, &e->remote);
		const bool gone = x == NULL || x->flow.id != e->flow_id;
		const int64_t quiet = gone ? q->quiet_ns : now - x->flow.last_ns;
		if (!all && quiet < q->quiet_ns)
			return clock_monotonic_ns() + q->quiet_ns - (quiet > 0 ? quiet : 0);
		(void)end_first(l, q);
	}
	return INT64_MAX;
}

int64_t story_end_quiet(struct listen *l, bool all)
{
	const int64_t soon = end_quiet(l, &l->soon, all);
	const int64_t later = end_quiet(l, &l->later, all);
	return soon < later ? soon : later;
}

/* In a flood of SYNs only what becomes a connection is followed: its cookie's ACK, or its SYN if it
 * was remembered. A few SYNs more than the backlog are no flood. */
bool story_follow(void *context, const struct segment *s)
{
	struct listen *l = context;
	const bool known = listener_find(&l->listener, &s->dst, &s->src) != NULL;
	const bool flood = l->later.head - l->later.tail >= STRAYS_MAX / 2 &&
			   listener_is_pressed(&l->listener);
	return known || !flood || (!(s->flags & TCP_SYN) && !listen_is_own(l, &s->src));
}

bool story_make_room(void *context, const struct segment *s)
{
	struct listen *l = context;
	struct endings *const both[] = {&l->soon, &l->later};
	(void)s;
	for (size_t i = 0; i < ARRAY_COUNT(both); i++)
		while (both[i]->head != both[i]->tail)
			if (end_first(l, both[i]))
				return true;
	return false;
}

void story_counts(const struct listen *l)
{
	const struct listener_counts *c = &l->listener.counts;
	const struct machine_config *m = &l->listener.config.machine;
	const double slot_bytes = (double)(sizeof(struct connection) + sizeof(struct client)) +
				  m->send_buffer_bytes + m->receive_buffer_bytes;
	client_note("synscope: %" PRIu64 " connection%s; at most %" PRIu64 " at once, %" PRIu64
		    " of them half-open; %.1f MB would hold that many in full",
		    c->opened, c->opened == 1 ? "" : "s", c->used_peak, c->half_open_peak,
		    (double)c->used_peak * slot_bytes / 1e6);
	if (c->cookies_sent > 0)
		client_note("synscope: SYN cookies: %" PRIu64 " sent, %" PRIu64
			    " came back, %" PRIu64 " ACKs with a wrong one",
			    c->cookies_sent, c->cookies_good, c->cookies_bad);
	if (c->resets_sent > 0)
		client_note("synscope: %" PRIu64 " RST for what belonged to no connection",
			    c->resets_sent);
	if (c->unanswered > 0)
		client_note("synscope: %" PRIu64 " SYN%s found no room and got no answer "
			    "(--max-clients)",
			    c->unanswered, c->unanswered == 1 ? "" : "s");
	if (session_pipeline(l->session)->unfollowed > 0)
		client_note("synscope: %" PRIu64 " segments were answered, but not shown: a flood, "
			    "or more exchanges than are followed",
			    session_pipeline(l->session)->unfollowed);
	if (l->unsendable > 0)
		client_note("synscope: %" PRIu64 " segments could not be sent, the first because: "
			    "%s",
			    l->unsendable, l->why.text);
}

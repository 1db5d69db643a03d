#include "synscope/client/actor.h"
#include "synscope/client/interrupt.h"

#include "synscope/core/util.h"

#include <poll.h>
#include <stdio.h>

void actor_wait(int fd, int64_t until_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	interrupt_wait(&p, 1, until_ns);
}

/* --- timers ---------------------------------------------------------------------------------- */

void actor_timer(const struct machine_log *log, struct event_timer *timer)
{
	*timer = (struct event_timer){.kind = log->timer,
				      .after_ns = log->after_ns,
				      .attempt = log->attempt,
				      .gave_up = log->kind == MACHINE_LOG_GAVE_UP};
	const double seconds = (double)log->after_ns / 1e9;
	if (timer->gave_up)
		snprintf(timer->text, sizeof timer->text, "no answer in %.3f s", seconds);
	else if (log->timer == TIMER_RETRANSMISSION)
		snprintf(timer->text, sizeof timer->text,
			 "nothing acknowledged in %.3f s: sent again, the next wait is twice as "
			 "long",
			 seconds);
	else
		snprintf(timer->text, sizeof timer->text, "%s timer after %.3f s",
			 timer_kind_name(log->timer), seconds);
}

/* --- what was sent ------------------------------------------------------------------------------
 */

/* So far behind the newest one that came back, the capture has lost it. */
#define SENT_BEHIND_MAX 1024

static struct sent *sent_at(const struct sent_log *log, uint32_t i)
{
	return &log->slots[i & (log->slots_count - 1)];
}

struct sent *sent_add(struct sent_log *log, const struct segment_spec *spec)
{
	struct sent *s = sent_at(log, log->head++);
	if (log->head - log->tail > log->slots_count)
		log->tail = log->head - log->slots_count;
	*s = (struct sent){
		.src = spec->src,
		.dst = spec->dst,
		.seq = spec->seq,
		.ack = spec->ack,
		.flags = spec->flags,
		.payload_bytes = (uint32_t)spec->payload_bytes,
	};
	return s;
}

static bool is_same(const struct sent *sent, const struct segment *s)
{
	return seq_eq(sent->seq, s->seq) && seq_eq(sent->ack, s->ack) && sent->flags == s->flags &&
	       sent->payload_bytes == s->payload_bytes && sent->dst.port == s->dst.port &&
	       endpoint_equal(&sent->dst, &s->dst) && endpoint_equal(&sent->src, &s->src);
}

const struct sent *sent_recognise(struct sent_log *log, const struct segment *s)
{
	for (uint32_t i = log->tail; i != log->head; i++) {
		struct sent *sent = sent_at(log, i);
		if (sent->seen || !is_same(sent, s))
			continue;
		sent->seen = true;
		/* Different interfaces may give theirs in another order than they were sent in. */
		while (log->tail != log->head && (sent_at(log, log->tail)->seen ||
						  (int32_t)(i - log->tail) > SENT_BEHIND_MAX))
			log->tail++;
		return sent;
	}
	return NULL;
}

bool sent_all_seen(const struct sent_log *log)
{
	return log->head == log->tail;
}

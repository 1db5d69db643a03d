/*
 * Everything that can have happened unseen: the set of nodes is closed under the delivery of
 * our segments, the calls of the application and the timers.
 */
#include "belief_internal.h"

const struct moves_wanted moves_all = {ORIGINS_REMOTE | ORIGIN_COOKIE, true, true, false};
const struct moves_wanted moves_loss = {ORIGIN_RFC | ORIGIN_COOKIE, false, false, false};
const struct moves_wanted moves_delivery = {ORIGINS_REMOTE | ORIGIN_COOKIE, false, true, false};
const struct moves_wanted moves_orderly = {ORIGINS_REMOTE | ORIGIN_COOKIE, true, false, false};

static const enum rule_on events[] = {
	ON_OPEN_PASSIVE, ON_OPEN_ACTIVE,       ON_SEND,      ON_CLOSE,  ON_ABORT, ON_TRANSMIT,
	ON_USER_TIMEOUT, ON_TIME_WAIT_TIMEOUT, ON_ICMP_HARD, ON_REBOOT,
};

static void add_moves(struct node_set *s, const struct node *from, const struct move *moves,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!node_same(&moves[i].to, from))
			node_set_add(s, &moves[i].to);
}

void belief_close(struct belief *b, struct node_set *s, uint32_t until,
		  const struct moves_wanted *wanted)
{
	struct move moves[MOVES_MAX];
	bool again = true;
	while (again && !s->overflow) {
		again = false;
		for (uint8_t i = 0; i < s->count; i++) {
			if ((s->node[i].flags & NODE_TODO) == 0)
				continue;
			again = true;
			s->node[i].flags &= (uint8_t)~NODE_TODO;
			const struct node n = s->node[i];
			for (uint8_t o = 0; o < b->owns; o++)
				if (b->own[o].first <= until)
					add_moves(s, &n, moves,
						  move_deliver(b, &n, &b->own[o], wanted, moves));
			for (size_t e = 0; wanted->calls && e < ARRAY_COUNT(events); e++)
				add_moves(s, &n, moves,
					  move_event(b, &n, events[e], wanted, moves));
		}
	}
}

void belief_close_with(struct belief *b, struct node_set *s, const struct own *own, bool known_only)
{
	struct move moves[MOVES_MAX];
	const uint8_t count = s->count;
	for (uint8_t i = 0; i < count; i++) {
		const struct node n = s->node[i];
		if (n.inc == INC_KNOWN || !known_only)
			add_moves(s, &n, moves, move_deliver(b, &n, own, &moves_all, moves));
	}
	belief_close(b, s, b->now, &moves_all);
}

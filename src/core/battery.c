/*
 * Who is asked next. A heap of ports by the time at which they want to be looked at; a look
 * (turn) either sends the next copy of a step's segment, or ends the step, the question, the port.
 *
 * Two brakes: pace_ns is the rate of the whole battery; slow_ns is one a second for whatever is
 * subject to rate limits (see battery.h), which waits until all else is done.
 */
#include "battery_internal.h"

#include <assert.h>
#include <string.h>

#define BATTERY_WINDOW 64240 /* as Linux has it for an MSS of 1460 */
#define NOT_IN_HEAP UINT32_MAX
#define IDLE_ROUNDS_MAX 8
#define CATCH_UP_NS (20 * BATTERY_MS) /* what a late wake-up may make good of the rate */

/* --- the heap ---------------------------------------------------------------------- */

static int64_t due(const struct battery *b, uint32_t at)
{
	return b->config.ports[b->config.heap[at]].next_ns;
}

static void place(struct battery *b, uint32_t at, uint32_t port)
{
	b->config.heap[at] = port;
	b->config.ports[port].heap_at = at;
}

static void sift_up(struct battery *b, uint32_t at)
{
	const uint32_t moving = b->config.heap[at];
	const int64_t key = b->config.ports[moving].next_ns;
	while (at > 0 && due(b, (at - 1) / 2) > key) {
		place(b, at, b->config.heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(b, at, moving);
}

static void sift_down(struct battery *b, uint32_t at)
{
	const uint32_t moving = b->config.heap[at];
	const int64_t key = b->config.ports[moving].next_ns;
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= b->heap_count)
			break;
		if (child + 1 < b->heap_count && due(b, child + 1) < due(b, child))
			child++;
		if (due(b, child) >= key)
			break;
		place(b, at, b->config.heap[child]);
		at = child;
	}
	place(b, at, moving);
}

static void heap_remove(struct battery *b, struct battery_port *p)
{
	const uint32_t at = p->heap_at;
	if (at == NOT_IN_HEAP)
		return;
	p->heap_at = NOT_IN_HEAP;
	const uint32_t last = b->config.heap[--b->heap_count];
	if (at == b->heap_count)
		return;
	place(b, at, last);
	sift_up(b, at);
	sift_down(b, b->config.ports[last].heap_at);
}

void battery_wake(struct battery *b, struct battery_port *p, int64_t at_ns)
{
	p->next_ns = at_ns;
	if (p->heap_at == NOT_IN_HEAP)
		place(b, b->heap_count++, (uint32_t)(p - b->config.ports));
	sift_up(b, p->heap_at);
	sift_down(b, p->heap_at);
}

/* --- where a port is ----------------------------------------------------------------- */

size_t battery_results_count(const uint8_t *plan, uint8_t plan_count, uint32_t ports_count)
{
	size_t each = 0;
	for (unsigned i = 0; i < plan_count; i++)
		each += question_results((enum question)plan[i]);
	return each * ports_count;
}

static unsigned steps_of(enum question q)
{
	unsigned count = 0;
	while (count < BATTERY_STEPS_MAX && battery_rows[q].steps[count].act != ACT_END)
		count++;
	return count;
}

const struct battery_step *battery_step_of(const struct battery *b, const struct battery_port *p)
{
	const enum question q = battery_question(b, p);
	const unsigned steps = steps_of(q);
	return &battery_rows[q].steps[p->step < steps ? p->step : steps - 1];
}

struct step_result *battery_result_of(const struct battery *b, const struct battery_port *p)
{
	const uint32_t i = (uint32_t)(p - b->config.ports);
	return &b->config.results[(size_t)i * b->per_port + b->offset[battery_question(b, p)] +
				  p->step];
}

const struct step_result *battery_result(const struct battery *b, uint32_t port_index,
					 enum question q)
{
	if (b->offset[q] == UINT32_MAX)
		return NULL;
	return &b->config.results[(size_t)port_index * b->per_port + b->offset[q]];
}

static bool repeats(enum battery_act act)
{
	return act == ACT_HOP || act == ACT_HOP_HOLE;
}

/* --- what is sent ---------------------------------------------------------------------- */

/* Numbers that nobody can guess, and that are the same when a segment is asked again. */
static uint32_t mix(const struct battery *b, enum question q, uint16_t port, uint32_t salt)
{
	uint64_t x =
		(uint64_t)b->config.seed << 32 | (uint32_t)q << 24 | (uint32_t)port << 8 | salt;
	for (int i = 0; i < 3; i++) {
		x ^= x >> 31;
		x *= UINT64_C(0x9e3779b97f4a7c15);
	}
	return (uint32_t)(x >> 32);
}

struct quote battery_as_sent(const struct battery *b, uint32_t port_index, enum question q,
			     const struct quote *like)
{
	struct quote sent = *like;
	sent.changed = sent.gone = sent.new = 0;
	sent.seq = mix(b, q, b->config.ports[port_index].port, 0);
	sent.flags = battery_rows[q].flags;
	sent.traffic = battery_rows[q].traffic;
	sent.window = BATTERY_WINDOW;
	sent.mss = battery_rows[q].plain ? 0 : b->config.mss;
	return sent;
}

static size_t odd_option(enum question q, uint8_t *raw)
{
	static const uint8_t fastopen[] = {OPT_FASTOPEN, 2, OPT_NOP, OPT_NOP};
	/* MP_CAPABLE of version 1, HMAC-SHA256: RFC 8684 section 3.1. */
	static const uint8_t mptcp[] = {OPT_MPTCP, 4, 0x01, 0x01};
	static const uint8_t unknown[] = {OPT_EXPERIMENT1, 4, 0x53, 0x79};
	const uint8_t *from = q == ASK_FASTOPEN ? fastopen : q == ASK_MPTCP ? mptcp : unknown;
	memcpy(raw, from, 4);
	return 4;
}

static void build_options(struct battery *b, const struct battery_port *p, enum question q,
			  struct segment_spec *spec)
{
	if (battery_rows[q].plain)
		return;
	spec->option = (struct option_set){
		.has_mss = true,
		.mss = q == ASK_LARGE   ? 9000
		       : q == ASK_SMALL ? 536
					: b->config.mss,
		.has_wscale = true,
		.wscale = 7,
		.sack_permitted = true,
		.has_timestamps = true,
		.ts_value = p->syn_ts + p->asked,
	};
	if (q == ASK_FASTOPEN || q == ASK_MPTCP || q == ASK_UNKNOWN) {
		size_t count = option_encode(&spec->option, true, b->raw);
		count += odd_option(q, b->raw + count);
		spec->raw_options = b->raw;
		spec->raw_options_bytes = (uint8_t)count;
	}
}

/* Timestamps in every segment, once both ends have agreed (RFC 7323 section 3.2). */
static void build_timestamps(const struct battery_port *p, struct segment_spec *spec)
{
	if (!p->has_ts)
		return;
	spec->option.has_timestamps = true;
	spec->option.ts_value = p->syn_ts + 16 + p->asked;
	spec->option.ts_echo = p->peer_ts;
}

static void build_full(const struct battery *b, const struct battery_port *p,
		       struct segment_spec *spec)
{
	static const uint8_t text[UINT16_MAX];
	const uint32_t headers =
		(b->config.local.family == IP_V6 ? 60u : 40u) + (p->has_ts ? 12 : 0);
	const uint32_t room = b->config.mtu_bytes > headers ? b->config.mtu_bytes - headers : 1;
	const uint32_t theirs = p->peer_mss != 0 ? p->peer_mss - (p->has_ts ? 12u : 0) : 524;
	spec->payload = text;
	spec->payload_bytes = room < theirs ? room : theirs;
}

static void build_inside(const struct battery *b, const struct battery_port *p,
			 const struct battery_step *step, struct segment_spec *spec)
{
	static const uint8_t newline[] = "\n";
	spec->seq = p->our_next;
	spec->ack = p->peer_next;
	spec->flags = TCP_ACK;
	spec->payload = newline;
	build_timestamps(p, spec);
	switch (step->act) {
	case ACT_BYTE:
		spec->flags |= TCP_PSH;
		spec->payload_bytes = 1;
		break;
	case ACT_FULL:
		build_full(b, p, spec);
		break;
	case ACT_FAR:
		spec->seq = seq_add(p->our_next, 0x40000000);
		spec->payload_bytes = 1;
		break;
	case ACT_HOP_HOLE:
		spec->seq = seq_add(p->our_next, p->step); /* behind the hole, each its own */
		spec->payload_bytes = 1;
		spec->ttl = (uint8_t)(p->step - 1);
		break;
	case ACT_SYN_INSIDE:
		spec->flags = TCP_SYN;
		spec->ack = seq_of(0);
		break;
	case ACT_RST_FAR:
		spec->flags = TCP_RST;
		spec->ack = seq_of(0);
		spec->seq = seq_add(p->our_next, 0x40000000);
		break;
	case ACT_RST:
		spec->flags = TCP_RST;
		spec->ack = seq_of(0);
		break;
	case ACT_ACK:
	case ACT_OPEN:
	case ACT_SEND:
	case ACT_WAIT:
	case ACT_HOP:
	case ACT_END:
		break;
	}
}

void battery_build(struct battery *b, const struct battery_port *p, struct segment_spec *spec)
{
	static const uint8_t newline[] = "\n";
	const enum question q = battery_question(b, p);
	const struct battery_row *row = &battery_rows[q];
	const struct battery_step *step = battery_step_of(b, p);
	*spec = (struct segment_spec){
		.src = {b->config.local, b->config.local_port[q]},
		.dst = {b->config.remote, p->port},
		.seq = p->isn,
		.window = BATTERY_WINDOW,
		.flags = row->flags,
		.ttl = BATTERY_TTL,
		.traffic = row->traffic,
		.flow_label = b->config.flow_label,
		.bad_checksum = row->bad_checksum,
	};
	if (step->act != ACT_OPEN && step->act != ACT_SEND && step->act != ACT_HOP) {
		build_inside(b, p, step, spec);
		return;
	}
	if (step->act == ACT_HOP)
		spec->ttl = (uint8_t)(p->step + 1);
	if ((row->flags & TCP_ACK) != 0)
		spec->ack = p->our_next;
	if (q == ASK_DATA) {
		spec->payload = newline;
		spec->payload_bytes = 1;
	}
	build_options(b, p, q, spec);
}

static void build_owed(struct battery *b, struct battery_port *p, struct segment_spec *spec)
{
	p->owes_rst = false;
	*spec = (struct segment_spec){
		.src = {b->config.local, p->owed.local_port},
		.dst = {b->config.remote, p->port},
		.seq = p->owed.seq,
		.flags = TCP_RST,
		.ttl = BATTERY_TTL,
		.flow_label = b->config.flow_label,
	};
}

/* --- from question to question ------------------------------------------------------- */

static void finish_port(struct battery *b, struct battery_port *p)
{
	if (p->finished)
		return;
	p->finished = true;
	b->finished++;
	if (!p->slow)
		b->fast--;
	if (!p->owes_rst)
		heap_remove(b, p);
}

static bool wanted(const struct battery *b, const struct battery_port *p, enum question q)
{
	if (b->config.local_port[q] == 0)
		return false;
	if (!battery_rows[q].needs_open)
		return true;
	const struct step_result *syn = battery_result(b, (uint32_t)(p - b->config.ports), ASK_SYN);
	return syn != NULL && syn->first.kind == ANSWER_SYNACK;
}

static void begin_question(struct battery *b, struct battery_port *p, int64_t at_ns)
{
	while (p->at < b->config.plan_count && !wanted(b, p, battery_question(b, p)))
		p->at++;
	p->step = p->asked = 0;
	p->waiting = p->connected = p->refused = p->has_ts = false;
	if (p->at >= b->config.plan_count) {
		finish_port(b, p);
		return;
	}
	p->isn = seq_of(mix(b, battery_question(b, p), p->port, 16u * p->idle_rounds));
	p->our_next = seq_add(p->isn, 1);
	if (battery_rows[battery_question(b, p)].steps[0].act ==
	    ACT_SEND) /* what it acknowledges */
		p->our_next = seq_of(mix(b, battery_question(b, p), p->port, 1));
	p->syn_ts = b->config.ts_offset + mix(b, battery_question(b, p), p->port, 2) % 1000000;
	battery_wake(b, p, at_ns);
}

/* A silence that was too long is followed by one half way to what was survived. @return whether
 * to ask once more */
static bool idle_again(struct battery *b, struct battery_port *p)
{
	const uint32_t i = (uint32_t)(p - b->config.ports);
	struct step_result *r = &b->config.results[(size_t)i * b->per_port + b->offset[ASK_IDLE]];
	const enum answer_kind before = (enum answer_kind)r[2].first.kind;
	const enum answer_kind after = (enum answer_kind)r[5].first.kind;
	const bool asked = r[5].done && (before == ANSWER_ACK || before == ANSWER_DATA);
	const bool alive = after == ANSWER_ACK || after == ANSWER_DATA || after == ANSWER_FIN;
	if (!asked && p->idle_rounds == 0)
		return false;
	if (asked && alive)
		p->idle_alive_ns = p->idle_ns;
	else if (asked)
		p->idle_dead_ns = p->idle_ns;
	const int64_t gap = p->idle_dead_ns - p->idle_alive_ns;
	if (p->idle_dead_ns == 0 || ++p->idle_rounds > IDLE_ROUNDS_MAX || b->stopping ||
	    gap <= p->idle_dead_ns / 10)
		return false;
	p->idle_ns = p->idle_alive_ns + gap / 2;
	memset(r, 0, question_results(ASK_IDLE) * sizeof *r);
	return true;
}

/* A port that was silent or answered by ICMP is left alone for a second. */
static void end_question(struct battery *b, struct battery_port *p, int64_t now_ns)
{
	if (p->connected && !p->refused) {
		p->owes_rst = true;
		p->owed.local_port = b->config.local_port[battery_question(b, p)];
		p->owed.seq = p->our_next;
	}
	const int64_t polite = p->asked_ns + b->config.silent_ns;
	if (battery_question(b, p) != ASK_IDLE || !idle_again(b, p))
		p->at++;
	begin_question(b, p, p->answered || polite < now_ns ? now_ns : polite);
	if (p->owes_rst && (p->finished || p->next_ns > now_ns))
		battery_wake(b, p, now_ns);
}

static uint8_t hops_limit(const struct battery *b, const struct battery_port *p)
{
	const uint8_t max =
		b->config.hops_max < BATTERY_HOPS_MAX ? b->config.hops_max : BATTERY_HOPS_MAX;
	return b->hops_known != 0 && !p->control && b->hops_known < max ? b->hops_known : max;
}

/* Whether the walk is over: an end answered, nobody does any more, or it is far enough. */
static bool walk_over(const struct battery *b, const struct battery_port *p, unsigned before)
{
	const struct step_result *r = battery_result_of(b, p);
	const unsigned hop = p->step - before + 1;
	if (r->first.kind != ANSWER_NONE && r->first.kind != ANSWER_TIME_EXCEEDED)
		return true;
	if (hop >= hops_limit(b, p))
		return true;
	return hop >= 3 && r->first.kind == ANSWER_NONE && r[-1].first.kind == ANSWER_NONE &&
	       r[-2].first.kind == ANSWER_NONE;
}

static void note_hops(struct battery *b, const struct battery_port *p)
{
	const struct step_result *r = battery_result_of(b, p);
	const bool end = r->first.kind == ANSWER_SYNACK || r->first.kind == ANSWER_RST;
	if (battery_question(b, p) == ASK_WALK && end && p->step + 1 > b->hops_known)
		b->hops_known = (uint8_t)(p->step + 1);
}

static void end_step(struct battery *b, struct battery_port *p, int64_t now_ns)
{
	const enum question q = battery_question(b, p);
	const struct battery_step *step = battery_step_of(b, p);
	const unsigned steps = steps_of(q);
	battery_result_of(b, p)->done = true;
	if (step->act == ACT_RST)
		p->connected = false;
	if (step->act == ACT_BYTE)
		p->our_next = seq_add(p->our_next, 1);
	bool over = p->step + 1u >= steps;
	if (repeats(step->act)) {
		note_hops(b, p);
		over = walk_over(b, p, steps - 1);
	} else if (step->act == ACT_OPEN && !p->connected) {
		over = true;
	}
	if (over || p->refused) {
		end_question(b, p, now_ns);
		return;
	}
	p->step++;
	p->asked = 0;
	p->waiting = false;
	battery_wake(b, p, now_ns);
}

/* --- a look at a port ------------------------------------------------------------------ */

/* One of those that take turns: a second for all of them. @return whether it has to wait */
static bool brake(struct battery *b, struct battery_port *p, int64_t now_ns)
{
	const enum battery_act act = battery_step_of(b, p)->act;
	if (!p->slow && !repeats(act))
		return false;
	if (p->slow && b->fast > 0) {
		battery_wake(b, p, now_ns + b->config.silent_ns / 4);
		return true;
	}
	if (now_ns >= b->slow_ns) {
		b->slow_ns = now_ns + b->config.silent_ns;
		return false;
	}
	battery_wake(b, p, b->slow_ns);
	return true;
}

static uint8_t asks_of(const struct battery_step *step, const struct battery_port *p)
{
	const unsigned asks = step->asks != 0 ? step->asks : BATTERY_ASKS;
	/* Those that may have fallen to a rate limit get as many again, slowly. */
	return (uint8_t)(p->slow && asks > 1 ? 2 * asks : asks);
}

static int64_t wait_of(const struct battery *b, const struct battery_port *p,
		       const struct battery_step *step)
{
	if (step->act == ACT_WAIT)
		return p->idle_ns;
	if (step->wait_ms == 0)
		return b->config.silent_ns;
	return step->wait_ms * BATTERY_MS;
}

/* Nothing came to the last ask. @return whether to ask once more */
static bool ask_again(struct battery *b, struct battery_port *p)
{
	const struct battery_step *step = battery_step_of(b, p);
	const struct step_result *r = battery_result_of(b, p);
	if (r->first.kind != ANSWER_NONE && step->until == UNTIL_TIME)
		return false;
	if (p->refused || b->stopping)
		return false;
	if (p->asked < asks_of(step, p))
		return true;
	if (b->limited && !p->slow && step->asks != 1 && r->first.kind == ANSWER_NONE &&
	    (step->act == ACT_OPEN || step->act == ACT_SEND)) {
		p->slow = true;
		b->fast--;
		return true;
	}
	return false;
}

/* @return whether @p spec is to be sent */
static bool turn(struct battery *b, struct battery_port *p, struct segment_spec *spec,
		 int64_t now_ns)
{
	if (p->owes_rst) {
		build_owed(b, p, spec);
		if (p->finished)
			heap_remove(b, p);
		return true;
	}
	if (p->waiting && (battery_result_of(b, p)->done || !ask_again(b, p))) {
		p->answered = battery_result_of(b, p)->answers > 0 &&
			      battery_result_of(b, p)->first.kind < ANSWER_ICMP;
		end_step(b, p, now_ns);
		return false;
	}
	if (b->stopping) {
		end_question(b, p, now_ns);
		finish_port(b, p);
		return false;
	}
	if (brake(b, p, now_ns))
		return false;
	const struct battery_step *step = battery_step_of(b, p);
	p->waiting = true;
	p->asked_ns = now_ns;
	p->asked++;
	battery_wake(b, p, now_ns + wait_of(b, p, step));
	battery_build(b, p, spec);
	return true;
}

bool battery_next(struct battery *b, struct segment_spec *spec, int64_t now_ns)
{
	if (b->config.rate != 0 && now_ns < b->pace_ns)
		return false;
	while (b->heap_count > 0 && due(b, 0) <= now_ns) {
		if (!turn(b, &b->config.ports[b->config.heap[0]], spec, now_ns))
			continue;
		if (b->config.rate != 0) {
			if (b->pace_ns < now_ns - CATCH_UP_NS)
				b->pace_ns = now_ns - CATCH_UP_NS;
			b->pace_ns += BATTERY_S / b->config.rate;
		}
		b->sent++;
		return true;
	}
	return false;
}

int64_t battery_deadline(const struct battery *b)
{
	if (b->heap_count == 0)
		return -1;
	const int64_t at = due(b, 0);
	return b->config.rate != 0 && at < b->pace_ns ? b->pace_ns : at;
}

void battery_stop(struct battery *b, int64_t now_ns)
{
	b->stopping = true;
	for (uint32_t i = 0; i < b->config.ports_count; i++) {
		struct battery_port *p = &b->config.ports[i];
		if (p->finished)
			continue;
		p->waiting = false;
		battery_wake(b, p, now_ns);
	}
}

void battery_init(struct battery *b, const struct battery_config *config, int64_t now_ns)
{
	*b = (struct battery){.config = *config, .rtt_ns_min = INT64_MAX};
	for (int q = 0; q < ASK_COUNT; q++)
		b->offset[q] = UINT32_MAX;
	for (unsigned i = 0; i < config->plan_count; i++) {
		b->offset[config->plan[i]] = b->per_port;
		b->per_port += question_results((enum question)config->plan[i]);
	}
	b->pace_ns = b->slow_ns = b->start_ns = now_ns;
	b->fast = config->ports_count;
	for (uint32_t i = 0; i < UINT16_MAX + 1u; i++)
		config->index[i] = -1;
	for (uint32_t i = 0; i < config->ports_count; i++) {
		struct battery_port *p = &config->ports[i];
		assert(config->index[p->port] < 0); /* each port once */
		config->index[p->port] = (int32_t)i;
		p->heap_at = NOT_IN_HEAP;
		p->idle_ns = config->idle_ns;
		begin_question(b, p, now_ns);
	}
}

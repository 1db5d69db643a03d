/*
 * Three kinds of machine stand behind a port: one for each connection, in its slot; `spare`,
 * which listens (or is closed) and is asked what to say to a segment that belongs to nobody;
 * and, for as long as a SYN cookie is made, `spare` again, thrown away after its SYN,ACK.
 * So every number in every answer is the table's.
 */
#include "listener_internal.h"

#include "synscope/core/input.h"
#include "synscope/core/rules.h"

#include <string.h>

#define COOKIES_LIFE_NS INT64_C(128000000000) /* cookie.h: one to two minutes */
#define ISN_STEP 65537                        /* RFC 9293 section 3.6.1 MAY-2: beyond the old */
#define REORDER_WAIT_NS INT64_C(100000000)    /* if nothing follows, it goes all the same */
#define WRONG_ACK 1000

/* --- machines ------------------------------------------------------------------------------ */

static uint32_t buffer_bytes(const struct listener *l)
{
	return l->config.machine.send_buffer_bytes + l->config.machine.receive_buffer_bytes;
}

/* A machine in CLOSED for this end and that one. @param c whose buffers it has; NULL: none */
static void machine_for(const struct listener *l, struct machine *m, const struct connection *c,
			const struct segment *s, uint16_t mss)
{
	struct machine_config config = l->config.machine;
	config.local = s->dst;
	config.remote = s->src;
	if (config.mss == 0 || config.mss > mss)
		config.mss = mss;
	config.mtu_payload = (uint16_t)(mss < UINT16_MAX - 20 ? mss + 20 : UINT16_MAX);
	if (c != NULL) {
		config.send_buffer = l->config.buffers + (size_t)list_slot(l, c) * buffer_bytes(l);
		config.receive_buffer = config.send_buffer + config.send_buffer_bytes;
	}
	if (c != NULL && l->config.zero_window_ns > 0)
		config.receive_buffer_bytes = 0;
	machine_init(m, &config);
}

/* For what belongs to no connection. */
static void spare_reset(struct listener *l)
{
	machine_init(&l->spare, &l->config.machine);
	if (l->config.as != LISTENER_CLOSED)
		(void)machine_open_passive(&l->spare, 0);
}

void listener_init(struct listener *l, const struct listener_config *config)
{
	memset(l, 0, sizeof *l);
	l->config = *config;
	flow_table_init(&l->table, config->index, config->index_count);
	list_init(l);
	spare_reset(l);
}

void listener_close(struct listener *l)
{
	l->config.as = LISTENER_CLOSED;
	l->cookies_until_ns = 0;
	spare_reset(l);
}

/* As long as there may be cookies about, a SYN that comes again must find the same number,
 * whether its first copy was answered by one or not. */
static seq_t choose_isn(const struct listener *l, const struct segment *s, int64_t now_ns)
{
	if (now_ns < l->cookies_until_ns && (s->flags & TCP_SYN))
		return cookie_make(&l->config.key, s, now_ns);
	return l->config.has_isn ? l->config.machine.isn
				 : cookie_isn(&l->config.key, &s->dst, &s->src, now_ns);
}

/* --- connections ----------------------------------------------------------------------------- */

static void free_connection(struct listener *l, struct connection *c)
{
	if (l->config.freed != NULL)
		l->config.freed(l->config.context, c);
	flow_table_remove(&l->table, &c->machine.config.local, &c->machine.config.remote);
	list_free_slot(l, c);
}

/* A slot, if need be that of the oldest TIME-WAIT. */
static struct connection *take_connection(struct listener *l, const struct segment *s)
{
	struct connection *c = list_take_slot(l);
	if (c == NULL && l->waiting_first != LISTENER_NONE) {
		free_connection(l, &l->config.connections[l->waiting_first]);
		l->counts.evicted++;
		c = list_take_slot(l);
	}
	if (c == NULL)
		return NULL;
	if (!flow_table_put(&l->table, &s->dst, &s->src, list_slot(l, c))) {
		list_free_slot(l, c);
		return NULL;
	}
	return c;
}

static void count_half_open(struct listener *l, struct connection *c, bool half_open)
{
	if (half_open == c->half_open)
		return;
	c->half_open = half_open;
	l->half_open += half_open ? 1 : UINT32_MAX; /* modulo 2^32: one less */
	if (l->half_open > l->counts.half_open_peak)
		l->counts.half_open_peak = l->half_open;
}

struct connection *listener_find(struct listener *l, const struct endpoint *local,
				 const struct endpoint *remote)
{
	const int64_t slot = flow_table_find(&l->table, local, remote);
	return slot < 0 ? NULL : &l->config.connections[slot];
}

/* --- segments ----------------------------------------------------------------------------------
 */

/* RFC 9293 section 3.6.1 MAY-2: whether a SYN is so new that it may end TIME-WAIT. */
static bool begins_anew(const struct connection *c, const struct segment *s)
{
	if (machine_ctl(&c->machine) != CTL_TIME_WAIT ||
	    (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	const struct input_vars vars = machine_vars(&c->machine);
	return (input_facts(&vars, s) & FACT_SYN_IS_NEW) != 0;
}

/* What the table says to it where nobody knows it. */
static void answer_stray(struct listener *l, const struct segment *s, int64_t now_ns,
			 struct listener_answer *answer)
{
	struct rule_step steps[RULE_STEPS_MAX];
	l->spare.config.local = s->dst;
	const struct input_vars vars = machine_vars(&l->spare);
	(void)rules_segment(l->spare.ctl, input_facts(&vars, s), ORIGINS_OWN, steps);
	if (steps[0].rows_count > 0)
		answer->row = steps[0].rows[steps[0].rows_count - 1];
	machine_segment(&l->spare, s, now_ns);
	answer->answers = machine_output(&l->spare, &answer->spec, now_ns);
	if (answer->answers)
		l->counts.resets_sent++;
}

/* A SYN,ACK of which nothing is kept. */
static void answer_by_cookie(struct listener *l, const struct segment *s, uint16_t mss,
			     int64_t now_ns, struct listener_answer *answer)
{
	machine_for(l, &l->spare, NULL, s, mss);
	machine_set_isn(&l->spare, cookie_make(&l->config.key, s, now_ns));
	(void)machine_open_passive(&l->spare, now_ns);
	machine_segment(&l->spare, s, now_ns);
	answer->answers = machine_output(&l->spare, &answer->spec, now_ns);
	spare_reset(l);
	if (!answer->answers)
		return;
	struct option_set *option = &answer->spec.option;
	if (option->has_timestamps) {
		option->ts_value = cookie_timestamp(option->ts_value, s);
	} else { /* what no time stamp will bring back cannot be agreed on */
		option->has_wscale = false;
		option->sack_permitted = false;
		answer->spec.flags &= (uint16_t)~TCP_ECE;
	}
	answer->cookie = true;
	l->cookies_until_ns = now_ns + COOKIES_LIFE_NS;
	l->counts.cookies_sent++;
}

bool listener_is_pressed(const struct listener *l)
{
	return l->half_open >= l->config.half_open_max;
}

static void open_connection(struct listener *l, struct connection *c, const struct segment *s,
			    int64_t now_ns)
{
	if (l->config.as == LISTENER_LATE)
		c->mute_until_ns = now_ns + l->config.late_ns;
	if (l->config.zero_window_ns > 0)
		c->window_opens_ns = now_ns + l->config.zero_window_ns;
	if (l->config.split_handshake) {
		/* Our SYN instead of a SYN,ACK, as if theirs had never come: simultaneous open. */
		(void)machine_open_active(&c->machine, now_ns);
	} else {
		(void)machine_open_passive(&c->machine, now_ns);
		machine_segment(&c->machine, s, now_ns);
	}
	count_half_open(l, c, true);
	listener_touch(l, c);
}

static void take_syn(struct listener *l, const struct segment *s, uint16_t mss, seq_t isn,
		     int64_t now_ns, struct listener_answer *answer)
{
	if (l->free_first == LISTENER_NONE && l->waiting_first == LISTENER_NONE) {
		l->counts.unanswered++;
		return;
	}
	if (l->config.as == LISTENER_STATELESS || listener_is_pressed(l)) {
		answer_by_cookie(l, s, mss, now_ns, answer);
		return;
	}
	struct connection *c = take_connection(l, s);
	if (c == NULL) {
		l->counts.unanswered++;
		return;
	}
	machine_for(l, &c->machine, c, s, mss);
	machine_set_isn(&c->machine, isn);
	open_connection(l, c, s, now_ns);
	answer->connection = c;
	answer->is_new = true;
}

/* The ACK of a cookie makes the connection: first its SYN, then itself. The round trip that the
 * machine measures between the two is none; RTO is then its minimum, until it knows better. */
static bool take_cookie(struct listener *l, const struct segment *s, uint16_t mss, int64_t now_ns,
			struct listener_answer *answer)
{
	struct segment syn;
	struct segment_spec gone;
	if (now_ns >= l->cookies_until_ns || (s->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return false;
	if (!cookie_check(&l->config.key, s, now_ns, &syn)) {
		l->counts.cookies_bad++;
		return false;
	}
	struct connection *c = take_connection(l, s);
	if (c == NULL) {
		l->counts.unanswered++;
		return true; /* it will send again, and be remembered then if there is room */
	}
	machine_for(l, &c->machine, c, s, mss);
	machine_set_isn(&c->machine, seq_sub(s->ack, 1));
	open_connection(l, c, &syn, now_ns);
	c->mute_until_ns = 0;
	while (machine_output(&c->machine, &gone, now_ns))
		; /* the SYN,ACK that went already */
	machine_segment(&c->machine, s, now_ns);
	c->from_cookie = true;
	l->counts.cookies_good++;
	answer->connection = c;
	answer->is_new = true;
	return true;
}

void listener_segment(struct listener *l, const struct segment *s, uint16_t mss, int64_t now_ns,
		      struct listener_answer *answer)
{
	*answer = (struct listener_answer){.row = -1};
	if (l->config.as == LISTENER_SILENT)
		return;
	struct connection *c = listener_find(l, &s->dst, &s->src);
	seq_t isn = choose_isn(l, s, now_ns);
	if (c != NULL && begins_anew(c, s)) {
		const seq_t beyond = seq_add(machine_vars(&c->machine).snd_nxt, ISN_STEP);
		isn = seq_gt(isn, beyond) ? isn : beyond;
		free_connection(l, c);
		answer->is_reused = true;
		c = NULL;
	}
	if (c != NULL) {
		machine_segment(&c->machine, s, now_ns);
		listener_touch(l, c);
		answer->connection = c;
		return;
	}
	const bool syn = (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
	if (syn && l->config.as != LISTENER_CLOSED)
		take_syn(l, s, mss, isn, now_ns, answer);
	else if (!take_cookie(l, s, mss, now_ns, answer))
		answer_stray(l, s, now_ns, answer);
}

bool listener_begins(struct listener *l, const struct segment *s)
{
	const struct connection *c = listener_find(l, &s->dst, &s->src);
	return c == NULL || begins_anew(c, s);
}

struct connection *listener_icmp(struct listener *l, const struct icmp_error *e, int64_t now_ns)
{
	struct connection *c = listener_find(l, &e->quoted_src, &e->quoted_dst);
	if (c == NULL)
		return NULL;
	(void)machine_icmp(&c->machine, e, now_ns);
	listener_touch(l, c);
	return c;
}

/* --- time --------------------------------------------------------------------------------------
 */

void listener_tick(struct listener *l, int64_t now_ns)
{
	struct connection *c;
	while ((c = heap_first(l)) != NULL && c->deadline_ns <= now_ns) {
		heap_set(l, c, INT64_MAX);
		if (c->window_opens_ns <= now_ns) {
			c->window_opens_ns = INT64_MAX;
			machine_widen(&c->machine, l->config.machine.receive_buffer_bytes, now_ns);
		}
		machine_tick(&c->machine, now_ns);
		listener_touch(l, c);
	}
}

static struct listener_parked *parked_first(const struct listener *l)
{
	struct listener_parked *first = NULL;
	for (uint32_t i = 0; l->parked_count > 0 && i < l->config.parked_max; i++) {
		struct listener_parked *p = &l->config.parked[i];
		if (p->used && (first == NULL || p->at_ns < first->at_ns))
			first = p;
	}
	return first;
}

int64_t listener_deadline(const struct listener *l)
{
	const struct connection *c = heap_first(l);
	const struct listener_parked *p = parked_first(l);
	const int64_t timer = c != NULL ? c->deadline_ns : INT64_MAX;
	return p != NULL && p->at_ns < timer ? p->at_ns : timer;
}

void listener_touch(struct listener *l, struct connection *c)
{
	list_ready_add(l, c);
}

struct connection *listener_ready(struct listener *l)
{
	struct connection *c = list_ready_first(l);
	if (c != NULL)
		list_ready_remove(l, c);
	return c;
}

/* --- output --------------------------------------------------------------------------------------
 */

/* @return false when there is no room: it goes now, then */
static bool park(struct listener *l, const struct connection *c, const struct segment_spec *spec,
		 bool after_next, int64_t at_ns)
{
	for (uint32_t i = 0; i < l->config.parked_max; i++) {
		struct listener_parked *p = &l->config.parked[i];
		if (p->used || spec->payload_bytes > sizeof p->payload)
			continue;
		p->used = true;
		p->after_next = after_next;
		p->slot = list_slot(l, c);
		p->number = c->number;
		p->at_ns = at_ns;
		p->spec = *spec;
		p->spec.payload = p->payload;
		if (spec->payload_bytes > 0)
			memcpy(p->payload, spec->payload, spec->payload_bytes);
		l->parked_count++;
		return true;
	}
	return false;
}

/* One of the connection goes: what was to come after it may go now. */
static void unpark(struct listener *l, const struct connection *c, int64_t now_ns)
{
	for (uint32_t i = 0; l->parked_count > 0 && i < l->config.parked_max; i++) {
		struct listener_parked *p = &l->config.parked[i];
		if (p->used && p->after_next && p->number == c->number)
			p->at_ns = now_ns;
	}
}

static bool done(unsigned deeds, enum trouble_kind k)
{
	return (deeds & 1u << k) != 0;
}

static void do_deeds(struct listener *l, struct connection *c, struct segment_spec *spec,
		     struct listener_fate *fate, int64_t now_ns)
{
	int64_t delay_ns = 0;
	fate->deeds = trouble_of(&l->config.trouble, &c->made, spec, &delay_ns);
	if (done(fate->deeds, TROUBLE_WRONG_ACK) && (spec->flags & TCP_ACK))
		spec->ack = seq_add(spec->ack, WRONG_ACK);
	if (done(fate->deeds, TROUBLE_BADSUM))
		spec->bad_checksum = true;
	if (done(fate->deeds, TROUBLE_DROP)) {
		fate->deeds = 1u << TROUBLE_DROP;
		fate->held = true;
		return;
	}
	if (done(fate->deeds, TROUBLE_DUP)) {
		l->copy = *spec;
		l->copy_due = true;
	}
	const bool late = done(fate->deeds, TROUBLE_DELAY);
	if (late || done(fate->deeds, TROUBLE_REORDER)) {
		fate->parked =
			park(l, c, spec, !late, now_ns + (late ? delay_ns : REORDER_WAIT_NS));
		if (!fate->parked)
			fate->deeds &= ~(1u << TROUBLE_DELAY | 1u << TROUBLE_REORDER);
	}
}

bool listener_output(struct listener *l, struct connection *c, struct segment_spec *spec,
		     struct listener_fate *fate, int64_t now_ns)
{
	*fate = (struct listener_fate){0};
	if (l->copy_due) {
		l->copy_due = false;
		*spec = l->copy;
		fate->is_copy = true;
		fate->deeds = 1u << TROUBLE_DUP;
		return true;
	}
	if (now_ns < c->mute_until_ns || !machine_output(&c->machine, spec, now_ns))
		return false;
	do_deeds(l, c, spec, fate, now_ns);
	if (!fate->held && !fate->parked)
		unpark(l, c, now_ns);
	return true;
}

bool listener_output_parked(struct listener *l, struct segment_spec *spec, struct connection **c,
			    unsigned *deeds, int64_t now_ns)
{
	struct listener_parked *p = parked_first(l);
	if (p == NULL || p->at_ns > now_ns)
		return false;
	p->used = false;
	l->parked_count--;
	*spec = p->spec;
	*deeds = 1u << (p->after_next ? TROUBLE_REORDER : TROUBLE_DELAY);
	*c = &l->config.connections[p->slot];
	if ((*c)->number != p->number)
		*c = NULL;
	return true;
}

/* --- settling ------------------------------------------------------------------------------------
 */

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool listener_settle(struct listener *l, struct connection *c, int64_t now_ns)
{
	const enum tcp_state state = machine_state(&c->machine);
	const bool half_open = state == ST_SYN_RECEIVED || state == ST_SYN_SENT;
	if (state == ST_CLOSED || state == ST_LISTEN) {
		free_connection(l, c);
		return false;
	}
	count_half_open(l, c, half_open);
	if (!half_open && !c->was_open) {
		c->was_open = true;
		l->counts.opened++;
	}
	if (state == ST_TIME_WAIT)
		list_waiting_add(l, c);
	else
		list_waiting_remove(l, c);
	int64_t at_ns = min_i64(machine_deadline(&c->machine), c->window_opens_ns);
	at_ns = min_i64(at_ns, c->alarm_ns);
	if (c->mute_until_ns > now_ns)
		at_ns = min_i64(at_ns, c->mute_until_ns);
	heap_set(l, c, at_ns);
	return true;
}

/*
 * The order of one segment, and why it is this one:
 *
 *   1. flow_compare   against what was seen before it
 *   2. own_segment    the actor takes what arrived, or recognises its own copy
 *   3. judge_segment  notes, from the comparison: before the flow has moved on
 *   4. flow_take      the record moves on
 *   5. belief_*       the segment may reach one end, and it came from the other
 *   6. the event, then what changed in either end's state
 *
 * A segment with a bad checksum is shown and goes no further: its receiver drops it. Neither does
 * one in IP fragments, of which only the first is looked at: how long it is is not known, and so
 * not which number its FIN uses.
 */
#include "synscope/core/pipeline.h"

#include "synscope/core/judge.h"

#include <stdio.h>
#include <string.h>

#define COMMUNITY_ID_TEXT_MAX 48
#define REL_PLAUSIBLE (1 << 30) /* the largest window that RFC 7323 section 2.3 allows */

void pipeline_init(struct pipeline *p, const struct pipeline_config *config)
{
	memset(p, 0, sizeof *p);
	p->config = *config;
	flow_table_init(&p->table, config->index, config->index_count);
}

static void emit(struct pipeline *p, const struct event *e)
{
	p->config.hooks.event(p->config.hooks.event_context, e);
}

static bool is_own(const struct pipeline *p, const struct endpoint *e)
{
	return p->config.hooks.is_own != NULL && p->config.hooks.is_own(p->config.hooks.context, e);
}

struct exchange *pipeline_find(struct pipeline *p, const struct endpoint *x,
			       const struct endpoint *y)
{
	const int64_t i = flow_table_find(&p->table, x, y);
	return i < 0 ? NULL : &p->config.exchanges[i];
}

static void give_start(struct pipeline *p, const struct exchange *x, int64_t time_ns)
{
	char community[COMMUNITY_ID_TEXT_MAX] = "";
	struct event e = {.type = EVENT_START, .time_ns = time_ns, .flow_id = x->flow.id};
	struct event_start *s = &e.u.start;
	s->client = x->flow.side[SIDE_CLIENT].endpoint;
	s->server = x->flow.side[SIDE_SERVER].endpoint;
	s->client_local = x->own_side == SIDE_CLIENT;
	s->server_local = x->own_side == SIDE_SERVER;
	s->client_name = p->config.client_name;
	s->server_name = p->config.server_name;
	s->interface = p->config.interface;
	s->vantage = p->config.vantage;
	if (p->config.community_id != NULL) {
		p->config.community_id(&s->client, &s->server, community, sizeof community);
		s->community_id = community;
	}
	emit(p, &e);
}

/* Who is the client: the verb knows, or the SYN tells, or the higher port is a guess. */
static bool src_is_client(const struct pipeline *p, const struct segment *s, bool *certain)
{
	*certain = true;
	if (p->config.hooks.is_own != NULL) {
		const bool own = is_own(p, &s->src);
		if (own || is_own(p, &s->dst))
			return own == p->config.own_is_client;
	}
	if ((s->flags & TCP_SYN) != 0)
		return (s->flags & TCP_ACK) == 0;
	*certain = false;
	return s->src.port >= s->dst.port;
}

static void begin_belief(const struct pipeline *p, struct exchange *x, enum side side,
			 enum belief_start start)
{
	const struct belief_options options = {
		.start = start,
		.cookies = p->config.assume_cookies,
		.gaps = x->own_side < 0, /* our own we miss never */
	};
	belief_slim_init(p->config.pool, &x->belief[side], &options);
}

static void end_beliefs(const struct pipeline *p, struct exchange *x)
{
	for (int side = 0; side < 2; side++)
		if (side != x->own_side)
			belief_slim_end(p->config.pool, &x->belief[side]);
}

/* One that was never used, or one that has ended. */
static struct exchange *take_slot(struct pipeline *p)
{
	if (p->free_first == 0 && p->exchanges_used == p->config.exchanges_max)
		return NULL;
	if (p->free_first == 0)
		return &p->config.exchanges[p->exchanges_used++];
	struct exchange *x = &p->config.exchanges[p->free_first - 1];
	p->free_first = x->next_free;
	return x;
}

static void free_slot(struct pipeline *p, struct exchange *x)
{
	x->next_free = p->free_first;
	p->free_first = (uint32_t)(x - p->config.exchanges) + 1;
}

static struct exchange *slot_for(struct pipeline *p, const struct segment *s)
{
	const struct pipeline_hooks *h = &p->config.hooks;
	struct exchange *x = NULL;
	if (h->follow == NULL || h->follow(h->context, s)) {
		x = take_slot(p);
		if (x == NULL && h->make_room != NULL && h->make_room(h->context, s))
			x = take_slot(p);
	}
	if (x != NULL &&
	    !flow_table_put(&p->table, &s->src, &s->dst, (uint32_t)(x - p->config.exchanges))) {
		x->ended = true;
		free_slot(p, x);
		x = NULL;
	}
	if (x == NULL)
		p->unfollowed++;
	return x;
}

static void begin_beliefs(struct pipeline *p, struct exchange *x, bool opens)
{
	for (int side = 0; side < 2; side++) {
		if (side == x->own_side) {
			x->view[side].certainty = CERTAINTY_EXACT;
			x->view[side].state = ST_CLOSED;
			continue;
		}
		begin_belief(p, x, (enum side)side, opens ? BELIEF_FRESH : BELIEF_MIDSTREAM);
		belief_slim_view(p->config.pool, &x->belief[side], &x->view[side]);
	}
}

static struct exchange *new_exchange(struct pipeline *p, const struct segment *s, int64_t time_ns)
{
	bool certain;
	const bool from_own = is_own(p, &s->src);
	struct exchange *x = slot_for(p, s);
	if (x == NULL)
		return NULL;
	const bool forward = src_is_client(p, s, &certain);
	const struct endpoint *client = forward ? &s->src : &s->dst;
	const struct endpoint *server = forward ? &s->dst : &s->src;
	memset(x, 0, sizeof *x);
	flow_init(&x->flow, ++p->flows, client, server, certain, time_ns);
	x->own_side = is_own(p, client) ? SIDE_CLIENT : is_own(p, server) ? SIDE_SERVER : -1;
	/* Of our own end nothing is missed: where it begins, the exchange does. */
	begin_beliefs(p, x, (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || from_own);
	give_start(p, x, time_ns);
	return x;
}

static void give_flow(struct pipeline *p, struct exchange *x, const struct event_flow *guard)
{
	struct event e = {.type = EVENT_FLOW, .time_ns = x->flow.last_ns, .flow_id = x->flow.id};
	if (guard != NULL && x->own_side >= 0) {
		e.u.flow.has_guard = guard->has_guard;
		e.u.flow.guard_absorbed = guard->guard_absorbed;
		e.u.flow.guard_kind = guard->guard_kind;
	}
	flow_summary(&x->flow, &e.u.flow);
	judge_options_text(&x->flow, e.u.flow.options_text, sizeof e.u.flow.options_text);
	e.u.flow.client.end = x->view[SIDE_CLIENT];
	e.u.flow.server.end = x->view[SIDE_SERVER];
	x->ended = true;
	end_beliefs(p, x);
	emit(p, &e);
}

void pipeline_end(struct pipeline *p, struct exchange *x, const struct event_flow *guard)
{
	give_flow(p, x, guard);
	flow_table_remove(&p->table, &x->flow.side[SIDE_CLIENT].endpoint,
			  &x->flow.side[SIDE_SERVER].endpoint);
	free_slot(p, x);
}

/* Say that an end's state, or what is known of it, is not what it was. */
static void give_transition(struct pipeline *p, struct exchange *x, enum side side,
			    const struct end_view *was, const struct transition *how)
{
	const struct end_view *is = &x->view[side];
	struct event e = {.type = EVENT_TRANSITION, .time_ns = how->time_ns, .flow_id = x->flow.id};
	const bool known = is->certainty != CERTAINTY_UNKNOWN;
	const bool was_known = was->certainty != CERTAINTY_UNKNOWN;
	const bool moved = known && (!was_known || is->state != was->state);
	const bool grew = known && is->certainty > was->certainty;
	if (!moved && !grew)
		return;
	e.u.transition = *how;
	e.u.transition.side = side;
	/* A capture that begins in the middle has not seen where the end came from. */
	e.u.transition.from = was_known ? was->state : is->state;
	e.u.transition.to = is->state;
	e.u.transition.certainty = is->certainty;
	flow_transition(&x->flow, &e.u.transition);
	emit(p, &e);
}

static const char *inferred_cause(const struct end_view *v, bool own_segment)
{
	if (v->certainty == CERTAINTY_PROVEN)
		return "proven by the segment it sent";
	return own_segment ? "expected once the segment sent to it arrives"
			   : "expected from the segment it sent";
}

/* An offset is told only of a number that can belong: from the ISN of another incarnation, or
 * below the ISN, it would be nonsense. */
static bool rel_known(const struct flow *f, enum side side, seq_t number, uint32_t *rel)
{
	const struct flow_side *me = &f->side[side];
	const int32_t away = me->started ? seq_diff(number, me->seq_next) : 0;
	const int32_t length = me->started ? seq_diff(me->seq_next, me->isn) : 0;
	if (!me->isn_known || away >= REL_PLAUSIBLE || away <= -REL_PLAUSIBLE)
		return false;
	if (length >= 0 && length < REL_PLAUSIBLE && me->bytes < REL_PLAUSIBLE &&
	    seq_lt(number, me->isn))
		return false;
	*rel = seq_rel(number, me->isn);
	return true;
}

static void fill_rel(const struct flow *f, enum side from, const struct segment *s,
		     const struct flow_delta *delta, struct event_segment *e)
{
	const struct flow_side *other = &f->side[side_other(from)];
	if ((s->flags & (TCP_SYN | TCP_RST)) ==
	    TCP_SYN) { /* its number is an ISN, of this exchange? */
		e->has_seq_rel = !delta->outside;
		e->next_seq_rel = e->has_seq_rel ? segment_seq_count(s) : 0;
	} else if (rel_known(f, from, s->seq, &e->seq_rel)) {
		e->has_seq_rel = true;
		e->next_seq_rel = e->seq_rel + segment_seq_count(s);
	}
	if ((s->flags & TCP_ACK) == 0)
		return;
	if (delta->ack_stray && other->stray.syn) {
		e->has_ack_rel = true; /* that SYN,ACK was the right one, and its number the ISN */
		e->ack_rel = seq_rel(s->ack, other->stray.seq);
	} else if ((s->flags & TCP_SYN) != 0 && !other->isn_known && !other->started) {
		e->has_ack_rel = true; /* of a SYN that was not captured: this tells its ISN */
		e->ack_rel = 1;
	} else {
		e->has_ack_rel = rel_known(f, side_other(from), s->ack, &e->ack_rel);
	}
}

static uint64_t frame_number(const struct pipeline *p, const struct pipeline_frame *frame)
{
	if (frame->data == NULL) /* held back: in no capture */
		return 0;
	return frame->pcap_count != 0 ? frame->pcap_count : p->frames;
}

static void fill_segment(const struct pipeline *p, const struct exchange *x,
			 const struct pipeline_frame *frame, const struct segment *s,
			 const struct flow_delta *delta, struct event_segment *e)
{
	const struct flow *f = &x->flow;
	const enum side from = flow_side_of(f, &s->src, &s->dst);
	e->n = f->segments;
	e->pcap_count = frame_number(p, frame);
	e->from = from;
	e->local_out = x->own_side == (int)from;
	e->tcp = *s;
	e->frame.data = frame->data;
	e->frame.captured_bytes = (uint32_t)frame->captured_bytes;
	e->frame.wire_bytes = (uint32_t)frame->wire_bytes;
	e->frame.link_type = frame->link_type;
	e->frame.outbound = x->own_side >= 0 ? e->local_out : frame->hint == FRAME_OUTBOUND;
	e->frame.inbound = x->own_side >= 0 ? !e->local_out : frame->hint == FRAME_INBOUND;
	fill_rel(f, from, s, delta, e);
	e->window_bytes = flow_window(f, from, s, &e->window_scale_known);
	e->since_previous_ns = f->segments > 1 ? frame->time_ns - f->last_ns : 0;
}

static void own_takes(struct pipeline *p, struct exchange *x, const struct segment *s, bool out,
		      int64_t time_ns, struct own_word *word)
{
	memset(word, 0, sizeof *word);
	if (x->own_side < 0 || (!out && (s->checksum == CHECKSUM_BAD || s->ip.fragment)))
		return;
	p->config.hooks.own_segment(p->config.hooks.context, s, out, time_ns, word);
	if (word->known)
		x->view[x->own_side].state = word->state;
}

/* There is no slot to follow it in; the actor must act all the same. */
static void own_takes_unfollowed(struct pipeline *p, const struct segment *s, int64_t time_ns)
{
	struct own_word word = {0};
	const bool out = is_own(p, &s->src);
	if ((out || is_own(p, &s->dst)) && (out || s->checksum != CHECKSUM_BAD))
		p->config.hooks.own_segment(p->config.hooks.context, s, out, time_ns, &word);
}

static void note_unsent(const struct segment *s, struct event_segment *e)
{
	if ((s->flags & TCP_RST) != 0)
		judge_note(
			e->notes, &e->notes_count, NOTE_RST_OWN_KERNEL, NULL,
			"our own kernel sent this RST: it does not know of the connection, and the "
			"guard did not hold it back");
	else
		judge_note(e->notes, &e->notes_count, NOTE_OWN_UNSENT, NULL,
			   "from our address and port, but not sent by this program");
}

static void note_deed(const struct own_word *word, struct event_segment *e)
{
	if (word->deed != NULL)
		judge_note(e->notes, &e->notes_count, NOTE_ON_PURPOSE, NULL, "%s", word->deed);
}

/* With what it sends next, as in the middle of a capture. */
static void begin_again(const struct pipeline *p, struct exchange *x, enum side from)
{
	belief_slim_end(p->config.pool, &x->belief[from]);
	begin_belief(p, x, from, BELIEF_MIDSTREAM);
}

/* The RST that it was believed to have ended with was not its end. */
static void take_back_reset(const struct pipeline *p, struct exchange *x, enum side from)
{
	const struct end_view *v = &x->view[from];
	const bool ended = v->certainty != CERTAINTY_UNKNOWN &&
			   (v->state == ST_CLOSED || v->state == ST_LISTEN);
	if (x->own_side != (int)from && ended)
		begin_again(p, x, from);
}

/* What the end that it comes from may be in. An RST beyond every number that this end was seen
 * to send is what RFC 5961 suspects of not being its own: it proves nothing of it. If it is its
 * own, the answer to the challenge will say so. */
static void believe_sender(const struct pipeline *p, struct exchange *x, enum side from,
			   const struct segment *s, const struct flow_delta *delta,
			   struct event_segment *e)
{
	struct belief_evidence evidence;
	x->doubted[from] = delta->rst == FLOW_RST_CHALLENGED;
	if (x->doubted[from]) {
		judge_abort(&x->flow, from, e);
		return;
	}
	const bool explained =
		belief_slim_receive(p->config.pool, &x->belief[from], s, e->n, &evidence);
	judge_evidence(&x->flow, from, &evidence, explained, e);
}

/* What the two ends may conclude. */
static void believe(const struct pipeline *p, struct exchange *x, enum side from,
		    const struct segment *s, const struct flow_delta *delta,
		    struct event_segment *e)
{
	const enum side to = side_other(from);
	if (s->checksum == CHECKSUM_BAD)
		return;
	if (x->own_side != (int)to)
		belief_slim_send(p->config.pool, &x->belief[to], s, e->n);
	if (x->own_side != (int)from)
		believe_sender(p, x, from, s, delta, e);
	for (int side = 0; side < 2; side++) {
		if (side == x->own_side)
			continue;
		belief_slim_view(p->config.pool, &x->belief[side], &x->view[side]);
		if (x->doubted[side] && x->view[side].certainty == CERTAINTY_PROVEN)
			x->view[side].certainty = CERTAINTY_EXPECTED;
	}
}

static void set_truth(struct exchange *x, const struct pipeline_truth *truth)
{
	for (int side = 0; side < 2; side++) {
		struct end_view *v = &x->view[side];
		v->has_truth = truth != NULL && side != x->own_side && x->own_side >= 0;
		if (v->has_truth) {
			v->truth = truth->state;
			v->truth_fin_unsent = truth->fin_unsent;
		}
	}
}

static void remember(struct exchange *x, enum side from, const struct segment *s, uint32_t n)
{
	struct exchange_recent *r = &x->recent[x->recent_count++ % EXCHANGE_RECENT_MAX];
	r->n = n;
	r->side = (uint8_t)from;
	r->seq = s->seq;
}

/* An end that is connected to itself is both sides: what it sends has come from the other too. */
static void learn_mirrored(const struct pipeline *p, struct exchange *x, const struct segment *s,
			   int64_t time_ns, struct event_segment *e)
{
	struct event_segment unshown = {.tcp = *s, .n = e->n};
	struct flow_delta delta;
	flow_compare(&x->flow, SIDE_SERVER, s, time_ns, &delta);
	flow_take(&x->flow, SIDE_SERVER, s, &delta, time_ns);
	believe(p, x, SIDE_SERVER, s, &delta, &unshown);
}

/* A FIN in it has closed that direction, but nobody knows at which number, nor whether a later
 * acknowledgement covers it. */
static void learn_fragment(const struct pipeline *p, struct exchange *x, enum side from,
			   const struct segment *s)
{
	x->flow.side[from].fragmented = true;
	for (int side = 0; side < 2 && (s->flags & TCP_FIN); side++) {
		if (side == x->own_side)
			continue;
		begin_again(p, x, (enum side)side);
		belief_slim_view(p->config.pool, &x->belief[side], &x->view[side]);
	}
}

/* The record and the beliefs move on. */
static void learn(const struct pipeline *p, struct exchange *x, const struct segment *s,
		  const struct flow_delta *delta, int64_t time_ns, struct event_segment *e)
{
	const enum side from = flow_side_of(&x->flow, &s->src, &s->dst);
	if (s->ip.fragment) {
		x->flow.last_ns = time_ns;
		remember(x, from, s, e->n);
		learn_fragment(p, x, from, s);
		return;
	}
	if (delta->revives && s->checksum != CHECKSUM_BAD)
		take_back_reset(p, x, from);
	if (s->checksum != CHECKSUM_BAD || x->own_side == (int)from)
		flow_take(&x->flow, from, s, delta, time_ns);
	x->flow.last_ns = time_ns;
	remember(x, from, s, e->n);
	believe(p, x, from, s, delta, e);
	if (flow_is_to_itself(&x->flow) && s->checksum != CHECKSUM_BAD)
		learn_mirrored(p, x, s, time_ns, e);
}

/* End an exchange whose ports are used again, and begin the next with its first segment. */
static struct exchange *succeed(struct pipeline *p, struct exchange *old, const struct segment *s,
				uint32_t shown_n, int64_t time_ns)
{
	const struct flow *f = &old->flow;
	const struct flow_side *side = &f->side[flow_side_of(f, &s->src, &s->dst)];
	const struct flow_before before = {
		.known = true,
		.ended = f->close_ended,
		.id = f->id,
		.syn_n = shown_n,
		.seq_known = side->started,
		.seq_next = side->seq_next,
		.last_ns = f->last_ns,
	};
	pipeline_end(p, old, NULL);
	struct exchange *x = new_exchange(p, s, time_ns);
	if (x != NULL)
		x->flow.before = before;
	return x;
}

/* The SYN that seemed to be stray has opened: take it into an exchange of its own. It was shown
 * already, so it is given no event there, but it keeps its number. */
static struct exchange *adopt_stray(struct pipeline *p, struct exchange *old)
{
	const struct exchange_stray stray = old->stray;
	struct event_segment unshown = {.tcp = stray.syn, .n = 1};
	struct flow_delta delta;
	struct exchange *x = succeed(p, old, &stray.syn, stray.n, stray.time_ns);
	if (x == NULL)
		return NULL;
	const enum side from = flow_side_of(&x->flow, &stray.syn.src, &stray.syn.dst);
	x->flow.segments = 1;
	flow_compare(&x->flow, from, &stray.syn, stray.time_ns, &delta);
	learn(p, x, &stray.syn, &delta, stray.time_ns, &unshown);
	return x;
}

static void keep_stray(struct exchange *x, const struct segment *s, const struct event_segment *e,
		       int64_t time_ns)
{
	x->stray = (struct exchange_stray){.n = e->n, .time_ns = time_ns, .syn = *s};
	x->stray.syn.options = NULL;
	x->stray.syn.options_bytes = 0;
	x->stray.syn.payload = NULL;
	x->stray.syn.payload_captured_bytes = 0;
}

static bool own_begins(const struct pipeline *p, const struct exchange *x, const struct segment *s,
		       const struct flow_delta *delta)
{
	const struct pipeline_hooks *h = &p->config.hooks;
	return h->own_begins != NULL && delta->new_incarnation &&
	       flow_side_of(&x->flow, &s->src, &s->dst) != (enum side)x->own_side &&
	       h->own_begins(h->context, s);
}

/* The exchange that a segment belongs to: the one known, or a new one. */
static struct exchange *exchange_for(struct pipeline *p, const struct segment *s, int64_t time_ns)
{
	struct exchange *x = pipeline_find(p, &s->src, &s->dst);
	struct flow_delta delta;
	if (x == NULL)
		return new_exchange(p, s, time_ns);
	if ((s->flags & TCP_SYN) == 0 || s->checksum == CHECKSUM_BAD)
		return x;
	const enum side from = flow_side_of(&x->flow, &s->src, &s->dst);
	flow_compare(&x->flow, from, s, time_ns, &delta);
	if (x->own_side >= 0) /* our own end knows; it need not be guessed */
		return own_begins(p, x, s, &delta) ? succeed(p, x, s, 0, time_ns) : x;
	if (flow_is_reused(&x->flow, from, &delta))
		return succeed(p, x, s, 0, time_ns);
	if (delta.ack_stray && (s->flags & TCP_RST) == 0 && x->stray.n != 0 &&
	    seq_eq(s->ack, segment_end(&x->stray.syn)))
		return adopt_stray(p, x);
	return x;
}

static void take_segment(struct pipeline *p, const struct pipeline_frame *frame,
			 const struct segment *s)
{
	struct flow_delta delta;
	struct own_word word;
	struct event e = {.type = EVENT_SEGMENT, .time_ns = frame->time_ns};
	if (p->config.hooks.is_own != NULL && !is_own(p, &s->src) && !is_own(p, &s->dst)) {
		p->other++;
		return;
	}
	struct exchange *x = exchange_for(p, s, frame->time_ns);
	if (x == NULL) {
		own_takes_unfollowed(p, s, frame->time_ns);
		return;
	}
	const enum side from = flow_side_of(&x->flow, &s->src, &s->dst);
	const struct end_view was[2] = {x->view[0], x->view[1]};
	p->segments++;
	x->flow.segments++;
	e.flow_id = x->flow.id;
	flow_compare(&x->flow, from, s, frame->time_ns, &delta);
	own_takes(p, x, s, x->own_side == (int)from, frame->time_ns, &word);
	fill_segment(p, x, frame, s, &delta, &e.u.segment);
	e.u.segment.retransmission = delta.retransmission;
	if (word.unsent)
		note_unsent(s, &e.u.segment);
	note_deed(&word, &e.u.segment);
	e.u.segment.client = was[SIDE_CLIENT]; /* what it arrives at, for the judgement */
	e.u.segment.server = was[SIDE_SERVER];
	judge_segment(&x->flow, from, &delta, &e.u.segment);
	learn(p, x, s, &delta, frame->time_ns, &e.u.segment);
	if (delta.new_incarnation)
		keep_stray(x, s, &e.u.segment, frame->time_ns);
	set_truth(x, frame->truth);
	e.u.segment.client = x->view[SIDE_CLIENT];
	e.u.segment.server = x->view[SIDE_SERVER];
	emit(p, &e);
	for (int side = 0; side < 2; side++) {
		const bool own = side == x->own_side;
		const struct transition how = {
			.time_ns = frame->time_ns,
			.by = e.u.segment.n,
			.cause = own && word.cause != NULL ? word.cause
				 : own                     ? "this segment"
				       : inferred_cause(&x->view[side], side != (int)from),
			.rfc = own ? word.rfc : NULL,
		};
		give_transition(p, x, (enum side)side, &was[side], &how);
	}
}

/* What was refused on the way did not arrive: what it would have led to is not expected. */
static void disappoint(struct exchange *x, const struct event_icmp *i)
{
	const enum side to = side_other(i->about);
	struct end_view *v = &x->view[to];
	if (icmp_reason_is_refusal(i->icmp.reason) && i->icmp.checksum != CHECKSUM_BAD &&
	    i->about_n != 0 && x->flow.side[to].segments == 0 && v->certainty == CERTAINTY_EXPECTED)
		v->certainty = CERTAINTY_UNKNOWN;
}

static void take_icmp(struct pipeline *p, const struct pipeline_frame *frame,
		      const struct icmp_error *icmp)
{
	struct exchange *x = pipeline_find(p, &icmp->quoted_src, &icmp->quoted_dst);
	struct own_word word = {0};
	struct event e = {.type = EVENT_ICMP, .time_ns = frame->time_ns};
	struct event_icmp *i = &e.u.icmp;
	if (x == NULL) {
		p->other++;
		return;
	}
	x->flow.segments++;
	e.flow_id = x->flow.id;
	i->n = x->flow.segments;
	i->pcap_count = frame_number(p, frame);
	i->about = flow_side_of(&x->flow, &icmp->quoted_src, &icmp->quoted_dst);
	const uint32_t held =
		x->recent_count < EXCHANGE_RECENT_MAX ? x->recent_count : EXCHANGE_RECENT_MAX;
	for (uint32_t k = 1; k <= held && i->about_n == 0; k++) {
		const struct exchange_recent *r =
			&x->recent[(x->recent_count - k) % EXCHANGE_RECENT_MAX];
		if (r->side == i->about && seq_eq(r->seq, icmp->quoted_seq))
			i->about_n = r->n;
	}
	i->icmp = *icmp;
	i->frame.data = frame->data;
	i->frame.captured_bytes = (uint32_t)frame->captured_bytes;
	i->frame.wire_bytes = (uint32_t)frame->wire_bytes;
	i->frame.link_type = frame->link_type;
	i->frame.inbound =
		x->own_side >= 0 ? x->own_side == (int)i->about : frame->hint == FRAME_INBOUND;
	i->frame.outbound =
		x->own_side >= 0 ? x->own_side != (int)i->about : frame->hint == FRAME_OUTBOUND;
	judge_icmp(&x->flow, i);
	const struct end_view was[2] = {x->view[0], x->view[1]};
	if (x->own_side >= 0 && x->own_side == (int)i->about && icmp->checksum != CHECKSUM_BAD &&
	    p->config.hooks.own_icmp != NULL)
		p->config.hooks.own_icmp(p->config.hooks.context, icmp, frame->time_ns, &word);
	if (word.known)
		x->view[x->own_side].state = word.state;
	disappoint(x, i);
	set_truth(x, frame->truth);
	i->client = x->view[SIDE_CLIENT];
	i->server = x->view[SIDE_SERVER];
	x->flow.last_ns = frame->time_ns;
	emit(p, &e);
	if (x->own_side >= 0) {
		const struct transition how = {.time_ns = frame->time_ns,
					       .by = i->n,
					       .cause = word.cause != NULL ? word.cause
									   : "this error",
					       .rfc = word.rfc};
		give_transition(p, x, (enum side)x->own_side, &was[x->own_side], &how);
	}
}

void pipeline_frame(struct pipeline *p, const struct pipeline_frame *frame)
{
	struct frame link;
	struct packet packet;
	p->frames++;
	const enum frame_status fs = frame_decode(frame->link_type, frame->data,
						  frame->captured_bytes, frame->wire_bytes, &link);
	if (fs != FRAME_OK) {
		if (fs == FRAME_NOT_IP)
			p->other++;
		else
			p->undecodable++;
		if (fs == FRAME_UNKNOWN_LINK) {
			p->link_unknown = true;
			p->link_type = frame->link_type;
		}
		return;
	}
	struct pipeline_frame hinted = *frame;
	if (hinted.hint == FRAME_DIRECTION_UNKNOWN)
		hinted.hint = link.hint;
	const enum packet_status ps =
		packet_decode(link.packet, link.captured_bytes, link.wire_bytes, &packet);
	if (ps != PACKET_OK)
		p->undecodable++;
	else if (packet.kind == PACKET_TCP)
		take_segment(p, &hinted, &packet.tcp);
	else if (packet.kind == PACKET_ICMP_ERROR)
		take_icmp(p, &hinted, &packet.icmp);
	else
		p->other++;
}

void pipeline_held(struct pipeline *p, const struct segment *s, const struct own_word *word,
		   int64_t time_ns)
{
	struct exchange *x = pipeline_find(p, &s->src, &s->dst);
	struct event e = {.type = EVENT_SEGMENT, .time_ns = time_ns};
	const struct pipeline_frame frame = {.time_ns = time_ns};
	struct flow_delta delta;
	if (x == NULL)
		x = new_exchange(p, s, time_ns);
	if (x == NULL)
		return;
	flow_compare(&x->flow, flow_side_of(&x->flow, &s->src, &s->dst), s, time_ns, &delta);
	x->flow.segments++;
	e.flow_id = x->flow.id;
	fill_segment(p, x, &frame, s, &delta, &e.u.segment);
	e.u.segment.held = true;
	if (word != NULL)
		note_deed(word, &e.u.segment);
	if (word != NULL && word->known && x->own_side >= 0)
		x->view[x->own_side].state = word->state;
	e.u.segment.client = x->view[SIDE_CLIENT];
	e.u.segment.server = x->view[SIDE_SERVER];
	emit(p, &e);
}

void pipeline_timer(struct pipeline *p, struct exchange *x, const struct event_timer *timer,
		    int64_t time_ns)
{
	if (x == NULL)
		return;
	struct event e = {.type = EVENT_TIMER, .time_ns = time_ns, .flow_id = x->flow.id};
	e.u.timer = *timer;
	e.u.timer.side = x->own_side >= 0 ? (enum side)x->own_side : SIDE_CLIENT;
	emit(p, &e);
}

void pipeline_own_state(struct pipeline *p, struct exchange *x, const struct own_word *word,
			int64_t time_ns)
{
	if (x == NULL || x->own_side < 0)
		return;
	const struct end_view was = x->view[x->own_side];
	const struct transition how = {.time_ns = time_ns,
				       .cause = word->cause != NULL ? word->cause
								    : "a call or a timer",
				       .rfc = word->rfc};
	x->view[x->own_side].state = word->state;
	give_transition(p, x, (enum side)x->own_side, &was, &how);
}

void pipeline_verdict(struct pipeline *p, struct exchange *x, const struct event_verdict *verdict,
		      int64_t time_ns)
{
	struct event e = {.type = EVENT_VERDICT, .time_ns = time_ns};
	e.flow_id = x != NULL ? x->flow.id : 0;
	e.u.verdict = *verdict;
	emit(p, &e);
}

void pipeline_finish(struct pipeline *p, const struct event_flow *guard,
		     const struct event_end *end)
{
	struct event e = {.type = EVENT_END};
	for (uint32_t i = 0; i < p->exchanges_used; i++) {
		struct exchange *x = &p->config.exchanges[i];
		if (!x->ended)
			give_flow(p, x, guard);
		if (x->flow.last_ns > e.time_ns)
			e.time_ns = x->flow.last_ns;
	}
	e.u.end = *end;
	e.u.end.segments = p->segments;
	e.u.end.flows = p->flows;
	e.u.end.undecodable = p->undecodable;
	emit(p, &e);
}

/*
 * A TCP end, transcribed from RFC 9293 section 3.10 in its order. Where the text leaves a
 * choice, or, with `stacks`, where real stacks differ, every choice is an outcome of its own.
 */
#include "oracle_end.h"

#include <assert.h>
#include <string.h>

#define WINDOW 65535u

uint32_t seg_end(const struct seg *s)
{
	return s->seq + s->len + ((s->flags & SYN) ? 1 : 0) + ((s->flags & FIN) ? 1 : 0);
}

bool seg_carries(const struct seg *sent, const struct seg *received)
{
	if (sent->flags != received->flags || sent->ack != received->ack)
		return false;
	if (received->len == 0 && (received->flags & FIN) == 0)
		return sent->seq == received->seq && sent->len == 0;
	if ((received->flags & FIN) && seg_end(sent) != seg_end(received))
		return false;
	return (int32_t)(received->seq - sent->seq) >= 0 &&
	       (int32_t)(seg_end(sent) - seg_end(received)) >= 0;
}

enum tcp_state end_shown(const struct end *e)
{
	const enum tcp_state state = (enum tcp_state)e->state;
	if (!e->close_waits)
		return state;
	switch (state) {
	case ST_FIN_WAIT_1:
		return e->una == 0 ? ST_SYN_RECEIVED : ST_ESTABLISHED;
	case ST_CLOSING:
	case ST_LAST_ACK:
		return ST_CLOSE_WAIT;
	case ST_CLOSED:
	case ST_LISTEN:
	case ST_SYN_SENT:
	case ST_SYN_RECEIVED:
	case ST_ESTABLISHED:
	case ST_FIN_WAIT_2:
	case ST_CLOSE_WAIT:
	case ST_TIME_WAIT:
	case ST_COUNT:
		break;
	}
	return state;
}

static uint32_t number(const struct world *w, const struct end *e, uint8_t offset)
{
	return w->iss_value[e->iss] + offset;
}

/* Numbers of an ISS that nobody saw cannot be told from others: no segment carries them. */
static bool is_seen(const struct end *e)
{
	return e->iss >= ISS_SEEN;
}

static struct end_outcome *add(struct end_outcomes *out, const struct end *to)
{
	assert(out->count < OUTCOMES_MAX);
	struct end_outcome *o = &out->list[out->count++];
	o->to = *to;
	o->sent_count = 0;
	return o;
}

static void send_seg(struct end_outcome *o, uint8_t flags, uint32_t seq, uint32_t ack, uint8_t len)
{
	assert(o->sent_count < SENT_MAX);
	o->sent[o->sent_count++] = (struct seg){seq, (flags & ACK) ? ack : 0, flags, len};
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
static void send_ack(const struct world *w, struct end_outcome *o)
{
	if (is_seen(&o->to))
		send_seg(o, ACK, number(w, &o->to, o->to.nxt), o->to.rcv, 0);
}

static void send_syn_ack(const struct world *w, struct end_outcome *o)
{
	if (is_seen(&o->to))
		send_seg(o, SYN | ACK, number(w, &o->to, 0), o->to.rcv, 0);
}

static void send_bounce(struct end_outcome *o, const struct seg *s)
{
	send_seg(o, RST, s->ack, 0, 0);
}

static struct end closed(const struct end *e)
{
	return (struct end){.state = ST_CLOSED, .used = e->used};
}

static struct end listening(const struct end *e)
{
	return (struct end){.state = ST_LISTEN, .used = e->used};
}

static void add_closed(struct end_outcomes *out, const struct end *e)
{
	const struct end to = closed(e);
	add(out, &to);
}

/* ---- 3.10.7.1 CLOSED ---- */

static void arrive_closed(const struct end *e, const struct seg *s, struct end_outcomes *out)
{
	struct end_outcome *o = add(out, e);
	if (s->flags & RST)
		return;
	if (s->flags & ACK)
		send_bounce(o, s);
	else
		send_seg(o, RST | ACK, 0, seg_end(s), 0);
}

/* ---- 3.10.7.2 LISTEN ---- */

/* A new incarnation, of every ISS that it may choose. */
static void begin_each(const struct world *w, const struct end *e, const struct end *fresh,
		       uint8_t flags, struct end_outcomes *out)
{
	for (uint8_t iss = 0; iss < w->iss_count; iss++) {
		if (iss >= ISS_SEEN && (e->used & (1u << w->iss_group[iss])))
			continue;
		struct end to = *fresh;
		to.iss = iss;
		to.used = e->used;
		if (iss >= ISS_SEEN)
			to.used |= (uint8_t)(1u << w->iss_group[iss]);
		to.una = 0;
		to.nxt = 1;
		struct end_outcome *o = add(out, &to);
		if (is_seen(&to))
			send_seg(o, flags, number(w, &to, 0), to.rcv, 0);
	}
}

static void arrive_listen(const struct world *w, const struct end *e, const struct seg *s,
			  struct end_outcomes *out)
{
	if (s->flags & RST) {
		add(out, e);
		return;
	}
	if (s->flags & ACK) {
		send_bounce(add(out, e), s);
		return;
	}
	if ((s->flags & SYN) == 0) {
		add(out, e);
		return;
	}
	const struct end fresh = {
		.state = ST_SYN_RECEIVED, .passive = true, .rcv = s->seq + 1, .irs = s->seq};
	begin_each(w, e, &fresh, SYN | ACK, out);
	if (!w->stacks)
		return;
	add(out, e); /* backlog full */
	if (s->len > 0) {
		struct end fast = fresh;
		fast.rcv += s->len;
		fast.fast_open = true;
		begin_each(w, e, &fast, SYN | ACK, out);
	}
}

/* ---- text, FIN and what follows of them: 3.10.7.4 sixth to eighth check ---- */

/* What the queue lets go at the end: a FIN that alone waits, when all is acknowledged. */
static void finish(const struct world *w, struct end_outcome *o)
{
	struct end *e = &o->to;
	if (!e->close_waits || e->queued > 0 || e->una == 0 || e->una != e->nxt)
		return;
	e->close_waits = false;
	e->fin = true;
	e->nxt++;
	if (e->state == ST_CLOSE_WAIT)
		e->state = ST_LAST_ACK;
	if (is_seen(e))
		send_seg(o, FIN | ACK, number(w, e, (uint8_t)(e->nxt - 1)), e->rcv, 0);
}

static struct end_outcome *take_text_and_fin(const struct world *w, const struct end *e,
					     const struct seg *s, struct end_outcomes *out)
{
	struct end to = *e;
	const uint32_t text = s->seq + ((s->flags & SYN) ? 1 : 0);
	const uint32_t text_end = text + s->len;
	bool answers = false;
	const bool wants = to.state == ST_ESTABLISHED || to.state == ST_FIN_WAIT_1 ||
			   to.state == ST_FIN_WAIT_2;
	if (wants && s->len > 0) {
		answers = true;
		if ((int32_t)(text - to.rcv) <= 0 && (int32_t)(text_end - to.rcv) > 0)
			to.rcv = text_end;
	}
	if (s->flags & FIN) {
		answers = true;
		if (wants && text_end == to.rcv) {
			to.rcv++;
			if (to.state == ST_ESTABLISHED)
				to.state = ST_CLOSE_WAIT;
			else if (to.state == ST_FIN_WAIT_1)
				to.state = ST_CLOSING;
			else
				to.state = ST_TIME_WAIT;
		}
	}
	struct end_outcome *o = add(out, &to);
	finish(w, o);
	if (answers)
		send_ack(w, o);
	return o;
}

/* With stacks: data that arrives after CLOSE, which nobody will read. */
static void refuse_text(const struct world *w, const struct end *e, const struct seg *s,
			struct end_outcomes *out)
{
	if (!w->stacks || s->len == 0 || (e->state != ST_FIN_WAIT_1 && e->state != ST_FIN_WAIT_2))
		return;
	const struct end to = closed(e);
	send_bounce(add(out, &to), s);
}

/* ---- 3.10.7.3 SYN-SENT ---- */

static void arrive_syn_sent(const struct world *w, const struct end *e, const struct seg *s,
			    struct end_outcomes *out)
{
	const uint32_t iss = number(w, e, 0);
	bool acceptable = false;
	if (s->flags & ACK) {
		const bool wrong = (int32_t)(s->ack - iss) <= 0 ||
				   (int32_t)(s->ack - number(w, e, e->nxt)) > 0;
		if (wrong) {
			struct end_outcome *o = add(out, e);
			if ((s->flags & RST) == 0)
				send_bounce(o, s);
			return;
		}
		acceptable = true;
	}
	if (s->flags & RST) {
		if (acceptable)
			add_closed(out, e);
		else
			add(out, e);
		return;
	}
	if ((s->flags & SYN) == 0) {
		add(out, e);
		return;
	}
	struct end to = *e;
	to.rcv = s->seq + 1;
	to.irs = s->seq;
	if (acceptable) {
		to.una = (uint8_t)(s->ack - iss);
		to.state = ST_ESTABLISHED;
		send_ack(w, take_text_and_fin(w, &to, s, out));
		if (w->stacks)
			send_ack(w, add(out, &to)); /* text beside the SYN,ACK is dropped */
		return;
	}
	to.state = ST_SYN_RECEIVED;
	to.passive = false;
	send_syn_ack(w, add(out, &to));
	if (w->stacks)
		add(out, e); /* no simultaneous open */
}

/* ---- 3.10.7.4 otherwise ---- */

static bool is_acceptable(const struct end *e, const struct seg *s)
{
	const uint32_t count = seg_end(s) - s->seq;
	if (s->seq - e->rcv < WINDOW)
		return true;
	return count > 0 && s->seq + count - 1 - e->rcv < WINDOW;
}

/* SYN-RECEIVED becomes ESTABLISHED; a CLOSE that waited is carried out. */
static void establish(const struct world *w, struct end *e, uint32_t ack)
{
	e->una = (uint8_t)(ack - number(w, e, 0));
	e->state = e->close_waits ? ST_FIN_WAIT_1 : ST_ESTABLISHED;
	e->fast_open = false;
}

enum ack_class { ACK_NEW, ACK_DUPLICATE, ACK_OLD, ACK_FUTURE };

static enum ack_class classify(const struct world *w, const struct end *e, uint32_t ack)
{
	const int32_t offset = (int32_t)(ack - number(w, e, 0));
	if (offset > e->nxt)
		return ACK_FUTURE;
	if (offset > e->una)
		return ACK_NEW;
	return offset < -1000000 ? ACK_OLD : ACK_DUPLICATE;
}

static bool acks_syn(const struct world *w, const struct end *e, const struct seg *s)
{
	return (s->flags & ACK) && classify(w, e, s->ack) == ACK_NEW;
}

/* A SYN that repeats theirs, in SYN-RECEIVED. @return whether it was dealt with */
static bool arrive_syn_again(const struct world *w, const struct end *e, const struct seg *s,
			     struct end_outcomes *out)
{
	if (e->state != ST_SYN_RECEIVED || (s->flags & (SYN | RST)) != SYN || s->seq != e->irs)
		return false;
	if (!acks_syn(w, e, s)) {
		send_ack(w, add(out, e));
		if (w->stacks && (s->flags & ACK) == 0)
			send_syn_ack(w, add(out, e));
		return true;
	}
	/* figure 7 */
	if (!e->passive || w->stacks) {
		struct end to = *e;
		establish(w, &to, s->ack);
		send_ack(w, take_text_and_fin(w, &to, s, out));
		refuse_text(w, &to, s, out);
	}
	if (e->passive || w->stacks)
		send_ack(w, add(out, e)); /* the text: it lies before the window */
	return true;
}

/* What stacks do with the ACK field of a segment outside the window. */
static void heed_old_ack(const struct world *w, const struct end *e, const struct seg *s,
			 struct end_outcomes *out)
{
	if (!w->stacks || (s->flags & ACK) == 0 || (s->flags & (SYN | RST)) ||
	    classify(w, e, s->ack) != ACK_NEW)
		return;
	struct end to = *e;
	if (e->state == ST_SYN_RECEIVED) {
		establish(w, &to, s->ack);
	} else {
		if ((int32_t)(seg_end(s) - e->rcv) > 0)
			return;
		to.una = (uint8_t)(s->ack - number(w, e, 0));
		if (to.fin && to.una == to.nxt) {
			if (to.state == ST_FIN_WAIT_1)
				to.state = ST_FIN_WAIT_2;
			else if (to.state == ST_CLOSING)
				to.state = ST_TIME_WAIT;
			else if (to.state == ST_LAST_ACK)
				to = closed(e);
		}
	}
	struct end_outcome *o = add(out, &to);
	if (to.state != ST_CLOSED) {
		finish(w, o);
		send_ack(w, o);
	}
}

static void arrive_rst(const struct world *w, const struct end *e, const struct seg *s,
		       struct end_outcomes *out)
{
	const bool exact = s->seq == e->rcv;
	struct end to = *e;
	if (!exact) {
		send_ack(w, add(out, e)); /* RFC 5961 */
		if (!w->stacks)
			return;
	}
	if (w->stacks && e->state == ST_TIME_WAIT)
		add(out, e);
	if (e->state == ST_SYN_RECEIVED && e->passive && !e->close_waits)
		to = listening(e);
	else
		to = closed(e);
	add(out, &to);
}

static void arrive_syn(const struct world *w, const struct end *e, const struct seg *s,
		       struct end_outcomes *out)
{
	struct end to;
	if (e->state == ST_SYN_RECEIVED && e->passive) {
		to = e->close_waits ? closed(e) : listening(e);
		struct end_outcome *o = add(out, &to);
		if (w->stacks && !e->close_waits) {
			send_seg(o, RST | ACK, 0, seg_end(s), 0);
			return;
		}
	} else {
		send_ack(w, add(out, e));
	}
	if (!w->stacks)
		return;
	if (e->state == ST_TIME_WAIT) {
		add(out, e);
		send_seg(add(out, e), RST | ACK, 0, seg_end(s), 0);
		if ((s->flags & ACK) == 0 && (int32_t)(s->seq - e->rcv) > 0) {
			const struct end fresh = {.state = ST_SYN_RECEIVED,
						  .passive = true,
						  .rcv = s->seq + 1,
						  .irs = s->seq};
			begin_each(w, e, &fresh, SYN | ACK, out);
		}
	}
	if (!is_acceptable(e, s))
		return;
	to = closed(e);
	if (s->flags & ACK)
		send_bounce(add(out, &to), s);
	send_seg(add(out, &to), RST | ACK, 0, seg_end(s), 0);
	if (is_seen(e)) {
		send_seg(add(out, &to), RST, number(w, e, e->nxt), 0, 0);
		send_seg(add(out, &to), RST | ACK, number(w, e, e->nxt), e->rcv, 0);
	}
}

static void arrive_ack_syn_received(const struct world *w, const struct end *e, const struct seg *s,
				    struct end_outcomes *out)
{
	if (classify(w, e, s->ack) != ACK_NEW) {
		send_bounce(add(out, e), s);
		return;
	}
	struct end to = *e;
	establish(w, &to, s->ack);
	take_text_and_fin(w, &to, s, out);
	refuse_text(w, &to, s, out);
	if (!w->stacks || !e->passive || e->close_waits)
		return;
	add(out, e); /* deferred accept, or the accept queue is full */
	to = listening(e);
	send_bounce(add(out, &to), s);
}

static void arrive_ack(const struct world *w, const struct end *e, const struct seg *s,
		       struct end_outcomes *out)
{
	struct end to = *e;
	const enum ack_class class = classify(w, e, s->ack);
	if (class == ACK_FUTURE || class == ACK_OLD) {
		send_ack(w, add(out, e));
		if (class == ACK_FUTURE || !w->stacks)
			return;
	}
	if (class == ACK_NEW)
		to.una = (uint8_t)(s->ack - number(w, e, 0));
	if (to.fin && to.una == to.nxt && class == ACK_NEW) {
		switch (e->state) {
		case ST_FIN_WAIT_1:
			to.state = ST_FIN_WAIT_2;
			break;
		case ST_CLOSING:
			to.state = ST_TIME_WAIT;
			add(out, &to);
			return;
		case ST_LAST_ACK:
			add_closed(out, e);
			return;
		default:
			break;
		}
	}
	take_text_and_fin(w, &to, s, out);
	refuse_text(w, &to, s, out);
}

static void arrive_other(const struct world *w, const struct end *e, const struct seg *s,
			 struct end_outcomes *out)
{
	/* stacks: a request judges the acknowledgement before the sequence number */
	if (w->stacks && e->state == ST_SYN_RECEIVED && e->passive &&
	    (s->flags & (ACK | RST)) == ACK && classify(w, e, s->ack) != ACK_NEW &&
	    !((s->flags & SYN) && s->seq == e->irs))
		send_bounce(add(out, e), s);
	if (arrive_syn_again(w, e, s, out))
		return;
	if (!is_acceptable(e, s)) {
		const bool syn_in_sync = (s->flags & SYN) && e->state != ST_SYN_RECEIVED;
		if (!syn_in_sync || (s->flags & RST)) {
			struct end_outcome *o = add(out, e);
			if ((s->flags & RST) == 0)
				send_ack(w, o);
			heed_old_ack(w, e, s, out);
			return;
		}
	}
	if (s->flags & RST) {
		arrive_rst(w, e, s, out);
		return;
	}
	if (s->flags & SYN) {
		arrive_syn(w, e, s, out);
		return;
	}
	if ((s->flags & ACK) == 0) {
		add(out, e);
		return;
	}
	if (e->state == ST_SYN_RECEIVED)
		arrive_ack_syn_received(w, e, s, out);
	else
		arrive_ack(w, e, s, out);
}

void end_arrive(const struct world *w, const struct end *e, const struct seg *s,
		struct end_outcomes *out)
{
	switch (e->state) {
	case ST_CLOSED:
		arrive_closed(e, s, out);
		break;
	case ST_LISTEN:
		arrive_listen(w, e, s, out);
		break;
	case ST_SYN_SENT:
		arrive_syn_sent(w, e, s, out);
		break;
	default:
		arrive_other(w, e, s, out);
		break;
	}
}

/* ---- what it does by itself ---- */

static void act_open(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	if (e->state == ST_CLOSED) {
		const struct end to = listening(e);
		add(out, &to);
	}
	const struct end fresh = {.state = ST_SYN_SENT};
	begin_each(w, e, &fresh, SYN, out);
}

static void send_fin(const struct world *w, const struct end *e, uint8_t text,
		     struct end_outcomes *out)
{
	struct end to = *e;
	const uint8_t first = e->nxt;
	to.close_waits = false;
	to.fin = true;
	to.fin_joined = text;
	to.queued = 0;
	to.nxt = (uint8_t)(e->nxt + text + 1);
	if (e->state == ST_CLOSE_WAIT || e->state == ST_LAST_ACK)
		to.state = ST_LAST_ACK;
	else if (e->state != ST_CLOSING)
		to.state = ST_FIN_WAIT_1;
	struct end_outcome *o = add(out, &to);
	if (is_seen(&to))
		send_seg(o, FIN | ACK, number(w, &to, first), to.rcv, text);
}

static void act_close(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	struct end to = *e;
	if (e->close_waits)
		return;
	switch (e->state) {
	case ST_LISTEN:
	case ST_SYN_SENT:
		add_closed(out, e);
		return;
	case ST_SYN_RECEIVED:
	case ST_ESTABLISHED:
	case ST_CLOSE_WAIT:
		break;
	default:
		return;
	}
	if (e->queued == 0) {
		send_fin(w, e, 0, out);
	} else {
		to.close_waits = true;
		if (e->state == ST_ESTABLISHED)
			to.state = ST_FIN_WAIT_1;
		add(out, &to);
		if (w->stacks && e->state == ST_CLOSE_WAIT) {
			to.state = ST_LAST_ACK;
			add(out, &to);
		}
		if (w->stacks && e->state == ST_SYN_RECEIVED) {
			to.state = ST_FIN_WAIT_1;
			add(out, &to);
		}
	}
}

static void send_rst(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	const struct end to = closed(e);
	if (!is_seen(e)) {
		add(out, &to);
		return;
	}
	send_seg(add(out, &to), RST, number(w, e, e->nxt), 0, 0);
	send_seg(add(out, &to), RST | ACK, number(w, e, e->nxt), e->rcv, 0);
}

static void act_abort(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	add_closed(out, e); /* user timeout, reboot, or without a RST anyway */
	switch (e->state) {
	case ST_SYN_RECEIVED:
		if (w->stacks && e->passive && !e->close_waits) {
			const struct end to = listening(e);
			add(out, &to);
		}
		send_rst(w, e, out);
		break;
	case ST_ESTABLISHED:
	case ST_FIN_WAIT_1:
	case ST_FIN_WAIT_2:
	case ST_CLOSE_WAIT:
		send_rst(w, e, out);
		break;
	default:
		break;
	}
}

static void act_send(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	struct end to = *e;
	switch (e->state) {
	case ST_SYN_SENT:
	case ST_SYN_RECEIVED:
	case ST_ESTABLISHED:
	case ST_CLOSE_WAIT:
		break;
	default:
		return;
	}
	if (e->close_waits || e->text >= w->text_limit)
		return;
	to.queued++;
	to.text++;
	add(out, &to);
}

/* Text from the queue, perhaps with the FIN behind it. */
static void act_transmit(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	const bool may = e->una > 0 && e->state != ST_SYN_SENT && e->state != ST_SYN_RECEIVED;
	if (!may && !(e->state == ST_SYN_RECEIVED && e->fast_open))
		return;
	if (e->fin)
		return;
	for (uint8_t count = 1; count <= e->queued; count++) {
		struct end to = *e;
		to.queued = (uint8_t)(e->queued - count);
		to.nxt = (uint8_t)(e->nxt + count);
		struct end_outcome *o = add(out, &to);
		if (is_seen(&to))
			send_seg(o, ACK, number(w, &to, e->nxt), to.rcv, count);
		const bool closes =
			e->close_waits || e->state == ST_ESTABLISHED || e->state == ST_CLOSE_WAIT;
		if (count == e->queued && closes && may)
			send_fin(w, e, count, out); /* SEND and CLOSE in one segment */
	}
	if (e->queued == 0 && e->close_waits && may)
		send_fin(w, e, 0, out);
}

/* Any part of what is not acknowledged. The FIN is not cut off from text it went with. */
static void act_retransmit(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	if (!is_seen(e))
		return;
	if (e->state == ST_SYN_SENT) {
		send_seg(add(out, e), SYN, number(w, e, 0), 0, 0);
		return;
	}
	if (e->una == 0) {
		send_syn_ack(w, add(out, e));
		return;
	}
	for (uint8_t from = 1; from < e->nxt; from++) {
		for (uint8_t to = (uint8_t)(from + 1); to <= e->nxt; to++) {
			const bool fin = e->fin && to == e->nxt;
			if (!fin && e->fin && to + e->fin_joined > e->nxt - 1)
				continue;
			send_seg(add(out, e), fin ? FIN | ACK : ACK, number(w, e, from), e->rcv,
				 (uint8_t)(to - from - (fin ? 1 : 0)));
		}
	}
}

static void act_probe(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	/* At the limit that the oracle sets, an application may as well have more to send. */
	const bool more = e->text >= w->text_limit &&
			  (e->state == ST_ESTABLISHED || e->state == ST_CLOSE_WAIT);
	const bool waits = e->queued > 0 || e->close_waits || more;
	if (e->una == 0 || e->state == ST_TIME_WAIT || (!w->stacks && !waits))
		return;
	const uint8_t una = (uint8_t)(e->una - 1);
	send_seg(add(out, e), ACK, number(w, e, una), e->rcv, 0);
}

void end_act(const struct world *w, const struct end *e, struct end_outcomes *out)
{
	if (e->state == ST_CLOSED || e->state == ST_LISTEN)
		act_open(w, e, out);
	if (e->state != ST_CLOSED)
		act_abort(w, e, out);
	act_close(w, e, out);
	act_send(w, e, out);
	act_transmit(w, e, out);
	const bool synchronized =
		e->state != ST_CLOSED && e->state != ST_LISTEN && e->state != ST_SYN_SENT;
	if (e->state == ST_SYN_SENT ||
	    (synchronized && e->state != ST_FIN_WAIT_2 && e->state != ST_TIME_WAIT))
		act_retransmit(w, e, out);
	if (synchronized && e->state != ST_SYN_RECEIVED && is_seen(e)) {
		send_ack(w, add(out, e));
		act_probe(w, e, out);
	}
}

/*
 * One move of a node: a segment of ours is delivered to it, its application calls, a timer
 * fires. What follows is asked of rules.h and nowhere else; this file supplies the variables
 * and carries out what the row takes.
 *
 * Where a comparison depends on what we do not know, every answer is tried: the window, which
 * may be wider than any that was seen; SND.NXT of a node that stands for many; the ISS of an
 * incarnation of which nothing was seen, which no number of ours can match (freshness), so that
 * an acknowledgement is either ahead of it or far behind.
 * An answer that amounts to "ignored" needs no trying: the segment may as well be lost.
 */
#include "belief_internal.h"

#include <assert.h>
#include <string.h>

#define WINDOW_WIDEST (65535u << 14) /* RFC 7323 section 2.3 */
#define FAR 0x20000000u              /* beyond any window */
#define COOKIE_INDEXES 4             /* how many values of the MSS a cookie tells apart */

/* Surprise: what is compared to choose the expected state. */
enum {
	COST_TEXT = 1,
	COST_CLOSE = 2,
	COST_OPEN = 2,
	COST_STACK = 3,
	COST_TIMER = 4,
	COST_ABNORMAL = 16,
};

/*
 * The same few hundred questions are asked again and again, by every belief alike, so what
 * rules.c said is kept: the only state outside struct belief, and none that could be told from
 * asking anew. It lies close together, in the order of asking: a process that tells of one
 * connection touches five pages of it.
 */
#define MEMO_SLOTS 2048
#define MEMO_QUESTIONS 1024
#define MEMO_OUTCOMES 4096

static struct memo {
	uint16_t slot[MEMO_SLOTS]; /* 1 + the place in asked[]; 0: free */
	struct asked {
		struct question question;
		uint16_t count, first; /* in outcome[] */
	} asked[MEMO_QUESTIONS];
	struct outcome outcome[MEMO_OUTCOMES];
	uint16_t asked_count, outcome_count;
} memo;

static bool same_question(const struct question *a, const struct question *b)
{
	return a->facts == b->facts && a->ctl == b->ctl && a->on == b->on &&
	       a->origins == b->origins;
}

static size_t ask(const struct question *q, struct outcome *out)
{
	struct rule_step steps[RULE_STEPS_MAX];
	const enum ctl ctl = (enum ctl)q->ctl;
	const size_t count =
		q->on <= ON_CHECK_LAST
			? rules_segment(ctl, q->facts, q->origins, steps)
			: rules_event(ctl, (enum rule_on)q->on, q->facts, q->origins, steps);
	for (size_t i = 0; i < count; i++)
		out[i] = (struct outcome){
			.emit = steps[i].emit,
			.to = (uint8_t)steps[i].to,
			.take = steps[i].take,
			.origins = steps[i].origins,
			.row = steps[i].rows_count > 0 ? steps[i].rows[steps[i].rows_count - 1]
						       : OUTCOME_NO_ROW,
		};
	return count;
}

size_t outcomes(const struct question *q, struct outcome *out)
{
	uint32_t at =
		(q->facts * 31u + q->ctl * 8u + q->on * 577u + q->origins) * 2654435761u >> 21;
	for (; memo.slot[at] != 0; at = (at + 1) % MEMO_SLOTS) {
		const struct asked *a = &memo.asked[memo.slot[at] - 1];
		if (same_question(&a->question, q)) {
			memcpy(out, &memo.outcome[a->first], a->count * sizeof *out);
			return a->count;
		}
	}
	const size_t count = ask(q, out);
	if (memo.asked_count == MEMO_QUESTIONS || memo.outcome_count + count > MEMO_OUTCOMES) {
		memset(memo.slot, 0, sizeof memo.slot);
		memo.asked_count = memo.outcome_count = 0;
		return count;
	}
	memo.asked[memo.asked_count] = (struct asked){*q, (uint16_t)count, memo.outcome_count};
	memcpy(&memo.outcome[memo.outcome_count], out, count * sizeof *out);
	memo.outcome_count = (uint16_t)(memo.outcome_count + count);
	memo.slot[at] = ++memo.asked_count;
	return count;
}

/* Before its SYN is acknowledged it has sent nothing but SYN and perhaps FIN (Fast Open aside,
 * where the SYN was seen), so SND.NXT tells the ISS even if the SYN was not seen. */
seq_t node_iss(const struct belief *b, const struct node *n)
{
	if (b->iss_exact || (n->flags & (NODE_SYN_ACKED | NODE_FAST_OPEN)))
		return b->iss;
	return seq_sub(n->snd_nxt, ctl_is_fin_sent((enum ctl)n->ctl) ? 2 : 1);
}

/* A node as a segment meets it, with everything decided. */
struct meeting {
	struct node node;
	struct input_vars vars;
};

#define MEETINGS_MAX 6

static struct input_vars vars_of(const struct belief *b, const struct node *n)
{
	struct input_vars v = {
		.ctl = (enum ctl)n->ctl,
		.snd_wnd_max = 65535u << (b->wscale_agreed ? b->own_wscale : 14),
		.rcv_nxt = n->rcv_nxt,
		.rcv_wnd = WINDOW_WIDEST,
		.irs = seq_sub(n->rcv_nxt, FAR),
	};
	const struct own *syn = own_syn(b, n->rcv_nxt);
	if (syn != NULL)
		v.irs = syn->seq;
	if (n->inc != INC_KNOWN)
		return v;
	v.iss = node_iss(b, n);
	v.snd_nxt = n->snd_nxt;
	v.snd_una = (n->flags & NODE_SYN_ACKED) ? seq_add(v.iss, 1) : v.iss;
	if (n->ctl == CTL_FIN_WAIT_2 || n->ctl == CTL_TIME_WAIT)
		v.snd_una = n->snd_nxt;
	return v;
}

/* An incarnation whose numbers are unknown: ahead of what we acknowledge, or behind. */
static size_t meet_unknown(const struct belief *b, const struct node *n, const struct own *s,
			   struct meeting *m)
{
	for (size_t i = 0; i < 2; i++) {
		m[i] = (struct meeting){*n, vars_of(b, n)};
		m[i].vars.iss = i == 0 ? seq_sub(s->ack, FAR) : seq_add(s->ack, FAR);
		m[i].vars.snd_una = m[i].vars.iss;
		m[i].vars.snd_nxt =
			seq_add(m[i].vars.iss, ctl_is_fin_sent((enum ctl)n->ctl) ? 2 : 1);
		m[i].vars.snd_wnd_max = 65535;
	}
	return (s->flags & TCP_ACK) ? 2 : 1;
}

bool is_syn_received(enum ctl c)
{
	return ctl_state(c) == ST_SYN_RECEIVED;
}

/* Whether it matters if SND.NXT is exactly what we acknowledge: a FIN may be covered by it, or
 * set free. */
static bool is_ack_decisive(const struct node *n)
{
	const enum ctl c = (enum ctl)n->ctl;
	return ctl_is_fin_sent(c) || (ctl_is_fin_queued(c) && (n->flags & NODE_TEXT_WAITS) == 0);
}

static size_t meet_ack(const struct belief *b, const struct node *n, const struct own *s,
		       bool nominal, struct meeting *m)
{
	m[0] = (struct meeting){*n, vars_of(b, n)};
	if (!node_has_numbers((enum ctl)n->ctl))
		return 1;
	if (n->inc != INC_KNOWN)
		return meet_unknown(b, n, s, m);
	/* Of a SYN with text we cannot know how much went; what is acknowledged did. */
	if (nominal && n->ctl == CTL_SYN_SENT && (n->flags & NODE_OPEN) && (s->flags & TCP_ACK) &&
	    seq_gt(s->ack, n->snd_nxt)) {
		m[0].node.snd_nxt = s->ack;
		m[0].vars.snd_nxt = s->ack;
		return 1;
	}
	if ((s->flags & TCP_ACK) == 0 || (n->flags & NODE_OPEN) == 0 || nominal ||
	    seq_lt(s->ack, n->snd_nxt) || (b->offer_known && seq_gt(s->ack, seq_add(b->offer, 1))))
		return 1;
	m[0].node.snd_nxt = s->ack;
	if (!is_ack_decisive(n)) {
		m[1] = m[0]; /* or it has not sent so much: SYN-RECEIVED answers that with a RST */
		m[1].node.snd_nxt = n->snd_nxt;
		m[0].vars.snd_nxt = s->ack;
		return is_syn_received((enum ctl)n->ctl) && seq_gt(s->ack, n->snd_nxt) ? 2 : 1;
	}
	m[1] = m[0];
	m[0].node.flags &= (uint8_t)~NODE_OPEN;
	m[1].node.snd_nxt = seq_add(s->ack, 1);
	for (size_t i = 0; i < 2; i++) {
		m[i].vars.snd_nxt = m[i].node.snd_nxt;
		if (n->ctl == CTL_FIN_WAIT_2 || n->ctl == CTL_TIME_WAIT)
			m[i].vars.snd_una = m[i].node.snd_nxt;
	}
	return 2;
}

/* The least room that the end is known to have at @p n. */
static uint32_t least_window(const struct belief *b, const struct node *n)
{
	if (n->inc != INC_KNOWN)
		return 0;
	seq_t edge = b->edge;
	if (!b->edge_known) {
		const struct own *syn = own_syn(b, n->rcv_nxt);
		if (syn == NULL)
			return 0;
		edge = seq_add(syn->seq, 1 + b->its_syn_window);
	}
	return seq_le(edge, n->rcv_nxt) ? 0 : (uint32_t)seq_diff(edge, n->rcv_nxt);
}

/* All windows that make a difference to @p s. */
static size_t windows_of(const struct belief *b, const struct node *n, const struct own *s,
			 bool nominal, uint32_t *windows)
{
	const uint32_t least = least_window(b, n);
	const uint32_t wide =
		n->inc == INC_KNOWN && b->wscale_agreed ? 65535u << b->wscale : WINDOW_WIDEST;
	if (nominal) {
		windows[0] = n->inc == INC_KNOWN && b->edge_known ? least : 65535;
		return 1;
	}
	size_t count = 0;
	windows[count++] = wide > least ? wide : least;
	const bool fin = (s->flags & TCP_FIN) != 0;
	const seq_t text_end = seq_sub(own_end(s), fin ? 1 : 0);
	if (is_syn_received((enum ctl)n->ctl))
		windows[count++] = least; /* where being outside is answered by an ACK */
	if ((s->text_bytes == 0 && !fin) || n->ctl == CTL_SYN_SENT ||
	    seq_le(own_end(s), seq_add(n->rcv_nxt, least)) ||
	    !seq_within(n->rcv_nxt, s->seq, s->text_bytes + 2))
		return count;
	if (count == 1)
		windows[count++] = least;
	const int32_t text = seq_diff(text_end, n->rcv_nxt);
	if (fin && text > 0 && (uint32_t)text > least)
		windows[count++] = (uint32_t)text;
	return count;
}

/* As belief.h says of cookies: RFC 4987 section 3.6; only the difference is checked, and in it the
 * index of the MSS is hidden. */
static bool is_cookie(const struct belief *b, const struct own *s)
{
	if (!b->cookies || !b->iss_known || (s->flags & TCP_ACK) == 0)
		return false;
	for (uint8_t i = 0; i < b->owns; i++)
		if ((b->own[i].flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		    seq_within(seq_add(seq_of(s->ack.raw - s->seq.raw), COOKIE_INDEXES - 1),
			       seq_of(b->iss.raw - b->own[i].seq.raw), 2 * COOKIE_INDEXES - 1))
			return true;
	return false;
}

static facts_t facts_of(const struct belief *b, struct meeting *m, const struct own *s)
{
	struct segment seg;
	memset(&seg, 0, sizeof seg);
	seg.seq = s->seq;
	seg.ack = s->ack;
	seg.flags = s->flags;
	seg.payload_bytes = s->text_bytes;
	if (s->has_ts && m->vars.ctl == CTL_TIME_WAIT && (s->flags & TCP_SYN)) {
		/* Its time stamp may be newer than any: reopens TIME-WAIT (RFC 6191). */
		seg.option.has_timestamps = true;
		seg.option.ts_value = 1;
		m->vars.has_ts_recent = true;
	}
	facts_t facts = input_facts(&m->vars, &seg);
	if (m->vars.ctl == CTL_LISTEN && is_cookie(b, s))
		facts |= FACT_COOKIE;
	return facts;
}

static unsigned cost_of_origins(unsigned origins)
{
	if (origins & ORIGIN_ABNORMAL)
		return COST_ABNORMAL;
	return (origins & (ORIGIN_MAY | ORIGIN_STACK)) ? COST_STACK : 0;
}

/* RCV.NXT after the row took what it takes. */
static void take_numbers(const struct meeting *m, const struct own *s, unsigned take,
			 struct node *to)
{
	seq_t text = s->seq;
	if (s->flags & TCP_SYN)
		text = seq_add(text, 1);
	const seq_t text_end = seq_add(text, s->text_bytes);
	const bool fresh = m->vars.ctl == CTL_LISTEN || m->vars.ctl == CTL_SYN_SENT;
	if (take & TAKE_SYN)
		to->rcv_nxt = text;
	if (take & TAKE_TEXT) {
		const seq_t edge = seq_add(m->vars.rcv_nxt, m->vars.rcv_wnd);
		to->rcv_nxt = fresh ? text_end : seq_min(text_end, edge);
	}
	if (take & TAKE_FIN)
		to->rcv_nxt = seq_add(text_end, 1);
}

unsigned anchor_choices(const struct belief *b)
{
	return b->iss_exact ? 1 : b->own_syn_closed ? 3 : 2;
}

struct node node_anchored(const struct belief *b, const struct node *u, unsigned choice)
{
	struct node n = *u;
	n.inc = INC_KNOWN;
	if (!b->iss_exact && (n.flags & NODE_FAST_OPEN)) {
		n.snd_nxt = seq_add(b->iss, 1); /* its text hides the ISS */
		n.flags |= NODE_OPEN;
		return n;
	}
	n.snd_nxt = seq_add(b->iss_guess, choice + (ctl_is_fin_sent((enum ctl)n.ctl) ? 2 : 1));
	if (n.ctl == CTL_SYN_SENT && b->syn_has_text)
		n.flags |= NODE_OPEN;
	return n;
}

/* A new incarnation begins: of which ISS? */
static size_t begin(const struct belief *b, const struct node *from, struct move *moves)
{
	struct node *to = &moves[0].to;
	to->flags &= (uint8_t) ~(NODE_OPEN | NODE_SYN_ACKED | NODE_TEXT_WAITS);
	if (from->inc == INC_KNOWN)
		to->inc = INC_AFTER; /* out of TIME-WAIT */
	if (to->inc == INC_AFTER || !b->iss_known)
		return 1;
	for (unsigned choice = 0; choice < anchor_choices(b); choice++) {
		moves[1 + choice] = moves[0];
		moves[1 + choice].to = node_anchored(b, to, choice);
	}
	return 1 + anchor_choices(b);
}

/* A FIN that alone waits goes as soon as all before it is acknowledged and the window is open:
 * nothing is left that could hold it back. Where a closed window did, an ACK may go before it.
 * @return how many moves there are */
static size_t flush(struct belief *b, const struct meeting *m, const struct own *s,
		    struct move *move)
{
	const struct node *to = &move->to;
	const enum ctl c = (enum ctl)to->ctl;
	if (to->inc != INC_KNOWN || !ctl_is_fin_queued(c) || (to->flags & NODE_TEXT_WAITS) ||
	    (to->flags & NODE_OPEN) || s->window == 0 || (move->take & TAKE_ACK) == 0 ||
	    !seq_eq(s->ack, m->vars.snd_nxt) || (to->flags & NODE_SYN_ACKED) == 0)
		return 1;
	struct outcome out[RULE_STEPS_MAX];
	const struct question question = {
		.facts = FACT_FIN_GOES, .ctl = to->ctl, .on = ON_TRANSMIT, .origins = b->origins};
	if (outcomes(&question, out) == 0)
		return 1;
	const bool acks = (move->emit & (EMIT_ACK | EMIT_CHALLENGE)) != 0;
	const size_t before = b->own_window_closed && acks ? 1 : 0;
	move[before] = move[0];
	move[before].to.ctl = out[0].to;
	move[before].to.snd_nxt = seq_add(to->snd_nxt, 1);
	move[before].emit |= out[0].emit;
	return before + 1;
}

static size_t carry_out(struct belief *b, const struct meeting *m, const struct own *s,
			const struct outcome *out, struct move *moves)
{
	const enum ctl to = (enum ctl)out->to;
	struct move *move = &moves[0];
	*move = (struct move){m->node, out->emit, out->row, out->origins, out->take};
	move->to.ctl = out->to;
	move->to.flags |= NODE_TODO;
	node_add_cost(&move->to, cost_of_origins(out->origins));
	take_numbers(m, s, out->take, &move->to);
	size_t count = 1;
	const bool opens = !node_has_numbers(m->vars.ctl) || m->vars.ctl == CTL_TIME_WAIT;
	if (opens && to != m->vars.ctl && node_has_numbers(to)) {
		if ((out->take & TAKE_TEXT) || s->fast_open)
			move->to.flags |= NODE_FAST_OPEN;
		count = begin(b, &m->node, moves);
	}
	if (m->vars.ctl == CTL_LISTEN && (out->origins & ORIGIN_COOKIE) && (out->take & TAKE_ACK)) {
		moves[0].to.inc = INC_KNOWN;
		moves[0].to.snd_nxt = s->ack;
		moves[0].to.rcv_nxt = s->seq;
		moves[0].to.flags |= NODE_SYN_ACKED;
		count = 1;
	} else if ((out->take & TAKE_ACK) && node_has_numbers(to) && seq_gt(s->ack, m->vars.iss)) {
		moves[0].to.flags |= NODE_SYN_ACKED;
	}
	if (count == 1)
		count = flush(b, m, s, moves);
	for (size_t i = 0; i < count; i++)
		node_normalise(&moves[i].to);
	return count;
}

static size_t deliver_one(struct belief *b, struct meeting *m, const struct own *s,
			  const struct moves_wanted *wanted, struct move *moves)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct question question = {.facts = facts_of(b, m, s),
					  .ctl = m->node.ctl,
					  .on = ON_CHECK_1,
					  .origins = (uint8_t)(wanted->origins & b->origins)};
	const size_t outs = outcomes(&question, out);
	size_t count = 0;
	for (size_t i = 0; i < outs; i++) {
		const bool kills = (out[i].emit & (EMIT_RST | EMIT_RST_BOUNCE | EMIT_RST_ACK)) &&
				   out[i].to != m->node.ctl;
		if (kills && !wanted->abnormal)
			continue;
		count += carry_out(b, m, s, &out[i], &moves[count]);
	}
	return count;
}

static size_t deliver_whole(struct belief *b, const struct node *n, const struct own *s,
			    const struct moves_wanted *wanted, struct move *moves)
{
	struct meeting m[MEETINGS_MAX];
	const size_t meetings = meet_ack(b, n, s, wanted->nominal, m);
	size_t count = 0;
	for (size_t i = 0; i < meetings && !(wanted->nominal && i > 0); i++) {
		uint32_t windows[3];
		const size_t sizes = windows_of(b, n, s, wanted->nominal, windows);
		for (size_t w = 0; w < sizes; w++) {
			m[i].vars.rcv_wnd = windows[w];
			count += deliver_one(b, &m[i], s, wanted, &moves[count]);
			assert(count <= MOVES_MAX / 2);
		}
	}
	return count;
}

size_t move_deliver(struct belief *b, const struct node *n, const struct own *s,
		    const struct moves_wanted *wanted, struct move *moves)
{
	if (s->held && (wanted->nominal || (wanted->origins & b->origins & ORIGIN_STACK) == 0))
		return 0;
	size_t count = deliver_whole(b, n, s, wanted, moves);
	for (size_t i = 0; s->held && i < count; i++)
		node_add_cost(&moves[i].to, COST_STACK);
	if (!s->joined || wanted->nominal || s->text_bytes < 2)
		return count;
	struct own last = *s; /* the end of a stretch, out of order */
	last.seq = seq_sub(own_end(s), 1);
	last.text_bytes = 1;
	if (seq_lt(n->rcv_nxt, last.seq) && node_has_numbers((enum ctl)n->ctl))
		count += deliver_whole(b, n, &last, wanted, &moves[count]);
	return count;
}

static unsigned cost_of_event(enum rule_on on)
{
	switch (on) {
	case ON_SEND:
	case ON_TRANSMIT:
	case ON_RETRANSMIT:
	case ON_PROBE:
		return COST_TEXT;
	case ON_CLOSE:
		return COST_CLOSE;
	case ON_OPEN_ACTIVE:
	case ON_OPEN_PASSIVE:
		return COST_OPEN;
	case ON_TIME_WAIT_TIMEOUT:
		return COST_TIMER;
	case ON_ABORT:
	case ON_USER_TIMEOUT:
	case ON_ICMP_HARD:
	case ON_REBOOT:
		return COST_ABNORMAL;
	case ON_ACK_NOW:
	case ON_CHECK_1:
	case ON_CHECK_2:
	case ON_CHECK_3:
	case ON_CHECK_4:
	case ON_CHECK_5:
	case ON_CHECK_6:
	case ON_CHECK_7:
	case ON_CHECK_8:
	case ON_COUNT:
		break;
	}
	return 0;
}

unsigned event_cost(enum rule_on on, const struct outcome *out)
{
	const unsigned cost = cost_of_event(on) + cost_of_origins(out->origins);
	return (out->emit & EMIT_RST) && cost < COST_ABNORMAL ? cost + COST_ABNORMAL : cost;
}

static bool is_abnormal(const struct belief *b, const struct node *n, enum rule_on on)
{
	if (on == ON_OPEN_ACTIVE || on == ON_OPEN_PASSIVE)
		return n->inc == INC_AFTER || b->received_at != 0;
	return cost_of_event(on) >= COST_ABNORMAL;
}

/* SND.NXT after what a call or a timer sent. */
static void send_numbers(const struct node *from, facts_t facts, unsigned emit, struct node *to)
{
	if (to->inc != INC_KNOWN)
		return;
	const bool text = (facts & FACT_UNSENT_DATA) != 0;
	if (emit & EMIT_DATA)
		to->flags |= NODE_OPEN;
	if ((emit & EMIT_FIN) == 0)
		return;
	to->snd_nxt = seq_add(from->snd_nxt, text ? 2 : 1);
	if (text)
		to->flags |= NODE_OPEN;
}

static size_t event_moves(struct belief *b, const struct node *n, enum rule_on on, facts_t facts,
			  struct move *moves)
{
	struct outcome out[RULE_STEPS_MAX];
	const struct question question = {
		.facts = facts, .ctl = n->ctl, .on = (uint8_t)on, .origins = b->origins};
	const size_t outs = outcomes(&question, out);
	size_t count = 0;
	for (size_t i = 0; i < outs; i++) {
		struct move *move = &moves[count];
		*move = (struct move){*n, out[i].emit, out[i].row, out[i].origins, 0};
		move->to.ctl = out[i].to;
		move->to.flags |= NODE_TODO;
		node_add_cost(&move->to, event_cost(on, &out[i]));
		if (is_abnormal(b, n, on) && cost_of_event(on) < COST_ABNORMAL)
			node_add_cost(&move->to, COST_ABNORMAL); /* opened again */
		send_numbers(n, facts, out[i].emit, &move->to);
		count++;
		if (!node_has_numbers((enum ctl)n->ctl) && node_has_numbers((enum ctl)out[i].to))
			count += begin(b, n, move) - 1;
	}
	return count;
}

static void normalise_all(struct move *moves, size_t count)
{
	for (size_t i = 0; i < count; i++)
		node_normalise(&moves[i].to);
}

/* CLOSE, with nothing unsent or with something. */
static size_t close_moves(struct belief *b, const struct node *n, struct move *moves)
{
	size_t count = event_moves(b, n, ON_CLOSE, 0, moves);
	const size_t queued = event_moves(b, n, ON_CLOSE, FACT_UNSENT_DATA, &moves[count]);
	const size_t end = count + queued;
	for (size_t i = count; i < end; i++) {
		moves[i].to.flags |= NODE_TEXT_WAITS;
		node_add_cost(&moves[i].to, COST_TEXT);
	}
	count = end;
	if (b->own_window_closed && (n->flags & NODE_SYN_ACKED))
		for (size_t i = end - queued; i < end; i++) {
			moves[count] = moves[i];
			moves[count++].to.flags &= (uint8_t)~NODE_TEXT_WAITS;
		}
	return count;
}

/* Before its SYN is acknowledged only an end with Fast Open sends text, or one that an ACK of
 * nothing has established. */
bool node_may_text(const struct node *n)
{
	return (n->flags & NODE_SYN_ACKED) || n->ctl == CTL_ESTABLISHED ||
	       n->ctl == CTL_CLOSE_WAIT ||
	       ((n->flags & NODE_FAST_OPEN) && is_syn_received((enum ctl)n->ctl));
}

/* Text goes, and perhaps the FIN behind it. */
static size_t transmit_moves(struct belief *b, const struct node *n, struct move *moves)
{
	if (n->inc != INC_KNOWN || !node_may_text(n))
		return 0;
	if (!ctl_is_fin_queued((enum ctl)n->ctl))
		return event_moves(b, n, ON_TRANSMIT, FACT_UNSENT_DATA, moves);
	if ((n->flags & NODE_TEXT_WAITS) == 0)
		return event_moves(b, n, ON_TRANSMIT, FACT_FIN_GOES, moves);
	size_t count = event_moves(b, n, ON_TRANSMIT, FACT_UNSENT_DATA, moves);
	for (size_t i = 0, end = count; i < end; i++) {
		moves[count] = moves[i]; /* all its text went, the FIN did not fit */
		moves[count].to.snd_nxt = seq_add(n->snd_nxt, 1);
		moves[count++].to.flags &= (uint8_t)~NODE_TEXT_WAITS;
	}
	return count +
	       event_moves(b, n, ON_TRANSMIT, FACT_UNSENT_DATA | FACT_FIN_GOES, &moves[count]);
}

size_t move_event(struct belief *b, const struct node *n, enum rule_on on,
		  const struct moves_wanted *wanted, struct move *moves)
{
	if (!wanted->abnormal && is_abnormal(b, n, on))
		return 0;
	size_t count;
	if (on == ON_CLOSE)
		count = close_moves(b, n, moves);
	else if (on == ON_TRANSMIT)
		count = transmit_moves(b, n, moves);
	else
		count = event_moves(b, n, on, 0, moves);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (wanted->abnormal || (moves[i].emit & EMIT_RST) == 0)
			moves[kept++] = moves[i];
	normalise_all(moves, kept);
	return kept;
}

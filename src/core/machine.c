/*
 * Our own end: calls, segments and timers, each put to the table (rules.h), and what its rows
 * say carried out.
 *
 * Nothing is sent from here. A row that emits something marks it as due (enum machine_due), and
 * machine_output() makes one segment after another of what is due, of what must go again, and
 * of what may go anew. What the table counts as sent (SYN, FIN) SND.NXT counts from that moment
 * on, so that the variables always agree with the state.
 */
#include "machine_internal.h"

#include <assert.h>
#include <string.h>

#define ISN_STEP 65537 /* behind the last SND.NXT, when nobody chose a better ISN */

size_t machine_size(void)
{
	return sizeof(struct machine);
}

void machine_init(struct machine *m, const struct machine_config *config)
{
	assert(config->receive_buffer_bytes <= (uint32_t)1 << 30);
	assert(config->wscale <= 14);
	memset(m, 0, sizeof *m);
	m->config = *config;
	m->remote = config->remote;
	m->isn = config->isn;
	m->ctl = CTL_CLOSED;
	m->timer_at_ns = INT64_MAX;
	m->delayed_ack_at_ns = INT64_MAX;
	m->tail_at_ns = INT64_MAX;
	m->challenges_from_ns = INT64_MIN;
}

void machine_set_isn(struct machine *m, seq_t isn)
{
	m->isn = isn;
}

/* --- what happened ---------------------------------------------------------------------- */

void machine_log_add(struct machine *m, const struct machine_log *log)
{
	if (m->log_count == MACHINE_LOG_MAX) {
		m->log_first = (uint8_t)((m->log_first + 1) % MACHINE_LOG_MAX);
		m->log_count--;
	}
	const unsigned at = (m->log_first + m->log_count) % MACHINE_LOG_MAX;
	m->log[at] = (struct machine_note){
		.kind = (uint8_t)log->kind,
		.from = (uint8_t)log->from,
		.to = (uint8_t)log->to,
		.timer = (uint8_t)log->timer,
		.row = (int16_t)log->row,
		.attempt = (uint16_t)(log->attempt < UINT16_MAX ? log->attempt : UINT16_MAX),
		.after_ns = log->after_ns,
		.time_ns = log->time_ns,
	};
	m->log_count++;
}

bool machine_log_next(struct machine *m, struct machine_log *log)
{
	if (m->log_count == 0)
		return false;
	const struct machine_note *note = &m->log[m->log_first];
	*log = (struct machine_log){
		.kind = (enum machine_log_kind)note->kind,
		.from = (enum ctl)note->from,
		.to = (enum ctl)note->to,
		.row = note->row,
		.timer = (enum timer_kind)note->timer,
		.after_ns = note->after_ns,
		.attempt = note->attempt,
		.time_ns = note->time_ns,
	};
	m->log_first = (uint8_t)((m->log_first + 1) % MACHINE_LOG_MAX);
	m->log_count--;
	return true;
}

/* --- carrying out what the table says --------------------------------------------------- */

/* RFC 5961 section 7. */
static bool challenge_allowed(struct machine *m, int64_t now_ns)
{
	if (m->challenges_from_ns == INT64_MIN || now_ns - m->challenges_from_ns >= NS_PER_S) {
		m->challenges_from_ns = now_ns;
		m->challenges_count = 0;
	}
	if (m->challenges_count == MACHINE_CHALLENGES_MAX)
		return false;
	m->challenges_count++;
	return true;
}

static void ack_later(struct machine *m, int64_t now_ns)
{
	if (m->delayed_ack_at_ns != INT64_MAX)
		return;
	m->delayed_ack_from_ns = now_ns;
	m->delayed_ack_at_ns = now_ns + m->config.delayed_ack_ns;
}

/* The state is left or entered for good: queues and timers go with it. */
static void forget_connection(struct machine *m)
{
	m->send_count = 0;
	m->due &= MACHINE_DUE_RST;
	m->held_count = 0;
	m->fin_held = false;
	timer_stop(m);
	m->delayed_ack_at_ns = INT64_MAX;
	m->isn = seq_add(m->snd_nxt, ISN_STEP);
	if (m->ctl == CTL_LISTEN) {
		m->remote = m->config.remote;
		m->receive_count = 0;
	}
}

/* One row after the other: the transitions they make, and the log of them. */
static void step_transitions(struct machine *m, const struct rule_step *step, int64_t now_ns)
{
	for (size_t i = 0; i < step->rows_count; i++) {
		const struct tcp_rule *row = &tcp_rules[step->rows[i]];
		if (row->to == CTL_SAME)
			continue;
		machine_log_add(m, &(struct machine_log){.kind = MACHINE_LOG_TRANSITION,
							 .from = m->ctl,
							 .to = row->to,
							 .row = step->rows[i],
							 .time_ns = now_ns});
		m->ctl = row->to;
	}
}

/* What calls and timers emit. */
static void event_emit(struct machine *m, unsigned emit)
{
	if (emit & (EMIT_SYN | EMIT_SYN_ACK))
		m->due |= MACHINE_DUE_SYN;
	if (emit & EMIT_ACK)
		m->due |= MACHINE_DUE_ACK_SOON;
	if (emit & EMIT_PROBE)
		m->due |= MACHINE_DUE_PROBE;
	if (emit & EMIT_FIN) {
		send_fin_counted(m);
		m->due |= MACHINE_DUE_FIN;
	}
	if (emit & EMIT_RST) { /* <SEQ=SND.NXT><CTL=RST> */
		m->due |= MACHINE_DUE_RST;
		m->rst_seq = m->snd_nxt;
		m->rst_flags = TCP_RST;
		m->rst_to = m->remote;
	}
}

bool machine_event(struct machine *m, enum rule_on on, facts_t facts, int64_t now_ns)
{
	struct rule_step steps[RULE_STEPS_MAX];
	const size_t count = rules_event(m->ctl, on, facts, ORIGINS_OWN, steps);
	if (count == 0)
		return false;
	const enum ctl before = m->ctl;
	step_transitions(m, &steps[0], now_ns);
	if (m->ctl == CTL_SYN_SENT && before != CTL_SYN_SENT)
		send_begin(m);
	event_emit(m, steps[0].emit);
	if (m->ctl == CTL_CLOSED)
		forget_connection(m);
	return true;
}

/* A new life: what the last one left to be read or asked is gone. */
static bool open_event(struct machine *m, enum rule_on on, int64_t now_ns)
{
	if (on == ON_OPEN_ACTIVE && m->config.remote.port == 0)
		return false; /* "foreign socket unspecified" */
	if (!machine_event(m, on, 0, now_ns))
		return false;
	m->remote = m->config.remote;
	m->receive_count = 0;
	m->fin_received = false;
	m->was_reset = false;
	m->gave_up = false;
	return true;
}

/* --- calls ------------------------------------------------------------------------------ */

bool machine_open_active(struct machine *m, int64_t now_ns)
{
	return open_event(m, ON_OPEN_ACTIVE, now_ns);
}

bool machine_open_passive(struct machine *m, int64_t now_ns)
{
	return open_event(m, ON_OPEN_PASSIVE, now_ns);
}

bool machine_close(struct machine *m, int64_t now_ns)
{
	return machine_event(m, ON_CLOSE, send_facts(m), now_ns);
}

bool machine_abort(struct machine *m, int64_t now_ns)
{
	return machine_event(m, ON_ABORT, 0, now_ns);
}

size_t machine_send(struct machine *m, const uint8_t *data, size_t count, int64_t now_ns)
{
	const uint32_t size = m->config.send_buffer_bytes;
	if (count == 0 || m->send_count == size)
		return 0;
	if (m->ctl == CTL_LISTEN && m->remote.port == 0)
		return 0; /* "foreign socket unspecified" */
	if (!machine_event(m, ON_SEND, 0, now_ns))
		return 0;
	const uint32_t room = size - m->send_count;
	const uint32_t take = count < room ? (uint32_t)count : room;
	uint32_t at = m->send_head + m->send_count;
	if (at >= size)
		at -= size;
	const uint32_t first = take < size - at ? take : size - at;
	memcpy(m->config.send_buffer + at, data, first);
	memcpy(m->config.send_buffer, data + first, take - first);
	m->send_count += take;
	return take;
}

/* --- segments --------------------------------------------------------------------------- */

struct input_vars machine_vars(const struct machine *m)
{
	struct input_vars vars = {
		.ctl = m->ctl,
		.iss = m->iss,
		.snd_una = m->snd_una,
		.snd_nxt = m->snd_nxt,
		.snd_wnd_max = m->snd_wnd_max,
		.irs = m->irs,
		.rcv_nxt = m->rcv_nxt,
		.rcv_wnd = (uint32_t)seq_diff(m->rcv_edge, m->rcv_nxt),
		.has_ts_recent = m->use_timestamps && m->has_ts_recent,
		.ts_recent = m->ts_recent,
	};
	if (m->ctl == CTL_SYN_SENT)
		vars.rcv_wnd = m->config.receive_buffer_bytes < UINT16_MAX
				       ? m->config.receive_buffer_bytes
				       : UINT16_MAX;
	return vars;
}

/* An answer that belongs to no connection of ours goes back to where the segment came from. */
static void reset_answer(struct machine *m, const struct segment *s, unsigned emit)
{
	m->due |= MACHINE_DUE_RST;
	m->rst_to = s->src;
	if (emit & EMIT_RST_BOUNCE) { /* <SEQ=SEG.ACK><CTL=RST> */
		m->rst_seq = s->ack;
		m->rst_flags = TCP_RST;
	} else { /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
		m->rst_seq = seq_of(0);
		m->rst_ack = segment_end(s);
		m->rst_flags = TCP_RST | TCP_ACK;
	}
}

/* Their SYN: who they are, and what will be used. */
static void take_syn(struct machine *m, const struct segment *s, enum ctl before)
{
	if (before == CTL_LISTEN) {
		m->remote = s->src;
		m->was_reset = false;
		send_begin(m);
	}
	receive_begin(m, s);
	send_negotiate(m, s);
}

/* RFC 3168 section 6.1.3: ECE from the first CE until CWR. */
static void take_ecn(struct machine *m, const struct segment *s)
{
	if (!m->use_ecn || (s->flags & TCP_SYN))
		return;
	if (s->flags & TCP_CWR)
		m->ecn_echo = false;
	if ((s->ip.traffic & 3) == 3 && s->payload_bytes > 0)
		m->ecn_echo = true;
}

/* The gap is filled: a FIN that waited behind it is put to the table as if it came now. */
static void take_held_fin(struct machine *m, int64_t now_ns)
{
	if (!m->fin_held || !seq_eq(m->fin_seq, m->rcv_nxt))
		return;
	const facts_t facts = FACT_ACK | FACT_ACK_DUPLICATE | FACT_FIN | FACT_FIN_IN_ORDER |
			      FACT_SEQ_ACCEPTABLE | FACT_SEQ_EXACT;
	struct rule_step steps[RULE_STEPS_MAX];
	(void)rules_segment(m->ctl, facts, ORIGINS_OWN, steps);
	step_transitions(m, &steps[0], now_ns);
	if (!(steps[0].take & TAKE_FIN))
		return;
	receive_fin(m);
	m->due |= MACHINE_DUE_ACK;
}

/* RFC 5681 section 4.2: the second full-sized segment, a gap or its end must not wait. */
static void ack_text(struct machine *m, bool at_once, int64_t now_ns)
{
	if (at_once)
		m->due |= MACHINE_DUE_ACK;
	else if (m->config.delayed_ack_ns == 0 || m->unacked_bytes >= 2 * m->full_bytes)
		m->due |= MACHINE_DUE_ACK_SOON;
	else
		ack_later(m, now_ns);
}

static void segment_emit(struct machine *m, const struct segment *s, const struct rule_step *step,
			 bool text_at_once, int64_t now_ns)
{
	const bool is_text = (step->take & (TAKE_TEXT | TAKE_HELD)) != 0;
	if (step->emit & EMIT_SYN_ACK)
		m->due |= MACHINE_DUE_SYN;
	if (step->emit & (EMIT_RST_BOUNCE | EMIT_RST_ACK))
		reset_answer(m, s, step->emit);
	if ((step->emit & EMIT_ACK) && is_text && !(step->take & (TAKE_FIN | TAKE_SYN)))
		ack_text(m, text_at_once, now_ns);
	else if (step->emit & EMIT_ACK) {
		/* An empty segment outside the window: two ends that disagree would answer each
		 * other's answers for ever, so this has the limit of a challenge. */
		const bool empty = step->take == TAKE_NONE && segment_seq_count(s) == 0;
		if (!empty || challenge_allowed(m, now_ns))
			m->due |= MACHINE_DUE_ACK;
	}
	if ((step->emit & EMIT_CHALLENGE) && challenge_allowed(m, now_ns)) {
		m->due |= MACHINE_DUE_ACK;
		machine_log_add(m, &(struct machine_log){.kind = MACHINE_LOG_CHALLENGED,
							 .from = m->ctl,
							 .to = m->ctl,
							 .row = step->rows[step->rows_count - 1],
							 .time_ns = now_ns});
	}
}

/* Whether it was their RST that ended it, and what that means. */
static void note_reset(struct machine *m, const struct segment *s, const struct rule_step *step,
		       enum ctl before, int64_t now_ns)
{
	if (!(s->flags & TCP_RST) || step->to == before)
		return;
	const bool refused = before == CTL_SYN_SENT || before == CTL_SYN_RECEIVED_ACTIVE ||
			     before == CTL_SYN_RECEIVED_ACTIVE_CLOSE;
	m->was_reset = true;
	machine_log_add(
		m, &(struct machine_log){.kind = refused ? MACHINE_LOG_REFUSED : MACHINE_LOG_RESET,
					 .from = before,
					 .to = step->to,
					 .row = step->rows[step->rows_count - 1],
					 .time_ns = now_ns});
}

/* Entering a state, and staying in TIME-WAIT, can start or end timers. */
static void segment_timers(struct machine *m, facts_t facts, enum ctl before, int64_t now_ns)
{
	if (m->ctl == CTL_TIME_WAIT) {
		const bool fin_again = (facts & FACT_FIN) && !(facts & (FACT_RST | FACT_SYN)) &&
				       (facts & (FACT_SEQ_OLD | FACT_SEQ_EXACT));
		if (before != CTL_TIME_WAIT || fin_again)
			timer_start(m, TIMER_TIME_WAIT, m->config.time_wait_ns, now_ns);
	} else if (m->ctl != before && (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN)) {
		forget_connection(m);
	}
}

/* The table has decided: take in what it says, in the order of the checks. */
static void segment_take(struct machine *m, const struct segment *s, const struct rule_step *step,
			 facts_t facts, int64_t now_ns)
{
	const enum ctl before = m->ctl;
	if (step->take & TAKE_SYN)
		take_syn(m, s, before);
	step_transitions(m, step, now_ns);
	if (step->take & (TAKE_SYN | TAKE_ACK))
		receive_timestamp(m, s, now_ns);
	if (step->take & TAKE_ACK) {
		send_acknowledged(m, s, facts, now_ns);
		take_ecn(m, s);
	}
	bool at_once = false;
	if (step->take & (TAKE_TEXT | TAKE_HELD))
		at_once = receive_text(m, s);
	if (step->take & TAKE_FIN)
		receive_fin(m);
	else if (step->take & TAKE_TEXT)
		take_held_fin(m, now_ns);
	segment_emit(m, s, step, at_once, now_ns);
	note_reset(m, s, step, before, now_ns);
	segment_timers(m, facts, before, now_ns);
}

void machine_segment(struct machine *m, const struct segment *s, int64_t now_ns)
{
	/* Of a packet that was not captured whole only the beginning can be taken. */
	struct segment cut;
	if (s->payload_captured_bytes < s->payload_bytes) {
		cut = *s;
		cut.payload_bytes = s->payload_captured_bytes;
		cut.flags &= (uint16_t)~TCP_FIN;
		s = &cut;
	}
	receive_timestamp_age(m, now_ns);
	const struct input_vars vars = machine_vars(m);
	const facts_t facts = input_facts(&vars, s);
	struct rule_step steps[RULE_STEPS_MAX];
	(void)rules_segment(m->ctl, facts, ORIGINS_OWN, steps);
	segment_take(m, s, &steps[0], facts, now_ns);
}

/* RFC 9293 section 3.9.2.2 calls protocol and port unreachable hard; those who say that it is
 * forbidden mean it as well. */
static bool icmp_is_hard(enum icmp_reason reason)
{
	return reason == ICMP_PROTOCOL_UNREACHABLE || reason == ICMP_PORT_UNREACHABLE ||
	       reason == ICMP_NET_PROHIBITED || reason == ICMP_HOST_PROHIBITED ||
	       reason == ICMP_ADMIN_PROHIBITED || reason == ICMP_POLICY_FAILED ||
	       reason == ICMP_REJECT_ROUTE;
}

bool machine_icmp(struct machine *m, const struct icmp_error *e, int64_t now_ns)
{
	if (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN)
		return false;
	/* RFC 5927 section 4.1: an error that quotes nothing in flight was not caused by us. */
	if (!seq_within(e->quoted_seq, m->snd_una, (uint32_t)seq_diff(m->snd_nxt, m->snd_una)))
		return false;
	if (e->reason == ICMP_FRAGMENTATION_NEEDED && m->syn_acked) {
		send_path_is_narrow(m, e->mtu_bytes);
		return false;
	}
	if (!icmp_is_hard(e->reason) || !machine_event(m, ON_ICMP_HARD, 0, now_ns))
		return false;
	m->was_reset = true;
	return true;
}

/* --- timers ----------------------------------------------------------------------------- */

static void log_timer(struct machine *m, enum machine_log_kind kind, enum timer_kind timer,
		      int64_t from_ns, int64_t now_ns)
{
	machine_log_add(m, &(struct machine_log){.kind = kind,
						 .from = m->ctl,
						 .to = m->ctl,
						 .row = -1,
						 .timer = timer,
						 .after_ns = now_ns - from_ns,
						 .attempt = m->attempt,
						 .time_ns = now_ns});
}

static unsigned retries_max(const struct machine *m)
{
	return m->syn_acked ? m->config.retries_max : m->config.syn_retries_max;
}

/* RETRANSMISSION and PERSIST: ask or send again, or give up. */
static void retry(struct machine *m, enum timer_kind timer, int64_t now_ns)
{
	const int64_t from_ns = m->timer_from_ns;
	if (m->attempt >= retries_max(m)) {
		m->gave_up = true;
		log_timer(m, MACHINE_LOG_GAVE_UP, timer, from_ns, now_ns);
		(void)machine_event(m, ON_USER_TIMEOUT, 0, now_ns);
		return;
	}
	m->attempt++;
	log_timer(m, MACHINE_LOG_TIMER, timer, from_ns, now_ns);
	const facts_t facts = send_facts(m);
	if (timer == TIMER_RETRANSMISSION) {
		if (machine_event(m, ON_RETRANSMIT, facts, now_ns))
			send_timed_out(m);
		timer_start(m, TIMER_RETRANSMISSION, m->rto_ns, now_ns);
		return;
	}
	if (send_window_is_open(m))
		m->due |= MACHINE_DUE_FORCED;
	else
		(void)machine_event(m, ON_PROBE, facts, now_ns);
	timer_start(m, TIMER_PERSIST, send_backoff_ns(m), now_ns);
}

void machine_tick(struct machine *m, int64_t now_ns)
{
	if (now_ns >= m->delayed_ack_at_ns) {
		log_timer(m, MACHINE_LOG_TIMER, TIMER_DELAYED_ACK, m->delayed_ack_from_ns, now_ns);
		m->delayed_ack_at_ns = INT64_MAX;
		(void)machine_event(m, ON_ACK_NOW, 0, now_ns);
	}
	send_tail_tick(m, now_ns);
	if (now_ns < m->timer_at_ns)
		return;
	const enum timer_kind timer = m->timer;
	const int64_t from_ns = m->timer_from_ns;
	timer_stop(m);
	switch (timer) {
	case TIMER_RETRANSMISSION:
	case TIMER_PERSIST:
		retry(m, timer, now_ns);
		break;
	case TIMER_TIME_WAIT:
		log_timer(m, MACHINE_LOG_TIMER, timer, from_ns, now_ns);
		(void)machine_event(m, ON_TIME_WAIT_TIMEOUT, 0, now_ns);
		break;
	case TIMER_USER:
	case TIMER_DELAYED_ACK:
		break;
	}
}

int64_t machine_deadline(const struct machine *m)
{
	const int64_t at_ns =
		m->timer_at_ns < m->delayed_ack_at_ns ? m->timer_at_ns : m->delayed_ack_at_ns;
	return at_ns < m->tail_at_ns ? at_ns : m->tail_at_ns;
}

/* --- output ----------------------------------------------------------------------------- */

/* An ACK goes, alone or with something: nothing of the kind is due any more. */
static void ack_went(struct machine *m)
{
	m->due &= (uint8_t) ~(MACHINE_DUE_ACK | MACHINE_DUE_ACK_SOON);
	m->delayed_ack_at_ns = INT64_MAX;
	m->unacked_bytes = 0;
	m->last_ack_sent = m->rcv_nxt;
}

/* What every segment of a connection carries. */
static void spec_finish(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	const bool syn = (spec->flags & TCP_SYN) != 0;
	if (spec->flags & TCP_ACK) {
		spec->ack = m->rcv_nxt;
		ack_went(m);
	}
	spec->window = receive_announce(m, syn);
	if (m->ecn_echo && !syn)
		spec->flags |= TCP_ECE;
	if (!syn && m->use_timestamps) {
		spec->option.has_timestamps = true;
		spec->option.ts_value = send_timestamp(m, now_ns);
		spec->option.ts_echo = m->ts_recent;
	}
	if (!syn)
		receive_sack(m, &spec->option, send_sack_room(m, spec->payload_bytes));
}

/* The options and flags of a SYN offer; those of a SYN,ACK agree. */
static void spec_syn(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	const struct machine_config *c = &m->config;
	const bool answer = m->ctl != CTL_SYN_SENT;
	m->due &= (uint8_t)~MACHINE_DUE_SYN;
	spec->seq = m->iss;
	spec->flags = answer ? TCP_SYN | TCP_ACK : TCP_SYN;
	spec->flags |= c->syn_flags_extra;
	spec->option.has_mss = c->use_mss;
	spec->option.mss = c->mss;
	spec->option.has_wscale = answer ? m->use_wscale : c->use_wscale;
	spec->option.wscale = c->wscale;
	spec->option.sack_permitted = answer ? m->use_sack : c->use_sack;
	spec->option.has_timestamps = answer ? m->use_timestamps : c->use_timestamps;
	spec->option.ts_value = spec->option.has_timestamps ? send_timestamp(m, now_ns) : 0;
	spec->option.ts_echo = answer && m->use_timestamps ? m->ts_recent : 0;
	/* RFC 3168 section 6.1.1.1: who gets no answer tries again without ECN. */
	if (answer && m->use_ecn)
		spec->flags |= TCP_ECE;
	else if (!answer && c->use_ecn && m->syn_retransmissions == 0)
		spec->flags |= TCP_ECE | TCP_CWR;
	send_syn_went(m, now_ns);
}

static void spec_rst(struct machine *m, struct segment_spec *spec)
{
	m->due &= (uint8_t)~MACHINE_DUE_RST;
	spec->dst = m->rst_to;
	spec->seq = m->rst_seq;
	spec->flags = m->rst_flags;
	if (m->rst_flags & TCP_ACK)
		spec->ack = m->rst_ack;
}

bool machine_output(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	*spec = (struct segment_spec){.src = m->config.local, .dst = m->remote};
	if (m->due & MACHINE_DUE_RST) {
		spec_rst(m, spec);
		return true;
	}
	if (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN)
		return false;
	if (m->due & MACHINE_DUE_SYN) {
		spec_syn(m, spec, now_ns);
	} else if ((m->due & MACHINE_DUE_ACK) && !(m->due & MACHINE_DUE_FIN)) {
		spec->seq = m->snd_nxt;
		spec->flags = TCP_ACK;
	} else if (send_output(m, spec, now_ns)) {
		/* filled */
	} else if (m->due & MACHINE_DUE_PROBE) {
		m->due &= (uint8_t)~MACHINE_DUE_PROBE;
		spec->seq = seq_sub(m->snd_una, 1);
		spec->flags = TCP_ACK;
	} else if (m->due & MACHINE_DUE_ACK_SOON) {
		spec->seq = m->snd_nxt;
		spec->flags = TCP_ACK;
	} else {
		send_idle(m, now_ns);
		return false;
	}
	spec_finish(m, spec, now_ns);
	return true;
}

/* --- questions -------------------------------------------------------------------------- */

enum tcp_state machine_state(const struct machine *m)
{
	return ctl_state(m->ctl);
}

enum ctl machine_ctl(const struct machine *m)
{
	return m->ctl;
}

bool machine_all_acked(const struct machine *m)
{
	return m->send_count == 0 && seq_eq(m->snd_una, m->snd_nxt);
}

size_t machine_unacked(const struct machine *m)
{
	return m->send_count;
}

bool machine_was_reset(const struct machine *m)
{
	return m->was_reset;
}

bool machine_gave_up(const struct machine *m)
{
	return m->gave_up;
}

int64_t machine_rto_ns(const struct machine *m)
{
	return m->rto_ns;
}

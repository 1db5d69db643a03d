/*
 * What goes out: the send ring, retransmission, congestion.
 *
 * The ring holds the bytes from SND.UNA on (from ISS+1 while the SYN is unacknowledged), first
 * those sent, then those never sent. One cursor and one edge describe every kind of
 * retransmission: before lost_edge what is not sacked counts as lost, before again_next it has
 * been sent again. A time-out puts the edge at SND.NXT and the cursor at SND.UNA (go back and
 * slow-start); duplicates put the edge where RFC 6675's IsLost() would, or, without SACK,
 * behind the first segment (RFC 6582). `pipe` is what is believed to be on its way.
 * Invariant: SND.UNA =< again_next, lost_edge =< SND.NXT, and `sacked` is sorted and between.
 */
#include "machine_internal.h"

#include <assert.h>
#include <string.h>

#define MSS_DEFAULT_V4 536 /* RFC 9293 section 3.7.1 */
#define MSS_DEFAULT_V6 1220
#define MSS_MIN 48    /* a smaller one is an attack on us, not a wish (Linux has the same) */
#define WSCALE_MAX 14 /* RFC 7323 section 2.3 */
#define DUPLICATES 3  /* RFC 5681 section 3.2, RFC 6675 section 2 DupThresh */
#define GRANULARITY_NS NS_PER_MS              /* G of RFC 6298 */
#define RTO_AFTER_SYN_NS (3 * NS_PER_S)       /* RFC 6298 section 5.7 */
#define TAIL_SLACK_NS (2 * NS_PER_MS)         /* our own timers are not finer than this */
#define TAIL_DELAYED_ACK_NS (200 * NS_PER_MS) /* WCDelAckT of RFC 8985 section 7.2 */
#define ECT_0 2                               /* RFC 3168 section 5 */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t in_flight(const struct machine *m)
{
	return (uint32_t)seq_diff(m->snd_nxt, m->snd_una);
}

/* The sequence number of the ring's first byte. */
static seq_t ring_first(const struct machine *m)
{
	return m->syn_acked ? m->snd_una : seq_add(m->iss, 1);
}

/* Of the numbers after ring_first, those sent: text, and a FIN if it was. */
static uint32_t sent_count(const struct machine *m)
{
	return (uint32_t)seq_diff(m->snd_nxt, ring_first(m));
}

uint32_t send_unsent(const struct machine *m)
{
	const uint32_t sent = sent_count(m);
	return sent < m->send_count ? m->send_count - sent : 0;
}

/* How far the remote's window reaches beyond SND.NXT. */
static uint32_t window_room(const struct machine *m)
{
	const int32_t room = seq_diff(seq_add(m->snd_una, m->snd_wnd), m->snd_nxt);
	return room > 0 ? (uint32_t)room : 0;
}

facts_t send_facts(const struct machine *m)
{
	facts_t facts = 0;
	if (send_unsent(m) > 0 || window_room(m) == 0)
		facts |= FACT_UNSENT_DATA;
	if (!m->syn_acked)
		facts |= FACT_SYN_UNACKED;
	return facts;
}

/* --- timers ----------------------------------------------------------------------------- */

void timer_start(struct machine *m, enum timer_kind kind, int64_t after_ns, int64_t now_ns)
{
	m->timer = kind;
	m->timer_from_ns = now_ns;
	m->timer_at_ns = now_ns < INT64_MAX - after_ns ? now_ns + after_ns : INT64_MAX - 1;
}

void timer_stop(struct machine *m)
{
	m->timer_at_ns = INT64_MAX;
	m->tail_at_ns = INT64_MAX;
}

bool timer_is_on(const struct machine *m, enum timer_kind kind)
{
	return m->timer_at_ns != INT64_MAX && m->timer == kind;
}

static void rto_set(struct machine *m, int64_t rto_ns)
{
	if (rto_ns < m->config.rto_min_ns)
		rto_ns = m->config.rto_min_ns;
	if (rto_ns > m->config.rto_max_ns)
		rto_ns = m->config.rto_max_ns;
	m->rto_ns = rto_ns;
}

/* RFC 6298 sections 2.2 and 2.3. */
static void rtt_measured(struct machine *m, int64_t rtt_ns)
{
	if (rtt_ns < 1)
		rtt_ns = 1;
	if (m->srtt_ns == 0) {
		m->srtt_ns = rtt_ns;
		m->rttvar_ns = rtt_ns / 2;
	} else {
		const int64_t off = m->srtt_ns - rtt_ns;
		m->rttvar_ns += ((off < 0 ? -off : off) - m->rttvar_ns) / 4;
		m->srtt_ns += (rtt_ns - m->srtt_ns) / 8;
		if (m->srtt_ns < 1)
			m->srtt_ns = 1;
	}
	const int64_t spread = 4 * m->rttvar_ns;
	rto_set(m, m->srtt_ns + (spread > GRANULARITY_NS ? spread : GRANULARITY_NS));
}

uint32_t send_timestamp(const struct machine *m, int64_t now_ns)
{
	return m->config.ts_offset + (uint32_t)(now_ns / NS_PER_MS);
}

/* Karn: only a segment that went once is timed. If it had to go again, the echoed time stamp
 * still tells which copy was answered (RFC 7323 section 4.1). */
static void rtt_sample(struct machine *m, const struct segment *s, bool went_again, int64_t now_ns)
{
	if (m->rtt_timing && seq_ge(s->ack, m->rtt_seq)) {
		m->rtt_timing = false;
		rtt_measured(m, now_ns - m->rtt_from_ns);
	} else if (went_again && m->use_timestamps && s->option.has_timestamps) {
		const int32_t rtt_ms = (int32_t)(send_timestamp(m, now_ns) - s->option.ts_echo);
		if (rtt_ms >= 0 && rtt_ms * NS_PER_MS <= m->config.rto_max_ns)
			rtt_measured(m, rtt_ms * NS_PER_MS);
	}
}

/* --- beginning -------------------------------------------------------------------------- */

void send_begin(struct machine *m)
{
	m->iss = m->isn;
	m->snd_una = m->iss;
	m->snd_nxt = seq_add(m->iss, 1);
	m->snd_wl1 = m->snd_wl2 = seq_of(0);
	m->snd_wnd = m->snd_wnd_max = 0;
	m->syn_acked = false;
	m->use_wscale = m->use_timestamps = m->use_sack = m->use_ecn = false;
	m->snd_shift = 0;
	m->has_ts_recent = false;
	m->ecn_cwr_due = m->ecn_echo = false;
	m->recovery = MACHINE_STEADY;
	m->duplicate_acks = 0;
	m->cwnd_acked = 0;
	m->sacked_count = 0;
	m->recover = m->lost_edge = m->again_next = m->again_mark = m->snd_una;
	m->tail = MACHINE_TAIL_QUIET;
	m->ssthresh = UINT32_MAX / 4; /* RFC 5681 section 3.1: arbitrarily high */
	m->rto_ns = m->config.rto_initial_ns;
	m->srtt_ns = m->rttvar_ns = 0;
	m->attempt = 0;
	m->syn_retransmissions = 0;
	m->rtt_timing = false;
	m->due = (uint8_t)((m->due & MACHINE_DUE_RST) | MACHINE_DUE_SYN);
}

static uint16_t path_mss(const struct machine *m)
{
	const uint16_t mtu = m->config.mtu_payload;
	if (mtu == 0)
		return m->config.mss;
	return mtu > TCP_HEADER_BYTES + MSS_MIN ? (uint16_t)(mtu - TCP_HEADER_BYTES) : MSS_MIN;
}

void send_negotiate(struct machine *m, const struct segment *s)
{
	const struct option_set *o = &s->option;
	m->use_wscale = m->config.use_wscale && o->has_wscale;
	m->snd_shift = 0;
	if (m->use_wscale)
		m->snd_shift = o->wscale < WSCALE_MAX ? o->wscale : WSCALE_MAX;
	m->use_timestamps = m->config.use_timestamps && o->has_timestamps;
	m->use_sack = m->config.use_sack && o->sack_permitted;
	/* RFC 3168 section 6.1.1: a SYN asks with ECE and CWR, a SYN,ACK agrees with ECE alone. */
	const uint16_t ecn = s->flags & (TCP_ECE | TCP_CWR);
	m->use_ecn = m->config.use_ecn && ecn == (s->flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR);

	uint32_t mss = s->src.addr.family == IP_V6 ? MSS_DEFAULT_V6 : MSS_DEFAULT_V4;
	if (o->has_mss)
		mss = o->mss;
	mss = min_u32(mss, min_u32(m->config.mss, path_mss(m)));
	m->snd_mss = (uint16_t)max_u32(mss, MSS_MIN);
	m->snd_wnd = s->window;
	m->snd_wnd_max = s->window;
	m->snd_wl1 = s->seq;
	m->snd_wl2 = m->snd_una;
}

/* Text that fits beside the options of an ordinary segment. */
static uint32_t text_max(const struct machine *m)
{
	return m->use_timestamps ? m->snd_mss - 12u : m->snd_mss;
}

/* RFC 6928 section 2: ten segments; one, if the SYN went more than twice. */
static uint32_t initial_window(const struct machine *m)
{
	if (m->syn_retransmissions > 1)
		return m->snd_mss;
	return min_u32(10u * m->snd_mss, max_u32(2u * m->snd_mss, 14600));
}

/* --- what is on its way ----------------------------------------------------------------- */

/* Of [left, right), how much the remote does not hold as far as we know. */
static uint32_t unsacked_count(const struct machine *m, seq_t left, seq_t right)
{
	if (!seq_lt(left, right))
		return 0;
	uint32_t count = (uint32_t)seq_diff(right, left);
	for (uint8_t i = 0; i < m->sacked_count; i++) {
		const seq_t from = seq_max(m->sacked[i].left, left);
		const seq_t to = seq_min(m->sacked[i].right, right);
		if (seq_lt(from, to))
			count -= (uint32_t)seq_diff(to, from);
	}
	return count;
}

/* RFC 6675 section 4, SetPipe(); without SACK every duplicate ACK stands for a segment. */
static uint32_t pipe_bytes(const struct machine *m)
{
	uint32_t pipe = unsacked_count(m, m->snd_una, m->snd_nxt);
	uint32_t gone = unsacked_count(m, m->again_next, m->lost_edge);
	if (!m->use_sack)
		gone += m->duplicate_acks * (uint32_t)m->snd_mss;
	return pipe > gone ? pipe - gone : 0;
}

/* RFC 6675 section 4, IsLost(): everything before the result has more than two segments, that
 * are held, behind it. SND.UNA: nothing is lost. */
static seq_t sack_lost_edge(const struct machine *m)
{
	uint32_t beyond = 0;
	for (uint8_t i = m->sacked_count; i-- > 0;) {
		beyond += (uint32_t)seq_diff(m->sacked[i].right, m->sacked[i].left);
		if (beyond > (DUPLICATES - 1) * text_max(m))
			return m->sacked[i].left;
	}
	return m->snd_una;
}

/* Add one stretch to the scoreboard. @return whether it told anything new */
static bool sacked_add(struct machine *m, struct machine_range range)
{
	/* As distances, since three comparisons modulo 2^32 need not agree with each other. */
	const uint32_t left = seq_rel(range.left, m->snd_una);
	const uint32_t right = seq_rel(range.right, m->snd_una);
	if (left == 0 || left >= right || right > in_flight(m) ||
	    unsacked_count(m, range.left, range.right) == 0)
		return false;
	uint8_t at = 0;
	while (at < m->sacked_count && seq_lt(m->sacked[at].right, range.left))
		at++;
	uint8_t end = at;
	while (end < m->sacked_count && seq_le(m->sacked[end].left, range.right)) {
		range.left = seq_min(range.left, m->sacked[end].left);
		range.right = seq_max(range.right, m->sacked[end].right);
		end++;
	}
	if (end == at && m->sacked_count == MACHINE_SACKED_MAX)
		return false; /* forgotten: at worst it goes twice */
	memmove(m->sacked + at + 1, m->sacked + end,
		(size_t)(m->sacked_count - end) * sizeof m->sacked[0]);
	m->sacked[at] = range;
	m->sacked_count = (uint8_t)(m->sacked_count + 1 - (end - at));
	return true;
}

/* SND.UNA has moved. A stretch that it cuts was taken back by the remote (RFC 2018 section 8). */
static void sacked_forget(struct machine *m)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < m->sacked_count; i++)
		if (seq_gt(m->sacked[i].left, m->snd_una))
			m->sacked[kept++] = m->sacked[i];
	m->sacked_count = kept;
}

/* --- congestion control ----------------------------------------------------------------- */

/* RFC 5681 equation 4; what limited transmit (RFC 3042) sent beyond cwnd does not count. */
static uint32_t half_flight(const struct machine *m)
{
	return max_u32(min_u32(in_flight(m), m->cwnd) / 2, 2u * m->snd_mss);
}

/* RFC 5681 section 3.1, counting bytes in congestion avoidance; only a window that was used
 * has proved anything. */
static void cwnd_grow(struct machine *m, uint32_t acked, bool was_limiting)
{
	if (!was_limiting)
		return;
	if (m->cwnd < m->ssthresh) {
		m->cwnd += min_u32(acked, m->snd_mss);
		return;
	}
	m->cwnd_acked += acked;
	if (m->cwnd_acked >= m->cwnd) {
		m->cwnd_acked -= m->cwnd;
		m->cwnd += m->snd_mss;
	}
}

/* RFC 3168 section 6.1.2: once for a window of data. */
static void ecn_react(struct machine *m)
{
	if (m->recovery != MACHINE_STEADY || seq_le(m->snd_una, m->recover))
		return;
	m->ssthresh = max_u32(m->cwnd / 2, 2u * m->snd_mss);
	m->cwnd = m->ssthresh;
	m->recover = m->snd_nxt;
	m->ecn_cwr_due = true;
}

static void fast_recovery_begin(struct machine *m)
{
	m->tail = MACHINE_TAIL_QUIET;
	m->tail_at_ns = INT64_MAX;
	m->again_mark = m->snd_nxt;
	m->ssthresh = half_flight(m);
	m->recovery = MACHINE_FAST_RECOVERY;
	m->recover = m->snd_nxt;
	m->cwnd = m->ssthresh;
	m->again_next = m->snd_una;
	m->lost_edge = seq_min(seq_add(m->snd_una, text_max(m)), m->snd_nxt);
	m->rtt_timing = false;
	m->due |= MACHINE_DUE_AGAIN;
	if (m->use_ecn)
		m->ecn_cwr_due = true;
}

/* Whether the stretch that begins here is held by the remote. */
static bool is_sacked(const struct machine *m, seq_t left)
{
	return unsacked_count(m, left, seq_add(left, 1)) == 0;
}

/* The repetition of SND.UNA is lost as well: enough of what was sent after it has arrived. By the
 * RFCs alone only the time-out would find that out. */
static bool again_is_lost(const struct machine *m)
{
	const uint32_t later = (uint32_t)seq_diff(m->snd_nxt, m->again_mark);
	return m->use_sack && seq_gt(m->again_next, m->snd_una) &&
	       later - unsacked_count(m, m->again_mark, m->snd_nxt) >
		       (DUPLICATES - 1) * text_max(m);
}

/* RFC 5681 section 4.3: the loss of a repetition is a second sign of congestion. */
static void again_once_more(struct machine *m)
{
	m->ssthresh = max_u32(m->cwnd / 2, 2u * m->snd_mss);
	m->cwnd = min_u32(m->cwnd, m->ssthresh);
	m->again_next = m->snd_una;
	m->due |= MACHINE_DUE_AGAIN;
}

/* What duplicates and SACK say about loss. */
static void recovery_update(struct machine *m)
{
	seq_t edge = sack_lost_edge(m);
	/* The probe came later by two round trips: what is missing before it is lost. */
	if (m->tail == MACHINE_TAIL_SENT && is_sacked(m, m->tail_left))
		edge = seq_max(edge, m->tail_left);
	/* RFC 6582 section 3.2 step 2: duplicates may still be of the last recovery's repetitions.
	 * What SACK names was sent after it (RFC 6675 section 5). */
	const bool anew =
		seq_gt(m->snd_una, m->recover) || (m->use_sack && seq_eq(m->snd_una, m->recover));
	if (m->recovery == MACHINE_STEADY && in_flight(m) > 0 && m->syn_acked && anew &&
	    (seq_gt(edge, m->snd_una) || m->duplicate_acks >= DUPLICATES))
		fast_recovery_begin(m);
	if (m->recovery == MACHINE_FAST_RECOVERY) {
		m->lost_edge = seq_max(m->lost_edge, edge);
		if (again_is_lost(m))
			again_once_more(m);
	}
}

/* New data is acknowledged while something was lost. */
static void recovery_progress(struct machine *m, uint32_t acked, bool was_limiting)
{
	const bool over = seq_ge(m->snd_una, m->recover);
	switch (m->recovery) {
	case MACHINE_STEADY:
		m->duplicate_acks = 0;
		cwnd_grow(m, acked, was_limiting);
		/* Keep `recover` near, so that it never seems to lie ahead after 2 GiB. */
		if (over)
			m->recover = seq_sub(m->snd_una, 1);
		break;
	case MACHINE_FAST_RECOVERY:
		if (over) {
			/* RFC 6582 section 3.2 step 3: no burst when little is in flight. */
			m->cwnd = min_u32(m->ssthresh,
					  max_u32(in_flight(m), m->snd_mss) + m->snd_mss);
			m->recovery = MACHINE_STEADY;
			m->duplicate_acks = 0;
		} else if (!m->use_sack) {
			/* A partial ACK: the next one is lost too. */
			const uint32_t segments = (acked + m->snd_mss - 1) / m->snd_mss;
			m->duplicate_acks -= min_u32(m->duplicate_acks, segments - 1);
			m->again_next = m->snd_una;
			m->lost_edge = seq_min(seq_add(m->snd_una, text_max(m)), m->snd_nxt);
			m->due |= MACHINE_DUE_AGAIN;
		}
		break;
	case MACHINE_LOSS_RECOVERY:
		m->duplicate_acks = 0;
		cwnd_grow(m, acked, true);
		if (over)
			m->recovery = MACHINE_STEADY;
		break;
	}
	if (m->recovery == MACHINE_STEADY)
		m->lost_edge = m->again_next = m->snd_una;
	m->again_next = seq_max(m->again_next, m->snd_una);
	m->lost_edge = seq_max(m->lost_edge, m->snd_una);
}

/* Everything in flight goes again. */
static void all_again(struct machine *m)
{
	m->sacked_count = 0; /* RFC 2018 section 8: after a time-out believe no SACK */
	m->duplicate_acks = 0;
	m->recovery = MACHINE_LOSS_RECOVERY;
	m->recover = m->snd_nxt;
	m->again_next = m->snd_una;
	m->lost_edge = m->snd_nxt;
	m->tail = MACHINE_TAIL_QUIET;
	m->tail_at_ns = INT64_MAX;
	m->rtt_timing = false;
	m->due |= MACHINE_DUE_AGAIN;
}

/* --- the tail probe, RFC 8985 section 7 ----------------------------------------------------- */

/* Section 7.2: two round trips; of a single segment the acknowledgement may be delayed. */
static void tail_schedule(struct machine *m, int64_t now_ns)
{
	m->tail_at_ns = INT64_MAX;
	if (!m->config.tail_probe || !m->use_sack || m->recovery == MACHINE_LOSS_RECOVERY ||
	    m->tail != MACHINE_TAIL_QUIET || m->srtt_ns == 0 || in_flight(m) == 0)
		return;
	const int64_t after_ns = 2 * m->srtt_ns + TAIL_SLACK_NS +
				 (in_flight(m) <= text_max(m) ? TAIL_DELAYED_ACK_NS : 0);
	if (now_ns + after_ns < m->timer_at_ns)
		m->tail_at_ns = now_ns + after_ns;
}

void send_tail_tick(struct machine *m, int64_t now_ns)
{
	if (now_ns < m->tail_at_ns)
		return;
	m->tail_at_ns = INT64_MAX;
	if (in_flight(m) == 0 || !m->syn_acked)
		return;
	if (m->recovery == MACHINE_STEADY) {
		m->tail = MACHINE_TAIL_DUE;
	} else if (m->recovery == MACHINE_FAST_RECOVERY) {
		/* Where cwnd is two segments, a repetition that is lost fills it: nothing may go
		 * that could tell of the loss. So the probe is the repetition, once. */
		m->tail = MACHINE_TAIL_SENT;
		m->tail_left = m->snd_una;
		again_once_more(m);
	}
}

/* SND.UNA has moved: beyond the probe, it has done what it was for. */
static void tail_acknowledged(struct machine *m, int64_t now_ns)
{
	if (m->tail == MACHINE_TAIL_DUE ||
	    (m->tail == MACHINE_TAIL_SENT && seq_gt(m->snd_una, m->tail_left)))
		m->tail = MACHINE_TAIL_QUIET;
	tail_schedule(m, now_ns);
}

void send_timed_out(struct machine *m)
{
	m->rto_ns = m->rto_ns > m->config.rto_max_ns / 2 ? m->config.rto_max_ns : m->rto_ns * 2;
	m->rtt_timing = false;
	if (!m->syn_acked) {
		m->syn_retransmissions++;
		m->due |= MACHINE_DUE_SYN;
		return;
	}
	if (m->attempt == 1)
		m->ssthresh = half_flight(m); /* RFC 5681 section 3.1: not again for the same */
	m->cwnd = m->snd_mss;
	all_again(m);
}

void send_path_is_narrow(struct machine *m, uint32_t mtu_bytes)
{
	const bool v6 = m->remote.addr.family == IP_V6;
	const uint32_t ip_bytes = v6 ? 40 : 20;
	const uint32_t least = v6 ? 1280 : 68; /* RFC 8200 section 5, RFC 791 section 3.2 */
	const uint32_t headers = ip_bytes + TCP_HEADER_BYTES;
	if (mtu_bytes < least || mtu_bytes - headers >= m->snd_mss)
		return;
	m->snd_mss = (uint16_t)max_u32(mtu_bytes - headers, MSS_MIN);
	all_again(m);
}

/* --- acknowledgements ------------------------------------------------------------------- */

/* The first acknowledgement: the handshake is over on this side. */
static void syn_is_acked(struct machine *m)
{
	m->syn_acked = true;
	m->cwnd = initial_window(m);
	m->due &= (uint8_t)~MACHINE_DUE_SYN;
	/* RFC 6298 section 5.7: we know no RTT, since the SYN went more than once. */
	if (m->syn_retransmissions > 0 && m->srtt_ns == 0)
		rto_set(m, RTO_AFTER_SYN_NS);
}

static void una_advance(struct machine *m, const struct segment *s, int64_t now_ns)
{
	const bool was_limiting = pipe_bytes(m) + m->snd_mss > m->cwnd;
	const bool went_again = m->attempt > 0 || m->recovery != MACHINE_STEADY ||
				(!m->syn_acked && m->syn_retransmissions > 0);
	uint32_t acked = (uint32_t)seq_diff(s->ack, m->snd_una);
	m->snd_una = s->ack;
	m->attempt = 0;
	rtt_sample(m, s, went_again, now_ns);
	if (!m->syn_acked) {
		syn_is_acked(m);
		acked--;
	}
	const uint32_t text = min_u32(acked, m->send_count); /* the rest is our FIN */
	m->send_count -= text;
	m->send_head += text;
	if (m->send_head >= m->config.send_buffer_bytes)
		m->send_head -= m->config.send_buffer_bytes;
	sacked_forget(m);
	recovery_progress(m, acked, was_limiting);
	if (in_flight(m) == 0) {
		timer_stop(m); /* RFC 6298 section 5.2 */
		m->due &= (uint8_t) ~(MACHINE_DUE_FIN | MACHINE_DUE_AGAIN);
	} else {
		timer_start(m, TIMER_RETRANSMISSION, m->rto_ns, now_ns); /* 5.3 */
	}
	tail_acknowledged(m, now_ns);
}

/* RFC 5681 section 2: what makes an ACK a duplicate. */
static bool is_duplicate(const struct machine *m, const struct segment *s, uint32_t window)
{
	return in_flight(m) > 0 && s->payload_bytes == 0 && !(s->flags & (TCP_SYN | TCP_FIN)) &&
	       seq_eq(s->ack, m->snd_una) && window == m->snd_wnd;
}

void send_acknowledged(struct machine *m, const struct segment *s, facts_t facts, int64_t now_ns)
{
	const bool syn = (s->flags & TCP_SYN) != 0;
	const uint32_t window = (uint32_t)s->window << (syn ? 0 : m->snd_shift);
	bool sacked_more = false;
	if (facts & FACT_ACK_NEW)
		una_advance(m, s, now_ns);
	if (m->use_sack)
		for (uint8_t i = 0; i < s->option.sack_count; i++)
			sacked_more |= sacked_add(
				m, (struct machine_range){seq_of(s->option.sack[i].left),
							  seq_of(s->option.sack[i].right)});
	if (!(facts & FACT_ACK_NEW) && (sacked_more || is_duplicate(m, s, window)) &&
	    m->recovery != MACHINE_LOSS_RECOVERY)
		m->duplicate_acks++;
	recovery_update(m);
	if (m->use_ecn && (s->flags & TCP_ECE) && !syn)
		ecn_react(m);

	/* 3.10.7.4: an old segment must not bring an old window back. */
	if (seq_eq(s->ack, m->snd_una) &&
	    (seq_lt(m->snd_wl1, s->seq) ||
	     (seq_eq(m->snd_wl1, s->seq) && seq_le(m->snd_wl2, s->ack)))) {
		m->snd_wnd = window;
		m->snd_wnd_max = max_u32(m->snd_wnd_max, window);
		m->snd_wl1 = s->seq;
		m->snd_wl2 = s->ack;
		if (window > 0 && timer_is_on(m, TIMER_PERSIST)) {
			timer_stop(m);
			m->attempt = 0;
		}
	}
	if (timer_is_on(m, TIMER_PERSIST))
		m->attempt = 0; /* RFC 9293 section 3.8.6.1: answered probes may go on for ever */
}

/* --- output ----------------------------------------------------------------------------- */

bool send_window_is_open(const struct machine *m)
{
	return window_room(m) > 0;
}

int64_t send_backoff_ns(const struct machine *m)
{
	int64_t after_ns = m->rto_ns;
	for (unsigned i = 0; i < m->attempt && after_ns < m->config.rto_max_ns; i++)
		after_ns *= 2;
	return after_ns < m->config.rto_max_ns ? after_ns : m->config.rto_max_ns;
}

unsigned send_sack_room(const struct machine *m, size_t text_bytes)
{
	const unsigned most = m->use_timestamps ? 3 : SACK_BLOCKS_MAX;
	const size_t room = text_max(m) - (text_bytes < text_max(m) ? text_bytes : text_max(m));
	if (text_bytes == 0)
		return most;
	const size_t blocks = room < 4 ? 0 : (room - 4) / 8;
	return blocks < most ? (unsigned)blocks : most;
}

void send_fin_counted(struct machine *m)
{
	m->snd_nxt = seq_add(m->snd_nxt, 1);
}

/* Point the payload at the ring, cut where the ring ends. */
static void spec_text(const struct machine *m, struct segment_spec *spec, uint32_t count)
{
	uint32_t at = m->send_head + (uint32_t)seq_diff(spec->seq, ring_first(m));
	if (at >= m->config.send_buffer_bytes)
		at -= m->config.send_buffer_bytes;
	spec->payload_bytes = min_u32(count, m->config.send_buffer_bytes - at);
	spec->payload = spec->payload_bytes > 0 ? m->config.send_buffer + at : NULL;
}

/* A segment with text or FIN goes: timers that wait for its acknowledgement. */
static void went_out(struct machine *m, int64_t now_ns)
{
	if (!timer_is_on(m, TIMER_RETRANSMISSION)) {
		m->attempt = 0;
		timer_start(m, TIMER_RETRANSMISSION, m->rto_ns, now_ns); /* RFC 6298 section 5.1 */
	}
	m->last_sent_ns = now_ns;
}

void send_syn_went(struct machine *m, int64_t now_ns)
{
	if (m->syn_retransmissions == 0 && !m->rtt_timing) {
		m->rtt_timing = true;
		m->rtt_seq = seq_add(m->iss, 1);
		m->rtt_from_ns = now_ns;
	}
	went_out(m, now_ns);
}

/* Where the next lost and not repeated stretch begins, and its end; false if there is none. */
static bool next_hole(const struct machine *m, struct machine_range *hole)
{
	hole->left = seq_max(m->again_next, m->snd_una);
	hole->right = m->lost_edge;
	for (uint8_t i = 0; i < m->sacked_count; i++) {
		if (seq_ge(hole->left, m->sacked[i].right))
			continue;
		if (seq_lt(hole->left, m->sacked[i].left)) {
			hole->right = seq_min(hole->right, m->sacked[i].left);
			break;
		}
		hole->left = m->sacked[i].right;
	}
	return seq_lt(hole->left, hole->right);
}

/* Fill in so much, from here on, of what was sent before. @return how many numbers go */
static uint32_t spec_again(struct machine *m, struct segment_spec *spec, seq_t left, uint32_t count)
{
	const uint32_t before = (uint32_t)seq_diff(left, ring_first(m));
	const uint32_t text = before < m->send_count ? min_u32(count, m->send_count - before) : 0;
	spec->seq = left;
	spec->flags = TCP_ACK;
	spec_text(m, spec, text);
	if (text > 0)
		spec->flags |= TCP_PSH;
	if (spec->payload_bytes == text && text < count) {
		spec->flags |= TCP_FIN;
		m->due &= (uint8_t)~MACHINE_DUE_FIN;
	}
	return (uint32_t)spec->payload_bytes + (spec->flags & TCP_FIN ? 1 : 0);
}

/* Send again what was lost. */
static bool output_again(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	struct machine_range hole;
	if (!m->syn_acked || !next_hole(m, &hole)) {
		m->due &= (uint8_t)~MACHINE_DUE_AGAIN;
		return false;
	}
	uint32_t count = min_u32((uint32_t)seq_diff(hole.right, hole.left), text_max(m));
	if (!(m->due & MACHINE_DUE_AGAIN)) {
		const uint32_t pipe = pipe_bytes(m);
		if (pipe > 0 && pipe + count > m->cwnd)
			return false;
		if (seq_gt(seq_add(hole.left, count), seq_add(m->snd_una, m->snd_wnd)))
			return false;
	}
	m->due &= (uint8_t)~MACHINE_DUE_AGAIN;
	if (seq_eq(hole.left, m->snd_una))
		m->again_mark = m->snd_nxt;
	m->again_next = seq_add(hole.left, spec_again(m, spec, hole.left, count));
	went_out(m, now_ns);
	if (m->recovery == MACHINE_FAST_RECOVERY && m->tail == MACHINE_TAIL_QUIET)
		tail_schedule(m, now_ns);
	return true;
}

/* RFC 9293 section 3.8.6.2.1, with every SEND a push: how much new text to send now. */
static uint32_t new_text(const struct machine *m)
{
	const uint32_t unsent = send_unsent(m);
	const uint32_t most = min_u32(unsent, text_max(m));
	const uint32_t count = min_u32(most, window_room(m));
	if (count == 0)
		return 0;
	if (count < most && count < m->snd_wnd_max / 2 && !(m->due & MACHINE_DUE_FORCED))
		return 0;
	const uint32_t pipe = pipe_bytes(m);
	const bool fits = pipe == 0 || pipe + count <= m->cwnd || m->tail == MACHINE_TAIL_DUE;
	return fits ? count : 0;
}

/* RFC 5681 section 4.1: after an idle time the old window proves nothing. */
static void restart_if_idle(struct machine *m, int64_t now_ns)
{
	if (in_flight(m) == 0 && now_ns - m->last_sent_ns > m->rto_ns)
		m->cwnd = min_u32(m->cwnd, initial_window(m));
}

/* A FIN that is counted already, but has not gone yet. */
static bool output_fin(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	m->due &= (uint8_t)~MACHINE_DUE_FIN;
	spec->seq = seq_sub(m->snd_nxt, 1);
	spec->flags = TCP_FIN | TCP_ACK;
	went_out(m, now_ns);
	return true;
}

static bool output_new(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	restart_if_idle(m, now_ns);
	const uint32_t unsent = send_unsent(m);
	uint32_t count = new_text(m);
	spec->seq = m->snd_nxt;
	spec->flags = TCP_ACK;
	spec_text(m, spec, count);
	count = (uint32_t)spec->payload_bytes;
	facts_t facts = send_facts(m);
	if (ctl_is_fin_queued(m->ctl) && count == unsent && window_room(m) > count)
		facts |= FACT_FIN_GOES;
	else if (count == 0)
		return false;
	if (!machine_event(m, ON_TRANSMIT, facts, now_ns)) {
		spec->payload_bytes = 0;
		return false;
	}
	m->due &= (uint8_t) ~(MACHINE_DUE_FORCED | MACHINE_DUE_PROBE | MACHINE_DUE_FIN);
	if (count == unsent && count > 0)
		spec->flags |= TCP_PSH;
	if (facts & FACT_FIN_GOES)
		spec->flags |= TCP_FIN;
	if (m->use_ecn && count > 0) {
		spec->traffic = ECT_0;
		if (m->ecn_cwr_due)
			spec->flags |= TCP_CWR;
		m->ecn_cwr_due = false;
	}
	/* A FIN was counted by the table's row; text is counted here. */
	m->snd_nxt = seq_add(m->snd_nxt, count);
	if (!m->rtt_timing && m->recovery == MACHINE_STEADY) {
		m->rtt_timing = true;
		m->rtt_seq = m->snd_nxt;
		m->rtt_from_ns = now_ns;
	}
	went_out(m, now_ns);
	if (m->tail == MACHINE_TAIL_QUIET)
		tail_schedule(m, now_ns);
	return true;
}

/* RFC 8985 section 7.3: something new, whatever cwnd says; else the last segment again. */
static bool output_tail(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	const bool is_new = output_new(m, spec, now_ns);
	if (!is_new) {
		const uint32_t count = min_u32(in_flight(m), text_max(m));
		m->rtt_timing = false;
		(void)spec_again(m, spec, seq_sub(m->snd_nxt, count), count);
		went_out(m, now_ns);
	}
	m->tail = MACHINE_TAIL_SENT;
	m->tail_left = spec->seq;
	timer_start(m, TIMER_RETRANSMISSION, m->rto_ns, now_ns);
	return true;
}

bool send_output(struct machine *m, struct segment_spec *spec, int64_t now_ns)
{
	if (output_again(m, spec, now_ns))
		return true;
	if (m->due & MACHINE_DUE_FIN)
		return output_fin(m, spec, now_ns);
	if (!m->syn_acked)
		return false;
	if (m->tail == MACHINE_TAIL_DUE)
		return output_tail(m, spec, now_ns);
	return output_new(m, spec, now_ns);
}

void send_idle(struct machine *m, int64_t now_ns)
{
	m->due &= (uint8_t)~MACHINE_DUE_FORCED;
	if (m->timer_at_ns != INT64_MAX || in_flight(m) > 0 || !m->syn_acked)
		return;
	if (send_unsent(m) > 0 || ctl_is_fin_queued(m->ctl))
		timer_start(m, TIMER_PERSIST, m->rto_ns, now_ns);
}

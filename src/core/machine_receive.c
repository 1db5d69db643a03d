/*
 * What arrives: the receive ring, the stretches beyond gaps, the window.
 *
 * The ring holds the bytes that the application has not read, from receive_head on,
 * receive_count of them up to RCV.NXT; behind them, at their final place, the stretches that
 * came out of order (held). So text is copied once, whatever its order.
 * Invariant: rcv_edge - RCV.NXT + receive_count never exceeds the ring, hence everything that
 * was ever promised fits. receive_announce() keeps it.
 */
#include "machine_internal.h"

#include <assert.h>
#include <string.h>

/* RFC 7323 section 5.5: after 24 days a time stamp is too old to compare with. */
#define TS_RECENT_LIFE_NS (24 * 24 * 3600 * NS_PER_S)

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Copy to the ring, so many bytes behind RCV.NXT. */
static void ring_put(struct machine *m, uint32_t behind, const uint8_t *data, uint32_t count)
{
	const uint32_t size = m->config.receive_buffer_bytes;
	assert(m->receive_count + behind + count <= size);
	uint32_t at = m->receive_head + m->receive_count + behind;
	if (at >= size)
		at -= size;
	const uint32_t first = min_u32(count, size - at);
	memcpy(m->config.receive_buffer + at, data, first);
	memcpy(m->config.receive_buffer, data + first, count - first);
}

void receive_begin(struct machine *m, const struct segment *s)
{
	m->irs = s->seq;
	m->rcv_nxt = seq_add(s->seq, 1);
	m->last_ack_sent = m->rcv_nxt;
	m->receive_head = 0;
	m->receive_count = 0;
	m->held_count = 0;
	m->fin_held = false;
	m->fin_received = false;
	m->unacked_bytes = 0;
	m->full_bytes = 0;
	/* The window of our SYN, or of the SYN,ACK that is due, is not scaled. */
	m->rcv_edge = seq_add(m->rcv_nxt, min_u32(m->config.receive_buffer_bytes, UINT16_MAX));
}

/* Remember a stretch beyond a gap, joined with those it touches. @return false: no room */
static bool held_add(struct machine *m, struct machine_range range)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < m->held_count; i++) {
		const struct machine_range other = m->held[i];
		if (seq_lt(range.right, other.left) || seq_gt(range.left, other.right)) {
			m->held[kept++] = other;
		} else {
			range.left = seq_min(range.left, other.left);
			range.right = seq_max(range.right, other.right);
		}
	}
	m->held_count = kept;
	if (kept == MACHINE_HOLES_MAX)
		return false;
	memmove(m->held + 1, m->held, kept * sizeof m->held[0]);
	m->held[0] = range;
	m->held_count++;
	return true;
}

/* RCV.NXT has moved: what was held from there on is in order now. */
static void held_release(struct machine *m)
{
	uint8_t kept = 0;
	for (uint8_t i = 0; i < m->held_count; i++) {
		const struct machine_range range = m->held[i];
		if (seq_gt(range.left, m->rcv_nxt)) {
			m->held[kept++] = range;
		} else if (seq_gt(range.right, m->rcv_nxt)) {
			/* Stretches never touch, so no other one begins at this one's end. */
			m->receive_count += (uint32_t)seq_diff(range.right, m->rcv_nxt);
			m->rcv_nxt = range.right;
		}
	}
	m->held_count = kept;
	if (m->fin_held && seq_lt(m->fin_seq, m->rcv_nxt))
		m->fin_held = false; /* text beyond a FIN: one of them lied */
}

bool receive_text(struct machine *m, const struct segment *s)
{
	const seq_t begin = seq_add(s->seq, s->flags & TCP_SYN ? 1 : 0);
	const seq_t end = seq_add(begin, s->payload_bytes);
	if ((s->flags & TCP_FIN) && !m->fin_held) {
		m->fin_held = true;
		m->fin_seq = end;
	}
	const seq_t left = seq_max(begin, m->rcv_nxt);
	seq_t right = seq_min(end, m->rcv_edge);
	if (m->fin_held)
		right = seq_min(right, m->fin_seq);
	if (seq_ge(left, right))
		return true;
	const uint8_t *data = s->payload + (uint32_t)seq_diff(left, begin);
	const uint32_t count = (uint32_t)seq_diff(right, left);
	m->full_bytes = m->full_bytes < s->payload_bytes ? s->payload_bytes : m->full_bytes;

	if (seq_gt(left, m->rcv_nxt)) {
		if (held_add(m, (struct machine_range){left, right}))
			ring_put(m, (uint32_t)seq_diff(left, m->rcv_nxt), data, count);
		return true;
	}
	ring_put(m, 0, data, count);
	m->rcv_nxt = right;
	m->receive_count += count;
	m->unacked_bytes += count;
	if (m->held_count == 0)
		return !seq_eq(begin, left);
	held_release(m);
	return true;
}

void receive_fin(struct machine *m)
{
	m->rcv_nxt = seq_add(m->rcv_nxt, 1);
	m->rcv_edge = seq_max(m->rcv_edge, m->rcv_nxt);
	m->fin_held = false;
	m->fin_received = true;
	m->held_count = 0;
}

void receive_timestamp_age(struct machine *m, int64_t now_ns)
{
	if (now_ns - m->ts_recent_at_ns > TS_RECENT_LIFE_NS)
		m->has_ts_recent = false;
}

void receive_timestamp(struct machine *m, const struct segment *s, int64_t now_ns)
{
	if (!m->use_timestamps || !s->option.has_timestamps)
		return;
	if (m->has_ts_recent && seq_lt(seq_of(s->option.ts_value), seq_of(m->ts_recent)))
		return;
	if (seq_gt(s->seq, m->last_ack_sent))
		return;
	m->has_ts_recent = true;
	m->ts_recent = s->option.ts_value;
	m->ts_recent_at_ns = now_ns;
}

/* RFC 9293 section 3.8.6.2.2: no less than this is worth announcing. */
static uint32_t worthwhile_bytes(const struct machine *m)
{
	return min_u32(m->config.receive_buffer_bytes / 2, m->config.mss);
}

uint16_t receive_announce(struct machine *m, bool syn)
{
	const uint8_t shift = m->use_wscale && !syn ? m->config.wscale : 0;
	const uint32_t promised = (uint32_t)seq_diff(m->rcv_edge, m->rcv_nxt);
	const uint32_t free_bytes = m->config.receive_buffer_bytes - m->receive_count;
	uint32_t window = min_u32(free_bytes, (uint32_t)UINT16_MAX << shift);
	if (!syn && (window < promised || window - promised < worthwhile_bytes(m)))
		window = min_u32(promised, (uint32_t)UINT16_MAX << shift);
	/* Rounding down may name a little less than was promised before (RFC 7323 section 2.4);
	 * the promise stands all the same. */
	m->rcv_edge = seq_max(m->rcv_edge, seq_add(m->rcv_nxt, window >> shift << shift));
	return (uint16_t)(window >> shift);
}

bool receive_window_is_news(const struct machine *m)
{
	if (m->fin_received)
		return false;
	const uint32_t promised = (uint32_t)seq_diff(m->rcv_edge, m->rcv_nxt);
	const uint32_t limit = (uint32_t)UINT16_MAX << (m->use_wscale ? m->config.wscale : 0);
	const uint32_t window = min_u32(m->config.receive_buffer_bytes - m->receive_count, limit);
	if (window <= promised)
		return false;
	if (window - promised >= m->config.receive_buffer_bytes / 2)
		return true;
	return promised < m->config.mss && window - promised >= worthwhile_bytes(m);
}

void receive_sack(const struct machine *m, struct option_set *option, unsigned room)
{
	if (!m->use_sack)
		return;
	option->sack_count = m->held_count < room ? m->held_count : (uint8_t)room;
	for (uint8_t i = 0; i < option->sack_count; i++)
		option->sack[i] = (struct sack_block){m->held[i].left.raw, m->held[i].right.raw};
}

void machine_widen(struct machine *m, uint32_t bytes, int64_t now_ns)
{
	assert(m->receive_count == 0 && m->held_count == 0);
	assert(bytes >= m->config.receive_buffer_bytes && bytes <= (uint32_t)1 << 30);
	m->config.receive_buffer_bytes = bytes;
	if (receive_window_is_news(m))
		(void)machine_event(m, ON_ACK_NOW, 0, now_ns);
}

size_t machine_receivable(const struct machine *m)
{
	return m->receive_count;
}

bool machine_at_eof(const struct machine *m)
{
	return m->fin_received && m->receive_count == 0;
}

size_t machine_receive(struct machine *m, uint8_t *data, size_t count, int64_t now_ns)
{
	const uint32_t size = m->config.receive_buffer_bytes;
	const uint32_t take = count < m->receive_count ? (uint32_t)count : m->receive_count;
	if (take == 0)
		return 0;
	const uint32_t first = min_u32(take, size - m->receive_head);
	memcpy(data, m->config.receive_buffer + m->receive_head, first);
	memcpy(data + first, m->config.receive_buffer, take - first);
	m->receive_head += take;
	if (m->receive_head >= size)
		m->receive_head -= size;
	m->receive_count -= take;
	if (receive_window_is_news(m))
		(void)machine_event(m, ON_ACK_NOW, 0, now_ns);
	return take;
}

#include "machine_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must(condition)                                \
	do {                                           \
		if (!(condition))                      \
			fail(m, __LINE__, #condition); \
	} while (0)

static void fail(const struct machine *m, int line, const char *what)
{
	fprintf(stderr,
		"machine_check:%d: not so: %s\n  %s una %u nxt %u wnd %u, rcv nxt %u edge %u, "
		"queued %u, unread %u, due %#x, cwnd %u\n",
		line, what, ctl_name(m->ctl), m->snd_una.raw, m->snd_nxt.raw, m->snd_wnd,
		m->rcv_nxt.raw, m->rcv_edge.raw, m->send_count, m->receive_count, m->due, m->cwnd);
	abort();
}

static bool is_connected(const struct machine *m)
{
	return m->ctl != CTL_CLOSED && m->ctl != CTL_LISTEN && m->ctl != CTL_SYN_SENT;
}

static void check_send(const struct machine *m)
{
	must(m->send_count <= m->config.send_buffer_bytes);
	must(m->send_head < m->config.send_buffer_bytes || m->send_head == 0);
	if (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN) {
		must(m->send_count == 0);
		return;
	}
	const int32_t in_flight = seq_diff(m->snd_nxt, m->snd_una);
	must(in_flight >= 0);
	must((uint32_t)in_flight <= m->send_count + 2);
	must(seq_le(m->snd_una, m->again_next) && seq_le(m->again_next, m->snd_nxt));
	must(seq_le(m->snd_una, m->lost_edge) && seq_le(m->lost_edge, m->snd_nxt));
	must(m->sacked_count <= MACHINE_SACKED_MAX);
	for (unsigned i = 0; i < m->sacked_count; i++) {
		const struct machine_range *s = &m->sacked[i];
		must(seq_lt(s->left, s->right));
		must(seq_gt(s->left, m->snd_una) && seq_le(s->right, m->snd_nxt));
		must(i == 0 || seq_lt(m->sacked[i - 1].right, s->left));
	}
	if (m->syn_acked) {
		must(m->cwnd >= m->snd_mss && m->ssthresh >= 2u * m->snd_mss);
		must(m->snd_mss >= 48);
	}
	must(m->rto_ns <= m->config.rto_max_ns && m->rto_ns > 0);
}

static void check_receive(const struct machine *m)
{
	const uint32_t size = m->config.receive_buffer_bytes;
	must(m->receive_count <= size);
	must(m->receive_head < size || m->receive_head == 0);
	if (!is_connected(m))
		return;
	must(seq_ge(m->rcv_edge, m->rcv_nxt));
	must((uint64_t)(uint32_t)seq_diff(m->rcv_edge, m->rcv_nxt) + m->receive_count <= size + 1u);
	must(m->held_count <= MACHINE_HOLES_MAX);
	for (unsigned i = 0; i < m->held_count; i++) {
		const struct machine_range *h = &m->held[i];
		must(seq_gt(h->left, m->rcv_nxt) && seq_lt(h->left, h->right));
		must(seq_le(h->right, m->rcv_edge));
		for (unsigned k = 0; k < i; k++)
			must(seq_gt(m->held[k].left, h->right) ||
			     seq_lt(m->held[k].right, h->left));
	}
}

void machine_check(struct machine_check *check, const struct machine *m)
{
	if (!is_connected(m))
		check->promised = false;
	must(m->ctl < CTL_COUNT && m->ctl != CTL_LAST_ACK_QUEUED);
	check_send(m);
	check_receive(m);
	if (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN)
		must(machine_deadline(m) == INT64_MAX);
	if (m->ctl == CTL_TIME_WAIT)
		must(machine_deadline(m) != INT64_MAX);
}

void machine_check_output(struct machine_check *check, const struct machine *m,
			  const struct segment_spec *spec)
{
	uint8_t options[OPTION_BYTES_MAX];
	const bool syn = (spec->flags & TCP_SYN) != 0;
	const size_t option_bytes = option_encode(&spec->option, syn, options);
	must(option_bytes <= OPTION_BYTES_MAX);
	if (spec->flags & TCP_RST) {
		must(spec->payload_bytes == 0 && !(spec->flags & (TCP_SYN | TCP_FIN)));
		return;
	}
	must(m->ctl != CTL_CLOSED && m->ctl != CTL_LISTEN);
	must(m->ctl == CTL_SYN_SENT || (spec->flags & TCP_ACK));
	must(!syn || (spec->payload_bytes == 0 && seq_eq(spec->seq, m->iss)));
	if (spec->payload_bytes > 0) {
		must(spec->payload >= m->config.send_buffer &&
		     spec->payload + spec->payload_bytes <=
			     m->config.send_buffer + m->config.send_buffer_bytes);
		must(spec->payload_bytes + option_bytes <= m->snd_mss || m->snd_mss == 48);
	}
	const seq_t end =
		seq_add(spec->seq, (uint32_t)spec->payload_bytes + (spec->flags & TCP_FIN ? 1 : 0) +
					   (syn ? 1 : 0));
	must(seq_le(end, m->snd_nxt));
	must(seq_ge(spec->seq, seq_sub(m->snd_una, 1)));
	if (m->ctl == CTL_SYN_SENT)
		return;
	must(seq_eq(spec->ack, m->rcv_nxt));
	const uint8_t shift = m->use_wscale && !syn ? m->config.wscale : 0;
	const seq_t edge = seq_add(spec->ack, (uint32_t)spec->window << shift);
	must(seq_le(edge, m->rcv_edge));
	/* Never shrinks, but for the rounding of a scaled window (RFC 7323 section 2.4). */
	if (check->promised)
		must(seq_diff(check->edge, edge) < 1 << shift || syn);
	if (!check->promised || seq_gt(edge, check->edge))
		check->edge = edge;
	check->promised = true;
}

void machine_check_idle(const struct machine *m)
{
	if (m->ctl == CTL_CLOSED || m->ctl == CTL_LISTEN)
		return;
	const bool waits = !seq_eq(m->snd_una, m->snd_nxt) || m->send_count > 0 ||
			   (ctl_is_fin_queued(m->ctl) && m->syn_acked);
	must(!waits || m->timer_at_ns != INT64_MAX);
	must((m->due & ~(unsigned)MACHINE_DUE_AGAIN) == 0);
}

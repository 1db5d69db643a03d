#include "synscope/core/input.h"

/* Flags and text: facts of the segment alone. */
static facts_t facts_of_segment(const struct segment *s)
{
	facts_t facts = 0;
	if (s->flags & TCP_SYN)
		facts |= FACT_SYN;
	if (s->flags & TCP_ACK)
		facts |= FACT_ACK;
	if (s->flags & TCP_FIN)
		facts |= FACT_FIN;
	if (s->flags & TCP_RST)
		facts |= FACT_RST;
	if (s->payload_bytes > 0)
		facts |= FACT_TEXT;
	return facts;
}

/* Where SEG.ACK lies: RFC 9293 section 3.10.7.4, fifth check, and RFC 5961 section 5.2. */
static facts_t facts_of_ack(const struct input_vars *vars, seq_t ack)
{
	facts_t facts = 0;
	const int32_t beyond_una = seq_diff(ack, vars->snd_una);
	if (beyond_una == 0)
		facts |= FACT_ACK_UNA;
	if (beyond_una > 0)
		facts |= seq_gt(ack, vars->snd_nxt) ? FACT_ACK_FUTURE : FACT_ACK_NEW;
	else if (vars->snd_wnd_max >= INPUT_WINDOW_UNKNOWN ||
		 -(int64_t)beyond_una <= vars->snd_wnd_max)
		facts |= FACT_ACK_DUPLICATE;
	else
		facts |= FACT_ACK_OLD;
	if (seq_gt(ack, vars->iss) && seq_le(ack, vars->snd_nxt))
		facts |= FACT_ACKS_SYN;
	if (ctl_is_fin_sent(vars->ctl) && seq_eq(ack, vars->snd_nxt))
		facts |= FACT_ACKS_FIN; /* the FIN is the last number we ever send */
	return facts;
}

/* The four cases of RFC 9293 section 3.10.7.4, first check. */
static bool is_acceptable(const struct input_vars *vars, seq_t seq, uint32_t count)
{
	if (vars->rcv_wnd == 0)
		return count == 0 && seq_eq(seq, vars->rcv_nxt);
	if (seq_within(seq, vars->rcv_nxt, vars->rcv_wnd))
		return true;
	return count > 0 && seq_within(seq_add(seq, count - 1), vars->rcv_nxt, vars->rcv_wnd);
}

/* Where the segment lies beside RCV.NXT and the window. */
static facts_t facts_of_seq(const struct input_vars *vars, const struct segment *s)
{
	facts_t facts = 0;
	const uint32_t count = segment_seq_count(s);
	const bool acceptable = is_acceptable(vars, s->seq, count);
	const bool syn = (s->flags & TCP_SYN) != 0;
	if (acceptable)
		facts |= FACT_SEQ_ACCEPTABLE;
	if (seq_eq(s->seq, vars->rcv_nxt))
		facts |= FACT_SEQ_EXACT;
	else if (seq_le(segment_end(s), vars->rcv_nxt))
		facts |= FACT_SEQ_OLD;
	if (syn && seq_eq(s->seq, vars->irs))
		facts |= FACT_SEQ_IRS;
	/* What the four cases refuse and stacks take all the same. */
	const seq_t edge = seq_add(vars->rcv_nxt, vars->rcv_wnd);
	const bool around = vars->rcv_wnd > 0 && !acceptable && seq_lt(s->seq, vars->rcv_nxt) &&
			    seq_gt(segment_end(s), edge);
	if (around || (count == 0 && vars->rcv_wnd > 0 && seq_eq(s->seq, edge)))
		facts |= FACT_SEQ_EDGE;

	/* "In the following it is assumed that the segment is the idealized segment that begins
	 * at RCV.NXT and does not exceed the window." */
	const seq_t text = seq_add(s->seq, syn ? 1 : 0);
	const seq_t fin = seq_add(text, s->payload_bytes);
	if (!(acceptable || around) || seq_gt(text, vars->rcv_nxt))
		return facts;
	if (seq_gt(fin, vars->rcv_nxt))
		facts |= FACT_TEXT_IN_ORDER;
	if ((s->flags & TCP_FIN) && seq_within(fin, vars->rcv_nxt, vars->rcv_wnd))
		facts |= FACT_FIN_IN_ORDER;
	return facts;
}

/* RFC 7323 section 5.3, R1: "if the RST bit is not set"; a SYN is judged by RFC 5961 instead. */
static bool is_paws_reject(const struct input_vars *vars, const struct segment *s)
{
	return vars->has_ts_recent && s->option.has_timestamps &&
	       !(s->flags & (TCP_RST | TCP_SYN)) &&
	       seq_lt(seq_of(s->option.ts_value), seq_of(vars->ts_recent));
}

/* RFC 6191 section 2, and RFC 9293 section 3.6.1 MAY-2. */
static bool is_newer_syn(const struct input_vars *vars, const struct segment *s)
{
	if (vars->ctl != CTL_TIME_WAIT || !(s->flags & TCP_SYN))
		return false;
	if (vars->has_ts_recent && s->option.has_timestamps &&
	    seq_gt(seq_of(s->option.ts_value), seq_of(vars->ts_recent)))
		return true;
	return seq_gt(s->seq, vars->rcv_nxt);
}

facts_t input_facts(const struct input_vars *vars, const struct segment *s)
{
	facts_t facts = facts_of_segment(s);
	if (vars->ctl == CTL_CLOSED || vars->ctl == CTL_LISTEN)
		return facts;
	if (facts & FACT_ACK)
		facts |= facts_of_ack(vars, s->ack);
	if (vars->ctl == CTL_SYN_SENT) {
		if (!(facts & FACT_SYN))
			return facts;
		/* RCV.NXT will be SEG.SEQ+1: what follows the SYN is in order by definition. */
		struct input_vars after = *vars;
		after.irs = s->seq;
		after.rcv_nxt = seq_add(s->seq, 1);
		facts |= facts_of_seq(&after, s);
		return facts;
	}
	facts |= facts_of_seq(vars, s);
	if (is_paws_reject(vars, s))
		facts |= FACT_PAWS_REJECT;
	if (is_newer_syn(vars, s))
		facts |= FACT_SYN_IS_NEW;
	return facts;
}

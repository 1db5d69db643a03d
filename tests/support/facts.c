#include "facts.h"

#include "synscope/core/segment.h"
#include "synscope/core/util.h"

#define ISS 0xfffffff0u /* so that everything wraps */
#define IRS 0xffffff00u
#define SENT 10 /* bytes in flight, where there can be any */

struct input_vars facts_vars(enum ctl c, uint32_t rcv_wnd)
{
	struct input_vars v = {.ctl = c,
			       .iss = seq_of(ISS),
			       .snd_una = seq_of(ISS),
			       .snd_nxt = seq_of(ISS),
			       .snd_wnd_max = FACTS_SND_WINDOW,
			       .irs = seq_of(IRS),
			       .rcv_nxt = seq_of(IRS),
			       .rcv_wnd = rcv_wnd};
	if (c == CTL_CLOSED || c == CTL_LISTEN)
		return v;
	v.snd_nxt = seq_add(v.iss, 1);
	if (c == CTL_SYN_SENT)
		return v;
	v.rcv_nxt = seq_add(v.irs, 1);
	if (ctl_state(c) == ST_SYN_RECEIVED)
		return v;
	v.rcv_nxt = seq_add(v.irs, 1 + FACTS_RECEIVED);
	v.snd_una = v.snd_nxt;
	v.snd_nxt = seq_add(v.snd_nxt, SENT + (ctl_is_fin_sent(c) ? 1 : 0));
	if (c == CTL_FIN_WAIT_2 || c == CTL_TIME_WAIT)
		v.snd_una = v.snd_nxt;
	return v;
}

/* All that matters lies around the edges that the comparisons know. */
static const uint32_t grid_windows[] = {0, 1, FACTS_WINDOW};
static const int grid_seq[] = {-700, -2, -1, 0, 1, FACTS_WINDOW - 1, FACTS_WINDOW, FACTS_WINDOW + 1,
			       5000};
static const unsigned grid_text[] = {0, 1, 3, FACTS_WINDOW + 5};
static const uint16_t grid_flags[] = {TCP_FIN, TCP_SYN, TCP_RST, TCP_ACK};

enum { GRID_ACKS = 8, GRID_SEQS = ARRAY_COUNT(grid_seq) + 2, GRID_TS = 3 };

static seq_t grid_ack(const struct input_vars *v, unsigned i)
{
	const seq_t acks[GRID_ACKS] = {v->iss,
				       seq_add(v->iss, 1),
				       v->snd_una,
				       seq_add(v->snd_una, 1),
				       v->snd_nxt,
				       seq_add(v->snd_nxt, 1),
				       seq_sub(v->snd_una, FACTS_SND_WINDOW),
				       seq_sub(v->snd_una, FACTS_SND_WINDOW + 1)};
	return acks[i];
}

static seq_t grid_seq_of(const struct input_vars *v, unsigned i)
{
	if (i == ARRAY_COUNT(grid_seq))
		return v->irs;
	if (i == ARRAY_COUNT(grid_seq) + 1)
		return seq_sub(v->irs, 1);
	return seq_add(v->rcv_nxt, (uint32_t)grid_seq[i]);
}

facts_t facts_of(enum ctl c, const struct facts_grid *g)
{
	struct input_vars v = facts_vars(c, grid_windows[g->window]);
	v.has_ts_recent = true;
	v.ts_recent = 3;
	struct segment s = {.seq = grid_seq_of(&v, g->seq), .ack = grid_ack(&v, g->ack)};
	for (unsigned bit = 0; bit < ARRAY_COUNT(grid_flags); bit++)
		if (g->flags >> bit & 1u)
			s.flags |= grid_flags[bit];
	s.payload_bytes = grid_text[g->text];
	s.option.has_timestamps = g->ts > 0;
	s.option.ts_value = g->ts == 1 ? 0xfffffffeu : 3;
	return input_facts(&v, &s);
}

bool facts_next(struct facts_grid *g)
{
	unsigned *const digits[] = {&g->flags, &g->seq, &g->text, &g->ack, &g->ts, &g->window};
	const unsigned limits[] = {16,        GRID_SEQS, ARRAY_COUNT(grid_text),
				   GRID_ACKS, GRID_TS,   ARRAY_COUNT(grid_windows)};
	for (unsigned i = 0; i < ARRAY_COUNT(digits); i++) {
		if (++*digits[i] < limits[i])
			return true;
		*digits[i] = 0;
	}
	return false;
}

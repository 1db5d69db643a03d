/*
 * The numbers and windows that an end has shown.
 */
#include "belief_internal.h"

static void note_windows(struct belief *b, const struct segment *s, const struct got *r)
{
	if (r->flags & TCP_SYN) {
		b->its_syn_window = r->window;
		b->wscale_agreed = true;
		const bool scaled = s->option.has_wscale && b->own_wscale_offered;
		b->wscale = scaled ? (uint8_t)(s->option.wscale > 14 ? 14 : s->option.wscale) : 0;
		if (!scaled && (r->flags & TCP_ACK))
			b->own_wscale = 0;
	}
	if ((r->flags & TCP_ACK) == 0)
		return;
	const unsigned shift = (r->flags & TCP_SYN) || !b->wscale_agreed ? 0 : b->wscale;
	const seq_t edge = seq_add(r->ack, (uint32_t)r->window << shift);
	b->edge = b->edge_known ? seq_max(b->edge, edge) : edge;
	b->edge_known = true;
	if (b->offer_known && seq_ge(r->end, b->offer))
		b->own_window_closed = true;
}

static void let_go(struct belief *b)
{
	if (b->low_known && seq_diff(b->acked, b->low) > FAR_BACK)
		b->low = seq_sub(b->acked, FAR_BACK / 2);
	if (b->shrunk && seq_diff(b->seen, b->shrunk_to) > FAR_BACK)
		b->shrunk_to = seq_sub(b->seen, FAR_BACK / 2);
	if (seq_diff(b->seen, b->iss) <= FAR_BACK)
		return;
	b->iss = seq_sub(b->seen, FAR_BACK / 2);
	b->iss_guess = b->iss;
	b->lives = 0;
	b->lives_forgot = false;
	b->earlies = 0;
	b->pair_known = b->pair_known && seq_gt(b->pair_seq, b->iss);
}

/* The numbers that it showed. */
void numbers_note(struct belief *b, const struct segment *s, const struct got *r, bool first)
{
	const bool acks = (r->flags & TCP_ACK) != 0;
	b->seen = first ? r->end : seq_max(b->seen, r->end);
	if (acks)
		b->acked = first || !b->irs_known ? r->ack : seq_max(b->acked, r->ack);
	if (acks && !b->irs_known)
		b->forgot_ack = r->ack;
	b->irs_known = b->irs_known || acks;
	if ((r->flags & TCP_SYN) && !b->iss_exact) {
		b->iss_exact = true; /* it was only guessed at before */
		b->iss = r->seq;
		b->iss_guess = r->seq;
	}
	if (acks && (r->flags & TCP_SYN) && b->syn_acks < COPIES_MOST)
		b->syn_acks++;
	let_go(b);
	if (r->flags & TCP_FIN)
		b->fin_seen = true;
	note_windows(b, s, r);
	if (!acks || (r->flags & TCP_FIN) || r->text_bytes > 0)
		return;
	/* As RCV.NXT came to r->ack, SND.NXT was r->end, unless this is a probe. */
	if ((b->shrunk || own_acks(b, seq_add(r->end, 1), b->now)) && (r->flags & TCP_SYN) == 0)
		return;
	if (!b->pair_known || seq_gt(r->end, b->pair_seq) ||
	    (seq_eq(r->end, b->pair_seq) && seq_gt(r->ack, b->pair_ack))) {
		b->pair_known = true;
		b->pair_seq = r->end;
		b->pair_ack = r->ack;
	}
}

void numbers_forget(struct belief *b)
{
	b->iss_known = false;
	b->iss_exact = false;
	b->irs_known = false;
	b->acked = seq_of(0);
	b->fin_seen = false;
	b->forgot = false;
	b->pair_known = false;
	b->low_known = false;
	b->edge_known = false;
	b->offer_known = false;
	b->shrunk = false;
	b->wscale_agreed = false;
	b->syn_has_text = false;
	b->syn_acks = 0;
	b->its_syn_window = 0;
}

/* An ISS is taken from @p r, for a try. Before its SYN is acknowledged, which it cannot be
 * while its ISS was never seen, an end sends a FIN right after its SYN, and ACKs after its SYN or
 * after both: only then is the ISS, or the number before it, left open. */
void numbers_anchor(struct belief *b, const struct got *r)
{
	b->iss_known = true;
	b->iss_exact = (r->flags & (TCP_SYN | TCP_FIN)) != 0;
	b->iss_guess = (r->flags & TCP_SYN)   ? r->seq
		       : (r->flags & TCP_FIN) ? seq_sub(r->seq, 1)
					      : seq_sub(r->seq, 2);
	b->iss = b->iss_guess;
	for (uint8_t i = 0; i < b->owns && !(r->flags & TCP_SYN); i++)
		if ((b->own[i].flags & TCP_SYN) &&
		    (b->own[i].text_bytes > 0 || b->own[i].fast_open)) {
			b->iss_exact = false; /* it may have sent text already */
			b->iss = seq_sub(r->seq, 65536);
		}
	b->syn_has_text = (r->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && r->text_bytes > 0;
	b->offer = seq_add(b->iss_exact ? b->iss : r->seq, 1 + b->own_syn_window);
	b->offer_known = b->own_syn_window > 0;
}

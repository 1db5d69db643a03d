/*
 * What Zeek and Wireshark would say of a flow: so that a user can lay it beside their
 * output. Both look at flags alone, and so are wrong about every segment that its receiver
 * refuses; nothing else in here may build on this.
 *
 * Zeek: TCPSessionAdapter.cc of 2026 (UpdateStateMachine, update_history, update_window,
 * update_last_seq). Of its history letters, g (content gap), c (bad checksum), x and ^ (roles
 * turned round) are not given. Wireshark: tcp.completeness of 4.0, first pass.
 */
#include "flow_internal.h"

#include <string.h>

enum zeek_state {
	ZEEK_INACTIVE,
	ZEEK_SYN_SENT,
	ZEEK_SYN_ACK_SENT,
	ZEEK_PARTIAL,
	ZEEK_ESTABLISHED,
	ZEEK_CLOSED,
	ZEEK_RESET,
};

enum zeek_letter {
	LETTER_SYN = 1,
	LETTER_FIN = 2,
	LETTER_RST = 4,
	LETTER_DATA = 8,
	LETTER_ACK = 16,
	LETTER_FIN_RST = 32,
	LETTER_MULTI = 64,
};

static void history_add(struct flow *f, enum side from, char letter)
{
	struct flow_peers *p = &f->peers;
	if (p->history_count + 1 < FLOW_HISTORY_MAX)
		p->history[p->history_count++] =
			from == SIDE_CLIENT ? (char)(letter - 'a' + 'A') : letter;
}

/* A letter is given once; @return whether it had been. */
static bool history_given(struct flow *f, enum side from, enum zeek_letter class, char letter)
{
	struct flow_zeek *z = &f->peers.zeek[from];
	if ((z->given & class) != 0)
		return true;
	z->given |= (uint8_t) class;
	history_add(f, from, letter);
	return false;
}

/* f, h, r and s are given again for another number. */
static void history_number(struct flow *f, enum side from, enum zeek_letter class, char letter,
			   seq_t *last, seq_t number)
{
	if (history_given(f, from, class, letter) && !seq_eq(*last, number))
		history_add(f, from, letter);
	*last = number;
}

/* t and w are given at the 1st, 10th, 100th ... */
static void history_scaled(struct flow *f, enum side from, char letter, uint32_t *count)
{
	uint32_t power = 1;
	++*count;
	while (power < *count && power <= UINT32_MAX / 10)
		power *= 10;
	if (power == *count)
		history_add(f, from, letter);
}

static void take_history(struct flow *f, enum side from, const struct segment *s)
{
	struct flow_zeek *z = &f->peers.zeek[from];
	const bool syn = (s->flags & TCP_SYN) != 0;
	const bool fin = (s->flags & TCP_FIN) != 0;
	const bool rst = (s->flags & TCP_RST) != 0;
	const bool ack = (s->flags & TCP_ACK) != 0;
	if (fin && rst)
		history_given(f, from, LETTER_FIN_RST, 'i');
	else if (syn + fin + rst > 1)
		history_given(f, from, LETTER_MULTI, 'q');
	else if (syn)
		history_number(f, from, LETTER_SYN, ack ? 'h' : 's', &z->syn, s->seq);
	else if (fin)
		history_number(f, from, LETTER_FIN, 'f', &z->fin,
			       seq_add(s->seq, s->payload_bytes));
	else if (rst)
		history_number(f, from, LETTER_RST, 'r', &z->rst, s->seq);
	else if (s->payload_bytes > 0)
		history_given(f, from, LETTER_DATA, 'd');
	else if (ack)
		history_given(f, from, LETTER_ACK, 'a');
}

static void set_state(struct flow_zeek *z, enum zeek_state state)
{
	z->state_before = z->state;
	z->state = (uint8_t)state;
}

static void end_by_flags(struct flow_zeek *z, bool fin, bool rst)
{
	if (fin)
		set_state(z, ZEEK_CLOSED);
	if (rst)
		set_state(z, ZEEK_RESET);
}

static void leave_inactive(struct flow *f, enum side from, const struct segment *s)
{
	struct flow_zeek *z = &f->peers.zeek[from];
	struct flow_zeek *peer = &f->peers.zeek[side_other(from)];
	const bool ack = (s->flags & TCP_ACK) != 0;
	if ((s->flags & TCP_SYN) != 0 && from == SIDE_CLIENT)
		set_state(z, ack ? ZEEK_SYN_ACK_SENT : ZEEK_SYN_SENT);
	if ((s->flags & TCP_SYN) != 0 && from == SIDE_SERVER) {
		if (peer->state == ZEEK_SYN_SENT)
			set_state(peer, ZEEK_ESTABLISHED);
		set_state(z, ZEEK_ESTABLISHED);
	}
	end_by_flags(z, (s->flags & TCP_FIN) != 0, (s->flags & TCP_RST) != 0);
	if (z->state != ZEEK_INACTIVE)
		return;
	if (from == SIDE_SERVER && s->payload_bytes == 0 && peer->state == ZEEK_SYN_SENT)
		return;
	set_state(z, ack && peer->state == ZEEK_ESTABLISHED ? ZEEK_ESTABLISHED : ZEEK_PARTIAL);
}

static void take_state(struct flow *f, enum side from, const struct segment *s)
{
	struct flow_zeek *z = &f->peers.zeek[from];
	struct flow_zeek *peer = &f->peers.zeek[side_other(from)];
	const bool fin = (s->flags & TCP_FIN) != 0;
	const bool rst = (s->flags & TCP_RST) != 0;
	switch ((enum zeek_state)z->state) {
	case ZEEK_INACTIVE:
		leave_inactive(f, from, s);
		break;
	case ZEEK_PARTIAL:
	case ZEEK_ESTABLISHED:
		if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && z->state == ZEEK_PARTIAL &&
		    peer->state == ZEEK_INACTIVE)
			set_state(z, ZEEK_SYN_SENT);
		if (fin && !rst && peer->state == ZEEK_RESET && peer->state_before == ZEEK_CLOSED)
			set_state(peer, ZEEK_CLOSED);
		end_by_flags(z, fin, rst);
		break;
	case ZEEK_SYN_SENT:
	case ZEEK_SYN_ACK_SENT:
		end_by_flags(z, fin, rst);
		break;
	case ZEEK_CLOSED:
		if (rst && peer->state != ZEEK_CLOSED)
			set_state(z, ZEEK_RESET);
		break;
	case ZEEK_RESET:
		break;
	}
}

/* Zeek's retransmission: text that does not go beyond the highest number. */
static void take_last(struct flow *f, enum side from, const struct segment *s)
{
	enum { LARGE = 1048576 };
	struct flow_zeek *z = &f->peers.zeek[from];
	const bool fin = (s->flags & TCP_FIN) != 0;
	const bool rst = (s->flags & TCP_RST) != 0;
	const bool syn = (s->flags & TCP_SYN) != 0;
	const seq_t end = seq_add(s->seq, (rst ? 0 : s->payload_bytes) + syn + fin);
	if (!z->started) {
		z->started = true;
		z->first = syn ? s->seq : seq_sub(s->seq, 1);
		z->last = syn ? end : s->seq;
	}
	const int32_t delta = seq_diff(end, z->last);
	if ((syn || rst) && (delta > LARGE || delta < -LARGE))
		return;
	if (fin && seq_eq(z->last, seq_add(z->first, 1)))
		z->last = end;
	else if (z->state == ZEEK_RESET)
		return;
	else if (delta > 0)
		z->last = end;
	else if (s->payload_bytes > 0)
		history_scaled(f, from, 't', &z->again);
}

/* A SYN's or anybody's first packet opens Wireshark's conversation; only a SYN counts then. */
static void take_completeness(struct flow *f, const struct segment *s)
{
	enum { SYN = 1, SYN_ACK = 2, ACK = 4, DATA = 8, FIN = 16, RST = 32 };
	uint8_t *bits = &f->peers.completeness;
	const bool syn = (s->flags & TCP_SYN) != 0;
	const bool ack = (s->flags & TCP_ACK) != 0;
	if (f->side[0].segments + f->side[1].segments == 0) {
		if (syn && !ack)
			*bits |= (uint8_t)(SYN | (s->payload_bytes > 0 ? DATA : 0));
		return;
	}
	if (syn && ack)
		*bits |= SYN_ACK;
	else if (ack)
		*bits |= (uint8_t)(s->payload_bytes > 0 ? DATA : ACK);
	if ((s->flags & TCP_FIN) != 0 && ack)
		*bits |= FIN;
	if ((s->flags & TCP_RST) != 0)
		*bits |= RST;
}

void flow_peers_take(struct flow *f, enum side from, const struct segment *s)
{
	struct flow_zeek *z = &f->peers.zeek[from];
	take_completeness(f, s);
	take_history(f, from, s);
	if (s->window == 0 && (s->flags & TCP_RST) == 0 && z->state != ZEEK_RESET &&
	    f->peers.zeek[side_other(from)].state != ZEEK_CLOSED)
		history_scaled(f, from, 'w', &z->zero_windows);
	take_last(f, from, s);
	take_state(f, from, s);
}

/* Zeek: history matches S[^HAFGIQ]*R. */
static bool only_syn_before_rst(const char *history)
{
	if (history[0] != 'S')
		return false;
	const char *at = history + 1;
	while (strchr("HAFGIQR", *at) == NULL) /* the terminating NUL counts as found */
		at++;
	return *at == 'R';
}

const char *flow_peers_conn_state(const struct flow *f)
{
	const struct flow_zeek *o = &f->peers.zeek[SIDE_CLIENT];
	const struct flow_zeek *r = &f->peers.zeek[SIDE_SERVER];
	const bool o_inactive = o->state == ZEEK_INACTIVE || o->state == ZEEK_PARTIAL;
	const bool r_inactive = r->state == ZEEK_INACTIVE || r->state == ZEEK_PARTIAL;
	if (r->state == ZEEK_RESET) {
		if (o->state == ZEEK_SYN_SENT || o->state == ZEEK_SYN_ACK_SENT ||
		    (o->state == ZEEK_RESET && f->side[0].bytes == 0 && f->side[1].bytes == 0))
			return "REJ";
		return o_inactive ? "RSTRH" : "RSTR";
	}
	if (o->state == ZEEK_RESET && r_inactive)
		return only_syn_before_rst(f->peers.history) ? "RSTOS0" : "OTH";
	if (o->state == ZEEK_RESET)
		return "RSTO";
	if (o->state == ZEEK_CLOSED && r->state == ZEEK_CLOSED)
		return "SF";
	if (o->state == ZEEK_CLOSED)
		return r_inactive ? "SH" : "S2";
	if (r->state == ZEEK_CLOSED)
		return o_inactive ? "SHR" : "S3";
	if (o->state == ZEEK_SYN_SENT && r->state == ZEEK_INACTIVE)
		return "S0";
	if (o->state == ZEEK_ESTABLISHED && r->state == ZEEK_ESTABLISHED)
		return "S1";
	return "OTH";
}

/*
 * What is kept, rewritten and faked. Silence of one question may be loss; only the silence of
 * several, each asked three times while others were answered, is a sign.
 */
#include "firewall_internal.h"

#include <stdio.h>

/* --- what it keeps -------------------------------------------------------------------------- */

enum passing { PASS_UNKNOWN, PASS_YES, PASS_NO };

/* Whether a segment of no connection reached the host, as its reset shows. */
static enum passing passes(const struct port_view *w, enum question q)
{
	const struct step_result *r = firewall_step(w->b, w->index, q, 0);
	if (r == NULL)
		return PASS_UNKNOWN;
	if (r->first.kind == ANSWER_NONE)
		return r->asks >= BATTERY_ASKS ? PASS_NO : PASS_UNKNOWN;
	/* What reset the SYN may have reset this, too, unless it comes from farther away. */
	const struct answer *syn = firewall_answer(w->b, w->index, ASK_SYN);
	if (w->v->verdict == VERDICT_REJECTED && w->v->manner == MANNER_RST &&
	    (syn == NULL || ttl_distance(r->first.ttl) <= ttl_distance(syn->ttl)))
		return PASS_UNKNOWN;
	if (r->first.kind == ANSWER_RST && !w->h->ttl_odd &&
	    ttl_distance(r->first.ttl) == w->h->far_distance && w->v->box != BOX_UNKNOWN)
		return PASS_YES;
	return PASS_UNKNOWN;
}

static void keeps(struct port_view *w, enum firewall_keeps k, enum confidence c, const char *why)
{
	w->v->keeps = k;
	w->v->keeps_confidence = c;
	firewall_claim(w, TOPIC_KEEPS, c, "%s", why);
}

/* Text outside the window: every TCP answers with an ACK (RFC 9293 section 3.10.7.4, first). */
static void judge_window(struct port_view *w)
{
	const struct step_result *far = firewall_step(w->b, w->index, ASK_WINDOW, 3);
	const struct step_result *before = firewall_step(w->b, w->index, ASK_WINDOW, 2);
	const struct step_result *after = firewall_step(w->b, w->index, ASK_WINDOW, 4);
	if (far == NULL || before == NULL || after == NULL)
		return;
	const bool alive = firewall_is_tcp(&before->first) && firewall_is_tcp(&after->first) &&
			   after->first.kind != ANSWER_RST;
	if (!alive)
		return;
	if (far->first.kind == ANSWER_NONE && far->asks >= BATTERY_ASKS && !w->h->lossy)
		keeps(w, KEEPS_WINDOW, CONFIDENCE_EXPECTED,
		      "in a connection, text outside the window was not answered three times while "
		      "text inside was: something drops it, every TCP answers it with an ACK (RFC "
		      "9293 "
		      "3.10.7.4)");
	else if (firewall_is_tcp(&far->first))
		firewall_claim(
			w, TOPIC_KEEPS, CONFIDENCE_EXPECTED,
			"in a connection, text outside the window arrived: nothing tracks the "
			"window");
}

/* Silence in a connection, then text: how long until it is forgotten? */
static void judge_idle(struct port_view *w)
{
	const struct battery_port *p = &w->b->config.ports[w->index];
	const struct step_result *before = firewall_step(w->b, w->index, ASK_IDLE, 2);
	const struct step_result *after = firewall_step(w->b, w->index, ASK_IDLE, 5);
	const double dead = (double)p->idle_dead_ns / 1e9;
	const double alive = (double)p->idle_alive_ns / 1e9;
	if (p->idle_dead_ns == 0 && p->idle_alive_ns == 0)
		return;
	if (p->idle_dead_ns == 0)
		firewall_claim(w, TOPIC_KEEPS, CONFIDENCE_PROVEN,
			       "a connection was alive after %.1f s of silence", alive);
	else
		firewall_claim(
			w, TOPIC_KEEPS, w->h->lossy ? CONFIDENCE_POSSIBLE : CONFIDENCE_EXPECTED,
			"a connection was dead after %.1f s of silence, and alive after %.1f s: "
			"something forgets it in between",
			dead, alive);
	if (before != NULL && after != NULL && after->first.kind == ANSWER_RST)
		firewall_claim(
			w, TOPIC_KEEPS, CONFIDENCE_EXPECTED,
			"it was reset over %u routers, where the host's answers came over %u",
			ttl_distance(after->first.ttl), ttl_distance(before->first.ttl));
}

/* A reset that the host must ignore, and a box may believe (RFC 5961 section 3). */
static void judge_far_reset(struct port_view *w)
{
	const struct step_result *before = firewall_step(w->b, w->index, ASK_RESET, 2);
	const struct step_result *after = firewall_step(w->b, w->index, ASK_RESET, 4);
	if (before == NULL || after == NULL || !firewall_is_tcp(&before->first) || w->h->lossy)
		return;
	if (after->first.kind == ANSWER_NONE && after->asks >= BATTERY_ASKS)
		firewall_claim(
			w, TOPIC_KEEPS, CONFIDENCE_EXPECTED,
			"after a reset outside the window the connection is dead, which the host "
			"would have ignored (RFC 5961 3): something forgot it");
}

static void judge_accepted(struct port_view *w, enum passing ack, enum passing synack,
			   enum passing data)
{
	const bool several = ack == PASS_NO && data == PASS_NO && synack != PASS_YES;
	if (several)
		keeps(w, KEEPS_STATE, w->h->lossy ? CONFIDENCE_POSSIBLE : CONFIDENCE_EXPECTED,
		      "a SYN passes, but an ACK and text of no connection are dropped (three times "
		      "each): something knows which connections there are");
	else if (ack == PASS_YES && synack == PASS_NO && !w->h->lossy)
		keeps(w, KEEPS_LOOSE, CONFIDENCE_POSSIBLE,
		      "a SYN,ACK nobody asked for is dropped, an ACK of no connection passes: "
		      "state "
		      "that picks up connections in the middle, or a rule against such SYN,ACKs");
	else if (ack == PASS_YES)
		keeps(w, KEEPS_NOTHING, CONFIDENCE_EXPECTED,
		      "an ACK of no connection passes as the SYN does: no filter for this port, "
		      "one "
		      "without state, or one that picks up connections in the middle");
}

void firewall_judge_keeps(struct port_view *w)
{
	const enum passing ack = passes(w, ASK_ACK);
	const enum passing synack = passes(w, ASK_SYNACK);
	const enum passing data = passes(w, ASK_DATA);
	const bool refused = w->v->verdict == VERDICT_FILTERED || w->v->verdict == VERDICT_REJECTED;
	if (refused && ack == PASS_YES) {
		/* A listener without room drops SYNs too, and resets other segments. */
		const bool drops = w->v->manner == MANNER_DROP && w->v->box != BOX_BEFORE;
		keeps(w, KEEPS_STATELESS, drops ? CONFIDENCE_POSSIBLE : CONFIDENCE_EXPECTED,
		      drops ? "SYNs are dropped, but an ACK of no connection reached the host, "
			      "which "
			      "reset it: a filter of SYNs without state, or a listener whose queue "
			      "is full"
			    : "the SYN is refused, but an ACK of no connection reached the host, "
			      "which "
			      "reset it: a filter of SYNs without state (or one that picks up "
			      "connections in the middle)");
	}
	if (!refused && w->v->verdict != VERDICT_INCONSISTENT)
		judge_accepted(w, ack, synack, data);
	judge_window(w);
	judge_far_reset(w);
	judge_idle(w);
}

/* --- what it rewrites --------------------------------------------------------------------------
 */

static uint16_t rewrites_of(const struct quote *before, const struct quote *after)
{
	const uint16_t both = before->known & after->known;
	const uint16_t fresh = (uint16_t)(after->changed & ~before->changed & both);
	const uint16_t flags = before->flags ^ after->flags;
	uint16_t r = 0;
	if ((fresh & QUOTE_SEQ) != 0)
		r |= REWRITE_SEQ;
	if ((fresh & QUOTE_MSS) != 0)
		r |= REWRITE_MSS;
	if ((fresh & (QUOTE_OPTIONS_GONE | QUOTE_OPTIONS_NEW | QUOTE_OPTION_VALUE)) != 0)
		r |= REWRITE_OPTIONS;
	if ((fresh & QUOTE_WINDOW) != 0)
		r |= REWRITE_WINDOW;
	if ((fresh & QUOTE_DSCP) != 0)
		r |= REWRITE_DSCP;
	if ((fresh & QUOTE_ECN) != 0)
		r |= REWRITE_ECN;
	if ((fresh & QUOTE_FLAGS) != 0)
		r |= (flags & ~(TCP_ECE | TCP_CWR | TCP_AE)) == 0 ? REWRITE_ECN : REWRITE_FLAGS;
	if ((fresh & (QUOTE_ACK | QUOTE_IP_ID | QUOTE_DF)) != 0)
		r |= REWRITE_OTHER;
	return r;
}

/* One walk: between which hops did the segment change? Quotes are proof: what they quote was
 * there. */
static void judge_quotes(struct port_view *w, enum question q)
{
	struct quote before = {0};
	unsigned before_hop = 0;
	bool first = true;
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		const struct step_result *r = firewall_step(w->b, w->index, q, hop - 1);
		if (r == NULL)
			break;
		const struct answer *a = &r->first;
		if (a->kind != ANSWER_TIME_EXCEEDED && a->kind != ANSWER_ICMP)
			continue;
		if (first)
			before = battery_as_sent(w->b, w->index, q, &a->quote);
		first = false;
		const uint16_t what = rewrites_of(&before, &a->quote);
		char text[QUOTE_TEXT_MAX];
		if (what != 0 && (w->v->rewrites & what) != what)
			firewall_claim(w, TOPIC_REWRITES, CONFIDENCE_PROVEN,
				       "between %s%.0u and hop %u: %s (quoted by hop %u)",
				       before_hop == 0 ? "us" : "hop ", before_hop, hop,
				       quote_difference(&before, &a->quote, text, sizeof text),
				       hop);
		w->v->rewrites |= what;
		if (a->quote.ttl > hop) {
			w->v->rewrites |= REWRITE_TTL;
			firewall_claim(
				w, TOPIC_REWRITES, CONFIDENCE_PROVEN,
				"sent with %u hop%s, quoted with %u left: the TTL was raised", hop,
				hop == 1 ? "" : "s", a->quote.ttl);
		}
		before = a->quote;
		before_hop = hop;
	}
}

static void judge_refusal_quote(struct port_view *w)
{
	const struct answer *a = firewall_answer(w->b, w->index, ASK_SYN);
	if (a == NULL || a->kind != ANSWER_ICMP)
		return;
	const struct quote before = battery_as_sent(w->b, w->index, ASK_SYN, &a->quote);
	const uint16_t what = rewrites_of(&before, &a->quote);
	char text[QUOTE_TEXT_MAX];
	if (what != 0 && (w->v->rewrites & what) != what)
		firewall_claim(w, TOPIC_REWRITES, CONFIDENCE_PROVEN, "before it was refused: %s",
			       quote_difference(&before, &a->quote, text, sizeof text));
	w->v->rewrites |= what;
	if (a->quote.ttl > BATTERY_TTL) {
		w->v->rewrites |= REWRITE_TTL;
		firewall_claim(w, TOPIC_REWRITES, CONFIDENCE_PROVEN,
			       "sent with %d hops, quoted with %u left: the TTL was raised",
			       BATTERY_TTL, a->quote.ttl);
	}
}

static void judge_nat(struct port_view *w)
{
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		const struct step_result *r = firewall_step(w->b, w->index, ASK_WALK, hop - 1);
		if (r == NULL)
			return;
		if (r->first.kind != ANSWER_TIME_EXCEEDED ||
		    !ip_addr_equal(&r->first.from, &w->b->config.remote))
			continue;
		w->v->rewrites |= REWRITE_NAT;
		firewall_claim(
			w, TOPIC_REWRITES, CONFIDENCE_PROVEN,
			"the address asked says itself, at hop %u, that the hops were used up: it "
			"forwards this port to somewhere behind it",
			hop);
		return;
	}
}

/* The answer's own fields. */
static void judge_answer(struct port_view *w)
{
	const struct answer *a = firewall_answer(w->b, w->index, ASK_SYN);
	if (a == NULL)
		return;
	if (a->ts_wrong) {
		w->v->rewrites |= REWRITE_OPTIONS;
		firewall_claim(w, TOPIC_REWRITES, CONFIDENCE_EXPECTED,
			       "the SYN,ACK echoes a time stamp that was not sent (RFC 7323 3.2)");
	}
	if (a->kind == ANSWER_SYNACK_WRONG)
		firewall_claim(
			w, TOPIC_REWRITES, CONFIDENCE_POSSIBLE,
			"the SYN,ACK acknowledges %u: sequence numbers are changed on the way, or "
			"it is no answer to our SYN",
			a->ack.raw);
	const uint32_t headers = w->b->config.local.family == IP_V6 ? 60 : 40;
	if (a->kind == ANSWER_SYNACK && a->mss != 0 && a->mss + headers < w->b->config.mtu_bytes)
		firewall_claim(
			w, TOPIC_REWRITES, CONFIDENCE_POSSIBLE,
			"the SYN,ACK announces MSS %u where our link takes %u: the host's own, or "
			"clamped",
			a->mss, w->b->config.mtu_bytes - headers);
}

void firewall_judge_rewrites(struct port_view *w)
{
	judge_quotes(w, ASK_WALK);
	judge_quotes(w, ASK_WALK_ECN);
	judge_refusal_quote(w);
	judge_nat(w);
	judge_answer(w);
}

/* --- what it fakes ------------------------------------------------------------------------------
 */

static void fake(struct port_view *w, enum firewall_fake f, enum confidence c)
{
	if (w->v->fake_confidence >= c)
		return;
	w->v->fake = f;
	w->v->fake_confidence = c;
}

/* Farther than the SYN,ACK: a SYN proxy answered for the server, which then took over. */
static void claim_proxy(struct port_view *w, const struct answer *open, const struct answer *a)
{
	fake(w, FAKE_SYN_PROXY, CONFIDENCE_EXPECTED);
	firewall_claim(
		w, TOPIC_FAKES, CONFIDENCE_EXPECTED,
		"the SYN,ACK came with TTL %u and window %u, the %s after it with TTL %u, from "
		"farther away: a proxy answered, and %s",
		open->ttl, open->window, answer_kind_name((enum answer_kind)a->kind), a->ttl,
		a->kind == ANSWER_RST ? "the port behind it is closed"
				      : "then let the host take over");
}

/* Nearer: something in between answers for the host once there is a connection. */
static void claim_intruder(struct port_view *w, const struct answer *open, const struct answer *a,
			   const char *when)
{
	const bool reset = a->kind == ANSWER_RST || a->kind == ANSWER_RST_WRONG;
	if (reset)
		fake(w, FAKE_RST, CONFIDENCE_EXPECTED);
	firewall_claim(w, TOPIC_FAKES, CONFIDENCE_EXPECTED,
		       "the SYN,ACK came over %u routers, the %s to %s over %u: hop %u %s",
		       ttl_distance(open->ttl), answer_kind_name((enum answer_kind)a->kind), when,
		       ttl_distance(a->ttl), ttl_distance(a->ttl) + 1u,
		       reset ? "ends the connection in the host's name"
			     : "acknowledges in the host's name");
}

/* Another end in the same connection. */
static void judge_ends(struct port_view *w)
{
	static const char *const when[] = {"", "our ACK", "our text"};
	const struct step_result *open = firewall_step(w->b, w->index, ASK_TALK, 0);
	if (open == NULL || open->first.kind != ANSWER_SYNACK || w->h->ttl_odd)
		return;
	const unsigned distance = ttl_distance(open->first.ttl);
	for (unsigned step = 1; step <= 2; step++) {
		const struct step_result *r = firewall_step(w->b, w->index, ASK_TALK, step);
		if (r == NULL || !firewall_is_tcp(&r->first) ||
		    ttl_distance(r->first.ttl) == distance)
			continue;
		if (ttl_distance(r->first.ttl) > distance)
			claim_proxy(w, &open->first, &r->first);
		else
			claim_intruder(w, &open->first, &r->first, when[step]);
		return;
	}
}

/* Text behind a hole, hop by hop: what is said to it before it can have arrived, and which
 * numbers the host has got. */
static void judge_session(struct port_view *w)
{
	const struct step_result *open = firewall_step(w->b, w->index, ASK_SESSION, 0);
	if (open == NULL || open->first.kind != ANSWER_SYNACK || w->h->ttl_odd)
		return;
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		const struct step_result *r = firewall_step(w->b, w->index, ASK_SESSION, hop + 1);
		if (r == NULL)
			return;
		const struct answer *a = &r->first;
		if (firewall_is_tcp(a) && ttl_distance(a->ttl) < ttl_distance(open->first.ttl)) {
			claim_intruder(w, &open->first, a, "text in the connection");
			return;
		}
		if (!firewall_is_tcp(a) || !a->has_sack)
			continue;
		if (!a->sack_fits)
			w->v->rewrites |= REWRITE_SEQ;
		firewall_claim(
			w, TOPIC_REWRITES, a->sack_fits ? CONFIDENCE_PROVEN : CONFIDENCE_EXPECTED,
			a->sack_fits ? "the host reports by SACK just the numbers that were "
				       "sent: nothing changes them on the way"
				     : "the host reports by SACK other numbers than were sent: "
				       "sequence numbers are changed on the way");
	}
}

static void judge_cookies(struct port_view *w)
{
	const struct step_result *once = firewall_step(w->b, w->index, ASK_COOKIE, 0);
	const struct step_result *again = firewall_step(w->b, w->index, ASK_COOKIE, 2);
	if (once == NULL || again == NULL || once->first.kind != ANSWER_SYNACK ||
	    again->first.kind != ANSWER_SYNACK || once->copies > 1 || again->copies > 1)
		return;
	const bool same = seq_eq(once->first.seq, again->first.seq);
	const enum confidence c = same && !w->h->lossy ? CONFIDENCE_EXPECTED : CONFIDENCE_POSSIBLE;
	if (w->v->fake == FAKE_NONE)
		fake(w, same ? FAKE_COOKIES : FAKE_STATELESS_SYNACK, c);
	firewall_claim(
		w, TOPIC_FAKES, c,
		"the SYN,ACK was not repeated in 3.6 s, twice; after a reset the same SYN got %s "
		"ISN (%u, %u): %s",
		same ? "the same" : "another", once->first.seq.raw, again->first.seq.raw,
		same ? "made from the SYN, no state is kept: SYN cookies, or a SYN proxy"
		     : "no half-open state, or a listener that never repeats");
}

static void judge_tarpit(struct port_view *w)
{
	const struct step_result *said = firewall_step(w->b, w->index, ASK_TALK, 2);
	const struct step_result *open = firewall_step(w->b, w->index, ASK_TALK, 0);
	if (said == NULL || open == NULL || said->first.kind != ANSWER_NONE ||
	    said->asks < BATTERY_ASKS)
		return;
	fake(w, FAKE_TARPIT, CONFIDENCE_POSSIBLE);
	firewall_claim(
		w, TOPIC_FAKES, CONFIDENCE_POSSIBLE,
		"the handshake went through (window %u), but a byte was never acknowledged in "
		"%u tries: a tarpit, a SYN proxy with nothing behind it, or a way that lets only "
		"SYNs pass",
		open->first.window, said->asks);
}

/* No TCP answers a segment whose checksum is wrong. */
static void judge_checksum(struct port_view *w)
{
	const struct answer *bad = firewall_answer(w->b, w->index, ASK_BADSUM);
	const struct answer *syn = firewall_answer(w->b, w->index, ASK_SYN);
	if (bad == NULL || !firewall_is_tcp(bad))
		return;
	fake(w, bad->kind == ANSWER_SYNACK ? FAKE_SYN_PROXY : FAKE_RST, CONFIDENCE_PROVEN);
	firewall_claim(
		w, TOPIC_FAKES, CONFIDENCE_PROVEN,
		"a SYN with a wrong checksum was answered by %s (TTL %u): no TCP does that (RFC "
		"9293 3.1), a box answers for the host",
		answer_kind_name((enum answer_kind)bad->kind), bad->ttl);
	if (syn == NULL || syn->kind != bad->kind || syn->ttl != bad->ttl)
		return;
	if (w->v->verdict == VERDICT_CLOSED)
		w->v->verdict = VERDICT_REJECTED;
	if (w->v->box == BOX_HOST || w->v->box == BOX_UNKNOWN) {
		w->v->box = BOX_BEFORE;
		w->v->box_confidence = CONFIDENCE_EXPECTED;
		w->v->hop_min = w->v->hop_max = 0;
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_EXPECTED,
			"the right SYN got the same answer with the same TTL: from that box, too");
	}
}

void firewall_judge_fakes(struct port_view *w)
{
	judge_ends(w);
	judge_session(w);
	judge_cookies(w);
	judge_tarpit(w);
	judge_checksum(w);
	if (w->h->all_open && w->v->verdict == VERDICT_OPEN)
		firewall_claim(
			w, TOPIC_FAKES, CONFIDENCE_POSSIBLE,
			"a port that nobody should listen on says SYN,ACK too: something answers "
			"for every port");
}

/*
 * Which box. Three measures, each with its limits:
 *
 * - the hops an answer has left: senders at different distances differ, if they start with the
 *   same number. It is compared with the farthest that answered for this address, and with the
 *   routers that the walk found on the way there.
 * - the walk: a router looks at the hops before its forward filter (Linux, and RFC 1812 section
 *   5.2.1.2 has it so), so that a drop after the last "time exceeded" of hop k is hop k's forward
 *   filter or whatever comes before hop k+1 does that.
 * - an ICMP error says who made it, and quotes how many hops were left there.
 *
 * A filter on the host itself has the host's distance and address: BOX_HOST means both.
 */
#include "firewall_internal.h"

#include <stdio.h>

static const char *address_of(const struct ip_addr *a, char text[static IP_ADDR_TEXT_MAX])
{
	return ip_addr_format(a, text, IP_ADDR_TEXT_MAX);
}

static void set_box(struct firewall_port *v, enum firewall_box box, enum confidence c,
		    unsigned hop_min, unsigned hop_max)
{
	v->box = box;
	v->box_confidence = c;
	v->hop_min = (uint8_t)hop_min;
	v->hop_max = (uint8_t)hop_max;
}

/* The address of a hop, where one hop it is and it said who it is. */
static void name_hop(struct port_view *w)
{
	const struct firewall_hop *hop = &w->h->hops[w->v->hop_min];
	if (w->v->hop_min != w->v->hop_max || w->v->hop_min == 0 || !hop->answered)
		return;
	w->v->has_by = true;
	w->v->by = hop->addr;
}

/* --- a segment ------------------------------------------------------------------------------ */

static void nearer(struct port_view *w, const struct answer *a, unsigned distance, const char *than)
{
	char text[32];
	set_box(w->v, BOX_BEFORE, CONFIDENCE_EXPECTED, distance + 1, distance + 1);
	name_hop(w);
	snprintf(text, sizeof text, "TTL %u", a->ttl);
	firewall_claim(w, TOPIC_BOX, CONFIDENCE_EXPECTED,
		       "the answer came over %u router%s (%s), %s: hop %u made it, not the host",
		       distance, distance == 1 ? "" : "s", text, than, distance + 1);
	if (w->v->verdict == VERDICT_CLOSED)
		w->v->verdict = VERDICT_REJECTED;
}

/* The host's TCP copies our traffic class into its resets, and this one has none. */
static bool other_maker(const struct port_view *w)
{
	const struct answer *a = firewall_answer(w->b, w->index, ASK_CLASS);
	return w->h->reflects && a != NULL && a->kind == ANSWER_RST &&
	       a->traffic != battery_rows[ASK_CLASS].traffic;
}

static void at_host(struct port_view *w, const struct answer *a, unsigned distance)
{
	struct firewall_port *v = w->v;
	set_box(v, BOX_HOST, CONFIDENCE_EXPECTED, 0, 0);
	firewall_claim(
		w, TOPIC_BOX, CONFIDENCE_EXPECTED,
		"the answer came over %u router%s (TTL %u), as the farthest of this address: "
		"the host, or a filter on it, which have the same distance",
		distance, distance == 1 ? "" : "s", a->ttl);
	if (v->verdict != VERDICT_CLOSED || !other_maker(w))
		return;
	v->verdict = VERDICT_REJECTED;
	firewall_claim(
		w, TOPIC_BOX, CONFIDENCE_EXPECTED,
		"the resets of other ports carry the traffic class of our SYN (0x%02x), this "
		"one does not: not the host's TCP made it, but a filter on it",
		battery_rows[ASK_CLASS].traffic);
}

/* All answers come over fewer routers than there are. */
static void too_near(struct port_view *w, const struct answer *a, unsigned distance)
{
	struct firewall_port *v = w->v;
	const struct answer *class = firewall_answer(w->b, w->index, ASK_CLASS);
	char than[80];
	const bool bare = class != NULL && class->kind == ANSWER_RST && class->traffic == 0;
	if (v->verdict == VERDICT_CLOSED && bare && !w->h->far_talks && !w->h->ttl_odd) {
		snprintf(than, sizeof than, "but %u %s on the way to the host", w->h->routers_seen,
			 w->h->routers_seen == 1 ? "is" : "are");
		nearer(w, a, distance, than);
		return;
	}
	set_box(v, BOX_UNKNOWN, CONFIDENCE_NONE, 0, 0);
	firewall_claim(
		w, TOPIC_BOX, CONFIDENCE_POSSIBLE,
		"the answer came over %u router%s (TTL %u), but %u lie on the way there: hop %u "
		"answers for the host, or the TTL is raised on the way back; not to be told "
		"apart from here",
		distance, distance == 1 ? "" : "s", a->ttl, w->h->routers_seen, distance + 1);
}

/* Who is nearer only because the TTL of its answers is raised on the way back goes on like that,
 * and speaks as the host does: it acknowledges text, its resets have our traffic class. */
static bool may_be_raised(const struct port_view *w, const struct answer *a)
{
	const struct step_result *said = firewall_step(w->b, w->index, ASK_TALK, 2);
	const struct answer *class = firewall_answer(w->b, w->index, ASK_CLASS);
	if (a->kind == ANSWER_SYNACK)
		return said != NULL && firewall_is_tcp(&said->first) &&
		       said->first.kind != ANSWER_RST && said->first.ttl == a->ttl;
	return a->kind == ANSWER_RST && class != NULL && class->kind == ANSWER_RST &&
	       class->traffic == battery_rows[ASK_CLASS].traffic && class->ttl == a->ttl;
}

static void judge_segment(struct port_view *w, const struct answer *a)
{
	const struct firewall_host *h = w->h;
	const unsigned distance = ttl_distance(a->ttl);
	char than[80];
	if (h->target_hop != 0) {
		set_box(w->v, BOX_HOST, CONFIDENCE_EXPECTED, 0, 0);
		return; /* what it forwards is said with what it rewrites */
	}
	if (h->ttl_odd) {
		too_near(w, a, distance);
		return;
	}
	if (distance < h->far_distance && may_be_raised(w, a)) {
		set_box(w->v, BOX_UNKNOWN, CONFIDENCE_NONE, 0, 0);
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_POSSIBLE,
			"the answer came over %u router%s (TTL %u), others of the same address "
			"over %u, but it does what the host does: hop %u answers for the host all "
			"along, or the TTL is raised on the way back",
			distance, distance == 1 ? "" : "s", a->ttl, h->far_distance, distance + 1);
		return;
	}
	if (distance < h->far_distance) {
		snprintf(than, sizeof than, "others of the same address over %u", h->far_distance);
		nearer(w, a, distance, than);
		return;
	}
	if (h->routers_seen > distance) {
		too_near(w, a, distance);
		return;
	}
	if (h->hops_count == 0 && !h->far_talks) {
		set_box(w->v, BOX_UNKNOWN, CONFIDENCE_NONE, 0, 0);
		firewall_claim(w, TOPIC_BOX, CONFIDENCE_POSSIBLE,
			       "TTL %u, and nothing to compare it with", a->ttl);
		return;
	}
	at_host(w, a, distance);
}

/* --- an ICMP error ---------------------------------------------------------------------------- */

static void judge_error(struct port_view *w, const struct answer *a)
{
	char who[IP_ADDR_TEXT_MAX];
	const unsigned left = a->quote.ttl;
	const unsigned used = left <= BATTERY_TTL ? BATTERY_TTL - left : 0;
	w->v->has_by = true;
	w->v->by = a->from;
	if (ip_addr_equal(&a->from, &w->b->config.remote)) {
		set_box(w->v, BOX_HOST, CONFIDENCE_EXPECTED, 0, 0);
		w->v->has_by = false;
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_EXPECTED,
			"the error comes from the address asked, and quotes the SYN with %u of "
			"%u hops left",
			left, BATTERY_TTL);
		return;
	}
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		if (!w->h->hops[hop].answered || !ip_addr_equal(&w->h->hops[hop].addr, &a->from))
			continue;
		set_box(w->v, BOX_BEFORE, CONFIDENCE_EXPECTED, hop, hop);
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_EXPECTED,
			"the error comes from %s, which is hop %u, and quotes the SYN with %u of "
			"%u hops left",
			address_of(&a->from, who), hop, left, BATTERY_TTL);
		return;
	}
	const unsigned back = ttl_distance(a->ttl) + 1u;
	unsigned min = used > 0 ? used : 1;
	unsigned max = used + 1;
	if (back >= min && back <= max)
		min = max = back;
	set_box(w->v, BOX_BEFORE, CONFIDENCE_EXPECTED, min, max);
	firewall_claim(
		w, TOPIC_BOX, CONFIDENCE_EXPECTED,
		"the error comes from %s, not from the host; it quotes the SYN after %u hop%s, "
		"and came back over %u router%s",
		address_of(&a->from, who), used, used == 1 ? "" : "s", back - 1,
		back == 2 ? "" : "s");
}

/* --- silence -------------------------------------------------------------------------------- */

/* The last hop of this port's own walk that sent "time exceeded"; 0: none. */
static unsigned last_hop(const struct port_view *w, bool *walked)
{
	unsigned last = 0;
	*walked = false;
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		const struct step_result *r = firewall_step(w->b, w->index, ASK_WALK, hop - 1);
		if (r == NULL)
			break;
		*walked = true;
		if (r->first.kind == ANSWER_TIME_EXCEEDED)
			last = hop;
	}
	return last;
}

static void dropped_beyond(struct port_view *w, unsigned last)
{
	set_box(w->v, last > 0 ? BOX_RANGE : BOX_UNKNOWN,
		last > 0 ? CONFIDENCE_EXPECTED : CONFIDENCE_NONE, last, 0);
	if (last > 0)
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_EXPECTED,
			"hop %u is the last that reported the SYN; where the host is, nothing "
			"tells: hop %u's own filter, or anything after it",
			last, last);
}

static void judge_silence(struct port_view *w)
{
	const unsigned host = w->h->hops_count;
	bool walked;
	const unsigned last = last_hop(w, &walked);
	if (!walked)
		return;
	if (host == 0) {
		dropped_beyond(w, last);
		return;
	}
	if (host == 1) {
		set_box(w->v, BOX_HOST, CONFIDENCE_POSSIBLE, 0, 0);
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_POSSIBLE,
			"no router is on the way: a filter on the host, or a bridge before it");
		return;
	}
	if (last + 1 >= host) {
		set_box(w->v, BOX_RANGE, CONFIDENCE_EXPECTED, last, host);
		firewall_claim(
			w, TOPIC_BOX, CONFIDENCE_EXPECTED,
			"the SYN reached hop %u, the last before the host at hop %u: hop %u's "
			"forward filter or the host drops it, not to be told apart",
			last, host, last);
		return;
	}
	/* Hops that are silent for every port say nothing. */
	unsigned next = last + 1;
	while (next < host && !w->h->hops[next].answered)
		next++;
	if (next >= host) {
		set_box(w->v, BOX_RANGE, CONFIDENCE_EXPECTED, last > 0 ? last : 1, host);
		return;
	}
	set_box(w->v, BOX_BEFORE, CONFIDENCE_EXPECTED, last > 0 ? last : 1, next);
	name_hop(w);
	firewall_claim(
		w, TOPIC_BOX, CONFIDENCE_EXPECTED,
		"the SYN is not reported by hop %u, which reports those for other ports; the "
		"last that reported it is hop %u",
		next, last);
}

void firewall_judge_box(struct port_view *w, const struct answer *a)
{
	if (a->kind == ANSWER_NONE)
		judge_silence(w);
	else if (firewall_is_tcp(a))
		judge_segment(w, a);
	else
		judge_error(w, a);
}

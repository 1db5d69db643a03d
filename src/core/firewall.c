#include "firewall_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *confidence_name(enum confidence c)
{
	switch (c) {
	case CONFIDENCE_NONE:
		return "unknown";
	case CONFIDENCE_POSSIBLE:
		return "possible";
	case CONFIDENCE_EXPECTED:
		return "expected";
	case CONFIDENCE_PROVEN:
		return "proven";
	}
	return "?";
}

const char *firewall_topic_name(enum firewall_topic t)
{
	switch (t) {
	case TOPIC_VERDICT:
		return "verdict";
	case TOPIC_BOX:
		return "by";
	case TOPIC_MANNER:
		return "how";
	case TOPIC_KEEPS:
		return "keeps";
	case TOPIC_REWRITES:
		return "rewrites";
	case TOPIC_FAKES:
		return "fakes";
	case TOPIC_PATH:
		return "path";
	}
	return "?";
}

const char *firewall_keeps_name(enum firewall_keeps k)
{
	switch (k) {
	case KEEPS_UNKNOWN:
		return "?";
	case KEEPS_NOTHING:
		return "nothing";
	case KEEPS_STATELESS:
		return "stateless";
	case KEEPS_LOOSE:
		return "loose";
	case KEEPS_STATE:
		return "state";
	case KEEPS_WINDOW:
		return "window";
	}
	return "?";
}

const char *firewall_fake_name(enum firewall_fake f)
{
	switch (f) {
	case FAKE_NONE:
		return "";
	case FAKE_SYN_PROXY:
		return "SYN proxy";
	case FAKE_COOKIES:
		return "SYN cookies";
	case FAKE_STATELESS_SYNACK:
		return "SYN,ACK once";
	case FAKE_TARPIT:
		return "tarpit";
	case FAKE_RST:
		return "forged RST";
	}
	return "?";
}

char *firewall_rewrites_format(uint16_t rewrites, char *text, size_t text_bytes)
{
	static const char *const names[] = {"MSS",  "options", "ISN", "TTL",   "ECN",
					    "DSCP", "window",  "NAT", "flags", "others"};
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < ARRAY_COUNT(names); i++)
		if ((rewrites >> i & 1) != 0 && used < text_bytes)
			used += (size_t)snprintf(text + used, text_bytes - used, "%s%s",
						 used > 0 ? "," : "", names[i]);
	return text;
}

char *firewall_box_format(const struct firewall_port *v, char *text, size_t text_bytes)
{
	char by[IP_ADDR_TEXT_MAX + 3] = "";
	char addr[IP_ADDR_TEXT_MAX];
	if (v->has_by)
		snprintf(by, sizeof by, " %s", ip_addr_format(&v->by, addr, sizeof addr));
	switch (v->box) {
	case BOX_UNKNOWN:
		snprintf(text, text_bytes, "?");
		break;
	case BOX_HOST:
		snprintf(text, text_bytes, "host");
		break;
	case BOX_BEFORE:
		if (v->hop_min == 0)
			snprintf(text, text_bytes, "not the host%s", by);
		else if (v->hop_min == v->hop_max)
			snprintf(text, text_bytes, "hop %u%s", v->hop_min, by);
		else
			snprintf(text, text_bytes, "hop %u or %u%s", v->hop_min, v->hop_max, by);
		break;
	case BOX_RANGE:
		if (v->hop_max == 0)
			snprintf(text, text_bytes, "hop %u or later", v->hop_min);
		else
			snprintf(text, text_bytes, "hop %u or host", v->hop_min);
		break;
	}
	return text;
}

char *firewall_manner_format(const struct firewall_port *v, char *text, size_t text_bytes)
{
	switch (v->manner) {
	case MANNER_NONE:
		snprintf(text, text_bytes, "%s", v->verdict == VERDICT_OPEN ? "SYN,ACK" : "-");
		break;
	case MANNER_DROP:
		snprintf(text, text_bytes, "drop");
		break;
	case MANNER_RST:
		snprintf(text, text_bytes, "RST");
		break;
	case MANNER_ICMP:
		snprintf(text, text_bytes, "%u/%u %s", v->icmp_type, v->icmp_code,
			 icmp_reason_name(v->icmp_reason));
		break;
	}
	return text;
}

void firewall_claim(struct port_view *w, enum firewall_topic topic, enum confidence c,
		    const char *format, ...)
{
	if (w->claims == NULL || w->claims->count >= CLAIMS_MAX)
		return;
	struct claim *claim = &w->claims->claim[w->claims->count++];
	claim->topic = topic;
	claim->confidence = c;
	va_list args;
	va_start(args, format);
	vsnprintf(claim->text, sizeof claim->text, format, args);
	va_end(args);
}

/* --- looking at results ------------------------------------------------------------------ */

const struct step_result *firewall_step(const struct battery *b, uint32_t index, enum question q,
					unsigned step)
{
	const struct step_result *r = battery_result(b, index, q);
	return r != NULL && r[step].asks > 0 ? &r[step] : NULL;
}

const struct answer *firewall_answer(const struct battery *b, uint32_t index, enum question q)
{
	const struct step_result *r = firewall_step(b, index, q, 0);
	return r != NULL ? &r->first : NULL;
}

bool firewall_is_tcp(const struct answer *a)
{
	return a->kind != ANSWER_NONE && a->kind < ANSWER_ICMP;
}

uint8_t ttl_distance(uint8_t ttl)
{
	return (uint8_t)(ttl <= 64 ? 64 - ttl : ttl <= 128 ? 128 - ttl : 255 - ttl);
}

/* --- the host ------------------------------------------------------------------------------ */

/* What says nothing of distance: answers to the wrong checksum, which no host sends. */
static void learn_distances(const struct battery *b, struct firewall_host *h, uint32_t index)
{
	for (unsigned i = 0; i < b->config.plan_count; i++) {
		const enum question q = (enum question)b->config.plan[i];
		const struct step_result *r = battery_result(b, index, q);
		if (q == ASK_BADSUM)
			continue;
		for (uint32_t s = 0; s < question_results(q); s++) {
			if (r[s].asks == 0 || r[s].first.kind == ANSWER_NONE)
				continue;
			h->asked++;
			h->asked_again += r[s].first_asks > 1;
			if (!firewall_is_tcp(&r[s].first))
				continue;
			const uint8_t d = ttl_distance(r[s].first.ttl);
			if (!h->has_far || d > h->far_distance)
				h->far_distance = d;
			h->has_far = true;
		}
	}
}

/* Does the farthest speak TCP, or only refuse? */
static void learn_talks(const struct battery *b, struct firewall_host *h, uint32_t index)
{
	const struct step_result *r = firewall_step(b, index, ASK_TALK, 2);
	if (r != NULL && (r->first.kind == ANSWER_ACK || r->first.kind == ANSWER_DATA) &&
	    ttl_distance(r->first.ttl) == h->far_distance)
		h->far_talks = true;
}

static void learn_class(const struct battery *b, struct firewall_host *h, uint32_t index)
{
	const struct answer *a = firewall_answer(b, index, ASK_CLASS);
	if (a != NULL && a->kind == ANSWER_RST && ttl_distance(a->ttl) == h->far_distance &&
	    a->traffic == battery_rows[ASK_CLASS].traffic)
		h->reflects = true;
}

static void learn_hop(const struct battery *b, struct firewall_host *h, unsigned hop,
		      const struct step_result *r)
{
	struct firewall_hop *x = &h->hops[hop];
	if (r->first.kind != ANSWER_TIME_EXCEEDED || x->answered)
		return;
	x->answered = true;
	x->addr = r->first.from;
	x->is_target = ip_addr_equal(&r->first.from, &b->config.remote);
	x->has_rtt = r->first.has_rtt;
	x->rtt_ns = r->first.rtt_ns;
	x->reply_ttl = r->first.ttl;
}

static void learn_walk(const struct battery *b, struct firewall_host *h, uint32_t index)
{
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++) {
		const struct step_result *r = firewall_step(b, index, ASK_WALK, hop - 1);
		if (r == NULL)
			break;
		learn_hop(b, h, hop, r);
		if ((r->first.kind == ANSWER_SYNACK || r->first.kind == ANSWER_RST) &&
		    hop > h->hops_count)
			h->hops_count = (uint8_t)hop;
	}
}

void firewall_judge_host(const struct battery *b, struct firewall_host *h)
{
	*h = (struct firewall_host){.limited = b->limited, .rtt_ns_min = b->rtt_ns_min};
	for (uint32_t i = 0; i < b->config.ports_count; i++) {
		learn_distances(b, h, i);
		learn_walk(b, h, i);
		const struct answer *syn = firewall_answer(b, i, ASK_SYN);
		if (!b->config.ports[i].control)
			continue;
		h->has_control = true;
		h->control_answers |= syn != NULL && syn->kind != ANSWER_NONE;
		h->all_open |= syn != NULL && syn->kind == ANSWER_SYNACK;
	}
	for (uint32_t i = 0; i < b->config.ports_count; i++) {
		learn_talks(b, h, i);
		learn_class(b, h, i);
	}
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++)
		if (h->hops[hop].answered && !h->hops[hop].is_target &&
		    (h->hops_count == 0 || hop < h->hops_count))
			h->routers_seen = (uint8_t)hop;
	for (unsigned hop = BATTERY_HOPS_MAX; hop >= 1; hop--) {
		const struct firewall_hop *x = &h->hops[hop];
		if (x->answered && x->is_target)
			h->target_hop = (uint8_t)hop;
		/* It came back over hop - 1 routers at least, if the way back is as long. */
		if (x->answered && ttl_distance(x->reply_ttl) + 1u < hop)
			h->ttl_odd = true;
	}
	/* A rate limiter makes second asks too, but of refusals. */
	h->lossy = h->asked_again * 25 > h->asked;
}

/* --- one port ----------------------------------------------------------------------------------
 */

static void claim_answer(struct port_view *w, const struct step_result *syn)
{
	const struct answer *a = &syn->first;
	const enum answer_kind kind = (enum answer_kind)a->kind;
	char rtt[48] = "";
	if (a->has_rtt)
		snprintf(rtt, sizeof rtt, " after %.3f ms", (double)a->rtt_ns / 1e6);
	if (kind == ANSWER_NONE)
		firewall_claim(w, TOPIC_VERDICT, CONFIDENCE_EXPECTED,
			       "the SYN was sent %u times, a second apart, and nothing came: %s",
			       syn->asks, battery_reading(ASK_SYN, kind));
	else
		firewall_claim(w, TOPIC_VERDICT,
			       kind == ANSWER_SYNACK || kind == ANSWER_RST || kind == ANSWER_ICMP
				       ? CONFIDENCE_EXPECTED
				       : CONFIDENCE_POSSIBLE,
			       "the SYN was answered by %s%s%s: %s", answer_kind_name(kind), rtt,
			       syn->first_asks > 1 ? ", only when asked again" : "",
			       battery_reading(ASK_SYN, kind));
}

static void take_refusal(struct firewall_port *v, const struct answer *a)
{
	v->manner = MANNER_ICMP;
	v->icmp_type = a->type;
	v->icmp_code = a->code;
	v->icmp_reason = (enum icmp_reason)a->reason;
}

/* The verdict as the answer to the SYN has it; who gave it comes later. */
static void judge_answer(struct port_view *w, const struct step_result *syn)
{
	struct firewall_port *v = w->v;
	switch ((enum answer_kind)syn->first.kind) {
	case ANSWER_NONE:
		/* Cut short, it is not a finding. */
		if (syn->asks < BATTERY_ASKS)
			break;
		v->verdict = VERDICT_FILTERED;
		v->manner = MANNER_DROP;
		break;
	case ANSWER_SYNACK:
		v->verdict = VERDICT_OPEN;
		break;
	case ANSWER_RST:
		v->verdict = VERDICT_CLOSED;
		v->manner = MANNER_RST;
		break;
	case ANSWER_ICMP:
	case ANSWER_TIME_EXCEEDED:
		v->verdict = VERDICT_REJECTED;
		take_refusal(v, &syn->first);
		break;
	case ANSWER_SYNACK_WRONG:
	case ANSWER_SYN:
	case ANSWER_RST_WRONG:
	case ANSWER_ACK:
	case ANSWER_DATA:
	case ANSWER_FIN:
	case ANSWER_TOO_BIG:
	case ANSWER_OTHER:
	case ANSWER_KIND_COUNT:
		v->verdict = VERDICT_INCONSISTENT;
		break;
	}
	const enum answer_kind other = (enum answer_kind)syn->other.kind;
	const bool both = (syn->first.kind == ANSWER_SYNACK && other == ANSWER_RST) ||
			  (syn->first.kind == ANSWER_RST && other == ANSWER_SYNACK);
	if (both) {
		v->verdict = VERDICT_INCONSISTENT;
		firewall_claim(w, TOPIC_VERDICT, CONFIDENCE_EXPECTED,
			       "both SYN,ACK (TTL %u) and RST (TTL %u) came: two senders",
			       syn->first.kind == ANSWER_SYNACK ? syn->first.ttl : syn->other.ttl,
			       syn->first.kind == ANSWER_RST ? syn->first.ttl : syn->other.ttl);
	}
}

/* The same SYN asked in other ways: without options, from another port. */
static void compare_variants(struct port_view *w, const struct answer *syn)
{
	static const enum question variants[] = {ASK_PLAIN,   ASK_PORT,     ASK_ECN,
						 ASK_ACCECN,  ASK_FASTOPEN, ASK_MPTCP,
						 ASK_UNKNOWN, ASK_LARGE,    ASK_SMALL};
	for (size_t i = 0; i < ARRAY_COUNT(variants); i++) {
		const struct step_result *r = firewall_step(w->b, w->index, variants[i], 0);
		if (r == NULL || r->first.kind == syn->kind)
			continue;
		if (r->first.kind == ANSWER_NONE && w->h->lossy)
			continue;
		firewall_claim(w, TOPIC_MANNER, CONFIDENCE_EXPECTED,
			       "%s: %s, where the usual SYN got %s (sent %u times)",
			       battery_rows[variants[i]].help,
			       answer_kind_name((enum answer_kind)r->first.kind),
			       answer_kind_name((enum answer_kind)syn->kind), r->asks);
	}
}

/* What the SYN,ACK said to an offer. */
static void judge_offers(struct port_view *w)
{
	const struct answer *ecn = firewall_answer(w->b, w->index, ASK_ECN);
	const struct answer *unknown = firewall_answer(w->b, w->index, ASK_UNKNOWN);
	const uint16_t bits = TCP_ECE | TCP_CWR;
	if (ecn != NULL && ecn->kind == ANSWER_SYNACK && (ecn->flags & bits) == bits)
		firewall_claim(
			w, TOPIC_REWRITES, CONFIDENCE_EXPECTED,
			"the SYN,ACK has ECE and CWR, as the SYN had: flags are copied back, no "
			"TCP agrees to ECN like that (RFC 3168 6.1.1)");
	else if (ecn != NULL && ecn->kind == ANSWER_SYNACK)
		firewall_claim(
			w, TOPIC_REWRITES, CONFIDENCE_PROVEN,
			(ecn->flags & TCP_ECE) != 0
				? "ECN was asked for and agreed to"
				: "ECN was asked for and not agreed to: by the host, or because "
				  "something cleared the flags");
	if (unknown != NULL && unknown->kind == ANSWER_SYNACK &&
	    (unknown->options & OPTION_BIT_OTHER) != 0)
		firewall_claim(w, TOPIC_FAKES, CONFIDENCE_EXPECTED,
			       "an option that nobody knows came back in the SYN,ACK: options are "
			       "copied, not read");
}

void firewall_judge_port(const struct battery *b, const struct firewall_host *h,
			 uint32_t port_index, struct firewall_port *v,
			 struct firewall_claims *claims)
{
	*v = (struct firewall_port){.port = b->config.ports[port_index].port,
				    .control = b->config.ports[port_index].control};
	struct port_view w = {b, h, port_index, v, claims};
	if (claims != NULL)
		claims->count = 0;
	const struct step_result *syn = firewall_step(b, port_index, ASK_SYN, 0);
	if (syn == NULL) {
		v->verdict = VERDICT_NONE;
		return;
	}
	v->asks = syn->asks;
	v->has_rtt = syn->first.has_rtt;
	v->rtt_ns = syn->first.rtt_ns;
	judge_answer(&w, syn);
	if (v->verdict == VERDICT_NONE)
		return;
	claim_answer(&w, syn);
	firewall_judge_box(&w, &syn->first);
	compare_variants(&w, &syn->first);
	judge_offers(&w);
	firewall_judge_keeps(&w);
	firewall_judge_rewrites(&w);
	firewall_judge_fakes(&w);
}

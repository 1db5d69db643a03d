#include "synscope/render/findings.h"

#include "synscope/render/text.h"

#include <stdio.h>
#include <string.h>

/* Columns of the table; the last is as wide as the terminal lets it. */
enum { AT_VERDICT = 7, AT_BY = 21, AT_HOW = 44, AT_KEEPS = 68, INDENT = 7 };

#define ALIKE_MAX 12 /* so many ports of one kind are shown one by one; more in one line */
#define ADDRESS_COLUMNS 22

/* --- the host's lines ------------------------------------------------------------------------- */

static void put_way(struct text *t, const struct firewall_host *h)
{
	if (h->hops_count == 1)
		text_add(t, "no router on the way");
	else if (h->hops_count > 1)
		text_addf(t, "the host is hop %u", h->hops_count);
	else if (h->routers_seen > 0)
		text_addf(t, "%u hop%s seen, the host not reached", h->routers_seen,
			  h->routers_seen == 1 ? "" : "s");
	else
		text_add(t, "nothing known of the way");
	if (h->has_far)
		text_addf(t, ", its answers come over %u router%s", h->far_distance,
			  h->far_distance == 1 ? "" : "s");
}

static void put_note(struct out *out, struct text *t, const struct render_options *o,
		     const char *note)
{
	char line[TEXT_BYTES_MAX];
	const char *at = note;
	while (text_wrap(&at, o->width - 2, line, sizeof line)) {
		text_addf(t, "  %s", line);
		text_put(t, out);
	}
}

static void put_host(struct out *out, struct text *t, const struct render_options *o,
		     const struct findings_host *f)
{
	char local[IP_ADDR_TEXT_MAX];
	char remote[IP_ADDR_TEXT_MAX];
	const struct battery_config *c = &f->battery->config;
	ip_addr_format(&c->remote, remote, sizeof remote);
	text_add_foreign(t, f->name, o->width / 2, "~");
	if (strcmp(f->name, remote) != 0)
		text_addf(t, " (%s)", remote);
	text_addf(t, ", asked from %s on %s", ip_addr_format(&c->local, local, sizeof local),
		  f->interface);
	text_put(t, out);
	text_add(t, "  ");
	put_way(t, f->host);
	text_put(t, out);
	if (f->host->ttl_odd)
		put_note(
			out, t, o,
			"answers come with more hops left than they can have: the TTL is raised on "
			"the way back, and tells nothing of distances");
	if (f->host->lossy)
		put_note(out, t, o,
			 "many answers came only to a second ask: packets are lost or rate "
			 "limited, and "
			 "silence proves little");
	if (f->host->all_open)
		put_note(out, t, o,
			 "a port that nobody should listen on says SYN,ACK too: something may "
			 "answer "
			 "for every port");
}

/* --- the rows -----------------------------------------------------------------------------------
 */

static enum style style_of(const struct firewall_port *v)
{
	switch (v->verdict) {
	case VERDICT_OPEN:
		return STYLE_STRONG;
	case VERDICT_INCONSISTENT:
		return STYLE_LOUD;
	case VERDICT_NONE:
	case VERDICT_CLOSED:
	case VERDICT_REJECTED:
	case VERDICT_FILTERED:
		break;
	}
	return STYLE_PLAIN;
}

static const char *doubt(enum confidence c)
{
	return c == CONFIDENCE_POSSIBLE ? "?" : "";
}

static void put_columns(struct text *t, const struct render_options *o,
			const struct firewall_port *v)
{
	char box[96];
	char how[64];
	text_style(t, style_of(v));
	text_add(t, verdict_name(v->verdict));
	text_style(t, STYLE_PLAIN);
	text_pad(t, AT_BY);
	firewall_box_format(v, box, sizeof box);
	text_add_foreign(t, box, ADDRESS_COLUMNS, "~");
	text_add(t, v->box != BOX_UNKNOWN ? doubt(v->box_confidence) : "");
	text_pad(t, AT_HOW);
	text_add_foreign(t, firewall_manner_format(v, how, sizeof how), AT_KEEPS - AT_HOW - 1, "~");
	text_pad(t, AT_KEEPS);
	if (t->columns < o->width - 8)
		text_addf(t, "%s%s", firewall_keeps_name(v->keeps), doubt(v->keeps_confidence));
}

/* What is out of the ordinary, on a line of its own. */
static void put_extras(struct out *out, struct text *t, const struct firewall_port *v)
{
	char text[96];
	if (v->fake != FAKE_NONE) {
		text_pad(t, INDENT);
		text_addf(t, "fakes: %s (%s)", firewall_fake_name(v->fake),
			  confidence_name(v->fake_confidence));
		text_put(t, out);
	}
	if (v->rewrites != 0) {
		text_pad(t, INDENT);
		text_addf(t, "rewrites: %s",
			  firewall_rewrites_format(v->rewrites, text, sizeof text));
		text_put(t, out);
	}
}

static void put_claims(struct out *out, struct text *t, const struct render_options *o,
		       const struct findings_host *f, uint32_t index)
{
	struct firewall_claims claims = {.count = 0};
	struct firewall_port v;
	firewall_judge_port(f->battery, f->host, index, &v, &claims);
	char line[TEXT_BYTES_MAX];
	for (unsigned i = 0; i < claims.count; i++) {
		const struct claim *c = &claims.claim[i];
		const char *at = c->text;
		bool first = true;
		while (text_wrap(&at, o->width - INDENT - 20, line, sizeof line)) {
			text_pad(t, INDENT);
			if (first)
				text_addf(t, "%s, %s:", firewall_topic_name(c->topic),
					  confidence_name(c->confidence));
			text_pad(t, INDENT + 20);
			text_add(t, line);
			text_put(t, out);
			first = false;
		}
	}
}

static void put_answer(struct text *t, const struct answer *a)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	char who[IP_ADDR_TEXT_MAX];
	text_add(t, answer_kind_name((enum answer_kind)a->kind));
	if (a->kind >= ANSWER_ICMP)
		text_addf(t, " %u/%u from %s, quoted TTL %u", a->type, a->code,
			  ip_addr_format(&a->from, who, sizeof who), a->quote.ttl);
	else if (a->kind != ANSWER_NONE)
		text_addf(t, " %s seq %u ack %u win %u",
			  tcp_flags_format(a->flags, flags, sizeof flags), a->seq.raw, a->ack.raw,
			  a->window);
	if (a->kind != ANSWER_NONE)
		text_addf(t, ", TTL %u", a->ttl);
	if (a->has_rtt)
		text_addf(t, ", %.3f ms", (double)a->rtt_ns / 1e6);
}

static void put_answers(struct out *out, struct text *t, const struct battery *b, uint32_t index)
{
	for (unsigned i = 0; i < b->config.plan_count; i++) {
		const enum question q = (enum question)b->config.plan[i];
		const struct step_result *r = battery_result(b, index, q);
		for (uint32_t s = 0; s < question_results(q); s++) {
			if (r[s].asks == 0)
				continue;
			text_pad(t, INDENT);
			text_addf(t, "%s", battery_rows[q].name);
			if (s > 0 || question_results(q) > 1)
				text_addf(t, ".%u", s + 1);
			text_pad(t, INDENT + 12);
			text_addf(t, "asked %u: ", r[s].asks);
			put_answer(t, &r[s].first);
			if (r[s].copies > 1)
				text_addf(t, ", %u copies", r[s].copies);
			text_put(t, out);
			if (r[s].other.kind == ANSWER_NONE)
				continue;
			text_pad(t, INDENT + 12);
			text_add(t, "and ");
			put_answer(t, &r[s].other);
			text_put(t, out);
		}
	}
}

static bool alike(const struct firewall_port *a, const struct firewall_port *b)
{
	return a->verdict == b->verdict && a->box == b->box && a->hop_min == b->hop_min &&
	       a->hop_max == b->hop_max && a->manner == b->manner && a->icmp_code == b->icmp_code &&
	       a->keeps == b->keeps && a->rewrites == b->rewrites && a->fake == b->fake &&
	       a->control == b->control;
}

/* What many ports have in common, to be said once. */
struct crowd {
	const struct firewall_port *like;
	uint32_t count;
};
#define CROWDS_MAX 16

static uint32_t find_crowds(const struct findings_host *f, struct crowd *crowds)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < f->battery->config.ports_count; i++) {
		uint32_t c = 0;
		while (c < used && !alike(crowds[c].like, &f->ports[i]))
			c++;
		if (c == CROWDS_MAX)
			continue;
		if (c == used)
			crowds[used++] = (struct crowd){&f->ports[i], 0};
		crowds[c].count++;
	}
	return used;
}

static bool in_crowd(const struct crowd *crowds, uint32_t count, const struct firewall_port *v)
{
	for (uint32_t c = 0; c < count; c++)
		if (alike(crowds[c].like, v))
			return crowds[c].count > ALIKE_MAX && v->verdict != VERDICT_OPEN;
	return false;
}

static void put_row(struct out *out, struct text *t, const struct render_options *o,
		    const struct findings_host *f, uint32_t i)
{
	const struct firewall_port *v = &f->ports[i];
	text_addf(t, "%u", v->port);
	text_pad(t, AT_VERDICT);
	put_columns(t, o, v);
	text_put(t, out);
	put_extras(out, t, v);
	if (o->verbosity >= 1)
		put_claims(out, t, o, f, i);
	if (o->verbosity >= 2)
		put_answers(out, t, f->battery, i);
}

void findings_table(struct out *out, const struct render_options *o, const struct findings_host *f)
{
	struct text t;
	struct crowd crowds[CROWDS_MAX];
	const uint32_t crowds_count = o->verbosity > 0 ? 0 : find_crowds(f, crowds);
	text_reset(&t, o->color);
	if (o->verbosity >= 0)
		put_host(out, &t, o, f);
	text_add(&t, "PORT");
	text_pad(&t, AT_VERDICT);
	text_add(&t, "VERDICT");
	text_pad(&t, AT_BY);
	text_add(&t, "BY");
	text_pad(&t, AT_HOW);
	text_add(&t, "HOW");
	text_pad(&t, AT_KEEPS);
	text_add(&t, "KEEPS");
	text_put(&t, out);
	for (uint32_t i = 0; i < f->battery->config.ports_count; i++)
		if ((!f->ports[i].control || o->verbosity > 0) &&
		    !in_crowd(crowds, crowds_count, &f->ports[i]))
			put_row(out, &t, o, f, i);
	for (uint32_t c = 0; c < crowds_count; c++) {
		if (!in_crowd(crowds, crowds_count, crowds[c].like) || crowds[c].like->control)
			continue;
		text_addf(&t, "%u more", crowds[c].count);
		text_pad(&t, AT_VERDICT);
		text_add(&t, t.columns >= AT_VERDICT ? " " : "");
		put_columns(&t, o, crowds[c].like);
		text_put(&t, out);
	}
}

/* --- the path ------------------------------------------------------------------------------------
 */

static const struct step_result *hop_result(const struct findings_host *f, uint32_t index,
					    enum question q, unsigned hop)
{
	const struct step_result *r = battery_result(f->battery, index, q);
	const unsigned before = q == ASK_SESSION ? 2 : 0;
	return r != NULL && hop <= BATTERY_HOPS_MAX && r[before + hop - 1].asks > 0
		       ? &r[before + hop - 1]
		       : NULL;
}

static bool quotes(const struct step_result *r)
{
	return r != NULL && r->first.kind >= ANSWER_ICMP && r->first.quote.known != 0;
}

/* What changed since the hop that quoted it last, or since it was sent. @return text; "" for
 * nothing */
static char *changes(const struct findings_host *f, uint32_t index, enum question q, unsigned hop,
		     char *text, size_t text_bytes)
{
	const struct step_result *r = hop_result(f, index, q, hop);
	char what[QUOTE_TEXT_MAX];
	unsigned from = 0;
	text[0] = '\0';
	if (!quotes(r))
		return text;
	struct quote before = battery_as_sent(f->battery, index, q, &r->first.quote);
	for (unsigned h = 1; h < hop; h++)
		if (quotes(hop_result(f, index, q, h))) {
			before = hop_result(f, index, q, h)->first.quote;
			from = h;
		}
	if (quote_difference(&before, &r->first.quote, what, sizeof what)[0] == '\0')
		return text;
	if (from == 0)
		snprintf(text, text_bytes, "changed on the way to hop %u: %s", hop, what);
	else
		snprintf(text, text_bytes, "changed between hop %u and %u: %s", from, hop, what);
	return text;
}

/* The walk with ECN bits is mentioned where it shows something else. */
static void put_changes(struct out *out, struct text *t, const struct findings_host *f,
			uint32_t index, unsigned hop)
{
	char plain[QUOTE_TEXT_MAX + 48];
	char marked[QUOTE_TEXT_MAX + 48];
	changes(f, index, ASK_WALK, hop, plain, sizeof plain);
	changes(f, index, ASK_WALK_ECN, hop, marked, sizeof marked);
	if (plain[0] != '\0') {
		text_addf(t, "    %s", plain);
		text_put(t, out);
	}
	if (marked[0] != '\0' && strcmp(plain, marked) != 0) {
		text_addf(t, "    %s", marked);
		text_put(t, out);
	}
}

static void put_hop(struct out *out, struct text *t, const struct findings_host *f, uint32_t index,
		    unsigned hop)
{
	const struct step_result *walk = hop_result(f, index, ASK_WALK, hop);
	const struct step_result *inside = hop_result(f, index, ASK_SESSION, hop);
	const struct firewall_hop *other = &f->host->hops[hop];
	char addr[IP_ADDR_TEXT_MAX];
	text_addf(t, "%2u  ", hop);
	if (walk != NULL && walk->first.kind != ANSWER_NONE) {
		text_add(t, ip_addr_format(&walk->first.from, addr, sizeof addr));
		text_pad(t, 32);
		if (walk->first.has_rtt)
			text_addf(t, "%9.3f ms", (double)walk->first.rtt_ns / 1e6);
		text_pad(t, 46);
		text_add(t, answer_kind_name((enum answer_kind)walk->first.kind));
		if (walk->first.kind == ANSWER_ICMP)
			text_addf(t, " %u/%u", walk->first.type, walk->first.code);
		if (walk->first.mtu_bytes != 0)
			text_addf(t, ", MTU %u", walk->first.mtu_bytes);
	} else if (walk != NULL) {
		text_addf(t, "silent, asked %u times", walk->asks);
		if (other->answered)
			text_addf(t, "; for another port %s answers",
				  ip_addr_format(&other->addr, addr, sizeof addr));
	}
	text_put(t, out);
	put_changes(out, t, f, index, hop);
	if (inside == NULL)
		return;
	text_pad(t, 4);
	text_add(t, "in the connection: ");
	put_answer(t, &inside->first);
	if (inside->first.has_sack)
		text_add(t, inside->first.sack_fits
				    ? ", SACK of our text: it arrived"
				    : ", SACK of other numbers: they are rewritten");
	text_put(t, out);
}

/* Of a segment as large as our link takes. */
static void put_largest(struct out *out, struct text *t, const struct findings_host *f,
			uint32_t index)
{
	const struct step_result *r = battery_result(f->battery, index, ASK_PMTU);
	char who[IP_ADDR_TEXT_MAX];
	if (r == NULL || r[2].asks == 0)
		return;
	const struct answer *a = &r[2].first;
	text_addf(t, "MTU %u, with DF: ", f->battery->config.mtu_bytes);
	if (a->kind == ANSWER_TOO_BIG)
		text_addf(t, "%s says the next link takes %u",
			  ip_addr_format(&a->from, who, sizeof who), a->mtu_bytes);
	else if (a->kind == ANSWER_NONE)
		text_addf(t, "silent, asked %u times: a black hole, or lost", r[2].asks);
	else
		text_addf(t, "answered by %s: as far as the server's MSS allows, the path takes it",
			  answer_kind_name((enum answer_kind)a->kind));
	text_put(t, out);
}

static void put_port_line(struct out *out, struct text *t, const struct firewall_port *v)
{
	char box[96];
	char how[64];
	text_addf(t, "port %u: ", v->port);
	text_style(t, style_of(v));
	text_add(t, verdict_name(v->verdict));
	text_style(t, STYLE_PLAIN);
	text_addf(t, ", by %s%s, how: %s", firewall_box_format(v, box, sizeof box),
		  v->box != BOX_UNKNOWN ? doubt(v->box_confidence) : "",
		  firewall_manner_format(v, how, sizeof how));
	text_put(t, out);
}

void findings_path(struct out *out, const struct render_options *o, const struct findings_host *f,
		   uint32_t port_index)
{
	struct text t;
	text_reset(&t, o->color);
	put_host(out, &t, o, f);
	for (unsigned hop = 1; hop <= BATTERY_HOPS_MAX; hop++)
		if (hop_result(f, port_index, ASK_WALK, hop) != NULL ||
		    hop_result(f, port_index, ASK_SESSION, hop) != NULL)
			put_hop(out, &t, f, port_index, hop);
	put_largest(out, &t, f, port_index);
	put_port_line(out, &t, &f->ports[port_index]);
	put_extras(out, &t, &f->ports[port_index]);
	put_claims(out, &t, o, f, port_index);
	if (o->verbosity >= 1)
		put_answers(out, &t, f->battery, port_index);
}

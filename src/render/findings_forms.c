/* What was found, for machines: JSON lines, JUnit, TAP. */
#include "synscope/render/findings.h"

#include "synscope/render/jsonw.h"

#include <stdio.h>
#include <string.h>

/* --- JSON lines --------------------------------------------------------------------------------
 */

static const char *box_name(enum firewall_box b)
{
	switch (b) {
	case BOX_UNKNOWN:
		return "unknown";
	case BOX_HOST:
		return "host";
	case BOX_BEFORE:
		return "before";
	case BOX_RANGE:
		return "before_or_host";
	}
	return "?";
}

static void put_addr(struct jsonw *j, const char *key, const struct ip_addr *a)
{
	char text[IP_ADDR_TEXT_MAX];
	jsonw_text(j, key, ip_addr_format(a, text, sizeof text));
}

static void put_head(struct jsonw *j, const struct findings_host *f, const char *type)
{
	jsonw_open_object(j, NULL);
	jsonw_uint(j, "schema", 1);
	jsonw_time(j, "timestamp", f->time_ns);
	jsonw_text(j, "event_type", type);
	put_addr(j, "src_ip", &f->battery->config.local);
	put_addr(j, "dest_ip", &f->battery->config.remote);
}

static void put_end(struct out *out, struct jsonw *j)
{
	jsonw_close_object(j);
	jsonw_line(j);
	out_flush(out);
}

static void put_host(struct out *out, const struct findings_host *f)
{
	struct jsonw j;
	const struct firewall_host *h = f->host;
	jsonw_init(&j, out);
	put_head(&j, f, "host");
	jsonw_text_known(&j, "in_iface", f->interface);
	jsonw_open_object(&j, "host");
	jsonw_text(&j, "name", f->name);
	if (h->hops_count != 0)
		jsonw_uint(&j, "hops", h->hops_count);
	if (h->has_far)
		jsonw_uint(&j, "routers_back", h->far_distance);
	jsonw_flag(&j, "rate_limited", h->limited);
	jsonw_flag(&j, "lossy", h->lossy);
	jsonw_flag(&j, "ttl_odd", h->ttl_odd);
	jsonw_flag(&j, "all_open", h->all_open);
	if (h->rtt_ns_min != INT64_MAX)
		jsonw_int(&j, "rtt_ns_min", h->rtt_ns_min);
	jsonw_uint(&j, "sent", f->battery->sent);
	jsonw_uint(&j, "received", f->battery->received);
	jsonw_close_object(&j);
	put_end(out, &j);
}

static void put_by(struct jsonw *j, const struct firewall_port *v)
{
	jsonw_open_object(j, "by");
	jsonw_text(j, "box", box_name(v->box));
	jsonw_text(j, "confidence", confidence_name(v->box_confidence));
	if (v->hop_min != 0)
		jsonw_uint(j, "hop_min", v->hop_min);
	if (v->hop_max != 0)
		jsonw_uint(j, "hop_max", v->hop_max);
	if (v->has_by)
		put_addr(j, "ip", &v->by);
	jsonw_close_object(j);
}

static void put_how(struct jsonw *j, const struct firewall_port *v)
{
	static const char *const names[] = {"none", "drop", "rst", "icmp"};
	jsonw_open_object(j, "how");
	jsonw_text(j, "kind", names[v->manner]);
	if (v->manner == MANNER_ICMP) {
		jsonw_uint(j, "icmp_type", v->icmp_type);
		jsonw_uint(j, "icmp_code", v->icmp_code);
		jsonw_text(j, "reason", icmp_reason_name(v->icmp_reason));
	}
	jsonw_close_object(j);
}

static void put_claims(struct jsonw *j, const struct findings_host *f, uint32_t index)
{
	struct firewall_claims claims = {.count = 0};
	struct firewall_port v;
	firewall_judge_port(f->battery, f->host, index, &v, &claims);
	jsonw_open_array(j, "claims");
	for (unsigned i = 0; i < claims.count; i++) {
		jsonw_open_object(j, NULL);
		jsonw_text(j, "topic", firewall_topic_name(claims.claim[i].topic));
		jsonw_text(j, "confidence", confidence_name(claims.claim[i].confidence));
		jsonw_text(j, "text", claims.claim[i].text);
		jsonw_close_object(j);
	}
	jsonw_close_array(j);
}

static void put_answer(struct jsonw *j, enum question q, uint32_t step, const struct step_result *r)
{
	const struct answer *a = &r->first;
	jsonw_open_object(j, NULL);
	jsonw_text(j, "question", battery_rows[q].name);
	jsonw_uint(j, "step", step + 1);
	jsonw_uint(j, "asks", r->asks);
	jsonw_text(j, "answer", answer_kind_name((enum answer_kind)a->kind));
	if (a->kind != ANSWER_NONE) {
		put_addr(j, "ip", &a->from);
		jsonw_uint(j, "ttl", a->ttl);
		jsonw_uint(j, "copies", r->copies);
		if (a->has_rtt)
			jsonw_int(j, "rtt_ns", a->rtt_ns);
	}
	if (a->kind != ANSWER_NONE && a->kind < ANSWER_ICMP) {
		char flags[TCP_FLAGS_TEXT_MAX];
		jsonw_text(j, "flags", tcp_flags_letters(a->flags, flags, sizeof flags));
		jsonw_uint(j, "seq", a->seq.raw);
		jsonw_uint(j, "ack", a->ack.raw);
		jsonw_uint(j, "win", a->window);
	}
	if (a->kind >= ANSWER_ICMP) {
		jsonw_uint(j, "icmp_type", a->type);
		jsonw_uint(j, "icmp_code", a->code);
		jsonw_uint(j, "quoted_ttl", a->quote.ttl);
		if (a->mtu_bytes != 0)
			jsonw_uint(j, "mtu", a->mtu_bytes);
	}
	jsonw_close_object(j);
}

static void put_answers(struct jsonw *j, const struct battery *b, uint32_t index)
{
	jsonw_open_array(j, "answers");
	for (unsigned i = 0; i < b->config.plan_count; i++) {
		const enum question q = (enum question)b->config.plan[i];
		const struct step_result *r = battery_result(b, index, q);
		for (uint32_t s = 0; s < question_results(q); s++)
			if (r[s].asks > 0)
				put_answer(j, q, s, &r[s]);
	}
	jsonw_close_array(j);
}

static void put_rewrites(struct jsonw *j, uint16_t rewrites)
{
	char text[32];
	jsonw_open_array(j, "rewrites");
	for (unsigned bit = 0; bit < 16; bit++)
		if ((rewrites >> bit & 1) != 0)
			jsonw_text(
				j, NULL,
				firewall_rewrites_format((uint16_t)(1u << bit), text, sizeof text));
	jsonw_close_array(j);
}

static void put_port(struct out *out, const struct findings_host *f, uint32_t index)
{
	struct jsonw j;
	const struct firewall_port *v = &f->ports[index];
	jsonw_init(&j, out);
	put_head(&j, f, "port");
	jsonw_uint(&j, "dest_port", v->port);
	jsonw_text(&j, "proto", "TCP");
	jsonw_open_object(&j, "port");
	jsonw_flag(&j, "control", v->control);
	jsonw_text(&j, "verdict", verdict_name(v->verdict));
	if (v->has_rtt)
		jsonw_int(&j, "rtt_ns", v->rtt_ns);
	put_by(&j, v);
	put_how(&j, v);
	jsonw_text(&j, "keeps",
		   v->keeps == KEEPS_UNKNOWN ? "unknown" : firewall_keeps_name(v->keeps));
	jsonw_text(&j, "keeps_confidence", confidence_name(v->keeps_confidence));
	put_rewrites(&j, v->rewrites);
	if (v->fake != FAKE_NONE) {
		jsonw_text(&j, "fakes", firewall_fake_name(v->fake));
		jsonw_text(&j, "fakes_confidence", confidence_name(v->fake_confidence));
	}
	put_claims(&j, f, index);
	put_answers(&j, f->battery, index);
	jsonw_close_object(&j);
	put_end(out, &j);
}

void findings_json(struct out *out, const struct findings_host *f)
{
	put_host(out, f);
	for (uint32_t i = 0; i < f->battery->config.ports_count; i++)
		put_port(out, f, i);
}

void findings_path_json(struct out *out, const struct findings_host *f, uint32_t port_index)
{
	const struct step_result *walk = battery_result(f->battery, port_index, ASK_WALK);
	put_host(out, f);
	for (unsigned hop = 1; walk != NULL && hop <= BATTERY_HOPS_MAX; hop++) {
		if (walk[hop - 1].asks == 0)
			continue;
		struct jsonw j;
		jsonw_init(&j, out);
		put_head(&j, f, "hop");
		jsonw_uint(&j, "dest_port", f->ports[port_index].port);
		jsonw_text(&j, "proto", "TCP");
		jsonw_open_object(&j, "hop");
		jsonw_uint(&j, "n", hop);
		jsonw_open_array(&j, "answers");
		put_answer(&j, ASK_WALK, hop - 1, &walk[hop - 1]);
		jsonw_close_array(&j);
		jsonw_close_object(&j);
		put_end(out, &j);
	}
	put_port(out, f, port_index);
}

void findings_json_end(struct out *out, const struct findings_end *e)
{
	struct jsonw j;
	jsonw_init(&j, out);
	jsonw_open_object(&j, NULL);
	jsonw_uint(&j, "schema", 1);
	jsonw_time(&j, "timestamp", e->time_ns);
	jsonw_text(&j, "event_type", "end");
	jsonw_open_object(&j, "end");
	jsonw_int(&j, "exit_status", e->exit_status);
	jsonw_bool(&j, "complete", e->reason == NULL);
	jsonw_uint(&j, "segments", e->segments);
	jsonw_uint(&j, "flows", 0);
	jsonw_uint(&j, "capture_dropped", e->dropped);
	jsonw_uint(&j, "capture_ifdropped", e->ifdropped);
	jsonw_uint(&j, "undecodable", 0);
	jsonw_text_known(&j, "reason", e->reason);
	jsonw_close_object(&j);
	put_end(out, &j);
}

/* --- for a policy
 * ----------------------------------------------------------------------------------- */

static size_t count_differences(const struct finding *f, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += f[i].differs[0] != '\0';
	return n;
}

void findings_policy(struct out *out, const struct finding *f, size_t count)
{
	const size_t n = count_differences(f, count);
	for (size_t i = 0; i < count; i++)
		if (f[i].differs[0] != '\0') {
			out_escape_text(out, (const uint8_t *)f[i].name, strlen(f[i].name));
			out_printf(out, ": %s\n", f[i].differs);
		}
	out_printf(out, "policy: %zu of %zu as expected\n", count - n, count);
}

void findings_junit(struct out *out, const struct finding *f, size_t count, double seconds)
{
	const size_t n = count_differences(f, count);
	out_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	out_printf(out, "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\">\n",
		   count, n, seconds);
	out_printf(out,
		   "  <testsuite name=\"synscope firewall\" tests=\"%zu\" failures=\"%zu\" "
		   "errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
		   count, n, seconds);
	for (size_t i = 0; i < count; i++) {
		out_text(out, "    <testcase classname=\"firewall\" name=\"");
		out_escape_xml(out, f[i].name, strlen(f[i].name));
		if (f[i].wanted[0] != '\0')
			out_text(out, " ");
		out_escape_xml(out, f[i].wanted, strlen(f[i].wanted));
		out_text(out, "\" time=\"0\"");
		if (f[i].differs[0] == '\0') {
			out_text(out, "/>\n");
			continue;
		}
		out_text(out, ">\n      <failure message=\"");
		out_escape_xml(out, f[i].differs, strlen(f[i].differs));
		out_text(out, "\" type=\"policy\"/>\n    </testcase>\n");
	}
	out_text(out, "  </testsuite>\n</testsuites>\n");
}

void findings_tap(struct out *out, const struct finding *f, size_t count)
{
	out_printf(out, "1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		out_printf(out, "%s %zu - ", f[i].differs[0] == '\0' ? "ok" : "not ok", i + 1);
		out_escape_text(out, (const uint8_t *)f[i].name, strlen(f[i].name));
		out_printf(out, " %s\n", f[i].wanted[0] != '\0' ? f[i].wanted : f[i].found);
		if (f[i].differs[0] != '\0')
			out_printf(out, "# %s\n", f[i].differs);
	}
}

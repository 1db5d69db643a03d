/*
 * JSON lines in the shape of Suricata's EVE: a common head, then an object named
 * after the event. What is not known is absent; docs/events.schema.json has it all,
 * docs/synscope-json.5 says what it means. Keys are only ever added within schema 1.
 */
#include "rows.h"

#include "synscope/render/flows.h"
#include "synscope/render/jsonw.h"

#include <stdlib.h>
#include <string.h>

#define JSON_SCHEMA 1
#define JSON_PAYLOAD_BYTES 256 /* at most this much of a segment's payload is shown */

struct render {
	struct out *out;
	struct flows flows;
	bool live;
};

struct render *jsonl_open(struct out *out, const struct render_options *options)
{
	struct render *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->out = out;
	r->live = options->live;
	flows_init(&r->flows);
	return r;
}

/* --- the common head -------------------------------------------------------------------- */

static void put_address(struct jsonw *j, const char *key, const struct ip_addr *a)
{
	char text[IP_ADDR_TEXT_MAX];
	if (a->family != IP_NONE)
		jsonw_text(j, key, ip_addr_format(a, text, sizeof text));
}

static void put_tuple(struct jsonw *j, const struct endpoint *src, const struct endpoint *dst)
{
	put_address(j, "src_ip", &src->addr);
	jsonw_uint(j, "src_port", src->port);
	put_address(j, "dest_ip", &dst->addr);
	jsonw_uint(j, "dest_port", dst->port);
	jsonw_text(j, "proto", "TCP");
}

static void put_head(struct jsonw *j, const struct event *e, const struct flow_memory *m)
{
	jsonw_uint(j, "schema", JSON_SCHEMA);
	jsonw_time(j, "timestamp", e->time_ns);
	jsonw_text(j, "event_type", event_type_name(e->type));
	if (e->flow_id != 0)
		jsonw_uint(j, "flow_id", e->flow_id);
	if (m == NULL)
		return;
	jsonw_text_known(j, "community_id", m->community_id);
	jsonw_text_known(j, "in_iface", m->interface);
}

static void put_flow_tuple(struct jsonw *j, const struct flow_memory *m)
{
	if (m->has_ends)
		put_tuple(j, &m->client, &m->server);
}

/* --- parts ------------------------------------------------------------------------------- */

static void put_set(struct jsonw *j, const char *key, state_set_t set)
{
	if (set == 0)
		return;
	jsonw_open_array(j, key);
	for (int s = 0; s < ST_COUNT; s++)
		if (state_set_has(set, (enum tcp_state)s))
			jsonw_text(j, NULL, state_name((enum tcp_state)s));
	jsonw_close_array(j);
}

static void put_end(struct jsonw *j, const char *key, const struct end_view *v)
{
	jsonw_open_object(j, key);
	if (v->certainty != CERTAINTY_UNKNOWN)
		jsonw_text(j, "state", state_name(v->state));
	jsonw_text(j, "certainty", certainty_name(v->certainty));
	if (v->certainty != CERTAINTY_EXACT) {
		if (v->proven_by != 0)
			jsonw_uint(j, "by", v->proven_by);
		put_set(j, "proven", v->proven);
		put_set(j, "loss", v->loss);
		put_set(j, "orderly", v->orderly);
		put_set(j, "possible", v->possible);
		jsonw_flag(j, "fin_unsent_possible", v->fin_unsent_possible);
		jsonw_flag(j, "contradiction", v->contradiction);
	}
	if (v->has_truth) {
		jsonw_text(j, "truth", state_name(v->truth));
		jsonw_flag(j, "truth_fin_unsent", v->truth_fin_unsent);
	}
	jsonw_close_object(j);
}

static void put_notes(struct jsonw *j, const struct note *notes, size_t count)
{
	if (count == 0)
		return;
	jsonw_open_array(j, "notes");
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++) {
		jsonw_open_object(j, NULL);
		jsonw_text(j, "code", note_code_name(notes[i].code));
		jsonw_text(j, "text", notes[i].text);
		jsonw_text_known(j, "rfc", notes[i].rfc);
		jsonw_close_object(j);
	}
	jsonw_close_array(j);
}

static void put_ip(struct jsonw *j, const struct ip_header *ip)
{
	jsonw_open_object(j, "ip");
	jsonw_uint(j, "version", ip->src.family);
	jsonw_uint(j, "ttl", ip->ttl);
	if (ip->src.family == IP_V4) {
		jsonw_uint(j, "id", ip->id);
		jsonw_bool(j, "df", ip->df);
	} else {
		jsonw_uint(j, "flow_label", ip->flow_label);
	}
	jsonw_uint(j, "dscp", ip->traffic >> 2);
	jsonw_uint(j, "ecn", ip->traffic & 3u);
	jsonw_flag(j, "fragment", ip->fragment);
	jsonw_close_object(j);
}

static void put_sack(struct jsonw *j, const struct option_set *set)
{
	jsonw_open_array(j, "blocks");
	for (size_t i = 0; i < set->sack_count && i < SACK_BLOCKS_MAX; i++) {
		jsonw_open_object(j, NULL);
		jsonw_uint(j, "left", set->sack[i].left);
		jsonw_uint(j, "right", set->sack[i].right);
		jsonw_close_object(j);
	}
	jsonw_close_array(j);
}

static void put_hex(struct jsonw *j, const char *key, const uint8_t *data, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * OPTION_BYTES_MAX + 1];
	if (count > OPTION_BYTES_MAX)
		count = OPTION_BYTES_MAX;
	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	text[2 * count] = '\0';
	jsonw_text(j, key, text);
}

/* What an option said, by its kind; unknown kinds as hexadecimal digits. */
static void put_option_value(struct jsonw *j, const struct option *o, const struct option_set *set)
{
	switch (o->kind) {
	case OPT_NOP:
	case OPT_EOL:
	case OPT_SACK_PERMITTED:
		break;
	case OPT_MSS:
		jsonw_uint(j, "value", set->mss);
		break;
	case OPT_WSCALE:
		jsonw_uint(j, "value", set->wscale);
		break;
	case OPT_SACK:
		put_sack(j, set);
		break;
	case OPT_TIMESTAMPS:
		jsonw_uint(j, "value", set->ts_value);
		jsonw_uint(j, "echo", set->ts_echo);
		break;
	case OPT_USER_TIMEOUT:
		jsonw_uint(j, "value", set->user_timeout);
		break;
	default:
		put_hex(j, "data", o->body, o->body_bytes);
	}
}

static void put_options(struct jsonw *j, const struct segment *s)
{
	struct option_cursor c = option_begin(s->options, s->options_bytes);
	struct option o;
	if (s->options_bytes == 0)
		return;
	jsonw_open_array(j, "options");
	while (option_next(&c, &o) == OPTION_OK) {
		jsonw_open_object(j, NULL);
		jsonw_uint(j, "kind", o.kind);
		jsonw_text(j, "name", option_kind_name(o.kind));
		put_option_value(j, &o, &s->option);
		jsonw_close_object(j);
	}
	jsonw_close_array(j);
	jsonw_flag(j, "options_malformed", s->option.malformed);
}

static void put_tcp(struct jsonw *j, const struct event_segment *s)
{
	char letters[TCP_FLAGS_TEXT_MAX];
	const bool ack = (s->tcp.flags & TCP_ACK) != 0;
	jsonw_open_object(j, "tcp");
	jsonw_text(j, "flags", tcp_flags_letters(s->tcp.flags, letters, sizeof letters));
	jsonw_uint(j, "seq", s->tcp.seq.raw);
	if (ack)
		jsonw_uint(j, "ack", s->tcp.ack.raw);
	if (s->has_seq_rel)
		jsonw_uint(j, "seq_rel", s->seq_rel);
	if (ack && s->has_ack_rel)
		jsonw_uint(j, "ack_rel", s->ack_rel);
	if (s->has_seq_rel)
		jsonw_uint(j, "next_seq_rel", s->next_seq_rel);
	jsonw_uint(j, "win", s->tcp.window);
	if (s->window_scale_known)
		jsonw_uint(j, "win_bytes", s->window_bytes);
	jsonw_uint(j, "len", s->tcp.payload_bytes);
	if (s->tcp.flags & TCP_URG)
		jsonw_uint(j, "urgent", s->tcp.urgent);
	if (s->tcp.reserved != 0)
		jsonw_uint(j, "reserved", s->tcp.reserved);
	put_options(j, &s->tcp);
	jsonw_text(j, "checksum", checksum_state_name(s->tcp.checksum));
	jsonw_close_object(j);
}

/* As EVE has it: printable characters stand, all others are a dot. */
static void put_payload(struct jsonw *j, const struct segment *s)
{
	char text[JSON_PAYLOAD_BYTES + 1];
	size_t count = s->payload_captured_bytes;
	if (s->payload == NULL || count == 0)
		return;
	if (count > JSON_PAYLOAD_BYTES)
		count = JSON_PAYLOAD_BYTES;
	for (size_t i = 0; i < count; i++) {
		const uint8_t c = s->payload[i];
		const bool stands = (c >= 0x20 && c <= 0x7e) || c == '\r' || c == '\n' || c == '\t';
		text[i] = stands ? (char)c : '.';
	}
	text[count] = '\0';
	jsonw_text(j, "payload_printable", text);
}

/* --- events ------------------------------------------------------------------------------ */

static void put_start(struct jsonw *j, const struct event_start *s)
{
	jsonw_open_object(j, "start");
	jsonw_bool(j, "client_local", s->client_local);
	jsonw_bool(j, "server_local", s->server_local);
	jsonw_text_known(j, "client_name", s->client_name);
	jsonw_text_known(j, "server_name", s->server_name);
	jsonw_text_known(j, "vantage", s->vantage);
	jsonw_close_object(j);
}

static void put_segment(struct jsonw *j, const struct event_segment *s)
{
	jsonw_uint(j, "n", s->n);
	if (s->pcap_count != 0)
		jsonw_uint(j, "pcap_cnt", s->pcap_count);
	jsonw_text(j, "direction", s->from == SIDE_CLIENT ? "to_server" : "to_client");
	put_tuple(j, &s->tcp.src, &s->tcp.dst);
	jsonw_flag(j, "local_out", s->local_out);
	jsonw_flag(j, "held", s->held);
	jsonw_flag(j, "retransmission", s->retransmission);
	jsonw_int(j, "since_previous_ns", s->since_previous_ns);
	put_ip(j, &s->tcp.ip);
	put_tcp(j, s);
	put_payload(j, &s->tcp);
	put_end(j, "client", &s->client);
	put_end(j, "server", &s->server);
	put_notes(j, s->notes, s->notes_count);
}

static void put_quoted(struct jsonw *j, const struct icmp_error *i)
{
	char letters[TCP_FLAGS_TEXT_MAX];
	jsonw_open_object(j, "quoted");
	put_address(j, "src_ip", &i->quoted_src.addr);
	jsonw_uint(j, "src_port", i->quoted_src.port);
	put_address(j, "dest_ip", &i->quoted_dst.addr);
	jsonw_uint(j, "dest_port", i->quoted_dst.port);
	jsonw_uint(j, "ttl", i->quoted_ip.ttl);
	jsonw_uint(j, "seq", i->quoted_seq.raw);
	if (i->has_quoted_ack)
		jsonw_uint(j, "ack", i->quoted_ack.raw);
	if (i->has_quoted_flags)
		jsonw_text(j, "flags", tcp_flags_letters(i->quoted_flags, letters, sizeof letters));
	jsonw_close_object(j);
}

static void put_icmp(struct jsonw *j, const struct event_icmp *i)
{
	jsonw_uint(j, "n", i->n);
	if (i->pcap_count != 0)
		jsonw_uint(j, "pcap_cnt", i->pcap_count);
	jsonw_text(j, "direction", i->about == SIDE_SERVER ? "to_server" : "to_client");
	put_address(j, "src_ip", &i->icmp.ip.src);
	put_address(j, "dest_ip", &i->icmp.ip.dst);
	jsonw_text(j, "proto", i->icmp.ip.src.family == IP_V6 ? "IPv6-ICMP" : "ICMP");
	jsonw_uint(j, "icmp_type", i->icmp.type);
	jsonw_uint(j, "icmp_code", i->icmp.code);
	put_ip(j, &i->icmp.ip);
	jsonw_open_object(j, "icmp");
	jsonw_text(j, "reason", icmp_reason_name(i->icmp.reason));
	jsonw_text(j, "about", side_name(i->about));
	if (i->about_n != 0)
		jsonw_uint(j, "about_n", i->about_n);
	if (i->icmp.mtu_bytes != 0)
		jsonw_uint(j, "mtu", i->icmp.mtu_bytes);
	jsonw_text(j, "checksum", checksum_state_name(i->icmp.checksum));
	put_quoted(j, &i->icmp);
	jsonw_close_object(j);
	put_end(j, "client", &i->client);
	put_end(j, "server", &i->server);
	put_notes(j, i->notes, i->notes_count);
}

static void put_timer(struct jsonw *j, const struct event_timer *t)
{
	jsonw_open_object(j, "timer");
	jsonw_text(j, "side", side_name(t->side));
	jsonw_text(j, "kind", timer_kind_name(t->kind));
	jsonw_int(j, "after_ns", t->after_ns);
	jsonw_uint(j, "attempt", t->attempt);
	jsonw_bool(j, "gave_up", t->gave_up);
	jsonw_text_known(j, "text", t->text);
	jsonw_close_object(j);
}

static void put_transition_members(struct jsonw *j, const struct transition *t)
{
	jsonw_text(j, "side", side_name(t->side));
	jsonw_text(j, "from", state_name(t->from));
	jsonw_text(j, "to", state_name(t->to));
	jsonw_text(j, "certainty", certainty_name(t->certainty));
	if (t->by != 0)
		jsonw_uint(j, "by", t->by);
	jsonw_text_known(j, "cause", t->cause);
	jsonw_text_known(j, "rfc", t->rfc);
}

static void put_transition(struct jsonw *j, const struct transition *t)
{
	jsonw_open_object(j, "transition");
	put_transition_members(j, t);
	jsonw_close_object(j);
}

static void put_verdict(struct jsonw *j, const struct event_verdict *v)
{
	jsonw_open_object(j, "verdict");
	jsonw_text(j, "verdict", verdict_name(v->verdict));
	if (v->wanted != VERDICT_NONE)
		jsonw_text(j, "wanted", verdict_name(v->wanted));
	jsonw_text_known(j, "reason", v->reason);
	if (v->has_rtt)
		jsonw_int(j, "rtt_ns", v->rtt_ns);
	if (v->has_by)
		put_address(j, "by", &v->by);
	jsonw_close_object(j);
}

static void put_option_summary(struct jsonw *j, const struct option_set *o)
{
	jsonw_open_object(j, "syn_options");
	if (o->has_mss)
		jsonw_uint(j, "mss", o->mss);
	if (o->has_wscale)
		jsonw_uint(j, "wscale", o->wscale);
	jsonw_bool(j, "sack_permitted", o->sack_permitted);
	jsonw_bool(j, "timestamps", o->has_timestamps);
	jsonw_flag(j, "fastopen", o->has_fastopen);
	jsonw_flag(j, "mptcp", o->has_mptcp);
	jsonw_flag(j, "malformed", o->malformed);
	jsonw_close_object(j);
}

static void put_flow_side(struct jsonw *j, const char *key, const struct flow_side_summary *s)
{
	jsonw_open_object(j, key);
	if (s->isn_known)
		jsonw_uint(j, "isn", s->isn.raw);
	jsonw_uint(j, "segments", s->segments);
	jsonw_uint(j, "payload_bytes", s->bytes);
	jsonw_uint(j, "retransmissions", s->retransmissions);
	jsonw_uint(j, "out_of_order", s->out_of_order);
	jsonw_bool(j, "syn_seen", s->syn_seen);
	if (s->syn_seen)
		put_option_summary(j, &s->option);
	jsonw_close_object(j);
}

static void put_phases(struct jsonw *j, const struct event_flow *f)
{
	if (f->open_ns < 0 && f->data_ns < 0 && f->close_ns < 0)
		return;
	jsonw_open_object(j, "phases");
	if (f->open_ns >= 0)
		jsonw_int(j, "open_ns", f->open_ns);
	if (f->data_ns >= 0)
		jsonw_int(j, "data_ns", f->data_ns);
	if (f->close_ns >= 0)
		jsonw_int(j, "close_ns", f->close_ns);
	jsonw_close_object(j);
}

static void put_flow_outcome(struct jsonw *j, const struct event_flow *f)
{
	jsonw_bool(j, "handshake_complete", f->handshake_complete);
	if (f->has_handshake_rtt)
		jsonw_int(j, "handshake_rtt_ns", f->handshake_rtt_ns);
	put_phases(j, f);
	jsonw_text(j, "close", close_kind_name(f->close));
	if (f->has_closer)
		jsonw_text(j, "closer", side_name(f->closer));
	jsonw_bool(j, "both_closed", f->both_closed);
	jsonw_text_known(j, "options_text", f->options_text);
	jsonw_text_known(j, "conn_state", f->conn_state);
	jsonw_text_known(j, "history", f->history);
	jsonw_uint(j, "completeness", f->completeness);
	if (f->has_guard) {
		jsonw_open_object(j, "guard");
		jsonw_text_known(j, "kind", f->guard_kind);
		jsonw_uint(j, "absorbed", f->guard_absorbed);
		jsonw_close_object(j);
	}
}

static void put_flow(struct jsonw *j, const struct event_flow *f)
{
	jsonw_open_object(j, "flow");
	jsonw_uint(j, "pkts_toserver", f->client.segments);
	jsonw_uint(j, "pkts_toclient", f->server.segments);
	jsonw_time(j, "start", f->begin_ns);
	jsonw_time(j, "end", f->end_ns);
	jsonw_int(j, "age_ns", f->end_ns - f->begin_ns);
	put_flow_side(j, "client", &f->client);
	put_flow_side(j, "server", &f->server);
	put_flow_outcome(j, f);
	if (f->transitions_count > 0) {
		jsonw_open_array(j, "transitions");
		for (uint32_t i = 0; i < f->transitions_count; i++) {
			jsonw_open_object(j, NULL);
			jsonw_time(j, "timestamp", f->transitions[i].time_ns);
			put_transition_members(j, &f->transitions[i]);
			jsonw_close_object(j);
		}
		jsonw_close_array(j);
	}
	if (f->transitions_lost > 0)
		jsonw_uint(j, "transitions_lost", f->transitions_lost);
	jsonw_close_object(j);
	put_end(j, "client", &f->client.end);
	put_end(j, "server", &f->server.end);
}

static void put_run(struct jsonw *j, const struct event_end *e)
{
	jsonw_open_object(j, "end");
	jsonw_int(j, "exit_status", e->exit_status);
	jsonw_bool(j, "complete", e->complete);
	jsonw_uint(j, "segments", e->segments);
	jsonw_uint(j, "flows", e->flows);
	jsonw_uint(j, "capture_dropped", e->capture_dropped);
	jsonw_uint(j, "capture_ifdropped", e->capture_ifdropped);
	jsonw_uint(j, "undecodable", e->undecodable);
	jsonw_text_known(j, "reason", e->reason);
	jsonw_close_object(j);
}

static void put_body(struct jsonw *j, const struct event *e, const struct flow_memory *m)
{
	if (e->type != EVENT_SEGMENT && e->type != EVENT_ICMP && m != NULL)
		put_flow_tuple(j, m);
	switch (e->type) {
	case EVENT_START:
		put_start(j, &e->u.start);
		break;
	case EVENT_SEGMENT:
		put_segment(j, &e->u.segment);
		break;
	case EVENT_ICMP:
		put_icmp(j, &e->u.icmp);
		break;
	case EVENT_TIMER:
		put_timer(j, &e->u.timer);
		break;
	case EVENT_TRANSITION:
		put_transition(j, &e->u.transition);
		break;
	case EVENT_VERDICT:
		put_verdict(j, &e->u.verdict);
		break;
	case EVENT_FLOW:
		put_flow(j, &e->u.flow);
		break;
	case EVENT_END:
		put_run(j, &e->u.end);
		break;
	}
}

void jsonl_event(struct render *r, const struct event *e)
{
	struct flow_memory *m = e->type == EVENT_END ? NULL : flows_take(&r->flows, e);
	struct jsonw j;
	jsonw_init(&j, r->out);
	jsonw_open_object(&j, NULL);
	put_head(&j, e, m);
	put_body(&j, e, m);
	jsonw_close_object(&j);
	jsonw_line(&j);
	if (e->type == EVENT_FLOW)
		flows_drop(&r->flows, m);
	if (r->live)
		out_flush(r->out);
}

void jsonl_close(struct render *r)
{
	if (r == NULL)
		return;
	flows_reset(&r->flows);
	free(r);
}

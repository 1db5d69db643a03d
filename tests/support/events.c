#include "events.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t client_addr[4] = {192, 0, 2, 1};
static const uint8_t server_addr[4] = {192, 0, 2, 2};
static const uint8_t router_addr[4] = {192, 0, 2, 254};

static struct endpoint client_end(void)
{
	return (struct endpoint){.addr = ip_addr_v4(client_addr), .port = 50210};
}

static struct endpoint server_end(void)
{
	return (struct endpoint){.addr = ip_addr_v4(server_addr), .port = 7777};
}

static int64_t at(int64_t us)
{
	return EVENTS_BEGIN_NS + us * 1000;
}

struct render_options events_options(void)
{
	return (struct render_options){.width = 80, .numbers = NUMBERS_BOTH, .time_mode = TIME_REL};
}

struct event events_start(uint32_t flow_id)
{
	struct event e = {.type = EVENT_START, .time_ns = EVENTS_BEGIN_NS, .flow_id = flow_id};
	e.u.start = (struct event_start){
		.client = client_end(),
		.server = server_end(),
		.client_local = true,
		.interface = "veth0",
		.vantage = "at the client",
		.community_id = "1:3k1SoWXs/FltHw2aBCgUTgbDQF4=",
	};
	return e;
}

static struct end_view inferred(enum certainty certainty, enum tcp_state state, uint32_t n)
{
	struct end_view v = {.certainty = certainty, .state = state};
	if (certainty == CERTAINTY_UNKNOWN)
		return v;
	v.loss = (state_set_t)(state_set(state) | state_set(ST_CLOSED));
	v.orderly = (state_set_t)(v.loss | state_set(ST_LAST_ACK));
	v.possible = STATE_SET_ALL;
	if (certainty == CERTAINTY_PROVEN) {
		v.proven_by = n;
		v.proven = state_set(state);
	}
	return v;
}

struct event events_segment(uint32_t flow_id, const struct events_segment *s)
{
	const bool to_server = s->from == SIDE_CLIENT;
	const uint32_t isn = to_server ? EVENTS_CLIENT_ISN : EVENTS_SERVER_ISN;
	const uint32_t other = to_server ? EVENTS_SERVER_ISN : EVENTS_CLIENT_ISN;
	struct event e = {.type = EVENT_SEGMENT, .time_ns = at(s->at_us), .flow_id = flow_id};
	struct event_segment *g = &e.u.segment;
	g->n = s->n;
	g->pcap_count = s->n;
	g->from = s->from;
	g->local_out = to_server;
	g->has_seq_rel = true;
	g->seq_rel = s->seq;
	g->has_ack_rel = (s->flags & TCP_ACK) != 0;
	g->ack_rel = g->has_ack_rel ? s->ack : 0;
	g->next_seq_rel =
		s->seq + s->len + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
	g->window_scale_known = true;
	g->window_bytes = 64240;
	g->tcp.src = to_server ? client_end() : server_end();
	g->tcp.dst = to_server ? server_end() : client_end();
	g->tcp.ip.src = g->tcp.src.addr;
	g->tcp.ip.dst = g->tcp.dst.addr;
	g->tcp.ip.ttl = 64;
	g->tcp.ip.df = true;
	g->tcp.ip.checksum = CHECKSUM_GOOD;
	g->tcp.checksum = CHECKSUM_GOOD;
	g->tcp.seq = seq_of(isn + s->seq);
	g->tcp.ack = seq_of(g->has_ack_rel ? other + s->ack : 0);
	g->tcp.flags = s->flags;
	g->tcp.window = 64240;
	g->tcp.header_bytes = 20;
	g->tcp.payload_bytes = s->len;
	g->client = (struct end_view){.certainty = CERTAINTY_EXACT, .state = s->client};
	g->server = inferred(s->certainty, s->server, s->n);
	return e;
}

void events_payload(struct event *e, const void *data, uint32_t count)
{
	e->u.segment.tcp.payload = data;
	e->u.segment.tcp.payload_captured_bytes = count;
	if (e->u.segment.tcp.payload_bytes < count)
		e->u.segment.tcp.payload_bytes = count;
}

static void be16(uint8_t *at, uint32_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static void be32(uint8_t *at, uint32_t n)
{
	be16(at, n >> 16);
	be16(at + 2, n);
}

void events_frame(struct event *e, uint8_t buffer[EVENTS_FRAME_MAX])
{
	const struct segment *s = &e->u.segment.tcp;
	const uint32_t tcp_bytes = 20 + s->payload_bytes;
	uint8_t *tcp = buffer + 20;
	memset(buffer, 0, 40);
	buffer[0] = 0x45;
	be16(buffer + 2, 20 + tcp_bytes);
	be16(buffer + 6, 0x4000);
	buffer[8] = s->ip.ttl;
	buffer[9] = 6;
	memcpy(buffer + 12, s->src.addr.bytes, 4);
	memcpy(buffer + 16, s->dst.addr.bytes, 4);
	be16(buffer + 10, (uint16_t)~checksum_fold(checksum_add(0, buffer, 20)));
	be16(tcp, s->src.port);
	be16(tcp + 2, s->dst.port);
	be32(tcp + 4, s->seq.raw);
	be32(tcp + 8, s->ack.raw);
	be16(tcp + 12, 0x5000u | s->flags);
	be16(tcp + 14, s->window);
	for (uint32_t i = 0; i < s->payload_bytes; i++)
		tcp[20 + i] = i < s->payload_captured_bytes ? s->payload[i] : 'x';
	uint32_t sum = checksum_add_pseudo(0, &s->src.addr, &s->dst.addr, 6, tcp_bytes);
	be16(tcp + 16, (uint16_t)~checksum_fold(checksum_add(sum, tcp, tcp_bytes)));
	e->u.segment.frame = (struct event_frame){
		.data = buffer,
		.captured_bytes = 20 + tcp_bytes,
		.wire_bytes = 20 + tcp_bytes,
		.link_type = 101,
		.outbound = e->u.segment.local_out,
		.inbound = !e->u.segment.local_out,
	};
}

void events_note(struct event *e, enum note_code code, const char *text, const char *rfc)
{
	struct note *notes = e->type == EVENT_ICMP ? e->u.icmp.notes : e->u.segment.notes;
	uint8_t *count = e->type == EVENT_ICMP ? &e->u.icmp.notes_count : &e->u.segment.notes_count;
	struct note *n = &notes[(*count)++];
	n->code = code;
	n->rfc = rfc;
	strncpy(n->text, text, sizeof n->text - 1);
}

struct event events_icmp(uint32_t flow_id, uint32_t n, int64_t at_us)
{
	struct event e = {.type = EVENT_ICMP, .time_ns = at(at_us), .flow_id = flow_id};
	struct event_icmp *i = &e.u.icmp;
	i->n = n;
	i->pcap_count = n;
	i->about = SIDE_CLIENT;
	i->about_n = 1;
	i->icmp.ip.src = ip_addr_v4(router_addr);
	i->icmp.ip.dst = client_end().addr;
	i->icmp.ip.ttl = 63;
	i->icmp.type = 3;
	i->icmp.code = 13;
	i->icmp.reason = ICMP_ADMIN_PROHIBITED;
	i->icmp.checksum = CHECKSUM_GOOD;
	i->icmp.quoted_src = client_end();
	i->icmp.quoted_dst = server_end();
	i->icmp.quoted_seq = seq_of(EVENTS_CLIENT_ISN);
	i->icmp.has_quoted_flags = true;
	i->icmp.quoted_flags = TCP_SYN;
	i->client = (struct end_view){.certainty = CERTAINTY_EXACT, .state = ST_SYN_SENT};
	i->server = inferred(CERTAINTY_UNKNOWN, ST_CLOSED, 0);
	return e;
}

struct event events_timer(uint32_t flow_id, int64_t at_us, const char *text)
{
	struct event e = {.type = EVENT_TIMER, .time_ns = at(at_us), .flow_id = flow_id};
	e.u.timer = (struct event_timer){
		.side = SIDE_CLIENT,
		.kind = TIMER_RETRANSMISSION,
		.after_ns = 1000000000,
		.attempt = 1,
	};
	strncpy(e.u.timer.text, text, sizeof e.u.timer.text - 1);
	return e;
}

static struct transition transition(int64_t at_us)
{
	return (struct transition){
		.time_ns = at(at_us),
		.side = SIDE_SERVER,
		.from = ST_SYN_RECEIVED,
		.to = ST_ESTABLISHED,
		.certainty = CERTAINTY_PROVEN,
		.by = 5,
		.cause = "it acknowledges our data",
		.rfc = "9293 3.10.7.4",
	};
}

struct event events_transition(uint32_t flow_id, int64_t at_us)
{
	struct event e = {.type = EVENT_TRANSITION, .time_ns = at(at_us), .flow_id = flow_id};
	e.u.transition = transition(at_us);
	return e;
}

struct event events_verdict(uint32_t flow_id, int64_t at_us)
{
	struct event e = {.type = EVENT_VERDICT, .time_ns = at(at_us), .flow_id = flow_id};
	e.u.verdict = (struct event_verdict){
		.verdict = VERDICT_OPEN,
		.wanted = VERDICT_OPEN,
		.reason = "its SYN,ACK acknowledges our ISN",
		.has_rtt = true,
		.rtt_ns = 24100000,
	};
	return e;
}

struct event events_flow(uint32_t flow_id, int64_t at_us)
{
	static struct transition transitions[1];
	struct event e = {.type = EVENT_FLOW, .time_ns = at(at_us), .flow_id = flow_id};
	struct event_flow *f = &e.u.flow;
	transitions[0] = transition(48500);
	f->client = (struct flow_side_summary){
		.endpoint = client_end(),
		.isn_known = true,
		.isn = {EVENTS_CLIENT_ISN},
		.segments = 6,
		.bytes = 13,
		.syn_seen = true,
		.end = {.certainty = CERTAINTY_EXACT, .state = ST_TIME_WAIT},
	};
	f->server = (struct flow_side_summary){
		.endpoint = server_end(),
		.isn_known = true,
		.isn = {EVENTS_SERVER_ISN},
		.segments = 5,
		.bytes = 13,
		.syn_seen = true,
		.end = inferred(CERTAINTY_EXPECTED, ST_CLOSED, 0),
	};
	f->handshake_complete = true;
	f->has_handshake_rtt = true;
	f->handshake_rtt_ns = 24100000;
	f->begin_ns = EVENTS_BEGIN_NS;
	f->end_ns = at(at_us);
	f->open_ns = 24200000;
	f->data_ns = 1025000000;
	f->close_ns = 24900000;
	f->close = CLOSE_FIN;
	f->has_closer = true;
	f->closer = SIDE_CLIENT;
	f->both_closed = true;
	strcpy(f->conn_state, "SF");
	strcpy(f->history, "ShADadFf");
	f->completeness = 31;
	strcpy(f->options_text, "mss 1460 both ways, sack, timestamps, window scale 10 and 7");
	f->has_guard = true;
	f->guard_kind = "listen socket";
	f->guard_absorbed = 5;
	f->transitions = transitions;
	f->transitions_count = 1;
	return e;
}

struct event events_end(int64_t at_us)
{
	struct event e = {.type = EVENT_END, .time_ns = at(at_us)};
	e.u.end = (struct event_end){.complete = true, .segments = 11, .flows = 1};
	return e;
}

#define SA (TCP_SYN | TCP_ACK)
#define PA (TCP_PSH | TCP_ACK)
#define FA (TCP_FIN | TCP_ACK)

/* clang-format off */
const struct events_segment events_exchange[] = {
	{ 1,       0, SIDE_CLIENT, TCP_SYN, 0,  0,  0,  ST_SYN_SENT,    CERTAINTY_EXPECTED, ST_SYN_RECEIVED},
	{ 2,   24100, SIDE_SERVER, SA,      0,  1,  0,  ST_ESTABLISHED, CERTAINTY_PROVEN,   ST_SYN_RECEIVED},
	{ 3,   24200, SIDE_CLIENT, TCP_ACK, 1,  1,  0,  ST_ESTABLISHED, CERTAINTY_EXPECTED, ST_ESTABLISHED},
	{ 4,   24300, SIDE_CLIENT, PA,      1,  1,  13, ST_ESTABLISHED, CERTAINTY_EXPECTED, ST_ESTABLISHED},
	{ 5,   48500, SIDE_SERVER, TCP_ACK, 1,  14, 0,  ST_ESTABLISHED, CERTAINTY_PROVEN,   ST_ESTABLISHED},
	{ 6,   48900, SIDE_SERVER, PA,      1,  14, 13, ST_ESTABLISHED, CERTAINTY_PROVEN,   ST_ESTABLISHED},
	{ 7,   49000, SIDE_CLIENT, TCP_ACK, 14, 14, 0,  ST_ESTABLISHED, CERTAINTY_PROVEN,   ST_ESTABLISHED},
	{ 8, 1049200, SIDE_CLIENT, FA,      14, 14, 0,  ST_FIN_WAIT_1,  CERTAINTY_EXPECTED, ST_CLOSE_WAIT},
	{ 9, 1073400, SIDE_SERVER, TCP_ACK, 14, 15, 0,  ST_FIN_WAIT_2,  CERTAINTY_PROVEN,   ST_CLOSE_WAIT},
	{10, 1074000, SIDE_SERVER, FA,      14, 15, 0,  ST_TIME_WAIT,   CERTAINTY_PROVEN,   ST_LAST_ACK},
	{11, 1074100, SIDE_CLIENT, TCP_ACK, 15, 15, 0,  ST_TIME_WAIT,   CERTAINTY_EXPECTED, ST_CLOSED},
};
/* clang-format on */

const size_t events_exchange_count = ARRAY_COUNT(events_exchange);

void events_play_begin(struct events_player *p, const char *renderer,
		       const struct render_options *options)
{
	p->renderer = renderer_find(renderer);
	p->out = out_open_memory();
	p->render = p->renderer->open(p->out, options);
}

void events_play(struct events_player *p, const struct event *e)
{
	p->renderer->event(p->render, e);
}

void events_play_exchange(struct events_player *p, uint32_t flow_id)
{
	const struct event start = events_start(flow_id);
	events_play(p, &start);
	for (size_t i = 0; i < events_exchange_count; i++) {
		uint8_t buffer[EVENTS_FRAME_MAX];
		struct event e = events_segment(flow_id, &events_exchange[i]);
		events_frame(&e, buffer);
		events_play(p, &e);
	}
}

char *events_play_end(struct events_player *p, size_t *count)
{
	size_t bytes = 0;
	p->renderer->close(p->render);
	const char *text = out_memory(p->out, &bytes);
	char *copy = malloc(bytes + 1);
	if (copy != NULL)
		memcpy(copy, text, bytes + 1);
	if (count != NULL)
		*count = bytes;
	out_close(p->out);
	return copy;
}

static void play_hostile(struct events_player *p, uint32_t flow_id)
{
	static const char payload[] = "\033]0;owned\007\033[2J\x9b"
				      "31m<script>&\"'\\\0\xff\xc0\x80 end\r\n";
	static const uint8_t options[] = {2, 4, 5, 180, 254, 5, 0x1b, 0x5b, 0x4a, 5, 0};
	const struct events_segment row = {
		.n = 4294967295u,
		.at_us = 90000000000,
		.from = SIDE_SERVER,
		.flags = TCP_FLAGS_ALL,
		.seq = 4294967295u,
		.ack = 4294967295u,
		.len = 4294967295u,
		.client = ST_SYN_RECEIVED,
		.certainty = CERTAINTY_UNKNOWN,
	};
	struct event start = events_start(flow_id);
	start.u.start.client_local = false;
	start.u.start.client_name = "evil\033[31m\xe2\x80\xae<b>name";
	start.u.start.server_name =
		"\xff\xfe very long server name that goes on and on and on and on";
	start.u.start.interface = "eth0\n\"";
	start.u.start.vantage = "between, or unknown";
	memset(start.u.start.client.addr.bytes, 0xee, 16);
	start.u.start.client.addr.family = IP_V6;
	start.u.start.server = start.u.start.client;
	events_play(p, &start);
	struct event e = events_segment(flow_id, &row);
	events_payload(&e, payload, sizeof payload - 1);
	e.u.segment.tcp.options = options;
	e.u.segment.tcp.options_bytes = sizeof options;
	option_decode(&e.u.segment.tcp.option, options, sizeof options);
	e.u.segment.client = (struct end_view){
		.certainty = CERTAINTY_PROVEN,
		.state = ST_SYN_RECEIVED,
		.contradiction = true,
		.has_truth = true,
		.truth = ST_LAST_ACK,
		.truth_fin_unsent = true,
		.possible = state_set(ST_SYN_RECEIVED),
	};
	e.u.segment.server.possible =
		(state_set_t)(state_set(ST_SYN_RECEIVED) | state_set(ST_ESTABLISHED));
	e.u.segment.server.has_truth = true;
	e.u.segment.server.truth = ST_CLOSE_WAIT;
	for (int i = 0; i < EVENT_NOTES_MAX; i++)
		events_note(
			&e, NOTE_CONTRADICTION,
			"unbreakable_word_that_is_longer_than_any_span_between_two_lifelines_can_"
			"ever_be_and_then_some \033[0m bytes \xe2\x98\xa0 of others",
			"9293 3.10.7.4");
	events_play(p, &e);
}

void events_play_everything(struct events_player *p)
{
	events_play_exchange(p, 1);
	struct event list[] = {
		events_transition(1, 1074100),
		events_timer(1, 1075000, ""),
		events_icmp(1, 12, 1076000),
		events_verdict(1, 1077000),
	};
	for (size_t i = 0; i < ARRAY_COUNT(list); i++)
		events_play(p, &list[i]);
	struct event held = events_segment(1, &events_exchange[2]);
	held.u.segment.held = true;
	events_note(&held, NOTE_PROOF, "a note", NULL);
	events_play(p, &held);
	play_hostile(p, 2);
	struct event flow = events_flow(1, 1074100);
	events_play(p, &flow);
	struct event end = events_end(1074100);
	end.u.end.complete = false;
	end.u.end.reason = "interrupted";
	end.u.end.capture_dropped = 12;
	end.u.end.undecodable = 1;
	events_play(p, &end);
}

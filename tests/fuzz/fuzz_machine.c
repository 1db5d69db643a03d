/*
 * Any bytes, as a story: calls, segments near the edges that the comparisons know, ICMP errors,
 * jumps in time. After each the machine must be sound (tests/support/machine_check.h).
 */
#include "synscope/core/machine.h"

#include "../support/machine_check.h"

#include <string.h>

#define MS ((int64_t)1000000)
#define BUFFER_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct story {
	const uint8_t *at, *end;
	struct machine m;
	struct machine_check check;
	int64_t now_ns;
};

static uint8_t send_buffer[BUFFER_MAX];
static uint8_t receive_buffer[BUFFER_MAX];

static uint8_t next8(struct story *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static uint32_t next16(struct story *s)
{
	const uint32_t high = next8(s);
	return high << 8 | next8(s);
}

static uint32_t next32(struct story *s)
{
	const uint32_t high = next16(s);
	return high << 16 | next16(s);
}

/* A number near one that matters; seldom any at all. */
static seq_t next_number(struct story *s)
{
	const uint8_t choice = next8(s);
	const int8_t offset = (int8_t)next8(s);
	const struct machine *m = &s->m;
	const seq_t bases[] = {
		m->rcv_nxt, m->rcv_edge, m->irs,        m->snd_una,      m->snd_nxt,
		m->iss,     m->fin_seq,  m->again_next, m->held[0].left, m->sacked[0].right,
		m->rcv_nxt, m->snd_nxt,  m->rcv_nxt,    m->snd_una};
	const unsigned which = choice & 15;
	if (which >= sizeof bases / sizeof bases[0])
		return seq_of(next32(s));
	return seq_add(bases[which], (uint32_t)(choice & 16   ? offset
						: choice & 32 ? offset * 64
							      : 0));
}

static void next_options(struct story *s, struct option_set *o)
{
	const uint8_t bits = next8(s);
	o->has_mss = bits & 1;
	o->mss = (uint16_t)(bits & 1 ? next16(s) : 0);
	o->has_wscale = bits & 2;
	o->wscale = bits & 2 ? next8(s) : 0;
	o->sack_permitted = bits & 4;
	o->has_timestamps = bits & 8;
	if (bits & 8) {
		o->ts_value = s->m.ts_recent + (uint32_t)(int8_t)next8(s);
		o->ts_echo = next16(s);
	}
	o->sack_count = bits >> 4 & 3;
	for (unsigned i = 0; i < o->sack_count; i++) {
		o->sack[i].left = next_number(s).raw;
		o->sack[i].right = next_number(s).raw;
	}
}

static void segment_arrives(struct story *s)
{
	static const uint8_t text[2048];
	struct segment g = {.src = s->m.config.remote, .dst = s->m.config.local};
	g.flags = next8(s);
	g.seq = next_number(s);
	g.ack = next_number(s);
	g.window = (uint16_t)next16(s);
	g.payload = text;
	g.payload_bytes = next8(s);
	if (g.payload_bytes & 1)
		g.payload_bytes *= 8;
	g.payload_captured_bytes = g.payload_bytes;
	if (next8(s) == 7)
		g.payload_captured_bytes /= 2;
	g.ip.traffic = (uint8_t)(g.flags >> 6);
	next_options(s, &g.option);
	machine_segment(&s->m, &g, s->now_ns);
}

static void icmp_arrives(struct story *s)
{
	struct icmp_error e = {.reason = (enum icmp_reason)(next8(s) % ICMP_REASON_COUNT)};
	e.quoted_seq = next_number(s);
	e.mtu_bytes = next16(s);
	(void)machine_icmp(&s->m, &e, s->now_ns);
}

static void call(struct story *s, uint8_t which)
{
	static uint8_t scratch[BUFFER_MAX];
	switch (which) {
	case 0:
		(void)machine_open_active(&s->m, s->now_ns);
		break;
	case 1:
		(void)machine_open_passive(&s->m, s->now_ns);
		break;
	case 2:
		(void)machine_close(&s->m, s->now_ns);
		break;
	case 3:
		if (next8(s) < 64) /* else too many stories end here */
			(void)machine_abort(&s->m, s->now_ns);
		break;
	case 4:
	case 5:
		(void)machine_send(&s->m, scratch, next8(s) * (which == 4 ? 1u : 16u), s->now_ns);
		break;
	case 6:
		(void)machine_receive(&s->m, scratch, next8(s) * 16u, s->now_ns);
		break;
	case 7:
		machine_set_isn(&s->m, seq_of(next32(s)));
		break;
	default:
		break;
	}
}

static void time_passes(struct story *s)
{
	const uint8_t how = next8(s);
	const int64_t deadline_ns = machine_deadline(&s->m);
	if (how < 128 && deadline_ns != INT64_MAX)
		s->now_ns = deadline_ns > s->now_ns ? deadline_ns : s->now_ns;
	else
		s->now_ns += (how & 15) * (how & 16 ? 1000 : 10) * MS;
	machine_tick(&s->m, s->now_ns);
}

static void output(struct story *s)
{
	struct segment_spec spec;
	unsigned count = 0;
	while (machine_output(&s->m, &spec, s->now_ns)) {
		machine_check(&s->check, &s->m);
		machine_check_output(&s->check, &s->m, &spec);
		if (++count > 2 * BUFFER_MAX)
			__builtin_trap(); /* it would never end */
	}
	machine_check_idle(&s->m);
}

static void begin(struct story *s)
{
	const uint8_t bits = next8(s);
	struct machine_config c = {
		.local = {.port = 80},
		.remote = {.port = bits & 128 ? 0 : 40000},
		.isn = seq_of(next32(s)),
		.mss = (uint16_t)(next8(s) * 8 + 1),
		.use_mss = bits & 1,
		.use_wscale = bits & 2,
		.use_timestamps = bits & 4,
		.use_sack = bits & 8,
		.use_ecn = bits & 16,
		.wscale = next8(s) % 15,
		.send_buffer = send_buffer,
		.send_buffer_bytes = 1 + next16(s) % BUFFER_MAX,
		.receive_buffer = receive_buffer,
		.receive_buffer_bytes = 1 + next16(s) % BUFFER_MAX,
		.rto_initial_ns = 1000 * MS,
		.rto_min_ns = 200 * MS,
		.rto_max_ns = 60000 * MS,
		.syn_retries_max = 3,
		.retries_max = 5,
		.time_wait_ns = 60000 * MS,
		.delayed_ack_ns = bits & 32 ? 40 * MS : 0,
	};
	machine_init(&s->m, &c);
	machine_check(&s->check, &s->m);
	call(s, bits >> 6 & 1);
	output(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story s = {.at = data, .end = data + size};
	begin(&s);
	while (s.at < s.end) {
		const uint8_t what = next8(&s);
		if (what < 160)
			segment_arrives(&s);
		else if (what < 168)
			icmp_arrives(&s);
		else if (what < 200)
			time_passes(&s);
		else
			call(&s, what & 7);
		machine_check(&s.check, &s.m);
		if (what & 1) /* not always at once */
			output(&s);
		struct machine_log log;
		while (what & 2 && machine_log_next(&s.m, &log))
			continue;
	}
	output(&s);
	return 0;
}

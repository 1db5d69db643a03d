#include "quiz.h"

#include "simlink.h"

#include "cm.h"

#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000)
#define WAY_NS (10 * MS)
#define PENDING_MAX 256
#define EPOCH_NS (INT64_C(1790000000) * 1000 * MS) /* kernel stamps, beside the monotonic zero */

/* What is on its way back to us. */
static struct pending {
	int64_t at_ns;
	bool is_icmp, is_copy; /* copy: of a SYN,ACK, not sent once it was acknowledged */
	struct segment s;
	struct icmp_error e;
	uint8_t quoted[60];
} pending[PENDING_MAX];
static uint32_t pending_count;

static const struct ip_addr here = {IP_V4, {192, 0, 2, 1}};
static const struct ip_addr there = {IP_V4, {203, 0, 113, 2}};

static struct ip_addr hop_addr(unsigned hop)
{
	return (struct ip_addr){IP_V4, {10, 0, 0, (uint8_t)hop}};
}

static struct pending *put(const struct quiz *z, int64_t after_ns)
{
	assert_true(pending_count < PENDING_MAX);
	pending[pending_count] = (struct pending){.at_ns = z->now_ns + after_ns};
	return &pending[pending_count++];
}

/* A segment back, from @p hops routers away. */
static struct segment *back(struct quiz *z, const struct segment_spec *to, uint16_t flags,
			    unsigned hops, int64_t after_ns)
{
	struct pending *p = put(z, after_ns);
	p->s = (struct segment){
		.ip = {.src = to->dst.addr,
		       .dst = to->src.addr,
		       .ttl = (uint8_t)(64 - hops),
		       .protocol = 6,
		       .header_bytes = 20,
		       .checksum = CHECKSUM_GOOD},
		.src = to->dst,
		.dst = to->src,
		.flags = flags,
		.window = 64240,
		.checksum = CHECKSUM_GOOD,
		.header_bytes = 20,
	};
	return &p->s;
}

static void icmp(struct quiz *z, const struct segment_spec *to, unsigned hop, enum icmp_reason why,
		 uint8_t left, bool by_host)
{
	if (z->icmp_every_ns != 0 && z->icmp_at_ns != 0 &&
	    z->now_ns < z->icmp_at_ns + z->icmp_every_ns)
		return;
	z->icmp_at_ns = z->now_ns;
	struct pending *p = put(z, WAY_NS);
	const bool expired = why == ICMP_TIME_EXCEEDED;
	p->is_icmp = true;
	uint8_t *q = p->quoted;
	uint8_t options[40];
	struct option_set set = to->option;
	if (z->mss_at_filter != 0 && set.has_mss && hop > z->filter_at)
		set.mss = z->mss_at_filter;
	const size_t count = option_encode(&set, (to->flags & TCP_SYN) != 0, options);
	q[12] = (uint8_t)((20 + count) / 4 << 4 | to->flags >> 8);
	q[13] = (uint8_t)to->flags;
	q[14] = (uint8_t)(to->window >> 8);
	q[15] = (uint8_t)to->window;
	memcpy(q + 20, options, count);
	p->e = (struct icmp_error){
		.ip = {.src = by_host ? there : hop_addr(hop),
		       .dst = here,
		       .ttl = (uint8_t)(64 - (hop - 1))},
		.type = expired ? 11 : 3,
		.code = expired ? 0 : 13,
		.reason = why,
		.quoted_ip = {.src = here,
			      .dst = there,
			      .ttl = left,
			      .traffic = to->traffic,
			      .protocol = 6,
			      .df = true},
		.quoted_src = to->src,
		.quoted_dst = to->dst,
		.quoted_seq = to->seq,
		.has_quoted_ack = true,
		.quoted_ack = to->ack,
		.has_quoted_flags = true,
		.quoted_flags = to->flags,
		.quoted_tcp_bytes = (uint8_t)(20 + count),
	};
}

static void reset(struct quiz *z, const struct segment_spec *to, unsigned hops, bool reflect)
{
	const bool acks = (to->flags & TCP_ACK) != 0;
	struct segment *s = back(z, to, acks ? TCP_RST : TCP_RST | TCP_ACK, hops, WAY_NS);
	s->seq = acks ? to->ack : seq_of(0);
	s->ack = seq_add(to->seq, (to->flags & (TCP_SYN | TCP_FIN)) != 0 ? 1 : 0);
	s->ip.traffic = reflect ? to->traffic : 0;
}

static void syn_ack(struct quiz *z, const struct segment_spec *to, unsigned hops)
{
	const seq_t isn = seq_of(z->cookies ? to->seq.raw * 7 : (z->isn_next += 64000));
	static const int64_t copies_ms[] = {0, 1000, 3000};
	z->half_open++;
	for (unsigned i = 0; i < (z->cookies || z->proxy ? 1 : 3); i++) {
		struct segment *s =
			back(z, to, TCP_SYN | TCP_ACK, hops, WAY_NS + copies_ms[i] * MS);
		s->seq = isn;
		s->ack = seq_add(to->seq, 1);
		s->option = (struct option_set){.has_mss = true, .mss = 1460};
		pending[pending_count - 1].is_copy = i > 0;
	}
}

static void forget_copies(const struct segment_spec *to)
{
	for (uint32_t i = 0; i < pending_count; i++)
		if (pending[i].is_copy && pending[i].s.dst.port == to->src.port &&
		    pending[i].s.src.port == to->dst.port)
			pending[i--] = pending[--pending_count];
}

/* A connection's end, as far as the questions need one. */
static void listener(struct quiz *z, const struct segment_spec *to, unsigned hops)
{
	const uint16_t flags = to->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
	bool *open = &z->established[to->src.port];
	if (flags == TCP_SYN && !*open) {
		syn_ack(z, to, hops);
	} else if (flags == TCP_SYN && z->forgets_ns != 0) {
		struct segment *s = back(z, to, TCP_ACK, hops, WAY_NS); /* a challenge */
		s->seq = seq_of(1);
		s->ack = seq_of(2);
	} else if (flags == TCP_RST) {
		forget_copies(to);
		if (z->half_open > 0)
			z->half_open--;
		*open = false;
	} else if (flags == TCP_ACK && to->payload_bytes == 0 && to->option.ts_value == 0 &&
		   !*open && z->half_open > 0) {
		forget_copies(to);
		*open = true;
	} else if (*open && (to->payload_bytes > 0 || flags == TCP_SYN)) {
		struct segment *s = back(z, to, TCP_ACK, hops, WAY_NS);
		const bool far = seq_diff(to->seq, seq_of(0)) != 0 && flags == TCP_SYN;
		s->seq = to->ack;
		s->ack = seq_add(to->seq, far ? 0 : (uint32_t)to->payload_bytes);
	} else if ((flags & TCP_ACK) != 0 && !*open) {
		reset(z, to, hops, true);
	}
}

/* @return whether it goes on to the host */
static bool pass(struct quiz *z, const struct segment_spec *to, unsigned hop, uint8_t left)
{
	const uint16_t syn = to->flags & (TCP_SYN | TCP_ACK | TCP_RST);
	const enum quiz_port kind = z->ports[to->dst.port];
	const bool host = hop == 0;
	const unsigned hops = host ? z->routers : hop - 1;
	const int64_t silent_ns = z->now_ns - z->heard_ns[to->src.port];
	if (z->forgets_ns != 0 && syn != TCP_SYN && silent_ns > z->forgets_ns)
		return false;
	z->heard_ns[to->src.port] = z->now_ns;
	if (to->bad_checksum && !z->answers_badsum)
		return true;
	if (to->bad_checksum || (z->proxy && kind == QUIZ_OPEN && syn == TCP_SYN)) {
		if (syn == TCP_SYN)
			syn_ack(z, to, hops);
		return false;
	}
	if (z->drops_stray && !z->established[to->src.port] && (to->flags & TCP_ACK) != 0 &&
	    (z->half_open == 0 || to->payload_bytes > 0))
		return false;
	switch (kind) {
	case QUIZ_DROP:
		return false;
	case QUIZ_SYN_DROP:
		return syn != TCP_SYN;
	case QUIZ_RST:
		reset(z, to, hops, false);
		return false;
	case QUIZ_ICMP:
		icmp(z, to, host ? z->routers + 1 : hop, ICMP_ADMIN_PROHIBITED, left, host);
		return false;
	case QUIZ_CLOSED:
	case QUIZ_OPEN:
	case QUIZ_WRONG_ACK:
	case QUIZ_BARE_RST:
	case QUIZ_LATE:
		break;
	}
	return true;
}

static void host(struct quiz *z, const struct segment_spec *to)
{
	const uint16_t syn = to->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
	struct segment *s;
	if (to->bad_checksum)
		return;
	switch (z->ports[to->dst.port]) {
	case QUIZ_WRONG_ACK:
		if (syn != TCP_SYN)
			return;
		s = back(z, to, TCP_SYN | TCP_ACK, z->routers, WAY_NS);
		s->ack = seq_add(to->seq, 77);
		return;
	case QUIZ_BARE_RST:
		s = back(z, to, TCP_RST, z->routers, WAY_NS);
		return;
	case QUIZ_LATE:
		if (syn == TCP_SYN) {
			s = back(z, to, TCP_RST | TCP_ACK, z->routers, 1400 * MS);
			s->ack = seq_add(to->seq, 1);
		}
		return;
	case QUIZ_OPEN:
		listener(z, to, z->routers);
		return;
	case QUIZ_CLOSED:
	case QUIZ_DROP:
	case QUIZ_RST:
	case QUIZ_ICMP:
	case QUIZ_SYN_DROP:
		if ((to->flags & TCP_RST) == 0)
			reset(z, to, z->routers, true);
		return;
	}
}

static void travel(struct quiz *z, const struct segment_spec *to)
{
	uint8_t left = to->ttl;
	if (z->lose_every != 0 && z->log_count % z->lose_every == 0)
		return;
	for (unsigned hop = 1; hop <= z->routers; hop++) {
		if (left <= 1) {
			icmp(z, to, hop, ICMP_TIME_EXCEEDED, left, false);
			return;
		}
		left--;
		if (hop == z->filter_at && !pass(z, to, hop, left))
			return;
	}
	if (z->filter_at != 0 || pass(z, to, 0, left))
		host(z, to);
}

static void leave(struct quiz *z, const struct segment_spec *spec)
{
	uint8_t text[SIMLINK_TEXT_MAX];
	const struct segment s = simlink_segment(spec, text);
	assert_true(z->log_count < QUIZ_LOG_MAX);
	z->log[z->log_count].time_ns = z->now_ns;
	z->log[z->log_count].port = spec->dst.port;
	z->log[z->log_count].flags = spec->flags;
	z->log[z->log_count].local_port = spec->src.port;
	z->log[z->log_count++].ttl = spec->ttl;
	assert_true(battery_segment(&z->battery, &s, true, EPOCH_NS + z->now_ns, z->now_ns));
	travel(z, spec);
}

static void arrive(struct quiz *z, uint32_t i)
{
	struct pending p = pending[i];
	pending[i] = pending[--pending_count];
	if (p.is_icmp) {
		p.e.quoted_tcp = p.quoted;
		(void)battery_icmp(&z->battery, &p.e, EPOCH_NS + z->now_ns, z->now_ns);
	} else {
		(void)battery_segment(&z->battery, &p.s, false, EPOCH_NS + z->now_ns, z->now_ns);
	}
}

void quiz_init(struct quiz *z, const uint16_t *ports, uint32_t count, uint16_t control,
	       const char *plan)
{
	struct battery_config c = {
		.local = here,
		.remote = there,
		.ports = z->asked,
		.results = z->results,
		.heap = z->heap,
		.index = z->index,
		.seed = 99,
		.mss = 1460,
		.mtu_bytes = 1500,
		.silent_ns = 1000 * MS,
		.hops_max = 12,
		.rate = 100,
		.idle_ns = 5000 * MS,
	};
	memset(z, 0, sizeof *z);
	pending_count = 0;
	for (uint32_t i = 0; i < count; i++)
		z->asked[i].port = ports[i];
	if (control != 0)
		z->asked[count++] = (struct battery_port){.port = control, .control = true};
	c.ports_count = count;
	char name[32];
	for (const char *at = plan; *at != '\0';) {
		const size_t n = strcspn(at, ",");
		snprintf(name, sizeof name, "%.*s", (int)n, at);
		at += n + (at[n] == ',');
		const enum question q = question_find(name);
		assert_true(q < ASK_COUNT);
		c.local_port[q] = (uint16_t)(40000 + q);
		c.plan[c.plan_count++] = (uint8_t)q;
	}
	assert_true(battery_results_count(c.plan, c.plan_count, count) <=
		    sizeof z->results / sizeof z->results[0]);
	battery_init(&z->battery, &c, 0);
}

double quiz_run(struct quiz *z)
{
	struct segment_spec spec;
	for (;;) {
		while (battery_next(&z->battery, &spec, z->now_ns))
			leave(z, &spec);
		int64_t at = battery_deadline(&z->battery);
		uint32_t first = pending_count;
		for (uint32_t i = 0; i < pending_count; i++)
			if ((at < 0 || pending[i].at_ns <= at) &&
			    (first == pending_count || pending[i].at_ns < pending[first].at_ns))
				first = i;
		if (at < 0 && first == pending_count)
			return (double)z->now_ns / 1e9;
		if (first < pending_count) {
			z->now_ns =
				pending[first].at_ns > z->now_ns ? pending[first].at_ns : z->now_ns;
			arrive(z, first);
		} else if (at > z->now_ns) {
			z->now_ns = at;
		}
		assert_true(z->now_ns < 1000 * 1000 * MS);
	}
}

struct firewall_port quiz_judge(const struct quiz *z, uint32_t index,
				struct firewall_claims *claims)
{
	struct firewall_host h;
	struct firewall_port v;
	firewall_judge_host(&z->battery, &h);
	firewall_judge_port(&z->battery, &h, index, &v, claims);
	return v;
}

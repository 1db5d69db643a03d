#include "teller.h"

#include <stdlib.h>

const struct endpoint teller_client = {{IP_V4, {192, 0, 2, 1}}, 40000};
const struct endpoint teller_server = {{IP_V4, {192, 0, 2, 2}}, 80};

static const uint32_t isns[TELLER_ISNS_COUNT][2] = {
	{1000000, 5000000},       {0, 0}, {UINT32_MAX, UINT32_MAX}, {UINT32_MAX - 50, 1},
	{0x80000000, 0x7fffffff},
};

void teller_begin(struct teller *t, size_t pair)
{
	t->isn[SIDE_CLIENT] = isns[pair][0];
	t->isn[SIDE_SERVER] = isns[pair][1];
	t->now_ns = 1000 * TELLER_MS;
	flow_init(&t->f, 1, &teller_client, &teller_server, true, t->now_ns);
}

struct segment teller_segment(const struct teller *t, enum side from, const char *flags,
			      int64_t seq, int64_t ack, uint32_t bytes)
{
	struct segment s = {.window = 1000, .payload_bytes = bytes, .checksum = CHECKSUM_GOOD};
	if (!tcp_flags_parse(&s.flags, flags))
		abort(); /* the test is wrong */
	s.src = from == SIDE_CLIENT ? teller_client : teller_server;
	s.dst = from == SIDE_CLIENT ? teller_server : teller_client;
	s.ip.src = s.src.addr;
	s.ip.dst = s.dst.addr;
	s.seq = seq_of(t->isn[from] + (uint32_t)seq);
	s.ack = seq_of(t->isn[side_other(from)] + (uint32_t)ack);
	return s;
}

const struct flow_delta *teller_take(struct teller *t, enum side from, const struct segment *s)
{
	t->now_ns += TELLER_MS;
	flow_compare(&t->f, from, s, t->now_ns, &t->d);
	flow_take(&t->f, from, s, &t->d, t->now_ns);
	return &t->d;
}

const struct flow_delta *teller_tell(struct teller *t, enum side from, const char *flags,
				     int64_t seq, int64_t ack, uint32_t bytes)
{
	const struct segment s = teller_segment(t, from, flags, seq, ack, bytes);
	return teller_take(t, from, &s);
}

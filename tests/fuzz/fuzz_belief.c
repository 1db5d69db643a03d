/* Any segments, in any order, both ways: no assertion may fail, and the sets stay nested. */
#include "synscope/core/belief.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 6

/* Numbers near each side's ISN, so that they meet; sometimes far away. */
static seq_t number(uint32_t isn, uint8_t low, bool far)
{
	return seq_of(isn + (uint32_t)(int8_t)low + (far ? 0x70000000u : 0));
}

static struct segment segment_of(const uint8_t *record, bool out)
{
	static const uint16_t flags[] = {TCP_FIN, TCP_SYN, TCP_RST, TCP_ACK};
	const uint32_t mine = out ? 0xfffffff8u : 4;
	const uint32_t other = out ? 4 : 0xfffffff8u;
	struct segment s;
	memset(&s, 0, sizeof s);
	for (unsigned i = 0; i < 4; i++)
		if (record[0] & (2u << i))
			s.flags |= flags[i];
	s.seq = number(mine, record[1], (record[0] & 0x20) != 0);
	s.ack = number(other, record[2], (record[0] & 0x40) != 0);
	s.payload_bytes = record[3] % 16 * ((record[3] & 0x80) ? 1000u : 1u);
	s.window = (uint16_t)(record[4] * 257u);
	s.option.has_wscale = (record[5] & 1) != 0;
	s.option.wscale = record[5] >> 3;
	s.option.has_timestamps = (record[5] & 2) != 0;
	s.option.has_fastopen = (record[5] & 4) != 0;
	s.option.fastopen_bytes = 8;
	return s;
}

static void check(const struct belief *b, bool explained)
{
	struct end_view v;
	struct belief_evidence e;
	memset(&v, 0, sizeof v);
	belief_view(b, &v);
	belief_evidence(b, &e);
	if ((v.proven & ~v.loss) || (v.loss & ~v.orderly) || (v.orderly & ~v.possible))
		abort();
	if (v.possible == 0 ||
	    (v.certainty != CERTAINTY_UNKNOWN && !state_set_has(v.possible, v.state)))
		abort();
	if (v.certainty == CERTAINTY_PROVEN && v.proven != state_set(v.state))
		abort();
	if (explained && v.contradiction)
		abort();
	if (e.row >= (int)tcp_rules_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 1500)
		return 0;
	struct belief *b = malloc(belief_size());
	if (b == NULL)
		return 0;
	belief_init(b, (data[0] & 1) ? BELIEF_MIDSTREAM : BELIEF_FRESH);
	belief_assume_cookies(b, (data[0] & 2) != 0);
	belief_assume_gaps(b, (data[0] & 4) != 0);
	uint32_t n = 0;
	for (size_t at = 1; at + RECORD_BYTES <= size; at += RECORD_BYTES) {
		const bool out = (data[at] & 1) != 0;
		const struct segment s = segment_of(&data[at], out);
		bool explained = true;
		n++;
		if (out)
			belief_send(b, &s, n);
		else
			explained = belief_receive(b, &s, n);
		check(b, explained);
	}
	free(b);
	return 0;
}

#include "synscope/core/cookie.h"

#include <string.h>

#define TICK_NS INT64_C(64000000000)
#define TICK_SHIFT 27
#define CHOICE_SHIFT 24
#define HASH_MASK 0xffffffu
#define TICKS_MAX 1 /* a cookie is good in its own tick and in the next */

#define TS_OPTION_BITS 6
#define TS_OPTION_MASK ((1u << TS_OPTION_BITS) - 1)
#define TS_WSCALE_MASK 15u /* 15: no window scaling, since RFC 7323 section 2.3 ends at 14 */
#define TS_SACK 16u
#define TS_ECN 32u

/* Each the largest that fits what was offered: the defaults of both families (RFC 9293
 * section 3.7.1), DSL, Ethernet with and without tunnels, jumbo frames, loopback. */
static const uint16_t choices_v4[8] = {48, 536, 1200, 1360, 1440, 1460, 8960, 65495};
static const uint16_t choices_v6[8] = {48, 536, 1220, 1360, 1420, 1440, 8940, 65475};

/* --- SipHash --------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static uint64_t le_word(const uint8_t *data, size_t count)
{
	uint64_t word = 0;
	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)data[i] << (8 * i);
	return word;
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t cookie_hash(const struct cookie_key *key, const void *data, size_t count)
{
	/* "somepseudorandomlygeneratedbytes" */
	uint64_t v[4] = {
		key->word[0] ^ UINT64_C(0x736f6d6570736575),
		key->word[1] ^ UINT64_C(0x646f72616e646f6d),
		key->word[0] ^ UINT64_C(0x6c7967656e657261),
		key->word[1] ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *at = data;
	size_t left = count;
	for (; left >= 8; left -= 8, at += 8)
		sip_word(v, le_word(at, 8));
	sip_word(v, le_word(at, left) | (uint64_t)count << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- numbers --------------------------------------------------------------------------- */

#define HASHED_BYTES (2 * (1 + 16 + 2) + 4 + 4 + 1 + 1)

static uint8_t *put_bytes(uint8_t *at, uint64_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint8_t *put_endpoint(uint8_t *at, const struct endpoint *e)
{
	*at++ = e->addr.family;
	memcpy(at, e->addr.bytes, sizeof e->addr.bytes);
	return put_bytes(at + sizeof e->addr.bytes, e->port, 2);
}

/* One hash for both purposes; the last byte keeps them apart. */
static uint64_t hash_of(const struct cookie_key *key, const struct endpoint *local,
			const struct endpoint *remote, seq_t irs, uint32_t tick_choice, bool cookie)
{
	uint8_t bytes[HASHED_BYTES];
	uint8_t *at = put_endpoint(bytes, local);
	at = put_endpoint(at, remote);
	at = put_bytes(at, irs.raw, 4);
	at = put_bytes(at, tick_choice, 5);
	*at++ = cookie;
	return cookie_hash(key, bytes, (size_t)(at - bytes));
}

seq_t cookie_isn(const struct cookie_key *key, const struct endpoint *local,
		 const struct endpoint *remote, int64_t now_ns)
{
	const uint32_t clock = (uint32_t)((uint64_t)now_ns / 4000);
	return seq_of(clock + (uint32_t)hash_of(key, local, remote, seq_of(0), 0, false));
}

static const uint16_t *choices_of(const struct endpoint *e)
{
	return e->addr.family == IP_V6 ? choices_v6 : choices_v4;
}

/* Without the option it is the default of RFC 9293 section 3.7.1. */
static uint32_t choose(const struct segment *syn)
{
	const uint16_t *choices = choices_of(&syn->src);
	const uint16_t fallback = syn->src.addr.family == IP_V6 ? 1220 : 536;
	const uint16_t offered = syn->option.has_mss ? syn->option.mss : fallback;
	uint32_t choice = 7;
	while (choice > 0 && choices[choice] > offered)
		choice--;
	return choice;
}

static seq_t compose(const struct cookie_key *key, const struct endpoint *local,
		     const struct endpoint *remote, seq_t irs, uint32_t tick, uint32_t choice)
{
	const uint32_t high = (tick & 31) << TICK_SHIFT | choice << CHOICE_SHIFT;
	const uint64_t hash = hash_of(key, local, remote, irs, tick << 3 | choice, true);
	return seq_of(high | ((uint32_t)hash & HASH_MASK));
}

static uint32_t tick_of(int64_t now_ns)
{
	return (uint32_t)((uint64_t)now_ns / (uint64_t)TICK_NS);
}

seq_t cookie_make(const struct cookie_key *key, const struct segment *syn, int64_t now_ns)
{
	return compose(key, &syn->dst, &syn->src, syn->seq, tick_of(now_ns), choose(syn));
}

uint32_t cookie_timestamp(uint32_t ts_value, const struct segment *syn)
{
	const uint16_t ecn = TCP_ECE | TCP_CWR;
	uint32_t bits = TS_WSCALE_MASK;
	if (syn->option.has_wscale)
		bits = syn->option.wscale < 14 ? syn->option.wscale : 14;
	bits |= syn->option.sack_permitted ? TS_SACK : 0;
	bits |= (syn->flags & ecn) == ecn ? TS_ECN : 0;
	const uint32_t ts = (ts_value & ~TS_OPTION_MASK) | bits;
	/* Never ahead of the clock, or the connection's next time stamp would go back. */
	return (int32_t)(ts - ts_value) > 0 ? ts - (1u << TS_OPTION_BITS) : ts;
}

/* What the SYN offered, from our own time stamp in the echo. */
static void recall_options(const struct segment *ack, struct segment *syn)
{
	const uint32_t bits = ack->option.ts_echo & TS_OPTION_MASK;
	if (!ack->option.has_timestamps)
		return;
	syn->option.has_timestamps = true;
	syn->option.ts_value = ack->option.ts_value;
	syn->option.has_wscale = (bits & TS_WSCALE_MASK) != TS_WSCALE_MASK;
	syn->option.wscale = syn->option.has_wscale ? (uint8_t)(bits & TS_WSCALE_MASK) : 0;
	syn->option.sack_permitted = (bits & TS_SACK) != 0;
	if (bits & TS_ECN)
		syn->flags |= TCP_ECE | TCP_CWR;
}

bool cookie_check(const struct cookie_key *key, const struct segment *ack, int64_t now_ns,
		  struct segment *syn)
{
	if ((ack->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return false;
	const seq_t cookie = seq_sub(ack->ack, 1);
	const seq_t irs = seq_sub(ack->seq, 1);
	const uint32_t choice = cookie.raw >> CHOICE_SHIFT & 7;
	const uint32_t now = tick_of(now_ns);
	const uint32_t age = (now - (cookie.raw >> TICK_SHIFT)) & 31;
	if (age > TICKS_MAX || age > now ||
	    !seq_eq(cookie, compose(key, &ack->dst, &ack->src, irs, now - age, choice)))
		return false;
	*syn = (struct segment){
		.ip = ack->ip,
		.src = ack->src,
		.dst = ack->dst,
		.seq = irs,
		.flags = TCP_SYN,
		.window = ack->window,
		.checksum = ack->checksum,
		.header_bytes = 20,
		.option = {.has_mss = true, .mss = choices_of(&ack->src)[choice]},
	};
	recall_options(ack, syn);
	return true;
}

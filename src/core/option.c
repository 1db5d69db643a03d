#include "synscope/core/option.h"

#include "synscope/core/bytes.h"
#include "synscope/core/util.h"

#include <string.h>

struct option_cursor option_begin(const uint8_t *options, size_t count)
{
	if (count == 0) /* NULL + 0 is undefined in C11 */
		return (struct option_cursor){options, options};
	return (struct option_cursor){options, options + count};
}

enum option_status option_next(struct option_cursor *c, struct option *o)
{
	const uint8_t *at = c->at;
	const size_t left = (size_t)(c->end - at);
	if (left == 0)
		return OPTION_END;
	if (at[0] == OPT_EOL || at[0] == OPT_NOP) {
		*o = (struct option){.kind = at[0], .length_bytes = 1};
		c->at = at[0] == OPT_EOL ? c->end : at + 1;
		return OPTION_OK;
	}
	if (left < 2 || at[1] > left) {
		c->at = c->end;
		return OPTION_OVERRUN;
	}
	if (at[1] < 2) {
		c->at = c->end;
		return OPTION_BAD_LENGTH;
	}
	o->kind = at[0];
	o->length_bytes = at[1];
	o->body_bytes = (uint8_t)(at[1] - 2);
	o->body = o->body_bytes > 0 ? at + 2 : NULL;
	c->at = at + at[1];
	return OPTION_OK;
}

/* The names are part of the JSON vocabulary; kinds that are not here are "unknown". */
const char *option_kind_name(uint8_t kind)
{
	static const struct {
		uint8_t kind;
		const char *name;
	} names[] = {
		{OPT_EOL, "eol"},
		{OPT_NOP, "nop"},
		{OPT_MSS, "mss"},
		{OPT_WSCALE, "wscale"},
		{OPT_SACK_PERMITTED, "sack_permitted"},
		{OPT_SACK, "sack"},
		{OPT_TIMESTAMPS, "timestamps"},
		{OPT_MD5, "md5"},
		{OPT_USER_TIMEOUT, "user_timeout"},
		{OPT_AO, "ao"},
		{OPT_MPTCP, "mptcp"},
		{OPT_FASTOPEN, "fastopen"},
		{OPT_ENCRYPTION, "encryption"},
		{OPT_ACCECN0, "accecn"},
		{OPT_ACCECN1, "accecn"},
		{OPT_EXPERIMENT1, "experiment"},
		{OPT_EXPERIMENT2, "experiment"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (names[i].kind == kind)
			return names[i].name;
	}
	return "unknown";
}

/* Note that a kind was seen. @return whether its body is to be read: the
 * length is right for the kind, and it is the first of its kind. */
static bool accept(struct option_set *set, bool *seen, bool length_is_right)
{
	const bool accepted = length_is_right && !*seen;
	if (accepted)
		*seen = true;
	else
		set->malformed = true;
	return accepted;
}

static void decode_sack(struct option_set *set, const struct option *o, struct bytes *body)
{
	bool seen = set->sack_count > 0;
	const uint8_t count = o->body_bytes / 8;
	if (!accept(set, &seen, count >= 1 && o->body_bytes % 8 == 0))
		return;
	set->sack_count = count; /* 4 at most: 40 bytes hold no fifth (RFC 2018 section 3) */
	for (uint8_t i = 0; i < count; i++) {
		set->sack[i].left = bytes_be32(body);
		set->sack[i].right = bytes_be32(body);
	}
}

static void decode_timestamps(struct option_set *set, const struct option *o, struct bytes *body)
{
	if (!accept(set, &set->has_timestamps, o->body_bytes == 8))
		return;
	set->ts_value = bytes_be32(body);
	set->ts_echo = bytes_be32(body);
}

/* RFC 7413 section 4.1.1: no cookie, or an even number of bytes from 4 to 16. */
static void decode_fastopen(struct option_set *set, uint8_t cookie_bytes, bool experimental)
{
	const bool right = cookie_bytes == 0 ||
			   (cookie_bytes >= 4 && cookie_bytes <= 16 && cookie_bytes % 2 == 0);
	if (!accept(set, &set->has_fastopen, right))
		return;
	set->fastopen_bytes = cookie_bytes;
	set->fastopen_experimental = experimental;
}

static void decode_experiment(struct option_set *set, const struct option *o, struct bytes *body)
{
	if (o->body_bytes >= 2 && bytes_be16(body) == OPTION_FASTOPEN_EXID)
		decode_fastopen(set, (uint8_t)(o->body_bytes - 2), true);
	else
		set->has_unknown = true;
}

/* RFC 8684 section 3: several MPTCP options with different subtypes may share a
 * segment, so a second one is no error; the first names the subtype. */
static void decode_mptcp(struct option_set *set, const struct option *o, struct bytes *body)
{
	if (o->body_bytes < 1) {
		set->malformed = true;
	} else if (!set->has_mptcp) {
		set->has_mptcp = true;
		set->mptcp_subtype = bytes_u8(body) >> 4;
	}
}

static void decode_one(struct option_set *set, const struct option *o)
{
	struct bytes body = bytes_of(o->body, o->body_bytes);
	switch (o->kind) {
	case OPT_EOL:
	case OPT_NOP:
	case OPT_ENCRYPTION: /* known, but nothing of it is kept */
		break;
	case OPT_MSS:
		if (accept(set, &set->has_mss, o->body_bytes == 2))
			set->mss = bytes_be16(&body);
		break;
	case OPT_WSCALE:
		if (accept(set, &set->has_wscale, o->body_bytes == 1))
			set->wscale = bytes_u8(&body);
		break;
	case OPT_SACK_PERMITTED:
		accept(set, &set->sack_permitted, o->body_bytes == 0);
		break;
	case OPT_SACK:
		decode_sack(set, o, &body);
		break;
	case OPT_TIMESTAMPS:
		decode_timestamps(set, o, &body);
		break;
	case OPT_MD5:
		accept(set, &set->has_md5, o->body_bytes == 16);
		break;
	case OPT_USER_TIMEOUT:
		if (accept(set, &set->has_user_timeout, o->body_bytes == 2))
			set->user_timeout = bytes_be16(&body);
		break;
	case OPT_AO: /* RFC 5925 section 2.2: KeyID and RNextKeyID at least */
		accept(set, &set->has_ao, o->body_bytes >= 2);
		break;
	case OPT_MPTCP:
		decode_mptcp(set, o, &body);
		break;
	case OPT_FASTOPEN:
		decode_fastopen(set, o->body_bytes, false);
		break;
	case OPT_ACCECN0: /* RFC 9768 section 3.2.3: none to three counters of 3 bytes */
	case OPT_ACCECN1:
		accept(set, &set->has_accecn, o->body_bytes % 3 == 0 && o->body_bytes <= 9);
		break;
	case OPT_EXPERIMENT1:
	case OPT_EXPERIMENT2:
		decode_experiment(set, o, &body);
		break;
	default:
		set->has_unknown = true;
		break;
	}
}

void option_decode(struct option_set *set, const uint8_t *options, size_t count)
{
	memset(set, 0, sizeof(*set));
	struct option_cursor cursor = option_begin(options, count);
	struct option o;
	enum option_status status;
	while ((status = option_next(&cursor, &o)) == OPTION_OK)
		decode_one(set, &o);
	if (status != OPTION_END)
		set->malformed = true;
}

static size_t put(uint8_t *out, size_t used, uint32_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[used + i] = (uint8_t)(value >> 8 * (count - 1 - i));
	return used + count;
}

static size_t put_kind(uint8_t *out, size_t used, uint8_t kind, uint8_t length_bytes)
{
	out[used] = kind;
	out[used + 1] = length_bytes;
	return used + 2;
}

static size_t put_nops(uint8_t *out, size_t used, size_t count)
{
	memset(out + used, OPT_NOP, count);
	return used + count;
}

/* Two bytes go before an option of 10: SACK-permitted when there is one, as Linux does. */
static size_t put_timestamps(const struct option_set *set, uint8_t *out, size_t used)
{
	if (set->has_timestamps) {
		if (set->sack_permitted)
			used = put_kind(out, used, OPT_SACK_PERMITTED, 2);
		else
			used = put_nops(out, used, 2);
		used = put_kind(out, used, OPT_TIMESTAMPS, 10);
		used = put(out, used, set->ts_value, 4);
		return put(out, used, set->ts_echo, 4);
	}
	if (set->sack_permitted) {
		used = put_nops(out, used, 2);
		used = put_kind(out, used, OPT_SACK_PERMITTED, 2);
	}
	return used;
}

static size_t put_mss(const struct option_set *set, uint8_t *out, size_t used)
{
	if (!set->has_mss)
		return used;
	used = put_kind(out, used, OPT_MSS, 4);
	return put(out, used, set->mss, 2);
}

static size_t put_wscale(const struct option_set *set, uint8_t *out, size_t used)
{
	if (!set->has_wscale)
		return used;
	used = put_nops(out, used, 1);
	used = put_kind(out, used, OPT_WSCALE, 3);
	return put(out, used, set->wscale, 1);
}

static size_t put_sack(const struct option_set *set, uint8_t *out, size_t used)
{
	size_t count = set->sack_count < SACK_BLOCKS_MAX ? set->sack_count : SACK_BLOCKS_MAX;
	while (count > 0 && used + 4 + 8 * count > OPTION_BYTES_MAX)
		count--;
	if (count == 0)
		return used;
	used = put_nops(out, used, 2);
	used = put_kind(out, used, OPT_SACK, (uint8_t)(2 + 8 * count));
	for (size_t i = 0; i < count; i++) {
		used = put(out, used, set->sack[i].left, 4);
		used = put(out, used, set->sack[i].right, 4);
	}
	return used;
}

/* The request for a cookie; a cookie itself is not in the set. */
static size_t put_fastopen(const struct option_set *set, uint8_t *out, size_t used)
{
	if (!set->has_fastopen || set->fastopen_bytes != 0)
		return used;
	if (set->fastopen_experimental) {
		used = put_kind(out, used, OPT_EXPERIMENT2, 4);
		return put(out, used, OPTION_FASTOPEN_EXID, 2);
	}
	used = put_kind(out, used, OPT_FASTOPEN, 2);
	return put_nops(out, used, 2);
}

static size_t put_user_timeout(const struct option_set *set, uint8_t *out, size_t used)
{
	if (!set->has_user_timeout)
		return used;
	used = put_kind(out, used, OPT_USER_TIMEOUT, 4);
	return put(out, used, set->user_timeout, 2);
}

size_t option_encode(const struct option_set *set, bool syn, uint8_t *out)
{
	/* Each step writes a multiple of 4: all but SACK come to 28 bytes at most. */
	size_t used = 0;
	if (!syn) {
		used = put_timestamps(set, out, used);
		used = put_mss(set, out, used);
		used = put_wscale(set, out, used);
	} else {
		used = put_mss(set, out, used);
		used = put_timestamps(set, out, used);
		used = put_wscale(set, out, used);
	}
	used = put_fastopen(set, out, used);
	used = put_user_timeout(set, out, used);
	return put_sack(set, out, used);
}

/* Options: any bytes decode; what is encoded from them decodes to the same again. */
#include "synscope/core/option.h"

#include <stdlib.h>
#include <string.h>

static void check(bool held)
{
	if (!held)
		abort();
}

/* Walk, and hold every promise of option_next(). */
static void walk(const uint8_t *data, size_t count)
{
	struct option_cursor cursor = option_begin(data, count);
	const uint8_t *expected = data;
	struct option o;
	enum option_status status;
	while ((status = option_next(&cursor, &o)) == OPTION_OK) {
		check(o.length_bytes >= 1 && expected + o.length_bytes <= data + count);
		check(*expected == o.kind);
		check(o.body_bytes == 0 ? o.body == NULL : o.body == expected + 2);
		check(o.body_bytes == (o.length_bytes < 2 ? 0 : o.length_bytes - 2));
		check(option_kind_name(o.kind)[0] != '\0');
		expected += o.length_bytes;
	}
	check(option_next(&cursor, &o) == OPTION_END);
}

static bool same_blocks(const struct option_set *a, const struct option_set *b)
{
	for (uint8_t i = 0; i < b->sack_count; i++) {
		if (a->sack[i].left != b->sack[i].left || a->sack[i].right != b->sack[i].right)
			return false;
	}
	return true;
}

/* What can be encoded must come back; SACK blocks may have been left out for room. */
static void round_trip(const struct option_set *set, bool syn)
{
	uint8_t out[OPTION_BYTES_MAX];
	const size_t count = option_encode(set, syn, out);
	check(count <= OPTION_BYTES_MAX && count % 4 == 0);
	struct option_set back;
	option_decode(&back, out, count);
	check(!back.malformed && !back.has_unknown);
	check(back.has_mss == set->has_mss && back.mss == set->mss);
	check(back.has_wscale == set->has_wscale && back.wscale == set->wscale);
	check(back.sack_permitted == set->sack_permitted);
	check(back.has_timestamps == set->has_timestamps && back.ts_value == set->ts_value &&
	      back.ts_echo == set->ts_echo);
	check(back.has_user_timeout == set->has_user_timeout &&
	      back.user_timeout == set->user_timeout);
	check(back.has_fastopen == (set->has_fastopen && set->fastopen_bytes == 0));
	check(back.sack_count <= set->sack_count && same_blocks(set, &back));
	uint8_t again[OPTION_BYTES_MAX];
	check(option_encode(&back, syn, again) == count && memcmp(out, again, count) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > OPTION_BYTES_MAX)
		return -1;
	walk(data, size);
	struct option_set set;
	option_decode(&set, data, size);
	check(set.sack_count <= SACK_BLOCKS_MAX);
	round_trip(&set, true);
	round_trip(&set, false);
	return 0;
}

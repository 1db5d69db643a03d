#include "synscope/core/bytes.h"

uint64_t bytes_be64(struct bytes *b)
{
	if (bytes_left(b) < 8) {
		bytes_skip(b, 8);
		return 0;
	}
	const uint64_t high = bytes_be32(b);
	return high << 32 | bytes_be32(b);
}

uint16_t bytes_le16(struct bytes *b)
{
	return __builtin_bswap16(bytes_be16(b));
}

uint32_t bytes_le32(struct bytes *b)
{
	return __builtin_bswap32(bytes_be32(b));
}

struct bytes bytes_take(struct bytes *b, size_t count)
{
	const uint8_t *from = bytes_skip(b, count);
	if (!bytes_ok(b))
		return (struct bytes){b->end, b->end, true};
	return bytes_of(from, count);
}

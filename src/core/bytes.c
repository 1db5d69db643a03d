#include "synscope/core/bytes.h"

#include <string.h>

struct bytes bytes_of(const uint8_t *data, size_t count)
{
	if (count == 0) /* NULL + 0 is undefined in C11 */
		return (struct bytes){data, data, false};
	return (struct bytes){data, data + count, false};
}

bool bytes_ok(const struct bytes *b)
{
	return !b->poisoned;
}

size_t bytes_left(const struct bytes *b)
{
	return b->poisoned ? 0 : (size_t)(b->end - b->at);
}

const uint8_t *bytes_skip(struct bytes *b, size_t count)
{
	if (bytes_left(b) < count) {
		b->poisoned = true;
		return NULL;
	}
	const uint8_t *began = b->at;
	if (count > 0)
		b->at += count;
	return began;
}

uint8_t bytes_u8(struct bytes *b)
{
	const uint8_t *p = bytes_skip(b, 1);
	return p ? p[0] : 0;
}

uint16_t bytes_be16(struct bytes *b)
{
	const uint8_t *p = bytes_skip(b, 2);
	if (!p)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t bytes_be32(struct bytes *b)
{
	const uint8_t *p = bytes_skip(b, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t bytes_be64(struct bytes *b)
{
	if (bytes_left(b) < 8) {
		b->poisoned = true;
		return 0;
	}
	const uint64_t high = bytes_be32(b);
	return high << 32 | bytes_be32(b);
}

uint16_t bytes_le16(struct bytes *b)
{
	const uint8_t *p = bytes_skip(b, 2);
	if (!p)
		return 0;
	return (uint16_t)(p[1] << 8 | p[0]);
}

uint32_t bytes_le32(struct bytes *b)
{
	const uint8_t *p = bytes_skip(b, 4);
	return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

void bytes_copy(struct bytes *b, void *to, size_t count)
{
	const uint8_t *from = bytes_skip(b, count);
	if (count == 0)
		return;
	if (from)
		memcpy(to, from, count);
	else
		memset(to, 0, count);
}

struct bytes bytes_take(struct bytes *b, size_t count)
{
	const uint8_t *from = bytes_skip(b, count);
	if (b->poisoned)
		return (struct bytes){b->end, b->end, true};
	return bytes_of(from, count);
}

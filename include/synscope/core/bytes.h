/*
 * A checked cursor over received memory.
 *
 * Every byte of a packet is read through this and never through a cast to a
 * header structure. A read past the end returns 0 and poisons the cursor; a
 * decoder reads a whole header and then asks bytes_ok() once.
 */
#ifndef SYNSCOPE_CORE_BYTES_H
#define SYNSCOPE_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *at;  /* next byte to read; borrowed */
	const uint8_t *end; /* one past the last readable byte */
	bool poisoned;      /* a read went past the end */
};

/** Start reading @p count bytes at @p data (which may be NULL if count is 0). */
struct bytes bytes_of(const uint8_t *data, size_t count);

/** @return whether every read so far was inside the memory. */
bool bytes_ok(const struct bytes *b);

/** @return how many bytes are left; 0 when poisoned. */
size_t bytes_left(const struct bytes *b);

/** Read one byte, or 16 or 32 bits in network byte order, and move past them. */
uint8_t bytes_u8(struct bytes *b);
uint16_t bytes_be16(struct bytes *b);
uint32_t bytes_be32(struct bytes *b);
uint64_t bytes_be64(struct bytes *b);
/** The same for little-endian file formats. */
uint16_t bytes_le16(struct bytes *b);
uint32_t bytes_le32(struct bytes *b);

/**
 * Move past @p count bytes.
 * @return where they began, or NULL (and poisoned) if fewer are left
 */
const uint8_t *bytes_skip(struct bytes *b, size_t count);

/** Copy @p count bytes to @p to; zeroes (and poisoned) if fewer are left. */
void bytes_copy(struct bytes *b, void *to, size_t count);

/**
 * Cut off the next @p count bytes as a cursor of their own, and move past them.
 * If fewer are left both cursors are poisoned.
 */
struct bytes bytes_take(struct bytes *b, size_t count);

#endif

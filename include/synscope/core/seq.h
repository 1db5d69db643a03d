/*
 * Sequence numbers, and their arithmetic modulo 2^32 (RFC 9293 section 3.4).
 *
 * A sequence number is a structure so that `a < b`, which is wrong at the wrap,
 * does not compile. 0 is a number like any other, never "unset".
 */
#ifndef SYNSCOPE_CORE_SEQ_H
#define SYNSCOPE_CORE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint32_t raw; /* the 32-bit field of the header, host order */
} seq_t;

/** @return the sequence number whose field is @p raw. */
static inline seq_t seq_of(uint32_t raw)
{
	return (seq_t){raw};
}

/** @return @p s moved on by @p count numbers, modulo 2^32. */
static inline seq_t seq_add(seq_t s, uint32_t count)
{
	return (seq_t){s.raw + count};
}

static inline seq_t seq_sub(seq_t s, uint32_t count)
{
	return (seq_t){s.raw - count};
}

/** @return how far @p a is after @p b, -2^31 to 2^31-1; negative if before. */
static inline int32_t seq_diff(seq_t a, seq_t b)
{
	return (int32_t)(a.raw - b.raw);
}

/** @return the offset of @p s from @p isn, modulo 2^32 (a "rel" number). */
static inline uint32_t seq_rel(seq_t s, seq_t isn)
{
	return s.raw - isn.raw;
}

static inline bool seq_eq(seq_t a, seq_t b)
{
	return a.raw == b.raw;
}

static inline bool seq_lt(seq_t a, seq_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_le(seq_t a, seq_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(seq_t a, seq_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_ge(seq_t a, seq_t b)
{
	return seq_diff(a, b) >= 0;
}

static inline seq_t seq_max(seq_t a, seq_t b)
{
	return seq_lt(a, b) ? b : a;
}

static inline seq_t seq_min(seq_t a, seq_t b)
{
	return seq_lt(a, b) ? a : b;
}

/** @return whether @p s is one of the @p count numbers from @p first on. */
static inline bool seq_within(seq_t s, seq_t first, uint32_t count)
{
	return s.raw - first.raw < count;
}

#endif

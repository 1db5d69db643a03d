#include "synscope/core/checksum.h"

#include <string.h>

/* Fold to 16 bits what is still in the machine's byte order. */
static uint16_t fold_words(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	return checksum_fold((uint32_t)sum);
}

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t count)
{
	/*
	 * The sum does not depend on byte order (RFC 1071 section 2 (B)), so words
	 * are added as the machine has them, eight bytes at a time, and only the
	 * result is turned. 64-bit sums of 32-bit halves cannot overflow below
	 * 2^32 steps, so that packets above 64 KB (segmentation offload) are safe.
	 */
	uint64_t low = 0;
	uint64_t high = 0;
	for (; count >= 8; data += 8, count -= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		low += word & UINT32_MAX;
		high += word >> 32;
	}
	if (count >= 4) {
		uint32_t word;
		memcpy(&word, data, 4);
		low += word;
		data += 4;
		count -= 4;
	}
	const uint16_t words = fold_words(low + high);
	uint8_t turned[2];
	memcpy(turned, &words, 2);
	sum += (uint32_t)(turned[0] << 8 | turned[1]);
	if (count >= 2)
		sum += (uint32_t)(data[0] << 8 | data[1]);
	if (count % 2 == 1) /* the last byte is the first of a word whose second is 0 */
		sum += (uint32_t)(data[count - 1] << 8);
	return sum;
}

uint32_t checksum_add_pseudo(uint32_t sum, const struct ip_addr *src, const struct ip_addr *dst,
			     uint8_t protocol, uint32_t length_bytes)
{
	sum = checksum_add(sum, src->bytes, ip_addr_bytes(src));
	sum = checksum_add(sum, dst->bytes, ip_addr_bytes(dst));
	return sum + (length_bytes >> 16) + (length_bytes & 0xffff) + protocol;
}

uint16_t checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

enum checksum_state checksum_judge(const struct ip_addr *src, const struct ip_addr *dst,
				   uint8_t protocol, const uint8_t *data, size_t count,
				   uint16_t field)
{
	const uint32_t pseudo = checksum_add_pseudo(0, src, dst, protocol, (uint32_t)count);
	if (checksum_fold(checksum_add(pseudo, data, count)) == 0xffff)
		return CHECKSUM_GOOD;
	return field == checksum_fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_BAD;
}

const char *checksum_state_name(enum checksum_state s)
{
	switch (s) {
	case CHECKSUM_UNKNOWN:
		return "unknown";
	case CHECKSUM_GOOD:
		return "good";
	case CHECKSUM_PARTIAL:
		return "partial";
	case CHECKSUM_BAD:
		return "bad";
	}
	return "unknown";
}

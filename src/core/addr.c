#include "synscope/core/addr.h"

#include <assert.h>
#include <string.h>

struct ip_addr ip_addr_v4(const uint8_t bytes[4])
{
	struct ip_addr a = {.family = IP_V4};
	memcpy(a.bytes, bytes, 4);
	return a;
}

struct ip_addr ip_addr_v6(const uint8_t bytes[16])
{
	struct ip_addr a = {.family = IP_V6};
	memcpy(a.bytes, bytes, 16);
	return a;
}

size_t ip_addr_bytes(const struct ip_addr *a)
{
	return a->family == IP_V4 ? 4 : a->family == IP_V6 ? 16 : 0;
}

int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_addr_bytes(a));
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_compare(a, b) == 0;
}

bool ip_addr_is_unspecified(const struct ip_addr *a)
{
	static const uint8_t zeroes[16];
	return a->family != IP_NONE && memcmp(a->bytes, zeroes, sizeof zeroes) == 0;
}

bool ip_addr_is_loopback(const struct ip_addr *a)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};
	if (a->family == IP_V4)
		return a->bytes[0] == 127;
	return a->family == IP_V6 && memcmp(a->bytes, v6_loopback, 16) == 0;
}

bool ip_addr_is_link_local(const struct ip_addr *a)
{
	return a->family == IP_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	if (a->family == IP_V4)
		return (a->bytes[0] & 0xf0) == 0xe0 || memcmp(a->bytes, broadcast, 4) == 0;
	return a->family == IP_V6 && a->bytes[0] == 0xff;
}

/* Write a number without leading zeros; @return after it. Formatting is on the
 * path of every printed segment, where snprintf costs more than all the rest. */
static char *put_decimal(char *out, uint32_t value)
{
	char digits[10];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}

static char *put_hex(char *out, uint16_t value)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;
	while (shift > 0 && value >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*out++ = digits[value >> shift & 0xf];
	return out;
}

static char *put_v4(char *out, const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*out++ = '.';
		out = put_decimal(out, bytes[i]);
	}
	return out;
}

struct zero_run {
	int first;
	int count;
};

/* The run of zero groups that "::" stands for: the longest, the first of equals,
 * never a single group (RFC 5952 sections 4.2.2 and 4.2.3). */
static struct zero_run find_zero_run(const uint16_t *groups, int groups_count)
{
	struct zero_run best = {-1, 1};
	struct zero_run run = {0, 0};
	for (int i = 0; i < groups_count; i++) {
		if (groups[i] != 0) {
			run.count = 0;
			continue;
		}
		if (run.count++ == 0)
			run.first = i;
		if (run.count > best.count)
			best = run;
	}
	return best;
}

static char *put_v6(char *out, const uint8_t *bytes)
{
	static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
	const bool mapped = memcmp(bytes, mapped_prefix, 12) == 0; /* RFC 5952 section 5 */
	const int groups_count = mapped ? 6 : 8;
	uint16_t groups[8] = {0};
	for (int i = 0; i < groups_count; i++)
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	const struct zero_run zeros = find_zero_run(groups, groups_count);
	for (int i = 0; i < groups_count; i++) {
		if (i == zeros.first) {
			*out++ = ':';
			*out++ = ':';
			i += zeros.count - 1;
			continue;
		}
		if (i > 0 && i != zeros.first + zeros.count)
			*out++ = ':';
		out = put_hex(out, groups[i]);
	}
	if (mapped) {
		*out++ = ':';
		out = put_v4(out, bytes + 12);
	}
	return out;
}

static char *put_addr(char *out, const struct ip_addr *a)
{
	if (a->family == IP_V4)
		return put_v4(out, a->bytes);
	if (a->family == IP_V6)
		return put_v6(out, a->bytes);
	*out++ = '-';
	return out;
}

char *ip_addr_format(const struct ip_addr *a, char *text, size_t text_bytes)
{
	assert(text_bytes >= IP_ADDR_TEXT_MAX);
	*put_addr(text, a) = '\0';
	return text;
}

/* Read 1 to 3 digits up to 255; a leading zero is refused, since some readers take it for octal. */
static bool get_octet(const char **text, uint8_t *octet)
{
	const char *p = *text;
	uint32_t value = 0;
	size_t count = 0;
	for (; *p >= '0' && *p <= '9' && count < 3; p++, count++)
		value = value * 10 + (uint32_t)(*p - '0');
	if (count == 0 || value > 255 || (count > 1 && **text == '0'))
		return false;
	*octet = (uint8_t)value;
	*text = p;
	return true;
}

/* Read a dotted quad that ends the text. */
static bool get_v4(const char *text, uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0 && *text++ != '.')
			return false;
		if (!get_octet(&text, &bytes[i]))
			return false;
	}
	return *text == '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool get_group(const char **text, uint8_t *bytes)
{
	const char *p = *text;
	uint32_t value = 0;
	for (; p - *text < 4 && hex_value(*p) >= 0; p++)
		value = value << 4 | (uint32_t)hex_value(*p);
	if (p == *text)
		return false;
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
	*text = p;
	return true;
}

/* Put what stood after "::" at the end, and zeros between. */
static bool spread_gap(uint8_t *bytes, int used, int gap)
{
	if (gap < 0)
		return used == 16;
	if (used > 14) /* "::" stands for one group at least */
		return false;
	memmove(bytes + 16 - (used - gap), bytes + gap, (size_t)(used - gap));
	memset(bytes + gap, 0, (size_t)(16 - used));
	return true;
}

/* RFC 4291 section 2.2, forms 1 to 3. */
static bool get_v6(const char *text, uint8_t *bytes)
{
	int used = 0;
	int gap = -1; /* where "::" stood, in bytes */
	if (text[0] == ':') {
		if (text[1] != ':')
			return false;
		gap = 0;
		text += 2;
	}
	while (*text != '\0') {
		if (used <= 12 && get_v4(text, bytes + used))
			return spread_gap(bytes, used + 4, gap);
		if (used == 16 || !get_group(&text, bytes + used))
			return false;
		used += 2;
		if (*text == '\0')
			break;
		if (*text++ != ':' || *text == '\0')
			return false;
		if (*text == ':') {
			if (gap >= 0)
				return false;
			gap = used;
			text++;
		}
	}
	return spread_gap(bytes, used, gap);
}

bool ip_addr_parse(struct ip_addr *a, const char *text)
{
	struct ip_addr parsed = {.family = IP_V4};
	if (!get_v4(text, parsed.bytes)) {
		parsed = (struct ip_addr){.family = IP_V6};
		if (!get_v6(text, parsed.bytes))
			return false;
	}
	*a = parsed;
	return true;
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
	const int order = ip_addr_compare(&a->addr, &b->addr);
	return order != 0 ? order : (int)a->port - (int)b->port;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

char *endpoint_format(const struct endpoint *e, char *text, size_t text_bytes)
{
	assert(text_bytes >= ENDPOINT_TEXT_MAX);
	char *out = text;
	if (e->addr.family == IP_V6)
		*out++ = '[';
	out = put_addr(out, &e->addr);
	if (e->addr.family == IP_V6)
		*out++ = ']';
	*out++ = ':';
	out = put_decimal(out, e->port);
	*out = '\0';
	return text;
}

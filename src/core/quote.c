#include "synscope/core/quote.h"

#include "synscope/core/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TCP_BYTES_MIN = 20, OPTIONS_AT = 20 };

uint16_t option_bits(const struct option_set *set)
{
	return (uint16_t)((set->has_mss ? OPTION_BIT_MSS : 0) |
			  (set->has_wscale ? OPTION_BIT_WSCALE : 0) |
			  (set->sack_permitted ? OPTION_BIT_SACK_PERMITTED : 0) |
			  (set->has_timestamps ? OPTION_BIT_TIMESTAMPS : 0) |
			  (set->has_fastopen ? OPTION_BIT_FASTOPEN : 0) |
			  (set->has_mptcp ? OPTION_BIT_MPTCP : 0) |
			  (set->has_accecn ? OPTION_BIT_ACCECN : 0) |
			  (set->sack_count > 0 ? OPTION_BIT_SACK : 0) |
			  (set->has_unknown || set->has_md5 || set->has_ao || set->has_user_timeout
				   ? OPTION_BIT_OTHER
				   : 0));
}

static void add(char *text, size_t text_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Append to a list; what does not fit is cut. */
static void add(char *text, size_t text_bytes, const char *format, ...)
{
	size_t used = strlen(text);
	if (used > 0 && used + 2 < text_bytes) {
		memcpy(text + used, ", ", 3);
		used += 2;
	}
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, text_bytes - used, format, args);
	va_end(args);
}

char *option_bits_format(uint16_t bits, char *text, size_t text_bytes)
{
	static const char *const names[] = {"MSS",        "window scale", "SACK permitted",
					    "timestamps", "Fast Open",    "MPTCP",
					    "AccECN",     "SACK",         "others"};
	text[0] = '\0';
	for (unsigned i = 0; i < ARRAY_COUNT(names); i++)
		if ((bits >> i & 1) != 0)
			add(text, text_bytes, "%s", names[i]);
	if (text[0] == '\0')
		snprintf(text, text_bytes, "none");
	return text;
}

/* What went out, in the form in which a quote is looked at. */
static void sent_options(const struct segment_spec *sent, struct option_set *set)
{
	uint8_t bytes[OPTION_BYTES_MAX];
	size_t count = sent->raw_options_bytes;
	if (sent->raw_options != NULL)
		memcpy(bytes, sent->raw_options, count);
	else
		count = option_encode(&sent->option, (sent->flags & TCP_SYN) != 0, bytes);
	option_decode(set, bytes, count);
}

static void compare_options(const struct segment_spec *sent, const struct option_set *there,
			    struct quote *q)
{
	struct option_set here;
	sent_options(sent, &here);
	const uint16_t before = option_bits(&here);
	const uint16_t after = option_bits(there);
	q->known |= QUOTE_MSS | QUOTE_OPTIONS_GONE | QUOTE_OPTIONS_NEW | QUOTE_OPTION_VALUE;
	q->mss = there->has_mss ? there->mss : 0;
	q->gone = (uint16_t)(before & ~after);
	q->new = (uint16_t)(after & ~before);
	if (here.has_mss && there->has_mss && here.mss != there->mss)
		q->changed |= QUOTE_MSS;
	if (q->gone != 0)
		q->changed |= QUOTE_OPTIONS_GONE;
	if (q->new != 0)
		q->changed |= QUOTE_OPTIONS_NEW;
	if ((here.has_wscale && there->has_wscale && here.wscale != there->wscale) ||
	    (here.has_timestamps && there->has_timestamps && here.ts_value != there->ts_value))
		q->changed |= QUOTE_OPTION_VALUE;
}

static void look(struct quote *q, enum quote_change what, bool differs)
{
	q->known |= (uint16_t)what;
	if (differs)
		q->changed |= (uint16_t)what;
}

struct quote quote_compare(const struct segment_spec *sent, const struct icmp_error *e)
{
	const struct ip_header *ip = &e->quoted_ip;
	struct quote q = {.ttl = ip->ttl, .traffic = ip->traffic, .seq = e->quoted_seq.raw};
	q.tcp_bytes = e->quoted_tcp_bytes;
	look(&q, QUOTE_SEQ, !seq_eq(e->quoted_seq, sent->seq));
	look(&q, QUOTE_DSCP, ip->traffic >> 2 != sent->traffic >> 2);
	look(&q, QUOTE_ECN, (ip->traffic & 3) != (sent->traffic & 3));
	if (ip->src.family == IP_V4) {
		look(&q, QUOTE_DF, ip->df == sent->no_df);
		/* Of an atomic datagram nobody may read anything from it (RFC 6864 section 4.1). */
		if (sent->has_ip_id || sent->no_df)
			look(&q, QUOTE_IP_ID, sent->has_ip_id && ip->id != sent->ip_id);
	}
	if (e->has_quoted_ack)
		look(&q, QUOTE_ACK, !seq_eq(e->quoted_ack, sent->ack));
	if (e->has_quoted_flags) {
		q.flags = e->quoted_flags;
		look(&q, QUOTE_FLAGS, e->quoted_flags != sent->flags);
	}
	if (e->quoted_tcp == NULL || e->quoted_tcp_bytes < TCP_BYTES_MIN)
		return q;
	struct bytes b = bytes_of(e->quoted_tcp, e->quoted_tcp_bytes);
	bytes_skip(&b, 12);
	const size_t header_bytes = (size_t)(bytes_u8(&b) >> 4) * 4;
	bytes_skip(&b, 1);
	q.window = bytes_be16(&b);
	look(&q, QUOTE_WINDOW, q.window != sent->window);
	if (header_bytes < TCP_BYTES_MIN || header_bytes > e->quoted_tcp_bytes)
		return q;
	struct option_set there;
	option_decode(&there, e->quoted_tcp + OPTIONS_AT, header_bytes - OPTIONS_AT);
	compare_options(sent, &there, &q);
	return q;
}

/* The flags that are there now and were not, and the other way round. */
static void add_flags(const struct quote *before, const struct quote *after, char *text,
		      size_t text_bytes)
{
	char from[TCP_FLAGS_TEXT_MAX];
	char to[TCP_FLAGS_TEXT_MAX];
	add(text, text_bytes, "flags %s -> %s", tcp_flags_format(before->flags, from, sizeof from),
	    tcp_flags_format(after->flags, to, sizeof to));
}

char *quote_difference(const struct quote *before, const struct quote *after, char *text,
		       size_t text_bytes)
{
	const uint16_t both = before->known & after->known;
	char names[96];
	text[0] = '\0';
	if ((both & QUOTE_SEQ) != 0 && before->seq != after->seq)
		add(text, text_bytes, "sequence number %u -> %u", before->seq, after->seq);
	if ((both & QUOTE_FLAGS) != 0 && before->flags != after->flags)
		add_flags(before, after, text, text_bytes);
	if ((both & QUOTE_MSS) != 0 && before->mss != after->mss)
		add(text, text_bytes, "MSS %u -> %u", before->mss, after->mss);
	if ((both & QUOTE_OPTIONS_GONE) != 0 && (after->gone & ~before->gone) != 0)
		add(text, text_bytes, "stripped: %s",
		    option_bits_format((uint16_t)(after->gone & ~before->gone), names,
				       sizeof names));
	if ((both & QUOTE_OPTIONS_NEW) != 0 && (after->new & ~before->new) != 0)
		add(text, text_bytes, "added: %s",
		    option_bits_format((uint16_t)(after->new & ~before->new), names, sizeof names));
	if ((after->changed & QUOTE_OPTION_VALUE) > (before->changed & QUOTE_OPTION_VALUE))
		add(text, text_bytes, "the value of an option");
	if ((both & QUOTE_WINDOW) != 0 && before->window != after->window)
		add(text, text_bytes, "window %u -> %u", before->window, after->window);
	if ((both & QUOTE_DSCP) != 0 && before->traffic >> 2 != after->traffic >> 2)
		add(text, text_bytes, "DSCP %u -> %u", before->traffic >> 2, after->traffic >> 2);
	if ((both & QUOTE_ECN) != 0 && (before->traffic & 3) != (after->traffic & 3))
		add(text, text_bytes, "ECN %u -> %u", before->traffic & 3, after->traffic & 3);
	if ((after->changed & ~before->changed & QUOTE_ACK) != 0)
		add(text, text_bytes, "acknowledgement number");
	if ((after->changed & ~before->changed & QUOTE_IP_ID) != 0)
		add(text, text_bytes, "IP id");
	if ((after->changed & ~before->changed & QUOTE_DF) != 0)
		add(text, text_bytes, "DF");
	return text;
}

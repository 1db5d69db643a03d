#include "segment_internal.h"

#include "synscope/core/bytes.h"

#include <assert.h>
#include <string.h>

uint32_t segment_seq_count(const struct segment *s)
{
	return s->payload_bytes + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
}

seq_t segment_end(const struct segment *s)
{
	return seq_add(s->seq, segment_seq_count(s));
}

/* How many of the captured option bytes are whole options, where the snap length cut
 * the header: the one that it cut through is not the sender's fault. */
static size_t whole_options(const uint8_t *options, size_t captured_bytes)
{
	struct option_cursor cursor = option_begin(options, captured_bytes);
	struct option o;
	size_t whole = 0;
	enum option_status status;
	while ((status = option_next(&cursor, &o)) == OPTION_OK)
		whole = (size_t)(cursor.at - options);
	return status == OPTION_OVERRUN ? whole : captured_bytes;
}

static void set_tail(struct segment *s, struct bytes *b, uint32_t wire_bytes)
{
	const uint8_t options_bytes = (uint8_t)(s->header_bytes - TCP_BYTES_MIN);
	s->options = b->at;
	s->options_bytes = options_bytes;
	s->options_cut = bytes_left(b) < options_bytes;
	if (s->options_cut)
		s->options_bytes = (uint8_t)whole_options(b->at, bytes_left(b));
	option_decode(&s->option, s->options, s->options_bytes);
	s->payload_bytes = wire_bytes - s->header_bytes;
	s->payload_captured_bytes = 0;
	s->payload = NULL;
	if (!s->options_cut) {
		bytes_skip(b, options_bytes);
		s->payload = b->at;
		s->payload_captured_bytes = (uint32_t)bytes_left(b);
	}
}

static enum packet_status decode_tcp(const struct ip_header *ip, const struct ip_body *body,
				     struct packet *packet)
{
	struct bytes b = bytes_of(body->at, body->captured_bytes);
	const uint16_t src_port = bytes_be16(&b);
	const uint16_t dst_port = bytes_be16(&b);
	const seq_t seq = seq_of(bytes_be32(&b));
	const seq_t ack = seq_of(bytes_be32(&b));
	const uint16_t offset_and_flags = bytes_be16(&b);
	const uint16_t window = bytes_be16(&b);
	const uint16_t checksum_field = bytes_be16(&b);
	const uint16_t urgent = bytes_be16(&b);
	const uint8_t header_bytes = (uint8_t)((offset_and_flags >> 12) * 4);
	/* A first fragment may end inside the header (RFC 1858 section 3): no error. */
	const bool piece = ip->fragment && (body->wire_bytes < TCP_BYTES_MIN ||
					    (bytes_ok(&b) && header_bytes > body->wire_bytes));
	if (piece) {
		packet->kind = PACKET_FRAGMENT;
		return PACKET_OK;
	}
	if (!bytes_ok(&b))
		return PACKET_TCP_TRUNCATED;
	if (header_bytes < TCP_BYTES_MIN)
		return PACKET_TCP_BAD_OFFSET;
	if (header_bytes > body->wire_bytes)
		return PACKET_TCP_OFFSET_OVERRUN;

	struct segment *s = &packet->tcp;
	packet->kind = PACKET_TCP;
	s->ip = *ip;
	s->src = (struct endpoint){ip->src, src_port};
	s->dst = (struct endpoint){ip->dst, dst_port};
	s->seq = seq;
	s->ack = ack;
	s->flags = offset_and_flags & TCP_FLAGS_ALL;
	s->reserved = offset_and_flags >> 9 & 7;
	s->window = window;
	s->urgent = urgent;
	s->checksum_field = checksum_field;
	s->checksum = ip_body_judge(ip, body, checksum_field);
	s->header_bytes = header_bytes;
	set_tail(s, &b, body->wire_bytes);
	return PACKET_OK;
}

static enum packet_status decode_transport(const struct ip_header *ip, const struct ip_body *body,
					   struct packet *packet)
{
	if (ip->protocol == TCP_PROTOCOL && ip->fragment_offset == 0)
		return decode_tcp(ip, body, packet);
	const uint8_t icmp = ip->src.family == IP_V4 ? ICMP_PROTOCOL : ICMP6_PROTOCOL;
	if (ip->protocol == icmp && ip->fragment_offset == 0)
		return icmp_decode(ip, body, packet);
	packet->kind = ip->protocol == TCP_PROTOCOL ? PACKET_FRAGMENT : PACKET_OTHER;
	return PACKET_OK;
}

enum packet_status packet_decode(const uint8_t *data, size_t captured_bytes, size_t wire_bytes,
				 struct packet *packet)
{
	const uint32_t captured =
		captured_bytes < UINT32_MAX ? (uint32_t)captured_bytes : UINT32_MAX;
	uint32_t wire = wire_bytes < UINT32_MAX ? (uint32_t)wire_bytes : UINT32_MAX;
	if (wire < captured) /* some writers leave it 0 */
		wire = captured;
	struct ip_header ip;
	struct ip_body body;
	enum packet_status status = ip_decode(data, captured, wire, &ip, &body);
	if (status == PACKET_OK)
		status = decode_transport(&ip, &body, packet);
	if (status == PACKET_OK)
		packet->ip = ip;
	return status;
}

const char *packet_status_text(enum packet_status s)
{
	switch (s) {
	case PACKET_OK:
		return "decoded";
	case PACKET_EMPTY:
		return "there is no IP packet in the frame";
	case PACKET_BAD_VERSION:
		return "the IP version is neither 4 nor 6";
	case PACKET_IP_TRUNCATED:
		return "the IP header is cut short";
	case PACKET_IP_BAD_HEADER_LENGTH:
		return "the IPv4 header length is below 20 or past the end of the packet";
	case PACKET_IP_BAD_TOTAL_LENGTH:
		return "the IPv4 total length is smaller than the header";
	case PACKET_IP6_BAD_EXTENSION:
		return "an IPv6 extension header is longer than the packet, or there are too many";
	case PACKET_TCP_TRUNCATED:
		return "fewer than 20 bytes of TCP are there";
	case PACKET_TCP_BAD_OFFSET:
		return "the TCP data offset is below 5";
	case PACKET_TCP_OFFSET_OVERRUN:
		return "the TCP data offset is past the end of the packet";
	case PACKET_ICMP_TRUNCATED:
		return "the ICMP error is cut short, or quotes too little to tell what it is about";
	case PACKET_STATUS_COUNT:
		break;
	}
	return "?";
}

/* In the order of the bits; `also` are the letters of tcpdump that differ. */
static const struct flag_row {
	uint16_t flag;
	char letter;
	char also;
	const char *word;
} flag_rows[] = {
	{TCP_FIN, 'F', 0, "FIN"}, {TCP_SYN, 'S', 0, "SYN"},   {TCP_RST, 'R', 0, "RST"},
	{TCP_PSH, 'P', 0, "PSH"}, {TCP_ACK, 'A', '.', "ACK"}, {TCP_URG, 'U', 0, "URG"},
	{TCP_ECE, 'E', 0, "ECE"}, {TCP_CWR, 'C', 'W', "CWR"}, {TCP_AE, 'N', 'e', "AE"},
};

char *tcp_flags_format(uint16_t flags, char *text, size_t text_bytes)
{
	assert(text_bytes >= TCP_FLAGS_TEXT_MAX);
	char *out = text;
	for (size_t i = 0; i < ARRAY_COUNT(flag_rows); i++) {
		if ((flags & flag_rows[i].flag) == 0)
			continue;
		if (out != text)
			*out++ = ',';
		for (const char *c = flag_rows[i].word; *c != '\0'; c++)
			*out++ = *c;
	}
	*out = '\0';
	return out != text ? text : memcpy(text, "none", sizeof("none"));
}

char *tcp_flags_letters(uint16_t flags, char *text, size_t text_bytes)
{
	assert(text_bytes > ARRAY_COUNT(flag_rows));
	char *out = text;
	for (size_t i = 0; i < ARRAY_COUNT(flag_rows); i++) {
		if (flags & flag_rows[i].flag)
			*out++ = flag_rows[i].letter;
	}
	*out = '\0';
	return text;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool same_word(const char *text, size_t count, const char *word)
{
	if (strlen(word) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (upper(text[i]) != word[i])
			return false;
	}
	return true;
}

static size_t word_length(const char *text)
{
	size_t count = 0;
	while (text[count] != '\0' && strchr(",+|", text[count]) == NULL)
		count++;
	return count;
}

static bool parse_words(uint16_t *flags, const char *text)
{
	*flags = 0;
	for (;;) {
		const size_t count = word_length(text);
		uint16_t flag = 0;
		for (size_t i = 0; i < ARRAY_COUNT(flag_rows); i++) {
			if (same_word(text, count, flag_rows[i].word))
				flag = flag_rows[i].flag;
		}
		if (same_word(text, count, "NS")) /* the ninth flag's name until RFC 8311 */
			flag = TCP_AE;
		if (flag == 0)
			return false;
		*flags |= flag;
		if (text[count] == '\0')
			return true;
		text += count + 1;
	}
}

static bool parse_letters(uint16_t *flags, const char *text)
{
	*flags = 0;
	for (; *text != '\0'; text++) {
		uint16_t flag = 0;
		for (size_t i = 0; i < ARRAY_COUNT(flag_rows); i++) {
			if (*text == flag_rows[i].letter || *text == flag_rows[i].also)
				flag = flag_rows[i].flag;
		}
		if (flag == 0)
			return false;
		*flags |= flag;
	}
	return true;
}

static bool parse_number(uint16_t *flags, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t base = 10;
	if (text[0] == '0' && upper(text[1]) == 'X') {
		base = 16;
		text += 2;
	}
	uint32_t value = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		const char *digit = strchr(digits, upper(*text));
		if (!digit || digit >= digits + base)
			return false;
		value = value * base + (uint32_t)(digit - digits);
		if (value > TCP_FLAGS_ALL)
			return false;
	}
	*flags = (uint16_t)value;
	return true;
}

bool tcp_flags_parse(uint16_t *flags, const char *text)
{
	uint16_t parsed = 0;
	if (*text == '\0')
		return false;
	/* Words go before letters ("ECE" is one flag), but for the one word that is also what
	 * tcp_flags_letters() writes, for ACK and ECE. */
	const bool is_two_letters = same_word(text, strlen(text), "AE");
	const bool understood =
		same_word(text, strlen(text), "NONE") || parse_number(&parsed, text) ||
		(!is_two_letters && parse_words(&parsed, text)) || parse_letters(&parsed, text);
	if (understood)
		*flags = parsed;
	return understood;
}

#include "synscope/render/redact.h"

#include "synscope/core/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64 /* a power of two */

#define V4_SRC 12
#define V4_CHECKSUM 10
#define V4_BYTES 20
#define V6_SRC 8
#define V6_BYTES 40
#define TCP_BYTES 20
#define TCP_CHECKSUM 16
#define ICMP_BYTES 8
#define ICMP_CHECKSUM 2

void redact_init(struct redact *r)
{
	memset(r, 0, sizeof *r);
}

void redact_reset(struct redact *r)
{
	free(r->pairs);
	redact_init(r);
}

/* --- addresses ------------------------------------------------------------------------------- */

static struct redact_pair *slot_of(struct redact_pair *pairs, size_t room, const struct ip_addr *a)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < sizeof a->bytes; i++)
		hash = (hash ^ a->bytes[i]) * 16777619u;
	size_t at = hash & (room - 1);
	while (pairs[at].from.family != IP_NONE && !ip_addr_equal(&pairs[at].from, a))
		at = (at + 1) & (room - 1);
	return &pairs[at];
}

static bool grow(struct redact *r)
{
	const size_t room = r->pairs_room == 0 ? ROOM_FIRST : 2 * r->pairs_room;
	if (r->pairs_count < r->pairs_room / 2)
		return true;
	struct redact_pair *pairs = calloc(room, sizeof *pairs);
	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < r->pairs_room; i++)
		if (r->pairs[i].from.family != IP_NONE)
			*slot_of(pairs, room, &r->pairs[i].from) = r->pairs[i];
	free(r->pairs);
	r->pairs = pairs;
	r->pairs_room = room;
	return true;
}

static struct ip_addr v4_numbered(uint32_t n)
{
	static const uint8_t nets[][3] = {{192, 0, 2}, {198, 51, 100}, {203, 0, 113}};
	uint8_t bytes[4] = {203, 0, 113, 255};
	if (n < REDACT_V4_MAX) {
		memcpy(bytes, nets[n / 254], 3);
		bytes[3] = (uint8_t)(1 + n % 254);
	}
	return ip_addr_v4(bytes);
}

static struct ip_addr v6_numbered(uint32_t n)
{
	uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};
	for (int i = 0; i < 4; i++)
		bytes[12 + i] = (uint8_t)((n + 1) >> 8 * (3 - i));
	return ip_addr_v6(bytes);
}

struct ip_addr redact_addr(struct redact *r, const struct ip_addr *a)
{
	if (a->family == IP_NONE || ip_addr_is_loopback(a))
		return *a;
	if (!grow(r)) /* no memory: nobody is told apart, and nobody is named */
		return a->family == IP_V4 ? v4_numbered(REDACT_V4_MAX)
					  : v6_numbered(UINT32_MAX - 1);
	struct redact_pair *p = slot_of(r->pairs, r->pairs_room, a);
	if (p->from.family == IP_NONE) {
		p->from = *a;
		p->to = a->family == IP_V4 ? v4_numbered(r->v4_given++)
					   : v6_numbered(r->v6_given++);
		r->pairs_count++;
	}
	return p->to;
}

static struct endpoint redact_end(struct redact *r, const struct endpoint *e)
{
	return (struct endpoint){.addr = redact_addr(r, &e->addr), .port = e->port};
}

/* A text that may name an address, as a word. */
static void redact_text(struct redact *r, const struct ip_addr *a, char *text, size_t text_bytes)
{
	char from[IP_ADDR_TEXT_MAX];
	char to[IP_ADDR_TEXT_MAX];
	char whole[NOTE_TEXT_MAX];
	const struct ip_addr mapped = redact_addr(r, a);
	const char *at = text;
	size_t used = 0;
	if (a->family == IP_NONE)
		return;
	ip_addr_format(a, from, sizeof from);
	ip_addr_format(&mapped, to, sizeof to);
	const size_t count = strlen(from);
	while (*at != '\0' && used + 1 < sizeof whole) {
		const bool begins = at == text || strchr("0123456789abcdef.:", at[-1]) == NULL;
		/* a full stop or a colon may end a sentence */
		if (begins && strncmp(at, from, count) == 0 &&
		    (at[count] == '\0' || strchr("0123456789abcdef", at[count]) == NULL)) {
			used += (size_t)snprintf(whole + used, sizeof whole - used, "%s", to);
			used = used < sizeof whole ? used : sizeof whole - 1;
			at += count;
		} else {
			whole[used++] = *at++;
		}
	}
	whole[used] = '\0';
	snprintf(text, text_bytes, "%s", whole);
}

/* --- checksums ------------------------------------------------------------------------------- */

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_be16(uint8_t *at, uint16_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

/* What takes @p old out of a sum of words and puts @p new in: RFC 1624 section 3, equation 3. */
static uint32_t difference(uint32_t sum, const uint8_t *old, const uint8_t *new, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		sum = checksum_fold(sum + (uint16_t)~be16(old + i) + be16(new + i));
	return sum;
}

static uint16_t moved(uint16_t field, uint32_t by)
{
	return (uint16_t)~checksum_fold((uint16_t)~field + by);
}

/* --- packets ------------------------------------------------------------------------------------
 */

/* Rename the addresses of an IP header in place, its own checksum included. @return what that
 * means to a checksum that covers them */
static uint32_t rename_header(struct redact *r, uint8_t *ip, enum ip_family family)
{
	const size_t bytes = family == IP_V4 ? 4 : 16;
	uint8_t *at = ip + (family == IP_V4 ? V4_SRC : V6_SRC);
	uint32_t by = 0;
	for (int i = 0; i < 2; i++, at += bytes) {
		const struct ip_addr old = family == IP_V4 ? ip_addr_v4(at) : ip_addr_v6(at);
		const struct ip_addr new = redact_addr(r, &old);
		by = difference(by, old.bytes, new.bytes, bytes);
		memcpy(at, new.bytes, bytes);
	}
	if (family == IP_V4)
		put_be16(ip + V4_CHECKSUM, moved(be16(ip + V4_CHECKSUM), by));
	return by;
}

/* Whether what is in an option says who: it is blanked. Kind and length stay. */
static bool is_private(uint8_t kind)
{
	switch (kind) {
	case OPT_EOL:
	case OPT_NOP:
	case OPT_MSS:
	case OPT_WSCALE:
	case OPT_SACK_PERMITTED:
	case OPT_SACK:
	case OPT_TIMESTAMPS:
	case OPT_USER_TIMEOUT:
	case OPT_ACCECN0:
	case OPT_ACCECN1:
		return false;
	default:
		return true;
	}
}

static void blank_options(uint8_t *options, size_t count)
{
	struct option_cursor c = option_begin(options, count);
	struct option o;
	while (option_next(&c, &o) == OPTION_OK)
		if (is_private(o.kind) && o.body_bytes > 0)
			memset(options + (o.body - options), 0, o.body_bytes);
	/* what is left cannot be read as options: it could be anything */
	if (c.at < c.end)
		memset(options + (c.at - options), 0, (size_t)(c.end - c.at));
}

/* Copy the IP packet of a frame, as much of it as is fit to be shown.
 * @param keep bytes of the packet that may be kept, from its start
 * @return how many there are in r->frame */
static size_t copy_packet(struct redact *r, struct event_frame *f, size_t keep)
{
	struct frame inside;
	if (f->data == NULL || frame_decode(f->link_type, f->data, f->captured_bytes, f->wire_bytes,
					    &inside) != FRAME_OK) {
		f->data = NULL;
		f->captured_bytes = 0;
		return 0;
	}
	if (keep > inside.captured_bytes)
		keep = inside.captured_bytes;
	if (keep > sizeof r->frame)
		keep = sizeof r->frame;
	memcpy(r->frame, inside.packet, keep);
	f->data = r->frame;
	f->captured_bytes = (uint32_t)keep;
	f->wire_bytes = (uint32_t)inside.wire_bytes;
	f->link_type = LINK_RAW;
	return keep;
}

/* Headers with options or extensions of IP may hold addresses anywhere: only the fixed part of
 * them is shown, and so nothing of what comes after. */
static bool is_plain(const struct ip_header *ip)
{
	return ip->option_bytes == 0 && ip->extension_bytes == 0;
}

static size_t fixed_bytes(const struct ip_header *ip)
{
	return ip->src.family == IP_V4 ? V4_BYTES : V6_BYTES;
}

static void redact_segment(struct redact *r, struct event_segment *s)
{
	struct segment *t = &s->tcp;
	const size_t ip_bytes = fixed_bytes(&t->ip);
	const size_t options = t->options == NULL ? 0 : t->options_bytes;
	const size_t keep = ip_bytes + (is_plain(&t->ip) ? TCP_BYTES + options : 0);
	const size_t kept = copy_packet(r, &s->frame, keep);
	const struct endpoint src = redact_end(r, &t->src);
	const struct endpoint dst = redact_end(r, &t->dst);
	uint32_t by = difference(0, t->src.addr.bytes, src.addr.bytes, 16);
	by = difference(by, t->dst.addr.bytes, dst.addr.bytes, 16);
	if (options > 0) {
		memcpy(r->options, t->options, options);
		blank_options(r->options, options);
		if (t->checksum != CHECKSUM_PARTIAL)
			by = difference(by, t->options, r->options, options);
		t->options = r->options;
	}
	t->checksum_field = t->checksum == CHECKSUM_PARTIAL ? checksum_fold(t->checksum_field + by)
							    : moved(t->checksum_field, by);
	t->src = src;
	t->dst = dst;
	t->ip.src = src.addr;
	t->ip.dst = dst.addr;
	t->payload = NULL;
	t->payload_captured_bytes = 0;
	if (kept >= ip_bytes)
		(void)rename_header(r, r->frame, (enum ip_family)t->ip.src.family);
	if (kept == keep && keep > ip_bytes) {
		put_be16(r->frame + ip_bytes + TCP_CHECKSUM, t->checksum_field);
		memcpy(r->frame + ip_bytes + TCP_BYTES, r->options, options);
	} else if (kept > ip_bytes) {
		s->frame.captured_bytes = (uint32_t)ip_bytes;
	}
}

static void redact_icmp(struct redact *r, struct event_icmp *i)
{
	struct icmp_error *e = &i->icmp;
	const enum ip_family family = (enum ip_family)e->ip.src.family;
	const size_t ip_bytes = fixed_bytes(&e->ip);
	const bool plain = is_plain(&e->ip) && is_plain(&e->quoted_ip);
	const size_t quote = ip_bytes + ICMP_BYTES;
	const size_t keep =
		ip_bytes + (plain ? ICMP_BYTES + fixed_bytes(&e->quoted_ip) + TCP_BYTES : 0);
	const size_t kept = copy_packet(r, &i->frame, keep);
	for (uint8_t n = 0; n < i->notes_count && n < EVENT_NOTES_MAX; n++)
		redact_text(r, &e->ip.src, i->notes[n].text, sizeof i->notes[n].text);
	if (kept >= ip_bytes) {
		const uint32_t by = rename_header(r, r->frame, family);
		if (plain && kept >= quote + fixed_bytes(&e->quoted_ip)) {
			/* of IPv4 the quoted header's own checksum makes up for its addresses */
			const uint32_t quoted = rename_header(r, r->frame + quote, family);
			uint8_t *field = r->frame + ip_bytes + ICMP_CHECKSUM;
			if (family == IP_V6)
				put_be16(field, moved(be16(field), by + quoted));
		} else {
			i->frame.captured_bytes = (uint32_t)ip_bytes;
		}
	}
	e->ip.src = redact_addr(r, &e->ip.src);
	e->ip.dst = redact_addr(r, &e->ip.dst);
	e->quoted_ip.src = redact_addr(r, &e->quoted_ip.src);
	e->quoted_ip.dst = redact_addr(r, &e->quoted_ip.dst);
	e->quoted_src = redact_end(r, &e->quoted_src);
	e->quoted_dst = redact_end(r, &e->quoted_dst);
}

static void redact_start(struct redact *r, struct event_start *s)
{
	s->client = redact_end(r, &s->client);
	s->server = redact_end(r, &s->server);
	s->client_name = s->client_name == NULL ? NULL : "client";
	s->server_name = s->server_name == NULL ? NULL : "server";
	s->interface = NULL;
	s->community_id = NULL; /* a hash of what is not to be told */
}

const struct event *redact_event(struct redact *r, const struct event *e)
{
	struct event *x = &r->event;
	*x = *e;
	switch (e->type) {
	case EVENT_START:
		redact_start(r, &x->u.start);
		break;
	case EVENT_SEGMENT:
		redact_segment(r, &x->u.segment);
		break;
	case EVENT_ICMP:
		redact_icmp(r, &x->u.icmp);
		break;
	case EVENT_VERDICT:
		if (x->u.verdict.has_by) {
			redact_text(r, &x->u.verdict.by, x->u.verdict.reason,
				    sizeof x->u.verdict.reason);
			x->u.verdict.by = redact_addr(r, &x->u.verdict.by);
		}
		break;
	case EVENT_FLOW:
		x->u.flow.client.endpoint = redact_end(r, &x->u.flow.client.endpoint);
		x->u.flow.server.endpoint = redact_end(r, &x->u.flow.server.endpoint);
		break;
	case EVENT_TIMER:
	case EVENT_TRANSITION:
	case EVENT_END:
		break;
	}
	return x;
}

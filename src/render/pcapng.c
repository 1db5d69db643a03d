/*
 * The packets, with what was found out written into them as comments, so that
 * Wireshark shows the lecture inside the capture.
 *
 * The format is that of draft-ietf-opsawg-pcapng: a section header, then blocks in any
 * order, none of which needs seeking; so it streams, and a file that ends between two
 * blocks is whole. Each event flushes its blocks when live. Integers are in the order
 * of this machine, which the section header tells.
 *
 * A comment's first line is made of key=value tokens, for filters and scripts; the
 * lines below are sentences.
 */
#include "rows.h"

#include "synscope/render/flows.h"
#include "synscope/render/sentence.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_NAMES = 4,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum block_option {
	OPTION_COMMENT = 1, /* in every block */
	OPTION_SECTION_HARDWARE = 2,
	OPTION_SECTION_APPLICATION = 4,
	OPTION_INTERFACE_NAME = 2,
	OPTION_INTERFACE_RESOLUTION = 9,
	OPTION_PACKET_FLAGS = 2,
	OPTION_STATISTICS_IFDROP = 5,
	OPTION_STATISTICS_OSDROP = 7,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define SECTION_LENGTH_OPEN UINT64_MAX
#define RESOLUTION_NS 9 /* ten to the minus nine */
#define NAME_IPV4 1
#define NAME_IPV6 2
#define DIRECTION_INBOUND 1u
#define DIRECTION_OUTBOUND 2u

#define INTERFACES_MAX 64
#define COMMENT_MAX 8192

struct interface {
	uint32_t link_type;
	char name[FLOW_NAME_MAX];
};

struct render {
	struct out *out;
	bool live;
	struct flows flows;
	struct interface interfaces[INTERFACES_MAX];
	uint32_t interfaces_count;
	struct endpoint named[2]; /* the last addresses that were given names */
	char comment[COMMENT_MAX];
};

/* --- blocks ----------------------------------------------------------------------------- */

static size_t padded(size_t count)
{
	return (count + 3) & ~(size_t)3;
}

static size_t option_bytes(size_t count)
{
	return count == 0 ? 0 : 4 + padded(count);
}

static void put_u32(struct out *o, uint32_t n)
{
	out_write(o, &n, sizeof n);
}

static void put_u16(struct out *o, uint16_t n)
{
	out_write(o, &n, sizeof n);
}

static void put_padded(struct out *o, const void *data, size_t count)
{
	static const uint8_t zeroes[4];
	out_write(o, data, count);
	out_write(o, zeroes, padded(count) - count);
}

/* An option without a value is not written: see option_bytes(). */
static void put_option(struct out *o, enum block_option code, const void *value, size_t count)
{
	if (count == 0)
		return;
	put_u16(o, (uint16_t)code);
	put_u16(o, (uint16_t)count);
	put_padded(o, value, count);
}

static void put_options_end(struct out *o)
{
	put_u32(o, 0);
}

/* A block of @p count bytes between its two lengths. @return its length as written */
static uint32_t block_begin(struct out *o, enum block_type type, size_t count)
{
	const uint32_t total = (uint32_t)count + 12;
	put_u32(o, type);
	put_u32(o, total);
	return total;
}

static void put_time(struct out *o, int64_t time_ns)
{
	put_u32(o, (uint32_t)((uint64_t)time_ns >> 32));
	put_u32(o, (uint32_t)(uint64_t)time_ns);
}

static void put_section(struct out *o, const struct render_options *options)
{
	static const char application[] = "synscope " SYNSCOPE_VERSION;
	const uint64_t length = SECTION_LENGTH_OPEN;
	const char *hardware = options->hardware == NULL ? "" : options->hardware;
	char command[1024] = "";
	if (options->command != NULL)
		snprintf(command, sizeof command, "command: %s", options->command);
	const uint32_t total =
		block_begin(o, BLOCK_SECTION,
			    16 + option_bytes(strlen(command)) + option_bytes(strlen(hardware)) +
				    option_bytes(sizeof application - 1) + 4);
	put_u32(o, BYTE_ORDER_MAGIC);
	put_u16(o, 1);
	put_u16(o, 0);
	out_write(o, &length, sizeof length);
	put_option(o, OPTION_COMMENT, command, strlen(command));
	put_option(o, OPTION_SECTION_HARDWARE, hardware, strlen(hardware));
	put_option(o, OPTION_SECTION_APPLICATION, application, sizeof application - 1);
	put_options_end(o);
	put_u32(o, total);
}

static void put_interface(struct out *o, const struct interface *i)
{
	static const uint8_t resolution = RESOLUTION_NS;
	const uint32_t total = block_begin(o, BLOCK_INTERFACE,
					   8 + option_bytes(strlen(i->name)) + option_bytes(1) + 4);
	put_u16(o, (uint16_t)i->link_type);
	put_u16(o, 0);
	put_u32(o, 0); /* no limit */
	put_option(o, OPTION_INTERFACE_NAME, i->name, strlen(i->name));
	put_option(o, OPTION_INTERFACE_RESOLUTION, &resolution, 1);
	put_options_end(o);
	put_u32(o, total);
}

static void put_name(struct out *o, const struct ip_addr *a, const char *name)
{
	const size_t bytes = ip_addr_bytes(a);
	const size_t count = bytes + strlen(name) + 1;
	const uint32_t total = block_begin(o, BLOCK_NAMES, 4 + padded(count) + 4);
	put_u16(o, a->family == IP_V6 ? NAME_IPV6 : NAME_IPV4);
	put_u16(o, (uint16_t)count);
	out_write(o, a->bytes, bytes);
	put_padded(o, name, count - bytes);
	put_u32(o, 0); /* end of records */
	put_u32(o, total);
}

static void put_statistics(struct out *o, uint32_t interface, const struct event *e)
{
	/* the counters are the whole run's: said once, of the first interface */
	const uint64_t ifdrop = interface == 0 ? e->u.end.capture_ifdropped : 0;
	const uint64_t osdrop = interface == 0 ? e->u.end.capture_dropped : 0;
	const uint32_t total = block_begin(o, BLOCK_STATISTICS, 12 + 2 * option_bytes(8) + 4);
	put_u32(o, interface);
	put_time(o, e->time_ns);
	put_option(o, OPTION_STATISTICS_IFDROP, &ifdrop, sizeof ifdrop);
	put_option(o, OPTION_STATISTICS_OSDROP, &osdrop, sizeof osdrop);
	put_options_end(o);
	put_u32(o, total);
}

static void put_packet(struct out *o, uint32_t interface, const struct event_frame *f,
		       int64_t time_ns, const char *comment)
{
	const uint32_t flags = f->inbound    ? DIRECTION_INBOUND
			       : f->outbound ? DIRECTION_OUTBOUND
					     : 0;
	const uint32_t total =
		block_begin(o, BLOCK_PACKET,
			    20 + padded(f->captured_bytes) + option_bytes(strlen(comment)) +
				    option_bytes(sizeof flags) + 4);
	put_u32(o, interface);
	put_time(o, time_ns);
	put_u32(o, f->captured_bytes);
	put_u32(o, f->wire_bytes < f->captured_bytes ? f->captured_bytes : f->wire_bytes);
	put_padded(o, f->data, f->captured_bytes);
	put_option(o, OPTION_COMMENT, comment, strlen(comment));
	put_option(o, OPTION_PACKET_FLAGS, &flags, sizeof flags);
	put_options_end(o);
	put_u32(o, total);
}

/* --- comments ---------------------------------------------------------------------------- */

static void add_end(char *text, enum side side, const struct end_view *v)
{
	if (v->certainty != CERTAINTY_UNKNOWN)
		text_append(text, COMMENT_MAX, " %s=%s", side_name(side), state_name(v->state));
	text_append(text, COMMENT_MAX, " %s_how=%s", side_name(side), certainty_name(v->certainty));
	if (v->has_truth)
		text_append(text, COMMENT_MAX, " %s_truth=%s", side_name(side),
			    state_name(v->truth));
}

static void add_note_codes(char *text, const struct note *notes, size_t count)
{
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++)
		text_append(text, COMMENT_MAX, "%s%s", i == 0 ? " notes=" : ",",
			    note_code_name(notes[i].code));
}

static void add_end_sentence(char *text, enum side side, const struct end_view *v)
{
	text_append(text, COMMENT_MAX, "%s %s", side_name(side),
		    v->certainty == CERTAINTY_UNKNOWN ? "unknown" : state_name(v->state));
	if (v->certainty == CERTAINTY_PROVEN)
		text_append(text, COMMENT_MAX, " (proven by %" PRIu32 ")", v->proven_by);
	else if (v->certainty != CERTAINTY_UNKNOWN)
		text_append(text, COMMENT_MAX, " (%s)", certainty_name(v->certainty));
}

static void add_sentences(char *text, const struct end_view *client, const struct end_view *server,
			  const struct note *notes, size_t count)
{
	char sentence[SENTENCE_MAX];
	text_append(text, COMMENT_MAX, "\n");
	add_end_sentence(text, SIDE_CLIENT, client);
	text_append(text, COMMENT_MAX, ", ");
	add_end_sentence(text, SIDE_SERVER, server);
	for (size_t i = 0; i < count && i < EVENT_NOTES_MAX; i++)
		text_append(text, COMMENT_MAX, "\n%s",
			    sentence_note(&notes[i], sentence, sizeof sentence));
}

/* Comments are UTF-8 by the format; what is not printable ASCII is not ours. */
static void make_printable(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((*c < 0x20 || *c > 0x7e) && *c != '\n')
			*c = '?';
}

static void comment_segment(char *text, uint32_t flow_id, const struct event_segment *s)
{
	char letters[TCP_FLAGS_TEXT_MAX];
	snprintf(text, COMMENT_MAX, "n=%" PRIu32 " flow=%" PRIu32 " side=%s flags=%s", s->n,
		 flow_id, side_name(s->from),
		 tcp_flags_letters(s->tcp.flags, letters, sizeof letters));
	if (s->has_seq_rel)
		text_append(text, COMMENT_MAX, " seq_rel=%" PRIu32, s->seq_rel);
	if (s->has_ack_rel)
		text_append(text, COMMENT_MAX, " ack_rel=%" PRIu32, s->ack_rel);
	if (s->tcp.payload_bytes > 0)
		text_append(text, COMMENT_MAX, " len=%" PRIu32, s->tcp.payload_bytes);
	add_end(text, SIDE_CLIENT, &s->client);
	add_end(text, SIDE_SERVER, &s->server);
	add_note_codes(text, s->notes, s->notes_count);
	add_sentences(text, &s->client, &s->server, s->notes, s->notes_count);
	make_printable(text);
}

static void comment_icmp(char *text, uint32_t flow_id, const struct event_icmp *i)
{
	char sentence[SENTENCE_MAX];
	snprintf(text, COMMENT_MAX,
		 "n=%" PRIu32 " flow=%" PRIu32 " icmp_type=%u icmp_code=%u about=%s", i->n, flow_id,
		 i->icmp.type, i->icmp.code, side_name(i->about));
	if (i->about_n != 0)
		text_append(text, COMMENT_MAX, " about_n=%" PRIu32, i->about_n);
	add_end(text, SIDE_CLIENT, &i->client);
	add_end(text, SIDE_SERVER, &i->server);
	add_note_codes(text, i->notes, i->notes_count);
	text_append(text, COMMENT_MAX, "\n%s", sentence_icmp(i, sentence, sizeof sentence));
	add_sentences(text, &i->client, &i->server, i->notes, i->notes_count);
	make_printable(text);
}

/* --- events ------------------------------------------------------------------------------ */

struct render *pcapng_open(struct out *out, const struct render_options *options)
{
	struct render *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->out = out;
	r->live = options->live;
	flows_init(&r->flows);
	put_section(out, options);
	if (r->live)
		out_flush(out);
	return r;
}

/* Names are told once for each pair of ends in a row: a server keeps its own. */
static void give_name(struct render *r, enum side side, const struct endpoint *e, const char *name)
{
	char address[IP_ADDR_TEXT_MAX];
	char printable[FLOW_NAME_MAX];
	ip_addr_format(&e->addr, address, sizeof address);
	if (name[0] == '\0' || ip_addr_bytes(&e->addr) == 0 || strcmp(name, address) == 0 ||
	    ip_addr_equal(&r->named[side].addr, &e->addr))
		return;
	r->named[side] = *e;
	snprintf(printable, sizeof printable, "%s", name);
	make_printable(printable);
	put_name(r->out, &e->addr, printable);
}

/* Find the interface of a frame, told of before its first packet. A table that is full
 * takes any of the same link type, as a wrong name is less wrong than a lost packet. */
static bool interface_of(struct render *r, const struct flow_memory *m, uint32_t link_type,
			 uint32_t *index)
{
	for (uint32_t i = 0; i < r->interfaces_count; i++) {
		const struct interface *known = &r->interfaces[i];
		*index = i;
		if (known->link_type == link_type && (strcmp(known->name, m->interface) == 0 ||
						      r->interfaces_count == INTERFACES_MAX))
			return true;
	}
	if (r->interfaces_count == INTERFACES_MAX)
		return false;
	*index = r->interfaces_count;
	struct interface *new = &r->interfaces[r->interfaces_count++];
	new->link_type = link_type;
	snprintf(new->name, sizeof new->name, "%s", m->interface);
	make_printable(new->name);
	put_interface(r->out, new);
	return true;
}

static void take_frame(struct render *r, const struct flow_memory *m, const struct event *e,
		       const struct event_frame *f)
{
	uint32_t interface = 0;
	if (f->data == NULL)
		return; /* built, but never on a wire */
	if (!interface_of(r, m, f->link_type, &interface))
		return;
	if (e->type == EVENT_SEGMENT)
		comment_segment(r->comment, e->flow_id, &e->u.segment);
	else
		comment_icmp(r->comment, e->flow_id, &e->u.icmp);
	put_packet(r->out, interface, f, e->time_ns, r->comment);
}

void pcapng_event(struct render *r, const struct event *e)
{
	if (e->type == EVENT_END) {
		for (uint32_t i = 0; i < r->interfaces_count; i++)
			put_statistics(r->out, i, e);
	} else {
		struct flow_memory *m = flows_take(&r->flows, e);
		if (e->type == EVENT_START) {
			give_name(r, SIDE_CLIENT, &m->client, m->client_name);
			give_name(r, SIDE_SERVER, &m->server, m->server_name);
		} else if (e->type == EVENT_SEGMENT) {
			take_frame(r, m, e, &e->u.segment.frame);
		} else if (e->type == EVENT_ICMP) {
			take_frame(r, m, e, &e->u.icmp.frame);
		} else if (e->type == EVENT_FLOW) {
			flows_drop(&r->flows, m);
		}
	}
	if (r->live)
		out_flush(r->out);
}

void pcapng_close(struct render *r)
{
	if (r == NULL)
		return;
	flows_reset(&r->flows);
	free(r);
}

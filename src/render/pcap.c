/*
 * The packets alone, in the older format: one link type a file, nanoseconds by the
 * second magic number. Its functions are pcap_file_*: pcap_close() is libpcap's.
 */
#include "synscope/render/pcap.h"

#include "rows.h"

#include <stdlib.h>
#include <string.h>

#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_SNAPLEN_BYTES 262144u /* tcpdump's; no frame of ours is longer */
#define NS_PER_S INT64_C(1000000000)

#define LINKTYPE_RAW 101u /* of a file without a frame */

struct render {
	struct out *out;
	bool live;
	bool begun;
	uint32_t link_type;
	uint64_t left_out;
};

static void put_u32(struct render *r, uint32_t n)
{
	out_write(r->out, &n, sizeof n);
}

static void put_u16(struct render *r, uint16_t n)
{
	out_write(r->out, &n, sizeof n);
}

static void begin(struct render *r, uint32_t link_type)
{
	r->begun = true;
	r->link_type = link_type;
	put_u32(r, PCAP_MAGIC_NS);
	put_u16(r, 2);
	put_u16(r, 4);
	put_u32(r, 0); /* zone and accuracy, which nobody fills */
	put_u32(r, 0);
	put_u32(r, PCAP_SNAPLEN_BYTES);
	put_u32(r, link_type);
}

struct render *pcap_file_open(struct out *out, const struct render_options *options)
{
	struct render *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	r->out = out;
	r->live = options->live;
	return r;
}

static void put_frame(struct render *r, const struct event_frame *f, int64_t time_ns)
{
	if (f->data == NULL)
		return; /* built, but never on a wire */
	if (!r->begun)
		begin(r, f->link_type);
	if (f->link_type != r->link_type) {
		r->left_out++;
		return;
	}
	int64_t seconds = time_ns / NS_PER_S;
	int64_t left = time_ns % NS_PER_S;
	if (left < 0) {
		left += NS_PER_S;
		seconds--;
	}
	put_u32(r, (uint32_t)seconds);
	put_u32(r, (uint32_t)left);
	put_u32(r, f->captured_bytes);
	put_u32(r, f->wire_bytes < f->captured_bytes ? f->captured_bytes : f->wire_bytes);
	out_write(r->out, f->data, f->captured_bytes);
}

void pcap_file_event(struct render *r, const struct event *e)
{
	if (e->type == EVENT_SEGMENT)
		put_frame(r, &e->u.segment.frame, e->time_ns);
	else if (e->type == EVENT_ICMP)
		put_frame(r, &e->u.icmp.frame, e->time_ns);
	else if (e->type == EVENT_END && !r->begun)
		begin(r, LINKTYPE_RAW);
	if (r->live)
		out_flush(r->out);
}

uint64_t pcap_file_left_out(const struct render *r)
{
	return r->left_out;
}

void pcap_file_close(struct render *r)
{
	free(r);
}

/*
 * The belief engine alone: nanoseconds a segment, both ends believed, and what it takes of memory,
 * on three synthetic loads. And, for `read`, a capture of the same traffic.
 *   engine [SEGMENTS]         measure
 *   engine --write FILE [N]   write a capture of N segments, the loads mixed
 */
#include "synscope/core/belief_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POOL_BYTES = 64 << 20, SEGMENT_BYTES = 1448 };

struct load {
	const char *name;
	unsigned rounds; /* of text, an exchange */
	bool mixed;      /* sizes, loss and reordering */
};

static const struct load loads[] = {
	{"handshakes, open and close", 0, false},
	{"bulk transfer", 20000, false},
	{"mixed sizes, loss, reordering", 60, true},
};

struct world {
	struct belief_pool *pool;
	struct belief_slim end[2];
	FILE *file; /* write instead of believing */
	uint64_t random;
	uint32_t next[2];
	uint32_t n, exchange;
	unsigned long segments;
	int64_t time_us;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)(w->random >> 20) % below;
}

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0) {
		at[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

/* One record of a pcap file: IPv4, cut after the TCP header. */
static void write_segment(struct world *w, int from, const struct segment *s)
{
	const uint32_t host[2] = {0x0a000000u + w->exchange, 0xc0000202u};
	const uint32_t port[2] = {1024 + w->exchange % 60000, 80};
	const bool syn = (s->flags & TCP_SYN) != 0;
	const unsigned header = syn ? 24 : 20;
	uint8_t packet[44] = {0x45};
	w->time_us += 10;
	const uint32_t record[4] = {(uint32_t)(w->time_us / 1000000),
				    (uint32_t)(w->time_us % 1000000), 20 + header,
				    20 + header + s->payload_bytes};
	put(&packet[2], record[3], 2);
	packet[8] = 64;
	packet[9] = 6;
	put(&packet[12], host[from], 4);
	put(&packet[16], host[!from], 4);
	put(&packet[20], port[from], 2);
	put(&packet[22], port[!from], 2);
	put(&packet[24], s->seq.raw, 4);
	put(&packet[28], s->ack.raw, 4);
	packet[32] = (uint8_t)(header / 4 << 4);
	packet[33] = (uint8_t)s->flags;
	put(&packet[34], s->window, 2);
	if (syn)
		memcpy(&packet[40], "\1\3\3\7", 4); /* NOP, window scale 7 */
	fwrite(record, sizeof record, 1, w->file);
	fwrite(packet, 20 + header, 1, w->file);
}

static void give(struct world *w, int from, uint16_t flags, uint32_t seq, uint32_t ack,
		 uint32_t text_bytes)
{
	struct segment s;
	struct belief_evidence evidence;
	memset(&s, 0, sizeof s);
	s.flags = flags;
	s.seq = seq_of(seq);
	s.ack = seq_of((flags & TCP_ACK) ? ack : 0);
	s.payload_bytes = text_bytes;
	s.window = from == 0 ? 64240 : 65160;
	s.option.has_wscale = (flags & TCP_SYN) != 0;
	s.option.wscale = 7;
	w->segments++;
	w->n++;
	if (w->file != NULL) {
		write_segment(w, from, &s);
		return;
	}
	belief_slim_send(w->pool, &w->end[!from], &s, w->n);
	belief_slim_receive(w->pool, &w->end[from], &s, w->n, &evidence);
}

static void acknowledge(struct world *w, int from)
{
	give(w, from, TCP_ACK, w->next[from], w->next[!from], 0);
}

static void text(struct world *w, int from, uint32_t bytes)
{
	give(w, from, TCP_ACK, w->next[from], w->next[!from], bytes);
	w->next[from] += bytes;
}

/* A segment is lost behind the vantage point's back: later ones come, ACKs repeat, it comes again.
 */
static void lose(struct world *w, int from)
{
	const uint32_t hole = w->next[from];
	const uint32_t later = 1 + draw(w, 3);
	w->next[from] += SEGMENT_BYTES;
	for (uint32_t i = 0; i < later; i++) {
		text(w, from, SEGMENT_BYTES);
		give(w, !from, TCP_ACK, w->next[!from], hole, 0);
	}
	give(w, from, TCP_ACK, hole, w->next[!from], SEGMENT_BYTES);
	acknowledge(w, !from);
}

/* Two arrive in the wrong order. */
static void swap(struct world *w, int from)
{
	const uint32_t first = w->next[from];
	w->next[from] += SEGMENT_BYTES;
	text(w, from, SEGMENT_BYTES);
	give(w, from, TCP_ACK, first, w->next[!from], SEGMENT_BYTES);
	acknowledge(w, !from);
}

static void round_of_text(struct world *w, bool mixed)
{
	if (!mixed) {
		text(w, 1, SEGMENT_BYTES);
		text(w, 1, SEGMENT_BYTES);
		acknowledge(w, 0);
		return;
	}
	const int from = draw(w, 4) == 0 ? 0 : 1;
	switch (draw(w, 20)) {
	case 0:
		lose(w, from);
		break;
	case 1:
		swap(w, from);
		break;
	default:
		text(w, from, 20 + draw(w, SEGMENT_BYTES - 20));
		if (draw(w, 2))
			acknowledge(w, !from);
		break;
	}
}

static void exchange(struct world *w, const struct load *load)
{
	static const struct belief_options fresh = {.start = BELIEF_FRESH};
	for (int i = 0; i < 2; i++) {
		w->next[i] = draw(w, UINT32_MAX);
		if (w->file == NULL)
			belief_slim_init(w->pool, &w->end[i], &fresh);
	}
	w->n = 0;
	w->exchange++;
	give(w, 0, TCP_SYN, w->next[0]++, 0, 0);
	give(w, 1, TCP_SYN | TCP_ACK, w->next[1]++, w->next[0], 0);
	acknowledge(w, 0);
	const unsigned rounds = load->mixed ? 1 + draw(w, 2 * load->rounds) : load->rounds;
	for (unsigned i = 0; i < rounds; i++)
		round_of_text(w, load->mixed);
	const int first = (int)draw(w, 2);
	give(w, first, TCP_FIN | TCP_ACK, w->next[first], w->next[!first], 0);
	w->next[first]++;
	give(w, !first, TCP_FIN | TCP_ACK, w->next[!first], w->next[first], 0);
	w->next[!first]++;
	acknowledge(w, first);
	for (int i = 0; i < 2 && w->file == NULL; i++)
		belief_slim_end(w->pool, &w->end[i]);
}

static void measure(const struct load *load, unsigned long segments)
{
	struct world w = {.random = 88172645463325252u};
	struct belief_pool_figures f;
	struct timespec begin;
	struct timespec end;
	void *memory = malloc(POOL_BYTES);
	if (memory == NULL)
		abort();
	w.pool = belief_pool_init(memory, POOL_BYTES);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	while (w.segments < segments)
		exchange(&w, load);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	belief_pool_figures(w.pool, &f);
	const double ns =
		(double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	printf("| %s | %lu | %.0f | %zu | %.4f %% | %u | %u | %.1f MB |\n", load->name, w.segments,
	       ns / (double)w.segments, 2 * sizeof(struct belief_slim),
	       100.0 * (double)f.found / (double)(2 * w.segments), f.shapes, f.transitions,
	       (double)f.bytes / 1e6);
	free(memory);
}

static int write_capture(const char *path, unsigned long segments)
{
	static const uint32_t head[6] = {0xa1b2c3d4u, 2 | 4u << 16, 0, 0, 65535, 101};
	struct world w = {.random = 88172645463325252u, .file = fopen(path, "wb")};
	if (w.file == NULL)
		return 1;
	fwrite(head, sizeof head, 1, w.file);
	const struct load some[] = {loads[0], {"", 200, false}, loads[2]};
	while (w.segments < segments)
		exchange(&w, &some[draw(&w, 3)]);
	return fclose(w.file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned long segments = 2000000;
	if (argc > 2 && strcmp(argv[1], "--write") == 0)
		return write_capture(argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 128000);
	if (argc > 1)
		segments = strtoul(argv[1], NULL, 10);
	puts("| load | segments | ns a segment | bytes a flow | found | shapes | transitions | "
	     "pool "
	     "used |");
	puts("|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++)
		measure(&loads[i], segments);
	return 0;
}

/*
 * Many clients by hand, on one raw socket: a load for a listener, from addresses that no kernel
 * has, so that nobody else answers for them. The listener's host needs a route to them through
 * this one: ip route add 10.0.0.0/8 via US; ip route add 2001:db8:f::/48 via US.
 *   crowd IF MAC ADDRESS PORT flood COUNT [PER-SECOND]
 *        so many SYNs, each from another address; prints how many SYN,ACK came
 *   crowd IF MAC ADDRESS PORT shake MS [AT-ONCE]
 *        open (SYN, ACK) and close (FIN, ACK) as often as possible for so long, so many at a time
 *        (64); prints how often, how many failed, and the rate
 */
#include "../support/packets.h"

#include "synscope/core/frame.h"
#include "synscope/core/segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ISN 7000000u
#define WINDOW 65000
#define AT_ONCE_MAX 4096
#define PATIENCE_NS 1000000000LL /* until a client counts as failed */
#define SETTLE_NS 500000000LL    /* after a flood: what is answered late */
#define RING_SLOTS 16384
#define SLOT_BYTES 256
#define RING_BLOCK 65536

enum step { IDLE, SYN_SENT, FIN_SENT };

struct client {
	enum step step;
	uint32_t number; /* makes its address and port */
	uint32_t iss;    /* theirs */
	int64_t since_ns;
};

struct crowd {
	int fd;
	uint8_t *ring;
	unsigned slot;
	struct sockaddr_ll to;
	struct endpoint server;
	struct client client[AT_ONCE_MAX];
	unsigned at_once;
	uint32_t next_number;
	uint64_t syn_acks, done, failed, resets;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(71);
}

/* --- who they are ----------------------------------------------------------------------------- */

/* 10.x.y.z or 2001:db8:f::x:y:z, and a port: the low twelve bits are the place in client[]. */
static struct endpoint client_endpoint(const struct crowd *c, uint32_t number)
{
	struct endpoint e = {.port = (uint16_t)(20000 + (number & 0xfff))};
	const uint32_t host = number >> 12;
	const unsigned at = c->server.addr.family == IP_V6 ? 12 : 0;
	static const uint8_t v6[6] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0f};
	e.addr.family = c->server.addr.family;
	if (at > 0)
		memcpy(e.addr.bytes, v6, sizeof v6);
	e.addr.bytes[at] = 10;
	e.addr.bytes[at + 1] = (uint8_t)(host >> 16);
	e.addr.bytes[at + 2] = (uint8_t)(host >> 8);
	e.addr.bytes[at + 3] = (uint8_t)host;
	return e;
}

static void say(const struct crowd *c, const struct endpoint *from, uint16_t flags, uint32_t seq,
		uint32_t ack)
{
	uint8_t packet[PACKET_BYTES_MAX];
	const struct segment_spec spec = {.src = *from,
					  .dst = c->server,
					  .seq = seq_of(seq),
					  .ack = seq_of(ack),
					  .flags = flags,
					  .window = WINDOW};
	const size_t bytes = packet_tcp(&spec, packet);
	while (sendto(c->fd, packet, bytes, 0, (const struct sockaddr *)&c->to, sizeof c->to) < 0)
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("cannot send");
}

/* --- what they do ---------------------------------------------------------------------------- */

static void begin(struct crowd *c, unsigned place)
{
	struct client *k = &c->client[place];
	*k = (struct client){
		.step = SYN_SENT, .number = c->next_number++ << 12 | place, .since_ns = now_ns()};
	const struct endpoint here = client_endpoint(c, k->number);
	say(c, &here, TCP_SYN, ISN, 0);
}

static void shake(struct crowd *c, const struct segment *s)
{
	const unsigned place = (unsigned)(s->dst.port - 20000);
	if (place >= c->at_once)
		return;
	struct client *k = &c->client[place];
	const struct endpoint here = client_endpoint(c, k->number);
	if (!ip_addr_equal(&here.addr, &s->dst.addr))
		return;
	if (s->flags & TCP_RST) {
		c->resets++;
		c->failed++;
		begin(c, place);
	} else if (k->step == SYN_SENT && (s->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
		k->step = FIN_SENT;
		k->iss = s->seq.raw;
		say(c, &here, TCP_ACK, ISN + 1, k->iss + 1);
		say(c, &here, TCP_FIN | TCP_ACK, ISN + 1, k->iss + 1);
	} else if (k->step == FIN_SENT && (s->flags & TCP_FIN)) {
		say(c, &here, TCP_ACK, ISN + 2, segment_end(s).raw);
		c->done++;
		begin(c, place);
	}
}

static void take(struct crowd *c, const uint8_t *data, size_t captured, size_t bytes, bool shakes)
{
	struct packet p;
	if (packet_decode(data, captured, bytes, &p) != PACKET_OK || p.kind != PACKET_TCP ||
	    p.tcp.src.port != c->server.port || !ip_addr_equal(&p.tcp.src.addr, &c->server.addr))
		return;
	if ((p.tcp.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		c->syn_acks++;
	if (shakes)
		shake(c, &p.tcp);
}

static bool hear(struct crowd *c, bool shakes)
{
	bool any = false;
	for (;;) {
		uint8_t *slot = c->ring + (size_t)c->slot * SLOT_BYTES;
		struct tpacket2_hdr *h = (struct tpacket2_hdr *)(void *)slot;
		if ((__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0)
			return any;
		any = true;
		take(c, slot + h->tp_net, h->tp_snaplen, h->tp_len, shakes);
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		c->slot = (c->slot + 1) % RING_SLOTS;
	}
}

static void give_up_some(struct crowd *c)
{
	const int64_t now = now_ns();
	for (unsigned i = 0; i < c->at_once; i++)
		if (now - c->client[i].since_ns > PATIENCE_NS) {
			c->failed++;
			begin(c, i);
		}
}

static void shake_for(struct crowd *c, int64_t for_ns)
{
	const int64_t from = now_ns();
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	for (unsigned i = 0; i < c->at_once; i++)
		begin(c, i);
	while (now_ns() - from < for_ns)
		if (!hear(c, true)) {
			give_up_some(c);
			(void)poll(&p, 1, 20);
		}
	const double seconds = (double)(now_ns() - from) / 1e9;
	printf("done %llu failed %llu resets %llu rate %.0f\n", (unsigned long long)c->done,
	       (unsigned long long)c->failed, (unsigned long long)c->resets,
	       (double)c->done / seconds);
}

static void flood(struct crowd *c, uint32_t count, uint32_t per_second)
{
	const int64_t from = now_ns();
	for (uint32_t i = 0; i < count; i++) {
		/* Another address each: the port says nothing here. */
		const struct endpoint here = client_endpoint(c, i << 12 | (i & 0xfff));
		say(c, &here, TCP_SYN, ISN, 0);
		if ((i & 63) == 0)
			(void)hear(c, false);
		while (per_second > 0 &&
		       (now_ns() - from) / 1000 * per_second < (int64_t)i * 1000000)
			(void)hear(c, false);
	}
	const double seconds = (double)(now_ns() - from) / 1e9;
	const int64_t until = now_ns() + SETTLE_NS;
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	while (now_ns() < until)
		if (!hear(c, false))
			(void)poll(&p, 1, 20);
	printf("sent %u in %.2f s, %llu answered by then or half a second later\n", count, seconds,
	       (unsigned long long)c->syn_acks);
}

/* --- the wire --------------------------------------------------------------------------------- */

static void open_wire(struct crowd *c, const char *interface, const char *mac)
{
	const int on = 1;
	const int version = TPACKET_V2;
	const struct tpacket_req ring = {.tp_block_size = RING_BLOCK,
					 .tp_block_nr = RING_SLOTS * SLOT_BYTES / RING_BLOCK,
					 .tp_frame_size = SLOT_BYTES,
					 .tp_frame_nr = RING_SLOTS};
	const bool v6 = c->server.addr.family == IP_V6;
	c->to = (struct sockaddr_ll){.sll_family = AF_PACKET,
				     .sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP),
				     .sll_ifindex = (int)if_nametoindex(interface),
				     .sll_halen = 6};
	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &c->to.sll_addr[0], &c->to.sll_addr[1],
		   &c->to.sll_addr[2], &c->to.sll_addr[3], &c->to.sll_addr[4],
		   &c->to.sll_addr[5]) != 6)
		die("no MAC address");
	c->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    setsockopt(c->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
	    setsockopt(c->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
	    setsockopt(c->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0)
		die("no packet socket");
	void *at = mmap(NULL, (size_t)RING_SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			c->fd, 0);
	if (at == MAP_FAILED || bind(c->fd, (const struct sockaddr *)&c->to, sizeof c->to) < 0)
		die(interface);
	c->ring = at;
}

int main(int argc, char **argv)
{
	static struct crowd c;
	if (argc < 7 || !ip_addr_parse(&c.server.addr, argv[3])) {
		fprintf(stderr, "usage: crowd IF MAC ADDRESS PORT flood COUNT [PER-SECOND] | "
				"shake MS [AT-ONCE]\n");
		return 64;
	}
	c.server.port = (uint16_t)atoi(argv[4]);
	const int number = atoi(argv[6]);
	const int second = argc > 7 ? atoi(argv[7]) : 0;
	open_wire(&c, argv[1], argv[2]);
	if (strcmp(argv[5], "flood") == 0) {
		flood(&c, (uint32_t)number, (uint32_t)second);
		return 0;
	}
	c.at_once = second > 0 && second <= AT_ONCE_MAX ? (unsigned)second : 64;
	shake_for(&c, (int64_t)number * 1000000);
	return 0;
}

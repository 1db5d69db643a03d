#include "synscope/edge/relay.h"

#include "synscope/core/frame.h"
#include "synscope/core/segment.h"
#include "synscope/edge/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Frames are taken from a receive ring and not from a socket buffer: the buffer's size is
 * bounded by net.core.rmem_max (208 KB by default, some 90 frames), which a TCP window
 * overruns while we are not scheduled; a ring is not. A slot holds a frame of 1500 bytes;
 * the odd larger one comes through the socket buffer (TP_STATUS_COPY), up to 64 KB.
 */
#define SLOT_BYTES 2048
#define BLOCK_BYTES 65536
#define RING_BYTES (4 * 1024 * 1024)
#define SLOTS_COUNT (RING_BYTES / SLOT_BYTES)
#define FRAME_MAX 65600 /* 65535 and an Ethernet header with tags */
#define VLAN_BYTES 4
#define MACS_BYTES 12

/* What may be under way at once; beyond that the wire drops, as any queue does. At 500
 * Mbit/s it is a delay of a second each way. */
#define HELD_BYTES_MAX (128 * 1024 * 1024)

#define REORDER_NS_DEFAULT (2 * NS_PER_MS)
#define TIMER_SLACK_NS 1000 /* the kernel's default of 50 us would show in every RTT */

struct held {
	int64_t due_ns;
	uint64_t serial; /* keeps frames of one time in their order */
	enum relay_direction direction;
	size_t bytes;
	uint8_t *frame;
};

struct relay {
	struct relay_spec spec;
	int fd[RELAY_DIRECTION_COUNT]; /* where frames of a direction arrive: left, right */
	uint8_t *ring[RELAY_DIRECTION_COUNT];
	size_t slot[RELAY_DIRECTION_COUNT];
	uint32_t index[RELAY_DIRECTION_COUNT]; /* of the last TCP frame */
	struct held *heap;                     /* the earliest first */
	size_t heap_count, heap_room;
	size_t held_bytes;
	uint64_t serial;
	uint8_t scratch[FRAME_MAX];
};

/* --- fate ------------------------------------------------------------------------------- */

enum fate_question { FATE_LOSS, FATE_REORDER, FATE_DUPLICATE, FATE_CORRUPT, FATE_BIT };

/* One number for one question about one frame, in any order of asking: the splitmix64
 * sequence (Steele, Lea, Flood 2014), entered at the place that belongs to it. */
static uint64_t fate_number(const struct relay_spec *spec, enum relay_direction direction,
			    uint32_t index, enum fate_question question)
{
	const uint64_t place = ((uint64_t)index << 4) | ((uint64_t)question << 1) |
			       (direction == RELAY_TO_CLIENT ? 1 : 0);
	uint64_t z = spec->seed + (place + 1) * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool fate_happens(double share, uint64_t number)
{
	return (double)(number >> 11) * 0x1p-53 < share;
}

struct relay_fate relay_fate(const struct relay_spec *spec, enum relay_direction direction,
			     uint32_t index)
{
	const uint32_t *drops =
		direction == RELAY_TO_SERVER ? spec->drop_to_server : spec->drop_to_client;
	struct relay_fate fate = {.lost = false};
	for (size_t i = 0; i < RELAY_DROPS_MAX && drops[i] != 0; i++)
		fate.lost = fate.lost || drops[i] == index;
	if (fate_happens(spec->loss, fate_number(spec, direction, index, FATE_LOSS)))
		fate.lost = true;
	if (fate.lost)
		return fate;
	fate.held_back =
		fate_happens(spec->reorder, fate_number(spec, direction, index, FATE_REORDER));
	fate.duplicated =
		fate_happens(spec->duplicate, fate_number(spec, direction, index, FATE_DUPLICATE));
	fate.corrupted =
		fate_happens(spec->corrupt, fate_number(spec, direction, index, FATE_CORRUPT));
	fate.corrupt_bit = fate_number(spec, direction, index, FATE_BIT);
	return fate;
}

/* --- what is under way --------------------------------------------------------------------- */

static bool held_before(const struct held *a, const struct held *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static bool heap_push(struct relay *r, const struct held *held)
{
	if (r->heap_count == r->heap_room) {
		const size_t room = r->heap_room == 0 ? 1024 : r->heap_room * 2;
		struct held *heap = realloc(r->heap, room * sizeof *heap);
		if (heap == NULL)
			return false;
		r->heap = heap;
		r->heap_room = room;
	}
	size_t at = r->heap_count++;
	while (at > 0 && held_before(held, &r->heap[(at - 1) / 2])) {
		r->heap[at] = r->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	r->heap[at] = *held;
	return true;
}

static struct held heap_pop(struct relay *r)
{
	const struct held first = r->heap[0];
	const struct held last = r->heap[--r->heap_count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= r->heap_count)
			break;
		if (child + 1 < r->heap_count && held_before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (!held_before(&r->heap[child], &last))
			break;
		r->heap[at] = r->heap[child];
		at = child;
	}
	r->heap[at] = last;
	return first;
}

/* Without room or memory the frame is lost, as on any wire. */
static void hold(struct relay *r, enum relay_direction direction, const uint8_t *frame,
		 size_t bytes, int64_t due_ns)
{
	if (r->held_bytes + bytes > HELD_BYTES_MAX)
		return;
	struct held held = {due_ns, r->serial++, direction, bytes, malloc(bytes)};
	if (held.frame == NULL)
		return;
	memcpy(held.frame, frame, bytes);
	if (heap_push(r, &held))
		r->held_bytes += bytes;
	else
		free(held.frame);
}

static void send_due(struct relay *r, int64_t now_ns)
{
	while (r->heap_count > 0 && r->heap[0].due_ns <= now_ns) {
		const struct held held = heap_pop(r);
		const int fd = held.direction == RELAY_TO_SERVER ? r->fd[RELAY_TO_CLIENT]
								 : r->fd[RELAY_TO_SERVER];
		/* An interface that is down or too small loses the frame; that is what it
		 * would do to a real one. */
		ssize_t sent;
		do
			sent = send(fd, held.frame, held.bytes, 0);
		while (sent < 0 && errno == EINTR);
		r->held_bytes -= held.bytes;
		free(held.frame);
	}
}

/* --- arriving ------------------------------------------------------------------------------ */

/* @return whether it is TCP, with the offset of its TCP part, even when that is malformed. */
static bool find_tcp(const uint8_t *frame, size_t bytes, size_t *offset)
{
	struct frame f;
	if (frame_decode(LINK_ETHERNET, frame, bytes, bytes, &f) != FRAME_OK)
		return false;
	const size_t start = (size_t)(f.packet - frame);
	struct packet p;
	switch (packet_decode(f.packet, f.captured_bytes, f.wire_bytes, &p)) {
	case PACKET_OK:
		*offset = start + p.ip.header_bytes + p.ip.extension_bytes;
		return p.kind == PACKET_TCP || p.kind == PACKET_FRAGMENT;
	case PACKET_TCP_TRUNCATED:
	case PACKET_TCP_BAD_OFFSET:
	case PACKET_TCP_OFFSET_OVERRUN:
		*offset = start + (f.packet[0] >> 4 == 6 ? 40u : (f.packet[0] & 15u) * 4u);
		return true;
	case PACKET_EMPTY:
	case PACKET_BAD_VERSION:
	case PACKET_IP_TRUNCATED:
	case PACKET_IP_BAD_HEADER_LENGTH:
	case PACKET_IP_BAD_TOTAL_LENGTH:
	case PACKET_IP6_BAD_EXTENSION:
	case PACKET_ICMP_TRUNCATED:
	case PACKET_STATUS_COUNT:
		break;
	}
	return false;
}

/* Decide about one frame. It is ours to change. */
static void arrive(struct relay *r, enum relay_direction direction, uint8_t *frame, size_t bytes)
{
	/* Now and not when it was queued, so that a delay is never less than asked for. */
	int64_t due_ns = clock_monotonic_ns() + r->spec.delay_ns;
	size_t offset = 0;
	if (!find_tcp(frame, bytes, &offset)) {
		hold(r, direction, frame, bytes, due_ns);
		return;
	}
	const struct relay_fate fate = relay_fate(&r->spec, direction, ++r->index[direction]);
	if (fate.lost)
		return;
	if (fate.held_back)
		due_ns += r->spec.reorder_ns > 0 ? r->spec.reorder_ns : REORDER_NS_DEFAULT;
	if (fate.corrupted && offset < bytes) {
		const uint64_t bit = fate.corrupt_bit % ((bytes - offset) * 8);
		frame[offset + bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	hold(r, direction, frame, bytes, due_ns);
	if (fate.duplicated)
		hold(r, direction, frame, bytes, due_ns);
}

/* Copy one frame out of its slot, or out of the socket buffer if it was larger.
 * @return its bytes; 0: not to be had */
static size_t copy_frame(struct relay *r, enum relay_direction direction,
			 const struct tpacket2_hdr *header)
{
	const uint8_t *data = (const uint8_t *)header + header->tp_mac;
	size_t bytes = header->tp_snaplen;
	if ((header->tp_status & TP_STATUS_COPY) != 0) {
		const ssize_t got = recv(r->fd[direction], r->scratch,
					 sizeof r->scratch - VLAN_BYTES, MSG_DONTWAIT);
		if (got < MACS_BYTES)
			return 0;
		bytes = (size_t)got;
	} else if (bytes < MACS_BYTES || bytes < header->tp_len) {
		return 0; /* cut short: no room in the socket buffer */
	} else {
		memcpy(r->scratch, data, bytes);
	}
	if ((header->tp_status & TP_STATUS_VLAN_VALID) == 0)
		return bytes;
	/* The kernel has taken the tag out of the frame; put it back. */
	const uint16_t tag_protocol = (header->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0
					      ? header->tp_vlan_tpid
					      : ETH_P_8021Q;
	const uint16_t tag[2] = {htons(tag_protocol), htons(header->tp_vlan_tci)};
	memmove(r->scratch + MACS_BYTES + VLAN_BYTES, r->scratch + MACS_BYTES, bytes - MACS_BYTES);
	memcpy(r->scratch + MACS_BYTES, tag, VLAN_BYTES);
	return bytes + VLAN_BYTES;
}

/* Take what has arrived, one lap of the ring at most so that both directions get a turn. */
static void take_arrived(struct relay *r, enum relay_direction direction)
{
	for (size_t i = 0; i < SLOTS_COUNT; i++) {
		uint8_t *slot = r->ring[direction] + r->slot[direction] * SLOT_BYTES;
		struct tpacket2_hdr *header = (struct tpacket2_hdr *)(void *)slot;
		if ((__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0)
			return;
		const size_t bytes = copy_frame(r, direction, header);
		__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->slot[direction] = (r->slot[direction] + 1) % SLOTS_COUNT;
		if (bytes > 0)
			arrive(r, direction, r->scratch, bytes);
	}
}

/* --- the module ---------------------------------------------------------------------------- */

static int attach(struct relay *r, enum relay_direction direction, const char *name)
{
	const int on = 1;
	const int version = TPACKET_V2;
	const struct tpacket_req ring = {.tp_block_size = BLOCK_BYTES,
					 .tp_block_nr = RING_BYTES / BLOCK_BYTES,
					 .tp_frame_size = SLOT_BYTES,
					 .tp_frame_nr = SLOTS_COUNT};
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = htons(ETH_P_ALL),
					    .sll_ifindex = (int)if_nametoindex(name)};
	if (address.sll_ifindex == 0)
		return -ENODEV;
	/* Protocol 0 until it is bound: nothing of other interfaces gets in. */
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r->fd[direction] = fd;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) < 0)
		return -errno;
	void *mapped = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	r->ring[direction] = mapped;
	return bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

int relay_open(struct relay **relay, const char *left, const char *right,
	       const struct relay_spec *spec, struct fault *why)
{
	struct relay *r = calloc(1, sizeof *r);
	if (r == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	r->spec = *spec;
	r->fd[RELAY_TO_SERVER] = r->fd[RELAY_TO_CLIENT] = -1;
	const char *name = left;
	int rc = attach(r, RELAY_TO_SERVER, left);
	if (rc == 0) {
		name = right;
		rc = attach(r, RELAY_TO_CLIENT, right);
	}
	if (rc < 0) {
		fault_set(why, "cannot attach the relay to %s: %s", name, strerror(-rc));
		relay_close(r);
		return rc;
	}
	*relay = r;
	return 0;
}

int relay_run(struct relay *relay, struct fault *why)
{
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	struct pollfd arrivals[RELAY_DIRECTION_COUNT];
	for (int d = 0; d < RELAY_DIRECTION_COUNT; d++)
		arrivals[d] = (struct pollfd){.fd = relay->fd[d], .events = POLLIN};
	for (;;) {
		take_arrived(relay, RELAY_TO_SERVER);
		take_arrived(relay, RELAY_TO_CLIENT);
		const int64_t now_ns = clock_monotonic_ns();
		send_due(relay, now_ns);
		struct timespec timeout = {0};
		if (relay->heap_count > 0) {
			const int64_t wait_ns = relay->heap[0].due_ns - now_ns;
			timeout.tv_sec = wait_ns / NS_PER_S;
			timeout.tv_nsec = wait_ns % NS_PER_S;
		}
		if (ppoll(arrivals, RELAY_DIRECTION_COUNT, relay->heap_count > 0 ? &timeout : NULL,
			  NULL) < 0 &&
		    errno != EINTR) {
			const int error = errno;
			fault_set(why, "cannot poll the wire: %s", strerror(error));
			return -error;
		}
		/* An interface that went down says so once; unread, it would be said for ever. */
		for (int d = 0; d < RELAY_DIRECTION_COUNT; d++) {
			int error;
			socklen_t bytes = sizeof error;
			if ((arrivals[d].revents & POLLERR) != 0)
				getsockopt(relay->fd[d], SOL_SOCKET, SO_ERROR, &error, &bytes);
		}
	}
}

void relay_close(struct relay *relay)
{
	if (relay == NULL)
		return;
	for (int d = 0; d < RELAY_DIRECTION_COUNT; d++) {
		if (relay->ring[d] != NULL)
			munmap(relay->ring[d], RING_BYTES);
		if (relay->fd[d] >= 0)
			close(relay->fd[d]);
	}
	for (size_t i = 0; i < relay->heap_count; i++)
		free(relay->heap[i].frame);
	free(relay->heap);
	free(relay);
}

/*
 * One libpcap handle, in immediate mode: the kernel writes each frame into a slot of a
 * ring shared with us, and wakes us for it (8 us from the wire to the callback, against
 * 1 ms and more in block mode).
 *
 * The price is that slots have one size, that of the snap length or of the largest frame to
 * expect: 64 KB where segmentation is offloaded. On lo the kernel shows every frame to a
 * capture twice, as sent and as received; libpcap hides the first, but only after it
 * has taken a slot: we tell the kernel not to put it there (capture_ignore_outgoing).
 */
#include "synscope/edge/capture.h"

#include <assert.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A frame of segmentation offload is up to 65549 bytes and a VLAN tag; this and libpcap's header of
 * a slot make just 64 KiB, where the largest would take 128. What is cut from the very longest
 * is not lost: the machine acknowledges only what was captured of it, and gets the rest again. */
#define SNAP_BYTES_DEFAULT 65408

/* By default the ring holds so many frames (of the largest size, 64), more than the segments
 * that a hand-made window of 64 KB holds unread. It is no larger than that because the kernel
 * clears, maps and unmaps all of it: 0.2 ms a MiB, of a trace's 9. */
#define SLOTS_DEFAULT 256
#define BUFFER_BYTES_MIN (256u << 10)
#define BUFFER_BYTES_MAX (4u << 20)

struct capture {
	pcap_t *pcap;
	int fd;
	uint32_t link_type;
	capture_fn fn; /* during capture_drain */
	void *context;
	unsigned given; /* in this capture_drain */
	uint64_t received;
	struct pcap_stat base; /* before the filter was on: not ours */
};

/*
 * The filter reads addresses and ports as words of the headers, "ip[12:4]=0xc0000201",
 * where "src host 192.0.2.1" would do: libpcap then knows nothing of ARP and RARP, makes
 * two thirds of the instructions, and takes half of the time to compile them (0.3 ms).
 */
struct filter_text {
	char *text;
	size_t text_bytes;
	size_t used;
};

static void filter_add(struct filter_text *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void filter_add(struct filter_text *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	f->used += (size_t)vsnprintf(f->text + f->used, f->text_bytes - f->used, format, args);
	va_end(args);
	assert(f->used < f->text_bytes); /* the contract's 1024 bytes hold the longest */
}

/* "ip[12:4]=0xc0000201", or four such words for IPv6. */
static void filter_add_address(struct filter_text *f, unsigned at, const struct ip_addr *a)
{
	for (unsigned i = 0; i < ip_addr_bytes(a); i += 4)
		filter_add(f, "%s%s[%u:4]=0x%02x%02x%02x%02x", i > 0 ? " and " : "",
			   a->family == IP_V6 ? "ip6" : "ip", at + i, a->bytes[i], a->bytes[i + 1],
			   a->bytes[i + 2], a->bytes[i + 3]);
}

/* " and tcp[0:4]=0x9c400050", or one port only; port 0 is any. The base is "tcp[0". */
static void filter_add_ports(struct filter_text *f, const char *base, uint16_t src, uint16_t dst)
{
	if (src != 0 && dst != 0)
		filter_add(f, " and %s:4]=0x%04x%04x", base, src, dst);
	else if (src != 0)
		filter_add(f, " and %s:2]=%u", base, src);
	else if (dst != 0)
		filter_add(f, " and %s+2:2]=%u", base, dst);
}

/* One direction of the exchange. */
static void filter_add_way(struct filter_text *f, const struct endpoint *src,
			   const struct endpoint *dst)
{
	const bool v6 = src->addr.family == IP_V6;
	filter_add(f, "(");
	filter_add_address(f, v6 ? 8 : 12, &src->addr);
	filter_add(f, " and ");
	filter_add_address(f, v6 ? 24 : 16, &dst->addr);
	filter_add_ports(f, v6 ? "ip6[40" : "tcp[0", src->port, dst->port);
	filter_add(f, ")");
}

void capture_filter_for(const struct endpoint *local, const struct endpoint *remote, char *text,
			size_t text_bytes)
{
	struct filter_text f = {text, text_bytes, 0};
	const bool v6 = local->addr.family == IP_V6;
	filter_add(&f, v6 ? "ip6 and ((ip6[6]=6 and (" : "ip and ((tcp and (");
	filter_add_way(&f, local, remote);
	filter_add(&f, " or ");
	filter_add_way(&f, remote, local);
	/* ICMP errors come from routers: their source is anybody. They quote our segment from
	 * its IP header on, at byte 8. Types 3 to 12 are the errors of RFC 792 and a few
	 * others, which do not quote; 1 to 4 those of RFC 4443 section 4. */
	filter_add(&f, v6 ? ")) or (ip6[6]=58 and ip6[40]>=1 and ip6[40]<=4 and ip6[54]=6 and "
			  : ")) or (icmp and icmp[0]>=3 and icmp[0]<=12 and icmp[17]=6 and ");
	filter_add_address(&f, v6 ? 24 : 16, &local->addr);
	if (v6) {
		filter_add(&f, " and ");
		filter_add_address(&f, 56, &local->addr);
		filter_add(&f, " and ");
		filter_add_address(&f, 72, &remote->addr);
	} else {
		const uint8_t *l = local->addr.bytes;
		const uint8_t *r = remote->addr.bytes;
		filter_add(&f,
			   " and icmp[20:4]=0x%02x%02x%02x%02x and icmp[24:4]=0x%02x%02x%02x%02x",
			   l[0], l[1], l[2], l[3], r[0], r[1], r[2], r[3]);
	}
	filter_add_ports(&f, v6 ? "ip6[88" : "icmp[8+((icmp[8]&0xf)<<2)", local->port,
			 remote->port);
	filter_add(&f, "))");
}

/* One family's part of capture_filter_listen(). */
static void filter_add_listen(struct filter_text *f, bool v6, const struct endpoint *local)
{
	const bool any = local->addr.family == IP_NONE || ip_addr_is_unspecified(&local->addr);
	const unsigned places[2] = {v6 ? 8 : 12, v6 ? 24 : 16};
	filter_add(f, v6 ? "(ip6 and ((ip6[6]=6 and (" : "(ip and ((tcp and (");
	for (int way = 0; way < 2; way++) {
		filter_add(f, way == 0 ? "(" : " or ("); /* or and and have one precedence */
		if (!any)
			filter_add_address(f, places[way], &local->addr);
		filter_add(f, "%s%s%s:2]=%u)", any ? "" : " and ", v6 ? "ip6[40" : "tcp[0",
			   way == 0 ? "" : "+2", local->port);
	}
	/* As in capture_filter_for(): errors from anybody that quote what we sent. */
	filter_add(f,
		   v6 ? ")) or (ip6[6]=58 and ip6[40]>=1 and ip6[40]<=4 and ip6[54]=6 and "
			"ip6[88:2]=%u)))"
		      : ")) or (icmp and icmp[0]>=3 and icmp[0]<=12 and icmp[17]=6 and "
			"icmp[8+((icmp[8]&0xf)<<2):2]=%u)))",
		   local->port);
}

void capture_filter_listen(const struct endpoint *local, char *text, size_t text_bytes)
{
	struct filter_text f = {text, text_bytes, 0};
	if (local->addr.family != IP_V6)
		filter_add_listen(&f, false, local);
	if (local->addr.family == IP_NONE)
		filter_add(&f, " or ");
	if (local->addr.family != IP_V4)
		filter_add_listen(&f, true, local);
}

/* libpcap's status as errno. */
static int capture_errno(int status)
{
	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return -EPERM;
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return -ENODEV;
	case PCAP_ERROR_IFACE_NOT_UP:
		return -ENETDOWN;
	default:
		return -EIO;
	}
}

static bool capture_asks(int fd, struct ifreq *request, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	request->ifr_data = (void *)&value;
	return ioctl(fd, SIOCETHTOOL, request) == 0 && value.data != 0;
}

/* The largest frame to expect: libpcap makes its slots so, if the snap length allows. */
static uint32_t capture_frame_bytes(const char *interface)
{
	uint32_t bytes = SNAP_BYTES_DEFAULT;
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return bytes;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0 &&
	    request.ifr_mtu < SNAP_BYTES_DEFAULT) {
		const uint32_t mtu_bytes = (uint32_t)request.ifr_mtu;
		if (!capture_asks(fd, &request, ETHTOOL_GTSO) &&
		    !capture_asks(fd, &request, ETHTOOL_GGSO) &&
		    !capture_asks(fd, &request, ETHTOOL_GGRO))
			bytes = mtu_bytes + 18;
	}
	close(fd);
	return bytes;
}

static uint32_t capture_buffer_bytes(const char *interface, uint32_t snap_bytes)
{
	const uint32_t frame_bytes = capture_frame_bytes(interface);
	const uint64_t slot_bytes = 80 + (snap_bytes < frame_bytes ? snap_bytes : frame_bytes);
	const uint64_t bytes = SLOTS_DEFAULT * slot_bytes;
	if (bytes < BUFFER_BYTES_MIN)
		return BUFFER_BYTES_MIN;
	return bytes > BUFFER_BYTES_MAX ? BUFFER_BYTES_MAX : (uint32_t)bytes;
}

static int capture_activate(struct capture *c, const struct capture_spec *spec, struct fault *why)
{
	pcap_t *p = c->pcap;
	const uint32_t snap = spec->snap_bytes != 0 ? spec->snap_bytes : SNAP_BYTES_DEFAULT;
	const uint32_t buffer = spec->buffer_bytes != 0
					? spec->buffer_bytes
					: capture_buffer_bytes(spec->interface, snap);
	if (pcap_set_snaplen(p, (int)snap) != 0 || pcap_set_buffer_size(p, (int)buffer) != 0 ||
	    pcap_set_promisc(p, 0) != 0 || pcap_set_immediate_mode(p, 1) != 0 ||
	    pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO) != 0) {
		fault_set(why, "cannot capture on %s: libpcap refused its settings",
			  spec->interface);
		return -EINVAL;
	}
	const int status = pcap_activate(p);
	if (status < 0) {
		const int error = capture_errno(status);
		const char *detail = pcap_geterr(p);
		if (error != -EIO)
			detail = strerror(-error);
		else if (detail[0] == '\0')
			detail = pcap_statustostr(status);
		fault_set(why, "cannot capture on %s: %s%s", spec->interface, detail,
			  error == -EPERM ? " (needs CAP_NET_RAW)" : "");
		return error;
	}
	return 0;
}

/* Tell the kernel to spare us the outgoing copy on a loopback device, where everything
 * comes in again. An old kernel's refusal costs ring space only. */
static void capture_ignore_outgoing(const struct capture *c, const char *interface)
{
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	const int on = 1;
	if (ioctl(c->fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_LOOPBACK) != 0)
		(void)setsockopt(c->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
}

static int capture_filter(struct capture *c, const char *filter, struct fault *why)
{
	struct bpf_program program;
	if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		fault_set(why, "cannot use the filter \"%s\": %s", filter, pcap_geterr(c->pcap));
		return -EINVAL;
	}
	const int status = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	if (status != 0) {
		fault_set(why, "cannot set the filter \"%s\": %s", filter, pcap_geterr(c->pcap));
		return -EIO;
	}
	return 0;
}

static int capture_start(struct capture *c, const struct capture_spec *spec, struct fault *why)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	c->pcap = pcap_create(spec->interface, error);
	if (c->pcap == NULL) {
		fault_set(why, "cannot capture on %s: %s", spec->interface, error);
		return -ENODEV;
	}
	int status = capture_activate(c, spec, why);
	if (status < 0)
		return status;
	c->fd = pcap_get_selectable_fd(c->pcap);
	if (c->fd < 0 || pcap_setnonblock(c->pcap, 1, error) != 0) {
		fault_set(why, "cannot capture on %s: %s", spec->interface, error);
		return -EIO;
	}
	/* "any" has no link header of its own; the newer made-up one says which interface. */
	if (pcap_datalink(c->pcap) == DLT_LINUX_SLL)
		(void)pcap_set_datalink(c->pcap, DLT_LINUX_SLL2);
	/* libpcap says DLT_RAW, whose number is 12 here and 101 in every file (LINKTYPE_RAW). */
	const int link_type = pcap_datalink(c->pcap);
	c->link_type = link_type == DLT_RAW ? 101 : (uint32_t)link_type;
	capture_ignore_outgoing(c, spec->interface);
	if (spec->filter != NULL) {
		status = capture_filter(c, spec->filter, why);
		if (status < 0)
			return status;
	}
	if (pcap_stats(c->pcap, &c->base) != 0)
		c->base = (struct pcap_stat){0};
	return 0;
}

int capture_open(struct capture **c, const struct capture_spec *spec, struct fault *why)
{
	struct capture *new = calloc(1, sizeof *new);
	if (new == NULL) {
		fault_set(why, "cannot capture on %s: %s", spec->interface, strerror(ENOMEM));
		return -ENOMEM;
	}
	const int status = capture_start(new, spec, why);
	if (status < 0) {
		capture_close(new);
		return status;
	}
	*c = new;
	return 0;
}

int capture_fd(const struct capture *c)
{
	return c->fd;
}

uint32_t capture_link_type(const struct capture *c)
{
	return c->link_type;
}

static void capture_give(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct capture *c = (struct capture *)(void *)user;
	c->given++;
	c->received++;
	const struct capture_frame frame = {
		/* nanoseconds, whatever the member is called (PCAP_TSTAMP_PRECISION_NANO) */
		.time_ns = (int64_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec,
		.data = data,
		.captured_bytes = header->caplen,
		.wire_bytes = header->len,
	};
	c->fn(c->context, &frame);
}

int capture_drain(struct capture *c, unsigned frames_max, capture_fn fn, void *context,
		  struct fault *why)
{
	c->fn = fn;
	c->context = context;
	c->given = 0;
	const int limit = frames_max == 0 || frames_max > INT32_MAX ? -1 : (int)frames_max;
	const int status = pcap_dispatch(c->pcap, limit, capture_give, (u_char *)c);
	if (status < 0 && status != PCAP_ERROR_BREAK) {
		fault_set(why, "capture failed: %s", pcap_geterr(c->pcap));
		return capture_errno(status);
	}
	return (int)c->given;
}

void capture_stop(struct capture *c)
{
	pcap_breakloop(c->pcap);
}

void capture_stats(struct capture *c, struct capture_stats *stats)
{
	/* Our own count: the kernel's also has frames that came before the filter, and on
	 * "any" both copies of lo's. */
	struct pcap_stat now = c->base;
	if (pcap_stats(c->pcap, &now) != 0)
		now = c->base;
	*stats = (struct capture_stats){
		.received = c->received,
		.dropped = now.ps_drop - c->base.ps_drop,
		.ifdropped = now.ps_ifdrop - c->base.ps_ifdrop,
	};
}

void capture_close(struct capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	free(c);
}

#include "stage.h"

#include "synscope/core/checksum.h"
#include "synscope/core/frame.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRUTH_TRIES 100
#define PORT_FIRST 10000 /* below the kernel's ephemeral ports */
#define PORT_COUNT 20000

static unsigned family_index(const struct stage *s)
{
	return s->us.addr.family == IP_V6 ? 1 : 0;
}

int stage_open(struct stage *s, const struct lab *lab, struct fault *why)
{
	const struct capture_spec wire = {
		.interface = "eth0", .filter = "tcp", .snap_bytes = 14 + STAGE_PACKET_BYTES};
	memset(s, 0, sizeof *s);
	s->frames = calloc(STAGE_FRAMES_MAX, sizeof *s->frames);
	if (s->frames == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		const enum ip_family family = i == 0 ? IP_V4 : IP_V6;
		s->client[i] = lab_address(lab, LAB_CLIENT, family);
		s->server[i] = lab_address(lab, LAB_SERVER, family);
		if (s->client[i].family == IP_NONE)
			continue; /* a kernel without IPv6 */
		const int rc = craft_open(&s->craft[i], family, "eth0", why);
		if (rc < 0)
			return rc;
	}
	int rc = capture_open(&s->capture, &wire, why);
	if (rc < 0)
		return rc;
	rc = lab_visit(LAB_SERVER, why);
	if (rc == 0)
		rc = sockdiag_open(&s->diag, NULL, why);
	const int back = lab_visit(LAB_CLIENT, why);
	return rc < 0 ? rc : back;
}

void stage_close(struct stage *s)
{
	guard_disarm(s->guard);
	sockdiag_close(s->diag);
	if (s->capture != NULL)
		capture_close(s->capture);
	for (unsigned i = 0; i < 2; i++)
		if (s->craft[i] != NULL)
			craft_close(s->craft[i]);
	free(s->frames);
	memset(s, 0, sizeof *s);
}

static int keep(struct stage_frame *kept, const uint8_t *packet, size_t captured, size_t wire)
{
	struct packet p;
	const size_t count = captured < sizeof kept->packet ? captured : sizeof kept->packet;
	memcpy(kept->packet, packet, count);
	kept->packet_bytes = (uint16_t)count;
	if (packet_decode(kept->packet, count, wire, &p) != PACKET_OK || p.kind != PACKET_TCP)
		return -EBADMSG;
	kept->segment = p.tcp;
	return 0;
}

static void take_frame(void *context, const struct capture_frame *f)
{
	struct stage *s = context;
	struct frame link;
	if (s->frames_count == STAGE_FRAMES_MAX) {
		s->overflow = true;
		return;
	}
	struct stage_frame *kept = &s->frames[s->frames_count];
	if (frame_decode(capture_link_type(s->capture), f->data, f->captured_bytes, f->wire_bytes,
			 &link) != FRAME_OK ||
	    keep(kept, link.packet, link.captured_bytes, link.wire_bytes) < 0)
		return;
	kept->time_ns = f->time_ns;
	kept->own = endpoint_equal(&kept->segment.src, &s->us);
	const struct endpoint *from = kept->own ? &s->us : &s->them;
	const struct endpoint *to = kept->own ? &s->them : &s->us;
	if (endpoint_equal(&kept->segment.src, from) && endpoint_equal(&kept->segment.dst, to))
		s->frames_count++;
}

int stage_drain(struct stage *s, struct fault *why)
{
	const unsigned count = s->frames_count;
	const int rc = capture_drain(s->capture, 0, take_frame, s, why);
	if (rc >= 0 && s->overflow) {
		fault_set(why, "more than %d segments", STAGE_FRAMES_MAX);
		return -ENOBUFS;
	}
	return rc < 0 ? rc : (int)(s->frames_count - count);
}

int stage_begin(struct stage *s, enum ip_family family, struct fault *why)
{
	const unsigned i = family == IP_V6 ? 1 : 0;
	if (s->craft[i] == NULL) {
		fault_set(why, "no IPv6 here");
		return -EAFNOSUPPORT;
	}
	int rc = stage_drain(s, why); /* what earlier episodes left */
	s->overflow = false;
	s->frames_count = 0;
	const uint16_t port = (uint16_t)(PORT_FIRST + s->episodes++ % PORT_COUNT);
	s->us = (struct endpoint){s->client[i], port};
	s->them = (struct endpoint){s->server[i], port};
	const struct guard_spec guard = {.kind = GUARD_SOCKET, .local = s->us};
	return rc < 0 ? rc : guard_arm(&s->guard, &guard, why);
}

static int write_setting(const char *name, const char *value, char *before, size_t before_bytes)
{
	char path[96];
	snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
	FILE *f = fopen(path, "r+e");
	if (f == NULL)
		return -errno;
	int rc = 0;
	if (before != NULL) {
		if (fgets(before, (int)before_bytes, f) == NULL)
			rc = -EIO;
		else
			before[strcspn(before, "\n")] = '\0';
		rewind(f);
	}
	if (rc == 0 && (fputs(value, f) < 0 || fflush(f) != 0))
		rc = -errno;
	fclose(f);
	return rc;
}

int stage_set(struct stage *s, const char *name, const char *value, struct fault *why)
{
	struct stage_setting *old = &s->settings[s->settings_count];
	if (s->settings_count == ARRAY_COUNT(s->settings))
		return -ENOBUFS;
	int rc = lab_visit(LAB_SERVER, why);
	if (rc == 0) {
		rc = write_setting(name, value, old->value, sizeof old->value);
		if (rc < 0)
			fault_set(why, "cannot set %s: %s", name, strerror(-rc));
	}
	if (rc == 0) {
		snprintf(old->name, sizeof old->name, "%s", name);
		s->settings_count++;
	}
	const int back = lab_visit(LAB_CLIENT, why);
	return rc < 0 ? rc : back;
}

void stage_end(struct stage *s)
{
	struct fault why;
	guard_disarm(s->guard);
	s->guard = NULL;
	if (s->settings_count == 0 || lab_visit(LAB_SERVER, &why) < 0)
		return;
	while (s->settings_count > 0) {
		const struct stage_setting *old = &s->settings[--s->settings_count];
		(void)write_setting(old->name, old->value, NULL, 0);
	}
	(void)!lab_visit(LAB_CLIENT, &why);
}

int stage_socket(const struct stage *s)
{
	struct fault why;
	int rc = lab_visit(LAB_SERVER, &why);
	if (rc < 0)
		return rc;
	rc = socket(s->us.addr.family == IP_V6 ? AF_INET6 : AF_INET,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (rc < 0)
		rc = -errno;
	const int back = lab_visit(LAB_CLIENT, &why);
	return back < 0 ? back : rc;
}

int stage_build(struct stage *s, const struct segment_spec *spec, struct stage_frame *frame,
		struct fault *why)
{
	const uint8_t *packet;
	const int bytes = craft_build(s->craft[family_index(s)], spec, &packet, why);
	if (bytes < 0)
		return bytes;
	frame->own = true;
	const int rc = keep(frame, packet, (size_t)bytes, (size_t)bytes);
	if (rc < 0)
		fault_set(why, "what was built cannot be decoded");
	return rc;
}

int stage_send(struct stage *s, const struct segment_spec *spec, struct fault *why)
{
	return craft_send(s->craft[family_index(s)], spec, why);
}

int stage_refuse(struct stage *s, const struct stage_frame *about, struct fault *why)
{
	const bool v6 = s->us.addr.family == IP_V6;
	uint8_t message[8 + 128] = {v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH,
				    v6 ? ICMP6_DST_UNREACH_NOPORT : ICMP_PORT_UNREACH};
	const size_t quoted = about->packet_bytes < 128 ? about->packet_bytes : 128;
	memcpy(message + 8, about->packet, quoted);
	if (!v6) { /* the kernel writes that of ICMPv6 itself */
		const uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, message, 8 + quoted));
		message[2] = (uint8_t)(sum >> 8);
		message[3] = (uint8_t)sum;
	}
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	memcpy(&to4.sin_addr, s->them.addr.bytes, 4);
	memcpy(&to6.sin6_addr, s->them.addr.bytes, 16);
	const int fd = v6 ? socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)
			  : socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	const ssize_t sent =
		fd < 0 ? -1
		       : sendto(fd, message, 8 + quoted, 0,
				v6 ? (const struct sockaddr *)&to6 : (const struct sockaddr *)&to4,
				v6 ? sizeof to6 : sizeof to4);
	const int rc = sent < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		fault_set(why, "cannot send an ICMP error: %s", strerror(-rc));
	return rc;
}

int stage_truth(struct stage *s, struct sockdiag_truth *truth, struct fault *why)
{
	for (int i = 0; i < TRUTH_TRIES; i++) {
		int more = stage_drain(s, why);
		if (more < 0)
			return more;
		const int rc = sockdiag_ask(s->diag, &s->them, &s->us, truth, why);
		if (rc < 0)
			return rc;
		more = stage_drain(s, why);
		if (more <= 0)
			return more;
	}
	fault_set(why, "the other end does not come to rest");
	return -EAGAIN;
}

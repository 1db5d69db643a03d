/*
 * One connection at a time between a hand-made end and a real kernel. In the lab's client
 * stands an injector that has no TCP of its own behind it (a guard keeps the kernel there
 * quiet); in the lab's server the kernel under test. Both are handled by one process that
 * goes over to the server whenever it needs a socket there (lab_visit), so there is no
 * second process to wait for and no pipe between the two.
 *
 * A veth delivers in the sender's softirq: when sendto(), close() and the like return, the
 * kernel has acted on the segment, its answer is in the capture, and sock_diag tells the
 * state after it. So truth needs no sleep.
 */
#ifndef TESTS_WALK_STAGE_H
#define TESTS_WALK_STAGE_H

#include "synscope/core/segment.h"
#include "synscope/core/spec.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"
#include "synscope/edge/lab.h"
#include "synscope/edge/sockdiag.h"

#include <stdbool.h>
#include <stdint.h>

#define STAGE_PACKET_BYTES 320 /* what is kept of a captured packet */
#define STAGE_FRAMES_MAX 600

/* A captured segment of the connection, in the order of the capture. */
struct stage_frame {
	struct segment segment; /* borrows packet */
	bool own;
	int64_t time_ns; /* by the kernel */
	uint16_t packet_bytes;
	uint8_t packet[STAGE_PACKET_BYTES];
};

struct stage {
	struct endpoint us, them;
	struct stage_frame *frames; /* since stage_begin() */
	unsigned frames_count;
	unsigned episodes;                   /* ever begun: each has ports of its own */
	struct ip_addr client[2], server[2]; /* IPv4, IPv6 */
	struct craft *craft[2];
	struct capture *capture;
	struct guard *guard;
	struct sockdiag *diag;
	bool overflow;
	unsigned settings_count;
	struct stage_setting { /* sysctls that were changed, with what they were */
		char name[40], value[40];
	} settings[12];
};

/**
 * Open what is needed, in a child that lab_spawn() put into the client of @p lab.
 * @return 0, or negative errno with @p why
 */
must_check int stage_open(struct stage *s, const struct lab *lab, struct fault *why);
void stage_close(struct stage *s);

/** Take fresh ports on both sides, arm the guard, forget all frames. */
must_check int stage_begin(struct stage *s, enum ip_family family, struct fault *why);
/** Disarm, and set every sysctl back. */
void stage_end(struct stage *s);

/** Build, as it would be sent: for segments that get lost. @p frame keeps it. */
must_check int stage_build(struct stage *s, const struct segment_spec *spec,
			   struct stage_frame *frame, struct fault *why);
/** Put on the wire. The frames that it causes are there after the next stage_truth(). */
must_check int stage_send(struct stage *s, const struct segment_spec *spec, struct fault *why);
/** Send the client's own ICMP error about a segment of theirs: port unreachable. */
must_check int stage_refuse(struct stage *s, const struct stage_frame *about, struct fault *why);

/** Take in what was captured. @return how many segments there were, or negative errno */
must_check int stage_drain(struct stage *s, struct fault *why);
/** Take in what was captured, and ask the kernel, until nothing came in between. */
must_check int stage_truth(struct stage *s, struct sockdiag_truth *truth, struct fault *why);

/** Set a sysctl of the server, "tcp_syncookies" ... (net.ipv4); stage_end() sets it back. */
must_check int stage_set(struct stage *s, const char *name, const char *value, struct fault *why);

/** @return a socket in the server, non-blocking, or negative errno. */
int stage_socket(const struct stage *s);

#endif

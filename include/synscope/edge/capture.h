/*
 * Live capture with libpcap: immediate mode, nanosecond stamps of the kernel,
 * both directions, each segment once (on lo too).
 */
#ifndef SYNSCOPE_EDGE_CAPTURE_H
#define SYNSCOPE_EDGE_CAPTURE_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

struct capture_spec {
	const char *interface; /* name, or "any" */
	const char *filter;    /* libpcap expression; NULL: everything. Never use inbound/outbound:
				  libpcap loses the first packets with them, silently */
	uint32_t snap_bytes;   /* 0: 65600, whole frames, segmentation offload's too */
	uint32_t buffer_bytes; /* 0: enough for a few connections made by hand, 63 to 256
				  frames. Costs 0.2 ms a MiB and run; see CAPTURE_BUFFER_BULK */
};

/* For the kernel's own connections at line rate: 511 frames of 64 KB. Frames take room for
 * the largest, whatever their size: for more of them choose a smaller snap_bytes. */
#define CAPTURE_BUFFER_BULK (32u << 20)

/**
 * Write a filter for exactly this 4-tuple, both directions, plus the ICMP errors sent to
 * @p local that quote it.
 * @param local our end; port 0 stands for any
 * @param remote the other, of the same family; likewise
 * @param text receives the expression; 1024 bytes always suffice
 */
void capture_filter_for(const struct endpoint *local, const struct endpoint *remote, char *text,
			size_t text_bytes);

/**
 * Write a filter for every segment from or to a port, of one family or of both, and the ICMP
 * errors that quote what came from it.
 * @param local the end that listens; address family IP_NONE: of both families; an unspecified
 *              address (0.0.0.0, ::): of any address
 * @param text  1024 bytes always suffice
 */
void capture_filter_listen(const struct endpoint *local, char *text, size_t text_bytes);

/** Start. Needs CAP_NET_RAW. @return 0 with @p c, or negative errno with @p why */
must_check int capture_open(struct capture **c, const struct capture_spec *spec, struct fault *why);

/** @return a descriptor to poll for reading. */
int capture_fd(const struct capture *c);
/** @return the LINKTYPE_ number of its frames. */
uint32_t capture_link_type(const struct capture *c);

struct capture_frame {
	int64_t time_ns;     /* since 1970, by the kernel */
	const uint8_t *data; /* borrowed until the callback returns */
	size_t captured_bytes;
	size_t wire_bytes;
};

typedef void (*capture_fn)(void *context, const struct capture_frame *frame);

/**
 * Give every frame that has arrived to @p fn, without waiting.
 * @param frames_max stop after so many; 0: no limit. A callback may call capture_stop().
 * @return how many, or negative errno with @p why
 */
must_check int capture_drain(struct capture *c, unsigned frames_max, capture_fn fn, void *context,
			     struct fault *why);
/** From within a callback: give no more frames in this capture_drain(). */
void capture_stop(struct capture *c);

struct capture_stats {
	uint64_t received;  /* given to a callback so far; each once, lo too */
	uint64_t dropped;   /* no room in the buffer */
	uint64_t ifdropped; /* by the interface */
};

void capture_stats(struct capture *c, struct capture_stats *stats);

/** Stop. Takes some 25 ms in the kernel; a process about to exit need not. */
void capture_close(struct capture *c);

#endif

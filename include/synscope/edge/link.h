/*
 * The seam to the world: frames in, segments out. The live wire (craft and capture) and a
 * capture file are two implementations; tests have a third, a simulated one.
 */
#ifndef SYNSCOPE_EDGE_LINK_H
#define SYNSCOPE_EDGE_LINK_H

#include "synscope/core/frame.h"
#include "synscope/core/spec.h"
#include "synscope/core/util.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/craft.h"
#include "synscope/edge/fault.h"

#include <stddef.h>
#include <stdint.h>

struct link_frame {
	int64_t time_ns;
	uint64_t number; /* in the file; 0 live */
	uint32_t link_type;
	const uint8_t *data; /* borrowed until the callback returns */
	size_t captured_bytes, wire_bytes;
	enum frame_hint hint;
};

typedef void (*link_fn)(void *context, const struct link_frame *frame);

struct link_stats {
	uint64_t dropped, ifdropped;
};

struct link;

struct link_ops {
	/* Build and send. File: -ENOTSUP. */
	int (*send)(struct link *l, const struct segment_spec *spec, struct fault *why);
	/* Give what is there; @return frames given (file: 1), 0 for nothing (file: the end), or
	 * negative errno with @p why. */
	int (*receive)(struct link *l, link_fn fn, void *context, struct fault *why);
	/* From within a callback: give no more in this receive. */
	void (*pause)(struct link *l);
	/* @return a descriptor to poll, or -1. */
	int (*fd)(const struct link *l);
	void (*stats)(struct link *l, struct link_stats *stats);
	void (*close)(struct link *l);
};

struct link {
	const struct link_ops *ops;
};

/** Join an open builder and an open capture (owned from now on). */
must_check int link_open_live(struct link **l, struct craft *craft, struct capture *capture,
			      struct fault *why);

/** Read a capture file, or "-" for standard input. */
must_check int link_open_file(struct link **l, const char *path, struct fault *why);

static inline int link_send(struct link *l, const struct segment_spec *spec, struct fault *why)
{
	return l->ops->send(l, spec, why);
}

static inline int link_receive(struct link *l, link_fn fn, void *context, struct fault *why)
{
	return l->ops->receive(l, fn, context, why);
}

static inline void link_pause(struct link *l)
{
	l->ops->pause(l);
}

static inline int link_fd(const struct link *l)
{
	return l->ops->fd(l);
}

static inline void link_stats(struct link *l, struct link_stats *stats)
{
	l->ops->stats(l, stats);
}

static inline void link_close(struct link *l)
{
	if (l != NULL)
		l->ops->close(l);
}

#endif

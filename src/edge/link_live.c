#include "synscope/edge/link.h"

#include <errno.h>
#include <stdlib.h>

struct link_live {
	struct link link;
	struct craft *craft;
	struct capture *capture;
	link_fn fn; /* during a receive */
	void *context;
};

static int live_send(struct link *l, const struct segment_spec *spec, struct fault *why)
{
	return craft_send(((struct link_live *)l)->craft, spec, why);
}

static void live_frame(void *context, const struct capture_frame *frame)
{
	const struct link_live *live = context;
	const struct link_frame out = {
		.time_ns = frame->time_ns,
		.link_type = capture_link_type(live->capture),
		.data = frame->data,
		.captured_bytes = frame->captured_bytes,
		.wire_bytes = frame->wire_bytes,
	};
	live->fn(live->context, &out);
}

static int live_receive(struct link *l, link_fn fn, void *context, struct fault *why)
{
	struct link_live *live = (struct link_live *)l;
	live->fn = fn;
	live->context = context;
	return capture_drain(live->capture, 0, live_frame, live, why);
}

static void live_pause(struct link *l)
{
	capture_stop(((struct link_live *)l)->capture);
}

static int live_fd(const struct link *l)
{
	return capture_fd(((const struct link_live *)l)->capture);
}

static void live_stats(struct link *l, struct link_stats *stats)
{
	struct capture_stats s;
	capture_stats(((struct link_live *)l)->capture, &s);
	stats->dropped = s.dropped;
	stats->ifdropped = s.ifdropped;
}

static void live_close(struct link *l)
{
	struct link_live *live = (struct link_live *)l;
	craft_close(live->craft);
	capture_close(live->capture);
	free(live);
}

static const struct link_ops live_ops = {live_send, live_receive, live_pause,
					 live_fd,   live_stats,   live_close};

int link_open_live(struct link **l, struct craft *craft, struct capture *capture, struct fault *why)
{
	struct link_live *live = calloc(1, sizeof *live);
	if (live == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	live->link.ops = &live_ops;
	live->craft = craft;
	live->capture = capture;
	*l = &live->link;
	return 0;
}

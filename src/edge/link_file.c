#include "synscope/edge/capfile.h"
#include "synscope/edge/link.h"

#include <errno.h>
#include <stdlib.h>

struct link_file {
	struct link link;
	struct capfile *file;
};

static int file_send(struct link *l, const struct segment_spec *spec, struct fault *why)
{
	(void)l;
	(void)spec;
	fault_set(why, "cannot send into a capture file");
	return -ENOTSUP;
}

static int file_receive(struct link *l, link_fn fn, void *context, struct fault *why)
{
	struct capfile_record r;
	const int rc = capfile_next(((struct link_file *)l)->file, &r, why);
	if (rc <= 0)
		return rc;
	const struct link_frame out = {
		.time_ns = r.time_ns,
		.number = r.number,
		.link_type = r.link_type,
		.data = r.data,
		.captured_bytes = r.captured_bytes,
		.wire_bytes = r.wire_bytes,
		.hint = r.hint,
	};
	fn(context, &out);
	return 1;
}

static void file_pause(struct link *l)
{
	(void)l; /* it gives one at a time */
}

static int file_fd(const struct link *l)
{
	(void)l;
	return -1;
}

static void file_stats(struct link *l, struct link_stats *stats)
{
	(void)l;
	*stats = (struct link_stats){0};
}

static void file_close(struct link *l)
{
	struct link_file *f = (struct link_file *)l;
	capfile_close(f->file);
	free(f);
}

static const struct link_ops file_ops = {file_send, file_receive, file_pause,
					 file_fd,   file_stats,   file_close};

int link_open_file(struct link **l, const char *path, struct fault *why)
{
	struct link_file *f = calloc(1, sizeof *f);
	if (f == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	const int rc = capfile_open(path, &f->file, why);
	if (rc < 0) {
		free(f);
		return rc;
	}
	f->link.ops = &file_ops;
	*l = &f->link;
	return 0;
}

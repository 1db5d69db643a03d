/*
 * Renderers: rows of one table, each turning the same events into a form to read.
 */
#ifndef SYNSCOPE_RENDER_RENDER_H
#define SYNSCOPE_RENDER_RENDER_H

#include "synscope/core/event.h"
#include "synscope/core/util.h"
#include "synscope/render/out.h"

#include <stdbool.h>
#include <stddef.h>

enum numbers {
	NUMBERS_BOTH,
	NUMBERS_REL,
	NUMBERS_RAW,
	NUMBERS_SYMBOLIC, /* as textbooks write them: x, y, x+1; beside the raw ones */
};
enum time_mode { TIME_REL, TIME_DELTA, TIME_ABS };
/* Of pictures and pages. THEME_AUTO leaves it to who looks at them. */
enum theme { THEME_AUTO, THEME_LIGHT, THEME_DARK, THEME_PRINT };

#define RENDER_WIDTH_MIN 60
#define RENDER_WIDTH_MAX 400

struct render_options {
	int width;  /* columns, RENDER_WIDTH_MIN to RENDER_WIDTH_MAX */
	bool ascii; /* no character above 0x7e */
	bool color;
	enum numbers numbers;
	enum time_mode time_mode;
	int verbosity; /* -1 quiet, 0, 1 (-v), 2 (-vv) ... */
	bool live;     /* flush per event */
	bool unfolded; /* views show every row of a transfer */
	bool truth;    /* show the kernel's true state where known */
	enum theme theme;
	bool payload;         /* pictures and pages show what was said (views always do) */
	uint32_t until;       /* svg: draw the rows of the first exchange up to this; 0: all */
	const char *hardware; /* for file headers, or NULL: e.g. uname's machine */
	const char *command;  /* the command line, for file headers, or NULL */
};

struct render; /* an instance */

struct renderer {
	const char *name; /* as --view has it, or a file format */
	const char *help; /* one line */
	bool is_view;     /* may be chosen by --view */
	/* An instance on @p out (borrowed; must outlive it), or NULL if no memory. */
	struct render *(*open)(struct out *out, const struct render_options *options);
	/* Show one event. Every instance gets every event, EVENT_END last. */
	void (*event)(struct render *r, const struct event *e);
	void (*close)(struct render *r);
};

extern const struct renderer renderers[]; /* ladder rfc ledger lines json pcapng pcap svg html */
extern const size_t renderers_count;

/** Find a renderer by name. @return NULL if none */
const struct renderer *renderer_find(const char *name);

#endif

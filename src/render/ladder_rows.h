/* The rows of a ladder: how each event is drawn, without any memory of what came before
 * but the flow's. ladder.c decides which of them are shown, and when. */
#ifndef SYNSCOPE_SRC_RENDER_LADDER_ROWS_H
#define SYNSCOPE_SRC_RENDER_LADDER_ROWS_H

#include "synscope/core/event.h"
#include "synscope/render/flows.h"
#include "synscope/render/render.h"
#include "synscope/render/text.h"

/* The columns of a ladder, in order: left gutter, lifeline, span, lifeline, right gutter. */
struct ladder_page {
	struct render_options options;
	const struct glyphs *glyphs;
	int left, span, right;
	int point; /* column of the decimal point of relative times */
	bool wide; /* raw numbers stand in brackets in the label; else on the arrow */
};

/* What a run of like segments amounted to. */
struct ladder_fold {
	uint64_t segments;
	uint64_t bytes[2]; /* of payload, by enum side of the sender */
	uint64_t acks;     /* segments without payload */
	uint64_t duplicates;
	uint64_t out_of_order;
};

void ladder_page_init(struct ladder_page *p, const struct render_options *options);

/* Who talks, from where it was seen, and what the marks mean; then the two lifelines. */
void ladder_put_header(const struct ladder_page *p, const struct flow_memory *m, bool goes_on,
		       struct out *out);
void ladder_put_bottom(const struct ladder_page *p, struct out *out);

/* m->end is what was shown before, and is updated. */
void ladder_put_segment(const struct ladder_page *p, struct flow_memory *m, const struct event *e,
			struct out *out);
void ladder_put_icmp(const struct ladder_page *p, struct flow_memory *m, const struct event *e,
		     struct out *out);
void ladder_put_timer(const struct ladder_page *p, const struct flow_memory *m,
		      const struct event *e, struct out *out);
void ladder_put_transition(const struct ladder_page *p, const struct event *e, struct out *out);

/* A row of idle time. */
void ladder_put_gap(const struct ladder_page *p, int64_t gap_ns, const char *why, struct out *out);
void ladder_put_fold(const struct ladder_page *p, const struct ladder_fold *f, struct out *out);

#endif

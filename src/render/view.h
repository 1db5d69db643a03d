/*
 * What the views for people (ladder, rfc, ledger) have in common: which rows are
 * shown, in which order, and which are folded. A view's look says how they are drawn.
 */
#ifndef SYNSCOPE_RENDER_VIEW_H
#define SYNSCOPE_RENDER_VIEW_H

#include "synscope/core/event.h"
#include "synscope/render/flows.h"
#include "synscope/render/render.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

struct page {
	struct render_options options;
	const struct glyphs *glyphs;
};

/* What a run of like segments amounted to. */
struct view_fold {
	uint64_t segments;
	uint64_t bytes[2]; /* of payload, by enum side of the sender */
	uint64_t acks;     /* segments without payload */
	uint64_t duplicates;
	uint64_t out_of_order;
};

/*
 * How the rows of one view are drawn. m->end is what was shown before; segment and
 * icmp bring it up to date. The flow's clock has moved on to the event already.
 */
struct view_look {
	/* Above the first row of an exchange, or of the rest of one that was interrupted. */
	void (*header)(const struct page *p, const struct flow_memory *m, bool goes_on,
		       struct out *out);
	void (*segment)(const struct page *p, struct flow_memory *m, const struct event *e,
			struct out *out);
	void (*icmp)(const struct page *p, struct flow_memory *m, const struct event *e,
		     struct out *out);
	/* A sentence about a moment: a timer of ours. */
	void (*moment)(const struct page *p, const struct flow_memory *m, int64_t time_ns,
		       const char *text, enum note_weight weight, struct out *out);
	/* A sentence about the row above. */
	void (*remark)(const struct page *p, const char *text, enum note_weight weight,
		       struct out *out);
	/* Time without segments; NULL: not shown. */
	void (*gap)(const struct page *p, int64_t gap_ns, const char *why, struct out *out);
	void (*fold)(const struct page *p, const char *text, struct out *out);
	/* Below the last row; NULL: nothing. */
	void (*bottom)(const struct page *p, struct out *out);
};

struct render *view_open(const struct view_look *look, struct out *out,
			 const struct render_options *options);

/* Say who talks to whom, where that was seen and, for the first time, what the marks mean. */
void view_put_intro(const struct page *p, const struct flow_memory *m, bool goes_on,
		    struct out *out);

/* For views of one row a segment: the number and the time, which together end at this
 * column; and the heading above them. */
int view_time_end(const struct page *p);
void view_add_time_heading(const struct page *p, struct text *t);

/* Both right-aligned; of a time that is too long the decimals go first. n 0: none. */
void view_add_time(const struct page *p, const struct flow_memory *m, uint32_t n, int64_t time_ns,
		   struct text *t);

/* A sentence below such a row, wrapped, from column @p from on; @p t may have begun it. */
void view_put_sentence(const struct page *p, struct text *t, int from, const char *text,
		       enum note_weight weight, struct out *out);
void view_put_fold(const struct page *p, int from, const char *text, struct out *out);

/* How a sentence is shown, by its weight, and the mark before it. */
enum style view_weight_style(enum note_weight weight);
const char *view_weight_mark(const struct page *p, enum note_weight weight);

/* STYLE_OUT for what leaves our end, or else the client; STYLE_IN for the rest. */
enum style view_style(const struct flow_memory *m, enum side from);

/* Whether the state of an end is not the one shown before. */
bool view_changed(const struct flow_memory *m, enum side side, const struct end_view *v);

/* Why there is a gap to show before an event, when the flow's clock has moved on to it; NULL:
 * there is none. */
const char *view_gap(const struct flow_memory *m, const struct event *e);

#endif

/*
 * What step mode shows beside a view: about one moment of an exchange, in lines of text.
 */
#ifndef SYNSCOPE_RENDER_PANEL_H
#define SYNSCOPE_RENDER_PANEL_H

#include "synscope/core/event.h"
#include "synscope/render/out.h"
#include "synscope/render/render.h"
#include "synscope/render/tape.h"

#include <stddef.h>

#define PANEL_STATES_COLUMNS 77
#define PANEL_STATES_LINES 12

/** Draw RFC 9293's state diagram (figure 5), with C and S where the client and the server are:
 *  proven, expected or one of several, marked as in the views. NULL: nothing is known yet. */
void panel_states(const struct render_options *o, const struct end_view *client,
		  const struct end_view *server, struct out *out);

/** Write the fields of a segment's header as RFC 9293 figure 1 has them, four bytes a line. */
void panel_fields(const struct render_options *o, const struct event *e, struct out *out);

/** Write all that was found out at an event: notes, what it changed and why, other states that
 *  are possible. @param i its place on the tape */
void panel_explain(const struct render_options *o, const struct tape *tape, size_t i,
		   struct out *out);

#endif

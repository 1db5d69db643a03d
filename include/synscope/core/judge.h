/*
 * What a segment means, in words and with the arithmetic: the notes of an event.
 * Judges a segment against the flow before the flow takes it in, so that "expected
 * 1001, is 1000" can be said. RFC 9293 section 3.10.7, RFC 5961, RFC 7323, RFC 2018.
 */
#ifndef SYNSCOPE_CORE_JUDGE_H
#define SYNSCOPE_CORE_JUDGE_H

#include "synscope/core/belief.h"
#include "synscope/core/event.h"
#include "synscope/core/flow.h"
#include "synscope/core/segment.h"

/** Add the notes of a segment from @p from to @p e (whose tcp, rel numbers are filled). */
void judge_segment(const struct flow *f, enum side from, const struct flow_delta *delta,
		   struct event_segment *e);

/** Add what it means that @p from sends an RST at its SND.NXT, which is known only as far as was
 *  seen. */
void judge_abort(const struct flow *f, enum side from, struct event_segment *e);

/** Add what the belief of its sender has to say: proof, reset kind, contradiction. */
void judge_evidence(const struct flow *f, enum side from, const struct belief_evidence *evidence,
		    bool explained, struct event_segment *e);

/** Add the notes of an ICMP error. */
void judge_icmp(const struct flow *f, struct event_icmp *e);

/** Add one note; silently full after EVENT_NOTES_MAX, the first ones stay. */
void judge_note(struct note *notes, uint8_t *count, enum note_code code, const char *rfc,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Write what two SYNs agreed on: "mss 1460 to client, 1460 to server, window scale client 7,
 * server 10, SACK, timestamps"; "" if either was not seen. @return text */
char *judge_options_text(const struct flow *f, char *text, size_t text_bytes);

#endif

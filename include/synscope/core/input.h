/*
 * From a segment and the variables of the end it arrives at, to facts.
 * All the comparisons of RFC 9293 section 3.10.7 stand in this one function.
 */
#ifndef SYNSCOPE_CORE_INPUT_H
#define SYNSCOPE_CORE_INPUT_H

#include "synscope/core/rules.h"
#include "synscope/core/segment.h"
#include "synscope/core/seq.h"

#include <stdbool.h>
#include <stdint.h>

#define INPUT_WINDOW_UNKNOWN (UINT32_MAX / 2) /* as snd_wnd_max: no ACK is too old */

/* RFC 9293 section 3.3.1: the variables that the comparisons need. Our own end knows them;
 * for a remote end each possible node supplies its own. */
struct input_vars {
	enum ctl ctl;
	seq_t iss;
	seq_t snd_una;
	seq_t snd_nxt;
	uint32_t snd_wnd_max; /* MAX.SND.WND, bytes, or INPUT_WINDOW_UNKNOWN */
	seq_t irs;            /* meaningful from SYN-RECEIVED on */
	seq_t rcv_nxt;        /* likewise */
	uint32_t rcv_wnd;     /* bytes, scaled */
	bool has_ts_recent;   /* timestamps negotiated, RFC 7323 */
	uint32_t ts_recent;
};

/**
 * Reduce a segment to facts.
 * In CLOSED and LISTEN only flags and text count; in SYN-SENT the acknowledgement is judged
 * against SND.UNA and SND.NXT, and, if it is a SYN, its text and FIN as if RCV.NXT were SEG.SEQ
 * + 1.
 * @param vars variables of the end that @p s arrives at; rcv_wnd counts in SYN-SENT too
 */
facts_t input_facts(const struct input_vars *vars, const struct segment *s);

#endif

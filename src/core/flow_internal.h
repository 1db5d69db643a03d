/* What the files of flow share. */
#ifndef SYNSCOPE_CORE_FLOW_INTERNAL_H
#define SYNSCOPE_CORE_FLOW_INTERNAL_H

#include "synscope/core/flow.h"

#define SEQ_PLAUSIBLE (1 << 30) /* the largest window that RFC 7323 section 2.3 allows */

/* Whether two numbers can belong to the same moment of one connection. */
static inline bool seq_is_near(seq_t s, seq_t t)
{
	const int32_t d = seq_diff(s, t);
	return d < SEQ_PLAUSIBLE && d > -SEQ_PLAUSIBLE;
}

/* Let what Zeek and Wireshark keep move on. Before the counts of the flow do. */
void flow_peers_take(struct flow *f, enum side from, const struct segment *s);
/* Zeek's conn_state: "SF", "RSTOS0" ... */
const char *flow_peers_conn_state(const struct flow *f);

#endif

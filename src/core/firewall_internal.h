/* What the files of the judge share: firewall.c the host, the verdict and the words,
 * firewall_box.c which box, firewall_signs.c what it keeps, rewrites and fakes. */
#ifndef SYNSCOPE_CORE_FIREWALL_INTERNAL_H
#define SYNSCOPE_CORE_FIREWALL_INTERNAL_H

#include "synscope/core/firewall.h"

/* All that the judgement of one port looks at. */
struct port_view {
	const struct battery *b;
	const struct firewall_host *h;
	uint32_t index;
	struct firewall_port *v;
	struct firewall_claims *claims; /* or NULL */
};

/** @return the first answer to the first step of a question, or NULL if it was not asked. */
const struct answer *firewall_answer(const struct battery *b, uint32_t index, enum question q);
/** @return the result of a step, or NULL if it was never asked. */
const struct step_result *firewall_step(const struct battery *b, uint32_t index, enum question q,
					unsigned step);
/** @return whether it came from a TCP, or something that acts as one. */
bool firewall_is_tcp(const struct answer *a);

void firewall_claim(struct port_view *w, enum firewall_topic topic, enum confidence c,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Which box gave the answer @p a to the SYN (or dropped it: @p a of kind ANSWER_NONE). */
void firewall_judge_box(struct port_view *w, const struct answer *a);
void firewall_judge_keeps(struct port_view *w);
void firewall_judge_rewrites(struct port_view *w);
void firewall_judge_fakes(struct port_view *w);

#endif

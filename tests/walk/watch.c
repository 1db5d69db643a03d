#include "watch.h"

#include "synscope/core/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *watch_problem_name(enum watch_problem p)
{
	switch (p) {
	case WATCH_GOOD:
		return "good";
	case WATCH_IMPOSSIBLE:
		return "not possible";
	case WATCH_CONTRADICTION:
		return "contradiction";
	case WATCH_DISPROVED:
		return "not proven";
	case WATCH_NOT_NESTED:
		return "not nested";
	case WATCH_BROKEN:
		return "experiment failed";
	case WATCH_PROBLEM_COUNT:
		break;
	}
	return "?";
}

void watch_figures_add(struct watch_figures *sum, const struct watch_figures *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;
	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

bool watch_open(struct watch *w)
{
	memset(w, 0, sizeof *w);
	w->belief = malloc(belief_size());
	return w->belief != NULL;
}

void watch_close(struct watch *w)
{
	free(w->belief);
}

void watch_begin(struct watch *w, struct watch_figures *figures, bool cookies)
{
	w->figures = figures;
	w->n = 0;
	w->emitted_count = 0;
	w->moment = -1;
	w->text[0] = '\0';
	belief_init(w->belief, BELIEF_FRESH);
	belief_assume_cookies(w->belief, cookies);
	belief_view(w->belief, &w->view);
}

static enum watch_problem problem(struct watch *w, enum watch_problem p)
{
	w->figures->problems[p]++;
	return p;
}

void watch_sent(struct watch *w, const struct segment *s)
{
	belief_send(w->belief, s, ++w->n);
	belief_view(w->belief, &w->view);
}

/* Whether all numbers of @p s were sent, under the same acknowledgement, by the emissions up to
 * @p until: retransmissions may be cut otherwise. */
static bool was_sent(const struct watch *w, const struct watch_emission *s, unsigned until)
{
	uint32_t done = 0;
	bool more = true;
	while (more) {
		more = false;
		for (unsigned i = 0; i <= until; i++) {
			const struct watch_emission *e = &w->emitted[i];
			const uint32_t at = s->seq.raw + done - e->seq.raw;
			if (!seq_eq(e->ack, s->ack) || e->flags != s->flags)
				continue;
			if (seq_eq(e->seq, s->seq) && e->text_bytes == s->text_bytes)
				return true;
			if ((s->flags & ~TCP_ACK) != 0 || at >= e->text_bytes)
				continue;
			done += e->text_bytes - at;
			more = true;
			if (done >= s->text_bytes)
				return true;
		}
	}
	return false;
}

unsigned watch_emitted(struct watch *w, const struct segment *s, const struct sockdiag_truth *truth)
{
	const unsigned at = w->emitted_count;
	if (at == WATCH_EMISSIONS_MAX) /* as many as frames can be kept */
		abort();
	struct watch_emission *e = &w->emitted[at];
	*e = (struct watch_emission){
		.seq = s->seq,
		.ack = (s->flags & TCP_ACK) ? s->ack : seq_of(0),
		.text_bytes = s->payload_bytes,
		.flags = s->flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST),
		.known = truth != NULL,
	};
	if (truth != NULL)
		e->truth = *truth;
	while (e->first < at && !was_sent(w, e, e->first))
		e->first++;
	w->emitted_count++;
	return at;
}

static void say_wrong(struct watch *w, const char *what, state_set_t said,
		      const struct sockdiag_truth *truth)
{
	char set[STATE_SET_TEXT_MAX];
	snprintf(w->text, sizeof w->text, "the kernel was %s%s, %s says {%s}",
		 state_name(truth->state), truth->fin_unsent ? " (FIN unsent)" : "", what,
		 state_set_format(said, " ", set, sizeof set));
}

static enum watch_problem compare_proven(struct watch *w)
{
	const struct watch_emission *e = &w->emitted[w->moment];
	if (!e->known)
		return WATCH_GOOD;
	w->figures->proofs++;
	w->figures->proven_size += (uint64_t)state_set_count(w->view.proven);
	w->figures->proofs_of_one += state_set_count(w->view.proven) == 1;
	if (belief_truth_among(w->view.proven, e->truth.state, e->truth.fin_unsent))
		return WATCH_GOOD;
	say_wrong(w, "proven", w->view.proven, &e->truth);
	return problem(w, WATCH_DISPROVED);
}

enum watch_problem watch_received(struct watch *w, unsigned emission, const struct segment *s)
{
	char set[STATE_SET_TEXT_MAX];
	struct belief_evidence evidence;
	const int first = (int)w->emitted[emission].first;
	const bool explained = belief_receive(w->belief, s, ++w->n);
	belief_view(w->belief, &w->view);
	w->figures->received++;
	if (first > w->moment)
		w->moment = first;
	if (explained)
		return compare_proven(w);
	belief_evidence(w->belief, &evidence);
	snprintf(w->text, sizeof w->text, "#%u cannot come from {%s}", w->n,
		 state_set_format(evidence.tried, " ", set, sizeof set));
	return problem(w, WATCH_CONTRADICTION);
}

static enum watch_problem compare_nesting(struct watch *w)
{
	const struct end_view *v = &w->view;
	if (v->certainty == CERTAINTY_UNKNOWN && v->proven == 0)
		return WATCH_GOOD;
	if (state_set_has(v->loss, v->state) && (v->proven & ~v->loss) == 0 &&
	    (v->loss & ~v->orderly) == 0 && (v->orderly & ~v->possible) == 0)
		return WATCH_GOOD;
	char set[4][STATE_SET_TEXT_MAX];
	snprintf(w->text, sizeof w->text,
		 "expected %s proven {%s} loss {%s} orderly {%s} possible {%s}",
		 state_name(v->state), state_set_format(v->proven, " ", set[0], sizeof set[0]),
		 state_set_format(v->loss, " ", set[1], sizeof set[1]),
		 state_set_format(v->orderly, " ", set[2], sizeof set[2]),
		 state_set_format(v->possible, " ", set[3], sizeof set[3]));
	return problem(w, WATCH_NOT_NESTED);
}

enum watch_problem watch_compare(struct watch *w, const struct sockdiag_truth *truth)
{
	struct watch_figures *f = w->figures;
	f->comparisons++;
	f->truths[truth->state]++;
	f->possible_size += (uint64_t)state_set_count(w->view.possible);
	f->in_expected += belief_truth_agrees(w->view.state, truth->state, truth->fin_unsent);
	f->in_loss += belief_truth_among(w->view.loss, truth->state, truth->fin_unsent);
	f->in_orderly += belief_truth_among(w->view.orderly, truth->state, truth->fin_unsent);
	if (!belief_truth_among(w->view.possible, truth->state, truth->fin_unsent)) {
		say_wrong(w, "possible", w->view.possible, truth);
		return problem(w, WATCH_IMPOSSIBLE);
	}
	return compare_nesting(w);
}

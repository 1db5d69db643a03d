/*
 * A step of a belief that is kept in a pool: looked up by its key, or else computed by the engine
 * in real numbers, and then kept for the next one that has the same key.
 */
#include "belief_pool_internal.h"

#include "synscope/core/util.h"

#include <string.h>

#define PLUS_MOST 3 /* a new number is that near to one that was there */

/* Numbers that the engine makes from further away. */
static const struct {
	int8_t plus;
	uint32_t back;
} backs[] = {{-100, FAR_BACK}, {-101, FAR_BACK / 2}, {-102, 65536}};

static bool is_large(const struct belief_slim *s)
{
	return s->cuts[SPACE_OURS] + s->cuts[SPACE_THEIRS] + s->counts > BELIEF_SLIM_NUMBERS;
}

static const uint32_t *numbers_of(const struct belief_pool *p, const struct belief_slim *s)
{
	return is_large(s) ? store_numbers_at(p, s->number[0]) : s->number;
}

static void load(struct belief_pool *p, struct belief_slim *s, struct shape_numbers *n)
{
	const uint32_t *number = numbers_of(p, s);
	const unsigned cuts = (unsigned)s->cuts[SPACE_OURS] + s->cuts[SPACE_THEIRS];
	for (unsigned i = 0; i < cuts; i++)
		n->cut[i] = seq_of(number[i]);
	memcpy(n->count, &number[cuts], s->counts * sizeof *number);
	n->cuts[SPACE_OURS] = s->cuts[SPACE_OURS];
	n->cuts[SPACE_THEIRS] = s->cuts[SPACE_THEIRS];
	n->counts = s->counts;
	n->own_wscale = s->scales & 15u;
	n->wscale = s->scales >> 4;
	n->own_syn_window = s->windows[WINDOW_OWN];
	n->its_syn_window = s->windows[WINDOW_ITS];
	n->own_widest = s->windows[WINDOW_WIDEST];
	shape_join(store_shape(p, s->shape)->body, n, &p->work);
}

static unsigned form_of(const struct belief *b, const struct shape_numbers *n)
{
	unsigned form = 0;
	form |= b->iss_known ? FORM_ISS_KNOWN : 0;
	form |= b->edge_known ? FORM_EDGE_KNOWN : 0;
	form |= b->wscale_agreed ? FORM_AGREED : 0;
	form |= b->own_syn_closed ? FORM_SYN_CLOSED : 0;
	for (uint8_t i = 0; i < b->owns; i++)
		if ((b->own[i].flags & TCP_SYN) &&
		    (b->own[i].fast_open || b->own[i].text_bytes > 0))
			form |= FORM_FAST_OPEN;
	/* A cookie is recognised by a difference across both spaces. */
	if (b->cookies || n->wild[SPACE_OURS] || n->wild[SPACE_THEIRS])
		form |= FORM_SPECIAL;
	return form;
}

/* Find, or keep, the shape that the belief at work has. @return NONE if it does not fit */
static uint32_t intern(struct belief_pool *p)
{
	struct belief *b = &p->work;
	struct shape_numbers *n = &p->numbers;
	struct kept head;
	memset(&head, 0, sizeof head);
	if (!shape_split(b, &p->shape, n) || n->cuts[0] > UINT8_MAX || n->cuts[1] > UINT8_MAX)
		return NONE;
	head.view = b->view;
	for (uint8_t i = 0; i < n->counts; i++)
		if (b->view.proven_by == n->count[i])
			head.proven_by = (uint8_t)(i + 1);
	head.form = (uint8_t)form_of(b, n);
	return store_intern(p, &p->shape, &head);
}

static void let_go_numbers(struct belief_pool *p, struct belief_slim *s)
{
	if (is_large(s))
		store_free_numbers(p, s->number[0]);
	s->counts = s->cuts[SPACE_OURS] = s->cuts[SPACE_THEIRS] = 0;
}

/* Put the belief at work, whose shape is @p shape, into the record. */
static bool save(struct belief_pool *p, struct belief_slim *s, uint32_t shape)
{
	const struct shape_numbers *n = &p->numbers;
	const size_t cuts = (size_t)n->cuts[SPACE_OURS] + n->cuts[SPACE_THEIRS];
	const size_t count = cuts + n->counts;
	uint32_t *number = s->number;
	uint32_t large = NONE;
	let_go_numbers(p, s);
	if (count > BELIEF_SLIM_NUMBERS) {
		large = store_numbers(p, count);
		if (large == NONE)
			return false;
		s->number[0] = large;
		number = store_numbers_at(p, large);
	}
	for (size_t i = 0; i < cuts; i++)
		number[i] = n->cut[i].raw;
	memcpy(&number[cuts], n->count, n->counts * sizeof *number);
	s->cuts[SPACE_OURS] = (uint8_t)n->cuts[SPACE_OURS];
	s->cuts[SPACE_THEIRS] = (uint8_t)n->cuts[SPACE_THEIRS];
	s->counts = n->counts;
	s->scales = (uint8_t)(n->wscale << 4 | n->own_wscale);
	s->windows[WINDOW_OWN] = n->own_syn_window;
	s->windows[WINDOW_ITS] = n->its_syn_window;
	s->windows[WINDOW_WIDEST] = n->own_widest;
	s->shape = shape;
	return true;
}

static unsigned start_of(const struct belief_options *o)
{
	return (o->start == BELIEF_MIDSTREAM ? 1u : 0u) | (o->cookies ? 2u : 0u) |
	       (o->gaps ? 4u : 0u);
}

static void begin(struct belief_pool *p, struct belief_slim *s, unsigned start)
{
	store_shape(p, p->start[start])->users++;
	memset(s, 0, sizeof *s);
	s->shape = p->start[start];
}

/* There is no room for what is known: nothing is known. */
static void weaken(struct belief_pool *p, struct belief_slim *s, const struct belief *b)
{
	const struct belief_options options = {BELIEF_MIDSTREAM, b->cookies, b->gaps};
	let_go_numbers(p, s);
	begin(p, s, start_of(&options));
	p->figures.weakened++;
}

struct belief_pool *belief_pool_init(void *memory, size_t bytes)
{
	struct belief_pool *p = store_init(memory, bytes);
	for (unsigned i = 0; i < STARTS; i++) {
		belief_init(&p->work, (i & 1) ? BELIEF_MIDSTREAM : BELIEF_FRESH);
		belief_assume_cookies(&p->work, (i & 2) != 0);
		belief_assume_gaps(&p->work, (i & 4) != 0);
		p->start[i] = intern(p);
	}
	return p;
}

void belief_slim_init(struct belief_pool *p, struct belief_slim *s,
		      const struct belief_options *options)
{
	begin(p, s, start_of(options));
}

void belief_slim_end(struct belief_pool *p, struct belief_slim *s)
{
	let_go_numbers(p, s);
	store_release(p, s->shape);
	s->shape = NONE;
}

/* ---- what a step came to, as something to keep ---- */

static bool source_of(const struct points *points, seq_t number, struct source *source)
{
	int32_t nearest = INT32_MAX;
	for (uint8_t i = 0; i < points->count; i++) {
		const int32_t plus = seq_diff(number, points->at[i]);
		if ((plus < 0 ? -plus : plus) >= nearest)
			continue;
		nearest = plus < 0 ? -plus : plus;
		*source = (struct source){i, (int8_t)plus};
	}
	if (nearest <= PLUS_MOST)
		return true;
	for (uint8_t i = 0; i < points->count; i++)
		for (size_t k = 0; k < ARRAY_COUNT(backs); k++)
			if (points->at[i].raw - number.raw == backs[k].back) {
				*source = (struct source){i, backs[k].plus};
				return true;
			}
	return false;
}

static bool symbol_of(const struct shape_numbers *before, uint32_t n, uint32_t now, uint8_t *symbol)
{
	*symbol = FROM_SEGMENT;
	if (n == now)
		return true;
	for (uint8_t i = 0; i < before->counts; i++)
		if (before->count[i] == n) {
			*symbol = i;
			return true;
		}
	return false;
}

static bool learn_numbers(const struct belief_pool *p, const struct step *step, struct learned *l)
{
	const struct shape_numbers *n = &p->numbers;
	unsigned at = 0;
	if (n->cuts[0] + n->cuts[1] + n->counts > BELIEF_SLIM_NUMBERS)
		return false;
	for (int space = 0; space < SPACE_COUNT; space++)
		for (uint16_t i = 0; i < n->cuts[space]; i++, at++)
			if (!source_of(&step->points[space], n->cut[at], &l->source[at]))
				return false;
	for (uint8_t i = 0; i < n->counts; i++, at++)
		if (!symbol_of(&p->before, n->count[i], step->n, &l->source[at].from))
			return false;
	l->cuts[SPACE_OURS] = (uint8_t)n->cuts[SPACE_OURS];
	l->cuts[SPACE_THEIRS] = (uint8_t)n->cuts[SPACE_THEIRS];
	l->counts = n->counts;
	return true;
}

static bool learn_windows(const struct belief_pool *p, const struct step *step, struct learned *l)
{
	const struct shape_numbers *n = &p->numbers;
	const struct shape_numbers *before = &p->before;
	const uint16_t window = step->segment->window;
	l->scales = (uint8_t)(n->wscale << 4 | n->own_wscale);
	if (step->segment->flags & TCP_SYN)
		l->windows |= SCALES_NEW;
	else if (n->wscale != before->wscale || n->own_wscale != before->own_wscale)
		return false;
	if (n->own_syn_window != before->own_syn_window) {
		if (n->own_syn_window != window)
			return false;
		l->windows |= WINDOW_OWN_NEW;
	}
	if (n->own_widest != before->own_widest) {
		if (n->own_widest != window)
			return false;
		l->windows |= WINDOW_WIDEST_NEW;
	}
	if (n->its_syn_window == before->its_syn_window)
		return true;
	if (n->its_syn_window != window && n->its_syn_window != 0)
		return false;
	l->windows |= n->its_syn_window == window ? WINDOW_ITS_NEW : WINDOW_ITS_NONE;
	return true;
}

static bool learn_told(const struct belief_pool *p, const struct step *step, bool explained,
		       struct learned *l)
{
	const struct belief_evidence *e = &p->work.evidence;
	l->told = (struct told){
		.row = (int16_t)e->row,
		.reset = (uint8_t)e->reset,
		.excluded = e->excluded,
		.tried = e->tried,
		.challenge = e->challenge,
		.missed = e->missed,
		.explained = explained,
		.answers_any = e->answers_n != 0,
	};
	return e->answers_n == 0 || symbol_of(&p->before, e->answers_n, step->n, &l->told.answers);
}

/* ---- a step ---- */

static bool is_special(const struct belief_slim *s, const struct step *step)
{
	const uint32_t *count = &s->number[s->cuts[SPACE_OURS] + s->cuts[SPACE_THEIRS]];
	if (step->n == 0 || is_large(s))
		return true;
	for (uint8_t i = 0; i < s->counts; i++)
		if (count[i] == step->n)
			return true; /* numbered twice */
	return false;
}

static bool compute(struct belief_pool *p, struct belief_slim *s, const struct step *step,
		    bool keep)
{
	struct learned l;
	bool explained = true;
	const unsigned form = store_shape(p, s->shape)->form;
	load(p, s, &p->before);
	if (step->receive)
		explained = belief_receive(&p->work, step->segment, step->n);
	else
		belief_send(&p->work, step->segment, step->n);
	const uint32_t shape = intern(p);
	const uint32_t left = s->shape; /* not let go of before what leads from it is kept */
	if (shape == NONE || !save(p, s, shape)) {
		store_release(p, shape);
		store_release(p, left);
		weaken(p, s, &p->work);
		return explained;
	}
	/* The window of a SYN of ours is among the points only while there is no ISS. */
	if ((form & FORM_ISS_KNOWN) && p->work.anchored)
		keep = false;
	memset(&l, 0, sizeof l);
	l.key = step->key;
	l.to = shape;
	if (keep && learn_numbers(p, step, &l) && learn_windows(p, step, &l) &&
	    learn_told(p, step, explained, &l)) {
		store_learn(p, &l);
		p->figures.computed++;
	} else {
		p->figures.special++;
	}
	store_release(p, left);
	return explained;
}

static uint32_t number_from(const struct points *points, const struct source *source)
{
	const uint32_t at = points->at[source->from].raw;
	if (source->plus > -100)
		return seq_add(seq_of(at), (uint32_t)(int32_t)source->plus).raw;
	return at - backs[-100 - source->plus].back;
}

static void apply(struct belief_pool *p, struct belief_slim *s, const struct step *step,
		  const struct learned *l)
{
	const uint32_t *count = &s->number[s->cuts[SPACE_OURS] + s->cuts[SPACE_THEIRS]];
	uint32_t counts[BELIEF_SLIM_NUMBERS];
	const struct source *source = l->source;
	memcpy(counts, count, s->counts * sizeof *count);
	uint32_t *to = s->number;
	for (uint8_t i = 0; i < l->cuts[SPACE_OURS]; i++)
		*to++ = number_from(&step->points[SPACE_OURS], source++);
	for (uint8_t i = 0; i < l->cuts[SPACE_THEIRS]; i++)
		*to++ = number_from(&step->points[SPACE_THEIRS], source++);
	for (uint8_t i = 0; i < l->counts; i++, source++)
		*to++ = source->from == FROM_SEGMENT ? step->n : counts[source->from];
	s->cuts[SPACE_OURS] = l->cuts[SPACE_OURS];
	s->cuts[SPACE_THEIRS] = l->cuts[SPACE_THEIRS];
	s->counts = l->counts;
	if (l->windows & SCALES_NEW)
		s->scales = l->scales;
	if (l->windows & WINDOW_OWN_NEW)
		s->windows[WINDOW_OWN] = step->segment->window;
	if (l->windows & WINDOW_WIDEST_NEW)
		s->windows[WINDOW_WIDEST] = step->segment->window;
	if (l->windows & (WINDOW_ITS_NEW | WINDOW_ITS_NONE))
		s->windows[WINDOW_ITS] = (l->windows & WINDOW_ITS_NEW) ? step->segment->window : 0;
	if (s->shape == l->to)
		return;
	store_shape(p, l->to)->users++;
	store_release(p, s->shape);
	s->shape = l->to;
}

static void tell(const struct belief_slim *s, const struct told *told, const struct step *step,
		 bool cookies, struct belief_evidence *e)
{
	const uint32_t *count = &s->number[s->cuts[SPACE_OURS] + s->cuts[SPACE_THEIRS]];
	*e = (struct belief_evidence){
		.row = told->row,
		.reset = (enum belief_reset)told->reset,
		.excluded = told->excluded,
		.tried = told->tried,
		.challenge = told->challenge,
		.cookies = cookies,
		.missed = told->missed,
	};
	if (told->answers_any)
		e->answers_n = told->answers == FROM_SEGMENT ? step->n : count[told->answers];
}

/* @return whether it was explained */
static bool take_step(struct belief_pool *p, struct belief_slim *s, struct step *step,
		      struct belief_evidence *evidence)
{
	const bool keep = !is_special(s, step) && key_make(s, store_shape(p, s->shape)->form, step);
	const struct learned *l = keep ? store_find(p, &step->key) : NULL;
	if (l == NULL) {
		const bool explained = compute(p, s, step, keep);
		if (evidence != NULL)
			*evidence = p->work.evidence;
		return explained;
	}
	p->figures.found++;
	if (evidence != NULL)
		tell(s, &l->told, step, false, evidence);
	apply(p, s, step, l);
	return l->told.explained;
}

void belief_slim_send(struct belief_pool *p, struct belief_slim *s, const struct segment *segment,
		      uint32_t n)
{
	struct step step = {.segment = segment, .n = n, .receive = false};
	take_step(p, s, &step, NULL);
}

bool belief_slim_receive(struct belief_pool *p, struct belief_slim *s,
			 const struct segment *segment, uint32_t n,
			 struct belief_evidence *evidence)
{
	struct step step = {.segment = segment, .n = n, .receive = true};
	return take_step(p, s, &step, evidence);
}

void belief_slim_view(const struct belief_pool *p, const struct belief_slim *s,
		      struct end_view *view)
{
	const struct kept *k = store_shape(p, s->shape);
	const bool has_truth = view->has_truth;
	const enum tcp_state truth = view->truth;
	const bool unsent = view->truth_fin_unsent;
	*view = k->view;
	view->has_truth = has_truth;
	view->truth = truth;
	view->truth_fin_unsent = unsent;
	if (k->proven_by == 0)
		return;
	view->proven_by = numbers_of(p, s)[s->cuts[0] + s->cuts[1] + k->proven_by - 1];
}

void belief_pool_figures(const struct belief_pool *p, struct belief_pool_figures *f)
{
	*f = p->figures;
	f->bytes = sizeof *p + (size_t)p->units_used * UNIT_BYTES +
		   (size_t)p->transitions_used * sizeof *p->transitions;
}

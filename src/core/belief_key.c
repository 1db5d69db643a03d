/*
 * What a step depends on. The engine asks of two numbers only which comes first, whether they are
 * within SHAPE_NEAR of each other, and, in a few places, whether they are further apart than a
 * window or than what it lets go of. So these answers, for all cut points and the numbers of
 * the segment, are the key: with equal answers it does the same.
 */
#include "belief_pool_internal.h"

#include <string.h>

#define KEY_RECEIVE 0x0020u
#define KEY_WINDOW_ZERO 0x0040u
#define KEY_TIMESTAMPS 0x0080u
#define KEY_FAST_OPEN 0x0100u
#define KEY_WSCALE 0x0200u
#define KEY_SEQ_ZERO 0x0400u    /* of a RST: <SEQ=0> */
#define KEY_OWN_UNKNOWN 0x0800u /* no window of a SYN of ours is known */
#define KEY_ITS_UNKNOWN 0x1000u /* and of its */
#define KEY_WINDOW_MORE 0x2000u /* that of our SYN is the largest yet */
#define KEY_WINDOW_SAME 0x4000u /* that of its SYN is as before */
#define KEY_WIDER 0x8000u       /* our window is wider than ever */
#define KEY_NARROWER 0x10000u
#define KEY_ACK_ZERO 0x20000u /* of a RST: it acknowledges 0 (lwIP in SYN-SENT) */

#define FLAGS_KEPT (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)

/* So far that a number taken back by HALF_BACK is still in order with the others. */
#define SPAN_MAX 0x5ff00000u
#define HALF_BACK (FAR_BACK / 2) /* also the FAR of belief_move.c */
#define WIDEST (65535u << 14)    /* window, RFC 7323 section 2.3 */
#define FAST_OPEN_TEXT 65536u    /* of belief_numbers.c */
#define SLACK 16u                /* so near to a limit counts exactly */
#define LIMITS_MAX 9

static unsigned cap_shift(unsigned shift)
{
	return shift > 14 ? 14 : shift;
}

static unsigned own_scale(const struct belief_slim *s)
{
	return s->scales & 15u;
}

static unsigned its_scale(const struct belief_slim *s)
{
	return s->scales >> 4;
}

static uint32_t flags_of(const struct belief_slim *s, const struct step *step)
{
	const struct segment *seg = step->segment;
	const bool syn = (seg->flags & TCP_SYN) != 0;
	unsigned flags = seg->flags & FLAGS_KEPT;
	flags |= step->receive ? KEY_RECEIVE : 0;
	flags |= seg->window == 0 ? KEY_WINDOW_ZERO : 0;
	flags |= seg->option.has_timestamps && !step->receive ? KEY_TIMESTAMPS : 0;
	flags |= s->windows[WINDOW_OWN] == 0 ? KEY_OWN_UNKNOWN : 0;
	flags |= s->windows[WINDOW_ITS] == 0 ? KEY_ITS_UNKNOWN : 0;
	if (!step->receive && seg->option.has_fastopen)
		flags |= KEY_FAST_OPEN;
	if ((seg->flags & TCP_RST) && seg->seq.raw == 0)
		flags |= KEY_SEQ_ZERO;
	if ((seg->flags & TCP_RST) && (seg->flags & TCP_ACK) && seg->ack.raw == 0)
		flags |= KEY_ACK_ZERO;
	if (!step->receive) {
		flags |= seg->window > s->windows[WINDOW_WIDEST] ? KEY_WIDER : 0;
		flags |= seg->window < s->windows[WINDOW_WIDEST] ? KEY_NARROWER : 0;
	}
	if (syn) {
		flags |= seg->option.has_wscale ? KEY_WSCALE : 0;
		flags |= seg->window > s->windows[WINDOW_OWN] ? KEY_WINDOW_MORE : 0;
		flags |= seg->window == s->windows[WINDOW_ITS] ? KEY_WINDOW_SAME : 0;
	}
	return flags;
}

static uint32_t scales_of(const struct belief_slim *s, const struct segment *seg)
{
	if ((seg->flags & TCP_SYN) == 0)
		return 0;
	return s->scales | cap_shift(seg->option.wscale) << 8;
}

/* Put the cut points of a space in, which are in order. @return false if they span too much */
static bool put_cuts(const struct belief_slim *s, enum space space, struct points *points)
{
	const uint32_t *cut = &s->number[space == SPACE_OURS ? 0 : s->cuts[SPACE_OURS]];
	const uint8_t count = s->cuts[space];
	if (count > POINTS_MAX - 3)
		return false;
	for (uint8_t i = 0; i < count; i++)
		points->at[i] = seq_of(cut[i]);
	points->count = count;
	return count == 0 || cut[count - 1] - cut[0] < SPAN_MAX;
}

/* Put a number of the segment in. @return its place */
static unsigned put(struct points *points, seq_t number)
{
	unsigned at = points->count++;
	while (at > 0 && seq_gt(points->at[at - 1], number)) {
		points->at[at] = points->at[at - 1];
		at--;
	}
	points->at[at] = number;
	return at;
}

static uint32_t span_of(const struct points *points)
{
	return points->count == 0 ? 0 : points->at[points->count - 1].raw - points->at[0].raw;
}

/* The right edge of the window that a segment offers. */
static seq_t edge_of(const struct belief_slim *s, unsigned form, const struct step *step)
{
	const struct segment *seg = step->segment;
	unsigned shift = 0; /* RFC 7323 section 2.2: the window of a SYN is not scaled */
	const bool syn_seen = s->windows[WINDOW_OWN] != 0 || (form & FORM_SYN_CLOSED);
	if ((seg->flags & TCP_SYN) == 0 && step->receive)
		shift = (form & FORM_AGREED) ? its_scale(s) : 0;
	else if ((seg->flags & TCP_SYN) == 0)
		shift = (form & FORM_AGREED) || syn_seen ? own_scale(s) : 14;
	return seq_add(seg->ack, (uint32_t)seg->window << shift);
}

/* The numbers of a segment, in the space that they are of. @return the order that results */
static uint32_t put_segment(const struct belief_slim *s, unsigned form, struct step *step)
{
	const struct segment *seg = step->segment;
	struct points *mine = &step->points[step->receive ? SPACE_THEIRS : SPACE_OURS];
	struct points *other = &step->points[step->receive ? SPACE_OURS : SPACE_THEIRS];
	uint32_t places = put(mine, seg->seq);
	places = places << 4 | put(mine, segment_end(seg));
	if (step->receive && (form & FORM_ISS_KNOWN) == 0) /* numbers_anchor() offers so much */
		places = places << 4 | put(mine, seq_add(seg->seq, 1u + s->windows[WINDOW_OWN]));
	if (seg->flags & TCP_ACK)
		places = places << 4 | put(other, seg->ack);
	step->reach = span_of(&step->points[SPACE_OURS]);
	if (seg->flags & TCP_ACK)
		places = places << 4 | put(other, edge_of(s, form, step));
	return places;
}

static bool is_in_order(const struct points *points)
{
	for (uint8_t i = 1; i < points->count; i++)
		if (points->at[i].raw - points->at[i - 1].raw >= SPAN_MAX)
			return false;
	return span_of(points) < SPAN_MAX;
}

static uint64_t gaps_of(const struct points *points)
{
	uint64_t gaps = 0;
	for (uint8_t i = 1; i < points->count; i++) {
		const uint32_t gap = points->at[i].raw - points->at[i - 1].raw;
		gaps = gaps << 4 | (gap < SHAPE_APART ? gap + 1 : 0);
	}
	return gaps;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/* From each point, which is the first beyond the limit; and how near, if it is near. */
static uint64_t mix_far(uint64_t hash, const struct points *points, uint32_t limit)
{
	uint8_t to = 0;
	for (uint8_t from = 0; from < points->count; from++) {
		const uint32_t base = points->at[from].raw;
		while (to < points->count && points->at[to].raw - base < limit - SLACK)
			to++;
		if (to == points->count)
			break;
		hash = mix(hash, (uint64_t)from << 8 | to);
		for (uint8_t i = to; i < points->count; i++) {
			const uint32_t beyond = points->at[i].raw - base - (limit - SLACK);
			hash = mix(hash, beyond < 2 * SLACK ? beyond : 2 * SLACK);
		}
	}
	return hash;
}

/* The limits that distances are compared with. */
static unsigned limits_of(const struct belief_slim *s, unsigned form, const struct step *step,
			  enum space space, uint32_t *limit)
{
	unsigned count = 0;
	const unsigned shift = space == SPACE_OURS ? its_scale(s) : own_scale(s);
	limit[count++] = (form & FORM_AGREED) ? 65535u << shift : WIDEST;
	limit[count++] = HALF_BACK;
	limit[count++] = WIDEST;
	limit[count++] =
		FAR_BACK; /* and where a number taken back so far is half of the space away */
	limit[count++] = 0x80000000u - WIDEST; /* likewise one window on */
	if (space == SPACE_THEIRS && (form & FORM_FAST_OPEN))
		limit[count++] = FAST_OPEN_TEXT;
	if ((step->segment->flags & TCP_SYN) == 0)
		return count;
	limit[count++] = 65535u; /* the shifts may change: to none, or to these */
	limit[count++] = 65535u << shift;
	limit[count++] = 65535u << cap_shift(step->segment->option.wscale);
	return count;
}

static uint64_t far_of(const struct belief_slim *s, unsigned form, const struct step *step)
{
	uint64_t hash = 0;
	for (int space = 0; space < SPACE_COUNT; space++) {
		const struct points *points = &step->points[space];
		uint32_t limit[LIMITS_MAX];
		const uint32_t span = span_of(points);
		const unsigned limits = limits_of(s, form, step, (enum space)space, limit);
		for (unsigned i = 0; i < limits; i++)
			if (span >= limit[i] - SLACK)
				hash = mix_far(mix(hash, (uint64_t)space << 8 | i | 0x80u), points,
					       limit[i]);
	}
	return hash;
}

/* Until a window was offered, that of its SYN counts, from any SYN of ours on. It is not among the
 * points, and need not be if they all lie in it. */
static bool is_beyond_syn_window(const struct belief_slim *s, unsigned form,
				 const struct step *step)
{
	const uint32_t least = step->reach + 2 * SLACK;
	const uint32_t known = s->windows[WINDOW_ITS];
	const uint16_t flags = step->segment->flags;
	if ((form & FORM_EDGE_KNOWN) == 0 && known != 0 && least >= known)
		return true;
	return step->receive && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       least >= step->segment->window;
}

bool key_make(const struct belief_slim *s, unsigned form, struct step *step)
{
	struct points *ours = &step->points[SPACE_OURS];
	struct points *theirs = &step->points[SPACE_THEIRS];
	if ((form & FORM_SPECIAL) || !put_cuts(s, SPACE_OURS, ours) ||
	    !put_cuts(s, SPACE_THEIRS, theirs))
		return false;
	step->key = (struct key){.shape = s->shape,
				 .flags = flags_of(s, step),
				 .scales = scales_of(s, step->segment)};
	step->key.places = put_segment(s, form, step);
	if (!is_in_order(ours) || !is_in_order(theirs))
		return false;
	if (is_beyond_syn_window(s, form, step))
		return false;
	step->key.gaps[SPACE_OURS] = gaps_of(ours);
	step->key.gaps[SPACE_THEIRS] = gaps_of(theirs);
	step->key.far = far_of(s, form, step);
	return true;
}

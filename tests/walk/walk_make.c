/* Walks from seeds: mostly plausible, with near misses. */
#include "walker.h"

#include <string.h>

/* SplitMix64. */
static uint64_t roll(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit)
{
	return (unsigned)(roll(state) % limit);
}

static bool chance(uint64_t *state, unsigned percent)
{
	return below(state, 100) < percent;
}

/* Choose by weight. */
struct weight {
	int what;
	unsigned weight;
};

static int choose(uint64_t *state, const struct weight *weights, size_t count)
{
	unsigned sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += weights[i].weight;
	unsigned at = below(state, sum);
	for (size_t i = 0; i < count; i++) {
		if (at < weights[i].weight)
			return weights[i].what;
		at -= weights[i].weight;
	}
	return weights[0].what;
}

static const struct weight scenes[] = {
	{SCENE_LISTENER, 50}, {SCENE_DEFER, 7},    {SCENE_COOKIES, 8}, {SCENE_SHORT, 6},
	{SCENE_FAST_OPEN, 7}, {SCENE_CONNECT, 18}, {SCENE_NOTHING, 4},
};

static const struct weight acts[] = {
	{WALK_SEND, 40}, {WALK_AGAIN, 11}, {WALK_CALL, 18}, {WALK_ARRIVE, 29}, {WALK_WAIT, 2},
};

static const struct weight flags[] = {
	{TCP_SYN, 12},
	{TCP_SYN | TCP_ACK, 7},
	{TCP_ACK, 26},
	{TCP_ACK | TCP_PSH, 20},
	{TCP_ACK | TCP_FIN, 16},
	{TCP_RST, 5},
	{TCP_RST | TCP_ACK, 4},
	{TCP_FIN, 2},
	{TCP_PSH, 2},
	{TCP_SYN | TCP_FIN, 1},
	{0, 1},
};

static const struct weight seqs[] = {
	{WALK_SEQ_ISN, 8},    {WALK_SEQ_FIRST, 14}, {WALK_SEQ_NEXT, 46},   {WALK_SEQ_CUT, 20},
	{WALK_SEQ_WINDOW, 5}, {WALK_SEQ_OUT, 4},    {WALK_SEQ_NEW_ISN, 3},
};

static const struct weight syn_seqs[] = {
	{WALK_SEQ_ISN, 66},   {WALK_SEQ_NEW_ISN, 16}, {WALK_SEQ_NEXT, 8},
	{WALK_SEQ_WINDOW, 5}, {WALK_SEQ_OUT, 5},
};

static const struct weight acks[] = {
	{WALK_ACK_ISS, 5},  {WALK_ACK_FIRST, 17}, {WALK_ACK_NEXT, 52},
	{WALK_ACK_CUT, 18}, {WALK_ACK_OLD, 2},    {WALK_ACK_GARBAGE, 6},
};

static const struct weight calls[] = {
	{APP_ACCEPT, 26}, {APP_SEND, 22},   {APP_RECV, 13},     {APP_SHUT_WR, 8},
	{APP_CLOSE, 15},  {APP_ABORT, 3},   {APP_UNLISTEN, 3},  {APP_LISTEN, 6},
	{APP_CONNECT, 3}, {APP_SHUT_RD, 1}, {APP_SHUT_RDWR, 1}, {APP_FILL, 1},
};

static void make_send(struct walk_step *s, uint64_t *state)
{
	s->fate = chance(state, 70) ? TRIAL_DELIVERED : TRIAL_LOST;
	s->window = chance(state, 92) ? 64240 : chance(state, 60) ? 0 : 10;
	if (chance(state, 45)) {
		s->seq = WALK_SEQ_NATURAL;
		return;
	}
	s->flags = (uint16_t)choose(state, flags, ARRAY_COUNT(flags));
	if (s->flags & TCP_SYN)
		s->seq = (enum walk_seq)choose(state, syn_seqs, ARRAY_COUNT(syn_seqs));
	else
		s->seq = (enum walk_seq)choose(state, seqs, ARRAY_COUNT(seqs));
	if (s->flags & TCP_ACK)
		s->ack = (enum walk_ack)choose(state, acks, ARRAY_COUNT(acks));
	if (chance(state, 12))
		s->seq_off = (int8_t)(chance(state, 50) ? 1 : -1);
	if (chance(state, 10))
		s->ack_off = (int8_t)(chance(state, 70) ? 1 : -1);
	if ((s->flags & TCP_PSH) || chance(state, s->flags & (TCP_FIN | TCP_SYN) ? 20 : 3))
		s->text_bytes = (uint16_t)(1 + below(state, 8));
	s->old_stamp = chance(state, 8);
}

static void make_call(struct walk_step *s, uint64_t *state)
{
	s->call = (enum app_call)choose(state, calls, ARRAY_COUNT(calls));
	if (s->call == APP_SEND)
		s->argument = chance(state, 92) ? 1 + (int)below(state, 8) : 20000;
	else if (s->call == APP_LISTEN)
		s->argument = (int)below(state, 4);
}

static void make_step(struct walk_step *s, uint64_t *state)
{
	memset(s, 0, sizeof *s);
	s->act = (enum walk_act)choose(state, acts, ARRAY_COUNT(acts));
	s->dice = (uint16_t)roll(state);
	switch (s->act) {
	case WALK_SEND:
		make_send(s, state);
		break;
	case WALK_AGAIN:
		s->fate = chance(state, 50)   ? TRIAL_COPIED
			  : chance(state, 80) ? TRIAL_DELIVERED
					      : TRIAL_LOST;
		break;
	case WALK_CALL:
		make_call(s, state);
		break;
	case WALK_ARRIVE:
		s->disorder = chance(state, 30);
		s->lost = chance(state, 15);
		s->stays = chance(state, 8);
		break;
	case WALK_WAIT:
		s->ms = chance(state, 85) ? 45 : 220;
		break;
	case WALK_ACT_COUNT:
		break;
	}
}

/* An open as it should be, to see more of what comes after it. */
static unsigned make_open(struct walk_step *steps, enum walk_scene scene)
{
	const struct walk_step natural = {.act = WALK_SEND, .window = 64240};
	const struct walk_step arrive = {.act = WALK_ARRIVE};
	const struct walk_step accept = {.act = WALK_CALL, .call = APP_ACCEPT};
	unsigned count = 0;
	if (scene == SCENE_CONNECT)
		steps[count++] = arrive;
	steps[count++] = natural;
	steps[count++] = arrive;
	steps[count++] = natural;
	if (scene != SCENE_CONNECT)
		steps[count++] = accept;
	return count;
}

void walk_make(struct walk *w, uint64_t seed)
{
	uint64_t state = seed;
	memset(w, 0, sizeof *w);
	w->seed = seed;
	w->family = chance(&state, 50) ? IP_V4 : IP_V6;
	w->scene = (enum walk_scene)choose(&state, scenes, ARRAY_COUNT(scenes));
	w->stamps = chance(&state, 25);
	w->unlimited = chance(&state, 50);
	w->scaled = chance(&state, 20);
	w->steps_count = 8 + below(&state, WALK_STEPS_MAX - 8 + 1);
	const unsigned begun = chance(&state, 65) ? make_open(w->steps, w->scene) : 0;
	for (unsigned i = begun; i < w->steps_count; i++)
		make_step(&w->steps[i], &state);
}

#include "walk.h"

#include "../support/packets.h"
#include "ours.h"

#include "synscope/core/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 480 /* fewer than a watch takes */
#define PACKETS_MAX (WALK_STEPS * 2)
#define LIVES_MAX 60
#define LOG_BYTES 65536

/* A packet of the stack's. */
struct frame {
	uint8_t bytes[PACKET_BYTES_MAX];
	size_t count;
	struct segment segment;        /* borrows bytes */
	struct sockdiag_truth at_once; /* while it was sent */
	unsigned emission;             /* for watch_received() */
	unsigned life;                 /* which of the stack's connections it is from */
	seq_t iss;                     /* of that */
};

/* A packet of ours. */
struct packet_out {
	uint8_t bytes[PACKET_BYTES_MAX];
	size_t count;
};

struct walk {
	const struct walk_config *config;
	const struct stack *stack;
	struct watch watch;
	struct ours ours;
	struct sockdiag_truth truth;
	bool quiet, polite, active;
	uint64_t rests, rests_right;
	bool fin_sent; /* by the stack, since its last new SYN */
	seq_t iss;     /* of that SYN */
	unsigned life; /* counts its ISSs, from 1 */
	bool base_known;
	seq_t base; /* our first SEQ, for the log */
	struct frame frames[FRAMES_MAX];
	unsigned frames_count, told; /* told: to the watch, as emitted */
	unsigned waiting[FRAMES_MAX];
	unsigned waiting_count;
	struct packet_out out[PACKETS_MAX];
	unsigned out_count;
	char log[LOG_BYTES];
	size_t log_used;
};

/* ---- the log ---- */

static void say(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct walk *w, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const size_t room = sizeof w->log - w->log_used;
	const int count = vsnprintf(w->log + w->log_used, room, format, arguments);
	va_end(arguments);
	if (count > 0)
		w->log_used += (size_t)count < room ? (size_t)count : room - 1;
}

static void say_truth(struct walk *w)
{
	char set[STATE_SET_TEXT_MAX];
	say(w, "  | %s%s", state_name(w->truth.state), w->truth.fin_unsent ? " (FIN unsent)" : "");
	say(w, "  expected %s", state_name(w->watch.view.state));
	say(w, " proven {%s}\n", state_set_format(w->watch.view.proven, " ", set, sizeof set));
}

static void say_segment(struct walk *w, const char *way, const struct segment *s, bool ours)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	if (ours && !w->base_known) {
		w->base_known = true;
		w->base = s->seq;
	}
	say(w, "%s %s seq %d", way, tcp_flags_letters(s->flags, flags, sizeof flags),
	    seq_diff(s->seq, ours ? w->base : w->iss));
	if (s->flags & TCP_ACK)
		say(w, " ack %d", seq_diff(s->ack, ours ? w->iss : w->base));
	say(w, " len %u win %u", s->payload_bytes, s->window);
	if (s->option.has_wscale)
		say(w, " wscale %u", s->option.wscale);
}

/* ---- what the stack sends ---- */

static struct sockdiag_truth truth_of(const struct walk *w)
{
	struct sockdiag_truth t = {.state = ST_CLOSED};
	if (!state_parse(&t.state, w->stack->state()))
		abort();
	t.fin_unsent = !w->fin_sent && (t.state == ST_FIN_WAIT_1 || t.state == ST_CLOSING ||
					t.state == ST_LAST_ACK);
	return t;
}

static void on_emit(void *context, const uint8_t *packet, size_t packet_bytes)
{
	struct walk *w = context;
	struct packet decoded;
	if (w->frames_count == FRAMES_MAX || packet_bytes > PACKET_BYTES_MAX)
		abort();
	struct frame *f = &w->frames[w->frames_count];
	memcpy(f->bytes, packet, packet_bytes);
	f->count = packet_bytes;
	if (packet_decode(f->bytes, f->count, f->count, &decoded) != PACKET_OK)
		abort();
	if (decoded.kind != PACKET_TCP)
		return; /* ICMP, IGMP */
	f->segment = decoded.tcp;
	const struct segment *s = &f->segment;
	if ((s->flags & TCP_SYN) && (w->life == 0 || !seq_eq(w->iss, s->seq))) {
		w->life++;
		w->iss = s->seq;
		w->fin_sent = false;
	}
	if (s->flags & TCP_FIN)
		w->fin_sent = true;
	f->life = w->life;
	f->iss = w->iss;
	f->at_once = truth_of(w);
	w->frames_count++;
}

static bool is_same(const struct sockdiag_truth *a, const struct sockdiag_truth *b)
{
	return a->state == b->state && a->fin_unsent == b->fin_unsent;
}

/* Take in what a step made the stack send. The state right after a segment is known of the last
 * one, and of the others if nothing changed. */
static void settle(struct walk *w)
{
	const struct sockdiag_truth before = w->truth;
	w->truth = truth_of(w);
	for (; w->told < w->frames_count; w->told++) {
		struct frame *f = &w->frames[w->told];
		const bool known = w->told + 1 == w->frames_count ||
				   (is_same(&before, &w->truth) && is_same(&before, &f->at_once));
		f->emission = watch_emitted(&w->watch, &f->segment, known ? &w->truth : NULL);
		w->waiting[w->waiting_count++] = w->told;
		say_segment(w, "     (sends", &f->segment, false);
		say(w, ")\n");
	}
}

static bool is_fatal(enum watch_problem p)
{
	return p == WATCH_IMPOSSIBLE || p == WATCH_CONTRADICTION;
}

/* @return whether the walk can go on */
static bool judge(struct walk *w, enum watch_problem p)
{
	say_truth(w);
	if (p != WATCH_GOOD)
		say(w, "!!!! %s: %s\n", watch_problem_name(p), w->watch.text);
	return !is_fatal(p);
}

static bool compare(struct walk *w)
{
	return judge(w, watch_compare(&w->watch, &w->truth));
}

/* ---- steps ---- */

/* What depends on the state that it arrives in. */
static bool is_taken_amiss(const struct walk *w, const struct segment *s)
{
	return (w->ours.avoid & STACK_SYN_TEXT) && (s->flags & TCP_SYN) && s->payload_bytes > 0 &&
	       w->truth.state == ST_CLOSED;
}

static bool step_send(struct walk *w)
{
	struct segment_spec spec;
	struct packet decoded;
	if (!w->polite && !w->quiet && ours_chance(&w->ours, 55))
		ours_hostile(&w->ours, &spec);
	else if (!ours_polite(&w->ours, &spec))
		return true;
	struct packet_out *out = &w->out[w->out_count++];
	out->count = packet_tcp(&spec, out->bytes);
	if (packet_decode(out->bytes, out->count, out->count, &decoded) != PACKET_OK)
		abort();
	const bool lost = !w->quiet && ours_chance(&w->ours, 25);
	if (is_taken_amiss(w, &decoded.tcp)) {
		w->out_count--;
		return true;
	}
	watch_sent(&w->watch, &decoded.tcp);
	say_segment(w, "->", &decoded.tcp, true);
	say(w, "%s\n", lost ? " (lost)" : "");
	if (!lost)
		w->stack->deliver(out->bytes, out->count);
	settle(w);
	return compare(w);
}

static bool step_late(struct walk *w)
{
	struct packet decoded;
	if (w->out_count == 0)
		return true;
	const struct packet_out *out = &w->out[ours_draw(&w->ours, w->out_count)];
	if (packet_decode(out->bytes, out->count, out->count, &decoded) != PACKET_OK)
		abort();
	if (is_taken_amiss(w, &decoded.tcp))
		return true;
	say_segment(w, "=>", &decoded.tcp, true);
	say(w, " (late copy)\n");
	w->stack->deliver(out->bytes, out->count);
	settle(w);
	return compare(w);
}

/* Calls, with how often they are made, and whether in quiet walks as well. */
static const struct {
	const char *name;
	enum stack_call call;
	unsigned weight;
	bool quiet;
} calls[] = {
	{"send", STACK_SEND, 36, true},
	{"read", STACK_READ, 8, true},
	{"lazy", STACK_LAZY, 5, false},
	{"shutdown", STACK_SHUTDOWN, 12, true},
	{"close", STACK_CLOSE, 12, true},
	{"abort", STACK_ABORT, 5, true},
	{"connect", STACK_CONNECT, 12, true},
	{"listen", STACK_LISTEN, 3, false},
	{"unlisten", STACK_UNLISTEN, 3, false},
	{"refuse", STACK_REFUSE, 2, false},
	{"keep alive", STACK_KEEP_ALIVE, 2, false},
};

static unsigned draw_argument(struct walk *w, enum stack_call call)
{
	if (call == STACK_LAZY)
		return ours_draw(&w->ours, 2);
	return 1 + ours_draw(&w->ours, ours_chance(&w->ours, 80) ? 30 : 3000);
}

static bool step_call(struct walk *w)
{
	unsigned total = 0;
	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		total += calls[i].weight;
	unsigned at = ours_draw(&w->ours, total);
	size_t i = 0;
	while (at >= calls[i].weight)
		at -= calls[i++].weight;
	if ((w->quiet && !calls[i].quiet) || (calls[i].call == STACK_CONNECT && !w->active))
		return true;
	const unsigned argument = draw_argument(w, calls[i].call);
	const bool done = w->stack->call(calls[i].call, argument);
	say(w, "call %s %u%s\n", calls[i].name, argument, done ? "" : " (in vain)");
	settle(w);
	return compare(w);
}

static bool step_time(struct walk *w)
{
	static const unsigned lengths[] = {1, 1, 1, 1, 1, 4, 4, 4, 12, 12, 90, 600};
	const unsigned length =
		lengths[ours_draw(&w->ours, w->quiet ? 8 : (unsigned)ARRAY_COUNT(lengths))];
	say(w, "time %u\n", length);
	for (unsigned i = 0; i < length && w->frames_count < FRAMES_MAX - 40; i++) {
		w->stack->tick();
		settle(w);
	}
	return compare(w);
}

static bool step_arrive(struct walk *w)
{
	if (w->waiting_count == 0)
		return true;
	const unsigned place =
		!w->quiet && ours_chance(&w->ours, 30) ? ours_draw(&w->ours, w->waiting_count) : 0;
	const struct frame *f = &w->frames[w->waiting[place]];
	const bool stays = !w->quiet && ours_chance(&w->ours, 8);
	const bool lost = !w->quiet && !stays && ours_chance(&w->ours, 15);
	if (!stays) {
		w->waiting_count--;
		memmove(&w->waiting[place], &w->waiting[place + 1],
			(w->waiting_count - place) * sizeof w->waiting[0]);
	}
	say_segment(w, "<-", &f->segment, false);
	say(w, "%s\n", lost ? " (lost)" : stays ? " (and again)" : "");
	if (lost)
		return true;
	ours_hear(&w->ours, &f->segment);
	const enum watch_problem p = watch_received(&w->watch, f->emission, &f->segment);
	return judge(w, p) && compare(w);
}

static bool step(struct walk *w)
{
	const unsigned kind = ours_draw(&w->ours, 100);
	bool good = true;
	if (w->frames_count > FRAMES_MAX - 60 || w->out_count == PACKETS_MAX ||
	    w->life >= LIVES_MAX)
		return false;
	if (kind < 42)
		good = step_send(w);
	else if (kind < 60)
		good = step_call(w);
	else if (kind < 68)
		good = step_time(w);
	else if (kind < 76 && !w->quiet)
		good = step_late(w);
	else
		good = step_arrive(w);
	while (good && w->quiet && w->waiting_count > 0)
		good = step_arrive(w);
	w->rests++;
	w->rests_right +=
		belief_truth_agrees(w->watch.view.state, w->truth.state, w->truth.fin_unsent);
	return good;
}

/* ---- walks ---- */

static struct endpoint endpoint_of(const uint8_t *address, uint16_t port)
{
	return (struct endpoint){ip_addr_v4(address), port};
}

static void walk_clear(struct walk *w)
{
	w->truth = (struct sockdiag_truth){.state = ST_CLOSED};
	w->fin_sent = w->base_known = false;
	w->life = 0;
	w->frames_count = w->told = w->waiting_count = w->out_count = 0;
	w->iss = w->base = seq_of(0);
	w->rests = w->rests_right = 0;
	w->log_used = 0;
	w->log[0] = '\0';
}

static const char *walk_begin(struct walk *w, uint64_t seed)
{
	struct stack_setup setup = {.emit = on_emit, .context = w};
	struct stack_address its;
	const uint8_t us[4] = {192, 0, 2, 1}, guest[4] = {10, 0, 2, 15};
	walk_clear(w);
	ours_begin(&w->ours, seed, w->config->all ? 0 : w->stack->habits);
	w->quiet = ours_chance(&w->ours, 30);
	w->polite = ours_chance(&w->ours, 35);
	w->active = ours_chance(&w->ours, 40);
	memcpy(setup.our_address, w->stack == stack_lwip() ? us : guest, 4);
	setup.our_port = (uint16_t)(1024 + ours_draw(&w->ours, 60000));
	setup.active = w->active;
	setup.seed = ours_draw(&w->ours, UINT32_MAX);
	const char *why = w->stack->begin(&setup, &its);
	if (why != NULL)
		return why;
	w->ours.us = endpoint_of(setup.our_address, setup.our_port);
	w->ours.them = endpoint_of(its.address, its.port);
	if (w->active)
		w->stack->call(STACK_CONNECT, 0);
	return NULL;
}

static const char *walk_one(struct walk *w, uint64_t seed, struct walk_result *result)
{
	const char *why = walk_begin(w, seed);
	struct walk_sums *sums = w->quiet ? &result->quiet : &result->wild;
	bool good = true;
	if (why == NULL) {
		watch_begin(&w->watch, &sums->figures, false);
		settle(w);
		for (unsigned i = 0; i < w->config->steps && good; i++)
			good = step(w);
		sums->walks++;
		sums->rests += w->rests;
		sums->rests_right += w->rests_right;
	}
	w->stack->end();
	return why;
}

static uint64_t problems(const struct walk_result *r, enum watch_problem p)
{
	return r->quiet.figures.problems[p] + r->wild.figures.problems[p];
}

static uint64_t all_problems(const struct walk_result *r)
{
	uint64_t sum = 0;
	for (int p = WATCH_GOOD + 1; p < WATCH_PROBLEM_COUNT; p++)
		sum += problems(r, (enum watch_problem)p);
	return sum;
}

static void tell(const struct walk *w, uint64_t seed)
{
	fprintf(w->config->tell, "---- %s, seed %" PRIu64 ": %s%s%s\n%s", w->stack->name, seed,
		w->active ? "active" : "passive", w->quiet ? ", quiet" : "",
		w->polite ? ", polite" : "", w->log);
}

void walk_run(const struct walk_config *config, struct walk_result *result)
{
	struct walk *w = calloc(1, sizeof *w);
	memset(result, 0, sizeof *result);
	if (w == NULL || !watch_open(&w->watch)) {
		free(w);
		result->broken = "no memory";
		return;
	}
	w->config = config;
	w->stack = config->stack;
	for (uint64_t i = 0; i < config->walks && result->broken == NULL; i++) {
		const uint64_t before = all_problems(result);
		const uint64_t fatal =
			problems(result, WATCH_IMPOSSIBLE) + problems(result, WATCH_CONTRADICTION);
		result->broken = walk_one(w, config->seed + i, result);
		result->unsound +=
			problems(result, WATCH_IMPOSSIBLE) + problems(result, WATCH_CONTRADICTION) >
			fatal;
		if (config->tell != NULL && (config->verbose || all_problems(result) > before))
			tell(w, config->seed + i);
	}
	watch_close(&w->watch);
	free(w);
}

bool walk_is_sound(const struct walk_result *r)
{
	return r->broken == NULL && r->unsound == 0 && r->quiet.walks + r->wild.walks > 0;
}

/* ---- figures ---- */

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static double mean(uint64_t sum, uint64_t count)
{
	return count == 0 ? 0 : (double)sum / (double)count;
}

static void print_sums(FILE *to, const char *name, const struct walk_sums *s)
{
	const struct watch_figures *f = &s->figures;
	fprintf(to, "  %s: %" PRIu64 " walks, %" PRIu64 " comparisons, %" PRIu64 " received\n",
		name, s->walks, f->comparisons, f->received);
	fprintf(to,
		"    possible   mean size %.2f; wrong %" PRIu64 ", contradictions %" PRIu64
		", not nested %" PRIu64 "\n",
		mean(f->possible_size, f->comparisons), f->problems[WATCH_IMPOSSIBLE],
		f->problems[WATCH_CONTRADICTION], f->problems[WATCH_NOT_NESTED]);
	fprintf(to,
		"    expected   right in %.1f %%, after a step %.1f %%; in loss %.1f %%, in "
		"orderly "
		"%.1f %%\n",
		share(f->in_expected, f->comparisons), share(s->rests_right, s->rests),
		share(f->in_loss, f->comparisons), share(f->in_orderly, f->comparisons));
	fprintf(to,
		"    proven     mean size %.2f, one state in %.1f %%; compared %" PRIu64
		", wrong %" PRIu64 "\n",
		mean(f->proven_size, f->proofs), share(f->proofs_of_one, f->proofs), f->proofs,
		f->problems[WATCH_DISPROVED]);
	fprintf(to, "    truth     ");
	for (int state = 0; state < ST_COUNT; state++)
		fprintf(to, " %s %" PRIu64, state_name((enum tcp_state)state), f->truths[state]);
	fprintf(to, "\n");
}

void walk_print(FILE *to, const struct walk_config *config, const struct walk_result *r)
{
	fprintf(to,
		"%s: %" PRIu64 " walks from seed %" PRIu64 ", %" PRIu64 " comparisons, %" PRIu64
		" walks unsound\n",
		config->stack->name, r->quiet.walks + r->wild.walks, config->seed,
		r->quiet.figures.comparisons + r->wild.figures.comparisons, r->unsound);
	print_sums(to, "quiet", &r->quiet);
	print_sums(to, "wild", &r->wild);
	if (r->broken != NULL)
		fprintf(to, "  broken off: %s\n", r->broken);
}

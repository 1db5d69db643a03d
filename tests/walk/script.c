#include "script.h"
#include "tale.h"

#include "synscope/edge/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16
#define LINE_MAX_BYTES 160
#define SENT_MAX 32
#define PATIENCE_MS 100
#define COMPARED_FLAGS (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)

/* Of what is expected with the kernel. */
enum agreement { AGREES, DIFFERS, UNCERTAIN };

struct play {
	struct trial *trial;
	struct tale tale;
	unsigned line;
	char words_of[LINE_MAX_BYTES]; /* the line, cut into words */
	char *words[WORDS_MAX];
	unsigned words_count;
	const char *state; /* after `=`; NULL: nothing is said */
	enum agreement agreement;
	unsigned open_line; /* of a step whose expectation is not compared yet; 0: none */
	enum agreement open_agreement;
	unsigned held[STAGE_FRAMES_MAX / 8];
	unsigned held_count;
	struct segment_spec sent[SENT_MAX];
	unsigned sent_count;
	uint32_t ts_echo;
};

static bool fail(struct play *p, const char *what)
{
	tale_say(&p->tale, "line %u: %s\n", p->line, what);
	return false;
}

static bool good(struct play *p, enum watch_problem problem)
{
	if (problem == WATCH_GOOD)
		return true;
	tale_say(&p->tale, "line %u: %s: %s\n", p->line, watch_problem_name(problem),
		 p->trial->watch->text);
	return false;
}

/* The ISS of the last SYN that they sent, arrived or not. */
static uint32_t their_base(const struct play *p)
{
	const struct stage *s = p->trial->stage;
	for (unsigned i = s->frames_count; i-- > 0;)
		if (!s->frames[i].own && (s->frames[i].segment.flags & TCP_SYN))
			return s->frames[i].segment.seq.raw;
	return TRIAL_GARBAGE;
}

static void say_theirs(struct play *p, const char *mark, const struct segment *s)
{
	tale_say(&p->tale, "    %s ", mark);
	tale_segment(&p->tale, s, seq_of(their_base(p)), seq_of(TRIAL_ISN));
	tale_say(&p->tale, "\n");
}

/* ---- words ---- */

static bool cut(struct play *p, const char *line, size_t count)
{
	char *save = NULL;
	if (count >= sizeof p->words_of)
		return false;
	memcpy(p->words_of, line, count);
	p->words_of[count] = '\0';
	p->words_count = 0;
	p->state = NULL;
	p->agreement = AGREES;
	for (char *word = strtok_r(p->words_of, " \t", &save); word != NULL;
	     word = strtok_r(NULL, " \t", &save)) {
		if (strcmp(word, "=") == 0)
			p->state = strtok_r(NULL, " \t", &save);
		else if (strcmp(word, "~") == 0)
			p->agreement = DIFFERS;
		else if (strcmp(word, "?") == 0)
			p->agreement = UNCERTAIN;
		else if (p->words_count < WORDS_MAX)
			p->words[p->words_count++] = word;
	}
	return true;
}

static const char *word(const struct play *p, unsigned at)
{
	return at < p->words_count ? p->words[at] : "";
}

static bool is_said(const struct play *p, const char *what)
{
	for (unsigned i = 1; i < p->words_count; i++)
		if (strcmp(p->words[i], what) == 0)
			return true;
	return false;
}

/* The number after a word, or @p otherwise. */
static long value_of(const struct play *p, const char *what, long otherwise)
{
	for (unsigned i = 1; i + 1 < p->words_count; i++)
		if (strcmp(p->words[i], what) == 0)
			return strtol(p->words[i + 1], NULL, 10);
	return otherwise;
}

static seq_t number(const char *text, uint32_t base)
{
	if (strcmp(text, "zero") == 0)
		return seq_of(0);
	return seq_of(base + (uint32_t)strtol(text, NULL, 10));
}

static uint16_t flags_of(const char *letters)
{
	uint16_t flags = 0;
	if (strcmp(letters, "-") != 0 && !tcp_flags_parse(&flags, letters))
		abort(); /* a script that was never played */
	return flags;
}

/* ---- the kernel's word, and what was expected ---- */

static bool is_state(const char *names, enum tcp_state state)
{
	const char *name = state_name(state);
	const size_t count = strlen(name);
	for (const char *at = names; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, name, count) == 0 && (at[count] == '\0' || at[count] == '|'))
			return true;
	}
	return false;
}

static bool check_state(struct play *p)
{
	const struct sockdiag_truth *truth = &p->trial->truth;
	if (p->state == NULL || is_state(p->state, truth->state))
		return true;
	tale_say(&p->tale, "line %u: the kernel is %s%s\n", p->line, state_name(truth->state),
		 truth->fin_unsent ? " (FIN unsent)" : "");
	return false;
}

/* A loaded machine is slow: delayed ACKs and retransmissions may come between steps. */
static bool is_by_itself(const struct trial *t, unsigned at)
{
	const struct stage_frame *f = &t->stage->frames[at];
	const struct watch_emission *e = &t->watch->emitted[t->emission[at]];
	const bool again = e->first != t->emission[at];
	const bool plain = (e->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 && e->text_bytes == 0;
	return again || (plain && f->time_ns > t->acted_ns);
}

static bool pass_over(struct play *p)
{
	struct trial *t = p->trial;
	while (t->waiting_count > 0 && is_by_itself(t, t->waiting[0])) {
		say_theirs(p, "(<)", &t->stage->frames[t->waiting[0]].segment);
		if (!good(p, trial_arrive(t, 0, false)))
			return false;
	}
	return true;
}

static bool check_expected(struct play *p, unsigned line)
{
	const struct trial *t = p->trial;
	const enum tcp_state expected = t->watch->view.state;
	const bool agrees = belief_truth_agrees(expected, t->truth.state, t->truth.fin_unsent);
	if (p->open_agreement == UNCERTAIN || agrees == (p->open_agreement == AGREES))
		return true;
	tale_say(&p->tale, "line %u: %s is expected, the kernel is %s%s\n", line,
		 state_name(expected), state_name(t->truth.state),
		 agrees ? ", which is not the surprise it should be" : "");
	return false;
}

/* A step is over: the state is as expected, and, unless we go on to wait, nothing more came than
 * was said. */
static bool end_step(struct play *p, bool waits)
{
	struct trial *t = p->trial;
	const unsigned line = p->open_line;
	if (line == 0)
		return true;
	p->open_line = 0;
	if (!good(p, trial_look(t)) || (!waits && !pass_over(p)))
		return false;
	if (t->waiting_count > 0 && !waits) {
		say_theirs(p, "<", &t->stage->frames[t->waiting[0]].segment);
		return fail(p, "came before it, and nobody spoke of it");
	}
	return check_expected(p, line);
}

static bool begin_step(struct play *p)
{
	if (!end_step(p, strcmp(word(p, 0), "wait") == 0))
		return false;
	p->open_line = p->line;
	p->open_agreement = p->agreement;
	return true;
}

/* ---- lines ---- */

static bool play_send(struct play *p)
{
	static const uint8_t text[2000];
	struct segment_spec spec = {.flags = flags_of(word(p, 1)),
				    .window = (uint16_t)value_of(p, "win", 64240),
				    .payload = text,
				    .payload_bytes = (size_t)value_of(p, "len", 0)};
	spec.seq = number(word(p, 2), TRIAL_ISN);
	if (spec.flags & TCP_ACK)
		spec.ack = number(word(p, 3), their_base(p));
	if (is_said(p, "ts")) {
		spec.option.has_timestamps = true;
		spec.option.ts_value = (uint32_t)(1000000 + value_of(p, "ts", 0));
		spec.option.ts_echo = p->ts_echo;
	}
	if (is_said(p, "mss")) {
		spec.option.has_mss = true;
		spec.option.mss = (uint16_t)value_of(p, "mss", 0);
	}
	spec.option.has_fastopen = is_said(p, "fo");
	if (p->sent_count == SENT_MAX)
		return fail(p, "too many segments");
	p->sent[p->sent_count++] = spec;
	return good(p, trial_send(p->trial, &spec,
				  is_said(p, "lost") ? TRIAL_LOST : TRIAL_DELIVERED)) &&
	       check_state(p);
}

static bool play_again(struct play *p, enum trial_fate fate)
{
	const unsigned long n = strtoul(word(p, 1), NULL, 10);
	if (n == 0 || n > p->sent_count)
		return fail(p, "no such segment of ours");
	struct segment_spec spec = p->sent[n - 1];
	return good(p, trial_send(p->trial, &spec, fate)) && check_state(p);
}

static bool is_as_said(const struct play *p, const struct segment *s)
{
	const uint16_t flags = flags_of(word(p, 1));
	return (s->flags & COMPARED_FLAGS) == (flags & COMPARED_FLAGS) &&
	       seq_eq(s->seq, number(word(p, 2), their_base(p))) &&
	       ((flags & TCP_ACK) == 0 || seq_eq(s->ack, number(word(p, 3), TRIAL_ISN))) &&
	       s->payload_bytes == (uint32_t)value_of(p, "len", 0);
}

static bool play_receive(struct play *p)
{
	struct trial *t = p->trial;
	const bool maybe = is_said(p, "maybe");
	/* What a timer sends is on its way for a moment after the state has changed. */
	for (int i = 0; i < PATIENCE_MS && t->waiting_count == 0 && !maybe; i++) {
		poll(NULL, 0, 1);
		if (!good(p, trial_look(t)))
			return false;
	}
	if (t->waiting_count == 0)
		return maybe || fail(p, "nothing came");
	const unsigned at = t->waiting[0];
	const struct segment *s = &t->stage->frames[at].segment;
	if (!is_as_said(p, s)) {
		if (maybe)
			return true;
		if (is_by_itself(t, at))
			return pass_over(p) && play_receive(p);
		say_theirs(p, "<", s);
		return fail(p, "something else came");
	}
	if (s->option.has_timestamps)
		p->ts_echo = s->option.ts_value;
	if (is_said(p, "lost")) {
		trial_lose(t, 0);
		return true;
	}
	if (is_said(p, "hold")) {
		if (p->held_count == ARRAY_COUNT(p->held))
			return fail(p, "too many held");
		p->held[p->held_count++] = at;
		trial_lose(t, 0);
		return true;
	}
	if (is_said(p, "twice") && !good(p, trial_arrive(t, 0, true)))
		return false;
	return good(p, trial_arrive(t, 0, false));
}

static bool play_arrive(struct play *p)
{
	struct trial *t = p->trial;
	if (p->held_count == 0)
		return fail(p, "nothing is held");
	memmove(&t->waiting[1], &t->waiting[0], t->waiting_count * sizeof t->waiting[0]);
	t->waiting[0] = p->held[--p->held_count];
	t->waiting_count++;
	return good(p, trial_arrive(t, 0, false)) && check_state(p);
}

static bool play_wait(struct play *p)
{
	struct trial *t = p->trial;
	const int64_t until = clock_monotonic_ns() + strtol(word(p, 1), NULL, 10) * NS_PER_MS;
	const enum tcp_state before = t->truth.state;
	for (;;) {
		if (!good(p, trial_look(t)))
			return false;
		if (t->waiting_count > 0 || clock_monotonic_ns() >= until ||
		    (t->truth.state != before && p->state != NULL &&
		     is_state(p->state, t->truth.state))) {
			t->acted_ns = clock_realtime_ns();
			return check_state(p);
		}
		poll(NULL, 0, 4);
	}
}

static bool play_icmp(struct play *p)
{
	struct trial *t = p->trial;
	struct fault why = {{0}};
	unsigned last = t->stage->frames_count;
	while (last > 0 && t->stage->frames[last - 1].own)
		last--;
	if (last == 0)
		return fail(p, "nothing to be about");
	if (stage_refuse(t->stage, &t->stage->frames[last - 1], &why) < 0)
		return fail(p, why.text);
	return good(p, trial_look(t)) && check_state(p);
}

static bool play_set(struct play *p)
{
	struct fault why = {{0}};
	return stage_set(p->trial->stage, word(p, 1), word(p, 2), &why) == 0 || fail(p, why.text);
}

static bool play_call(struct play *p)
{
	for (unsigned call = 0; call < APP_CALL_COUNT; call++) {
		int returned;
		if (strcmp(word(p, 0), app_call_name((enum app_call)call)) != 0)
			continue;
		const int argument = (int)strtol(word(p, 1), NULL, 10);
		if (!good(p, trial_call(p->trial, (enum app_call)call, argument, &returned)) ||
		    !check_state(p))
			return false;
		if (returned >= 0 || is_said(p, "fails"))
			return true;
		tale_say(&p->tale, "line %u: %s\n", p->line, strerror(-returned));
		return false;
	}
	return fail(p, "what is this?");
}

static bool play_line(struct play *p)
{
	const char *what = word(p, 0);
	if (strcmp(what, "<") == 0)
		return play_receive(p);
	if (!begin_step(p))
		return false;
	if (strcmp(what, ">") == 0)
		return play_send(p);
	if (strcmp(what, "again") == 0)
		return play_again(p, TRIAL_DELIVERED);
	if (strcmp(what, "copy") == 0)
		return play_again(p, TRIAL_COPIED);
	if (strcmp(what, "arrive") == 0)
		return play_arrive(p);
	if (strcmp(what, "wait") == 0)
		return play_wait(p);
	if (strcmp(what, "icmp") == 0)
		return play_icmp(p);
	if (strcmp(what, "set") == 0)
		return play_set(p);
	return play_call(p);
}

static bool play_lines(struct play *p, const char *script)
{
	for (const char *line = script; *line != '\0';) {
		const size_t count = strcspn(line, "\n");
		p->line++;
		tale_say(&p->tale, "%2u  %.*s\n", p->line, (int)count, line);
		if (!cut(p, line, count))
			return fail(p, "too long");
		if (p->words_count > 0 && !play_line(p))
			return false;
		line += count + (line[count] == '\n');
	}
	return end_step(p, false);
}

bool script_play(struct trial *t, const struct scenario *s, enum ip_family family,
		 struct watch_figures *figures, char *text, size_t text_bytes)
{
	struct play play = {.trial = t, .tale = tale_begin(text, text_bytes)};
	const bool passed = good(&play, trial_begin(t, family, s->cookies, figures)) &&
			    play_lines(&play, s->script);
	trial_end(t);
	return passed;
}

/*
 * The transition table with one row changed, chosen when a program starts. This file takes the
 * place of rules.o in the programs that tests/mutate/run.sh makes, and is in no other.
 *
 * MUTATE=list     print every mutant: number, row, section, sentence, mutation
 * MUTATE=N        be mutant N
 * MUTATE=@FILE    be each mutant whose number FILE has on a line of its own, one after the other,
 *                 each in a process of its own, and print "N killed" or "N survived"
 * (nothing)       the table as it is
 */
#include "synscope/core/state.h"
#include "synscope/core/util.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The only way to a table that can be written to without a second copy of its text. A state's
 * name is then called a string that may be changed, and is not. */
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#define const
#include "../../src/core/rules.c"
#undef const
#pragma GCC diagnostic error "-Wdiscarded-qualifiers"

#define SECONDS_MAX 60 /* a test that a mutant makes run for ever has noticed it */

#define MUTANTS_MAX 20000

#define FACTS_ALL (((facts_t)1 << FACT_COUNT) - 1)

/* Counts through the mutants, and makes the one that is wanted. */
struct search {
	size_t wanted; /* SIZE_MAX: none, all are printed */
	size_t n;      /* of the next one */
	size_t row;
	bool found;
};

/* One more mutant: the row as it would be. One that changes nothing is none. */
static void offer(struct search *s, const struct tcp_rule *mutant, const char *what,
		  const char *which)
{
	struct tcp_rule *row = &tcp_rules[s->row];
	const size_t n = s->n++;
	if (s->wanted == SIZE_MAX) {
		printf("%zu\t%zu\t%s\t%s\t%s%s%s\n", n, s->row, row->section, row->sentence, what,
		       which[0] != '\0' ? " " : "", which);
	} else if (n == s->wanted) {
		*row = *mutant;
		s->found = true;
	}
}

/* A row whose facts never come together is gone, and its number is nobody else's. */
static void offer_removal(struct search *s, const struct tcp_rule *row)
{
	struct tcp_rule mutant = *row;
	mutant.when = FACTS_ALL & ~row->unless;
	offer(s, &mutant, "removed", "");
}

/* Where a row is for one state, to stay and to go there are the same. */
static void offer_targets(struct search *s, const struct tcp_rule *row)
{
	for (enum ctl to = CTL_CLOSED; to <= CTL_SAME; to++) {
		struct tcp_rule mutant = *row;
		const bool stays =
			(to == CTL_SAME && row->from == CTL_BIT(row->to)) ||
			(row->to == CTL_SAME && to != CTL_SAME && row->from == CTL_BIT(to));
		if (to == row->to || stays)
			continue;
		mutant.to = to;
		offer(s, &mutant, "to", ctl_name(to));
	}
	for (enum ctl from = CTL_CLOSED; from < CTL_COUNT; from++) {
		struct tcp_rule mutant = *row;
		mutant.from &= ~CTL_BIT(from);
		if (mutant.from != row->from && mutant.from != 0)
			offer(s, &mutant, "not from", ctl_name(from));
	}
}

static void offer_emits(struct search *s, const struct tcp_rule *row)
{
	for (unsigned bit = 0; bit <= EMIT_PROBE; bit = bit != 0 ? bit << 1 : 1) {
		struct tcp_rule mutant = *row;
		mutant.emit = (uint16_t)bit;
		if (mutant.emit != row->emit)
			offer(s, &mutant, "sends", emit_name((enum emit)bit));
	}
}

static void offer_takes(struct search *s, const struct tcp_rule *row)
{
	static const char *const names[] = {"SYN", "ACK", "TEXT", "FIN", "HELD"};
	static const char *const ways[] = {"next check", "sixth check", "done"};
	for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
		struct tcp_rule mutant = *row;
		mutant.take ^= (uint8_t)(1u << i);
		offer(s, &mutant, mutant.take > row->take ? "takes" : "takes no", names[i]);
	}
	for (enum then then = THEN_NEXT; then <= THEN_DONE && row->on <= ON_CHECK_LAST; then++) {
		struct tcp_rule mutant = *row;
		const bool back = then == THEN_SIXTH && row->on >= ON_CHECK_6;
		mutant.then = then;
		if (then != row->then && !back)
			offer(s, &mutant, "then", ways[then]);
	}
}

/* Each fact that is asked for: forbidden, or not asked for; and the other way round. */
static void offer_guards(struct search *s, const struct tcp_rule *row)
{
	for (unsigned i = 0; i < FACT_COUNT; i++) {
		const facts_t bit = (facts_t)1 << i;
		struct tcp_rule mutant = *row;
		if (((row->when | row->unless) & bit) == 0)
			continue;
		mutant.when &= ~bit;
		mutant.unless &= ~bit;
		offer(s, &mutant, "does not ask for", fact_name(i));
		mutant.when |= row->unless & bit;
		mutant.unless |= row->when & bit;
		offer(s, &mutant, "negates", fact_name(i));
	}
}

static void offer_origins(struct search *s, const struct tcp_rule *row)
{
	for (unsigned o = ORIGIN_RFC; o <= ORIGIN_ABNORMAL; o <<= 1) {
		struct tcp_rule mutant = *row;
		mutant.origin = (enum origin)o;
		if (mutant.origin != row->origin)
			offer(s, &mutant, "origin", origin_name((enum origin)o));
	}
}

/* @return whether there is such a mutant */
static bool mutate(size_t wanted)
{
	struct search s = {.wanted = wanted};
	for (s.row = 0; s.row < tcp_rules_count && !s.found; s.row++) {
		const struct tcp_rule row = tcp_rules[s.row];
		offer_removal(&s, &row);
		offer_targets(&s, &row);
		offer_emits(&s, &row);
		offer_takes(&s, &row);
		offer_guards(&s, &row);
		offer_origins(&s, &row);
	}
	return s.found;
}

/* The numbers in a file. It is closed before there are children, whose exit() would move its
 * position, which they share. */
static size_t numbers_read(const char *file, size_t *numbers)
{
	FILE *f = fopen(file, "re");
	size_t count = 0;
	if (f == NULL) {
		perror(file);
		_exit(1);
	}
	while (count < MUTANTS_MAX && fscanf(f, "%zu", &numbers[count]) == 1)
		count++;
	fclose(f);
	return count;
}

/* The child of this returns, and goes on to main(). */
static void be_each(const char *file)
{
	static size_t numbers[MUTANTS_MAX];
	const size_t count = numbers_read(file, numbers);
	for (size_t i = 0; i < count; i++) {
		const size_t n = numbers[i];
		int status = 0;
		fflush(stdout);
		const pid_t child = fork();
		if (child == 0) {
			const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
			dup2(nowhere, STDOUT_FILENO);
			dup2(nowhere, STDERR_FILENO);
			alarm(SECONDS_MAX);
			if (!mutate(n))
				_exit(0);
			return;
		}
		if (child < 0 || waitpid(child, &status, 0) != child) {
			perror("mutant");
			_exit(1);
		}
		printf("%zu %s\n", n, status == 0 ? "survived" : "killed");
	}
	fflush(stdout);
	_exit(0);
}

__attribute__((constructor)) static void choose(void)
{
	const char *wish = getenv("MUTATE");
	if (wish == NULL)
		return;
	if (strcmp(wish, "list") == 0) {
		mutate(SIZE_MAX);
		fflush(stdout);
		_exit(0);
	}
	if (wish[0] == '@') {
		be_each(wish + 1);
		return;
	}
	if (!mutate(strtoul(wish, NULL, 10))) {
		fprintf(stderr, "no mutant %s\n", wish);
		_exit(1);
	}
}

/* cmocka calls this at the first thing that is wrong; the rest need not be looked at. */
void _fail(const char *file, int line);
void _fail(const char *file, int line)
{
	fprintf(stderr, "%s:%d: failed\n", file, line);
	_exit(1);
}

#include "synscope/client/opts.h"

#include "synscope/edge/clock.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool opts_time(int64_t *ns, const char *text)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"m", 60e9}};
	char *end;
	/* strtod(3) also reads hexadecimal, exponents, "inf": a typing error more likely. */
	const size_t digits = strspn(text, "0123456789.");
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	const double value = strtod(text, &end);
	if (end != text + digits)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (strcmp(end, units[i].suffix) != 0)
			continue;
		const double total = value * units[i].ns;
		if (errno != 0 || !isfinite(total) || total > 9e18)
			return false;
		*ns = (int64_t)total;
		return true;
	}
	return false;
}

bool opts_u32(uint32_t *value, const char *text, uint32_t min, uint32_t max)
{
	char *end;
	const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	const unsigned long long v = strtoull(text, &end, hex ? 16 : 10);
	if (errno != 0 || *end != '\0' || v < min || v > max)
		return false;
	*value = (uint32_t)v;
	return true;
}

static bool read_share(double *share, const char *text)
{
	char *end;
	if (text[0] < '0' || text[0] > '9')
		return false;
	double v = strtod(text, &end);
	if (end != text + strspn(text, "0123456789."))
		return false;
	if (strcmp(end, "%") == 0)
		v /= 100;
	else if (*end != '\0')
		return false;
	if (!(v >= 0 && v <= 1))
		return false;
	*share = v;
	return true;
}

/* What is wrong with a choice: the words that would have been right. */
static const char *read_choice(const struct opt *o, const char *text)
{
	static char wrong[200];
	size_t at = (size_t)snprintf(wrong, sizeof wrong, "one of");
	for (int i = 0; o->choices[i] != NULL; i++) {
		if (strcasecmp(o->choices[i], text) == 0) {
			*(int *)o->to = i;
			return NULL;
		}
		if (at < sizeof wrong)
			at += (size_t)snprintf(wrong + at, sizeof wrong - at, " %s", o->choices[i]);
	}
	return wrong;
}

/* @return NULL, or what was wanted instead. */
static const char *take(const struct opt *o, const char *text)
{
	static char wrong[120];
	switch (o->kind) {
	case OPT_IS_TRUE:
		*(bool *)o->to = true;
		return NULL;
	case OPT_IS_FALSE:
		*(bool *)o->to = false;
		return NULL;
	case OPT_IS_COUNT:
		++*(int *)o->to;
		return NULL;
	case OPT_IS_U32: {
		struct opt_u32 *u = o->to;
		u->given = opts_u32(&u->value, text, o->min, o->max);
		snprintf(wrong, sizeof wrong, "a number from %u to %u", o->min, o->max);
		return u->given ? NULL : wrong;
	}
	case OPT_IS_TIME:
		return opts_time(o->to, text) ? NULL : "a time such as 2, 1.5s, 200ms or 10us";
	case OPT_IS_SHARE:
		return read_share(o->to, text) ? NULL
					       : "a share from 0 to 1, or a percentage such as 5%";
	case OPT_IS_TEXT:
		*(const char **)o->to = text;
		return NULL;
	case OPT_IS_CHOICE:
		return read_choice(o, text);
	case OPT_IS_CALL:
		return o->call(o->to, text);
	}
	return NULL;
}

#define CODE_FIRST 256 /* above every letter */

struct tables {
	struct option longs[OPTS_MAX + 2];
	const struct opt *rows[OPTS_MAX];
	size_t count;
	char letters[3 * OPTS_MAX + 8];
};

static void add_rows(struct tables *t, const struct opt *opts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct opt *o = &opts[i];
		assert(t->count < OPTS_MAX);
		t->longs[t->count] = (struct option){
			o->name, o->argument != NULL ? required_argument : no_argument, NULL,
			CODE_FIRST + (int)t->count};
		t->rows[t->count++] = o;
		if (o->letter != 0) {
			const size_t at = strlen(t->letters);
			t->letters[at] = o->letter;
			if (o->argument != NULL)
				t->letters[at + 1] = ':';
		}
	}
}

static const struct opt *row_of(const struct tables *t, int code)
{
	if (code >= CODE_FIRST)
		return t->rows[code - CODE_FIRST];
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i]->letter == code)
			return t->rows[i];
	return NULL;
}

static int complain(const char *verb, const char *option, const char *wrong)
{
	fprintf(stderr, "synscope: %s: %s (synscope %s --help lists the options)\n", option, wrong,
		verb);
	return -1;
}

/* What getopt_long(3) could not take, by its name: "-Z" out of "-vZ", "--tiemout". */
static int complain_of(const struct tables *t, char **argv, int code)
{
	char letter[3] = {'-', (char)optopt, '\0'};
	char name[64];
	const char *option = argv[optind - 1];
	const bool is_letter = optopt > 0 && optopt < CODE_FIRST;
	if (is_letter) {
		option = letter;
	} else if (optopt >= CODE_FIRST) {
		snprintf(name, sizeof name, "--%s", row_of(t, optopt)->name);
		option = name;
	}
	if (code == ':')
		return complain(argv[0], option, "needs an argument");
	return complain(argv[0], option,
			optopt >= CODE_FIRST ? "takes no argument" : "no such option");
}

/* getopt_long(3) takes any unambiguous beginning of a name, so that a new option would make an
 * old script ambiguous: whole names only. */
static bool is_whole_name(char **argv, const struct opt *o)
{
	const bool apart = optarg != NULL && optarg == argv[optind - 1];
	const char *word = argv[optind - (apart ? 2 : 1)];
	return strcspn(word + 2, "=") == strlen(o->name);
}

int opts_read(int argc, char **argv, struct opt_table own, struct opt_table globals,
	      bool stop_at_word)
{
	struct tables t = {.count = 0};
	/* "+": stop at the first word. ":": a missing argument is told apart from a bad name. */
	strcpy(t.letters, stop_at_word ? "+:h" : ":h");
	add_rows(&t, own.rows, own.count);
	add_rows(&t, globals.rows, globals.count);
	t.longs[t.count] = (struct option){"help", no_argument, NULL, 'h'};
	t.longs[t.count + 1] = (struct option){NULL, 0, NULL, 0};
	opterr = 0;
	optind = 0; /* glibc: start over */
	for (;;) {
		const int code = getopt_long(argc, argv, t.letters, t.longs, NULL);
		if (code == -1)
			return optind;
		if (code == 'h')
			return -2;
		if (code == ':' || code == '?')
			return complain_of(&t, argv, code);
		const struct opt *o = row_of(&t, code);
		if (code >= CODE_FIRST && !is_whole_name(argv, o))
			return complain(argv[0],
					argv[optind - (optarg == argv[optind - 1] ? 2 : 1)],
					"no such option");
		const char *wanted = take(o, optarg);
		if (wanted != NULL) {
			fprintf(stderr, "synscope: --%s %s: should be %s\n", o->name, optarg,
				wanted);
			return -1;
		}
	}
}

void opts_help(const char *title, const struct opt *opts, size_t count)
{
	printf("\n%s\n", title);
	for (size_t i = 0; i < count; i++) {
		const struct opt *o = &opts[i];
		char left[64];
		char letter[4] = "   ";
		if (o->letter != 0)
			snprintf(letter, sizeof letter, "-%c,", o->letter);
		snprintf(left, sizeof left, "  %s --%s%s%s", letter, o->name,
			 o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "");
		if (strlen(left) > 29)
			printf("%s\n%-30s%s\n", left, "", o->help);
		else
			printf("%-30s%s\n", left, o->help);
	}
}

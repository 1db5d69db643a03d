#include "synscope/client/opts.h"

#include "synscope/edge/clock.h"

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
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	const double value = strtod(text, &end);
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
	for (size_t i = 0; i < count && t->count < OPTS_MAX; i++) {
		const struct opt *o = &opts[i];
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

/* An error names the option as it was written: the long name if by its name. */
static int complain(char **argv, int index, const struct opt *o, const char *text,
		    const char *wanted)
{
	if (o != NULL)
		fprintf(stderr, "synscope: --%s %s: should be %s\n", o->name, text, wanted);
	else
		fprintf(stderr, "synscope: %s: %s (synscope %s --help lists the options)\n",
			argv[index], wanted, argv[0]);
	return -1;
}

int opts_read(int argc, char **argv, const struct opt *own, size_t own_count,
	      const struct opt *globals, size_t globals_count, bool stop_at_word)
{
	struct tables t = {.count = 0};
	/* "+": stop at the first word. ":": a missing argument is told apart from a bad name. */
	strcpy(t.letters, stop_at_word ? "+:h" : ":h");
	add_rows(&t, own, own_count);
	add_rows(&t, globals, globals_count);
	t.longs[t.count] = (struct option){"help", no_argument, NULL, 'h'};
	t.longs[t.count + 1] = (struct option){NULL, 0, NULL, 0};
	opterr = 0;
	optind = 0; /* glibc: start over */
	for (;;) {
		const int at = optind > 0 ? optind : 1;
		const int code = getopt_long(argc, argv, t.letters, t.longs, NULL);
		if (code == -1)
			return optind;
		if (code == 'h')
			return -2;
		if (code == ':')
			return complain(argv, optind - 1, NULL, NULL, "needs an argument");
		if (code == '?') {
			const int bad = optind > at ? optind - 1 : at;
			return complain(argv, bad < argc ? bad : argc - 1, NULL, NULL,
					"no such option, or not unambiguous, or takes no argument");
		}
		const struct opt *o = row_of(&t, code);
		const char *wanted = take(o, optarg);
		if (wanted != NULL)
			return complain(argv, optind - 1, o, optarg, wanted);
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

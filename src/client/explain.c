/* synscope explain: the rows of the table, by state or by word; --markdown: all of them. */
#include "synscope/client/client.h"
#include "synscope/core/rules.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct {
	bool markdown;
} opt;

static const struct opt explain_opts[] = {
	{"markdown", 0, OPT_IS_TRUE, &opt.markdown, NULL, "every row, as docs/states.md has them",
	 0, 0, NULL, NULL},
};

static const char *origin_text(enum origin o)
{
	switch (o) {
	case ORIGIN_RFC:
		return "RFC";
	case ORIGIN_MAY:
		return "RFC, may";
	case ORIGIN_STACK:
		return "real stacks";
	case ORIGIN_COOKIE:
		return "SYN cookies";
	case ORIGIN_ABNORMAL:
		return "abnormal";
	}
	return "";
}

static void print_from(const struct tcp_rule *r, const char *separator)
{
	bool first = true;
	if (r->from == (CTL_BIT(CTL_COUNT) - 1)) {
		printf("any state");
		return;
	}
	for (int c = 0; c < CTL_COUNT; c++) {
		if ((r->from & CTL_BIT(c)) == 0)
			continue;
		printf("%s%s", first ? "" : separator, ctl_name((enum ctl)c));
		first = false;
	}
}

static void print_facts(const struct tcp_rule *r)
{
	const char *separator = "";
	for (unsigned bit = 0; bit < FACT_COUNT; bit++) {
		const facts_t f = (facts_t)1 << bit;
		if ((r->when & f) != 0)
			printf("%s%s", separator, fact_name(bit));
		else if ((r->unless & f) != 0)
			printf("%snot %s", separator, fact_name(bit));
		else
			continue;
		separator = ", ";
	}
	if (separator[0] == '\0')
		printf("always");
}

static void print_emits(unsigned emit)
{
	const char *separator = "";
	for (unsigned bit = 0; bit < 16; bit++) {
		if ((emit >> bit & 1) == 0)
			continue;
		printf("%s%s", separator, emit_name((enum emit)(1u << bit)));
		separator = ", ";
	}
	if (separator[0] == '\0')
		printf("nothing");
}

static void print_row(const struct tcp_rule *r)
{
	printf("%s  (%s; %s)\n  in    ", r->sentence, r->section, origin_text(r->origin));
	print_from(r, ", ");
	printf("\n  on    %s: ", rule_on_name(r->on));
	print_facts(r);
	printf("\n  then  %s; sends ", r->to == CTL_SAME ? "stays" : ctl_name(r->to));
	print_emits(r->emit);
	printf("\n\n");
}

static void print_markdown(void)
{
	puts("# The transition table\n\n"
	     "Printed from `src/core/rules.c` by `synscope explain --markdown`; `make states` "
	     "writes this\n"
	     "file. One row per sentence of RFC 9293 section 3.10 (with 3.5, 3.6 and RFC 5961). A "
	     "segment\n"
	     "goes through the checks in their order; a check with no matching row has nothing to "
	     "say.\n\n"
	     "| # | in | on | if | then | sends | section | origin | the rule |\n"
	     "|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < tcp_rules_count; i++) {
		const struct tcp_rule *r = &tcp_rules[i];
		printf("| %zu | ", i);
		print_from(r, "<br>");
		printf(" | %s | ", rule_on_name(r->on));
		print_facts(r);
		printf(" | %s | ", r->to == CTL_SAME ? "stays" : ctl_name(r->to));
		print_emits(r->emit);
		printf(" | %s | %s | %s |\n", r->section, origin_text(r->origin), r->sentence);
	}
}

static bool contains(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static bool concerns(const struct tcp_rule *r, bool is_state, enum tcp_state state,
		     const char *word)
{
	if (!is_state)
		return contains(r->sentence, word) || contains(r->section, word);
	if (r->to != CTL_SAME && ctl_state(r->to) == state)
		return true;
	for (int c = 0; c < CTL_COUNT; c++)
		if ((r->from & CTL_BIT(c)) != 0 && ctl_state((enum ctl)c) == state)
			return true;
	return false;
}

int explain_command(int argc, char **argv)
{
	enum tcp_state state = ST_CLOSED;
	int first;
	size_t shown = 0;
	const int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope explain [OPTION...] STATE|WORD",
			"Print the rules that the inference uses for a state (CLOSE-WAIT) or a "
			"word\n"
			"(\"challenge\", \"RST\", \"5961\"), each with its section of the RFC.",
			explain_opts, ARRAY_COUNT(explain_opts), false},
		&first);
	if (rc >= 0)
		return rc;
	if (opt.markdown) {
		print_markdown();
		return EXIT_EXPECTED;
	}
	if (argc - first != 1)
		return client_error(EXIT_BAD_USAGE,
				    "explain what? one STATE or WORD (in quotes if of several)");
	const char *word = argv[first];
	const bool is_state = state_parse(&state, word);
	for (size_t i = 0; i < tcp_rules_count; i++) {
		if (!concerns(&tcp_rules[i], is_state, state, word))
			continue;
		print_row(&tcp_rules[i]);
		shown++;
	}
	if (shown == 0)
		return client_error(EXIT_OTHERWISE, "no rule speaks of %s", word);
	return EXIT_EXPECTED;
}

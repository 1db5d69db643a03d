/*
 * Command-line options as tables: one row an option, read by getopt_long(3), and
 * printed as help from the same rows, so that the two cannot differ.
 */
#ifndef SYNSCOPE_CLIENT_OPTS_H
#define SYNSCOPE_CLIENT_OPTS_H

#include "synscope/core/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_IS_TRUE,   /* bool *: set */
	OPT_IS_FALSE,  /* bool *: cleared */
	OPT_IS_COUNT,  /* int *: one more each time */
	OPT_IS_U32,    /* struct opt_u32 *: number in a range */
	OPT_IS_TIME,   /* int64_t *: nanoseconds; "2", "500ms", "1m"; bare number: seconds */
	OPT_IS_SHARE,  /* double *: "0.05" or "5%" */
	OPT_IS_TEXT,   /* const char **: borrowed from argv */
	OPT_IS_CHOICE, /* int *: index into choices */
	OPT_IS_CALL,   /* call(context, text) */
};

struct opt_u32 {
	bool given;
	uint32_t value;
};

struct opt {
	const char *name; /* long, without dashes */
	char letter;      /* or 0 */
	enum opt_kind kind;
	void *to;
	const char *argument; /* what to call it in the help; NULL: takes none */
	const char *help;
	uint32_t min, max;          /* OPT_IS_U32 */
	const char *const *choices; /* OPT_IS_CHOICE: NULL-terminated */
	/* OPT_IS_CALL: @return NULL, or what the text should be (static): "a port from 1 to 65535"
	 */
	const char *(*call)(void *context, const char *text);
};

struct opt_table {
	const struct opt *rows;
	size_t count;
};

#define OPTS_MAX 96

/**
 * Read options. Two tables, so that the globals may stand with every verb's own.
 * @param argv argv[0] is the verb (or the program), for messages
 * @param stop_at_word end at the first word that is no option (for `synscope -j trace`, and
 *                     for commands that are given a command)
 * @return index of the first word that is no option; or -1 after an error line on stderr; -h and
 *         --help are returned as -2
 */
must_check int opts_read(int argc, char **argv, struct opt_table own, struct opt_table globals,
			 bool stop_at_word);

/** Print the rows of a table as help, to stdout. */
void opts_help(const char *title, const struct opt *opts, size_t count);

/** Read a time: "1.5", "200ms", "10us", "5s", "2m". @return whether it was one; never negative */
bool opts_time(int64_t *ns, const char *text);
/** Read a whole number, decimal or 0x hexadecimal. @return whether it was one in the range */
bool opts_u32(uint32_t *value, const char *text, uint32_t min, uint32_t max);

#endif

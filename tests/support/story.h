/* For lab tests: run synscope inside a lab and read the events it tells. */
#ifndef TESTS_SUPPORT_STORY_H
#define TESTS_SUPPORT_STORY_H

#include "synscope/core/state.h"
#include "synscope/edge/lab.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct story {
	int status;        /* exit status; -1: died of a signal */
	int signal_number; /* that one */
	json_t *events;    /* array, in order */
	char *errors;      /* what was on stderr */
	bool json_good;    /* every line was a JSON object */
};

/* How to run it. Zero is the default everywhere. */
struct story_spec {
	enum lab_role role;       /* LAB_CLIENT */
	const char *const *words; /* after "synscope", NULL-terminated */
	int kill_signal;          /* send this ... */
	int kill_after_ms;        /* ... after so long */
	bool as_text;             /* keep stdout as one string in events instead of parsing it */
};

/* Run to the end, at most 60 s. Fails the test if it cannot be run at all. */
void story_run(struct story *s, struct lab *lab, const struct story_spec *spec);
/* Take in what a run has told. @param out cut up  @param errors from malloc, owned */
void story_read(struct story *s, char *out, char *errors);
void story_free(struct story *s);

/* The n-th event of a type (from 0), or NULL. */
json_t *story_event(const struct story *s, const char *type, size_t n);
size_t story_count(const struct story *s, const char *type);
/* Member by dotted path ("server.state"), or NULL. */
json_t *story_get(json_t *event, const char *path);
const char *story_text(json_t *event, const char *path); /* "" if it is not there */
json_int_t story_number(json_t *event, const char *path);
/* The state in which a side ended, as last told; LISTEN is CLOSED (of a finished tuple). */
const char *story_final_state(const struct story *s, const char *side);
/* Whether some segment has a note with this code. */
bool story_has_note(const struct story *s, const char *code);
/* Print what was told, when a test is about to fail. */
void story_print(const struct story *s);

/* How the kernel's states compare with what was said of the server. */
struct story_truth {
	unsigned compared;     /* rows with a truth */
	unsigned impossible;   /* the truth was not in `possible` */
	unsigned unexpected;   /* it was not the state that was expected */
	unsigned disproved;    /* it was "proven" to be another */
	char first_wrong[200]; /* in words, for the message */
};

void story_compare_truth(const struct story *s, struct story_truth *truth);

#endif

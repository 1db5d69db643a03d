/* For lab tests: `synscope listen` on the server, while clients do what the test wants. */
#ifndef TESTS_SUPPORT_SERVED_H
#define TESTS_SUPPORT_SERVED_H

#include "story.h"

#include "synscope/edge/lab.h"

#include <sys/types.h>

struct served {
	struct lab *lab;
	pid_t pid;
	char out[64], err[64]; /* temporary files */
};

/** Start it and wait until it listens. @param words after "synscope", NULL-terminated */
void served_begin(struct served *s, struct lab *lab, const char *const *words);
/** @return its peak memory so far, in bytes (VmHWM). */
unsigned long served_peak_bytes(const struct served *s);
/** Have it stop (SIGINT; 0: wait until it ends by itself), and read what it told: the
 *  words had -j. */
void served_end(struct served *s, int signal_number, struct story *story);

/** The same for words without -j: only status and stderr are of interest. */
void served_end_text(struct served *s, int signal_number, struct story *story);

/** Run a shell command on a host. @param out receives its stdout; NULL: nobody wants it
 *  @return its exit status, or 128 + signal */
int served_shell(struct lab *lab, enum lab_role role, const char *command, char *out,
		 size_t out_bytes);

/** @return whether a program is installed. */
bool served_has(const char *program);

#endif

/* Why an edge failed, in words: the vendor's message, kept by the caller. */
#ifndef SYNSCOPE_EDGE_FAULT_H
#define SYNSCOPE_EDGE_FAULT_H

#define FAULT_TEXT_MAX 256

struct fault {
	char text[FAULT_TEXT_MAX]; /* what failed, on what, why; no newline, no full stop */
};

/** Write the reason; long ones are cut, newlines become spaces, trailing ones go. NULL @p f is
 * allowed. */
void fault_set(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

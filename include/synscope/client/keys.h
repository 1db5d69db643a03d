/*
 * A terminal for single keys: raw, on its other screen, and given back as it was whatever
 * happens: at keys_close(), at exit, and by every signal that ends the process and can be caught.
 */
#ifndef SYNSCOPE_CLIENT_KEYS_H
#define SYNSCOPE_CLIENT_KEYS_H

#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters are themselves. */
enum key {
	KEY_NONE = 0,
	KEY_INTERRUPT = 3, /* Ctrl-C */
	KEY_ENTER = 13,
	KEY_ESCAPE = 27,
	KEY_UP = 256,
	KEY_DOWN,
	KEY_RIGHT,
	KEY_LEFT,
	KEY_HOME,
	KEY_END,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_OTHER, /* a sequence that means nothing here */
};

/**
 * Take over the controlling terminal. One at a time; standard input is left alone, it may be a
 * capture.
 * @return 0, or a negative errno with @p why
 */
must_check int keys_open(struct fault *why);

/** @return the descriptor to poll for keys; -1 if not open */
int keys_fd(void);

/** @return the next key that is waiting, or KEY_NONE; KEY_INTERRUPT too when the terminal is gone
 */
int keys_next(void);

/** Read bytes as keys, for tests: @p used says how many of them the key takes.
 *  @return KEY_NONE if there is no whole key yet */
int keys_decode(const uint8_t *bytes, size_t count, size_t *used);

/** @return whether the size of the terminal has changed since the last question. */
bool keys_resized(void);

/** Write to the terminal, all of it. */
void keys_write(const char *text, size_t count);

/** Ask for the terminal's size. @return whether it is known */
bool keys_size(int *width, int *height);

/** Give the terminal back. Nothing happens if it is not taken. */
void keys_close(void);

#endif

/*
 * Step mode (--step): one segment a key. What is shown is drawn anew from a tape of the events,
 * so that going back costs nothing; what was sent is not un-sent by it.
 *
 * A capture is stepped through when it has been read (step_browse). An exchange that is going on
 * is held before each of our own segments (step_offer, step_keys), and can be looked through
 * while it is held.
 */
#ifndef SYNSCOPE_CLIENT_STEP_H
#define SYNSCOPE_CLIENT_STEP_H

#include "synscope/core/event.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"
#include "synscope/render/render.h"

#include <stdbool.h>
#include <stdint.h>

struct step;

/**
 * Take the terminal, and open what may be exported into: later no file can be opened.
 * @param options borrowed
 * @param view    "ladder", "rfc" or "ledger" (another: ladder)
 * @param title   what is being shown; borrowed
 * @return 0, or a negative errno with @p why
 */
must_check int step_open(struct step **s, const struct render_options *options, const char *view,
			 const char *title, struct fault *why);

/** Keep an event. While an exchange is going on (not in step_browse) it is shown at once. */
void step_event(struct step *s, const struct event *e);

enum step_answer {
	STEP_WAITING, /* no key yet */
	STEP_SEND,
	STEP_DROP,   /* build it, show it, do not send it */
	STEP_MODIFY, /* change it as step_change() says, and offer it again */
	STEP_LEAVE,  /* go on without asking */
	STEP_STOP,   /* Ctrl-C: end now */
};

enum step_change {
	STEP_SEQ_PLUS_1,
	STEP_ACK_MINUS_1,
	STEP_BAD_CHECKSUM,
	STEP_WINDOW_0,
	STEP_WITHOUT_ACK, /* the flag */
	STEP_WITH_RST,
};

/** Offer a segment of ours. @param what "ACK  seq 1  ack 1" @param why a sentence, or NULL */
void step_offer(struct step *s, const char *what, const char *why);

/** Act on the keys that are waiting. @param waited_ns how long the peer has been waiting */
enum step_answer step_keys(struct step *s, int64_t waited_ns);

/** @return what STEP_MODIFY chose */
enum step_change step_change(const struct step *s);

/** @return the descriptor to poll for keys. */
int step_fd(const struct step *s);

/** Let the user look through what happened, from its beginning or (an exchange that was watched)
 *  its end, until he leaves. @return false if by Ctrl-C */
bool step_browse(struct step *s);

/** Give the terminal back, let exported files appear, and write what a view would have written
 *  without step mode to standard output. NULL is allowed. */
void step_close(struct step *s);

#endif

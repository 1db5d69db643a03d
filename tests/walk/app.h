/*
 * The application on the kernel's end: at most one listener and one connection, and what
 * calls there are. Calls do not block and may fail: that an application calls in vain is
 * part of the experiment.
 */
#ifndef TESTS_WALK_APP_H
#define TESTS_WALK_APP_H

#include "stage.h"

enum app_call {
	APP_LISTEN, /* argument: backlog */
	APP_ACCEPT,
	APP_CONNECT,
	APP_SEND, /* argument: bytes */
	APP_RECV, /* all that is there */
	APP_SHUT_WR,
	APP_SHUT_RD,
	APP_SHUT_RDWR,
	APP_CLOSE,
	APP_ABORT,    /* close with SO_LINGER 0 */
	APP_UNLISTEN, /* close the listener */
	APP_FILL,     /* another client connects to the listener, and stays in its queue until it is
			 accepted */
	/* options, for the listener before it listens, else for the connection */
	APP_DEFER,        /* TCP_DEFER_ACCEPT, seconds */
	APP_FAST_OPEN,    /* TCP_FASTOPEN, queue length */
	APP_KEEP_ALIVE,   /* SO_KEEPALIVE: seconds idle, one probe a second, argument of them */
	APP_USER_TIMEOUT, /* TCP_USER_TIMEOUT, milliseconds */
	APP_FIN_WAIT_2,   /* TCP_LINGER2, seconds */
	APP_RCVBUF,       /* SO_RCVBUF, bytes */
	APP_CALL_COUNT
};

const char *app_call_name(enum app_call call);

struct app {
	struct stage *stage;
	int listener, connection;     /* -1: none */
	int filler;                   /* a client of the client's own kernel */
	int others[4];                /* accepted connections of fillers */
	int defer, fast_open, rcvbuf; /* for the next listener */
};

void app_begin(struct app *a, struct stage *stage);
/** Make a call. @return what the call returned, or negative errno */
int app_do(struct app *a, enum app_call call, int argument);
/** Leave nothing: everything is aborted. */
void app_end(struct app *a);

#endif

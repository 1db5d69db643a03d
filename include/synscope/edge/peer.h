/*
 * A small server on real kernel TCP, whose behaviour is chosen: the other end in the lab.
 */
#ifndef SYNSCOPE_EDGE_PEER_H
#define SYNSCOPE_EDGE_PEER_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whatever closes "in order" here reads what has arrived first, so that a FIN goes out and
 * not the RST that unread data would make of it.
 */
enum peer_behaviour {
	PEER_ECHO,         /* send back what comes; close when the client has closed */
	PEER_SINK,         /* read and discard; close when the client has closed */
	PEER_SOURCE,       /* send source_bytes, then close in order */
	PEER_CLOSE_FIRST,  /* close in order at once after accept */
	PEER_HALF_CLOSE,   /* shutdown(SHUT_WR) after accept, read until the client closes */
	PEER_GREET_CLOSE,  /* send one line, close in order */
	PEER_RESET,        /* SO_LINGER 0 close once the first data has come */
	PEER_RESET_NOW,    /* the same at once after accept */
	PEER_NEVER_ACCEPT, /* connections wait in the accept queue */
	PEER_NO_READ,      /* accept, never read, never close: the window (4 KB or so) closes */
	PEER_UNREAD_CLOSE, /* close with data unread, once it has come: RST instead of FIN */
	PEER_LINGER_OPEN,  /* read; never close */
	PEER_CONNECT,      /* no listener: connect from the port to connect_to, with a fresh
			      socket every 100 ms until it succeeds, then echo; for
			      simultaneous open */
	PEER_DEFER_ACCEPT, /* TCP_DEFER_ACCEPT 3 s, then echo */
	PEER_BEHAVIOUR_COUNT
};

/** @return its name on the command line: "echo", "close-first" ... and one line of help. */
const char *peer_behaviour_name(enum peer_behaviour b);
const char *peer_behaviour_help(enum peer_behaviour b);
bool peer_behaviour_parse(enum peer_behaviour *b, const char *text);

struct peer_spec {
	enum peer_behaviour behaviour;
	uint16_t port;              /* listens on [::]:port and 0.0.0.0:port */
	uint64_t source_bytes;      /* PEER_SOURCE: byte i is i * 7 + (i >> 8) modulo 256 */
	struct endpoint connect_to; /* PEER_CONNECT */
};

/**
 * Serve until killed, many clients at once, in the present network namespace.
 * @param ready_fd a byte is written here once it listens; -1: none
 * @return negative errno with @p why; never returns otherwise
 */
must_check int peer_run(const struct peer_spec *specs, size_t specs_count, int ready_fd,
			struct fault *why);

#endif

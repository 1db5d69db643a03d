/*
 * The true state of a kernel's TCP: NETLINK_SOCK_DIAG dumps, in whatever network
 * namespace the socket was opened. For the lab (--truth) and for tests; the inference
 * never sees it.
 */
#ifndef SYNSCOPE_EDGE_SOCKDIAG_H
#define SYNSCOPE_EDGE_SOCKDIAG_H

#include "synscope/core/addr.h"
#include "synscope/core/state.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stdint.h>

struct sockdiag;

/**
 * @param netns path of a network namespace ("/proc/123/ns/net"), which needs CAP_SYS_ADMIN;
 *              NULL: our own
 */
must_check int sockdiag_open(struct sockdiag **d, const char *netns, struct fault *why);

struct sockdiag_truth {
	enum tcp_state state; /* of the 4-tuple; LISTEN if only a listener has it; else CLOSED */
	bool request;         /* a request socket: SYN-RECEIVED before accept */
	bool fin_unsent;      /* a FIN is queued behind data or a closed window */
};

/**
 * Ask for one connection: its end at @p local, the other at @p remote.
 * An exact lookup is believed only if it answers with this very tuple and not CLOSE; else a
 * dump decides (some microseconds, or 1 ms where the kernel's table is large).
 * @return 0, or negative errno with @p why
 */
must_check int sockdiag_ask(struct sockdiag *d, const struct endpoint *local,
			    const struct endpoint *remote, struct sockdiag_truth *truth,
			    struct fault *why);

void sockdiag_close(struct sockdiag *d);

#endif

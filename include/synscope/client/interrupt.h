/* Signals that end a run in order, and the one place that sleeps. */
#ifndef SYNSCOPE_CLIENT_INTERRUPT_H
#define SYNSCOPE_CLIENT_INTERRUPT_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

extern volatile sig_atomic_t interrupt_number; /* the number of the one that came, or 0 */

/** Catch SIGINT, SIGTERM and SIGHUP; from now on they are heard in interrupt_wait() only, so
 *  that none is missed between a look and a sleep. */
void interrupt_catch(void);

/** Sleep until a descriptor is ready, a signal comes, or the time. @param until_ns monotonic;
 *  INT64_MAX: whenever that is */
void interrupt_wait(struct pollfd *fds, size_t count, int64_t until_ns);

/** @return the exit status that the signal earns. */
int interrupt_status(void);

#endif

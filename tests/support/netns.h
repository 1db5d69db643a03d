/*
 * For tests that need a network of their own: the test process moves into a fresh user
 * and network namespace with lo up, as root or as anybody. Nothing is visible outside,
 * nothing is left behind.
 */
#ifndef TESTS_SUPPORT_NETNS_H
#define TESTS_SUPPORT_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/** Move the calling process. Call once, first thing in main(), without threads. */
void netns_enter(void);

/** Skip the running test, saying why, unless netns_enter() succeeded. */
void netns_require(void);

/** Run a shell command quietly. @return its exit status, or -1 */
int netns_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Start a second host: a child with a network namespace of its own, joined by a veth pair.
 *   here: va 198.18.0.1/24, fd18::1/64, fe80::a     there: vb 198.18.0.2/24, fd18::2/64, fe80::b
 * @return its pid, for netns_in() and netns_peer_stop(); fails the test otherwise
 */
pid_t netns_peer_start(void);
void netns_peer_stop(pid_t peer);

/** Run a function in a child process on that host (0: this one). @return the child's pid */
pid_t netns_in(pid_t host, int (*run)(void *), void *context);
/** Wait for a child of netns_in(). @return its exit status, or 128 + signal */
int netns_wait(pid_t child);

#endif

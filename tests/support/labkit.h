/* For tests that use the lab: open it or skip, and be a kernel client in it. */
#ifndef TESTS_SUPPORT_LABKIT_H
#define TESTS_SUPPORT_LABKIT_H

#include "synscope/edge/lab.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LABKIT_SETTLE_MS 60      /* until the kernels' multicast reports are over */
#define LABKIT_PATIENCE_MS 10000 /* for what must happen; a loaded machine is slow */

/** Open a lab. Skips the running test where the machine allows none. */
struct lab *labkit_open(const struct lab_spec *spec);
void labkit_close(struct lab *lab);
/** A cmocka teardown: close what a failed test left open. */
int labkit_teardown(void **state);

/** Serve one behaviour on the server. */
void labkit_serve(struct lab *lab, enum peer_behaviour behaviour, uint16_t port);

/** Begin to connect from the client to a port of the server. @return the socket, non-blocking */
int labkit_begin(struct lab *lab, enum ip_family family, uint16_t port);
/** Wait for the outcome of labkit_begin(). @return 0, or errno; ETIMEDOUT after @p ms */
int labkit_outcome(int fd, int ms);
/** Connect, and fail the test if that fails. @return the socket, blocking, with a time-out */
int labkit_connect(struct lab *lab, enum ip_family family, uint16_t port);

/** Wait until a socket is readable (or at its end). @return whether it is, within @p ms */
bool labkit_readable(int fd, int ms);
/** Read until the end. @return bytes read, or negative errno */
ssize_t labkit_read_all(int fd, void *data, size_t room);

/** Run a function in a host and wait for it. @return its exit status, or 128 + signal */
int labkit_run(struct lab *lab, enum lab_role role, int (*run)(void *), void *context);

/**
 * Open a packet socket on an interface of a host that sees everything but what it sends.
 * Reads of it do not block.
 */
int labkit_tap(struct lab *lab, enum lab_role role, const char *interface);

/** Fill an Ethernet frame with a TCP segment of @p payload_bytes whose sequence number is
 *  @p seq, from the client's MAC address to nobody. @return its bytes */
size_t labkit_frame(uint8_t *frame, size_t room, uint32_t seq, size_t payload_bytes);

/** Drop root for good, as far as an ordinary user is from it, in a child of a test. */
void labkit_become_nobody(void);

#endif

/* Two machines with buffers of their own, ready to be joined by a simlink. */
#ifndef TESTS_SUPPORT_MACHINES_H
#define TESTS_SUPPORT_MACHINES_H

#include "simlink.h"

#include "synscope/core/machine.h"

#include <stdint.h>

#define MS 1000000LL
#define SECOND 1000000000LL

struct test_end {
	struct machine m;
	uint8_t *send_buffer, *receive_buffer;
};

/** @return what most tests want: all options, 64 KiB, RTO 1 s, 200 ms, 60 s, 2 MSL 60 s.
 *  @param which 0: 192.0.2.1:40000, 1: 192.0.2.2:80; the other is the remote */
struct machine_config machines_config(int which);

/** Allocate the buffers that @p config asks for, and start in CLOSED. */
void machines_init(struct test_end *e, const struct machine_config *config);
void machines_free(struct test_end *e);

#endif

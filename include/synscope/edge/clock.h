/* The one clock: nanoseconds, signed 64 bits. */
#ifndef SYNSCOPE_EDGE_CLOCK_H
#define SYNSCOPE_EDGE_CLOCK_H

#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/** @return nanoseconds since 1970 by CLOCK_REALTIME, the clock of packet time stamps. */
int64_t clock_realtime_ns(void);
/** @return nanoseconds by CLOCK_MONOTONIC: for timers, never set back. */
int64_t clock_monotonic_ns(void);
/** Fill @p data with unpredictable bytes (getrandom); for ISNs (RFC 9293 3.4.1, RFC 6528). */
void clock_random(void *data, unsigned count);

#endif

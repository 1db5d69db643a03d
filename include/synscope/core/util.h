/* The two macros and the one attribute that everything may use. */
#ifndef SYNSCOPE_CORE_UTIL_H
#define SYNSCOPE_CORE_UTIL_H

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A status that may not be dropped on the floor. */
#define must_check __attribute__((warn_unused_result))

#endif

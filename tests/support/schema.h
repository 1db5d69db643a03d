/* JSON lines beside docs/events.schema.json. */
#ifndef TESTS_SUPPORT_SCHEMA_H
#define TESTS_SUPPORT_SCHEMA_H

#include <stdbool.h>

/** @return the exit status of the validator: 0 valid, 1 not, 77 it cannot be run */
int schema_validate(const char *lines, bool quiet);

#endif

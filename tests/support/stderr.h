/* What a function says on stderr, for tests of error lines. */
#ifndef TESTS_SUPPORT_STDERR_H
#define TESTS_SUPPORT_STDERR_H

/* From now on stderr is kept. */
void stderr_begin(void);
/* No longer. @return what was said since; static, until the next call */
const char *stderr_end(void);

#endif

/* Expected text in files, for what is longer than a line of a test. */
#ifndef TESTS_SUPPORT_EXPECT_H
#define TESTS_SUPPORT_EXPECT_H

/*
 * Compare with tests/golden/render/NAME.expected, from the root of the project, and fail
 * with both texts if they differ. With EXPECT_UPDATE in the environment the file is
 * rewritten instead; the difference is then reviewed like code.
 */
void expect_text(const char *name, const char *got);

#endif

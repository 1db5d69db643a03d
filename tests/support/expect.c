#include "expect.h"

#include "cm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT_BYTES_MAX (256u << 10)

static void update(const char *path, const char *got)
{
	FILE *f = fopen(path, "w");
	if (f == NULL)
		fail_msg("cannot write %s", path);
	fputs(got, f);
	fclose(f);
}

void expect_text(const char *name, const char *got)
{
	char path[256];
	snprintf(path, sizeof path, "tests/golden/render/%s.expected", name);
	if (getenv("EXPECT_UPDATE") != NULL)
		update(path, got);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		fail_msg("cannot read %s: run from the root of the project", path);
	char *want = calloc(1, EXPECT_BYTES_MAX);
	assert_non_null(want);
	const size_t count = fread(want, 1, EXPECT_BYTES_MAX - 1, f);
	want[count] = '\0';
	fclose(f);
	const bool same = strcmp(want, got) == 0;
	if (!same)
		fprintf(stderr, "--- wanted: %s\n%s--- got:\n%s---\n", path, want, got);
	free(want);
	if (!same)
		fail_msg("%s differs", name);
}

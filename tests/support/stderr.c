#include "stderr.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *kept;
static int before = -1;

void stderr_begin(void)
{
	fflush(stderr);
	kept = tmpfile();
	before = dup(STDERR_FILENO);
	if (kept == NULL || before < 0 || dup2(fileno(kept), STDERR_FILENO) < 0)
		abort();
}

const char *stderr_end(void)
{
	static char text[4096];
	fflush(stderr);
	if (dup2(before, STDERR_FILENO) < 0)
		abort();
	close(before);
	rewind(kept);
	text[fread(text, 1, sizeof text - 1, kept)] = '\0';
	fclose(kept);
	return text;
}

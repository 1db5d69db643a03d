#include "synscope/edge/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fault_set(struct fault *f, const char *format, ...)
{
	if (f == NULL)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	size_t count = strlen(f->text);
	while (count > 0 && (f->text[count - 1] == '\n' || f->text[count - 1] == ' '))
		f->text[--count] = '\0';
	for (char *c = f->text; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
}

/* Width, glyphs and colour: options, then environment, then what stdout is. */
#include "synscope/client/client.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

static bool env_set(const char *name)
{
	const char *v = getenv(name);
	return v != NULL && v[0] != '\0';
}

static bool want_color(void)
{
	const char *term = getenv("TERM");
	const char *force = getenv("CLICOLOR_FORCE");
	if (globals.color != COLOR_AUTO)
		return globals.color == COLOR_ALWAYS;
	if (env_set("NO_COLOR"))
		return false;
	if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0)
		return true;
	if (term == NULL || strcmp(term, "dumb") == 0)
		return false;
	return isatty(STDOUT_FILENO) != 0;
}

static int want_width(void)
{
	struct winsize ws;
	uint32_t columns = 80;
	const char *env = getenv("COLUMNS");
	if (globals.width.given)
		return (int)globals.width.value;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		columns = ws.ws_col;
	else if (env != NULL && isatty(STDOUT_FILENO))
		(void)opts_u32(&columns, env, 1, 100000);
	if (columns < RENDER_WIDTH_MIN)
		return RENDER_WIDTH_MIN;
	return columns > RENDER_WIDTH_MAX ? RENDER_WIDTH_MAX : (int)columns;
}

/* Box drawing is of ambiguous width: only where it takes one column. */
static bool want_ascii(void)
{
	if (globals.unicode || globals.ascii)
		return globals.ascii;
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0 || wcwidth(L'\u2500') != 1;
}

void terminal_options(struct render_options *options)
{
	options->width = want_width();
	options->ascii = want_ascii();
	options->color = want_color();
	options->numbers = (enum numbers)globals.numbers;
	options->time_mode = (enum time_mode)globals.time_mode;
	options->theme = (enum theme)globals.theme;
	options->payload = globals.with_payload;
	options->verbosity = globals.quiet > 0 ? -1 : globals.verbose;
	options->command = globals.command_line;
}

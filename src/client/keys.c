#include "synscope/client/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define KEYS_BYTES_MAX 64
#define ESCAPE_WAIT_MS 40 /* after ESC: for the rest of a sequence, over a slow line */

/* The other screen, no cursor; and back. */
#define SCREEN_TAKE "\033[?1049h\033[?25l\033[H\033[2J"
#define SCREEN_GIVE "\033[0m\033[?25h\033[?1049l"

static struct {
	int fd;
	struct termios before;
	uint8_t bytes[KEYS_BYTES_MAX];
	size_t count;
	bool gone;
	bool at_exit;
} keys = {.fd = -1};

static volatile sig_atomic_t resized;

/* What ends a process: the terminal comes first. A verb that has a handler of its own for one of
 * them (trace) puts it in this one's place, and closes in the orderly way. */
static const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static const int ends[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};

static void give_back(void)
{
	if (keys.fd < 0)
		return;
	ssize_t written = write(keys.fd, SCREEN_GIVE, sizeof SCREEN_GIVE - 1);
	(void)written; /* there is nobody to tell */
	(void)tcsetattr(keys.fd, TCSANOW, &keys.before);
}

/* By returning to what failed, which then fails for good. */
static void on_fault(int number)
{
	give_back();
	signal(number, SIG_DFL);
}

static void on_end(int number)
{
	give_back();
	_exit(128 + number);
}

static void on_resize(int number)
{
	(void)number;
	resized = 1;
}

int keys_open(struct fault *why)
{
	struct termios raw;
	keys.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (keys.fd < 0 || tcgetattr(keys.fd, &keys.before) != 0) {
		const int rc = -errno;
		if (keys.fd >= 0)
			close(keys.fd);
		keys.fd = -1;
		fault_set(why, "--step needs a terminal: %s", strerror(-rc));
		return rc;
	}
	raw = keys.before;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (!keys.at_exit)
		atexit(give_back);
	keys.at_exit = true;
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++)
		signal(faults[i], on_fault);
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		signal(ends[i], on_end);
	signal(SIGTSTP, SIG_IGN);
	const struct sigaction resize = {.sa_handler = on_resize};
	sigaction(SIGWINCH, &resize, NULL);
	keys.count = 0;
	keys.gone = false;
	(void)tcsetattr(keys.fd, TCSANOW, &raw);
	keys_write(SCREEN_TAKE, sizeof SCREEN_TAKE - 1);
	return 0;
}

int keys_fd(void)
{
	return keys.fd;
}

bool keys_resized(void)
{
	const bool was = resized != 0;
	resized = 0;
	return was;
}

void keys_write(const char *text, size_t count)
{
	while (count > 0 && keys.fd >= 0) {
		const ssize_t written = write(keys.fd, text, count);
		if (written < 0 && errno != EINTR) {
			keys.gone = true;
			return;
		}
		if (written > 0) {
			text += written;
			count -= (size_t)written;
		}
	}
}

bool keys_size(int *width, int *height)
{
	struct winsize ws;
	if (keys.fd < 0 || ioctl(keys.fd, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0 || ws.ws_row == 0)
		return false;
	*width = ws.ws_col;
	*height = ws.ws_row;
	return true;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* The end of a sequence "ESC [ ... letter" or "ESC O letter". */
static int sequence(uint8_t last, unsigned number)
{
	static const struct {
		uint8_t last;
		unsigned number;
		int key;
	} rows[] = {
		{'A', 0, KEY_UP},        {'B', 0, KEY_DOWN}, {'C', 0, KEY_RIGHT},
		{'D', 0, KEY_LEFT},      {'H', 0, KEY_HOME}, {'F', 0, KEY_END},
		{'~', 1, KEY_HOME},      {'~', 4, KEY_END},  {'~', 5, KEY_PAGE_UP},
		{'~', 6, KEY_PAGE_DOWN}, {'~', 7, KEY_HOME}, {'~', 8, KEY_END},
	};
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (rows[i].last == last && rows[i].number == number)
			return rows[i].key;
	return KEY_OTHER;
}

int keys_decode(const uint8_t *bytes, size_t count, size_t *used)
{
	unsigned number = 0;
	*used = 0;
	if (count == 0)
		return KEY_NONE;
	*used = 1;
	if (bytes[0] != 27)
		return bytes[0] == '\n' ? KEY_ENTER : bytes[0] == 0 ? KEY_OTHER : bytes[0];
	if (count == 1)
		return KEY_ESCAPE;
	if (bytes[1] != '[' && bytes[1] != 'O')
		return KEY_ESCAPE;
	for (size_t i = 2; i < count; i++) {
		*used = i + 1;
		if (bytes[i] >= '0' && bytes[i] <= '9')
			number = (number * 10 + bytes[i] - '0') % 1000;
		else if (bytes[i] >= 0x40 && bytes[i] <= 0x7e)
			return sequence(bytes[i], number);
	}
	*used = 0;
	return KEY_NONE;
}

static void read_more(void)
{
	const size_t room = sizeof keys.bytes - keys.count;
	struct pollfd p = {.fd = keys.fd, .events = POLLIN};
	if (room == 0 || poll(&p, 1, 0) != 1)
		return;
	const ssize_t got = read(keys.fd, keys.bytes + keys.count, room);
	if (got > 0)
		keys.count += (size_t)got;
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		keys.gone = true;
}

int keys_next(void)
{
	size_t used = 0;
	if (keys.fd < 0)
		return KEY_INTERRUPT;
	read_more();
	if (keys.count == 1 && keys.bytes[0] == 27) {
		struct pollfd p = {.fd = keys.fd, .events = POLLIN};
		(void)poll(&p, 1, ESCAPE_WAIT_MS);
		read_more();
	}
	if (keys.count == 0)
		return keys.gone ? KEY_INTERRUPT : KEY_NONE;
	const int key = keys_decode(keys.bytes, keys.count, &used);
	keys.count -= used;
	memmove(keys.bytes, keys.bytes + used, keys.count);
	if (used == 0 && keys.count == sizeof keys.bytes)
		keys.count = 0; /* a sequence longer than any */
	return key;
}

void keys_close(void)
{
	if (keys.fd < 0)
		return;
	give_back();
	close(keys.fd);
	keys.fd = -1;
}

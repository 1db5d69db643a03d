#include "app.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *app_call_name(enum app_call call)
{
	switch (call) {
	case APP_LISTEN:
		return "listen";
	case APP_ACCEPT:
		return "accept";
	case APP_CONNECT:
		return "connect";
	case APP_SEND:
		return "send";
	case APP_RECV:
		return "recv";
	case APP_SHUT_WR:
		return "shut-wr";
	case APP_SHUT_RD:
		return "shut-rd";
	case APP_SHUT_RDWR:
		return "shut-rdwr";
	case APP_CLOSE:
		return "close";
	case APP_ABORT:
		return "abort";
	case APP_UNLISTEN:
		return "unlisten";
	case APP_FILL:
		return "fill";
	case APP_DEFER:
		return "defer";
	case APP_FAST_OPEN:
		return "fast-open";
	case APP_KEEP_ALIVE:
		return "keep-alive";
	case APP_USER_TIMEOUT:
		return "user-timeout";
	case APP_FIN_WAIT_2:
		return "fin-wait-2";
	case APP_RCVBUF:
		return "rcvbuf";
	case APP_CALL_COUNT:
		break;
	}
	return "?";
}

static socklen_t address_of(const struct endpoint *e, struct sockaddr_storage *a)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)a;
	memset(a, 0, sizeof *a);
	if (e->addr.family == IP_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(e->port);
		memcpy(&v6->sin6_addr, e->addr.bytes, 16);
		return sizeof *v6;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(e->port);
	memcpy(&v4->sin_addr, e->addr.bytes, 4);
	return sizeof *v4;
}

static int set(int fd, int level, int option, int value)
{
	return fd < 0 || setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* @return a socket of the server, bound to its endpoint, or negative errno */
static int bound(const struct app *a)
{
	struct sockaddr_storage address;
	const socklen_t bytes = address_of(&a->stage->them, &address);
	const int fd = stage_socket(a->stage);
	if (fd < 0)
		return fd;
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, bytes) < 0) {
		const int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int abort_socket(int *fd)
{
	const struct linger none = {.l_onoff = 1};
	if (*fd < 0)
		return -ENOTCONN;
	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	drop(fd);
	return 0;
}

static int do_listen(struct app *a, int backlog)
{
	if (a->listener >= 0) /* again: another backlog */
		return listen(a->listener, backlog) < 0 ? -errno : 0;
	const int fd = bound(a);
	if (fd < 0)
		return fd;
	if (a->defer > 0)
		(void)set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, a->defer);
	if (a->fast_open > 0)
		(void)set(fd, IPPROTO_TCP, TCP_FASTOPEN, a->fast_open);
	if (a->rcvbuf > 0)
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, a->rcvbuf);
	if (listen(fd, backlog) < 0) {
		const int error = errno;
		close(fd);
		return -error;
	}
	a->listener = fd;
	return 0;
}

static int do_connect(struct app *a)
{
	struct sockaddr_storage address;
	const socklen_t bytes = address_of(&a->stage->us, &address);
	if (a->connection >= 0)
		return -EISCONN;
	const int fd = bound(a);
	if (fd < 0)
		return fd;
	a->connection = fd;
	return connect(fd, (const struct sockaddr *)&address, bytes) < 0 && errno != EINPROGRESS
		       ? -errno
		       : 0;
}

/* Whether an accepted connection is the one under test, and not a filler. */
static bool is_ours(const struct app *a, int fd)
{
	struct sockaddr_storage peer;
	struct sockaddr_storage us;
	socklen_t bytes = sizeof peer;
	memset(&peer, 0, sizeof peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &bytes) < 0)
		return true; /* reset already; nobody resets a filler */
	address_of(&a->stage->us, &us);
	return ((const struct sockaddr_in *)&peer)->sin_port ==
	       ((const struct sockaddr_in *)&us)->sin_port; /* at the same place in IPv6's */
}

/* Accept what comes first; a filler is put aside. */
static int do_accept(struct app *a)
{
	if (a->listener < 0)
		return -EBADF;
	const int fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (is_ours(a, fd) && a->connection < 0) {
		a->connection = fd;
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_COUNT(a->others); i++) {
		if (a->others[i] < 0) {
			a->others[i] = fd;
			return 0;
		}
	}
	close(fd);
	return 0;
}

static int do_fill(struct app *a)
{
	struct sockaddr_storage address;
	const socklen_t bytes = address_of(&a->stage->them, &address);
	if (a->filler >= 0)
		return -EISCONN;
	a->filler = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return a->filler < 0 || (connect(a->filler, (const struct sockaddr *)&address, bytes) < 0 &&
				 errno != EINPROGRESS)
		       ? -errno
		       : 0;
}

static int do_send(const struct app *a, int count)
{
	static const uint8_t text[65536];
	if (a->connection < 0)
		return -ENOTCONN;
	const ssize_t sent = send(a->connection, text, (size_t)count, MSG_NOSIGNAL);
	return sent < 0 ? -errno : (int)sent;
}

static int do_recv(const struct app *a)
{
	static uint8_t text[65536];
	if (a->connection < 0)
		return -ENOTCONN;
	const ssize_t got = recv(a->connection, text, sizeof text, MSG_DONTWAIT);
	return got < 0 ? -errno : (int)got;
}

static int do_keep_alive(const struct app *a, int probes)
{
	(void)set(a->connection, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	(void)set(a->connection, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	(void)set(a->connection, IPPROTO_TCP, TCP_KEEPCNT, probes);
	return set(a->connection, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static int do_shutdown(const struct app *a, int how)
{
	return a->connection < 0 || shutdown(a->connection, how) < 0 ? -ENOTCONN : 0;
}

int app_do(struct app *a, enum app_call call, int argument)
{
	switch (call) {
	case APP_LISTEN:
		return do_listen(a, argument);
	case APP_ACCEPT:
		return do_accept(a);
	case APP_CONNECT:
		return do_connect(a);
	case APP_SEND:
		return do_send(a, argument);
	case APP_RECV:
		return do_recv(a);
	case APP_SHUT_WR:
		return do_shutdown(a, SHUT_WR);
	case APP_SHUT_RD:
		return do_shutdown(a, SHUT_RD);
	case APP_SHUT_RDWR:
		return do_shutdown(a, SHUT_RDWR);
	case APP_CLOSE:
		drop(&a->connection);
		return 0;
	case APP_ABORT:
		return abort_socket(&a->connection);
	case APP_UNLISTEN:
		drop(&a->listener);
		return 0;
	case APP_FILL:
		return do_fill(a);
	case APP_DEFER:
		a->defer = argument;
		return 0;
	case APP_FAST_OPEN:
		a->fast_open = argument;
		return 0;
	case APP_RCVBUF:
		a->rcvbuf = argument;
		return 0;
	case APP_KEEP_ALIVE:
		return do_keep_alive(a, argument);
	case APP_USER_TIMEOUT:
		return set(a->connection, IPPROTO_TCP, TCP_USER_TIMEOUT, argument);
	case APP_FIN_WAIT_2:
		return set(a->connection, IPPROTO_TCP, TCP_LINGER2, argument);
	case APP_CALL_COUNT:
		break;
	}
	return -EINVAL;
}

void app_begin(struct app *a, struct stage *stage)
{
	*a = (struct app){.stage = stage, .listener = -1, .connection = -1, .filler = -1};
	for (unsigned i = 0; i < ARRAY_COUNT(a->others); i++)
		a->others[i] = -1;
}

void app_end(struct app *a)
{
	/* Everything to be accepted is reset with the listener. */
	(void)abort_socket(&a->connection);
	drop(&a->listener);
	for (unsigned i = 0; i < ARRAY_COUNT(a->others); i++)
		(void)abort_socket(&a->others[i]);
	(void)abort_socket(&a->filler);
}

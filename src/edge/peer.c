#include "synscope/edge/peer.h"

#include "synscope/edge/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define EVENTS_MAX 64
#define BACKLOG 128
#define DEFER_ACCEPT_S 3

/* Smaller than the kernel's SYN retransmission time of a second, so that a client's SYN
 * always finds us in SYN-SENT with a SYN under way. */
#define CONNECT_RETRY_NS (100 * NS_PER_MS)

/* So that the window of no-read closes after a few segments and not after 64 KB. */
#define NO_READ_BUFFER_BYTES 8192

static const char greeting[] = "hello from synscope's lab\r\n";

enum thing_kind { THING_LISTENER, THING_CONNECTION, THING_CONNECTING };

/* A descriptor in the poll set. All of them are in one list, and are freed when the event
 * loop is between two rounds: an event may still point at them before. */
struct thing {
	struct thing *next;
	enum thing_kind kind;
	int fd; /* -1: closed, to be freed */
	const struct peer_spec *spec;
	uint32_t events; /* what it waits for */
	bool client_closed;
	uint64_t sent_bytes;      /* of PEER_SOURCE and PEER_GREET_CLOSE */
	size_t held_at, held_end; /* PEER_ECHO: what has to go back */
	uint8_t *held;            /* BUFFER_BYTES, when first needed */
};

struct peer {
	int epoll_fd;
	struct thing *things;
	const struct peer_spec *specs;
	size_t specs_count;
	struct attempt { /* PEER_CONNECT: its socket and when to try again */
		struct thing *thing;
		int64_t next_ns;
	} * attempts; /* one a spec */
	uint8_t scratch[BUFFER_BYTES];
};

static const struct {
	const char *name;
	const char *help;
} behaviours[PEER_BEHAVIOUR_COUNT] = {
	[PEER_ECHO] = {"echo", "send back what comes; close when the client has closed"},
	[PEER_SINK] = {"sink", "read and discard; close when the client has closed"},
	[PEER_SOURCE] = {"source", "send BYTES bytes, then close"},
	[PEER_CLOSE_FIRST] = {"close-first", "close at once"},
	[PEER_HALF_CLOSE] = {"half-close",
			     "shut down sending at once, read until the client closes"},
	[PEER_GREET_CLOSE] = {"greet-close", "send one line, then close"},
	[PEER_RESET] = {"reset", "reset once the first data has come"},
	[PEER_RESET_NOW] = {"reset-now", "reset at once"},
	[PEER_NEVER_ACCEPT] = {"never-accept", "listen, but never call accept()"},
	[PEER_NO_READ] = {"no-read", "never read: the window closes"},
	[PEER_UNREAD_CLOSE] = {"unread-close", "close with data unread: RST instead of FIN"},
	[PEER_LINGER_OPEN] = {"linger-open", "read, never close"},
	[PEER_CONNECT] = {"connect", "connect to the client, again and again: simultaneous open"},
	[PEER_DEFER_ACCEPT] = {"defer-accept", "wait 3 s for data before accepting, then echo"},
};

const char *peer_behaviour_name(enum peer_behaviour b)
{
	return (unsigned)b < PEER_BEHAVIOUR_COUNT ? behaviours[b].name : "?";
}

const char *peer_behaviour_help(enum peer_behaviour b)
{
	return (unsigned)b < PEER_BEHAVIOUR_COUNT ? behaviours[b].help : "?";
}

bool peer_behaviour_parse(enum peer_behaviour *b, const char *text)
{
	for (int i = 0; i < PEER_BEHAVIOUR_COUNT; i++) {
		if (strcmp(text, behaviours[i].name) == 0) {
			*b = (enum peer_behaviour)i;
			return true;
		}
	}
	return false;
}

/* --- the poll set -------------------------------------------------------------------- */

/* Owns @p fd from here on, whatever the outcome. */
static struct thing *thing_open(struct peer *p, enum thing_kind kind, int fd,
				const struct peer_spec *spec, uint32_t events)
{
	struct thing *t = calloc(1, sizeof *t);
	if (t == NULL) {
		close(fd);
		return NULL;
	}
	*t = (struct thing){
		.next = p->things, .kind = kind, .fd = fd, .spec = spec, .events = events};
	struct epoll_event event = {.events = events, .data.ptr = t};
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		free(t);
		return NULL;
	}
	p->things = t;
	return t;
}

static void thing_wait_for(struct peer *p, struct thing *t, uint32_t events)
{
	if (t->events == events)
		return;
	t->events = events;
	struct epoll_event event = {.events = events, .data.ptr = t};
	epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, t->fd, &event);
}

static void thing_close(struct thing *t)
{
	if (t->fd >= 0)
		close(t->fd); /* which takes it out of the poll set, too */
	t->fd = -1;
}

static void thing_reset(struct thing *t)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	thing_close(t);
}

static void free_closed(struct peer *p)
{
	struct thing **link = &p->things;
	while (*link != NULL) {
		struct thing *t = *link;
		if (t->fd >= 0) {
			link = &t->next;
			continue;
		}
		*link = t->next;
		for (size_t i = 0; i < p->specs_count; i++)
			if (p->attempts[i].thing == t)
				p->attempts[i].thing = NULL;
		free(t->held);
		free(t);
	}
}

static void close_all(struct peer *p)
{
	for (struct thing *t = p->things; t != NULL; t = t->next)
		thing_close(t);
	free_closed(p);
}

/* --- behaviours ------------------------------------------------------------------------ */

enum drain_result { DRAIN_NOTHING, DRAIN_SOME, DRAIN_END, DRAIN_FAILED };

/* Read and forget what is there. */
static enum drain_result drain(struct peer *p, struct thing *t)
{
	enum drain_result result = DRAIN_NOTHING;
	for (;;) {
		const ssize_t got = recv(t->fd, p->scratch, sizeof p->scratch, MSG_DONTWAIT);
		if (got > 0) {
			result = DRAIN_SOME;
			continue;
		}
		if (got == 0)
			return DRAIN_END;
		if (errno == EINTR)
			continue;
		return errno == EAGAIN ? result : DRAIN_FAILED;
	}
}

/* Close so that a FIN goes out: with data unread it would be a RST. */
static void close_in_order(struct peer *p, struct thing *t)
{
	drain(p, t);
	thing_close(t);
}

static void echo_step(struct peer *p, struct thing *t)
{
	if (t->held == NULL)
		t->held = malloc(BUFFER_BYTES);
	if (t->held == NULL) {
		thing_reset(t);
		return;
	}
	for (;;) {
		if (t->held_at == t->held_end && !t->client_closed) {
			const ssize_t got = recv(t->fd, t->held, BUFFER_BYTES, MSG_DONTWAIT);
			if (got < 0 && errno == EAGAIN) {
				thing_wait_for(p, t, EPOLLIN);
				return;
			}
			if (got < 0) {
				thing_close(t);
				return;
			}
			t->client_closed = got == 0;
			t->held_at = 0;
			t->held_end = (size_t)got;
		}
		if (t->held_at == t->held_end) {
			thing_close(t);
			return;
		}
		const ssize_t sent = send(t->fd, t->held + t->held_at, t->held_end - t->held_at,
					  MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			thing_wait_for(p, t, EPOLLOUT);
			return;
		}
		if (sent < 0) {
			thing_close(t);
			return;
		}
		t->held_at += (size_t)sent;
	}
}

static void source_step(struct peer *p, struct thing *t)
{
	if (!t->client_closed && drain(p, t) == DRAIN_END)
		t->client_closed = true;
	while (t->sent_bytes < t->spec->source_bytes) {
		const uint64_t left = t->spec->source_bytes - t->sent_bytes;
		const size_t count = left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES;
		for (size_t i = 0; i < count; i++) {
			const uint64_t at = t->sent_bytes + i;
			p->scratch[i] = (uint8_t)(at * 7 + (at >> 8));
		}
		const ssize_t sent = send(t->fd, p->scratch, count, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			/* A client that has closed its side stays readable for ever. */
			thing_wait_for(p, t, t->client_closed ? EPOLLOUT : EPOLLOUT | EPOLLIN);
			return;
		}
		if (sent < 0) {
			thing_close(t);
			return;
		}
		t->sent_bytes += (uint64_t)sent;
	}
	close_in_order(p, t);
}

static void sink_step(struct peer *p, struct thing *t)
{
	const enum drain_result result = drain(p, t);
	if (result == DRAIN_END || result == DRAIN_FAILED)
		thing_close(t);
}

static void linger_open_step(struct peer *p, struct thing *t)
{
	const enum drain_result result = drain(p, t);
	if (result == DRAIN_FAILED)
		thing_close(t);
	if (result == DRAIN_END)
		thing_wait_for(p, t, 0); /* only a reset can still come */
}

/* Once something has come. @p reset: throw the connection away; else close it unread. */
static void first_data_step(struct thing *t, bool reset)
{
	uint8_t byte;
	const ssize_t got = recv(t->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && reset)
		thing_reset(t);
	else
		thing_close(t);
}

/* What is done with a connection at its start and whenever it is ready. */
static void connection_step(struct peer *p, struct thing *t, uint32_t ready)
{
	switch (t->spec->behaviour) {
	case PEER_ECHO:
	case PEER_CONNECT:
	case PEER_DEFER_ACCEPT:
		echo_step(p, t);
		break;
	case PEER_SINK:
	case PEER_HALF_CLOSE:
		sink_step(p, t);
		break;
	case PEER_SOURCE:
		source_step(p, t);
		break;
	case PEER_CLOSE_FIRST:
		close_in_order(p, t);
		break;
	case PEER_GREET_CLOSE:
		send(t->fd, greeting, sizeof greeting - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close_in_order(p, t);
		break;
	case PEER_RESET:
		first_data_step(t, true);
		break;
	case PEER_UNREAD_CLOSE:
		first_data_step(t, false);
		break;
	case PEER_RESET_NOW:
		thing_reset(t);
		break;
	case PEER_NO_READ:
		if ((ready & (EPOLLHUP | EPOLLERR)) != 0)
			thing_close(t);
		break;
	case PEER_LINGER_OPEN:
		if ((ready & (EPOLLHUP | EPOLLERR)) != 0)
			thing_close(t);
		else
			linger_open_step(p, t);
		break;
	case PEER_NEVER_ACCEPT:
	case PEER_BEHAVIOUR_COUNT:
		break;
	}
}

static void connection_start(struct peer *p, struct thing *t)
{
	const int on = 1;
	/* Or an answer would wait for the ACK of the one before (Nagle). */
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (t->spec->behaviour == PEER_HALF_CLOSE)
		shutdown(t->fd, SHUT_WR);
	connection_step(p, t, 0);
}

static void accept_all(struct peer *p, struct thing *listener)
{
	const enum peer_behaviour behaviour = listener->spec->behaviour;
	for (;;) {
		const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			usleep(10000); /* or the listener, still ready, would spin */
		if (fd < 0)
			return;
		struct thing *t = thing_open(p, THING_CONNECTION, fd, listener->spec,
					     behaviour == PEER_NO_READ ? 0 : EPOLLIN);
		if (t != NULL)
			connection_start(p, t);
	}
}

/* --- sockets -------------------------------------------------------------------------- */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t socket_address_of(const struct endpoint *e, union socket_address *to)
{
	memset(to, 0, sizeof *to);
	if (e->addr.family == IP_V6) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(e->port);
		memcpy(&to->v6.sin6_addr, e->addr.bytes, 16);
		return sizeof to->v6;
	}
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons(e->port);
	memcpy(&to->v4.sin_addr, e->addr.bytes, 4);
	return sizeof to->v4;
}

/* A socket that is bound to the port on all addresses of a family. @return it or -errno */
static int bound_socket(enum ip_family family, uint16_t port)
{
	const struct endpoint local = {.addr = {.family = (uint8_t)family}, .port = port};
	union socket_address address;
	const socklen_t bytes = socket_address_of(&local, &address);
	const int on = 1;
	const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == IP_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, &address.any, bytes) < 0) {
		const int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int listen_on(struct peer *p, const struct peer_spec *spec, enum ip_family family,
		     struct fault *why)
{
	const int fd = bound_socket(family, spec->port);
	if (fd == -EAFNOSUPPORT && family == IP_V6)
		return 0; /* a kernel without IPv6 */
	int rc = fd < 0 ? fd : 0;
	if (rc == 0 && spec->behaviour == PEER_DEFER_ACCEPT) {
		const int wait_s = DEFER_ACCEPT_S;
		if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &wait_s, sizeof wait_s) < 0)
			rc = -errno;
	}
	if (rc == 0 && spec->behaviour == PEER_NO_READ) {
		const int bytes = NO_READ_BUFFER_BYTES;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) < 0)
			rc = -errno;
	}
	if (rc == 0 && listen(fd, BACKLOG) < 0)
		rc = -errno;
	const uint32_t events = spec->behaviour == PEER_NEVER_ACCEPT ? 0 : EPOLLIN;
	if (rc < 0 && fd >= 0)
		close(fd);
	else if (rc == 0 && thing_open(p, THING_LISTENER, fd, spec, events) == NULL)
		rc = -ENOMEM;
	if (rc < 0)
		fault_set(why, "cannot listen on port %u: %s", (unsigned)spec->port, strerror(-rc));
	return rc;
}

/* PEER_CONNECT: a fresh socket, and so a fresh SYN with a fresh sequence number. */
static void connect_again(struct peer *p, const struct peer_spec *spec, struct attempt *attempt)
{
	if (attempt->thing != NULL)
		thing_close(attempt->thing);
	attempt->thing = NULL;
	union socket_address to;
	const socklen_t bytes = socket_address_of(&spec->connect_to, &to);
	const int fd = bound_socket((enum ip_family)spec->connect_to.addr.family, spec->port);
	if (fd < 0)
		return;
	if (connect(fd, &to.any, bytes) < 0 && errno != EINPROGRESS) {
		close(fd);
		return;
	}
	attempt->thing = thing_open(p, THING_CONNECTING, fd, spec, EPOLLOUT);
}

static void connecting_step(struct peer *p, struct thing *t)
{
	int error = 0;
	socklen_t bytes = sizeof error;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0 || error != 0) {
		thing_close(t);
		return;
	}
	t->kind = THING_CONNECTION;
	thing_wait_for(p, t, EPOLLIN);
	connection_start(p, t);
}

/* @return milliseconds until the next attempt is due, -1 for never */
static int run_attempts(struct peer *p)
{
	const int64_t now_ns = clock_monotonic_ns();
	int64_t wait_ns = -1;
	for (size_t i = 0; i < p->specs_count; i++) {
		struct attempt *attempt = &p->attempts[i];
		const struct thing *t = attempt->thing;
		if (p->specs[i].behaviour != PEER_CONNECT ||
		    (t != NULL && t->kind == THING_CONNECTION && t->fd >= 0))
			continue;
		if (now_ns >= attempt->next_ns) {
			connect_again(p, &p->specs[i], attempt);
			attempt->next_ns = now_ns + CONNECT_RETRY_NS;
		}
		if (wait_ns < 0 || attempt->next_ns - now_ns < wait_ns)
			wait_ns = attempt->next_ns - now_ns;
	}
	return wait_ns < 0 ? -1 : (int)((wait_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* --- the loop ------------------------------------------------------------------------- */

static int serve(struct peer *p, struct fault *why)
{
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		const int timeout_ms = run_attempts(p);
		free_closed(p);
		const int count = epoll_wait(p->epoll_fd, events, EVENTS_MAX, timeout_ms);
		if (count < 0 && errno != EINTR) {
			const int error = errno;
			fault_set(why, "cannot poll: %s", strerror(error));
			return -error;
		}
		for (int i = 0; i < count; i++) {
			struct thing *t = events[i].data.ptr;
			if (t->fd < 0)
				continue;
			switch (t->kind) {
			case THING_LISTENER:
				accept_all(p, t);
				break;
			case THING_CONNECTING:
				connecting_step(p, t);
				break;
			case THING_CONNECTION:
				connection_step(p, t, events[i].events);
				break;
			}
		}
	}
}

static int open_all(struct peer *p, struct fault *why)
{
	for (size_t i = 0; i < p->specs_count; i++) {
		if (p->specs[i].behaviour == PEER_CONNECT)
			continue;
		int rc = listen_on(p, &p->specs[i], IP_V6, why);
		if (rc == 0)
			rc = listen_on(p, &p->specs[i], IP_V4, why);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int peer_run(const struct peer_spec *specs, size_t specs_count, int ready_fd, struct fault *why)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	struct peer *p = calloc(1, sizeof *p);
	struct attempt *attempts = calloc(specs_count + 1, sizeof *attempts);
	int rc = -ENOMEM;
	if (p == NULL || attempts == NULL) {
		fault_set(why, "out of memory");
		goto out;
	}
	p->specs = specs;
	p->specs_count = specs_count;
	p->attempts = attempts;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = p->epoll_fd < 0 ? -errno : open_all(p, why);
	if (p->epoll_fd < 0)
		fault_set(why, "cannot make a poll set: %s", strerror(-rc));
	if (rc == 0 && ready_fd >= 0 && write(ready_fd, "", 1) != 1) {
		rc = -EPIPE;
		fault_set(why, "nobody waits for the server");
	}
	if (rc == 0)
		rc = serve(p, why);
	close_all(p);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
out:
	free(attempts);
	free(p);
	return rc;
}

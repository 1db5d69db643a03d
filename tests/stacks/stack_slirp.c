/*
 * libslirp: a TCP of 4.4BSD's family, which ends the guest's connections and goes on with
 * sockets of this host. Frames go in and come out by calls, and its clock is ours. The
 * application is what stands behind the host's sockets, on 127.0.0.1 and nowhere else:
 * a listener for the connections that we open, a client for those that libslirp opens.
 */
#include "stack.h"

#include <slirp/libslirp.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 16
#define ETHERNET_BYTES 14
#define SETTLE_ROUNDS 8 /* 3 suffice: connect, write, and nothing more */
#define TICK_NS 250000000
#define CHUNK_MAX 4096

static struct {
	struct stack_setup setup;
	Slirp *slirp;
	int listener, connection; /* -1: none */
	int forward;              /* port of the host that leads to us */
	uint16_t port;            /* of the end, as we see it */
	int64_t now_ns;
	struct pollfd fds[FDS_MAX];
	int fds_count;
	bool lazy;
} end = {.listener = -1, .connection = -1};

static const uint8_t its_address[4] = {10, 0, 2, 2};
static const uint8_t its_mac[6] = {0x52, 0x55, 10, 0, 2, 2};
static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0, 0, 1};

/* ---- what it asks of its host ---- */

static ssize_t on_packet(const void *frame, size_t count, void *opaque)
{
	(void)opaque;
	const uint8_t *f = frame;
	if (count > ETHERNET_BYTES && f[12] == 0x08 && f[13] == 0x00)
		end.setup.emit(end.setup.context, f + ETHERNET_BYTES, count - ETHERNET_BYTES);
	return (ssize_t)count;
}

static void on_guest_error(const char *text, void *opaque)
{
	(void)text;
	(void)opaque;
}

static int64_t on_clock(void *opaque)
{
	(void)opaque;
	return end.now_ns;
}

/* Its only timer is for IPv6 router advertisements, which are off. */
static void *on_timer_new(SlirpTimerCb call, void *call_opaque, void *opaque)
{
	(void)call;
	(void)call_opaque;
	(void)opaque;
	return &end;
}

static void on_timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void on_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	(void)timer;
	(void)expire_ms;
	(void)opaque;
}

static void on_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void on_notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = on_packet,
	.guest_error = on_guest_error,
	.clock_get_ns = on_clock,
	.timer_new = on_timer_new,
	.timer_free = on_timer_free,
	.timer_mod = on_timer_mod,
	.register_poll_fd = on_fd,
	.unregister_poll_fd = on_fd,
	.notify = on_notify,
};

static int add_poll(int fd, int events, void *opaque)
{
	(void)opaque;
	if (end.fds_count == FDS_MAX)
		abort();
	short wanted = 0;
	if (events & SLIRP_POLL_IN)
		wanted |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		wanted |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		wanted |= POLLPRI;
	end.fds[end.fds_count] = (struct pollfd){.fd = fd, .events = wanted};
	return end.fds_count++;
}

static int get_revents(int at, void *opaque)
{
	(void)opaque;
	const short got = end.fds[at].revents;
	return (got & POLLIN ? SLIRP_POLL_IN : 0) | (got & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (got & POLLPRI ? SLIRP_POLL_PRI : 0) | (got & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (got & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* The application reads what is there, unless it is lazy. */
static void read_all(void)
{
	uint8_t text[CHUNK_MAX];
	while (end.connection >= 0 && recv(end.connection, text, sizeof text, MSG_DONTWAIT) > 0)
		;
}

static void accept_one(void)
{
	if (end.listener < 0)
		return;
	const int fd = accept4(end.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (end.connection >= 0)
		close(end.connection);
	end.connection = fd;
}

/* The loop that its host would run, until there is nothing left to do: loopback delivers within
 * the call that sends. */
static void settle(void)
{
	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		uint32_t timeout_ms = 0;
		end.fds_count = 0;
		slirp_pollfds_fill(end.slirp, &timeout_ms, add_poll, NULL);
		const int ready = poll(end.fds, (nfds_t)end.fds_count, 0);
		slirp_pollfds_poll(end.slirp, ready < 0, get_revents, NULL);
		accept_one();
		if (!end.lazy)
			read_all();
		if (ready <= 0)
			break;
	}
}

/* ---- the application ---- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A socket bound to 127.0.0.1; port 0 draws one. */
static int bound(uint16_t port)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr_in at = loopback(port);
	const int on = 1;
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t count = sizeof at;
	return getsockname(fd, (struct sockaddr *)&at, &count) == 0 ? ntohs(at.sin_port) : 0;
}

static bool do_listen(void)
{
	if (end.listener >= 0)
		return false;
	end.listener = bound(end.port);
	if (end.listener < 0 || listen(end.listener, 4) < 0)
		return false;
	end.port = port_of(end.listener);
	return true;
}

static void close_fd(int *fd, bool abortively)
{
	const struct linger now = {1, 0};
	if (*fd < 0)
		return;
	if (abortively)
		setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(*fd);
	*fd = -1;
}

static const char *name_of(const char *name)
{
	static const char *const names[][2] = {
		{"CLOSED", "CLOSED"},           {"LISTEN", "LISTEN"},
		{"SYN_SENT", "SYN-SENT"},       {"SYN_RCVD", "SYN-RECEIVED"},
		{"ESTABLISHED", "ESTABLISHED"}, {"CLOSE_WAIT", "CLOSE-WAIT"},
		{"FIN_WAIT_1", "FIN-WAIT-1"},   {"CLOSING", "CLOSING"},
		{"LAST_ACK", "LAST-ACK"},       {"FIN_WAIT_2", "FIN-WAIT-2"},
		{"TIME_WAIT", "TIME-WAIT"},     {"NONE", "CLOSED"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i][0]) == 0)
			return names[i][1];
	return NULL; /* HOST_FORWARD: not a connection */
}

/* "  TCP[ESTABLISHED]     9       10.0.2.15 40000       10.0.2.2   7     0     0", one line a
 * connection, and there is never more than one. */
static const char *slirp_state(void)
{
	const char *found = end.listener >= 0 ? "LISTEN" : "CLOSED";
	char *info = slirp_connection_info(end.slirp);
	char *rest = info;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char name[24];
		if (sscanf(line, " TCP[%23[A-Z_0-9]]", name) == 1 && name_of(name) != NULL)
			found = name_of(name);
	}
	free(info);
	return found;
}

/* A client of this host connects to the port that is forwarded to us. */
static bool do_connect(void)
{
	const struct sockaddr_in to = loopback((uint16_t)end.forward);
	/* It does not mind two connections of the same pair of ports; a walk does. */
	if (!end.setup.active || end.connection >= 0 || strcmp(slirp_state(), "CLOSED") != 0)
		return false;
	end.connection = bound(end.port);
	if (end.connection < 0)
		return false;
	if (connect(end.connection, (const struct sockaddr *)&to, sizeof to) == 0 ||
	    errno == EINPROGRESS)
		return true;
	close_fd(&end.connection, true);
	return false;
}

static bool slirp_call(enum stack_call call, unsigned argument)
{
	static const uint8_t text[CHUNK_MAX];
	bool done = false;
	switch (call) {
	case STACK_LISTEN:
		done = !end.setup.active && do_listen();
		break;
	case STACK_UNLISTEN:
		done = end.listener >= 0;
		close_fd(&end.listener, false);
		break;
	case STACK_CONNECT:
		done = do_connect();
		break;
	case STACK_SEND:
		done = end.connection >= 0 && argument <= CHUNK_MAX &&
		       send(end.connection, text, argument, MSG_NOSIGNAL) > 0;
		break;
	case STACK_READ:
		done = end.connection >= 0;
		read_all();
		break;
	case STACK_LAZY:
		end.lazy = argument != 0;
		done = true;
		break;
	case STACK_SHUTDOWN:
		done = end.connection >= 0 && shutdown(end.connection, SHUT_WR) == 0;
		break;
	case STACK_CLOSE:
	case STACK_ABORT:
		done = end.connection >= 0;
		close_fd(&end.connection, call == STACK_ABORT);
		break;
	case STACK_REFUSE:
	case STACK_KEEP_ALIVE:
	case STACK_CALL_COUNT:
		break;
	}
	settle();
	return done;
}

/* ---- the end itself ---- */

static void put_frame(const uint8_t *payload, size_t count, uint8_t type)
{
	uint8_t frame[2048] = {0};
	memcpy(frame, its_mac, 6);
	memcpy(frame + 6, our_mac, 6);
	frame[12] = 0x08;
	frame[13] = type;
	memcpy(frame + ETHERNET_BYTES, payload, count);
	slirp_input(end.slirp, frame, (int)(count + ETHERNET_BYTES));
}

/* It asks for nobody's link address who has said it: an ARP request of ours (RFC 826). */
static void introduce(void)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
	memcpy(arp + 8, our_mac, 6);
	memcpy(arp + 14, end.setup.our_address, 4);
	memcpy(arp + 24, its_address, 4);
	put_frame(arp, sizeof arp, 0x06);
}

static struct in_addr in_addr_of(uint8_t last)
{
	return (struct in_addr){htonl(10u << 24 | 2u << 8 | last)};
}

static const char *open_ends(void)
{
	if (!end.setup.active)
		return do_listen() ? NULL : "no listener on 127.0.0.1";
	/* A port for the client to come from, and one that libslirp listens on for us. */
	int fd[2] = {bound(0), bound(0)};
	end.port = fd[0] >= 0 ? port_of(fd[0]) : 0;
	end.forward = fd[1] >= 0 ? port_of(fd[1]) : 0;
	close_fd(&fd[0], false);
	close_fd(&fd[1], false);
	struct in_addr us;
	memcpy(&us, end.setup.our_address, 4);
	if (slirp_add_hostfwd(end.slirp, 0, (struct in_addr){htonl(INADDR_LOOPBACK)}, end.forward,
			      us, end.setup.our_port) < 0)
		return "no port of 127.0.0.1 can be forwarded";
	return NULL;
}

static const char *slirp_begin(const struct stack_setup *setup, struct stack_address *its)
{
	const SlirpConfig config = {
		.version = 4,
		.in_enabled = true,
		.vnetwork = in_addr_of(0),
		.vnetmask = {htonl(0xffffff00)},
		.vhost = in_addr_of(2),
		.vdhcp_start = in_addr_of(16),
		.vnameserver = in_addr_of(3),
		.disable_dns = true,
		.disable_dhcp = true,
	};
	signal(SIGPIPE, SIG_IGN); /* it writes to sockets whose other end is gone */
	end.setup = *setup;
	end.lazy = false;
	end.port = 0;
	/* Its ISS grows with every half second: an age that is ours alone. */
	end.now_ns = 1000000000;
	end.slirp = slirp_new(&config, &callbacks, NULL);
	if (end.slirp == NULL)
		return "no libslirp";
	introduce();
	const char *why = open_ends();
	memcpy(its->address, its_address, sizeof its->address);
	its->port = end.port;
	return why;
}

static void slirp_deliver(const uint8_t *packet, size_t packet_bytes)
{
	put_frame(packet, packet_bytes, 0x00);
	settle();
}

static void slirp_tick(void)
{
	end.now_ns += TICK_NS;
	settle();
}

static void drop(void *context, const uint8_t *packet, size_t packet_bytes)
{
	(void)context;
	(void)packet;
	(void)packet_bytes;
}

static void slirp_end(void)
{
	end.setup.emit = drop;
	close_fd(&end.connection, true);
	close_fd(&end.listener, false);
	if (end.slirp != NULL)
		slirp_cleanup(end.slirp);
	end.slirp = NULL;
}

const struct stack *stack_slirp(void)
{
	static const struct stack slirp = {
		.name = "libslirp",
		.habits = STACK_SYN_FIN | STACK_BARE_FIN | STACK_BEYOND_FIN | STACK_ACK_OF_ISS |
			  STACK_MSS_TWICE | STACK_ANY_WINDOW | STACK_SYN_TEXT,
		.begin = slirp_begin,
		.deliver = slirp_deliver,
		.call = slirp_call,
		.tick = slirp_tick,
		.state = slirp_state,
		.end = slirp_end,
	};
	return &slirp;
}

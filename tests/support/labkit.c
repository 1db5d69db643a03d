#include "labkit.h"

#include "cm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define LABS_MAX 8

static struct lab *open_labs[LABS_MAX]; /* open ones; NULL: free */

struct lab *labkit_open(const struct lab_spec *spec)
{
	struct lab *lab = NULL;
	struct fault why = {{0}};
	const int rc = lab_open(&lab, spec, &why);
	if (rc == -EPERM || rc == -EACCES || rc == -ENOSPC || rc == -EUSERS) {
		print_message("no lab: %s\n", why.text);
		skip();
	}
	if (rc < 0)
		fail_msg("no lab: %s", why.text);
	size_t place = 0;
	while (place < LABS_MAX && open_labs[place] != NULL)
		place++;
	assert_true(place < LABS_MAX);
	open_labs[place] = lab;
	return lab;
}

void labkit_close(struct lab *lab)
{
	for (size_t i = 0; i < LABS_MAX; i++)
		if (open_labs[i] == lab)
			open_labs[i] = NULL;
	lab_close(lab);
}

int labkit_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < LABS_MAX; i++)
		if (open_labs[i] != NULL)
			labkit_close(open_labs[i]);
	return 0;
}

void labkit_serve(struct lab *lab, enum peer_behaviour behaviour, uint16_t port)
{
	struct fault why = {{0}};
	const struct peer_spec spec = {.behaviour = behaviour, .port = port};
	if (lab_serve(lab, LAB_SERVER, &spec, 1, &why) < 0)
		fail_msg("no server: %s", why.text);
}

int labkit_begin(struct lab *lab, enum ip_family family, uint16_t port)
{
	const struct ip_addr server = lab_address(lab, LAB_SERVER, family);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&v4.sin_addr, server.bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, server.bytes, sizeof v6.sin6_addr);
	struct fault why = {{0}};
	const int fd = lab_socket(lab, LAB_CLIENT, family == IP_V6 ? AF_INET6 : AF_INET,
				  SOCK_STREAM | SOCK_NONBLOCK, 0, &why);
	if (fd < 0)
		fail_msg("no socket: %s", why.text);
	const int rc = family == IP_V6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6)
				       : connect(fd, (struct sockaddr *)&v4, sizeof v4);
	if (rc < 0 && errno != EINPROGRESS)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

int labkit_outcome(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = ETIMEDOUT;
	socklen_t bytes = sizeof error;
	if (poll(&p, 1, ms) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
	return error;
}

int labkit_connect(struct lab *lab, enum ip_family family, uint16_t port)
{
	const int fd = labkit_begin(lab, family, port);
	const int error = labkit_outcome(fd, LABKIT_PATIENCE_MS);
	if (error != 0)
		fail_msg("connect to port %u: %s", (unsigned)port, strerror(error));
	const struct timeval patience = {.tv_sec = LABKIT_PATIENCE_MS / 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

bool labkit_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

ssize_t labkit_read_all(int fd, void *data, size_t room)
{
	size_t count = 0;
	for (;;) {
		uint8_t more[4096];
		const ssize_t got = read(fd, more, sizeof more);
		if (got < 0)
			return -errno;
		if (got == 0)
			return (ssize_t)count;
		const size_t fits = count < room ? room - count : 0;
		if (fits > 0)
			memcpy((uint8_t *)data + count, more,
			       (size_t)got < fits ? (size_t)got : fits);
		count += (size_t)got;
	}
}

int labkit_run(struct lab *lab, enum lab_role role, int (*run)(void *), void *context)
{
	struct fault why = {{0}};
	const pid_t pid = lab_spawn(lab, role, run, context, &why);
	if (pid < 0)
		fail_msg("no process: %s", why.text);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int labkit_tap(struct lab *lab, enum lab_role role, const char *interface)
{
	struct fault why = {{0}};
	const int fd = lab_socket(lab, role, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0, &why);
	if (fd < 0)
		fail_msg("no packet socket: %s", why.text);
	struct ifreq request = {.ifr_ifindex = 0};
	strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
	assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
	const int on = 1;
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on), 0);
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = htons(ETH_P_ALL),
					    .sll_ifindex = request.ifr_ifindex};
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

size_t labkit_frame(uint8_t *frame, size_t room, uint32_t seq, size_t payload_bytes)
{
	/* IP 192.0.2.1.1000 > 192.0.2.2.2000: Flags [.], win 100; to a MAC address that is
	 * not the server's, so that nobody answers. */
	static const uint8_t head[54] = {
		0x02, 0, 0,   0, 0,    0x77, 0x02, 0,    0,    0,    0, 0x01, 0x08, 0x00,
		0x45, 0, 0,   0, 0,    0,    0x40, 0,    64,   6,    0, 0,    192,  0,
		2,    1, 192, 0, 2,    2,    0x03, 0xe8, 0x07, 0xd0, 0, 0,    0,    0,
		0,    0, 0,   0, 0x50, 0x10, 0,    100,  0,    0,    0, 0,
	};
	const size_t bytes = sizeof head + payload_bytes;
	assert_true(bytes <= room);
	memcpy(frame, head, sizeof head);
	memset(frame + sizeof head, 0x55, payload_bytes);
	frame[16] = (uint8_t)((bytes - 14) >> 8);
	frame[17] = (uint8_t)(bytes - 14);
	for (int i = 0; i < 4; i++)
		frame[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
	return bytes;
}

void labkit_become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(100);
}

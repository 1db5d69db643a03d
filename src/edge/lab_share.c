/*
 * The lab that is up. Its holder listens on an abstract socket named after the user; who joins is
 * sent the namespaces as descriptors. The name is the kernel's to forget: a holder that dies,
 * however, leaves no file that says there is a lab.
 */
#include "lab_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAMESPACES_MAX (3 + LAB_ROLE_COUNT)

enum { ASK_JOIN = 'j', ASK_END = 'e' };

/* What is sent with the namespaces, which come in the order of namespaces(). */
struct card {
	bool router, has_ipv6;
	bool has[NAMESPACES_MAX];
	char inside[LAB_ROLE_COUNT][LAB_PATH_BYTES];
	char about[LAB_ABOUT_MAX];
};

union rights {
	struct cmsghdr header;
	char room[CMSG_SPACE(NAMESPACES_MAX * sizeof(int))];
};

static void namespaces(struct lab *lab, int *fds[NAMESPACES_MAX])
{
	size_t count = 0;
	fds[count++] = &lab->user_fd;
	fds[count++] = &lab->mount_fd;
	fds[count++] = &lab->pid_fd;
	for (int role = 0; role < LAB_ROLE_COUNT; role++)
		fds[count++] = &lab->net_fd[role];
}

static socklen_t share_name(struct sockaddr_un *name)
{
	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	const int chars = snprintf(name->sun_path + 1, sizeof name->sun_path - 1, "synscope-lab-%u",
				   (unsigned)getuid());
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)chars);
}

static int share_socket(struct fault *why)
{
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		const int error = errno;
		fault_set(why, "cannot make a socket: %s", strerror(error));
		return -error;
	}
	return fd;
}

/* Anybody may take, or ask for, an abstract name. */
static bool is_same_user(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == getuid();
}

int lab_share_open(struct fault *why)
{
	struct sockaddr_un name;
	const socklen_t bytes = share_name(&name);
	const int fd = share_socket(why);
	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&name, bytes) < 0 || listen(fd, 8) < 0) {
		const int error = errno;
		fault_set(why,
			  error == EADDRINUSE ? "a lab is up already (synscope lab down ends it)"
					      : "cannot be found by others: %s",
			  strerror(error));
		close(fd);
		return -error;
	}
	return fd;
}

static void hand_out(const struct lab *lab, int to_fd, struct card *card)
{
	struct lab copy = *lab;
	int *all[NAMESPACES_MAX];
	int fds[NAMESPACES_MAX] = {0};
	size_t count = 0;
	namespaces(&copy, all);
	for (size_t i = 0; i < NAMESPACES_MAX; i++) {
		card->has[i] = *all[i] >= 0;
		if (card->has[i])
			fds[count++] = *all[i];
	}
	union rights rights;
	memset(&rights, 0, sizeof rights);
	struct iovec data = {card, sizeof *card};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = rights.room,
				 .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof *fds);
	memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
	/* Who asked and did not wait has himself to blame. */
	(void)sendmsg(to_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int lab_share(const struct lab *lab, int share_fd, const char *about, struct fault *why)
{
	struct card card = {.router = lab->router, .has_ipv6 = lab->has_ipv6};
	const struct timeval patience = {.tv_sec = 1};
	memcpy(card.inside, lab->inside, sizeof card.inside);
	snprintf(card.about, sizeof card.about, "%s", about);
	for (;;) {
		char question = 0;
		const int fd = accept4(share_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED) {
			const int error = errno;
			fault_set(why, "cannot be asked: %s", strerror(error));
			return -error;
		}
		if (fd < 0)
			continue;
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		if (is_same_user(fd) && recv(fd, &question, 1, 0) == 1 && question == ASK_JOIN)
			hand_out(lab, fd, &card);
		if (question == ASK_END)
			return 0; /* fd stays open: it closes when we have gone, and says so */
		close(fd);
	}
}

/* @return a connection to the holder on which the question was asked, or negative errno */
static int ask(char question, struct fault *why)
{
	struct sockaddr_un name;
	const socklen_t bytes = share_name(&name);
	const int fd = share_socket(why);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&name, bytes) == 0 && is_same_user(fd) &&
	    send(fd, &question, 1, MSG_NOSIGNAL) == 1)
		return fd;
	close(fd);
	fault_set(why, "no lab is up (synscope lab up builds one)");
	return -ENOENT;
}

static int take_card(int from_fd, struct card *card, int fds[NAMESPACES_MAX])
{
	union rights rights;
	memset(&rights, 0, sizeof rights);
	struct iovec data = {card, sizeof *card};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = rights.room,
				 .msg_controllen = sizeof rights.room};
	ssize_t got;
	do
		got = recvmsg(from_fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	const struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_type != SCM_RIGHTS)
		return got < 0 ? -errno : -EPROTO;
	const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
	memcpy(fds, CMSG_DATA(header), count * sizeof *fds);
	size_t wanted = 0;
	for (size_t i = 0; i < NAMESPACES_MAX; i++)
		wanted += card->has[i];
	if (got == (ssize_t)sizeof *card && count == wanted)
		return 0;
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return -EPROTO;
}

int lab_join(struct lab **lab, char *about, struct fault *why)
{
	struct card card = {.router = false};
	int fds[NAMESPACES_MAX] = {0};
	int *all[NAMESPACES_MAX];
	const int holder = ask(ASK_JOIN, why);
	if (holder < 0)
		return holder;
	const int rc = take_card(holder, &card, fds);
	close(holder);
	struct lab *l = rc < 0 ? NULL : calloc(1, sizeof *l);
	if (l == NULL) {
		fault_set(why, "cannot join the lab that is up: %s (is it of another version?)",
			  strerror(rc < 0 ? -rc : ENOMEM));
		return rc < 0 ? rc : -ENOMEM;
	}
	l->opener = getpid();
	l->router = card.router;
	l->has_ipv6 = card.has_ipv6;
	memcpy(l->inside, card.inside, sizeof l->inside);
	namespaces(l, all);
	size_t used = 0;
	for (size_t i = 0; i < NAMESPACES_MAX; i++)
		*all[i] = card.has[i] ? fds[used++] : -1;
	for (int role = 0; role < LAB_ROLE_COUNT; role++)
		snprintf(l->outside[role], LAB_PATH_BYTES, "/proc/%d/fd/%d", (int)l->opener,
			 l->net_fd[role]);
	if (about != NULL)
		snprintf(about, LAB_ABOUT_MAX, "%s", card.about);
	*lab = l;
	return 0;
}

int lab_share_end(struct fault *why)
{
	char nothing;
	const int holder = ask(ASK_END, why);
	if (holder < 0)
		return holder;
	while (recv(holder, &nothing, 1, 0) < 0 && errno == EINTR)
		;
	close(holder);
	return 0;
}

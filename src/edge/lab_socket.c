#include "synscope/edge/lab.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct socket_job {
	int domain, type, protocol;
	int report_fd; /* the error number, with the socket if that is 0 */
};

union rights {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int socket_job_run(void *context)
{
	const struct socket_job *job = context;
	const int fd = socket(job->domain, job->type, job->protocol);
	int error = fd < 0 ? errno : 0;
	union rights rights;
	memset(&rights, 0, sizeof rights);
	struct iovec data = {&error, sizeof error};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = rights.room;
		message.msg_controllen = sizeof rights.room;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(header), &fd, sizeof fd);
	}
	return sendmsg(job->report_fd, &message, MSG_NOSIGNAL) < 0;
}

/* @return the socket or -errno */
static int take_socket(int report_fd)
{
	int error = 0;
	union rights rights;
	memset(&rights, 0, sizeof rights);
	struct iovec data = {&error, sizeof error};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = rights.room,
				 .msg_controllen = sizeof rights.room};
	ssize_t got;
	do
		got = recvmsg(report_fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof error)
		return got < 0 ? -errno : -ECHILD;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (error != 0 || header == NULL)
		return error != 0 ? -error : -EPROTO;
	int fd;
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

int lab_socket(struct lab *lab, enum lab_role role, int domain, int type, int protocol,
	       struct fault *why)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a socket pair: %s", strerror(error));
		return -error;
	}
	struct socket_job job = {domain, type, protocol, pair[1]};
	const pid_t pid = lab_spawn(lab, role, socket_job_run, &job, why);
	close(pair[1]);
	int fd = pid;
	if (pid > 0) {
		fd = take_socket(pair[0]);
		if (fd < 0)
			fault_set(why, "cannot open a socket in the %s: %s", lab_role_name(role),
				  strerror(-fd));
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pair[0]);
	return fd;
}

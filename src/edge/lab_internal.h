/*
 * What the files of the lab share: lab.c is the caller's side, lab_keeper.c the process
 * that holds it all, lab_net.c rtnetlink, lab_launch.c how both get their children,
 * lab_share.c how other processes of the user join.
 */
#ifndef SYNSCOPE_EDGE_LAB_INTERNAL_H
#define SYNSCOPE_EDGE_LAB_INTERNAL_H

#include "synscope/edge/lab.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Network namespaces: one a role, and the relay's. */
enum { LAB_WIRE = LAB_ROLE_COUNT, LAB_NET_COUNT };

/* Children that may be unreaped at the same time; a lab has a handful. */
#define LAB_CHILDREN_MAX 64
#define LAB_PATH_BYTES 40

struct lab {
	pid_t opener;
	pid_t keeper; /* 0: another process's lab, joined */
	bool router;
	bool has_ipv6;
	int user_fd;  /* -1: the opener's own user namespace */
	int mount_fd; /* -1: it has the opener's /proc */
	int pid_fd;
	int net_fd[LAB_ROLE_COUNT];                   /* -1: no such host */
	char outside[LAB_ROLE_COUNT][LAB_PATH_BYTES]; /* paths to the same */
	char inside[LAB_ROLE_COUNT][LAB_PATH_BYTES];
	int child_pidfd[LAB_CHILDREN_MAX];
	size_t children;
};

/* --- lab_launch.c --- */

struct lab_launch {
	int (*enter)(void *context, struct fault *why); /* choose namespaces; 0 or -errno */
	int (*run)(void *context);                      /* then, as the child; exit status */
	void *context;
};

/**
 * Make a child of the calling process that lives in namespaces which the caller does not
 * (and often may not) join.
 * @return its pid, or negative errno with @p why
 */
must_check pid_t lab_launch(const struct lab_launch *launch, struct fault *why);

/* --- lab_keeper.c --- */

/* What the keeper tells the caller once, when all is built or has failed. */
struct lab_report {
	int status; /* 0 or negative errno */
	struct fault why;
	int net_fd[LAB_NET_COUNT]; /* descriptors in the keeper; -1: no such host */
	bool has_user;             /* it made a user namespace */
	bool has_proc;             /* and a /proc that agrees with its PID namespace */
	bool has_ipv6;
};

struct lab_keeper {
	const struct lab_spec *spec;
	pid_t opener; /* whom to watch */
	int opener_pidfd;
	int report_fd; /* written once, struct lab_report */
	bool has_user;
};

/** @return an address of the plan, whether or not the kernel has the family; or IP_NONE. */
struct ip_addr lab_plan_address(bool router, enum lab_role role, enum ip_family family);

/** Make the user, PID and mount namespaces. @p context: struct lab_keeper. */
must_check int lab_keeper_enter(void *context, struct fault *why);

/** Build the lab, report, and hold it until the opener dies. @p context: struct lab_keeper. */
int lab_keeper_run(void *context);

/* --- lab_net.c: the present network namespace, by rtnetlink and ethtool ioctls --- */

struct lab_net;

must_check int lab_net_open(struct lab_net **net, struct fault *why);
void lab_net_close(struct lab_net *net);

struct lab_end {
	int netns_fd;
	const char *name;
	uint32_t index;
	uint8_t mac_last; /* 02:00:00:00:00:XX */
	uint32_t mtu_bytes;
};

/** Make a veth pair whose ends lie in any two namespaces. */
must_check int lab_net_pair(struct lab_net *net, const struct lab_end *a, const struct lab_end *b,
			    struct fault *why);
/** Switch off checksum and segmentation offloads of an interface. */
must_check int lab_net_offload_off(struct lab_net *net, const char *name, struct fault *why);
must_check int lab_net_up(struct lab_net *net, const char *name, struct fault *why);
/** Wait until an interface carries frames: its carrier is on and its queue is in place. */
must_check int lab_net_wait_up(struct lab_net *net, const char *name, struct fault *why);
/** Add an address, without duplicate address detection. */
must_check int lab_net_address(struct lab_net *net, const char *name, const struct ip_addr *a,
			       uint8_t prefix_bits, struct fault *why);
must_check int lab_net_neighbour(struct lab_net *net, const char *name, const struct ip_addr *a,
				 uint8_t mac_last, struct fault *why);
must_check int lab_net_default_route(struct lab_net *net, const char *name,
				     const struct ip_addr *via, struct fault *why);

#endif

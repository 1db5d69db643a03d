/*
 * Giving privilege up, in stages. Everything that needs privilege is opened in one
 * visible run of lines; then privs_drop(), then privs_confine(), and only then is the
 * first byte from the network parsed.
 */
#ifndef SYNSCOPE_EDGE_PRIVS_H
#define SYNSCOPE_EDGE_PRIVS_H

#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>

enum privilege {
	PRIVILEGE_NET_RAW,
	PRIVILEGE_NET_ADMIN,
	PRIVILEGE_SYS_ADMIN, /* to join a namespace */
};

/** @return whether it is in our effective set. */
bool privs_have(enum privilege p);

/** @return "CAP_NET_RAW" ... */
const char *privilege_name(enum privilege p);

/**
 * Give up every capability for good (permitted, effective, inheritable, ambient, bounding),
 * no_new_privs, and when root through sudo the uid and gid too (to SUDO_UID and SUDO_GID).
 * Should: be called once, after the last privileged open. Mustn't: be called before files
 * that the user named with root in mind were opened.
 * @return 0, or negative errno with @p why
 */
must_check int privs_drop(struct fault *why);

/**
 * Allow only the system calls that the steady loop needs; any other kills the process.
 * Should: follow privs_drop(). Mustn't: be followed by any open, socket, exec or fork.
 */
must_check int privs_confine(struct fault *why);

#endif

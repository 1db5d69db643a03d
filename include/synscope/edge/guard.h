/*
 * Keep our own kernel from answering for us, without touching anybody's firewall.
 *
 * The default is a kernel listen socket on exactly our address and port with a
 * drop-all filter and a minimum TTL of 255: the kernel finds it, drops the segment
 * and says nothing; the capture has its copy already. It reserves the port, and is
 * gone with the process, however that ends. The fallback is an nftables table with
 * `flags owner` (prerouting drop, output notrack), which dies with the process too.
 */
#ifndef SYNSCOPE_EDGE_GUARD_H
#define SYNSCOPE_EDGE_GUARD_H

#include "synscope/core/addr.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdint.h>

struct guard;

enum guard_kind {
	GUARD_AUTO, /* the socket, else nftables */
	GUARD_SOCKET,
	GUARD_NFT,
	GUARD_NONE, /* only reserve the port; our kernel will answer RST */
};

struct guard_spec {
	enum guard_kind kind;
	struct endpoint local;  /* port 0: choose a free one and reserve it; an unspecified address
				   (0.0.0.0, ::): every address of this host */
	uint32_t scope_id;      /* interface index for a link-local IPv6 address, else 0 */
	struct endpoint remote; /* nftables: drop only what comes from here; family IP_NONE: all,
				   port 0: from any port there */
};

/**
 * Arm before the first segment can come: guard, then capture, then send.
 * @return 0 with @p g; or negative errno with @p why: EADDRINUSE (socket guard, port taken),
 *         EPERM, EADDRNOTAVAIL (not our address) ...
 */
must_check int guard_arm(struct guard **g, const struct guard_spec *spec, struct fault *why);

/** @return the reserved port. */
uint16_t guard_port(const struct guard *g);
/** @return what was armed in the end: GUARD_SOCKET, GUARD_NFT or GUARD_NONE. */
enum guard_kind guard_kind(const struct guard *g);
/** @return "listen socket", "listen socket (minimum TTL only)", "nftables" or "none". */
const char *guard_kind_text(const struct guard *g);
/**
 * @return how many segments it has absorbed so far; 0 for GUARD_NONE, and for GUARD_NFT, whose
 *         count (`counter absorbed` of its table, shown by `nft list ruleset`) the kernel
 *         tells only to CAP_NET_ADMIN, which is gone when this is asked
 */
uint64_t guard_absorbed(const struct guard *g);

/** Release. NULL is allowed. Needs no privilege. */
void guard_disarm(struct guard *g);

#endif

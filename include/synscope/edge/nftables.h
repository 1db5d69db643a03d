/*
 * Commands for nftables, through libnftables, which is loaded when first wanted: with the
 * five libraries that it needs it would be a tenth (1.4 ms) of the wall time of every run,
 * and few runs want it.
 */
#ifndef SYNSCOPE_EDGE_NFTABLES_H
#define SYNSCOPE_EDGE_NFTABLES_H

#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

struct nftables;

/**
 * Load libnftables and open a context, in the present network namespace. Tables that it
 * adds with `flags owner` are its own: the kernel removes them with it.
 * @return 0 with @p n, or negative errno with @p why; EPERM without CAP_NET_ADMIN, and
 *         nothing is printed (libnftables itself would)
 */
must_check int nftables_open(struct nftables **n, struct fault *why);

/**
 * Run commands, as `nft` would.
 * @return 0, or negative errno with @p why, nftables' own first line
 */
must_check int nftables_run(struct nftables *n, const char *commands, struct fault *why);

/** Release. NULL is allowed. Takes some 40 ms in the kernel; a process about to exit need not. */
void nftables_close(struct nftables *n);

#endif

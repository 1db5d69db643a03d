/* Community ID flow hashing, version 1: the same number for a flow in every tool. */
#ifndef SYNSCOPE_EDGE_COMMUNITY_H
#define SYNSCOPE_EDGE_COMMUNITY_H

#include "synscope/core/addr.h"

#include <stddef.h>

/** Write "1:" and the base64 of the SHA-1. @param text 48 bytes suffice; "" if it does not fit */
void community_id_format(const struct endpoint *x, const struct endpoint *y, char *text,
			 size_t text_bytes);

#endif

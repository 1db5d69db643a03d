#include "synscope/edge/community.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>

static void put_port(uint8_t *to, uint16_t port)
{
	to[0] = (uint8_t)(port >> 8);
	to[1] = (uint8_t)port;
}

void community_id_format(const struct endpoint *x, const struct endpoint *y, char *text,
			 size_t text_bytes)
{
	static const uint8_t seed[2] = {0, 0};
	static const uint8_t protocol[2] = {6, 0}; /* TCP, and a byte of padding */
	const bool ordered = endpoint_compare(x, y) <= 0;
	const struct endpoint *a = ordered ? x : y;
	const struct endpoint *b = ordered ? y : x;
	uint8_t ports[4];
	uint8_t digest[SHA1_DIGEST_SIZE];
	char encoded[BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1] = "";
	struct sha1_ctx ctx;
	put_port(ports, a->port);
	put_port(ports + 2, b->port);
	sha1_init(&ctx);
	sha1_update(&ctx, sizeof seed, seed);
	sha1_update(&ctx, ip_addr_bytes(&a->addr), a->addr.bytes);
	sha1_update(&ctx, ip_addr_bytes(&b->addr), b->addr.bytes);
	sha1_update(&ctx, sizeof protocol, protocol);
	sha1_update(&ctx, sizeof ports, ports);
	sha1_digest(&ctx, sizeof digest, digest);
	base64_encode_raw(encoded, sizeof digest, digest);
	if ((size_t)snprintf(text, text_bytes, "1:%s", encoded) >= text_bytes && text_bytes > 0)
		text[0] = '\0';
}

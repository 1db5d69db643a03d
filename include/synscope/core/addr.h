/* Addresses and endpoints: values, their order, their text (RFC 5952). */
#ifndef SYNSCOPE_CORE_ADDR_H
#define SYNSCOPE_CORE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family;    /* enum ip_family */
	uint8_t bytes[16]; /* network order; IPv4 in the first 4, the rest 0 */
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port; /* host order */
};

#define IP_ADDR_TEXT_MAX 46  /* INET6_ADDRSTRLEN */
#define ENDPOINT_TEXT_MAX 56 /* "[", address, "]:65535", NUL */

/** Make an address from 4 or 16 bytes in network order. */
struct ip_addr ip_addr_v4(const uint8_t bytes[4]);
struct ip_addr ip_addr_v6(const uint8_t bytes[16]);

/** @return 4 or 16, or 0 for IP_NONE. */
size_t ip_addr_bytes(const struct ip_addr *a);

/** Compare by family, then bytes. @return <0, 0 or >0 as memcmp does. */
int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);

/** @return whether it is 0.0.0.0 or ::. */
bool ip_addr_is_unspecified(const struct ip_addr *a);
/** @return whether it is in 127.0.0.0/8 or is ::1. */
bool ip_addr_is_loopback(const struct ip_addr *a);
/** @return whether it is in fe80::/10. */
bool ip_addr_is_link_local(const struct ip_addr *a);
/** @return whether it is in 224.0.0.0/4, 255.255.255.255 or ff00::/8. */
bool ip_addr_is_multicast(const struct ip_addr *a);

/**
 * Write the address as text: dotted quad, or RFC 5952 canonical form.
 * @param text at least IP_ADDR_TEXT_MAX bytes
 * @return text
 */
char *ip_addr_format(const struct ip_addr *a, char *text, size_t text_bytes);

/**
 * Read an address from text, IPv4 or IPv6, without scope and without brackets.
 * @return whether all of @p text was an address; @p a untouched if not
 */
bool ip_addr_parse(struct ip_addr *a, const char *text);

int endpoint_compare(const struct endpoint *a, const struct endpoint *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/** Write "192.0.2.1:80" or "[2001:db8::1]:80". @return text */
char *endpoint_format(const struct endpoint *e, char *text, size_t text_bytes);

#endif

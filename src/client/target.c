/* A target as people write it: HOST:PORT, HOST PORT, [v6]:PORT, a URL, a service name. */
#include "synscope/client/client.h"

#include <ctype.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *copy(char *to, size_t to_bytes, const char *from, size_t count)
{
	if (count == 0)
		return "the host is missing";
	if (count >= to_bytes)
		return "too long";
	memcpy(to, from, count);
	to[count] = '\0';
	return NULL;
}

/* An IPv6 address, perhaps with its scope: "fe80::1%eth0". */
static bool is_ip6(const char *text)
{
	struct ip_addr a;
	char plain[IP_ADDR_TEXT_MAX];
	const size_t count = strcspn(text, "%");
	if (count >= sizeof plain || (text[count] == '%' && text[count + 1] == '\0'))
		return false;
	memcpy(plain, text, count);
	plain[count] = '\0';
	return ip_addr_parse(&a, plain) && a.family == IP_V6;
}

static const char *split_brackets(const char *text, char *host, size_t host_bytes,
				  const char **rest)
{
	const char *close = strchr(text, ']');
	if (close == NULL)
		return "a [ without its ]";
	const char *wrong = copy(host, host_bytes, text + 1, (size_t)(close - text - 1));
	if (wrong != NULL)
		return wrong;
	if (!is_ip6(host))
		return "brackets are for IPv6 addresses only";
	*rest = close + 1;
	return NULL;
}

/* Take "scheme://[user@]host[:port]/path?query" down to host and port. */
static const char *url_authority(const char *text, char *scheme, size_t scheme_bytes,
				 char *authority, size_t authority_bytes)
{
	const char *sep = strstr(text, "://");
	if (sep == NULL) {
		scheme[0] = '\0';
		return copy(authority, authority_bytes, text, strlen(text));
	}
	if (copy(scheme, scheme_bytes, text, (size_t)(sep - text)) != NULL)
		return "no URL: what stands before :// is no scheme";
	for (char *c = scheme; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c); /* RFC 3986 section 3.1; services are not */
	const char *begin = sep + 3;
	const size_t count = strcspn(begin, "/?#");
	const char *at = memrchr(begin, '@', count);
	if (at != NULL)
		return copy(authority, authority_bytes, at + 1, count - (size_t)(at + 1 - begin));
	return copy(authority, authority_bytes, begin, count);
}

const char *target_split(const char *text, char *host, size_t host_bytes, char *port,
			 size_t port_bytes)
{
	char scheme[32];
	char authority[300];
	const char *rest;
	const char *wrong = url_authority(text, scheme, sizeof scheme, authority, sizeof authority);
	if (wrong != NULL)
		return wrong;
	port[0] = '\0';
	if (authority[0] == '[') {
		wrong = split_brackets(authority, host, host_bytes, &rest);
		if (wrong != NULL)
			return wrong;
	} else {
		const char *colon = strchr(authority, ':');
		if (colon != NULL && strchr(colon + 1, ':') != NULL) {
			if (!is_ip6(authority) || scheme[0] != '\0')
				return "ambiguous: write [ADDRESS]:PORT";
			/* A whole IPv6 address; a port may still come as a second word. */
			return copy(host, host_bytes, authority, strlen(authority));
		}
		const size_t count =
			colon != NULL ? (size_t)(colon - authority) : strlen(authority);
		/* ":PORT" is this machine, as in listen(2)'s world; a URL has no such form. */
		const bool here = count == 0 && colon != NULL && scheme[0] == '\0';
		wrong = here ? copy(host, host_bytes, "localhost", strlen("localhost"))
			     : copy(host, host_bytes, authority, count);
		if (wrong != NULL)
			return wrong;
		rest = authority + count;
	}
	if (rest[0] == ':')
		return rest[1] == '\0' ? "the port is missing"
				       : copy(port, port_bytes, rest + 1, strlen(rest + 1));
	if (rest[0] != '\0')
		return "text after the ]";
	if (scheme[0] != '\0')
		return copy(port, port_bytes, scheme, strlen(scheme));
	return NULL;
}

static const char *read_port(uint16_t *port, const char *text)
{
	uint32_t value;
	if (text[0] >= '0' && text[0] <= '9') {
		if (!opts_u32(&value, text, 1, 65535))
			return "a port is 1 to 65535";
		*port = (uint16_t)value;
		return NULL;
	}
	struct addrinfo *list;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	if (getaddrinfo(NULL, text, &hints, &list) != 0)
		return "no service of that name is known";
	*port = list->ai_family == AF_INET
			? ntohs(((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_port)
			: ntohs(((const struct sockaddr_in6 *)(const void *)list->ai_addr)
					->sin6_port);
	freeaddrinfo(list);
	return NULL;
}

int target_resolve(struct target *t, const char *host)
{
	struct addrinfo *list;
	const struct addrinfo hints = {
		.ai_family = globals.only_v4   ? AF_INET
			     : globals.only_v6 ? AF_INET6
					       : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = globals.numeric ? AI_NUMERICHOST : 0,
	};
	const int rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc != 0)
		return client_error(EXIT_UNAVAILABLE, "cannot resolve %s: %s%s", host,
				    gai_strerror(rc),
				    globals.numeric ? " (-n asks no name server)" : "");
	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next) {
		if (i->ai_family == AF_INET) {
			const struct sockaddr_in *a = (const void *)i->ai_addr;
			t->endpoint.addr = ip_addr_v4((const uint8_t *)&a->sin_addr);
			break;
		}
		if (i->ai_family == AF_INET6) {
			const struct sockaddr_in6 *a = (const void *)i->ai_addr;
			t->endpoint.addr = ip_addr_v6((const uint8_t *)&a->sin6_addr);
			t->scope_id = a->sin6_scope_id;
			break;
		}
	}
	freeaddrinfo(list);
	if (t->endpoint.addr.family == IP_NONE)
		return client_error(EXIT_UNAVAILABLE, "%s has no address of the wanted kind", host);
	return -1;
}

int target_read(struct target *t, char *const *words, int words_count)
{
	char port[64];
	memset(t, 0, sizeof *t);
	if (words_count < 1)
		return client_error(EXIT_BAD_USAGE, "no target: HOST:PORT is missing");
	if (words_count > 2)
		return client_error(EXIT_BAD_USAGE, "%s: one target only, HOST:PORT", words[2]);
	const char *wrong = target_split(words[0], t->name, sizeof t->name, port, sizeof port);
	if (wrong != NULL)
		return client_error(EXIT_BAD_USAGE, "%s: %s", words[0], wrong);
	if (words_count == 2 && port[0] != '\0')
		return client_error(EXIT_BAD_USAGE, "%s: the port is given twice", words[1]);
	if (words_count == 2)
		snprintf(port, sizeof port, "%s", words[1]);
	if (port[0] == '\0' && strchr(t->name, ':') != NULL && words[0][0] != '[')
		return client_error(
			EXIT_BAD_USAGE,
			"%s: ambiguous: write [ADDRESS]:PORT, or the port as a second word",
			words[0]);
	if (port[0] == '\0')
		return client_error(EXIT_BAD_USAGE, "%s: the port is missing: HOST:PORT", words[0]);
	wrong = read_port(&t->endpoint.port, port);
	if (wrong != NULL)
		return client_error(EXIT_BAD_USAGE, "%s: %s", port, wrong);
	return target_resolve(t, t->name);
}

static int read_any(struct target *t, const char *port)
{
	const char *wrong = read_port(&t->endpoint.port, port);
	if (wrong != NULL)
		return client_error(EXIT_BAD_USAGE, "%s: %s", port, wrong);
	t->endpoint.addr.family = globals.only_v4 ? IP_V4 : globals.only_v6 ? IP_V6 : IP_NONE;
	return -1;
}

int target_read_local(struct target *t, char *const *words, int words_count)
{
	memset(t, 0, sizeof *t);
	if (words_count < 1)
		return client_error(EXIT_BAD_USAGE, "nowhere to listen: [ADDRESS:]PORT is missing");
	if (words_count > 1)
		return client_error(EXIT_BAD_USAGE, "%s: one place only, [ADDRESS:]PORT", words[1]);
	if (words[0][0] == ':' && words[0][1] != ':')
		return read_any(t, words[0] + 1);
	if (strchr(words[0], ':') == NULL && strchr(words[0], '.') == NULL)
		return read_any(t, words[0]);
	return target_read(t, words, words_count);
}

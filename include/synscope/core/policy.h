/*
 * A policy: what each port should answer, one line each, for `firewall --expect`.
 *
 *   # comment
 *   HOST:PORTS open|closed|filtered|rejected [by host|hop N|ADDRESS] [with rst|icmp-TYPE]
 *
 * PORTS is a list of numbers and ranges ("22,80-89"), HOST a name, an IPv4 address or an IPv6
 * address in brackets. icmp-TYPE is a name ("icmp-admin-prohibited") or a number of type and
 * code ("icmp-3/13").
 */
#ifndef SYNSCOPE_CORE_POLICY_H
#define SYNSCOPE_CORE_POLICY_H

#include "synscope/core/firewall.h"

#define POLICY_HOST_MAX 256
#define POLICY_WRONG_MAX 120

/* A list of ports, as people write it. */
#define PORT_RANGES_MAX 64
struct port_ranges {
	struct {
		uint16_t first, last;
	} range[PORT_RANGES_MAX];
	uint8_t count;
};

/** Read "22,80-89"; "-" is 1-65535. @return NULL, or what is wrong (static) */
const char *port_ranges_parse(struct port_ranges *r, const char *text);
bool port_ranges_has(const struct port_ranges *r, uint16_t port);

enum policy_with { WITH_ANY, WITH_RST, WITH_ICMP };
enum policy_by { BY_ANY, BY_HOST, BY_HOP, BY_ADDRESS };

struct policy_line {
	uint32_t number; /* in the file */
	char host[POLICY_HOST_MAX];
	struct port_ranges ports;
	enum verdict verdict;
	enum policy_by by;
	uint8_t by_hop;
	struct ip_addr by_addr;
	enum policy_with with;
	bool with_code; /* else: any of this reason, or any ICMP when icmp_any */
	bool icmp_any;
	uint8_t icmp_type, icmp_code;
	enum icmp_reason icmp_reason;
};

enum policy_status { POLICY_LINE, POLICY_NOTHING /* blank or comment */, POLICY_WRONG };

/** Read one line, without its newline. @param wrong says what is, on POLICY_WRONG */
enum policy_status policy_parse(struct policy_line *l, const char *text, char *wrong,
				size_t wrong_bytes);

/** Compare. @param differs what is different, in words: "expected rejected, found open"
 *  @return whether it is as expected; what cannot be told is not as expected */
bool policy_compare(const struct policy_line *l, const struct firewall_port *v, char *differs,
		    size_t differs_bytes);

/** Write the line that records what was found. @param host as it should be written @return text */
char *policy_format(const char *host, const struct firewall_port *v, char *text, size_t text_bytes);
/** Write what is expected, without host and port: "rejected by hop 1 with icmp-3/13". */
char *policy_wanted_format(const struct policy_line *l, char *text, size_t text_bytes);

#endif

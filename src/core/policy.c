#include "synscope/core/policy.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 256

/* --- small readers ------------------------------------------------------------------------ */

/* Read a decimal number and move past it. @return whether there was one, at most @p max */
static bool number(uint32_t *value, const char **at, uint32_t max)
{
	const char *c = *at;
	uint32_t n = 0;
	if (*c < '0' || *c > '9')
		return false;
	for (; *c >= '0' && *c <= '9'; c++) {
		n = n * 10 + (uint32_t)(*c - '0');
		if (n > max)
			return false;
	}
	*value = n;
	*at = c;
	return true;
}

const char *port_ranges_parse(struct port_ranges *r, const char *text)
{
	*r = (struct port_ranges){.count = 0};
	if (strcmp(text, "-") == 0) {
		r->range[0].first = 1;
		r->range[0].last = UINT16_MAX;
		r->count = 1;
		return NULL;
	}
	for (const char *at = text;;) {
		uint32_t first;
		uint32_t last;
		if (r->count == PORT_RANGES_MAX)
			return "too many ranges";
		if (!number(&first, &at, UINT16_MAX) || first == 0)
			return "ports are numbers from 1 to 65535, such as 22,80-89";
		last = first;
		if (*at == '-') {
			at++;
			if (!number(&last, &at, UINT16_MAX))
				return "a range is two ports, such as 80-89";
		}
		if (last < first)
			return "a range goes from the lower port to the higher";
		r->range[r->count].first = (uint16_t)first;
		r->range[r->count++].last = (uint16_t)last;
		if (*at == '\0')
			return NULL;
		if (*at++ != ',')
			return "ports are numbers from 1 to 65535, such as 22,80-89";
	}
}

bool port_ranges_has(const struct port_ranges *r, uint16_t port)
{
	for (unsigned i = 0; i < r->count; i++)
		if (port >= r->range[i].first && port <= r->range[i].last)
			return true;
	return false;
}

/* Take the next word of a line. @return whether there was one */
static bool word(const char **at, char *text, size_t text_bytes)
{
	const char *c = *at;
	size_t used = 0;
	while (*c == ' ' || *c == '\t' || *c == '\r')
		c++;
	while (*c != '\0' && *c != ' ' && *c != '\t' && *c != '\r' && *c != '#') {
		if (used + 1 < text_bytes)
			text[used++] = *c;
		c++;
	}
	text[used] = '\0';
	*at = c;
	return used > 0;
}

/* --- one line --------------------------------------------------------------------------------- */

static bool parse_target(struct policy_line *l, char *text, char *wrong, size_t wrong_bytes)
{
	char *colon = text;
	for (char *c = text; *c != '\0'; c++)
		if (*c == ':')
			colon = c;
	if (*colon != ':' || colon == text || (text[0] != '[' && strchr(text, ':') != colon)) {
		snprintf(wrong, wrong_bytes,
			 "%.40s: should be HOST:PORTS, or [ADDRESS]:PORTS for IPv6", text);
		return false;
	}
	*colon = '\0';
	const size_t host_bytes = strlen(text);
	const bool brackets = text[0] == '[';
	if (brackets && text[host_bytes - 1] != ']') {
		snprintf(wrong, wrong_bytes, "%.40s: a [ without its ]", text);
		return false;
	}
	snprintf(l->host, sizeof l->host, "%.*s", (int)(host_bytes - (brackets ? 2 : 0)),
		 text + (brackets ? 1 : 0));
	const char *bad = port_ranges_parse(&l->ports, colon + 1);
	if (bad != NULL)
		snprintf(wrong, wrong_bytes, "%.40s: %s", colon + 1, bad);
	return bad == NULL;
}

static bool parse_verdict(struct policy_line *l, const char *text)
{
	static const enum verdict all[] = {VERDICT_OPEN, VERDICT_CLOSED, VERDICT_FILTERED,
					   VERDICT_REJECTED};
	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (strcmp(text, verdict_name(all[i])) == 0) {
			l->verdict = all[i];
			return true;
		}
	return false;
}

static bool parse_by(struct policy_line *l, const char **at)
{
	char text[WORD_MAX];
	if (!word(at, text, sizeof text))
		return false;
	if (strcmp(text, "host") == 0) {
		l->by = BY_HOST;
		return true;
	}
	if (strcmp(text, "hop") == 0) {
		uint32_t hop;
		const char *digits = text;
		if (!word(at, text, sizeof text) || !number(&hop, &digits, BATTERY_HOPS_MAX) ||
		    *digits != '\0' || hop == 0)
			return false;
		l->by = BY_HOP;
		l->by_hop = (uint8_t)hop;
		return true;
	}
	l->by = BY_ADDRESS;
	return ip_addr_parse(&l->by_addr, text);
}

/* "admin-prohibited" is icmp_reason_name() with hyphens. */
static bool same_reason(const char *text, enum icmp_reason r)
{
	const char *name = icmp_reason_name(r);
	for (; *text != '\0' && *name != '\0'; text++, name++)
		if (*text != (*name == ' ' ? '-' : *name))
			return false;
	return *text == *name;
}

static bool parse_with(struct policy_line *l, const char **at)
{
	char text[WORD_MAX];
	if (!word(at, text, sizeof text))
		return false;
	if (strcmp(text, "rst") == 0) {
		l->with = WITH_RST;
		return true;
	}
	l->with = WITH_ICMP;
	l->icmp_any = strcmp(text, "icmp") == 0;
	if (l->icmp_any)
		return true;
	if (strncmp(text, "icmp-", 5) != 0)
		return false;
	const char *rest = text + 5;
	uint32_t type;
	uint32_t code;
	if (number(&type, &rest, 255) && *rest++ == '/' && number(&code, &rest, 255) &&
	    *rest == '\0') {
		l->with_code = true;
		l->icmp_type = (uint8_t)type;
		l->icmp_code = (uint8_t)code;
		return true;
	}
	for (int r = 0; r < ICMP_REASON_COUNT; r++)
		if (same_reason(text + 5, (enum icmp_reason)r)) {
			l->icmp_reason = (enum icmp_reason)r;
			return true;
		}
	return false;
}

enum policy_status policy_parse(struct policy_line *l, const char *text, char *wrong,
				size_t wrong_bytes)
{
	char w[WORD_MAX];
	const char *at = text;
	*l = (struct policy_line){.number = l->number};
	if (!word(&at, w, sizeof w))
		return POLICY_NOTHING;
	if (!parse_target(l, w, wrong, wrong_bytes))
		return POLICY_WRONG;
	if (!word(&at, w, sizeof w) || !parse_verdict(l, w)) {
		snprintf(wrong, wrong_bytes,
			 "\"%.40s\": should be open, closed, filtered or rejected", w);
		return POLICY_WRONG;
	}
	while (word(&at, w, sizeof w)) {
		const bool by = strcmp(w, "by") == 0;
		if (by && parse_by(l, &at))
			continue;
		if (!by && strcmp(w, "with") == 0 && parse_with(l, &at))
			continue;
		if (by)
			snprintf(wrong, wrong_bytes, "by: should be host, hop N or an address");
		else if (strcmp(w, "with") == 0)
			snprintf(wrong, wrong_bytes,
				 "with: should be rst, icmp, icmp-NAME or icmp-TYPE/CODE");
		else
			snprintf(wrong, wrong_bytes, "\"%.40s\": should be by or with", w);
		return POLICY_WRONG;
	}
	return POLICY_LINE;
}

/* --- comparing
 * ------------------------------------------------------------------------------------ */

static bool by_agrees(const struct policy_line *l, const struct firewall_port *v)
{
	switch (l->by) {
	case BY_ANY:
		return true;
	case BY_HOST:
		return v->box == BOX_HOST;
	case BY_HOP:
		return v->box == BOX_BEFORE && v->hop_min == l->by_hop && v->hop_max == l->by_hop;
	case BY_ADDRESS:
		return v->has_by && ip_addr_equal(&v->by, &l->by_addr);
	}
	return false;
}

static bool with_agrees(const struct policy_line *l, const struct firewall_port *v)
{
	switch (l->with) {
	case WITH_ANY:
		return true;
	case WITH_RST:
		return v->manner == MANNER_RST;
	case WITH_ICMP:
		break;
	}
	if (v->manner != MANNER_ICMP)
		return false;
	if (l->icmp_any)
		return true;
	if (l->with_code)
		return v->icmp_type == l->icmp_type && v->icmp_code == l->icmp_code;
	return v->icmp_reason == l->icmp_reason;
}

char *policy_wanted_format(const struct policy_line *l, char *text, size_t text_bytes)
{
	char by[IP_ADDR_TEXT_MAX + 8] = "";
	char addr[IP_ADDR_TEXT_MAX];
	char with[64] = "";
	if (l->by == BY_HOST)
		snprintf(by, sizeof by, " by host");
	else if (l->by == BY_HOP)
		snprintf(by, sizeof by, " by hop %u", l->by_hop);
	else if (l->by == BY_ADDRESS)
		snprintf(by, sizeof by, " by %s", ip_addr_format(&l->by_addr, addr, sizeof addr));
	if (l->with == WITH_RST)
		snprintf(with, sizeof with, " with rst");
	else if (l->with == WITH_ICMP && l->icmp_any)
		snprintf(with, sizeof with, " with icmp");
	else if (l->with == WITH_ICMP && l->with_code)
		snprintf(with, sizeof with, " with icmp-%u/%u", l->icmp_type, l->icmp_code);
	else if (l->with == WITH_ICMP)
		snprintf(with, sizeof with, " with icmp %s", icmp_reason_name(l->icmp_reason));
	snprintf(text, text_bytes, "%s%s%s", verdict_name(l->verdict), by, with);
	return text;
}

bool policy_compare(const struct policy_line *l, const struct firewall_port *v, char *differs,
		    size_t differs_bytes)
{
	char wanted[96];
	char box[96];
	char how[64];
	if (v->verdict == l->verdict && by_agrees(l, v) && with_agrees(l, v)) {
		differs[0] = '\0';
		return true;
	}
	snprintf(differs, differs_bytes, "expected %s, found %s by %s (%s)",
		 policy_wanted_format(l, wanted, sizeof wanted), verdict_name(v->verdict),
		 firewall_box_format(v, box, sizeof box),
		 firewall_manner_format(v, how, sizeof how));
	return false;
}

char *policy_format(const char *host, const struct firewall_port *v, char *text, size_t text_bytes)
{
	const bool v6 = strchr(host, ':') != NULL;
	char by[IP_ADDR_TEXT_MAX + 8] = "";
	char with[32] = "";
	const bool refuses = v->verdict == VERDICT_REJECTED || v->verdict == VERDICT_CLOSED;
	if (refuses && v->box == BOX_HOST)
		snprintf(by, sizeof by, " by host");
	else if (refuses && v->box == BOX_BEFORE && v->hop_min == v->hop_max && v->hop_min != 0)
		snprintf(by, sizeof by, " by hop %u", v->hop_min);
	if (v->manner == MANNER_RST)
		snprintf(with, sizeof with, " with rst");
	else if (v->manner == MANNER_ICMP)
		snprintf(with, sizeof with, " with icmp-%u/%u", v->icmp_type, v->icmp_code);
	const bool comment = v->verdict == VERDICT_INCONSISTENT || v->verdict == VERDICT_NONE;
	snprintf(text, text_bytes, "%s%s%s%s:%u %s%s%s", comment ? "# " : "", v6 ? "[" : "", host,
		 v6 ? "]" : "", v->port, verdict_name(v->verdict), by, with);
	return text;
}

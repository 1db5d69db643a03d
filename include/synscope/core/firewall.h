/*
 * What the answers of a battery mean, read together: a verdict for each port, which box it
 * came from, how it refuses, what it keeps, rewrites and fakes.
 *
 * No claim without evidence, and none that could be wrong: where two explanations remain, the
 * claim names both, or is not made. `proven` is used only where no TCP and no path without the
 * thing claimed could have sent what was received.
 */
#ifndef SYNSCOPE_CORE_FIREWALL_H
#define SYNSCOPE_CORE_FIREWALL_H

#include "synscope/core/battery.h"
#include "synscope/core/event.h"

enum confidence { CONFIDENCE_NONE, CONFIDENCE_POSSIBLE, CONFIDENCE_EXPECTED, CONFIDENCE_PROVEN };
const char *confidence_name(enum confidence c);

enum firewall_manner {
	MANNER_NONE, /* not refused, or nothing known */
	MANNER_DROP,
	MANNER_RST,
	MANNER_ICMP,
};

enum firewall_box {
	BOX_UNKNOWN, /* cannot be told */
	BOX_HOST,    /* at the host: its TCP, or a filter on it */
	BOX_BEFORE,  /* something before it: hops `hop_min` to `hop_max` */
	BOX_RANGE,   /* hops `hop_min` to `hop_max`, the last of them the host */
};

enum firewall_keeps {
	KEEPS_UNKNOWN,
	KEEPS_NOTHING,   /* segments outside any connection pass: no filter, or one without state */
	KEEPS_STATELESS, /* refuses SYN, lets pass what is not SYN */
	KEEPS_LOOSE,     /* state, but picks up connections in the middle */
	KEEPS_STATE,     /* lets pass SYN, not what belongs to no connection */
	KEEPS_WINDOW,    /* and not what is outside the window */
};

enum firewall_rewrite { /* bits */
			REWRITE_MSS = 1 << 0,
			REWRITE_OPTIONS = 1 << 1,
			REWRITE_SEQ = 1 << 2,
			REWRITE_TTL = 1 << 3,
			REWRITE_ECN = 1 << 4,
			REWRITE_DSCP = 1 << 5,
			REWRITE_WINDOW = 1 << 6,
			REWRITE_NAT = 1 << 7,
			REWRITE_FLAGS = 1 << 8,
			REWRITE_OTHER = 1 << 9,
};

enum firewall_fake {
	FAKE_NONE,
	FAKE_SYN_PROXY,
	FAKE_COOKIES,
	FAKE_STATELESS_SYNACK,
	FAKE_TARPIT,
	FAKE_RST /* a reset that no TCP of the host sent */
};

enum firewall_topic {
	TOPIC_VERDICT,
	TOPIC_BOX,
	TOPIC_MANNER,
	TOPIC_KEEPS,
	TOPIC_REWRITES,
	TOPIC_FAKES,
	TOPIC_PATH
};
const char *firewall_topic_name(enum firewall_topic t);

#define CLAIM_TEXT_MAX 240
#define CLAIMS_MAX 24

struct claim {
	enum firewall_topic topic;
	enum confidence confidence;
	char text[CLAIM_TEXT_MAX]; /* the claim and its evidence, with the numbers */
};

/* The evidence for what is said of one port. Large: a port's verdict goes without. */
struct firewall_claims {
	struct claim claim[CLAIMS_MAX];
	uint8_t count;
};

struct firewall_hop {
	bool answered;
	struct ip_addr addr;
	bool is_target; /* it has the target's own address */
	int64_t rtt_ns;
	bool has_rtt;
	uint8_t reply_ttl;
};

/* What is known of the host and the way to it, from all ports. */
struct firewall_host {
	bool has_control, control_answers;
	bool has_far;         /* somebody answered as TCP */
	uint8_t far_distance; /* hops that the answers of the farthest took, see ttl_distance() */
	bool far_talks;       /* and it acknowledged what we said in a connection */
	bool reflects;        /* its resets carry our traffic class */
	bool limited;
	uint32_t asked, asked_again; /* answers, and how many of them needed a second ask */
	bool lossy;                  /* so many that silence proves little */
	uint8_t hops_count;          /* hop at which the walk found an end; 0: not known */
	uint8_t routers_seen;        /* the last hop before it that said who it is */
	uint8_t target_hop; /* hop at which the target itself used up our hops: it forwards */
	bool ttl_odd;       /* answers of the hops come with more hops left than they can */
	struct firewall_hop hops[BATTERY_HOPS_MAX + 1]; /* from 1 */
	int64_t rtt_ns_min;
	bool all_open; /* the control port, too, says SYN,ACK */
};

struct firewall_port {
	uint16_t port;
	bool control;
	enum verdict verdict;
	enum firewall_box box;
	enum confidence box_confidence;
	uint8_t hop_min, hop_max; /* BOX_BEFORE, BOX_RANGE; 0: not known */
	bool has_by;
	struct ip_addr by; /* who said so, or who the hop is */
	enum firewall_manner manner;
	uint8_t icmp_type, icmp_code;
	enum icmp_reason icmp_reason;
	enum firewall_keeps keeps;
	enum confidence keeps_confidence;
	uint16_t rewrites; /* enum firewall_rewrite bits */
	enum firewall_fake fake;
	enum confidence fake_confidence;
	bool has_rtt;
	int64_t rtt_ns;
	uint8_t asks; /* how often the SYN was sent */
};

/**
 * @return over how many routers a packet came, if it started with one of the usual numbers of
 *         hops: 64, 128 or 255.
 */
uint8_t ttl_distance(uint8_t ttl);

/** Read what all ports together say of the host and the path. */
void firewall_judge_host(const struct battery *b, struct firewall_host *h);
/** Read all outcomes of one port. @param claims receives the evidence; or NULL */
void firewall_judge_port(const struct battery *b, const struct firewall_host *h,
			 uint32_t port_index, struct firewall_port *v,
			 struct firewall_claims *claims);

/** Write "hop 1 (192.0.2.254)", "host", "hop 1 or host", "?". @return text */
char *firewall_box_format(const struct firewall_port *v, char *text, size_t text_bytes);
/** Write "drop", "RST", "ICMP 3/13 admin prohibited", "SYN,ACK". @return text */
char *firewall_manner_format(const struct firewall_port *v, char *text, size_t text_bytes);
const char *firewall_keeps_name(enum firewall_keeps k);
const char *firewall_fake_name(enum firewall_fake f);
/** Write "MSS, ECN"; "" for nothing. @return text */
char *firewall_rewrites_format(uint16_t rewrites, char *text, size_t text_bytes);

#endif

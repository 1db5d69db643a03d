/*
 * A battery asked in virtual time, and a host that answers it as it is told: for tests of the
 * questions and of what the answers mean. Hops before the host are routers that send "time
 * exceeded"; a filter at one of them may treat what passes.
 */
#ifndef TESTS_SUPPORT_QUIZ_H
#define TESTS_SUPPORT_QUIZ_H

#include "synscope/core/battery.h"
#include "synscope/core/firewall.h"

#include <stdbool.h>
#include <stdint.h>

#define QUIZ_PORTS_MAX 64
#define QUIZ_LOG_MAX 4096

enum quiz_port {
	QUIZ_CLOSED,
	QUIZ_OPEN,
	QUIZ_DROP,
	QUIZ_RST,
	QUIZ_ICMP,
	QUIZ_SYN_DROP,
	QUIZ_WRONG_ACK,
	QUIZ_BARE_RST,
	QUIZ_LATE
};

struct quiz {
	/* the world, set by the test after quiz_init() */
	unsigned routers;            /* between us and the host */
	unsigned filter_at;          /* hop whose forward filter treats the ports; 0: the host */
	enum quiz_port ports[65536]; /* by port */
	bool cookies;                /* the same ISN always, never repeated */
	bool proxy;                  /* the filter answers SYNs of open ports itself */
	bool answers_badsum;         /* the filter does not check */
	bool drops_stray;            /* it knows connections: no ACK, no text without one */
	bool tracks_window;
	uint16_t mss_at_filter; /* rewritten there; 0: not */
	unsigned lose_every;    /* the n-th segment of ours is lost; 0: none */
	int64_t forgets_ns;     /* the filter drops what a silence so long went before; 0: never */
	int64_t icmp_every_ns;  /* one ICMP error in this time; 0: no limit */
	/* the battery */
	struct battery battery;
	struct battery_port asked[QUIZ_PORTS_MAX];
	struct step_result results[QUIZ_PORTS_MAX * 128];
	uint32_t heap[QUIZ_PORTS_MAX];
	int32_t index[65536];
	/* what happened */
	int64_t now_ns;
	struct {
		int64_t time_ns;
		uint16_t port, flags, local_port;
		uint8_t ttl;
	} log[QUIZ_LOG_MAX];
	uint32_t log_count;
	uint32_t half_open; /* SYN,ACKs given and neither reset nor completed since */
	int64_t icmp_at_ns;
	bool established[65536];
	int64_t heard_ns[65536]; /* by our port */
	uint32_t isn_next;
};

/** Prepare to ask these ports; the last is the control port if it is not 0. */
void quiz_init(struct quiz *z, const uint16_t *ports, uint32_t count, uint16_t control,
	       const char *plan);
/** Ask until all is answered. @return virtual seconds it took */
double quiz_run(struct quiz *z);
/** Judge a port. @param claims or NULL */
struct firewall_port quiz_judge(const struct quiz *z, uint32_t index,
				struct firewall_claims *claims);

#endif

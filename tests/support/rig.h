/*
 * One machine, and a test that plays its remote by hand: gives it segments, looks at what it
 * sends. Our numbers begin at RIG_ISS, the remote's at RIG_IRS; both are given relative.
 */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H

#include "machines.h"

#define RIG_ISS 0xfffffff0u /* wraps soon */
#define RIG_IRS 0x7ffffff8u /* and this passes the sign */

struct rig {
	struct test_end end;
	struct machine *m;
	int64_t now_ns;
	uint16_t window;            /* field of the segments that the test sends */
	struct option_set option;   /* their options, besides time stamps */
	uint32_t ts_value, ts_echo; /* sent if rig_time_stamps */
	bool time_stamps;
	uint8_t traffic;
	struct segment out; /* the last that the machine sent */
	uint8_t out_text[SIMLINK_TEXT_MAX];
};

/** @return a plain configuration: no options but MSS, 10000 bytes each way. */
struct machine_config rig_config(void);
void rig_begin(struct rig *r, const struct machine_config *config);
void rig_end(struct rig *r);

/** Open: passively (the rig sends the SYN) or actively, up to ESTABLISHED. The SYN of the rig
 *  carries r->option. */
void rig_establish_passive(struct rig *r);
void rig_establish_active(struct rig *r);

/** The machine receives a segment; its text is count bytes, each the low byte of its own
 *  relative sequence number. */
void rig_gives(struct rig *r, uint16_t flags, uint32_t seq_rel, uint32_t ack_rel, uint32_t count);

/** The machine must send this now. Relative numbers; ack is not looked at without TCP_ACK, PSH
 *  not at all. It is in r->out afterwards. */
#define rig_sends(r, flags, seq_rel, ack_rel, count) \
	rig_sends_at(r, (struct rig_want){flags, seq_rel, ack_rel, count}, __FILE__, __LINE__)

struct rig_want {
	uint16_t flags;
	uint32_t seq_rel, ack_rel, count;
};

void rig_sends_at(struct rig *r, struct rig_want want, const char *file, int line);

/** The machine must have nothing to send now. */
#define rig_is_silent(r) rig_is_silent_at(r, __FILE__, __LINE__)
void rig_is_silent_at(struct rig *r, const char *file, int line);

/** Time passes. */
void rig_waits(struct rig *r, int64_t ns);
/** Go to the machine's deadline. @return how far away it was; -1: there is none */
int64_t rig_waits_for_timer(struct rig *r);

/** Queue so many bytes, each the low byte of its own relative number (counting from @p at). */
void rig_queues(struct rig *r, uint32_t at_rel, uint32_t count);
/** Read everything. It must be count bytes that belong at this relative number. */
void rig_reads(struct rig *r, uint32_t at_rel, uint32_t count);

#endif

#include "synscope/core/battery.h"

#include <string.h>

#define OPEN_ONCE                            \
	{                                    \
		ACT_OPEN, UNTIL_ANSWER, 0, 0 \
	}
#define SEND_ONCE                            \
	{                                    \
		ACT_SEND, UNTIL_ANSWER, 0, 0 \
	}
/* A connection with proof that it lives: what is asked in it comes after. */
#define CONNECT                             \
	{ACT_OPEN, UNTIL_SYNACK, 0, 0},     \
	{                                   \
		ACT_ACK, UNTIL_TIME, 1, 300 \
	}
#define ALIVE                               \
	{                                   \
		ACT_BYTE, UNTIL_ACKED, 0, 0 \
	}
#define END                                 \
	{                                   \
		ACT_END, UNTIL_ANSWER, 0, 0 \
	}

/* In a SYN,ACK's backoff the copies come after 1 and 3 s (RFC 6298 section 2; Linux too). */
#define COPIES_MS 3600

/* clang-format off */
const struct battery_row battery_rows[ASK_COUNT] = {
	[ASK_SYN]      = {"syn",      "SYN as Linux would send it",                        TCP_SYN, false, false, true,  false, 0, {OPEN_ONCE, END}},
	[ASK_PLAIN]    = {"plain",    "SYN without options",                               TCP_SYN, true,  false, true,  false, 0, {OPEN_ONCE, END}},
	[ASK_ACK]      = {"ack",      "ACK that belongs to no connection",                 TCP_ACK, true,  false, true,  false, 0, {SEND_ONCE, END}},
	[ASK_SYNACK]   = {"synack",   "SYN,ACK that nobody asked for",                     TCP_SYN | TCP_ACK, false, false, true, false, 0, {SEND_ONCE, END}},
	[ASK_FIN]      = {"fin",      "FIN alone",                                         TCP_FIN, true,  false, true,  false, 0, {SEND_ONCE, END}},
	[ASK_NULL]     = {"null",     "no flag at all",                                    0,       true,  false, false, false, 0, {SEND_ONCE, END}},
	[ASK_XMAS]     = {"xmas",     "FIN,PSH,URG",                                       TCP_FIN | TCP_PSH | TCP_URG, true, false, false, false, 0, {SEND_ONCE, END}},
	[ASK_BADSUM]   = {"badsum",   "SYN with a wrong checksum: no TCP answers it",      TCP_SYN, false, true,  true,  false, 0, {OPEN_ONCE, END}},
	[ASK_DATA]     = {"data",     "text in the middle of no connection",               TCP_PSH | TCP_ACK, true, false, true, false, 0, {SEND_ONCE, END}},
	[ASK_TALK]     = {"talk",     "handshake, one byte, a wait",                       TCP_SYN, false, false, true,  true,  0, {CONNECT, ALIVE, END}},
	[ASK_COOKIE]   = {"cookie",   "SYN, silence, reset, the same SYN again",           TCP_SYN, false, false, true,  true,  0, {{ACT_OPEN, UNTIL_TIME, 0, COPIES_MS}, {ACT_RST, UNTIL_TIME, 1, 300}, {ACT_OPEN, UNTIL_TIME, 0, COPIES_MS}, END}},
	[ASK_WINDOW]   = {"window",   "in a connection: text far outside the window",      TCP_SYN, false, false, true,  true,  0, {CONNECT, ALIVE, {ACT_FAR, UNTIL_ANSWER, 0, 0}, ALIVE, END}},
	[ASK_RESYN]    = {"resyn",    "in a connection: a SYN",                            TCP_SYN, false, false, false, true,  0, {CONNECT, ALIVE, {ACT_SYN_INSIDE, UNTIL_ANSWER, 0, 0}, ALIVE, END}},
	[ASK_RESET]    = {"reset",    "in a connection: a reset outside the window, then text", TCP_SYN, false, false, false, true, 0, {CONNECT, ALIVE, {ACT_RST_FAR, UNTIL_TIME, 1, 600}, ALIVE, END}},
	[ASK_ECN]      = {"ecn",      "SYN that asks for ECN",                             TCP_SYN | TCP_ECE | TCP_CWR, false, false, false, true, 0, {OPEN_ONCE, END}},
	[ASK_ACCECN]   = {"accecn",   "SYN that asks for accurate ECN",                    TCP_SYN | TCP_ECE | TCP_CWR | TCP_AE, false, false, false, true, 0, {OPEN_ONCE, END}},
	[ASK_FASTOPEN] = {"fastopen", "SYN that asks for a Fast Open cookie",              TCP_SYN, false, false, false, true,  0, {OPEN_ONCE, END}},
	[ASK_MPTCP]    = {"mptcp",    "SYN with MP_CAPABLE",                               TCP_SYN, false, false, false, true,  0, {OPEN_ONCE, END}},
	[ASK_UNKNOWN]  = {"unknown",  "SYN with an option that nobody knows",              TCP_SYN, false, false, false, true,  0, {OPEN_ONCE, END}},
	[ASK_LARGE]    = {"large",    "SYN with MSS 9000",                                 TCP_SYN, false, false, false, true,  0, {OPEN_ONCE, END}},
	[ASK_SMALL]    = {"small",    "SYN with MSS 536",                                  TCP_SYN, false, false, false, true,  0, {OPEN_ONCE, END}},
	[ASK_CLASS]    = {"class",    "SYN of another traffic class: is it reflected?",    TCP_SYN, false, false, true,  false, 0x20, {OPEN_ONCE, END}},
	[ASK_PORT]     = {"port",     "SYN from the port of --other-port",                 TCP_SYN, false, false, false, false, 0, {OPEN_ONCE, END}},
	[ASK_IDLE]     = {"idle",     "in a connection: text after the silence of --idle", TCP_SYN, false, false, false, true,  0, {CONNECT, ALIVE, {ACT_ACK, UNTIL_TIME, 1, 300}, {ACT_WAIT, UNTIL_TIME, 1, 0}, ALIVE, END}},
	[ASK_PMTU]     = {"pmtu",     "in a connection: a segment as large as the path's MTU", TCP_SYN, false, false, false, true, 0, {CONNECT, {ACT_FULL, UNTIL_ACKED, 0, 0}, END}},
	[ASK_WALK]     = {"walk",     "SYN with one hop, two hops ...",                    TCP_SYN, false, false, true,  false, 0, {{ACT_HOP, UNTIL_ANSWER, 0, 0}, END}},
	[ASK_WALK_ECN] = {"walk-ecn", "the same with ECN bits and a DSCP",                 TCP_SYN | TCP_ECE | TCP_CWR, false, false, false, false, 0x2a, {{ACT_HOP, UNTIL_ANSWER, 0, 0}, END}},
	[ASK_SESSION]  = {"session",  "in a connection: text behind a hole, hop by hop",   TCP_SYN, false, false, false, true,  0, {CONNECT, {ACT_HOP_HOLE, UNTIL_ANSWER, 0, 0}, END}},
};
/* clang-format on */

enum question question_find(const char *name)
{
	int q = 0;
	while (q < ASK_COUNT && strcmp(battery_rows[q].name, name) != 0)
		q++;
	return (enum question)q;
}

uint32_t question_results(enum question q)
{
	uint32_t count = 0;
	bool hops = false;
	for (unsigned i = 0; i < BATTERY_STEPS_MAX; i++) {
		const enum battery_act act = battery_rows[q].steps[i].act;
		if (act == ACT_END)
			break;
		hops |= act == ACT_HOP || act == ACT_HOP_HOLE;
		count++;
	}
	return hops ? count - 1 + BATTERY_HOPS_MAX : count;
}

const char *answer_kind_name(enum answer_kind k)
{
	switch (k) {
	case ANSWER_NONE:
		return "silence";
	case ANSWER_SYNACK:
		return "SYN,ACK";
	case ANSWER_SYNACK_WRONG:
		return "SYN,ACK of something else";
	case ANSWER_SYN:
		return "SYN";
	case ANSWER_RST:
		return "RST";
	case ANSWER_RST_WRONG:
		return "RST that no TCP would accept";
	case ANSWER_ACK:
		return "ACK";
	case ANSWER_DATA:
		return "data";
	case ANSWER_FIN:
		return "FIN";
	case ANSWER_ICMP:
		return "ICMP refusal";
	case ANSWER_TIME_EXCEEDED:
		return "time exceeded";
	case ANSWER_TOO_BIG:
		return "packet too big";
	case ANSWER_OTHER:
		return "something else";
	case ANSWER_KIND_COUNT:
		break;
	}
	return "?";
}

static bool opens(enum question q)
{
	return battery_rows[q].steps[0].act == ACT_OPEN || battery_rows[q].steps[0].act == ACT_HOP;
}

static const char *reading_of_syn(enum answer_kind k)
{
	switch (k) {
	case ANSWER_NONE:
		return "every TCP answers a SYN (RFC 9293 3.10.7.1, 3.10.7.2): it was lost, or "
		       "dropped";
	case ANSWER_SYNACK:
		return "a listener there (RFC 9293 3.10.7.2)";
	case ANSWER_SYNACK_WRONG:
		return "acknowledges what was not sent: a TCP in SYN-SENT resets it (RFC 9293 "
		       "3.10.7.3)";
	case ANSWER_SYN:
		return "opens at the same time (RFC 9293 3.5)";
	case ANSWER_RST:
		return "no listener there (RFC 9293 3.10.7.1)";
	case ANSWER_RST_WRONG:
		return "does not acknowledge our SYN: a TCP in SYN-SENT drops it (RFC 9293 "
		       "3.10.7.3)";
	case ANSWER_ACK:
		return "an old connection with these ports is still there (RFC 5961 4)";
	case ANSWER_ICMP:
		return "refused on the way, or by the host's own filter (RFC 1122 4.2.3.9)";
	case ANSWER_TIME_EXCEEDED:
		return "the hops were used up here (RFC 792)";
	case ANSWER_TOO_BIG:
	case ANSWER_DATA:
	case ANSWER_FIN:
	case ANSWER_OTHER:
	case ANSWER_KIND_COUNT:
		break;
	}
	return "no answer to a SYN";
}

const char *battery_reading(enum question q, enum answer_kind k)
{
	if (q == ASK_BADSUM)
		return k == ANSWER_NONE
			       ? "as it should be: a wrong checksum is dropped (RFC 9293 3.1)"
		       : k == ANSWER_ICMP || k == ANSWER_TIME_EXCEEDED
			       ? "routers do not look at TCP's checksum"
			       : "no TCP answers a wrong checksum (RFC 9293 3.1): a box that does "
				 "not "
				 "check it answered";
	if (opens(q))
		return reading_of_syn(k);
	if (k == ANSWER_NONE)
		return q == ASK_ACK || q == ASK_SYNACK || q == ASK_DATA
			       ? "every TCP answers with a reset (RFC 9293 3.10.7.1, 3.10.7.2): it "
				 "was "
				 "lost, or dropped"
			       : "a listener is silent too (RFC 9293 3.10.7.2), or it was dropped";
	if (k == ANSWER_RST)
		return "no such connection there: it arrived (RFC 9293 3.10.7.1, 3.10.7.2)";
	if (k == ANSWER_RST_WRONG)
		return "not the numbers of RFC 9293 3.5.2 for such a reset";
	if (k == ANSWER_ICMP)
		return "refused on the way, or by the host's own filter (RFC 1122 4.2.3.9)";
	return "no answer that RFC 9293 3.10.7.1 knows";
}

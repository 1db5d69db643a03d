/* Names of the vocabulary. Each comes from a switch without a default, so that the
 * compiler names the value that was forgotten. */
#include "synscope/core/event.h"

const char *side_name(enum side s)
{
	switch (s) {
	case SIDE_CLIENT:
		return "client";
	case SIDE_SERVER:
		return "server";
	}
	return "unknown";
}

const char *certainty_name(enum certainty c)
{
	switch (c) {
	case CERTAINTY_UNKNOWN:
		return "unknown";
	case CERTAINTY_EXPECTED:
		return "expected";
	case CERTAINTY_PROVEN:
		return "proven";
	case CERTAINTY_EXACT:
		return "exact";
	}
	return "unknown";
}

/* The one vocabulary that is too long for a screen: as columns, code beside name. */
/* clang-format off */
const char *note_code_name(enum note_code c)
{
	switch (c) {
	case NOTE_SYN:                  return "syn";
	case NOTE_SYN_RETRANSMITTED:    return "syn.retransmitted";
	case NOTE_SYNACK_ACCEPTABLE:    return "synack.acceptable";
	case NOTE_SYNACK_WRONG_ACK:     return "synack.wrong_ack";
	case NOTE_SYNACK_RETRANSMITTED: return "synack.retransmitted";
	case NOTE_HANDSHAKE_COMPLETE:   return "handshake.complete";
	case NOTE_SIMULTANEOUS_OPEN:    return "open.simultaneous";
	case NOTE_SPLIT_HANDSHAKE:      return "open.split";
	case NOTE_COOKIE_SUSPECTED:     return "cookie.suspected";
	case NOTE_OPTIONS_NEGOTIATED:   return "options.negotiated";
	case NOTE_FASTOPEN:             return "fastopen";
	case NOTE_ACKS_DATA:            return "ack.data";
	case NOTE_ACK_DUPLICATE:        return "ack.duplicate";
	case NOTE_ACK_OLD:              return "ack.old";
	case NOTE_ACK_FUTURE:           return "ack.future";
	case NOTE_CHALLENGE_ACK:        return "ack.challenge";
	case NOTE_SACK:                 return "sack";
	case NOTE_DSACK:                return "sack.duplicate";
	case NOTE_DATA:                 return "data";
	case NOTE_DATA_RETRANSMITTED:   return "data.retransmitted";
	case NOTE_DATA_OUT_OF_ORDER:    return "data.out_of_order";
	case NOTE_DATA_OVERLAP:         return "data.overlap";
	case NOTE_DATA_OUTSIDE_WINDOW:  return "data.outside_window";
	case NOTE_KEEP_ALIVE:           return "keepalive";
	case NOTE_KEEP_ALIVE_ACK:       return "keepalive.ack";
	case NOTE_WINDOW_ZERO:          return "window.zero";
	case NOTE_WINDOW_PROBE:         return "window.probe";
	case NOTE_WINDOW_UPDATE:        return "window.update";
	case NOTE_FIN:                  return "fin";
	case NOTE_FIN_RETRANSMITTED:    return "fin.retransmitted";
	case NOTE_FIN_ACKED:            return "fin.acked";
	case NOTE_SIMULTANEOUS_CLOSE:   return "close.simultaneous";
	case NOTE_RST_ACCEPTABLE:       return "rst.acceptable";
	case NOTE_RST_REFUSES:          return "rst.refuses";
	case NOTE_RST_BOUNCE:           return "rst.bounce";
	case NOTE_RST_ABORT:            return "rst.abort";
	case NOTE_RST_CHALLENGED:       return "rst.challenged";
	case NOTE_RST_IGNORED:          return "rst.ignored";
	case NOTE_RST_OWN_KERNEL:       return "rst.own_kernel";
	case NOTE_OWN_UNSENT:           return "own.unsent";
	case NOTE_CHECKSUM_BAD:         return "checksum.bad";
	case NOTE_CHECKSUM_PARTIAL:     return "checksum.partial";
	case NOTE_NOT_CAPTURED:         return "capture.missing";
	case NOTE_CONTRADICTION:        return "contradiction";
	case NOTE_PROOF:                return "proof";
	case NOTE_PORT_REUSED:          return "port.reused";
	case NOTE_FRAGMENT:             return "fragment";
	case NOTE_OPTION_MALFORMED:     return "option.malformed";
	case NOTE_FLAGS_ODD:            return "flags.odd";
	case NOTE_CORRECTION:           return "correction";
	case NOTE_ICMP_REFUSES:         return "icmp.refuses";
	case NOTE_ICMP_HINT:            return "icmp.hint";
	case NOTE_ON_PURPOSE:           return "on_purpose";
	case NOTE_ECN:                  return "ecn";
	case NOTE_CODE_COUNT:           break;
	}
	return "unknown";
}
/* clang-format on */

const char *timer_kind_name(enum timer_kind k)
{
	switch (k) {
	case TIMER_RETRANSMISSION:
		return "retransmission";
	case TIMER_PERSIST:
		return "persist";
	case TIMER_TIME_WAIT:
		return "time-wait";
	case TIMER_USER:
		return "user";
	case TIMER_DELAYED_ACK:
		return "delayed-ack";
	}
	return "unknown";
}

const char *verdict_name(enum verdict v)
{
	switch (v) {
	case VERDICT_NONE:
		return "none";
	case VERDICT_OPEN:
		return "open";
	case VERDICT_CLOSED:
		return "closed";
	case VERDICT_REJECTED:
		return "rejected";
	case VERDICT_FILTERED:
		return "filtered";
	case VERDICT_INCONSISTENT:
		return "inconsistent";
	}
	return "unknown";
}

const char *close_kind_name(enum close_kind k)
{
	switch (k) {
	case CLOSE_NONE:
		return "none";
	case CLOSE_FIN:
		return "fin";
	case CLOSE_RST:
		return "rst";
	case CLOSE_TIMEOUT:
		return "timeout";
	}
	return "unknown";
}

const char *event_type_name(enum event_type t)
{
	switch (t) {
	case EVENT_START:
		return "start";
	case EVENT_SEGMENT:
		return "segment";
	case EVENT_ICMP:
		return "icmp";
	case EVENT_TIMER:
		return "timer";
	case EVENT_TRANSITION:
		return "transition";
	case EVENT_VERDICT:
		return "verdict";
	case EVENT_FLOW:
		return "flow";
	case EVENT_END:
		return "end";
	}
	return "unknown";
}

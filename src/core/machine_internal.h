/* What the three files of the machine share: machine.c (calls, segments, timers, the table),
 * machine_send.c (send queue, RTO, congestion), machine_receive.c (reassembly, windows). */
#ifndef SYNSCOPE_CORE_MACHINE_INTERNAL_H
#define SYNSCOPE_CORE_MACHINE_INTERNAL_H

#include "synscope/core/machine.h"

#include <stdint.h>

#define NS_PER_MS ((int64_t)1000000)
#define NS_PER_S ((int64_t)1000000000)

#define TCP_HEADER_BYTES 20

/* --- machine.c --- */

/** Let the table decide on a call or a timer. @return false: not allowed in this state */
bool machine_event(struct machine *m, enum rule_on on, facts_t facts, int64_t now_ns);
void machine_log_add(struct machine *m, const struct machine_log *log);

/* --- machine_send.c --- */

/** ISS is chosen, the SYN is due. */
void send_begin(struct machine *m);
/** Their SYN: what it offers, with what we offer, is what will be used. */
void send_negotiate(struct machine *m, const struct segment *s);
/** The fifth check let the segment pass: acknowledgement, SACK, ECN echo and window. */
void send_acknowledged(struct machine *m, const struct segment *s, facts_t facts, int64_t now_ns);
/** @return bytes queued and never sent. */
uint32_t send_unsent(const struct machine *m);
/** @return the facts about ourselves that the table asks for. */
facts_t send_facts(const struct machine *m);
/** A FIN goes (or will at the next output): SND.NXT counts it. */
void send_fin_counted(struct machine *m);
/** The retransmission timer ran out, and the table let us send again. */
void send_timed_out(struct machine *m);
/** Segments must be smaller, and those in flight are lost (RFC 1191, RFC 8201).
 *  @param mtu_bytes of the narrow link; 0 or absurd: ignored */
void send_path_is_narrow(struct machine *m, uint32_t mtu_bytes);
/** The SYN or SYN,ACK goes now. */
void send_syn_went(struct machine *m, int64_t now_ns);
/** @return whether the remote's window has any room. */
bool send_window_is_open(const struct machine *m);
/** @return RTO, doubled for every attempt but the first, for probes. */
int64_t send_backoff_ns(const struct machine *m);
/** @return TSval now. */
uint32_t send_timestamp(const struct machine *m, int64_t now_ns);
/** @return how many SACK blocks fit beside so much text. */
unsigned send_sack_room(const struct machine *m, size_t text_bytes);
/** Write one new segment, or one that goes again, if anything may go now. */
bool send_output(struct machine *m, struct segment_spec *spec, int64_t now_ns);
/** Nothing can go: see whether the window must be probed for. */
void send_idle(struct machine *m, int64_t now_ns);

/** Time has passed: the tail probe may be due. */
void send_tail_tick(struct machine *m, int64_t now_ns);

void timer_start(struct machine *m, enum timer_kind kind, int64_t after_ns, int64_t now_ns);
void timer_stop(struct machine *m);
bool timer_is_on(const struct machine *m, enum timer_kind kind);

/* --- machine_receive.c --- */

/** Their SYN: IRS and RCV.NXT, and the window that ours promises. */
void receive_begin(struct machine *m, const struct segment *s);
/** Text of the segment goes where it belongs; in order or not.
 *  @return whether it filled a gap, left one, or was not new: the ACK must not wait */
bool receive_text(struct machine *m, const struct segment *s);
/** RCV.NXT moves over the FIN. */
void receive_fin(struct machine *m);
/** Forget a TS.Recent that is too old to compare with. */
void receive_timestamp_age(struct machine *m, int64_t now_ns);
/** RFC 7323 section 4.3: TS.Recent, from a segment that passed the checks. */
void receive_timestamp(struct machine *m, const struct segment *s, int64_t now_ns);
/** @return the window to announce; RCV.NXT+RCV.WND is promised from now on. */
uint16_t receive_announce(struct machine *m, bool syn);
/** @return whether reading has opened the window so far that the remote should hear of it. */
bool receive_window_is_news(const struct machine *m);
/** The SACK blocks for an ACK, latest first (RFC 2018 section 4), at most @p room. */
void receive_sack(const struct machine *m, struct option_set *option, unsigned room);

#endif

/*
 * The transition table, and how it is read.
 *
 * Order: the checks of RFC 9293 section 3.10.7 (CLOSED, LISTEN, SYN-SENT, then the first to
 * the eighth check of "otherwise"), the calls of 3.10.1 to 3.10.5, what an end sends by
 * itself, time-outs. Within a group the book's rows come first, then what stacks do.
 *
 * Invariant, kept by test_rules.c: of the rows of ORIGINS_OWN at most one matches any state,
 * check and set of facts, so our own end never has a choice; and every row fires.
 */
#include "synscope/core/rules.h"

#include "synscope/core/util.h"

#include <assert.h>
#include <string.h>

/* Short names, for the table's columns alone. */
enum {
	CLOSED = CTL_BIT(CTL_CLOSED),
	LISTEN = CTL_BIT(CTL_LISTEN),
	SYN_SENT = CTL_BIT(CTL_SYN_SENT),
	SR_P = CTL_BIT(CTL_SYN_RECEIVED_PASSIVE),
	SR_A = CTL_BIT(CTL_SYN_RECEIVED_ACTIVE),
	SR_PC = CTL_BIT(CTL_SYN_RECEIVED_PASSIVE_CLOSE),
	SR_AC = CTL_BIT(CTL_SYN_RECEIVED_ACTIVE_CLOSE),
	ESTAB = CTL_BIT(CTL_ESTABLISHED),
	FW1 = CTL_BIT(CTL_FIN_WAIT_1),
	FW1_Q = CTL_BIT(CTL_FIN_WAIT_1_QUEUED),
	FW2 = CTL_BIT(CTL_FIN_WAIT_2),
	CW = CTL_BIT(CTL_CLOSE_WAIT),
	CW_C = CTL_BIT(CTL_CLOSE_WAIT_CLOSE),
	CLOSING = CTL_BIT(CTL_CLOSING),
	CLOSING_Q = CTL_BIT(CTL_CLOSING_QUEUED),
	LA = CTL_BIT(CTL_LAST_ACK),
	LA_Q = CTL_BIT(CTL_LAST_ACK_QUEUED),
	TW = CTL_BIT(CTL_TIME_WAIT),

	SR_PASSIVE = SR_P | SR_PC,
	SR_ACTIVE = SR_A | SR_AC,
	SR = SR_PASSIVE | SR_ACTIVE,
	TEXT_WANTED = ESTAB | FW1 | FW1_Q | FW2, /* their FIN has not come */
	FIN_SEEN = CW | CW_C | CLOSING | CLOSING_Q | LA | LA_Q | TW,
	SYNC = TEXT_WANTED | FIN_SEEN,            /* the synchronized states */
	QUEUED = FW1_Q | CW_C | CLOSING_Q | LA_Q, /* CLOSE called, the FIN not yet sent */
	ANY = (1 << CTL_COUNT) - 1,

	SYN = FACT_SYN,
	ACK = FACT_ACK,
	FIN = FACT_FIN,
	RST = FACT_RST,
	TEXT = FACT_TEXT,
	IN_WINDOW = FACT_SEQ_ACCEPTABLE,
	EXACT = FACT_SEQ_EXACT,
	OLD_SEQ = FACT_SEQ_OLD,
	EDGE = FACT_SEQ_EDGE,
	SYN_AGAIN = FACT_SEQ_IRS,
	TEXT_NEXT = FACT_TEXT_IN_ORDER,
	FIN_NEXT = FACT_FIN_IN_ORDER,
	ACK_NEW = FACT_ACK_NEW,
	ACK_DUP = FACT_ACK_DUPLICATE,
	ACK_OLD = FACT_ACK_OLD,
	ACK_UNA = FACT_ACK_UNA,
	ACK_FUTURE = FACT_ACK_FUTURE,
	ACKS_SYN = FACT_ACKS_SYN,
	ACKS_FIN = FACT_ACKS_FIN,
	NEWER = FACT_SYN_IS_NEW,
	PAWS = FACT_PAWS_REJECT,
	UNSENT = FACT_UNSENT_DATA,
	SYN_UNACKED = FACT_SYN_UNACKED,
	FIN_GOES = FACT_FIN_GOES,
	COOKIE = FACT_COOKIE,

	T_SYN = TAKE_SYN,
	T_ACK = TAKE_ACK,
	T_TEXT = TAKE_TEXT,
	T_FIN = TAKE_FIN,
	T_HELD = TAKE_HELD,
};

/* clang-format off */
const struct tcp_rule tcp_rules[] = {

/* from           on          when                  unless         to                        emit             take            then
 *     origin, section, sentence */

/* ---- RFC 9293 section 3.10.7.1: a segment arrives in CLOSED ---------------------------------------------------------------------- */

{ CLOSED,         ON_CHECK_1, RST,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.1", "In CLOSED an RST is discarded." },
{ CLOSED,         ON_CHECK_1, ACK,                  RST,           CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.1", "In CLOSED anything with an ACK is answered <SEQ=SEG.ACK><CTL=RST>." },
{ CLOSED,         ON_CHECK_1, 0,                    RST | ACK,     CTL_SAME,                 EMIT_RST_ACK,    0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.1", "In CLOSED anything else is answered <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>." },

{ CLOSED | LISTEN | SYN_SENT,
                  ON_CHECK_1, RST | ACK,            ACK_NEW,       CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_STACK, "stacks: RST for RST", "Even an RST that belongs to no connection is answered with one." },
{ CLOSED | LISTEN,
                  ON_CHECK_1, RST,                  ACK,           CTL_SAME,                 EMIT_RST_ACK,    0,              THEN_DONE,
	ORIGIN_STACK, "stacks: RST for RST", "The same without an ACK: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>." },

/* ---- 3.10.7.2: in LISTEN --------------------------------------------------------------------------------------------------------- */

{ LISTEN,         ON_CHECK_1, RST,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.2 first check", "In LISTEN an RST is ignored: there is nothing it could be about." },
{ LISTEN,         ON_CHECK_2, ACK,                  0,             CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.2 second check", "In LISTEN nothing was sent that could be acknowledged: <SEQ=SEG.ACK><CTL=RST>." },
{ LISTEN,         ON_CHECK_3, SYN,                  0,             CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK,    T_SYN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.2 third check", "In LISTEN a SYN is answered by SYN,ACK; text beside it waits, it will come again." },
{ LISTEN,         ON_CHECK_4, 0,                    0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.2 fourth check", "In LISTEN a segment without RST, ACK and SYN is dropped." },

{ LISTEN,         ON_CHECK_3, SYN,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: backlog full", "A full backlog or accept queue drops the SYN without a word." },
{ LISTEN,         ON_CHECK_3, SYN | TEXT,           0,             CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK,    T_SYN | T_TEXT, THEN_DONE,
	ORIGIN_STACK, "7413 4.2.2", "With a Fast Open cookie the text beside the SYN is taken and acknowledged at once." },
{ LISTEN,         ON_CHECK_2, ACK | COOKIE,         SYN | RST,     CTL_ESTABLISHED,          EMIT_NONE,       T_SYN | T_ACK,  THEN_SIXTH,
	ORIGIN_COOKIE, "4987 3.6", "An ACK of a SYN cookie makes the connection out of nothing." },
{ LISTEN,         ON_CHECK_3, SYN,                  ACK,           CTL_SAME,                 EMIT_SYN_ACK,    0,              THEN_DONE,
	ORIGIN_COOKIE, "4987 3.6", "A SYN is answered with a cookie and forgotten: the end stays in LISTEN." },

/* ---- 3.10.7.3: in SYN-SENT ------------------------------------------------------------------------------------------------------- */

{ SYN_SENT,       ON_CHECK_1, ACK,                  ACK_NEW | RST, CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 first check", "An ACK of what we never sent belongs to another connection: <SEQ=SEG.ACK><CTL=RST>." },
{ SYN_SENT,       ON_CHECK_1, ACK | RST,            ACK_NEW,       CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 first check", "An RST whose ACK does not cover our SYN is dropped." },
{ SYN_SENT,       ON_CHECK_2, RST | ACK_NEW,        0,             CTL_CLOSED,               EMIT_NONE,       T_ACK,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 second check", "An RST that acknowledges our SYN: the connection is refused." },
{ SYN_SENT,       ON_CHECK_2, RST,                  ACK,           CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 second check", "An RST without ACK proves nothing in SYN-SENT and is dropped." },
{ SYN_SENT,       ON_CHECK_4, SYN | ACK_NEW,        RST,           CTL_ESTABLISHED,          EMIT_ACK,        T_SYN | T_ACK,  THEN_SIXTH,
	ORIGIN_RFC, "3.10.7.3 fourth check", "Their SYN, and our SYN is acknowledged: established; our ACK completes the handshake." },
{ SYN_SENT,       ON_CHECK_4, SYN,                  ACK | RST,     CTL_SYN_RECEIVED_ACTIVE,  EMIT_SYN_ACK,    T_SYN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 fourth check", "Their SYN without an ACK crossed ours: simultaneous open, answered by SYN,ACK." },
{ SYN_SENT,       ON_CHECK_5, 0,                    SYN | RST,     CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.3 fifth check", "Neither SYN nor RST: dropped." },

{ SYN_SENT,       ON_CHECK_4, SYN | ACK_NEW,        RST,           CTL_ESTABLISHED,          EMIT_ACK,        T_SYN | T_ACK,  THEN_DONE,
	ORIGIN_STACK, "stacks: SYN-ACK with text", "Text or FIN on a SYN,ACK is dropped, its sender will repeat it." },
{ SYN_SENT,       ON_CHECK_4, SYN,                  ACK | RST,     CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: no simultaneous open", "A bare SYN in SYN-SENT is ignored by stacks without simultaneous open." },
{ SYN_SENT,       ON_CHECK_5, ACK_NEW,              SYN | RST,     CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_STACK, "stacks: half-open", "An ACK of our SYN without a SYN is taken for a half-open connection: <SEQ=SEG.ACK><CTL=RST>." },

/* ---- 3.10.7.4 first check: sequence number --------------------------------------------------------------------------------------- */

{ SR | SYNC,      ON_CHECK_1, PAWS,                 0,             CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "7323 5.3 R1", "A time stamp older than the last one: an old duplicate, acknowledged and dropped." },
{ SR | SYNC,      ON_CHECK_1, RST,                  IN_WINDOW | EXACT, CTL_SAME,             EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 first check", "An RST outside the window is dropped silently." },
{ SYNC,           ON_CHECK_1, 0,                    IN_WINDOW | EXACT | RST | SYN | PAWS,
                                                                   CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 first check", "Outside the window: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, and dropped." },
{ SR,             ON_CHECK_1, 0,                    IN_WINDOW | EXACT | RST | PAWS | SYN_AGAIN,
                                                                   CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 first check", "Outside the window in SYN-RECEIVED: acknowledged and dropped." },
{ SR,             ON_CHECK_1, SYN_AGAIN,            RST | ACKS_SYN, CTL_SAME,                EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 first check", "Their SYN again lies before the window: acknowledged and dropped." },
{ SR_PASSIVE,     ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 first check", "Their SYN again, now acknowledging ours, still lies before the window." },
{ SR_A,           ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_ESTABLISHED,          EMIT_ACK,        T_ACK,          THEN_SIXTH,
	ORIGIN_RFC, "3.5 figure 7", "Simultaneous open: their SYN again acknowledges ours, which completes it." },
{ SR_AC,          ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_FIN_WAIT_1_QUEUED,    EMIT_ACK,        T_ACK,          THEN_SIXTH,
	ORIGIN_RFC, "3.5 figure 7", "Simultaneous open completed; the CLOSE that waited for it takes effect." },
{ SR | SYNC,      ON_CHECK_1, EXACT,                IN_WINDOW | RST | SYN | PAWS, CTL_SAME,  EMIT_ACK,        0,              THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 first check", "Our window is zero: no text is taken, but ACK and RST are heeded." },

{ SR_ACTIVE,      ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_MAY, "3.10.7.4 first check", "By the text, against figure 7, even this SYN lies before the window." },
{ SR_P,           ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_ESTABLISHED,          EMIT_ACK,        T_ACK,          THEN_SIXTH,
	ORIGIN_STACK, "stacks: synack", "A SYN,ACK that repeats their SYN completes a passive open too." },
{ SR_PC,          ON_CHECK_1, SYN_AGAIN | ACKS_SYN, RST,           CTL_FIN_WAIT_1_QUEUED,    EMIT_ACK,        T_ACK,          THEN_SIXTH,
	ORIGIN_STACK, "stacks: synack", "The same with a CLOSE waiting." },
{ SR,             ON_CHECK_1, SYN_AGAIN,            RST | ACK,     CTL_SAME,                 EMIT_SYN_ACK,    0,              THEN_DONE,
	ORIGIN_STACK, "stacks: SYN again", "Their SYN again is answered by our SYN,ACK again." },
{ SR,             ON_CHECK_1, ACK,                  ACK_NEW | RST, CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_STACK, "stacks: embryo", "A request judges the acknowledgement before the sequence number." },
{ SR_P | SR_A,    ON_CHECK_1, ACK_NEW,              IN_WINDOW | EXACT | RST,
                                                                   CTL_ESTABLISHED,          EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "The ACK of our SYN counts whatever the sequence number beside it." },
{ SR_PC | SR_AC,  ON_CHECK_1, ACK_NEW,              IN_WINDOW | EXACT | RST,
                                                                   CTL_FIN_WAIT_1_QUEUED,    EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "The same with a CLOSE waiting." },
{ SYNC,           ON_CHECK_1, ACK_NEW,              IN_WINDOW | EXACT | RST | ACKS_FIN,
                                                                   CTL_SAME,                 EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "The ACK field counts whatever the sequence number beside it, or the SYN." },
{ FW1,            ON_CHECK_1, ACKS_FIN,             IN_WINDOW | EXACT | RST, CTL_FIN_WAIT_2, EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "A segment outside the window acknowledges our FIN in FIN-WAIT-1." },
{ CLOSING,        ON_CHECK_1, ACKS_FIN,             IN_WINDOW | EXACT | RST, CTL_TIME_WAIT,  EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "A segment outside the window acknowledges our FIN in CLOSING." },
{ LA,             ON_CHECK_1, ACKS_FIN,             IN_WINDOW | EXACT | RST, CTL_CLOSED,     EMIT_ACK,        T_ACK,          THEN_DONE,
	ORIGIN_STACK, "stacks: olddup", "A segment outside the window acknowledges our FIN in LAST-ACK." },
{ SR | SYNC,      ON_CHECK_1, EDGE,                 IN_WINDOW | RST | SYN | PAWS, CTL_SAME,  EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_STACK, "stacks: right edge", "An empty segment just behind a full window, or text that reaches past both ends of it, is heeded." },
{ SR | SYNC,      ON_CHECK_1, EXACT,                IN_WINDOW | RST | SYN | PAWS, CTL_SAME,  EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_STACK, "stacks: zero window", "With a window of zero not even the ACK beside the text is heeded." },

/* ---- second check: RST ----------------------------------------------------------------------------------------------------------- */

{ SR_P,           ON_CHECK_2, RST | EXACT,          0,             CTL_LISTEN,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 second check", "Reset in SYN-RECEIVED after a passive OPEN: back to LISTEN." },
{ SR_PC,          ON_CHECK_2, RST | EXACT,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 second check", "The same; the CLOSE that waited ends it there." },
{ SR_ACTIVE,      ON_CHECK_2, RST | EXACT,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 second check", "Reset in SYN-RECEIVED after an active OPEN: refused." },
{ SYNC & ~(CLOSING | CLOSING_Q | LA | LA_Q | TW),
                  ON_CHECK_2, RST | EXACT,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 second check", "An RST at exactly RCV.NXT resets the connection." },
{ CLOSING | CLOSING_Q | LA | LA_Q | TW,
                  ON_CHECK_2, RST | EXACT,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 second check", "An RST at exactly RCV.NXT ends what was closing anyway." },
{ SR | SYNC,      ON_CHECK_2, RST,                  EXACT,         CTL_SAME,                 EMIT_CHALLENGE,  0,              THEN_DONE,
	ORIGIN_RFC, "5961 3.2", "An RST in the window, but not at RCV.NXT, is challenged: the true sender will repeat it exactly." },

{ TW,             ON_CHECK_2, RST,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_MAY, "1337 3", "TIME-WAIT ignores an RST, lest it be assassinated." },
{ SR_P,           ON_CHECK_2, RST,                  EXACT,         CTL_LISTEN,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: embryo", "Any RST in the window ends a half-open request." },
{ SYNC | SR_PC | SR_ACTIVE,
                  ON_CHECK_2, RST,                  EXACT,         CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: before 5961", "Any RST in the window is believed (RFC 793; Linux in an orphan's FIN-WAIT-2)." },

/* ---- fourth check: SYN ----------------------------------------------------------------------------------------------------------- */

{ SR_P,           ON_CHECK_4, SYN,                  0,             CTL_LISTEN,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fourth check", "Another SYN in the window after a passive OPEN: back to LISTEN." },
{ SR_PC,          ON_CHECK_4, SYN,                  0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fourth check", "The same; the CLOSE that waited ends it there." },
{ SR_ACTIVE | SYNC,
                  ON_CHECK_4, SYN,                  0,             CTL_SAME,                 EMIT_CHALLENGE,  0,              THEN_DONE,
	ORIGIN_RFC, "5961 4.2", "A SYN, whatever its sequence number, is challenged: who has restarted will answer with an RST." },

{ ESTAB,          ON_CHECK_4, SYN | SYN_AGAIN | IN_WINDOW, 0,      CTL_SAME,                 EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_MAY, "3.10.7.2 third check", "What came beside their SYN was kept until now, or is taken when it comes again." },

{ TW,             ON_CHECK_4, SYN | NEWER,          ACK,           CTL_SYN_RECEIVED_PASSIVE, EMIT_SYN_ACK,    T_SYN,          THEN_DONE,
	ORIGIN_MAY, "3.6.1 MAY-2", "A newer SYN reopens the connection directly from TIME-WAIT." },
{ TW,             ON_CHECK_4, SYN,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: TIME-WAIT", "An old SYN in TIME-WAIT may get no answer at all." },
{ TW,             ON_CHECK_4, SYN,                  0,             CTL_SAME,                 EMIT_RST_ACK,    0,              THEN_DONE,
	ORIGIN_STACK, "stacks: TIME-WAIT", "A SYN in TIME-WAIT may be refused." },
{ SR_P,           ON_CHECK_4, SYN,                  0,             CTL_LISTEN,               EMIT_RST_BOUNCE | EMIT_RST_ACK,
                                                                                                              0,              THEN_DONE,
	ORIGIN_STACK, "stacks: embryo", "Another SYN in the window: the request is killed with an RST." },
{ SR_P,           ON_CHECK_4, SYN,                  0,             CTL_SAME,                 EMIT_RST_BOUNCE | EMIT_RST_ACK,
                                                                                                              0,              THEN_DONE,
	ORIGIN_STACK, "stacks: embryo", "The RST goes, but a request of Fast Open is not killed by it." },
{ SYNC | SR_PC | SR_ACTIVE,
                  ON_CHECK_4, SYN | IN_WINDOW,      0,             CTL_CLOSED,               EMIT_RST | EMIT_RST_BOUNCE | EMIT_RST_ACK,
                                                                                                              0,              THEN_DONE,
	ORIGIN_STACK, "stacks: before 5961", "A SYN in the window resets the connection (RFC 793)." },

/* ---- fifth check: ACK ------------------------------------------------------------------------------------------------------------ */

{ SR | SYNC,      ON_CHECK_5, 0,                    ACK,           CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Without an ACK the segment is dropped." },
{ SR_P | SR_A,    ON_CHECK_5, ACK_NEW,              0,             CTL_ESTABLISHED,          EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Our SYN is acknowledged: established." },
{ SR_PC | SR_AC,  ON_CHECK_5, ACK_NEW,              0,             CTL_FIN_WAIT_1_QUEUED,    EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Our SYN is acknowledged; the CLOSE that waited for it takes effect." },
{ SR,             ON_CHECK_5, ACK,                  ACK_NEW,       CTL_SAME,                 EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fifth check", "In SYN-RECEIVED an ACK of anything but our SYN: <SEQ=SEG.ACK><CTL=RST>." },
{ SYNC,           ON_CHECK_5, ACK_OLD,              0,             CTL_SAME,                 EMIT_CHALLENGE,  0,              THEN_DONE,
	ORIGIN_RFC, "5961 5.2", "An ACK older than the largest window we ever had is challenged." },
{ SYNC,           ON_CHECK_5, ACK_FUTURE,           0,             CTL_SAME,                 EMIT_CHALLENGE,  0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fifth check", "An ACK of what was not yet sent is answered by an ACK and dropped." },
{ SYNC,           ON_CHECK_5, ACK_DUP,              0,             CTL_SAME,                 EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 fifth check", "A duplicate ACK acknowledges nothing new; its window may count." },
{ SYNC & ~TW,     ON_CHECK_5, ACK_NEW,              ACKS_FIN,      CTL_SAME,                 EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 fifth check", "SND.UNA < SEG.ACK =< SND.NXT: what it covers is delivered." },
{ FW1,            ON_CHECK_5, ACK_NEW | ACKS_FIN,   0,             CTL_FIN_WAIT_2,           EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Our FIN is acknowledged: FIN-WAIT-2." },
{ CLOSING,        ON_CHECK_5, ACK_NEW | ACKS_FIN,   0,             CTL_TIME_WAIT,            EMIT_NONE,       T_ACK,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Our FIN is acknowledged, theirs was before: TIME-WAIT." },
{ LA,             ON_CHECK_5, ACK_NEW | ACKS_FIN,   0,             CTL_CLOSED,               EMIT_NONE,       T_ACK,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 fifth check", "Our FIN is acknowledged, the connection is closed." },

{ SR_P | SR_A,    ON_CHECK_5, ACK | ACK_UNA,        0,             CTL_ESTABLISHED,          EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_STACK, "stacks: SND.UNA =< SEG.ACK", "By RFC 793 an ACK of our ISS, of nothing, is enough: Linux after a simultaneous open, BSD." },
{ SR_PC | SR_AC,  ON_CHECK_5, ACK | ACK_UNA,        0,             CTL_FIN_WAIT_1_QUEUED,    EMIT_NONE,       T_ACK,          THEN_NEXT,
	ORIGIN_STACK, "stacks: SND.UNA =< SEG.ACK", "The same with a CLOSE waiting." },
{ SYNC,           ON_CHECK_5, ACK_OLD,              0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_MAY, "3.10.7.4 fifth check MAY-12", "Without RFC 5961 an old ACK is a duplicate like any other." },
{ FW2,            ON_CHECK_5, ACK_FUTURE | FIN,     0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_STACK, "stacks: orphan", "What is left of an orphan in FIN-WAIT-2 takes a FIN whatever it acknowledges (Linux)." },
{ SYNC,           ON_CHECK_5, 0,                    ACK,           CTL_SAME,                 EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_STACK, "stacks: no ACK", "Text and FIN are taken even without an ACK beside them." },
{ SR_P,           ON_CHECK_5, ACK_NEW,              TEXT | FIN,    CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: deferred accept", "With deferred accept the bare ACK is ignored: only data completes the open." },
{ SR_P,           ON_CHECK_5, ACK_NEW,              0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: accept queue full", "With the accept queue full the ACK is dropped and SYN,ACK will be repeated." },
{ SR_P,           ON_CHECK_5, ACK_NEW,              0,             CTL_LISTEN,               EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_STACK, "stacks: accept queue full", "Or, if so configured, the request is reset." },

/* ---- seventh check: the segment text --------------------------------------------------------------------------------------------- */

{ TEXT_WANTED,    ON_CHECK_7, TEXT | TEXT_NEXT,     0,             CTL_SAME,                 EMIT_ACK,        T_TEXT,         THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 seventh check", "Text in order is taken and acknowledged." },
{ TEXT_WANTED,    ON_CHECK_7, TEXT | IN_WINDOW,     TEXT_NEXT,     CTL_SAME,                 EMIT_ACK,        T_HELD,         THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 seventh check", "Text behind a gap is held, and what is missing is named at once (RFC 5681 4.2)." },
{ FIN_SEEN,       ON_CHECK_7, TEXT,                 0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_NEXT,
	ORIGIN_RFC, "3.10.7.4 seventh check", "After their FIN there can be no text: it is ignored." },

{ FW1 | FW1_Q | FW2,
                  ON_CHECK_7, TEXT,                 0,             CTL_CLOSED,               EMIT_RST_BOUNCE, 0,              THEN_DONE,
	ORIGIN_MAY, "3.6.1 SHLD-3", "Data after CLOSE, which nobody will read: an RST shows that it is lost." },
{ TW,             ON_CHECK_7, TEXT,                 0,             CTL_SAME,                 EMIT_ACK,        0,              THEN_NEXT,
	ORIGIN_STACK, "stacks: TIME-WAIT", "Text in TIME-WAIT is acknowledged, not taken." },

/* ---- eighth check: FIN ----------------------------------------------------------------------------------------------------------- */

{ ESTAB,          ON_CHECK_8, FIN | FIN_NEXT,       0,             CTL_CLOSE_WAIT,           EMIT_ACK,        T_FIN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "Their FIN: the remote has finished; CLOSE-WAIT until our application has." },
{ FW1,            ON_CHECK_8, FIN | FIN_NEXT,       0,             CTL_CLOSING,              EMIT_ACK,        T_FIN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "Their FIN crossed ours, which is not acknowledged yet: CLOSING." },
{ FW1_Q,          ON_CHECK_8, FIN | FIN_NEXT,       0,             CTL_CLOSING_QUEUED,       EMIT_ACK,        T_FIN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "Their FIN came while ours was still waiting to be sent: CLOSING." },
{ FW2,            ON_CHECK_8, FIN | FIN_NEXT,       0,             CTL_TIME_WAIT,            EMIT_ACK,        T_FIN,          THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "Their FIN after ours was acknowledged: TIME-WAIT, for 2 MSL." },
{ TEXT_WANTED,    ON_CHECK_8, FIN | IN_WINDOW,      FIN_NEXT,      CTL_SAME,                 EMIT_ACK,        T_HELD,         THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "A FIN behind a gap waits for what is missing (RFC 5681 4.2)." },
{ FIN_SEEN & ~TW, ON_CHECK_8, FIN,                  0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "A second FIN changes nothing." },
{ TW,             ON_CHECK_8, FIN,                  0,             CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.7.4 eighth check", "Their FIN in TIME-WAIT: acknowledged, and 2 MSL start again." },

/* ---- 3.10.1: OPEN ---------------------------------------------------------------------------------------------------------------- */

{ CLOSED,         ON_OPEN_PASSIVE, 0,               0,             CTL_LISTEN,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.1", "Passive OPEN: wait for a SYN." },
{ CLOSED | LISTEN,
                  ON_OPEN_ACTIVE, 0,                0,             CTL_SYN_SENT,             EMIT_SYN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.1", "Active OPEN: <SEQ=ISS><CTL=SYN>." },

/* ---- 3.10.2: SEND ---------------------------------------------------------------------------------------------------------------- */

{ LISTEN,         ON_SEND,    0,                    0,             CTL_SYN_SENT,             EMIT_SYN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.2", "SEND in LISTEN turns passive into active; the data waits for ESTABLISHED." },
{ SYN_SENT | SR_P | SR_A,
                  ON_SEND,    0,                    0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.2", "SEND before ESTABLISHED is queued until then." },
{ ESTAB | CW,     ON_SEND,    0,                    0,             CTL_SAME,                 EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.2", "SEND: the data goes as the window allows." },

/* ---- 3.10.4: CLOSE --------------------------------------------------------------------------------------------------------------- */

{ LISTEN | SYN_SENT,
                  ON_CLOSE,   0,                    0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE before anything was received: nothing is left, nothing is sent." },
{ SR_P | SR_A,    ON_CLOSE,   0,                    UNSENT,        CTL_FIN_WAIT_1,           EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE in SYN-RECEIVED with nothing to send: the FIN goes at once." },
{ SR_P,           ON_CLOSE,   UNSENT,               0,             CTL_SYN_RECEIVED_PASSIVE_CLOSE, EMIT_NONE, 0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE in SYN-RECEIVED with data waiting is queued until ESTABLISHED." },
{ SR_A,           ON_CLOSE,   UNSENT,               0,             CTL_SYN_RECEIVED_ACTIVE_CLOSE, EMIT_NONE,  0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE in SYN-RECEIVED (active) with data waiting is queued until ESTABLISHED." },
{ ESTAB,          ON_CLOSE,   0,                    UNSENT,        CTL_FIN_WAIT_1,           EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE: our FIN goes, FIN-WAIT-1." },
{ ESTAB,          ON_CLOSE,   UNSENT,               0,             CTL_FIN_WAIT_1_QUEUED,    EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE with data unsent: FIN-WAIT-1 in any case, though the FIN must wait." },
{ CW,             ON_CLOSE,   0,                    UNSENT,        CTL_LAST_ACK,             EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE after their FIN: our FIN goes, LAST-ACK." },
{ CW,             ON_CLOSE,   UNSENT,               0,             CTL_CLOSE_WAIT_CLOSE,     EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "CLOSE after their FIN with data unsent is queued; LAST-ACK comes with the FIN." },

{ ESTAB | CW | SR_P | SR_A,
                  ON_CLOSE,   0,                    0,             CTL_CLOSED,               EMIT_RST,        0,              THEN_DONE,
	ORIGIN_MAY, "3.6.1 SHLD-3", "CLOSE with received data unread: an RST shows that it is lost." },
{ SR_A | SR_P,    ON_CLOSE,   UNSENT,               0,             CTL_FIN_WAIT_1_QUEUED,    EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: early FIN-WAIT-1", "CLOSE in SYN-RECEIVED is FIN-WAIT-1 at once, even with data unsent." },
{ CW,             ON_CLOSE,   UNSENT,               0,             CTL_LAST_ACK_QUEUED,      EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: lastackq", "CLOSE after their FIN is LAST-ACK at once, even with the FIN unsent." },

/* ---- 3.10.5: ABORT --------------------------------------------------------------------------------------------------------------- */

{ LISTEN | SYN_SENT,
                  ON_ABORT,   0,                    0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.5", "ABORT before anything was received: nothing is sent." },
{ SR | TEXT_WANTED | CW | CW_C,
                  ON_ABORT,   0,                    0,             CTL_CLOSED,               EMIT_RST,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.5", "ABORT: <SEQ=SND.NXT><CTL=RST>." },
{ CLOSING | CLOSING_Q | LA | LA_Q | TW,
                  ON_ABORT,   0,                    0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.5", "ABORT when both have closed: forgotten, nothing is sent." },

{ SYN_SENT | CLOSING | CLOSING_Q | LA | LA_Q,
                  ON_ABORT,   0,                    0,             CTL_CLOSED,               EMIT_RST,        0,              THEN_DONE,
	ORIGIN_STACK, "stacks: RST for ABORT", "ABORT sends <SEQ=SND.NXT><CTL=RST> where the book sends nothing." },

/* ---- 3.10.2 and 3.10.4, later: what was queued goes out -------------------------------------------------------------------------- */

{ ESTAB | CW,     ON_TRANSMIT, UNSENT,              FIN_GOES,      CTL_SAME,                 EMIT_DATA,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.2", "Queued data goes, as far as the window reaches." },
{ QUEUED,         ON_TRANSMIT, UNSENT,              FIN_GOES,      CTL_SAME,                 EMIT_DATA,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "The data before our FIN goes, as far as the window reaches." },
{ FW1_Q,          ON_TRANSMIT, FIN_GOES,            0,             CTL_FIN_WAIT_1,           EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "The FIN that waited goes: FIN-WAIT-1." },
{ CW_C,           ON_TRANSMIT, FIN_GOES,            0,             CTL_LAST_ACK,             EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "The FIN that waited goes: LAST-ACK." },
{ CLOSING_Q,      ON_TRANSMIT, FIN_GOES,            0,             CTL_CLOSING,              EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.4", "The FIN that waited goes: CLOSING." },

{ LA_Q,           ON_TRANSMIT, FIN_GOES,            0,             CTL_LAST_ACK,             EMIT_FIN,        0,              THEN_DONE,
	ORIGIN_STACK, "stacks: lastackq", "The FIN that waited goes; the state was LAST-ACK before." },
{ SR_P,           ON_TRANSMIT, UNSENT,              FIN_GOES,      CTL_SAME,                 EMIT_DATA,       0,              THEN_DONE,
	ORIGIN_STACK, "7413 4.2.2", "A Fast Open server answers with data before the handshake is complete." },

/* ---- 3.10.8 RETRANSMISSION TIMEOUT, 3.8.1 ---------------------------------------------------------------------------------------- */

{ SYN_SENT,       ON_RETRANSMIT, 0,                 0,             CTL_SAME,                 EMIT_SYN,        0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "The SYN again." },
{ SR,             ON_RETRANSMIT, 0,                 0,             CTL_SAME,                 EMIT_SYN_ACK,    0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "The SYN,ACK again." },
{ FW1 | FW1_Q | CLOSING | CLOSING_Q,
                  ON_RETRANSMIT, SYN_UNACKED,       0,             CTL_SAME,                 EMIT_SYN_ACK,    0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "The SYN,ACK again: CLOSE came before our SYN was acknowledged." },
{ ESTAB | CW | CW_C | LA | LA_Q,
                  ON_RETRANSMIT, SYN_UNACKED,       0,             CTL_SAME,                 EMIT_SYN_ACK,    0,              THEN_DONE,
	ORIGIN_STACK, "stacks: SND.UNA =< SEG.ACK", "The SYN,ACK again: an ACK of nothing had established the connection." },
{ SYNC & ~(FW2 | TW),
                  ON_RETRANSMIT, 0,                 SYN_UNACKED,   CTL_SAME,                 EMIT_AGAIN,      0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "The first segment that is not acknowledged, again." },

/* ---- an ACK by its own decision -------------------------------------------------------------------------------------------------- */

{ SYNC,           ON_ACK_NOW, 0,                    0,             CTL_SAME,                 EMIT_ACK,        0,              THEN_DONE,
	ORIGIN_RFC, "3.8.6.3", "A delayed acknowledgement, or news of the window." },

/* ---- 3.8.6.1 zero-window probe, 3.8.4 keep-alive --------------------------------------------------------------------------------- */

{ ESTAB | CW | QUEUED,
                  ON_PROBE,   UNSENT,               0,             CTL_SAME,                 EMIT_PROBE,      0,              THEN_DONE,
	ORIGIN_RFC, "3.8.6.1", "The window is closed and data waits: a probe asks for it." },
{ SYNC & ~TW,     ON_PROBE,   0,                    UNSENT,        CTL_SAME,                 EMIT_PROBE,      0,              THEN_DONE,
	ORIGIN_MAY, "3.8.4 MAY-5", "A keep-alive asks whether anyone is still there." },

/* ---- 3.10.8 USER TIMEOUT, TIME-WAIT TIMEOUT -------------------------------------------------------------------------------------- */

{ ANY & ~CLOSED,  ON_USER_TIMEOUT, 0,               0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "USER TIMEOUT, or retries used up: given up without a word." },
{ TW,             ON_TIME_WAIT_TIMEOUT, 0,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.10.8", "2 MSL are over: closed." },

{ SR_P,           ON_USER_TIMEOUT, 0,               0,             CTL_LISTEN,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: embryo", "A request that was never completed is forgotten: LISTEN." },
{ ESTAB | CW | FW1 | FW1_Q | FW2,
                  ON_USER_TIMEOUT, 0,               0,             CTL_CLOSED,               EMIT_RST,        0,              THEN_DONE,
	ORIGIN_ABNORMAL, "stacks: keep-alive", "Keep-alives were not answered: given up with an RST." },
{ FW2,            ON_TIME_WAIT_TIMEOUT, 0,          0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_STACK, "stacks: FIN-WAIT-2 deadline", "An orphan's FIN-WAIT-2 ends silently after a time." },

/* ---- 3.9.2.2: ICMP --------------------------------------------------------------------------------------------------------------- */

{ SYN_SENT,       ON_ICMP_HARD, 0,                  0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_RFC, "3.9.2.2", "A hard ICMP error about our SYN: given up." },

{ SR | SYNC,      ON_ICMP_HARD, 0,                  0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_ABNORMAL, "3.9.2.2 SHLD-26", "A hard ICMP error ends the connection (against RFC 5927 section 5.2)." },

/* ---- and what no book provides for ----------------------------------------------------------------------------------------------- */

{ ANY & ~CLOSED,  ON_REBOOT,  0,                    0,             CTL_CLOSED,               EMIT_NONE,       0,              THEN_DONE,
	ORIGIN_ABNORMAL, "3.5.1", "The end crashed, or rebooted, and remembers nothing." },
};
/* clang-format on */

const size_t tcp_rules_count = ARRAY_COUNT(tcp_rules);

#define ROWS_MAX 256 /* what an index of rule_step can name */
static_assert(ARRAY_COUNT(tcp_rules) < ROWS_MAX, "row numbers fit their type");

enum tcp_state ctl_state(enum ctl c)
{
	switch (c) {
	case CTL_CLOSED:
		return ST_CLOSED;
	case CTL_LISTEN:
		return ST_LISTEN;
	case CTL_SYN_SENT:
		return ST_SYN_SENT;
	case CTL_SYN_RECEIVED_PASSIVE:
	case CTL_SYN_RECEIVED_ACTIVE:
	case CTL_SYN_RECEIVED_PASSIVE_CLOSE:
	case CTL_SYN_RECEIVED_ACTIVE_CLOSE:
		return ST_SYN_RECEIVED;
	case CTL_ESTABLISHED:
		return ST_ESTABLISHED;
	case CTL_FIN_WAIT_1:
	case CTL_FIN_WAIT_1_QUEUED:
		return ST_FIN_WAIT_1;
	case CTL_FIN_WAIT_2:
		return ST_FIN_WAIT_2;
	case CTL_CLOSE_WAIT:
	case CTL_CLOSE_WAIT_CLOSE:
		return ST_CLOSE_WAIT;
	case CTL_CLOSING:
	case CTL_CLOSING_QUEUED:
		return ST_CLOSING;
	case CTL_LAST_ACK:
	case CTL_LAST_ACK_QUEUED:
		return ST_LAST_ACK;
	case CTL_TIME_WAIT:
		return ST_TIME_WAIT;
	case CTL_COUNT:
		break;
	}
	return ST_CLOSED;
}

bool ctl_is_fin_queued(enum ctl c)
{
	return (CTL_BIT(c) & (SR_PC | SR_AC | QUEUED)) != 0;
}

bool ctl_is_fin_sent(enum ctl c)
{
	return (CTL_BIT(c) & (FW1 | FW2 | CLOSING | LA | TW)) != 0;
}

enum tcp_state ctl_state_folded(enum ctl c)
{
	if (c == CTL_FIN_WAIT_1_QUEUED)
		return ST_ESTABLISHED;
	if (c == CTL_CLOSING_QUEUED || c == CTL_LAST_ACK_QUEUED)
		return ST_CLOSE_WAIT;
	return ctl_state(c);
}

const char *ctl_name(enum ctl c)
{
	switch (c) {
	case CTL_CLOSED:
	case CTL_LISTEN:
	case CTL_SYN_SENT:
	case CTL_ESTABLISHED:
	case CTL_FIN_WAIT_1:
	case CTL_FIN_WAIT_2:
	case CTL_CLOSE_WAIT:
	case CTL_CLOSING:
	case CTL_LAST_ACK:
	case CTL_TIME_WAIT:
		return state_name(ctl_state(c));
	case CTL_SYN_RECEIVED_PASSIVE:
		return "SYN-RECEIVED (passive)";
	case CTL_SYN_RECEIVED_ACTIVE:
		return "SYN-RECEIVED (active)";
	case CTL_SYN_RECEIVED_PASSIVE_CLOSE:
		return "SYN-RECEIVED (passive, CLOSE queued)";
	case CTL_SYN_RECEIVED_ACTIVE_CLOSE:
		return "SYN-RECEIVED (active, CLOSE queued)";
	case CTL_FIN_WAIT_1_QUEUED:
		return "FIN-WAIT-1 (FIN queued)";
	case CTL_CLOSE_WAIT_CLOSE:
		return "CLOSE-WAIT (CLOSE queued)";
	case CTL_CLOSING_QUEUED:
		return "CLOSING (FIN queued)";
	case CTL_LAST_ACK_QUEUED:
		return "LAST-ACK (FIN queued)";
	case CTL_COUNT:
		return "the same";
	}
	return "?";
}

const char *fact_name(unsigned bit)
{
	static const char *const names[] = {
		"SYN",           "ACK",          "FIN",
		"RST",           "TEXT",         "SEQ_ACCEPTABLE",
		"SEQ_EXACT",     "SEQ_OLD",      "SEQ_IRS",
		"TEXT_IN_ORDER", "FIN_IN_ORDER", "ACK_NEW",
		"ACK_DUPLICATE", "ACK_OLD",      "ACK_FUTURE",
		"ACKS_SYN",      "ACKS_FIN",     "SYN_IS_NEW",
		"PAWS_REJECT",   "UNSENT_DATA",  "SYN_UNACKED",
		"FIN_GOES",      "SEQ_EDGE",     "COOKIE",
		"ACK_UNA",
	};
	static_assert(ARRAY_COUNT(names) == FACT_COUNT, "a name for every fact");
	return bit < FACT_COUNT ? names[bit] : "?";
}

const char *rule_on_name(enum rule_on on)
{
	switch (on) {
	case ON_CHECK_1:
		return "first check";
	case ON_CHECK_2:
		return "second check";
	case ON_CHECK_3:
		return "third check";
	case ON_CHECK_4:
		return "fourth check";
	case ON_CHECK_5:
		return "fifth check";
	case ON_CHECK_6:
		return "sixth check";
	case ON_CHECK_7:
		return "seventh check";
	case ON_CHECK_8:
		return "eighth check";
	case ON_OPEN_PASSIVE:
		return "passive OPEN call";
	case ON_OPEN_ACTIVE:
		return "active OPEN call";
	case ON_SEND:
		return "SEND call";
	case ON_CLOSE:
		return "CLOSE call";
	case ON_ABORT:
		return "ABORT call";
	case ON_TRANSMIT:
		return "transmission";
	case ON_RETRANSMIT:
		return "retransmission";
	case ON_ACK_NOW:
		return "acknowledgement";
	case ON_PROBE:
		return "probe";
	case ON_USER_TIMEOUT:
		return "USER TIMEOUT";
	case ON_TIME_WAIT_TIMEOUT:
		return "TIME-WAIT TIMEOUT";
	case ON_ICMP_HARD:
		return "hard ICMP error";
	case ON_REBOOT:
		return "reboot";
	case ON_COUNT:
		break;
	}
	return "?";
}

const char *emit_name(enum emit e)
{
	switch (e) {
	case EMIT_NONE:
		return "nothing";
	case EMIT_SYN:
		return "SYN";
	case EMIT_SYN_ACK:
		return "SYN-ACK";
	case EMIT_ACK:
		return "ACK";
	case EMIT_CHALLENGE:
		return "challenge ACK";
	case EMIT_RST:
		return "RST";
	case EMIT_RST_BOUNCE:
		return "RST at SEG.ACK";
	case EMIT_RST_ACK:
		return "RST-ACK";
	case EMIT_DATA:
		return "data";
	case EMIT_FIN:
		return "FIN";
	case EMIT_AGAIN:
		return "retransmission";
	case EMIT_PROBE:
		return "probe";
	}
	return "?";
}

const char *origin_name(enum origin o)
{
	switch (o) {
	case ORIGIN_RFC:
		return "RFC";
	case ORIGIN_MAY:
		return "MAY";
	case ORIGIN_STACK:
		return "stack";
	case ORIGIN_COOKIE:
		return "cookie";
	case ORIGIN_ABNORMAL:
		return "abnormal";
	}
	return "?";
}

/* Whether a row has nothing against these facts, whatever the state. One expression without a
 * branch: it is asked of every row for every segment. */
static bool row_allows(const struct tcp_rule *row, facts_t facts, unsigned origins)
{
	const facts_t against = (row->when & ~facts) | (row->unless & facts);
	return (against == 0) & ((row->origin & origins) != 0);
}

static bool row_is_from(const struct tcp_rule *row, enum ctl ctl)
{
	return (row->from >> ctl & 1) != 0;
}

static void step_add_row(struct rule_step *step, size_t index)
{
	const struct tcp_rule *row = &tcp_rules[index];
	assert(step->rows_count < RULE_STEP_ROWS_MAX);
	step->rows[step->rows_count++] = (uint8_t)index;
	if (row->to != CTL_SAME)
		step->to = row->to;
	step->emit |= row->emit;
	step->take |= row->take;
	step->origins |= (uint8_t)row->origin;
}

/* A way through the checks that is not finished with. */
struct path {
	struct rule_step step;
	enum rule_on check; /* the next one; past ON_CHECK_LAST: finished */
};

/* The ways through, in order of the table: the book's first. */
struct paths {
	struct path path[RULE_STEPS_MAX];
	size_t count;
};

/* Two ways to the same end are one. Its reason is what the book says; else what came first. */
static void paths_add(struct paths *paths, const struct path *path)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct path *other = &paths->path[i];
		if (other->check != path->check || other->step.to != path->step.to ||
		    other->step.emit != path->step.emit || other->step.take != path->step.take)
			continue;
		if ((path->step.origins & ~(unsigned)ORIGIN_RFC) == 0)
			*other = *path;
		return;
	}
	assert(paths->count < RULE_STEPS_MAX);
	paths->path[paths->count++] = *path;
}

/* The rows about segments that these facts allow, in order of the table. */
struct candidates {
	uint8_t rows[ROWS_MAX];
	size_t count;
};

static void candidates_find(struct candidates *c, facts_t facts, unsigned origins)
{
	c->count = 0;
	for (size_t i = 0; tcp_rules[i].on <= ON_CHECK_LAST; i++) {
		c->rows[c->count] = (uint8_t)i;
		c->count += row_allows(&tcp_rules[i], facts, origins);
	}
}

static enum rule_on check_after(const struct tcp_rule *row)
{
	switch (row->then) {
	case THEN_NEXT:
		return row->on + 1;
	case THEN_SIXTH:
		return ON_CHECK_6;
	case THEN_DONE:
		break;
	}
	return ON_CHECK_LAST + 1;
}

/* Put one way through its next check: every row that matches makes a way of its own, and if
 * none of the book's does, so does having nothing to say. */
static void path_check(const struct path *path, const struct candidates *c, struct paths *paths)
{
	bool book = false;
	for (size_t i = 0; i < c->count; i++) {
		const struct tcp_rule *row = &tcp_rules[c->rows[i]];
		if (row->on != path->check || !row_is_from(row, path->step.to))
			continue;
		struct path next = *path;
		step_add_row(&next.step, c->rows[i]);
		next.check = check_after(row);
		paths_add(paths, &next);
		book = book || row->origin == ORIGIN_RFC;
	}
	if (!book) {
		struct path next = *path;
		next.check++;
		paths_add(paths, &next);
	}
}

/* The same with the book's rows alone, of which never more than one matches: a single walk down
 * the table, whose rows stand in the order of the checks for every state. It is on the path of
 * every segment that our own end receives. */
static struct rule_step own_segment(enum ctl from, facts_t facts)
{
	struct rule_step step = {.to = from};
	enum rule_on check = ON_CHECK_1;
	for (size_t i = 0; tcp_rules[i].on <= ON_CHECK_LAST; i++) {
		const struct tcp_rule *row = &tcp_rules[i];
		if (!row_is_from(row, step.to) || row->on < check ||
		    !row_allows(row, facts, ORIGIN_RFC))
			continue;
		step_add_row(&step, i);
		check = check_after(row);
	}
	return step;
}

size_t rules_segment(enum ctl from, facts_t facts, unsigned origins, struct rule_step *steps)
{
	assert(from < CTL_COUNT);
	if (origins == ORIGINS_OWN) {
		steps[0] = own_segment(from, facts);
		return 1;
	}
	struct candidates candidates;
	candidates_find(&candidates, facts, origins);
	struct paths paths[2]; /* before and after a check, by turns */
	struct paths *now = &paths[0];
	now->count = 1;
	now->path[0] = (struct path){.step = {.to = from}, .check = ON_CHECK_1};
	for (enum rule_on check = ON_CHECK_1; check <= ON_CHECK_LAST; check++) {
		struct paths *next = now == &paths[0] ? &paths[1] : &paths[0];
		next->count = 0;
		for (size_t i = 0; i < now->count; i++) {
			if (now->path[i].check == check)
				path_check(&now->path[i], &candidates, next);
			else
				paths_add(next, &now->path[i]);
		}
		now = next;
	}
	for (size_t i = 0; i < now->count; i++)
		steps[i] = now->path[i].step;
	return now->count;
}

size_t rules_event(enum ctl from, enum rule_on on, facts_t facts, unsigned origins,
		   struct rule_step *steps)
{
	assert(from < CTL_COUNT && on > ON_CHECK_LAST && on < ON_COUNT);
	size_t count = 0;
	for (size_t i = 0; i < tcp_rules_count; i++) {
		const struct tcp_rule *row = &tcp_rules[i];
		if (row->on != on || !row_is_from(row, from) || !row_allows(row, facts, origins))
			continue;
		assert(count < RULE_STEPS_MAX);
		steps[count] = (struct rule_step){.to = from};
		step_add_row(&steps[count], i);
		count++;
	}
	return count;
}

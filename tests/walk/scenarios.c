/*
 * What Linux does, exchange by exchange. Measured on 6.18; where other kernels are known to
 * differ, both ways are allowed.
 */
#include "script.h"

/* The opening that most begin with. */
#define OPEN                                      \
	"listen 5               = LISTEN\n"       \
	"> S 0                  = SYN-RECEIVED\n" \
	"< SA 0 1\n"                              \
	"> A 1 1                = ESTABLISHED\n"
#define OPEN_ACCEPT OPEN "accept                 = ESTABLISHED\n"

/* clang-format off */
const struct scenario scenarios[] = {

/* ---- opens ---- */

{"open, text both ways, we close first",
 OPEN_ACCEPT
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "recv\n"
 "send 4                 = ESTABLISHED\n"
 "< A 1 4 len 4\n"
 "> A 4 5                = ESTABLISHED\n"
 "> FA 4 5               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 5 5\n"
 "send 2                 = CLOSE-WAIT\n"
 "< A 5 5 len 2\n"
 "> A 5 7                = CLOSE-WAIT\n"
 "close                  = LAST-ACK\n"
 "< FA 7 5\n"
 "> A 5 8                = LISTEN\n", false},

{"active open, SYN,ACK twice",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "> SA 0 1               = ESTABLISHED\n"
 "< A 1 1\n"
 "again 1                = ESTABLISHED\n"
 "< A 1 1\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n", false},

{"simultaneous open, completed by an ACK",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n", false},

{"simultaneous open, completed by a SYN,ACK",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> SA 0 1               = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n", false},

{"simultaneous open, closed before it is complete",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 1                = FIN-WAIT-1\n"
 "> A 1 2                = FIN-WAIT-2\n", false},

{"SYN-SENT, segments that do not open",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "> SA 0 77              = SYN-SENT\n"
 "< R 77\n"
 "< S 0 maybe\n"
 "> A 0 77               = SYN-SENT\n"
 "< R 77\n"
 "> R 0                  = SYN-SENT\n"
 "> RA 0 77              = SYN-SENT\n"
 "> FA 0 1               = SYN-SENT\n"
 "> A 0 1                = SYN-SENT\n"
 "> RA 0 1               = CLOSED\n", false},

{"SYN-SENT gives up",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "user-timeout 1500\n"
 "wait 2000              = SYN-SENT\n"
 "< S 0\n"
 "wait 4000              = CLOSED ~\n", false},

{"closed in SYN-SENT, the SYN,ACK comes too late",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "close                  = CLOSED ~\n"
 "> SA 0 1               = CLOSED\n"
 "< R 1\n", false},

{"port unreachable in SYN-SENT",
 "connect                = SYN-SENT\n"
 "< S 0\n"
 "icmp                   = CLOSED ~\n", false},

{"segments for a closed port",
 "> S 0                  = CLOSED\n"
 "< RA zero 1\n"
 "> A 1 77               = CLOSED\n"
 "< R 77\n"
 "> FA 1 77              = CLOSED\n"
 "< R 77\n"
 "> SA 1 77              = CLOSED\n"
 "< R 77\n"
 "> F 1                  = CLOSED\n"
 "< RA zero 2\n"
 "> R 1                  = CLOSED\n", false},

{"segments that do not open a listener",
 "listen 5               = LISTEN\n"
 "> A 1 77               = LISTEN\n"
 "< R 77\n"
 "> FA 1 77              = LISTEN\n"
 "< R 77\n"
 "> SA 1 77              = LISTEN\n"
 "< R 77\n"
 "> F 1                  = LISTEN\n"
 "> R 1                  = LISTEN\n"
 "> SF 0                 = LISTEN ~\n"
 "> SR 0                 = LISTEN ~\n"
 "> - 0                  = LISTEN ~\n", false},

{"text beside the SYN, without Fast Open",
 "listen 5\n"
 "> S 0 len 5            = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n", false},

{"deferred accept, completed by text",
 "defer 3\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = SYN-RECEIVED ~\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", false},

{"deferred accept, the bare ACK again after its time",
 "defer 1\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = SYN-RECEIVED ~\n"
 "wait 1500              = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "again 2                = SYN-RECEIVED|ESTABLISHED ?\n"
 "wait 2500              = SYN-RECEIVED|ESTABLISHED ?\n"
 "< SA 0 1 maybe\n"
 "again 2                = ESTABLISHED\n", false},

{"deferred accept, completed by a FIN",
 "defer 3\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = SYN-RECEIVED ~\n"
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n", false},

{"accept queue full at the SYN",
 "listen 0\n"
 "fill\n"
 "> S 0                  = LISTEN ~\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n"
 "> PA 1 1 len 4         = LISTEN\n"
 "< R 1\n"
 "accept                 = LISTEN\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n", false},

{"accept queue full at the ACK",
 "listen 0\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "fill\n"
 "> A 1 1                = SYN-RECEIVED ~\n"
 "> PA 1 1 len 3         = SYN-RECEIVED ~\n"
 "wait 1400              = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "accept                 = SYN-RECEIVED\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", false},

{"accept queue full at the ACK, and told to reset",
 "set tcp_abort_on_overflow 1\n"
 "listen 0\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "fill\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n", false},

/* ---- SYN-RECEIVED ---- */

{"SYN again, then another SYN in the window",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "again 1                = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> S 5                  = LISTEN\n"
 "< RA zero 6\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n", false},

{"a half-open request, segments that do not complete it",
 "set tcp_invalid_ratelimit 0\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> S 100000000          = SYN-RECEIVED\n"
 "< A 1 1\n"
 "> A 1 5                = SYN-RECEIVED\n"
 "< R 5\n"
 "> A 100000 1           = SYN-RECEIVED\n"
 "< A 1 1\n"
 "> F 1                  = SYN-RECEIVED\n"
 "> R 100000000          = SYN-RECEIVED\n"
 "> R 0                  = SYN-RECEIVED\n"
 "> R 5                  = SYN-RECEIVED\n"
 "< A 1 1\n"
 "> A 1 1                = ESTABLISHED\n", false},

{"a half-open request, reset",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> R 1                  = LISTEN\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n", false},

{"a half-open request gets a SYN,ACK",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> SA 0 1               = SYN-RECEIVED\n"
 "< A 1 1\n"
 "> A 1 1                = ESTABLISHED\n", false},

{"text and FIN complete the open",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> FPA 1 1 len 3        = CLOSE-WAIT\n"
 "< A 1 5 maybe\n", false},

{"the second text completes the open",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> PA 1 1 len 3 lost    = SYN-RECEIVED ~\n"
 "> PA 4 1 len 3         = ESTABLISHED\n"
 "< A 1 1\n"
 "again 2                = ESTABLISHED\n"
 "< A 1 7\n", false},

{"a half-open request expires",
 "set tcp_synack_retries 0\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "wait 2500              = LISTEN ~\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n", false},

{"the listener closes over a half-open request",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "unlisten               = SYN-RECEIVED\n"
 "> A 1 1                = CLOSED\n"
 "< R 1\n", false},

{"the listener closes over what was not accepted",
 OPEN
 "unlisten               = CLOSED\n"
 "< RA 1 1\n", false},

/* ---- cookies ---- */

{"SYN cookies",
 "set tcp_syncookies 2\n"
 "listen 5\n"
 "> S 0                  = LISTEN\n"
 "< SA 0 1\n"
 "> R 1                  = LISTEN\n"
 "> A 1 1                = ESTABLISHED\n"
 "accept                 = ESTABLISHED\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", true},

{"SYN cookies, wrong and lost ACKs",
 "set tcp_syncookies 2\n"
 "listen 5\n"
 "> S 0                  = LISTEN\n"
 "< SA 0 1\n"
 "> A 1 5                = LISTEN\n"
 "< R 5\n"
 "> A 1 1 lost           = LISTEN ~\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "> F 4                  = ESTABLISHED\n", true},

{"SYN cookies, a FIN completes the open",
 "set tcp_syncookies 2\n"
 "listen 5\n"
 "> S 0                  = LISTEN\n"
 "< SA 0 1\n"
 "> FA 1 1               = CLOSE-WAIT ~\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n", true},

{"SYN cookies, an old ACK makes the connection once more",
 "set tcp_syncookies 2\n"
 "listen 5\n"
 "> S 0                  = LISTEN\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "accept\n"
 "> R 1                  = LISTEN\n"
 "copy 2                 = ESTABLISHED ~\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", true},

/* ---- Fast Open ---- */

{"Fast Open, answered before the handshake is complete",
 "set tcp_fastopen 1538\n"
 "fast-open 5\n"
 "listen 5\n"
 "> S 0 len 5 fo         = SYN-RECEIVED\n"
 "< SA 0 6\n"
 "accept                 = SYN-RECEIVED\n"
 "recv                   = SYN-RECEIVED\n"
 "send 4                 = SYN-RECEIVED\n"
 "< A 1 6 len 4\n"
 "shut-wr                = SYN-RECEIVED\n"
 "> A 6 1                = FIN-WAIT-1\n"
 "< FA 5 6\n"
 "> A 6 6                = FIN-WAIT-2\n"
 "close                  = FIN-WAIT-2\n", false},

{"Fast Open, then reset",
 "set tcp_fastopen 1538\n"
 "fast-open 5\n"
 "listen 5\n"
 "> S 0 len 5 fo         = SYN-RECEIVED\n"
 "< SA 0 6\n"
 "> R 6                  = LISTEN\n", false},

{"Fast Open, closed with the text unread",
 "set tcp_fastopen 1538\n"
 "fast-open 5\n"
 "listen 5\n"
 "> S 0 len 5 fo         = SYN-RECEIVED\n"
 "< SA 0 6\n"
 "accept\n"
 "close                  = LISTEN\n"
 "< RA 1 6\n", false},

/* ---- challenges ---- */

{"challenge ACKs in ESTABLISHED",
 "set tcp_invalid_ratelimit 0\n"
 OPEN
 "again 1                = ESTABLISHED\n"
 "< A 1 1\n"
 "> S 1                  = ESTABLISHED\n"
 "< A 1 1\n"
 "> S 500                = ESTABLISHED\n"
 "< A 1 1\n"
 "> S 100000000          = ESTABLISHED\n"
 "< A 1 1\n"
 "> SA 0 1               = ESTABLISHED\n"
 "< A 1 1\n"
 "> R 100000000          = ESTABLISHED\n"
 "> R 0                  = ESTABLISHED\n"
 "> R 2                  = ESTABLISHED\n"
 "< A 1 1\n"
 "> RA 500 1             = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 1 1000             = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 1 -1000000         = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 1 0                = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 100000 1           = ESTABLISHED\n"
 "< A 1 1\n"
 "> A 0 1                = ESTABLISHED\n"
 "< A 1 1\n"
 "> P 1 len 1            = ESTABLISHED\n"
 "> PA 0 1 len 1         = ESTABLISHED\n"
 "< A 1 1\n"
 "> - 1                  = ESTABLISHED\n"
 "> F 1                  = ESTABLISHED\n", false},

{"a FIN behind a gap, which is filled",
 OPEN
 "> FA 50 1              = ESTABLISHED\n"
 "< A 1 1\n"
 "> PA 1 1 len 49        = CLOSE-WAIT\n"
 "< A 1 51\n"
 "> R 51                 = LISTEN\n", false},

{"challenges are rate limited",
 OPEN
 "> A 100000 1           = ESTABLISHED\n"
 "< A 1 1\n"
 "again 3                = ESTABLISHED\n"
 "> S 500                = ESTABLISHED\n"
 "again 4                = ESTABLISHED\n"
 "> R 1                  = LISTEN\n"
 "> A 1 1                = LISTEN\n"
 "< R 1\n", false},

/* ---- they close first ---- */

{"they close first, FIN-WAIT-2 ends silently",
 OPEN_ACCEPT
 "fin-wait-2 1\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "wait 3000              = LISTEN ~\n"
 "> A 1 2                = LISTEN\n"
 "< R 2\n", false},

{"they close first, then we do; TIME-WAIT",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n"
 "again 4                = TIME-WAIT\n"
 "< A 2 2\n"
 "> A 1 1                = TIME-WAIT\n"
 "< A 2 2\n"
 "> A 2 2                = TIME-WAIT\n"
 "> R 2                  = LISTEN\n", false},

{"they half-close, we go on and then close",
 OPEN_ACCEPT
 "shut-wr                = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> PA 1 2 len 9         = FIN-WAIT-2\n"
 "< A 2 10\n"
 "> FA 10 2              = TIME-WAIT\n"
 "< A 2 11\n"
 "close                  = TIME-WAIT\n", false},

{"text after their close, in FIN-WAIT-2",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> PA 1 2 len 9         = LISTEN\n"
 "< R 2\n"
 "> A 10 2               = LISTEN\n"
 "< R 2\n", false},

{"text after their close, in FIN-WAIT-1",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> PA 1 1 len 9         = LISTEN\n"
 "< R 1\n", false},

{"closed with text unread",
 OPEN_ACCEPT
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "close                  = LISTEN\n"
 "< RA 1 4\n"
 "> A 4 2                = LISTEN\n"
 "< R 2\n", false},

{"aborted",
 OPEN_ACCEPT
 "abort                  = LISTEN\n"
 "< RA 1 1\n", false},

{"FINs cross",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 1               = CLOSING\n"
 "< A 2 2\n"
 "> A 2 2                = TIME-WAIT\n", false},

{"FINs cross, the socket is kept",
 OPEN_ACCEPT
 "shut-wr                = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 1               = CLOSING\n"
 "< A 2 2\n"
 "> A 2 2                = TIME-WAIT\n"
 "close                  = TIME-WAIT\n", false},

{"our FIN acknowledges theirs",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n", false},

{"reset in FIN-WAIT-1",
 OPEN_ACCEPT
 "shut-wr                = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> R 1                  = LISTEN\n"
 "> A 1 2                = LISTEN\n"
 "< R 2\n", false},

{"shutdown for reading, then for both",
 OPEN_ACCEPT
 "shut-rd                = ESTABLISHED\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "shut-rdwr              = FIN-WAIT-1\n"
 "< FA 1 4\n"
 "> A 4 2                = FIN-WAIT-2\n"
 "> PA 4 2 len 4         = LISTEN\n"
 "< R 2\n"
 "close                  = LISTEN\n", false},

{"an orphan's FIN is never acknowledged",
 "set tcp_orphan_retries 1\n"
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "wait 600               = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "wait 1500              = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "wait 2500              = LISTEN ~\n"
 "> A 1 2                = LISTEN\n"
 "< R 2\n", false},

/* ---- we close first ---- */

{"our FIN twice, text beyond it, RSTs in LAST-ACK",
 "set tcp_invalid_ratelimit 0\n"
 OPEN_ACCEPT
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "> PA 2 1 len 1         = CLOSE-WAIT\n"
 "again 3                = CLOSE-WAIT\n"
 "< A 1 2\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> R 3                  = LAST-ACK\n"
 "< A 2 2\n"
 "> R 2                  = LISTEN\n", false},

{"our FIN waits in the accept queue",
 OPEN
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "accept                 = CLOSE-WAIT\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> A 2 2                = LISTEN\n"
 "again 4                = LISTEN\n"
 "< R 2\n", false},

/* ---- TIME-WAIT ---- */

{"TIME-WAIT, and a new connection out of it",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n"
 "> A 1 2                = TIME-WAIT\n"
 "< A 2 2\n"
 "> PA 2 2 len 4         = TIME-WAIT\n"
 "< A 2 2\n"
 "> R 1                  = TIME-WAIT\n"
 "> S 1                  = TIME-WAIT\n"
 "> S 100000             = SYN-RECEIVED\n"
 "< SA 0 100001\n"
 "> A 100001 1           = ESTABLISHED\n", false},

{"TIME-WAIT with time stamps: a newer stamp reopens",
 "listen 5\n"
 "> S 0 ts 0             = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1 ts 10          = ESTABLISHED\n"
 "accept\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2 ts 20         = TIME-WAIT\n"
 "< A 2 2\n"
 "> S -5000 ts 20        = TIME-WAIT\n"
 "< A 2 2\n"
 "> S -5000 ts 5000      = SYN-RECEIVED\n"
 "< SA 0 -4999\n", false},

{"an orphan's FIN-WAIT-2: new SYN, RST in the window",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> S 100000             = FIN-WAIT-2\n"
 "< A 2 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> R 5                  = LISTEN ~\n"
 "> R 1                  = LISTEN\n", false},

{"TIME-WAIT that ignores resets",
 "set tcp_rfc1337 1\n"
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n"
 "> R 2                  = TIME-WAIT ~\n", false},

/* ---- windows, timers, options ---- */

{"keep-alive, answered and then not",
 OPEN_ACCEPT
 "keep-alive 1           = ESTABLISHED\n"
 "wait 1400              = ESTABLISHED\n"
 "< A 0 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "wait 1400              = ESTABLISHED\n"
 "< A 0 1\n"
 "wait 1400              = LISTEN\n"
 "< RA 1 1\n", false},

{"text and FIN behind a window of zero",
 OPEN_ACCEPT
 "> A 1 1 win 0          = ESTABLISHED\n"
 "send 5                 = ESTABLISHED\n"
 "wait 500               = ESTABLISHED\n"
 "< A 0 1\n"
 "again 3                = ESTABLISHED\n"
 "close                  = FIN-WAIT-1\n"
 "> A 1 1                = FIN-WAIT-1\n"
 "< FA 1 1 len 5\n"
 "> A 1 7                = FIN-WAIT-2\n", false},

{"FIN behind a window of zero, ours comes: CLOSING, nothing sent",
 OPEN_ACCEPT
 "> A 1 1 win 0          = ESTABLISHED\n"
 "send 5                 = ESTABLISHED\n"
 "close                  = FIN-WAIT-1\n"
 "> FA 1 1 win 0         = CLOSING\n"
 "< A 1 2\n"
 "> A 2 1                = CLOSING ~\n"
 "< FA 1 2 len 5\n"
 "> A 2 7                = TIME-WAIT ~\n", false},

{"FIN behind a window of zero in CLOSE-WAIT: LAST-ACK, nothing sent",
 OPEN_ACCEPT
 "> FA 1 1 win 0         = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "send 5                 = CLOSE-WAIT\n"
 "close                  = LAST-ACK\n"
 "> A 2 1                = LAST-ACK\n"
 "< FA 1 2 len 5\n"
 "> A 2 7                = LISTEN\n", false},

{"we fill their window",
 "set tcp_invalid_ratelimit 0\n"
 "rcvbuf 1\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "> PA 1 1 len 1000      = ESTABLISHED\n"
 "< A 1 1001 maybe\n"
 "> PA 1001 1 len 1000   = ESTABLISHED\n"
 "< A 1 1001 maybe\n"
 "< A 1 2001 maybe\n"
 "> PA 2001 1 len 1000   = ESTABLISHED\n"
 "< A 1 1001 maybe\n"
 "< A 1 2001 maybe\n"
 "> FA 3001 1            = ESTABLISHED\n"
 "< A 1 1001 maybe\n"
 "< A 1 2001 maybe\n", false},

{"old time stamps are refused",
 "listen 5\n"
 "> S 0 ts 0             = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1 ts 10          = ESTABLISHED\n"
 "> PA 1 1 len 3 ts -20000 = ESTABLISHED\n"
 "< A 1 1\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "> PA 4 1 len 3 ts 30   = ESTABLISHED\n"
 "< A 1 7\n"
 "> R 7                  = LISTEN\n", false},

{"retransmission is given up",
 OPEN_ACCEPT
 "user-timeout 250\n"
 "send 3                 = ESTABLISHED\n"
 "< A 1 1 len 3\n"
 "wait 800               = ESTABLISHED\n"
 "< A 1 1 len 3\n"
 "wait 2500              = LISTEN ~\n"
 "> A 1 4                = LISTEN\n"
 "< R 4\n", false},

{"port unreachable in ESTABLISHED",
 OPEN_ACCEPT
 "send 1                 = ESTABLISHED\n"
 "< A 1 1 len 1\n"
 "icmp                   = ESTABLISHED\n"
 "> A 1 2                = ESTABLISHED\n", false},

/* ---- losses, copies, disorder ---- */

{"the SYN is lost",
 "listen 5\n"
 "> S 0 lost             = LISTEN ~\n"
 "again 1                = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n", false},

{"the SYN,ACK is lost",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1 lost\n"
 "again 1                = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n", false},

{"the last ACK of the open is lost, text completes it",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1 lost           = SYN-RECEIVED ~\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", false},

{"the last ACK of the open is lost, SYN,ACK comes again",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1 lost           = SYN-RECEIVED ~\n"
 "wait 1500              = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "again 2                = ESTABLISHED\n", false},

{"the last ACK of the open is lost, a FIN completes it",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1 lost           = SYN-RECEIVED ~\n"
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n", false},

{"our text is lost, and comes again",
 OPEN_ACCEPT
 "> PA 1 1 len 3 lost    = ESTABLISHED\n"
 "> PA 4 1 len 3         = ESTABLISHED\n"
 "< A 1 1\n"
 "again 3                = ESTABLISHED\n"
 "< A 1 7\n", false},

{"our FIN is lost, and comes again",
 OPEN_ACCEPT
 "> FA 1 1 lost          = ESTABLISHED ~\n"
 "again 3                = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n", false},

{"the ACK of our FIN is lost",
 OPEN_ACCEPT
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2 lost\n"
 "again 3                = CLOSE-WAIT\n"
 "< A 1 2\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> A 2 2                = LISTEN\n", false},

{"their FIN is lost, and comes again",
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1 ~\n"
 "< FA 1 1 lost\n"
 "wait 600               = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n", false},

{"their text is lost, and comes again",
 OPEN_ACCEPT
 "send 4                 = ESTABLISHED\n"
 "< A 1 1 len 4 lost\n"
 "wait 600               = ESTABLISHED\n"
 "< A 1 1 len 4\n"
 "> A 1 5                = ESTABLISHED\n", false},

{"the last ACK of all is lost",
 OPEN_ACCEPT
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> A 2 2 lost           = LAST-ACK ~\n"
 "wait 600               = LAST-ACK\n"
 "< FA 1 2\n"
 "again 4                = LISTEN\n", false},

{"their RST is lost",
 OPEN_ACCEPT
 "abort                  = LISTEN ~\n"
 "< RA 1 1 lost\n"
 "> PA 1 1 len 3         = LISTEN\n"
 "< R 1\n", false},

{"our RST is lost",
 OPEN_ACCEPT
 "> R 1 lost             = ESTABLISHED ~\n"
 "> R 1                  = LISTEN\n", false},

{"text overtakes their SYN,ACK",
 "set tcp_fastopen 1538\n"
 "fast-open 5\n"
 "listen 5\n"
 "> S 0 len 5 fo         = SYN-RECEIVED\n"
 "< SA 0 6 hold\n"
 "accept                 = SYN-RECEIVED\n"
 "send 4                 = SYN-RECEIVED\n"
 "< A 1 6 len 4\n"
 "arrive                 = SYN-RECEIVED\n"
 "> A 6 5                = ESTABLISHED\n", false},

{"their FIN overtakes their text and their ACK",
 OPEN_ACCEPT
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2 hold\n"
 "send 4                 = CLOSE-WAIT\n"
 "< A 1 2 len 4 hold\n"
 "close                  = LAST-ACK\n"
 "< FA 5 2\n"
 "arrive                 = LAST-ACK\n"
 "arrive                 = LAST-ACK\n"
 "> A 2 6                = LISTEN\n", false},

{"everything of theirs comes twice",
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1 twice\n"
 "> A 1 1                = ESTABLISHED\n"
 "accept\n"
 "send 4                 = ESTABLISHED\n"
 "< A 1 1 len 4 twice\n"
 "> A 1 5                = ESTABLISHED\n"
 "close                  = FIN-WAIT-1\n"
 "< FA 5 1 twice\n"
 "> FA 1 6               = TIME-WAIT\n"
 "< A 6 2 twice\n", false},

{"everything of ours comes twice",
 "set tcp_invalid_ratelimit 0\n"
 "listen 5\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "copy 1                 = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "copy 2                 = ESTABLISHED\n"
 "accept\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n"
 "copy 3                 = ESTABLISHED\n"
 "< A 1 4\n"
 "> FA 4 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 5\n"
 "copy 4                 = CLOSE-WAIT\n"
 "< A 1 5\n"
 "recv\n"
 "close                  = LAST-ACK\n"
 "< FA 1 5\n"
 "> A 5 2                = LISTEN\n"
 "copy 5                 = LISTEN\n"
 "< R 2\n", false},

{"an old SYN comes after the end",
 OPEN_ACCEPT
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> A 2 2                = LISTEN\n"
 "copy 1                 = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> R 1                  = LISTEN\n", false},

{"an old SYN comes in ESTABLISHED",
 OPEN_ACCEPT
 "copy 1                 = ESTABLISHED\n"
 "< A 1 1\n"
 "> PA 1 1 len 3         = ESTABLISHED\n"
 "< A 1 4\n", false},

{"after a reset the same ports open again",
 OPEN_ACCEPT
 "> R 1                  = LISTEN\n"
 "close\n"
 "> S 100000             = SYN-RECEIVED\n"
 "< SA 0 100001\n"
 "> A 100001 1           = ESTABLISHED\n"
 "accept\n"
 "> PA 100001 1 len 3    = ESTABLISHED\n"
 "< A 1 100004\n", false},

/* ---- the question that changes nothing: empty, at RCV.NXT - 1 ---- */

{"the question, in the states of who closes second",
 "set tcp_invalid_ratelimit 0\n"
 "> A 0 77               = CLOSED\n"
 "< R 77\n"
 "listen 5\n"
 "> A 0 77               = LISTEN\n"
 "< R 77\n"
 "> S 0                  = SYN-RECEIVED\n"
 "< SA 0 1\n"
 "> A 0 1                = SYN-RECEIVED|ESTABLISHED\n"
 "< A 1 1\n"
 "> A 1 1                = ESTABLISHED\n"
 "accept\n"
 "> A 0 1                = ESTABLISHED\n"
 "< A 1 1\n"
 "> FA 1 1               = CLOSE-WAIT\n"
 "wait 200               = CLOSE-WAIT\n"
 "< A 1 2\n"
 "> A 1 1                = CLOSE-WAIT\n"
 "< A 1 2\n"
 "close                  = LAST-ACK\n"
 "< FA 1 2\n"
 "> A 1 1                = LAST-ACK\n"
 "< A 2 2\n", false},

{"the question, in the states of who closes first",
 "set tcp_invalid_ratelimit 0\n"
 OPEN_ACCEPT
 "shut-wr                = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> A 0 1                = FIN-WAIT-1\n"
 "< A 2 1\n"
 "> A 1 2                = FIN-WAIT-2\n"
 "> A 0 2                = FIN-WAIT-2\n"
 "< A 2 1\n"
 "> FA 1 2               = TIME-WAIT\n"
 "< A 2 2\n"
 "> A 1 2                = TIME-WAIT\n"
 "< A 2 2\n", false},

{"the question in CLOSING",
 "set tcp_invalid_ratelimit 0\n"
 OPEN_ACCEPT
 "close                  = FIN-WAIT-1\n"
 "< FA 1 1\n"
 "> FA 1 1               = CLOSING\n"
 "< A 2 2\n"
 "> A 1 1                = CLOSING\n"
 "< A 2 2\n"
 "> A 2 2                = TIME-WAIT\n", false},
};
/* clang-format on */

const size_t scenarios_count = ARRAY_COUNT(scenarios);

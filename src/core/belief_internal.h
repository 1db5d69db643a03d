/*
 * The inside of a belief: nodes, sets of them, and the moves between them. For belief*.c
 * alone. docs/inference.md section 2 defines every term.
 *
 * belief_node.c   sets of nodes
 * belief_move.c   one move: a segment of ours delivered, a call, a timer
 * belief_emit.c   which nodes can have sent a received segment
 * belief_own.c    the segments of ours that may still arrive
 * belief_close.c  everything that can happen unseen
 * belief_proof.c  what is proven
 * belief_numbers.c the numbers that it showed
 * belief_lives.c  incarnations
 * belief_early.c  what overtakes its SYN
 * belief_start.c  what a segment proves by itself
 * belief_view.c   what is displayed
 * belief.c        the filter itself
 */
#ifndef SYNSCOPE_CORE_BELIEF_INTERNAL_H
#define SYNSCOPE_CORE_BELIEF_INTERNAL_H

#include "synscope/core/belief.h"
#include "synscope/core/input.h"
#include "synscope/core/rules.h"
#include "synscope/core/segment.h"
#include "synscope/core/seq.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Incarnations of the end, told apart by the ISS that was seen. */
enum incarnation {
	INC_BEFORE, /* before the one whose ISS we know, or none is known yet */
	INC_KNOWN,
	INC_AFTER, /* a later one, of which nothing was seen */
};

#define NODE_SYN_ACKED 0x01u  /* its SYN is acknowledged */
#define NODE_OPEN 0x02u       /* snd_nxt or any later number: it may have sent unseen text */
#define NODE_TEXT_WAITS 0x04u /* FIN queued behind text; else the FIN alone waits */
#define NODE_FAST_OPEN                                                            \
	0x08u /* Fast Open (RFC 7413): took the text beside the SYN, and may send \
		 text before its own SYN is acknowledged */
#define NODE_KEY 0x0fu
#define NODE_TODO 0x80u /* its moves are not followed yet */

/* One way the end may be. Numbers that its control state does not have are 0. */
struct node {
	uint8_t ctl; /* enum ctl */
	uint8_t inc; /* enum incarnation */
	uint8_t flags;
	uint8_t cost; /* surprise: unobserved moves of its application, weighted; saturates */
	seq_t rcv_nxt;
	seq_t snd_nxt;  /* INC_KNOWN only */
	uint32_t first; /* time (struct belief.now) when it first was possible */
	uint32_t last;  /* and last */
};

#define NODES_MAX 250
#define NODES_NONE 0xffu
#define NODES_HEADS 32

struct node_set {
	struct node node[NODES_MAX];
	uint8_t head[NODES_HEADS];
	uint8_t next[NODES_MAX];
	uint8_t count;
	bool overflow; /* something did not fit: the set is worthless */
};

#define PROOFS_MAX 64
#define EARLY_MAX 8
#define LIVES_MAX 6

/* A segment of ours, or a stretch of them. */
struct own {
	seq_t seq, ack;
	uint32_t text_bytes;
	uint16_t flags;       /* SYN ACK FIN RST */
	uint16_t window;      /* the field */
	uint32_t first, last; /* time of the first and the latest copy */
	uint32_t n, n_first;  /* numbers of the latest copy and of the first */
	bool has_ts;
	bool fast_open;
	bool in_order; /* at the number after all that was sent before it */
	bool joined;   /* of several: the later ones may arrive before the earlier */
	bool held;     /* two that a stack may have joined: a FIN, and what came behind it */
	uint16_t copies;
};

#define OWNS_MAX 32
#define COST_STALE 2 /* an old copy is less likely than a new one */
#define OWNS_MERGE 8 /* that many, once, and from then on plain text and ACKs are joined */

/* What rules.c says. */
struct outcome {
	uint16_t emit;
	uint8_t to, take, origins, row;
};

#define OUTCOME_NO_ROW 0xffu

/* Numbers further back than any window are let go of, so that comparisons stay right in
 * connections that send more than 2 GiB. */
#define FAR_BACK 0x40000000
#define COPIES_MOST 15 /* not counted any further */

/* A question to rules.c. */
struct question {
	facts_t facts;
	uint8_t ctl;     /* enum ctl */
	uint8_t on;      /* enum rule_on; ON_CHECK_1: a segment */
	uint8_t origins; /* bits of enum origin */
};

struct belief {
	uint32_t now;         /* counts sends and receptions */
	uint32_t received_at; /* time of the latest reception; 0: none */
	uint32_t received_before_at;

	bool anchored; /* the last step asked for numbers of another incarnation */

	bool waiting;   /* nothing is known: the next received segment begins */
	bool doubtful;  /* began again after what nothing explained, and received nothing since */
	bool midstream; /* our own stream began before what we saw */
	bool guessed;   /* explained last by what was not seen */
	bool iss_known, iss_exact, irs_known;
	uint8_t origins; /* rows that count, bits of enum origin */
	bool cookies, gaps;
	bool fin_seen; /* of the known incarnation */
	bool forgot;   /* old nodes were dropped: old duplicates are believed */
	struct life {
		seq_t iss, end; /* its numbers lie between */
		uint32_t until; /* the end was seen in a later one then */
	} life[LIVES_MAX];      /* incarnations that were seen before the known one */
	uint8_t lives;
	bool lives_forgot; /* some are not listed any more */
	bool rival;   /* it is not sure which incarnation is the latest: possible is everything */
	bool mixed;   /* the same because their numbers overlap */
	uint8_t lost; /* enum lost: the same because something did not fit */
	uint32_t rival_at;        /* since when, or since when rival_proven is not empty */
	state_set_t rival_proven; /* what is proven if it is not the one that we took */
	bool syn_has_text;        /* its SYN carried text: Fast Open client */
	uint8_t syn_acks;         /* how often its SYN,ACK was received; saturates */
	bool edge_known, offer_known, own_window_closed;
	bool own_syn_closed; /* a SYN of ours had a window of 0 */
	bool shrunk;         /* we drew in the right edge of our window, at least to shrunk_to */
	bool own_wscale_offered, wscale_agreed; /* agreed: both shifts are known, maybe 0 */
	uint8_t own_wscale, wscale;
	uint32_t own_syn_window, its_syn_window;
	uint16_t own_widest; /* the field */
	struct early_rst {   /* RSTs that came before an ISS was known */
		seq_t seq, ack;
		bool acks;
	} early[EARLY_MAX];
	uint8_t earlies;
	seq_t iss;       /* or, unless iss_exact, the least that it can be */
	seq_t iss_guess; /* the first of anchor_choices() */
	seq_t seen;      /* end of the latest number of its that was received */
	seq_t acked;     /* latest of ours that it acknowledged */
	seq_t edge;      /* right edge of the largest window it offered */
	seq_t offer;     /* and that we offered */
	seq_t shrunk_to;
	seq_t forgot_ack, forgot_seq;
	bool pair_known; /* as its RCV.NXT came to pair_ack, its SND.NXT was pair_seq */
	seq_t pair_seq, pair_ack;
	bool low_known; /* the least RCV.NXT with which it can have sent text */
	seq_t low;

	struct own own[OWNS_MAX];
	uint8_t owns;
	uint8_t latest_own; /* index of what was sent last */
	bool joins;
	bool ack_range; /* acknowledgement numbers of segments no longer listed */
	seq_t ack_low, ack_high;

	struct node_set b; /* possible now */
	struct node_set u; /* ever possible */
	struct node proof[PROOFS_MAX];
	uint8_t proofs;
	uint32_t proven_by;

	struct end_view view;
	struct belief_evidence evidence;
};

enum lost {
	LOST_NOTHING,
	LOST_BEGUN_AGAIN, /* since then something arrived that can be trusted */
	LOST_NODES,
};

/* A received segment, reduced. */
struct got {
	seq_t seq, ack, end;
	uint32_t text_bytes;
	uint16_t flags; /* SYN ACK FIN RST */
	uint16_t window;
	uint32_t n;
};

/* ---- belief_node.c ---- */

void node_set_clear(struct node_set *s);
/** Add, unless something in the set includes it. @return whether the set changed */
bool node_set_add(struct node_set *s, const struct node *n);
/** Add, whatever includes it, and note when. */
void node_set_note(struct node_set *s, const struct node *n, uint32_t now);
/** Drop the nodes for which @p gone says so. */
void node_set_drop(struct node_set *s, bool (*gone)(const struct node *n, const void *context),
		   const void *context);
/** @return the very node, or NULL. */
const struct node *node_set_find(const struct node_set *s, const struct node *n);
/** Add without looking. */
void node_set_append(struct node_set *s, const struct node *n);
/** Add, whatever includes it, as possible at these times. */
void node_set_note_times(struct node_set *s, const struct node *n, uint32_t first, uint32_t last);
/** Intersect. @return whether @p both is not empty; its cost is @p a's */
bool node_meet(const struct node *a, const struct node *b, struct node *both);
bool node_same(const struct node *a, const struct node *b);
/** @return whether @p seq may be its SND.NXT. */
bool node_sends_at(const struct node *n, seq_t seq);
state_set_t node_set_states(const struct node_set *s);
bool node_has_numbers(enum ctl c);
void node_add_cost(struct node *n, unsigned cost);
/** Bring into the one form that equal nodes share. */
void node_normalise(struct node *n);

/* ---- belief_move.c ---- */

/* One thing that can happen to a node. */
struct move {
	struct node to;
	uint16_t emit;
	uint8_t row;
	uint8_t origins;
	uint8_t take;
};

#define MOVES_MAX 192 /* of one delivery half as many, and a stretch may arrive in two ways */

/* Which moves count. */
struct moves_wanted {
	unsigned origins; /* of these, those of struct belief */
	bool calls;       /* calls and timers, or deliveries only */
	bool abnormal;    /* ABORT, time-outs, reboots, another OPEN, and what answers with RST */
	bool nominal;     /* by the book: one outcome only */
};

unsigned event_cost(enum rule_on on, const struct outcome *out);
bool is_syn_received(enum ctl c);
/** Ask rules.c. @return how many outcomes; RULE_STEPS_MAX always suffice */
size_t outcomes(const struct question *q, struct outcome *out);
size_t move_deliver(struct belief *b, const struct node *n, const struct own *s,
		    const struct moves_wanted *wanted, struct move *moves);
size_t move_event(struct belief *b, const struct node *n, enum rule_on on,
		  const struct moves_wanted *wanted, struct move *moves);
/** @return whether the node may send text now. */
bool node_may_text(const struct node *n);
/** @return how many ISSs the known incarnation may have: 1, or 2, or 3 if it was not seen itself.
 */
unsigned anchor_choices(const struct belief *b);
/** @return @p u as a node of the known incarnation. @param choice 0 to anchor_choices() - 1 */
struct node node_anchored(const struct belief *b, const struct node *u, unsigned choice);
/** @return ISS of the node, INC_KNOWN only. */
seq_t node_iss(const struct belief *b, const struct node *n);

/* ---- belief_emit.c ---- */

/* How a received segment may have come to be sent. */
struct emission {
	struct node to; /* right after */
	uint8_t row;
	bool again; /* a retransmission: maybe not the first time */
	bool challenge;
	enum belief_reset reset;
	uint32_t answers_n;
	uint32_t answers_at; /* when the answered segment was sent; 0: none */
};

#define EMISSIONS_MAX 64

size_t emissions_of(struct belief *b, const struct node *n, uint32_t until, const struct got *r,
		    struct emission *out);

/* ---- belief_own.c ---- */

bool own_is_plain(const struct belief *b, const struct own *o);
/** Add to the list. @return whether it brings anything that is not in it already */
bool own_add(struct belief *b, const struct segment *s, uint32_t n);
/** Add segments of ours that were not seen but would explain @p r. @return how many */
unsigned own_add_unseen(struct belief *b, seq_t next, const struct got *r);
/** Let those of ours that contain @p at, strictly, also arrive up to there only.
 *  @return how many parts; they are the last of the list */
uint8_t own_split(struct belief *b, seq_t at);
void own_remove(struct belief *b, uint8_t at);
/** Remove @p count of them. */
void own_drop(struct belief *b, uint8_t at, uint8_t count);
seq_t own_end(const struct own *s);
/** @return the number after the last one that we sent. @param otherwise if nothing is known of it
 */
seq_t own_next(const struct belief *b, seq_t otherwise);
bool own_acks(const struct belief *b, seq_t ack, uint32_t until);
/** @return SYN of ours that this end took, if its RCV.NXT is @p rcv_nxt; NULL if unknown */
const struct own *own_syn(const struct belief *b, seq_t rcv_nxt);

/* ---- belief_close.c ---- */

/** Follow every move from the nodes marked NODE_TODO, with our segments sent until then. */
void belief_close(struct belief *b, struct node_set *s, uint32_t until,
		  const struct moves_wanted *wanted);
/** Follow the delivery of one segment from every node, or from those of the known incarnation, and
 *  all moves from what is new. */
void belief_close_with(struct belief *b, struct node_set *s, const struct own *own,
		       bool known_only);

extern const struct moves_wanted moves_all, moves_cookies, moves_loss, moves_delivery,
	moves_orderly;

const struct moves_wanted *belief_moves(const struct belief *b);

/* ---- belief_proof.c ---- */

/* What explains a received segment. */
struct gathering {
	struct node_set from; /* right after it was sent */
	struct node_set old;  /* and if it was sent before the reception before this one */
	struct node fresh[PROOFS_MAX];
	uint8_t fresh_count;
	bool fresh_overflow;
	bool syn_again;
	bool fin_again; /* the same FIN with the same acknowledgement: its timer sent it, because
			   the answer to it was not heeded */
	bool anchoring; /* its numbers make an incarnation known */
	struct emission best;
	bool has_best, best_current;
	uint8_t reset_cost[BELIEF_RESET_EITHER + 1]; /* the least, by kind, of what it can do now */
};

/** @return whether it may be the first transmission of its numbers under its acknowledgement. */
bool proof_may_be_first(const struct belief *b, const struct got *r, const struct emission *e);
/** @return the time of the last of our segments that the end had as it sent this. */
uint32_t proof_had_until(const struct belief *b, const struct emission *e, bool syn_again);
void proof_add_fresh(const struct belief *b, struct gathering *g, const struct emission *e);
/** Add what was gathered. */
void proof_add_all(struct belief *b, const struct gathering *g, uint32_t n);
/** Let go of what @p g rules out, and add what it found. */
void proof_renew(struct belief *b, struct gathering *g, uint32_t n);

/* ---- belief_numbers.c ---- */

/** Note what a segment showed. @param first the first one of a new incarnation */
void numbers_note(struct belief *b, const struct segment *s, const struct got *r, bool first);
void numbers_forget(struct belief *b);
/** Take an ISS from @p r, for a try. */
void numbers_anchor(struct belief *b, const struct got *r);

/* ---- belief_lives.c ---- */

/** Explain a segment of an incarnation after, or before, the one we know. */
bool lives_explain_anew(struct belief *b, const struct segment *s, const struct got *r);
/** Something did not fit: nothing can be excluded until what we know is proven anew. */
void lives_lose(struct belief *b);
/** Begin again from a segment that can be trusted, after lives_lose(). */
void lives_begin_again(struct belief *b, const struct segment *s, const struct got *r);
/** Drop all doubt, if @p r allows. @return whether to begin again from it, much being lost */
bool lives_settle(struct belief *b, const struct got *r);
bool lives_is_of_old(const struct belief *b, const struct got *r);
/** Whether @p r, though of the known incarnation's numbers, may be of another.
 *  @return what is proven then; 0: it is not */
state_set_t lives_may_be_other(struct belief *b, const struct got *r);
void lives_take_other(struct belief *b, state_set_t proven);
/** A RST that nothing explains. @return whether it may be of an incarnation that was not seen */
bool lives_note_stray_rst(struct belief *b, const struct got *r);

/* ---- belief_early.c ---- */

/** Remember a RST, to be judged when its incarnation is known. */
void early_note_rst(struct belief *b, const struct got *r);
/** The incarnation is known: take in those that ended it. */
void early_recall_rsts(struct belief *b, const struct segment *s);
/** As belief_explain(); a SYN settles an ISS that was guessed. */
bool early_explain(struct belief *b, const struct segment *s, const struct got *r);

/* ---- belief_start.c ---- */

/** Go on from what @p r proves by itself. */
void start_from(struct belief *b, const struct segment *s, const struct got *r);

/* ---- belief_past.c ---- */

/** Drop nodes of the past that others stand for as well. */
void past_reduce(struct belief *b);

/* ---- belief.c ---- */

/** @return whether the table explains @p r from what was possible; if so it is taken in */
bool belief_explain(struct belief *b, const struct segment *s, const struct got *r);
/** @return whether the node may be of the incarnation that becomes known. */
bool node_can_anchor(const struct node *u);

/** As belief_init(), with a choice of rows (the oracle compares by the book alone, too). */
void belief_begin(struct belief *b, enum belief_start start, unsigned origins);

/* ---- belief_view.c ---- */

/** Fill belief.view. */
void belief_look(struct belief *b);
/** @return the proof to expect things from. There must be one. */
const struct node *belief_least_surprising(const struct belief *b);
/** @return the state to display, as a set of one. */
state_set_t node_fold(const struct node *n);

#endif

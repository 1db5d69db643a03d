/*
 * Misbehaviour on request: which of our own segments are lost, doubled, held back, delayed or
 * spoilt before they go. What a lecturer shows, and what the author of a client tests with.
 */
#ifndef SYNSCOPE_CORE_TROUBLE_H
#define SYNSCOPE_CORE_TROUBLE_H

#include "synscope/core/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of our own segments. One with text and FIN is of both classes. */
enum trouble_class {
	TROUBLE_RST,
	TROUBLE_SYNACK, /* with SYN, and the bare SYN of a split handshake */
	TROUBLE_FIN,
	TROUBLE_DATA,
	TROUBLE_ACK, /* none of these: nothing but an acknowledgement */
	TROUBLE_ANY,
	TROUBLE_CLASS_COUNT
};

enum trouble_kind {
	TROUBLE_DROP,      /* built, shown, not sent */
	TROUBLE_DUP,       /* sent twice */
	TROUBLE_REORDER,   /* sent after the one that follows it */
	TROUBLE_DELAY,     /* sent later */
	TROUBLE_BADSUM,    /* with a wrong checksum */
	TROUBLE_WRONG_ACK, /* with an acknowledgement 1000 beyond the right one */
	TROUBLE_KIND_COUNT
};

/** @return the option that asks for it, "drop"; and what it did, for people. */
const char *trouble_kind_name(enum trouble_kind k);
const char *trouble_kind_deed(enum trouble_kind k);

struct trouble_rule {
	enum trouble_kind kind;
	enum trouble_class class;
	uint32_t first, last; /* of that class, in one connection, from 1 */
	int64_t delay_ns;     /* TROUBLE_DELAY */
};

#define TROUBLE_RULES_MAX 32

struct trouble {
	struct trouble_rule rule[TROUBLE_RULES_MAX];
	uint8_t rules_count;
};

/* How many segments of each class a connection has made. */
struct trouble_count {
	uint32_t of[TROUBLE_CLASS_COUNT];
};

/**
 * Add what an option says: "SYNACK:1", "ACK:2-3", "DATA:5-", "FIN" (all of them), several with
 * commas; the classes are SYNACK ACK DATA FIN RST ANY.
 * @param delay_ns for TROUBLE_DELAY, else ignored
 * @return NULL, or what the text should be (static)
 */
const char *trouble_parse(struct trouble *t, enum trouble_kind kind, const char *text,
			  int64_t delay_ns);

/** @return the classes of a segment, a set of 1 << enum trouble_class. */
unsigned trouble_classes_of(const struct segment_spec *spec);

/** Count a segment, and find what is to be done to it.
 *  @return a set of 1 << enum trouble_kind; @p delay_ns is filled with TROUBLE_DELAY */
unsigned trouble_of(const struct trouble *t, struct trouble_count *count,
		    const struct segment_spec *spec, int64_t *delay_ns);

#endif

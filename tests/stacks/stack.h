/*
 * Another TCP than Linux's, in this process: its packets come and go by calls, its clock
 * stands still between them, and its true state can be read at any moment. So a walk needs
 * no privilege, no namespace and no waiting, and a seed repeats it.
 *
 * An end has one application, with at most one listener and one connection. Calls may be
 * made in vain: that is part of the experiment.
 */
#ifndef TESTS_STACKS_STACK_H
#define TESTS_STACKS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stack_call {
	STACK_LISTEN,
	STACK_UNLISTEN,
	STACK_CONNECT, /* to our port */
	STACK_SEND,    /* argument: bytes */
	STACK_READ,    /* all that is there */
	STACK_LAZY,    /* argument: 1 leaves what comes unread, 0 reads it at once */
	STACK_SHUTDOWN,
	STACK_CLOSE,
	STACK_ABORT,
	STACK_REFUSE, /* the next connection is not accepted */
	STACK_KEEP_ALIVE,
	STACK_CALL_COUNT
};

/* What a stack makes of segments that no TCP sends, and that no row of the table tells. Each is in
 * docs/inference.md, among the deviations. Walks keep clear of them, unless told otherwise. */
enum stack_habit {
	STACK_SYN_FIN = 1 << 0,      /* SYN and FIN in one segment */
	STACK_BARE_FIN = 1 << 1,     /* FIN without ACK */
	STACK_BEYOND_FIN = 1 << 2,   /* text, or another FIN, behind a FIN of ours */
	STACK_ACK_OF_ISS = 1 << 3,   /* its SYN acknowledged by SEG.ACK = ISS */
	STACK_MSS_TWICE = 1 << 4,    /* a SYN with a maximum segment size, arriving late or twice */
	STACK_ANY_WINDOW = 1 << 5,   /* a window beside an ACK that acknowledges nothing it sent */
	STACK_ANY_TEXT = 1 << 6,     /* text beside an ACK of what it has not sent */
	STACK_SYN_AS_TEXT = 1 << 7,  /* SYN,ACK in the window of SYN-RECEIVED */
	STACK_SYN_TEXT = 1 << 8,     /* a SYN with text to a closed port */
	STACK_WINDOW_GROWS = 1 << 9, /* windows that grow to less than two segments */
};

struct stack_setup {
	uint8_t our_address[4];
	uint16_t our_port;
	bool active;   /* the stack opens, and does not listen */
	uint32_t seed; /* of what it draws by itself, its ISS if that can be had */
	void (*emit)(void *context, const uint8_t *packet, size_t packet_bytes);
	void *context;
};

/* Where it can be reached, from begin() on. */
struct stack_address {
	uint8_t address[4];
	uint16_t port;
};

struct stack {
	const char *name;
	unsigned habits; /* bits of enum stack_habit */
	/** Begin with a new pair of ports. @return NULL, or why it cannot */
	const char *(*begin)(const struct stack_setup *setup, struct stack_address *its);
	void (*deliver)(const uint8_t *packet, size_t packet_bytes);
	/** @return whether the call could be made */
	bool (*call)(enum stack_call call, unsigned argument);
	/** Let 250 ms pass. */
	void (*tick)(void);
	/** @return the state of the pair of ports, as RFC 9293 spells it */
	const char *(*state)(void);
	/** Forget everything, without a word to us. */
	void (*end)(void);
};

/** @return the stack, or NULL where it is not installed. */
const struct stack *stack_lwip(void);
const struct stack *stack_slirp(void);

#endif

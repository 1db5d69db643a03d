/*
 * Capture files: pcap and pcapng, read as a stream.
 *
 * Reads what libpcap refuses or drops: several link types in one file, several
 * sections, comments, directions. Memory is bounded (one block), input may be a pipe,
 * and a file that is still being written can be read up to its last whole record.
 */
#ifndef SYNSCOPE_EDGE_CAPFILE_H
#define SYNSCOPE_EDGE_CAPFILE_H

#include "synscope/core/frame.h"
#include "synscope/core/util.h"
#include "synscope/edge/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capfile;

#define CAPFILE_BLOCK_BYTES_MAX ((uint32_t)1 << 24) /* longer records and blocks are refused */
#define CAPFILE_INTERFACES_MAX 4096                 /* in one section */

struct capfile_record {
	uint64_t number;     /* 1 for the first packet of the file, as other tools count */
	bool has_time;       /* false for a Simple Packet Block, which has none */
	int64_t time_ns;     /* since 1970; 0 without has_time; at the ends of its range if the
				file's time does not fit */
	uint32_t link_type;  /* a LINKTYPE_ number, for frame_decode() */
	const uint8_t *data; /* borrowed until the next call */
	size_t captured_bytes;
	size_t wire_bytes;     /* never less than captured_bytes */
	uint32_t section;      /* pcapng: which section, from 0; pcap: 0 */
	uint32_t interface_id; /* pcapng: its number in that section; pcap: 0 */
	enum frame_hint hint;  /* the direction, where a pcapng packet says it */
	const char *comment;   /* borrowed; the first comment, UTF-8 by the format, foreign text
				  in fact, without NUL at the end; NULL if there is none */
	size_t comment_bytes;
};

/**
 * Open a capture file and read its first header.
 * @param path a file's name, or "-" for standard input
 * @param cf   the reader on success, NULL otherwise; owned, release with capfile_close()
 * @return 0; -ENODATA if it ends inside the header, -EBADMSG if it is no capture file,
 *         -ENOTSUP if of a kind that is not read (compressed, old variants), -ENOMEM, or the
 *         errno of open(2) or read(2)
 */
must_check int capfile_open(const char *path, struct capfile **cf, struct fault *why);

/** The same on memory. @param data the whole file; borrowed until capfile_close() */
must_check int capfile_open_memory(const uint8_t *data, size_t count, struct capfile **cf,
				   struct fault *why);

/**
 * Read the next packet; blocks that hold none are passed over.
 * @param record written on 1 only; borrows until the next call
 * @return 1; 0 at the end; -ENODATA if the file ends inside a record ("cut short": everything
 *         before it was given and stands); -EBADMSG if what comes next is malformed; -ENOTSUP
 *         for an unknown version of pcapng; or the errno of read(2). Nothing is lost by an
 *         error: after -EINTR or -EAGAIN, or when a file that was cut short has grown,
 *         calling again goes on; other errors repeat
 */
must_check int capfile_next(struct capfile *cf, struct capfile_record *record, struct fault *why);

/** Release the reader; NULL is allowed. Standard input stays open. */
void capfile_close(struct capfile *cf);

#endif

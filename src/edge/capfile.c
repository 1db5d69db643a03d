/*
 * Two parts: input, which keeps a window of the file in memory, and the two formats, which
 * look at the window and move it on.
 *
 * The window is [at, end). need() makes it at least so many bytes long, by moving it to the
 * front of the buffer and reading behind it; that is why pointers into it are good until the
 * next need() only, and why a format reads all lengths first, calls need() once for the whole
 * record, and takes pointers after that. Nothing moves `at` but a record that was read
 * whole and found right (consume()); an error leaves it before the record, so that a call
 * after an error sees the same bytes again.
 *
 * Formats: draft-ietf-opsawg-pcap (pcap) and draft-ietf-opsawg-pcapng (pcapng).
 */
#include "synscope/edge/capfile.h"

#include "synscope/core/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Large enough that read(2) costs nothing per packet, small enough for the processor's
 * cache: 1 MiB came within 10 % of a mapped file. */
#define READ_BYTES ((size_t)1 << 20)
#define BUFFER_BYTES (PCAP_RECORD_BYTES + CAPFILE_BLOCK_BYTES_MAX + READ_BYTES)

#define NS_PER_SECOND 1000000000

enum { PCAP_FILE_BYTES = 24, PCAP_RECORD_BYTES = 16, BLOCK_BYTES_MIN = 12 };

enum format { FORMAT_PCAP, FORMAT_PCAPNG };

struct interface {
	int64_t offset_seconds; /* if_tsoffset */
	uint32_t snap_bytes;    /* 0: no limit */
	uint16_t link_type;
	uint8_t resolution; /* if_tsresol: power of ten, or of two with the top bit */
};

struct capfile {
	int fd; /* -1: memory */
	bool owns_fd;
	const uint8_t *at;
	const uint8_t *end;
	uint64_t offset; /* of `at`, in the file */
	enum format format;
	bool big_endian;
	uint64_t records;
	uint32_t pcap_link_type;
	uint16_t pcap_minor_version;
	uint32_t ns_per_fraction; /* pcap: what the second half of a time stamp counts */
	uint32_t sections;
	uint32_t interfaces_count;
	struct interface interfaces[CAPFILE_INTERFACES_MAX];
	uint8_t buffer[]; /* BUFFER_BYTES, or none for memory */
};

/* --- input --- */

static size_t window_bytes(const struct capfile *cf)
{
	return (size_t)(cf->end - cf->at);
}

/* Make the window at least count bytes long. @return 1, 0 if the file ends before, or
 * negative errno; the window's bytes may have moved. */
static int need(struct capfile *cf, size_t count, struct fault *why)
{
	if (window_bytes(cf) >= count)
		return 1;
	if (cf->fd < 0)
		return 0;
	size_t have = window_bytes(cf);
	if (have > 0)
		memmove(cf->buffer, cf->at, have);
	cf->at = cf->buffer;
	cf->end = cf->buffer + have;
	while (have < count) {
		const ssize_t got = read(cf->fd, cf->buffer + have, READ_BYTES);
		if (got < 0) {
			const int error = errno;
			fault_set(why, "cannot read at byte %" PRIu64 ": %s", cf->offset + have,
				  strerror(error));
			return -error;
		}
		if (got == 0)
			return 0;
		have += (size_t)got;
		cf->end = cf->buffer + have;
	}
	return 1;
}

static void consume(struct capfile *cf, size_t count)
{
	cf->at += count;
	cf->offset += count;
}

static uint16_t get_u16(const struct capfile *cf, struct bytes *b)
{
	return cf->big_endian ? bytes_be16(b) : bytes_le16(b);
}

static uint32_t get_u32(const struct capfile *cf, struct bytes *b)
{
	return cf->big_endian ? bytes_be32(b) : bytes_le32(b);
}

static uint64_t get_u64(const struct capfile *cf, struct bytes *b)
{
	const uint64_t first = get_u32(cf, b);
	const uint64_t second = get_u32(cf, b);
	return cf->big_endian ? first << 32 | second : second << 32 | first;
}

static int cut_short(const struct capfile *cf, const char *what, uint64_t promised_bytes,
		     struct fault *why)
{
	fault_set(why,
		  "cut short: the %s at byte %" PRIu64 ", after %" PRIu64
		  " packets, should have %" PRIu64 " bytes and has %zu",
		  what, cf->offset, cf->records, promised_bytes, window_bytes(cf));
	return -ENODATA;
}

static int malformed(const struct capfile *cf, const char *what, struct fault *why)
{
	fault_set(why, "malformed at byte %" PRIu64 ", after %" PRIu64 " packets: %s", cf->offset,
		  cf->records, what);
	return -EBADMSG;
}

/* --- time --- */

static int64_t ns_since_epoch(int64_t seconds, uint64_t ns)
{
	int64_t total;
	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &total) ||
	    __builtin_add_overflow(total, ns, &total))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return total;
}

static uint64_t power_of_ten(unsigned exponent)
{
	uint64_t power = 1;
	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Ticks of 2^-bits seconds; the fraction is kept to 32 bits, a quarter of a nanosecond. */
static void split_binary(uint64_t ticks, unsigned bits, uint64_t *seconds, uint64_t *ns)
{
	*seconds = bits < 64 ? ticks >> bits : 0;
	uint64_t fraction = bits < 64 ? ticks & ~(UINT64_MAX << bits) : ticks;
	if (bits > 32)
		fraction = bits - 32 < 64 ? fraction >> (bits - 32) : 0;
	else
		fraction <<= 32 - bits;
	*ns = fraction * NS_PER_SECOND >> 32;
}

/* Ticks of 10^-digits seconds; 10^19 is the last power that fits 64 bits. */
static void split_decimal(uint64_t ticks, unsigned digits, uint64_t *seconds, uint64_t *ns)
{
	*seconds = 0;
	uint64_t fraction = ticks;
	if (digits <= 19) {
		const uint64_t unit = power_of_ten(digits);
		*seconds = ticks / unit;
		fraction = ticks % unit;
	}
	if (digits <= 9)
		*ns = fraction * power_of_ten(9 - digits);
	else
		*ns = digits - 9 <= 19 ? fraction / power_of_ten(digits - 9) : 0;
}

static int64_t interface_time(const struct interface *i, uint64_t ticks)
{
	static const uint32_t ns_per_tick[] = {1000000000, 100000000, 10000000, 1000000, 100000,
					       10000,      1000,      100,      10,      1};
	int64_t time_ns;
	int64_t offset_ns;
	/* Read as signed: some writers with a clock before 1970 store the two's complement, and
	 * as unsigned it would not fit nanoseconds anyway. */
	if (i->resolution < ARRAY_COUNT(ns_per_tick) &&
	    !__builtin_mul_overflow((int64_t)ticks, ns_per_tick[i->resolution], &time_ns) &&
	    !__builtin_mul_overflow(i->offset_seconds, NS_PER_SECOND, &offset_ns) &&
	    !__builtin_add_overflow(time_ns, offset_ns, &time_ns))
		return time_ns;
	uint64_t seconds;
	uint64_t ns;
	if (i->resolution & 0x80)
		split_binary(ticks, i->resolution & 0x7f, &seconds, &ns);
	else
		split_decimal(ticks, i->resolution, &seconds, &ns);
	int64_t total;
	if (__builtin_add_overflow(seconds, i->offset_seconds, &total))
		return i->offset_seconds < 0 ? INT64_MIN : INT64_MAX;
	return ns_since_epoch(total, ns);
}

/* --- pcap --- */

static int pcap_next(struct capfile *cf, struct capfile_record *record, struct fault *why)
{
	int rc = need(cf, PCAP_RECORD_BYTES, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return window_bytes(cf) == 0
			       ? 0
			       : cut_short(cf, "record header", PCAP_RECORD_BYTES, why);
	struct bytes b = bytes_of(cf->at, PCAP_RECORD_BYTES);
	const uint32_t seconds = get_u32(cf, &b);
	const uint64_t fraction = get_u32(cf, &b);
	uint32_t captured_bytes = get_u32(cf, &b);
	uint32_t wire_bytes = get_u32(cf, &b);
	/* Version 2.3 exchanged the two lengths, but not all who wrote 2.3 knew. */
	if (cf->pcap_minor_version < 3 ||
	    (cf->pcap_minor_version == 3 && captured_bytes > wire_bytes)) {
		const uint32_t first = captured_bytes;
		captured_bytes = wire_bytes;
		wire_bytes = first;
	}
	if (captured_bytes > CAPFILE_BLOCK_BYTES_MAX)
		return malformed(cf, "a record longer than 16 MiB", why);
	rc = need(cf, PCAP_RECORD_BYTES + (size_t)captured_bytes, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return cut_short(cf, "record", PCAP_RECORD_BYTES + (uint64_t)captured_bytes, why);
	*record = (struct capfile_record){
		.number = ++cf->records,
		.has_time = true,
		.time_ns = ns_since_epoch(seconds, fraction * cf->ns_per_fraction),
		.link_type = cf->pcap_link_type,
		.data = cf->at + PCAP_RECORD_BYTES,
		.captured_bytes = captured_bytes,
		.wire_bytes = wire_bytes > captured_bytes ? wire_bytes : captured_bytes,
	};
	consume(cf, PCAP_RECORD_BYTES + (size_t)captured_bytes);
	return 1;
}

static int pcap_open(struct capfile *cf, bool big_endian, uint32_t ns_per_fraction,
		     struct fault *why)
{
	cf->format = FORMAT_PCAP;
	cf->big_endian = big_endian;
	cf->ns_per_fraction = ns_per_fraction;
	const int rc = need(cf, PCAP_FILE_BYTES, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return cut_short(cf, "file header", PCAP_FILE_BYTES, why);
	struct bytes b = bytes_of(cf->at, PCAP_FILE_BYTES);
	bytes_skip(&b, 4);
	const uint16_t major = get_u16(cf, &b);
	cf->pcap_minor_version = get_u16(cf, &b);
	bytes_skip(&b, 12); /* time zone and accuracy, always 0; snap length, a promise only */
	/* The upper six bits say whether a frame check sequence follows the frame. */
	cf->pcap_link_type = get_u32(cf, &b) & 0x03ffffff;
	if (major != 2) {
		fault_set(why, "pcap version %u.%u is not supported, only 2.x is", major,
			  cf->pcap_minor_version);
		return -ENOTSUP;
	}
	consume(cf, PCAP_FILE_BYTES);
	return 0;
}

/* --- pcapng --- */

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d

enum block_option {
	OPTION_END_OF_OPTIONS = 0,
	OPTION_COMMENT = 1,
	PACKET_OPTION_FLAGS = 2,
	INTERFACE_OPTION_TSRESOL = 9,
	INTERFACE_OPTION_TSOFFSET = 14,
};

struct block_option_value {
	uint16_t code;
	uint16_t bytes;
	const uint8_t *value;
};

/* The one walk over the options of any block. @return whether there was one more; when
 * they overrun the block, b is poisoned. */
static bool next_option(const struct capfile *cf, struct bytes *b, struct block_option_value *o)
{
	if (bytes_left(b) == 0)
		return false;
	o->code = get_u16(cf, b);
	o->bytes = get_u16(cf, b);
	if (!bytes_ok(b) || o->code == OPTION_END_OF_OPTIONS)
		return false;
	o->value = bytes_skip(b, o->bytes);
	bytes_skip(b, (4u - o->bytes % 4u) % 4u);
	return bytes_ok(b);
}

static int read_section(struct capfile *cf, struct bytes b, struct fault *why)
{
	bytes_skip(&b, 4); /* the byte order, known by now */
	const uint16_t major = get_u16(cf, &b);
	const uint16_t minor = get_u16(cf, &b);
	bytes_skip(&b, 8); /* section length: a hint for skipping */
	if (!bytes_ok(&b))
		return malformed(cf, "a section header shorter than 28 bytes", why);
	if (major != 1) {
		fault_set(why, "pcapng version %u.%u is not supported, only 1.x is", major, minor);
		return -ENOTSUP;
	}
	cf->sections++;
	cf->interfaces_count = 0;
	return 0;
}

static int read_interface(struct capfile *cf, struct bytes b, struct fault *why)
{
	struct interface i = {.resolution = 6};
	i.link_type = get_u16(cf, &b);
	bytes_skip(&b, 2);
	i.snap_bytes = get_u32(cf, &b);
	struct block_option_value o;
	while (next_option(cf, &b, &o)) {
		struct bytes value = bytes_of(o.value, o.bytes);
		if (o.code == INTERFACE_OPTION_TSRESOL && o.bytes == 1)
			i.resolution = bytes_u8(&value);
		else if (o.code == INTERFACE_OPTION_TSOFFSET && o.bytes == 8)
			i.offset_seconds = (int64_t)get_u64(cf, &value);
	}
	if (!bytes_ok(&b))
		return malformed(cf, "an interface description overruns its block", why);
	if (cf->interfaces_count == CAPFILE_INTERFACES_MAX)
		return malformed(cf, "more than 4096 interfaces in one section", why);
	cf->interfaces[cf->interfaces_count++] = i;
	return 0;
}

/* What the three kinds of packet blocks have in common, before it is checked. */
struct packet_block {
	uint32_t interface_id;
	bool has_time;
	uint64_t ticks;
	uint32_t captured_bytes;
	uint32_t wire_bytes;
};

static struct packet_block read_packet_header(const struct capfile *cf, uint32_t type,
					      struct bytes *b)
{
	struct packet_block p = {.has_time = type != BLOCK_SIMPLE_PACKET};
	if (type == BLOCK_SIMPLE_PACKET) {
		p.wire_bytes = get_u32(cf, b);
		p.captured_bytes = p.wire_bytes;
		if (cf->interfaces_count > 0 && cf->interfaces[0].snap_bytes != 0 &&
		    cf->interfaces[0].snap_bytes < p.captured_bytes)
			p.captured_bytes = cf->interfaces[0].snap_bytes;
		return p;
	}
	if (type == BLOCK_PACKET) {
		p.interface_id = get_u16(cf, b);
		bytes_skip(b, 2); /* how many were dropped before it */
	} else {
		p.interface_id = get_u32(cf, b);
	}
	const uint64_t high = get_u32(cf, b);
	p.ticks = high << 32 | get_u32(cf, b);
	p.captured_bytes = get_u32(cf, b);
	p.wire_bytes = get_u32(cf, b);
	return p;
}

static void read_packet_options(const struct capfile *cf, struct bytes *b,
				struct capfile_record *record)
{
	static const enum frame_hint hints[4] = {FRAME_DIRECTION_UNKNOWN, FRAME_INBOUND,
						 FRAME_OUTBOUND, FRAME_DIRECTION_UNKNOWN};
	struct block_option_value o;
	while (next_option(cf, b, &o)) {
		if (o.code == OPTION_COMMENT && !record->comment) {
			record->comment = (const char *)o.value;
			record->comment_bytes = o.bytes;
		} else if (o.code == PACKET_OPTION_FLAGS && o.bytes == 4) {
			struct bytes value = bytes_of(o.value, o.bytes);
			record->hint = hints[get_u32(cf, &value) & 3];
		}
	}
}

static int read_packet(struct capfile *cf, uint32_t type, struct bytes b,
		       struct capfile_record *record, struct fault *why)
{
	const struct packet_block p = read_packet_header(cf, type, &b);
	const uint8_t *data = bytes_skip(&b, p.captured_bytes);
	bytes_skip(&b, (4u - p.captured_bytes % 4u) % 4u);
	if (!bytes_ok(&b))
		return malformed(cf, "a packet overruns its block", why);
	if (p.interface_id >= cf->interfaces_count)
		return malformed(cf, "a packet of an interface that was not described", why);
	const struct interface *i = &cf->interfaces[p.interface_id];
	struct capfile_record r = {
		.number = cf->records + 1,
		.has_time = p.has_time,
		.time_ns = p.has_time ? interface_time(i, p.ticks) : 0,
		.link_type = i->link_type,
		.data = data,
		.captured_bytes = p.captured_bytes,
		.wire_bytes = p.wire_bytes > p.captured_bytes ? p.wire_bytes : p.captured_bytes,
		.section = cf->sections - 1,
		.interface_id = p.interface_id,
	};
	if (type != BLOCK_SIMPLE_PACKET)
		read_packet_options(cf, &b, &r);
	if (!bytes_ok(&b))
		return malformed(cf, "the options of a packet overrun its block", why);
	cf->records++;
	*record = r;
	return 1;
}

/* Bring the next whole block into the window. @return 1 with its type and body (between the
 * two lengths), 0 at the end of the file, or negative errno. */
static int next_block(struct capfile *cf, uint32_t *type, struct bytes *body, struct fault *why)
{
	int rc = need(cf, BLOCK_BYTES_MIN, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return window_bytes(cf) == 0 ? 0 : cut_short(cf, "block", BLOCK_BYTES_MIN, why);
	struct bytes b = bytes_of(cf->at, BLOCK_BYTES_MIN);
	struct bytes after_length = bytes_of(cf->at + 8, 4);
	const uint32_t magic = bytes_be32(&after_length);
	*type = get_u32(cf, &b);
	if (*type == BLOCK_SECTION) {
		if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
			return malformed(cf, "a section header without byte-order magic", why);
		cf->big_endian = magic == BYTE_ORDER_MAGIC;
	}
	const uint32_t total_bytes = get_u32(cf, &b);
	if (total_bytes < BLOCK_BYTES_MIN || total_bytes % 4 != 0)
		return malformed(cf, "a block length below 12 or not a multiple of 4", why);
	if (total_bytes > CAPFILE_BLOCK_BYTES_MAX)
		return malformed(cf, "a block longer than 16 MiB", why);
	rc = need(cf, total_bytes, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return cut_short(cf, "block", total_bytes, why);
	struct bytes trailer = bytes_of(cf->at + total_bytes - 4, 4);
	if (get_u32(cf, &trailer) != total_bytes)
		return malformed(cf, "a block whose two lengths differ", why);
	*body = bytes_of(cf->at + 8, total_bytes - BLOCK_BYTES_MIN);
	return 1;
}

static int pcapng_next(struct capfile *cf, struct capfile_record *record, struct fault *why)
{
	for (;;) {
		uint32_t type;
		struct bytes body;
		int rc = next_block(cf, &type, &body, why);
		if (rc <= 0)
			return rc;
		const size_t block_bytes = bytes_left(&body) + BLOCK_BYTES_MIN;
		rc = 0;
		switch (type) {
		case BLOCK_SECTION:
			rc = read_section(cf, body, why);
			break;
		case BLOCK_INTERFACE:
			rc = read_interface(cf, body, why);
			break;
		case BLOCK_PACKET:
		case BLOCK_SIMPLE_PACKET:
		case BLOCK_ENHANCED_PACKET:
			rc = read_packet(cf, type, body, record, why);
			break;
		default: /* names, statistics, secrets, custom blocks */
			break;
		}
		if (rc < 0)
			return rc;
		consume(cf, block_bytes);
		if (rc == 1)
			return 1;
	}
}

/* --- both --- */

/* What a file that cannot be read is, by its first four bytes. */
static int refuse(uint32_t magic, struct fault *why)
{
	static const struct {
		uint32_t magic;
		uint32_t mask;
		const char *what;
	} refused[] = {
		{0x1f8b0000, 0xffff0000, "compressed with gzip; decompress it and read from \"-\""},
		{0x28b52ffd, 0xffffffff, "compressed with zstd; decompress it and read from \"-\""},
		{0xfd377a58, 0xffffffff, "compressed with xz; decompress it and read from \"-\""},
		{0x04224d18, 0xffffffff, "compressed with lz4; decompress it and read from \"-\""},
		{0xa1b2cd34, 0xffffffff, "Kuznetzov's variant of pcap; convert it with editcap"},
		{0x34cdb2a1, 0xffffffff, "Kuznetzov's variant of pcap; convert it with editcap"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		if ((magic & refused[i].mask) == refused[i].magic) {
			fault_set(why, "%s", refused[i].what);
			return -ENOTSUP;
		}
	}
	fault_set(why, "neither pcap nor pcapng: it begins with 0x%08" PRIx32, magic);
	return -EBADMSG;
}

static int read_file_header(struct capfile *cf, struct fault *why)
{
	const int rc = need(cf, 4, why);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return cut_short(cf, "file header", PCAP_FILE_BYTES, why);
	struct bytes b = bytes_of(cf->at, 4);
	const uint32_t magic = bytes_be32(&b);
	switch (magic) {
	case 0xa1b2c3d4:
		return pcap_open(cf, true, 1000, why);
	case 0xd4c3b2a1:
		return pcap_open(cf, false, 1000, why);
	case 0xa1b23c4d:
		return pcap_open(cf, true, 1, why);
	case 0x4d3cb2a1:
		return pcap_open(cf, false, 1, why);
	case BLOCK_SECTION:
		cf->format = FORMAT_PCAPNG;
		return 0;
	default:
		return refuse(magic, why);
	}
}

/* Everything but the interfaces, which count from 0, and the buffer, which is huge. */
static struct capfile *new_reader(size_t buffer_bytes, struct fault *why)
{
	struct capfile *cf = malloc(sizeof(*cf) + buffer_bytes);
	if (!cf) {
		fault_set(why, "no memory for a buffer of %zu bytes", buffer_bytes);
		return NULL;
	}
	memset(cf, 0, offsetof(struct capfile, interfaces));
	cf->fd = -1;
	cf->at = cf->buffer;
	cf->end = cf->buffer;
	return cf;
}

static int finish_open(struct capfile *reader, struct capfile **cf, struct fault *why)
{
	const int rc = read_file_header(reader, why);
	if (rc < 0) {
		capfile_close(reader);
		return rc;
	}
	*cf = reader;
	return 0;
}

int capfile_open(const char *path, struct capfile **cf, struct fault *why)
{
	*cf = NULL;
	struct capfile *reader = new_reader(BUFFER_BYTES, why);
	if (!reader)
		return -ENOMEM;
	reader->owns_fd = strcmp(path, "-") != 0;
	reader->fd = reader->owns_fd ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (reader->fd < 0) {
		const int error = errno;
		fault_set(why, "cannot open: %s", strerror(error));
		reader->owns_fd = false;
		capfile_close(reader);
		return -error;
	}
	return finish_open(reader, cf, why);
}

int capfile_open_memory(const uint8_t *data, size_t count, struct capfile **cf, struct fault *why)
{
	*cf = NULL;
	struct capfile *reader = new_reader(0, why);
	if (!reader)
		return -ENOMEM;
	if (count > 0) {
		reader->at = data;
		reader->end = data + count;
	}
	return finish_open(reader, cf, why);
}

int capfile_next(struct capfile *cf, struct capfile_record *record, struct fault *why)
{
	return cf->format == FORMAT_PCAP ? pcap_next(cf, record, why)
					 : pcapng_next(cf, record, why);
}

void capfile_close(struct capfile *cf)
{
	if (!cf)
		return;
	if (cf->owns_fd)
		(void)close(cf->fd);
	free(cf);
}

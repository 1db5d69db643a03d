#include "synscope/edge/capfile.h"

#include "synscope/core/segment.h"

#include "../../support/cm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a writer for capture files, right and wrong --- */

struct image {
	bool big_endian;
	size_t count;
	uint8_t bytes[1 << 16];
};

static struct image image;

static void put(uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		const size_t shift = 8 * (image.big_endian ? width - 1 - i : i);
		image.bytes[image.count++] = (uint8_t)(value >> shift);
	}
}

static void put_bytes(const void *data, size_t count)
{
	memcpy(image.bytes + image.count, data, count);
	image.count += count;
}

static void pad(void)
{
	while (image.count % 4 != 0)
		image.bytes[image.count++] = 0;
}

static void begin_pcap(bool big_endian, uint32_t magic, uint16_t minor, uint32_t link_type)
{
	image.big_endian = big_endian;
	image.count = 0;
	put(magic, 4);
	put(2, 2);
	put(minor, 2);
	put(0, 8);
	put(262144, 4);
	put(link_type, 4);
}

static void put_pcap_record(uint32_t seconds, uint32_t fraction, const char *data, uint32_t wire)
{
	put(seconds, 4);
	put(fraction, 4);
	put(strlen(data), 4);
	put(wire, 4);
	put_bytes(data, strlen(data));
}

/* Begin a block; @return where, for end_block(). */
static size_t begin_block(uint32_t type)
{
	const size_t at = image.count;
	put(type, 4);
	put(0, 4);
	return at;
}

static void end_block(size_t at)
{
	pad();
	const size_t total = image.count + 4 - at;
	put(total, 4);
	const size_t end = image.count;
	image.count = at + 4;
	put(total, 4);
	image.count = end;
}

static void put_section(bool big_endian)
{
	image.big_endian = big_endian;
	const size_t at = begin_block(0x0a0d0d0a);
	put(0x1a2b3c4d, 4);
	put(1, 2);
	put(0, 2);
	put(UINT64_MAX, 8);
	end_block(at);
}

static void put_option(uint16_t code, const void *value, uint16_t count)
{
	put(code, 2);
	put(count, 2);
	put_bytes(value, count);
	pad();
}

static void put_interface(uint16_t link_type, uint32_t snap_bytes)
{
	const size_t at = begin_block(1);
	put(link_type, 2);
	put(0, 2);
	put(snap_bytes, 4);
	end_block(at);
}

static void put_interface_time(uint16_t link_type, uint8_t resolution, int64_t offset)
{
	const size_t at = begin_block(1);
	put(link_type, 2);
	put(0, 2);
	put(0, 4);
	put_option(2, "eth0", 4);
	put_option(9, &resolution, 1);
	put(14, 2);
	put(8, 2);
	put((uint64_t)offset, 8);
	put(0, 4);
	end_block(at);
}

static void put_packet_start(uint32_t interface_id, uint64_t ticks, const char *data, uint32_t wire)
{
	put(interface_id, 4);
	put(ticks >> 32, 4);
	put(ticks & UINT32_MAX, 4);
	put(strlen(data), 4);
	put(wire, 4);
	put_bytes(data, strlen(data));
	pad();
}

static void put_packet(uint32_t interface_id, uint64_t ticks, const char *data)
{
	const size_t at = begin_block(6);
	put_packet_start(interface_id, ticks, data, (uint32_t)strlen(data));
	end_block(at);
}

static void begin_pcapng(bool big_endian)
{
	image.count = 0;
	put_section(big_endian);
}

static struct capfile *opened(void)
{
	struct capfile *cf;
	struct fault why;
	if (capfile_open_memory(image.bytes, image.count, &cf, &why) != 0)
		fail_msg("%s", why.text);
	return cf;
}

static struct capfile_record next(struct capfile *cf)
{
	struct capfile_record r;
	struct fault why;
	memset(&r, 0xa5, sizeof(r));
	const int rc = capfile_next(cf, &r, &why);
	if (rc != 1)
		fail_msg("%d: %s", rc, rc < 0 ? why.text : "end of file");
	return r;
}

static void assert_data(const struct capfile_record *r, const char *expected)
{
	assert_int_equal(r->captured_bytes, strlen(expected));
	assert_memory_equal(r->data, expected, strlen(expected));
}

static void assert_next_is(struct capfile *cf, int expected)
{
	struct capfile_record r;
	struct fault why = {""};
	const int rc = capfile_next(cf, &r, &why);
	if (rc != expected)
		fail_msg("%d instead of %d: %s", rc, expected, why.text);
	if (rc < 0)
		assert_true(strlen(why.text) > 0);
}

/* --- pcap --- */

static void test_capfile_pcap_every_order_and_precision(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		const bool nanoseconds = kind & 1;
		begin_pcap(kind & 2, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4, 113);
		put_pcap_record(1700000000, 999999, "first", 5);
		put_pcap_record(4294967295, 1, "second", 1500);
		struct capfile *cf = opened();
		struct capfile_record r = next(cf);
		assert_true(r.has_time);
		assert_true(r.time_ns ==
			    1700000000 * INT64_C(1000000000) + (nanoseconds ? 999999 : 999999000));
		assert_int_equal(r.link_type, 113);
		assert_data(&r, "first");
		assert_int_equal(r.wire_bytes, 5);
		assert_int_equal(r.number, 1);
		assert_int_equal(r.section, 0);
		assert_int_equal(r.interface_id, 0);
		assert_int_equal(r.hint, FRAME_DIRECTION_UNKNOWN);
		assert_null(r.comment);
		r = next(cf);
		assert_true(r.time_ns ==
			    4294967295 * INT64_C(1000000000) + (nanoseconds ? 1 : 1000));
		assert_data(&r, "second");
		assert_int_equal(r.wire_bytes, 1500);
		assert_int_equal(r.number, 2);
		assert_next_is(cf, 0);
		assert_next_is(cf, 0);
		capfile_close(cf);
	}
}

static void test_capfile_pcap_frame_check_bits_are_not_link_type(void **state)
{
	(void)state;
	begin_pcap(false, 0xa1b2c3d4, 4, 0x44000001); /* 4 bytes of frame check sequence */
	put_pcap_record(0, 0, "x", 1);
	struct capfile *cf = opened();
	assert_int_equal(next(cf).link_type, 1);
	capfile_close(cf);
}

static void test_capfile_pcap_wire_below_captured_counts_as_captured(void **state)
{
	(void)state;
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	put_pcap_record(0, 0, "four", 0);
	struct capfile *cf = opened();
	assert_int_equal(next(cf).wire_bytes, 4);
	capfile_close(cf);
}

/* The two lengths were the other way round before version 2.3, and in some files of 2.3. */
static void test_capfile_pcap_old_versions_exchange_lengths(void **state)
{
	(void)state;
	for (uint16_t minor = 2; minor <= 4; minor++) {
		begin_pcap(true, 0xa1b2c3d4, minor, 1);
		put(0, 8);
		put(minor < 4 ? 9 : 4, 4);
		put(minor < 4 ? 4 : 9, 4);
		put_bytes("four", 4);
		struct capfile *cf = opened();
		const struct capfile_record r = next(cf);
		assert_data(&r, "four");
		assert_int_equal(r.wire_bytes, 9);
		assert_next_is(cf, 0);
		capfile_close(cf);
	}
}

static void test_capfile_pcap_cut_short_is_told_after_whole_records(void **state)
{
	(void)state;
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	put_pcap_record(1, 0, "whole", 5);
	const size_t whole = image.count;
	put_pcap_record(2, 0, "broken", 6);
	const size_t end = image.count;
	for (size_t count = whole; count <= end; count++) {
		image.count = count;
		struct capfile *cf = opened();
		struct capfile_record r = next(cf);
		assert_data(&r, "whole");
		struct fault why;
		const int rc = capfile_next(cf, &r, &why);
		if (count == whole)
			assert_int_equal(rc, 0);
		else if (count == end)
			assert_int_equal(rc, 1);
		else {
			assert_int_equal(rc, -ENODATA);
			assert_non_null(strstr(why.text, "cut short"));
			assert_next_is(cf, -ENODATA);
		}
		capfile_close(cf);
	}
}

static void test_capfile_pcap_huge_record_is_malformed(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {CAPFILE_BLOCK_BYTES_MAX + 1, 0x7fffffff, 0x80000000,
					   UINT32_MAX};
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		begin_pcap(false, 0xa1b2c3d4, 4, 1);
		put(0, 8);
		put(lengths[i], 4);
		put(lengths[i], 4);
		put_bytes("data", 4);
		struct capfile *cf = opened();
		assert_next_is(cf, -EBADMSG);
		assert_next_is(cf, -EBADMSG); /* and again, without moving on */
		capfile_close(cf);
	}
}

/* --- what is no capture file --- */

static const struct refused_case {
	const char *name;
	uint8_t bytes[24];
	uint8_t count;
	int rc;
	const char *says;
} refused[] = {
	{"empty", {0}, 0, -ENODATA, "cut short"},
	{"3 bytes", {0xd4, 0xc3, 0xb2}, 3, -ENODATA, "cut short"},
	{"pcap, 23 bytes", {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4}, 23, -ENODATA, "cut short"},
	{"text", "Hello, world\n", 13, -EBADMSG, "0x48656c6c"},
	{"zeros", {0}, 24, -EBADMSG, "neither"},
	{"gzip", {0x1f, 0x8b, 8, 0}, 4, -ENOTSUP, "gzip"},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, -ENOTSUP, "zstd"},
	{"xz", {0xfd, '7', 'z', 'X'}, 4, -ENOTSUP, "xz"},
	{"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, -ENOTSUP, "lz4"},
	{"modified pcap", {0x34, 0xcd, 0xb2, 0xa1}, 4, -ENOTSUP, "Kuznetzov"},
	{"modified pcap, big-endian", {0xa1, 0xb2, 0xcd, 0x34}, 4, -ENOTSUP, "Kuznetzov"},
	{"pcap 1.0", {0xd4, 0xc3, 0xb2, 0xa1, 1, 0, 0, 0}, 24, -ENOTSUP, "version 1.0"},
	{"pcap 3.4", {0xa1, 0xb2, 0xc3, 0xd4, 0, 3, 0, 4}, 24, -ENOTSUP, "version 3.4"},
};

static void test_capfile_open_other_files_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		struct capfile *cf = (struct capfile *)&image;
		struct fault why;
		const int rc = capfile_open_memory(refused[i].bytes, refused[i].count, &cf, &why);
		if (rc != refused[i].rc || strstr(why.text, refused[i].says) == NULL)
			fail_msg("%s: %d, %s", refused[i].name, rc, why.text);
		assert_null(cf);
	}
}

static void test_capfile_open_missing_file_says_why(void **state)
{
	(void)state;
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open("/nonexistent/file.pcap", &cf, &why), -ENOENT);
	assert_non_null(strstr(why.text, "No such file"));
	assert_null(cf);
	assert_int_equal(capfile_open("/", &cf, &why), -EISDIR);
	assert_null(cf);
	assert_int_equal(capfile_open("/nonexistent/file.pcap", &cf, NULL), -ENOENT);
	capfile_close(NULL);
}

/* --- pcapng --- */

static void test_capfile_pcapng_packets_of_two_interfaces_in_both_orders(void **state)
{
	(void)state;
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		begin_pcapng(big_endian);
		put_interface(1, 262144);
		put_interface(276, 0);
		put_packet(1, 1700000000123456, "cooked");
		put_packet(0, 1700000000123457, "ethernet!");
		struct capfile *cf = opened();
		struct capfile_record r = next(cf);
		assert_int_equal(r.link_type, 276);
		assert_int_equal(r.interface_id, 1);
		assert_true(r.has_time);
		assert_true(r.time_ns == INT64_C(1700000000123456000));
		assert_data(&r, "cooked");
		r = next(cf);
		assert_int_equal(r.link_type, 1);
		assert_int_equal(r.interface_id, 0);
		assert_true(r.time_ns == INT64_C(1700000000123457000));
		assert_data(&r, "ethernet!");
		assert_int_equal(r.number, 2);
		assert_next_is(cf, 0);
		capfile_close(cf);
	}
}

static void test_capfile_pcapng_sections_have_their_own_order_and_interfaces(void **state)
{
	(void)state;
	begin_pcapng(true);
	put_interface(1, 0);
	put_packet(0, 1, "one");
	put_section(false);
	put_interface(101, 0);
	put_interface(113, 0);
	put_packet(1, 2, "two");
	put_section(true);
	put_packet(0, 3, "three"); /* its section describes no interface */
	struct capfile *cf = opened();
	struct capfile_record r = next(cf);
	assert_int_equal(r.section, 0);
	assert_int_equal(r.link_type, 1);
	r = next(cf);
	assert_int_equal(r.section, 1);
	assert_int_equal(r.link_type, 113);
	assert_int_equal(r.number, 2);
	assert_data(&r, "two");
	assert_next_is(cf, -EBADMSG);
	capfile_close(cf);
}

static const struct time_case {
	const char *name;
	uint8_t resolution;
	int64_t offset;
	uint64_t ticks;
	int64_t time_ns;
} times[] = {
	{"seconds", 0, 0, 1700000000, INT64_C(1700000000000000000)},
	{"milliseconds", 3, 0, 1700000000123, INT64_C(1700000000123000000)},
	{"microseconds", 6, 0, 1700000000123456, INT64_C(1700000000123456000)},
	{"nanoseconds", 9, 0, UINT64_C(1700000000123456789), INT64_C(1700000000123456789)},
	{"picoseconds", 12, 0, UINT64_C(1000123456789999), INT64_C(1000123456789)},
	{"10^-19", 19, 0, UINT64_C(12345678901234567890), INT64_C(1234567890)},
	{"10^-20", 20, 0, UINT64_C(12345678901234567890), INT64_C(123456789)},
	{"10^-28", 28, 0, UINT64_MAX, 1},
	{"10^-29", 29, 0, UINT64_MAX, 0},
	{"10^-127", 127, 0, UINT64_MAX, 0},
	{"2^-0", 0x80, 0, 1700000000, INT64_C(1700000000000000000)},
	{"2^-10", 0x8a, 0, 1024 * UINT64_C(1700000000) + 512, INT64_C(1700000000500000000)},
	{"2^-32", 0xa0, 0, UINT64_C(1700000000) << 32 | 0x40000000, INT64_C(1700000000250000000)},
	{"2^-63", 0xbf, 0, UINT64_C(3) << 62, INT64_C(1500000000)},
	{"2^-64", 0xc0, 0, UINT64_C(1) << 63, 500000000},
	{"2^-96", 0xe0, 0, UINT64_MAX, 0},
	{"2^-127", 0xff, 0, UINT64_MAX, 0},
	{"offset", 6, 1700000000, 123456, INT64_C(1700000000123456000)},
	{"negative offset", 9, -10, 5000000000, INT64_C(-5000000000)},
	{"before 1970, with a fraction", 6, -10, 1500000, INT64_C(-8500000000)},
	{"two's complement", 6, 0, UINT64_MAX - 499999, INT64_C(-500000000)},
	{"two's complement and offset", 9, 3, UINT64_MAX, INT64_C(2999999999)},
	{"too late", 0, 0, UINT64_MAX / 2, INT64_MAX},
	{"too late by two's complement", 6, 0, UINT64_C(1) << 63, INT64_MAX},
	{"too late by offset", 9, INT64_MAX, 1, INT64_MAX},
	{"too early by offset", 9, INT64_MIN, 1, INT64_MIN},
	{"sum does not fit", 0, INT64_MAX, UINT64_MAX, INT64_MAX},
};

static void test_capfile_pcapng_time_of_every_resolution(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		const struct time_case *c = &times[i];
		begin_pcapng(i % 2 == 0);
		put_interface_time(1, c->resolution, c->offset);
		put_packet(0, c->ticks, "x");
		struct capfile *cf = opened();
		const struct capfile_record r = next(cf);
		if (r.time_ns != c->time_ns)
			fail_msg("%s: %lld", c->name, (long long)r.time_ns);
		capfile_close(cf);
	}
}

static void test_capfile_pcapng_comment_and_direction_of_a_packet(void **state)
{
	(void)state;
	static const enum frame_hint hints[] = {FRAME_DIRECTION_UNKNOWN, FRAME_INBOUND,
						FRAME_OUTBOUND, FRAME_DIRECTION_UNKNOWN};
	for (uint32_t flags = 0; flags < 8; flags++) {
		begin_pcapng(flags >= 4);
		put_interface(1, 0);
		const size_t at = begin_block(6);
		put_packet_start(0, 5, "data", 4);
		put_option(3, "hash", 4);
		put_option(1, "state=LISTEN", 12);
		put(2, 2);
		put(4, 2);
		put(flags | 0x40, 4);
		put_option(1, "another", 7);
		put(0, 4);
		end_block(at);
		put_packet(0, 6, "plain");
		struct capfile *cf = opened();
		struct capfile_record r = next(cf);
		assert_int_equal(r.comment_bytes, 12);
		assert_memory_equal(r.comment, "state=LISTEN", 12);
		assert_int_equal(r.hint, hints[flags & 3]);
		assert_data(&r, "data");
		r = next(cf);
		assert_null(r.comment);
		assert_int_equal(r.comment_bytes, 0);
		assert_int_equal(r.hint, FRAME_DIRECTION_UNKNOWN);
		capfile_close(cf);
	}
}

static void test_capfile_pcapng_options_without_end_are_read(void **state)
{
	(void)state;
	begin_pcapng(false);
	put_interface(1, 0);
	const size_t at = begin_block(6);
	put_packet_start(0, 5, "data", 4);
	put_option(1, "", 0);
	end_block(at);
	struct capfile *cf = opened();
	const struct capfile_record r = next(cf);
	assert_non_null(r.comment); /* there, and empty */
	assert_int_equal(r.comment_bytes, 0);
	capfile_close(cf);
}

static void test_capfile_pcapng_simple_packet_has_no_time_and_obeys_snap_length(void **state)
{
	(void)state;
	begin_pcapng(true);
	put_interface(101, 4);
	put_interface(1, 0);
	size_t at = begin_block(3);
	put(1000, 4);
	put_bytes("snap", 4);
	end_block(at);
	at = begin_block(3);
	put(3, 4);
	put_bytes("all", 3);
	end_block(at);
	struct capfile *cf = opened();
	struct capfile_record r = next(cf);
	assert_false(r.has_time);
	assert_true(r.time_ns == 0);
	assert_data(&r, "snap");
	assert_int_equal(r.wire_bytes, 1000);
	assert_int_equal(r.link_type, 101);
	r = next(cf);
	assert_data(&r, "all");
	assert_int_equal(r.wire_bytes, 3);
	assert_next_is(cf, 0);
	capfile_close(cf);
}

static void test_capfile_pcapng_obsolete_packet_block_is_read(void **state)
{
	(void)state;
	begin_pcapng(true);
	put_interface(101, 0);
	put_interface(1, 0);
	const size_t at = begin_block(2);
	put(1, 2);
	put(77, 2); /* dropped */
	put(0, 4);
	put(1000001, 4);
	put(3, 4);
	put(60, 4);
	put_bytes("old", 3);
	pad();
	put_option(1, "note", 4);
	put(2, 2);
	put(4, 2);
	put(2, 4);
	end_block(at);
	struct capfile *cf = opened();
	const struct capfile_record r = next(cf);
	assert_int_equal(r.interface_id, 1);
	assert_int_equal(r.link_type, 1);
	assert_true(r.time_ns == 1000001000);
	assert_data(&r, "old");
	assert_int_equal(r.wire_bytes, 60);
	assert_int_equal(r.hint, FRAME_OUTBOUND);
	assert_memory_equal(r.comment, "note", 4);
	capfile_close(cf);
}

static void test_capfile_pcapng_other_blocks_are_passed_over(void **state)
{
	(void)state;
	static const uint32_t types[] = {4, 5, 10, 0x0bad, 0x40000bad, 0xffffffff};
	begin_pcapng(false);
	put_interface(1, 0);
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		const size_t at = begin_block(types[i]);
		put_bytes("anything at all", 4 * i / 2);
		end_block(at);
	}
	put_packet(0, 1, "found");
	struct capfile *cf = opened();
	const struct capfile_record r = next(cf);
	assert_data(&r, "found");
	assert_int_equal(r.number, 1);
	capfile_close(cf);
}

/* A right file, and four bytes of it (little-endian) changed. The section header stands at
 * 0, the interface at 28, the packet at 48, with its data at 76 and a comment at 80. */
static const struct hostile_case {
	const char *name;
	size_t at;
	uint32_t value;
	int rc;
	const char *says;
} hostile[] = {
	{"unchanged", 48, 6, 1, ""},
	{"no byte-order magic", 8, 0x11223344, -EBADMSG, "magic"},
	{"section header of 12 bytes", 4, 12, -EBADMSG, "two lengths"},
	{"version 2.0", 12, 2, -ENOTSUP, "2.0"},
	{"block length 0", 52, 0, -EBADMSG, "below 12"},
	{"block length 8", 52, 8, -EBADMSG, "below 12"},
	{"block length 49", 52, 49, -EBADMSG, "multiple of 4"},
	{"block length 48, not as at the end", 52, 48, -ENODATA, "cut short"},
	{"block length 40, not as at the end", 52, 40, -EBADMSG, "two lengths"},
	{"block length 4 GiB", 52, 0xfffffffc, -EBADMSG, "16 MiB"},
	{"block length 16 MiB and 4", 52, 0x1000004, -EBADMSG, "16 MiB"},
	{"length at the end", 88, 40, -EBADMSG, "two lengths"},
	{"interface 1 of 1", 56, 1, -EBADMSG, "not described"},
	{"interface 4294967295", 56, UINT32_MAX, -EBADMSG, "not described"},
	{"captured 17", 68, 17, -EBADMSG, "overruns"},
	{"captured 4294967295", 68, UINT32_MAX, -EBADMSG, "overruns"},
	{"captured 4294967293, which wraps when padded", 68, 0xfffffffd, -EBADMSG, "overruns"},
	{"comment of 5 bytes where 4 are", 80, 0x00050001, -EBADMSG, "options"},
	{"comment of 65535 bytes", 80, 0xffff0001, -EBADMSG, "options"},
};

static void build_victim(void)
{
	begin_pcapng(false);
	put_interface(1, 0);
	const size_t at = begin_block(6);
	put_packet_start(0, 5, "data", 4);
	put_option(1, "note", 4);
	end_block(at);
}

static void test_capfile_pcapng_hostile_lengths_are_one_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(hostile); i++) {
		const struct hostile_case *c = &hostile[i];
		build_victim();
		const size_t end = image.count;
		image.count = c->at;
		put(c->value, 4);
		image.count = end;
		struct capfile *cf = opened();
		struct capfile_record r;
		for (int again = 0; again < 2; again++) {
			struct fault why = {""};
			const int rc = capfile_next(cf, &r, &why);
			if (rc != c->rc || strstr(why.text, c->says) == NULL)
				fail_msg("%s: %d, %s", c->name, rc, why.text);
			if (rc == 1)
				break;
		}
		capfile_close(cf);
	}
}

static void test_capfile_pcapng_short_bodies_are_malformed(void **state)
{
	(void)state;
	/* every kind of block that is read, with too little in it */
	static const uint32_t types[] = {1, 2, 3, 6};
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		begin_pcapng(false);
		put_interface(1, 0);
		end_block(begin_block(types[i]));
		struct capfile *cf = opened();
		assert_next_is(cf, -EBADMSG);
		capfile_close(cf);
	}
	image.count = 0;
	image.big_endian = false;
	const size_t at = begin_block(0x0a0d0d0a);
	put(0x1a2b3c4d, 4);
	put(1, 4);
	end_block(at);
	struct capfile *cf = opened();
	assert_next_is(cf, -EBADMSG);
	capfile_close(cf);
}

static void test_capfile_pcapng_interface_options_overrun_is_malformed(void **state)
{
	(void)state;
	begin_pcapng(true);
	const size_t at = begin_block(1);
	put(1, 8);
	put(9, 2);
	put(5, 2);
	put(0, 4);
	end_block(at);
	struct capfile *cf = opened();
	assert_next_is(cf, -EBADMSG);
	capfile_close(cf);
}

static void test_capfile_pcapng_simple_packet_without_interface_is_malformed(void **state)
{
	(void)state;
	begin_pcapng(false);
	const size_t at = begin_block(3);
	put(4, 4);
	put_bytes("data", 4);
	end_block(at);
	struct capfile *cf = opened();
	assert_next_is(cf, -EBADMSG);
	capfile_close(cf);
}

static void test_capfile_pcapng_too_many_interfaces_is_one_error(void **state)
{
	(void)state;
	const size_t count = 28 + 20 * (CAPFILE_INTERFACES_MAX + 1);
	uint8_t *file = malloc(count);
	assert_non_null(file);
	begin_pcapng(false);
	put_interface(1, 0);
	memcpy(file, image.bytes, 28);
	for (size_t i = 0; i <= CAPFILE_INTERFACES_MAX; i++)
		memcpy(file + 28 + 20 * i, image.bytes + 28, 20);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open_memory(file, count, &cf, &why), 0);
	assert_next_is(cf, -EBADMSG);
	capfile_close(cf);
	assert_int_equal(capfile_open_memory(file, count - 20, &cf, &why), 0);
	assert_next_is(cf, 0);
	capfile_close(cf);
	free(file);
}

static void test_capfile_pcapng_cut_anywhere_is_cut_short_or_whole_blocks(void **state)
{
	(void)state;
	build_victim();
	const size_t end = image.count;
	uint8_t *exact = malloc(end);
	assert_non_null(exact);
	for (size_t count = 4; count < end; count++) {
		memcpy(exact + end - count, image.bytes,
		       count); /* at its end, for the sanitizers */
		struct capfile *cf;
		struct fault why;
		assert_int_equal(capfile_open_memory(exact + end - count, count, &cf, &why), 0);
		assert_next_is(cf, count == 28 || count == 48 ? 0 : -ENODATA);
		capfile_close(cf);
	}
	free(exact);
}

/* --- descriptors --- */

/* Make a temporary file of the image; its name is in path, to be unlinked. */
static void save(char *path, const void *data, size_t count)
{
	strcpy(path, "/tmp/synscope-test-XXXXXX");
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, count), (ssize_t)count);
	assert_int_equal(close(fd), 0);
}

/* 5 MiB in records of many sizes, so that the window moves over every kind of seam. */
static void test_capfile_open_large_file_reads_every_byte(void **state)
{
	(void)state;
	enum { RECORDS = 400, STEP = 67 };
	const size_t room = 24 + RECORDS * 16 + (size_t)STEP * RECORDS * RECORDS / 2 + 100000;
	uint8_t *file = malloc(room);
	assert_non_null(file);
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	memcpy(file, image.bytes, image.count);
	size_t count = image.count;
	for (uint32_t i = 0; i < RECORDS; i++) {
		const uint32_t length = i * STEP;
		image.count = 0;
		put(i, 4);
		put(0, 4);
		put(length, 4);
		put(length, 4);
		memcpy(file + count, image.bytes, 16);
		for (uint32_t k = 0; k < length; k++)
			file[count + 16 + k] = (uint8_t)(i + k * 7);
		count += 16 + length;
	}
	char path[32];
	save(path, file, count);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open(path, &cf, &why), 0);
	size_t at = 24;
	for (uint32_t i = 0; i < RECORDS; i++) {
		const struct capfile_record r = next(cf);
		assert_int_equal(r.captured_bytes, i * STEP);
		assert_memory_equal(r.data, file + at + 16, r.captured_bytes);
		at += 16 + r.captured_bytes;
	}
	assert_next_is(cf, 0);
	capfile_close(cf);
	assert_int_equal(unlink(path), 0);
	free(file);
}

static void test_capfile_open_largest_record_fits_and_one_more_does_not(void **state)
{
	(void)state;
	const size_t count = 24 + 2 * 16 + (size_t)CAPFILE_BLOCK_BYTES_MAX + 1000;
	uint8_t *file = calloc(1, count);
	assert_non_null(file);
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	put(0, 8);
	put(1000, 4);
	put(1000, 4);
	memcpy(file, image.bytes, image.count);
	image.count = 0;
	put(0, 8);
	put(CAPFILE_BLOCK_BYTES_MAX, 4);
	put(CAPFILE_BLOCK_BYTES_MAX, 4);
	memcpy(file + 24 + 16 + 1000, image.bytes, 16);
	file[count - 1] = 0x77;
	char path[32];
	save(path, file, count);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open(path, &cf, &why), 0);
	assert_int_equal(next(cf).captured_bytes, 1000);
	const struct capfile_record r = next(cf);
	assert_int_equal(r.captured_bytes, CAPFILE_BLOCK_BYTES_MAX);
	assert_int_equal(r.data[CAPFILE_BLOCK_BYTES_MAX - 1], 0x77);
	assert_next_is(cf, 0);
	capfile_close(cf);
	assert_int_equal(unlink(path), 0);
	free(file);
}

static void test_capfile_next_cut_short_file_that_grew_goes_on(void **state)
{
	(void)state;
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	put_pcap_record(1, 0, "complete later", 14);
	char path[32];
	save(path, image.bytes, image.count - 5);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open(path, &cf, &why), 0);
	assert_next_is(cf, -ENODATA);
	const int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, image.bytes + image.count - 5, 5), 5);
	assert_int_equal(close(fd), 0);
	const struct capfile_record r = next(cf);
	assert_data(&r, "complete later");
	assert_next_is(cf, 0);
	capfile_close(cf);
	assert_int_equal(unlink(path), 0);
}

/* Put a descriptor in the place of standard input; @return the old one. */
static int replace_stdin(int fd)
{
	const int saved = dup(STDIN_FILENO);
	assert_true(saved >= 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(fd), 0);
	return saved;
}

static void restore_stdin(int saved)
{
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(saved), 0);
}

static void test_capfile_open_dash_reads_a_pipe_byte_by_byte(void **state)
{
	(void)state;
	begin_pcapng(true);
	put_interface(1, 0);
	put_packet(0, 1, "one");
	put_packet(0, 2, "two");
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	const pid_t writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		for (size_t i = 0; i < image.count; i++) {
			if (write(fds[1], image.bytes + i, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(close(fds[1]), 0);
	const int saved = replace_stdin(fds[0]);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open("-", &cf, &why), 0);
	struct capfile_record r = next(cf);
	assert_data(&r, "one");
	r = next(cf);
	assert_data(&r, "two");
	assert_next_is(cf, 0);
	capfile_close(cf);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* stays open */
	restore_stdin(saved);
	int status;
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
}

static void test_capfile_next_would_block_loses_nothing(void **state)
{
	(void)state;
	begin_pcap(false, 0xa1b2c3d4, 4, 1);
	put_pcap_record(1, 0, "now", 3);
	put_pcap_record(2, 0, "later", 5);
	int fds[2];
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	const size_t part = image.count - 2;
	assert_int_equal(write(fds[1], image.bytes, part), (ssize_t)part);
	const int saved = replace_stdin(fds[0]);
	struct capfile *cf;
	struct fault why;
	assert_int_equal(capfile_open("-", &cf, &why), 0);
	struct capfile_record r = next(cf);
	assert_data(&r, "now");
	assert_next_is(cf, -EAGAIN);
	assert_int_equal(write(fds[1], image.bytes + part, 2), 2);
	r = next(cf);
	assert_data(&r, "later");
	assert_int_equal(close(fds[1]), 0);
	assert_next_is(cf, 0);
	capfile_close(cf);
	restore_stdin(saved);
}

/* --- other people's files --- */

#define COLLECTION "../shared/captures"

static struct {
	unsigned files;
	unsigned packets;
	unsigned segments;
} walked;

static void decode_record(const struct capfile_record *r)
{
	struct frame f;
	if (frame_decode(r->link_type, r->data, r->captured_bytes, r->wire_bytes, &f) != FRAME_OK)
		return;
	assert_true(f.packet >= r->data && f.packet <= r->data + r->captured_bytes);
	struct packet p;
	if (packet_decode(f.packet, f.captured_bytes, f.wire_bytes, &p) != PACKET_OK ||
	    p.kind != PACKET_TCP)
		return;
	const uint8_t *end = r->data + r->captured_bytes;
	assert_true(p.tcp.options + p.tcp.options_bytes <= end);
	if (p.tcp.payload)
		assert_true(p.tcp.payload + p.tcp.payload_captured_bytes <= end);
	walked.segments++;
}

static int read_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	struct capfile *cf;
	struct fault why;
	if (type != FTW_F || capfile_open(path, &cf, &why) != 0)
		return 0;
	walked.files++;
	struct capfile_record r;
	uint64_t number = 0;
	int rc;
	while ((rc = capfile_next(cf, &r, &why)) == 1) {
		assert_true(r.number == ++number);
		assert_true(r.wire_bytes >= r.captured_bytes);
		decode_record(&r);
		walked.packets++;
	}
	if (rc != 0 && rc != -ENODATA && rc != -EBADMSG && rc != -ENOTSUP)
		fail_msg("%s: %d, %s", path, rc, why.text);
	capfile_close(cf);
	return 0;
}

static void test_capfile_next_reads_the_shared_collection(void **state)
{
	(void)state;
	if (access(COLLECTION, R_OK) != 0) {
		print_message("# skipped: the shared capture collection is not at " COLLECTION
			      "\n");
		skip();
	}
	assert_int_equal(nftw(COLLECTION, read_one, 16, FTW_PHYS), 0);
	print_message("# %u files, %u packets, %u TCP segments\n", walked.files, walked.packets,
		      walked.segments);
	assert_true(walked.files > 0 && walked.packets > 0 && walked.segments > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capfile_pcap_every_order_and_precision),
		cmocka_unit_test(test_capfile_pcap_frame_check_bits_are_not_link_type),
		cmocka_unit_test(test_capfile_pcap_wire_below_captured_counts_as_captured),
		cmocka_unit_test(test_capfile_pcap_old_versions_exchange_lengths),
		cmocka_unit_test(test_capfile_pcap_cut_short_is_told_after_whole_records),
		cmocka_unit_test(test_capfile_pcap_huge_record_is_malformed),
		cmocka_unit_test(test_capfile_open_other_files_are_refused_by_name),
		cmocka_unit_test(test_capfile_open_missing_file_says_why),
		cmocka_unit_test(test_capfile_pcapng_packets_of_two_interfaces_in_both_orders),
		cmocka_unit_test(test_capfile_pcapng_sections_have_their_own_order_and_interfaces),
		cmocka_unit_test(test_capfile_pcapng_time_of_every_resolution),
		cmocka_unit_test(test_capfile_pcapng_comment_and_direction_of_a_packet),
		cmocka_unit_test(test_capfile_pcapng_options_without_end_are_read),
		cmocka_unit_test(
			test_capfile_pcapng_simple_packet_has_no_time_and_obeys_snap_length),
		cmocka_unit_test(test_capfile_pcapng_obsolete_packet_block_is_read),
		cmocka_unit_test(test_capfile_pcapng_other_blocks_are_passed_over),
		cmocka_unit_test(test_capfile_pcapng_hostile_lengths_are_one_error),
		cmocka_unit_test(test_capfile_pcapng_short_bodies_are_malformed),
		cmocka_unit_test(test_capfile_pcapng_interface_options_overrun_is_malformed),
		cmocka_unit_test(test_capfile_pcapng_simple_packet_without_interface_is_malformed),
		cmocka_unit_test(test_capfile_pcapng_too_many_interfaces_is_one_error),
		cmocka_unit_test(test_capfile_pcapng_cut_anywhere_is_cut_short_or_whole_blocks),
		cmocka_unit_test(test_capfile_open_large_file_reads_every_byte),
		cmocka_unit_test(test_capfile_open_largest_record_fits_and_one_more_does_not),
		cmocka_unit_test(test_capfile_next_cut_short_file_that_grew_goes_on),
		cmocka_unit_test(test_capfile_open_dash_reads_a_pipe_byte_by_byte),
		cmocka_unit_test(test_capfile_next_would_block_loses_nothing),
		cmocka_unit_test(test_capfile_next_reads_the_shared_collection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

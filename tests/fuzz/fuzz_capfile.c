/*
 * Capture files: any bytes are read to their end or to one error. What was given must lie
 * in the file and ascend in it, and an error must repeat.
 */
#include "synscope/edge/capfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void check(bool held)
{
	if (!held)
		abort();
}

static void check_record(const struct capfile_record *r, const uint8_t *data, size_t size,
			 const uint8_t *after)
{
	check(r->data >= after && r->data <= data + size);
	check(r->captured_bytes <= (size_t)(data + size - r->data));
	check(r->wire_bytes >= r->captured_bytes);
	check(r->captured_bytes <= CAPFILE_BLOCK_BYTES_MAX);
	check(r->has_time || r->time_ns == 0);
	check(r->interface_id < CAPFILE_INTERFACES_MAX);
	if (!r->comment)
		return;
	const uint8_t *comment = (const uint8_t *)r->comment;
	check(comment >= r->data + r->captured_bytes);
	check(comment <= data + size && r->comment_bytes <= (size_t)(data + size - comment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capfile *cf;
	struct fault why = {""};
	const int opened = capfile_open_memory(data, size, &cf, &why);
	if (opened != 0) {
		check(opened == -ENODATA || opened == -EBADMSG || opened == -ENOTSUP);
		check(!cf && why.text[0] != '\0');
		return 0;
	}
	struct capfile_record r;
	const uint8_t *after = data;
	uint64_t number = 0;
	int rc;
	while ((rc = capfile_next(cf, &r, &why)) == 1) {
		check(r.number == ++number);
		check_record(&r, data, size, after);
		after = r.data + r.captured_bytes;
	}
	check(rc == 0 || rc == -ENODATA || rc == -EBADMSG || rc == -ENOTSUP);
	check(rc == 0 || why.text[0] != '\0');
	check(capfile_next(cf, &r, &why) == rc);
	capfile_close(cf);
	return 0;
}

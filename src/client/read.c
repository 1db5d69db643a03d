/* synscope read: the story of a capture file. */
#include "synscope/client/client.h"
#include "synscope/client/session.h"
#include "synscope/edge/link.h"
#include "synscope/edge/privs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX_DEFAULT 16384

static struct {
	struct opt_u32 flow, flows_max;
	bool cookies;
} opt;

/* clang-format off */
static const struct opt read_opts[] = {
	{"flow",      0, OPT_IS_U32,  &opt.flow,      "N", "show this flow only (they are numbered from 1)", 1, UINT32_MAX, NULL, NULL},
	{"max-flows", 0, OPT_IS_U32,  &opt.flows_max, "N", "remember so many flows (16384); what does not fit is counted", 1, 1u << 20, NULL, NULL},
	{"cookies",   0, OPT_IS_TRUE, &opt.cookies,   NULL, "take it that servers use SYN cookies", 0, 0, NULL, NULL},
};
/* clang-format on */

static void take_frame(void *context, const struct link_frame *frame)
{
	session_frame(context, frame, NULL);
}

/* Give up privilege (there may be some, under sudo) before the first foreign byte is looked at. */
static int confine(void)
{
	struct fault why;
	if (privs_drop(&why) < 0 || privs_confine(&why) < 0)
		return client_error(EXIT_OS_ERROR, "%s", why.text);
	return -1;
}

static int read_one(struct session *s, struct link *l, const char *path)
{
	struct fault why;
	int rc;
	while ((rc = link_receive(l, take_frame, s, &why)) > 0)
		if (session_gone(s))
			return EXIT_EXPECTED;
	if (rc == 0)
		return EXIT_EXPECTED;
	client_note("synscope: %s: %s", path, why.text);
	return EXIT_BAD_DATA;
}

int read_command(int argc, char **argv)
{
	struct session *session = NULL;
	struct link *links[64] = {NULL};
	const struct link_stats stats = {0};
	int first;
	int rc = client_options(
		argc, argv, "synscope read [OPTION...] FILE...",
		"Tell of every TCP exchange in a capture (pcap or pcapng; - is standard input)\n"
		"what trace tells of its own. Both ends are inferred. Needs no privilege.",
		read_opts, ARRAY_COUNT(read_opts), false, &first);
	if (rc >= 0)
		return rc;
	const int files = argc - first;
	if (files < 1)
		return client_error(EXIT_BAD_USAGE,
				    "read what? a FILE is missing (- is standard input)");
	if (files > (int)ARRAY_COUNT(links))
		return client_error(EXIT_BAD_USAGE, "at most %zu files at once",
				    ARRAY_COUNT(links));
	for (int i = 0; i < files; i++) {
		struct fault why;
		rc = link_open_file(&links[i], argv[first + i], &why);
		if (rc < 0)
			return client_error(rc == -EBADMSG || rc == -ENODATA || rc == -ENOTSUP
						    ? EXIT_BAD_DATA
						    : EXIT_NO_INPUT,
					    "cannot read %s: %s", argv[first + i], why.text);
	}
	const struct session_spec spec = {
		.exchanges_max = opt.flows_max.given ? opt.flows_max.value : FLOWS_MAX_DEFAULT,
		.vantage = "between, or unknown",
		.assume_cookies = opt.cookies,
		.only_flow = opt.flow.value,
	};
	if ((rc = session_open(&session, &spec)) >= 0 || (rc = confine()) >= 0)
		return rc;
	rc = EXIT_EXPECTED;
	for (int i = 0; i < files && rc == EXIT_EXPECTED; i++)
		rc = read_one(session, links[i], argv[first + i]);
	rc = session_finish(session, NULL, rc, &stats, rc == EXIT_EXPECTED ? NULL : "bad input");
	session_close(session);
	for (int i = 0; i < files; i++)
		link_close(links[i]);
	return rc;
}

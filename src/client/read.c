/* synscope read: the story of a capture file. */
#include "synscope/client/client.h"
#include "synscope/client/session.h"
#include "synscope/edge/link.h"
#include "synscope/edge/privs.h"

#include <errno.h>
#include <inttypes.h>
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

/* Give up privilege (there may be some, under sudo) before the first packet is looked at. */
static int confine(void)
{
	struct fault why;
	if (privs_drop(&why) < 0 || privs_confine(&why) < 0)
		return client_error(EXIT_OS_ERROR, "%s", why.text);
	return -1;
}

static int open_files(struct link **links, char *const *paths, int count)
{
	for (int i = 0; i < count; i++) {
		struct fault why;
		const int rc = link_open_file(&links[i], paths[i], &why);
		const bool bad = rc == -EBADMSG || rc == -ENODATA || rc == -ENOTSUP;
		if (rc < 0)
			return client_error(bad ? EXIT_BAD_DATA : EXIT_NO_INPUT,
					    "cannot read %s: %s", paths[i], why.text);
	}
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
	return client_error(EXIT_BAD_DATA, "%s: %s; what came before it stands", path, why.text);
}

/* What the story leaves out, and why. */
static int tell_omissions(const struct pipeline *p, int status)
{
	const char *name = p->link_unknown ? link_type_name(p->link_type) : "";
	if (p->link_unknown && p->segments == 0 && status == EXIT_EXPECTED)
		return client_error(EXIT_BAD_DATA, "link type %u (%s) is not understood",
				    p->link_type, name);
	if (p->link_unknown)
		client_note("synscope: frames of link type %u (%s) were passed over", p->link_type,
			    name);
	else if (p->segments == 0 && status == EXIT_EXPECTED)
		client_note("synscope: no TCP among its %" PRIu64 " frame%s", p->frames,
			    p->frames == 1 ? "" : "s");
	if (p->unfollowed > 0)
		client_note("synscope: %" PRIu64 " segment%s of flows beyond the first %u were "
			    "passed over; --max-flows takes in more",
			    p->unfollowed, p->unfollowed == 1 ? "" : "s", p->flows);
	return status;
}

static int read_all(struct link **links, char *const *paths, int count)
{
	struct session *session;
	const struct link_stats stats = {0};
	const struct session_spec spec = {
		.exchanges_max = opt.flows_max.given ? opt.flows_max.value : FLOWS_MAX_DEFAULT,
		.vantage = "between, or unknown",
		.assume_cookies = opt.cookies,
		.only_flow = opt.flow.value,
	};
	int rc = session_open(&session, &spec);
	if (rc < 0)
		rc = confine();
	if (rc >= 0) {
		session_close(session);
		return rc;
	}
	rc = EXIT_EXPECTED;
	for (int i = 0; i < count && rc == EXIT_EXPECTED; i++)
		rc = read_one(session, links[i], paths[i]);
	rc = tell_omissions(session_pipeline(session), rc);
	rc = session_finish(session, NULL, rc, &stats, rc == EXIT_EXPECTED ? NULL : "bad input");
	session_close(session);
	return rc;
}

int read_command(int argc, char **argv)
{
	struct link *links[64] = {NULL};
	int first;
	int rc = client_options(
		argc, argv,
		&(const struct verb){
			"synscope read [OPTION...] FILE...",
			"Tell of every TCP exchange in a capture (pcap or pcapng; - is standard "
			"input)\n"
			"what trace tells of its own. Both ends are inferred. Needs no privilege.",
			read_opts, ARRAY_COUNT(read_opts), false},
		&first);
	if (rc >= 0)
		return rc;
	const int count = argc - first;
	if (count < 1)
		return client_error(EXIT_BAD_USAGE,
				    "read what? a FILE is missing (- is standard input)");
	if (count > (int)ARRAY_COUNT(links))
		return client_error(EXIT_BAD_USAGE, "at most %zu files at once",
				    ARRAY_COUNT(links));
	rc = open_files(links, argv + first, count);
	if (rc < 0)
		rc = read_all(links, argv + first, count);
	for (int i = 0; i < count; i++)
		link_close(links[i]);
	return rc;
}

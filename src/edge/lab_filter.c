#include "synscope/edge/lab.h"
#include "synscope/edge/nftables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULE_BYTES_MAX 128

static const struct {
	const char *name;
	const char *statement; /* of nftables; icmpx is the one for both families */
} verdicts[LAB_VERDICT_COUNT] = {
	[LAB_DROP] = {"drop", "drop"},
	[LAB_REJECT_RESET] = {"tcp-reset", "reject with tcp reset"},
	[LAB_REJECT_PORT] = {"port-unreachable", "reject with icmpx port-unreachable"},
	[LAB_REJECT_ADMIN] = {"admin-prohibited", "reject with icmpx admin-prohibited"},
	[LAB_REJECT_HOST] = {"host-unreachable", "reject with icmpx host-unreachable"},
	[LAB_REJECT_ROUTE] = {"no-route", "reject with icmpx no-route"},
};

const char *lab_verdict_name(enum lab_verdict v)
{
	return (unsigned)v < LAB_VERDICT_COUNT ? verdicts[v].name : "?";
}

static bool port_parse(uint16_t *port, const char *text, const char **end)
{
	char *after = NULL;
	errno = 0;
	const unsigned long value = text[0] < '0' || text[0] > '9' ? 0 : strtoul(text, &after, 10);
	if (errno != 0 || value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	*end = after;
	return true;
}

bool lab_filter_parse(struct lab_filter *filter, const char *text)
{
	struct lab_filter f = {.verdict = LAB_DROP};
	const char *rest = NULL;
	if (strncmp(text, "drop:", 5) == 0) {
		if (!port_parse(&f.port, text + 5, &rest) || *rest != '\0')
			return false;
		*filter = f;
		return true;
	}
	if (strncmp(text, "reject:", 7) != 0 || !port_parse(&f.port, text + 7, &rest))
		return false;
	f.verdict = LAB_REJECT_PORT;
	if (*rest == ':') {
		int v = LAB_REJECT_RESET;
		while (v < LAB_VERDICT_COUNT && strcmp(rest + 1, verdicts[v].name) != 0)
			v++;
		f.verdict = (enum lab_verdict)v;
	}
	if ((*rest != ':' && *rest != '\0') || f.verdict == LAB_VERDICT_COUNT)
		return false;
	*filter = f;
	return true;
}

/* --- in a child, in the host ------------------------------------------------------------- */

struct nft_job {
	const char *ruleset;
	int report_fd; /* what nft has to complain about, if anything */
};

static int nft_job_run(void *context)
{
	const struct nft_job *job = context;
	struct nftables *nft;
	struct fault why;
	int rc = nftables_open(&nft, &why);
	if (rc == 0)
		rc = nftables_run(nft, job->ruleset, &why);
	if (rc == 0)
		return 0;
	const ssize_t wrote = write(job->report_fd, why.text, strlen(why.text));
	return wrote < 0 ? 2 : 1;
}

int lab_nft(struct lab *lab, enum lab_role role, const char *ruleset, struct fault *why)
{
	int report_fd[2];
	if (pipe2(report_fd, O_CLOEXEC) < 0) {
		const int error = errno;
		fault_set(why, "cannot make a pipe: %s", strerror(error));
		return -error;
	}
	struct nft_job job = {ruleset, report_fd[1]};
	const pid_t pid = lab_spawn(lab, role, nft_job_run, &job, why);
	close(report_fd[1]);
	int status = -1;
	char complaint[FAULT_TEXT_MAX] = "its process died";
	if (pid > 0) {
		ssize_t got;
		do
			got = read(report_fd[0], complaint, sizeof complaint - 1);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			complaint[got] = '\0';
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(report_fd[0]);
	if (pid < 0)
		return pid;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fault_set(why, "cannot set the %s's firewall: %s", lab_role_name(role), complaint);
	return -EINVAL;
}

int lab_filter(struct lab *lab, enum lab_role role, const struct lab_filter *filters,
	       size_t filters_count, struct fault *why)
{
	/* A table named so again is the same table: rules are added. */
	static const char head[] =
		"add table inet synscope\n"
		"add chain inet synscope input { type filter hook input priority 0; }\n"
		"add chain inet synscope forward { type filter hook forward priority 0; }\n";
	static const char *const chains[] = {"input", "forward"};
	const size_t room = sizeof head + filters_count * ARRAY_COUNT(chains) * RULE_BYTES_MAX;
	char *ruleset = malloc(room);
	if (ruleset == NULL) {
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	size_t at = (size_t)snprintf(ruleset, room, "%s", head);
	for (size_t i = 0; i < filters_count; i++)
		for (size_t c = 0; c < ARRAY_COUNT(chains); c++)
			at += (size_t)snprintf(ruleset + at, room - at,
					       "add rule inet synscope %s tcp dport %u %s\n",
					       chains[c], (unsigned)filters[i].port,
					       verdicts[filters[i].verdict].statement);
	const int rc = lab_nft(lab, role, ruleset, why);
	free(ruleset);
	return rc;
}

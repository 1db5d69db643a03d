/* The answers must be true of the machine that they are asked on, and cost it nothing. */
#include "../../support/cm.h"
#include "../../support/netns.h"

#include "synscope/edge/privs.h"
#include "synscope/edge/probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct probe_report reports[PROBE_REPORTS_MAX];
static size_t reports_count;

static const struct probe_report *report(const char *name)
{
	for (size_t i = 0; i < reports_count; i++)
		if (strcmp(reports[i].name, name) == 0)
			return &reports[i];
	fail_msg("no report on %s", name);
	return NULL;
}

static unsigned open_files(void)
{
	unsigned count = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

static void link_of(const char *path, char text[64])
{
	memset(text, 0, 64);
	assert_true(readlink(path, text, 63) > 0);
}

static void assert_readable(const struct probe_report *r)
{
	assert_true(r->name != NULL && r->name[0] != '\0');
	assert_true(r->found[0] != '\0');
	assert_true(strlen(r->found) < sizeof r->found && strlen(r->remedy) < sizeof r->remedy);
	for (const char *c = r->found; *c != '\0'; c++)
		assert_true(isprint((unsigned char)*c));
	for (const char *c = r->remedy; *c != '\0'; c++)
		assert_true(isprint((unsigned char)*c));
	if (r->result == PROBE_NO && strcmp(r->name, "confinement") != 0 && r->remedy[0] == '\0')
		fail_msg("%s: \"%s\", but what to do?", r->name, r->found);
}

static void test_probe_machine_changes_nothing_of_ours(void **state)
{
	(void)state;
	char net[64], user[64], net_after[64], user_after[64];
	link_of("/proc/self/ns/net", net);
	link_of("/proc/self/ns/user", user);
	const unsigned files = open_files();
	const bool raw = privs_have(PRIVILEGE_NET_RAW);
	const uid_t uid = geteuid();
	reports_count = probe_machine(reports);
	assert_true(reports_count > 5 && reports_count <= PROBE_REPORTS_MAX);
	link_of("/proc/self/ns/net", net_after);
	link_of("/proc/self/ns/user", user_after);
	assert_string_equal(net, net_after);
	assert_string_equal(user, user_after);
	assert_int_equal(open_files(), files);
	assert_int_equal(privs_have(PRIVILEGE_NET_RAW), raw);
	assert_int_equal(geteuid(), uid);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_probe_machine_reports_are_readable_and_each_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < reports_count; i++) {
		assert_readable(&reports[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(reports[i].name, reports[k].name);
	}
}

static void test_probe_machine_raw_packets_are_what_we_may(void **state)
{
	(void)state;
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_int_equal(report("raw packets")->result, fd >= 0 ? PROBE_YES : PROBE_NO);
	if (fd >= 0)
		close(fd);
	else
		assert_non_null(strstr(report("raw packets")->remedy, "setcap"));
}

static void test_probe_machine_begin_with_a_network(void **state)
{
	(void)state;
	netns_enter();
	netns_require();
	assert_int_equal(report("user namespaces")->result, PROBE_YES);
}

static void test_probe_machine_as_root_of_a_namespace_all_works(void **state)
{
	(void)state;
	netns_require();
	static const char *const names[] = {"raw packets",    "capture", "guard",
					    "nftables guard", "lab",     "confinement",
					    "socket states"};
	reports_count = probe_machine(reports);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (report(names[i])->result != PROBE_YES)
			fail_msg("%s: %s", names[i], report(names[i])->found);
	assert_non_null(strstr(report("frames as sent")->found, "no default route"));
}

static void test_probe_machine_settings_are_told(void **state)
{
	(void)state;
	netns_require();
	assert_int_equal(netns_run("sysctl -qw net.ipv4.tcp_syncookies=2 "
				   "net.ipv4.tcp_syn_retries=3"),
			 0);
	const bool linear = netns_run("sysctl -qw net.ipv4.tcp_syn_linear_timeouts=2") == 0;
	reports_count = probe_machine(reports);
	assert_int_equal(report("SYN cookies")->result, PROBE_LIMITED);
	assert_non_null(strstr(report("SYN cookies")->found, "always"));
	assert_non_null(
		strstr(report("SYN retries")->found, linear ? "5 times: the first 2" : "3 times"));
}

static void test_probe_machine_offload_of_the_default_interface_is_told(void **state)
{
	(void)state;
	netns_require();
	const pid_t peer = netns_peer_start();
	assert_int_equal(netns_run("ip route add default via 198.18.0.2"), 0);
	reports_count = probe_machine(reports);
	assert_int_equal(report("frames as sent")->result, PROBE_LIMITED);
	assert_non_null(strstr(report("frames as sent")->remedy, "ethtool -K va"));
	/* Without ethtool the rest cannot be made so. */
	if (netns_run("ethtool -K va tx off tso off gso off gro off") == 0) {
		reports_count = probe_machine(reports);
		assert_int_equal(report("frames as sent")->result, PROBE_YES);
	}
	netns_peer_stop(peer);
}

static void test_probe_machine_no_user_namespaces_names_the_setting(void **state)
{
	(void)state;
	netns_require();
	assert_int_equal(netns_run("sysctl -qw user.max_user_namespaces=0"), 0);
	reports_count = probe_machine(reports);
	assert_int_equal(report("user namespaces")->result, PROBE_NO);
	assert_non_null(
		strstr(report("user namespaces")->remedy, "user.max_user_namespaces=15000"));
	/* Root still has network namespaces. */
	assert_int_equal(report("nftables guard")->result, PROBE_YES);
	for (size_t i = 0; i < reports_count; i++)
		assert_readable(&reports[i]);
}

static void test_probe_machine_without_privilege_says_what_is_missing(void **state)
{
	(void)state;
	netns_require();
	struct fault why;
	assert_int_equal(privs_drop(&why), 0);
	reports_count = probe_machine(reports);
	assert_int_equal(report("raw packets")->result, PROBE_NO);
	assert_non_null(strstr(report("raw packets")->remedy, "=ep /"));
	assert_int_equal(report("capture")->result, PROBE_NO);
	assert_non_null(strstr(report("capture")->found, "CAP_NET_RAW"));
	for (size_t i = 0; i < reports_count; i++)
		assert_readable(&reports[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_machine_changes_nothing_of_ours),
		cmocka_unit_test(test_probe_machine_reports_are_readable_and_each_once),
		cmocka_unit_test(test_probe_machine_raw_packets_are_what_we_may),
		cmocka_unit_test(test_probe_machine_begin_with_a_network),
		cmocka_unit_test(test_probe_machine_as_root_of_a_namespace_all_works),
		cmocka_unit_test(test_probe_machine_settings_are_told),
		cmocka_unit_test(test_probe_machine_offload_of_the_default_interface_is_told),
		/* These two cannot be undone. */
		cmocka_unit_test(test_probe_machine_no_user_namespaces_names_the_setting),
		cmocka_unit_test(test_probe_machine_without_privilege_says_what_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "synscope/client/client.h"

#include "../../support/cm.h"
#include "../../support/stderr.h"

#include <stdio.h>
#include <string.h>

static void test_target_split(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wrong, *host, *port;
	} cases[] = {
		/* HOST:PORT, and what is a port is seen later */
		{"192.0.2.1:80", NULL, "192.0.2.1", "80"},
		{"example.org:443", NULL, "example.org", "443"},
		{"h:https", NULL, "h", "https"},
		{"h:0", NULL, "h", "0"},
		{"h:80/x", NULL, "h", "80/x"},
		{"h", NULL, "h", ""},
		{":80", NULL, "localhost", "80"},
		{"h:", "the port is missing", NULL, NULL},
		{":", "the port is missing", NULL, NULL},
		{"", "the host is missing", NULL, NULL},
		/* IPv6 in brackets */
		{"[::1]:443", NULL, "::1", "443"},
		{"[2001:db8::1]", NULL, "2001:db8::1", ""},
		{"[fe80::1%eth0]:80", NULL, "fe80::1%eth0", "80"},
		{"[::ffff:192.0.2.1]:80", NULL, "::ffff:192.0.2.1", "80"},
		{"[::1]:", "the port is missing", NULL, NULL},
		{"[::1", "a [ without its ]", NULL, NULL},
		{"[::1]80", "text after the ]", NULL, NULL},
		{"[]:80", "the host is missing", NULL, NULL},
		{"[1.2.3.4]:80", "brackets are for IPv6 addresses only", NULL, NULL},
		{"[example.org]:80", "brackets are for IPv6 addresses only", NULL, NULL},
		{"[a:b]:80", "brackets are for IPv6 addresses only", NULL, NULL},
		{"[fe80::1%]:80", "brackets are for IPv6 addresses only", NULL, NULL},
		{"[::1%eth0%x", "a [ without its ]", NULL, NULL},
		/* IPv6 without them: a whole address, or ambiguous */
		{"::1", NULL, "::1", ""},
		{"2001:db8::1", NULL, "2001:db8::1", ""},
		{"fe80::1%eth0", NULL, "fe80::1%eth0", ""},
		{"2001:db8::1:http", "ambiguous: write [ADDRESS]:PORT", NULL, NULL},
		{"2001:db8:0:0:0:0:0:1:443", "ambiguous: write [ADDRESS]:PORT", NULL, NULL},
		{"h:80:90", "ambiguous: write [ADDRESS]:PORT", NULL, NULL},
		{"::1:65536", "ambiguous: write [ADDRESS]:PORT", NULL, NULL},
		/* URLs */
		{"https://example.org/index.html", NULL, "example.org", "https"},
		{"https://example.org", NULL, "example.org", "https"},
		{"HTTP://Example.Org:8080/", NULL, "Example.Org", "8080"},
		{"HTTPS://h", NULL, "h", "https"},
		{"http://u@h:8080/x", NULL, "h", "8080"},
		{"http://u:p@h/x", NULL, "h", "http"},
		{"http://u:p@ss@h/x", NULL, "h", "http"},
		{"http://h/u@other:1", NULL, "h", "http"},
		{"http://h?q=a@b", NULL, "h", "http"},
		{"http://h#f@b", NULL, "h", "http"},
		{"http://[2001:db8::1]:8080/x", NULL, "2001:db8::1", "8080"},
		{"http://[2001:db8::1]/x", NULL, "2001:db8::1", "http"},
		{"http://2001:db8::1/x", "ambiguous: write [ADDRESS]:PORT", NULL, NULL},
		{"http:///x", "the host is missing", NULL, NULL},
		{"http://", "the host is missing", NULL, NULL},
		{"http://:80/", "the host is missing", NULL, NULL},
		{"http://u@/", "the host is missing", NULL, NULL},
		{"http://h:/", "the port is missing", NULL, NULL},
		{"://h", "no URL: what stands before :// is no scheme", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char host[256] = "";
		char port[64] = "";
		const char *wrong =
			target_split(cases[i].text, host, sizeof host, port, sizeof port);
		const bool as_wanted = cases[i].wrong != NULL
					       ? wrong != NULL && strcmp(wrong, cases[i].wrong) == 0
					       : wrong == NULL &&
							 strcmp(host, cases[i].host) == 0 &&
							 strcmp(port, cases[i].port) == 0;
		if (!as_wanted)
			fail_msg("\"%s\": %s, host \"%s\", port \"%s\"", cases[i].text,
				 wrong != NULL ? wrong : "good", host, port);
	}
}

static void test_target_split_long_parts_are_refused(void **state)
{
	(void)state;
	char text[2000];
	char host[16];
	char port[8];
	for (size_t length = 1; length < sizeof text - 10; length = length * 3 / 2 + 1) {
		const bool fits = length < sizeof host;
		memset(text, 'h', length);
		strcpy(text + length, ":80");
		assert_int_equal(target_split(text, host, sizeof host, port, sizeof port) == NULL,
				 fits);
		strcpy(text, "h:");
		memset(text + 2, '1', length);
		text[2 + length] = '\0';
		assert_int_equal(target_split(text, host, sizeof host, port, sizeof port) == NULL,
				 length < sizeof port);
	}
}

static int read_words(struct target *t, const char *one, const char *two, const char **said)
{
	char *words[2] = {(char *)(uintptr_t)one, (char *)(uintptr_t)two};
	stderr_begin();
	const int rc = target_read(t, words, two != NULL ? 2 : 1);
	*said = stderr_end();
	return rc;
}

/* Numbers only: no name server is asked, and the answer is the same everywhere. */
static void test_target_read(void **state)
{
	(void)state;
	static const struct {
		const char *one, *two;
		int rc;
		const char *endpoint; /* or some of the error line */
	} cases[] = {
		{"192.0.2.1:80", NULL, -1, "192.0.2.1:80"},
		{"192.0.2.1", "80", -1, "192.0.2.1:80"},
		{"[2001:db8::1]:443", NULL, -1, "[2001:db8::1]:443"},
		{"2001:db8::1", "443", -1, "[2001:db8::1]:443"},
		{"::1:443", "80", -1, "[::1:443]:80"}, /* with a second word it is an address */
		{"192.0.2.1:https", NULL, -1, "192.0.2.1:443"},
		{"http://192.0.2.1/", NULL, -1, "192.0.2.1:80"},
		{"192.0.2.1:65535", NULL, -1, "192.0.2.1:65535"},
		{"::1:443", NULL, EXIT_BAD_USAGE, "ambiguous"},
		{"192.0.2.1", NULL, EXIT_BAD_USAGE, "the port is missing"},
		{"192.0.2.1:0", NULL, EXIT_BAD_USAGE, "a port is 1 to 65535"},
		{"192.0.2.1:65536", NULL, EXIT_BAD_USAGE, "a port is 1 to 65535"},
		{"192.0.2.1:80x", NULL, EXIT_BAD_USAGE, "a port is 1 to 65535"},
		{"192.0.2.1:nosuchservice", NULL, EXIT_BAD_USAGE, "no service of that name"},
		{"192.0.2.1:80", "80", EXIT_BAD_USAGE, "the port is given twice"},
		{"[1.2.3.4]:80", NULL, EXIT_BAD_USAGE, "brackets are for IPv6"},
		{"not-a-number:80", NULL, EXIT_UNAVAILABLE, "cannot resolve not-a-number"},
	};
	globals.numeric = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct target t;
		const char *said;
		char text[ENDPOINT_TEXT_MAX] = "";
		const int rc = read_words(&t, cases[i].one, cases[i].two, &said);
		if (rc == -1)
			endpoint_format(&t.endpoint, text, sizeof text);
		if (rc != cases[i].rc || strstr(rc == -1 ? text : said, cases[i].endpoint) == NULL)
			fail_msg("%s %s: %d, %s%s", cases[i].one,
				 cases[i].two != NULL ? cases[i].two : "", rc, text, said);
		if (rc != -1 && (said[0] == '\0' || strchr(said, '\n') != said + strlen(said) - 1))
			fail_msg("%s: not one line: %s", cases[i].one, said);
	}
}

static void test_target_read_family_that_is_forced(void **state)
{
	(void)state;
	struct target t;
	const char *said;
	globals.numeric = true;
	globals.only_v6 = true;
	assert_int_equal(read_words(&t, "192.0.2.1:80", NULL, &said), EXIT_UNAVAILABLE);
	assert_int_equal(read_words(&t, "[::1]:80", NULL, &said), -1);
	globals.only_v6 = false;
	globals.only_v4 = true;
	assert_int_equal(read_words(&t, "[::1]:80", NULL, &said), EXIT_UNAVAILABLE);
	globals.only_v4 = false;
}

static void test_target_read_scope_is_kept(void **state)
{
	(void)state;
	struct target t;
	const char *said;
	globals.numeric = true;
	assert_int_equal(read_words(&t, "[fe80::1%lo]:80", NULL, &said), -1);
	assert_int_equal(t.scope_id, 1);
	assert_string_equal(t.name, "fe80::1%lo");
	assert_int_equal(read_words(&t, "[fe80::1%nosuchif0]:80", NULL, &said), EXIT_UNAVAILABLE);
}

static void test_target_read_wrong_number_of_words(void **state)
{
	(void)state;
	struct target t;
	char one[] = "192.0.2.1";
	char two[] = "80";
	char three[] = "81";
	char *words[3] = {one, two, three};
	stderr_begin();
	assert_int_equal(target_read(&t, words, 0), EXIT_BAD_USAGE);
	assert_int_equal(target_read(&t, words, 3), EXIT_BAD_USAGE);
	assert_string_equal(stderr_end(), "synscope: no target: HOST:PORT is missing\n"
					  "synscope: 81: one target only, HOST:PORT\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target_split),
		cmocka_unit_test(test_target_split_long_parts_are_refused),
		cmocka_unit_test(test_target_read),
		cmocka_unit_test(test_target_read_family_that_is_forced),
		cmocka_unit_test(test_target_read_scope_is_kept),
		cmocka_unit_test(test_target_read_wrong_number_of_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

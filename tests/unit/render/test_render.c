#include "../../support/cm.h"
#include "../../support/events.h"

#include <stdlib.h>
#include <string.h>

static void test_renderer_find_each_by_its_name(void **state)
{
	static const char *const names[] = {"ladder", "rfc",    "ledger", "lines",
					    "json",   "pcapng", "pcap",   "svg"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const struct renderer *r = renderer_find(names[i]);
		assert_non_null(r);
		assert_string_equal(r->name, names[i]);
		assert_int_equal(r->is_view, i < 4);
		assert_true(strlen(r->help) > 0);
	}
	assert_null(renderer_find("lad"));
	assert_null(renderer_find(""));
}

static void test_renderers_each_takes_every_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < renderers_count; i++) {
		const struct render_options o = events_options();
		struct events_player p;
		size_t count = 0;
		events_play_begin(&p, renderers[i].name, &o);
		events_play_everything(&p);
		free(events_play_end(&p, &count));
		assert_true(count > 0);
	}
}

static void test_renderers_close_null_is_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < renderers_count; i++)
		renderers[i].close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renderer_find_each_by_its_name),
		cmocka_unit_test(test_renderers_each_takes_every_event),
		cmocka_unit_test(test_renderers_close_null_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

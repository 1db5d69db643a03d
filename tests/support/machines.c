#include "machines.h"

#include <stdlib.h>

static struct endpoint endpoint_of(int which)
{
	const uint8_t address[4] = {192, 0, 2, (uint8_t)(1 + which)};
	return (struct endpoint){.addr = ip_addr_v4(address), .port = which == 0 ? 40000 : 80};
}

struct machine_config machines_config(int which)
{
	return (struct machine_config){
		.local = endpoint_of(which),
		.remote = endpoint_of(1 - which),
		.isn = seq_of(which == 0 ? 1000000 : 5000000),
		.mss = 1460,
		.use_mss = true,
		.use_wscale = true,
		.use_timestamps = true,
		.use_sack = true,
		.wscale = 7,
		.send_buffer_bytes = 65536,
		.receive_buffer_bytes = 65536,
		.rto_initial_ns = SECOND,
		.rto_min_ns = 200 * MS,
		.rto_max_ns = 60 * SECOND,
		.syn_retries_max = 6,
		.retries_max = 15,
		.time_wait_ns = 60 * SECOND,
	};
}

void machines_init(struct test_end *e, const struct machine_config *config)
{
	struct machine_config c = *config;
	e->send_buffer = malloc(c.send_buffer_bytes + 1);
	e->receive_buffer = malloc(c.receive_buffer_bytes + 1);
	if (e->send_buffer == NULL || e->receive_buffer == NULL)
		abort();
	c.send_buffer = e->send_buffer;
	c.receive_buffer = e->receive_buffer;
	machine_init(&e->m, &c);
}

void machines_free(struct test_end *e)
{
	free(e->send_buffer);
	free(e->receive_buffer);
	e->send_buffer = NULL;
	e->receive_buffer = NULL;
}

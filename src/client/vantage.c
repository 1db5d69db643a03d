#include "synscope/client/vantage.h"

#include "synscope/client/interrupt.h"
#include "synscope/core/frame.h"
#include "synscope/edge/capture.h"
#include "synscope/edge/clock.h"
#include "synscope/edge/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_NS (50 * NS_PER_MS) /* for the answers to what was sent last */
#define STOPPING_NS NS_PER_S       /* for the resets that are owed when we are stopped */
#define BATCH 64                   /* sends between two looks at what came */
#define CAPTURE_SNAP_BYTES 256     /* headers; of a long segment the rest is not looked at */
#define CAPTURE_BUFFER_BYTES (4u << 20)
#define CAPTURE_BUFFER_MANY (32u << 20)
#define MANY_PORTS 1000

struct vantage {
	struct vantage_spec spec;
	struct route route;
	struct guard *guards[ASK_COUNT];
	struct link *link;
	struct battery battery;
	struct battery_port *ports;
	struct step_result *results;
	uint32_t *heap;
	int32_t *index;
	int failed;
	struct fault why;
	int64_t now_ns; /* during a look at what came */
};

static int find_route(struct vantage *v)
{
	struct route_query query = {.destination = v->spec.target.endpoint.addr,
				    .scope_id = v->spec.target.scope_id,
				    .interface = globals.interface};
	if (v->spec.source != NULL && !ip_addr_parse(&query.source, v->spec.source))
		return client_error(EXIT_BAD_USAGE, "--source %s: should be an IP address",
				    v->spec.source);
	if (v->spec.source != NULL && query.source.family != query.destination.family)
		return client_error(EXIT_BAD_USAGE,
				    "--source %s: not of the target's address family",
				    v->spec.source);
	if (ip_addr_is_multicast(&query.destination))
		return client_error(EXIT_BAD_USAGE, "%s: TCP has no multicast",
				    v->spec.target.name);
	const int rc = route_find(&query, &v->route, &v->why);
	return rc < 0 ? client_fault(rc, &v->why) : -1;
}

/* A port for each question, which our kernel keeps quiet about. */
static int open_guards(struct vantage *v, uint16_t local_port[ASK_COUNT])
{
	for (unsigned i = 0; i < v->spec.plan_count; i++) {
		const enum question q = (enum question)v->spec.plan[i];
		const struct guard_spec spec = {
			.kind = (enum guard_kind)v->spec.guard,
			.local = {v->route.source, q == ASK_SYN    ? v->spec.source_port
						   : q == ASK_PORT ? v->spec.other_port
								   : 0},
			.scope_id = v->route.scope_id,
			.remote = {.addr = v->spec.target.endpoint.addr},
		};
		if (q == ASK_PORT && v->spec.other_port == 0)
			continue;
		const int rc = guard_arm(&v->guards[q], &spec, &v->why);
		if (rc < 0)
			return client_fault(rc, &v->why);
		local_port[q] = guard_port(v->guards[q]);
	}
	return -1;
}

static int open_link(struct vantage *v)
{
	char filter[1024];
	struct craft *craft = NULL;
	struct capture *capture = NULL;
	const struct endpoint local = {.addr = v->route.source};
	const struct endpoint remote = {.addr = v->spec.target.endpoint.addr};
	capture_filter_for(&local, &remote, filter, sizeof filter);
	const struct capture_spec spec = {
		.interface = v->route.interface,
		.filter = filter,
		.snap_bytes = CAPTURE_SNAP_BYTES,
		.buffer_bytes = v->spec.ports_count > MANY_PORTS ? CAPTURE_BUFFER_MANY
								 : CAPTURE_BUFFER_BYTES,
	};
	int rc = capture_open(&capture, &spec, &v->why);
	if (rc == 0)
		rc = craft_open(&craft, (enum ip_family)v->route.source.family,
				v->route.send_interface, &v->why);
	if (rc == 0)
		rc = link_open_live(&v->link, craft, capture, &v->why);
	if (rc == 0)
		return -1;
	craft_close(craft);
	capture_close(capture);
	return client_fault(rc, &v->why);
}

static int open_battery(struct vantage *v, const uint16_t local_port[ASK_COUNT])
{
	const struct vantage_spec *s = &v->spec;
	const uint32_t count = s->ports_count + (s->control != 0 ? 1 : 0);
	v->ports = calloc(count, sizeof *v->ports);
	v->results =
		calloc(battery_results_count(s->plan, s->plan_count, count), sizeof *v->results);
	v->heap = calloc(count, sizeof *v->heap);
	v->index = calloc(UINT16_MAX + 1, sizeof *v->index);
	if (v->ports == NULL || v->results == NULL || v->heap == NULL || v->index == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory for %u ports", count);
	for (uint32_t i = 0; i < s->ports_count; i++)
		v->ports[i].port = s->ports[i];
	if (s->control != 0)
		v->ports[count - 1] = (struct battery_port){.port = s->control, .control = true};
	const uint32_t headers = v->route.source.family == IP_V6 ? 60 : 40;
	const uint32_t mtu = v->route.mtu_bytes < UINT16_MAX ? v->route.mtu_bytes : UINT16_MAX;
	struct battery_config config = {
		.local = v->route.source,
		.remote = s->target.endpoint.addr,
		.plan_count = s->plan_count,
		.ports = v->ports,
		.ports_count = count,
		.results = v->results,
		.heap = v->heap,
		.index = v->index,
		.rate = s->rate,
		.mss = (uint16_t)(mtu > headers + 64 ? mtu - headers : 536),
		.mtu_bytes = (uint16_t)mtu,
		.silent_ns = s->silent_ns,
		.idle_ns = s->idle_ns,
		.hops_max = s->hops_max,
	};
	memcpy(config.local_port, local_port, sizeof config.local_port);
	memcpy(config.plan, s->plan, sizeof config.plan);
	clock_random(&config.seed, sizeof config.seed);
	clock_random(&config.ts_offset, sizeof config.ts_offset);
	clock_random(&config.flow_label, sizeof config.flow_label);
	config.flow_label &= 0xfffff;
	battery_init(&v->battery, &config, clock_monotonic_ns());
	return -1;
}

int vantage_open(struct vantage **vantage, const struct vantage_spec *spec)
{
	uint16_t local_port[ASK_COUNT] = {0};
	struct vantage *v = calloc(1, sizeof *v);
	*vantage = v;
	if (v == NULL)
		return client_error(EXIT_OS_ERROR, "out of memory");
	v->spec = *spec;
	int rc = find_route(v);
	if (rc < 0 && !privs_have(PRIVILEGE_NET_RAW))
		rc = client_no_privilege(spec->verb, PRIVILEGE_NET_RAW);
	if (rc < 0)
		rc = open_guards(v, local_port);
	if (rc < 0)
		rc = open_link(v);
	return rc < 0 ? open_battery(v, local_port) : rc;
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void take_frame(void *context, const struct link_frame *f)
{
	struct vantage *v = context;
	struct frame frame;
	struct packet packet;
	if (v->spec.session != NULL)
		session_frame(v->spec.session, f, NULL);
	if (frame_decode(f->link_type, f->data, f->captured_bytes, f->wire_bytes, &frame) !=
		    FRAME_OK ||
	    packet_decode(frame.packet, frame.captured_bytes, frame.wire_bytes, &packet) !=
		    PACKET_OK)
		return;
	if (packet.kind == PACKET_ICMP_ERROR) {
		(void)battery_icmp(&v->battery, &packet.icmp, f->time_ns, v->now_ns);
	} else if (packet.kind == PACKET_TCP) {
		/* Between two addresses of this host the port tells the direction. */
		const struct segment *s = &packet.tcp;
		if (!battery_segment(&v->battery, s, true, f->time_ns, v->now_ns))
			(void)battery_segment(&v->battery, s, false, f->time_ns, v->now_ns);
	}
}

static void look(struct vantage *v)
{
	v->now_ns = clock_monotonic_ns();
	const int rc = link_receive(v->link, take_frame, v, &v->why);
	if (rc < 0 && v->failed == 0)
		v->failed = rc;
}

/* Send what is due. @return whether there may be more at once */
static bool ask(struct vantage *v)
{
	struct segment_spec spec;
	for (unsigned i = 0; i < BATCH; i++) {
		if (!battery_next(&v->battery, &spec, clock_monotonic_ns()))
			return false;
		const int rc = link_send(v->link, &spec, &v->why);
		if (rc < 0 && rc != -ENOBUFS && rc != -EAGAIN) {
			if (v->failed == 0)
				v->failed = rc;
			return false;
		}
	}
	return true;
}

static int64_t earliest(struct vantage *const *v, size_t count)
{
	int64_t at = -1;
	for (size_t i = 0; i < count; i++) {
		const int64_t due = v[i]->failed != 0 ? -1 : battery_deadline(&v[i]->battery);
		if (due >= 0 && (at < 0 || due < at))
			at = due;
	}
	return at;
}

static void stop(struct vantage *const *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		battery_stop(&v[i]->battery, clock_monotonic_ns());
}

/* Wait for what comes to the last of it. */
static void settle(struct vantage *const *v, size_t count, struct pollfd *fds)
{
	const int64_t until = clock_monotonic_ns() + SETTLE_NS;
	while (clock_monotonic_ns() < until && interrupt_number == 0) {
		interrupt_wait(fds, count, until);
		for (size_t i = 0; i < count; i++)
			look(v[i]);
		for (size_t i = 0; i < count; i++)
			(void)ask(v[i]);
	}
}

bool vantage_run(struct vantage *const *v, size_t count, int64_t deadline_ns)
{
	struct pollfd *fds = calloc(count, sizeof *fds);
	bool whole = fds != NULL;
	bool stopping = false;
	for (size_t i = 0; i < count && fds != NULL; i++)
		fds[i] = (struct pollfd){.fd = link_fd(v[i]->link), .events = POLLIN};
	while (fds != NULL) {
		bool more = false;
		for (size_t i = 0; i < count; i++) {
			look(v[i]);
			more |= v[i]->failed == 0 && ask(v[i]);
		}
		const int64_t now = clock_monotonic_ns();
		const bool late = deadline_ns >= 0 && now >= deadline_ns;
		if (late && stopping)
			break;
		if (!stopping && (late || interrupt_number != 0)) {
			stopping = true;
			whole = false;
			stop(v, count);
			deadline_ns = now + STOPPING_NS;
			continue;
		}
		if (more)
			continue;
		int64_t at = earliest(v, count);
		if (at < 0)
			break;
		if (deadline_ns >= 0 && deadline_ns < at)
			at = deadline_ns;
		interrupt_wait(fds, count, at);
	}
	if (fds != NULL)
		settle(v, count, fds);
	for (size_t i = 0; i < count; i++)
		whole = whole && v[i]->failed == 0;
	free(fds);
	return whole;
}

/* --- afterwards
 * ----------------------------------------------------------------------------------- */

const struct battery *vantage_battery(const struct vantage *v)
{
	return &v->battery;
}

const struct route *vantage_route(const struct vantage *v)
{
	return &v->route;
}

const struct target *vantage_target(const struct vantage *v)
{
	return &v->spec.target;
}

int vantage_failed(const struct vantage *v, struct fault *why)
{
	*why = v->why;
	return v->failed;
}

void vantage_add_stats(const struct vantage *v, struct link_stats *stats)
{
	struct link_stats s = {0};
	if (v->link != NULL)
		link_stats(v->link, &s);
	stats->dropped += s.dropped;
	stats->ifdropped += s.ifdropped;
}

void vantage_close(struct vantage *v)
{
	if (v == NULL)
		return;
	link_close(v->link);
	for (int q = 0; q < ASK_COUNT; q++)
		guard_disarm(v->guards[q]);
	free(v->ports);
	free(v->results);
	free(v->heap);
	free(v->index);
	free(v);
}

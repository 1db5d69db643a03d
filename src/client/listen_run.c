/*
 * The server, segment by segment. The pipeline brings what arrived to listen_own_segment(),
 * which gives it to the listener; what the listener then has to say goes out in serve_ready(),
 * and comes back through the capture, to be recognised by the list of what was sent. As in
 * trace, nothing is shown that was not on the wire, but what was held back on purpose.
 *
 * The loop takes at most FRAMES_MAX frames at a time before it sends, so that a flood of SYNs
 * does not keep established connections waiting, and so that what arrived together is
 * acknowledged together.
 */
#include "listen_internal.h"

#include "synscope/core/frame.h"
#include "synscope/edge/clock.h"

#include <string.h>
#include <sys/mman.h>

#define FRAMES_MAX 64
#define CHUNK_BYTES 65536
#define GRACE_NS NS_PER_S          /* for clients to close too, when we stop */
#define SETTLE_NS (50 * NS_PER_MS) /* for the copies of our last segments to come back */
#define KEPT_BYTES_MAX (64u << 10) /* of buffers: more is given back to the system */

static struct client *client_of(struct listen *l, const struct connection *c)
{
	return &l->clients[c - l->listener.config.connections];
}

bool listen_is_own(void *context, const struct endpoint *e)
{
	const struct listen *l = context;
	const struct endpoint *here = &l->target.endpoint;
	if (e->port != here->port)
		return false;
	if (here->addr.family != IP_NONE && here->addr.family != e->addr.family)
		return false;
	if (here->addr.family == IP_NONE || ip_addr_is_unspecified(&here->addr))
		return route_host_has(&l->host, &e->addr);
	return ip_addr_equal(&e->addr, &here->addr);
}

/* What happened inside the machine since the last time. */
static void drain_log(struct listen *l, struct connection *c)
{
	struct machine_log log;
	struct client *k = client_of(l, c);
	while (machine_log_next(&c->machine, &log)) {
		if (log.kind == MACHINE_LOG_TRANSITION) {
			k->why.cause = log.row >= 0 ? tcp_rules[log.row].sentence : NULL;
			k->why.rfc = log.row >= 0 ? tcp_rules[log.row].section : NULL;
		} else if (log.kind == MACHINE_LOG_GAVE_UP ||
			   (log.kind == MACHINE_LOG_TIMER &&
			    (log.timer == TIMER_RETRANSMISSION || log.timer == TIMER_PERSIST))) {
			struct event_timer timer;
			actor_timer(&log, &timer);
			pipeline_timer(session_pipeline(l->session),
				       story_exchange(l, &c->machine.config.local,
						      &c->machine.config.remote),
				       &timer, clock_realtime_ns());
		}
	}
}

void listen_freed(void *context, struct connection *c)
{
	struct listen *l = context;
	struct client *k = client_of(l, c);
	const struct machine_config *m = &c->machine.config;
	drain_log(l, c);
	story_end_soon(l, &m->local, &m->remote, false);
	if (k->bytes > KEPT_BYTES_MAX)
		(void)madvise(m->send_buffer,
			      (size_t)l->listener.config.machine.send_buffer_bytes +
				      l->listener.config.machine.receive_buffer_bytes,
			      MADV_DONTNEED);
	l->once_done |= k->began && l->options.once;
	memset(k, 0, sizeof *k);
}

/* --- sending --------------------------------------------------------------------------------- */

static void decorate(const struct listen *l, uint32_t interface_index, struct segment_spec *spec)
{
	const struct listen_options *o = &l->options;
	spec->ttl = o->ttl.given ? (uint8_t)o->ttl.value : 0;
	spec->traffic |= o->tos.given ? (uint8_t)o->tos.value : 0;
	spec->scope_id = interface_index;
}

/* A segment that cannot be sent is lost, as on any other wire; its client may be the only one
 * that there is no way to. @return NULL then */
static struct sent *put_on_wire(struct listen *l, struct segment_spec *spec, const char *deed)
{
	struct fault why;
	if (link_send(l->link, spec, &why) < 0) {
		if (l->unsendable++ == 0)
			l->why = why;
		return NULL;
	}
	struct sent *sent = sent_add(&l->sent, spec);
	sent->deed = deed;
	return sent;
}

static struct segment segment_of(const struct segment_spec *spec)
{
	return (struct segment){
		.ip = {.src = spec->src.addr,
		       .dst = spec->dst.addr,
		       .ttl = spec->ttl,
		       .traffic = spec->traffic,
		       .protocol = 6,
		       .checksum = CHECKSUM_GOOD},
		.src = spec->src,
		.dst = spec->dst,
		.seq = spec->seq,
		.ack = spec->ack,
		.flags = spec->flags,
		.window = spec->window,
		.checksum = CHECKSUM_GOOD,
		.header_bytes = 20,
		.option = spec->option,
		.payload = spec->payload,
		.payload_bytes = (uint32_t)spec->payload_bytes,
		.payload_captured_bytes = (uint32_t)spec->payload_bytes,
	};
}

static const char *deed_of(const struct listen *l, struct client *k,
			   const struct segment_spec *spec, unsigned deeds)
{
	const char *deed = k->deed;
	k->deed = NULL;
	for (int i = 0; i < TROUBLE_KIND_COUNT; i++)
		if (deeds & 1u << i)
			return trouble_kind_deed((enum trouble_kind)i);
	if (deed != NULL || (spec->flags & TCP_SYN) == 0)
		return deed;
	if (l->options.split_handshake)
		return "on purpose: a SYN where a SYN,ACK is due (--split-handshake)";
	if (l->options.zero_window_ns > 0)
		return "on purpose: the window stays closed for a while (--zero-window)";
	if (l->listener.config.as == LISTENER_LATE)
		return "on purpose: sent late (--as late)";
	return NULL;
}

static void hold(struct listen *l, const struct connection *c, const struct segment_spec *spec,
		 const char *deed)
{
	const struct segment s = segment_of(spec);
	const struct own_word word = {
		.known = true, .state = machine_state(&c->machine), .deed = deed};
	pipeline_held(session_pipeline(l->session), &s, &word, clock_realtime_ns());
}

static void send_one(struct listen *l, struct connection *c, struct segment_spec *spec,
		     const char *deed)
{
	struct client *k = client_of(l, c);
	decorate(l, k->interface_index, spec);
	struct sent *sent = put_on_wire(l, spec, deed);
	if (sent == NULL)
		return;
	sent->state = machine_state(&c->machine);
	sent->why = k->why;
	sent->arrivals = k->arrivals;
	k->why = (struct actor_why){NULL, NULL};
	k->on_way++;
}

static bool flush_parked(struct listen *l)
{
	struct segment_spec spec;
	struct connection *c;
	unsigned deeds;
	bool any = false;
	while (listener_output_parked(&l->listener, &spec, &c, &deeds, clock_monotonic_ns())) {
		const char *deed = trouble_kind_deed(deeds & 1u << TROUBLE_REORDER ? TROUBLE_REORDER
										   : TROUBLE_DELAY);
		any = true;
		if (c != NULL)
			send_one(l, c, &spec, deed);
		else
			(void)put_on_wire(l, &spec, deed);
	}
	return any;
}

static void flush(struct listen *l, struct connection *c)
{
	struct segment_spec spec;
	struct listener_fate fate;
	while (listener_output(&l->listener, c, &spec, &fate, clock_monotonic_ns())) {
		drain_log(l, c);
		const char *deed = deed_of(l, client_of(l, c), &spec, fate.deeds);
		if (fate.held)
			hold(l, c, &spec, deed);
		else if (!fate.parked)
			send_one(l, c, &spec, deed);
		(void)flush_parked(l); /* what was to come after this one */
	}
	drain_log(l, c);
}

/* --- what arrives --------------------------------------------------------------------------------
 */

/* The largest segment for the interface that the frame in hand came by. */
static uint16_t current_mss(const struct listen *l, const struct segment *s)
{
	const uint32_t headers = s->src.addr.family == IP_V6 ? 60 : 40;
	const uint32_t mtu = route_host_mtu(&l->host, l->current_interface);
	const uint32_t mss = mtu > headers + 64 ? mtu - headers : 536;
	const uint32_t most = 65535 - headers; /* of a packet */
	return (uint16_t)(mss < most ? mss : most);
}

static void answer_stray(struct listen *l, const struct segment *s, struct listener_answer *answer,
			 struct own_word *word)
{
	word->state = l->listener.config.as == LISTENER_CLOSED ? ST_CLOSED : ST_LISTEN;
	if (answer->row >= 0) {
		word->cause = tcp_rules[answer->row].sentence;
		word->rfc = tcp_rules[answer->row].section;
	}
	if (l->listener.config.as == LISTENER_SILENT)
		word->deed = "on purpose: not answered (--as silent)";
	if (answer->answers) {
		const char *deed = l->options.as == LISTENER_CLOSED
					   ? "on purpose: nobody listens (--as closed)"
					   : NULL;
		if (answer->cookie)
			deed = l->options.as == LISTENER_STATELESS
				       ? "on purpose: a SYN cookie, nothing is kept (--as "
					 "stateless)"
				       : "a SYN cookie, nothing is kept: too many are half-open";
		decorate(l, l->current_interface, &answer->spec);
		struct sent *sent = put_on_wire(l, &answer->spec, deed);
		if (sent != NULL)
			sent->state = word->state;
	}
	story_end_soon(l, &s->dst, &s->src,
		       answer->cookie || l->listener.config.as == LISTENER_SILENT);
}

static void inbound(struct listen *l, const struct segment *s, struct own_word *word)
{
	struct listener_answer answer;
	listener_segment(&l->listener, s, current_mss(l, s), clock_monotonic_ns(), &answer);
	word->known = true;
	struct connection *c = answer.connection;
	if (c == NULL) {
		answer_stray(l, s, &answer, word);
		return;
	}
	struct client *k = client_of(l, c);
	k->interface_index = l->current_interface;
	k->arrivals++;
	k->why = (struct actor_why){NULL, NULL};
	drain_log(l, c);
	word->state = machine_state(&c->machine);
	word->cause = k->why.cause;
	word->rfc = k->why.rfc;
	if (answer.is_new && c->from_cookie)
		word->cause = "it acknowledges our SYN cookie: the connection is made out of it";
}

static void outbound(struct listen *l, const struct segment *s, struct own_word *word)
{
	const struct sent *sent = sent_recognise(&l->sent, s);
	if (sent == NULL) {
		word->unsent = true;
		if (listener_find(&l->listener, &s->src, &s->dst) == NULL)
			story_end_soon(l, &s->src, &s->dst, false);
		return;
	}
	const struct connection *c = listener_find(&l->listener, &s->src, &s->dst);
	if (c == NULL) /* the flow may have begun anew with this copy */
		story_end_soon(l, &s->src, &s->dst, (s->flags & TCP_SYN) != 0);
	word->known = true;
	word->deed = sent->deed;
	word->state = sent->state;
	if (c != NULL && sent->arrivals > 0) {
		struct client *k = client_of(l, c);
		if (k->on_way > 0)
			k->on_way--;
		/* It left while something was already waiting in the capture, and is seen only
		 * now: the state it left in is past. */
		if (sent->arrivals != k->arrivals) {
			word->state = machine_state(&c->machine);
			return;
		}
	}
	word->cause = sent->why.cause;
	word->rfc = sent->why.rfc;
}

void listen_own_segment(void *context, const struct segment *s, bool out, int64_t time_ns,
			struct own_word *word)
{
	(void)time_ns;
	if (out)
		outbound(context, s, word);
	else
		inbound(context, s, word);
}

void listen_own_icmp(void *context, const struct icmp_error *e, int64_t time_ns,
		     struct own_word *word)
{
	struct listen *l = context;
	(void)time_ns;
	struct connection *c = listener_icmp(&l->listener, e, clock_monotonic_ns());
	if (c == NULL)
		return;
	struct client *k = client_of(l, c);
	k->why = (struct actor_why){NULL, NULL};
	drain_log(l, c);
	word->known = true;
	word->state = machine_state(&c->machine);
	word->cause = k->why.cause;
	word->rfc = k->why.rfc;
}

bool listen_own_begins(void *context, const struct segment *s)
{
	struct listen *l = context;
	return listener_begins(&l->listener, s);
}

static void take_frame(void *context, const struct link_frame *frame)
{
	struct listen *l = context;
	struct frame link;
	l->current_interface = l->interface_index;
	if (frame->link_type == LINK_LINUX_SLL2 &&
	    frame_decode(frame->link_type, frame->data, frame->captured_bytes, frame->wire_bytes,
			 &link) == FRAME_OK)
		l->current_interface = link.interface_index;
	session_frame(l->session, frame, NULL);
	if (++l->frames % FRAMES_MAX == 0)
		link_pause(l->link);
}

/* --- the application
 * ------------------------------------------------------------------------------- */

static void call_abort(struct listen *l, struct connection *c, const char *deed)
{
	struct client *k = client_of(l, c);
	if (k->aborted)
		return;
	k->aborted = k->close_called = true;
	k->deed = deed;
	(void)machine_abort(&c->machine, clock_monotonic_ns());
}

static void call_close(struct listen *l, struct connection *c)
{
	struct client *k = client_of(l, c);
	if (l->options.close == LISTEN_CLOSE_RST) {
		call_abort(l, c, NULL);
		return;
	}
	if (k->close_called)
		return;
	k->close_called = true;
	(void)machine_close(&c->machine, clock_monotonic_ns());
}

/* Bytes in, bytes out, until there is nothing to hear or no room to speak. */
static void converse(struct listen *l, struct connection *c)
{
	static uint8_t in[CHUNK_BYTES];
	static uint8_t out[CHUNK_BYTES];
	struct client *k = client_of(l, c);
	struct machine *m = &c->machine;
	const int64_t now = clock_monotonic_ns();
	for (;;) {
		size_t room = m->config.send_buffer_bytes - machine_unacked(m);
		room = room < sizeof out ? room : sizeof out;
		size_t wants = serve_wants(&k->serve, room);
		wants = wants < sizeof in ? wants : sizeof in;
		const size_t taken = machine_receive(m, in, wants, now);
		const size_t given = serve_step(&k->serve, in, taken, out, room);
		(void)machine_send(m, out, given, now);
		k->bytes += taken + given;
		if (taken == 0 && given == 0)
			return;
	}
}

/* The client's text is not wanted any more; its window must not close for that. */
static void ignore(struct connection *c)
{
	static uint8_t chunk[CHUNK_BYTES];
	while (machine_receive(&c->machine, chunk, sizeof chunk, clock_monotonic_ns()) > 0)
		;
}

/* A client that has acknowledged our FIN and does not close either. */
static void watch_half_closed(struct listen *l, struct connection *c)
{
	const int64_t now = clock_monotonic_ns();
	if (machine_state(&c->machine) != ST_FIN_WAIT_2) {
		c->alarm_ns = INT64_MAX;
	} else if (c->alarm_ns == INT64_MAX) {
		c->alarm_ns = now + l->options.fin_wait_ns;
	} else if (now >= c->alarm_ns) {
		c->alarm_ns = INT64_MAX;
		call_abort(l, c, NULL);
	}
}

static void apply(struct listen *l, struct connection *c)
{
	struct client *k = client_of(l, c);
	const enum tcp_state state = machine_state(&c->machine);
	if (state != ST_ESTABLISHED && state != ST_CLOSE_WAIT) {
		watch_half_closed(l, c);
		ignore(c);
		return;
	}
	if (!k->began)
		serve_init(&k->serve, l->serve, &l->content);
	k->began = true;
	if (k->close_called) {
		ignore(c);
		return;
	}
	converse(l, c);
	if (l->options.rst_after.given && k->bytes >= l->options.rst_after.value)
		call_abort(l, c, "on purpose: reset after so many bytes (--rst-after)");
	else if (l->options.close != LISTEN_CLOSE_NONE &&
		 serve_done(&k->serve, machine_at_eof(&c->machine)))
		call_close(l, c);
}

/* Our state can change without a segment: say so once none is on its way back. */
static void show_own_state(struct listen *l, struct connection *c)
{
	const struct client *k = client_of(l, c);
	const struct machine_config *m = &c->machine.config;
	struct exchange *x = k->on_way == 0 ? story_exchange(l, &m->local, &m->remote) : NULL;
	const struct own_word word = {.known = true,
				      .state = machine_state(&c->machine),
				      .cause = k->why.cause,
				      .rfc = k->why.rfc};
	if (x != NULL && x->own_side >= 0 && x->view[x->own_side].state != word.state)
		pipeline_own_state(session_pipeline(l->session), x, &word, clock_realtime_ns());
}

static bool serve_ready(struct listen *l)
{
	struct connection *c;
	bool any = false;
	while ((c = listener_ready(&l->listener)) != NULL) {
		any = true;
		drain_log(l, c);
		apply(l, c);
		flush(l, c);
		show_own_state(l, c);
		if (machine_state(&c->machine) == ST_TIME_WAIT) {
			l->once_done |= l->options.once;
			story_end_soon(l, &c->machine.config.local, &c->machine.config.remote,
				       false);
		}
		(void)listener_settle(&l->listener, c, clock_monotonic_ns());
	}
	return any;
}

/* --- the end
 * ------------------------------------------------------------------------------------------ */

/* Close all. Who has not said a word yet, or is told so for the second time, is reset. */
static void stop(struct listen *l, bool at_once)
{
	l->stopping = true;
	listener_close(&l->listener);
	for (uint32_t i = 0; i < l->listener.config.connections_max; i++) {
		struct connection *c = &l->listener.config.connections[i];
		if (c->number == 0)
			continue;
		const enum tcp_state state = machine_state(&c->machine);
		if (at_once || state == ST_SYN_RECEIVED || state == ST_SYN_SENT)
			call_abort(l, c, NULL);
		else
			call_close(l, c);
		listener_touch(&l->listener, c);
	}
}

static bool all_over(const struct listen *l)
{
	for (uint32_t i = 0; i < l->listener.config.connections_max; i++) {
		const struct connection *c = &l->listener.config.connections[i];
		if (c->number != 0 && !c->is_waiting)
			return false;
	}
	return true;
}

static bool must_stop(const struct listen *l, int64_t now)
{
	return interrupt_number != 0 || l->once_done || now >= l->deadline_ns ||
	       session_gone(l->session);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool look(struct listen *l)
{
	struct fault why;
	const int frames = link_receive(l->link, take_frame, l, &why);
	listener_tick(&l->listener, clock_monotonic_ns());
	const bool served = serve_ready(l);
	const bool parked = flush_parked(l);
	return frames > 0 || served || parked;
}

/* After the last of it: its copies come back, and what clients still say. */
static void wait_for_end(struct listen *l)
{
	int64_t until = clock_monotonic_ns() + GRACE_NS;
	int64_t settled = INT64_MAX;
	const int first_signal = interrupt_number;
	interrupt_number = 0;
	stop(l, false);
	for (;;) {
		const bool busy = look(l);
		const int64_t now = clock_monotonic_ns();
		if (now >= until || interrupt_number != 0) {
			stop(l, true);
			until = INT64_MAX;
			interrupt_number = 0;
			continue; /* the resets are still to be sent */
		}
		if (busy)
			continue;
		if (all_over(l)) {
			settled = earlier(settled, now + SETTLE_NS);
			if (sent_all_seen(&l->sent) || now >= settled)
				break;
		}
		actor_wait(link_fd(l->link),
			   earlier(earlier(settled, until), listener_deadline(&l->listener)));
	}
	if (first_signal != 0)
		interrupt_number = first_signal;
	(void)story_end_quiet(l, true);
}

void listen_run(struct listen *l)
{
	l->begun_ns = clock_monotonic_ns();
	for (;;) {
		const bool busy = look(l);
		const int64_t again = story_end_quiet(l, false);
		if (must_stop(l, clock_monotonic_ns()))
			break;
		if (!busy)
			actor_wait(link_fd(l->link), earlier(earlier(again, l->deadline_ns),
							     listener_deadline(&l->listener)));
	}
	wait_for_end(l);
}

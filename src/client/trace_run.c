/*
 * One exchange, from open to close. The actor is fed by the pipeline: what arrives reaches
 * the machine in trace_own_segment(), and our own segments come back through the capture
 * and are recognised there by the list of what was sent. So what is shown is what was on
 * the wire, with the kernel's time stamps, and never what was meant.
 *
 * With --truth the kernel at the other end is asked for its state after every step. The
 * answer belongs to the last frame before the question only if no frame came between;
 * receive_with_truth() holds frames back and asks again until that is so.
 */
#include "trace_internal.h"

#include "synscope/client/step.h"
#include "synscope/edge/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_NS (50 * NS_PER_MS)    /* for the copy of our last segment to come back */
#define ANSWER_WAIT_NS (2 * NS_PER_S) /* with data: for the first byte of an answer */
#define QUIET_NS (100 * NS_PER_MS)    /* after it: this, and some round trips, of silence */
#define ASK_NS (500 * NS_PER_MS)      /* Linux answers such a segment once in this time */
#define HELD_FRAMES_MAX 512
#define TRUTH_TRIES 8

/* The machine's clock stands still while a segment of ours waits for a key: it is not the
 * machine's fault that nothing is acknowledged. */
static int64_t trace_now(const struct trace *t)
{
	const int64_t now = t->held_since_ns != 0 ? t->held_since_ns : clock_monotonic_ns();
	return now - t->paused_ns;
}

static struct run *run_of_port(struct trace *t, uint16_t port)
{
	if (t->current != NULL && t->current->local.port == port)
		return t->current;
	for (uint32_t i = 0; i < t->runs_count; i++)
		if (t->runs[i].local.port == port)
			return &t->runs[i];
	return NULL;
}

bool trace_is_own(void *context, const struct endpoint *e)
{
	struct trace *t = context;
	return ip_addr_equal(&e->addr, &t->route.source) && run_of_port(t, e->port) != NULL;
}

static struct exchange *exchange_of(struct trace *t, const struct run *r)
{
	return pipeline_find(session_pipeline(t->session), &r->local, &r->remote);
}

static void tell_timer(struct trace *t, struct run *r, const struct machine_log *log)
{
	struct event_timer timer;
	actor_timer(log, &timer);
	pipeline_timer(session_pipeline(t->session), exchange_of(t, r), &timer,
		       clock_realtime_ns());
}

/* What happened inside the machine since the last time. */
static void drain_log(struct trace *t, struct run *r)
{
	struct machine_log log;
	while (machine_log_next(r->machine, &log)) {
		switch (log.kind) {
		case MACHINE_LOG_TRANSITION:
			r->why.cause = log.row >= 0 ? tcp_rules[log.row].sentence : NULL;
			r->why.rfc = log.row >= 0 ? tcp_rules[log.row].section : NULL;
			break;
		case MACHINE_LOG_GAVE_UP:
			r->answers.gave_up = true;
			tell_timer(t, r, &log);
			break;
		case MACHINE_LOG_TIMER:
			if (log.timer == TIMER_RETRANSMISSION || log.timer == TIMER_PERSIST)
				tell_timer(t, r, &log);
			break;
		case MACHINE_LOG_RESET:
			r->answers.reset_later = true;
			break;
		case MACHINE_LOG_REFUSED:
		case MACHINE_LOG_CHALLENGED:
			break;
		}
	}
}

static void inbound(struct trace *t, struct run *r, const struct segment *s, int64_t time_ns,
		    struct own_word *word)
{
	r->quiet_since_ns = trace_now(t);
	if (r->machine == NULL) { /* --flags: one segment, no connection */
		if (!r->answers.probe_answered) {
			r->answers.probe_answered = true;
			r->answers.probe_flags = s->flags;
			r->answers.has_answer_time = true;
			r->answers.answer_time_ns = time_ns;
			r->answers.rtt_ambiguous = r->answers.syn_sent > 1;
		}
		word->known = true;
		word->state = ST_CLOSED;
		return;
	}
	const enum tcp_state before = machine_state(r->machine);
	r->why.cause = NULL;
	r->arrivals++;
	machine_segment(r->machine, s, trace_now(t));
	drain_log(t, r);
	word->known = true;
	word->state = machine_state(r->machine);
	word->cause = r->why.cause;
	word->rfc = r->why.rfc;
	verdict_note_inbound(r, s, before, word->state, time_ns);
}

static void outbound(struct run *r, const struct segment *s, int64_t time_ns, struct own_word *word)
{
	const struct sent *sent = sent_recognise(&r->sent, s);
	if (sent == NULL) {
		word->unsent = true;
		return;
	}
	if (r->phase == RUN_OPENING &&
	    ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || r->machine == NULL)) {
		r->answers.syn_time_ns = time_ns;
		r->answers.syn_ts = s->option.ts_value;
	}
	word->known = true;
	if (r->machine != NULL && sent->arrivals != r->arrivals) {
		/* It left while something was already waiting in the capture, and is seen only
		 * now: the state it left in is past. */
		word->state = machine_state(r->machine);
		return;
	}
	word->state = sent->state;
	word->cause = sent->why.cause;
	word->rfc = sent->why.rfc;
}

void trace_own_segment(void *context, const struct segment *s, bool out, int64_t time_ns,
		       struct own_word *word)
{
	struct trace *t = context;
	struct run *r = run_of_port(t, out ? s->src.port : s->dst.port);
	if (r == NULL)
		return;
	if (out)
		outbound(r, s, time_ns, word);
	else if (r == t->current && r->phase != RUN_ENDED)
		inbound(t, r, s, time_ns, word);
}

void trace_own_icmp(void *context, const struct icmp_error *e, int64_t time_ns,
		    struct own_word *word)
{
	struct trace *t = context;
	struct run *r = run_of_port(t, e->quoted_src.port);
	if (r == NULL || r != t->current)
		return;
	const bool refusal = icmp_reason_is_refusal(e->reason);
	if (r->phase == RUN_OPENING && refusal && !r->answers.rejected) {
		r->answers.rejected = true;
		r->answers.icmp = *e;
		r->answers.has_answer_time = true;
		r->answers.answer_time_ns = time_ns;
		r->answers.rtt_ambiguous = r->answers.syn_sent > 1;
	}
	if (r->machine == NULL)
		return;
	r->why.cause = NULL;
	(void)machine_icmp(r->machine, e, trace_now(t));
	drain_log(t, r);
	word->known = true;
	word->state = machine_state(r->machine);
	word->cause = r->why.cause;
	word->rfc = r->why.rfc;
}

/* --- receiving -------------------------------------------------------------- */

static void take_frame(void *context, const struct link_frame *frame)
{
	struct trace *t = context;
	session_frame(t->session, frame, NULL);
}

struct held {
	struct link_frame frame[HELD_FRAMES_MAX];
	unsigned count;
	bool full;
};

static void hold_frame(void *context, const struct link_frame *frame)
{
	struct held *h = context;
	uint8_t *copy = h->count < HELD_FRAMES_MAX ? malloc(frame->captured_bytes + 1) : NULL;
	if (copy == NULL) {
		h->full = true;
		return;
	}
	memcpy(copy, frame->data, frame->captured_bytes);
	h->frame[h->count] = *frame;
	h->frame[h->count++].data = copy;
}

static int receive_held(struct trace *t, struct held *h)
{
	return link_receive(t->link, hold_frame, h, &t->why);
}

/* Ask until no frame came while we asked. @return whether that succeeded */
static bool sample_truth(struct trace *t, struct held *h, int64_t *asked_ns)
{
	struct sockdiag_truth truth;
	for (int tries = 0; tries < TRUTH_TRIES; tries++) {
		*asked_ns = clock_realtime_ns();
		if (sockdiag_ask(t->sockdiag, &t->current->remote, &t->current->local, &truth,
				 &t->why) < 0)
			return false;
		const int64_t answered_ns = clock_realtime_ns();
		const unsigned before = h->count;
		if (receive_held(t, h) < 0)
			return false;
		bool disturbed = false;
		for (unsigned i = before; i < h->count; i++)
			disturbed |= h->frame[i].time_ns <= answered_ns;
		t->truth = (struct pipeline_truth){truth.state, truth.fin_unsent};
		if (!disturbed)
			return true;
	}
	return false;
}

static int receive_with_truth(struct trace *t)
{
	static struct held h;
	int64_t asked_ns;
	h.count = 0;
	h.full = false;
	const int rc = receive_held(t, &h);
	if (rc <= 0)
		return rc;
	const bool known = sample_truth(t, &h, &asked_ns);
	unsigned last = 0; /* 1 + the index of the last frame before the question */
	for (unsigned i = 0; i < h.count && known && !h.full; i++)
		if (h.frame[i].time_ns < asked_ns)
			last = i + 1;
	for (unsigned i = 0; i < h.count; i++) {
		session_frame(t->session, &h.frame[i], i + 1 == last ? &t->truth : NULL);
		free((void *)(uintptr_t)h.frame[i].data);
	}
	return (int)h.count;
}

static int receive(struct trace *t)
{
	const int rc = t->sockdiag != NULL ? receive_with_truth(t)
					   : link_receive(t->link, take_frame, t, &t->why);
	if (rc < 0 && t->failed == 0)
		t->failed = rc;
	return rc;
}

/* --- sending ---------------------------------------------------------------- */

static void decorate(const struct trace *t, struct segment_spec *spec)
{
	const struct trace_options *o = &t->options;
	spec->ttl = o->ttl.given ? (uint8_t)o->ttl.value : 0;
	spec->traffic |= o->tos.given ? (uint8_t)o->tos.value : 0;
	spec->flow_label = o->flow_label.value;
	spec->has_ip_id = o->ip_id.given;
	spec->ip_id = (uint16_t)o->ip_id.value;
	spec->bad_checksum = o->bad_checksum;
	if ((spec->flags & TCP_SYN) != 0 && t->raw_options_bytes > 0) {
		spec->raw_options = t->raw_options;
		spec->raw_options_bytes = t->raw_options_bytes;
	}
}

static void change(struct segment_spec *spec, enum step_change c)
{
	switch (c) {
	case STEP_SEQ_PLUS_1:
		spec->seq = seq_add(spec->seq, 1);
		break;
	case STEP_ACK_MINUS_1:
		spec->ack = seq_sub(spec->ack, 1);
		break;
	case STEP_BAD_CHECKSUM:
		spec->bad_checksum = true;
		break;
	case STEP_WINDOW_0:
		spec->window = 0;
		break;
	case STEP_WITHOUT_ACK:
		spec->flags &= (uint16_t)~TCP_ACK;
		break;
	case STEP_WITH_RST:
		spec->flags |= TCP_RST;
		break;
	}
}

/* "ACK  seq 1  ack 1", the numbers from our ISN and theirs where these are known. */
static void offer(struct trace *t, const struct run *r, const struct segment_spec *spec,
		  const char *why)
{
	const struct exchange *x = exchange_of(t, r);
	const struct flow_side *us = x == NULL ? NULL : &x->flow.side[SIDE_CLIENT];
	const struct flow_side *them = x == NULL ? NULL : &x->flow.side[SIDE_SERVER];
	const bool syn = (spec->flags & TCP_SYN) != 0;
	const uint32_t isn = us != NULL && us->isn_known ? us->isn.raw : syn ? spec->seq.raw : 0;
	const uint32_t irs = them != NULL && them->isn_known ? them->isn.raw : 0;
	char flags[TCP_FLAGS_TEXT_MAX];
	char what[160];
	int used =
		snprintf(what, sizeof what, "%s  seq %u",
			 tcp_flags_format(spec->flags, flags, sizeof flags), spec->seq.raw - isn);
	if (spec->flags & TCP_ACK)
		used += snprintf(what + used, sizeof what - (size_t)used, "  ack %u",
				 spec->ack.raw - irs);
	if (spec->payload_bytes > 0)
		used += snprintf(what + used, sizeof what - (size_t)used, "  len %zu",
				 spec->payload_bytes);
	if (spec->bad_checksum)
		snprintf(what + used, sizeof what - (size_t)used, "  BAD CHECKSUM");
	step_offer(session_step(t->session), what, why);
}

/* --step: hold a segment of ours until a key says what becomes of it. What comes meanwhile is
 * taken in and shown; the other end's timers run. */
static enum step_answer hold(struct trace *t, struct run *r, struct segment_spec *spec)
{
	struct step *s = session_step(t->session);
	enum step_answer a = STEP_WAITING;
	const char *why = r->why.cause;
	if (s == NULL || t->unheld || interrupt_number != 0)
		return STEP_SEND;
	t->held_since_ns = clock_monotonic_ns();
	offer(t, r, spec, why);
	while (a == STEP_WAITING && interrupt_number == 0 && t->failed == 0) {
		struct pollfd fds[] = {{.fd = step_fd(s), .events = POLLIN},
				       {.fd = link_fd(t->link), .events = POLLIN}};
		const struct timespec ts = {.tv_nsec = 200 * NS_PER_MS};
		sigset_t none;
		sigemptyset(&none);
		(void)ppoll(fds, ARRAY_COUNT(fds), &ts, &none);
		(void)receive(t);
		a = step_keys(s, clock_monotonic_ns() - t->held_since_ns);
		if (a == STEP_MODIFY) {
			change(spec, step_change(s));
			offer(t, r, spec, why);
			a = STEP_WAITING;
		}
	}
	t->paused_ns += clock_monotonic_ns() - t->held_since_ns;
	t->held_since_ns = 0;
	if (a == STEP_STOP)
		interrupt_number = SIGINT;
	t->unheld = a == STEP_LEAVE;
	return interrupt_number != 0 ? STEP_STOP : a == STEP_LEAVE ? STEP_SEND : a;
}

/* Tell of a segment that was built and is not sent: as if it had been lost. */
static void tell_dropped(struct trace *t, const struct segment_spec *spec)
{
	uint8_t options[OPTION_BYTES_MAX];
	struct segment s = {.src = spec->src,
			    .dst = spec->dst,
			    .seq = spec->seq,
			    .ack = spec->ack,
			    .flags = spec->flags,
			    .window = spec->window,
			    .option = spec->option,
			    .options = options,
			    .payload = spec->payload,
			    .payload_bytes = (uint32_t)spec->payload_bytes,
			    .payload_captured_bytes = (uint32_t)spec->payload_bytes};
	s.ip.src = spec->src.addr;
	s.ip.dst = spec->dst.addr;
	s.ip.ttl = spec->ttl != 0 ? spec->ttl : 64;
	s.options_bytes =
		(uint8_t)option_encode(&spec->option, (spec->flags & TCP_SYN) != 0, options);
	s.header_bytes = (uint8_t)(20 + s.options_bytes);
	pipeline_held(session_pipeline(t->session), &s, NULL, clock_realtime_ns());
}

static bool put_on_wire(struct trace *t, struct run *r, struct segment_spec *spec)
{
	decorate(t, spec);
	const enum step_answer answer = hold(t, r, spec);
	if (answer == STEP_DROP) {
		tell_dropped(t, spec);
		r->why.cause = NULL;
	}
	if (answer != STEP_SEND)
		return t->failed == 0;
	struct sent *sent = sent_add(&r->sent, spec);
	sent->state = r->machine != NULL ? machine_state(r->machine) : ST_CLOSED;
	sent->why = r->why;
	sent->arrivals = r->arrivals;
	r->why.cause = NULL;
	r->window_last = spec->window;
	const int rc = link_send(t->link, spec, &t->why);
	if (rc < 0 && rc != -ENOBUFS && rc != -EAGAIN) {
		t->failed = rc;
		return false;
	}
	if (r->phase == RUN_OPENING && (spec->flags & TCP_SYN) != 0 && (spec->flags & TCP_ACK) == 0)
		r->answers.syn_sent++;
	return true;
}

/* Send what the machine has to send. With --truth only one segment, so that the kernel can be
 * asked before the next. @return whether to look again before sleeping */
static bool flush(struct trace *t, struct run *r)
{
	struct segment_spec spec;
	bool again = false;
	while (!again && t->failed == 0 && machine_output(r->machine, &spec, trace_now(t))) {
		drain_log(t, r);
		again = !put_on_wire(t, r, &spec) || t->sockdiag != NULL;
	}
	drain_log(t, r);
	return again;
}

/* Our state can change without a segment: say so once none is on its way back. */
static void show_own_state(struct trace *t, struct run *r)
{
	struct exchange *x = exchange_of(t, r);
	if (x == NULL || x->own_side < 0 || !sent_all_seen(&r->sent))
		return;
	const struct own_word word = {.known = true,
				      .state = machine_state(r->machine),
				      .cause = r->why.cause,
				      .rfc = r->why.rfc};
	if (x->view[x->own_side].state != word.state)
		pipeline_own_state(session_pipeline(t->session), x, &word, clock_realtime_ns());
}

/* --- what the application does ---------------------------------------------- */

static void take_received(struct trace *t, struct run *r, int64_t now)
{
	uint8_t chunk[16384];
	size_t count;
	while ((count = machine_receive(r->machine, chunk, sizeof chunk, now)) > 0) {
		r->received_bytes += count;
		r->quiet_since_ns = now;
		if (t->save != NULL && fwrite(chunk, 1, count, t->save) != count &&
		    t->failed == 0) {
			t->failed = -errno;
			fault_set(&t->why, "cannot write %s: %s", t->options.save_path,
				  strerror(errno));
		}
	}
}

static int64_t wait_for_silence(const struct trace *t, const struct run *r)
{
	if (t->options.wait_ns >= 0)
		return t->options.wait_ns;
	if (t->data.bytes == 0)
		return 0;
	if (r->received_bytes == 0)
		return ANSWER_WAIT_NS;
	const int64_t rtt = r->answers.answer_time_ns - r->answers.syn_time_ns;
	return QUIET_NS + 4 * (rtt > 0 && rtt < NS_PER_S ? rtt : 0);
}

static void call_close(struct trace *t, struct run *r, int64_t now)
{
	r->phase = RUN_CLOSING;
	r->close_called = true;
	r->close_called_ns = now;
	if (t->options.close == TRACE_CLOSE_RST) {
		r->aborted = true;
		(void)machine_abort(r->machine, now);
	} else {
		(void)machine_close(r->machine, now);
	}
}

static void call_abort(struct run *r, int64_t now)
{
	if (r->aborted || machine_state(r->machine) == ST_CLOSED)
		return;
	r->aborted = true;
	r->phase = RUN_CLOSING;
	(void)machine_abort(r->machine, now);
}

/*
 * --ask: an empty ACK one number below what the server awaits. It changes no state of any TCP,
 * and the answer carries SND.NXT and RCV.NXT: a proof. Once for every state that is only
 * expected, and never twice in ASK_NS. @return whether to wait for the answer
 */
static bool ask(struct trace *t, struct run *r, int64_t now)
{
	const struct exchange *x = exchange_of(t, r);
	if (!t->options.ask || x == NULL || !sent_all_seen(&r->sent))
		return false;
	const struct end_view *v = &x->view[SIDE_SERVER];
	if (v->certainty != CERTAINTY_EXPECTED)
		return false;
	if (r->asked && now - r->asked_ns < ASK_NS)
		return r->quiet_since_ns < r->asked_ns; /* unless it was answered */
	if (r->asked && r->asked_state == v->state)
		return false;
	const struct input_vars vars = machine_vars(r->machine);
	struct segment_spec spec = {.src = r->local,
				    .dst = r->remote,
				    .seq = seq_sub(vars.snd_nxt, 1),
				    .ack = vars.rcv_nxt,
				    .flags = TCP_ACK,
				    .window = r->window_last};
	r->asked = true;
	r->asked_ns = now;
	r->asked_state = v->state;
	r->why.cause = NULL;
	return put_on_wire(t, r, &spec);
}

static void talk(struct trace *t, struct run *r, int64_t now)
{
	if (r->data_queued < t->data.bytes)
		r->data_queued += machine_send(r->machine, t->data.data + r->data_queued,
					       t->data.bytes - r->data_queued, now);
	const bool all_said = r->data_queued == t->data.bytes && machine_all_acked(r->machine);
	const bool silent = now - r->quiet_since_ns >= wait_for_silence(t, r);
	if (all_said && ask(t, r, now))
		return;
	if (machine_at_eof(r->machine) ||
	    (all_said && silent && t->options.close != TRACE_CLOSE_NONE))
		call_close(t, r, now);
}

/* One look at where we are. Sets RUN_ENDED when nothing is left to do. */
static void act(struct trace *t, struct run *r, int64_t now)
{
	const enum tcp_state state = machine_state(r->machine);
	if (r->phase == RUN_OPENING && state != ST_SYN_SENT && state != ST_SYN_RECEIVED &&
	    state != ST_CLOSED) {
		r->phase = RUN_TALKING;
		r->quiet_since_ns = now;
	}
	if (r->phase == RUN_OPENING && r->answers.rejected)
		call_abort(r, now);
	if (r->phase == RUN_TALKING && state != ST_CLOSED)
		talk(t, r, now);
	if (r->phase == RUN_CLOSING && !r->aborted &&
	    now - r->close_called_ns >= t->options.fin_wait_ns &&
	    (state == ST_FIN_WAIT_1 || state == ST_FIN_WAIT_2 || state == ST_CLOSING ||
	     state == ST_LAST_ACK)) {
		client_note("synscope: the other end has not closed within %.1f s: reset",
			    (double)t->options.fin_wait_ns / 1e9);
		call_abort(r, now);
	}
	if (now >= t->deadline_ns && !r->aborted && state != ST_CLOSED && state != ST_TIME_WAIT) {
		r->answers.gave_up = true;
		call_abort(r, now);
	}
}

static bool over(struct trace *t, struct run *r, int64_t now)
{
	const enum tcp_state state = machine_state(r->machine);
	if (state != ST_CLOSED && state != ST_TIME_WAIT) {
		r->ended_ns = 0;
		return false;
	}
	if (r->ended_ns == 0)
		r->ended_ns = now;
	if (state == ST_TIME_WAIT && now - r->ended_ns < t->options.time_wait_ns)
		return false;
	if (state == ST_TIME_WAIT && ask(t, r, now))
		return false;
	return sent_all_seen(&r->sent) || now - r->ended_ns >= SETTLE_NS + t->options.time_wait_ns;
}

static int64_t next_deadline(const struct trace *t, const struct run *r, int64_t now)
{
	int64_t at = machine_deadline(r->machine);
	int64_t other = t->deadline_ns;
	if (r->phase == RUN_TALKING && t->options.close != TRACE_CLOSE_NONE)
		other = r->quiet_since_ns + wait_for_silence(t, r);
	if (r->phase == RUN_CLOSING)
		other = r->close_called_ns + t->options.fin_wait_ns;
	if (r->asked && r->asked_ns + ASK_NS > now && r->asked_ns + ASK_NS < other)
		other = r->asked_ns + ASK_NS;
	if (r->ended_ns != 0 && (!r->asked || r->asked_ns + ASK_NS <= now))
		other = r->ended_ns + t->options.time_wait_ns +
			(sent_all_seen(&r->sent) ? 0 : SETTLE_NS);
	if (other <= now) /* waits for something else: data to be acknowledged, a signal */
		other = now + SETTLE_NS;
	at = other < at ? other : at;
	return t->deadline_ns < at && t->deadline_ns > now ? t->deadline_ns : at;
}

/* Sleep until a frame, a signal or the time. */
static void wait_until(struct trace *t, int64_t at)
{
	actor_wait(link_fd(t->link), at + t->paused_ns);
}

static bool must_stop(const struct trace *t)
{
	return interrupt_number != 0 || t->failed != 0 || session_gone(t->session);
}

static void run_machine(struct trace *t, struct run *r)
{
	bool stopping = false;
	(void)machine_open_active(r->machine, trace_now(t));
	drain_log(t, r);
	(void)flush(t, r); /* our SYN first: what came before it was not for this connection */
	for (;;) {
		const int frames = receive(t);
		const int64_t now = trace_now(t);
		machine_tick(r->machine, now);
		drain_log(t, r);
		take_received(t, r, now);
		/* Answer first, act then: the handshake's ACK is not swallowed by our FIN. */
		bool again = flush(t, r);
		if (!stopping && must_stop(t)) {
			stopping = true;
			call_abort(r, now);
		} else if (!stopping && !again) {
			act(t, r, now);
		}
		again = again || flush(t, r);
		if (again || frames > 0)
			continue; /* there may be an answer to what was sent */
		show_own_state(t, r);
		if (over(t, r, now) || (stopping && t->failed != 0))
			break;
		wait_until(t, next_deadline(t, r, now));
	}
}

/* --- --flags: a single segment that opens nothing ----------------------------- */

static void answer_with_rst(struct trace *t, struct run *r, seq_t seq)
{
	struct segment_spec spec = {
		.src = r->local, .dst = r->remote, .flags = TCP_RST, .seq = seq};
	(void)put_on_wire(t, r, &spec);
}

static void run_probe(struct trace *t, struct run *r)
{
	const struct trace_options *o = &t->options;
	const unsigned tries = 1 + (o->max_retries.given ? o->max_retries.value : 2);
	int64_t wait = o->rto_ns;
	for (unsigned i = 0; i < tries && !must_stop(t) && !r->answers.probe_answered;
	     i++, wait *= 2) {
		struct segment_spec spec = {
			.src = r->local,
			.dst = r->remote,
			.seq = seq_of(o->isn.value),
			.ack = seq_of(o->ack.value),
			.flags = o->flags,
			.window = 64240,
			.payload = t->data.data,
			.payload_bytes = t->data.bytes,
		};
		const int64_t until = trace_now(t) + wait;
		if ((o->flags & TCP_SYN) == 0)
			r->answers.syn_sent++;
		if (!put_on_wire(t, r, &spec))
			break;
		while (trace_now(t) < until && !must_stop(t) && !r->answers.probe_answered &&
		       !r->answers.rejected) {
			wait_until(t, until);
			(void)receive(t);
		}
		if (r->answers.rejected)
			break;
	}
	r->answers.gave_up = !r->answers.probe_answered && !r->answers.rejected;
	if ((r->answers.probe_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK)) {
		const struct exchange *x = exchange_of(t, r);
		if (x != NULL)
			answer_with_rst(t, r, x->flow.side[SIDE_SERVER].ack_last);
		wait_until(t, trace_now(t) + NS_PER_MS);
		(void)receive(t);
	}
}

bool trace_run(struct trace *t, struct run *r)
{
	t->current = r;
	r->sent.slots_count = SENT_MAX;
	t->paused_ns = 0;
	r->phase = RUN_OPENING;
	r->quiet_since_ns = trace_now(t);
	if (r->machine != NULL)
		run_machine(t, r);
	else
		run_probe(t, r);
	r->phase = RUN_ENDED;
	return !must_stop(t);
}

#include "rig.h"

#include "cm.h"

#include <stdio.h>
#include <string.h>

struct machine_config rig_config(void)
{
	struct machine_config c = machines_config(1);
	c.isn = seq_of(RIG_ISS);
	c.mss = 1000;
	c.use_wscale = c.use_timestamps = c.use_sack = false;
	c.send_buffer_bytes = 10000;
	c.receive_buffer_bytes = 10000;
	return c;
}

void rig_begin(struct rig *r, const struct machine_config *config)
{
	memset(r, 0, sizeof *r);
	machines_init(&r->end, config);
	r->m = &r->end.m;
	r->window = 60000;
	r->option = (struct option_set){.has_mss = true, .mss = 1000};
}

void rig_end(struct rig *r)
{
	machines_free(&r->end);
}

void rig_gives(struct rig *r, uint16_t flags, uint32_t seq_rel, uint32_t ack_rel, uint32_t count)
{
	static uint8_t text[SIMLINK_TEXT_MAX];
	for (uint32_t i = 0; i < count; i++)
		text[i] = (uint8_t)(seq_rel + i);
	struct segment s = {
		.ip = {.traffic = r->traffic},
		.src = machines_config(0).local,
		.dst = machines_config(1).local,
		.seq = seq_add(seq_of(RIG_IRS), seq_rel),
		.ack = seq_add(seq_of(RIG_ISS), ack_rel),
		.flags = flags,
		.window = r->window,
		.payload = text,
		.payload_bytes = count,
		.payload_captured_bytes = count,
	};
	if (flags & TCP_SYN)
		s.option = r->option;
	s.option.has_timestamps = r->time_stamps;
	s.option.ts_value = r->ts_value;
	s.option.ts_echo = r->ts_echo;
	if (!(flags & TCP_SYN)) {
		s.option.sack_count = r->option.sack_count;
		memcpy(s.option.sack, r->option.sack, sizeof s.option.sack);
	}
	machine_segment(r->m, &s, r->now_ns);
}

static void describe(const struct segment *s, char *text, size_t text_bytes)
{
	char flags[TCP_FLAGS_TEXT_MAX];
	snprintf(text, text_bytes, "%s seq %u ack %u, %u bytes",
		 tcp_flags_format(s->flags, flags, sizeof flags), seq_rel(s->seq, seq_of(RIG_ISS)),
		 seq_rel(s->ack, seq_of(RIG_IRS)), s->payload_bytes);
}

static bool is_wanted(const struct segment *s, const struct rig_want *want)
{
	return (s->flags & (uint16_t)~TCP_PSH) == want->flags &&
	       seq_eq(s->seq, seq_add(seq_of(RIG_ISS), want->seq_rel)) &&
	       (!(s->flags & TCP_ACK) || seq_eq(s->ack, seq_add(seq_of(RIG_IRS), want->ack_rel))) &&
	       s->payload_bytes == want->count;
}

void rig_sends_at(struct rig *r, struct rig_want want, const char *file, int line)
{
	struct segment_spec spec;
	if (!machine_output(r->m, &spec, r->now_ns)) {
		print_error("nothing is sent in %s\n", ctl_name(r->m->ctl));
		_fail(file, line);
	}
	r->out = simlink_segment(&spec, r->out_text);
	if (!is_wanted(&r->out, &want)) {
		char text[120];
		describe(&r->out, text, sizeof text);
		print_error("sends %s\n", text);
		_fail(file, line);
	}
	for (uint32_t i = 0; i < want.count; i++)
		_assert_int_equal(r->out_text[i], (uint8_t)(want.seq_rel + i), file, line);
}

void rig_is_silent_at(struct rig *r, const char *file, int line)
{
	struct segment_spec spec;
	if (!machine_output(r->m, &spec, r->now_ns))
		return;
	r->out = simlink_segment(&spec, r->out_text);
	char text[120];
	describe(&r->out, text, sizeof text);
	print_error("sends %s\n", text);
	_fail(file, line);
}

void rig_waits(struct rig *r, int64_t ns)
{
	r->now_ns += ns;
	machine_tick(r->m, r->now_ns);
}

int64_t rig_waits_for_timer(struct rig *r)
{
	const int64_t at_ns = machine_deadline(r->m);
	if (at_ns == INT64_MAX)
		return -1;
	const int64_t after_ns = at_ns - r->now_ns;
	rig_waits(r, after_ns);
	return after_ns;
}

void rig_establish_passive(struct rig *r)
{
	assert_true(machine_open_passive(r->m, r->now_ns));
	rig_gives(r, TCP_SYN, 0, 0, 0);
	rig_sends(r, TCP_SYN | TCP_ACK, 0, 1, 0);
	rig_waits(r, 100 * MS);
	rig_gives(r, TCP_ACK, 1, 1, 0);
	rig_is_silent(r);
	assert_int_equal(r->m->ctl, CTL_ESTABLISHED);
}

void rig_establish_active(struct rig *r)
{
	assert_true(machine_open_active(r->m, r->now_ns));
	rig_sends(r, TCP_SYN, 0, 0, 0);
	rig_waits(r, 100 * MS);
	rig_gives(r, TCP_SYN | TCP_ACK, 0, 1, 0);
	rig_sends(r, TCP_ACK, 1, 1, 0);
	rig_is_silent(r);
	assert_int_equal(r->m->ctl, CTL_ESTABLISHED);
}

void rig_queues(struct rig *r, uint32_t at_rel, uint32_t count)
{
	static uint8_t text[65536];
	for (uint32_t i = 0; i < count; i++)
		text[i] = (uint8_t)(at_rel + i);
	assert_int_equal(machine_send(r->m, text, count, r->now_ns), count);
}

void rig_reads(struct rig *r, uint32_t at_rel, uint32_t count)
{
	static uint8_t text[65536];
	assert_int_equal(machine_receivable(r->m), count);
	assert_int_equal(machine_receive(r->m, text, sizeof text, r->now_ns), count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(text[i], (uint8_t)(at_rel + i));
}

#include "synscope/render/summary.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Begin a row. Further text of it is added by more(). */
static void row(struct summary *s, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void more(struct summary *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void row(struct summary *s, const char *key, const char *format, ...)
{
	if (s->count == SUMMARY_ROWS_MAX)
		return;
	struct summary_row *r = &s->rows[s->count++];
	r->key = key;
	r->strong = false;
	r->loud = false;
	va_list args;
	va_start(args, format);
	vsnprintf(r->text, sizeof r->text, format, args);
	va_end(args);
}

static void more(struct summary *s, const char *format, ...)
{
	struct summary_row *r = &s->rows[s->count - 1];
	const size_t used = strlen(r->text);
	va_list args;
	va_start(args, format);
	vsnprintf(r->text + used, sizeof r->text - used, format, args);
	va_end(args);
}

static void sum_verdict(struct summary *s, const struct event_verdict *v)
{
	row(s, "verdict", "%s", verdict_name(v->verdict));
	s->rows[s->count - 1].strong = true;
	if (v->reason[0] != '\0')
		more(s, ": %s", v->reason);
	if (v->has_by) {
		char by[IP_ADDR_TEXT_MAX];
		ip_addr_format(&v->by, by, sizeof by);
		if (strstr(v->reason, by) == NULL)
			more(s, "; by %s", by);
	}
	if (v->has_rtt) {
		char rtt[WORDS_TIME_MAX];
		more(s, "; answered after %s", words_duration(v->rtt_ns, rtt, sizeof rtt));
	}
	if (v->wanted != VERDICT_NONE && v->wanted != v->verdict) {
		more(s, " (expected: %s)", verdict_name(v->wanted));
		s->rows[s->count - 1].loud = true;
	}
}

static void sum_opening(struct summary *s, const struct event_flow *f)
{
	char rtt[WORDS_TIME_MAX];
	if (f->handshake_complete)
		row(s, "opening", "complete, validated by its numbers");
	else if (f->client.syn_seen || f->server.syn_seen)
		row(s, "opening", "not completed");
	else
		row(s, "opening", "no SYN was seen");
	if (f->has_handshake_rtt)
		more(s, "; SYN to SYN,ACK %s",
		     words_duration(f->handshake_rtt_ns, rtt, sizeof rtt));
}

static void sum_isns(struct summary *s, const struct event_flow *f, enum numbers numbers)
{
	const bool symbolic = numbers == NUMBERS_SYMBOLIC;
	const char *sep = "";
	if (!f->client.isn_known && !f->server.isn_known)
		return;
	row(s, "ISNs", "%s", "");
	if (f->client.isn_known) {
		more(s, "client %s%" PRIu32, symbolic ? "x = " : "", f->client.isn.raw);
		sep = ", ";
	}
	if (f->server.isn_known)
		more(s, "%sserver %s%" PRIu32, sep, symbolic ? "y = " : "", f->server.isn.raw);
	more(s, symbolic ? "; sums are modulo 2^32" : "; raw = rel + ISN (mod 2^32)");
}

static void sum_data(struct summary *s, const struct event_flow *f)
{
	char up[WORDS_COUNT_MAX];
	char down[WORDS_COUNT_MAX];
	const uint32_t again = f->client.retransmissions + f->server.retransmissions;
	const uint32_t late = f->client.out_of_order + f->server.out_of_order;
	if (f->client.bytes == 0 && f->server.bytes == 0)
		row(s, "data", "none");
	else
		row(s, "data", "%s to the server, %s to the client",
		    words_bytes(f->client.bytes, up, sizeof up),
		    words_bytes(f->server.bytes, down, sizeof down));
	more(s, "; %" PRIu32 " segment%s", f->client.segments + f->server.segments,
	     f->client.segments + f->server.segments == 1 ? "" : "s");
	if (again > 0)
		more(s, ", %" PRIu32 " sent again", again);
	if (late > 0)
		more(s, ", %" PRIu32 " out of order", late);
}

static void sum_closing(struct summary *s, const struct event_flow *f)
{
	switch (f->close) {
	case CLOSE_NONE:
		row(s, "closing", "not seen");
		return;
	case CLOSE_FIN:
		row(s, "closing", "with FIN");
		break;
	case CLOSE_RST:
		row(s, "closing", "with RST");
		break;
	case CLOSE_TIMEOUT:
		row(s, "closing", "given up after silence");
		break;
	}
	if (f->has_closer)
		more(s, f->close == CLOSE_FIN ? ", first by the %s" : " by the %s",
		     side_name(f->closer));
	if (f->close == CLOSE_FIN)
		more(s, f->both_closed ? "; both directions closed"
				       : "; the other direction stayed open");
}

static void sum_phase(struct summary *s, const char *name, int64_t ns)
{
	char text[WORDS_TIME_MAX];
	if (ns >= 0)
		more(s, "%s%s %s", s->rows[s->count - 1].text[0] == '\0' ? "" : ", ", name,
		     words_duration(ns, text, sizeof text));
}

static void sum_details(struct summary *s, const struct event_flow *f)
{
	if (f->open_ns >= 0 || f->data_ns >= 0 || f->close_ns >= 0) {
		row(s, "phases", "%s", "");
		sum_phase(s, "open", f->open_ns);
		sum_phase(s, "data", f->data_ns);
		sum_phase(s, "close", f->close_ns);
	}
	if (f->has_guard)
		row(s, "guard", "%s; our own kernel was kept from answering %" PRIu64 " segment%s",
		    f->guard_kind == NULL ? "unknown" : f->guard_kind, f->guard_absorbed,
		    f->guard_absorbed == 1 ? "" : "s");
	if (f->conn_state[0] != '\0')
		row(s, "compare", "Zeek: %s %s; Wireshark: completeness %u", f->conn_state,
		    f->history, f->completeness);
	if (f->transitions_lost > 0)
		row(s, "states", "%" PRIu32 " transitions more than were kept",
		    f->transitions_lost);
}

void summary_flow(struct summary *s, const struct flow_memory *m, const struct event_flow *flow,
		  const struct render_options *o)
{
	s->count = 0;
	if (m->has_verdict)
		sum_verdict(s, &m->verdict);
	if (flow == NULL)
		return;
	if (o->verbosity < 0) {
		if (!m->has_verdict)
			sum_closing(s, flow);
		return;
	}
	sum_opening(s, flow);
	if (o->numbers != NUMBERS_RAW)
		sum_isns(s, flow, o->numbers);
	if (flow->options_text[0] != '\0')
		row(s, "options", "%s", flow->options_text);
	sum_data(s, flow);
	sum_closing(s, flow);
	if (o->verbosity > 0)
		sum_details(s, flow);
}

void summary_end(struct summary *s, const struct event_end *e)
{
	s->count = 0;
	const uint64_t lost = e->capture_dropped + e->capture_ifdropped;
	if (lost > 0) {
		char count[WORDS_COUNT_MAX];
		row(s, "warning",
		    "the capture lost %s packet%s (%" PRIu64 " to a full buffer, %" PRIu64
		    " at the interface): what looks like silence or loss above may be ours",
		    words_count(lost, count, sizeof count), lost == 1 ? "" : "s",
		    e->capture_dropped, e->capture_ifdropped);
		s->rows[0].loud = true;
	}
	if (e->undecodable > 0)
		row(s, "skipped", "%" PRIu64 " packet%s that could not be decoded", e->undecodable,
		    e->undecodable == 1 ? "" : "s");
	if (!e->complete)
		row(s, "ended", "early%s%s", e->reason == NULL ? "" : ", ",
		    e->reason == NULL ? "" : e->reason);
}

void summary_put(const struct summary *s, struct out *out, const struct render_options *o)
{
	char line[RENDER_WIDTH_MAX + 1];
	struct text t;
	text_reset(&t, o->color);
	for (size_t i = 0; i < s->count; i++) {
		const struct summary_row *r = &s->rows[i];
		const char *at = r->text;
		text_style(&t, r->loud ? STYLE_LOUD : STYLE_MUTED);
		text_add(&t, r->key);
		text_style(&t, STYLE_PLAIN);
		while (text_wrap(&at, o->width - SUMMARY_KEY_COLUMNS, line, sizeof line)) {
			text_pad(&t, SUMMARY_KEY_COLUMNS);
			text_style(&t, r->strong || r->loud ? STYLE_STRONG : STYLE_PLAIN);
			text_add(&t, line);
			text_put(&t, out);
		}
	}
}

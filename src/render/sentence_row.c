/* A segment as one sentence: the views of lines, the titles of pictures, the transcript. */
#include "synscope/render/sentence.h"
#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>

struct row {
	const struct render_options *options;
	char *text;
	size_t text_bytes;
};

static void add_number(struct row *r, enum side space, bool has_rel, uint32_t rel, uint32_t raw)
{
	const enum numbers numbers = r->options->numbers;
	char n[WORDS_NUMBER_MAX];
	words_number(numbers, space, rel, n, sizeof n);
	if (!has_rel || numbers == NUMBERS_RAW)
		text_append(r->text, r->text_bytes, " raw %" PRIu32, raw);
	else if (numbers == NUMBERS_REL)
		text_append(r->text, r->text_bytes, " %s", n);
	else
		text_append(r->text, r->text_bytes, " %s raw %" PRIu32, n, raw);
}

static void add_end(struct row *r, enum side side, const struct end_view *v)
{
	char set[STATE_SET_TEXT_MAX];
	const char *how = "";
	switch (v->certainty) {
	case CERTAINTY_UNKNOWN:
		if (v->possible == 0 || state_set_count(v->possible) > 3)
			text_append(r->text, r->text_bytes, ", %s unknown", side_name(side));
		else
			text_append(r->text, r->text_bytes, ", %s one of %s", side_name(side),
				    state_set_format(v->possible, " ", set, sizeof set));
		break;
	case CERTAINTY_EXPECTED:
		how = "expected ";
		break;
	case CERTAINTY_PROVEN:
		how = "proven ";
		break;
	case CERTAINTY_EXACT:
		break;
	}
	if (v->certainty != CERTAINTY_UNKNOWN)
		text_append(r->text, r->text_bytes, ", %s %s%s", side_name(side), how,
			    state_name(v->state));
	if (v->contradiction)
		text_append(r->text, r->text_bytes, " in contradiction");
	if (r->options->truth && v->has_truth)
		text_append(r->text, r->text_bytes, " while its kernel says %s%s",
			    state_name(v->truth),
			    words_truth(v) == TRUTH_AGREES ? "" : ", which DIFFERS");
}

static void add_segment(struct row *r, const struct event_segment *s)
{
	const char *remark = words_remark(s);
	char flags[TCP_FLAGS_TEXT_MAX];
	text_append(r->text, r->text_bytes, "%s to %s %s seq", side_name(s->from),
		    side_name(side_other(s->from)),
		    tcp_flags_format(s->tcp.flags, flags, sizeof flags));
	add_number(r, s->from, s->has_seq_rel, s->seq_rel, s->tcp.seq.raw);
	if (s->tcp.flags & TCP_ACK) {
		text_append(r->text, r->text_bytes, " ack");
		add_number(r, side_other(s->from), s->has_ack_rel, s->ack_rel, s->tcp.ack.raw);
	}
	if (s->tcp.payload_bytes > 0)
		text_append(r->text, r->text_bytes, " len %" PRIu32, s->tcp.payload_bytes);
	text_append(r->text, r->text_bytes, " win %" PRIu32, s->window_bytes);
	if (remark[0] != '\0')
		text_append(r->text, r->text_bytes, ", %s", remark);
	add_end(r, SIDE_CLIENT, &s->client);
	add_end(r, SIDE_SERVER, &s->server);
}

static void add_icmp(struct row *r, const struct event_icmp *i)
{
	char who[IP_ADDR_TEXT_MAX];
	text_append(r->text, r->text_bytes, "%s tells the %s by ICMP: %s",
		    ip_addr_format(&i->icmp.ip.src, who, sizeof who), side_name(i->about),
		    icmp_reason_name(i->icmp.reason));
	if (i->about_n != 0)
		text_append(r->text, r->text_bytes, ", about its segment %" PRIu32, i->about_n);
	add_end(r, SIDE_CLIENT, &i->client);
	add_end(r, SIDE_SERVER, &i->server);
}

char *sentence_row(const struct event *e, const struct render_options *o, char *text,
		   size_t text_bytes)
{
	struct row r = {.options = o, .text = text, .text_bytes = text_bytes};
	text[0] = '\0';
	if (e->type == EVENT_SEGMENT)
		add_segment(&r, &e->u.segment);
	else if (e->type == EVENT_ICMP)
		add_icmp(&r, &e->u.icmp);
	return text;
}

#include "synscope/render/sentence.h"

#include "synscope/render/text.h"
#include "synscope/render/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *sentence_intro(const struct flow_memory *m, bool goes_on, char *text, size_t text_bytes)
{
	char end[FLOW_NAME_MAX + ENDPOINT_TEXT_MAX + 8];
	snprintf(text, text_bytes, "flow %" PRIu32 "%s", m->id, goes_on ? " goes on" : "");
	if (m->has_ends) {
		text_append(text, text_bytes, ": %s",
			    words_endpoint(&m->client, m->client_name, end, sizeof end));
		text_append(text, text_bytes, " to %s",
			    words_endpoint(&m->server, m->server_name, end, sizeof end));
	}
	if (goes_on)
		return text;
	if (m->client_local || m->server_local)
		text_append(text, text_bytes, "; we are %s",
			    m->client_local && m->server_local ? "both ends"
			    : m->client_local                  ? "the client"
							       : "the server");
	else if (m->vantage[0] != '\0')
		text_append(text, text_bytes, "; %s %s",
			    strncmp(m->vantage, "at ", 3) == 0 ? "seen" : "vantage:", m->vantage);
	if (m->interface[0] != '\0')
		text_append(text, text_bytes, ", on %s", m->interface);
	return text;
}

char *sentence_note(const struct note *n, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%s", n->text);
	if (n->rfc != NULL)
		text_append(text, text_bytes, " (RFC %s)", n->rfc);
	return text;
}

char *sentence_truth(enum side side, const struct end_view *v, char *text, size_t text_bytes)
{
	const enum truth truth = words_truth(v);
	text[0] = '\0';
	if (truth == TRUTH_DIFFERS || truth == TRUTH_IMPOSSIBLE)
		snprintf(text, text_bytes, "the %s's kernel says %s%s%s", side_name(side),
			 state_name(v->truth), v->truth_fin_unsent ? " with its FIN unsent" : "",
			 truth == TRUTH_IMPOSSIBLE ? ", which was held impossible" : "");
	return text;
}

char *sentence_sets(enum side side, const struct end_view *v, char *text, size_t text_bytes)
{
	const struct {
		const char *when;
		state_set_t set;
	} sets[] = {
		{"if segments were lost", v->loss},
		{"if its application acted", v->orderly},
		{"at all", v->possible},
	};
	state_set_t said = v->certainty == CERTAINTY_UNKNOWN ? 0 : state_set(v->state);
	text[0] = '\0';
	if (v->certainty == CERTAINTY_EXACT)
		return text;
	for (size_t i = 0; i < ARRAY_COUNT(sets); i++) {
		const state_set_t more = (state_set_t)(sets[i].set & ~said);
		char names[STATE_SET_TEXT_MAX];
		if (more == 0)
			continue;
		said |= more;
		text_append(text, text_bytes, "%s %s: %s", text[0] == '\0' ? side_name(side) : ";",
			    sets[i].when, state_set_format(more, " ", names, sizeof names));
	}
	return text;
}

char *sentence_timer(const struct event_timer *t, char *text, size_t text_bytes)
{
	char after[WORDS_TIME_MAX];
	if (t->text[0] != '\0')
		snprintf(text, text_bytes, "%s", t->text);
	else
		snprintf(text, text_bytes, "%s timer, %s (expiry %" PRIu32 ")%s",
			 timer_kind_name(t->kind), words_duration(t->after_ns, after, sizeof after),
			 t->attempt, t->gave_up ? "; given up" : "");
	return text;
}

char *sentence_transition(const struct transition *t, char *text, size_t text_bytes)
{
	const char *how = t->certainty == CERTAINTY_EXACT ? "" : certainty_name(t->certainty);
	const char *cause = t->cause == NULL ? "" : t->cause;
	const bool grew = t->from == t->to;
	const bool proven = t->certainty == CERTAINTY_PROVEN && t->by != 0;
	snprintf(text, text_bytes, "%s: %s%s%s", side_name(t->side), state_name(t->from),
		 grew ? "" : " -> ", grew ? "" : state_name(t->to));
	/* a cause may say itself how certain it makes us: once is enough */
	const bool says_so = how[0] != '\0' && strncmp(cause, how, strlen(how)) == 0;
	if (proven)
		text_append(text, text_bytes, ", proven by %" PRIu32, t->by);
	else if (how[0] != '\0' && !says_so)
		text_append(text, text_bytes, ", %s", how);
	if (cause[0] != '\0' && !(proven && says_so))
		text_append(text, text_bytes, ", %s", cause);
	if (t->rfc != NULL)
		text_append(text, text_bytes, " (RFC %s)", t->rfc);
	return text;
}

char *sentence_icmp(const struct event_icmp *i, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "ICMP %s", icmp_reason_name(i->icmp.reason));
	if (i->about_n != 0)
		text_append(text, text_bytes, ", about %" PRIu32, i->about_n);
	return text;
}

char *sentence_window(const struct event_segment *s, char *text, size_t text_bytes)
{
	char options[WORDS_OPTIONS_MAX];
	snprintf(text, text_bytes, "win %" PRIu32, s->window_bytes);
	if (s->window_scale_known && s->window_bytes != s->tcp.window)
		text_append(text, text_bytes, " (%u scaled)", s->tcp.window);
	else if (!s->window_scale_known && !(s->tcp.flags & TCP_SYN))
		text_append(text, text_bytes, " (scale unknown)");
	words_options(&s->tcp.option, options, sizeof options);
	if (options[0] != '\0')
		text_append(text, text_bytes, "; %s", options);
	return text;
}

char *sentence_headers(const struct event_segment *s, char *text, size_t text_bytes)
{
	const struct segment *t = &s->tcp;
	snprintf(text, text_bytes, "ttl %u, dscp %u, ecn %u", t->ip.ttl, t->ip.traffic >> 2u,
		 t->ip.traffic & 3u);
	if (t->ip.src.family == IP_V4)
		text_append(text, text_bytes, ", id %u%s", t->ip.id, t->ip.df ? ", df" : "");
	text_append(text, text_bytes, "; checksum 0x%04x %s", t->checksum_field,
		    checksum_state_name(t->checksum));
	if (t->flags & TCP_URG)
		text_append(text, text_bytes, "; urgent %u", t->urgent);
	return text;
}

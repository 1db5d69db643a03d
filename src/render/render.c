#include "synscope/render/render.h"

#include "rows.h"

#include <string.h>

/* clang-format off */
const struct renderer renderers[] = {
	{"ladder", "two lifelines, two rows a segment, states left and right", true,
	 ladder_open, view_event, view_close},
	{"rfc",    "one row a segment, in the notation of the figures of RFC 9293", true,
	 rfc_open, view_event, view_close},
	{"ledger", "which sequence numbers each segment uses and acknowledges", true,
	 ledger_open, view_event, view_close},
	{"lines",  "one sentence a segment: for screen readers and grep", true,
	 lines_open, lines_event, lines_close},
	{"json",   "JSON lines, one event a line", false,
	 jsonl_open, jsonl_event, jsonl_close},
	{"pcapng", "the packets, with what was found out as packet comments", false,
	 pcapng_open, pcapng_event, pcapng_close},
	{"pcap",   "the packets alone, with nanoseconds", false,
	 pcap_file_open, pcap_file_event, pcap_file_close},
	{"svg",    "the ladder as a picture", false,
	 svg_open, svg_event, svg_close},
	{"html",   "the player: a page to step through, with all in it", false,
	 html_open, html_event, html_close},
};
/* clang-format on */

const size_t renderers_count = ARRAY_COUNT(renderers);

const struct renderer *renderer_find(const char *name)
{
	for (size_t i = 0; i < renderers_count; i++)
		if (strcmp(renderers[i].name, name) == 0)
			return &renderers[i];
	return NULL;
}

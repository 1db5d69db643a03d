/* What each renderer gives to the table in render.c. The three views for people differ
 * only in how they are opened; view.c does the rest. */
#ifndef SYNSCOPE_RENDER_ROWS_H
#define SYNSCOPE_RENDER_ROWS_H

#include "synscope/render/render.h"

struct render *ladder_open(struct out *out, const struct render_options *options);
struct render *rfc_open(struct out *out, const struct render_options *options);
struct render *ledger_open(struct out *out, const struct render_options *options);
void view_event(struct render *r, const struct event *e);
void view_close(struct render *r);

struct render *lines_open(struct out *out, const struct render_options *options);
void lines_event(struct render *r, const struct event *e);
void lines_close(struct render *r);

struct render *jsonl_open(struct out *out, const struct render_options *options);
void jsonl_event(struct render *r, const struct event *e);
void jsonl_close(struct render *r);

struct render *pcapng_open(struct out *out, const struct render_options *options);
void pcapng_event(struct render *r, const struct event *e);
void pcapng_close(struct render *r);

struct render *pcap_file_open(struct out *out, const struct render_options *options);
void pcap_file_event(struct render *r, const struct event *e);
void pcap_file_close(struct render *r);

struct render *svg_open(struct out *out, const struct render_options *options);
void svg_event(struct render *r, const struct event *e);
void svg_close(struct render *r);

struct render *html_open(struct out *out, const struct render_options *options);
void html_event(struct render *r, const struct event *e);
void html_close(struct render *r);

#endif

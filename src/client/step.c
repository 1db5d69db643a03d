/*
 * The screen is a heading, a view (as much of its end as fits), perhaps a panel, what comes
 * next, and the keys. Each of them is made by a renderer or a panel in memory, and the screen is
 * written in one piece.
 */
#include "synscope/client/step.h"

#include "synscope/client/client.h"
#include "synscope/client/keys.h"
#include "synscope/render/panel.h"
#include "synscope/render/picture.h"
#include "synscope/render/sentence.h"
#include "synscope/render/tape.h"
#include "synscope/render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_ROWS_MAX 20000
#define STEP_FLOWS_MAX 10000
#define STEP_FRAME_BYTES 2048
#define STEP_PAYLOAD_BYTES 256
#define STEP_EXPORTS_MAX 4
#define TALL_FROM 34 /* lines; from there up a panel stands below the view, else in its place */
#define OFFER_LINES 3
#define PLAY_MS 1000

enum panel { PANEL_NONE, PANEL_STATES, PANEL_FIELDS, PANEL_EXPLAIN, PANEL_HELP };

static const char *const forms[] = {"txt", "svg", "html", "pcapng"};

struct export
{
	char stem[32];
	struct out *out[ARRAY_COUNT(forms)];
};

struct step {
	const struct render_options *options;
	const char *title;
	struct tape *tape;
	const struct renderer *view;
	enum numbers numbers;
	uint32_t flow, flows; /* shown, and the highest number */
	uint32_t at;          /* rows of it shown */
	bool ahead;           /* what happens is shown as it happens */
	enum panel panel;
	bool black, changing, left, stopped;
	bool playing; /* a step every PLAY_MS, until a key or the end */
	uint32_t typed;
	char offer[160];
	const char *why;
	char message[160];
	enum step_change change;
	struct export exports[STEP_EXPORTS_MAX];
	size_t exports_count, exports_used;
	int width, height;
};

/* --- what is on the tape ------------------------------------------------------------------------
 */

static bool is_row(const struct event *e)
{
	return e->type == EVENT_SEGMENT || e->type == EVENT_ICMP;
}

static uint32_t rows_of(const struct step *s)
{
	return picture_rows(s->tape, s->flow);
}

/* The place on the tape of a row of the flow shown. @return -1 for row 0 */
static long place_of(const struct step *s, uint32_t row)
{
	for (size_t i = 0; row > 0 && i < tape_count(s->tape); i++) {
		const struct event *e = tape_at(s->tape, i);
		if (e->flow_id == s->flow && is_row(e) && --row == 0)
			return (long)i;
	}
	return -1;
}

/* Give a renderer what is shown: the first rows of a flow, and how it ended with the last one. */
static void replay(const struct step *s, const struct renderer *renderer, struct render *r)
{
	const bool all = s->at == rows_of(s);
	uint32_t rows = 0;
	for (size_t i = 0; i < tape_count(s->tape); i++) {
		const struct event *e = tape_at(s->tape, i);
		if (e->flow_id != s->flow)
			continue;
		rows += is_row(e);
		const bool start = e->type == EVENT_START;
		if (start || (rows <= s->at && (rows > 0 || all) && (all || e->type != EVENT_FLOW)))
			renderer->event(r, e);
	}
}

/* --- the screen
 * ------------------------------------------------------------------------------------ */

struct lines {
	const char *text;
	size_t count;
};

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

/* As much of a line as the terminal is wide: it may be narrower than any view. */
static void put_cut(struct out *out, const char *line, size_t bytes, int width)
{
	int used = 0;
	for (size_t i = 0; i < bytes;) {
		size_t n = 1;
		if (line[i] == '\033') {
			while (i + n < bytes && line[i + n - 1] != 'm')
				n++;
		} else {
			while (i + n < bytes && ((unsigned char)line[i + n] & 0xc0) == 0x80)
				n++;
			if (++used > width)
				break;
		}
		out_write(out, line + i, n);
		i += n;
	}
}

/* The last lines of a text, so that with what is left blank they are @p room. */
static void put_tail(const struct step *s, struct out *screen, const char *text, size_t room)
{
	size_t count = count_lines(text);
	for (; count > room; count--)
		text = strchr(text, '\n') + 1;
	for (size_t i = 0; i < room; i++) {
		if (i < count) {
			const size_t bytes = strcspn(text, "\n");
			put_cut(screen, text, bytes, s->width);
			text += bytes + 1;
		}
		out_text(screen, "\033[0m\033[K\r\n");
	}
}

static struct render_options options_of(const struct step *s)
{
	struct render_options o = *s->options;
	o.live = true; /* rows are written as they come, without waiting for a flow's end */
	o.unfolded = true;
	o.numbers = s->numbers;
	o.width = s->width < RENDER_WIDTH_MIN   ? RENDER_WIDTH_MIN
		  : s->width > RENDER_WIDTH_MAX ? RENDER_WIDTH_MAX
						: s->width;
	return o;
}

static void put_view(const struct step *s, struct out *to, const struct render_options *o)
{
	struct render *r = s->view->open(to, o);
	if (r == NULL)
		return;
	replay(s, s->view, r);
	s->view->close(r);
}

static const char *const help =
	"  space, enter, right, n, PageDown   next\n"
	"  left, b, p, PageUp                 back (what was sent stays sent)\n"
	"  Home, End, g, G                    first, last\n"
	"  a number and enter                 to that segment\n"
	"  tab                                the next exchange\n"
	"  v   ladder, rfc, ledger            r   rel+raw, rel, raw, x and y\n"
	"  s   state diagram                  f   the header's fields and bytes\n"
	"  e   why: rules, what changed       x   export: txt, svg, html, pcapng\n"
	"  a   play, until a key\n"
	"  .   black screen                   q   leave;  Ctrl-C  stop\n"
	"  d   drop our next segment          m   change it        (while it waits)\n";

/* @return the lines of the panel, in memory */
static struct out *panel_of(const struct step *s, const struct render_options *o)
{
	struct out *to = out_open_memory();
	const long place = place_of(s, s->at);
	const struct event *e = place < 0 ? NULL : tape_at(s->tape, (size_t)place);
	if (to == NULL)
		return NULL;
	if (s->panel == PANEL_HELP)
		out_text(to, help);
	else if (s->panel == PANEL_STATES && e != NULL && e->type == EVENT_SEGMENT)
		panel_states(o, &e->u.segment.client, &e->u.segment.server, to);
	else if (s->panel == PANEL_STATES && e != NULL)
		panel_states(o, &e->u.icmp.client, &e->u.icmp.server, to);
	else if (s->panel == PANEL_STATES)
		panel_states(o, NULL, NULL, to);
	else if (s->panel == PANEL_FIELDS && e != NULL)
		panel_fields(o, e, to);
	else if (s->panel == PANEL_EXPLAIN && e != NULL)
		panel_explain(o, s->tape, (size_t)place, to);
	return to;
}

static void put_heading(const struct step *s, struct out *screen, const struct render_options *o)
{
	static const char *const numbers[] = {
		[NUMBERS_BOTH] = "rel+raw",
		[NUMBERS_REL] = "rel",
		[NUMBERS_RAW] = "raw",
		[NUMBERS_SYMBOLIC] = "x, y",
	};
	char right[96] = "";
	struct text t;
	text_reset(&t, o->color);
	if (s->flows > 1)
		snprintf(right, sizeof right, "flow %" PRIu32 " of %" PRIu32 "  ", s->flow,
			 s->flows);
	text_append(right, sizeof right, "segment %" PRIu32 " of %" PRIu32 "  %s  %s", s->at,
		    rows_of(s), s->view->name, numbers[s->numbers]);
	text_style(&t, STYLE_STRONG);
	text_add(&t, " ");
	text_add_foreign(&t, s->title, s->width - (int)strlen(right) - 4, "~");
	text_pad(&t, s->width - (int)strlen(right) - 1);
	text_add(&t, right);
	put_cut(screen, t.bytes, t.count, s->width);
	out_text(screen, "\033[0m\033[K\r\n");
}

static void put_styled(const struct step *s, struct out *screen, const struct render_options *o,
		       enum style style, const char *text)
{
	struct text t;
	text_reset(&t, o->color);
	text_style(&t, style);
	text_add_foreign(&t, text, s->width, "~");
	put_cut(screen, t.bytes, t.count, s->width);
	out_text(screen, "\033[0m\033[K\r\n");
}

/* What is to be sent, and why; or what was found out last. */
static void put_offer(const struct step *s, struct out *screen, const struct render_options *o,
		      int64_t waited_ns)
{
	char line[256] = "";
	if (s->offer[0] != '\0') {
		snprintf(line, sizeof line, " NEXT  we send %s    (waiting %.1f s)", s->offer,
			 (double)waited_ns / 1e9);
		put_styled(s, screen, o, STYLE_STRONG, line);
		snprintf(line, sizeof line, "       %s", s->why == NULL ? "" : s->why);
		put_styled(s, screen, o, STYLE_PLAIN, line);
		return;
	}
	out_text(screen, "\033[K\r\n");
	const long place = place_of(s, s->at);
	const struct event *e = place < 0 ? NULL : tape_at(s->tape, (size_t)place);
	char text[SENTENCE_MAX];
	snprintf(line, sizeof line, "%s", s->message);
	if (line[0] == '\0' && s->at == 0)
		snprintf(line, sizeof line, " space shows the first segment");
	else if (line[0] == '\0' && e != NULL && e->type == EVENT_SEGMENT &&
		 e->u.segment.notes_count > 0)
		snprintf(line, sizeof line, " %.250s",
			 sentence_note(&e->u.segment.notes[0], text, sizeof text));
	put_styled(s, screen, o, STYLE_PLAIN, line);
}

static void put_keys(const struct step *s, struct out *screen, const struct render_options *o)
{
	struct text t;
	const char *keys = s->changing ? " 1 seq+1  2 ack-1  3 bad checksum  4 window 0  5 no ACK  "
					 "6 RST  0 as it is"
			   : s->offer[0] != '\0' ? " space send  d drop  m change  b back  f "
						   "fields  r numbers  s states  ? help"
						 : " space next  b back  v view  r numbers  s "
						   "states  f fields  e why  ? help";
	text_reset(&t, o->color);
	text_style(&t, STYLE_MUTED);
	text_add_foreign(&t, keys, s->width - 1, "~");
	put_cut(screen, t.bytes, t.count, s->width - 1);
	out_text(screen, "\033[0m\033[K");
}

/* The lines of the view, and below them, or in their place, those of the panel. */
static void put_body(const struct step *s, struct out *screen, const char *view, const char *panel)
{
	const size_t room = s->height > 2 + OFFER_LINES ? (size_t)s->height - 1 - OFFER_LINES : 1;
	const size_t lines = s->panel == PANEL_NONE ? 0 : count_lines(panel);
	size_t panel_room = lines;
	if (s->panel != PANEL_NONE && s->height < TALL_FROM)
		panel_room = room;
	else if (panel_room > room / 2 + 1)
		panel_room = room / 2 + 1;
	put_tail(s, screen, view, room - panel_room);
	put_tail(s, screen, panel, lines < panel_room ? lines : panel_room);
	for (size_t i = lines; i < panel_room; i++)
		out_text(screen, "\033[K\r\n");
}

static void draw_on(const struct step *s, struct out *screen, struct out *view, int64_t waited_ns)
{
	const struct render_options o = options_of(s);
	struct out *panel = panel_of(s, &o);
	if (panel == NULL)
		return; /* no memory: what is on the screen stays there */
	put_view(s, view, &o);
	put_heading(s, screen, &o);
	put_body(s, screen, out_memory(view, NULL), out_memory(panel, NULL));
	put_offer(s, screen, &o, waited_ns);
	put_keys(s, screen, &o);
	out_text(screen, "\033[J");
	out_close(panel);
}

static void draw(struct step *s, int64_t waited_ns)
{
	struct out *screen = out_open_memory();
	struct out *view = out_open_memory();
	size_t count = 0;
	if (!keys_size(&s->width, &s->height)) {
		s->width = 80;
		s->height = 24;
	}
	if (screen != NULL && view != NULL) {
		out_text(screen, "\033[H");
		if (s->black)
			out_text(screen, "\033[0m\033[2J");
		else
			draw_on(s, screen, view, waited_ns);
		const char *text = out_memory(screen, &count);
		keys_write(text, count);
	}
	out_close(screen);
	out_close(view);
}

/* --- exports
 * ------------------------------------------------------------------------------------------ */

/* Files for all exports there may be, under names that nobody has. */
static void open_exports(struct step *s)
{
	for (unsigned n = 1; s->exports_count < STEP_EXPORTS_MAX && n < 1000; n++) {
		struct export *x = &s->exports[s->exports_count];
		char path[48];
		bool good = true;
		snprintf(x->stem, sizeof x->stem, "synscope-%u", n);
		for (size_t i = 0; i < ARRAY_COUNT(forms) && good; i++) {
			snprintf(path, sizeof path, "%s.%s", x->stem, forms[i]);
			good = access(path, F_OK) != 0;
		}
		for (size_t i = 0; i < ARRAY_COUNT(forms) && good; i++) {
			snprintf(path, sizeof path, "%s.%s", x->stem, forms[i]);
			if (out_open_file(&x->out[i], path, false) < 0)
				return; /* a directory that is not ours: there is no export */
		}
		s->exports_count += good;
	}
}

static void export_screen(struct step *s)
{
	if (s->exports_used == s->exports_count) {
		snprintf(s->message, sizeof s->message, " %s",
			 s->exports_count == 0 ? "no export: this directory cannot be written to"
					       : "no more exports in this run");
		return;
	}
	struct export *x = &s->exports[s->exports_used++];
	const struct event end = {.type = EVENT_END, .u.end = {.complete = true}};
	struct render_options o = options_of(s);
	bool good = true;
	o.color = false;
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		const struct renderer *renderer = i == 0 ? s->view : renderer_find(forms[i]);
		struct render *r = renderer->open(x->out[i], &o);
		if (r == NULL)
			return;
		replay(s, renderer, r);
		if (i > 0)
			renderer->event(r, &end);
		renderer->close(r);
		good = out_commit(x->out[i]) == 0 && good;
	}
	snprintf(s->message, sizeof s->message,
		 good ? " wrote %s.txt, .svg, .html, .pcapng" : " could not write %s.*", x->stem);
}

/* --- keys
 * --------------------------------------------------------------------------------------------- */

static void go(struct step *s, uint32_t row)
{
	const uint32_t last = rows_of(s);
	s->at = row < last ? row : last;
	s->message[0] = '\0';
}

static void cycle_view(struct step *s)
{
	static const char *const names[] = {"ladder", "rfc", "ledger"};
	size_t i = 0;
	while (i < ARRAY_COUNT(names) && strcmp(names[i], s->view->name) != 0)
		i++;
	s->view = renderer_find(names[(i + 1) % ARRAY_COUNT(names)]);
}

static void toggle(struct step *s, enum panel panel)
{
	s->panel = s->panel == panel ? PANEL_NONE : panel;
}

static void next_flow(struct step *s)
{
	s->flow = s->flow >= s->flows ? 1 : s->flow + 1;
	go(s, s->ahead ? UINT32_MAX : 0);
}

/* Keys that change what is shown. @return whether this was one */
static bool look(struct step *s, int key)
{
	switch (key) {
	case KEY_LEFT:
	case KEY_PAGE_UP:
	case 'b':
	case 'p':
		go(s, s->at == 0 ? 0 : s->at - 1);
		return true;
	case KEY_HOME:
	case 'g':
		go(s, 0);
		return true;
	case KEY_END:
	case 'G':
		go(s, UINT32_MAX);
		return true;
	case '\t':
		next_flow(s);
		return true;
	case 'v':
		cycle_view(s);
		return true;
	case 'r':
		s->numbers = s->numbers == NUMBERS_SYMBOLIC ? NUMBERS_BOTH : s->numbers + 1;
		return true;
	case 's':
		toggle(s, PANEL_STATES);
		return true;
	case 'f':
		toggle(s, PANEL_FIELDS);
		return true;
	case 'e':
		toggle(s, PANEL_EXPLAIN);
		return true;
	case '?':
	case 'h':
		toggle(s, PANEL_HELP);
		return true;
	case 'x':
		export_screen(s);
		return true;
	default:
		return false;
	}
}

static bool is_forward(int key)
{
	return key == ' ' || key == KEY_ENTER || key == KEY_RIGHT || key == KEY_PAGE_DOWN ||
	       key == 'n';
}

/* A number that is being typed, and the black screen, come before all else. @return whether the key
 * was meant for them */
static bool take_first(struct step *s, int key)
{
	if (key == '.') {
		s->black = !s->black;
		return true;
	}
	if (s->black) { /* any key ends it, and does nothing else: nobody sees what he does */
		s->black = false;
		return true;
	}
	if (key >= '0' && key <= '9' && !s->changing) {
		s->typed = (s->typed * 10 + (uint32_t)(key - '0')) % 1000000;
		snprintf(s->message, sizeof s->message, " go to %" PRIu32, s->typed);
		return true;
	}
	if (s->typed > 0) {
		const uint32_t row = s->typed;
		s->typed = 0;
		s->message[0] = '\0';
		if (key == KEY_ENTER)
			go(s, row);
		return key == KEY_ENTER;
	}
	return false;
}

static enum step_answer answer_change(struct step *s, int key)
{
	s->changing = false;
	if (key < '1' || key > '6')
		return STEP_WAITING;
	s->change = (enum step_change)(key - '1');
	return STEP_MODIFY;
}

static enum step_answer answer(struct step *s, int key)
{
	if (key == KEY_INTERRUPT)
		return STEP_STOP;
	if (s->changing)
		return answer_change(s, key);
	if (key == 'q' || key == KEY_ESCAPE)
		return STEP_LEAVE;
	if (key == 'd')
		return STEP_DROP;
	if (key == 'm')
		s->changing = true;
	/* one that looks back comes forward first */
	if (is_forward(key) && s->at < rows_of(s))
		go(s, s->at + 1);
	else if (is_forward(key))
		return STEP_SEND;
	else
		(void)look(s, key);
	return STEP_WAITING;
}

enum step_answer step_keys(struct step *s, int64_t waited_ns)
{
	enum step_answer a = STEP_WAITING;
	int key;
	(void)keys_resized();
	while (a == STEP_WAITING && (key = keys_next()) != KEY_NONE)
		if (!take_first(s, key))
			a = answer(s, key);
	s->stopped = s->stopped || a == STEP_STOP;
	s->left = s->left || a == STEP_LEAVE;
	if (a != STEP_WAITING)
		s->offer[0] = '\0';
	draw(s, waited_ns);
	return a;
}

enum step_change step_change(const struct step *s)
{
	return s->change;
}

void step_offer(struct step *s, const char *what, const char *why)
{
	snprintf(s->offer, sizeof s->offer, "%s", what);
	s->why = why;
	s->changing = false;
	draw(s, 0);
}

int step_fd(const struct step *s)
{
	(void)s;
	return keys_fd();
}

/* @return false when the user leaves */
static bool browse_key(struct step *s, int key)
{
	if (key == KEY_INTERRUPT)
		s->stopped = true;
	if (s->playing) { /* any key pauses */
		s->playing = false;
		return !s->stopped;
	}
	if (s->stopped || take_first(s, key))
		return !s->stopped;
	if (key == 'q' || key == KEY_ESCAPE)
		return false;
	if (key == 'a')
		s->playing = true;
	else if (is_forward(key))
		go(s, s->at + 1);
	else
		(void)look(s, key);
	return true;
}

/* Sleep until a key, or until the next step is due. */
static void browse_wait(struct step *s)
{
	struct pollfd p = {.fd = keys_fd(), .events = POLLIN};
	const struct timespec step = {.tv_sec = PLAY_MS / 1000};
	sigset_t none;
	sigemptyset(&none);
	const int rc = ppoll(&p, 1, s->playing ? &step : NULL, &none);
	if (rc < 0 && errno == EINTR && !keys_resized())
		s->stopped = true; /* a signal that ends us */
	if (rc != 0)
		return;
	go(s, s->at + 1);
	s->playing = s->at < rows_of(s);
}

bool step_browse(struct step *s)
{
	if (s->stopped || s->left)
		return !s->stopped;
	s->offer[0] = '\0';
	for (;;) {
		draw(s, 0);
		browse_wait(s);
		int key = s->stopped ? KEY_INTERRUPT : keys_next();
		for (; key != KEY_NONE; key = keys_next())
			if (!browse_key(s, key))
				return !s->stopped;
	}
}

/* --- opening, closing
 * ---------------------------------------------------------------------------------- */

int step_open(struct step **step, const struct render_options *options, const char *view,
	      const char *title, struct fault *why)
{
	const struct tape_spec spec = {
		.rows_max = STEP_ROWS_MAX,
		.flows_max = STEP_FLOWS_MAX,
		.frame_bytes = STEP_FRAME_BYTES,
		.payload_bytes = STEP_PAYLOAD_BYTES,
		.keeps_transitions = true,
	};
	struct step *s = calloc(1, sizeof *s);
	*step = NULL;
	if (s == NULL || (s->tape = tape_open(&spec)) == NULL) {
		free(s);
		fault_set(why, "out of memory");
		return -ENOMEM;
	}
	s->options = options;
	const char *slash = memrchr(title, '/', strcspn(title, " "));
	s->title = slash == NULL ? title : slash + 1;
	s->view = renderer_find(strcmp(view, "lines") == 0 ? "ladder" : view);
	s->numbers = options->numbers;
	s->flow = 1;
	const int rc = keys_open(why);
	if (rc < 0) {
		tape_close(s->tape);
		free(s);
		return rc;
	}
	open_exports(s);
	*step = s;
	return 0;
}

void step_event(struct step *s, const struct event *e)
{
	tape_keep(s->tape, e);
	if (e->flow_id > s->flows && is_row(e)) {
		/* a flow chosen by its number may be the only one */
		if (s->flows == 0)
			s->flow = e->flow_id;
		s->flows = e->flow_id;
	}
	if (s->options->live && is_row(e) && e->flow_id == s->flow) {
		s->ahead = true;
		s->at = rows_of(s);
		draw(s, 0);
	}
}

static void write_all(const struct step *s)
{
	struct out *out = out_open_fd(STDOUT_FILENO);
	struct render_options o = *s->options;
	o.live = false;
	struct render *r = out == NULL ? NULL : s->view->open(out, &o);
	for (size_t i = 0; r != NULL && i < tape_count(s->tape); i++)
		s->view->event(r, tape_at(s->tape, i));
	if (r != NULL)
		s->view->close(r);
	if (out != NULL)
		(void)out_flush(out);
	out_close(out);
}

void step_close(struct step *s)
{
	if (s == NULL)
		return;
	keys_close();
	write_all(s);
	for (size_t n = 0; n < STEP_EXPORTS_MAX; n++)
		for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
			out_close(s->exports[n].out[i]);
	tape_close(s->tape);
	free(s);
}

#include "story.h"

#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORY_TIMEOUT_MS 60000
#define WORDS_MAX 48

struct child {
	const char *const *words;
	int out, err;
};

static int exec_child(void *context)
{
	const struct child *c = context;
	char *argv[WORDS_MAX + 2];
	const char *program = getenv("SYNSCOPE");
	int argc = 0;
	argv[argc++] = (char *)(uintptr_t)(program != NULL ? program : "build/synscope");
	for (int i = 0; c->words[i] != NULL && argc < WORDS_MAX; i++)
		argv[argc++] = (char *)(uintptr_t)c->words[i];
	argv[argc] = NULL;
	dup2(c->out, STDOUT_FILENO);
	dup2(c->err, STDERR_FILENO);
	execv(argv[0], argv);
	perror(argv[0]);
	return 127;
}

struct text {
	char *data;
	size_t count, room;
};

static bool append_from(struct text *t, int fd)
{
	if (t->room - t->count < 65536) {
		t->room = t->room * 2 + 131072;
		t->data = realloc(t->data, t->room);
		assert_non_null(t->data);
	}
	const ssize_t got = read(fd, t->data + t->count, t->room - t->count - 1);
	if (got > 0)
		t->count += (size_t)got;
	t->data[t->count] = '\0';
	return got > 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void collect(pid_t pid, const struct story_spec *spec, int out, int err, struct text *o,
		    struct text *e)
{
	const int64_t begin = now_ms();
	bool killed = spec->kill_signal == 0;
	bool open[2] = {true, true};
	while (open[0] || open[1]) {
		struct pollfd fds[2] = {{open[0] ? out : -1, POLLIN, 0},
					{open[1] ? err : -1, POLLIN, 0}};
		int64_t until = begin + STORY_TIMEOUT_MS;
		if (!killed)
			until = begin + spec->kill_after_ms;
		const int64_t left = until - now_ms();
		poll(fds, 2, left > 0 ? (int)left : 0);
		if (!killed && now_ms() >= until) {
			kill(pid, spec->kill_signal);
			killed = true;
		} else if (now_ms() >= begin + STORY_TIMEOUT_MS) {
			kill(pid, SIGKILL);
			fail_msg("synscope %s did not end within 60 s", spec->words[0]);
		}
		if (fds[0].revents != 0)
			open[0] = append_from(o, out);
		if (fds[1].revents != 0)
			open[1] = append_from(e, err);
	}
}

static void parse(struct story *s, char *text)
{
	char *save = NULL;
	s->json_good = true;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_error_t why;
		json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, &why);
		if (event == NULL || !json_is_object(event)) {
			fprintf(stderr, "# not JSON (%s): %.200s\n", why.text, line);
			s->json_good = false;
			json_decref(event);
			continue;
		}
		json_array_append_new(s->events, event);
	}
}

void story_run(struct story *s, struct lab *lab, const struct story_spec *spec)
{
	int out[2];
	int err[2];
	int status = 0;
	struct fault why;
	struct text o = {0};
	struct text e = {0};
	memset(s, 0, sizeof *s);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	struct child child = {spec->words, out[1], err[1]};
	const pid_t pid = lab_spawn(lab, spec->role, exec_child, &child, &why);
	if (pid < 0)
		fail_msg("cannot run in the lab: %s", why.text);
	close(out[1]);
	close(err[1]);
	o.data = calloc(1, 1);
	e.data = calloc(1, 1);
	o.room = e.room = 1;
	collect(pid, spec, out[0], err[0], &o, &e);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	close(out[0]);
	close(err[0]);
	s->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	s->signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	s->events = json_array();
	s->errors = e.data;
	if (spec->as_text)
		json_array_append_new(s->events, json_stringn_nocheck(o.data, o.count));
	else
		parse(s, o.data);
	free(o.data);
}

void story_read(struct story *s, char *out, char *errors)
{
	memset(s, 0, sizeof *s);
	s->events = json_array();
	s->errors = errors;
	parse(s, out);
}

void story_free(struct story *s)
{
	json_decref(s->events);
	free(s->errors);
	memset(s, 0, sizeof *s);
}

json_t *story_event(const struct story *s, const char *type, size_t n)
{
	size_t i;
	json_t *e;
	json_array_foreach(s->events, i, e) if (strcmp(story_text(e, "event_type"), type) == 0 &&
						n-- == 0) return e;
	return NULL;
}

size_t story_count(const struct story *s, const char *type)
{
	size_t count = 0;
	while (story_event(s, type, count) != NULL)
		count++;
	return count;
}

json_t *story_get(json_t *event, const char *path)
{
	char part[64];
	while (event != NULL && *path != '\0') {
		const size_t count = strcspn(path, ".");
		snprintf(part, sizeof part, "%.*s", (int)count, path);
		event = json_object_get(event, part);
		path += count + (path[count] == '.');
	}
	return event;
}

const char *story_text(json_t *event, const char *path)
{
	const char *text = json_string_value(story_get(event, path));
	return text != NULL ? text : "";
}

json_int_t story_number(json_t *event, const char *path)
{
	return json_integer_value(story_get(event, path));
}

/* Nothing on the wire tells an unsent FIN; a finished tuple is CLOSED whether or not some
 * other socket listens on the port. */
static enum tcp_state fold(enum tcp_state s, bool fin_unsent)
{
	if (fin_unsent && s == ST_FIN_WAIT_1)
		return ST_ESTABLISHED;
	if (fin_unsent && (s == ST_CLOSING || s == ST_LAST_ACK))
		return ST_CLOSE_WAIT;
	return s == ST_LISTEN ? ST_CLOSED : s;
}

const char *story_final_state(const struct story *s, const char *side)
{
	enum tcp_state state;
	const char *name = "";
	size_t i;
	json_t *e;
	json_array_foreach(s->events, i, e)
	{
		if (story_text(story_get(e, side), "state")[0] != '\0')
			name = story_text(story_get(e, side), "state");
		if (strcmp(story_text(e, "transition.side"), side) == 0)
			name = story_text(e, "transition.to");
	}
	return state_parse(&state, name) ? state_name(fold(state, false)) : name;
}

bool story_has_note(const struct story *s, const char *code)
{
	size_t i;
	size_t k;
	json_t *e;
	json_t *note;
	json_array_foreach(s->events, i, e) json_array_foreach(
		story_get(e, "notes"), k,
		note) if (strcmp(story_text(note, "code"), code) == 0) return true;
	return false;
}

void story_print(const struct story *s)
{
	size_t i;
	json_t *e;
	fprintf(stderr, "# status %d signal %d\n# stderr: %s\n", s->status, s->signal_number,
		s->errors);
	json_array_foreach(s->events, i, e)
	{
		char *line = json_dumps(e, JSON_COMPACT);
		fprintf(stderr, "# %.900s\n", line);
		free(line);
	}
}

static bool has_state(json_t *set, enum tcp_state state)
{
	size_t i;
	json_t *name;
	enum tcp_state s;
	json_array_foreach(set, i, name) if (state_parse(&s, json_string_value(name)) &&
					     fold(s, false) == state) return true;
	return false;
}

void story_compare_truth(const struct story *s, struct story_truth *truth)
{
	struct story_truth *const t = truth;
	memset(t, 0, sizeof *t);
	json_t *e;
	size_t i;
	json_array_foreach(s->events, i, e)
	{
		enum tcp_state kernel;
		enum tcp_state said = ST_CLOSED;
		if (!state_parse(&kernel, story_text(e, "server.truth")))
			continue;
		kernel = fold(kernel, json_is_true(story_get(e, "server.truth_fin_unsent")));
		const bool known = state_parse(&said, story_text(e, "server.state"));
		t->compared++;
		const bool impossible = !has_state(story_get(e, "server.possible"), kernel);
		const bool unexpected = known && fold(said, false) != kernel;
		const bool disproved =
			unexpected && strcmp(story_text(e, "server.certainty"), "proven") == 0;
		t->impossible += impossible;
		t->unexpected += unexpected;
		t->disproved += disproved;
		if ((impossible || unexpected) && t->first_wrong[0] == '\0')
			snprintf(t->first_wrong, sizeof t->first_wrong,
				 "#%d: kernel %s, said %s %s", (int)story_number(e, "n"),
				 state_name(kernel), story_text(e, "server.certainty"),
				 known ? state_name(said) : "nothing");
	}
}

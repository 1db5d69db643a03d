#include "served.h"

#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 48
#define READY_MS 20000

struct child {
	const char *const *words;
	int out, err;
};

static int exec_listen(void *context)
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

static int temporary(char path[64])
{
	strcpy(path, "/tmp/synscope-test-XXXXXX");
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	const long bytes = ftell(f);
	rewind(f);
	char *text = calloc(1, (size_t)bytes + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)bytes, f), bytes);
	fclose(f);
	return text;
}

static void nap(void)
{
	const struct timespec ts = {.tv_nsec = 10000000};
	nanosleep(&ts, NULL);
}

void served_begin(struct served *s, struct lab *lab, const char *const *words)
{
	struct fault why;
	s->lab = lab;
	struct child child = {words, temporary(s->out), temporary(s->err)};
	s->pid = lab_spawn(lab, LAB_SERVER, exec_listen, &child, &why);
	if (s->pid < 0)
		fail_msg("cannot run in the lab: %s", why.text);
	close(child.out);
	close(child.err);
	for (int waited = 0; waited < READY_MS; waited += 10) {
		char *text = read_whole(s->err);
		const bool ready = strstr(text, "listening on") != NULL;
		const bool ended = waitpid(s->pid, NULL, WNOHANG) == s->pid;
		if (!ready && ended)
			fail_msg("it ended: %s", text);
		free(text);
		if (ready)
			return;
		nap();
	}
	fail_msg("it is not ready after %d ms", READY_MS);
}

unsigned long served_peak_bytes(const struct served *s)
{
	char path[64];
	char line[256];
	unsigned long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %lu", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb * 1024;
}

static void end(struct served *s, int signal_number, struct story *story, bool is_json)
{
	int status = 0;
	if (signal_number != 0)
		kill(s->pid, signal_number);
	while (waitpid(s->pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	char *out = is_json ? read_whole(s->out) : calloc(1, 1);
	story_read(story, out, read_whole(s->err));
	story->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	story->signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	free(out);
	unlink(s->out);
	unlink(s->err);
}

void served_end(struct served *s, int signal_number, struct story *story)
{
	end(s, signal_number, story, true);
}

void served_end_text(struct served *s, int signal_number, struct story *story)
{
	end(s, signal_number, story, false);
}

struct shell {
	const char *command;
	int out;
};

static int exec_shell(void *context)
{
	const struct shell *s = context;
	dup2(s->out, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", s->command, (char *)NULL);
	return 127;
}

int served_shell(struct lab *lab, enum lab_role role, const char *command, char *out,
		 size_t out_bytes)
{
	char path[64];
	struct fault why;
	int status = 0;
	struct shell shell = {command, temporary(path)};
	const pid_t pid = lab_spawn(lab, role, exec_shell, &shell, &why);
	if (pid < 0)
		fail_msg("no process: %s", why.text);
	close(shell.out);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (out != NULL) {
		char *text = read_whole(path);
		snprintf(out, out_bytes, "%s", text);
		free(text);
	}
	unlink(path);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool served_has(const char *program)
{
	char command[128];
	snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
	return system(command) == 0;
}

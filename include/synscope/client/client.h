/* The verbs, what they share, and the exit status. */
#ifndef SYNSCOPE_CLIENT_CLIENT_H
#define SYNSCOPE_CLIENT_CLIENT_H

#include "synscope/client/opts.h"
#include "synscope/core/addr.h"
#include "synscope/edge/fault.h"
#include "synscope/edge/privs.h"
#include "synscope/render/render.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The exit status carries the verdict; the upper numbers are those of sysexits.h. */
enum exit_status {
	EXIT_EXPECTED = 0,  /* done, and the answer was the expected one */
	EXIT_OTHERWISE = 1, /* answered, but not as expected */
	EXIT_NO_ANSWER = 2,
	EXIT_INCONCLUSIVE = 3, /* answers that contradict each other, or prove nothing */
	EXIT_BAD_USAGE = 64,
	EXIT_BAD_DATA = 65,
	EXIT_NO_INPUT = 66,
	EXIT_UNAVAILABLE = 69,
	EXIT_OS_ERROR = 71,
	EXIT_NO_PERMISSION = 77,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143,
};

#define SVG_STEPS_MAX 99 /* two digits */

/* Options that every verb understands, before or after it. */
struct globals {
	bool only_v4, only_v6;
	bool numeric;
	bool json;
	bool ascii, unicode;
	bool raw_numbers; /* -S */
	int quiet, verbose;
	int view; /* index into view_choices */
	int numbers, time_mode, color;
	const char *interface;
	const char *write_path; /* -w: .pcap, .pcapng or "-" */
	const char *svg_path, *html_path;
	struct opt_u32 svg_steps;
	int theme;
	bool with_payload, redact, step;
	struct opt_u32 width;
	int64_t timeout_ns;       /* -1: the verb's default */
	const char *command_line; /* all of it, for file headers */
};

extern struct globals globals;
extern const struct opt global_opts[];
extern const size_t global_opts_count;

struct command {
	const char *name;
	const char *help;                  /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the verb; @return enum exit_status */
};

extern const struct command commands[];
extern const size_t commands_count;

/** Run the program. @return the exit status */
int client_main(int argc, char **argv);

/* One function a verb, each in its own file. */
int trace_command(int argc, char **argv);
int listen_command(int argc, char **argv);
int firewall_command(int argc, char **argv);
int path_command(int argc, char **argv);
int read_command(int argc, char **argv);
int lab_command(int argc, char **argv);
int demo_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int explain_command(int argc, char **argv);

/** Print one error line "synscope: ..." to stderr. @return @p status, for `return
 * client_error(...)` */
int client_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Print a fault as one error line, and choose the status from the errno. */
int client_fault(int negative_errno, const struct fault *why);
/** Say that a verb needs a capability, and how to get it. @return the status for that */
int client_no_privilege(const char *verb, enum privilege p);
/** Print a note to stderr, unless -q. */
void client_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How a verb is used: what --help prints, and what its command line may hold. */
struct verb {
	const char *usage; /* after "usage: ", e.g. "synscope trace [OPTION...] HOST:PORT" */
	const char *about;
	const struct opt *opts; /* its own; NULL with opts_count 0 */
	size_t opts_count;
	bool stop_at_word; /* what follows the first word is not ours: a command */
};

/**
 * Read the options of a verb, the globals among them, and answer -h and --help.
 * @param first index in argv of the first word that is no option
 * @return -1 to go on, or the exit status to return with
 */
must_check int client_options(int argc, char **argv, const struct verb *verb, int *first);

/* A target as people write it. */
struct target {
	struct endpoint endpoint;
	uint32_t scope_id;
	char name[256]; /* the host as written */
};

/**
 * Read and resolve a target: HOST:PORT, HOST PORT, [v6]:PORT, [fe80::1%eth0]:PORT, URL,
 * service names. A bare v6 address with a colon-port is refused, not guessed.
 * @param words 1 or 2 words
 * @return -1 when good, or the exit status after an error line
 */
must_check int target_read(struct target *t, char *const *words, int words_count);

/**
 * Read where to listen: PORT, :PORT, ADDRESS:PORT, [v6]:PORT, with service names. Without an
 * address it is family IP_NONE, or with -4 or -6 the unspecified address.
 * @return -1 when good, or the exit status after an error line
 */
must_check int target_read_local(struct target *t, char *const *words, int words_count);

/**
 * Find the address of a host, of the family that the options allow. Its port stays 0.
 * @return -1 when good, or the exit status after an error line
 */
must_check int target_resolve(struct target *t, const char *host);

/** Split without resolving, for tests. @return NULL, or what is wrong (static) */
const char *target_split(const char *text, char *host, size_t host_bytes, char *port,
			 size_t port_bytes);

/* --- terminal ------------------------------------------------------------- */

/** Choose width, glyphs and colour from the options, the environment and stdout. */
void terminal_options(struct render_options *options);

#endif

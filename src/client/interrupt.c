#include "synscope/client/interrupt.h"

#include "synscope/client/client.h"
#include "synscope/core/util.h"
#include "synscope/edge/clock.h"

#include <time.h>

volatile sig_atomic_t interrupt_number;

static void on_signal(int number)
{
	interrupt_number = number;
}

void interrupt_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&set, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void interrupt_wait(struct pollfd *fds, size_t count, int64_t until_ns)
{
	sigset_t none;
	const int64_t left = until_ns == INT64_MAX ? 0 : until_ns - clock_monotonic_ns();
	const struct timespec ts = {.tv_sec = left > 0 ? left / NS_PER_S : 0,
				    .tv_nsec = left > 0 ? left % NS_PER_S : 0};
	sigemptyset(&none);
	(void)ppoll(fds, count, until_ns == INT64_MAX ? NULL : &ts, &none);
}

int interrupt_status(void)
{
	return interrupt_number == SIGINT ? EXIT_INTERRUPTED : EXIT_TERMINATED;
}

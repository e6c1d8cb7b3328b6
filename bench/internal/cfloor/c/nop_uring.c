/*
 * What a no-op costs by liburing alone, on one thread: DEPTH no-ops are queued, submitted, awaited and taken by one
 * io_uring_enter, again and again.
 *
 * Usage: nop_uring DEPTH MILLISECONDS DEFER. With DEFER 1 the ring is one thread's (SINGLE_ISSUER and DEFER_TASKRUN), else
 * any thread could use it, as it must be where goroutines share one. Standard output: operations done, and the
 * nanoseconds of time and of CPU that they took. Exit code 3: this kernel does not permit or know io_uring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* include/uapi/linux/io_uring.h; older headers lack them. */
enum {
	SETUP_COOP_TASKRUN = 1 << 8,
	SETUP_SINGLE_ISSUER = 1 << 12,
	SETUP_DEFER_TASKRUN = 1 << 13,
};

static long long now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* turn performs depth no-ops. */
static int turn(struct io_uring *ring, int depth)
{
	for (int i = 0; i < depth; i++)
		io_uring_prep_nop(io_uring_get_sqe(ring));
	int got = io_uring_submit_and_wait(ring, depth);
	if (got < 0)
		return got;
	for (int left = depth; left > 0;) {
		struct io_uring_cqe *cqe;
		int err = io_uring_wait_cqe(ring, &cqe);
		if (err == -EINTR)
			continue;
		if (err < 0)
			return err;
		io_uring_cqe_seen(ring, cqe);
		left--;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: nop_uring DEPTH MILLISECONDS DEFER\n");
		return 2;
	}
	int depth = atoi(argv[1]);
	struct io_uring ring;
	struct io_uring_params p;
	memset(&p, 0, sizeof p);
	p.flags = atoi(argv[3]) ? SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN : SETUP_COOP_TASKRUN;
	int err = io_uring_queue_init_params(64, &ring, &p);
	if (err < 0) {
		fprintf(stderr, "io_uring_setup: %s\n", strerror(-err));
		return 3;
	}
	long long ops = 0, wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	long long end = wall + atoll(argv[2]) * 1000000;
	do // once at least: a short time may be over before this thread has run
		for (int i = 0; i < 256; i++, ops += depth)
			if ((err = turn(&ring, depth)) < 0) {
				fprintf(stderr, "no-op: %s\n", strerror(-err));
				return 1;
			}
	while (now(CLOCK_MONOTONIC) < end);
	printf("%lld %lld %lld\n", ops, now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}

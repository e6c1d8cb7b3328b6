/*
 * The epoll floor: an echo server that does as little as epoll allows. Edge-triggered, one hot receive buffer,
 * each message is one recv and one send. What a full socket does not take is kept aside, and the connection is
 * not read until it is gone.
 *
 * Standard output: "ready PORT" once it listens, "stats ENTERS" (system calls so far) for each line on standard
 * input, whose end ends the server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOT_BYTES = 64 << 10, EVENTS = 256, FDS = 1 << 16 };

struct conn {
	char *kept;          /* bytes that the socket has not taken */
	size_t off, len;
};

static struct conn conns[FDS];
static char hot[HOT_BYTES];
static uint64_t enters;
static int ep;

static void die(const char *what)
{
	fprintf(stderr, "echo_epoll: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void drop(int fd)
{
	free(conns[fd].kept);
	memset(&conns[fd], 0, sizeof conns[fd]);
	close(fd);
}

/* Sends and returns how many bytes went, -1 for a broken connection. */
static ssize_t push(int fd, const char *p, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t r = send(fd, p + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		enters++;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EAGAIN ? (ssize_t)done : -1;
		done += r;
	}
	return done;
}

static void serve(int fd)
{
	struct conn *c = &conns[fd];
	for (;;) {
		if (c->kept) {
			ssize_t n = push(fd, c->kept + c->off, c->len - c->off);
			if (n < 0)
				return drop(fd);
			c->off += n;
			if (c->off < c->len)
				return; /* the edge of EPOLLOUT comes back here */
			free(c->kept);
			c->kept = NULL;
		}
		ssize_t got = recv(fd, hot, sizeof hot, MSG_DONTWAIT);
		enters++;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			return drop(fd);
		ssize_t sent = push(fd, hot, got);
		if (sent < 0)
			return drop(fd);
		if (sent < got) {
			c->len = got - sent;
			c->off = 0;
			c->kept = malloc(c->len);
			if (!c->kept)
				die("malloc");
			memcpy(c->kept, hot + sent, c->len);
			continue; /* room may have come before the edge was armed */
		}
		if (got < (ssize_t)sizeof hot)
			return; /* epoll(7), question 9: a short read of a stream has emptied it */
	}
}

static void add(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

static void accept_all(int ln)
{
	for (;;) {
		int fd = accept4(ln, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		enters++;
		if (fd < 0)
			return;
		if (fd >= FDS) {
			close(fd);
			continue;
		}
		add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

static int listen_any(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen");
	printf("ready %d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

/* Answers a request for the counters. */
static void control(void)
{
	char line[64];
	ssize_t n = read(0, line, sizeof line);
	if (n <= 0)
		exit(0);
	printf("stats %llu\n", (unsigned long long)enters);
	fflush(stdout);
}

int main(void)
{
	struct epoll_event evs[EVENTS];
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		die("epoll_create1");
	int ln = listen_any();
	add(ln, EPOLLIN);
	add(0, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, evs, EVENTS, -1);
		enters++;
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			if (fd == ln)
				accept_all(ln);
			else if (fd == 0)
				control();
			else
				serve(fd);
		}
	}
}

/*
 * The io_uring floor: an echo server by raw system calls. Multishot accept, multishot receive into a buffer ring,
 * sends out of the received memory (one under way per connection), one io_uring_enter per turn.
 *
 * The buffer ring is consumed incrementally (16 buffers of 256 KiB) where the kernel can (6.12), else it is 256
 * buffers of 16 KiB. Set-up flags that an older kernel refuses are left out.
 *
 * Standard output: "ready PORT" once it listens, "stats ENTERS" for each line on standard input, whose end ends
 * the server. Exit code 3: this kernel does not permit or know io_uring.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* include/uapi/linux/io_uring.h of Linux 6.12; older headers lack them. */
enum {
	SETUP_CQSIZE = 1 << 3,
	SETUP_SUBMIT_ALL = 1 << 7,
	SETUP_COOP_TASKRUN = 1 << 8,
	SETUP_SINGLE_ISSUER = 1 << 12,
	SETUP_DEFER_TASKRUN = 1 << 13,
	SETUP_NO_SQARRAY = 1 << 16,
	ENTER_REGISTERED_RING = 1 << 4,
	REGISTER_RING_FDS = 20,
	REGISTER_PBUF_RING = 22,
	PBUF_RING_INC = 2,
	CQE_BUF_MORE = 1 << 4,
	RECV_MULTISHOT = 1 << 1,
	ACCEPT_MULTISHOT = 1 << 0,
};

struct pbuf_reg {
	uint64_t ring_addr;
	uint32_t entries;
	uint16_t bgid, flags;
	uint64_t resv[3];
};

struct pbuf {
	uint64_t addr;
	uint32_t len;
	uint16_t bid, resv; /* resv of the first entry is the ring's tail */
};

struct ring_fd {
	uint32_t offset, resv;
	uint64_t data;
};

enum { SQ = 4096, CQ = 8 * SQ, FDS = 1 << 16, IOVS = 16, BUFS_MAX = 256, IDLE = 0 };
enum op { ACCEPT = 1, RECV, SEND, CONTROL };

/* A received piece that waits to be sent. */
struct piece {
	uint32_t off, len;
	uint16_t bid;
};

struct conn {
	struct piece *q;          /* ring of cap (a power of two) pieces */
	uint32_t head, tail, cap;
	uint32_t sending;         /* pieces of the send under way */
	int receiving, ended, starved;
	struct msghdr msg;
	struct iovec iov[IOVS];
};

static struct {
	uint32_t *sq_head, *sq_tail, *sq_array, *cq_head, *cq_tail, *cq_overflow;
	uint32_t sq_mask, cq_mask, tail, submitted;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	int fd, enter_fd, enter_flags;
} ring;

static struct {
	char *mem;
	struct pbuf *ring;
	uint32_t n, bytes, free;
	uint16_t tail;
	int inc;
	uint32_t used[BUFS_MAX];  /* bytes that the kernel has filled */
	uint32_t refs[BUFS_MAX];  /* pieces that are not sent yet */
	uint8_t full[BUFS_MAX];   /* the kernel has let go of it */
} bufs;

static struct conn conns[FDS];
static int starved[FDS], starved_n;
static uint64_t enters;
static char line[64];

static void die(const char *what, int code)
{
	fprintf(stderr, "echo_uring: %s: %s\n", what, strerror(errno));
	exit(code);
}

static void enter(uint32_t wait)
{
	__atomic_store_n(ring.sq_tail, ring.tail, __ATOMIC_RELEASE);
	for (;;) {
		uint32_t queued = ring.tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE);
		int r = syscall(__NR_io_uring_enter, ring.enter_fd, queued, wait,
				IORING_ENTER_GETEVENTS | ring.enter_flags, NULL, 0);
		enters++;
		if (r >= 0)
			return;
		if (errno == EAGAIN || errno == EBUSY)
			return; /* the caller reaps and comes again */
		if (errno != EINTR)
			die("io_uring_enter", 1);
	}
}

static struct io_uring_sqe *sqe(enum op op, int fd)
{
	while (ring.tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) > ring.sq_mask)
		enter(0);
	struct io_uring_sqe *s = &ring.sqes[ring.tail & ring.sq_mask];
	if (ring.sq_array)
		ring.sq_array[ring.tail & ring.sq_mask] = ring.tail & ring.sq_mask;
	ring.tail++;
	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->user_data = (uint64_t)op << 32 | (uint32_t)fd;
	return s;
}

static void arm_accept(int ln)
{
	struct io_uring_sqe *s = sqe(ACCEPT, ln);
	s->opcode = IORING_OP_ACCEPT;
	s->ioprio = ACCEPT_MULTISHOT;
	s->accept_flags = SOCK_CLOEXEC;
}

static void arm_recv(int fd)
{
	struct io_uring_sqe *s = sqe(RECV, fd);
	s->opcode = IORING_OP_RECV;
	s->ioprio = RECV_MULTISHOT;
	s->flags = IOSQE_BUFFER_SELECT;
	conns[fd].receiving = 1;
}

static void arm_control(void)
{
	struct io_uring_sqe *s = sqe(CONTROL, 0);
	s->opcode = IORING_OP_READ;
	s->addr = (uintptr_t)line;
	s->len = sizeof line;
	s->off = -1;
}

static void provide(uint16_t bid)
{
	struct pbuf *b = &bufs.ring[bufs.tail & (bufs.n - 1)];
	b->addr = (uintptr_t)(bufs.mem + (size_t)bid * bufs.bytes);
	b->len = bufs.bytes;
	b->bid = bid;
	bufs.tail++;
	bufs.used[bid] = 0;
	bufs.full[bid] = 0;
	bufs.free++;
}

static void unref(uint16_t bid)
{
	if (--bufs.refs[bid] == 0 && bufs.full[bid])
		provide(bid);
}

/* Starts the next send of a connection: up to IOVS pieces. */
static void send_next(int fd)
{
	struct conn *c = &conns[fd];
	uint32_t n = c->tail - c->head;
	if (c->sending || n == 0)
		return;
	if (n > IOVS)
		n = IOVS;
	struct io_uring_sqe *s = sqe(SEND, fd);
	for (uint32_t i = 0; i < n; i++) {
		struct piece *p = &c->q[(c->head + i) & (c->cap - 1)];
		c->iov[i].iov_base = bufs.mem + (size_t)p->bid * bufs.bytes + p->off;
		c->iov[i].iov_len = p->len;
	}
	c->sending = n;
	s->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
	if (n == 1) {
		s->opcode = IORING_OP_SEND;
		s->addr = (uintptr_t)c->iov[0].iov_base;
		s->len = c->iov[0].iov_len;
		return;
	}
	c->msg.msg_iov = c->iov;
	c->msg.msg_iovlen = n;
	s->opcode = IORING_OP_SENDMSG;
	s->addr = (uintptr_t)&c->msg;
	s->len = 1;
}

/* Queues a received piece; one that continues the last unsent piece in memory is joined to it. */
static void queue(struct conn *c, uint16_t bid, uint32_t off, uint32_t len)
{
	if (c->tail - c->head > c->sending) {
		struct piece *last = &c->q[(c->tail - 1) & (c->cap - 1)];
		if (last->bid == bid && last->off + last->len == off) {
			last->len += len;
			return;
		}
	}
	if (c->tail - c->head == c->cap) {
		uint32_t cap = c->cap ? 2 * c->cap : 4, n = c->tail - c->head;
		struct piece *q = malloc(cap * sizeof *q);
		if (!q)
			die("malloc", 1);
		for (uint32_t i = 0; i < n; i++)
			q[i] = c->q[(c->head + i) & (c->cap - 1)];
		free(c->q);
		c->q = q, c->cap = cap, c->head = 0, c->tail = n;
	}
	c->q[c->tail++ & (c->cap - 1)] = (struct piece){.off = off, .len = len, .bid = bid};
	bufs.refs[bid]++;
}

static void close_if_done(int fd)
{
	struct conn *c = &conns[fd];
	if (!c->ended || c->receiving || c->sending)
		return;
	for (; c->head != c->tail; c->head++)
		unref(c->q[c->head & (c->cap - 1)].bid);
	free(c->q);
	memset(c, 0, sizeof *c);
	close(fd);
}

static void on_recv(int fd, struct io_uring_cqe *e)
{
	struct conn *c = &conns[fd];
	if (!(e->flags & IORING_CQE_F_MORE))
		c->receiving = 0;
	if (e->flags & IORING_CQE_F_BUFFER) {
		uint16_t bid = e->flags >> IORING_CQE_BUFFER_SHIFT;
		uint32_t off = bufs.used[bid];
		if (!bufs.inc || !(e->flags & CQE_BUF_MORE)) {
			bufs.full[bid] = 1;
			bufs.free--;
		}
		if (e->res > 0) {
			bufs.used[bid] += e->res;
			queue(c, bid, off, e->res);
		} else if (bufs.full[bid] && bufs.refs[bid] == 0) {
			provide(bid);
		}
	}
	if (e->res > 0) {
		send_next(fd);
		if (!c->receiving && !c->ended)
			arm_recv(fd);
	} else if (e->res == -ENOBUFS && !c->ended) {
		c->starved = 1;
		starved[starved_n++] = fd;
	} else {
		c->ended = 1;
	}
	close_if_done(fd);
}

static void on_send(int fd, int res)
{
	struct conn *c = &conns[fd];
	uint32_t n = c->sending;
	size_t want = 0;
	for (uint32_t i = 0; i < n; i++, c->head++) {
		want += c->iov[i].iov_len;
		unref(c->q[c->head & (c->cap - 1)].bid);
	}
	c->sending = 0;
	if (res < 0 || (size_t)res < want) { /* MSG_WAITALL: a short send is a broken connection */
		shutdown(fd, SHUT_RDWR);
		c->ended = 1;
	}
	if (!c->ended)
		send_next(fd);
	close_if_done(fd);
}

static void on_accept(int ln, struct io_uring_cqe *e)
{
	if (e->res >= FDS)
		close(e->res);
	else if (e->res >= 0)
		arm_recv(e->res);
	if (!(e->flags & IORING_CQE_F_MORE))
		arm_accept(ln);
}

static void on_control(int res)
{
	if (res <= 0)
		exit(0);
	printf("stats %llu\n", (unsigned long long)enters);
	fflush(stdout);
	arm_control();
}

static void reap(void)
{
	uint32_t head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	for (; head != tail; head++) {
		struct io_uring_cqe *e = &ring.cqes[head & ring.cq_mask];
		int fd = (uint32_t)e->user_data;
		switch ((enum op)(e->user_data >> 32)) {
		case ACCEPT: on_accept(fd, e); break;
		case RECV: on_recv(fd, e); break;
		case SEND: on_send(fd, e->res); break;
		case CONTROL: on_control(e->res); break;
		}
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
}

/* Receives again on connections that found no buffer, once the turn's buffers are given back. */
static void feed(void)
{
	__atomic_store_n(&bufs.ring[0].resv, bufs.tail, __ATOMIC_RELEASE);
	if (starved_n == 0 || bufs.free == 0)
		return;
	for (int i = 0; i < starved_n; i++) {
		struct conn *c = &conns[starved[i]];
		if (c->starved && !c->receiving && !c->ended)
			arm_recv(starved[i]);
		c->starved = 0;
	}
	starved_n = 0;
}

static int setup(struct io_uring_params *p)
{
	static const uint32_t tiers[] = {
		SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_SUBMIT_ALL | SETUP_NO_SQARRAY,
		SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_SUBMIT_ALL,
		SETUP_COOP_TASKRUN | SETUP_SUBMIT_ALL,
		IDLE,
	};
	int fd = -1;
	for (size_t i = 0; fd < 0 && i < sizeof tiers / sizeof *tiers; i++) {
		memset(p, 0, sizeof *p);
		p->flags = tiers[i] | SETUP_CQSIZE;
		p->cq_entries = CQ;
		fd = syscall(__NR_io_uring_setup, SQ, p);
		if (fd < 0 && errno != EINVAL)
			break;
	}
	return fd;
}

static void *map(size_t n, int fd, off_t off)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
	void *m = mmap(NULL, n, PROT_READ | PROT_WRITE, flags, fd, off);
	if (m == MAP_FAILED)
		die("mmap", 1);
	return m;
}

static void make_ring(void)
{
	struct io_uring_params p;
	ring.fd = setup(&p);
	if (ring.fd < 0)
		die("io_uring_setup", 3);
	size_t cq = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	size_t sq = p.sq_off.array + p.sq_entries * sizeof(uint32_t);
	char *r = map(cq > sq ? cq : sq, ring.fd, IORING_OFF_SQ_RING);
	ring.sq_head = (uint32_t *)(r + p.sq_off.head);
	ring.sq_tail = (uint32_t *)(r + p.sq_off.tail);
	ring.sq_mask = p.sq_entries - 1;
	ring.sq_array = p.flags & SETUP_NO_SQARRAY ? NULL : (uint32_t *)(r + p.sq_off.array);
	ring.cq_head = (uint32_t *)(r + p.cq_off.head);
	ring.cq_tail = (uint32_t *)(r + p.cq_off.tail);
	ring.cq_mask = p.cq_entries - 1;
	ring.cqes = (struct io_uring_cqe *)(r + p.cq_off.cqes);
	ring.sqes = map(p.sq_entries * sizeof(struct io_uring_sqe), ring.fd, IORING_OFF_SQES);
	ring.enter_fd = ring.fd;
	struct ring_fd reg = {.offset = -1U, .data = ring.fd};
	if (syscall(__NR_io_uring_register, ring.fd, REGISTER_RING_FDS, &reg, 1) == 1) {
		ring.enter_fd = reg.offset;
		ring.enter_flags = ENTER_REGISTERED_RING;
	}
}

static void make_bufs(void)
{
	bufs.mem = map(4 << 20, -1, 0);
	bufs.ring = map(BUFS_MAX * sizeof(struct pbuf), -1, 0);
	bufs.inc = 1, bufs.n = 16, bufs.bytes = 256 << 10;
	struct pbuf_reg reg = {.ring_addr = (uintptr_t)bufs.ring, .entries = 16, .flags = PBUF_RING_INC};
	if (syscall(__NR_io_uring_register, ring.fd, REGISTER_PBUF_RING, &reg, 1)) {
		bufs.inc = 0, bufs.n = 256, bufs.bytes = 16 << 10;
		reg.entries = 256, reg.flags = 0;
		if (syscall(__NR_io_uring_register, ring.fd, REGISTER_PBUF_RING, &reg, 1))
			die("io_uring_register (buffer ring)", 3);
	}
	for (uint32_t i = 0; i < bufs.n; i++)
		provide(i);
}

static int listen_any(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen", 1);
	printf("ready %d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(void)
{
	make_ring();
	make_bufs();
	arm_accept(listen_any());
	arm_control();
	for (;;) {
		feed();
		enter(1);
		reap();
	}
}

//go:build linux

package uring

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// workbench is a ring with memory for the tests that perform each operation: a wrong number in the table of
// constants or a wrong field would show here.
type workbench struct {
	t   *testing.T
	r   *Ring
	mem []byte
	dir string
	ops *Ops
}

func newWorkbench(t *testing.T) *workbench {
	w := &workbench{t: t, r: newTestRing(t, 16, 0), mem: testMem(t, 1<<16), dir: t.TempDir()}
	var err error
	if w.ops, err = w.r.Probe(); err != nil {
		t.Fatal(err)
	}
	return w
}

// do performs one operation, which must succeed, and gives its result. Operations that the kernel lacks are
// passed over: ok is false.
func (w *workbench) do(what string, fill func(*SQE)) (res int32, ok bool) {
	w.t.Helper()
	var probe SQE
	fill(&probe)
	if !w.ops.Has(probe.Opcode) {
		w.t.Logf("lacks: %s", what)
		return 0, false
	}
	c := one(w.t, w.r, fill)
	if c.Res < 0 {
		w.t.Errorf("%s: %v", what, c.Err())
		return c.Res, false
	}
	return c.Res, true
}

func (w *workbench) exists(name string, want bool) {
	w.t.Helper()
	if _, err := os.Lstat(filepath.Join(w.dir, name)); (err == nil) != want {
		w.t.Errorf("%s exists: %v, want %v", name, err == nil, want)
	}
}

// TestFileOperations performs every operation on files once and looks at the effect.
func TestFileOperations(t *testing.T) {
	w := newWorkbench(t)
	cstr := func(s string) []byte { return append([]byte(s), 0) }
	// Paths must be reachable until their entry is consumed; they are all kept here.
	paths := map[string][]byte{}
	at := func(name string) uintptr {
		if paths[name] == nil {
			paths[name] = cstr(filepath.Join(w.dir, name))
		}
		return Addr(paths[name])
	}
	defer runtime.KeepAlive(paths)

	res, ok := w.do("openat", func(s *SQE) {
		s.PrepOpenat(AtFdcwd, at("a"), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
	if !ok {
		t.FailNow()
	}
	fd := int(res)
	defer unix.Close(fd)

	copy(w.mem, "hello world")
	if n, ok := w.do("write", func(s *SQE) { s.PrepWrite(fd, Addr(w.mem), 11, 0) }); ok && n != 11 {
		t.Errorf("write: %d", n)
	}
	if n, ok := w.do("read", func(s *SQE) { s.PrepRead(fd, Addr(w.mem)+100, 50, 6) }); ok &&
		(n != 5 || string(w.mem[100:105]) != "world") {
		t.Errorf("read: %d %q", n, w.mem[100:105])
	}
	iovs := &[2]unix.Iovec{{Base: &w.mem[0]}, {Base: &w.mem[6]}}
	iovs[0].SetLen(6)
	iovs[1].SetLen(5)
	if n, ok := w.do("writev", func(s *SQE) { s.PrepWritev(fd, AddrOf(iovs), 2, 11) }); ok && n != 11 {
		t.Errorf("writev: %d", n)
	}
	if n, ok := w.do("readv2", func(s *SQE) { s.PrepReadv2(fd, AddrOf(iovs), 2, 11, 0) }); ok && n != 11 {
		t.Errorf("readv2: %d", n)
	}
	w.do("fsync", func(s *SQE) { s.PrepFsync(fd, FsyncDatasync) })
	w.do("sync_file_range", func(s *SQE) { s.PrepSyncFileRange(fd, 11, 0, unix.SYNC_FILE_RANGE_WRITE) })
	w.do("fallocate", func(s *SQE) { s.PrepFallocate(fd, 0, 0, 4096) })
	w.size(fd, 4096)
	if _, ok := w.do("ftruncate", func(s *SQE) { s.PrepFtruncate(fd, 77) }); ok {
		w.size(fd, 77)
	}
	w.do("fadvise", func(s *SQE) { s.PrepFadvise(fd, 0, 0, unix.FADV_RANDOM) })
	w.do("madvise", func(s *SQE) { s.PrepMadvise(Addr(w.mem), 4096, unix.MADV_NORMAL) })

	stx := new(unix.Statx_t)
	if _, ok := w.do("statx", func(s *SQE) {
		s.PrepStatx(AtFdcwd, at("a"), 0, unix.STATX_SIZE|unix.STATX_MODE, AddrOf(stx))
	}); ok && stx.Mode&0o777 != 0o600 {
		t.Errorf("statx: mode %o", stx.Mode)
	}
	w.names(at)

	value := []byte("value")
	name := cstr("user.unio")
	c := one(t, w.r, func(s *SQE) { s.PrepFsetxattr(fd, Addr(name), Addr(value), 0, 5) })
	if c.Res == 0 {
		n, ok := w.do("fgetxattr", func(s *SQE) { s.PrepFgetxattr(fd, Addr(name), Addr(w.mem), 50) })
		if ok && (n != 5 || string(w.mem[:5]) != "value") {
			t.Errorf("fgetxattr: %d %q", n, w.mem[:5])
		}
		w.do("setxattr", func(s *SQE) { s.PrepSetxattr(Addr(name), Addr(value), at("a"), 0, 4) })
		if n, ok := w.do("getxattr", func(s *SQE) { s.PrepGetxattr(Addr(name), Addr(w.mem), at("a"), 50) }); ok && n != 4 {
			t.Errorf("getxattr: %d", n)
		}
	} else if w.ops.Has(OpFsetxattr) {
		t.Logf("lacks: extended attributes in %s (%v)", w.dir, c.Err())
	}
	runtime.KeepAlive(name)
	runtime.KeepAlive(value)
	runtime.KeepAlive(iovs)

	how := &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC}
	if res, ok := w.do("openat2", func(s *SQE) { s.PrepOpenat2(AtFdcwd, at("a"), AddrOf(how)) }); ok {
		if _, ok := w.do("close", func(s *SQE) { s.PrepClose(int(res)) }); ok {
			if err := unix.Close(int(res)); err != unix.EBADF {
				t.Errorf("close left the descriptor: %v", err)
			}
		}
	}
	w.do("unlinkat", func(s *SQE) { s.PrepUnlinkat(AtFdcwd, at("a"), 0) })
	w.exists("a", false)
}

func (w *workbench) size(fd int, want int64) {
	w.t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Size != want {
		w.t.Errorf("size %d, want %d (%v)", st.Size, want, err)
	}
}

// names makes, links, renames and removes directory entries.
func (w *workbench) names(at func(string) uintptr) {
	w.do("mkdirat", func(s *SQE) { s.PrepMkdirat(AtFdcwd, at("d"), 0o700) })
	w.exists("d", true)
	w.do("linkat", func(s *SQE) { s.PrepLinkat(AtFdcwd, at("a"), AtFdcwd, at("d/hard"), 0) })
	w.exists("d/hard", true)
	w.do("symlinkat", func(s *SQE) { s.PrepSymlinkat(at("a"), AtFdcwd, at("soft")) })
	w.exists("soft", true)
	w.do("renameat", func(s *SQE) { s.PrepRenameat(AtFdcwd, at("soft"), AtFdcwd, at("d/moved"), 0) })
	w.exists("soft", false)
	w.exists("d/moved", true)
	for _, name := range []string{"d/moved", "d/hard"} {
		w.do("unlinkat", func(s *SQE) { s.PrepUnlinkat(AtFdcwd, at(name), 0) })
	}
	w.do("unlinkat", func(s *SQE) { s.PrepUnlinkat(AtFdcwd, at("d"), unix.AT_REMOVEDIR) })
	w.exists("d", false)
}

// TestStreamOperations performs those of connected sockets and pipes.
func TestStreamOperations(t *testing.T) {
	w := newWorkbench(t)
	ln, sa := testListener(t)
	raw := &unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: sa.Addr, Port: uint16(sa.Port)<<8 | uint16(sa.Port>>8)}
	if !littleEndian {
		raw.Port = uint16(sa.Port)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, ok := w.do("connect", func(s *SQE) { s.PrepConnect(fd, AddrOf(raw), 16) }); !ok {
		t.FailNow()
	}
	res, ok := w.do("accept", func(s *SQE) { s.PrepAccept(ln, 0, 0, unix.SOCK_CLOEXEC) })
	if !ok {
		t.FailNow()
	}
	peer := int(res)
	defer unix.Close(peer)

	copy(w.mem, "0123456789")
	iov := &unix.Iovec{Base: &w.mem[0]}
	iov.SetLen(10)
	msg := &unix.Msghdr{Iov: iov}
	msg.SetIovlen(1)
	w.do("send", func(s *SQE) { s.PrepSend(fd, Addr(w.mem), 10, unix.MSG_NOSIGNAL) })
	w.do("sendmsg", func(s *SQE) { s.PrepSendmsg(fd, AddrOf(msg), unix.MSG_NOSIGNAL) })
	if n, ok := w.do("recv", func(s *SQE) { s.PrepRecv(peer, Addr(w.mem)+100, 10, unix.MSG_WAITALL) }); ok &&
		(n != 10 || string(w.mem[100:110]) != "0123456789") {
		t.Errorf("recv: %d %q", n, w.mem[100:110])
	}
	if n, ok := w.do("recvmsg", func(s *SQE) { s.PrepRecvmsg(peer, AddrOf(msg), unix.MSG_WAITALL) }); ok && n != 10 {
		t.Errorf("recvmsg: %d", n)
	}
	w.provide(fd, peer)
	w.splice(fd, peer)
	w.do("shutdown", func(s *SQE) { s.PrepShutdown(fd, unix.SHUT_WR) })
	if n, ok := w.do("recv at the end", func(s *SQE) { s.PrepRecv(peer, Addr(w.mem), 10, 0) }); ok && n != 0 {
		t.Errorf("recv at the end: %d", n)
	}
	runtime.KeepAlive(raw)
	runtime.KeepAlive(msg)
}

// provide receives into a group of the old kind.
func (w *workbench) provide(fd, peer int) {
	w.do("provide_buffers", func(s *SQE) { s.PrepProvideBuffers(Addr(w.mem)+4096, 512, 4, 9, 30) })
	w.do("send", func(s *SQE) { s.PrepSend(fd, Addr(w.mem), 10, 0) })
	c := one(w.t, w.r, func(s *SQE) {
		s.PrepRecv(peer, 0, 512, 0)
		s.SetBufferGroup(9)
	})
	id, ok := c.Buffer()
	if !ok || c.Res != 10 || id < 30 || id > 33 || string(w.mem[4096+int(id-30)*512:][:10]) != "0123456789" {
		w.t.Errorf("recv into provided buffers: %+v", c)
	}
	if n, ok := w.do("remove_buffers", func(s *SQE) { s.PrepRemoveBuffers(10, 9) }); ok && n != 3 {
		w.t.Errorf("remove_buffers: %d", n)
	}
}

// splice passes bytes from a pipe through another one into the socket.
func (w *workbench) splice(fd, peer int) {
	var p, q [2]int
	for _, fds := range []*[2]int{&p, &q} {
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
			w.t.Fatal(err)
		}
		defer unix.Close(fds[0])
		defer unix.Close(fds[1])
	}
	if _, err := unix.Write(p[1], []byte("piped")); err != nil {
		w.t.Fatal(err)
	}
	if n, ok := w.do("tee", func(s *SQE) { s.PrepTee(p[0], q[1], 5, 0) }); ok && n != 5 {
		w.t.Errorf("tee: %d", n)
	}
	if n, ok := w.do("splice", func(s *SQE) { s.PrepSplice(q[0], -1, fd, -1, 5, 0) }); !ok || n != 5 {
		w.t.Errorf("splice: %d", n)
		return
	}
	if n, ok := w.do("recv", func(s *SQE) { s.PrepRecv(peer, Addr(w.mem)+200, 5, unix.MSG_WAITALL) }); ok &&
		(n != 5 || string(w.mem[200:205]) != "piped") {
		w.t.Errorf("recv after splice: %d %q", n, w.mem[200:205])
	}
}

func testListener(t *testing.T) (int, *unix.SockaddrInet4) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Skipf("lacks: a loopback network (%v)", err)
	}
	if err := unix.Listen(fd, 16); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, sa.(*unix.SockaddrInet4)
}

// results takes n completions and gives their results by user data.
func (w *workbench) results(n int) map[uint64]int32 {
	m := map[uint64]int32{}
	for _, c := range reap(w.t, w.r, n) {
		m[c.UserData] = c.Res
	}
	return m
}

func (w *workbench) queue(data uint64, fill func(*SQE)) {
	s := w.r.SQE()
	fill(s)
	s.UserData = data
}

// TestRequestsAboutRequests performs those that change or end others.
func TestRequestsAboutRequests(t *testing.T) {
	need(t, FeaturePollMultishot)
	w := newWorkbench(t)
	fd, peer := testPair(t)
	hour, soon := &KernelTimespec{Sec: 3600}, &KernelTimespec{Nsec: 1000}

	w.queue(1, func(s *SQE) { s.PrepTimeout(AddrOf(hour), 0, 0) })
	w.queue(2, func(s *SQE) { s.PrepTimeoutRemove(1, 0) })
	if m := w.results(2); m[1] != -int32(unix.ECANCELED) || m[2] != 0 {
		t.Errorf("timeout_remove: %v", m)
	}
	w.queue(1, func(s *SQE) { s.PrepTimeout(AddrOf(hour), 0, 0) })
	w.queue(2, func(s *SQE) { s.PrepTimeoutUpdate(AddrOf(soon), 1, 0) })
	if m := w.results(2); m[1] != -int32(unix.ETIME) || m[2] != 0 {
		t.Errorf("timeout_update: %v", m)
	}
	w.queue(1, func(s *SQE) { s.PrepPollAdd(fd, unix.POLLIN) })
	w.queue(2, func(s *SQE) { s.PrepPollRemove(1) })
	if m := w.results(2); m[1] != -int32(unix.ECANCELED) || m[2] != 0 {
		t.Errorf("poll_remove: %v", m)
	}
	// The update waits for what is true already, so the request completes under its new name.
	w.queue(1, func(s *SQE) { s.PrepPollAdd(fd, unix.POLLIN) })
	w.queue(2, func(s *SQE) { s.PrepPollUpdate(1, 3, unix.POLLOUT, PollUpdateEvents|PollUpdateUserData) })
	if m := w.results(2); m[3]&unix.POLLOUT == 0 || m[2] != 0 {
		t.Errorf("poll_update: %v", m)
	}
	w.queue(1, func(s *SQE) { s.PrepRecv(fd, Addr(w.mem), 10, 0) })
	w.queue(2, func(s *SQE) { s.PrepCancel(1, 0) })
	if m := w.results(2); m[1] != -int32(unix.ECANCELED) || m[2] != 0 {
		t.Errorf("cancel: %v", m)
	}
	if FeatureCancelFd.Have() {
		w.queue(1, func(s *SQE) { s.PrepRecv(fd, Addr(w.mem), 10, 0) })
		w.queue(2, func(s *SQE) { s.PrepPollAdd(fd, unix.POLLIN) })
		w.queue(3, func(s *SQE) { s.PrepCancelFd(fd, AsyncCancelAll) })
		if m := w.results(3); m[1] != -int32(unix.ECANCELED) || m[2] != -int32(unix.ECANCELED) || m[3] != 2 {
			t.Errorf("cancel_fd: %v", m)
		}
	}
	w.epoll(fd, peer)
	w.futex()
	runtime.KeepAlive(hour)
	runtime.KeepAlive(soon)
}

func (w *workbench) epoll(fd, peer int) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		w.t.Fatal(err)
	}
	defer unix.Close(ep)
	ev := &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 5}
	w.do("epoll_ctl", func(s *SQE) { s.PrepEpollCtl(ep, fd, unix.EPOLL_CTL_ADD, AddrOf(ev)) })
	if _, err := unix.Write(peer, []byte("x")); err != nil {
		w.t.Fatal(err)
	}
	var got [1]unix.EpollEvent
	if n, err := unix.EpollWait(ep, got[:], 1000); n != 1 || got[0].Fd != 5 {
		w.t.Errorf("epoll_ctl: %d events %v, %v", n, got, err)
	}
	runtime.KeepAlive(ev)
}

func (w *workbench) futex() {
	if !FeatureFutex.Have() {
		w.t.Log("lacks: futex")
		return
	}
	const u32, anyBit = 2, 0xffffffff
	clear(w.mem[:8])
	w.queue(1, func(s *SQE) { s.PrepFutexWait(Addr(w.mem), 0, anyBit, u32, 0) })
	if _, err := w.r.Submit(); err != nil {
		w.t.Fatal(err)
	}
	w.queue(2, func(s *SQE) { s.PrepFutexWake(Addr(w.mem), 1, anyBit, u32, 0) })
	if m := w.results(2); m[1] != 0 || m[2] != 1 {
		w.t.Errorf("futex: %v", m)
	}
}

// TestMessages sends results, flags and a file from ring to ring.
func TestMessages(t *testing.T) {
	need(t, FeatureMsgRing, FeatureFilesSparse, FeatureSendMsgRing)
	w := newWorkbench(t)
	to := newTestRing(t, 8, 0)
	a, b := testPair(t)
	if err := w.r.RegisterFiles([]int32{-1, int32(a)}); err != nil {
		t.Fatal(err)
	}
	if err := to.RegisterFilesSparse(4); err != nil {
		t.Fatal(err)
	}
	w.do("msg_ring", func(s *SQE) { s.PrepMsgRing(to.FD(), 11, 1, 0) })
	w.do("msg_ring with flags", func(s *SQE) { s.PrepMsgRingCqeFlags(to.FD(), 12, 2, 0, 0x30001) })
	w.do("msg_ring with a file", func(s *SQE) { s.PrepMsgRingFd(to.FD(), 1, 3, 3, 0) })
	list := reap(t, to, 3)
	if list[0] != (CQE{1, 11, 0}) || list[1] != (CQE{2, 12, 0x30001}) || list[2] != (CQE{3, 0, 0}) {
		t.Errorf("messages %+v", list)
	}
	// The file is in slot 3 of the other ring.
	copy(w.mem, "passed")
	if c := one(t, to, func(s *SQE) { s.PrepSend(3, Addr(w.mem), 6, 0); s.SetFixedFile() }); c.Res != 6 {
		t.Errorf("send through the passed file: %+v", c)
	}
	var got [16]byte
	if n, err := unix.Read(b, got[:]); err != nil || string(got[:n]) != "passed" {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if c := one(t, to, func(s *SQE) { s.PrepCloseDirect(3) }); c.Res != 0 {
		t.Errorf("close_direct: %+v", c)
	}
	if c := one(t, to, func(s *SQE) { s.PrepSend(3, Addr(w.mem), 6, 0); s.SetFixedFile() }); c.Res != -int32(unix.EBADF) {
		t.Errorf("send through an empty slot: %+v", c)
	}
}

// TestWaitidReapsChild waits for a process.
func TestWaitidReapsChild(t *testing.T) {
	w := newWorkbench(t)
	if !w.ops.Has(OpWaitid) {
		t.Skip("lacks: waitid")
	}
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err != nil {
		t.Skipf("lacks: /bin/true (%v)", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	w.do("waitid", func(s *SQE) { s.PrepWaitid(unix.P_PID, p.Pid, 0, unix.WEXITED|unix.WNOWAIT, 0) })
	if time.Now().After(deadline) {
		t.Error("waitid took until the deadline")
	}
	if st, err := p.Wait(); err != nil || !st.Success() {
		t.Errorf("the child: %v, %v", st, err)
	}
}

package sys

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSockaddrRoundTrip(t *testing.T) {
	lo := loopbackName(t)
	cases := []struct {
		network string
		addr    net.Addr
		family  int
		bytes   int
	}{
		{"tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, syscall.AF_INET, 16},
		{"tcp4", &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 65535}, syscall.AF_INET, 16},
		{"tcp", &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 443}, syscall.AF_INET6, 28},
		{"tcp6", &net.TCPAddr{IP: net.IPv6unspecified, Port: 1}, syscall.AF_INET6, 28},
		{"tcp", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 443, Zone: lo}, syscall.AF_INET6, 28},
		{"unix", &net.UnixAddr{Name: "/run/x", Net: "unix"}, syscall.AF_UNIX, 2 + 7},
		{"unix", &net.UnixAddr{Name: "@abstract", Net: "unix"}, syscall.AF_UNIX, 2 + 9},
		{"unix", &net.UnixAddr{Name: "@" + strings.Repeat("a", 107), Net: "unix"}, syscall.AF_UNIX, 110},
		{"unix", &net.UnixAddr{Name: strings.Repeat("p", 107), Net: "unix"}, syscall.AF_UNIX, 110},
	}
	for _, c := range cases {
		var a Sockaddr
		for i := range a.raw {
			a.raw[i] = 0xff // what was there before must not show
		}
		if err := a.Encode(c.network, c.addr); err != nil {
			t.Errorf("%v: %v", c.addr, err)
			continue
		}
		if a.Family() != c.family || len(a.Bytes()) != c.bytes {
			t.Errorf("%v: family %d with %d bytes, want %d with %d",
				c.addr, a.Family(), len(a.Bytes()), c.family, c.bytes)
		}
		if got := a.Addr(); got.String() != c.addr.String() || got.Network() != c.addr.Network() {
			t.Errorf("%v came back as %v", c.addr, got)
		}
	}
}

// TestNameOfAnUnnamedSocketWasEmpty holds package net's name of a Unix socket that has none.
func TestNameOfAnUnnamedSocketWasEmpty(t *testing.T) {
	var a Sockaddr
	if err := a.Encode("unix", &net.UnixAddr{Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	if a.Family() != syscall.AF_UNIX || len(a.Bytes()) != 2 {
		t.Errorf("family %d with %d bytes, want that of unix alone", a.Family(), len(a.Bytes()))
	}
	if got := a.Addr().String(); got != "@" {
		t.Errorf("the name is %q, package net has @", got)
	}
}

func loopbackName(t *testing.T) string {
	list, err := net.Interfaces()
	if err != nil || len(list) == 0 {
		t.Skipf("this machine tells no interfaces: %v", err)
	}
	return list[0].Name
}

func TestSockaddrRefuses(t *testing.T) {
	for _, c := range []struct {
		network string
		addr    net.Addr
	}{
		{"tcp6", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}},
		{"tcp4", &net.TCPAddr{IP: net.IPv6loopback}},
		{"tcp", &net.TCPAddr{IP: net.IP{1, 2, 3}}},
		{"tcp", &net.TCPAddr{IP: net.IPv6loopback, Port: -1}},
		{"tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 << 16}},
		{"unix", &net.UnixAddr{Name: strings.Repeat("p", 108)}},
		{"unix", &net.UnixAddr{Name: "@" + strings.Repeat("p", 108)}},
		{"udp", &net.UDPAddr{}},
	} {
		var a Sockaddr
		if err := a.Encode(c.network, c.addr); err == nil {
			t.Errorf("%s %v was taken", c.network, c.addr)
		}
	}
}

// The kernel decides whether an address was written as it wants it: bind, and ask.
func TestBindTellsTheSameName(t *testing.T) {
	for _, addr := range []net.Addr{
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)},
		&net.TCPAddr{IP: net.IPv6loopback},
		&net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"},
		&net.UnixAddr{Name: "@unio-sys-test", Net: "unix"},
	} {
		var a Sockaddr
		if err := a.Encode(addr.Network(), addr); err != nil {
			t.Fatal(err)
		}
		fd, err := socket(a.Family())
		if err != nil {
			t.Fatal(err)
		}
		err = Bind(fd, &a)
		got, peer := LocalAddr(fd, new(TCPRoom)), PeerAddr(fd, new(TCPRoom))
		if err != nil {
			t.Logf("this machine cannot bind %v: %v", addr, err)
		} else if !sameName(got, addr) {
			t.Errorf("bound to %v, told %v", addr, got)
		}
		if Connected(fd) || peer != nil {
			t.Error("a socket without a peer has one")
		}
		CloseFD(fd)
	}
}

func sameName(a, b net.Addr) bool {
	if t, ok := b.(*net.TCPAddr); ok {
		got, ok := a.(*net.TCPAddr)
		return ok && got.IP.Equal(t.IP) && got.Port != 0
	}
	return a != nil && a.String() == b.String()
}

func TestSelfConnectedIsRecognised(t *testing.T) {
	var a Sockaddr
	if err := a.Encode("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	fd, err := socket(a.Family())
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(fd)
	if err := Bind(fd, &a); err != nil {
		t.Fatal(err)
	}
	local := LocalAddr(fd, new(TCPRoom))
	if err := a.Encode("tcp", local); err != nil {
		t.Fatal(err)
	}
	if errno := Connect(fd, &a); errno != 0 && errno != syscall.EINPROGRESS {
		t.Fatal(errno)
	}
	if errno := SocketError(fd); errno != 0 || !SelfConnected(fd) {
		t.Errorf("connected to itself: %v, error %v", SelfConnected(fd), errno)
	}
}

func TestVectorMergesNeighbours(t *testing.T) {
	fds := socketpair(t)
	var v Vector
	p := []byte("0123456789")
	for range 2 {
		v.Reset()
		for _, piece := range [][]byte{p[:3], p[3:3], p[3:7], nil, p[8:9], p[9:]} {
			if !v.Append(piece) {
				t.Fatal("no room")
			}
		}
		if v.Pieces() != 2 || v.Bytes() != 9 {
			t.Errorf("%d pieces with %d bytes, want 2 with 9", v.Pieces(), v.Bytes())
		}
	}
	if n, errno := v.Send(fds[0], 0); n != 9 || errno != 0 {
		t.Fatalf("send: %d, %v", n, errno)
	}
	got := make([]byte, 20)
	if n, errno := Recv(fds[1], &got[0], len(got)); errno != 0 || string(got[:n]) != "012345689" {
		t.Errorf("received %q, %v", got[:n], errno)
	}
	if _, errno := Recv(fds[1], &got[0], len(got)); errno != syscall.EAGAIN {
		t.Errorf("an empty socket that may block: %v, want EAGAIN", errno)
	}
	v.Reset()
	apart := make([]byte, 2*VectorMax+2)
	for i := range VectorMax {
		if !v.Append(apart[2*i : 2*i+1]) {
			t.Fatalf("no room for piece %d", i)
		}
	}
	if v.Append(apart[2*VectorMax:]) {
		t.Error("room for more pieces than a Vector holds")
	}
}

// socketpair is a pair of blocking sockets.
func socketpair(t *testing.T) [2]int {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		CloseFD(fds[0])
		CloseFD(fds[1])
	})
	return fds
}

func TestEpollTellsIdentityAndGeneration(t *testing.T) {
	for _, old := range []bool{false, true} {
		noPwait2.Store(old)
		ep, err := EpollCreate()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := Eventfd()
		if err != nil {
			t.Fatal(err)
		}
		if err := EpollAdd(ep, fd, EpollIn|EpollET, 0xfffffffe, 0x80000001); err != nil {
			t.Fatal(err)
		}
		events := make([]EpollEvent, 4)
		start := time.Now()
		if n, errno := EpollWait(ep, events, 2500*time.Microsecond); n != 0 || errno != 0 {
			t.Errorf("%d events, %v", n, errno)
		}
		if took := time.Since(start); took < 2500*time.Microsecond {
			t.Errorf("a wait of 2.5 ms took %v", took)
		}
		for range 3 { // never read, and each signal is an edge
			if err := EventfdSignal(fd); err != nil {
				t.Fatal(err)
			}
			n, errno := EpollWait(ep, events, -1)
			if n != 1 || errno != 0 || events[0].ID() != 0xfffffffe || events[0].Gen() != 0x80000001 {
				t.Errorf("%d events, first %+v, %v", n, events[0], errno)
			}
			if n, errno := EpollPoll(ep, events); n != 0 || errno != 0 {
				t.Errorf("an edge came twice: %d, %v", n, errno)
			}
		}
		if err := EpollDel(ep, fd); err != nil {
			t.Error(err)
		}
		CloseFD(fd)
		CloseFD(ep)
	}
	noPwait2.Store(false)
}

// A counter of 2^64-2 takes no more: the signal that meets it must still be one.
func TestEventfdSignalSurvivesAFullCounter(t *testing.T) {
	fd, err := Eventfd()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(fd)
	full := [8]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	if _, err := unix.Write(fd, full[:]); err != nil {
		t.Skipf("a big-endian machine or no full counter: %v", err)
	}
	if err := EventfdSignal(fd); err != nil {
		t.Error(err)
	}
	var got [8]byte
	if _, err := unix.Read(fd, got[:]); err != nil || got[0] != 1 || got[1] != 0 {
		t.Errorf("the counter is %v after a signal on a full one, %v", got, err)
	}
}

func TestWaitMillisRoundsUp(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 1<<63 - 1: 1<<31 - 1,
	} {
		if got := waitMillis(d); got != want {
			t.Errorf("%v: %d ms, want %d", d, got, want)
		}
	}
}

func TestTakeConnLeavesTheSocketOpen(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	path := l.Addr().String()
	lfd, err := TakeListener(l)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(lfd)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the listener's path went: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := TakeConn(c)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(fd)
	other, errno := Accept(lfd)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer CloseFD(other)
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Error(err)
	}
	if n, errno := Recv(other, &make([]byte, 8)[0], 8); n != 1 || errno != 0 {
		t.Errorf("%d bytes, %v", n, errno)
	}
	if _, errno := Accept(lfd); errno != syscall.EAGAIN {
		t.Errorf("accept on an empty backlog: %v, want EAGAIN", errno)
	}
	if c, other := net.Pipe(); c != nil {
		if _, err := TakeConn(c); err == nil {
			t.Error("a pipe in memory gave a descriptor")
		}
		c.Close()
		other.Close()
	}
}

func TestOptionsReachTheKernel(t *testing.T) {
	fd, err := socket(syscall.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseFD(fd)
	check := func(name string, level, opt, want int, set error) {
		t.Helper()
		got, err := unix.GetsockoptInt(fd, level, opt)
		if set != nil || err != nil || got != want {
			t.Errorf("%s: %d, want %d (%v, %v)", name, got, want, set, err)
		}
	}
	check("nodelay", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1, SetNoDelay(fd, true))
	check("keepalive off", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0, SetKeepAlive(fd, false))
	set := SetKeepAliveConfig(fd, net.KeepAliveConfig{
		Enable: true, Idle: 1500 * time.Millisecond, Interval: 3 * time.Second,
	})
	check("keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1, set)
	check("idle", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 2, set)
	check("interval", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 3, set)
	check("count", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9, set)
	check("read buffer", unix.SOL_SOCKET, unix.SO_RCVBUF, 2*16384, SetReadBuffer(fd, 16384))
	check("write buffer", unix.SOL_SOCKET, unix.SO_SNDBUF, 2*16384, SetWriteBuffer(fd, 16384))
	for _, sec := range []int{5, 0, -1} {
		if err := SetLinger(fd, sec); err != nil || Linger(fd) != sec {
			t.Errorf("linger %d: %d, %v", sec, Linger(fd), err)
		}
	}
}

func TestThreadHasAnIdentityAndCPUs(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread goes with its mask
	if Gettid() != unix.Gettid() || Gettid() == 0 {
		t.Errorf("thread %d", Gettid())
	}
	cpus, err := ThreadCPUs()
	if err != nil || len(cpus) == 0 {
		t.Skipf("this machine does not tell the CPUs of a thread: %v", err)
	}
	last := cpus[len(cpus)-1]
	if err := PinThread(last); err != nil {
		t.Skipf("this machine does not let a thread be pinned: %v", err)
	}
	if now, err := ThreadCPUs(); err != nil || len(now) != 1 || now[0] != last {
		t.Errorf("pinned to %d, runs on %v, %v", last, now, err)
	}
	if l, err := FileLimit(); err != nil || l.Cur == 0 {
		t.Errorf("limit of descriptors %+v, %v", l, err)
	}
}

func FuzzSockaddr(f *testing.F) {
	f.Add("unix", "@x", 0)
	f.Add("tcp", "::1", 80)
	f.Fuzz(func(t *testing.T, network, name string, port int) {
		var a, b Sockaddr
		var addr net.Addr = &net.UnixAddr{Name: name, Net: "unix"}
		if network != "unix" {
			addr = &net.TCPAddr{IP: net.ParseIP(name), Port: port & 0xffff}
		}
		if a.Encode(network, addr) != nil {
			return
		}
		back := a.Addr()
		if strings.Contains(name, "\x00") && network == "unix" {
			return // the kernel ends a path there
		}
		if err := b.Encode(network, back); err != nil || string(a.Bytes()) != string(b.Bytes()) {
			t.Errorf("%v came back as %v: %v", addr, back, err)
		}
	})
}

// Who has a lease on a file is waited for, and an opened file waits as others do.
func TestOpenWaitsForALease(t *testing.T) {
	name := filepath.Join(t.TempDir(), "leased")
	holder, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	lease := func(kind int) error {
		_, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, kind)
		return err
	}
	if err := lease(unix.F_WRLCK); err != nil {
		t.Skipf("lacks: a file system with leases in the directory for temporary files: %v", err)
	}
	over := make(chan error)
	go func() {
		time.Sleep(50 * time.Millisecond)
		over <- lease(unix.F_UNLCK)
	}()
	f, err := Open(func(flag int) (*os.File, error) { return os.OpenFile(name, os.O_RDONLY|flag, 0) })
	if err := <-over; err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}

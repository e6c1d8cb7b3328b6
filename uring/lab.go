//go:build linux

package uring

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// lab is where one probe is done: a ring and what else was opened, closed together. Its thread is locked,
// because some features belong to a thread.
type lab struct {
	cleanup []func()
	// mem is labBytes outside the heap, shared by all probes and never unmapped: late requests may write to it.
	mem []byte
}

const labBytes = 64 << 10

// labPatience limits every wait of a probe, for kernels on which nothing comes.
const labPatience = time.Second

var errSilence = errors.New("no completion came")

// patientProbe runs a probe again while it meets the memory of earlier ones: the kernel gives the memory of
// a ring back to RLIMIT_MEMLOCK some milliseconds after Close, and seventy probes in a row would meet a
// small limit.
func patientProbe(probe func(*lab) error) error {
	const attempts, pause = 25, 4 * time.Millisecond
	for i := 1; ; i++ {
		err := runProbe(probe)
		if !errors.Is(err, unix.ENOMEM) || !probes.made || i == attempts {
			return err
		}
		time.Sleep(pause)
	}
}

func runProbe(probe func(*lab) error) error {
	if probes.page == nil {
		p, err := unix.Mmap(-1, 0, labBytes, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return prepared(mapError(err))
		}
		probes.page = p
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &lab{mem: probes.page}
	defer l.close()
	return probe(l)
}

func (l *lab) close() {
	for i := len(l.cleanup) - 1; i >= 0; i-- {
		l.cleanup[i]()
	}
}

// ring makes a ring with exactly these flags; its failure is the answer of the probe.
func (l *lab) ring(flags uint32) (*Ring, error) {
	r, err := New(8, &Params{Flags: flags})
	if err != nil {
		return nil, err
	}
	probes.made = true
	l.cleanup = append(l.cleanup, func() { r.Close() })
	return r, nil
}

// plainRing makes a ring for a probe of something else.
func (l *lab) plainRing() (*Ring, error) {
	r, err := l.ring(0)
	return r, prepared(err)
}

// next waits for one completion and copies it.
func (l *lab) next(r *Ring) (CQE, error) {
	deadline := time.Now().Add(labPatience)
	for {
		if c := r.PeekCQE(); c != nil {
			v := *c
			r.Seen(r.Slots(c))
			return v, nil
		}
		if time.Now().After(deadline) {
			return CQE{}, prepared(errSilence)
		}
		if err := l.enterWait(r); err != nil && !Temporary(err) {
			return CQE{}, err
		}
	}
}

// enterWait waits some milliseconds where the kernel can limit a wait, and asks again and again where it
// cannot.
func (l *lab) enterWait(r *Ring) error {
	if r.features&FeatExtArg != 0 {
		_, err := r.SubmitAndWaitTimeout(1, 20*time.Millisecond, 0)
		return err
	}
	_, err := r.Enter(r.Pending(), 0, EnterGetevents)
	time.Sleep(time.Millisecond)
	return err
}

// do runs one request and gives its first completion. A request that fails is an error.
func (l *lab) do(r *Ring, fill func(*SQE)) (CQE, error) {
	s := r.SQE()
	if s == nil {
		return CQE{}, prepared(errors.New("queue full"))
	}
	fill(s)
	c, err := l.next(r)
	if err == nil && c.Res < 0 {
		err = fmt.Errorf("operation %d: %w", s.Opcode, c.Err())
	}
	return c, err
}

// queue adds a request without waiting.
func (l *lab) queue(r *Ring, fill func(*SQE)) error {
	s := r.SQE()
	if s == nil {
		return prepared(errors.New("queue full"))
	}
	fill(s)
	_, err := r.Submit()
	return prepared(err)
}

func (l *lab) closeFd(fd int) { l.cleanup = append(l.cleanup, func() { unix.Close(fd) }) }

// socket makes a stream socket.
func (l *lab) socket(family int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, prepared(fmt.Errorf("socket: %w", err))
	}
	l.closeFd(fd)
	return fd, nil
}

// pair makes two connected stream sockets.
func (l *lab) pair() (a, b int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, prepared(fmt.Errorf("socketpair: %w", err))
	}
	l.closeFd(fds[0])
	l.closeFd(fds[1])
	return fds[0], fds[1], nil
}

// pipe makes a pipe.
func (l *lab) pipe() (r, w int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, prepared(fmt.Errorf("pipe: %w", err))
	}
	l.closeFd(fds[0])
	l.closeFd(fds[1])
	return fds[0], fds[1], nil
}

// listener makes a listening Unix socket with a name that the kernel chooses.
func (l *lab) listener() (fd int, sa unix.Sockaddr, err error) {
	if fd, err = l.socket(unix.AF_UNIX); err != nil {
		return 0, nil, err
	}
	return l.listen(fd, &unix.SockaddrUnix{})
}

func (l *lab) listen(fd int, any unix.Sockaddr) (int, unix.Sockaddr, error) {
	if err := unix.Bind(fd, any); err != nil {
		return 0, nil, prepared(fmt.Errorf("bind: %w", err))
	}
	if err := unix.Listen(fd, 8); err != nil {
		return 0, nil, prepared(fmt.Errorf("listen: %w", err))
	}
	sa, err := unix.Getsockname(fd)
	return fd, sa, prepared(err)
}

// dial connects a new Unix socket.
func (l *lab) dial(sa unix.Sockaddr) error {
	fd, err := l.socket(unix.AF_UNIX)
	if err != nil {
		return err
	}
	return prepared(unix.Connect(fd, sa))
}

// tcpPair makes two sockets that are connected over the loopback network, which zero-copy sends need.
func (l *lab) tcpPair() (a, b int, err error) {
	fd, err := l.socket(unix.AF_INET)
	if err != nil {
		return 0, 0, err
	}
	_, sa, err := l.listen(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err != nil {
		return 0, 0, err
	}
	if a, err = l.socket(unix.AF_INET); err != nil {
		return 0, 0, err
	}
	if err := unix.Connect(a, sa); err != nil {
		return 0, 0, prepared(fmt.Errorf("connect over loopback: %w", err))
	}
	b, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return 0, 0, prepared(fmt.Errorf("accept over loopback: %w", err))
	}
	l.closeFd(b)
	return a, b, nil
}

// bufRing makes group 1 with four buffers of 1 KiB each. A kernel that has no such groups has nothing that needs them.
func (l *lab) bufRing(r *Ring, flags uint16) (*BufRing, error) {
	br, err := r.NewBufRing(1, 4, flags)
	if err != nil {
		return nil, notMemory(err)
	}
	l.cleanup = append(l.cleanup, func() { br.Unregister(); br.Free() })
	for i := range 4 {
		br.Add(Addr(l.mem)+uintptr(i)<<10, 1<<10, uint16(i))
	}
	br.Advance()
	return br, nil
}

// write puts bytes into a socket that has room for them.
func (l *lab) write(fd int, s string) error {
	_, err := unix.Write(fd, []byte(s))
	return prepared(err)
}

// absent is the answer no.
func absent(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNotSupported}, args...)...)
}

// odd is an answer that cannot be told: the kernel did something that no version is known to do.
func odd(c CQE) error {
	return prepared(fmt.Errorf("unexpected completion: result %d, flags %#x", c.Res, c.Flags))
}

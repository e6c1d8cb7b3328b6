package unio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/internal/sandbox"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// wantProof runs a child that says what it has proved, or what the machine lacks for that.
func wantProof(t *testing.T, e unio.Engine, name string, args ...string) {
	t.Helper()
	out, err := childOn(e, name, args...)
	switch _, lacks, skip := strings.Cut(out, "lacks: "); {
	case skip:
		t.Skipf("lacks: %s", lacks)
	case err != nil || !strings.Contains(out, "proved: "):
		t.Errorf("%v\n%s", err, out)
	default:
		t.Log(strings.TrimSpace(out))
	}
}

// The calls of io_uring that a sandbox may forbid.
var ringCalls = map[string]int{
	"setup": unix.SYS_IO_URING_SETUP, "enter": unix.SYS_IO_URING_ENTER, "register": unix.SYS_IO_URING_REGISTER,
}

// needRings skips where uring does not work to begin with.
func needRings(t *testing.T) {
	t.Helper()
	if !slices.Contains(uniotest.Engines(), unio.Uring) {
		t.Skip("lacks: the engine uring, which -tags unio_nouring leaves out")
	}
	if err := uniotest.Refused(unio.Uring); err != nil {
		t.Skip(err)
	}
}

// A sandbox forbids one of io_uring's calls: a wish for uring fails and says so, and silence takes the next engine.
func TestRingsForbidden(t *testing.T) {
	needRings(t)
	for name, nr := range ringCalls {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
			t.Run(fmt.Sprintf("%s with %v", name, unix.ErrnoName(errno)), func(t *testing.T) {
				wantProof(t, "", "no-ring", strconv.Itoa(nr), strconv.Itoa(int(errno)))
			})
		}
	}
}

func ringForbidden(args []string) {
	t := &childTB{}
	mustForbid(t, args[1], args[2])
	refusedAndNext(t, "seccomp")
}

// mustForbid forbids the call of a number with the error of a number.
func mustForbid(t testing.TB, nr, errno string) {
	n, err1 := strconv.Atoi(nr)
	e, err2 := strconv.Atoi(errno)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Forbid(n, syscall.Errno(e)); err != nil {
		fmt.Println("lacks: a kernel that takes seccomp filters:", err)
		os.Exit(0)
	}
}

// refusedAndNext wants uring refused for a reason, with nothing left of the attempts, and the next engine to serve.
func refusedAndNext(t testing.TB, reason string) {
	if rt, err := unio.New(&unio.Options{Engine: unio.Std}); err != nil { // which opens what Go's poller keeps
		t.Fatal(err)
	} else {
		exchange(t, dialNet(t, serve(t, rt, echo)))
		rt.Close()
	}
	before := countFiles(t)
	for range 3 {
		rt, err := unio.New(&unio.Options{Engine: unio.Uring})
		if err == nil {
			rt.Close()
			t.Fatal("uring works")
		}
		if !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "Options.Engine") {
			t.Fatalf("the error does not name %s and who wished: %v", reason, err)
		}
	}
	until(t, "the attempts leave no descriptor", func() bool { return countFiles(t) <= before })
	rt, err := unio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rt.Report()
	rejected := strings.Join(r.Rejected, "\n")
	if r.Engine != uniotest.Engines()[1] || !strings.Contains(rejected, reason) || strings.Contains(rejected, "not uring: engine uring") {
		t.Fatalf("%+v", r)
	}
	exchange(t, dialNet(t, serve(t, rt, echo)))
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("proved: uring is refused and the reason is told (%s), %s serves instead\n", reason, r.Engine)
}

func countFiles(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A sandbox that closes while the program runs: the ring is there and may not be entered any more.
func TestRingsForbiddenLater(t *testing.T) {
	needRings(t)
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			wantProof(t, unio.Uring, "forbidden-later", strconv.Itoa(unix.SYS_IO_URING_ENTER), strconv.Itoa(int(errno)))
		})
	}
}

func ringForbiddenLater(rt *unio.Runtime, args []string) {
	t := &childTB{}
	ended := make(chan error, 1)
	ln := serve(t, rt, func(c *unio.Conn) {
		for {
			b, err := c.Recv()
			if err != nil {
				ended <- err
				return
			}
			c.Send(b)
		}
	})
	p := dialNet(t, ln)
	exchange(t, p)
	mustForbid(t, args[1], args[2])
	p.Write([]byte("x"))
	err := await(t, ended, "the handler's Recv")
	start := time.Now()
	closeErr := rt.Close()
	if d := time.Since(start); d > 3*bound/2 {
		t.Fatalf("Close took %v", d)
	}
	fmt.Printf("proved: a ring that may not be entered any more ends its connections (%v), and Close ends (%v)\n", err, closeErr)
	os.Exit(0)
}

// Where memory may not be locked the engine works, or the next one does and the limit is named.
func TestLittleMemlock(t *testing.T) {
	needRings(t)
	for _, limit := range []string{"0", "20480"} { // the second is enough for a ring to try, and not for that of a loop
		wantProof(t, "", "little-memlock", limit)
	}
}

func littleMemlock(args []string) {
	t := &childTB{}
	limit, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(unix.RLIMIT_MEMLOCK, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	becomeNobody(t) // CAP_IPC_LOCK is free of the limit
	if rt, err := unio.New(&unio.Options{Engine: unio.Uring}); err == nil {
		exchange(t, dialNet(t, serve(t, rt, echo)))
		if err := rt.Close(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("proved: uring locks no memory on this kernel, and serves with RLIMIT_MEMLOCK", limit)
		return
	}
	refusedAndNext(t, "MEMLOCK")
}

// becomeNobody gives up what a superuser may.
func becomeNobody(t testing.TB) {
	const nobody = 65534
	if os.Getuid() != 0 {
		return
	}
	if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		t.Fatal(err)
	}
}

// The sysctl forbids rings to all but the privileged: what the kernel answers then, with the sysctl as it reads then. It is one for
// the whole machine, so a test leaves it alone: a mount namespace shows another value, and a filter refuses the call.
func TestRingsDisabledBySysctl(t *testing.T) {
	needRings(t)
	wantProof(t, "", "rings-disabled")
}

func ringsDisabled(args []string) {
	t := &childTB{}
	if len(args) == 1 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"_ARGS=inside")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if err := cmd.Run(); errors.Is(err, syscall.EPERM) {
			fmt.Println("lacks: the right to make a mount namespace:", err)
		} else if err != nil {
			t.Fatal(err)
		}
		return
	}
	const name = "/proc/sys/kernel/io_uring_disabled"
	f, err := os.CreateTemp("", "unio-sysctl-")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("1\n")
	err = errors.Join(err, f.Chmod(0o644), f.Close(), syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount(f.Name(), name, "", syscall.MS_BIND, ""), os.Remove(f.Name())) // what is mounted stays
	if err != nil {
		fmt.Println("lacks: the right to show another sysctl in a mount namespace:", err)
		return
	}
	mustForbid(t, strconv.Itoa(unix.SYS_IO_URING_SETUP), strconv.Itoa(int(unix.EPERM)))
	becomeNobody(t)
	refusedAndNext(t, "io_uring_disabled")
}

// Without descriptors everything that needs one fails with EMFILE, and works when there are some again.
func TestNoDescriptorsForListenDialAndNew(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		wantProof(t, rt.Report().Engine, "no-files-anywhere")
	})
}

// What Listen has opened when it fails is closed, and the path of a Unix socket is gone.
func TestListenThatFailsHalfwayLeavesNothing(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		if e := rt.Report().Engine; e != unio.Std { // which has no second descriptor
			wantProof(t, e, "one-file-left")
		}
	})
}

// oneDescriptorLeft listens where there is a descriptor for the socket and none for its second one.
func oneDescriptorLeft(rt *unio.Runtime, _ []string) {
	t := &childTB{}
	dir, err := os.MkdirTemp("", "u")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := dir + "/s"
	first := listen(t, rt, nil) // also what package net opens once
	port := first.Addr().String()
	first.Close()
	limit := syscall.Rlimit{Cur: 128, Max: 128}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var fill []*os.File
	for f, err := os.Open(os.DevNull); err == nil; f, err = os.Open(os.DevNull) {
		fill = append(fill, f)
	}
	addrs := map[string]string{"tcp": port, "unix": path}
	for range 3 {
		fill[0].Close()
		for network, addr := range addrs {
			if _, err := rt.Listen(network, addr, nil); !errors.Is(err, syscall.EMFILE) {
				t.Errorf("%s: %v", network, err)
			}
		}
		if fill[0], err = os.Open(os.DevNull); err != nil {
			t.Error("the descriptor that was left:", err)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the path of the socket is still there")
		}
	}
	for _, f := range fill {
		f.Close()
	}
	for network, addr := range addrs {
		ln, err := rt.Listen(network, addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
	}
	fmt.Println("proved: Listen without a second descriptor leaves none behind")
}

func noDescriptorsAnywhere(rt *unio.Runtime, _ []string) {
	t := &childTB{}
	ln := serve(t, rt, echo)
	p := dialNet(t, ln)
	exchange(t, p)
	limit := syscall.Rlimit{Cur: 128, Max: 128}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	dial := func() error {
		c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
		if err == nil {
			exchange(t, c)
			c.Close()
		}
		return err
	}
	attempts := map[string]func() error{
		"Dial": dial, // of a goroutine, the first: its loop cannot be made either
		"Dial of a task": func() error {
			done := make(chan error, 1)
			rt.Go(func() { done <- dial() })
			return await(t, done, "the task")
		},
		"Listen": func() error {
			l, err := rt.Listen("tcp", "127.0.0.1:0", nil)
			if err == nil {
				l.Close()
			}
			return err
		},
		"New": func() error {
			other, err := unio.New(&unio.Options{Engine: rt.Report().Engine})
			if err == nil {
				other.Close()
			}
			return err
		},
	}
	var fill []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		fill = append(fill, f)
	}
	for range 3 {
		for what, attempt := range attempts {
			if what == "New" && rt.Report().Engine == unio.Std {
				continue // needs none
			}
			if err := attempt(); !errors.Is(err, syscall.EMFILE) {
				t.Fatalf("%s without descriptors: %v", what, err)
			}
		}
		exchange(t, p) // who is connected is not disturbed
	}
	for _, f := range fill {
		f.Close()
	}
	before := countFiles(t)
	for range 3 {
		for what, attempt := range attempts {
			if err := attempt(); err != nil {
				t.Fatalf("%s with descriptors again: %v", what, err)
			}
		}
	}
	p.Close()
	ln.Close()
	uniotest.Idle(t, rt)
	fmt.Printf("proved: Listen, Dial and New fail with EMFILE, leave nothing (%d descriptors), and work again\n", before)
}

// The system has no memory left for the pool.
func TestNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("lacks: a build without the race detector, whose memory is not the program's")
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) { wantProof(t, rt.Report().Engine, "no-memory") })
}

func noMemory(rt *unio.Runtime, _ []string) {
	t := &childTB{}
	ln := serve(t, rt, echo)
	p := dialNet(t, ln)
	exchange(t, p)
	spareThreads() // Go ends the process when it cannot make one
	// Some MiB for the pool, and a rest that is too small for it, of which Go's runtime may take.
	const room = 8<<20 + 768<<10
	var old syscall.Rlimit
	// The pool has its addresses already: what is limited is memory that can be written to.
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &old); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: uint64(status("VmData:") + room), Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	var all []*mem.Buf
	for size := mem.MaxBytes; size >= mem.PageBytes; size /= 2 {
		for b, ok := rt.Pool().TryGet(size); ok; b, ok = rt.Pool().TryGet(size) {
			all = append(all, b)
		}
	}
	if n := rt.Stats().BufferBytes; n > 64<<20 {
		t.Fatalf("%d bytes of buffers beyond the limit", n)
	}
	if other, err := unio.New(&unio.Options{Engine: rt.Report().Engine}); !errors.Is(err, syscall.ENOMEM) {
		if err == nil {
			other.Close()
		}
		t.Fatalf("New without memory: %v", err)
	}
	io.WriteString(p, "held back?") // at most until there are buffers
	time.Sleep(pause)
	for _, b := range all {
		b.Release()
	}
	if got := make([]byte, 10); func() error { _, err := io.ReadFull(p, got); return err }() != nil || string(got) != "held back?" {
		t.Fatalf("after buffers came back: %q", got)
	}
	exchange(t, p)
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &old); err != nil {
		t.Fatal(err)
	}
	other, err := unio.New(&unio.Options{Engine: rt.Report().Engine})
	if err != nil {
		t.Fatalf("New with memory again: %v", err)
	}
	exchange(t, dialNet(t, serve(t, other, echo)))
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	p.Close()
	fmt.Printf("proved: New fails with ENOMEM, what comes while all %d buffers are out arrives later, and all goes on with memory\n", len(all))
}

// spareThreads has Go make threads and keep them for later.
func spareThreads() {
	var all, wg sync.WaitGroup
	for range 32 {
		all.Add(1)
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	wg.Wait()
}

// status is a line of /proc/self/status in bytes.
func status(name string) int {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), name)
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib << 10
}

// Signals that a program handles meet every thread, with and without a wait in the kernel, while connections come and go
// and timers run.
func TestSignalsOfManyKindsLoseNothing(t *testing.T) {
	total := scale(4<<20, 1<<20)
	kinds := []syscall.Signal{syscall.SIGURG, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGIO, syscall.SIGCHLD}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		heard := make(chan os.Signal, 16)
		for _, k := range kinds {
			signal.Notify(heard, k)
		}
		defer signal.Stop(heard)
		stop := make(chan struct{})
		var storm, wg sync.WaitGroup
		sent := 0
		storm.Go(func() {
			for pid := syscall.Getpid(); ; sent++ {
				select {
				case <-stop:
					return
				case <-heard:
				default:
					for _, tid := range threads() {
						syscall.Tgkill(pid, tid, kinds[sent%len(kinds)])
					}
					time.Sleep(100 * time.Microsecond)
				}
			}
		})
		ln := serve(t, rt, echo)
		echoChecked := func(p net.Conn, seed byte) {
			wg.Go(func() {
				io.Copy(p, io.LimitReader(newStream(seed).r, int64(total)))
				halfClose(p)
			})
			wg.Go(func() {
				got, err := io.ReadAll(p)
				if want := newStream(seed).next(make([]byte, total)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d of %d bytes came back, %v", len(got), total, err)
				}
			})
		}
		echoChecked(dialNet(t, ln), 21)
		c, err := rt.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		echoChecked(c, 22)
		wg.Go(func() {
			for range scale(100, 30) {
				eachOfDial(t, rt, ln)
			}
		})
		wg.Wait()
		close(stop)
		storm.Wait()
		t.Logf("proved: %d rounds of signals to every thread change no byte of two echoes and fail no dial", sent)
	})
}

// eachOfDial connects by a task with a short sleep in between, and ends.
func eachOfDial(t *testing.T, rt *unio.Runtime, ln *unio.Listener) {
	done := make(chan struct{})
	rt.Go(func() {
		defer close(done)
		c, err := rt.Dial(context.Background(), "tcp", ln.Addr().String(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		unio.Sleep(time.Millisecond)
		exchange(t, c)
	})
	await(t, done, "the task")
}

// The runtime ends while somebody dials an address that does not answer.
func TestEndOfTheRuntimeWhileDialling(t *testing.T) {
	for _, name := range []string{"Close", "Shutdown"} {
		t.Run(name, func(t *testing.T) {
			uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
				addr := fullPort(t)
				ended := make(chan error, 2)
				dial := func() {
					_, err := rt.Dial(context.Background(), "tcp", addr, nil)
					ended <- err
				}
				go dial()
				rt.Go(dial)
				time.Sleep(pause)
				start := time.Now()
				if name == "Close" {
					if err := rt.Close(); err != nil {
						t.Error(err)
					}
				} else {
					ctx, cancel := context.WithTimeout(t.Context(), pause)
					defer cancel()
					wantIs(t, "Shutdown", rt.Shutdown(ctx), context.DeadlineExceeded)
				}
				if d := time.Since(start); d > bound/2 {
					t.Errorf("it took %v", d)
				}
				for range 2 {
					wantIs(t, "Dial", await(t, ended, "Dial"), net.ErrClosed)
				}
				t.Logf("proved: %s ends a dial that waits, of a task and of a goroutine, with net.ErrClosed", name)
			})
		})
	}
}

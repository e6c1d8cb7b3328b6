//go:build linux

package uring

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// need skips a test whose feature the machine lacks.
func need(t testing.TB, list ...Feature) {
	t.Helper()
	for _, f := range list {
		if err := f.Probe(); err != nil {
			t.Skipf("lacks: %v (%v)", f, err)
		}
	}
}

// reap takes n completions, entering as often as needed.
func reap(t testing.TB, r *Ring, n int) []CQE {
	t.Helper()
	var list []CQE
	deadline := time.Now().Add(10 * time.Second)
	for {
		for c := range r.CQEs() {
			list = append(list, *c)
		}
		if len(list) >= n {
			return list
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d completions came: %+v", len(list), n, list)
		}
		if _, err := r.SubmitAndWaitTimeout(1, 100*time.Millisecond, 0); err != nil && !Temporary(err) {
			t.Fatal(err)
		}
	}
}

func one(t testing.TB, r *Ring, fill func(*SQE)) CQE {
	t.Helper()
	fill(r.SQE())
	return reap(t, r, 1)[0]
}

// testMem is memory that requests may name.
func testMem(t testing.TB, n int) []byte {
	t.Helper()
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(b) })
	return b
}

func testPair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// TestOverflowLosesNothing fills a completion ring of 8 places with 200 completions and takes them slowly.
func TestOverflowLosesNothing(t *testing.T) {
	need(t, FeatureCqsize)
	r, err := New(8, &Params{Flags: SetupCqsize, CQEntries: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := uint64(0)
	for next < 200 {
		for s := r.SQE(); s != nil; s = r.SQE() {
			s.PrepNop()
			s.UserData = next
			next++
		}
		if _, err := r.Submit(); err != nil {
			if err != ErrBusy {
				t.Fatal(err)
			}
			break // an older kernel wants completions taken first
		}
	}
	if !r.CQOverflow() || r.CQReady() != 8 {
		t.Fatalf("overflow %v with %d ready", r.CQOverflow(), r.CQReady())
	}
	want := uint64(0)
	for rounds := 0; want < next && rounds < 1000; rounds++ {
		n := 0
		for c := range r.CQEs() {
			if c.UserData != want {
				t.Fatalf("completion %d, want %d", c.UserData, want)
			}
			want++
			if n++; n == 3 {
				break
			}
		}
		if err := r.FlushOverflow(); err != nil && !Temporary(err) {
			t.Fatal(err)
		}
	}
	if want != next || r.CQDropped() != 0 || r.CQOverflow() {
		t.Fatalf("%d of %d completions, %d dropped, overflow %v", want, next, r.CQDropped(), r.CQOverflow())
	}
}

// TestOverflowOfMixedCompletions: where the kernel tells one twice, the table of defects says so. A 32-byte completion that meets
// the last place of a full ring leaves a filler there and overflows; the next of 16 bytes takes the place all the same, and the
// ring's end moves on by one more.
func TestOverflowOfMixedCompletions(t *testing.T) {
	need(t, FeatureCqeMixed)
	v, err := KernelVersion()
	if err != nil {
		t.Fatal(err)
	}
	r := newTestRing(t, 4, SetupCqeMixed)
	const narrow, wide, last = 7, 1, 1
	for i := range narrow + wide + last {
		s := r.SQE()
		s.PrepNop()
		s.UserData = uint64(i)
		if i == narrow {
			s.OpFlags = NopCqe32
		}
		if _, err := r.Submit(); err != nil {
			t.Fatal(err)
		}
	}
	times := map[uint64]int{}
	for range narrow + wide + last {
		for c := range r.CQEs() {
			times[c.UserData]++
		}
		if err := r.FlushOverflow(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(narrow + wide + last) {
		if times[i] != 1 && !HasDefect(v, DefectCqeMixedOverflow) {
			t.Errorf("completion %d came %d times, and no defect of %v is known", i, times[i], v)
		}
	}
}

// TestMultishotEndsOnOverflow: the completion that meets a full ring is the request's last, and still
// arrives.
func TestMultishotEndsOnOverflow(t *testing.T) {
	need(t, FeatureCqsize, FeaturePollMultishot)
	r, err := New(4, &Params{Flags: SetupCqsize, CQEntries: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ev)
	s := r.SQE()
	s.PrepPollMultishot(ev, unix.POLLIN)
	s.UserData = 7
	if _, err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	fire := func() {
		if _, err := unix.Write(ev, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	fire()
	if c := reap(t, r, 1)[0]; c.UserData != 7 || !c.More() {
		t.Fatalf("first: %+v", c)
	}
	for range 4 {
		r.SQE().PrepNop()
	}
	if _, err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if r.CQReady() != 4 {
		t.Fatalf("%d of 4 places are filled", r.CQReady())
	}
	fire()
	var last *CQE
	for _, c := range reap(t, r, 5) {
		if c.UserData == 7 {
			last = &c
		}
	}
	if last == nil || last.More() {
		t.Fatalf("the completion that overflowed: %+v, want one without more", last)
	}
}

// TestBadEntryInTheMiddle: without SUBMIT_ALL the batch stops behind it and the rest goes with the next
// enter; with it nothing stops. Each entry completes exactly once either way.
func TestBadEntryInTheMiddle(t *testing.T) {
	for _, flags := range []uint32{0, SetupSubmitAll} {
		r := newTestRing(t, 8, flags)
		for i := range 5 {
			s := r.SQE()
			s.PrepNop()
			if i == 2 {
				s.Opcode = 255
			}
			s.UserData = uint64(i)
		}
		n, err := r.Submit()
		if err != nil {
			t.Fatal(err)
		}
		if flags == 0 && (n != 3 || r.Pending() != 2) || flags != 0 && (n != 5 || r.Pending() != 0) {
			t.Fatalf("flags %#x: %d taken, %d pending", flags, n, r.Pending())
		}
		list := reap(t, r, 5)
		for i, c := range list {
			want := int32(0)
			if i == 2 {
				want = -int32(unix.EINVAL)
			}
			if len(list) != 5 || c.UserData != uint64(i) || c.Res != want {
				t.Fatalf("flags %#x: completions %+v", flags, list)
			}
		}
	}
}

// TestFailedEnterKeepsEntries: tokio-rs/tokio#8255 took an enter that failed for the end of its requests.
func TestFailedEnterKeepsEntries(t *testing.T) {
	r := newTestRing(t, 8, 0)
	for i := range 3 {
		s := r.SQE()
		s.PrepNop()
		s.UserData = uint64(i)
	}
	good := r.enterFd
	r.enterFd = -1
	for range 3 {
		if n, err := r.Submit(); n != 0 || !errors.Is(err, unix.EBADF) {
			t.Fatalf("enter on no descriptor: %d, %v", n, err)
		}
		if r.Pending() != 3 || r.SQSpace() != 5 {
			t.Fatalf("%d pending", r.Pending())
		}
	}
	r.enterFd = good
	if n, err := r.Submit(); n != 3 || err != nil {
		t.Fatalf("submitted %d, %v", n, err)
	}
	if list := reap(t, r, 3); len(list) != 3 || r.Pending() != 0 {
		t.Fatalf("completions %+v", list)
	}
}

// rain sends SIGURG to the calling thread, as Go's preemption does, until the test ends.
func rain(t *testing.T) {
	var stop atomic.Bool
	done := make(chan struct{})
	pid, tid := unix.Getpid(), unix.Gettid()
	go func() {
		defer close(done)
		for !stop.Load() {
			unix.Tgkill(pid, tid, unix.SIGURG)
			time.Sleep(20 * time.Microsecond)
		}
	}()
	t.Cleanup(func() { stop.Store(true); <-done })
}

// TestSignalsNeverDoubleEntries enters with entries that complete at once, with one that never completes (the
// interrupted wait is hidden behind the count), and with none (the wait reports the signal).
func TestSignalsNeverDoubleEntries(t *testing.T) {
	need(t, FeatureExtArg)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rain(t)
	r := newTestRing(t, 16, 0)
	fd, _ := testPair(t)
	seen := map[uint64]int{}
	interrupted, next := 0, uint64(0)
	step := func(fill func(*SQE), n, wait int) {
		for range n {
			s := r.SQE()
			fill(s)
			s.UserData = next
			next++
		}
		_, err := r.SubmitAndWaitTimeout(uint32(wait), 2*time.Millisecond, 0)
		if err == ErrInterrupted {
			interrupted++
		} else if err != nil && !Temporary(err) {
			t.Fatal(err)
		}
		for c := range r.CQEs() {
			seen[c.UserData]++
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for i := 0; i < 300 || interrupted < 20 && time.Now().Before(deadline); i++ {
		step((*SQE).PrepNop, 3, 4)
		step(func(s *SQE) { s.PrepPollAdd(fd, unix.POLLIN) }, 1, 1)
		step(nil, 0, 1)
	}
	if r.Pending() != 0 {
		t.Fatalf("%d entries are pending", r.Pending())
	}
	unix.Shutdown(fd, unix.SHUT_RD) // completes every poll
	for i := 0; len(seen) < int(next) && i < 10000; i++ {
		step(nil, 0, 1)
	}
	for i := range next {
		if seen[i] != 1 {
			t.Fatalf("entry %d completed %d times", i, seen[i])
		}
	}
	if interrupted == 0 {
		t.Skip("lacks: signals that reach the wait")
	}
	t.Logf("%d waits were interrupted, %d entries", interrupted, next)
}

// elsewhere runs f on another thread than the caller's, which must be locked.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
	}()
	<-done
}

func TestOtherThreadIsRefused(t *testing.T) {
	need(t, FeatureDeferTaskrun)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, flags := range []uint32{SetupSingleIssuer, SetupSingleIssuer | SetupDeferTaskrun} {
		r := newTestRing(t, 4, flags)
		r.SQE().PrepNop()
		elsewhere(func() {
			_, err := r.Submit()
			if !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), "thread") {
				t.Errorf("flags %#x: Submit from another thread: %v", flags, err)
			}
			if _, err := r.Probe(); !errors.Is(err, unix.EEXIST) {
				t.Errorf("flags %#x: Probe from another thread: %v", flags, err)
			}
			err = r.PollCompletions(0, 0)
			if refused := flags&SetupDeferTaskrun != 0; errors.Is(err, unix.EEXIST) != refused || !refused && err != nil {
				t.Errorf("flags %#x: PollCompletions from another thread: %v", flags, err)
			}
		})
		if n, err := r.Submit(); n != 1 || err != nil {
			t.Errorf("flags %#x: then here: %d, %v", flags, n, err)
		}
	}
}

// TestDisabledRingBelongsToEnabler: it may be made anywhere.
func TestDisabledRingBelongsToEnabler(t *testing.T) {
	need(t, FeatureDeferTaskrun, FeatureRDisabled)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newTestRing(t, 4, SetupSingleIssuer|SetupDeferTaskrun|SetupRDisabled)
	r.SQE().PrepNop()
	if _, err := r.Submit(); !errors.Is(err, unix.EBADFD) {
		t.Fatalf("Submit on a disabled ring: %v", err)
	}
	elsewhere(func() {
		if err := r.Enable(); err != nil {
			t.Error(err)
			return
		}
		if n, err := r.SubmitAndWait(1); n != 1 || err != nil || r.CQReady() != 1 {
			t.Errorf("the enabler's Submit: %d, %v, %d ready", n, err, r.CQReady())
		}
	})
	if _, err := r.SubmitAndWait(0); !errors.Is(err, unix.EEXIST) {
		t.Errorf("the maker's Submit: %v", err)
	}
}

func TestTimeouts(t *testing.T) {
	need(t, FeatureExtArg)
	r := newTestRing(t, 4, 0)
	type waiter func(uint32, time.Duration, time.Duration) (int, error)
	for _, wait := range []waiter{r.SubmitAndWaitTimeout, r.PollWait} {
		start := time.Now()
		_, err := wait(1, 5*time.Millisecond, 0)
		for err == ErrInterrupted {
			_, err = wait(1, 5*time.Millisecond, 0)
		}
		if err != ErrTimeout || time.Since(start) < 5*time.Millisecond {
			t.Errorf("5 ms: %v after %v", err, time.Since(start))
		}
		if _, err := wait(1, 0, 0); err != ErrTimeout {
			t.Errorf("no time: %v", err)
		}
		r.SQE().PrepNop()
		if n, err := wait(1, -1, 0); n != 1 || err != nil {
			t.Errorf("no limit: %d, %v", n, err)
		}
		r.Seen(1)
	}
}

// TestPollCompletionsTouchesNoSubmission: it waits beside somebody who fills in entries and hands them over, and publishes
// none of them.
func TestPollCompletionsTouchesNoSubmission(t *testing.T) {
	need(t, FeatureExtArg)
	r := newTestRing(t, 4, 0)
	poll := func(d time.Duration) error {
		err := ErrInterrupted
		for err == ErrInterrupted { // by a signal of the Go runtime
			err = r.PollCompletions(1, d)
		}
		return err
	}
	r.SQE().PrepNop()
	if err := poll(time.Millisecond); err != ErrTimeout || r.Unpublished() != 1 || r.CQReady() != 0 {
		t.Errorf("with an entry that is not handed over: %v, %d unpublished, %d completed", err, r.Unpublished(), r.CQReady())
	}
	seen := make(chan error)
	for range 1000 {
		go func() { seen <- poll(-1) }()
		if n, err := r.Submit(); n != 1 || err != nil {
			t.Fatalf("submitted %d: %v", n, err)
		}
		if err := <-seen; err != nil || r.CQReady() != 1 {
			t.Fatalf("without a limit: %v, %d completed", err, r.CQReady())
		}
		r.Seen(1)
		r.SQE().PrepNop()
	}
}

// TestPollCompletionsByIndex: a ring without a descriptor is waited for by its index, and not on the descriptor with that
// number.
func TestPollCompletionsByIndex(t *testing.T) {
	need(t, FeatureRegisteredFdOnly, FeatureExtArg)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread) // behind the ring's Close
	r := newTestRing(t, 4, SetupNoMmap|SetupRegisteredFdOnly)
	if err := r.PollCompletions(1, time.Millisecond); err != ErrTimeout && err != ErrInterrupted {
		t.Errorf("nothing is there: %v", err)
	}
	r.SQE().PrepNop()
	if _, err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := r.PollCompletions(1, time.Minute); err != nil || r.CQReady() != 1 {
		t.Errorf("a completion is there: %v", err)
	}
}

// TestMinWait: a wait for eight with one there ends at the minimum, not at the limit and not before.
func TestMinWait(t *testing.T) {
	need(t, FeatureMinWait)
	r := newTestRing(t, 4, 0)
	r.SQE().PrepNop()
	if _, err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	err := ErrInterrupted
	for err == ErrInterrupted { // by a signal of the Go runtime
		start := time.Now()
		_, err = r.SubmitAndWaitTimeout(8, time.Minute, 10*time.Millisecond)
		took = time.Since(start)
	}
	if err != nil || took < 9*time.Millisecond || took > 30*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

// TestMinWaitEndsWithTheWait: whatever the minimum, a wait gives up after its limit.
func TestMinWaitEndsWithTheWait(t *testing.T) {
	need(t, FeatureMinWait)
	r := newTestRing(t, 4, 0)
	for _, limit := range []time.Duration{0, time.Millisecond} {
		start := time.Now()
		for {
			_, err := r.SubmitAndWaitTimeout(1, limit, time.Minute)
			if err == ErrTimeout {
				break
			}
			if err != ErrInterrupted {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("a wait of %v took %v", limit, took)
		}
	}
}

// TestMinWaitHasAnyLength: the kernel's number has 32 bits, and a wait that is longer is as long as that can say.
func TestMinWaitHasAnyLength(t *testing.T) {
	need(t, FeatureMinWait)
	r := newTestRing(t, 4, 0)
	for d, want := range map[time.Duration]uint32{
		1: 1, 1000: 1, 1001: 2, math.MaxUint32 * 1000: math.MaxUint32, math.MaxUint32*1000 + 1: math.MaxUint32,
		math.MaxInt64 - 1: math.MaxUint32, math.MaxInt64: math.MaxUint32,
	} {
		r.SQE().PrepNop()
		err := ErrInterrupted
		for err == ErrInterrupted {
			_, err = r.SubmitAndWaitTimeout(1, -1, d)
		}
		if err != nil || r.arg.minWaitUsec != want {
			t.Errorf("a minimum of %v is %d us, want %d; %v", d, r.arg.minWaitUsec, want, err)
		}
		r.Seen(r.CQReady())
	}
}

func TestPollDoesNotWait(t *testing.T) {
	need(t, FeatureDeferTaskrun)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newTestRing(t, 4, SetupSingleIssuer|SetupDeferTaskrun)
	a, b := testPair(t)
	mem := testMem(t, 4096)
	r.SQE().PrepRecv(a, Addr(mem), 16, 0)
	if n, err := r.Poll(); n != 1 || err != nil || r.CQReady() != 0 {
		t.Fatalf("%d, %v, %d ready", n, err, r.CQReady())
	}
	if _, err := unix.Write(b, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if r.CQReady() != 0 {
		t.Fatal("a completion came without an enter")
	}
	if _, err := r.Poll(); err != nil {
		t.Fatal(err)
	}
	if c := r.PeekCQE(); c == nil || c.Res != 5 || string(mem[:5]) != "hello" {
		t.Fatalf("completion %+v", c)
	}
}

func TestClosedRing(t *testing.T) {
	need(t, FeatureSetup)
	r, err := New(4, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SQE().PrepNop()
	if _, err := r.SubmitAndWait(1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r.SQE() != nil || r.PeekCQE() != nil || r.CQReady() != 0 || r.Pending() != 0 || r.FD() != -1 {
		t.Error("a closed ring still has something")
	}
	if s, _ := r.SQE128(); s != nil {
		t.Error("a closed ring gave an entry")
	}
	r.Seen(3)
	for range r.CQEs() {
		t.Error("a closed ring has completions")
	}
	if c := *r.CQE(7); c != (CQE{}) {
		t.Errorf("a closed ring gave a completion: %+v", c)
	}
	_, _, _ = r.CQOverflow(), r.CQDropped(), r.TaskrunPending()
	errs := map[string]error{
		"Enable": r.Enable(), "FlushOverflow": r.FlushOverflow(),
		"SetEventfdEnabled": r.SetEventfdEnabled(true),
		"RegisterRingFd":    r.RegisterRingFd(), "UnregisterRingFd": r.UnregisterRingFd(),
		"RegisterFiles": r.RegisterFiles([]int32{-1}), "ResizeRings": r.ResizeRings(8, 0, 0),
	}
	_, errs["Submit"] = r.Submit()
	_, errs["SubmitAndWait"] = r.SubmitAndWait(1)
	_, errs["SubmitAndWaitTimeout"] = r.SubmitAndWaitTimeout(1, 0, 0)
	_, errs["Poll"] = r.Poll()
	_, errs["PollWait"] = r.PollWait(1, 0, 0)
	errs["PollCompletions"] = r.PollCompletions(1, 0)
	_, errs["Enter"] = r.Enter(1, 1, 0)
	_, errs["EnterRegWait"] = r.EnterRegWait(1, 0)
	_, errs["NewBufRing"] = r.NewBufRing(0, 4, 0)
	_, errs["Probe"] = r.Probe()
	for name, err := range errs {
		if err != ErrClosed || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMisuseIsRefused(t *testing.T) {
	for _, c := range []struct {
		entries uint32
		p       Params
	}{
		{0, Params{}},
		{EntriesMax + 1, Params{}},
		{8, Params{Flags: SetupSqRewind | SetupNoSqarray}},
		{8, Params{Flags: SetupCqsize, CQEntries: 4}},
		{8, Params{CQEntries: 64}},
	} {
		if r, err := New(c.entries, &c.p); !errors.Is(err, ErrArgument) {
			t.Errorf("New(%d, %+v) = %v, %v", c.entries, c.p, r, err)
		}
	}
	r := newTestRing(t, 4, 0)
	errs := map[string]error{
		"no files": r.RegisterFiles(nil), "no buffers": r.RegisterBuffers(nil),
		"no rules": r.RegisterRestrictions(nil),
		"no CPUs":  r.RegisterIowqAff(nil), "no region": r.RegisterMemRegion(nil, 0),
		"no settings": r.RegisterNapi(nil),
		"tags":        r.RegisterFilesTagged([]int32{-1, -1}, []uint64{1}),
		"enter":       r.SetEnterFlags(EnterGetevents),
		"resize":      r.ResizeRings(0, 0, 0),
		"msg":         SendMsgRing(&SQE{}),
		"no msg":      SendMsgRing(nil),
	}
	_, errs["argument"] = r.Enter(0, 0, EnterExtArg)
	_, errs["3 buffers"] = r.NewBufRing(0, 3, 0)
	_, errs["no ring"] = r.NewBufRing(0, 0, 0)
	_, errs["big ring"] = r.NewBufRing(0, 2*BufEntriesMax, 0)
	_, errs["ring flags"] = r.NewBufRing(0, 4, PbufRingMmap)
	for name, err := range errs {
		if !errors.Is(err, ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusedRegistrationsSayWhy: a bare errno does not.
func TestRefusedRegistrationsSayWhy(t *testing.T) {
	need(t, FeatureRegisteredFdOnly, FeatureSendMsgRing, FeatureRestrictions)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	r, disabled := newTestRing(t, 4, 0), newTestRing(t, 4, SetupRDisabled)
	if err := r.RegisterFiles([]int32{-1}); err != nil {
		t.Fatal(err)
	}
	indexes := r.RegisterRingFd()
	for indexes == nil {
		indexes = newTestRing(t, 1, 0).RegisterRingFd()
	}
	_, index := New(1, &Params{Flags: SetupNoMmap | SetupRegisteredFdOnly})
	msg := new(SQE)
	msg.PrepMsgRing(disabled.FD(), 0, 0, 0)
	for _, c := range []struct {
		err   error
		errno unix.Errno
		why   string
	}{
		{r.RegisterFilesSparse(4), unix.EBUSY, "already"},
		{r.UnregisterBuffers(), unix.ENXIO, "nothing"},
		{r.Enable(), unix.EBADFD, "enabled already"},
		{r.RegisterRestrictions(make([]Restriction, 1)), unix.EBADFD, "enabled already"},
		{SendMsgRing(msg), unix.EBADFD, "disabled"},
		{indexes, unix.EBUSY, "16 registered rings"},
		{index, unix.EBUSY, "16 registered rings"},
	} {
		if !errors.Is(c.err, c.errno) || !strings.Contains(c.err.Error(), c.why) {
			t.Errorf("%v, want %v with %q", c.err, c.errno, c.why)
		}
	}
}

// TestRestrictionsRefuseWhatTheyDoNotName: on kernels before 7.0 one rule is enough, whatever it is about.
func TestRestrictionsRefuseWhatTheyDoNotName(t *testing.T) {
	need(t, FeatureRestrictions)
	v, err := KernelVersion()
	if err != nil {
		t.Fatal(err)
	}
	probe := Restriction{Opcode: RestrictionRegisterOp, Value: uint8(RegisterProbe)}
	nop := Restriction{Opcode: RestrictionSqeOp, Value: OpNop}
	type row struct {
		rules          []Restriction
		flags          uint8
		noNop, noProbe bool
	}
	rows := []row{{rules: []Restriction{probe, nop}}, {rules: []Restriction{probe, nop}, flags: SqeAsync, noNop: true}}
	if v.Less(Version{7, 0, 0}) {
		rows = append(rows, row{rules: []Restriction{probe}, noNop: true}, row{rules: []Restriction{nop}, noProbe: true})
	}
	for _, c := range rows {
		r := newTestRing(t, 4, SetupRDisabled)
		if err := r.RegisterRestrictions(c.rules); err != nil {
			t.Fatal(err)
		}
		if err := r.Enable(); err != nil {
			t.Fatal(err)
		}
		got := one(t, r, func(s *SQE) { s.PrepNop(); s.Flags = c.flags })
		if _, err := r.Probe(); errors.Is(err, unix.EACCES) != c.noProbe || (got.Err() == unix.EACCES) != c.noNop {
			t.Errorf("%+v: the operation %v, the registration %v", c, got.Err(), err)
		}
	}
}

// TestNewBestDropsWhatTheKernelLacks: SetupSqeMixed came with 6.19 and stands for a flag of the future
// elsewhere.
func TestNewBestDropsWhatTheKernelLacks(t *testing.T) {
	need(t, FeatureSetup)
	p := &Params{Flags: SetupCqsize | SetupClamp | SetupNoSqarray | SetupSingleIssuer | SetupDeferTaskrun |
		SetupSqeMixed,
		CQEntries: 64}
	want := p.Flags
	r, dropped, err := NewBest(8, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if dropped|p.Flags != want || dropped&p.Flags != 0 || r.Flags() != p.Flags {
		t.Errorf("dropped %#x, kept %#x of %#x", dropped, p.Flags, want)
	}
	for _, f := range []struct {
		feature Feature
		flag    uint32
	}{
		{FeatureSqeMixed, SetupSqeMixed}, {FeatureNoSqarray, SetupNoSqarray},
		{FeatureDeferTaskrun, SetupDeferTaskrun},
	} {
		if f.feature.Have() == (dropped&f.flag != 0) {
			t.Errorf("%v: works %v, dropped %#x", f.feature, f.feature.Have(), dropped)
		}
	}
	if !FeatureSqeMixed.Have() {
		q := &Params{Flags: SetupSqeMixed}
		if _, _, err := NewBest(8, q, SetupSqeMixed); !errors.Is(err, unix.EINVAL) {
			t.Errorf("a flag that must be: %v", err)
		}
	}
}

func TestRingsWithoutMmap(t *testing.T) {
	need(t, FeatureRegisteredFdOnly)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// More often than a thread has slots for registered rings.
	for i := range 40 {
		r, err := New(64, &Params{Flags: SetupNoMmap | SetupRegisteredFdOnly})
		if err != nil {
			t.Fatalf("ring %d: %v", i, err)
		}
		if c := one(t, r, (*SQE).PrepNop); c.Res != 0 || r.FD() != -1 {
			t.Fatalf("completion %+v", c)
		}
		if _, err := r.Probe(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(EntriesMax, &Params{Flags: SetupNoMmap | SetupCqsize, CQEntries: 2 * EntriesMax})
	if errors.Is(err, unix.ENOMEM) {
		t.Skip("lacks: locked memory for the largest ring")
	}
	if err != nil {
		t.Fatal(err)
	}
	one(t, r, (*SQE).PrepNop)
	r.Close()
}

func TestRegisteredRingFd(t *testing.T) {
	need(t, FeatureRegisteredRing)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newTestRing(t, 4, 0)
	for range 40 {
		if err := r.RegisterRingFd(); err != nil {
			t.Fatal(err)
		}
		one(t, r, (*SQE).PrepNop)
		if err := r.UnregisterRingFd(); err != nil {
			t.Fatal(err)
		}
		one(t, r, (*SQE).PrepNop)
	}
	if err := r.RegisterRingFd(); err != nil {
		t.Fatal(err)
	}
	foreignIndex(t, "Submit", func() error {
		r.SQE().PrepNop()
		_, err := r.Submit()
		return err
	})
	if err := r.UnregisterRingFd(); err != nil {
		t.Fatal(err)
	}
}

// foreignIndex calls a method of a ring from a thread that does not have its index.
func foreignIndex(t *testing.T, name string, call func() error) {
	t.Helper()
	elsewhere(func() {
		err := call()
		refused := errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBADF)
		if !refused || !strings.Contains(err.Error(), "another thread") {
			t.Errorf("%s from another thread: %v", name, err)
		}
	})
}

// TestForeignIndexOfRegistrations: a ring without a descriptor is not known to other threads.
func TestForeignIndexOfRegistrations(t *testing.T) {
	need(t, FeatureRegisteredFdOnly)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	r := newTestRing(t, 4, SetupNoMmap|SetupRegisteredFdOnly)
	foreignIndex(t, "Probe", func() error { _, err := r.Probe(); return err })
	foreignIndex(t, "PollCompletions", func() error { return r.PollCompletions(0, 0) })
}

// TestCloseGivesTheIndexBack: a thread has sixteen of them, and one that is left keeps a closed ring alive.
func TestCloseGivesTheIndexBack(t *testing.T) {
	need(t, FeatureRegisteredRing)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range 40 {
		r, err := New(4, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.RegisterRingFd(); err != nil {
			t.Fatalf("ring %d: %v", i, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Another thread must not take the index of a stranger.
	mine, other := newTestRing(t, 4, 0), newTestRing(t, 4, 0)
	if err := mine.RegisterRingFd(); err != nil {
		t.Fatal(err)
	}
	elsewhere(func() {
		if err := other.RegisterRingFd(); err != nil {
			t.Error(err)
		}
		if err := mine.UnregisterRingFd(); !errors.Is(err, unix.EEXIST) {
			t.Errorf("UnregisterRingFd from another thread: %v", err)
		}
		one(t, other, (*SQE).PrepNop)
		if err := other.UnregisterRingFd(); err != nil {
			t.Error(err)
		}
	})
	one(t, mine, (*SQE).PrepNop)
}

// TestResizeKeepsWhatIsThere: queued entries and completions move along.
func TestResizeKeepsWhatIsThere(t *testing.T) {
	need(t, FeatureResizeRings)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	plain := newTestRing(t, 4, SetupSingleIssuer|SetupDeferTaskrun)
	if err := plain.ResizeRings(8, 0, 0); !errors.Is(err, ErrArgument) {
		t.Errorf("a ring with an indirection array: %v", err)
	}
	for round := range 3 {
		r := newTestRing(t, 4, SetupNoSqarray|SetupSingleIssuer|SetupDeferTaskrun)
		for i := range 4 {
			s := r.SQE()
			s.PrepNop()
			s.UserData = uint64(i)
		}
		if _, err := r.SubmitAndWait(4); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			s := r.SQE()
			s.PrepNop()
			s.UserData = uint64(4 + i)
		}
		if err := r.ResizeRings(32, 128, SetupCqsize); err != nil {
			t.Fatal(err)
		}
		if r.SQEntries() != 32 || r.CQEntries() != 128 || r.Pending() != 3 || r.CQReady() != 4 {
			t.Fatalf("%d and %d entries, %d pending, %d ready",
				r.SQEntries(), r.CQEntries(), r.Pending(), r.CQReady())
		}
		for i, c := range reap(t, r, 7) {
			if c.UserData != uint64(i) {
				t.Errorf("round %d: completion %d is %d", round, i, c.UserData)
			}
		}
		for range 100 {
			one(t, r, (*SQE).PrepNop)
		}
	}
}

// TestBufRingWrapsItsTail passes 2^16, where the tail's 16 bits start again.
func TestBufRingWrapsItsTail(t *testing.T) {
	need(t, FeatureMultishotRecv, FeatureBufRing)
	r := newTestRing(t, 8, 0)
	br, err := r.NewBufRing(3, 8, 0)
	if err != nil {
		t.Fatal(err)
	}
	mem := testMem(t, 4096)
	for i := range 8 {
		br.Add(Addr(mem)+uintptr(i*16), 16, uint16(i))
	}
	br.Advance()
	if err := br.ring.register("x", RegisterPbufRing, nil, 1); err == nil {
		t.Fatal("registering nothing worked")
	}
	a, b := testPair(t)
	arm := func() {
		s := r.SQE()
		s.PrepRecvMultishot(a, 0, 0, 0)
		s.SetBufferGroup(3)
	}
	arm()
	var msg [4]byte
	for i := range 70000 {
		msg = [4]byte{byte(i), byte(i >> 8), byte(i >> 16), 0x55}
		if _, err := unix.Write(b, msg[:]); err != nil {
			t.Fatal(err)
		}
		for r.CQReady() == 0 {
			if _, err := r.SubmitAndWait(1); err != nil && !Temporary(err) {
				t.Fatal(err)
			}
		}
		for c := range r.CQEs() {
			id, ok := c.Buffer()
			if !ok || c.Res != 4 || [4]byte(mem[int(id)*16:][:4]) != msg {
				t.Fatalf("message %d: %+v, buffer %d holds %x, want %x", i, *c, id, mem[int(id)*16:][:4], msg)
			}
			br.Add(Addr(mem)+uintptr(id)*16, 16, id)
			if !c.More() {
				arm()
			}
		}
		br.Advance()
	}
	if FeatureBufRingStatus.Have() {
		if n, err := br.Available(); n != 8 || err != nil {
			t.Errorf("%d of 8 available, %v", n, err)
		}
	}
	if err := br.Unregister(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := br.Free(); err != nil {
			t.Fatal(err)
		}
	}
	br.Add(0, 0, 0)
	br.Advance()
	if err := br.Unregister(); err != ErrClosed {
		t.Errorf("Unregister after Free: %v", err)
	}
}

func TestRegisteredFilesAndBuffers(t *testing.T) {
	need(t, FeatureFilesSparse, FeatureBuffersTagged)
	r := newTestRing(t, 8, 0)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mem := testMem(t, 8192)
	iov := unix.Iovec{Base: &mem[0]}
	iov.SetLen(len(mem))
	if err := r.RegisterBuffersSparse(2); err != nil {
		t.Fatal(err)
	}
	if n, err := r.UpdateBuffers(1, []unix.Iovec{iov}, []uint64{99}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := r.RegisterFilesSparse(3); err != nil {
		t.Fatal(err)
	}
	if n, err := r.UpdateFiles(2, []int32{int32(f.Fd())}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	copy(mem, "registered")
	if c := one(t, r, func(s *SQE) {
		s.PrepWriteFixed(2, Addr(mem), 10, 0, 1)
		s.SetFixedFile()
	}); c.Res != 10 {
		t.Fatalf("write: %+v", c)
	}
	if c := one(t, r, func(s *SQE) {
		s.PrepReadFixed(2, Addr(mem)+4096, 100, 0, 1)
		s.SetFixedFile()
	}); c.Res != 10 || string(mem[4096:4106]) != "registered" {
		t.Fatalf("read: %+v %q", c, mem[4096:4106])
	}
	if n, err := r.UpdateFilesTagged(0, []int32{int32(f.Fd())}, []uint64{55}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := r.RegisterFileAllocRange(1, 1); err != nil {
		t.Error(err)
	}
	if err := r.UnregisterFiles(); err != nil {
		t.Fatal(err)
	}
	if err := r.UnregisterBuffers(); err != nil {
		t.Fatal(err)
	}
	tags := map[uint64]bool{}
	for _, c := range reap(t, r, 2) {
		tags[c.UserData] = true
	}
	if !tags[99] || !tags[55] {
		t.Errorf("tags %v", tags)
	}
	if err := r.RegisterFilesTagged([]int32{-1, int32(f.Fd())}, []uint64{0, 56}); err != nil {
		t.Error(err)
	}
	id, err := r.RegisterPersonality()
	if err != nil || id == 0 {
		t.Errorf("personality %d, %v", id, err)
	}
	if err := r.UnregisterPersonality(id); err != nil {
		t.Error(err)
	}
}

func TestEventfd(t *testing.T) {
	r := newTestRing(t, 8, 0)
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ev)
	count := func() uint64 {
		var b [8]byte
		if _, err := unix.Read(ev, b[:]); err != nil {
			return 0
		}
		return uint64(b[0])
	}
	if err := r.RegisterEventfd(ev); err != nil {
		t.Fatal(err)
	}
	one(t, r, (*SQE).PrepNop)
	if count() == 0 {
		t.Error("not signalled")
	}
	if err := r.SetEventfdEnabled(false); err != nil {
		t.Fatal(err)
	}
	one(t, r, (*SQE).PrepNop)
	if count() != 0 {
		t.Error("signalled although disabled")
	}
	if err := r.SetEventfdEnabled(true); err != nil {
		t.Fatal(err)
	}
	one(t, r, (*SQE).PrepNop)
	if count() == 0 {
		t.Error("not signalled any more")
	}
	if err := r.UnregisterEventfd(); err != nil {
		t.Fatal(err)
	}
	if err := r.RegisterEventfdAsync(ev); err != nil {
		t.Fatal(err)
	}
	one(t, r, (*SQE).PrepNop)
	if count() != 0 {
		t.Error("signalled for an inline completion")
	}
}

// TestRecvLimitIsOfCompletions: the limit of all bytes is looked at after each completion and cuts none.
func TestRecvLimitIsOfCompletions(t *testing.T) {
	need(t, FeatureRecvLimit)
	for _, c := range []struct{ each, total, bytes uint32 }{{3, 4, 6}, {3, 6, 6}, {0, 4, 100}} {
		r, buf := newTestRing(t, 4, 0), testMem(t, 4096)
		br, err := r.NewBufRing(0, 4, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uintptr(4) {
			br.Add(Addr(buf)+i<<10, 1<<10, uint16(i))
		}
		br.Advance()
		a, b := testPair(t)
		if _, err := unix.Write(b, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		r.SQE().PrepRecvMultishotLimit(a, 0, c.each, c.total, 0)
		for got, more := uint32(0), true; more; {
			for _, cqe := range reap(t, r, 1) {
				got += uint32(cqe.Res)
				more = cqe.More()
			}
			if !more && got != c.bytes {
				t.Errorf("%d each, %d in all: %d bytes, want %d", c.each, c.total, got, c.bytes)
			}
		}
		if err := errors.Join(br.Unregister(), br.Free()); err != nil {
			t.Error(err)
		}
	}
}

// TestRecvmsgMultishot takes datagrams with their sender's name apart.
func TestRecvmsgMultishot(t *testing.T) {
	need(t, FeatureMultishotRecv, FeatureBufRing)
	r := newTestRing(t, 8, 0)
	br, err := r.NewBufRing(0, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	mem := testMem(t, 4096)
	for i := range 4 {
		br.Add(Addr(mem)+uintptr(i*256), 256, uint16(i))
	}
	br.Advance()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Skipf("lacks: a loopback network (%v)", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendto(fd, []byte("hello"), 0, sa); err != nil {
		t.Fatal(err)
	}
	msg := &unix.Msghdr{Namelen: 16}
	c := one(t, r, func(s *SQE) {
		s.PrepRecvmsgMultishot(fd, AddrOf(msg), 0)
		s.SetBufferGroup(0)
	})
	id, ok := c.Buffer()
	if !ok || !c.More() || c.Res != 16+16+5 {
		t.Fatalf("completion %+v", c)
	}
	h, name, control, payload, ok := RecvmsgOut(mem[int(id)*256:][:c.Res], 16, 0)
	port := sa.(*unix.SockaddrInet4).Port
	if !ok || h.Payloadlen != 5 || string(payload) != "hello" || len(control) != 0 || len(name) != 16 ||
		int(name[2])<<8|int(name[3]) != port {
		t.Fatalf("%+v, name %x, control %x, payload %q", h, name, control, payload)
	}
	runtime.KeepAlive(msg)
	for _, n := range []int{0, 15, 31} {
		if _, _, _, _, ok := RecvmsgOut(mem[:n], 16, 0); ok {
			t.Errorf("%d bytes hold a message", n)
		}
	}
	if _, _, _, _, ok := RecvmsgOut(mem, -1, 5); ok {
		t.Error("a negative room was taken")
	}
}

// TestBigCompletions reads 32-byte completions, in a ring of them and between small ones.
func TestBigCompletions(t *testing.T) {
	need(t, FeatureCqeMixed)
	for _, flags := range []uint32{SetupCqe32, SetupCqeMixed} {
		r := newTestRing(t, 8, flags)
		for i := range uint64(100) {
			small, big := r.SQE(), r.SQE()
			small.PrepNop()
			small.UserData = 2 * i
			big.PrepNop()
			big.UserData = 2*i + 1
			big.OpFlags = NopCqe32
			big.Off, big.Addr = 1000+i, 2000+i
			if n, err := r.SubmitAndWait(2); n != 2 || err != nil && err != ErrInterrupted {
				t.Fatal(n, err)
			}
			want := 2 * i
			for c := range r.CQEs() {
				if c.UserData != want || c.Res != 0 {
					t.Fatalf("flags %#x: %+v, want %d", flags, *c, want)
				}
				extra := r.Extra(c)
				if want&1 == 1 && (extra == nil || *extra != [2]uint64{1000 + i, 2000 + i}) {
					t.Fatalf("flags %#x: completion %+v with %v", flags, *c, extra)
				}
				want++
			}
			if want != 2*i+2 {
				t.Fatalf("flags %#x: ended at %d", flags, want)
			}
		}
	}
}

// TestSqpollTakesWithoutEnter: entries go without a system call while the kernel's thread is awake.
func TestSqpollTakesWithoutEnter(t *testing.T) {
	need(t, FeatureSqpoll)
	r, err := New(4, &Params{Flags: SetupSqpoll, SQThreadIdle: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	total := 0
	deadline := time.Now().Add(10 * time.Second)
	for i := 0; i < 200 && time.Now().Before(deadline); i++ {
		if i == 100 {
			time.Sleep(20 * time.Millisecond) // the thread goes to sleep and must be woken
		}
		s := r.SQE()
		for s == nil {
			runtime.Gosched()
			s = r.SQE()
		}
		s.PrepNop()
		if _, err := r.Submit(); err != nil {
			t.Fatal(err)
		}
		for range r.CQEs() {
			total++
		}
	}
	for total < 200 && time.Now().Before(deadline) {
		runtime.Gosched()
		for range r.CQEs() {
			total++
		}
	}
	if total != 200 {
		t.Fatalf("%d of 200 completions", total)
	}
}

// TestLinkTimeout: the limit of a receive that gets nothing.
func TestLinkTimeout(t *testing.T) {
	r := newTestRing(t, 8, 0)
	a, _ := testPair(t)
	mem := testMem(t, 4096)
	ts := &KernelTimespec{Nsec: 1e6}
	s := r.SQE()
	s.PrepRecv(a, Addr(mem), 8, 0)
	s.Flags = SqeIoLink
	s.UserData = 1
	s = r.SQE()
	s.PrepLinkTimeout(AddrOf(ts), 0)
	s.UserData = 2
	for _, c := range reap(t, r, 2) {
		want := map[uint64]int32{1: -int32(unix.ECANCELED), 2: -int32(unix.ETIME)}[c.UserData]
		if c.Res != want {
			t.Errorf("completion %+v, want %d", c, want)
		}
	}
	runtime.KeepAlive(ts)
}

// TestCloseInsideTheLoop: the rest of the completions is gone with the ring, without a fault.
func TestCloseInsideTheLoop(t *testing.T) {
	need(t, FeatureSetup)
	r, err := New(64, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		r.SQE().PrepNop()
	}
	if _, err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.CQEs() {
		n++
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d turns", n)
	}
}

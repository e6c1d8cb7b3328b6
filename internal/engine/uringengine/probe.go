//go:build linux && !unio_nouring

package uringengine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// ability is what differs between the kernels that can carry an engine at all, one row of the tiers each.
type ability struct {
	// incremental: a block is used piece by piece (6.12). Without it a block serves one receive, and they are smaller.
	incremental bool
	// multishotRecv: one request receives again and again, and ends by itself after a number of bytes (6.17). Without
	// it each Recv is a request: a multishot that had to be cancelled at the limit would have gone far beyond it.
	multishotRecv bool
	// multishotAccept: one request accepts until it ends. Without it each Accept is a request.
	multishotAccept bool
}

// known is what this kernel can do, once that is certain.
var known struct {
	sync.Mutex
	sure bool
	ability
}

// abilities finds out what the kernel can do, by doing it. Only what is certain is remembered: a lack of memory or
// descriptors may pass.
func abilities() (ability, error) {
	known.Lock()
	defer known.Unlock()
	if known.sure {
		return known.ability, nil
	}
	a, err := probe()
	if err != nil {
		return ability{}, err
	}
	known.ability, known.sure = a, true
	return a, nil
}

// Available says why there can be no engine here and what would cure it, or nil. It makes a ring, sends a request
// through it and registers something, since a sandbox may forbid any of the three calls.
func Available() error {
	_, err := abilities()
	return err
}

// probeSize is a ring for trying things out.
var probeSize = [...]geometry{{sqEntries: 8, cqEntries: 16}}

// probeLimit bounds the wait for an answer that is there at once or never.
const probeLimit = time.Second

func probe() (ability, error) {
	runtime.LockOSThread() // the ring belongs to the thread
	defer runtime.UnlockOSThread()
	r, _, err := openRing(probeSize[:], setupLocked)
	if err != nil {
		return ability{}, explain(err)
	}
	defer r.Close()
	r.SQE().PrepNop()
	if _, err := probeWait(r); err != nil {
		return ability{}, explain(err)
	}
	var a ability
	group, err := r.NewBufRing(bufferGroup, 1, uring.PbufRingInc)
	if a.incremental = err == nil; errors.Is(err, syscall.EINVAL) {
		group, err = r.NewBufRing(bufferGroup, 1, 0)
	}
	if err != nil {
		return ability{}, explain(err)
	}
	// The ring's close, below, ends what is pending in the background, so the memory of group is left to it.
	limited, err := probeRecvLimit(r, group)
	if err != nil {
		return ability{}, explain(err)
	}
	v, err := ringVersion(uring.KernelRelease())
	if err != nil {
		return ability{}, explain(err)
	}
	a.multishotRecv = limited && !uring.HasDefect(v, uring.DefectMultishotEnd) &&
		!uring.HasDefect(v, uring.DefectMultishotOrder)
	a.multishotAccept = !uring.HasDefect(v, uring.DefectAcceptLost)
	return a, errors.Join(group.Unregister(), group.Free())
}

// ringVersion is the kernel version by which defects are looked up, on a kernel on which the engine works. A distribution's kernel may
// call itself older than what the engine needs; its io_uring is then from a later one, with the defects of that: RHEL 9 says 5.14 and
// has about that of 6.8.
func ringVersion(release string) (uring.Version, error) {
	v, err := uring.ParseVersion(release)
	if needed := uring.FeatureDeferTaskrun.Since(); v.Less(needed) {
		v = needed
	}
	return v, err
}

// probeWait gives the next completion.
func probeWait(r *uring.Ring) (uring.CQE, error) {
	for deadline := time.Now().Add(probeLimit); ; {
		left := time.Until(deadline)
		if _, err := r.SubmitAndWaitTimeout(1, max(left, 0), 0); err != nil && !uring.Temporary(err) {
			return uring.CQE{}, err
		}
		if r.CQReady() > 0 {
			c := *r.CQE(0)
			r.Seen(1)
			return c, nil
		}
		if left <= 0 {
			return uring.CQE{}, fmt.Errorf("a request did not complete within %v", probeLimit)
		}
	}
}

// probeRecvLimit receives 2 of 4 bytes. A kernel that does not know the limit refuses it with EINVAL.
func probeRecvLimit(r *uring.Ring, group *uring.BufRing) (bool, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer sys.CloseFD(pair[0])
	defer sys.CloseFD(pair[1])
	memory, err := syscall.Mmap(-1, 0, blockBytesMin, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return false, err
	}
	defer syscall.Munmap(memory)
	if _, err := syscall.Write(pair[1], []byte("four")); err != nil {
		return false, err
	}
	group.Add(addrOf(memory), uint32(len(memory)), 0)
	group.Advance()
	r.SQE().PrepRecvMultishotLimit(pair[0], bufferGroup, 2, 2, 0)
	c, err := probeWait(r)
	if err != nil {
		return false, err
	}
	if c.Flags&uring.CqeFMore != 0 {
		// A kernel that ignores the limit would go on to receive into memory that is about to go.
		return false, fmt.Errorf("the kernel took a limited receive for an unlimited one")
	}
	return c.Res == 2, nil
}

// openRing makes the first of the given rings that the limits allow, with flags that it must have.
func openRing(sizes []geometry, must uint32) (*uring.Ring, geometry, error) {
	var last error
	for _, g := range sizes {
		p := uring.Params{Flags: setupBoth | must, CQEntries: g.cqEntries, SQThreadIdle: sqThreadIdleMillis}
		r, _, err := uring.NewBest(g.sqEntries, &p, must|uring.SetupSubmitAll|uring.SetupCqsize)
		if err == nil {
			if lacking := featuresNeeded &^ r.Features(); lacking != 0 {
				r.Close()
				return nil, g, fmt.Errorf("the kernel lacks features %#x: %w", lacking, uring.ErrNotSupported)
			}
			return r, g, nil
		}
		last = err
		if !errors.Is(err, syscall.ENOMEM) {
			break
		}
	}
	return nil, geometry{}, last
}

// explain adds reason and cure to an error where they are known.
func explain(err error) error {
	d := uring.Diagnose(err)
	if d.Obstacle == uring.ObstacleUnknown {
		return fmt.Errorf("engine uring: %w", err)
	}
	return fmt.Errorf("engine uring: %w: %v", err, d)
}

// avoided are the defects that sockets meet and that the engine goes around.
var avoided = [...]uring.DefectID{
	uring.DefectRecvBundleOrder, uring.DefectWaitallSelected, uring.DefectMultishotEnd, uring.DefectMultishotOrder,
	uring.DefectConnectRetry, uring.DefectAcceptLost, uring.DefectSpuriousEnobufs, uring.DefectWorkerSignals,
	uring.DefectPbufMmap, uring.DefectCancelErrno,
}

// describe makes the Caps of an engine.
func describe(r *uring.Ring, a ability) engine.Caps {
	c := engine.Caps{Name: engine.Uring, Files: true}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{r.Flags()&uring.SetupDeferTaskrun != 0, "defer_taskrun"},
		{r.Flags()&uring.SetupCoopTaskrun != 0, "coop_taskrun"},
		{r.Flags()&uring.SetupSqpoll != 0, "sqpoll"},
		{r.Flags()&uring.SetupNoSqarray != 0, "no_sqarray"},
		{a.multishotAccept, "multishot_accept"},
		{a.multishotRecv, "multishot_recv"},
		{a.incremental, "incremental_buffers"},
	} {
		if f.on {
			c.Features = append(c.Features, f.name)
		}
	}
	v, err := ringVersion(uring.KernelRelease())
	if err != nil {
		return c
	}
	for _, d := range uring.Defects(v) {
		for _, id := range avoided {
			if d.ID == id {
				c.Avoided = append(c.Avoided, fmt.Sprintf("%s: %s; avoided: %s", d.ID, d.What, d.Avoid))
			}
		}
	}
	return c
}

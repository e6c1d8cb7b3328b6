//go:build linux

package uring

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// probeSetup also enters and registers, because a seccomp profile or a sandbox may block any of the three
// calls.
func probeSetup(l *lab) error {
	r, err := l.ring(0)
	if err != nil {
		return err
	}
	if _, err := l.do(r, (*SQE).PrepNop); err != nil {
		return err
	}
	_, err = r.Probe()
	return err
}

// setupNop makes a ring with these flags and passes a request through it.
func setupNop(flags uint32) func(*lab) error {
	return func(l *lab) error {
		r, err := l.ring(flags)
		if err != nil {
			return l.blame(err)
		}
		_, err = l.do(r, (*SQE).PrepNop)
		return err
	}
}

// setupOnly makes a ring of a kind that needs a block device for requests.
func setupOnly(flags uint32) func(*lab) error {
	return func(l *lab) error {
		_, err := l.ring(flags)
		return l.blame(err)
	}
}

// blame tells the refusal of a flag from that of any ring: when a ring without flags cannot be made either,
// the flag's probe cannot tell.
func (l *lab) blame(err error) error {
	if err == nil {
		return nil
	}
	if _, perr := l.ring(0); perr != nil {
		return prepared(perr)
	}
	return err
}

func probeAttachWq(l *lab) error {
	first, err := l.plainRing()
	if err != nil {
		return err
	}
	r, err := New(8, &Params{Flags: SetupAttachWq, WQFd: uint32(first.FD())})
	if err != nil {
		return err
	}
	return r.Close()
}

// probeClamp asks for more completions than any ring has.
func probeClamp(l *lab) error {
	r, err := New(8, &Params{Flags: SetupClamp | SetupCqsize, CQEntries: 4 * EntriesMax})
	if err != nil {
		return l.blame(notMemory(err))
	}
	defer r.Close()
	if r.CQEntries() != 2*EntriesMax {
		return absent("got %d completion entries", r.CQEntries())
	}
	return nil
}

func probeCqsize(l *lab) error {
	r, err := New(8, &Params{Flags: SetupCqsize, CQEntries: 64})
	if err != nil {
		return l.blame(err)
	}
	defer r.Close()
	if r.CQEntries() != 64 {
		return absent("got %d completion entries for 64", r.CQEntries())
	}
	return nil
}

func probeRDisabled(l *lab) error {
	r, err := l.ring(SetupRDisabled)
	if err != nil {
		return l.blame(err)
	}
	if err := r.Enable(); err != nil {
		return err
	}
	_, err = l.do(r, (*SQE).PrepNop)
	return err
}

func probeSqRewind(l *lab) error {
	if err := setupRaw(SetupSqRewind | SetupNoSqarray); err != nil {
		return l.blame(err)
	}
	return nil
}

func probeExtArg(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	for range 100 {
		_, err = r.SubmitAndWaitTimeout(1, time.Millisecond, 0)
		if err != ErrInterrupted {
			break
		}
	}
	if err == ErrTimeout {
		return nil
	}
	return orOdd(err)
}

// orOdd is for calls whose success would be strange.
func orOdd(err error) error {
	if err == nil {
		return prepared(errors.New("the wait returned with nothing"))
	}
	return err
}

// probeMinWait waits for two completions of which one is there: without the feature it would take the whole
// time.
func probeMinWait(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if _, err := l.do(r, (*SQE).PrepNop); err != nil {
		return prepared(err)
	}
	r.SQE().PrepNop()
	if _, err := r.Submit(); err != nil {
		return prepared(err)
	}
	start := time.Now()
	for range 100 {
		_, err = r.SubmitAndWaitTimeout(2, 10*labPatience, time.Millisecond)
		if err != ErrInterrupted {
			break
		}
	}
	if err == nil && time.Since(start) > 9*labPatience {
		return absent("the minimum wait was not honoured")
	}
	return err
}

func probeAbsTimer(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if r.features&FeatExtArg == 0 {
		return absent("no wait takes a time")
	}
	if err := r.SetEnterFlags(EnterAbsTimer); err != nil {
		return err
	}
	// A point in time that has passed: one nanosecond after the machine was started.
	_, err = r.SubmitAndWaitTimeout(1, 1, 0)
	if err == ErrTimeout {
		return nil
	}
	return orOdd(err)
}

func probeNoIowait(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := r.SetEnterFlags(EnterNoIowait); err != nil {
		return err
	}
	r.SQE().PrepNop()
	_, err = r.SubmitAndWait(1)
	return err
}

func probeRegWait(l *lab) error {
	r, err := New(8, &Params{Flags: SetupRDisabled})
	if err != nil {
		return l.blame(err)
	}
	defer r.Close()
	page := l.mem[:4096]
	clear(page)
	d := &RegionDesc{UserAddr: uint64(Addr(page)), Size: 4096, Flags: MemRegionTypeUser}
	if err := r.RegisterMemRegion(d, MemRegionRegWaitArg); err != nil {
		return err
	}
	if err := r.Enable(); err != nil {
		return prepared(err)
	}
	// All zero but the flag: a wait of no time at all.
	page[20] = byte(RegWaitTs)
	_, err = r.EnterRegWait(1, 0)
	if err == ErrTimeout || err == nil {
		return nil
	}
	return err
}

func probeQuery(*lab) error {
	q, err := Query()
	if err == nil && q.NrRequestOpcodes == 0 {
		err = prepared(errors.New("the kernel claims to know no operation"))
	}
	return withoutRing(err)
}

func probeResizeRings(l *lab) error {
	r, err := l.ring(SetupSingleIssuer | SetupDeferTaskrun | SetupNoSqarray)
	if err != nil {
		return l.blame(err)
	}
	if err := r.ResizeRings(16, 64, SetupCqsize); err != nil {
		return err
	}
	if r.SQEntries() != 16 || r.CQEntries() != 64 {
		return prepared(fmt.Errorf("resized to %d and %d entries", r.SQEntries(), r.CQEntries()))
	}
	_, err = l.do(r, (*SQE).PrepNop)
	return err
}

func probeRestrictions(l *lab) error {
	r, err := l.ring(SetupRDisabled)
	if err != nil {
		return l.blame(err)
	}
	rules := []Restriction{{Opcode: RestrictionRegisterOp, Value: uint8(RegisterEnableRings)},
		{Opcode: RestrictionSqeOp, Value: OpNop}}
	if err := r.RegisterRestrictions(rules); err != nil {
		return err
	}
	if err := r.Enable(); err != nil {
		return prepared(err)
	}
	_, err = l.do(r, func(s *SQE) { s.PrepTimeoutRemove(1, 0) })
	if errors.Is(err, unix.EACCES) {
		return nil
	}
	return orOdd(err)
}

func probeNapi(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := r.RegisterNapi(&Napi{BusyPollTo: 1}); err != nil {
		return err
	}
	_, err = r.UnregisterNapi()
	return err
}

func probeClock(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	return r.RegisterClock(unix.CLOCK_BOOTTIME)
}

func probeIowqAff(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		return prepared(err)
	}
	if err := r.RegisterIowqAff(&cpus); err != nil {
		return err
	}
	return r.UnregisterIowqAff()
}

func probeIowqMaxWorkers(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	_, _, err = r.RegisterIowqMaxWorkers(0, 0)
	return err
}

func probeRegisteredRing(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := r.RegisterRingFd(); err != nil {
		return err
	}
	if _, err := l.do(r, (*SQE).PrepNop); err != nil {
		return err
	}
	return prepared(r.UnregisterRingFd())
}

func probeRegRegRing(l *lab) error {
	r, err := l.plainRing()
	if err != nil {
		return err
	}
	if err := r.RegisterRingFd(); err != nil {
		return err // without these there are none of those
	}
	defer r.UnregisterRingFd()
	if r.features&FeatRegRegRing == 0 {
		return absent("the ring's features lack it")
	}
	_, err = registerFd(r.enterFd, "FILES", RegisterUseRegisteredRing|RegisterEnableRings, nil, 0)
	if errors.Is(err, unix.EBADFD) { // the ring was found and is enabled already
		return nil
	}
	return orOdd(err)
}

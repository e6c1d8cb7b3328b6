//go:build linux

package uring

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Feature is something that a kernel may be able to do. It is found out by doing it: see Probe.
type Feature int

// The features, in the order of their table.
const (
	FeatureSetup Feature = iota
	FeatureIopoll
	FeatureSqpoll
	FeatureAttachWq
	FeatureClamp
	FeatureCqsize
	FeatureRDisabled
	FeatureSubmitAll
	FeatureCoopTaskrun
	FeatureTaskrunFlag
	FeatureSqe128
	FeatureCqe32
	FeatureSingleIssuer
	FeatureDeferTaskrun
	FeatureNoMmap
	FeatureRegisteredFdOnly
	FeatureNoSqarray
	FeatureHybridIopoll
	FeatureCqeMixed
	FeatureSqeMixed
	FeatureSqRewind
	FeatureExtArg
	FeatureMinWait
	FeatureAbsTimer
	FeatureRegWait
	FeatureNoIowait
	FeatureFastPoll
	FeaturePollMultishot
	FeatureTimeoutMultishot
	FeatureMultishotAccept
	FeatureMultishotRecv
	FeatureRecvLimit
	FeatureReadMultishot
	FeatureBufRing
	FeatureBufRingInc
	FeatureBufRingStatus
	FeatureRecvBundle
	FeatureSendBundle
	FeatureSendVectorized
	FeatureSendZc
	FeatureSendmsgZc
	FeatureMsgRing
	FeatureSendMsgRing
	FeatureRegisteredRing
	FeatureRegRegRing
	FeatureSyncCancel
	FeatureCancelFd
	FeatureCancelOp
	FeatureCqeSkip
	FeatureFilesSparse
	FeatureFilesAlloc
	FeatureDirectAccept
	FeatureFixedFdInstall
	FeatureBuffersTagged
	FeatureCloneBuffers
	FeatureResizeRings
	FeatureRestrictions
	FeatureNapi
	FeatureClock
	FeatureIowqAff
	FeatureIowqMaxWorkers
	FeatureSocket
	FeatureBindListen
	FeatureSocketCmd
	FeatureEpollWait
	FeatureFutex
	FeaturePipe
	FeatureQuery
	featureCount
)

// featureRow describes a feature. since is the mainline kernel that brought it: for people, and for the
// test of the probe.
type featureRow struct {
	name  string
	since Version
	what  string
	probe func(l *lab) error
}

// All is every feature, in the order of their table.
func All() []Feature {
	list := make([]Feature, featureCount)
	for i := range list {
		list[i] = Feature(i)
	}
	return list
}

func (f Feature) row() *featureRow {
	if f < 0 || f >= featureCount {
		unknown := func(*lab) error { return ErrArgument }
		return &featureRow{name: fmt.Sprintf("feature(%d)", int(f)), probe: unknown}
	}
	return &featureTable[f]
}

// String is the feature's name in reports, as "multishot-recv".
func (f Feature) String() string { return f.row().name }

// Since is the first mainline kernel with the feature. Distributions differ, so nothing should be decided
// by it.
func (f Feature) Since() Version { return f.row().since }

// What says in a few words what the feature is.
func (f Feature) What() string { return f.row().what }

// Probe tries the feature on a ring of its own and gives one of three answers: nil, it works; an error that
// is ErrNotSupported, this kernel does not have it; any other error, it could not be told, for example
// because there is no loopback network. The first two are kept for the life of the process. Probe may be
// called by any goroutine. It takes about a millisecond, and needs a ring, some sockets and 64 KiB.
func (f Feature) Probe() error {
	probes.mu.Lock()
	defer probes.mu.Unlock()
	if answer, ok := probes.known[f]; ok {
		return answer
	}
	err := judge(patientProbe(f.row().probe))
	if err == nil || errors.Is(err, ErrNotSupported) {
		if probes.known == nil {
			probes.known = map[Feature]error{}
		}
		probes.known[f] = err
	}
	return err
}

// Have reports whether the feature surely works.
func (f Feature) Have() bool { return f.Probe() == nil }

// probes holds the certain answers. The mutex also keeps the probes, which share a piece of memory, apart.
var probes struct {
	mu    sync.Mutex
	known map[Feature]error
	page  []byte
	made  bool // a ring could be made once
}

// judge turns what a probe met into one of the three answers. Only what the feature itself said counts as a
// no, not what preparing for it met.
func judge(err error) error {
	var prep *prepareError
	var errno unix.Errno
	switch {
	case err == nil, errors.Is(err, ErrNotSupported) && !errors.As(err, &prep):
		return err
	case errors.As(err, &prep):
		return &untoldError{prep.err}
	case errors.As(err, &errno) && (errno == unix.EINVAL || errno == unix.ENOSYS || errno == unix.EOPNOTSUPP):
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	return &untoldError{err}
}

// untoldError is the answer that nothing could be told. Its chain holds only the errno: an ENOSYS that the
// preparation met must not look like a no.
type untoldError struct{ err error }

func (e *untoldError) Error() string { return "could not tell: " + e.err.Error() }

func (e *untoldError) Unwrap() error {
	var errno unix.Errno
	if errors.As(e.err, &errno) {
		return errno
	}
	return nil
}

// prepareError is a failure of what a probe needs, not of what it tries.
type prepareError struct{ err error }

func (e *prepareError) Error() string { return e.err.Error() }
func (e *prepareError) Unwrap() error { return e.err }

// prepared marks an error of the preparation.
func prepared(err error) error {
	if err == nil {
		return nil
	}
	return &prepareError{err}
}

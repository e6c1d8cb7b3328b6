//go:build linux

package uring

// Defect is something that is known to be broken in a range of kernels and that no probe can find without
// risking data. Stable kernels get fixes at patch levels that cannot always be told; Until is then the
// first mainline version that has the fix, so that a repaired stable kernel still takes the way round:
// slower, never wrong.
type Defect struct {
	ID     DefectID
	What   string  // what goes wrong
	From   Version // the first kernel that has it
	Until  Version // the first kernel that surely does not; zero: no fix is known
	Avoid  string  // the way round
	Source string
}

// DefectID names a row of the table.
type DefectID string

// The defects that concern sockets and the ring itself.
const (
	DefectRecvBundleOrder     DefectID = "recv-bundle-order"
	DefectWaitallSelected     DefectID = "waitall-selected-buffer"
	DefectMultishotEnd        DefectID = "multishot-end"
	DefectMultishotOrder      DefectID = "multishot-order"
	DefectReadMultishot       DefectID = "read-multishot"
	DefectReadSelectTwice     DefectID = "read-select-twice"
	DefectConnectRetry        DefectID = "connect-retry"
	DefectAcceptLost          DefectID = "accept-lost"
	DefectEventfdLength       DefectID = "eventfd-length"
	DefectSpuriousEnobufs     DefectID = "spurious-enobufs"
	DefectSendZc              DefectID = "send-zc"
	DefectWorkerSignals       DefectID = "worker-signals"
	DefectPollUpdate          DefectID = "poll-update"
	DefectMinWaitSqpoll       DefectID = "min-wait-sqpoll"
	DefectSlowRelease         DefectID = "slow-release"
	DefectPbufMmap            DefectID = "pbuf-mmap"
	DefectSetupNomem          DefectID = "setup-nomem"
	DefectAcceptNonblock      DefectID = "accept-nonblock"
	DefectCancelErrno         DefectID = "cancel-errno"
	DefectRecvmsgControlRetry DefectID = "recvmsg-control-retry"
	DefectCqeMixedOverflow    DefectID = "cqe-mixed-overflow"
)

var defects = []Defect{
	{DefectRecvBundleOrder, "bundled receives deliver partly filled buffers in the wrong order or with gaps",
		Version{6, 10, 0}, Version{6, 16, 0},
		"no bundled receives", "liburing #1409, #1411, #1423"},
	{DefectWaitallSelected, "a partly used selected buffer is not committed on a retry, and is used again",
		Version{5, 19, 0}, Version{6, 17, 0},
		"no MSG_WAITALL together with provided buffers", "io-uring list, fixed in 6.17-rc2"},
	{DefectMultishotEnd, "multishot requests with selected buffers end or flush wrongly",
		Version{6, 0, 0}, Version{6, 14, 0},
		"single receives with a selected buffer", "io-uring list, fixed in 6.12 and 6.14"},
	{DefectMultishotOrder, "completions of one multishot request can be posted in the wrong order",
		Version{5, 19, 0}, Version{6, 15, 0},
		"single receives with a selected buffer", "io-uring list, fixed in 6.15 and in stable 6.1 and up"},
	{DefectReadMultishot, "multishot reads lose the buffer's id, or hang on files that cannot be polled",
		Version{6, 7, 0}, Version{6, 12, 0},
		"single reads", "liburing #1257; io-uring list"},
	{DefectReadSelectTwice, "a read of a socket selects a second provided buffer",
		Version{6, 12, 0}, Version{6, 13, 0},
		"receive from sockets, do not read", "liburing #1530"},
	{DefectConnectRetry, "a retried connect reports ETIMEDOUT for ECONNREFUSED, or a wrong state",
		Version{5, 5, 0}, Version{6, 14, 0},
		"read SO_ERROR after a connect that failed", "io-uring list, fixed in 6.7, 6.8 and 6.14"},
	{DefectAcceptLost, "a multishot accept loses a connection when its completion cannot be posted",
		Version{5, 19, 0}, Version{6, 15, 0},
		"single accepts, or a completion ring that never overflows", "io-uring list"},
	{DefectEventfdLength, "reads of an eventfd or timerfd wait until the whole length is there",
		Version{6, 15, 4}, Version{6, 15, 5},
		"read exactly 8 bytes", "liburing issue tracker"},
	{DefectSpuriousEnobufs, "ENOBUFS although the group has buffers",
		Version{6, 1, 7}, Version{6, 1, 8},
		"arm again after every ENOBUFS", "liburing #778"},
	{DefectSendZc, "zero-copy sends notify twice, import wrongly or link buffers wrongly",
		Version{6, 0, 0}, Version{6, 17, 0},
		"plain sends", "io-uring list, fixed in 6.15 and 6.17"},
	{DefectWorkerSignals, "a signal during the creation of a kernel worker ends the request with ECANCELED",
		Version{5, 12, 0}, Version{6, 19, 0},
		"repeat once what may be repeated", "io-uring list"},
	{DefectPollUpdate, "an update of a poll request loses its completion",
		Version{5, 13, 0}, Version{6, 19, 0},
		"remove and add", "io-uring list"},
	{DefectMinWaitSqpoll, "the minimum wait does not work with SQPOLL",
		Version{6, 12, 0}, Version{6, 19, 0},
		"no minimum wait on rings with SQPOLL", "io-uring list"},
	{DefectSlowRelease, "a slow request delays the release of registered files: sockets close late",
		Version{5, 13, 0}, Version{6, 13, 0},
		"normal descriptors for sockets", "liburing #1192"},
	{DefectPbufMmap, "use after free of a kernel-made buffer ring (CVE-2024-0582)",
		Version{6, 4, 0}, Version{6, 6, 5},
		"buffer rings in own memory, as NewBufRing makes them", "CVE-2024-0582"},
	{DefectSetupNomem, "setup fails with ENOMEM under a memory cgroup that has room",
		Version{7, 1, 0}, Version{},
		"a smaller ring, or SetupNoMmap", "liburing #1614"},
	{DefectAcceptNonblock, "an accept on a listener with O_NONBLOCK ends with EAGAIN at once",
		Version{5, 5, 0}, Version{5, 11, 0},
		"listeners without O_NONBLOCK", "probed on 6.18, reported for 5.10"},
	{DefectCancelErrno, "a cancelled multishot receive ends with ENOENT or ENOBUFS",
		Version{6, 0, 0}, Version{6, 5, 0},
		"take any completion without CqeFMore as the end", "reported by the Zig project"},
	{DefectRecvmsgControlRetry, "recvmsg with MSG_WAITALL and control data is retried in part",
		Version{5, 19, 0}, Version{6, 5, 0},
		"no MSG_WAITALL together with control data", "io-uring list"},
	{DefectCqeMixedOverflow, "when completions of both sizes overflow, one is lost or another told twice",
		Version{6, 18, 0}, Version{},
		"SetupCqe32, or a completion ring that never overflows", "seen on 6.18.44"},
}

// In reports whether a kernel has the defect.
func (d *Defect) In(v Version) bool {
	return !v.Less(d.From) && (d.Until == Version{} || v.Less(d.Until))
}

// Defects are those that a kernel has, as far as its version tells. The rows are copies.
func Defects(v Version) []Defect {
	var list []Defect
	for i := range defects {
		if defects[i].In(v) {
			list = append(list, defects[i])
		}
	}
	return list
}

// HasDefect reports whether a kernel has one particular defect.
func HasDefect(v Version, id DefectID) bool {
	for i := range defects {
		if defects[i].ID == id {
			return defects[i].In(v)
		}
	}
	return false
}

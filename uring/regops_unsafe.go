//go:build linux

package uring

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RegisterBuffers pins memory for the fixed operations: at most 16384 buffers of at most 1 GiB each,
// charged to RLIMIT_MEMLOCK. The memory must stay mapped as it is until the buffers are unregistered: after
// munmap or MADV_DONTNEED the kernel goes on with the old pages. Memory of the Go heap must be kept
// reachable.
func (r *Ring) RegisterBuffers(iovs []unix.Iovec) error {
	if err := needCount("buffers", len(iovs)); err != nil {
		return err
	}
	return r.register("BUFFERS", RegisterBuffers, unsafe.Pointer(&iovs[0]), uint32(len(iovs)))
}

// RegisterBuffersTagged is RegisterBuffers with a tag for each (5.13): a tag other than 0 comes back as the
// user data of a completion when the kernel no longer uses the buffer. tags is nil or as long as iovs.
func (r *Ring) RegisterBuffersTagged(iovs []unix.Iovec, tags []uint64) error {
	if err := needCount("buffers", len(iovs)); err != nil {
		return err
	}
	return r.rsrcRegister("BUFFERS2", RegisterBuffers2, unsafe.Pointer(&iovs[0]), len(iovs), tags)
}

// RegisterBuffersSparse makes a table of n empty slots (5.19), for UpdateBuffers and CloneBuffers.
func (r *Ring) RegisterBuffersSparse(n uint32) error {
	arg := &rsrcRegister{nr: n, flags: RsrcRegisterSparse}
	return r.register("BUFFERS2", RegisterBuffers2, unsafe.Pointer(arg), uint32(unsafe.Sizeof(*arg)))
}

// UpdateBuffers replaces slots from offset on (5.13) and returns how many were replaced; an iovec of zeros
// empties a slot.
func (r *Ring) UpdateBuffers(offset uint32, iovs []unix.Iovec, tags []uint64) (int, error) {
	if err := needCount("buffers", len(iovs)); err != nil {
		return 0, err
	}
	return r.rsrcUpdate("BUFFERS_UPDATE", RegisterBuffersUpdate, offset,
		unsafe.Pointer(&iovs[0]), len(iovs), tags)
}

// RegisterFiles makes a table of files: descriptors, -1 for an empty slot. The table holds the files open.
func (r *Ring) RegisterFiles(fds []int32) error {
	if err := needCount("files", len(fds)); err != nil {
		return err
	}
	return r.register("FILES", RegisterFiles, unsafe.Pointer(&fds[0]), uint32(len(fds)))
}

// RegisterFilesTagged is RegisterFiles with a tag for each (5.13); see RegisterBuffersTagged.
func (r *Ring) RegisterFilesTagged(fds []int32, tags []uint64) error {
	if err := needCount("files", len(fds)); err != nil {
		return err
	}
	return r.rsrcRegister("FILES2", RegisterFiles2, unsafe.Pointer(&fds[0]), len(fds), tags)
}

// RegisterFilesSparse makes a table of n empty slots (5.19).
func (r *Ring) RegisterFilesSparse(n uint32) error {
	arg := &rsrcRegister{nr: n, flags: RsrcRegisterSparse}
	return r.register("FILES2", RegisterFiles2, unsafe.Pointer(arg), uint32(unsafe.Sizeof(*arg)))
}

// UpdateFiles replaces slots from offset on and returns how many were replaced; -1 empties a slot,
// RegisterFilesSkip leaves it as it is (5.12).
func (r *Ring) UpdateFiles(offset uint32, fds []int32) (int, error) {
	if err := needCount("files", len(fds)); err != nil {
		return 0, err
	}
	arg := &rsrcUpdate{offset: offset, data: addr64(unsafe.Pointer(&fds[0]))}
	n, err := r.registerN("FILES_UPDATE", RegisterFilesUpdate, unsafe.Pointer(arg), uint32(len(fds)))
	runtime.KeepAlive(fds)
	return n, err
}

// UpdateFilesTagged is UpdateFiles with a tag for each (5.13).
func (r *Ring) UpdateFilesTagged(offset uint32, fds []int32, tags []uint64) (int, error) {
	if err := needCount("files", len(fds)); err != nil {
		return 0, err
	}
	return r.rsrcUpdate("FILES_UPDATE2", RegisterFilesUpdate2, offset,
		unsafe.Pointer(&fds[0]), len(fds), tags)
}

// RegisterFileAllocRange limits the slots that FileIndexAlloc chooses from to n from off on (6.0).
func (r *Ring) RegisterFileAllocRange(off, n uint32) error {
	arg := &fileIndexRange{off: off, len: n}
	return r.register("FILE_ALLOC_RANGE", RegisterFileAllocRange, unsafe.Pointer(arg), 0)
}

func (r *Ring) rsrcRegister(name string, op uint32, data unsafe.Pointer, n int, tags []uint64) error {
	arg := &rsrcRegister{nr: uint32(n), data: addr64(data)}
	if err := setTags(&arg.tags, tags, n); err != nil {
		return err
	}
	err := r.register(name, op, unsafe.Pointer(arg), uint32(unsafe.Sizeof(*arg)))
	runtime.KeepAlive(data)
	runtime.KeepAlive(tags)
	return err
}

func (r *Ring) rsrcUpdate(
	name string, op, offset uint32, data unsafe.Pointer, n int, tags []uint64,
) (int, error) {
	arg := &rsrcUpdate2{offset: offset, data: addr64(data), nr: uint32(n)}
	if err := setTags(&arg.tags, tags, n); err != nil {
		return 0, err
	}
	got, err := r.registerN(name, op, unsafe.Pointer(arg), uint32(unsafe.Sizeof(*arg)))
	runtime.KeepAlive(data)
	runtime.KeepAlive(tags)
	return got, err
}

func setTags(dst *uint64, tags []uint64, n int) error {
	if tags == nil {
		return nil
	}
	if len(tags) != n {
		return fmt.Errorf("io_uring: %d tags for %d resources: %w", len(tags), n, ErrArgument)
	}
	*dst = addr64(unsafe.Pointer(&tags[0]))
	return nil
}

// RegisterEventfd makes the kernel signal an eventfd for completions. With SetupDeferTaskrun it is
// signalled when there is work to enter for, before the completions are in the ring.
func (r *Ring) RegisterEventfd(fd int) error {
	v := int32(fd)
	return r.register("EVENTFD", RegisterEventfd, unsafe.Pointer(&v), 1)
}

// RegisterEventfdAsync is RegisterEventfd for completions that were not made inside the submission only
// (5.6).
func (r *Ring) RegisterEventfdAsync(fd int) error {
	v := int32(fd)
	return r.register("EVENTFD_ASYNC", RegisterEventfdAsync, unsafe.Pointer(&v), 1)
}

// Ops is the set of operations that a kernel knows.
type Ops struct{ known [4]uint64 }

// Has reports whether the kernel knows an operation. It says nothing about flags.
func (o *Ops) Has(op uint8) bool { return o.known[op>>6]&(1<<(op&63)) != 0 }

// Probe asks which operations the kernel knows (5.6).
func (r *Ring) Probe() (*Ops, error) {
	arg := &probeArg{}
	if err := r.register("PROBE", RegisterProbe, unsafe.Pointer(arg), uint32(len(arg.ops))); err != nil {
		return nil, err
	}
	ops := &Ops{}
	for _, op := range arg.ops[:min(int(arg.opsLen), len(arg.ops))] {
		if op.flags&OpSupported != 0 {
			ops.known[op.op>>6] |= 1 << (op.op & 63)
		}
	}
	return ops, nil
}

// RegisterRestrictions limits what the ring may do, once, before Enable (5.10). What no rule names is refused from Enable on:
// operations and their flags with EACCES in the completion, registrations with EACCES. On kernels before 7.0 that is so for both
// kinds whatever the rules are about, so that rules about registrations alone leave no operation; since 7.0 such rules leave
// operations as they are, and the other way round.
func (r *Ring) RegisterRestrictions(rules []Restriction) error {
	if err := needCount("rules", len(rules)); err != nil {
		return err
	}
	return r.register("RESTRICTIONS", RegisterRestrictions, unsafe.Pointer(&rules[0]), uint32(len(rules)))
}

// RegisterIowqAff says on which CPUs the kernel's workers of this thread run (5.14). The kernel intersects
// with the thread's own mask unless the two are disjoint.
func (r *Ring) RegisterIowqAff(cpus *unix.CPUSet) error {
	if cpus == nil {
		return needCount("CPUs", 0)
	}
	return r.register("IOWQ_AFF", RegisterIowqAff, unsafe.Pointer(cpus), uint32(unsafe.Sizeof(*cpus)))
}

// RegisterIowqMaxWorkers limits the kernel's workers of this thread (5.15): bounded ones for regular files,
// unbounded ones for everything else. 0 leaves a limit as it is. The limits from before come back.
func (r *Ring) RegisterIowqMaxWorkers(bounded, unbounded uint32) (
	oldBounded, oldUnbounded uint32, err error,
) {
	v := [2]uint32{bounded, unbounded}
	err = r.register("IOWQ_MAX_WORKERS", RegisterIowqMaxWorkers, unsafe.Pointer(&v), 2)
	return v[0], v[1], err
}

// SyncCancel describes what CancelSync cancels.
type SyncCancel struct {
	UserData uint64
	Fd       int           // with AsyncCancelFd; a slot with AsyncCancelFdFixed
	Flags    uint32        // AsyncCancel constants
	Opcode   uint8         // with AsyncCancelOp (6.6)
	Timeout  time.Duration // negative: wait for the end without a limit
}

// CancelSync cancels requests and waits until they have ended (6.0). In a ring with SetupDeferTaskrun their
// completions come with the next enter. ENOENT: there was none; ETIME: they did not end in time.
func (r *Ring) CancelSync(c SyncCancel) error {
	arg := &syncCancelReg{addr: c.UserData, fd: int32(c.Fd), flags: c.Flags, opcode: c.Opcode}
	arg.timeout = KernelTimespec{Sec: -1, Nsec: -1}
	if c.Timeout >= 0 {
		arg.timeout = timespec(c.Timeout)
	}
	return r.register("SYNC_CANCEL", RegisterSyncCancel, unsafe.Pointer(arg), 1)
}

// RegisterNapi makes waits poll the network's queues before they sleep (6.9) and stores the settings from
// before in n.
func (r *Ring) RegisterNapi(n *Napi) error {
	if n == nil {
		return needCount("settings", 0)
	}
	return r.register("NAPI", RegisterNapi, unsafe.Pointer(n), 1)
}

// UnregisterNapi ends the polling and returns the settings from before.
func (r *Ring) UnregisterNapi() (Napi, error) {
	var n Napi
	err := r.register("UNREGISTER NAPI", UnregisterNapi, unsafe.Pointer(&n), 1)
	return n, err
}

// RegisterClock chooses the clock of waits (6.12): unix.CLOCK_MONOTONIC or unix.CLOCK_BOOTTIME.
func (r *Ring) RegisterClock(clock uint32) error {
	arg := &clockRegister{clockid: clock}
	return r.register("CLOCK", RegisterClock, unsafe.Pointer(arg), 0)
}

// CloneBuffers takes over registered buffers of another ring (6.12), which share their pages and count once.
func (r *Ring) CloneBuffers(arg CloneBuffersArg) error {
	return r.register("CLONE_BUFFERS", RegisterCloneBuffers, unsafe.Pointer(&arg), 1)
}

// SendMsgRing posts a completion in another ring without having one (6.13). s must have been filled by
// PrepMsgRing. Any thread may call it.
func SendMsgRing(s *SQE) error {
	if s == nil || s.Opcode != OpMsgRing {
		return fmt.Errorf("io_uring: not a message: %w", ErrArgument)
	}
	res, err := registerFd(-1, "SEND_MSG_RING", RegisterSendMsgRing, unsafe.Pointer(s), 1)
	if err == nil && res < 0 {
		err = registerError("SEND_MSG_RING", unix.Errno(-res))
	}
	return err
}

// RegisterMemRegion shares memory with the kernel (6.13); flags is 0 or MemRegionRegWaitArg, for which the
// ring must still be disabled. The memory must stay as long as the ring.
func (r *Ring) RegisterMemRegion(d *RegionDesc, flags uint64) error {
	if d == nil {
		return needCount("region", 0)
	}
	arg := &memRegionReg{regionUptr: addr64(unsafe.Pointer(d)), flags: flags}
	err := r.register("MEM_REGION", RegisterMemRegion, unsafe.Pointer(arg), 1)
	runtime.KeepAlive(d)
	return err
}

// Query asks what the kernel knows (6.18). It needs no ring.
func Query() (QueryOpcodesInfo, error) {
	q := &QueryOpcodesInfo{}
	err := query(QueryOpcodes, unsafe.Pointer(q), uint32(unsafe.Sizeof(*q)))
	return *q, err
}

// QuerySizes asks for the sizes that a SetupNoMmap ring needs (6.19). It needs no ring.
func QuerySizes() (QueryScqInfo, error) {
	q := &QueryScqInfo{}
	err := query(QueryScq, unsafe.Pointer(q), uint32(unsafe.Sizeof(*q)))
	return *q, err
}

func query(op uint32, data unsafe.Pointer, size uint32) error {
	h := &queryHdr{queryData: addr64(data), queryOp: op, size: size}
	_, err := registerFd(-1, "QUERY", RegisterQuery, unsafe.Pointer(h), 0)
	runtime.KeepAlive(data)
	if err == nil && h.result < 0 {
		err = registerError("QUERY", unix.Errno(-h.result))
	}
	return err
}

// ResizeRings changes the sizes of a live ring with SetupDeferTaskrun and SetupNoSqarray (6.13): entries
// submissions and, with SetupCqsize in flags, cqEntries completions. Without SetupNoSqarray it is refused:
// the kernel (seen on 6.18) does not tell where the new indirection array lies. What is queued or not yet
// taken moves along and must fit (EOVERFLOW otherwise, and the ring stays as it was). Entries and
// completions obtained before may not be touched afterwards.
func (r *Ring) ResizeRings(entries, cqEntries, flags uint32) error {
	if r.closed {
		return ErrClosed
	}
	if entries == 0 || flags&^(SetupCqsize|SetupClamp) != 0 ||
		r.flags&(SetupNoMmap|SetupNoSqarray) != SetupNoSqarray {
		return fmt.Errorf("io_uring: resize to %d entries with flags %#x: %w", entries, flags, ErrArgument)
	}
	r.publish() // the kernel copies what lies between its head and the published tail
	kp := &ioUringParams{sqEntries: entries, cqEntries: cqEntries, flags: flags}
	if err := r.register("RESIZE_RINGS", RegisterResizeRings, unsafe.Pointer(kp), 1); err != nil {
		return err
	}
	kp.flags = r.flags
	old := r.maps
	r.maps = [3]mapping{}
	kp.features = r.features
	err := r.mapRings(kp)
	for _, m := range old {
		if m.addr != nil {
			err = firstError(err, mapErrorOrNil(unix.MunmapPtr(m.addr, m.size)))
		}
	}
	if err != nil {
		return firstError(err, r.Close())
	}
	return nil
}

func mapErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return mapError(err)
}

// RecvmsgOut takes apart a buffer that a multishot recvmsg has filled: buf is what the completion covers
// (Res bytes), nameRoom and controlRoom are msg_namelen and msg_controllen of the request's msghdr. ok is
// false when buf is too short.
func RecvmsgOut(buf []byte, nameRoom, controlRoom int) (
	h RecvmsgOutHdr, name, control, payload []byte, ok bool,
) {
	const size = int(unsafe.Sizeof(h))
	if nameRoom < 0 || controlRoom < 0 || len(buf) < size || len(buf)-size < nameRoom ||
		len(buf)-size-nameRoom < controlRoom {
		return h, nil, nil, nil, false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&h)), size), buf)
	rest := buf[size:]
	name = rest[:min(int(h.Namelen), nameRoom)]
	control = rest[nameRoom:][:min(int(h.Controllen), controlRoom)]
	return h, name, control, rest[nameRoom+controlRoom:], true
}

func timespec(d time.Duration) KernelTimespec {
	return KernelTimespec{Sec: int64(d / time.Second), Nsec: int64(d % time.Second)}
}

// addr64 is an address inside an argument. What p points to is kept off the stack, which may move between
// here and the system call; the caller keeps it alive.
func addr64(p unsafe.Pointer) uint64 {
	if escapeAlways {
		escapeSink.Store(p)
	}
	return uint64(uintptr(p))
}

// Package engine is the contract between the loop and whatever performs I/O: the kernel's io_uring, epoll with
// non-blocking calls, or package net.
//
// An engine performs operations ([Op]) on descriptors ([Desc]). Connections, timers, buffering and protocols exist once,
// above it; everything that differs between kernels exists below it. The contract, for which package enginetest is the
// proof:
//
//   - One goroutine, the loop, calls every method except [Engine.Wake], which anybody may call at any time before
//     Close returns.
//   - Every submitted Op completes exactly once: at once, when [Engine.Submit] returns true, or later, when
//     [Engine.Next] returns it. Failure is a result ([Op.Err]), never a refusal. Until then the Op, its Bufs and the
//     Desc belong to the engine; afterwards the engine keeps no reference to the Op.
//   - No method calls back. Completions are pulled by Next, so whatever reacts to one may submit and cancel freely.
//   - Memory that the kernel may write to is released only after the kernel's terminal completion, whatever was
//     cancelled or closed meanwhile.
//   - A cancelled Recv loses no byte and a cancelled Accept no connection: what arrived stays with the Desc and is the
//     result of the next operation of that code.
//   - What a Desc has received and nobody has asked for is bounded by [Config.UnreadBytes].
//   - When the pool has no buffer a Recv waits for one. Exhaustion is never a result.
package engine

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/unio-go/unio/internal/fileio"
	"github.com/unio-go/unio/mem"
)

// Name is an engine's one spelling: in options, environment, flags, build tags, metrics and tests.
type Name string

// The engines.
const (
	Auto  Name = ""
	Uring Name = "uring"
	Epoll Name = "epoll"
	Std   Name = "std"
	Sim   Name = "sim" // simulated, for tests
)

// ErrCanceled is the result of an operation that Cancel or Close ended.
var ErrCanceled = errors.New("operation canceled")

// ErrAbandoned is the result of an operation on a file that Close ended and the kernel did not, within the limit: the kernel
// has its memory for good, so nobody else may have it. It is an ErrCanceled and a
// [fileio.ErrAbandoned].
var ErrAbandoned = fmt.Errorf("%w, and %w", ErrCanceled, fileio.ErrAbandoned)

// Engine performs operations for one loop.
type Engine interface {
	// Attach takes a socket over and returns its descriptor. On success the socket belongs to the Desc until an Op of
	// code Close completes; on failure it still belongs to the caller.
	Attach(Socket, Kind) (Desc, error)

	// Submit hands over an operation. It never blocks. True: the operation is complete, its results stand in the Op,
	// and Next will not return it. At most one operation of each code may be pending on a Desc.
	Submit(*Op) (done bool)

	// Cancel asks for an early end of a pending operation. The Op still completes exactly once, with ErrCanceled or
	// with the result that won the race. Cancelling an Op that is not pending does nothing.
	Cancel(*Op)

	// Poll submits what is queued and collects completions without sleeping. It reports whether Next has work.
	Poll() (ready bool, err error)

	// Wait is Poll that sleeps until there is work for Next, a Wake, or until d has passed; a negative d means no
	// limit. It enters the kernel's sleep at most once and may return early with nothing (a signal, a spurious wake).
	Wait(d time.Duration) error

	// Next returns a completed operation, or nil when the collected ones are used up.
	Next() *Op

	// Wake ends a running or the next Wait. It is the only method for other goroutines, never blocks, and wakes
	// that come together are one.
	Wake()

	// Caps tells what this engine does differently inside, for the loop's policies and for reports.
	Caps() Caps

	// Counters are updated by the engine as it works and may be read by anybody.
	Counters() *Counters

	// Close cancels what is pending, waits for every terminal completion, closes the descriptors that are left and
	// frees the engine's memory. Operations that were still pending are returned by Next afterwards. When the kernel
	// does not finish within the limit, memory that it may still write to is left allocated for good and an error
	// says so.
	Close(limit time.Duration) error
}

// Batcher is an engine that can hold completions back for a moment, so that more of them share one entry into the
// kernel.
type Batcher interface {
	// PollBatch is Poll that waits until n completions have come or limit has passed, without telling the Go scheduler:
	// a stop-the-world waits as long, so limit is a matter of microseconds. It returns how many completions there are.
	PollBatch(n int, limit time.Duration) (got int, err error)
}

// InPlacer is an engine that can sleep without telling the Go scheduler.
type InPlacer interface {
	// WaitInPlace is Wait that keeps the P: entering and leaving the kernel then costs the scheduler nothing. A
	// stop-the-world waits until a signal has ended the sleep, so d is a matter of milliseconds.
	WaitInPlace(d time.Duration) error
}

// Clock is an engine with a time of its own. What is timed above it (timers, deadlines) is timed by its clock.
type Clock interface {
	// Now is the time, with a monotonic reading. Anybody may call it.
	Now() time.Time
}

// Holder is an engine that may have received before anybody asked.
type Holder interface {
	// Hold has the engine receive nothing for a Desc until the next Recv. It returns how many bytes are there that no
	// Recv has taken, and whether the kernel has stopped; if not, it is called again after the next Poll. No Recv may be
	// pending.
	Hold(Desc) (unread int, held bool)
}

// Inline is an engine that can receive into and send from anybody's memory, at once and on the loop. Much is then copied once, and
// worked on while it is in the caches.
type Inline interface {
	// RecvInto receives what is there into p, which is not empty, or tells how the stream has ended, as a Recv would. With 0 and nil
	// a Recv is to follow, because nothing is there, or what comes goes through buffers: little is expected. None may be pending but one
	// with RecvReady.
	RecvInto(d Desc, p []byte) (n int, err error)
	// RecvNow is recv(2) into p, which is not empty, and nothing else: 0 and nil where nothing is there. Anybody may call it after a Recv with
	// [RecvReady] has completed without a Buf, as long as the Desc is not closed and nothing is submitted that receives.
	RecvNow(d Desc, p []byte) (n int, err error)
	// SendNow is send(2) from p in the same way, while nothing is submitted that sends. Where it fails SendFailed follows, on the loop: a
	// socket tells its error once.
	SendNow(d Desc, p []byte) (n int, err error)
	SendFailed(d Desc, err error)
	// SendFrom sends what the socket takes of p, which is not empty. With less and nil a Send is to follow. None may be pending.
	SendFrom(d Desc, p []byte) (n int, err error)
}

// FileForgetter is an engine that keeps something for the files that its operations name, such as a registration.
type FileForgetter interface {
	// ForgetFile gives it up, on the loop. No operation on the file is pending.
	ForgetFile(*fileio.File)
}

// Limited is an engine that may meet a limit at work, and go on without what it forbids.
type Limited interface {
	// Limits are those met so far, with reason and cure. Anybody may call it.
	Limits() []string
}

// Desc is a descriptor that an engine has taken over. Its state (readiness, armed multishot requests, what was received
// and not yet asked for) is the engine's secret.
type Desc interface {
	// FD is the file descriptor, or -1 where there is none (std).
	FD() int
	// Socket is what was attached, for address and option calls. It remains the engine's.
	Socket() Socket
}

// Traced is a Desc of an engine whose operations are seen from outside of the process, by a trace of the kernel. Anybody
// may call it.
type Traced interface {
	// Trace is the file descriptor and the number under which the kernel knows a pending operation of the descriptor.
	Trace(Code) (fd int, id uint64)
}

// ConnectTracer is an engine that can tell the same of a Connect, which has no Desc. It is called on the loop, while the
// Op is pending.
type ConnectTracer interface {
	TraceConnect(*Op) (fd int, id uint64)
}

// Kind says what a descriptor is.
type Kind uint8

// The kinds of descriptor.
const (
	Stream Kind = iota
	Listener
)

// Socket is a socket outside of any engine: a file descriptor for the engines of the kernel, a net.Conn or
// net.Listener for std. Exactly one of the three is set; FD counts as set when Conn and Listener are nil.
type Socket struct {
	FD       int
	Conn     net.Conn
	Listener net.Listener
}

// Code names an operation.
type Code uint8

// The operations. What an operation reads and which results it sets stands beside it; all set Err.
const (
	// Nop completes.
	Nop Code = iota
	// Accept gives the next connection of a listener: Sock. It is not attached anywhere yet.
	Accept
	// Connect makes a socket and connects it to Addr (a *net.TCPAddr or *net.UnixAddr), bound to Local if that is not
	// nil; Control, if not nil, is called with the descriptor before the connection is made. The Op names no Desc;
	// on success Desc is the new descriptor, attached to this engine. An attempt that fails leaves nothing open.
	Connect
	// Recv gives what has arrived: Buf, never empty, owned by whoever takes the result. The end of the stream is
	// Err == io.EOF and stays so. With How [RecvWhole] it may be much; with [RecvReady] there may be no Buf.
	Recv
	// Send sends all Bufs in order: N counts the bytes that the kernel took, on failure too. The Bufs are not
	// released by the engine; they must live until the completion. With How [SendLast] the end of the stream follows.
	Send
	// Shutdown ends one direction (How is [ShutRead] or [ShutWrite]). It completes at once: Submit returns true.
	Shutdown
	// Close ends every pending operation of the Desc with ErrCanceled, waits until the kernel is done with it, and
	// closes it. Unread data and undelivered connections are dropped. Nothing may be submitted on the Desc afterwards. With How
	// [NoLinger] the socket is not asked for SO_LINGER.
	Close
	// File performs the operation IO on a file, where Caps.Files says that the engine can; else it completes with
	// errors.ErrUnsupported. Its results stand there, Err is the same as IO.Err. The Op names no Desc, and any number of
	// them may be pending. Cancel does nothing: a device is not stopped.
	File
	codeCount
)

var codeNames = [codeCount]string{"nop", "accept", "connect", "recv", "send", "shutdown", "close", "file"}

// String is the lower-case name, as it stands in reports and errors.
func (c Code) String() string {
	if c < codeCount {
		return codeNames[c]
	}
	return "unknown"
}

// Op is one operation. The submitter owns the memory: an Op is part of the thing that waits for it, so that submitting
// allocates nothing.
type Op struct {
	// The order of the fields keeps what a receive touches in one cache line and what a send touches in the next.

	Code Code
	How  uint8 // Shutdown, Send, Recv, Close

	// For the engine, between Submit and completion. The zero value is right for a new Op.
	State uint8
	Seq   uint32

	// Mark is for the loop's statistics.
	Mark uint32

	// Since is the loop's, too: when the operation was submitted, in its own unit; 0: it is not with the engine. Anybody
	// may read it.
	Since uint32

	Desc Desc // all but Connect, which sets it, File and Nop

	// To is for the submitter: whom the loop tells when Next has returned this Op. Engines do not touch it.
	To Completer

	Buf  *mem.Buf // Recv
	Link *Op      // for the engine, as State

	Err  error
	N    int        // Send: bytes taken
	Bufs []*mem.Buf // Send
	Word uint64     // for the engine, as State

	Dial *Dial   // Connect
	Sock *Socket // Accept: where the connection goes

	IO *fileio.Op // File
}

// ShutRead and ShutWrite are How of a Shutdown: the numbers of shutdown(2), which not every system's package syscall has.
const (
	ShutRead  = 0
	ShutWrite = 1
)

// RecvWhole is How of a Recv by somebody who takes all that has come, and not a part of it while the rest stays: it may be BulkBytes
// at once, and with any other How no more than RecvBytes or what a Desc may hold unread.
const RecvWhole = 1

// RecvReady is How of a Recv by somebody who has called [Inline].RecvInto and calls it again: where large pieces are expected it may
// complete without a Buf, as soon as there is something, or the end. Where there is at once, others have their turn before.
const RecvReady = 2

// NoLinger is How of a Close where nobody can have set SO_LINGER, which would have to be known because close(2) may block for it.
const NoLinger = 1

// SendLast is How of a Send behind which the Shutdown of the sending side or the Close follows as soon as it has completed. What
// does not fill a segment may wait for that and go together with the end, which spares a segment and its way through the kernel
// (MSG_MORE, send(2)). Close drops nothing of it.
const SendLast = 1

// FailFile gives an error to a File that has done nothing.
func (op *Op) FailFile(err error) { op.IO.N, op.IO.Err, op.Err = 0, err, err }

// Completer is told about completions by the loop.
type Completer interface{ Complete(*Op) }

// Dial is the input of Connect.
type Dial struct {
	Network string // "tcp", "tcp4", "tcp6" or "unix"
	Addr    net.Addr
	Local   net.Addr
	Control func(fd uintptr) error
}

// Ephemeral reports whether the kernel chooses the local port. Then a connection to itself means that nobody listens there:
// the port happened to be the one that was dialed.
func (d *Dial) Ephemeral() bool {
	a, ok := d.Local.(*net.TCPAddr)
	return !ok || a == nil || a.Port == 0
}

// Config is what every engine's constructor takes.
type Config struct {
	// Pool gives receive buffers.
	Pool *mem.Pool
	// UnreadBytes bounds what one Desc may hold unread. 0 means [UnreadBytesDefault].
	UnreadBytes int
	// Netpoll makes Wait sleep in the Go runtime's network poller, for a loop that is an ordinary goroutine. Without
	// it the loop is locked to its thread, New is called on that thread, and Wait sleeps in the kernel.
	Netpoll bool
	// SQPoll has a thread of the kernel look for submissions, for a locked loop on uring. Others refuse it.
	SQPoll bool
}

// UnreadBytesDefault bounds what a connection holds that nobody has read: large enough for a burst, small enough that
// ten thousand slow readers are 640 MB at worst and not all of memory.
const UnreadBytesDefault = 64 << 10

// Caps describes an engine to the loop.
type Caps struct {
	Name Name
	// SendsInline: Submit of a Send enters the kernel at once. The loop then flushes connections every few completions,
	// while the buffers are hot; otherwise at the end of the turn, so that sends share one entry.
	SendsInline bool
	// Files: the engine performs File.
	Files bool
	// Features are the kernel's abilities in use, for Report.
	Features []string
	// Avoided are the kernel defects that are being worked around, for Report.
	Avoided []string
}

// Counters are cumulative. The engine is their only writer.
type Counters struct {
	Enters     atomic.Uint64 // entries into the kernel for I/O, sleeping or not
	Ops        atomic.Uint64 // operations completed
	Multishots atomic.Int64  // multishot requests armed now
	Rearms     atomic.Uint64 // multishot requests armed again after they had ended
	NoBuffers  atomic.Uint64 // times that a receive had to wait for a buffer
	Files      atomic.Uint64 // operations on files completed
	Fixed      atomic.Uint64 // operations on files with registered memory
	Copied     atomic.Uint64 // small pieces copied out of large buffers because buffers were scarce
	Descs      atomic.Int64  // descriptors attached now
	Pending    atomic.Int64  // operations that the kernel still has, multishots included
}

// Bump adds n to a counter of which the caller is the only writer, without a locked instruction's read-modify-write.
func Bump(c *atomic.Uint64, n uint64) { c.Store(c.Load() + n) }

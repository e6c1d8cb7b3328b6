package unio

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// Engine names what performs I/O. There is one spelling everywhere: here, in UNIO_ENGINE, in flags, build tags, JSON and
// metrics.
type Engine string

// The engines. Auto chooses by trying. Sim simulates a network for tests and is part of a program only if that imports
// package uniotest.
const (
	Auto  = Engine(engine.Auto)
	Uring = Engine(engine.Uring)
	Epoll = Engine(engine.Epoll)
	Std   = Engine(engine.Std)
	Sim   = Engine(engine.Sim)
)

// Options are the settings of a [Runtime]. The zero value of each field means its default; a nil *Options is good.
type Options struct {
	// Engine is the engine to use. An engine that cannot work here is an error of New. Auto asks the environment
	// variable UNIO_ENGINE and, where that says nothing either, takes the first of uring, epoll and std that works.
	Engine Engine

	// Loops is the number of loops for handlers and tasks, each with a thread, at most 1024. 0 means runtime.GOMAXPROCS(0),
	// which unio never changes.
	Loops int

	// Pin binds the thread of each loop to one CPU of those that the process might use when it began, in order.
	Pin bool

	// BufBytes limits the memory of the buffer pool, in bytes, from 4096 to 1 TiB. 0 means 256 MiB, of which only what is
	// used becomes resident. When it is used up, receiving waits for a release. With less than 1 MiB no buffer is larger than
	// the largest power of two within it.
	BufBytes int64

	// UnreadBytes bounds what one connection may have received that nobody has read, in bytes; the peer feels the
	// rest as back-pressure. 0 means 64 KiB: room for a burst, and ten thousand connections that nobody reads are
	// 640 MB at worst.
	UnreadBytes int

	// StallLimit is how long one task may hold its loop before callers from outside get ErrStalled and the log names
	// the task. 0 means 10 s; a negative value turns the watchdog off.
	StallLimit time.Duration

	// NoBatchWait turns off the wait for further completions under load. It applies to uring, where a busy loop may
	// hold completions back for at most 60 us so that more of them share one entry into the kernel.
	NoBatchWait bool

	// WaitInPlace lets a loop that was busy within the last 100 ms sleep in the kernel without telling the Go scheduler,
	// for 5 ms at a time. Where little is to do a message then costs less: a tenth of it on a single connection. Each loop
	// holds a P meanwhile, and a stop-the-world of the garbage collector interrupts the sleep by a signal. It is for a program
	// whose work is in its loops. It applies to uring and epoll; with GOMAXPROCS not above Loops New refuses it.
	WaitInPlace bool

	// SQPoll has a thread of the kernel for each loop look for what the loop submits (IORING_SETUP_SQPOLL,
	// io_uring_setup(2)), so that a busy loop hardly ever enters the kernel. That thread keeps a CPU busy while there is
	// work and for 10 ms after it: it wants as many CPUs again as there are loops. It is for latency and not for CPU; where
	// the two share one, bench echo mostly saw one and a half times the CPU for each message, and at one connection half to two
	// thirds of the median latency and a p99.9 of milliseconds. It needs the uring engine, any other is refused by New;
	// connections of goroutines are served without it.
	SQPoll bool

	// HugePages has the kernel back the buffer pool and the Go heap by huge pages, transparent_hugepage=always or madvise. The heap
	// is that of the whole process, from the first runtime that wants it on, as it grows; what is there becomes huge within
	// seconds. A server with some hundred connections then needs a tenth to a fifth less CPU, since what belongs to a connection
	// lies on fewer pages than the processor's translation buffers hold. It costs up to 2 MiB of memory for each part of the heap
	// that the program uses a little of, and the Go runtime gives less of an unused heap back. New fails with
	// errors.ErrUnsupported where the kernel gives none.
	HugePages bool

	// Logger hears of panics in handlers, of stalls and of failing engines. nil means slog.Default(). A loop waits for
	// what its handler waits for; package uniolog has a handler that waits for nothing.
	Logger *slog.Logger
}

const (
	stallLimitDefault = 10 * time.Second
	loopsMax          = 1024    // Go ends a program with more than 10000 threads
	bufBytesMax       = 1 << 40 // the most that package mem takes
)

// withDefaults returns a copy with every default filled in, or says which field is wrong.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	switch {
	case out.Loops < 0 || out.Loops > loopsMax:
		return out, fmt.Errorf("unio: Options.Loops is %d: it is a number of threads up to %d, 0 for the default", out.Loops, loopsMax)
	case out.UnreadBytes < 0:
		return out, fmt.Errorf("unio: Options.UnreadBytes is %d: it is a size in bytes, 0 for the default", out.UnreadBytes)
	case out.BufBytes != 0 && (out.BufBytes < mem.PageBytes || out.BufBytes > bufBytesMax):
		return out, fmt.Errorf("unio: Options.BufBytes is %d: it is a size in bytes from %d to %d, 0 for the default",
			out.BufBytes, mem.PageBytes, int64(bufBytesMax))
	}
	if out.Loops == 0 {
		out.Loops = runtime.GOMAXPROCS(0)
	}
	if ps := runtime.GOMAXPROCS(0); out.WaitInPlace && ps <= out.Loops {
		return out, fmt.Errorf("unio: Options.WaitInPlace with %d loops and GOMAXPROCS %d: goroutines would wait for loops that "+
			"sleep: call runtime.GOMAXPROCS(%d) before New", out.Loops, ps, out.Loops+1)
	}
	if out.StallLimit == 0 {
		out.StallLimit = stallLimitDefault
	}
	if out.Logger == nil {
		out.Logger = slog.Default()
	}
	return out, nil
}

// Package unio is one I/O interface for sockets and files over io_uring, epoll and plain goroutines. The same straight-line
// code runs on each of them: the engine is chosen when a [Runtime] is made, by trying, and [Runtime.Report] tells which and
// why.
//
// # Handlers, tasks and goroutines
//
// A handler given to [Listener.Serve] runs as a task: straight-line code in a coroutine on a loop, a thread of its own
// with its own engine. Waiting in Recv, Send, Read, Write, Dial, [Sleep], [Mutex.Lock], [Chan.Recv] or [Group.Wait] parks
// the task and costs no switch of the Go scheduler. Everything in this package may also be called from any goroutine,
// which blocks instead; there is one kind of [Conn].
//
// A task must not block in other ways: a mutex that is held elsewhere, a channel, time.Sleep or a computation of
// milliseconds holds every connection of its loop. [Mutex], [Chan] and [Group] are for tasks what sync.Mutex, channels
// and errgroup are for goroutines, and work between both. [Offload] runs such code on a goroutine while the task is parked. A
// goroutine that waits for a loop which a task holds longer than Options.StallLimit gets [ErrStalled], and the
// log says which task it was. In the same way these rules hold in a task:
//
//   - runtime.LockOSThread must be undone before the next call that waits, and a call from C (a cgo callback) must not
//     wait: the Go runtime ends the process otherwise.
//   - A coroutine that the handler makes itself (iter.Pull) may use a Conn only where nothing has to wait; else it gets
//     an error.
//   - A panic closes the connection and is logged; the loop goes on. runtime.Goexit ends the task alone.
//
// # Buffers
//
// What is received stands in buffers that belong to the runtime, not to Go's heap (package mem). [Conn.Recv] gives one
// and the caller releases it, or passes it on: [Conn.Send] takes buffers over. Read and Write copy, as everywhere; where it is
// much only the kernel does.
//
// # Files
//
// A [File] is read and written at positions by any number of tasks and goroutines at once ([File.ReadAt], [File.ReadBuf],
// [Runtime.ReadBatch]), without a thread for each call and without holding a loop. A task's operations go through the ring
// that its sockets use, goroutines share one ring, and where there is no ring a bounded set of threads does the same. What
// the page cache has is read at once. [File.Append] makes the records of many writers durable with one sync. A buffer that
// was received can be written to a file, and one that was read be sent, without a copy. [Runtime.FS] is a tree of such files as
// a vfs.FS, which storage engines are written against. [Runtime.Map] maps a file, and [Mapping.Populate] brings in what is going
// to be touched: a page fault would hold the scheduler's P, or the loop.
//
// # Choosing the engine
//
// Options.Engine decides; else the environment variable UNIO_ENGINE (uring, epoll or std); else the best that works
// here. A wish that cannot be met is an error with the reason and the cure; only silence falls back. The build tags
// unio_nouring and unio_noepoll leave an engine out of the binary.
package unio

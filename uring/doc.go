// Package uring is Linux's io_uring without cgo: the rings, the entries, every operation and every
// registration, and nothing on top of them. It imports golang.org/x/sys/unix and the standard library and
// can be used alone.
//
// # Names
//
// A constant is the kernel's name without its IORING_, IO_URING_ or IOU_ prefix (IOSQE_ becomes Sqe), each
// word capitalised: IORING_SETUP_SINGLE_ISSUER is [SetupSingleIssuer], IORING_OP_SEND_ZC is [OpSendZc]. The
// kernel's own spelling stands beside each constant, so that both spellings can be searched for, and names
// the kernel that brought it. An entry is filled by the Prep method with the name that liburing gives it:
// io_uring_prep_multishot_accept is [SQE.PrepMultishotAccept].
//
// # Memory
//
// The kernel keeps addresses, not references. Memory that an entry names must stay where it is and stay
// allocated until the terminal completion (the first one without [CqeFMore], for zero-copy sends the one
// with [CqeFNotif]), whatever happens to the request meanwhile: a cancelled operation may still complete,
// and closing a descriptor ends nothing. [Addr] and [AddrOf] give the address of Go memory and keep it off
// the stack, which moves; keeping it reachable (for example with runtime.KeepAlive after the completion) is
// the caller's part. Memory made by mmap is simpler and safer. What the kernel copies when it takes the
// entry (timespecs, iovec arrays, msghdrs, socket addresses of connect and send, paths) must live until the
// entry has been consumed: see [Ring.Pending].
//
// # Threads
//
// A Ring is not safe for concurrent use: all its methods belong to one goroutine at a time. A ring made
// with [SetupSingleIssuer] or [SetupDeferTaskrun] belongs to one thread: the one that called [New], or with
// [SetupRDisabled] the one that called [Ring.Enable]. Lock the goroutine with runtime.LockOSThread first,
// and do not let it end before the ring is drained. From any other thread every registration and every enter
// that submits fails with EEXIST, and with [SetupDeferTaskrun] every enter. Only messages (OpMsgRing,
// [SendMsgRing]) and [Ring.Close] may come from elsewhere, and with SetupSingleIssuer alone
// [Ring.PollCompletions].
//
// # Errors
//
// System calls fail with an [*Error], which wraps the errno: errors.Is(err, unix.EAGAIN) works. The errors
// of the enter methods that are part of normal life are made once ([ErrInterrupted], [ErrAgain], [ErrBusy],
// [ErrTimeout]) and can be compared. None of them loses an entry: what the kernel has not taken stays
// queued and goes with the next enter.
//
// # Choosing
//
// What a kernel can do is found out by doing it: see [Feature.Probe]. Versions stand in the tables for
// people. [Diagnose] says why a ring cannot be made and what would cure it. [Defects] lists what is known
// to be broken in which kernels.
package uring

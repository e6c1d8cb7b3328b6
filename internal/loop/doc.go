// Package loop turns an engine into a place where straight-line code runs.
//
// A [Loop] is one goroutine with one engine, its timers, a mailbox for everybody else, and any number of tasks. A
// [Task] is straight-line code in a coroutine: when it waits, the loop resumes another. A loop for tasks is locked to its
// thread and sleeps in the kernel; a loop that only other goroutines use (Config.Shared) is an ordinary goroutine that
// sleeps in the Go runtime's network poller, which spares two thread switches a wake-up and has no tasks.
//
// Rules, each with its test:
//
//   - What belongs to a loop is touched by its goroutine and its tasks only. Everybody else sends mail ([Loop.Post])
//     and waits with a [Waiter].
//   - A task parks only when it has been proved that the caller runs on the task's own coroutine ([Current], [Loop.Here]):
//     a switch from any other goroutine would end the process.
//   - A coroutine that a task made itself shares the thread with its loop. It may do what completes at once; where it
//     would have to wait it gets [ErrCoroutine].
//   - Completions are pulled and handed to whoever waits one by one; what they make ready runs from the loop, never
//     from inside the engine.
//   - A goroutine that waits for a loop which one task holds longer than the stall limit gets a [StallError].
package loop

// Package simengine is an engine without a kernel: connections, listeners and the clock are simulated, and a seed decides
// what goes wrong. It is for tests alone, which reach it through package uniotest.
//
// A [World] is one network with one clock. Engines made by it perform operations on its sockets, which are a net.Conn and
// a net.Listener too, so that ordinary goroutines can be peers. There are two kinds of world:
//
//   - In real time (the zero [Options]) delays are waited for, and goroutines may do what they like. What happens depends
//     on them too, not on the seed alone.
//   - With Options.Virtual time passes only when every engine sleeps, and then jumps to what comes next. One engine runs
//     at a time: the baton goes to another in Wait, and now and then in Poll. As long as nothing but the loops' own tasks
//     uses the world, a seed decides everything, on several loops too. Goroutines may take part, at the price of that.
//
// The faults are those that a kernel may produce within the contract of package engine, counted by operation in [Counts]:
// a completion that comes late, or before one that was ready earlier; a receive that gives less than is there, a send
// that is taken in parts; an operation that fails; a cancel, or a close, that meets an operation which has succeeded
// already; a reset from the network; a receive that finds no buffer. Some completions are immediate, some sends inline,
// some descriptors read ahead as a multishot receive does: the seed decides.
//
// A completion that comes twice is not among them. The contract says exactly once, no layer above could work without it,
// and to tolerate it would hide it: it is a defect of an engine, which a build tag plants here (package planted) so that
// tests can show that it would be found.
package simengine

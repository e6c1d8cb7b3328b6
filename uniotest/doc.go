// Package uniotest helps to test programs that use unio: it runs a test on each engine of the build, and finds what a
// test leaves behind.
//
//	func TestServer(t *testing.T) {
//		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
//			ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
//			...
//		})
//	}
//
// Leaks are goroutines, tasks, descriptors, buffers and operations that are there after a test and were not before it.
// Buffers and goroutines are reported with the stack that made them; a buffer's is known under -race or -tags uniodebug
// only.
//
// A scenario may also be run on a simulated network, with a simulated clock, under many seeds that decide what goes wrong:
//
//	func TestTransfer(t *testing.T) {
//		uniotest.Simulate(t, func(s *uniotest.Sim) {
//			ln, err := s.Runtime().Listen("tcp", "10.0.0.1:80", nil)
//			...
//		})
//	}
//
// The seed that fails is printed, and run again with UNIO_SEED set to it.
//
// What belongs to the process (goroutines and descriptors) cannot be told apart between tests that run at the same time,
// so a test that is checked for leaks must not call t.Parallel.
package uniotest

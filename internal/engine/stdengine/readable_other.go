//go:build !unix

package stdengine

import "syscall"

// waitReadable waits until a read of a stream socket would give something. On Windows a RawConn waits by
// a receive of no bytes when its function says that it is not ready; elsewhere it does not wait at all,
// and the read does.
func waitReadable(raw syscall.RawConn) error {
	waited := false
	return raw.Read(func(uintptr) bool {
		was := waited
		waited = true
		return was
	})
}

// takesNothing is not known without sending.
func takesNothing(syscall.RawConn) bool { return false }

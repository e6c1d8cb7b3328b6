package sys

import "syscall"

// sysThreadSelfID is SYS_thread_selfid of <sys/syscall.h>.
const sysThreadSelfID = 372

// Gettid is the identity of the calling thread, 0 where it is not known. It means something only to a
// goroutine that is locked to its thread.
func Gettid() int {
	id, _, errno := syscall.RawSyscall(sysThreadSelfID, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(id)
}

//go:build linux && !unio_nouring

package ringfile

import (
	"github.com/unio-go/unio/internal/sys"
	"github.com/unio-go/unio/uring"
)

// OpenFiles makes a ring's table of registered files, all empty, and gives its size: at most most, and 0 where the kernel gives none. Why
// is told to note.
func OpenFiles(r *uring.Ring, most uint32, note func(what string, err error)) uint32 {
	if l, err := sys.FileLimit(); err == nil {
		most = uint32(min(uint64(most), l.Cur)) // the kernel makes no larger table
	}
	if err := r.RegisterFilesSparse(most); err != nil {
		note("files are not registered", err)
		return 0
	}
	return most
}

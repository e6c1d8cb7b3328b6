//go:build !linux

package tree

import (
	"os"

	"github.com/unio-go/unio/internal/vfscheck"
)

// List reads a directory from its first name to its last. One goroutine may use it at a time. It keeps nothing that had to be
// closed.
type List struct{ dir *os.File }

// NewList begins to read a directory that has been opened.
func NewList(dir *os.File) *List { return &List{dir: dir} }

// Next gives the next n names at most and io.EOF when there are no more, or if n is not positive all that are left; "." and
// ".." are not among them. With another error come the names before it.
func (l *List) Next(n int) (all []Entry, err error) {
	found, err := l.dir.ReadDir(n)
	for _, e := range found {
		all = append(all, Entry{e.Name(), e.Type()})
	}
	return all, vfscheck.Cause(err)
}

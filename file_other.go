//go:build !linux

package unio

import (
	"errors"
	"os"

	"github.com/unio-go/unio/internal/vfscheck"
)

// optionFlag refuses the options, which are for Linux.
func optionFlag(o FileOptions) (int, error) {
	if o != (FileOptions{}) {
		return 0, vfscheck.Unsupported("the options Direct and Random are for Linux: leave them out")
	}
	return 0, nil
}

func explainOpen(err error, _ FileOptions) error { return err }

// probe has nothing to find out: threads do everything.
func (f *File) probe(FileOptions) error {
	f.io.FD = -1
	f.mode = modeBlocking
	return nil
}

func (f *File) readCached([]byte, int64) (n int, err error, done bool) { return 0, nil, false }

func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

func advise(*os.File, int64, int64, Advice) error { return errors.ErrUnsupported }

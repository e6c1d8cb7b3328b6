//go:build !linux

package unio

import (
	"errors"
	"fmt"
	"os"
)

func directFlag(direct bool) (int, error) {
	if direct {
		return 0, fmt.Errorf("FileOptions.Direct is for Linux: %w", errors.ErrUnsupported)
	}
	return 0, nil
}

func explainOpen(err error, _ bool) error { return err }

// probe has nothing to find out: threads do everything.
func (f *File) probe(FileOptions) error {
	f.io.FD = -1
	f.mode = modeBlocking
	return nil
}

func (f *File) readCached([]byte, int64) (n int, err error, done bool) { return 0, nil, false }

func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

func advise(*os.File, int64, int64, Advice) error { return errors.ErrUnsupported }

//go:build !linux

package osfs

import (
	"github.com/unio-go/unio/internal/vfscheck"
	"github.com/unio-go/unio/vfs"
)

// optionFlag refuses the options, which are for Linux.
func optionFlag(o vfs.Options) (int, error) {
	if o != (vfs.Options{}) {
		return 0, vfscheck.Unsupported("Options.Direct and Options.Random are for Linux: leave them out")
	}
	return 0, nil
}

func explainOpen(err error, _ vfs.Options) error { return err }

func (f *regular) setOptions(vfs.Options) error { return nil }

package certs

import (
	"os"
	"time"
)

// settleTime is how old a file has to be for its time of change to be trusted: a file that is written twice within the
// resolution of that time looks the same, so until then it is read at each look.
const settleTime = 2 * time.Second

// file is a file that is read again when it changes.
type file struct {
	name string
	info os.FileInfo // of what was read last; nil: there was none, or it was too young
}

// look reports whether the file may have changed since it was read. Symbolic links are followed.
func (f *file) look() (info os.FileInfo, changed bool, err error) {
	info, err = os.Stat(f.name)
	if err != nil {
		f.info = nil
		return nil, true, err
	}
	old := f.info
	same := old != nil && os.SameFile(old, info) && old.Size() == info.Size() && old.ModTime().Equal(info.ModTime())
	return info, !same, nil
}

// read reads the file, and remembers what look has found before.
func (f *file) read(info os.FileInfo) ([]byte, error) {
	f.info = nil
	text, err := os.ReadFile(f.name)
	if err == nil && time.Since(info.ModTime()) > settleTime {
		f.info = info
	}
	return text, err
}

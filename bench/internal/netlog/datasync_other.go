//go:build !linux

package netlog

import "os"

func datasync(f *os.File) error { return f.Sync() }

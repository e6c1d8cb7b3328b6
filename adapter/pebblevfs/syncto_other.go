//go:build !linux

package pebblevfs

import (
	pebble "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio/vfs"
)

// newFile is f as Pebble's.
func newFile(f vfs.File, name string) pebble.File { return &file{f, name} }

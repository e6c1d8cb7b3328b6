//go:build !linux

package accesslog

import "os"

// file is what lines are appended to.
type file struct{ *os.File }

//go:build !linux

package tree

import "testing"

// eachWay runs fn on a directory that is empty, each way that names are resolved in this system.
func eachWay(t *testing.T, fn func(t *testing.T, d *Dir, dir string)) {
	dir := t.TempDir()
	d, err := Open(dir)
	must(t, err)
	defer d.Close()
	fn(t, d, dir)
}

package pebblevfs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// ownTests are Pebble's tests of package vfs that use what they are given as vfs.Default. Left out are those of its file system
// in memory and of its wrappers (errors injected, disks that are slow or full), which are about themselves.
var ownTests = []string{"TestVFS", "TestVFSGetDiskUsage", "TestVFSCreateLinkSemantics", "TestVFSRootDirName", "TestFileWrappersHaveFd",
	"TestSyncingFile", "TestSyncingFileClose", "TestSyncingFileNoSyncOnClose", "TestLock", "TestLockSameProcess"}

// ownTestsInMemory are those that need no file of the operating system: no descriptor, no directory that os.MkdirTemp has made,
// no lock that another process sees. TestVFSInMemory is TestVFS without such a directory.
var ownTestsInMemory = []string{"TestVFSInMemory", "TestVFSCreateLinkSemantics", "TestVFSRootDirName", "TestSyncingFile",
	"TestLockSameProcess"}

// Pebble's own tests of its package vfs pass on the adapter. They are copied from the module as it was fetched into a directory
// for the time of the test, with two files of ours among them, of which one puts the adapter in the place of vfs.Default.
func TestPebblesOwnTests(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("lacks: names that begin at a root, which Pebble's tests of directories on disk need")
	}
	dir := copyPebble(t)
	binary := filepath.Join(dir, "vfs.test")
	cmd := exec.Command("go", "test", "-c", "-o", binary, "./vfs")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) {
			s.open(t, t.TempDir()) // or what it lacks
			tests := ownTests
			if s.memory {
				tests = ownTestsInMemory
			}
			cmd := exec.Command(binary, "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
			cmd.Dir = filepath.Join(dir, "vfs")
			cmd.Env = append(os.Environ(), "UNIO_PEBBLE_FS="+s.name, "TMPDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, test := range tests {
				if !bytes.Contains(out, []byte("--- PASS: "+test+" ")) {
					t.Errorf("%s has not passed:\n%s", test, out)
				}
			}
		})
	}
}

// copyPebble copies what Pebble's package vfs and its tests need, adds our files, and joins it with our modules in a workspace.
func copyPebble(t *testing.T) (dir string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cockroachdb/pebble/v2").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	from := os.DirFS(strings.TrimSpace(string(out)))
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string][]byte{
		"go.mod": readFile(t, from, "go.mod"), "go.sum": readFile(t, from, "go.sum"),
		"go.work": fmt.Appendf(nil, "go 1.26.0\n\nuse (\n\t%q\n\t%q\n\t%q\n)\n", dir, root, filepath.Join(root, "adapter/pebblevfs")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range []string{"vfs", "internal"} {
		below, err := fs.Sub(from, part)
		if err == nil {
			err = os.CopyFS(filepath.Join(dir, part), below)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ours := os.DirFS("testdata/overlay")
	for _, name := range []string{"inside_test.go", "outside_test.go"} {
		if err := os.WriteFile(filepath.Join(dir, "vfs", "unio_"+name), readFile(t, ours, name+".txt"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readFile(t *testing.T, fsys fs.FS, name string) []byte {
	t.Helper()
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

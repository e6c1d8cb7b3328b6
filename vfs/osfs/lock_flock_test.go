//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package osfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/osfs"
)

const lockDirVariable = "OSFS_TEST_LOCK_DIR"

// TestLockIsOfEveryProcess: a lock that another process holds is told, and is gone with the process, however it ends.
func TestLockIsOfEveryProcess(t *testing.T) {
	dir := os.Getenv(lockDirVariable)
	if dir != "" {
		holdLock(t, dir)
		return
	}
	dir = t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockIsOfEveryProcess$")
	child.Env = append(os.Environ(), lockDirVariable+"="+dir)
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := child.StdinPipe() // it ends when this process does
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	fsys := newFS(t, dir)
	if line != "locked\n" || err != nil {
		t.Errorf("the other process says %q, %v", line, err)
	} else if _, err := vfs.Lock(fsys, "lock"); !errors.Is(err, vfs.ErrLocked) || !errors.Is(err, syscall.EWOULDBLOCK) ||
		!strings.HasSuffix(err.Error(), vfs.ErrLocked.Error()) {
		t.Errorf("Lock of what another process has: %v, want vfs.ErrLocked by its text", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	child.Wait()
	l, err := vfs.Lock(fsys, "lock")
	if err != nil {
		t.Fatalf("Lock of what another process had that was killed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// holdLock is the other process: it has the lock until its input ends or it is killed.
func holdLock(t *testing.T, dir string) {
	fsys, err := osfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vfs.Lock(fsys, "lock"); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	os.Stdin.Read(make([]byte, 1))
}

//go:build linux && !unio_nouring

package uringengine

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/internal/sandbox"
	"github.com/unio-go/unio/mem"
)

// forbidEnv tells a child process which system call to forbid itself, and with which error: "427 1".
const forbidEnv = "UNIO_TEST_FORBID"

// TestSeccompIsTold: sandboxes forbid one, two or all of io_uring's calls, with EPERM or EACCES (systemd has a setting for
// it) or as if they did not exist. Each of that must be found before an engine is chosen, and be called by its name.
func TestSeccompIsTold(t *testing.T) {
	if err := Available(); err != nil {
		t.Skipf("this machine has no io_uring: %v", err)
	}
	for name, number := range map[string]int{
		"setup":    unix.SYS_IO_URING_SETUP,
		"enter":    unix.SYS_IO_URING_ENTER,
		"register": unix.SYS_IO_URING_REGISTER,
	} {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSYS} {
			if name == "register" && errno == syscall.EACCES {
				continue // the kernel's own answer to what a ring may not register
			}
			t.Run(fmt.Sprintf("%s/%d", name, int(errno)), func(t *testing.T) {
				cmd := exec.Command(os.Args[0], "-test.run=^TestSeccompChild$", "-test.v")
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", forbidEnv, number, int(errno)))
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				switch text := string(out); {
				case strings.Contains(text, "no filter:"):
					t.Skipf("lacks: a kernel that takes seccomp filters: %s", text)
				case !strings.Contains(text, "seccomp profile"): // the file's name holds the one word
					t.Errorf("the reason does not name seccomp:\n%s", text)
				}
			})
		}
	}
}

// TestSeccompChild is the process that TestSeccompIsTold starts.
func TestSeccompChild(t *testing.T) {
	number, errno, ok := strings.Cut(os.Getenv(forbidEnv), " ")
	if !ok {
		return // nobody has asked
	}
	if err := forbid(number, errno); err != nil {
		t.Logf("no filter: %v", err)
		return
	}
	err := Available()
	if err == nil {
		t.Fatal("Available finds nothing wrong")
	}
	t.Log(err)
	pool, perr := mem.NewPool(nil)
	if perr != nil {
		t.Fatal(perr)
	}
	if _, err := New(engine.Config{Pool: pool}); err == nil {
		t.Error("New made an engine")
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// forbid has a system call fail in all threads of the process, for good.
func forbid(number, errno string) error {
	nr, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	e, err := strconv.Atoi(errno)
	if err != nil {
		return err
	}
	return sandbox.Forbid(nr, syscall.Errno(e))
}

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be a child that answers by what it is told.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != "child" {
		os.Exit(m.Run())
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "fail":
			fmt.Fprint(os.Stderr, "\nit hurts\nvery much\n")
			os.Exit(3)
		case "silence":
			select {}
		default:
			fmt.Println("heard", lines.Text())
		}
	}
}

func begin(t *testing.T) *Process {
	t.Helper()
	p, err := Start(exec.Command(os.Args[0], "child"), 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	fmt.Fprintln(p, "hello")
	if line, err := p.Line(20 * time.Second); line != "heard hello" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return p
}

func TestAChildEndsWithItsInput(t *testing.T) {
	p := begin(t)
	if p.PID() == os.Getpid() || p.PID() <= 0 {
		t.Errorf("process %d", p.PID())
	}
	for range 2 {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := p.Failure(io.EOF); err != io.EOF {
		t.Errorf("a child without a complaint: %v", err)
	}
}

// What a child wrote before it died is there, however soon it is asked for; so is how it ended, again and again.
func TestTheComplaintOfADeadChildIsWhole(t *testing.T) {
	p := begin(t)
	fmt.Fprintln(p, "fail")
	_, err := p.Line(20 * time.Second)
	if err = p.Failure(err); !errors.Is(err, io.EOF) || !strings.HasSuffix(err.Error(), ": it hurts") {
		t.Error(err)
	}
	for range 2 {
		var exit *exec.ExitError
		if err := p.Stop(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Error(err)
		}
	}
}

func TestASilentChildIsKilled(t *testing.T) {
	p := begin(t)
	fmt.Fprintln(p, "silence")
	if line, err := p.Line(time.Millisecond); err != io.EOF {
		t.Errorf("%q, %v", line, err)
	}
	if err := p.Stop(); err == nil {
		t.Error("it ended well")
	}
}

func TestAChildThatDoesNotEndIsKilled(t *testing.T) {
	p := begin(t)
	p.limit = time.Millisecond
	fmt.Fprintln(p, "silence")
	if err := p.Stop(); err == nil {
		t.Error("it ended well")
	}
}

func TestAProgramThatIsNone(t *testing.T) {
	if _, err := Start(exec.Command(filepath.Join(t.TempDir(), "nowhere")), time.Second); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

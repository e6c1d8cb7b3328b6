package host

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// PinVerb is the hidden command by which a bench binary starts a process on one CPU: it binds itself and then
// becomes the program (execve keeps the binding). Binding after the start would be too late for a Go program,
// whose threads exist by then and which has counted its CPUs.
const PinVerb = "__pin"

// Command prepares a child on one CPU, in a session of its own, that dies with the thread that starts it: the
// caller's goroutine stays locked to its thread for as long as it has children (PR_SET_PDEATHSIG in
// prctl(2) speaks of the parent's thread).
func Command(self string, cpu int, prog string, args ...string) *exec.Cmd {
	cmd := exec.Command(self, append([]string{PinVerb, strconv.Itoa(cpu), prog}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	return cmd
}

// BecomePinned performs PinVerb. args are CPU, program and its arguments. It returns only on failure.
func BecomePinned(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%s: want CPU and program", PinVerb)
	}
	cpu, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", PinVerb, err)
	}
	runtime.LockOSThread()
	if _, err := PinThread(cpu); err != nil {
		return err
	}
	quiet()
	if _, err := RaiseFileLimit(); err != nil {
		return err
	}
	return os.NewSyscallError("execve", syscall.Exec(args[1], args[1:], os.Environ()))
}

// quiet asks for the least disturbance. A session is an autogroup, and nice values compare only within one,
// so the group itself takes the highest weight (sched(7)). It needs a privilege and is only a wish.
func quiet() {
	_ = os.WriteFile("/proc/self/autogroup", []byte("-20"), 0)
}

// RaiseFileLimit sets the soft limit of open files to the hard one and returns it. A limit that a program
// sets itself is inherited by the programs it starts, while the one that the Go runtime raises is not.
func RaiseFileLimit() (uint64, error) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	lim.Cur = lim.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, os.NewSyscallError("setrlimit", err)
	}
	return lim.Cur, nil
}

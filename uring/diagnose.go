//go:build linux

package uring

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Obstacle is what keeps a ring from being made.
type Obstacle string

// The obstacles that Diagnose tells apart.
const (
	ObstacleNone     Obstacle = ""
	ObstacleKernel   Obstacle = "kernel"     // too old, or built without io_uring
	ObstacleSysctl   Obstacle = "sysctl"     // kernel.io_uring_disabled
	ObstacleSeccomp  Obstacle = "seccomp"    // a container's profile
	ObstacleGVisor   Obstacle = "gvisor"     // a sandbox that is its own kernel
	ObstacleSecurity Obstacle = "lsm"        // SELinux, AppArmor, or a missing privilege
	ObstacleMemlock  Obstacle = "memlock"    // RLIMIT_MEMLOCK
	ObstacleMemory   Obstacle = "memory"     // out of memory, or a memory cgroup's limit
	ObstacleFiles    Obstacle = "files"      // RLIMIT_NOFILE or the system's limit
	ObstacleFlags    Obstacle = "flags"      // the kernel does not know what was asked for, or not together
	ObstaclePolicy   Obstacle = "restricted" // restrictions of the ring or the task
	ObstacleUnknown  Obstacle = "unknown"
)

// Diagnosis says why a ring cannot be made and what would cure it, in words for the person who runs the
// program.
type Diagnosis struct {
	Obstacle Obstacle
	Reason   string
	Cure     string // empty where there is none
}

// String is reason and cure in one line.
func (d Diagnosis) String() string {
	if d.Cure == "" {
		return d.Reason
	}
	return d.Reason + "; " + d.Cure
}

// Evidence is what a diagnosis rests on besides the error. GatherEvidence fills it from the running system.
type Evidence struct {
	Release     string // uname -r
	ProcVersion string // /proc/version
	Disabled    int    // kernel.io_uring_disabled, or -1 where it does not exist
	Group       int    // kernel.io_uring_group, or -1
	Seccomp     int    // the mode in /proc/self/status: 0 off, 2 filter; -1 unknown
	Memlock     uint64 // RLIMIT_MEMLOCK in bytes; ^uint64(0): no limit
	IPCLock     bool   // CAP_IPC_LOCK, which frees from RLIMIT_MEMLOCK (in the initial user namespace only)
}

// GatherEvidence reads the running system. What cannot be read is marked as unknown.
func GatherEvidence() Evidence {
	e := Evidence{
		Release:  KernelRelease(),
		Disabled: readInt("/proc/sys/kernel/io_uring_disabled"),
		Group:    readInt("/proc/sys/kernel/io_uring_group"),
		Seccomp:  -1,
		Memlock:  ^uint64(0),
	}
	if b, err := os.ReadFile("/proc/self/status"); err == nil {
		e.readStatus(string(b))
	}
	if b, err := os.ReadFile("/proc/version"); err == nil {
		e.ProcVersion = strings.TrimSpace(string(b))
	}
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &lim) == nil {
		e.Memlock = lim.Cur
	}
	return e
}

func readInt(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return -1
	}
	return n
}

// readStatus takes what is needed from /proc/self/status.
func (e *Evidence) readStatus(status string) {
	const capIPCLock = 14 // linux/capability.h
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Seccomp":
			if n, err := strconv.Atoi(value); err == nil {
				e.Seccomp = n
			}
		case "CapEff":
			caps, err := strconv.ParseUint(value, 16, 64)
			e.IPCLock = err == nil && caps&(1<<capIPCLock) != 0
		}
	}
}

// Diagnose explains an error of New, NewBest or a registration from the running system. nil gives the zero
// Diagnosis.
func Diagnose(err error) Diagnosis {
	if err == nil {
		return Diagnosis{}
	}
	return GatherEvidence().Diagnose(err)
}

// Diagnose explains an error of New, NewBest or a registration from this evidence.
func (e Evidence) Diagnose(err error) Diagnosis {
	var errno unix.Errno
	switch {
	case err == nil:
		return Diagnosis{}
	case !errors.As(err, &errno):
		return Diagnosis{ObstacleUnknown, err.Error(), ""}
	}
	switch errno {
	case unix.ENOSYS:
		return e.missing()
	case unix.EPERM:
		return e.forbidden()
	case unix.EINVAL:
		return e.invalid(err)
	case unix.ENOMEM:
		return e.noMemory()
	case unix.EMFILE:
		return Diagnosis{ObstacleFiles, "the process has as many files open as it may", "raise ulimit -n"}
	case unix.ENFILE:
		return Diagnosis{ObstacleFiles, "the system has as many files open as it may",
			"raise sysctl fs.file-max"}
	case unix.EACCES:
		// Only registrations are forbidden by restrictions in this way; requests are told in their completion.
		if made := new(Error); errors.As(err, &made) && (made.Op == "setup" || made.Op == "enter") {
			return e.denied()
		}
		return Diagnosis{ObstaclePolicy, "a restriction of the ring or of the task forbids it", ""}
	}
	return Diagnosis{ObstacleUnknown, err.Error(), ""}
}

const cureProfile = "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp " +
	"profile (or run it with --security-opt seccomp=unconfined)"

func (e Evidence) invalid(err error) Diagnosis {
	made := new(Error)
	switch {
	case !errors.As(err, &made) || made.Hint == "":
		return Diagnosis{ObstacleFlags, "the kernel (" + e.Release + ") does not know what is asked for", e.newer(made.flags)}
	case made.Op == "setup":
		return Diagnosis{ObstacleFlags, made.Hint, ""}
	}
	return Diagnosis{ObstacleUnknown, err.Error(), ""}
}

// setupFeatures are what the setup flags stand for, from the lowest bit on; that is also the order in which kernels brought them.
var setupFeatures = [...]Feature{
	FeatureIopoll, FeatureSqpoll, FeatureSqpoll, FeatureCqsize, FeatureClamp, FeatureAttachWq, FeatureRDisabled, FeatureSubmitAll,
	FeatureCoopTaskrun, FeatureTaskrunFlag, FeatureSqe128, FeatureCqe32, FeatureSingleIssuer, FeatureDeferTaskrun, FeatureNoMmap,
	FeatureRegisteredFdOnly, FeatureNoSqarray, FeatureHybridIopoll, FeatureCqeMixed, FeatureSqeMixed, FeatureSqRewind,
}

// newer is the cure for setup flags that the kernel does not know.
func (e Evidence) newer(flags uint32) string {
	v, err := ParseVersion(e.Release)
	if newest := bits.Len32(flags) - 1; newest >= 0 && newest < len(setupFeatures) {
		if since := setupFeatures[newest].Since(); err == nil && v.Less(since) {
			return fmt.Sprintf("use kernel %v or newer", since)
		}
	}
	return "use a newer kernel"
}

func (e Evidence) missing() Diagnosis {
	if strings.Contains(strings.ToLower(e.ProcVersion), "gvisor") {
		return Diagnosis{ObstacleGVisor, "gVisor has no io_uring, or has it turned off",
			"run outside of gVisor"}
	}
	if v, err := ParseVersion(e.Release); err == nil && v.Less(Version{5, 1, 0}) {
		return Diagnosis{ObstacleKernel, "the kernel (" + e.Release + ") is older than io_uring (5.1)",
			"use kernel 6.1 or newer"}
	}
	if e.Seccomp > 0 {
		return Diagnosis{ObstacleSeccomp,
			"a seccomp profile hides io_uring (Podman and CRI-O do that), or the kernel was built without it",
			cureProfile}
	}
	return Diagnosis{ObstacleKernel, "the kernel (" + e.Release + ") was built without CONFIG_IO_URING",
		"use a kernel that has it"}
}

func (e Evidence) forbidden() Diagnosis {
	switch e.Disabled {
	case 2:
		return Diagnosis{ObstacleSysctl, "turned off by sysctl kernel.io_uring_disabled=2",
			"ask the administrator for kernel.io_uring_disabled=0"}
	case 1:
		cure := "ask the administrator for kernel.io_uring_disabled=0, for a group in kernel.io_uring_group, or run " +
			"with CAP_SYS_ADMIN"
		if e.Group >= 0 {
			cure = fmt.Sprintf("join the group with the id %d (kernel.io_uring_group), or run with CAP_SYS_ADMIN",
				e.Group)
		}
		return Diagnosis{ObstacleSysctl, "limited to the privileged by sysctl kernel.io_uring_disabled=1", cure}
	}
	return e.denied()
}

// denied is for what no sysctl forbids.
func (e Evidence) denied() Diagnosis {
	if e.Seccomp > 0 {
		return Diagnosis{ObstacleSeccomp,
			"blocked by a seccomp profile (Docker from 25 on and containerd from 2.0 on do that)", cureProfile}
	}
	return Diagnosis{ObstacleSecurity,
		"forbidden by a security module (SELinux, AppArmor), or SQPOLL without the privilege before 5.13",
		"ask the administrator"}
}

// smallMemlock is the limit below which lack of locked memory is the likely reason: systemd's default.
const smallMemlock = 8 << 20

// Warnings are what does not keep rings from being made here, but may in the next program or with larger rings.
func (e Evidence) Warnings() []Diagnosis {
	var list []Diagnosis
	if e.Memlock <= smallMemlock && !e.IPCLock {
		list = append(list, Diagnosis{ObstacleMemlock,
			fmt.Sprintf("locked memory is limited to %d KiB for all processes of the user together; registered buffers "+
				"count, and from 6.14 on the rings themselves", e.Memlock>>10),
			"raise ulimit -l (LimitMEMLOCK= for a systemd unit)"})
	}
	if e.Disabled == 1 {
		d := e.forbidden()
		d.Reason = "sysctl kernel.io_uring_disabled=1: only the privileged may make rings"
		list = append(list, d)
	}
	return list
}

func (e Evidence) noMemory() Diagnosis {
	small := e.Memlock <= smallMemlock
	if small && !e.IPCLock {
		return Diagnosis{ObstacleMemlock,
			fmt.Sprintf("the limit of locked memory is too small (ulimit -l is %d KiB, for all processes of the user)",
				e.Memlock>>10),
			"raise ulimit -l (LimitMEMLOCK= for a systemd unit), or use smaller rings and fewer registered buffers"}
	}
	reason := "no memory for the ring, or the memory cgroup's limit is reached"
	if small {
		reason += fmt.Sprintf(", or in a user namespace, where CAP_IPC_LOCK frees from nothing, that of locked memory (ulimit -l is %d KiB)",
			e.Memlock>>10)
	}
	return Diagnosis{ObstacleMemory, reason, "raise the limit, or use smaller rings"}
}

package hugeheap

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"
)

// setting says whether programs get huge pages: "always [madvise] never", with what holds in brackets. See
// Documentation/admin-guide/mm/transhuge.rst.
const setting = "/sys/kernel/mm/transparent_hugepage/enabled"

// available tells why there are no huge pages to have. Where the setting cannot be read, madvise tells.
func available() error { return granted(setting) }

func granted(file string) error {
	text, err := os.ReadFile(file)
	if err == nil && strings.Contains(string(text), "[never]") {
		return fmt.Errorf("%s is %q, write madvise to it: %w", file, strings.TrimSpace(string(text)), errors.ErrUnsupported)
	}
	return nil
}

// advise tells the kernel what the heap is now.
func advise() error {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("where the heap lies: %w", err)
	}
	heap := around(string(maps), uint64(reflect.ValueOf(new(cycle)).Pointer()))
	if len(heap) == 0 {
		return fmt.Errorf("/proc/self/maps does not tell where the heap lies: %w", errors.ErrUnsupported)
	}
	for _, m := range heap {
		_, _, errno := unix.Syscall(unix.SYS_MADVISE, uintptr(m.from), uintptr(m.to-m.from), unix.MADV_HUGEPAGE)
		if errno == unix.EINVAL {
			return fmt.Errorf("the kernel has none (CONFIG_TRANSPARENT_HUGEPAGE): %w", errors.ErrUnsupported)
		}
		if errno != 0 {
			return os.NewSyscallError("madvise", errno)
		}
	}
	return nil
}

package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk is the disk under the files of a directory, in sysfs; "" where there is none.
type Disk string

// DiskOf finds it. Of a partition it is the whole disk, for which requests are queued and flushes counted
// (Documentation/block/stat.rst).
func DiskOf(dir string) Disk {
	_, name := deviceOf(dir)
	if name == "" {
		return ""
	}
	if _, err := os.Stat(filepath.Join(name, "partition")); err == nil {
		name = filepath.Dir(name)
	}
	return Disk(name)
}

// deviceOf is the device that the files of a directory lie on, by number, and in sysfs where it is there.
func deviceOf(dir string) (number, name string) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", ""
	}
	number = fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	name, err := filepath.EvalSymlinks("/sys/dev/block/" + number)
	if err != nil {
		return number, ""
	}
	return number, name
}

// NeedDisk refuses a directory in which a comparison would tell nothing, because its files are in memory, and one without so many bytes
// of room. lacks says what there is not in memory.
func NeedDisk(dir, lacks string, room int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if kind := uint32(s.Type); kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC { // of a width that depends on the processor
		return fmt.Errorf("%s is in memory, where nothing %s: give a directory on a disk by -dir", dir, lacks)
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < room {
		return fmt.Errorf("%s has %d MiB free, and the files need %d MiB: give another directory by -dir", dir, free>>20, room>>20)
	}
	return nil
}

// read is the first line of one of the disk's files.
func (d Disk) read(name string) string {
	if d == "" {
		return ""
	}
	return firstLine(filepath.Join(string(d), name))
}

// flushField is where the number of completed flushes stands in a disk's stat.
const flushField = 15

// Flushes is how many flushes the device has completed. ok is false where the device needs none, because it has no cache that
// loses what is in it, and where the system does not tell: it counts none for devices that are made of others.
func (d Disk) Flushes() (n uint64, ok bool) {
	if !strings.HasPrefix(d.read("queue/write_cache"), "write back") {
		return 0, false
	}
	fields := strings.Fields(d.read("stat"))
	if len(fields) <= flushField {
		return 0, false
	}
	n, err := strconv.ParseUint(fields[flushField], 10, 64)
	return n, err == nil && n > 0
}

// DiskFacts tell on what the files of a directory lie: file system and device, how the kernel sorts requests to it and how far
// it reads ahead. What the machine does not tell is left out.
func DiskFacts(dir string) []Fact {
	number, name := deviceOf(dir)
	if number == "" {
		return nil
	}
	disk := DiskOf(dir)
	all := []Fact{{"filesystem", filesystem(number)}}
	if name != "" {
		all = append(all, Fact{"disk", filepath.Base(name)})
	}
	if m := scheduler.FindStringSubmatch(disk.read("queue/scheduler")); m != nil {
		all = append(all, Fact{"disk-scheduler", m[1]})
	}
	return told(append(all, Fact{"disk-read-ahead-kb", disk.read("queue/read_ahead_kb")}))
}

// scheduler finds the I/O scheduler in use among those that a disk could have: it stands in brackets.
var scheduler = regexp.MustCompile(`\[(.+)\]`)

// filesystem is the type of what is mounted from a device, by /proc/PID/mountinfo (proc_pid_mountinfo(5)): the third
// field names the device, and the type stands behind a lone hyphen.
func filesystem(device string) string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		_, rest, ok := strings.Cut(s.Text(), " - ")
		if ok && len(fields) > 2 && fields[2] == device {
			kind, _, _ := strings.Cut(rest, " ")
			return kind
		}
	}
	return ""
}

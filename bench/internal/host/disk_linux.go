package host

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Disk tells on what the files of a folder lie: file system and device, how the kernel sorts requests to it and how far it
// reads ahead. What the machine does not tell is left out.
func Disk(dir string) []Fact {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return nil
	}
	// makedev(3): the major number has bits 8 to 19, the minor bits 0 to 7 and 20 upwards.
	device := fmt.Sprintf("%d:%d", st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00)
	name := "/sys/dev/block/" + device
	queue := filepath.Join(name, "queue")
	if _, err := os.Stat(queue); err != nil {
		queue = filepath.Join(name, "..", "queue") // a partition has that of its disk
	}
	disk := ""
	if target, err := os.Readlink(name); err == nil {
		disk = filepath.Base(target)
	}
	scheduler := ""
	if m := regexp.MustCompile(`\[(.+)\]`).FindStringSubmatch(firstLine(filepath.Join(queue, "scheduler"))); m != nil {
		scheduler = m[1]
	}
	var told []Fact
	for _, f := range []Fact{
		{"filesystem", filesystem(device)},
		{"disk", disk},
		{"disk-scheduler", scheduler},
		{"disk-read-ahead-kb", firstLine(filepath.Join(queue, "read_ahead_kb"))},
	} {
		if f.Value != "" {
			told = append(told, f)
		}
	}
	return told
}

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

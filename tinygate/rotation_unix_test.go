//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The access log goes on in a new file after the old one was renamed, and SIGUSR1 beside SIGHUP is not lost.
func TestLogRotation(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e, func(t *testing.T) {
			s := newSite(t, 1)
			s.write("listen: 127.0.0.1:0\nto: @0\naccess_log: {path: DIR/access.log, format: '${path}'}\n")
			p := s.run(e)
			c := p.dial()
			log := filepath.Join(s.dir, "access.log")
			for i := range 3 {
				// A request is noted when its response has been sent, and before the next one of its client is read.
				for _, path := range []string{fmt.Sprintf("/%d", i), "/after"} {
					if _, _, err := c.ask(path, ""); err != nil {
						t.Fatal(err)
					}
				}
				old := fmt.Sprintf("%s.%d", log, i)
				if err := os.Rename(log, old); err != nil {
					t.Fatal(err)
				}
				p.Process.Signal(syscall.SIGHUP)
				p.Process.Signal(syscall.SIGUSR1)
				eventually(t, "the new log", func() bool { _, err := os.Stat(log); return err == nil })
				eventually(t, "the lines of the old one", func() bool { // which is written to until the new one is in use
					b, err := os.ReadFile(old)
					return err == nil && strings.ReplaceAll(string(b), "/after\n", "") == fmt.Sprintf("/%d\n", i)
				})
			}
		})
	}
}

package proxies

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
)

const (
	// profileRate is how often a second a proxy is sampled: a rate that is in no step with the ticks of a kernel.
	profileRate = 1997
	// perfStart is the time in which perf finds the threads that it is to watch, beside the slice for which it watches them.
	perfStart = 300 * time.Millisecond
)

// profiled are the contenders whose CPU time is split.
var profiled = []Contender{TinygateUring, TinygateEpoll, Nginx}

// profileAll splits the CPU time of some contenders in the case Small, or says why that cannot be done.
func (b *bench) profileAll() {
	perf, err := program("perf", "linux-perf")
	for _, p := range b.at(plain) {
		if !slices.Contains(profiled, p.Contender) {
			continue
		}
		b.progress.Steps(0, "profile of %s", p.Contender)
		text := ""
		if err == nil {
			text, err = b.profileOf(perf, p)
		}
		if err != nil {
			text = fmt.Sprintf("no profile: %v", err)
		}
		b.profile = append(b.profile, host.Fact{Key: string(p.Contender), Value: text})
		if !errors.Is(err, errMissing) {
			err = nil // of this contender only
		}
	}
	b.progress.Clear()
}

// profileOf samples one proxy under load by the CPU's clock, which virtual machines have too.
func (b *bench) profileOf(perf string, p *proxy) (text string, err error) {
	pids, err := p.session.Members()
	if err != nil {
		return "", err
	}
	list := make([]string, len(pids))
	for i, pid := range pids {
		list[i] = strconv.Itoa(pid)
	}
	dir, err := os.MkdirTemp("", "unio-bench-perf")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	t := traffics[Small]
	if err := b.gen.Open(p.id, p.doors[plain], load.Shape{Conns: t.conns, Depth: 1, Request: t.request()}); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.gen.CloseTarget(p.id)) }()
	data := filepath.Join(dir, "perf.data")
	var said bytes.Buffer
	record := exec.Command(perf, "record", "-e", "cpu-clock", "-F", strconv.Itoa(profileRate), "-o", data, "-p", strings.Join(list, ","),
		"--", "sleep", fmt.Sprint((perfStart + b.opts.Slice).Seconds()))
	record.Stdout, record.Stderr = &said, &said
	if err := record.Start(); err != nil {
		return "", err
	}
	_, loadErr := b.gen.Run(p.id, load.Slice{Duration: perfStart + b.opts.Slice, Verify: true})
	if err := errors.Join(record.Wait(), loadErr); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	script, err := exec.Command(perf, "script", "-i", data, "-F", "ip,sym,dso").Output()
	if err != nil {
		return "", fmt.Errorf("perf script: %w", err)
	}
	return split(script)
}

package proxies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
)

// profileRate is how often a second a proxy is sampled: a rate that is in no step with the ticks of a kernel.
const profileRate = 1997

// profiled are the contenders whose CPU time is split.
var profiled = []Contender{TinygateUring, TinygateEpoll, Nginx}

// profileAll splits the CPU time of some contenders in the case Small, or says why that cannot be done.
func (b *bench) profileAll(ctx context.Context) {
	perf, err := program("perf", "linux-perf")
	for _, p := range b.running(Small) {
		if ctx.Err() != nil || !slices.Contains(profiled, p.Contender) {
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
	if err := b.gen.Open(p.id, p.doors[plain], load.Shape{Conns: t.conns, Depth: 1, Request: t.request(), Answer: t.answer()}); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.gen.CloseTarget(p.id)) }()
	data := filepath.Join(dir, "perf.data")
	var said bytes.Buffer
	record := exec.Command(perf, "record", "-e", "cpu-clock", "-F", strconv.Itoa(profileRate), "-o", data, "-p", strings.Join(list, ","),
		"--", "sleep", fmt.Sprint(b.opts.Slice.Seconds()))
	record.Stdout, record.Stderr = &said, &said
	if err := record.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- record.Wait() }()
	if err := b.loadUntil(p, ended); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	script, err := exec.Command(perf, "script", "-i", data, "-F", "ip,sym,dso").Output()
	if err != nil {
		return "", fmt.Errorf("perf script: %w", err)
	}
	return split(script)
}

// loadUntil loads a proxy until something has ended: how long perf takes to find what it is to watch, beside a load, nobody knows.
func (b *bench) loadUntil(p *proxy, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return err
		default:
		}
		if _, err := b.gen.Run(p.id, load.Slice{Duration: b.opts.Slice, Verify: true}); err != nil {
			return errors.Join(err, <-ended)
		}
	}
}

package randread

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fio is the program of that name (https://github.com/axboe/fio).
type fio struct {
	path    string
	version string
	setUp   map[string]float64 // CPU time that a run of a single read takes, by contender and case
}

// fioRamp is how long fio reads before it counts.
const fioRamp = 300 * time.Millisecond

// findFio looks for the program.
func findFio(ctx context.Context) (*fio, error) {
	path, err := exec.LookPath("fio")
	if err != nil {
		return nil, errors.New("fio is not installed")
	}
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", path, err)
	}
	return &fio{path: path, version: strings.TrimSpace(string(version)), setUp: map[string]float64{}}, nil
}

// String is the version.
func (f *fio) String() string {
	if f == nil {
		return "not installed"
	}
	return f.version
}

// measure has fio read for one slice. Its CPU time is told twice: by its own account of its threads, and by the resource
// usage of the process, less what a run of a single read uses.
func (f *fio) measure(ctx context.Context, c Contender, cs Case, l *Layout, slice time.Duration, seed uint64) (Sample, error) {
	dir, err := os.MkdirTemp("", "unio-bench-fio")
	if err != nil {
		return Sample{}, err
	}
	defer os.RemoveAll(dir)
	key := c.String() + " " + cs.String()
	if _, known := f.setUp[key]; !known {
		one, err := f.run(ctx, dir, "number_ios=1\nruntime=1s\n", c, cs, l, seed)
		if err != nil {
			return Sample{}, err
		}
		f.setUp[key] = usage(one.state)
	}
	ramp := min(fioRamp, slice)
	times := fmt.Sprintf("time_based=1\nruntime=%dms\nramp_time=%dms\n", slice.Milliseconds(), ramp.Milliseconds())
	times += fmt.Sprintf("write_hist_log=%s\nper_job_logs=0\nlog_hist_msec=%d\nlog_hist_coarseness=%d\n", filepath.Join(dir, "log"),
		max(slice.Milliseconds()/heatColumns, 1), fioCoarse)
	done, err := f.run(ctx, dir, times, c, cs, l, seed)
	if err != nil {
		return Sample{}, err
	}
	s, err := parseFio(done.output)
	if err != nil {
		return Sample{}, err
	}
	s.Contender, s.Case = c, cs
	s.Threads, s.Workers = float64(done.threads.threads), float64(done.threads.workers)
	s.ProcessNs = (usage(done.state) - f.setUp[key]) / (float64(s.Reads) * float64(slice+ramp) / float64(slice))
	if cs.Mode == ModeSQPoll {
		s.CPUNs = s.ProcessNs // its own account lacks the kernel's thread
	}
	logs, err := filepath.Glob(filepath.Join(dir, "log_clat_hist*.log"))
	if err != nil || len(logs) != 1 {
		return Sample{}, fmt.Errorf("fio: histogram logs %v: %w", logs, err)
	}
	log, err := os.Open(logs[0])
	if err != nil {
		return Sample{}, err
	}
	defer log.Close()
	s.Heat, err = parseFioHist(log, slice)
	return s, err
}

// fioRun is a run that has ended.
type fioRun struct {
	output  []byte
	threads *threadCount
	state   *os.ProcessState
}

func (f *fio) run(ctx context.Context, dir, more string, c Contender, cs Case, l *Layout, seed uint64) (*fioRun, error) {
	job := filepath.Join(dir, "job.fio")
	if err := os.WriteFile(job, []byte(fioJob(c, cs, l, seed, more)), 0o644); err != nil {
		return nil, err
	}
	cmd, cancel := command(ctx, patience, f.path, "--output-format=json", job)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &complaint, dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	watch := watchThreads(cmd.Process.Pid)
	err := cmd.Wait()
	watch.stop()
	if err != nil {
		return nil, complain(err, complaint.String())
	}
	return &fioRun{out.Bytes(), watch, cmd.ProcessState}, nil
}

// usage is the CPU time of a process that has been waited for, with all threads that it had.
func usage(state *os.ProcessState) float64 {
	if state == nil {
		return math.NaN()
	}
	return float64(state.UserTime() + state.SystemTime())
}

// fioJob is the job file of a contender. Threads share one process, so that its resource usage is that of all.
func fioJob(c Contender, cs Case, l *Layout, seed uint64, more string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("[global]\nrw=randread\nbs=%d\nthread=1\ngroup_reporting=1\ninvalidate=0\nallow_file_create=0", blockBytes)
	say("directory=%s", strings.ReplaceAll(l.Dir, ":", `\:`))
	say("file_service_type=random\nrandseed=%d\nfadvise_hint=random", seed>>1)
	// Without clat_percentiles fio's log of histograms is of zeros.
	say("lat_percentiles=1\nclat_percentiles=1\npercentile_list=50:90:99:99.9:99.99")
	b.WriteString(more)
	if cs.Cache == Direct {
		say("direct=1")
	}
	switch cs.Mode {
	case ModeIOPoll:
		say("hipri=1")
	case ModeSQPoll:
		say("sqthread_poll=1")
	}
	engine, how, _ := strings.Cut(c.API, "-")
	say("ioengine=%s", engine)
	if how != "" {
		say("fixedbufs=1\nregisterfiles=1")
	}
	if how == "batch" {
		say("iodepth_batch_submit=%d\niodepth_batch_complete_max=%d", max(cs.Depth/4, 1), cs.Depth)
	}
	perFile, offset := l.coldBlocks()*blockBytes, int64(0)
	if cs.Cache == Cached {
		perFile, offset = l.HotBlocks*blockBytes, l.coldBlocks()*blockBytes
	}
	say("offset=%d", offset)
	switch all := perFile * filesInSet; {
	case c != contenderFioSync && c != contenderFioMmap:
		say("size=%d\niodepth=%d\n[reads]\nfilename=%s", all, cs.Depth, l.fioFiles(0, 1))
	case cs.Depth*filesInSet <= fioFilesMax:
		say("size=%d\nnorandommap=1\nnumjobs=%d\n[reads]\nfilename=%s", all, cs.Depth, l.fioFiles(0, 1))
	default: // each thread has a file
		say("size=%d\nnorandommap=1", perFile)
		for i := range cs.Depth {
			say("[reads%d]\nfilename=%s", i, l.fioFiles(i%filesInSet, filesInSet))
		}
	}
	return b.String()
}

// fioFiles lists every step-th file for an option, which has room for 4096 bytes.
func (l *Layout) fioFiles(first, step int) string {
	var names []string
	for i := first; i < filesInSet; i += step {
		names = append(names, filepath.Base(l.File(i)))
	}
	return strings.Join(names, ":")
}

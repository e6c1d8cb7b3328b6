package randread

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unio-go/unio/bench/internal/progress"
)

const (
	// setBytesMax is the size of a data set where nobody says another.
	setBytesMax = 8 << 30
	// hotBytesMax bounds the resident part.
	hotBytesMax = 2 << 30
	// fileBlocksMin keeps both parts of a file from being empty.
	fileBlocksMin = 8
	// residueMax is the share of the cold part that may stay in the page cache, and of the resident part that may be missing:
	// somebody else may be using a page, or need memory.
	residueMax = 0.01
	// pieceBytes is how much of a file is written or read at a time.
	pieceBytes = 1 << 20
)

// openSet gives the data set in dir, which it makes where it is not there or is not of that size. size 0 takes the one
// that is there, or chooses by what is free. The caller calls unlock when it has done.
func openSet(ctx context.Context, dir string, size int64, line *progress.Line) (l *Layout, unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	lock, err := lockSet(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	l = &Layout{Dir: dir}
	if l.FileBlocks, err = fileBlocks(dir, size); err != nil {
		return nil, nil, err
	}
	if missing := l.missing(); len(missing) > 0 {
		if err := l.make(ctx, missing, line); err != nil {
			return nil, nil, err
		}
		if missing := l.missing(); len(missing) > 0 {
			return nil, nil, fmt.Errorf("%s has no blocks of its own on the disk: the file system shares or compresses "+
				"what is written; choose another -dir", l.File(missing[0]))
		}
	}
	l.HotBlocks, err = l.hotBlocks()
	return l, func() { lock.Close() }, err
}

// lockSet keeps two runs from disturbing each other's cache.
func lockSet(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another run uses %s (flock: %w): wait for it, or choose another -dir", dir, err)
	}
	return f, nil
}

// fileBlocks is how many blocks a file is to have.
func fileBlocks(dir string, size int64) (int64, error) {
	if size == 0 {
		if info, err := os.Stat((&Layout{Dir: dir}).File(0)); err == nil && info.Size() >= fileBlocksMin*blockBytes {
			return info.Size() / blockBytes, nil
		}
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
		}
		size = min(setBytesMax, int64(fs.Bavail)*fs.Bsize/4)
	}
	blocks := size / filesInSet / blockBytes
	if blocks < fileBlocksMin {
		return 0, fmt.Errorf("a data set of %d bytes in %s is too small: at least %d; -size and -dir choose others",
			size, dir, filesInSet*fileBlocksMin*blockBytes)
	}
	return blocks, nil
}

// missing lists the files that are not there as they should be: of the right size, with a block of their own on the disk
// for each of the file.
func (l *Layout) missing() (files []int) {
	for i := range filesInSet {
		var st unix.Stat_t
		size := l.FileBlocks * blockBytes
		if unix.Stat(l.File(i), &st) != nil || st.Size != size || st.Blocks*512 < size || !l.probe(i) {
			files = append(files, i)
		}
	}
	return files
}

// probe looks at the last block of a file.
func (l *Layout) probe(i int) bool {
	f, err := os.Open(l.File(i))
	if err != nil {
		return false
	}
	defer f.Close()
	p := make([]byte, blockBytes)
	off := (l.FileBlocks - 1) * blockBytes
	_, err = f.ReadAt(p, off)
	return err == nil && checkHeader(p, i, off) == nil
}

// make writes files.
func (l *Layout) make(ctx context.Context, files []int, line *progress.Line) error {
	line.Note("making a data set of %d MiB in %s", l.Bytes()>>20, l.Dir)
	return l.each(ctx, files, line, "written", l.write)
}

// each does something with files, as many at a time as there are CPUs. do adds the bytes that it is through with to done.
func (l *Layout) each(ctx context.Context, files []int, line *progress.Line, what string,
	do func(ctx context.Context, i int, done *atomic.Int64) error) error {
	var done atomic.Int64
	total := int64(len(files)) * l.FileBlocks * blockBytes
	work := make(chan int, len(files))
	for _, i := range files {
		work <- i
	}
	close(work)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for range min(runtime.NumCPU(), 4) {
		group.Go(func() {
			for i := range work {
				if err := do(ctx, i, &done); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	stop := make(chan struct{})
	go func() { group.Wait(); close(stop) }()
	line.Begin(1000)
	shown := int64(0)
	for {
		select {
		case <-stop:
			line.Clear()
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
			now := done.Load()
			permille := 1000 * now / total
			line.Steps(int(permille-shown), "data set: %d of %d MiB %s", now>>20, total>>20, what)
			shown = permille
		}
	}
}

// write makes one file and sees it to the disk.
func (l *Layout) write(ctx context.Context, i int, done *atomic.Int64) (err error) {
	f, err := os.Create(l.File(i))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	noise := rand.NewChaCha8([32]byte{byte(i)})
	buf := make([]byte, pieceBytes)
	for block := int64(0); block < l.FileBlocks; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(l.FileBlocks-block, pieceBytes/blockBytes)
		p := buf[:n*blockBytes]
		_, _ = noise.Read(p) // never fails
		for b := range n {
			putHeader(p[b*blockBytes:], i, block+b)
		}
		if _, err := f.Write(p); err != nil {
			return err
		}
		done.Add(int64(len(p)))
		block += n
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// fetch has the device read all of the set once. Its own caches, and a hypervisor's below it, which the page cache knows nothing of, are
// then for the first contender what they are for the last: of a set that has lain for hours, a virtual disk gave 13,000 reads a second to
// whoever came first, and 60,000 after this.
func (l *Layout) fetch(ctx context.Context, line *progress.Line) error {
	files := make([]int, filesInSet)
	for i := range files {
		files[i] = i
	}
	return l.each(ctx, files, line, "read", l.read)
}

// read reads one file past what the page cache may hold of it, and leaves nothing there.
func (l *Layout) read(ctx context.Context, i int, done *atomic.Int64) (err error) {
	f, err := os.Open(l.File(i))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, advise(f, 0, unix.FADV_DONTNEED), f.Close()) }()
	if err := advise(f, 0, unix.FADV_DONTNEED); err != nil {
		return err
	}
	buf := make([]byte, pieceBytes)
	for end := l.FileBlocks * blockBytes; end > 0; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := f.Read(buf)
		if err != nil {
			return err
		}
		done.Add(int64(n))
		end -= int64(n)
	}
	return nil
}

// hotBlocks is how much of each file is to be resident: what leaves the machine's memory room, and most of the file cold.
func (l *Layout) hotBlocks() (int64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, os.NewSyscallError("sysinfo", err)
	}
	memory := int64(info.Totalram) * int64(info.Unit) / 4
	return max(min(l.FileBlocks/4, min(hotBytesMax, memory)/filesInSet/blockBytes), 1), nil
}

// dropCold takes what may be cached of the cold part out of the page cache.
func (l *Layout) dropCold() error {
	for i := range filesInSet {
		f, err := os.Open(l.File(i))
		if err != nil {
			return err
		}
		err = advise(f, l.coldBlocks()*blockBytes, unix.FADV_DONTNEED)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// advise speaks of the first n bytes of a file, 0 for all.
func advise(f *os.File, n int64, advice int) error {
	if err := unix.Fadvise(int(f.Fd()), 0, n, advice); err != nil {
		return &os.PathError{Op: "fadvise", Path: f.Name(), Err: err}
	}
	return nil
}

// warmHot sees that the resident part is in the page cache, and nothing else.
func (l *Layout) warmHot(ctx context.Context, line *progress.Line) error {
	if done, _, err := l.settled(); err != nil || done {
		return err
	}
	buf := make([]byte, pieceBytes)
	for i := range filesInSet {
		if err := ctx.Err(); err != nil {
			return err
		}
		line.Steps(0, "reading the resident part: file %d of %d", i+1, filesInSet)
		if err := l.warmFile(i, buf); err != nil {
			return err
		}
	}
	return nil
}

// settled drops the cold part, and reports whether the cache is as it should be then. If not, how tells what it holds.
func (l *Layout) settled() (ok bool, how string, err error) {
	if err := l.dropCold(); err != nil {
		return false, "", err
	}
	hot, err := l.resident(true)
	if err != nil {
		return false, "", err
	}
	cold, err := l.resident(false)
	how = fmt.Sprintf("%.1f %% of the resident part and %.1f %% of the rest", 100*hot, 100*cold)
	return hot > 1-residueMax && cold < residueMax, how, err
}

// warmFile empties the cache of a file first: pages that were cached together by writing or reading ahead can only be
// dropped together, and would keep cold blocks beside the resident ones.
func (l *Layout) warmFile(i int, buf []byte) error {
	f, err := os.Open(l.File(i))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(advise(f, 0, unix.FADV_DONTNEED), advise(f, 0, unix.FADV_RANDOM)); err != nil {
		return err
	}
	end := l.FileBlocks * blockBytes
	for off := l.coldBlocks() * blockBytes; off < end; off += pieceBytes {
		if _, err := f.ReadAt(buf[:min(pieceBytes, end-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// resident is the share of a part of the set that is in the page cache, seen in some files (mincore(2)).
func (l *Layout) resident(hot bool) (float64, error) {
	pages, seen := 0, 0
	for i := 0; i < filesInSet; i += filesInSet / 8 {
		vec, err := l.incore(i)
		if err != nil {
			return 0, err
		}
		part := vec[:l.coldBlocks()]
		if hot {
			part = vec[l.coldBlocks():]
		}
		for _, v := range part {
			seen += int(v & 1)
		}
		pages += len(part)
	}
	return float64(seen) / float64(pages), nil
}

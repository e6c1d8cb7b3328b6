package fileiotest

import (
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/unio-go/unio/internal/fileio"
)

// descriptor is that of a file, whose mode it leaves as it is.
func descriptor(f *os.File) int { return int(f.Fd()) }

func openDescriptors() int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(all)
}

// threads is how many the process has, the kernel's workers included, proc(5).
func threads() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "Threads:")
	n, _ := strconv.Atoi(strings.Fields(rest)[0])
	return n
}

var systemCases = []testCase{
	{"forget", forget},
	{"too large a file", tooLarge},
	{"full file system", full},
	{"memory file system", memoryFileSystem},
	{"direct", direct},
}

func mistakes(r *rig) {
	f := r.make("a", 100)
	defer r.done(f)
	in, out := r.open("a", os.O_RDONLY), r.open("a", os.O_WRONLY)
	defer r.done(in)
	defer r.done(out)
	none := &fileio.File{FD: 1 << 19, ID: 4000}
	never := &fileio.File{FD: -1, ID: 4001}
	p := make([]byte, 10)
	for _, c := range []struct {
		what string
		op   *fileio.Op
		err  error
	}{
		{"write to a file that is open for reading", &fileio.Op{Code: fileio.Write, File: in, Data: p}, syscall.EBADF},
		{"read from one that is open for writing", &fileio.Op{Code: fileio.Read, File: out, Data: p}, syscall.EBADF},
		{"no such descriptor", &fileio.Op{Code: fileio.Read, File: none, Data: p}, syscall.EBADF},
		{"no descriptor", &fileio.Op{Code: fileio.Write, File: never, Data: p}, syscall.EBADF},
		{"negative offset", &fileio.Op{Code: fileio.Read, File: f, Data: p, Off: -1}, syscall.EINVAL},
		{"very negative offset", &fileio.Op{Code: fileio.Write, File: f, Data: p, Off: -1 << 63}, syscall.EINVAL},
		{"unknown operation", &fileio.Op{Code: 77, File: f, Data: p}, syscall.ENOSYS},
	} {
		for range 2 {
			op := &fileio.Op{Code: c.op.Code, File: c.op.File, Data: c.op.Data, Off: c.op.Off, N: 5}
			r.do(op)
			r.want(c.what, op, 0, c.err)
			ended := make(chan struct{})
			op.Done = func(*fileio.Op) { close(ended) }
			r.x.Start(op)
			r.wait(c.what, ended)
			r.want(c.what+", started", op, 0, c.err)
			one := &fileio.Op{Code: c.op.Code, File: c.op.File, Data: c.op.Data, Off: c.op.Off, N: 5}
			r.doAll([]*fileio.Op{{}, one, {}})
			r.want(c.what+", among others", one, 0, c.err)
		}
	}
}

// forget: a file that is forgotten and closed is not kept open by anybody. A lock of flock(2) goes with the last of those
// who have the open file.
func forget(r *rig) {
	for range 3 { // the ID is free again
		f := r.make("a", 4096)
		r.nextID--
		if err := syscall.Flock(f.FD, syscall.LOCK_EX); err != nil {
			r.Fatal(err)
		}
		ops := make([]*fileio.Op, 10)
		for i := range ops {
			ops[i] = &fileio.Op{Code: fileio.Read, File: f, Data: make([]byte, 100)}
		}
		r.do(ops[0])
		r.doAll(ops)
		ended := make(chan struct{})
		ops[0].Done = func(*fileio.Op) { close(ended) }
		r.x.Start(ops[0])
		r.wait("a read", ended)
		name := f.OS.Name()
		r.done(f)
		other, err := os.Open(name)
		if err != nil {
			r.Fatal(err)
		}
		r.until("the file is closed", func() bool {
			return syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		})
		other.Close()
	}
}

// tooLarge writes beyond RLIMIT_FSIZE, getrlimit(2): the part that fits, and then nothing.
func tooLarge(r *rig) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		r.Fatal(err)
	}
	const limit = 64 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		r.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	f := r.open("a", os.O_RDWR|os.O_CREATE)
	defer r.done(f)
	op := &fileio.Op{Code: fileio.Write, File: f, Data: make([]byte, 8192), Off: limit - 4096}
	r.do(op)
	r.want("write over the limit", op, 4096, nil)
	op.Off = limit
	r.do(op)
	r.want("write beyond the limit", op, 0, syscall.EFBIG)
}

// full fills a file system of its own.
func full(r *rig) {
	dir := filepath.Join(r.dir, "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		r.Skipf("lacks: the right to mount a tmpfs: %v", err)
	}
	defer func() {
		r.until("the file system is not used", func() bool { return syscall.Unmount(dir, 0) == nil })
	}()
	f := r.open("small/a", os.O_RDWR|os.O_CREATE)
	defer r.done(f)
	written := 0
	for range 100 {
		op := &fileio.Op{Code: fileio.Write, File: f, Data: make([]byte, 5000), Off: int64(written)}
		r.do(op)
		if op.Err != nil {
			r.want("write to a full file system", op, 0, syscall.ENOSPC)
			break
		}
		written += op.N
	}
	if written != 64<<10 {
		r.Errorf("%d bytes fitted into 64 KiB", written)
	}
}

// memoryFileSystem: whatever cannot be read without waiting is read with.
func memoryFileSystem(r *rig) {
	var s syscall.Statfs_t
	const tmpfsMagic, dir = 0x01021994, "/dev/shm"
	if err := syscall.Statfs(dir, &s); err != nil || s.Type != tmpfsMagic {
		r.Skipf("lacks: a tmpfs at %s: %v", dir, err)
	}
	var err error
	if r.dir, err = os.MkdirTemp(dir, "unio"); err != nil {
		r.Fatal(err)
	}
	defer os.RemoveAll(r.dir)
	reads(r)
	writes(r)
	all(r)
}

// direct: files beside the page cache take aligned memory only.
func direct(r *rig) {
	r.done(r.make("a", 64<<10))
	name := filepath.Join(r.dir, "a")
	o, err := os.OpenFile(name, os.O_RDWR|syscall.O_DIRECT, 0)
	if err != nil {
		r.Skipf("lacks: O_DIRECT in %s: %v", r.dir, err)
	}
	f := r.file(o)
	f.Direct = true
	defer r.done(f)
	memory, err := syscall.Mmap(-1, 0, 64<<10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		r.Fatal(err)
	}
	defer syscall.Munmap(memory)
	var ops []*fileio.Op
	for i := range 16 {
		ops = append(ops, &fileio.Op{Code: fileio.Read, File: f, Data: memory[i*4096:][:4096], Off: int64(i) * 4096})
	}
	for _, op := range ops {
		r.do(op)
		r.want("direct read", op, 4096, nil)
	}
	r.wantBytes("the file", memory, 0)
	clear(memory)
	r.doAll(ops)
	r.wantBytes("the file, at once", memory, 0)
	for _, op := range ops {
		op.Code, op.Off = fileio.Write, op.Off+64<<10 // extends the file
	}
	r.doAll(ops)
	for _, op := range ops {
		r.want("direct write", op, 4096, nil)
	}
	op := &fileio.Op{Code: fileio.Read, File: f, Data: memory[1:4097]}
	r.do(op)
	if op.Err == nil && op.N != 4096 || op.Err != nil && op.Err != syscall.EINVAL {
		r.Errorf("misaligned: %d, %v", op.N, op.Err)
	}
}

package randread

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// open makes a contender ready.
func open(c Contender, cs Case, l *Layout) (*program, error) {
	if c.unio() {
		return openUnio(c, cs, l)
	}
	switch c {
	case contenderOS:
		return openOS(cs, l)
	case contenderMmap:
		return openMmap(cs, l)
	case contenderAIO:
		return openAIO(cs, l)
	}
	return nil, fmt.Errorf("there is no contender %v", c)
}

// goroutines is a program whose loops are goroutines of the Go scheduler.
func goroutines(cs Case) *program {
	return &program{loops: cs.Depth, perRun: 1, reads: 1, start: func(fn func()) { go fn() }, perOp: -1}
}

// closers close what a contender has open.
type closers []io.Closer

func (c closers) close() (err error) {
	for _, f := range c {
		if e := f.Close(); err == nil {
			err = e
		}
	}
	return err
}

// openFiles opens the set for reading at random places.
func openFiles(cs Case, l *Layout) (files []*os.File, all closers, err error) {
	flag := os.O_RDONLY
	if cs.Cache == Direct {
		flag |= unix.O_DIRECT
	}
	for i := range filesInSet {
		f, err := os.OpenFile(l.File(i), flag, 0)
		if err == nil {
			files, all = append(files, f), append(all, f)
			err = advise(f, 0, unix.FADV_RANDOM)
		}
		if err != nil {
			_ = all.close()
			return nil, nil, err
		}
	}
	return files, all, nil
}

// alignedBlock gives memory for one block, aligned as O_DIRECT wants it.
func alignedBlock() ([]byte, error) {
	p, err := unix.Mmap(-1, 0, blockBytes, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	return p, os.NewSyscallError("mmap", err)
}

// openOS is os.File.ReadAt by goroutines.
func openOS(cs Case, l *Layout) (*program, error) {
	files, all, err := openFiles(cs, l)
	if err != nil {
		return nil, err
	}
	p := goroutines(cs)
	p.perOp, p.close = 1, all.close
	p.run = func(w *worker) error {
		buf, err := alignedBlock()
		if err != nil {
			return err
		}
		l := &w.loops[0]
		for {
			file, off := l.picker.pick()
			if n, err := files[file].ReadAt(buf, off); n < blockBytes {
				return err
			}
			if l.checks() {
				if err := checkHeader(buf, file, off); err != nil {
					return err
				}
			}
			if w.over(l) {
				return nil
			}
			w.yield(l)
		}
	}
	return p, nil
}

// openMmap copies out of mappings by goroutines.
func openMmap(cs Case, l *Layout) (*program, error) {
	files, all, err := openFiles(cs, l)
	if err != nil {
		return nil, err
	}
	defer all.close() // a mapping outlives its descriptor
	maps := make([][]byte, len(files))
	for i, f := range files {
		if maps[i], err = unix.Mmap(int(f.Fd()), 0, int(l.FileBlocks*blockBytes), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
		}
		if err := unix.Madvise(maps[i], unix.MADV_RANDOM); err != nil {
			return nil, &os.PathError{Op: "madvise", Path: f.Name(), Err: err}
		}
	}
	p := goroutines(cs)
	p.close = func() error {
		for _, m := range maps {
			if err := unix.Munmap(m); err != nil {
				return os.NewSyscallError("munmap", err)
			}
		}
		return nil
	}
	p.run = func(w *worker) error {
		buf := make([]byte, blockBytes)
		l := &w.loops[0]
		for {
			file, off := l.picker.pick()
			copy(buf, maps[file][off:])
			if l.checks() {
				if err := checkHeader(buf, file, off); err != nil {
					return err
				}
			}
			if w.over(l) {
				return nil
			}
			w.yield(l)
		}
	}
	return p, nil
}

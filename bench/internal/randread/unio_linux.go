package randread

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/unio-go/unio"
)

// unioSet is the set as a runtime has it open.
type unioSet struct {
	rt    *unio.Runtime
	files []*unio.File
	maps  []*unio.Mapping
}

// openUnio is one of unio's calls on one of its engines. All tasks are on one loop.
func openUnio(c Contender, cs Case, l *Layout) (*program, error) {
	u := &unioSet{}
	var err error
	u.rt, err = unio.New(&unio.Options{Engine: unio.Engine(c.Engine), Loops: 1, SQPoll: cs.Mode == ModeSQPoll})
	if err != nil {
		return nil, err
	}
	for i := range filesInSet {
		f, err := u.rt.OpenFile(l.File(i), os.O_RDONLY, 0, &unio.FileOptions{Direct: cs.Cache == Direct, Random: true})
		if err != nil {
			return nil, errors.Join(err, u.rt.Close())
		}
		u.files = append(u.files, f)
	}
	p := goroutines(cs)
	p.enters, p.close = u.enters, u.close
	switch c.API {
	case apiReadAt:
		p.run = u.readAt
	case apiTask:
		p.run, p.start = u.readAt, u.rt.Go
	case apiReadBuf:
		p.run = u.readBuf
	case apiBatch:
		p.run, p.loops, p.reads = func(w *worker) error { return u.batch(w, cs.Depth) }, 1, cs.Depth
	case apiMap:
		p.run, p.enters = u.mapped, nil // what a mapping asks the kernel is not counted
		for _, f := range u.files {
			m, err := u.rt.Map(f)
			if err != nil {
				return nil, errors.Join(err, u.rt.Close())
			}
			u.maps = append(u.maps, m)
		}
	default:
		return nil, errors.Join(fmt.Errorf("there is no contender %v", c), u.rt.Close())
	}
	return p, nil
}

// enters are the system calls for reads: those that asked the page cache, those of the shared ring or of threads, and the
// entries of the loop.
func (u *unioSet) enters() uint64 {
	s := u.rt.Stats()
	return s.Files.Hits + s.Files.Misses + s.Files.Enters + s.Enters
}

func (u *unioSet) close() error {
	for _, f := range u.files {
		if err := f.Close(); err != nil {
			return err
		}
	}
	return u.rt.Close()
}

// readAt reads into a buffer of the pool, as a goroutine or as a task.
func (u *unioSet) readAt(w *worker) error {
	buf, err := u.rt.Alloc(context.Background(), blockBytes)
	if err != nil {
		return err
	}
	defer buf.Release()
	p, l := buf.Bytes(), &w.loops[0]
	for {
		file, off := l.picker.pick()
		if n, err := u.files[file].ReadAt(p, off); n < blockBytes {
			return err
		}
		if l.checks() {
			if err := checkHeader(p, file, off); err != nil {
				return err
			}
		}
		if w.over(l) {
			return nil
		}
	}
}

// mapped copies out of mappings, as the contender mmap does, what Populate has brought in.
func (u *unioSet) mapped(w *worker) error {
	buf, l := make([]byte, blockBytes), &w.loops[0]
	for {
		file, off := l.picker.pick()
		if err := u.maps[file].Populate(context.Background(), off, blockBytes); err != nil {
			return err
		}
		p, err := u.maps[file].Bytes(off, blockBytes)
		if err != nil {
			return err
		}
		copy(buf, p)
		if l.checks() {
			if err := checkHeader(buf, file, off); err != nil {
				return err
			}
		}
		if w.over(l) {
			return nil
		}
	}
}

// readBuf takes each block as a buffer of the pool.
func (u *unioSet) readBuf(w *worker) error {
	l := &w.loops[0]
	for {
		file, off := l.picker.pick()
		buf, err := u.files[file].ReadBuf(context.Background(), off, blockBytes)
		if err != nil {
			return err
		}
		if l.checks() {
			err = checkHeader(buf.Bytes(), file, off)
		}
		buf.Release()
		if err != nil || w.over(l) {
			return err
		}
	}
}

// batch has one caller read n blocks at a time.
func (u *unioSet) batch(w *worker, n int) error {
	l := &w.loops[0]
	ops := make([]unio.ReadOp, n)
	places := make([]int, n)
	for i := range ops {
		buf, err := u.rt.Alloc(context.Background(), blockBytes)
		if err != nil {
			return err
		}
		defer buf.Release()
		ops[i].P = buf.Bytes()
	}
	for {
		for i := range ops {
			places[i], ops[i].Off = l.picker.pick()
			ops[i].File = u.files[places[i]]
		}
		if err := u.rt.ReadBatch(context.Background(), ops); err != nil {
			return err
		}
		for i := range ops {
			if !l.checks() {
				continue
			}
			if err := checkHeader(ops[i].P[:ops[i].N], places[i], ops[i].Off); err != nil {
				return err
			}
		}
		if w.over(l) {
			return nil
		}
	}
}

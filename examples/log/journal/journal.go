package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
)

// Journal is an open journal. Any number of tasks and goroutines may use it at once.
type Journal struct {
	rt      *unio.Runtime
	file    *unio.File
	durable atomic.Int64 // everything before it is on the device

	parsed atomic.Uint64
}

// Open opens a journal, or makes it, and cuts off what is behind its last whole record.
func Open(rt *unio.Runtime, name string) (*Journal, error) {
	file, err := rt.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644, nil)
	if err != nil {
		return nil, err
	}
	end, err := wholeRecords(bufio.NewReaderSize(io.NewSectionReader(file, 0, math.MaxInt64), 256<<10))
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = syncDir(rt, filepath.Dir(name))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	j := &Journal{rt: rt, file: file}
	j.durable.Store(end)
	return j, nil
}

// syncDir makes the names in a directory durable: a file that was just made is lost with what is durable in it (fsync(2)).
func syncDir(rt *unio.Runtime, name string) error {
	if runtime.GOOS == "windows" {
		return nil // it syncs no directories
	}
	dir, err := rt.OpenFile(name, os.O_RDONLY, 0, nil)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Durable is the size of the journal.
func (j *Journal) Durable() int64 { return j.durable.Load() }

// Parsed counts the bytes that were copied to be looked at: heads that arrived in two pieces. Records are not among them.
func (j *Journal) Parsed() uint64 { return j.parsed.Load() }

// Close waits for what is being written and read, and closes the file. Connections are closed by their listener's runtime.
func (j *Journal) Close() error { return j.file.Close() }

// wholeRecords is where the whole records of a file end.
func wholeRecords(r io.Reader) (end int64, err error) {
	p := make([]byte, headBytes+RecordMax)
	for {
		if _, err := io.ReadFull(r, p[:headBytes]); err != nil {
			return end, notTorn(err)
		}
		h := parseHead(p)
		if h.kind != kindAppend || h.checkAppend() != nil {
			return end, nil
		}
		record := p[headBytes : headBytes+h.length]
		if _, err := io.ReadFull(r, record); err != nil {
			return end, notTorn(err)
		}
		if uint64(crc32.Update(h.sum(), table, record)) != h.at {
			return end, nil
		}
		end += int64(headBytes + h.length)
	}
}

// notTorn is nil for the end of a file, within a record or behind one.
func notTorn(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// append makes buffers durable that hold whole records, and returns where they begin. It takes the buffers over.
func (j *Journal) append(ctx context.Context, n int, bufs []*mem.Buf) (off int64, err error) {
	off, err = j.file.AppendBuf(ctx, unio.Durable, bufs...)
	if err != nil {
		return 0, err
	}
	for end := off + int64(n); ; {
		seen := j.durable.Load()
		if end <= seen || j.durable.CompareAndSwap(seen, end) {
			return off, nil
		}
	}
}

// read reads what is durable at off, at most n bytes and what one buffer holds; nil at the end.
func (j *Journal) read(ctx context.Context, off uint64, n int) (*mem.Buf, error) {
	end := j.durable.Load()
	if off > uint64(end) {
		return nil, fmt.Errorf("read at %d: the journal ends at %d", off, end)
	}
	n = int(min(int64(n), int64(j.rt.Pool().MaxLen()), end-int64(off)))
	if n == 0 {
		return nil, nil
	}
	return j.file.ReadBuf(ctx, int64(off), n)
}

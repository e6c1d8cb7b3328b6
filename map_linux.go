package unio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/unio-go/unio/internal/sys"
)

// vectorPages is how many pages one call of mincore(2) is asked for.
const vectorPages = 256

// learn finds out how the mapping can be filled.
func (m *Mapping) learn() {
	if len(m.data) == 0 {
		return
	}
	m.how.sees = sys.SeesCache(m.f.io.FD)
	m.how.thread = m.f.threaded() && sys.Populates(m.data)
	if m.f.random {
		_ = sys.AdviseMapping(m.data, sys.AdviceRandom) // as for files: without read-ahead there is no need of it
	}
}

// inMemory reports whether all from off to end is in memory, at a cost below that of a copy. One page is asked for by reading
// its last byte without waiting, which tells the file's end as well.
func (m *Mapping) inMemory(off, end int64) (bool, error) {
	if m.f.mode == modeCached && (!m.how.sees || (end-1)/pageBytes == off/pageBytes) {
		return m.readable(off, end)
	}
	if !m.how.sees {
		return false, nil
	}
	from, to, err := m.lastMissing(off-off%pageBytes, end)
	if err != nil || from != to {
		return false, err
	}
	err = m.reaches(end)
	return err == nil, err
}

// reaches is the error of a file that ends before the end of what is wanted.
func (m *Mapping) reaches(end int64) error {
	switch size, errno := sys.Size(m.f.io.FD); {
	case errno != 0:
		return errno
	case size < end:
		return ErrTruncated
	}
	return nil
}

// readable reports whether a byte of each page can be read without waiting, from the last on.
func (m *Mapping) readable(off, end int64) (bool, error) {
	var p [1]byte
	for at := end - 1; at >= off; at = at - at%pageBytes - 1 {
		switch n, errno := sys.ReadCached(m.f.io.FD, p[:], at); {
		case errno != 0:
			return false, nil // what is wrong is told to whoever waits
		case n == 0: // which some kernels say of what is not cached, see File.readCached
			return false, m.reaches(end)
		}
	}
	return true, nil
}

// lastMissing is the last part of what lies between off, where a page begins, and end that is not in memory; none is there
// when both are equal. Where the kernel does not tell it is everything.
func (m *Mapping) lastMissing(off, end int64) (from, to int64, err error) {
	if !m.how.sees {
		return off, end, nil
	}
	var vec [vectorPages]byte
	missing := false
	for stop := end; stop > off; {
		start := max(off, (stop-1)/pageBytes*pageBytes-(vectorPages-1)*pageBytes)
		pages := (stop - start + pageBytes - 1) / pageBytes
		if errno := sys.Incore(m.data[start:stop], vec[:pages]); errno != 0 {
			return 0, 0, errno
		}
		for i := pages - 1; i >= 0; i-- {
			switch there := vec[i]&1 != 0; {
			case missing && there:
				return start + (i+1)*pageBytes, to, nil
			case !missing && !there:
				missing, to = true, min(start+(i+1)*pageBytes, end)
			}
		}
		stop = start
	}
	if !missing {
		return off, off, nil
	}
	return off, to, nil
}

// resident lists what is in memory.
func (m *Mapping) resident(off, end int64) (all []Extent, err error) {
	if !m.how.sees && end > off {
		return nil, fmt.Errorf("the kernel tells only who owns the file or may write it (mincore(2)): %w", fs.ErrPermission)
	}
	var vec [vectorPages]byte
	for start := off - off%pageBytes; start < end; start += vectorPages * pageBytes {
		stop := min(start+vectorPages*pageBytes, end)
		pages := (stop - start + pageBytes - 1) / pageBytes
		if errno := sys.Incore(m.data[start:stop], vec[:pages]); errno != 0 {
			return nil, errno
		}
		for i := range pages {
			if vec[i]&1 == 0 {
				continue
			}
			from, to := max(off, start+i*pageBytes), min(end, start+(i+1)*pageBytes)
			if n := len(all); n > 0 && all[n-1].Off+all[n-1].Len == from {
				all[n-1].Len += to - from
			} else {
				all = append(all, Extent{from, to - from})
			}
		}
	}
	return all, nil
}

// fillNow brings in what lies from off to end on the caller's thread, which waits.
func (m *Mapping) fillNow(off, end int64) error {
	off -= off % pageBytes
	if end-off > pageBytes {
		_ = advise(m.f.io.OS, off, end-off, AdviceWillNeed) // else it is page by page in a file that is read in no order
	}
	err := sys.Populate(m.data[off:end])
	if short := m.reaches(end); short != nil {
		return short
	}
	if errors.Is(err, syscall.EFAULT) {
		return m.readError(off, end)
	}
	return err
}

// readError is why memory that the file has could not be brought in: a mapping only says that it could not.
func (m *Mapping) readError(off, end int64) error {
	p := make([]byte, pageBytes)
	for ; off < end; off += pageBytes {
		switch _, err := m.f.io.OS.ReadAt(p[:min(pageBytes, end-off)], off); {
		case err == io.EOF: // it was longer a moment ago
			return ErrTruncated
		case err != nil:
			return err
		}
	}
	return nil // it can be read now, and so be touched
}

// advise tells the file and the mapping.
func (m *Mapping) advise(off, n int64, a Advice) error {
	switch a {
	case AdviceNormal, AdviceRandom, AdviceSequential:
		if len(m.data) > 0 {
			if err := sys.AdviseMapping(m.data, advices[a]); err != nil {
				return err
			}
		}
	case AdviceDontNeed:
		if p := m.wholePages(off, n); len(p) > 0 {
			if err := sys.AdviseMapping(p, advices[a]); err != nil {
				return err
			}
		}
	}
	return advise(m.f.io.OS, off, n, a)
}

// wholePages is what posix_fadvise(2) does of n bytes at off, or of all from off on if n is 0: the pages that lie within as a
// whole, and the last of the mapping if its end does.
func (m *Mapping) wholePages(off, n int64) []byte {
	if off >= m.Size() {
		return nil
	}
	end := m.Size()
	if n > 0 && n < end-off {
		end = off + n
		end -= end % pageBytes
	}
	start := (off + pageBytes - 1) / pageBytes * pageBytes
	return m.data[min(start, end):end]
}

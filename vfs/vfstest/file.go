package vfstest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/unio-go/unio/vfs"
)

// reads holds what a read returned: a text, and an error or none.
func (c *check) reads(call string, p []byte, n int, err error, want string, wantErr error) {
	c.Helper()
	if n != len(want) || err != wantErr || n > len(p) || string(p[:n]) != want {
		c.Errorf("%s: %d bytes, %s, error %v; want %s, error %v", call, n, short(string(p[:min(max(n, 0), len(p))])), err, short(want), wantErr)
	}
}

// readWriteSeek: Read, Write and Seek share one position, which begins at 0.
func readWriteSeek(c *check) {
	f := c.create("file", "")
	p := make([]byte, 100)
	n, err := f.Read(p)
	c.reads("Read of an empty file", p, n, err, "", io.EOF)
	c.wrote(f.Write([]byte("0123456789")))(10)
	c.wrote(f.Write(nil))(0)
	n, err = f.Read(p)
	c.reads("Read at the end", p, n, err, "", io.EOF)
	n, err = f.Read(nil)
	c.reads("Read of no bytes at the end", nil, n, err, "", nil)
	for _, seek := range []struct {
		offset int64
		whence int
		want   int64
		text   string
	}{
		{2, io.SeekStart, 2, "23"},
		{1, io.SeekCurrent, 5, "56"},
		{-7, io.SeekCurrent, 0, "01"},
		{-3, io.SeekEnd, 7, "78"},
		{0, io.SeekCurrent, 9, "9"},
		{0, io.SeekEnd, 10, ""},
		{5, io.SeekEnd, 15, ""},
		{0, io.SeekStart, 0, "01"},
	} {
		if off, err := f.Seek(seek.offset, seek.whence); off != seek.want || err != nil {
			c.Errorf("Seek(%d, %d): %d, %v, want %d", seek.offset, seek.whence, off, err, seek.want)
		}
		var eof error
		if seek.text == "" {
			eof = io.EOF
		}
		n, err := f.Read(p[:2])
		c.reads("Read after Seek", p, n, err, seek.text, eof)
	}
	c.wrote(f.Write([]byte("ab")))(2) // behind what was read last
	c.content(f, "01ab456789")
	_, err = f.Seek(12, io.SeekStart)
	c.ok(err)
	c.wrote(f.Write([]byte("z")))(1)
	c.content(f, "01ab456789\x00\x00z")
	_, err = f.Seek(20, io.SeekStart)
	c.ok(err)
	c.wrote(f.Write(nil))(0) // does not extend
	c.content(f, "01ab456789\x00\x00z")
	c.ok(f.Close())
	c.holds("file", "01ab456789\x00\x00z")
}

// seekRefused: a position before the beginning or behind the largest, or a whence that there is not, leaves the position where it was.
func seekRefused(c *check) {
	f := c.create("file", "0123456789")
	_, err := f.Seek(4, io.SeekStart)
	c.ok(err)
	for _, seek := range []struct {
		offset int64
		whence int
	}{
		{-1, io.SeekStart}, {-5, io.SeekCurrent}, {-11, io.SeekEnd}, {0, 17}, {0, 3}, {0, 4}, {0, -1}, {math.MinInt64, io.SeekStart},
		{math.MaxInt64, io.SeekCurrent}, {math.MaxInt64, io.SeekEnd},
	} {
		_, err := f.Seek(seek.offset, seek.whence)
		c.fails(err, fs.ErrInvalid, "seek", "file")
	}
	p := make([]byte, 2)
	n, err := f.Read(p)
	c.reads("Read after refused Seeks", p, n, err, "45", nil)
	c.ok(f.Close())
}

// readAt: fewer than len(p) bytes come with an error, which is io.EOF at the end, and the position stays.
func readAt(c *check) {
	f := c.create("file", "0123456789")
	_, err := f.Seek(3, io.SeekStart)
	c.ok(err)
	for _, read := range []struct {
		off  int64
		n    int
		want string
		err  error
	}{
		{0, 4, "0123", nil}, {6, 3, "678", nil}, {0, 11, "0123456789", io.EOF}, {7, 4, "789", io.EOF}, {9, 100, "9", io.EOF},
		{10, 1, "", io.EOF}, {11, 1, "", io.EOF}, {1 << 40, 5, "", io.EOF}, {0, 0, "", nil}, {5, 0, "", nil},
	} {
		p := []byte(strings.Repeat("?", read.n+1))
		n, err := f.ReadAt(p[:read.n], read.off)
		c.reads("ReadAt", p, n, err, read.want, read.err)
		if rest := p[len(read.want):]; string(rest) != strings.Repeat("?", len(rest)) && read.n >= len(read.want) && p[read.n] != '?' {
			c.Errorf("ReadAt of %d bytes wrote behind them", read.n)
		}
	}
	p := make([]byte, 10)
	if n, err := f.ReadAt(p, 0); n != 10 || err != nil && err != io.EOF || string(p) != "0123456789" {
		c.Errorf("ReadAt of the whole file: %d, %v, %q", n, err, p)
	}
	_, err = f.ReadAt(p, -1)
	c.fails(err, fs.ErrInvalid, "read", "file")
	_, err = f.ReadAt(p, math.MinInt64)
	c.fails(err, fs.ErrInvalid, "read", "file")
	_, err = f.ReadAt(nil, -1)
	c.fails(err, fs.ErrInvalid, "read", "file")
	_, err = f.ReadAt(p, math.MaxInt64-9)
	c.fails(err, fs.ErrInvalid, "read", "file") // there are no offsets for so many bytes
	n, err := f.Read(p[:2])
	c.reads("Read after ReadAt", p, n, err, "34", nil)
	c.ok(f.Close())
}

// writeAt: what is written is there at once, for each handle; p and the position stay as they are.
func writeAt(c *check) {
	f := c.create("file", "0123456789")
	other := c.open("file", os.O_RDONLY)
	_, err := f.Seek(3, io.SeekStart)
	c.ok(err)
	p := []byte("abc")
	c.wrote(f.WriteAt(p, 4))(3)
	c.content(other, "0123abc789")
	c.wrote(f.WriteAt(p, 9))(3)
	c.content(other, "0123abc78abc")
	c.wrote(f.WriteAt(nil, 5))(0)
	c.wrote(f.WriteAt(nil, 100))(0)
	c.content(other, "0123abc78abc")
	if string(p) != "abc" {
		c.Errorf("WriteAt changed what it was given to %q", p)
	}
	p[0] = 'X' // the caller's again
	c.content(other, "0123abc78abc")
	for _, off := range []int64{-1, math.MinInt64} {
		_, err := f.WriteAt(p, off)
		c.fails(err, fs.ErrInvalid, "write", "file")
		_, err = f.WriteAt(nil, off)
		c.fails(err, fs.ErrInvalid, "write", "file")
	}
	if n, err := f.WriteAt(p, math.MaxInt64-1); n != 0 || err == nil {
		c.Errorf("WriteAt at the largest offset: %d, %v, want an error", n, err)
	}
	c.content(other, "0123abc78abc")
	c.wrote(f.Write([]byte("-")))(1)
	c.content(other, "012-abc78abc")
	c.ok(other.Close())
	c.ok(f.Close())
}

// holes: writing behind the end leaves zeros between.
func holes(c *check) {
	f := c.create("file", "begin")
	const far = 1<<20 + 1
	c.wrote(f.WriteAt([]byte("end"), far))(3)
	c.content(f, "begin"+strings.Repeat("\x00", far-5)+"end")
	// A page that was written in full before it was cut does not come back.
	full := bytes.Repeat([]byte("x"), 10000)
	c.wrote(f.WriteAt(full, 0))(len(full))
	c.ok(f.Truncate(5000))
	c.wrote(f.WriteAt([]byte("end"), 9000))(3)
	c.content(f, strings.Repeat("x", 5000)+strings.Repeat("\x00", 4000)+"end")
	c.ok(f.Close())
}

// positionsApart: each File has a position of its own, and all see the same content.
func positionsApart(c *check) {
	a := c.create("file", "0123456789")
	b := c.open("file", os.O_RDWR)
	p := make([]byte, 4)
	n, err := b.Read(p)
	c.reads("Read of the second handle", p, n, err, "0123", nil)
	c.wrote(b.Write([]byte("ab")))(2)
	c.wrote(a.Write([]byte("cd")))(2)
	c.content(b, "0123ab6789cd")
	c.ok(a.Close())
	n, err = b.Read(p)
	c.reads("Read of the second handle after the first was closed", p, n, err, "6789", nil)
	c.ok(b.Close())
}

// large: one write and one read of more than a page, a buffer and a system call's usual size.
func large(c *check) {
	want := make([]byte, 3<<20+7)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	f := c.create("file", "")
	c.wrote(f.Write(want[:1<<20]))(1 << 20)
	c.wrote(f.WriteAt(want[1<<20:], 1<<20))(len(want) - 1<<20)
	got := make([]byte, len(want))
	if n, err := f.ReadAt(got, 0); n != len(want) || err != nil && err != io.EOF || !bytes.Equal(got, want) {
		c.Errorf("ReadAt of %d bytes: %d, %v, equal: %v", len(want), n, err, bytes.Equal(got, want))
	}
	c.ok(f.Close())
	r, err := c.fsys.Open("file")
	c.ok(err)
	pieces, err := io.ReadAll(&progress{Reader: odd{r}})
	if c.ok(err); !bytes.Equal(pieces, want) {
		c.Error("read in odd pieces, the file is not what was written")
	}
	c.ok(r.Close())
}

// odd reads in pieces that are no multiple of anything.
type odd struct{ io.Reader }

func (r odd) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 65521)]) }

// truncate: a file is cut, or extended by zeros, and the position stays.
func truncate(c *check) {
	f := c.create("file", "0123456789")
	_, err := f.Seek(8, io.SeekStart)
	c.ok(err)
	c.ok(f.Truncate(4))
	c.content(f, "0123")
	p := make([]byte, 4)
	n, err := f.Read(p)
	c.reads("Read behind the end of a file that was cut", p, n, err, "", io.EOF)
	c.ok(f.Truncate(6))
	c.content(f, "0123\x00\x00")
	c.wrote(f.Write([]byte("x")))(1)
	c.content(f, "0123\x00\x00\x00\x00x")
	c.ok(f.Truncate(9))
	c.content(f, "0123\x00\x00\x00\x00x")
	for _, size := range []int64{-1, math.MinInt64} {
		c.fails(f.Truncate(size), fs.ErrInvalid, "truncate", "file")
	}
	c.content(f, "0123\x00\x00\x00\x00x")
	c.ok(f.Truncate(1<<20 + 5))
	c.content(f, "0123\x00\x00\x00\x00x"+strings.Repeat("\x00", 1<<20+5-9))
	c.ok(f.Truncate(0))
	c.content(f, "")
	c.ok(f.Close())
	c.holds("file", "")
}

// syncs: files and directories can be synced whatever they were opened for, and nothing changes by it.
func syncs(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	f := c.create("dir/file", "content")
	c.ok(f.Sync())
	c.wrote(f.Write([]byte(" and more")))(9)
	c.ok(vfs.Datasync(f))
	c.ok(vfs.Datasync(f))
	c.ok(f.Close())
	for _, name := range []string{"dir/file", "dir", "."} {
		f := c.open(name, os.O_RDONLY)
		c.ok(f.Sync())
		c.ok(vfs.Datasync(f))
		c.ok(f.Close())
	}
	w := c.open("dir/file", os.O_WRONLY)
	c.ok(w.Sync())
	c.ok(w.Close())
	c.holds("dir/file", "content and more")
}

// fileStat: an open file and its name are described alike, and by what was last written.
func fileStat(c *check) {
	c.ok(c.fsys.Mkdir("dir", 0o777))
	f := c.create("dir/file", "")
	for _, size := range []int64{0, 5, 100000, 3} {
		c.ok(f.Truncate(size))
		for i, stat := range []func() (fs.FileInfo, error){f.Stat, func() (fs.FileInfo, error) { return c.fsys.Stat("dir/file") }} {
			info, err := stat()
			c.ok(err)
			if info.Name() != "file" || info.Size() != size || !info.Mode().IsRegular() || info.IsDir() || info.ModTime().IsZero() {
				c.Errorf("Stat %d of a file of %d bytes: name %q, %d bytes, mode %v, time %v", i, size, info.Name(), info.Size(),
					info.Mode(), info.ModTime())
			}
		}
	}
	c.ok(f.Close())
	for _, name := range []string{"dir", "."} {
		d := c.open(name, os.O_RDONLY)
		info, err := d.Stat()
		c.ok(err)
		if !info.IsDir() || !info.Mode().IsDir() || info.Name() != path.Base(name) {
			c.Errorf("Stat of an open directory: name %q, mode %v", info.Name(), info.Mode())
		}
		c.ok(d.Close())
	}
}

// model: whatever is done to a file, it holds what a slice of bytes holds to which the same is done.
func model(c *check) {
	f := c.create("file", "")
	random := rand.New(rand.NewPCG(3, 4))
	var want []byte
	position := 0
	put := func(p []byte, off int) {
		if end := off + len(p); len(p) > 0 && end > len(want) {
			want = append(want, make([]byte, end-len(want))...)
		}
		if len(p) > 0 {
			copy(want[off:], p)
		}
	}
	for step := range 2000 {
		off, size := random.IntN(20000), random.IntN(6000)
		p := bytes.Repeat([]byte{byte(step%255) + 1}, size)
		switch random.IntN(6) {
		case 0:
			c.wrote(f.WriteAt(p, int64(off)))(size)
			put(p, off)
		case 1:
			c.wrote(f.Write(p))(size)
			put(p, position)
			position += size
		case 2:
			c.ok(f.Truncate(int64(off)))
			want = append(want[:min(off, len(want))], make([]byte, max(off-len(want), 0))...)
		case 3:
			_, err := f.Seek(int64(off), io.SeekStart)
			c.ok(err)
			position = off
		case 4:
			n, err := f.ReadAt(p, int64(off))
			rest := want[min(off, len(want)):]
			if n != min(size, len(rest)) || !bytes.Equal(p[:n], rest[:n]) || n < size && err != io.EOF {
				c.Fatalf("step %d: ReadAt of %d bytes at %d of %d: %d, %v", step, size, off, len(want), n, err)
			}
		case 5:
			n, err := io.ReadFull(&progress{Reader: f}, p)
			rest := want[min(position, len(want)):]
			if n != min(size, len(rest)) || !bytes.Equal(p[:n], rest[:n]) || n < size && err == nil {
				c.Fatalf("step %d: Read of %d bytes at %d of %d: %d, %v", step, size, position, len(want), n, err)
			}
			position += n
		}
		if info, err := f.Stat(); err != nil || info.Size() != int64(len(want)) {
			c.Fatalf("step %d: the file has %d bytes (%v), want %d", step, info.Size(), err, len(want))
		}
	}
	c.content(f, string(want))
	c.ok(f.Close())
	c.holds("file", string(want))
}

// closedFile: calls after Close fail with fs.ErrClosed, whatever they are given, and a second Close does too.
func closedFile(c *check) {
	f := c.create("file", "content")
	c.ok(f.Close())
	c.closed(f, "file")
	c.is("Allocate", vfs.Allocate(f, 0, 1), fs.ErrClosed)
	c.is("Allocate", vfs.Allocate(f, -1, 1), fs.ErrClosed)
	c.is("Prefetch", vfs.Prefetch(f, 0, 1), fs.ErrClosed)
	c.is("Prefetch", vfs.Prefetch(f, -1, 1), fs.ErrClosed)
	c.holds("file", "content")
}

// closed is what holds for files and directories alike.
func (c *check) closed(f vfs.File, name string) {
	c.Helper()
	_, err := f.Stat()
	c.fails(err, fs.ErrClosed, "stat", name)
	for _, p := range [][]byte{make([]byte, 1), nil} {
		_, err = f.Read(p)
		c.fails(err, fs.ErrClosed, "read", name)
		_, err = f.Write(p)
		c.fails(err, fs.ErrClosed, "write", name)
		for _, off := range []int64{0, -1} {
			_, err = f.ReadAt(p, off)
			c.fails(err, fs.ErrClosed, "read", name)
			_, err = f.WriteAt(p, off)
			c.fails(err, fs.ErrClosed, "write", name)
		}
	}
	for _, off := range []int64{0, -1} {
		_, err = f.Seek(off, io.SeekStart)
		c.fails(err, fs.ErrClosed, "seek", name)
		c.fails(f.Truncate(off), fs.ErrClosed, "truncate", name)
	}
	_, err = f.Seek(0, 17)
	c.fails(err, fs.ErrClosed, "seek", name)
	c.fails(f.Sync(), fs.ErrClosed, "sync", name)
	c.fails(vfs.Datasync(f), fs.ErrClosed, "sync", name)
	c.fails(f.Close(), fs.ErrClosed, "close", name)
	c.fails(f.Close(), fs.ErrClosed, "close", name)
}

// closedWhileRead: a Close beside reads and writes lets each of them succeed or fail with fs.ErrClosed, and hits no file that is
// opened meanwhile.
func closedWhileRead(c *check) {
	c.write("other", "other")
	c.write("file", strings.Repeat("content", 1000))
	for range 10 {
		f := c.open("file", os.O_RDWR)
		var users sync.WaitGroup
		begun := make(chan struct{}, 4)
		for i := range 4 {
			users.Go(func() { c.useUntilClosed(f, begun, i == 0) })
		}
		for range 4 {
			<-begun
		}
		c.ok(f.Close())
		others := [4]vfs.File{}
		for i := range others {
			others[i] = c.open("other", os.O_RDWR)
		}
		users.Wait()
		for _, other := range others {
			c.content(other, "other")
			c.ok(other.Close())
		}
	}
}

// useUntilClosed reads, or writes what is there already, until the file is closed.
func (c *check) useUntilClosed(f vfs.File, begun chan<- struct{}, writes bool) {
	p := make([]byte, 700)
	for first := true; ; first = false {
		n, err := f.ReadAt(p, 0)
		if writes && err == nil {
			n, err = f.WriteAt([]byte(strings.Repeat("content", 100)), 0)
		}
		if first {
			begun <- struct{}{}
		}
		switch {
		case errors.Is(err, fs.ErrClosed):
			return
		case err != nil, n != len(p), string(p) != strings.Repeat("content", 100):
			c.Errorf("a read or write beside Close: %d, %v, %s", n, err, short(string(p)))
			return
		}
	}
}

package vfstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/unio-go/unio/vfs"
)

// concurrentAccess: any number of goroutines use one File, each its own blocks, and each reads what it wrote.
func concurrentAccess(c *check) {
	const users, rounds, block = 16, 50, 1500
	f := c.create("file", "")
	var all sync.WaitGroup
	for user := range users {
		all.Go(func() {
			p, got := bytes.Repeat([]byte{byte('a' + user)}, block), make([]byte, block)
			for round := range rounds {
				off := int64(round*users+user) * block
				if n, err := f.WriteAt(p, off); n != block || err != nil {
					c.Errorf("WriteAt beside others: %d, %v", n, err)
					return
				}
				if n, err := f.ReadAt(got, off); n != block || err != nil && err != io.EOF || !bytes.Equal(got, p) {
					c.Errorf("ReadAt beside others of what was written before: %d, %v, %s", n, err, short(string(got)))
					return
				}
				if _, err := f.Stat(); err != nil {
					c.Error(err)
				}
			}
		})
	}
	all.Wait()
	var want strings.Builder
	for range rounds {
		for user := range users {
			want.WriteString(strings.Repeat(string(rune('a'+user)), block))
		}
	}
	c.content(f, want.String())
	c.ok(f.Close())
}

// atOnce runs do in eight goroutines and gives how many succeeded. The others must fail with an error of one kind.
func (c *check) atOnce(what string, kind error, do func(i int) error) (succeeded int) {
	c.Helper()
	var all sync.WaitGroup
	var good atomic.Int32
	begin := make(chan struct{})
	for i := range 8 {
		all.Go(func() {
			<-begin
			switch err := do(i); {
			case err == nil:
				good.Add(1)
			case !errors.Is(err, kind):
				c.Errorf("%s beside others: %v, want success or %v", what, err, kind)
			}
		})
	}
	close(begin)
	all.Wait()
	return int(good.Load())
}

// concurrentCreate: of many who create a name, one succeeds.
func concurrentCreate(c *check) {
	for round := range 30 {
		name, dir := fmt.Sprintf("file-%d", round), fmt.Sprintf("dir-%d", round)
		files := c.atOnce("OpenFile with os.O_EXCL", fs.ErrExist, func(int) error {
			return closeAfter(c.fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666, nil))
		})
		dirs := c.atOnce("Mkdir", fs.ErrExist, func(int) error { return c.fsys.Mkdir(dir, 0o777) })
		if hasLinker(c.fsys) {
			linked := c.atOnce("Link", fs.ErrExist, func(int) error { return vfs.Link(c.fsys, name, name+"-linked") })
			if linked != 1 {
				c.Errorf("of 8 at once %d made a link, want 1", linked)
			}
		}
		removed := c.atOnce("Remove", fs.ErrNotExist, func(int) error { return c.fsys.Remove(name) })
		if files != 1 || dirs != 1 || removed != 1 {
			c.Errorf("of 8 at once %d created a file, %d made a directory, %d removed a file; want 1 of each", files, dirs, removed)
		}
		c.missing(name)
	}
}

// concurrentClose: of many who close a File, one succeeds.
func concurrentClose(c *check) {
	c.write("file", "")
	for range 30 {
		for _, name := range []string{"file", "."} {
			f := c.open(name, os.O_RDONLY)
			if closed := c.atOnce("Close", fs.ErrClosed, func(int) error { return f.Close() }); closed != 1 {
				c.Errorf("of 8 at once %d closed %q, want 1", closed, name)
			}
		}
	}
}

// concurrentRename: of many who rename a file, one succeeds, and it has one name afterwards.
func concurrentRename(c *check) {
	for range 30 {
		c.write("file", "content")
		got := c.atOnce("Rename", fs.ErrNotExist, func(i int) error { return c.fsys.Rename("file", fmt.Sprint("to-", i)) })
		entries, err := c.fsys.ReadDir(".")
		c.ok(err)
		if got != 1 || len(entries) != 1 {
			c.Fatalf("of 8 at once %d renamed a file, which has then the names %v", got, entries)
		}
		c.holds(entries[0].Name(), "content")
		c.ok(c.fsys.Remove(entries[0].Name()))
	}
}

// concurrentReplace: whoever looks while a file is replaced sees the old or the new, whole.
func concurrentReplace(c *check) {
	text := func(i int) string { return strings.Repeat(fmt.Sprintf("%04d", i), 500) }
	c.write("file", text(0))
	var readers sync.WaitGroup
	var done atomic.Bool
	for range 3 {
		readers.Go(func() {
			for last := 0; !done.Load(); {
				got, err := readAll(c.fsys, "file")
				var i int
				if _, scanErr := fmt.Sscanf(got, "%4d", &i); err != nil || scanErr != nil || got != text(i) || i < last {
					c.Errorf("while a file was replaced it could not be seen, or not as a whole: %v, %s after %04d", err, short(got), last)
					return
				}
				last = i
			}
		})
	}
	for i := 1; i <= 200; i++ {
		c.write("temporary", text(i))
		c.ok(c.fsys.Rename("temporary", "file"))
	}
	done.Store(true)
	readers.Wait()
	c.names(".", "file")
}

// readAll reads a file, which must be described as it is.
func readAll(fsys vfs.FS, name string) (string, error) {
	if _, err := fsys.Stat(name); err != nil {
		return "", err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	p, err := io.ReadAll(&progress{Reader: f})
	return string(p), errors.Join(err, f.Close())
}

package lsm

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	pebblefs "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/adapter/pebblevfs"
	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/trial"
	"github.com/unio-go/unio/vfs/osfs"
)

// contender is Pebble on one file system.
type contender struct {
	fsys   pebblefs.FS
	end    func() error // of the file system
	root   string       // of fsys: what Pebble calls "/"
	dir    string
	origin string // the store that all begin with
	keys   uint64

	reading *pebble.DB // what is only read; nil: not open yet
	ballast []byte
}

// ballastBytes is memory that nobody touches, as "pebble bench" has it: without it Go's heap is so small that the collector runs
// hundreds of times a second, which is then most of what is measured.
const ballastBytes = 1 << 30

// readingName is the directory of the store that is only read, writingName of one that a slice writes.
const (
	readingName = "reading"
	writingName = "writing"
)

// originName is the directory of the store that all begin with, beside theirs.
const originName = "origin"

// makeOrigin makes that store.
func makeOrigin(dir string) error {
	keys, err := keyCount()
	if err != nil {
		return err
	}
	return build(filepath.Join(dir, originName), keys)
}

// start begins a contender.
func start(name, dir string) (trial.Program, error) {
	keys, err := keyCount()
	if err != nil {
		return nil, err
	}
	if _, err := host.RaiseFileLimit(); err != nil {
		return nil, err
	}
	c := &contender{
		dir: dir, origin: filepath.Join(filepath.Dir(dir), originName), keys: keys, end: func() error { return nil },
	}
	if keys >= keysDefault { // fewer tell nothing anyway
		c.ballast = make([]byte, ballastBytes)
	}
	if err := c.open(name); err != nil {
		return nil, err
	}
	return c, nil
}

// open opens the file system of a contender.
func (c *contender) open(name string) error {
	switch name {
	case plain:
		c.fsys, c.root = pebblefs.Default, c.dir
	case overOS:
		fsys, err := osfs.New(c.dir)
		if err != nil {
			return err
		}
		c.fsys, c.end = pebblevfs.New(fsys), fsys.Close
	case unioUring:
		return c.openRuntime(unio.Uring)
	case unioEpoll:
		return c.openRuntime(unio.Epoll)
	default:
		return fmt.Errorf("there is no contender %q", name)
	}
	return nil
}

func (c *contender) openRuntime(engine unio.Engine) error {
	rt, err := unio.New(&unio.Options{Engine: engine})
	if err != nil {
		return err
	}
	fsys, err := rt.FS(c.dir)
	if err != nil {
		return errors.Join(err, rt.Close())
	}
	c.fsys, c.end = pebblevfs.New(fsys), rt.Close
	return nil
}

// store opens the store in a directory of the contender's.
func (c *contender) store(name string, readOnly bool) (*pebble.DB, error) {
	o := settings(c.fsys)
	o.ReadOnly = readOnly
	return pebble.Open(filepath.Join(c.root, name), o)
}

// Close ends the contender.
func (c *contender) Close() error {
	var err error
	if c.reading != nil {
		err = c.reading.Close()
	}
	runtime.KeepAlive(c.ballast)
	return errors.Join(err, c.end())
}

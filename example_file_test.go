package unio_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/unio-go/unio"
)

func ExampleFile() {
	ctx, name := context.Background(), temporary()
	defer os.Remove(name)
	rt, err := unio.New(nil)
	check(err)
	defer rt.Close()
	f, err := rt.OpenFile(name, os.O_RDWR, 0, nil) // FileOptions{Direct: true} is O_DIRECT
	check(err)
	first, err := f.Append(ctx, []byte("first"), unio.Durable) // group commit: one sync for all who append at the time
	check(err)
	second, err := f.Append(ctx, []byte("second"), unio.Durable)
	check(err)
	p, q := make([]byte, 5), make([]byte, 6)
	_, err = f.ReadAt(p, first) // io.ReaderAt, from any number of goroutines and tasks at once
	check(err)
	b, err := f.ReadBuf(ctx, second, 6) // a buffer of the runtime: aligned, may be sent, and ctx ends the wait
	check(err)
	fmt.Printf("%s %s\n", p, b.Bytes())
	b.Release()
	err = rt.ReadBatch(ctx, []unio.ReadOp{{File: f, Off: first, P: p}, {File: f, Off: second, P: q}}) // one submission
	check(err)
	fmt.Printf("%s %s\n", p, q)
	// Output:
	// first second
	// first second
}

func ExampleRuntime_FS() {
	ctx, dir := context.Background(), temporaryDir()
	defer os.RemoveAll(dir)
	check(os.Symlink("/etc", filepath.Join(dir, "out")))
	rt, err := unio.New(nil)
	check(err)
	defer rt.Close()
	tree, err := rt.FS(dir) // a vfs.FS
	check(err)
	f, err := tree.OpenFile("log.new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644, nil)
	check(err)
	_, err = f.(*unio.File).Append(ctx, []byte("record"), unio.Durable) // what it opens can do all that a File can
	check(err)
	check(f.Close())
	check(tree.Rename("log.new", "log"))
	top, err := tree.OpenFile(".", os.O_RDONLY, 0, nil)
	check(err)
	check(errors.Join(top.Sync(), top.Close())) // now the name is durable as well
	content, err := fs.ReadFile(tree, "log")    // whatever reads an fs.FS reads it
	check(err)
	_, err = tree.Open("out/passwd") // a symbolic link to /etc
	fmt.Printf("%s\n%v\n", content, errors.Is(err, fs.ErrPermission))
	// Output:
	// record
	// true
}

// temporaryDir is the name of a new directory.
func temporaryDir() string {
	dir, err := os.MkdirTemp("", "unio")
	check(err)
	return dir
}

// temporary is the name of a new file.
func temporary() string {
	f, err := os.CreateTemp("", "unio")
	check(err)
	check(f.Close())
	return f.Name()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

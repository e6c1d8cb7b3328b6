package main

import (
	"context"
	"io"
	"os"

	"github.com/unio-go/unio"
)

// byTask reads past the page cache, in a task on a loop that has a CPU to itself. The buffer is the runtime's: it is aligned
// as O_DIRECT wants it, and the kernel knows it already where it lets itself be told.
func byTask(name string, off int64, n int, w io.Writer) error {
	return withRuntime(&unio.Options{Loops: 1, Pin: true}, func(rt *unio.Runtime) error {
		f, err := rt.OpenFile(name, os.O_RDONLY, 0, &unio.FileOptions{Direct: true})
		if err != nil {
			return err // the file system may have no O_DIRECT; the error says so
		}
		defer f.Close()
		done := make(chan error, 1) // with room, so that the task does not block its loop
		rt.Go(func() { done <- copyPart(f, off, n, w) })
		return <-done
	})
}

// copyPart reads whole blocks, which are what a device has, and writes what was asked for.
func copyPart(f *unio.File, off int64, n int, w io.Writer) (err error) {
	block := int64(f.Alignment())
	first := off / block * block
	length := (off + int64(n) - first + block - 1) / block * block
	b, err := f.ReadBuf(context.Background(), first, int(length)) // parks the task until the device has answered
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	defer b.Release()
	p := b.Bytes()
	p = p[min(int(off-first), len(p)):]
	unio.Offload(func() { _, err = w.Write(p[:min(n, len(p))]) }) // w may block
	return err
}

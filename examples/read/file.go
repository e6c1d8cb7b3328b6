package main

import (
	"io"
	"os"

	"github.com/unio-go/unio"
)

// byFile reads by unio.File, which is io.ReaderAt. What is in the page cache comes at once; what is not is waited for
// without a thread, so any number of goroutines may do this at a time.
func byFile(name string, off int64, n int, w io.Writer) error {
	return withRuntime(nil, func(rt *unio.Runtime) error {
		f, err := rt.OpenFile(name, os.O_RDONLY, 0, nil)
		if err != nil {
			return err
		}
		defer f.Close()
		p := make([]byte, n)
		m, err := f.ReadAt(p, off)
		if err != nil && err != io.EOF { // io.EOF: the file ends before off+n
			return err
		}
		_, err = w.Write(p[:m])
		return err
	})
}

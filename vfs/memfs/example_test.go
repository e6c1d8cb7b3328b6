package memfs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

// A crash test in twenty lines: save says that it has saved, so no crash may lose it. This one has forgotten a Sync.
func Example() {
	save := func(fsys vfs.FS, text string) error {
		f, err := fsys.OpenFile("settings", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666, nil)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Write([]byte(text)); err != nil {
			return err
		}
		return f.Sync() // of the file, and not of the directory that has its name
	}
	fsys := memfs.New()
	if err := save(fsys, "colour = green"); err != nil {
		log.Fatal(err)
	}
	for seed := range uint64(1000) {
		got, err := fs.ReadFile(fsys.Crash(seed), "settings")
		if err != nil || !bytes.Equal(got, []byte("colour = green")) {
			fmt.Printf("saved, and after a crash: %q, %v\n", got, err)
			break
		}
	}
	// Output: saved, and after a crash: "", open settings: file does not exist
}

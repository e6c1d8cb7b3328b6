package vfs_test

import (
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/osfs"
)

// A configuration is replaced so that a crash leaves the old or the new.
func ExampleWriteFileAtomic() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fsys, err := osfs.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer fsys.Close()

	for _, content := range []string{"level: 1\n", "level: 2\n"} {
		if err := vfs.WriteFileAtomic(fsys, "config", []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	text, err := fs.ReadFile(fsys, "config")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output: level: 2
}

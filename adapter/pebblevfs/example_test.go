package pebblevfs_test

import (
	"fmt"
	"log"
	"os"

	"github.com/cockroachdb/pebble/v2"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/adapter/pebblevfs"
)

// Pebble on the engines: what is not in the page cache is read without a thread for each goroutine that waits.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "pebble")
	check(err)
	defer os.RemoveAll(dir)
	rt, err := unio.New(nil)
	check(err)
	defer rt.Close()
	tree, err := rt.FS(dir)
	check(err)
	db, err := pebble.Open("/db", &pebble.Options{FS: pebblevfs.New(tree), Logger: quiet{}}) // "/" is dir
	check(err)
	check(db.Set([]byte("key"), []byte("value"), pebble.Sync))
	value, closer, err := db.Get([]byte("key"))
	check(err)
	fmt.Printf("%s\n", value)
	check(closer.Close())
	check(db.Close())
	// Output: value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

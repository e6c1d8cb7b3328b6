package faultfs_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"syscall"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/faultfs"
	"github.com/unio-go/unio/vfs/osfs"
)

// The device fails at the second sync.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	below, err := osfs.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer below.Close()

	plan := faultfs.NewPlan(1)
	if err := plan.Add(faultfs.Rule{Op: "sync", Nth: 2, Err: syscall.EIO}); err != nil {
		log.Fatal(err)
	}
	fsys := faultfs.New(below, plan)
	err = vfs.WriteFileAtomic(fsys, "config", []byte("new"), 0o644)
	fmt.Println(errors.Is(err, syscall.EIO))
	for _, injected := range plan.Log() {
		fmt.Println(injected.Op, injected.Names)
	}
	// Output:
	// true
	// sync [.]
}

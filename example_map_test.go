//go:build unix

package unio_test

import (
	"context"
	"fmt"
	"os"

	"github.com/unio-go/unio"
)

func ExampleRuntime_Map() {
	ctx, name := context.Background(), temporary()
	defer os.Remove(name)
	check(os.WriteFile(name, []byte("key: value"), 0o600))
	rt, err := unio.New(nil)
	check(err)
	defer rt.Close()
	f, err := rt.OpenFile(name, os.O_RDONLY, 0, nil)
	check(err)
	m, err := rt.Map(f)
	check(err)
	check(f.Close())             // the mapping does not need it
	check(m.Populate(ctx, 0, 3)) // waits without holding a P or a loop, which a page fault would
	key, err := m.Bytes(0, 3)    // the memory itself, until Close
	check(err)
	fmt.Printf("%s\n", key)
	err = m.View(ctx, 5, 5, func(p []byte) error { // both at once; and if the file is truncated, an error and no SIGBUS
		fmt.Printf("%s\n", p)
		return nil
	})
	check(err)
	check(m.Close())
	// Output:
	// key
	// value
}

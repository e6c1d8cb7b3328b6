// Command copy copies a file: copy FROM TO.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/unio-go/unio"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: copy FROM TO")
	}
	rt, err := unio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	n, err := copyFile(context.Background(), rt, os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%d bytes", n)
}

// copyFile copies a file, and returns when the bytes are on the device; their name is when its directory is. The
// file system copies by itself, or shares the blocks, where it can; what it cannot goes through buffers of the runtime.
func copyFile(ctx context.Context, rt *unio.Runtime, from, to string) (n int64, err error) {
	src, err := rt.OpenFile(from, os.O_RDONLY, 0, nil)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	dst, err := rt.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o644, nil) // not os.O_TRUNC: from may be the same file
	if err != nil {
		return 0, err
	}
	if n, err = src.CopyTo(ctx, dst, 0, -1); err == nil {
		err = dst.Truncate(n) // what was there before may have been longer
	}
	if err == nil {
		err = dst.Datasync()
	}
	return n, errors.Join(err, dst.Close())
}

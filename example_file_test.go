package unio_test

import (
	"context"
	"fmt"
	"log"
	"os"

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

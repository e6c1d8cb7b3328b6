package mem_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/unio-go/unio/mem"
)

// A message is received into one buffer, and its body outlives it.
func Example() {
	pool, err := mem.NewPool(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := pool.Get(context.Background(), 64<<10)
	if err != nil {
		fmt.Println(err)
		return
	}
	b.SetLen(copy(b.Bytes(), "head\n\nbody"))

	at := bytes.Index(b.Bytes(), []byte("\n\n")) + 2
	body := b.Slice(at, b.Len())
	b.Release() // the memory stays: body has a handle on it

	fmt.Printf("%s\n", body.Bytes())
	body.Release()
	fmt.Println(pool.Close())
	// Output:
	// body
	// <nil>
}

// An event loop cannot block in Get. It tries, and has itself called when it is worth trying again.
func ExamplePool_Notify() {
	pool, err := mem.NewPool(&mem.PoolOptions{LimitBytes: mem.PageBytes})
	if err != nil {
		fmt.Println(err)
		return
	}
	held, _ := pool.TryGet(100)

	if _, ok := pool.TryGet(100); !ok {
		pool.Notify(100, func() { fmt.Println("try again") })
	}
	held.Release()
	b, ok := pool.TryGet(100)
	fmt.Println(ok)
	b.Release()
	fmt.Println(pool.Close())
	// Output:
	// try again
	// true
	// <nil>
}

// A slice ends where it was cut, so that appending to it never writes to its neighbour.
func ExampleBuf_Slice() {
	pool, err := mem.NewPool(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := pool.TryGet(10)
	copy(b.Bytes(), "0123456789")
	s := b.Slice(2, 5)
	fmt.Printf("%s %d %d\n", s.Bytes(), s.Len(), s.Cap())
	s.Release()
	b.Release()
	fmt.Println(pool.Close())
	// Output:
	// 234 3 3
	// <nil>
}

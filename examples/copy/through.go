package main

import (
	"context"
	"errors"
	"io"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
)

// through is copyFile's work where somebody wants to see the bytes on their way: one goroutine reads ahead, by as many buffers
// as the channel holds, while the other writes. The buffers that were read are written; nothing is copied in between.
func through(ctx context.Context, dst, src *unio.File, see func([]byte)) (n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	pieces, failed := make(chan *mem.Buf, 4), make(chan error, 1)
	go func() {
		defer close(pieces)
		for off := int64(0); ; {
			b, err := src.ReadBuf(ctx, off, 256<<10)
			if err != nil {
				failed <- err
				return
			}
			off += int64(b.Len())
			pieces <- b
		}
	}()
	for b := range pieces {
		if err != nil {
			b.Release() // it was read before the reader heard
			continue
		}
		see(b.Bytes())
		m, failure := dst.WriteBuf(ctx, n, b) // takes the buffer over
		n += int64(m)
		if failure != nil {
			err = failure
			cancel()
		}
	}
	cancel()
	if end := <-failed; err == nil && !errors.Is(end, io.EOF) {
		err = end
	}
	return n, err
}

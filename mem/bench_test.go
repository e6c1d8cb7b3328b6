package mem

import (
	"fmt"
	"testing"
)

func BenchmarkTryGetRelease(b *testing.B) {
	for _, size := range []int{PageBytes, 64 << 10, MaxBytes} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			p := newPool(b, 0)
			b.ReportAllocs()
			for b.Loop() {
				buf, _ := p.TryGet(size)
				buf.Release()
			}
		})
	}
}

func BenchmarkSliceRelease(b *testing.B) {
	for _, held := range []int{0, 8} { // with 8 the slots are full and the handle is one of its own
		b.Run(fmt.Sprintf("held=%d", held), func(b *testing.B) {
			p := newPool(b, 0)
			buf, _ := p.TryGet(PageBytes)
			defer buf.Release()
			for range held {
				defer buf.Ref().Release()
			}
			b.ReportAllocs()
			for b.Loop() {
				buf.Slice(16, 32).Release()
			}
		})
	}
}

func BenchmarkBytes(b *testing.B) {
	p := newPool(b, 0)
	buf, _ := p.TryGet(PageBytes)
	defer buf.Release()
	n := 0
	for b.Loop() {
		n += len(buf.Bytes())
	}
	_ = n
}

// BenchmarkHandOver releases each buffer on another goroutine than the one that took it.
func BenchmarkHandOver(b *testing.B) {
	p := newPool(b, 0)
	c := make(chan *Buf, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := range c {
			buf.Release()
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		buf, _ := p.TryGet(PageBytes)
		c <- buf
	}
	close(c)
	<-done
}

func BenchmarkParallel(b *testing.B) {
	p := newPool(b, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			buf, _ := p.TryGet(PageBytes)
			buf.Release()
		}
	})
}

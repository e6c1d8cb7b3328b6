package enginetest

import (
	"slices"
	"time"

	"github.com/unio-go/unio/internal/engine"
	"github.com/unio-go/unio/mem"
)

// floods has a peer write total bytes of the pattern of seed as fast as it can, and end.
func floods(p peer, seed byte, total int) <-chan error {
	return beside(func() error {
		b := make([]byte, 256<<10)
		for off := 0; off < total; off += len(b) {
			fill(b, seed, off)
			if _, err := p.Write(b); err != nil {
				return err
			}
		}
		return p.CloseWrite()
	})
}

// largest receives total bytes, more slowly than the peer can send them, and tells how large the largest piece was.
func (r *rig) largest(d engine.Desc, how, seed byte, total int) (most int) {
	r.Helper()
	op := r.recv(d)
	op.How = how
	for off := 0; off < total; {
		if r.do(op); op.Err != nil {
			r.Fatal(op.Err)
		}
		if err := check(op.Buf.Bytes(), seed, off); err != nil {
			r.Fatal(err)
		}
		most = max(most, op.Buf.Len())
		off += op.Buf.Len()
		op.Buf.Release()
		time.Sleep(100 * time.Microsecond)
	}
	return most
}

// mayBeLarge reports whether the engine can receive more than engine.RecvBytes at once here: a buffer ring that is not incremental has
// small blocks, and a simulated network keeps no more.
func (r *rig) mayBeLarge() bool {
	_, real := r.sockets.(kernel)
	return real && (r.name != engine.Uring || slices.Contains(r.e.Caps().Features, "incremental_buffers"))
}

func wholeRecvsAreLargeWhereMuchIsThere(r *rig) {
	const total = 4 << 20
	receive := func(what string, how byte, want int) {
		r.Helper()
		d, p := r.pair()
		written := floods(p, 3, total)
		switch most := r.largest(d, how, 3, total); {
		case most > want:
			r.Errorf("%s: %d bytes came at once, want at most %d", what, most, want)
		case want > engine.RecvBytes && most <= engine.RecvBytes && r.mayBeLarge():
			r.Errorf("%s: no more than %d bytes came at once", what, most)
		}
		r.join("writer", written)
		r.closeDesc(d)
		p.Close()
	}
	receive("taken whole", engine.RecvWhole, engine.BulkBytes)
	receive("taken in parts", 0, engine.RecvBytes)

	r.start(engine.Config{}, &mem.PoolOptions{LimitBytes: 64 << 20})
	var held []*mem.Buf
	for r.pool.Ample() {
		held = append(held, r.takeBuf(mem.MaxBytes))
	}
	receive("taken whole, with a quarter of the pool in use", engine.RecvWhole, engine.RecvBytes)
	for _, b := range held {
		b.Release()
	}
}

package mem

import "testing"

// newPool is a pool that must have no buffer out when the test ends.
func newPool(t testing.TB, limitBytes int64) *Pool {
	t.Helper()
	p, err := NewPool(&PoolOptions{LimitBytes: limitBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.MappedBytes != 0 || s.InUseBytes != 0 || s.Handles != 0 || s.Waiters != 0 {
			t.Errorf("after Close: %+v", s)
		}
	})
	return p
}

// get is a buffer that must be there.
func get(t testing.TB, p *Pool, n int) *Buf {
	t.Helper()
	b, ok := p.TryGet(n)
	if !ok {
		t.Fatalf("no buffer of %d bytes: %+v", n, p.Stats())
	}
	return b
}

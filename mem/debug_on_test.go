//go:build race || uniodebug

package mem

import (
	"bytes"
	"strings"
	"testing"
)

func takeOne(p *Pool) *Buf   { b, _ := p.TryGet(10); return b }
func releaseOne(b *Buf)      { b.Release() }
func releaseOneAgain(b *Buf) { b.Release() }

func TestMisuseNamesAllStacks(t *testing.T) {
	p := newPool(t, 0)
	b := takeOne(p)
	releaseOne(b)
	got := mustPanic(t, "Buf.Release of a released handle", func() { releaseOneAgain(b) })
	for _, want := range []string{"taken by:\n\tgithub.com/unio-go/unio/mem.takeOne\n",
		"released by:\n\tgithub.com/unio-go/unio/mem.releaseOne\n",
		"misused by:\n\tgithub.com/unio-go/unio/mem.releaseOneAgain\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("panic lacks %q:\n%s", want, got)
		}
	}
}

func TestLeakNamesItsStack(t *testing.T) {
	p, err := NewPool(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := takeOne(p)
	err = p.Close()
	if err == nil || !strings.Contains(err.Error(), "taken by:\n\tgithub.com/unio-go/unio/mem.takeOne\n") {
		t.Errorf("Close: %v", err)
	}
	b.Release()
}

func TestUseAfterReleaseReadsThePattern(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 5000)
	s := b.Slice(1, 2)
	kept := b.Bytes()
	clear(kept)
	b.Release()
	if kept[0] != 0 {
		t.Error("overwritten while a slice was out")
	}
	s.Release()
	if !bytes.Equal(kept[:PageBytes], mangled) || kept[4999] != 0xCC {
		t.Errorf("reads % x", kept[:8])
	}
}

func TestWriteAfterReleaseIsFoundOnTheNextGet(t *testing.T) {
	p := newPool(t, 0)
	b := get(t, p, 5000)
	kept := b.Bytes()
	releaseOne(b)
	kept[4321] = 1
	mustPanic(t, "released by:\n\tgithub.com/unio-go/unio/mem.releaseOne\n", func() { p.TryGet(5000) })
	kept[4321] = 0xCC
	// The block was on its way out and stays lost for the pool; it goes back by hand, so that Close finds it.
	p.inUse.Add(-8192)
	p.push(b.blk.index, b.blk.index, classOf(5000))
}

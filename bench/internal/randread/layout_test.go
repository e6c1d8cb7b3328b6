package randread

import "testing"

// Each block of the cold part is read once before any is read again, whatever the number of loops and blocks.
func TestColdBlocksAreMetOnce(t *testing.T) {
	for _, fileBlocks := range []int64{3, 7, 33, 100} {
		l := &Layout{FileBlocks: fileBlocks, HotBlocks: 1}
		for _, loops := range []int{1, 8, 31} {
			seen := map[[2]int64]int{}
			var all []picker
			for i := range loops {
				all = append(all, newPicker(l, 0, 42, i, loops))
			}
			for k := range int(l.cold()) {
				file, off := all[k%loops].pick()
				if off%blockBytes != 0 || off < 0 || off >= l.coldBlocks()*blockBytes {
					t.Fatalf("%d blocks: read at %d", fileBlocks, off)
				}
				seen[[2]int64{int64(file), off}]++
			}
			if len(seen) != int(l.cold()) {
				t.Errorf("%d blocks a file, %d loops: %d of %d blocks were met", fileBlocks, loops, len(seen), l.cold())
			}
		}
	}
}

// Neighbours in the order are not neighbours on the disk.
func TestColdOrderLooksRandom(t *testing.T) {
	l := &Layout{FileBlocks: 4096, HotBlocks: 1024}
	p := newPicker(l, 0, 7, 0, 1)
	near, n := 0, 20000
	last := int64(0)
	for range n {
		_, off := p.pick()
		if d := off - last; d < 8*blockBytes && d > -8*blockBytes {
			near++
		}
		last = off
	}
	// 16 of 3072 places are that near: half a percent by chance.
	if near > n/50 {
		t.Errorf("%d of %d reads were near the one before", near, n)
	}
}

func TestShareOfResidentReads(t *testing.T) {
	l := &Layout{FileBlocks: 64, HotBlocks: 16}
	for _, cache := range []Cache{Direct, Mix50, Mix90, Mix99, Cached} {
		p := newPicker(l, cache.hot(), 1, 0, 1)
		hot, n := 0, 100000
		for range n {
			if _, off := p.pick(); off >= l.coldBlocks()*blockBytes && off < l.FileBlocks*blockBytes {
				hot++
			}
		}
		if got := 100 * float64(hot) / float64(n); got < float64(cache.hot())-1 || got > float64(cache.hot())+1 {
			t.Errorf("%s: %.1f %% of the reads are in the resident part", cache, got)
		}
	}
}

func TestAWrongBlockIsSeen(t *testing.T) {
	p := make([]byte, blockBytes)
	putHeader(p, 3, 5)
	if err := checkHeader(p, 3, 5*blockBytes); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		checkHeader(p, 4, 5*blockBytes), checkHeader(p, 3, 6*blockBytes), checkHeader(p[:100], 3, 5*blockBytes),
		checkHeader(make([]byte, blockBytes), 0, 0),
	} {
		if err == nil {
			t.Error("a wrong block was not seen")
		}
	}
}

package uniotls

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/unio-go/unio/mem"
)

// FuzzRecord gives records in pieces of all sizes to a reader that asks for pieces of all sizes, and wants every byte in
// order, no piece beyond the end of a record, and the word of whole for when a record ends.
func FuzzRecord(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 5, 200})
	f.Add(uint64(2), []byte{255})
	f.Add(uint64(3), []byte{0, 0, 0})
	pool, err := mem.NewPool(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, seed uint64, sizes []byte) {
		var stream []byte
		ends := map[int]int{} // where a record ends: the length of its payload
		for _, n := range sizes[:min(len(sizes), 100)] {
			size := int(n) * int(n) % 700
			stream = append(stream, 23, 3, 3)
			stream = binary.BigEndian.AppendUint16(stream, uint16(size))
			stream = append(stream, bytes.Repeat([]byte{n}, size)...)
			ends[len(stream)] = size
		}
		checkRecords(t, pool, rand.New(rand.NewPCG(seed, 1)), stream, ends)
	})
}

func checkRecords(t *testing.T, pool *mem.Pool, r *rand.Rand, stream []byte, ends map[int]int) {
	var in record
	got, p := 0, make([]byte, 1500)
	for arrived := 0; arrived < len(stream); {
		n := 1 + r.IntN(min(1200, len(stream)-arrived))
		b, ok := pool.TryGet(n)
		if !ok {
			t.Fatal("the pool is empty")
		}
		copy(b.Bytes(), stream[arrived:])
		arrived += n
		in.arrive(b)
		for len(in.data) > 0 {
			if r.IntN(8) == 0 {
				in.yield()
			}
			end := got + 1
			for end <= arrived && !isEnd(ends, end) {
				end++
			}
			if size, ok := in.whole(); ok != (end <= arrived) || ok && size != ends[end] {
				t.Fatalf("at %d of %d: whole %v with %d, the record ends at %d", got, arrived, ok, size, end)
			}
			in.ended = false
			n := in.give(p[:1+r.IntN(len(p))])
			if n == 0 || !bytes.Equal(p[:n], stream[got:got+n]) || got+n > end {
				t.Fatalf("at %d of %d: %d bytes, the record ends at %d", got, arrived, n, end)
			}
			got += n
			if in.ended != isEnd(ends, got) {
				t.Fatalf("at %d: a record has ended: %v", got, in.ended)
			}
		}
	}
	if got != len(stream) {
		t.Fatalf("%d of %d bytes came out", got, len(stream))
	}
}

func isEnd(ends map[int]int, at int) bool {
	_, ok := ends[at]
	return ok
}

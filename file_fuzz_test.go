package unio_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/mem"
	"github.com/unio-go/unio/uniotest"
)

// fileModel is what a file must be: its bytes.
type fileModel struct{ content []byte }

func (m *fileModel) write(p []byte, off int) {
	if len(p) == 0 {
		return
	}
	if end := off + len(p); end > len(m.content) {
		m.content = append(m.content, make([]byte, end-len(m.content))...)
	}
	copy(m.content[off:], p)
}

// read is what a read of n bytes gives.
func (m *fileModel) read(off, n int) []byte {
	off = min(off, len(m.content))
	return m.content[off:min(off+n, len(m.content))]
}

// FuzzFile performs a random program on a File of each engine and compares it with a slice of bytes.
func FuzzFile(f *testing.F) {
	f.Add([]byte("\x00\x10\x20\x01\x10\x20\x02\x30\x40\x03\x01\x02\x04\x07\x07\x05\x09\x01\x06\x02\x03\x07\x04\x04"))
	f.Add(noise(300, 1))
	f.Fuzz(func(t *testing.T, program []byte) {
		program = program[:min(len(program), 600)]
		uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
			f, err := rt.OpenFile(filepath.Join(t.TempDir(), "a"), os.O_RDWR|os.O_CREATE, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var m fileModel
			run := func(fn func()) { fn() }
			for left := program; len(left) >= 5; left = left[5:] {
				step := left[:5]
				if step[0]&0x80 != 0 {
					run = asTask(t, rt)
				}
				run(func() { fileStep(t, rt, f, &m, step) })
			}
			if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, m.content) {
				t.Fatalf("%d bytes, %v; want %d", len(got), err, len(m.content))
			}
		})
	})
}

// fileStep performs one step: what, and two numbers.
func fileStep(t *testing.T, rt *unio.Runtime, f *unio.File, m *fileModel, step []byte) {
	ctx := context.Background()
	off, n := int(binary.LittleEndian.Uint16(step[1:]))*3, int(binary.LittleEndian.Uint16(step[3:]))%20_000
	p := noise(n, uint64(off))
	want := m.read(off, n)
	switch step[0] % 8 {
	case 0, 1:
		if got, err := f.WriteAt(p, int64(off)); got != n || err != nil {
			t.Errorf("WriteAt: %d, %v; want %d", got, err, n)
		}
		m.write(p, off)
	case 2:
		got, err := f.ReadAt(p, int64(off))
		if !bytes.Equal(p[:got], want) || (err == io.EOF) != (got < n) || err != nil && err != io.EOF {
			t.Errorf("ReadAt: %d, %v; want %d of %d", got, err, len(want), n)
		}
	case 3:
		b, err := f.ReadBuf(ctx, int64(off), n+1)
		want = m.read(off, n+1)
		if err == nil {
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("ReadBuf: %d bytes, want %d", b.Len(), len(want))
			}
			b.Release()
		} else if err != io.EOF || len(want) > 0 {
			t.Errorf("ReadBuf: %v, want %d bytes", err, len(want))
		}
	case 4:
		cut := n / 3
		head, tail := filled(t, rt, p[:cut]), filled(t, rt, p[cut:])
		if got, err := f.WriteBuf(ctx, int64(off), head, tail); got != n || err != nil {
			t.Errorf("WriteBuf: %d, %v; want %d", got, err, n)
		}
		m.write(p, off)
	case 5:
		at, err := f.Append(ctx, p, unio.Durability(off%2))
		if err != nil || at != int64(len(m.content)) {
			t.Errorf("Append: at %d, %v; want %d", at, err, len(m.content))
		}
		m.write(p, len(m.content))
	case 6:
		size := off % (len(m.content) + 1000)
		if err := f.Truncate(int64(size)); err != nil {
			t.Error(err)
		}
		m.content = append(m.content[:min(size, len(m.content))], make([]byte, max(0, size-len(m.content)))...)
	case 7:
		ops := []unio.ReadOp{{File: f, Off: int64(off), P: p}, {File: f, Off: int64(n), P: make([]byte, off%5000)}}
		err := rt.ReadBatch(ctx, ops)
		for i, o := range ops {
			want := m.read(int(o.Off), len(o.P))
			if !bytes.Equal(o.P[:o.N], want) || (o.Err == io.EOF) != (o.N < len(o.P)) {
				t.Errorf("ReadBatch %d: %d, %v; want %d", i, o.N, o.Err, len(want))
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}

// filled is a buffer with content.
func filled(t *testing.T, rt *unio.Runtime, content []byte) *mem.Buf {
	b := alloc(t, rt, max(len(content), 1))
	b.SetLen(copy(b.Bytes(), content))
	return b
}

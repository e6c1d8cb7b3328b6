package unio_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// Handlers that use files run in a simulation: there the caller does everything, at once.
func TestFilesInASimulation(t *testing.T) {
	dir := t.TempDir()
	uniotest.Simulate(t, func(s *uniotest.Sim) {
		f, err := s.Runtime().OpenFile(filepath.Join(dir, "a"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644, nil)
		if err != nil {
			s.Fatalf("%v", err)
		}
		var group unio.Group
		for i := range 4 {
			group.Go(func() error {
				p, got := bytes.Repeat([]byte{byte(i)}, 3000), make([]byte, 3000)
				for range 10 {
					off, err := f.Append(context.Background(), p, unio.Durability(s.Rand.IntN(2)))
					if err != nil {
						return err
					}
					unio.Sleep(time.Duration(s.Rand.IntN(int(time.Second))))
					if _, err := f.ReadAt(got, off); err != nil || !bytes.Equal(got, p) {
						s.Errorf("at %d: %v", off, err)
					}
					if _, err := f.WriteAt(p, off); err != nil {
						return err
					}
					b, err := f.ReadBuf(context.Background(), off, 3000)
					if err != nil {
						return err
					}
					b.Release()
					ops := []unio.ReadOp{{File: f, Off: off, P: got}, {File: f, Off: 0, P: got[:10]}}
					if err := s.Runtime().ReadBatch(context.Background(), ops); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			s.Errorf("%v", err)
		}
		if n, err := f.CopyTo(context.Background(), io.Discard, 0, -1); n != 4*10*3000 || err != nil {
			s.Errorf("%d, %v", n, err)
		}
		if err := f.Close(); err != nil {
			s.Errorf("%v", err)
		}
	})
}

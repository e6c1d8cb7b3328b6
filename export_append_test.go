package unio

import (
	"os"
	"testing"

	"github.com/unio-go/unio/internal/fileio"
)

// Threads is what performs the writes and syncs of Append.
type Threads = threads

// NewFileOn gives a File whose operations another performs than the system. It knows Append and what belongs to it.
func NewFileOn(t testing.TB, on Threads) *File {
	t.Helper()
	null, err := os.Open(os.DevNull) // for its name in errors: nobody may read or write it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	rt := &Runtime{}
	rt.files.pool = on
	f := &File{rt: rt, unused: make(chan struct{}), io: fileio.File{OS: null, FD: -1}}
	f.cursor.f, f.log.f = f, f
	return f
}

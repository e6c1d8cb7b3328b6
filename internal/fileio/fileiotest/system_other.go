//go:build !linux

package fileiotest

import (
	"os"

	"github.com/unio-go/unio/internal/fileio"
)

func descriptor(*os.File) int { return -1 }

func openDescriptors() int { return 0 }

func threads() int { return 0 }

var systemCases []testCase

func mistakes(r *rig) {
	in := r.make("a", 100)
	defer r.done(in)
	for _, op := range []*fileio.Op{
		{Code: fileio.Read, File: in, Data: make([]byte, 10), Off: -1},
		{Code: 77, File: in, Data: make([]byte, 10)},
	} {
		r.do(op)
		if op.N != 0 || op.Err == nil {
			r.Errorf("a mistake is good: %d, %v", op.N, op.Err)
		}
	}
}

//go:build linux && !unio_nouring

package filering

import "testing"

func TestWhoGoesAlone(t *testing.T) {
	var c company
	for i := range aloneOps {
		if !c.alone(1) {
			t.Fatalf("operation %d of a lone reader went to the ring", i)
		}
	}
	if c.alone(1) {
		t.Errorf("%d operations in a row were done by system calls: on one P nobody can join them", aloneOps+1)
	}
	if !c.alone(1) {
		t.Error("a lone reader stayed on the ring after one operation")
	}
	if c.alone(2) {
		t.Error("an operation beside another was done by a system call")
	}
	for i := range companyOps {
		if c.alone(1) {
			t.Fatalf("operation %d after company was done by a system call: it keeps a P while the others of its group wait", i)
		}
	}
	if !c.alone(1) {
		t.Error("a reader that is alone again stayed on the ring")
	}
}

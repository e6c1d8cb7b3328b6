//go:build !race && !uniodebug

package unio

// owner is who waits for an operation. Only debug builds know it.
type owner struct{}

// note is called by whoever is about to wait.
func (*owner) note() {}

// gone is called by whoever has waited.
func (*owner) gone() {}

// String is empty.
func (*owner) String() string { return "" }

// debugBuild is whether misuse is to be found rather than to be cheap.
const debugBuild = false

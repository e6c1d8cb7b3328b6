//go:build !unix

package enginetest

func signalSelf() {}

//go:build !linux

package main

// hidden knows nothing where no comparison runs.
func hidden(string, []string) (done bool, err error) { return false, nil }

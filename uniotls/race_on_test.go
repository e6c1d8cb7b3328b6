//go:build race

package uniotls_test

const raceEnabled = true

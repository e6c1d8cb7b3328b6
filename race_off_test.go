//go:build !race

package unio_test

const raceEnabled = false

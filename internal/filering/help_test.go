//go:build linux && !unio_nouring

package filering

import (
	"os"
	"strconv"
)

func name(n int) string { return "n=" + strconv.Itoa(n) }

func setupOf() uint32 {
	n, _ := strconv.ParseUint(os.Getenv("SETUP"), 0, 32)
	return uint32(n)
}

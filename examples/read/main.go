// Command read prints a part of a file, which it reads at one of three heights: read -height file NAME OFFSET LENGTH.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/unio-go/unio"
)

// heights are the ways to read, from the ground up.
var heights = map[string]func(name string, off int64, n int, w io.Writer) error{
	"ring": byRing,
	"file": byFile,
	"task": byTask,
}

func main() {
	height := flag.String("height", "file", "ring, file or task")
	flag.Parse()
	if err := run(*height, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		os.Exit(1)
	}
}

func run(height string, args []string, w io.Writer) error {
	read := heights[height]
	if read == nil || len(args) != 3 {
		return fmt.Errorf("want -height ring, file or task, and NAME OFFSET LENGTH")
	}
	off, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if off < 0 || n < 0 {
		return fmt.Errorf("%d bytes at %d: neither may be negative", n, off) // an offset of -1 is the file's position to a ring
	}
	return read(args[0], off, n, w)
}

// withRuntime calls fn with a runtime.
func withRuntime(o *unio.Options, fn func(rt *unio.Runtime) error) error {
	rt, err := unio.New(o)
	if err != nil {
		return err
	}
	defer rt.Close()
	return fn(rt)
}

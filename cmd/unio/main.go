// Command unio tells what unio would do on this machine.
//
//	unio probe         which engine would be chosen and why, what the kernel can do, what is in the way
//	unio probe -json   the same for programs
//
// It exits with 0 when it could tell, also when what it tells is bad news, and with 2 when it was called wrongly.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = `unio tells what the I/O runtime unio would do on this machine.

usage:
  unio probe [-json]   which engine would be chosen and why, what the kernel can do (found out by doing it),
                       and what is in the way, with the cure

The environment variable UNIO_ENGINE (uring, epoll, std) chooses the engine as it does for every program.
`

// run is the command. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "probe":
		return probe(args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "unio: no command %q\n\n%s", args[0], usage)
	return 2
}

func probe(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("unio probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	asJSON := flags.Bool("json", false, "write JSON")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "unio probe: unexpected %q\n", flags.Arg(0))
		return 2
	}
	f := gather()
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(f); err != nil {
			fmt.Fprintln(stderr, "unio probe:", err)
			return 1
		}
		return 0
	}
	if err := f.write(stdout); err != nil {
		fmt.Fprintln(stderr, "unio probe:", err)
		return 1
	}
	return 0
}

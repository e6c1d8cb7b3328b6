// Command tinygate is a reverse proxy for HTTP/1.1 on unio. Without arguments it starts a small upstream
// of its own and serves it on 127.0.0.1:8080.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/unio-go/unio/tinygate/internal/admin"
	"github.com/unio-go/unio/tinygate/internal/config"
)

// gcPercent is Go's GOGC where the environment does not say it. What is alive is a few megabytes, and a connection makes
// 2 KB of garbage: by the default of 100 the collector ran every 4 MB and took 5 % of the time where each request comes on a
// connection of its own. Four times that costs 12 MB of memory; ten times saves nothing more.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // before anybody can see that it ends: a second signal ends the process at once
		cancel()
	}()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		say(os.Stderr, withPrefix(err)+"\n")
		os.Exit(1)
	}
}

// withPrefix names the program, except before problems of a file, each of which begins with its place.
func withPrefix(err error) string {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return err.Error()
	}
	return "tinygate: " + strings.TrimPrefix(err.Error(), "tinygate: ")
}

// errUsage is for a wrong command line, about which everything has been said.
var errUsage = errors.New("wrong usage")

var usage = `tinygate: a reverse proxy for HTTP/1.1

  tinygate run FILE           serve what the file says (docs/tinygate.md explains all of it)
  tinygate check FILE         say what is wrong with a file, each with line and column
  tinygate [flags]            forward one address to others, without a file
  tinygate COMMAND ...        ask or tell a running one (COMMAND --help tells how):
` + adminCommands() + `
Without --to it starts a demo upstream of its own. SIGTERM and SIGINT end it gently: it stops listening, lets the
requests in flight finish, and closes the rest. A second signal ends it at once. SIGHUP reads the file again, SIGUSR1
opens the access log again.

`

// adminCommands lists those that package admin knows.
func adminCommands() string {
	var b strings.Builder
	names, about := admin.Commands()
	for i, name := range names {
		fmt.Fprintf(&b, "    %-26s%s\n", name, about[i])
	}
	return b.String()
}

// run is the program, until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command = args[0]
	}
	switch {
	case command == "":
		return simple(ctx, args, stdout, stderr)
	case command == "help":
		return simple(ctx, []string{"--help"}, stdout, stderr)
	case command == "run":
		return runFile(ctx, args[1:], stdout, stderr)
	case command == "check":
		return check(args[1:], stdout, stderr)
	case admin.Known(command):
		err := admin.Command(ctx, args, stdout)
		if errors.Is(err, admin.ErrUsage) {
			fmt.Fprintln(stderr, "tinygate:", err)
			return errUsage
		}
		return err
	}
	fmt.Fprintf(stderr, "tinygate: there is no command %q: there are run, check, those below, and flags, which begin with --\n%s",
		command, adminCommands())
	return errUsage
}

package admin

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// Variable is the environment variable that holds the address of the API for the commands.
	Variable = "TINYGATE_ADMIN"
	// DefaultAddress is where the commands look without it.
	DefaultAddress = "unix:/run/tinygate/admin.sock"
)

// ErrUsage says that a command line was wrong; the error's text says how.
var ErrUsage = errors.New("wrong usage")

// command is one that talks to the running program.
type command struct {
	name     string
	operands string
	about    string
	min, max int // operands
	run      func(ctx context.Context, c *Client, operands []string) ([]byte, error)
	print    func(w io.Writer, answer []byte) error
}

var commands = []command{
	{"status", "", "what runs, and since when", 0, 0, get("/status"), printStatus},
	{"upstreams", "", "the servers and their health", 0, 0, get("/upstreams"), printUpstreams},
	{"inflight", "", "requests that are being served", 0, 0, get("/inflight"), printInFlight},
	{"drain", "UPSTREAM SERVER", "send a server no new requests", 2, 2, name("/drain"), printUpstreams},
	{"undrain", "UPSTREAM SERVER", "send it requests again", 2, 2, name("/undrain"), printUpstreams},
	{"reload", "", "read the configuration again", 0, 0, reload, printReload},
	{"log-level", "[LEVEL]", "tell or set the level of the log", 0, 1, level, printLevel},
}

func get(path string) func(context.Context, *Client, []string) ([]byte, error) {
	return func(ctx context.Context, c *Client, _ []string) ([]byte, error) { return c.Get(ctx, path) }
}

func name(path string) func(context.Context, *Client, []string) ([]byte, error) {
	return func(ctx context.Context, c *Client, operands []string) ([]byte, error) {
		return c.Post(ctx, path, serverName{operands[0], operands[1]})
	}
}

func level(ctx context.Context, c *Client, operands []string) ([]byte, error) {
	if len(operands) == 0 {
		return c.Get(ctx, "/log-level")
	}
	return c.Post(ctx, "/log-level", logLevel{operands[0]})
}

// reload gives the answer of a configuration with problems too, which is printed.
func reload(ctx context.Context, c *Client, _ []string) ([]byte, error) {
	return c.Post(ctx, "/reload", struct{}{})
}

// Commands returns the names and what they do, for the usage text of the program.
func Commands() (names, about []string) {
	for _, c := range commands {
		names = append(names, strings.TrimSpace(c.name+" "+c.operands))
		about = append(about, c.about)
	}
	return names, about
}

// Known reports whether Command has a command of this name.
func Known(name string) bool { return lookup(name) != nil }

func lookup(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// Command runs a command such as "status": args begins with its name. It asks the running program and prints what that
// says as text, or as the JSON it came in with --json. An error matches ErrUsage if the command line was wrong, and
// is an *Error if the program refused. Text that comes from clients is printed without control characters. It gives up when ctx
// is done.
func Command(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 || lookup(args[0]) == nil {
		return fmt.Errorf("%w: there are the commands %s", ErrUsage, list())
	}
	cmd := lookup(args[0])
	address := os.Getenv(Variable)
	if address == "" {
		address = DefaultAddress
	}
	f := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&address, "admin", address, "`ADDRESS` of the running program: unix:PATH or a loopback HOST:PORT, as in its configuration; "+Variable+" says it too")
	asJSON := f.Bool("json", false, "print the answer as JSON")
	timeout := f.Duration("timeout", reloadTime+readTimeout, "how long to wait for the answer: a `TIME` such as 10s")
	operands, err := parse(f, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "%s: %s\n\n", cmd.form("[flags]"), cmd.about)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return nil
	}
	if err == nil && (len(operands) < cmd.min || len(operands) > cmd.max) {
		err = fmt.Errorf("%d operands", len(operands))
	}
	if err != nil {
		return fmt.Errorf("%w: %v: it is %s", ErrUsage, err, cmd.form("[--admin ADDRESS] [--json] [--timeout TIME]"))
	}
	c, err := NewClient(address, *timeout)
	if err != nil {
		return err
	}
	return cmd.ask(ctx, c, operands, stdout, *asJSON)
}

// form is how the command is written.
func (cmd *command) form(flags string) string {
	return strings.TrimSpace("tinygate " + cmd.name + " " + flags + " " + cmd.operands)
}

// ask runs the command and prints the answer. A reload that found problems prints them and is an error.
func (cmd *command) ask(ctx context.Context, c *Client, operands []string, stdout io.Writer, asJSON bool) error {
	answer, err := cmd.run(ctx, c, operands)
	var refused *Error
	if err != nil && (!errors.As(err, &refused) || refused.Status != 422) {
		return err
	}
	if asJSON {
		_, werr := stdout.Write(answer)
		return errors.Join(err, werr)
	}
	return errors.Join(err, cmd.print(stdout, answer))
}

// parse has flags stand before and behind operands.
func parse(f *flag.FlagSet, args []string) (operands []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			return operands, nil
		}
		operands = append(operands, f.Arg(0))
		args = f.Args()[1:]
	}
}

func list() string {
	names, _ := Commands()
	return strings.Join(names, ", ")
}

// decode reads an answer.
func decode(answer []byte, v any) error {
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("admin: the answer is not what this command knows (--json prints it); "+
			"is the running program of another version?: %w", err)
	}
	return nil
}

// ago is the time since t, short.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(time.Since(t))
}

// short prints d with as much as a person needs.
func short(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Minute:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/process"
)

// Verb is the hidden command by which a bench binary becomes a contender.
const Verb = "__contend"

const (
	// startLimit bounds the wait for a contender to begin, which may have a file to fill; sliceSlack is what a slice may
	// take beyond its time, and stopLimit what the end may.
	startLimit = 2 * time.Minute
	sliceSlack = time.Minute
	stopLimit  = 10 * time.Second
)

// request asks a contender for a slice.
type request struct {
	Case   string
	For    time.Duration
	Verify bool
}

// answer is a contender's: first that it is ready, then one for each slice.
type answer struct {
	Slice
	Err string
}

// Serve is one contender until in ends. args are the file name of a suite, a contender and its directory.
func Serve(suites []*Suite, args []string, in io.Reader, out io.Writer) (err error) {
	if len(args) != 3 {
		return errors.New("want suite, contender and directory")
	}
	i := slices.IndexFunc(suites, func(s *Suite) bool { return s.File == args[0] })
	if i < 0 {
		return fmt.Errorf("there is no comparison %q", args[0])
	}
	answers := json.NewEncoder(out)
	p, err := suites[i].Start(args[1], args[2])
	if err != nil {
		return answers.Encode(answer{Err: err.Error()})
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := answers.Encode(answer{}); err != nil {
		return err
	}
	for requests := json.NewDecoder(in); ; {
		var r request
		if err := requests.Decode(&r); err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
		var a answer
		if a.Slice, err = p.Slice(r.Case, r.For, r.Verify); err != nil {
			a.Err = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// child is a contender's process.
type child struct {
	contender string
	*process.Process
}

// start runs a contender and waits until it is ready.
func start(self, suite, contender, dir string) (*child, error) {
	p, err := process.Start(exec.Command(self, Verb, suite, contender, dir), stopLimit)
	if err != nil {
		return nil, err
	}
	c := &child{contender, p}
	if _, err := c.answer(startLimit); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// slice has the contender work.
func (c *child) slice(cs string, d time.Duration, verify bool) (Slice, error) {
	if err := json.NewEncoder(c).Encode(request{cs, d, verify}); err != nil {
		return Slice{}, c.Failure(err)
	}
	s, err := c.answer(d + sliceSlack)
	if err == nil && s.Ops == 0 {
		err = errors.New("nothing was done")
	}
	return s, err
}

// answer reads one answer.
func (c *child) answer(limit time.Duration) (Slice, error) {
	line, err := c.Line(limit)
	if err != nil {
		return Slice{}, c.Failure(err)
	}
	var a answer
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return Slice{}, c.Failure(fmt.Errorf("unexpected answer %q: %w", line, err))
	}
	if a.Err != "" {
		return Slice{}, errors.New(a.Err)
	}
	return a.Slice, nil
}

// stop ends the process, and tells when it did not end well.
func (c *child) stop() error {
	if err := c.Stop(); err != nil {
		return fmt.Errorf("%s: %w", c.contender, c.Failure(err))
	}
	return nil
}

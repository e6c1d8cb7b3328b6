package soak

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// violationsMax bounds how many broken promises are kept as text.
const violationsMax = 20

// counts are what one side has seen.
type counts struct {
	mu sync.Mutex
	// Errors are those to be expected of rude connections, by kind.
	Errors map[string]int
	// Violations are broken promises, the first of them as text.
	Violations []string
	Broken     int
}

// errDropped ends a conversation that the client wished to be dropped.
var errDropped = errors.New("dropped as wished")

// seen notes the end of a connection by an error: a broken promise on a polite one, and a corrupt byte on any.
func (c *counts) seen(where string, rude bool, err error) {
	var bad *corrupt
	if !rude || errors.As(err, &bad) {
		c.violation(fmt.Sprintf("%s: %v", where, err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Errors == nil {
		c.Errors = map[string]int{}
	}
	c.Errors[kind(err)]++
}

func (c *counts) violation(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Broken++
	if len(c.Violations) < violationsMax {
		c.Violations = append(c.Violations, text)
	}
}

// snapshot is a copy that nobody changes.
func (c *counts) snapshot() (errs map[string]int, violations []string, broken int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.Errors), slices.Clone(c.Violations), c.Broken
}

// kind is the class of an error.
func kind(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	case errors.Is(err, errDropped):
		return "dropped"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return strings.ReplaceAll(errno.Error(), " ", "-")
	}
	return "other"
}

// join makes one line of errors by kind.
func join(all map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, fmt.Sprintf("%s=%d", k, all[k]))
	}
	return strings.Join(parts, " ")
}

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// answerBytes bounds what is read of an answer.
const answerBytes = 16 << 20

// Client talks to the API of a running program.
type Client struct {
	address string
	base    string
	http    http.Client
}

// NewClient makes a client for unix:PATH or a loopback HOST:PORT. It does not connect. timeout bounds each call.
func NewClient(address string, timeout time.Duration) (*Client, error) {
	c := &Client{address: address, base: "http://localhost"}
	path, unix := strings.CutPrefix(address, "unix:")
	network, to := "unix", path
	if !unix {
		if err := checkLoopback(address); err != nil {
			return nil, err
		}
		network, to, c.base = "tcp", address, "http://"+address
	}
	c.http.Timeout = timeout
	c.http.Transport = &http.Transport{ // without the proxy that the environment names
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, to)
		},
	}
	return c, nil
}

// Error is what the API refused, with its status.
type Error struct {
	Status int
	Text   string
}

// Error is the text.
func (e *Error) Error() string { return e.Text }

// Get reads an endpoint, and returns the JSON as it came. An answer with another status than 200 is an *Error, and a program
// that does not run or may not be asked an error that says so.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, nil)
}

// Post tells an endpoint in, as Get.
func (c *Client) Post(ctx context.Context, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, body)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreached(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, answerBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("admin: the answer of %s was cut short: %w", c.address, err)
	case len(out) > answerBytes:
		return nil, fmt.Errorf("admin: the answer of %s has more than %d bytes", c.address, answerBytes)
	case resp.StatusCode == http.StatusOK:
		return out, nil
	}
	var f failure
	if json.Unmarshal(out, &f) != nil || f.Error == "" {
		f.Error = fmt.Sprintf("admin: %s answered %s; is tinygate there?", c.address, resp.Status)
	}
	return out, &Error{resp.StatusCode, f.Error}
}

// unreached says what to do about a program that cannot be asked.
func (c *Client) unreached(err error) error {
	cure := "see whether it hangs"
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		cure = "it does not run, or its configuration names another admin address: give that with --admin or in " + Variable
	case errors.Is(err, fs.ErrPermission):
		cure = "only its user and root may ask it"
	}
	return fmt.Errorf("tinygate cannot be asked at %s (%s): %w", c.address, cure, err)
}

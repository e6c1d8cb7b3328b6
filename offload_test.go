package unio_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// What blocks goroutines is used in handlers by Offload: meanwhile the only loop serves the handler's neighbours, and a
// context ends it.

// held is an answer that a test holds back until it has seen the neighbours served.
type held struct {
	begun   chan struct{}
	release chan struct{}
}

func newHeld() *held { return &held{make(chan struct{}, 16), make(chan struct{})} }

// wait is the blocking part of whatever stands behind Offload.
func (h *held) wait(ctx context.Context) error {
	h.begun <- struct{}{}
	select {
	case <-h.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// offloaded plays what call does, as a handler whose connection gets what it returns, and ends it twice: by its answer,
// and by its context.
func offloaded(t *testing.T, rt *unio.Runtime, h *held, want string, call func(ctx context.Context) (string, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	ln := serve(t, rt, func(c *unio.Conn) {
		text, err := call(ctx)
		ended <- err
		io.WriteString(c, text)
	})
	neighbour := dialNet(t, serve(t, rt, echo))
	p := dialNet(t, ln)
	await(t, h.begun, "the call to begin")
	exchange(t, neighbour)
	exchange(t, dialNet(t, serve(t, rt, echo)))
	h.release <- struct{}{}
	if err := await(t, ended, "the call"); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(p); string(got) != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}

	dialNet(t, ln)
	await(t, h.begun, "another call to begin")
	canceller := serve(t, rt, func(c *unio.Conn) { cancel() }) // a task ends what another waits for
	dialNet(t, canceller)
	wantIs(t, "a call whose context has ended", await(t, ended, "the other call"), context.Canceled)
	exchange(t, neighbour)
	if n := rt.Stats().Stalls; n != 0 {
		t.Errorf("%d stalls", n)
	}
}

// slowDB is a driver with one table of one row, which takes its time.
type slowDB struct{ *held }

func (d slowDB) Connect(context.Context) (driver.Conn, error) { return slowConn(d), nil }
func (d slowDB) Driver() driver.Driver                        { return nil }

type slowConn struct{ *held }

func (slowConn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (slowConn) Close() error                        { return nil }
func (slowConn) Begin() (driver.Tx, error)           { return slowTx{}, nil }

func (c slowConn) QueryContext(ctx context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return &oneRow{query: query}, nil
}

type slowTx struct{}

func (slowTx) Commit() error   { return nil }
func (slowTx) Rollback() error { return nil }

type oneRow struct {
	query string
	over  bool
}

func (*oneRow) Columns() []string { return []string{"answer"} }
func (*oneRow) Close() error      { return nil }
func (r *oneRow) Next(to []driver.Value) error {
	if r.over {
		return io.EOF
	}
	to[0], r.over = "answer to "+r.query, true
	return nil
}

func TestOffloadDatabase(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		h := newHeld()
		db := sql.OpenDB(slowDB{h})
		defer db.Close()
		db.SetMaxOpenConns(1)
		offloaded(t, rt, h, "answer to SELECT", func(ctx context.Context) (text string, err error) {
			unio.Offload(func() { err = db.QueryRowContext(ctx, "SELECT").Scan(&text) })
			return text, err
		})
	})
}

// With one connection to the database, a handler waits for another's transaction, which goes on between what that
// one's client sends.
func TestOffloadTransactionAcrossReceives(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		h := newHeld()
		close(h.release)
		db := sql.OpenDB(slowDB{h})
		defer db.Close()
		db.SetMaxOpenConns(1)
		transaction := func(c *unio.Conn) (err error) {
			var tx *sql.Tx
			unio.Offload(func() { tx, err = db.BeginTx(context.Background(), nil) })
			if err != nil {
				return err
			}
			for p := make([]byte, 1); ; {
				if _, err := c.Read(p); err == io.EOF {
					break
				} else if err != nil {
					return err
				}
				var text string
				unio.Offload(func() { err = tx.QueryRow(string(p)).Scan(&text) })
				if err != nil {
					return err
				}
				fmt.Fprintln(c, text)
			}
			unio.Offload(func() { err = tx.Commit() })
			return err
		}
		ln := serve(t, rt, func(c *unio.Conn) {
			if err := transaction(c); err != nil {
				t.Error(err)
			}
		})
		first := dialNet(t, ln)
		io.WriteString(first, "a")
		got := make([]byte, len("answer to a\n"))
		io.ReadFull(first, got)
		second := dialNet(t, ln)
		io.WriteString(second, "c")
		until(t, "the second waits for the database", func() bool { return db.Stats().WaitCount == 1 })
		io.WriteString(first, "b")
		halfClose(first)
		halfClose(second)
		rest, err := io.ReadAll(first)
		if string(got)+string(rest) != "answer to a\nanswer to b\n" || err != nil {
			t.Errorf("%q, %q, %v", got, rest, err)
		}
		if got, err := io.ReadAll(second); string(got) != "answer to c\n" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestOffloadHTTPClient(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		for name, dial := range map[string]*http.Transport{
			"over net": {}, "over unio": {DialContext: rt.DialContext},
		} {
			t.Run(name, func(t *testing.T) {
				h := newHeld()
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "hello, ")
					w.(http.Flusher).Flush() // reading the body waits too
					if h.wait(r.Context()) == nil {
						io.WriteString(w, r.URL.Path)
					}
				}))
				defer server.Close()
				defer dial.CloseIdleConnections()
				client := &http.Client{Transport: dial}
				offloaded(t, rt, h, "hello, /x", func(ctx context.Context) (text string, err error) {
					unio.Offload(func() { text, err = get(ctx, client, server.URL+"/x") })
					return text, err
				})
			})
		}
	})
}

// Who called Offload went on as if the function had done its work, with results that were never set.
func TestGoexitInOffloadEndsTheCaller(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		for name, call := range map[string]func(){
			"Offload": func() { unio.Offload(runtime.Goexit) },
			"nested":  func() { unio.Offload(func() { unio.Offload(runtime.Goexit) }) },
		} {
			for i := range 2 {
				thrown := make(chan any)
				spawn(rt, i, func() {
					defer func() { thrown <- recover() }()
					call()
					t.Errorf("%s came back", name)
				})
				if v := await(t, thrown, "the end of the caller"); v != nil {
					t.Errorf("%s panicked: %v", name, v)
				}
			}
		}
		exchange(t, dialNet(t, serve(t, rt, echo)))
	})
}

// get fetches all of a resource.
func get(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// copyInput is a program that ends with its input.
func copyInput(*unio.Runtime, []string) {
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func copyProgram(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=copy-input")
	return cmd
}

func TestOffloadProgram(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		h := newHeld()
		offloaded(t, rt, h, "for the program", func(ctx context.Context) (text string, err error) {
			unio.Offload(func() {
				in, feed := io.Pipe()
				defer in.Close()
				go func() {
					if h.wait(ctx) == nil {
						io.WriteString(feed, "for the program")
					}
					feed.Close()
				}()
				cmd := copyProgram(ctx)
				cmd.Stdin = in
				var out []byte
				out, err = cmd.Output()
				text, err = string(out), errors.Join(err, ctx.Err())
			})
			return text, err
		})
	})
}

// A program's output goes into the connection while it runs, and what the client sends is its input.
func TestOffloadProgramOnAConnection(t *testing.T) {
	total := scale(4<<20, 1<<20)
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		ln := serve(t, rt, func(c *unio.Conn) {
			unio.Offload(func() {
				cmd := copyProgram(context.Background())
				cmd.Stdin, cmd.Stdout = c, c
				if err := cmd.Run(); err != nil {
					t.Error(err)
				}
			})
		})
		p := dialNet(t, ln)
		go func() {
			p.Write(newStream(7).next(make([]byte, total)))
			halfClose(p)
		}()
		got, err := io.ReadAll(p)
		if err != nil || string(got) != string(newStream(7).next(make([]byte, total))) {
			t.Errorf("%d bytes of %d, %v", len(got), total, err)
		}
	})
}

// The watchdog names who holds a loop: for how long, and the task's stack with the handler and the operation in it.
func TestWatchdogNamesTheHandlerAndWhatItBlocksIn(t *testing.T) {
	for _, way := range []struct {
		name   string
		frames []string // what the log has besides the handler
		hold   func(h *held)
	}{
		{"database", []string{"database/sql.(*DB).QueryContext", "slowConn.QueryContext"}, func(h *held) {
			db := sql.OpenDB(slowDB{h})
			defer db.Close()
			if rows, err := db.QueryContext(context.Background(), "SELECT"); err == nil {
				rows.Close()
			}
		}},
		{"program", []string{"os/exec.(*Cmd).Wait"}, func(h *held) {
			in, feed := io.Pipe()
			cmd := copyProgram(context.Background())
			cmd.Stdin = in
			go func() { h.wait(context.Background()); feed.Close() }()
			cmd.Run()
		}},
		{"mutex", []string{"sync.(*Mutex).Lock"}, func(h *held) {
			var mu sync.Mutex
			mu.Lock()
			go func() { h.wait(context.Background()); mu.Unlock() }()
			mu.Lock()
			//lint:ignore SA2001 to wait is all that it is for
			mu.Unlock()
		}},
		{"computation", []string{"compute"}, func(h *held) {
			var over atomic.Bool
			go func() { h.wait(context.Background()); over.Store(true) }()
			compute(&over)
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			logged(t, unio.Options{Loops: 2, StallLimit: 50 * time.Millisecond},
				func(t *testing.T, rt *unio.Runtime, log *syncBuffer) {
					before := len(log.String())
					h := newHeld()
					ln := serve(t, rt, func(c *unio.Conn) { handlerThatHolds(way.hold, h) })
					dialNet(t, ln)
					await(t, h.begun, "the handler to block")
					line := func() string { return log.String()[before:] }
					until(t, "the log names it", func() bool { return strings.Contains(line(), "holds its loop") })
					close(h.release)
					for _, part := range append(way.frames, "level=WARN", "held=", "handlerThatHolds") {
						if !strings.Contains(line(), part) {
							t.Errorf("there is no %q in %s", part, line())
						}
					}
				})
		})
	}
}

func handlerThatHolds(hold func(*held), h *held) { hold(h) }

// compute computes.
func compute(over *atomic.Bool) (n int) {
	for !over.Load() {
		n++
	}
	return n
}

package uniolog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniolog"
	"github.com/unio-go/unio/uniotest"
)

const bound = 10 * time.Second

// lines decodes JSON lines.
func lines(t testing.TB, text []byte) (all []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

func closed(t testing.TB, h *uniolog.Handler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestSlogtest(t *testing.T) {
	var out bytes.Buffer
	var h *uniolog.Handler
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		h = uniolog.New(slog.NewJSONHandler(&out, nil), nil)
		return h
	}, func(t *testing.T) map[string]any {
		closed(t, h)
		return lines(t, out.Bytes())[0]
	})
}

// gate is a handler that waits before each record.
type gate struct {
	slog.Handler
	open chan struct{}
}

func (g gate) Handle(ctx context.Context, r slog.Record) error {
	<-g.open
	return g.Handler.Handle(ctx, r)
}

// While the handler behind it stands still, tasks log on, their neighbours are served, and what was dropped is told.
func TestTaskThatLogsIsNotHeldByASlowHandler(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		var out bytes.Buffer
		open := make(chan struct{})
		h := uniolog.New(gate{slog.NewJSONHandler(&out, nil), open}, &uniolog.Options{Records: 8})
		log := slog.New(h)
		ln, err := rt.Listen("tcp", "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		const n = 100
		logged := 0 // the loop's
		go ln.Serve(func(c *unio.Conn) {
			for p := make([]byte, 1); ; {
				if _, err := c.Read(p); err != nil {
					return
				}
				for range n {
					log.Info("request", "i", logged)
					logged++
				}
				c.Write(p)
			}
		})
		for range 2 {
			p, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			p.SetDeadline(time.Now().Add(bound))
			p.Write([]byte("x"))
			if _, err := io.ReadFull(p, make([]byte, 1)); err != nil {
				t.Fatalf("a connection while the log stands still: %v", err)
			}
		}
		short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := h.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush of a log that stands still: %v", err)
		}
		if s := h.Stats(); s.Dropped < 2*n-9 || s.Dropped+s.Handled+uint64(s.Waiting) < 2*n {
			t.Errorf("%+v", s)
		}
		close(open)
		closed(t, h)
		got := lines(t, out.Bytes())
		wantComplete(t, got, h.Stats(), 2*n)
		for i, l := range got[:8] {
			if l["dropped"] != nil {
				t.Errorf("line %d tells of records that came after those in the queue: %v", i, l)
			}
		}
	})
}

// wantComplete wants records in order, and each that is missing to be told.
func wantComplete(t testing.TB, got []map[string]any, s uniolog.Stats, n uint64) {
	t.Helper()
	var handled, told uint64
	last := -1.
	for _, l := range got {
		if d, ok := l["dropped"].(float64); ok {
			told += uint64(d)
			continue
		}
		handled++
		if i := l["i"].(float64); i < last {
			t.Errorf("%v after %v", i, last)
		} else {
			last = i
		}
	}
	if handled != s.Handled || told != s.Dropped || handled+told != n || s.Waiting != 0 || s.Failed != 0 {
		t.Errorf("%d lines, %d told to be dropped, of %d: %+v", handled, told, n, s)
	}
}

// Many log at once, tasks and goroutines, through handlers with attributes of their own. Each one's records keep their
// order, and each record is there or counted.
func TestManyLoggersKeepTheirOrder(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, size := range []int{1, 2, 64, 1 << 13} {
			var out bytes.Buffer
			h := uniolog.New(slog.NewJSONHandler(&out, nil), &uniolog.Options{Records: size})
			const loggers, each = 8, 500
			var all sync.WaitGroup
			for id := range loggers {
				log := slog.New(h).With("id", id)
				all.Add(1)
				fn := func() {
					defer all.Done()
					for i := range each {
						log.Info("x", "i", i)
					}
				}
				if id%2 == 0 {
					rt.Go(fn)
				} else {
					go fn()
				}
			}
			all.Wait()
			closed(t, h)
			byID := map[float64][]map[string]any{}
			var told uint64
			for _, l := range lines(t, out.Bytes()) {
				if d, ok := l["dropped"].(float64); ok {
					told += uint64(d)
				} else {
					byID[l["id"].(float64)] = append(byID[l["id"].(float64)], l)
				}
			}
			var handled uint64
			for _, l := range byID {
				handled += uint64(len(l))
				wantComplete(t, l, uniolog.Stats{Handled: uint64(len(l))}, uint64(len(l)))
			}
			if s := h.Stats(); handled != s.Handled || told != s.Dropped || handled+told != loggers*each {
				t.Errorf("queue of %d: %d lines, %d told, %+v", size, handled, told, s)
			} else if size >= loggers*each && told != 0 {
				t.Errorf("queue of %d: %d dropped", size, told)
			}
		}
	})
}

// who is a value that shows what it is when it is asked.
type who struct{ name *string }

func (w who) LogValue() slog.Value { return slog.StringValue(*w.name) }

type bad struct{}

func (bad) LogValue() slog.Value { panic("on purpose") }

func TestLogValuesAreTheCallersMoment(t *testing.T) {
	var out bytes.Buffer
	open := make(chan struct{})
	h := uniolog.New(gate{slog.NewJSONHandler(&out, nil), open}, nil)
	name := "first"
	log := slog.New(h).With("with", who{&name})
	log.Info("m", "plain", who{&name}, slog.Group("g", "deep", slog.GroupValue(slog.Any("er", who{&name}))))
	log.Info("m", "bad", bad{})
	name = "second"
	log.Info("m", "plain", who{&name})
	close(open)
	closed(t, h)
	got := lines(t, out.Bytes())
	deep := got[0]["g"].(map[string]any)["deep"].(map[string]any)["er"]
	if got[0]["with"] != "first" || got[0]["plain"] != "first" || deep != "first" || got[2]["plain"] != "second" {
		t.Errorf("%s", out.Bytes())
	}
	if !strings.Contains(fmt.Sprint(got[1]["bad"]), "panic") {
		t.Errorf("a LogValue that panics: %v", got[1]["bad"])
	}
}

// adding is a handler that adds to the records that it gets.
type adding struct{ slog.Handler }

func (a adding) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.Int("by the handler", 1))
	return a.Handler.Handle(ctx, r)
}

// The caller and the wrapped handler may both add to a record: they share no memory.
func TestRecordIsCloned(t *testing.T) {
	var out bytes.Buffer
	h := uniolog.New(adding{slog.NewJSONHandler(&out, nil)}, nil)
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	for i := range 8 { // more than a Record holds in itself, with room behind them
		r.AddAttrs(slog.Int(fmt.Sprint("a", i), i))
	}
	h.Handle(context.Background(), r)
	closed(t, h)
	r.AddAttrs(slog.Int("by the caller", 2))
	if got := lines(t, out.Bytes())[0]; got["a7"] != 7. || got["by the handler"] != 1. || got["by the caller"] != nil {
		t.Errorf("%v", got)
	}
	r.Attrs(func(a slog.Attr) bool {
		if strings.HasPrefix(a.Key, "!BUG") {
			t.Errorf("the caller's record: %v", a)
		}
		return true
	})
}

// The goroutine falls asleep after each record, in a race with the next.
func TestNoWakeUpIsLost(t *testing.T) {
	h := uniolog.New(slog.DiscardHandler, nil)
	for i := range 50000 {
		h.Handle(context.Background(), slog.Record{})
		for range i % 500 { // about as long as the goroutine takes to wake up and fall asleep again
			h.Stats()
		}
		h.Handle(context.Background(), slog.Record{})
		end := time.Now().Add(bound)
		for tries := 0; h.Stats().Waiting > 0; tries++ {
			if tries > 1000 {
				runtime.Gosched()
				if time.Now().After(end) {
					t.Fatalf("record %d waits for good", i)
				}
			}
		}
	}
	closed(t, h)
}

type failing struct{ slog.Handler }

var errFailing = errors.New("no space")

func (failing) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "panic" {
		panic("on purpose")
	}
	return errFailing
}

func TestErrorsOfTheWrappedHandler(t *testing.T) {
	bg := context.Background()
	h := uniolog.New(failing{slog.DiscardHandler}, nil)
	for range 2 {
		h.Handle(bg, slog.Record{})
	}
	if err := h.Flush(bg); !errors.Is(err, errFailing) {
		t.Errorf("Flush: %v", err)
	}
	if err := h.Flush(bg); err != nil {
		t.Errorf("a second Flush: %v", err)
	}
	h.Handle(bg, slog.Record{Message: "panic"})
	if err := h.Close(bg); err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("Close after a panic: %v", err)
	}
	if s := h.Stats(); s.Failed != 3 || s.Handled != 3 {
		t.Errorf("%+v", s)
	}
}

// panicky panics when it is asked by somebody else than a logger.
type panicky struct {
	slog.Handler
	asked atomic.Bool
}

func (p *panicky) Enabled(context.Context, slog.Level) bool {
	p.asked.Store(true)
	panic("on purpose")
}

// What tells of dropped records is none of those that were handled, and whatever goes wrong with it ends nothing.
func TestTellingOfDroppedRecordsFails(t *testing.T) {
	for name, to := range map[string]slog.Handler{"error": failing{slog.NewTextHandler(io.Discard, nil)}, "panic": &panicky{Handler: slog.DiscardHandler}} {
		t.Run(name, func(t *testing.T) {
			open := make(chan struct{})
			h := uniolog.New(gate{to, open}, &uniolog.Options{Records: 2})
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "bad", 0)
			for h.Stats().Dropped == 0 {
				h.Handle(t.Context(), r)
			}
			close(open)
			h.Close(t.Context())
			if s := h.Stats(); s.Failed > s.Handled {
				t.Errorf("%+v", s)
			}
			if p, ok := to.(*panicky); ok && !p.asked.Load() {
				t.Error("nothing has panicked")
			}
		})
	}
}

// Whoever looks while records come and go sees none or some of them, and never fewer than none. Two look, and the third logs, so
// that they take the CPU from each other.
func TestWaitingIsNeverNegative(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	h := uniolog.New(slog.DiscardHandler, nil)
	defer closed(t, h)
	var all sync.WaitGroup
	var stop atomic.Bool
	all.Go(func() {
		for r := slog.NewRecord(time.Now(), slog.LevelInfo, "x", 0); !stop.Load(); {
			h.Handle(t.Context(), r)
		}
	})
	for range 2 {
		all.Go(func() {
			for !stop.Load() {
				if n := h.Stats().Waiting; n < 0 {
					t.Errorf("%d records wait", n)
					return
				}
			}
		})
	}
	time.Sleep(time.Second)
	stop.Store(true)
	all.Wait()
}

func TestAfterClose(t *testing.T) {
	uniotest.CheckLeaks(t)
	var out bytes.Buffer
	h := uniolog.New(slog.NewJSONHandler(&out, nil), &uniolog.Options{Records: -1})
	slog.New(h).Info("in time")
	closed(t, h)
	closed(t, h)
	err := h.WithGroup("g").Handle(context.Background(), slog.Record{})
	if !errors.Is(err, uniolog.ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Handle after Close: %v", err)
	}
	if err := h.Flush(context.Background()); err != nil {
		t.Errorf("Flush after Close: %v", err)
	}
	if s := h.Stats(); s.Handled != 1 || s.Dropped != 1 || len(lines(t, out.Bytes())) != 1 {
		t.Errorf("%+v, %s", s, out.Bytes())
	}
	defer func() {
		if recover() == nil {
			t.Error("New(nil) does not panic")
		}
	}()
	uniolog.New(nil, nil)
}

// Records are handled once or refused, whenever Close comes.
func TestCloseWhileOthersLog(t *testing.T) {
	uniotest.CheckLeaks(t)
	for range 50 {
		var handled atomic.Uint64
		h := uniolog.New(counting{slog.DiscardHandler, &handled}, &uniolog.Options{Records: 1 << 13})
		var taken atomic.Uint64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 500 {
					if h.Handle(context.Background(), slog.Record{}) == nil {
						taken.Add(1)
					}
				}
			})
		}
		closed(t, h)
		all.Wait()
		if s := h.Stats(); handled.Load() != taken.Load() || s.Handled != taken.Load() || s.Handled+s.Dropped != 2000 {
			t.Fatalf("%d taken, %d handled, %+v", taken.Load(), handled.Load(), s)
		}
	}
}

type counting struct {
	slog.Handler
	n *atomic.Uint64
}

func (c counting) Handle(context.Context, slog.Record) error { c.n.Add(1); return nil }

// A task that flushes parks: with one loop, what the handler waits for can only come from another task of it.
func TestFlushInATaskParks(t *testing.T) {
	uniotest.EachEngineWith(t, &unio.Options{Loops: 1}, func(t *testing.T, rt *unio.Runtime) {
		open := make(chan struct{})
		h := uniolog.New(gate{slog.DiscardHandler, open}, nil)
		done := make(chan error, 1)
		rt.Go(func() {
			slog.New(h).Info("x")
			rt.Go(func() { close(open) })
			err := h.Flush(context.Background())
			done <- errors.Join(err, h.Close(context.Background()))
		})
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(bound):
			t.Fatal("the loop is held")
		}
	})
}

func TestContextOfARecord(t *testing.T) {
	type key struct{}
	got := make(chan context.Context, 1)
	h := uniolog.New(keeping{slog.DiscardHandler, got}, nil)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "v"))
	cancel()
	slog.New(h).InfoContext(ctx, "x")
	closed(t, h)
	if ctx := <-got; ctx.Value(key{}) != "v" || ctx.Err() != nil {
		t.Errorf("%v, %v", ctx.Value(key{}), ctx.Err())
	}
}

type keeping struct {
	slog.Handler
	got chan context.Context
}

func (k keeping) Enabled(context.Context, slog.Level) bool { return true }
func (k keeping) Handle(ctx context.Context, _ slog.Record) error {
	k.got <- ctx
	return nil
}

func ExampleNew() {
	h := uniolog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}), nil)
	log := slog.New(h)
	rt, err := unio.New(&unio.Options{Logger: log})
	if err != nil {
		panic(err)
	}
	done := unio.NewChan[struct{}](1)
	rt.Go(func() {
		log.Info("from a task", "costs", "no wait")
		done.TrySend(struct{}{})
	})
	done.Recv(context.Background())
	rt.Close()
	h.Close(context.Background())
	// Output: level=INFO msg="from a task" costs="no wait"
}

// BenchmarkLog compares what a record costs who logs it to a file with and without the queue.
func BenchmarkLog(b *testing.B) {
	file, err := os.Create(b.TempDir() + "/log")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	direct := slog.NewJSONHandler(file, nil)
	b.Run("direct", func(b *testing.B) {
		log := slog.New(direct)
		for b.Loop() {
			log.Info("request", "status", 200, "path", "/index.html")
		}
	})
	b.Run("queued", func(b *testing.B) {
		h := uniolog.New(direct, &uniolog.Options{Records: 1 << 14})
		log := slog.New(h)
		b.ReportAllocs()
		for b.Loop() {
			log.Info("request", "status", 200, "path", "/index.html")
		}
		b.ReportMetric(float64(h.Stats().Dropped)/float64(b.N), "dropped/op")
		h.Close(context.Background())
	})
}

// exiting ends the goroutine that calls it, as testing.T.Fatal does, for every second record and those about dropped ones.
type exiting struct {
	slog.Handler
	calls *atomic.Int32
}

func (e exiting) Handle(ctx context.Context, r slog.Record) error {
	if e.calls.Add(1)%2 == 1 || r.Level == slog.LevelWarn {
		runtime.Goexit()
	}
	return e.Handler.Handle(ctx, r)
}

// The goroutine of the queue was gone, so that nothing was written any more, and Flush and Close waited for ever.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	var out bytes.Buffer
	open := make(chan struct{})
	h := uniolog.New(gate{exiting{slog.NewJSONHandler(&out, nil), new(atomic.Int32)}, open}, &uniolog.Options{Records: 8})
	log := slog.New(h)
	for h.Stats().Dropped == 0 {
		log.Info("m")
	}
	close(open)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := h.Flush(ctx); err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("Flush: %v", err)
	}
	if err := h.Close(ctx); err != nil && !strings.Contains(err.Error(), "Goexit") { // that of the record about dropped ones
		t.Errorf("Close: %v", err)
	}
	s := h.Stats()
	if written := uint64(len(lines(t, out.Bytes()))); written == 0 || written+s.Failed != s.Handled || s.Waiting != 0 {
		t.Errorf("%d written, %+v", written, s)
	}
}

package gate_test

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// A loop that a task holds keeps nobody from asking and telling the gate, and sees a reload when it goes on.
func TestStalledLoopHoldsNobody(t *testing.T) {
	rt := uniotest.New(t, &unio.Options{Loops: 1, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	w := &world{T: t, rt: rt, log: new(logText)}
	cfg := parse(t, "listen: [127.0.0.1:0, 'localhost:0']\nupstreams: {u: [10.0.0.1:1, 10.0.0.2:1]}\nroutes: [{path: /u, to: u}, {answer: 201}]\n")
	w.g = startGate(t, rt, cfg, slog.New(slog.NewTextHandler(w.log, nil)))
	w.addr = w.g.Addrs()[0].String()
	second := w.g.Addrs()[1]
	c := w.dial()
	c.send(getRoot)
	c.wantStatus("201")
	held, release := make(chan struct{}), make(chan struct{})
	if err := rt.GoOn(0, func() { close(held); <-release }); err != nil {
		t.Fatal(err)
	}
	goOn := sync.OnceFunc(func() { close(release) })
	defer goOn()
	await(t, held, "the task")
	began := time.Now()
	if _, err := w.g.InFlight(); err == nil {
		t.Error("a loop that does not answer is not told of")
	}
	w.wantMetric(1, "tinygate_client_connections")
	if n := w.g.Connections().Clients; n != 1 {
		t.Errorf("%d clients", n)
	}
	if err := w.g.DrainServer("u", "10.0.0.1:1", true); err != nil {
		t.Error(err)
	}
	w.reload(parse(t, "listen: 127.0.0.1:0\nroutes: [{answer: 202}]\n"))
	if took := time.Since(began); took > bound/2 {
		t.Errorf("it took %v", took)
	}
	w.wantLog("reload: a loop does not see it yet")
	goOn()
	c.send(getRoot)
	c.wantStatus("202")
	w.eventually("the end of the listener", func() bool {
		c, err := net.Dial("tcp", second.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

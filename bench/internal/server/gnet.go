package server

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// gnetStart bounds the wait for gnet to listen or to say why not.
const gnetStart = 10 * time.Second

// gnetEcho is gnet's own echo example: what has arrived goes out again, without a copy in between.
type gnetEcho struct {
	gnet.BuiltinEventEngine
	engine  gnet.Engine
	started chan struct{}
}

// OnBoot implements gnet.EventHandler.
func (e *gnetEcho) OnBoot(eng gnet.Engine) gnet.Action {
	e.engine = eng
	close(e.started)
	return gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (e *gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// silence is gnet's logger: its own writes to standard output, where the protocol is spoken. What makes a
// start fail comes back as an error too.
type silence struct{}

func (silence) Debugf(string, ...any) {}
func (silence) Infof(string, ...any)  {}
func (silence) Warnf(string, ...any)  {}
func (silence) Errorf(string, ...any) {}
func (silence) Fatalf(string, ...any) {}

// startGnet runs one event loop, since the servers own one CPU. gnet's default read buffer (64 KiB) and
// TCP_NODELAY are those of the other contenders.
func startGnet() (*Running, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e := &gnetEcho{started: make(chan struct{})}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	failed := make(chan error, 1)
	go func() {
		failed <- gnet.Run(e, "tcp4://"+addr, gnet.WithMulticore(false), gnet.WithNumEventLoop(1),
			gnet.WithLogger(silence{}))
	}()
	select {
	case err := <-failed:
		return nil, err
	case <-e.started:
	case <-time.After(gnetStart):
		return nil, context.DeadlineExceeded
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), gnetStart)
		defer cancel()
		return e.engine.Stop(ctx)
	}
	return &Running{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, Stop: stop}, nil
}

// freePort finds a port for a server that cannot tell which one it was given.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

package gate_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// noted is what the access log has, sorted, as statuses and clients: "200 10.0.0.1".
func noted(path string) (all []string) {
	b, _ := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 8 {
			all = append(all, f[len(f)-1]+" "+f[0])
		}
	}
	slices.Sort(all)
	return all
}

// What is noted of a request that cannot be read, or of a client that has gone, is of that client.
func TestFailedRequestsAreNotedWithTheirClients(t *testing.T) {
	change := func(cfg *config.Config) {
		behindProxy(cfg)
		cfg.Access = config.AccessLog{Path: filepath.Join(t.TempDir(), "access.log"), Format: "${client} - - - - - - - ${status}"}
	}
	eachEngineAtOnce(t, setup{Change: change}, func(w *world) {
		path := w.g.Config().Access.Path
		c := w.dial()
		c.send("PROXY TCP4 10.0.0.1 10.0.1.1 1000 80\r\n" + getRoot)
		c.wantStatus("200")
		c.Close()
		c = w.dial()
		c.send("PROXY TCP4 10.0.0.2 10.0.1.1 1000 80\r\nnonsense\r\n")
		c.wantStatus("400")
		c = w.dial()
		c.send("PROXY TCP4 10.0.0.3 10.0.1.1 1000 80\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\nabc")
		w.eventually("the upload", func() bool { return w.g.Servers()[0].InFlight == 1 })
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		want := []string{"200 10.0.0.1", "400 10.0.0.2", "499 10.0.0.3"}
		w.eventually("the log", func() bool { return len(noted(path)) == len(want) })
		if got := noted(path); !slices.Equal(got, want) {
			w.Errorf("%q, want %q", got, want)
		}
	}, replies(ok))
}

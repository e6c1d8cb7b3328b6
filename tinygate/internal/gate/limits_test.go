package gate_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// behindProxy has clients begin with a PROXY header.
func behindProxy(cfg *config.Config) {
	cfg.Listeners[0].ProxyProtocol = true
	cfg.Listeners[0].ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// Behind a proxy the clients are counted by the addresses that it names, and so counted out again: not as connections of
// the proxy, which would be refused in the end.
func TestClientsOfAProxyAreCountedByTheirAddresses(t *testing.T) {
	change := func(cfg *config.Config) {
		behindProxy(cfg)
		cfg.Limits.PerClient = 2
	}
	eachEngine(t, setup{Change: change}, func(w *world) {
		from := func(i int) *peer {
			c := w.dial()
			c.send(fmt.Sprintf("PROXY TCP4 10.0.0.%d 10.0.1.1 1000 80\r\n", i) + getRoot)
			return c
		}
		for i := range 20 {
			c := from(i%5 + 1)
			c.wantStatus("200")
			c.Close()
			w.eventually("the end of the connection", func() bool { return w.g.Connections().Clients == 0 })
		}
		var all []*peer
		for range 2 {
			c := from(1)
			c.wantStatus("200")
			all = append(all, c)
		}
		from(1).wantEnd()
		from(2).wantStatus("200")
		all[0].Close()
		w.eventually("the end of the connection", func() bool { return w.g.Connections().Clients == 2 })
		from(1).wantStatus("200")
	}, replies(ok))
}

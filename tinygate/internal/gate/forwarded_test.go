package gate_test

import (
	"strings"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Forwarded (RFC 7239) is sent and read where the file says so, and a reload changes that on connections that are open.
func TestForwardedField(t *testing.T) {
	const proxies = "trusted_proxies: 127.0.0.0/8\n"
	got := make(chan string, 1)
	up := script(func(t *testing.T, c *peer, _ int) {
		for {
			m, err := c.request()
			if err != nil {
				return
			}
			got <- m
			c.send(ok)
		}
	})
	const theirs = "Forwarded: for=198.51.100.1, for=\"[2001:db8::7]:99\";proto=https;host=\"www.example\"\r\n" +
		"X-Forwarded-For: 203.0.113.9\r\n"
	cases := []struct{ more, sent, want, absent string }{
		{"", theirs, "X-Forwarded-For: 127.0.0.1", "\r\nForwarded:"},
		{"forwarded: {send: true}\n", theirs, `Forwarded: for=127.0.0.1;proto=http;host="h"`, "198.51.100.1"},
		{proxies, theirs, "X-Real-IP: 203.0.113.9", "\r\nForwarded:"},
		{proxies + "forwarded: {send: true}\n", theirs,
			`Forwarded: for=203.0.113.9;proto=http;host="h", for=127.0.0.1;proto=http;host="h"`, "198.51.100.1"},
		{proxies + "forwarded: {read: true}\n", theirs, "X-Real-IP: 2001:db8::7", "203.0.113.9"},
		{proxies + "forwarded: {read: true}\n", theirs, "X-Forwarded-Proto: https", "\r\nForwarded:"},
		{proxies, "X-Forwarded-Prefix: /theirs\r\n", "X-Forwarded-Prefix: /theirs", "unknown"},
		{proxies + "forwarded: {read: true}\n", theirs + "X-Forwarded-Prefix: /evil\r\nX-Forwarded-Port: 1\r\n",
			"X-Forwarded-Proto: https", "X-Forwarded-Prefix"},
		{proxies + "forwarded: {read: true, send: true}\n", theirs,
			`Forwarded: for="[2001:db8::7]:99";proto=https;host="www.example", for=127.0.0.1;proto=http;host="h"`, "198.51.100.1"},
		{proxies + "forwarded: {read: true, send: true}\n", "", `Forwarded: for=127.0.0.1;proto=http;host="h"`, "unknown"},
	}
	eachEngineOf(t, func(t *testing.T) *config.Config {
		return parse(t, "listen: 127.0.0.1:0\nto: %s\n", up(t))
	}, func(w *world) {
		c := w.dial()
		to := w.g.Config().Upstreams[0].Servers[0].Address
		for _, tc := range cases {
			w.reload(parse(w, "listen: 127.0.0.1:0\nto: %s\n%s", to, tc.more))
			c.send("GET / HTTP/1.1\r\nHost: h\r\n" + tc.sent + "\r\n")
			c.wantStatus("200")
			m := await(w, got, "the request")
			if !strings.Contains(m, "\r\n"+tc.want+"\r\n") || strings.Contains(m, tc.absent) {
				w.Errorf("with %q the server gets\n%s\nwant %q, and %q not to be there", tc.more, m, tc.want, tc.absent)
			}
		}
	})
}

package interop

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestWebSocket has gorilla/websocket take connections over from net/http, at both ends.
func TestWebSocket(t *testing.T) {
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, side := range sides {
			for _, protocol := range []string{"http1", "https1"} {
				for name, compress := range map[string]bool{"plain": false, "compressed": true} {
					t.Run(side.name+"/"+protocol+"/"+name, func(t *testing.T) {
						s := newSite(t, pick(rt, side.server), pick(rt, side.client), protocol)
						s.handle("/socket", func(w http.ResponseWriter, r *http.Request) { echoMessages(t, w, r) })
						askMessages(s, compress)
					})
				}
			}
		}
		uniotest.Idle(t, rt)
	})
}

// echoMessages sends messages back until the client closes.
func echoMessages(t *testing.T, w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{EnableCompression: true}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		t.Errorf("Upgrade: %v", err)
		return
	}
	defer c.Close()
	for {
		kind, p, err := c.ReadMessage()
		if err != nil {
			if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("the server's end: %v", err)
			}
			return
		}
		if err := c.WriteMessage(kind, p); err != nil {
			t.Errorf("the server writes: %v", err)
			return
		}
	}
}

// askMessages sends messages and control frames, and closes.
func askMessages(s *site, compress bool) {
	transport := s.client.Transport.(*http.Transport)
	d := websocket.Dialer{
		NetDialContext: transport.DialContext, TLSClientConfig: transport.TLSClientConfig,
		EnableCompression: compress, HandshakeTimeout: bound,
	}
	c, _, err := d.Dial(strings.Replace(s.base, "http", "ws", 1)+"/socket", nil)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	by := time.Now().Add(bound)
	c.SetReadDeadline(by)
	c.SetWriteDeadline(by)
	pong := false
	c.SetPongHandler(func(string) error { pong = true; return nil })
	if err := c.WriteControl(websocket.PingMessage, nil, by); err != nil {
		s.Error(err)
	}
	for _, n := range []int{0, 1, 126, 65536, len(large)} {
		sent := make(chan error, 1)
		go func() { sent <- c.WriteMessage(websocket.BinaryMessage, []byte(large[:n])) }()
		if _, p, err := c.ReadMessage(); err != nil || string(p) != large[:n] {
			s.Fatalf("%d bytes came back, %d were sent, or they differ: %v", len(p), n, err)
		}
		if err := await(sent); err != nil {
			s.Fatal(err)
		}
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := c.WriteControl(websocket.CloseMessage, bye, by); err != nil {
		s.Error(err)
	}
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		s.Errorf("the client's end: %v", err)
	}
	if !pong {
		s.Error("no pong came")
	}
}

package gate

import (
	"net/http"
	"strconv"
	"time"

	"github.com/unio-go/unio/tinygate/internal/http1"
)

// answer sends a response of our own to a request, which has been read at least as far as its method for
// HEAD to be known. Reason is for the client to read; without one the status speaks for itself. last says
// that the connection ends.
func (cl *client) answer(req *http1.Request, status int, reason string, last bool) error {
	text := strconv.Itoa(status) + " " + http.StatusText(status) + "\n"
	if reason != "" {
		text = strconv.Itoa(status) + " " + http.StatusText(status) + ": " + reason + "\n"
	}
	b, err := build(cl.sh.g.rt, len(text)+256, func(p []byte) []byte {
		p = append(p, "HTTP/1.1 "...)
		p = strconv.AppendInt(p, int64(status), 10)
		p = append(p, ' ')
		p = append(p, http.StatusText(status)...)
		p = append(p, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
		p = strconv.AppendInt(p, int64(len(text)), 10)
		switch {
		case last:
			p = append(p, "\r\nConnection: close"...)
		case req.Minor() == 0:
			p = append(p, "\r\nConnection: keep-alive"...)
		}
		if status == http.StatusMethodNotAllowed {
			p = append(p, "\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"...)
		}
		p = append(p, "\r\n\r\n"...)
		if req.Method == http1.MethodHead {
			return p
		}
		return append(p, text...)
	})
	if err != nil {
		return err
	}
	cl.c.SetWriteDeadline(time.Now().Add(cl.sh.g.cfg.Times.Body))
	return cl.c.Send(b)
}

// refuse answers a request that cannot be served, and ends the connection.
func (cl *client) refuse(req *http1.Request, bad *http1.Error) {
	if cl.answer(req, bad.Status, bad.Reason, true) == nil {
		cl.linger()
	}
}

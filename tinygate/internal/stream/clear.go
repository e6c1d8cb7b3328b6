package stream

import (
	"crypto/tls"
	"errors"

	"github.com/unio-go/unio"
)

// Clear is the plain connection of a client that has begun to speak HTTP where TLS was expected: err is what the server's
// Handshake has failed with. Such a client can be answered in clear, as nginx does by "400 The plain HTTP request was sent
// to HTTPS port" (ngx_http_request.c). What the handshake has read cannot be read again, only what arrives later.
func Clear(err error) (c Conn, ok bool) {
	bad, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || !isHTTP(bad.RecordHeader) {
		return Conn{}, false
	}
	u, ok := bad.Conn.(*unio.Conn)
	return Plain(u), ok
}

// isHTTP reports whether the first bytes of a connection are those of a request line (RFC 9112 3): letters, and then a
// space within the length of the usual methods. No record of TLS begins so: its second byte is 3.
func isHTTP(p [5]byte) bool {
	for i, b := range p {
		switch {
		case 'A' <= b && b <= 'Z':
		case b == ' ':
			return i >= len("GET")
		default:
			return false
		}
	}
	return true
}

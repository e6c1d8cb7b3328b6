package gate

import (
	"crypto/tls"
	"encoding/hex"
)

// verified is what ${client_cert_verify} says, in the words of nginx. One whose certificate cannot be verified is not served.
var verified = map[bool][]byte{false: []byte("NONE"), true: []byte("SUCCESS")}

// noName is the subject of a certificate without one: its other names tell whose it is.
const noName = "-"

// subject is that of the client's certificate, nil if it showed none. It goes into header fields, so what has no place there is
// escaped as RFC 4514 2.4 has it for any byte.
func subject(s *tls.ConnectionState) []byte {
	if len(s.VerifiedChains) == 0 {
		return nil
	}
	var b []byte
	for _, c := range []byte(s.PeerCertificates[0].Subject.String()) {
		if c < ' ' || c > '~' {
			b = hex.AppendEncode(append(b, '\\'), []byte{c})
		} else {
			b = append(b, c)
		}
	}
	if len(b) == 0 {
		return []byte(noName)
	}
	return b
}

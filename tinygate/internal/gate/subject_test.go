package gate

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

// What is in a certificate cannot make lines of a head.
func TestSubjectHasNothingThatAHeaderHasNot(t *testing.T) {
	for _, tc := range []struct {
		name pkix.Name
		want string
	}{
		{pkix.Name{CommonName: "Jane Doe", Organization: []string{"A, B"}}, `CN=Jane Doe,O=A\, B`},
		{pkix.Name{CommonName: "a\r\nX-Admin: yes\x00\x7f"}, `CN=a\0d\0aX-Admin: yes\00\7f`},
		{pkix.Name{CommonName: "\u00e9"}, `CN=\c3\a9`},
		{pkix.Name{}, noName},
	} {
		leaf := &x509.Certificate{Subject: tc.name}
		s := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
		if got := string(subject(s)); got != tc.want {
			t.Errorf("the subject is %q, want %q", got, tc.want)
		}
	}
	if got := subject(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}); got != nil {
		t.Errorf("a certificate that was not verified has the subject %q", got)
	}
}

package certs

import (
	"crypto/tls"
	"slices"
	"strings"
)

// table finds certificates by the names that clients ask for. It does not change.
type table struct {
	exact map[string][]*tls.Certificate
	wild  map[string][]*tls.Certificate // "example.com" for *.example.com
	first []*tls.Certificate            // for all other names, and for none
}

func newTable(all []*tls.Certificate) *table {
	t := &table{exact: map[string][]*tls.Certificate{}, wild: map[string][]*tls.Certificate{}}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *tls.Certificate) int { return rank(a) - rank(b) })
	for _, c := range sorted {
		for _, name := range c.Leaf.DNSNames {
			name = strings.ToLower(name)
			if parent, ok := strings.CutPrefix(name, "*."); ok {
				t.wild[parent] = append(t.wild[parent], c)
			} else {
				t.exact[name] = append(t.exact[name], c)
			}
		}
	}
	t.first = all[:1]
	if names := all[0].Leaf.DNSNames; len(names) > 0 {
		t.first = t.find(names[0]) // those of the same name with other keys serve the other clients
	}
	return t
}

// find gives the certificates of a name: its own, those of a wildcard in place of its first label (RFC 9525 6.3), or the
// first of the configuration. It never gives none, takes no lock and allocates nothing for a name in lower case.
func (t *table) find(name string) []*tls.Certificate {
	name = strings.ToLower(name)
	if list := t.exact[name]; list != nil {
		return list
	}
	if i := strings.IndexByte(name, '.'); i > 0 {
		if list := t.wild[name[i+1:]]; list != nil {
			return list
		}
	}
	return t.first
}

// choose gives a client the first of the certificates for its name that it can use.
func (t *table) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	list := t.find(hello.ServerName)
	if len(list) == 1 {
		return list[0], nil
	}
	h := *hello
	h.ServerName = "" // has been looked at
	for _, c := range list {
		if h.SupportsCertificate(c) == nil {
			return c, nil
		}
	}
	return list[len(list)-1], nil // the handshake says why the client cannot use it
}

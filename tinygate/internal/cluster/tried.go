package cluster

// Tried is the servers that a request was sent to. The zero value is none. A request owns it.
type Tried struct {
	servers [triedMax]*Server
	n       int
}

// Has reports whether the server is among them.
func (t *Tried) Has(s *Server) bool {
	for _, o := range t.servers[:t.n] {
		if o == s {
			return true
		}
	}
	return false
}

func (t *Tried) add(s *Server) {
	t.servers[t.n] = s
	t.n++
}

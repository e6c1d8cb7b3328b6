package cluster

// Tried is the servers that a request was sent to. The zero value is none. A request owns it.
type Tried struct {
	servers [triedMax]*Server
	n       int
}

// Len is how many there are.
func (t *Tried) Len() int { return t.n }

// Reset makes it ready for another request.
func (t *Tried) Reset() {
	clear(t.servers[:t.n])
	t.n = 0
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

package loop

import "sync"

// Resource is something that lives on a loop and has to end before the loop does: a connection, a listener.
type Resource interface {
	// Abort ends it at once: whoever waits for it gets net.ErrClosed. It is removed when its descriptor is closed.
	Abort()
}

// Member is a resource's place in its loop's list.
type Member struct {
	Of         Resource
	prev, next *Member
}

// list is the resources of a loop. The loop changes it, others may look.
type list struct {
	mu   sync.Mutex
	head Member // of an empty ring: its own neighbour
	n    int
}

func (s *list) abort() {
	for _, r := range s.all() {
		r.Abort()
	}
}

func (s *list) all() (all []Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(func(r Resource) { all = append(all, r) })
	return all
}

// each calls f for each; the caller has the lock.
func (s *list) each(f func(Resource)) {
	for m := s.head.next; m != nil && m != &s.head; m = m.next {
		f(m.Of)
	}
}

// Add enters a resource. It must be removed when it has ended.
func (l *Loop) Add(m *Member) {
	l.resources.mu.Lock()
	defer l.resources.mu.Unlock()
	h := &l.resources.head
	if h.next == nil {
		h.next, h.prev = h, h
	}
	m.prev, m.next = h.prev, h
	h.prev.next, h.prev = m, m
	l.resources.n++
}

// Remove takes a resource out.
func (l *Loop) Remove(m *Member) {
	l.resources.mu.Lock()
	defer l.resources.mu.Unlock()
	if m.next == nil {
		return
	}
	m.prev.next, m.next.prev = m.next, m.prev
	m.prev, m.next = nil, nil
	l.resources.n--
}

package certs

import (
	"crypto/rand"
	"crypto/tls"
	"sync"
	"time"
)

// keysKept is how many keys open tickets: the one that seals them and the two before it.
const keysKept = 3

// Tickets is a ring of keys for session tickets (RFC 8446 4.6.1, RFC 5077). The newest key seals; it and the two before it
// open, so that a session can be resumed for two to three times the time between two keys. All Servers that share a
// ring take each other's sessions: those that ask clients for a certificate check it again, against their own
// authorities.
type Tickets struct {
	every time.Duration

	mu    sync.Mutex
	timer *time.Timer
	keys  [][32]byte // the newest first
	users map[*tls.Config]struct{}
}

// NewTickets makes a ring whose key changes every so often, until Close. every is above zero.
func NewTickets(every time.Duration) *Tickets {
	k := &Tickets{every: every, users: map[*tls.Config]struct{}{}}
	k.Rotate()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer = time.AfterFunc(every, k.turn)
	return k
}

func (k *Tickets) turn() {
	k.Rotate()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.users != nil {
		k.timer.Reset(k.every)
	}
}

// Rotate makes a new key now, whenever the next one is due.
func (k *Tickets) Rotate() {
	var key [32]byte
	rand.Read(key[:])
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := append([][32]byte{key}, k.keys...)
	k.keys = keys[:min(len(keys), keysKept)]
	for cfg := range k.users {
		cfg.SetSessionTicketKeys(k.keys)
	}
}

// Close ends the changes of keys. What uses the ring goes on with the keys that it has.
func (k *Tickets) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer.Stop()
	k.users = nil
}

// attach gives a configuration the keys, now and when they change.
func (k *Tickets) attach(cfg *tls.Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg.SetSessionTicketKeys(k.keys)
	if k.users != nil {
		k.users[cfg] = struct{}{}
	}
}

func (k *Tickets) detach(cfg *tls.Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.users, cfg)
}

//go:build linux

package uring

import (
	"fmt"
)

// UnregisterBuffers lets go of all registered buffers. Requests that use them keep them until they end.
func (r *Ring) UnregisterBuffers() error {
	return r.register("UNREGISTER BUFFERS", UnregisterBuffers, nil, 0)
}

// UnregisterFiles lets go of the table of registered files.
func (r *Ring) UnregisterFiles() error {
	return r.register("UNREGISTER FILES", UnregisterFiles, nil, 0)
}

// UnregisterEventfd lets go of the eventfd.
func (r *Ring) UnregisterEventfd() error {
	return r.register("UNREGISTER EVENTFD", UnregisterEventfd, nil, 0)
}

// RegisterPersonality registers the caller's credentials; the id goes into SQE.Personality.
func (r *Ring) RegisterPersonality() (uint16, error) {
	id, err := r.registerN("PERSONALITY", RegisterPersonality, nil, 0)
	return uint16(id), err
}

// UnregisterPersonality forgets registered credentials.
func (r *Ring) UnregisterPersonality(id uint16) error {
	return r.register("UNREGISTER PERSONALITY", UnregisterPersonality, nil, uint32(id))
}

// UnregisterIowqAff gives the kernel's workers the affinity of their thread again.
func (r *Ring) UnregisterIowqAff() error {
	return r.register("UNREGISTER IOWQ_AFF", UnregisterIowqAff, nil, 0)
}

func needCount(what string, n int) error {
	if n == 0 {
		return fmt.Errorf("io_uring: no %s: %w", what, ErrArgument)
	}
	return nil
}

package main

import (
	"os"
	"os/signal"
)

// signals are those that a running program obeys. Each has a place of its own, so that none is lost while another is
// being obeyed; of several that are the same one is enough.
type signals struct {
	reload, reopen chan os.Signal
	done           chan struct{}
}

// heed keeps the signals from ending the process from now on, also before there is something to reload. Without it Go ends the
// process when the reader of its stdout or stderr has gone (os/signal, SIGPIPE); with it such a write is an error, as that
// to any other file that cannot be written, also for what is said at the end.
func heed() *signals {
	s := &signals{reload: make(chan os.Signal, 1), reopen: make(chan os.Signal, 1), done: make(chan struct{})}
	if reloadSignal != nil {
		signal.Notify(s.reload, reloadSignal)
		signal.Notify(s.reopen, reopenSignal)
		signal.Notify(make(chan os.Signal, 1), brokenPipeSignal)
	}
	return s
}

func (s *signals) stop() {
	signal.Stop(s.reload)
	signal.Stop(s.reopen)
	close(s.done)
}

// obey does what one of the signals says, until they are stopped. Each is obeyed by a goroutine of its own, for a log on a disk
// that hangs holds up who opens it.
func (s *signals) obey(which <-chan os.Signal, do func()) {
	for {
		select {
		case <-which:
			do()
		case <-s.done:
			return
		}
	}
}

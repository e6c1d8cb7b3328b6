package enginetest

import (
	"net"

	"github.com/unio-go/unio/internal/sys"
)

func takeConn(c net.Conn) (int, error)         { return sys.TakeConn(c) }
func takeListener(l net.Listener) (int, error) { return sys.TakeListener(l) }
func closeFD(fd int)                           { sys.CloseFD(fd) }
func lingerFD(fd, sec int) error               { return sys.SetLinger(fd, sec) }

// lackFiles takes all descriptors that the process may have and returns how to give them back.
func lackFiles() (func(), error) {
	was, err := sys.FileLimit()
	if err != nil {
		return nil, err
	}
	top, err := sys.Dup(0)
	if err != nil {
		return nil, err
	}
	hogged := []int{top}
	release := func() {
		sys.SetFileLimit(was)
		for _, fd := range hogged {
			sys.CloseFD(fd)
		}
	}
	if err := sys.SetFileLimit(sys.Limit{Cur: uint64(top) + 64, Max: was.Max}); err != nil {
		release()
		return nil, err
	}
	for {
		fd, err := sys.Dup(0)
		if err != nil {
			return release, nil
		}
		hogged = append(hogged, fd)
	}
}

//go:build !linux

package enginetest

import (
	"errors"
	"net"
)

func takeConn(net.Conn) (int, error)         { return -1, errors.ErrUnsupported }
func takeListener(net.Listener) (int, error) { return -1, errors.ErrUnsupported }
func closeFD(int)                            {}
func lingerFD(int, int) error                { return errors.ErrUnsupported }
func lackFiles() (func(), error)             { return nil, errors.ErrUnsupported }

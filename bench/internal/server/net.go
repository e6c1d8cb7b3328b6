package server

import "net"

// startNet is the program that everybody writes with package net: a goroutine and a buffer per connection.
func startNet() (*Running, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go copyEcho(c)
		}
	}()
	return &Running{Addr: ln.Addr(), Stop: ln.Close}, nil
}

// copyEcho echoes with Read and Write until either fails.
func copyEcho(c net.Conn) {
	defer c.Close()
	buf := make([]byte, echoBytes)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

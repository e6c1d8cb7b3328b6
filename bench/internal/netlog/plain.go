package netlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"sync"

	"github.com/unio-go/unio/examples/log/journal"
)

// The protocol of examples/log/journal.
const headBytes = 16

var table = crc32.MakeTable(crc32.Castagnoli)

// plain is a journal on packages net and os.
type plain struct {
	f     *os.File
	group bool

	mu              sync.Mutex
	synced          sync.Cond
	end             int64
	written, stable uint64 // appends
	syncing         bool
	failed          error
}

func servePlain(name string, group bool) (net.Addr, func() error, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, nil, err
	}
	ln, err := net.Listen("tcp", listenAt)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	p := &plain{f: f, group: group}
	p.synced.L = &p.mu
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return // closed
			}
			go p.serve(c)
		}
	}()
	return ln.Addr(), func() error { return errors.Join(ln.Close(), f.Close()) }, nil
}

// serve answers the requests of a connection. What has come of appends is appended together.
func (p *plain) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 2*(headBytes+journal.RecordMax))
	var out []byte
	for {
		head, err := in.Peek(headBytes)
		if err != nil {
			return
		}
		switch head[0] {
		case 'A':
			out, err = p.appends(in, out[:0])
		case 'R':
			out, err = p.read(in, out)
		default:
			return
		}
		if err != nil {
			return
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// appends takes the records that are there, at least one, and gives the answers.
func (p *plain) appends(in *bufio.Reader, out []byte) ([]byte, error) {
	n := 0
	for {
		head, err := in.Peek(n + headBytes)
		if err != nil {
			return nil, err
		}
		length := int(binary.LittleEndian.Uint32(head[n+4:]))
		if length > journal.RecordMax {
			return nil, errors.New("record too large")
		}
		end := n + headBytes + length
		if n > 0 && (head[n] != 'A' || in.Buffered() < end || end > in.Size()) {
			break
		}
		all, err := in.Peek(end)
		if err != nil {
			return nil, err
		}
		sum := crc32.Update(crc32.Checksum(all[n:n+8], table), table, all[n+headBytes:])
		if uint64(sum) != binary.LittleEndian.Uint64(all[n+8:]) {
			return nil, errors.New("wrong checksum")
		}
		out = append(out, 'a', 0, 0, 0)
		out = binary.LittleEndian.AppendUint32(out, uint32(length))
		out = binary.LittleEndian.AppendUint64(out, uint64(n)) // and where they begin, below
		if n = end; in.Buffered() < n+headBytes || n+headBytes > in.Size() {
			break
		}
	}
	records, err := in.Peek(n)
	if err != nil {
		return nil, err
	}
	off, err := p.append(records)
	for i := 8; i < len(out); i += headBytes {
		binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(out[i:])+uint64(off))
	}
	if err == nil {
		_, err = in.Discard(n)
	}
	return out, err
}

// append returns when records are durable, and with them everything before.
func (p *plain) append(records []byte) (off int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	off = p.end
	if _, err := p.f.WriteAt(records, off); err != nil {
		return 0, err
	}
	p.end += int64(len(records))
	p.written++
	mine := p.written
	if !p.group {
		p.mu.Unlock()
		err := datasync(p.f)
		p.mu.Lock()
		return off, err
	}
	for p.stable < mine && p.failed == nil {
		if p.syncing {
			p.synced.Wait()
			continue
		}
		p.syncing = true
		covered := p.written
		p.mu.Unlock()
		err := datasync(p.f)
		p.mu.Lock()
		p.syncing = false
		if p.failed = err; err == nil {
			p.stable = covered
		}
		p.synced.Broadcast()
	}
	return off, p.failed
}

// read answers a read.
func (p *plain) read(in *bufio.Reader, out []byte) ([]byte, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n, off := int(binary.LittleEndian.Uint32(head[4:])), binary.LittleEndian.Uint64(head[8:])
	if n > 1<<20 || off > 1<<62 {
		return nil, fmt.Errorf("a read of %d bytes at %d", n, off)
	}
	if cap(out) < headBytes+n {
		out = make([]byte, headBytes+n)
	}
	out = out[:headBytes+n]
	got, err := p.f.ReadAt(out[headBytes:], int64(off))
	if err != nil && err != io.EOF {
		return nil, err
	}
	out[0], out[1], out[2], out[3] = 'r', 0, 0, 0
	binary.LittleEndian.PutUint32(out[4:], uint32(got))
	binary.LittleEndian.PutUint64(out[8:], off)
	return out[:headBytes+got], nil
}

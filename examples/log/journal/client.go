package journal

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
)

// Client speaks the protocol from the other side, over any connection. One goroutine uses it at a time.
type Client struct {
	c   net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

// NewClient makes a client on a connection.
func NewClient(c net.Conn) *Client {
	return &Client{c: c, in: bufio.NewReaderSize(c, 64<<10), out: bufio.NewWriterSize(c, 64<<10)}
}

// Append appends records, and returns their offsets when all are durable.
func (c *Client) Append(records ...[]byte) (offs []int64, err error) {
	for _, record := range records {
		h := head{kind: kindAppend, length: len(record)}
		h.at = uint64(crc32.Update(h.sum(), table, record))
		c.request(h)
		c.out.Write(record) // its error comes again from Flush
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	for range records {
		h, err := c.answer(kindAppended)
		if err != nil {
			return offs, err
		}
		offs = append(offs, int64(h.at))
	}
	return offs, nil
}

// Read fills p with what is in the journal at off, or with less. At the end it returns io.EOF.
func (c *Client) Read(p []byte, off int64) (int, error) {
	c.request(head{kind: kindRead, length: len(p), at: uint64(off)})
	if err := c.out.Flush(); err != nil {
		return 0, err
	}
	h, err := c.answer(kindPart)
	if err != nil {
		return 0, err
	}
	switch {
	case h.length > len(p):
		return 0, fmt.Errorf("journal: %d bytes came for a read of %d", h.length, len(p))
	case h.length == 0:
		return 0, io.EOF
	}
	return io.ReadFull(c.in, p[:h.length])
}

// Record reads the record at off, and tells where the next one begins. At the end it returns io.EOF.
func (c *Client) Record(off int64) (record []byte, next int64, err error) {
	p := make([]byte, headBytes+RecordMax)
	for n, want := 0, headBytes; n < want; {
		m, err := c.Read(p[n:want], off+int64(n))
		if err == io.EOF && n > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, 0, err
		}
		if n += m; n < headBytes {
			continue
		}
		h := parseHead(p)
		if h.kind != kindAppend || h.checkAppend() != nil {
			return nil, 0, fmt.Errorf("journal: no record begins at %d", off)
		}
		want = headBytes + h.length
		if n == want && uint64(crc32.Update(h.sum(), table, p[headBytes:want])) != h.at {
			return nil, 0, fmt.Errorf("journal: the record at %d is damaged", off)
		}
		record = p[headBytes:want]
	}
	return record, off + int64(headBytes+len(record)), nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.c.Close() }

func (c *Client) request(h head) {
	var p [headBytes]byte
	h.put(p[:])
	c.out.Write(p[:]) // its error comes again from Flush
}

// answer reads the head of an answer.
func (c *Client) answer(kind byte) (head, error) {
	var p [headBytes]byte
	if _, err := io.ReadFull(c.in, p[:]); err != nil {
		return head{}, err
	}
	h := parseHead(p[:])
	switch {
	case h.kind == kindError && h.length <= RecordMax:
		text := make([]byte, h.length)
		if _, err := io.ReadFull(c.in, text); err != nil {
			return head{}, err
		}
		return head{}, errors.New("journal: the server says: " + string(text))
	case h.kind != kind:
		return head{}, fmt.Errorf("journal: an answer of kind %q, not %q", h.kind, kind)
	}
	return h, nil
}

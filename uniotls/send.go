package uniotls

import (
	"sync"

	"github.com/unio-go/unio/mem"
)

// Write seals p and sends it. It performs the handshake if need be. It returns when all has been handed to the
// connection below, which is at most 64 KiB ahead of the kernel. Concurrent Writes do not mix their bytes. With an error
// n is what has been sealed: those bytes are sent later unless the connection fails, so that a Write after
// os.ErrDeadlineExceeded goes on at p[n:].
func (c *Conn) Write(p []byte) (n int, err error) {
	if err := c.ready("write"); err != nil {
		return 0, err
	}
	c.writing.wait()
	defer c.writing.Unlock()
	return c.write(p)
}

// write is Write for the holder of writing.
func (c *Conn) write(p []byte) (n int, err error) {
	for {
		// There is room in the queue before crypto/tls is called, and its mutexes are free while this waits.
		if err := c.wire.flush(); err != nil {
			return n, c.why("write", err)
		}
		if n == len(p) {
			return n, nil
		}
		c.wire.sealing.Store(true)
		m, err := c.tls.Write(p[n:min(n+pieceBytes, len(p))])
		c.wire.sealing.Store(false)
		n += m
		if err != nil {
			return n, c.why("write", err)
		}
		if n == len(p) && c.wire.pending.Load() == 0 {
			return n, nil
		}
	}
}

// Send seals what buffers hold, in order, and sends it; small ones share a record. It takes the buffers over always, also
// when it fails: the caller must not touch them afterwards. For the rest it is Write; with os.ErrDeadlineExceeded, what
// was sealed before is still sent.
func (c *Conn) Send(bufs ...*mem.Buf) error {
	defer release(bufs)
	if err := c.ready("write"); err != nil {
		return err
	}
	c.writing.wait()
	defer c.writing.Unlock()
	if len(bufs) == 1 {
		_, err := c.write(bufs[0].Bytes())
		return err
	}
	return c.gather(bufs)
}

func release(bufs []*mem.Buf) {
	for _, b := range bufs {
		b.Release()
	}
}

// gathers recycles the memory in which small pieces become one.
var gathers = sync.Pool{New: func() any { return new([recordBytesMax]byte) }}

// gather writes buffers so that no record is sent that could hold more. Whole records are not copied.
func (c *Conn) gather(bufs []*mem.Buf) error {
	box := gathers.Get().(*[recordBytesMax]byte)
	defer gathers.Put(box)
	n := 0 // bytes in box
	for _, b := range bufs {
		p := b.Bytes()
		if n > 0 {
			m := copy(box[n:], p)
			if n, p = n+m, p[m:]; n < len(box) {
				continue
			}
			if _, err := c.write(box[:]); err != nil {
				return err
			}
		}
		if whole := len(p) - len(p)%recordBytesMax; whole > 0 {
			if _, err := c.write(p[:whole]); err != nil {
				return err
			}
			p = p[whole:]
		}
		n = copy(box[:], p)
	}
	if n == 0 {
		return nil
	}
	_, err := c.write(box[:n])
	return err
}

package gate

import (
	"io"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/tinygate/internal/stream"
)

// pipe is two connections that have changed to another protocol.
type pipe struct {
	limit time.Duration // for silence on both sides
	last  time.Time     // when something came last, on either
}

// tunnel carries bytes both ways until both sides have ended, or both have been silent for too long. It adds what was
// carried to in and out.
func tunnel(a, b *source, limit time.Duration, in, out *int64) {
	p := &pipe{limit: limit, last: time.Now()}
	var g unio.Group
	g.Go(func() error { return p.pour(a, b.c, in) })
	g.Go(func() error { return p.pour(b, a.c, out) })
	g.Wait()
}

// pour carries bytes one way, counts them and passes the end on.
func (p *pipe) pour(from *source, to stream.Conn, n *int64) error {
	from.limit = 0
	for {
		if from.b != nil {
			now := time.Now()
			p.last = now
			to.SetWriteDeadline(now.Add(p.limit))
			*n += int64(len(from.bytes()))
			piece := from.slice(0, len(from.bytes()))
			from.drop()
			if err := to.Send(piece); err != nil {
				return p.cut(from, to, err)
			}
		}
		from.c.SetReadDeadline(p.last.Add(p.limit))
		switch err := from.recv(); {
		case err == io.EOF:
			to.SetWriteDeadline(time.Now().Add(p.limit)) // with TLS the end is a record; the deadline of the last piece may be over
			if err := to.CloseWrite(); err != nil {
				return p.cut(from, to, err)
			}
			return nil
		case err == nil:
		case isTimeout(err) && time.Since(p.last) < p.limit:
			// The other side has not been silent.
		default:
			to.Close()
			return err
		}
	}
}

// cut ends both sides where one of them takes no more, not even the end.
func (p *pipe) cut(from *source, to stream.Conn, err error) error {
	to.Close()
	from.c.Close()
	return err
}

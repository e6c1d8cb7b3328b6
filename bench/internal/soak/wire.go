package soak

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The conversation. The client begins with a hello. It then sends requests, each of a header and a payload out of the
// stream up, and gets for each an answer of a header and as many bytes as it asked for, out of the stream down. When it
// has ended its direction it gets the trailer, which counts the bytes of payload that have arrived, and the end.

// style is how the server's side of a connection is programmed.
type style byte

const (
	styleRecvSend  style = iota // a task with Recv and Send
	styleReadWrite              // a task with Read and Write
	styleGoroutine              // a goroutine on the task's connection
	styleDeadlines              // a task whose calls run into deadlines again and again
	styleAwait                  // a task for each message, none between them
	styleProxy                  // a task that connects on and copies in both directions
	styles
)

const (
	helloBytes   = 16
	requestBytes = 16
	answerBytes  = 16
	trailerSeq   = 1<<32 - 1
	magic        = 0x756e696f
)

// hello begins a conversation.
type hello struct {
	seed   uint64
	style  style
	rude   bool // the client will not keep to the conversation, so that errors are to be expected
	drop   bool // the server shall close at some point
	onward bool // it came through a proxy
}

func (h *hello) bytes() []byte {
	p := binary.LittleEndian.AppendUint32(nil, magic)
	p = append(p, byte(h.style), flag(h.rude), flag(h.drop), flag(h.onward))
	return binary.LittleEndian.AppendUint64(p, h.seed)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func readHello(r io.Reader) (hello, error) {
	var p [helloBytes]byte
	if _, err := io.ReadFull(r, p[:]); err != nil {
		return hello{}, err
	}
	h := hello{style: style(p[4]), rude: p[5] == 1, drop: p[6] == 1, onward: p[7] == 1, seed: binary.LittleEndian.Uint64(p[8:])}
	if binary.LittleEndian.Uint32(p[:]) != magic || h.style >= styles {
		return h, &corrupt{fmt.Sprintf("a hello of %x", p)}
	}
	return h, nil
}

// up and down are the two streams of a connection.
func (h *hello) up() stream   { return stream{seed: h.seed} }
func (h *hello) down() stream { return stream{seed: ^h.seed} }

// request asks for an answer.
type request struct {
	seq    uint32
	up     uint32 // bytes of payload
	down   uint32 // bytes of the answer
	duplex bool   // the answer goes while the payload comes
}

func (q *request) bytes() []byte {
	p := binary.LittleEndian.AppendUint32(nil, q.seq)
	p = binary.LittleEndian.AppendUint32(p, q.up)
	p = binary.LittleEndian.AppendUint32(p, q.down)
	return binary.LittleEndian.AppendUint32(p, magic+uint32(flag(q.duplex)))
}

// readRequest wants the request of a number. io.EOF is the end at a good place.
func readRequest(r io.Reader, seq uint32) (request, error) {
	var p [requestBytes]byte
	if _, err := io.ReadFull(r, p[:]); err != nil {
		return request{}, err
	}
	q := request{
		seq: binary.LittleEndian.Uint32(p[:]), up: binary.LittleEndian.Uint32(p[4:]),
		down: binary.LittleEndian.Uint32(p[8:]),
	}
	m := binary.LittleEndian.Uint32(p[12:])
	q.duplex = m == magic+1
	if q.seq != seq || m != magic && m != magic+1 {
		return q, &corrupt{fmt.Sprintf("request %d begins with %x", seq, p)}
	}
	return q, nil
}

// answerHeader begins an answer, or is the trailer.
func answerHeader(seq uint32, n uint64) []byte {
	p := binary.LittleEndian.AppendUint32(nil, seq)
	p = binary.LittleEndian.AppendUint32(p, magic)
	return binary.LittleEndian.AppendUint64(p, n)
}

// readAnswerHeader wants the header with these values. trailed tells that it is a trailer instead.
func readAnswerHeader(r io.Reader, seq uint32, n uint64) (trailed bool, err error) {
	var p [answerBytes]byte
	if _, err := io.ReadFull(r, p[:]); err != nil {
		return false, err
	}
	if want := answerHeader(seq, n); string(p[:]) != string(want) {
		return binary.LittleEndian.Uint32(p[:]) == trailerSeq,
			&corrupt{fmt.Sprintf("an answer begins with %x, want %x", p, want)}
	}
	return false, nil
}

// pieceBytes is how much is made or checked at a time.
const pieceBytes = 16 << 10

// send writes the next n bytes of a stream, and recv reads and checks them; step is called before each piece and may give
// a smaller size for it.
func (s *stream) send(w io.Writer, n uint64, buf []byte, step func(int) int) error {
	for n > 0 {
		m := step(int(min(n, uint64(len(buf)))))
		s.fill(buf[:m])
		if _, err := w.Write(buf[:m]); err != nil {
			return err
		}
		n -= uint64(m)
	}
	return nil
}

func (s *stream) recv(r io.Reader, n uint64, buf []byte, step func(int) int) error {
	for n > 0 {
		m, err := r.Read(buf[:step(int(min(n, uint64(len(buf)))))])
		if cerr := s.check(buf[:m]); cerr != nil {
			return cerr
		}
		n -= uint64(m)
		if err == io.EOF && n > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// whole takes pieces as they are.
func whole(n int) int { return n }

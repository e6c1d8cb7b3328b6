package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// manner is how a client behaves.
type manner int

const (
	mannerPlain    manner = iota // request, answer, request, answer
	mannerPipeline               // all requests, while the answers come
	mannerHalf                   // all requests, the end, then the answers
	mannerSlow                   // a small window, and few bytes at a time
	mannerDuplex                 // both directions at once
	mannerStall                  // pauses in the middle of everything
	polite                       // those above keep to the conversation
)

const (
	mannerSilent  manner = polite + iota // connects and leaves
	mannerReset                          // resets in the middle
	mannerEarly                          // closes in the middle, with answers unread
	mannerFlood                          // asks for much, reads nothing and resets
	mannerDropped                        // has the server leave
	mannerCut                            // ends its direction in the middle of a request
	manners
)

// stallLimit is how long a polite client waits for the next bytes: what has not come by then is lost, or the server
// hangs.
const stallLimit = 90 * time.Second

// client is one conversation.
type client struct {
	l      *load
	c      *net.TCPConn
	m      manner
	h      hello
	rng    *rand.Rand
	ups    stream
	downs  stream
	sent   uint64
	left   int // rude clients: steps until they break off
	failed error
}

// errBroken is the end that a rude client has chosen.
var errBroken = errors.New("broken off")

// run connects and converses once.
func (l *load) run(ctx context.Context, seed uint64) {
	k := &client{l: l, rng: rand.New(rand.NewPCG(seed, 1))}
	k.m = manner(k.rng.IntN(int(polite)))
	if k.rng.IntN(100) < l.rudePercent {
		k.m = polite + manner(k.rng.IntN(int(manners-polite)))
	}
	k.h = hello{seed: seed | 1, style: style(k.rng.IntN(int(styles))), rude: k.m >= polite, drop: k.m == mannerDropped}
	if k.h.style == styleProxy && k.rng.IntN(4) != 0 { // each costs the server three descriptors
		k.h.style = styleRecvSend
	}
	if k.h.drop || k.m == mannerReset || k.m == mannerEarly || k.m == mannerCut {
		k.left = 1 + k.rng.IntN(60)
	}
	k.ups, k.downs = k.h.up(), k.h.down()
	// Ports of one address that wait in TIME_WAIT would run out.
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+k.rng.IntN(250)))}
	d := net.Dialer{Timeout: stallLimit, LocalAddr: from}
	c, err := d.DialContext(context.WithoutCancel(ctx), "tcp", l.addrs[k.rng.IntN(len(l.addrs))])
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EMFILE) {
		l.seen("client", true, err)
		return
	}
	if err != nil {
		l.seen("client, connecting", false, err)
		return
	}
	k.c = c.(*net.TCPConn)
	defer k.c.Close()
	l.open.Add(1)
	defer l.open.Add(-1)
	if err := k.converse(ctx); err != nil && !errors.Is(err, errBroken) {
		where := fmt.Sprintf("client, manner %d, style %d, seed %x", k.m, k.h.style, k.h.seed)
		l.seen(where, k.h.rude, err)
	}
	l.done.Add(1)
}

// step makes rude clients break off, and gives pieces the size that the manner has.
func (k *client) step(n int) int {
	switch k.m {
	case mannerSlow:
		n = min(n, 1+k.rng.IntN(400))
		if k.rng.IntN(8) == 0 {
			time.Sleep(upTo(k.rng, 3*time.Millisecond))
		}
	case mannerStall:
		n = min(n, 1+k.rng.IntN(4000))
		if k.rng.IntN(30) == 0 {
			time.Sleep(upTo(k.rng, 300*time.Millisecond))
		}
	case mannerReset, mannerEarly, mannerCut:
		n = min(n, 1+k.rng.IntN(4000))
		if k.left--; k.left <= 0 {
			k.breakOff()
		}
	}
	k.c.SetDeadline(time.Now().Add(stallLimit))
	return n
}

// breakOff ends the connection as the manner does. What is done on it afterwards fails.
func (k *client) breakOff() {
	k.failed = errBroken
	switch k.m {
	case mannerReset, mannerFlood:
		k.c.SetLinger(0)
		k.c.Close()
	case mannerCut:
		k.c.CloseWrite()
		k.left = 1 << 30
	default:
		k.c.Close()
	}
}

// converse is the conversation, after which the connection is closed.
func (k *client) converse(ctx context.Context) error {
	if k.m == mannerSilent {
		time.Sleep(upTo(k.rng, 50*time.Millisecond))
		if k.rng.IntN(2) == 0 {
			k.c.SetLinger(0)
		}
		return nil
	}
	if k.m == mannerSlow {
		k.c.SetReadBuffer(4096)
	}
	k.step(1)
	if _, err := k.c.Write(k.h.bytes()); err != nil {
		return k.ended(err)
	}
	if k.m == mannerFlood {
		return k.flood()
	}
	requests := k.script()
	var err error
	if k.m == mannerPipeline || k.m == mannerHalf || k.m == mannerCut {
		err = k.pipeline(requests)
	} else {
		err = k.oneByOne(ctx, requests)
	}
	return k.ended(err)
}

// ended is the error of a conversation, unless the client itself has broken it off.
func (k *client) ended(err error) error {
	var bad *corrupt
	if k.failed != nil && !errors.As(err, &bad) {
		return k.failed
	}
	return err
}

// script chooses what is asked for: most messages are small, a few are large.
func (k *client) script() []request {
	size := func() uint32 {
		switch r := k.rng.IntN(100); {
		case k.m == mannerSlow:
			return uint32(k.rng.IntN(8 << 10))
		case r < 70:
			return uint32(k.rng.IntN(512))
		case r < 97:
			return uint32(k.rng.IntN(16 << 10))
		}
		return uint32(k.rng.IntN(k.l.largeBytes))
	}
	all := make([]request, 1+k.rng.IntN(20))
	for i := range all {
		all[i] = request{seq: uint32(i), up: size(), down: size(), duplex: k.m == mannerDuplex}
		// Nobody holds a window of answers in memory for one who does not read.
		if k.m == mannerHalf {
			all[i].down = min(all[i].down, 1<<10)
		}
	}
	return all
}

// oneByOne waits for each answer before the next request, and thinks in between.
func (k *client) oneByOne(ctx context.Context, requests []request) error {
	buf := make([]byte, pieceBytes)
	for _, q := range requests {
		var err error
		if q.duplex {
			err = k.duplex(q, buf)
		} else if err = k.ask(q, buf); err == nil {
			err = k.get(q, buf)
		}
		if err != nil {
			return err
		}
		k.l.messages.Add(1)
		if k.l.think > 0 && k.rng.IntN(10) != 0 {
			pause(ctx, upTo(k.rng, k.l.think))
		}
	}
	return k.finish()
}

// pause sleeps, but not beyond the end of the soak.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// pipeline writes all requests while it reads the answers, or before it does.
func (k *client) pipeline(requests []request) error {
	write := func() error {
		buf := make([]byte, pieceBytes)
		for _, q := range requests {
			if err := k.ask(q, buf); err != nil {
				return err
			}
		}
		return k.c.CloseWrite()
	}
	written := make(chan error, 1)
	if k.m == mannerHalf {
		written <- write()
	} else {
		// Two goroutines must not share the generator: the one that writes has the manner's pace.
		go func() { written <- write() }()
	}
	reader := *k
	reader.rng = rand.New(rand.NewPCG(k.h.seed, 2))
	if k.m == mannerCut {
		reader.m = mannerPlain
	}
	err := reader.getAll(requests)
	if err != nil {
		k.c.SetDeadline(time.Now()) // the writer ends too
	}
	if werr := <-written; werr != nil && !errors.Is(werr, os.ErrDeadlineExceeded) {
		return errors.Join(err, werr)
	}
	if err != nil {
		return err
	}
	return reader.trailer(k.sent)
}

func (k *client) getAll(requests []request) error {
	buf := make([]byte, pieceBytes)
	for _, q := range requests {
		if err := k.get(q, buf); err != nil {
			return err
		}
		k.l.messages.Add(1)
	}
	return nil
}

// duplex writes and reads at the same time.
func (k *client) duplex(q request, buf []byte) error {
	written := make(chan error, 1)
	writer := *k
	writer.rng = rand.New(rand.NewPCG(k.h.seed, uint64(q.seq)))
	go func() { written <- writer.ask(q, make([]byte, pieceBytes)) }()
	err := k.get(q, buf)
	if err != nil {
		k.c.SetDeadline(time.Now())
	}
	werr := <-written
	k.ups, k.sent = writer.ups, writer.sent
	return errors.Join(err, werr)
}

// ask sends a request.
func (k *client) ask(q request, buf []byte) error {
	k.step(1)
	if _, err := k.c.Write(q.bytes()); err != nil {
		return err
	}
	k.sent += uint64(q.up)
	return k.ups.send(k.c, uint64(q.up), buf, k.step)
}

// get reads an answer.
func (k *client) get(q request, buf []byte) error {
	k.step(1)
	trailed, err := readAnswerHeader(k.c, q.seq, uint64(q.down))
	if trailed && k.h.rude {
		return errBroken // it has ended its direction between two requests
	}
	if err != nil {
		return err
	}
	return k.downs.recv(k.c, uint64(q.down), buf, k.step)
}

// finish ends the own direction and wants the server's count of what was sent, and its end.
func (k *client) finish() error {
	if err := k.c.CloseWrite(); err != nil {
		return err
	}
	return k.trailer(k.sent)
}

func (k *client) trailer(sent uint64) error {
	k.step(1)
	if _, err := readAnswerHeader(k.c, trailerSeq, sent); err != nil {
		return err
	}
	var p [1]byte
	if n, err := k.c.Read(p[:]); n != 0 {
		return &corrupt{"a byte after the end"}
	} else if kind(err) != "EOF" {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

// flood asks for more than sockets hold and does not read it.
func (k *client) flood() error {
	buf := make([]byte, pieceBytes)
	k.ask(request{up: 10, down: 64 << 20}, buf) // whether it arrives makes no difference
	time.Sleep(upTo(k.rng, 3*time.Second))
	k.breakOff()
	return k.failed
}

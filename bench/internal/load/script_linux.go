package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// script is what a connection says and what it is to hear, each an endless repetition of one period.
type script struct {
	out, in         []byte // out is a period and so much more that no excerpt wraps; of in one period is looked at
	outLen, inLen   int    // of the periods
	outSize, inSize int    // bytes of a message and of its answer
	anyFrom, anyTo  int    // places of in that may have any value
}

// echoScript is messages cut out of a stream, which come back as they are.
func echoScript(size int) *script {
	s := newStream()
	return &script{out: s[:], in: s[:], outLen: streamPeriod, inLen: streamPeriod, outSize: size, inSize: size}
}

// exchangeLimit bounds the request that finds out what the answers look like.
const exchangeLimit = 10 * time.Second

// httpScript is one request again and again. It is performed here, and its answer, if it has the body that was asked for, is what each
// answer has to be but for the Date.
func httpScript(addr netip.AddrPort, shape Shape) (*script, error) {
	request := shape.Request
	if request == nil {
		request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", shape.Path)
	}
	c, err := net.DialTimeout("tcp", addr.String(), exchangeLimit)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if shape.TLS {
		c = tls.Client(c, clientConfig)
	}
	c.SetDeadline(time.Now().Add(exchangeLimit))
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &answer)), nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		line, _, _ := bytes.Cut(request, []byte(" HTTP/"))
		return nil, fmt.Errorf("%s: %s", line, resp.Status)
	}
	if !bytes.Equal(body, shape.Answer) {
		return nil, fmt.Errorf("the first answer: a body of %d bytes, want one of %d: %w", len(body), len(shape.Answer), ErrMismatch)
	}
	s := &script{
		out: fill(request, sendBytesMax), outLen: len(request), outSize: len(request),
		in: answer.Bytes(), inLen: answer.Len(), inSize: answer.Len(),
	}
	s.anyFrom, s.anyTo = placeOfDate(s.in)
	return s, nil
}

// fill repeats a period until any excerpt of the given length fits that begins in the first.
func fill(period []byte, excerpt int) []byte {
	return bytes.Repeat(period, excerpt/len(period)+2)
}

// placeOfDate is where the value of the Date stands.
func placeOfDate(answer []byte) (from, to int) {
	_, rest, ok := bytes.Cut(answer, []byte("\r\nDate: "))
	if !ok {
		return 0, 0
	}
	from = len(answer) - len(rest)
	return from, from + bytes.IndexByte(rest, '\r')
}

// matches compares what has come with what had to come at a place of the period.
func (s *script) matches(got []byte, at int) bool {
	for len(got) > 0 {
		end, free := s.inLen, false
		switch {
		case at < s.anyFrom:
			end = s.anyFrom
		case at < s.anyTo:
			end, free = s.anyTo, true
		}
		n := min(end-at, len(got))
		if !free && !bytes.Equal(got[:n], s.in[at:at+n]) {
			return false
		}
		got, at = got[n:], (at+n)%s.inLen
	}
	return true
}

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
	out, in         []byte // a period, and so much more that no excerpt wraps
	outLen, inLen   int    // of the periods
	outSize, inSize int    // bytes of a message and of its answer
	any             []bool // places of in that may have any value; nil: none
}

// echoScript is messages cut out of a stream, which come back as they are.
func echoScript(size int) *script {
	s := newStream()
	return &script{out: s[:], in: s[:], outLen: streamPeriod, inLen: streamPeriod, outSize: size, inSize: size}
}

// exchangeLimit bounds the request that finds out what the answers look like.
const exchangeLimit = 10 * time.Second

// httpScript is GET requests for a path. One of them is performed here, and its answer is what each answer has to be but for
// the Date.
func httpScript(addr netip.AddrPort, shape Shape) (*script, error) {
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", shape.Path)
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
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", shape.Path, resp.Status)
	}
	return &script{
		out: fill(request, sendBytesMax), outLen: len(request), outSize: len(request),
		in: fill(answer.Bytes(), recvBytesMax), inLen: answer.Len(), inSize: answer.Len(), any: anyDate(answer.Bytes()),
	}, nil
}

// fill repeats a period until any excerpt of the given length fits that begins in the first.
func fill(period []byte, excerpt int) []byte {
	return bytes.Repeat(period, excerpt/len(period)+2)
}

// anyDate marks the value of the Date.
func anyDate(answer []byte) []bool {
	marks := make([]bool, len(answer))
	if _, rest, ok := bytes.Cut(answer, []byte("\r\nDate: ")); ok {
		from := len(answer) - len(rest)
		for i := from; answer[i] != '\r'; i++ {
			marks[i] = true
		}
	}
	return marks
}

// matches compares what has come with what had to come at a place of the period.
func (s *script) matches(got []byte, at int) bool {
	if s.any == nil {
		return bytes.Equal(got, s.in[at:at+len(got)])
	}
	for i, b := range got {
		if place := at + i; b != s.in[place] && !s.any[place%s.inLen] {
			return false
		}
	}
	return true
}

package uniotls_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
	"github.com/unio-go/unio/uniotls"
)

// updater is a client of TLS 1.3 that seals its own records after the handshake, so that it can send what crypto/tls
// never sends: KeyUpdate messages that ask for an answer (RFC 8446, 4.6.3).
type updater struct {
	net.Conn           // plain
	tls      *tls.Conn // for reading
	secret   []byte
	seq      uint64
	aead     cipher.AEAD
	iv       []byte
	hash     func() hash.Hash
	keyLen   int
}

// keyLog takes the one line of a key log that the updater needs.
type keyLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes a line.
func (k *keyLog) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(p)
}

func (k *keyLog) secret(t testing.TB, label string) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	for line := range strings.Lines(k.text.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == label {
			return must(hex.DecodeString(f[2]))
		}
	}
	t.Fatalf("no %s in the key log", label)
	return nil
}

func dialUpdater(t testing.TB, addr net.Addr) *updater {
	t.Helper()
	log := new(keyLog)
	cfg := clientConfig()
	cfg.MinVersion, cfg.KeyLogWriter = tls.VersionTLS13, log
	u := &updater{Conn: dialPlain(t, addr)}
	u.tls = tls.Client(u.Conn, cfg)
	if err := u.tls.Handshake(); err != nil {
		t.Fatal(err)
	}
	switch suite := u.tls.ConnectionState().CipherSuite; suite {
	case tls.TLS_AES_128_GCM_SHA256:
		u.hash, u.keyLen = sha256.New, 16
	case tls.TLS_AES_256_GCM_SHA384:
		u.hash, u.keyLen = sha512.New384, 32
	default:
		t.Skipf("AES in hardware: without it the connection has %s", tls.CipherSuiteName(suite))
	}
	u.use(log.secret(t, "CLIENT_TRAFFIC_SECRET_0"))
	return u
}

// use derives the keys of a traffic secret, RFC 8446, 7.3.
func (u *updater) use(secret []byte) {
	u.secret, u.seq = secret, 0
	u.aead = must(cipher.NewGCM(must(aes.NewCipher(u.expand("key", u.keyLen)))))
	u.iv = u.expand("iv", u.aead.NonceSize())
}

// expand is HKDF-Expand-Label with an empty context, RFC 8446, 7.1.
func (u *updater) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "+label...), 0)
	return must(hkdf.Expand(u.hash, u.secret, string(info), n))
}

// The types of records.
const (
	recordHandshake   = 22
	recordApplication = 23
)

// seal appends a record, RFC 8446, 5.2.
func (u *updater) seal(to []byte, kind byte, payload []byte) []byte {
	plain := append(append([]byte{}, payload...), kind)
	head := []byte{recordApplication, 3, 3, 0, 0}
	binary.BigEndian.PutUint16(head[3:], uint16(len(plain)+u.aead.Overhead()))
	nonce := append([]byte{}, u.iv...)
	for i := range 8 {
		nonce[len(nonce)-8+i] ^= byte(u.seq >> (56 - 8*i))
	}
	u.seq++
	return u.aead.Seal(append(to, head...), nonce, plain, head)
}

// update appends a KeyUpdate that asks for an answer, and changes the keys.
func (u *updater) update(to []byte) []byte {
	to = u.seal(to, recordHandshake, []byte{24, 0, 0, 1, 1})
	u.use(u.expand("traffic upd", u.hash().Size()))
	return to
}

// updatesPerByte is how many key updates crypto/tls suffers without a byte of data between them.
const updatesPerByte = 15

func TestKeyUpdatesAreAnswered(t *testing.T) {
	const rounds = 50
	each(t, func(t *testing.T, rt *unio.Runtime) {
		addr := serve(t, rt, serverConfig(), echo)
		u := dialUpdater(t, addr)
		for i := range rounds {
			b := u.update(nil)
			b = u.seal(b, recordApplication, fmt.Appendf(nil, "%02d", i))
			if _, err := u.Write(b); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 2)
			if _, err := io.ReadFull(u.tls, got); err != nil || string(got) != fmt.Sprintf("%02d", i) {
				t.Fatalf("after %d updates: %q, %v", i+1, got, err)
			}
		}
	})
}

// An answer is sent also where the reader gets no data after the question, and nobody writes.
func TestKeyUpdateIsAnsweredToASilentPeer(t *testing.T) {
	each(t, func(t *testing.T, rt *unio.Runtime) {
		cfg := serverConfig()
		cfg.SessionTicketsDisabled = true // the answer is all that the server sends
		addr := serve(t, rt, cfg, func(c *uniotls.Conn) { io.Copy(io.Discard, c) })
		u := dialUpdater(t, addr)
		u.Write(u.update(nil))
		if _, err := u.Conn.Read(make([]byte, 1)); err != nil {
			t.Errorf("no answer came: %v", err)
		}
	})
}

// The failure: crypto/tls's reader, which answers a KeyUpdate, waits for the mutex that the writer holds while it waits for
// a peer that does not read, and with it the thread of the loop.
func TestKeyUpdateWhileWritingToAPeerThatDoesNotReadHoldsTheLoop(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		result := make(chan error, 2)
		floodAndFail(t, rt, 2, result, func(c *uniotls.Conn, read func() error) {
			var g unio.Group
			g.Go(func() error { // a peer that does not read stops it sooner or later
				_, err := copyOut(c, 1, 1<<30)
				result <- err
				return nil
			})
			g.Go(read)
			g.Wait()
		})
	})
}

// The same without a writer: then nobody but the reader sends.
func TestKeyUpdatesFromAPeerThatDoesNotRead(t *testing.T) {
	uniotest.EachEngineWith(t, oneLoop(), func(t *testing.T, rt *unio.Runtime) {
		floodAndFail(t, rt, 1, make(chan error, 1), func(_ *uniotls.Conn, read func() error) { read() })
	})
}

// floodAndFail has a peer ask for answers that it does not read, until a handler's calls have failed, one for each
// direction that the handler uses. All the while the loop's other connection is answered, and no more than the bound is
// queued. The handler is to call read.
func floodAndFail(
	t *testing.T, rt *unio.Runtime, directions int, result chan error,
	handler func(c *uniotls.Conn, read func() error),
) {
	bytesIn, conns := make(chan int, 1<<20), make(chan *uniotls.Conn, 1)
	ln, err := rt.Listen("tcp", "127.0.0.1:0", &unio.ListenOptions{Control: smallSendBuffer})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go uniotls.NewListener(ln, serverConfig()).Serve(func(c *uniotls.Conn) {
		conns <- c
		handler(c, func() error {
			p := make([]byte, 100)
			for {
				n, err := c.Read(p)
				if err != nil {
					result <- err
					return nil
				}
				bytesIn <- n
			}
		})
	})
	ask := neighbour(t, rt)
	u := dialUpdater(t, ln.Addr())
	c := await(t, conns, "the handler")
	// The first rounds are answered, or their answers queued: the reader goes on while the writer stands.
	for range 100 {
		u.round(t)
		await(t, bytesIn, "a byte that follows key updates")
		ask()
	}
	// And this is the end of patience: by then the peer has asked thousands of times.
	err = u.flood(t, result, func() {
		if n := uniotls.Pending(c); n > uniotls.QueueBytesMax {
			t.Errorf("%d bytes are queued", n)
		}
	})
	for range directions {
		if err == nil {
			err = await(t, result, "the connection to fail")
		}
		if !strings.Contains(err.Error(), "does not read") {
			t.Errorf("the error does not say why: %v", err)
		}
		ask()
		err = nil
	}
}

// round asks for as many answers as may be asked for with one byte of data.
func (u *updater) round(t testing.TB) {
	t.Helper()
	u.SetDeadline(time.Now().Add(bound))
	var b []byte
	for range updatesPerByte {
		b = u.update(b)
	}
	if _, err := u.Write(u.seal(b, recordApplication, []byte{1})); err != nil {
		t.Fatal(err)
	}
}

// flood goes on until the connection has failed, and looks at it from time to time. The error is nil where the peer has
// noticed before who waits for the result.
func (u *updater) flood(t testing.TB, result <-chan error, look func()) error {
	t.Helper()
	for range 100_000 {
		select {
		case err := <-result:
			return err
		default:
		}
		look()
		var b []byte
		for range updatesPerByte {
			b = u.update(b)
		}
		u.SetWriteDeadline(time.Now().Add(bound))
		if _, err := u.Write(u.seal(b, recordApplication, []byte{1})); err != nil {
			break
		}
	}
	return nil
}

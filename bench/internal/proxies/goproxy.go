package proxies

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"github.com/valyala/fasthttp"
)

// GoProxyVerb is the hidden command by which a bench binary becomes a proxy as Go programs have them.
const GoProxyVerb = "__goproxy"

// idleConns is how many connections to the upstream a proxy keeps: more than there are clients.
const idleConns = 1024

// goProxies serve a listener, by contender.
var goProxies = map[Contender]func(ln net.Listener, upstream string) error{HTTPUtil: serveHTTPUtil, FastHTTP: serveFastHTTP}

// GoProxy is such a proxy's main function. args are its name, the upstream's address, and pairs of an address to listen on and a file
// with certificate and key, "" for none. It ends with in.
func GoProxy(args []string, in io.Reader) error {
	if len(args) < 4 || len(args)%2 != 0 {
		return errors.New("want name, upstream, and pairs of an address and a certificate")
	}
	serve := goProxies[Contender(args[0])]
	if serve == nil {
		return fmt.Errorf("there is no proxy %q", args[0])
	}
	log.SetOutput(io.Discard) // of handshakes that a client has broken off
	ended := make(chan error, len(args))
	for pairs := args[2:]; len(pairs) > 0; pairs = pairs[2:] {
		ln, err := net.Listen("tcp", pairs[0])
		if err != nil {
			return err
		}
		if pairs[1] != "" {
			pair, err := tls.LoadX509KeyPair(pairs[1], pairs[1])
			if err != nil {
				return err
			}
			ln = tls.NewListener(ln, &tls.Config{
				Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13,
				SessionTicketsDisabled: true,
			})
		}
		go func() { ended <- serve(ln, args[1]) }()
	}
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	return <-ended
}

// serveHTTPUtil is httputil.ReverseProxy with room for the connections to its upstream. The default of two would make it open one
// for most requests.
func serveHTTPUtil(ln net.Listener, upstream string) error {
	target := &url.URL{Scheme: "http", Host: upstream}
	return http.Serve(ln, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport:  &http.Transport{MaxIdleConnsPerHost: idleConns, DisableCompression: true},
		BufferPool: new(copyBuffers),
	})
}

// copyBuffers are the buffers through which bodies are copied, of the size that ReverseProxy makes one of for each request without a
// pool.
type copyBuffers struct{ pool sync.Pool }

// Get takes a buffer.
func (b *copyBuffers) Get() []byte {
	if p, is := b.pool.Get().(*[]byte); is {
		return *p
	}
	return make([]byte, 32<<10)
}

// Put gives it back.
func (b *copyBuffers) Put(p []byte) { b.pool.Put(&p) }

// serveFastHTTP is the proxy of fasthttp's documentation: a HostClient, and the fields that concern one connection taken out.
func serveFastHTTP(ln net.Listener, upstream string) error {
	client := &fasthttp.HostClient{Addr: upstream, MaxConns: idleConns, NoDefaultUserAgentHeader: true}
	server := fasthttp.Server{
		NoDefaultServerHeader: true, Logger: log.Default(),
		Handler: func(ctx *fasthttp.RequestCtx) {
			req, resp := &ctx.Request, &ctx.Response
			req.Header.Del("Connection")
			req.Header.Set("X-Forwarded-For", ctx.RemoteIP().String())
			req.URI().SetScheme("http") // whatever the client came by
			if err := client.Do(req, resp); err != nil {
				ctx.Error(err.Error(), http.StatusBadGateway)
				return
			}
			resp.Header.Del("Connection")
		},
	}
	return server.Serve(ln)
}

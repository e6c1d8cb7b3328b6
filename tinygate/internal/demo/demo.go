// Package demo is a small upstream to try a proxy with.
package demo

import (
	"fmt"
	"net"
	"net/http"
	"sort"
	"time"
)

// Start serves the demo on a free port of the loopback interface and returns its address. It runs until
// the process ends.
func Start() (addr string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("demo upstream: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", hello)
	mux.HandleFunc("/headers", headers)
	mux.HandleFunc("/slow", slow)
	go (&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(ln)
	return ln.Addr().String(), nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintln(w, "Hello from the demo upstream, through tinygate.")
	fmt.Fprintln(w, "Try /headers to see what the upstream sees, and /slow for a response in pieces.")
}

// headers lists the request as the upstream sees it.
func headers(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, v := range r.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", name, v)
		}
	}
}

// slow answers in five pieces, a fifth of a second apart.
func slow(w http.ResponseWriter, r *http.Request) {
	for i := range 5 {
		fmt.Fprintf(w, "piece %d\n", i+1)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

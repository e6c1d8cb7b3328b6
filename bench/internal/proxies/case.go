package proxies

import (
	"fmt"
	"slices"
	"strconv"
)

// Case is one shape of load, by its name.
type Case string

// The cases.
const (
	Small          Case = "small"
	Logged         Case = "logged"
	Many           Case = "many"
	Browser        Case = "browser"
	Post1K         Case = "post1k"
	Post64K        Case = "post64k"
	Get16K         Case = "get16k"
	Get1M          Case = "get1m"
	Fresh          Case = "fresh"
	One            Case = "one"
	Rate20K        Case = "rate20k"
	Rate5K         Case = "rate5k"
	TLS            Case = "tls"
	HandshakeECDSA Case = "handshake-ecdsa"
	HandshakeRSA   Case = "handshake-rsa"
)

// Cases lists all in the order of the tables.
func Cases() []Case {
	return []Case{Small, Logged, Many, Browser, Post1K, Post64K, Get16K, Get1M, Fresh, One, Rate20K, Rate5K, TLS, HandshakeECDSA,
		HandshakeRSA}
}

// door is a place where a proxy listens.
type door int

const (
	plain door = iota
	ecdsaDoor
	rsaDoor
	doors // how many there are
)

// String is the door's name.
func (d door) String() string { return [...]string{"plain", "TLS with ECDSA", "TLS with RSA"}[d] }

// traffic is what a case asks of a proxy.
type traffic struct {
	title   string
	conns   int
	path    string // at the upstream
	post    int    // bytes of the request's body; 0: a GET
	browser bool   // with a browser's fields
	fresh   bool   // a connection for each request
	rate    float64
	door    door
}

// smallPath is where the upstream answers with 128 bytes.
const smallPath = "/128"

var traffics = map[Case]traffic{
	Small:   {title: "128 B, 64 connections", conns: 64, path: smallPath},
	Logged:  {title: "128 B, 64 connections, without and with an access log", conns: 64, path: smallPath},
	Many:    {title: "128 B, 512 connections", conns: 512, path: smallPath},
	Browser: {title: "a browser's header fields, 64 connections", conns: 64, path: browserPath, browser: true},
	Post1K:  {title: "POST of 1 KiB, 64 connections", conns: 64, path: smallPath, post: 1 << 10},
	Post64K: {title: "POST of 64 KiB, 64 connections", conns: 64, path: smallPath, post: 64 << 10},
	Get16K:  {title: "16 KiB, 64 connections", conns: 64, path: "/16384"},
	Get1M:   {title: "1 MiB, 16 connections", conns: 16, path: "/1048576"},
	Fresh:   {title: "a connection per request, 64 at a time", conns: 64, path: smallPath, fresh: true},
	One:     {title: "128 B, 1 connection", conns: 1, path: smallPath},
	Rate20K: {title: "20,000/s, open loop over 64 connections", conns: 64, path: smallPath, rate: 20_000},
	Rate5K:  {title: "5,000/s, open loop over 64 connections", conns: 64, path: smallPath, rate: 5_000},
	TLS:     {title: "TLS 1.3, 128 B, 64 connections", conns: 64, path: smallPath, door: ecdsaDoor},
	HandshakeECDSA: {title: "a TLS handshake per request, ECDSA P-256, 16 at a time", conns: 16, path: smallPath, fresh: true,
		door: ecdsaDoor},
	HandshakeRSA: {title: "a TLS handshake per request, RSA 2048, 16 at a time", conns: 16, path: smallPath, fresh: true,
		door: rsaDoor},
}

// Title says the case in words.
func (c Case) Title() string { return traffics[c].title }

// request is what a client sends.
func (t traffic) request() []byte {
	method := "GET"
	if t.post > 0 {
		method = "POST"
	}
	r := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: bench.example\r\n", method, t.path)
	if t.browser {
		r = append(r, browserFields...)
	}
	if t.fresh {
		r = append(r, "Connection: close\r\n"...)
	}
	if t.post > 0 {
		r = fmt.Appendf(r, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", t.post)
	}
	r = append(r, "\r\n"...)
	return append(r, pattern(t.post)...)
}

// answer is the body of what the upstream answers: a path that is a number has so many bytes, any other 128.
func (t traffic) answer() []byte {
	n, err := strconv.Atoi(t.path[1:])
	if err != nil {
		n = 128
	}
	return pattern(n)
}

// pattern is a body of n bytes: letters by their place, in a row that shifts, so that a byte that is lost or doubled shows.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte((i+i/251)%26)
	}
	return b
}

// browserFields are a browser's, as one sends them for a page's parts: with those of request and Host fifteen fields.
const browserFields = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
	"Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Referer: https://bench.example/catalogue/garden/watering?page=3&sort=price\r\n" +
	"Cookie: session=9f2d6c1e8b7a4d30a5c4f1e2d3b4a596; consent=necessary.statistics; theme=dark; basket=4711,815,1234; " +
	"_ga=GA1.1.1093847561.1716400000; " +
	"_ga_7K2PQ9XYZ1=GS1.1.1716400000.3.1.1716400321.57.0.0; locale=en-GB; csrf=4be1a0c7\r\n" +
	"Sec-Ch-Ua: \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\n" +
	"Sec-Ch-Ua-Mobile: ?0\r\n" +
	"Sec-Ch-Ua-Platform: \"Windows\"\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-User: ?1\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n"

// knownCase reports whether a name is one of ours.
func knownCase(c Case) bool { return slices.Contains(Cases(), c) }

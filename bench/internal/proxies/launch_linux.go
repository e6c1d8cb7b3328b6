package proxies

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// launch is one process that is to be a contender, or a part of it.
type launch struct {
	doors  [doors]netip.AddrPort // where it listens; the zero address where it does not
	prog   string
	args   []string
	env    []string // beside this process' own
	config string   // how it is set up, for readers
}

// launches are the processes of a contender.
func (s *site) launches(c Contender) ([]launch, error) {
	switch c {
	case Nginx, NginxLog:
		return s.nginx(c)
	case Haproxy:
		return s.haproxy()
	case HTTPUtil, FastHTTP:
		return s.inGo(c)
	}
	switch {
	case s.noGate != nil:
		return nil, s.noGate
	case c.logs():
		return s.loggingGate(c)
	}
	return s.gate(c)
}

// open gives a launch some doors.
func (l *launch) open(at ...door) error {
	for _, d := range at {
		var err error
		if l.doors[d], err = free(); err != nil {
			return err
		}
	}
	return nil
}

// command is the command line of a launch, for readers.
func (l *launch) command() string { return strings.Join(append([]string{l.prog}, l.args...), " ") }

// gate is tinygate with its defaults on one loop. TLS needs a configuration, which a process of its own reads.
func (s *site) gate(c Contender) ([]launch, error) {
	plainOne, tlsOne := launch{prog: s.tinygate}, launch{prog: s.tinygate}
	if err := plainOne.open(plain); err != nil {
		return nil, err
	}
	plainOne.args = []string{"--listen", plainOne.doors[plain].String(), "--to", s.upstream.String(), "--engine", c.engine(), "--loops", "1"}
	plainOne.config = plainOne.command()
	if err := tlsOne.open(ecdsaDoor, rsaDoor); err != nil {
		return nil, err
	}
	listener := func(d door) string {
		return fmt.Sprintf(`  - address: %s
    tls:
      cert: %[2]s
      key: %[2]s
      min_version: 1.3
      tickets: off
`, tlsOne.doors[d], s.certs[d])
	}
	if err := s.configure(&tlsOne, c, "listen:\n"+listener(ecdsaDoor)+listener(rsaDoor)); err != nil {
		return nil, err
	}
	return []launch{plainOne, tlsOne}, nil
}

// loggingGate is tinygate with an access log in its default format.
func (s *site) loggingGate(c Contender) ([]launch, error) {
	l := launch{prog: s.tinygate}
	if err := l.open(plain); err != nil {
		return nil, err
	}
	err := s.configure(&l, c, fmt.Sprintf("access_log: %s\nlisten: %s\n", s.logFile(c), l.doors[plain]))
	return []launch{l}, err
}

// configure has a tinygate on one loop serve a configuration of these lines.
func (s *site) configure(l *launch, c Contender, lines string) error {
	text := fmt.Sprintf("engine: %s\nloops: 1\n%sto: %s\n", c.engine(), lines, s.upstream)
	file, err := s.file(string(c)+".yaml", text)
	l.args = []string{"run", file}
	l.config = l.command() + "\n" + text
	return err
}

// logFile is where a contender writes its access log.
func (s *site) logFile(c Contender) string { return filepath.Join(s.dir, string(c)+".log") }

// suites is the cipher suite that Go prefers where the CPU has AES: everybody encrypts alike.
const suites = "TLS_AES_128_GCM_SHA256"

// nginx is set up as its documentation advises for proxies: connections to the upstream are kept (ngx_http_upstream_module, keepalive),
// which needs HTTP/1.1 and an empty Connection (ngx_http_proxy_module); bodies stay in memory; no access log; sessions are not resumed.
// A log has what tinygate's has, and is written in pieces of the same size (ngx_http_log_module).
func (s *site) nginx(c Contender) ([]launch, error) {
	path, err := program("nginx", "nginx")
	if err != nil {
		return nil, err
	}
	l := launch{prog: path}
	if err := l.open(plain, ecdsaDoor, rsaDoor); err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	secure := func(d door) string {
		return fmt.Sprintf(`
	server {
		listen %s ssl; server_name bench.example;
		ssl_certificate %[2]s; ssl_certificate_key %[2]s;
		ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_conf_command Ciphersuites %[3]s;
		ssl_session_cache off; ssl_session_tickets off;
		location / { proxy_pass http://bench; }
	}`, l.doors[d], s.certs[d], suites)
	}
	log := "off"
	if c.logs() {
		log = s.logFile(c) + " json buffer=1m flush=1s"
	}
	temporary := ""
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("\t%s_temp_path %s/%[1]s;\n", name, s.dir)
	}
	text := fmt.Sprintf(`%sdaemon off; worker_processes 1; worker_rlimit_nofile 16384;
pid %s/%s.pid; error_log stderr crit;
events { worker_connections 8192; multi_accept on; }
http {
%s%s	access_log %s; keepalive_timeout 1h; keepalive_requests 1000000000;
	client_body_buffer_size 128k; client_max_body_size 0;
	proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
	proxy_buffer_size 32k; proxy_buffers 16 32k; proxy_max_temp_file_size 0;
	upstream bench { server %s; keepalive %d; keepalive_timeout 1h; keepalive_requests 1000000000; }
	server {
		listen %s; server_name bench.example;
		location / { proxy_pass http://bench; }
	}%s%s
}
`, user, s.dir, c, temporary, nginxLogFormat, log, s.upstream, idleConns, l.doors[plain], secure(ecdsaDoor), secure(rsaDoor))
	file, err := s.file(string(c)+".conf", text)
	if err != nil {
		return nil, err
	}
	l.args = []string{"-p", s.dir, "-c", file, "-e", "stderr"}
	l.config = "# " + version(path) + "\n" + text
	return []launch{l}, nil
}

// nginxLogFormat is of the fields of tinygate's log.
const nginxLogFormat = `	log_format json escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","host":"$host",'
		'"path":"$uri","query":"$args","protocol":"$server_protocol","status":$status,"bytes_sent":$body_bytes_sent,'
		'"bytes_received":$request_length,"duration":$request_time,"server":"$upstream_addr",'
		'"upstream_duration":"$upstream_response_time","request_id":"$request_id","user_agent":"$http_user_agent",'
		'"referer":"$http_referer","tls":"$ssl_protocol"}';
`

// haproxy is on one thread, reuses connections to the upstream for any client, and has buffers that take head and body of 16 KiB at
// once (haproxy's configuration manual: nbthread, http-reuse, tune.bufsize).
func (s *site) haproxy() ([]launch, error) {
	path, err := program("haproxy", "haproxy")
	if err != nil {
		return nil, err
	}
	l := launch{prog: path}
	if err := l.open(plain, ecdsaDoor, rsaDoor); err != nil {
		return nil, err
	}
	secure := func(d door) string { return fmt.Sprintf("    bind %s ssl crt %s\n", l.doors[d], s.certs[d]) }
	text := fmt.Sprintf(`global
    nbthread 1
    maxconn 4096
    tune.bufsize 65536
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
    ssl-default-bind-ciphersuites %s
    ssl-default-bind-curves X25519
    tune.ssl.cachesize 0
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    http-reuse always
    option forwardfor
frontend clients
    bind %s
%s%s    http-request set-header X-Forwarded-Proto %%[ssl_fc,iif(https,http)]
    default_backend bench
backend bench
    server upstream %s
`, suites, l.doors[plain], secure(ecdsaDoor), secure(rsaDoor), s.upstream)
	file, err := s.file("haproxy.cfg", text)
	if err != nil {
		return nil, err
	}
	l.args = []string{"-db", "-q", "-f", file}
	l.config = "# " + version(path) + "\n" + text
	return []launch{l}, nil
}

// inGo is a proxy within this binary. It has one P, as it has one CPU.
func (s *site) inGo(c Contender) ([]launch, error) {
	l := launch{prog: s.self, env: []string{"GOMAXPROCS=1"}}
	if err := l.open(plain, ecdsaDoor, rsaDoor); err != nil {
		return nil, err
	}
	l.args = []string{GoProxyVerb, string(c), s.upstream.String()}
	for d, at := range l.doors {
		l.args = append(l.args, at.String(), s.certs[d])
	}
	l.config = map[Contender]string{
		HTTPUtil: fmt.Sprintf("httputil.ReverseProxy with SetURL, SetXForwarded and a BufferPool, http.Transport{MaxIdleConnsPerHost: %d}, "+
			"GOMAXPROCS=1\n",
			idleConns),
		FastHTTP: fmt.Sprintf("fasthttp.Server with X-Forwarded-For, fasthttp.HostClient{MaxConns: %d}, GOMAXPROCS=1\n", idleConns),
	}[c]
	return []launch{l}, nil
}

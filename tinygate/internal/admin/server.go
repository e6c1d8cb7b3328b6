package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// What a client may use.
const (
	bodyBytes    = 64 << 10
	headBytes    = 16 << 10
	headTimeout  = 5 * time.Second
	readTimeout  = 10 * time.Second
	idleTimeout  = 30 * time.Second
	writeTimeout = 75 * time.Second // a reload waits for files and names
	reloadTime   = time.Minute
	inFlightMax  = 1000 // requests in an answer
)

// Server serves the API.
type Server struct {
	gate    Gate
	metrics http.Handler
	log     *slog.Logger
	ln      net.Listener
	address string
	tcp     bool
	remove  func()
	http    http.Server
	served  chan struct{}
}

// Serve listens on the address of cfg and serves in goroutines of its own until Close. metrics answers /metrics. What
// the program is told by POST is noted in log. Without an address it returns nil, which is a Server whose Close does
// nothing.
//
// A socket that a dead process left is replaced; one that is served, something else at its path, and an address that is not a
// loopback one are errors.
func Serve(cfg config.Admin, g Gate, metrics http.Handler, log *slog.Logger) (*Server, error) {
	if cfg.Address == "" {
		return nil, nil
	}
	s, err := prepare(cfg, g, metrics, log)
	if err != nil {
		return nil, err
	}
	s.start(connectionsMax)
	return s, nil
}

// prepare listens.
func prepare(cfg config.Admin, g Gate, metrics http.Handler, log *slog.Logger) (*Server, error) {
	ln, remove, err := listen(cfg.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		gate: g, metrics: metrics, log: log,
		ln: ln, address: cfg.Address, tcp: ln.Addr().Network() == "tcp", remove: remove,
	}
	s.http = http.Server{
		Handler: s, MaxHeaderBytes: headBytes,
		ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// start serves so many connections at once.
func (s *Server) start(connections int) {
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		if err := s.http.Serve(limit(s.ln, connections)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("tinygate: the admin API has ended", slog.Any("error", err))
		}
	}()
}

// Addr is where it listens, in the form of the configuration, which NewClient takes too.
func (s *Server) Addr() string {
	if s.tcp {
		return s.ln.Addr().String()
	}
	return s.address
}

// Close stops listening, removes the socket, lets requests end until ctx is done, and then closes their connections. The
// error is that of ctx.
func (s *Server) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.remove()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("admin: requests were cut short: %w", err)
		s.http.Close()
	}
	<-s.served
	return err
}

// problem is an error with a status.
type problem struct {
	status int
	body   failure
}

// Error is the text that the client gets.
func (p *problem) Error() string { return p.body.Error }

func refuse(status int, format string, args ...any) *problem {
	return &problem{status, failure{Error: fmt.Sprintf(format, args...)}}
}

// endpoint is a path and what it does.
type endpoint struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	About  string `json:"about"`
	do     func(s *Server, r *http.Request) (any, error)
}

// endpoints are all there are, but /metrics, which is not JSON.
var endpoints = []endpoint{
	{"GET", "/", "the endpoints", nil},
	{"GET", "/status", "version, engine, listeners, connections, configuration", (*Server).status},
	{"GET", "/upstreams", "the servers and their health", (*Server).upstreams},
	{"GET", "/inflight", "requests that are being served, the oldest first", (*Server).inFlight},
	{"GET", "/log-level", "the level of the program's log", (*Server).getLogLevel},
	{"GET", "/health", "200, or 503 when the program is ending", (*Server).health},
	{"GET", "/metrics", "for Prometheus", nil},
	{"POST", "/drain", `{"upstream": NAME, "server": ADDRESS}: no new requests for a server`, (*Server).drain},
	{"POST", "/undrain", `{"upstream": NAME, "server": ADDRESS}: requests again`, (*Server).undrain},
	{"POST", "/reload", "{}: read the configuration again", (*Server).reload},
	{"POST", "/log-level", `{"level": LEVEL}: debug, info, warn or error`, (*Server).setLogLevel},
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyBytes)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if err := s.guard(r); err != nil {
		answer(w, nil, err)
		return
	}
	e, err := find(w, r)
	switch {
	case err != nil:
		answer(w, nil, err)
	case e.Path == "/":
		answer(w, map[string]any{"endpoints": endpoints}, nil)
	case e.Path == "/metrics":
		s.metrics.ServeHTTP(w, r)
	default:
		out, err := e.do(s, r)
		answer(w, out, err)
	}
}

// guard refuses what a page in a browser could send.
func (s *Server) guard(r *http.Request) error {
	if origin := r.Header.Get("Origin"); origin != "" {
		return refuse(http.StatusForbidden, "requests of web pages are refused (Origin %.100q)", origin)
	}
	if s.tcp {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !isLoopback(strings.Trim(host, "[]")) {
			return refuse(http.StatusForbidden, "the Host %.100q is not a loopback name: ask for localhost or 127.0.0.1", r.Host)
		}
	}
	if r.Method != http.MethodPost {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "a POST has to have Content-Type: application/json")
	}
	return nil
}

// find finds the endpoint.
func find(w http.ResponseWriter, r *http.Request) (*endpoint, error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for i := range endpoints {
		e := &endpoints[i]
		if e.Path != r.URL.Path {
			continue
		}
		if e.Method == method {
			return e, nil
		}
		allowed = append(allowed, e.Method)
	}
	if len(allowed) == 0 {
		return nil, &problem{http.StatusNotFound, failure{fmt.Sprintf("there is no %.100q", r.URL.Path), endpoints}}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return nil, refuse(http.StatusMethodNotAllowed, "%s has no %.32q, but %s", r.URL.Path, r.Method, strings.Join(allowed, " and "))
}

// answer writes out or err as JSON.
func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	var p *problem
	var long *http.MaxBytesError
	switch {
	case err == nil:
	case errors.As(err, &p):
		status = p.status
		if out == nil {
			out = p.body
		}
	case errors.As(err, &long):
		status, out = http.StatusRequestEntityTooLarge, failure{Error: fmt.Sprintf("the body may have %d bytes", long.Limit)}
	case errors.Is(err, ErrUnknown):
		status, out = http.StatusNotFound, failure{Error: err.Error()}
	default:
		status, out = http.StatusBadRequest, failure{Error: err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(out) // the client has gone
}

// read reads the body into v.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the body is not what is expected: %w", err)
	}
	if d.More() {
		return errors.New("the body goes on behind the JSON object")
	}
	return nil
}

func (s *Server) status(*http.Request) (any, error) {
	st := s.gate.Status()
	st.Uptime = time.Since(st.Started).Round(time.Millisecond).Seconds()
	return st, nil
}

func (s *Server) upstreams(*http.Request) (any, error) {
	return map[string]any{"upstreams": append([]Upstream{}, s.gate.Upstreams()...)}, nil // [] where there are none
}

func (s *Server) inFlight(*http.Request) (any, error) {
	all := s.gate.InFlight()
	slices.SortStableFunc(all, func(a, b Request) int {
		switch {
		case a.Age > b.Age:
			return -1
		case a.Age < b.Age:
			return 1
		}
		return 0
	})
	out := InFlight{Total: len(all), Requests: append([]Request{}, all[:min(len(all), inFlightMax)]...)}
	for i := range out.Requests {
		out.Requests[i].Path, _, _ = strings.Cut(out.Requests[i].Path, "?")
	}
	return out, nil
}

func (s *Server) health(*http.Request) (any, error) {
	if s.gate.Draining() {
		return health{"draining"}, refuse(http.StatusServiceUnavailable, "draining")
	}
	return health{"ok"}, nil
}

func (s *Server) getLogLevel(*http.Request) (any, error) { return logLevel{s.gate.LogLevel()}, nil }

func (s *Server) setLogLevel(r *http.Request) (any, error) {
	var to logLevel
	if err := read(r, &to); err != nil {
		return nil, err
	}
	if err := s.gate.SetLogLevel(to.Level); err != nil {
		return nil, err
	}
	s.log.Info("tinygate: the log level was set by the admin API", slog.String("level", s.gate.LogLevel()))
	return logLevel{s.gate.LogLevel()}, nil
}

func (s *Server) drain(r *http.Request) (any, error)   { return s.setDrain(r, true) }
func (s *Server) undrain(r *http.Request) (any, error) { return s.setDrain(r, false) }

func (s *Server) setDrain(r *http.Request, on bool) (any, error) {
	var name serverName
	if err := read(r, &name); err != nil {
		return nil, err
	}
	if err := s.gate.Drain(name.Upstream, name.Server, on); err != nil {
		return nil, err
	}
	s.log.Info("tinygate: a server was set by the admin API", slog.String("upstream", name.Upstream), slog.String("server", name.Server),
		slog.Bool("drained", on))
	return s.upstreams(r)
}

func (s *Server) reload(r *http.Request) (any, error) {
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), reloadTime)
	defer cancel()
	out := s.gate.Reload(ctx)
	s.log.Info("tinygate: the configuration was read again by the admin API", slog.Bool("ok", out.OK))
	if !out.OK {
		out.Error = "the configuration cannot be used; the one before stays in force"
		return out, refuse(http.StatusUnprocessableEntity, "%s", out.Error)
	}
	return out, nil
}

package admin

import (
	"context"
	"errors"
	"time"
)

// Gate is what is asked and told. Its methods are called by goroutines, several at once.
type Gate interface {
	Status() Status
	Upstreams() []Upstream
	InFlight() []Request
	// Drain takes a server out, or back in. It returns an error that matches ErrUnknown when there is no such server.
	Drain(upstream, server string, on bool) error
	// Reload reads the configuration and takes it if it is good. ctx ends when the client has gone or a minute is over;
	// what was begun then may still be done.
	Reload(ctx context.Context) Reload
	LogLevel() string
	// SetLogLevel returns an error that says which levels there are.
	SetLogLevel(level string) error
	// Draining reports whether the program is ending.
	Draining() bool
}

// ErrUnknown says that there is no such upstream or server.
var ErrUnknown = errors.New("unknown")

// Status is what a program says of itself.
type Status struct {
	Version     string      `json:"version"`
	Started     time.Time   `json:"started"`
	Uptime      float64     `json:"uptime_seconds"` // filled in when it is told
	Draining    bool        `json:"draining"`
	Engine      Engine      `json:"engine"`
	Loops       int         `json:"loops"`
	Listeners   []Listener  `json:"listeners"`
	Connections Connections `json:"connections"`
	Config      Config      `json:"config"`

	Certificates []Certificate `json:"certificates,omitempty"` // of listeners
}

// Certificate is a file with a certificate that clients get, or with the authorities of clients.
type Certificate struct {
	File     string    `json:"file"`
	Names    []string  `json:"names,omitempty"` // for which clients get it; authorities have none
	NotAfter time.Time `json:"not_after"`       // when it ends; of authorities, when the first one does
	Error    string    `json:"error,omitempty"` // why what is in the file now is not in use
}

// Engine is what does the I/O.
type Engine struct {
	Name     string   `json:"name"`
	Reason   string   `json:"reason"`
	Kernel   string   `json:"kernel"`
	Rejected []string `json:"rejected,omitempty"` // better ones, and why not
	Limits   []string `json:"limits,omitempty"`   // what is slower than it could be, and the cure
}

// Listener is where clients connect.
type Listener struct {
	Address       string `json:"address"`
	TLS           bool   `json:"tls"`
	ProxyProtocol bool   `json:"proxy_protocol"`
}

// Connections are the open ones.
type Connections struct {
	Clients   int64 `json:"clients"`
	Upstreams int64 `json:"upstreams"`
	Requests  int64 `json:"requests"` // in flight
}

// Config is the configuration in force.
type Config struct {
	File   string    `json:"file"`
	Loaded time.Time `json:"loaded"`
}

// Upstream is a group of servers.
type Upstream struct {
	Name    string         `json:"name"`
	Servers []ServerStatus `json:"servers"`
}

// ServerStatus is one address of an upstream.
type ServerStatus struct {
	Address     string    `json:"address"`
	State       string    `json:"state"` // up, down, ejected, draining, or what the gate calls it
	Since       time.Time `json:"since,omitzero"`
	Reason      string    `json:"reason,omitempty"` // why it is not up
	Weight      int       `json:"weight"`
	Backup      bool      `json:"backup,omitempty"`
	InFlight    int64     `json:"in_flight"`
	Connections int64     `json:"connections"` // idle ones included
	Idle        int64     `json:"idle"`
}

// Request is a request that is being served.
type Request struct {
	ID       string  `json:"id,omitempty"`
	Client   string  `json:"client"`
	Method   string  `json:"method"`
	Host     string  `json:"host"`
	Path     string  `json:"path"` // without query
	Age      float64 `json:"age_seconds"`
	Phase    string  `json:"phase"` // such as: connecting, waiting, response, tunnel
	Upstream string  `json:"upstream,omitempty"`
	Server   string  `json:"server,omitempty"`
}

// InFlight are requests that are being served.
type InFlight struct {
	Total    int       `json:"total"` // more than there are in Requests, if there are very many
	Requests []Request `json:"requests"`
}

// Reload is what came of a reload.
type Reload struct {
	OK       bool      `json:"ok"`
	Error    string    `json:"error,omitempty"`    // filled in when it is told
	Changes  []string  `json:"changes"`            // sentences; none when nothing changed
	Problems []Problem `json:"problems,omitempty"` // why the old configuration stays
}

// Problem is an error in a configuration.
type Problem struct {
	Place   string `json:"place,omitempty"` // FILE:LINE:COLUMN
	Message string `json:"message"`
}

// serverName is the body of /drain and /undrain.
type serverName struct {
	Upstream string `json:"upstream"`
	Server   string `json:"server"`
}

// logLevel is the body of /log-level, both ways.
type logLevel struct {
	Level string `json:"level"`
}

// health is what /health says.
type health struct {
	Status string `json:"status"`
}

// failure is the body of an error.
type failure struct {
	Error     string     `json:"error"`
	Endpoints []endpoint `json:"endpoints,omitempty"`
}

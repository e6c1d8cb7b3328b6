// Package http1test is the table of what a proxy refuses and what it makes of the rest, for every form of a message that two
// readers could understand differently: that is how requests are smuggled. Sections are those of RFC 9112 where no other
// is named. Package http1 judges each row by its parser and package gate by sending it through a proxy, so that the table
// cannot say what is not so.
package http1test

import "strings"

// Request is what a client sends on a connection, and what has to come of it.
type Request struct {
	Section, Name string
	In            string
	// Out are the requests that the upstream gets, without the fields that the gate itself adds. The payload of a
	// chunked body is written as one chunk. A host that nobody named is written as gate:80.
	Out []string
	// Status is that with which the request behind those is refused and the connection closed; 0: none is. The upstream
	// gets nothing of it, or where Spoiled is set the head and a body that does not end: it was found wrong
	// when all before had been sent on.
	Status  int
	Reason  string // words of the reason
	Spoiled bool
	Last    bool // the connection is closed behind the last request, because the client has asked for that
}

// Response is what an upstream answers to a request, and what has to come of it.
type Response struct {
	Section, Name string
	Method        string
	In            string
	End           bool // the upstream closes its connection behind In
	// Out is what the client gets, without the fields that the gate itself adds; with chunks as in Request. Where there
	// is a Reason 502 comes behind it.
	Out    string
	Reason string // words of the reason why the response is refused
	// Spoiled says that Out is the beginning of the final response, which was found wrong later. The client's connection
	// is closed instead, and what it got is visibly not all.
	Spoiled bool
	Reuse   bool // the upstream's connection serves another request
}

// head joins lines with CRLF and ends them as a head.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// get is a head without a body, with further field lines.
func get(lines ...string) string {
	return head(append([]string{"GET / HTTP/1.1", "Host: a"}, lines...)...)
}

func post(lines ...string) string {
	return head(append([]string{"POST / HTTP/1.1", "Host: a"}, lines...)...)
}

func refuse(section, name, in string, status int, reason string) Request {
	return Request{Section: section, Name: name, In: in, Status: status, Reason: reason}
}

func pass(section, name, in string, out ...string) Request {
	return Request{Section: section, Name: name, In: in, Out: out}
}

package edit

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// Variable is what a text may name in ${...}.
type Variable uint8

// The variables.
const (
	ClientAddress Variable = iota // ${client_address}: the client's IP address, as trusted proxies tell it
	RequestID                     // ${request_id}
	Scheme                        // ${scheme}: http or https, as the client spoke
	Host                          // ${host}: as the client wrote it, without port
	Path                          // ${path}
	Method                        // ${method}
	Upstream                      // ${upstream}
	ServerName                    // ${server_name}: the name the client asked for in TLS
	CertSubject                   // ${client_cert_subject}: of the client's certificate (RFC 4514); empty: it showed none
	CertVerify                    // ${client_cert_verify}: SUCCESS, or NONE for a client that showed none
	Query                         // ${query}: without its '?'
	None                          // no variable
	variables     = None
)

var variableNames = [variables]string{
	ClientAddress: "client_address",
	RequestID:     "request_id",
	Scheme:        "scheme",
	Host:          "host",
	Path:          "path",
	Method:        "method",
	Upstream:      "upstream",
	ServerName:    "server_name",
	CertSubject:   "client_cert_subject",
	CertVerify:    "client_cert_verify",
	Query:         "query",
}

// String returns the name as it is written in ${...}.
func (v Variable) String() string {
	if v < None {
		return variableNames[v]
	}
	return fmt.Sprintf("Variable(%d)", uint8(v))
}

// Values holds what the variables stand for in one message; nil is empty. The slices belong to the caller and are only
// read during a call.
type Values [variables][]byte

// Template is a text with variables. The zero Template is empty.
type Template struct{ parts []part }

// part is a literal text and the variable behind it.
type part struct {
	text     string
	variable Variable
}

var errUnclosed = errors.New("${ without }: a variable is written ${name}")

// ParseTemplate compiles a text in which ${name} stands for one of the allowed variables, and config.Dollar for a '$'. A '$'
// that no '{' follows stands for itself.
func ParseTemplate(text string, allowed ...Variable) (Template, error) {
	var t Template
	literal := ""
	for text != "" {
		before, rest, found := strings.Cut(text, "${")
		literal += before
		if !found {
			break
		}
		if after, ok := strings.CutPrefix(rest, config.Dollar[len("${"):]); ok {
			literal, text = literal+"$", after
			continue
		}
		name, rest, closed := strings.Cut(rest, "}")
		if !closed {
			return Template{}, errUnclosed
		}
		v, err := lookup(name, allowed)
		if err != nil {
			return Template{}, err
		}
		t.parts = append(t.parts, part{literal, v})
		literal, text = "", rest
	}
	if literal != "" {
		t.parts = append(t.parts, part{literal, None})
	}
	return t, nil
}

func lookup(name string, allowed []Variable) (Variable, error) {
	known := make([]string, 0, len(allowed))
	for _, v := range allowed {
		if v.String() == name {
			return v, nil
		}
		known = append(known, "${"+v.String()+"}")
	}
	return 0, fmt.Errorf("unknown variable ${%s}: there are %s here", name, strings.Join(known, ", "))
}

// Literal returns the text, and whether it has no variables.
func (t Template) Literal() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].variable == None:
		return t.parts[0].text, true
	}
	return "", false
}

// Append appends the text with the values put in. Nothing is checked or escaped.
func (t Template) Append(dst []byte, v *Values) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.text...)
		if p.variable != None {
			dst = append(dst, v[p.variable]...)
		}
	}
	return dst
}

// Parts yields each literal text with the variable behind it, which is None behind a text at the end.
func (t Template) Parts() iter.Seq2[string, Variable] {
	return func(yield func(string, Variable) bool) {
		for _, p := range t.parts {
			if !yield(p.text, p.variable) {
				return
			}
		}
	}
}

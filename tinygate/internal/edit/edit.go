package edit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
	"github.com/unio-go/unio/tinygate/internal/http1"
)

// inFields are the variables of field values.
var inFields = []Variable{ClientAddress, RequestID, Scheme, Host, Path, Method, Upstream, ServerName, CertSubject, CertVerify}

// Edit is a compiled config.Edit. A nil Edit changes nothing. It is not changed after it was made, and may be used from
// several loops.
type Edit struct {
	ids     uint32   // a bit for each http1.ID that is dropped
	lengths uint64   // a bit for the length, modulo 64, of each of names
	names   []string // that are dropped and have no ID, in the form of http1.Alike
	lines   []line
	host    *Template
	strikes bool // names one of the fields that tell of the client, which the gate makes
}

// line is a field line, or several that have no variables.
type line struct {
	text  string   // "Name: ", or whole lines with their CRLF where there is no value
	value Template // with variables
}

// ids are the names that http1 knows and that may be edited.
var ids = map[string]http1.ID{
	"date":              http1.IDDate,
	"forwarded":         http1.IDForwarded,
	"host":              http1.IDHost,
	"proxy":             http1.IDProxy,
	"via":               http1.IDVia,
	"x-forwarded-for":   http1.IDXForwardedFor,
	"x-forwarded-host":  http1.IDXForwardedHost,
	"x-forwarded-proto": http1.IDXForwardedProto,
}

// ours are the fields that the gate writes anew from what it has decided (RFC 9110 7.6.1, RFC 9112 6), or holds a
// conversation by (RFC 9110 10.1.1): a line of them beside the gate's could be read as another message.
var ours = map[string]bool{
	"connection": true, "content-length": true, "expect": true, "keep-alive": true, "proxy-authenticate": true,
	"proxy-authorization": true, "proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true,
	"upgrade": true,
}

// CompileRequest compiles changes of the fields that go to an upstream. It returns nil for none.
func CompileRequest(c config.Edit) (*Edit, error) { return compile(c, true) }

// CompileResponse compiles changes of the fields that go to a client. It returns nil for none.
func CompileResponse(c config.Edit) (*Edit, error) { return compile(c, false) }

func compile(c config.Edit, request bool) (*Edit, error) {
	if len(c.Remove)+len(c.Set)+len(c.Add) == 0 {
		return nil, nil
	}
	e := &Edit{}
	for _, name := range c.Remove {
		if err := e.remove(name); err != nil {
			return nil, fmt.Errorf("remove %q: %w", name, err)
		}
	}
	seen := map[string]bool{}
	for _, f := range c.Set {
		lower := strings.ToLower(f.Name)
		if seen[lower] {
			return nil, fmt.Errorf("set %q: it is set twice: add the second value", f.Name)
		}
		seen[lower] = true
		if err := e.set(f, request); err != nil {
			return nil, fmt.Errorf("set %q: %w", f.Name, err)
		}
	}
	for _, f := range c.Add {
		if strings.EqualFold(f.Name, "host") {
			return nil, fmt.Errorf("add %q: %w", f.Name, errHostAdd)
		}
		if err := e.add(f); err != nil {
			return nil, fmt.Errorf("add %q: %w", f.Name, err)
		}
	}
	e.strikes = e.ids != 0 || e.drops([]byte("x-real-ip"))
	return e, nil
}

var (
	errName       = errors.New("this is no field name: use letters, digits and '-'")
	errOurs       = errors.New("the gate decides this field by itself: leave it out")
	errControl    = errors.New("the value has a control character: take it out")
	errSpace      = errors.New("the value begins or ends with white space, which is no part of a value: take it out")
	errEmpty      = errors.New("the value is empty: remove the field instead, or give a value")
	errHostAdd    = errors.New("a request has exactly one Host: set it instead")
	errHostRemove = errors.New("a request needs its Host: set another one instead")
	errHostName   = errors.New("this is no host: write NAME or NAME:PORT")
	errHostField  = errors.New("a response has no Host: leave it out")
)

// remove notes a name that is dropped.
func (e *Edit) remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if strings.EqualFold(name, "host") {
		return errHostRemove
	}
	e.drop(name)
	return nil
}

func (e *Edit) drop(name string) {
	if id, ok := ids[strings.ToLower(name)]; ok {
		e.ids |= 1 << id
		return
	}
	e.lengths |= 1 << (len(name) % 64)
	e.names = append(e.names, strings.ReplaceAll(strings.ToLower(name), "_", "-"))
}

func (e *Edit) set(f config.Field, request bool) error {
	if strings.EqualFold(f.Name, "host") {
		if !request {
			return errHostField
		}
		return e.setHost(f.Value)
	}
	if err := e.add(f); err != nil {
		return err
	}
	e.drop(f.Name)
	return nil
}

func (e *Edit) setHost(value string) error {
	t, err := parseValue(value)
	if err != nil {
		return err
	}
	for text := range t.Parts() {
		if !isHost([]byte(text)) {
			return errHostName
		}
	}
	e.host = &t
	return nil
}

// add appends a line, to the text of the one before where neither has variables.
func (e *Edit) add(f config.Field) error {
	if err := checkName(f.Name); err != nil {
		return err
	}
	t, err := parseValue(f.Value)
	if err != nil {
		return err
	}
	text := f.Name + ": "
	literal, static := t.Literal()
	if static {
		text += literal + "\r\n"
		t = Template{}
	}
	if last := len(e.lines) - 1; static && last >= 0 && len(e.lines[last].value.parts) == 0 {
		e.lines[last].text += text
		return nil
	}
	e.lines = append(e.lines, line{text, t})
	return nil
}

func parseValue(value string) (Template, error) {
	switch {
	case value == "":
		return Template{}, errEmpty
	case hasControl([]byte(value)):
		return Template{}, errControl
	case strings.Trim(value, " \t") != value:
		return Template{}, errSpace
	}
	return ParseTemplate(value, inFields...)
}

// checkName accepts a token (RFC 9110 5.6.2) that is not the gate's own field.
func checkName(name string) error {
	if name == "" {
		return errName
	}
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 {
			continue
		}
		return errName
	}
	if ours[strings.ToLower(name)] {
		return errOurs
	}
	return nil
}

// Drop marks the fields of Remove and Set as not to be forwarded. head is what h has parsed. A Host that is set is not
// among them: see Host.
func (e *Edit) Drop(h *http1.Head, head []byte) {
	if e == nil || e.ids == 0 && e.lengths == 0 {
		return
	}
	for i := range h.Len() {
		if id := h.ID(i); id != http1.IDOther {
			if e.ids&(1<<id) != 0 {
				h.Drop(i)
			}
			continue
		}
		if name := h.Field(i).Name; e.lengths&(1<<(name.Len()%64)) != 0 && e.drops(name.Of(head)) {
			h.Drop(i)
		}
	}
}

func (e *Edit) drops(name []byte) bool {
	for _, n := range e.names {
		if http1.Alike(name, n) {
			return true
		}
	}
	return false
}

// Replaces reports whether Remove or Set names the field: then the gate must not write one of its own.
func (e *Edit) Replaces(id http1.ID) bool { return e != nil && e.ids&(1<<id) != 0 }

// ReplacesName is Replaces for a field that has no ID, by its name in lower case.
func (e *Edit) ReplacesName(name string) bool {
	return e != nil && e.lengths&(1<<(len(name)%64)) != 0 && e.drops([]byte(name))
}

// Strike takes out of whole field lines, each with its CRLF, those that Remove or Set name: lines that the gate has made by
// itself. It works in place.
func (e *Edit) Strike(lines []byte) []byte {
	if !e.strikes {
		return lines
	}
	return e.strike(lines)
}

// Trailer returns the lines of a trailer section, each with its CRLF, without those that Remove or Set name: a receiver that
// joins trailers to the fields of the head (RFC 9110 6.5.1) would have the field back. lines are left as they are.
func (e *Edit) Trailer(lines []byte) []byte {
	if e == nil || len(lines) == 0 || e.ids == 0 && e.lengths == 0 {
		return lines
	}
	return e.strike(bytes.Clone(lines))
}

func (e *Edit) strike(lines []byte) []byte {
	kept := lines[:0]
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		line := lines[:end]
		lines = lines[end:]
		name := line[:max(bytes.IndexByte(line, ':'), 0)]
		if id, ok := idOf(name); ok && !e.Replaces(id) || !ok && !e.drops(name) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// idOf finds the ID of a name that may be edited.
func idOf(name []byte) (id http1.ID, ok bool) {
	for text, id := range ids {
		if len(text) == len(name) && bytes.EqualFold(name, []byte(text)) {
			return id, true
		}
	}
	return 0, false
}

// Host appends the Host to send. It returns false when none is set, or when the value comes out as no host; then the
// client's stays. dst is as it was then.
func (e *Edit) Host(dst []byte, v *Values) ([]byte, bool) {
	if e == nil || e.host == nil {
		return dst, false
	}
	n := len(dst)
	dst = e.host.Append(dst, v)
	if len(dst) == n || !isHost(dst[n:]) {
		return dst[:n], false
	}
	return dst, true
}

// Append appends the lines of Set and Add, each with its CRLF, in the order of the configuration.
func (e *Edit) Append(dst []byte, v *Values) []byte {
	if e == nil {
		return dst
	}
	for i := range e.lines {
		l, begin := &e.lines[i], len(dst)
		dst = append(dst, l.text...)
		if len(l.value.parts) == 0 {
			continue
		}
		value := len(dst)
		dst = l.value.Append(dst, v)
		if len(dst) == value || hasControl(dst[value:]) {
			dst = dst[:begin]
			continue
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// hasControl reports whether b has a character that may not stand in a field value (RFC 9110 5.5).
func hasControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// isHost accepts the characters of host [":" port] (RFC 3986 3.2.2) without escapes, as package http1 does; which order
// they may stand in is not checked.
func isHost(b []byte) bool {
	for _, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("-._~!$&'()*+,;=[]:"), c) >= 0 {
			continue
		}
		return false
	}
	return true
}

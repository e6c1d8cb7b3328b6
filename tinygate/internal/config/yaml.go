package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileBytesMax bounds a file. Ten thousand routes need one.
const fileBytesMax = 4 << 20

// document returns the root of text, or adds a problem and returns nil.
func (r *reader) document(text []byte) *yaml.Node {
	if len(text) > fileBytesMax {
		r.failAt(place{1, 1}, "the file has %d bytes; at most %d MiB are read", len(text), fileBytesMax>>20)
		return nil
	}
	var root, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decode(d, &root); {
	case errors.Is(err, io.EOF):
		r.failAt(place{1, 1}, "the file is empty; the least is\n\tlisten: :8080\n\tto: 127.0.0.1:3000")
		return nil
	case err != nil:
		r.syntax(text, err)
		return nil
	}
	switch err := decode(d, &second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(text, err)
		return nil
	default:
		r.failAt(place{second.Line, second.Column}, "a second document begins here; a file has one, without ---")
		return nil
	}
	return root.Content[0]
}

// decode reads the next document. The library ends some malformed input with a panic that asks for a report; for a file
// that a person wrote it is one more error.
func decode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the YAML reader failed: %v", p)
		}
	}()
	return d.Decode(n)
}

// syntax tells that text is not YAML. The library gives the line only, and not where it is the first.
func (r *reader) syntax(text []byte, err error) {
	why := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if rest, ok := strings.CutPrefix(why, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, why = n, after
			}
		}
		if ofParser(why) {
			line = min(line+1, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n")))
		}
	}
	r.failAt(place{line, 1}, "this is not YAML (%s); %s", why, syntaxCure(why))
}

// ofParser reports whether an error is one of those for which the library counts the lines from 0.
func ofParser(why string) bool {
	for _, what := range []string{"node content", "'-' indicator", "key", "',' or"} {
		if strings.HasPrefix(why, "did not find expected "+what) {
			return true
		}
	}
	return false
}

// syntaxCure is what most often leads to an error of the library.
func syntaxCure(text string) string {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("alphabetic or numeric character", "unknown anchor"):
		return `a text that begins with * or & needs quotes: "*.example.com"`
	case has("cannot start any token"):
		return "indent with spaces, not tabs, and put quotes around a text that begins with @, ` or %"
	case has("mapping values are not allowed"):
		return "look for a wrong indentation, or a text with a colon and a space that needs quotes"
	case has("expected node content"):
		return `a text that begins with a colon or a bracket needs quotes within brackets: {address: ":80"}`
	case has("',' or"):
		return `close the bracket, and within it put quotes around a text with braces or with a question mark: ` +
			`{X-Client: "${client_address}", path: "/?a=b"}`
	case has("expected key", "block entry", "block end", "expected '-' indicator"):
		return "look for a wrong indentation or a missing colon, here or just above"
	case has("quoted scalar", "unexpected end of stream"):
		return "look for a quotation mark without its partner"
	case has("UTF-8", "control characters", "Unicode", "leading"):
		return "save the file as UTF-8 text"
	}
	return "look at this line and the one above"
}

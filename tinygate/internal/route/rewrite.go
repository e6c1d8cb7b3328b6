package route

import (
	"errors"
	"fmt"
	"strings"

	"github.com/unio-go/unio/tinygate/internal/config"
)

// AppendRewrite appends the path that goes on. path is in normal form, and so is the result. Strip ends at the end of a
// segment, whether or not it is written with a slash there: "/api" and "/api/" make "/x" of "/api/x" and "/" of "/api", and
// leave "/apix" as it is. Between Add and what follows there is one slash. "*" stays. A nil r changes nothing.
func AppendRewrite(dst, path []byte, r *config.Rewrite) []byte {
	switch {
	case r == nil || len(path) == 0 || path[0] != '/':
		return append(dst, path...)
	case r.Path != "":
		return append(dst, r.Path...)
	}
	strip := strings.TrimSuffix(r.Strip, "/")
	if n := len(strip); len(path) >= n && string(path[:n]) == strip && (len(path) == n || path[n] == '/') {
		path = path[n:]
	}
	dst = append(dst, strings.TrimSuffix(r.Add, "/")...)
	if len(path) == 0 {
		return append(dst, '/')
	}
	return append(dst, path...)
}

var errRewriteKinds = errors.New("rewrite: a new path stands in place of all: keep either it or strip and add")

// checkRewrite makes sure that AppendRewrite keeps paths in normal form.
func checkRewrite(r *config.Rewrite) error {
	if r == nil {
		return nil
	}
	if r.Path != "" && r.Strip+r.Add != "" {
		return errRewriteKinds
	}
	for _, c := range []struct{ name, text string }{{"strip", r.Strip}, {"add", r.Add}, {"path", r.Path}} {
		if c.text == "" {
			continue
		}
		if err := checkPath(c.text); err != nil {
			return fmt.Errorf("rewrite: %s %q: %w", c.name, c.text, err)
		}
	}
	return nil
}

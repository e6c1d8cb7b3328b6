//go:build linux

package uring

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tableEntry is one line of consts.go.
type tableEntry struct {
	goName, kernel, version string
	value                   string
}

var constComment = regexp.MustCompile(`^// ([A-Z][A-Z0-9_a-z]*), (later than )?([0-9]+\.[0-9]+)$`)

// constTable reads consts.go, with the values as the compiler sees them.
func constTable(t *testing.T) []tableEntry {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "consts.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	conf := &types.Config{Importer: importer.Default()}
	if _, err := conf.Check("uring", fset, []*ast.File{f}, info); err != nil {
		t.Fatal(err)
	}
	var table []tableEntry
	ast.Inspect(f, func(n ast.Node) bool {
		vs, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		c := info.Defs[vs.Names[0]].(*types.Const)
		comment := ""
		if vs.Comment != nil {
			comment = strings.TrimSpace(vs.Comment.List[0].Text)
		}
		m := constComment.FindStringSubmatch(comment)
		if m == nil {
			t.Errorf("%s: comment %q does not name the kernel's spelling and version", c.Name(), comment)
			return true
		}
		table = append(table, tableEntry{c.Name(), m[1], m[3], constant.ToInt(c.Val()).ExactString()})
		return true
	})
	return table
}

// TestConstantNames holds each Go name against the rule in the package's documentation.
func TestConstantNames(t *testing.T) {
	for _, e := range constTable(t) {
		k := e.kernel
		for _, prefix := range []string{"IORING_", "IO_URING_", "IOU_", "IO"} {
			if s, ok := strings.CutPrefix(k, prefix); ok {
				k = s
				break
			}
		}
		want := ""
		for _, w := range strings.Split(k, "_") {
			if w != "" {
				want += w[:1] + strings.ToLower(w[1:])
			}
		}
		if e.goName != want {
			t.Errorf("%s is named %s, the rule says %s", e.kernel, e.goName, want)
		}
	}
}

var (
	headerWord = regexp.MustCompile(`\b((?:IORING|IO_URING|IOU|IOSQE|SOCKET_URING|SPLICE_F_FD)_\w+)\b`)
)

// header is what the C compiler knows about io_uring. C_INCLUDE_PATH leads it to another header than the
// installed one.
const header = `#define _GNU_SOURCE
#include <linux/io_uring.h>
#if __has_include(<linux/io_uring/query.h>)
#include <linux/io_uring/query.h>
#endif
`

// TestConstantsMatchHeader compares each constant with the installed uapi header, as the C compiler sees
// it. What that header does not know yet is listed in the log, and what the header has and this package
// lacks fails.
func TestConstantsMatchHeader(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("lacks: gcc and linux-libc-dev")
	}
	cmd := exec.Command(gcc, "-E", "-dD", "-x", "c", "-")
	cmd.Stdin = strings.NewReader(header)
	code, err := cmd.Output()
	if err != nil {
		t.Skip("lacks: linux/io_uring.h")
	}
	known := map[string]bool{}
	for _, m := range headerWord.FindAllStringSubmatch(string(code), -1) {
		known[m[1]] = true
	}
	table := constTable(t)
	ours := map[string]bool{}
	var src strings.Builder
	src.WriteString(header + "#include <stdio.h>\nint main(void) {\n")
	var compared, missing []tableEntry
	for _, e := range table {
		ours[e.kernel] = true
		if !known[e.kernel] {
			missing = append(missing, e)
			continue
		}
		compared = append(compared, e)
		fmt.Fprintf(&src, "printf(\"%%lld\\n\", (long long)(%s));\n", e.kernel)
	}
	src.WriteString("return 0; }\n")
	values := runC(t, gcc, src.String())
	for i, e := range compared {
		if !sameBits(values[i], e.value) {
			t.Errorf("%s = %s, the header says %s", e.goName, e.value, values[i])
		}
	}
	t.Logf("compared %d constants", len(compared))
	for _, e := range missing {
		t.Logf("not in the header: %s (%s)", e.kernel, e.version)
	}
	for name := range known {
		if !ours[name] && !notOurs(name) {
			t.Errorf("the header has %s, this package does not", name)
		}
	}
}

// notOurs are words of the header that are no constants for users: counts, bit numbers, include
// guards, the layout of zero-copy receive queues and of time stamps.
func notOurs(name string) bool {
	return strings.HasSuffix(name, "_MASK") || strings.HasPrefix(name, "IORING_ZCRX_") ||
		strings.HasPrefix(name, "IORING_TIMESTAMP_") || strings.HasSuffix(name, "_BIT") ||
		strings.HasSuffix(name, "_LAST") || strings.HasSuffix(name, "_H")
}

// sameBits compares two numbers as C and Go print them, where C may have made 1<<31 negative.
func sameBits(c, g string) bool {
	x, err1 := strconv.ParseInt(c, 10, 64)
	y, err2 := strconv.ParseInt(g, 10, 64)
	return err1 == nil && err2 == nil && (x == y || x < 0 && uint32(x) == uint32(y) && y>>32 == 0)
}

func runC(t *testing.T, gcc, src string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/x.c", []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-w", "-o", dir+"/x", dir+"/x.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(dir + "/x").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
